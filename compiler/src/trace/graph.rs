//! The graph under construction: what both ways of tracing write to.
//!
//! A [`Builder`] takes placeholders, calls and outputs as they come and holds them as plain data, without MLIR, so that
//! its users are bound to no context. [`Builder::finish`] puts the inputs into the order of an exported program, names
//! everything as `torch.export` does (`names.rs`) and gives a [`Recorded`] program, which `lower.rs` makes a module of
//! the dialect from. Nothing is inferred here: whoever adds a call says what it returns.

use std::{collections::HashSet, sync::Arc};

use expc_dialects::{
    Constant, InputKind, InputSpec, OutputKind, OutputSpec, ValueType,
    program::{Range, Symbol},
    table,
};
use expc_pt2::TreeSpec;
use expc_runtime::weights::{Weight, Weights};
use rustc_hash::FxHashMap;

use super::names::{self, Namespace};

/// A graph of a program under construction; the root is [`GraphId::ROOT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GraphId(pub(super) usize);

impl GraphId {
    /// The graph that the program is.
    pub const ROOT: GraphId = GraphId(0);
}

/// A value of a graph: a placeholder, or a result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub(super) usize);

/// What is known of a value: its type, and the expression of a symbolic scalar.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueInfo {
    pub value_type: ValueType,
    /// As `expc-symbolic` prints it.
    pub sym: Option<String>,
}

impl ValueInfo {
    /// Whether it is a number that may be symbolic.
    pub fn is_symbolic_scalar(&self) -> bool {
        matches!(
            self.value_type,
            ValueType::SymInt | ValueType::SymFloat | ValueType::SymBool
        )
    }
}

impl From<ValueType> for ValueInfo {
    fn from(value_type: ValueType) -> Self {
        Self {
            value_type,
            sym: None,
        }
    }
}

/// An argument of a call, or an output: values and constants in one tree.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    Value(ValueId),
    /// Without holes.
    Constant(Constant),
    List(Vec<Arg>),
    Dict(Vec<(String, Arg)>),
    /// A graph that the call names.
    Graph(GraphId),
}

impl Arg {
    /// None, given explicitly.
    pub const NONE: Arg = Arg::Constant(Constant::None);

    /// The values in it, in order.
    pub fn values(&self) -> Vec<ValueId> {
        let mut values = Vec::new();
        self.visit(&mut |value| values.push(*value));
        values
    }

    fn visit(&self, visitor: &mut dyn FnMut(&ValueId)) {
        match self {
            Self::Value(value) => visitor(value),
            Self::Constant(_) | Self::Graph(_) => {}
            Self::List(elements) => elements.iter().for_each(|element| element.visit(visitor)),
            Self::Dict(entries) => entries
                .iter()
                .for_each(|(_, element)| element.visit(visitor)),
        }
    }

    /// The same tree with other values.
    pub(super) fn renamed(&self, rename: &dyn Fn(ValueId) -> ValueId) -> Self {
        match self {
            Self::Value(value) => Self::Value(rename(*value)),
            Self::Constant(_) | Self::Graph(_) => self.clone(),
            Self::List(elements) => Self::List(
                elements
                    .iter()
                    .map(|element| element.renamed(rename))
                    .collect(),
            ),
            Self::Dict(entries) => Self::Dict(
                entries
                    .iter()
                    .map(|(key, element)| (key.clone(), element.renamed(rename)))
                    .collect(),
            ),
        }
    }
}

impl From<ValueId> for Arg {
    fn from(value: ValueId) -> Self {
        Self::Value(value)
    }
}

impl From<Constant> for Arg {
    fn from(constant: Constant) -> Self {
        Self::Constant(constant)
    }
}

/// An argument of a call with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct CallArg {
    /// Of the schema; empty for positional arguments of ops without one.
    pub name: String,
    pub value: Arg,
    /// Given by keyword although its position would do.
    pub by_keyword: bool,
}

impl CallArg {
    /// An argument by position, or one that the schema takes by keyword only.
    pub fn new(name: impl Into<String>, value: impl Into<Arg>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            by_keyword: false,
        }
    }
}

/// One return of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum CallResult {
    Single(ValueInfo),
    List(Vec<ValueInfo>),
}

/// A call to be added to a graph.
#[derive(Clone, Debug)]
pub struct Call {
    /// `aten.add.Tensor`, `sym.mul`, `hop.cond`.
    pub op: String,
    pub args: Vec<CallArg>,
    pub results: Vec<CallResult>,
    /// What the node's name is made of; none for the name of the op.
    pub name: Option<String>,
    /// Of the location: `stack_trace`, `nn_module_stack`, `torch_fn`; in any order.
    pub metadata: Vec<(String, String)>,
}

impl Call {
    /// A call without results and metadata.
    pub fn new(op: impl Into<String>, args: Vec<CallArg>) -> Self {
        Self {
            op: op.into(),
            args,
            results: Vec::new(),
            name: None,
            metadata: Vec::new(),
        }
    }

    /// With a node named after something else than the op.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    #[must_use]
    pub fn returning(mut self, result: CallResult) -> Self {
        self.results.push(result);
        self
    }
}

/// A placeholder of a graph.
#[derive(Clone, Debug)]
pub(super) struct Placeholder {
    pub spec: InputSpec,
    /// None for constants.
    pub value: Option<ValueId>,
}

/// A call in a graph.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub call: Call,
    pub name: String,
    /// By return.
    pub results: Vec<Vec<ValueId>>,
    /// Of the results in one row; those of a bare result are the node's.
    pub result_names: Vec<String>,
}

/// A graph, the root or one that a higher-order op names.
#[derive(Clone, Debug, Default)]
pub(super) struct GraphData {
    /// `main`, `true_graph_0`, `true_graph_0.body_graph_0`.
    pub symbol: String,
    pub placeholders: Vec<Placeholder>,
    pub nodes: Vec<Node>,
    pub outputs: Vec<(OutputSpec, Arg)>,
    /// It returns a bare value.
    pub is_single: bool,
    names: Namespace,
}

#[derive(Clone, Debug)]
pub(super) struct ValueData {
    pub info: ValueInfo,
    pub name: String,
}

/// How the caller sees the program: pytrees, and the names of the parameters of `forward`.
#[derive(Clone, Debug, Default)]
pub struct Calling {
    /// A tuple of positional arguments and a dictionary of keyword arguments.
    pub inputs: Option<TreeSpec>,
    pub outputs: Option<TreeSpec>,
    pub arg_names: Vec<String>,
    /// The paths of the submodules that were called, in the order of their first call.
    pub modules: Vec<String>,
}

/// What the program says of its sizes.
#[derive(Clone, Debug, Default)]
pub struct Sizes {
    pub symbols: Vec<Symbol>,
    pub ranges: Vec<Range>,
    /// Python text.
    pub guards: Vec<String>,
}

/// A program under construction.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    pub(super) graphs: Vec<GraphData>,
    pub(super) values: Vec<ValueData>,
    weights: Weights,
    pub calling: Calling,
    pub sizes: Sizes,
    /// How often each function was called.
    n_calls: FxHashMap<String, usize>,
}

impl Builder {
    /// A program with an empty root.
    pub fn new() -> Self {
        let root = GraphData {
            symbol: "main".to_owned(),
            ..GraphData::default()
        };
        Self {
            graphs: vec![root],
            ..Self::default()
        }
    }

    /// The function that an operator is called as and which call of it this is, as archives have it; none for what is no
    /// operator of a library.
    fn torch_fn(&mut self, op: &str) -> Option<String> {
        let name = names::of_op(op);
        if op.starts_with("sym.") || op.starts_with("hop.") || name.starts_with("sym_") {
            return None;
        }
        let count = self.n_calls.entry(name.to_owned()).or_default();
        *count += 1;
        Some(format!("{name}_{count};builtin_function_or_method.{name}"))
    }

    /// Adds an input to the root. Its name is a wish; that of a parameter, buffer or constant is made from its target.
    pub fn input(&mut self, spec: InputSpec, info: impl Into<ValueInfo>) -> ValueId {
        let mut spec = spec;
        if let Some(target) = &spec.target {
            spec.name = names::placeholder(spec.kind, target);
        }
        let info = info.into();
        spec.sym.clone_from(&info.sym);
        self.placeholder(GraphId::ROOT, spec, info)
    }

    /// Adds an input that is a constant and so no value.
    pub fn constant_input(&mut self, name: impl Into<String>, constant: Constant) {
        let spec = InputSpec {
            constant: Some(constant),
            ..InputSpec::new(InputKind::UserInput, name)
        };
        let placeholder = Placeholder { spec, value: None };
        if let Some(root) = self.graphs.first_mut() {
            root.placeholders.push(placeholder);
        }
    }

    /// Adds an input to a graph that a call will name.
    pub fn graph_input(
        &mut self,
        graph: GraphId,
        name: impl Into<String>,
        info: impl Into<ValueInfo>,
    ) -> ValueId {
        let info = info.into();
        let mut spec = InputSpec::new(InputKind::UserInput, name);
        spec.sym.clone_from(&info.sym);
        self.placeholder(graph, spec, info)
    }

    fn placeholder(&mut self, graph: GraphId, spec: InputSpec, info: ValueInfo) -> ValueId {
        let value = self.value(info, spec.name.clone());
        if let Some(graph) = self.graphs.get_mut(graph.0) {
            let value = Some(value);
            graph.placeholders.push(Placeholder { spec, value });
        }
        value
    }

    fn value(&mut self, info: ValueInfo, name: String) -> ValueId {
        let id = ValueId(self.values.len());
        self.values.push(ValueData { info, name });
        id
    }

    /// The symbol of a graph.
    pub fn symbol(&self, graph: GraphId) -> &str {
        self.graphs.get(graph.0).map_or("", |graph| &graph.symbol)
    }

    /// Puts the inputs of a graph that a call names into this order; those that are not named come behind.
    pub fn order_inputs(&mut self, graph: GraphId, order: &[ValueId]) {
        let position = |value: Option<ValueId>| {
            let found = order.iter().position(|known| Some(*known) == value);
            found.unwrap_or(order.len())
        };
        let Some(graph) = self.graphs.get_mut(graph.0) else {
            return;
        };
        let placeholders = &mut graph.placeholders;
        placeholders.sort_by_key(|placeholder| position(placeholder.value));
        for (position, placeholder) in placeholders.iter_mut().enumerate() {
            placeholder.spec.name = format!("arg{position}_1");
            let value = placeholder.value.and_then(|id| self.values.get_mut(id.0));
            if let Some(data) = value {
                data.name.clone_from(&placeholder.spec.name);
            }
        }
    }

    /// Adds a weight for the inputs with this target.
    pub fn weight(&mut self, target: impl Into<String>, weight: Weight) {
        self.weights.insert(target, weight);
    }

    /// Adds a tensor as the weight of the inputs with this target.
    pub fn weight_tensor(&mut self, target: impl Into<String>, tensor: tch::Tensor) {
        self.weights.insert_tensor(target, tensor);
    }

    /// Adds a call at the end of a graph; gives its results, those of lists in a row.
    pub fn call(&mut self, graph: GraphId, mut call: Call) -> Vec<ValueId> {
        if let Some(function) = self.torch_fn(&call.op) {
            call.metadata.push(("torch_fn".to_owned(), function));
        }
        let base = call
            .name
            .clone()
            .unwrap_or_else(|| names::of_op(&call.op).to_owned());
        let is_bare = is_bare(&call);
        let results = call.results.clone();
        let name = self.fresh_name(graph, &base);
        let mut ids = Vec::new();
        let mut result_names = Vec::new();
        for (position, result) in results.into_iter().enumerate() {
            let (infos, list) = match result {
                CallResult::Single(info) => (vec![info], false),
                CallResult::List(infos) => (infos, true),
            };
            let is_nested = list && call.results.len() > 1;
            // FX takes the list out of the tuple before it takes out the elements.
            if is_nested {
                self.fresh_name(graph, "getitem");
            }
            let mut row = Vec::new();
            for (element, info) in infos.into_iter().enumerate() {
                let result_name = match &info.value_type {
                    _ if is_bare => name.clone(),
                    ValueType::None if is_nested => format!("{name}_unused_{position}_{element}"),
                    ValueType::None => format!("{name}_unused_{}", position.max(element)),
                    _ => self.fresh_name(graph, "getitem"),
                };
                result_names.push(result_name.clone());
                row.push(self.value(info, result_name));
            }
            ids.push(row);
        }
        if call.op == "hop.while_loop" {
            self.name_carried_ints(graph, &ids, &mut result_names);
        }
        let flat = ids.iter().flatten().copied().collect();
        if let Some(graph) = self.graphs.get_mut(graph.0) {
            graph.nodes.push(Node {
                call,
                name,
                results: ids,
                result_names,
            });
        }
        flat
    }

    pub(super) fn root(&self) -> Option<&GraphData> {
        self.graphs.first()
    }

    pub(super) fn root_mut(&mut self) -> Option<&mut GraphData> {
        self.graphs.first_mut()
    }

    /// Adds a graph with this symbol.
    pub(super) fn graph_named(&mut self, symbol: String) -> GraphId {
        let id = GraphId(self.graphs.len());
        self.graphs.push(GraphData {
            symbol,
            ..GraphData::default()
        });
        id
    }

    /// Adds nodes with their names and values at the end of a graph.
    pub(super) fn extend_graph(&mut self, graph: GraphId, nodes: Vec<Node>) {
        if let Some(graph) = self.graphs.get_mut(graph.0) {
            graph.nodes.extend(nodes);
        }
    }

    /// Adds a call of a graph to the root. The results have the names of the values that they stand for; a single one
    /// is taken out of a node of that name.
    pub(super) fn call_named_after(&mut self, call: Call, inner: &[ValueId]) -> Vec<ValueId> {
        let mut result_names: Vec<String> =
            inner.iter().map(|id| self.name(*id).to_owned()).collect();
        let name = match result_names.as_mut_slice() {
            [only] => std::mem::replace(only, self.fresh_name(GraphId::ROOT, "getitem")),
            several => {
                // FX takes each out under a name of its own before it names it after the value.
                for _ in several {
                    self.fresh_name(GraphId::ROOT, "getitem");
                }
                self.fresh_name(GraphId::ROOT, names::of_op(&call.op))
            }
        };
        let infos = inner.iter().map(|id| self.info(*id).cloned());
        let infos: Vec<Option<ValueInfo>> = infos.collect();
        let named = infos.into_iter().flatten().zip(&result_names);
        let ids: Vec<ValueId> = named
            .map(|(info, name)| self.value(info, name.clone()))
            .collect();
        let node = Node {
            call,
            name,
            results: ids.iter().map(|id| vec![*id]).collect(),
            result_names,
        };
        self.extend_graph(GraphId::ROOT, vec![node]);
        ids
    }

    /// FX takes the integers that a loop carried out of its tuple once more, behind all results, for their symbols.
    fn name_carried_ints(
        &mut self,
        graph: GraphId,
        rows: &[Vec<ValueId>],
        result_names: &mut [String],
    ) {
        for (id, result_name) in rows.iter().flatten().zip(result_names) {
            let is_int = self.info(*id).is_some_and(ValueInfo::is_symbolic_scalar);
            if is_int {
                *result_name = self.fresh_name(graph, "getitem");
                if let Some(data) = self.values.get_mut(id.0) {
                    data.name.clone_from(result_name);
                }
            }
        }
    }

    fn fresh_name(&mut self, graph: GraphId, base: &str) -> String {
        match self.graphs.get_mut(graph.0) {
            Some(graph) => graph.names.create(base),
            None => base.to_owned(),
        }
    }

    /// A new graph inside another, for a higher-order op to name: `base_0`, `base_1`, … inside its parent.
    pub fn graph(&mut self, parent: GraphId, base: &str) -> GraphId {
        let prefix = match self.graphs.get(parent.0) {
            Some(graph) if parent != GraphId::ROOT => format!("{}.", graph.symbol),
            _ => String::new(),
        };
        let taken = |symbol: &str| self.graphs.iter().any(|graph| graph.symbol == symbol);
        let symbol = (0_usize..)
            .map(|number| format!("{prefix}{base}_{number}"))
            .find(|symbol| !taken(symbol))
            .unwrap_or_default();
        self.graph_named(symbol)
    }

    /// Adds an output to a graph: a value or a constant.
    pub fn output(&mut self, graph: GraphId, kind: OutputKind, value: impl Into<Arg>) {
        self.output_of(graph, OutputSpec::new(kind), value);
    }

    /// Adds an output with its spec: what it writes back to, …
    pub fn output_of(&mut self, graph: GraphId, spec: OutputSpec, value: impl Into<Arg>) {
        let (mut spec, value) = (spec, value.into());
        match &value {
            Arg::Value(id) => spec.sym = self.info(*id).and_then(|info| info.sym.clone()),
            Arg::Constant(constant) => spec.constant = Some(constant.clone()),
            Arg::List(_) | Arg::Dict(_) | Arg::Graph(_) => {}
        }
        if let Some(graph) = self.graphs.get_mut(graph.0) {
            graph.outputs.push((spec, value));
        }
    }

    /// Says that a graph returns its only output as it is, not in a tuple.
    pub fn set_single(&mut self, graph: GraphId) {
        if let Some(graph) = self.graphs.get_mut(graph.0) {
            graph.is_single = true;
        }
    }

    /// What is known of a value.
    pub fn info(&self, value: ValueId) -> Option<&ValueInfo> {
        self.values.get(value.0).map(|data| &data.info)
    }

    /// Says of a value what has been learnt since, of a symbolic scalar for instance that it has another expression.
    pub fn set_info(&mut self, value: ValueId, info: ValueInfo) {
        if let Some(data) = self.values.get_mut(value.0) {
            data.info = info;
        }
    }

    /// All values, those of all graphs.
    pub(super) fn value_ids(&self) -> impl Iterator<Item = ValueId> + use<> {
        (0..self.values.len()).map(ValueId)
    }

    /// The name that a value has so far.
    pub fn name(&self, value: ValueId) -> &str {
        self.values.get(value.0).map_or("", |data| &data.name)
    }

    /// Puts other values in place of values, in the calls of a graph and its outputs.
    pub fn replace(&mut self, graph: GraphId, with: &dyn Fn(ValueId) -> ValueId) {
        let Some(graph) = self.graphs.get_mut(graph.0) else {
            return;
        };
        for node in &mut graph.nodes {
            for arg in &mut node.call.args {
                arg.value = arg.value.renamed(with);
            }
        }
        for (_, value) in &mut graph.outputs {
            *value = value.renamed(with);
        }
    }

    /// Removes symbolic computations that nothing uses, as `torch.export` does; other calls stay, used or not.
    pub fn remove_unused_symbolic(&mut self) {
        for graph in &mut self.graphs {
            let mut used = HashSet::new();
            for (_, value) in &graph.outputs {
                used.extend(value.values());
            }
            let mut kept = Vec::with_capacity(graph.nodes.len());
            for mut node in graph.nodes.drain(..).rev() {
                let is_used = node.results.iter().flatten().any(|id| used.contains(id));
                if node.call.op == "hop.while_loop" {
                    leave_unused_ints(&mut node, &used, &mut self.values);
                }
                if is_used || !is_symbolic(&node.call) {
                    for arg in &node.call.args {
                        used.extend(arg.value.values());
                    }
                    kept.push(node);
                }
            }
            kept.reverse();
            graph.nodes = kept;
        }
    }

    /// The program: inputs in the order of exported programs, names as `torch.export` gives them.
    pub fn finish(mut self) -> Recorded {
        let order = |kind: InputKind| match kind {
            InputKind::Token => 0,
            InputKind::Parameter => 1,
            InputKind::Buffer => 2,
            InputKind::ConstantTensor => 3,
            InputKind::CustomObj => 4,
            InputKind::UserInput => 5,
        };
        if let Some(root) = self.graphs.first_mut() {
            root.placeholders
                .sort_by_key(|placeholder| order(placeholder.spec.kind));
        }
        names::assign(&mut self);
        Recorded {
            program: Arc::new(self),
        }
    }

    pub(super) fn weights(&self) -> &Weights {
        &self.weights
    }
}

/// Nothing takes the integers that a loop carried and nobody uses out of its tuple.
fn leave_unused_ints(node: &mut Node, used: &HashSet<ValueId>, values: &mut [ValueData]) {
    let results = node.results.iter().flatten().zip(&mut node.result_names);
    for (position, (id, result_name)) in results.enumerate() {
        let Some(data) = values.get_mut(id.0) else {
            continue;
        };
        if data.info.is_symbolic_scalar() && !used.contains(id) {
            *result_name = format!("{}_unused_{position}", node.name);
            data.name.clone_from(result_name);
        }
    }
}

/// Whether the node of a call is its result, and not a tuple or a list.
pub(super) fn is_bare(call: &Call) -> bool {
    let is_higher_order = call
        .op
        .split_once('.')
        .is_some_and(|(dialect, _)| dialect == table::HOP);
    !is_higher_order && matches!(call.results.as_slice(), [CallResult::Single(_)])
}

/// Whether a call computes with symbolic numbers alone.
pub(super) fn is_symbolic(call: &Call) -> bool {
    let is_scalar = |result: &CallResult| match result {
        CallResult::Single(info) => info.is_symbolic_scalar(),
        CallResult::List(_) => false,
    };
    let is_pure = match table::lookup(&call.op) {
        Some(def) => def.is_pure(),
        None => call.op.starts_with("sym."),
    };
    is_pure && !call.results.is_empty() && call.results.iter().all(is_scalar)
}

/// A program that was traced: plain data, to be lowered, printed, written or run.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub(super) program: Arc<Builder>,
}

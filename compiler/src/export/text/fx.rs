//! A graph of the module as FX holds it: one node per line of code.
//!
//! The IR has neither `getitem` nodes for the results of one op nor `get_attr` nodes for the graphs that a
//! higher-order op names; they are put back here.

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, GivenArgument, Graph, InputSpec, Program, ResultGroup,
    ValueType,
    mlir::value_key,
    ops::attribute::SINGLE,
    table::{self, HOP, SYM},
};
use melior::ir::{Value, ValueLike, operation::OperationLike};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{comment::comment, names::FreeNames, python};

/// The graphs of a program by symbol.
pub type Graphs<'c, 'a> = FxHashMap<String, Graph<'c, 'a>>;

/// All graphs of a program.
pub fn graphs<'c: 'a, 'a>(program: &Program<'c, 'a>) -> Graphs<'c, 'a> {
    program
        .graphs()
        .into_iter()
        .map(|graph| (graph.symbol(), graph))
        .collect()
}

/// Position of a node in its graph.
pub type NodeIndex = usize;

/// A graph, its nodes in order, the output last.
pub struct FxGraph<'c, 'a> {
    pub nodes: Vec<Node>,
    /// Graphs that the nodes name, by attribute name, in order of their first use.
    pub children: Vec<(String, Graph<'c, 'a>)>,
    /// Names in the signature: of each input, and of each output (empty for constants).
    pub input_names: Vec<String>,
    pub output_names: Vec<String>,
}

/// A node: what is before the equals sign, what is behind it, and the comment above.
pub struct Node {
    /// FX name.
    pub name: String,
    /// What is known of the value, as in `x: "f32[2, 3]"`.
    pub annotation: Option<String>,
    /// Placeholders and the output have none.
    pub comment: Option<String>,
    pub kind: NodeKind,
}

pub enum NodeKind {
    Placeholder,
    /// A graph of the module, by attribute name.
    GetAttr(String),
    Call {
        callee: Callee,
        args: Vec<Arg>,
        kwargs: Vec<(String, Arg)>,
    },
    Output(Arg),
}

/// How a call is written.
pub enum Callee {
    /// By a path that printed code knows: `torch.ops.aten.add.Tensor`.
    Torch(String),
    /// By a name made from the path of a function that is none of torch's: `math.trunc`.
    Python(&'static str),
    /// As an expression, `{}` for each argument: `{} + {}`.
    Format(&'static str),
}

/// An argument of a node.
#[derive(Clone)]
pub enum Arg {
    Node(NodeIndex),
    Constant(Constant),
    List(Vec<Arg>),
    Tuple(Vec<Arg>),
    Dict(Vec<(String, Arg)>),
}

impl Node {
    /// The nodes that this one uses, each once, in order of appearance.
    pub fn inputs(&self) -> Vec<NodeIndex> {
        let mut inputs = Vec::new();
        match &self.kind {
            NodeKind::Placeholder | NodeKind::GetAttr(_) => {}
            NodeKind::Output(value) => value.collect_nodes(&mut inputs),
            NodeKind::Call { args, kwargs, .. } => {
                for arg in args.iter().chain(kwargs.iter().map(|(_, arg)| arg)) {
                    arg.collect_nodes(&mut inputs);
                }
            }
        }
        let mut seen = FxHashSet::default();
        inputs.retain(|input| seen.insert(*input));
        inputs
    }
}

impl Arg {
    fn collect_nodes(&self, nodes: &mut Vec<NodeIndex>) {
        match self {
            Self::Node(index) => nodes.push(*index),
            Self::Constant(_) => {}
            Self::List(elements) | Self::Tuple(elements) => {
                for element in elements {
                    element.collect_nodes(nodes);
                }
            }
            Self::Dict(entries) => {
                for (_, element) in entries {
                    element.collect_nodes(nodes);
                }
            }
        }
    }
}

impl<'c: 'a, 'a> FxGraph<'c, 'a> {
    /// The nodes of a function of the module.
    pub fn new(graph: Graph<'c, 'a>, graphs: &Graphs<'c, 'a>) -> Result<Self, Diagnostic> {
        let signature = graph.signature()?;
        let mut builder = Builder::new(graph, graphs);
        builder.reserve_names(&signature.inputs);
        builder.placeholders(&signature.inputs);
        for op in graph.operations() {
            builder.op(AtenOp::new(op))?;
        }
        let mut returned = graph.returned().into_iter();
        let mut output_names = Vec::new();
        let mut outputs = Vec::new();
        for spec in &signature.outputs {
            let (name, arg) = match &spec.constant {
                Some(constant) => (String::new(), Arg::Constant(constant.clone())),
                None => builder.output(returned.next())?,
            };
            output_names.push(name);
            outputs.push(arg);
        }
        let is_single = graph.operation().has_attribute(SINGLE);
        let output = match <[Arg; 1]>::try_from(outputs) {
            Ok([only]) if is_single => only,
            Ok(only) => Arg::Tuple(only.into()),
            Err(outputs) => Arg::Tuple(outputs),
        };
        builder.push(Node {
            name: "output".to_owned(),
            annotation: None,
            comment: None,
            kind: NodeKind::Output(output),
        });
        Ok(Self {
            nodes: builder.nodes,
            children: builder.children,
            input_names: signature
                .inputs
                .into_iter()
                .map(|input| input.name)
                .collect(),
            output_names,
        })
    }
}

struct Builder<'c, 'a, 'g> {
    graph: Graph<'c, 'a>,
    graphs: &'g Graphs<'c, 'a>,
    symbol: String,
    nodes: Vec<Node>,
    children: Vec<(String, Graph<'c, 'a>)>,
    /// Nodes by the key of their value.
    values: FxHashMap<usize, NodeIndex>,
    /// Keys of the values that something in the graph uses.
    used: FxHashSet<usize>,
    names: FreeNames,
}

impl<'c: 'a, 'a, 'g> Builder<'c, 'a, 'g> {
    fn new(graph: Graph<'c, 'a>, graphs: &'g Graphs<'c, 'a>) -> Self {
        let mut used: FxHashSet<usize> = graph.returned().into_iter().map(value_key).collect();
        for op in graph.operations() {
            used.extend(op.operands().map(value_key));
        }
        Self {
            graph,
            graphs,
            symbol: graph.symbol(),
            nodes: Vec::new(),
            children: Vec::new(),
            values: FxHashMap::default(),
            used,
            names: FreeNames::default(),
        }
    }

    /// Keeps the names that the program gives from being invented again.
    fn reserve_names(&mut self, inputs: &[InputSpec]) {
        for input in inputs {
            self.names.reserve(&input.name);
        }
        for op in self.graph.operations() {
            let op = AtenOp::new(op);
            self.names.reserve(&op.node_name());
            for name in op.result_names() {
                self.names.reserve(&name);
            }
        }
    }

    fn push(&mut self, node: Node) -> NodeIndex {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn define(&mut self, value: Value<'c, 'a>, node: Node) {
        let index = self.push(node);
        self.values.insert(value_key(value), index);
    }

    fn placeholders(&mut self, inputs: &[InputSpec]) {
        let mut arguments = self.graph.arguments().into_iter();
        for input in inputs {
            let value = match input.constant {
                Some(_) => None,
                None => arguments.next(),
            };
            let node = Node {
                name: input.name.clone(),
                annotation: value.and_then(|value| annotation(value, input.sym.as_deref())),
                comment: None,
                kind: NodeKind::Placeholder,
            };
            match value {
                Some(value) => self.define(value, node),
                None => {
                    self.push(node);
                }
            }
        }
    }

    fn output(&self, value: Option<Value<'c, 'a>>) -> Result<(String, Arg), Diagnostic> {
        let index = value
            .and_then(|value| self.values.get(&value_key(value)))
            .copied();
        let node = index.and_then(|index| self.nodes.get(index));
        match (index, node) {
            (Some(index), Some(node)) => Ok((node.name.clone(), Arg::Node(index))),
            _ => Err(undefined(
                &self.graph.operation(),
                &format!("graph `@{}`", self.symbol),
            )),
        }
    }

    fn op(&mut self, op: AtenOp<'c, 'a>) -> Result<(), Diagnostic> {
        let comment = comment(&op.metadata());
        let arguments = op.arguments()?;
        let is_hop = op.name().starts_with(HOP) && op.def().is_none();
        let (mut args, mut kwargs) = (Vec::new(), Vec::new());
        for argument in &arguments {
            let value = self.argument(op, &argument.value, &comment)?;
            let value = if is_hop { value.with_tuples() } else { value };
            // Behind an argument that is not given, only keywords can stand.
            if argument.by_keyword || !is_next_position(op, argument, args.len()) {
                kwargs.push((argument.name.clone(), value));
            } else {
                args.push(value);
            }
        }
        let call = NodeKind::Call {
            callee: callee(op)?,
            args,
            kwargs,
        };
        self.results(op, call, comment)
    }

    /// The node of a call, and the nodes that take its results apart.
    fn results(
        &mut self,
        op: AtenOp<'c, 'a>,
        call: NodeKind,
        comment: String,
    ) -> Result<(), Diagnostic> {
        let syms: FxHashMap<usize, String> = op
            .symbolic_results()
            .into_iter()
            .map(|(value, sym)| (value_key(value), sym))
            .collect();
        let groups = op.result_groups()?;
        let names = op.result_names();
        if let (true, [ResultGroup::Single(value)]) =
            (is_bare(op, &groups, &names), groups.as_slice())
        {
            let named = names.first().filter(|name| !name.is_empty()).cloned();
            let name = named.unwrap_or_else(|| self.node_name(op, &names));
            let sym = syms.get(&value_key(*value)).map(String::as_str);
            let annotation = annotation(*value, sym);
            self.define(
                *value,
                Node {
                    name,
                    annotation,
                    comment: Some(comment),
                    kind: call,
                },
            );
            return Ok(());
        }
        let name = self.node_name(op, &names);
        let call = self.push(Node {
            name: name.clone(),
            annotation: None,
            comment: Some(comment.clone()),
            kind: call,
        });
        let mut items = Items {
            node: name,
            comment,
            names: names.into_iter(),
            syms,
            position: 0,
        };
        for (index, group) in groups.into_iter().enumerate() {
            match group {
                // A list that is the only thing returned is the value of the call itself.
                ResultGroup::List(values) if returns_list(op) => {
                    for (index, value) in values.into_iter().enumerate() {
                        self.item(call, index, value, &mut items);
                    }
                }
                ResultGroup::List(values) => self.list_item(call, index, values, &mut items),
                ResultGroup::Single(value) => self.item(call, index, value, &mut items),
            }
        }
        Ok(())
    }

    fn item(&mut self, source: NodeIndex, index: usize, value: Value<'c, 'a>, items: &mut Items) {
        let name = items.names.next().unwrap_or_default();
        let unused = format!("{}_unused_{}", items.node, items.position);
        items.position += 1;
        let is_used = self.used.contains(&value_key(value));
        // The file names results that no node takes out like this; PyTorch prints no line for them.
        if !is_used && (name.is_empty() || name == unused) {
            return;
        }
        let name = if name.is_empty() {
            self.names.create("getitem")
        } else {
            name
        };
        let sym = items.syms.get(&value_key(value)).map(String::as_str);
        let node = Node {
            name,
            annotation: annotation(value, sym),
            comment: Some(items.comment.clone()),
            kind: getitem(source, index),
        };
        self.define(value, node);
    }

    /// A list among several results: a node for the list, and one for each element.
    fn list_item(
        &mut self,
        source: NodeIndex,
        index: usize,
        values: Vec<Value<'c, 'a>>,
        items: &mut Items,
    ) {
        let name = self.names.create("getitem");
        let list = self.push(Node {
            name,
            annotation: None,
            comment: Some(items.comment.clone()),
            kind: getitem(source, index),
        });
        for (index, value) in values.into_iter().enumerate() {
            self.item(list, index, value, items);
        }
    }

    /// The name of a node that is not named like its result. Files before PyTorch 2.11 do not have it, but
    /// the names of unused results tell it.
    fn node_name(&mut self, op: AtenOp<'c, 'a>, results: &[String]) -> String {
        let name = op.node_name();
        if !name.is_empty() {
            return name;
        }
        let told = results
            .iter()
            .enumerate()
            .find_map(|(index, result)| result.strip_suffix(&format!("_unused_{index}")));
        match told {
            Some(name) => name.to_owned(),
            None => self.names.create(&base_name(op)),
        }
    }

    fn argument(
        &mut self,
        op: AtenOp<'c, 'a>,
        argument: &Argument<'c, 'a>,
        comment: &str,
    ) -> Result<Arg, Diagnostic> {
        Ok(match argument {
            Argument::Value(value) => {
                let index = self.values.get(&value_key(*value)).copied();
                Arg::Node(
                    index.ok_or_else(|| undefined(&op.operation(), &format!("`{}`", op.name())))?,
                )
            }
            Argument::Constant(constant) => self.constant(op, constant, comment)?,
            Argument::List(elements) => Arg::List(
                elements
                    .iter()
                    .map(|element| self.argument(op, element, comment))
                    .collect::<Result<_, _>>()?,
            ),
            Argument::Dict(entries) => Arg::Dict(
                entries
                    .iter()
                    .map(|(key, element)| Ok((key.clone(), self.argument(op, element, comment)?)))
                    .collect::<Result<_, Diagnostic>>()?,
            ),
        })
    }

    fn constant(
        &mut self,
        op: AtenOp<'c, 'a>,
        constant: &Constant,
        comment: &str,
    ) -> Result<Arg, Diagnostic> {
        Ok(match constant {
            Constant::Graph(symbol) => Arg::Node(self.graph_node(op, symbol, comment)?),
            Constant::List(elements) => Arg::List(
                elements
                    .iter()
                    .map(|element| self.constant(op, element, comment))
                    .collect::<Result<_, _>>()?,
            ),
            Constant::Dict(entries) => Arg::Dict(
                entries
                    .iter()
                    .map(|(key, element)| Ok((key.clone(), self.constant(op, element, comment)?)))
                    .collect::<Result<_, Diagnostic>>()?,
            ),
            Constant::Ints(_) | Constant::Floats(_) | Constant::Bools(_) => {
                let elements = Argument::Constant(constant.clone())
                    .elements()
                    .unwrap_or_default();
                let constants = elements.iter().filter_map(Argument::as_constant);
                Arg::List(constants.cloned().map(Arg::Constant).collect())
            }
            other => Arg::Constant(other.clone()),
        })
    }

    /// The node that takes a graph from the module.
    fn graph_node(
        &mut self,
        op: AtenOp<'c, 'a>,
        symbol: &str,
        comment: &str,
    ) -> Result<NodeIndex, Diagnostic> {
        let graph = *self.graphs.get(symbol).ok_or_else(|| {
            Diagnostic::at(
                &op.operation(),
                "E0240",
                format!(
                    "`{}` names the graph `@{symbol}`, which the module does not have",
                    op.name()
                ),
            )
        })?;
        let attribute = symbol
            .strip_prefix(self.symbol.as_str())
            .and_then(|rest| rest.strip_prefix('.'))
            .unwrap_or(symbol);
        if self.children.iter().all(|(name, _)| name != attribute) {
            self.children.push((attribute.to_owned(), graph));
        }
        let name = self.names.create(attribute);
        Ok(self.push(Node {
            name,
            annotation: None,
            comment: Some(comment.to_owned()),
            kind: NodeKind::GetAttr(attribute.to_owned()),
        }))
    }
}

/// What the nodes that take results out of one call have in common.
struct Items {
    /// Name of the call.
    node: String,
    comment: String,
    /// Names of the results that are still to come.
    names: std::vec::IntoIter<String>,
    syms: FxHashMap<usize, String>,
    /// Position of the next result.
    position: usize,
}

fn getitem(source: NodeIndex, index: usize) -> NodeKind {
    let index = i64::try_from(index).unwrap_or(i64::MAX);
    NodeKind::Call {
        callee: Callee::Format("{}[{}]"),
        args: vec![Arg::Node(source), Arg::Constant(Constant::Int(index))],
        kwargs: Vec::new(),
    }
}

impl Arg {
    /// Tuples in place of lists.
    fn with_tuples(self) -> Self {
        match self {
            Self::List(elements) => {
                Self::Tuple(elements.into_iter().map(Self::with_tuples).collect())
            }
            other => other,
        }
    }
}

/// Whether a positional argument continues the arguments before it.
fn is_next_position(op: AtenOp<'_, '_>, argument: &GivenArgument<'_, '_>, position: usize) -> bool {
    let index = op
        .def()
        .and_then(|def| def.schema.arg(&argument.name))
        .map(|(index, _)| index);
    index.is_none_or(|index| index == position)
}

/// Whether the value of a call is its result, so that nothing is taken out of it.
fn is_bare(op: AtenOp<'_, '_>, groups: &[ResultGroup<'_, '_>], names: &[String]) -> bool {
    let [ResultGroup::Single(value)] = groups else {
        return false;
    };
    if op.name().starts_with(HOP) && op.def().is_none() {
        return op.is_single() || ValueType::from_mlir(value.r#type()) == Some(ValueType::None);
    }
    match op.def() {
        Some(def) => def.schema.returns.len() <= 1,
        None => names
            .first()
            .is_none_or(|name| name.is_empty() || *name == op.node_name()),
    }
}

/// Whether an op returns one list and nothing beside it.
fn returns_list(op: AtenOp<'_, '_>) -> bool {
    match op.def() {
        Some(def) => def.schema.returns.len() == 1,
        None => op.result_groups().is_ok_and(|groups| groups.len() == 1),
    }
}

fn callee(op: AtenOp<'_, '_>) -> Result<Callee, Diagnostic> {
    let name = op.name();
    if op.def().is_some() {
        return Ok(Callee::Torch(format!("torch.ops.{name}")));
    }
    match name.split_once('.') {
        Some((HOP, hop)) => Ok(Callee::Torch(format!("torch.ops.higher_order.{hop}"))),
        Some((SYM, function)) => {
            let columns = table::sym(function).map(|def| &def.columns);
            let function = columns.and_then(|columns| {
                let python = columns.python?;
                Some(match columns.format {
                    Some(format) => Callee::Format(format),
                    None if python.starts_with("torch.") => Callee::Torch(python.to_owned()),
                    None => Callee::Python(python),
                })
            });
            function.ok_or_else(|| {
                Diagnostic::at(
                    &op.operation(),
                    "E0241",
                    format!("there is no symbolic function `{name}`"),
                )
            })
        }
        _ => Ok(Callee::Torch(format!("torch.ops.{name}"))),
    }
}

/// What FX names a node of this op after.
fn base_name(op: AtenOp<'_, '_>) -> String {
    let name = op.name();
    let mut parts = name.split('.').skip(1);
    let function = parts.next().unwrap_or(&name).trim_matches('_');
    let overload = parts.next().filter(|_| op.operation().result_count() == 0);
    match overload {
        Some(overload) => format!("{}_{overload}", parts_of(&name)),
        None if function.is_empty() => "_unnamed".to_owned(),
        None => parts_of(&name).to_owned(),
    }
}

/// `add` of `aten.add.Tensor`.
fn parts_of(name: &str) -> &str {
    name.split('.').nth(1).unwrap_or(name)
}

fn undefined<'c: 'a, 'a>(op: &impl OperationLike<'c, 'a>, user: &str) -> Diagnostic {
    Diagnostic::at(
        op,
        "E0242",
        format!("{user} uses a value that is not defined before it"),
    )
}

/// What FX writes of a value behind its name; nothing for objects, tokens and plain numbers.
fn annotation(value: Value<'_, '_>, sym: Option<&str>) -> Option<String> {
    match ValueType::from_mlir(value.r#type())? {
        ValueType::Tensor(meta) => {
            // PyTorch cannot ask these for their sizes without data.
            if matches!(meta.layout.as_str(), "sparse_csr" | "sparse_csc") {
                return None;
            }
            let sizes: Vec<String> = meta.sizes?.iter().map(ToString::to_string).collect();
            Some(format!("{}[{}]", meta.dtype.short_name(), sizes.join(", ")))
        }
        ValueType::SymInt | ValueType::SymFloat | ValueType::SymBool => sym
            .filter(|sym| !python::is_number(sym))
            .map(|sym| format!("Sym({sym})")),
        _ => None,
    }
}

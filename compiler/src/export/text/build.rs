//! From a function of the module to its FX nodes.
//!
//! Start at [`FxGraph::new`]. [`Builder`] goes through the ops once; `layout.rs` says what the values and
//! arguments of an op look like in Python.

use std::collections::VecDeque;

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, Graph, InputSpec, ResultGroup, mlir::value_key,
    ops::attribute::SINGLE,
};
use melior::ir::{
    Value,
    operation::{OperationLike, OperationRef},
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    comment::comment,
    fx::{Arg, Child, FxGraph, Graphs, Node, NodeIndex, NodeKind, getitem},
    layout::{
        annotation, base_name, callee, is_bare, is_next_position, is_size_check, is_tuple,
        returns_list, returns_lists,
    },
    names::FreeNames,
    region::{Parts, output_comments, region_of},
};

impl<'c: 'a, 'a> FxGraph<'c, 'a> {
    /// The nodes of the root of a program.
    pub fn root(graph: Graph<'c, 'a>, graphs: &Graphs<'c, 'a>) -> Result<Self, Diagnostic> {
        Self::new(graph, false, graphs)
    }

    /// The nodes of a graph inside another.
    pub fn child(child: &Child<'c, 'a>, graphs: &Graphs<'c, 'a>) -> Result<Self, Diagnostic> {
        Self::new(child.graph, child.returns_list, graphs)
    }

    fn new(
        graph: Graph<'c, 'a>,
        returns_list: bool,
        graphs: &Graphs<'c, 'a>,
    ) -> Result<Self, Diagnostic> {
        let signature = graph.signature()?;
        let mut builder = Builder::new(graph, graphs);
        builder.reserve_names(&signature.inputs);
        builder.placeholders(&signature.inputs);
        let operations = graph.operations();
        let mut rest = operations.as_slice();
        builder.begin_part(rest)?;
        while let Some((op, behind)) = rest.split_first() {
            let op = AtenOp::new(*op);
            rest = builder.op(op, behind)?;
            if region_of(op).is_some() {
                builder.begin_part(rest)?;
            }
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
            Ok(only) if returns_list => Arg::List(only.into()),
            Ok(only) => Arg::Tuple(only.into()),
            Err(outputs) if returns_list => Arg::List(outputs),
            Err(outputs) => Arg::Tuple(outputs),
        };
        builder.push(Node {
            name: "output".to_owned(),
            annotation: None,
            comment: None,
            kind: NodeKind::Output(output),
        });
        Ok(Self {
            input_names: builder.input_names,
            nodes: builder.nodes,
            children: builder.children,
            output_names,
            call_names: builder.call_names,
            values: builder.values,
        })
    }
}

struct Builder<'c, 'a, 'g> {
    graph: Graph<'c, 'a>,
    graphs: &'g Graphs<'c, 'a>,
    symbol: String,
    nodes: Vec<Node>,
    children: Vec<Child<'c, 'a>>,
    child_names: FxHashSet<String>,
    input_names: Vec<String>,
    /// The name of the node of each op that was made so far.
    call_names: Vec<String>,
    /// Nodes by the key of their value.
    values: FxHashMap<usize, NodeIndex>,
    /// Keys of the values that something in the graph uses.
    used: FxHashSet<usize>,
    names: FreeNames,
    /// Names of the program that a node has.
    given: FxHashSet<String>,
    parts: Parts,
    /// Nodes of graphs that were made ahead of the ops that name them.
    made_ahead: VecDeque<(String, NodeIndex)>,
}

/// What the nodes that take results out of one call have in common.
struct Items<'c, 'a, 'r> {
    /// Name of the node that they are taken out of.
    source: String,
    comments: Vec<String>,
    /// Names of the results that are still to come.
    names: std::vec::IntoIter<String>,
    syms: FxHashMap<usize, String>,
    /// Position of the next result among all of the call.
    position: usize,
    /// The ops behind the call that no node was made for yet.
    rest: &'r [OperationRef<'c, 'a>],
    /// How many of them check sizes of the results.
    n_checks: usize,
}

impl<'c: 'a, 'a, 'g> Builder<'c, 'a, 'g> {
    fn new(graph: Graph<'c, 'a>, graphs: &'g Graphs<'c, 'a>) -> Self {
        let operations = graph.operations();
        let mut used: FxHashSet<usize> = graph.returned().into_iter().map(value_key).collect();
        for op in &operations {
            used.extend(op.operands().map(value_key));
        }
        Self {
            graph,
            graphs,
            symbol: graph.symbol(),
            nodes: Vec::new(),
            children: Vec::new(),
            child_names: FxHashSet::default(),
            input_names: Vec::new(),
            call_names: Vec::new(),
            values: FxHashMap::default(),
            used,
            names: FreeNames::default(),
            given: FxHashSet::default(),
            parts: Parts::new(&operations),
            made_ahead: VecDeque::new(),
        }
    }

    /// Keeps the names that the program gives from being invented again.
    fn reserve_names(&mut self, inputs: &[InputSpec]) {
        for input in inputs {
            self.names.reserve(&input.name);
            self.given.insert(input.name.clone());
        }
        for op in self.graph.operations() {
            let op = AtenOp::new(op);
            self.names.reserve(&op.node_name());
            for name in op.result_names() {
                self.names.reserve(&name);
            }
        }
    }

    /// A name of the program, or a new one made of `base` where another node has it already: passes put several ops
    /// in the place of one, at its location.
    fn unique(&mut self, name: String, base: &str) -> String {
        if self.given.insert(name.clone()) {
            name
        } else {
            self.names.create(base)
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
        for (index, input) in inputs.iter().enumerate() {
            let value = match input.constant {
                Some(_) => None,
                None => arguments.next(),
            };
            // PyTorch 2.3 names inputs by their position, and constant ones not at all.
            let name = match input.name.as_str() {
                "" => format!("arg{index}_1"),
                name => name.to_owned(),
            };
            self.input_names.push(name.clone());
            let node = Node {
                name,
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

    /// In a graph that was cut into parts, the graphs that a part names are taken from the module at its
    /// beginning.
    fn begin_part(&mut self, rest: &[OperationRef<'c, 'a>]) -> Result<(), Diagnostic> {
        if self.parts.is_whole() {
            return Ok(());
        }
        for op in rest
            .iter()
            .map(|op| AtenOp::new(*op))
            .take_while(|op| region_of(*op).is_none())
        {
            let comment = comment(&op.metadata());
            for (position, argument) in op.arguments()?.iter().enumerate() {
                let Some(Constant::Graph(symbol)) = argument.value.as_constant() else {
                    continue;
                };
                let returns_list = returns_lists(op, argument, position);
                let node = self.graph_node(
                    &Call {
                        op,
                        comment: &comment,
                        returns_list,
                    },
                    symbol,
                )?;
                self.made_ahead.push_back((symbol.clone(), node));
            }
        }
        Ok(())
    }

    /// Makes the nodes of an op. Gives back the ops behind it that are still to be done.
    fn op<'r>(
        &mut self,
        op: AtenOp<'c, 'a>,
        behind: &'r [OperationRef<'c, 'a>],
    ) -> Result<&'r [OperationRef<'c, 'a>], Diagnostic> {
        let comment = comment(&op.metadata());
        let arguments = op.arguments()?;
        let (mut args, mut kwargs) = (Vec::new(), Vec::new());
        for argument in &arguments {
            let returns_list = returns_lists(op, argument, args.len());
            let mut value = self.argument(
                &Call {
                    op,
                    comment: &comment,
                    returns_list,
                },
                &argument.value,
            )?;
            if is_tuple(op, argument, args.len()) {
                value = value.into_tuple();
            }
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
        self.results(op, call, comment, behind)
    }

    /// The node of a call, and the nodes that take its results apart.
    fn results<'r>(
        &mut self,
        op: AtenOp<'c, 'a>,
        call: NodeKind,
        comment: String,
        behind: &'r [OperationRef<'c, 'a>],
    ) -> Result<&'r [OperationRef<'c, 'a>], Diagnostic> {
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
            let name = match named {
                Some(name) => self.unique(name, &base_name(op)),
                None => self.node_name(op, &names),
            };
            let sym = syms.get(&value_key(*value)).map(String::as_str);
            let annotation = annotation(*value, sym);
            self.call_names.push(name.clone());
            self.define(
                *value,
                Node {
                    name,
                    annotation,
                    comment: Some(comment),
                    kind: call,
                },
            );
            return Ok(behind);
        }
        let own = op.node_name();
        let name = self.node_name(op, &names);
        // What a node is called that has the name of another, its results are not called after.
        let is_renamed = !own.is_empty() && !names.contains(&own) && own != name;
        let names = if is_renamed { Vec::new() } else { names };
        self.call_names.push(name.clone());
        let call = self.push(Node {
            name: name.clone(),
            annotation: None,
            comment: Some(comment.clone()),
            kind: call,
        });
        let mut items = Items {
            source: name,
            comments: output_comments(op, self.graphs)
                .unwrap_or_else(|| vec![comment; names.len()]),
            names: names.into_iter(),
            syms,
            position: 0,
            rest: behind,
            n_checks: count_checks(op, behind),
        };
        let is_list = returns_list(op);
        for (index, group) in groups.into_iter().enumerate() {
            match group {
                // A list that is the only thing returned is the value of the call itself.
                ResultGroup::List(values) if is_list => {
                    for (index, value) in values.into_iter().enumerate() {
                        self.item(call, index, value, &mut items)?;
                    }
                }
                ResultGroup::List(values) => self.list_item(call, index, values, &mut items)?,
                ResultGroup::Single(value) => self.item(call, index, value, &mut items)?,
            }
        }
        Ok(items.rest)
    }

    fn item(
        &mut self,
        source: NodeIndex,
        index: usize,
        value: Value<'c, 'a>,
        items: &mut Items<'c, 'a, '_>,
    ) -> Result<(), Diagnostic> {
        let name = items.names.next().unwrap_or_default();
        let comment = items.comments.get(items.position).cloned();
        items.position += 1;
        let is_used = self.used.contains(&value_key(value));
        // The file names results that no node takes out like this; PyTorch prints no line for them.
        if !is_used && (name.is_empty() || name == format!("{}_unused_{index}", items.source)) {
            return Ok(());
        }
        let name = if name.is_empty() {
            self.names.create("getitem")
        } else {
            self.unique(name, "getitem")
        };
        let sym = items.syms.get(&value_key(value)).map(String::as_str);
        let annotation = annotation(value, sym);
        self.define(
            value,
            Node {
                name,
                annotation,
                comment,
                kind: getitem(source, index),
            },
        );
        self.checks(items)
    }

    /// A list among several results: a node for the list, and one for each element.
    fn list_item(
        &mut self,
        source: NodeIndex,
        index: usize,
        values: Vec<Value<'c, 'a>>,
        items: &mut Items<'c, 'a, '_>,
    ) -> Result<(), Diagnostic> {
        let told = items.names.as_slice().iter().take(values.len());
        let name = unused_of(told).unwrap_or_else(|| self.names.create("getitem"));
        let list = self.push(Node {
            name: name.clone(),
            annotation: None,
            comment: items.comments.get(items.position).cloned(),
            kind: getitem(source, index),
        });
        let call = std::mem::replace(&mut items.source, name);
        for (index, value) in values.into_iter().enumerate() {
            self.item(list, index, value, items)?;
        }
        items.source = call;
        Ok(())
    }

    /// PyTorch checks the sizes of a result, where they are not known, before it takes the next one out.
    fn checks(&mut self, items: &mut Items<'c, 'a, '_>) -> Result<(), Diagnostic> {
        while let Some((op, rest)) = items.rest.split_first() {
            let is_defined = |operand| self.values.contains_key(&value_key(operand));
            if items.n_checks == 0 || !op.operands().all(is_defined) {
                break;
            }
            items.n_checks -= 1;
            items.rest = rest;
            self.op(AtenOp::new(*op), &[])?;
        }
        Ok(())
    }

    /// The name of a node that is not named like its result. Files before PyTorch 2.11 do not have it, but
    /// the names of unused results tell it.
    fn node_name(&mut self, op: AtenOp<'c, 'a>, results: &[String]) -> String {
        let name = op.node_name();
        if !name.is_empty() && !results.contains(&name) {
            return self.unique(name, &base_name(op));
        }
        match unused_of(results.iter()) {
            Some(name) => self.unique(name, &base_name(op)),
            None => self.names.create(&base_name(op)),
        }
    }

    fn argument(
        &mut self,
        call: &Call<'c, 'a, '_>,
        argument: &Argument<'c, 'a>,
    ) -> Result<Arg, Diagnostic> {
        Ok(match argument {
            Argument::Value(value) => {
                let index = self.values.get(&value_key(*value)).copied();
                let op = call.op;
                Arg::Node(
                    index.ok_or_else(|| undefined(&op.operation(), &format!("`{}`", op.name())))?,
                )
            }
            Argument::Constant(constant) => self.constant(call, constant)?,
            Argument::List(elements) => Arg::List(
                elements
                    .iter()
                    .map(|element| self.argument(call, element))
                    .collect::<Result<_, _>>()?,
            ),
            Argument::Dict(entries) => Arg::Dict(
                entries
                    .iter()
                    .map(|(key, element)| Ok((key.clone(), self.argument(call, element)?)))
                    .collect::<Result<_, Diagnostic>>()?,
            ),
        })
    }

    fn constant(
        &mut self,
        call: &Call<'c, 'a, '_>,
        constant: &Constant,
    ) -> Result<Arg, Diagnostic> {
        Ok(match constant {
            Constant::Graph(symbol) => Arg::Node(match self.made_ahead.front() {
                Some((ahead, node)) if ahead == symbol => {
                    let node = *node;
                    self.made_ahead.pop_front();
                    node
                }
                _ => self.graph_node(call, symbol)?,
            }),
            Constant::List(elements) => Arg::List(
                elements
                    .iter()
                    .map(|element| self.constant(call, element))
                    .collect::<Result<_, _>>()?,
            ),
            Constant::Dict(entries) => Arg::Dict(
                entries
                    .iter()
                    .map(|(key, element)| Ok((key.clone(), self.constant(call, element)?)))
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
        call: &Call<'c, 'a, '_>,
        symbol: &str,
    ) -> Result<NodeIndex, Diagnostic> {
        let graph = *self.graphs.get(symbol).ok_or_else(|| {
            Diagnostic::at(
                &call.op.operation(),
                "E0240",
                format!(
                    "`{}` names the graph `@{symbol}`, which the module does not have",
                    call.op.name()
                ),
            )
        })?;
        let attribute = symbol
            .strip_prefix(self.symbol.as_str())
            .and_then(|rest| rest.strip_prefix('.'))
            .unwrap_or(symbol);
        if self.child_names.insert(attribute.to_owned()) {
            self.children.push(Child {
                name: attribute.to_owned(),
                graph,
                returns_list: call.returns_list,
            });
        }
        let name = match self.parts.first_free(call.op, attribute) {
            Some((base, number)) => self.names.create_from(base, number),
            None => self.names.create(attribute),
        };
        Ok(self.push(Node {
            name,
            annotation: None,
            comment: Some(call.comment.to_owned()),
            kind: NodeKind::GetAttr(attribute.to_owned()),
        }))
    }
}

/// The op whose arguments are made.
struct Call<'c, 'a, 'r> {
    op: AtenOp<'c, 'a>,
    comment: &'r str,
    /// Whether a graph in the argument returns a list.
    returns_list: bool,
}

/// How many of the ops behind an op are PyTorch's checks of the sizes of its results; the last of them is
/// an assertion.
fn count_checks(op: AtenOp<'_, '_>, behind: &[OperationRef<'_, '_>]) -> usize {
    let mut derived: FxHashSet<usize> = op
        .operation()
        .results()
        .map(|result| value_key(result.into()))
        .collect();
    let mut n_checks = 0;
    for (index, check) in behind.iter().enumerate() {
        let is_derived = check
            .operands()
            .any(|operand| derived.contains(&value_key(operand)));
        if !is_derived || !is_size_check(*check) {
            break;
        }
        derived.extend(check.results().map(|result| value_key(result.into())));
        if check.result_count() == 0 {
            n_checks = index + 1;
        }
    }
    n_checks
}

/// The name of the node that results are taken out of, if one of them is unused.
fn unused_of<'s>(results: impl Iterator<Item = &'s String>) -> Option<String> {
    results
        .enumerate()
        .find_map(|(index, result)| result.strip_suffix(&format!("_unused_{index}")))
        .map(str::to_owned)
}

fn undefined<'c: 'a, 'a>(op: &impl OperationLike<'c, 'a>, user: &str) -> Diagnostic {
    Diagnostic::at(
        op,
        "E0242",
        format!("{user} uses a value that is not defined before it"),
    )
}

//! A graph of the module as FX holds it: one node per line of code.
//!
//! The IR has neither `getitem` nodes for the results of one op nor `get_attr` nodes for the graphs that a
//! higher-order op names; they are put back here.

use expc_dialects::{Constant, Graph, Program, mlir::value_key};
use melior::ir::Value;
use rustc_hash::{FxHashMap, FxHashSet};

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
    /// Graphs that the nodes name, in order of their first use.
    pub children: Vec<Child<'c, 'a>>,
    /// Names in the signature: of each input, and of each output (empty for constants).
    pub input_names: Vec<String>,
    pub output_names: Vec<String>,
    /// The name of the node of each op, in the order of the ops.
    pub call_names: Vec<String>,
    /// The nodes of values, by key; results that nothing takes out have none.
    pub values: FxHashMap<usize, NodeIndex>,
}

impl FxGraph<'_, '_> {
    /// The name of the node that a value is.
    pub fn name_of(&self, value: Value<'_, '_>) -> Option<&str> {
        let node = self.nodes.get(*self.values.get(&value_key(value))?)?;
        Some(&node.name)
    }
}

/// A graph that a node names.
pub struct Child<'c, 'a> {
    /// The attribute of the module that holds it.
    pub name: String,
    pub graph: Graph<'c, 'a>,
    /// It returns a list and not a tuple.
    pub returns_list: bool,
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
    /// A tuple in place of a list; lists in it are tuples then as well.
    pub fn into_tuple(self) -> Self {
        match self {
            Self::List(elements) => {
                Self::Tuple(elements.into_iter().map(Self::into_tuple).collect())
            }
            other => other,
        }
    }
}

/// A node that takes one of several results.
pub fn getitem(source: NodeIndex, index: usize) -> NodeKind {
    let index = i64::try_from(index).unwrap_or(i64::MAX);
    NodeKind::Call {
        callee: Callee::Format("{}[{}]"),
        args: vec![Arg::Node(source), Arg::Constant(Constant::Int(index))],
        kwargs: Vec::new(),
    }
}

//! A program without MLIR: graphs of steps over numbered slots, and the signature around them.
//!
//! A [`Plan`] is plain data, made from [`PlanParts`] and checked once, so that running it cannot index out of bounds,
//! read a slot before it is written or recurse without end. The check also finds where each value is read last; the
//! executor frees it there. Operators are named, not resolved: that is `executor`'s part.

mod check;
mod from_ir;
mod symbolic;

use serde::{Deserialize, Serialize};

pub use self::{from_ir::plan, symbolic::SymFunction};

/// Position of a value in the frame of its graph.
pub type Slot = u32;

/// Position of a graph in [`Plan::graphs`]; the root is 0.
pub type GraphId = u32;

/// What is wrong with the parts of a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("graph `{graph}`: {what}")]
pub struct PlanError {
    pub graph: String,
    pub what: String,
}

/// A checked program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PlanParts", into = "PlanParts")]
pub struct Plan {
    parts: PlanParts,
    /// For each graph and each step, the slots that no later step reads.
    last_reads: Vec<Vec<Vec<Slot>>>,
}

/// A program before the check.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct PlanParts {
    /// The root graph comes first.
    pub graphs: Vec<Graph>,
    pub signature: Signature,
}

impl Plan {
    /// Checks the parts.
    ///
    /// # Errors
    /// A slot is out of range, read before or after its life, or written twice; a graph is missing, used by itself
    /// or nested too deep; arguments nest too deep; the signature does not fit the root graph.
    pub fn new(mut parts: PlanParts) -> Result<Self, PlanError> {
        let last_reads = check::check(&mut parts)?;
        Ok(Self { parts, last_reads })
    }

    pub fn graphs(&self) -> &[Graph] {
        &self.parts.graphs
    }

    pub fn signature(&self) -> &Signature {
        &self.parts.signature
    }

    /// The slots that may be emptied once a step has read its arguments.
    pub fn last_reads(&self, graph: usize, step: usize) -> &[Slot] {
        self.last_reads
            .get(graph)
            .and_then(|steps| steps.get(step))
            .map_or(&[], Vec::as_slice)
    }
}

impl TryFrom<PlanParts> for Plan {
    type Error = PlanError;

    fn try_from(parts: PlanParts) -> Result<Self, PlanError> {
        Self::new(parts)
    }
}

impl From<Plan> for PlanParts {
    fn from(plan: Plan) -> Self {
        plan.parts
    }
}

/// A graph: inputs, steps in order, outputs.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Graph {
    /// The symbol of the function, for messages.
    pub name: String,
    /// How many slots a frame of this graph has.
    pub slots: u32,
    pub inputs: Vec<Slot>,
    pub steps: Vec<Step>,
    pub outputs: Vec<Arg>,
}

/// One node of a graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub action: Action,
    /// Where the results go, lists flattened; none where nobody reads the result or it is `None`.
    pub results: Vec<Option<Slot>>,
    pub origin: Origin,
}

/// What a node does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Calls a registered operator, `aten::add.Tensor`.
    Call {
        op: String,
        /// By position in the schema.
        args: Vec<Arg>,
        /// By name in the schema.
        kwargs: Vec<(String, Arg)>,
        /// How many of the step's results belong to each return of the schema. May be left empty where no return is
        /// a list, or where the only return is one.
        result_groups: Vec<u32>,
    },
    /// Computes with symbolic scalars, with Python's rules.
    Symbolic {
        function: SymFunction,
        args: Vec<Arg>,
    },
    /// Runs a higher-order operator, `cond`.
    Hop {
        name: String,
        args: Vec<Arg>,
        kwargs: Vec<(String, Arg)>,
    },
}

/// An argument: a value of the frame, a constant, or both in a list or dictionary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Arg {
    Slot(Slot),
    None,
    Int(i64),
    Float(f64),
    Bool(bool),
    Complex(f64, f64),
    Str(String),
    /// By PyTorch's name, `float32`.
    Dtype(String),
    Device(String),
    /// `strided`
    Layout(String),
    /// `channels_last`
    MemoryFormat(String),
    List(Vec<Arg>),
    Dict(Vec<(String, Arg)>),
    /// An operator as an argument, `aten::add_.Tensor`, or a higher-order one, `invoke_subgraph`.
    Op(String),
    Graph(GraphId),
}

impl Arg {
    /// The slots in this argument, in order.
    pub fn slots(&self) -> Vec<Slot> {
        let mut slots = Vec::new();
        self.visit(&mut |arg| {
            if let Arg::Slot(slot) = arg {
                slots.push(*slot);
            }
        });
        slots
    }

    /// Calls `visitor` on this argument and all in it.
    pub(crate) fn visit(&self, visitor: &mut impl FnMut(&Arg)) {
        visitor(self);
        match self {
            Self::List(items) => items.iter().for_each(|item| item.visit(visitor)),
            Self::Dict(entries) => entries.iter().for_each(|(_, item)| item.visit(visitor)),
            _ => {}
        }
    }
}

impl Action {
    /// What is run: `aten::add.Tensor`, `sym.mul`, `cond`.
    pub fn name(&self) -> &str {
        match self {
            Self::Call { op, .. } => op,
            Self::Symbolic { function, .. } => function.name(),
            Self::Hop { name, .. } => name,
        }
    }
}

impl Step {
    /// All arguments, positional ones first.
    pub fn arguments(&self) -> impl Iterator<Item = &Arg> {
        let (args, kwargs): (&[Arg], &[(String, Arg)]) = match &self.action {
            Action::Call { args, kwargs, .. } | Action::Hop { args, kwargs, .. } => (args, kwargs),
            Action::Symbolic { args, .. } => (args, &[]),
        };
        args.iter().chain(kwargs.iter().map(|(_, arg)| arg))
    }
}

/// Where a step comes from, as far as the program says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The FX node's name.
    pub node: Option<String>,
    /// The path of the module, `layers.0.attention`.
    pub module: Option<String>,
    /// The innermost Python frame, as in a traceback.
    pub python: Option<String>,
}

/// What the root graph takes and gives.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Signature {
    /// In the order of the file; those that are not constants are the inputs of the root graph, in order.
    pub inputs: Vec<Input>,
    /// In the order of the file, one for each output of the root graph.
    pub outputs: Vec<Output>,
    pub ranges: Vec<Range>,
    /// Conditions on the inputs, as Python text.
    pub guards: Vec<String>,
}

/// An input of the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    pub kind: InputKind,
    /// The placeholder's name.
    pub name: String,
    /// How the caller of the Python module names it: `x`, `batch['ids'][0]`.
    pub path: String,
    /// The parameter's, buffer's or constant's fully qualified name.
    pub target: Option<String>,
    pub spec: InputSpec,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputKind {
    Parameter,
    Buffer { persistent: bool },
    ConstantTensor,
    CustomObject,
    Token,
    User,
}

/// What an input must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum InputSpec {
    Tensor {
        /// By PyTorch's name; none is any.
        dtype: Option<String>,
        /// An expression for each dimension; none is any rank.
        sizes: Option<Vec<String>>,
    },
    /// A number; `expression` says which symbol it defines, or which value it must have.
    Int {
        expression: Option<String>,
    },
    Float {
        expression: Option<String>,
    },
    Bool {
        expression: Option<String>,
    },
    Str,
    /// A constant of the signature, which is no input of the graph.
    Constant(Arg),
    /// Not checked: objects, tokens, `None`.
    Any,
}

/// An output of the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    pub kind: OutputKind,
    /// The buffer, parameter or user input that a mutation or gradient belongs to.
    pub target: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputKind {
    User,
    Loss,
    BufferMutation,
    ParameterMutation,
    UserInputMutation,
    GradientToParameter,
    GradientToUserInput,
    Token,
}

/// An expression over the symbols lies between two bounds, both included; none is no bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    pub expression: String,
    pub min: Option<i64>,
    pub max: Option<i64>,
}

#[cfg(test)]
mod tests;

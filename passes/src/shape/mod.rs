//! Shapes, dtypes, devices and strides of results, symbolic where the program is.
//!
//! [`infer`] gives the types of what an op returns. The rules are free functions in one file per family, each
//! named by the table of its file; what whole classes of ops have in common (in-place ops return their operand,
//! `out` ops their outputs, pointwise ops broadcast) follows from the op table and needs no row. An op without
//! a rule is run on the meta device where all sizes are numbers; otherwise nothing is inferred.
//!
//! [`propagate::infer_shapes`] infers a whole module.
//!
//! Start with `call.rs` (what a rule sees), `tensor.rs` and `env.rs` (what it works on).

mod annotate;
pub mod assume;
mod attention;
mod autocast;
mod broadcast;
mod call;
mod control;
mod conv;
mod conv_backward;
mod copy;
pub(crate) mod einsum;
mod env;
mod factory;
mod foreach;
mod histogram;
mod index;
mod join;
mod judge;
mod linalg;
mod loss;
mod matmul;
mod meta;
mod misc;
mod norm;
mod pad;
mod pointwise;
mod pool;
mod promote;
pub mod propagate;
mod quant;
mod recurrent;
mod reduction;
mod rename;
mod reshape;
mod rules;
mod size;
mod sparse;
mod spectral;
mod symbolic;
mod tensor;
mod view;

use std::fmt;

use expc_dialects::{
    Argument, GivenArgument, Graph, ScalarType, ValueType,
    constant::string_array,
    mlir,
    ops::{attribute, is_symbolic_scalar},
    program, table,
};
use expc_symbolic::{BuildError, Expr};
use melior::{
    Context,
    ir::{
        BlockLike, Value,
        attribute::ArrayAttribute,
        operation::{OperationLike, OperationRef, OperationResult},
    },
};

pub(crate) use annotate::declare_invented;
pub use autocast::Autocast;
pub use call::Item;
pub use env::{Decision, GraphResults, ShapeEnv};
pub use judge::{Report, ValueReport, Verdict};
pub use meta::{AbstractArg, AbstractResult, MetaKernel};
pub use promote::{Promotion, real_of};
pub(crate) use rename::Renaming;
pub use reshape::view_of;
pub use size::Size;
pub(crate) use tensor::is_row_major;
pub use tensor::{MemoryFormat, Tensor};

use call::Call;
pub use rules::has_rule;

/// A rule: from a call to its results, a list as one [`Item::List`].
type Rule = fn(&Call<'_>) -> Result<Vec<Item>, NoInference>;

/// Why nothing is inferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoInference {
    pub reason: String,
    /// The op cannot be called with such arguments: the program is at fault.
    pub is_contradiction: bool,
}

impl NoInference {
    /// Something is not known.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_contradiction: false,
        }
    }

    /// The program is at fault.
    pub fn contradiction(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_contradiction: true,
        }
    }
}

impl fmt::Display for NoInference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl std::error::Error for NoInference {}

impl From<BuildError> for NoInference {
    fn from(error: BuildError) -> Self {
        Self::new(error.to_string())
    }
}

/// What an op returns.
#[derive(Clone, Debug, PartialEq)]
pub struct Inferred {
    pub results: Vec<InferredReturn>,
    /// Expressions of the symbolic scalar results, in order; empty where one is not known.
    pub syms: Vec<String>,
}

impl Inferred {
    /// The types of all values, lists flattened.
    pub fn values(&self) -> impl Iterator<Item = &ValueType> {
        self.results.iter().flat_map(|result| match result {
            InferredReturn::Single(one) => std::slice::from_ref(one),
            InferredReturn::List(list) => list,
        })
    }
}

/// One return of an op's schema.
#[derive(Clone, Debug, PartialEq)]
pub enum InferredReturn {
    Single(ValueType),
    List(Vec<ValueType>),
}

/// The dtype of an elementwise op of these operands; none if none of them has a dtype.
pub fn promoted_dtype(
    env: &ShapeEnv<'_>,
    operands: &[Argument<'_, '_>],
    promotion: Promotion,
) -> Option<ScalarType> {
    let items: Vec<Item> = operands
        .iter()
        .map(|operand| Item::from_argument(env, operand))
        .collect();
    promote::result_dtype(&items, promotion)
}

/// The types of what an op returns for these arguments.
///
/// The values of `arguments` must be of one MLIR context, the same in all calls with this environment.
pub fn infer<'c, 'a>(
    env: &ShapeEnv<'_>,
    name: &str,
    arguments: &[GivenArgument<'c, 'a>],
) -> Result<Inferred, NoInference> {
    let call = Call::new(env, name, table::lookup(name), arguments)?;
    let items = rules::apply(&call)?;
    Ok(to_inferred(&items))
}

/// As [`infer`], of an op with so many results as far as its users tell: more may follow that nobody uses.
///
/// # Errors
/// As [`infer`].
pub fn infer_used<'c, 'a>(
    env: &ShapeEnv<'_>,
    name: &str,
    arguments: &[GivenArgument<'c, 'a>],
    n_used: usize,
) -> Result<Inferred, NoInference> {
    let mut call = Call::new(env, name, table::lookup(name), arguments)?;
    call.n_results = Some(n_used);
    Ok(to_inferred(&rules::apply(&call)?))
}

/// As [`infer`], for arguments and results that are no values of a module: those of a program that is being traced.
pub fn infer_items<'n>(
    env: &ShapeEnv<'_>,
    name: &str,
    arguments: impl Iterator<Item = (&'n str, Item)>,
) -> Result<Vec<Item>, NoInference> {
    let call = Call::of_items(env, name, table::lookup(name), arguments)?;
    rules::apply(&call)
}

fn to_inferred(items: &[Item]) -> Inferred {
    let mut syms = Vec::new();
    let mut write = |item: &Item| {
        syms.extend(item.expression_text());
        item.to_value_type()
    };
    let results = items
        .iter()
        .map(|item| match item {
            Item::List(items) => InferredReturn::List(items.iter().map(&mut write).collect()),
            item => InferredReturn::Single(write(item)),
        })
        .collect();
    Inferred { results, syms }
}

/// Gives a number that takes the place of another the expression by which its users and the sizes know it.
pub(crate) fn keep_expression<'c: 'a, 'a>(
    context: &'c Context,
    replaced: Value<'c, 'a>,
    value: Value<'c, 'a>,
) {
    let Some(expression) = expression_of(replaced) else {
        return;
    };
    if let Some(op) = mlir::producer(value).filter(|op| op.result_count() == 1) {
        let texts = string_array(context, [expression.to_string().as_str()]);
        mlir::set_attribute(op, attribute::SYM, texts);
    }
}

/// The expression of a symbolic scalar: that of the op that computes it, or of the argument that it is.
pub fn expression_of(value: Value<'_, '_>) -> Option<Expr> {
    Expr::parse(&expression_text(value)?).ok()
}

/// The text of a symbolic scalar's expression.
pub(crate) fn expression_text(value: Value<'_, '_>) -> Option<String> {
    if let Some(result) = mlir::as_result(value) {
        return result_expression(&result);
    }
    let argument = mlir::as_block_argument(value)?;
    let graph = Graph::from_operation(argument.owner().parent_operation()?)?;
    argument_expression(graph.operation(), argument.argument_number())
}

fn result_expression(result: &OperationResult<'_, '_>) -> Option<String> {
    let op = result.owner();
    let texts = expc_dialects::constant::string_array_values(op.attribute(attribute::SYM).ok()?)?;
    let before = op
        .results()
        .take(result.result_number())
        .filter(|result| is_symbolic_scalar(Value::from(*result)))
        .count();
    texts.get(before).filter(|text| !text.is_empty()).cloned()
}

fn argument_expression(function: OperationRef<'_, '_>, index: usize) -> Option<String> {
    let specs = ArrayAttribute::try_from(function.attribute("arg_attrs").ok()?).ok()?;
    let entry = |attribute, key: &str| {
        let entries = mlir::dictionary_entries(attribute)?;
        entries
            .into_iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    };
    let spec = entry(specs.element(index).ok()?, program::attribute::INPUT)?;
    mlir::string_text(entry(spec, "sym")?)
}

#[cfg(test)]
mod tests;

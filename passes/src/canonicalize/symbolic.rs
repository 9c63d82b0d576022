//! Numbers of the program that are the same whenever it runs.

use expc_dialects::{Argument, AtenOp, Constant, ValueType};
use melior::ir::{
    Value, ValueLike,
    operation::{OperationLike, OperationRef},
};

use crate::{
    driver::{Row, SYMBOLIC},
    pattern::{Replacement, Rewrite, Rewritten, refuse},
    shape::expression_text,
};

type Answer<'c, 'a> = Rewritten<Replacement<'c, 'a>>;

pub(super) const RULES: &[Row] = &[("constant_number", SYMBOLIC, constant_number)];

// f(n) = f(3), where n is 3; higher-order ops keep theirs, which are arguments of graphs
fn constant_number<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let op = b.op();
    let is_symbolic = op.name().starts_with("sym.");
    if op.def().is_none() && !is_symbolic {
        return refuse("nothing is known of the op");
    }
    let mut given = b.given();
    let mut found = 0;
    for argument in &mut given {
        replace(b, &mut argument.value, &mut found);
    }
    if found == 0 {
        return refuse("no number is constant");
    }
    rebuilt(b, op, given)
}

fn rebuilt<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    op: AtenOp<'c, 'a>,
    given: Vec<expc_dialects::GivenArgument<'c, 'a>>,
) -> Answer<'c, 'a> {
    let built = b.op_of_given(&op.name(), given)?;
    match built.len() == op.operation().result_count() {
        true => Ok(built.into_iter().map(Some).collect()),
        false => refuse("the op has other results now"),
    }
}

fn replace<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, argument: &mut Argument<'c, 'a>, found: &mut usize) {
    match argument {
        Argument::Value(value) => {
            if let Some(number) = constant(b, *value) {
                *argument = Argument::Constant(Constant::Int(number));
                *found += 1;
            }
        }
        Argument::Constant(_) => {}
        Argument::List(elements) => {
            let mut replaced = std::mem::take(elements);
            for element in &mut replaced {
                replace(b, element, found);
            }
            // A list of numbers alone takes the form of one.
            *argument = replaced.into();
        }
        Argument::Dict(entries) => {
            for (_, element) in entries {
                replace(b, element, found);
            }
        }
    }
}

/// Whether an op gives an integer that is the same whenever the program runs.
pub(super) fn gives_a_constant(op: OperationRef<'_, '_>) -> bool {
    let results = AtenOp::new(op).symbolic_results();
    results.iter().any(|(_, text)| text.parse::<i64>().is_ok())
}

/// The integer that a value is, if its expression is one.
fn constant(b: &Rewrite<'_, '_, '_>, value: Value<'_, '_>) -> Option<i64> {
    if ValueType::from_mlir(value.r#type()) != Some(ValueType::SymInt) {
        return None;
    }
    let expression = b.env().parse(&expression_text(value)?)?;
    i64::try_from(expression.as_int()?).ok()
}

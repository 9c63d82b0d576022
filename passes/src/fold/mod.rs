//! Constant folding: what ops of tensors that hold one number everywhere compute is a tensor of one number.
//!
//! ```text
//! %a = aten.full.default() {size = [2], fill_value = 2.0}
//! %b = aten.mul.Tensor(%a, 3.0)        aten.full.default() {size = [2], fill_value = 6.0}
//! %c = aten.mul.Tensor(%x, %b)         aten.mul.Tensor(%x, 6.0)
//! ```
//!
//! Valid on functional programs; changes no bit of a result. Folded is what Rust computes as every device does: the
//! four operations in single and double precision with finite results, integers that do not overflow, comparisons
//! and logic. `number.rs` computes; the rules here say of what.

mod number;

use std::sync::LazyLock;

use expc_dialects::{Argument, AtenOp, Constant, Diagnostic, ScalarType, mlir};
use melior::ir::{Module, Value};

use self::number::{Binary, Number, Unary};
use crate::{
    args,
    driver::{self, Row, Rules},
    pattern::{Replacement, Rewrite, Rewritten, refuse, single, size_argument},
    rewrites::Rewrites,
    shape::ShapeEnv,
};

type Answer<'c, 'a> = Rewritten<Replacement<'c, 'a>>;

const RULES: &[Row] = &[
    ("unary_of_splat", UNARY_OPS, unary_of_splat),
    ("binary_of_splats", BINARY_OPS, binary_of_splats),
    ("cast_of_splat", "aten._to_copy.default", cast_of_splat),
    ("where_of_splat", "aten.where.self", where_of_splat),
    (
        "reshape_of_splat",
        "aten.view.default aten._unsafe_view.default aten.unsqueeze.default aten.squeeze.dim aten.squeeze.dims \
         aten.permute.default aten.transpose.int",
        reshape_of_splat,
    ),
    (
        "neutral_splat",
        "aten.add.Tensor aten.sub.Tensor aten.mul.Tensor aten.div.Tensor",
        neutral_splat,
    ),
    (
        "splat_to_number",
        "aten.add.Tensor aten.sub.Tensor aten.mul.Tensor",
        splat_to_number,
    ),
];

static ALL_RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new([&RULES]));

/// Applies the rules wherever they hold.
///
/// # Errors
/// The program is not functional.
pub fn fold(
    module: &Module<'_>,
    env: &ShapeEnv<'_>,
    rewrites: &Rewrites,
) -> Result<(), Vec<Diagnostic>> {
    driver::apply(module, PASS, &ALL_RULES, env, rewrites)
}

/// The name of the pass.
const PASS: &str = "fold";

/// Ops that fill a tensor with an argument.
const FILLED: &[(&str, &str)] = &[
    ("aten.full.default", "fill_value"),
    ("aten.full_like.default", "fill_value"),
    ("aten.new_full.default", "fill_value"),
    ("aten.scalar_tensor.default", "s"),
];

/// Ops that fill a tensor with a number of their own.
const CONSTANT: &[(&str, i64)] = &[
    ("aten.zeros.default", 0),
    ("aten.zeros_like.default", 0),
    ("aten.new_zeros.default", 0),
    ("aten.ones.default", 1),
    ("aten.ones_like.default", 1),
    ("aten.new_ones.default", 1),
];

/// Views, of which every element is one of the operand's.
const VIEWS: &[&str] = &[
    "aten.view.default",
    "aten._unsafe_view.default",
    "aten.expand.default",
    "aten.unsqueeze.default",
    "aten.squeeze.default",
    "aten.squeeze.dim",
    "aten.squeeze.dims",
    "aten.permute.default",
    "aten.transpose.int",
    "aten.slice.Tensor",
    "aten.select.int",
    "aten.alias.default",
    "aten.clone.default",
];

/// How many views are looked through.
const MOST_VIEWS: usize = 16;

/// The number that every element of a tensor is.
fn splat<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, value: Value<'c, 'a>) -> Rewritten<Number> {
    let dtype = b.dtype_of(value)?;
    let mut below = value;
    for _ in 0..MOST_VIEWS {
        let producer = b.producer(below)?;
        let name = producer.op().name();
        if VIEWS.contains(&name.as_str()) {
            below = producer.tensor("self")?;
            continue;
        }
        let number =
            fill(&producer, &name).and_then(|constant| Number::of_constant(&constant, dtype));
        return match number {
            Some(number) => Ok(number),
            None => refuse("no constant of the dtype"),
        };
    }
    refuse("too many views")
}

/// What an op fills its result with.
fn fill(b: &Rewrite<'_, '_, '_>, name: &str) -> Option<Constant> {
    if let Some((_, number)) = CONSTANT.iter().find(|(op, _)| *op == name) {
        return Some(Constant::Int(*number));
    }
    let (_, argument) = FILLED.iter().find(|(op, _)| *op == name)?;
    match b.arg(argument)? {
        Argument::Constant(constant) => Some(constant),
        _ => None,
    }
}

/// A tensor of the type of the op's result that holds a number everywhere.
fn full<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, number: Number) -> Answer<'c, 'a> {
    let meta = b.result_meta(0)?;
    let sizes: Option<Vec<i64>> = meta
        .sizes
        .as_deref()
        .and_then(|sizes| sizes.iter().map(|size| size.as_static()).collect());
    let Some(sizes) = sizes else {
        return refuse("the sizes are not known");
    };
    let sizes = sizes.into_iter().map(crate::pattern::Size::Static);
    let kwargs = [
        ("dtype", Argument::from(meta.dtype)),
        ("device", Constant::Device(meta.device).into()),
        ("pin_memory", false.into()),
    ];
    single(b.op_with(
        "aten.full.default",
        args![size_argument(sizes), number.to_constant()],
        &kwargs,
    )?)
}

const UNARY_OPS: &str =
    "aten.neg.default aten.abs.default aten.logical_not.default aten.bitwise_not.default";

/// What the ops of one operand compute.
const UNARY: &[(&str, Unary)] = &[
    ("aten.neg.default", Unary::Neg),
    ("aten.abs.default", Unary::Abs),
    ("aten.logical_not.default", Unary::LogicalNot),
    ("aten.bitwise_not.default", Unary::BitwiseNot),
];

// f(full(s, n)) = full(s, f(n))
fn unary_of_splat<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let name = b.op().name();
    let Some((_, op)) = UNARY.iter().find(|(known, _)| *known == name) else {
        return refuse("no op that folds");
    };
    match splat(b, b.tensor("self")?)?.unary(*op) {
        Some(number) => full(b, number),
        None => refuse("the result is no number that folds"),
    }
}

const BINARY_OPS: &str = "aten.add.Tensor aten.add.Scalar aten.sub.Tensor aten.sub.Scalar aten.mul.Tensor \
     aten.mul.Scalar aten.div.Tensor aten.div.Scalar aten.maximum.default aten.minimum.default aten.eq.Tensor \
     aten.eq.Scalar aten.ne.Tensor aten.ne.Scalar aten.lt.Tensor aten.lt.Scalar aten.le.Tensor aten.le.Scalar \
     aten.gt.Tensor aten.gt.Scalar aten.ge.Tensor aten.ge.Scalar aten.logical_and.default aten.logical_or.default \
     aten.bitwise_and.Tensor aten.bitwise_or.Tensor";

/// What the ops of two operands compute, by their names without overload.
const BINARY: &[(&str, Binary)] = &[
    ("aten.add", Binary::Add),
    ("aten.sub", Binary::Sub),
    ("aten.mul", Binary::Mul),
    ("aten.div", Binary::Div),
    ("aten.maximum", Binary::Max),
    ("aten.minimum", Binary::Min),
    ("aten.eq", Binary::Eq),
    ("aten.ne", Binary::Ne),
    ("aten.lt", Binary::Lt),
    ("aten.le", Binary::Le),
    ("aten.gt", Binary::Gt),
    ("aten.ge", Binary::Ge),
    ("aten.logical_and", Binary::LogicalAnd),
    ("aten.logical_or", Binary::LogicalOr),
    ("aten.bitwise_and", Binary::BitwiseAnd),
    ("aten.bitwise_or", Binary::BitwiseOr),
];

fn binary_op(op: AtenOp<'_, '_>) -> Option<Binary> {
    let name = op.name();
    let (without_overload, _) = name.rsplit_once('.')?;
    let row = BINARY.iter().find(|(known, _)| *known == without_overload);
    row.map(|(_, op)| *op)
}

// f(full(s, m), full(t, n)) = full(broadcast of s and t, f(m, n))
fn binary_of_splats<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let left = splat(b, b.tensor("self")?)?;
    let right = match b.arg("other") {
        Some(Argument::Value(value)) => splat(b, value)?,
        Some(Argument::Constant(constant)) => match Number::beside(&constant, left.dtype()) {
            Some(number) => number,
            None => return refuse("the dtype does not hold the number"),
        },
        _ => return refuse("no number"),
    };
    if !is_plain_sum(b) || left.dtype() != right.dtype() {
        return refuse("numbers of two dtypes, or a factor");
    }
    let result = binary_op(b.op()).and_then(|op| left.binary(op, right));
    match result.filter(|number| {
        b.result_meta(0)
            .is_ok_and(|meta| meta.dtype == number.dtype())
    }) {
        Some(number) => full(b, number),
        None => refuse("the result is no number that folds"),
    }
}

// to(full(s, n), T) = full(s, n as T)
fn cast_of_splat<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let number = splat(b, b.tensor("self")?)?;
    match number.cast(b.result_meta(0)?.dtype) {
        Some(number) => full(b, number),
        None => refuse("the dtype does not hold the number"),
    }
}

// where(full(s, true), x, y) = x, and y for false
fn where_of_splat<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let chosen = match splat(b, b.tensor("condition")?)?.to_constant() {
        Constant::Bool(true) => "self",
        Constant::Bool(false) => "other",
        _ => return refuse("the condition is no bool"),
    };
    single(b.tensor(chosen)?)
}

// view(full(s, n), t) = full(t, n), where nothing else reads the first
fn reshape_of_splat<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let is_full = b.producer(x)?.op().name() == "aten.full.default";
    if !is_full || mlir::users(x).len() != 1 {
        return refuse("the tensor is there in any case");
    }
    full(b, splat(b, x)?)
}

// x + 0 = x, x - 0 = x, x * 1 = x, x / 1 = x, as far as `canonicalize` has it of numbers; 0 + x and 1 * x as well
fn neutral_splat<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, y) = (b.tensor("self")?, b.tensor("other")?);
    let Some(op) = binary_op(b.op()).filter(|_| is_plain_sum(b)) else {
        return refuse("no plain sum or product");
    };
    if splat(b, y).is_ok_and(|number| number.is_right_neutral(op)) {
        return single(x);
    }
    let commutes = matches!(op, Binary::Add | Binary::Mul);
    if commutes && splat(b, x).is_ok_and(|number| number.is_right_neutral(op)) {
        return single(y);
    }
    refuse("no neutral number")
}

// x + full(s, n) = x + n, for n of the dtype of x
fn splat_to_number<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, y) = (b.tensor("self")?, b.tensor("other")?);
    let number = splat(b, y)?;
    if number.dtype() != b.dtype_of(x)? || number.dtype() == ScalarType::Bool {
        return refuse("the number has another dtype");
    }
    let mut given = b.given();
    for argument in &mut given {
        if argument.name == "other" {
            argument.value = number.to_constant().into();
        }
    }
    match b.op_of_given(&b.op().name(), given)?.as_slice() {
        [value] => single(*value),
        _ => refuse("an op of two numbers has one result"),
    }
}

/// Whether an addend counts once.
fn is_plain_sum(b: &Rewrite<'_, '_, '_>) -> bool {
    matches!(
        b.arg("alpha"),
        None | Some(Argument::Constant(Constant::Int(1)))
    )
}

#[cfg(test)]
mod tests {
    use expc_dialects::table;

    use super::*;

    #[test]
    fn rules_name_ops_that_there_are() {
        let of_rules = RULES.iter().flat_map(|row| row.1.split_ascii_whitespace());
        let names = of_rules
            .chain(FILLED.iter().map(|(name, _)| *name))
            .chain(CONSTANT.iter().map(|(name, _)| *name))
            .chain(UNARY.iter().map(|(name, _)| *name))
            .chain(VIEWS.iter().copied());
        for name in names {
            assert!(table::lookup(name).is_some(), "{name}");
        }
        for name in BINARY_OPS.split_ascii_whitespace() {
            let (op, _) = name.rsplit_once('.').unwrap();
            assert!(BINARY.iter().any(|(known, _)| *known == op), "{name}");
        }
    }
}

//! Identities of arithmetic.
//!
//! Half precision is left out of most: kernels compute it in single precision and write every NaN as the same one.

use expc_dialects::{Argument, Constant, ScalarType, mlir};
use melior::ir::Value;

use crate::{
    args,
    driver::Row,
    pattern::{Replacement, Rewrite, Rewritten, refuse, single},
};

type Answer<'c, 'a> = Rewritten<Replacement<'c, 'a>>;

pub(super) const RULES: &[Row] = &[
    ("mul_one", "aten.mul.Tensor aten.mul.Scalar", mul_one),
    ("div_one", "aten.div.Tensor aten.div.Scalar", div_one),
    (
        "integer_div_one",
        "aten.div.Tensor_mode aten.div.Scalar_mode aten.floor_divide.default aten.floor_divide.Scalar",
        integer_div_one,
    ),
    ("add_zero", "aten.add.Tensor aten.add.Scalar", add_zero),
    ("sub_zero", "aten.sub.Tensor aten.sub.Scalar", sub_zero),
    ("pow_one", "aten.pow.Tensor_Scalar", pow_one),
    (
        "add_of_add",
        "aten.add.Tensor aten.add.Scalar",
        integer_add_of_add,
    ),
    (
        "mul_of_mul",
        "aten.mul.Tensor aten.mul.Scalar",
        integer_mul_of_mul,
    ),
    (
        "involution_twice",
        "aten.neg.default aten.bitwise_not.default aten.logical_not.default",
        involution_twice,
    ),
    (
        "idempotent_twice",
        "aten.abs.default aten.relu.default aten.ceil.default aten.floor.default aten.trunc.default \
         aten.round.default aten.sign.default",
        idempotent_twice,
    ),
    ("abs_of_neg", "aten.abs.default", abs_of_neg),
    (
        "lattice_of_same",
        "aten.bitwise_and.Tensor aten.bitwise_or.Tensor aten.logical_and.default aten.logical_or.default \
         aten.maximum.default aten.minimum.default",
        lattice_of_same,
    ),
    ("where_same", "aten.where.self", where_same),
];

/// Rules that are true of real numbers only.
pub(super) const INEXACT: &[Row] = &[
    ("mul_one", "aten.mul.Tensor aten.mul.Scalar", any_mul_one),
    ("div_one", "aten.div.Tensor aten.div.Scalar", any_mul_one),
    (
        "add_zero",
        "aten.add.Tensor aten.add.Scalar aten.sub.Tensor aten.sub.Scalar",
        any_add_zero,
    ),
    (
        "add_of_add",
        "aten.add.Tensor aten.add.Scalar",
        any_add_of_add,
    ),
    (
        "mul_of_mul",
        "aten.mul.Tensor aten.mul.Scalar",
        any_mul_of_mul,
    ),
    (
        "div_by_number",
        "aten.div.Tensor aten.div.Scalar",
        div_by_number,
    ),
    ("neg_twice", "aten.neg.default", any_neg_twice),
    (
        "reciprocal_of_sqrt",
        "aten.reciprocal.default",
        reciprocal_of_sqrt,
    ),
];

// x * 1 = x
fn mul_one<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = plain_operand(b)?;
    if is_number(b, 1.0) {
        single(x)
    } else {
        refuse("no factor of 1")
    }
}

// x / 1 = x, for floats
fn div_one<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    mul_one(b)
}

// div(x, 1, rounding) = x, for integers
fn integer_div_one<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    integer_operand(b)?;
    mul_one(b)
}

// x + alpha * 0 = x, for integers: -0.0 + 0 is 0.0
fn add_zero<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    integer_operand(b)?;
    any_add_zero(b)
}

// x - 0 = x; the zero of a float must be the positive one: -0.0 - -0.0 is 0.0
fn sub_zero<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = plain_operand(b)?;
    let is_negative = matches!(b.arg("other"), Some(Argument::Constant(Constant::Float(zero))) if zero.is_sign_negative());
    if is_number(b, 0.0) && !is_negative && is_plain_sum(b) {
        return single(x);
    }
    refuse("no difference to 0")
}

// pow(x, 1) = x, in every dtype: kernels copy
fn pow_one<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    match b.arg("exponent").as_ref().and_then(number) {
        Some(1.0) => single(b.tensor("self")?),
        _ => refuse("no power of 1"),
    }
}

// (x + m) + n = x + (m + n), for integers, which wrap around
fn integer_add_of_add<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    integer_operand(b)?;
    any_add_of_add(b)
}

// (x * m) * n = x * (m * n), for integers, which wrap around
fn integer_mul_of_mul<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    integer_operand(b)?;
    any_mul_of_mul(b)
}

// f(f(x)) = x, for f that takes itself back
fn involution_twice<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let inner = same_op_below(b)?;
    let x = inner.tensor("self")?;
    if is_half(b.dtype_of(x)?) {
        return refuse("half precision loses what a NaN was");
    }
    single(x)
}

// f(f(x)) = f(x), for f that leaves what it answers as it is
fn idempotent_twice<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    same_op_below(b)?;
    let x = b.tensor("self")?;
    if is_half(b.dtype_of(x)?) {
        return refuse("half precision loses what a NaN was");
    }
    single(x)
}

// abs(-x) = abs(x), for signed x
fn abs_of_neg<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    use ScalarType::{Float32, Float64, Int8, Int16, Int32, Int64};
    let inner = b.producer(b.tensor("self")?)?;
    let x = inner.tensor("self")?;
    let is_signed = matches!(
        b.dtype_of(x)?,
        Float32 | Float64 | Int8 | Int16 | Int32 | Int64
    );
    if inner.op().name() != "aten.neg.default" || !is_signed {
        return refuse("no `abs` of `neg` of signed numbers");
    }
    single(b.op_value("aten.abs.default", args![x])?)
}

// f(x, x) = x, for the ops of a lattice of integers or bools: vector kernels make other NaNs of NaNs
fn lattice_of_same<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, y) = (b.tensor("self")?, b.tensor("other")?);
    let dtype = b.dtype_of(x)?;
    if !mlir::same_value(x, y) || !(dtype.is_integer() || dtype == ScalarType::Bool) {
        return refuse("the operands are not the same");
    }
    single(x)
}

// where(c, x, x) = x, where c is no larger than x
fn where_same<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, y) = (b.tensor("self")?, b.tensor("other")?);
    if !mlir::same_value(x, y) {
        return refuse("the choices are not the same");
    }
    single(x)
}

// x * 1 = x and x / 1 = x
fn any_mul_one<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    match is_number(b, 1.0) {
        true => single(b.tensor("self")?),
        false => refuse("no 1"),
    }
}

// x + 0 = x and x - 0 = x
fn any_add_zero<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    match is_number(b, 0.0) {
        true => single(b.tensor("self")?),
        false => refuse("no 0"),
    }
}

// (x + m) + n = x + (m + n)
fn any_add_of_add<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let inner = same_op_below(b)?;
    if !is_plain_sum(b) || !is_plain_sum(&inner) {
        return refuse("a sum with a factor");
    }
    joined(b, &inner, i64::checked_add, |m, n| m + n)
}

// (x * m) * n = x * (m * n)
fn any_mul_of_mul<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let inner = same_op_below(b)?;
    joined(b, &inner, i64::checked_mul, |m, n| m * n)
}

// x / n = x * (1 / n)
fn div_by_number<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let Some(Argument::Constant(Constant::Float(divisor))) = b.arg("other") else {
        return refuse("no division by a float");
    };
    let factor = 1.0 / divisor;
    if !factor.is_normal() {
        return refuse("the reciprocal is no normal number");
    }
    let name = match b.op().name() == "aten.div.Scalar" {
        true => "aten.mul.Scalar",
        false => "aten.mul.Tensor",
    };
    single(b.op_value(name, args![x, factor])?)
}

// -(-x) = x
fn any_neg_twice<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(same_op_below(b)?.tensor("self")?)
}

// 1 / sqrt(x) = rsqrt(x)
fn reciprocal_of_sqrt<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let inner = b.producer(b.tensor("self")?)?;
    if inner.op().name() != "aten.sqrt.default" {
        return refuse("no reciprocal of a root");
    }
    single(b.op_value("aten.rsqrt.default", args![inner.tensor("self")?])?)
}

/// The op again, on the tensor of the inner one, with one number for two.
fn joined<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    inner: &Rewrite<'_, 'c, 'a>,
    of_integers: fn(i64, i64) -> Option<i64>,
    of_floats: fn(f64, f64) -> f64,
) -> Answer<'c, 'a> {
    let number = match (inner.arg("other"), b.arg("other")) {
        (Some(Argument::Constant(m)), Some(Argument::Constant(n))) => match (m, n) {
            (Constant::Int(m), Constant::Int(n)) => match of_integers(m, n) {
                Some(number) if holds(b.result_meta(0)?.dtype, number) => Constant::Int(number),
                _ => return refuse("the dtype does not hold the number"),
            },
            (Constant::Float(m), Constant::Float(n)) => Constant::Float(of_floats(m, n)),
            _ => return refuse("numbers of two kinds"),
        },
        _ => return refuse("no numbers"),
    };
    let x = inner.tensor("self")?;
    single(b.op_value(&b.op().name(), args![x, number])?)
}

/// What computes the only operand, if it is the same op.
fn same_op_below<'r, 'c, 'a>(b: &Rewrite<'r, 'c, 'a>) -> Rewritten<Rewrite<'r, 'c, 'a>> {
    let inner = b.producer(b.tensor("self")?)?;
    match inner.op().name() == b.op().name() {
        true => Ok(inner),
        false => refuse("another op is below"),
    }
}

/// The tensor, if arithmetic with a neutral number leaves all of its bits.
fn plain_operand<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    let x = b.tensor("self")?;
    let dtype = b.dtype_of(x)?;
    if dtype.is_complex() || is_half(dtype) {
        return refuse("arithmetic changes NaNs of the dtype");
    }
    Ok(x)
}

fn integer_operand(b: &Rewrite<'_, '_, '_>) -> Rewritten<()> {
    match b.dtype_of(b.tensor("self")?)?.is_integer() {
        true => Ok(()),
        false => refuse("no integers"),
    }
}

/// Whether an addend counts once.
fn is_plain_sum(b: &Rewrite<'_, '_, '_>) -> bool {
    b.arg("alpha")
        .is_none_or(|alpha| number(&alpha) == Some(1.0))
}

fn is_number(b: &Rewrite<'_, '_, '_>, expected: f64) -> bool {
    b.arg("other").as_ref().and_then(number) == Some(expected)
}

/// A constant that a float holds.
fn number(argument: &Argument<'_, '_>) -> Option<f64> {
    match argument.as_constant()? {
        Constant::Float(value) => Some(*value),
        Constant::Int(0) | Constant::Bool(false) => Some(0.0),
        Constant::Int(1) | Constant::Bool(true) => Some(1.0),
        _ => None,
    }
}

/// Whether a dtype has an integer; floats are taken to have any.
fn holds(dtype: ScalarType, number: i64) -> bool {
    use ScalarType::{Int8, Int16, Int32, Uint8, Uint16, Uint32, Uint64};
    match dtype {
        Int8 => i8::try_from(number).is_ok(),
        Int16 => i16::try_from(number).is_ok(),
        Int32 => i32::try_from(number).is_ok(),
        Uint8 => u8::try_from(number).is_ok(),
        Uint16 => u16::try_from(number).is_ok(),
        Uint32 => u32::try_from(number).is_ok(),
        Uint64 => u64::try_from(number).is_ok(),
        _ => true,
    }
}

/// Narrower than single precision.
fn is_half(dtype: ScalarType) -> bool {
    dtype == ScalarType::Complex32 || (dtype.is_floating_point() && dtype.size() < 4)
}

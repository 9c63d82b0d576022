//! Elementwise arithmetic, comparisons and special functions; activations are in `activation.rs`.

use expc_dialects::{Argument, Constant, ScalarType};
use melior::ir::{TypeLike, Value, ValueLike};

use super::{
    Rule,
    elementwise::{Answer, number, opmath},
};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, refuse, single},
    shape::Promotion,
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.addcdiv.default", addcdiv),
    ("aten.addcmul.default", addcmul),
    ("aten.deg2rad.default", deg2rad),
    ("aten.float_power.Scalar", float_power),
    ("aten.float_power.Tensor_Scalar", float_power),
    ("aten.float_power.Tensor_Tensor", float_power),
    ("aten.floor_divide.default", floor_divide),
    ("aten.frac.default", frac),
    ("aten.heaviside.default", heaviside),
    ("aten.isclose.default", isclose),
    ("aten.isfinite.default", isfinite),
    ("aten.isneginf.default", isneginf),
    ("aten.isposinf.default", isposinf),
    ("aten.isreal.default", isreal),
    ("aten.lerp.Scalar", lerp_scalar),
    ("aten.lerp.Tensor", lerp_tensor),
    ("aten.logaddexp.default", logaddexp),
    ("aten.logaddexp2.default", logaddexp2),
    ("aten.logit.default", logit),
    ("aten.masked_fill.Scalar", masked_fill),
    ("aten.masked_fill.Tensor", masked_fill),
    ("aten.mvlgamma.default", mvlgamma),
    ("aten.nan_to_num.default", nan_to_num),
    ("aten.rad2deg.default", rad2deg),
    ("aten.rsub.Scalar", rsub),
    ("aten.rsub.Tensor", rsub),
    ("aten.sgn.default", sgn),
    ("aten.sinc.default", sinc),
    ("aten.special_entr.default", special_entr),
    ("aten.special_log_ndtr.default", special_log_ndtr),
    ("aten.special_ndtr.default", special_ndtr),
    ("aten.special_xlog1py.default", special_xlog1py),
    ("aten.special_xlog1py.other_scalar", special_xlog1py),
    ("aten.special_xlog1py.self_scalar", special_xlog1py),
    ("aten.square.default", square),
    ("aten.where.Scalar", where_scalar),
    ("aten.where.ScalarOther", where_scalar),
    ("aten.where.ScalarSelf", where_scalar),
    ("aten.xlogy.Scalar_Other", xlogy),
    ("aten.xlogy.Scalar_Self", xlogy),
    ("aten.xlogy.Tensor", xlogy),
];

/// An argument that must be there.
fn operand<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, name: &str) -> Rewritten<Argument<'c, 'a>> {
    match b.arg(name) {
        Some(argument) => Ok(argument),
        None => refuse(format!("argument `{name}` is missing")),
    }
}

/// The factor `value` of an op, 1 if it is not given.
fn factor<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Argument<'c, 'a> {
    b.arg("value").unwrap_or_else(|| Argument::from(1))
}

// addcdiv(x, y, z, value) = x + value * y / z.
fn addcdiv<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let operands = [
        b.tensor("self")?,
        b.tensor("tensor1")?,
        b.tensor("tensor2")?,
    ];
    let ([x, y, z], result) = b.in_float(operands)?;
    let scaled = b.mul(y, factor(b))?;
    b.answer(b.add(x, b.div(scaled, z)?)?, result)
}

// addcmul(x, y, z, value) = x + value * y * z.
fn addcmul<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let operands = [
        b.tensor("self")?,
        b.tensor("tensor1")?,
        b.tensor("tensor2")?,
    ];
    let ([x, y, z], result) = b.in_opmath(operands)?;
    let scaled = b.mul(y, factor(b))?;
    b.answer(b.add(x, b.mul(scaled, z)?)?, result)
}

// deg2rad(x) = x * pi / 180.
fn deg2rad<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    scaled_by(b, std::f64::consts::PI / 180.0)
}

// rad2deg(x) = x * 180 / pi.
fn rad2deg<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    scaled_by(b, 180.0 / std::f64::consts::PI)
}

fn scaled_by<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, factor: f64) -> Answer<'c, 'a> {
    let ([x], result) = b.in_float([b.tensor("self")?])?;
    b.answer(b.mul(x, factor)?, result)
}

// float_power(x, y) = pow(x as f64, y as f64), in complex<f64> if one of them is complex.
fn float_power<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, y) = (operand(b, "self")?, operand(b, "exponent")?);
    let is_complex = b
        .promoted_dtype(&[x.clone(), y.clone()], Promotion::Default)?
        .is_complex();
    let dtype = if is_complex {
        ScalarType::Complex128
    } else {
        ScalarType::Float64
    };
    let cast = |operand: Argument<'c, 'a>| match operand {
        Argument::Value(value) if value.r#type().is_tensor() => {
            b.cast(value, dtype).map(Argument::Value)
        }
        scalar => Ok(match number(&scalar) {
            Some(number) if !is_complex => number.into(),
            _ => scalar,
        }),
    };
    let y = cast(y)?;
    let x = cast(x)?;
    let is_tensor =
        |operand: &Argument<'c, 'a>| operand.as_value().is_some_and(|v| v.r#type().is_tensor());
    let op = match (is_tensor(&x), is_tensor(&y)) {
        (true, true) => "aten.pow.Tensor_Tensor",
        (true, false) => "aten.pow.Tensor_Scalar",
        _ => "aten.pow.Scalar",
    };
    single(b.op_value(op, vec![x, y])?)
}

// floor_divide(x, y) = floor(x / y).
fn floor_divide<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, y) = (operand(b, "self")?, operand(b, "other")?);
    single(b.op_with(
        "aten.div.Tensor_mode",
        vec![x, y],
        &[("rounding_mode", "floor".into())],
    )?)
}

// frac(x) = x - floor(|x|) * sign(x).
fn frac<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_opmath([b.tensor("self")?])?;
    let floor = b.unary("floor", b.unary("abs", x)?)?;
    let whole = b.mul(floor, b.unary("sign", x)?)?;
    b.answer(b.sub(x, whole)?, result)
}

// heaviside(x, v) = x == 0 ? v : x < 0 || isnan(x) ? 0 : 1.
fn heaviside<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x, values], result) = b.in_opmath([b.tensor("self")?, b.tensor("values")?])?;
    let is_zero = b.compare("eq", x, 0)?;
    let is_negative = b.compare("lt", x, 0)?;
    let is_nan = b.unary("isnan", x)?;
    let is_low = b.op_value("aten.logical_or.default", args![is_negative, is_nan])?;
    let step = b.select(is_low, 0, 1)?;
    b.answer(b.select(is_zero, values, step)?, result)
}

// isclose(x, y) = x == y || isfinite(x - y) && |x - y| <= atol + |rtol * y|.
fn isclose<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, y) = (b.tensor("self")?, b.tensor("other")?);
    let (rtol, atol) = (b.float("rtol")?, b.float("atol")?);
    let dtype = b.dtype_of(x)?;
    let is_inexact = dtype.is_floating_point() || dtype.is_complex();
    let mut close = b.compare("eq", x, y)?;
    if b.boolean("equal_nan")? && is_inexact {
        let (x_nan, y_nan) = (b.unary("isnan", x)?, b.unary("isnan", y)?);
        let both = b.binary("bitwise_and", x_nan, y_nan)?;
        close = b.binary("bitwise_or", close, both)?;
    }
    if rtol == 0.0 && atol == 0.0 {
        return single(close);
    }
    let x = if dtype == ScalarType::Bool {
        b.cast(x, ScalarType::Float32)?
    } else {
        x
    };
    let y = if is_inexact {
        y
    } else {
        b.cast(y, ScalarType::Float32)?
    };
    let relative = b.unary("abs", b.op_value("aten.mul.Scalar", args![y, rtol])?)?;
    let allowed = b.op_value("aten.add.Scalar", args![relative, atol])?;
    let error = b.unary("abs", b.sub(x, y)?)?;
    let is_finite = b.unary("isfinite", error)?;
    let is_small = b.compare("le", error, allowed)?;
    let within = b.binary("bitwise_and", is_finite, is_small)?;
    single(b.binary("bitwise_or", close, within)?)
}

// isfinite(x) = x == x && |x| != inf; true for integers; of both parts of a complex number.
fn isfinite<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let dtype = b.dtype_of(x)?;
    if !dtype.is_floating_point() && !dtype.is_complex() {
        return all_equal(b, x, true);
    }
    if dtype.is_complex() {
        let real = b.unary("isfinite", b.unary("real", x)?)?;
        let imaginary = b.unary("isfinite", b.unary("imag", x)?)?;
        return single(b.binary("bitwise_and", real, imaginary)?);
    }
    let not_infinite = b.compare("ne", b.unary("abs", x)?, f64::INFINITY)?;
    let not_nan = b.compare("eq", x, x)?;
    single(b.mul(not_nan, not_infinite)?)
}

fn all_equal<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>, truth: bool) -> Answer<'c, 'a> {
    let op = if truth {
        "aten.ones_like.default"
    } else {
        "aten.zeros_like.default"
    };
    single(b.op_with(
        op,
        args![x],
        &[
            ("dtype", ScalarType::Bool.into()),
            ("pin_memory", false.into()),
        ],
    )?)
}

// isneginf(x) = x == -inf; false for integers.
fn isneginf<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    is_infinity(b, f64::NEG_INFINITY)
}

// isposinf(x) = x == inf; false for integers.
fn isposinf<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    is_infinity(b, f64::INFINITY)
}

fn is_infinity<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, infinity: f64) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    if b.dtype_of(x)?.is_floating_point() {
        let x = b.cast(x, opmath(b.dtype_of(x)?))?;
        single(b.compare("eq", x, infinity)?)
    } else {
        all_equal(b, x, false)
    }
}

// isreal(x) = true; imag(x) == 0 for complex x.
fn isreal<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    if b.dtype_of(x)?.is_complex() {
        let imaginary = b.unary("imag", x)?;
        single(b.compare("eq", imaginary, 0)?)
    } else {
        all_equal(b, x, true)
    }
}

// lerp(x, y, w) = |w| >= 0.5 ? (w - 1) * (y - x) + y : w * (y - x) + x, for a number w.
fn lerp_scalar<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([start, end], result) = b.in_opmath([b.tensor("self")?, b.tensor("end")?])?;
    let weight = b.number_like(start, operand(b, "weight")?)?;
    b.answer(interpolated(b, start, end, weight)?, result)
}

// lerp(x, y, w) = |w| >= 0.5 ? (w - 1) * (y - x) + y : w * (y - x) + x, for a tensor w.
fn lerp_tensor<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let operands = [b.tensor("self")?, b.tensor("end")?, b.tensor("weight")?];
    let ([start, end, weight], result) = b.in_opmath(operands)?;
    b.answer(interpolated(b, start, end, weight)?, result)
}

fn interpolated<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    start: Value<'c, 'a>,
    end: Value<'c, 'a>,
    weight: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let is_nearer = b.compare("ge", b.unary("abs", weight)?, 0.5)?;
    let coefficient = b.select(is_nearer, b.sub(weight, 1)?, weight)?;
    let base = b.select(is_nearer, end, start)?;
    b.add(b.mul(coefficient, b.sub(end, start)?)?, base)
}

/// The smaller and the larger of two tensors by `x >= y`, and that comparison's results.
fn ordered<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    y: Value<'c, 'a>,
    is_ordered: Value<'c, 'a>,
) -> Rewritten<(Value<'c, 'a>, Value<'c, 'a>)> {
    let larger = b.select(is_ordered, x, y)?;
    let smaller = b.select(is_ordered, y, x)?;
    Ok((smaller, larger))
}

// logaddexp(x, y) = max + log1p(exp(min - max)); x where both are the same infinity.
fn logaddexp<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x, y], result) = b.in_opmath([b.tensor("self")?, b.tensor("other")?])?;
    if b.dtype_of(x)?.is_complex() {
        return b.answer(logaddexp_complex(b, x, y)?, result);
    }
    let is_ordered = b.compare("ge", x, y)?;
    let (smaller, larger) = ordered(b, x, y, is_ordered)?;
    let is_infinite = b.unary("logical_not", b.unary("isfinite", x)?)?;
    let is_same = b.compare("eq", x, y)?;
    let is_infinity = b.op_value("aten.logical_and.default", args![is_infinite, is_same])?;
    let sum = b.add(larger, log1p_exp(b, b.sub(smaller, larger)?)?)?;
    b.answer(b.select(is_infinity, x, sum)?, result)
}

fn log1p_exp<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    b.unary("log1p", b.unary("exp", x)?)
}

// logaddexp(x, y) over the complex numbers: ordered by real parts, log(exp(x) + exp(y)) where these are the
// same infinity, NaN where the smaller is.
fn logaddexp_complex<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    y: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let real = |z| b.unary("real", z);
    let is_ordered = b.compare("ge", real(x)?, real(y)?)?;
    let (smaller, larger) = ordered(b, x, y, is_ordered)?;
    let is_infinite = b.unary("logical_not", b.unary("isfinite", real(x)?)?)?;
    let is_same = b.compare("eq", real(x)?, real(y)?)?;
    let is_infinity = b.op_value("aten.logical_and.default", args![is_infinite, is_same])?;
    let is_negative = b.compare("lt", real(smaller)?, 0)?;
    let exponentials = b.add(b.unary("exp", smaller)?, b.unary("exp", larger)?)?;
    let at_infinity = b.select(is_negative, smaller, b.unary("log", exponentials)?)?;
    let sum = b.add(larger, log1p_exp(b, b.sub(smaller, larger)?)?)?;
    let value = b.select(is_infinity, at_infinity, sum)?;
    let is_nan = b.unary("isnan", smaller)?;
    let nan = Argument::Constant(Constant::Complex(f64::NAN, f64::NAN));
    b.select(is_nan, nan, value)
}

// logaddexp2(x, y) = max + log1p(2 ** (min - max)) / log(2); x where both are the same infinity.
fn logaddexp2<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x, y], result) = b.in_opmath([b.tensor("self")?, b.tensor("other")?])?;
    let is_ordered = b.compare("ge", x, y)?;
    let (smaller, larger) = ordered(b, x, y, is_ordered)?;
    let is_infinite = b.unary("isinf", x)?;
    let is_same = b.compare("eq", x, y)?;
    let is_infinity = b.op_value("aten.logical_and.default", args![is_infinite, is_same])?;
    let power = b.unary("exp2", b.sub(smaller, larger)?)?;
    let logarithm = b.mul(b.unary("log1p", power)?, 1.0 / std::f64::consts::LN_2)?;
    let sum = b.add(larger, logarithm)?;
    b.answer(b.select(is_infinity, x, sum)?, result)
}

// logit(x, eps) = log(z / (1 - z)) with z = x clamped to [eps, 1 - eps]; without eps to [-1, 2].
fn logit<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_float([b.tensor("self")?])?;
    let low = b.optional_float("eps")?.unwrap_or(-1.0);
    let high = 1.0 - low;
    let is_low = b.compare("lt", x, low)?;
    let is_high = b.compare("gt", x, high)?;
    let z = b.select(is_low, low, b.select(is_high, high, x)?)?;
    let odds = b.div(z, b.sub(1, z)?)?;
    b.answer(b.unary("log", odds)?, result)
}

// masked_fill(x, mask, value) = mask ? value : x, in the dtype of x.
fn masked_fill<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, mask) = (b.tensor("self")?, b.tensor("mask")?);
    let dtype = b.dtype_of(x)?;
    let value = operand(b, "value")?;
    let value = match value {
        Argument::Value(value) if value.r#type().is_tensor() => b.cast(value, dtype)?,
        scalar => b.scalar_tensor(in_dtype(scalar, dtype), dtype, mask)?,
    };
    single(b.op_value("aten.where.self", args![mask, value, x])?)
}

/// A number as Python converts it to the kind of a dtype.
fn in_dtype<'c, 'a>(scalar: Argument<'c, 'a>, dtype: ScalarType) -> Argument<'c, 'a> {
    match number(&scalar) {
        Some(number) if dtype.is_floating_point() => number.into(),
        #[allow(clippy::cast_possible_truncation, reason = "Python's own conversion")]
        Some(number) if dtype.is_integer() => (number.trunc() as i64).into(),
        _ => scalar,
    }
}

// mvlgamma(x, p) = sum(lgamma(x + (1 - j) / 2) for j in 1..=p) + p * (p - 1) / 4 * log(pi).
fn mvlgamma<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_float([b.tensor("self")?])?;
    let p = b.int("p")?;
    let Some(start) = 1_i64.checked_sub(p) else {
        return refuse(format!("`p` is {p}"));
    };
    let meta = b.meta(x)?;
    let steps = b.op_with(
        "aten.arange.start_step",
        args![start, 1, 1],
        &[
            ("dtype", meta.dtype.into()),
            ("device", Constant::Device(meta.device).into()),
            ("pin_memory", false.into()),
        ],
    )?;
    let offsets = b.mul(steps, 0.5)?;
    let columns = b.op_value("aten.unsqueeze.default", args![x, -1])?;
    let terms = b.unary("lgamma", b.add(columns, offsets)?)?;
    let sum = b.op_value("aten.sum.dim_IntList", args![terms, vec![-1]])?;
    #[allow(clippy::cast_precision_loss, reason = "Python's own conversion")]
    let p = p as f64;
    let constant = 0.25 * p * (p - 1.0) * std::f64::consts::PI.ln();
    b.answer(b.add(sum, constant)?, result)
}

// nan_to_num(x) = isnan(x) ? nan : x == -inf ? neginf : x == inf ? posinf : x; x for integers.
fn nan_to_num<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let dtype = b.dtype_of(x)?;
    if !dtype.is_floating_point() {
        return if dtype.is_complex() {
            refuse("complex numbers have no order")
        } else {
            single(b.unary("clone", x)?)
        };
    }
    let Some(largest) = largest_finite(dtype) else {
        return refuse(format!(
            "the largest number of {} is not known",
            dtype.torch_name()
        ));
    };
    let nan = b.optional_float("nan")?.unwrap_or(0.0);
    let low = b.optional_float("neginf")?.unwrap_or(-largest);
    let high = b.optional_float("posinf")?.unwrap_or(largest);
    let finite = b.select(b.unary("isnan", x)?, nan, x)?;
    let finite = b.select(b.unary("isneginf", x)?, low, finite)?;
    let finite = b.select(b.unary("isposinf", x)?, high, finite)?;
    single(finite)
}

/// The largest finite number of a floating dtype.
fn largest_finite(dtype: ScalarType) -> Option<f64> {
    Some(match dtype {
        ScalarType::Float16 => 65504.0,
        // The upper half of a single precision number.
        ScalarType::BFloat16 => f64::from(f32::from_bits(0x7f7f_0000)),
        ScalarType::Float32 => f64::from(f32::MAX),
        ScalarType::Float64 => f64::MAX,
        _ => return None,
    })
}

// rsub(x, y, alpha) = y - alpha * x.
fn rsub<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, y) = (operand(b, "self")?, operand(b, "other")?);
    let alpha = operand(b, "alpha")?;
    let difference = if number(&alpha) == Some(1.0) {
        b.sub(y, x)?
    } else {
        b.op_with("aten.sub.Tensor", vec![y, x], &[("alpha", alpha)])?
    };
    single(difference)
}

// sgn(x) = sign(x); |x| == 0 ? 0 : x / |x| for complex x.
fn sgn<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_opmath([b.tensor("self")?])?;
    if !b.dtype_of(x)?.is_complex() {
        return b.answer(b.unary("sign", x)?, result);
    }
    let length = b.unary("abs", x)?;
    let is_zero = b.compare("eq", length, 0)?;
    let unit = b.div(x, length)?;
    b.answer(b.select(is_zero, 0, unit)?, result)
}

// sinc(x) = y == 0 ? 1 : sin(y) / y with y = pi * x.
fn sinc<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_float([b.tensor("self")?])?;
    let y = b.mul(x, std::f64::consts::PI)?;
    let is_zero = b.compare("eq", y, 0)?;
    let quotient = b.div(b.unary("sin", y)?, y)?;
    b.answer(b.select(is_zero, 1, quotient)?, result)
}

// entr(x) = isnan(x) ? x : x > 0 ? -x * log(x) : x == 0 ? 0 : -inf.
fn special_entr<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_float([b.tensor("self")?])?;
    let is_nan = b.unary("isnan", x)?;
    let is_positive = b.compare("gt", x, 0)?;
    let entropy = b.mul(b.neg(x)?, b.unary("log", x)?)?;
    let is_zero = b.compare("eq", x, 0)?;
    let outside = b.select(is_zero, 0, f64::NEG_INFINITY)?;
    let outside = b.cast(outside, b.dtype_of(x)?)?;
    let inside = b.select(is_positive, entropy, outside)?;
    b.answer(b.select(is_nan, x, inside)?, result)
}

// log_ndtr(x) = x < 1 ? log(erfcx(-t) / 2) - t * t : log1p(-erfc(t) / 2) with t = x / sqrt(2).
fn special_log_ndtr<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_float([b.tensor("self")?])?;
    let t = b.mul(x, std::f64::consts::FRAC_1_SQRT_2)?;
    let is_low = b.compare("lt", x, 1.0)?;
    let scaled = b.div(b.unary("special_erfcx", b.neg(t)?)?, 2)?;
    let low = b.sub(b.unary("log", scaled)?, b.mul(t, t)?)?;
    let complement = b.div(b.neg(b.unary("erfc", t)?)?, 2)?;
    let high = b.unary("log1p", complement)?;
    b.answer(b.select(is_low, low, high)?, result)
}

// ndtr(x) = (1 + erf(x / sqrt(2))) / 2.
fn special_ndtr<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let scalar = |op, x, y: f64| b.op_value(op, args![x, y]);
    let scaled = scalar("aten.mul.Scalar", x, std::f64::consts::FRAC_1_SQRT_2)?;
    let erf = b.unary("erf", scaled)?;
    let shifted = b.op_value("aten.add.Scalar", args![erf, 1])?;
    single(scalar("aten.mul.Scalar", shifted, 0.5)?)
}

// xlog1py(x, y) = isnan(y) ? nan : x == 0 ? 0 : x * log1p(y).
fn special_xlog1py<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    x_times_log(b, "log1p")
}

// xlogy(x, y) = isnan(y) ? nan : x == 0 ? 0 : x * log(y).
fn xlogy<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    x_times_log(b, "log")
}

fn x_times_log<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, logarithm: &str) -> Answer<'c, 'a> {
    let operands = [operand(b, "self")?, operand(b, "other")?];
    let promoted = b.promotion(&operands, Promotion::IntToFloat)?;
    let tensor = operands
        .iter()
        .filter_map(Argument::as_value)
        .find(|value| value.r#type().is_tensor());
    let Some(like) = tensor else {
        return refuse("no operand is a tensor");
    };
    let [x, y] = operands.map(|operand| match operand {
        Argument::Value(value) if value.r#type().is_tensor() => b.cast(value, promoted.compute),
        scalar => {
            let meta = b.meta(like)?;
            b.op_with(
                "aten.scalar_tensor.default",
                vec![in_dtype(scalar, promoted.compute)],
                &[
                    ("dtype", promoted.compute.into()),
                    ("device", Constant::Device(meta.device).into()),
                ],
            )
        }
    });
    let (x, y) = (x?, y?);
    let is_zero = b.compare("eq", x, 0)?;
    let product = b.mul(x, b.unary(logarithm, y)?)?;
    let product = b.select(is_zero, 0, product)?;
    let is_nan = b.unary("isnan", y)?;
    b.answer(b.select(is_nan, f64::NAN, product)?, promoted.result)
}

// square(x) = x ** 2.
fn square<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    single(b.op_value("aten.pow.Tensor_Scalar", args![x, 2])?)
}

// where(c, x, y) = where(c, scalar_tensor(x), scalar_tensor(y)), what is a number being made a tensor.
fn where_scalar<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let condition = b.tensor("condition")?;
    let (x, y) = (operand(b, "self")?, operand(b, "other")?);
    let dtype = b.promoted_dtype(&[x.clone(), y.clone()], Promotion::Default)?;
    let in_result = |operand: Argument<'c, 'a>| match operand {
        Argument::Value(value) if value.r#type().is_tensor() => {
            b.cast(value, dtype).map(Argument::Value)
        }
        scalar => Ok(scalar),
    };
    single(b.select(condition, in_result(x)?, in_result(y)?)?)
}

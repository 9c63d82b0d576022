//! Gradients of activations.

use melior::ir::Value;

use super::{Rule, activation::halves, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, refuse, single},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten._prelu_kernel_backward.default", prelu_kernel_backward),
    ("aten.elu_backward.default", elu_backward),
    ("aten.gelu_backward.default", gelu_backward),
    ("aten.glu_backward.default", glu_backward),
    ("aten.hardsigmoid_backward.default", hardsigmoid_backward),
    ("aten.hardswish_backward.default", hardswish_backward),
    ("aten.hardtanh_backward.default", hardtanh_backward),
    (
        "aten.infinitely_differentiable_gelu_backward.default",
        smooth_gelu_backward,
    ),
    ("aten.leaky_relu_backward.default", leaky_relu_backward),
    ("aten.log_sigmoid_backward.default", log_sigmoid_backward),
    ("aten.logit_backward.default", logit_backward),
    ("aten.mish_backward.default", mish_backward),
    ("aten.sigmoid_backward.default", sigmoid_backward),
    ("aten.silu_backward.default", silu_backward),
    ("aten.softplus_backward.default", softplus_backward),
    ("aten.tanh_backward.default", tanh_backward),
    ("aten.threshold_backward.default", threshold_backward),
];

/// The gradient of the result and the tensor `x`, in the dtype to compute in, and the dtype of the answer.
fn gradient_and<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: &str,
) -> Rewritten<([Value<'c, 'a>; 2], expc_dialects::ScalarType)> {
    b.in_opmath([b.tensor("grad_output")?, b.tensor(x)?])
}

/// `1 - x`.
fn one_minus<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    b.sub(1, x)
}

/// The complex conjugate; a real tensor itself.
fn conjugate<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    if b.dtype_of(x)?.is_complex() {
        b.unary("_conj_physical", x)
    } else {
        Ok(x)
    }
}

// d prelu_kernel(x, w) = (x > 0 ? g : w * g, x > 0 ? 0 : x * g).
fn prelu_kernel_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (gradient, x) = (b.tensor("grad_output")?, b.tensor("self")?);
    let weight = b.tensor("weight")?;
    let is_positive = b.compare("gt", x, 0)?;
    let for_x = b.select(is_positive, gradient, b.mul(weight, gradient)?)?;
    let is_positive = b.compare("gt", x, 0)?;
    let for_weight = b.select(is_positive, 0.0, b.mul(x, gradient)?)?;
    Ok(vec![Some(for_x), Some(for_weight)])
}

// d elu(x) = x <= 0 ? g * input_scale * alpha * scale * exp(x * input_scale) : g * scale; from the result y
// the first is g * input_scale * (y + alpha * scale).
fn elu_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x], result) = gradient_and(b, "self_or_result")?;
    let (alpha, scale) = (b.float("alpha")?, b.float("scale")?);
    let input_scale = b.float("input_scale")?;
    let is_negative = b.compare("le", x, 0)?;
    let scaled = b.mul(gradient, input_scale)?;
    let negative = if b.boolean("is_result")? {
        b.mul(scaled, b.add(x, alpha * scale)?)?
    } else {
        let scaled = b.mul(scaled, alpha * scale)?;
        b.mul(scaled, b.unary("exp", b.mul(x, input_scale)?)?)?
    };
    let positive = b.mul(gradient, scale)?;
    b.answer(b.select(is_negative, negative, positive)?, result)
}

// d gelu(x) = g * (cdf(x) + x * pdf(x)) of the normal distribution, or the derivative of its tanh form.
fn gelu_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x], result) = gradient_and(b, "self")?;
    let derivative = match b.string("approximate")?.as_str() {
        "none" => gelu_derivative(b, x)?,
        "tanh" => gelu_tanh_derivative(b, x)?,
        other => return refuse(format!("`approximate` is `{other}`")),
    };
    b.answer(b.mul(gradient, derivative)?, result)
}

// d gelu(x) once more, for gradients of gradients.
fn smooth_gelu_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x], result) = b.in_opmath([b.tensor("grad")?, b.tensor("self")?])?;
    b.answer(b.mul(gradient, gelu_derivative(b, x)?)?, result)
}

// gelu'(x) = (1 + erf(x / sqrt(2))) / 2 + x * exp(-x * x / 2) / sqrt(2 * pi).
fn gelu_derivative<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
    let erf = b.unary("erf", b.mul(x, FRAC_1_SQRT_2)?)?;
    let cdf = b.mul(b.add(erf, 1)?, 0.5)?;
    let exponential = b.unary("exp", b.mul(b.mul(x, x)?, -0.5)?)?;
    let pdf = b.mul(exponential, FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * 0.5)?;
    b.add(cdf, b.mul(x, pdf)?)
}

// With t = tanh(k * (x + c * x ** 3)): gelu'(x) = (1 + t) / 2 + x / 2 * (1 - t * t) * k * (1 + 3 * c * x * x).
fn gelu_tanh_derivative<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    use std::f64::consts::{FRAC_2_SQRT_PI, SQRT_2};
    const C: f64 = 0.044715;
    let k = SQRT_2 * FRAC_2_SQRT_PI * 0.5;
    let square = b.mul(x, x)?;
    let cube = b.mul(square, x)?;
    let inner = b.mul(b.add(x, b.mul(cube, C)?)?, k)?;
    let tanh = b.unary("tanh", inner)?;
    let left = b.mul(x, 0.5)?;
    let right = b.add(tanh, 1)?;
    let left_derivative = b.mul(right, 0.5)?;
    let tanh_derivative = one_minus(b, b.mul(tanh, tanh)?)?;
    let inner_derivative = b.mul(b.add(b.mul(square, 3.0 * C)?, 1)?, k)?;
    let right_derivative = b.mul(b.mul(left, tanh_derivative)?, inner_derivative)?;
    b.add(left_derivative, right_derivative)
}

// d glu(u, v) = cat(s * g, (1 - s) * s * u * g) with s = sigmoid(v).
fn glu_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x], result) = gradient_and(b, "self")?;
    let dim = b.int("dim")?;
    let (first, second) = halves(b, x, dim)?;
    let gate = b.unary("sigmoid", second)?;
    let slope = b.mul(b.sub(1.0, gate)?, gate)?;
    let for_second = b.mul(b.mul(slope, first)?, gradient)?;
    let for_first = b.mul(gate, gradient)?;
    let dim = i64::try_from(b.dimension(x, dim)?).unwrap_or(i64::MAX);
    let joined = b.op_value("aten.cat.default", args![vec![for_first, for_second], dim])?;
    b.answer(joined, result)
}

// d hardsigmoid(x) = -3 < x < 3 ? g / 6 : 0.
fn hardsigmoid_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x], result) = gradient_and(b, "self")?;
    let (above, below) = (b.compare("gt", x, -3.0)?, b.compare("lt", x, 3.0)?);
    let inside = b.binary("bitwise_and", above, below)?;
    b.answer(b.select(inside, b.mul(gradient, 1.0 / 6.0)?, 0.0)?, result)
}

// d hardswish(x) = x <= -3 ? 0 : x < 3 ? g * (x / 3 + 1 / 2) : g.
fn hardswish_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x], result) = gradient_and(b, "self")?;
    let is_low = b.compare("le", x, -3)?;
    let is_inside = b.compare("lt", x, 3)?;
    let slope = b.mul(gradient, b.add(b.div(x, 3)?, 0.5)?)?;
    let upper = b.select(is_inside, slope, gradient)?;
    b.answer(b.select(is_low, 0.0, upper)?, result)
}

// d hardtanh(x) = x <= min || x >= max ? 0 : g.
fn hardtanh_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (gradient, x) = (b.tensor("grad_output")?, b.tensor("self")?);
    let is_low = b.compare("le", x, b.float("min_val")?)?;
    let is_high = b.compare("ge", x, b.float("max_val")?)?;
    let outside = b.binary("bitwise_or", is_low, is_high)?;
    single(b.select(outside, 0.0, gradient)?)
}

// d leaky_relu(x) = x > 0 ? g : g * negative_slope.
fn leaky_relu_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x], result) = gradient_and(b, "self")?;
    let is_positive = b.compare("gt", x, 0)?;
    let negative = b.mul(gradient, b.float("negative_slope")?)?;
    b.answer(b.select(is_positive, gradient, negative)?, result)
}

// d log_sigmoid(x) = g * (m - s * z / (1 + z)) with z = exp(-|x|), m = x < 0 ? 1 : 0, s = x < 0 ? 1 : -1.
fn log_sigmoid_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let operands = [
        b.tensor("grad_output")?,
        b.tensor("self")?,
        b.tensor("buffer")?,
    ];
    let ([gradient, x, _], result) = b.in_opmath(operands)?;
    let is_negative = b.compare("lt", x, 0)?;
    let largest = b.select(is_negative, 1, 0)?;
    let sign = b.select(is_negative, 1, -1)?;
    let z = b.unary("exp", b.neg(b.unary("abs", x)?)?)?;
    let sigmoid = b.div(z, b.add(z, 1)?)?;
    let derivative = b.sub(largest, b.mul(sign, sigmoid)?)?;
    b.answer(b.mul(gradient, derivative)?, result)
}

// d logit(x, eps) = eps <= x <= 1 - eps ? g / (x * (1 - x)) : 0; without eps NaN outside of [0, 1].
fn logit_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x], result) = gradient_and(b, "self")?;
    let eps = b.optional_float("eps")?;
    let low = eps.unwrap_or(0.0);
    let (above, below) = (b.compare("ge", x, low)?, b.compare("le", x, 1.0 - low)?);
    let inside = b.op_value("aten.logical_and.default", args![above, below])?;
    let slope = b.div(gradient, b.mul(x, b.sub(1.0, x)?)?)?;
    let value = if eps.is_some() {
        b.select(inside, slope, 0.0)?
    } else {
        b.select(inside, slope, b.number_like(x, f64::NAN)?)?
    };
    b.answer(value, result)
}

// d mish(x) = g * (t + x * sigmoid(x) * (1 - t * t)) with t = tanh(softplus(x)).
fn mish_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x], result) = gradient_and(b, "self")?;
    let tanh = b.unary("tanh", b.unary("softplus", x)?)?;
    let gated = b.mul(x, b.unary("sigmoid", x)?)?;
    let slope = b.mul(gated, one_minus(b, b.mul(tanh, tanh)?)?)?;
    b.answer(b.mul(gradient, b.add(tanh, slope)?)?, result)
}

// d sigmoid(x) = g * conj(y * (1 - y)) with y = sigmoid(x).
fn sigmoid_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, y], result) = gradient_and(b, "output")?;
    let slope = conjugate(b, b.mul(y, one_minus(b, y)?)?)?;
    b.answer(b.mul(gradient, slope)?, result)
}

// d silu(x) = g * s * (1 + x * (1 - s)) with s = 1 / (1 + exp(-x)).
fn silu_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x], result) = gradient_and(b, "self")?;
    let denominator = b.add(b.unary("exp", b.neg(x)?)?, 1)?;
    let sigmoid = b.mul(b.unary("reciprocal", denominator)?, 1)?;
    let scaled = b.mul(gradient, sigmoid)?;
    let slope = b.add(b.mul(x, one_minus(b, sigmoid)?)?, 1)?;
    b.answer(b.mul(scaled, slope)?, result)
}

// d softplus(x) = x * beta > threshold ? g : g * z / (z + 1) with z = exp(x * beta).
fn softplus_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x], result) = gradient_and(b, "self")?;
    let beta = b.float("beta")?;
    let z = b.unary("exp", b.mul(x, beta)?)?;
    let is_linear = b.compare("gt", b.mul(x, beta)?, b.float("threshold")?)?;
    let soft = b.div(b.mul(gradient, z)?, b.add(z, 1.0)?)?;
    b.answer(b.select(is_linear, gradient, soft)?, result)
}

// d tanh(x) = g * conj(1 - y * y) with y = tanh(x).
fn tanh_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, y], result) = gradient_and(b, "output")?;
    let slope = conjugate(b, one_minus(b, b.mul(y, y)?)?)?;
    b.answer(b.mul(gradient, slope)?, result)
}

// d threshold(x, t) = x <= t ? 0 : g.
fn threshold_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (gradient, x) = (b.tensor("grad_output")?, b.tensor("self")?);
    let is_low = b.compare("le", x, b.float("threshold")?)?;
    single(b.select(is_low, 0, gradient)?)
}

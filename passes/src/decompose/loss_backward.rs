//! Gradients of losses and of softmax.

use expc_dialects::ScalarType;
use melior::ir::Value;

use super::{
    Rule,
    cross_entropy::{broadcast_weight, class_dim},
    elementwise::Answer,
    loss::{Reduction, reduction},
};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single},
    shape::Promotion,
};

pub(super) const RULES: &[(&str, Rule)] = &[
    (
        "aten._log_softmax_backward_data.default",
        log_softmax_backward_data,
    ),
    ("aten._softmax_backward_data.default", softmax_backward_data),
    (
        "aten.binary_cross_entropy_backward.default",
        binary_cross_entropy_backward,
    ),
    ("aten.huber_loss_backward.default", huber_loss_backward),
    ("aten.mse_loss_backward.default", mse_loss_backward),
    ("aten.nll_loss2d_backward.default", nll_loss_backward),
    ("aten.nll_loss_backward.default", nll_loss_backward),
    (
        "aten.smooth_l1_loss_backward.default",
        smooth_l1_loss_backward,
    ),
    (
        "aten.soft_margin_loss_backward.default",
        soft_margin_loss_backward,
    ),
];

/// The number of elements.
fn n_elements<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Size<'c, 'a>> {
    b.product(&b.sizes(x)?)
}

/// The number of elements as a constant float.
fn element_count<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<f64> {
    #[allow(clippy::cast_precision_loss, reason = "Python's own conversion")]
    match n_elements(b, x)?.as_static() {
        Some(count) => Ok(count as f64),
        None => refuse("the number of elements is not known"),
    }
}

/// `factor`, divided by the number of elements where the loss is their mean.
fn averaged<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>, factor: f64) -> Rewritten<f64> {
    Ok(match reduction(b)? {
        Reduction::Mean => factor / element_count(b, x)?,
        Reduction::None | Reduction::Sum => factor,
    })
}

/// The gradient, the input and the target in the dtype to compute in, and the dtype of the answer.
fn operands<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<([Value<'c, 'a>; 3], ScalarType)> {
    b.in_opmath([
        b.tensor("grad_output")?,
        b.tensor("self")?,
        b.tensor("target")?,
    ])
}

// d bce(x, t, w) = w * g * (x - t) / max(x * (1 - x), 1e-12).
fn binary_cross_entropy_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let names = ["grad_output", "self", "target", "weight"];
    let dtypes = b.promotion_of(&names, Promotion::Default)?;
    let gradient = b.tensor_as("grad_output", dtypes.compute)?;
    let x = b.tensor_as("self", dtypes.compute)?;
    let target = b.tensor_as("target", dtypes.compute)?;
    let weight = b.optional_tensor_as("weight", dtypes.compute)?;
    let scaled = b.mul(gradient, b.sub(x, target)?)?;
    let variance = b.mul(x, b.sub(1, x)?)?;
    let variance = b.op_value("aten.clamp.default", args![variance, 1e-12])?;
    let mut result = b.div(scaled, variance)?;
    if let Some(weight) = weight {
        result = b.mul(result, weight)?;
    }
    if reduction(b)? == Reduction::Mean {
        result = b.div(result, n_elements(b, x)?)?;
    }
    b.answer(result, dtypes.result)
}

// d huber(x, t, d) = z < -d ? -g * d : z > d ? g * d : z * g with z = x - t.
fn huber_loss_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x, target], result) = operands(b)?;
    let delta = b.float("delta")?;
    let norm = averaged(b, x, 1.0)?;
    let difference = b.sub(x, target)?;
    let is_low = b.compare("lt", difference, -delta)?;
    let low = b.mul(b.mul(gradient, -norm)?, delta)?;
    let is_high = b.compare("gt", difference, delta)?;
    let high = b.mul(b.mul(gradient, norm)?, delta)?;
    let inner = b.mul(b.mul(difference, norm)?, gradient)?;
    let upper = b.select(is_high, high, inner)?;
    b.answer(b.select(is_low, low, upper)?, result)
}

// d mse(x, t) = 2 * (x - t) * g.
fn mse_loss_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x, target], result) = operands(b)?;
    let norm = averaged(b, x, 2.0)?;
    let slope = b.mul(b.sub(x, target)?, norm)?;
    b.answer(b.mul(slope, gradient)?, result)
}

// d smooth_l1(x, t, beta) = |z| < beta ? g * z / beta : g * sign(z) with z = x - t.
fn smooth_l1_loss_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x, target], result) = operands(b)?;
    let beta = b.float("beta")?;
    let norm = averaged(b, x, 1.0)?;
    let difference = b.sub(x, target)?;
    let distance = b.unary("abs", difference)?;
    let gradient = b.mul(gradient, norm)?;
    let is_small = b.compare("lt", distance, beta)?;
    let inner = b.div(b.mul(gradient, difference)?, beta)?;
    let outer = b.mul(gradient, b.unary("sign", difference)?)?;
    b.answer(b.select(is_small, inner, outer)?, result)
}

// d soft_margin(x, t) = t * g * (sigmoid(t * x) - 1).
fn soft_margin_loss_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient, x, target], result) = operands(b)?;
    let scaled = b.mul(target, gradient)?;
    let sigmoid = b.unary("sigmoid", b.mul(target, x)?)?;
    let mut value = b.mul(scaled, b.sub(sigmoid, 1)?)?;
    if reduction(b)? == Reduction::Mean {
        value = b.div(value, n_elements(b, x)?)?;
    }
    b.answer(value, result)
}

// d nll(x, t, w) = -w[t] * g at the target's class, 0 elsewhere and where t is ignored.
fn nll_loss_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let rank = b.rank(x)?;
    let dim = class_dim(rank);
    let mut gradient = b.tensor("grad_output")?;
    if reduction(b)? == Reduction::Mean {
        gradient = b.div(gradient, b.tensor("total_weight")?)?;
    }
    let target = b.unsqueeze(b.tensor("target")?, dim)?;
    let ignored = b.int("ignore_index")?;
    let is_counted = || b.compare("ne", target, ignored);
    let classes = b.select(is_counted()?, target, 0)?;
    let zeros = b.unary("zeros_like", x)?;
    let at_class = b.op_value("aten.scatter.value", args![zeros, dim, classes, -1.0])?;
    let gradient_rank = b.rank(gradient)?;
    if (1..rank).contains(&gradient_rank) {
        gradient = b.unsqueeze(gradient, dim)?;
    }
    if let Some(weight) = b.optional_tensor("weight") {
        gradient = b.mul(gradient, broadcast_weight(b, weight, rank)?)?;
    }
    let gradient = b.select(is_counted()?, gradient, 0)?;
    single(b.mul(at_class, gradient)?)
}

/// The gradient and the result of a softmax in the dtype to compute in.
fn softmax_operands<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<[Value<'c, 'a>; 2]> {
    let (operands, _) = b.in_opmath([b.tensor("grad_output")?, b.tensor("output")?])?;
    Ok(operands)
}

/// The gradient of a softmax in the dtype of its input.
fn in_input_dtype<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    match b.dtype("input_dtype") {
        Some(dtype) => b.cast(value, dtype),
        None => refuse("argument `input_dtype` is missing"),
    }
}

/// The sum along the dimension of a softmax.
fn softmax_sum<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    b.op_value("aten.sum.dim_IntList", args![x, vec![b.int("dim")?], true])
}

// d softmax(x) = g * y - y * sum(g * y) with y = softmax(x).
fn softmax_backward_data<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let [gradient, output] = softmax_operands(b)?;
    let scaled = b.mul(gradient, output)?;
    let shared = b.mul(output, softmax_sum(b, scaled)?)?;
    let value = in_input_dtype(b, b.sub(scaled, shared)?)?;
    single(b.contiguous(value)?)
}

// d log_softmax(x) = g - exp(y) * sum(g) with y = log_softmax(x).
fn log_softmax_backward_data<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let [gradient, output] = softmax_operands(b)?;
    let shared = b.mul(b.unary("exp", output)?, softmax_sum(b, gradient)?)?;
    single(in_input_dtype(b, b.sub(gradient, shared)?)?)
}

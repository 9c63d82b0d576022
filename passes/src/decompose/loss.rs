//! Losses; those of class numbers are in `cross_entropy.rs`, gradients in `loss_backward.rs`.

use expc_dialects::Constant;
use melior::ir::Value;

use super::{Rule, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, refuse, single},
    shape::Promotion,
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.binary_cross_entropy.default", binary_cross_entropy),
    (
        "aten.binary_cross_entropy_with_logits.default",
        binary_cross_entropy_with_logits,
    ),
    ("aten.cosine_embedding_loss.default", cosine_embedding_loss),
    ("aten.hinge_embedding_loss.default", hinge_embedding_loss),
    ("aten.huber_loss.default", huber_loss),
    ("aten.kl_div.default", kl_div),
    ("aten.l1_loss.default", l1_loss),
    ("aten.margin_ranking_loss.default", margin_ranking_loss),
    ("aten.mse_loss.default", mse_loss),
    ("aten.poisson_nll_loss.default", poisson_nll_loss),
    ("aten.smooth_l1_loss.default", smooth_l1_loss),
    ("aten.soft_margin_loss.default", soft_margin_loss),
    ("aten.triplet_margin_loss.default", triplet_margin_loss),
];

/// What a loss does with the losses of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reduction {
    None,
    Mean,
    Sum,
}

/// The argument `reduction`.
pub(super) fn reduction(b: &Rewrite<'_, '_, '_>) -> Rewritten<Reduction> {
    match b.int("reduction")? {
        0 => Ok(Reduction::None),
        1 => Ok(Reduction::Mean),
        2 => Ok(Reduction::Sum),
        other => refuse(format!("`reduction` is {other}")),
    }
}

/// The mean, the sum or the losses themselves, as `reduction` says.
pub(super) fn reduced<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    losses: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    match reduction(b)? {
        Reduction::None => Ok(losses),
        Reduction::Mean => b.unary("mean", losses),
        Reduction::Sum => b.unary("sum", losses),
    }
}

/// `number - x` as C++ writes it: the number fills a tensor like `x`.
pub(super) fn number_minus<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    number: impl Into<expc_dialects::Argument<'c, 'a>>,
    x: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let empty = b.unary("empty_like", x)?;
    let filled = b.op_value("aten.fill.Scalar", vec![empty.into(), number.into()])?;
    b.sub(filled, x)
}

/// Zeros like a tensor, row-major.
pub(super) fn contiguous_zeros_like<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let format = Constant::MemoryFormat("contiguous_format".to_owned());
    let options = [("memory_format", format.into())];
    b.op_with("aten.zeros_like.default", args![x], &options)
}

/// `max(x, 0)`.
fn at_least_zero<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    b.op_value("aten.clamp_min.default", args![x, 0])
}

// bce(x, t, w) = w * ((t - 1) * max(log1p(-x), -100) - t * max(log(x), -100)).
fn binary_cross_entropy<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let dtypes = b.promotion_of(&["self", "target", "weight"], Promotion::Default)?;
    let x = b.tensor_as("self", dtypes.compute)?;
    let target = b.tensor_as("target", dtypes.compute)?;
    let weight = b.optional_tensor_as("weight", dtypes.compute)?;
    let bounded = |logarithm| {
        let bound = b.number_like(x, -100)?;
        b.op_value("aten.maximum.default", args![logarithm, bound])
    };
    let for_zero = b.sub(target, 1)?;
    let for_zero = b.mul(for_zero, bounded(b.unary("log1p", b.neg(x)?)?)?)?;
    let for_one = b.mul(target, bounded(b.unary("log", x)?)?)?;
    let mut losses = b.sub(for_zero, for_one)?;
    if let Some(weight) = weight {
        losses = b.mul(losses, weight)?;
    }
    b.answer(reduced(b, losses)?, dtypes.result)
}

// bce_with_logits(x, t, w, p) = w * ((1 - t) * x - ((p - 1) * t + 1) * log_sigmoid(x)).
fn binary_cross_entropy_with_logits<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, target) = (b.tensor("self")?, b.tensor("target")?);
    let positive_weight = match b.optional_tensor("pos_weight") {
        Some(weight) => Some(b.add(b.mul(b.sub(weight, 1)?, target)?, 1)?),
        None => None,
    };
    let for_zero = b.mul(b.sub(1, target)?, x)?;
    let mut for_one = b.unary("log_sigmoid", x)?;
    if let Some(weight) = positive_weight {
        for_one = b.mul(weight, for_one)?;
    }
    let mut losses = b.sub(for_zero, for_one)?;
    if let Some(weight) = b.optional_tensor("weight") {
        losses = b.mul(losses, weight)?;
    }
    single(reduced(b, losses)?)
}

// cosine_embedding(x, y, t, m) = t == 1 ? 1 - c : t == -1 ? max(c - m, 0) : 0 with c the cosine of x and y.
fn cosine_embedding_loss<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    // Torch has this number in single precision.
    const EPSILON: f32 = 1e-12;
    let (x, y) = (b.tensor("input1")?, b.tensor("input2")?);
    let target = b.tensor("target")?;
    let dim = i64::try_from(b.rank(target)?).unwrap_or(i64::MAX);
    let dot = |x, y| b.op_value("aten.sum.dim_IntList", args![b.mul(x, y)?, vec![dim]]);
    let square = |x| b.op_value("aten.add.Scalar", args![dot(x, x)?, f64::from(EPSILON)]);
    let product = dot(x, y)?;
    let squares = b.mul(square(x)?, square(y)?)?;
    let cosine = b.div(product, b.unary("sqrt", squares)?)?;
    let zeros = contiguous_zeros_like(b, cosine)?;
    let for_similar = number_minus(b, 1, cosine)?;
    let past_margin = b.op_value("aten.sub.Scalar", args![cosine, b.float("margin")?])?;
    let for_different = at_least_zero(b, past_margin)?;
    let similar = b.select(b.compare("eq", target, 1)?, for_similar, zeros)?;
    let different = b.select(b.compare("eq", target, -1)?, for_different, zeros)?;
    single(reduced(b, b.add(similar, different)?)?)
}

// hinge_embedding(x, t, m) = (t != 1 ? max(m - x, 0) : 0) + (t != -1 ? x : 0).
fn hinge_embedding_loss<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, target) = (b.tensor("self")?, b.tensor("target")?);
    let zeros = contiguous_zeros_like(b, x)?;
    let margin = at_least_zero(b, number_minus(b, b.float("margin")?, x)?)?;
    let outside = b.select(b.compare("ne", target, 1)?, margin, zeros)?;
    let inside = b.select(b.compare("ne", target, -1)?, x, zeros)?;
    single(reduced(b, b.add(outside, inside)?)?)
}

// huber(x, t, d) = z < d ? z * z / 2 : d * (z - d / 2) with z = |x - t|.
fn huber_loss<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x, target], result) = b.in_opmath([b.tensor("self")?, b.tensor("target")?])?;
    let delta = b.float("delta")?;
    let distance = b.unary("abs", b.sub(x, target)?)?;
    let is_small = b.compare("lt", distance, delta)?;
    let square = b.mul(b.mul(distance, 0.5)?, distance)?;
    let linear = b.mul(b.sub(distance, 0.5 * delta)?, delta)?;
    let losses = b.select(is_small, square, linear)?;
    b.answer(reduced(b, losses)?, result)
}

// kl_div(x, t) = xlogy(t, t) - t * x; exp(t) * (t - x) for the logarithm of a target.
fn kl_div<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, target) = (b.tensor("self")?, b.tensor("target")?);
    let losses = if b.boolean("log_target")? {
        let difference = b.sub(target, x)?;
        b.mul(b.unary("exp", target)?, difference)?
    } else {
        let cross = b.mul(target, x)?;
        b.sub(
            b.op_value("aten.xlogy.Tensor", args![target, target])?,
            cross,
        )?
    };
    single(reduced(b, losses)?)
}

// l1(x, t) = |x - t|.
fn l1_loss<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let difference = b.sub(b.tensor("self")?, b.tensor("target")?)?;
    single(reduced(b, b.unary("abs", difference)?)?)
}

// margin_ranking(x, y, t, m) = max(-t * (x - y) + m, 0).
fn margin_ranking_loss<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let difference = b.sub(b.tensor("input1")?, b.tensor("input2")?)?;
    let ordered = b.mul(b.neg(b.tensor("target")?)?, difference)?;
    let shifted = b.op_value("aten.add.Scalar", args![ordered, b.float("margin")?])?;
    single(reduced(b, at_least_zero(b, shifted)?)?)
}

// mse(x, t) = (x - t) ** 2.
fn mse_loss<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x, target], result) = b.in_opmath([b.tensor("self")?, b.tensor("target")?])?;
    let losses = b.op_value("aten.pow.Tensor_Scalar", args![b.sub(x, target)?, 2])?;
    b.answer(reduced(b, losses)?, result)
}

// poisson_nll(x, t) = exp(x) - t * x, or x - t * log(x + eps) where x is no logarithm; with Stirling's term.
fn poisson_nll_loss<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, target) = (b.tensor("input")?, b.tensor("target")?);
    let mut losses = if b.boolean("log_input")? {
        let product = b.mul(target, x)?;
        b.sub(b.unary("exp", x)?, product)?
    } else {
        let shifted = b.op_value("aten.add.Scalar", args![x, b.float("eps")?])?;
        b.sub(x, b.mul(target, b.unary("log", shifted)?)?)?
    };
    if b.boolean("full")? {
        losses = b.add(losses, stirling(b, target)?)?;
    }
    single(reduced(b, losses)?)
}

// stirling(t) = t <= 1 ? 0 : t * log(t) - t + log(2 * pi * t) / 2.
fn stirling<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, target: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    let scale = |x, factor: f64| b.op_value("aten.mul.Scalar", args![x, factor]);
    let half_log = b.unary("log", scale(target, 2.0 * std::f64::consts::PI)?)?;
    let half_log = scale(half_log, 0.5)?;
    let entropy = b.sub(b.mul(target, b.unary("log", target)?)?, target)?;
    let term = b.add(entropy, half_log)?;
    let is_small = b.compare("le", target, 1)?;
    b.op_value("aten.masked_fill.Scalar", args![term, is_small, 0])
}

// smooth_l1(x, t, beta) = z < beta ? z ** 2 / 2 / beta : z - beta / 2 with z = |x - t|.
fn smooth_l1_loss<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x, target], result) = b.in_opmath([b.tensor("self")?, b.tensor("target")?])?;
    let beta = b.float("beta")?;
    let distance = b.unary("abs", b.sub(x, target)?)?;
    let is_small = b.compare("lt", distance, beta)?;
    let square = b.op_value("aten.pow.Tensor_Scalar", args![distance, 2])?;
    let square = b.div(b.mul(square, 0.5)?, beta)?;
    let linear = b.sub(distance, 0.5 * beta)?;
    let losses = b.select(is_small, square, linear)?;
    b.answer(reduced(b, losses)?, result)
}

// soft_margin(x, t) = log1p(exp(-x * t)).
fn soft_margin_loss<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x, target], result) = b.in_opmath([b.tensor("self")?, b.tensor("target")?])?;
    let product = b.mul(b.neg(x)?, target)?;
    let losses = b.unary("log1p", b.unary("exp", product)?)?;
    b.answer(reduced(b, losses)?, result)
}

// triplet(a, p, n, m) = max(m + d(a, p) - d(a, n), 0); with `swap` the smaller of d(a, n) and d(p, n).
fn triplet_margin_loss<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (anchor, positive) = (b.tensor("anchor")?, b.tensor("positive")?);
    let negative = b.tensor("negative")?;
    let (p, eps) = (b.float("p")?, b.float("eps")?);
    let distance = |x, y| b.op_value("aten.pairwise_distance.default", args![x, y, p, eps]);
    let to_positive = distance(anchor, positive)?;
    let mut to_negative = distance(anchor, negative)?;
    if b.boolean("swap")? {
        let swapped = distance(positive, negative)?;
        to_negative = b.op_value("aten.minimum.default", args![to_negative, swapped])?;
    }
    let shifted = b.op_value("aten.add.Scalar", args![to_positive, b.float("margin")?])?;
    single(reduced(b, at_least_zero(b, b.sub(shifted, to_negative)?)?)?)
}

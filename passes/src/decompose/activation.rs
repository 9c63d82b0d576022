//! Activations of neural networks; their gradients are in `activation_backward.rs`.

use expc_dialects::Constant;
use melior::ir::Value;

use super::{Rule, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single},
    shape::MemoryFormat,
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten._prelu_kernel.default", prelu_kernel),
    ("aten.celu.default", celu),
    ("aten.glu.default", glu),
    ("aten.hardshrink.default", hardshrink),
    ("aten.hardsigmoid.default", hardsigmoid),
    ("aten.hardswish.default", hardswish),
    ("aten.log_sigmoid.default", log_sigmoid),
    ("aten.log_sigmoid_forward.default", log_sigmoid_forward),
    ("aten.mish.default", mish),
    ("aten.prelu.default", prelu),
    ("aten.relu6.default", relu6),
    ("aten.rrelu.default", rrelu),
    ("aten.selu.default", selu),
    ("aten.silu.default", silu),
    ("aten.softplus.default", softplus),
    ("aten.softshrink.default", softshrink),
    ("aten.threshold.default", threshold),
];

// prelu_kernel(x, w) = x > 0 ? x : w * x.
fn prelu_kernel<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, weight) = (b.tensor("self")?, b.tensor("weight")?);
    let is_positive = b.compare("gt", x, 0)?;
    single(b.select(is_positive, x, b.mul(weight, x)?)?)
}

// celu(x, alpha) = x > 0 ? x : alpha * expm1(x / alpha).
fn celu<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_opmath([b.tensor("self")?])?;
    let negative = match b.arg("alpha") {
        Some(alpha) if b.is_given("alpha") => {
            let scaled = b.unary("expm1", b.div(x, alpha.clone())?)?;
            b.mul(scaled, alpha)?
        }
        _ => b.unary("expm1", x)?,
    };
    let is_positive = b.compare("gt", x, 0)?;
    b.answer(b.select(is_positive, x, negative)?, result)
}

// glu(x) = first half of x * sigmoid(second half of x).
fn glu<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_opmath([b.tensor("self")?])?;
    let (first, second) = halves(b, x, b.int("dim")?)?;
    b.answer(b.mul(first, b.unary("sigmoid", second)?)?, result)
}

/// The two halves of a tensor along a dimension.
pub(super) fn halves<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: i64,
) -> Rewritten<(Value<'c, 'a>, Value<'c, 'a>)> {
    let dim = b.dimension(x, dim)?;
    let size = b.size_of(x, dim)?;
    let half = b.size_floordiv(&size, &Size::Static(2))?;
    let dim = i64::try_from(dim).unwrap_or(i64::MAX);
    let slice = |from: Size<'c, 'a>, to: Size<'c, 'a>| {
        b.op_value("aten.slice.Tensor", args![x, dim, from, to])
    };
    let first = slice(Size::Static(0), half.clone())?;
    let second = slice(half, size)?;
    Ok((first, second))
}

// hardshrink(x) = |x| <= lambd ? 0 : x.
fn hardshrink<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let is_small = b.compare("le", b.unary("abs", x)?, b.float("lambd")?)?;
    single(b.select(is_small, 0, x)?)
}

/// `x + 3` clamped to `[0, 6]`.
fn clamped_to_six<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    let positive = b.op_value("aten.clamp.default", args![b.add(x, 3)?, 0])?;
    b.op_value("aten.clamp.default", args![positive, (), 6])
}

// hardsigmoid(x) = clamp(x + 3, 0, 6) / 6.
fn hardsigmoid<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_opmath([b.tensor("self")?])?;
    b.answer(b.div(clamped_to_six(b, x)?, 6)?, result)
}

// hardswish(x) = x * clamp(x + 3, 0, 6) / 6.
fn hardswish<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_opmath([b.tensor("self")?])?;
    let product = b.mul(x, clamped_to_six(b, x)?)?;
    b.answer(b.div(product, 6)?, result)
}

// log_sigmoid(x) = log_sigmoid_forward(x)[0].
fn log_sigmoid<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.first_of("aten.log_sigmoid_forward.default", args![b.tensor("self")?])?)
}

// log_sigmoid_forward(x) = (min(0, x) - log1p(z), z) with z = exp(-|x|); CUDA leaves the second empty.
fn log_sigmoid_forward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_opmath([b.tensor("self")?])?;
    let zeros = |sizes: Vec<i64>| {
        let no_pin = [("pin_memory", false.into())];
        b.op_with("aten.new_zeros.default", args![x, sizes], &no_pin)
    };
    let minimum = b.op_value("aten.minimum.default", args![zeros(vec![])?, x])?;
    let z = b.unary("exp", b.neg(b.unary("abs", x)?)?)?;
    let is_cuda = b.meta(x)?.device.starts_with("cuda");
    let buffer = match (b.is_used(1), is_cuda) {
        (false, _) => None,
        (true, true) => Some(b.cast(zeros(vec![0])?, result)?),
        (true, false) => Some(b.cast(z, result)?),
    };
    let value = b.sub(minimum, b.unary("log1p", z)?)?;
    Ok(vec![Some(b.cast(value, result)?), buffer])
}

// mish(x) = x * tanh(softplus(x)).
fn mish<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_opmath([b.tensor("self")?])?;
    let gate = b.unary("tanh", b.unary("softplus", x)?)?;
    b.answer(b.mul(x, gate)?, result)
}

// prelu(x, w) = prelu_kernel(x, w), w along dimension 1 of x.
fn prelu<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, weight) = (b.tensor("self")?, b.tensor("weight")?);
    let rank = b.rank(x)?;
    let weight = if rank == b.rank(weight)? {
        weight
    } else {
        let mut sizes = vec![Size::Static(1); rank];
        let n_weights = b.product(&b.sizes(weight)?)?;
        match (sizes.get_mut(1), &n_weights) {
            (Some(channels), _) => *channels = n_weights,
            (None, Size::Static(1)) => {}
            (None, _) => return refuse("`weight` has more elements than `self` has channels"),
        }
        b.reshape(weight, sizes)?
    };
    single(b.op_value("aten._prelu_kernel.default", args![x, weight])?)
}

// relu6(x) = hardtanh(x, 0, 6).
fn relu6<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.op_value("aten.hardtanh.default", args![b.tensor("self")?, 0, 6])?)
}

// rrelu(x, ...) = rrelu_with_noise(x, empty, ...).
fn rrelu<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let format = Constant::MemoryFormat(MemoryFormat::Contiguous.name().to_owned());
    let noise = b.op_with(
        "aten.empty_like.default",
        args![x],
        &[("memory_format", format.into())],
    )?;
    let mut arguments = b.given();
    arguments.push(expc_dialects::GivenArgument {
        name: "noise".to_owned(),
        value: noise.into(),
        by_keyword: false,
    });
    let results = b.op_of_given("aten.rrelu_with_noise_functional.default", arguments)?;
    match results.first() {
        Some(result) => single(*result),
        None => refuse("`aten.rrelu_with_noise_functional.default` has no result"),
    }
}

// selu(x) = elu(x, alpha, scale).
fn selu<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    const ALPHA: f64 = 1.673_263_242_354_377_2;
    const SCALE: f64 = 1.050_700_987_355_480_5;
    single(b.op_value("aten.elu.default", args![b.tensor("self")?, ALPHA, SCALE])?)
}

// silu(x) = x * sigmoid(x).
fn silu<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_opmath([b.tensor("self")?])?;
    b.answer(b.mul(x, b.unary("sigmoid", x)?)?, result)
}

// softplus(x, beta, threshold) = beta * x > threshold ? x : log1p(exp(beta * x)) / beta.
fn softplus<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_opmath([b.tensor("self")?])?;
    let beta = b.arg("beta").filter(|_| b.is_given("beta"));
    let scaled = match &beta {
        Some(beta) => b.mul(x, beta.clone())?,
        None => x,
    };
    let mut soft = b.unary("log1p", b.unary("exp", scaled)?)?;
    if let Some(beta) = beta {
        soft = b.div(soft, beta)?;
    }
    let Some(threshold) = b.arg("threshold") else {
        return refuse("argument `threshold` is missing");
    };
    let is_linear = b.compare("gt", scaled, threshold)?;
    b.answer(b.select(is_linear, x, soft)?, result)
}

// softshrink(x) = |x| > lambd ? x - sign(x) * lambd : x * 0, which keeps NaN.
fn softshrink<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let lambd = b.float("lambd")?;
    let is_large = b.compare("gt", b.unary("abs", x)?, lambd)?;
    let shrunk = b.sub(x, b.mul(b.unary("sign", x)?, lambd)?)?;
    single(b.select(is_large, shrunk, b.mul(x, 0)?)?)
}

// threshold(x, t, value) = x <= t ? value : x.
fn threshold<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_opmath([b.tensor("self")?])?;
    let (Some(threshold), Some(value)) = (b.arg("threshold"), b.arg("value")) else {
        return refuse("an argument is missing");
    };
    let is_low = b.compare("le", x, threshold)?;
    b.answer(b.select(is_low, value, x)?, result)
}

//! Dropout and random numbers.

use expc_dialects::{Argument, Constant, ScalarType};
use melior::ir::Value;

use super::{Rule, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.alpha_dropout.default", alpha_dropout),
    ("aten.bernoulli.default", bernoulli),
    ("aten.dropout.default", dropout),
    ("aten.feature_alpha_dropout.default", feature_alpha_dropout),
    ("aten.feature_dropout.default", feature_dropout),
    (
        "aten.native_dropout_backward.default",
        native_dropout_backward,
    ),
];

// bernoulli(p) = rand < p, in the dtype of p.
fn bernoulli<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    if b.arg("generator").is_some() {
        return refuse("a generator cannot be handed on");
    }
    let p = b.tensor("self")?;
    let meta = b.meta(p)?;
    let random = b.op_with(
        "aten.rand.default",
        vec![size_argument(b.sizes(p)?)],
        &[
            ("dtype", ScalarType::Float32.into()),
            ("device", Constant::Device(meta.device).into()),
            ("pin_memory", false.into()),
        ],
    )?;
    b.answer(b.compare("lt", random, p)?, meta.dtype)
}

// dropout(x, p, train) = native_dropout(x, p, train)[0]; a copy of x where nothing is dropped.
fn dropout<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, p) = (b.tensor("input")?, b.float("p")?);
    if b.boolean("train")? && p != 0.0 {
        single(b.first_of("aten.native_dropout.default", args![x, p, true])?)
    } else {
        single(b.unary("clone", x)?)
    }
}

/// What is dropped together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Element,
    Channel,
}

/// What takes the place of what is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Filler {
    /// 0; the rest is scaled so that the mean stays.
    Zero,
    /// The value that SELU saturates at; all is scaled and shifted so that mean and variance stay.
    Saturation,
}

// alpha_dropout(x, p) = x * a * n + (n - 1) * alpha * a + alpha * a * p with random n of 0 and 1.
fn alpha_dropout<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    drop_by(b, Unit::Element, Filler::Saturation)
}

// feature_alpha_dropout is alpha_dropout of whole channels.
fn feature_alpha_dropout<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    drop_by(b, Unit::Channel, Filler::Saturation)
}

// feature_dropout(x, p) = x * n / (1 - p) with random n of 0 and 1, one for each channel.
fn feature_dropout<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    drop_by(b, Unit::Channel, Filler::Zero)
}

fn drop_by<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, unit: Unit, filler: Filler) -> Answer<'c, 'a> {
    const ALPHA: f64 = 1.758_099_340_847_376_6;
    let (x, p) = (b.tensor("input")?, b.float("p")?);
    let is_empty = b.sizes(x)?.iter().any(|size| size.as_static() == Some(0));
    if p == 0.0 || is_empty || !b.boolean("train")? {
        return single(x);
    }
    if (p - 1.0).abs() < f64::EPSILON {
        return single(b.mul(x, b.number_like(x, 0)?)?);
    }
    let scalar =
        |op: &str, x, number: f64| b.op_value(&format!("aten.{op}.Scalar"), args![x, number]);
    let noise = noise_for(b, x, unit)?;
    let noise = b.op_value("aten.bernoulli.p", args![noise, 1.0 - p])?;
    if filler == Filler::Zero {
        return single(b.mul(x, scalar("div", noise, 1.0 - p)?)?);
    }
    let scale = 1.0 / ((ALPHA * ALPHA * p + 1.0) * (1.0 - p)).sqrt();
    let dropped = b.op_value("aten.add.Scalar", args![noise, -1])?;
    let shift = scalar(
        "add",
        scalar("mul", dropped, ALPHA * scale)?,
        ALPHA * scale * p,
    )?;
    let kept = b.mul(x, scalar("mul", noise, scale)?)?;
    single(b.add(kept, shift)?)
}

/// An empty tensor for the noise: like `x`, or with one element for each channel.
fn noise_for<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    unit: Unit,
) -> Rewritten<Value<'c, 'a>> {
    if unit == Unit::Element {
        return b.unary("empty_like", x);
    }
    let sizes = b.sizes(x)?;
    let [n, channels, rest @ ..] = sizes.as_slice() else {
        return refuse("`input` has less than two dimensions");
    };
    let noise = [n.clone(), channels.clone()]
        .into_iter()
        .chain(rest.iter().map(|_| Size::Static(1)));
    let meta = b.meta(x)?;
    let options: [(&str, Argument); 4] = [
        ("dtype", meta.dtype.into()),
        ("layout", Constant::Layout(meta.layout).into()),
        ("device", Constant::Device(meta.device).into()),
        ("pin_memory", false.into()),
    ];
    b.op_with(
        "aten.empty.memory_format",
        vec![size_argument(noise)],
        &options,
    )
}

// d native_dropout(x) = g * (mask * scale), in the memory format of g.
fn native_dropout_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (gradient, mask) = (b.tensor("grad_output")?, b.tensor("mask")?);
    let mask = b.cast(mask, b.dtype_of(gradient)?)?;
    let product = b.mul(gradient, b.mul(mask, b.float("scale")?)?)?;
    let format = b.strided(gradient)?.suggested_format(b.env());
    single(b.clone_in(product, format)?)
}

//! Quantization that only rounds.

use expc_dialects::{Argument, ScalarType};

use super::{Rule, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, Size, single},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    (
        "aten.fake_quantize_per_channel_affine.default",
        fake_quantize,
    ),
    (
        "aten.fake_quantize_per_channel_affine_cachemask_backward.default",
        fake_quantize_backward,
    ),
    (
        "aten.fake_quantize_per_tensor_affine.default",
        fake_quantize,
    ),
    (
        "aten.fake_quantize_per_tensor_affine.tensor_qparams",
        fake_quantize_by_tensors,
    ),
    (
        "aten.fake_quantize_per_tensor_affine_cachemask_backward.default",
        fake_quantize_backward,
    ),
    (
        "quantized_decomposed._choose_qparams_per_token_asymmetric_impl.default",
        choose_qparams_per_token,
    ),
];

// fake_quantize(x, ...) = the values of fake_quantize_cachemask(x, ...)
fn fake_quantize<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let name = b.op().name().replace("_affine.", "_affine_cachemask.");
    let values = b.op_of_given(&name, b.given())?;
    Ok(vec![values.first().copied()])
}

// fake_quantize(x, scale, zero, lo, hi) = the values of the same with a mask, switched on
fn fake_quantize_by_tensors<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let options = b.options_of(x)?.with_dtype(ScalarType::Int64);
    let enabled = b.full([Size::Static(1)], 1, &options)?;
    let args = args![
        x,
        b.tensor("scale")?,
        b.tensor("zero_point")?,
        enabled,
        b.int("quant_min")?,
        b.int("quant_max")?,
    ];
    let name = "aten._fake_quantize_per_tensor_affine_cachemask_tensor_qparams.default";
    Ok(vec![b.ops(name, args, &[])?.first().copied()])
}

// fake_quantize_cachemask_backward(g, m) = g * m
fn fake_quantize_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.mul(b.tensor("grad")?, b.tensor("mask")?)?)
}

/// The numbers of eight bits.
const LEAST: i64 = -128;
const GREATEST: i64 = 127;

// scale = (max(0, greatest) - min(0, least)) / 255 of each row, zero point = what moves the nearer end onto its
// number, both within bounds
fn choose_qparams_per_token<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("input")?;
    let bound = |reduction: &str, limit: &str| {
        let name = format!("aten.{reduction}.default");
        let value = b.op_value(&name, args![x, vec![-1_i64], true])?;
        let zeros = b.op_value("aten.zeros_like.default", args![value])?;
        b.op_value(&format!("aten.{limit}.other"), args![value, zeros])
    };
    let (least, greatest) = (bound("amin", "min")?, bound("amax", "max")?);
    let clamp = |value, low: Argument<'c, 'a>, high: Argument<'c, 'a>| {
        b.op_value("aten.clamp.default", vec![Argument::from(value), low, high])
    };
    let scale = b.div(b.sub(greatest, least)?, 255.0)?;
    let scale = clamp(scale, f64::from(f32::EPSILON).into(), ().into())?;
    let (low, high) = (b.div(least, scale)?, b.div(greatest, scale)?);
    let errors = b.add(b.add(low, LEAST)?, b.add(high, GREATEST)?)?;
    let nearer_low = b.compare("gt", errors, 0)?;
    let (from_low, from_high) = (b.sub(LEAST, low)?, b.sub(GREATEST, high)?);
    let zero_point = b.select(nearer_low, from_low, from_high)?;
    let zero_point = clamp(zero_point, LEAST.into(), GREATEST.into())?;
    let zero_point = b.unary("round", zero_point)?;
    Ok(vec![
        Some(b.cast(scale, ScalarType::Float64)?),
        Some(b.cast(zero_point, ScalarType::Int64)?),
    ])
}

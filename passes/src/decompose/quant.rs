//! Quantization that only rounds.

use expc_dialects::ScalarType;

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

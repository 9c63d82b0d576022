//! Quantization in terms of ordinary dtypes.

use expc_dialects::ScalarType;

use super::{
    Item, NoInference, Tensor, broadcast::like, call::Call, promote::DEFAULT_FLOAT, rules::Row,
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    (
        "quantized_decomposed.quantize_per_tensor quantized_decomposed.quantize_per_channel \
         quantized_decomposed.quantize_per_channel_group quantized_decomposed.quantize_per_token \
         quantized_decomposed.convert_element_type",
        |call| of_dtype(call, call.dtype("dtype")),
    ),
    (
        "quantized_decomposed.dequantize_per_tensor quantized_decomposed.dequantize_per_channel",
        |call| of_dtype(call, call.dtype("out_dtype").or(Some(DEFAULT_FLOAT))),
    ),
    (
        "quantized_decomposed.dequantize_per_channel_group quantized_decomposed.dequantize_per_token",
        |call| of_dtype(call, call.dtype("output_dtype")),
    ),
    (
        "quantized_decomposed.fake_quant_per_channel aten.fake_quantize_per_tensor_affine \
         aten.fake_quantize_per_channel_affine aten._fake_quantize_learnable_per_tensor_affine \
         aten._fake_quantize_learnable_per_channel_affine",
        |call| of_dtype(call, Some(call.tensor_at(0)?.dtype)),
    ),
    (
        "aten.fake_quantize_per_tensor_affine_cachemask aten.fake_quantize_per_channel_affine_cachemask \
         aten._fake_quantize_per_tensor_affine_cachemask_tensor_qparams",
        with_mask,
    ),
    ("aten._scaled_mm aten._scaled_mm_v2", scaled_mm),
];

/// A tensor like the input with another dtype.
fn of_dtype(call: &Call<'_>, dtype: Option<ScalarType>) -> Results {
    let input = call.tensor_at(0)?;
    let dtype = dtype.ok_or_else(|| call.unknown("there is no dtype"))?;
    Ok(vec![like(call.env, &input, dtype)?.into()])
}

/// The result, and which elements were in range.
fn with_mask(call: &Call<'_>) -> Results {
    let input = call.tensor_at(0)?;
    Ok(vec![
        like(call.env, &input, input.dtype)?.into(),
        like(call.env, &input, ScalarType::Bool)?.into(),
    ])
}

/// A product of scaled matrices.
fn scaled_mm(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor_at(0)?, call.tensor("mat2")?);
    let ([rows, _], [_, columns]) = (left.sizes.as_slice(), right.sizes.as_slice()) else {
        return Err(call.contradiction("the operands are no matrices"));
    };
    let dtype = call.dtype("out_dtype").unwrap_or(left.dtype);
    let sizes = vec![rows.clone(), columns.clone()];
    Ok(vec![Tensor::contiguous(dtype, sizes, &left.device)?.into()])
}

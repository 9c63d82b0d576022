//! Normalization.

use expc_dialects::ScalarType;

use super::{
    Item, NoInference, Tensor,
    broadcast::like,
    call::Call,
    promote::{DEFAULT_FLOAT, promote},
    rules::Row,
    size::Size,
    tensor::{MemoryFormat, format_strides},
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("aten.local_response_norm", like_input),
    (
        "aten.layer_norm aten.group_norm aten.rms_norm aten.instance_norm",
        row_major,
    ),
    ("aten._weight_norm_interface", weight_norm),
    ("aten.batch_norm", batch_norm),
    ("aten.native_layer_norm", native_layer_norm),
    ("aten._fused_rms_norm", fused_rms_norm),
    ("aten.native_group_norm", native_group_norm),
    (
        "aten.native_batch_norm aten._native_batch_norm_legit aten.cudnn_batch_norm aten.miopen_batch_norm",
        native_batch_norm,
    ),
    (
        "aten._native_batch_norm_legit_no_training",
        inference_batch_norm,
    ),
    (
        "aten._native_batch_norm_legit_functional",
        functional_batch_norm,
    ),
    ("aten._batch_norm_with_update", batch_norm_with_update),
    (
        "aten._batch_norm_with_update_functional",
        functional_batch_norm_with_update,
    ),
    ("aten._batch_norm_no_update", batch_norm_no_update),
    (
        "aten.native_layer_norm_backward aten.native_group_norm_backward",
        backward_of_affine,
    ),
    (
        "aten.native_batch_norm_backward aten._batch_norm_impl_index_backward",
        batch_norm_backward,
    ),
    ("aten._weight_norm", |call| {
        Ok(vec![
            like(call.env, &*call.tensor_at(0)?, call.tensor_at(0)?.dtype)?.into(),
        ])
    }),
    ("aten.normalize", like_input),
];

fn like_input(call: &Call<'_>) -> Results {
    let input = call.tensor_at(0)?;
    Ok(vec![like(call.env, &input, input.dtype)?.into()])
}

fn row_major(call: &Call<'_>) -> Results {
    let input = call.tensor_at(0)?;
    Ok(vec![contiguous_input(call, &input, input.dtype)?])
}

fn batch_norm(call: &Call<'_>) -> Results {
    Ok(vec![batch_normalized(call)?])
}

/// The input itself where it is row-major, else a row-major copy: what some kernels start with.
fn contiguous_input(
    call: &Call<'_>,
    input: &Tensor,
    dtype: ScalarType,
) -> Result<Item, NoInference> {
    if input.is_contiguous(call.env) {
        let (sizes, strides) = (input.sizes.clone(), input.strides.clone());
        return Ok(Tensor::strided(dtype, sizes, strides, &input.device).into());
    }
    Ok(Tensor::contiguous(dtype, input.sizes.clone(), &input.device)?.into())
}

/// The input in the memory format that its strides suggest.
fn batch_normalized(call: &Call<'_>) -> Result<Item, NoInference> {
    let input = call.tensor_at(0)?;
    Ok(like(call.env, &input, input.dtype)?.into())
}

/// Statistics are kept in the dtype of the input on the CPU, in single precision elsewhere.
fn statistics_dtype(input: &Tensor) -> ScalarType {
    let is_half = matches!(input.dtype, ScalarType::Float16 | ScalarType::BFloat16);
    if is_half && &*input.device != "cpu" {
        DEFAULT_FLOAT
    } else {
        input.dtype
    }
}

fn native_layer_norm(call: &Call<'_>) -> Results {
    let input = call.tensor_at(0)?;
    let n_normalized = call.sizes("normalized_shape")?.len();
    let outer = input.rank().checked_sub(n_normalized);
    let outer =
        outer.ok_or_else(|| call.contradiction("more dimensions are normalized than there are"))?;
    let mut sizes = input.sizes[..outer].to_vec();
    sizes.resize(input.rank(), Size::ONE);
    let statistics = Tensor::contiguous(statistics_dtype(&input), sizes, &input.device)?;
    let output = contiguous_input(call, &input, input.dtype)?;
    Ok(vec![output, statistics.clone().into(), statistics.into()])
}

/// The weight like `v`, and its norms like `g`, those of bfloat16 as float32.
fn weight_norm(call: &Call<'_>) -> Results {
    let (direction, magnitude) = (call.tensor("v")?, call.tensor("g")?);
    let weight = contiguous_input(call, &direction, direction.dtype)?;
    let dtype = match magnitude.dtype {
        ScalarType::BFloat16 => ScalarType::Float32,
        dtype => dtype,
    };
    let norms = contiguous_input(call, &magnitude, dtype)?;
    Ok(vec![weight, norms])
}

fn fused_rms_norm(call: &Call<'_>) -> Results {
    let input = call.tensor_at(0)?;
    let n_normalized = call.sizes("normalized_shape")?.len();
    let outer = input.rank().checked_sub(n_normalized);
    let outer =
        outer.ok_or_else(|| call.contradiction("more dimensions are normalized than there are"))?;
    let mut sizes = input.sizes[..outer].to_vec();
    sizes.resize(input.rank(), Size::ONE);
    let dtype = match call.optional_tensor("weight")? {
        Some(weight) => promote(input.dtype, weight.dtype),
        None => input.dtype,
    };
    let is_half = matches!(input.dtype, ScalarType::Float16 | ScalarType::BFloat16);
    let statistics_dtype = if is_half { DEFAULT_FLOAT } else { input.dtype };
    let statistics = Tensor::contiguous(statistics_dtype, sizes, &input.device)?;
    Ok(vec![
        like(call.env, &input, dtype)?.into(),
        statistics.into(),
    ])
}

fn native_group_norm(call: &Call<'_>) -> Results {
    let input = call.tensor_at(0)?;
    let sizes = vec![call.size("N")?, call.size("group")?];
    let statistics = Tensor::contiguous(statistics_dtype(&input), sizes, &input.device)?;
    let output = like(call.env, &input, input.dtype)?;
    Ok(vec![
        output.into(),
        statistics.clone().into(),
        statistics.into(),
    ])
}

/// Mean and inverse deviation per channel, or empty ones where nothing is computed.
fn batch_statistics(call: &Call<'_>, is_training: bool) -> Result<Item, NoInference> {
    let input = call.tensor_at(0)?;
    let is_cpu = &*input.device == "cpu";
    let sizes = match input.sizes.get(1) {
        Some(channels) if is_training || !is_cpu => vec![channels.clone()],
        _ => vec![Size::ZERO],
    };
    Ok(Tensor::contiguous(statistics_dtype(&input), sizes, &input.device)?.into())
}

fn native_batch_norm(call: &Call<'_>) -> Results {
    let statistics = batch_statistics(call, call.bool("training")?)?;
    Ok(vec![
        batch_normalized(call)?,
        statistics.clone(),
        statistics,
    ])
}

fn inference_batch_norm(call: &Call<'_>) -> Results {
    let statistics = batch_statistics(call, false)?;
    Ok(vec![
        batch_normalized(call)?,
        statistics.clone(),
        statistics,
    ])
}

/// The running statistics are results too.
fn running(call: &Call<'_>) -> Result<Vec<Item>, NoInference> {
    ["running_mean", "running_var"]
        .iter()
        .map(|name| {
            let tensor = call.tensor(name)?;
            Ok(like(call.env, &tensor, tensor.dtype)?.into())
        })
        .collect()
}

fn functional_batch_norm(call: &Call<'_>) -> Results {
    let mut results = native_batch_norm(call)?;
    results.extend(running(call)?);
    Ok(results)
}

fn reserve(call: &Call<'_>) -> Result<Item, NoInference> {
    let input = call.tensor_at(0)?;
    Ok(Tensor::contiguous(ScalarType::Uint8, vec![Size::ZERO], &input.device)?.into())
}

fn batch_norm_with_update(call: &Call<'_>) -> Results {
    let statistics = batch_statistics(call, true)?;
    Ok(vec![
        batch_normalized(call)?,
        statistics.clone(),
        statistics,
        reserve(call)?,
    ])
}

fn functional_batch_norm_with_update(call: &Call<'_>) -> Results {
    let mut results = batch_norm_with_update(call)?;
    results.extend(running(call)?);
    Ok(results)
}

fn batch_norm_no_update(call: &Call<'_>) -> Results {
    let statistics = batch_statistics(call, false)?;
    Ok(vec![
        batch_normalized(call)?,
        statistics.clone(),
        statistics,
        reserve(call)?,
    ])
}

/// Whether a gradient is asked for.
fn is_wanted(call: &Call<'_>, index: usize) -> Result<bool, NoInference> {
    let mask = call.list("output_mask")?.unwrap_or_default();
    Ok(mask.get(index) == Some(&Item::Bool(true)))
}

fn backward_of_affine(call: &Call<'_>) -> Results {
    let (grad, input) = (call.tensor_at(0)?, call.tensor("input")?);
    let weight = call.optional_tensor("weight")?;
    let mut results = Vec::with_capacity(3);
    results.push(match is_wanted(call, 0)? {
        true => like(call.env, &input, grad.dtype)?.into(),
        false => Item::None,
    });
    for index in 1..3 {
        results.push(match (&weight, is_wanted(call, index)?) {
            (Some(weight), true) => like(call.env, weight, weight.dtype)?.into(),
            (None, true) => return Err(call.unknown("there is no weight to take the sizes from")),
            (_, false) => Item::None,
        });
    }
    Ok(results)
}

fn batch_norm_backward(call: &Call<'_>) -> Results {
    let input = call.tensor("input")?;
    let format = input.suggested_format(call.env);
    let format = if format == MemoryFormat::Preserve {
        MemoryFormat::Contiguous
    } else {
        format
    };
    let strides = format_strides(&input.sizes, format)?;
    let grad = Tensor::strided(input.dtype, input.sizes.clone(), strides, &input.device);
    let channels = input.sizes.get(1).cloned().unwrap_or(Size::ONE);
    let of_channels: Item = Tensor::contiguous(input.dtype, vec![channels], &input.device)?.into();
    let mut results = vec![Item::from(grad)];
    for index in 1..3 {
        results.push(if is_wanted(call, index)? {
            of_channels.clone()
        } else {
            Item::None
        });
    }
    Ok(results)
}

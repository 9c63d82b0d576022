//! Ops that compute an element of the result from many elements along dimensions, or order them.

use std::rc::Rc;

use expc_dialects::ScalarType;

use super::{
    Item, NoInference, Tensor,
    broadcast::{elementwise_result, like},
    call::Call,
    promote::{DEFAULT_FLOAT, integral_to_long, is_integral, real_of},
    rules::Row,
    size::Size,
    tensor::contiguous_strides,
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("aten.sum aten.prod aten.nansum prims.sum prims.prod", sum),
    (
        "aten.mean aten.nanmean aten.logsumexp aten.special_logsumexp",
        mean,
    ),
    (
        "aten.amax aten.amin prims.amax prims.amin prims.xor_sum",
        same_dtype,
    ),
    (
        "aten.max.default aten.min.default aten.median.default aten.nanmedian.default",
        of_all,
    ),
    ("aten.all aten.any", truth),
    ("aten.argmax aten.argmin", position),
    (
        "aten.max.dim aten.min.dim aten.median.dim aten.nanmedian.dim aten.mode aten.kthvalue",
        values_and_positions,
    ),
    ("aten.aminmax aten._aminmax", two_values),
    ("aten.var aten.std prims.var", spread),
    ("aten.var_mean aten.std_mean", spread_and_mean),
    (
        "aten.norm aten.linalg_vector_norm aten.frobenius_norm aten.nuclear_norm aten.native_norm",
        norm,
    ),
    ("aten.count_nonzero", count),
    ("aten.cumsum aten.cumprod", cumulative_sum),
    ("aten.logcumsumexp aten._logcumsumexp", cumulative),
    ("aten.cummax aten.cummin", cumulative_with_positions),
    ("aten.sort.default aten.sort.stable", sort),
    ("aten.msort", same_form),
    ("aten.argsort", argsort),
    ("aten.topk", topk),
    (
        "aten.softmax.int aten.log_softmax.int aten.special_softmax aten.special_log_softmax aten._safe_softmax",
        softmax,
    ),
    ("aten._softmax aten._log_softmax", underscore_softmax),
    ("aten.dist", dist),
    ("aten.trace", trace),
];

/// The dimensions that an op reduces: all where it names none.
fn reduced_dims(call: &Call<'_>, tensor: &Tensor) -> Result<Vec<bool>, NoInference> {
    let named = ["dim", "dims"].iter().find(|name| call.has(name));
    let dims = match named {
        Some(name) => call.optional_dims(name, tensor.rank())?,
        None => None,
    };
    let mut reduced = vec![false; tensor.rank()];
    match dims {
        Some(dims) if !dims.is_empty() => {
            for dim in dims {
                if let Some(slot) = reduced.get_mut(dim) {
                    *slot = true;
                }
            }
        }
        _ => reduced.fill(true),
    }
    Ok(reduced)
}

/// Sizes without the reduced dimensions, or with size 1 there.
fn reduced_sizes(tensor: &Tensor, reduced: &[bool], keep: bool) -> Vec<Size> {
    let sizes = tensor.sizes.iter().zip(reduced);
    sizes
        .filter_map(|(size, reduced)| match (reduced, keep) {
            (false, _) => Some(size.clone()),
            (true, true) => Some(Size::ONE),
            (true, false) => None,
        })
        .collect()
}

fn reduce(call: &Call<'_>, tensor: &Tensor, dtype: ScalarType) -> Result<Tensor, NoInference> {
    let reduced = reduced_dims(call, tensor)?;
    let sizes = reduced_sizes(tensor, &reduced, call.bool("keepdim")?);
    Tensor::contiguous(dtype, sizes, &tensor.device)
}

fn sum(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let asked = call.dtype("dtype").or(call.dtype("output_dtype"));
    let dtype = asked.unwrap_or_else(|| integral_to_long(tensor.dtype));
    Ok(vec![reduce(call, &tensor, dtype)?.into()])
}

fn mean(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let own = if is_integral(tensor.dtype) {
        DEFAULT_FLOAT
    } else {
        tensor.dtype
    };
    Ok(vec![
        reduce(call, &tensor, call.dtype("dtype").unwrap_or(own))?.into(),
    ])
}

fn same_dtype(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![reduce(call, &tensor, tensor.dtype)?.into()])
}

fn of_all(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![
        Tensor::contiguous(tensor.dtype, Vec::new(), &tensor.device)?.into(),
    ])
}

/// Truth values, of bytes as bytes.
fn truth(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dtype = if tensor.dtype == ScalarType::Uint8 {
        ScalarType::Uint8
    } else {
        ScalarType::Bool
    };
    Ok(vec![reduce(call, &tensor, dtype)?.into()])
}

fn position(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![reduce(call, &tensor, ScalarType::Int64)?.into()])
}

fn values_and_positions(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let values = reduce(call, &tensor, tensor.dtype)?;
    let indices = Tensor {
        dtype: ScalarType::Int64,
        ..values.clone()
    };
    Ok(vec![values.into(), indices.into()])
}

fn two_values(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let values = reduce(call, &tensor, tensor.dtype)?;
    Ok(vec![values.clone().into(), values.into()])
}

fn spread(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dtype = call
        .dtype("output_dtype")
        .unwrap_or_else(|| real_of(tensor.dtype));
    Ok(vec![reduce(call, &tensor, dtype)?.into()])
}

fn spread_and_mean(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let spread = reduce(call, &tensor, real_of(tensor.dtype))?;
    let mean = reduce(call, &tensor, tensor.dtype)?;
    Ok(vec![spread.into(), mean.into()])
}

fn norm(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dtype = real_of(call.dtype("dtype").unwrap_or(tensor.dtype));
    Ok(vec![reduce(call, &tensor, dtype)?.into()])
}

fn count(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![reduce(call, &tensor, ScalarType::Int64)?.into()])
}

fn cumulative_sum(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dtype = call
        .dtype("dtype")
        .unwrap_or_else(|| integral_to_long(tensor.dtype));
    call.dim("dim", tensor.rank())?;
    Ok(vec![row_major(&tensor, dtype)?.into()])
}

fn cumulative(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![row_major(&tensor, tensor.dtype)?.into()])
}

fn same_form(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![like(call.env, &tensor, tensor.dtype)?.into()])
}

fn cumulative_with_positions(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let values = row_major(&tensor, tensor.dtype)?;
    let indices = Tensor {
        dtype: ScalarType::Int64,
        ..values.clone()
    };
    Ok(vec![values.into(), indices.into()])
}

fn row_major(tensor: &Tensor, dtype: ScalarType) -> Result<Tensor, NoInference> {
    Tensor::contiguous(dtype, tensor.sizes.clone(), &tensor.device)
}

/// Values in the memory order of the operand, and positions alike.
fn sort(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    call.dim("dim", tensor.rank())?;
    let values = like(call.env, &tensor, tensor.dtype)?;
    let indices = Tensor {
        dtype: ScalarType::Int64,
        ..values.clone()
    };
    Ok(vec![values.into(), indices.into()])
}

fn argsort(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    call.dim("dim", tensor.rank())?;
    Ok(vec![like(call.env, &tensor, ScalarType::Int64)?.into()])
}

fn topk(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    let mut sizes = tensor.sizes.clone();
    if let Some(size) = sizes.get_mut(dim) {
        *size = call.size("k")?;
    }
    let values = Tensor::contiguous(tensor.dtype, sizes, &tensor.device)?;
    let indices = Tensor {
        dtype: ScalarType::Int64,
        ..values.clone()
    };
    Ok(vec![values.into(), indices.into()])
}

fn softmax(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    call.dim("dim", tensor.rank())?;
    let own = if is_integral(tensor.dtype) {
        DEFAULT_FLOAT
    } else {
        tensor.dtype
    };
    let dtype = call.dtype("dtype").unwrap_or(own);
    Ok(vec![row_major(&tensor, dtype)?.into()])
}

/// With `half_to_float`, half precision comes out in single.
fn underscore_softmax(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    call.dim("dim", tensor.rank())?;
    let dtype = if call.bool("half_to_float")? {
        ScalarType::Float32
    } else {
        tensor.dtype
    };
    Ok(vec![row_major(&tensor, dtype)?.into()])
}

fn dist(call: &Call<'_>) -> Results {
    let operands = [call.tensor("self")?, call.tensor("other")?];
    let dtype = real_of(operands[0].dtype);
    let difference = elementwise_result(call, &operands, dtype)?;
    let device = difference
        .as_tensor()
        .map_or_else(|| Rc::from("cpu"), |tensor| Rc::clone(&tensor.device));
    Ok(vec![
        Tensor::strided(dtype, Vec::new(), contiguous_strides(&[])?, &device).into(),
    ])
}

fn trace(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![
        Tensor::contiguous(integral_to_long(tensor.dtype), Vec::new(), &tensor.device)?.into(),
    ])
}

//! Attention.

use expc_dialects::ScalarType;

use super::{
    Item, NoInference, Tensor,
    broadcast::{broadcast_sizes, like},
    call::Call,
    rules::Row,
    size::Size,
    tensor::dense_strides,
    view::restrided,
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("aten.scaled_dot_product_attention", attention),
    (
        "aten._scaled_dot_product_flash_attention_for_cpu",
        flash_for_cpu,
    ),
    ("aten._scaled_dot_product_attention_math", math),
    ("aten._scaled_dot_product_efficient_attention", efficient),
    ("aten._scaled_dot_product_flash_attention.default", flash),
    ("aten._scaled_dot_product_cudnn_attention", cudnn),
];

/// Batch, heads and rows of the query, columns of the value.
fn output_sizes(call: &Call<'_>, query: &Tensor, value: &Tensor) -> Result<Vec<Size>, NoInference> {
    let misfit = || call.contradiction("query and value have fewer than two dimensions");
    let (_, rows) = query.sizes.split_last().ok_or_else(misfit)?;
    let columns = value.sizes.last().ok_or_else(misfit)?;
    let (rows, batch) = rows.split_last().ok_or_else(misfit)?;
    let value_batch = value
        .sizes
        .get(..value.rank().saturating_sub(2))
        .unwrap_or_default();
    // Grouped queries have more heads than keys and values.
    let mut sizes = match call.bool("enable_gqa")? {
        true => batch.to_vec(),
        false => broadcast_sizes(call.env, &[batch, value_batch])?,
    };
    sizes.extend([rows.clone(), columns.clone()]);
    Ok(sizes)
}

/// On the CPU a fused kernel keeps the strides of the query; the plain computation is row-major.
fn attention(call: &Call<'_>) -> Results {
    let query = call.tensor("query")?;
    let (key, value) = (call.tensor("key")?, call.tensor("value")?);
    if &*query.device != "cpu" {
        return Err(call.unknown(format!("the kernel on `{}` is not known", query.device)));
    }
    let sizes = output_sizes(call, &query, &value)?;
    if is_fused(call, &query, &key, &value)? {
        return Ok(vec![fused_output(call, &query, &value)?.into()]);
    }
    Ok(vec![
        Tensor::contiguous(query.dtype, sizes, &query.device)?.into(),
    ])
}

/// Whether torch's kernel for the CPU takes these operands.
fn is_fused(
    call: &Call<'_>,
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
) -> Result<bool, NoInference> {
    let env = call.env;
    let operands = [query, key, value];
    let all_4d = operands.iter().all(|tensor| tensor.rank() == 4);
    let is_float = matches!(
        query.dtype,
        ScalarType::Float32 | ScalarType::Float64 | ScalarType::Float16 | ScalarType::BFloat16
    );
    let no_dropout = match call.get("dropout_p") {
        Item::Float(p) => p == 0.0,
        Item::Int(p) => p == Size::ZERO,
        _ => false,
    };
    if !all_4d || !is_float || !no_dropout {
        return Ok(false);
    }
    let same = |dim: usize| {
        operands
            .iter()
            .all(|tensor| env.equal(&tensor.sizes[dim], &query.sizes[dim]))
    };
    let is_unit = |tensor: &&Tensor| {
        tensor
            .strides
            .last()
            .is_some_and(|stride| env.is(stride, 1))
    };
    let has_rows = !env.is(&query.sizes[2], 0) && !env.is(&key.sizes[2], 0);
    let same_heads = same(1) || call.bool("enable_gqa")?;
    Ok(same(0) && same_heads && same(3) && operands.iter().all(is_unit) && has_rows)
}

fn math(call: &Call<'_>) -> Results {
    let query = call.tensor("query")?;
    let (key, value) = (call.tensor("key")?, call.tensor("value")?);
    let sizes = output_sizes(call, &query, &value)?;
    let output = Tensor::contiguous(query.dtype, sizes.clone(), &query.device)?;
    let mut weights = sizes;
    if let (Some(last), Some(rows)) = (weights.last_mut(), key.sizes.iter().rev().nth(1)) {
        *last = rows.clone();
    }
    let weights = Tensor::contiguous(query.dtype, weights, &query.device)?;
    Ok(vec![output.into(), weights.into()])
}

/// Batch, heads, rows and columns of the query.
fn four<'t>(call: &Call<'_>, tensor: &'t Tensor) -> Result<[&'t Size; 4], NoInference> {
    match tensor.sizes.as_slice() {
        [batch, heads, rows, columns] => Ok([batch, heads, rows, columns]),
        _ => Err(call.contradiction(format!("an operand has rank {}, expected 4", tensor.rank()))),
    }
}

fn flash_for_cpu(call: &Call<'_>) -> Results {
    let query = call.tensor("query")?;
    let [batch, heads, rows, _] = four(call, &query)?;
    let sizes = vec![batch.clone(), heads.clone(), rows.clone()];
    let strides = dense_strides(&sizes, &[1, 2, 0])?;
    let sums = Tensor::strided(ScalarType::Float32, sizes, strides, &query.device);
    let output = fused_output(call, &query, &*call.tensor("value")?)?;
    Ok(vec![output.into(), sums.into()])
}

/// Like the query, or in older versions with heads inside rows.
fn fused_output(call: &Call<'_>, query: &Tensor, value: &Tensor) -> Result<Tensor, NoInference> {
    if call.env.is_older_than(2, 5) {
        return heads_inside(call, query, value);
    }
    like(call.env, query, query.dtype)
}

fn scalar(dtype: ScalarType, device: &str) -> Result<Item, NoInference> {
    Ok(Tensor::contiguous(dtype, Vec::new(), &std::rc::Rc::from(device))?.into())
}

/// The output with heads inside rows in memory.
fn heads_inside(call: &Call<'_>, query: &Tensor, value: &Tensor) -> Result<Tensor, NoInference> {
    let [batch, heads, rows, _] = four(call, query)?;
    let [.., columns] = four(call, value)?;
    let sizes = vec![batch.clone(), heads.clone(), rows.clone(), columns.clone()];
    let strides = dense_strides(&sizes, &[3, 1, 2, 0])?;
    Ok(Tensor::strided(query.dtype, sizes, strides, &query.device))
}

/// The output, and the sums of exponentials where they are asked for, in rows of a multiple of 32.
fn efficient(call: &Call<'_>) -> Results {
    let (query, value) = (call.tensor("query")?, call.tensor("value")?);
    let [batch, heads, rows, _] = four(call, &query)?;
    let padded = if call.bool("compute_log_sumexp")? {
        let unit = Size::Int(32);
        rows.add(&Size::Int(31))?.floor_div(&unit)?.mul(&unit)?
    } else {
        Size::ZERO
    };
    let sums = vec![batch.clone(), heads.clone(), padded];
    let sums = Tensor::contiguous(ScalarType::Float32, sums, &query.device)?;
    let state = scalar(ScalarType::Int64, "meta")?;
    let output = heads_inside(call, &query, &value)?;
    Ok(vec![output.into(), sums.into(), state.clone(), state])
}

fn flash(call: &Call<'_>) -> Results {
    let (query, key) = (call.tensor("query")?, call.tensor("key")?);
    let [batch, heads, rows, columns] = four(call, &query)?;
    let sizes = vec![batch.clone(), rows.clone(), heads.clone(), columns.clone()];
    let swapped = restrided(
        &query,
        sizes,
        [0, 2, 1, 3]
            .iter()
            .map(|dim: &usize| query.strides[*dim].clone())
            .collect(),
    );
    let swapped = like(call.env, &swapped, query.dtype)?;
    let pick = |values: &[Size]| {
        [0, 2, 1, 3]
            .iter()
            .map(|dim: &usize| values[*dim].clone())
            .collect()
    };
    let output = restrided(&swapped, pick(&swapped.sizes), pick(&swapped.strides));
    let sums = vec![batch.clone(), heads.clone(), rows.clone()];
    let sums = Tensor::contiguous(ScalarType::Float32, sums, &query.device)?;
    let none = || Item::None;
    let state = Tensor::contiguous(ScalarType::Uint64, vec![Size::Int(2)], &query.device)?;
    let offset = Tensor::contiguous(ScalarType::Uint64, Vec::new(), &query.device)?;
    if call.bool("return_debug_mask")? {
        return Err(call.unknown("the debug mask is not known"));
    }
    let mask = Tensor::contiguous(query.dtype, vec![Size::ZERO], &query.device)?;
    let lengths = [rows.clone(), four(call, &key)?[2].clone()].map(Item::Int);
    let [query_rows, key_rows] = lengths;
    Ok(vec![
        output.into(),
        sums.into(),
        none(),
        none(),
        query_rows,
        key_rows,
        state.into(),
        offset.into(),
        mask.into(),
    ])
}

fn cudnn(call: &Call<'_>) -> Results {
    let (query, key, value) = (
        call.tensor("query")?,
        call.tensor("key")?,
        call.tensor("value")?,
    );
    let [batch, heads, rows, _] = four(call, &query)?;
    let sums = vec![batch.clone(), heads.clone(), rows.clone(), Size::ONE];
    let sums = match call.bool("compute_log_sumexp")? {
        true => Tensor::contiguous(ScalarType::Float32, sums, &query.device)?.into(),
        false => Item::None,
    };
    let output = heads_inside(call, &query, &value)?;
    let state = scalar(ScalarType::Int64, "meta")?;
    let lengths = [rows.clone(), four(call, &key)?[2].clone()].map(Item::Int);
    let [query_rows, key_rows] = lengths;
    Ok(vec![
        output.into(),
        sums,
        Item::None,
        Item::None,
        query_rows,
        key_rows,
        state.clone(),
        state,
        Item::None,
    ])
}

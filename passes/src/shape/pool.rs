//! Pooling and resampling.

use expc_dialects::ScalarType;
use expc_symbolic::{Expr, Func, Relation};

use super::{
    Item, NoInference, Tensor,
    call::Call,
    conv::per_dimension,
    rules::Row,
    size::{self, Computed, Size},
    tensor::{MemoryFormat, format_strides},
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("aten.max_pool1d aten.avg_pool1d", |call| pooled(call, 1)),
    ("aten.max_pool2d aten.avg_pool2d", |call| pooled(call, 2)),
    ("aten.max_pool3d aten.avg_pool3d", |call| pooled(call, 3)),
    ("aten.max_pool1d_with_indices", |call| {
        with_indices(pooled(call, 1)?)
    }),
    ("aten.max_pool2d_with_indices", |call| {
        with_indices(pooled(call, 2)?)
    }),
    ("aten.max_pool3d_with_indices", |call| {
        with_indices(pooled(call, 3)?)
    }),
    ("aten.adaptive_avg_pool1d", |call| adaptive(call, 1)),
    (
        "aten.adaptive_avg_pool2d aten._adaptive_avg_pool2d",
        |call| adaptive(call, 2),
    ),
    (
        "aten.adaptive_avg_pool3d aten._adaptive_avg_pool3d",
        |call| adaptive(call, 3),
    ),
    ("aten.adaptive_max_pool1d", |call| {
        with_indices(adaptive(call, 1)?)
    }),
    ("aten.adaptive_max_pool2d", |call| {
        with_indices(adaptive(call, 2)?)
    }),
    ("aten.adaptive_max_pool3d", |call| {
        with_indices(adaptive(call, 3)?)
    }),
    ("aten.fractional_max_pool2d", |call| {
        with_indices(fractional(call, 2)?)
    }),
    ("aten.fractional_max_pool3d", |call| {
        with_indices(fractional(call, 3)?)
    }),
    ("aten.max_unpool2d", |call| unpooled(call, 2)),
    ("aten.max_unpool3d", |call| unpooled(call, 3)),
    (
        "aten.upsample_nearest1d aten._upsample_nearest_exact1d aten.upsample_linear1d",
        |call| upsampled(call, 1),
    ),
    (
        "aten.upsample_nearest2d aten._upsample_nearest_exact2d aten.upsample_bilinear2d aten.upsample_bicubic2d \
         aten._upsample_bilinear2d_aa aten._upsample_bicubic2d_aa aten._upsample_lanczos2d_aa",
        |call| upsampled(call, 2),
    ),
    (
        "aten.upsample_nearest3d aten._upsample_nearest_exact3d aten.upsample_trilinear3d",
        |call| upsampled(call, 3),
    ),
    (
        "aten.max_pool2d_with_indices_backward aten.max_pool3d_with_indices_backward aten.avg_pool2d_backward \
         aten.avg_pool3d_backward aten._adaptive_avg_pool2d_backward aten._adaptive_avg_pool3d_backward \
         aten.adaptive_max_pool2d_backward aten.adaptive_max_pool3d_backward",
        backward,
    ),
    (
        "aten.grid_sampler aten.grid_sampler_2d aten.grid_sampler_3d",
        grid_sampled,
    ),
    ("aten.affine_grid_generator", affine_grid),
];

/// Batch and channels before the spatial dimensions; the batch may be missing.
fn outer_count(call: &Call<'_>, input: &Tensor, count: usize) -> Result<usize, NoInference> {
    input
        .rank()
        .checked_sub(count)
        .filter(|outer| (1..=2).contains(outer))
        .ok_or_else(|| {
            call.contradiction(format!(
                "the input has rank {}, expected {} or {}",
                input.rank(),
                count + 1,
                count + 2
            ))
        })
}

/// A result in the memory format that the strides of the input suggest.
fn in_suggested_format(
    call: &Call<'_>,
    input: &Tensor,
    sizes: Vec<Size>,
) -> Result<Tensor, NoInference> {
    let format = if sizes.len() == input.rank() {
        input.suggested_format(call.env)
    } else {
        MemoryFormat::Contiguous
    };
    let strides = format_strides(&sizes, format)?;
    Ok(Tensor::strided(input.dtype, sizes, strides, &input.device))
}

fn with_indices(mut results: Vec<Item>) -> Results {
    if let Some(Item::Tensor(values)) = results.first() {
        let indices = Tensor {
            dtype: ScalarType::Int64,
            ..(**values).clone()
        };
        results.push(indices.into());
    }
    Ok(results)
}

fn pooled(call: &Call<'_>, count: usize) -> Results {
    let input = call.tensor_at(0)?;
    let outer = outer_count(call, &input, count)?;
    let kernel = per_dimension(call, "kernel_size", count, &Size::ONE)?;
    let padding = per_dimension(call, "padding", count, &Size::ZERO)?;
    let dilation = per_dimension(call, "dilation", count, &Size::ONE)?;
    let strides = match call.sizes("stride")?.is_empty() {
        true => kernel.clone(),
        false => per_dimension(call, "stride", count, &Size::ONE)?,
    };
    let rounds_up = call.bool("ceil_mode")?;
    let mut sizes = input.sizes[..outer].to_vec();
    for (dim, size) in input.sizes[outer..].iter().enumerate() {
        let window = [&kernel[dim], &padding[dim], &strides[dim], &dilation[dim]];
        sizes.push(pooled_size(call, size, window, rounds_up)?);
    }
    // Average pooling over one or three dimensions, and maxima over one, know no memory format.
    Ok(vec![in_suggested_format(call, &input, sizes)?.into()])
}

/// (n + 2p - d(k - 1) - 1) / s + 1, rounded down, or up where the last window still starts inside.
fn pooled_size(
    call: &Call<'_>,
    size: &Size,
    [kernel, padding, stride, dilation]: [&Size; 4],
    rounds_up: bool,
) -> Computed {
    let reach = dilation.mul(&kernel.sub(&Size::ONE)?)?;
    let mut span = size
        .add(&padding.mul(&Size::Int(2))?)?
        .sub(&reach)?
        .sub(&Size::ONE)?;
    if rounds_up {
        span = span.add(&stride.sub(&Size::ONE)?)?;
    }
    let count = span.floor_div(stride)?.add(&Size::ONE)?;
    if count.as_int().is_some_and(|count| count < 1) {
        return Err(call.contradiction(format!("a window of {kernel} does not fit size {size}")));
    }
    if !rounds_up {
        return Ok(count);
    }
    let last_start = count.sub(&Size::ONE)?.mul(stride)?;
    match call
        .env
        .decide(Relation::Ge, &last_start, &size.add(padding)?)
    {
        Some(true) => count.sub(&Size::ONE),
        Some(false) => Ok(count),
        None => Err(call.unknown(format!(
            "whether the last window starts inside size {size} is not known"
        ))),
    }
}

fn adaptive(call: &Call<'_>, count: usize) -> Results {
    let input = call.tensor_at(0)?;
    let outer = outer_count(call, &input, count)?;
    let wanted = per_dimension(call, "output_size", count, &Size::ONE)?;
    let mut sizes = input.sizes[..outer].to_vec();
    sizes.extend(wanted);
    Ok(vec![in_suggested_format(call, &input, sizes)?.into()])
}

fn fractional(call: &Call<'_>, count: usize) -> Results {
    let input = call.tensor_at(0)?;
    let outer = outer_count(call, &input, count)?;
    let mut sizes = input.sizes[..outer].to_vec();
    sizes.extend(per_dimension(call, "output_size", count, &Size::ONE)?);
    Ok(vec![
        Tensor::contiguous(input.dtype, sizes, &input.device)?.into(),
    ])
}

fn unpooled(call: &Call<'_>, count: usize) -> Results {
    let input = call.tensor_at(0)?;
    let outer = outer_count(call, &input, count)?;
    let mut sizes = input.sizes[..outer].to_vec();
    sizes.extend(per_dimension(call, "output_size", count, &Size::ONE)?);
    Ok(vec![in_suggested_format(call, &input, sizes)?.into()])
}

fn upsampled(call: &Call<'_>, count: usize) -> Results {
    let input = call.tensor_at(0)?;
    if input.rank() != count + 2 {
        return Err(call.contradiction(format!(
            "the input has rank {}, expected {}",
            input.rank(),
            count + 2
        )));
    }
    let mut sizes = input.sizes[..2].to_vec();
    match call.optional_sizes("output_size")? {
        Some(given) if given.len() == count => sizes.extend(given),
        Some(given) => {
            return Err(call.contradiction(format!("the output sizes are {}", size::list(&given))));
        }
        None => sizes.extend(scaled_sizes(call, &input.sizes[2..])?),
    }
    Ok(vec![in_suggested_format(call, &input, sizes)?.into()])
}

fn scaled_sizes(call: &Call<'_>, sizes: &[Size]) -> Result<Vec<Size>, NoInference> {
    let factors = call.list("scale_factors")?.unwrap_or_default();
    if factors.len() != sizes.len() {
        return Err(
            call.contradiction("there is neither an output size nor a scale for each dimension")
        );
    }
    sizes
        .iter()
        .zip(factors)
        .map(|(size, factor)| match factor {
            Item::Float(factor) => scaled(call, size, factor),
            other => Err(call.unexpected("scale_factors", "a constant float", &other)),
        })
        .collect()
}

/// trunc(n * f)
fn scaled(call: &Call<'_>, size: &Size, factor: f64) -> Computed {
    const LARGEST: f64 = 9e15;
    if !(0.0..LARGEST).contains(&factor) {
        return Err(call.contradiction(format!("the scale is {factor}")));
    }
    match size {
        size if factor.fract() == 0.0 => size.mul(&Size::Int(factor as i64)),
        Size::Int(size) => {
            let product = *size as f64 * factor;
            if product.abs() > LARGEST {
                return Err(call.contradiction("a size overflows"));
            }
            Ok(Size::Int(product as i64))
        }
        Size::Expr(size) => {
            let float = Expr::call(Func::ToFloat, vec![size.clone()])?;
            let product = Expr::mul([Expr::float(factor)?, float])?;
            Ok(Expr::call(Func::TruncToInt, vec![product])?.into())
        }
    }
}

/// The gradient of the input is like the input.
fn backward(call: &Call<'_>) -> Results {
    let input = match call.get("self") {
        Item::Tensor(input) => input,
        _ => call.tensor("input")?,
    };
    Ok(vec![
        in_suggested_format(call, &input, input.sizes.clone())?.into(),
    ])
}

fn grid_sampled(call: &Call<'_>) -> Results {
    let (input, grid) = (call.tensor_at(0)?, call.tensor("grid")?);
    if grid.rank() != input.rank() || input.rank() < 4 {
        return Err(call.contradiction("input and grid do not have the same rank, at least 4"));
    }
    let mut sizes = input.sizes[..2].to_vec();
    sizes.extend_from_slice(&grid.sizes[1..grid.rank() - 1]);
    Ok(vec![
        Tensor::contiguous(input.dtype, sizes, &input.device)?.into(),
    ])
}

fn affine_grid(call: &Call<'_>) -> Results {
    let theta = call.tensor_at(0)?;
    let wanted = call.sizes("size")?;
    let spatial = wanted.get(2..).filter(|spatial| !spatial.is_empty());
    let spatial =
        spatial.ok_or_else(|| call.contradiction("the size has no spatial dimensions"))?;
    let mut sizes = vec![wanted[0].clone()];
    sizes.extend_from_slice(spatial);
    sizes.push(Size::count(spatial.len()));
    Ok(vec![
        Tensor::contiguous(theta.dtype, sizes, &theta.device)?.into(),
    ])
}

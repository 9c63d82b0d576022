//! Pooling: the forms without indices, in one dimension, and to a size of one.

use expc_dialects::Argument;
use melior::ir::Value;

use super::Rule;
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, Size, refuse, single, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.max_pool1d.default", max_pool1d),
    (
        "aten.max_pool1d_with_indices.default",
        max_pool1d_with_indices,
    ),
    ("aten.max_pool2d.default", max_pool2d),
    ("aten.max_pool3d.default", max_pool3d),
    ("aten.avg_pool1d.default", avg_pool1d),
    ("aten.adaptive_avg_pool1d.default", adaptive_avg_pool1d),
    ("aten.adaptive_avg_pool2d.default", adaptive_avg_pool2d),
    ("aten.adaptive_avg_pool3d.default", adaptive_avg_pool3d),
    ("aten.adaptive_max_pool1d.default", adaptive_max_pool1d),
    ("aten.max_unpool2d.default", max_unpool2d),
    ("aten.max_unpool3d.default", max_unpool3d),
];

/// An argument of a pool over one dimension as that of a pool over two, the first of size one.
fn over_two(b: &Rewrite<'_, '_, '_>, name: &str, first: i64) -> Rewritten<Vec<i64>> {
    let given = b.ints(name)?;
    Ok(if given.is_empty() {
        given
    } else {
        std::iter::once(first).chain(given).collect()
    })
}

/// Adds a dimension of size one before the pooled one.
fn as_image<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    b.unsqueeze(b.tensor("self")?, -2)
}

/// Takes the added dimension off the results.
fn as_signals<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    values: Vec<Value<'c, 'a>>,
) -> Rewritten<Replacement<'c, 'a>> {
    values
        .into_iter()
        .map(|value| b.squeeze(value, -2).map(Some))
        .collect()
}

// max_pool1d(x) = the values of max_pool1d_with_indices(x).
fn max_pool1d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    values_of(b, "aten.max_pool1d_with_indices.default")
}

// max_pool2d(x) = the values of max_pool2d_with_indices(x).
fn max_pool2d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    values_of(b, "aten.max_pool2d_with_indices.default")
}

// max_pool3d(x) = the values of max_pool3d_with_indices(x).
fn max_pool3d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    values_of(b, "aten.max_pool3d_with_indices.default")
}

fn values_of<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    with_indices: &str,
) -> Rewritten<Replacement<'c, 'a>> {
    let mut args: Vec<Argument> = args![b.tensor("self")?];
    for name in ["kernel_size", "stride", "padding", "dilation", "ceil_mode"] {
        match b.arg(name) {
            Some(arg) => args.push(arg),
            None => return refuse(format!("`{name}` is not given")),
        }
    }
    let results = b.ops(with_indices, args, &[])?;
    Ok(results.into_iter().take(1).map(Some).collect())
}

// max_pool1d(x) = max_pool2d(x with a dimension of one).
fn max_pool1d_with_indices<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let results = b.ops(
        "aten.max_pool2d_with_indices.default",
        args![
            as_image(b)?,
            over_two(b, "kernel_size", 1)?,
            over_two(b, "stride", 1)?,
            over_two(b, "padding", 0)?,
            over_two(b, "dilation", 1)?,
            b.boolean("ceil_mode")?,
        ],
        &[],
    )?;
    as_signals(b, results)
}

// avg_pool1d(x) = avg_pool2d(x with a dimension of one).
fn avg_pool1d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let result = b.op_value(
        "aten.avg_pool2d.default",
        args![
            as_image(b)?,
            over_two(b, "kernel_size", 1)?,
            over_two(b, "stride", 1)?,
            over_two(b, "padding", 0)?,
            b.boolean("ceil_mode")?,
            b.boolean("count_include_pad")?,
        ],
    )?;
    as_signals(b, vec![result])
}

// adaptive_avg_pool1d(x, n) = adaptive_avg_pool2d(x with a dimension of one, [1, n]).
fn adaptive_avg_pool1d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let sizes = over_two(b, "output_size", 1)?;
    let result = b.op_value(
        "aten.adaptive_avg_pool2d.default",
        args![as_image(b)?, sizes],
    )?;
    as_signals(b, vec![result])
}

// adaptive_max_pool1d(x, n) = adaptive_max_pool2d(x with a dimension of one, [1, n]).
fn adaptive_max_pool1d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let sizes = over_two(b, "output_size", 1)?;
    let results = b.ops(
        "aten.adaptive_max_pool2d.default",
        args![as_image(b)?, sizes],
        &[],
    )?;
    as_signals(b, results)
}

// adaptive_avg_pool2d(x, [1, 1]) = mean over both, other sizes by the op of that name.
fn adaptive_avg_pool2d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let input = b.tensor("self")?;
    if !is_one(b)? {
        let sizes = size_argument(b.size_list("output_size")?);
        return single(b.op_value("aten._adaptive_avg_pool2d.default", args![input, sizes])?);
    }
    let mean = b.op_value("aten.mean.dim", args![input, vec![-1_i64, -2], true])?;
    single(channels_last_strides(b, input, mean)?)
}

/// The pooled image with the strides of channels last where the input has these.
fn channels_last_strides<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    input: Value<'c, 'a>,
    mean: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    use crate::shape::MemoryFormat;
    if b.strided(input)?.suggested_format(b.env()) != MemoryFormat::ChannelsLast {
        return Ok(mean);
    }
    let (batch, channels) = (b.size_of(input, 0)?, b.size_of(input, 1)?);
    let one = Size::Static(1);
    let sizes = [batch, channels.clone(), one.clone(), one.clone()];
    let strides = [channels.clone(), one, channels.clone(), channels];
    b.op_value(
        "aten.as_strided.default",
        args![mean, size_argument(sizes), size_argument(strides)],
    )
}

// adaptive_avg_pool3d(x, [1, 1, 1]) = mean over all three, other sizes by the op of that name.
fn adaptive_avg_pool3d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let input = b.tensor("self")?;
    if is_one(b)? {
        let dims = vec![-1_i64, -2, -3];
        return single(b.op_value("aten.mean.dim", args![input, dims, true])?);
    }
    let sizes = size_argument(b.size_list("output_size")?);
    single(b.op_value("aten._adaptive_avg_pool3d.default", args![input, sizes])?)
}

/// Whether the output has one element per channel.
fn is_one(b: &Rewrite<'_, '_, '_>) -> Rewritten<bool> {
    Ok(b.size_list("output_size")?
        .iter()
        .all(|size| b.size_is(size, 1)))
}

fn max_unpool2d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    single(max_unpool(b, 2)?)
}

fn max_unpool3d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    single(max_unpool(b, 3)?)
}

// max_unpool(x, indices) = zeros with x at its indices, each channel shifted to its part of the flat output.
fn max_unpool<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, spatial: usize) -> Rewritten<Value<'c, 'a>> {
    let (input, indices) = (b.tensor("self")?, b.tensor("indices")?);
    let output_size = b.size_list("output_size")?;
    let sizes = b.sizes(input)?;
    let Some((leading, _)) = sizes
        .len()
        .checked_sub(spatial)
        .and_then(|count| sizes.split_at_checked(count))
    else {
        return refuse("the input has too few dimensions");
    };
    let images = b.product(leading)?;
    let area = b.product(&output_size)?;
    let ones = std::iter::repeat_n(Size::Static(1), spatial);
    let offset = b.op_with(
        "aten.arange.default",
        args![images],
        &[("device", device_of(b, input)?)],
    )?;
    let offset = b.view(offset, leading.iter().cloned().chain(ones))?;
    let offset = b.op_value("aten.mul.Tensor", args![offset, area])?;
    let indices = b.op_value("aten.add.Tensor", args![indices, offset])?;
    let flat = [Size::Static(-1)];
    let indices = b.reshape(indices, flat.clone())?;
    let output = b.op_value(
        "aten.new_zeros.default",
        args![
            input,
            size_argument(leading.iter().cloned().chain(output_size))
        ],
    )?;
    let output_sizes = b.sizes(output)?;
    let output = b.reshape(output, flat.clone())?;
    let values = b.reshape(input, flat)?;
    let output = b.op_value(
        "aten.index_put.default",
        args![output, vec![indices], values],
    )?;
    b.view(output, output_sizes)
}

/// The device of a tensor as an argument.
pub(super) fn device_of<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
) -> Rewritten<Argument<'c, 'a>> {
    let device = b.meta(value)?.device;
    Ok(expc_dialects::Constant::Device(device).into())
}

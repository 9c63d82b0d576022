//! Padding, and ops that rearrange elements in blocks.

use super::{
    Item, NoInference, Tensor,
    broadcast::like,
    call::Call,
    conv::per_dimension,
    rules::Row,
    size::{self, Size},
    tensor::{MemoryFormat, format_strides},
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("aten.constant_pad_nd", |call| padded(call, "pad", true)),
    ("aten.pad aten._pad_enum", |call| {
        padded(
            call,
            "pad",
            call.string("mode").as_deref() == Some("constant"),
        )
    }),
    ("aten._pad_circular", |call| padded(call, "pad", false)),
    (
        "aten.reflection_pad1d aten.reflection_pad2d aten.reflection_pad3d aten.replication_pad1d \
         aten.replication_pad2d aten.replication_pad3d",
        |call| padded(call, "padding", false),
    ),
    ("aten.pixel_shuffle", pixel_shuffle),
    ("aten.pixel_unshuffle", pixel_unshuffle),
    (
        "aten.channel_shuffle aten.native_channel_shuffle",
        channel_shuffle,
    ),
    ("aten.im2col", im2col),
    ("aten.col2im", col2im),
];

/// Pairs of paddings from the last dimension on; constants keep the memory format.
fn padded(call: &Call<'_>, name: &str, keeps_format: bool) -> Results {
    let input = call.tensor_at(0)?;
    let padding = call.sizes(name)?;
    if padding.len() % 2 != 0 || padding.len() / 2 > input.rank() {
        return Err(call.contradiction(format!(
            "paddings {} do not fit a tensor of rank {}",
            size::list(&padding),
            input.rank()
        )));
    }
    if keeps_format && padding.iter().all(|side| call.env.is(side, 0)) {
        return Ok(vec![like(call.env, &input, input.dtype)?.into()]);
    }
    let mut sizes = input.sizes.clone();
    for (size, sides) in sizes.iter_mut().rev().zip(padding.chunks(2)) {
        *size = size.add(&Size::sum(sides)?)?;
        if size.as_int().is_some_and(|size| size < 0) {
            return Err(call.contradiction("a size becomes negative"));
        }
    }
    let format = if keeps_format {
        input.suggested_format(call.env)
    } else {
        MemoryFormat::Contiguous
    };
    let strides = format_strides(&sizes, format)?;
    Ok(vec![
        Tensor::strided(input.dtype, sizes, strides, &input.device).into(),
    ])
}

/// The last three sizes of an image: channels, rows and columns.
fn image<'t>(
    call: &Call<'_>,
    input: &'t Tensor,
) -> Result<(&'t [Size], [&'t Size; 3]), NoInference> {
    match input.sizes.as_slice() {
        [outer @ .., channels, rows, columns] => Ok((outer, [channels, rows, columns])),
        other => Err(call.contradiction(format!(
            "the input has sizes {}, expected an image",
            size::list(other)
        ))),
    }
}

fn dense(input: &Tensor, outer: &[Size], inner: impl IntoIterator<Item = Size>) -> Results {
    let sizes = outer.iter().cloned().chain(inner).collect();
    Ok(vec![
        Tensor::contiguous(input.dtype, sizes, &input.device)?.into(),
    ])
}

fn pixel_shuffle(call: &Call<'_>) -> Results {
    let input = call.tensor_at(0)?;
    let factor = call.size("upscale_factor")?;
    let (outer, [channels, rows, columns]) = image(call, &input)?;
    let channels = channels.floor_div(&factor.mul(&factor)?)?;
    dense(
        &input,
        outer,
        [channels, rows.mul(&factor)?, columns.mul(&factor)?],
    )
}

fn pixel_unshuffle(call: &Call<'_>) -> Results {
    let input = call.tensor_at(0)?;
    let factor = call.size("downscale_factor")?;
    let (outer, [channels, rows, columns]) = image(call, &input)?;
    let channels = channels.mul(&factor)?.mul(&factor)?;
    dense(
        &input,
        outer,
        [
            channels,
            rows.floor_div(&factor)?,
            columns.floor_div(&factor)?,
        ],
    )
}

/// The channels are cut into groups, whose sizes are those of the result.
fn channel_shuffle(call: &Call<'_>) -> Results {
    let input = call.tensor_at(0)?;
    let groups = call.size("groups")?;
    let mut sizes = input.sizes.clone();
    if let Some(channels) = sizes.get_mut(1) {
        *channels = channels.floor_div(&groups)?.mul(&groups)?;
    }
    dense(&input, &sizes, [])
}

/// Positions of a window along each dimension.
fn positions(call: &Call<'_>, sizes: &[Size], kernel: &[Size]) -> Result<Size, NoInference> {
    let dilation = per_dimension(call, "dilation", 2, &Size::ONE)?;
    let padding = per_dimension(call, "padding", 2, &Size::ZERO)?;
    let strides = per_dimension(call, "stride", 2, &Size::ONE)?;
    let mut total = Size::ONE;
    for dim in 0..2 {
        let reach = dilation[dim].mul(&kernel[dim].sub(&Size::ONE)?)?;
        let span = sizes[dim]
            .add(&padding[dim].mul(&Size::Int(2))?)?
            .sub(&reach)?
            .sub(&Size::ONE)?;
        total = total.mul(&span.floor_div(&strides[dim])?.add(&Size::ONE)?)?;
    }
    Ok(total)
}

fn im2col(call: &Call<'_>) -> Results {
    let input = call.tensor_at(0)?;
    let kernel = per_dimension(call, "kernel_size", 2, &Size::ONE)?;
    let (outer, [channels, rows, columns]) = image(call, &input)?;
    let count = positions(call, &[rows.clone(), columns.clone()], &kernel)?;
    dense(
        &input,
        outer,
        [channels.mul(&Size::product(&kernel)?)?, count],
    )
}

fn col2im(call: &Call<'_>) -> Results {
    let input = call.tensor_at(0)?;
    let kernel = per_dimension(call, "kernel_size", 2, &Size::ONE)?;
    let wanted = per_dimension(call, "output_size", 2, &Size::ONE)?;
    match input.sizes.as_slice() {
        [outer @ .., rows, _] => {
            let channels = rows.floor_div(&Size::product(&kernel)?)?;
            dense(
                &input,
                outer,
                [channels, wanted[0].clone(), wanted[1].clone()],
            )
        }
        other => Err(call.contradiction(format!("the input has sizes {}", size::list(other)))),
    }
}

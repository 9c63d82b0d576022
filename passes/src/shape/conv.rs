//! Convolutions.

use std::rc::Rc;

use expc_dialects::ScalarType;
use expc_symbolic::Relation;

use super::{
    Item, NoInference, Tensor,
    call::Call,
    rules::Row,
    size::{self, Computed, Size},
    tensor::{MemoryFormat, format_strides},
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    (
        "aten.convolution aten._convolution aten.convolution_overrideable",
        convolution,
    ),
    ("aten.conv1d aten.conv2d aten.conv3d", conv),
    (
        "aten.conv_transpose1d aten.conv_transpose2d aten.conv_transpose3d",
        conv_transpose,
    ),
    ("aten.conv_tbc", conv_tbc),
];

/// One dimension of a window that slides over an input.
struct Window {
    padding: Size,
    stride: Size,
    dilation: Size,
    output_padding: Size,
}

/// How windows slide over the spatial dimensions, and whether each input element spreads instead.
struct Geometry {
    windows: Vec<Window>,
    is_transposed: bool,
    groups: Size,
}

/// A list with an entry for each dimension, of which one may stand for all.
pub fn per_dimension(
    call: &Call<'_>,
    name: &str,
    count: usize,
    default: &Size,
) -> Result<Vec<Size>, NoInference> {
    let given = call.sizes(name)?;
    match given.as_slice() {
        [] => Ok(vec![default.clone(); count]),
        [one] => Ok(vec![one.clone(); count]),
        all if all.len() == count => Ok(all.to_vec()),
        other => Err(call.contradiction(format!(
            "`{name}` is {}, expected {count} entries",
            size::list(other)
        ))),
    }
}

fn convolution(call: &Call<'_>) -> Results {
    let weight = call.tensor("weight")?;
    let count = spatial_count(call, &weight)?;
    let (zero, one) = (Size::ZERO, Size::ONE);
    let padding = per_dimension(call, "padding", count, &zero)?;
    let output_padding = per_dimension(call, "output_padding", count, &zero)?;
    let strides = per_dimension(call, "stride", count, &one)?;
    let dilation = per_dimension(call, "dilation", count, &one)?;
    let geometry = Geometry {
        windows: windows(padding, strides, dilation, output_padding),
        is_transposed: call.bool("transposed")?,
        groups: call.size("groups")?,
    };
    convolved(call, &geometry).map(|result| vec![result])
}

fn windows(
    padding: Vec<Size>,
    strides: Vec<Size>,
    dilation: Vec<Size>,
    output_padding: Vec<Size>,
) -> Vec<Window> {
    let rest = strides.into_iter().zip(dilation).zip(output_padding);
    let all = padding.into_iter().zip(rest);
    all.map(|(padding, ((stride, dilation), output_padding))| Window {
        padding,
        stride,
        dilation,
        output_padding,
    })
    .collect()
}

fn spatial_count(call: &Call<'_>, weight: &Tensor) -> Result<usize, NoInference> {
    weight
        .rank()
        .checked_sub(2)
        .filter(|count| *count > 0)
        .ok_or_else(|| call.contradiction(format!("the weight has rank {}", weight.rank())))
}

fn conv(call: &Call<'_>) -> Results {
    let weight = call.tensor("weight")?;
    let count = spatial_count(call, &weight)?;
    let dilation = per_dimension(call, "dilation", count, &Size::ONE)?;
    let padding = match call.string("padding") {
        Some(mode) if mode == "same" => return same_size(call, &weight),
        Some(_) => vec![Size::ZERO; count],
        None => per_dimension(call, "padding", count, &Size::ZERO)?,
    };
    let strides = per_dimension(call, "stride", count, &Size::ONE)?;
    let geometry = Geometry {
        windows: windows(padding, strides, dilation, vec![Size::ZERO; count]),
        is_transposed: false,
        groups: call.size("groups")?,
    };
    convolved(call, &geometry).map(|result| vec![result])
}

/// Padded so that the result has the sizes of the input.
fn same_size(call: &Call<'_>, weight: &Rc<Tensor>) -> Results {
    let input = call.tensor("input")?;
    let count = spatial_count(call, weight)?;
    let Some(outer) = input.rank().checked_sub(count) else {
        return Err(call.contradiction("the input has too few dimensions"));
    };
    let mut sizes = input.sizes.clone();
    if let (Some(channels), Some(made)) = (sizes.get_mut(outer - 1), weight.sizes.first()) {
        *channels = made.clone();
    }
    finished(call, &input, weight, sizes).map(|result| vec![result])
}

fn conv_transpose(call: &Call<'_>) -> Results {
    let weight = call.tensor("weight")?;
    let count = spatial_count(call, &weight)?;
    let padding = per_dimension(call, "padding", count, &Size::ZERO)?;
    let output_padding = per_dimension(call, "output_padding", count, &Size::ZERO)?;
    let strides = per_dimension(call, "stride", count, &Size::ONE)?;
    let dilation = per_dimension(call, "dilation", count, &Size::ONE)?;
    let geometry = Geometry {
        windows: windows(padding, strides, dilation, output_padding),
        is_transposed: true,
        groups: call.size("groups")?,
    };
    convolved(call, &geometry).map(|result| vec![result])
}

fn convolved(call: &Call<'_>, geometry: &Geometry) -> Result<Item, NoInference> {
    let (input, weight) = (call.tensor_at(0)?, call.tensor("weight")?);
    let count = geometry.windows.len();
    let outer = input
        .rank()
        .checked_sub(count)
        .filter(|outer| (1..=2).contains(outer));
    let outer = outer.ok_or_else(|| {
        call.contradiction(format!(
            "the input has sizes {}, the weight {}",
            size::list(&input.sizes),
            size::list(&weight.sizes)
        ))
    })?;
    let (in_channels, out_channels) = if geometry.is_transposed {
        (
            weight.sizes[0].clone(),
            weight.sizes[1].mul(&geometry.groups)?,
        )
    } else {
        (
            weight.sizes[1].mul(&geometry.groups)?,
            weight.sizes[0].clone(),
        )
    };
    let channels = &input.sizes[outer - 1];
    if call.env.decide(Relation::Eq, channels, &in_channels) == Some(false) {
        return Err(call.contradiction(format!(
            "the input has {channels} channels, the weight takes {in_channels}"
        )));
    }
    let mut sizes = input.sizes[..outer - 1].to_vec();
    sizes.push(out_channels);
    let spatial = input.sizes[outer..]
        .iter()
        .zip(&weight.sizes[2..])
        .zip(&geometry.windows);
    for ((size, kernel), window) in spatial {
        let length = if geometry.is_transposed {
            spread(size, kernel, window)?
        } else {
            slid(size, kernel, window)?
        };
        if length.as_int().is_some_and(|length| length < 0) {
            return Err(call.contradiction(format!(
                "the kernel does not fit an input of sizes {}",
                size::list(&input.sizes)
            )));
        }
        sizes.push(length);
    }
    finished(call, &input, &weight, sizes)
}

/// (n + 2p - d(k - 1) - 1) // s + 1
fn slid(size: &Size, kernel: &Size, window: &Window) -> Computed {
    let reach = window.dilation.mul(&kernel.sub(&Size::ONE)?)?;
    let padded = size.add(&window.padding.mul(&Size::Int(2))?)?;
    let steps = padded
        .sub(&reach)?
        .sub(&Size::ONE)?
        .floor_div(&window.stride)?;
    steps.add(&Size::ONE)
}

/// (n - 1)s - 2p + d(k - 1) + o + 1
fn spread(size: &Size, kernel: &Size, window: &Window) -> Computed {
    let reach = window.dilation.mul(&kernel.sub(&Size::ONE)?)?;
    let steps = size.sub(&Size::ONE)?.mul(&window.stride)?;
    let cut = steps.sub(&window.padding.mul(&Size::Int(2))?)?;
    cut.add(&reach)?
        .add(&window.output_padding)?
        .add(&Size::ONE)
}

/// The result in the memory format that torch's kernels choose by input and weight.
fn finished(
    call: &Call<'_>,
    input: &Tensor,
    weight: &Tensor,
    sizes: Vec<Size>,
) -> Result<Item, NoInference> {
    let format = output_format(call, input, weight, sizes.len());
    let strides = format_strides(&sizes, format)?;
    Ok(Tensor::strided(input.dtype, sizes, strides, &input.device).into())
}

pub fn output_format(
    call: &Call<'_>,
    input: &Tensor,
    weight: &Tensor,
    rank: usize,
) -> MemoryFormat {
    let batch_is_open = input
        .sizes
        .first()
        .is_none_or(|batch| call.env.is_unbacked(batch));
    if rank != weight.rank() || batch_is_open {
        return MemoryFormat::Contiguous;
    }
    let suggested = [input, weight].map(|tensor| tensor.suggested_format(call.env));
    let is_double = input.dtype == ScalarType::Float64;
    if suggested.contains(&MemoryFormat::ChannelsLast) {
        MemoryFormat::ChannelsLast
    } else if suggested.contains(&MemoryFormat::ChannelsLast3d) && !is_double {
        MemoryFormat::ChannelsLast3d
    } else {
        MemoryFormat::Contiguous
    }
}

/// Over time, batch and channels.
fn conv_tbc(call: &Call<'_>) -> Results {
    let (input, weight) = (call.tensor_at(0)?, call.tensor("weight")?);
    let ([time, batch, _], [kernel, _, channels]) =
        (input.sizes.as_slice(), weight.sizes.as_slice())
    else {
        return Err(call.contradiction("input and weight have three dimensions each"));
    };
    let padding = call.size("pad")?.mul(&Size::Int(2))?;
    let length = time.add(&padding)?.sub(kernel)?.add(&Size::ONE)?;
    let sizes = vec![length, batch.clone(), channels.clone()];
    Ok(vec![
        Tensor::contiguous(input.dtype, sizes, &input.device)?.into(),
    ])
}

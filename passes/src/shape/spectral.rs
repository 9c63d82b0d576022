//! Fourier transforms.
//!
//! The library behind them transforms dimensions that lie innermost in memory, so results keep the order of
//! the other dimensions and put the transformed ones inside.

use std::{cmp::Ordering, rc::Rc};

use expc_dialects::ScalarType;
use expc_symbolic::Relation;

use super::{
    Item, NoInference, Tensor,
    broadcast::like,
    call::Call,
    promote::{DEFAULT_FLOAT, complex_of, is_integral, real_of},
    rules::{self, Row},
    size::Size,
    tensor::{contiguous_strides, format_strides},
    view::restrided,
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("aten.fft_fft aten.fft_ifft", |call| {
        one_dimension(call, Kind::Complex)
    }),
    ("aten.fft_rfft aten.fft_ihfft", |call| {
        one_dimension(call, Kind::ToHalf)
    }),
    ("aten.fft_irfft aten.fft_hfft", |call| {
        one_dimension(call, Kind::FromHalf)
    }),
    (
        "aten.fft_fft2 aten.fft_ifft2 aten.fft_fftn aten.fft_ifftn",
        |call| dimensions(call, Kind::Complex),
    ),
    ("aten.fft_rfft2 aten.fft_rfftn", |call| {
        dimensions(call, Kind::ToHalf)
    }),
    (
        "aten.fft_irfft2 aten.fft_irfftn aten.fft_hfft2 aten.fft_hfftn",
        |call| dimensions(call, Kind::FromHalf),
    ),
    ("aten.fft_ihfft2 aten.fft_ihfftn", |call| {
        dimensions(call, Kind::ToHalfFirst)
    }),
    ("aten.fft_fftshift aten.fft_ifftshift", shifted),
    ("aten._fft_c2c", c2c),
    ("aten._fft_r2c", r2c),
    ("aten._fft_c2r", c2r),
    ("aten.stft", stft),
    ("aten.istft", istft),
];

/// What a transform takes and gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Complex,
    /// Real to half of the spectrum along the last transformed dimension.
    ToHalf,
    /// As `ToHalf`, then a complex transform of the other dimensions.
    ToHalfFirst,
    /// From half of the spectrum along the last transformed dimension to real.
    FromHalf,
}

/// Refuses devices whose library leaves other strides.
fn check_device(call: &Call<'_>, tensor: &Tensor) -> Result<(), NoInference> {
    if &*tensor.device == "cpu" {
        Ok(())
    } else {
        Err(call.unknown(format!(
            "the strides of results on `{}` are not known",
            tensor.device
        )))
    }
}

fn one_dimension(call: &Call<'_>, kind: Kind) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    let lengths = call.optional_size("n")?.map(|length| vec![length]);
    // The whole spectrum of a real signal is computed from half of it.
    let kind_here = match (kind, tensor.dtype.is_complex()) {
        (Kind::Complex, false) => None,
        (kind, _) => Some(kind),
    };
    let input = promoted(
        call,
        &tensor,
        kind_here.is_some_and(|kind| matches!(kind, Kind::Complex | Kind::FromHalf)),
    )?;
    match kind_here {
        Some(kind) => transformed(call, &input, &[dim], lengths, kind),
        None => {
            let sized = resized(call, &input, &[dim], &lengths.unwrap_or_default())?;
            let result = Tensor::contiguous(complex_of(sized.dtype), sized.sizes, &sized.device)?;
            Ok(vec![result.into()])
        }
    }
}

fn dimensions(call: &Call<'_>, kind: Kind) -> Results {
    let tensor = call.tensor_at(0)?;
    let lengths = call.optional_sizes("s")?;
    let dims = match (call.optional_dims("dim", tensor.rank())?, &lengths) {
        (Some(dims), _) => dims,
        (None, Some(lengths)) => {
            (tensor.rank().saturating_sub(lengths.len())..tensor.rank()).collect()
        }
        (None, None) => (0..tensor.rank()).collect(),
    };
    let input = promoted(
        call,
        &tensor,
        matches!(kind, Kind::Complex | Kind::FromHalf),
    )?;
    transformed(call, &input, &dims, lengths, kind)
}

/// The input as floats, or as complex numbers.
fn promoted(call: &Call<'_>, tensor: &Tensor, to_complex: bool) -> Result<Tensor, NoInference> {
    check_device(call, tensor)?;
    let own = if is_integral(tensor.dtype) {
        DEFAULT_FLOAT
    } else {
        tensor.dtype
    };
    let dtype = if to_complex { complex_of(own) } else { own };
    if dtype == tensor.dtype {
        return Ok(tensor.clone());
    }
    like(call.env, tensor, dtype)
}

fn transformed(
    call: &Call<'_>,
    input: &Tensor,
    dims: &[usize],
    lengths: Option<Vec<Size>>,
    kind: Kind,
) -> Results {
    let Some((last, others)) = dims.split_last() else {
        return Ok(vec![like(call.env, input, input.dtype)?.into()]);
    };
    let mut lengths = lengths.unwrap_or_default();
    let mut signal = input.sizes.get(*last).cloned().unwrap_or(Size::ONE);
    if kind == Kind::FromHalf {
        signal = signal.sub(&Size::ONE)?.mul(&Size::Int(2))?;
        if let Some(given) = lengths
            .get_mut(others.len())
            .filter(|given| given.as_int() != Some(-1))
        {
            signal = given.clone();
            *given = half(&signal)?;
        }
    }
    let input = resized(call, input, dims, &lengths)?;
    let result = match kind {
        Kind::Complex => executed(call, &input, dims, input.dtype, input.sizes.clone())?,
        Kind::ToHalf | Kind::ToHalfFirst => {
            let mut sizes = input.sizes.clone();
            sizes[*last] = half(&sizes[*last])?;
            let spectrum =
                Tensor::contiguous(complex_of(input.dtype), sizes.clone(), &input.device)?;
            if kind == Kind::ToHalf || others.is_empty() {
                spectrum
            } else {
                executed(call, &spectrum, others, spectrum.dtype, sizes)?
            }
        }
        Kind::FromHalf => from_half(call, &input, dims, signal)?,
    };
    Ok(vec![result.into()])
}

/// Half a spectrum of a signal of this length.
fn half(length: &Size) -> Result<Size, NoInference> {
    length.floor_div(&Size::Int(2))?.add(&Size::ONE)
}

/// The input padded or cut to the lengths; -1 keeps a length.
fn resized(
    call: &Call<'_>,
    input: &Tensor,
    dims: &[usize],
    lengths: &[Size],
) -> Result<Tensor, NoInference> {
    let mut sizes = input.sizes.clone();
    let (mut is_padded, mut is_cut) = (false, false);
    for (dim, length) in dims.iter().zip(lengths) {
        let Some(size) = sizes.get_mut(*dim).filter(|_| length.as_int() != Some(-1)) else {
            continue;
        };
        match call.env.decide(Relation::Lt, size, length) {
            Some(true) => is_padded = true,
            Some(false) if call.env.equal(size, length) => {}
            Some(false) => is_cut = true,
            None => {
                return Err(call.unknown(format!(
                    "whether {size} is padded or cut to {length} is not known"
                )));
            }
        }
        *size = length.clone();
    }
    if is_padded {
        let strides = format_strides(&sizes, input.suggested_format(call.env))?;
        return Ok(Tensor::strided(input.dtype, sizes, strides, &input.device));
    }
    if is_cut {
        return Ok(restrided(input, sizes, input.strides.clone()));
    }
    Ok(input.clone())
}

/// Complex transforms of all dimensions but the last, which becomes real.
fn from_half(
    call: &Call<'_>,
    input: &Tensor,
    dims: &[usize],
    signal: Size,
) -> Result<Tensor, NoInference> {
    let Some((last, others)) = dims.split_last() else {
        return Ok(input.clone());
    };
    let spectrum = match others.is_empty() {
        true => input.clone(),
        false => executed(call, input, others, input.dtype, input.sizes.clone())?,
    };
    let mut sizes = spectrum.sizes.clone();
    sizes[*last] = signal;
    executed(call, &spectrum, &[*last], real_of(input.dtype), sizes)
}

/// A result with the transformed dimensions inside and the others in the order of the input.
fn executed(
    call: &Call<'_>,
    input: &Tensor,
    dims: &[usize],
    dtype: ScalarType,
    sizes: Vec<Size>,
) -> Result<Tensor, NoInference> {
    let env = call.env;
    let by_stride = |left: &usize, right: &usize| {
        let (left, right) = (&input.strides[*left], &input.strides[*right]);
        if env.equal(left, right) {
            Ordering::Equal
        } else if env.holds(Relation::Gt, left, right) {
            Ordering::Less
        } else {
            Ordering::Greater
        }
    };
    let (inner, mut outer): (Vec<usize>, Vec<usize>) =
        (0..input.rank()).partition(|dim| dims.contains(dim));
    outer.sort_by(by_stride);
    let inner_sizes: Vec<Size> = dims.iter().map(|dim| sizes[*dim].clone()).collect();
    let inner_strides = contiguous_strides(&inner_sizes)?;
    let mut strides = vec![Size::ONE; input.rank()];
    for (dim, stride) in inner.iter().zip(&inner_strides) {
        strides[*dim] = stride.clone();
    }
    let mut stride = Size::product(&inner_sizes)?.max(&Size::ONE)?;
    for dim in outer.iter().rev() {
        strides[*dim] = stride.clone();
        stride = stride.mul(&sizes[*dim])?;
    }
    Ok(Tensor::strided(dtype, sizes, strides, &input.device))
}

fn transformed_dims(call: &Call<'_>) -> Result<(Rc<Tensor>, Vec<usize>), NoInference> {
    let tensor = call.tensor_at(0)?;
    check_device(call, &tensor)?;
    let dims = call
        .optional_dims("dim", tensor.rank())?
        .unwrap_or_default();
    Ok((tensor, dims))
}

fn c2c(call: &Call<'_>) -> Results {
    let (tensor, dims) = transformed_dims(call)?;
    if dims.is_empty() {
        return Ok(vec![like(call.env, &tensor, tensor.dtype)?.into()]);
    }
    Ok(vec![
        executed(call, &tensor, &dims, tensor.dtype, tensor.sizes.clone())?.into(),
    ])
}

fn r2c(call: &Call<'_>) -> Results {
    let (tensor, dims) = transformed_dims(call)?;
    let mut sizes = tensor.sizes.clone();
    if let Some(size) = dims
        .last()
        .and_then(|last| sizes.get_mut(*last))
        .filter(|_| call.bool("onesided") == Ok(true))
    {
        *size = half(size)?;
    }
    Ok(vec![
        Tensor::contiguous(complex_of(tensor.dtype), sizes, &tensor.device)?.into(),
    ])
}

fn c2r(call: &Call<'_>) -> Results {
    let (tensor, dims) = transformed_dims(call)?;
    Ok(vec![
        from_half(call, &tensor, &dims, call.size("last_dim_size")?)?.into(),
    ])
}

fn shifted(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![
        Tensor::contiguous(tensor.dtype, tensor.sizes.clone(), &tensor.device)?.into(),
    ])
}

/// Spectra of windows that slide over a signal: frequencies, then frames, in memory the other way round.
fn stft(call: &Call<'_>) -> Results {
    let signal = call.tensor_at(0)?;
    check_device(call, &signal)?;
    let Some((length, batch)) = signal.sizes.split_last() else {
        return Err(call.contradiction("the signal has no dimensions"));
    };
    let window = call.size("n_fft")?;
    let hop = match call.optional_size("hop_length")? {
        Some(hop) => hop,
        None => window.floor_div(&Size::Int(4))?,
    };
    let length = match call.bool("center")? {
        true => length.add(&window.floor_div(&Size::Int(2))?.mul(&Size::Int(2))?)?,
        false => length.clone(),
    };
    // The zeros around the window then stand before the signal.
    let length = match (
        call.get("align_to_window"),
        call.optional_size("win_length")?,
    ) {
        (Item::Bool(true), Some(inside)) => {
            let border = window.sub(&inside)?.floor_div(&Size::Int(2))?;
            length.add(&border.mul(&Size::Int(2))?)?
        }
        _ => length,
    };
    let frames = length.sub(&window)?.floor_div(&hop)?.add(&Size::ONE)?;
    let is_complex = signal.dtype.is_complex()
        || call
            .optional_tensor("window")?
            .is_some_and(|window| window.dtype.is_complex());
    let is_half = match call.get("onesided") {
        Item::None => !is_complex,
        _ => call.bool("onesided")?,
    };
    let frequencies = if is_half { half(&window)? } else { window };
    let in_memory: Vec<Size> = batch
        .iter()
        .cloned()
        .chain([frames.clone(), frequencies.clone()])
        .collect();
    let mut strides = contiguous_strides(&in_memory)?;
    let rank = strides.len();
    strides.swap(rank - 1, rank - 2);
    let sizes = batch.iter().cloned().chain([frequencies, frames]).collect();
    let spectrum = Tensor::strided(complex_of(signal.dtype), sizes, strides, &signal.device);
    if !matches!(call.get("return_complex"), Item::Bool(true)) {
        let pairs = rules::result_of(call, "aten.view_as_real.default", [spectrum.into()])?;
        return Ok(vec![Item::Tensor(pairs)]);
    }
    Ok(vec![spectrum.into()])
}

/// The signal of a spectrum whose last dimension are frames; with `center` half a window at each end is left out.
fn istft(call: &Call<'_>) -> Results {
    let spectrum = call.tensor_at(0)?;
    let (batch, [_, frames]) = (match spectrum.sizes.as_slice() {
        [batch @ .., frequencies, frames] if batch.len() <= 1 => {
            Some((batch, [frequencies, frames]))
        }
        _ => None,
    })
    .ok_or_else(|| {
        call.contradiction(format!(
            "expected a spectrum of rank 2 or 3, found {}",
            spectrum.rank()
        ))
    })?;
    let window = call.size("n_fft")?;
    let hop = match call.optional_size("hop_length")? {
        Some(hop) => hop,
        None => window.floor_div(&Size::Int(4))?,
    };
    let whole = frames.sub(&Size::ONE)?.mul(&hop)?.add(&window)?;
    let length = match call.optional_size("length")? {
        Some(length) => length,
        None if call.bool("center")? => {
            whole.sub(&window.floor_div(&Size::Int(2))?.mul(&Size::Int(2))?)?
        }
        None => whole,
    };
    let dtype = match call.bool("return_complex")? {
        true => spectrum.dtype,
        false => real_of(spectrum.dtype),
    };
    let sizes = batch.iter().cloned().chain([length]).collect();
    Ok(vec![
        Tensor::contiguous(dtype, sizes, &spectrum.device)?.into(),
    ])
}

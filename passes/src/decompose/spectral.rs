//! Fourier transforms, all of which are one of `_fft_c2c`, `_fft_r2c` and `_fft_c2r` in the end.

use expc_dialects::{Constant, ScalarType};
use expc_symbolic::Relation;
use melior::ir::Value;

use super::{Rule, pool::device_of};
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, Size, refuse, single, size_argument},
    shape::real_of,
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.fft_fft.default", fft),
    ("aten.fft_ifft.default", ifft),
    ("aten.fft_rfft.default", rfft),
    ("aten.fft_irfft.default", irfft),
    ("aten.fft_hfft.default", hfft),
    ("aten.fft_ihfft.default", ihfft),
    ("aten.fft_fft2.default", fftn),
    ("aten.fft_fftn.default", fftn),
    ("aten.fft_ifft2.default", ifftn),
    ("aten.fft_ifftn.default", ifftn),
    ("aten.fft_rfft2.default", rfftn),
    ("aten.fft_rfftn.default", rfftn),
    ("aten.fft_irfft2.default", irfftn),
    ("aten.fft_irfftn.default", irfftn),
    ("aten.fft_hfft2.default", hfftn),
    ("aten.fft_hfftn.default", hfftn),
    ("aten.fft_ihfft2.default", ihfftn),
    ("aten.fft_ihfftn.default", ihfftn),
    ("aten.fft_fftshift.default", fftshift),
    ("aten.fft_ifftshift.default", ifftshift),
    ("aten.stft.center", stft_center),
    ("aten.stft.default", stft),
    ("aten.istft.default", istft),
];

/// The direction of a transform; the names of norms mean opposite things in both.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// The number by which torch calls a scale: 0 none, 1 by the root of the size, 2 by the size.
fn norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, direction: Direction) -> Rewritten<i64> {
    let name = match b.arg("norm") {
        None => "backward".to_owned(),
        Some(_) => b.string("norm")?,
    };
    match (name.as_str(), direction) {
        ("ortho", _) => Ok(1),
        ("backward", Direction::Forward) | ("forward", Direction::Backward) => Ok(0),
        ("backward", Direction::Backward) | ("forward", Direction::Forward) => Ok(2),
        (name, _) => refuse(format!("norm `{name}`")),
    }
}

/// Which numbers a transform is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    Any,
    Real,
    Complex,
}

/// The input with a dtype that can be transformed.
fn input<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, wanted: Input) -> Rewritten<Value<'c, 'a>> {
    let value = b.tensor("self")?;
    let dtype = b.dtype_of(value)?;
    if wanted == Input::Real && dtype.is_complex() {
        return refuse("a transform of real numbers of a complex tensor");
    }
    let float = if dtype.is_complex() || dtype.is_floating_point() {
        dtype
    } else {
        ScalarType::Float32
    };
    let target = match float {
        float if wanted != Input::Complex => float,
        ScalarType::Float16 => ScalarType::Complex32,
        ScalarType::Float32 => ScalarType::Complex64,
        ScalarType::Float64 => ScalarType::Complex128,
        float => float,
    };
    b.cast(value, target)
}

/// Dimensions and what sizes they are given before the transform.
struct Axes<'c, 'a> {
    dims: Vec<i64>,
    sizes: Vec<Size<'c, 'a>>,
}

impl<'c: 'a, 'a> Axes<'c, 'a> {
    /// The axis of a one-dimensional transform.
    fn one(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Self> {
        let value = b.tensor("self")?;
        let dim = b.dimension(value, b.int("dim")?)?;
        let size = match b.arg("n") {
            Some(_) => b.size("n")?,
            None => b.size_of(value, dim)?,
        };
        Ok(Self {
            dims: vec![i64::try_from(dim).unwrap_or(i64::MAX)],
            sizes: vec![size],
        })
    }

    /// The axes of a transform over several: the given ones, the last ones for given sizes, all.
    fn several(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Self> {
        let value = b.tensor("self")?;
        let rank = b.rank(value)?;
        let given = match b.arg("s") {
            Some(_) => Some(b.size_list("s")?),
            None => None,
        };
        let dims: Vec<usize> = match (b.optional_ints("dim")?, &given) {
            (Some(dims), _) => dims
                .iter()
                .map(|dim| b.dimension(value, *dim))
                .collect::<Rewritten<_>>()?,
            (None, Some(given)) => (rank.saturating_sub(given.len())..rank).collect(),
            (None, None) => (0..rank).collect(),
        };
        if given
            .as_ref()
            .is_some_and(|given| given.len() != dims.len())
        {
            return refuse("there are not as many sizes as dimensions");
        }
        let sizes = dims
            .iter()
            .enumerate()
            .map(
                |(index, dim)| match given.as_ref().and_then(|given| given.get(index)) {
                    Some(size) if !b.size_is(size, -1) => Ok(size.clone()),
                    _ => b.size_of(value, *dim),
                },
            )
            .collect::<Rewritten<_>>()?;
        Ok(Self {
            dims: dims
                .into_iter()
                .map(|dim| i64::try_from(dim).unwrap_or(i64::MAX))
                .collect(),
            sizes,
        })
    }

    /// For a transform to real numbers: the size of the result's last axis, from which that of the input
    /// follows.
    fn halve(&mut self, b: &Rewrite<'_, 'c, 'a>, is_given: bool) -> Rewritten<Size<'c, 'a>> {
        let Some(last) = self.sizes.last_mut() else {
            return refuse("a transform over no dimension");
        };
        let (one, two) = (Size::Static(1), Size::Static(2));
        let size = if is_given {
            last.clone()
        } else {
            b.size_mul(&b.size_sub(last, &one)?, &two)?
        };
        *last = b.size_add(&b.size_floordiv(&size, &two)?, &one)?;
        Ok(size)
    }

    /// The value cut or padded by zeros to the sizes.
    fn resized(
        &self,
        b: &Rewrite<'_, 'c, 'a>,
        mut value: Value<'c, 'a>,
    ) -> Rewritten<Value<'c, 'a>> {
        let rank = b.rank(value)?;
        let mut padding = vec![Size::Static(0); rank.saturating_mul(2)];
        for (dim, size) in self.dims.iter().zip(&self.sizes) {
            let index = b.dimension(value, *dim)?;
            let own = b.size_of(value, index)?;
            if b.sizes_equal(&own, size) {
                continue;
            }
            let is_longer = b
                .env()
                .decide(Relation::Gt, &own.to_shape(), &size.to_shape());
            match is_longer {
                Some(true) => {
                    let end = size.clone();
                    value = b.op_value("aten.slice.Tensor", args![value, *dim, 0_i64, end])?;
                }
                Some(false) => {
                    let missing = b.size_sub(size, &own)?;
                    if let Some(after) = padding.get_mut(2 * (rank - index) - 1) {
                        *after = missing;
                    }
                }
                None => return refuse("it is not known whether an axis is cut or padded"),
            }
        }
        if padding.iter().all(|count| b.size_is(count, 0)) {
            return Ok(value);
        }
        let padding = size_argument(padding);
        b.op_value("aten.constant_pad_nd.default", args![value, padding])
    }
}

fn conj<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, value: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    b.unary("_conj", value)
}

// fft(x) = c2c(x) of complex numbers, r2c(x) with both halves of real ones.
fn fft<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    transform(b, Direction::Forward)
}

// ifft(x) = c2c(x) back of complex numbers, conj(r2c(x)) of real ones.
fn ifft<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    transform(b, Direction::Backward)
}

fn transform<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    direction: Direction,
) -> Rewritten<Replacement<'c, 'a>> {
    let axes = Axes::one(b)?;
    let value = axes.resized(b, input(b, Input::Any)?)?;
    let scale = norm(b, direction)?;
    let is_forward = direction == Direction::Forward;
    if b.dtype_of(value)?.is_complex() {
        return single(b.op_value(
            "aten._fft_c2c.default",
            args![value, axes.dims, scale, is_forward],
        )?);
    }
    let result = b.op_value(
        "aten._fft_r2c.default",
        args![value, axes.dims, scale, false],
    )?;
    single(if is_forward { result } else { conj(b, result)? })
}

// rfft(x) = the half of r2c(x) that says all.
fn rfft<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let axes = Axes::one(b)?;
    let value = axes.resized(b, input(b, Input::Real)?)?;
    let scale = norm(b, Direction::Forward)?;
    single(b.op_value(
        "aten._fft_r2c.default",
        args![value, axes.dims, scale, true],
    )?)
}

// ihfft(x) = conj(rfft(x)), scaled as a transform back.
fn ihfft<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let axes = Axes::one(b)?;
    let value = axes.resized(b, input(b, Input::Real)?)?;
    let scale = norm(b, Direction::Backward)?;
    let result = b.op_value(
        "aten._fft_r2c.default",
        args![value, axes.dims, scale, true],
    )?;
    single(conj(b, result)?)
}

// irfft(x) = c2r(x).
fn irfft<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    to_real(b, Direction::Backward)
}

// hfft(x) = c2r(conj(x)), scaled as a transform forth.
fn hfft<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    to_real(b, Direction::Forward)
}

fn to_real<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    direction: Direction,
) -> Rewritten<Replacement<'c, 'a>> {
    let mut axes = Axes::one(b)?;
    let size = axes.halve(b, b.arg("n").is_some())?;
    let mut value = axes.resized(b, input(b, Input::Complex)?)?;
    let scale = norm(b, direction)?;
    if direction == Direction::Forward {
        value = conjugate_copy(b, value)?;
    }
    single(b.op_value(
        "aten._fft_c2r.default",
        args![value, axes.dims, scale, size],
    )?)
}

/// The conjugate as numbers of its own: the transform to real ones does not look at a mark.
fn conjugate_copy<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    b.unary("clone", conj(b, value)?)
}

// fftn(x) = c2c(x) over several dimensions.
fn fftn<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    transform_several(b, Direction::Forward)
}

// ifftn(x) = c2c(x) back over several dimensions.
fn ifftn<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    transform_several(b, Direction::Backward)
}

fn transform_several<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    direction: Direction,
) -> Rewritten<Replacement<'c, 'a>> {
    let axes = Axes::several(b)?;
    let value = axes.resized(b, input(b, Input::Complex)?)?;
    let scale = norm(b, direction)?;
    let is_forward = direction == Direction::Forward;
    single(b.op_value(
        "aten._fft_c2c.default",
        args![value, axes.dims, scale, is_forward],
    )?)
}

// rfftn(x) = the half of r2c(x) over several dimensions.
fn rfftn<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let axes = Axes::several(b)?;
    let value = axes.resized(b, input(b, Input::Real)?)?;
    let scale = norm(b, Direction::Forward)?;
    single(b.op_value(
        "aten._fft_r2c.default",
        args![value, axes.dims, scale, true],
    )?)
}

/// Whether the size of the last axis is given.
fn is_last_given(b: &Rewrite<'_, '_, '_>) -> Rewritten<bool> {
    if b.arg("s").is_none() {
        return Ok(false);
    }
    let sizes = b.size_list("s")?;
    Ok(sizes.last().is_some_and(|size| !b.size_is(size, -1)))
}

// irfftn(x) = c2r(x) over several dimensions.
fn irfftn<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let mut axes = Axes::several(b)?;
    let size = axes.halve(b, is_last_given(b)?)?;
    let value = axes.resized(b, input(b, Input::Complex)?)?;
    let scale = norm(b, Direction::Backward)?;
    single(b.op_value(
        "aten._fft_c2r.default",
        args![value, axes.dims, scale, size],
    )?)
}

// hfftn(x) = hfft(c2c(x) over all dimensions but the last).
fn hfftn<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let mut axes = Axes::several(b)?;
    let size = axes.halve(b, is_last_given(b)?)?;
    let mut value = axes.resized(b, input(b, Input::Complex)?)?;
    let scale = norm(b, Direction::Forward)?;
    let (last, others) = split_last(axes.dims)?;
    if !others.is_empty() {
        value = b.op_value("aten._fft_c2c.default", args![value, others, scale, true])?;
    }
    let value = conjugate_copy(b, value)?;
    single(b.op_value(
        "aten._fft_c2r.default",
        args![value, vec![last], scale, size],
    )?)
}

// ihfftn(x) = c2c back of ihfft(x) over all dimensions but the last.
fn ihfftn<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let axes = Axes::several(b)?;
    let value = axes.resized(b, input(b, Input::Real)?)?;
    let scale = norm(b, Direction::Backward)?;
    let (last, others) = split_last(axes.dims)?;
    let value = b.op_value(
        "aten._fft_r2c.default",
        args![value, vec![last], scale, true],
    )?;
    if others.is_empty() {
        return single(conj(b, value)?);
    }
    let value = b.unary("_conj_physical", value)?;
    single(b.op_value("aten._fft_c2c.default", args![value, others, scale, false])?)
}

fn split_last(mut dims: Vec<i64>) -> Rewritten<(i64, Vec<i64>)> {
    match dims.pop() {
        Some(last) => Ok((last, dims)),
        None => refuse("a transform over no dimension"),
    }
}

// fftshift(x) = x rolled by half of each dimension, rounded down.
fn fftshift<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    shift(b, 0)
}

// ifftshift(x) = x rolled by half of each dimension, rounded up.
fn ifftshift<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    shift(b, 1)
}

fn shift<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, round: i64) -> Rewritten<Replacement<'c, 'a>> {
    let value = b.tensor("self")?;
    let axes = Axes::several(b)?;
    let halves = axes
        .sizes
        .iter()
        .map(|size| {
            let size = b.size_add(size, &Size::Static(round))?;
            b.size_floordiv(&size, &Size::Static(2))
        })
        .collect::<Rewritten<Vec<_>>>()?;
    single(b.op_value(
        "aten.roll.default",
        args![value, size_argument(halves), axes.dims],
    )?)
}

// stft(x) = the transform of windows that slide over x. Where the first one is aligned to its window, and not to the zeros
// around that, x has these zeros more.
fn stft<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let mut value = b.tensor("self")?;
    let size = b.int("n_fft")?;
    if b.arg("align_to_window").is_some() && b.boolean("align_to_window")? {
        let around = size - b.optional_int("win_length")?.unwrap_or(size);
        if around % 2 != 0 {
            return refuse("an odd number of zeros around a window");
        }
        let border = vec![around / 2, around / 2];
        value = b.op_value("aten.constant_pad_nd.default", args![value, border])?;
    }
    let hop = b.optional_int("hop_length")?.unwrap_or(size / 4);
    let is_single = b.rank(value)? == 1;
    let signals = if is_single {
        b.unsqueeze(value, 0)?
    } else {
        value
    };
    let window = full_window(b, value, size)?;
    let mut frames = b.op_value("aten.unfold.default", args![signals, -1_i64, size, hop])?;
    if let Some(window) = window {
        frames = b.mul(frames, window)?;
    }
    let scale = i64::from(b.boolean("normalized")?);
    let dims = vec![2_i64];
    let is_complex = b.dtype_of(frames)?.is_complex();
    let onesided = match b.arg("onesided") {
        Some(_) => b.boolean("onesided")?,
        None => !is_complex,
    };
    let spectrum = if is_complex {
        b.op_value("aten._fft_c2c.default", args![frames, dims, scale, true])?
    } else {
        b.op_value(
            "aten._fft_r2c.default",
            args![frames, dims, scale, onesided],
        )?
    };
    let mut spectrum = b.transpose(spectrum, 1, 2)?;
    if is_single {
        spectrum = b.squeeze(spectrum, 0)?;
    }
    let is_complex_result = match b.arg("return_complex") {
        Some(_) => b.boolean("return_complex")?,
        None => b.dtype_of(value)?.is_complex(),
    };
    single(if is_complex_result {
        spectrum
    } else {
        b.unary("view_as_real", spectrum)?
    })
}

// stft(x, center) = stft of x with half a window more at both ends, filled by `pad_mode`
fn stft_center<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let mut signal = b.tensor("self")?;
    if b.boolean("center")? {
        let border = b.int("n_fft")? / 2;
        let mode = Constant::Str(b.string("pad_mode")?);
        let sizes = b.sizes(signal)?;
        // Reflections are of what has a batch and channels.
        let missing = 3_usize.saturating_sub(sizes.len());
        let batch = std::iter::repeat_n(Size::Static(1), missing);
        let images = b.view(signal, batch.chain(sizes.iter().cloned()))?;
        let padded = b.op_value(
            "aten.pad.default",
            args![images, vec![border, border], mode],
        )?;
        let length = b.size_of(padded, 2)?;
        let mut padded_sizes = sizes;
        if let Some(last) = padded_sizes.last_mut() {
            *last = length;
        }
        signal = b.view(padded, padded_sizes)?;
    }
    let given = b.given().into_iter().filter_map(|mut argument| {
        if matches!(argument.name.as_str(), "center" | "pad_mode") {
            return None;
        }
        if argument.name == "self" {
            argument.value = signal.into();
        }
        Some(argument)
    });
    let values = b.op_of_given("aten.stft.default", given.collect())?;
    Ok(values.into_iter().map(Some).collect())
}

// istft(x) = the windows that x is the transforms of, added where they overlap, over the weights they add up to.
fn istft<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let value = b.tensor("self")?;
    let size = b.int("n_fft")?;
    let hop = b.optional_int("hop_length")?.unwrap_or(size / 4);
    let is_single = b.rank(value)? == 2;
    let weights = window_of_ones_or_given(b, real_of(b.dtype_of(value)?), size)?;
    let spectra = if is_single {
        b.unsqueeze(value, 0)?
    } else {
        value
    };
    let spectra = b.transpose(spectra, 1, 2)?;
    let sizes = b.sizes(spectra)?;
    let [batch, frames, _] = sizes.as_slice() else {
        return refuse("the spectrum has another rank than 2 or 3");
    };
    let whole = b.size_mul(&b.size_sub(frames, &Size::Static(1))?, &Size::Static(hop))?;
    let whole = b.size_add(&whole, &Size::Static(size))?;
    let overlapped = |windows: Value<'c, 'a>, batch: &Size<'c, 'a>| {
        let sizes = size_argument([batch.clone(), whole.clone()]);
        b.op_value(
            "aten.unfold_backward.default",
            args![windows, sizes, 1_i64, size, hop],
        )
    };
    let one = Size::Static(1);
    let row = b.view(weights, [one.clone(), one.clone(), Size::Static(size)])?;
    let signal = overlapped(b.mul(windows_of(b, spectra, size)?, row)?, batch)?;
    let squares = b.op_value("aten.pow.Tensor_Scalar", args![weights, 2_i64])?;
    let squares = b.expand(squares, [one.clone(), frames.clone(), Size::Static(size)])?;
    let total = overlapped(squares, &one)?;
    let (start, end) = kept(b, &whole, size)?;
    let cut = |x| {
        b.op_value(
            "aten.slice.Tensor",
            args![x, 1_i64, Size::Static(start), end.clone()],
        )
    };
    let mut signal = b.div(cut(signal)?, cut(total)?)?;
    if is_single {
        signal = b.squeeze(signal, 0)?;
    }
    single(silence_after(b, signal, &whole, &end)?)
}

/// The windows that spectra are the transforms of, numbers as the result has them.
fn windows_of<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    spectra: Value<'c, 'a>,
    size: i64,
) -> Rewritten<Value<'c, 'a>> {
    let scale = if b.boolean("normalized")? { 1_i64 } else { 2 };
    let dims = vec![2_i64];
    if b.boolean("return_complex")? {
        return b.op_value("aten._fft_c2c.default", args![spectra, dims, scale, false]);
    }
    let half = (size / 2).saturating_add(1);
    let is_half = b.size_is(&b.size_of(spectra, 2)?, half);
    let spectra = if is_half {
        spectra
    } else {
        b.op_value("aten.slice.Tensor", args![spectra, -1_i64, 0_i64, half])?
    };
    b.op_value("aten._fft_c2r.default", args![spectra, dims, scale, size])
}

/// Where the signal starts and ends among all that the windows cover.
fn kept<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    whole: &Size<'c, 'a>,
    size: i64,
) -> Rewritten<(i64, Size<'c, 'a>)> {
    let start = if b.boolean("center")? { size / 2 } else { 0 };
    let end = match b.arg("length") {
        Some(_) => b.size_add(&b.size("length")?, &Size::Static(start))?,
        None => b.size_sub(whole, &Size::Static(start))?,
    };
    Ok((start, end))
}

/// A signal with zeros from where the windows end to the length that was asked for.
fn silence_after<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    signal: Value<'c, 'a>,
    whole: &Size<'c, 'a>,
    end: &Size<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    if b.arg("length").is_none() {
        return Ok(signal);
    }
    match b.size_sub(end, whole)? {
        Size::Static(missing) if missing <= 0 => Ok(signal),
        Size::Static(missing) => b.op_value(
            "aten.constant_pad_nd.default",
            args![signal, vec![0, missing]],
        ),
        Size::Symbolic(..) => refuse("whether the windows cover the length is not known"),
    }
}

/// The window padded to the size of the transform; none if all weights are one.
fn full_window<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    signal: Value<'c, 'a>,
    size: i64,
) -> Rewritten<Option<Value<'c, 'a>>> {
    let length = b.optional_int("win_length")?.unwrap_or(size);
    if length == size && b.arg("window").is_none() {
        return Ok(None);
    }
    window_of_ones_or_given(b, b.dtype_of(signal)?, size).map(Some)
}

/// The given window, or as many ones as it would have, with zeros around it up to the size of the transform.
fn window_of_ones_or_given<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    dtype: ScalarType,
    size: i64,
) -> Rewritten<Value<'c, 'a>> {
    let length = b.optional_int("win_length")?.unwrap_or(size);
    let window = match b.optional_tensor("window") {
        Some(window) => window,
        None => b.op_with(
            "aten.ones.default",
            args![vec![length]],
            &[
                ("dtype", Constant::Dtype(dtype).into()),
                ("device", device_of(b, b.tensor("self")?)?),
            ],
        )?,
    };
    let Some(missing) = size.checked_sub(length).filter(|missing| *missing > 0) else {
        return Ok(window);
    };
    let before = missing / 2;
    let padding = vec![before, missing - before];
    b.op_value("aten.constant_pad_nd.default", args![window, padding])
}

//! Fourier transforms.

use expc_dialects::ScalarType;

use super::{
    Item, NoInference, Tensor,
    broadcast::like,
    call::Call,
    promote::{complex_of, is_integral, real_of, DEFAULT_FLOAT},
    rules::Row,
    size::Size,
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("aten.fft_fft aten.fft_ifft", |call| one_dimension(call, Kind::ComplexToComplex)),
    ("aten.fft_rfft aten.fft_ihfft", |call| one_dimension(call, Kind::RealToComplex)),
    ("aten.fft_irfft aten.fft_hfft", |call| one_dimension(call, Kind::ComplexToReal)),
    ("aten.fft_fft2 aten.fft_ifft2 aten.fft_fftn aten.fft_ifftn", |call| dimensions(call, Kind::ComplexToComplex)),
    ("aten.fft_rfft2 aten.fft_ihfft2 aten.fft_rfftn aten.fft_ihfftn", |call| dimensions(call, Kind::RealToComplex)),
    ("aten.fft_irfft2 aten.fft_hfft2 aten.fft_irfftn aten.fft_hfftn", |call| dimensions(call, Kind::ComplexToReal)),
    ("aten.fft_fftshift aten.fft_ifftshift", shifted),
    ("aten._fft_c2c", c2c),
];

/// What a transform takes and gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    ComplexToComplex,
    /// Half of the spectrum along the last transformed dimension.
    RealToComplex,
    /// From half of the spectrum along the last transformed dimension.
    ComplexToReal,
}

fn dtype_of(tensor: &Tensor, kind: Kind) -> ScalarType {
    let own = if is_integral(tensor.dtype) { DEFAULT_FLOAT } else { tensor.dtype };
    match kind {
        Kind::ComplexToComplex | Kind::RealToComplex => complex_of(own),
        Kind::ComplexToReal => real_of(own),
    }
}

/// Half a spectrum of a signal of this length.
fn half(length: &Size) -> Result<Size, NoInference> {
    length.floor_div(&Size::Int(2))?.add(&Size::ONE)
}

fn one_dimension(call: &Call<'_>, kind: Kind) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    let lengths = call.optional_size("n")?.map(|length| vec![length]);
    transformed(call, &tensor, &[dim], lengths, kind)
}

fn dimensions(call: &Call<'_>, kind: Kind) -> Results {
    let tensor = call.tensor_at(0)?;
    let lengths = call.optional_sizes("s")?;
    let dims = match (call.optional_dims("dim", tensor.rank())?, &lengths) {
        (Some(dims), _) => dims,
        (None, Some(lengths)) => (tensor.rank().saturating_sub(lengths.len())..tensor.rank()).collect(),
        (None, None) => (0..tensor.rank()).collect(),
    };
    transformed(call, &tensor, &dims, lengths, kind)
}

fn transformed(
    call: &Call<'_>,
    tensor: &Tensor,
    dims: &[usize],
    lengths: Option<Vec<Size>>,
    kind: Kind,
) -> Results {
    let mut sizes = tensor.sizes.clone();
    let last = dims.len().saturating_sub(1);
    for (at, dim) in dims.iter().enumerate() {
        let given = lengths.as_ref().and_then(|lengths| lengths.get(at)).filter(|length| length.as_int() != Some(-1));
        let Some(size) = sizes.get_mut(*dim) else {
            return Err(call.contradiction("a transformed dimension does not exist"));
        };
        *size = match (given, kind, at == last) {
            (Some(length), Kind::RealToComplex, true) => half(length)?,
            (Some(length), ..) => length.clone(),
            (None, Kind::RealToComplex, true) => half(size)?,
            (None, Kind::ComplexToReal, true) => size.sub(&Size::ONE)?.mul(&Size::Int(2))?,
            (None, ..) => size.clone(),
        };
    }
    let dtype = dtype_of(tensor, kind);
    Ok(vec![Tensor::contiguous(call.env, dtype, sizes, &tensor.device)?.into()])
}

fn shifted(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![Tensor::contiguous(call.env, tensor.dtype, tensor.sizes.clone(), &tensor.device)?.into()])
}

fn c2c(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![like(call.env, &tensor, tensor.dtype)?.into()])
}

//! Tensors in files: `.npy`, `.npz` and `.safetensors`, read and written without libtorch.
//!
//! [`read`] and [`write`] take a path whose extension says the format; [`HostTensor`] is what lies in between.
//! Files are hostile: every number of a file is checked before memory is asked for, and a fault names the file and
//! the array. How arrays become the inputs of a program is not decided here, but in `driver::inputs`.

mod atomic;
mod npy;
mod npz;
mod safetensors;

use std::{fmt, io, path::Path};

use expc_dialects::{Diagnostic, ScalarType};
use expc_pt2::SharedBytes;

pub use self::atomic::write_atomically;

/// Dimensions that an array may have; NumPy's own limit.
const MAX_RANK: usize = 64;

/// A tensor in memory: row-major, without gaps, in the machine's byte order.
#[derive(Clone)]
pub struct HostTensor {
    dtype: ScalarType,
    shape: Vec<usize>,
    bytes: SharedBytes,
}

impl HostTensor {
    /// A tensor from its bytes; `None` unless there are exactly as many as dtype and shape need.
    pub fn new(
        dtype: ScalarType,
        shape: Vec<usize>,
        bytes: impl Into<SharedBytes>,
    ) -> Option<Self> {
        let bytes = bytes.into();
        (byte_length(dtype, &shape)? == bytes.len()).then_some(Self {
            dtype,
            shape,
            bytes,
        })
    }

    pub fn dtype(&self) -> ScalarType {
        self.dtype
    }

    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub fn bytes(&self) -> &SharedBytes {
        &self.bytes
    }
}

impl PartialEq for HostTensor {
    fn eq(&self, other: &Self) -> bool {
        self.dtype == other.dtype && self.shape == other.shape && self.bytes[..] == other.bytes[..]
    }
}

impl fmt::Debug for HostTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{:?} {:?}",
            self.dtype.short_name(),
            self.shape,
            &self.bytes[..]
        )
    }
}

/// How many bytes a tensor has; `None` if that overflows.
fn byte_length(dtype: ScalarType, shape: &[usize]) -> Option<usize> {
    // A zero decides, however large the other sizes are.
    if shape.contains(&0) {
        return Some(0);
    }
    shape
        .iter()
        .try_fold(dtype.size(), |length, size| length.checked_mul(*size))
}

/// The kinds of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Npy,
    Npz,
    Safetensors,
}

impl Format {
    /// What the extension of a path says.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "npy" => Some(Self::Npy),
            "npz" => Some(Self::Npz),
            "safetensors" => Some(Self::Safetensors),
            _ => None,
        }
    }

    /// What the first bytes of a file say: the magic words of NumPy and of zip, or the brace behind the length with
    /// which a safetensors file begins.
    fn of_content(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(npy::MAGIC) {
            Some(Self::Npy)
        } else if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
            Some(Self::Npz)
        } else if bytes.get(8) == Some(&b'{') {
            Some(Self::Safetensors)
        } else {
            None
        }
    }
}

/// What is wrong with a tensor file.
#[derive(Debug, thiserror::Error)]
#[error("{}{kind}", match entry { Some(name) => format!("array `{name}`: "), None => String::new() })]
pub struct Error {
    pub file: String,
    /// The name of the array in the file.
    pub entry: Option<String>,
    pub kind: ErrorKind,
}

/// The cause of an [`Error`].
#[derive(Debug, thiserror::Error)]
pub enum ErrorKind {
    #[error("cannot read the file: {0}")]
    Read(io::Error),
    #[error("cannot write the file: {0}")]
    Write(io::Error),
    #[error("not a tensor file: found neither an `.npy` or `.npz` nor a `.safetensors` file")]
    UnknownFormat,
    #[error("expected a name that ends in `.npz` or `.safetensors`")]
    UnknownExtension,
    #[error("an `.npy` file holds one array, and there are {0}")]
    NotOneArray(usize),
    #[error("the archive is damaged: {0}")]
    Archive(String),
    #[error("expected an array, found an entry without the extension `.npy`")]
    NotAnArray,
    #[error("there are two arrays of that name")]
    Duplicate,
    #[error("the header is damaged: {0}")]
    Header(String),
    #[error(
        "arrays of the dtype `{0}` are not supported, expected booleans, integers, floats or complex numbers"
    )]
    UnsupportedDtype(String),
    #[error("the format cannot hold the dtype `{0}`")]
    DtypeOfFormat(&'static str),
    #[error("expected {expected} bytes for the shape {shape:?} of `{dtype}`, found {found}")]
    Length {
        expected: u64,
        found: u64,
        shape: Vec<usize>,
        dtype: &'static str,
    },
    #[error("the shape {0:?} is larger than the memory of any machine")]
    Overflow(Vec<usize>),
    #[error("has {found} dimensions, and the limit is {MAX_RANK}")]
    Rank { found: usize },
    #[error("unpacks to {bytes} bytes, and the limit is {limit}")]
    TooLarge { bytes: u64, limit: u64 },
    #[error("there is no memory for {0} bytes")]
    NoMemory(u64),
}

impl ErrorKind {
    fn in_file(self, path: &Path) -> Error {
        Error {
            file: path.display().to_string(),
            entry: None,
            kind: self,
        }
    }

    fn at(self, path: &Path, entry: &str) -> Error {
        Error {
            entry: Some(entry.to_owned()),
            ..self.in_file(path)
        }
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Diagnostic::error("E0601", error.to_string()).in_file(error.file)
    }
}

/// Names and tensors in the order of the file.
pub type Tensors = Vec<(String, HostTensor)>;

/// All tensors of a file; the content says which format it has. The only array of an `.npy` file has an empty name.
///
/// # Errors
/// The file cannot be read, is damaged, or holds an array of a dtype that PyTorch does not have.
pub fn read(path: &Path) -> Result<Tensors, Error> {
    let bytes = SharedBytes::map(path).map_err(|error| ErrorKind::Read(error).in_file(path))?;
    match Format::of_content(&bytes) {
        Some(Format::Npy) => npy::read(&mut &bytes[..], bytes.len() as u64)
            .map(|tensor| vec![(String::new(), tensor)])
            .map_err(|kind| kind.in_file(path)),
        Some(Format::Npz) => npz::read(path, &bytes),
        Some(Format::Safetensors) => safetensors::read(path, &bytes),
        None => Err(ErrorKind::UnknownFormat.in_file(path)),
    }
}

/// The only tensor of a file.
///
/// # Errors
/// As [`read`], and if there are several or none.
pub fn read_one(path: &Path) -> Result<HostTensor, Error> {
    let mut tensors = read(path)?;
    let count = tensors.len();
    match (tensors.pop(), count) {
        (Some((_, tensor)), 1) => Ok(tensor),
        _ => Err(ErrorKind::NotOneArray(count).in_file(path)),
    }
}

/// Writes a file, whole or not at all; the extension says which format.
///
/// # Errors
/// The extension is not known, the format cannot hold a dtype, or the file cannot be written.
pub fn write(path: &Path, tensors: &[(String, HostTensor)]) -> Result<(), Error> {
    match (Format::of(path), tensors) {
        (Some(Format::Npz), _) => npz::write(path, tensors),
        (Some(Format::Safetensors), _) => safetensors::write(path, tensors),
        (Some(Format::Npy), [(_, tensor)]) => npy::write_file(path, tensor),
        (Some(Format::Npy), _) => Err(ErrorKind::NotOneArray(tensors.len()).in_file(path)),
        (None, _) => Err(ErrorKind::UnknownExtension.in_file(path)),
    }
}

/// Whether files of the format can hold the dtype.
pub fn can_hold(format: Format, dtype: ScalarType) -> bool {
    match format {
        Format::Npy | Format::Npz => npy::type_string(dtype).is_some(),
        Format::Safetensors => safetensors::name_of(dtype).is_some(),
    }
}

#[cfg(test)]
mod tests;

//! What can be wrong with an archive, and where.

use std::fmt;

use crate::json::JsonError;
use crate::pickle::PickleError;
use crate::pytree::TreeSpecError;
use crate::schema::SchemaVersion;
use crate::tensor::TensorError;
use crate::validate::GraphError;
use crate::zip::ZipError;

/// A fault of a file, with the file, the entry of the archive where there is one, and the cause.
#[derive(Debug)]
pub struct Error {
    /// The path, or the name given for bytes in memory.
    pub file: String,
    /// The entry of the archive; an entry of an archive within the archive is `outer!inner`.
    pub entry: Option<String>,
    pub kind: Box<ErrorKind>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(entry) = &self.entry {
            write!(f, "entry {}: ", entry.escape_debug())?;
        }
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.kind {
            ErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// The cause of an [`Error`].
#[derive(Debug, thiserror::Error)]
pub enum ErrorKind {
    #[error("cannot read the file: {0}")]
    Io(std::io::Error),
    #[error(transparent)]
    Zip(#[from] ZipError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error(transparent)]
    Pickle(#[from] PickleError),
    #[error(transparent)]
    Tensor(#[from] TensorError),
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error(transparent)]
    TreeSpec(#[from] TreeSpecError),
}

/// The zip is sound, but not an archive of an exported program.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    #[error(
        "not a PyTorch 2 archive: found neither the entry `version` (PyTorch 2.3 to 2.7) nor `<root>/archive_format` (2.8 and later)"
    )]
    NotPt2,
    #[error("not a PyTorch 2 archive but {found}; {advice}")]
    Foreign {
        found: &'static str,
        advice: &'static str,
    },
    #[error("expected the archive format `pt2`, found `{found}`")]
    Format { found: String },
    #[error("the archive holds no exported program (no `{expected}`){hint}")]
    NoProgram {
        expected: String,
        hint: &'static str,
    },
    #[error("the archive has no program `{name}`, it has {found}")]
    NoSuchProgram { name: String, found: String },
    #[error("the entry is missing")]
    MissingEntry,
    #[error(
        "schema version {found} is not supported, expected a major of 5, 7 or 8 (PyTorch 2.3 to 2.15)"
    )]
    SchemaVersion { found: SchemaVersion },
    #[error("expected a schema version such as `8.17`, found `{found}`")]
    SchemaVersionText { found: String },
    #[error(
        "expected the byte order `little`, found `{found}`: big-endian archives are not supported"
    )]
    ByteOrder { found: String },
    #[error("the text has {bytes} bytes, and the limit is {limit}")]
    TextTooLong { bytes: u64, limit: u64 },
    #[error("`{fqn}` names the entry `{path}`, which is not in the archive")]
    MissingPayload { fqn: String, path: String },
    #[error("`{fqn}` is not a tensor: its payload `{path}` holds {found}")]
    UnsupportedPayload {
        fqn: String,
        path: String,
        found: String,
    },
    #[error("expected a dictionary from names to tensors, found {found}")]
    NotAStateDict { found: String },
    #[error("expected a pair of positional and keyword arguments, found {found}")]
    NotSampleInputs { found: String },
}

impl ErrorKind {
    /// The error at `entry` of `file`.
    pub(crate) fn at(self, file: &str, entry: impl Into<Option<String>>) -> Error {
        Error {
            file: file.to_owned(),
            entry: entry.into(),
            kind: Box::new(self),
        }
    }
}

//! Reading `.pt2` archives of PyTorch 2.3 to 2.15 without Python, MLIR or libtorch.

mod archive;
mod bytes;
mod error;
mod json;
mod limits;
mod pickle;
mod pytree;
mod schema;
mod tensor;
mod validate;
mod weights;
mod zip;

pub use archive::{Archive, ArchiveLayout};
pub use bytes::SharedBytes;
pub use error::{Error, ErrorKind, LayoutError};
pub use json::JsonError;
pub use limits::Limits;
pub use pickle::{CustomObject, PickleError, PickleFault, Value};
pub use pytree::{CallSpec, TreeKey, TreeKind, TreeSpec, TreeSpecError};
pub use schema::*;
pub use tensor::{Storage, StorageId, TensorError, TensorFault, TensorRecord};
pub use validate::{GraphError, GraphFault, NodePlace, Place, validate};
pub use weights::{Constant, SampleInputs, Storages, Weights};
pub use zip::{EntryFault, NameFault, ZipError};

//! Reading and writing `.pt2` archives of PyTorch 2.3 to 2.15 without Python, MLIR or libtorch.
//!
//! [`Archive`] opens a file: the zip directory, which of the three layouts it has, the program's text.
//! [`Archive::program`] gives the program as Rust types, the same for all schemas.
//! [`Archive::weights`] tells where each tensor lies in the memory map, without reading it.
//! [`TreeSpec`] reads how inputs and outputs are arranged in Python containers, and [`validate`] finds what is
//! wrong with a program before anybody knows what its ops mean.
//!
//! A file may be hostile. Nothing in it is executed, what it asks for is bounded by [`Limits`], and every fault is
//! an [`Error`] that says where it is.
//!
//! ```
//! use expc_pt2::{Archive, InputSpec, Limits};
//!
//! # fn main() -> Result<(), expc_pt2::Error> {
//! # let path = expc_fixtures::case("2.11.0", "mlp").model();
//! let archive = Archive::open(path, &Limits::default())?;
//! let program = archive.program()?;
//! for node in &program.graph_module.graph.nodes {
//!     println!("{} = {}", node.display_name().unwrap_or("_"), node.target);
//! }
//!
//! let weights = archive.weights()?;
//! assert!(archive.validate(&program, Some(&weights)).is_empty());
//! for spec in &program.graph_module.signature.input_specs {
//!     if let InputSpec::Parameter { name, parameter_name } = spec
//!         && let Some(record) = weights.tensor(parameter_name)
//!     {
//!         let bytes = weights.storage_bytes(record.storage);
//!         println!("{name}: {} {:?} in {} bytes", record.dtype, record.sizes, bytes.len());
//!     }
//! }
//! # Ok(())
//! # }
//! ```

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
mod write;
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
pub use write::{Contents, Payload, Payloads, SCHEMA, Since};
pub use zip::{EntryFault, NameFault, ZipError};

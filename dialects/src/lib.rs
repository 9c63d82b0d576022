//! What programs are made of: the op table, the `aten` family of MLIR dialects with its types and
//! attributes, views and builders for ops, and the verifier.
//!
//! `ARCHITECTURE.md` describes the form of the IR; [`context`] makes an MLIR context that knows it.

pub mod constant;
pub mod diagnostic;
pub mod dtype;
pub mod location;
pub mod mlir;
pub mod ops;
pub mod program;
mod registration;
pub mod table;
pub mod tensor_type;
pub mod text;
pub mod verify;

pub use constant::Constant;
pub use diagnostic::{Diagnostic, Place, Severity};
pub use dtype::ScalarType;
pub use ops::{Argument, AtenOp, GivenArgument, OpBuilder, ResultGroup, ResultSpec};
pub use program::{Graph, InputKind, InputSpec, OutputKind, OutputSpec, Program, Signature};
pub use registration::{context, register_all_ops};
pub use tensor_type::{Dim, TensorMeta, ValueType};

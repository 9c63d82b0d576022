//! The program of a `.pt2` archive as Rust types: the union of the schemas 5.x, 7.x and 8.x.
//!
//! What versions spell differently arrives in one form; what a version does not have is absent.
//! Nothing here checks that names are defined or counts agree: that is [`crate::validate`].

mod argument;
mod enums;
mod graph;
mod payload;
mod program;
mod signature;
mod text;

pub use argument::{
    Argument, ComplexValue, CustomObjArgument, Device, GraphArgument, NamedValue, SymArgument,
};
pub use enums::{ArgumentKind, Layout, MemoryFormat, ScalarType};
pub use graph::{
    Graph, Hint, NamedArgument, Node, Sym, SymBool, SymExpr, SymFloat, SymInt, TensorMeta,
};
pub use program::{
    ExportedProgram, GraphModule, ModuleCallEntry, ModuleCallSignature, NamedTupleDef,
    RangeConstraint, SchemaVersion,
};
pub use signature::{ConstantValue, GraphSignature, InputSpec, OutputSpec};
pub use text::{Map, Str};

pub(crate) use payload::{PayloadConfig, PayloadMeta};

#[cfg(test)]
mod tests;

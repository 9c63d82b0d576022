//! Tracing: programs made by Rust code instead of a file.
//!
//! [`export`] records what unmodified code of tch calls. [`trace()`] calls a function with tensors that have no data and
//! records what it does; sizes can be symbolic, and questions about them leave guards. [`graph::Builder`] is what every
//! way of tracing writes to, [`Recorded`] what comes out: a program that can be printed, saved as `.pt2`, lowered to the
//! dialect or called.

pub mod arguments;
mod asserts;
mod control;
mod dim;
mod eager;
pub mod graph;
mod guards;
mod lower;
mod names;
mod number;
mod operand;
mod ops;
mod python;
pub mod pytree;
mod regions;
mod scope;
mod session;
mod stack;
mod tensor;
mod tracer;
mod value;
mod violation;

#[cfg(test)]
mod printed_tests;
#[cfg(test)]
mod symbolic_tests;
#[cfg(test)]
mod tests;

pub use expc_dialects::{Constant, ScalarType};

pub use control::{Carried, CarriedValue, Tensors};
pub use dim::{AdditionalInputs, Dim, DynamicShapes, ShapesCollection, Spec};
pub use eager::{
    ByModule, ByTensor, ByTensors, ByTwoTensors, ByValues, ExportReport, IntoInputs, IntoOutput,
    ModuleReport, ModuleScope, Options, Output, Traceable, enter, export, module,
    report_exportability,
};
pub use graph::Recorded;
pub use lower::code;
pub use number::{Number, SymBool, SymFloat, SymInt};
pub use operand::{Device, IntoSizes, Layout, MemoryFormat, Operand};
pub use scope::Scope;
pub use session::{Draft, draft, trace};
pub use tensor::Tensor;
pub use tracer::Tracer;
pub use value::{Arguments, Inputs, Leaf, Sample, Traced, Tree, Value, dict};

#[cfg(test)]
pub(crate) use printed_tests::normalized;

//! Programs of unmodified code of tch: what it calls is recorded while it runs.
//!
//! [`export`] runs the code (`capture.rs`; without elements, `forms.rs` helps out), at several sizes where sizes may change
//! (`dynamic.rs`), and writes what was recorded to the graph (`emit.rs`): arguments that change between the runs become
//! expressions (`rows.rs`, `sizes.rs`, `numbers.rs`), results get their types (`shapes.rs`), and calls belong to modules
//! (`scope.rs`, `modules.rs`). How far sizes may go is found at the ends (`bounds.rs`). A report (`report.rs`) goes on behind
//! calls that fail (`rescue.rs`).

mod bounds;
mod capture;
mod dynamic;
mod emit;
mod export;
mod forms;
mod lines;
mod modules;
mod numbers;
mod quiet;
mod report;
mod rescue;
mod rows;
mod scope;
mod shapes;
mod sizes;
mod specs;
mod values;

pub use export::{IntoInputs, Options, export};
pub use report::{ExportReport, ModuleReport, report_exportability};
pub use scope::{ModuleScope, enter, module};
pub use values::{
    ByModule, ByTensor, ByTensors, ByTwoTensors, ByValues, IntoOutput, Output, Traceable,
};

use super::{arguments, graph, pytree, regions};

/// Codes of the diagnostics of code of tch.
mod code {
    /// The inputs do not fit the code, or cannot be exported.
    pub const INPUTS: &str = "E0701";
    /// A trace inside a trace.
    pub const NESTED: &str = "E0702";
    /// A number was read from data that depends on the inputs.
    pub const DATA_READ: &str = "E0703";
    /// libtorch refused an operator.
    pub const OP_FAILED: &str = "E0704";
    /// The code panicked.
    pub const PANICKED: &str = "E0705";
    /// An argument that no program can hold.
    pub const ARGUMENT: &str = "E0706";
    pub use crate::trace::lower::code::CONSTRAINT;
}

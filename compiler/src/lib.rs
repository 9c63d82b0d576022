//! The torch.export stack without Python: frontends, writers, the driver, and the library that Rust programs call.
//!
//! [`ExportedProgram`] loads a `.pt2` archive and [`Module`] runs it; [`driver::run`] is the command `expc` as a
//! function. The stages between are public too: [`frontend`] makes modules of the dialect, [`export`] writes them.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/driver/samples/add_mul.mlir");
//! use expc::{Device, ExportedProgram, Value, tch::Tensor};
//!
//! let program = ExportedProgram::load(path)?;
//! let module = program.module(Device::CPU)?;
//! let x = Value::Tensor(Tensor::from_slice(&[1.0_f32, 2.0]));
//! let y = Value::Tensor(Tensor::from_slice(&[3.0_f32, 4.0]));
//! let outputs = module.forward_named(&[("y", y), ("x", x)])?;
//! let sum = outputs.values()[0].as_tensor().ok_or("not a tensor")?;
//! assert_eq!(Vec::<f32>::try_from(sum)?, [4.0, 6.0]);
//! # Ok(())
//! # }
//! ```

pub mod diagnostics;
pub mod driver;
pub mod export;
pub mod exportdb;
pub mod frontend;
pub mod meta_device;
pub mod pipeline;
mod program;
pub mod report;

/// Tables of decompositions, and what rules are written with.
pub mod decompose {
    pub use expc_passes::{
        args,
        decompose::{Decompositions, Method, Table},
        pattern::{Refusal, Replacement, Rewrite, Rewritten, refuse, single},
    };
}
pub mod tensor_file;
pub mod trace;

pub use diagnostics::Diagnostics;
pub use expc_dialects::{Diagnostic, Place, Severity, context};
pub use expc_pt2::{TreeKey, TreeKind, TreeSpec};
pub use expc_runtime::{
    plan::{Input, InputKind, InputSpec, Output, OutputKind, Range, Signature},
    torch::{Device, DeviceKind, Value},
};
pub use program::{ExportedProgram, Module, Outputs, Result};
pub use tch;

/// The guide, whose examples are run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/library.md")]
struct Guide;

/// The guide, whose examples are run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/decompositions.md")]
struct DecompositionGuide;

/// The guide, whose examples are run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/dynamic-shapes.md")]
struct DynamicShapesGuide;

/// The guide, whose examples are run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/export-from-tch.md")]
struct TchGuide;

/// The guide, whose examples are run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/reports.md")]
struct ReportGuide;

/// The guide, whose examples are run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/writing.md")]
struct WritingGuide;

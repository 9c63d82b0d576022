//! `.pt2` archives into the dialect.
//!
//! `expc_pt2` reads the archive; [`lower`] makes the module; weights are handed to the runtime without
//! being read.

pub(super) mod arguments;
mod header;
pub(super) mod lower;
pub(super) mod symbols;
mod weights;

use expc_dialects::Diagnostic;

pub use lower::lower;
pub use weights::weights;

/// A fault of the archive as a diagnostic. The error's text names the file.
pub fn diagnostic(error: &expc_pt2::Error) -> Diagnostic {
    Diagnostic::error("E0101", error.to_string())
}

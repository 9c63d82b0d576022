//! ExportDB: what can be exported and what cannot, example by example.
//!
//! Each file in `examples/` is one example of PyTorch's ExportDB (`torch._export.db`) in Rust: a function that is traced,
//! its example inputs, and which sizes are dynamic. Where PyTorch's example is about Python itself, the file shows the
//! Rust counterpart of the idea and says so. `expected/` holds what PyTorch prints for its own example, written by
//! `tools/record_exportdb.py`; a test compares. `expc exportdb` shows all of this.

mod examples;
mod page;

#[cfg(test)]
mod tests;

pub use examples::CASES;
pub use page::{markdown, page};

use crate::{
    Diagnostics,
    trace::{Arguments, DynamicShapes, Inputs, Recorded, Tracer, Value, trace},
};

/// What weights of examples are made of.
pub const FLOATS: (tch::Kind, tch::Device) = (tch::Kind::Float, tch::Device::Cpu);

/// How far PyTorch says that an example is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    Supported,
    NotSupportedYet,
}

impl Support {
    /// As PyTorch writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supported => "SUPPORTED",
            Self::NotSupportedYet => "NOT_SUPPORTED_YET",
        }
    }
}

/// An example.
pub struct Case {
    pub name: &'static str,
    pub tags: &'static [&'static str],
    pub support: Support,
    /// The text of its file.
    pub source: &'static str,
    /// What PyTorch prints, without the comments that name Python files; none where it refuses the example.
    pub expected: Option<&'static str>,
    inputs: fn() -> Inputs,
    shapes: fn() -> DynamicShapes,
    forward: fn(&Tracer, &Arguments) -> Value,
}

impl Case {
    /// Traces the example.
    ///
    /// # Errors
    /// The example is one that cannot be exported.
    pub fn export(&self) -> Result<Recorded, Diagnostics> {
        trace(&(self.inputs)(), &(self.shapes)(), self.forward)
    }

    /// What the head of the file says.
    pub fn description(&self) -> String {
        let lines = self
            .source
            .lines()
            .take_while(|line| line.starts_with("//!"));
        let lines = lines.map(|line| line.trim_start_matches("//!").trim());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The file without its head, as it would stand in another crate.
    pub fn code(&self) -> String {
        let lines = self
            .source
            .lines()
            .skip_while(|line| line.starts_with("//!"));
        let code = lines.collect::<Vec<_>>().join("\n");
        code.trim().replace("use crate::", "use expc::")
    }
}

/// The example of that name.
pub fn find(name: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.name == name)
}

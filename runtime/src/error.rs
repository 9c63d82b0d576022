//! The diagnostics of this crate: codes E05xx.

use expc_dialects::{Diagnostic, Place};

use crate::plan::Origin;

/// What loading or running a program answers.
pub type Result<T> = std::result::Result<T, Box<Diagnostic>>;

/// One code for each thing that can go wrong.
pub mod code {
    /// Number of inputs.
    pub const INPUT_COUNT: &str = "E0501";
    /// An input of another kind or dtype.
    pub const INPUT_KIND: &str = "E0502";
    /// An input of another rank or static size.
    pub const INPUT_SIZE: &str = "E0503";
    /// Sizes or numbers that contradict each other, a range or a guard.
    pub const INPUT_RANGE: &str = "E0504";
    /// An operator that is not registered.
    pub const UNKNOWN_OPERATOR: &str = "E0505";
    /// Arguments that do not fit the operator's schema.
    pub const ARGUMENTS: &str = "E0506";
    /// What an operator said while it ran.
    pub const KERNEL: &str = "E0507";
    /// A weight that is missing.
    pub const MISSING_WEIGHT: &str = "E0508";
    /// A weight that cannot be what the program says.
    pub const BAD_WEIGHT: &str = "E0509";
    /// Arithmetic on symbolic numbers.
    pub const SYMBOLIC: &str = "E0510";
    /// A higher-order operator.
    pub const HIGHER_ORDER: &str = "E0511";
    /// A program that cannot become a plan.
    pub const PLAN: &str = "E0512";
    /// A device that is not there.
    pub const DEVICE: &str = "E0513";
    /// A condition of the program that this runtime cannot read.
    pub const UNREADABLE_CONDITION: &str = "E0514";
}

pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(code, message))
}

/// Adds the place to a diagnostic that has none.
pub(crate) fn located(mut diagnostic: Box<Diagnostic>, origin: &Origin) -> Box<Diagnostic> {
    if diagnostic.place == Place::default() {
        diagnostic.place.node.clone_from(&origin.node);
        diagnostic.place.module.clone_from(&origin.module);
        diagnostic.place.python.clone_from(&origin.python);
    }
    diagnostic
}

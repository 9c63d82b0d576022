//! The levels of a program, the passes that lead to each, and the loop that runs passes.
//!
//! The loop times every pass, verifies the module after it and hands it to an [`Observer`]; at the end of a stage
//! its contract is checked. Passes know nothing of all that.

mod dump;

use std::{
    fmt,
    panic::{self, AssertUnwindSafe},
    time::{Duration, Instant},
};

use clap::ValueEnum;
use expc_dialects::{Diagnostic, Program, mlir, text::collect_diagnostics, verify::verify};
use expc_passes::{
    contract,
    decompose::Decompositions,
    functionalize::CustomOps,
    registry::{PassCall, PassContext, parse_passes},
    rewrites::Rewrites,
};
use melior::ir::{Module, operation::OperationLike};

use crate::meta_device::MetaDevice;

pub use dump::{Dump, Reproducer, Shown, statistics};

/// A level of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Level {
    /// As it was exported
    #[default]
    Exported,
    /// Without ops that write to their arguments: what the program changes is an output
    Functional,
    /// Functional, of the ops that PyTorch's Core ATen table leaves
    Core,
    /// Core, without ops that compute nothing new, bit for bit the same
    Optimized,
}

/// Passes, and what must hold after them.
struct Stage {
    passes: &'static str,
    contract: fn(&Program<'_, '_>) -> Vec<Diagnostic>,
}

const FUNCTIONAL: Stage = Stage {
    passes: "functionalize,decompose(table=none),specialize",
    contract: contract::functional,
};

const CORE: Stage = Stage {
    passes: "functionalize,decompose,specialize,remove_dead_ops",
    contract: contract::functional,
};

const OPTIMIZED: Stage = Stage {
    passes: "canonicalize,fold,cse",
    contract: contract::functional,
};

impl Level {
    /// The road from a program as it was exported to the level.
    fn stages(self) -> &'static [Stage] {
        match self {
            Self::Exported => &[],
            Self::Functional => &[FUNCTIONAL],
            Self::Core => &[CORE],
            Self::Optimized => &[CORE, OPTIMIZED],
        }
    }
}

/// Whoever wants to see the module between passes.
pub trait Observer {
    /// Is told of each pass that is about to be run.
    fn before(&mut self, pass: &PassCall, module: &Module<'_>);

    /// Is told of each pass that was run, in order, before the module is verified.
    fn after(&mut self, pass: &PassCall, module: &Module<'_>, time: Duration);

    /// Is told how long it took to verify the module or to check a stage's contract.
    fn checked(&mut self, time: Duration);

    /// Is told that the last of these passes failed, or left what may not be; the module may be half changed.
    fn failed(&mut self, passes: &[PassCall]);
}

/// Looks at nothing.
impl Observer for () {
    fn before(&mut self, _: &PassCall, _: &Module<'_>) {}

    fn after(&mut self, _: &PassCall, _: &Module<'_>, _: Duration) {}

    fn checked(&mut self, _: Duration) {}

    fn failed(&mut self, _: &[PassCall]) {}
}

/// What a user gives to the passes.
#[derive(Clone, Copy, Default)]
pub struct Given<'g> {
    /// Other decompositions on the way to [`Level::Core`].
    pub decompositions: Option<&'g Decompositions>,
    /// Ops that the op table does not have.
    pub custom: Option<&'g CustomOps>,
    /// Counts what the passes do, and may end it.
    pub rewrites: Option<&'g Rewrites>,
    /// Floats may be taken for real numbers.
    pub fast_math: bool,
    /// Verify the module after every pass, as debug builds do in any case, and not only after the last one.
    pub verify_each: bool,
}

impl Given<'_> {
    /// Whether passes were kept from doing all that they would.
    fn is_cut_short(&self) -> bool {
        self.rewrites.is_some_and(|rewrites| !rewrites.may_go_on())
    }
}

/// The operators that libtorch knows at this moment, those of loaded libraries among them.
pub fn registered_ops() -> CustomOps {
    let mut custom = CustomOps::default();
    for registered in expc_runtime::torch::all_schemas() {
        custom.add(&registered.schema);
    }
    custom
}

/// Brings a program as it was exported to a level; the answer is warnings.
///
/// # Errors
/// The program cannot be brought to the level; it may be half changed then.
pub fn lower(
    module: &Module<'_>,
    level: Level,
    observer: &mut dyn Observer,
) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    lower_by(module, level, Given::default(), observer)
}

/// As [`lower`], with what the user gives.
///
/// # Errors
/// As [`lower`].
pub fn lower_by(
    module: &Module<'_>,
    level: Level,
    given: Given<'_>,
    observer: &mut dyn Observer,
) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let mut warnings = Vec::new();
    for stage in level.stages() {
        let passes = parse_passes(stage.passes).map_err(|fault| vec![internal(fault)])?;
        warnings.extend(run_passes(module, &passes, given, observer)?);
        if given.is_cut_short() {
            break;
        }
        let start = Instant::now();
        let broken = (stage.contract)(&Program::new(module));
        observer.checked(start.elapsed());
        if !broken.is_empty() {
            observer.failed(&passes);
            return Err(broken);
        }
    }
    Ok(warnings)
}

/// Runs passes one after the other; the answer is warnings.
///
/// # Errors
/// As [`lower`].
pub fn run_passes(
    module: &Module<'_>,
    passes: &[PassCall],
    given: Given<'_>,
    observer: &mut dyn Observer,
) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let mut warnings = Vec::new();
    let none = Rewrites::default();
    let context = PassContext {
        meta: Some(&MetaDevice),
        decompositions: given.decompositions,
        custom: given.custom,
        rewrites: given.rewrites.unwrap_or(&none),
        fast_math: given.fast_math,
    };
    for (index, pass) in passes.iter().enumerate() {
        observer.before(pass, module);
        let start = Instant::now();
        let found = panic::catch_unwind(AssertUnwindSafe(|| pass.run(module, context)));
        let time = start.elapsed();
        // Release builds tell that one of the passes broke the module, others which.
        let is_verified = given.verify_each || cfg!(debug_assertions) || index + 1 == passes.len();
        let outcome = match found {
            Ok(Ok(found)) => {
                warnings.extend(found);
                observer.after(pass, module, time);
                let start = Instant::now();
                let verified = is_verified.then(|| verified(module, pass)).transpose();
                observer.checked(start.elapsed());
                Ok(verified)
            }
            Ok(Err(faults)) => Ok(Err(faults)),
            Err(payload) => Err(payload),
        };
        if !matches!(outcome, Ok(Ok(_))) {
            observer.failed(passes.get(index..=index).unwrap_or_default());
        }
        match outcome {
            Ok(verified) => _ = verified?,
            Err(payload) => panic::resume_unwind(payload),
        }
    }
    Ok(warnings)
}

/// Verifies what a pass left.
fn verified(module: &Module<'_>, pass: &PassCall) -> Result<(), Vec<Diagnostic>> {
    let mut found = verify(&Program::new(module));
    let operation = module.as_operation();
    let (is_valid, refusals) =
        collect_diagnostics(mlir::context_of(operation), || operation.verify());
    found.extend(refusals);
    if !is_valid && found.is_empty() {
        found.push(internal("MLIR refuses the module"));
    }
    for diagnostic in &mut found {
        diagnostic.notes.push(format!(
            "internal error: the pass `{}` left this; please report it with the program",
            pass.name()
        ));
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn internal(what: impl fmt::Display) -> Diagnostic {
    Diagnostic::error("E0309", format!("internal error: {what}"))
}

//! Programs that PyTorch made, compared with what PyTorch answered: one trial per program and [`Mode`].
//!
//! A program is a folder that `tools/corpus.py` describes. What runs it and what compares two arrays is an
//! [`Engine`], which the test binary brings; what may fail stands in `expected_failures.toml`.

mod case;
mod expected;
mod optimized;
mod run;
mod written;

use std::path::PathBuf;
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};

pub use self::case::{Case, Sequence};
pub use self::expected::ExpectedFailures;
pub use self::run::{Arrays, Comparison, Engine, Program, Rule, run_case};
use crate::suite::failing;

/// A way to run a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// The last part of the names of its trials.
    pub name: &'static str,
    pub action: Action,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Outputs and state of `expc run` with these options.
    Run(&'static [&'static str]),
    /// `expc print` against `text.txt`, for programs of the PyTorch version whose text it gives.
    Print,
    /// `expc print` of `text.txt` against itself, for the same programs.
    Parse,
    /// `expc check --infer`: the types of all values, inferred from those of the inputs, against the recorded ones.
    Infer,
    /// `expc opt --emit pt2`: the written archive is read as the same module, and written again as the same bytes.
    Write,
    /// Outputs and state of `expc run` of the archive that `expc opt --emit pt2` writes with these options.
    RunWritten(&'static [&'static str]),
    /// Outputs and state of `expc run --level optimized`: the very bytes of `--level core`, by no more ops.
    Optimize,
}

/// All modes.
pub const MODES: [Mode; 11] = [
    Mode {
        name: "exported",
        action: Action::Run(&["--no-optimize"]),
    },
    Mode {
        name: "functional",
        action: Action::Run(&["--level", "functional"]),
    },
    Mode {
        name: "core",
        action: Action::Run(&["--level", "core"]),
    },
    Mode {
        name: "printed",
        action: Action::Print,
    },
    Mode {
        name: "parsed",
        action: Action::Parse,
    },
    Mode {
        name: "inferred",
        action: Action::Infer,
    },
    Mode {
        name: "written",
        action: Action::Write,
    },
    Mode {
        name: "written_run",
        action: Action::RunWritten(&[]),
    },
    Mode {
        name: "written_functional",
        action: Action::RunWritten(&["--to", "functional"]),
    },
    Mode {
        name: "written_core",
        action: Action::RunWritten(&["--to", "core"]),
    },
    Mode {
        name: "optimized",
        action: Action::Optimize,
    },
];

impl Mode {
    fn applies_to(&self, case: &Case) -> bool {
        match self.action {
            Action::Run(_)
            | Action::Infer
            | Action::Write
            | Action::RunWritten(_)
            | Action::Optimize => true,
            Action::Print | Action::Parse => case.meta.torch.starts_with(PRINTED_TORCH),
        }
    }
}

/// The PyTorch whose printed form `expc print` gives; other versions print otherwise.
const PRINTED_TORCH: &str = "2.11.";

/// A folder of programs.
#[derive(Clone, Debug)]
pub struct Root {
    /// The first part of the names of its cases.
    pub name: String,
    pub folder: PathBuf,
    /// The command that makes it.
    pub made_by: String,
    /// Relative tolerance of 32-bit results where the folder's were recorded on other machines.
    pub relative: Option<f64>,
}

/// The trials of all roots. With `is_complete` the roots are all that there are, so that an expected failure that
/// names no case is a mistake.
pub fn trials<E: Engine + 'static>(
    roots: &[Root],
    engine: &Arc<E>,
    expected: ExpectedFailures,
    is_complete: bool,
) -> Vec<Trial> {
    let expected = Arc::new(expected);
    let mut trials = Vec::new();
    let mut names = Vec::new();
    for root in roots {
        let cases = match case::find(root) {
            Ok(cases) => cases,
            Err(message) => {
                trials.push(failing(&format!("conformance/{}", root.name), message));
                continue;
            }
        };
        for case in cases.into_iter().map(Arc::new) {
            for mode in MODES.into_iter().filter(|mode| mode.applies_to(&case)) {
                names.push((case.name.clone(), mode));
                let (case, engine, expected) = (case.clone(), engine.clone(), expected.clone());
                let name = format!("conformance/{}/{}", case.name, mode.name);
                trials.push(Trial::test(name, move || {
                    let outcome = run::outcome(engine.as_ref(), &case, &mode);
                    expected
                        .judge(&case.name, &mode, outcome)
                        .map_err(Failed::from)
                }));
            }
        }
    }
    if is_complete {
        let unused = expected.unused(&names);
        trials.push(Trial::test(
            "conformance/expected_failures",
            move || match unused.as_str() {
                "" => Ok(()),
                unused => Err(Failed::from(format!("no case has the name\n{unused}"))),
            },
        ));
    }
    trials
}

#[cfg(test)]
mod tests;

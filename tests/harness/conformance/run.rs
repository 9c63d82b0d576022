//! Runs a case in a mode and compares everything that it gives.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use similar::TextDiff;

use super::case::{Bad, Case, library_options};
use super::{Action, Mode, optimized, written};
use crate::driver::{Outcome, STATUS_FAULT};

/// Arrays by their keys in output files: `0`, `buffer:FQN`, `input:I`.
pub type Arrays<T> = BTreeMap<String, T>;

/// What runs programs and knows arrays.
pub trait Engine: Send + Sync {
    type Array;

    /// Runs `expc` with these arguments.
    ///
    /// # Errors
    /// It panicked.
    fn expc(&self, arguments: &[String]) -> Result<Outcome, String>;

    /// Loads a program once and calls it with the inputs of each file in turn, its state kept between them. Gives,
    /// per call, the outputs and what the call changed.
    ///
    /// # Errors
    /// The program or its inputs are refused.
    fn call(
        &self,
        program: &Program,
        inputs: &[PathBuf],
    ) -> Result<Vec<Arrays<Self::Array>>, String>;

    /// The arrays of a file.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(&self, file: &Path) -> Result<Arrays<Self::Array>, String>;

    /// In what two arrays differ, if they do.
    fn difference(
        &self,
        actual: &Self::Array,
        expected: &Self::Array,
        rule: &Rule,
    ) -> Option<String>;
}

/// A program and how it is to be run.
#[derive(Clone, Debug)]
pub struct Program {
    pub model: PathBuf,
    /// Options of `expc run`.
    pub options: &'static [&'static str],
    /// Libraries that register its operators.
    pub libraries: Vec<PathBuf>,
}

impl Program {
    pub(super) fn new(case: &Case, options: &'static [&'static str]) -> Self {
        Self {
            model: case.model(),
            options,
            libraries: case.libraries(),
        }
    }

    /// The arguments of `expc` that run it.
    pub fn arguments(&self, inputs: &Path, output: &Path) -> Vec<String> {
        let text = |path: &Path| path.display().to_string();
        let mut arguments = vec!["run".to_owned(), text(&self.model)];
        arguments.extend([
            "--inputs".to_owned(),
            text(inputs),
            "-o".to_owned(),
            text(output),
        ]);
        arguments.extend(self.options.iter().map(|option| (*option).to_owned()));
        arguments.extend(library_options(&self.libraries));
        arguments
    }
}

/// When two arrays agree.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Dtype and sizes are equal; the values depend on chance.
    SameKind,
    /// The values are close too.
    Close {
        /// The program's own dtype, such as `bfloat16`, where the file's is wider or unknown to NumPy.
        dtype: Option<String>,
        /// Relative tolerance in place of the dtype's.
        relative: Option<f64>,
    },
}

/// One thing that was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// `output 0`, `state running_mean`, `input 1 of call2`
    pub what: String,
    pub difference: Option<String>,
}

/// Runs a case; the error says all that is wrong.
pub(super) fn outcome<E: Engine>(engine: &E, case: &Case, mode: &Mode) -> Result<(), String> {
    let comparisons = run_case(engine, case, mode).map_err(|error| located(case, &error))?;
    let differences: Vec<_> = comparisons
        .iter()
        .filter_map(|one| Some(format!("{}: {}", one.what, one.difference.as_ref()?)))
        .collect();
    match differences.as_slice() {
        [] => Ok(()),
        lines => Err(located(case, &lines.join("\n"))),
    }
}

fn located(case: &Case, message: &str) -> String {
    format!("{message}\nin {}", case.folder.display())
}

/// Runs of programs, which share the generator of the process.
static RUNS: RwLock<()> = RwLock::new(());

/// Held by a trial while it runs a program.
pub(super) enum Turn {
    Beside(#[expect(dead_code, reason = "held, not read")] RwLockReadGuard<'static, ()>),
    Alone(#[expect(dead_code, reason = "held, not read")] RwLockWriteGuard<'static, ()>),
}

/// A turn that other trials may have at the same time.
pub(super) fn beside_others() -> Turn {
    Turn::Beside(RUNS.read().unwrap_or_else(PoisonError::into_inner))
}

/// A turn that no other trial has at the same time.
pub(super) fn alone() -> Turn {
    Turn::Alone(RUNS.write().unwrap_or_else(PoisonError::into_inner))
}

/// Runs a case in a mode.
///
/// # Errors
/// The program cannot be run, or a file of the case cannot be read.
pub fn run_case<E: Engine>(
    engine: &E,
    case: &Case,
    mode: &Mode,
) -> Result<Vec<Comparison>, String> {
    let _turn = (mode.action != Action::Optimize).then(beside_others);
    let options = match mode.action {
        Action::Run(options) => options,
        Action::Print => return print(engine, case, &case.model()),
        Action::Parse => return print(engine, case, &case.folder.join(TEXT)),
        Action::Infer => return infer(engine, case),
        Action::Write => return written::compare(engine, case),
        Action::RunWritten(options) => return written::call(engine, case, options),
        // Takes turns itself.
        Action::Optimize => return optimized::compare(engine, case),
    };
    let program = Program::new(case, options);
    let mut comparisons = calls(engine, case, &program)?;
    for bad in &case.meta.bad {
        comparisons.push(refuse(engine, case, &program, bad)?);
    }
    Ok(comparisons)
}

/// Calls a program as PyTorch did, and compares.
pub(super) fn calls<E: Engine>(
    engine: &E,
    case: &Case,
    program: &Program,
) -> Result<Vec<Comparison>, String> {
    let mut comparisons = Vec::new();
    for sequence in case.sequences() {
        let inputs: Vec<_> = sequence
            .iter()
            .map(|suffix| case.file("inputs", suffix))
            .collect();
        let calls = engine.call(program, &inputs)?;
        if calls.len() != sequence.len() {
            return Err(format!(
                "{} calls gave {} results",
                sequence.len(),
                calls.len()
            ));
        }
        for (suffix, actual) in sequence.iter().zip(&calls) {
            let expected = expected(engine, case, suffix)?;
            comparisons.extend(compare(engine, case, suffix, actual, &expected));
        }
    }
    Ok(comparisons)
}

/// What PyTorch gave, under the keys of output files.
fn expected<E: Engine>(engine: &E, case: &Case, suffix: &str) -> Result<Arrays<E::Array>, String> {
    let mut arrays = engine.read(&case.file("expected", suffix))?;
    for (name, prefix) in [
        ("expected_buffers", "buffer:"),
        ("expected_inputs_after", "input:"),
    ] {
        let file = case.file(name, suffix);
        if file.exists() {
            let found = engine.read(&file)?;
            arrays.extend(
                found
                    .into_iter()
                    .map(|(key, array)| (format!("{prefix}{key}"), array)),
            );
        }
    }
    Ok(arrays)
}

fn compare<E: Engine>(
    engine: &E,
    case: &Case,
    suffix: &str,
    actual: &Arrays<E::Array>,
    expected: &Arrays<E::Array>,
) -> Vec<Comparison> {
    let mut keys: Vec<_> = expected.keys().chain(actual.keys()).collect();
    keys.sort();
    keys.dedup();
    let compare_one = |key: &String| {
        let what = what(key);
        let difference = match (actual.get(key), expected.get(key)) {
            (Some(actual), Some(expected)) => {
                engine.difference(actual, expected, &rule(case, key, &what))
            }
            (None, _) => Some("is missing".to_owned()),
            (_, None) => Some("is not expected".to_owned()),
        };
        let what = match suffix.strip_prefix('_') {
            Some(call) => format!("{what} of {call}"),
            None => what,
        };
        Comparison { what, difference }
    };
    keys.into_iter().map(compare_one).collect()
}

/// `output 0`, `state FQN` or `input 1`, the names that `meta.json` uses.
fn what(key: &str) -> String {
    match key.split_once(':') {
        Some(("buffer", name)) => format!("state {name}"),
        Some((kind, name)) => format!("{kind} {name}"),
        None => format!("output {key}"),
    }
}

fn rule(case: &Case, key: &str, what: &str) -> Rule {
    let meta = &case.meta;
    if meta.not_compared.contains_key(what) {
        return Rule::SameKind;
    }
    let described = match key.strip_prefix("input:") {
        Some(position) => position
            .parse()
            .ok()
            .and_then(|index: usize| meta.inputs.get(index)),
        None => key
            .parse()
            .ok()
            .and_then(|index: usize| meta.outputs.get(index)),
    };
    Rule::Close {
        dtype: described.and_then(|described| described.dtype.clone()),
        relative: case.relative,
    }
}

/// Inputs that must be refused with a message, and without a file.
fn refuse<E: Engine>(
    engine: &E,
    case: &Case,
    program: &Program,
    bad: &Bad,
) -> Result<Comparison, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let output = folder.path().join("out.npz");
    let arguments = program.arguments(&case.folder.join(&bad.inputs), &output);
    let outcome = engine.expc(&arguments)?;
    let difference = if outcome.status != STATUS_FAULT {
        Some(format!(
            "ended with status {}, expected {STATUS_FAULT}",
            outcome.status
        ))
    } else if !outcome.stderr.contains(&bad.message) {
        Some(format!(
            "expected `{}` in the message, found\n{}",
            bad.message, outcome.stderr
        ))
    } else {
        output.exists().then(|| "left an output file".to_owned())
    };
    Ok(Comparison {
        what: bad.inputs.clone(),
        difference,
    })
}

/// Runs `expc`, which must end well.
pub(super) fn done<E: Engine>(engine: &E, arguments: &[&str]) -> Result<Outcome, String> {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|argument| (*argument).to_owned())
        .collect();
    let outcome = engine.expc(&arguments)?;
    match outcome.status {
        0 => Ok(outcome),
        status => Err(format!("ended with status {status}\n{}", outcome.stderr)),
    }
}

/// The file with what PyTorch prints of a program.
const TEXT: &str = "text.txt";

/// What `expc print` gives of a model of the case, against what PyTorch printed of the program.
fn print<E: Engine>(engine: &E, case: &Case, model: &Path) -> Result<Vec<Comparison>, String> {
    let file = case.folder.join(TEXT);
    let expected =
        fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let outcome = done(engine, &["print", &model.display().to_string()])?;
    // The file holds `str(program)`, to which Python's `print` adds a line break.
    let (found, expected) = (outcome.stdout.trim_end(), expected.trim_end());
    let what = "text".to_owned();
    let difference = text_difference(("PyTorch", expected), ("expc", found));
    Ok(vec![Comparison { what, difference }])
}

/// Types that do not follow as recorded are warnings or errors of `expc check`.
fn infer<E: Engine>(engine: &E, case: &Case) -> Result<Vec<Comparison>, String> {
    let mut arguments = ["check", "--infer"].map(str::to_owned).to_vec();
    arguments.push(case.model().display().to_string());
    for library in case.libraries() {
        arguments.extend(["--load-library".to_owned(), library.display().to_string()]);
    }
    let outcome = engine.expc(&arguments)?;
    let is_clean = outcome.status == 0 && outcome.stderr.is_empty();
    let difference = (!is_clean).then(|| format!("\n{}{}", outcome.stdout, outcome.stderr));
    let what = "types".to_owned();
    Ok(vec![Comparison { what, difference }])
}

/// The lines in which two named texts differ.
pub(super) fn text_difference(expected: (&str, &str), found: (&str, &str)) -> Option<String> {
    (found.1 != expected.1).then(|| {
        let difference = TextDiff::from_lines(expected.1, found.1);
        let mut difference = difference.unified_diff();
        let difference = difference.context_radius(1).header(expected.0, found.0);
        format!("\n{difference}")
    })
}

//! Programs at the level above Core ATen: the passes that lead there may change no bit and add no op.

use std::fs;
use std::path::Path;

use super::case::Case;
use super::run::{Comparison, Engine, Program, alone, beside_others};

/// The level that is reached without the passes, and the one with them.
const LEVELS: [&[&str]; 2] = [
    &["--level", "core", "--seed", "0", "--state"],
    &["--level", "optimized", "--seed", "0", "--state"],
];

/// Compares what the two levels of a program give. One that cannot be run at the lower level, which has a mode of
/// its own, need not run at the higher one.
///
/// # Errors
/// `expc` panicked, or a file cannot be read.
pub fn compare<E: Engine>(engine: &E, case: &Case) -> Result<Vec<Comparison>, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let file = folder.path().join("out.npz");
    let [core, optimized] = LEVELS;
    let mut difference = None;
    // Trials that run beside this one draw random numbers from the same generator: the last word has a run alone.
    for is_alone in [false, true] {
        let _turn = if is_alone { alone() } else { beside_others() };
        let Ok(expected) = run(engine, case, core, &file)? else {
            return Ok(Vec::new());
        };
        difference = match run(engine, case, optimized, &file)? {
            Err(message) => Some(message),
            Ok(found) if found == expected || reads_uninitialized(case) => None,
            Ok(_) => Some("are other bytes than at the level `core`".to_owned()),
        };
        if difference.is_none() {
            break;
        }
    }
    let outputs = Comparison {
        what: "outputs".to_owned(),
        difference,
    };
    let (before, after) = (ops(engine, case, "core")?, ops(engine, case, "optimized")?);
    let ops = Comparison {
        what: "ops".to_owned(),
        difference: (after > before).then(|| format!("{after}, at the level `core` {before}")),
    };
    Ok(vec![outputs, ops])
}

/// Whether some output is memory that nobody wrote to, which differs from call to call.
fn reads_uninitialized(case: &Case) -> bool {
    let mut reasons = case.meta.not_compared.values();
    reasons.any(|reason| reason == "uninitialized")
}

/// The bytes of the output file, or what `expc` says of the program.
fn run<E: Engine>(
    engine: &E,
    case: &Case,
    options: &'static [&'static str],
    file: &Path,
) -> Result<Result<Vec<u8>, String>, String> {
    let arguments = Program::new(case, options).arguments(&case.file("inputs", ""), file);
    let outcome = engine.expc(&arguments)?;
    match outcome.status {
        0 => fs::read(file)
            .map(Ok)
            .map_err(|error| format!("{}: {error}", file.display())),
        status => Ok(Err(format!(
            "ended with status {status}\n{}",
            outcome.stderr
        ))),
    }
}

/// How many ops a program has at a level.
fn ops<E: Engine>(engine: &E, case: &Case, level: &str) -> Result<usize, String> {
    let mut arguments = vec!["opt".to_owned(), case.model().display().to_string()];
    arguments.extend(["--to".to_owned(), level.to_owned()]);
    arguments.extend(case.library_options());
    let outcome = engine.expc(&arguments)?;
    match outcome.status {
        0 => Ok(outcome.stdout.lines().filter(|line| is_op(line)).count()),
        status => Err(format!("ended with status {status}\n{}", outcome.stderr)),
    }
}

/// Whether a line of a module is an op of the program: `%0 = "aten.add.Tensor"(…`.
fn is_op(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('"')
        || line
            .split_once(" = ")
            .is_some_and(|(_, op)| op.starts_with('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ops_are_told_from_graphs() {
        assert!(is_op("    %add:2 = \"aten.add.Tensor\"(%x)"));
        assert!(is_op("    \"aten._assert_async.msg\"(%x)"));
        assert!(!is_op("  func.func @main(%x: i64)") && !is_op("    return %x") && !is_op("  }"));
    }
}

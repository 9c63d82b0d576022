//! From what the command line names to a module in memory.

use std::path::{Path, PathBuf};

use expc_dialects::Diagnostic;
use expc_passes::functionalize::CustomOps;
use expc_runtime::torch;
use melior::Context;

use super::console::{Console, Outcome};
use crate::{
    frontend::{self, Loaded},
    pipeline::{self, Given, Level},
};

/// The name of the standard input among the files.
const STDIN: &str = "-";

/// What messages call the standard input.
const STDIN_NAME: &str = "<stdin>";

/// Reads and verifies a model.
pub fn model<'c>(
    context: &'c Context,
    path: &Path,
    console: &mut Console<'_>,
) -> Outcome<Loaded<'c>> {
    let _spinner = console.spinner(format!("reading {}", path.display()));
    match read_once(path, console)? {
        Some(bytes) => Ok(frontend::load_bytes(context, bytes, &name_of(path))?),
        None => Ok(frontend::load_file(context, path)?),
    }
}

/// The content of a model that can be read only once: the standard input, or a pipe.
fn read_once(path: &Path, console: &mut Console<'_>) -> Outcome<Option<Vec<u8>>> {
    if path == Path::new(STDIN) {
        return stdin(console).map(Some);
    }
    let is_stream = std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    if !is_stream {
        return Ok(None);
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(&name_of(path), &error))?;
    Ok(Some(bytes))
}

/// As [`model`], for a caller that needs the model more than once: `bytes` keeps what can be read only once.
pub fn again<'c>(
    context: &'c Context,
    path: &Path,
    bytes: &mut Option<Vec<u8>>,
    console: &mut Console<'_>,
) -> Outcome<Loaded<'c>> {
    if bytes.is_none() {
        *bytes = read_once(path, console)?;
    }
    match bytes {
        Some(bytes) => Ok(frontend::load_bytes(
            context,
            bytes.clone(),
            &name_of(path),
        )?),
        None => model(context, path, console),
    }
}

/// Brings a model to a level; `libraries` were loaded before.
pub fn to_level(
    loaded: &Loaded<'_>,
    level: Level,
    libraries: &[PathBuf],
    console: &mut Console<'_>,
) -> Outcome {
    if level == Level::Exported {
        return Ok(());
    }
    let custom = registered_ops(libraries);
    let given = Given {
        custom: Some(&custom),
        ..Given::default()
    };
    report(
        pipeline::lower_by(&loaded.module, level, given, &mut ()),
        &loaded.file,
        console,
    )
}

/// The operators that these libraries, which were loaded before, have registered.
pub fn registered_ops(libraries: &[PathBuf]) -> CustomOps {
    match libraries {
        [] => CustomOps::default(),
        _ => pipeline::registered_ops(),
    }
}

/// Shows the warnings of passes, or hands on their faults.
pub fn report(
    outcome: Result<Vec<Diagnostic>, Vec<Diagnostic>>,
    file: &str,
    console: &mut Console<'_>,
) -> Outcome {
    let in_file = |found: Vec<Diagnostic>| -> Vec<Diagnostic> {
        found.into_iter().map(|fault| fault.in_file(file)).collect()
    };
    match outcome {
        Ok(warnings) => {
            console.report(&in_file(warnings));
            Ok(())
        }
        Err(faults) => Err(in_file(faults).into()),
    }
}

/// Everything that the standard input has.
fn stdin(console: &mut Console<'_>) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    console
        .stdin
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(STDIN_NAME, &error))?;
    Ok(bytes)
}

/// What messages call a file of the command line.
pub fn name_of(path: &Path) -> String {
    if path == Path::new(STDIN) {
        STDIN_NAME.to_owned()
    } else {
        path.display().to_string()
    }
}

/// The text of a file, or of the standard input.
pub fn text(path: &Path, console: &mut Console<'_>) -> Outcome<String> {
    let file = name_of(path);
    let bytes = match path == Path::new(STDIN) {
        true => stdin(console)?,
        false => std::fs::read(path).map_err(|error| unreadable(&file, &error))?,
    };
    String::from_utf8(bytes).map_err(|error| {
        let position = error.utf8_error().valid_up_to();
        Diagnostic::error(
            "E0694",
            format!("expected text, byte {position} is not UTF-8"),
        )
        .in_file(file)
        .into()
    })
}

fn unreadable(file: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error("E0695", format!("cannot read the file: {error}")).in_file(file)
}

/// Loads libraries that register operators; runs their code.
pub fn libraries(paths: &[PathBuf]) -> Outcome {
    for path in paths {
        torch::load_library(path).map_err(|error| Diagnostic::error("E0696", error.to_string()))?;
    }
    Ok(())
}

//! Programs that expc writes back as archives.

use std::fs;
use std::path::Path;

use super::case::Case;
use super::run::{Comparison, Engine, Program, calls, done, text_difference};

/// The first PyTorch whose archives name every node; what is read from older ones gets names when it is written.
const NAMED_SINCE: [u32; 2] = [2, 11];

/// Compares what is read from the written archive with what was read from the case's, and writes it once more.
///
/// # Errors
/// One of the archives cannot be read, or one of the files not be written.
pub fn compare<E: Engine>(engine: &E, case: &Case) -> Result<Vec<Comparison>, String> {
    let folder = temporary()?;
    let (first, second) = (folder.path().join("1.pt2"), folder.path().join("2.pt2"));
    write(engine, &case.model(), &first, &[])?;
    write(engine, &first, &second, &[])?;
    let text = match is_named(&case.meta.torch) {
        true => module,
        false => printed,
    };
    let (original, written) = (text(engine, &case.model())?, text(engine, &first)?);
    let is_stable = content(&first)? == content(&second)?;
    let again = "the written archive is written back as other bytes";
    Ok(vec![
        Comparison {
            what: "module".to_owned(),
            difference: text_difference(("read", &original), ("written and read", &written)),
        },
        Comparison {
            what: "archive".to_owned(),
            difference: (!is_stable).then(|| again.to_owned()),
        },
    ])
}

/// Calls the program of the archive that is written with these options.
///
/// # Errors
/// It cannot be written or called.
pub fn call<E: Engine>(
    engine: &E,
    case: &Case,
    options: &[&str],
) -> Result<Vec<Comparison>, String> {
    let folder = temporary()?;
    let model = folder.path().join("model.pt2");
    let libraries = case.library_options();
    let libraries = libraries.iter().map(String::as_str);
    let options: Vec<&str> = options.iter().copied().chain(libraries).collect();
    write(engine, &case.model(), &model, &options)?;
    let program = Program {
        model,
        ..Program::new(case, &["--no-optimize"])
    };
    calls(engine, case, &program)
}

fn temporary() -> Result<tempfile::TempDir, String> {
    tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))
}

/// Whether a version, `2.11.0+cu130`, is [`NAMED_SINCE`] or later.
fn is_named(torch: &str) -> bool {
    let numbers = torch.split('.').map_while(|number| number.parse().ok());
    numbers.take(2).collect::<Vec<u32>>().as_slice() >= NAMED_SINCE.as_slice()
}

fn printed<E: Engine>(engine: &E, model: &Path) -> Result<String, String> {
    Ok(done(engine, &["print", &model.display().to_string()])?.stdout)
}

fn write<E: Engine>(engine: &E, model: &Path, out: &Path, options: &[&str]) -> Result<(), String> {
    let (model, out) = (model.display().to_string(), out.display().to_string());
    let command = ["opt", &model, "--emit", "pt2", "-o", &out];
    let command: Vec<&str> = command.iter().chain(options).copied().collect();
    done(engine, &command).map(drop)
}

fn content(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// The module with all its locations, without the versions that it came from: the written one is of the current
/// schema.
fn module<E: Engine>(engine: &E, model: &Path) -> Result<String, String> {
    let text = done(
        engine,
        &["opt", &model.display().to_string(), "--locations"],
    )?
    .stdout;
    let Some((before, provenance)) = text.split_once("aten.program = ") else {
        return Ok(text);
    };
    Ok(format!("{before}{}", behind_dictionary(provenance)))
}

/// What stands behind the dictionary at the beginning of a text.
fn behind_dictionary(text: &str) -> &str {
    let mut depth = 0_usize;
    for (position, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return text.get(position..).unwrap_or_default();
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_ends_where_its_last_brace_is() {
        assert_eq!(behind_dictionary("{a = {b}, c}, d = {}"), "}, d = {}");
        assert_eq!(behind_dictionary("{a"), "");
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(is_named("2.11.0+cu130") && is_named("2.15.0") && is_named("3.0.0"));
        assert!(!is_named("2.9.1") && !is_named("2.10.0") && !is_named(""));
    }
}

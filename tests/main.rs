//! The text tests and conformance cases, as one test binary.
//!
//! `cargo test -p expc-tests -- lit/canonicalize` runs the tests whose names begin so; `tests/README.md` says more.

mod engine;
mod random;

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use expc_tests::conformance::{self, ExpectedFailures, Root};
use expc_tests::run::Settings;
use expc_tests::{bless, documents, suite};
use libtest_mimic::{Arguments, Trial};

/// Set to `full`, it chooses all programs that `tools/make_corpus.py full` makes.
const CORPUS_VARIABLE: &str = "EXPC_CORPUS";
/// The fixtures were recorded by other versions of PyTorch on other machines; they agree with each other that well.
const FIXTURES_RELATIVE: f64 = 1e-4;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if let Err(error) = engine::prepare() {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut trials = text_tests(tests);
    trials.extend(sessions(tests));
    trials.extend(conformance_cases(tests));
    trials.extend(random::trials());
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn text_tests(tests: &Path) -> Vec<Trial> {
    let fixtures = expc_fixtures::versions().display().to_string();
    let settings = Settings {
        driver: engine::drive,
        substitutions: vec![("%{fixtures}".to_owned(), fixtures)],
        is_blessing: bless::is_asked(),
    };
    suite::trials(&tests.join("lit"), &Arc::new(settings))
}

/// The sessions of the README and of the guides; they use what `tools/quickstart` makes, and samples.
fn sessions(tests: &Path) -> Vec<Trial> {
    let root = tests.parent().unwrap_or(tests);
    let mut documents = vec![root.join("README.md")];
    let guides = fs::read_dir(root.join("docs")).into_iter().flatten();
    documents.extend(guides.flatten().map(|entry| entry.path()));
    documents.retain(|path| path.extension() == Some(OsStr::new("md")));
    documents.sort();
    let settings = documents::Settings {
        driver: engine::drive,
        folders: vec![
            (
                "out/quickstart".to_owned(),
                root.join(".corpus/small/models"),
            ),
            (
                "samples".to_owned(),
                root.join("compiler/src/driver/samples"),
            ),
        ],
    };
    documents::trials(&documents, &Arc::new(settings))
}

fn conformance_cases(tests: &Path) -> Vec<Trial> {
    let file = tests.join("conformance/expected_failures.toml");
    let expected = fs::read_to_string(&file)
        .map_err(|error| error.to_string())
        .and_then(|text| ExpectedFailures::parse(&text));
    let expected = match expected {
        Ok(expected) => expected,
        Err(error) => {
            let message = format!("{}: {error}", file.display());
            return vec![suite::failing("conformance/expected_failures", message)];
        }
    };
    let is_full = std::env::var_os(CORPUS_VARIABLE).as_deref() == Some(OsStr::new("full"));
    let set = if is_full { "full" } else { "small" };
    let mut roots = match corpora(tests, set) {
        Ok(roots) => roots,
        Err(message) => return vec![suite::failing("conformance/corpus", message)],
    };
    roots.push(Root {
        name: "versions".to_owned(),
        folder: expc_fixtures::versions().to_path_buf(),
        made_by: "cargo build (they are unpacked by the test itself)".to_owned(),
        relative: Some(FIXTURES_RELATIVE),
    });
    conformance::trials(&roots, &Arc::new(engine::Expc), expected, is_full)
}

/// The folders of a set of programs.
///
/// # Errors
/// There are none, or the programs of one are not all made.
fn corpora(tests: &Path, set: &str) -> Result<Vec<Root>, String> {
    let folder = tests.parent().unwrap_or(tests).join(".corpus").join(set);
    let made_by = format!(".deps/venv/bin/python tools/make_corpus.py {set}");
    let not_made = |folder: &Path| {
        format!(
            "the programs of {} are not made; make them with: {made_by}",
            folder.display()
        )
    };
    let mut roots = Vec::new();
    for entry in fs::read_dir(&folder)
        .map_err(|_| not_made(&folder))?
        .flatten()
    {
        let folder = entry.path();
        // Written when all programs are.
        if !folder.join("KEY").is_file() {
            return Err(not_made(&folder));
        }
        roots.push(Root {
            name: entry.file_name().display().to_string(),
            folder,
            made_by: made_by.clone(),
            relative: None,
        });
    }
    if roots.is_empty() {
        return Err(not_made(&folder));
    }
    roots.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(roots)
}

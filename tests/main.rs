//! The text tests and conformance cases, as one test binary.
//!
//! `cargo test -p expc-tests -- lit/canonicalize` runs the tests whose names begin so; `tests/README.md` says more.

mod engine;

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use expc_tests::conformance::{self, ExpectedFailures, Root};
use expc_tests::run::Settings;
use expc_tests::{bless, suite};
use libtest_mimic::{Arguments, Trial};

/// Set to `full`, it chooses all programs that `tools/make_corpus.py full` makes.
const CORPUS_VARIABLE: &str = "EXPC_CORPUS";
/// Programs in both sets.
const SMALL: [&str; 4] = ["opinfo", "exportdb", "features", "models"];
/// Programs that only the full set has.
const FULL: [&str; 8] = [
    "opinfo_decomposed",
    "opinfo_samples",
    "opinfo_bfloat16",
    "opinfo_int64",
    "opinfo_complex64",
    "exportdb_decomposed",
    "features_decomposed",
    "state",
];
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
    trials.extend(conformance_cases(tests));
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
    let mut roots = corpora(tests, is_full);
    roots.push(Root {
        name: "versions".to_owned(),
        folder: expc_fixtures::versions().to_path_buf(),
        made_by: "cargo build (they are unpacked by the test itself)".to_owned(),
        relative: Some(FIXTURES_RELATIVE),
    });
    conformance::trials(&roots, &Arc::new(engine::Expc), expected, is_full)
}

fn corpora(tests: &Path, is_full: bool) -> Vec<Root> {
    let set = if is_full { "full" } else { "small" };
    let root = tests.parent().unwrap_or(tests);
    let names = SMALL.iter().chain(FULL.iter().filter(|_| is_full));
    names
        .map(|name| Root {
            name: (*name).to_owned(),
            folder: root.join(".corpus").join(set).join(name),
            made_by: format!(".deps/venv/bin/python tools/make_corpus.py {set}"),
            relative: None,
        })
        .collect()
}

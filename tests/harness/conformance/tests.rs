//! The conformance runner with an engine whose arrays are numbers in text files.

use std::fs;
use std::path::Path;

use super::*;
use crate::driver::Outcome;

/// Reads `KEY=NUMBER` lines; a program gives what stands in `given<suffix>` beside it.
struct Fake;

impl Engine for Fake {
    type Array = f64;

    fn expc(&self, arguments: &[String]) -> Result<Outcome, String> {
        if arguments[0] == "print" {
            let stdout = fs::read_to_string(arguments[1].replace("model.pt2", "printed")).unwrap();
            return Ok(Outcome {
                stdout,
                ..Outcome::default()
            });
        }
        if arguments[3].ends_with("accepted.npz") {
            fs::write(&arguments[5], "").unwrap();
            return Ok(Outcome::default());
        }
        let stderr = "error[E0503]: `x.shape[0]` is 100".to_owned();
        Ok(Outcome {
            status: 1,
            stderr,
            ..Outcome::default()
        })
    }

    fn call(&self, _: &Program, inputs: &[PathBuf]) -> Result<Vec<Arrays<f64>>, String> {
        let given = |path: &PathBuf| {
            self.read(Path::new(
                &path.display().to_string().replace("inputs", "given"),
            ))
        };
        inputs.iter().map(given).collect()
    }

    fn read(&self, file: &Path) -> Result<Arrays<f64>, String> {
        let text =
            fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let pairs = text.lines().map(|line| line.split_once('=').unwrap());
        Ok(pairs
            .map(|(key, value)| (key.to_owned(), value.parse().unwrap()))
            .collect())
    }

    fn difference(&self, actual: &f64, expected: &f64, rule: &Rule) -> Option<String> {
        let relative = match rule {
            Rule::SameKind => return None,
            Rule::Close { relative, dtype } => relative.unwrap_or(match dtype.as_deref() {
                Some("bfloat16") => 0.1,
                _ => 0.0,
            }),
        };
        let is_close = (actual - expected).abs() <= relative * expected.abs();
        (!is_close).then(|| format!("{actual}, expected {expected}"))
    }
}

const META: &str = r#""torch": "2.11.0+cu130", "inputs": [{"dtype": "float32"}], "outputs": [{"dtype": "float32"}, {"dtype": "bfloat16"}]"#;

/// A root with the case `one`, of that `meta.json` and these files.
fn root(meta: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("one");
    fs::create_dir(&case).unwrap();
    let meta = format!("{{{META}{meta}}}");
    for (name, text) in files
        .iter()
        .chain(&[("model.pt2", ""), ("meta.json", &meta)])
    {
        fs::write(case.join(name), text).unwrap();
    }
    let root = Root {
        name: "small".to_owned(),
        folder: folder.path().to_path_buf(),
        made_by: "make small".to_owned(),
        relative: None,
    };
    (folder, root)
}

fn mode_named(name: &str) -> Mode {
    MODES.into_iter().find(|mode| mode.name == name).unwrap()
}

/// The differences of the only case in a mode.
fn differences(mode: &str, meta: &str, files: &[(&str, &str)]) -> Vec<String> {
    let (_folder, root) = root(meta, files);
    let cases = case::find(&root).unwrap();
    let compared = run_case(&Fake, &cases[0], &mode_named(mode)).unwrap();
    assert!(!compared.is_empty());
    let differing = compared
        .into_iter()
        .filter_map(|one| Some(format!("{}: {}", one.what, one.difference?)));
    differing.collect()
}

#[test]
fn outputs_and_state_are_compared() {
    let expected = [
        ("expected.npz", "0=1\n1=2"),
        ("expected_buffers.npz", "mean=3"),
        ("expected_inputs_after.npz", "0=4"),
    ];
    let given = |text| [&expected[..], &[("given.npz", text)]].concat();
    let all = "0=1\n1=2.1\nbuffer:mean=3\ninput:0=4";
    assert_eq!(
        differences("exported", "", &given(all)),
        Vec::<String>::new()
    );
    assert_eq!(
        differences("exported", "", &given("0=5\n1=2\nbuffer:mean=6\ninput:0=7")),
        [
            "output 0: 5, expected 1",
            "state mean: 6, expected 3",
            "input 0: 7, expected 4"
        ]
    );
    assert_eq!(
        differences("exported", "", &given("0=1\n1=2\ninput:0=4\n2=1")),
        ["output 2: is not expected", "state mean: is missing"]
    );
}

#[test]
fn every_call_is_compared() {
    let files = [
        ("expected.npz", "0=1"),
        ("given.npz", "0=1"),
        ("expected_call2.npz", "0=2"),
        ("given_call2.npz", "0=3"),
        ("expected_alt1.npz", "0=4"),
        ("given_alt1.npz", "0=5"),
    ];
    assert_eq!(
        differences("exported", r#", "calls": 2, "alts": 1"#, &files),
        [
            "output 0 of call2: 3, expected 2",
            "output 0 of alt1: 5, expected 4"
        ]
    );
}

#[test]
fn chance_and_tolerance_are_respected() {
    let files = [("expected.npz", "0=100\n1=1"), ("given.npz", "0=101\n1=9")];
    let meta = r#", "not_compared": {"output 1": "random"}"#;
    assert_eq!(
        differences("exported", meta, &files),
        ["output 0: 101, expected 100"]
    );
    let meta = r#", "tolerance": 0.02, "not_compared": {"output 1": "random"}"#;
    assert_eq!(differences("exported", meta, &files), Vec::<String>::new());
}

#[test]
fn bad_inputs_must_be_refused() {
    let files = [("expected.npz", ""), ("given.npz", "")];
    let meta = |inputs, message| {
        format!(r#", "bad": [{{"inputs": "{inputs}.npz", "message": "{message}"}}]"#)
    };
    assert_eq!(
        differences("exported", &meta("bad", "is 100"), &files),
        Vec::<String>::new()
    );
    assert_eq!(
        differences("exported", &meta("accepted", "is 100"), &files),
        ["accepted.npz: ended with status 0, expected 1"]
    );
    let found = differences("exported", &meta("bad", "is 7"), &files);
    assert!(
        found[0].starts_with("bad.npz: expected `is 7` in the message"),
        "{found:?}"
    );
}

#[test]
fn libraries_are_loaded() {
    let (_folder, root) = root(r#", "libraries": ["../lib.so"]"#, &[]);
    let cases = case::find(&root).unwrap();
    let program = Program {
        model: "model.pt2".into(),
        options: &["--no-optimize"],
        libraries: cases[0].libraries(),
    };
    let library = root.folder.join("../lib.so").display().to_string();
    assert_eq!(
        program.arguments(Path::new("in.npz"), Path::new("out.npz")),
        [
            "run",
            "model.pt2",
            "--inputs",
            "in.npz",
            "-o",
            "out.npz",
            "--no-optimize",
            "--load-library",
            &library
        ]
    );
}

#[test]
fn the_printed_text_is_compared() {
    let files = |printed| [("text.txt", "a\nb\n"), ("printed", printed)];
    assert_eq!(
        differences("printed", "", &files("a\nb\n\n")),
        Vec::<String>::new()
    );
    let found = differences("printed", "", &files("a\nc\n\n"));
    assert!(
        found[0].contains("-b") && found[0].contains("+c"),
        "{found:?}"
    );
}

#[test]
fn only_the_printed_version_is_printed() {
    let (_folder, root) = root("", &[]);
    let mut case = case::find(&root).unwrap().remove(0);
    assert!(MODES.iter().all(|mode| mode.applies_to(&case)));
    case.meta.torch = "2.10.0".to_owned();
    for mode in MODES {
        let is_text = matches!(mode.action, Action::Print | Action::Parse);
        assert_eq!(mode.applies_to(&case), !is_text);
    }
}

#[test]
fn every_case_and_mode_is_a_trial() {
    let (_folder, root) = root("", &[]);
    let failures = "[[failure]]\ncase = 'other'\nmode = '*'\nreason = 'none'";
    let names = |is_complete| {
        let expected = ExpectedFailures::parse(failures).unwrap();
        let trials = trials(
            std::slice::from_ref(&root),
            &Arc::new(Fake),
            expected,
            is_complete,
        );
        trials
            .iter()
            .map(|trial| trial.name().to_owned())
            .collect::<Vec<_>>()
    };
    let mut cases: Vec<_> = MODES
        .iter()
        .map(|mode| format!("conformance/small/one/{}", mode.name))
        .collect();
    assert_eq!(names(false), cases);
    cases.push("conformance/expected_failures".to_owned());
    assert_eq!(names(true), cases);
}

#[test]
fn a_root_without_cases_is_an_error() {
    let (folder, mut root) = root("", &[]);
    root.folder = folder.path().join("none");
    let error = case::find(&root).unwrap_err();
    assert!(error.contains("make them with: make small"), "{error}");
    fs::create_dir(&root.folder).unwrap();
    let error = case::find(&root).unwrap_err();
    assert!(error.ends_with("make them with: make small"), "{error}");
}

#[test]
fn a_damaged_description_is_an_error() {
    let (_folder, root) = root("", &[]);
    fs::write(root.folder.join("one/meta.json"), "{}").unwrap();
    assert!(
        case::find(&root)
            .unwrap_err()
            .contains("missing field `torch`")
    );
}

//! Test files run through a compiler that is none: it prints its input without comments, or refuses it.

use super::*;

/// `cat FILE`, `upper FILE`, `refuse FILE` and `panic`; `refuse` reports every line that holds `bad`.
fn fake(arguments: &[String], stdin: &[u8]) -> Outcome {
    let path = arguments.get(1).map_or("-", String::as_str);
    let text = match path {
        "-" => String::from_utf8_lossy(stdin).into_owned(),
        path => fs::read_to_string(path).unwrap(),
    };
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    let lines = text
        .lines()
        .filter(|line| !is_comment(line) && !line.is_empty());
    let stdout = lines
        .map(|line| line.split("//").next().unwrap().to_owned() + "\n")
        .collect();
    match arguments[0].as_str() {
        "cat" => Outcome {
            stdout,
            ..Outcome::default()
        },
        "upper" => Outcome {
            stdout: stdout.to_uppercase(),
            ..Outcome::default()
        },
        "write" => {
            fs::write(&arguments[2], &stdout).unwrap();
            Outcome {
                stdout: format!("wrote {}\n", arguments[2]),
                ..Outcome::default()
            }
        }
        "refuse" => {
            let lines = text.lines().enumerate();
            let bad = lines.filter(|(_, line)| line.starts_with("bad"));
            let stderr: String = bad
                .map(|(index, line)| {
                    format!("error[E0204]: `{line}`\n  --> {path}:{}:1\n", index + 1)
                })
                .collect();
            Outcome {
                status: u8::from(!stderr.is_empty()),
                stdout,
                stderr,
            }
        }
        _ => panic!("no such command"),
    }
}

fn settings(is_blessing: bool) -> Settings {
    Settings {
        driver: fake,
        substitutions: vec![("%{word}".to_owned(), "cat".to_owned())],
        is_blessing,
    }
}

/// Runs a file of that text; the text that it has afterwards comes too.
fn run(text: &str, is_blessing: bool) -> (Result<(), String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("case.mlir");
    fs::write(&path, text).unwrap();
    let result = run_file(&path, "lit/case", &settings(is_blessing));
    (result, fs::read_to_string(&path).unwrap())
}

#[track_caller]
fn passes(text: &str) {
    assert_eq!(run(text, false), (Ok(()), text.to_owned()));
}

#[track_caller]
fn fails(text: &str, part: &str) {
    let (result, after) = run(text, false);
    let message = result.expect_err("the file should fail");
    assert!(message.contains(part), "{message}");
    assert_eq!(after, text);
}

#[test]
fn every_chunk_is_run_alone() {
    passes(
        "// RUN: expc cat %s\n// CHECK: one\n// CHECK-NOT: two\none\n// -----\n// CHECK: two\ntwo\n",
    );
    fails(
        "// RUN: expc cat %s\n// CHECK: two\none\n// -----\n// CHECK: two\ntwo\n",
        "line 2: not found",
    );
}

#[test]
fn a_failure_shows_command_and_output() {
    let text = "// RUN: expc cat %s\n// CHECK: two\none\n";
    fails(text, "case.mlir:1: expc cat %s\nline 2: not found");
    fails(text, "-- stdout, 1 lines\n    1 | one\n");
}

#[test]
fn every_run_line_has_its_prefix() {
    let text = "// RUN: expc cat %s\n// RUN: expc upper %s --check-prefix=UP\n// CHECK: one\n// UP: ONE\none\n";
    passes(text);
    fails(&text.replace("UP: ONE", "UP: one"), "line 4: not found");
}

#[test]
fn pipes_and_standard_input_work() {
    passes("// RUN: expc cat - | expc upper -\n// CHECK: ONE\none\n");
    fails(
        "// RUN: expc refuse %s | expc cat -\n// CHECK: one\nbad\n",
        "`expc refuse %s` of the pipe failed",
    );
}

#[test]
fn words_are_substituted_and_hidden_again() {
    passes(
        "// RUN: expc write %s %t.out\n// RUN: expc %{word} %t.out --check-prefix=CAT\n// CHECK: wrote %t.out\n// CAT: one\none\n",
    );
}

#[test]
fn diagnostics_are_expected_at_their_lines() {
    let text = "// RUN: expc refuse %s\n// CHECK: fine\nfine\n// -----\n// expected-error@+1: E0204 `bad {{.}}`\nbad a\n";
    passes(text);
    fails(&text.replace("@+1", "@+2"), "was not reported at line 7");
    fails(
        &text.replace("\nbad a", "\ngood"),
        "ended with status 0, expected 1",
    );
    fails(
        &text.replace("bad a", "bad a\nbad b"),
        "not expected:\nerror[E0204]: `bad b`\n  --> %s:7:1",
    );
    fails(
        "// RUN: expc refuse %s\n// CHECK-NOT: x\nbad\n",
        "ended with status 1, expected 0",
    );
}

#[test]
fn not_expects_status_one() {
    let text = "// RUN: not expc refuse %s 2>&1\n// CHECK: error[E0204]\nbad\n";
    passes(text);
    fails(&text.replace("not ", ""), "ended with status 1, expected 0");
    fails(
        &text.replace("refuse", "cat"),
        "ended with status 0, expected 1",
    );
}

#[test]
fn a_panic_fails_the_file() {
    fails(
        "// RUN: expc explode %s\n// CHECK: a\n",
        "panicked: no such command",
    );
}

#[test]
fn faults_of_the_file_are_all_told() {
    fails(
        "// RUN: expc cat %s\n// CHCK: a\n// CHECK-NXT: b\n// CHECK: c\n",
        "lit/case: line 2: `CHCK` is no directive\nlit/case: line 3",
    );
}

#[test]
fn exact_blocks_compare_the_whole_output() {
    let text = "// RUN: expc cat %s\n// EXACT:\n// one\n//   two\none\n  two\n";
    passes(text);
    fails(&text.replace("//   two", "// two"), "-two\n+  two\n");
    fails(
        &text.replace("//   two", "// two"),
        "cargo xtask bless lit/case",
    );
}

#[test]
fn only_blessing_writes() {
    let text = "// RUN: expc cat %s\n// EXACT:\n// old\none\n// -----\n// EXACT:\ntwo\n";
    let (result, after) = run(text, true);
    assert_eq!(result, Ok(()));
    assert_eq!(
        after,
        "// RUN: expc cat %s\n// EXACT:\n// one\none\n// -----\n// EXACT:\n// two\ntwo\n"
    );
    passes(&after);
}

#[test]
fn blessing_does_not_hide_other_failures() {
    let (result, _) = run(
        "// RUN: expc cat %s\n// CHECK: b\n// EXACT:\n// old\n\none\n",
        true,
    );
    assert!(result.unwrap_err().contains("line 2: not found"));
}

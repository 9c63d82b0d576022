//! What a test file may hold, and what is refused.

use super::*;

const RUN: &str = "// RUN: expc opt %s\n";

fn file(text: &str) -> TestFile {
    parse(text).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// Line and message of every fault.
fn faults(text: &str) -> Vec<(usize, String)> {
    let faults = parse(text).err().unwrap_or_default();
    faults
        .into_iter()
        .map(|fault| (fault.line, fault.message))
        .collect()
}

#[track_caller]
fn refused(text: &str, line: usize, message: &str) {
    assert_eq!(faults(text), [(line, message.to_owned())]);
}

#[test]
fn run_lines_become_arguments() {
    let file = file("// RUN: expc opt %s --passes='a,b(c = d)' \"\"\n// CHECK: a\n");
    assert_eq!(
        file.runs[0].stages,
        [["opt", "%s", "--passes=a,b(c = d)", ""]]
    );
    assert_eq!(file.runs[0].prefixes, ["CHECK"]);
    assert!(!file.runs[0].is_negated && !file.runs[0].merges_stderr);
}

#[test]
fn run_lines_may_be_negated_merged_piped_and_continued() {
    let file = file("# RUN: not expc opt %s \\\n# RUN: | expc run - 2>&1\n# CHECK: a\n");
    let run = &file.runs[0];
    assert_eq!(run.stages, [["opt", "%s"], ["run", "-"]]);
    assert!(run.is_negated && run.merges_stderr);
    assert_eq!(run.line, 2);
}

#[test]
fn run_lines_may_name_prefixes() {
    let text = "// RUN: expc a 2>&1 --check-prefix=ONE,TWO\n// RUN: expc b\n// ONE: x\n// TWO-NEXT: y\n// CHECK: z\n";
    let file = file(text);
    assert_eq!(file.runs[0].prefixes, ["ONE", "TWO"]);
    assert_eq!(file.runs[0].stages, [["a"]]);
    assert!(file.runs[0].merges_stderr);
    let prefixes: Vec<_> = file.chunks[0]
        .checks
        .iter()
        .map(|check| &check.prefix)
        .collect();
    assert_eq!(prefixes, ["ONE", "TWO", "CHECK"]);
    assert_eq!(file.chunks[0].checks[1].directive.kind, Kind::Next);
}

#[test]
fn run_lines_with_faults() {
    refused("// CHECK: a\n", 1, "there is no `RUN` line");
    let message = |text| parse_run(1, text).unwrap_err();
    assert_eq!(message("mlir-opt %s"), "expected `expc`, found `mlir-opt`");
    assert_eq!(
        message("expc opt | FileCheck %s"),
        "expected `expc`, found `FileCheck`"
    );
    assert_eq!(message("expc opt |"), "a command is missing");
    assert_eq!(message("expc 'opt"), "`'` is not closed");
}

#[test]
fn chunks_keep_their_lines() {
    let file = file("// RUN: expc opt %s\n// CHECK: a\na\n// -----\n// CHECK: b\nb\n");
    let chunks: Vec<_> = file
        .chunks
        .iter()
        .map(|chunk| (chunk.line, chunk.text.as_str()))
        .collect();
    assert_eq!(
        chunks,
        [
            (1, "// RUN: expc opt %s\n// CHECK: a\na\n"),
            (5, "// CHECK: b\nb\n")
        ]
    );
    assert_eq!(file.chunks[1].checks[0].directive.line, 5);
}

#[test]
fn a_chunk_without_directive_is_refused() {
    let text = format!("{RUN}// CHECK: a\n// -----\n// Prose only.\nb\n");
    refused(&text, 4, "the chunk has no directive");
    let text = format!("{RUN}// CHECK: a\n// -----\n");
    refused(&text, 4, "the chunk has no directive");
}

#[test]
fn a_prefix_without_directive_is_refused() {
    let text = "// RUN: expc a\n// RUN: expc b --check-prefix=B\n// CHECK: a\n";
    refused(text, 1, "no directive begins with `B`");
}

#[test]
fn what_looks_like_a_directive_must_be_one() {
    for (line, message) in [
        ("// CHECK-NXT: a", "`CHECK-NXT` is no directive"),
        ("// CHCK: a", "`CHCK` is no directive"),
        ("// check: a", "`check` is no directive"),
        ("// CHECK a", "`CHECK` without a colon"),
        ("// CHECK-NEXT a", "`CHECK-NEXT` without a colon"),
        (
            "// CHECK{LITERALLY}: a",
            "`CHECK{LITERALLY}` is no directive",
        ),
        ("// FUSED: a", "`FUSED` is no directive"),
        ("// EXACT-FUSED:", "`EXACT-FUSED` is no directive"),
        (
            "// EXACT: a",
            "the lines of an `EXACT` block begin below it",
        ),
        (
            "// expected-eror: E0100 a",
            "`expected-eror` is no directive",
        ),
        (
            "// expected-error E0100 a",
            "`expected-error` without a colon",
        ),
        ("// CHECK: {{a", "`{{` without `}}`"),
        ("op // CHECK-COUNT-0: a", "`CHECK-COUNT-0` is no directive"),
    ] {
        refused(&format!("{RUN}// CHECK: a\n{line}\n"), 3, message);
    }
}

#[test]
fn prose_is_no_directive() {
    let prose = "// See https://example.org/a: it says so.\n// Note: a.\n// A: b\n#map = affine_map<(d0) -> (d0)>\n\
                 // The CHECK: below holds.\n// aten.add.Tensor: no overlap\n";
    assert_eq!(
        file(&format!("{RUN}// CHECK: a\n{prose}")).chunks[0]
            .checks
            .len(),
        1
    );
}

#[test]
fn literal_checks_keep_brackets() {
    let file = file(&format!("{RUN}// CHECK{{LITERAL}}: dense<[[1]]>\n"));
    assert_eq!(
        file.chunks[0].checks[0]
            .directive
            .pattern
            .example(&Default::default()),
        "dense<[[1]]>"
    );
}

#[test]
fn exact_blocks_are_the_comments_below() {
    let file = file(&format!(
        "{RUN}// EXACT:\n// a\n//   b\n//\n// CHECK: c\nop\n// d\n"
    ));
    let exact = &file.chunks[0].exact[0].directive;
    assert_eq!(
        *exact,
        Exact {
            line: 2,
            n_lines: 4,
            text: "a\n  b\n\nCHECK: c".to_owned()
        }
    );
    assert!(file.chunks[0].checks.is_empty());
}

#[test]
fn exact_blocks_may_have_a_prefix() {
    let file = file("// RUN: expc a --check-prefix=B\n// EXACT-B:\n// a\n");
    assert_eq!(file.chunks[0].exact[0].prefix, "B");
}

#[test]
fn diagnostics_are_expected_at_lines() {
    let text = format!(
        "{RUN}// expected-error@below: E0201 a\n// expected-error@+1: E0202 b\nop // expected-warning: E0203\n\
         // expected-note: c\n// expected-error@above: E0204 d\n// expected-error@-3: E0205 e\n\
         // expected-error@unknown: E0206 f\n"
    );
    let expected: Vec<_> = file(&text).chunks[0]
        .expected
        .iter()
        .map(|one| one.place)
        .collect();
    assert_eq!(
        expected,
        [
            Place::Line(4),
            Place::Line(4),
            Place::Line(4),
            Place::Line(5),
            Place::Line(4),
            Place::Line(4),
            Place::Unknown
        ]
    );
}

#[test]
fn places_with_faults() {
    for (line, message) in [
        ("// expected-error@-9: E0201", "`@-9` is above the file"),
        ("// expected-error@below: E0201", "there is no line below"),
        ("// expected-error@above: E0201", "there is no line above"),
    ] {
        refused(&format!("{RUN}{line}\n"), 2, message);
    }
    let found = faults(&format!("{RUN}// expected-error@next: E0201\n"));
    assert!(found[0].1.starts_with("`@next` is no place"), "{found:?}");
}

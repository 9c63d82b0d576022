//! Each rule of FileCheck, with a case that holds and one that does not.

use super::*;

/// Parses `NAME: text` lines, in the place of a test file.
fn checks(directives: &str) -> Vec<Check> {
    let lines = directives.lines().enumerate();
    lines
        .map(|(index, line)| {
            let (name, text) = line.split_once(':').unwrap();
            let kind = Kind::from_suffix(name.strip_prefix("CHECK").unwrap()).unwrap();
            Check::parse(kind, name, index + 1, text, false).unwrap()
        })
        .collect()
}

/// The failures, rendered.
fn failures(directives: &str, output: &str) -> Vec<String> {
    let checks = checks(directives);
    let checks: Vec<_> = checks.iter().collect();
    check(&checks, output)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[track_caller]
fn passes(directives: &str, output: &str) {
    assert_eq!(failures(directives, output), Vec::<String>::new());
}

/// There is one failure, and it is that of this line with this message.
#[track_caller]
fn fails(directives: &str, output: &str, line: usize, message: &str) {
    let found = failures(directives, output);
    let [failure] = found.as_slice() else {
        panic!("expected one failure, found {found:#?}");
    };
    let head = failure.lines().next().unwrap();
    assert!(head.starts_with(&format!("line {line}: ")), "{failure}");
    assert!(head.contains(message), "{failure}");
}

#[test]
fn plain_checks_match_in_order() {
    passes("CHECK: a\nCHECK: b", "a\nx\nb");
    passes("CHECK: a\nCHECK: b", "a b");
    fails("CHECK: b\nCHECK: a", "a\nb", 2, "not found");
}

#[test]
fn a_match_is_not_used_twice() {
    fails("CHECK: a\nCHECK: a", "a", 2, "not found");
}

#[test]
fn next_is_on_the_next_line() {
    passes("CHECK: a\nCHECK-NEXT: b", "a\nb");
    fails(
        "CHECK: a\nCHECK-NEXT: b",
        "a\nx\nb",
        2,
        "not on the line after",
    );
    fails("CHECK: a\nCHECK-NEXT: b", "a b", 2, "on the same line");
}

#[test]
fn same_is_on_the_same_line() {
    passes("CHECK: a\nCHECK-SAME: b", "a x b");
    fails("CHECK: a\nCHECK-SAME: b", "a\nb", 2, "not on the same line");
}

#[test]
fn empty_is_an_empty_line() {
    passes("CHECK: a\nCHECK-EMPTY:\nCHECK-NEXT: b", "a\n\nb");
    passes(
        "CHECK: a\nCHECK-EMPTY:\nCHECK-EMPTY:\nCHECK-NEXT: b",
        "a\n\n\nb",
    );
    fails(
        "CHECK: a\nCHECK-EMPTY:",
        "a\nb\n\nc",
        2,
        "not on the line after",
    );
    fails(
        "CHECK: a\nCHECK-EMPTY:\nCHECK-NEXT: b",
        "a\n\nx\nb",
        3,
        "not on the line after",
    );
}

#[test]
fn not_holds_between_matches() {
    passes("CHECK: a\nCHECK-NOT: x\nCHECK: b", "x\na\nb\nx");
    fails(
        "CHECK: a\nCHECK-NOT: x\nCHECK: b",
        "a\nx\nb",
        2,
        "found in the output",
    );
}

#[test]
fn not_at_the_ends_holds_to_the_ends() {
    fails("CHECK-NOT: x\nCHECK: a", "x\na", 1, "found in the output");
    fails("CHECK: a\nCHECK-NOT: x", "a\nx", 2, "found in the output");
    passes("CHECK-NOT: x", "a");
    fails("CHECK-NOT: x", "x", 1, "found in the output");
}

#[test]
fn not_sees_variables_of_the_match_behind_it() {
    fails(
        "CHECK-NOT: [[A]]\nCHECK: = [[A:[a-z]]]",
        "b\n= b",
        1,
        "found in the output",
    );
}

#[test]
fn dags_match_in_any_order() {
    passes("CHECK-DAG: a\nCHECK-DAG: b\nCHECK: c", "b\na\nc");
    fails(
        "CHECK-DAG: a\nCHECK-DAG: b\nCHECK: c",
        "b\nc\na",
        3,
        "not found",
    );
    fails("CHECK-DAG: a\nCHECK-DAG: z", "a", 2, "not found");
}

#[test]
fn dags_do_not_overlap() {
    passes("CHECK-DAG: a{{.*}}\nCHECK-DAG: a{{.*}}", "a1\na2");
    fails(
        "CHECK-DAG: a{{.*}}\nCHECK-DAG: a{{.*}}",
        "a1",
        2,
        "not found",
    );
    passes(
        "CHECK-DAG: add [[X:[a-z]]]\nCHECK-DAG: add [[Y:[a-z]]]\nCHECK: mul [[Y]]",
        "add p\nadd q\nmul q",
    );
}

#[test]
fn a_not_parts_dags() {
    let directives = "CHECK-DAG: a\nCHECK-DAG: b\nCHECK-NOT: x\nCHECK-DAG: c\nCHECK-DAG: d";
    passes(directives, "b\na\nd\nc\nx");
    fails(directives, "b\na\nx\nd\nc", 3, "found in the output");
    fails(directives, "c\nb\na\nd", 4, "not found");
}

#[test]
fn dags_may_use_what_dags_captured() {
    passes(
        "CHECK-DAG: %[[A:.*]] = one\nCHECK-DAG: use %[[A]]",
        "%p = one\nuse %p",
    );
    fails(
        "CHECK-DAG: %[[A:.*]] = one\nCHECK-DAG: use %[[A]]",
        "%p = one\nuse %q",
        2,
        "not found",
    );
}

#[test]
fn count_matches_so_many_times() {
    passes("CHECK-COUNT-3: a\nCHECK-NOT: a", "a\na\nx a");
    fails("CHECK-COUNT-3: a", "a\na", 1, "not found");
    passes("CHECK-COUNT-2: a\nCHECK-NEXT: b", "a\na\nb");
    assert_eq!(Kind::from_suffix("-COUNT-0"), None);
}

#[test]
fn labels_part_the_output() {
    let directives = "CHECK-LABEL: @f\nCHECK: add\nCHECK-LABEL: @g\nCHECK: mul";
    passes(directives, "@f\nadd\n@g\nmul");
    fails(directives, "@f\n@g\nadd\nmul", 2, "not found");
    fails(
        "CHECK-LABEL: @f\nCHECK: add\nCHECK-LABEL: @h",
        "@f\nadd",
        3,
        "not found",
    );
}

#[test]
fn every_label_has_its_own_failure() {
    let directives =
        "CHECK-LABEL: @f\nCHECK: add\nCHECK-LABEL: @g\nCHECK: mul\nCHECK-LABEL: @h\nCHECK: sub";
    let found = failures(directives, "@f\n@g\nmul\n@h\n");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("line 2") && found[1].starts_with("line 6"));
}

#[test]
fn nots_end_at_a_label() {
    passes(
        "CHECK-LABEL: @f\nCHECK-NOT: add\nCHECK-LABEL: @g\nCHECK: add",
        "@f\n@g\nadd",
    );
    fails(
        "CHECK-LABEL: @f\nCHECK-NOT: add\nCHECK-LABEL: @g",
        "@f\nadd\n@g",
        2,
        "found",
    );
}

#[test]
fn variables_cross_labels() {
    passes(
        "CHECK: #[[M:.*]] = map\nCHECK-LABEL: @f\nCHECK: use #[[M]]",
        "#m = map\n@f\nuse #m",
    );
}

#[test]
fn a_variable_takes_its_last_value() {
    passes(
        "CHECK: %[[A:.]] =\nCHECK: %[[A:.]] =\nCHECK: use %[[A]]",
        "%x = \n%y = \nuse %y",
    );
}

#[test]
fn blanks_are_one() {
    passes("CHECK: a   b", "a \t b");
    passes("CHECK:a b", "a b");
}

#[test]
fn a_relative_check_cannot_come_first() {
    for name in ["CHECK-NEXT: a", "CHECK-SAME: a", "CHECK-EMPTY:"] {
        fails(name, "a", 1, "no match before it");
    }
    passes("CHECK-LABEL: @f\nCHECK-NEXT: a", "@f\na");
}

#[test]
fn an_undefined_variable_is_named() {
    fails("CHECK: [[A]]", "a", 1, "variable `A` is not defined");
    fails("CHECK-NOT: [[A]]", "a", 1, "variable `A` is not defined");
}

#[test]
fn directives_with_faults_are_refused() {
    let parse = |kind, text| Check::parse(kind, "NAME", 1, text, false).unwrap_err();
    assert_eq!(parse(Kind::Plain, "  "), "`NAME` needs a text");
    assert_eq!(parse(Kind::Empty, "a"), "`NAME` takes no text");
    assert_eq!(
        parse(Kind::Label, "[[A:b]]"),
        "`NAME` cannot have variables"
    );
    assert_eq!(
        parse(Kind::Not, "[[A:b]]"),
        "`NAME` cannot capture; write `{{regex}}`"
    );
    assert_eq!(Kind::from_suffix("-NXT"), None);
}

#[test]
fn a_failure_says_where_it_looked() {
    let directives = "CHECK: %[[A:.*]] = aten.mm\nCHECK: aten.relu.default(%[[A]])";
    let output = "%mm = aten.mm\n  %r = aten.relu.Default(%mm)\nreturn";
    let expected = "line 2: not found in the output
    CHECK: aten.relu.default(%[[A]])
  searched from here, output line 1:
    %mm = aten.mm
                 ^
  with `A` = `mm`
  possibly meant, output line 2:
     %r = aten.relu.Default(%mm)
     ^";
    assert_eq!(failures(directives, output), [expected]);
}

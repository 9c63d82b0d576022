//! Each example against what PyTorch prints.

use std::collections::HashMap;

use super::{CASES, Support, markdown};
use crate::trace::code;

/// The printed program without comments and blank lines, its symbols numbered in order of appearance.
fn normalized(text: &str) -> String {
    let lines = text.lines().map(str::trim_end);
    let lines = lines.filter(|line| !line.is_empty() && !line.trim_start().starts_with("# "));
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut symbols: HashMap<String, usize> = HashMap::new();
    let mut renamed = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        let is_symbol = word
            .strip_prefix('s')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()));
        match is_symbol {
            true => {
                let next = symbols.len();
                let number = *symbols.entry(word.clone()).or_insert(next);
                renamed.push_str(&format!("s{number}"));
            }
            false => renamed.push_str(&word),
        }
        word.clear();
        renamed.push(c);
    }
    renamed.trim_end().to_owned()
}

#[test]
fn examples_are_those_of_pytorch() {
    let mut wrong = Vec::new();
    for case in CASES {
        let Some(expected) = case.expected else {
            continue;
        };
        let found = match case.export().and_then(|program| program.text()) {
            Ok(text) => normalized(&text),
            Err(fault) => fault.to_string(),
        };
        let expected = normalized(expected);
        if found != expected {
            wrong.push(format!(
                "{}\nfound:\n{found}\nexpected:\n{expected}",
                case.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_pytorch_refuses_is_refused() {
    let mut n_refused = 0;
    for case in CASES.iter().filter(|case| case.expected.is_none()) {
        assert_eq!(case.support, Support::NotSupportedYet, "{}", case.name);
        let fault = match case.export() {
            Ok(program) => panic!("{}: {:?}", case.name, program.text()),
            Err(fault) => fault,
        };
        let first = fault.iter().next().expect("a fault");
        assert_eq!(first.code, code::UNSUPPORTED, "{}: {fault}", case.name);
        n_refused += 1;
    }
    assert_eq!(n_refused, 1);
}

#[test]
fn all_examples_are_there() {
    assert_eq!(CASES.len(), 36);
    for case in CASES {
        assert!(!case.description().is_empty(), "{}", case.name);
        assert!(case.code().contains("pub fn forward"), "{}", case.name);
    }
    assert!(CASES.is_sorted_by_key(|case| case.name));
}

#[test]
fn the_page_is_up_to_date() {
    let page = include_str!("../../../docs/exportdb.md");
    assert!(
        page == markdown(),
        "`docs/exportdb.md` is stale; write it with `expc exportdb --markdown`"
    );
}

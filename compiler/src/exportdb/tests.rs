//! Each example against what PyTorch prints.

use super::{CASES, Support, markdown};
use crate::trace::{code, normalized};

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

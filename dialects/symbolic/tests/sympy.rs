//! Texts against sympy's: each line of `data/cases.tsv` was printed by sympy with torch's classes.
//!
//! `tools/make_symbolic_cases.py` makes the file. `SYMBOLIC_CASES` names another file of the same form to run instead.

use expc_symbolic::{Expr, Symbol};

fn cases() -> String {
    match std::env::var("SYMBOLIC_CASES") {
        Ok(path) => std::fs::read_to_string(path).expect("the file that SYMBOLIC_CASES names"),
        Err(_) => include_str!("data/cases.tsv").to_string(),
    }
}

/// Runs the check on the three columns of every case and shows the failures.
fn check(test: impl Fn(&str, &str, &str) -> Result<(), String>) {
    let cases = cases();
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in cases.lines() {
        let [input, text, srepr] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("a line of the cases has not three columns: {line}");
        };
        count += 1;
        if let Err(message) = test(input, text, srepr) {
            wrong.push(format!("{input}\n  {message}"));
        }
    }
    assert!(count > 0, "no cases");
    let shown = wrong.iter().take(40).cloned().collect::<Vec<_>>();
    let (n, shown) = (wrong.len(), shown.join("\n"));
    assert!(wrong.is_empty(), "{n} of {count} wrong:\n{shown}");
}

fn expect(found: &str, expected: &str) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("found    {found}\n  expected {expected}"))
}

#[test]
fn prints_as_sympy_does() {
    check(|input, text, srepr| {
        let expr = Expr::parse(input).map_err(|error| format!("{error}\n  expected {text}"))?;
        expect(&expr.to_string(), text)?;
        expect(&expr.to_srepr(), srepr)
    });
}

/// sympy's text is read back to an expression that prints alike; only `Identity` and `CleanDiv` leave no trace in it.
#[test]
fn reads_the_printed_text() {
    check(|_, text, srepr| {
        if srepr.contains("Identity(") || srepr.contains("CleanDiv(") {
            return Ok(());
        }
        let original = Expr::parse(srepr).map_err(|error| error.to_string())?;
        let symbols = original.free_symbols();
        let table = |name: &str| {
            let known = symbols.iter().find(|symbol| symbol.name() == name);
            known.cloned().unwrap_or_else(|| Symbol::torch(name))
        };
        let expr = Expr::parse_with(text, &table).map_err(|error| format!("{text}: {error}"))?;
        expect(&expr.to_string(), text)
    });
}

//! Conditions as Python text, with what symbols stand for in place of the symbols.

use std::collections::BTreeMap;

use expc_symbolic::{Expr, Func, Kind};

/// The text of an expression: `(L['x'].size()[0] % 4) == 0`. Empty if Python has no form for it, or if a symbol in it has
/// no source.
pub fn text(expr: &Expr, sources: &BTreeMap<String, String>) -> String {
    write(expr, sources).unwrap_or_default()
}

fn write(expr: &Expr, sources: &BTreeMap<String, String>) -> Option<String> {
    let one = |expr: &Expr| write(expr, sources);
    let joined = |args: &[Expr], operator: &str| {
        let parts: Option<Vec<String>> = args.iter().map(one).collect();
        Some(format!("({})", parts?.join(operator)))
    };
    match expr.kind() {
        Kind::Number(_) => {
            let text = expr.to_string();
            Some(match text.starts_with('-') {
                true => format!("({text})"),
                false => text,
            })
        }
        Kind::Bool(value) => Some(if *value { "True" } else { "False" }.to_owned()),
        Kind::Symbol(symbol) => sources.get(symbol.name()).cloned(),
        Kind::Add(terms) => joined(terms, " + "),
        Kind::Mul(factors) => joined(factors, "*"),
        Kind::Pow(base, exponent) => Some(format!("({}**{})", one(base)?, one(exponent)?)),
        Kind::Relation(relation, left, right) => Some(format!(
            "{} {} {}",
            one(left)?,
            relation.operator(),
            one(right)?
        )),
        Kind::Call(func, args) => match (func, args.as_slice()) {
            (Func::FloorDiv, [left, right]) => Some(format!("({} // {})", one(left)?, one(right)?)),
            (Func::Mod | Func::PythonMod, [left, right]) => {
                Some(format!("({} % {})", one(left)?, one(right)?))
            }
            (Func::And, args) => joined(args, " and "),
            (Func::Or, args) => joined(args, " or "),
            (Func::Not, [arg]) => Some(format!("not ({})", one(arg)?)),
            (Func::Max | Func::Min, args) => {
                let parts: Option<Vec<String>> = args.iter().map(one).collect();
                Some(format!(
                    "{}({})",
                    func.name().to_lowercase(),
                    parts?.join(", ")
                ))
            }
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_are_read_back() {
        let sources = [("s0".to_owned(), "L['x'].size()[0]".to_owned())].into();
        for (expr, expected) in [
            ("Eq(Mod(s0, 4), 0)", "(L['x'].size()[0] % 4) == 0"),
            ("2*s0 - 1 > 3", "((-1) + (2*L['x'].size()[0])) > 3"),
            ("Ne((s0//2), 1)", "(L['x'].size()[0] // 2) != 1"),
        ] {
            let found = text(&Expr::parse(expr).expect("an expression"), &sources);
            assert_eq!(found, expected);
            expc_symbolic::Guard::parse(&found).expect("a guard");
        }
        assert_eq!(
            text(&Expr::parse("s9 > 3").expect("an expression"), &sources),
            ""
        );
    }
}

//! Expressions as text, exactly as `str` and `srepr` of sympy (with torch's classes) print them.

use std::fmt;

use crate::expr::{Expr, Kind};
use crate::float::to_text;
use crate::func::{ATOM, Func, Relation};
use crate::number::Number;
use crate::order::{arranged, is_lattice, sorted};

/// Binding strengths of sympy's printer.
mod precedence {
    pub const BITWISE_OR: u32 = 36;
    pub const BITWISE_AND: u32 = 38;
    pub const RELATION: u32 = 35;
    pub const ADD: u32 = 40;
    pub const MUL: u32 = 50;
    pub const POW: u32 = 60;
    pub const NOT: u32 = 100;
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_number() {
            // Only a float that stands alone shows all its digits.
            Some(Number::Float(value)) => f.write_str(&to_text(value, 15, false)),
            _ => f.write_str(&print(self)),
        }
    }
}

fn print(expr: &Expr) -> String {
    match expr.kind() {
        Kind::Number(number) => print_number(*number),
        Kind::Bool(value) => if *value { "True" } else { "False" }.into(),
        Kind::Symbol(symbol) => symbol.name().into(),
        Kind::Add(_) => print_sum(expr),
        Kind::Mul(_) => print_product(expr),
        Kind::Pow(base, exponent) => print_power(base, exponent),
        Kind::Relation(relation, left, right) => print_relation(*relation, left, right),
        Kind::Call(func, args) => print_call(*func, args, arranged(expr)),
    }
}

fn print_number(number: Number) -> String {
    match number {
        Number::Int(value) => value.to_string(),
        Number::Rational(p, q) => format!("{p}/{q}"),
        Number::Float(value) => to_text(value, 15, true),
        Number::Infinite { integer, negative } => {
            let sign = if negative { "-" } else { "" };
            let name = if integer { "int_oo" } else { "oo" };
            format!("{sign}{name}")
        }
    }
}

/// How tightly the text of the expression binds.
fn binding(expr: &Expr) -> u32 {
    match expr.kind() {
        Kind::Number(Number::Infinite { integer: true, .. }) => ATOM,
        Kind::Number(number) if number.is_negative() => precedence::ADD,
        Kind::Number(Number::Rational(..)) => precedence::MUL,
        Kind::Number(_) | Kind::Bool(_) | Kind::Symbol(_) => ATOM,
        Kind::Add(_) => precedence::ADD,
        Kind::Mul(factors) => binding_of_product(factors),
        Kind::Pow(..) => precedence::POW,
        Kind::Relation(Relation::Eq | Relation::Ne, ..) => precedence::MUL,
        Kind::Relation(..) => precedence::RELATION,
        Kind::Call(func, _) => func.row().precedence,
    }
}

/// A negative product binds like a sum, unless it holds a function that itself binds less than a product.
fn binding_of_product(factors: &[Expr]) -> u32 {
    let is_loose = |factor: &Expr| match factor.kind() {
        Kind::Call(func, _) => !is_lattice(*func) && func.row().precedence < precedence::MUL,
        _ => false,
    };
    let negative = factors
        .first()
        .and_then(Expr::as_number)
        .is_some_and(Number::is_negative);
    if negative && !factors.iter().any(is_loose) {
        precedence::ADD
    } else {
        precedence::MUL
    }
}

/// The text, in parentheses unless it binds more tightly than the level.
fn parenthesize(expr: &Expr, level: u32) -> String {
    parenthesize_if(binding(expr) <= level, print(expr))
}

fn parenthesize_if(condition: bool, text: String) -> String {
    if condition { format!("({text})") } else { text }
}

fn print_sum(sum: &Expr) -> String {
    let mut result = String::new();
    for term in arranged(sum) {
        let text = print(term);
        let is_sum = matches!(term.kind(), Kind::Add(_));
        let (sign, text) = match text.strip_prefix('-') {
            Some(rest) if !is_sum => ('-', rest.to_string()),
            _ => ('+', text),
        };
        let text = parenthesize_if(binding(term) < precedence::ADD || is_sum, text);
        match (result.is_empty(), sign) {
            (true, '-') => result.push('-'),
            (true, _) => {}
            (false, sign) => {
                result.push(' ');
                result.push(sign);
                result.push(' ');
            }
        }
        result.push_str(&text);
    }
    result
}

/// Numerator over denominator, the sign of the coefficient in front.
fn print_product(product: &Expr) -> String {
    let level = binding(product);
    let mut sign = "";
    let mut ordered = arranged(product).to_vec();
    if let Some(first) = ordered.first_mut()
        && let Some(number) = first.as_number()
        && number.is_negative()
        && let Ok(positive) = number.negated()
    {
        sign = "-";
        *first = Expr::number(positive);
    }
    let (mut above, mut below) = (Vec::new(), Vec::new());
    for factor in &ordered {
        match factor.kind() {
            Kind::Number(Number::Int(1)) => {}
            Kind::Number(Number::Rational(p, q)) => {
                if *p != 1 {
                    above.push(p.to_string());
                }
                below.push(q.to_string());
            }
            Kind::Pow(base, exponent) => match reciprocal(base, exponent) {
                Some(inverse) => below.push(print_denominator(&inverse, base, level)),
                None => above.push(parenthesize(factor, level)),
            },
            _ => above.push(parenthesize(factor, level)),
        }
    }
    if above.is_empty() {
        above.push("1".into());
    }
    let above = above.join("*");
    match below.as_slice() {
        [] => format!("{sign}{above}"),
        [only] => format!("{sign}{above}/{only}"),
        _ => format!("{sign}{above}/({})", below.join("*")),
    }
}

/// `base**-exponent` for a power whose exponent has a negative coefficient.
fn reciprocal(base: &Expr, exponent: &Expr) -> Option<Expr> {
    let (coefficient, _) = exponent.as_coeff_mul().ok()?;
    if !coefficient.is_negative() {
        return None;
    }
    let exponent = exponent.neg().ok()?;
    if exponent.is_one() {
        return Some(base.clone());
    }
    Expr::raw(Kind::Pow(base.clone(), exponent)).ok()
}

fn print_denominator(inverse: &Expr, base: &Expr, level: u32) -> String {
    let text = parenthesize(inverse, level);
    let is_whole_base = inverse == base && matches!(base.kind(), Kind::Mul(_) | Kind::Pow(..));
    parenthesize_if(is_whole_base, text)
}

fn print_power(base: &Expr, exponent: &Expr) -> String {
    match exponent.as_number() {
        Some(Number::Rational(1, 2)) => format!("sqrt({})", print(base)),
        Some(Number::Rational(-1, 2)) => format!("1/sqrt({})", print(base)),
        Some(Number::Int(-1)) => format!("1/{}", parenthesize(base, precedence::POW)),
        _ => format!(
            "{}**{}",
            parenthesize(base, precedence::POW),
            parenthesize(exponent, precedence::POW)
        ),
    }
}

fn print_relation(relation: Relation, left: &Expr, right: &Expr) -> String {
    match relation {
        Relation::Eq => format!("Eq({}, {})", print(left), print(right)),
        Relation::Ne => format!("Ne({}, {})", print(left), print(right)),
        _ => format!(
            "{} {} {}",
            parenthesize(left, precedence::RELATION),
            relation.operator(),
            parenthesize(right, precedence::RELATION)
        ),
    }
}

fn print_call(func: Func, args: &[Expr], arranged: &[Expr]) -> String {
    match (func, args) {
        (Func::And, _) => connected(arranged, " & ", precedence::BITWISE_AND),
        (Func::Or, _) => connected(arranged, " | ", precedence::BITWISE_OR),
        (Func::Not, [arg]) => format!("~{}", parenthesize(arg, precedence::NOT)),
        (Func::FloorDiv | Func::CleanDiv, [base, divisor]) => format!(
            "({}//{})",
            parenthesize(base, ATOM - 1),
            parenthesize(divisor, ATOM - 1)
        ),
        (Func::Identity, [arg]) => format!("({})", print(arg)),
        (Func::Max | Func::Min, _) => format!("{}({})", func.name(), listed(sorted(args))),
        (Func::Piecewise, _) => {
            let pairs: Vec<String> = args
                .chunks(2)
                .map(|pair| format!("({})", listed(pair)))
                .collect();
            format!("{}({})", func.name(), pairs.join(", "))
        }
        _ => format!("{}({})", func.name(), listed(args)),
    }
}

fn connected(args: &[Expr], separator: &str, level: u32) -> String {
    let parts: Vec<String> = args.iter().map(|arg| parenthesize(arg, level)).collect();
    parts.join(separator)
}

fn listed<'a>(args: impl IntoIterator<Item = &'a Expr>) -> String {
    let parts: Vec<String> = args.into_iter().map(print).collect();
    parts.join(", ")
}

impl Expr {
    /// The text that sympy's `srepr` gives, as `.pt2` archives since torch 2.6 store expressions.
    pub fn to_srepr(&self) -> String {
        match self.kind() {
            Kind::Number(number) => srepr_number(*number),
            Kind::Bool(value) => value.to_string(),
            Kind::Symbol(symbol) => {
                let mut text = format!("Symbol({}", quoted(symbol.name()));
                for (assumption, value) in symbol.assumptions() {
                    let value = if *value { "True" } else { "False" };
                    text.push_str(&format!(", {}={value}", assumption.name()));
                }
                text.push(')');
                text
            }
            Kind::Add(_) => srepr_call("Add", arranged(self)),
            Kind::Mul(_) => srepr_product(arranged(self)),
            Kind::Pow(..) => srepr_call("Pow", self.args()),
            Kind::Relation(relation, ..) => srepr_call(relation.class_name(), self.args()),
            Kind::Call(Func::Piecewise, args) => {
                let pairs: Vec<String> = args
                    .chunks(2)
                    .map(|pair| srepr_call("ExprCondPair", pair))
                    .collect();
                format!("Piecewise({})", pairs.join(", "))
            }
            Kind::Call(func, _) if is_lattice(*func) => srepr_call(func.name(), arranged(self)),
            Kind::Call(func, args) => srepr_call(func.name(), args),
        }
    }
}

fn srepr_number(number: Number) -> String {
    match number {
        Number::Int(value) => format!("Integer({value})"),
        Number::Rational(p, q) => format!("Rational({p}, {q})"),
        Number::Float(value) => format!("Float('{}', precision=53)", to_text(value, 17, true)),
        Number::Infinite { integer, negative } => {
            let sign = if negative { "-" } else { "" };
            let name = if integer { "int_oo" } else { "oo" };
            format!("{sign}{name}")
        }
    }
}

/// sympy takes the sign out of a negative coefficient: `Mul(Integer(-1), Integer(2), ...)`.
fn srepr_product(ordered: &[Expr]) -> String {
    let negative = ordered.first().and_then(Expr::as_number);
    if let (Some(number), Some((_, rest))) = (negative, ordered.split_first())
        && number.is_negative()
        && number != Number::NEG_ONE
        && let Ok(positive) = number.negated()
    {
        let (sign, size) = (Expr::int(-1), Expr::number(positive));
        return srepr_call("Mul", [&sign, &size].into_iter().chain(rest));
    }
    srepr_call("Mul", ordered)
}

fn srepr_call<'a>(name: &str, args: impl IntoIterator<Item = &'a Expr>) -> String {
    let parts: Vec<String> = args.into_iter().map(Expr::to_srepr).collect();
    format!("{name}({})", parts.join(", "))
}

/// A Python string literal as `repr` writes it.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut result = String::from(quote);
    for c in text.chars() {
        if c == quote || c == '\\' {
            result.push('\\');
        }
        result.push(c);
    }
    result.push(quote);
    result
}

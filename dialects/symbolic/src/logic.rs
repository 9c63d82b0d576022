//! Relations and connectives, evaluated where the assumptions decide them.
//!
//! A relation keeps the sides in which it was written, as sympy does; that it is the same relation as its mirror image is
//! only seen where a connective drops duplicates.

use std::collections::HashSet;

use crate::assume::{self, parity, sign};
use crate::error::BuildError;
use crate::expr::{Built, Expr, Kind};
use crate::func::{Func, Relation};
use crate::number::Number;
use crate::order::{ordered, sort_order};

/// The relation, or its truth value where that follows from numbers and assumptions.
pub(crate) fn relation(relation: Relation, left: &Expr, right: &Expr) -> Built {
    let is_equality = matches!(relation, Relation::Eq | Relation::Ne);
    if let Some(side) = [left, right].into_iter().find(|side| side.is_boolean())
        && !is_equality
    {
        return Err(BuildError::Type {
            name: relation.operator(),
            expected: "numbers",
            found: side.to_string(),
        });
    }
    let decided = match relation {
        Relation::Eq => equal(left, right),
        Relation::Ne => equal(left, right).map(|value| !value),
        Relation::Ge => at_least(left, right),
        Relation::Lt => at_least(left, right).map(|value| !value),
        Relation::Le => at_least(right, left),
        Relation::Gt => at_least(right, left).map(|value| !value),
    };
    match decided {
        Some(value) => Ok(Expr::bool(value)),
        None => Expr::raw(Kind::Relation(relation, left.clone(), right.clone())),
    }
}

/// `a == b`, where it is decided: equal trees are equal, a difference that is never zero tells them apart.
fn equal(a: &Expr, b: &Expr) -> Option<bool> {
    if a == b {
        return Some(true);
    }
    if let (Some(x), Some(y)) = (a.as_number(), b.as_number()) {
        return Some(x.compare(y).is_eq());
    }
    if a.is_boolean() || b.is_boolean() {
        let both_known = a.as_bool().is_some() && b.as_bool().is_some();
        let one_is_a_number = !(a.is_boolean() && b.is_boolean())
            && a.as_symbol().is_none()
            && b.as_symbol().is_none();
        return (both_known || one_is_a_number).then_some(false);
    }
    let difference = a.sub(b).ok()?;
    match difference.as_number() {
        Some(number) => Some(number.is_zero()),
        None if never_zero(&difference) => Some(false),
        None => None,
    }
}

fn never_zero(expr: &Expr) -> bool {
    sign(expr).nonzero || parity(expr) == Some(false) || is_fraction(expr)
}

/// An integer plus a proper fraction.
fn is_fraction(expr: &Expr) -> bool {
    let Some((first, rest)) = expr.terms().split_first() else {
        return false;
    };
    matches!(first.as_number(), Some(Number::Rational(..))) && rest.iter().all(assume::is_integer)
}

/// `a >= b`, where it is decided: by the values of numbers or by the sign of the difference.
pub(crate) fn at_least(a: &Expr, b: &Expr) -> Option<bool> {
    if let (Some(x), Some(y)) = (a.as_number(), b.as_number()) {
        return Some(x.compare(y).is_ge());
    }
    if [a, b]
        .iter()
        .any(|side| side.as_number().is_some_and(Number::is_infinite))
    {
        return None;
    }
    let difference = a.sub(b).ok()?;
    if let Some(number) = difference.as_number() {
        return Some(!number.is_negative());
    }
    let sign = sign(&difference);
    if sign.nonnegative {
        Some(true)
    } else if sign.negative() {
        Some(false)
    } else {
        None
    }
}

/// `not x`: of a relation the opposite relation.
pub(crate) fn not(arg: &Expr) -> Built {
    match arg.kind() {
        Kind::Bool(value) => Ok(Expr::bool(!value)),
        Kind::Number(number) => Ok(Expr::bool(number.is_zero())),
        Kind::Call(Func::Not, args) if args.len() == 1 => {
            args.first().cloned().map_or_else(|| Ok(arg.clone()), Ok)
        }
        Kind::Relation(op, left, right) => relation(op.negated(), left, right),
        _ => Expr::raw(Kind::Call(Func::Not, vec![arg.clone()])),
    }
}

/// `and` or `or`: flattened, without duplicates and neutral values; `x and not x` is false, `x or not x` true.
pub(crate) fn connective(func: Func, args: &[Expr]) -> Built {
    let absorbing = func == Func::Or;
    let mut flat = Vec::new();
    for arg in args {
        match arg.kind() {
            Kind::Call(inner, inner_args) if *inner == func => {
                flat.extend(inner_args.iter().cloned())
            }
            _ => flat.push(truth(func, arg)?),
        }
    }
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for arg in ordered(&flat) {
        if let Some(value) = arg.as_bool() {
            if value == absorbing {
                return Ok(Expr::bool(absorbing));
            }
            continue;
        }
        let canonical = canonical(arg)?;
        let opposite = self::canonical(&not(arg)?)?;
        if seen.contains(&opposite) {
            return Ok(Expr::bool(absorbing));
        }
        if seen.insert(canonical) {
            kept.push(arg.clone());
        }
    }
    match kept.as_slice() {
        [] => Ok(Expr::bool(!absorbing)),
        [only] => Ok(only.clone()),
        _ => {
            kept.sort();
            Expr::raw(Kind::Call(func, kept))
        }
    }
}

/// The argument as a truth value; the numbers one and zero count as true and false.
fn truth(func: Func, arg: &Expr) -> Built {
    match arg.kind() {
        Kind::Number(number) if number.is_one() => Ok(Expr::bool(true)),
        Kind::Number(number) if number.is_zero() => Ok(Expr::bool(false)),
        Kind::Symbol(_) => Ok(arg.clone()),
        _ if arg.is_boolean() => Ok(arg.clone()),
        _ => Err(BuildError::Type {
            name: func.name(),
            expected: "truth values",
            found: arg.to_string(),
        }),
    }
}

/// One representative of a relation and its mirror images: a number on the right, no leading minus on the left.
fn canonical(expr: &Expr) -> Built {
    let Kind::Relation(op, left, right) = expr.kind() else {
        return Ok(expr.clone());
    };
    let (mut op, mut left, mut right) = (*op, left.clone(), right.clone());
    let swap = match (left.as_number(), right.as_number()) {
        (Some(_), None) => true,
        (None, Some(_)) => false,
        _ => sort_order(&left, &right).is_gt(),
    };
    if swap {
        op = op.reversed();
        std::mem::swap(&mut left, &mut right);
    }
    if has_leading_minus(&left) {
        (op, left, right) = (op.reversed(), left.neg()?, right.neg()?);
    }
    Expr::raw(Kind::Relation(op, left, right))
}

/// Whether a minus sign can be taken out: a negative coefficient, or more negative than positive terms.
fn has_leading_minus(expr: &Expr) -> bool {
    match expr.kind() {
        Kind::Number(number) => number.is_negative(),
        Kind::Mul(factors) => factors
            .first()
            .and_then(Expr::as_number)
            .is_some_and(Number::is_negative),
        Kind::Add(terms) => {
            2 * terms.iter().filter(|term| has_leading_minus(term)).count() > terms.len()
        }
        _ => false,
    }
}

//! Maximum and minimum.

use std::collections::HashSet;

use crate::assume::{is_integer, sign};
use crate::error::BuildError;
use crate::expr::{Built, Expr, Kind};
use crate::func::Func;
use crate::number::Number;

/// `Max` or `Min` of the arguments: flattened, numbers folded, duplicates and absorbed arguments dropped.
///
/// - `max(a, max(b, c)) = max(a, b, c)`, `max(a, a) = a`
/// - `max(a, min(a, b)) = a`, `max(2, min(1, b)) = 2`
/// - `max(0, x) = x` for `x >= 0` and `max(1, x) = x` for an integer `x > 0`
pub(crate) fn extreme(func: Func, args: &[Expr]) -> Built {
    let mut number: Option<Number> = None;
    let mut others = Vec::new();
    for arg in flatten(func, args) {
        if arg.is_boolean() {
            return Err(BuildError::Type {
                name: func.name(),
                expected: "numbers",
                found: arg.to_string(),
            });
        }
        match (arg.as_number(), number) {
            (Some(value), Some(best)) if !is_better(func, value, best) => {}
            (Some(value), _) => number = Some(value),
            (None, _) => others.push(arg.clone()),
        }
    }
    others.sort();
    others.dedup();
    drop_absorbed(func, number, &mut others);
    let Some(best) = number else {
        return single_or_call(func, others);
    };
    if is_absorbing(func, best) || others.is_empty() {
        return Ok(Expr::number(best));
    }
    if let [only] = others.as_slice()
        && is_floor(best, only)
    {
        return Ok(match func {
            Func::Max => only.clone(),
            _ => Expr::number(best),
        });
    }
    if !best.is_infinite() || matches!(best, Number::Infinite { integer: true, .. }) {
        others.push(Expr::number(best));
    }
    single_or_call(func, others)
}

fn single_or_call(func: Func, mut args: Vec<Expr>) -> Built {
    if let [only] = args.as_slice() {
        return Ok(only.clone());
    }
    args.sort();
    Expr::raw(Kind::Call(func, args))
}

fn flatten(func: Func, args: &[Expr]) -> impl Iterator<Item = &Expr> {
    args.iter().flat_map(move |arg| match arg.kind() {
        Kind::Call(inner, inner_args) if *inner == func => inner_args.as_slice(),
        _ => std::slice::from_ref(arg),
    })
}

/// Whether the value takes the place of the best so far.
fn is_better(func: Func, value: Number, best: Number) -> bool {
    let order = value.compare(best);
    if func == Func::Max {
        order.is_gt()
    } else {
        order.is_lt()
    }
}

/// `oo` for the maximum, `-oo` for the minimum.
fn is_absorbing(func: Func, value: Number) -> bool {
    matches!(value, Number::Infinite { integer: false, negative } if negative == (func == Func::Min))
}

/// `value <= x` by what is assumed of `x`, for the values zero and one.
fn is_floor(value: Number, x: &Expr) -> bool {
    let sign = sign(x);
    (value.is_zero() && sign.nonnegative)
        || (value.compare(Number::ONE).is_eq() && sign.positive() && is_integer(x))
}

/// Drops each argument of the opposite kind that contains another argument, or a number that the best one outdoes.
fn drop_absorbed(func: Func, best: Option<Number>, args: &mut Vec<Expr>) {
    let opposite = if func == Func::Max {
        Func::Min
    } else {
        Func::Max
    };
    let all: HashSet<Expr> = args.iter().cloned().collect();
    let absorbs = |inner: &Expr| match (inner.as_number(), best) {
        (Some(inner), Some(best)) => !is_better(func, inner, best),
        _ => all.contains(inner),
    };
    args.retain(|arg| match arg.kind() {
        Kind::Call(inner, inner_args) if *inner == opposite => !inner_args.iter().any(absorbs),
        _ => true,
    });
}

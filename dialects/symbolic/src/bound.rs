//! Interval arithmetic: the range of an expression from the ranges of its symbols.
//!
//! Every range is sound: it holds each value that the expression can have for values of the symbols within theirs.
//! Bounds that would overflow become infinite, bounds of floats are widened by the error of one operation.

use crate::expr::{Expr, Kind};
use crate::func::{Func, Relation, Sort};
use crate::number::Number;
use crate::range::{Env, ValueRange};

/// The range of values that the expression can have.
pub fn bound(expr: &Expr, env: &Env) -> ValueRange {
    match expr.kind() {
        Kind::Number(number) => ValueRange::single(*number),
        Kind::Bool(value) => ValueRange::bools(!value, *value),
        Kind::Symbol(symbol) => env.range(symbol),
        Kind::Add(terms) => fold_ranges(terms, env, ValueRange::single(Number::ZERO), add),
        Kind::Mul(factors) => fold_ranges(factors, env, ValueRange::single(Number::ONE), mul),
        Kind::Pow(base, exponent) => power(&bound(base, env), &bound(exponent, env)),
        Kind::Relation(relation, left, right) => {
            relate(*relation, &bound(left, env), &bound(right, env))
        }
        Kind::Call(func, args) => call(*func, args, env),
    }
}

/// Whether a truth value is decided by the ranges; none if it is not, or if the expression is a number.
pub fn statically(expr: &Expr, env: &Env) -> Option<bool> {
    if let Kind::Relation(relation, left, right) = expr.kind()
        && let Ok(difference) = left.sub(right)
    {
        // The difference knows what the sides have in common, the sides can be truth values.
        let zero = ValueRange::single(Number::ZERO);
        let decided = relate(*relation, &bound(&difference, env), &zero).as_bool();
        if decided.is_some() {
            return decided;
        }
    }
    if let Kind::Call(func @ (Func::And | Func::Or), args) = expr.kind() {
        let absorbing = *func == Func::Or;
        let decided: Vec<_> = args.iter().map(|arg| statically(arg, env)).collect();
        return if decided.contains(&Some(absorbing)) {
            Some(absorbing)
        } else if decided.contains(&None) {
            None
        } else {
            Some(!absorbing)
        };
    }
    bound(expr, env).as_bool()
}

fn fold_ranges(
    args: &[Expr],
    env: &Env,
    neutral: ValueRange,
    combine: fn(&ValueRange, &ValueRange) -> ValueRange,
) -> ValueRange {
    args.iter()
        .fold(neutral, |range, arg| combine(&range, &bound(arg, env)))
}

/// Infinity of the kind of the operands, towards which a bound that overflows goes.
fn infinity(is_int: bool, negative: bool) -> Number {
    Number::Infinite {
        integer: is_int,
        negative,
    }
}

/// A range from bounds that may be missing because they overflow, widened if they are rounded.
fn range_of(lower: Option<Number>, upper: Option<Number>, is_int: bool) -> ValueRange {
    let lower = lower.map_or(infinity(is_int, true), |n| widen(n, true));
    let upper = upper.map_or(infinity(is_int, false), |n| widen(n, false));
    ValueRange::new(lower, upper).unwrap_or_else(|| unknown(is_int))
}

fn unknown(is_int: bool) -> ValueRange {
    if is_int {
        ValueRange::all_ints()
    } else {
        ValueRange::all()
    }
}

/// Moves a float outwards by four units in the last place, more than any operation errs.
fn widen(number: Number, down: bool) -> Number {
    match number {
        Number::Float(mut value) => {
            for _ in 0..4 {
                value = if down {
                    value.next_down()
                } else {
                    value.next_up()
                };
            }
            Number::float(value).unwrap_or(number)
        }
        _ => number,
    }
}

fn add(a: &ValueRange, b: &ValueRange) -> ValueRange {
    let sum = |x: Number, y: Number| x.plus(y).ok();
    range_of(
        sum(a.lower(), b.lower()),
        sum(a.upper(), b.upper()),
        a.is_int() && b.is_int(),
    )
}

/// The product takes its extremes at the corners; zero times an open end is zero.
fn mul(a: &ValueRange, b: &ValueRange) -> ValueRange {
    corners(a, b, |x, y| {
        if x.is_zero() || y.is_zero() {
            Some(Number::ZERO)
        } else {
            x.times(y).ok()
        }
    })
}

/// The range of a function that takes its extremes at the corners; unknown where a corner overflows.
fn corners(
    a: &ValueRange,
    b: &ValueRange,
    value: impl Fn(Number, Number) -> Option<Number>,
) -> ValueRange {
    let is_int = a.is_int() && b.is_int();
    let mut lower: Option<Number> = None;
    let mut upper: Option<Number> = None;
    for x in [a.lower(), a.upper()] {
        for y in [b.lower(), b.upper()] {
            let Some(corner) = value(x, y) else {
                return unknown(is_int);
            };
            if lower.is_none_or(|least| corner.compare(least).is_lt()) {
                lower = Some(corner);
            }
            if upper.is_none_or(|most| corner.compare(most).is_gt()) {
                upper = Some(corner);
            }
        }
    }
    range_of(lower, upper, is_int)
}

fn power(base: &ValueRange, exponent: &ValueRange) -> ValueRange {
    let is_int = base.is_int() && exponent.is_int() && !exponent.lower().is_negative();
    match exponent.singleton() {
        Some(Number::Int(e)) if e >= 0 => {
            let at = |x: Number| x.pow_int(e).ok();
            let monotonic = e % 2 != 0 || !base.lower().is_negative();
            if monotonic {
                return range_of(at(base.lower()), at(base.upper()), is_int);
            }
            if base.upper().is_negative() {
                return range_of(at(base.upper()), at(base.lower()), is_int);
            }
            let (left, right) = (at(base.lower()), at(base.upper()));
            let most = match (left, right) {
                (Some(x), Some(y)) if x.compare(y).is_gt() => Some(x),
                (Some(_), Some(y)) => Some(y),
                _ => None,
            };
            range_of(Some(Number::ZERO), most, is_int)
        }
        // A base of at least one grows with the exponent, and with itself.
        _ if is_int && base.lower().compare(Number::ONE).is_ge() => {
            let at = |base: Number, exponent: Number| match exponent {
                Number::Int(e) => base.pow_int(e).ok(),
                _ => None,
            };
            let lower = at(base.lower(), exponent.lower()).unwrap_or(Number::ONE);
            range_of(Some(lower), at(base.upper(), exponent.upper()), true)
        }
        _ if base.lower().is_positive() => range_of(Some(Number::ZERO), None, false),
        _ => ValueRange::all(),
    }
}

fn relate(relation: Relation, a: &ValueRange, b: &ValueRange) -> ValueRange {
    let (can_be_less, can_be_greater) = (
        a.lower().compare(b.upper()).is_lt(),
        a.upper().compare(b.lower()).is_gt(),
    );
    let can_be_equal = a.lower().compare(b.upper()).is_le() && b.lower().compare(a.upper()).is_le();
    let possible = [
        (can_be_less, std::cmp::Ordering::Less),
        (can_be_equal, std::cmp::Ordering::Equal),
        (can_be_greater, std::cmp::Ordering::Greater),
    ];
    let outcome = |value: bool| {
        possible
            .iter()
            .any(|(possible, order)| *possible && relation.holds(*order) == value)
    };
    ValueRange::bools(outcome(false), outcome(true))
}

fn call(func: Func, args: &[Expr], env: &Env) -> ValueRange {
    let is_int = func.row().sort == Sort::Int;
    let ranges: Vec<ValueRange> = args.iter().map(|arg| bound(arg, env)).collect();
    match (func, ranges.as_slice()) {
        (Func::Max, ranges) => extreme(ranges, |order| order.is_gt()),
        (Func::Min, ranges) => extreme(ranges, |order| order.is_lt()),
        (Func::And, ranges) => ValueRange::bools(
            ranges.iter().any(|range| range.as_bool() != Some(true)),
            ranges.iter().all(|range| range.as_bool() != Some(false)),
        ),
        (Func::Or, ranges) => ValueRange::bools(
            ranges.iter().all(|range| range.as_bool() != Some(true)),
            ranges.iter().any(|range| range.as_bool() != Some(false)),
        ),
        (Func::Not, [range]) => match range.as_bool() {
            Some(value) => ValueRange::bools(value, !value),
            None => ValueRange::bools(true, true),
        },
        (Func::FloorDiv | Func::CleanDiv, [base, divisor]) => floor_div(base, divisor),
        (Func::Mod | Func::PythonMod, [_, modulus]) | (Func::ModularIndexing, [_, _, modulus]) => {
            modulo(&ranges, modulus)
        }
        (Func::Where, [condition, yes, no]) => match condition.as_bool() {
            Some(true) => *yes,
            Some(false) => *no,
            None => yes.union(no),
        },
        (Func::Piecewise, ranges) => ranges
            .iter()
            .step_by(2)
            .copied()
            .reduce(|a, b| a.union(&b))
            .unwrap_or_else(ValueRange::all),
        (Func::PowByNatural, [base, exponent]) => power(base, exponent),
        (Func::IntTrueDiv | Func::FloatTrueDiv, [base, divisor]) => true_div(base, divisor),
        (Func::Abs, [range]) => absolute(range),
        (Func::Identity, [range]) => *range,
        (Func::IsNonOverlappingAndDense, _) => {
            range_of(Some(Number::ZERO), Some(Number::ONE), true)
        }
        (Func::BitwiseAnd, [a, b]) if is_natural(a) && is_natural(b) => {
            let upper = if a.upper().compare(b.upper()).is_lt() {
                a.upper()
            } else {
                b.upper()
            };
            range_of(Some(Number::ZERO), Some(upper), true)
        }
        (Func::BitwiseOr | Func::BitwiseXor, [a, b]) if is_natural(a) && is_natural(b) => {
            range_of(Some(Number::ZERO), a.upper().plus(b.upper()).ok(), true)
        }
        (Func::Sin | Func::Cos, _) => range_of(Some(Number::NEG_ONE), Some(Number::ONE), false),
        (_, [range]) => monotonic(func, range),
        _ => unknown(is_int),
    }
}

fn is_natural(range: &ValueRange) -> bool {
    range.is_int() && !range.is_bool() && !range.lower().is_negative()
}

fn extreme(ranges: &[ValueRange], better: fn(std::cmp::Ordering) -> bool) -> ValueRange {
    let pick = |a: Number, b: Number| if better(a.compare(b)) { a } else { b };
    ranges
        .iter()
        .copied()
        .reduce(|a, b| {
            ValueRange::new(pick(a.lower(), b.lower()), pick(a.upper(), b.upper()))
                .unwrap_or_else(|| a.union(&b))
        })
        .unwrap_or_else(ValueRange::all)
}

/// The quotient over a divisor that is never zero takes its extremes at the corners.
fn floor_div(base: &ValueRange, divisor: &ValueRange) -> ValueRange {
    if divisor.contains(Number::ZERO) {
        return unknown(base.is_int() && divisor.is_int());
    }
    if !base.is_int() || !divisor.is_int() {
        return ValueRange::all();
    }
    corners(base, divisor, |a, b| match (a, b) {
        (Number::Int(a), Number::Int(b)) => floor_div_ints(a, b).map(Number::Int),
        // A finite number over an open end comes near zero, from below if the signs differ.
        (Number::Int(a), _) => Some(Number::Int(-i128::from(
            a != 0 && (a < 0) != b.is_negative(),
        ))),
        (_, Number::Int(_)) => a.times(b).ok(),
        // An open end over an open end can be anything between zero and that end; the other corners give the rest.
        _ if a.is_negative() == b.is_negative() => Some(Number::ZERO),
        _ => Some(Number::NEG_ONE),
    })
}

fn floor_div_ints(a: i128, b: i128) -> Option<i128> {
    let quotient = a.checked_div(b)?;
    let rest = a.checked_rem(b)?;
    let rounds_up = rest != 0 && (rest < 0) != (b < 0);
    quotient.checked_sub(i128::from(rounds_up))
}

/// The remainder lies between zero and the divisor, and where the dividend already does, it is the dividend.
fn modulo(ranges: &[ValueRange], modulus: &ValueRange) -> ValueRange {
    let is_int = ranges.iter().all(ValueRange::is_int);
    if !is_int || modulus.contains(Number::ZERO) {
        return unknown(is_int);
    }
    let below = |n: Number| n.plus(Number::NEG_ONE).ok();
    let above = |n: Number| n.plus(Number::ONE).ok();
    if modulus.upper().is_negative() {
        return range_of(above(modulus.lower()), Some(Number::ZERO), true);
    }
    if let [dividend, _] = ranges
        && !dividend.lower().is_negative()
    {
        if dividend.upper().compare(modulus.lower()).is_lt() {
            return *dividend;
        }
        let limit = range_of(Some(Number::ZERO), below(modulus.upper()), true);
        let most = range_of(Some(Number::ZERO), Some(dividend.upper()), true);
        return limit.intersect(&most).unwrap_or(limit);
    }
    range_of(Some(Number::ZERO), below(modulus.upper()), true)
}

fn true_div(base: &ValueRange, divisor: &ValueRange) -> ValueRange {
    if divisor.contains(Number::ZERO) {
        return ValueRange::all();
    }
    let quotient = corners(base, divisor, |a, b| {
        Number::float(a.to_f64() / b.to_f64()).ok()
    });
    range_of(Some(quotient.lower()), Some(quotient.upper()), false)
}

fn absolute(range: &ValueRange) -> ValueRange {
    let (lower, upper) = (range.lower(), range.upper());
    if !lower.is_negative() {
        return *range;
    }
    let negated = (upper.negated().ok(), lower.negated().ok());
    if upper.is_negative() {
        return range_of(negated.0, negated.1, range.is_int());
    }
    let most = match negated.1 {
        Some(n) if n.compare(upper).is_gt() => Some(n),
        Some(_) => Some(upper),
        None => None,
    };
    range_of(Some(Number::ZERO), most, range.is_int())
}

/// Functions of one argument that grow with it: their value at the bounds.
fn monotonic(func: Func, range: &ValueRange) -> ValueRange {
    let is_int = func.row().sort == Sort::Int;
    let at = |end: Number| -> Option<Number> {
        match func {
            Func::FloorToInt | Func::Floor => end.floor().ok(),
            Func::CeilToInt | Func::Ceiling => end.negated().ok()?.floor().ok()?.negated().ok(),
            Func::TruncToInt if end.is_negative() => {
                end.negated().ok()?.floor().ok()?.negated().ok()
            }
            Func::TruncToInt => end.floor().ok(),
            Func::RoundToInt if end.is_infinite() => end.floor().ok(),
            Func::RoundToInt => Number::from_integral(end.to_f64().round_ties_even()).ok(),
            Func::TruncToFloat => Number::float(end.to_f64().trunc()).ok(),
            Func::ToFloat => Number::float(end.to_f64()).ok(),
            _ => Number::float(func.math()?(end.to_f64())).ok(),
        }
    };
    let grows = match func {
        Func::Sqrt | Func::Log | Func::Log2 => !range.lower().is_negative(),
        Func::Exp | Func::Atan | Func::Asinh | Func::Sinh | Func::Tanh => true,
        Func::FloorToInt | Func::Floor | Func::CeilToInt | Func::Ceiling => true,
        Func::TruncToInt | Func::RoundToInt | Func::TruncToFloat | Func::ToFloat => true,
        _ => false,
    };
    if !grows {
        return unknown(is_int);
    }
    range_of(at(range.lower()), at(range.upper()), is_int)
}

//! Functions of the table, evaluated on construction as torch evaluates them.
//!
//! Each rule stands under the identity that it uses. `float` stands for a rounding to 53 bits.

use crate::assume::{is_integer, parity, sign};
use crate::error::BuildError;
use crate::expr::{Built, Expr, Kind};
use crate::func::{Func, Relation};
use crate::number::{Number, gcd};
use crate::{lattice, logic};

type Folded = Result<Option<Expr>, BuildError>;

/// The function of the arguments, evaluated where a rule applies.
pub(crate) fn call(func: Func, args: Vec<Expr>) -> Built {
    let (least, most) = func.row().arity;
    if args.len() < least || args.len() > most {
        return Err(BuildError::Arity {
            name: func.name(),
            expected: match most {
                usize::MAX => format!("at least {least}"),
                _ => most.to_string(),
            },
            found: args.len(),
        });
    }
    let folded = match (func, args.as_slice()) {
        (Func::Max | Func::Min, args) => return lattice::extreme(func, args),
        (Func::And | Func::Or, args) => return logic::connective(func, args),
        (Func::Not, [arg]) => return logic::not(arg),
        (Func::BitwiseAnd | Func::BitwiseOr | Func::BitwiseXor, [a, b]) => bitwise(func, a, b)?,
        (Func::Where, [condition, yes, no]) => conditional(condition, yes, no),
        (Func::Piecewise, args) => piecewise(args)?,
        (_, args) => {
            if let Some(arg) = args.iter().find(|arg| arg.is_boolean()) {
                return Err(BuildError::Type {
                    name: func.name(),
                    expected: "numbers",
                    found: arg.to_string(),
                });
            }
            numeric(func, args)?
        }
    };
    match folded {
        Some(expr) => Ok(expr),
        None => Expr::raw(Kind::Call(func, args)),
    }
}

/// The functions of numbers.
fn numeric(func: Func, args: &[Expr]) -> Folded {
    match (func, args) {
        (Func::FloorDiv | Func::CleanDiv, [base, divisor]) => floor_div(base, divisor),
        // ceil(a/b) = floor((a + b - 1)/b) for b > 0
        (Func::CeilDiv, [base, divisor]) => {
            let base = Expr::add([base.clone(), divisor.clone(), Expr::int(-1)])?;
            Expr::call(Func::FloorDiv, vec![base, divisor.clone()]).map(Some)
        }
        (Func::Mod | Func::PythonMod, [p, q]) => modulo(p, q),
        (Func::ModularIndexing, [base, divisor, modulus]) => {
            modular_indexing(base, divisor, modulus)
        }
        (Func::LShift | Func::RShift, [base, count]) => shift(func, base, count),
        (Func::PowByNatural, [base, exponent]) => natural_power(base, exponent),
        (Func::FloatPow, [base, exponent]) => with_numbers(base, exponent, |b, e| {
            Expr::float(b.to_f64().powf(e.to_f64()))
        }),
        (Func::IntTrueDiv | Func::FloatTrueDiv, [base, divisor]) => true_div(func, base, divisor),
        (Func::RoundDecimal, [number, digits]) => round_decimal(number, digits),
        (Func::IsNonOverlappingAndDense, args) => dense(args),
        (_, [arg]) => unary(func, arg),
        _ => Ok(None),
    }
}

fn with_numbers(a: &Expr, b: &Expr, value: impl FnOnce(Number, Number) -> Built) -> Folded {
    match (a.as_number(), b.as_number()) {
        (Some(a), Some(b)) => value(a, b).map(Some),
        _ => Ok(None),
    }
}

fn floor_div(base: &Expr, divisor: &Expr) -> Folded {
    if divisor.is_zero() {
        return Err(BuildError::DivisionByZero("//"));
    }
    // 0//b = 0
    if base.is_zero() {
        return Ok(Some(Expr::int(0)));
    }
    // a//1 = a, a//-1 = -a for an integer a
    if is_integer(base) {
        match divisor.as_number() {
            Some(number) if number.compare(Number::ONE).is_eq() => return Ok(Some(base.clone())),
            Some(number) if number.compare(Number::NEG_ONE).is_eq() => return base.neg().map(Some),
            _ => {}
        }
    }
    // a//a = 1
    if base == divisor {
        return Ok(Some(Expr::int(1)));
    }
    if let (Some(a), Some(b)) = (base.as_number(), divisor.as_number()) {
        return floor_div_numbers(a, b);
    }
    if sign(divisor).nonnegative
        && let Some(quotient) = merge_divisors(base, divisor)?
    {
        return Ok(Some(quotient));
    }
    if let Some(split) = split_whole_terms(base, divisor)? {
        return Ok(Some(split));
    }
    if let Some(quotient) = divide_by_sum(base, divisor)? {
        return Ok(Some(quotient));
    }
    cancel_common_factor(base, divisor)
}

/// (a//b)//c = a//(b*c) for c >= 0
pub(crate) fn merge_divisors(base: &Expr, divisor: &Expr) -> Folded {
    let Kind::Call(Func::FloorDiv | Func::CleanDiv, inner) = base.kind() else {
        return Ok(None);
    };
    let [a, b] = inner.as_slice() else {
        return Ok(None);
    };
    let divisor = Expr::mul([b.clone(), divisor.clone()])?;
    Expr::call(Func::FloorDiv, vec![a.clone(), divisor]).map(Some)
}

/// (q*b)//b = q for an integer q and a sum b, by division of polynomials
fn divide_by_sum(base: &Expr, divisor: &Expr) -> Folded {
    const MAX_TERMS: usize = 16;
    let [lead, _, ..] = divisor.terms() else {
        return Ok(None);
    };
    let mut rest = base.expand()?;
    let mut quotients = Vec::new();
    while quotients.len() < MAX_TERMS && !rest.is_zero() {
        let mut quotient = None;
        for term in rest.terms() {
            let ratio = term.div(lead)?;
            if is_integer(&ratio) {
                quotient = Some(ratio);
                break;
            }
        }
        let Some(quotient) = quotient else {
            return Ok(None);
        };
        let product = Expr::mul([quotient.clone(), divisor.clone()])?;
        rest = rest.sub(&product.expand()?)?;
        quotients.push(quotient);
    }
    match rest.is_zero() {
        true => Expr::add(quotients).map(Some),
        false => Ok(None),
    }
}

fn floor_div_numbers(a: Number, b: Number) -> Folded {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => {
            let quotient = a.checked_div_euclid(b).ok_or(BuildError::Overflow)?;
            // Euclidean division rounds up where the divisor is negative and does not divide.
            let exact = a.checked_rem(b) == Some(0);
            let value = if b < 0 && !exact {
                quotient.checked_sub(1)
            } else {
                Some(quotient)
            };
            value
                .map(|value| Some(Expr::int(value)))
                .ok_or(BuildError::Overflow)
        }
        _ if a.is_infinite() || b.is_infinite() => {
            let value = Number::float(a.to_f64() / b.to_f64())?.floor()?;
            Ok(Some(Expr::number(value)))
        }
        _ => Ok(None),
    }
}

/// (b*k + r)//b = k + r//b for an integer k
fn split_whole_terms(base: &Expr, divisor: &Expr) -> Folded {
    if divisor.as_int().is_none() {
        return Ok(None);
    }
    let (mut quotients, mut rest) = (Vec::new(), Vec::new());
    for term in base.terms() {
        let quotient = term.div(divisor)?;
        if is_integer(&quotient) {
            quotients.push(quotient);
        } else {
            rest.push(term.clone());
        }
    }
    if quotients.is_empty() {
        return Ok(None);
    }
    let rest = Expr::call(Func::FloorDiv, vec![Expr::add(rest)?, divisor.clone()])?;
    quotients.push(rest);
    Expr::add(quotients).map(Some)
}

/// (a*c)//(b*c) = a//b for c that is not zero
fn cancel_common_factor(base: &Expr, divisor: &Expr) -> Folded {
    let mut common = Expr::int(gcd(integer_factor(base)?, integer_factor(divisor)?)?);
    let stripped = divisor.div(&common)?;
    for factor in stripped.factors() {
        let divides_all = factor.as_number().is_none()
            && base
                .terms()
                .iter()
                .all(|term| term.factors().contains(factor));
        if divides_all {
            common = Expr::mul([common, factor.clone()])?;
        }
    }
    if common.is_one() {
        return Ok(None);
    }
    let divide = |expr: &Expr| {
        let quotients = expr
            .terms()
            .iter()
            .map(|term| term.div(&common))
            .collect::<Result<Vec<_>, _>>()?;
        Expr::add(quotients)
    };
    Expr::call(Func::FloorDiv, vec![divide(base)?, divide(divisor)?]).map(Some)
}

/// The greatest integer that divides every term's coefficient.
fn integer_factor(expr: &Expr) -> Result<i128, BuildError> {
    expr.terms().iter().try_fold(0, |factor, term| {
        let coefficient = match term.factors().first().and_then(Expr::as_number) {
            Some(Number::Int(value)) => value,
            _ => 1,
        };
        gcd(factor, coefficient)
    })
}

fn modulo(p: &Expr, q: &Expr) -> Folded {
    if q.is_zero() {
        return Err(BuildError::DivisionByZero("%"));
    }
    // 0 % q = q % q = -q % q = p % 1 = 0
    if p.as_int() == Some(0) || q.is_one() || p == q || *p == q.neg()? {
        return Ok(Some(Expr::int(0)));
    }
    if let (Some(a), Some(b)) = (p.as_number(), q.as_number()) {
        return modulo_numbers(a, b);
    }
    // p % 2 is the parity of p
    if q.as_int() == Some(2)
        && let Some(even) = parity(p)
    {
        return Ok(Some(Expr::int(if even { 0 } else { 1 })));
    }
    // (q*k) % q = 0 for an integer k
    let ratio = p.div(q)?;
    if is_integer(&ratio) {
        return Ok(Some(Expr::int(0)));
    }
    // p % q = p for 0 < p < q
    let is_less = logic::relation(Relation::Lt, p, q)?;
    if is_less.as_bool() == Some(true) && sign(p).positive() {
        return Ok(Some(p.clone()));
    }
    Ok(None)
}

fn modulo_numbers(a: Number, b: Number) -> Folded {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => {
            let rest = a.checked_rem(b).ok_or(BuildError::Overflow)?;
            // Python's remainder has the sign of the divisor.
            let value = if rest != 0 && (rest < 0) != (b < 0) {
                rest.checked_add(b)
            } else {
                Some(rest)
            };
            value
                .map(|value| Some(Expr::int(value)))
                .ok_or(BuildError::Overflow)
        }
        _ if a.is_infinite() || b.is_infinite() => Err(BuildError::NotReal("oo % x")),
        _ => Ok(None),
    }
}

fn modular_indexing(base: &Expr, divisor: &Expr, modulus: &Expr) -> Folded {
    // 0//b % m = a//b % 1 = 0
    if base.is_zero() || modulus.is_one() {
        return Ok(Some(Expr::int(0)));
    }
    match (base.as_int(), divisor.as_int(), modulus.as_int()) {
        (Some(_), Some(_), Some(_)) => {
            let quotient = Expr::call(Func::FloorDiv, vec![base.clone(), divisor.clone()])?;
            Expr::call(Func::PythonMod, vec![quotient, modulus.clone()]).map(Some)
        }
        _ => Ok(None),
    }
}

/// a << n = a * 2**n, a >> n = a // 2**n
fn shift(func: Func, base: &Expr, count: &Expr) -> Folded {
    if let Some(found) = count.as_int()
        && found < 0
    {
        return Err(BuildError::Negative {
            name: func.name(),
            found,
        });
    }
    let scale = Expr::pow(&Expr::int(2), count)?;
    if func == Func::LShift {
        Expr::mul([base.clone(), scale]).map(Some)
    } else {
        Expr::call(Func::FloorDiv, vec![base.clone(), scale]).map(Some)
    }
}

/// torch gives up on values past the machine's integers: those are infinite.
fn natural_power(base: &Expr, exponent: &Expr) -> Folded {
    let Some(e) = exponent.as_int() else {
        return Ok(None);
    };
    if e < 0 {
        return Err(BuildError::Negative {
            name: Func::PowByNatural.name(),
            found: e,
        });
    }
    let Some(b) = base.as_int() else {
        return Expr::pow(base, exponent).map(Some);
    };
    let saturated = match Number::Int(b).pow_int(e) {
        Ok(Number::Int(value)) if value.unsigned_abs() <= i64::MAX as u128 => Number::Int(value),
        _ if b < 0 && e % 2 != 0 => Number::NEG_INT_OO,
        _ => Number::INT_OO,
    };
    Ok(Some(Expr::number(saturated)))
}

fn true_div(func: Func, base: &Expr, divisor: &Expr) -> Folded {
    if divisor.is_zero() {
        return Err(BuildError::DivisionByZero("/"));
    }
    with_numbers(base, divisor, |a, b| match (func, a, b) {
        (Func::IntTrueDiv, Number::Rational(..) | Number::Float(_), _)
        | (Func::IntTrueDiv, _, Number::Rational(..) | Number::Float(_)) => {
            Expr::raw(Kind::Call(func, vec![base.clone(), divisor.clone()]))
        }
        _ => Expr::float(a.to_f64() / b.to_f64()),
    })
}

fn round_decimal(number: &Expr, digits: &Expr) -> Folded {
    match (number.as_number(), digits.as_int()) {
        (Some(number), Some(digits)) => {
            Expr::float(crate::float::round_to(number.to_f64(), digits)).map(Some)
        }
        _ => Ok(None),
    }
}

/// Whether a tensor of these sizes and strides has neither overlap nor gap, for known sizes and strides.
fn dense(args: &[Expr]) -> Folded {
    if !args.len().is_multiple_of(2) {
        return Err(BuildError::Arity {
            name: Func::IsNonOverlappingAndDense.name(),
            expected: "an even number of".into(),
            found: args.len(),
        });
    }
    let values: Option<Vec<i128>> = args.iter().map(Expr::as_int).collect();
    if let Some(values) = values {
        let (sizes, strides) = values.split_at(values.len() / 2);
        return Ok(Some(Expr::int(i128::from(is_dense(sizes, strides)))));
    }
    // A vector of stride one, or of fewer than two elements, is dense.
    if let [size, stride] = args
        && (stride.is_one() || size.as_int().is_some_and(|size| size < 2))
    {
        return Ok(Some(Expr::int(1)));
    }
    Ok(None)
}

/// Dimensions of size one do not matter; the others, by stride, must each step over exactly what is below them.
pub(crate) fn is_dense(sizes: &[i128], strides: &[i128]) -> bool {
    let mut dims: Vec<(i128, i128)> = strides.iter().copied().zip(sizes.iter().copied()).collect();
    if let [(stride, size)] = dims.as_slice() {
        return *stride == 1 || *size < 2;
    }
    dims.sort_by_key(|(stride, _)| *stride);
    let mut expected: i128 = 1;
    for (stride, size) in dims {
        if size == 1 {
            continue;
        }
        if stride != expected {
            return false;
        }
        expected = expected.saturating_mul(size);
    }
    true
}

fn unary(func: Func, arg: &Expr) -> Folded {
    let Some(number) = arg.as_number() else {
        return unary_symbolic(func, arg);
    };
    let folded = match func {
        Func::CeilToInt | Func::Ceiling => number.negated()?.floor()?.negated()?,
        Func::FloorToInt | Func::Floor => number.floor()?,
        Func::TruncToInt if number.is_negative() => number.negated()?.floor()?.negated()?,
        Func::TruncToInt => number.floor()?,
        Func::RoundToInt if number.is_infinite() => number.floor()?,
        Func::RoundToInt => Number::from_integral(number.to_f64().round_ties_even())?,
        Func::TruncToFloat => Number::float(number.to_f64().trunc())?,
        Func::ToFloat => match number {
            Number::Rational(..) => return Ok(None),
            _ => Number::float(number.to_f64())?,
        },
        Func::Abs if number.is_negative() => number.negated()?,
        Func::Abs => number,
        _ => match (func.math(), number) {
            (Some(_), Number::Rational(..)) | (None, _) => return Ok(None),
            (Some(math), _) => match Number::float(math(number.to_f64())) {
                Ok(value) => value,
                Err(_) => return Err(BuildError::NotReal(func.name())),
            },
        },
    };
    Ok(Some(Expr::number(folded)))
}

fn unary_symbolic(func: Func, arg: &Expr) -> Folded {
    match func {
        // floor(x) = ceil(x) = x for an integer x
        Func::Floor | Func::Ceiling if is_integer(arg) => Ok(Some(arg.clone())),
        // |x| = x for x >= 0, |x| = -x for x <= 0, |-x| = |x|
        Func::Abs => {
            let sign = sign(arg);
            if sign.nonnegative {
                return Ok(Some(arg.clone()));
            }
            if sign.nonpositive {
                return arg.neg().map(Some);
            }
            let (coefficient, rest) = arg.as_coeff_mul()?;
            if coefficient.is_one() {
                return Ok(None);
            }
            let scale = if coefficient.is_negative() {
                coefficient.negated()?
            } else {
                coefficient
            };
            let rest = Expr::call(Func::Abs, vec![rest])?;
            Expr::mul([Expr::number(scale), rest]).map(Some)
        }
        _ => Ok(None),
    }
}

fn bitwise(func: Func, a: &Expr, b: &Expr) -> Folded {
    if a.is_boolean() && b.is_boolean() {
        let connective = match func {
            Func::BitwiseAnd => Func::And,
            Func::BitwiseOr => Func::Or,
            _ => return Ok(boolean_xor(a, b)),
        };
        return Expr::call(connective, vec![a.clone(), b.clone()]).map(Some);
    }
    let integer = |expr: &Expr| expr.as_int().or_else(|| expr.as_bool().map(i128::from));
    let (Some(x), Some(y)) = (integer(a), integer(b)) else {
        return Ok(None);
    };
    Ok(Some(Expr::int(match func {
        Func::BitwiseAnd => x & y,
        Func::BitwiseOr => x | y,
        _ => x ^ y,
    })))
}

fn boolean_xor(a: &Expr, b: &Expr) -> Option<Expr> {
    Some(Expr::bool(a.as_bool()? != b.as_bool()?))
}

/// p if true else q = p
fn conditional(condition: &Expr, yes: &Expr, no: &Expr) -> Option<Expr> {
    condition
        .as_bool()
        .map(|value| if value { yes.clone() } else { no.clone() })
}

/// Pairs of value and condition: false ones are dropped, all after a true one as well.
fn piecewise(args: &[Expr]) -> Folded {
    let mut kept = Vec::new();
    for pair in args.chunks(2) {
        let [value, condition] = pair else {
            return Err(BuildError::Arity {
                name: Func::Piecewise.name(),
                expected: "an even number of".into(),
                found: args.len(),
            });
        };
        match condition.as_bool() {
            Some(false) => {}
            Some(true) if kept.is_empty() => return Ok(Some(value.clone())),
            Some(true) => {
                kept.extend([value.clone(), condition.clone()]);
                break;
            }
            None => kept.extend([value.clone(), condition.clone()]),
        }
    }
    if kept.is_empty() {
        return Err(BuildError::NotReal("Piecewise without a true condition"));
    }
    if kept.len() == args.len() {
        return Ok(None);
    }
    Expr::raw(Kind::Call(Func::Piecewise, kept)).map(Some)
}

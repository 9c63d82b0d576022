//! Sums, products and powers in canonical form.
//!
//! The form is the one that sympy reaches automatically: nested sums and products are flattened, like terms and equal bases
//! collected, numbers folded and put first, and a number that multiplies nothing but a sum is distributed over it.

use std::collections::HashMap;

use crate::assume::{is_integer, is_real, sign};
use crate::error::BuildError;
use crate::expr::{Built, Expr, Kind};
use crate::number::Number;

/// Things in the order of their first occurrence, with a number or expression each.
struct Collected<V> {
    entries: Vec<(Expr, V)>,
    position: HashMap<Expr, usize>,
}

impl<V> Collected<V> {
    fn new() -> Self {
        Collected {
            entries: Vec::new(),
            position: HashMap::new(),
        }
    }

    /// The value of the key, which starts as `initial`.
    fn entry(&mut self, key: &Expr, initial: V) -> &mut V {
        let next = self.entries.len();
        let position = *self.position.entry(key.clone()).or_insert(next);
        if position == next {
            self.entries.push((key.clone(), initial));
        }
        &mut self.entries[position].1
    }
}

fn require_number(name: &'static str, args: &[Expr]) -> Result<(), BuildError> {
    match args.iter().find(|arg| arg.is_boolean()) {
        Some(arg) => Err(BuildError::Type {
            name,
            expected: "numbers",
            found: arg.to_string(),
        }),
        None => Ok(()),
    }
}

/// The sum: `a*x + b*x = (a + b)*x`, `0 + x = x`, `oo` absorbs finite terms.
pub(crate) fn add(args: Vec<Expr>) -> Built {
    require_number("+", &args)?;
    let mut constant = Number::ZERO;
    let mut collected = Collected::new();
    for term in args.iter().flat_map(Expr::terms) {
        if let Some(number) = term.as_number() {
            constant = constant.plus(number)?;
            continue;
        }
        let (coefficient, rest) = term.as_coeff_mul()?;
        let sum = collected.entry(&rest, Number::ZERO);
        *sum = sum.plus(coefficient)?;
    }
    if is_real_infinity(constant) {
        collected.entries.retain(|(term, _)| !is_real(term));
    }
    let mut terms = Vec::with_capacity(collected.entries.len() + 1);
    for (rest, coefficient) in collected.entries {
        if !coefficient.is_zero() {
            terms.push(scaled(coefficient, rest)?);
        }
    }
    terms.sort();
    if !matches!(constant, Number::Int(0)) {
        terms.insert(0, Expr::number(constant));
    }
    single_or(terms, Number::ZERO, Kind::Add)
}

/// `coefficient * rest`, in which a sum is left whole.
fn scaled(coefficient: Number, rest: Expr) -> Built {
    if coefficient.is_one() {
        return Ok(rest);
    }
    let mut factors = vec![Expr::number(coefficient)];
    factors.extend_from_slice(rest.factors());
    Expr::raw(Kind::Mul(factors))
}

/// The list as a sum or product, its only element, or the neutral number.
fn single_or(mut list: Vec<Expr>, neutral: Number, kind: fn(Vec<Expr>) -> Kind) -> Built {
    match list.len() {
        0 => Ok(Expr::number(neutral)),
        1 => Ok(list.swap_remove(0)),
        _ => Expr::raw(kind(list)),
    }
}

/// The product: `x**a * x**b = x**(a + b)`, `0*x = 0`, `1*x = x`, `c*(x + y) = c*x + c*y` for a number `c`.
pub(crate) fn mul(args: Vec<Expr>) -> Built {
    require_number("*", &args)?;
    if let [a, b] = args.as_slice()
        && let Some(product) = mul_rational_and_sum(a, b)?
    {
        return Ok(product);
    }
    let mut pending: Vec<Expr> = args.iter().flat_map(Expr::factors).cloned().collect();
    let mut constant = Number::ONE;
    // Collecting powers can give numbers and products, which are collected once more; each round has fewer of them.
    for _ in 0..4 {
        let (number, factors) = collect_powers(&pending)?;
        constant = constant.times(number)?;
        let settled = factors
            .iter()
            .all(|factor| !matches!(factor.kind(), Kind::Mul(_) | Kind::Number(_)));
        pending = factors.iter().flat_map(Expr::factors).cloned().collect();
        if settled {
            break;
        }
    }
    finish_product(constant, pending)
}

fn finish_product(constant: Number, mut factors: Vec<Expr>) -> Built {
    if constant.is_zero() {
        if factors
            .iter()
            .any(|f| f.as_number().is_some_and(Number::is_infinite))
        {
            return Err(BuildError::NotReal("0*oo"));
        }
        return Ok(Expr::number(constant));
    }
    let constant = absorb_signs(constant, &mut factors)?;
    factors.sort();
    if let [only] = factors.as_slice()
        && let Kind::Add(terms) = only.kind()
        && !constant.is_infinite()
        && !constant.is_one()
    {
        return distribute(constant, terms);
    }
    if !constant.is_one() {
        factors.insert(0, Expr::number(constant));
    }
    single_or(factors, Number::ONE, Kind::Mul)
}

/// `oo` swallows finite terms and signed factors, `int_oo` does not.
fn is_real_infinity(number: Number) -> bool {
    matches!(number, Number::Infinite { integer: false, .. })
}

/// The constant `oo` swallows factors of known sign.
fn absorb_signs(constant: Number, factors: &mut Vec<Expr>) -> Result<Number, BuildError> {
    if !is_real_infinity(constant) {
        return Ok(constant);
    }
    let mut flips = false;
    factors.retain(|factor| {
        let sign = sign(factor);
        flips ^= sign.negative();
        !sign.positive() && !sign.negative()
    });
    if flips {
        constant.negated()
    } else {
        Ok(constant)
    }
}

/// A rational number times a sum is distributed; times an already scaled sum it changes the scale only.
fn mul_rational_and_sum(a: &Expr, b: &Expr) -> Result<Option<Expr>, BuildError> {
    let (constant, other) = match (a.as_number(), b.as_number()) {
        (_, Some(number)) if number.is_rational() => (number, a),
        (Some(number), _) if number.is_rational() => (number, b),
        _ => return Ok(None),
    };
    if constant.is_zero() || constant.is_one() {
        return Ok(None);
    }
    let (scale, rest) = other.as_coeff_mul()?;
    let Kind::Add(terms) = rest.kind() else {
        return Ok(None);
    };
    if scale.is_one() {
        distribute(constant, terms).map(Some)
    } else {
        scaled(constant.times(scale)?, rest).map(Some)
    }
}

fn distribute(constant: Number, terms: &[Expr]) -> Built {
    let scaled = terms
        .iter()
        .map(|term| mul(vec![Expr::number(constant), term.clone()]))
        .collect::<Result<Vec<_>, _>>()?;
    add(scaled)
}

/// The number and the powers of distinct bases that a list of factors multiplies to.
fn collect_powers(factors: &[Expr]) -> Result<(Number, Vec<Expr>), BuildError> {
    let mut constant = Number::ONE;
    // Per base and non-numeric part of the exponent, the sum of the numeric parts.
    let mut powers: Collected<Collected<Number>> = Collected::new();
    for factor in factors {
        if let Some(number) = factor.as_number() {
            constant = constant.times(number)?;
            continue;
        }
        let (base, exponent) = match factor.kind() {
            Kind::Pow(base, exponent) => (base.clone(), exponent.clone()),
            _ => (factor.clone(), Expr::int(1)),
        };
        let (coefficient, part) = exponent.as_coeff_mul()?;
        let sum = powers
            .entry(&base, Collected::new())
            .entry(&part, Number::ZERO);
        *sum = sum.plus(coefficient)?;
    }
    let mut result = Vec::new();
    let mut numeric = Collected::new();
    for (base, parts) in powers.entries {
        for (part, coefficient) in parts.entries {
            let exponent = mul(vec![Expr::number(coefficient), part])?;
            match base.as_number() {
                // 2**x * 3**x = 6**x
                Some(number) if exponent.as_number().is_none() => {
                    let product = numeric.entry(&exponent, Number::ONE);
                    *product = product.times(number)?;
                }
                _ => result.push(pow(&base, &exponent)?),
            }
        }
    }
    for (exponent, base) in numeric.entries {
        result.push(pow(&Expr::number(base), &exponent)?);
    }
    Ok((constant, result))
}

/// The power: `x**0 = 1`, `x**1 = x`, `(x*y)**n = x**n * y**n` and `(x**a)**n = x**(a*n)` for an integer `n`.
pub(crate) fn pow(base: &Expr, exponent: &Expr) -> Built {
    require_number("**", &[base.clone(), exponent.clone()])?;
    if exponent.is_zero() && exponent.as_int().is_some() {
        return Ok(Expr::int(1));
    }
    if exponent.is_one() {
        return Ok(base.clone());
    }
    if let (Some(b), Some(e)) = (base.as_number(), exponent.as_number()) {
        return pow_numbers(b, e);
    }
    if base.is_one() {
        return Ok(Expr::int(1));
    }
    match (base.kind(), exponent.as_number()) {
        (Kind::Mul(factors), Some(Number::Int(_))) => {
            let powers = factors
                .iter()
                .map(|factor| pow(factor, exponent))
                .collect::<Result<Vec<_>, _>>()?;
            mul(powers)
        }
        (Kind::Mul(factors), Some(Number::Rational(..) | Number::Float(_))) => {
            pow_of_product(factors, exponent)
        }
        (Kind::Pow(inner, e), _) if is_integer(exponent) || sign(inner).nonnegative => {
            pow(inner, &mul(vec![e.clone(), exponent.clone()])?)
        }
        _ => Expr::raw(Kind::Pow(base.clone(), exponent.clone())),
    }
}

/// `(x*y)**r = x**r * y**r` where `x` is not negative.
fn pow_of_product(factors: &[Expr], exponent: &Expr) -> Built {
    let (outside, inside): (Vec<Expr>, Vec<Expr>) = factors
        .iter()
        .cloned()
        .partition(|factor| sign(factor).nonnegative);
    let mut powers = Vec::with_capacity(outside.len() + 1);
    if !inside.is_empty() {
        let rest = single_or(inside, Number::ONE, Kind::Mul)?;
        powers.push(Expr::raw(Kind::Pow(rest, exponent.clone()))?);
    }
    for factor in &outside {
        powers.push(pow(factor, exponent)?);
    }
    if outside.is_empty() {
        return single_or(powers, Number::ONE, Kind::Mul);
    }
    mul(powers)
}

fn pow_numbers(base: Number, exponent: Number) -> Built {
    match exponent {
        Number::Int(e) if e < 0 && base.is_zero() => Err(BuildError::DivisionByZero("**")),
        Number::Int(e) => Ok(Expr::number(base.pow_int(e)?)),
        Number::Infinite { .. } => Err(BuildError::NotReal("x**oo")),
        Number::Float(e) => Expr::float(base.to_f64().powf(e)),
        Number::Rational(p, q) => match base {
            Number::Float(b) => Expr::float(b.powf(exponent.to_f64())),
            _ if base.is_negative() => Err(BuildError::NotReal("a root of a negative number")),
            Number::Infinite { .. } => Err(BuildError::NotReal("a root of oo")),
            _ => match exact_root(base, q)? {
                Some(root) => Ok(Expr::number(root.pow_int(p)?)),
                None => Expr::raw(Kind::Pow(Expr::number(base), Expr::number(exponent))),
            },
        },
    }
}

/// The `degree`-th root of a non-negative rational number, where it is rational.
fn exact_root(base: Number, degree: i128) -> Result<Option<Number>, BuildError> {
    let root = |value: i128| {
        let near = (value as f64).powf(1.0 / degree as f64).round() as i128;
        [near - 1, near, near + 1].into_iter().find(|candidate| {
            Number::Int(*candidate)
                .pow_int(degree)
                .is_ok_and(|power| power == Number::Int(value))
        })
    };
    match base {
        Number::Int(value) => Ok(root(value).map(Number::Int)),
        Number::Rational(p, q) => match (root(p), root(q)) {
            (Some(p), Some(q)) => Number::fraction(p, q).map(Some),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

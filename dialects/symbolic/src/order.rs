//! The two orders in which sympy arranges arguments for printing.
//!
//! `sort_order` is sympy's `default_sort_key`, compared lazily: class, number of arguments, arguments, exponent, coefficient.
//! `ordered` puts small expressions before large ones and breaks ties by it.
//! `arranged` gives the arguments of a node in the order that belongs to it: the terms of a sum by monomial, the factors of a
//! product by `sort_order`, the members of a set by `ordered`.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::error::BuildError;
use crate::expr::{Expr, Kind};
use crate::func::Func;
use crate::number::Number;

/// The arguments in the order in which sympy prints them; as they stand where no order belongs to the node.
pub(crate) fn arranged(expr: &Expr) -> &[Expr] {
    let owned = |list: Vec<&Expr>| list.into_iter().cloned().collect();
    expr.arranged_memo().get_or_init(|| match expr.kind() {
        Kind::Add(terms) => owned(ordered_terms(terms)),
        Kind::Mul(factors) => owned(sorted(factors)),
        Kind::Call(func, args) if is_lattice(*func) => owned(ordered(args)),
        _ => expr.args().cloned().collect(),
    })
}

/// Orders as sympy's `default_sort_key` does. What comes later in the key is only looked at where all before is equal.
pub(crate) fn sort_order(a: &Expr, b: &Expr) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (a, b) = (Key::new(a), Key::new(b));
    class(a.root)
        .cmp(&class(b.root))
        .then_with(|| compare_args(&a, &b))
        .then_with(|| match (a.exponent, b.exponent) {
            (Some(x), Some(y)) => sort_order(x, y),
            (None, None) => Ordering::Equal,
            (Some(x), None) => sort_order(x, &Expr::int(1)),
            (None, Some(y)) => sort_order(&Expr::int(1), y),
        })
        .then_with(|| a.coefficient.compare(b.coefficient))
}

/// An expression as `coefficient * root**exponent`.
struct Key<'a> {
    root: &'a Expr,
    exponent: Option<&'a Expr>,
    coefficient: Number,
    /// Whether the root is a product of which the first factor is the coefficient.
    skips_first: bool,
}

impl<'a> Key<'a> {
    fn new(expr: &'a Expr) -> Key<'a> {
        if let Some(number) = expr.as_number() {
            return Key {
                root: expr,
                exponent: None,
                coefficient: number,
                skips_first: false,
            };
        }
        let factors = expr.factors();
        let (coefficient, rest) = match factors.split_first() {
            Some((first, rest)) if first.as_number().is_some() => (first.as_number(), rest),
            _ => (None, factors),
        };
        let (root, exponent) = match rest {
            [only] => match only.kind() {
                Kind::Pow(base, exponent) => (base, Some(exponent)),
                _ => (only, None),
            },
            _ => (expr, None),
        };
        Key {
            root,
            exponent,
            coefficient: coefficient.unwrap_or(Number::ONE),
            skips_first: coefficient.is_some() && rest.len() > 1,
        }
    }

    /// Numbers have no arguments, other atoms their text.
    fn n_args(&self) -> usize {
        match self.root.kind() {
            Kind::Number(_) => usize::from(self.exponent.is_some()),
            Kind::Bool(_) | Kind::Symbol(_) => 1,
            _ => self.root.args().count() - usize::from(self.skips_first),
        }
    }

    fn args(&self) -> &'a [Expr] {
        let args = arranged(self.root);
        args.get(usize::from(self.skips_first)..).unwrap_or(args)
    }
}

fn compare_args(a: &Key, b: &Key) -> Ordering {
    a.n_args()
        .cmp(&b.n_args())
        .then_with(|| match (a.root.kind(), b.root.kind()) {
            _ if a.root == b.root && a.skips_first == b.skips_first => Ordering::Equal,
            (Kind::Symbol(x), Kind::Symbol(y)) => x.name().cmp(y.name()),
            (Kind::Number(_), _) if a.exponent.is_some() => {
                a.root.to_string().cmp(&b.root.to_string())
            }
            _ => a
                .args()
                .iter()
                .zip(b.args())
                .map(|(x, y)| sort_order(x, y))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal),
        })
}

/// sympy's class key.
fn class(expr: &Expr) -> (u8, u16, &'static str) {
    match expr.kind() {
        Kind::Number(_) => (1, 0, "Number"),
        Kind::Bool(true) => (2, 0, "BooleanTrue"),
        Kind::Bool(false) => (2, 0, "BooleanFalse"),
        Kind::Symbol(_) => (2, 0, "Symbol"),
        Kind::Mul(_) => (3, 0, "Mul"),
        Kind::Add(_) => (3, 1, "Add"),
        Kind::Pow(..) => (3, 2, "Pow"),
        Kind::Relation(relation, ..) => (5, 0, relation.class_name()),
        Kind::Call(func, _) => {
            let row = func.row();
            (row.class_key.0, row.class_key.1, row.name)
        }
    }
}

/// Functions whose arguments sympy keeps as a set and arranges by `ordered`.
pub(crate) fn is_lattice(func: Func) -> bool {
    matches!(func, Func::Max | Func::Min | Func::And | Func::Or)
}

/// sympy's `ordered`: by number of nodes, floats counting half, then by `sort_order`.
pub(crate) fn ordered(args: &[Expr]) -> Vec<&Expr> {
    let mut result: Vec<&Expr> = args.iter().collect();
    result.sort_by(|a, b| a.weight().cmp(&b.weight()).then_with(|| sort_order(a, b)));
    result
}

/// The arguments by `sort_order`.
pub(crate) fn sorted(args: &[Expr]) -> Vec<&Expr> {
    let mut result: Vec<&Expr> = args.iter().collect();
    result.sort_by(|a, b| sort_order(a, b));
    result
}

/// The terms of a sum as sympy prints them: by monomial, highest power of the first generator first.
fn ordered_terms(terms: &[Expr]) -> Vec<&Expr> {
    if let Some(special) = constant_minus_multiple(terms) {
        return special.to_vec();
    }
    let Ok(monomials) = terms.iter().map(monomial).collect::<Result<Vec<_>, _>>() else {
        // A generator that cannot be built: any fixed order will do.
        return sorted(terms);
    };
    let mut generators: Vec<&Expr> = monomials
        .iter()
        .flat_map(|(_, powers)| powers.iter().map(|(base, _)| base))
        .collect();
    generators.sort_by(|a, b| sort_order(a, b));
    generators.dedup();
    let position: HashMap<&Expr, usize> = generators
        .iter()
        .enumerate()
        .map(|(position, generator)| (*generator, position))
        .collect();
    let mut rows: Vec<Row> = monomials
        .iter()
        .zip(terms)
        .map(|((coefficient, powers), term)| {
            let mut powers: Vec<_> = powers
                .iter()
                .filter_map(|(base, exponent)| Some((*position.get(base)?, *exponent)))
                .collect();
            powers.sort_unstable();
            (powers, *coefficient, term)
        })
        .collect();
    rows.sort_by(|a, b| compare_monomials(&a.0, &b.0).then_with(|| a.1.total_cmp(&b.1)));
    rows.into_iter().map(|(.., term)| term).collect()
}

/// Powers by position of their generator, coefficient, and the term that they come from.
type Row<'a> = (Vec<(usize, i128)>, f64, &'a Expr);

/// `1 - 2*x` is not printed as `-2*x + 1`: a positive number and a negative multiple of one factor stay in this order.
fn constant_minus_multiple(terms: &[Expr]) -> Option<[&Expr; 2]> {
    let [a, b] = terms else {
        return None;
    };
    let (constant, multiple) = if a.as_number().is_some() {
        (a, b)
    } else {
        (b, a)
    };
    let Kind::Mul(factors) = multiple.kind() else {
        return None;
    };
    let [scale, _] = factors.as_slice() else {
        return None;
    };
    let applies = constant.as_number()?.is_positive() && scale.as_number()?.is_negative();
    applies.then_some([constant, multiple])
}

/// The coefficient and the powers of generators of a term.
type Monomial = (f64, Vec<(Expr, i128)>);

fn monomial(term: &Expr) -> Result<Monomial, BuildError> {
    let mut coefficient = 1.0;
    let mut powers = Vec::new();
    for factor in term.factors() {
        match constant_value(factor) {
            Some(value) => coefficient *= value,
            None => powers.push(decompose_power(factor)?),
        }
    }
    Ok((coefficient, powers))
}

/// The value of a number, wrapped in `Identity` or not, or of a power of numbers.
fn constant_value(expr: &Expr) -> Option<f64> {
    match expr.kind() {
        Kind::Number(number) => Some(number.to_f64()),
        Kind::Pow(base, exponent) => Some(
            base.as_number()?
                .to_f64()
                .powf(exponent.as_number()?.to_f64()),
        ),
        Kind::Call(Func::Identity, args) => args.first()?.as_number().map(Number::to_f64),
        _ => None,
    }
}

/// A power as a generator and its integer exponent: `x**(2*y/3)` is `x**(y/3)` twice.
fn decompose_power(factor: &Expr) -> Result<(Expr, i128), BuildError> {
    let Kind::Pow(base, exponent) = factor.kind() else {
        return Ok((factor.clone(), 1));
    };
    let (coefficient, rest) = exponent.as_coeff_mul()?;
    let (p, q) = match coefficient {
        Number::Int(p) => (p, 1),
        Number::Rational(p, q) => (p, q),
        Number::Float(_) | Number::Infinite { .. } => return Ok((factor.clone(), 1)),
    };
    let part = Expr::mul([Expr::number(Number::fraction(1, q)?), rest])?;
    Ok((Expr::pow(base, &part)?, p))
}

/// Compares sparse monomials, higher powers first.
fn compare_monomials(a: &[(usize, i128)], b: &[(usize, i128)]) -> Ordering {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => return Ordering::Equal,
            (Some((_, exponent)), None) => 0.cmp(exponent),
            (None, Some((_, exponent))) => exponent.cmp(&0),
            (Some((i, x)), Some((j, y))) => match i.cmp(j) {
                Ordering::Less => 0.cmp(x),
                Ordering::Greater => y.cmp(&0),
                Ordering::Equal => y.cmp(x),
            },
        };
        if order.is_ne() {
            return order;
        }
        a.next();
        b.next();
    }
}

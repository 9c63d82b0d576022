//! What follows from the assumptions about symbols alone: integrality, parity and sign.
//!
//! The rules know as much as sympy's do where an expression is evaluated on construction, and no more: to fold a relation
//! that sympy leaves alone would change how a program prints. Ranges of symbols are `range.rs`.

use std::cmp::Ordering;

use crate::expr::{Assumption, Expr, Kind};
use crate::func::{Func, Sort};
use crate::number::Number;

/// What is known of the sign; all false when nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sign {
    /// Never below zero.
    pub nonnegative: bool,
    /// Never above zero.
    pub nonpositive: bool,
    /// Never zero.
    pub nonzero: bool,
}

impl Sign {
    pub fn positive(self) -> bool {
        self.nonnegative && self.nonzero
    }

    pub fn negative(self) -> bool {
        self.nonpositive && self.nonzero
    }

    fn of_number(number: Number) -> Sign {
        let order = number.sign();
        Sign {
            nonnegative: order != Ordering::Less,
            nonpositive: order != Ordering::Greater,
            nonzero: order != Ordering::Equal,
        }
    }

    fn negated(self) -> Sign {
        Sign {
            nonnegative: self.nonpositive,
            nonpositive: self.nonnegative,
            nonzero: self.nonzero,
        }
    }

    fn times(self, other: Sign) -> Sign {
        let same =
            (self.nonnegative && other.nonnegative) || (self.nonpositive && other.nonpositive);
        let opposite =
            (self.nonnegative && other.nonpositive) || (self.nonpositive && other.nonnegative);
        Sign {
            nonnegative: same,
            nonpositive: opposite,
            nonzero: self.nonzero && other.nonzero,
        }
    }
}

/// Whether the value is an integer whatever the symbols are.
pub(crate) fn is_integer(expr: &Expr) -> bool {
    match expr.kind() {
        Kind::Number(Number::Int(_) | Number::Infinite { integer: true, .. }) => true,
        Kind::Number(_) | Kind::Bool(_) | Kind::Relation(..) => false,
        Kind::Symbol(symbol) => [Assumption::Integer, Assumption::Even, Assumption::Odd]
            .iter()
            .any(|assumption| symbol.assumes(*assumption)),
        Kind::Add(args) | Kind::Mul(args) => args.iter().all(is_integer),
        Kind::Pow(base, exponent) => {
            is_integer(base) && is_integer(exponent) && sign(exponent).nonnegative
        }
        Kind::Call(func, args) => match (func.row().sort, func) {
            // torch does not tell sympy that these are integers.
            (_, Func::BitwiseAnd | Func::BitwiseOr | Func::BitwiseXor) => false,
            (Sort::Int, _) => true,
            (Sort::Number, Func::Where) => args.iter().skip(1).all(is_integer),
            (Sort::Number, Func::Piecewise) => args.iter().step_by(2).all(is_integer),
            (Sort::Number, _) => args.iter().all(is_integer),
            _ => false,
        },
    }
}

/// Whether the value is a real number whatever the symbols are.
pub(crate) fn is_real(expr: &Expr) -> bool {
    match expr.kind() {
        Kind::Number(_) => true,
        Kind::Bool(_) | Kind::Relation(..) => false,
        Kind::Symbol(symbol) => symbol
            .assumptions()
            .iter()
            .any(|(assumption, value)| *value && *assumption != Assumption::Finite),
        Kind::Add(args) | Kind::Mul(args) => args.iter().all(is_real),
        Kind::Pow(base, exponent) => {
            is_real(base) && (is_integer(exponent) || sign(base).nonnegative)
        }
        Kind::Call(func, _) => func.row().sort != Sort::Bool,
    }
}

/// `Some(true)` if even, `Some(false)` if odd.
pub(crate) fn parity(expr: &Expr) -> Option<bool> {
    match expr.kind() {
        Kind::Number(Number::Int(value)) => Some(value % 2 == 0),
        Kind::Symbol(symbol) if symbol.assumes(Assumption::Even) => Some(true),
        Kind::Symbol(symbol) if symbol.assumes(Assumption::Odd) => Some(false),
        Kind::Add(terms) => terms
            .iter()
            .map(parity)
            .try_fold(true, |even, term| term.map(|term| even == term)),
        Kind::Mul(factors) if is_integer(expr) => {
            let parities: Vec<_> = factors.iter().map(parity).collect();
            if parities.contains(&Some(true)) {
                Some(true)
            } else if parities.contains(&None) {
                None
            } else {
                Some(false)
            }
        }
        _ => None,
    }
}

/// The sign, as far as the assumptions tell.
pub(crate) fn sign(expr: &Expr) -> Sign {
    *expr.sign_memo().get_or_init(|| derive_sign(expr))
}

fn derive_sign(expr: &Expr) -> Sign {
    match expr.kind() {
        Kind::Number(number) => Sign::of_number(*number),
        Kind::Bool(_) | Kind::Relation(..) => Sign::default(),
        Kind::Symbol(symbol) => {
            let assumes = |assumption| symbol.assumes(assumption);
            let (positive, negative) =
                (assumes(Assumption::Positive), assumes(Assumption::Negative));
            Sign {
                nonnegative: positive || assumes(Assumption::Nonnegative),
                nonpositive: negative || assumes(Assumption::Nonpositive),
                nonzero: positive
                    || negative
                    || assumes(Assumption::Nonzero)
                    || assumes(Assumption::Odd),
            }
        }
        Kind::Add(terms) => sign_of_sum(terms),
        Kind::Mul(factors) => factors
            .iter()
            .map(sign)
            .reduce(Sign::times)
            .unwrap_or_default(),
        Kind::Pow(base, exponent) => sign_of_power(base, exponent),
        Kind::Call(func, args) => sign_of_call(*func, args),
    }
}

fn sign_of_sum(terms: &[Expr]) -> Sign {
    if let Some((first, rest)) = terms.split_first()
        && let Some(constant) = first.as_number()
    {
        let from_rest = sign_with_constant(constant, rest);
        if from_rest != Sign::default() {
            return from_rest;
        }
    }
    let signs: Vec<Sign> = terms.iter().map(sign).collect();
    let nonnegative = signs.iter().all(|sign| sign.nonnegative);
    let nonpositive = signs.iter().all(|sign| sign.nonpositive);
    Sign {
        nonnegative,
        nonpositive,
        nonzero: (nonnegative || nonpositive) && signs.iter().any(|sign| sign.nonzero),
    }
}

/// The sign of `constant + rest` from the value of smallest magnitude that `rest` takes.
fn sign_with_constant(constant: Number, rest: &[Expr]) -> Sign {
    let Some(extreme) = monotonic_extreme(rest) else {
        return Sign::default();
    };
    let sum = match extreme.plus(constant) {
        Ok(sum) => Sign::of_number(sum),
        Err(_) => return Sign::default(),
    };
    if extreme.is_negative() {
        // The rest is nowhere above its extreme.
        Sign {
            nonnegative: false,
            nonzero: sum.negative(),
            ..sum
        }
    } else if extreme.is_positive() {
        Sign {
            nonpositive: false,
            nonzero: sum.positive(),
            ..sum
        }
    } else {
        Sign::default()
    }
}

/// The value nearest to zero of a signed expression: of one term, or of a polynomial in one symbol that grows with it.
fn monotonic_extreme(terms: &[Expr]) -> Option<Number> {
    if let [term] = terms {
        return extreme_of_term(term);
    }
    let mut symbols = terms.iter().flat_map(Expr::free_symbols);
    let symbol = symbols.next()?;
    if !symbol.assumes(Assumption::Positive)
        || !symbol.assumes(Assumption::Integer)
        || symbols.any(|other| other != symbol)
    {
        return None;
    }
    // At the smallest value of the symbol, one, every power is one and only the coefficients stay.
    let mut sum = Number::ZERO;
    for term in terms {
        let (coefficient, rest) = term.as_coeff_mul().ok()?;
        let is_power = match rest.kind() {
            Kind::Symbol(_) => true,
            Kind::Pow(base, exponent) => {
                base.as_symbol().is_some() && exponent.as_int().is_some_and(|e| e > 0)
            }
            _ => false,
        };
        if !is_power || coefficient.sign() != terms.first()?.as_coeff_mul().ok()?.0.sign() {
            return None;
        }
        sum = sum.plus(coefficient).ok()?;
    }
    Some(sum)
}

fn extreme_of_term(term: &Expr) -> Option<Number> {
    let sign = sign(term);
    if !sign.positive() && !sign.negative() || !is_integer(term) {
        return None;
    }
    let magnitude = if parity(term) == Some(true) { 2 } else { 1 };
    Some(Number::Int(if sign.positive() {
        magnitude
    } else {
        -magnitude
    }))
}

fn sign_of_power(base: &Expr, exponent: &Expr) -> Sign {
    let of_base = sign(base);
    if of_base.nonnegative {
        return Sign {
            nonnegative: of_base.nonzero || sign(exponent).nonnegative,
            nonpositive: false,
            nonzero: of_base.nonzero,
        };
    }
    match exponent.as_int() {
        Some(e) if e > 0 && e % 2 == 0 && is_real(base) => Sign {
            nonnegative: true,
            nonpositive: false,
            nonzero: of_base.nonzero,
        },
        Some(e) if e % 2 != 0 => of_base,
        _ => Sign::default(),
    }
}

fn sign_of_call(func: Func, args: &[Expr]) -> Sign {
    let signs = || args.iter().map(sign);
    let nonnegative = Sign {
        nonnegative: true,
        ..Sign::default()
    };
    match func {
        Func::Max => Sign {
            nonnegative: signs().any(|s| s.nonnegative),
            nonpositive: signs().all(|s| s.nonpositive),
            nonzero: signs().any(Sign::positive) || signs().all(Sign::negative),
        },
        Func::Min => Sign {
            nonnegative: signs().all(|s| s.nonnegative),
            nonpositive: signs().any(|s| s.nonpositive),
            nonzero: signs().all(Sign::positive) || signs().any(Sign::negative),
        },
        Func::Mod | Func::Abs | Func::IsNonOverlappingAndDense => nonnegative,
        Func::FloorDiv | Func::CleanDiv | Func::ModularIndexing => {
            if signs().all(|s| s.nonnegative) {
                nonnegative
            } else {
                Sign::default()
            }
        }
        Func::PythonMod => match args.get(1).map(sign) {
            Some(divisor) if divisor.positive() => nonnegative,
            Some(divisor) if divisor.negative() => nonnegative.negated(),
            _ => Sign::default(),
        },
        Func::Where => match args {
            [_, left, right] => common(sign(left), sign(right)),
            _ => Sign::default(),
        },
        _ => Sign::default(),
    }
}

fn common(a: Sign, b: Sign) -> Sign {
    Sign {
        nonnegative: a.nonnegative && b.nonnegative,
        nonpositive: a.nonpositive && b.nonpositive,
        nonzero: a.positive() && b.positive() || a.negative() && b.negative(),
    }
}

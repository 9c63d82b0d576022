//! The numbers that occur in expressions and their checked arithmetic.
//!
//! Integers and fractions are exact in 128 bits and refuse to wrap; floats are the 53-bit floats of sympy.
//! There are two kinds of infinity, torch's `int_oo` and sympy's `oo`; `nan` and `zoo` are never built.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use crate::error::BuildError;

type Result<T> = std::result::Result<T, BuildError>;

/// A constant number. Build fractions and floats with [`Number::fraction`] and [`Number::float`].
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// An integer.
    Int(i128),
    /// A fraction in lowest terms with a denominator greater than one.
    Rational(i128, i128),
    /// A finite float, never negative zero.
    Float(f64),
    /// `int_oo` (integer) or `oo`, with its sign.
    Infinite { integer: bool, negative: bool },
}

use Number::{Float, Infinite, Int, Rational};

impl Number {
    pub const ZERO: Number = Int(0);
    pub const ONE: Number = Int(1);
    pub const NEG_ONE: Number = Int(-1);
    /// `int_oo`.
    pub const INT_OO: Number = Infinite {
        integer: true,
        negative: false,
    };
    /// `-int_oo`.
    pub const NEG_INT_OO: Number = Infinite {
        integer: true,
        negative: true,
    };

    /// `p/q` in lowest terms.
    pub fn fraction(p: i128, q: i128) -> Result<Number> {
        if q == 0 {
            return Err(BuildError::DivisionByZero("/"));
        }
        let divisor = gcd(p, q)?;
        let sign = if q < 0 { -1 } else { 1 };
        let scale = |v: i128| (v / divisor).checked_mul(sign).ok_or(BuildError::Overflow);
        let (p, q) = (scale(p)?, scale(q)?);
        Ok(if q == 1 { Int(p) } else { Rational(p, q) })
    }

    /// A float; infinite ones become `oo`, `nan` is refused.
    pub fn float(value: f64) -> Result<Number> {
        if value.is_nan() {
            return Err(BuildError::NotReal("nan"));
        }
        if value.is_infinite() {
            return Ok(Infinite {
                integer: false,
                negative: value < 0.0,
            });
        }
        // Adding zero turns negative zero into zero.
        Ok(Float(value + 0.0))
    }

    pub fn is_zero(self) -> bool {
        match self {
            Int(v) => v == 0,
            Float(v) => v == 0.0,
            Rational(..) | Infinite { .. } => false,
        }
    }

    pub fn is_one(self) -> bool {
        matches!(self, Int(1))
    }

    pub fn is_negative(self) -> bool {
        self.sign() == Ordering::Less
    }

    pub fn is_positive(self) -> bool {
        self.sign() == Ordering::Greater
    }

    /// The number compared with zero.
    pub fn sign(self) -> Ordering {
        match self {
            Int(v) => v.cmp(&0),
            Rational(p, _) => p.cmp(&0),
            Float(v) => v.partial_cmp(&0.0).unwrap_or(Ordering::Equal),
            Infinite { negative: true, .. } => Ordering::Less,
            Infinite { .. } => Ordering::Greater,
        }
    }

    pub fn is_infinite(self) -> bool {
        matches!(self, Infinite { .. })
    }

    /// An integer or a fraction.
    pub fn is_rational(self) -> bool {
        matches!(self, Int(_) | Rational(..))
    }

    /// The value as a float, rounded.
    pub fn to_f64(self) -> f64 {
        match self {
            Int(v) => v as f64,
            Rational(p, q) => p as f64 / q as f64,
            Float(v) => v,
            Infinite { negative: true, .. } => f64::NEG_INFINITY,
            Infinite { .. } => f64::INFINITY,
        }
    }

    /// The number with the other sign.
    pub fn negated(self) -> Result<Number> {
        self.times(Number::NEG_ONE)
    }

    /// The sum; opposite infinities have none.
    pub fn plus(self, other: Number) -> Result<Number> {
        match (self, other) {
            (Int(a), Int(b)) => a.checked_add(b).map(Int).ok_or(BuildError::Overflow),
            (Infinite { .. }, Infinite { .. }) => add_infinite(self, other),
            (Infinite { .. }, _) => Ok(self),
            (_, Infinite { .. }) => Ok(other),
            (Float(_), _) | (_, Float(_)) => Number::float(self.to_f64() + other.to_f64()),
            _ => {
                let ((p1, q1), (p2, q2)) = (self.parts(), other.parts());
                let left = p1.checked_mul(q2).ok_or(BuildError::Overflow)?;
                let right = p2.checked_mul(q1).ok_or(BuildError::Overflow)?;
                let p = left.checked_add(right).ok_or(BuildError::Overflow)?;
                Number::fraction(p, q1.checked_mul(q2).ok_or(BuildError::Overflow)?)
            }
        }
    }

    /// The product; zero and an infinity have none.
    pub fn times(self, other: Number) -> Result<Number> {
        match (self, other) {
            (Int(a), Int(b)) => a.checked_mul(b).map(Int).ok_or(BuildError::Overflow),
            (Infinite { integer, negative }, o) | (o, Infinite { integer, negative }) => {
                mul_infinite(integer, negative, o)
            }
            // An exact zero absorbs floats.
            (Int(0), _) | (_, Int(0)) => Ok(Number::ZERO),
            (Float(_), _) | (_, Float(_)) => Number::float(self.to_f64() * other.to_f64()),
            _ => {
                let ((p1, q1), (p2, q2)) = (self.parts(), other.parts());
                let p = p1.checked_mul(p2).ok_or(BuildError::Overflow)?;
                Number::fraction(p, q1.checked_mul(q2).ok_or(BuildError::Overflow)?)
            }
        }
    }

    /// The power with an integer exponent.
    pub fn pow_int(self, exponent: i128) -> Result<Number> {
        match self {
            _ if exponent == 0 => Ok(Number::ONE),
            Float(v) => Number::float(v.powf(exponent as f64)),
            Infinite { .. } if exponent < 0 => Ok(Number::ZERO),
            Infinite { integer, negative } => Ok(Infinite {
                integer,
                negative: negative && exponent % 2 != 0,
            }),
            Int(_) | Rational(..) => {
                let (p, q) = self.parts();
                let magnitude = exponent.unsigned_abs();
                let (p, q) = (checked_pow(p, magnitude)?, checked_pow(q, magnitude)?);
                if exponent < 0 {
                    Number::fraction(q, p)
                } else {
                    Number::fraction(p, q)
                }
            }
        }
    }

    /// The largest integer not above the number; infinities stay.
    pub fn floor(self) -> Result<Number> {
        match self {
            Int(_) => Ok(self),
            Rational(p, q) => Ok(Int(p.div_euclid(q))),
            Float(v) => Number::from_integral(v.floor()),
            Infinite { negative, .. } => Ok(Infinite {
                integer: true,
                negative,
            }),
        }
    }

    /// The integer that a whole float holds.
    pub fn from_integral(value: f64) -> Result<Number> {
        if value.abs() < 1.7e38 {
            Ok(Int(value as i128))
        } else if value.is_infinite() {
            Ok(Infinite {
                integer: true,
                negative: value < 0.0,
            })
        } else {
            Err(BuildError::Overflow)
        }
    }

    /// Numerator and denominator; floats and infinities do not get here.
    fn parts(self) -> (i128, i128) {
        match self {
            Int(p) => (p, 1),
            Rational(p, q) => (p, q),
            Float(_) | Infinite { .. } => (0, 1),
        }
    }

    /// The order by value: `-oo < -int_oo < finite < int_oo < oo`.
    pub fn compare(self, other: Number) -> Ordering {
        match (self, other) {
            (Int(a), Int(b)) => a.cmp(&b),
            (Infinite { .. }, _) | (_, Infinite { .. }) => rank(self).cmp(&rank(other)),
            (Float(a), Float(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Int(a), Float(b)) => compare_int_float(a, b),
            (Float(a), Int(b)) => compare_int_float(b, a).reverse(),
            _ => compare_fractions(self, other),
        }
    }
}

/// The sum of two infinities; opposite ones have none.
fn add_infinite(a: Number, b: Number) -> Result<Number> {
    let both_integer = matches!(
        (a, b),
        (
            Infinite { integer: true, .. },
            Infinite { integer: true, .. }
        )
    );
    match (a.is_negative(), b.is_negative()) {
        (x, y) if x == y => Ok(Infinite {
            integer: both_integer,
            negative: x,
        }),
        // `oo` outweighs `int_oo`, as in torch.
        _ if rank(a).abs() > rank(b).abs() => Ok(a),
        _ if rank(a).abs() < rank(b).abs() => Ok(b),
        _ => Err(BuildError::NotReal("oo - oo")),
    }
}

fn mul_infinite(integer: bool, negative: bool, other: Number) -> Result<Number> {
    let integer = integer && !matches!(other, Infinite { integer: false, .. });
    match other.sign() {
        Ordering::Equal => Err(BuildError::NotReal("0*oo")),
        sign => Ok(Infinite {
            integer,
            negative: negative != (sign == Ordering::Less),
        }),
    }
}

/// Where infinities stand around the finite numbers.
fn rank(number: Number) -> i8 {
    match number {
        Infinite { integer, negative } => {
            let magnitude = if integer { 1 } else { 2 };
            if negative { -magnitude } else { magnitude }
        }
        _ => 0,
    }
}

fn compare_int_float(a: i128, b: f64) -> Ordering {
    match (a as f64).partial_cmp(&b) {
        Some(Ordering::Equal) => a.cmp(&(b as i128)),
        Some(order) => order,
        None => Ordering::Equal,
    }
}

/// By cross multiplication, by rounded value where that overflows or a float is among them.
fn compare_fractions(a: Number, b: Number) -> Ordering {
    if a.is_rational() && b.is_rational() {
        let ((p1, q1), (p2, q2)) = (a.parts(), b.parts());
        if let (Some(left), Some(right)) = (p1.checked_mul(q2), p2.checked_mul(q1)) {
            return left.cmp(&right);
        }
    }
    a.to_f64()
        .partial_cmp(&b.to_f64())
        .unwrap_or(Ordering::Equal)
}

fn checked_pow(base: i128, exponent: u128) -> Result<i128> {
    match base {
        0 | 1 => Ok(if exponent == 0 { 1 } else { base }),
        -1 => Ok(if exponent.is_multiple_of(2) { 1 } else { -1 }),
        _ => u32::try_from(exponent)
            .ok()
            .and_then(|e| base.checked_pow(e))
            .ok_or(BuildError::Overflow),
    }
}

/// The greatest common divisor, positive; that of zero and zero is one.
pub fn gcd(a: i128, b: i128) -> Result<i128> {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i128::try_from(a.max(1)).map_err(|_| BuildError::Overflow)
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match *self {
            Int(v) => (0u8, v).hash(state),
            Rational(p, q) => (1u8, p, q).hash(state),
            Float(v) => (2u8, v.to_bits()).hash(state),
            Infinite { integer, negative } => (3u8, integer, negative).hash(state),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Structural: numbers of different kinds differ even when their values agree.
impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let kind = |n: &Number| match n {
            Int(_) => 0,
            Rational(..) => 1,
            Float(_) => 2,
            Infinite { .. } => 3,
        };
        match (self, other) {
            (Int(a), Int(b)) => a.cmp(b),
            (Rational(a, b), Rational(c, d)) => (a, b).cmp(&(c, d)),
            (Float(a), Float(b)) => a.total_cmp(b),
            (Infinite { .. }, Infinite { .. }) => rank(*self).cmp(&rank(*other)),
            _ => kind(self).cmp(&kind(other)),
        }
    }
}

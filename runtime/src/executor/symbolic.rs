//! Python's arithmetic on numbers: ints are checked 64-bit, floats are doubles, bools count as ints.

use std::cmp::Ordering;

use crate::{plan::SymFunction, torch::Value};

/// A Python number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
    Bool(bool),
}

use Number::{Bool, Float, Int};

type Outcome = Result<Number, String>;

impl Number {
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int(value) => Some(Int(*value)),
            Value::Float(value) => Some(Float(*value)),
            Value::Bool(value) => Some(Bool(*value)),
            _ => None,
        }
    }

    pub(crate) fn into_value(self) -> Value {
        match self {
            Int(value) => Value::Int(value),
            Float(value) => Value::Float(value),
            Bool(value) => Value::Bool(value),
        }
    }

    pub(crate) fn truth(self) -> bool {
        match self {
            Int(value) => value != 0,
            Float(value) => value != 0.0,
            Bool(value) => value,
        }
    }

    fn to_f64(self) -> f64 {
        match self {
            Int(value) => value as f64,
            Float(value) => value,
            Bool(value) => f64::from(u8::from(value)),
        }
    }

    /// The value as an int, unless it is a float.
    fn as_int(self) -> Option<i64> {
        match self {
            Int(value) => Some(value),
            Bool(value) => Some(value.into()),
            Float(_) => None,
        }
    }

    /// Exact, also between ints and floats; none if one is NaN.
    fn compare(self, other: Self) -> Option<Ordering> {
        match (self.as_int(), other.as_int()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            (Some(a), None) => compare_int_float(a, other.to_f64()),
            (None, Some(b)) => compare_int_float(b, self.to_f64()).map(Ordering::reverse),
            (None, None) => self.to_f64().partial_cmp(&other.to_f64()),
        }
    }
}

fn compare_int_float(int: i64, float: f64) -> Option<Ordering> {
    // 2^63 is exact as a double, and every double between these bounds truncates to an i64.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        return None;
    }
    if float >= LIMIT {
        return Some(Ordering::Less);
    }
    if float < -LIMIT {
        return Some(Ordering::Greater);
    }
    let fraction = 0.0_f64.partial_cmp(&float.fract())?;
    Some(int.cmp(&(float.trunc() as i64)).then(fraction))
}

/// Evaluates `function`; the error is a sentence without the function's name.
pub(crate) fn evaluate(function: SymFunction, args: &[Number]) -> Outcome {
    use SymFunction as F;
    match (function, args) {
        (F::SymSum, terms) => terms.iter().try_fold(Int(0), |sum, term| add(sum, *term)),
        (F::SymIte, [condition, then, otherwise]) => {
            Ok(if condition.truth() { *then } else { *otherwise })
        }
        (_, [a]) => unary(function, *a),
        (_, [a, b]) => binary(function, *a, *b),
        _ => Err(format!(
            "takes {} arguments, found {}",
            function.arity(),
            args.len()
        )),
    }
}

fn unary(function: SymFunction, a: Number) -> Outcome {
    use SymFunction as F;
    match function {
        F::Neg => match a.as_int() {
            Some(value) => value.checked_neg().map(Int).ok_or_else(overflow),
            None => Ok(Float(-a.to_f64())),
        },
        F::Pos => Ok(a.as_int().map_or(a, Int)),
        F::Abs => match a.as_int() {
            Some(value) => value.checked_abs().map(Int).ok_or_else(overflow),
            None => Ok(Float(a.to_f64().abs())),
        },
        F::Index | F::SymFreshSize => a
            .as_int()
            .map(Int)
            .ok_or_else(|| "expected an int, found a float".to_owned()),
        F::Invert => a
            .as_int()
            .map(|value| Int(!value))
            .ok_or_else(|| "expected an int, found a float".to_owned()),
        F::Not | F::SymNot => Ok(Bool(!a.truth())),
        F::Truth => Ok(Bool(a.truth())),
        F::Trunc | F::SymInt => to_int(a, f64::trunc),
        F::Floor => to_int(a, f64::floor),
        F::Ceil => to_int(a, f64::ceil),
        F::SymFloat => Ok(Float(a.to_f64())),
        _ => elementary(function, a.to_f64()),
    }
}

/// The functions of Python's `math`, which refuse arguments for which there is no real result.
fn elementary(function: SymFunction, x: f64) -> Outcome {
    use SymFunction as F;
    let result = match function {
        F::SymSqrt | F::Sqrt => x.sqrt(),
        F::Cos => x.cos(),
        F::Cosh => x.cosh(),
        F::Sin => x.sin(),
        F::Sinh => x.sinh(),
        F::Tan => x.tan(),
        F::Tanh => x.tanh(),
        F::Asin => x.asin(),
        F::Acos => x.acos(),
        F::Atan => x.atan(),
        F::Log2 if x == 0.0 => return Err(format!("has no value at {x:?}")),
        F::Log2 => x.log2(),
        _ => return Err(format!("takes {} arguments, found 1", function.arity())),
    };
    if result.is_nan() && !x.is_nan() {
        return Err(format!("has no value at {x:?}"));
    }
    if result.is_infinite() && x.is_finite() {
        return Err(format!("is too large for a float at {x:?}"));
    }
    Ok(Float(result))
}

fn binary(function: SymFunction, a: Number, b: Number) -> Outcome {
    use SymFunction as F;
    let ordering = a.compare(b);
    Ok(match function {
        F::Add => return add(a, b),
        F::Sub => return arithmetic(a, b, i64::checked_sub, |a, b| a - b),
        F::Mul => return arithmetic(a, b, i64::checked_mul, |a, b| a * b),
        F::TrueDiv => return true_divide(a, b),
        F::FloorDiv => return floor_divide(a, b),
        F::Mod => return modulo(a, b),
        F::Pow => return power(a, b),
        F::And => return bitwise(a, b, |a, b| a & b, |a, b| a & b),
        F::Or => return bitwise(a, b, |a, b| a | b, |a, b| a | b),
        F::Xor => return bitwise(a, b, |a, b| a ^ b, |a, b| a ^ b),
        F::LShift => {
            return shift(a, b, |a, by| {
                a.checked_mul(1_i64.checked_shl(by).filter(|factor| *factor > 0)?)
            });
        }
        F::RShift => return shift(a, b, |a, by| Some(a >> by.min(63))),
        F::Eq => Bool(ordering == Some(Ordering::Equal)),
        F::Ne => Bool(ordering != Some(Ordering::Equal)),
        F::Lt => Bool(ordering == Some(Ordering::Less)),
        F::Le => Bool(matches!(ordering, Some(Ordering::Less | Ordering::Equal))),
        F::Gt => Bool(ordering == Some(Ordering::Greater)),
        F::Ge => Bool(matches!(
            ordering,
            Some(Ordering::Greater | Ordering::Equal)
        )),
        // As Python's `max` and `min`: the first unless the second is truly beyond it.
        F::SymMax => as_common(
            a,
            b,
            if ordering == Some(Ordering::Less) {
                b
            } else {
                a
            },
        ),
        F::SymMin => as_common(
            a,
            b,
            if ordering == Some(Ordering::Greater) {
                b
            } else {
                a
            },
        ),
        _ => return Err(format!("takes {} arguments, found 2", function.arity())),
    })
}

fn overflow() -> String {
    "overflows 64 bits".to_owned()
}

fn by_zero() -> String {
    "divides by zero".to_owned()
}

/// A float if one of the operands is a float.
fn as_common(a: Number, b: Number, result: Number) -> Number {
    match (a, b) {
        (Float(_), _) | (_, Float(_)) => Float(result.to_f64()),
        _ => result,
    }
}

fn arithmetic(
    a: Number,
    b: Number,
    ints: fn(i64, i64) -> Option<i64>,
    floats: fn(f64, f64) -> f64,
) -> Outcome {
    match (a.as_int(), b.as_int()) {
        (Some(a), Some(b)) => ints(a, b).map(Int).ok_or_else(overflow),
        _ => Ok(Float(floats(a.to_f64(), b.to_f64()))),
    }
}

fn add(a: Number, b: Number) -> Outcome {
    arithmetic(a, b, i64::checked_add, |a, b| a + b)
}

fn true_divide(a: Number, b: Number) -> Outcome {
    if b.to_f64() == 0.0 {
        return Err(by_zero());
    }
    Ok(Float(a.to_f64() / b.to_f64()))
}

fn floor_divide(a: Number, b: Number) -> Outcome {
    if b.to_f64() == 0.0 {
        return Err(by_zero());
    }
    match (a.as_int(), b.as_int()) {
        (Some(a), Some(b)) => {
            let quotient = a.checked_div(b).ok_or_else(overflow)?;
            Ok(Int(if a % b != 0 && (a < 0) != (b < 0) {
                quotient - 1
            } else {
                quotient
            }))
        }
        _ => {
            let (a, b) = (a.to_f64(), b.to_f64());
            let quotient = ((a - float_modulo(a, b)) / b).round();
            Ok(Float(if quotient == 0.0 {
                0.0_f64.copysign(a / b)
            } else {
                quotient
            }))
        }
    }
}

/// The remainder with the sign of the divisor.
fn modulo(a: Number, b: Number) -> Outcome {
    if b.to_f64() == 0.0 {
        return Err(by_zero());
    }
    match (a.as_int(), b.as_int()) {
        (Some(a), Some(b)) => {
            let remainder = a.checked_rem(b).unwrap_or(0);
            Ok(Int(if remainder != 0 && (remainder < 0) != (b < 0) {
                remainder + b
            } else {
                remainder
            }))
        }
        _ => Ok(Float(float_modulo(a.to_f64(), b.to_f64()))),
    }
}

fn float_modulo(a: f64, b: f64) -> f64 {
    let remainder = a % b;
    if remainder == 0.0 {
        return 0.0_f64.copysign(b);
    }
    if (remainder < 0.0) == (b < 0.0) {
        remainder
    } else {
        remainder + b
    }
}

fn power(a: Number, b: Number) -> Outcome {
    if let (Some(base), Some(exponent @ 0..)) = (a.as_int(), b.as_int()) {
        return match (base, u32::try_from(exponent)) {
            (0 | 1, _) => Ok(Int(if exponent == 0 { 1 } else { base })),
            (-1, _) => Ok(Int(if exponent % 2 == 0 { 1 } else { -1 })),
            (_, Ok(exponent)) => base.checked_pow(exponent).map(Int).ok_or_else(overflow),
            (_, Err(_)) => Err(overflow()),
        };
    }
    let (base, exponent) = (a.to_f64(), b.to_f64());
    if base == 0.0 && exponent < 0.0 {
        return Err(by_zero());
    }
    let result = base.powf(exponent);
    if result.is_nan() && !base.is_nan() && !exponent.is_nan() {
        return Err(format!(
            "{base:?} to the power of {exponent:?} is no real number"
        ));
    }
    Ok(Float(result))
}

fn bitwise(
    a: Number,
    b: Number,
    ints: fn(i64, i64) -> i64,
    bools: fn(bool, bool) -> bool,
) -> Outcome {
    match (a, b) {
        (Bool(a), Bool(b)) => Ok(Bool(bools(a, b))),
        _ => match (a.as_int(), b.as_int()) {
            (Some(a), Some(b)) => Ok(Int(ints(a, b))),
            _ => Err("expected ints or bools, found a float".to_owned()),
        },
    }
}

fn shift(a: Number, b: Number, apply: fn(i64, u32) -> Option<i64>) -> Outcome {
    let (Some(a), Some(by)) = (a.as_int(), b.as_int()) else {
        return Err("expected ints, found a float".to_owned());
    };
    let by = u32::try_from(by).map_err(|_| {
        if by < 0 {
            "shifts by a negative count".to_owned()
        } else {
            overflow()
        }
    })?;
    apply(a, by).map(Int).ok_or_else(overflow)
}

fn to_int(a: Number, round: fn(f64) -> f64) -> Outcome {
    if let Some(value) = a.as_int() {
        return Ok(Int(value));
    }
    let rounded = round(a.to_f64());
    if compare_int_float(i64::MAX, rounded).is_some_and(Ordering::is_ge)
        && compare_int_float(i64::MIN, rounded).is_some_and(Ordering::is_le)
    {
        return Ok(Int(rounded as i64));
    }
    Err(format!("{:?} is no 64-bit int", a.to_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(function: SymFunction, args: &[Number], expected: Result<Number, &str>) {
        let found = evaluate(function, args);
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(
                format!("{found:?}"),
                format!("{expected:?}"),
                "{function:?}{args:?}"
            ),
            (Err(found), Err(expected)) => assert_eq!(found, expected, "{function:?}{args:?}"),
            _ => panic!("{function:?}{args:?} gave {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn division_rounds_down_as_in_python() {
        use SymFunction::{FloorDiv, Mod};
        for (a, b, quotient, remainder) in [
            (7, 2, 3, 1),
            (-7, 2, -4, 1),
            (7, -2, -4, -1),
            (-7, -2, 3, -1),
            (6, -3, -2, 0),
        ] {
            check(FloorDiv, &[Int(a), Int(b)], Ok(Int(quotient)));
            check(Mod, &[Int(a), Int(b)], Ok(Int(remainder)));
        }
        check(FloorDiv, &[Float(-7.5), Int(2)], Ok(Float(-4.0)));
        check(Mod, &[Float(-7.5), Int(2)], Ok(Float(0.5)));
        check(Mod, &[Int(4), Float(-2.0)], Ok(Float(-0.0)));
        check(FloorDiv, &[Int(1), Int(0)], Err("divides by zero"));
        check(Mod, &[Int(1), Float(0.0)], Err("divides by zero"));
        check(
            FloorDiv,
            &[Int(i64::MIN), Int(-1)],
            Err("overflows 64 bits"),
        );
        check(Mod, &[Int(i64::MIN), Int(-1)], Ok(Int(0)));
    }

    #[test]
    fn arithmetic_mixes_kinds_as_in_python() {
        use SymFunction as F;
        check(F::Add, &[Int(1), Bool(true)], Ok(Int(2)));
        check(F::Add, &[Int(1), Float(0.5)], Ok(Float(1.5)));
        check(F::Mul, &[Int(i64::MAX), Int(2)], Err("overflows 64 bits"));
        check(F::Sub, &[Int(i64::MIN), Int(1)], Err("overflows 64 bits"));
        check(F::Neg, &[Int(i64::MIN)], Err("overflows 64 bits"));
        check(F::Neg, &[Bool(true)], Ok(Int(-1)));
        check(F::TrueDiv, &[Int(7), Int(2)], Ok(Float(3.5)));
        check(F::Pow, &[Int(2), Int(10)], Ok(Int(1024)));
        check(F::Pow, &[Int(2), Int(-1)], Ok(Float(0.5)));
        check(F::Pow, &[Int(-1), Int(i64::MAX)], Ok(Int(-1)));
        check(F::Pow, &[Int(2), Int(64)], Err("overflows 64 bits"));
        check(F::Pow, &[Int(0), Int(-1)], Err("divides by zero"));
        check(
            F::Pow,
            &[Float(-8.0), Float(0.5)],
            Err("-8.0 to the power of 0.5 is no real number"),
        );
        check(F::SymSum, &[Int(1), Int(2), Int(3)], Ok(Int(6)));
        check(F::SymSum, &[], Ok(Int(0)));
    }

    #[test]
    fn comparisons_are_exact() {
        use SymFunction as F;
        check(
            F::Eq,
            &[Int((1 << 53) + 1), Float((1_i64 << 53) as f64)],
            Ok(Bool(false)),
        );
        check(
            F::Lt,
            &[Int(i64::MAX), Float(i64::MAX as f64)],
            Ok(Bool(true)),
        );
        check(F::Ge, &[Float(-2.5), Int(-2)], Ok(Bool(false)));
        check(F::Ne, &[Float(f64::NAN), Float(f64::NAN)], Ok(Bool(true)));
        check(F::Le, &[Float(f64::NAN), Int(1)], Ok(Bool(false)));
        check(F::Eq, &[Bool(true), Int(1)], Ok(Bool(true)));
    }

    #[test]
    fn logic_keeps_bools_and_bits() {
        use SymFunction as F;
        check(F::And, &[Bool(true), Bool(false)], Ok(Bool(false)));
        check(F::And, &[Int(6), Int(3)], Ok(Int(2)));
        check(F::Or, &[Bool(true), Int(2)], Ok(Int(3)));
        check(
            F::And,
            &[Float(1.0), Int(1)],
            Err("expected ints or bools, found a float"),
        );
        check(F::SymNot, &[Int(0)], Ok(Bool(true)));
        check(F::LShift, &[Int(3), Int(2)], Ok(Int(12)));
        check(F::LShift, &[Int(1), Int(63)], Err("overflows 64 bits"));
        check(
            F::LShift,
            &[Int(1), Int(-1)],
            Err("shifts by a negative count"),
        );
        check(F::RShift, &[Int(-5), Int(1)], Ok(Int(-3)));
        check(F::RShift, &[Int(-5), Int(900)], Ok(Int(-1)));
        check(F::Invert, &[Int(5)], Ok(Int(-6)));
    }

    #[test]
    fn rounding_gives_ints() {
        use SymFunction as F;
        check(F::Trunc, &[Float(-2.5)], Ok(Int(-2)));
        check(F::Floor, &[Float(-2.5)], Ok(Int(-3)));
        check(F::Ceil, &[Float(-2.5)], Ok(Int(-2)));
        check(F::SymInt, &[Bool(true)], Ok(Int(1)));
        check(F::Trunc, &[Float(1e300)], Err("1e300 is no 64-bit int"));
        check(F::Trunc, &[Float(f64::NAN)], Err("NaN is no 64-bit int"));
        check(F::SymFloat, &[Int(2)], Ok(Float(2.0)));
    }

    #[test]
    fn choices_and_extremes() {
        use SymFunction as F;
        check(F::SymIte, &[Bool(false), Int(1), Int(2)], Ok(Int(2)));
        check(F::SymMax, &[Int(1), Float(0.5)], Ok(Float(1.0)));
        check(F::SymMin, &[Int(3), Int(2)], Ok(Int(2)));
        check(F::SymSqrt, &[Int(9)], Ok(Float(3.0)));
        check(F::Sqrt, &[Int(-1)], Err("has no value at -1.0"));
        check(F::Log2, &[Int(0)], Err("has no value at 0.0"));
        check(F::SymIte, &[Int(1)], Err("takes 3 arguments, found 1"));
    }

    #[test]
    fn every_function_has_its_arity() {
        for function in SymFunction::ALL {
            assert_eq!(SymFunction::from_name(function.name()), Some(*function));
            let ones = vec![Int(1); function.arity()];
            assert!(evaluate(*function, &ones).is_ok(), "{function:?}");
        }
    }
}

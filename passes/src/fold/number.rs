//! Numbers of a dtype, and what is computed of them bit for bit as PyTorch's kernels do.

use expc_dialects::{Constant, ScalarType};

/// An op of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Neg,
    Abs,
    LogicalNot,
    BitwiseNot,
}

/// An op of two numbers of one dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    LogicalAnd,
    LogicalOr,
    BitwiseAnd,
    BitwiseOr,
}

/// A finite number of a dtype: a bool, an integer, or a float of single or double precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    value: Value,
    dtype: ScalarType,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Bool(bool),
    Int(i64),
    /// For single precision one of its numbers.
    Float(f64),
}

impl Number {
    /// What a tensor of the dtype holds that is filled with the constant; none where that is no number that folds.
    pub fn of_constant(constant: &Constant, dtype: ScalarType) -> Option<Self> {
        let value = match constant {
            Constant::Bool(value) => Value::Bool(*value),
            Constant::Int(value) => Value::Int(*value),
            Constant::Float(value) => Value::Float(*value),
            _ => return None,
        };
        Self { value, dtype }.cast(dtype)
    }

    /// What a constant beside a tensor of the dtype counts for; none where it is of a higher kind, such as a float
    /// beside integers.
    pub fn beside(constant: &Constant, dtype: ScalarType) -> Option<Self> {
        let is_lower = match constant {
            Constant::Bool(_) => true,
            Constant::Int(_) => dtype != ScalarType::Bool,
            Constant::Float(_) => dtype.is_floating_point(),
            _ => false,
        };
        Self::of_constant(constant, dtype).filter(|_| is_lower)
    }

    pub fn dtype(self) -> ScalarType {
        self.dtype
    }

    pub fn to_constant(self) -> Constant {
        match self.value {
            Value::Bool(value) => Constant::Bool(value),
            Value::Int(value) => Constant::Int(value),
            Value::Float(value) => Constant::Float(value),
        }
    }

    /// The number in another dtype; none where that does not hold it, or cuts it short.
    pub fn cast(self, dtype: ScalarType) -> Option<Self> {
        let value = match (dtype, self.value) {
            (ScalarType::Bool, Value::Bool(value)) => Value::Bool(value),
            (ScalarType::Bool, Value::Int(value)) => Value::Bool(value != 0),
            (ScalarType::Bool, Value::Float(value)) => Value::Bool(value != 0.0),
            (ScalarType::Float32 | ScalarType::Float64, value) => {
                Value::Float(to_float(value, dtype)?)
            }
            (dtype, Value::Bool(value)) if dtype.is_integer() => Value::Int(i64::from(value)),
            (dtype, Value::Int(value)) if holds(dtype, value) => Value::Int(value),
            _ => return None,
        };
        Some(Self { value, dtype })
    }

    /// Whether `x op self = x` for every bit of every x of the dtype.
    pub fn is_right_neutral(self, op: Binary) -> bool {
        match (op, self.value) {
            (Binary::Add, Value::Int(0)) | (Binary::Sub, Value::Int(0)) => true,
            // -0.0 + 0.0 is 0.0, and -0.0 - -0.0 as well.
            (Binary::Sub, Value::Float(value)) => value == 0.0 && value.is_sign_positive(),
            (Binary::Mul, Value::Int(1)) | (Binary::Mul, Value::Bool(true)) => true,
            (Binary::Mul | Binary::Div, Value::Float(value)) => value == 1.0,
            _ => false,
        }
    }

    pub fn unary(self, op: Unary) -> Option<Self> {
        let value = match (op, self.value) {
            (Unary::Neg, Value::Int(value)) => Value::Int(value.checked_neg()?),
            (Unary::Neg, Value::Float(value)) => Value::Float(-value),
            (Unary::Abs, Value::Int(value)) => Value::Int(value.checked_abs()?),
            (Unary::Abs, Value::Float(value)) => Value::Float(value.abs()),
            (Unary::LogicalNot, _) => {
                return Some(Self::of_bool(!self.is_true()));
            }
            (Unary::BitwiseNot, Value::Bool(value)) => Value::Bool(!value),
            (Unary::BitwiseNot, Value::Int(value)) => Value::Int(!value),
            (Unary::Neg | Unary::Abs, Value::Bool(_)) | (Unary::BitwiseNot, Value::Float(_)) => {
                return None;
            }
        };
        self.with(value)
    }

    /// What the op gives for two numbers of one dtype; none where that does not fold.
    pub fn binary(self, op: Binary, other: Self) -> Option<Self> {
        if let Some(order) = self.order(other) {
            let answer = match op {
                Binary::Eq => Some(order.is_eq()),
                Binary::Ne => Some(order.is_ne()),
                Binary::Lt => Some(order.is_lt()),
                Binary::Le => Some(order.is_le()),
                Binary::Gt => Some(order.is_gt()),
                Binary::Ge => Some(order.is_ge()),
                Binary::LogicalAnd => Some(self.is_true() && other.is_true()),
                Binary::LogicalOr => Some(self.is_true() || other.is_true()),
                _ => None,
            };
            if let Some(answer) = answer {
                return Some(Self::of_bool(answer));
            }
        }
        let value = match (self.value, other.value) {
            (Value::Bool(left), Value::Bool(right)) => match op {
                Binary::BitwiseAnd | Binary::Min | Binary::Mul => Value::Bool(left && right),
                Binary::BitwiseOr | Binary::Max | Binary::Add => Value::Bool(left || right),
                _ => return None,
            },
            (Value::Int(left), Value::Int(right)) => Value::Int(of_integers(op, left, right)?),
            (Value::Float(left), Value::Float(right)) => Value::Float(match self.dtype {
                ScalarType::Float32 => f64::from(of_singles(op, narrow(left), narrow(right))?),
                _ => of_doubles(op, left, right)?,
            }),
            _ => return None,
        };
        self.with(value)
    }

    fn of_bool(value: bool) -> Self {
        Self {
            value: Value::Bool(value),
            dtype: ScalarType::Bool,
        }
    }

    /// Another value of the dtype.
    fn with(self, value: Value) -> Option<Self> {
        let number = Self { value, ..self };
        number.cast(self.dtype)
    }

    fn is_true(self) -> bool {
        match self.value {
            Value::Bool(value) => value,
            Value::Int(value) => value != 0,
            Value::Float(value) => value != 0.0,
        }
    }

    fn order(self, other: Self) -> Option<std::cmp::Ordering> {
        match (self.value, other.value) {
            (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(&right)),
            (Value::Int(left), Value::Int(right)) => Some(left.cmp(&right)),
            (Value::Float(left), Value::Float(right)) => left.partial_cmp(&right),
            _ => None,
        }
    }
}

fn of_integers(op: Binary, left: i64, right: i64) -> Option<i64> {
    match op {
        Binary::Add => left.checked_add(right),
        Binary::Sub => left.checked_sub(right),
        Binary::Mul => left.checked_mul(right),
        Binary::Max => Some(left.max(right)),
        Binary::Min => Some(left.min(right)),
        Binary::BitwiseAnd => Some(left & right),
        Binary::BitwiseOr => Some(left | right),
        _ => None,
    }
}

/// The four operations, which every device rounds alike; none where the result is not finite.
macro_rules! four_operations {
    ($name:ident, $float:ty) => {
        fn $name(op: Binary, left: $float, right: $float) -> Option<$float> {
            let result = match op {
                Binary::Add => left + right,
                Binary::Sub => left - right,
                Binary::Mul => left * right,
                Binary::Div => left / right,
                _ => return None,
            };
            result.is_finite().then_some(result)
        }
    };
}

four_operations!(of_singles, f32);
four_operations!(of_doubles, f64);

#[allow(
    clippy::cast_possible_truncation,
    reason = "the rounding that is asked for"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// A number as a float of the dtype; none where it is not finite.
fn to_float(value: Value, dtype: ScalarType) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "the rounding that is asked for")]
    let value = match (value, dtype) {
        (Value::Bool(value), _) => f64::from(u8::from(value)),
        // Rounding to double precision first would round twice.
        (Value::Int(value), ScalarType::Float32) => f64::from(value as f32),
        (Value::Int(value), _) => value as f64,
        (Value::Float(value), ScalarType::Float32) => f64::from(narrow(value)),
        (Value::Float(value), _) => value,
    };
    value.is_finite().then_some(value)
}

/// Whether an integer dtype has the number.
fn holds(dtype: ScalarType, number: i64) -> bool {
    match dtype {
        ScalarType::Int8 => i8::try_from(number).is_ok(),
        ScalarType::Int16 => i16::try_from(number).is_ok(),
        ScalarType::Int32 => i32::try_from(number).is_ok(),
        ScalarType::Int64 => true,
        ScalarType::Uint8 => u8::try_from(number).is_ok(),
        ScalarType::Uint16 => u16::try_from(number).is_ok(),
        ScalarType::Uint32 => u32::try_from(number).is_ok(),
        ScalarType::Uint64 => u64::try_from(number).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        op: Binary,
        dtype: ScalarType,
        left: Constant,
        right: Constant,
        expected: Option<Constant>,
    ) {
        let number = |constant: &Constant| Number::of_constant(constant, dtype).unwrap();
        let found = number(&left).binary(op, number(&right));
        let found = found.map(Number::to_constant);
        assert_eq!(found, expected, "{op:?} of {left:?} and {right:?}");
    }

    #[test]
    fn integers_that_overflow_do_not_fold() {
        use Constant::Int;
        check(
            Binary::Add,
            ScalarType::Int8,
            Int(100),
            Int(27),
            Some(Int(127)),
        );
        check(Binary::Add, ScalarType::Int8, Int(100), Int(28), None);
        check(Binary::Sub, ScalarType::Uint8, Int(1), Int(2), None);
        check(Binary::Mul, ScalarType::Int64, Int(i64::MAX), Int(2), None);
        assert_eq!(Number::of_constant(&Int(300), ScalarType::Uint8), None);
    }

    #[test]
    fn floats_round_as_their_dtype_does() {
        use Constant::Float;
        let (tenth, fifth) = (f64::from(0.1_f32), f64::from(0.2_f32));
        let sum = f64::from(0.1_f32 + 0.2_f32);
        check(
            Binary::Add,
            ScalarType::Float32,
            Float(0.1),
            Float(0.2),
            Some(Float(sum)),
        );
        assert_ne!(tenth + fifth, sum);
        check(
            Binary::Div,
            ScalarType::Float64,
            Float(1.0),
            Float(0.0),
            None,
        );
        check(
            Binary::Mul,
            ScalarType::Float32,
            Float(1e30),
            Float(1e30),
            None,
        );
    }

    #[test]
    fn comparisons_are_bools() {
        use Constant::{Bool, Float, Int};
        check(
            Binary::Lt,
            ScalarType::Int32,
            Int(1),
            Int(2),
            Some(Bool(true)),
        );
        check(
            Binary::Eq,
            ScalarType::Float32,
            Float(0.0),
            Float(-0.0),
            Some(Bool(true)),
        );
        check(
            Binary::LogicalAnd,
            ScalarType::Int64,
            Int(2),
            Int(0),
            Some(Bool(false)),
        );
    }

    #[test]
    fn neutral_numbers_mind_the_sign_of_zero() {
        let number = |value| Number::of_constant(&Constant::Float(value), ScalarType::Float32);
        let neutral = |op, value| number(value).unwrap().is_right_neutral(op);
        assert!(neutral(Binary::Sub, 0.0));
        assert!(!neutral(Binary::Sub, -0.0));
        assert!(!neutral(Binary::Add, 0.0));
        assert!(neutral(Binary::Mul, 1.0));
    }
}

//! Promotion of dtypes over tensors and Python numbers, by PyTorch's rules.

use expc_dialects::ScalarType;

use super::call::Item;

/// How the dtype of an elementwise result follows from the promoted dtype of its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promotion {
    /// It is the promoted dtype.
    Default,
    /// Integers and bools become the default float.
    IntToFloat,
    /// Complex dtypes become their real part's.
    ComplexToFloat,
    /// Always bool.
    AlwaysBool,
}

/// The default dtype of torch, which a program cannot change.
pub const DEFAULT_FLOAT: ScalarType = ScalarType::Float32;

/// Bool, integer, float, complex, in the order in which one absorbs another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Category {
    Bool,
    Int,
    Float,
    Complex,
}

impl Category {
    fn of(dtype: ScalarType) -> Self {
        if dtype.is_complex() {
            Self::Complex
        } else if dtype.is_floating_point() {
            Self::Float
        } else if dtype == ScalarType::Bool {
            Self::Bool
        } else {
            Self::Int
        }
    }

    /// The dtype of a Python number of this category.
    fn default_dtype(self) -> ScalarType {
        match self {
            Self::Bool => ScalarType::Bool,
            Self::Int => ScalarType::Int64,
            Self::Float => DEFAULT_FLOAT,
            Self::Complex => ScalarType::Complex64,
        }
    }
}

/// What has been seen of the operands: the promoted dtype of tensors with dimensions, of tensors without,
/// and of Python numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    dimensioned: Option<ScalarType>,
    zero_dim: Option<ScalarType>,
    number: Option<ScalarType>,
}

/// The dtype that the operands promote to; none if they hold no number and no tensor.
///
/// Tensors with dimensions come first; a tensor without dimensions counts only where its category is
/// higher, a Python number only where its category is higher still.
pub fn promoted<'i>(operands: impl IntoIterator<Item = &'i Item>) -> Option<ScalarType> {
    let mut seen = Seen::default();
    for operand in operands {
        see(&mut seen, operand);
    }
    let with_zero_dim = in_order(seen.dimensioned, seen.zero_dim);
    in_order(with_zero_dim, seen.number)
}

fn see(seen: &mut Seen, operand: &Item) {
    let (slot, dtype) = match operand {
        Item::Tensor(tensor) if tensor.rank() == 0 => (&mut seen.zero_dim, tensor.dtype),
        Item::Tensor(tensor) => (&mut seen.dimensioned, tensor.dtype),
        Item::Unranked(dtype) => (&mut seen.dimensioned, *dtype),
        Item::Int(_) | Item::SymInt => (&mut seen.number, ScalarType::Int64),
        Item::Float(_) | Item::SymFloat(_) => (&mut seen.number, DEFAULT_FLOAT),
        Item::Bool(_) | Item::SymBool(_) => (&mut seen.number, ScalarType::Bool),
        Item::Complex => (&mut seen.number, ScalarType::Complex64),
        Item::List(items) => {
            for item in items {
                see(seen, item);
            }
            return;
        }
        _ => return,
    };
    *slot = Some(slot.map_or(dtype, |before| promote(before, dtype)));
}

/// The dtype of the first unless the second is of a higher category.
fn in_order(first: Option<ScalarType>, second: Option<ScalarType>) -> Option<ScalarType> {
    match (first, second) {
        (Some(first), Some(second)) => Some(if Category::of(second) > Category::of(first) {
            lifted(first, second)
        } else {
            first
        }),
        (first, second) => first.or(second),
    }
}

/// A complex number lifts a float of whatever width to the complex dtype of that width.
fn lifted(first: ScalarType, second: ScalarType) -> ScalarType {
    match (Category::of(first), Category::of(second)) {
        (Category::Float, Category::Complex) => complex_of(first),
        _ => second,
    }
}

/// The dtype of an elementwise result.
pub fn result_dtype<'i>(
    operands: impl IntoIterator<Item = &'i Item>,
    promotion: Promotion,
) -> Option<ScalarType> {
    promoted(operands).map(|dtype| apply(dtype, promotion))
}

/// What a kind of promotion makes of the promoted dtype.
pub fn apply(dtype: ScalarType, promotion: Promotion) -> ScalarType {
    match promotion {
        Promotion::Default => dtype,
        Promotion::IntToFloat => match Category::of(dtype) {
            Category::Bool | Category::Int => DEFAULT_FLOAT,
            _ => dtype,
        },
        Promotion::ComplexToFloat => real_of(dtype),
        Promotion::AlwaysBool => ScalarType::Bool,
    }
}

/// The dtype of the real part.
pub fn real_of(dtype: ScalarType) -> ScalarType {
    match dtype {
        ScalarType::Complex32 => ScalarType::Float16,
        ScalarType::Complex64 => ScalarType::Float32,
        ScalarType::Complex128 => ScalarType::Float64,
        other => other,
    }
}

/// The complex dtype with parts of this dtype.
pub fn complex_of(dtype: ScalarType) -> ScalarType {
    match dtype {
        ScalarType::Float16 | ScalarType::Complex32 => ScalarType::Complex32,
        ScalarType::Float64 | ScalarType::Complex128 => ScalarType::Complex128,
        _ => ScalarType::Complex64,
    }
}

/// Sums of bools and integers are `int64`.
pub fn integral_to_long(dtype: ScalarType) -> ScalarType {
    match Category::of(dtype) {
        Category::Bool | Category::Int => ScalarType::Int64,
        _ => dtype,
    }
}

/// Whether the dtype is bool or an integer.
pub fn is_integral(dtype: ScalarType) -> bool {
    Category::of(dtype) <= Category::Int
}

/// The dtype that holds the values of both, as `torch.promote_types`.
pub fn promote(left: ScalarType, right: ScalarType) -> ScalarType {
    use ScalarType::{BFloat16, Float16, Float32, Float64, Int8, Int16, Int32, Int64, Uint8};
    if left == right {
        return left;
    }
    let (low, high) = if Category::of(left) <= Category::of(right) {
        (left, right)
    } else {
        (right, left)
    };
    match (Category::of(low), Category::of(high)) {
        (Category::Complex, _) => wider(low, high),
        (Category::Float, Category::Complex) => wider(complex_of(low), high),
        (Category::Float, _) => match (low, high) {
            (Float64, _) | (_, Float64) => Float64,
            (Float16 | BFloat16, Float16 | BFloat16) => Float32,
            (Float32, _) | (_, Float32) => Float32,
            // A float of 8 bits gives way to a wider one, and two different ones have no common dtype.
            (Float16 | BFloat16, _) => low,
            (_, Float16 | BFloat16) => high,
            _ => Float32,
        },
        (Category::Int, Category::Int) => match (low, high) {
            (Uint8, Int8) | (Int8, Uint8) => Int16,
            (Uint8, other) | (other, Uint8) | (Int8, other) | (other, Int8) => other,
            (Int16, Int32) | (Int32, Int16) => Int32,
            _ => Int64,
        },
        _ => high,
    }
}

fn wider(left: ScalarType, right: ScalarType) -> ScalarType {
    if left.size() >= right.size() {
        left
    } else {
        right
    }
}

/// The dtype of a Python number.
pub fn dtype_of_number(item: &Item) -> Option<ScalarType> {
    let category = match item {
        Item::Int(_) | Item::SymInt => Category::Int,
        Item::Float(_) | Item::SymFloat(_) => Category::Float,
        Item::Bool(_) | Item::SymBool(_) => Category::Bool,
        Item::Complex => Category::Complex,
        _ => return None,
    };
    Some(category.default_dtype())
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::shape::{Size, Tensor};

    fn tensor(dtype: ScalarType, rank: usize) -> Item {
        let sizes = vec![Size::Int(2); rank];
        let strides = vec![Size::ONE; rank];
        Tensor::strided(dtype, sizes, strides, &Rc::from("cpu")).into()
    }

    #[test]
    fn tensors_with_dimensions_come_first() {
        use ScalarType::*;
        let cases = [
            (vec![tensor(Float16, 1), tensor(Float64, 0)], Float16),
            (vec![tensor(Int64, 1), tensor(Float16, 0)], Float16),
            (vec![tensor(Int8, 1), Item::Int(Size::Int(300))], Int8),
            (vec![tensor(Int8, 1), Item::Float(0.5)], Float32),
            (vec![tensor(Float64, 0), Item::Float(0.5)], Float64),
            (vec![tensor(Bool, 2), Item::Int(Size::Int(1))], Int64),
            (vec![tensor(Float16, 1), Item::Complex], Complex32),
            (vec![tensor(Float64, 1), Item::Complex], Complex128),
            (vec![tensor(Int64, 1), Item::Complex], Complex64),
            (vec![tensor(Float32, 1), tensor(Complex128, 0)], Complex64),
            (vec![tensor(Uint8, 1), tensor(Int8, 1)], Int16),
            (vec![tensor(BFloat16, 1), tensor(Float16, 1)], Float32),
        ];
        for (operands, expected) in cases {
            assert_eq!(promoted(&operands), Some(expected), "{operands:?}");
        }
        assert_eq!(promoted(&[Item::None]), None);
    }

    #[test]
    fn the_kind_of_promotion_decides_the_result() {
        use ScalarType::*;
        assert_eq!(apply(Int32, Promotion::IntToFloat), Float32);
        assert_eq!(apply(Float16, Promotion::IntToFloat), Float16);
        assert_eq!(apply(Complex128, Promotion::ComplexToFloat), Float64);
        assert_eq!(apply(Float64, Promotion::AlwaysBool), Bool);
    }
}

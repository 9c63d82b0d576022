//! Comparison of tensors, as `torch.testing.assert_close` compares them.

use expc_dialects::ScalarType;

use crate::torch::{TensorInfo, TorchError, tensor_bytes};

/// How far two elements may be apart: `|actual - expected| <= absolute + relative * |expected|`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    pub relative: f64,
    pub absolute: f64,
}

impl Tolerance {
    pub const EXACT: Self = Self {
        relative: 0.0,
        absolute: 0.0,
    };

    /// The defaults of PyTorch (`torch/testing/_comparison.py`, `_DTYPE_PRECISIONS`): exact for ints, bools and the
    /// float8 kinds. Complex numbers have those of their parts.
    pub fn of(dtype: ScalarType) -> Self {
        use ScalarType::{BFloat16, Complex32, Complex64, Complex128, Float16, Float32, Float64};
        let (relative, absolute) = match dtype {
            Float16 | Complex32 => (1e-3, 1e-5),
            BFloat16 => (1.6e-2, 1e-5),
            Float32 | Complex64 => (1.3e-6, 1e-5),
            Float64 | Complex128 => (1e-7, 1e-7),
            _ => (0.0, 0.0),
        };
        Self { relative, absolute }
    }
}

/// How two tensors differ.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    Dtype {
        actual: String,
        expected: String,
    },
    Sizes {
        actual: Vec<i64>,
        expected: Vec<i64>,
    },
    Values(Values),
}

/// Elements that differ more than allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    pub mismatches: usize,
    pub elements: usize,
    /// The position of the first one that differs, and its values.
    pub first: Vec<i64>,
    pub actual: String,
    pub expected: String,
    /// The largest differences over all elements; infinite where only one is NaN or infinite.
    pub max_absolute: f64,
    pub max_relative: f64,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dtype { actual, expected } => write!(f, "dtype is {actual}, expected {expected}"),
            Self::Sizes { actual, expected } => {
                write!(f, "sizes are {actual:?}, expected {expected:?}")
            }
            Self::Values(Values {
                mismatches,
                elements,
                first,
                actual,
                expected,
                max_absolute,
                max_relative,
            }) => write!(
                f,
                "{mismatches} of {elements} elements differ, first at {first:?}: {actual}, expected {expected} \
                 (largest difference {max_absolute:.3e} absolute, {max_relative:.3e} relative)"
            ),
        }
    }
}

/// Compares two strided tensors of one dtype; NaN equals NaN. `tolerance` none means PyTorch's defaults.
///
/// # Errors
/// A tensor has no elements to read.
pub fn compare(
    actual: &tch::Tensor,
    expected: &tch::Tensor,
    tolerance: Option<Tolerance>,
) -> Result<Option<Difference>, TorchError> {
    let (left, right) = (TensorInfo::of(actual), TensorInfo::of(expected));
    let (Some(dtype), true) = (left.dtype, left.dtype == right.dtype) else {
        let name = |info: &TensorInfo| {
            info.dtype
                .map_or("unknown", ScalarType::torch_name)
                .to_owned()
        };
        return Ok(Some(Difference::Dtype {
            actual: name(&left),
            expected: name(&right),
        }));
    };
    if left.sizes != right.sizes {
        return Ok(Some(Difference::Sizes {
            actual: left.sizes,
            expected: right.sizes,
        }));
    }
    let (actual, expected) = (tensor_bytes(actual)?, tensor_bytes(expected)?);
    if actual == expected {
        return Ok(None);
    }
    let tolerance = tolerance.unwrap_or_else(|| Tolerance::of(dtype));
    let size = dtype.size();
    let mut tally = Tally::new(tolerance);
    for (index, (actual, expected)) in actual
        .chunks_exact(size)
        .zip(expected.chunks_exact(size))
        .enumerate()
    {
        tally.add(
            index,
            &Element::read(dtype, actual),
            &Element::read(dtype, expected),
        );
    }
    Ok(tally.difference(&left.sizes))
}

/// An element in a form that holds every dtype exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Element {
    Int(i128),
    Float(f64),
    Complex(f64, f64),
}

impl Element {
    fn read(dtype: ScalarType, bytes: &[u8]) -> Self {
        use ScalarType as S;
        let int = || {
            let mut wide = [0_u8; 8];
            wide.iter_mut()
                .zip(bytes)
                .for_each(|(to, from)| *to = *from);
            u64::from_ne_bytes(wide)
        };
        let half = |bytes: &[u8], to_f64: fn(u16) -> f64| {
            bytes
                .try_into()
                .map_or(f64::NAN, |bytes| to_f64(u16::from_ne_bytes(bytes)))
        };
        let single = |bytes: &[u8]| {
            bytes
                .try_into()
                .map_or(f64::NAN, |bytes| f64::from(f32::from_ne_bytes(bytes)))
        };
        let double = |bytes: &[u8]| bytes.try_into().map_or(f64::NAN, f64::from_ne_bytes);
        let (real, imaginary) = bytes.split_at(bytes.len() / 2);
        match dtype {
            S::Int8 => Self::Int((int() as u8 as i8).into()),
            S::Int16 => Self::Int((int() as u16 as i16).into()),
            S::Int32 => Self::Int((int() as u32 as i32).into()),
            S::Int64 => Self::Int((int() as i64).into()),
            S::Float16 => Self::Float(half(bytes, half_to_f64)),
            S::BFloat16 => Self::Float(half(bytes, |bits| {
                f64::from(f32::from_bits(u32::from(bits) << 16))
            })),
            S::Float32 => Self::Float(single(bytes)),
            S::Float64 => Self::Float(double(bytes)),
            S::Complex32 => Self::Complex(half(real, half_to_f64), half(imaginary, half_to_f64)),
            S::Complex64 => Self::Complex(single(real), single(imaginary)),
            S::Complex128 => Self::Complex(double(real), double(imaginary)),
            // Unsigned ints, bools, and the float8 kinds, which are compared bit by bit.
            _ => Self::Int(int().into()),
        }
    }

    fn is_nan(self) -> bool {
        match self {
            Self::Int(_) => false,
            Self::Float(value) => value.is_nan(),
            Self::Complex(real, imaginary) => real.is_nan() || imaginary.is_nan(),
        }
    }

    fn magnitude(self) -> f64 {
        match self {
            Self::Int(value) => (value as f64).abs(),
            Self::Float(value) => value.abs(),
            Self::Complex(real, imaginary) => real.hypot(imaginary),
        }
    }

    fn distance(self, other: Self) -> f64 {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.abs_diff(b) as f64,
            (Self::Float(a), Self::Float(b)) => (a - b).abs(),
            (Self::Complex(a, b), Self::Complex(c, d)) => (a - c).hypot(b - d),
            _ => f64::NAN,
        }
    }

    fn show(self) -> String {
        match self {
            Self::Int(value) => value.to_string(),
            Self::Float(value) => format!("{value:?}"),
            Self::Complex(real, imaginary) => format!("{real:?}{imaginary:+?}j"),
        }
    }
}

fn half_to_f64(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2.0_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2.0_f64.powi(exponent - 25),
    }
}

struct Tally {
    tolerance: Tolerance,
    elements: usize,
    mismatches: usize,
    first: Option<(usize, Element, Element)>,
    max_absolute: f64,
    max_relative: f64,
}

impl Tally {
    fn new(tolerance: Tolerance) -> Self {
        Self {
            tolerance,
            elements: 0,
            mismatches: 0,
            first: None,
            max_absolute: 0.0,
            max_relative: 0.0,
        }
    }

    fn add(&mut self, index: usize, actual: &Element, expected: &Element) {
        self.elements += 1;
        if actual == expected || (actual.is_nan() && expected.is_nan()) {
            return;
        }
        let distance = actual.distance(*expected);
        let distance = if distance.is_nan() {
            f64::INFINITY
        } else {
            distance
        };
        let magnitude = expected.magnitude();
        let allowed = self.tolerance.absolute + self.tolerance.relative * magnitude;
        self.max_absolute = self.max_absolute.max(distance);
        self.max_relative = self.max_relative.max(if magnitude == 0.0 {
            f64::INFINITY
        } else {
            distance / magnitude
        });
        if distance <= allowed && distance.is_finite() {
            return;
        }
        self.mismatches += 1;
        self.first.get_or_insert((index, *actual, *expected));
    }

    fn difference(self, sizes: &[i64]) -> Option<Difference> {
        let (index, actual, expected) = self.first?;
        Some(Difference::Values(Values {
            mismatches: self.mismatches,
            elements: self.elements,
            first: position(index, sizes),
            actual: actual.show(),
            expected: expected.show(),
            max_absolute: self.max_absolute,
            max_relative: self.max_relative,
        }))
    }
}

/// The position of an element by its number in row-major order.
fn position(index: usize, sizes: &[i64]) -> Vec<i64> {
    let mut rest = i64::try_from(index).unwrap_or(i64::MAX);
    let mut position: Vec<_> = sizes
        .iter()
        .rev()
        .map(|size| {
            let size = (*size).max(1);
            let at = rest % size;
            rest /= size;
            at
        })
        .collect();
    position.reverse();
    position
}

#[cfg(test)]
mod tests {
    use tch::{Kind, Tensor};

    use super::*;

    fn check(actual: &Tensor, expected: &Tensor, difference: Option<&str>) {
        let found = compare(actual, expected, None).expect("comparable");
        assert_eq!(
            found.map(|difference| difference.to_string()).as_deref(),
            difference
        );
    }

    #[test]
    fn equal_within_the_defaults_of_the_dtype() {
        let x = Tensor::from_slice(&[1.0_f32, f32::NAN, f32::INFINITY]);
        check(
            &x,
            &Tensor::from_slice(&[1.000_001_f32, f32::NAN, f32::INFINITY]),
            None,
        );
        let half = |values: &[f32]| Tensor::from_slice(values).to_kind(Kind::Half);
        check(&half(&[1.0]), &half(&[1.0009]), None);
        let brain = |values: &[f32]| Tensor::from_slice(values).to_kind(Kind::BFloat16);
        check(&brain(&[1.0]), &brain(&[1.01]), None);
    }

    #[test]
    fn reports_the_first_difference() {
        let expected = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0]).view([2, 2]);
        let actual = Tensor::from_slice(&[1.0_f32, 2.0, 3.5, f32::NAN]).view([2, 2]);
        check(
            &actual,
            &expected,
            Some(
                "2 of 4 elements differ, first at [1, 0]: 3.5, expected 3.0 \
                 (largest difference inf absolute, inf relative)",
            ),
        );
    }

    #[test]
    fn ints_and_bools_are_exact() {
        let big = i64::MAX;
        check(
            &Tensor::from_slice(&[big, 0]),
            &Tensor::from_slice(&[big - 1, 0]),
            Some(
                "1 of 2 elements differ, first at [0]: 9223372036854775807, expected 9223372036854775806 \
                 (largest difference 1.000e0 absolute, 1.084e-19 relative)",
            ),
        );
        check(
            &Tensor::from_slice(&[true]),
            &Tensor::from_slice(&[true]),
            None,
        );
        let negative = Tensor::from_slice(&[-1_i8]);
        let found = compare(&negative, &Tensor::from_slice(&[1_i8]), None).expect("comparable");
        assert!(matches!(
            found,
            Some(Difference::Values(Values {
                max_absolute: 2.0,
                ..
            }))
        ));
    }

    #[test]
    fn dtype_and_sizes_come_first() {
        let x = Tensor::from_slice(&[1.0_f32, 2.0]);
        check(
            &x,
            &x.to_kind(Kind::Double),
            Some("dtype is float32, expected float64"),
        );
        check(&x, &x.view([2, 1]), Some("sizes are [2], expected [2, 1]"));
    }

    #[test]
    fn halves_are_read_exactly() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x0001, 2.0_f64.powi(-24)),
            (0x7bff, 65504.0),
        ] {
            assert_eq!(half_to_f64(bits), value);
        }
        assert!(half_to_f64(0x7e00).is_nan());
        assert_eq!(half_to_f64(0xfc00), f64::NEG_INFINITY);
    }
}

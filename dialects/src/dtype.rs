//! The dtypes of PyTorch, in each spelling that expc reads or writes.
//!
//! One row per dtype: PyTorch's name, the short form of its printed programs, the number
//! in c10 (`c10/core/ScalarType.h`), and the size.

use melior::{
    Context,
    ir::{Type, TypeLike, r#type::IntegerType},
};

use crate::mlir;

/// An element type of PyTorch tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScalarType {
    Uint8,
    Int8,
    Int16,
    Int32,
    Int64,
    Float16,
    Float32,
    Float64,
    Complex32,
    Complex64,
    Complex128,
    Bool,
    BFloat16,
    Uint16,
    Float8E4M3Fn,
    Float8E5M2,
    Float8E4M3FnUz,
    Float8E5M2FnUz,
    Float8E8M0Fnu,
    Uint32,
    Uint64,
}

struct Row {
    dtype: ScalarType,
    torch_name: &'static str,
    short_name: &'static str,
    c10: i64,
    size: usize,
}

macro_rules! rows {
    ($($variant:ident $torch:literal $short:literal $c10:literal $size:literal;)*) => {
        const ROWS: &[Row] = &[$(Row {
            dtype: ScalarType::$variant,
            torch_name: $torch,
            short_name: $short,
            c10: $c10,
            size: $size,
        },)*];
    };
}

// In the order of the enum, which `row` relies on.
rows! {
    Uint8          "uint8"           "u8"        0 1;
    Int8           "int8"            "i8"        1 1;
    Int16          "int16"           "i16"       2 2;
    Int32          "int32"           "i32"       3 4;
    Int64          "int64"           "i64"       4 8;
    Float16        "float16"         "f16"       5 2;
    Float32        "float32"         "f32"       6 4;
    Float64        "float64"         "f64"       7 8;
    Complex32      "complex32"       "c32"       8 4;
    Complex64      "complex64"       "c64"       9 8;
    Complex128     "complex128"      "c128"      10 16;
    Bool           "bool"            "b8"        11 1;
    BFloat16       "bfloat16"        "bf16"      15 2;
    Uint16         "uint16"          "u16"       27 2;
    Float8E4M3Fn   "float8_e4m3fn"   "f8e4m3fn"  24 1;
    Float8E5M2     "float8_e5m2"     "f8e5m2"    23 1;
    Float8E4M3FnUz "float8_e4m3fnuz" "f8e4m3fnuz" 26 1;
    Float8E5M2FnUz "float8_e5m2fnuz" "f8e5m2fnuz" 25 1;
    Float8E8M0Fnu  "float8_e8m0fnu"  "f8e8m0fnu" 44 1;
    Uint32         "uint32"          "u32"       28 4;
    Uint64         "uint64"          "u64"       29 8;
}

impl ScalarType {
    /// All dtypes, in a fixed order.
    pub fn all() -> impl Iterator<Item = ScalarType> {
        ROWS.iter().map(|row| row.dtype)
    }

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// `float32`, as in `torch.float32`.
    pub fn torch_name(self) -> &'static str {
        self.row().torch_name
    }

    /// `f32`, as in the annotations of a printed program (`torch/utils/_dtype_abbrs.py`).
    pub fn short_name(self) -> &'static str {
        self.row().short_name
    }

    /// Size of one element in bytes.
    pub fn size(self) -> usize {
        self.row().size
    }

    /// The number that c10 and the operator schemas use.
    pub fn c10(self) -> i64 {
        self.row().c10
    }

    pub fn from_c10(number: i64) -> Option<Self> {
        Self::find(|row| row.c10 == number)
    }

    pub fn from_torch_name(name: &str) -> Option<Self> {
        Self::find(|row| row.torch_name == name)
    }

    pub fn from_short_name(name: &str) -> Option<Self> {
        Self::find(|row| row.short_name == name)
    }

    fn find(predicate: impl Fn(&Row) -> bool) -> Option<Self> {
        ROWS.iter().find(|row| predicate(row)).map(|row| row.dtype)
    }

    pub fn is_floating_point(self) -> bool {
        use ScalarType::*;
        matches!(
            self,
            Float16
                | Float32
                | Float64
                | BFloat16
                | Float8E4M3Fn
                | Float8E5M2
                | Float8E4M3FnUz
                | Float8E5M2FnUz
                | Float8E8M0Fnu
        )
    }

    pub fn is_complex(self) -> bool {
        matches!(self, Self::Complex32 | Self::Complex64 | Self::Complex128)
    }

    /// Integers of any signedness, without bool.
    pub fn is_integer(self) -> bool {
        !self.is_floating_point() && !self.is_complex() && self != Self::Bool
    }

    /// The element type in MLIR: signed integers are signless there, bool is `i1`.
    pub fn to_mlir<'c>(self, context: &'c Context) -> Type<'c> {
        use ScalarType::*;
        match self {
            Uint8 => IntegerType::unsigned(context, 8).into(),
            Uint16 => IntegerType::unsigned(context, 16).into(),
            Uint32 => IntegerType::unsigned(context, 32).into(),
            Uint64 => IntegerType::unsigned(context, 64).into(),
            Int8 => IntegerType::new(context, 8).into(),
            Int16 => IntegerType::new(context, 16).into(),
            Int32 => IntegerType::new(context, 32).into(),
            Int64 => IntegerType::new(context, 64).into(),
            Bool => IntegerType::new(context, 1).into(),
            Float16 => Type::float16(context),
            Float32 => Type::float32(context),
            Float64 => Type::float64(context),
            BFloat16 => Type::bfloat16(context),
            Complex32 => mlir::complex_type(Type::float16(context)),
            Complex64 => mlir::complex_type(Type::float32(context)),
            Complex128 => mlir::complex_type(Type::float64(context)),
            Float8E4M3Fn => Type::float8_e4m3fn(context),
            Float8E5M2 => Type::float8_e5m2(context),
            Float8E4M3FnUz => Type::float8_e4m3fnuz(context),
            Float8E5M2FnUz => Type::float8_e5m2fnuz(context),
            Float8E8M0Fnu => Type::float8_e8m0fnu(context),
        }
    }

    /// The dtype of an MLIR element type, or none if PyTorch has no such dtype.
    pub fn from_mlir(element: Type<'_>) -> Option<Self> {
        use ScalarType::*;
        if let Some(part) = mlir::complex_element(element) {
            return match Self::from_mlir(part)? {
                Float16 => Some(Complex32),
                Float32 => Some(Complex64),
                Float64 => Some(Complex128),
                _ => None,
            };
        }
        // Asked first, because a conversion that fails prints the type into its error.
        if element.is_integer()
            && let Ok(integer) = IntegerType::try_from(element)
        {
            return match (integer.is_unsigned(), integer.is_signed(), integer.width()) {
                (false, false, 1) => Some(Bool),
                (false, false, 8) => Some(Int8),
                (false, false, 16) => Some(Int16),
                (false, false, 32) => Some(Int32),
                (false, false, 64) => Some(Int64),
                (true, _, 8) => Some(Uint8),
                (true, _, 16) => Some(Uint16),
                (true, _, 32) => Some(Uint32),
                (true, _, 64) => Some(Uint64),
                _ => None,
            };
        }
        mlir::float_dtype(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_enum_order_and_numbers_are_unique() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.dtype as usize, index);
            assert_eq!(ScalarType::from_c10(row.c10), Some(row.dtype));
            assert_eq!(ScalarType::from_torch_name(row.torch_name), Some(row.dtype));
            assert_eq!(ScalarType::from_short_name(row.short_name), Some(row.dtype));
        }
    }

    #[test]
    fn every_dtype_survives_mlir() {
        let context = Context::new();
        for dtype in ScalarType::all() {
            assert_eq!(ScalarType::from_mlir(dtype.to_mlir(&context)), Some(dtype));
        }
    }
}

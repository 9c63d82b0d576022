//! The numbered kinds of the schema: scalar types, layouts, memory formats, argument kinds.
//!
//! The numbers are the serializer's own, not those of libtorch.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// Declares an enum whose numbers in the file and names in PyTorch are given row by row.
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident, $what:literal, { $($(#[$variant_doc:meta])* $variant:ident = $number:literal, $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of the file's numbers.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The value that the file writes as `number`.
            pub fn from_number(number: u64) -> Option<Self> {
                match number {
                    $($number => Some($name::$variant),)+
                    _ => None,
                }
            }

            /// The number that the file writes for this value.
            pub fn number(self) -> u64 {
                match self {
                    $($name::$variant => $number,)+
                }
            }

            /// PyTorch's name without `torch.`.
            pub fn name(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)+
                }
            }

            /// The value that PyTorch calls `name` (without `torch.`).
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some($name::$variant),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Number;
                impl Visitor<'_> for Number {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("the number of a ", $what))
                    }

                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$name, E> {
                        $name::from_number(number)
                            .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
                    }
                }
                deserializer.deserialize_u64(Number)
            }
        }
    };
}

numbered! {
    /// The element type of a tensor.
    ScalarType, "scalar type", {
        /// Not known to the serializer.
        Unknown = 0, "unknown";
        U8 = 1, "uint8";
        I8 = 2, "int8";
        I16 = 3, "int16";
        I32 = 4, "int32";
        I64 = 5, "int64";
        F16 = 6, "float16";
        F32 = 7, "float32";
        F64 = 8, "float64";
        Complex32 = 9, "complex32";
        Complex64 = 10, "complex64";
        Complex128 = 11, "complex128";
        Bool = 12, "bool";
        Bf16 = 13, "bfloat16";
        U16 = 28, "uint16";
        F8E4M3Fn = 29, "float8_e4m3fn";
        F8E5M2 = 30, "float8_e5m2";
        F8E4M3FnUz = 31, "float8_e4m3fnuz";
        F8E5M2FnUz = 32, "float8_e5m2fnuz";
        F8E8M0Fnu = 33, "float8_e8m0fnu";
        U32 = 34, "uint32";
        U64 = 35, "uint64";
    }
}

impl ScalarType {
    /// Bytes of one element; `None` for [`ScalarType::Unknown`].
    pub fn size(self) -> Option<u64> {
        Some(match self {
            ScalarType::Unknown => return None,
            ScalarType::U8
            | ScalarType::I8
            | ScalarType::Bool
            | ScalarType::F8E4M3Fn
            | ScalarType::F8E5M2
            | ScalarType::F8E4M3FnUz
            | ScalarType::F8E5M2FnUz
            | ScalarType::F8E8M0Fnu => 1,
            ScalarType::I16 | ScalarType::U16 | ScalarType::F16 | ScalarType::Bf16 => 2,
            ScalarType::I32 | ScalarType::U32 | ScalarType::F32 | ScalarType::Complex32 => 4,
            ScalarType::I64 | ScalarType::U64 | ScalarType::F64 | ScalarType::Complex64 => 8,
            ScalarType::Complex128 => 16,
        })
    }

    /// Bytes of the unit that byte order is about: half an element of a complex type.
    pub fn unit_size(self) -> Option<u64> {
        let size = self.size()?;
        Some(match self {
            ScalarType::Complex32 | ScalarType::Complex64 | ScalarType::Complex128 => size / 2,
            _ => size,
        })
    }
}

numbered! {
    /// How a tensor's elements are laid out.
    Layout, "layout", {
        /// Not known to the serializer.
        Unknown = 0, "unknown";
        SparseCoo = 1, "sparse_coo";
        SparseCsr = 2, "sparse_csr";
        SparseCsc = 3, "sparse_csc";
        SparseBsr = 4, "sparse_bsr";
        SparseBsc = 5, "sparse_bsc";
        Mkldnn = 6, "_mkldnn";
        Strided = 7, "strided";
    }
}

numbered! {
    /// The order of a dense tensor's dimensions in memory.
    MemoryFormat, "memory format", {
        /// Not known to the serializer.
        Unknown = 0, "unknown";
        Contiguous = 1, "contiguous_format";
        ChannelsLast = 2, "channels_last";
        ChannelsLast3d = 3, "channels_last_3d";
        Preserve = 4, "preserve_format";
    }
}

numbered! {
    /// How the program passed an argument; files before schema 8.7 do not say.
    ArgumentKind, "argument kind", {
        /// The file does not say.
        Unknown = 0, "unknown";
        Positional = 1, "positional";
        Keyword = 2, "keyword";
    }
}

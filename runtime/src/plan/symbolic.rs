//! The functions on symbolic scalars that programs call, by their names in the `sym` dialect.

use serde::{Deserialize, Serialize};

macro_rules! functions {
    ($($variant:ident $name:literal $arity:literal;)*) => {
        /// A function on Python numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum SymFunction {
            $($variant,)*
        }

        impl SymFunction {
            /// Every function, in a fixed order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The mnemonic in the `sym` dialect.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// How many arguments it takes.
            pub fn arity(self) -> usize {
                match self {
                    $(Self::$variant => $arity,)*
                }
            }
        }
    };
}

// Mnemonic and number of arguments.
functions! {
    Add      "add"      2;
    Sub      "sub"      2;
    Mul      "mul"      2;
    TrueDiv  "truediv"  2;
    FloorDiv "floordiv" 2;
    Mod      "mod"      2;
    Pow      "pow"      2;
    Neg      "neg"      1;
    Pos      "pos"      1;
    Abs      "abs"      1;
    Index    "index"    1;
    And      "and_"     2;
    Or       "or_"      2;
    Xor      "xor"      2;
    Invert   "invert"   1;
    LShift   "lshift"   2;
    RShift   "rshift"   2;
    Not      "not_"     1;
    Truth    "truth"    1;
    Eq       "eq"       2;
    Ne       "ne"       2;
    Lt       "lt"       2;
    Le       "le"       2;
    Gt       "gt"       2;
    Ge       "ge"       2;
    Trunc    "trunc"    1;
    Floor    "floor"    1;
    Ceil     "ceil"     1;
    SymInt   "sym_int"   1;
    SymFloat "sym_float" 1;
    SymNot   "sym_not"   1;
    SymMax   "sym_max"   2;
    SymMin   "sym_min"   2;
    SymIte   "sym_ite"   3;
    SymSum   "sym_sum"   1;
    SymFreshSize "sym_fresh_size" 1;
    SymSqrt  "sym_sqrt"  1;
    Sqrt     "_sym_sqrt" 1;
    Cos      "_sym_cos"  1;
    Cosh     "_sym_cosh" 1;
    Sin      "_sym_sin"  1;
    Sinh     "_sym_sinh" 1;
    Tan      "_sym_tan"  1;
    Tanh     "_sym_tanh" 1;
    Asin     "_sym_asin" 1;
    Acos     "_sym_acos" 1;
    Atan     "_sym_atan" 1;
    Log2     "_sym_log2" 1;
}

impl SymFunction {
    /// Looks up a mnemonic of the `sym` dialect.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|function| function.name() == name)
    }
}

//! The functions that expressions are made of besides sums, products, powers and relations: one row each.
//!
//! Everything that differs from function to function and is a plain fact (name, arity, precedence, result) stands in the
//! row; what a function computes is in `fold.rs` (on construction), `eval.rs` (on values) and `bound.rs` (on ranges).

/// What kind of value a function gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Always an integer.
    Int,
    /// A real number, a float in Python.
    Real,
    /// An integer if its arguments are.
    Number,
    /// A truth value.
    Bool,
}

/// A row of the function table.
#[derive(Debug)]
pub struct FuncRow {
    pub func: Func,
    /// The class name, as `srepr` and `str` print it.
    pub name: &'static str,
    /// Fewest and most arguments.
    pub arity: (usize, usize),
    /// Binding strength in sympy's printer.
    pub precedence: u32,
    /// First two parts of the key by which sympy sorts classes.
    pub class_key: (u8, u16),
    pub sort: Sort,
}

macro_rules! functions {
    ($($func:ident $name:literal ($min:expr, $max:expr) $precedence:literal ($class:literal, $index:literal) $sort:ident;)*) => {
        /// A function symbol.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Func { $($func,)* }

        static TABLE: &[FuncRow] = &[$(FuncRow {
            func: Func::$func,
            name: $name,
            arity: ($min, $max),
            precedence: $precedence,
            class_key: ($class, $index),
            sort: Sort::$sort,
        },)*];
    };
}

const ANY: usize = usize::MAX;
/// The precedence of an atom: never in parentheses.
pub const ATOM: u32 = 1000;

functions! {
    Max "Max" (1, ANY) 1000 (5, 0) Number;
    Min "Min" (1, ANY) 1000 (5, 0) Number;
    And "And" (0, ANY) 30 (5, 0) Bool;
    Or "Or" (0, ANY) 20 (5, 0) Bool;
    Not "Not" (1, 1) 100 (5, 0) Bool;
    FloorDiv "FloorDiv" (2, 2) 35 (4, 10000) Int;
    CleanDiv "CleanDiv" (2, 2) 35 (4, 10000) Int;
    CeilDiv "CeilDiv" (2, 2) 70 (4, 0) Int;
    Mod "Mod" (2, 2) 35 (4, 10000) Int;
    PythonMod "PythonMod" (2, 2) 35 (4, 10000) Int;
    ModularIndexing "ModularIndexing" (3, 3) 35 (4, 10000) Int;
    Where "Where" (3, 3) 35 (4, 10000) Number;
    Piecewise "Piecewise" (2, ANY) 70 (4, 0) Number;
    LShift "LShift" (2, 2) 70 (4, 10000) Int;
    RShift "RShift" (2, 2) 70 (4, 10000) Int;
    PowByNatural "PowByNatural" (2, 2) 50 (4, 10000) Int;
    FloatPow "FloatPow" (2, 2) 60 (4, 10000) Real;
    IntTrueDiv "IntTrueDiv" (2, 2) 35 (4, 10000) Real;
    FloatTrueDiv "FloatTrueDiv" (2, 2) 35 (4, 10000) Real;
    CeilToInt "CeilToInt" (1, 1) 70 (4, 10000) Int;
    FloorToInt "FloorToInt" (1, 1) 70 (4, 10000) Int;
    TruncToInt "TruncToInt" (1, 1) 70 (4, 10000) Int;
    RoundToInt "RoundToInt" (1, 1) 70 (4, 10000) Int;
    TruncToFloat "TruncToFloat" (1, 1) 70 (4, 10000) Real;
    RoundDecimal "RoundDecimal" (2, 2) 70 (4, 10000) Real;
    ToFloat "ToFloat" (1, 1) 70 (4, 10000) Real;
    Abs "Abs" (1, 1) 70 (4, 10000) Number;
    Floor "floor" (1, 1) 70 (4, 10000) Int;
    Ceiling "ceiling" (1, 1) 70 (4, 10000) Int;
    Identity "Identity" (1, 1) 10 (4, 0) Number;
    IsNonOverlappingAndDense "IsNonOverlappingAndDenseIndicator" (0, ANY) 70 (4, 0) Int;
    BitwiseAnd "BitwiseFn_bitwise_and" (2, 2) 38 (4, 10000) Int;
    BitwiseOr "BitwiseFn_bitwise_or" (2, 2) 36 (4, 10000) Int;
    BitwiseXor "BitwiseFn_bitwise_xor" (2, 2) 37 (4, 10000) Int;
    Sqrt "OpaqueUnaryFn_sqrt" (1, 1) 70 (4, 10000) Real;
    Cos "OpaqueUnaryFn_cos" (1, 1) 70 (4, 10000) Real;
    Cosh "OpaqueUnaryFn_cosh" (1, 1) 70 (4, 10000) Real;
    Sin "OpaqueUnaryFn_sin" (1, 1) 70 (4, 10000) Real;
    Sinh "OpaqueUnaryFn_sinh" (1, 1) 70 (4, 10000) Real;
    Tan "OpaqueUnaryFn_tan" (1, 1) 70 (4, 10000) Real;
    Tanh "OpaqueUnaryFn_tanh" (1, 1) 70 (4, 10000) Real;
    Asin "OpaqueUnaryFn_asin" (1, 1) 70 (4, 10000) Real;
    Acos "OpaqueUnaryFn_acos" (1, 1) 70 (4, 10000) Real;
    Atan "OpaqueUnaryFn_atan" (1, 1) 70 (4, 10000) Real;
    Asinh "OpaqueUnaryFn_asinh" (1, 1) 70 (4, 10000) Real;
    Exp "OpaqueUnaryFn_exp" (1, 1) 70 (4, 10000) Real;
    Log "OpaqueUnaryFn_log" (1, 1) 70 (4, 10000) Real;
    Log2 "OpaqueUnaryFn_log2" (1, 1) 70 (4, 10000) Real;
}

impl Func {
    /// The function's row.
    pub fn row(self) -> &'static FuncRow {
        &TABLE[self as usize]
    }

    /// The class name, as sympy prints it.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The function of a class name.
    pub fn by_name(name: &str) -> Option<Func> {
        TABLE
            .iter()
            .find(|row| row.name == name)
            .map(|row| row.func)
    }

    /// Every function of the table.
    pub fn all() -> impl Iterator<Item = Func> {
        TABLE.iter().map(|row| row.func)
    }

    /// The function over floats, for the opaque ones of Python's `math`.
    pub fn math(self) -> Option<fn(f64) -> f64> {
        Some(match self {
            Func::Sqrt => f64::sqrt,
            Func::Cos => f64::cos,
            Func::Cosh => f64::cosh,
            Func::Sin => f64::sin,
            Func::Sinh => f64::sinh,
            Func::Tan => f64::tan,
            Func::Tanh => f64::tanh,
            Func::Asin => f64::asin,
            Func::Acos => f64::acos,
            Func::Atan => f64::atan,
            Func::Asinh => f64::asinh,
            Func::Exp => f64::exp,
            Func::Log => f64::ln,
            Func::Log2 => f64::log2,
            _ => return None,
        })
    }
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// Every relation with its sympy class name, its Python operator and its short sympy name.
static RELATIONS: [(Relation, &str, &str, &str); 6] = [
    (Relation::Eq, "Equality", "==", "Eq"),
    (Relation::Ne, "Unequality", "!=", "Ne"),
    (Relation::Lt, "StrictLessThan", "<", "Lt"),
    (Relation::Le, "LessThan", "<=", "Le"),
    (Relation::Gt, "StrictGreaterThan", ">", "Gt"),
    (Relation::Ge, "GreaterThan", ">=", "Ge"),
];

impl Relation {
    /// The name of sympy's class.
    pub fn class_name(self) -> &'static str {
        RELATIONS[self as usize].1
    }

    /// The operator in Python.
    pub fn operator(self) -> &'static str {
        RELATIONS[self as usize].2
    }

    /// The relation of a class name, long (`LessThan`) or short (`Le`).
    pub fn by_name(name: &str) -> Option<Relation> {
        RELATIONS
            .iter()
            .find(|row| row.1 == name || row.3 == name)
            .map(|row| row.0)
    }

    /// The relation of a Python operator.
    pub fn by_operator(operator: &str) -> Option<Relation> {
        RELATIONS
            .iter()
            .find(|row| row.2 == operator)
            .map(|row| row.0)
    }

    /// `not (a R b)` as a relation of the same sides.
    pub fn negated(self) -> Relation {
        match self {
            Relation::Eq => Relation::Ne,
            Relation::Ne => Relation::Eq,
            Relation::Lt => Relation::Ge,
            Relation::Le => Relation::Gt,
            Relation::Gt => Relation::Le,
            Relation::Ge => Relation::Lt,
        }
    }

    /// `a R b` as a relation of `b` and `a`.
    pub fn reversed(self) -> Relation {
        match self {
            Relation::Eq => Relation::Eq,
            Relation::Ne => Relation::Ne,
            Relation::Lt => Relation::Gt,
            Relation::Le => Relation::Ge,
            Relation::Gt => Relation::Lt,
            Relation::Ge => Relation::Le,
        }
    }

    /// Whether the relation holds for two sides that compare like this.
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Relation::Eq => order.is_eq(),
            Relation::Ne => order.is_ne(),
            Relation::Lt => order.is_lt(),
            Relation::Le => order.is_le(),
            Relation::Gt => order.is_gt(),
            Relation::Ge => order.is_ge(),
        }
    }
}

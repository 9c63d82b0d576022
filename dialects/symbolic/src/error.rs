//! What building, parsing and evaluating expressions can go wrong with.
//!
//! Nothing in this crate panics on input: every constructor hands back one of these.

use thiserror::Error;

/// Why an expression cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    /// A constant does not fit 128 bits.
    #[error("a constant of the expression does not fit 128 bits")]
    Overflow,
    /// Division or modulo by the constant zero.
    #[error("`{0}` by zero")]
    DivisionByZero(&'static str),
    /// The value is `nan`, complex infinity or a complex number.
    #[error("`{0}` has no real value here")]
    NotReal(&'static str),
    /// A function got the wrong number of arguments.
    #[error("`{name}` expects {expected} arguments, found {found}")]
    Arity {
        name: &'static str,
        expected: String,
        found: usize,
    },
    /// A truth value where a number is needed, or the other way round.
    #[error("`{name}` expects {expected}, found `{found}`")]
    Type {
        name: &'static str,
        expected: &'static str,
        found: String,
    },
    /// A negative shift count or exponent of a natural power.
    #[error("`{name}` expects a non-negative second argument, found {found}")]
    Negative { name: &'static str, found: i128 },
    /// The expression is nested too deeply.
    #[error("the expression is nested deeper than {0} levels")]
    TooDeep(u32),
    /// The expression has too many nodes.
    #[error("the expression has more than {0} nodes")]
    TooLarge(u32),
}

/// Why a text is not an expression, with the byte at which that shows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("at byte {offset}: {kind}")]
pub struct ParseError {
    /// Byte offset into the text that was parsed.
    pub offset: usize,
    /// What is wrong there.
    pub kind: ParseErrorKind,
}

/// The cause of a [`ParseError`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseErrorKind {
    #[error("expected {expected}, found {found}")]
    Unexpected { expected: String, found: String },
    #[error("unknown name `{0}`")]
    UnknownName(String),
    #[error("unknown keyword argument `{name}` of `{function}`")]
    UnknownKeyword { function: String, name: String },
    #[error("the number `{0}` cannot be represented")]
    Number(String),
    #[error("the text is {found} bytes long, at most {limit} are read")]
    TooLong { limit: usize, found: usize },
    #[error("the text is nested deeper than {0} levels")]
    TooDeep(usize),
    #[error("{0}")]
    Build(#[from] BuildError),
}

impl ParseError {
    pub(crate) fn new(offset: usize, kind: impl Into<ParseErrorKind>) -> Self {
        ParseError {
            offset,
            kind: kind.into(),
        }
    }

    pub(crate) fn unexpected(
        offset: usize,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::new(
            offset,
            ParseErrorKind::Unexpected {
                expected: expected.into(),
                found: found.into(),
            },
        )
    }
}

/// Why an expression has no value for given values of its symbols.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum EvalError {
    /// A symbol has no value.
    #[error("no value for symbol `{0}`")]
    UnknownSymbol(String),
    /// An intermediate or final integer does not fit its type.
    #[error("integer overflow in `{0}`")]
    Overflow(&'static str),
    /// Division or modulo by zero.
    #[error("`{0}` by zero")]
    DivisionByZero(&'static str),
    /// The function has no value for this argument, such as the root of a negative number.
    #[error("`{name}` has no value for {value}")]
    Domain { name: &'static str, value: f64 },
    /// A value of the wrong kind.
    #[error("`{name}` expects {expected}, found {found}")]
    Type {
        name: &'static str,
        expected: &'static str,
        found: &'static str,
    },
    /// The result is infinite where an integer is needed.
    #[error("`{0}` is infinite")]
    Infinite(&'static str),
}

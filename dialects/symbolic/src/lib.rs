//! Symbolic integer and boolean expressions, as PyTorch's `.pt2` archives and guards carry them.
//!
//! - [`Expr`] is an expression in canonical form: the one that sympy, with torch's function classes, evaluates to.
//! - [`Expr::parse`] reads sympy's text and its `srepr`; `Display` and [`Expr::to_srepr`] write both, character for
//!   character as sympy does.
//! - [`bound`] and [`statically`] say what an [`Env`] of ranges tells of an expression, [`Expr::simplify_with_ranges`] uses it.
//! - [`eval`] and [`Program`] give the value for values of the symbols.
//! - [`Guard`] is a condition over the inputs of a program, in Python.
//!
//! The crate knows nothing of MLIR, libtorch or files. Texts are hostile input: what cannot be read is an error with its
//! byte offset; depth and size are bounded, arithmetic on constants is checked.
//! Start with `expr.rs`.

mod assume;
mod bound;
mod canon;
mod error;
mod eval;
mod expr;
mod float;
mod fold;
mod func;
mod guard;
mod lattice;
mod logic;
mod number;
mod order;
mod parse;
mod print;
mod range;
mod simplify;

pub use bound::{bound, statically};
pub use error::{BuildError, EvalError, ParseError, ParseErrorKind};
pub use eval::{Program, Value, eval};
pub use expr::{Assumption, Built, Expr, Kind, MAX_DEPTH, MAX_NODES, Symbol};
pub use func::{Func, Relation, Sort};
pub use guard::{Guard, PathElement, Property, Source};
pub use number::Number;
pub use range::{Env, ValueRange};

//! Expressions from text: Python syntax (`lexer.rs`, `syntax.rs`) given a meaning (`lower.rs`).
//!
//! sympy's text, its `srepr` and the guards of a program are all Python expressions, so one reader serves the three:
//! `2*s0`, `Mul(Integer(2), Symbol('s0', positive=True))`, `2*L['x'].size()[0] == 4`.

mod lexer;
pub(crate) mod lower;
mod syntax;

use crate::error::{ParseError, ParseErrorKind};
use crate::expr::{Expr, Symbol};
use lower::{Leaves, Lowering};

/// Longest text that is read.
pub const MAX_TEXT: usize = 1 << 18;
/// Deepest nesting of brackets and operators.
pub const MAX_NESTING: usize = 100;

/// The leaves of sympy text: symbols, by the caller's table.
struct Symbols<'a>(&'a dyn Fn(&str) -> Symbol);

impl Leaves for Symbols<'_> {
    fn name(&mut self, name: &str) -> Option<Symbol> {
        Some((self.0)(name))
    }
}

impl Expr {
    /// Parses sympy's text or `srepr`, whichever it is; symbols that come without assumptions get torch's
    /// (see [`Symbol::torch`]).
    pub fn parse(text: &str) -> Result<Expr, ParseError> {
        Expr::parse_with(text, &Symbol::torch)
    }

    /// As [`Expr::parse`], with the symbols of bare names from a table.
    pub fn parse_with(text: &str, symbols: &dyn Fn(&str) -> Symbol) -> Result<Expr, ParseError> {
        let ast = parse_syntax(text)?;
        Lowering::sympy(&mut Symbols(symbols)).expr(&ast)
    }
}

pub(crate) fn parse_syntax(text: &str) -> Result<syntax::Ast, ParseError> {
    if text.len() > MAX_TEXT {
        return Err(ParseError::new(
            0,
            ParseErrorKind::TooLong {
                limit: MAX_TEXT,
                found: text.len(),
            },
        ));
    }
    syntax::parse(&lexer::tokens(text)?, text.len())
}

pub(crate) use syntax::{Ast, AstKind};

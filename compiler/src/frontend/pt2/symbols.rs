//! The symbolic expressions of a file: parsed once each, printed in the form of the IR.

use expc_dialects::{Constant, Diagnostic, Dim, program::Symbol};
use expc_pt2 as schema;
use expc_symbolic::{Assumption, Expr};
use rustc_hash::FxHashMap;

/// Expressions by the text of the file, and the symbols seen in them.
#[derive(Default)]
pub struct Expressions {
    parsed: FxHashMap<String, (Expr, String)>,
    symbols: Vec<Symbol>,
    positions: FxHashMap<String, usize>,
}

impl Expressions {
    /// A size, stride or offset.
    pub fn dim(&mut self, expr: &schema::SymExpr<'_>) -> Result<Dim, Diagnostic> {
        let (parsed, text) = self.lookup(expr.expr_str.as_str())?;
        self.remember_hint(&parsed, expr.hint);
        Ok(to_dim(&parsed, text))
    }

    /// A size that has no hint.
    pub fn dim_of(&mut self, text: &str) -> Result<Dim, Diagnostic> {
        self.lookup(text)
            .map(|(parsed, text)| to_dim(&parsed, text))
    }

    /// An expression and its canonical text.
    pub fn expression(&mut self, text: &str) -> Result<(Expr, String), Diagnostic> {
        self.lookup(text)
    }

    /// The canonical text of an expression.
    pub fn text(&mut self, expr: &schema::SymExpr<'_>) -> Result<String, Diagnostic> {
        let (parsed, text) = self.lookup(expr.expr_str.as_str())?;
        self.remember_hint(&parsed, expr.hint);
        Ok(text)
    }

    /// The canonical text of an expression that has no hint.
    pub fn parse(&mut self, text: &str) -> Result<String, Diagnostic> {
        self.lookup(text).map(|(_, text)| text)
    }

    /// The symbols in order of appearance.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// Whether strides are those of a row-major contiguous tensor, as PyTorch computes them for an empty
    /// tensor: a dimension of size 0 counts as 1.
    pub fn is_contiguous(&self, sizes: &[Dim], strides: &[Dim]) -> bool {
        if sizes.len() != strides.len() {
            return false;
        }
        // As long as there are only numbers, no expressions are needed.
        let mut dims = sizes.iter().zip(strides).rev().peekable();
        let mut product = 1_i64;
        while let Some((Dim::Static(size), Dim::Static(stride))) = dims.peek() {
            let Some(next) = product.checked_mul((*size).max(1)) else {
                break;
            };
            if *stride != product {
                return false;
            }
            product = next;
            dims.next();
        }
        let mut expected = Expr::int(i128::from(product));
        for (size, stride) in dims {
            if self.expr(stride).as_ref() != Some(&expected) {
                return false;
            }
            let factor = match size {
                Dim::Static(size) => Expr::int(i128::from((*size).max(1))),
                symbolic => match self.expr(symbolic) {
                    Some(expr) => expr,
                    None => return false,
                },
            };
            match Expr::mul([expected, factor]) {
                Ok(product) => expected = product,
                Err(_) => return false,
            }
        }
        true
    }

    fn expr(&self, dim: &Dim) -> Option<Expr> {
        match dim {
            Dim::Static(value) => Some(Expr::int(i128::from(*value))),
            Dim::Symbolic(text) => self.parsed.get(text).map(|(expr, _)| expr.clone()),
        }
    }

    fn lookup(&mut self, source: &str) -> Result<(Expr, String), Diagnostic> {
        if let Some(found) = self.parsed.get(source) {
            return Ok(found.clone());
        }
        let expr = Expr::parse(source).map_err(|error| {
            Diagnostic::error("E0145", format!("symbolic expression `{source}`: {error}"))
        })?;
        let text = expr.to_string();
        for symbol in expr.free_symbols() {
            if !self.positions.contains_key(symbol.name()) {
                self.positions
                    .insert(symbol.name().to_owned(), self.symbols.len());
                self.symbols.push(Symbol {
                    name: symbol.name().to_owned(),
                    hint: None,
                    positive: symbol.assumes(Assumption::Positive),
                    integer: symbol.assumes(Assumption::Integer),
                });
            }
        }
        let entry = (expr, text.clone());
        self.parsed.insert(source.to_owned(), entry.clone());
        self.parsed.entry(text).or_insert_with(|| entry.clone());
        Ok(entry)
    }

    /// The hint of a bare symbol is the symbol's.
    fn remember_hint(&mut self, expr: &Expr, hint: Option<schema::Hint>) {
        let position = expr
            .as_symbol()
            .and_then(|symbol| self.positions.get(symbol.name()));
        let symbol = position.and_then(|position| self.symbols.get_mut(*position));
        if let (Some(symbol), Some(hint)) = (symbol, hint) {
            symbol.hint = Some(match hint {
                schema::Hint::Int(value) => Constant::Int(value),
                schema::Hint::Float(value) => Constant::Float(value),
                schema::Hint::Bool(value) => Constant::Bool(value),
            });
        }
    }
}

fn to_dim(parsed: &Expr, text: String) -> Dim {
    match parsed.as_int().and_then(|value| i64::try_from(value).ok()) {
        Some(value) => Dim::Static(value),
        None => Dim::Symbolic(text),
    }
}

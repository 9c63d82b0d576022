//! Symbolic scalars and sizes as the file writes them: sympy's `srepr`, with the value at export time.

use expc_dialects::{Constant, Diagnostic, Dim, Program, program::Range};
use expc_pt2::{Hint, SchemaVersion, Str, Sym, SymBool, SymExpr, SymFloat, SymInt};
use expc_symbolic::{Expr, Value, eval};
use rustc_hash::FxHashMap;

/// What the file's expressions need to know of the program's symbols.
pub struct Symbols {
    /// `srepr` of each symbol whose assumptions are not those that its name implies.
    spelled: FxHashMap<String, String>,
    hints: FxHashMap<String, Value>,
    /// Whether expressions are spelled as `srepr`.
    has_srepr: bool,
    /// Expressions by their text in the IR.
    parsed: FxHashMap<String, Expr>,
}

impl Symbols {
    /// The symbols that the module tells of.
    pub fn of(program: &Program<'_, '_>, schema: SchemaVersion) -> Result<Self, Diagnostic> {
        let mut symbols = Self {
            spelled: FxHashMap::default(),
            hints: FxHashMap::default(),
            has_srepr: schema.has_srepr(),
            parsed: FxHashMap::default(),
        };
        let ranges = program.ranges()?;
        for symbol in program.symbols()? {
            let assumptions = match (symbol.positive, symbol.integer) {
                (true, true) => Some("positive=True, integer=True"),
                (false, true) => Some("integer=True"),
                // No integer: the name says it all.
                _ => None,
            };
            if let Some(assumptions) = assumptions {
                let spelled = format!("Symbol('{}', {assumptions})", symbol.name);
                symbols.spelled.insert(symbol.name.clone(), spelled);
            }
            let hint = match symbol.hint {
                Some(Constant::Int(value)) => Some(Value::Int(value)),
                Some(Constant::Float(value)) => Some(Value::Float(value)),
                Some(Constant::Bool(value)) => Some(Value::Bool(value)),
                _ => made_up(&symbol.name, &ranges).map(Value::Int),
            };
            if let Some(hint) = hint {
                symbols.hints.insert(symbol.name, hint);
            }
        }
        Ok(symbols)
    }

    /// A size, stride or offset.
    pub fn dim(&mut self, dim: &Dim) -> Result<SymInt<'static>, Diagnostic> {
        match dim {
            Dim::Static(value) => Ok(Sym::Value(*value)),
            Dim::Symbolic(text) => self.int(text),
        }
    }

    /// The expression of a SymInt.
    pub fn int(&mut self, text: &str) -> Result<SymInt<'static>, Diagnostic> {
        if let Ok(value) = text.parse() {
            return Ok(Sym::Value(value));
        }
        let expr = self.parse(text)?;
        Ok(self.written(&expr, int_hint))
    }

    /// The expression of a SymFloat.
    pub fn float(&mut self, text: &str) -> Result<SymFloat<'static>, Diagnostic> {
        if let Ok(value) = text.parse() {
            return Ok(Sym::Value(value));
        }
        let hint = |value| match value {
            Value::Float(value) => Some(Hint::Float(value)),
            // A hint is only a hint: a whole number that a float cannot hold may be rounded.
            Value::Int(value) => Some(Hint::Float(value as f64)),
            Value::Bool(_) => None,
        };
        let expr = self.parse(text)?;
        Ok(self.written(&expr, hint))
    }

    /// The expression of a SymBool, which has no hint.
    pub fn bool(&mut self, text: &str) -> Result<SymBool<'static>, Diagnostic> {
        match text {
            "True" => Ok(Sym::Value(true)),
            "False" => Ok(Sym::Value(false)),
            text => {
                let expr = self.parse(text)?;
                Ok(self.written(&expr, |_| None))
            }
        }
    }

    /// The strides of a row-major contiguous tensor; a dimension of size 0 counts as 1.
    pub fn contiguous_strides(
        &mut self,
        sizes: &[Dim],
    ) -> Result<Vec<SymInt<'static>>, Diagnostic> {
        let mut stride = Expr::int(1);
        let mut strides = Vec::with_capacity(sizes.len());
        for size in sizes.iter().rev() {
            strides.push(match stride.as_int().map(i64::try_from) {
                Some(Ok(value)) => Sym::Value(value),
                _ => self.written(&stride, int_hint),
            });
            let factor = match size {
                Dim::Static(size) => Expr::int(i128::from((*size).max(1))),
                Dim::Symbolic(text) => self.parse(text)?,
            };
            stride = Expr::mul([stride, factor]).map_err(|error| {
                Diagnostic::error("E0160", format!("the strides of a tensor: {error}"))
            })?;
        }
        strides.reverse();
        Ok(strides)
    }

    fn written<T>(&self, expr: &Expr, hint: impl Fn(Value) -> Option<Hint>) -> Sym<'static, T> {
        let value = eval(expr, &|name| self.hints.get(name).copied()).ok();
        Sym::Expr(SymExpr {
            expr_str: Str::from(match self.has_srepr {
                true => expr.to_srepr(),
                false => expr.to_string(),
            }),
            hint: value.and_then(hint),
        })
    }

    fn parse(&mut self, text: &str) -> Result<Expr, Diagnostic> {
        if let Some(found) = self.parsed.get(text) {
            return Ok(found.clone());
        }
        let expr = Expr::parse(&self.spell_out(text)).map_err(|error| {
            Diagnostic::error("E0160", format!("symbolic expression `{text}`: {error}"))
        })?;
        self.parsed.insert(text.to_owned(), expr.clone());
        Ok(expr)
    }

    /// The text with the assumptions of its symbols beside them.
    fn spell_out(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(is_word) {
            let (before, from_word) = rest.split_at(start);
            let length = from_word.find(|c| !is_word(c)).unwrap_or(from_word.len());
            let (word, behind) = from_word.split_at(length);
            out.push_str(before);
            out.push_str(self.spelled.get(word).map_or(word, String::as_str));
            rest = behind;
        }
        out.push_str(rest);
        out
    }
}

/// A value for a symbol of which only a text told: PyTorch computes with those of sizes, and takes symbols without one
/// for values that are not known before a call.
fn made_up(name: &str, ranges: &[Range]) -> Option<i64> {
    let is_size = name
        .strip_prefix('s')?
        .bytes()
        .all(|byte| byte.is_ascii_digit());
    let range = ranges.iter().find(|range| range.expression == name);
    let lowest = range.and_then(|range| range.min).unwrap_or(SMALLEST_SIZE);
    is_size.then_some(lowest.max(SMALLEST_SIZE))
}

/// The smallest size that PyTorch makes a symbol of.
const SMALLEST_SIZE: i64 = 2;

fn int_hint(value: Value) -> Option<Hint> {
    match value {
        Value::Int(value) => Some(Hint::Int(value)),
        Value::Float(_) | Value::Bool(_) => None,
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use expc_dialects::text::parse_module;

    use super::*;

    fn symbols(text: &str) -> Symbols {
        let context = expc_dialects::context();
        let module = parse_module(
            &context,
            &format!("module attributes {{aten.symbols = [{text}]}} {{}}"),
            "a.mlir",
        )
        .expect("a module");
        Symbols::of(&Program::new(&module), expc_pt2::SCHEMA).expect("symbols")
    }

    #[test]
    fn expressions_carry_assumptions_and_hints() {
        let mut symbols = symbols(
            r#"{name = "s77", hint = 4 : i64, positive, integer}, {name = "s0", hint = 3 : i64, integer}, {name = "u0", integer}"#,
        );
        let mut written = |text: &str| {
            let found = symbols.int(text).expect("an expression");
            let expr = found.expr().expect("no number");
            (expr.expr_str.to_string(), expr.hint)
        };
        assert_eq!(
            written("2*s77 + 1"),
            (
                "Add(Mul(Integer(2), Symbol('s77', positive=True, integer=True)), Integer(1))"
                    .to_owned(),
                Some(Hint::Int(9))
            )
        );
        assert_eq!(
            written("s0"),
            ("Symbol('s0', integer=True)".to_owned(), Some(Hint::Int(3)))
        );
        assert_eq!(
            written("u0"),
            ("Symbol('u0', integer=True)".to_owned(), None)
        );
    }

    #[test]
    fn numbers_are_no_expressions() {
        let mut symbols = symbols("");
        assert_eq!(symbols.int("-4"), Ok(Sym::Value(-4)));
        assert_eq!(symbols.float("0.5"), Ok(Sym::Value(0.5)));
        assert_eq!(symbols.bool("True"), Ok(Sym::Value(true)));
        let fault = symbols.int("s0 +").expect_err("refused");
        assert!(
            fault.message.starts_with("symbolic expression `s0 +`"),
            "{fault}"
        );
    }
}

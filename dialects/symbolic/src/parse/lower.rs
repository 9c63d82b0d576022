//! The meaning of Python syntax: syntax tree to expression.
//!
//! Two readings differ in a few operators. In sympy's text `/` and `**` are exact; in a guard, which Python runs on integers
//! and floats, `/` is a float division and a name is no symbol unless it is an input.

use super::{Ast, AstKind};
use crate::error::{BuildError, ParseError, ParseErrorKind};
use crate::expr::{Assumption, Built, Expr, Symbol};
use crate::func::{Func, Relation};
use crate::number::Number;

type Lowered = Result<Expr, ParseError>;

/// Where the symbols of an expression come from.
pub(crate) trait Leaves {
    /// The symbol of a bare name, if it is one.
    fn name(&mut self, name: &str) -> Option<Symbol>;

    /// The symbol of an attribute, subscript or call that reads an input; none if it does not.
    fn access(&mut self, _ast: &Ast) -> Result<Option<Symbol>, ParseError> {
        Ok(None)
    }
}

/// Gives syntax its meaning.
pub(crate) struct Lowering<'a> {
    leaves: &'a mut dyn Leaves,
    is_guard: bool,
}

/// Python functions that guards call, by their dotted names.
const PYTHON_FUNCTIONS: [(&str, Func); 37] = [
    ("math.floor", Func::FloorToInt),
    ("math.ceil", Func::CeilToInt),
    ("math.trunc", Func::TruncToInt),
    ("int", Func::TruncToInt),
    ("torch.sym_int", Func::TruncToInt),
    ("float", Func::ToFloat),
    ("torch.sym_float", Func::ToFloat),
    ("abs", Func::Abs),
    ("math.fabs", Func::Abs),
    ("max", Func::Max),
    ("min", Func::Min),
    ("torch.sym_max", Func::Max),
    ("torch.sym_min", Func::Min),
    ("torch.sym_not", Func::Not),
    ("torch.sym_ite", Func::Where),
    ("math.sqrt", Func::Sqrt),
    ("torch.sym_sqrt", Func::Sqrt),
    ("torch._sym_sqrt", Func::Sqrt),
    ("math.cos", Func::Cos),
    ("math.cosh", Func::Cosh),
    ("math.sin", Func::Sin),
    ("math.sinh", Func::Sinh),
    ("math.tan", Func::Tan),
    ("math.tanh", Func::Tanh),
    ("math.asin", Func::Asin),
    ("math.acos", Func::Acos),
    ("math.atan", Func::Atan),
    ("math.asinh", Func::Asinh),
    ("math.exp", Func::Exp),
    ("math.log", Func::Log),
    ("math.log2", Func::Log2),
    ("math.pow", Func::FloatPow),
    ("torch._sym_cos", Func::Cos),
    ("torch._sym_sin", Func::Sin),
    ("torch._sym_exp", Func::Exp),
    ("torch._sym_log", Func::Log),
    ("torch._sym_log2", Func::Log2),
];

impl<'a> Lowering<'a> {
    pub fn sympy(leaves: &'a mut dyn Leaves) -> Self {
        Lowering {
            leaves,
            is_guard: false,
        }
    }

    pub fn guard(leaves: &'a mut dyn Leaves) -> Self {
        Lowering {
            leaves,
            is_guard: true,
        }
    }

    pub fn expr(&mut self, ast: &Ast) -> Lowered {
        let at = |built: Built| built.map_err(|error| ParseError::new(ast.offset, error));
        match &ast.kind {
            AstKind::Int(value) => Ok(Expr::int(*value)),
            AstKind::Float(value) => at(Expr::float(*value)),
            AstKind::Str(text) => Err(ParseError::unexpected(
                ast.offset,
                "a number or truth value",
                format!("the string `{text}`"),
            )),
            AstKind::Sequence(_) => Err(ParseError::unexpected(
                ast.offset,
                "a number or truth value",
                "a sequence",
            )),
            AstKind::Name(name) => self.name(name, ast.offset),
            AstKind::Attribute(..) | AstKind::Index(..) => self.access(ast),
            AstKind::Call(function, args, keywords) => self.call(ast, function, args, keywords),
            AstKind::Prefix(operator, operand) => {
                let operand = self.expr(operand)?;
                at(prefix(operator, &operand))
            }
            AstKind::Chain(first, rest) => self.chain(first, rest),
            AstKind::Power(base, exponent) => {
                let (base, exponent) = (self.expr(base)?, self.expr(exponent)?);
                at(self.power(base, exponent))
            }
            AstKind::Compare(first, rest) => self.compare(first, rest, ast.offset),
            AstKind::Connective(is_and, operands) => {
                let func = if *is_and { Func::And } else { Func::Or };
                let operands = self.all(operands)?;
                at(Expr::call(func, operands))
            }
            AstKind::Conditional(parts) => {
                let [value, condition, other] = parts.as_ref();
                let args = vec![self.expr(condition)?, self.expr(value)?, self.expr(other)?];
                at(Expr::call(Func::Where, args))
            }
        }
    }

    fn all(&mut self, asts: &[Ast]) -> Result<Vec<Expr>, ParseError> {
        asts.iter().map(|ast| self.expr(ast)).collect()
    }

    fn name(&mut self, name: &str, offset: usize) -> Lowered {
        match name {
            "True" | "true" => return Ok(Expr::bool(true)),
            "False" | "false" => return Ok(Expr::bool(false)),
            "oo" => return Ok(Expr::number(infinity())),
            "int_oo" => return Ok(Expr::number(Number::INT_OO)),
            "nan" | "zoo" => {
                return Err(ParseError::unexpected(
                    offset,
                    "a number",
                    format!("`{name}`"),
                ));
            }
            _ => {}
        }
        match self.leaves.name(name) {
            Some(symbol) => Ok(Expr::symbol(symbol)),
            None => Err(ParseError::new(
                offset,
                ParseErrorKind::UnknownName(name.to_string()),
            )),
        }
    }

    fn access(&mut self, ast: &Ast) -> Lowered {
        if let Some(symbol) = self.leaves.access(ast)? {
            return Ok(Expr::symbol(symbol));
        }
        match dotted_name(ast).as_deref() {
            Some("math.inf") if self.is_guard => Ok(Expr::number(infinity())),
            Some(name) => Err(ParseError::new(
                ast.offset,
                ParseErrorKind::UnknownName(name.to_string()),
            )),
            None => Err(ParseError::unexpected(
                ast.offset,
                "a number or truth value",
                "a subscript",
            )),
        }
    }

    /// A chain is folded from the left; runs of `+` and `-` and runs of `*` are built at once.
    fn chain(&mut self, first: &Ast, rest: &[(&'static str, Ast)]) -> Lowered {
        let at = |offset: usize| move |error: BuildError| ParseError::new(offset, error);
        // `-(a + b)*c` is printed for the product of -1, `a + b` and `c`: the minus is a factor of its own.
        let mut pending = match (&first.kind, rest) {
            (AstKind::Prefix("-", operand), [("*", _), ..]) => {
                vec![Expr::int(-1), self.expr(operand)?]
            }
            _ => vec![self.expr(first)?],
        };
        let mut pending_is_sum = false;
        let combine = |pending: Vec<Expr>, is_sum: bool| match is_sum {
            true => Expr::add(pending),
            false => Expr::mul(pending),
        };
        for (operator, operand) in rest {
            let value = self.expr(operand)?;
            let is_sum = matches!(*operator, "+" | "-");
            if is_sum || *operator == "*" {
                pending_is_sum = is_sum;
                pending.push(if *operator == "-" {
                    value.neg().map_err(at(operand.offset))?
                } else {
                    value
                });
                continue;
            }
            let left = match pending.as_slice() {
                [only] => only.clone(),
                _ => combine(std::mem::take(&mut pending), pending_is_sum)
                    .map_err(at(operand.offset))?,
            };
            pending = vec![
                self.binary(operator, left, value)
                    .map_err(at(operand.offset))?,
            ];
        }
        match pending.as_slice() {
            [only] => Ok(only.clone()),
            _ => combine(pending, pending_is_sum).map_err(at(first.offset)),
        }
    }

    fn binary(&self, operator: &'static str, left: Expr, right: Expr) -> Built {
        let both_boolean = left.is_boolean() && right.is_boolean();
        let func = match operator {
            "/" if self.is_guard => Func::FloatTrueDiv,
            "/" => return left.div(&right),
            "//" => Func::FloorDiv,
            "%" => Func::PythonMod,
            "<<" => Func::LShift,
            ">>" => Func::RShift,
            "&" if both_boolean => Func::And,
            "|" if both_boolean => Func::Or,
            "&" => Func::BitwiseAnd,
            "|" => Func::BitwiseOr,
            _ => Func::BitwiseXor,
        };
        let func = match func {
            Func::FloatTrueDiv if is_integer(&left) && is_integer(&right) => Func::IntTrueDiv,
            _ => func,
        };
        Expr::call(func, vec![left, right])
    }

    fn power(&self, base: Expr, exponent: Expr) -> Built {
        if !self.is_guard || exponent.as_int().is_some_and(|e| e >= 0) {
            return Expr::pow(&base, &exponent);
        }
        let both_integer = is_integer(&base) && is_integer(&exponent);
        let func = if both_integer {
            Func::PowByNatural
        } else {
            Func::FloatPow
        };
        Expr::call(func, vec![base, exponent])
    }

    /// `a < b < c` is `a < b and b < c`.
    fn compare(&mut self, first: &Ast, rest: &[(Relation, Ast)], offset: usize) -> Lowered {
        let mut left = self.expr(first)?;
        let mut relations = Vec::with_capacity(rest.len());
        for (relation, operand) in rest {
            let right = self.expr(operand)?;
            let built = Expr::relation(*relation, &left, &right);
            relations.push(built.map_err(|error| ParseError::new(operand.offset, error))?);
            left = right;
        }
        match relations.as_slice() {
            [only] => Ok(only.clone()),
            _ => Expr::call(Func::And, relations).map_err(|error| ParseError::new(offset, error)),
        }
    }

    fn call(
        &mut self,
        ast: &Ast,
        function: &Ast,
        args: &[Ast],
        keywords: &[(String, Ast)],
    ) -> Lowered {
        if let Some(symbol) = self.leaves.access(ast)? {
            return Ok(Expr::symbol(symbol));
        }
        let name = function_name(function).ok_or_else(|| {
            ParseError::unexpected(function.offset, "the name of a function", "something else")
        })?;
        match (name.as_str(), args) {
            ("Symbol", [only]) => return symbol(only, keywords),
            ("Float", [only]) => return float(only, keywords),
            _ => no_keywords(&name, keywords)?,
        }
        if let ("float", [only]) = (name.as_str(), args)
            && let AstKind::Str(_) = only.kind
        {
            return float(only, keywords);
        }
        let args = spread(&name, args)
            .into_iter()
            .map(|arg| self.expr(arg))
            .collect::<Result<Vec<_>, _>>()?;
        self.apply(&name, args, ast.offset)
    }

    fn apply(&mut self, name: &str, args: Vec<Expr>, offset: usize) -> Lowered {
        self.build_call(name, args)
            .unwrap_or_else(|| {
                Err(ParseError::new(
                    offset,
                    ParseErrorKind::UnknownName(name.to_string()),
                ))
            })
            .map_err(|mut error| {
                error.offset = offset;
                error
            })
    }

    /// The call of a class or function by name; none if there is no such function.
    fn build_call(&mut self, name: &str, args: Vec<Expr>) -> Option<Lowered> {
        let built = match (name, args.as_slice()) {
            ("Integer", [value]) if value.as_int().is_some() => Ok(value.clone()),
            ("Rational", [p, q]) => match (p.as_int(), q.as_int()) {
                (Some(p), Some(q)) => Number::fraction(p, q).map(Expr::number),
                _ => Err(type_error("Rational", "integers", p)),
            },
            ("Add" | "torch.sym_sum", _) => Expr::add(args),
            ("Mul", _) => Expr::mul(args),
            ("Pow", [base, exponent]) => Expr::pow(base, exponent),
            ("sqrt", [arg]) => {
                Number::fraction(1, 2).and_then(|half| Expr::pow(arg, &Expr::number(half)))
            }
            ("cast_symbool_to_symint_guardless", [arg]) => {
                Expr::call(Func::Where, vec![arg.clone(), Expr::int(1), Expr::int(0)])
            }
            ("round", [arg]) => Expr::call(Func::RoundToInt, vec![arg.clone()]),
            ("round", [..]) => Expr::call(Func::RoundDecimal, args),
            (_, [left, right]) if Relation::by_name(name).is_some() => {
                let relation = Relation::by_name(name)?;
                Expr::relation(relation, left, right)
            }
            _ => Expr::call(self.function(name)?, args),
        };
        Some(built.map_err(|error| ParseError::new(0, error)))
    }

    fn function(&self, name: &str) -> Option<Func> {
        let python = || {
            PYTHON_FUNCTIONS
                .iter()
                .find(|row| row.0 == name)
                .map(|row| row.1)
        };
        Func::by_name(name).or_else(|| if self.is_guard { python() } else { None })
    }
}

fn infinity() -> Number {
    Number::Infinite {
        integer: false,
        negative: false,
    }
}

fn is_integer(expr: &Expr) -> bool {
    crate::assume::is_integer(expr)
}

fn type_error(name: &'static str, expected: &'static str, found: &Expr) -> BuildError {
    BuildError::Type {
        name,
        expected,
        found: found.to_string(),
    }
}

fn prefix(operator: &str, operand: &Expr) -> Built {
    match operator {
        "-" => operand.neg(),
        "+" => Ok(operand.clone()),
        _ => Expr::call(Func::Not, vec![operand.clone()]),
    }
}

/// `a.b.c` as text.
fn dotted_name(ast: &Ast) -> Option<String> {
    match &ast.kind {
        AstKind::Name(name) => Some(name.clone()),
        AstKind::Attribute(value, name) => Some(format!("{}.{name}", dotted_name(value)?)),
        _ => None,
    }
}

/// The name of what is called: dotted, or quoted in `Function('name')`.
fn function_name(ast: &Ast) -> Option<String> {
    if let AstKind::Call(function, args, _) = &ast.kind
        && let AstKind::Name(name) = &function.kind
        && name == "Function"
        && let [
            Ast {
                kind: AstKind::Str(text),
                ..
            },
        ] = args.as_slice()
    {
        return Some(text.clone());
    }
    dotted_name(ast)
}

/// The arguments with pairs and lists spread out, for functions that take them:
/// `Piecewise((a, c), ...)`, `Piecewise(ExprCondPair(a, c), ...)`, `torch.sym_sum([a, b])`.
fn spread<'a>(name: &str, args: &'a [Ast]) -> Vec<&'a Ast> {
    if !matches!(name, "Piecewise" | "torch.sym_sum") {
        return args.iter().collect();
    }
    let parts = |arg: &'a Ast| match &arg.kind {
        AstKind::Sequence(items) => items.iter().collect(),
        AstKind::Call(function, items, _) if matches!(&function.kind, AstKind::Name(name) if name == "ExprCondPair") => {
            items.iter().collect()
        }
        _ => vec![arg],
    };
    args.iter().flat_map(parts).collect()
}

fn symbol(name: &Ast, keywords: &[(String, Ast)]) -> Lowered {
    let AstKind::Str(text) = &name.kind else {
        return Err(ParseError::unexpected(
            name.offset,
            "a quoted name",
            "something else",
        ));
    };
    let mut assumptions = Vec::with_capacity(keywords.len());
    for (keyword, value) in keywords {
        let assumption = Assumption::by_name(keyword);
        match (assumption, &value.kind) {
            (Some(assumption), AstKind::Name(name)) if name == "True" || name == "False" => {
                assumptions.push((assumption, name == "True"));
            }
            _ => {
                return Err(ParseError::new(
                    value.offset,
                    ParseErrorKind::UnknownKeyword {
                        function: "Symbol".into(),
                        name: keyword.clone(),
                    },
                ));
            }
        }
    }
    Ok(Expr::symbol(Symbol::new(text, &assumptions)))
}

/// `Float('0.5', precision=53)`, and Python's `float('inf')`.
fn float(value: &Ast, keywords: &[(String, Ast)]) -> Lowered {
    if let Some((keyword, value)) = keywords.iter().find(|(name, _)| name != "precision") {
        let kind = ParseErrorKind::UnknownKeyword {
            function: "Float".into(),
            name: keyword.clone(),
        };
        return Err(ParseError::new(value.offset, kind));
    }
    let parsed = match &value.kind {
        // A literal that is too large must not become infinite.
        AstKind::Str(text) => text
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite() || text.contains("inf")),
        AstKind::Float(value) => Some(*value),
        AstKind::Int(value) => Some(*value as f64),
        _ => None,
    };
    let Some(number) = parsed else {
        return Err(ParseError::unexpected(
            value.offset,
            "a float",
            "something else",
        ));
    };
    Expr::float(number).map_err(|error| ParseError::new(value.offset, error))
}

fn no_keywords(function: &str, keywords: &[(String, Ast)]) -> Result<(), ParseError> {
    match keywords.iter().find(|(name, _)| name != "evaluate") {
        None => Ok(()),
        Some((name, value)) => Err(ParseError::new(
            value.offset,
            ParseErrorKind::UnknownKeyword {
                function: function.to_string(),
                name: name.clone(),
            },
        )),
    }
}

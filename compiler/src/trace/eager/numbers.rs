//! Expressions over sizes as calls: `sym_size` where a size stands, and arithmetic of the `sym` dialect.

use expc_dialects::{Constant, Diagnostic, ValueType};
use expc_passes::shape::Item;
use expc_symbolic::{Expr, Func, Kind};

use super::{
    code,
    emit::Emitter,
    graph::{Arg, Call, CallArg, CallResult, GraphId, ValueId, ValueInfo},
    sizes::{Ratio, Scale, line_of},
};
use crate::trace::tracer::to_info;

/// Where the value of a symbol can be had: a size of a tensor that is `factor*symbol + shift`.
#[derive(Clone, Debug)]
pub(super) struct Source {
    value: ValueId,
    dim: usize,
    factor: i64,
    shift: i64,
}

impl Source {
    /// A size that is the symbol itself.
    pub fn bare(value: ValueId, dim: usize) -> Self {
        Self {
            value,
            dim,
            factor: 1,
            shift: 0,
        }
    }

    /// A size that is this expression; none if it does not tell the symbol.
    pub fn of(value: ValueId, dim: usize, expr: &Expr, symbol: &str) -> Option<Self> {
        let (factor, shift) = line_of(expr, symbol)?;
        Some(Self {
            value,
            dim,
            factor,
            shift,
        })
    }

    pub fn is_bare(&self) -> bool {
        (self.factor, self.shift) == (1, 0)
    }
}

/// Powers up to this are products.
const MAX_EXPONENT: usize = 8;

impl Emitter<'_> {
    /// The value of an expression; calls that are needed for it are added once.
    pub fn number(&mut self, expr: &Expr) -> Result<ValueId, Diagnostic> {
        let key = expr.to_string();
        if let Some(value) = self.numbers.get(&key) {
            return Ok(*value);
        }
        // A size that code asked for may be more than arithmetic of symbols.
        let value = match self.computed(expr) {
            Ok(value) => value,
            Err(fault) => self.size_of_a_tensor(expr)?.ok_or(fault)?,
        };
        self.numbers.insert(key, value);
        Ok(value)
    }

    fn computed(&mut self, expr: &Expr) -> Result<ValueId, Diagnostic> {
        match expr.kind() {
            Kind::Symbol(symbol) => self.symbol(symbol.name()),
            Kind::Add(terms) => self.fold("sym.add", terms, expr),
            Kind::Mul(factors) => self.fold("sym.mul", factors, expr),
            Kind::Pow(base, exponent) => {
                let exponent = exponent
                    .as_int()
                    .and_then(|exponent| usize::try_from(exponent).ok());
                let exponent = exponent.filter(|exponent| (2..=MAX_EXPONENT).contains(exponent));
                let exponent = exponent.ok_or_else(|| no_calls(expr))?;
                self.fold("sym.mul", &vec![base.clone(); exponent], expr)
            }
            Kind::Call(func, args) => match function(*func) {
                Some(op) => self.fold(op, args, expr),
                None => Err(no_calls(expr)),
            },
            _ => Err(no_calls(expr)),
        }
    }

    /// A size of a tensor of the program that is this expression; none if no tensor has it.
    fn size_of_a_tensor(&mut self, expr: &Expr) -> Result<Option<ValueId>, Diagnostic> {
        let Some((tensor, dim)) = self.shapes.tensor_with_size(expr) else {
            return Ok(None);
        };
        let args = vec![
            CallArg::new("self", tensor),
            CallArg::new("dim", Constant::Int(i64::try_from(dim).unwrap_or(i64::MAX))),
        ];
        let call = Call::new("aten.sym_size.int", args).named("sym_size_int");
        self.scalar(call, sym_int(expr)).map(Some)
    }

    /// A float of a size, in the steps of PyTorch.
    pub fn ratio(&mut self, ratio: &Ratio) -> Result<ValueId, Diagnostic> {
        let value = |value: ValueId| CallArg::new("", value);
        let constant = |value: f64| CallArg::new("", Constant::Float(value));
        let size = self.number(&ratio.size)?;
        let mut float = self.sym_float("sym.sym_float", vec![value(size)])?;
        if ratio.is_root {
            float = self.sym_float("sym._sym_sqrt", vec![value(float)])?;
        }
        match ratio.scale {
            Scale::One => Ok(float),
            Scale::Times(factor) => self.sym_float("sym.mul", vec![constant(factor), value(float)]),
            Scale::Over(top) => self.sym_float("sym.truediv", vec![constant(top), value(float)]),
        }
    }

    /// A float that a function of the `sym` dialect computes; added once.
    fn sym_float(&mut self, op: &str, args: Vec<CallArg>) -> Result<ValueId, Diagnostic> {
        let item = self.shapes.infer(op, &args).into_iter().next();
        let item = item.unwrap_or(Item::Any);
        let info = to_info(&item);
        let key = info.sym.clone().unwrap_or_default();
        if let Some(value) = self.numbers.get(&key) {
            return Ok(*value);
        }
        let value = self.scalar(Call::new(op, args), info)?;
        self.shapes.define_item(value, item);
        if !key.is_empty() {
            self.numbers.insert(key, value);
        }
        Ok(value)
    }

    /// The value of a symbol, from a size of a tensor.
    fn symbol(&mut self, name: &str) -> Result<ValueId, Diagnostic> {
        let Some(source) = self.shapes.sources.get(name).cloned() else {
            let what = format!("no size of an input tells the symbol `{name}`");
            let advice = "give an input with this size itself, or with a multiple of it";
            return Err(Diagnostic::error(code::CONSTRAINT, what).help(advice));
        };
        let symbol = Expr::torch_symbol(name);
        let scaled = |factor: i64, shift: i64| {
            let product = Expr::mul([Expr::int(i128::from(factor)), symbol.clone()])?;
            Expr::add([product, Expr::int(i128::from(shift))])
        };
        let (Ok(size), Ok(shifted)) = (
            scaled(source.factor, source.shift),
            scaled(source.factor, 0),
        ) else {
            return Err(no_calls(&symbol));
        };
        let dim = i64::try_from(source.dim).unwrap_or(i64::MAX);
        let args = vec![
            CallArg::new("self", source.value),
            CallArg::new("dim", Constant::Int(dim)),
        ];
        let call = Call::new("aten.sym_size.int", args).named("sym_size_int");
        let mut value = self.scalar(call, sym_int(&size))?;
        if source.shift != 0 {
            let args = vec![
                CallArg::new("", value),
                CallArg::new("", Constant::Int(source.shift)),
            ];
            value = self.scalar(Call::new("sym.sub", args), sym_int(&shifted))?;
        }
        if source.factor != 1 {
            let args = vec![
                CallArg::new("", value),
                CallArg::new("", Constant::Int(source.factor)),
            ];
            value = self.scalar(Call::new("sym.floordiv", args), sym_int(&symbol))?;
        }
        Ok(value)
    }

    /// A function of two arguments over all of them, from the left.
    fn fold(
        &mut self,
        op: &'static str,
        args: &[Expr],
        whole: &Expr,
    ) -> Result<ValueId, Diagnostic> {
        // Numbers come first in canonical expressions and last in code.
        let (numbers, values): (Vec<_>, Vec<_>) = match op {
            "sym.floordiv" | "sym.mod" => (Vec::new(), args.iter().collect()),
            _ => args.iter().partition(|arg| arg.as_number().is_some()),
        };
        let mut ordered = values.into_iter().chain(numbers);
        let Some(first) = ordered.next() else {
            return Err(no_calls(whole));
        };
        let mut result = self.operand(first)?;
        let mut so_far = first.clone();
        for next in ordered {
            let operand = self.operand(next)?;
            so_far = step(op, &so_far, next).ok_or_else(|| no_calls(whole))?;
            let args = vec![CallArg::new("", result), CallArg::new("", operand)];
            result = Arg::Value(self.scalar(Call::new(op, args), sym_int(&so_far))?);
        }
        match result {
            Arg::Value(value) => Ok(value),
            _ => Err(no_calls(whole)),
        }
    }

    fn operand(&mut self, expr: &Expr) -> Result<Arg, Diagnostic> {
        match expr.as_int() {
            Some(value) => match i64::try_from(value) {
                Ok(value) => Ok(Arg::Constant(Constant::Int(value))),
                Err(_) => Err(no_calls(expr)),
            },
            None => Ok(Arg::Value(self.number(expr)?)),
        }
    }

    fn scalar(&mut self, call: Call, info: ValueInfo) -> Result<ValueId, Diagnostic> {
        let expr = info.sym.as_deref().and_then(|text| Expr::parse(text).ok());
        let name = call.op.clone();
        let mut call = call;
        call.metadata
            .push(("nn_module_stack".to_owned(), self.stack.clone()));
        let given = self
            .builder
            .call(GraphId::ROOT, call.returning(CallResult::Single(info)));
        let Some(value) = given.first() else {
            let what = format!("`{name}` gave no value");
            return Err(crate::diagnostics::internal_error(&what, Some(file!())));
        };
        if let Some(expr) = expr {
            self.shapes.define_number(*value, &expr);
        }
        Ok(*value)
    }
}

fn sym_int(expr: &Expr) -> ValueInfo {
    ValueInfo {
        value_type: ValueType::SymInt,
        sym: Some(expr.to_string()),
    }
}

/// The op of the `sym` dialect that computes a function.
fn function(func: Func) -> Option<&'static str> {
    const ROWS: &[(Func, &str)] = &[
        (Func::FloorDiv, "sym.floordiv"),
        (Func::CleanDiv, "sym.floordiv"),
        (Func::Mod, "sym.mod"),
        (Func::PythonMod, "sym.mod"),
        (Func::Max, "sym.sym_max"),
        (Func::Min, "sym.sym_min"),
    ];
    let row = ROWS.iter().find(|(known, _)| *known == func)?;
    Some(row.1)
}

/// What a step of a chain of calls computes.
fn step(op: &str, left: &Expr, right: &Expr) -> Option<Expr> {
    let args = vec![left.clone(), right.clone()];
    match op {
        "sym.add" => Expr::add(args).ok(),
        "sym.mul" => Expr::mul(args).ok(),
        "sym.floordiv" => Expr::call(Func::FloorDiv, args).ok(),
        "sym.mod" => Expr::call(Func::PythonMod, args).ok(),
        "sym.sym_max" => Expr::call(Func::Max, args).ok(),
        _ => Expr::call(Func::Min, args).ok(),
    }
}

fn no_calls(expr: &Expr) -> Diagnostic {
    let what = format!("the size `{expr}` cannot be computed from the sizes of the inputs");
    Diagnostic::error(code::CONSTRAINT, what)
}

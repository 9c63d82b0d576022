//! The value of an expression for values of its symbols, with the semantics of Python's numbers.
//!
//! A [`Program`] is an expression with its symbols resolved to slots, ready to be run many times; [`eval`] makes one for a
//! single run. Inside, integers have 128 bits and fractions are exact; what overflows is an error, never a wrong number.

use std::collections::HashMap;

use crate::error::{BuildError, EvalError};
use crate::expr::{Expr, Kind};
use crate::float::round_to;
use crate::fold::is_dense;
use crate::func::{Func, Relation};
use crate::number::Number;

/// A value of a symbol or of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Int(i64),
    Float(f64),
    Bool(bool),
}

type Evaluated = Result<Number, EvalError>;

/// A step of a program; operands are taken off a stack.
#[derive(Clone, Debug)]
enum Step {
    Constant(Number),
    Slot(usize),
    Add(usize),
    Mul(usize),
    Pow,
    Relation(Relation),
    Call(Func, usize),
}

/// An expression ready to be evaluated: steps over a stack, with the symbols in numbered slots.
#[derive(Clone, Debug)]
pub struct Program {
    steps: Vec<Step>,
    symbols: Vec<String>,
    is_bool: bool,
}

/// Evaluates the expression once; the function gives the values of symbols.
pub fn eval(expr: &Expr, lookup: &dyn Fn(&str) -> Option<Value>) -> Result<Value, EvalError> {
    let program = Program::new(expr);
    let values: Vec<Option<Value>> = program.symbols.iter().map(|name| lookup(name)).collect();
    program.run_with(&|slot| values.get(slot).copied().flatten())
}

impl Program {
    /// The program of an expression, its slots in the order in which symbols first occur.
    pub fn new(expr: &Expr) -> Program {
        let mut program = Program {
            steps: Vec::new(),
            symbols: Vec::new(),
            is_bool: expr.is_boolean(),
        };
        program.push(expr, &mut HashMap::new());
        program
    }

    /// The symbol of each slot.
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// Runs the program on the values of its slots.
    pub fn run(&self, slots: &[Value]) -> Result<Value, EvalError> {
        self.run_with(&|slot| slots.get(slot).copied())
    }

    fn push(&mut self, expr: &Expr, slots: &mut HashMap<String, usize>) {
        for arg in expr.args() {
            self.push(arg, slots);
        }
        let step = match expr.kind() {
            Kind::Number(number) => Step::Constant(*number),
            Kind::Bool(value) => Step::Constant(Number::Int(i128::from(*value))),
            Kind::Symbol(symbol) => {
                let next = self.symbols.len();
                let slot = *slots.entry(symbol.name().to_string()).or_insert(next);
                if slot == next {
                    self.symbols.push(symbol.name().to_string());
                }
                Step::Slot(slot)
            }
            Kind::Add(terms) => Step::Add(terms.len()),
            Kind::Mul(factors) => Step::Mul(factors.len()),
            Kind::Pow(..) => Step::Pow,
            Kind::Relation(relation, ..) => Step::Relation(*relation),
            Kind::Call(func, args) => Step::Call(*func, args.len()),
        };
        self.steps.push(step);
    }

    fn run_with(&self, slots: &dyn Fn(usize) -> Option<Value>) -> Result<Value, EvalError> {
        // A failed operand only matters where its value is used: one branch of a conditional may divide by zero.
        let mut stack: Vec<Evaluated> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let n_operands = match step {
                Step::Constant(_) | Step::Slot(_) => 0,
                Step::Pow | Step::Relation(_) => 2,
                Step::Add(n) | Step::Mul(n) | Step::Call(_, n) => *n,
            };
            let operands = stack.split_off(stack.len().saturating_sub(n_operands));
            stack.push(self.step(step, &operands, slots));
        }
        let result = stack
            .pop()
            .unwrap_or(Err(EvalError::Overflow("expression")))?;
        self.value(result)
    }

    fn step(
        &self,
        step: &Step,
        operands: &[Evaluated],
        slots: &dyn Fn(usize) -> Option<Value>,
    ) -> Evaluated {
        let each = || operands.iter().cloned();
        match (step, operands) {
            (Step::Constant(number), _) => Ok(*number),
            (Step::Slot(slot), _) => match slots(*slot) {
                Some(value) => number_of(value),
                None => {
                    let name = self.symbols.get(*slot).cloned().unwrap_or_default();
                    Err(EvalError::UnknownSymbol(name))
                }
            },
            (Step::Add(_), _) => each().try_fold(Number::ZERO, |sum, term| {
                sum.plus(term?).map_err(|error| arithmetic("+", error))
            }),
            (Step::Mul(_), _) => each().try_fold(Number::ONE, |product, factor| {
                product
                    .times(factor?)
                    .map_err(|error| arithmetic("*", error))
            }),
            (Step::Pow, [base, exponent]) => power(base.clone()?, exponent.clone()?),
            (Step::Relation(relation), [left, right]) => {
                let order = left.clone()?.compare(right.clone()?);
                Ok(truth(relation.holds(order)))
            }
            (Step::Call(func, _), _) => call(*func, operands),
            (Step::Pow | Step::Relation(_), _) => Err(EvalError::Overflow("expression")),
        }
    }

    /// The result as a value: an integer where it is one, a float where it is a fraction.
    fn value(&self, number: Number) -> Result<Value, EvalError> {
        match number {
            _ if self.is_bool => Ok(Value::Bool(!number.is_zero())),
            Number::Int(value) => i64::try_from(value)
                .map(Value::Int)
                .map_err(|_| EvalError::Overflow("expression")),
            Number::Infinite { integer: true, .. } => Err(EvalError::Infinite("expression")),
            _ => Ok(Value::Float(number.to_f64())),
        }
    }
}

fn number_of(value: Value) -> Evaluated {
    match value {
        Value::Int(value) => Ok(Number::Int(i128::from(value))),
        Value::Bool(value) => Ok(truth(value)),
        Value::Float(value) => real("symbol", value),
    }
}

fn truth(value: bool) -> Number {
    Number::Int(i128::from(value))
}

fn arithmetic(name: &'static str, error: BuildError) -> EvalError {
    match error {
        BuildError::DivisionByZero(_) => EvalError::DivisionByZero(name),
        BuildError::NotReal(_) => EvalError::Domain {
            name,
            value: f64::INFINITY,
        },
        _ => EvalError::Overflow(name),
    }
}

/// A float, which must not be `nan`.
fn real(name: &'static str, value: f64) -> Evaluated {
    Number::float(value).map_err(|_| EvalError::Domain { name, value })
}

fn power(base: Number, exponent: Number) -> Evaluated {
    match exponent {
        Number::Int(e) if e < 0 && base.is_zero() => Err(EvalError::DivisionByZero("**")),
        Number::Int(e) => base.pow_int(e).map_err(|error| arithmetic("**", error)),
        _ => real("**", base.to_f64().powf(exponent.to_f64())),
    }
}

fn call(func: Func, operands: &[Evaluated]) -> Evaluated {
    match (func, operands) {
        (Func::Where, [condition, yes, no]) => {
            let condition = condition.clone()?;
            if condition.is_zero() {
                no.clone()
            } else {
                yes.clone()
            }
        }
        (Func::Piecewise, _) => piecewise(operands),
        (Func::And | Func::Or, _) => connective(func, operands),
        _ => {
            let values = operands
                .iter()
                .cloned()
                .collect::<Result<Vec<Number>, _>>()?;
            strict(func, &values)
        }
    }
}

fn piecewise(operands: &[Evaluated]) -> Evaluated {
    for pair in operands.chunks(2) {
        if let [value, condition] = pair
            && !condition.clone()?.is_zero()
        {
            return value.clone();
        }
    }
    Err(EvalError::Domain {
        name: Func::Piecewise.name(),
        value: 0.0,
    })
}

/// The operands have no order of their own, so a deciding one counts even where another has no value.
fn connective(func: Func, operands: &[Evaluated]) -> Evaluated {
    let absorbing = func == Func::Or;
    let mut failure = None;
    for operand in operands {
        match operand {
            Ok(value) if value.is_zero() != absorbing => return Ok(truth(absorbing)),
            Ok(_) => {}
            Err(error) => failure = failure.or(Some(error.clone())),
        }
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(truth(!absorbing)),
    }
}

/// The functions that need the values of all their operands.
fn strict(func: Func, values: &[Number]) -> Evaluated {
    let name = func.name();
    match (func, values) {
        (Func::Max, [first, rest @ ..]) => Ok(rest
            .iter()
            .fold(*first, |a, b| if b.compare(a).is_gt() { *b } else { a })),
        (Func::Min, [first, rest @ ..]) => Ok(rest
            .iter()
            .fold(*first, |a, b| if b.compare(a).is_lt() { *b } else { a })),
        (Func::Not, [value]) => Ok(truth(value.is_zero())),
        (Func::FloorDiv | Func::CleanDiv, [a, b]) => floor_div(*a, *b),
        (Func::CeilDiv, [a, b]) => {
            let negated = a.negated().map_err(|error| arithmetic(name, error))?;
            floor_div(negated, *b)?
                .negated()
                .map_err(|error| arithmetic(name, error))
        }
        (Func::Mod | Func::PythonMod, [a, b]) => modulo(*a, *b),
        (Func::ModularIndexing, [a, b, c]) => modulo(floor_div(*a, *b)?, *c),
        (Func::LShift, [a, b]) => {
            let scale = power(Number::Int(2), natural(name, *b)?)?;
            a.times(scale).map_err(|error| arithmetic(name, error))
        }
        (Func::RShift, [a, b]) => floor_div(*a, power(Number::Int(2), natural(name, *b)?)?),
        (Func::PowByNatural, [a, b]) => power(*a, natural(name, *b)?),
        (Func::FloatPow, [a, b]) => real(name, a.to_f64().powf(b.to_f64())),
        (Func::IntTrueDiv | Func::FloatTrueDiv, [a, b]) => {
            if b.is_zero() {
                return Err(EvalError::DivisionByZero("/"));
            }
            real(name, a.to_f64() / b.to_f64())
        }
        (Func::RoundDecimal, [a, digits]) => {
            real(name, round_to(a.to_f64(), integer(name, *digits)?))
        }
        (Func::IsNonOverlappingAndDense, values) => {
            let values = values
                .iter()
                .map(|value| integer(name, *value))
                .collect::<Result<Vec<_>, _>>()?;
            let (sizes, strides) = values.split_at(values.len() / 2);
            Ok(truth(is_dense(sizes, strides)))
        }
        (Func::BitwiseAnd, [a, b]) => Ok(Number::Int(integer(name, *a)? & integer(name, *b)?)),
        (Func::BitwiseOr, [a, b]) => Ok(Number::Int(integer(name, *a)? | integer(name, *b)?)),
        (Func::BitwiseXor, [a, b]) => Ok(Number::Int(integer(name, *a)? ^ integer(name, *b)?)),
        (_, [value]) => unary(func, *value),
        _ => Err(EvalError::Type {
            name,
            expected: "other operands",
            found: "these",
        }),
    }
}

fn unary(func: Func, value: Number) -> Evaluated {
    let name = func.name();
    let rounded = match func {
        Func::CeilToInt | Func::Ceiling => value
            .negated()
            .and_then(Number::floor)
            .and_then(Number::negated),
        Func::FloorToInt | Func::Floor => value.floor(),
        Func::TruncToInt if value.is_negative() => value
            .negated()
            .and_then(Number::floor)
            .and_then(Number::negated),
        Func::TruncToInt => value.floor(),
        Func::RoundToInt => match value {
            Number::Int(_) => Ok(value),
            _ => Number::from_integral(value.to_f64().round_ties_even()),
        },
        Func::Identity => Ok(value),
        Func::Abs if value.is_negative() => value.negated(),
        Func::Abs => Ok(value),
        Func::ToFloat => return real(name, value.to_f64()),
        Func::TruncToFloat => return real(name, value.to_f64().trunc()),
        _ => match func.math() {
            Some(math) => {
                return Number::float(math(value.to_f64())).map_err(|_| EvalError::Domain {
                    name,
                    value: value.to_f64(),
                });
            }
            None => {
                return Err(EvalError::Type {
                    name,
                    expected: "other operands",
                    found: "one number",
                });
            }
        },
    };
    rounded.map_err(|error| arithmetic(name, error))
}

/// Python's `//`: towards minus infinity, a float if an operand is one.
fn floor_div(a: Number, b: Number) -> Evaluated {
    if b.is_zero() {
        return Err(EvalError::DivisionByZero("//"));
    }
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => {
            let (quotient, rest) = div_rem(a, b)?;
            let rounds_up = rest != 0 && (rest < 0) != (b < 0);
            Ok(Number::Int(quotient - i128::from(rounds_up)))
        }
        _ => real("//", (a.to_f64() / b.to_f64()).floor()),
    }
}

/// Python's `%`: the sign of the divisor.
fn modulo(a: Number, b: Number) -> Evaluated {
    if b.is_zero() {
        return Err(EvalError::DivisionByZero("%"));
    }
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => {
            let (_, rest) = div_rem(a, b)?;
            let wrong_sign = rest != 0 && (rest < 0) != (b < 0);
            Ok(Number::Int(if wrong_sign { rest + b } else { rest }))
        }
        _ => {
            let (a, b) = (a.to_f64(), b.to_f64());
            let rest = a % b;
            let wrong_sign = rest != 0.0 && (rest < 0.0) != (b < 0.0);
            real("%", if wrong_sign { rest + b } else { rest })
        }
    }
}

fn div_rem(a: i128, b: i128) -> Result<(i128, i128), EvalError> {
    a.checked_div(b)
        .zip(a.checked_rem(b))
        .ok_or(EvalError::Overflow("//"))
}

fn integer(name: &'static str, value: Number) -> Result<i128, EvalError> {
    match value {
        Number::Int(value) => Ok(value),
        Number::Float(_) | Number::Rational(..) => Err(EvalError::Type {
            name,
            expected: "an integer",
            found: "a float",
        }),
        Number::Infinite { .. } => Err(EvalError::Infinite(name)),
    }
}

fn natural(name: &'static str, value: Number) -> Evaluated {
    match integer(name, value)? {
        negative if negative < 0 => Err(EvalError::Domain {
            name,
            value: negative as f64,
        }),
        value => Ok(Number::Int(value)),
    }
}

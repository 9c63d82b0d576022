//! Inputs made from the signature alone, for measuring.

use std::path::Path;

use expc_dialects::{Diagnostic, ScalarType};
use expc_runtime::{
    plan::{Input, InputSpec},
    torch::{Device, Value, clone_tensor},
};
use expc_symbolic::{Expr, Value as Number, eval};
use rustc_hash::FxHashMap;

use super::{
    console::Outcome,
    inputs::GivenInputs,
    session::libtorch_fault,
    tensors::{call, cast},
};
use crate::program::ExportedProgram;

/// Where the inputs of a call come from: a file, or chance.
pub struct InputSource(Option<GivenInputs>);

impl InputSource {
    /// The file, or chance where none is named.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(file: Option<&Path>) -> Outcome<Self> {
        let given = file.map(|file| GivenInputs::read(Some(file), &[]));
        Ok(Self(given.transpose()?))
    }

    /// The inputs of one call.
    ///
    /// # Errors
    /// The file does not fit the signature, or an input cannot be made up.
    pub fn bind(&self, program: &ExportedProgram, device: Device) -> Outcome<Vec<Value>> {
        match &self.0 {
            Some(given) => Ok(given.bind(&program.user_inputs().collect::<Vec<_>>(), device)?),
            None => Ok(inputs(program, device)?),
        }
    }
}

/// The size of a dimension of which the program tells nothing.
const ANY_SIZE: i64 = 2;

/// A value for each user input: tensors of the exported sizes with normal numbers, or with 0 and 1 for ints, which
/// are positions in every table; constants are `None`.
///
/// # Errors
/// An input is an object or a string, or a size cannot be computed.
fn inputs(program: &ExportedProgram, device: Device) -> Result<Vec<Value>, Diagnostic> {
    let sizes = Sizes::new(program);
    program
        .user_inputs()
        .map(|input| value(&sizes, input, device))
        .collect()
}

fn value(known: &Sizes<'_>, input: &Input, device: Device) -> Result<Value, Diagnostic> {
    let number = |expression: &Option<String>| match expression {
        Some(text) => known.size(text).map(Value::Int),
        None => Ok(Value::Int(ANY_SIZE)),
    };
    match &input.spec {
        InputSpec::Tensor { dtype, sizes } => {
            let dtype = dtype
                .as_deref()
                .and_then(ScalarType::from_torch_name)
                .unwrap_or(ScalarType::Float32);
            let sizes = sizes
                .iter()
                .flatten()
                .map(|text| known.size(text))
                .collect::<Result<Vec<_>, _>>()?;
            tensor(dtype, &sizes, device)
                .map(Value::Tensor)
                .map_err(libtorch_fault)
        }
        InputSpec::Int { expression } => number(expression),
        InputSpec::Float { .. } => Ok(Value::Float(0.5)),
        InputSpec::Bool { .. } => Ok(Value::Bool(true)),
        InputSpec::Constant(_) | InputSpec::Any => Ok(Value::None),
        InputSpec::Str => {
            let what = format!(
                "the input `{}` is a string, which cannot be made at random",
                input.path
            );
            Err(Diagnostic::error("E0620", what))
        }
    }
}

/// Normal numbers, or 0 and 1 for ints and bools; for `int32` 1 alone, which pivots of LAPACK must be at least: it
/// writes to other memory where they are less.
///
/// # Errors
/// What libtorch says.
pub fn tensor(dtype: ScalarType, sizes: &[i64], device: Device) -> Result<tch::Tensor, String> {
    let shape = Value::List(sizes.iter().copied().map(Value::Int).collect());
    let has_fraction = dtype.is_floating_point() || dtype.is_complex();
    let drawn = match has_fraction {
        true => call("aten::randn", &[shape])?,
        false => {
            let least = i64::from(dtype == ScalarType::Int32);
            call(
                "aten::randint.low",
                &[Value::Int(least), Value::Int(2), shape],
            )?
        }
    };
    clone_tensor(&cast(&drawn, dtype)?, Some(device)).map_err(|error| error.to_string())
}

/// What the symbols of a program stand for: what a call gave them, or the value at export time, or, where the program
/// does not tell, one that its ranges allow.
pub struct Sizes<'p> {
    program: &'p ExportedProgram,
    given: FxHashMap<String, i64>,
}

impl<'p> Sizes<'p> {
    pub fn new(program: &'p ExportedProgram) -> Self {
        Self {
            program,
            given: FxHashMap::default(),
        }
    }

    /// A size of a value that is there; an expression that is a symbol gets it, unless it has a value already.
    pub fn give(&mut self, text: &str, size: i64) {
        if Expr::parse(text).is_ok_and(|expr| expr.as_symbol().is_some()) {
            self.given.entry(text.to_owned()).or_insert(size);
        }
    }

    /// A size by its expression.
    ///
    /// # Errors
    /// It has no value, or one that is no size.
    pub fn size(&self, text: &str) -> Result<i64, Diagnostic> {
        if let Ok(size) = text.parse() {
            return Ok(size);
        }
        match self.number(text)? {
            Number::Int(size) if size >= 0 => Ok(size),
            other => Err(unknown_size(text, &format!("it is {other:?}"))),
        }
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// It cannot be read or has no value.
    pub fn number(&self, text: &str) -> Result<Number, Diagnostic> {
        let unknown = |what: String| unknown_size(text, &what);
        let expr = Expr::parse(text).map_err(|error| unknown(error.to_string()))?;
        eval(&expr, &|name: &str| Some(Number::Int(self.symbol(name))))
            .map_err(|error| unknown(error.to_string()))
    }

    fn symbol(&self, name: &str) -> i64 {
        let mut ranges = self.program.range_constraints().iter();
        let lowest = || {
            let range = ranges.find(|range| range.expression == name);
            let lowest = range.and_then(|range| range.min);
            lowest.unwrap_or(ANY_SIZE).max(ANY_SIZE)
        };
        let given = self.given.get(name).copied();
        given
            .or_else(|| self.program.symbol_hint(name))
            .unwrap_or_else(lowest)
    }
}

fn unknown_size(text: &str, what: &str) -> Diagnostic {
    Diagnostic::error("E0620", format!("cannot make up the size `{text}`: {what}"))
}

//! Inputs made from the signature alone, for measuring.

use std::path::Path;

use expc_dialects::{Diagnostic, ScalarType};
use expc_runtime::{
    plan::{Input, InputSpec},
    torch::{Device, Value, clone_tensor},
};
use expc_symbolic::{Expr, Value as Number, eval};

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
    program
        .user_inputs()
        .map(|input| value(program, input, device))
        .collect()
}

fn value(program: &ExportedProgram, input: &Input, device: Device) -> Result<Value, Diagnostic> {
    let number = |expression: &Option<String>| match expression {
        Some(text) => size(program, text).map(Value::Int),
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
                .map(|text| size(program, text))
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

fn tensor(dtype: ScalarType, sizes: &[i64], device: Device) -> Result<tch::Tensor, String> {
    let shape = Value::List(sizes.iter().copied().map(Value::Int).collect());
    let has_fraction = dtype.is_floating_point() || dtype.is_complex();
    let drawn = match has_fraction {
        true => call("aten::randn", &[shape])?,
        false => call("aten::randint.low", &[Value::Int(0), Value::Int(2), shape])?,
    };
    clone_tensor(&cast(&drawn, dtype)?, Some(device)).map_err(|error| error.to_string())
}

/// The value of a size at export time; where the program does not tell, one that its ranges allow.
fn size(program: &ExportedProgram, text: &str) -> Result<i64, Diagnostic> {
    if let Ok(size) = text.parse() {
        return Ok(size);
    }
    let unknown = |what: String| {
        Diagnostic::error("E0620", format!("cannot make up the size `{text}`: {what}"))
    };
    let expr = Expr::parse(text).map_err(|error| unknown(error.to_string()))?;
    let symbol = |name: &str| {
        let lowest = program
            .range_constraints()
            .iter()
            .find(|range| range.expression == name);
        let lowest = lowest
            .and_then(|range| range.min)
            .unwrap_or(ANY_SIZE)
            .max(ANY_SIZE);
        Some(Number::Int(program.symbol_hint(name).unwrap_or(lowest)))
    };
    match eval(&expr, &symbol) {
        Ok(Number::Int(size)) if size >= 0 => Ok(size),
        Ok(other) => Err(unknown(format!("it is {other:?}"))),
        Err(error) => Err(unknown(error.to_string())),
    }
}

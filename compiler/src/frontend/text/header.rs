//! The signature and the ranges of a printed program.

use expc_dialects::{
    Constant, Diagnostic, InputKind, InputSpec, OutputKind, OutputSpec,
    program::{self, Range, Symbol},
};
use melior::{
    Context,
    ir::{Attribute, Module, attribute::ArrayAttribute},
};

use super::{
    ast::{Class, Expr, RangeText, SignatureText},
    constants::constant,
};
use crate::frontend::pt2::symbols::Expressions;

type Fault = Diagnostic;

/// The inputs of the root, without their types. Those of a graph module alone are user inputs.
///
/// # Errors
/// Not as many lines as parameters, or an unknown kind (E0177).
pub fn input_specs(
    class: &Class<'_>,
    signature: Option<&SignatureText<'_>>,
) -> Result<Vec<InputSpec>, Fault> {
    let user_input = |name: &str| InputSpec::new(InputKind::UserInput, name);
    let parameters = class.parameters.iter();
    let Some(signature) = signature else {
        return Ok(parameters
            .map(|parameter| user_input(parameter.name))
            .collect());
    };
    if signature.inputs.len() != class.parameters.len() {
        return Err(signature.position.error(
            "E0177",
            format!(
                "the signature has {} inputs, `forward` has {}",
                signature.inputs.len(),
                class.parameters.len()
            ),
        ));
    }
    let specs = parameters.zip(&signature.inputs).map(|(parameter, spec)| {
        let kind = InputKind::from_name(&spec.kind.to_lowercase()).ok_or_else(|| {
            let message = format!("`{}` is no kind of input", spec.kind);
            spec.position.error("E0177", message)
        })?;
        let is_buffer = kind == InputKind::Buffer;
        Ok(InputSpec {
            target: spec.target.clone(),
            // PyTorch 2.4 to 2.7 say it of constants, too.
            persistent: is_buffer.then(|| spec.persistent.unwrap_or(true)),
            constant: spec.constant.as_ref().map(constant).transpose()?,
            ..InputSpec::new(kind, parameter.name)
        })
    });
    specs.collect()
}

/// The outputs of the root, without their types.
///
/// # Errors
/// Not as many lines as values are returned, or an unknown kind (E0177).
pub fn output_specs(
    returned: &[&Expr<'_>],
    signature: Option<&SignatureText<'_>>,
) -> Result<Vec<OutputSpec>, Fault> {
    let Some(signature) = signature else {
        return Ok(vec![
            OutputSpec::new(OutputKind::UserOutput);
            returned.len()
        ]);
    };
    if signature.outputs.len() != returned.len() {
        return Err(signature.position.error(
            "E0177",
            format!(
                "the signature has {} outputs, `forward` returns {}",
                signature.outputs.len(),
                returned.len()
            ),
        ));
    }
    let specs = signature.outputs.iter().map(|spec| {
        let kind = OutputKind::from_name(&spec.kind.to_lowercase()).ok_or_else(|| {
            let message = format!("`{}` is no kind of output", spec.kind);
            spec.position.error("E0177", message)
        })?;
        Ok(OutputSpec {
            target: spec.target.clone(),
            ..OutputSpec::new(kind)
        })
    });
    specs.collect()
}

/// Sets what the module says of symbols and ranges.
///
/// # Errors
/// A range that is none (E0178).
pub fn set_module_attributes<'c>(
    context: &'c Context,
    module: &Module<'c>,
    ranges: &[RangeText<'_>],
    expressions: &mut Expressions,
) -> Result<(), Fault> {
    let ranges: Vec<Constant> = ranges
        .iter()
        .map(|text| range(text, expressions).map(|range| range.to_constant()))
        .collect::<Result<_, _>>()?;
    let symbols = expressions.symbols().iter();
    let symbols: Vec<Attribute> = symbols
        .map(|symbol: &Symbol| symbol.to_attribute(context))
        .collect();
    let mut attributes = Vec::new();
    if !symbols.is_empty() {
        let symbols = ArrayAttribute::new(context, &symbols).into();
        attributes.push((program::attribute::SYMBOLS, symbols));
    }
    if !ranges.is_empty() {
        let ranges = Constant::List(ranges).to_attribute(context);
        attributes.push((program::attribute::RANGES, ranges));
    }
    expc_dialects::mlir::set_module_attributes(module, &attributes);
    Ok(())
}

/// A range of the text.
///
/// # Errors
/// It is none (E0178).
pub fn range(text: &RangeText<'_>, expressions: &mut Expressions) -> Result<Range, Fault> {
    let at = |message: String| text.position.error("E0178", message);
    let (_, expression) = expressions
        .expression(text.expression)
        .map_err(|fault| at(fault.message))?;
    let bound = |bound: &str| match bound.parse::<i64>() {
        Ok(bound) => Ok(Some(bound)),
        // An infinity, or a bound of a float, which the dialect has no form for.
        Err(_) if matches!(bound.trim_start_matches('-'), "int_oo" | "oo") => Ok(None),
        Err(_) if bound.parse::<f64>().is_ok() => Ok(None),
        Err(_) => Err(at(format!("expected a bound, found `{bound}`"))),
    };
    Ok(Range {
        expression,
        min: bound(text.min)?,
        max: bound(text.max)?,
    })
}

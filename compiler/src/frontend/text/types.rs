//! Annotations as types: `f32[s77, 4]`, `Sym(2*s77)`.

use expc_dialects::{Diagnostic, Dim, ScalarType, TensorMeta, ValueType};
use expc_symbolic::{Assumption, Expr, Kind, Number, Sort};

use super::ast::Annotation;
use crate::frontend::pt2::symbols::Expressions;

/// The type that an annotation gives and, of a symbolic scalar, its expression.
///
/// # Errors
/// The annotation has neither form (E0176), or holds a text that is no expression.
pub fn annotated_type(
    annotation: &Annotation,
    expressions: &mut Expressions,
) -> Result<(ValueType, Option<String>), Diagnostic> {
    let at = |mut fault: Diagnostic| {
        fault.place.line_column = Some((annotation.position.line, annotation.position.column));
        fault
    };
    let text = annotation.text.trim();
    if let Some(sym) = text
        .strip_prefix("Sym(")
        .and_then(|rest| rest.strip_suffix(')'))
    {
        let (value_type, sym) = scalar(sym, expressions).map_err(at)?;
        return Ok((value_type, Some(sym)));
    }
    let tensor = tensor(text, expressions).map_err(at)?;
    let tensor = tensor.ok_or_else(|| {
        annotation.position.error(
            "E0176",
            format!("expected a type as in `f32[2, s0]` or `Sym(s0)`, found `{text}`"),
        )
    })?;
    Ok((ValueType::Tensor(tensor), None))
}

/// The type and the text of the expression of a symbolic scalar.
fn scalar(text: &str, expressions: &mut Expressions) -> Result<(ValueType, String), Diagnostic> {
    // Numbers stand as Python prints them, not as sympy does.
    let literal = match text {
        "True" | "False" => Some(ValueType::SymBool),
        _ if text.parse::<i64>().is_ok() => Some(ValueType::SymInt),
        _ if text.parse::<f64>().is_ok() => Some(ValueType::SymFloat),
        _ => None,
    };
    if let Some(value_type) = literal {
        return Ok((value_type, text.to_owned()));
    }
    let (expr, text) = expressions.expression(text)?;
    let value_type = if expr.is_boolean() {
        ValueType::SymBool
    } else if is_real(&expr) {
        ValueType::SymFloat
    } else {
        ValueType::SymInt
    };
    Ok((value_type, text))
}

/// Whether the value of an expression is a float in Python.
fn is_real(expr: &Expr) -> bool {
    match expr.kind() {
        Kind::Number(number) => !matches!(
            number,
            Number::Int(_) | Number::Infinite { integer: true, .. }
        ),
        Kind::Symbol(symbol) => symbol.assumes(Assumption::Real),
        Kind::Bool(_) | Kind::Relation(..) => false,
        Kind::Call(func, args) => match func.row().sort {
            Sort::Real => true,
            Sort::Number => args.iter().any(is_real),
            Sort::Int | Sort::Bool => false,
        },
        Kind::Add(_) | Kind::Mul(_) | Kind::Pow(..) => expr.args().any(is_real),
    }
}

/// `f32[2, s0]`, perhaps with strides and a device behind it: `f32[2, 3][3, 1]cuda:0`.
fn tensor(text: &str, expressions: &mut Expressions) -> Result<Option<TensorMeta>, Diagnostic> {
    let Some((dtype, rest)) = text.split_once('[') else {
        return Ok(None);
    };
    let Some(dtype) = ScalarType::from_short_name(dtype) else {
        return Ok(None);
    };
    let Some((sizes, rest)) = dims(rest, expressions)? else {
        return Ok(None);
    };
    let mut meta = TensorMeta::new(dtype, Some(sizes));
    let mut device = rest;
    if let Some(rest) = rest.strip_prefix('[') {
        let Some((strides, rest)) = dims(rest, expressions)? else {
            return Ok(None);
        };
        let sizes = meta.sizes.as_deref().unwrap_or_default();
        if strides.len() != sizes.len() {
            return Ok(None);
        }
        if !expressions.is_contiguous(sizes, &strides) {
            meta.strides = Some(strides);
        }
        device = rest;
    }
    if !device
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == ':')
    {
        return Ok(None);
    }
    if !device.is_empty() {
        device.clone_into(&mut meta.device);
    }
    Ok(Some(meta))
}

/// The expressions up to the bracket that closes them, and what is behind it.
fn dims<'t>(
    text: &'t str,
    expressions: &mut Expressions,
) -> Result<Option<(Vec<Dim>, &'t str)>, Diagnostic> {
    let mut dims = Vec::new();
    let mut start = 0;
    let mut depth = 0_usize;
    for (index, c) in text.char_indices() {
        let is_end = match c {
            '(' | '[' => {
                depth += 1;
                continue;
            }
            ')' | ']' if depth > 0 => {
                depth -= 1;
                continue;
            }
            ']' => true,
            ',' if depth == 0 => false,
            _ => continue,
        };
        let dim = text.get(start..index).unwrap_or_default().trim();
        match dim {
            "" if is_end && dims.is_empty() => {}
            "?" => dims.push(Dim::Symbolic(dim.to_owned())),
            dim => dims.push(expressions.dim_of(dim)?),
        }
        start = index + 1;
        if is_end {
            return Ok(Some((dims, text.get(start..).unwrap_or_default())));
        }
    }
    Ok(None)
}

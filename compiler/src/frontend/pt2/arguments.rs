//! Arguments of nodes: constants, and values by name.

use expc_dialects::{Argument, Constant, Diagnostic, ScalarType};
use expc_pt2::{self as schema, SymArgument};

use melior::ir::Value;

use super::lower::{Fault, Scope};

/// An argument of a node, whose values are those of the scope.
pub(super) fn lower_argument<'c, 'a>(
    argument: &schema::Argument<'_>,
    scope: &Scope<'_, 'c, 'a>,
) -> Result<Argument<'c, 'a>, Fault> {
    use schema::Argument as A;
    if let Some(constant) = constant_of(argument) {
        return Ok(Argument::Constant(constant));
    }
    let value = |name: &schema::Str<'_>| lookup(scope, name.as_str()).map(Argument::Value);
    Ok(match argument {
        A::Tensor(name) | A::OptionalTensor(Some(name)) => value(name)?,
        A::CustomObj(object) => value(&object.name)?,
        A::Tensors(names) => {
            Argument::from(names.iter().map(value).collect::<Result<Vec<_>, _>>()?)
        }
        A::OptionalTensors(names) => Argument::from(
            names
                .iter()
                .map(|name| match name {
                    Some(name) => value(name),
                    None => Ok(Argument::Constant(Constant::None)),
                })
                .collect::<Result<Vec<_>, _>>()?,
        ),
        A::NestedTensors(lists) => Argument::from(
            lists
                .iter()
                .map(|names| {
                    Ok(Argument::from(names.iter().map(value).collect::<Result<
                        Vec<_>,
                        Fault,
                    >>(
                    )?))
                })
                .collect::<Result<Vec<_>, Fault>>()?,
        ),
        A::SymInt(SymArgument::Name(name))
        | A::SymFloat(SymArgument::Name(name))
        | A::SymBool(SymArgument::Name(name)) => value(name)?,
        A::SymInts(elements) => sym_list(elements, scope, Constant::Int)?,
        A::SymFloats(elements) => sym_list(elements, scope, Constant::Float)?,
        A::SymBools(elements) => sym_list(elements, scope, Constant::Bool)?,
        A::StringToArgument(entries) => {
            let entries = entries
                .iter()
                .map(|(key, entry)| Ok((key.as_str().to_owned(), lower_argument(entry, scope)?)))
                .collect::<Result<Vec<_>, Fault>>()?;
            dict(entries)
        }
        other => {
            return Err(Diagnostic::error(
                "E0140",
                format!("an argument of kind `{}` cannot stand here", other.tag()),
            ));
        }
    })
}

/// The value of a name.
pub(super) fn lookup<'c, 'a>(
    scope: &Scope<'_, 'c, 'a>,
    name: &str,
) -> Result<Value<'c, 'a>, Fault> {
    scope
        .get(name)
        .copied()
        .ok_or_else(|| Diagnostic::error("E0144", format!("`{name}` is used before it is defined")))
}

/// The name of an argument that is a value of the graph.
pub(super) fn argument_name<'f>(argument: &'f schema::Argument<'_>) -> Option<&'f str> {
    use schema::Argument as A;
    match argument {
        A::Tensor(name) | A::OptionalTensor(Some(name)) => Some(name.as_str()),
        A::SymInt(SymArgument::Name(name))
        | A::SymFloat(SymArgument::Name(name))
        | A::SymBool(SymArgument::Name(name)) => Some(name.as_str()),
        A::CustomObj(object) => Some(object.name.as_str()),
        _ => None,
    }
}

/// The constant that an argument is, if it holds no value of the graph.
pub(super) fn constant_of(argument: &schema::Argument<'_>) -> Option<Constant> {
    use schema::Argument as A;
    Some(match argument {
        A::None | A::OptionalTensor(None) => Constant::None,
        A::Int(value) | A::SymInt(SymArgument::Value(value)) => Constant::Int(*value),
        A::Float(value) | A::SymFloat(SymArgument::Value(value)) => Constant::Float(*value),
        A::Bool(value) | A::SymBool(SymArgument::Value(value)) => Constant::Bool(*value),
        A::Complex(value) => Constant::Complex(value.real, value.imag),
        A::String(text) => Constant::Str(text.as_str().to_owned()),
        A::Ints(values) => Constant::Ints(values.clone()),
        A::Floats(values) => Constant::Floats(values.clone()),
        A::Bools(values) => Constant::Bools(values.clone()),
        A::Strings(texts) => Constant::List(
            texts
                .iter()
                .map(|text| Constant::Str(text.as_str().to_owned()))
                .collect(),
        ),
        A::IntLists(lists) => Constant::List(lists.iter().cloned().map(Constant::Ints).collect()),
        A::FloatLists(lists) => {
            Constant::List(lists.iter().cloned().map(Constant::Floats).collect())
        }
        A::ScalarType(dtype) => Constant::Dtype(ScalarType::from_torch_name(dtype.name())?),
        A::MemoryFormat(format) => Constant::MemoryFormat(format.name().to_owned()),
        A::Layout(layout) => Constant::Layout(layout.name().to_owned()),
        A::Device(device) => Constant::Device(device.to_string()),
        A::Operator(target) => Constant::Operator(target.as_str().to_owned()),
        _ => return None,
    })
}

fn sym_list<'c, 'a, T: Copy>(
    elements: &[SymArgument<'_, T>],
    scope: &Scope<'_, 'c, 'a>,
    constant: impl Fn(T) -> Constant,
) -> Result<Argument<'c, 'a>, Fault> {
    let elements = elements
        .iter()
        .map(|element| match element {
            SymArgument::Name(name) => lookup(scope, name.as_str()).map(Argument::Value),
            SymArgument::Value(value) => Ok(Argument::Constant(constant(*value))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Argument::from(elements))
}

/// A dictionary, its keys sorted.
pub fn dict<'c, 'a>(entries: Vec<(String, Argument<'c, 'a>)>) -> Argument<'c, 'a> {
    let constants: Option<Vec<(String, Constant)>> = entries
        .iter()
        .map(|(key, entry)| Some((key.clone(), entry.as_constant()?.clone())))
        .collect();
    match constants {
        Some(mut constants) => {
            constants.sort_by(|left, right| left.0.cmp(&right.0));
            Argument::Constant(Constant::Dict(constants))
        }
        None => {
            let mut entries = entries;
            entries.sort_by(|left, right| left.0.cmp(&right.0));
            Argument::Dict(entries)
        }
    }
}

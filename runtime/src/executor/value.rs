//! Arguments of a plan as values: constants at load, slots at run time.

use expc_dialects::ScalarType;

use crate::{
    error::{Result, code, error},
    plan::Arg,
    torch::{Device, DeviceKind, Frame, Layout, SharedValue, Value, memory_format_c10},
};

/// The device that constants of the program are moved to; none keeps the program's own.
pub(super) type Target = Option<Device>;

/// Whether an argument is the same in every call.
pub(super) fn is_constant(arg: &Arg) -> bool {
    match arg {
        Arg::Slot(_) | Arg::Graph(_) | Arg::Op(_) => false,
        Arg::List(items) => items.iter().all(is_constant),
        Arg::Dict(entries) => entries.iter().all(|(_, item)| is_constant(item)),
        _ => true,
    }
}

/// The value of an argument without slots.
pub(super) fn constant(arg: &Arg, target: Target) -> Result<Value> {
    Ok(match arg {
        Arg::None => Value::None,
        Arg::Int(value) => Value::Int(*value),
        Arg::Float(value) => Value::Float(*value),
        Arg::Bool(value) => Value::Bool(*value),
        Arg::Complex(real, imaginary) => Value::Complex(*real, *imaginary),
        Arg::Str(value) => Value::Str(value.clone()),
        Arg::Dtype(name) => Value::Int(dtype(name)?.c10()),
        Arg::Device(name) => Value::Device(device(name, target)),
        Arg::Layout(name) => {
            let layout = Layout::parse(name).ok_or_else(|| unknown("layout", name))?;
            Value::Int(layout.c10())
        }
        Arg::MemoryFormat(name) => {
            Value::Int(memory_format_c10(name).ok_or_else(|| unknown("memory format", name))?)
        }
        Arg::List(items) => Value::List(
            items
                .iter()
                .map(|item| constant(item, target))
                .collect::<Result<_>>()?,
        ),
        Arg::Dict(entries) => Value::Dict(
            entries
                .iter()
                .map(|(key, item)| Ok((key.clone(), constant(item, target)?)))
                .collect::<Result<_>>()?,
        ),
        Arg::Slot(_) | Arg::Graph(_) | Arg::Op(_) => {
            return Err(error(
                code::ARGUMENTS,
                "expected a constant, found a value, graph or operator",
            ));
        }
    })
}

/// An argument with its constants made and its slots open.
#[derive(Debug)]
pub(super) enum Operand {
    Slot(u32),
    Constant(SharedValue),
    List(Vec<Operand>),
}

impl Operand {
    pub(super) fn new(arg: &Arg, target: Target) -> Result<Self> {
        match arg {
            Arg::Slot(slot) => Ok(Self::Slot(*slot)),
            Arg::List(items) if !is_constant(arg) => Ok(Self::List(
                items
                    .iter()
                    .map(|item| Self::new(item, target))
                    .collect::<Result<_>>()?,
            )),
            _ => Ok(Self::Constant(SharedValue::new(constant(arg, target)?))),
        }
    }

    /// The operands of a list or tuple argument.
    pub(super) fn list(arg: &Arg, target: Target) -> Result<Vec<Self>> {
        match arg {
            Arg::List(items) => items.iter().map(|item| Self::new(item, target)).collect(),
            Arg::None => Ok(Vec::new()),
            _ => Err(error(code::ARGUMENTS, "expected a list of operands")),
        }
    }

    /// Calls `visit` on each slot of this operand.
    pub(super) fn slots(&self, visit: &mut impl FnMut(u32)) {
        match self {
            Self::Slot(slot) => visit(*slot),
            Self::Constant(_) => {}
            Self::List(items) => items.iter().for_each(|item| item.slots(visit)),
        }
    }

    pub(super) fn read(&self, frame: &Frame) -> Value {
        match self {
            Self::Slot(slot) => frame.get(*slot),
            Self::Constant(value) => value.get(),
            Self::List(items) => Value::List(read_all(items, frame)),
        }
    }
}

pub(super) fn read_all(operands: &[Operand], frame: &Frame) -> Vec<Value> {
    operands.iter().map(|operand| operand.read(frame)).collect()
}

/// The items of nested lists in a row, as the results of a step are numbered.
pub(super) fn flatten(values: Vec<Value>) -> Vec<Value> {
    let mut flat = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Value::List(items) => flat.extend(flatten(items)),
            value => flat.push(value),
        }
    }
    flat
}

pub(super) fn dtype(name: &str) -> Result<ScalarType> {
    ScalarType::from_torch_name(name).ok_or_else(|| unknown("dtype", name))
}

/// The program's device, or the one that it is moved to; meta tensors stay meta.
fn device(name: &str, target: Target) -> String {
    match (Device::parse(name), target) {
        (Some(device), Some(target)) if device.kind != DeviceKind::Meta => target.to_string(),
        _ => name.to_owned(),
    }
}

fn unknown(what: &str, name: &str) -> Box<expc_dialects::Diagnostic> {
    error(code::ARGUMENTS, format!("there is no {what} `{name}`"))
}

//! Shape inference by libtorch: an op without a shape rule is run on the meta device, which has no data.
//!
//! `expc-passes` knows the kernel as [`MetaKernel`] and nothing of libtorch.

use expc_dialects::{Constant, Dim, TensorMeta, ValueType, table};
use expc_passes::shape::{AbstractArg, AbstractResult, MetaKernel};
use expc_runtime::torch::{
    DeviceKind, Layout, NoGradGuard, Op, TensorInfo, TorchError, Value, memory_format_c10,
};

/// Runs ops on libtorch's meta device.
#[derive(Clone, Copy, Debug, Default)]
pub struct MetaDevice;

const META: &str = "meta";
const DEVICE_ARGUMENT: &str = "device";

impl MetaKernel for MetaDevice {
    fn run(
        &self,
        name: &str,
        arguments: &[(String, AbstractArg)],
    ) -> Result<Vec<AbstractResult>, String> {
        // Ops that write or have effects are none of which a result could be asked for without doing what they do.
        if table::lookup(name).is_some_and(|def| !def.is_removable()) {
            return Err("it does more than compute its results".to_owned());
        }
        let op = Op::find(&name.replacen('.', "::", 1))
            .ok_or_else(|| "libtorch does not have it".to_owned())?;
        if (0..op.argument_count()).any(|index| op.argument_is_written(index)) {
            return Err("it writes to an argument".to_owned());
        }
        call(&op, arguments)
    }
}

fn call(op: &Op, arguments: &[(String, AbstractArg)]) -> Result<Vec<AbstractResult>, String> {
    let _no_grad = NoGradGuard::new();
    let mut positional = Vec::new();
    let mut named = Vec::new();
    for (name, argument) in arguments {
        if name.is_empty() {
            positional.push(to_value(argument)?);
        } else if name != DEVICE_ARGUMENT {
            named.push((name.as_str(), to_value(argument)?));
        }
    }
    if op.argument_index(DEVICE_ARGUMENT).is_some() {
        named.push((DEVICE_ARGUMENT, Value::Device(META.to_owned())));
    } else if !arguments.iter().any(|(_, argument)| has_tensor(argument)) {
        return Err(refusal(
            "nothing says that it should run on the meta device",
        ));
    }
    let results = op
        .call(&positional, &named)
        .map_err(|error| first_sentence(&error))?;
    results.iter().map(to_result).collect()
}

fn has_tensor(argument: &AbstractArg) -> bool {
    match argument {
        AbstractArg::Tensor(_) => true,
        AbstractArg::List(items) => items.iter().any(has_tensor),
        AbstractArg::Constant(_) => false,
    }
}

fn to_value(argument: &AbstractArg) -> Result<Value, String> {
    Ok(match argument {
        AbstractArg::Tensor(meta) => Value::Tensor(meta_tensor(meta)?),
        AbstractArg::List(items) => {
            Value::List(items.iter().map(to_value).collect::<Result<_, _>>()?)
        }
        AbstractArg::Constant(constant) => constant_value(constant)?,
    })
}

fn constant_value(constant: &Constant) -> Result<Value, String> {
    Ok(match constant {
        Constant::None => Value::None,
        Constant::Int(value) => Value::Int(*value),
        Constant::Float(value) => Value::Float(*value),
        Constant::Bool(value) => Value::Bool(*value),
        Constant::Complex(real, imaginary) => Value::Complex(*real, *imaginary),
        Constant::Str(text) => Value::Str(text.clone()),
        Constant::Dtype(dtype) => Value::Int(dtype.c10()),
        Constant::Layout(name) => {
            let layout = Layout::parse(name).ok_or_else(|| refusal("its layout is unknown"))?;
            Value::Int(layout.c10())
        }
        Constant::MemoryFormat(name) => {
            let format =
                memory_format_c10(name).ok_or_else(|| refusal("its memory format is unknown"))?;
            Value::Int(format)
        }
        Constant::Device(_) => Value::Device(META.to_owned()),
        _ => return Err(refusal("an argument has no value without data")),
    })
}

/// A tensor without data; its storage has the length that its strides need.
fn meta_tensor(meta: &TensorMeta) -> Result<tch::Tensor, String> {
    let not_static = || refusal("its sizes are no numbers");
    let numbers = |dims: &[Dim]| -> Option<Vec<i64>> {
        dims.iter()
            .map(|dim| match dim {
                Dim::Static(value) => Some(*value),
                Dim::Symbolic(_) => None,
            })
            .collect()
    };
    let sizes = numbers(meta.sizes.as_deref().unwrap_or_default()).ok_or_else(not_static)?;
    let strides = match &meta.strides {
        Some(strides) => numbers(strides).ok_or_else(not_static)?,
        None => contiguous_strides(&sizes).ok_or_else(not_static)?,
    };
    let Dim::Static(offset) = meta.storage_offset else {
        return Err(not_static());
    };
    if meta.layout != "strided" {
        return Err(refusal("a layout other than strided has no meta kernel"));
    }
    let length = storage_length(&sizes, &strides, offset).ok_or_else(not_static)?;
    let ints = |values: &[i64]| Value::List(values.iter().copied().map(Value::Int).collect());
    let storage = find("aten::empty.memory_format")?.call(
        &[ints(&[length])],
        &[
            ("dtype", Value::Int(meta.dtype.c10())),
            (DEVICE_ARGUMENT, Value::Device(META.to_owned())),
        ],
    );
    let storage = only_tensor(storage)?;
    let view = [
        Value::Tensor(storage),
        ints(&sizes),
        ints(&strides),
        Value::Int(offset),
    ];
    only_tensor(find("aten::as_strided")?.call(&view, &[]))
}

fn find(name: &str) -> Result<Op, String> {
    Op::find(name).ok_or_else(|| refusal("libtorch does not have what makes meta tensors"))
}

fn only_tensor(values: Result<Vec<Value>, TorchError>) -> Result<tch::Tensor, String> {
    let values = values.map_err(|error| first_sentence(&error))?;
    match values.into_iter().next() {
        Some(Value::Tensor(tensor)) => Ok(tensor),
        _ => Err(refusal("libtorch gave no tensor")),
    }
}

/// The strides of a tensor without gaps, the last size innermost; none if they overflow.
pub(crate) fn contiguous_strides(sizes: &[i64]) -> Option<Vec<i64>> {
    let mut strides = Vec::with_capacity(sizes.len());
    let mut stride = 1_i64;
    for size in sizes.iter().rev() {
        strides.push(stride);
        stride = stride.checked_mul((*size).max(1))?;
    }
    strides.reverse();
    Some(strides)
}

/// How many elements a storage needs; none if that overflows or a number is negative.
fn storage_length(sizes: &[i64], strides: &[i64], offset: i64) -> Option<i64> {
    let is_valid = sizes
        .iter()
        .chain(strides)
        .chain([&offset])
        .all(|number| *number >= 0);
    if !is_valid {
        return None;
    }
    if sizes.contains(&0) {
        return Some(offset);
    }
    let pairs = sizes.iter().zip(strides);
    let last = pairs
        .map(|(size, stride)| (size - 1).checked_mul(*stride))
        .try_fold(offset, |last, step| last.checked_add(step?))?;
    last.checked_add(1)
}

fn to_result(value: &Value) -> Result<AbstractResult, String> {
    match value {
        Value::List(items) => {
            let types = items.iter().map(to_type).collect::<Result<_, _>>()?;
            Ok(AbstractResult::List(types))
        }
        value => Ok(AbstractResult::Single(to_type(value)?)),
    }
}

fn to_type(value: &Value) -> Result<ValueType, String> {
    let tensor = match value {
        Value::None => return Ok(ValueType::None),
        Value::Tensor(tensor) => tensor,
        _ => return Err(refusal("a result is no tensor")),
    };
    let info = TensorInfo::of(tensor);
    let (Some(dtype), Some(strides), DeviceKind::Meta) =
        (info.dtype, info.strides, info.device.kind)
    else {
        return Err(refusal("a result is no strided tensor on the meta device"));
    };
    let dims = |values: Vec<i64>| values.into_iter().map(Dim::Static).collect::<Vec<_>>();
    let mut meta = TensorMeta::new(dtype, Some(dims(info.sizes)));
    meta.strides = Some(dims(strides));
    meta.storage_offset = Dim::Static(info.storage_offset);
    Ok(ValueType::Tensor(meta))
}

fn refusal(message: &str) -> String {
    message.to_owned()
}

/// The first sentence of what libtorch says; the others are advice and its stack.
fn first_sentence(error: &TorchError) -> String {
    let line = error.message().lines().next().unwrap_or_default();
    line.split(". ").next().unwrap_or_default().to_owned()
}

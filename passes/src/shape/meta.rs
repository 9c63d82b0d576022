//! The fallback: an op without a rule is run on the meta device, where all sizes are numbers.

use expc_dialects::{Constant, TensorMeta, ValueType};

use super::{
    Item, NoInference,
    call::Call,
    size::Size,
    tensor::{MemoryFormat, Tensor},
};

/// Runs ops without data.
pub trait MetaKernel {
    /// Runs an op on the meta device; all sizes, strides and offsets are numbers. The devices of the results
    /// do not count.
    fn run(
        &self,
        name: &str,
        arguments: &[(String, AbstractArg)],
    ) -> Result<Vec<AbstractResult>, String>;
}

/// An argument without data.
#[derive(Clone, Debug, PartialEq)]
pub enum AbstractArg {
    Tensor(TensorMeta),
    Constant(Constant),
    List(Vec<AbstractArg>),
}

/// A result without data.
#[derive(Clone, Debug, PartialEq)]
pub enum AbstractResult {
    Single(ValueType),
    List(Vec<ValueType>),
}

/// The results of the meta kernel, or the refusal that led here.
pub fn run(call: &Call<'_>, refusal: NoInference) -> Result<Vec<Item>, NoInference> {
    let Some(kernel) = call.env.meta() else {
        return Err(refusal);
    };
    let Some(arguments) = call
        .given_named()
        .map(|(name, item)| Some((name.to_owned(), to_abstract(item)?)))
        .collect::<Option<Vec<_>>>()
    else {
        return Err(refusal);
    };
    let device = common_device(call)?;
    let results = kernel.run(call.name, &arguments).map_err(|reason| {
        NoInference::new(format!("{refusal}, and the meta kernel fails: {reason}"))
    })?;
    let read = |value_type: &ValueType| match value_type {
        ValueType::Tensor(meta) => {
            let tensor = Tensor::from_meta(call.env, meta).map(|tensor| Tensor {
                device: device.clone(),
                requires_grad: false,
                ..tensor
            });
            tensor.map(Item::from).ok_or_else(|| refusal.clone())
        }
        ValueType::None => Ok(Item::None),
        _ => Err(refusal.clone()),
    };
    results
        .iter()
        .map(|result| match result {
            AbstractResult::Single(value_type) => read(value_type),
            AbstractResult::List(types) => types
                .iter()
                .map(read)
                .collect::<Result<_, _>>()
                .map(Item::List),
        })
        .collect()
}

/// The device of the results: that of the operands, of an argument that names it, or the CPU.
fn common_device(call: &Call<'_>) -> Result<std::rc::Rc<str>, NoInference> {
    if let Some(device) = call.device("device") {
        return Ok(device);
    }
    let tensors = call.all_tensors()?;
    let of_operands = tensors
        .iter()
        .find(|tensor| !tensor.is_cpu_scalar())
        .or(tensors.first());
    Ok(of_operands.map_or_else(|| "cpu".into(), |tensor| tensor.device.clone()))
}

fn to_abstract(item: &Item) -> Option<AbstractArg> {
    Some(AbstractArg::Constant(match item {
        Item::Tensor(tensor) if tensor.is_static() => {
            return Some(AbstractArg::Tensor(tensor.to_meta()));
        }
        Item::List(items) => {
            return items
                .iter()
                .map(to_abstract)
                .collect::<Option<_>>()
                .map(AbstractArg::List);
        }
        Item::None => Constant::None,
        Item::Int(Size::Int(value)) => Constant::Int(*value),
        Item::Float(value) => Constant::Float(*value),
        Item::Bool(value) => Constant::Bool(*value),
        Item::Str(text) => Constant::Str(text.clone()),
        Item::Dtype(dtype) => Constant::Dtype(*dtype),
        Item::Device(device) => Constant::Device(device.to_string()),
        Item::Layout(layout) => Constant::Layout(layout.to_string()),
        Item::MemoryFormat(format) => Constant::MemoryFormat(
            match format {
                MemoryFormat::Contiguous => "contiguous_format",
                MemoryFormat::Preserve => "preserve_format",
                MemoryFormat::ChannelsLast => "channels_last",
                MemoryFormat::ChannelsLast3d => "channels_last_3d",
            }
            .to_owned(),
        ),
        _ => return None,
    }))
}

//! What calls on tensors without elements return where libtorch's meta device cannot say: shape inference knows.

use expc_dialects::{
    ValueType,
    table::{self, Type},
};
use expc_passes::shape::{self, Item, ShapeEnv, Size};
use expc_runtime::torch::{
    Device,
    record::{RecordedCall, RecordedValue, ResultForm},
};

use super::{
    emit::meta,
    rows::{int_constant, plain_constant},
};

/// The tensors that a call returns; none where inference does not know them, or one of them is no dense tensor of its
/// own memory.
pub(super) fn results(call: &RecordedCall) -> Option<Vec<ResultForm>> {
    let def = table::lookup(&call.op)?;
    let env = ShapeEnv::new();
    let mut given = Vec::with_capacity(call.arguments.len());
    for (arg, value) in def.schema.args.iter().zip(&call.arguments) {
        given.push((arg.name, item(&env, value, &arg.ty)?));
    }
    let results = shape::infer_items(&env, &call.op, given.into_iter()).ok()?;
    results.iter().map(form).collect()
}

fn item(env: &ShapeEnv<'_>, value: &RecordedValue, ty: &Type<'_>) -> Option<Item> {
    let plain = ty.without_optional();
    Some(match value {
        RecordedValue::Tensor(tensor) => {
            // What is on the meta device stands for what is on the CPU.
            let mut info = tensor.info.clone();
            info.device = Device::CPU;
            let meta = meta(&info, false).ok()?;
            Item::from_value_type(env, &ValueType::Tensor(meta), None)
        }
        RecordedValue::List(elements) => {
            let element = plain.list_element()?;
            let items = elements.iter().map(|value| item(env, value, element));
            Item::List(items.collect::<Option<_>>()?)
        }
        RecordedValue::Int(number) => {
            Item::from_constant(&int_constant(*number, Some(plain)).ok()?)
        }
        RecordedValue::Float(number) => Item::Float(*number),
        other => Item::from_constant(&plain_constant(other).ok()?),
    })
}

fn form(item: &Item) -> Option<ResultForm> {
    let Item::Tensor(tensor) = item else {
        return None;
    };
    let numbers = |sizes: &[Size]| sizes.iter().map(Size::as_int).collect::<Option<Vec<_>>>();
    if tensor.offset != Size::ZERO || &*tensor.layout != "strided" {
        return None;
    }
    Some(ResultForm {
        dtype: tensor.dtype,
        sizes: numbers(&tensor.sizes)?,
        strides: numbers(&tensor.strides)?,
    })
}

#[cfg(test)]
mod tests {
    use expc_dialects::ScalarType;
    use expc_runtime::torch::{
        TensorInfo,
        record::{Outcome, RecordedTensor},
    };
    use tch::{Device, Kind, Tensor};

    use super::*;

    fn call(op: &str, arguments: Vec<RecordedValue>) -> RecordedCall {
        RecordedCall {
            op: op.to_owned(),
            outcome: Outcome::Returned,
            grad_mode: false,
            scope: 0,
            arguments,
            results: Vec::new(),
            frames: Vec::new(),
        }
    }

    fn tensor(sizes: &[i64]) -> RecordedValue {
        RecordedValue::Tensor(RecordedTensor {
            value: 0,
            info: TensorInfo::of(&Tensor::zeros(sizes, (Kind::Float, Device::Cpu))),
            requires_grad: false,
        })
    }

    fn pair(number: i64) -> RecordedValue {
        RecordedValue::List(vec![RecordedValue::Int(number); 2])
    }

    #[test]
    fn results_are_those_of_shape_inference() {
        let conv = call(
            "aten.conv2d.default",
            vec![
                tensor(&[2, 3, 8, 8]),
                tensor(&[4, 3, 3, 3]),
                RecordedValue::None,
                pair(1),
                pair(0),
                pair(1),
                RecordedValue::Int(1),
            ],
        );
        let form = ResultForm {
            dtype: ScalarType::Float32,
            sizes: vec![2, 4, 6, 6],
            strides: vec![144, 36, 6, 1],
        };
        assert_eq!(results(&conv), Some(vec![form]));
    }

    #[test]
    fn what_is_not_known_is_left_to_others() {
        let nonzero = call("aten.nonzero.default", vec![tensor(&[2])]);
        assert_eq!(results(&nonzero), None);
        let unheard_of = call("mine.op.default", vec![tensor(&[2])]);
        assert_eq!(results(&unheard_of), None);
    }
}

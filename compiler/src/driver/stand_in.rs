//! Values of the types that a program records, for what a step that failed should have given.

use expc_dialects::{AtenOp, Diagnostic, Program, TensorMeta, ValueType};
use expc_runtime::{
    executor::StandIns,
    plan::InputSpec,
    torch::{Device, TensorInfo, Value},
};
use expc_symbolic::Value as Number;
use melior::ir::{Value as MlirValue, ValueLike, operation::OperationLike};

use super::{
    random::{Sizes, tensor},
    tensors::call,
};
use crate::program::ExportedProgram;

/// The recorded types of a program's root graph, and the sizes of the call in progress.
pub struct RecordedTypes<'p> {
    sizes: Sizes<'p>,
    device: Device,
    /// By step and result.
    steps: Vec<Vec<Recorded>>,
}

/// The type of a result, with the expression of a symbolic scalar.
struct Recorded {
    r#type: Option<ValueType>,
    expression: Option<String>,
}

impl<'p> RecordedTypes<'p> {
    /// The types in `recorded`, which is the module that `program` was made from; `inputs` are those of the call.
    ///
    /// # Errors
    /// The program has no root graph.
    pub fn new(
        recorded: &Program<'_, '_>,
        program: &'p ExportedProgram,
        inputs: &[Value],
        device: Device,
    ) -> Result<Self, Diagnostic> {
        let operations = recorded.root()?.operations().into_iter();
        let mut sizes = Sizes::new(program);
        for (input, value) in program.user_inputs().zip(inputs) {
            match (&input.spec, value) {
                (
                    InputSpec::Tensor {
                        sizes: Some(texts), ..
                    },
                    Value::Tensor(tensor),
                ) => {
                    let found = TensorInfo::of(tensor).sizes;
                    let texts = texts.iter().zip(found);
                    texts.for_each(|(text, size)| sizes.give(text, size));
                }
                (
                    InputSpec::Int {
                        expression: Some(text),
                    },
                    Value::Int(number),
                ) => {
                    sizes.give(text, *number);
                }
                _ => {}
            }
        }
        Ok(Self {
            sizes,
            device,
            steps: operations.map(|op| results(&AtenOp::new(op))).collect(),
        })
    }

    fn recorded(&self, step: usize, result: usize) -> Option<&Recorded> {
        self.steps.get(step)?.get(result)
    }

    fn tensor(&self, meta: &TensorMeta) -> Option<Value> {
        let all = |dims: &[expc_dialects::Dim]| -> Option<Vec<i64>> {
            let sizes = dims
                .iter()
                .map(|dim| self.sizes.size(&dim.to_string()).ok());
            sizes.collect()
        };
        if meta.layout != "strided" {
            return None;
        }
        let sizes = all(meta.sizes.as_ref()?)?;
        let drawn = tensor(meta.dtype, &sizes, self.device).ok()?;
        let Some(strides) = &meta.strides else {
            return Some(Value::Tensor(drawn));
        };
        let list = |numbers: Vec<i64>| Value::List(numbers.into_iter().map(Value::Int).collect());
        let strided = [
            list(sizes),
            list(all(strides)?),
            Value::Int(meta.dtype.c10()),
            Value::None,
            Value::Device(self.device.to_string()),
        ];
        let strided = call("aten::empty_strided", &strided).ok()?;
        let filled = [Value::Tensor(strided), Value::Tensor(drawn)];
        call("aten::copy_", &filled).ok().map(Value::Tensor)
    }
}

fn results(op: &AtenOp<'_, '_>) -> Vec<Recorded> {
    let symbolic = op.symbolic_results();
    let operation = op.operation();
    let results = operation.results().map(MlirValue::from);
    let recorded = results.map(|value| {
        let expression = symbolic.iter().find(|(scalar, _)| *scalar == value);
        Recorded {
            r#type: ValueType::from_mlir(value.r#type()),
            expression: expression.map(|(_, text)| text.clone()),
        }
    });
    recorded.collect()
}

impl StandIns for RecordedTypes<'_> {
    fn saw(&mut self, step: usize, results: &[Value]) {
        let recorded = self.steps.get(step).map_or(&[][..], Vec::as_slice);
        for (recorded, value) in recorded.iter().zip(results) {
            match (&recorded.r#type, &recorded.expression, value) {
                (Some(ValueType::Tensor(meta)), _, Value::Tensor(tensor)) => {
                    let found = TensorInfo::of(tensor).sizes;
                    let dims = meta.sizes.iter().flatten().zip(found);
                    dims.for_each(|(dim, size)| self.sizes.give(&dim.to_string(), size));
                }
                (_, Some(text), Value::Int(number)) => self.sizes.give(text, *number),
                _ => {}
            }
        }
    }

    fn value(&mut self, step: usize, result: usize) -> Option<Value> {
        let recorded = self.recorded(step, result)?;
        match (&recorded.r#type, &recorded.expression) {
            (Some(ValueType::Tensor(meta)), _) => self.tensor(meta),
            (_, Some(text)) => match self.sizes.number(text).ok()? {
                Number::Int(number) => Some(Value::Int(number)),
                Number::Float(number) => Some(Value::Float(number)),
                Number::Bool(truth) => Some(Value::Bool(truth)),
            },
            _ => None,
        }
    }
}

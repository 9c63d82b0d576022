//! Trees of tensors are flattened.

use crate::{TreeKey, trace::{Arguments, DynamicShapes, Inputs, Sample, Tracer, Value}};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg(
        "x",
        Sample::Tuple(vec![Sample::Dict(vec![
            (TreeKey::Int(1), Sample::floats(&[3, 2])),
            (TreeKey::Int(2), Sample::floats(&[3, 2])),
        ])]),
    )
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(_: &Tracer, inputs: &Arguments) -> Value {
    (&inputs.tensors("x")[0] + 1).into()
}

//! An input can be changed in place.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[3, 2]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(_: &Tracer, inputs: &Arguments) -> Value {
    let x = inputs.tensor("x");
    x.mul_tensor_inplace(2);
    x.cos().into()
}

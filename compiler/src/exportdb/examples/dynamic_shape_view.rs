//! Sizes are arguments of views.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[10, 10]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(_: &Tracer, inputs: &Arguments) -> Value {
    let x = inputs.tensor("x");
    let mut shape = x.shape();
    shape.truncate(1);
    shape.extend([2.into(), 5.into()]);
    x.view(shape).permute([0_i64, 2, 1]).into()
}

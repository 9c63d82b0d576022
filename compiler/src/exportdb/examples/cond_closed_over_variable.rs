//! The branches of `cond` can close over any variable.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, ScalarType, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("pred", Sample::tensor(ScalarType::Bool, &[]))
        .arg("x", Sample::floats(&[3, 2]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(t: &Tracer, inputs: &Arguments) -> Value {
    let (pred, x) = (inputs.tensor("pred"), inputs.tensor("x"));
    let operand = &x + 1;
    t.cond(&pred, |_| &x * 2, |_| &x - 2, &[operand]).into()
}

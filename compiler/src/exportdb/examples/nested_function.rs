//! Closures are traced through, with what they change in place.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tensor, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("a", Sample::floats(&[3, 2]))
        .arg("b", Sample::floats(&[2]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(_: &Tracer, inputs: &Arguments) -> Value {
    let (a, b) = (inputs.tensor("a"), inputs.tensor("b"));
    let x = &a + &b;
    let z = &a - &b;
    let closure = |y: &Tensor| {
        x.add_tensor_inplace(1);
        &x * y + &z
    };
    closure(&x).into()
}

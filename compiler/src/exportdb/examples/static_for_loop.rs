//! A loop with a known number of rounds is unrolled.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tensor, Tracer, Value};

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
    let sums: Vec<Tensor> = (0..10_i64).map(|i| i + &x).collect();
    sums.into()
}

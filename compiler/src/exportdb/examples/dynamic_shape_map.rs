//! `map` applies a closure to each row of a tensor.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("xs", Sample::floats(&[3, 2]))
        .arg("y", Sample::floats(&[2]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(t: &Tracer, inputs: &Arguments) -> Value {
    let y = inputs.tensor("y");
    t.map(|row| &row[0] + &y, &[inputs.tensor("xs")]).into()
}

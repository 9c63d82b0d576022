//! Numbers can be returned.

use crate::trace::{Arguments, Dim, DynamicShapes, Inputs, Sample, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[3, 2]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new().input("x", [(1, Dim::new("dim1_x"))])
}

/// What is traced.
pub fn forward(_: &Tracer, inputs: &Arguments) -> Value {
    (inputs.tensor("x").size(1) + 1).into()
}

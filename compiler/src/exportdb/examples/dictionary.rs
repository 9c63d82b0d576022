//! Dictionaries are flattened; one that is returned is kept in the signature.

use std::collections::HashMap;

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tracer, Value, dict};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[3, 2]))
        .arg("y", Sample::ints(&[]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(_: &Tracer, inputs: &Arguments) -> Value {
    let (x, y) = (inputs.tensor("x"), inputs.tensor("y"));
    let elements = HashMap::from([("x2", &x * &x)]);
    dict([("y", y * &elements["x2"])])
}

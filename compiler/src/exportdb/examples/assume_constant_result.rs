//! A number that is read out of a tensor bounds a slice.
//!
//! PyTorch's example hides the read behind a decorator that Dynamo takes for a constant; without Dynamo it is a number that
//! data decide, and so it is here.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, ScalarType, Tracer, Value};

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
    let end = inputs.tensor("y").to(ScalarType::Int32).item_int();
    inputs.tensor("x").slice(0, None, Some(end), 1).into()
}

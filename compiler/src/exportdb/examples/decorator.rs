//! Functions around functions are inlined.
//!
//! What is a decorator in Python is a function that takes a closure in Rust.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tensor, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[3, 2]))
        .arg("y", Sample::floats(&[3, 2]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

fn plus_one(
    function: impl Fn(&Tensor, &Tensor) -> Tensor,
) -> impl Fn(&Tensor, &Tensor) -> Tensor {
    move |x, y| function(x, y) + 1
}

/// What is traced.
pub fn forward(_: &Tracer, inputs: &Arguments) -> Value {
    let add = |x: &Tensor, y: &Tensor| x + y;
    plus_one(add)(&inputs.tensor("x"), &inputs.tensor("y")).into()
}

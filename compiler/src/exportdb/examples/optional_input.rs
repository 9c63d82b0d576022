//! An argument that was not given has its default, which is a constant of the program.
//!
//! Rust has no default arguments; an `Option` has the same meaning.

use crate::{exportdb::FLOATS, tch, trace::{Arguments, DynamicShapes, Inputs, Sample, Tensor, Tracer, Value}};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[2, 3]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(t: &Tracer, inputs: &Arguments) -> Value {
    add(t, inputs.tensor("x"), None)
}

fn add(t: &Tracer, x: Tensor, y: Option<Tensor>) -> Value {
    let default = || t.constant(&tch::Tensor::ones([2, 3], FLOATS));
    (x + y.unwrap_or_else(default)).into()
}

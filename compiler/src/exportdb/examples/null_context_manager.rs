//! A scope that does nothing leaves nothing.
//!
//! Python's example is a context manager; in Rust it is a block.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tracer, Value};

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
    {
        x.sin() + x.cos()
    }
    .into()
}

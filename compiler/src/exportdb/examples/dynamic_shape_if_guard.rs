//! A branch on a size is taken with the size of the example, which leaves a guard.
//!
//! Where the size is dynamic by its spec, the guard is a violation of it.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[3, 2, 2]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(_: &Tracer, inputs: &Arguments) -> Value {
    let x = inputs.tensor("x");
    if x.size(0) == 3 { x.cos() } else { x.sin() }.into()
}

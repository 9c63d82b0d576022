//! The lesser of a size and a number.
//!
//! PyTorch lists it as not supported; PyTorch 2.11 traces it where the size is static.

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
    (x.sum() + x.size(0).sym_min(100)).into()
}

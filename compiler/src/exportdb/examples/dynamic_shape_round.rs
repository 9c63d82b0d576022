//! Rounding a number that depends on a dynamic size has no form in exported programs and is refused.

use crate::trace::{Arguments, Dim, DynamicShapes, Inputs, Sample, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[3, 2]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new().input("x", [(0, Dim::new("dim0_x"))])
}

/// What is traced.
pub fn forward(_: &Tracer, inputs: &Arguments) -> Value {
    let x = inputs.tensor("x");
    let half = x.size(0).true_div(2).round();
    x.slice(0, None, Some(half), 1).into()
}

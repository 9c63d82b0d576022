//! Bounds of slices are computed from sizes.

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
    let rows = x.slice(0, Some(0.into()), Some(x.size(0) - 2), 1);
    let start = x.size(1) - 1;
    rows.slice(1, Some(start), Some(i64::MAX.into()), 2).into()
}

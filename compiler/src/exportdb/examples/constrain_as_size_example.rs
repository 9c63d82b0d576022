//! What is known of a number that data decide is said with `check`; then it can be a size.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::ints(&[]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(t: &Tracer, inputs: &Arguments) -> Value {
    let a = inputs.tensor("x").item_int();
    t.check(a.sym_ge(0));
    t.check(a.sym_le(5));
    t.zeros((a, 5)).into()
}

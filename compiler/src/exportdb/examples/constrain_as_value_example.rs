//! What is known of a number that data decide is said with `check`; then a branch on it can be taken.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::ints(&[]))
        .arg("y", Sample::floats(&[5, 5]))
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
    let y = inputs.tensor("y");
    if a < 6 { y.sin() } else { y.cos() }.into()
}

//! The operands of `cond` are tensors that both branches take; the condition is on a dynamic size.

use crate::trace::{Arguments, Dim, DynamicShapes, Inputs, Sample, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[3, 2]))
        .arg("y", Sample::floats(&[2]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new().input("x", [(0, Dim::new("dim0_x"))])
}

/// What is traced.
pub fn forward(t: &Tracer, inputs: &Arguments) -> Value {
    let (x, y) = (inputs.tensor("x"), inputs.tensor("y"));
    let is_long = x.size(0).sym_gt(2);
    t.cond(is_long, |x| &x[0] + &x[1], |x| &x[0] - &x[1], &[x, y])
        .into()
}

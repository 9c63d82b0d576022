//! The condition of `cond` is a tensor with one element or a truth value.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[6, 4, 3]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(t: &Tracer, inputs: &Arguments) -> Value {
    let x = inputs.tensor("x");
    let pred = x.dim() > 2 && x.size(2) > 10;
    t.cond(pred, |x| x[0].cos(), |x| x[0].sin(), &[x]).into()
}

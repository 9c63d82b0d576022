//! The branches of `cond` can be closures that call other closures.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tensor, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[3]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(t: &Tracer, inputs: &Arguments) -> Value {
    let x = inputs.tensor("x");
    let on_true = |x: &[Tensor]| {
        let inner = |y: &Tensor| &x[0] + y;
        inner(&x[0])
    };
    let on_false = |x: &[Tensor]| {
        let inner = |y: &Tensor| &x[0] - y;
        inner(&x[0])
    };
    let is_short = x.size(0).sym_lt(10);
    t.cond(is_short, on_true, on_false, &[x]).into()
}

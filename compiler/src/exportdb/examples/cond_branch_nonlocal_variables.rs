//! What the branches of `cond` need can be handed to them as operands.

use crate::{tch, trace::{Arguments, DynamicShapes, Inputs, Sample, Tracer, Value}};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[6]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(t: &Tracer, inputs: &Arguments) -> Value {
    let x = inputs.tensor("x");
    let my_tensor = &x + 100;
    let my_number = t.literal(&tch::Tensor::from(2.5_f32));
    let is_long = x.size(0).sym_gt(5);
    t.cond(
        is_long,
        |x| &x[0] + &x[1] + &x[2],
        |x| &x[0] - &x[1] - &x[2],
        &[x, my_tensor, my_number],
    )
    .into()
}

//! The branches of `cond` can be methods.
//!
//! The condition on a static size is known, so that only one branch is in the program.

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

struct MySubModule;

impl MySubModule {
    fn forward(&self, x: &Tensor) -> Tensor {
        x.cos()
    }
}

/// What is traced.
pub fn forward(t: &Tracer, inputs: &Arguments) -> Value {
    let x = inputs.tensor("x");
    let subm = MySubModule;
    let is_short = x.size(0).sym_le(2);
    t.cond(is_short, |x| subm.forward(&x[0]), |x| x[0].sin(), &[x])
        .into()
}

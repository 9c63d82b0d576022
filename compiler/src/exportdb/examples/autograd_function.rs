//! A function with a gradient of its own.
//!
//! PyTorch's example is a subclass of `torch.autograd.Function`; exported programs hold its forward part, which in Rust is a
//! function.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tensor, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[3, 2]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

fn my_function(x: &Tensor) -> Tensor {
    x.clone_default()
}

/// What is traced.
pub fn forward(_: &Tracer, inputs: &Arguments) -> Value {
    my_function(&inputs.tensor("x")).into()
}

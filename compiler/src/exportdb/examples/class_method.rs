//! Methods that belong to a class are inlined.
//!
//! PyTorch's example calls a class method in three ways; Rust's associated functions have one.

use crate::{exportdb::FLOATS, tch, trace::{Arguments, DynamicShapes, Inputs, Sample, Tensor, Tracer, Value}};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[3, 4]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

struct ClassMethod;

impl ClassMethod {
    fn method(x: &Tensor) -> Tensor {
        x + 1
    }
}

/// What is traced.
pub fn forward(t: &Tracer, inputs: &Arguments) -> Value {
    let linear = t.root("ClassMethod").child("linear", "Linear");
    let weight = linear.parameter("weight", &tch::Tensor::zeros([2, 4], FLOATS));
    let bias = linear.parameter("bias", &tch::Tensor::zeros([2], FLOATS));
    let x = linear.call(|| inputs.tensor("x").linear_with(&weight, Some(&bias)));
    let product = ClassMethod::method(&x) * ClassMethod::method(&x);
    (product * ClassMethod::method(&x)).into()
}

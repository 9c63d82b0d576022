//! What belongs to the type of a value is found when the program is compiled.
//!
//! Python's example asks an object for its type; in Rust that is a trait.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tensor, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[3, 4]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

trait Func {
    fn func(x: &Tensor) -> Tensor;
}

struct A;

impl Func for A {
    fn func(x: &Tensor) -> Tensor {
        1 + x
    }
}

fn type_of<T: Func>(_: &T, x: &Tensor) -> Tensor {
    T::func(x)
}

/// What is traced.
pub fn forward(_: &Tracer, inputs: &Arguments) -> Value {
    type_of(&A, &inputs.tensor("x")).into()
}

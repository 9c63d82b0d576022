//! Arguments in tuples, in any number and by keyword.
//!
//! Rust has no variable number of arguments; the inputs of a trace have names for them.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("pos0", Sample::floats(&[4]))
        .arg("tuple0", Sample::Tuple(vec![Sample::floats(&[4]), Sample::floats(&[4])]))
        .arg("myargs_0", Sample::floats(&[4]))
        .arg("myargs_1", Sample::floats(&[4]))
        .kwarg("mykw0", Sample::floats(&[4]))
        .kwarg("input0", Sample::floats(&[4]))
        .kwarg("input1", Sample::floats(&[4]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(_: &Tracer, inputs: &Arguments) -> Value {
    let mut out = inputs.tensor("pos0");
    for factor in inputs.tensors("tuple0") {
        out = out * factor;
    }
    for name in ["myargs_0", "myargs_1", "mykw0", "input0", "input1"] {
        out = out * inputs.tensor(name);
    }
    out.into()
}

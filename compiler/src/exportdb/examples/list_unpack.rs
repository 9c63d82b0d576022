//! Lists are taken apart while the program is traced.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg(
        "args",
        Sample::List(vec![
            Sample::floats(&[3, 2]),
            Sample::ints(&[]),
            Sample::ints(&[]),
        ]),
    )
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(_: &Tracer, inputs: &Arguments) -> Value {
    match inputs.tensors("args").as_slice() {
        [x, y, ..] => (x + y).into(),
        _ => Vec::<Value>::new().into(),
    }
}

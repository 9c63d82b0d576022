//! A tensor has no attributes that could be set.
//!
//! Python's example sets one whose value nothing uses; the Rust counterpart keeps it in a map.

use std::collections::HashMap;

use crate::trace::{Arguments, Constant, DynamicShapes, Inputs, Sample, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[3, 2]))
        .arg("attr", Sample::constant(Constant::Str("attr".to_owned())))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(t: &Tracer, inputs: &Arguments) -> Value {
    let mut attributes = HashMap::new();
    if let Constant::Str(name) = inputs.constant("attr") {
        attributes.insert(name, t.randn([3_i64, 2]));
    }
    (inputs.tensor("x") + 4).into()
}

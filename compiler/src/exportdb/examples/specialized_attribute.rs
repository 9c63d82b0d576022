//! Attributes of a model are constants.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[3, 2]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

enum Animal {
    Cow,
}

struct SpecializedAttribute {
    animal: Animal,
    b: i64,
}

/// What is traced.
pub fn forward(_: &Tracer, inputs: &Arguments) -> Value {
    let model = SpecializedAttribute {
        animal: Animal::Cow,
        b: 4,
    };
    let x = inputs.tensor("x");
    match model.animal {
        Animal::Cow => (&x * &x + model.b).into(),
    }
}

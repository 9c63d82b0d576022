//! Whether a list holds a size is decided while the program is traced.

use crate::trace::{Arguments, DynamicShapes, Inputs, Sample, SymInt, Tracer, Value};

/// The example inputs.
pub fn inputs() -> Inputs {
    Inputs::new()
        .arg("x", Sample::floats(&[3, 2]))
}

/// The sizes that are dynamic.
pub fn shapes() -> DynamicShapes {
    DynamicShapes::new()
}

/// What is traced.
pub fn forward(t: &Tracer, inputs: &Arguments) -> Value {
    let x = inputs.tensor("x");
    let holds = |list: &[i64], size: SymInt| list.iter().any(|element| size == *element);
    t.check(holds(&[6, 2], x.size(-1)).into());
    t.check((!holds(&[4, 5, 6], x.size(0))).into());
    t.check((!["cow", "pig"].contains(&"monkey")).into());
    (&x + &x).into()
}

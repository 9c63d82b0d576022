//! A model that replaces its own attributes; only what is computed from them is in the program.
//!
//! Python warns of the attribute that is lost; a Rust model that is borrowed cannot be changed unnoticed.

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

struct ModelAttrMutation {
    attr_list: Vec<Tensor>,
}

impl ModelAttrMutation {
    fn recreate_list(t: &Tracer) -> Vec<Tensor> {
        vec![t.zeros([3_i64, 2]), t.zeros([3_i64, 2])]
    }

    fn forward(&mut self, t: &Tracer, x: &Tensor) -> Tensor {
        self.attr_list = Self::recreate_list(t);
        x.sum() + self.attr_list[0].sum()
    }
}

/// What is traced.
pub fn forward(t: &Tracer, inputs: &Arguments) -> Value {
    let mut model = ModelAttrMutation {
        attr_list: Vec::new(),
    };
    model.forward(t, &inputs.tensor("x")).into()
}

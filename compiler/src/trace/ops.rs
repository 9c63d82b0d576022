//! The ops of `aten` as methods of traced tensors, made from their schemas when the crate is built
//! (`compiler/build/methods.rs`).
#![allow(clippy::too_many_arguments, clippy::useless_conversion)]

use std::panic::Location;

use expc_dialects::{Constant, ScalarType};

use super::{
    number::SymInt,
    operand::{Device, IntoSizes, Layout, MemoryFormat, Operand},
    tensor::Tensor,
    tracer::{Outcomes, Tracer},
};

include!(concat!(env!("OUT_DIR"), "/trace_methods.rs"));

/// The argument, or None given explicitly.
fn or_none<T: Into<Operand>>(value: Option<T>) -> Operand {
    value.map_or(Operand::Constant(Constant::None), Into::into)
}

impl Tensor {
    #[track_caller]
    fn call_op(&self, op: &'static str, given: Vec<Option<Operand>>) -> Outcomes {
        self.call(op, given)
    }
}

impl Tracer {
    #[track_caller]
    fn call_op(&self, op: &'static str, given: Vec<Option<Operand>>) -> Outcomes {
        let place = Location::caller();
        Outcomes::new(self.clone(), self.call(op, given, place), place)
    }
}

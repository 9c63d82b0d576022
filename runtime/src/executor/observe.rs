//! Calls that somebody watches: the steps of the root graph with their times and results.

use std::time::{Duration, Instant};

use super::{Executable, value::Operand};
use crate::{error::Result, plan::Origin, torch::Value};

/// A step that was run.
#[derive(Debug)]
pub struct StepInfo<'a> {
    /// What was run: `aten::add.Tensor`, `mul`, `cond`.
    pub name: &'a str,
    pub origin: &'a Origin,
    /// From the call of the kernel to its return; on a GPU work may go on after that.
    pub time: Duration,
}

/// Is told of each step of the root graph, in order, with its results: lists flattened, `None` where nobody reads
/// one. Tensors are those of the program: what is kept must be copied, later steps may write to it.
pub type Observer<'o> = dyn FnMut(&StepInfo<'_>, &[Value]) + 'o;

impl Executable {
    /// As [`Executable::call`], watched.
    ///
    /// # Errors
    /// As [`Executable::call`].
    pub fn call_observed(
        &self,
        inputs: &[Value],
        observer: &mut Observer<'_>,
    ) -> Result<Vec<Value>> {
        self.call_with(inputs, |graph, program, frame| {
            for step in &graph.steps {
                let start = Instant::now();
                step.run(program, frame)?;
                let info = StepInfo {
                    name: &step.name,
                    origin: &step.origin,
                    time: start.elapsed(),
                };
                let results = step.results.iter().map(|slot| match slot {
                    Some(slot) => Operand::Slot(*slot).read(frame),
                    None => Value::None,
                });
                observer(&info, &results.collect::<Vec<_>>());
            }
            Ok(())
        })
    }
}

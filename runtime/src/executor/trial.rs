//! Calls that go on after faults, so that one call finds everything in a program that does not run.
//!
//! What a step that failed should have given is made up by the caller ([`StandIns`]), who knows its type; a step that
//! reads a value of which nothing is known is not run.

use expc_dialects::Diagnostic;
use rustc_hash::FxHashSet;

use super::{Executable, Options, Work};
use crate::{
    plan::{Origin, Plan, Slot, Step},
    torch::{Frame, NoGradGuard, Value},
    weights::Weights,
};

/// Makes up values of the root graph.
pub trait StandIns {
    /// A step ran and gave these results: lists flattened, `None` where nobody reads one.
    fn saw(&mut self, step: usize, results: &[Value]);

    /// Something that the result of the step could have been; none if nobody can tell.
    fn value(&mut self, step: usize, result: usize) -> Option<Value>;
}

/// What came of a call.
#[derive(Debug, Default)]
pub struct Trial {
    /// What went wrong, in the order of the steps; what is wrong with a step before it runs comes first.
    pub faults: Vec<Diagnostic>,
    /// The steps of the root graph that could not be run for want of a value.
    pub not_run: Vec<Origin>,
}

/// Loads a program and runs each of its steps that has what it reads.
///
/// # Errors
/// Nothing could be run: a weight is missing, or the inputs do not fit the signature.
pub fn try_steps(
    plan: &Plan,
    weights: &Weights,
    options: Options,
    inputs: &[Value],
    stand_ins: &mut dyn StandIns,
) -> Result<Trial, Vec<Diagnostic>> {
    let (executable, faults) = Executable::resolve(plan, weights, options)?;
    let trial = Trial {
        faults,
        not_run: Vec::new(),
    };
    executable.try_steps(plan, inputs, stand_ins, trial)
}

/// What is known of the slots of a frame beside their values.
#[derive(Default)]
struct Slots {
    /// Nothing is there.
    unknown: FxHashSet<Slot>,
    /// The value is made up, or computed from such.
    made_up: FxHashSet<Slot>,
}

impl Executable {
    fn try_steps(
        &self,
        plan: &Plan,
        inputs: &[Value],
        stand_ins: &mut dyn StandIns,
        mut trial: Trial,
    ) -> Result<Trial, Vec<Diagnostic>> {
        let (Some(root), Some(graph)) = (self.graphs.first(), plan.graphs().first()) else {
            return Ok(trial);
        };
        let _no_grad = NoGradGuard::new();
        let checked = self.checks.check(inputs);
        let frame = checked.and_then(|inputs| Ok((self.filled_frame(root, &inputs)?, inputs)));
        let (mut frame, inputs) = match frame {
            Ok(filled) => filled,
            Err(fault) => {
                trial.faults.push(*fault);
                return Err(trial.faults);
            }
        };
        let mut slots = Slots::default();
        for (position, (ready, step)) in root.steps.iter().zip(&graph.steps).enumerate() {
            let reads: Vec<Slot> = step.arguments().flat_map(|arg| arg.slots()).collect();
            if reads.iter().any(|slot| slots.unknown.contains(slot)) {
                trial.not_run.push(step.origin.clone());
                slots.make_up(position, step, &mut frame, stand_ins);
                continue;
            }
            let is_made_up = reads.iter().any(|slot| slots.made_up.contains(slot));
            match ready.run(self, &mut frame) {
                Ok(()) => {
                    let values = step.results.iter().map(|slot| match slot {
                        Some(slot) => frame.get(*slot),
                        None => Value::None,
                    });
                    match is_made_up {
                        true => slots.made_up.extend(step.results.iter().flatten()),
                        false => stand_ins.saw(position, &values.collect::<Vec<_>>()),
                    }
                }
                Err(fault) => {
                    // Made up numbers need not meet what the program asserts of the real ones.
                    let is_excused = is_made_up && ready.name.starts_with("aten::_assert");
                    let is_told = matches!(ready.work, Work::Broken(_));
                    if is_excused {
                        trial.not_run.push(step.origin.clone());
                    } else if !is_told {
                        trial.faults.push(match is_made_up {
                            true => fault.note(MADE_UP),
                            false => *fault,
                        });
                    }
                    slots.make_up(position, step, &mut frame, stand_ins);
                }
            }
        }
        if trial.faults.is_empty() && trial.not_run.is_empty() {
            let values = self.output_values(&frame);
            if let Err(fault) = self.write_back(&values, &inputs) {
                trial.faults.push(*fault);
            }
        }
        Ok(trial)
    }
}

const MADE_UP: &str =
    "what it read was made up, of the recorded type: an earlier fault left no value";

impl Slots {
    fn make_up(
        &mut self,
        position: usize,
        step: &Step,
        frame: &mut Frame,
        stand_ins: &mut dyn StandIns,
    ) {
        for (result, slot) in step.results.iter().enumerate() {
            let Some(slot) = slot else { continue };
            let value = stand_ins.value(position, result);
            let is_set = value.is_some_and(|value| frame.set(*slot, &value).is_ok());
            match is_set {
                true => self.made_up.insert(*slot),
                false => self.unknown.insert(*slot),
            };
        }
    }
}

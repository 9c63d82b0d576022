//! One run of traced code: what it called, what it returned, and whether that can be a program.

use std::panic::{self, AssertUnwindSafe};

use expc_dialects::{Constant, Diagnostic, Place};
use expc_pt2::TreeSpec;
use expc_runtime::torch::{
    Value,
    record::{self, Outcome, RecordedCall, Recorder, Recording, ValueNumber},
};
use tch::Tensor;

use super::{
    code, scope,
    values::{self, Output},
};
use crate::Diagnostics;

/// A tensor of the model with its name in the program.
#[derive(Debug)]
pub(super) struct NamedWeight {
    /// `layers.0.weight`.
    pub name: String,
    pub tensor: Tensor,
    /// A parameter, otherwise a buffer.
    pub is_parameter: bool,
}

/// A run of the code.
#[derive(Debug)]
pub(super) struct Capture {
    pub recording: Recording,
    /// Of modules, by scope.
    pub paths: Vec<String>,
    /// The tensors of the inputs, in order.
    pub inputs: Vec<ValueNumber>,
    /// By the position of the weight.
    pub weights: Vec<ValueNumber>,
    pub outputs: Vec<Returned>,
    pub output_tree: TreeSpec,
}

/// A leaf of what the code returned.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Returned {
    Tensor(ValueNumber),
    Constant(Constant),
}

/// The code under trace: from inputs, and the tensors in them, to what it returned.
pub(super) type Code<'a> = dyn Fn(&[Value], &[Tensor]) -> Result<Output, Diagnostic> + 'a;

/// Runs the code once on these inputs.
///
/// The inputs are copied, and buffers get their elements back afterwards, so that a run leaves nothing behind.
pub(super) fn capture(
    code: &Code<'_>,
    inputs: &[Value],
    weights: &[NamedWeight],
    with_gradients: bool,
) -> Result<Capture, Diagnostics> {
    let tensors = copies(inputs);
    let mut handles = tensors.iter().map(Tensor::shallow_clone);
    let given: Vec<Value> = inputs
        .iter()
        .map(|input| values::with_tensors(input, &mut handles))
        .collect();
    let mut recorder = Recorder::new(false);
    let input_numbers = tensors
        .iter()
        .map(|tensor| recorder.know(tensor, true))
        .collect();
    let weight_numbers = weights
        .iter()
        .map(|weight| recorder.know(&weight.tensor, false))
        .collect();
    let _kept = Kept::of(weights);

    let run = || {
        let _gradients = (!with_gradients).then(tch::no_grad_guard);
        recorder.record(|| code(&given, &tensors))
    };
    let (outcome, paths) = scope::with_paths(|| panic::catch_unwind(AssertUnwindSafe(run)));
    let output = match outcome {
        Ok(Some(Ok(output))) => output,
        Ok(Some(Err(fault))) => return Err(fault.into()),
        Ok(None) => {
            let what = "the code is being traced already: a trace cannot run inside another";
            return Err(Diagnostic::error(code::NESTED, what).into());
        }
        Err(payload) => {
            let message = panic_message(payload.as_ref());
            return Err(explain_panic(&message, &recorder.finish(), &paths));
        }
    };
    let output_tree = output.tree();
    let mut leaves = Vec::new();
    output.leaves(&mut leaves);
    let returned = |leaf| match leaf {
        Output::Tensor(tensor) => Some(Returned::Tensor(recorder.value_of(&tensor))),
        Output::Constant(constant) => Some(Returned::Constant(constant)),
        Output::Tuple(_) | Output::List(_) | Output::Dict(_) => None,
    };
    let outputs = leaves.into_iter().filter_map(returned).collect();
    let recording = recorder.finish();
    let reads = data_reads(&recording, &paths);
    if !reads.is_empty() {
        return Err(Diagnostics::new(reads));
    }
    Ok(Capture {
        recording,
        paths,
        inputs: input_numbers,
        weights: weight_numbers,
        outputs,
        output_tree,
    })
}

/// The tensors in the inputs, copied so that in-place operators do not reach the caller's.
fn copies(inputs: &[Value]) -> Vec<Tensor> {
    let mut leaves = Vec::new();
    for input in inputs {
        values::leaves("", input, &mut leaves);
    }
    leaves
        .into_iter()
        .filter_map(|(_, leaf)| leaf.as_tensor())
        .map(|tensor| {
            tensor
                .detach()
                .copy()
                .set_requires_grad(tensor.requires_grad())
        })
        .collect()
}

/// The elements of the buffers, which are put back when this is dropped: normalization in training mode changes them.
struct Kept(Vec<(Tensor, Tensor)>);

impl Kept {
    fn of(weights: &[NamedWeight]) -> Self {
        let buffers = weights.iter().filter(|weight| !weight.is_parameter);
        Self(
            buffers
                .map(|buffer| (buffer.tensor.shallow_clone(), buffer.tensor.detach().copy()))
                .collect(),
        )
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        tch::no_grad(|| {
            for (buffer, elements) in &mut self.0 {
                // A buffer that was resized meanwhile cannot take its elements back; nothing else fails here.
                let _ = buffer.f_copy_(elements);
            }
        });
    }
}

fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

/// What to say when the code panicked: tch panics where libtorch refuses.
fn explain_panic(message: &str, recording: &Recording, paths: &[String]) -> Diagnostics {
    let mut reads = data_reads(recording, paths);
    if reads.is_empty() && record::is_data_read(message) {
        let what = "the code reads the elements of a tensor that depends on the inputs";
        let fault = Diagnostic::error(code::DATA_READ, what).help(READ_ADVICE);
        let last = recording.calls.last();
        reads.push(match last {
            Some(call) => {
                let mut fault = fault.note(format!("the last operator before was `{}`", call.op));
                fault.place = place(call, paths);
                fault
            }
            None => fault,
        });
    }
    if !reads.is_empty() {
        return Diagnostics::new(reads);
    }
    let last = recording.calls.last();
    let failed = last.and_then(|call| match &call.outcome {
        Outcome::Threw(said) => Some((call, said)),
        Outcome::Returned | Outcome::ReadData => None,
    });
    let fault = match failed {
        Some((call, said)) => {
            let said = said.lines().next().unwrap_or_default();
            let what = format!("`{}` failed while the code was traced: {said}", call.op);
            let mut fault = Diagnostic::error(code::OP_FAILED, what);
            fault.place = place(call, paths);
            fault
        }
        None => Diagnostic::error(
            code::PANICKED,
            format!("the code panicked while it was traced: {message}"),
        ),
    };
    fault.into()
}

const READ_ADVICE: &str = "the program would have the number that this example gave, whatever its inputs: keep it as a \
    tensor, branch on it with `cond`, or make it an unbacked symbol with `item()` of symbolic tracing";

/// One diagnostic for each number that the code read from data.
fn data_reads(recording: &Recording, paths: &[String]) -> Vec<Diagnostic> {
    let reads = recording.calls.iter();
    let reads = reads.filter(|call| call.outcome == Outcome::ReadData);
    reads
        .map(|call| {
            let what = format!(
                "`{}` reads a number from a tensor that depends on the inputs",
                call.op
            );
            let mut fault = Diagnostic::error(code::DATA_READ, what).help(READ_ADVICE);
            fault.place = place(call, paths);
            fault
        })
        .collect()
}

/// Where a call stands in the code.
pub(super) fn place(call: &RecordedCall, paths: &[String]) -> Place {
    let scope = usize::try_from(call.scope).unwrap_or(usize::MAX);
    Place {
        module: paths.get(scope).filter(|path| !path.is_empty()).cloned(),
        ..Place::default()
    }
}

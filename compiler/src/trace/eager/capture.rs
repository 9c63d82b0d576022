//! One run of traced code: what it called, what it returned, and whether that can be a program.

use std::panic::{self, AssertUnwindSafe};

use expc_dialects::{Constant, Diagnostic, Place};
use expc_pt2::TreeSpec;
use expc_runtime::torch::{
    Device, DeviceKind, Value, clone_tensor,
    record::{self, Outcome, RecordedCall, RecordedValue, Recorder, Recording, ValueNumber},
};
use tch::Tensor;

use super::{
    code, forms,
    lines::Lines,
    modules::ModulePaths,
    rescue::{StandIns, stood_in_for},
    scope::{self, Visited},
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

/// The code under trace: from inputs, and the tensors in them, to what it returned.
pub(super) type Code<'a> = dyn Fn(&[Value], &[Tensor]) -> Result<Output, Diagnostic> + 'a;

/// What to run and how.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub code: &'a Code<'a>,
    pub inputs: &'a [Value],
    pub weights: &'a [NamedWeight],
    pub with_gradients: bool,
    /// Without elements: nothing is computed.
    pub is_abstract: bool,
    /// A run that returned, for the form of what stands for the results of calls that fail in this one.
    pub rescue: Option<&'a Capture>,
}

/// A run that returned.
#[derive(Debug)]
pub(super) struct Capture {
    pub recording: Recording,
    pub modules: ModulePaths,
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

/// What came of a run, with the numbers that were read from data on the way.
#[derive(Debug)]
pub(super) struct Observed {
    pub outcome: Result<Capture, Ending>,
    pub reads: Vec<Diagnostic>,
    /// Calls that failed and were stood in for.
    pub failures: Vec<Diagnostic>,
}

/// How a run ended that did not return.
#[derive(Debug)]
pub(super) struct Ending {
    pub fault: Diagnostic,
    /// The module that read elements past the dispatcher, where that ended the run.
    pub reader: Option<String>,
}

/// Runs the code once.
///
/// The inputs are copied, and buffers get their elements back afterwards, so that a run leaves nothing behind.
///
/// # Errors
/// The code did not return, or a number was read from data that depends on the inputs.
pub(super) fn capture(request: &Request<'_>) -> Result<Capture, Diagnostics> {
    let Observed { outcome, reads, .. } = observe(request, &[])?;
    match outcome {
        _ if !reads.is_empty() => Err(Diagnostics::new(reads)),
        Ok(capture) => Ok(capture),
        Err(ending) => Err(ending.fault.into()),
    }
}

/// Runs the code once; the modules in `permitted` may read elements.
///
/// # Errors
/// The thread is being traced already, or an input cannot be copied.
pub(super) fn observe(request: &Request<'_>, permitted: &[String]) -> Result<Observed, Diagnostic> {
    let tensors = copies(request)?;
    let mut handles = tensors.iter().map(Tensor::shallow_clone);
    let inputs = request.inputs.iter();
    let given: Vec<Value> = inputs
        .map(|input| values::with_tensors(input, &mut handles))
        .collect();
    let mut recorder =
        Recorder::new(request.is_abstract).with_shapes(Box::new(|_, call| forms::results(call)));
    if let Some(capture) = request.rescue {
        let stand_ins = StandIns::of(capture);
        recorder = recorder.with_rescue(Box::new(move |position, call| {
            stand_ins.results(position, call)
        }));
    }
    let tensor_numbers = tensors.iter().map(|tensor| recorder.know(tensor, true));
    let inputs = tensor_numbers.collect();
    let weight_tensors = request.weights.iter().map(|weight| &weight.tensor);
    let weights: Vec<_> = weight_tensors
        .map(|tensor| recorder.know(tensor, false))
        .collect();
    let _kept = Kept::of(request.weights);

    let run = || {
        let _gradients = (!request.with_gradients).then(tch::no_grad_guard);
        recorder.record(|| (request.code)(&given, &tensors))
    };
    let caught = || panic::catch_unwind(AssertUnwindSafe(run));
    let (result, visited) = scope::with_paths(permitted, caught);
    let result = match result {
        Ok(Some(Ok(output))) => Ok(returned(output, &mut recorder)),
        Ok(Some(Err(fault))) => Err(Stop::Fault(fault)),
        Ok(None) => {
            let what = "the code is being traced already: a trace cannot run inside another";
            return Err(Diagnostic::error(code::NESTED, what));
        }
        Err(payload) => Err(Stop::Panic(panic_message(payload.as_ref()))),
    };
    let mut recording = recorder.finish();
    if request.is_abstract {
        put_on_cpu(&mut recording);
    }
    let modules = ModulePaths::of(&recording, &visited.scopes, &weights, request.weights);
    let reads = data_reads(&recording, &modules);
    let failures = stood_in_for(&recording, &modules);
    let outcome = match result {
        Ok((outputs, output_tree)) => Ok(Capture {
            recording,
            modules,
            inputs,
            weights,
            outputs,
            output_tree,
        }),
        Err(Stop::Fault(fault)) => Err(Ending {
            fault,
            reader: None,
        }),
        Err(Stop::Panic(message)) => Err(explain(&message, &recording, &modules, &visited)),
    };
    Ok(Observed {
        outcome,
        reads,
        failures,
    })
}

/// Why code did not return.
enum Stop {
    Fault(Diagnostic),
    Panic(String),
}

fn returned(output: Output, recorder: &mut Recorder) -> (Vec<Returned>, TreeSpec) {
    let tree = output.tree();
    let mut leaves = Vec::new();
    output.leaves(&mut leaves);
    let returned = |leaf| match leaf {
        Output::Tensor(tensor) => Some(Returned::Tensor(recorder.value_of(&tensor))),
        Output::Constant(constant) => Some(Returned::Constant(constant)),
        Output::Tuple(_) | Output::List(_) | Output::Dict(_) => None,
    };
    (leaves.into_iter().filter_map(returned).collect(), tree)
}

/// The tensors in the inputs, copied so that in-place operators do not reach the caller's.
fn copies(request: &Request<'_>) -> Result<Vec<Tensor>, Diagnostic> {
    const META: Device = Device {
        kind: DeviceKind::Meta,
        index: None,
    };
    let mut leaves = Vec::new();
    for input in request.inputs {
        values::leaves("", input, &mut leaves);
    }
    let copy = |tensor: &Tensor| {
        let device = request.is_abstract.then_some(META);
        let copy = tch::no_grad(|| clone_tensor(tensor, device)).map_err(|error| {
            Diagnostic::error(code::INPUTS, format!("an input cannot be copied: {error}"))
        })?;
        Ok(copy.set_requires_grad(tensor.requires_grad()))
    };
    let tensors = leaves.into_iter().filter_map(|(_, leaf)| leaf.as_tensor());
    tensors.map(copy).collect()
}

/// Gives what was recorded on the meta device the device that it stands for. What tch takes that device for is no
/// device here.
fn put_on_cpu(recording: &mut Recording) {
    fn visit(value: &mut RecordedValue) {
        match value {
            RecordedValue::Tensor(tensor) => tensor.info.device = Device::CPU,
            RecordedValue::Device(name) => "cpu".clone_into(name),
            RecordedValue::List(items) => items.iter_mut().for_each(visit),
            _ => {}
        }
    }
    for call in &mut recording.calls {
        call.arguments
            .iter_mut()
            .chain(&mut call.results)
            .for_each(visit);
    }
}

/// The elements of the buffers, which are put back when this is dropped: normalization in training mode changes them.
struct Kept(Vec<(Tensor, Tensor)>);

impl Kept {
    fn of(weights: &[NamedWeight]) -> Self {
        let buffers = weights.iter().filter(|weight| !weight.is_parameter);
        let kept = buffers.map(|buffer| {
            let elements = tch::no_grad(|| buffer.tensor.detach().copy());
            (buffer.tensor.shallow_clone(), elements)
        });
        Self(kept.collect())
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
fn explain(
    message: &str,
    recording: &Recording,
    modules: &ModulePaths,
    visited: &Visited,
) -> Ending {
    let last = recording.calls.len().checked_sub(1);
    let last = last.and_then(|position| Some((position, recording.calls.get(position)?)));
    let module = visited.panicked_in.clone();
    if record::is_data_read(message) {
        let what = "the code reads the elements of a tensor that depends on the inputs";
        let mut fault = Diagnostic::error(code::DATA_READ, what).help(READ_ADVICE);
        if let Some((position, call)) = last {
            fault = fault.note(format!("the last operator before was `{}`", call.op));
            fault.place = place(call, position, modules);
        }
        fault.place.module = module.clone().or(fault.place.module);
        let reader = Some(module.unwrap_or_default());
        return Ending { fault, reader };
    }
    let fault = match last.map(|(position, call)| (position, call, &call.outcome)) {
        Some((position, call, Outcome::Threw(said))) => failed(position, call, said, modules),
        _ => {
            let what = format!("the code panicked while it was traced: {message}");
            let mut fault = Diagnostic::error(code::PANICKED, what);
            fault.place.module = module;
            fault
        }
    };
    Ending {
        fault,
        reader: None,
    }
}

/// What to say of a call that libtorch refused.
pub(super) fn failed(
    position: usize,
    call: &RecordedCall,
    said: &str,
    modules: &ModulePaths,
) -> Diagnostic {
    let said = said.lines().next().unwrap_or_default();
    let what = format!("`{}` failed while the code was traced: {said}", call.op);
    let mut fault = Diagnostic::error(code::OP_FAILED, what);
    fault.place = place(call, position, modules);
    fault
}

const READ_ADVICE: &str = "the program would have the number that this example gave, whatever its inputs: keep it as a \
    tensor, branch on it with `cond`, or make it an unbacked symbol with `item()` of symbolic tracing";

/// One diagnostic for each number that the code read from data.
fn data_reads(recording: &Recording, modules: &ModulePaths) -> Vec<Diagnostic> {
    let calls = recording.calls.iter().enumerate();
    let reads = calls.filter(|(_, call)| call.outcome == Outcome::ReadData);
    reads
        .map(|(position, call)| {
            let what = format!(
                "`{}` reads a number from a tensor that depends on the inputs",
                call.op
            );
            let mut fault = Diagnostic::error(code::DATA_READ, what).help(READ_ADVICE);
            fault.place = place(call, position, modules);
            fault
        })
        .collect()
}

/// Where a call stands in the code.
pub(super) fn place(call: &RecordedCall, position: usize, modules: &ModulePaths) -> Place {
    let path = modules.path(position);
    let line = Lines::default().of(&call.frames);
    Place {
        module: (!path.is_empty()).then(|| path.to_owned()),
        python: line.map(|line| line.stack_trace(&call.op)),
        ..Place::default()
    }
}

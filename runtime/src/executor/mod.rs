//! Runs plans: operators resolved and constants boxed once, values freed where they are read last.
//!
//! [`Executable::new`] loads a plan, [`Executable::call`] runs it. Everything an executable holds is constant while it
//! runs, but for the frames, of which each call has its own, and the program's own mutable state.

mod alias;
mod control;
mod functionalized;
mod inputs;
mod observe;
mod out_dtype;
mod state;
mod step;
mod symbolic;
mod trial;
mod value;

use std::sync::{Mutex, MutexGuard, PoisonError};

use expc_dialects::Diagnostic;
use rustc_hash::FxHashSet;

use self::{
    control::{HopArgs, HopStep},
    inputs::InputChecks,
    state::State,
    step::{Call, Ops, Symbolic, or_copy, prepare_call},
    value::{Operand, Target},
};
pub use self::{
    observe::{Observer, StepInfo},
    trial::{StandIns, Trial, try_steps},
};
use crate::{
    error::{Result, code, error, located},
    plan::{
        Action, Arg, GraphId, InputKind, InputSpec, Origin, Output, OutputKind, Plan, Slot, Step,
    },
    torch::{self, Device, Frame, NoGradGuard, Value},
    weights::Weights,
};

/// How a program is loaded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Moves the weights and the devices that the program names; none leaves all where the program says.
    pub device: Option<Device>,
}

/// A loaded program.
///
/// Calls may come from many threads at once. A program that changes its own state (buffers, parameters) runs one call
/// at a time; others run side by side on the same weights.
#[derive(Debug)]
pub struct Executable {
    graphs: Vec<ReadyGraph>,
    user_inputs: Vec<UserInput>,
    outputs: Vec<ReadyOutput>,
    checks: InputChecks,
    state: State,
    /// Frames of the root graph between calls; only the slots of weights are filled.
    frames: Mutex<Vec<Frame>>,
    /// The slots of the root graph that are still filled after a call, other than those of weights.
    leftovers: Vec<Slot>,
    /// Held by a call of a program that changes its state.
    exclusive: Mutex<()>,
}

/// A user input of the signature.
#[derive(Debug)]
struct UserInput {
    name: String,
    /// None for constants, which are no inputs of the graph.
    slot: Option<Slot>,
}

#[derive(Debug)]
struct ReadyOutput {
    operand: Operand,
    destination: Destination,
}

/// What becomes of an output.
#[derive(Debug)]
enum Destination {
    Returned,
    /// Tokens.
    Dropped,
    /// Written into a weight, by its position in the state.
    State(usize),
    /// Written into a user input, by its position among these.
    Input(usize),
}

#[derive(Debug)]
struct ReadyGraph {
    slots: u32,
    inputs: Vec<Slot>,
    steps: Vec<ReadyStep>,
    outputs: Vec<Operand>,
}

#[derive(Debug)]
struct ReadyStep {
    work: Work,
    /// What it runs, for observers.
    name: String,
    /// Where its results are, lists flattened; none where nobody reads one.
    results: Vec<Option<Slot>>,
    origin: Origin,
}

#[derive(Debug)]
enum Work {
    Call(torch::Step),
    Symbolic(Symbolic),
    Hop(Box<HopStep>),
    /// What could not be resolved, with the reason; only trials have such steps.
    Broken(Box<Diagnostic>),
}

impl Executable {
    /// Resolves the operators of a plan and binds its weights.
    ///
    /// Weights that the program never changes are used where they are; those that it changes are copied, so that
    /// two executables of the same weights do not see each other's changes.
    ///
    /// # Errors
    /// Everything that is wrong with the program: operators that are not registered, arguments that do not fit their
    /// schemas, weights that are missing or of another dtype or size.
    pub fn new(
        plan: &Plan,
        weights: &Weights,
        options: Options,
    ) -> std::result::Result<Self, Vec<Diagnostic>> {
        match Self::resolve(plan, weights, options)? {
            (executable, problems) if problems.is_empty() => Ok(executable),
            (_, problems) => Err(problems),
        }
    }

    /// As [`Executable::new`], with what is wrong with single steps beside the executable.
    fn resolve(
        plan: &Plan,
        weights: &Weights,
        options: Options,
    ) -> std::result::Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let ops = Ops::of(plan);
        let written = alias::written_inputs(plan, &ops);
        let views_may_copy = !alias::writes_anything(plan, &ops);
        let written = written.first().map_or(&[][..], Vec::as_slice);
        let state = State::new(plan, weights, written, options.device);
        let bound: FxHashSet<Slot> = state
            .iter()
            .flat_map(|state| &state.bound)
            .map(|bound| bound.slot)
            .collect();
        let mut problems = Vec::new();
        let graphs: Vec<_> = (0..plan.graphs().len())
            .filter_map(|index| {
                ReadyGraph::new(
                    plan,
                    index,
                    &bound,
                    &Loading {
                        ops: &ops,
                        views_may_copy,
                        target: options.device,
                    },
                    &mut problems,
                )
            })
            .collect();
        let parts = state.and_then(|state| {
            let user_inputs = user_inputs(plan);
            let outputs = ready_outputs(plan, &state, &user_inputs, options.device)?;
            Ok((state, user_inputs, outputs, InputChecks::new(plan)?))
        });
        match parts {
            Ok((state, user_inputs, outputs, checks)) if graphs.len() == plan.graphs().len() => {
                let executable = Self {
                    graphs,
                    leftovers: leftovers(&user_inputs, &outputs, &bound),
                    user_inputs,
                    outputs,
                    checks,
                    state,
                    frames: Mutex::new(Vec::new()),
                    exclusive: Mutex::new(()),
                };
                Ok((executable, problems))
            }
            Ok(_) => Err(problems),
            Err(problem) => {
                problems.push(*problem);
                Err(problems)
            }
        }
    }

    /// Runs the program on its user inputs, in the order of the signature, constants included (`None` for "as
    /// exported"). The answer is the user outputs, and gradients, in the order of the signature.
    ///
    /// Buffers, parameters and inputs that the program changes are changed. Results share memory with inputs or
    /// weights where they do so in PyTorch, but never with state that a later call changes.
    ///
    /// # Errors
    /// The inputs do not fit the signature (then nothing has run), or a step failed.
    pub fn call(&self, inputs: &[Value]) -> Result<Vec<Value>> {
        self.call_with(inputs, ReadyGraph::run)
    }

    /// As [`Executable::call`], with `run` for the root graph.
    fn call_with(
        &self,
        inputs: &[Value],
        run: impl FnOnce(&ReadyGraph, &Self, &mut Frame) -> Result<()>,
    ) -> Result<Vec<Value>> {
        let inputs = self.checks.check(inputs)?;
        let _exclusive = self.state.is_mutable().then(|| lock(&self.exclusive));
        let _no_grad = NoGradGuard::new();
        let Some(root) = self.graphs.first() else {
            return Err(missing_graph());
        };
        let mut frame = self.filled_frame(root, &inputs)?;
        run(root, self, &mut frame)?;
        let values = self.output_values(&frame);
        self.write_back(&values, &inputs)?;
        let results = self
            .outputs
            .iter()
            .zip(values)
            .filter(|(output, _)| matches!(output.destination, Destination::Returned));
        let results = results.map(|(_, value)| self.detached(value)).collect();
        self.give_frame(frame);
        results
    }

    /// The weights that calls change, by name, in the order of the signature.
    pub fn mutable_state(&self) -> Vec<(&str, Value)> {
        let changed = self.state.bound.iter().filter(|bound| bound.mutable);
        changed
            .map(|bound| (bound.name.as_str(), bound.value.get()))
            .collect()
    }

    /// A weight by its fully qualified name.
    pub fn weight(&self, name: &str) -> Option<tch::Tensor> {
        self.state.tensor(name)
    }

    /// Conditions on the inputs that could not be understood and are not checked.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.checks.warnings
    }

    /// Runs a graph other than the root on a frame of its own.
    fn call_graph(&self, graph: GraphId, arguments: Vec<Value>) -> Result<Vec<Value>> {
        let Some(graph) = self.graphs.get(graph as usize) else {
            return Err(missing_graph());
        };
        if graph.inputs.len() != arguments.len() {
            let (expected, found) = (graph.inputs.len(), arguments.len());
            return Err(error(
                code::HIGHER_ORDER,
                format!("the graph takes {expected} inputs, found {found}"),
            ));
        }
        let mut frame = Frame::new(graph.slots);
        for (slot, value) in graph.inputs.iter().zip(&arguments) {
            frame.set(*slot, value).map_err(control::torch)?;
        }
        drop(arguments);
        graph.run(self, &mut frame)?;
        Ok(value::read_all(&graph.outputs, &frame))
    }

    /// A frame of the root graph with weights and inputs.
    fn filled_frame(&self, root: &ReadyGraph, inputs: &[Value]) -> Result<Frame> {
        let mut frame = self.take_frame(root)?;
        for (input, value) in self.user_inputs.iter().zip(inputs) {
            if let Some(slot) = input.slot {
                frame
                    .set(slot, value)
                    .map_err(|problem| error(code::INPUT_KIND, problem.message()))?;
            }
        }
        Ok(frame)
    }

    /// The outputs of the root graph, in the order of the signature.
    fn output_values(&self, frame: &Frame) -> Vec<Value> {
        let outputs = self.outputs.iter();
        outputs.map(|output| output.operand.read(frame)).collect()
    }

    fn take_frame(&self, root: &ReadyGraph) -> Result<Frame> {
        if let Some(frame) = lock(&self.frames).pop() {
            return Ok(frame);
        }
        let mut frame = Frame::new(root.slots);
        self.state.fill(&mut frame)?;
        Ok(frame)
    }

    /// Keeps a frame for the next call, with nothing but the weights in it. A frame of a failed call is not kept.
    fn give_frame(&self, mut frame: Frame) {
        self.leftovers.iter().for_each(|slot| frame.clear(*slot));
        lock(&self.frames).push(frame);
    }

    /// Carries out the mutations that the graph gives as outputs.
    fn write_back(&self, values: &[Value], inputs: &[Value]) -> Result<()> {
        for (output, value) in self.outputs.iter().zip(values) {
            let target = match output.destination {
                Destination::State(index) => self.state.value(index),
                Destination::Input(index) => inputs.get(index).cloned(),
                Destination::Returned | Destination::Dropped => continue,
            };
            let (Some(Value::Tensor(mut target)), Value::Tensor(value)) = (target, value) else {
                return Err(error(
                    code::PLAN,
                    "a mutation has no tensor to go to or to come from",
                ));
            };
            target.f_copy_(value).map_err(control::tch_error)?;
        }
        Ok(())
    }

    /// A result that later calls do not change.
    fn detached(&self, value: Value) -> Result<Value> {
        match value {
            Value::Tensor(tensor) if self.state.shares_mutable_memory(&tensor) => {
                torch::clone_tensor(&tensor, None)
                    .map(Value::Tensor)
                    .map_err(control::torch)
            }
            value => Ok(value),
        }
    }
}

/// A lock that a panic elsewhere does not take from us: what it guards is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn missing_graph() -> Box<Diagnostic> {
    error(code::PLAN, "internal error: a graph of the plan is missing")
}

fn user_inputs(plan: &Plan) -> Vec<UserInput> {
    let mut slots = plan
        .graphs()
        .first()
        .map_or(&[][..], |root| &root.inputs)
        .iter();
    let mut inputs = Vec::new();
    for input in &plan.signature().inputs {
        let is_constant = matches!(input.spec, InputSpec::Constant(_));
        let slot = if is_constant {
            None
        } else {
            slots.next().copied()
        };
        if input.kind == InputKind::User {
            inputs.push(UserInput {
                name: input.name.clone(),
                slot,
            });
        }
    }
    inputs
}

fn ready_outputs(
    plan: &Plan,
    state: &State,
    user_inputs: &[UserInput],
    target: Target,
) -> Result<Vec<ReadyOutput>> {
    let outputs = plan.graphs().first().map_or(&[][..], |root| &root.outputs);
    let ready = |(arg, output): (&Arg, &Output)| {
        Ok(ReadyOutput {
            operand: Operand::new(arg, target)?,
            destination: destination(output, state, user_inputs)?,
        })
    };
    outputs
        .iter()
        .zip(&plan.signature().outputs)
        .map(ready)
        .collect()
}

fn destination(output: &Output, state: &State, user_inputs: &[UserInput]) -> Result<Destination> {
    use OutputKind as Kind;
    let name = output.target.as_deref().unwrap_or_default();
    let found = match output.kind {
        Kind::User | Kind::Loss | Kind::GradientToParameter | Kind::GradientToUserInput => {
            Some(Destination::Returned)
        }
        Kind::Token => Some(Destination::Dropped),
        Kind::BufferMutation | Kind::ParameterMutation => {
            state.position(name).map(Destination::State)
        }
        Kind::UserInputMutation => {
            let position = user_inputs.iter().position(|input| input.name == name);
            position.map(Destination::Input)
        }
    };
    found.ok_or_else(|| {
        let what = format!("the program changes `{name}`, which is none of its inputs");
        error(code::PLAN, what)
    })
}

/// The slots that no step empties: user inputs that nobody reads, and outputs.
fn leftovers(
    user_inputs: &[UserInput],
    outputs: &[ReadyOutput],
    bound: &FxHashSet<Slot>,
) -> Vec<Slot> {
    let mut slots: Vec<_> = user_inputs.iter().filter_map(|input| input.slot).collect();
    for output in outputs {
        output.operand.slots(&mut |slot| slots.push(slot));
    }
    slots.retain(|slot| !bound.contains(slot));
    slots
}

impl ReadyGraph {
    /// Resolves a graph; what is wrong with its steps goes to `problems`. Slots in `bound` keep their values from
    /// call to call.
    fn new(
        plan: &Plan,
        index: usize,
        bound: &FxHashSet<Slot>,
        loading: &Loading<'_>,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let graph = plan.graphs().get(index)?;
        let keeps = |slot: &Slot| index == 0 && bound.contains(slot);
        let mut steps = Vec::with_capacity(graph.steps.len());
        for (position, step) in graph.steps.iter().enumerate() {
            let frees: Vec<_> = plan
                .last_reads(index, position)
                .iter()
                .copied()
                .filter(|slot| !keeps(slot))
                .collect();
            let work = loading.step(step, &frees).unwrap_or_else(|problem| {
                let problem = located(problem, &step.origin);
                problems.push((*problem).clone());
                Work::Broken(problem)
            });
            steps.push(ReadyStep {
                work,
                name: step.action.name().to_owned(),
                results: step.results.clone(),
                origin: step.origin.clone(),
            });
        }
        let outputs = graph
            .outputs
            .iter()
            .map(|output| Operand::new(output, loading.target))
            .collect::<Result<_>>();
        let outputs = outputs.map_err(|problem| problems.push(*problem)).ok()?;
        Some(Self {
            slots: graph.slots,
            inputs: graph.inputs.clone(),
            steps,
            outputs,
        })
    }

    fn run(&self, program: &Executable, frame: &mut Frame) -> Result<()> {
        self.steps
            .iter()
            .try_for_each(|step| step.run(program, frame))
    }
}

impl ReadyStep {
    fn run(&self, program: &Executable, frame: &mut Frame) -> Result<()> {
        let outcome = match &self.work {
            Work::Call(call) => call.run(frame).map_err(control::torch),
            Work::Symbolic(symbolic) => symbolic.run(frame),
            Work::Hop(hop) => hop.run(program, frame),
            Work::Broken(problem) => Err(problem.clone()),
        };
        outcome.map_err(|problem| located(problem, &self.origin))
    }
}

/// What steps are resolved with.
struct Loading<'a> {
    ops: &'a Ops,
    /// No step writes to a tensor, so that nobody can tell a copy from a view.
    views_may_copy: bool,
    target: Target,
}

impl Loading<'_> {
    fn step(&self, step: &Step, frees: &[Slot]) -> Result<Work> {
        let results = step.results.as_slice();
        match &step.action {
            Action::Call {
                op,
                args,
                kwargs,
                result_groups,
            } => {
                let copying = self.views_may_copy.then(|| or_copy(op, kwargs)).flatten();
                let (op, kwargs) = match &copying {
                    Some((op, kwargs)) => (*op, kwargs.as_slice()),
                    None => (op.as_str(), kwargs.as_slice()),
                };
                let call = Call {
                    args,
                    kwargs,
                    results,
                    result_groups,
                    frees,
                };
                prepare_call(self.ops.get(op)?, &call, self.target).map(Work::Call)
            }
            Action::Symbolic { function, args } => {
                Symbolic::new(*function, args, results, frees).map(Work::Symbolic)
            }
            Action::Hop { name, args, kwargs } => {
                let args = HopArgs {
                    args,
                    kwargs,
                    target: self.target,
                };
                self.hop(name, &args, results, frees)
            }
        }
    }

    fn hop(
        &self,
        name: &str,
        args: &HopArgs<'_>,
        results: &[Option<Slot>],
        frees: &[Slot],
    ) -> Result<Work> {
        if name == "with_effects" {
            return self.with_effects(args, results, frees);
        }
        let step = HopStep::new(name, args, results, frees)?;
        Ok(Work::Hop(Box::new(step)))
    }

    /// `with_effects(token, op, *args, **kwargs)` is the operator itself: steps run in order anyway. Its first result
    /// is the next token, which holds nothing.
    fn with_effects(
        &self,
        args: &HopArgs<'_>,
        results: &[Option<Slot>],
        frees: &[Slot],
    ) -> Result<Work> {
        let [_, Arg::Op(op), rest @ ..] = args.args else {
            return control::malformed("`with_effects`: expected a token and an operator");
        };
        let results = results.get(1..).unwrap_or_default();
        if !op.contains("::") {
            let args = HopArgs {
                args: rest,
                ..*args
            };
            let step = HopStep::new(op, &args, results, frees)?;
            return Ok(Work::Hop(Box::new(step)));
        }
        let call = Call {
            args: rest,
            kwargs: args.kwargs,
            results,
            result_groups: &[],
            frees,
        };
        prepare_call(self.ops.get(op)?, &call, self.target).map(Work::Call)
    }
}

#[cfg(test)]
mod tests;

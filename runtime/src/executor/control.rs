//! Higher-order operators: control flow, wrapped graphs, functional forms of mutating operators.
//!
//! Each is read once, at load, into a [`Hop`] with its graphs and operands; [`HOPS`] lists them by PyTorch's names.
//! The semantics are those of their eager kernels in `torch/_higher_order_ops`.

use super::{
    Executable,
    functionalized::Functionalized,
    out_dtype::OutDtype,
    value::{Operand, Target, constant, flatten, read_all},
};
use crate::{
    error::{Result, code, error},
    plan::{Arg, GraphId, Slot},
    torch::{AutocastGuard, Frame, TensorInfo, TorchError, Value, clone_tensor},
};

/// A higher-order operator, ready to run.
#[derive(Debug)]
pub(super) struct HopStep {
    name: String,
    hop: Hop,
    results: Vec<Option<Slot>>,
    frees: Vec<Slot>,
}

#[derive(Debug)]
enum Hop {
    Cond {
        predicate: Operand,
        then: GraphId,
        otherwise: GraphId,
        operands: Vec<Operand>,
    },
    WhileLoop {
        condition: GraphId,
        body: GraphId,
        carried: Vec<Operand>,
        extra: Vec<Operand>,
        stacks: bool,
    },
    Map {
        body: GraphId,
        xs: Vec<Operand>,
        extra: Vec<Operand>,
    },
    Scan {
        body: GraphId,
        init: Vec<Operand>,
        xs: Vec<Operand>,
        extra: Vec<Operand>,
    },
    AssociativeScan {
        body: GraphId,
        xs: Vec<Operand>,
        extra: Vec<Operand>,
    },
    Run {
        body: GraphId,
        operands: Vec<Operand>,
        autocast: Option<Autocast>,
    },
    Functionalized(Functionalized),
    OutDtype(OutDtype),
    CallTorchBind {
        object: Operand,
        method: String,
        arguments: Vec<Operand>,
    },
}

#[derive(Debug)]
struct Autocast {
    device_type: String,
    dtype: Option<i32>,
    enabled: bool,
    cache_enabled: bool,
}

/// The arguments of a higher-order operator, as the program gives them.
pub(super) struct HopArgs<'a> {
    pub args: &'a [Arg],
    pub kwargs: &'a [(String, Arg)],
    pub target: Target,
}

type Read = fn(&HopArgs<'_>) -> Result<Hop>;

/// PyTorch's name of each higher-order operator that runs here, and what reads its arguments.
const HOPS: &[(&str, Read)] = &[
    ("cond", cond),
    ("while_loop", |args| while_loop(args, false)),
    ("while_loop_stack_output", |args| while_loop(args, true)),
    ("map_impl", map),
    ("scan", scan),
    ("associative_scan", associative_scan),
    ("invoke_subgraph", |args| run_graph(args, 0, 2)),
    ("wrap_with_set_grad_enabled", |args| run_graph(args, 1, 2)),
    ("wrap_with_autocast", autocast),
    ("wrap", |args| run_graph(args, 0, 1)),
    ("tag_activation_checkpoint", |args| run_graph(args, 0, 1)),
    ("inductor_compiled_code", |args| run_graph(args, 0, 1)),
    ("strict_mode", run_graph_on_list),
    ("run_const_graph", run_graph_on_list),
    ("hints_wrapper", run_graph_on_list),
    ("auto_functionalized", |args| {
        Functionalized::v1(args).map(Hop::Functionalized)
    }),
    ("auto_functionalized_v2", |args| {
        Functionalized::v2(args).map(Hop::Functionalized)
    }),
    ("out_dtype", |args| OutDtype::new(args).map(Hop::OutDtype)),
    ("call_torchbind", call_torchbind),
];

impl HopStep {
    pub(super) fn new(
        name: &str,
        args: &HopArgs<'_>,
        results: &[Option<Slot>],
        frees: &[Slot],
    ) -> Result<Self> {
        let Some((_, read)) = HOPS.iter().find(|(known, _)| *known == name) else {
            return Err(error(
                code::HIGHER_ORDER,
                format!("higher-order operator `{name}` cannot be run"),
            ));
        };
        let hop = read(args).map_err(|mut problem| {
            if problem.code == code::HIGHER_ORDER {
                problem.message = format!("`{name}`: {}", problem.message);
            }
            problem
        })?;
        Ok(Self {
            name: name.to_owned(),
            hop,
            results: results.to_vec(),
            frees: frees.to_vec(),
        })
    }

    pub(super) fn run(&self, program: &Executable, frame: &mut Frame) -> Result<()> {
        let values = self
            .hop
            .run(program, frame, &self.frees)
            .map_err(|mut problem| {
                if problem.code == code::HIGHER_ORDER {
                    problem.message = format!("`{}`: {}", self.name, problem.message);
                }
                problem
            })?;
        let values = flatten(values);
        if values.len() < self.results.len() {
            let (found, expected) = (values.len(), self.results.len());
            let what = format!(
                "`{}` returned {found} values, the program has {expected} results",
                self.name
            );
            return Err(error(code::HIGHER_ORDER, what));
        }
        for (slot, value) in self.results.iter().zip(&values) {
            if let Some(slot) = slot {
                frame.set(*slot, value).map_err(torch)?;
            }
        }
        Ok(())
    }
}

impl Hop {
    /// Runs the operator. The slots in `frees` are emptied once the operands are read, so that what the graphs make
    /// of them can be freed while they run.
    fn run(&self, program: &Executable, frame: &mut Frame, frees: &[Slot]) -> Result<Vec<Value>> {
        let read = |operands: &[Operand], frame: &Frame| read_all(operands, frame);
        match self {
            Self::Cond {
                predicate,
                then,
                otherwise,
                operands,
            } => {
                let graph = if truth(&predicate.read(frame))? {
                    *then
                } else {
                    *otherwise
                };
                let operands = read(operands, frame);
                free(frame, frees);
                program.call_graph(graph, operands)
            }
            Self::WhileLoop {
                condition,
                body,
                carried,
                extra,
                stacks,
            } => {
                let (carried, extra) = (read(carried, frame), read(extra, frame));
                free(frame, frees);
                Loop {
                    program,
                    condition: *condition,
                    body: *body,
                    extra: &extra,
                    stacks: *stacks,
                }
                .run(carried)
            }
            Self::Map { body, xs, extra } => {
                let (xs, extra) = (read(xs, frame), read(extra, frame));
                free(frame, frees);
                run_scan(program, *body, Vec::new(), &xs, &extra)
            }
            Self::Scan {
                body,
                init,
                xs,
                extra,
            } => {
                let (init, xs, extra) = (read(init, frame), read(xs, frame), read(extra, frame));
                free(frame, frees);
                run_scan(program, *body, init, &xs, &extra)
            }
            Self::AssociativeScan { body, xs, extra } => {
                let (xs, extra) = (read(xs, frame), read(extra, frame));
                free(frame, frees);
                let combined = Combine {
                    program,
                    body: *body,
                    extra: &extra,
                }
                .scan(tensors(xs)?)?;
                Ok(combined.into_iter().map(Value::Tensor).collect())
            }
            Self::Run {
                body,
                operands,
                autocast,
            } => {
                let operands = read(operands, frame);
                free(frame, frees);
                let guard = autocast.as_ref().map(Autocast::enter).transpose()?;
                let outputs = program.call_graph(*body, operands);
                drop(guard);
                outputs
            }
            Self::Functionalized(operator) => {
                let outputs = operator.run(frame)?;
                free(frame, frees);
                Ok(outputs)
            }
            Self::OutDtype(operator) => {
                let outputs = operator.run(frame)?;
                free(frame, frees);
                Ok(outputs)
            }
            Self::CallTorchBind {
                object,
                method,
                arguments,
            } => {
                let Value::Opaque(object) = object.read(frame) else {
                    return Err(error(code::HIGHER_ORDER, "expected an object"));
                };
                let arguments = read(arguments, frame);
                free(frame, frees);
                Ok(vec![object.call(method, &arguments).map_err(torch)?])
            }
        }
    }
}

fn free(frame: &mut Frame, slots: &[Slot]) {
    slots.iter().for_each(|slot| frame.clear(*slot));
}

/// What libtorch refused while a higher-order operator ran.
pub(super) fn torch(problem: TorchError) -> Box<expc_dialects::Diagnostic> {
    error(code::KERNEL, problem.message())
}

pub(super) fn tch_error(problem: tch::TchError) -> Box<expc_dialects::Diagnostic> {
    let text = problem.to_string();
    let message = text
        .split("\nException raised from")
        .next()
        .unwrap_or_default();
    error(code::KERNEL, message.trim_end())
}

pub(super) fn malformed<T>(what: impl Into<String>) -> Result<T> {
    Err(error(code::HIGHER_ORDER, what))
}

// Reading ------------------------------------------------------------------------------------------------------------

impl HopArgs<'_> {
    /// A positional argument, or the keyword argument of that name.
    pub(super) fn get(&self, index: usize, name: &str) -> Result<&Arg> {
        let keyword = || {
            self.kwargs
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, arg)| arg)
        };
        match self.args.get(index).or_else(keyword) {
            Some(arg) => Ok(arg),
            None => malformed(format!("argument `{name}` is missing")),
        }
    }

    fn graph(&self, index: usize, name: &str) -> Result<GraphId> {
        match self.get(index, name)? {
            Arg::Graph(id) => Ok(*id),
            _ => malformed(format!("argument `{name}` is no graph")),
        }
    }

    fn operands(&self, index: usize, name: &str) -> Result<Vec<Operand>> {
        Operand::list(self.get(index, name)?, self.target)
    }

    /// The operands from a position on.
    pub(super) fn rest(&self, index: usize) -> Result<Vec<Operand>> {
        let rest = self.args.get(index..).unwrap_or_default();
        rest.iter()
            .map(|arg| Operand::new(arg, self.target))
            .collect()
    }
}

fn cond(args: &HopArgs<'_>) -> Result<Hop> {
    Ok(Hop::Cond {
        predicate: Operand::new(args.get(0, "pred")?, args.target)?,
        then: args.graph(1, "true_fn")?,
        otherwise: args.graph(2, "false_fn")?,
        operands: args.operands(3, "operands")?,
    })
}

fn while_loop(args: &HopArgs<'_>, stacks: bool) -> Result<Hop> {
    Ok(Hop::WhileLoop {
        condition: args.graph(0, "cond_fn")?,
        body: args.graph(1, "body_fn")?,
        carried: args.operands(2, "carried_inputs")?,
        extra: args.operands(3, "additional_inputs")?,
        stacks,
    })
}

fn map(args: &HopArgs<'_>) -> Result<Hop> {
    Ok(Hop::Map {
        body: args.graph(0, "f")?,
        xs: args.operands(1, "xs")?,
        extra: args.operands(2, "pos_args")?,
    })
}

fn scan(args: &HopArgs<'_>) -> Result<Hop> {
    Ok(Hop::Scan {
        body: args.graph(0, "combine_fn")?,
        init: args.operands(1, "init")?,
        xs: args.operands(2, "xs")?,
        extra: args.operands(3, "additional_inputs")?,
    })
}

fn associative_scan(args: &HopArgs<'_>) -> Result<Hop> {
    Ok(Hop::AssociativeScan {
        body: args.graph(0, "combine_fn")?,
        xs: args.operands(1, "xs")?,
        extra: args.operands(2, "additional_inputs")?,
    })
}

fn run_graph(args: &HopArgs<'_>, graph: usize, operands: usize) -> Result<Hop> {
    Ok(Hop::Run {
        body: args.graph(graph, "subgraph")?,
        operands: args.rest(operands)?,
        autocast: None,
    })
}

fn run_graph_on_list(args: &HopArgs<'_>) -> Result<Hop> {
    Ok(Hop::Run {
        body: args.graph(0, "callable")?,
        operands: args.operands(1, "operands")?,
        autocast: None,
    })
}

fn autocast(args: &HopArgs<'_>) -> Result<Hop> {
    let flag = |index, name| match constant(args.get(index, name)?, None)? {
        Value::Bool(value) => Ok(Some(value)),
        Value::None => Ok(None),
        _ => malformed(format!("argument `{name}` is no bool")),
    };
    let Arg::Str(device_type) = args.get(0, "device_type")? else {
        return malformed("argument `device_type` is no string");
    };
    let device_type = args.target.map_or_else(
        || device_type.clone(),
        |target| target.kind_name().to_owned(),
    );
    let dtype = match constant(args.get(1, "dtype")?, None)? {
        Value::Int(number) => i32::try_from(number).ok(),
        _ => None,
    };
    let enabled = flag(2, "enabled")?.unwrap_or(true);
    let cache_enabled = flag(3, "cache_enabled")?.unwrap_or(true);
    let autocast = Some(Autocast {
        device_type,
        dtype,
        enabled,
        cache_enabled,
    });
    Ok(Hop::Run {
        body: args.graph(4, "wrapped_func")?,
        operands: args.rest(5)?,
        autocast,
    })
}

fn call_torchbind(args: &HopArgs<'_>) -> Result<Hop> {
    let Arg::Str(method) = args.get(1, "method")? else {
        return malformed("argument `method` is no string");
    };
    let object = Operand::new(args.get(0, "obj")?, args.target)?;
    Ok(Hop::CallTorchBind {
        object,
        method: method.clone(),
        arguments: args.rest(2)?,
    })
}

// Running ------------------------------------------------------------------------------------------------------------

impl Autocast {
    fn enter(&self) -> Result<AutocastGuard> {
        AutocastGuard::new(
            &self.device_type,
            self.dtype,
            self.enabled,
            self.cache_enabled,
        )
        .map_err(torch)
    }
}

/// The truth of a predicate: a bool, or a tensor of one element.
fn truth(value: &Value) -> Result<bool> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::Int(value) => Ok(*value != 0),
        Value::Tensor(tensor) if TensorInfo::of(tensor).element_count() == Some(1) => {
            tensor.f_is_nonzero().map_err(tch_error)
        }
        _ => malformed("the predicate is no bool and no tensor of one element"),
    }
}

struct Loop<'a> {
    program: &'a Executable,
    condition: GraphId,
    body: GraphId,
    extra: &'a [Value],
    /// Whether the results are the carried values of all rounds, stacked.
    stacks: bool,
}

impl Loop<'_> {
    fn run(&self, carried: Vec<Value>) -> Result<Vec<Value>> {
        let mut history: Vec<Vec<Value>> = Vec::new();
        let mut state = carried;
        let count = state.len();
        let mut rounds = 0_u64;
        while self.goes_on(&state)? {
            state = self.program.call_graph(self.body, self.with_extra(state))?;
            if state.len() != count {
                return malformed(format!(
                    "the body returned {} values, there are {count} carried ones",
                    state.len()
                ));
            }
            rounds += 1;
            if self.stacks {
                history.push(state.clone());
            }
        }
        match (rounds, self.stacks) {
            // The results must not be the operands themselves.
            (0, false) => state.into_iter().map(copy).collect(),
            (0, true) => state
                .into_iter()
                .map(|value| stack(&[copy(value)?]))
                .collect(),
            (_, false) => Ok(state),
            (_, true) => stack_columns(&history, count),
        }
    }

    fn goes_on(&self, state: &[Value]) -> Result<bool> {
        let arguments = self.with_extra(state.to_vec());
        match self.program.call_graph(self.condition, arguments)?.first() {
            Some(value) => truth(value),
            None => malformed("the condition returned nothing"),
        }
    }

    fn with_extra(&self, mut values: Vec<Value>) -> Vec<Value> {
        values.extend_from_slice(self.extra);
        values
    }
}

fn copy(value: Value) -> Result<Value> {
    match value {
        Value::Tensor(tensor) => clone_tensor(&tensor, None)
            .map(Value::Tensor)
            .map_err(torch),
        value => Ok(value),
    }
}

/// `torch.stack` of tensors, `None` of all `None`.
fn stack(values: &[Value]) -> Result<Value> {
    let tensors: Vec<&tch::Tensor> = values.iter().filter_map(Value::as_tensor).collect();
    if tensors.len() == values.len() {
        return tch::Tensor::f_stack(&tensors, 0)
            .map(Value::Tensor)
            .map_err(tch_error);
    }
    if values.iter().all(|value| matches!(value, Value::None)) {
        return Ok(Value::None);
    }
    malformed("the graph returned values that are no tensors and cannot be stacked")
}

/// Stacks the values of each position over all rounds.
fn stack_columns(rounds: &[Vec<Value>], count: usize) -> Result<Vec<Value>> {
    let column = |position: usize| -> Vec<Value> {
        rounds
            .iter()
            .filter_map(|round| round.get(position))
            .cloned()
            .collect()
    };
    (0..count)
        .map(|position| stack(&column(position)))
        .collect()
}

/// `map` and `scan`: calls `body(*carry, *slices, *extra)` for each slice of `xs` along the first dimension. The
/// results are the last carry and the stacked rest of what the body returns; `map` has no carry.
fn run_scan(
    program: &Executable,
    body: GraphId,
    mut carry: Vec<Value>,
    xs: &[Value],
    extra: &[Value],
) -> Result<Vec<Value>> {
    let xs = tensors(xs.to_vec())?;
    let count = leading_size(&xs)?;
    let carried = carry.len();
    let mut rounds: Vec<Vec<Value>> = Vec::new();
    for index in 0..count {
        let mut arguments = carry;
        for x in &xs {
            arguments.push(Value::Tensor(x.f_select(0, index).map_err(tch_error)?));
        }
        arguments.extend_from_slice(extra);
        let mut outputs = program.call_graph(body, arguments)?;
        if outputs.len() < carried {
            return malformed(format!(
                "the graph returned {} values, there are {carried} carried ones",
                outputs.len()
            ));
        }
        let stacked = outputs.split_off(carried);
        carry = outputs;
        rounds.push(stacked);
    }
    let width = rounds.iter().map(Vec::len).min().unwrap_or(0);
    carry.extend(stack_columns(&rounds, width)?);
    Ok(carry)
}

/// The common size of the first dimension, which must not be 0.
fn leading_size(xs: &[tch::Tensor]) -> Result<i64> {
    let sizes: Vec<_> = xs
        .iter()
        .map(|x| TensorInfo::of(x).sizes.first().copied())
        .collect();
    match sizes.first() {
        Some(Some(size)) if *size > 0 && sizes.iter().all(|other| *other == Some(*size)) => {
            Ok(*size)
        }
        Some(Some(0)) => malformed("there is nothing to go over: the first dimension has size 0"),
        _ => malformed(
            "the tensors to go over differ in the size of their first dimension, or have none",
        ),
    }
}

fn tensors(values: Vec<Value>) -> Result<Vec<tch::Tensor>> {
    let as_tensor = |value| match value {
        Value::Tensor(tensor) => Ok(tensor),
        other => malformed(format!(
            "expected tensors to go over, found {}",
            other.kind().name()
        )),
    };
    values.into_iter().map(as_tensor).collect()
}

/// The parallel prefix of an associative function along the first dimension, with PyTorch's order of evaluation.
struct Combine<'a> {
    program: &'a Executable,
    body: GraphId,
    extra: &'a [Value],
}

impl Combine<'_> {
    /// Recursion halves the size each time, so its depth is the logarithm of that.
    fn scan(&self, elements: Vec<tch::Tensor>) -> Result<Vec<tch::Tensor>> {
        let size = leading_size(&elements)?;
        if size < 2 {
            return Ok(elements);
        }
        let pairs = self.combine(
            strided(&elements, 0, size - 1)?,
            strided(&elements, 1, size)?,
        )?;
        let odd = self.scan(pairs)?;
        let before = if size % 2 == 0 {
            narrow(&odd, size / 2 - 1)?
        } else {
            odd.iter().map(handle).collect()
        };
        let first = narrow(&elements, 1)?;
        let even = if size == 2 {
            first
        } else {
            let rest = self.combine(before, strided(&elements, 2, size)?)?;
            let joined = first
                .into_iter()
                .zip(rest)
                .map(|(first, rest)| tch::Tensor::f_cat(&[first, rest], 0));
            joined
                .collect::<std::result::Result<_, _>>()
                .map_err(tch_error)?
        };
        even.iter()
            .zip(&odd)
            .map(|(even, odd)| interleave(even, odd))
            .collect()
    }

    fn combine(&self, left: Vec<tch::Tensor>, right: Vec<tch::Tensor>) -> Result<Vec<tch::Tensor>> {
        let count = left.len();
        let mut arguments: Vec<_> = left.into_iter().chain(right).map(Value::Tensor).collect();
        arguments.extend_from_slice(self.extra);
        let combined = tensors(self.program.call_graph(self.body, arguments)?)?;
        if combined.len() != count {
            return malformed(format!(
                "the graph returned {} tensors, expected {count}",
                combined.len()
            ));
        }
        Ok(combined)
    }
}

fn handle(tensor: &tch::Tensor) -> tch::Tensor {
    tensor.shallow_clone()
}

/// Every second element of the first dimension.
fn strided(tensors: &[tch::Tensor], start: i64, end: i64) -> Result<Vec<tch::Tensor>> {
    tensors
        .iter()
        .map(|tensor| tensor.f_slice(0, start, end, 2).map_err(tch_error))
        .collect()
}

fn narrow(tensors: &[tch::Tensor], size: i64) -> Result<Vec<tch::Tensor>> {
    tensors
        .iter()
        .map(|tensor| tensor.f_slice(0, 0, size, 1).map_err(tch_error))
        .collect()
}

/// `a[0], b[0], a[1], b[1], …`; `a` may have one element more.
fn interleave(a: &tch::Tensor, b: &tch::Tensor) -> Result<tch::Tensor> {
    let sizes = |tensor| TensorInfo::of(tensor).sizes.first().copied().unwrap_or(0);
    let (size_a, size_b) = (sizes(a), sizes(b));
    let run = || {
        let pairs =
            tch::Tensor::f_stack(&[a.f_slice(0, 0, size_b, 1)?, handle(b)], 1)?.f_flatten(0, 1)?;
        if size_a == size_b {
            return Ok(pairs);
        }
        tch::Tensor::f_cat(&[pairs, a.f_slice(0, size_b, size_a, 1)?], 0)
    };
    run().map_err(tch_error)
}

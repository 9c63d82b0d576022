//! `expc diff`: two programs, or two levels of one, run in step; the first value that differs.
//!
//! Values are matched by the name of their node: a pass that replaces a node notes its name on what it puts there,
//! and the last value of that name stands for the node. Values of other dtypes or sizes than their partner, and those
//! that only one program has, are not compared; the outputs always are.

use std::collections::HashMap;

use expc_dialects::Diagnostic;
use expc_runtime::{
    compare::{Tolerance, compare},
    executor::StepInfo,
    torch::{TensorInfo, Value, clone_tensor},
};
use serde_json::json;

use super::{
    cli::{DiffArgs, LoadArgs},
    console::{Console, Failure, Outcome},
    random::InputSource,
    session::{Session, libtorch_fault, prepare},
};
use crate::pipeline::Level;

/// A value that a program computed.
struct Seen {
    /// Node, and position among its results if it has several.
    key: String,
    op: String,
    module: Option<String>,
    python: Option<String>,
    value: Value,
}

/// Two values that are not the same.
struct Differing {
    key: String,
    ops: [String; 2],
    module: Option<String>,
    python: Option<String>,
    what: String,
}

/// Runs both and compares.
pub fn run(args: &DiffArgs, console: &mut Console<'_>) -> Outcome {
    let right_level = args.level_b.unwrap_or(match args.right {
        Some(_) => Level::Exported,
        None => Level::Core,
    });
    let left_args = load_args(args, args.level_a);
    let device = prepare(&left_args)?;
    let left = Session::open(&args.left, &left_args, device, console)?;
    let right_model = args.right.as_ref().unwrap_or(&args.left);
    let right = Session::open(right_model, &load_args(args, right_level), device, console)?;
    if left.inputs().len() != right.inputs().len() {
        let (left, right) = (left.inputs().len(), right.inputs().len());
        let what = format!("the programs take {left} and {right} inputs, which cannot be compared");
        return Err(Diagnostic::error("E0622", what).into());
    }
    let inputs = InputSource::read(args.inputs.as_deref())?.bind(&left.program, device)?;
    let mut left_values = Vec::new();
    let left_outputs = left
        .module
        .call_observed(&copies(&inputs)?, &mut |step, values| {
            keep(step, values, &mut left_values);
        })?;
    let mut right_values = Vec::new();
    let right_outputs = right
        .module
        .call_observed(&copies(&inputs)?, &mut |step, values| {
            keep(step, values, &mut right_values);
        })?;
    let (compared, mut differing) = compare_steps(args, &left_values, &right_values)?;
    let (left_outputs, right_outputs) = (left_outputs.values(), right_outputs.values());
    if left_outputs.len() != right_outputs.len() {
        let (left, right) = (left_outputs.len(), right_outputs.len());
        let what = format!("the programs give {left} and {right} outputs");
        return Err(Diagnostic::error("E0622", what).into());
    }
    let outputs = left_outputs.iter().zip(right_outputs);
    for (position, (left, right)) in outputs.enumerate() {
        if let Some(what) = difference(args, left, right)? {
            differing.push(Differing {
                key: format!("output {position}"),
                ops: [String::new(), String::new()],
                module: None,
                python: None,
                what,
            });
        }
    }
    report(args, compared, left_outputs.len(), &differing, console)
}

fn load_args(args: &DiffArgs, level: Level) -> LoadArgs {
    LoadArgs {
        device: args.device.clone(),
        threads: None,
        load_library: args.load_library.clone(),
        weights: args.weights.clone(),
        seed: args.seed,
        level,
        no_optimize: false,
    }
}

/// Inputs that a call may write to.
fn copies(inputs: &[Value]) -> Outcome<Vec<Value>> {
    let copies = inputs.iter().map(|value| match value {
        Value::Tensor(tensor) => clone_tensor(tensor, None).map(Value::Tensor),
        other => Ok(other.clone()),
    });
    let copies: Result<Vec<_>, _> = copies.collect();
    Ok(copies.map_err(libtorch_fault)?)
}

fn keep(step: &StepInfo<'_>, values: &[Value], seen: &mut Vec<Seen>) {
    let Some(node) = &step.origin.node else {
        return;
    };
    for (position, value) in values.iter().enumerate() {
        // What cannot be copied, an object or a sparse tensor, is not compared.
        let value = match value {
            Value::Tensor(tensor) => clone_tensor(tensor, None).ok().map(Value::Tensor),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => Some(value.clone()),
            _ => None,
        };
        seen.extend(value.map(|value| Seen {
            key: match values.len() {
                1 => node.clone(),
                _ => format!("{node}[{position}]"),
            },
            op: step.name.to_owned(),
            module: step.origin.module.clone(),
            python: step.origin.python.clone(),
            value,
        }));
    }
}

/// How many pairs were compared, and those that differ, in the order of the first program.
fn compare_steps(
    args: &DiffArgs,
    left: &[Seen],
    right: &[Seen],
) -> Outcome<(usize, Vec<Differing>)> {
    let last = |seen: &[Seen]| -> HashMap<String, usize> {
        let keys = seen.iter().enumerate();
        keys.map(|(position, seen)| (seen.key.clone(), position))
            .collect()
    };
    let (of_left, of_right) = (last(left), last(right));
    let mut compared = 0;
    let mut differing = Vec::new();
    for (position, one) in left.iter().enumerate() {
        let partner = of_right.get(&one.key).and_then(|index| right.get(*index));
        let is_last = of_left.get(&one.key) == Some(&position);
        let Some(partner) = partner.filter(|partner| is_last && is_alike(one, partner)) else {
            continue;
        };
        compared += 1;
        if let Some(what) = difference(args, &one.value, &partner.value)? {
            differing.push(Differing {
                key: one.key.clone(),
                ops: [one.op.clone(), partner.op.clone()],
                module: one.module.clone(),
                python: one.python.clone(),
                what,
            });
        }
    }
    Ok((compared, differing))
}

/// Whether two values can stand for the same.
fn is_alike(left: &Seen, right: &Seen) -> bool {
    match (&left.value, &right.value) {
        (Value::Tensor(left), Value::Tensor(right)) => {
            left.kind() == right.kind() && left.size() == right.size()
        }
        (Value::Tensor(_), _) | (_, Value::Tensor(_)) => false,
        _ => true,
    }
}

/// What is different about two values.
fn difference(args: &DiffArgs, left: &Value, right: &Value) -> Outcome<Option<String>> {
    let (left, right) = match (left, right) {
        (Value::Tensor(left), Value::Tensor(right)) => (left, right),
        (Value::Tensor(_), _) | (_, Value::Tensor(_)) => {
            return Ok(Some("only one of the two is a tensor".to_owned()));
        }
        (left, right) => {
            let (left, right) = (format!("{left:?}"), format!("{right:?}"));
            return Ok((left != right).then(|| format!("{left} against {right}")));
        }
    };
    let dtype = TensorInfo::of(left).dtype;
    let default = dtype.map_or(Tolerance::EXACT, Tolerance::of);
    let tolerance = Tolerance {
        relative: args.rtol.unwrap_or(default.relative),
        absolute: args.atol.unwrap_or(default.absolute),
    };
    let found = compare(left, right, Some(tolerance)).map_err(libtorch_fault)?;
    Ok(found.map(|difference| difference.to_string()))
}

fn report(
    args: &DiffArgs,
    compared: usize,
    n_outputs: usize,
    differing: &[Differing],
    console: &mut Console<'_>,
) -> Outcome {
    let shown = if args.all { differing.len() } else { 1 };
    if args.json {
        let entries = differing.iter().take(shown).map(|one| {
            json!({ "value": one.key, "ops": one.ops, "module": one.module, "python": one.python, "what": one.what })
        });
        let answer = json!({
            "compared": compared,
            "outputs": n_outputs,
            "differing": differing.len(),
            "first": entries.collect::<Vec<_>>(),
        });
        writeln!(console.stdout, "{answer}")?;
    } else {
        writeln!(
            console.stdout,
            "{compared} values and {n_outputs} outputs compared, {} differ",
            differing.len()
        )?;
    }
    if differing.is_empty() {
        return Ok(());
    }
    let faults = differing.iter().take(shown).map(|one| {
        let ops = match &one.ops {
            [left, right] if left.is_empty() && right.is_empty() => String::new(),
            [left, right] if left == right => format!(" of `{left}`"),
            [left, right] => format!(" of `{left}` and `{right}`"),
        };
        let mut fault =
            Diagnostic::error("E0621", format!("`{}`{ops} differs: {}", one.key, one.what));
        fault.place.node = Some(one.key.clone());
        fault.place.module.clone_from(&one.module);
        fault.place.python.clone_from(&one.python);
        fault
    });
    Err(Failure::Program(faults.collect()))
}

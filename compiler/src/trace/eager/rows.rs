//! Recordings of the same code at several sizes, side by side: what is the same, and what changes with the sizes.

use std::collections::BTreeMap;

use expc_dialects::{
    Constant, Diagnostic, ScalarType,
    table::{self, OpDef, Type},
};
use expc_passes::shape::Size;
use expc_runtime::torch::{
    Layout, TensorInfo, memory_format_name,
    record::{Origin, RecordedCall, RecordedValue, ValueNumber},
};

use super::{
    arguments,
    capture::{self, Capture},
    code,
    dynamic::{DynamicSizes, Traces},
    emit::{Emitter, origin},
    graph::{Arg, CallArg},
};

/// The values at one place of all recordings, those of the given inputs first.
type Row<'a> = Vec<&'a RecordedValue>;

const OTHER_WAY: &str = "a branch or loop of the code depends on the size: make the size static, or write the branch with \
    `cond` or the loop with `scan` in symbolic tracing";

/// Makes sure that all recordings have the same calls; gives the first.
pub(super) fn same_calls<'a>(
    traces: &'a Traces,
    dynamic: &DynamicSizes,
) -> Result<&'a Capture, Diagnostic> {
    let Some((base, others)) = traces.captures.split_first() else {
        let what = "there is no recording to make a program from";
        return Err(crate::diagnostics::internal_error(what, Some(file!())));
    };
    for (other, assignment) in others.iter().zip(traces.assignments.iter().skip(1)) {
        let (calls, other_calls) = (&base.recording.calls, &other.recording.calls);
        let differs = calls
            .iter()
            .zip(other_calls)
            .position(|(call, other)| call.op != other.op);
        let differs = differs.or_else(|| {
            (calls.len() != other_calls.len()).then(|| calls.len().min(other_calls.len()))
        });
        let Some(position) = differs else {
            if base.outputs != other.outputs {
                let what = "the code returns other values at other sizes";
                return Err(Diagnostic::error(code::CONSTRAINT, what).help(OTHER_WAY));
            }
            continue;
        };
        let name = |calls: &[RecordedCall]| match calls.get(position) {
            Some(call) => format!("`{}`", call.op),
            None => "nothing more".to_owned(),
        };
        let what = format!(
            "the code does other things at other sizes: call {} is {} with {}, and {} with {}",
            position + 1,
            name(calls),
            at(dynamic, traces.assignments.first()),
            name(other_calls),
            at(dynamic, Some(assignment))
        );
        let mut fault = Diagnostic::error(code::CONSTRAINT, what).help(OTHER_WAY);
        let last = position.min(calls.len().saturating_sub(1));
        if let Some(call) = calls.get(last) {
            fault.place = capture::place(call, last, &base.modules);
        }
        return Err(fault);
    }
    Ok(base)
}

/// Every call of a module that does other things in another run than in the first.
pub(super) fn other_ways(
    base: &Capture,
    other: &Capture,
    dynamic: &DynamicSizes,
    assignment: &Vec<i64>,
) -> Vec<Diagnostic> {
    let (of_base, of_other) = (by_module(base), by_module(other));
    let mut found = Vec::new();
    for (module, calls) in &of_base {
        let others = of_other.get(module).map_or(&[][..], Vec::as_slice);
        let op = |capture: &'_ Capture, position: Option<&usize>| match position {
            Some(position) => capture
                .recording
                .calls
                .get(*position)
                .map(|call| call.op.clone()),
            None => None,
        };
        let n_calls = calls.len().max(others.len());
        let differs = (0..n_calls)
            .find(|number| op(base, calls.get(*number)) != op(other, others.get(*number)));
        let Some(number) = differs else {
            continue;
        };
        let name =
            |op: Option<String>| op.map_or("nothing more".to_owned(), |op| format!("`{op}`"));
        let what = format!(
            "the code does other things at other sizes: call {} of the module is {} with {}, and {} with {}",
            number + 1,
            name(op(base, calls.get(number))),
            at(dynamic, Some(&dynamic.hints())),
            name(op(other, others.get(number))),
            at(dynamic, Some(assignment))
        );
        let mut fault = Diagnostic::error(code::CONSTRAINT, what).help(OTHER_WAY);
        let last = calls
            .get(number)
            .or(calls.last())
            .copied()
            .unwrap_or_default();
        if let Some(call) = base.recording.calls.get(last) {
            fault.place = capture::place(call, last, &base.modules);
        }
        found.push(fault);
    }
    let is_new = |(path, _): &&(String, usize)| !of_base.keys().any(|(known, _)| known == path);
    if let Some((path, _)) = of_other.keys().find(is_new) {
        let what = format!(
            "the code calls the module `{path}` with {}, and not with {}",
            at(dynamic, Some(assignment)),
            at(dynamic, Some(&dynamic.hints())),
        );
        let mut fault = Diagnostic::error(code::CONSTRAINT, what).help(OTHER_WAY);
        let parent = path.rsplit_once('.').map(|(parent, _)| parent.to_owned());
        fault.place.module = parent;
        found.push(fault);
    }
    found
}

/// The positions of the calls of each call of a module, by its path and how often it was called before.
fn by_module(capture: &Capture) -> BTreeMap<(String, usize), Vec<usize>> {
    let mut found: BTreeMap<(String, usize), Vec<usize>> = BTreeMap::new();
    for position in 0..capture.recording.calls.len() {
        let module = capture.modules.innermost(position);
        let key = module.map_or_else(Default::default, |module| {
            (module.path.clone(), module.earlier)
        });
        found.entry(key).or_default().push(position);
    }
    found
}

/// `batch` = 4, `length` = 7
fn at(dynamic: &DynamicSizes, assignment: Option<&Vec<i64>>) -> String {
    let values = dynamic.symbols.iter().zip(assignment.into_iter().flatten());
    let values: Vec<String> = values
        .map(|(symbol, value)| format!("`{}` = {value}", symbol.label))
        .collect();
    values.join(", ")
}

/// Makes sure that a tensor that the program will hold as a constant is the same in all recordings.
pub(super) fn same_data(traces: &Traces, number: ValueNumber) -> Result<(), Diagnostic> {
    let mut held = traces
        .captures
        .iter()
        .map(|capture| match origin(capture, number) {
            Some(Origin::Captured(tensor) | Origin::Data(tensor)) => Some(tensor),
            _ => None,
        });
    let first = held.next().flatten();
    let is_same = held.all(|other| match (first, other) {
        (Some(first), Some(other)) => {
            first.size() == other.size()
                && first.kind() == other.kind()
                && first.f_equal(other).unwrap_or(false)
        }
        _ => false,
    });
    match is_same {
        true => Ok(()),
        false => {
            let what = "a tensor made from data of the code depends on the sizes";
            let advice = "make it with operators, such as `arange`, `full` or `ones`";
            Err(Diagnostic::error(code::CONSTRAINT, what).help(advice))
        }
    }
}

/// Up to how many numbers a tensor is taken for one that is made of numbers, and not of data.
const MAX_NUMBERS: usize = 16;

/// The numbers that a tensor of no or one dimension is made of, each with its values in all recordings; none if its form
/// is not the same in all.
pub(super) fn numbers_of_data(
    traces: &Traces,
    number: ValueNumber,
) -> Option<(TensorInfo, Vec<Vec<RecordedValue>>)> {
    let mut form: Option<TensorInfo> = None;
    let mut rows: Vec<Vec<RecordedValue>> = Vec::new();
    for capture in &traces.captures {
        let Some(Origin::Data(held)) = origin(capture, number) else {
            return None;
        };
        let info = TensorInfo::of(held);
        let known = form.get_or_insert_with(|| info.clone());
        let n_numbers = usize::try_from(*info.sizes.first().unwrap_or(&1)).ok()?;
        if (&known.sizes, known.dtype) != (&info.sizes, info.dtype)
            || info.sizes.len() > 1
            || n_numbers > MAX_NUMBERS
        {
            return None;
        }
        rows.resize(n_numbers, Vec::new());
        let flat = held.f_flatten(0, -1).ok()?;
        for (position, row) in (0_i64..).zip(&mut rows) {
            row.push(match info.dtype? {
                dtype if dtype.is_floating_point() => {
                    RecordedValue::Float(flat.f_double_value(&[position]).ok()?)
                }
                ScalarType::Int64 | ScalarType::Int32 => {
                    RecordedValue::Int(flat.f_int64_value(&[position]).ok()?)
                }
                _ => return None,
            });
        }
    }
    Some((form?, rows))
}

/// Results in a row, those of lists one by one.
pub(super) fn flat(results: &[RecordedValue]) -> Vec<&RecordedValue> {
    let mut flat = Vec::new();
    for result in results {
        match result {
            RecordedValue::List(elements) => flat.extend(elements),
            single => flat.push(single),
        }
    }
    flat
}

impl Emitter<'_> {
    /// The arguments of a call, with what changes between the recordings as values.
    pub fn arguments(
        &mut self,
        position: usize,
        call: &RecordedCall,
    ) -> Result<Vec<CallArg>, Diagnostic> {
        let traces = self.traces;
        let def = table::lookup(&call.op);
        let mut given = Vec::with_capacity(call.arguments.len());
        for index in 0..call.arguments.len() {
            let row: Row = traces
                .captures
                .iter()
                .filter_map(|capture| capture.recording.calls.get(position)?.arguments.get(index))
                .collect();
            let ty = def.and_then(|def| def.schema.args.get(index));
            let arg = self.argument(&row, ty.map(|schema| &schema.ty));
            given.push(arg.map_err(|fault| in_argument(&call.op, def, index, fault))?);
        }
        Ok(match def {
            Some(def) => arguments::call_args(def, given.into_iter().map(Some).collect()),
            None => given.into_iter().map(|arg| CallArg::new("", arg)).collect(),
        })
    }

    pub fn argument(&mut self, row: &Row<'_>, ty: Option<&Type<'_>>) -> Result<Arg, Diagnostic> {
        let plain = ty.map(Type::without_optional);
        let Some(first) = row.first() else {
            return Ok(Arg::NONE);
        };
        Ok(match first {
            RecordedValue::Tensor(tensor) => {
                let is_same = |other: &&RecordedValue| matches!(other, RecordedValue::Tensor(other) if other.value == tensor.value);
                if !row.iter().all(is_same) {
                    return Err(changes(row));
                }
                Arg::Value(self.value(tensor.value)?)
            }
            RecordedValue::List(items) => {
                let element = match plain {
                    Some(Type::List(element, _)) => Some(&**element),
                    _ => None,
                };
                let mut args = Vec::with_capacity(items.len());
                for index in 0..items.len() {
                    args.push(self.argument(&elements(row, items.len(), index)?, element)?);
                }
                list(args)
            }
            RecordedValue::Int(number) => self.int(row, *number, plain)?,
            RecordedValue::Float(number) => self.float(row, *number)?,
            constant => {
                if !row.iter().all(|other| other == constant) {
                    return Err(changes(row));
                }
                Arg::Constant(plain_constant(constant)?)
            }
        })
    }

    fn int(
        &mut self,
        row: &Row<'_>,
        number: i64,
        ty: Option<&Type<'_>>,
    ) -> Result<Arg, Diagnostic> {
        let values: Option<Vec<i64>> = row
            .iter()
            .map(|value| match value {
                RecordedValue::Int(value) => Some(*value),
                _ => None,
            })
            .collect();
        let values = values.ok_or_else(|| changes(row))?;
        if values.iter().all(|value| *value == number) {
            return Ok(Arg::Constant(int_constant(number, ty)?));
        }
        match self.shapes.solve(&values) {
            Some(Size::Int(value)) => Ok(Arg::Constant(Constant::Int(value))),
            Some(Size::Expr(expr)) => Ok(Arg::Value(self.number(&expr)?)),
            None => Err(changes(row)),
        }
    }

    fn float(&mut self, row: &Row<'_>, number: f64) -> Result<Arg, Diagnostic> {
        let values: Option<Vec<f64>> = row
            .iter()
            .map(|value| match value {
                RecordedValue::Float(value) => Some(*value),
                _ => None,
            })
            .collect();
        let values = values.ok_or_else(|| changes(row))?;
        let is_number = |value: &f64| value.to_bits() == number.to_bits();
        if values.iter().all(is_number) {
            return Ok(Arg::Constant(Constant::Float(number)));
        }
        let found = self.shapes.solve_float(&values);
        let found = found.ok_or_else(|| changes(row))?;
        Ok(Arg::Value(self.ratio(&found)?))
    }
}

/// The elements of lists at one position; all lists must have the length of the first.
fn elements<'a>(row: &Row<'a>, length: usize, index: usize) -> Result<Row<'a>, Diagnostic> {
    row.iter()
        .map(|list| match list {
            RecordedValue::List(items) if items.len() == length => items.get(index),
            _ => None,
        })
        .collect::<Option<_>>()
        .ok_or_else(|| changes(row))
}

/// An argument that changes in a way that is not understood.
fn changes(row: &Row<'_>) -> Diagnostic {
    let values: Vec<String> = row.iter().map(|value| show(value)).collect();
    let what = format!(
        "changes with the sizes in a way that is not understood: {}",
        values.join(", ")
    );
    Diagnostic::error(code::CONSTRAINT, what).help(
        "make the size static, or take sizes as values in symbolic tracing, where their arithmetic is recorded",
    )
}

fn show(value: &RecordedValue) -> String {
    match value {
        RecordedValue::None => "None".to_owned(),
        RecordedValue::Tensor(_) => "a tensor".to_owned(),
        RecordedValue::Int(value) => value.to_string(),
        RecordedValue::Float(value) => format!("{value:?}"),
        RecordedValue::Bool(value) => value.to_string(),
        RecordedValue::Complex(real, imaginary) => format!("{real}+{imaginary}j"),
        RecordedValue::Str(text) | RecordedValue::Device(text) => format!("`{text}`"),
        RecordedValue::List(items) => format!("a list of {}", items.len()),
        RecordedValue::Opaque(kind) => format!("a `{kind}`"),
    }
}

fn in_argument(op: &str, def: Option<&OpDef>, position: usize, fault: Diagnostic) -> Diagnostic {
    let name = def.and_then(|def| def.schema.args.get(position));
    let name = name.map_or_else(|| (position + 1).to_string(), |arg| arg.name.to_owned());
    Diagnostic {
        message: format!("argument `{name}` of `{op}` {}", fault.message),
        ..fault
    }
}

/// A constant that is no number whose meaning depends on the schema.
pub(super) fn plain_constant(value: &RecordedValue) -> Result<Constant, Diagnostic> {
    Ok(match value {
        RecordedValue::None => Constant::None,
        RecordedValue::Bool(value) => Constant::Bool(*value),
        RecordedValue::Complex(real, imaginary) => Constant::Complex(*real, *imaginary),
        RecordedValue::Str(text) => Constant::Str(text.clone()),
        RecordedValue::Device(name) => Constant::Device(name.clone()),
        other => {
            let what = format!("is {}, which cannot be part of a program", show(other));
            return Err(Diagnostic::error(code::ARGUMENT, what));
        }
    })
}

/// An int of the recording by what the schema says it means.
pub(super) fn int_constant(number: i64, ty: Option<&Type<'_>>) -> Result<Constant, Diagnostic> {
    let unknown = |what: &str| {
        let what = format!("is {number}, which is the number of no {what}");
        Diagnostic::error(code::ARGUMENT, what)
    };
    Ok(match ty {
        Some(Type::ScalarType) => {
            Constant::Dtype(ScalarType::from_c10(number).ok_or_else(|| unknown("dtype"))?)
        }
        Some(Type::Layout) => {
            let layout = Layout::of_c10(number).ok_or_else(|| unknown("layout"))?;
            Constant::Layout(layout.to_string())
        }
        Some(Type::MemoryFormat) => {
            let name = memory_format_name(number).ok_or_else(|| unknown("memory format"))?;
            Constant::MemoryFormat(name.to_owned())
        }
        _ => Constant::Int(number),
    })
}

/// A list of arguments, as one constant where it holds numbers of one kind.
fn list(args: Vec<Arg>) -> Arg {
    let ints: Option<Vec<i64>> = args
        .iter()
        .map(|arg| match arg {
            Arg::Constant(Constant::Int(value)) => Some(*value),
            _ => None,
        })
        .collect();
    let floats: Option<Vec<f64>> = args
        .iter()
        .map(|arg| match arg {
            Arg::Constant(Constant::Float(value)) => Some(*value),
            _ => None,
        })
        .collect();
    let bools: Option<Vec<bool>> = args
        .iter()
        .map(|arg| match arg {
            Arg::Constant(Constant::Bool(value)) => Some(*value),
            _ => None,
        })
        .collect();
    match (ints, floats, bools) {
        _ if args.is_empty() => Arg::Constant(Constant::List(Vec::new())),
        (Some(ints), _, _) => Arg::Constant(Constant::Ints(ints)),
        (_, Some(floats), _) => Arg::Constant(Constant::Floats(floats)),
        (_, _, Some(bools)) => Arg::Constant(Constant::Bools(bools)),
        _ => Arg::List(args),
    }
}

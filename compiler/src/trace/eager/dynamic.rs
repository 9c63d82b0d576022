//! Sizes that may change, for code that knows none: the code is traced at several sizes.
//!
//! [`DynamicSizes`] says which sizes of which inputs are expressions over symbols. [`traces`] runs the code for the
//! given inputs, for some where one symbol alone has another value, and for one where all have; the integers in these
//! recordings then say what depends on what (`sizes.rs`).

use expc_dialects::{
    Diagnostic, program,
    table::{self, Tag},
};
use expc_runtime::torch::Value;
use expc_symbolic::{Expr, Value as Number, eval};
use tch::{Kind, TchError, Tensor};

use super::{
    capture::{self, Capture, Observed, Request},
    code,
    quiet::quietly,
    rows,
    sizes::line_of,
    values,
};
use crate::Diagnostics;

/// A symbol with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SizeSymbol {
    pub name: String,
    /// What users call it: the name of the dimension, or which size it is.
    pub label: String,
    /// It may be fixed where the code does not allow it to change.
    pub is_auto: bool,
    /// The bounds are promised, and are not found.
    pub is_named: bool,
    pub min: Option<i64>,
    pub max: Option<i64>,
    /// Its value for the inputs that were given.
    pub hint: i64,
}

impl SizeSymbol {
    /// The least size that the program says: that of a named size, or what is known of any.
    fn least(&self) -> i64 {
        match self.is_named {
            true => self.min.unwrap_or(0),
            false => self.min.unwrap_or(LEAST).max(LEAST),
        }
    }
}

/// A size of an input that may change.
#[derive(Clone, Debug)]
pub(super) struct DynamicDim {
    /// Among the tensors of the inputs, in order.
    pub tensor: usize,
    pub dim: usize,
    pub expr: Expr,
    /// `x.size()[0]`.
    pub source: String,
}

/// The sizes that may change.
#[derive(Clone, Debug, Default)]
pub(super) struct DynamicSizes {
    pub symbols: Vec<SizeSymbol>,
    pub dims: Vec<DynamicDim>,
}

/// The least size that a symbol stands for where nothing else is said: sizes 0 and 1 broadcast and vanish, so that code
/// takes other ways for them.
pub(super) const LEAST: i64 = 2;

/// How far from the given size others are tried: neighbours, which fit no divisor, come first.
const STEPS: [i64; 8] = [1, 3, 2, 5, 7, -1, 4, -2];

impl DynamicSizes {
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// The symbols that may be fixed.
    pub fn autos(&self) -> Vec<String> {
        let autos = self.symbols.iter().filter(|symbol| symbol.is_auto);
        autos.map(|symbol| symbol.name.clone()).collect()
    }

    /// The same with some symbols fixed to the given sizes; they are alone in their expressions.
    pub fn without(&self, fixed: &[String]) -> Self {
        let is_fixed = |expr: &Expr| {
            let symbols = expr.free_symbols();
            symbols
                .iter()
                .any(|symbol| fixed.iter().any(|name| name == symbol.name()))
        };
        let symbols = self.symbols.iter();
        let dims = self.dims.iter();
        Self {
            symbols: symbols
                .filter(|symbol| !fixed.contains(&symbol.name))
                .cloned()
                .collect(),
            dims: dims.filter(|dim| !is_fixed(&dim.expr)).cloned().collect(),
        }
    }

    /// Where a symbol stands: `x.size()[0], y.size()[1]`.
    pub fn sources(&self, symbol: &SizeSymbol) -> String {
        let uses = |expr: &Expr| {
            let symbols = expr.free_symbols();
            symbols.iter().any(|free| free.name() == symbol.name)
        };
        let dims = self.dims.iter().filter(|dim| uses(&dim.expr));
        let sources: Vec<String> = dims.map(|dim| format!("`{}`", dim.source)).collect();
        sources.join(", ")
    }

    /// The expression of a size of an input; none if it is static.
    pub fn expr(&self, tensor: usize, dim: usize) -> Option<&Expr> {
        let dims = self.dims.iter();
        let mut dims = dims.filter(|dynamic| dynamic.tensor == tensor && dynamic.dim == dim);
        dims.next().map(|dynamic| &dynamic.expr)
    }

    /// What the program says of its symbols.
    pub fn sizes(&self) -> super::graph::Sizes {
        let symbols = self.symbols.iter().map(|symbol| program::Symbol {
            name: symbol.name.clone(),
            hint: Some(expc_dialects::Constant::Int(symbol.hint)),
            positive: true,
            integer: true,
        });
        super::graph::Sizes {
            symbols: symbols.collect(),
            ranges: self.ranges(),
            guards: Vec::new(),
        }
    }

    /// The ranges of sizes in the order of the inputs, then those of symbols that no size is by itself.
    fn ranges(&self) -> Vec<program::Range> {
        let mut ranges: Vec<program::Range> = Vec::new();
        let mut add = |expression: String, min: i64, max: Option<i64>| {
            if !ranges.iter().any(|range| range.expression == expression) {
                ranges.push(program::Range {
                    expression,
                    min: Some(min),
                    max,
                });
            }
        };
        for dim in &self.dims {
            let mut symbols = self.symbols.iter();
            let of_symbol =
                symbols.find_map(|symbol| Some((symbol, line_of(&dim.expr, &symbol.name)?)));
            if let Some((symbol, (factor, shift))) = of_symbol {
                let scaled = |bound: i64| bound.saturating_mul(factor).saturating_add(shift);
                let max = symbol.max.map(scaled);
                add(dim.expr.to_string(), scaled(symbol.least()), max);
            }
        }
        for symbol in &self.symbols {
            let min = symbol.min.unwrap_or(LEAST).max(LEAST);
            add(symbol.name.clone(), min, symbol.max);
        }
        ranges
    }

    /// The values of the symbols for the given inputs.
    pub fn hints(&self) -> Vec<i64> {
        self.symbols.iter().map(|symbol| symbol.hint).collect()
    }

    /// The values of the symbols in each trace; the first are the given ones.
    fn assignments(&self) -> Result<Vec<Vec<i64>>, Diagnostic> {
        let base = self.hints();
        let mut assignments = vec![base.clone()];
        let mut last = base.clone();
        for (position, symbol) in self.symbols.iter().enumerate() {
            let others = other_values(symbol, &base);
            let Some(final_value) = others.last() else {
                let what = format!(
                    "`{}` can have no value but {}, so its size cannot be dynamic",
                    symbol.label, symbol.hint
                );
                let advice = "leave the size static, or widen the range";
                return Err(Diagnostic::error(code::CONSTRAINT, what).help(advice));
            };
            for value in others.iter().take(2.max(others.len() - 1)) {
                let mut assignment = base.clone();
                if let Some(slot) = assignment.get_mut(position) {
                    *slot = *value;
                }
                assignments.push(assignment);
            }
            if let Some(slot) = last.get_mut(position) {
                *slot = *final_value;
            }
        }
        assignments.push(last);
        Ok(assignments)
    }
}

/// Up to three other values that a symbol may have, none of them that of another symbol.
fn other_values(symbol: &SizeSymbol, taken: &[i64]) -> Vec<i64> {
    let least = symbol.min.unwrap_or(LEAST).max(LEAST);
    let most = symbol.max.unwrap_or(i64::MAX);
    let values = STEPS
        .iter()
        .filter_map(|step| symbol.hint.checked_add(*step));
    values
        .filter(|value| (least..=most).contains(value) && !taken.contains(value))
        .take(3)
        .collect()
}

/// The recordings of the code, and the value of each symbol in each of them.
pub(super) struct Traces {
    pub captures: Vec<Capture>,
    /// By trace, then by symbol.
    pub assignments: Vec<Vec<i64>>,
}

/// Runs the code at several sizes, or once if none may change.
pub(super) fn traces(request: &Request<'_>, dynamic: &DynamicSizes) -> Result<Traces, Diagnostics> {
    with_others(capture::capture(request)?, request, dynamic)
}

/// The recordings at several sizes, of which the first is there already.
pub(super) fn with_others(
    first: Capture,
    request: &Request<'_>,
    dynamic: &DynamicSizes,
) -> Result<Traces, Diagnostics> {
    let mut traces = Traces {
        assignments: vec![dynamic.hints()],
        captures: vec![first],
    };
    traces.add_other_data(request);
    if dynamic.is_empty() {
        return Ok(traces);
    }
    let others = dynamic.assignments()?.into_iter().skip(1);
    traces.add(others, request, dynamic)?;
    Ok(traces)
}

/// The recordings at several sizes of code that goes on behind what it does not do at other sizes, and everything that
/// it does not do: once for each module.
///
/// # Errors
/// The sizes of the inputs cannot be others.
pub(super) fn try_others(
    first: Capture,
    request: &Request<'_>,
    dynamic: &DynamicSizes,
) -> Result<(Traces, Vec<Diagnostic>), Diagnostics> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut others = Vec::new();
    let assignments = match dynamic.is_empty() {
        true => Vec::new(),
        false => dynamic.assignments()?,
    };
    for assignment in assignments.into_iter().skip(1) {
        let inputs = resized(request.inputs, dynamic, &assignment)?;
        let other = Request {
            inputs: &inputs,
            rescue: Some(&first),
            ..*request
        };
        let Observed {
            outcome, failures, ..
        } = quietly(|| capture::observe(&other, &[]))?;
        let mut faults = failures;
        let capture = match outcome {
            Ok(capture) => Some(capture),
            Err(ending) => {
                faults.push(ending.fault);
                None
            }
        };
        let is_whole = faults.is_empty();
        let told: Vec<_> = found
            .iter()
            .map(|fault| fault.place.module.clone())
            .collect();
        let is_new = |fault: &Diagnostic| !told.contains(&fault.place.module);
        faults.retain(is_new);
        // What would do is found by more runs.
        if !faults.is_empty() {
            faults = violation(Diagnostics::new(faults), request, dynamic, &assignment).into_vec();
        }
        let ways = capture
            .as_ref()
            .map(|capture| rows::other_ways(&first, capture, dynamic, &assignment));
        let ways = ways.unwrap_or_default();
        match capture {
            Some(capture) if is_whole && ways.is_empty() => others.push((capture, assignment)),
            _ => {
                faults.extend(ways.into_iter().filter(is_new));
                found.extend(faults);
            }
        }
    }
    let mut traces = Traces {
        assignments: vec![dynamic.hints()],
        captures: vec![first],
    };
    traces.add_other_data(request);
    for (capture, assignment) in others {
        traces.captures.push(capture);
        traces.assignments.push(assignment);
    }
    Ok((traces, found))
}

/// Runs the code at these sizes.
pub(super) fn capture_at(
    request: &Request<'_>,
    dynamic: &DynamicSizes,
    assignment: &[i64],
) -> Result<Capture, Diagnostics> {
    let inputs = resized(request.inputs, dynamic, assignment)?;
    let other = Request {
        inputs: &inputs,
        ..*request
    };
    quietly(|| capture::capture(&other))
}

/// Whether the elements of its arguments decide the sizes of what an operator returns.
pub(super) fn decides_sizes(op: &str) -> bool {
    table::lookup(op).is_some_and(|def| def.has_tag(Tag::DynamicOutputShape))
}

impl Traces {
    /// Whether elements decide sizes.
    pub fn decided_by_data(&self) -> bool {
        let first = self.captures.first();
        first.is_some_and(|first| {
            let mut calls = first.recording.calls.iter();
            calls.any(|call| decides_sizes(&call.op))
        })
    }

    /// Runs the code at more sizes.
    pub fn add(
        &mut self,
        assignments: impl IntoIterator<Item = Vec<i64>>,
        request: &Request<'_>,
        dynamic: &DynamicSizes,
    ) -> Result<(), Diagnostics> {
        for assignment in assignments {
            let capture = capture_at(request, dynamic, &assignment)
                .map_err(|faults| violation(faults, request, dynamic, &assignment))?;
            self.captures.push(capture);
            self.assignments.push(assignment);
        }
        Ok(())
    }

    /// Runs the code for other elements if these decide sizes, as in `nonzero`, so that such sizes show. Elements that
    /// the code does not take are no fault.
    fn add_other_data(&mut self, request: &Request<'_>) {
        let Some(assignment) = self.assignments.first() else {
            return;
        };
        if !self.decided_by_data() {
            return;
        }
        let assignment = assignment.clone();
        for vary in [negated, partly_negated, repeated] {
            let Ok(inputs) = varied(request.inputs, vary) else {
                continue;
            };
            let other = Request {
                inputs: &inputs,
                ..*request
            };
            if let Ok(capture) = quietly(|| capture::capture(&other)) {
                self.captures.push(capture);
                self.assignments.push(assignment.clone());
            }
        }
    }
}

/// The inputs with other elements, which mean something where the given ones do.
fn varied(
    inputs: &[Value],
    vary: fn(&Tensor) -> Result<Tensor, TchError>,
) -> Result<Vec<Value>, TchError> {
    let mut leaves = Vec::new();
    for input in inputs {
        values::leaves("", input, &mut leaves);
    }
    let tensors = leaves.into_iter().filter_map(|(_, leaf)| leaf.as_tensor());
    let varied = tensors.map(vary).collect::<Result<Vec<_>, _>>()?;
    let mut varied = varied.into_iter();
    let inputs = inputs.iter();
    Ok(inputs
        .map(|input| values::with_tensors(input, &mut varied))
        .collect())
}

/// The last element everywhere.
fn repeated(tensor: &Tensor) -> Result<Tensor, TchError> {
    if tensor.numel() == 0 {
        return Ok(tensor.shallow_clone());
    }
    let last = tensor.f_flatten(0, -1)?.f_select(0, -1)?;
    last.f_expand(tensor.size().as_slice(), false)?
        .f_contiguous()
}

/// Integers, which may be positions, stay as they are.
fn negated(tensor: &Tensor) -> Result<Tensor, TchError> {
    match tensor.f_kind()? {
        Kind::Bool => tensor.f_logical_not(),
        _ if tensor.is_floating_point() || tensor.is_complex() => tensor.f_neg(),
        _ => Ok(tensor.shallow_clone()),
    }
}

/// Every third element is negated.
fn partly_negated(tensor: &Tensor) -> Result<Tensor, TchError> {
    let count = i64::try_from(tensor.numel()).unwrap_or(i64::MAX);
    let positions = Tensor::f_arange(count, (Kind::Int64, tensor.device()))?;
    let third = positions
        .f_remainder(3)?
        .f_eq(0)?
        .f_view(tensor.size().as_slice())?;
    negated(tensor)?.f_where_self(&third, tensor)
}

/// How many elements the inputs have with other sizes; none if that is too many to count.
pub(super) fn elements(
    inputs: &[Value],
    dynamic: &DynamicSizes,
    assignment: &[i64],
) -> Option<i64> {
    let mut leaves = Vec::new();
    for input in inputs {
        values::leaves("", input, &mut leaves);
    }
    let tensors = leaves.into_iter().filter_map(|(_, leaf)| leaf.as_tensor());
    let mut sum = 0_i64;
    for (position, tensor) in tensors.enumerate() {
        let mut product = 1_i64;
        for (dim, size) in tensor.size().into_iter().enumerate() {
            let size = match dynamic.expr(position, dim) {
                Some(expr) => size_at(expr, dynamic, assignment).ok()?,
                None => size,
            };
            product = product.checked_mul(size)?;
        }
        sum = sum.checked_add(product)?;
    }
    Some(sum)
}

/// The inputs with other sizes: their elements are repeated or left out, so that what they mean stays valid.
fn resized(
    inputs: &[Value],
    dynamic: &DynamicSizes,
    assignment: &[i64],
) -> Result<Vec<Value>, Diagnostic> {
    let mut leaves = Vec::new();
    for input in inputs {
        values::leaves("", input, &mut leaves);
    }
    let tensors = leaves.into_iter().filter_map(|(_, leaf)| leaf.as_tensor());
    let mut resized = Vec::new();
    for (position, tensor) in tensors.enumerate() {
        let mut tensor = tensor.shallow_clone();
        for dim in dynamic.dims.iter().filter(|dim| dim.tensor == position) {
            let size = size_at(&dim.expr, dynamic, assignment)?;
            tensor = with_size(&tensor, dim.dim, size)?;
        }
        resized.push(tensor);
    }
    let mut resized = resized.into_iter();
    let inputs = inputs.iter();
    Ok(inputs
        .map(|input| values::with_tensors(input, &mut resized))
        .collect())
}

/// The value of a size for these values of the symbols.
pub(super) fn size_at(
    expr: &Expr,
    dynamic: &DynamicSizes,
    assignment: &[i64],
) -> Result<i64, Diagnostic> {
    let lookup = |name: &str| {
        let position = dynamic
            .symbols
            .iter()
            .position(|symbol| symbol.name == name)?;
        assignment.get(position).copied().map(Number::Int)
    };
    match eval(expr, &lookup) {
        Ok(Number::Int(size)) if size >= 0 => Ok(size),
        _ => {
            let what = format!("the size `{expr}` is no size for {assignment:?}");
            Err(Diagnostic::error(code::CONSTRAINT, what))
        }
    }
}

fn with_size(tensor: &Tensor, dim: usize, size: i64) -> Result<Tensor, Diagnostic> {
    let failed = |error: tch::TchError| {
        let what = format!(
            "an input of sizes {:?} cannot be resized: {error}",
            tensor.size()
        );
        Diagnostic::error(code::INPUTS, what)
    };
    let old = tensor.size().get(dim).copied().unwrap_or(0);
    if old < 1 {
        let what = "a size that may change is 0 in the example: give an example with elements";
        return Err(Diagnostic::error(code::INPUTS, what));
    }
    let dim = i64::try_from(dim).unwrap_or(i64::MAX);
    let positions: Vec<i64> = (0..size).map(|position| position % old).collect();
    let positions = Tensor::f_from_slice(&positions).map_err(failed)?;
    let positions = positions.f_to_kind(Kind::Int64).map_err(failed)?;
    let positions = positions.f_to_device(tensor.device()).map_err(failed)?;
    tensor.f_index_select(dim, &positions).map_err(failed)
}

/// What a fault at other sizes than the given ones says: that a size may not change as it was told.
fn violation(
    faults: Diagnostics,
    request: &Request<'_>,
    dynamic: &DynamicSizes,
    assignment: &[i64],
) -> Diagnostics {
    let changed: Vec<(&SizeSymbol, i64)> = dynamic
        .symbols
        .iter()
        .zip(assignment)
        .filter(|(symbol, value)| symbol.hint != **value)
        .map(|(symbol, value)| (symbol, *value))
        .collect();
    let values = changed.iter().map(|(symbol, value)| {
        let sources = dynamic.sources(symbol);
        format!(
            "`{}` = {value} ({sources}; given: {})",
            symbol.label, symbol.hint
        )
    });
    let values: Vec<String> = values.collect();
    let labels: Vec<String> = changed
        .iter()
        .map(|(symbol, _)| format!("`{}`", symbol.label))
        .collect();
    let advice = match multiple(&changed, request, dynamic) {
        Some((symbol, factor)) => format!(
            "the code takes multiples of {factor}: say `{factor} * Dim::new(\"{}\")`",
            symbol.label
        ),
        None => format!(
            "say `Dim::STATIC` of {}, or give bounds that the code allows",
            labels.join(", ")
        ),
    };
    let faults = faults.into_vec().into_iter().map(|fault| Diagnostic {
        code: code::CONSTRAINT,
        message: format!(
            "constraint violation: the code takes the given inputs, but not {}: {}",
            values.join(", "),
            fault.message
        ),
        help: Some(advice.clone()),
        ..fault
    });
    Diagnostics::new(faults.collect())
}

/// The factors that are tried when a size cannot be any number.
const FACTORS: [i64; 9] = [2, 3, 4, 5, 6, 7, 8, 16, 32];

/// If one symbol alone changed: of what its values must be multiples for the code to take them.
fn multiple<'a>(
    changed: &[(&'a SizeSymbol, i64)],
    request: &Request<'_>,
    dynamic: &DynamicSizes,
) -> Option<(&'a SizeSymbol, i64)> {
    let [(symbol, _)] = changed else {
        return None;
    };
    let position = dynamic.symbols.iter().position(|known| known == *symbol)?;
    let passes = |value: i64| {
        let mut assignment = dynamic.hints();
        if let Some(slot) = assignment.get_mut(position) {
            *slot = value;
        }
        capture_at(request, dynamic, &assignment).is_ok()
    };
    let factors = FACTORS
        .into_iter()
        .filter(|factor| symbol.hint % factor == 0);
    let mut fitting = factors.filter(|factor| {
        [1, 3].into_iter().all(|times| {
            let more = factor.checked_mul(times);
            let value = more.and_then(|more| more.checked_add(symbol.hint));
            value.is_some_and(passes)
        })
    });
    fitting.next().map(|factor| (*symbol, factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(min: Option<i64>, max: Option<i64>) -> SizeSymbol {
        SizeSymbol {
            name: "s0".to_owned(),
            label: "rows".to_owned(),
            is_auto: false,
            is_named: true,
            min,
            max,
            hint: 4,
        }
    }

    #[test]
    fn other_sizes_stay_in_the_range() {
        assert_eq!(other_values(&symbol(None, None), &[4]), [5, 7, 6]);
        assert_eq!(other_values(&symbol(None, None), &[4, 7]), [5, 6, 9]);
        assert_eq!(other_values(&symbol(Some(2), Some(5)), &[4]), [5, 3, 2]);
        assert!(other_values(&symbol(Some(4), Some(4)), &[4]).is_empty());
    }

    #[test]
    fn every_symbol_changes_alone_and_all_change_at_last() {
        let second = SizeSymbol {
            name: "s1".to_owned(),
            hint: 9,
            ..symbol(None, None)
        };
        let dynamic = DynamicSizes {
            symbols: vec![symbol(None, None), second],
            dims: Vec::new(),
        };
        let assignments = dynamic.assignments().expect("assignments");
        assert_eq!(
            assignments,
            [
                vec![4, 9],
                vec![5, 9],
                vec![7, 9],
                vec![4, 10],
                vec![4, 12],
                vec![6, 11]
            ]
        );
    }
}

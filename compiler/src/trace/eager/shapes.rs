//! What the results of recorded calls are at all sizes: by shape inference where its answer has the recorded sizes, by
//! the recorded sizes themselves otherwise.

use std::rc::Rc;

use expc_dialects::{Diagnostic, Dim, TensorMeta, ValueType};
use expc_passes::shape::{self, Item, ShapeEnv, Size};
use expc_runtime::torch::{
    TensorInfo,
    record::{RecordedTensor, RecordedValue},
};
use expc_symbolic::Expr;
use rustc_hash::FxHashMap;

use super::{
    code,
    dynamic::{self, DynamicSizes, Traces},
    emit::meta,
    graph::{Arg, CallArg, CallResult, ValueId, ValueInfo},
    numbers::Source,
    rows,
    sizes::{Ratio, Solver},
};
use crate::meta_device::MetaDevice;

/// What is known of the values of the program.
pub(super) struct Shapes {
    env: ShapeEnv<'static>,
    solver: Solver,
    items: FxHashMap<ValueId, Item>,
    /// Where the value of a symbol can be had.
    pub sources: FxHashMap<String, Source>,
    /// Symbols that shape inference made up for the sizes of the last call's results: result, dimension, name.
    new_symbols: Vec<(usize, usize, String)>,
    /// Whether there have been such symbols.
    has_unbacked: bool,
}

/// A tensor in all recordings.
type Tensors<'a> = Vec<&'a RecordedTensor>;

impl Shapes {
    pub fn new(traces: &Traces, dynamic: &DynamicSizes) -> Self {
        let mut solver = Solver::new(traces.captures.len());
        let mut env = ShapeEnv::new().with_meta(&MetaDevice);
        for (position, symbol) in dynamic.symbols.iter().enumerate() {
            let values = traces.assignments.iter();
            let values = values.filter_map(|values| values.get(position).copied());
            solver.symbol(&symbol.name, values.collect());
            env.set_range(&symbol.name, symbol.min, symbol.max);
            env.set_hint(&symbol.name, symbol.hint);
        }
        Self {
            env,
            solver,
            items: FxHashMap::default(),
            sources: FxHashMap::default(),
            new_symbols: Vec::new(),
            has_unbacked: false,
        }
    }

    /// The type of an input, with expressions for its sizes that may change.
    pub fn input(
        &mut self,
        info: &TensorInfo,
        tensor: usize,
        dynamic: &DynamicSizes,
    ) -> Result<TensorMeta, Diagnostic> {
        let mut meta = meta(info, false)?;
        for (dim, size) in meta.sizes.iter_mut().flatten().enumerate() {
            if let Some(expr) = dynamic.expr(tensor, dim) {
                *size = Dim::Symbolic(expr.to_string());
                // Inputs of other sizes were traced as contiguous tensors.
                meta.strides = None;
                if let Some(values) = self.solver.values(expr) {
                    self.solver.offer(expr, values);
                }
            }
        }
        Ok(meta)
    }

    /// Remembers an input, and that its sizes tell symbols.
    pub fn define_input(
        &mut self,
        value: ValueId,
        meta: &TensorMeta,
        tensor: usize,
        dynamic: &DynamicSizes,
    ) {
        self.define(value, &ValueType::Tensor(meta.clone()));
        for dim in 0..meta.sizes.as_ref().map_or(0, Vec::len) {
            let Some(expr) = dynamic.expr(tensor, dim) else {
                continue;
            };
            for symbol in &dynamic.symbols {
                let Some(source) = Source::of(value, dim, expr, &symbol.name) else {
                    continue;
                };
                match self.sources.get(&symbol.name) {
                    Some(known) if known.is_bare() || !source.is_bare() => {}
                    _ => {
                        self.sources.insert(symbol.name.clone(), source);
                    }
                }
            }
        }
    }

    /// Remembers the type of a value.
    pub fn define(&mut self, value: ValueId, value_type: &ValueType) {
        if self.solver.n_traces() > 1 {
            let item = Item::from_value_type(&self.env, value_type, None);
            self.items.insert(value, item);
        }
    }

    /// Remembers a number.
    pub fn define_number(&mut self, value: ValueId, expr: &Expr) {
        self.items
            .insert(value, Item::Int(Size::Expr(expr.clone())));
    }

    /// The first tensor of the program with this size, and which of its sizes it is.
    pub fn tensor_with_size(&self, expr: &Expr) -> Option<(ValueId, usize)> {
        let found = self.items.iter().filter_map(|(value, item)| {
            let Item::Tensor(tensor) = item else {
                return None;
            };
            let sizes = &tensor.sizes;
            let is_it = |size: &Size| matches!(size, Size::Expr(known) if known == expr);
            Some((*value, sizes.iter().position(is_it)?))
        });
        found.min()
    }

    /// Remembers what inference says of a value.
    pub fn define_item(&mut self, value: ValueId, item: Item) {
        self.items.insert(value, item);
    }

    pub fn solve(&mut self, values: &[i64]) -> Option<Size> {
        self.solver.solve(values)
    }

    pub fn solve_float(&mut self, values: &[f64]) -> Option<Ratio> {
        self.solver.solve_float(values)
    }

    /// What a call returns.
    pub fn results(
        &mut self,
        traces: &Traces,
        position: usize,
        op: &str,
        args: &[CallArg],
    ) -> Result<Vec<CallResult>, Diagnostic> {
        let of_trace = |trace: usize| -> &[RecordedValue] {
            let call = traces
                .captures
                .get(trace)
                .and_then(|capture| capture.recording.calls.get(position));
            call.map_or(&[], |call| call.results.as_slice())
        };
        let all: Vec<Vec<&RecordedValue>> = (0..traces.captures.len())
            .map(|trace| rows::flat(of_trace(trace)))
            .collect();
        let base = of_trace(0);
        let mut inferred = None;
        let mut infos = Vec::new();
        self.new_symbols.clear();
        // Sizes that data decide are not fixed, even if they are the same in all recordings.
        let decided_by_data =
            self.solver.n_traces() > 1 && (self.has_unbacked || dynamic::decides_sizes(op));
        for (index, result) in rows::flat(base).into_iter().enumerate() {
            let RecordedValue::Tensor(tensor) = result else {
                infos.push(info(result));
                continue;
            };
            let tensors: Tensors = all
                .iter()
                .filter_map(|results| match results.get(index) {
                    Some(RecordedValue::Tensor(tensor)) => Some(tensor),
                    _ => None,
                })
                .collect();
            if tensors.len() != traces.captures.len() {
                return Err(other_results(op));
            }
            let mut others = tensors.iter();
            if !decided_by_data && others.all(|other| same_form(&other.info, &tensor.info)) {
                infos.push(ValueType::Tensor(meta(&tensor.info, false)?).into());
                continue;
            }
            let items = inferred.get_or_insert_with(|| self.infer(op, args));
            let item = items.get(index).cloned();
            let found = self.dynamic(&tensors, item.as_ref(), index);
            let found = found.ok_or_else(|| unknown_sizes(op, &tensors))?;
            infos.push(ValueType::Tensor(found.to_meta()).into());
        }
        let lengths: Vec<usize> = all.iter().map(Vec::len).collect();
        if lengths.iter().any(|length| *length != infos.len()) {
            return Err(other_results(op));
        }
        Ok(grouped(base, infos))
    }

    /// The results of a call by inference, lists flattened; empty if nothing is inferred.
    pub fn infer(&self, op: &str, args: &[CallArg]) -> Vec<Item> {
        let given = args
            .iter()
            .map(|arg| (arg.name.as_str(), self.item(&arg.value)));
        let items = shape::infer_items(&self.env, op, given).unwrap_or_default();
        let flat = items.into_iter().flat_map(|item| match item {
            Item::List(items) => items,
            single => vec![single],
        });
        flat.collect()
    }

    fn item(&self, arg: &Arg) -> Item {
        match arg {
            Arg::Value(value) => self.items.get(value).cloned().unwrap_or(Item::Any),
            Arg::Constant(constant) => Item::from_constant(constant),
            Arg::List(elements) => {
                Item::List(elements.iter().map(|element| self.item(element)).collect())
            }
            Arg::Dict(entries) => Item::Dict(
                entries
                    .iter()
                    .map(|(key, element)| (key.clone(), self.item(element)))
                    .collect(),
            ),
            Arg::Graph(_) => Item::Any,
        }
    }

    /// A tensor whose form changes between the recordings.
    fn dynamic(
        &mut self,
        tensors: &Tensors<'_>,
        inferred: Option<&Item>,
        index: usize,
    ) -> Option<shape::Tensor> {
        let first = &tensors.first()?.info;
        let inferred = match inferred {
            Some(Item::Tensor(tensor)) if tensor.sizes.len() == first.sizes.len() => Some(tensor),
            _ => None,
        };
        let mut sizes = Vec::with_capacity(first.sizes.len());
        for dim in 0..first.sizes.len() {
            let values = column(tensors, |info| info.sizes.get(dim).copied())?;
            let inferred = inferred.and_then(|tensor| tensor.sizes.get(dim));
            sizes.push(self.size(&values, inferred, Some((index, dim)))?);
        }
        let mut strides = Vec::with_capacity(first.sizes.len());
        for dim in 0..first.sizes.len() {
            let values = column(tensors, |info| info.strides.as_ref()?.get(dim).copied())?;
            let inferred = inferred.and_then(|tensor| tensor.strides.get(dim));
            strides.push(self.size(&values, inferred, None)?);
        }
        let values = column(tensors, |info| Some(info.storage_offset))?;
        let offset = self.size(&values, inferred.map(|tensor| &tensor.offset), None)?;
        let device: Rc<str> = Rc::from(first.device.to_string());
        let mut tensor = shape::Tensor::strided(first.dtype?, sizes, strides, &device);
        tensor.offset = offset;
        tensor.layout = Rc::from(first.layout.to_string());
        Some(tensor)
    }

    /// One size, stride or offset of a result.
    fn size(
        &mut self,
        values: &[i64],
        inferred: Option<&Size>,
        place: Option<(usize, usize)>,
    ) -> Option<Size> {
        if let Some(size) = inferred {
            if self.solver.fits(size, values) {
                if let Size::Expr(expr) = size {
                    self.solver.offer(expr, values.to_vec());
                }
                return Some(size.clone());
            }
            let symbol = size
                .to_expr()
                .as_symbol()
                .map(|symbol| symbol.name().to_owned());
            if let (Some(name), Some((result, dim))) = (symbol, place)
                && !self.solver.knows(&name)
            {
                self.solver.symbol(&name, values.to_vec());
                self.new_symbols.push((result, dim, name));
                self.has_unbacked = true;
                return Some(size.clone());
            }
        }
        self.solver.solve(values)
    }

    /// Remembers where the symbols that the last call brought can be had.
    pub fn bind_new_symbols(&mut self, given: &[ValueId]) -> Vec<String> {
        let mut bound = Vec::new();
        for (result, dim, name) in std::mem::take(&mut self.new_symbols) {
            if let Some(value) = given.get(result) {
                let source = Source::bare(*value, dim);
                self.sources.insert(name.clone(), source);
                bound.push(name);
            }
        }
        bound
    }
}

/// One number of a tensor in all recordings.
fn column(tensors: &Tensors<'_>, pick: impl Fn(&TensorInfo) -> Option<i64>) -> Option<Vec<i64>> {
    tensors.iter().map(|tensor| pick(&tensor.info)).collect()
}

fn same_form(left: &TensorInfo, right: &TensorInfo) -> bool {
    left.sizes == right.sizes
        && left.strides == right.strides
        && left.storage_offset == right.storage_offset
}

fn other_results(op: &str) -> Diagnostic {
    let what = format!("`{op}` gives another number of tensors at other sizes");
    Diagnostic::error(code::CONSTRAINT, what).help("make the size static")
}

fn unknown_sizes(op: &str, tensors: &Tensors<'_>) -> Diagnostic {
    let sizes: Vec<String> = tensors
        .iter()
        .map(|tensor| format!("{:?}", tensor.info.sizes))
        .collect();
    let what = format!(
        "the sizes of the result of `{op}` change in a way that is not understood: {}",
        sizes.join(", ")
    );
    Diagnostic::error(code::CONSTRAINT, what)
}

/// The results by return.
fn grouped(results: &[RecordedValue], infos: Vec<ValueInfo>) -> Vec<CallResult> {
    let mut infos = infos.into_iter();
    results
        .iter()
        .map(|result| match result {
            RecordedValue::List(items) => {
                CallResult::List(infos.by_ref().take(items.len()).collect())
            }
            _ => CallResult::Single(infos.next().unwrap_or_else(|| ValueType::Any.into())),
        })
        .collect()
}

/// A result that is no tensor.
fn info(result: &RecordedValue) -> ValueInfo {
    let scalar = |value_type: ValueType, sym: String| ValueInfo {
        value_type,
        sym: Some(sym),
    };
    match result {
        RecordedValue::Int(value) => scalar(ValueType::SymInt, value.to_string()),
        RecordedValue::Float(_) => ValueType::SymFloat.into(),
        RecordedValue::Bool(value) => scalar(ValueType::SymBool, value.to_string()),
        RecordedValue::None => ValueType::None.into(),
        _ => ValueType::Any.into(),
    }
}

//! From a recording to a program: calls with the values that they take and give, weights, constants, outputs.

use expc_dialects::{
    Constant, Diagnostic, Dim, InputKind, InputSpec, OutputKind, TensorMeta, ValueType, program,
    table,
};
use expc_pt2::TreeSpec;
use expc_runtime::torch::{
    TensorInfo, Value,
    record::{Origin, Outcome, RecordedCall, RecordedTensor, RecordedValue, ValueNumber},
};
use rustc_hash::{FxHashMap, FxHashSet};
use tch::Tensor;

use super::{
    arguments,
    capture::{self, Capture, NamedWeight, Returned},
    code,
    dynamic::{DynamicSizes, Traces},
    graph::{Arg, Builder, Call, CallArg, CallResult, GraphId, Recorded, ValueId, ValueInfo},
    lines::Lines,
    pytree,
    regions::{self, Modes},
    rows,
    shapes::Shapes,
    values,
};
use crate::Diagnostics;

/// What the program is made from, apart from its calls.
pub(super) struct Source<'a> {
    /// With the names of their parameters.
    pub inputs: &'a [(String, Value)],
    pub weights: &'a [NamedWeight],
    /// Whether calls get the lines of Rust that made them.
    pub with_lines: bool,
    /// Whether the code was traced with gradients.
    pub with_gradients: bool,
}

/// The program of recordings of the same code at several sizes, or of one.
///
/// # Errors
/// All calls that no program can hold, or that are not the same at all sizes.
pub(super) fn emit(
    source: &Source<'_>,
    traces: &Traces,
    dynamic: &DynamicSizes,
) -> Result<Recorded, Diagnostics> {
    let capture = rows::same_calls(traces, dynamic)?;
    let mut builder = Builder::new();
    builder.sizes = dynamic.sizes();
    let mut emitter = Emitter {
        traces,
        capture,
        builder,
        bound: FxHashMap::default(),
        lost: FxHashSet::default(),
        lines: source.with_lines.then(Lines::default),
        n_constants: 0,
        shapes: Shapes::new(traces, dynamic),
        numbers: FxHashMap::default(),
        modes: Modes::default(),
        stack: String::new(),
    };
    emitter.inputs(source, dynamic)?;
    emitter.weights(source.weights)?;
    let calls = 0..capture.recording.calls.len();
    let faults: Vec<Diagnostic> = calls
        .filter_map(|position| emitter.call(position).err())
        .collect();
    if !faults.is_empty() {
        return Err(Diagnostics::new(faults));
    }
    emitter.outputs()?;
    emitter
        .modes
        .extend(&emitter.builder, source.with_gradients);
    regions::wrap(&mut emitter.builder, &emitter.modes, source.with_gradients);
    emitter.calling(source);
    Ok(emitter.builder.finish())
}

/// The state of emitting a program.
pub(super) struct Emitter<'a> {
    pub traces: &'a Traces,
    /// The first of the traces.
    pub capture: &'a Capture,
    pub builder: Builder,
    /// What a tensor is now; an in-place operator gives it a new value.
    bound: FxHashMap<ValueNumber, ValueId>,
    /// Tensors that faulty calls gave.
    lost: FxHashSet<ValueNumber>,
    lines: Option<Lines>,
    n_constants: usize,
    pub shapes: Shapes,
    /// Sizes that have been computed, by the text of their expressions.
    pub numbers: FxHashMap<String, ValueId>,
    modes: Modes,
    /// The modules of the call that is being emitted, which numbers that it needs belong to, too.
    pub stack: String,
}

impl Emitter<'_> {
    fn inputs(&mut self, source: &Source<'_>, dynamic: &DynamicSizes) -> Result<(), Diagnostic> {
        let mut numbers = self.capture.inputs.iter();
        let mut position = 0;
        for (name, input) in source.inputs {
            let mut leaves = Vec::new();
            values::leaves(name, input, &mut leaves);
            for (name, leaf) in leaves {
                let Value::Tensor(tensor) = leaf else {
                    self.builder.constant_input(name, constant_of(leaf)?);
                    continue;
                };
                let meta = self
                    .shapes
                    .input(&TensorInfo::of(tensor), position, dynamic)?;
                let spec = InputSpec::new(InputKind::UserInput, name);
                let value = self.builder.input(spec, ValueType::Tensor(meta.clone()));
                self.shapes.define_input(value, &meta, position, dynamic);
                if let Some(number) = numbers.next() {
                    self.bound.insert(*number, value);
                }
                position += 1;
            }
        }
        Ok(())
    }

    /// Weights in the order of their first use, as a model's definition mostly has them; those without use by name.
    fn weights(&mut self, weights: &[NamedWeight]) -> Result<(), Diagnostic> {
        let mut first_use: FxHashMap<ValueNumber, usize> = FxHashMap::default();
        for call in &self.capture.recording.calls {
            visit_tensors(&call.arguments, &mut |tensor| {
                let order = first_use.len();
                first_use.entry(tensor.value).or_insert(order);
            });
        }
        let mut order: Vec<_> = weights.iter().zip(&self.capture.weights).collect();
        order.sort_by_key(|(weight, number)| {
            let first = first_use.get(number).copied().unwrap_or(usize::MAX);
            (first, &weight.name)
        });
        for (weight, number) in order {
            let kind = match weight.is_parameter {
                true => InputKind::Parameter,
                false => InputKind::Buffer,
            };
            let value = self.weight(kind, &weight.name, &weight.tensor)?;
            self.bound.insert(*number, value);
        }
        Ok(())
    }

    fn weight(
        &mut self,
        kind: InputKind,
        target: &str,
        tensor: &Tensor,
    ) -> Result<ValueId, Diagnostic> {
        let spec = InputSpec {
            target: Some(target.to_owned()),
            persistent: (kind == InputKind::Buffer).then_some(true),
            ..InputSpec::new(kind, "")
        };
        let info = TensorInfo::of(tensor);
        let meta = meta(&info, kind == InputKind::Parameter)?;
        self.builder.weight_tensor(target, tensor.detach());
        let value_type = ValueType::Tensor(meta);
        let value = self.builder.input(spec, value_type.clone());
        self.shapes.define(value, &value_type);
        Ok(value)
    }

    /// A tensor that is no input, no weight and no result.
    fn constant(&mut self, tensor: &Tensor) -> Result<ValueId, Diagnostic> {
        let target = format!("lifted_tensor_{}", self.n_constants);
        self.n_constants += 1;
        self.weight(InputKind::ConstantTensor, &target, tensor)
    }

    /// Emits a call; one that takes what a faulty call gave is passed over.
    fn call(&mut self, position: usize) -> Result<(), Diagnostic> {
        let capture = self.capture;
        let Some(call) = capture.recording.calls.get(position) else {
            return Ok(());
        };
        let has_tensor = !tensors_in_all(&call.results).is_empty();
        // What threw gave nothing, and a number that was read from constants is in the code that read it.
        if call.outcome != Outcome::Returned || !(has_tensor || call.results.is_empty()) {
            return Ok(());
        }
        let takes = tensors_in_all(&call.arguments);
        let is_lost = takes.iter().any(|tensor| self.lost.contains(&tensor.value));
        let given = match is_lost {
            true => Ok(Vec::new()),
            false => self.emitted(position, call),
        };
        let given = given.map_err(|fault| Diagnostic {
            place: capture::place(call, position, &capture.modules),
            ..fault
        });
        let values = given.as_deref().unwrap_or_default().iter();
        let mut values = values.copied().map(Some).chain(std::iter::repeat(None));
        for (result, value) in rows::flat(&call.results).into_iter().zip(&mut values) {
            match (result, value) {
                (RecordedValue::Tensor(tensor), Some(value)) => {
                    self.bound.insert(tensor.value, value);
                }
                (RecordedValue::Tensor(tensor), None) => {
                    self.lost.insert(tensor.value);
                }
                _ => {}
            }
        }
        self.modes.extend(&self.builder, call.grad_mode);
        given.map(|_| ())
    }

    fn emitted(
        &mut self,
        position: usize,
        call: &RecordedCall,
    ) -> Result<Vec<ValueId>, Diagnostic> {
        let stack = self.capture.modules.stack(position);
        self.stack.clone_from(&stack);
        let mut metadata = vec![("nn_module_stack".to_owned(), stack)];
        if let Some(line) = self.lines.as_mut().and_then(|lines| lines.of(&call.frames)) {
            metadata.push(("stack_trace".to_owned(), line.stack_trace(&call.op)));
        }
        match data_of(self.capture, call) {
            Some((number, held)) => match rows::same_data(self.traces, number) {
                Ok(()) => self.data(held, metadata),
                Err(fault) => self.data_of_sizes(number, metadata)?.ok_or(fault),
            },
            None => self.recorded_call(position, call, metadata),
        }
    }

    fn recorded_call(
        &mut self,
        position: usize,
        call: &RecordedCall,
        metadata: Vec<(String, String)>,
    ) -> Result<Vec<ValueId>, Diagnostic> {
        let args = self.arguments(position, call)?;
        let results = self
            .shapes
            .results(self.traces, position, &call.op, &args)?;
        let infos = results.iter().map(|result| match result {
            CallResult::Single(info) => vec![info.clone()],
            CallResult::List(infos) => infos.clone(),
        });
        let infos: Vec<ValueInfo> = infos.flatten().collect();
        let node = Call {
            op: call.op.clone(),
            args,
            results,
            name: None,
            metadata,
        };
        let given = self.builder.call(GraphId::ROOT, node);
        for (value, info) in given.iter().zip(&infos) {
            self.shapes.define(*value, &info.value_type);
        }
        for symbol in self.shapes.bind_new_symbols(&given) {
            self.builder.sizes.symbols.push(program::Symbol {
                name: symbol.clone(),
                hint: None,
                positive: false,
                integer: true,
            });
            self.builder.sizes.ranges.push(program::Range {
                expression: symbol,
                min: Some(0),
                max: None,
            });
        }
        Ok(given)
    }

    /// A tensor made from data of the code: a constant, copied so that it can be written to.
    fn data(
        &mut self,
        held: &Tensor,
        metadata: Vec<(String, String)>,
    ) -> Result<Vec<ValueId>, Diagnostic> {
        let constant = self.constant(held)?;
        let value_type = ValueType::Tensor(meta(&TensorInfo::of(held), false)?);
        let mut copy = Call::new(
            "aten.lift_fresh_copy.default",
            vec![CallArg::new("self", constant)],
        )
        .returning(CallResult::Single(value_type.clone().into()));
        copy.metadata = metadata;
        let given = self.builder.call(GraphId::ROOT, copy);
        for value in &given {
            self.shapes.define(*value, &value_type);
        }
        Ok(given)
    }

    /// A tensor that the code made of a few numbers, some of which are those of sizes; none if it is another.
    fn data_of_sizes(
        &mut self,
        number: ValueNumber,
        metadata: Vec<(String, String)>,
    ) -> Result<Option<Vec<ValueId>>, Diagnostic> {
        let Some((form, rows)) = rows::numbers_of_data(self.traces, number) else {
            return Ok(None);
        };
        let meta = |sizes: &[i64]| {
            let form = TensorInfo {
                sizes: sizes.to_vec(),
                strides: Some(vec![1; sizes.len()]),
                ..form.clone()
            };
            meta(&form, false).map(ValueType::Tensor)
        };
        let add = |emitter: &mut Self, op: &str, given: Vec<Option<Arg>>, sizes: &[i64]| {
            let value_type = meta(sizes)?;
            let def = table::lookup(op).ok_or_else(|| {
                crate::diagnostics::internal_error(&format!("no `{op}`"), Some(file!()))
            })?;
            let mut call = Call::new(op, arguments::call_args(def, given))
                .returning(CallResult::Single(value_type.clone().into()));
            call.metadata.clone_from(&metadata);
            let given = emitter.builder.call(GraphId::ROOT, call);
            for value in &given {
                emitter.shapes.define(*value, &value_type);
            }
            Ok::<_, Diagnostic>(given)
        };
        let mut scalars = Vec::new();
        for row in &rows {
            let Ok(scalar) = self.argument(&row.iter().collect(), None) else {
                return Ok(None);
            };
            let dtype = form
                .dtype
                .map(|dtype| Arg::Constant(Constant::Dtype(dtype)));
            let device = Arg::Constant(Constant::Device(form.device.to_string()));
            let given = vec![Some(scalar), dtype, None, Some(device), None];
            scalars.extend(add(self, "aten.scalar_tensor.default", given, &[])?);
        }
        if form.sizes.is_empty() {
            return Ok(Some(scalars));
        }
        let tensors = Arg::List(scalars.into_iter().map(Arg::Value).collect());
        add(
            self,
            "aten.stack.default",
            vec![Some(tensors), None],
            &form.sizes,
        )
        .map(Some)
    }

    /// The value that a tensor is now; a tensor from outside becomes a constant when it is first met.
    pub fn value(&mut self, number: ValueNumber) -> Result<ValueId, Diagnostic> {
        if let Some(value) = self.bound.get(&number) {
            return Ok(*value);
        }
        let value = match origin(self.capture, number) {
            Some(Origin::Captured(tensor) | Origin::Data(tensor)) => {
                rows::same_data(self.traces, number)?;
                self.constant(tensor)?
            }
            _ => {
                let what = format!("tensor {number} of the recording is used before it is made");
                return Err(crate::diagnostics::internal_error(&what, Some(file!())));
            }
        };
        self.bound.insert(number, value);
        Ok(value)
    }

    fn outputs(&mut self) -> Result<(), Diagnostic> {
        for output in &self.capture.outputs {
            let value = match output {
                Returned::Tensor(number) => Arg::Value(self.value(*number)?),
                Returned::Constant(constant) => Arg::Constant(constant.clone()),
            };
            self.builder
                .output(GraphId::ROOT, OutputKind::UserOutput, value);
        }
        Ok(())
    }

    fn calling(&mut self, source: &Source<'_>) {
        let trees: Vec<TreeSpec> = source
            .inputs
            .iter()
            .map(|(_, input)| values::tree(input))
            .collect();
        let calling = &mut self.builder.calling;
        calling.inputs = Some(pytree::call(trees, Vec::new()));
        calling.outputs = Some(self.capture.output_tree.clone());
        calling.arg_names = source.inputs.iter().map(|(name, _)| name.clone()).collect();
        calling.modules = self.capture.modules.called();
    }
}

pub(super) fn origin(capture: &Capture, number: ValueNumber) -> Option<&Origin> {
    let number = usize::try_from(number).ok()?;
    capture.recording.origins.get(number)
}

/// The result of a call that is data of the code, with its elements.
fn data_of<'a>(capture: &'a Capture, call: &RecordedCall) -> Option<(ValueNumber, &'a Tensor)> {
    let [RecordedValue::Tensor(result)] = call.results.as_slice() else {
        return None;
    };
    let is_made_here = tensors_in_all(&call.arguments).is_empty();
    match origin(capture, result.value)? {
        Origin::Data(held) if is_made_here => Some((result.value, held)),
        _ => None,
    }
}

fn tensors_in_all(values: &[RecordedValue]) -> Vec<&RecordedTensor> {
    let mut found = Vec::new();
    visit_tensors(values, &mut |tensor| found.push(tensor));
    found
}

pub(super) fn visit_tensors<'a>(
    values: &'a [RecordedValue],
    visitor: &mut dyn FnMut(&'a RecordedTensor),
) {
    for value in values {
        match value {
            RecordedValue::Tensor(tensor) => visitor(tensor),
            RecordedValue::List(items) => visit_tensors(items, visitor),
            _ => {}
        }
    }
}

/// What the program says of a tensor.
pub(super) fn meta(info: &TensorInfo, requires_grad: bool) -> Result<TensorMeta, Diagnostic> {
    let dtype = info.dtype.ok_or_else(|| {
        Diagnostic::error(
            code::ARGUMENT,
            "a tensor has a dtype that programs cannot name",
        )
    })?;
    let dims = |numbers: &[i64]| numbers.iter().copied().map(Dim::Static).collect::<Vec<_>>();
    let strides = info.strides.as_ref();
    let strides = strides.filter(|strides| !is_row_major(&info.sizes, strides));
    Ok(TensorMeta {
        strides: strides.map(|strides| dims(strides)),
        storage_offset: Dim::Static(info.storage_offset),
        device: info.device.to_string(),
        layout: info.layout.to_string(),
        requires_grad,
        ..TensorMeta::new(dtype, Some(dims(&info.sizes)))
    })
}

/// Whether these are the strides that a contiguous tensor of these sizes gets.
fn is_row_major(sizes: &[i64], strides: &[i64]) -> bool {
    let mut expected = 1_i64;
    let dims = sizes.iter().zip(strides).rev();
    for (size, stride) in dims {
        if *stride != expected {
            return false;
        }
        expected = expected.saturating_mul((*size).max(1));
    }
    true
}

/// An input that is no tensor.
pub(super) fn constant_of(value: &Value) -> Result<Constant, Diagnostic> {
    Ok(match value {
        Value::None => Constant::None,
        Value::Int(value) => Constant::Int(*value),
        Value::Float(value) => Constant::Float(*value),
        Value::Bool(value) => Constant::Bool(*value),
        Value::Str(text) => Constant::Str(text.clone()),
        other => {
            let what = format!(
                "an input of the kind `{}` cannot be exported",
                other.kind().name()
            );
            return Err(Diagnostic::error(code::INPUTS, what));
        }
    })
}

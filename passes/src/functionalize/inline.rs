//! Puts graphs in the place of calls that are no more than a setting, so that the walk sees through them.
//!
//! A region without gradients is its graph; a region of automatic casts is its graph with the casts written out; a
//! shared graph that writes to its arguments is copied to where it is called. Branches and bodies of loops stay.

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, Graph, Program, ScalarType, TensorMeta, ValueType,
    mlir::{self, value_key},
    table,
};
use melior::ir::{
    Value, ValueLike,
    operation::{OperationLike, OperationRef},
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    emit::{self, Emit, given},
    hidden, views,
};
use crate::shape::{Autocast, Item, ShapeEnv};

/// Graphs may call each other so deep.
const MAX_DEPTH: usize = 64;
/// So many ops may be copied in all: graphs that call others twice grow without bound.
const MAX_COPIES: usize = 1 << 20;

const GRADIENTS: &str = "hop.wrap_with_set_grad_enabled";
const AUTOCAST: &str = "hop.wrap_with_autocast";

/// Replaces the calls of all graphs and removes the graphs that nothing names any more.
pub(super) fn inline_regions(
    program: &Program<'_, '_>,
    env: &ShapeEnv<'_>,
) -> Result<(), Diagnostic> {
    let graphs = program.graphs();
    let bodies: FxHashMap<String, Body> = graphs
        .iter()
        .map(|graph| (graph.symbol(), Body::of(*graph)))
        .collect();
    let mut inliner = Inliner {
        env,
        bodies: &bodies,
        autocast: autocast_is_inlined(&graphs),
        copies: 0,
        copied: FxHashSet::default(),
    };
    // Graphs are copied as they were, so nothing is replaced before all are copied.
    let mut replaced = Vec::new();
    for graph in &graphs {
        for operation in graph.operations() {
            if let Some(call) = inliner.call(operation)? {
                let operands: Vec<Value> = operation.operands().collect();
                let results = inliner.copy(&call, &operands, operation, &mut Vec::new(), 0)?;
                replaced.push((operation, results));
            }
        }
    }
    for (operation, results) in replaced {
        for (result, value) in operation.results().map(Value::from).zip(results) {
            mlir::replace_uses(result, value);
        }
        mlir::erase_unused(operation);
    }
    if !inliner.copied.is_empty() {
        remove_uncalled(&graphs, &inliner.copied);
    }
    Ok(())
}

/// A graph as it was before anything was copied into it.
struct Body<'c, 'a> {
    graph: Graph<'c, 'a>,
    operations: Vec<OperationRef<'c, 'a>>,
}

impl<'c: 'a, 'a> Body<'c, 'a> {
    fn of(graph: Graph<'c, 'a>) -> Self {
        Self {
            graph,
            operations: graph.operations(),
        }
    }
}

/// A call that its graph takes the place of.
struct RegionCall<'i, 'c, 'a> {
    body: &'i Body<'c, 'a>,
    autocast: Option<Autocast>,
}

struct Inliner<'i, 'c: 'a, 'a, 'e> {
    env: &'e ShapeEnv<'e>,
    bodies: &'i FxHashMap<String, Body<'c, 'a>>,
    autocast: bool,
    copies: usize,
    /// The graphs that were copied.
    copied: FxHashSet<String>,
}

/// Values of a graph and what stands for them where it is copied to.
type Mapping<'c, 'a> = FxHashMap<usize, Value<'c, 'a>>;

impl<'i, 'c: 'a, 'a> Inliner<'i, 'c, 'a, '_> {
    fn call(
        &self,
        operation: OperationRef<'c, 'a>,
    ) -> Result<Option<RegionCall<'i, 'c, 'a>>, Diagnostic> {
        let op = AtenOp::new(operation);
        let name = op.name();
        if ![GRADIENTS, AUTOCAST, table::INVOKE_SUBGRAPH].contains(&name.as_str()) {
            return Ok(None);
        }
        let arguments: Vec<Argument> = op.arguments()?.into_iter().map(|one| one.value).collect();
        let body = arguments.iter().find_map(|argument| match argument {
            Argument::Constant(Constant::Graph(symbol)) => self.bodies.get(symbol),
            _ => None,
        });
        // What does not fit is for the verifier to tell.
        let Some(body) = body.filter(|Body { graph, .. }| {
            graph.arguments().len() == operation.operand_count()
                && graph.returned().len() == operation.result_count()
        }) else {
            return Ok(None);
        };
        let autocast = autocast_of(&arguments);
        let is_inlined = match name.as_str() {
            AUTOCAST => self.autocast && autocast.is_some(),
            table::INVOKE_SUBGRAPH => writes_to_arguments(&body.graph)?,
            _ => true,
        };
        Ok(is_inlined.then_some(RegionCall {
            body,
            autocast: autocast.filter(|_| name == AUTOCAST),
        }))
    }

    /// Copies the ops of a graph before `anchor`; the answer is what it returns. `regions` are the settings that hold,
    /// the innermost last.
    fn copy(
        &mut self,
        call: &RegionCall<'i, 'c, 'a>,
        operands: &[Value<'c, 'a>],
        anchor: OperationRef<'c, 'a>,
        regions: &mut Vec<Autocast>,
        depth: usize,
    ) -> Result<Vec<Value<'c, 'a>>, Diagnostic> {
        if depth > MAX_DEPTH {
            return Err(Diagnostic::at(
                &anchor,
                "E0313",
                format!("graphs call each other more than {MAX_DEPTH} deep"),
            ));
        }
        self.copied.insert(call.body.graph.symbol());
        regions.extend(call.autocast.clone());
        let mut mapping = Mapping::default();
        for (argument, operand) in call.body.graph.arguments().into_iter().zip(operands) {
            mapping.insert(value_key(argument), *operand);
        }
        for operation in call.body.operations.iter().copied() {
            let operands: Vec<Value> = operation
                .operands()
                .map(|value| mapped(&mapping, value))
                .collect();
            let results = match self.call(operation)? {
                Some(inner) => self.copy(&inner, &operands, anchor, regions, depth + 1)?,
                None => self.copy_op(operation, &operands, anchor, regions)?,
            };
            for (old, new) in operation.results().map(Value::from).zip(results) {
                mapping.insert(value_key(old), new);
            }
        }
        if call.autocast.is_some() {
            regions.pop();
        }
        let returned = call.body.graph.returned().into_iter();
        Ok(returned.map(|value| mapped(&mapping, value)).collect())
    }

    fn copy_op(
        &mut self,
        operation: OperationRef<'c, 'a>,
        operands: &[Value<'c, 'a>],
        anchor: OperationRef<'c, 'a>,
        regions: &[Autocast],
    ) -> Result<Vec<Value<'c, 'a>>, Diagnostic> {
        self.copies += 1;
        if self.copies > MAX_COPIES {
            return Err(Diagnostic::at(
                &anchor,
                "E0313",
                format!("graphs that call each other come to more than {MAX_COPIES} ops"),
            ));
        }
        let copy = mlir::insert_copy_before(anchor, operation);
        for (index, operand) in operands.iter().enumerate() {
            mlir::set_operand(copy, index, *operand);
        }
        let op = AtenOp::new(copy);
        if op.def().is_some() {
            self.cast_operands(&op, regions)?;
            // Programs that Dynamo traced record the types of results as if there were no casts.
            if !regions.is_empty() {
                emit::retype(mlir::context_of(copy), self.env, &op)?;
            }
        }
        Ok(copy.results().map(Value::from).collect())
    }

    /// Writes out the casts that the regions around an op make of its operands.
    fn cast_operands(&self, op: &AtenOp<'c, 'a>, regions: &[Autocast]) -> Result<(), Diagnostic> {
        let copy = op.operation();
        let mut seen = FxHashSet::default();
        for region in regions.iter().rev() {
            // Of the regions of one device the innermost holds.
            if !seen.insert(region.device.as_str()) {
                continue;
            }
            let metas: Vec<_> = copy
                .operands()
                .map(|operand| TensorMeta::from_mlir(operand.r#type()))
                .collect();
            let is_cast = |meta: &TensorMeta| region.casts(meta.dtype, &meta.device);
            let has_single = || {
                let mut eligible = metas.iter().flatten().filter(|meta| is_cast(meta));
                eligible.any(|meta| meta.dtype == ScalarType::Float32)
            };
            let Some(dtype) = region.dtype_for(&op.name(), has_single) else {
                continue;
            };
            for (index, meta) in metas.iter().enumerate() {
                let Some(meta) = meta
                    .as_ref()
                    .filter(|meta| is_cast(meta) && meta.dtype != dtype)
                else {
                    continue;
                };
                let cast = self.cast(copy, index, meta, dtype)?;
                mlir::set_operand(copy, index, cast);
            }
        }
        Ok(())
    }

    fn cast(
        &self,
        copy: OperationRef<'c, 'a>,
        index: usize,
        meta: &TensorMeta,
        dtype: ScalarType,
    ) -> Result<Value<'c, 'a>, Diagnostic> {
        let emit = Emit {
            context: mlir::context_of(copy),
            env: self.env,
            anchor: copy,
            location: copy.location(),
        };
        let Ok(operand) = copy.operand(index) else {
            return Err(emit.fault(
                "E0302",
                format!("internal error: operand {index} is missing"),
            ));
        };
        let wanted = ValueType::Tensor(TensorMeta {
            dtype,
            ..meta.clone()
        });
        let arguments = vec![
            given("self", operand),
            given("dtype", Argument::from(dtype)),
        ];
        emit.value(
            "aten._to_copy.default",
            arguments,
            Some(wanted.to_mlir(emit.context)),
        )
    }
}

fn mapped<'c, 'a>(mapping: &Mapping<'c, 'a>, value: Value<'c, 'a>) -> Value<'c, 'a> {
    mapping.get(&value_key(value)).copied().unwrap_or(value)
}

/// The setting of a `wrap_with_autocast`; its first arguments are device, dtype and whether it is on.
fn autocast_of(arguments: &[Argument<'_, '_>]) -> Option<Autocast> {
    let item = |argument: &Argument<'_, '_>| match argument.as_constant()? {
        Constant::Str(text) => Some(Item::Str(text.clone())),
        Constant::Bool(value) => Some(Item::Bool(*value)),
        Constant::Dtype(dtype) => Some(Item::Dtype(*dtype)),
        _ => Some(Item::None),
    };
    let [device, dtype, enabled, ..] = arguments else {
        return None;
    };
    Autocast::from_arguments(&item(device)?, &item(dtype)?, &item(enabled)?)
}

/// Whether casts can be written out: not if a branch or a loop is run inside such a region, whose graphs the casts
/// would have to follow.
fn autocast_is_inlined(graphs: &[Graph<'_, '_>]) -> bool {
    let mut regions = Vec::new();
    let mut with_graphs = FxHashSet::default();
    for graph in graphs {
        for operation in graph.operations() {
            let op = AtenOp::new(operation);
            let name = op.name();
            let callees = callees(&op);
            match name.as_str() {
                AUTOCAST => regions.extend(callees),
                GRADIENTS => {}
                _ if callees.is_empty() => {}
                _ => _ = with_graphs.insert(graph.symbol()),
            }
        }
    }
    // A region inside a region without gradients is called by it, so what it holds is looked at as well.
    let mut next = regions.clone();
    let mut seen: FxHashSet<String> = FxHashSet::default();
    while let Some(symbol) = next.pop() {
        if with_graphs.contains(&symbol) {
            return false;
        }
        if !seen.insert(symbol.clone()) {
            continue;
        }
        let graph = graphs.iter().find(|graph| graph.symbol() == symbol);
        for operation in graph.map(Graph::operations).unwrap_or_default() {
            next.extend(callees(&AtenOp::new(operation)));
        }
    }
    true
}

/// The graphs that an op names.
fn callees(op: &AtenOp<'_, '_>) -> Vec<String> {
    if op.def().is_some() {
        return Vec::new();
    }
    let mut symbols = Vec::new();
    for argument in op.arguments().unwrap_or_default() {
        if let Argument::Constant(constant) = &argument.value {
            collect_graphs(constant, &mut symbols);
        }
        for element in argument.value.elements().unwrap_or_default() {
            if let Argument::Constant(constant) = &element {
                collect_graphs(constant, &mut symbols);
            }
        }
    }
    symbols
}

fn collect_graphs(constant: &Constant, symbols: &mut Vec<String>) {
    if let Constant::Graph(symbol) = constant {
        symbols.push(symbol.clone());
    }
}

/// Whether a graph writes to its arguments, or to views of them.
fn writes_to_arguments(graph: &Graph<'_, '_>) -> Result<bool, Diagnostic> {
    let mut shown: FxHashSet<usize> = graph.arguments().into_iter().map(value_key).collect();
    for operation in graph.operations() {
        let op = AtenOp::new(operation);
        let Some(def) = op.def() else { continue };
        let is_shown = |value: Value<'_, '_>| shown.contains(&value_key(value));
        let is_written = |name: &str| {
            let declared = def
                .schema
                .arg(name)
                .is_some_and(|(_, arg)| arg.is_written());
            declared || def.columns.writes.contains(&name)
        };
        for argument in op.arguments()? {
            let writes = is_written(&argument.name)
                && argument.value.values().into_iter().any(is_shown)
                && (def.columns.writes.is_empty() || hidden::writes_here(&op, def)?);
            if writes {
                return Ok(true);
            }
        }
        let views = views::viewed_operands(&op, def).unwrap_or_default();
        let mut found = Vec::new();
        for (result, operand) in operation.results().map(Value::from).zip(views) {
            if operation.operand(operand).is_ok_and(is_shown) {
                found.push(value_key(result));
            }
        }
        shown.extend(found);
    }
    Ok(false)
}

/// Removes graphs that were copied to all their callers.
fn remove_uncalled(graphs: &[Graph<'_, '_>], copied: &FxHashSet<String>) {
    let calls: FxHashMap<String, Vec<String>> = graphs
        .iter()
        .map(|graph| {
            let operations = graph.operations().into_iter();
            let named = operations.flat_map(|operation| callees(&AtenOp::new(operation)));
            (graph.symbol(), named.collect())
        })
        .collect();
    let mut reached: FxHashSet<&str> = FxHashSet::default();
    let mut next: Vec<&str> = calls
        .keys()
        .map(String::as_str)
        .filter(|symbol| !copied.contains(*symbol))
        .collect();
    while let Some(symbol) = next.pop() {
        if reached.insert(symbol) {
            next.extend(calls.get(symbol).into_iter().flatten().map(String::as_str));
        }
    }
    for graph in graphs {
        if !reached.contains(graph.symbol().as_str()) {
            mlir::erase_unused(graph.operation());
        }
    }
}

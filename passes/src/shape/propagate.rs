//! Inference over a whole module: `infer_shapes`.
//!
//! Types are computed anew from those of the inputs of the root graph, op by op, and compared with what the
//! program records; nothing is changed until all is known. A higher-order op hands the types of its operands to
//! its graphs, which are inferred where they are called. A symbol that an op invents for a size that data
//! decide takes the name that the program has recorded for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use expc_dialects::{
    AtenOp, Diagnostic, Graph, Program, ScalarType, ValueType,
    constant::string_array,
    mlir::{self, value_key},
    ops::attribute,
    program,
};
use expc_symbolic::{Assumption, Expr, Kind, Relation};
use melior::ir::{
    BlockLike, Module, Type, Value, ValueLike,
    attribute::ArrayAttribute,
    operation::{OperationLike, OperationMutLike, OperationRef},
};
use rustc_hash::FxHashMap;

use super::{
    Item, NoInference, ShapeEnv, Size, Tensor,
    call::Call,
    control::{autocast_of, graph_calls},
    rules,
};

/// How to infer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Forget what the program records of the values that ops compute. Otherwise a value keeps its recorded
    /// type where nothing is inferred.
    pub strip: bool,
}

/// What inference says of a recorded type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The inferred type is the recorded one.
    Equal,
    /// Nothing or less is known.
    Unknown,
    /// The inferred type contradicts the recorded one.
    Differs,
}

/// What was found of one value.
#[derive(Clone, Debug)]
pub struct ValueReport {
    pub graph: String,
    /// `aten.add.Tensor`.
    pub op: String,
    /// The FX name of the node.
    pub node: String,
    /// Position among the results of the op.
    pub result: usize,
    pub verdict: Verdict,
    pub recorded: ValueType,
    /// What is known of the value now.
    pub inferred: ValueType,
    /// Why nothing was inferred, or what differs.
    pub reason: String,
}

/// What was found of all values.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub values: Vec<ValueReport>,
}

impl Report {
    /// How many values have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.values
            .iter()
            .filter(|value| value.verdict == verdict)
            .count()
    }
}

/// Graphs may call each other so deep.
const MAX_DEPTH: usize = 64;

/// Infers the types of all values of a program and compares them with the recorded ones. The program is left
/// as it is.
///
/// # Errors
///
/// If the program has no root graph or an op whose operands do not fit its attributes.
pub fn compare<'c, 'a>(
    program: &Program<'c, 'a>,
    env: &ShapeEnv<'_>,
    options: Options,
) -> Result<Report, Diagnostic> {
    Ok(analyse(program, env, options)?.report)
}

/// Infers the types of all values of a program and sets them, with the expressions of symbolic scalars and the
/// types of functions. A value of which nothing is known gets an unranked tensor type or `!aten.any`. Symbols that
/// inference invents are added to those of the module.
///
/// # Errors
///
/// As [`compare`]; the program is left as it is then.
pub fn infer_shapes(
    module: &Module<'_>,
    env: &ShapeEnv<'_>,
    options: Options,
) -> Result<Report, Diagnostic> {
    let program = Program::new(module);
    let analysis = analyse(&program, env, options)?;
    let context = mlir::context_of(program.operation());
    for (value, item) in &analysis.order {
        let r#type = item.to_value_type().to_mlir(context);
        if value.r#type() != r#type {
            value.set_type(r#type);
        }
    }
    for graph in program.graphs() {
        set_expressions(&graph, &analysis);
        set_signature(&graph, &analysis)?;
    }
    declare_symbols(module, &program, &analysis)?;
    Ok(analysis.report)
}

/// The texts of all symbolic scalars among values; none if one is not known.
fn expressions<'c: 'a, 'a>(
    values: impl Iterator<Item = Value<'c, 'a>>,
    analysis: &Analysis<'_, '_, '_>,
) -> Option<Vec<String>> {
    let texts = values.filter_map(|value| analysis.items.get(&value_key(value))?.expression_text());
    texts
        .map(|text| (!text.is_empty()).then_some(text))
        .collect()
}

/// Sets the expressions of the symbolic scalars that ops compute.
fn set_expressions(graph: &Graph<'_, '_>, analysis: &Analysis<'_, '_, '_>) {
    let context = mlir::context_of(graph.operation());
    let mut next = graph.block().first_operation_mut();
    while let Some(mut op) = next {
        let texts = expressions(op.results().map(Value::from), analysis);
        if let Some(texts) = texts.filter(|texts| !texts.is_empty()) {
            op.set_attribute(attribute::SYM, string_array(context, texts));
        }
        next = op.next_in_block_mut();
    }
}

/// Sets the type of a function, and the expressions of the scalars that it takes and returns.
fn set_signature(graph: &Graph<'_, '_>, analysis: &Analysis<'_, '_, '_>) -> Result<(), Diagnostic> {
    let (arguments, returned) = (graph.arguments(), graph.returned());
    let text = |value: &Value<'_, '_>| {
        let item = analysis.items.get(&value_key(*value))?;
        item.expression_text().filter(|text| !text.is_empty())
    };
    let mut signature = graph.signature()?;
    let inputs = signature
        .inputs
        .iter_mut()
        .filter(|input| input.constant.is_none());
    for (input, value) in inputs.zip(&arguments) {
        input.sym = text(value).or_else(|| input.sym.take());
    }
    let outputs = signature
        .outputs
        .iter_mut()
        .filter(|output| output.constant.is_none());
    for (output, value) in outputs.zip(&returned) {
        output.sym = text(value).or_else(|| output.sym.take());
    }
    let has_symbols = signature.inputs.iter().any(|input| input.sym.is_some())
        || signature.outputs.iter().any(|output| output.sym.is_some());
    if has_symbols {
        mlir::set_signature(graph.operation(), &signature);
    }
    let inputs: Vec<Type> = arguments.iter().map(ValueLike::r#type).collect();
    let results: Vec<Type> = returned.iter().map(ValueLike::r#type).collect();
    mlir::set_function_type(graph.operation(), &inputs, &results);
    Ok(())
}

/// Adds the symbols that were invented and are still in some type.
fn declare_symbols(
    module: &Module<'_>,
    program: &Program<'_, '_>,
    analysis: &Analysis<'_, '_, '_>,
) -> Result<(), Diagnostic> {
    let mut symbols = program.symbols()?;
    let mut used = BTreeSet::new();
    for (_, item) in &analysis.order {
        item.visit_expressions(&mut |expr| used.extend(expr.free_symbols()));
    }
    let invented = used
        .into_iter()
        .filter(|symbol| analysis.env.is_fresh(symbol.name()));
    let invented: Vec<_> = invented
        .filter(|symbol| !symbols.iter().any(|known| known.name == symbol.name()))
        .collect();
    if invented.is_empty() {
        return Ok(());
    }
    symbols.extend(invented.into_iter().map(|symbol| program::Symbol {
        integer: symbol.assumes(Assumption::Integer),
        positive: symbol.assumes(Assumption::Positive),
        hint: None,
        name: symbol.name().to_owned(),
    }));
    let context = mlir::context_of(program.operation());
    let entries: Vec<_> = symbols
        .iter()
        .map(|symbol| symbol.to_attribute(context))
        .collect();
    let attribute = ArrayAttribute::new(context, &entries).into();
    mlir::set_module_attributes(module, &[(program::attribute::SYMBOLS, attribute)]);
    Ok(())
}

fn analyse<'c: 'a, 'a, 'e>(
    program: &Program<'c, 'a>,
    env: &'e ShapeEnv<'e>,
    options: Options,
) -> Result<Analysis<'c, 'a, 'e>, Diagnostic> {
    let mut analysis = Analysis {
        program: *program,
        env,
        options,
        items: FxHashMap::default(),
        order: Vec::new(),
        renamed: BTreeMap::new(),
        report: Report::default(),
        depth: 0,
    };
    let root = program.root()?;
    let inputs = root
        .arguments()
        .into_iter()
        .map(|value| analysis.recorded(value))
        .collect();
    analysis.graph(&root, inputs)?;
    Ok(analysis)
}

struct Analysis<'c, 'a, 'e> {
    program: Program<'c, 'a>,
    env: &'e ShapeEnv<'e>,
    options: Options,
    items: FxHashMap<usize, Item>,
    order: Vec<(Value<'c, 'a>, Item)>,
    /// The recorded expressions of symbols that rules invented.
    renamed: BTreeMap<String, Expr>,
    report: Report,
    depth: usize,
}

impl<'c: 'a, 'a> Analysis<'c, 'a, '_> {
    /// Infers the values of a graph called with these inputs, and what it returns.
    fn graph(&mut self, graph: &Graph<'c, 'a>, inputs: Vec<Item>) -> Result<Vec<Item>, Diagnostic> {
        for (value, item) in graph.arguments().into_iter().zip(inputs) {
            self.define(value, item);
        }
        let symbol = graph.symbol();
        for op in graph.operations() {
            self.operation(op, &symbol)?;
        }
        let returned = graph.returned();
        Ok(returned.into_iter().map(|value| self.item(value)).collect())
    }

    fn define(&mut self, value: Value<'c, 'a>, item: Item) {
        self.items.insert(value_key(value), item.clone());
        self.order.push((value, item));
    }

    fn item(&self, value: Value<'c, 'a>) -> Item {
        self.items
            .get(&value_key(value))
            .cloned()
            .unwrap_or(Item::Any)
    }

    /// What the program says of a value.
    fn recorded(&self, value: Value<'c, 'a>) -> Item {
        Item::from_value(self.env, value)
    }

    fn operation(&mut self, op: OperationRef<'c, 'a>, graph: &str) -> Result<(), Diagnostic> {
        let view = AtenOp::new(op);
        let name = view.name();
        let arguments = view.arguments()?;
        let items: Vec<(String, Item)> = arguments
            .iter()
            .map(|argument| {
                let item = Item::from_argument_with(&argument.value, &|value| self.item(value));
                (argument.name.clone(), item)
            })
            .collect();
        let inferred = self.results(&name, &view, &items)?;
        let n_results = op.result_count();
        let inferred = inferred.and_then(|items| {
            let flat: Vec<Item> = items.into_iter().flat_map(flattened).collect();
            if flat.len() == n_results {
                return Ok(flat);
            }
            let message = format!(
                "`{name}` has {n_results} results, {} are inferred",
                flat.len()
            );
            Err(NoInference::new(message))
        });
        for index in 0..n_results {
            let Ok(result) = op.result(index) else {
                continue;
            };
            let value = Value::from(result);
            let found = match &inferred {
                Ok(items) => items
                    .get(index)
                    .cloned()
                    .ok_or_else(|| NoInference::new("no result")),
                Err(reason) => Err(reason.clone()),
            };
            let shows_operand = view
                .def()
                .is_some_and(|def| def.schema.is_view() || def.schema.mutates());
            self.result(
                value,
                found,
                shows_operand,
                |verdict, recorded, inferred, reason| ValueReport {
                    graph: graph.to_owned(),
                    op: name.clone(),
                    node: view.node_name(),
                    result: index,
                    verdict,
                    recorded,
                    inferred,
                    reason,
                },
            );
        }
        Ok(())
    }

    /// The results of an op; its graphs are inferred on the way.
    fn results(
        &mut self,
        name: &str,
        view: &AtenOp<'c, 'a>,
        items: &[(String, Item)],
    ) -> Result<Result<Vec<Item>, NoInference>, Diagnostic> {
        let given = || {
            items
                .iter()
                .map(|(name, item)| (name.as_str(), item.clone()))
        };
        let mut call = match Call::of_items(self.env, name, view.def(), given()) {
            Ok(call) => call,
            Err(reason) => return Ok(Err(reason)),
        };
        call.n_results = Some(view.operation().result_count());
        if view.def().is_none() {
            match graph_calls(&call) {
                Ok(calls) => {
                    let region = autocast_of(&call);
                    let outside = region
                        .clone()
                        .map(|region| self.env.set_autocast(Some(region)));
                    for (symbol, operands) in calls {
                        self.called_graph(&symbol, operands)?;
                    }
                    if let Some(outside) = outside {
                        self.env.set_autocast(outside);
                    }
                }
                Err(reason) => return Ok(Err(reason)),
            }
        }
        Ok(rules::apply(&call))
    }

    fn called_graph(&mut self, symbol: &str, operands: Vec<Item>) -> Result<(), Diagnostic> {
        let Some(graph) = self.program.graph(symbol) else {
            return Ok(());
        };
        if self.depth >= MAX_DEPTH {
            return Ok(());
        }
        self.depth += 1;
        let arguments = graph.arguments();
        let inputs = if arguments.len() == operands.len() {
            operands
        } else {
            arguments
                .into_iter()
                .map(|value| self.recorded(value))
                .collect()
        };
        let results = self.graph(&graph, inputs)?;
        self.depth -= 1;
        self.env.set_graph(symbol, results);
        Ok(())
    }

    fn result(
        &mut self,
        value: Value<'c, 'a>,
        inferred: Result<Item, NoInference>,
        shows_operand: bool,
        report: impl FnOnce(Verdict, ValueType, ValueType, String) -> ValueReport,
    ) {
        let recorded = self.recorded(value);
        let recorded_type = ValueType::from_mlir(value.r#type()).unwrap_or(ValueType::Any);
        let (item, verdict, reason) = match inferred {
            Ok(item) => {
                let mut item = self.rename(item, &recorded);
                if !shows_operand {
                    item = with_offset_of(item, &recorded);
                }
                let (verdict, reason) = judge(self.env, &item, &recorded);
                if verdict == Verdict::Differs && self.is_uncast(&item, &recorded) {
                    let reason = format!("recorded without the automatic cast: {reason}");
                    (recorded.clone(), Verdict::Unknown, reason)
                } else {
                    (item, verdict, reason)
                }
            }
            Err(reason) => {
                let verdict = if reason.is_contradiction {
                    Verdict::Differs
                } else {
                    Verdict::Unknown
                };
                (Item::Any, verdict, reason.reason)
            }
        };
        let item = match (verdict, self.options.strip) {
            (Verdict::Unknown, false) => recorded,
            _ => item,
        };
        self.report
            .values
            .push(report(verdict, recorded_type, item.to_value_type(), reason));
        self.define(value, item);
    }

    /// Whether a recorded dtype leaves out the automatic cast that applies here: strict export records so.
    fn is_uncast(&self, item: &Item, recorded: &Item) -> bool {
        let Some(region) = self.env.autocast().filter(|region| region.enabled) else {
            return false;
        };
        match (item, recorded) {
            (Item::Tensor(item), Item::Tensor(recorded)) => {
                item.dtype == region.dtype && recorded.dtype == ScalarType::Float32
            }
            _ => false,
        }
    }

    /// The item with the recorded names of the symbols that its op invented.
    fn rename(&mut self, item: Item, recorded: &Item) -> Item {
        match (&item, recorded) {
            (Item::Tensor(tensor), Item::Tensor(other)) => {
                let pairs = tensor.sizes.iter().zip(&other.sizes);
                let pairs = pairs.chain(tensor.strides.iter().zip(&other.strides));
                for (own, recorded) in pairs.chain([(&tensor.offset, &other.offset)]) {
                    self.learn(&own.to_expr(), &recorded.to_expr());
                }
            }
            (Item::Int(own), Item::Int(recorded)) => {
                self.learn(&own.to_expr(), &recorded.to_expr())
            }
            (Item::SymFloat(Some(own)), Item::SymFloat(Some(recorded)))
            | (Item::SymBool(Some(own)), Item::SymBool(Some(recorded))) => {
                self.learn(own, recorded)
            }
            _ => {}
        }
        self.renamed_item(item)
    }

    /// Finds what a fresh symbol is called in the recorded expression.
    fn learn(&mut self, own: &Expr, recorded: &Expr) {
        if let Some(symbol) = own.as_symbol() {
            if self.env.is_fresh(symbol.name()) && !self.renamed.contains_key(symbol.name()) {
                self.renamed
                    .insert(symbol.name().to_owned(), recorded.clone());
            }
            return;
        }
        let same_kind =
            std::mem::discriminant(own.kind()) == std::mem::discriminant(recorded.kind());
        let same_function = match (own.kind(), recorded.kind()) {
            (Kind::Call(own, _), Kind::Call(recorded, _)) => own == recorded,
            _ => true,
        };
        if same_kind && same_function && own.args().count() == recorded.args().count() {
            for (own, recorded) in own.args().zip(recorded.args()) {
                self.learn(own, recorded);
            }
        }
    }

    fn renamed_item(&self, item: Item) -> Item {
        if self.renamed.is_empty() {
            return item;
        }
        let expr = |expr: &Expr| {
            expr.substitute(&self.renamed)
                .unwrap_or_else(|_| expr.clone())
        };
        let size = |size: &Size| match size {
            Size::Int(_) => size.clone(),
            Size::Expr(own) => expr(own).into(),
        };
        match item {
            Item::Tensor(tensor) if !tensor.is_static() => Item::Tensor(Rc::new(Tensor {
                sizes: tensor.sizes.iter().map(size).collect(),
                strides: tensor.strides.iter().map(size).collect(),
                offset: size(&tensor.offset),
                ..(*tensor).clone()
            })),
            Item::Int(own) => Item::Int(size(&own)),
            Item::SymFloat(Some(own)) => Item::SymFloat(Some(expr(&own))),
            Item::SymBool(Some(own)) => Item::SymBool(Some(expr(&own))),
            item => item,
        }
    }
}

/// The item with the recorded offset: where memory of its own begins says nothing, and what PyTorch records
/// depends on what it has cached.
fn with_offset_of(item: Item, recorded: &Item) -> Item {
    match (item, recorded) {
        (Item::Tensor(item), Item::Tensor(recorded)) if item.offset != recorded.offset => {
            let offset = recorded.offset.clone();
            Tensor {
                offset,
                ..(*item).clone()
            }
            .into()
        }
        (item, _) => item,
    }
}

fn flattened(item: Item) -> Vec<Item> {
    match item {
        Item::List(items) => items,
        item => vec![item],
    }
}

/// Whether an inferred item is the recorded one, and what differs.
fn judge(env: &ShapeEnv<'_>, inferred: &Item, recorded: &Item) -> (Verdict, String) {
    let same = |holds: bool| {
        if holds {
            Verdict::Equal
        } else {
            Verdict::Differs
        }
    };
    match (inferred, recorded) {
        (Item::Any | Item::SymInt, _) => (Verdict::Unknown, "nothing is known".to_owned()),
        (Item::Unranked(dtype), Item::Tensor(tensor)) if *dtype == tensor.dtype => {
            (Verdict::Unknown, "the rank is not known".to_owned())
        }
        (Item::Tensor(inferred), Item::Tensor(recorded)) => {
            match difference(env, inferred, recorded) {
                None => (Verdict::Equal, String::new()),
                Some(difference) => (Verdict::Differs, difference),
            }
        }
        (Item::Int(inferred), Item::Int(recorded)) => (
            same(env.equal(inferred, recorded)),
            format!("{inferred} against {recorded}"),
        ),
        (
            Item::SymFloat(None) | Item::SymBool(None),
            Item::SymFloat(_) | Item::SymBool(_) | Item::Bool(_) | Item::Float(_),
        ) => (Verdict::Unknown, "the expression is not known".to_owned()),
        (inferred, recorded) => {
            let equal = match (inferred.expression_text(), recorded.expression_text()) {
                (Some(inferred), Some(recorded)) => inferred == recorded || recorded.is_empty(),
                _ => inferred.to_value_type() == recorded.to_value_type(),
            };
            (
                same(equal),
                format!("{:?} against {:?}", inferred, recorded),
            )
        }
    }
}

/// What differs between two tensors; gradients do not count.
fn difference(env: &ShapeEnv<'_>, inferred: &Tensor, recorded: &Tensor) -> Option<String> {
    if inferred.dtype != recorded.dtype {
        return Some(format!(
            "dtype `{}` against `{}`",
            inferred.dtype.torch_name(),
            recorded.dtype.torch_name()
        ));
    }
    if inferred.device != recorded.device {
        return Some(format!(
            "device `{}` against `{}`",
            inferred.device, recorded.device
        ));
    }
    if inferred.layout != recorded.layout {
        return Some(format!(
            "layout `{}` against `{}`",
            inferred.layout, recorded.layout
        ));
    }
    let equal = |left: &[Size], right: &[Size]| {
        left.len() == right.len()
            && left
                .iter()
                .zip(right)
                .all(|(left, right)| same_size(env, left, right))
    };
    let lists = [
        ("sizes", &inferred.sizes, &recorded.sizes),
        ("strides", &inferred.strides, &recorded.strides),
    ];
    for (what, left, right) in lists {
        if !equal(left, right) {
            return Some(format!(
                "{what} {} against {}",
                super::size::list(left),
                super::size::list(right)
            ));
        }
    }
    // Older programs have 0 for every offset.
    let same_offset = env.is_older_than(2, 9) || same_size(env, &inferred.offset, &recorded.offset);
    (!same_offset).then(|| format!("offset {} against {}", inferred.offset, recorded.offset))
}

fn same_size(env: &ShapeEnv<'_>, left: &Size, right: &Size) -> bool {
    let simplified = |size: &Size| match size {
        Size::Int(_) => Some(size.clone()),
        Size::Expr(expr) => {
            let simple = expr.simplify_with_ranges(env.ranges()).ok()?;
            Some(Size::from(simple).expanded())
        }
    };
    left == right
        || left.expanded() == right.expanded()
        || env.statically(Relation::Eq, left, right) == Some(true)
        || simplified(left).is_some_and(|left| Some(left) == simplified(right))
}

//! Inference over a whole module: `infer_shapes`.
//!
//! Types are computed anew from those of the inputs of the root graph, op by op, and compared with what the
//! program records; nothing is changed until all is known. A higher-order op hands the types of its operands to
//! its graphs, which are inferred where they are called. A symbol that an op invents for a size that data
//! decide takes the name that the program has recorded for it.

use std::rc::Rc;

use expc_dialects::{AtenOp, Diagnostic, Graph, Place, Program, ScalarType, mlir::value_key};
use melior::ir::{
    Module, Value,
    operation::{OperationLike, OperationRef},
};
use rustc_hash::FxHashMap;

use super::{
    Item, NoInference, ShapeEnv, Tensor, annotate,
    call::Call,
    control::{self, GraphCall},
    judge::{self, Report, ValueReport, Verdict},
    rename::Renaming,
    rules,
};

/// How to infer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Forget what the program records of the values that ops compute. Otherwise a value keeps its recorded
    /// type.
    pub strip: bool,
}

/// How often a graph is inferred anew because it is called with other types. After that it has its recorded types.
const MAX_INFERENCES: usize = 8;

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
    Ok(analyse(program, env, options)?.1)
}

/// Infers the types of all values of a program and sets them, with the expressions of symbolic scalars and the
/// types of functions. A value of which nothing is known gets an unranked tensor type or `!aten.any`. Symbols that
/// inference invents are added to those of the module.
///
/// # Errors
///
/// As [`compare`]; or the program is proven to be wrong: an op that cannot be called as it is (E0411), and, unless
/// recorded types are forgotten, a type that is recorded otherwise than it follows (E0410). The program is left as
/// it is then.
pub fn infer_shapes(
    module: &Module<'_>,
    env: &ShapeEnv<'_>,
    options: Options,
) -> Result<Report, Vec<Diagnostic>> {
    let program = Program::new(module);
    let (analysis, report) = analyse(&program, env, options).map_err(|fault| vec![fault])?;
    let faults = match options.strip {
        true => report.contradictions.clone(),
        false => report.errors(),
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    annotate::annotate(module, &program, &analysis).map_err(|fault| vec![fault])?;
    Ok(report)
}

fn analyse<'c: 'a, 'a, 'e>(
    program: &Program<'c, 'a>,
    env: &'e ShapeEnv<'e>,
    options: Options,
) -> Result<(Analysis<'c, 'a, 'e>, Report), Diagnostic> {
    let graphs = program.graphs();
    let mut analysis = Analysis {
        env,
        options,
        items: FxHashMap::default(),
        graphs: graphs
            .iter()
            .map(|graph| (graph.symbol(), (*graph, Rounds::default())))
            .collect(),
        renaming: Renaming::default(),
        found: FxHashMap::default(),
        contradictions: FxHashMap::default(),
    };
    let root = program.root()?;
    let inputs = root
        .arguments()
        .into_iter()
        .map(|value| analysis.recorded(value))
        .collect();
    analysis.graph(&root, inputs)?;
    let report = analysis.report(&graphs);
    Ok((analysis, report))
}

/// How a graph was called so far.
#[derive(Clone, Default)]
struct Rounds {
    count: usize,
    is_open: bool,
    /// With what it was inferred last.
    inputs: Option<Rc<[Item]>>,
}

/// What is known of a program.
pub(super) struct Analysis<'c, 'a, 'e> {
    pub env: &'e ShapeEnv<'e>,
    options: Options,
    /// All values, by [`value_key`], with what was found last.
    items: FxHashMap<usize, (Value<'c, 'a>, Item)>,
    graphs: FxHashMap<String, (Graph<'c, 'a>, Rounds)>,
    renaming: Renaming,
    /// Of the values that are not as recorded.
    found: FxHashMap<usize, ValueReport>,
    /// By op.
    contradictions: FxHashMap<usize, Diagnostic>,
}

impl<'c: 'a, 'a> Analysis<'c, 'a, '_> {
    /// Infers the values of a graph called with these inputs, and what it returns.
    fn graph(&mut self, graph: &Graph<'c, 'a>, inputs: Vec<Item>) -> Result<Vec<Item>, Diagnostic> {
        for (value, item) in graph.arguments().into_iter().zip(inputs) {
            self.define(value, item);
        }
        for op in graph.operations() {
            self.operation(op)?;
        }
        let returned = graph.returned();
        Ok(returned.into_iter().map(|value| self.item(value)).collect())
    }

    fn define(&mut self, value: Value<'c, 'a>, item: Item) {
        self.items.insert(value_key(value), (value, item));
    }

    fn item(&self, value: Value<'c, 'a>) -> Item {
        self.known(value).cloned().unwrap_or(Item::Any)
    }

    /// What was found of a value; none where nothing reaches it.
    pub fn known(&self, value: Value<'_, '_>) -> Option<&Item> {
        self.items.get(&value_key(value)).map(|(_, item)| item)
    }

    /// All values that were reached, with what was found of them.
    pub fn values(&self) -> impl Iterator<Item = &(Value<'c, 'a>, Item)> {
        self.items.values()
    }

    /// What was found, in the order of the program.
    fn report(&mut self, graphs: &[Graph<'c, 'a>]) -> Report {
        let mut report = Report::default();
        for op in graphs.iter().flat_map(Graph::operations) {
            report
                .contradictions
                .extend(self.contradictions.remove(&op_key(op)));
            for result in op.results() {
                let key = value_key(Value::from(result));
                match self.found.remove(&key) {
                    Some(found) => report.values.push(found),
                    None => report.n_equal += usize::from(self.items.contains_key(&key)),
                }
            }
        }
        report
    }

    /// What the program says of a value.
    fn recorded(&self, value: Value<'c, 'a>) -> Item {
        Item::from_value(self.env, value)
    }

    fn operation(&mut self, op: OperationRef<'c, 'a>) -> Result<(), Diagnostic> {
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
        let n_results = op.result_count();
        let inferred = self.results(&name, &view, &items)?;
        let inferred = inferred.and_then(|items| flat_results(&name, items, n_results));
        self.contradictions.remove(&op_key(op));
        if let Err(reason) = inferred.as_ref()
            && reason.is_contradiction
        {
            let fault = Diagnostic::at(&op, judge::code::CONTRADICTION, &reason.reason);
            self.contradictions.insert(op_key(op), fault);
        }
        let shows_operand = view
            .def()
            .is_some_and(|def| def.schema.is_view() || def.schema.mutates());
        for index in 0..n_results {
            let Ok(result) = op.result(index) else {
                continue;
            };
            let found = match &inferred {
                Ok(items) => Ok(items.get(index).cloned().unwrap_or(Item::Any)),
                Err(reason) => Err(reason),
            };
            let (verdict, reason) = self.result(Value::from(result), found, shows_operand);
            let key = value_key(Value::from(result));
            if verdict == Verdict::Equal {
                self.found.remove(&key);
                continue;
            }
            let found = ValueReport {
                op: name.clone(),
                result: index,
                verdict,
                is_typed: is_informative(&self.item(Value::from(result))),
                reason,
                place: Place::from_location(op.location()),
            };
            self.found.insert(key, found);
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
            match control::graph_calls(&call) {
                Ok(calls) => self.called_graphs(&call, calls)?,
                Err(reason) => return Ok(Err(reason)),
            }
        }
        Ok(rules::apply(&call))
    }

    fn called_graphs(&mut self, call: &Call<'_>, calls: Vec<GraphCall>) -> Result<(), Diagnostic> {
        let region = control::autocast_of(call);
        let outside = region.map(|region| self.env.set_autocast(Some(region)));
        match control::carried_count(call) {
            Some(n_carried) => self.loop_graphs(calls, n_carried)?,
            None => {
                for (symbol, operands) in calls {
                    self.called_graph(&symbol, operands)?;
                }
            }
        }
        if let Some(outside) = outside {
            self.env.set_autocast(outside);
        }
        Ok(())
    }

    /// Infers the graphs of a loop, the body last, until what the body returns is no other than what it gets.
    fn loop_graphs(&mut self, calls: Vec<GraphCall>, n_carried: usize) -> Result<(), Diagnostic> {
        let Some((body, mut operands)) = calls.last().cloned() else {
            return Ok(());
        };
        for _ in 0..MAX_INFERENCES {
            for (symbol, _) in &calls {
                self.called_graph(symbol, operands.clone())?;
            }
            let returned = self.env.graph(&body).unwrap_or_default();
            if !control::widen(self.env, &mut operands, &returned, n_carried) {
                break;
            }
        }
        Ok(())
    }

    /// Infers a graph, unless it was called so before.
    fn called_graph(&mut self, symbol: &str, operands: Vec<Item>) -> Result<(), Diagnostic> {
        let Some((graph, rounds)) = self.graphs.get_mut(symbol) else {
            return Ok(());
        };
        let is_known = rounds.inputs.as_deref() == Some(operands.as_slice());
        if is_known && !rounds.is_open {
            return Ok(());
        }
        if rounds.is_open || rounds.count >= MAX_INFERENCES {
            let graph = *graph;
            let returned = graph.returned().into_iter();
            let results = returned.map(|value| match self.options.strip {
                true => Item::Any,
                false => self.recorded(value),
            });
            self.env.set_graph(symbol, results.collect());
            return Ok(());
        }
        rounds.count += 1;
        rounds.is_open = true;
        rounds.inputs = Some(operands.clone().into());
        let graph = *graph;
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
        if let Some((_, rounds)) = self.graphs.get_mut(symbol) {
            rounds.is_open = false;
        }
        self.env.set_graph(symbol, results);
        Ok(())
    }

    /// Settles what is known of a value, and says whether that is what the program records.
    fn result(
        &mut self,
        value: Value<'c, 'a>,
        inferred: Result<Item, &NoInference>,
        shows_operand: bool,
    ) -> (Verdict, String) {
        let recorded = self.recorded(value);
        let (item, verdict, reason) = match inferred {
            // That there is no tensor says the form of the call, not inference.
            Ok(Item::Any) if is_no_tensor(&recorded) => {
                (recorded.clone(), Verdict::Equal, String::new())
            }
            Ok(item) => self.judged(item, &recorded, shows_operand),
            Err(_) if is_no_tensor(&recorded) => (recorded.clone(), Verdict::Equal, String::new()),
            Err(reason) => (Item::Any, Verdict::Unknown, reason.reason.clone()),
        };
        let keeps_record = !self.options.strip && is_informative(&recorded);
        self.define(value, if keeps_record { recorded } else { item });
        (verdict, reason)
    }

    fn judged(
        &mut self,
        item: Item,
        recorded: &Item,
        shows_operand: bool,
    ) -> (Item, Verdict, String) {
        let mut item = self.renaming.rename(self.env, item, recorded);
        if !shows_operand {
            item = with_offset_of(item, recorded);
        }
        let (verdict, reason) = judge::judge(self.env, &item, recorded);
        if matches!(verdict, Verdict::Equal | Verdict::Unknown) {
            return (item, verdict, reason);
        }
        if self.is_uncast(&item, recorded) {
            let reason = format!("recorded without the automatic cast: {reason}");
            return (recorded.clone(), Verdict::Unknown, reason);
        }
        let specialized = self.renaming.specialized(&item);
        let is_less = specialized
            .is_some_and(|item| judge::judge(self.env, &item, recorded).0 == Verdict::Equal);
        if is_less {
            return (item, Verdict::Unknown, reason);
        }
        (item, verdict, reason)
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
}

/// Whether a record says all that inference could say.
fn is_informative(recorded: &Item) -> bool {
    !matches!(
        recorded,
        Item::Any | Item::Unranked(_) | Item::SymInt | Item::SymFloat(None) | Item::SymBool(None)
    )
}

fn is_no_tensor(item: &Item) -> bool {
    matches!(
        item,
        Item::None | Item::Object(_) | Item::Token | Item::Str(_)
    )
}

fn flat_results(name: &str, items: Vec<Item>, n_results: usize) -> Result<Vec<Item>, NoInference> {
    let flat: Vec<Item> = items.into_iter().flat_map(flattened).collect();
    if flat.len() == n_results {
        return Ok(flat);
    }
    let message = format!(
        "`{name}` has {n_results} results, {} are inferred",
        flat.len()
    );
    Err(NoInference::new(message))
}

fn flattened(item: Item) -> Vec<Item> {
    match item {
        Item::List(items) => items,
        item => vec![item],
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

fn op_key(op: OperationRef<'_, '_>) -> usize {
    op.to_raw().ptr as usize
}

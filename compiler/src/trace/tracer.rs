//! The trace that is being written: where calls go, what their results are, and how a fault ends it.
//!
//! Traced values are handles to the trace they belong to. A call looks up its schema, asks `expc_passes::shape` what it
//! returns, turns what that assumed of sizes into guards, and adds itself to the graph that is open. A fault leaves the
//! traced function at once: it is thrown by unwinding without a panic message and caught where the trace began.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe, Location},
    rc::Rc,
};

use expc_dialects::{Constant, Diagnostic, table};
use expc_passes::shape::{Item, infer_items};
use rustc_hash::FxHashMap;

use super::{
    arguments::call_args,
    graph::{Builder, Call, CallArg, CallResult, GraphId, ValueId, ValueInfo},
    guards::{Shapes, at},
    lower::code,
    number::Number,
    operand::Operand,
    stack::{self, ModuleCall},
    tensor::Tensor,
};

/// A line of Rust.
pub type Place = &'static Location<'static>;

/// A trace; cloning gives another handle to it.
#[derive(Clone)]
pub struct Tracer {
    pub(super) state: Rc<State>,
}

pub(super) struct State {
    pub builder: RefCell<Builder>,
    pub shapes: RefCell<Shapes>,
    /// The graphs that are open, the root first.
    frames: RefCell<Vec<Frame>>,
    owners: RefCell<FxHashMap<ValueId, GraphId>>,
    /// The modules that are being called, without the root.
    pub modules: RefCell<Vec<ModuleCall>>,
    pub root_class: RefCell<String>,
    /// Parameters, buffers and constants by target.
    pub weights: RefCell<FxHashMap<String, Tensor>>,
    /// The paths of modules that were called, in the order of their first call, and how often.
    pub called: RefCell<Vec<(String, usize)>>,
    pub n_lifted: Cell<usize>,
}

/// A graph that is open, with what it takes from the graph around it.
struct Frame {
    graph: GraphId,
    captures: Vec<(ValueId, ValueId)>,
}

/// What is thrown to leave the traced function.
struct Thrown(Diagnostic);

impl Tracer {
    pub(super) fn new() -> Self {
        let root = Frame {
            graph: GraphId::ROOT,
            captures: Vec::new(),
        };
        Self {
            state: Rc::new(State {
                builder: RefCell::new(Builder::new()),
                shapes: RefCell::new(Shapes::new()),
                frames: RefCell::new(vec![root]),
                owners: RefCell::default(),
                modules: RefCell::default(),
                root_class: RefCell::default(),
                weights: RefCell::default(),
                called: RefCell::default(),
                n_lifted: Cell::new(0),
            }),
        }
    }

    /// Runs the traced function; a fault that it threw is the error.
    pub(super) fn run<T>(&self, traced: impl FnOnce() -> T) -> Result<T, Diagnostic> {
        panic::catch_unwind(AssertUnwindSafe(traced)).map_err(|payload: Box<dyn Any + Send>| {
            match payload.downcast::<Thrown>() {
                Ok(thrown) => thrown.0,
                // The function's own panic goes on.
                Err(payload) => panic::resume_unwind(payload),
            }
        })
    }

    /// Leaves the traced function.
    pub(super) fn fail(&self, fault: Diagnostic, place: Place) -> ! {
        let fault = match fault.place.file {
            Some(_) => fault,
            None => at(fault, place),
        };
        panic::resume_unwind(Box::new(Thrown(fault)))
    }

    /// Whether two handles are of one trace.
    pub(super) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.state, &other.state)
    }

    /// The graph that calls go to.
    pub(super) fn graph(&self) -> GraphId {
        let frames = self.state.frames.borrow();
        frames.last().map_or(GraphId::ROOT, |frame| frame.graph)
    }

    /// Opens a graph: calls go to it until it is closed.
    pub(super) fn open(&self, graph: GraphId) {
        self.state.frames.borrow_mut().push(Frame {
            graph,
            captures: Vec::new(),
        });
    }

    /// Closes the graph that was opened last; gives what it took from outside, with what stands for it inside.
    pub(super) fn close(&self) -> Vec<(ValueId, ValueId)> {
        let closed = self.state.frames.borrow_mut().pop();
        closed.map(|frame| frame.captures).unwrap_or_default()
    }

    /// Says which graph a value belongs to.
    pub(super) fn own(&self, value: ValueId, graph: GraphId) {
        self.state.owners.borrow_mut().insert(value, graph);
    }

    /// The value as the open graph knows it: values from around it are taken in as inputs.
    pub(super) fn reach(&self, value: ValueId) -> ValueId {
        let owner = self.state.owners.borrow().get(&value).copied();
        let level = {
            let frames = self.state.frames.borrow();
            frames.iter().position(|frame| Some(frame.graph) == owner)
        };
        let depth = self.state.frames.borrow().len();
        let mut inner = value;
        // A value of no open graph is refused when the program is lowered.
        for level in level.map_or(depth, |level| level + 1)..depth {
            inner = self.capture(level, inner);
        }
        inner
    }

    fn capture(&self, level: usize, outer: ValueId) -> ValueId {
        let mut frames = self.state.frames.borrow_mut();
        let Some(frame) = frames.get_mut(level) else {
            return outer;
        };
        if let Some((_, inner)) = frame.captures.iter().find(|(known, _)| *known == outer) {
            return *inner;
        }
        let mut builder = self.state.builder.borrow_mut();
        let Some(info) = builder.info(outer).cloned() else {
            return outer;
        };
        let name = format!("arg{}_1", frame.captures.len());
        let inner = builder.graph_input(frame.graph, name, info);
        frame.captures.push((outer, inner));
        self.own(inner, frame.graph);
        inner
    }

    /// Calls an op with arguments by schema position, none where nothing is given.
    pub(super) fn call(
        &self,
        op: &'static str,
        given: Vec<Option<Operand>>,
        place: Place,
    ) -> Vec<Outcome> {
        let Some(def) = table::lookup(op) else {
            let fault = Diagnostic::error(code::CALL, format!("there is no operator `{op}`"));
            self.fail(fault, place)
        };
        let names = def.schema.args.iter().map(|arg| arg.name);
        let items = names
            .zip(&given)
            .filter_map(|(name, operand)| Some((name, operand.as_ref()?.item())));
        let results = self.infer(op, items, place);
        let args = given
            .into_iter()
            .map(|operand| operand.map(|operand| operand.into_arg(self, place)))
            .collect();
        let call = Call::new(op, call_args(def, args));
        self.add(call, results, place)
    }

    /// What a call returns; what that assumes of sizes becomes guards.
    pub(super) fn infer<'n>(
        &self,
        op: &str,
        items: impl Iterator<Item = (&'n str, Item)>,
        place: Place,
    ) -> Vec<Item> {
        let inferred = {
            let shapes = self.state.shapes.borrow();
            infer_items(&shapes.env, op, items)
        };
        self.state
            .shapes
            .borrow_mut()
            .assume_decisions(op, Some(place));
        match inferred {
            Ok(results) => {
                self.state.shapes.borrow_mut().bound_sizes(&results);
                results
            }
            Err(refusal) => {
                let what = match refusal.is_contradiction {
                    true => format!("`{op}` cannot be called so: {refusal}"),
                    false => format!("what `{op}` returns cannot be told: {refusal}"),
                };
                self.fail(Diagnostic::error(code::CALL, what), place)
            }
        }
    }

    /// Adds a call to the open graph.
    pub(super) fn add(&self, mut call: Call, results: Vec<Item>, place: Place) -> Vec<Outcome> {
        call.results = results.iter().map(to_result).collect();
        call.metadata.extend(self.metadata(&call.op, place));
        let graph = self.graph();
        let ids = self.state.builder.borrow_mut().call(graph, call);
        for id in &ids {
            self.own(*id, graph);
        }
        let mut ids = ids.into_iter();
        let mut outcome = |item: Item| Outcome {
            id: ids.next(),
            item,
        };
        let mut outcomes = Vec::new();
        for result in results {
            match result {
                Item::List(items) => {
                    let elements: Vec<Outcome> = items.into_iter().map(&mut outcome).collect();
                    outcomes.push(Outcome {
                        id: None,
                        item: Item::List(Vec::new()),
                    });
                    outcomes.extend(elements);
                }
                item => outcomes.push(outcome(item)),
            }
        }
        outcomes
    }

    /// Adds a call of an op without a schema, with positional arguments.
    pub(super) fn call_by_position(
        &self,
        op: &str,
        name: Option<&str>,
        operands: Vec<Operand>,
        place: Place,
    ) -> Vec<Outcome> {
        let items = operands.iter().map(|operand| ("", operand.item()));
        let results = self.infer(op, items, place);
        let args = operands
            .into_iter()
            .map(|operand| CallArg::new("", operand.into_arg(self, place)))
            .collect();
        let mut call = Call::new(op, args);
        call.name = name.map(str::to_owned);
        self.add(call, results, place)
    }

    /// Where a node comes from, as exported programs tell it.
    pub(super) fn metadata(&self, op: &str, place: Place) -> Vec<(String, String)> {
        let root = self.state.root_class.borrow();
        let stack = stack::text(&root, self.state.modules.borrow().iter());
        let (file, line) = (place.file(), place.line());
        vec![
            ("nn_module_stack".to_owned(), stack),
            (
                "stack_trace".to_owned(),
                format!("File \"{file}\", line {line}, in forward\n    {op}"),
            ),
        ]
    }

    /// A handle to a tensor of the open graph.
    pub(super) fn tensor(&self, id: ValueId, item: Item) -> Tensor {
        Tensor::new(self.clone(), id, item)
    }

    /// A number that a node of the open graph computes.
    pub(super) fn number(&self, id: ValueId, item: Item) -> Number {
        Number::of_value(self.clone(), id, item)
    }
}

/// A result of a call; a list is followed by its elements.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// None of a list.
    pub id: Option<ValueId>,
    pub item: Item,
}

/// Results of a call, as the methods made from schemas take them apart.
pub(super) struct Outcomes {
    tracer: Tracer,
    outcomes: std::vec::IntoIter<Outcome>,
    place: Place,
}

impl Outcomes {
    pub fn new(tracer: Tracer, outcomes: Vec<Outcome>, place: Place) -> Self {
        Self {
            tracer,
            outcomes: outcomes.into_iter(),
            place,
        }
    }

    /// The next result, a tensor.
    pub fn tensor(&mut self) -> Tensor {
        match self.outcomes.next() {
            Some(Outcome { id: Some(id), item }) => self.tracer.tensor(id, item),
            _ => {
                let fault = Diagnostic::error(code::CALL, "a result is missing");
                self.tracer.fail(fault, self.place)
            }
        }
    }

    /// The only result, a tensor.
    pub fn into_only(mut self) -> Tensor {
        self.tensor()
    }

    /// The next result, a list of tensors.
    pub fn tensors(&mut self) -> Vec<Tensor> {
        self.outcomes.next();
        let mut tensors = Vec::new();
        for outcome in self.outcomes.by_ref() {
            if let Some(id) = outcome.id {
                tensors.push(self.tracer.tensor(id, outcome.item));
            }
        }
        tensors
    }

    /// The next result, a number.
    pub fn number(&mut self) -> Number {
        match self.outcomes.next() {
            Some(Outcome { id: Some(id), item }) => self.tracer.number(id, item),
            _ => {
                let fault = Diagnostic::error(code::CALL, "a result is missing");
                self.tracer.fail(fault, self.place)
            }
        }
    }
}

/// What the graph knows of an item.
pub(super) fn to_info(item: &Item) -> ValueInfo {
    ValueInfo {
        value_type: item.to_value_type(),
        sym: item.expression_text().filter(|text| !text.is_empty()),
    }
}

fn to_result(item: &Item) -> CallResult {
    match item {
        Item::List(items) => CallResult::List(items.iter().map(to_info).collect()),
        item => CallResult::Single(to_info(item)),
    }
}

/// The constant that an item is, if it is one.
pub(super) fn to_constant(item: &Item) -> Option<Constant> {
    use expc_passes::shape::Size;
    Some(match item {
        Item::Int(Size::Int(value)) => Constant::Int(*value),
        Item::Float(value) => Constant::Float(*value),
        Item::Bool(value) => Constant::Bool(*value),
        Item::SymBool(Some(expr)) => Constant::Bool(expr.as_bool()?),
        Item::None => Constant::None,
        Item::Str(text) => Constant::Str(text.clone()),
        _ => return None,
    })
}

//! Control flow that stays in the program: branches and loops whose bodies are closures.
//!
//! A body is traced into a graph of its own. What it uses from around it becomes an input of that graph and an operand of
//! the op, as `torch.cond` and its like do with closed-over variables.

use std::panic::Location;

use expc_dialects::{Constant, Diagnostic, OutputKind};
use expc_passes::shape::{Item, Size};

use super::{
    graph::{GraphId, ValueId},
    lower::code,
    operand::Operand,
    tensor::Tensor,
    tracer::{Outcomes, Place, Tracer, to_info},
};

/// What a body gives back: one tensor or several.
pub trait Tensors: Sized {
    /// The tensors in order.
    fn into_tensors(self) -> Vec<Tensor>;
    /// The same form around other tensors; none if there are too few.
    fn from_tensors(tensors: Vec<Tensor>) -> Option<Self>;
}

impl Tensors for Tensor {
    fn into_tensors(self) -> Vec<Tensor> {
        vec![self]
    }

    fn from_tensors(tensors: Vec<Tensor>) -> Option<Self> {
        tensors.into_iter().next()
    }
}

impl Tensors for Vec<Tensor> {
    fn into_tensors(self) -> Vec<Tensor> {
        self
    }

    fn from_tensors(tensors: Vec<Tensor>) -> Option<Self> {
        Some(tensors)
    }
}

impl Tensors for (Tensor, Tensor) {
    fn into_tensors(self) -> Vec<Tensor> {
        vec![self.0, self.1]
    }

    fn from_tensors(tensors: Vec<Tensor>) -> Option<Self> {
        let mut tensors = tensors.into_iter();
        Some((tensors.next()?, tensors.next()?))
    }
}

/// A body that was traced.
struct Body {
    graph: GraphId,
    /// Its own inputs, before those that stand for captures.
    inputs: Vec<ValueId>,
    /// Values around it with what stands for them inside.
    captures: Vec<(ValueId, ValueId)>,
}

impl Tracer {
    /// One of two branches, chosen when the program runs. A condition that is known when it is traced leaves only the
    /// branch that is taken.
    ///
    /// The operands are handed to both branches; a branch may use any other tensor as well.
    #[track_caller]
    pub fn cond<R: Tensors>(
        &self,
        condition: impl Into<Operand>,
        on_true: impl FnOnce(&[Tensor]) -> R,
        on_false: impl FnOnce(&[Tensor]) -> R,
        operands: &[Tensor],
    ) -> R {
        let place = Location::caller();
        let condition = condition.into();
        if let Some(known) = self.known_condition(&condition, place) {
            return if known {
                on_true(operands)
            } else {
                on_false(operands)
            };
        }
        let bodies = [
            self.body("true_graph", &[], |_| on_true(operands).into_tensors()),
            self.body("false_graph", &[], |_| on_false(operands).into_tensors()),
        ];
        let first: Vec<ValueId> = operands.iter().map(Tensor::id).collect();
        let captured = self.unite(&bodies, &first);
        let mut given = vec![condition];
        given.extend(bodies.iter().map(|body| self.graph_operand(body.graph)));
        given.push(Operand::List(captured));
        self.control("hop.cond", given, place)
    }

    /// Repeats a body as long as a condition on what it carries holds.
    #[track_caller]
    pub fn while_loop(
        &self,
        condition: impl FnOnce(&[Tensor]) -> Tensor,
        body: impl FnOnce(&[Tensor]) -> Vec<Tensor>,
        carried: &[Tensor],
    ) -> Vec<Tensor> {
        let place = Location::caller();
        let items: Vec<Item> = carried.iter().map(Tensor::item).collect();
        let bodies = [
            self.body("while_loop_cond_graph", &items, |inputs| {
                vec![condition(inputs)]
            }),
            self.body("while_loop_body_graph", &items, body),
        ];
        if let Some(graph) = bodies.first() {
            self.state.builder.borrow_mut().set_single(graph.graph);
        }
        let captured = self.unite(&bodies, &[]);
        let mut given: Vec<Operand> = bodies
            .iter()
            .map(|body| self.graph_operand(body.graph))
            .collect();
        given.push(carried.into());
        given.push(Operand::List(captured));
        self.control("hop.while_loop", given, place)
    }

    /// Applies a body to each row of tensors and stacks what it gives.
    #[track_caller]
    pub fn map<R: Tensors>(&self, body: impl FnOnce(&[Tensor]) -> R, rows_of: &[Tensor]) -> R {
        let place = Location::caller();
        let items = self.rows(rows_of, place);
        let bodies = [self.body("body_graph", &items, |rows| body(rows).into_tensors())];
        let captured = self.unite(&bodies, &[]);
        let mut given: Vec<Operand> = bodies
            .iter()
            .map(|body| self.graph_operand(body.graph))
            .collect();
        given.push(rows_of.into());
        given.push(Operand::List(captured));
        self.control("hop.map_impl", given, place)
    }

    /// Goes through the rows of tensors with a state: the body takes state and row and gives the next state and a row of
    /// the result. Gives the last state, then the stacked rows.
    #[track_caller]
    pub fn scan(
        &self,
        body: impl FnOnce(&[Tensor], &[Tensor]) -> (Vec<Tensor>, Vec<Tensor>),
        state: &[Tensor],
        rows_of: &[Tensor],
    ) -> Vec<Tensor> {
        let place = Location::caller();
        let mut items: Vec<Item> = state.iter().map(Tensor::item).collect();
        items.extend(self.rows(rows_of, place));
        let bodies = [self.body("scan_combine_graph", &items, |inputs| {
            let (state, rows) = inputs.split_at(state.len().min(inputs.len()));
            let (mut next, rows) = body(state, rows);
            next.extend(rows);
            next
        })];
        let captured = self.unite(&bodies, &[]);
        let mut given: Vec<Operand> = bodies
            .iter()
            .map(|body| self.graph_operand(body.graph))
            .collect();
        given.push(state.into());
        given.push(rows_of.into());
        given.push(Operand::List(captured));
        self.control("hop.scan", given, place)
    }

    /// A condition that is no tensor and no number that is open.
    fn known_condition(&self, condition: &Operand, place: Place) -> Option<bool> {
        match condition {
            Operand::Constant(Constant::Bool(known)) => Some(*known),
            Operand::Number(number) => {
                let expr = number.expr()?;
                let shapes = self.state.shapes.borrow();
                shapes.known(&shapes.resolve(&expr))
            }
            Operand::Tensor(_) => None,
            _ => {
                let what = "the condition is neither a tensor nor a truth value";
                self.fail(Diagnostic::error(code::CONTROL, what), place)
            }
        }
    }

    /// Traces a body into a graph of its own.
    fn body(
        &self,
        base: &str,
        inputs: &[Item],
        traced: impl FnOnce(&[Tensor]) -> Vec<Tensor>,
    ) -> Body {
        let graph = self.state.builder.borrow_mut().graph(self.graph(), base);
        let mut handles = Vec::new();
        let mut ids = Vec::new();
        for (position, item) in inputs.iter().enumerate() {
            let name = format!("arg{position}_1");
            let id = {
                let mut builder = self.state.builder.borrow_mut();
                builder.graph_input(graph, name, to_info(item))
            };
            self.own(id, graph);
            ids.push(id);
            handles.push(self.tensor(id, item.clone()));
        }
        self.open(graph);
        let returned = traced(&handles);
        let mut items = Vec::new();
        for tensor in &returned {
            let id = self.reach(tensor.id());
            items.push(tensor.item());
            let mut builder = self.state.builder.borrow_mut();
            builder.output(graph, OutputKind::UserOutput, id);
        }
        let captures = self.close();
        let symbol = self.state.builder.borrow().symbol(graph).to_owned();
        self.state.shapes.borrow().env.set_graph(&symbol, items);
        Body {
            graph,
            inputs: ids,
            captures,
        }
    }

    /// Gives all bodies the same captures in the same order; the values of `first` come first.
    fn unite(&self, bodies: &[Body], first: &[ValueId]) -> Vec<Operand> {
        let mut outer: Vec<ValueId> = Vec::new();
        for (value, _) in bodies.iter().flat_map(|body| &body.captures) {
            if !outer.contains(value) {
                outer.push(*value);
            }
        }
        let rank = |value: &ValueId| {
            let found = first.iter().position(|known| known == value);
            found.unwrap_or(first.len())
        };
        outer.sort_by_key(rank);
        let mut builder = self.state.builder.borrow_mut();
        for body in bodies {
            let mut order = body.inputs.clone();
            for (position, value) in outer.iter().enumerate() {
                let known = body.captures.iter().find(|(known, _)| known == value);
                order.push(match (known, builder.info(*value).cloned()) {
                    (Some((_, inner)), _) => *inner,
                    (None, Some(info)) => {
                        let name = format!("arg{}_1", body.inputs.len() + position);
                        builder.graph_input(body.graph, name, info)
                    }
                    (None, None) => continue,
                });
            }
            builder.order_inputs(body.graph, &order);
        }
        let item = |value: &ValueId| {
            let info = builder.info(*value)?;
            let shapes = self.state.shapes.borrow();
            let sym = info.sym.as_deref().and_then(|sym| shapes.env.parse(sym));
            Some(Item::from_value_type(&shapes.env, &info.value_type, sym))
        };
        outer
            .iter()
            .map(|value| Operand::Value(*value, item(value).unwrap_or(Item::Any)))
            .collect()
    }

    fn graph_operand(&self, graph: GraphId) -> Operand {
        Operand::Graph(graph, self.state.builder.borrow().symbol(graph).to_owned())
    }

    /// The items of the first rows.
    fn rows(&self, tensors: &[Tensor], place: Place) -> Vec<Item> {
        let row = |tensor: &Tensor| {
            let arguments = [
                ("self", tensor.item()),
                ("dim", Item::Int(Size::ZERO)),
                ("index", Item::Int(Size::ZERO)),
            ];
            let items = self.infer("aten.select.int", arguments.into_iter(), place);
            items.into_iter().next().unwrap_or(Item::Any)
        };
        tensors.iter().map(row).collect()
    }

    fn control<R: Tensors>(&self, op: &str, given: Vec<Operand>, place: Place) -> R {
        let outcomes = self.call_by_position(op, None, given, place);
        let count = outcomes.len();
        let mut outcomes = Outcomes::new(self.clone(), outcomes, place);
        let tensors: Vec<Tensor> = (0..count).map(|_| outcomes.tensor()).collect();
        match R::from_tensors(tensors) {
            Some(returned) => returned,
            None => {
                let what = format!("`{op}` returns {count} values");
                self.fail(Diagnostic::error(code::CONTROL, what), place)
            }
        }
    }
}

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
    number::SymInt,
    operand::{IntoSizes, Operand},
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

/// A value that a loop carries: a tensor, or an integer, which is another one in each round.
pub trait CarriedValue: Sized {
    fn into_operand(self) -> Operand;
    /// None for a value of another kind.
    fn from_operand(operand: Operand) -> Option<Self>;
}

impl CarriedValue for Tensor {
    fn into_operand(self) -> Operand {
        Operand::Tensor(self)
    }

    fn from_operand(operand: Operand) -> Option<Self> {
        match operand {
            Operand::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }
}

impl CarriedValue for SymInt {
    fn into_operand(self) -> Operand {
        self.into()
    }

    fn from_operand(operand: Operand) -> Option<Self> {
        match operand {
            Operand::Number(number) => Some(Self::from_number(number)),
            _ => None,
        }
    }
}

/// What a loop carries from round to round: one value, several tensors, or a tuple.
pub trait Carried: Sized {
    /// The values in order.
    fn into_operands(self) -> Vec<Operand>;
    /// The same form around other values; none if their number or a kind is another.
    fn from_operands(operands: Vec<Operand>) -> Option<Self>;
}

impl Carried for Tensor {
    fn into_operands(self) -> Vec<Operand> {
        vec![self.into_operand()]
    }

    fn from_operands(operands: Vec<Operand>) -> Option<Self> {
        operands.into_iter().next().and_then(Self::from_operand)
    }
}

impl Carried for SymInt {
    fn into_operands(self) -> Vec<Operand> {
        vec![self.into_operand()]
    }

    fn from_operands(operands: Vec<Operand>) -> Option<Self> {
        operands.into_iter().next().and_then(Self::from_operand)
    }
}

impl Carried for Vec<Tensor> {
    fn into_operands(self) -> Vec<Operand> {
        self.into_iter().map(Tensor::into_operand).collect()
    }

    fn from_operands(operands: Vec<Operand>) -> Option<Self> {
        operands.into_iter().map(Tensor::from_operand).collect()
    }
}

macro_rules! carried_tuple {
    ($($name:ident)*) => {
        impl<$($name: CarriedValue),*> Carried for ($($name,)*) {
            #[allow(non_snake_case)]
            fn into_operands(self) -> Vec<Operand> {
                let ($($name,)*) = self;
                vec![$($name.into_operand()),*]
            }

            fn from_operands(operands: Vec<Operand>) -> Option<Self> {
                let mut operands = operands.into_iter();
                Some(($($name::from_operand(operands.next()?)?,)*))
            }
        }
    };
}

carried_tuple!(A B);
carried_tuple!(A B C);
carried_tuple!(A B C D);

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
            self.body_of_tensors("true_graph", &[], |_| on_true(operands).into_tensors()),
            self.body_of_tensors("false_graph", &[], |_| on_false(operands).into_tensors()),
        ];
        let first: Vec<ValueId> = operands.iter().map(Tensor::id).collect();
        let captured = self.unite(&bodies, &first);
        let mut given = vec![condition];
        given.extend(bodies.iter().map(|body| self.graph_operand(body.graph)));
        given.push(Operand::List(captured));
        self.control_of_tensors("hop.cond", given, place)
    }

    /// Repeats a body as long as a condition on what it carries holds. The condition is a tensor or a [`SymBool`], the
    /// integers of a round are unbacked symbols.
    ///
    /// [`SymBool`]: super::SymBool
    #[track_caller]
    pub fn while_loop<C: Carried, P: Into<Operand>>(
        &self,
        condition: impl FnOnce(&C) -> P,
        body: impl FnOnce(&C) -> C,
        carried: C,
    ) -> C {
        let place = Location::caller();
        let carried = carried.into_operands();
        let any_round = |operand: &Operand| match operand.item() {
            Item::Int(_) => Item::Int(self.state.shapes.borrow().env.unbacked()),
            item => item,
        };
        let items: Vec<Item> = carried.iter().map(any_round).collect();
        let form = |operands| self.formed::<C>("hop.while_loop", operands, place);
        let bodies = [
            self.body("while_loop_cond_graph", &items, place, |inputs| {
                vec![condition(&form(inputs)).into()]
            }),
            self.body("while_loop_body_graph", &items, place, |inputs| {
                body(&form(inputs)).into_operands()
            }),
        ];
        if let Some(graph) = bodies.first() {
            self.state.builder.borrow_mut().set_single(graph.graph);
        }
        let captured = self.unite(&bodies, &[]);
        let mut given: Vec<Operand> = bodies
            .iter()
            .map(|body| self.graph_operand(body.graph))
            .collect();
        given.push(Operand::List(carried));
        given.push(Operand::List(captured));
        form(self.control("hop.while_loop", given, place))
    }

    /// Applies a body to each row of tensors and stacks what it gives.
    #[track_caller]
    pub fn map<R: Tensors>(&self, body: impl FnOnce(&[Tensor]) -> R, rows_of: &[Tensor]) -> R {
        let place = Location::caller();
        let items = self.rows(rows_of, place);
        let bodies = [self.body_of_tensors("body_graph", &items, |rows| body(rows).into_tensors())];
        let captured = self.unite(&bodies, &[]);
        let mut given: Vec<Operand> = bodies
            .iter()
            .map(|body| self.graph_operand(body.graph))
            .collect();
        given.push(rows_of.into());
        given.push(Operand::List(captured));
        self.control_of_tensors("hop.map_impl", given, place)
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
        let bodies = [
            self.body_of_tensors("scan_combine_graph", &items, |inputs| {
                let (state, rows) = inputs.split_at(state.len().min(inputs.len()));
                let (mut next, rows) = body(state, rows);
                next.extend(rows);
                next
            }),
        ];
        let captured = self.unite(&bodies, &[]);
        let mut given: Vec<Operand> = bodies
            .iter()
            .map(|body| self.graph_operand(body.graph))
            .collect();
        given.push(state.into());
        given.push(rows_of.into());
        given.push(Operand::List(captured));
        self.control_of_tensors("hop.scan", given, place)
    }

    /// The running combinations of the slices of tensors along a dimension, from the first slice on or from the last.
    /// The function that combines two must be associative.
    ///
    /// This is the operator of PyTorch's `combine_mode="pointwise"`, which PyTorch takes on GPUs only; expc runs it
    /// anywhere.
    #[track_caller]
    pub fn associative_scan<R: Tensors>(
        &self,
        combine: impl FnOnce(&R, &R) -> R,
        slices_of: R,
        dim: i64,
        reverse: bool,
    ) -> R {
        let place = Location::caller();
        let op = "hop.associative_scan";
        let slices_of = slices_of.into_tensors();
        let rank = slices_of.first().map_or(0, |tensor| tensor.dim());
        let rank = i64::try_from(rank).unwrap_or(i64::MAX);
        let dim = match dim < 0 {
            true => dim.saturating_add(rank),
            false => dim,
        };
        let movedim = |tensor: &Tensor, from: i64, to: i64| {
            let given = [tensor.into(), from.into(), to.into()];
            self.tensor_of("aten.movedim.int", given, place)
        };
        let flip = |tensor: Tensor| match reverse {
            true => {
                let given = [Operand::from(&tensor), [0_i64].into_sizes()];
                self.tensor_of("aten.flip.default", given, place)
            }
            false => tensor,
        };
        let moved: Vec<Tensor> = slices_of.iter().map(|x| movedim(x, dim, 0)).collect();
        let rows_of: Vec<Tensor> = moved.into_iter().map(flip).collect();
        // PyTorch makes the slices that it traces the function with in the program, and leaves them there.
        for tensor in &rows_of {
            let given = [tensor.into(), 0.into(), 0.into()];
            self.tensor_of("aten.select_copy.int", given, place);
        }
        let rows = self.rows(&rows_of, place);
        let items: Vec<Item> = rows.iter().chain(&rows).cloned().collect();
        let form = |tensors: &[Tensor]| match R::from_tensors(tensors.to_vec()) {
            Some(formed) => formed,
            None => self.fail(count_fault(op, tensors.len()), place),
        };
        let bodies = [
            self.body_of_tensors("associative_scan_combine_graph", &items, |inputs| {
                let (a, b) = inputs.split_at(rows.len().min(inputs.len()));
                combine(&form(a), &form(b)).into_tensors()
            }),
        ];
        let captured = self.unite(&bodies, &[]);
        let mut given: Vec<Operand> = bodies
            .iter()
            .map(|body| self.graph_operand(body.graph))
            .collect();
        given.push(rows_of.as_slice().into());
        given.push(Operand::List(captured));
        let combined: Vec<Tensor> = self.control_of_tensors(op, given, place);
        let combined: Vec<Tensor> = combined.into_iter().map(flip).collect();
        let back: Vec<Tensor> = combined.iter().map(|x| movedim(x, 0, dim)).collect();
        form(&back)
    }

    /// The only result of a call with all arguments up to some.
    fn tensor_of<const N: usize>(
        &self,
        op: &'static str,
        given: [Operand; N],
        place: Place,
    ) -> Tensor {
        let outcomes = self.call(op, given.into_iter().map(Some).collect(), place);
        Outcomes::new(self.clone(), outcomes, place).tensor()
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
        place: Place,
        traced: impl FnOnce(Vec<Operand>) -> Vec<Operand>,
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
            handles.push(self.handle(id, item.clone()));
        }
        self.open(graph);
        let returned = traced(handles);
        let mut items = Vec::new();
        for operand in returned {
            items.push(operand.item());
            let value = operand.into_arg(self, place);
            let mut builder = self.state.builder.borrow_mut();
            builder.output(graph, OutputKind::UserOutput, value);
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

    /// As [`Self::body`], of tensors alone.
    #[track_caller]
    fn body_of_tensors(
        &self,
        base: &str,
        inputs: &[Item],
        traced: impl FnOnce(&[Tensor]) -> Vec<Tensor>,
    ) -> Body {
        self.body(base, inputs, Location::caller(), |inputs| {
            let inputs = inputs.into_iter().filter_map(Tensor::from_operand);
            let returned = traced(&inputs.collect::<Vec<_>>());
            returned.into_iter().map(Operand::Tensor).collect()
        })
    }

    /// A value of the open graph as traced code sees it.
    fn handle(&self, id: ValueId, item: Item) -> Operand {
        match item {
            Item::Int(_) | Item::SymInt => Operand::Number(self.number(id, item)),
            item => Operand::Tensor(self.tensor(id, item)),
        }
    }

    fn formed<C: Carried>(&self, op: &str, operands: Vec<Operand>, place: Place) -> C {
        let count = operands.len();
        match C::from_operands(operands) {
            Some(formed) => formed,
            None => self.fail(count_fault(op, count), place),
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

    fn control(&self, op: &str, given: Vec<Operand>, place: Place) -> Vec<Operand> {
        let outcomes = self.call_by_position(op, None, given, place).into_iter();
        let handles = outcomes.filter_map(|outcome| Some(self.handle(outcome.id?, outcome.item)));
        handles.collect()
    }

    fn control_of_tensors<R: Tensors>(&self, op: &str, given: Vec<Operand>, place: Place) -> R {
        let results = self.control(op, given, place);
        let count = results.len();
        let tensors = results.into_iter().filter_map(Tensor::from_operand);
        match R::from_tensors(tensors.collect()) {
            Some(returned) => returned,
            None => self.fail(count_fault(op, count), place),
        }
    }
}

fn count_fault(op: &str, count: usize) -> Diagnostic {
    let what = format!("`{op}` has {count} values, the code expects others");
    Diagnostic::error(code::CONTROL, what)
}

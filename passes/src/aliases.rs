//! Which values of a functional graph may share memory, and which of that memory is seen from outside.
//!
//! Nothing writes to memory in a functional program, so inside of it a value may stand for any equal one. Outside
//! it may not: a caller who writes to an output sees the write in every output and input that shares its memory. So
//! a rewrite may not make two such values share memory that did not before, nor the other way round.
//! `functionalize` has alias sets of its own, for programs that write.

use expc_dialects::{
    AtenOp, Graph,
    mlir::{self, value_key},
    table::{self, Family, OpDef, Tag, Trait},
};
use melior::ir::{
    TypeLike, Value, ValueLike,
    operation::{OperationLike, OperationRef},
};
use rustc_hash::FxHashMap;

use crate::functionalize::is_undeclared_view;

/// The memory of a graph, by classes of values that may share it.
#[derive(Default)]
pub struct Aliases {
    /// For each class the one that it was merged into, or itself.
    merged: Vec<usize>,
    /// The class holds an input, or what the graph returns.
    escapes: Vec<bool>,
    classes: FxHashMap<usize, usize>,
    /// Some op may write to what it reads, as far as anyone knows.
    is_opaque: bool,
}

impl Aliases {
    /// The classes of a graph whose ops write to nothing, as `contract::functional` has it.
    pub fn of_graph(graph: &Graph<'_, '_>) -> Self {
        let mut aliases = Self::default();
        for argument in graph.arguments() {
            let class = aliases.class_of(argument);
            aliases.escapes[class] = true;
        }
        for operation in graph.operations() {
            aliases.add(operation);
        }
        for value in graph.returned() {
            let class = aliases.class_of(value);
            aliases.escapes[class] = true;
        }
        aliases
    }

    /// Takes up an op that was put into the graph.
    pub fn add(&mut self, operation: OperationRef<'_, '_>) {
        let sharing = sharing(operation);
        self.is_opaque |= sharing == Sharing::Unknown;
        let mut shared = None;
        for result in operation.results() {
            let class = self.class_of(result.into());
            shared = shared.or(Some(class));
        }
        if sharing == Sharing::Nothing {
            return;
        }
        let values = operation.results().map(Value::from);
        for value in values.chain(operation.operands().filter(|value| is_memory(*value))) {
            let class = self.class_of(value);
            if let Some(first) = shared {
                self.merge(first, class);
            }
            shared = Some(class);
        }
    }

    /// Whether `new` may take the place of `old` in all that reads it, for a caller who sees the outputs only.
    /// `new` is a value of the graph, which `sources` share memory with if it is new.
    pub fn may_stand_for(
        &mut self,
        new: Value<'_, '_>,
        sources: &[Value<'_, '_>],
        old: Value<'_, '_>,
    ) -> bool {
        if !is_memory(old) {
            return true;
        }
        let is_known = self.classes.contains_key(&value_key(new));
        let old_class = self.class_of(old);
        let new_class = match (is_known, sources.first()) {
            (true, _) => Some(self.class_of(new)),
            (false, Some(source)) => Some(self.class_of(*source)),
            (false, None) => None,
        };
        if new_class == Some(old_class) {
            return !(is_known && is_returned(old) && is_seen(new));
        }
        if self.is_opaque {
            return false;
        }
        if !self.escapes[old_class] {
            return true;
        }
        // What shares memory with a value of its own memory shares it with what takes its place.
        owner(old) && new_class.is_none_or(|class| !self.escapes[class])
    }

    /// Notes that `new` took the place of `old`.
    pub fn replaced(&mut self, old: Value<'_, '_>, new: Value<'_, '_>) {
        if is_memory(old) {
            let (old, new) = (self.class_of(old), self.class_of(new));
            self.merge(old, new);
        }
    }

    /// Forgets an op that is about to be erased: the addresses of its results may be used again.
    pub fn forget(&mut self, operation: OperationRef<'_, '_>) {
        for result in operation.results() {
            self.classes.remove(&value_key(result.into()));
        }
    }

    fn class_of(&mut self, value: Value<'_, '_>) -> usize {
        let next = self.merged.len();
        let class = *self.classes.entry(value_key(value)).or_insert(next);
        if class == next {
            self.merged.push(next);
            self.escapes.push(false);
        }
        self.root(class)
    }

    fn root(&mut self, mut class: usize) -> usize {
        while self.merged[class] != class {
            self.merged[class] = self.merged[self.merged[class]];
            class = self.merged[class];
        }
        class
    }

    fn merge(&mut self, left: usize, right: usize) {
        let (left, right) = (self.root(left), self.root(right));
        self.merged[left] = right;
        self.escapes[right] |= self.escapes[left];
    }
}

/// The operands that the results of an op may share memory with.
pub fn sources<'c: 'a, 'a>(operation: OperationRef<'c, 'a>) -> Vec<Value<'c, 'a>> {
    match sharing(operation) {
        Sharing::Nothing => Vec::new(),
        Sharing::Operands | Sharing::Unknown => operation
            .operands()
            .filter(|value| is_memory(*value))
            .collect(),
    }
}

/// What the results of an op share memory with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Nothing,
    Operands,
    /// Operands, and the op may write to them.
    Unknown,
}

fn sharing(operation: OperationRef<'_, '_>) -> Sharing {
    let op = AtenOp::new(operation);
    if let Some(def) = op.def() {
        return sharing_by(def);
    }
    let name = op.name();
    if name.strip_prefix("sym.").and_then(table::sym).is_some() {
        return Sharing::Nothing;
    }
    match name.strip_prefix("hop.").and_then(table::hop) {
        Some(def) if operation.result_count() > 0 && !def.has_trait(Trait::Effect) => {
            Sharing::Operands
        }
        _ => Sharing::Unknown,
    }
}

fn sharing_by(def: &OpDef) -> Sharing {
    let may_share = def.schema.is_view()
        || def.family == Some(Family::View)
        || def.has_tag(Tag::Composite)
        || def.has_tag(Tag::MaybeAliasingOrMutating)
        || is_undeclared_view(def.name);
    if def.schema.mutates() || !def.columns.writes.is_empty() {
        Sharing::Unknown
    } else if may_share {
        Sharing::Operands
    } else {
        Sharing::Nothing
    }
}

/// Symbolic scalars have no memory.
fn is_memory(value: Value<'_, '_>) -> bool {
    value.r#type().is_tensor() || !expc_dialects::ops::is_symbolic_scalar(value)
}

/// Whether a value is the result of an op that gives it memory of its own.
fn owner(value: Value<'_, '_>) -> bool {
    mlir::producer(value).is_some_and(|op| sharing(op) == Sharing::Nothing)
}

/// Whether the graph returns the value itself.
fn is_returned(value: Value<'_, '_>) -> bool {
    mlir::users(value)
        .iter()
        .any(|user| mlir::is_named(*user, "func.return"))
}

/// Whether a caller has the value itself: one that is an input or an output.
fn is_seen(value: Value<'_, '_>) -> bool {
    mlir::producer(value).is_none() || is_returned(value)
}

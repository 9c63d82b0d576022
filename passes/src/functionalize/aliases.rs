//! Which values share memory, and what that memory holds at a point of the walk.

use expc_dialects::{Diagnostic, mlir::value_key};
use melior::ir::{Type, Value, ValueLike, operation::OperationRef};
use rustc_hash::FxHashMap;

use super::views;

/// One step from a base towards an alias: a view op and which of its results.
#[derive(Clone, Copy)]
pub(super) struct View<'c, 'a> {
    pub op: OperationRef<'c, 'a>,
    pub result: usize,
    /// Position of the viewed tensor among the op's operands.
    pub operand: usize,
    /// Of a view of the memory itself.
    pub memory: Option<Memory<'c>>,
}

/// Where a view of memory begins, and the type of the base, whose memory was laid out so.
#[derive(Clone, Copy)]
pub(super) struct Memory<'c> {
    pub offset: i64,
    pub layout: Type<'c>,
}

struct Base<'c, 'a> {
    value: Value<'c, 'a>,
    /// The type that it had at first.
    layout: Type<'c>,
    /// Number of writes so far.
    generation: usize,
}

#[derive(Clone, Copy)]
struct Alias<'c, 'a> {
    base: usize,
    /// The last view on the way from the base, none if it is the base itself.
    chain: Option<usize>,
    /// The value that stands for it, right as of `generation`.
    value: Value<'c, 'a>,
    generation: usize,
}

/// A view with the one before it on the way from the base; chains share their beginnings.
struct Link<'c, 'a> {
    view: View<'c, 'a>,
    before: Option<usize>,
}

/// An alias that must be made anew.
pub(super) struct Stale<'c, 'a> {
    pub base: Value<'c, 'a>,
    pub chain: Vec<View<'c, 'a>>,
}

/// The alias sets of a graph.
#[derive(Default)]
pub(super) struct Aliases<'c, 'a> {
    bases: Vec<Base<'c, 'a>>,
    links: Vec<Link<'c, 'a>>,
    /// How many of the first bases are inputs of the graph.
    n_inputs: usize,
    aliases: FxHashMap<usize, Alias<'c, 'a>>,
}

impl<'c: 'a, 'a> Aliases<'c, 'a> {
    /// An input of the graph; all of them come before other bases.
    pub fn add_input(&mut self, value: Value<'c, 'a>) {
        self.add_base(value);
        self.n_inputs = self.bases.len();
    }

    /// Whether the memory of a value is that of an input.
    pub fn is_input(&self, value: Value<'c, 'a>) -> bool {
        self.base_of(value).is_some_and(|base| base < self.n_inputs)
    }

    /// The type by which the memory of a value is laid out.
    pub fn layout(&self, value: Value<'c, 'a>) -> Type<'c> {
        self.base_of(value)
            .map_or(value.r#type(), |base| self.bases[base].layout)
    }

    /// A value with memory of its own.
    pub fn add_base(&mut self, value: Value<'c, 'a>) {
        self.add_base_as(value, value);
    }

    /// A value of the original program with memory of its own, for which `value` stands now.
    pub fn add_base_as(&mut self, original: Value<'c, 'a>, value: Value<'c, 'a>) {
        let base = self.bases.len();
        self.bases.push(Base {
            value,
            layout: original.r#type(),
            generation: 0,
        });
        self.aliases.insert(
            value_key(original),
            Alias {
                base,
                chain: None,
                value,
                generation: 0,
            },
        );
    }

    /// A result of a view op; `operand` is the position of the tensor that it shows, `source` that tensor in the
    /// original program.
    pub fn add_view(
        &mut self,
        op: OperationRef<'c, 'a>,
        result: usize,
        operand: usize,
        source: Value<'c, 'a>,
    ) -> Result<(), Diagnostic> {
        let Ok(value) = op.result(result).map(Value::from) else {
            return Ok(());
        };
        let Some(&Alias {
            base, mut chain, ..
        }) = self.aliases.get(&value_key(source))
        else {
            self.add_base(value);
            return Ok(());
        };
        let mut view = View {
            op,
            result,
            operand,
            memory: None,
        };
        if let Some(offset) = views::memory_offset(op, source.r#type())? {
            // What it shows does not depend on the views in between.
            chain = None;
            view.memory = Some(Memory {
                offset,
                layout: self.bases[base].layout,
            });
        }
        let chain = self.extend(chain, view);
        let generation = self.bases[base].generation;
        self.aliases.insert(
            value_key(value),
            Alias {
                base,
                chain,
                value,
                generation,
            },
        );
        Ok(())
    }

    /// A value that is the same tensor as another one.
    pub fn add_same(&mut self, value: Value<'c, 'a>, as_value: Value<'c, 'a>) {
        let Some(alias) = self.aliases.get(&value_key(as_value)).copied() else {
            return self.add_base(value);
        };
        self.aliases.insert(value_key(value), alias);
    }

    /// The chain with a view more.
    fn extend(&mut self, chain: Option<usize>, view: View<'c, 'a>) -> Option<usize> {
        self.links.push(Link {
            view,
            before: chain,
        });
        self.links.len().checked_sub(1)
    }

    /// The views of a chain, the base's own first.
    fn views(&self, chain: Option<usize>) -> Vec<View<'c, 'a>> {
        let link = |at: usize| self.links.get(at);
        let first = chain.and_then(link);
        let links = std::iter::successors(first, |last| last.before.and_then(link));
        let mut views: Vec<_> = links.map(|link| link.view).collect();
        views.reverse();
        views
    }

    /// What stands for a value now; values that are no tensors stand for themselves.
    pub fn current(&self, value: Value<'c, 'a>) -> Value<'c, 'a> {
        self.aliases
            .get(&value_key(value))
            .map_or(value, |alias| alias.value)
    }

    /// How to make an alias anew, if its base was written since.
    pub fn stale(&self, value: Value<'c, 'a>) -> Option<Stale<'c, 'a>> {
        let alias = self.aliases.get(&value_key(value))?;
        let base = self.bases.get(alias.base)?;
        (base.generation > alias.generation).then(|| Stale {
            base: base.value,
            chain: self.views(alias.chain),
        })
    }

    /// An alias was made anew.
    pub fn refreshed(&mut self, value: Value<'c, 'a>, current: Value<'c, 'a>) {
        if let Some(alias) = self.aliases.get_mut(&value_key(value)) {
            alias.value = current;
            alias.generation = self.bases[alias.base].generation;
        }
    }

    /// The views from the base to an alias, the base's own first; none for the base itself.
    pub fn chain(&self, value: Value<'c, 'a>) -> Vec<View<'c, 'a>> {
        let alias = self.aliases.get(&value_key(value));
        self.views(alias.and_then(|alias| alias.chain))
    }

    /// What the base of an alias holds.
    pub fn base_value(&self, value: Value<'c, 'a>) -> Value<'c, 'a> {
        self.aliases
            .get(&value_key(value))
            .map_or(value, |alias| self.bases[alias.base].value)
    }

    /// The number of the base of an alias.
    pub fn base_of(&self, value: Value<'c, 'a>) -> Option<usize> {
        self.aliases.get(&value_key(value)).map(|alias| alias.base)
    }

    /// The memory of a base was written; all its aliases are stale.
    pub fn base_written(&mut self, base: usize, value: Value<'c, 'a>) {
        if let Some(memory) = self.bases.get_mut(base) {
            memory.value = value;
            memory.generation += 1;
        }
    }

    /// How often the memory of a value was written.
    pub fn writes(&self, value: Value<'c, 'a>) -> usize {
        self.aliases
            .get(&value_key(value))
            .map_or(0, |alias| self.bases[alias.base].generation)
    }

    /// The memory of an alias was written: its base holds `base` now, and the alias `new`.
    pub fn written(&mut self, value: Value<'c, 'a>, base: Value<'c, 'a>, new: Value<'c, 'a>) {
        let Some(alias) = self.aliases.get_mut(&value_key(value)) else {
            return;
        };
        let memory = &mut self.bases[alias.base];
        memory.value = base;
        memory.generation += 1;
        alias.value = new;
        alias.generation = memory.generation;
    }
}

//! An entry of the op table: a schema, its tags, and what our row adds; and the facts that follow.

use serde::{Deserialize, Serialize};

use crate::{
    ast::{OpSchema, Type},
    properties::SchemaKind,
    words::{WordSet, vocabulary},
};

/// Tags of an op.
pub type Tags = WordSet<Tag>;

/// Traits of an op.
pub type Traits = WordSet<Trait>;

vocabulary! {
    /// What torch says of an op beside its schema. The meanings are in torch's `tags.yaml`.
    Tag, "tag" {
        /// Torch computes it from other ops wherever it traces, with any table: it may return its argument.
        Composite = "composite",
        /// Of the Core ATen op set.
        Core = "core",
        /// In PyTorch's default Core ATen decomposition table because torch computes it from other ops.
        CoreComposite = "core_composite",
        /// In PyTorch's default Core ATen decomposition table with a rule of its own.
        CoreDecomposition = "core_decomposition",
        CudagraphUnsafe = "cudagraph_unsafe",
        DataDependentOutput = "data_dependent_output",
        DynamicOutputShape = "dynamic_output_shape",
        FlexibleLayout = "flexible_layout",
        /// Changes sizes, strides or offset of its first argument in place.
        InplaceView = "inplace_view",
        MaybeAliasingOrMutating = "maybe_aliasing_or_mutating",
        NeedsContiguousStrides = "needs_contiguous_strides",
        NeedsExactStrides = "needs_exact_strides",
        NeedsFixedStrideOrder = "needs_fixed_stride_order",
        NondeterministicBitwise = "nondeterministic_bitwise",
        /// Draws random numbers.
        NondeterministicSeeded = "nondeterministic_seeded",
        OutVariant = "out_variant",
        Pointwise = "pointwise",
        Reduction = "reduction",
        /// Computes what a view shows, into memory of its own.
        ViewCopy = "view_copy",
    }
}

vocabulary! {
    /// What we say of an op where its schema and tags do not.
    Trait, "trait" {
        /// Does something besides computing its results: it may be neither removed nor merged.
        Effect = "effect",
        /// Two calls with the same arguments may give different results, though nothing is random:
        /// memory is left as it was found, a file is read.
        Unrepeatable = "unrepeatable",
        /// One element of the result depends on one element of each broadcast operand.
        Pointwise = "pointwise",
    }
}

vocabulary! {
    /// How results may differ between two right implementations.
    Numerics, "numerics" {
        /// Not at all: values are moved, selected or compared.
        Exact = "exact",
        /// By rounding.
        Rounding = "rounding",
        /// Values are drawn.
        Random = "random",
    }
}

vocabulary! {
    /// An op that stands for a `with` block, which PyTorch cut out of its graph as one of numbered parts.
    Region, "region" {
        /// The end of the block is a statement, so that there is a part behind it in any case.
        Closed = "closed",
        /// There is a part behind the block if there is code.
        Open = "open",
    }
}

vocabulary! {
    /// The subject that an op belongs to; the same word names its file in every folder.
    Family, "family" {
        Pointwise = "pointwise",
        Reduction = "reduction",
        Matmul = "matmul",
        Conv = "conv",
        Norm = "norm",
        Pool = "pool",
        View = "view",
        Index = "index",
        Factory = "factory",
        Random = "random",
        Attention = "attention",
        Quant = "quant",
        Symbolic = "symbolic",
        Control = "control",
    }
}

/// Everything that the op table knows of one op.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry<'a> {
    #[serde(borrow)]
    pub schema: OpSchema<'a>,
    pub tags: Tags,
    /// The file that the op's row is in, if it has one.
    pub family: Option<Family>,
    pub columns: Columns<'a>,
}

/// The columns of a row, read. What a row does not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Columns<'a> {
    pub traits: Traits,
    pub numerics: Option<Numerics>,
    /// The Python function of a symbolic op: `_operator.mul`.
    pub python: Option<&'a str>,
    /// How FX prints a call of the function, `{}` for each argument: `{} * {}`.
    pub format: Option<&'a str>,
    /// The arguments of a higher-order op that are graphs, or hold graphs.
    #[serde(borrow)]
    pub graphs: Vec<&'a str>,
    /// The arguments of a higher-order op that Python gives as tuples; lists of all others are lists.
    #[serde(borrow)]
    pub tuples: Vec<&'a str>,
    /// The graphs of a higher-order op that return a list and not a tuple.
    #[serde(borrow)]
    pub lists: Vec<&'a str>,
    pub region: Option<Region>,
    /// The arguments that the op writes to although its schema does not say so.
    #[serde(borrow)]
    pub writes: Vec<&'a str>,
    /// The bool argument without which it does not write to them.
    pub when: Option<&'a str>,
}

impl Entry<'_> {
    /// In the Core ATen op set.
    pub fn is_core(&self) -> bool {
        self.has_tag(Tag::Core)
    }

    /// PyTorch takes the op apart with every table, also with the empty one. Of the Core ATen op set these are the
    /// numbers that it computes itself while it traces.
    pub fn is_always_decomposed(&self) -> bool {
        self.has_tag(Tag::Composite) && (!self.has_tag(Tag::Core) || self.asks_for_number())
    }

    /// PyTorch's default Core ATen table takes the op apart.
    pub fn is_decomposed_by_core(&self) -> bool {
        self.has_tag(Tag::CoreDecomposition)
            || self.has_tag(Tag::CoreComposite)
            || self.is_always_decomposed()
    }

    /// Answers a symbolic size, stride or the like, which may stay in a graph although torch's table names it.
    pub fn asks_for_number(&self) -> bool {
        let is_number = |ty: &Type| matches!(ty, Type::SymInt | Type::SymBool);
        !self.schema.returns.is_empty() && self.schema.returns.iter().all(|ret| is_number(&ret.ty))
    }

    /// Torch tags the op so.
    pub fn has_tag(&self, tag: Tag) -> bool {
        self.tags.contains(tag)
    }

    /// Our row gives the op this trait.
    pub fn has_trait(&self, word: Trait) -> bool {
        self.columns.traits.contains(word)
    }

    /// The form of the op: functional, in-place, out or otherwise mutable.
    pub fn kind(&self) -> SchemaKind {
        self.schema.kind()
    }

    /// Draws random numbers, so that two calls differ.
    pub fn is_random(&self) -> bool {
        self.has_tag(Tag::NondeterministicSeeded)
            || self.columns.numerics == Some(Numerics::Random)
            || self
                .schema
                .args
                .iter()
                .any(|arg| *arg.ty.element() == Type::Generator)
    }

    /// One element of the result depends on one element of each broadcast operand.
    pub fn is_pointwise(&self) -> bool {
        self.has_tag(Tag::Pointwise) || self.has_trait(Trait::Pointwise)
    }

    /// Does nothing but compute its results: it may be removed when they are unused.
    ///
    /// An op without results is there for its effect, as assertions are. Random ops are not removable
    /// either: they move the generator on.
    pub fn is_removable(&self) -> bool {
        !self.is_random() && self.is_removable_but_for_chance()
    }

    /// Removable, were it not for the generator that a random op moves on.
    pub fn is_removable_but_for_chance(&self) -> bool {
        let gives_results = self.schema.is_varret || !self.schema.returns.is_empty();
        gives_results
            && !self.schema.mutates()
            && !self.has_trait(Trait::Effect)
            && self.columns.writes.is_empty()
            && !self.has_tag(Tag::MaybeAliasingOrMutating)
    }

    /// Removable, and two calls with equal arguments give equal results: one may stand for both.
    pub fn is_pure(&self) -> bool {
        self.is_removable() && !self.has_trait(Trait::Unrepeatable)
    }

    /// How results may differ between two right implementations.
    pub fn numerics(&self) -> Numerics {
        let moves_values = self.schema.is_view() || self.has_tag(Tag::ViewCopy);
        match self.columns.numerics {
            Some(numerics) => numerics,
            None if self.is_random() => Numerics::Random,
            None if moves_values => Numerics::Exact,
            None => Numerics::Rounding,
        }
    }
}

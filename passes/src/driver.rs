//! Applies named rules to a functional program: what `canonicalize` and `fold` have in common.
//!
//! Graphs are walked once, in the order of their ops: a rule looks at an op and at what computes its operands, so
//! it finds those as earlier rules left them, and the ops that a rule built are looked at again. A rule only proposes;
//! here is decided whether the proposal may take the place of the op: its type must be the op's, strides and offset
//! included, and no caller may see other values share memory than before (`aliases.rs`).

use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
};

use expc_dialects::{
    AtenOp, Diagnostic, Graph, Program, TensorMeta, mlir, ops::is_symbolic_scalar,
};
use expc_symbolic::Relation;
use melior::{
    IrRewriter, RewriterBase,
    ir::{
        Module, TypeLike, Value, ValueLike,
        operation::{OperationLike, OperationRef},
    },
};
use rustc_hash::FxHashMap;

use crate::{
    aliases::{self, Aliases},
    cleanup,
    pattern::{Refusal, Replacement, Rewrite, Rewritten, Rule, refuse},
    rewrites::Rewrites,
    shape::{self, ShapeEnv, Tensor},
};

/// A rule with its name and the ops that it looks at, separated by blanks; [`SYMBOLIC`] is any op that takes a
/// symbolic scalar.
pub(crate) type Row = (&'static str, &'static str, Rule);

/// In a row: every op that takes a symbolic scalar.
pub(crate) const SYMBOLIC: &str = "*";

/// Rules by what they look at, in the order of their rows.
#[derive(Default)]
pub(crate) struct Rules {
    by_op: FxHashMap<&'static str, Vec<&'static Row>>,
    symbolic: Vec<&'static Row>,
}

impl Rules {
    pub fn new<'t>(tables: impl IntoIterator<Item = &'t &'static [Row]>) -> Self {
        let mut rules = Self::default();
        for row in tables.into_iter().flat_map(|table| table.iter()) {
            for op in row.1.split_ascii_whitespace() {
                match op {
                    SYMBOLIC => rules.symbolic.push(row),
                    op => rules.by_op.entry(op).or_default().push(row),
                }
            }
        }
        rules
    }

    fn of(&self, op: OperationRef<'_, '_>) -> Vec<&'static Row> {
        let name = op.name();
        let own = name
            .as_string_ref()
            .as_str()
            .ok()
            .and_then(|name| self.by_op.get(name));
        let mut rows = own.cloned().unwrap_or_default();
        if !self.symbolic.is_empty() && op.operands().any(is_scalar) {
            rows.extend(&self.symbolic);
        }
        rows
    }
}

fn is_scalar(value: Value<'_, '_>) -> bool {
    !value.r#type().is_tensor() && is_symbolic_scalar(value)
}

/// Applies rules wherever they hold, and removes what is unused then.
///
/// # Errors
/// The program is not functional; a rule of ours is at fault.
pub(crate) fn apply(
    module: &Module<'_>,
    pass: &'static str,
    rules: &Rules,
    env: &ShapeEnv<'_>,
    rewrites: &Rewrites,
) -> Result<(), Vec<Diagnostic>> {
    let program = Program::new(module);
    crate::contract::needs_functional(&program, pass)?;
    let rewriter = IrRewriter::new(mlir::context_of(module.as_operation()));
    let mut faults = Vec::new();
    for graph in program.graphs() {
        let walk = Walk {
            pass,
            rules,
            env,
            rewrites,
            aliases: RefCell::new(Aliases::of_graph(&graph)),
            left: Cell::new(most_rewrites(&graph)),
            faults: RefCell::default(),
        };
        walk.run(&graph, &rewriter.as_rewriter_base());
        faults.extend(walk.faults.take());
    }
    cleanup::sync_function_types(&program);
    if !faults.is_empty() {
        return Err(faults);
    }
    cleanup::remove_dead_ops(&program, pass, rewrites);
    Ok(())
}

/// Far more rewrites than rules that come to an end need.
fn most_rewrites(graph: &Graph<'_, '_>) -> usize {
    graph
        .operations()
        .len()
        .saturating_mul(100)
        .saturating_add(1_000)
}

struct Walk<'r, 'e> {
    pass: &'static str,
    rules: &'r Rules,
    env: &'r ShapeEnv<'e>,
    rewrites: &'r Rewrites,
    aliases: RefCell<Aliases>,
    left: Cell<usize>,
    faults: RefCell<Vec<Diagnostic>>,
}

impl<'r, 'e: 'r> Walk<'r, 'e> {
    fn run<'c: 'a, 'a>(&self, graph: &Graph<'c, 'a>, rewriter: &RewriterBase<'c, 'a>) {
        let mut ops = graph.operations();
        ops.reverse();
        while let Some(op) = ops.pop() {
            let rows = self.rules.of(op);
            if rows.is_empty() {
                continue;
            }
            if let Some(built) = self.rewrite(op, &rows, rewriter) {
                ops.extend(built.into_iter().rev());
            }
        }
    }

    /// Applies the first rule that holds; what it built in the place of an op, none where the op stays.
    fn rewrite<'c: 'a, 'a>(
        &self,
        op: OperationRef<'c, 'a>,
        rows: &[&Row],
        rewriter: &RewriterBase<'c, 'a>,
    ) -> Option<Vec<OperationRef<'c, 'a>>> {
        let rewrite = Rewrite::new(op, rewriter, self.env).ok()?.keeping_name();
        for row in rows {
            if !self.may_go_on(row, op) {
                return None;
            }
            let attempt = AssertUnwindSafe(|| self.attempt(row, &rewrite));
            let Ok(values) = catch_unwind(attempt) else {
                self.at_fault(row, op, "failed");
                return None;
            };
            if let Some(values) = values {
                return Some(self.replace(row, rewrite, &values, rewriter));
            }
        }
        None
    }

    fn may_go_on(&self, row: &Row, op: OperationRef<'_, '_>) -> bool {
        if self.left.get() == 0 {
            self.at_fault(row, op, "does not come to an end");
        }
        self.left.get() > 0 && self.rewrites.may_go_on()
    }

    /// The values that a rule puts in the place of an op's results; none where the op stays.
    fn attempt<'c: 'a, 'a>(
        &self,
        row: &Row,
        rewrite: &Rewrite<'_, 'c, 'a>,
    ) -> Option<Vec<Value<'c, 'a>>> {
        let accepted = (row.2)(rewrite).and_then(|values| self.accept(rewrite, values));
        match accepted {
            Ok(values) => Some(values),
            Err(refusal) => {
                rewrite.abandon();
                if let Refusal::Fault(diagnostic) = refusal {
                    self.at_fault(row, rewrite.op().operation(), &diagnostic.message);
                }
                None
            }
        }
    }

    fn replace<'c: 'a, 'a>(
        &self,
        row: &Row,
        rewrite: Rewrite<'_, 'c, 'a>,
        values: &[Value<'c, 'a>],
        rewriter: &RewriterBase<'c, 'a>,
    ) -> Vec<OperationRef<'c, 'a>> {
        let op = rewrite.op().operation();
        self.left.set(self.left.get().saturating_sub(1));
        self.rewrites.note(self.pass, row.0, op);
        let built = rewrite.into_built();
        let mut aliases = self.aliases.borrow_mut();
        for op in &built {
            aliases.add(*op);
        }
        for (old, new) in op.results().map(Value::from).zip(values) {
            aliases.replaced(old, *new);
        }
        aliases.forget(op);
        rewriter.replace_op_with_values(op, values);
        built
    }

    /// The values that take the place of an op's results, once it is clear that they may.
    fn accept<'c: 'a, 'a>(
        &self,
        rewrite: &Rewrite<'_, 'c, 'a>,
        replacement: Replacement<'c, 'a>,
    ) -> Rewritten<Vec<Value<'c, 'a>>> {
        let op = rewrite.op().operation();
        if op.result_count() != replacement.len() {
            return refuse("the rule gives another number of results");
        }
        let mut values = Vec::with_capacity(replacement.len());
        for (old, new) in op.results().map(Value::from).zip(replacement) {
            let Some(new) = new else {
                if mlir::is_unused(old) {
                    values.push(old);
                    continue;
                }
                return refuse("a result is used and not computed by the rule");
            };
            if !self.same_type(old, new) {
                return refuse("the value has another type");
            }
            let is_built = rewrite.is_built(new);
            let sources = match is_built {
                true => known_sources(rewrite, new),
                false => Vec::new(),
            };
            if !self.aliases.borrow_mut().may_stand_for(new, &sources, old) {
                return refuse("a caller would see other values share memory");
            }
            if is_built {
                new.set_type(old.r#type());
                shape::keep_expression(rewrite.context(), old, new);
            }
            values.push(new);
        }
        Ok(values)
    }

    /// Whether two values are equal in all that types tell, but for whether gradients are asked for.
    fn same_type(&self, old: Value<'_, '_>, new: Value<'_, '_>) -> bool {
        if old.r#type().is_tensor() && new.r#type().is_tensor() {
            return same_tensor(self.env, old, new);
        }
        old.r#type() == new.r#type()
    }

    fn at_fault(&self, row: &Row, op: OperationRef<'_, '_>, what: &str) {
        self.faults.borrow_mut().push(Diagnostic::at(
            &op,
            "E0408",
            format!(
                "internal error: the rule `{}` of `{}` on `{}`: {what}; please report it with the program",
                row.0,
                self.pass,
                AtenOp::new(op).name()
            ),
        ));
    }
}

/// The values of the graph that a new value may share memory with.
fn known_sources<'c: 'a, 'a>(
    rewrite: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
) -> Vec<Value<'c, 'a>> {
    let Some(op) = mlir::producer(value).filter(|_| rewrite.is_built(value)) else {
        return vec![value];
    };
    let sources = aliases::sources(op).into_iter();
    sources
        .flat_map(|source| known_sources(rewrite, source))
        .collect()
}

/// Whether two tensors are known to agree in dtype, sizes, strides, offset, layout and device.
pub(crate) fn same_tensor(env: &ShapeEnv<'_>, left: Value<'_, '_>, right: Value<'_, '_>) -> bool {
    if left.r#type() == right.r#type() {
        return TensorMeta::from_mlir(left.r#type()).is_some_and(|meta| meta.sizes.is_some());
    }
    match (env.tensor_of(left.r#type()), env.tensor_of(right.r#type())) {
        (Some(left), Some(right)) => same_memory(env, &left, &right),
        _ => false,
    }
}

fn same_memory(env: &ShapeEnv<'_>, left: &Tensor, right: &Tensor) -> bool {
    left.dtype == right.dtype
        && left.layout == right.layout
        && left.device == right.device
        && same_sizes(env, &left.sizes, &right.sizes)
        && same_sizes(env, &left.strides, &right.strides)
        && same_size(env, &left.offset, &right.offset)
}

/// Whether lists of sizes are known to be equal, for all values of the symbols.
pub(crate) fn same_sizes(env: &ShapeEnv<'_>, left: &[shape::Size], right: &[shape::Size]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(left, right)| same_size(env, left, right))
}

/// Whether two sizes are known to be equal, for all values of the symbols: `ShapeEnv::equal` also asks what the
/// values at export time were.
pub(crate) fn same_size(env: &ShapeEnv<'_>, left: &shape::Size, right: &shape::Size) -> bool {
    left == right || env.statically(Relation::Eq, left, right) == Some(true)
}

//! Takes ops apart into smaller ones, by a table.
//!
//! Which ops: `core` is PyTorch's default Core ATen table (the op table's tags `core_decomposition` and
//! `core_composite`), `none` only the ops that no table keeps (`composite`). How: the rules in the family
//! files, each under its line of algebra. An op of the table without a rule is left and reported.
//!
//! Valid on functional programs: the rules know no in-place ops.

mod activation;
mod activation_backward;
mod alias;
mod attention;
mod calculus;
mod choice;
mod conv;
mod conv_backward;
mod copy;
mod cross_entropy;
mod custom;
mod distance;
mod einsum;
mod elementwise;
mod embedding;
mod factory;
mod grid;
mod index;
mod join;
mod linalg;
mod linalg_norm;
mod loss;
mod loss_backward;
mod matmul;
mod norm;
mod norm_backward;
mod own_tests;
mod pad;
mod pad_backward;
mod pointwise;
mod pool;
mod product;
mod quant;
mod random;
mod rearrange;
mod recurrent;
mod recurrent_backward;
mod reduction;
mod scan_backward;
mod similarity;
mod sparse;
mod spectral;
mod split;
mod strides;
pub mod support;
mod symbolic;
mod upsample;
mod vander;
mod view;
mod window;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    cleanup::sync_function_types,
    pattern::{Refusal, Replacement, Rewrite, Rule},
    rewrites::Rewrites,
    shape::{self, Item, Renaming, ShapeEnv},
};
use expc_dialects::{
    AtenOp, Diagnostic, Graph, Program, TensorMeta, ValueType, mlir, table::OpDef,
};
use melior::{
    IrRewriter, RewriterBase,
    ir::{
        Module, Value, ValueLike,
        operation::{OperationLike, OperationRef},
    },
};

use self::choice::How;
pub use self::{
    choice::{Decompositions, Method, Table},
    custom::{CustomRule, CustomRules},
};

fn families() -> impl Iterator<Item = &'static [(&'static str, Rule)]> {
    [
        activation::RULES,
        activation_backward::RULES,
        alias::RULES.as_slice(),
        attention::RULES,
        calculus::RULES,
        conv::RULES,
        conv_backward::RULES,
        copy::RULES,
        cross_entropy::RULES,
        distance::RULES,
        einsum::RULES,
        embedding::RULES,
        factory::RULES,
        grid::RULES,
        index::RULES,
        join::RULES,
        linalg::RULES,
        linalg_norm::RULES,
        loss::RULES,
        loss_backward::RULES,
        matmul::RULES,
        norm::RULES,
        norm_backward::RULES,
        own_tests::RULES,
        pad::RULES,
        pad_backward::RULES,
        pointwise::RULES,
        pool::RULES,
        product::RULES,
        quant::RULES,
        random::RULES,
        rearrange::RULES,
        recurrent::RULES,
        recurrent_backward::RULES,
        reduction::RULES,
        scan_backward::RULES,
        similarity::RULES,
        sparse::RULES,
        spectral::RULES,
        split::RULES,
        symbolic::RULES,
        upsample::RULES,
        vander::RULES,
        view::RULES,
        window::RULES,
    ]
    .into_iter()
}

/// What a run of the pass did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How often each op was taken apart.
    pub rewritten: BTreeMap<String, usize>,
    /// Warnings of the ops of the table that are left, with the reason: one for each op and module of the program.
    pub left: Vec<Diagnostic>,
}

/// The name of the pass.
const PASS: &str = "decompose";

/// The code of a recorded type that inference proves wrong.
const WRONGLY_RECORDED: &str = "E0409";

/// Takes the ops of a module apart.
///
/// # Errors
/// A rule that is wrong: its replacement has another dtype or size than what it replaces, or rules that undo each
/// other.
pub fn decompose(
    module: &Module<'_>,
    decompositions: &Decompositions,
    env: ShapeEnv<'static>,
    rewrites: &Rewrites,
) -> Result<Report, Vec<Diagnostic>> {
    let own = decompositions.own().collect();
    let run = Run::new(env, own, rewrite_limit(module), rewrites);
    let rewriter = IrRewriter::new(mlir::context_of(module.as_operation()));
    let program = Program::new(module);
    for graph in program.graphs() {
        run.walk(
            graph.operations(),
            &rewriter.as_rewriter_base(),
            decompositions,
        );
    }
    sync_function_types(&program);
    crate::cleanup::remove_dead_ops(&program, PASS, rewrites);
    let mut faults = run.faults.take();
    faults.extend(shape::declare_invented(module, &run.env).err());
    if !faults.is_empty() {
        return Err(faults);
    }
    let left = match rewrites.may_go_on() {
        true => left_over(&program, decompositions, &run.refused.borrow()),
        // What is left then is nobody's fault.
        false => Vec::new(),
    };
    Ok(Report {
        rewritten: run.rewritten.take(),
        left,
    })
}

/// How many rules may be tried: far more than those that come to an end need.
fn rewrite_limit(module: &Module<'_>) -> usize {
    let graphs = Program::new(module).graphs();
    let ops: usize = graphs.iter().map(|graph| graph.operations().len()).sum();
    ops.saturating_mul(1_000).saturating_add(10_000)
}

/// Warns of the ops of the table that are still there.
fn left_over(
    program: &Program<'_, '_>,
    decompositions: &Decompositions,
    refused: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    let mut left = Vec::new();
    for operation in program.graphs().iter().flat_map(Graph::operations) {
        let op = AtenOp::new(operation);
        let is_left = |def: &&OpDef| decompositions.contains(def) && !def.asks_for_number();
        let Some(def) = op.def().filter(is_left) else {
            continue;
        };
        if seen.insert((def.name, op.metadata().module_path())) {
            let warning = Diagnostic::warning("E0403", why_left(def.name, refused.get(def.name)));
            left.push(warning.located(operation.location()));
        }
    }
    left
}

fn why_left(name: &str, reasons: Option<&BTreeSet<String>>) -> String {
    let what = format!("`{name}` is left: it is of the decomposition table and");
    match reasons {
        None => format!("{what} has no decomposition here yet"),
        Some(reasons) => {
            let reasons: Vec<&str> = reasons.iter().map(String::as_str).collect();
            format!("{what} could not be taken apart: {}", reasons.join("; "))
        }
    }
}

/// What the patterns of one run share.
struct Run<'r> {
    rewrites: &'r Rewrites,
    env: ShapeEnv<'static>,
    rewritten: RefCell<BTreeMap<String, usize>>,
    refused: RefCell<BTreeMap<String, BTreeSet<String>>>,
    faults: RefCell<Vec<Diagnostic>>,
    /// Ops that the user gave decompositions for.
    own: BTreeSet<&'static str>,
    /// How many rules may still be tried.
    left: Cell<usize>,
}

impl<'r> Run<'r> {
    fn new(
        env: ShapeEnv<'static>,
        own: BTreeSet<&'static str>,
        limit: usize,
        rewrites: &'r Rewrites,
    ) -> Self {
        Self {
            rewrites,
            env,
            rewritten: RefCell::default(),
            refused: RefCell::default(),
            faults: RefCell::default(),
            own,
            left: Cell::new(limit),
        }
    }

    /// Counts a rule that is tried, whether it applies or not; once there were too many, none is tried any more.
    fn may_go_on(&self, name: &str) -> bool {
        match self.left.get() {
            0 => false,
            1 => {
                self.left.set(0);
                self.faults.borrow_mut().push(Diagnostic::error(
                    "E0407",
                    format!(
                        "decomposition does not come to an end, the last op was `{name}`: its decomposition \
                         leads to itself again"
                    ),
                ));
                false
            }
            left => {
                self.left.set(left - 1);
                true
            }
        }
    }

    /// Takes ops apart in the order of the program, and their parts before what follows them: each op finds its
    /// operands as their parts compute them, with the strides that this gives.
    fn walk<'c: 'a, 'a>(
        &self,
        mut ops: Vec<OperationRef<'c, 'a>>,
        rewriter: &RewriterBase<'c, 'a>,
        decompositions: &Decompositions,
    ) {
        ops.reverse();
        while let Some(op) = ops.pop() {
            let Some(def) = AtenOp::new(op).def() else {
                continue;
            };
            let Some(how) = decompositions.how(def) else {
                continue;
            };
            let attempt = AssertUnwindSafe(|| self.rewrite(op, def.name, rewriter, how));
            match catch_unwind(attempt) {
                Ok(parts) => ops.extend(parts.into_iter().rev()),
                Err(_) => self.panicked(def.name),
            }
        }
    }

    /// Applies a rule to an op; the ops that it was replaced by, none where it was not.
    fn rewrite<'c: 'a, 'a>(
        &self,
        op: OperationRef<'c, 'a>,
        name: &str,
        rewriter: &RewriterBase<'c, 'a>,
        how: How<'_>,
    ) -> Vec<OperationRef<'c, 'a>> {
        if !self.rewrites.may_go_on() || !self.may_go_on(name) {
            return Vec::new();
        }
        let rewrite = match Rewrite::new(op, rewriter, &self.env) {
            Ok(rewrite) => rewrite,
            Err(refusal) => {
                self.refuse(name, refusal);
                return Vec::new();
            }
        };
        let mut symbols = Renaming::default();
        let replacement = how
            .apply(&rewrite)
            .and_then(|values| checked(&rewrite, values, &mut symbols));
        let (values, restrided) = match replacement {
            Ok(replacement) => replacement,
            Err(refusal) => {
                rewrite.abandon();
                self.refuse(name, self.blamed(op, refusal));
                return Vec::new();
            }
        };
        let context = rewrite.context();
        let parts = rewrite.into_built();
        symbols.settle(context, &self.env, &parts);
        self.rewrites.note(PASS, name, op);
        rewriter.replace_op_with_values(op, &values);
        for value in restrided {
            strides::carry_on(&self.env, rewriter, value);
        }
        *self
            .rewritten
            .borrow_mut()
            .entry(name.to_owned())
            .or_default() += 1;
        parts
    }

    fn refuse(&self, name: &str, refusal: Refusal) {
        match refusal {
            Refusal::DoesNotApply(reason) => {
                self.refused
                    .borrow_mut()
                    .entry(name.to_owned())
                    .or_default()
                    .insert(reason);
            }
            Refusal::Fault(mut diagnostic) => {
                if !self.own.contains(name) && diagnostic.code != WRONGLY_RECORDED {
                    diagnostic.message = format!("internal error: {}", diagnostic.message);
                }
                self.faults.borrow_mut().push(*diagnostic);
            }
        }
    }

    /// Blames a fault of a rule on the program where that records other types than its op gives.
    fn blamed(&self, op: OperationRef<'_, '_>, refusal: Refusal) -> Refusal {
        match refusal {
            Refusal::Fault(_) => strides::wrongly_recorded(&self.env, op).unwrap_or(refusal),
            refusal => refusal,
        }
    }

    fn panicked(&self, name: &str) {
        self.faults.borrow_mut().push(Diagnostic::error(
            "E0401",
            format!("internal error: the decomposition of `{name}` failed; please report it with the program"),
        ));
    }
}

/// Values, and those of them that lie in memory otherwise than what they replace.
type Checked<'c, 'a> = (Vec<Value<'c, 'a>>, Vec<Value<'c, 'a>>);

/// Checks that a replacement is what the op's results were: dtype and sizes. New values take over the
/// recorded types but for the strides; `symbols` learns what the program calls the symbols that are new in them.
fn checked<'c: 'a, 'a>(
    rewrite: &Rewrite<'_, 'c, 'a>,
    replacement: Replacement<'c, 'a>,
    symbols: &mut Renaming,
) -> Result<Checked<'c, 'a>, Refusal> {
    let op = rewrite.op().operation();
    let results: Vec<Value> = op.results().map(Value::from).collect();
    if results.len() != replacement.len() {
        return Err(fault(
            op,
            format!(
                "has {} results, its decomposition gives {}",
                results.len(),
                replacement.len()
            ),
        ));
    }
    let (mut values, mut restrided) = (Vec::with_capacity(results.len()), Vec::new());
    for (index, (result, value)) in results.into_iter().zip(replacement).enumerate() {
        let Some(value) = value else {
            if rewrite.is_used(index) {
                return crate::pattern::refuse(format!(
                    "result {index} is used and not computed by the decomposition"
                ));
            }
            values.push(result);
            continue;
        };
        let (expected, found) = match result.r#type() == value.r#type() {
            // There is nothing to compare.
            true => (None, None),
            false => (
                ValueType::from_mlir(result.r#type()),
                ValueType::from_mlir(value.r#type()),
            ),
        };
        if let (Some(ValueType::Tensor(expected)), Some(ValueType::Tensor(found))) =
            (&expected, &found)
        {
            if !same_shape(expected, found) {
                return Err(fault(
                    op,
                    format!(
                        "result {index} is {}, its decomposition gives {}",
                        result.r#type(),
                        value.r#type()
                    ),
                ));
            }
            let item = |value| Item::from_value(rewrite.env(), value);
            symbols.learn_item(rewrite.env(), &item(value), &item(result));
            let moved = if rewrite.is_built(value) {
                strides::take_recorded(rewrite.context(), value, expected, found)
            } else {
                strides::differ(expected, found)
            };
            if moved {
                restrided.push(value);
            }
        }
        if rewrite.is_built(value) {
            shape::keep_expression(rewrite.context(), result, value);
        }
        values.push(value);
    }
    Ok((values, restrided))
}

/// Equal dtype, and equal sizes as far as both are known.
fn same_shape(expected: &TensorMeta, found: &TensorMeta) -> bool {
    let sizes_agree = match (&expected.sizes, &found.sizes) {
        (Some(expected), Some(found)) => {
            expected.len() == found.len()
                && expected.iter().zip(found).all(|(expected, found)| {
                    match (expected.as_static(), found.as_static()) {
                        (Some(expected), Some(found)) => expected == found,
                        _ => true,
                    }
                })
        }
        _ => true,
    };
    expected.dtype == found.dtype && sizes_agree
}

fn fault(op: OperationRef<'_, '_>, what: String) -> Refusal {
    Diagnostic::at(&op, "E0402", format!("`{}` {what}", AtenOp::new(op).name())).into()
}

#[cfg(test)]
mod tests {
    use expc_dialects::table;

    use super::*;

    /// PyTorch's table keeps these; they are taken apart where the user asks for it.
    #[test]
    fn rules_of_ops_that_the_table_keeps() {
        let is_kept =
            |name: &&str| !table::lookup(name).is_some_and(|def| Table::Core.contains(def));
        let kept: Vec<&str> = families()
            .flatten()
            .map(|(name, _)| *name)
            .filter(is_kept)
            .collect();
        assert_eq!(
            kept,
            [
                "aten.upsample_nearest2d.vec",
                "aten.upsample_bilinear2d.default",
                "aten.upsample_trilinear3d.default",
                "aten.upsample_bilinear2d.vec",
                "aten.upsample_bicubic2d.default",
            ]
        );
    }

    #[test]
    fn each_op_has_one_rule() {
        let mut seen = BTreeSet::new();
        let twice: Vec<&str> = families()
            .flatten()
            .map(|(name, _)| *name)
            .filter(|name| !seen.insert(*name))
            .collect();
        assert!(twice.is_empty(), "more than one rule: {twice:?}");
    }
}

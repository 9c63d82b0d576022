//! Dead ops, equal ops and types of functions: ours, because only the op table knows which ops are pure.

mod cse;

use expc_dialects::{
    AtenOp, Graph, Program, mlir,
    table::{self, OpDef},
};
use melior::ir::{
    ValueLike,
    operation::{OperationLike, OperationRef},
};

use rustc_hash::FxHashSet;

use crate::rewrites::Rewrites;

pub use cse::merge_equal_ops;

/// Removes ops whose results nobody uses and that do nothing else, for a pass that counts them among its rewrites.
/// Higher-order ops and ops without a schema are kept.
///
/// A random op moves the generator on, by which others after it draw other numbers, so it stays as long as the program
/// has a random op whose numbers are used.
pub fn remove_dead_ops(program: &Program<'_, '_>, pass: &'static str, rewrites: &Rewrites) {
    let is_removable = match draws_what_is_used(program) {
        true => |def: &OpDef| def.is_removable(),
        false => |def: &OpDef| def.is_removable_but_for_chance(),
    };
    for graph in program.graphs() {
        for operation in graph.operations().into_iter().rev() {
            let is_unused = operation
                .results()
                .all(|result| mlir::is_unused(result.into()));
            if is_unused && def_of(operation).is_some_and(is_removable) && rewrites.may_go_on() {
                rewrites.note(pass, "dead_op", operation);
                mlir::erase_unused(operation);
            }
        }
    }
}

/// Whether some op may draw random numbers that are used, directly or by what others make of them.
fn draws_what_is_used(program: &Program<'_, '_>) -> bool {
    let graphs = program.graphs();
    let mut operations = graphs.iter().flat_map(Graph::operations);
    if !operations.any(may_draw) {
        return false;
    }
    graphs.iter().any(|graph| {
        let mut dead: FxHashSet<usize> = FxHashSet::default();
        graph.operations().into_iter().rev().any(|operation| {
            let is_unused = operation.results().all(|result| {
                let users = mlir::users(result.into());
                users.iter().all(|user| dead.contains(&key(*user)))
            });
            if is_unused && def_of(operation).is_some_and(|def| def.is_removable_but_for_chance()) {
                dead.insert(key(operation));
                return false;
            }
            may_draw(operation)
        })
    })
}

fn key(operation: OperationRef<'_, '_>) -> usize {
    operation.to_raw().ptr as usize
}

/// Whether an op may draw random numbers: one of which nothing is known may.
fn may_draw(operation: OperationRef<'_, '_>) -> bool {
    match AtenOp::new(operation).def() {
        Some(def) => def.is_random(),
        None => {
            let name = operation.name();
            let name = name.as_string_ref();
            let dialect = name.as_str().unwrap_or_default().split('.').next();
            !matches!(dialect, Some(table::SYM | table::HOP | "func"))
        }
    }
}

/// The row of an operator or of a symbolic function.
fn def_of(operation: OperationRef<'_, '_>) -> Option<&'static OpDef> {
    let op = AtenOp::new(operation);
    op.def()
        .or_else(|| op.name().strip_prefix("sym.").and_then(table::sym))
}

/// Makes the types of functions those of their arguments and returned values.
pub fn sync_function_types(program: &Program<'_, '_>) {
    for graph in program.graphs() {
        let inputs: Vec<_> = graph
            .arguments()
            .iter()
            .map(|value| value.r#type())
            .collect();
        let results: Vec<_> = graph
            .returned()
            .iter()
            .map(|value| value.r#type())
            .collect();
        mlir::set_function_type(graph.operation(), &inputs, &results);
    }
}

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

use crate::rewrites::Rewrites;

pub use cse::merge_equal_ops;

/// Removes ops whose results nobody uses and that do nothing else, for a pass that counts them among its rewrites.
///
/// A random op moves the generator on, by which others after it draw other numbers, so it stays as long as the program
/// has a random op whose numbers are used.
pub fn remove_dead_ops(program: &Program<'_, '_>, pass: &'static str, rewrites: &Rewrites) {
    remove_unused(program, pass, rewrites, is_removable);
    let graphs = program.graphs();
    let mut draws = graphs
        .iter()
        .flat_map(Graph::operations)
        .filter(|op| may_draw(*op))
        .peekable();
    if draws.peek().is_some() && draws.all(|op| is_unused(op) && is_removable_draw(op)) {
        remove_unused(program, pass, rewrites, |op| {
            is_removable(op) || is_removable_draw(op)
        });
    }
}

fn remove_unused(
    program: &Program<'_, '_>,
    pass: &'static str,
    rewrites: &Rewrites,
    is_removable: fn(OperationRef<'_, '_>) -> bool,
) {
    for graph in program.graphs() {
        for operation in graph.operations().into_iter().rev() {
            if is_unused(operation) && is_removable(operation) && rewrites.may_go_on() {
                rewrites.note(pass, "dead_op", operation);
                mlir::erase_unused(operation);
            }
        }
    }
}

fn is_unused(operation: OperationRef<'_, '_>) -> bool {
    let mut results = operation.results();
    results.all(|result| mlir::is_unused(result.into()))
}

/// Whether an op may draw random numbers: one of which nothing is known may.
fn may_draw(operation: OperationRef<'_, '_>) -> bool {
    let op = AtenOp::new(operation);
    match op.def() {
        Some(def) => def.is_random(),
        None => {
            let name = op.name();
            !["sym.", "hop.", "func."]
                .iter()
                .any(|dialect| name.starts_with(dialect))
        }
    }
}

/// Whether an op does nothing but draw the random numbers that it returns.
fn is_removable_draw(operation: OperationRef<'_, '_>) -> bool {
    let op = AtenOp::new(operation);
    op.def()
        .is_some_and(|def| def.is_random() && def.is_removable_but_for_chance())
}

/// Whether an op does nothing but compute its results. Higher-order ops and ops without a schema are kept.
fn is_removable(operation: OperationRef<'_, '_>) -> bool {
    def_of(operation).is_some_and(|def| def.is_removable())
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

//! Dead ops, equal ops and types of functions: ours, because only the op table knows which ops are pure.

mod cse;

use expc_dialects::{
    AtenOp, Program, mlir,
    table::{self, OpDef},
};
use melior::ir::{
    ValueLike,
    operation::{OperationLike, OperationRef},
};

use crate::rewrites::Rewrites;

pub use cse::merge_equal_ops;

/// Removes ops whose results nobody uses and that do nothing else, for a pass that counts them among its rewrites.
pub fn remove_dead_ops(program: &Program<'_, '_>, pass: &'static str, rewrites: &Rewrites) {
    for graph in program.graphs() {
        for operation in graph.operations().into_iter().rev() {
            let is_unused = operation
                .results()
                .all(|result| mlir::is_unused(result.into()));
            if is_unused && is_removable(operation) && rewrites.may_go_on() {
                rewrites.note(pass, "dead_op", operation);
                mlir::erase_unused(operation);
            }
        }
    }
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

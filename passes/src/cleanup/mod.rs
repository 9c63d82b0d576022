//! Dead ops and types of functions: ours, because only the op table knows which ops are pure.

use expc_dialects::{AtenOp, Program, mlir, table};
use melior::ir::{
    ValueLike,
    operation::{OperationLike, OperationRef},
};

/// Removes ops whose results nobody uses and that do nothing else; the number of removed ops.
pub fn remove_dead_ops(program: &Program<'_, '_>) -> usize {
    let mut removed = 0;
    for graph in program.graphs() {
        for operation in graph.operations().into_iter().rev() {
            let is_unused = operation
                .results()
                .all(|result| mlir::is_unused(result.into()));
            if is_unused && is_removable(operation) {
                mlir::erase_unused(operation);
                removed += 1;
            }
        }
    }
    removed
}

/// Whether an op does nothing but compute its results. Higher-order ops and ops without a schema are kept.
fn is_removable(operation: OperationRef<'_, '_>) -> bool {
    let op = AtenOp::new(operation);
    match op.def() {
        Some(def) => def.is_removable(),
        None => op
            .name()
            .strip_prefix("sym.")
            .and_then(table::sym)
            .is_some_and(|def| def.is_removable()),
    }
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

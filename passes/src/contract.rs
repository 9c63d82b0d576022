//! What must hold of a program at each level, as a check that names the pass which should have seen to it.
//!
//! | level | rule |
//! |---|---|
//! | functional | no op writes to an argument |
//! | functional | no two results of the root graph are a mutation of the same input |
//!
//! Ops of the decomposition table that are left are no breach: they have no rule yet, and `decompose` warns of each.

use std::collections::HashSet;

use expc_dialects::{AtenOp, Diagnostic, Program};

/// What breaks the contract of functional programs.
pub fn functional(program: &Program<'_, '_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for graph in program.graphs() {
        for operation in graph.operations() {
            let op = AtenOp::new(operation);
            if writes(&op) {
                found.push(Diagnostic::at(
                    &operation,
                    "E0310",
                    format!(
                        "`{}` writes to its arguments in a functional program; `functionalize` should have replaced it",
                        op.name()
                    ),
                ));
            }
        }
    }
    found.extend(twice_mutated(program));
    found
}

/// Refuses a pass on a program that is not functional.
///
/// # Errors
/// The first op that writes to its arguments.
pub fn needs_functional(program: &Program<'_, '_>, pass: &str) -> Result<(), Vec<Diagnostic>> {
    let operations = program
        .graphs()
        .into_iter()
        .flat_map(|graph| graph.operations());
    let writing = operations.map(AtenOp::new).find(writes);
    match writing {
        None => Ok(()),
        Some(op) => Err(vec![
            Diagnostic::at(
                &op.operation(),
                "E0314",
                format!(
                    "`{pass}` needs a functional program, `{}` writes to its arguments",
                    op.name()
                ),
            )
            .help("run `functionalize` before"),
        ]),
    }
}

fn writes(op: &AtenOp<'_, '_>) -> bool {
    op.def().is_some_and(|def| def.schema.mutates())
}

fn twice_mutated(program: &Program<'_, '_>) -> Option<Diagnostic> {
    let root = program.root().ok()?;
    let signature = root.signature().ok()?;
    let mut seen = HashSet::new();
    let twice = signature.outputs.iter().find(|output| {
        output.kind.is_mutation() && !seen.insert((output.kind, output.target.clone()))
    })?;
    Some(Diagnostic::at(
        &root.operation(),
        "E0311",
        format!(
            "`{}` is changed by two outputs; `functionalize` should have returned its last value only",
            twice.target.as_deref().unwrap_or_default()
        ),
    ))
}

//! The end of a graph: outputs read what they hold at last, and inputs that were written to are returned.

use expc_dialects::{Diagnostic, Graph, InputKind, OutputKind, OutputSpec, Signature, mlir};
use melior::ir::Value;

use super::Walk;

pub(super) fn finish<'c: 'a, 'a>(
    walk: &mut Walk<'c, 'a, '_>,
    graph: &Graph<'c, 'a>,
    signature: &Signature,
    is_root: bool,
) -> Result<(), Diagnostic> {
    let Some(terminator) = graph.terminator() else {
        return Err(Diagnostic::at(
            &graph.operation(),
            "E0306",
            "the graph does not return",
        ));
    };
    let mut mutated = Vec::new();
    let mut specs = Vec::new();
    let inputs = signature
        .inputs
        .iter()
        .filter(|input| input.constant.is_none());
    for (input, argument) in inputs.zip(graph.arguments()) {
        if walk.aliases.writes(argument) == 0 {
            continue;
        }
        if !is_root {
            return Err(Diagnostic::at(
                &graph.operation(),
                "E0307",
                format!(
                    "the graph `@{}` writes to its input `{}`",
                    graph.symbol(),
                    input.name
                ),
            ));
        }
        let (kind, target) = match input.kind {
            InputKind::Buffer => (OutputKind::BufferMutation, input.target.clone()),
            InputKind::Parameter => (OutputKind::ParameterMutation, input.target.clone()),
            InputKind::UserInput => (OutputKind::UserInputMutation, Some(input.name.clone())),
            kind => {
                return Err(Diagnostic::at(
                    &graph.operation(),
                    "E0308",
                    format!("the program writes to `{}`, a {}", input.name, kind.name()),
                ));
            }
        };
        mutated.push(walk.aliases.base_value(argument));
        specs.push(OutputSpec {
            target,
            ..OutputSpec::new(kind)
        });
    }
    let mut returned: Vec<Value> = mutated;
    for value in graph.returned() {
        returned.push(walk.read(value, terminator)?);
    }
    let mut signature = signature.clone();
    specs.append(&mut signature.outputs);
    signature.outputs = specs;
    let returned_anew = mlir::replace_return(terminator, &returned);
    if returned_anew.is_none() {
        return Err(Diagnostic::at(
            &terminator,
            "E0302",
            "internal error: the return cannot be built",
        ));
    }
    mlir::set_signature(graph.operation(), &signature);
    Ok(())
}

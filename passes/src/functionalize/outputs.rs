//! The end of a graph: outputs read what they hold at last, and inputs that were written to are returned.

use expc_dialects::{
    AtenOp, Diagnostic, Graph, InputKind, OutputKind, OutputSpec, Signature, mlir,
};
use melior::ir::{Value, ValueLike, operation::OperationLike};

use super::{Walk, is_undeclared_view};

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
    // Copies that fill all of a buffer or parameter, and what each copies.
    let mut copies: Vec<(Value, Value)> = Vec::new();
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
                // What the input holds now is computed where the last write was.
                let last = mlir::producer(walk.aliases.base_value(argument));
                return Err(Diagnostic::at(
                    &last.unwrap_or(graph.operation()),
                    "E0308",
                    format!("the program writes to `{}`, a {}", input.name, kind.name()),
                )
                .help("PyTorch refuses it too; a tensor that a module changes is to be registered as a buffer"));
            }
        };
        let value = walk.aliases.base_value(argument);
        if kind != OutputKind::UserInputMutation
            && let Some(source) = copied(value)
        {
            copies.push((value, source));
        }
        mutated.push(value);
        specs.push(OutputSpec {
            target,
            ..OutputSpec::new(kind)
        });
    }
    let mut returned: Vec<Value> = mutated;
    for value in graph.returned() {
        returned.push(walk.read(value, terminator)?);
    }
    for (copy, source) in copies {
        mlir::replace_uses(copy, source);
        for value in &mut returned {
            if mlir::same_value(*value, copy) {
                *value = source;
            }
        }
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

/// What `aten.copy` copies, if it is new memory of the same type: a buffer can be given that itself, as PyTorch does.
fn copied<'c: 'a, 'a>(value: Value<'c, 'a>) -> Option<Value<'c, 'a>> {
    let copy = mlir::producer(value).filter(|op| mlir::is_named(*op, "aten.copy.default"))?;
    let source: Value = copy.operand(1).ok()?;
    let op = AtenOp::new(mlir::producer(source)?);
    let shows_memory = op
        .def()
        .is_some_and(|def| def.schema.is_view() || is_undeclared_view(def.name));
    (source.r#type() == value.r#type() && !shows_memory).then_some(source)
}

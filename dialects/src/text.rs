//! MLIR text into modules, with MLIR's messages as diagnostics.

use std::{cell::RefCell, rc::Rc};

use melior::{Context, diagnostic::DiagnosticSeverity, ir::Module};

use crate::{Diagnostic, Severity, location::Metadata, registration::register_all_ops};

/// Parses the text of a module. MLIR's verifier runs; [`crate::verify`] does not.
pub fn parse_module<'c>(
    context: &'c Context,
    text: &str,
    file: &str,
) -> Result<Module<'c>, Vec<Diagnostic>> {
    if text.contains('\0') {
        return Err(vec![
            Diagnostic::error("E0151", "the text contains a NUL byte").in_file(file),
        ]);
    }
    register_all_ops(context);
    let (module, found) = collect_diagnostics(context, || Module::parse(context, text));
    match module {
        Some(module) => Ok(module),
        None if found.is_empty() => Err(vec![
            Diagnostic::error("E0150", "the text is no MLIR module").in_file(file),
        ]),
        None => Err(found
            .into_iter()
            .map(|diagnostic| diagnostic.in_file(file))
            .collect()),
    }
}

/// Runs something that may emit MLIR diagnostics and gives back the errors among them.
pub fn collect_diagnostics<T>(
    context: &Context,
    action: impl FnOnce() -> T,
) -> (T, Vec<Diagnostic>) {
    let found = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&found);
    let handler = context.attach_diagnostic_handler(move |diagnostic| {
        if matches!(diagnostic.severity(), DiagnosticSeverity::Error)
            && let Ok(mut found) = sink.try_borrow_mut()
        {
            found.push(from_mlir(&diagnostic));
        }
        true
    });
    let result = action();
    context.detach_diagnostic_handler(handler);
    (result, found.take())
}

fn from_mlir(diagnostic: &melior::diagnostic::Diagnostic<'_>) -> Diagnostic {
    let notes = (0..diagnostic.note_count())
        .filter_map(|index| diagnostic.note(index).ok())
        .map(|note| note.to_string());
    let mut result = Diagnostic::error("E0150", diagnostic.to_string());
    result.severity = Severity::Error;
    result.notes = notes.collect();
    let metadata = Metadata::from_location(diagnostic.location());
    result.place.node = metadata.name;
    result.place.line_column = metadata
        .text_position
        .map(|(_, line, column)| (line, column));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_op_is_refused_with_its_position() {
        let context = crate::context();
        let text = "func.func @main(%x: tensor<2xf32>) {\n  \"aten.nope.default\"(%x) : (tensor<2xf32>) -> ()\n  return\n}";
        let found = parse_module(&context, text, "a.mlir")
            .err()
            .unwrap_or_default();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place.line_column, Some((2, 3)));
        assert!(
            found[0].message.contains("aten.nope.default"),
            "{}",
            found[0]
        );
        assert!(
            found[0].to_string().contains("--> a.mlir:2:3"),
            "{}",
            found[0]
        );
    }

    #[test]
    fn operands_of_one_op_may_have_different_types() {
        let context = crate::context();
        let text = "func.func @main(%x: tensor<2xf32>, %y: tensor<3xi64>) -> tensor<5xf32> {\n  %0 = \"aten.cat.default\"(%x, %y) {operandSegmentSizes = array<i32: 2>} : (tensor<2xf32>, tensor<3xi64>) -> tensor<5xf32>\n  return %0 : tensor<5xf32>\n}";
        assert!(parse_module(&context, text, "a.mlir").is_ok());
    }
}

//! The printed form of a program: what `print(exported_program)` shows in PyTorch 2.11.
//!
//! It is made from the module alone, so that any module of the dialect can be printed. Programs of other
//! versions are printed in the same form. Names that a program lacks are made up as PyTorch would.

mod code;
mod comment;
mod fx;
mod names;
mod python;

use std::fmt::Write;

use expc_dialects::{Diagnostic, InputSpec, OutputSpec, Program, Signature, program::Range};

use code::Writer;
use fx::FxGraph;

/// The text of a program, with a newline at the end; or why its module cannot be printed.
pub fn program_text(program: &Program<'_, '_>) -> Result<String, Diagnostic> {
    let root = program.root()?;
    let graphs = fx::graphs(program);
    let graph = FxGraph::new(root, &graphs)?;
    let mut writer = Writer::new(&graphs);
    writer.class("GraphModule", &graph, 1)?;
    let signature = signature_text(&root.signature()?, &graph);
    let ranges: Vec<String> = program.ranges()?.iter().map(range_text).collect();
    Ok(format!(
        "ExportedProgram:\n{}Graph signature: \n{signature}Range constraints: {{{}}}\n",
        writer.finish(),
        ranges.join(", ")
    ))
}

fn signature_text(signature: &Signature, graph: &FxGraph<'_, '_>) -> String {
    let mut text = "    # inputs\n".to_owned();
    for (spec, name) in signature.inputs.iter().zip(&graph.input_names) {
        text.push_str(&input_line(spec, name));
    }
    if signature.inputs.is_empty() {
        text.push_str("    \n");
    }
    text.push_str("    \n    # outputs\n");
    for (spec, name) in signature.outputs.iter().zip(&graph.output_names) {
        text.push_str(&output_line(spec, name));
    }
    if signature.outputs.is_empty() {
        text.push_str("    \n");
    }
    text.push_str("    \n");
    text
}

fn input_line(spec: &InputSpec, name: &str) -> String {
    let mut line = spec_line(name, spec.kind.name(), spec.target.as_deref());
    if let Some(persistent) = spec.persistent {
        // Writing to a string does not fail.
        let _ = write!(line, " persistent={}", python::boolean(persistent));
    }
    line.push('\n');
    line
}

fn output_line(spec: &OutputSpec, name: &str) -> String {
    spec_line(name, spec.kind.name(), spec.target.as_deref()) + "\n"
}

fn spec_line(name: &str, kind: &str, target: Option<&str>) -> String {
    let target = target
        .map(|target| format!(" target='{target}'"))
        .unwrap_or_default();
    format!("    {name}: {}{target}", kind.to_uppercase())
}

fn range_text(range: &Range) -> String {
    let bound = |bound: Option<i64>, infinity: &str| {
        bound.map_or(infinity.to_owned(), |bound| bound.to_string())
    };
    format!(
        "{}: VR[{}, {}]",
        range.expression,
        bound(range.min, "-int_oo"),
        bound(range.max, "int_oo")
    )
}

#[cfg(test)]
mod tests;

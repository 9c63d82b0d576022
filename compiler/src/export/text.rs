//! The printed form of a program: what `print(exported_program)` shows in PyTorch 2.11.
//!
//! It is made from the module alone, so that any module of the dialect can be printed. Programs of other
//! versions are printed in the same form. Names that a program lacks are made up as PyTorch would.

mod build;
mod code;
mod comment;
pub(super) mod fx;
pub(super) mod layout;
pub(crate) mod names;
mod python;
mod region;

use std::fmt::Write;

use expc_dialects::{Diagnostic, InputSpec, OutputSpec, Program, Signature, program::Range};

use rustc_hash::FxHashSet;

use code::Writer;
use fx::FxGraph;

/// The text of a program, with a newline at the end; or why its module cannot be printed.
pub fn program_text(program: &Program<'_, '_>) -> Result<String, Diagnostic> {
    let root = program.root()?;
    let graphs = fx::graphs(program);
    let graph = FxGraph::root(root, &graphs)?;
    let mut writer = Writer::new(&graphs);
    writer.class("GraphModule", &graph, 1)?;
    let signature = signature_text(&root.signature()?, &graph);
    let ranges = ranges_text(program)?;
    Ok(format!(
        "ExportedProgram:\n{}Graph signature: \n{signature}Range constraints: {{{}}}\n",
        writer.finish(),
        ranges,
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

fn ranges_text(program: &Program<'_, '_>) -> Result<String, Diagnostic> {
    let symbols = program.symbols()?;
    let real: FxHashSet<&str> = symbols
        .iter()
        .filter(|symbol| !symbol.integer)
        .map(|symbol| symbol.name.as_str())
        .collect();
    let ranges = program.ranges()?;
    let ranges = ranges
        .iter()
        .map(|range| range_text(range, real.contains(range.expression.as_str())));
    Ok(ranges.collect::<Vec<_>>().join(", "))
}

fn range_text(range: &Range, is_real: bool) -> String {
    let infinity = if is_real { "oo" } else { "int_oo" };
    let bound = |bound: Option<i64>, sign: &str| match bound {
        Some(bound) => bound.to_string(),
        None => format!("{sign}{infinity}"),
    };
    let (min, max) = (bound(range.min, "-"), bound(range.max, ""));
    format!("{}: VR[{min}, {max}]", range.expression)
}

#[cfg(test)]
mod tests;

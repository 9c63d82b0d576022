//! A program as a graph for Graphviz: a cluster per graph, a box per node, an edge per use.

use std::fmt::Write;

use expc_dialects::{Diagnostic, Program};

use super::text::fx::{Callee, FxGraph, Graphs, Node, NodeKind, graphs};

/// Graphs nest so deep.
const MAX_DEPTH: usize = 64;

/// The text of the graph.
///
/// # Errors
/// The module cannot be printed, as [`super::text::program_text`] says.
pub fn dot(program: &Program<'_, '_>) -> Result<String, Diagnostic> {
    let graphs = graphs(program);
    let root = FxGraph::root(program.root()?, &graphs)?;
    let mut text =
        "digraph program {\n  node [shape=box, fontname=monospace, fontsize=10];\n".to_owned();
    cluster(&mut text, "main", &root, &graphs, 0)?;
    text.push_str("}\n");
    Ok(text)
}

fn cluster(
    text: &mut String,
    path: &str,
    graph: &FxGraph<'_, '_>,
    graphs: &Graphs<'_, '_>,
    depth: usize,
) -> Result<(), Diagnostic> {
    let id = |index: usize| quoted(&format!("{path}/{index}"));
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "  subgraph {} {{\n    label={};",
        quoted(&format!("cluster_{path}")),
        quoted(path)
    );
    for (index, node) in graph.nodes.iter().enumerate() {
        let _ = writeln!(
            text,
            "    {} [label={}{}];",
            id(index),
            quoted(&label(node)),
            style(node)
        );
    }
    text.push_str("  }\n");
    for (index, node) in graph.nodes.iter().enumerate() {
        for input in node.inputs() {
            let _ = writeln!(text, "  {} -> {};", id(input), id(index));
        }
    }
    if depth >= MAX_DEPTH {
        return Ok(());
    }
    for child in &graph.children {
        let path = format!("{path}.{}", child.name);
        cluster(
            text,
            &path,
            &FxGraph::child(child, graphs)?,
            graphs,
            depth + 1,
        )?;
    }
    Ok(())
}

fn label(node: &Node) -> String {
    let what = match &node.kind {
        NodeKind::Placeholder => "placeholder".to_owned(),
        NodeKind::GetAttr(name) => format!("graph {name}"),
        NodeKind::Call { callee, .. } => target(callee),
        NodeKind::Output(_) => "output".to_owned(),
    };
    match &node.annotation {
        Some(annotation) => format!("{}\n{what}\n{annotation}", node.name),
        None => format!("{}\n{what}", node.name),
    }
}

/// What a node calls.
pub(super) fn target(callee: &Callee) -> String {
    match callee {
        Callee::Torch(path) => path.clone(),
        Callee::Python(name) => (*name).to_owned(),
        Callee::Format(format) => (*format).to_owned(),
    }
}

fn style(node: &Node) -> &'static str {
    match node.kind {
        NodeKind::Placeholder | NodeKind::Output(_) => ", style=filled, fillcolor=\"#e8eef7\"",
        NodeKind::GetAttr(_) => ", style=dashed",
        NodeKind::Call { .. } => "",
    }
}

/// Text as a string of the language.
fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}

//! A program as JSON, for scripts: its signature, and the nodes of each graph as FX has them.
//!
//! ```json
//! {"graphs": [{"name": "main", "nodes": [{"name": "add", "op": "call_function",
//!   "target": "torch.ops.aten.add.Tensor", "args": [{"node": "x"}, 1], "kwargs": {}, "type": "f32[2]"}]}],
//!  "inputs": […], "outputs": […], "range_constraints": {"s0": [2, 64]}, "guards": […]}
//! ```

use expc_dialects::{Constant, Diagnostic, Program, ScalarType};
use serde_json::{Map, Value, json};

use super::{
    dot::target,
    text::fx::{Arg, FxGraph, Graphs, Node, NodeKind, graphs},
};

/// Graphs nest so deep.
const MAX_DEPTH: usize = 64;

/// The program as a JSON value.
///
/// # Errors
/// The module cannot be printed, as [`super::text::program_text`] says.
pub fn json(program: &Program<'_, '_>) -> Result<Value, Diagnostic> {
    let graphs = graphs(program);
    let root = program.root()?;
    let signature = root.signature()?;
    let graph = FxGraph::root(root, &graphs)?;
    let mut written = Vec::new();
    collect("main", &graph, &graphs, 0, &mut written)?;
    let inputs = signature
        .inputs
        .iter()
        .zip(&graph.input_names)
        .map(|(spec, name)| {
            json!({
                "name": name,
                "kind": spec.kind.name(),
                "target": spec.target,
                "persistent": spec.persistent,
                "constant": spec.constant.as_ref().map(constant),
            })
        });
    let outputs = signature
        .outputs
        .iter()
        .zip(&graph.output_names)
        .map(|(spec, name)| {
            json!({
                "name": name,
                "kind": spec.kind.name(),
                "target": spec.target,
                "constant": spec.constant.as_ref().map(constant),
            })
        });
    let ranges: Map<String, Value> = program
        .ranges()?
        .into_iter()
        .map(|range| (range.expression, json!([range.min, range.max])))
        .collect();
    Ok(json!({
        "inputs": inputs.collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
        "range_constraints": ranges,
        "guards": program.guards(),
        "graphs": written,
    }))
}

fn collect(
    path: &str,
    graph: &FxGraph<'_, '_>,
    graphs: &Graphs<'_, '_>,
    depth: usize,
    written: &mut Vec<Value>,
) -> Result<(), Diagnostic> {
    let nodes: Vec<Value> = graph.nodes.iter().map(|one| node(one, graph)).collect();
    written.push(json!({ "name": path, "nodes": nodes }));
    if depth >= MAX_DEPTH {
        return Ok(());
    }
    for child in &graph.children {
        let path = format!("{path}.{}", child.name);
        let graph = FxGraph::child(child, graphs)?;
        collect(&path, &graph, graphs, depth + 1, written)?;
    }
    Ok(())
}

fn node(node: &Node, graph: &FxGraph<'_, '_>) -> Value {
    let value = |arg: &Arg| argument(arg, graph);
    let none = || (Vec::new(), Map::new());
    let (op, target, (args, kwargs)) = match &node.kind {
        NodeKind::Placeholder => ("placeholder", node.name.clone(), none()),
        NodeKind::GetAttr(name) => ("get_attr", name.clone(), none()),
        NodeKind::Output(arg) => (
            "output",
            "output".to_owned(),
            (vec![value(arg)], Map::new()),
        ),
        NodeKind::Call {
            callee,
            args,
            kwargs,
        } => {
            let kwargs = kwargs.iter().map(|(key, arg)| (key.clone(), value(arg)));
            let args = args.iter().map(value).collect();
            ("call_function", target(callee), (args, kwargs.collect()))
        }
    };
    json!({
        "name": node.name,
        "op": op,
        "target": target,
        "args": args,
        "kwargs": kwargs,
        "type": node.annotation,
    })
}

fn argument(arg: &Arg, graph: &FxGraph<'_, '_>) -> Value {
    let list = |items: &[Arg]| items.iter().map(|item| argument(item, graph)).collect();
    match arg {
        Arg::Node(index) => json!({ "node": graph.nodes.get(*index).map(|node| &node.name) }),
        Arg::Constant(value) => constant(value),
        Arg::List(items) | Arg::Tuple(items) => Value::Array(list(items)),
        Arg::Dict(entries) => entries
            .iter()
            .map(|(key, item)| (key.clone(), argument(item, graph)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

/// A constant; what JSON has no form for is an object with one key that says what it is.
fn constant(constant: &Constant) -> Value {
    match constant {
        Constant::None => Value::Null,
        Constant::Int(value) => json!(value),
        Constant::Bool(value) => json!(value),
        Constant::Float(value) => match value.is_finite() {
            true => json!(value),
            false => json!({ "float": value.to_string() }),
        },
        Constant::Complex(real, imaginary) => json!({ "complex": [real, imaginary] }),
        Constant::Str(text) => json!(text),
        Constant::Dtype(dtype) => json!({ "dtype": ScalarType::torch_name(*dtype) }),
        Constant::Device(name) => json!({ "device": name }),
        Constant::Layout(name) => json!({ "layout": name }),
        Constant::MemoryFormat(name) => json!({ "memory_format": name }),
        Constant::Ints(values) => json!(values),
        Constant::Floats(values) => values
            .iter()
            .map(|value| self::constant(&Constant::Float(*value)))
            .collect(),
        Constant::Bools(values) => json!(values),
        Constant::List(values) => values.iter().map(self::constant).collect(),
        Constant::Dict(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), self::constant(value)))
            .collect::<Map<_, _>>()
            .into(),
        Constant::Operator(target) => json!({ "operator": target }),
        Constant::Graph(name) => json!({ "graph": name }),
        Constant::Operand => Value::Null,
    }
}

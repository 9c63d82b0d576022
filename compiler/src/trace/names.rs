//! Names of nodes and placeholders, as `torch.export` gives them.
//!
//! Nodes are named when they are made, by FX's namespace; placeholders are not in it. At the end placeholders get the
//! names that callers know (`x`, `p_linear_weight`), and a node whose name one of them has gets another.

use std::ops::Range;

use expc_dialects::InputKind;
use rustc_hash::{FxHashMap, FxHashSet};

pub use crate::export::text::names::Namespace;
use crate::export::text::names::split_number;

use super::graph::{Arg, Builder, GraphId, ValueId, is_bare};

/// What the name of a node is made of: `add` of `aten.add.Tensor`, `and` of `aten.__and__.Tensor`.
pub fn of_op(op: &str) -> &str {
    let (dialect, rest) = op.split_once('.').unwrap_or(("", op));
    let base = rest.split('.').next().unwrap_or(rest);
    let magic = base
        .strip_prefix("__")
        .and_then(|base| base.strip_suffix("__"));
    match magic {
        Some(word) if dialect != "sym" => word,
        _ => base,
    }
}

/// The name of the placeholder of a parameter, buffer, constant or object: `p_layers_0_weight`.
pub fn placeholder(kind: InputKind, target: &str) -> String {
    let prefix = match kind {
        InputKind::Parameter => "p_",
        InputKind::Buffer => "b_",
        InputKind::ConstantTensor => "c_",
        InputKind::CustomObj => "obj_",
        InputKind::Token => return "token".to_owned(),
        InputKind::UserInput => "",
    };
    let word: String = target
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
            _ => '_',
        })
        .collect();
    format!("{prefix}{word}")
}

/// Names that are given one after the other, those that are taken with another number.
#[derive(Default)]
struct Renames {
    used: FxHashSet<String>,
    highest: FxHashMap<String, u64>,
}

impl Renames {
    /// The name itself if it is free. A placeholder's number belongs to its name.
    fn create(&mut self, wish: &str, is_placeholder: bool) -> String {
        let mut name = wish.to_owned();
        if self.used.contains(wish) {
            let base = match split_number(wish) {
                (base, Some(_)) if !is_placeholder => base,
                _ => wish,
            };
            let mut number = self.highest.get(base).copied().unwrap_or(0) + 1;
            while self.used.contains(&format!("{base}_{number}")) {
                number += 1;
            }
            name = format!("{base}_{number}");
        }
        self.keep(&name);
        name
    }

    fn keep(&mut self, name: &str) {
        if let (base, Some(number)) = split_number(name) {
            let highest = self.highest.entry(base.to_owned()).or_insert(0);
            *highest = number.max(*highest);
        }
        self.used.insert(name.to_owned());
    }
}

/// Gives everything its last name.
pub(super) fn assign(builder: &mut Builder) {
    let mut names = Renames::default();
    let user_first = [true, false];
    for is_user in user_first {
        rename_placeholders(builder, GraphId::ROOT, |spec_kind, name| {
            ((spec_kind == InputKind::UserInput) == is_user).then(|| names.create(name, true))
        });
    }
    rename_nodes(builder, GraphId::ROOT, &mut names);
    name_children(builder, GraphId::ROOT);
}

fn rename_placeholders(
    builder: &mut Builder,
    graph: GraphId,
    mut rename: impl FnMut(InputKind, &str) -> Option<String>,
) {
    let Some(graph) = builder.graphs.get_mut(graph.0) else {
        return;
    };
    for placeholder in &mut graph.placeholders {
        let spec = &mut placeholder.spec;
        let Some(name) = rename(spec.kind, &spec.name) else {
            continue;
        };
        spec.name.clone_from(&name);
        let data = placeholder
            .value
            .and_then(|value| builder.values.get_mut(value.0));
        if let Some(data) = data {
            data.name = name;
        }
    }
}

/// Messages name the node that they belong to, so a rename goes through them as well.
fn rename_nodes(builder: &mut Builder, graph: GraphId, names: &mut Renames) {
    let Some(graph) = builder.graphs.get_mut(graph.0) else {
        return;
    };
    for node in &mut graph.nodes {
        let is_bare = is_bare(&node.call);
        node.name = names.create(&node.name, false);
        for name in &mut node.result_names {
            *name = match is_bare {
                true => node.name.clone(),
                false => names.create(name, false),
            };
        }
        for (value, name) in node.results.iter().flatten().zip(&node.result_names) {
            if let Some(data) = builder.values.get_mut(value.0) {
                data.name.clone_from(name);
            }
        }
    }
}

/// Higher-order ops whose graphs take the names of what they are called with: the positions of the graphs and, in
/// order, of the operands.
const NAMED_AFTER_OPERANDS: &[(&str, &[usize], Range<usize>)] = &[
    ("hop.cond", &[1, 2], 3..4),
    ("hop.map_impl", &[0], 1..3),
    ("hop.wrap_with_set_grad_enabled", &[1], 2..usize::MAX),
];

fn name_children(builder: &mut Builder, graph: GraphId) {
    let mut children: Vec<(GraphId, Vec<ValueId>)> = Vec::new();
    for node in builder
        .graphs
        .get(graph.0)
        .into_iter()
        .flat_map(|graph| &graph.nodes)
    {
        let row = NAMED_AFTER_OPERANDS
            .iter()
            .find(|(op, ..)| *op == node.call.op);
        let Some((_, graphs, operands)) = row else {
            continue;
        };
        let arg = |position: &usize| node.call.args.get(*position).map(|arg| &arg.value);
        let n_args = node.call.args.len();
        let given = node.call.args.get(operands.start..operands.end.min(n_args));
        let given = given.into_iter().flatten();
        let operands: Vec<ValueId> = given.flat_map(|arg| arg.value.values()).collect();
        for child in graphs.iter().filter_map(arg) {
            if let Arg::Graph(child) = child {
                children.push((*child, operands.clone()));
            }
        }
    }
    for (child, operands) in children {
        let mut names = Renames::default();
        let mut operands = operands.into_iter();
        let outer: Vec<String> = operands
            .by_ref()
            .map(|operand| builder.name(operand).to_owned())
            .collect();
        let mut outer = outer.into_iter();
        rename_placeholders(builder, child, |_, _| {
            let name = outer.next()?;
            names.keep(&name);
            Some(name)
        });
        rename_nodes(builder, child, &mut names);
        name_children(builder, child);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_named_after_their_op() {
        assert_eq!(of_op("aten.add.Tensor"), "add");
        assert_eq!(of_op("aten.add_.Tensor"), "add_");
        assert_eq!(of_op("aten.__and__.Tensor"), "and");
        assert_eq!(of_op("sym.and_"), "and_");
        assert_eq!(of_op("hop.cond"), "cond");
    }

    #[test]
    fn placeholders_are_named_after_their_target() {
        let name = placeholder(InputKind::Parameter, "layers.0.Weight");
        assert_eq!(name, "p_layers_0_weight");
        assert_eq!(placeholder(InputKind::Buffer, "a:b"), "b_a_b");
    }

    #[test]
    fn taken_names_get_the_next_number() {
        let mut names = Renames::default();
        assert_eq!(names.create("mul_3", true), "mul_3");
        assert_eq!(names.create("x", true), "x");
        assert_eq!(names.create("x", true), "x_1");
        assert_eq!(names.create("mul", false), "mul");
        assert_eq!(names.create("mul_3", false), "mul_4");
    }
}

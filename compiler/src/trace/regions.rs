//! Regions with another gradient mode than the code around them: graphs of their own, as `torch.export` has them.
//!
//! PyTorch numbers the parts between changes of the mode and makes a graph `submod_N` of each part whose mode is not
//! that of the trace. Where gradients are not recorded anyway, `no_grad` leaves nothing behind.

use std::{collections::HashMap, ops::Range};

use expc_dialects::{Constant, OutputKind};

use super::graph::{Arg, Builder, Call, CallArg, CallResult, GraphId, Node, ValueId, is_symbolic};

/// The gradient mode of each node of the root, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Modes {
    by_node: Vec<bool>,
}

impl Modes {
    /// Says of the nodes that were added since the last time that they were called in this mode.
    pub fn extend(&mut self, builder: &Builder, mode: bool) {
        let n_nodes = builder.root().map_or(0, |root| root.nodes.len());
        self.by_node.resize(n_nodes, mode);
    }

    /// Parts of one mode, with their numbers; the part before the first change of `ambient` is 0.
    fn parts(&self, ambient: bool) -> Vec<(usize, bool, Range<usize>)> {
        let mut parts: Vec<(usize, bool, Range<usize>)> = Vec::new();
        for (position, mode) in self.by_node.iter().enumerate() {
            match parts.last_mut() {
                Some((_, last, range)) if last == mode => range.end = position + 1,
                last => {
                    let number = match last {
                        Some((number, ..)) => *number + 1,
                        None => usize::from(*mode != ambient),
                    };
                    parts.push((number, *mode, position..position + 1));
                }
            }
        }
        parts
    }
}

/// Puts the nodes of other modes than `ambient` into graphs of their own.
pub(super) fn wrap(builder: &mut Builder, modes: &Modes, ambient: bool) {
    let Some(root) = builder.root_mut() else {
        return;
    };
    if modes.by_node.iter().all(|mode| *mode == ambient) {
        return;
    }
    let mut nodes: Vec<Option<Node>> = std::mem::take(&mut root.nodes)
        .into_iter()
        .map(Some)
        .collect();
    let mut renamed: HashMap<ValueId, ValueId> = HashMap::new();
    for (number, mode, range) in modes.parts(ambient) {
        let (part, rest) = match nodes.get_mut(range.start..) {
            Some(left) => left.split_at_mut(range.len().min(left.len())),
            None => continue,
        };
        let mut part: Vec<Node> = part.iter_mut().filter_map(Option::take).collect();
        rename(&mut part, &renamed);
        if mode == ambient {
            builder.extend_graph(GraphId::ROOT, part);
            continue;
        }
        let used = used_in(rest.iter().flatten(), builder);
        let mut region = Region::of(part);
        builder.extend_graph(GraphId::ROOT, std::mem::take(&mut region.before));
        if !region.nodes.is_empty() {
            renamed.extend(region.wrap(builder, number, mode, &used));
        }
    }
    builder.replace(GraphId::ROOT, &|value| {
        renamed.get(&value).copied().unwrap_or(value)
    });
}

fn rename(nodes: &mut [Node], renamed: &HashMap<ValueId, ValueId>) {
    for arg in nodes.iter_mut().flat_map(|node| &mut node.call.args) {
        arg.value = arg
            .value
            .renamed(&|value| renamed.get(&value).copied().unwrap_or(value));
    }
}

/// The values that nodes and the outputs of the root use, in order.
fn used_in<'n>(nodes: impl Iterator<Item = &'n Node>, builder: &Builder) -> Vec<ValueId> {
    let of_nodes = nodes.flat_map(|node| &node.call.args);
    let mut used: Vec<ValueId> = of_nodes.flat_map(|arg| arg.value.values()).collect();
    let outputs = builder.root().into_iter().flat_map(|root| &root.outputs);
    used.extend(outputs.flat_map(|(_, value)| value.values()));
    used
}

/// The nodes of a part.
struct Region {
    /// Numbers that do not depend on it, which PyTorch computes around it.
    before: Vec<Node>,
    nodes: Vec<Node>,
    defined: Vec<ValueId>,
}

impl Region {
    fn of(part: Vec<Node>) -> Self {
        let mut region = Self {
            before: Vec::new(),
            nodes: Vec::new(),
            defined: Vec::new(),
        };
        for node in part {
            let mut args = node.call.args.iter().flat_map(|arg| arg.value.values());
            if is_symbolic(&node.call) && !args.any(|value| region.defined.contains(&value)) {
                region.before.push(node);
                continue;
            }
            region.defined.extend(node.results.iter().flatten());
            region.nodes.push(node);
        }
        region
    }

    /// Adds the graph and the call of it; gives what stands around it for the values in it that are used there.
    fn wrap(
        mut self,
        builder: &mut Builder,
        number: usize,
        mode: bool,
        used: &[ValueId],
    ) -> HashMap<ValueId, ValueId> {
        let graph = builder.graph_named(format!("submod_{number}"));
        let mut inner: HashMap<ValueId, ValueId> = HashMap::new();
        let mut taken = Vec::new();
        for value in self
            .nodes
            .iter()
            .flat_map(|node| &node.call.args)
            .flat_map(|arg| arg.value.values())
        {
            if self.defined.contains(&value) || inner.contains_key(&value) {
                continue;
            }
            if let Some(info) = builder.info(value).cloned() {
                let name = builder.name(value).to_owned();
                inner.insert(value, builder.graph_input(graph, name, info));
                taken.push(value);
            }
        }
        rename(&mut self.nodes, &inner);
        let mut returned: Vec<ValueId> = Vec::new();
        for value in used {
            if self.defined.contains(value) && !returned.contains(value) {
                returned.push(*value);
            }
        }
        for value in &returned {
            builder.output(graph, OutputKind::UserOutput, *value);
        }
        let metadata = self.nodes.first().map(|node| node.call.metadata.clone());
        let mut metadata = metadata.unwrap_or_default();
        metadata.retain(|(key, _)| key != "torch_fn");
        builder.extend_graph(graph, self.nodes);
        let mut args = vec![Arg::Constant(Constant::Bool(mode)), Arg::Graph(graph)];
        args.extend(taken.into_iter().map(Arg::Value));
        let infos = returned
            .iter()
            .filter_map(|value| builder.info(*value).cloned());
        let call = Call {
            op: "hop.wrap_with_set_grad_enabled".to_owned(),
            args: args.into_iter().map(|arg| CallArg::new("", arg)).collect(),
            results: infos.map(CallResult::Single).collect(),
            name: None,
            metadata,
        };
        let given = builder.call_named_after(call, &returned);
        returned.into_iter().zip(given).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_numbered_by_changes_of_the_mode() {
        let modes = Modes {
            by_node: vec![true, false, false, true, false],
        };
        let parts = |ambient| -> Vec<(usize, bool)> {
            let parts = modes.parts(ambient).into_iter();
            parts.map(|(number, mode, _)| (number, mode)).collect()
        };
        assert_eq!(parts(true), [(0, true), (1, false), (2, true), (3, false)]);
        assert_eq!(parts(false), [(1, true), (2, false), (3, true), (4, false)]);
    }
}

//! Which inputs of a graph its steps may write to, directly or through views.
//!
//! The answer errs on the side of "may": what an operator's schema does not rule out counts as an alias.

use expc_dialects::table;
use rustc_hash::FxHashMap;

use super::step::Ops;
use crate::{
    plan::{Action, Arg, Graph, Plan, Slot, Step},
    torch::Op,
};

/// Positions of graph inputs.
type Roots = Vec<usize>;

/// For each graph, whether it may write to each of its inputs. Graphs come in any order but use no cycle.
pub(super) fn written_inputs(plan: &Plan, ops: &Ops) -> Vec<Vec<bool>> {
    let mut known = vec![None; plan.graphs().len()];
    for graph in 0..plan.graphs().len() {
        written_by(plan, ops, graph, &mut known);
    }
    known.into_iter().map(Option::unwrap_or_default).collect()
}

/// Whether any step may write to a tensor.
pub(super) fn writes_anything(plan: &Plan, ops: &Ops) -> bool {
    let writes = |name: &str| {
        let of_schema = |op: &Op| (0..op.argument_count()).any(|at| op.argument_is_written(at));
        // What a method of an object does is not known.
        name == CALL_TORCHBIND
            || !Row::of(name).writes.is_empty()
            || ops.find(name).is_some_and(of_schema)
    };
    let mut steps = plan.graphs().iter().flat_map(|graph| &graph.steps);
    steps.any(|step| match &step.action {
        Action::Call { op, .. } => writes(op),
        // It writes to copies only.
        Action::Hop { name, .. } if name.starts_with("auto_functionalized") => false,
        Action::Hop { name, args, .. } => {
            writes(name)
                || args
                    .iter()
                    .any(|arg| matches!(arg, Arg::Op(op) if writes(op)))
        }
        Action::Symbolic { .. } => false,
    })
}

const CALL_TORCHBIND: &str = "call_torchbind";

/// Recursion is bounded: a plan's graphs nest no deeper than its check allows.
fn written_by(plan: &Plan, ops: &Ops, index: usize, known: &mut [Option<Vec<bool>>]) {
    if known.get(index).is_none_or(Option::is_some) {
        return;
    }
    let Some(graph) = plan.graphs().get(index) else {
        return;
    };
    let mut used = Vec::new();
    graph
        .steps
        .iter()
        .flat_map(Step::arguments)
        .for_each(|arg| {
            arg.visit(&mut |arg| {
                if let Arg::Graph(id) = arg {
                    used.push(*id as usize);
                }
            });
        });
    used.iter().for_each(|id| written_by(plan, ops, *id, known));
    let written = Aliases::of(graph, ops, known);
    known[index] = Some(written);
}

struct Aliases {
    roots: FxHashMap<Slot, Roots>,
    written: Vec<bool>,
}

impl Aliases {
    fn of(graph: &Graph, ops: &Ops, known: &[Option<Vec<bool>>]) -> Vec<bool> {
        let roots = graph
            .inputs
            .iter()
            .enumerate()
            .map(|(position, slot)| (*slot, vec![position]))
            .collect();
        let mut aliases = Self {
            roots,
            written: vec![false; graph.inputs.len()],
        };
        for step in &graph.steps {
            match &step.action {
                Action::Call {
                    op, args, kwargs, ..
                } => aliases.call(step, ops, op, args, kwargs),
                Action::Hop { name, args, kwargs } if name == "with_effects" => {
                    if let [_, Arg::Op(op), rest @ ..] = args.as_slice() {
                        aliases.call(step, ops, op, rest, kwargs);
                    }
                }
                Action::Hop { .. } => aliases.graphs(step, known),
                Action::Symbolic { .. } => {}
            }
        }
        aliases.written
    }

    fn roots_of(&self, arg: &Arg) -> Roots {
        arg.slots()
            .iter()
            .filter_map(|slot| self.roots.get(slot))
            .flatten()
            .copied()
            .collect()
    }

    fn call(&mut self, step: &Step, ops: &Ops, name: &str, args: &[Arg], kwargs: &[(String, Arg)]) {
        let Some(op) = ops.find(name) else { return };
        let row = Row::of(name);
        let by_name = kwargs
            .iter()
            .filter_map(|(name, arg)| Some((op.argument_index(name)?, arg)));
        let arguments: Vec<_> = args.iter().enumerate().chain(by_name).collect();
        let is_set = |name: &str| {
            let found = arguments
                .iter()
                .find(|(index, _)| op.argument_name(*index) == name);
            !matches!(found, None | Some((_, Arg::Bool(false))))
        };
        let row_writes = row.when.is_none_or(is_set);
        let mut shared = Roots::new();
        for (index, arg) in &arguments {
            let roots = self.roots_of(arg);
            if roots.is_empty() {
                continue;
            }
            let in_row = row_writes && row.writes.contains(&op.argument_name(*index));
            if in_row || op.argument_is_written(*index) {
                self.write(&roots);
            }
            if row.is_view || op.argument_may_alias_result(*index) {
                shared.extend(roots);
            }
        }
        self.share(step, shared);
    }

    /// A higher-order operator may hand any operand to its graphs and return any of them.
    fn graphs(&mut self, step: &Step, known: &[Option<Vec<bool>>]) {
        let mut roots = Roots::new();
        let mut writes = false;
        for arg in step.arguments() {
            roots.extend(self.roots_of(arg));
            arg.visit(&mut |arg| {
                if let Arg::Graph(id) = arg {
                    let written = known.get(*id as usize).and_then(Option::as_ref);
                    writes |= written.is_some_and(|inputs| inputs.contains(&true));
                }
            });
        }
        if writes {
            self.write(&roots);
        }
        self.share(step, roots);
    }

    fn write(&mut self, roots: &Roots) {
        for root in roots {
            if let Some(written) = self.written.get_mut(*root) {
                *written = true;
            }
        }
    }

    fn share(&mut self, step: &Step, mut roots: Roots) {
        if roots.is_empty() {
            return;
        }
        roots.sort_unstable();
        roots.dedup();
        for slot in step.results.iter().flatten() {
            self.roots.insert(*slot, roots.clone());
        }
    }
}

/// What the op table says beyond the schema.
struct Row {
    writes: &'static [&'static str],
    when: Option<&'static str>,
    is_view: bool,
}

impl Row {
    fn of(name: &str) -> Self {
        let has_overload = name
            .rsplit("::")
            .next()
            .is_some_and(|name| name.contains('.'));
        let overload = if has_overload { "" } else { ".default" };
        let def = table::lookup(&format!("{}{overload}", name.replacen("::", ".", 1)));
        Self {
            writes: def.map_or(&[], |def| &def.columns.writes),
            when: def.and_then(|def| def.columns.when),
            is_view: def.is_some_and(|def| def.family == Some(table::Family::View)),
        }
    }
}

//! The check of a plan's parts. It enforces:
//!
//! - there is a root graph, and graphs use each other without cycles and not deeper than [`MAX_GRAPH_DEPTH`];
//! - every slot lies in its graph, is written once and read only after that;
//! - arguments nest no deeper than [`MAX_ARG_DEPTH`];
//! - the signature has an entry for each input and output of the root graph.
//!
//! Results that nobody reads lose their slot, so that they are freed at once.

use super::{Arg, Graph, InputSpec, PlanError, PlanParts, Slot};

const MAX_GRAPH_DEPTH: usize = 64;
const MAX_ARG_DEPTH: usize = 32;
const MAX_SLOTS: u32 = 1 << 26;

/// Checks the parts, drops unread results, and answers for each graph and step which slots are read last there.
pub(super) fn check(parts: &mut PlanParts) -> Result<Vec<Vec<Vec<Slot>>>, PlanError> {
    if parts.graphs.is_empty() {
        return Err(PlanError {
            graph: "main".into(),
            what: "there is no root graph".into(),
        });
    }
    check_nesting(&parts.graphs)?;
    check_signature(parts)?;
    parts
        .graphs
        .iter_mut()
        .map(|graph| GraphCheck::new(graph)?.run())
        .collect()
}

fn error<T>(graph: &Graph, what: impl Into<String>) -> Result<T, PlanError> {
    Err(PlanError {
        graph: graph.name.clone(),
        what: what.into(),
    })
}

fn check_signature(parts: &PlanParts) -> Result<(), PlanError> {
    let (root, signature) = (&parts.graphs[0], &parts.signature);
    let given = signature
        .inputs
        .iter()
        .filter(|input| !matches!(input.spec, InputSpec::Constant(_)))
        .count();
    if given != root.inputs.len() {
        return error(
            root,
            format!(
                "has {} inputs, the signature has {given}",
                root.inputs.len()
            ),
        );
    }
    if signature.outputs.len() != root.outputs.len() {
        let (outputs, specs) = (root.outputs.len(), signature.outputs.len());
        return error(
            root,
            format!("has {outputs} outputs, the signature has {specs}"),
        );
    }
    Ok(())
}

/// How far the depth of a graph is known.
#[derive(Clone, Copy, PartialEq)]
enum Depth {
    Unknown,
    /// On the path from the root of the search: meeting it again is a cycle.
    Open,
    Known(usize),
}

fn check_nesting(graphs: &[Graph]) -> Result<(), PlanError> {
    let mut depths = vec![Depth::Unknown; graphs.len()];
    let uses: Vec<_> = graphs.iter().map(graph_uses).collect::<Result<_, _>>()?;
    for start in 0..graphs.len() {
        depth_of(start, graphs, &uses, &mut depths, 0)?;
    }
    Ok(())
}

fn graph_uses(graph: &Graph) -> Result<Vec<usize>, PlanError> {
    let mut uses = Vec::new();
    for arg in graph
        .steps
        .iter()
        .flat_map(|step| step.arguments())
        .chain(&graph.outputs)
    {
        if arg_depth_exceeds(arg, MAX_ARG_DEPTH) {
            return error(
                graph,
                format!("an argument nests deeper than {MAX_ARG_DEPTH}"),
            );
        }
        arg.visit(&mut |arg| {
            if let Arg::Graph(id) = arg {
                uses.push(*id as usize);
            }
        });
    }
    Ok(uses)
}

fn arg_depth_exceeds(arg: &Arg, limit: usize) -> bool {
    let Some(rest) = limit.checked_sub(1) else {
        return true;
    };
    match arg {
        Arg::List(items) => items.iter().any(|item| arg_depth_exceeds(item, rest)),
        Arg::Dict(entries) => entries
            .iter()
            .any(|(_, item)| arg_depth_exceeds(item, rest)),
        _ => false,
    }
}

fn depth_of(
    id: usize,
    graphs: &[Graph],
    uses: &[Vec<usize>],
    depths: &mut [Depth],
    above: usize,
) -> Result<usize, PlanError> {
    let Some(graph) = graphs.get(id) else {
        return Err(PlanError {
            graph: format!("#{id}"),
            what: "is named and does not exist".into(),
        });
    };
    match depths[id] {
        Depth::Known(depth) => return Ok(depth),
        Depth::Open => return error(graph, "uses itself"),
        Depth::Unknown => depths[id] = Depth::Open,
    }
    if above > MAX_GRAPH_DEPTH {
        return error(graph, format!("graphs nest deeper than {MAX_GRAPH_DEPTH}"));
    }
    let mut depth = 1;
    for used in &uses[id] {
        depth = depth.max(1 + depth_of(*used, graphs, uses, depths, above + 1)?);
    }
    if depth > MAX_GRAPH_DEPTH {
        return error(graph, format!("graphs nest deeper than {MAX_GRAPH_DEPTH}"));
    }
    depths[id] = Depth::Known(depth);
    Ok(depth)
}

/// Where a slot is written and where it is read last.
#[derive(Clone, Copy, Default)]
struct Life {
    written: bool,
    /// None while nobody reads it; `steps.len()` for an output.
    last_read: Option<usize>,
}

struct GraphCheck<'a> {
    graph: &'a mut Graph,
    lives: Vec<Life>,
}

impl<'a> GraphCheck<'a> {
    fn new(graph: &'a mut Graph) -> Result<Self, PlanError> {
        if graph.slots > MAX_SLOTS {
            return error(
                graph,
                format!("has {} slots, at most {MAX_SLOTS} are allowed", graph.slots),
            );
        }
        let lives = vec![Life::default(); graph.slots as usize];
        Ok(Self { graph, lives })
    }

    fn run(mut self) -> Result<Vec<Vec<Slot>>, PlanError> {
        for position in 0..self.graph.inputs.len() {
            self.write(self.graph.inputs[position])?;
        }
        for index in 0..self.graph.steps.len() {
            let reads: Vec<_> = self.graph.steps[index]
                .arguments()
                .flat_map(Arg::slots)
                .collect();
            self.read(&reads, index)?;
            for result in self.graph.steps[index]
                .results
                .clone()
                .into_iter()
                .flatten()
            {
                self.write(result)?;
            }
        }
        let outputs: Vec<_> = self.graph.outputs.iter().flat_map(Arg::slots).collect();
        self.read(&outputs, self.graph.steps.len())?;
        self.drop_unread_results();
        Ok(self.last_reads())
    }

    fn write(&mut self, slot: Slot) -> Result<(), PlanError> {
        match self.lives.get_mut(slot as usize) {
            Some(life) if !life.written => life.written = true,
            Some(_) => return error(self.graph, format!("slot {slot} is written twice")),
            None => return error(self.graph, format!("slot {slot} does not exist")),
        }
        Ok(())
    }

    fn read(&mut self, slots: &[Slot], position: usize) -> Result<(), PlanError> {
        for slot in slots {
            match self.lives.get_mut(*slot as usize) {
                Some(life) if life.written => life.last_read = Some(position),
                Some(_) => {
                    return error(
                        self.graph,
                        format!("slot {slot} is read before it is written"),
                    );
                }
                None => return error(self.graph, format!("slot {slot} does not exist")),
            }
        }
        Ok(())
    }

    fn drop_unread_results(&mut self) {
        for result in self
            .graph
            .steps
            .iter_mut()
            .flat_map(|step| &mut step.results)
        {
            if result.is_some_and(|slot| self.lives[slot as usize].last_read.is_none()) {
                *result = None;
            }
        }
    }

    fn last_reads(&self) -> Vec<Vec<Slot>> {
        let mut last_reads = vec![Vec::new(); self.graph.steps.len()];
        for (slot, life) in (0..).zip(&self.lives) {
            if let Some(frees) = life
                .last_read
                .and_then(|position| last_reads.get_mut(position))
            {
                frees.push(slot);
            }
        }
        last_reads
    }
}

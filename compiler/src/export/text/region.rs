//! Higher-order ops that stand for a `with` block, such as `torch.no_grad()`.
//!
//! PyTorch cuts a graph into numbered parts at such blocks, puts the parts between blocks back, and makes
//! an op of each block. Two things of the printed program follow from that. The node that takes the
//! block's graph from the module finds all numbers of parts taken and gets the next one. And the results
//! keep the comments that they had inside the block.

use expc_dialects::{
    Argument, AtenOp, Constant,
    location::Metadata,
    mlir,
    table::{self, HOP, Region},
};
use melior::ir::{Value, operation::OperationRef};

use super::{comment::comment, fx::Graphs, names::split_number};

/// Nesting of blocks in which comments are looked for.
const MAX_DEPTH: usize = 64;

/// The parts that a graph was cut into.
#[derive(Default)]
pub struct Parts {
    last: u64,
}

impl Parts {
    /// The parts of a graph with these ops.
    pub fn new(operations: &[OperationRef<'_, '_>]) -> Self {
        let mut parts = Self::default();
        for (index, op) in operations.iter().enumerate() {
            let Some((region, symbol)) = region_of(AtenOp::new(*op)) else {
                continue;
            };
            let number = symbol
                .rsplit('.')
                .next()
                .and_then(|name| split_number(name).1)
                .unwrap_or(0);
            let is_followed = region == Region::Closed || index + 1 < operations.len();
            parts.last = parts
                .last
                .max(number.saturating_add(u64::from(is_followed)));
        }
        parts
    }

    /// Whether the graph was not cut.
    pub fn is_whole(&self) -> bool {
        self.last == 0
    }

    /// What the node that takes an op's graph from the module is named after, and the first number that
    /// may be free; none if the op stands for no block.
    pub fn first_free<'s>(&self, op: AtenOp<'_, '_>, graph: &'s str) -> Option<(&'s str, u64)> {
        region_of(op)?;
        let (base, number) = split_number(graph);
        number.map(|_| (base, self.last.saturating_add(1)))
    }
}

/// The comments of an op's results, if it stands for a block.
pub fn output_comments(op: AtenOp<'_, '_>, graphs: &Graphs<'_, '_>) -> Option<Vec<String>> {
    let graph = graphs.get(&region_of(op)?.1)?;
    Some(
        graph
            .returned()
            .into_iter()
            .map(|value| comment_of(value, graphs, 0))
            .collect(),
    )
}

fn comment_of(value: Value<'_, '_>, graphs: &Graphs<'_, '_>, depth: usize) -> String {
    let Some(result) = mlir::as_result(value) else {
        return comment(&Metadata::default());
    };
    let op = AtenOp::new(result.owner());
    let inner = region_of(op)
        .filter(|_| depth < MAX_DEPTH)
        .and_then(|(_, symbol)| {
            graphs
                .get(&symbol)?
                .returned()
                .get(result.result_number())
                .copied()
        });
    match inner {
        Some(value) => comment_of(value, graphs, depth + 1),
        None => comment(&op.metadata()),
    }
}

/// The kind of block that an op stands for, and the symbol of its graph.
pub fn region_of(op: AtenOp<'_, '_>) -> Option<(Region, String)> {
    let name = op.name();
    let region = table::hop(name.strip_prefix(HOP)?.strip_prefix('.')?)?
        .columns
        .region?;
    op.arguments()
        .ok()?
        .into_iter()
        .find_map(|argument| match argument.value {
            Argument::Constant(Constant::Graph(symbol)) => Some((region, symbol)),
            _ => None,
        })
}

//! The op table: every operator of the pinned torch with what our rows add, the symbolic functions and
//! the higher-order ops.
//!
//! The build reads `ops/` and keeps the result in the binary; an entry is decoded when it is first asked
//! for. `expc_schema::Entry` says what there is to know of an op.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{LazyLock, OnceLock},
};

use rustc_hash::FxHashMap;

pub use expc_schema::{
    Alias, Arg, Columns, DefaultValue, Entry, Family, Numerics, OpSchema, Region, Return,
    SchemaKind, Tag, Trait, Type,
};

/// The dialect of symbolic arithmetic.
pub const SYM: &str = "sym";

/// The dialect of higher-order ops.
pub const HOP: &str = "hop";

/// A call of a graph that several calls may share. PyTorch to 2.7 has its operands in a list, others have them one by one.
pub const INVOKE_SUBGRAPH: &str = "hop.invoke_subgraph";

static BLOB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/table.bin"));

static TABLE: LazyLock<Table> = LazyLock::new(Table::load);

static SYM_BY_TARGET: LazyLock<HashMap<&'static str, &'static OpDef>> = LazyLock::new(|| {
    sym_all()
        .filter_map(|def| Some((def.columns.python?, def)))
        .collect()
});

/// What the table knows of one op: an [`Entry`] with its name.
#[derive(Debug)]
pub struct OpDef {
    /// The name in the IR: `aten.add.Tensor`, `aten.relu.default`, `sym.mul`, `hop.cond`.
    pub name: &'static str,
    entry: Entry<'static>,
}

impl Deref for OpDef {
    type Target = Entry<'static>;

    fn deref(&self) -> &Self::Target {
        &self.entry
    }
}

impl OpDef {
    /// The part of the name before the first dot.
    pub fn dialect(&self) -> &'static str {
        dialect_of(self.name)
    }

    /// The name without its dialect: `add.Tensor`, `mul`.
    pub fn short_name(&self) -> &'static str {
        self.name
            .split_once('.')
            .map_or(self.name, |(_, rest)| rest)
    }
}

/// The operator of that name: `aten.add.Tensor`, `aten.relu.default`. Symbolic and higher-order ops,
/// which have no overloads, are not among them.
pub fn lookup(name: &str) -> Option<&'static OpDef> {
    if is_ours(name) { None } else { find(name) }
}

/// Whether the table has an op of that full name, of whatever dialect. Decodes nothing.
pub fn is_known(name: &str) -> bool {
    TABLE.positions.contains_key(name)
}

/// The function of the `sym` dialect: `mul`.
pub fn sym(name: &str) -> Option<&'static OpDef> {
    find(&format!("{SYM}.{name}"))
}

/// The function of the `sym` dialect that stands for a Python function: `_operator.mul`.
pub fn sym_by_target(target: &str) -> Option<&'static OpDef> {
    SYM_BY_TARGET.get(target).copied()
}

/// The higher-order op: `cond`.
pub fn hop(name: &str) -> Option<&'static OpDef> {
    find(&format!("{HOP}.{name}"))
}

/// All operators that [`lookup`] finds, in order of their names. Decodes the whole table.
pub fn all() -> impl Iterator<Item = &'static OpDef> {
    defs().filter(|def| !is_ours(def.name))
}

/// All functions of the `sym` dialect.
pub fn sym_all() -> impl Iterator<Item = &'static OpDef> {
    dialect(SYM)
}

/// All higher-order ops.
pub fn hop_all() -> impl Iterator<Item = &'static OpDef> {
    dialect(HOP)
}

/// All ops of a dialect, in order of their names.
pub fn dialect(dialect: &str) -> impl Iterator<Item = &'static OpDef> {
    starting_with(&format!("{dialect}."))
}

/// All ops of whatever dialect whose full names start so, in order of their names. Decodes no others.
pub fn starting_with(prefix: &str) -> impl Iterator<Item = &'static OpDef> + use<> {
    let table = &*TABLE;
    let start = table.names.partition_point(|name| *name < prefix);
    let length = table
        .names
        .iter()
        .skip(start)
        .take_while(|name| name.starts_with(prefix))
        .count();
    (start..start + length).filter_map(|index| table.def(index))
}

/// The names of all ops of all dialects, `sym` and `hop` included, in order. Decodes nothing.
pub fn all_names() -> impl Iterator<Item = &'static str> {
    TABLE.names.iter().copied()
}

/// The dialects, in order.
pub fn namespaces() -> Vec<&'static str> {
    let mut namespaces: Vec<&str> = all_names().map(dialect_of).collect();
    namespaces.dedup();
    namespaces
}

/// Names that a wrong name may have meant, best first: other overloads of the op, then ops that are
/// spelled nearly so. At most five.
pub fn suggest(name: &str) -> Vec<&'static str> {
    const MOST: usize = 5;
    const FARTHEST: usize = 2;
    let op = without_overload(name);
    let mut found: Vec<(usize, usize, &str)> = Vec::new();
    for candidate in all_names() {
        let near = distance_up_to(op, without_overload(candidate), FARTHEST);
        if let Some(distance) = near {
            found.push((distance, name.len().abs_diff(candidate.len()), candidate));
        }
    }
    found.sort_unstable();
    found
        .into_iter()
        .take(MOST)
        .map(|(_, _, candidate)| candidate)
        .collect()
}

fn find(name: &str) -> Option<&'static OpDef> {
    let table = &*TABLE;
    table.def(*table.positions.get(name)?)
}

fn defs() -> impl Iterator<Item = &'static OpDef> {
    let table = &*TABLE;
    (0..table.names.len()).filter_map(|index| table.def(index))
}

fn dialect_of(name: &str) -> &str {
    name.split_once('.').map_or(name, |(dialect, _)| dialect)
}

fn is_ours(name: &str) -> bool {
    matches!(dialect_of(name), SYM | HOP)
}

/// `aten.add` of `aten.add.Tensor`.
fn without_overload(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((op, _)) if op.contains('.') => op,
        _ => name,
    }
}

/// The edit distance of two names if it is at most `limit`.
fn distance_up_to(left: &str, right: &str, limit: usize) -> Option<usize> {
    if left.len().abs_diff(right.len()) > limit {
        return None;
    }
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut previous = i + 1;
        let mut next = vec![previous];
        for (to, above) in right.iter().zip(row.iter().skip(1)) {
            let substituted = diagonal + usize::from(from != *to);
            previous = substituted.min(above + 1).min(previous + 1);
            diagonal = *above;
            next.push(previous);
        }
        if next.iter().min().is_none_or(|best| *best > limit) {
            return None;
        }
        row = next;
    }
    row.last().copied().filter(|distance| *distance <= limit)
}

/// The index over the blob, and the entries decoded so far.
struct Table {
    /// In order.
    names: Vec<&'static str>,
    /// Of the names.
    positions: FxHashMap<&'static str, usize>,
    encoded: Vec<&'static [u8]>,
    decoded: Vec<OnceLock<Option<Box<OpDef>>>>,
}

impl Table {
    /// The blob is of this very build, so it always decodes; a test sees to it.
    fn load() -> Self {
        let index: Vec<(&'static str, &'static [u8])> =
            postcard::from_bytes(BLOB).unwrap_or_default();
        let decoded = index.iter().map(|_| OnceLock::new()).collect();
        let (names, encoded): (Vec<_>, _) = index.into_iter().unzip();
        let numbered = names.iter().enumerate();
        Self {
            positions: numbered.map(|(index, name)| (*name, index)).collect(),
            names,
            encoded,
            decoded,
        }
    }

    fn def(&'static self, index: usize) -> Option<&'static OpDef> {
        let name = *self.names.get(index)?;
        let encoded = *self.encoded.get(index)?;
        let decode = || {
            postcard::from_bytes(encoded)
                .ok()
                .map(|entry| Box::new(OpDef { name, entry }))
        };
        self.decoded.get(index)?.get_or_init(decode).as_deref()
    }
}

#[cfg(test)]
mod tests;

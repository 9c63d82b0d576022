//! Which ops are taken apart, and by what.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, LazyLock},
};

use expc_dialects::table::{self, OpDef};
use rustc_hash::FxHashMap;

use super::{custom::CustomRules, families};
use crate::pattern::{Replacement, Rewrite, Rewritten, Rule};

/// Which ops PyTorch takes apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Table {
    /// Only those that PyTorch takes apart with any table (`run_decompositions({})`).
    None,
    /// PyTorch's default Core ATen table.
    #[default]
    Core,
}

impl Table {
    pub fn contains(self, def: &OpDef) -> bool {
        match self {
            Self::None => def.is_always_decomposed(),
            Self::Core => def.is_decomposed_by_core(),
        }
    }
}

/// What takes an op apart.
pub type Method = Arc<
    dyn for<'x, 'r, 'c, 'a> Fn(&'x Rewrite<'r, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>>
        + Send
        + Sync,
>;

/// The rules by the ops that they take apart.
static RULES: LazyLock<FxHashMap<&'static str, Rule>> =
    LazyLock::new(|| families().flatten().copied().collect());

/// What takes an op apart in a run of the pass.
#[derive(Clone, Copy)]
pub(super) enum How<'d> {
    Rule(Rule),
    Own(&'d Method),
}

impl How<'_> {
    pub fn apply<'c, 'a>(self, rewrite: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
        match self {
            Self::Rule(rule) => rule(rewrite),
            Self::Own(method) => method(rewrite),
        }
    }
}

/// A table with what the user changed in it: an entry of the user's wins, and an op whose entry is deleted is kept.
#[derive(Clone, Default)]
pub struct Decompositions {
    table: Table,
    added: BTreeSet<&'static str>,
    preserved: BTreeSet<&'static str>,
    own: BTreeMap<&'static str, Method>,
}

impl fmt::Debug for Decompositions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own: Vec<_> = self.own.keys().collect();
        formatter
            .debug_struct("Decompositions")
            .field("table", &self.table)
            .field("added", &self.added)
            .field("preserved", &self.preserved)
            .field("own", &own)
            .finish()
    }
}

impl From<Table> for Decompositions {
    fn from(table: Table) -> Self {
        Self {
            table,
            ..Self::default()
        }
    }
}

impl Decompositions {
    /// Keeps an op whole.
    ///
    /// # Errors
    /// The op table has no such op.
    pub fn preserve(&mut self, op: &str) -> Result<(), String> {
        let def = known(op)?;
        self.own.remove(def.name);
        self.added.remove(def.name);
        self.preserved.insert(def.name);
        Ok(())
    }

    /// Takes an op apart that the table keeps, by the rule that there is for it.
    ///
    /// # Errors
    /// The op table has no such op, or it has no rule.
    pub fn add(&mut self, op: &str) -> Result<(), String> {
        let def = known(op)?;
        if !has_rule(def.name) {
            return Err(format!("there is no decomposition of `{}`", def.name));
        }
        self.preserved.remove(def.name);
        self.added.insert(def.name);
        Ok(())
    }

    /// Takes an op apart by a closure.
    ///
    /// # Errors
    /// The op table has no such op.
    pub fn insert(&mut self, op: &str, method: Method) -> Result<(), String> {
        let def = known(op)?;
        self.preserved.remove(def.name);
        self.own.insert(def.name, method);
        Ok(())
    }

    /// Takes ops apart by the functions of a module.
    pub fn insert_functions(&mut self, rules: CustomRules) {
        for (name, rule) in rules {
            self.preserved.remove(name);
            self.own.insert(name, Arc::new(move |b| rule.apply(b)));
        }
    }

    /// The ops that the user gave decompositions for.
    pub(super) fn own(&self) -> impl Iterator<Item = &'static str> {
        self.own.keys().copied()
    }

    /// Whether an op is to be taken apart.
    pub fn contains(&self, def: &OpDef) -> bool {
        self.own.contains_key(def.name)
            || self.added.contains(def.name)
            || (self.table.contains(def) && !self.preserved.contains(def.name))
    }

    /// What takes an op apart; none if it is kept, or nothing does it.
    pub(super) fn how(&self, def: &OpDef) -> Option<How<'_>> {
        if let Some(method) = self.own.get(def.name) {
            return Some(How::Own(method));
        }
        let rule = RULES.get(def.name)?;
        self.contains(def).then_some(How::Rule(*rule))
    }
}

pub(super) fn has_rule(op: &str) -> bool {
    RULES.contains_key(op)
}

fn known(op: &str) -> Result<&'static OpDef, String> {
    table::lookup(op).ok_or_else(|| match table::suggest(op).as_slice() {
        [] => format!("there is no operator `{op}`"),
        near => format!(
            "there is no operator `{op}`, did you mean `{}`?",
            near.join("`, `")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ops_with_a_rule_are_added_to_a_table() {
        let mut chosen = Decompositions::from(Table::None);
        let def = table::lookup("aten.linear.default").unwrap();
        assert!(!chosen.contains(def));
        chosen.add("aten.linear.default").unwrap();
        assert!(chosen.contains(def));
        chosen.preserve("aten.linear.default").unwrap();
        assert!(!chosen.contains(def));
        assert_eq!(
            chosen.add("aten.convolution.default").unwrap_err(),
            "there is no decomposition of `aten.convolution.default`"
        );
    }
}

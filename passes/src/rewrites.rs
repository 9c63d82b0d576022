//! The rewrites of a list of passes: how many, by which rule, and when to stop.
//!
//! Whoever looks for the rewrite that breaks a program halves the limit until one more makes the difference.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
};

use expc_dialects::AtenOp;
use melior::ir::operation::OperationRef;

/// Counts rewrites, and ends them at a limit.
#[derive(Debug, Default)]
pub struct Rewrites {
    limit: Option<usize>,
    done: Cell<usize>,
    counts: RefCell<BTreeMap<(&'static str, String), usize>>,
    last: RefCell<Option<Last>>,
}

/// The last rewrite.
#[derive(Clone, Debug)]
pub struct Last {
    /// From 1.
    pub number: usize,
    pub pass: &'static str,
    pub rule: String,
    /// The op that was rewritten and its node.
    pub op: Option<(String, Option<String>)>,
}

impl Rewrites {
    /// Ends the rewrites after so many; none for no end.
    pub fn with_limit(limit: Option<usize>) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Whether one more is within the limit.
    pub fn may_go_on(&self) -> bool {
        self.limit.is_none_or(|limit| self.done.get() < limit)
    }

    /// Notes a rewrite of an op, before the op goes away.
    pub fn note(&self, pass: &'static str, rule: &str, op: OperationRef<'_, '_>) {
        // The name of the node is read from its location, so it is kept only where someone may ask for it.
        let op = self.limit.map(|_| {
            let view = AtenOp::new(op);
            let node = view.metadata().exported_node().map(str::to_owned);
            (view.name(), node)
        });
        self.count(pass, rule, op);
    }

    /// Notes the whole of a pass, which has no parts, as one rewrite.
    pub fn note_whole(&self, pass: &'static str) {
        self.count(pass, pass, None);
    }

    fn count(&self, pass: &'static str, rule: &str, op: Option<(String, Option<String>)>) {
        let number = self.done.get().saturating_add(1);
        self.done.set(number);
        *self
            .counts
            .borrow_mut()
            .entry((pass, rule.to_owned()))
            .or_default() += 1;
        if self.limit.is_some() {
            *self.last.borrow_mut() = Some(Last {
                number,
                pass,
                rule: rule.to_owned(),
                op,
            });
        }
    }

    /// How many there were.
    pub fn done(&self) -> usize {
        self.done.get()
    }

    /// The last one; known where there is a limit.
    pub fn last(&self) -> Option<Last> {
        self.last.borrow().clone()
    }

    /// How many there were by pass and rule.
    pub fn counts(&self) -> Vec<(&'static str, String, usize)> {
        let counts = self.counts.borrow();
        let rows = counts.iter();
        rows.map(|((pass, rule), count)| (*pass, rule.clone(), *count))
            .collect()
    }
}

impl fmt::Display for Last {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "rewrite {} is `{}` of `{}`",
            self.number, self.rule, self.pass
        )?;
        if let Some((op, node)) = &self.op {
            write!(formatter, " on `{op}`")?;
            if let Some(node) = node {
                write!(formatter, " (node `{node}`)")?;
            }
        }
        Ok(())
    }
}

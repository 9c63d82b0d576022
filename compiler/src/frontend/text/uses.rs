//! What the lines of a class do with each name.
//!
//! Printed code takes the results of an op out one by one; the op in the IR has them all at once. So the lines are
//! looked through before any op is made.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    ast::{Class, ExprKind, Statement},
    callee::MAX_RESULTS,
};

/// The uses of the names of a class.
pub struct Uses<'e, 't> {
    items: FxHashMap<&'t str, Vec<(usize, &'e Statement<'t>)>>,
    /// Names that are used otherwise than by an index.
    used: FxHashSet<&'t str>,
}

impl<'e, 't> Uses<'e, 't> {
    /// Looks through a class.
    pub fn of(class: &'e Class<'t>) -> Self {
        let mut uses = Self {
            items: FxHashMap::default(),
            used: FxHashSet::default(),
        };
        for statement in &class.statements {
            match item(statement) {
                Some((source, index)) => {
                    uses.items
                        .entry(source)
                        .or_default()
                        .push((index, statement));
                }
                None => statement.value.visit_paths(&mut |path| {
                    uses.used.insert(path);
                }),
            }
        }
        class.returned.visit_paths(&mut |path| {
            uses.used.insert(path);
        });
        uses
    }

    /// The lines that take a result out of a value, with its index.
    pub fn items(&self, name: &str) -> &[(usize, &'e Statement<'t>)] {
        self.items.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The first line that takes out the result of that index.
    pub fn item(&self, name: &str, index: usize) -> Option<&'e Statement<'t>> {
        let mut items = self.items(name).iter();
        items
            .find(|(found, _)| *found == index)
            .map(|(_, statement)| *statement)
    }

    /// One more than the greatest index; 0 if nothing is taken out.
    pub fn n_items(&self, name: &str) -> usize {
        let items = self.items(name).iter();
        items.map(|(index, _)| index + 1).max().unwrap_or(0)
    }

    /// Whether a value is used as a whole.
    pub fn is_used(&self, name: &str) -> bool {
        self.used.contains(name)
    }
}

/// The name and the index of `name[index]`.
fn item<'t>(statement: &Statement<'t>) -> Option<(&'t str, usize)> {
    let ExprKind::Index(source, index) = &statement.value.kind else {
        return None;
    };
    let ExprKind::Number(number) = index.kind else {
        return None;
    };
    let index = number.parse().ok().filter(|index| *index < MAX_RESULTS)?;
    Some((source.as_path()?, index))
}

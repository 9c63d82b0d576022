//! Always-better local rewrites: ops that do nothing go away, two become one.
//!
//! ```text
//! %a = aten.view.default(%x) {size = [6]}
//! %b = aten.view.default(%a) {size = [3, 2]}        aten.view.default(%x) {size = [3, 2]}
//! ```
//!
//! Valid on functional programs, and a convenience: nothing relies on it. No rule changes a bit of a result, but for
//! signalling NaNs, which arithmetic makes quiet and its absence does not. [`Options::fast_math`] adds rules that
//! are true of real numbers and not of floats: they may change the sign of a zero, the payload of a NaN, rounding.
//!
//! Each rule is a free function under its line of algebra, in the file of its family; `driver.rs` says when what it
//! proposes is taken.

mod copy;
mod index;
mod join;
mod pointwise;
mod symbolic;
mod view;

use std::sync::LazyLock;

use expc_dialects::{Diagnostic, Graph, Program};
use melior::ir::Module;

use crate::{
    driver::{self, Row, Rules},
    rewrites::Rewrites,
    shape::ShapeEnv,
};

/// How far the rewrites may go.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Floats may be taken for real numbers.
    pub fast_math: bool,
}

const EXACT: &[&[Row]] = &[
    copy::RULES,
    index::RULES,
    join::RULES,
    pointwise::RULES,
    symbolic::RULES,
    view::RULES,
];

const INEXACT: &[&[Row]] = &[pointwise::INEXACT];

static EXACT_RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(EXACT));

static ALL_RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(EXACT.iter().chain(INEXACT)));

/// Applies the rules wherever they hold.
///
/// # Errors
/// The program is not functional.
pub fn canonicalize(
    module: &Module<'_>,
    options: Options,
    env: &ShapeEnv<'_>,
    rewrites: &Rewrites,
) -> Result<(), Vec<Diagnostic>> {
    let rules = match options.fast_math {
        true => &*ALL_RULES,
        false => &*EXACT_RULES,
    };
    driver::apply(module, PASS, rules, env, rewrites)
}

/// The name of the pass.
const PASS: &str = "canonicalize";

static NUMBERS: LazyLock<Rules> = LazyLock::new(|| Rules::new(&[symbolic::RULES]));

/// Puts numbers in the place of symbolic scalars that are the same whenever the program runs, and does nothing else.
///
/// # Errors
/// The program is not functional.
pub fn specialize(
    module: &Module<'_>,
    env: &ShapeEnv<'_>,
    rewrites: &Rewrites,
) -> Result<(), Vec<Diagnostic>> {
    let graphs = Program::new(module).graphs();
    let mut ops = graphs.iter().flat_map(Graph::operations);
    match ops.any(symbolic::gives_a_constant) {
        true => driver::apply(module, "specialize", &NUMBERS, env, rewrites),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use expc_dialects::table;

    use super::*;

    #[test]
    fn rules_name_ops_that_there_are() {
        let tables = EXACT.iter().chain(INEXACT).copied().flatten();
        let names: BTreeSet<&str> = tables
            .flat_map(|row| row.1.split_ascii_whitespace())
            .filter(|name| *name != driver::SYMBOLIC)
            .collect();
        let unknown: Vec<_> = names
            .into_iter()
            .filter(|name| table::lookup(name).is_none())
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

//! The page of the documentation about the op table, `docs/ops.md`.

use std::fmt::Write;

use expc_dialects::table::{self, OpDef, SchemaKind};

use super::Row;

const HEAD: &str = "\
# Operators

<!-- Written by `expc ops --markdown`; do not edit. -->

Every operator that libtorch has is read, printed and run by its schema alone; the op table says what is known beyond that.
`expc ops NAME` shows all of it, `expc ops --json` for every operator.

";

const CORE: &str = "
## Core ATen

What `expc opt --to core` leaves: the operators that PyTorch tags as core.
`rounding` operators may differ from PyTorch's kernels in the last bits, `exact` ones may not.

| operator | family | numerics | traits |
| --- | --- | --- | --- |
";

/// The page: how many operators of which form each namespace has, and the core ones by name.
pub(super) fn markdown() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| namespace | operators | in place | with `out` | views | core |\n");
    page.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for namespace in table::namespaces() {
        push_line(&mut page, &namespace_cells(namespace));
    }
    page.push_str(CORE);
    let mut core: Vec<&'static OpDef> = table::namespaces()
        .into_iter()
        .flat_map(table::dialect)
        .filter(|def| def.is_core())
        .collect();
    core.sort_by_key(|def| def.name);
    for def in core {
        let row = Row::of(def);
        let cells = [
            format!("`{}`", row.name),
            row.family.unwrap_or_default().to_owned(),
            row.numerics.to_owned(),
            row.traits.join(", "),
        ];
        push_line(&mut page, &cells);
    }
    page
}

fn namespace_cells(namespace: &str) -> [String; 6] {
    let count = |is_counted: &dyn Fn(&OpDef) -> bool| {
        let n = table::dialect(namespace)
            .filter(|def| is_counted(def))
            .count();
        n.to_string()
    };
    [
        format!("`{namespace}`"),
        count(&|_| true),
        count(&|def| def.kind() == SchemaKind::Inplace),
        count(&|def| def.kind() == SchemaKind::Out),
        count(&|def| def.schema.is_view()),
        count(&|def| def.is_core()),
    ]
}

fn push_line(page: &mut String, cells: &[String]) {
    // Writing to a string cannot fail.
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

#[cfg(test)]
mod tests {
    use super::markdown;

    #[test]
    fn the_page_is_up_to_date() {
        let page = include_str!("../../../../docs/ops.md");
        assert!(
            page == markdown(),
            "`docs/ops.md` is stale; write it with `expc ops --markdown`"
        );
    }
}

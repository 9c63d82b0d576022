//! Files of rows, and how they join with torch's schemas.

use expc_schema::{
    Family, Numerics, Trait, rows,
    table::{self, File},
};

fn file(path: &str, text: &str) -> File {
    File {
        path: path.into(),
        text: text.into(),
    }
}

const TORCH: &str = "# head\n\
    aten::abs(Tensor self) -> Tensor  # core, pointwise\n\
    aten::rand(SymInt[] size) -> Tensor  # nondeterministic_seeded\n\
    aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)\n";

/// The error of a table with that text in its file of rows.
fn error(rows: &str) -> String {
    let rows = [(Family::Pointwise, file("pointwise.ops", rows))];
    table::build(&[file("aten.schemas", TORCH)], &rows)
        .unwrap_err()
        .to_string()
}

#[test]
fn rows_have_columns() {
    let text = "namespace: sym\n\n# Two columns on a line, a third below.\nmul(Scalar a, Scalar b) -> Scalar\n    \
                python: _operator.mul    format: {} * {}\n    traits: effect, pointwise\n";
    let rows = rows::parse(text).unwrap();
    let [row] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert_eq!((row.schema.namespace, row.line), ("sym", 4));
    assert_eq!(row.columns.python, Some("_operator.mul"));
    assert_eq!(row.columns.format, Some("{} * {}"));
    assert_eq!(
        row.columns.traits.iter().collect::<Vec<_>>(),
        [Trait::Effect, Trait::Pointwise]
    );
    assert_eq!(row.columns.numerics, None);
}

#[test]
fn rows_join_schemas() {
    let schemas = [file("aten.schemas", TORCH)];
    let rows = [
        (
            Family::Pointwise,
            file(
                "pointwise.ops",
                "abs(Tensor self) -> Tensor\n    numerics: exact\n",
            ),
        ),
        (
            Family::Control,
            file(
                "control.ops",
                "namespace: hop\nwrap(Any func, ...) -> ...\n    graphs: func\n",
            ),
        ),
    ];
    let table = table::build(&schemas, &rows).unwrap();
    assert_eq!(
        table.keys().collect::<Vec<_>>(),
        [
            "aten.abs.default",
            "aten.rand.default",
            "aten.view.default",
            "hop.wrap"
        ]
    );
    let abs = &table["aten.abs.default"];
    assert!(abs.is_core() && abs.is_pointwise() && abs.is_pure());
    assert_eq!(
        (abs.family, abs.numerics()),
        (Some(Family::Pointwise), Numerics::Exact)
    );
    assert_eq!(table["hop.wrap"].columns.graphs, ["func"]);
    let rand = &table["aten.rand.default"];
    assert!(rand.is_random() && !rand.is_pure() && !rand.is_removable());
    assert_eq!(rand.numerics(), Numerics::Random);
    assert_eq!(table["aten.view.default"].numerics(), Numerics::Exact);
}

#[test]
fn wrong_rows_are_refused() {
    let abs = "abs(Tensor self) -> Tensor\n";
    for (rows, message) in [
        (
            "    traits: pure\n",
            "pointwise.ops:1:1: columns before any schema",
        ),
        (
            "abs(Tensor self -> Tensor\n",
            "pointwise.ops:1:17: expected `)` or `=`",
        ),
        (
            "\nabs(Tensor x) -> Tensor\n",
            "pointwise.ops:2:1: the schema is `aten::abs(Tensor self) -> Tensor`, found `aten::abs(Tensor x) -> Tensor`",
        ),
        (
            "abs.x(Tensor self) -> Tensor\n",
            "pointwise.ops:1:1: torch has no op `aten.abs.x`",
        ),
        (
            &format!("{abs}{abs}"),
            "pointwise.ops:2:1: second row of `aten.abs.default`",
        ),
        (
            &format!("{abs}namespace: sym\n"),
            "pointwise.ops:2:1: `namespace:` after a row",
        ),
        (
            "my::f.x() -> ()\n",
            "pointwise.ops:1:1: `my.f` is no op of torch, so it has no overload `x`",
        ),
        (
            &format!("{abs}    shape: same\n"),
            "pointwise.ops:2:5: unknown column `shape`; known are `traits`, `numerics`, `python`, `format`, `graphs`, `tuples`, `lists`, `region`, `writes`, `when`",
        ),
        (
            &format!("{abs}    numerics: exact  numerics: exact\n"),
            "pointwise.ops:2:22: second column `numerics`",
        ),
        (
            &format!("{abs}    numerics: exact\n    traits: quick\n"),
            "pointwise.ops:3:5: unknown trait `quick`; known are `effect`, `unrepeatable`, `pointwise`",
        ),
        (
            &format!("{abs}    numerics: near\n"),
            "pointwise.ops:2:5: unknown numerics `near`; known are `exact`, `rounding`, `random`",
        ),
        (
            &format!("{abs}    graphs: f\n"),
            "pointwise.ops:2:5: `abs` has no argument `f`",
        ),
        (
            &format!("{abs}    exact\n"),
            "pointwise.ops:2:10: expected `:`",
        ),
    ] {
        assert_eq!(error(rows), message, "{rows}");
    }
}

#[test]
fn wrong_schemas_are_refused() {
    let build = |text: &str| {
        table::build(&[file("x.schemas", text)], &[])
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        build("# head\nx::f( -> ()\n"),
        "x.schemas:2:7: expected `)`, `*`, `...` or a type"
    );
    assert_eq!(
        build("x::f() -> ()\nx::f(int a) -> ()\n"),
        "x.schemas:2:1: second schema of `x.f.default`"
    );
}

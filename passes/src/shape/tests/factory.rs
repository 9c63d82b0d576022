//! Tests of `factory`.

use super::check;

#[test]
fn sizes_and_dtypes_are_given_or_implied() {
    check(
        "aten.zeros.default",
        &[
            ("size = [s0, 2]", "f32[s0, 2]"),
            ("size = [2], dtype = i64", "i64[2]"),
        ],
    );
    check(
        "aten.zeros.default",
        &[("size = [-2]", "error: `aten.zeros.default`: a size is -2")],
    );
    check(
        "aten.full.default",
        &[
            ("size = [2], fill_value = 1", "i64[2]"),
            ("size = [2], fill_value = True", "b8[2]"),
            ("size = [2], fill_value = 0.5", "f32[2]"),
        ],
    );
    check(
        "aten.scalar_tensor.default",
        &[("s = 1, dtype = f64", "f64[]")],
    );
    check(
        "aten.new_zeros.default",
        &[("self = f16[2]@cuda:0, size = [3]", "f16[3]@cuda:0")],
    );
    check(
        "aten.empty.memory_format",
        &[(
            "size = [2, 3, 4, 5], memory_format = channels_last",
            "f32[2, 3, 4, 5]{60, 1, 15, 3}",
        )],
    );
    check(
        "aten.empty_permuted.default",
        &[(
            "size = [2, 3, 4], physical_layout = [1, 2, 0]",
            "f32[2, 3, 4]{1, 8, 2}",
        )],
    );
    check("aten.rand.default", &[("size = [u0, 2]", "f32[u0, 2]")]);
    check(
        "aten.zeros_like.default",
        &[("self = f32[2, 3]{1, 2}, dtype = i64", "i64[2, 3]{1, 2}")],
    );
    check("aten.randperm.default", &[("n = s0", "i64[s0]")]);
    check("aten.eye.m", &[("n = 2, m = s0", "f32[2, s0]")]);
    check(
        "aten.tril_indices.default",
        &[("row = 3, col = 3", "i64[2, 6]")],
    );
    check(
        "aten.linspace.default",
        &[("start = 0, end = 1, steps = 5", "f32[5]")],
    );
}

#[test]
fn ranges_are_counted() {
    check(
        "aten.arange.default",
        &[("end = s0", "i64[s0]"), ("end = 2.5", "f32[3]")],
    );
    check(
        "aten.arange.start_step",
        &[
            ("start = 1, end = s0, step = 2", "i64[(s0//2)]"),
            ("start = 5, end = 0, step = -2", "i64[3]"),
            ("start = 0.0, end = 1.0, step = 0.25", "f32[4]"),
            (
                "start = 5, end = 0, step = 2",
                "error: `aten.arange.start_step`: the bounds 5 and 0 do not go with step 2",
            ),
        ],
    );
}

#[test]
fn other_layouts_are_not_known() {
    let sparse = "unknown: `aten.zeros.default`: the layout is `sparse_coo`";
    let env = super::ShapeEnv::new();
    let layout = super::Item::Layout("sparse_coo".into());
    let size = super::value_of("[2]");
    let given = [("size", size), ("layout", layout)];
    let def = expc_dialects::table::lookup("aten.zeros.default");
    let call = super::Call::of_items(&env, "aten.zeros.default", def, given.into_iter()).unwrap();
    let reason = super::rules::apply(&call).unwrap_err();
    assert_eq!(format!("unknown: {reason}"), sparse);
}

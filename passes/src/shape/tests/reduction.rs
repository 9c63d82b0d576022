//! Tests of `reduction`.

use super::check;

#[test]
fn dimensions_are_reduced() {
    check(
        "aten.sum.dim_IntList",
        &[
            ("self = f32[s0, 3, 4], dim = [1]", "f32[s0, 4]"),
            ("self = i32[2, 3], dim = [-1], keepdim = True", "i64[2, 1]"),
            ("self = f16[2, 3], dim = None, dtype = f32", "f32[]"),
            (
                "self = f32[2], dim = [1]",
                "error: dimension 1 of `aten.sum.dim_IntList` is out of range for a tensor of rank 1",
            ),
        ],
    );
    check(
        "aten.mean.dim",
        &[("self = f32[s0, 3], dim = [0]", "f32[3]")],
    );
    check(
        "aten.amax.default",
        &[("self = i32[2, 3], dim = [0]", "i32[3]")],
    );
    check(
        "aten.any.dim",
        &[
            ("self = f32[2, 3], dim = 1", "b8[2]"),
            ("self = u8[2, 3], dim = 1", "u8[2]"),
        ],
    );
    check("aten.argmax.default", &[("self = f32[2, 3]", "i64[]")]);
    check(
        "aten.max.dim",
        &[("self = f32[2, s0], dim = 1", "f32[2]; i64[2]")],
    );
    check(
        "aten.var.correction",
        &[("self = c64[2, 3], dim = [1]", "f32[2]")],
    );
    check(
        "aten.var_mean.correction",
        &[("self = f32[2, 3], dim = [1]", "f32[2]; f32[2]")],
    );
    check(
        "aten.linalg_vector_norm.default",
        &[("self = c64[2, 3]", "f32[]")],
    );
    check("aten.median.default", &[("self = f32[2]", "f32[]")]);
}

#[test]
fn sizes_stay_where_elements_are_accumulated_or_ordered() {
    check(
        "aten.cumsum.default",
        &[("self = i32[2, s0], dim = 1", "i64[2, s0]")],
    );
    check(
        "aten.sort.default",
        &[("self = f32[2, 3]{1, 2}", "f32[2, 3]{1, 2}; i64[2, 3]{1, 2}")],
    );
    check(
        "aten.topk.default",
        &[("self = f32[2, s0], k = 3", "f32[2, 3]; i64[2, 3]")],
    );
    check(
        "aten._softmax.default",
        &[(
            "self = f16[2, 3], dim = 1, half_to_float = True",
            "f32[2, 3]",
        )],
    );
    check(
        "aten.softmax.int",
        &[("self = i64[2, 3], dim = 1", "f32[2, 3]")],
    );
}

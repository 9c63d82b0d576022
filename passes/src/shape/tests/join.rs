//! Tests of `join`.

use super::check;

#[test]
fn tensors_are_concatenated() {
    check(
        "aten.cat.default",
        &[
            ("tensors = [f32[s0, 3], f32[2, 3]]", "f32[s0 + 2, 3]"),
            ("tensors = [i64[2, 3], f16[2, 1]], dim = -1", "f16[2, 4]"),
            ("tensors = [f32[0], f32[2, 3]], dim = 1", "f32[2, 3]"),
            (
                "tensors = [f32[1, 2, 3, 3]{18, 1, 6, 2}, f32[1, 2, 3, 3]{18, 1, 6, 2}], dim = 1",
                "f32[1, 4, 3, 3]{36, 1, 12, 4}",
            ),
            (
                "tensors = [f32[2, 3], f32[2, 4]]",
                "error: `aten.cat.default`: sizes 3 and 4 of dimension 1 differ",
            ),
            (
                "tensors = []",
                "error: `aten.cat.default`: there are no tensors",
            ),
        ],
    );
    check(
        "aten.stack.default",
        &[("tensors = [f32[s0], f32[s0]], dim = 1", "f32[s0, 2]")],
    );
    check(
        "aten.hstack.default",
        &[("tensors = [f32[2], f32[3]]", "f32[5]")],
    );
    check(
        "aten.column_stack.default",
        &[("tensors = [f32[2], f32[2, 3]]", "f32[2, 4]")],
    );
    check(
        "aten.block_diag.default",
        &[("tensors = [f32[2, 3], f32[s0]]", "f32[3, s0 + 3]")],
    );
    check(
        "aten.meshgrid.indexing",
        &[(
            "tensors = [f32[2], f32[3]], indexing = 'xy'",
            "[f32[3, 2]{0, 1}, f32[3, 2]{1, 0}]",
        )],
    );
}

#[test]
fn elements_are_repeated() {
    check(
        "aten.repeat.default",
        &[
            ("self = f32[s0, 2], repeats = [3, 1, 2]", "f32[3, s0, 4]"),
            (
                "self = f32[s0, 2], repeats = [3]",
                "error: `aten.repeat.default`: there are fewer repeats than dimensions",
            ),
        ],
    );
    check(
        "aten.tile.default",
        &[("self = f32[s0, 2], dims = [3]", "f32[s0, 6]")],
    );
    check(
        "aten.repeat_interleave.self_int",
        &[("self = f32[s0, 2], repeats = 3", "f32[6*s0]")],
    );
    check(
        "aten.rot90.default",
        &[("self = f32[2, 3]", "f32[3, 2]{1, 3}")],
    );
    check(
        "aten.diag_embed.default",
        &[("self = f32[2, s0], offset = 1", "f32[2, s0 + 1, s0 + 1]")],
    );
    check(
        "aten.cdist.default",
        &[("x1 = f32[s0, 3], x2 = f32[4, 3]", "f32[s0, 4]")],
    );
    check("aten.diff.default", &[("self = f32[s0]", "f32[s0 - 1]")]);
}

//! Tests of `view`.

use super::check;

#[test]
fn views_keep_the_strides_that_they_can() {
    check(
        "aten.view.default",
        &[
            ("self = f32[s0, 6], size = [-1]", "f32[6*s0]"),
            ("self = f32[s0, 6], size = [s0, 2, 3]", "f32[s0, 2, 3]"),
            ("self = f32[s0, 6], size = [-1, 3]", "f32[2*s0, 3]"),
            (
                "self = f32[4, 6]{12, 1}, size = [2, 2, 6]",
                "f32[2, 2, 6]{24, 12, 1}",
            ),
            ("self = f32[2, 0], size = [0, 7]", "f32[0, 7]"),
            ("self = f32[], size = [1, 1]", "f32[1, 1]"),
            ("self = f32[1, 1], size = []", "f32[]"),
            ("self = f32[u0, 4], size = [u0, 2, 2]", "f32[u0, 2, 2]"),
            (
                "self = f32[2, 3]{1, 2}, size = [6]",
                "error: `aten.view.default`: no view of sizes [2, 3] and strides [1, 2] has sizes [6]",
            ),
            (
                "self = f32[2, 3], size = [4]",
                "error: `aten.view.default`: 6 elements do not fill a tensor of sizes [4]",
            ),
            (
                "self = f32[2, 3], size = [-1, 4]",
                "error: `aten.view.default`: 6 elements do not fill a tensor of sizes [-1, 4]",
            ),
        ],
    );
    check(
        "aten.reshape.default",
        &[
            ("self = f32[2, 3]{1, 2}+1, shape = [6]", "f32[6]"),
            ("self = f32[2, 3]+1, shape = [6]", "f32[6]+1"),
        ],
    );
    check(
        "aten.flatten.using_ints",
        &[
            ("self = f32[s0, 2, 3], start_dim = 1", "f32[s0, 6]"),
            ("self = f32[]", "f32[1]"),
        ],
    );
    check(
        "aten.unflatten.int",
        &[(
            "self = f32[6, s0], dim = 0, sizes = [2, -1]",
            "f32[2, 3, s0]",
        )],
    );
}

#[test]
fn expansion_has_stride_zero() {
    check(
        "aten.expand.default",
        &[
            ("self = f32[s0, 1], size = [-1, 4]", "f32[s0, 4]{1, 0}"),
            ("self = f32[3], size = [2, 3]", "f32[2, 3]{0, 1}"),
            (
                "self = f32[3], size = [2, 4]",
                "error: `aten.expand.default`: a tensor of sizes [3] cannot be expanded to [2, 4]",
            ),
            (
                "self = f32[3], size = [-1, 3]",
                "error: `aten.expand.default`: a tensor of sizes [3] cannot be expanded to [-1, 3]",
            ),
        ],
    );
}

#[test]
fn dimensions_change_places() {
    check(
        "aten.permute.default",
        &[(
            "self = f32[2, 3, s0], dims = [2, 0, 1]",
            "f32[s0, 2, 3]{1, 3*s0, s0}",
        )],
    );
    check(
        "aten.permute.default",
        &[(
            "self = f32[2, 3], dims = [0, 0]",
            "error: `aten.permute.default`: [0, 0] is no order of the dimensions of a tensor of rank 2",
        )],
    );
    check(
        "aten.permute_copy.default",
        &[("self = f32[2, 3], dims = [1, 0]", "f32[3, 2]")],
    );
    check(
        "aten.transpose.int",
        &[("self = f32[2, 3], dim0 = 0, dim1 = -1", "f32[3, 2]{1, 3}")],
    );
    check(
        "aten.t.default",
        &[
            ("self = f32[2, 3]", "f32[3, 2]{1, 3}"),
            ("self = f32[2]", "f32[2]"),
        ],
    );
    check(
        "aten.movedim.intlist",
        &[(
            "self = f32[2, 3, 4], source = [0], destination = [-1]",
            "f32[3, 4, 2]{4, 1, 12}",
        )],
    );
}

#[test]
fn slices_are_clamped() {
    check(
        "aten.slice.Tensor",
        &[
            ("self = f32[10], start = 2, end = 7", "f32[5]+2"),
            ("self = f32[10], start = -3", "f32[3]+7"),
            (
                "self = f32[10, 2], dim = 0, start = 1, end = 9223372036854775807, step = 3",
                "f32[3, 2]{6, 1}+2",
            ),
            ("self = f32[10], start = 8, end = 4", "f32[0]+8"),
            ("self = f32[s0, 4], dim = 0, start = 1", "f32[s0 - 1, 4]+4"),
            ("self = f32[s0], end = -1", "f32[s0 - 1]"),
            (
                "self = f32[]",
                "error: `aten.slice.Tensor`: a tensor without dimensions cannot be sliced",
            ),
            (
                "self = f32[4], dim = 1",
                "error: dimension 1 of `aten.slice.Tensor` is out of range for a tensor of rank 1",
            ),
        ],
    );
}

#[test]
fn one_entry_is_selected() {
    check(
        "aten.select.int",
        &[
            (
                "self = f32[2, s0], dim = 1, index = -1",
                "f32[2]{s0}+s0 - 1",
            ),
            ("self = f32[2, 3], dim = 0, index = 1", "f32[3]+3"),
            (
                "self = f32[2, 3], dim = 0, index = 2",
                "error: `aten.select.int`: index 2 is out of range for size 2",
            ),
        ],
    );
    check(
        "aten.unbind.int",
        &[("self = f32[2, 3]", "[f32[3], f32[3]+3]")],
    );
}

#[test]
fn parts_add_up() {
    check(
        "aten.split.Tensor",
        &[(
            "self = f32[7, 2], split_size = 3",
            "[f32[3, 2], f32[3, 2]+6, f32[1, 2]+12]",
        )],
    );
    check(
        "aten.chunk.default",
        &[("self = f32[6], chunks = 4", "[f32[2], f32[2]+2, f32[2]+4]")],
    );
    check(
        "aten.tensor_split.sections",
        &[(
            "self = f32[5], sections = 3",
            "[f32[2], f32[2]+2, f32[1]+4]",
        )],
    );
    check(
        "aten.split_with_sizes.default",
        &[
            (
                "self = f32[s0, 5], split_sizes = [2, 3], dim = 1",
                "[f32[s0, 2]{5, 1}, f32[s0, 3]{5, 1}+2]",
            ),
            (
                "self = f32[4], split_sizes = [1, 2]",
                "error: `aten.split_with_sizes.default`: parts of 3 altogether do not fit size 4",
            ),
        ],
    );
    check(
        "aten.split.Tensor",
        &[(
            "self = f32[s0], split_size = 2",
            "unknown: `aten.split.Tensor`: the number of results, ((s0 + 1)//2), is not known",
        )],
    );
}

#[test]
fn dimensions_of_size_one_come_and_go() {
    check(
        "aten.unsqueeze.default",
        &[
            ("self = f32[2, 3], dim = -1", "f32[2, 3, 1]"),
            ("self = f32[2, 3], dim = 1", "f32[2, 1, 3]"),
        ],
    );
    check(
        "aten.squeeze.default",
        &[("self = f32[1, s0, 1]", "f32[s0]")],
    );
    check(
        "aten.squeeze.dims",
        &[("self = f32[1, 2, 1], dim = [0, 1]", "f32[2, 1]")],
    );
}

#[test]
fn other_windows_on_memory() {
    check(
        "aten.as_strided.default",
        &[(
            "self = f32[9], size = [2, 2], stride = [1, 2], storage_offset = 1",
            "f32[2, 2]{1, 2}+1",
        )],
    );
    check(
        "aten.diagonal.default",
        &[
            ("self = f32[2, 3], offset = 1", "f32[2]{4}+1"),
            ("self = f32[2, 3], offset = -1", "f32[1]{4}+3"),
        ],
    );
    check(
        "aten.unfold.default",
        &[(
            "self = f32[s0], dimension = 0, size = 3, step = 2",
            "f32[(((s0 - 3)//2)) + 1, 3]{2, 1}",
        )],
    );
    check(
        "aten.view_as_real.default",
        &[("self = c64[2]+1", "f32[2, 2]+2")],
    );
    check(
        "aten.view_as_complex.default",
        &[("self = f32[3, 2]", "c64[3]")],
    );
    check(
        "aten.view.dtype",
        &[
            ("self = f32[2, 4], dtype = f16", "f16[2, 8]"),
            ("self = f32[2, 4], dtype = i32", "i32[2, 4]"),
        ],
    );
}

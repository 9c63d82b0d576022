//! Tests of `index`.

use super::check;

#[test]
fn indices_take_the_place_of_dimensions() {
    check(
        "aten.index.Tensor",
        &[
            ("self = f32[s0, 4], indices = [i64[3]]", "f32[3, 4]"),
            (
                "self = f32[2, 3, 4, 5], indices = [None, i64[7, 1], i64[6]]",
                "f32[2, 7, 6, 5]",
            ),
            (
                "self = f32[2, 3, 4, 5], indices = [i64[6], None, i64[6]]",
                "f32[6, 3, 5]",
            ),
            ("self = f32[2, 3], indices = [b8[2, 3]]", "f32[u0]"),
            (
                "self = f32[2], indices = [i64[1], i64[1]]",
                "error: `aten.index.Tensor`: 2 dimensions of a tensor of rank 1 are indexed",
            ),
        ],
    );
    check(
        "aten.embedding.default",
        &[("weight = f32[10, 4], indices = i64[s0, 7]", "f32[s0, 7, 4]")],
    );
    check(
        "aten.index_select.default",
        &[("self = f32[s0, 4], dim = 1, index = i64[3]", "f32[s0, 3]")],
    );
    check(
        "aten.gather.default",
        &[(
            "self = f32[s0, 4], dim = 1, index = i64[s0, 2]",
            "f32[s0, 2]",
        )],
    );
    check(
        "aten.index_put.default",
        &[(
            "self = f32[s0, 4], indices = [i64[2]], values = f32[]",
            "f32[s0, 4]",
        )],
    );
    check(
        "aten.scatter.src",
        &[(
            "self = f32[2, 3]{1, 2}, dim = 0, index = i64[1, 3], src = f32[1, 3]",
            "f32[2, 3]",
        )],
    );
    check(
        "aten.slice_scatter.default",
        &[(
            "self = f32[4]{2}+1, src = f32[2], start = 0, end = 2",
            "f32[4]{2}+1",
        )],
    );
}

#[test]
fn data_decide_how_much_is_found() {
    check(
        "aten.nonzero.default",
        &[
            ("self = f32[s0, 3]", "i64[u0, 2]{1, u0}"),
            ("self = f32[0, 3]", "i64[0, 2]{1, 0}"),
        ],
    );
    check(
        "aten.nonzero_numpy.default",
        &[("self = f32[]", "[i64[u0]]")],
    );
    check(
        "aten.masked_select.default",
        &[("self = f32[2, 3], mask = b8[3]", "f32[u0]")],
    );
    check(
        "aten._unique2.default",
        &[
            (
                "self = i64[s0], return_inverse = True",
                "i64[u0]; i64[s0]; i64[0]",
            ),
            ("self = f32[s0]", "f32[u0]; ?; ?"),
        ],
    );
    check(
        "aten.bincount.default",
        &[
            ("self = i64[s0]", "i64[u0]"),
            (
                "self = i32[s0]",
                "unknown: `aten.bincount.default`: PyTorch records the dtype of the input, which is not that of the result",
            ),
        ],
    );
    check(
        "aten.repeat_interleave.Tensor",
        &[
            ("repeats = i64[3]", "i64[u0]"),
            ("repeats = i64[3], output_size = 7", "i64[7]"),
        ],
    );
    check(
        "aten.one_hot.default",
        &[
            ("self = i64[s0], num_classes = 5", "i64[s0, 5]"),
            ("self = i64[s0]", "i64[s0, u0]"),
        ],
    );
}

#[test]
fn embedding_bags_and_searches() {
    check(
        "aten._embedding_bag.default",
        &[(
            "weight = f32[10, 4], indices = i64[6], offsets = i64[3], mode = 1",
            "f32[3, 4]; i64[6]; i64[3]; i64[3]",
        )],
    );
    check(
        "aten.bucketize.Tensor",
        &[(
            "self = f32[s0], boundaries = f32[4], out_int32 = True",
            "i32[s0]",
        )],
    );
    check(
        "aten.topk.default",
        &[("self = f32[5], k = 2, dim = 0", "f32[2]; i64[2]")],
    );
    check(
        "aten.take_along_dim.default",
        &[(
            "self = f32[4, 3], indices = i64[4, 2], dim = 1",
            "f32[4, 2]",
        )],
    );
}

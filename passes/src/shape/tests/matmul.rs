//! Tests of `matmul`.

use super::check;

#[test]
fn inner_sizes_go() {
    check(
        "aten.mm.default",
        &[
            ("self = f32[s0, 3], mat2 = f32[3, 5]", "f32[s0, 5]"),
            (
                "self = f32[2, 3], mat2 = f32[4, 5]",
                "error: `aten.mm.default`: the inner sizes are 3 and 4",
            ),
            (
                "self = f32[3], mat2 = f32[3, 5]",
                "error: `aten.mm.default`: a tensor has sizes [3], expected a matrix",
            ),
        ],
    );
    check(
        "aten.bmm.default",
        &[(
            "self = f32[s0, 2, 3], mat2 = f32[s0, 3, 4]",
            "f32[s0, 2, 4]",
        )],
    );
    check(
        "aten.addmm.default",
        &[(
            "self = f32[5], mat1 = f32[s0, 3], mat2 = f32[3, 5]",
            "f32[s0, 5]",
        )],
    );
    check(
        "aten.baddbmm.default",
        &[(
            "self = f32[1], batch1 = f32[2, s0, 3], batch2 = f32[2, 3, 4]",
            "f32[2, s0, 4]",
        )],
    );
    check(
        "aten.dot.default",
        &[("self = f32[s0], tensor = f32[s0]", "f32[]")],
    );
    check(
        "aten.mv.default",
        &[("self = f32[s0, 3], vec = f32[3]", "f32[s0]")],
    );
    check(
        "aten.linear.default",
        &[
            (
                "input = f32[s0, 7, 3], weight = f32[5, 3], bias = f32[5]",
                "f32[s0, 7, 5]",
            ),
            // Dimensions of size 1 beside the last one have its size as their stride, even if it is 0.
            (
                "input = f32[s0, 1, 3], weight = f32[s1 - 2, 3], bias = f32[s1 - 2]",
                "f32[s0, 1, s1 - 2]{Max(1, s1 - 2), s1 - 2, 1}",
            ),
        ],
    );
    check(
        "aten.outer.default",
        &[("self = f32[s0], vec2 = f64[3]", "f64[s0, 3]")],
    );
}

#[test]
fn matmul_broadcasts_batches() {
    check(
        "aten.matmul.default",
        &[
            (
                "self = f32[s0, 1, 2, 3], other = f32[4, 3, 5]",
                "f32[s0, 4, 2, 5]",
            ),
            ("self = f32[3], other = f32[3]", "f32[]"),
            ("self = f32[2, 3], other = f32[3]", "f32[2]"),
            ("self = f32[3], other = f32[s0, 3, 4]", "f32[s0, 4]"),
            (
                "self = f32[], other = f32[3]",
                "error: `aten.matmul.default`: an operand has no dimensions",
            ),
        ],
    );
}

#[test]
fn einsum_has_the_strides_of_its_product() {
    check(
        "aten.einsum.default",
        &[
            (
                "equation = 'bij,bjk->bik', tensors = [f32[s0, 2, 3], f32[s0, 3, 4]]",
                "f32[s0, 2, 4]",
            ),
            (
                "equation = 'ij,jk->ki', tensors = [f32[2, 3], f32[3, 4]]",
                "f32[4, 2]",
            ),
            (
                "equation = 'i,j->ij', tensors = [f32[2], f32[3]]",
                "f32[2, 3]",
            ),
            ("equation = 'ii->i', tensors = [f32[3, 3]]", "f32[3]{4}"),
            (
                "equation = '...ij->...ji', tensors = [f32[s0, 2, 3]]",
                "f32[s0, 3, 2]{6, 1, 3}",
            ),
            (
                "equation = 'ab,bc', tensors = [f32[2, 3], f32[3, 4]]",
                "f32[2, 4]",
            ),
            (
                "equation = 'ij->ik', tensors = [f32[2, 3]]",
                "error: `aten.einsum.default`: `k` of `ij->ik` is in no operand",
            ),
            (
                "equation = 'ij', tensors = [f32[2]]",
                "error: `aten.einsum.default`: `ij` does not fit an operand of rank 1",
            ),
        ],
    );
}

#[test]
fn scaled_products_have_the_dtype_that_is_asked_for() {
    for op in ["aten._scaled_mm.default", "aten._scaled_mm_v2.default"] {
        check(
            op,
            &[(
                "self = f32[s0, 3], mat2 = f32[3, 5], out_dtype = bf16",
                "bf16[s0, 5]",
            )],
        );
    }
}

#[test]
fn what_is_written_keeps_its_memory() {
    check(
        "aten.mm.out",
        &[
            (
                "self = f32[2, 3], mat2 = f32[3, 4], out = f32[2, 4]{1, 2}+4",
                "f32[2, 4]{1, 2}+4",
            ),
            (
                "self = f32[2, 3], mat2 = f32[3, 4], out = f32[0]",
                "f32[2, 4]",
            ),
        ],
    );
}

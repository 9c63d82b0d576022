//! Tests of `linalg`.

use super::check;

#[test]
fn results_are_column_major() {
    check(
        "aten.linalg_inv_ex.default",
        &[("A = f32[s0, 3, 3]", "f32[s0, 3, 3]{9, 1, 3}; i32[s0]")],
    );
    check(
        "aten.linalg_qr.default",
        &[
            ("A = f32[4, 2]", "f32[4, 2]{1, 4}; f32[2, 2]{1, 2}"),
            ("A = f32[4, 2], mode = 'r'", "f32[0]; f32[2, 2]{1, 2}"),
        ],
    );
    check(
        "aten._linalg_svd.default",
        &[(
            "A = c64[4, 2], full_matrices = True",
            "c64[4, 4]{1, 4}; f32[2]; c64[2, 2]{1, 2}",
        )],
    );
    check(
        "aten._linalg_eigh.default",
        &[("A = c64[3, 3]", "f32[3]; c64[3, 3]{1, 3}")],
    );
    check(
        "aten.linalg_solve.default",
        &[
            ("A = f32[2, 3, 3], B = f32[3]", "f32[2, 3]{1, 2}"),
            ("A = f32[3, 3], B = f32[3, 2]", "f32[3, 2]{1, 3}"),
        ],
    );
    check(
        "aten.linalg_slogdet.default",
        &[("A = f32[s0, 3, 3]", "f32[s0]; f32[s0]")],
    );
    check(
        "aten.linalg_inv.default",
        &[(
            "A = f32[3]",
            "error: `aten.linalg_inv.default`: an operand has sizes [3], expected matrices",
        )],
    );
}

#[test]
fn transforms_put_their_dimensions_inside() {
    check(
        "aten.fft_fft.default",
        &[
            ("self = f32[s0, 8]", "c64[s0, 8]"),
            ("self = c64[2, 8], dim = 0", "c64[2, 8]{1, 2}"),
        ],
    );
    check(
        "aten.fft_rfft.default",
        &[("self = f32[s0, 9], n = 8", "c64[s0, 5]")],
    );
    check(
        "aten.fft_irfft.default",
        &[("self = c64[3, 5]", "f32[3, 8]")],
    );
    check(
        "aten.fft_fftn.default",
        &[("self = c64[2, 3, 4], dim = [0, 1]", "c64[2, 3, 4]{3, 1, 6}")],
    );
    check(
        "aten.stft.default",
        &[
            (
                "self = f32[s0, 100], n_fft = 20, hop_length = 10, return_complex = True",
                "c64[s0, 11, 9]{99, 1, 11}",
            ),
            (
                "self = f32[100], n_fft = 20, hop_length = 10, return_complex = False",
                "f32[11, 9, 2]{2, 22, 1}",
            ),
        ],
    );
}

#[test]
fn the_gradient_of_an_exponential_is_a_block_of_one() {
    check(
        "aten.matrix_exp_backward.default",
        &[(
            "self = f32[2, 3, 3], grad = f32[2, 3, 3]",
            "f32[2, 3, 3]{36, 6, 1}+3",
        )],
    );
}

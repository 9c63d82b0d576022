//! Tests of `conv`.

use super::check;

#[test]
fn windows_slide_over_the_input() {
    check(
        "aten.conv2d.default",
        &[
            (
                "input = f32[s0, 3, 32, 32], weight = f32[8, 3, 3, 3], stride = [2, 2], padding = [1, 1]",
                "f32[s0, 8, 16, 16]",
            ),
            (
                "input = f32[1, 4, s1, 9], weight = f32[8, 2, 3, 3], groups = 2",
                "f32[1, 8, s1 - 2, 7]",
            ),
            (
                "input = f32[3, 8, 8], weight = f32[4, 3, 1, 1]",
                "f32[4, 8, 8]",
            ),
            (
                "input = f32[1, 3, 8, 8], weight = f32[4, 2, 1, 1]",
                "error: `aten.conv2d.default`: the input has 3 channels, the weight takes 2",
            ),
            (
                "input = f32[1, 3, 2, 2], weight = f32[4, 3, 5, 5]",
                "error: `aten.conv2d.default`: the kernel does not fit an input of sizes [1, 3, 2, 2]",
            ),
        ],
    );
    check(
        "aten.conv2d.padding",
        &[(
            "input = f32[1, 3, 8, 8], weight = f32[4, 3, 3, 3], padding = 'same'",
            "f32[1, 4, 8, 8]",
        )],
    );
    check(
        "aten.conv1d.default",
        &[(
            "input = f32[2, 3, s0], weight = f32[4, 3, 3], dilation = [2]",
            "f32[2, 4, s0 - 4]",
        )],
    );
    check(
        "aten.conv_transpose2d.input",
        &[(
            "input = f32[2, 4, 5, 5], weight = f32[4, 3, 3, 3], stride = [2, 2], padding = [1, 1], output_padding = [1, 1]",
            "f32[2, 3, 10, 10]",
        )],
    );
}

#[test]
fn channels_last_goes_through() {
    check(
        "aten.convolution.default",
        &[(
            "input = f32[2, 3, 8, 8]{192, 1, 24, 3}, weight = f32[4, 3, 3, 3], bias = None, stride = [1, 1], padding = [0, 0], \
         dilation = [1, 1], transposed = False, output_padding = [0, 0], groups = 1",
            "f32[2, 4, 6, 6]{144, 1, 24, 4}",
        )],
    );
}

#[test]
fn gradients_of_gradients_are_sums_of_convolutions() {
    let geometry = "stride = [2, 1], padding = [1, 0], dilation = [1, 2], transposed = False, output_padding = [0, 0], \
         groups = 2";
    let tensors = "gO = f32[2, 4, 4, 3], weight = f32[4, 2, 3, 3], self = f32[2, 4, 8, 7], ggW = f32[4, 2, 3, 3]";
    let rows = [
        (
            "ggI = f32[2, 4, 8, 7], ggb = f32[4], output_mask = [True, True, True]",
            "f32[2, 4, 4, 3]; f32[2, 4, 8, 7]; f32[4, 2, 3, 3]{12, 48, 3, 1}",
        ),
        (
            "ggI = None, ggb = None, output_mask = [True, False, True]",
            "f32[2, 4, 4, 3]; None; f32[4, 2, 3, 3]",
        ),
    ];
    for (given, expected) in rows {
        let arguments = format!("{tensors}, {geometry}, {given}");
        check(
            "aten._convolution_double_backward.default",
            &[(arguments.as_str(), expected)],
        );
    }
}

#[test]
fn pools_round_down_or_up() {
    check(
        "aten.max_pool2d.default",
        &[
            (
                "self = f32[s0, 3, 9, 9], kernel_size = [2, 2]",
                "f32[s0, 3, 4, 4]",
            ),
            (
                "self = f32[s0, 3, 9, 9], kernel_size = [2, 2], ceil_mode = True",
                "f32[s0, 3, 5, 5]",
            ),
            (
                "self = f32[3, 1, 1], kernel_size = [2, 2]",
                "error: `aten.max_pool2d.default`: a window of 2 does not fit size 1",
            ),
            (
                "self = f32[9], kernel_size = [2, 2]",
                "error: `aten.max_pool2d.default`: the input has rank 1, expected 3 or 4",
            ),
        ],
    );
    check(
        "aten.max_pool2d_with_indices.default",
        &[(
            "self = f32[1, 2, 4, 4]{32, 1, 8, 2}, kernel_size = [2]",
            "f32[1, 2, 2, 2]{8, 1, 4, 2}; i64[1, 2, 2, 2]{8, 1, 4, 2}",
        )],
    );
    check(
        "aten.avg_pool1d.default",
        &[(
            "self = f32[2, 3, s0], kernel_size = [2]",
            "f32[2, 3, (s0//2)]",
        )],
    );
    check(
        "aten.adaptive_avg_pool2d.default",
        &[(
            "self = f32[s0, 3, 9, 9], output_size = [1, 1]",
            "f32[s0, 3, 1, 1]",
        )],
    );
}

#[test]
fn images_are_resampled_and_padded() {
    check(
        "aten.upsample_nearest2d.vec",
        &[
            (
                "input = f32[s0, 3, 4, 4], output_size = None, scale_factors = [2.0, 1.5]",
                "f32[s0, 3, 8, 6]",
            ),
            (
                "input = f32[1, 3, 4, s0], output_size = None, scale_factors = [2.0, 1.5]",
                "f32[1, 3, 8, TruncToInt(1.5*ToFloat(s0))]",
            ),
            (
                "input = f32[1, 3, 4, 4], output_size = [5, 6], scale_factors = None",
                "f32[1, 3, 5, 6]",
            ),
        ],
    );
    check(
        "aten.constant_pad_nd.default",
        &[("self = f32[s0, 4], pad = [1, 2]", "f32[s0, 7]")],
    );
    check(
        "aten.reflection_pad2d.default",
        &[(
            "self = f32[1, 2, 4, 4], padding = [1, 1, 2, 2]",
            "f32[1, 2, 8, 6]",
        )],
    );
    check(
        "aten.pixel_shuffle.default",
        &[(
            "self = f32[s0, 8, 2, 3], upscale_factor = 2",
            "f32[s0, 2, 4, 6]",
        )],
    );
    check(
        "aten.grid_sampler_2d.default",
        &[(
            "input = f32[s0, 3, 4, 4], grid = f32[s0, 5, 6, 2], interpolation_mode = 0, padding_mode = 0, align_corners = False",
            "f32[s0, 3, 5, 6]",
        )],
    );
}

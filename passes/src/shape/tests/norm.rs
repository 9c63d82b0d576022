//! Tests of `norm`.

use super::check;

#[test]
fn normalization_gives_statistics() {
    check(
        "aten.native_layer_norm.default",
        &[(
            "input = f32[s0, 7, 8], normalized_shape = [8], weight = f32[8], bias = f32[8], eps = 0.1",
            "f32[s0, 7, 8]; f32[s0, 7, 1]; f32[s0, 7, 1]",
        )],
    );
    check(
        "aten.native_group_norm.default",
        &[(
            "input = f32[s0, 6, 4], weight = None, bias = None, N = s0, C = 6, HxW = 4, group = 3, eps = 0.1",
            "f32[s0, 6, 4]; f32[s0, 3]; f32[s0, 3]",
        )],
    );
    check(
        "aten._native_batch_norm_legit_no_training.default",
        &[(
            "input = f32[s0, 3, 4, 4], weight = None, bias = None, running_mean = f32[3], running_var = f32[3], momentum = 0.1, eps = 0.1",
            "f32[s0, 3, 4, 4]; f32[0]; f32[0]",
        )],
    );
    check(
        "aten._native_batch_norm_legit_functional.default",
        &[(
            "input = f32[2, 3], weight = None, bias = None, running_mean = f32[3], running_var = f32[3], training = True, momentum = 0.1, eps = 0.1",
            "f32[2, 3]; f32[3]; f32[3]; f32[3]; f32[3]",
        )],
    );
    check(
        "aten.layer_norm.default",
        &[("input = f16[s0, 8], normalized_shape = [8]", "f16[s0, 8]")],
    );
}

#[test]
fn attention_keeps_the_strides_of_the_query() {
    let qkv = "query = f32[2, 4, s0, 8]{32*s0, 8, 32, 1}, key = f32[2, 4, s0, 8], value = f32[2, 4, s0, 8]";
    check(
        "aten.scaled_dot_product_attention.default",
        &[
            (qkv, "f32[2, 4, s0, 8]{32*s0, 8, 32, 1}"),
            (
                "query = f32[4, 5, 8], key = f32[4, 6, 8], value = f32[4, 6, 3]",
                "f32[4, 5, 3]",
            ),
            (
                "query = f32[2, 4, 5, 8]@cuda:0, key = f32[2, 4, 5, 8]@cuda:0, value = f32[2, 4, 5, 8]@cuda:0",
                "unknown: `aten.scaled_dot_product_attention.default`: the kernel on `cuda:0` is not known",
            ),
        ],
    );
    check(
        "aten._scaled_dot_product_flash_attention_for_cpu.default",
        &[(
            "query = f32[2, 4, 5, 8], key = f32[2, 4, 5, 8], value = f32[2, 4, 5, 8]",
            "f32[2, 4, 5, 8]; f32[2, 4, 5]{20, 1, 4}",
        )],
    );
}

#[test]
fn losses_are_numbers_unless_unreduced() {
    check(
        "aten.mse_loss.default",
        &[
            ("self = f32[s0, 2], target = f32[s0, 2]", "f32[]"),
            (
                "self = f32[s0, 2], target = f32[s0, 2], reduction = 0",
                "f32[s0, 2]",
            ),
        ],
    );
    check(
        "aten.cross_entropy_loss.default",
        &[(
            "self = f32[s0, 5, 7], target = i64[s0, 7], reduction = 0",
            "f32[s0, 7]",
        )],
    );
    check(
        "aten.nll_loss_forward.default",
        &[(
            "self = f32[s0, 5], target = i64[s0], weight = None, reduction = 1, ignore_index = -100",
            "f32[]; f32[]",
        )],
    );
}

#[test]
fn recurrent_networks_give_steps_and_states() {
    check(
        "aten.gru.input",
        &[(
            "input = f32[s0, 2, 3], hx = f32[2, 2, 4], params = [f32[12, 3]], has_biases = True, num_layers = 1, dropout = 0.0, train = False, bidirectional = True, batch_first = False",
            "f32[s0, 2, 8]; f32[2, 2, 4]",
        )],
    );
    check(
        "aten.lstm.input",
        &[(
            "input = f32[3, 5, 4], hx = [f32[1, 3, 4], f32[1, 3, 4]], params = [f32[16, 4]], has_biases = True, num_layers = 1, dropout = 0.0, train = False, bidirectional = False, batch_first = True",
            "f32[3, 5, 4]{4, 12, 1}; f32[*]; f32[*]",
        )],
    );
}

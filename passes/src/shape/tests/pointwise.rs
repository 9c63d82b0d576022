//! Tests of `pointwise`.

use super::{super::ShapeEnv, check, infer_in};

#[test]
fn operands_are_broadcast_and_promoted() {
    check(
        "aten.add.Tensor",
        &[
            ("self = f32[s0, 4], other = f32[4]", "f32[s0, 4]"),
            ("self = f32[s0, 1], other = f64[]", "f32[s0, 1]"),
            ("self = i64[3], other = 2.5", "f32[3]"),
            ("self = i8[3], other = 300", "i8[3]"),
            ("self = f16[2, 1], other = f32[3]", "f32[2, 3]"),
            (
                "self = f32[2, 3]{1, 2}, other = f32[2, 3]{1, 2}",
                "f32[2, 3]{1, 2}",
            ),
            ("self = f32[2]@cuda:0, other = f32[]", "f32[2]@cuda:0"),
            ("self = f32[u0], other = f32[u0]", "f32[u0]"),
            (
                "self = f32[2], other = f32[3]",
                "error: `aten.add.Tensor`: shapes [2] and [3] cannot be broadcast with each other",
            ),
        ],
    );
}

#[test]
fn a_symbol_that_was_1_keeps_its_name() {
    let mut env = ShapeEnv::new();
    env.set_range("s9", Some(1), Some(1));
    let arguments = "self = f32[3, s9], other = f32[3, s9]";
    assert_eq!(infer_in(&env, "aten.mul.Tensor", arguments), "f32[3, s9]");
}

#[test]
fn the_op_decides_the_dtype() {
    check(
        "aten.sin.default",
        &[("self = i32[2]", "f32[2]"), ("self = f16[2]", "f16[2]")],
    );
    check(
        "aten.div.Tensor",
        &[("self = i64[2], other = i64[2]", "f32[2]")],
    );
    check(
        "aten.div.Tensor_mode",
        &[(
            "self = i64[2], other = 2, rounding_mode = 'floor'",
            "i64[2]",
        )],
    );
    check("aten.gt.Scalar", &[("self = f32[s0], other = 1", "b8[s0]")]);
    check("aten.abs.default", &[("self = c64[2]", "f32[2]")]);
    check(
        "aten.angle.default",
        &[("self = i64[2]", "f32[2]"), ("self = c128[2]", "f64[2]")],
    );
    check(
        "aten.pow.Tensor_Scalar",
        &[("self = b8[2], exponent = 2", "i64[2]")],
    );
    check(
        "aten.float_power.Tensor_Scalar",
        &[("self = f16[2], exponent = 2", "f64[2]")],
    );
    check(
        "aten.where.self",
        &[(
            "condition = b8[3, 1], self = f32[2], other = i64[]",
            "f32[3, 2]",
        )],
    );
    check(
        "aten.lerp.Scalar",
        &[("self = f32[2], end = f32[2], weight = 0.5", "f32[2]")],
    );
    check(
        "aten.clamp.default",
        &[("self = i64[2], min = 0.5", "f32[2]")],
    );
    check("aten.isnan.default", &[("self = f32[2]", "b8[2]")]);
    check(
        "aten.ldexp.Tensor",
        &[("self = f16[2], other = i32[2]", "f32[2]")],
    );
    check(
        "aten.complex.default",
        &[("real = f64[2], imag = f64[2]", "c128[2]")],
    );
    check(
        "aten.masked_fill.Scalar",
        &[(
            "self = f32[2, 3]{1, 2}, mask = b8[3], value = 0",
            "f32[2, 3]",
        )],
    );
    check("aten.frexp.Tensor", &[("self = f32[2]", "f32[2]; i32[2]")]);
    check(
        "aten.native_dropout.default",
        &[("input = f32[2], p = 0.5, train = True", "f32[2]; b8[2]")],
    );
}

#[test]
fn ops_that_write_return_what_they_write_to() {
    check(
        "aten.add_.Tensor",
        &[("self = f16[2, 3]{1, 2}, other = f32[3]", "f16[2, 3]{1, 2}")],
    );
    check(
        "aten.add.out",
        &[(
            "self = f16[3], other = f32[3], out = f32[3]{2}",
            "f32[3]{2}",
        )],
    );
    check(
        "aten.squeeze_.dim",
        &[("self = f32[1, 3], dim = 0", "f32[3]")],
    );
}

#[test]
fn nothing_is_said_of_unknown_operands_and_ops() {
    check(
        "aten.add.Tensor",
        &[(
            "self = None, other = 1",
            "unknown: `aten.add.Tensor`: there is no tensor among the operands",
        )],
    );
    check(
        "ns.op.default",
        &[(
            "f32[2]",
            "unknown: `ns.op.default`: no schema describes the op",
        )],
    );
    check(
        "aten.add.Tensor",
        &[("x = f32[2]", "error: `aten.add.Tensor` has no argument `x`")],
    );
}

#[test]
fn casts_copy_only_where_something_changes() {
    check(
        "aten.to.dtype",
        &[
            ("self = f32[2, 3]{1, 2}+1, dtype = f32", "f32[2, 3]{1, 2}+1"),
            ("self = f32[2, 3]{1, 2}+1, dtype = f16", "f16[2, 3]{1, 2}"),
            (
                "self = f32[2, 3]{1, 8}, dtype = f32, copy = True",
                "f32[2, 3]{1, 2}",
            ),
        ],
    );
    check(
        "aten._to_copy.default",
        &[("self = f32[2]+3, device = device cuda", "f32[2]@cuda:0")],
    );
    check(
        "aten.clone.default",
        &[
            ("self = f32[2, 3]{1, 2}", "f32[2, 3]{1, 2}"),
            (
                "self = f32[2, 3]{1, 2}, memory_format = contiguous_format",
                "f32[2, 3]",
            ),
            ("self = f32[2, 3]{0, 1}", "f32[2, 3]"),
        ],
    );
    check(
        "aten.contiguous.default",
        &[
            (
                "self = f32[2, 3, 4, 5]+2, memory_format = channels_last",
                "f32[2, 3, 4, 5]{60, 1, 15, 3}",
            ),
            ("self = f32[2, 3]+2", "f32[2, 3]+2"),
        ],
    );
}

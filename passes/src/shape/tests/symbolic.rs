//! Tests of `symbolic`.

use super::check;

#[test]
fn arithmetic_on_symbols() {
    check(
        "sym.mul",
        &[
            ("s0, 4", "4*s0"),
            ("2, 3", "6"),
            ("s0, 0.5", "0.5*ToFloat(s0)"),
        ],
    );
    check("sym.add", &[("s0, s1", "s0 + s1")]);
    check(
        "sym.floordiv",
        &[("s0, 2", "(s0//2)"), ("s0, 0", "unknown: `//` by zero")],
    );
    check(
        "sym.mod",
        &[("s0, 2", "Mod(s0, 2)"), ("u0, 2", "PythonMod(u0, 2)")],
    );
    check("sym.truediv", &[("s0, 2", "IntTrueDiv(s0, 2)")]);
    check("sym.sym_max", &[("s0, u0", "Max(s0, u0)")]);
    check("sym.ge", &[("u0, 2", "u0 >= 2")]);
    check("sym.sym_sum", &[("[s0, s1, 1]", "s0 + s1 + 1")]);
    check(
        "sym.add",
        &[(
            "s0, None",
            "unknown: `operand` of `sym.add` is None, expected a scalar of known expression",
        )],
    );
    check(
        "sym.add",
        &[("s0", "error: `sym.add`: there are 1 operands, expected 2")],
    );
}

#[test]
fn sizes_of_tensors() {
    check(
        "aten.sym_size.int",
        &[
            ("self = f32[2, s0 + 1], dim = -1", "s0 + 1"),
            (
                "self = f32[], dim = 0",
                "error: `aten.sym_size.int`: the tensor has no dimensions",
            ),
        ],
    );
    check(
        "aten.sym_stride.int",
        &[("self = f32[2, s0], dim = 0", "s0")],
    );
    check(
        "aten.sym_numel.default",
        &[("self = f32[s0 + 1, s1]", "s0*s1 + s1")],
    );
    check(
        "aten.sym_storage_offset.default",
        &[("self = f32[2]+s0", "s0")],
    );
}

#[test]
fn values_out_of_tensors() {
    check(
        "aten.item.default",
        &[
            ("self = i64[]", "u0"),
            ("self = f32[]", "zuf0"),
            ("self = b8[]", "Eq(u0, 1)"),
        ],
    );
}

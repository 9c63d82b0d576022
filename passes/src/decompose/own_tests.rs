//! Operators that PyTorch registers for its own tests.

use super::{Rule, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, refuse, single},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("_test.cat.default", cat),
    ("_test.leaky_relu.default", leaky_relu),
    (
        "aten._test_autograd_multiple_dispatch.ntonly",
        multiple_dispatch,
    ),
    ("aten._test_serialization_subcmul.default", subcmul),
    ("aten._test_string_default.default", string_default),
];

// cat(xs) = cat(xs)
fn cat<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.op_value("aten.cat.default", args![b.tensors("inputs")?])?)
}

// leaky_relu(x, v) = leaky_relu(x, v)
fn leaky_relu<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let args = args![b.tensor("self")?, b.float("v")?];
    single(b.op_value("aten.leaky_relu.default", args)?)
}

// multiple_dispatch(x) = clone(x)
fn multiple_dispatch<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.unary("clone", b.tensor("self")?)?)
}

// subcmul(x, y, alpha) = x - alpha * y
fn subcmul<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let Some(alpha) = b.arg("alpha") else {
        return refuse("`alpha` must be a number");
    };
    let args = vec![b.tensor("other")?.into(), alpha];
    let scaled = b.op_value("aten.mul.Scalar", args)?;
    single(b.sub(b.tensor("self")?, scaled)?)
}

// string_default(x) = x
fn string_default<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.tensor("dummy")?)
}

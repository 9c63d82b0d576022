//! Elementwise ops.

use super::Rule;
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, single},
};

pub(super) const RULES: &[(&str, Rule)] = &[("aten.silu.default", silu)];

// silu(x) = x * sigmoid(x), computed in f32 for f16 and bf16.
fn silu<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let x = b.tensor("self")?;
    let sigmoid = b.op_value("aten.sigmoid.default", args![x])?;
    single(b.op_value("aten.mul.Tensor", args![x, sigmoid])?)
}

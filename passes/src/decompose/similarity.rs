//! Distances and angles between pairs of vectors.

use expc_dialects::Constant;

use super::{Rule, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, refuse, single},
    shape::Promotion,
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.cosine_similarity.default", cosine_similarity),
    ("aten.pairwise_distance.default", pairwise_distance),
];

// cosine_similarity(x, y, dim) = sum(x / max(|x|, eps) * y / max(|y|, eps), dim).
fn cosine_similarity<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (mut x, mut y) = (b.tensor("x1")?, b.tensor("x2")?);
    let (dim, eps) = (b.int("dim")?, b.float("eps")?);
    let dtype = b.promoted_dtype(&[x.into(), y.into()], Promotion::Default)?;
    let (x_sizes, y_sizes) = (b.sizes(x)?, b.sizes(y)?);
    let is_same = x_sizes.len() == y_sizes.len()
        && x_sizes
            .iter()
            .zip(&y_sizes)
            .all(|(x, y)| b.sizes_equal(x, y));
    if !is_same {
        let results = b.ops("aten.broadcast_tensors.default", args![vec![x, y]], &[])?;
        let &[first, second] = results.as_slice() else {
            return refuse("`aten.broadcast_tensors.default` has no two results");
        };
        (x, y) = (first, second);
    }
    let norm = |x| {
        let op = "aten.linalg_vector_norm.default";
        b.unary("clone", b.op_value(op, args![x, 2, vec![dim], true])?)
    };
    let (x, y) = (b.cast(x, dtype)?, b.cast(y, dtype)?);
    let (x_norm, y_norm) = (norm(x)?, norm(y)?);
    let smallest = b.op_with(
        "aten.scalar_tensor.default",
        args![eps],
        &[
            ("dtype", dtype.into()),
            ("device", Constant::Device(b.meta(x)?.device).into()),
        ],
    )?;
    let bounded = |norm| b.op_value("aten.clamp_min.Tensor", args![norm, smallest]);
    let (x_norm, y_norm) = (bounded(x_norm)?, bounded(y_norm)?);
    let y = b.div(y, y_norm)?;
    let products = b.mul(b.div(x, x_norm)?, y)?;
    single(b.op_value("aten.sum.dim_IntList", args![products, vec![dim]])?)
}

// pairwise_distance(x, y, p) = norm(x - y + eps, p), along the last dimension.
fn pairwise_distance<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, y) = (b.tensor("x1")?, b.tensor("x2")?);
    let difference = b.op_value("aten.add.Scalar", args![b.sub(x, y)?, b.float("eps")?])?;
    let last = i64::try_from(b.dimension(difference, -1)?).unwrap_or(i64::MAX);
    let (p, keepdim) = (b.float("p")?, b.boolean("keepdim")?);
    let op = "aten.norm.ScalarOpt_dim";
    single(b.op_value(op, args![difference, p, vec![last], keepdim])?)
}

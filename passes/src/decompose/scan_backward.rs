//! Gradients of running products and running extremes.

use melior::ir::Value;

use super::{Rule, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.cummaxmin_backward.default", cummaxmin),
    ("aten.cumprod_backward.default", cumprod),
];

/// Of more elements the gradient of a running product is left: it would be as many ops, several times.
const MOST_FACTORS: i64 = 64;

// d cummax(x) = zeros with g added where the extremes were found
fn cummaxmin<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (gradient, x, indices) = (b.tensor("grad")?, b.tensor("input")?, b.tensor("indices")?);
    let zeros = b.zeros(b.sizes(x)?, &b.options_of(gradient)?)?;
    let args = args![zeros, b.int("dim")?, indices, gradient];
    single(b.op_value("aten.scatter_add.default", args)?)
}

// d cumprod(x)[k] = Σ g[j] · the product of x[0..=j] without x[k], over j ≥ k
fn cumprod<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (gradient, x) = (b.tensor("grad")?, b.tensor("input")?);
    if b.rank(x)? == 0 {
        return single(gradient);
    }
    let at = b.dimension(x, b.int("dim")?)?;
    let count = match b.size_of(x, at)?.as_static() {
        Some(..=1) => return single(gradient),
        Some(count) if count <= MOST_FACTORS => count,
        Some(count) => return refuse(format!("a product of {count} factors")),
        None => return refuse("the number of factors is not known"),
    };
    let x = if b.dtype_of(x)?.is_complex() {
        b.unary("conj", x)?
    } else {
        x
    };
    let dim = i64::try_from(at).unwrap_or(i64::MAX);
    let of_each = (0..count).map(|k| {
        let others = products_without(b, x, dim, k, count)?;
        let later = b.op_value("aten.slice.Tensor", args![gradient, dim, k])?;
        let sum = args![b.mul(later, others)?, vec![dim]];
        b.unsqueeze(b.op_value("aten.sum.dim_IntList", sum)?, dim)
    });
    let of_each = of_each.collect::<Rewritten<Vec<_>>>()?;
    single(b.op_value("aten.cat.default", args![of_each, dim])?)
}

/// The products of the first `j` of `count` factors without the `k`-th, for `j` from `k` on.
fn products_without<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: i64,
    k: i64,
    count: i64,
) -> Rewritten<Value<'c, 'a>> {
    let sizes_along = |length: i64| -> Rewritten<Vec<Size<'c, 'a>>> {
        let mut sizes = b.sizes(x)?;
        match usize::try_from(dim).ok().and_then(|dim| sizes.get_mut(dim)) {
            Some(size) => *size = Size::Static(length),
            None => return refuse("the dimension is not there"),
        }
        Ok(sizes)
    };
    let before = if k == 0 {
        let one = b.full([Size::Static(1)], 1, &b.options_of(x)?)?;
        b.expand(one, sizes_along(1)?)?
    } else {
        let first = b.op_value("aten.slice.Tensor", args![x, dim, 0_i64, k])?;
        b.op_value("aten.prod.dim_int", args![first, dim, true])?
    };
    if k + 1 == count {
        return Ok(before);
    }
    let rest = b.op_value("aten.slice.Tensor", args![x, dim, k.saturating_add(1)])?;
    let mut after = b.op_value("aten.cumprod.default", args![rest, dim])?;
    if k > 0 {
        let spread = b.expand(before, sizes_along(count - k - 1)?)?;
        after = b.mul(spread, after)?;
    }
    b.op_value("aten.cat.default", args![vec![before, after], dim])
}

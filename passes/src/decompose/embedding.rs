//! Embeddings: bags of them, and gradients of their weights.

use expc_dialects::{Argument, ScalarType};

use super::{
    Rule,
    elementwise::{Answer, opmath},
};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    (
        "aten._embedding_bag_sparse_backward.default",
        embedding_bag_sparse_backward,
    ),
    ("aten.embedding_backward.default", embedding_backward),
    ("aten.embedding_bag.default", embedding_bag),
    ("aten.embedding_bag.padding_idx", embedding_bag),
    (
        "aten.embedding_dense_backward.default",
        embedding_dense_backward,
    ),
];

// embedding_bag(w, ...) = _embedding_bag_forward_only(w, ...), _embedding_bag where w is trained
fn embedding_bag<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let weight = b.tensor("weight")?;
    let padding = match b.arg("padding_idx") {
        None => -1,
        Some(_) => padding_row(b)?,
    };
    let name = if b.is_trained_input(weight) {
        "aten._embedding_bag.default"
    } else {
        "aten._embedding_bag_forward_only.default"
    };
    let args = args![
        weight,
        b.contiguous(b.tensor("indices")?)?,
        b.contiguous(b.tensor("offsets")?)?,
        b.boolean("scale_grad_by_freq")?,
        b.int("mode")?,
        b.boolean("sparse")?,
        b.optional_tensor("per_sample_weights"),
        b.boolean("include_last_offset")?,
        padding,
    ];
    let values = b.ops(name, args, &[])?;
    Ok(values.into_iter().map(Some).collect())
}

/// The row of the weights that pads, counted from the front.
fn padding_row(b: &Rewrite<'_, '_, '_>) -> Rewritten<i64> {
    let padding = b.int("padding_idx")?;
    let rows = b.size_of(b.tensor("weight")?, 0)?;
    match rows.as_static() {
        _ if padding >= 0 => Ok(padding),
        Some(rows) => Ok(padding.saturating_add(rows)),
        None => refuse("a symbolic number of rows"),
    }
}

// embedding_backward(g, ...) = embedding_dense_backward(g, ...)
fn embedding_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let common = args![
        b.tensor("grad")?,
        b.tensor("indices")?,
        b.size("num_weights")?,
        b.size("padding_idx")?,
        b.boolean("scale_grad_by_freq")?,
    ];
    if b.boolean("sparse")? {
        return single(b.op_value("aten.embedding_sparse_backward.default", common)?);
    }
    single(b.op_value("aten.embedding_dense_backward.default", common)?)
}

// embedding_dense_backward(g, i, n, p) = zeros(n, ...) with (i == p ? 0 : g) added at i
fn embedding_dense_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let given = b.tensor("grad_output")?;
    let dtype = b.dtype_of(given)?;
    let mut grad = b.cast(given, opmath(dtype))?;
    let indices = b.cast(b.tensor("indices")?, ScalarType::Int64)?;
    let weights = b.size("num_weights")?;
    let options = b.options_of(grad)?;
    let at: Argument = args![indices].into();
    if b.boolean("scale_grad_by_freq")? {
        let integers = options.clone().with_dtype(ScalarType::Int64);
        let counts = b.zeros([weights.clone()], &integers)?;
        let ones = b.op_value("aten.ones_like.default", args![indices])?;
        let args = args![counts, at.clone(), ones, true];
        let counts = b.op_value("aten._unsafe_index_put.default", args)?;
        let scale = b.op_value("aten.index.Tensor", args![counts, at.clone()])?;
        grad = b.div(grad, b.unsqueeze(scale, -1)?)?;
    }
    let mut mask = b.compare("eq", indices, b.size("padding_idx")?)?;
    for _ in b.rank(mask)?..b.rank(grad)? {
        mask = b.unsqueeze(mask, -1)?;
    }
    let kept = b.op_value("aten.masked_fill.Scalar", args![grad, mask, 0])?;
    let trailing = b.sizes(grad)?.into_iter().skip(b.rank(indices)?);
    let sizes: Vec<Size> = std::iter::once(weights).chain(trailing).collect();
    let zeros = b.zeros(sizes, &options)?;
    let args = args![zeros, at, kept, true];
    let summed = b.op_value("aten._unsafe_index_put.default", args)?;
    b.answer(summed, dtype)
}

// embedding_bag_sparse_backward(g, i, bags, sizes, w) = embedding_sparse_backward(g[bags] w, i); of means
// g[bags] over the size of the bag
fn embedding_bag_sparse_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    const MEAN: i64 = 1;
    let bags = b.tensor("offset2bag")?;
    let rows = |x| b.op_value("aten.index_select.default", args![x, 0_i64, bags]);
    let mut gradient = rows(b.tensor("grad")?)?;
    if b.int("mode")? == MEAN {
        let sizes = b.cast(b.tensor("bag_size")?, b.dtype_of(gradient)?)?;
        let ones = b.unary("empty_like", sizes)?;
        let ones = b.op_value("aten.fill.Scalar", args![ones, 1_i64])?;
        let share = b.unsqueeze(b.div(ones, sizes)?, 1)?;
        gradient = b.mul(gradient, rows(share)?)?;
    }
    if let Some(weights) = b.optional_tensor("per_sample_weights") {
        gradient = b.mul(gradient, b.unsqueeze(weights, 1)?)?;
    }
    let args = args![
        gradient,
        b.tensor("indices")?,
        b.size("num_weights")?,
        b.size("padding_idx")?,
        b.boolean("scale_grad_by_freq")?,
    ];
    single(b.op_value("aten.embedding_sparse_backward.default", args)?)
}

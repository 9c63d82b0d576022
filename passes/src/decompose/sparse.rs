//! Tensors that hold only what is not zero.

use melior::ir::Value;

use super::{Rule, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten._sparse_log_softmax.int", sparse_softmax),
    ("aten._sparse_mm.default", sparse_mm),
    ("aten._sparse_softmax.int", sparse_softmax),
    ("aten._sparse_sum.default", sparse_sum),
    ("aten._sparse_sum.dim_dtype", sparse_sum_dims),
    ("aten._sparse_sum.dtype", sparse_sum),
    ("aten.to_dense.default", to_dense),
    ("aten.to_sparse.default", to_sparse),
    ("aten.to_sparse.sparse_dim", to_sparse),
    ("aten.to_sparse_bsc.default", to_sparse),
    ("aten.to_sparse_bsr.default", to_sparse),
    ("aten.to_sparse_csc.default", to_sparse),
    ("aten.to_sparse_csr.default", to_sparse),
];

fn is_strided<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<bool> {
    Ok(b.meta(x)?.layout == "strided")
}

// to_sparse(x) = _to_sparse(x), x itself where it has that layout
fn to_sparse<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let layout = b.result_meta(0)?.layout;
    if layout != "strided" && b.meta(x)?.layout == layout {
        return single(x);
    }
    let name = b.op().name().replacen("aten.", "aten._", 1);
    b.renamed(&name)
}

// to_dense(x) = _to_dense(x), a cast where x is dense
fn to_dense<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    if is_strided(b, x)? {
        return single(b.cast(x, b.result_meta(0)?.dtype)?);
    }
    b.renamed("aten._to_dense.default")
}

// _sparse_mm(x, y) = _sparse_addmm(zeros, x, y, beta = 0); transposed where only y is sparse
fn sparse_mm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (left, right) = (b.tensor("sparse")?, b.tensor("dense")?);
    let (left_dense, right_dense) = (is_strided(b, left)?, is_strided(b, right)?);
    if !left_dense && !right_dense {
        return single(b.op_value("aten._sparse_sparse_matmul.default", args![left, right])?);
    }
    let sizes: [Size; 2] = [b.size_of(left, 0)?, b.size_of(right, 1)?];
    let beta = [("beta", 0.into())];
    if !left_dense {
        let zeros = b.zeros(sizes, &b.options_of(right)?)?;
        let args = args![zeros, left, right];
        return single(b.op_with("aten._sparse_addmm.default", args, &beta)?);
    }
    let zeros = b.zeros(sizes, &b.options_of(left)?)?;
    let turned = |x| b.transpose(x, -2, -1);
    let args = args![turned(zeros)?, turned(right)?, turned(left)?];
    single(turned(b.op_with(
        "aten._sparse_addmm.default",
        args,
        &beta,
    )?)?)
}

// _sparse_softmax(x, d, dtype) = _sparse_softmax(x as dtype, d)
fn sparse_softmax<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.cast(b.tensor("self")?, b.result_meta(0)?.dtype)?;
    let name = b.op().name().replace(".int", ".default");
    single(b.op_value(&name, args![x, b.int("dim")?, false])?)
}

// _sparse_sum(x) = sum(values of x)
fn sparse_sum<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let values = b.op_value("aten.values.default", args![b.tensor("self")?])?;
    let kwargs: Vec<_> = b
        .arg("dtype")
        .map(|dtype| ("dtype", dtype))
        .into_iter()
        .collect();
    single(b.op_with("aten.sum.default", args![values], &kwargs)?)
}

// _sparse_sum(x, d, dtype) = _sparse_sum(x as dtype, d)
fn sparse_sum_dims<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let Some(dtype) = b.dtype("dtype") else {
        return refuse("no dtype");
    };
    let x = b.cast(b.tensor("self")?, dtype)?;
    single(b.op_value("aten._sparse_sum.dim", args![x, b.ints("dim")?])?)
}

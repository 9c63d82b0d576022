//! Tensors that hold only what is not zero.

use expc_dialects::{Constant, ScalarType};
use melior::ir::Value;

use super::{Rule, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    (
        "aten._gather_sparse_backward.default",
        gather_sparse_backward,
    ),
    ("aten._sparse_coo_tensor_unsafe.default", coo_tensor),
    ("aten._sparse_log_softmax.int", sparse_softmax),
    ("aten._sparse_mm.default", sparse_mm),
    ("aten._sparse_mm.reduce", sparse_mm_reduce),
    ("aten._sparse_softmax.int", sparse_softmax),
    ("aten._sparse_sum.default", sparse_sum),
    ("aten._sparse_sum.dim_dtype", sparse_sum_dims),
    ("aten._sparse_sum.dtype", sparse_sum),
    (
        "aten.embedding_sparse_backward.default",
        embedding_sparse_backward,
    ),
    ("aten.sparse_coo_tensor.indices_size", coo_tensor),
    ("aten.to_dense.default", to_dense),
    ("aten.to_dense_backward.default", to_dense_backward),
    ("aten.to_mkldnn_backward.default", to_mkldnn_backward),
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

// _sparse_mm(x, y, reduce) = _sparse_mm_reduce_impl(x, y, reduce)[0]
fn sparse_mm_reduce<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let args = args![
        b.tensor("sparse")?,
        b.tensor("dense")?,
        b.string("reduce")?.as_str()
    ];
    single(b.first_of("aten._sparse_mm_reduce_impl.default", args)?)
}

/// The tensor of these sizes that holds values at indices: the first dimensions are counted by rows of the indices,
/// the others are those of the values.
fn coo<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    indices: Value<'c, 'a>,
    values: Value<'c, 'a>,
    sizes: Vec<Size<'c, 'a>>,
    dtype: ScalarType,
) -> Rewritten<Value<'c, 'a>> {
    let dense = i64::try_from(b.rank(values)?).unwrap_or(i64::MAX) - 1;
    let sparse = b.size_of(indices, 0)?;
    let device = b.meta(values)?.device;
    b.op_with(
        "aten._sparse_coo_tensor_with_dims_and_tensors.default",
        args![sparse, dense, size_argument(sizes), indices, values],
        &[
            ("dtype", dtype.into()),
            ("layout", Constant::Layout("sparse_coo".to_owned()).into()),
            ("device", Constant::Device(device).into()),
            ("pin_memory", Constant::None.into()),
        ],
    )
}

// sparse_coo_tensor(i, v, sizes) = _sparse_coo_tensor_with_dims_and_tensors(rows of i, dims of v - 1, sizes, i, v)
fn coo_tensor<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (indices, values) = (b.tensor("indices")?, b.tensor("values")?);
    let dtype = b.result_meta(0)?.dtype;
    single(coo(b, indices, values, b.size_list("size")?, dtype)?)
}

// embedding_sparse_backward(g, i, n) = the sparse tensor of n rows with those of g at i; a row that pads would leave
// out as many as data say
fn embedding_sparse_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (gradient, indices) = (b.tensor("grad")?, b.tensor("indices")?);
    if b.int("padding_idx")? != -1 || b.boolean("scale_grad_by_freq")? {
        return refuse("which rows there are depends on data");
    }
    let mut sizes = b.sizes(gradient)?;
    let Some(features) = sizes.last().cloned() else {
        return refuse("the gradient has no dimension");
    };
    if sizes.drain(..).any(|size| b.size_is(&size, 0)) {
        return refuse("the gradient has no elements");
    }
    let rest = Size::Static(-1);
    let indices = b.reshape(indices, [Size::Static(1), rest.clone()])?;
    let values = b.reshape(gradient, [rest, features.clone()])?;
    let dtype = b.dtype_of(gradient)?;
    let sizes = vec![b.size("num_weights")?, features];
    single(coo(b, indices, values, sizes, dtype)?)
}

// gather_sparse_backward(x, d, i, g) = the sparse tensor like x with each element of g at its own index, but for
// dimension d, where it is i
fn gather_sparse_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (like, gradient) = (b.tensor("self")?, b.tensor("grad")?);
    let index = b.tensor("index")?;
    let (sizes, dtype) = (b.sizes(like)?, b.dtype_of(gradient)?);
    let counts = b.sizes(gradient)?;
    if sizes.len() != counts.len() {
        return refuse("the gradient has other dimensions than the tensor");
    }
    let total = b.product(&counts)?;
    let rows = Size::Static(i64::try_from(sizes.len()).unwrap_or(i64::MAX));
    let integers = b.options_of(index)?.with_dtype(ScalarType::Int64);
    let mut indices = b.empty([rows, total.clone()], &integers)?;
    if sizes.is_empty() {
        let values = b.expand(gradient, [total])?;
        return single(coo(b, indices, values, sizes, dtype)?);
    }
    let dim = b.dimension(like, b.int("dim")?)?;
    let (mut above, mut below) = (total, Size::Static(1));
    for (row, count) in counts.iter().enumerate() {
        above = b.size_floordiv(&above, count)?;
        let flat = [Size::Static(-1)];
        let numbers = if row == dim {
            b.reshape(index, flat)?
        } else {
            let range = b.indices(count.clone(), index)?;
            let column = b.unsqueeze(range, 1)?;
            let spread = b.expand(column, [count.clone(), above.clone()])?;
            let repeats = size_argument([below.clone()]);
            b.op_value(
                "aten.repeat.default",
                args![b.reshape(spread, flat)?, repeats],
            )?
        };
        let row = i64::try_from(row).unwrap_or(i64::MAX);
        let target = b.op_value("aten.select.int", args![indices, 0_i64, row])?;
        let numbers = b.op_value("aten.copy.default", args![target, numbers])?;
        let args = args![indices, numbers, 0_i64, row];
        indices = b.op_value("aten.select_scatter.default", args)?;
        below = b.size_mul(&below, count)?;
    }
    let values = b.reshape(gradient, [Size::Static(-1)])?;
    single(coo(b, indices, values, sizes, dtype)?)
}

// d to_dense(x) = g, in the dtype of x; the elements that x has where x is sparse
fn to_dense_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (gradient, x) = (b.tensor("grad")?, b.tensor("input")?);
    if is_strided(b, x)? && is_strided(b, gradient)? {
        return single(b.cast(gradient, b.dtype_of(x)?)?);
    }
    refuse("which elements there are depends on data")
}

// d to_mkldnn(x) = g, in the dtype of x
fn to_mkldnn_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (gradient, x) = (b.tensor("grad")?, b.tensor("input")?);
    single(b.cast(gradient, b.dtype_of(x)?)?)
}

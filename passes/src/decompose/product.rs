//! Products of tensors that are products of matrices after a permutation, and chains of products.

use melior::ir::Value;

use super::{Rule, matmul::unsafe_view};
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, Size, refuse, single, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.inner.default", inner),
    ("aten.tensordot.default", tensordot),
    ("aten.kron.default", kron),
    ("aten.bilinear.default", bilinear),
    ("aten.chain_matmul.default", chain_matmul),
    ("aten.linalg_multi_dot.default", multi_dot),
    ("aten.matrix_power.default", matrix_power),
    ("aten.linalg_matrix_power.default", matrix_power),
    ("aten.cross.default", cross),
    ("aten.linalg_cross.default", linalg_cross),
    ("aten.linalg_vecdot.default", vecdot),
];

/// A chain of more factors than this is left alone: finding its best order takes cubic time.
const MAX_CHAIN: usize = 128;

// inner(a, b) = tensordot(a, b) over the last dimensions; a b where one is a number.
fn inner<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (left, right) = (b.tensor("self")?, b.tensor("other")?);
    if b.rank(left)? == 0 || b.rank(right)? == 0 {
        return single(b.mul(left, right)?);
    }
    single(contract(b, left, right, &[-1], &[-1])?)
}

fn tensordot<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (left_dims, right_dims) = (b.ints("dims_self")?, b.ints("dims_other")?);
    let (left, right) = (b.tensor("self")?, b.tensor("other")?);
    single(contract(b, left, right, &left_dims, &right_dims)?)
}

// tensordot(a, b) = mm of a and b with the contracted dimensions last and first; what is summed with a size of
// one is summed before, and a full contraction is a dot.
fn contract<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    mut left: Value<'c, 'a>,
    mut right: Value<'c, 'a>,
    left_dims: &[i64],
    right_dims: &[i64],
) -> Rewritten<Value<'c, 'a>> {
    if left_dims.len() != right_dims.len() {
        return refuse("the tensors are contracted over different numbers of dimensions");
    }
    let mut contracted = Size::Static(1);
    for (left_dim, right_dim) in left_dims.iter().zip(right_dims) {
        let left_size = b.size_of(left, b.dimension(left, *left_dim)?)?;
        let right_size = b.size_of(right, b.dimension(right, *right_dim)?)?;
        if b.size_is(&right_size, 1) {
            left = summed(b, left, *left_dim)?;
        } else if b.size_is(&left_size, 1) {
            right = summed(b, right, *right_dim)?;
        } else {
            contracted = b.product(&[contracted, left_size])?;
        }
    }
    let left_free = free_dims(b, left, left_dims)?;
    let right_free = free_dims(b, right, right_dims)?;
    let left_sizes = sizes_at(b, left, &left_free)?;
    let right_sizes = sizes_at(b, right, &right_free)?;
    let left_order: Vec<i64> = left_free.iter().chain(left_dims).copied().collect();
    let right_order: Vec<i64> = right_dims.iter().chain(&right_free).copied().collect();
    let sizes: Vec<Size> = left_sizes.iter().chain(&right_sizes).cloned().collect();
    let product = if sizes.is_empty() {
        let left = b.permute(left, left_order)?;
        let right = b.permute(right, right_order)?;
        let right = b.reshape(right, [contracted.clone()])?;
        let left = b.reshape(left, [contracted])?;
        b.op_value("aten.dot.default", args![left, right])?
    } else {
        let (rows, columns) = (b.product(&left_sizes)?, b.product(&right_sizes)?);
        let left = b.permute(left, left_order)?;
        let left = b.reshape(left, [rows, contracted.clone()])?;
        let right = b.permute(right, right_order)?;
        let right = b.reshape(right, [contracted, columns])?;
        b.op_value("aten.mm.default", args![left, right])?
    };
    b.reshape(product, sizes)
}

/// The sum over a dimension, which stays with a size of one.
fn summed<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    dim: i64,
) -> Rewritten<Value<'c, 'a>> {
    let dtype = b.dtype_of(value)?;
    b.op_with(
        "aten.sum.dim_IntList",
        args![value, vec![dim], true],
        &[("dtype", dtype.into())],
    )
}

/// The dimensions that are not in a list.
fn free_dims<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    dims: &[i64],
) -> Rewritten<Vec<i64>> {
    let taken: Vec<usize> = dims
        .iter()
        .map(|dim| b.dimension(value, *dim))
        .collect::<Rewritten<_>>()?;
    Ok((0..b.rank(value)?)
        .filter(|dim| !taken.contains(dim))
        .filter_map(|dim| i64::try_from(dim).ok())
        .collect())
}

fn sizes_at<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    dims: &[i64],
) -> Rewritten<Vec<Size<'c, 'a>>> {
    dims.iter()
        .map(|dim| b.size_of(value, b.dimension(value, *dim)?))
        .collect()
}

// kron(a, b) = a b with the dimensions of a and b alternating, each pair as one.
fn kron<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (left, right) = (b.tensor("self")?, b.tensor("other")?);
    let rank = b.rank(left)?.max(b.rank(right)?);
    let padded = |value: Value<'c, 'a>| -> Rewritten<Vec<Size<'c, 'a>>> {
        let sizes = b.sizes(value)?;
        let missing = rank.saturating_sub(sizes.len());
        Ok(std::iter::repeat_n(Size::Static(1), missing)
            .chain(sizes)
            .collect())
    };
    let (left_sizes, right_sizes) = (padded(left)?, padded(right)?);
    let one = || Size::Static(1);
    let left = unsafe_view(
        b,
        left,
        left_sizes.iter().flat_map(|size| [size.clone(), one()]),
    )?;
    let right = unsafe_view(
        b,
        right,
        right_sizes.iter().flat_map(|size| [one(), size.clone()]),
    )?;
    let product = b.mul(left, right)?;
    let sizes: Vec<Size> = left_sizes
        .iter()
        .zip(&right_sizes)
        .map(|(left, right)| b.size_mul(left, right))
        .collect::<Rewritten<_>>()?;
    single(b.reshape(product, sizes)?)
}

// bilinear(x, y, w) = Σ x w y over both inputs' features, by `_trilinear` of matrices.
fn bilinear<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (left, right, weight) = (
        b.tensor("input1")?,
        b.tensor("input2")?,
        b.tensor("weight")?,
    );
    let mut sizes = b.sizes(left)?;
    if sizes.pop().is_none() {
        return refuse("the input is 0-dimensional");
    }
    sizes.push(b.size_of(weight, 0)?);
    let left = flat_rows(b, left)?;
    let right = flat_rows(b, right)?;
    let output = b.op_value(
        "aten._trilinear.default",
        args![
            left,
            weight,
            right,
            vec![1_i64, 3],
            vec![0_i64],
            vec![1_i64, 2],
            vec![2_i64, 3],
        ],
    )?;
    let output = b.reshape(output, sizes)?;
    single(match b.optional_tensor("bias") {
        Some(bias) => b.add(output, bias)?,
        None => output,
    })
}

/// All dimensions but the last as one.
fn flat_rows<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, value: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    let Some(last) = b.rank(value)?.checked_sub(1) else {
        return refuse("the input is 0-dimensional");
    };
    b.reshape(value, [Size::Static(-1), b.size_of(value, last)?])
}

// chain_matmul([a]) = a, of more matrices multi_dot.
fn chain_matmul<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    match b.tensors("matrices")?.as_slice() {
        [matrix] => single(*matrix),
        matrices => single(b.op_value("aten.linalg_multi_dot.default", args![matrices.to_vec()])?),
    }
}

// multi_dot([a, b, …]) = mm of all in the cheapest order; vectors at the ends count as a row and a column.
fn multi_dot<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let mut factors = b.tensors("tensors")?;
    let count = factors.len();
    if !(2..=MAX_CHAIN).contains(&count) {
        return refuse(format!("a chain of {count} factors"));
    }
    let mut sizes = Vec::new();
    if let Some(first) = factors.first_mut() {
        if b.rank(*first)? == 1 {
            *first = b.unsqueeze(*first, 0)?;
        } else {
            sizes.push(b.size_of(*first, 0)?);
        }
    }
    if let Some(last) = factors.last_mut() {
        if b.rank(*last)? == 1 {
            *last = b.unsqueeze(*last, -1)?;
        } else {
            sizes.push(b.size_of(*last, 1)?);
        }
    }
    let product = chain_product(b, &factors, &ChainOrder::new(b, &factors)?)?;
    single(b.view(product, sizes)?)
}

/// Where to split each stretch of a chain so that the fewest multiplications are needed.
struct ChainOrder {
    count: usize,
    splits: Vec<usize>,
}

impl ChainOrder {
    /// By dynamic programming over stretches of growing length.
    fn new<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, factors: &[Value<'c, 'a>]) -> Rewritten<Self> {
        let count = factors.len();
        let mut order = Self {
            count,
            splits: vec![0; count * count],
        };
        if count == 2 {
            return Ok(order);
        }
        let mut dims = Vec::with_capacity(count + 1);
        for (index, factor) in factors.iter().enumerate() {
            if index == 0 {
                dims.push(static_size(b, *factor, 0)?);
            }
            dims.push(static_size(b, *factor, 1)?);
        }
        let mut costs = vec![0_i128; count * count];
        for length in 1..count {
            for start in 0..count - length {
                let end = start + length;
                let mut best = i128::MAX;
                for split in start..end {
                    let cost = costs[start * count + split]
                        .saturating_add(costs[(split + 1) * count + end])
                        .saturating_add(
                            dims[start]
                                .saturating_mul(dims[split + 1])
                                .saturating_mul(dims[end + 1]),
                        );
                    if cost < best {
                        best = cost;
                        order.splits[start * count + end] = split;
                    }
                }
                costs[start * count + end] = best;
            }
        }
        Ok(order)
    }

    fn split(&self, start: usize, end: usize) -> usize {
        self.splits
            .get(start * self.count + end)
            .copied()
            .unwrap_or(start)
    }
}

fn static_size<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    dim: usize,
) -> Rewritten<i128> {
    match b.size_of(value, dim)?.as_static() {
        Some(size) => Ok(i128::from(size)),
        None => refuse("the order of a chain depends on sizes that are not known"),
    }
}

/// The product of a chain in an order; the right part of a stretch is computed first where it is one.
fn chain_product<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    factors: &[Value<'c, 'a>],
    order: &ChainOrder,
) -> Rewritten<Value<'c, 'a>> {
    stretch_product(b, factors, order, 0, factors.len() - 1)
}

/// The product of `factors[start..=end]`; as deep as the chain is long, which [`MAX_CHAIN`] bounds.
fn stretch_product<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    factors: &[Value<'c, 'a>],
    order: &ChainOrder,
    start: usize,
    end: usize,
) -> Rewritten<Value<'c, 'a>> {
    if start == end {
        return match factors.get(start) {
            Some(factor) => Ok(*factor),
            None => refuse("an empty chain"),
        };
    }
    let split = order.split(start, end);
    let left = stretch_product(b, factors, order, start, split)?;
    let right = stretch_product(b, factors, order, split + 1, end)?;
    b.op_value("aten.mm.default", args![left, right])
}

// matrix_power(a, n) = products of the squares of a that n's bits name; of the inverse for a negative n, the
// identity for 0.
fn matrix_power<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let matrix = b.tensor("self").or_else(|_| b.tensor("A"))?;
    let exponent = b.int("n")?;
    if exponent == 0 {
        return single(identity(b, matrix)?);
    }
    if exponent == 1 {
        return single(b.copy(matrix)?);
    }
    let base = if exponent < 0 {
        b.op_value("aten.linalg_inv.default", args![matrix])?
    } else {
        matrix
    };
    let matmul = |left: Value<'c, 'a>, right: Value<'c, 'a>| {
        b.op_value("aten.matmul.default", args![left, right])
    };
    let mut rest = exponent.unsigned_abs();
    if rest == 3 {
        return single(matmul(matmul(base, base)?, base)?);
    }
    let mut square = base;
    let mut result = (rest % 2 == 1).then_some(base);
    rest /= 2;
    while rest > 0 {
        square = matmul(square, square)?;
        if rest % 2 == 1 {
            result = Some(match result {
                Some(result) => matmul(result, square)?,
                None => square,
            });
        }
        rest /= 2;
    }
    match result {
        Some(result) => single(result),
        None => refuse("a power of zero"),
    }
}

/// Identity matrices in the place of a batch of matrices.
fn identity<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, matrix: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    let target = b.copy(matrix)?;
    let meta = b.meta(matrix)?;
    let size = b.size_of(matrix, b.dimension(matrix, -1)?)?;
    let identity = b.op_with(
        "aten.eye.default",
        args![size],
        &[
            ("dtype", meta.dtype.into()),
            (
                "device",
                expc_dialects::Constant::Device(meta.device).into(),
            ),
        ],
    )?;
    b.op_value("aten.copy.default", args![target, identity])
}

// cross(a, b) = linalg.cross(a, b) over the dimension given, or the first one of size 3.
fn cross<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (left, right) = (b.tensor("self")?, b.tensor("other")?);
    let dim = match b.optional_int("dim")? {
        Some(dim) => dim,
        None => {
            let sizes = b.sizes(left)?;
            match sizes.iter().position(|size| b.size_is(size, 3)) {
                Some(dim) => i64::try_from(dim).unwrap_or(i64::MAX),
                None => return refuse("no dimension is known to be of size 3"),
            }
        }
    };
    single(b.op_with(
        "aten.linalg_cross.default",
        args![left, right],
        &[("dim", dim.into())],
    )?)
}

// cross(a, b)[i] = a[i+1] b[i+2] - a[i+2] b[i+1], indices modulo 3.
fn linalg_cross<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let ([left, right], dtype) = b.in_opmath([b.tensor("self")?, b.tensor("other")?])?;
    let sizes = super::matmul::broadcast(b, &b.sizes(left)?, &b.sizes(right)?)?;
    let left = expanded(b, left, &sizes)?;
    let right = expanded(b, right, &sizes)?;
    let dim = b.dimension(left, b.int("dim")?)?;
    let dim = i64::try_from(dim).unwrap_or(i64::MAX);
    let device = super::pool::device_of(b, left)?;
    let index = b.op_with("aten.arange.default", args![3_i64], &[("device", device)])?;
    let shifted = |value: Value<'c, 'a>, by: i64| -> Rewritten<Value<'c, 'a>> {
        let index = b.add(index, by)?;
        let index = b.op_value("aten.remainder.Scalar", args![index, 3_i64])?;
        b.op_value("aten.index_select.default", args![value, dim, index])
    };
    let first = b.mul(shifted(left, 1)?, shifted(right, 2)?)?;
    let second = b.mul(shifted(left, 2)?, shifted(right, 1)?)?;
    b.answer(b.sub(first, second)?, dtype)
}

/// The tensor with these sizes; itself if it has them.
fn expanded<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    sizes: &[Size<'c, 'a>],
) -> Rewritten<Value<'c, 'a>> {
    let own = b.sizes(value)?;
    let is_equal = own.len() == sizes.len()
        && own
            .iter()
            .zip(sizes)
            .all(|(own, size)| b.sizes_equal(own, size));
    if is_equal {
        return Ok(value);
    }
    b.op_value(
        "aten.expand.default",
        args![value, size_argument(sizes.iter().cloned())],
    )
}

// vecdot(x, y) = Σ conj(x) y.
fn vecdot<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (mut left, right) = (b.tensor("x")?, b.tensor("y")?);
    let dim = b.int("dim")?;
    if b.dtype_of(left)?.is_complex() {
        let conjugate = b.unary("_conj", left)?;
        left = b.unary("clone", conjugate)?;
    }
    let product = b.mul(left, right)?;
    single(b.op_value("aten.sum.dim_IntList", args![product, vec![dim]])?)
}

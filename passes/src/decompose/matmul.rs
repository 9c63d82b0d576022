//! Products of matrices and vectors.

use expc_dialects::{Argument, Constant, ScalarType};
use melior::ir::Value;

use super::{Rule, elementwise::number};
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, Size, refuse, single, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.linear.default", linear),
    ("aten.matmul.default", matmul),
    ("aten.linalg_matmul.default", linalg_matmul),
    ("aten.dot.default", dot),
    ("aten.vdot.default", vdot),
    ("aten.mv.default", mv),
    ("aten.outer.default", outer),
    ("aten.ger.default", outer),
    ("aten.addr.default", addr),
    ("aten.baddbmm.default", baddbmm),
];

// linear(x, w, b) = x wᵀ + b: one `addmm` where x can be seen as a matrix, a matmul and a sum elsewhere.
fn linear<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (input, weight) = (b.tensor("input")?, b.tensor("weight")?);
    let rank = b.rank(input)?;
    if rank == 0 || b.rank(weight)? == 0 {
        return refuse("the input or the weight is 0-dimensional");
    }
    let Some(bias) = b.optional_tensor("bias") else {
        let weight = transposed(b, weight)?;
        return single(product(b, input, weight)?);
    };
    if rank == 2 {
        let weight = transposed(b, weight)?;
        return single(b.op_value("aten.addmm.default", args![bias, input, weight])?);
    }
    if b.strided(input)?.is_contiguous(b.env()) {
        return single(flat_linear(b, input, weight, bias)?);
    }
    let weight = transposed(b, weight)?;
    let output = product(b, input, weight)?;
    single(b.op_value("aten.add.Tensor", args![output, bias])?)
}

/// The linear layer of a contiguous input, all but its last dimension as one.
fn flat_linear<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    input: Value<'c, 'a>,
    weight: Value<'c, 'a>,
    bias: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let mut sizes = b.sizes(input)?;
    let Some(features) = sizes.pop() else {
        return refuse("the input is 0-dimensional");
    };
    let rows = b.product(&sizes)?;
    let flat = b.reshape(input, [rows, features])?;
    let weight = transposed(b, weight)?;
    let output = b.op_value("aten.addmm.default", args![bias, flat, weight])?;
    sizes.push(b.size_of(output, 1)?);
    b.view(output, sizes)
}

/// The transpose of a matrix; of a vector itself.
fn transposed<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, value: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    b.op_value("aten.t.default", args![value])
}

fn matmul<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    single(product(b, b.tensor("self")?, b.tensor("other")?)?)
}

// linalg.matmul(a, b) = matmul(a, b).
fn linalg_matmul<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (left, right) = (b.tensor("self")?, b.tensor("other")?);
    single(b.op_value("aten.matmul.default", args![left, right])?)
}

// matmul(a, b): dot, mv and mm by rank; larger ones become one mm over all leading dimensions of the larger
// tensor where no copy is needed for it, and a bmm over the broadcast batch elsewhere.
pub(super) fn product<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    left: Value<'c, 'a>,
    right: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    match (b.rank(left)?, b.rank(right)?) {
        (0, _) | (_, 0) => refuse("one of the factors is 0-dimensional"),
        (1, 1) => b.op_value("aten.dot.default", args![left, right]),
        (2, 1) => b.op_value("aten.mv.default", args![left, right]),
        (1, 2) => {
            let row = b.unsqueeze(left, 0)?;
            let output = b.op_value("aten.mm.default", args![row, right])?;
            b.squeeze(output, 0)
        }
        (2, 2) => b.op_value("aten.mm.default", args![left, right]),
        _ if should_fold(b, left, right)? => folded_product(b, left, right),
        _ => batched_product(b, left, right),
    }
}

/// Whether the larger factor becomes a matrix: the smaller one is a vector or a matrix, and either its
/// gradient would need the sum over the batch, or the larger one can be viewed as a matrix.
fn should_fold<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    left: Value<'c, 'a>,
    right: Value<'c, 'a>,
) -> Rewritten<bool> {
    let (left_rank, right_rank) = (b.rank(left)?, b.rank(right)?);
    let (larger, smaller) = if left_rank >= right_rank {
        (left, right)
    } else {
        (right, left)
    };
    if left_rank.max(right_rank) < 3 || left_rank.min(right_rank) > 2 {
        return Ok(false);
    }
    if b.is_trained_input(smaller) {
        return Ok(true);
    }
    Ok(left_rank != 2 && b.strided(larger)?.is_contiguous(b.env()))
}

/// The product with the larger factor as a matrix.
fn folded_product<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    left: Value<'c, 'a>,
    right: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let left_rank = b.rank(left)?;
    let transpose = b.rank(right)? > left_rank;
    let (larger, smaller) = match (transpose, left_rank) {
        (false, _) => (left, right),
        (true, 2) => (b.transpose(right, -2, -1)?, transposed(b, left)?),
        (true, _) => (b.transpose(right, -2, -1)?, left),
    };
    let mut sizes = b.sizes(larger)?;
    let Some(inner) = sizes.pop() else {
        return refuse("the larger factor is 0-dimensional");
    };
    let rows = b.product(&sizes)?;
    let flat = b.reshape(larger, [rows, inner])?;
    if b.rank(smaller)? == 1 {
        let output = b.op_value("aten.mv.default", args![flat, smaller])?;
        return unsafe_view(b, output, sizes);
    }
    sizes.push(b.size_of(smaller, 1)?);
    let output = b.op_value("aten.mm.default", args![flat, smaller])?;
    let output = unsafe_view(b, output, sizes)?;
    if transpose {
        let output = b.transpose(output, -2, -1)?;
        return b.contiguous(output);
    }
    Ok(output)
}

/// `aten._unsafe_view`.
pub(super) fn unsafe_view<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    sizes: impl IntoIterator<Item = Size<'c, 'a>>,
) -> Rewritten<Value<'c, 'a>> {
    b.op_value(
        "aten._unsafe_view.default",
        args![value, size_argument(sizes)],
    )
}

/// The product as a bmm over the broadcast batch.
fn batched_product<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    left: Value<'c, 'a>,
    right: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let (left_sizes, right_sizes) = (b.sizes(left)?, b.sizes(right)?);
    let (left_batch, left_matrix) = split_batch(&left_sizes);
    let (right_batch, right_matrix) = split_batch(&right_sizes);
    if let ([left_batch], [right_batch]) = (left_batch, right_batch)
        && !b.sizes_equal(left_batch, right_batch)
    {
        if b.size_is(left_batch, 1) && b.is_trained_input(left) {
            let left = b.squeeze(left, 0)?;
            return b.op_value("aten.matmul.default", args![left, right]);
        }
        if b.size_is(right_batch, 1) && b.is_trained_input(right) {
            let right = b.squeeze(right, 0)?;
            return b.op_value("aten.matmul.default", args![left, right]);
        }
    }
    let batch = broadcast(b, left_batch, right_batch)?;
    let count = b.product(&batch)?;
    let one = || Size::Static(1);
    let (rows, left_inner) = match left_matrix {
        [rows, inner] => (Some(rows.clone()), inner.clone()),
        [inner] => (None, inner.clone()),
        _ => return refuse("the left factor is 0-dimensional"),
    };
    let left_matrix = [rows.clone().unwrap_or_else(one), left_inner];
    let left = b.expand(left, batch.iter().chain(&left_matrix).cloned())?;
    let left = b.reshape(left, std::iter::once(count.clone()).chain(left_matrix))?;
    let is_vector = right_sizes.len() == 1;
    let columns = right_matrix.get(1).cloned();
    let right = b.expand(right, batch.iter().chain(right_matrix).cloned())?;
    let flat_sizes = std::iter::once(count).chain(right_matrix.iter().cloned());
    let mut right = b.reshape(right, flat_sizes)?;
    if is_vector {
        right = b.unsqueeze(right, 2)?;
    }
    let mut output = b.op_value("aten.bmm.default", args![left, right])?;
    if is_vector {
        output = b.squeeze(output, -1)?;
    }
    b.view(output, batch.into_iter().chain(rows).chain(columns))
}

/// The batch dimensions, and the one or two of the vector or matrix.
fn split_batch<'s, 'c, 'a>(sizes: &'s [Size<'c, 'a>]) -> (&'s [Size<'c, 'a>], &'s [Size<'c, 'a>]) {
    sizes.split_at(sizes.len().saturating_sub(2))
}

/// The sizes that both lists are expanded to.
pub(super) fn broadcast<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    left: &[Size<'c, 'a>],
    right: &[Size<'c, 'a>],
) -> Rewritten<Vec<Size<'c, 'a>>> {
    let rank = left.len().max(right.len());
    let at = |sizes: &[Size<'c, 'a>], dim: usize| {
        (dim + sizes.len())
            .checked_sub(rank)
            .and_then(|dim| sizes.get(dim).cloned())
    };
    (0..rank)
        .map(|dim| match (at(left, dim), at(right, dim)) {
            (Some(left), Some(right)) if b.size_is(&left, 1) => Ok(right),
            (Some(left), Some(right)) if b.size_is(&right, 1) || b.sizes_equal(&left, &right) => {
                Ok(left)
            }
            (Some(_), Some(_)) => refuse("sizes that cannot be broadcast"),
            (Some(size), None) | (None, Some(size)) => Ok(size),
            (None, None) => refuse("sizes that cannot be broadcast"),
        })
        .collect()
}

// dot(a, b) = Σ a b.
fn dot<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let ([left, right], dtype) = b.in_opmath([b.tensor("self")?, b.tensor("tensor")?])?;
    let product = b.mul(left, right)?;
    b.answer(b.unary("sum", product)?, dtype)
}

// vdot(a, b) = Σ conj(a) b.
fn vdot<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (left, right) = (b.tensor("self")?, b.tensor("other")?);
    if !b.dtype_of(left)?.is_complex() {
        return single(b.op_value("aten.dot.default", args![left, right])?);
    }
    let conjugate = b.unary("_conj_physical", left)?;
    let product = b.mul(conjugate, right)?;
    single(b.unary("sum", product)?)
}

// mv(a, v) = Σ a v over the columns.
fn mv<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let ([matrix, vector], dtype) = b.in_opmath([b.tensor("self")?, b.tensor("vec")?])?;
    let product = b.mul(matrix, vector)?;
    let sum = b.op_value("aten.sum.dim_IntList", args![product, vec![1_i64]])?;
    b.answer(sum, dtype)
}

// outer(a, b) = a as a column * b.
fn outer<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    single(outer_product(b, b.tensor("self")?, b.tensor("vec2")?)?)
}

fn outer_product<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    left: Value<'c, 'a>,
    right: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let column = b.reshape(left, [b.size_of(left, 0)?, Size::Static(1)])?;
    b.mul(column, right)
}

// addr(x, u, v) = beta x + alpha outer(u, v); of bools x | outer(u, v). No x where beta is 0.
fn addr<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let ([input, left, right], dtype) =
        b.in_opmath([b.tensor("self")?, b.tensor("vec1")?, b.tensor("vec2")?])?;
    let (Some(alpha), Some(beta)) = (b.arg("alpha"), b.arg("beta")) else {
        return refuse("`alpha` and `beta` must be numbers");
    };
    let drops_input = number(&beta) == Some(0.0);
    let sizes = [b.size_of(left, 0)?, b.size_of(right, 0)?];
    if dtype == ScalarType::Bool {
        let product = if number(&alpha) == Some(0.0) {
            let input = b.expand(input, sizes.clone())?;
            b.op_value("aten.full_like.default", args![input, false])?
        } else {
            outer_product(b, left, right)?
        };
        if drops_input {
            return single(product);
        }
        let input = b.expand(input, sizes)?;
        return single(b.op_value("aten.logical_or.default", args![input, product])?);
    }
    if drops_input {
        let product = outer_product(b, left, right)?;
        return b.answer(b.mul(product, alpha)?, dtype);
    }
    let input = b.expand(input, sizes)?;
    let input = b.mul(input, beta)?;
    let product = b.mul(outer_product(b, left, right)?, alpha)?;
    b.answer(b.add(input, product)?, dtype)
}

// baddbmm(x, a, b) = beta x + alpha bmm(a, b). No x where beta is 0.
fn baddbmm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let ([input, left, right], dtype) =
        b.in_opmath([b.tensor("self")?, b.tensor("batch1")?, b.tensor("batch2")?])?;
    let is_integral = !dtype.is_floating_point() && !dtype.is_complex();
    let mut result = b.op_value("aten.bmm.default", args![left, right])?;
    let (alpha, beta) = (
        factor(b, "alpha", is_integral)?,
        factor(b, "beta", is_integral)?,
    );
    if number(&alpha) != Some(1.0) {
        result = b.mul(result, alpha)?;
    }
    let input = match number(&beta) {
        Some(0.0) => return b.answer(result, dtype),
        Some(1.0) => input,
        _ => b.mul(input, beta)?,
    };
    b.answer(b.add(input, result)?, dtype)
}

/// A factor, as an int for tensors of ints.
#[allow(
    clippy::cast_possible_truncation,
    reason = "as Python's `int` rounds, and numbers out of range saturate"
)]
fn factor<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    name: &str,
    is_integral: bool,
) -> Rewritten<Argument<'c, 'a>> {
    match b.arg(name) {
        Some(Argument::Constant(Constant::Float(value))) if is_integral => {
            Ok((value as i64).into())
        }
        Some(factor) => Ok(factor),
        None => refuse(format!("`{name}` must be a number")),
    }
}

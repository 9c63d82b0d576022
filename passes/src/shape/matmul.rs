//! Products of matrices and vectors.

use std::rc::Rc;

use expc_dialects::ScalarType;
use expc_symbolic::Relation;

use super::{
    Item, NoInference, Tensor,
    broadcast::broadcast_sizes,
    call::Call,
    promote::promote,
    rules::Row,
    size::{self, Size},
    tensor::dense,
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("aten.mm", mm),
    ("aten.bmm", bmm),
    ("aten.addmm aten._addmm_activation", addmm),
    ("aten.baddbmm", baddbmm),
    ("aten.addbmm", addbmm),
    ("aten.addmv", addmv),
    ("aten.addr", addr),
    ("aten.mv", mv),
    ("aten.dot aten.vdot", dot),
    ("aten.matmul aten.linalg_matmul", matmul),
    ("aten.linear", linear),
    ("aten.outer aten.ger", outer),
    ("aten.inner", inner),
    ("aten.kron", kron),
    ("aten._int_mm", int_mm),
    ("aten.einsum", super::einsum::einsum),
];

/// The size of a result that sums over dimensions of both operands needs them equal.
fn check_inner(call: &Call<'_>, left: &Size, right: &Size) -> Result<(), NoInference> {
    if call.env.decide(Relation::Eq, left, right) == Some(false) {
        return Err(call.contradiction(format!("the inner sizes are {left} and {right}")));
    }
    Ok(())
}

/// Rows and columns of a matrix.
fn matrix<'t>(call: &Call<'_>, tensor: &'t Tensor) -> Result<[&'t Size; 2], NoInference> {
    match tensor.sizes.as_slice() {
        [rows, columns] => Ok([rows, columns]),
        other => Err(call.contradiction(format!(
            "a tensor has sizes {}, expected a matrix",
            size::list(other)
        ))),
    }
}

/// Batch, rows and columns.
fn batch<'t>(call: &Call<'_>, tensor: &'t Tensor) -> Result<[&'t Size; 3], NoInference> {
    match tensor.sizes.as_slice() {
        [count, rows, columns] => Ok([count, rows, columns]),
        other => Err(call.contradiction(format!(
            "a tensor has sizes {}, expected a batch of matrices",
            size::list(other)
        ))),
    }
}

fn vector<'t>(call: &Call<'_>, tensor: &'t Tensor) -> Result<&'t Size, NoInference> {
    match tensor.sizes.as_slice() {
        [length] => Ok(length),
        other => Err(call.contradiction(format!(
            "a tensor has sizes {}, expected a vector",
            size::list(other)
        ))),
    }
}

fn product_of_matrices(
    call: &Call<'_>,
    left: &Tensor,
    right: &Tensor,
) -> Result<Vec<Size>, NoInference> {
    let ([rows, inner], [other, columns]) = (matrix(call, left)?, matrix(call, right)?);
    check_inner(call, inner, other)?;
    Ok(vec![rows.clone(), columns.clone()])
}

fn mm(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor_at(0)?, call.tensor("mat2")?);
    let sizes = product_of_matrices(call, &left, &right)?;
    with_out_dtype(call, &left, sizes)
}

/// Overloads that name the dtype of the result have it.
fn with_out_dtype(call: &Call<'_>, like: &Tensor, sizes: Vec<Size>) -> Results {
    let dtype = call.dtype("out_dtype").unwrap_or(like.dtype);
    Ok(vec![Tensor::contiguous(dtype, sizes, &like.device)?.into()])
}

fn product_of_batches(
    call: &Call<'_>,
    left: &Tensor,
    right: &Tensor,
) -> Result<Vec<Size>, NoInference> {
    let ([count, rows, inner], [other_count, other, columns]) =
        (batch(call, left)?, batch(call, right)?);
    check_inner(call, count, other_count)?;
    check_inner(call, inner, other)?;
    Ok(vec![count.clone(), rows.clone(), columns.clone()])
}

fn bmm(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor_at(0)?, call.tensor("mat2")?);
    let sizes = product_of_batches(call, &left, &right)?;
    with_out_dtype(call, &left, sizes)
}

fn addmm(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor("mat1")?, call.tensor("mat2")?);
    let sizes = product_of_matrices(call, &left, &right)?;
    with_out_dtype(call, &left, sizes)
}

fn baddbmm(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor("batch1")?, call.tensor("batch2")?);
    let sizes = product_of_batches(call, &left, &right)?;
    with_out_dtype(call, &left, sizes)
}

fn addbmm(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor("batch1")?, call.tensor("batch2")?);
    let sizes = product_of_batches(call, &left, &right)?.split_off(1);
    dense(&left, sizes)
}

fn addmv(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor("mat")?, call.tensor("vec")?);
    let ([rows, inner], length) = (matrix(call, &left)?, vector(call, &right)?);
    check_inner(call, inner, length)?;
    dense(&left, vec![rows.clone()])
}

fn addr(call: &Call<'_>) -> Results {
    let own = call.tensor_at(0)?;
    let (left, right) = (call.tensor("vec1")?, call.tensor("vec2")?);
    let sizes = vec![vector(call, &left)?.clone(), vector(call, &right)?.clone()];
    let dtype = promote(promote(own.dtype, left.dtype), right.dtype);
    Ok(vec![Tensor::contiguous(dtype, sizes, &left.device)?.into()])
}

fn mv(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor_at(0)?, call.tensor("vec")?);
    let ([rows, inner], length) = (matrix(call, &left)?, vector(call, &right)?);
    check_inner(call, inner, length)?;
    dense(&left, vec![rows.clone()])
}

fn dot(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor_at(0)?, call.tensor_at(1)?);
    check_inner(call, vector(call, &left)?, vector(call, &right)?)?;
    dense(&left, Vec::new())
}

fn matmul(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor_at(0)?, call.tensor("other")?);
    let sizes = matmul_sizes(call, &left.sizes, &right.sizes)?;
    dense(&left, sizes)
}

/// Sizes of a product over the last dimension of the left and the last but one of the right operand, a vector
/// standing for a row or a column.
pub fn matmul_sizes(
    call: &Call<'_>,
    left: &[Size],
    right: &[Size],
) -> Result<Vec<Size>, NoInference> {
    let scalar = || call.contradiction("an operand has no dimensions");
    let (left_inner, left_outer) = left.split_last().ok_or_else(scalar)?;
    let (right_last, right_outer) = right.split_last().ok_or_else(scalar)?;
    let (right_inner, columns, right_batch) = match right_outer.split_last() {
        None => (right_last, None, right_outer),
        Some((inner, batch)) => (inner, Some(right_last), batch),
    };
    check_inner(call, left_inner, right_inner)?;
    let (rows, left_batch) = match left_outer.split_last() {
        None => (None, left_outer),
        Some((rows, batch)) => (Some(rows), batch),
    };
    let mut sizes = broadcast_sizes(call.env, &[left_batch, right_batch])?;
    sizes.extend(rows.into_iter().chain(columns).cloned());
    Ok(sizes)
}

fn linear(call: &Call<'_>) -> Results {
    let (input, weight) = (call.tensor_at(0)?, call.tensor("weight")?);
    let scalar = || call.contradiction("the input has no dimensions");
    let (inner, outer) = input.sizes.split_last().ok_or_else(scalar)?;
    let mut sizes = outer.to_vec();
    match weight.sizes.as_slice() {
        [features, weight_inner] => {
            check_inner(call, inner, weight_inner)?;
            sizes.push(features.clone());
        }
        [weight_inner] => check_inner(call, inner, weight_inner)?,
        other => {
            return Err(call.contradiction(format!(
                "the weight has sizes {}, expected a matrix",
                size::list(other)
            )));
        }
    }
    let mut output = Tensor::contiguous(input.dtype, sizes, &input.device)?;
    // From three dimensions on the product is a matrix, shown with more: dimensions of size 1 beside the last one are
    // a whole row apart, however long it is.
    if let ([.., _, _, columns], 3..) = (output.sizes.as_slice(), input.rank()) {
        let row = columns.clone();
        let outer = output.sizes.iter().zip(&mut output.strides).rev().skip(1);
        for (_, stride) in outer.take_while(|(size, _)| **size == Size::ONE) {
            *stride = row.clone();
        }
    }
    Ok(vec![output.into()])
}

fn outer(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor_at(0)?, call.tensor_at(1)?);
    let sizes = vec![vector(call, &left)?.clone(), vector(call, &right)?.clone()];
    let dtype = promote(left.dtype, right.dtype);
    Ok(vec![Tensor::contiguous(dtype, sizes, &left.device)?.into()])
}

fn inner(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor_at(0)?, call.tensor_at(1)?);
    if left.rank() == 0 || right.rank() == 0 {
        let operands = [Rc::clone(&left), Rc::clone(&right)];
        let dtype = promote(left.dtype, right.dtype);
        return Ok(vec![super::broadcast::elementwise_result(
            call, &operands, dtype,
        )?]);
    }
    let (last, sizes) = (left.sizes.split_last(), right.sizes.split_last());
    let (Some((a, rest)), Some((b, others))) = (last, sizes) else {
        return Err(call.contradiction("an operand has no dimensions"));
    };
    check_inner(call, a, b)?;
    dense(&left, rest.iter().chain(others).cloned().collect())
}

fn kron(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor_at(0)?, call.tensor_at(1)?);
    let rank = left.rank().max(right.rank());
    let at = |sizes: &[Size], dim: usize| {
        let own = (dim + sizes.len()).checked_sub(rank);
        own.and_then(|own| sizes.get(own).cloned())
            .unwrap_or(Size::ONE)
    };
    let sizes = (0..rank)
        .map(|dim| at(&left.sizes, dim).mul(&at(&right.sizes, dim)))
        .collect::<Result<_, _>>()?;
    let dtype = promote(left.dtype, right.dtype);
    Ok(vec![Tensor::contiguous(dtype, sizes, &left.device)?.into()])
}

fn int_mm(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor_at(0)?, call.tensor("mat2")?);
    let sizes = product_of_matrices(call, &left, &right)?;
    Ok(vec![
        Tensor::contiguous(ScalarType::Int32, sizes, &left.device)?.into(),
    ])
}

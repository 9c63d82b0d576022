//! Linear algebra over batches of matrices.
//!
//! Libraries behind these ops want columns one after another in memory, so most results are column-major.

use std::rc::Rc;

use expc_dialects::ScalarType;

use super::{
    Item, NoInference, Tensor,
    broadcast::{broadcast_sizes, like},
    call::Call,
    promote::{complex_of, promote, real_of},
    reshape::reshaped,
    rules::Row,
    size::{self, Size},
    tensor::{contiguous_strides, dense_strides},
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    (
        "aten.linalg_cholesky aten.linalg_inv aten.inverse aten.cholesky aten.cholesky_inverse",
        one_by_columns,
    ),
    ("aten.linalg_cholesky_ex aten.linalg_inv_ex", with_info),
    ("aten.cholesky_solve aten.triangular_solve", |call| {
        solved_by(call, Side::Own)
    }),
    ("aten.linalg_solve_triangular", |call| {
        solved_by(call, Side::Other)
    }),
    ("aten.linalg_det aten.det aten.logdet", |call| {
        determinant(call, 1)
    }),
    ("aten._linalg_det", determinant_with_factors),
    ("aten.linalg_slogdet aten.slogdet", |call| {
        determinant(call, 2)
    }),
    ("aten._linalg_slogdet", slogdet_with_factors),
    ("aten.linalg_eigh aten._linalg_eigh", eigh),
    ("aten.linalg_eigvalsh", |call| first_of(eigh(call)?)),
    ("aten.linalg_eig", eig),
    ("aten.linalg_eigvals aten._linalg_eigvals", |call| {
        first_of(eig(call)?)
    }),
    ("aten.linalg_ldl_factor", |call| ldl_factor(call, false)),
    ("aten.linalg_ldl_factor_ex", |call| ldl_factor(call, true)),
    ("aten.linalg_ldl_solve", |call| right_side(call, "LD", true)),
    ("aten.linalg_lu_solve", lu_solve),
    ("aten.lu_solve", old_lu_solve),
    ("aten.linalg_lu", lu),
    ("aten.linalg_lu_factor", |call| lu_factor(call, false)),
    ("aten.linalg_lu_factor_ex aten._lu_with_info", |call| {
        lu_factor(call, true)
    }),
    ("aten.lu_unpack", lu_unpack),
    ("aten.linalg_qr aten.qr", qr),
    ("aten.geqrf", geqrf),
    ("aten.linalg_householder_product aten.orgqr", one_by_columns),
    ("aten.ormqr", ormqr),
    ("aten.linalg_svd aten._linalg_svd", svd),
    ("aten.svd", old_svd),
    ("aten.linalg_svdvals", singular_values),
    ("aten.linalg_solve", |call| solve(call, 1)),
    ("aten.linalg_solve_ex", |call| solve(call, 2)),
    ("aten._linalg_solve_ex", |call| solve(call, 4)),
    ("aten.linalg_matrix_exp aten.matrix_exp", row_major),
    ("aten.matrix_exp_backward", matrix_exp_backward),
    ("aten.linalg_matrix_power aten.matrix_power", matrix_power),
    ("aten.linalg_multi_dot aten.chain_matmul", multi_dot),
    ("aten.linalg_pinv aten.pinverse", pinv),
    ("aten.linalg_matrix_rank", matrix_rank),
    ("aten.linalg_cond", cond),
    ("aten.linalg_matrix_norm aten.linalg_norm", norm),
    ("aten.linalg_tensorinv", tensorinv),
    ("aten.linalg_tensorsolve", tensorsolve),
    ("aten.linalg_vecdot", vecdot),
    ("aten.renorm", row_major),
];

/// A batch of matrices.
struct Matrices {
    tensor: Rc<Tensor>,
    batch: Vec<Size>,
    rows: Size,
    columns: Size,
}

impl Matrices {
    fn of(call: &Call<'_>, tensor: Rc<Tensor>) -> Result<Self, NoInference> {
        if &*tensor.device != "cpu" {
            return Err(call.unknown(format!(
                "the strides of results on `{}` are not known",
                tensor.device
            )));
        }
        match tensor.sizes.clone().as_slice() {
            [batch @ .., rows, columns] => Ok(Self {
                batch: batch.to_vec(),
                rows: rows.clone(),
                columns: columns.clone(),
                tensor,
            }),
            other => Err(call.contradiction(format!(
                "an operand has sizes {}, expected matrices",
                size::list(other)
            ))),
        }
    }

    fn first(call: &Call<'_>) -> Result<Self, NoInference> {
        Self::of(call, call.tensor_at(0)?)
    }

    /// Sizes of the batch with these behind.
    fn sizes(&self, inner: impl IntoIterator<Item = Size>) -> Vec<Size> {
        self.batch.iter().cloned().chain(inner).collect()
    }

    /// The lesser of rows and columns.
    fn rank(&self) -> Result<Size, NoInference> {
        self.rows.min(&self.columns)
    }

    fn row_major(&self, dtype: ScalarType, inner: impl IntoIterator<Item = Size>) -> One {
        Ok(Tensor::contiguous(dtype, self.sizes(inner), &self.tensor.device)?.into())
    }

    fn by_columns(&self, rows: &Size, columns: &Size) -> One {
        by_columns(
            self.tensor.dtype,
            self.sizes([rows.clone(), columns.clone()]),
            &self.tensor.device,
        )
    }

    fn pivots(&self) -> One {
        self.row_major(ScalarType::Int32, [self.rank()?])
    }

    fn info(&self) -> One {
        self.row_major(ScalarType::Int32, [])
    }

    fn factors(&self) -> One {
        self.by_columns(&self.rows, &self.columns)
    }

    /// Stands for a result that is not asked for.
    fn nothing(&self) -> One {
        Ok(Tensor::contiguous(self.tensor.dtype, vec![Size::ZERO], &self.tensor.device)?.into())
    }
}

type One = Result<Item, NoInference>;

/// Matrices with columns one after another in memory.
fn by_columns(dtype: ScalarType, sizes: Vec<Size>, device: &Rc<str>) -> One {
    let rank = sizes.len();
    let mut order: Vec<usize> = (0..rank).rev().collect();
    if rank >= 2 {
        order.swap(0, 1);
    }
    let strides = dense_strides(&sizes, &order)?;
    Ok(Tensor::strided(dtype, sizes, strides, device).into())
}

fn first_of(mut results: Vec<Item>) -> Results {
    results.truncate(1);
    Ok(results)
}

fn one_by_columns(call: &Call<'_>) -> Results {
    Ok(vec![Matrices::first(call)?.factors()?])
}

fn with_info(call: &Call<'_>) -> Results {
    let matrices = Matrices::first(call)?;
    Ok(vec![matrices.factors()?, matrices.info()?])
}

/// Which operand holds the right-hand sides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Own,
    Other,
}

/// Two batches broadcast with each other, each with its own rows and columns.
fn broadcast_batches(
    call: &Call<'_>,
    left: &Matrices,
    right: &Matrices,
) -> Result<[Vec<Size>; 2], NoInference> {
    let batch = broadcast_sizes(call.env, &[&left.batch, &right.batch])?;
    let with = |matrices: &Matrices| {
        let inner = [matrices.rows.clone(), matrices.columns.clone()];
        batch.iter().cloned().chain(inner).collect()
    };
    Ok([with(left), with(right)])
}

/// The solution, by columns; `triangular_solve` gives the coefficients too.
fn solved_by(call: &Call<'_>, side: Side) -> Results {
    let operands = [
        Matrices::first(call)?,
        Matrices::of(call, call.tensor_at(1)?)?,
    ];
    let [first, second] = broadcast_batches(call, &operands[0], &operands[1])?;
    let (dtype, device) = (operands[0].tensor.dtype, &operands[0].tensor.device);
    if side == Side::Other {
        return Ok(vec![by_columns(dtype, second, device)?]);
    }
    let solution = by_columns(dtype, first, device)?;
    let n_results = call.def.map_or(1, |def| def.schema.returns.len());
    if n_results == 1 {
        return Ok(vec![solution]);
    }
    Ok(vec![solution, by_columns(dtype, second, device)?])
}

fn determinant(call: &Call<'_>, n_results: usize) -> Results {
    let matrices = Matrices::first(call)?;
    let dtype = matrices.tensor.dtype;
    let mut results = vec![matrices.row_major(dtype, [])?];
    if n_results == 2 {
        results.push(matrices.row_major(real_of(dtype), [])?);
    }
    Ok(results)
}

fn determinant_with_factors(call: &Call<'_>) -> Results {
    let matrices = Matrices::first(call)?;
    let mut results = determinant(call, 1)?;
    results.extend([matrices.factors()?, matrices.pivots()?]);
    Ok(results)
}

fn slogdet_with_factors(call: &Call<'_>) -> Results {
    let matrices = Matrices::first(call)?;
    let mut results = determinant(call, 2)?;
    results.extend([matrices.factors()?, matrices.pivots()?]);
    Ok(results)
}

/// Real values, and vectors by columns where they are asked for.
fn eigh(call: &Call<'_>) -> Results {
    let matrices = Matrices::first(call)?;
    let values = matrices.row_major(real_of(matrices.tensor.dtype), [matrices.rows.clone()])?;
    let wants_vectors = !call.has("compute_v") || call.bool("compute_v")?;
    let vectors = if wants_vectors {
        matrices.factors()?
    } else {
        matrices.nothing()?
    };
    Ok(vec![values, vectors])
}

fn eig(call: &Call<'_>) -> Results {
    let matrices = Matrices::first(call)?;
    let dtype = complex_of(matrices.tensor.dtype);
    let values = matrices.row_major(dtype, [matrices.rows.clone()])?;
    let vectors = by_columns(
        dtype,
        matrices.tensor.sizes.clone(),
        &matrices.tensor.device,
    )?;
    Ok(vec![values, vectors])
}

fn ldl_factor(call: &Call<'_>, has_info: bool) -> Results {
    let matrices = Matrices::first(call)?;
    let mut results = vec![
        matrices.factors()?,
        matrices.row_major(ScalarType::Int32, [matrices.rows.clone()])?,
    ];
    if has_info {
        results.push(matrices.info()?);
    }
    Ok(results)
}

/// A solution with the sizes of the right-hand sides.
fn right_side(call: &Call<'_>, coefficients: &str, is_by_columns: bool) -> Results {
    let matrices = Matrices::of(call, call.tensor(coefficients)?)?;
    let sides = Matrices::of(call, call.tensor("B")?)?;
    let [sizes, _] = broadcast_batches(call, &sides, &matrices)?;
    solution(&sides.tensor, sizes, is_by_columns).map(|item| vec![item])
}

fn solution(like: &Tensor, sizes: Vec<Size>, is_by_columns: bool) -> One {
    if is_by_columns {
        return by_columns(like.dtype, sizes, &like.device);
    }
    Ok(Tensor::contiguous(like.dtype, sizes, &like.device)?.into())
}

fn lu_solve(call: &Call<'_>) -> Results {
    right_side(call, "LU", call.bool("left")?)
}

fn old_lu_solve(call: &Call<'_>) -> Results {
    let sides = Matrices::first(call)?;
    let matrices = Matrices::of(call, call.tensor("LU_data")?)?;
    let [sizes, _] = broadcast_batches(call, &sides, &matrices)?;
    solution(&sides.tensor, sizes, true).map(|item| vec![item])
}

fn lu(call: &Call<'_>) -> Results {
    let matrices = Matrices::first(call)?;
    let (rows, columns, rank) = (&matrices.rows, &matrices.columns, matrices.rank()?);
    let permutation = match call.bool("pivot")? {
        true => matrices.row_major(matrices.tensor.dtype, [rows.clone(), rows.clone()])?,
        false => matrices.nothing()?,
    };
    let dtype = matrices.tensor.dtype;
    Ok(vec![
        permutation,
        matrices.row_major(dtype, [rows.clone(), rank.clone()])?,
        matrices.row_major(dtype, [rank, columns.clone()])?,
    ])
}

fn lu_factor(call: &Call<'_>, has_info: bool) -> Results {
    let matrices = Matrices::first(call)?;
    let mut results = vec![matrices.factors()?, matrices.pivots()?];
    if has_info {
        results.push(matrices.info()?);
    }
    Ok(results)
}

fn lu_unpack(call: &Call<'_>) -> Results {
    let matrices = Matrices::first(call)?;
    let (rows, columns, rank) = (&matrices.rows, &matrices.columns, matrices.rank()?);
    let dtype = matrices.tensor.dtype;
    let made = |is_wanted: bool, rows: &Size, columns: &Size| match is_wanted {
        true => matrices.row_major(dtype, [rows.clone(), columns.clone()]),
        false => matrices.nothing(),
    };
    let has_data = call.bool("unpack_data")?;
    Ok(vec![
        made(call.bool("unpack_pivots")?, rows, rows)?,
        made(has_data, rows, &rank)?,
        made(has_data, &rank, columns)?,
    ])
}

fn qr(call: &Call<'_>) -> Results {
    let matrices = Matrices::first(call)?;
    let mode = call.string("mode").unwrap_or_default();
    let (rows, columns, rank) = (&matrices.rows, &matrices.columns, matrices.rank()?);
    let is_complete = mode == "complete" || (call.has("some") && !call.bool("some")?);
    let inner = if is_complete { rows } else { &rank };
    let orthogonal = match mode == "r" {
        true => matrices.nothing()?,
        false => matrices.by_columns(rows, inner)?,
    };
    Ok(vec![orthogonal, matrices.by_columns(inner, columns)?])
}

fn geqrf(call: &Call<'_>) -> Results {
    let matrices = Matrices::first(call)?;
    let scales = matrices.row_major(matrices.tensor.dtype, [matrices.rank()?])?;
    Ok(vec![matrices.factors()?, scales])
}

fn ormqr(call: &Call<'_>) -> Results {
    Ok(vec![Matrices::of(call, call.tensor("input3")?)?.factors()?])
}

fn svd(call: &Call<'_>) -> Results {
    let is_full = call.bool("full_matrices")?;
    let has_vectors = !call.has("compute_uv") || call.bool("compute_uv")?;
    decomposed(call, is_full, has_vectors)
}

/// Left vectors, singular values and right vectors in rows.
fn decomposed(call: &Call<'_>, is_full: bool, has_vectors: bool) -> Results {
    let matrices = Matrices::first(call)?;
    let (rows, columns, rank) = (&matrices.rows, &matrices.columns, matrices.rank()?);
    let values = matrices.row_major(real_of(matrices.tensor.dtype), [rank.clone()])?;
    if !has_vectors {
        return Ok(vec![matrices.nothing()?, values, matrices.nothing()?]);
    }
    let (left, right) = if is_full {
        (rows, columns)
    } else {
        (&rank, &rank)
    };
    Ok(vec![
        matrices.by_columns(rows, left)?,
        values,
        matrices.by_columns(right, columns)?,
    ])
}

/// Right vectors in columns; zeros stand for vectors that are not computed.
fn old_svd(call: &Call<'_>) -> Results {
    if !call.bool("compute_uv")? {
        return Err(call.unknown("the form of the vectors that are not computed is not known"));
    }
    let mut results = decomposed(call, !call.bool("some")?, true)?;
    if let Some(Item::Tensor(right)) = results.pop() {
        let mut turned = (*right).clone();
        let rank = turned.rank();
        if rank >= 2 {
            turned.sizes.swap(rank - 1, rank - 2);
            turned.strides.swap(rank - 1, rank - 2);
        }
        results.push(turned.into());
    }
    Ok(results)
}

fn singular_values(call: &Call<'_>) -> Results {
    let matrices = Matrices::first(call)?;
    Ok(vec![matrices.row_major(
        real_of(matrices.tensor.dtype),
        [matrices.rank()?],
    )?])
}

/// Solution, factors, pivots and info, or the first and the last of them.
fn solve(call: &Call<'_>, n_results: usize) -> Results {
    let matrices = Matrices::of(call, call.tensor("A")?)?;
    let side = call.tensor("B")?;
    let is_left = call.bool("left")?;
    let solved = if is_vector_side(call, &matrices, &side) {
        let batch = broadcast_sizes(call.env, &[&matrices.batch, &side.sizes[..side.rank() - 1]])?;
        let sizes = batch.into_iter().chain([matrices.rows.clone()]).collect();
        solution(&side, sizes, is_left)?
    } else {
        let sides = Matrices::of(call, Rc::clone(&side))?;
        let [sizes, _] = broadcast_batches(call, &sides, &matrices)?;
        solution(&side, sizes, is_left)?
    };
    Ok(match n_results {
        1 => vec![solved],
        2 => vec![solved, matrices.info()?],
        _ => vec![
            solved,
            matrices.factors()?,
            matrices.pivots()?,
            matrices.info()?,
        ],
    })
}

/// A vector for each matrix, and not a matrix.
fn is_vector_side(call: &Call<'_>, matrices: &Matrices, side: &Tensor) -> bool {
    let expected = &matrices.tensor.sizes[..matrices.tensor.rank() - 1];
    side.rank() == 1
        || side.rank() == expected.len()
            && side
                .sizes
                .iter()
                .zip(expected)
                .all(|(own, size)| call.env.equal(own, size))
}

fn row_major(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![
        Tensor::contiguous(tensor.dtype, tensor.sizes.clone(), &tensor.device)?.into(),
    ])
}

/// The upper right block of an exponential of twice as many rows and columns.
fn matrix_exp_backward(call: &Call<'_>) -> Results {
    let matrices = Matrices::first(call)?;
    let gradient = call.tensor("grad")?;
    let half = matrices.columns.clone();
    let whole = half.mul(&Size::Int(2))?;
    let sizes = matrices.sizes([whole.clone(), whole]);
    let strides = contiguous_strides(&sizes)?;
    let sizes = matrices.tensor.sizes.clone();
    let block = Tensor::strided(gradient.dtype, sizes, strides, &matrices.tensor.device);
    Ok(vec![
        Tensor {
            offset: half,
            ..block
        }
        .into(),
    ])
}

fn matrix_power(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    match call.int("n")? {
        1 => Ok(vec![like(call.env, &tensor, tensor.dtype)?.into()]),
        -1 => one_by_columns(call),
        0 => Err(call.unknown("the strides of identity matrices are not known")),
        _ => row_major(call),
    }
}

/// Vectors at the ends lose their dimension.
fn multi_dot(call: &Call<'_>) -> Results {
    let tensors = call
        .list(if call.has("tensors") {
            "tensors"
        } else {
            "matrices"
        })?
        .unwrap_or_default();
    let ends =
        [tensors.first(), tensors.last()].map(|item| item.and_then(Item::as_tensor).cloned());
    let [Some(first), Some(last)] = ends else {
        return Err(call.contradiction("there are no tensors"));
    };
    let mut sizes = Vec::new();
    if let [rows, _] = first.sizes.as_slice() {
        sizes.push(rows.clone());
    }
    if let [_, columns] = last.sizes.as_slice() {
        sizes.push(columns.clone());
    }
    Ok(vec![
        Tensor::contiguous(first.dtype, sizes, &first.device)?.into(),
    ])
}

fn pinv(call: &Call<'_>) -> Results {
    let matrices = Matrices::first(call)?;
    let inner = [matrices.columns.clone(), matrices.rows.clone()];
    Ok(vec![matrices.row_major(matrices.tensor.dtype, inner)?])
}

fn matrix_rank(call: &Call<'_>) -> Results {
    Ok(vec![
        Matrices::first(call)?.row_major(ScalarType::Int64, [])?,
    ])
}

fn cond(call: &Call<'_>) -> Results {
    let matrices = Matrices::first(call)?;
    Ok(vec![
        matrices.row_major(real_of(matrices.tensor.dtype), [])?,
    ])
}

fn norm(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dtype = real_of(call.dtype("dtype").unwrap_or(tensor.dtype));
    let dims = match call.optional_dims("dim", tensor.rank())? {
        Some(dims) if !dims.is_empty() => dims,
        _ => (0..tensor.rank()).collect(),
    };
    let keep = call.bool("keepdim")?;
    let sizes = tensor.sizes.iter().enumerate().filter_map(|(dim, size)| {
        match (dims.contains(&dim), keep) {
            (false, _) => Some(size.clone()),
            (true, true) => Some(Size::ONE),
            (true, false) => None,
        }
    });
    Ok(vec![
        Tensor::contiguous(dtype, sizes.collect(), &tensor.device)?.into(),
    ])
}

/// The inverse of a square matrix made of the first `ind` dimensions and the rest.
fn tensorinv(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let split = usize::try_from(call.int("ind")?)
        .ok()
        .filter(|split| (1..tensor.rank()).contains(split));
    let split = split.ok_or_else(|| call.contradiction("`ind` is not among the dimensions"))?;
    let (first, second) = tensor.sizes.split_at(split);
    let sides = vec![Size::product(second)?, Size::product(first)?];
    let inverse = by_columns(tensor.dtype, sides, &tensor.device)?;
    let shape: Vec<Size> = second.iter().chain(first).cloned().collect();
    match inverse {
        Item::Tensor(inverse) => Ok(vec![reshaped(call, &inverse, &shape)?.into()]),
        other => Ok(vec![other]),
    }
}

fn tensorsolve(call: &Call<'_>) -> Results {
    let (tensor, side) = (call.tensor_at(0)?, call.tensor("other")?);
    let mut dims: Vec<usize> = (0..tensor.rank()).collect();
    for moved in call
        .optional_dims("dims", tensor.rank())?
        .unwrap_or_default()
    {
        dims.retain(|dim| *dim != moved);
        dims.push(moved);
    }
    let sizes = dims
        .iter()
        .skip(side.rank())
        .map(|dim| tensor.sizes[*dim].clone())
        .collect();
    Ok(vec![
        Tensor::contiguous(side.dtype, sizes, &side.device)?.into(),
    ])
}

fn vecdot(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor("x")?, call.tensor("y")?);
    let mut sizes = broadcast_sizes(call.env, &[&left.sizes, &right.sizes])?;
    let dim = call.dim("dim", sizes.len())?;
    if dim >= sizes.len() {
        return Err(call.contradiction("the vectors have no dimensions"));
    }
    sizes.remove(dim);
    let dtype = promote(left.dtype, right.dtype);
    Ok(vec![Tensor::contiguous(dtype, sizes, &left.device)?.into()])
}

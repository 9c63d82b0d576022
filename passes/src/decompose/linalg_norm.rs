//! Norms of matrices and what follows from singular values: condition, rank, pseudo-inverse.

use expc_dialects::{Argument, Constant, ScalarType};
use melior::ir::Value;

use super::{Rule, elementwise::number, linalg::result_of};
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, refuse, single},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.linalg_matrix_norm.default", matrix_norm),
    ("aten.linalg_matrix_norm.str_ord", matrix_norm_by_name),
    ("aten.linalg_norm.default", norm),
    ("aten.linalg_norm.ord_str", norm_by_name),
    ("aten.nuclear_norm.default", nuclear_norm),
    ("aten.nuclear_norm.dim", nuclear_norm),
    ("aten.frobenius_norm.dim", frobenius_norm),
    ("aten.norm_except_dim.default", norm_except_dim),
    ("aten.linalg_cond.default", cond),
    ("aten.linalg_cond.p_str", cond_by_name),
    ("aten.linalg_matrix_rank.default", matrix_rank),
    ("aten.linalg_matrix_rank.tol_tensor", matrix_rank),
    ("aten.linalg_matrix_rank.atol_rtol_float", matrix_rank),
    ("aten.linalg_matrix_rank.atol_rtol_tensor", matrix_rank),
    ("aten.linalg_pinv.default", pinv),
    ("aten.linalg_pinv.rcond_tensor", pinv),
    ("aten.linalg_pinv.atol_rtol_float", pinv),
    ("aten.pinverse.default", pinv),
];

/// The norm of a matrix.
#[derive(Clone, Copy)]
enum Order {
    /// The root of the sum of squares.
    Frobenius,
    /// The sum of singular values.
    Nuclear,
    /// 1, 2, inf or one of their negatives.
    Number(f64),
}

impl Order {
    fn by_name(name: &str) -> Rewritten<Self> {
        match name {
            "fro" => Ok(Self::Frobenius),
            "nuc" => Ok(Self::Nuclear),
            name => refuse(format!("the norm `{name}`")),
        }
    }
}

/// What the norm is of.
struct Norm<'c, 'a> {
    value: Value<'c, 'a>,
    order: Order,
    /// Counted from the front.
    dims: [i64; 2],
    keepdim: bool,
    dtype: Option<ScalarType>,
}

impl<'c: 'a, 'a> Norm<'c, 'a> {
    fn new(
        b: &Rewrite<'_, 'c, 'a>,
        value: Value<'c, 'a>,
        order: Order,
        dims: &[i64],
    ) -> Rewritten<Self> {
        let [first, second] = dims else {
            return refuse("a matrix has two dimensions");
        };
        let count = |dim: i64| -> Rewritten<i64> {
            Ok(i64::try_from(b.dimension(value, dim)?).unwrap_or(i64::MAX))
        };
        Ok(Self {
            value,
            order,
            dims: [count(*first)?, count(*second)?],
            keepdim: false,
            dtype: None,
        })
    }

    fn compute(&self, b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Value<'c, 'a>> {
        match self.order {
            Order::Frobenius => {
                let dims = self.dims.to_vec();
                vector_norm(b, self.value, 2_i64, dims, self.keepdim, self.dtype)
            }
            Order::Nuclear => {
                let values = self.singular_values(b)?;
                let sum = b.op_value(
                    "aten.sum.dim_IntList",
                    args![values, vec![-1_i64], self.keepdim],
                )?;
                self.in_place(b, sum)
            }
            Order::Number(order) if order.abs() == 2.0 => {
                let values = self.singular_values(b)?;
                let extreme =
                    b.op_value(extreme(order), args![values, vec![-1_i64], self.keepdim])?;
                self.in_place(b, extreme)
            }
            Order::Number(order) => self.by_sums(b, order),
        }
    }

    /// The largest or smallest sum of absolute values over columns or rows.
    fn by_sums(&self, b: &Rewrite<'_, 'c, 'a>, order: f64) -> Rewritten<Value<'c, 'a>> {
        let [mut summed, mut compared] = self.dims;
        match order.abs() {
            1.0 => {}
            f64::INFINITY => (summed, compared) = (compared, summed),
            _ => return refuse(format!("the norm of order {order}")),
        }
        let value = match self.dtype {
            Some(dtype) => b.cast(self.value, dtype)?,
            None => self.value,
        };
        let sums = vector_norm(b, value, 1.0, vec![summed], self.keepdim, None)?;
        if !self.keepdim && summed < compared {
            compared -= 1;
        }
        b.op_value(extreme(order), args![sums, vec![compared], self.keepdim])
    }

    fn singular_values(&self, b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Value<'c, 'a>> {
        let value = match self.dtype {
            Some(dtype) => b.cast(self.value, dtype)?,
            None => self.value,
        };
        let matrix = b.permute(value, self.order_of_dims(b)?)?;
        singular_values(b, matrix)
    }

    /// The other dimensions, then those of the matrix.
    fn order_of_dims(&self, b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Vec<i64>> {
        let rank = i64::try_from(b.rank(self.value)?).unwrap_or(i64::MAX);
        let others = (0..rank).filter(|dim| !self.dims.contains(dim));
        Ok(others.chain(self.dims).collect())
    }

    /// Dimensions of size one for those of the matrix, where they stood.
    fn in_place(&self, b: &Rewrite<'_, 'c, 'a>, result: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
        if !self.keepdim {
            return Ok(result);
        }
        let result = b.unsqueeze(result, -1)?;
        let order = self.order_of_dims(b)?;
        let mut inverse = vec![0; order.len()];
        for (place, dim) in order.iter().enumerate() {
            let slot = usize::try_from(*dim)
                .ok()
                .and_then(|dim| inverse.get_mut(dim));
            if let Some(slot) = slot {
                *slot = i64::try_from(place).unwrap_or(i64::MAX);
            }
        }
        b.permute(result, inverse)
    }
}

/// The op that takes the largest for a positive order and the smallest for a negative one.
fn extreme(order: f64) -> &'static str {
    if order > 0.0 {
        "aten.amax.default"
    } else {
        "aten.amin.default"
    }
}

fn vector_norm<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    order: impl Into<Argument<'c, 'a>>,
    dims: Vec<i64>,
    keepdim: bool,
    dtype: Option<ScalarType>,
) -> Rewritten<Value<'c, 'a>> {
    let kwargs: Vec<(&str, Argument)> = dtype
        .map(|dtype| ("dtype", dtype.into()))
        .into_iter()
        .collect();
    b.op_with(
        "aten.linalg_vector_norm.default",
        vec![value.into(), order.into(), dims.into(), keepdim.into()],
        &kwargs,
    )
}

fn singular_values<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    matrix: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    result_of(b, "aten._linalg_svd.default", args![matrix, false], &[], 1)
}

/// The order of the matched op as a number.
fn given_order(b: &Rewrite<'_, '_, '_>, name: &str) -> Rewritten<Option<f64>> {
    match b.arg(name) {
        None => Ok(None),
        Some(order) => match number(&order) {
            Some(order) => Ok(Some(order)),
            None => refuse("the order of the norm is not known"),
        },
    }
}

/// The norm of the matched op over dimensions.
fn given_norm<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    order: Order,
    dims: &[i64],
) -> Rewritten<Replacement<'c, 'a>> {
    let mut norm = Norm::new(b, b.tensor("self")?, order, dims)?;
    norm.keepdim = b.boolean("keepdim")?;
    norm.dtype = b.dtype("dtype");
    single(norm.compute(b)?)
}

// matrix_norm(a, ±2) = extreme singular value, ±1 and ±inf = extreme sum of absolute values.
fn matrix_norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    match given_order(b, "ord")? {
        Some(order) => given_norm(b, Order::Number(order), &b.ints("dim")?),
        None => refuse("the order of the norm is not given"),
    }
}

// matrix_norm(a, fro) = the norm of all elements, nuc = the sum of singular values.
fn matrix_norm_by_name<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let order = Order::by_name(&b.string("ord")?)?;
    given_norm(b, order, &b.ints("dim")?)
}

// norm(x) = of a vector, of a matrix where an order and two dimensions are given.
fn norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let value = b.tensor("self")?;
    let order = given_order(b, "ord")?;
    let dims = b.optional_ints("dim")?;
    let is_matrix = match &dims {
        Some(dims) => dims.len() == 2,
        None => b.rank(value)? == 2,
    };
    if let (Some(order), true) = (order, is_matrix) {
        let dims = dims.unwrap_or_else(|| vec![0, 1]);
        return given_norm(b, Order::Number(order), &dims);
    }
    let order = b.arg("ord").unwrap_or_else(|| 2.0.into());
    let dims = dims.map_or_else(|| Argument::from(()), Argument::from);
    let kwargs: Vec<(&str, Argument)> = b
        .dtype("dtype")
        .map(|dtype| ("dtype", dtype.into()))
        .into_iter()
        .collect();
    single(b.op_with(
        "aten.linalg_vector_norm.default",
        args![value, order, dims, b.boolean("keepdim")?],
        &kwargs,
    )?)
}

fn norm_by_name<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let order = Order::by_name(&b.string("ord")?)?;
    let dims = b.optional_ints("dim")?.unwrap_or_else(|| vec![0, 1]);
    given_norm(b, order, &dims)
}

// nuclear_norm(a) = matrix_norm(a, nuc).
fn nuclear_norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let dims = match b.arg("dim") {
        Some(_) => b.ints("dim")?,
        None => vec![0, 1],
    };
    given_norm(b, Order::Nuclear, &dims)
}

// frobenius_norm(x) = the 2-norm of all elements.
fn frobenius_norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let keepdim = b.boolean("keepdim")?;
    let dims = b.ints("dim")?;
    single(vector_norm(b, b.tensor("self")?, 2.0, dims, keepdim, None)?)
}

// norm_except_dim(x, p, d) = the p-norm over all dimensions but d, which stay with size one; -1 over all.
fn norm_except_dim<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    use crate::pattern::Size;
    let value = b.tensor("v")?;
    let (power, dim) = (b.int("pow")?, b.int("dim")?);
    if dim == -1 {
        let norm = b.op_value("aten.linalg_vector_norm.default", args![value, power])?;
        return single(norm);
    }
    let rank = b.rank(value)?;
    let dim = b.dimension(value, dim)?;
    let rest = Size::Static(-1);
    let along = |value: Value<'c, 'a>, dim: usize| -> Rewritten<Value<'c, 'a>> {
        let size = b.size_of(value, dim)?;
        let mut sizes = vec![Size::Static(1); rank];
        if let Some(slot) = sizes.get_mut(dim) {
            *slot = size.clone();
        }
        let (matrix, summed) = if dim == 0 {
            ([size, rest.clone()], 1)
        } else {
            ([rest.clone(), size], 0)
        };
        let flat = b.view(value, matrix)?;
        let norm = vector_norm(b, flat, power, vec![summed], false, None)?;
        b.view(norm, sizes)
    };
    if dim == 0 || dim + 1 == rank {
        return single(along(value, dim)?);
    }
    let other = i64::try_from(dim).unwrap_or(i64::MAX);
    let front = b.contiguous(b.transpose(value, 0, other)?)?;
    let norm = along(front, 0)?;
    single(b.transpose(norm, 0, other)?)
}

// cond(a, ±2) = the ratio of extreme singular values, other orders = norm(a) norm(a⁻¹).
fn cond<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let value = b.tensor("self")?;
    let order = given_order(b, "p")?.unwrap_or(2.0);
    if order.abs() != 2.0 {
        return single(cond_by_inverse(b, Order::Number(order))?);
    }
    let values = singular_values(b, value)?;
    let count = b.size_of(values, b.dimension(values, -1)?)?;
    let last = b.size_sub(&count, &crate::pattern::Size::Static(1))?;
    let largest = b.op_value("aten.slice.Tensor", args![values, -1_i64, 0_i64, 1_i64])?;
    let smallest = b.op_value("aten.slice.Tensor", args![values, -1_i64, last, count])?;
    let ratio = if order > 0.0 {
        b.div(largest, smallest)?
    } else {
        b.div(smallest, largest)?
    };
    single(b.squeeze(ratio, -1)?)
}

fn cond_by_name<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let order = Order::by_name(&b.string("p")?)?;
    single(cond_by_inverse(b, order)?)
}

/// norm(a) norm(a⁻¹), infinite where a has no inverse.
fn cond_by_inverse<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, order: Order) -> Rewritten<Value<'c, 'a>> {
    let value = b.tensor("self")?;
    let results = b.ops("aten.linalg_inv_ex.default", args![value], &[])?;
    let [inverse, info] = results.as_slice() else {
        return refuse("an inverse has a status");
    };
    let info = b.unsqueeze(b.unsqueeze(*info, -1)?, -1)?;
    let is_singular = b.op_value("aten.gt.Scalar", args![info, 0_i64])?;
    let infinity = b.scalar_tensor(f64::INFINITY, b.dtype_of(*inverse)?, *inverse)?;
    let inverse = b.op_value("aten.where.self", args![is_singular, infinity, *inverse])?;
    let inverse = b.copy(inverse)?;
    let own = Norm::new(b, value, order, &[-2, -1])?.compute(b)?;
    let other = Norm::new(b, inverse, order, &[-2, -1])?.compute(b)?;
    let product = b.mul(own, other)?;
    b.op_value(
        "aten.nan_to_num.default",
        args![product, f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY],
    )
}

/// The bounds below which singular values count as zero: absolute, and relative to the largest.
struct Tolerances<'c, 'a> {
    absolute: Value<'c, 'a>,
    relative: Value<'c, 'a>,
}

/// A number as a 0-d double.
fn double<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    number: impl Into<Argument<'c, 'a>>,
    like: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let meta = b.meta(like)?;
    b.op_with(
        "aten.full.default",
        vec![
            Argument::Constant(Constant::List(Vec::new())),
            number.into(),
        ],
        &[
            ("dtype", ScalarType::Float64.into()),
            ("layout", Constant::Layout(meta.layout).into()),
            ("device", Constant::Device(meta.device).into()),
        ],
    )
}

impl<'c: 'a, 'a> Tolerances<'c, 'a> {
    /// Those of the matched op, which gives them as tensors or numbers, under the names of its overload.
    fn new(b: &Rewrite<'_, 'c, 'a>, value: Value<'c, 'a>) -> Rewritten<Self> {
        if let Some(tol) = b.arg("tol") {
            return Ok(Self {
                absolute: Self::as_tensor(b, tol, value)?,
                relative: double(b, 0.0, value)?,
            });
        }
        if let Some(rcond) = b.arg("rcond") {
            return Ok(Self {
                absolute: double(b, 0.0, value)?,
                relative: Self::as_tensor(b, rcond, value)?,
            });
        }
        let given = b.arg("atol");
        let is_positive = given
            .as_ref()
            .and_then(number)
            .is_some_and(|atol| atol > 0.0);
        let is_tensor = b.optional_tensor("atol").is_some();
        let absolute = match given {
            Some(atol) => Self::as_tensor(b, atol, value)?,
            None => double(b, 0_i64, value)?,
        };
        let relative = match b.arg("rtol") {
            Some(rtol) => Self::as_tensor(b, rtol, value)?,
            None if is_positive => double(b, 0.0, value)?,
            None => {
                let relative = double(b, default_tolerance(b, value)?, value)?;
                if is_tensor {
                    let is_given = b.op_value("aten.gt.Scalar", args![absolute, 0_i64])?;
                    let zero = b.op_value("aten.zeros_like.default", args![relative])?;
                    b.op_value("aten.where.self", args![is_given, zero, relative])?
                } else {
                    relative
                }
            }
        };
        Ok(Self { absolute, relative })
    }

    fn as_tensor(
        b: &Rewrite<'_, 'c, 'a>,
        argument: Argument<'c, 'a>,
        like: Value<'c, 'a>,
    ) -> Rewritten<Value<'c, 'a>> {
        match argument {
            Argument::Value(value) if b.meta(value).is_ok() => Ok(value),
            number => double(b, number, like),
        }
    }
}

/// The machine's precision times the larger size of the matrix.
fn default_tolerance<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, value: Value<'c, 'a>) -> Rewritten<f64> {
    let epsilon = match b.dtype_of(value)? {
        ScalarType::Float64 | ScalarType::Complex128 => f64::EPSILON,
        _ => f64::from(f32::EPSILON),
    };
    let rows = b.size_of(value, b.dimension(value, -2)?)?;
    let columns = b.size_of(value, b.dimension(value, -1)?)?;
    #[allow(
        clippy::cast_precision_loss,
        reason = "sizes of matrices are small numbers"
    )]
    match (rows.as_static(), columns.as_static()) {
        (Some(rows), Some(columns)) => Ok(epsilon * rows.max(columns) as f64),
        _ => refuse("the size of the matrix is not known"),
    }
}

// matrix_rank(a) = how many singular values are above the tolerances; of Hermitian ones the eigenvalues.
fn matrix_rank<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let value = b.tensor("input").or_else(|_| b.tensor("self"))?;
    let sizes = b.sizes(value)?;
    if sizes.iter().any(|size| b.size_is(size, 0)) {
        return refuse("a matrix without elements");
    }
    let tolerances = Tolerances::new(b, value)?;
    let (values, largest) = if b.boolean("hermitian")? {
        let values = result_of(b, "aten._linalg_eigh.default", args![value], &[], 0)?;
        let values = b.unary("abs", values)?;
        let largest = b.op_value("aten.amax.default", args![values, vec![-1_i64], true])?;
        (values, largest)
    } else {
        let values = singular_values(b, value)?;
        let args = args![values, -1_i64, 0_i64, 1_i64];
        (values, b.op_value("aten.slice.Tensor", args)?)
    };
    let relative = b.mul(b.unsqueeze(tolerances.relative, -1)?, largest)?;
    let absolute = b.unsqueeze(tolerances.absolute, -1)?;
    let bound = b.op_value("aten.maximum.default", args![absolute, relative])?;
    let counts = b.op_value("aten.gt.Tensor", args![values, bound])?;
    single(b.op_value("aten.sum.dim_IntList", args![counts, vec![-1_i64]])?)
}

// pinv(a) with any tolerances = pinv(a) with both as tensors.
fn pinv<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let value = b.tensor("self")?;
    let tolerances = Tolerances::new(b, value)?;
    let hermitian = match b.arg("hermitian") {
        Some(_) => b.boolean("hermitian")?,
        None => false,
    };
    single(b.op_with(
        "aten.linalg_pinv.atol_rtol_tensor",
        args![value],
        &[
            ("atol", tolerances.absolute.into()),
            ("rtol", tolerances.relative.into()),
            ("hermitian", hermitian.into()),
        ],
    )?)
}

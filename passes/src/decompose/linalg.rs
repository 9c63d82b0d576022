//! Linear algebra by way of the ops that factorize.

use expc_dialects::{Argument, Constant};
use melior::ir::Value;

use super::Rule;
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, Size, refuse, single},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.linalg_inv.default", inverse),
    ("aten.inverse.default", inverse),
    ("aten.linalg_det.default", det),
    ("aten.det.default", det),
    ("aten.linalg_slogdet.default", slogdet),
    ("aten.slogdet.default", slogdet),
    ("aten.logdet.default", logdet),
    ("aten.linalg_solve.default", solve),
    ("aten.linalg_solve_ex.default", solve_ex),
    ("aten.linalg_cholesky.default", cholesky),
    ("aten.linalg_eigh.default", eigh),
    ("aten.linalg_eigvalsh.default", eigvalsh),
    ("aten.linalg_eigvals.default", eigvals),
    ("aten.linalg_svd.default", svd),
    ("aten.linalg_svdvals.default", svdvals),
    ("aten.svd.default", old_svd),
    ("aten.qr.default", old_qr),
    ("aten.linalg_lu_factor.default", lu_factor),
    ("aten._lu_with_info.default", lu_with_info),
    ("aten.lu_solve.default", lu_solve),
    ("aten.linalg_ldl_factor.default", ldl_factor),
    ("aten.orgqr.default", orgqr),
    ("aten.matrix_exp.default", matrix_exp),
    ("aten.matrix_exp_backward.default", matrix_exp_backward),
    ("aten.linalg_tensorinv.default", tensorinv),
    ("aten.linalg_tensorsolve.default", tensorsolve),
    ("aten.linalg_vander.default", vander),
];

/// Results of an op that has more, as the replacement.
pub(super) fn results_of<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    name: &str,
    args: Vec<Argument<'c, 'a>>,
    kwargs: &[(&str, Argument<'c, 'a>)],
    wanted: &[usize],
) -> Rewritten<Replacement<'c, 'a>> {
    let results = b.ops(name, args, kwargs)?;
    wanted
        .iter()
        .map(|index| match results.get(*index) {
            Some(result) => Ok(Some(*result)),
            None => refuse(format!("`{name}` has {} results", results.len())),
        })
        .collect()
}

/// One result of an op that has more.
pub(super) fn result_of<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    name: &str,
    args: Vec<Argument<'c, 'a>>,
    kwargs: &[(&str, Argument<'c, 'a>)],
    index: usize,
) -> Rewritten<Value<'c, 'a>> {
    match b.ops(name, args, kwargs)?.get(index) {
        Some(result) => Ok(*result),
        None => refuse(format!("`{name}` has no result {index}")),
    }
}

/// The matrix that the op is of, by any of the names that schemas have for it.
fn matrix<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    b.tensor("A").or_else(|_| b.tensor("self"))
}

// inv(a) = the inverse of inv_ex(a).
fn inverse<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let args = args![matrix(b)?];
    results_of(b, "aten.linalg_inv_ex.default", args, &[], &[0])
}

// det(a) = the determinant of _linalg_det(a).
fn det<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let args = args![matrix(b)?];
    results_of(b, "aten._linalg_det.default", args, &[], &[0])
}

// slogdet(a) = sign and logarithm of _linalg_slogdet(a).
fn slogdet<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let args = args![matrix(b)?];
    results_of(b, "aten._linalg_slogdet.default", args, &[], &[0, 1])
}

// logdet(a) = log |det a|, nan where the determinant is negative; plus log of the sign for complex numbers.
fn logdet<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let results = b.ops("aten._linalg_slogdet.default", args![matrix(b)?], &[])?;
    let [sign, log, ..] = results.as_slice() else {
        return refuse("a determinant has a sign and a logarithm");
    };
    if b.dtype_of(*sign)?.is_complex() {
        let sign = b.unary("log", *sign)?;
        return single(b.add(sign, *log)?);
    }
    let is_negative = b.op_value("aten.eq.Scalar", args![*sign, -1.0])?;
    let nan = b.scalar_tensor(f64::NAN, b.dtype_of(*log)?, *sign)?;
    single(b.op_value("aten.where.self", args![is_negative, nan, *log])?)
}

/// The sides of a system of equations, and whether the matrix stands on the left.
fn system<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Vec<Argument<'c, 'a>>> {
    Ok(args![b.tensor("A")?, b.tensor("B")?])
}

// solve(a, b) = the solution of _linalg_solve_ex(a, b).
fn solve<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let kwargs = [
        ("left", b.boolean("left")?.into()),
        ("check_errors", true.into()),
    ];
    results_of(
        b,
        "aten._linalg_solve_ex.default",
        system(b)?,
        &kwargs,
        &[0],
    )
}

// solve_ex(a, b) = solution and status of _linalg_solve_ex(a, b).
fn solve_ex<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let kwargs = [
        ("left", b.boolean("left")?.into()),
        ("check_errors", b.boolean("check_errors")?.into()),
    ];
    let name = "aten._linalg_solve_ex.default";
    results_of(b, name, system(b)?, &kwargs, &[0, 3])
}

// cholesky(a) = the factor of cholesky_ex(a).
fn cholesky<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let kwargs = [("upper", b.boolean("upper")?.into())];
    let args = args![b.tensor("self")?];
    results_of(b, "aten.linalg_cholesky_ex.default", args, &kwargs, &[0])
}

// eigh(a) = values and vectors of _linalg_eigh(a).
fn eigh<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let args = args![matrix(b)?, b.string("UPLO")?.as_str()];
    results_of(b, "aten._linalg_eigh.default", args, &[], &[0, 1])
}

// eigvalsh(a) = the values of _linalg_eigh(a).
fn eigvalsh<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let args = args![matrix(b)?, b.string("UPLO")?.as_str()];
    results_of(b, "aten._linalg_eigh.default", args, &[], &[0])
}

// eigvals(a) = the values of eig(a).
fn eigvals<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let args = args![matrix(b)?];
    results_of(b, "aten.linalg_eig.default", args, &[], &[0])
}

/// The driver as an argument, where the op is given one.
fn driver<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Vec<(&'static str, Argument<'c, 'a>)> {
    b.arg("driver")
        .map(|driver| ("driver", driver))
        .into_iter()
        .collect()
}

// svd(a) = all of _linalg_svd(a).
fn svd<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let args = args![matrix(b)?, b.boolean("full_matrices")?];
    results_of(b, "aten._linalg_svd.default", args, &driver(b), &[0, 1, 2])
}

// svdvals(a) = the values of _linalg_svd(a).
fn svdvals<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let args = args![matrix(b)?, false];
    results_of(b, "aten._linalg_svd.default", args, &driver(b), &[1])
}

// svd(a) of old = svd(a) with the third factor transposed and conjugated; zeros for factors that are not asked
// for.
fn old_svd<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let value = b.tensor("self")?;
    let is_reduced = b.boolean("some")?;
    let has_factors = b.boolean("compute_uv")?;
    let is_full = has_factors && !is_reduced;
    let results = b.ops("aten._linalg_svd.default", args![value, is_full], &[])?;
    let [left, values, right] = results.as_slice() else {
        return refuse("an svd has three factors");
    };
    if has_factors {
        let right = adjoint(b, *right)?;
        return Ok(vec![Some(*left), Some(*values), Some(right)]);
    }
    let mut sizes = b.sizes(value)?;
    let (Some(columns), Some(rows)) = (sizes.pop(), sizes.pop()) else {
        return refuse("a matrix has two dimensions");
    };
    let meta = b.meta(value)?;
    let zeros = |size: &Size<'c, 'a>| {
        let sizes = sizes.iter().chain([size, size]).cloned();
        b.op_with(
            "aten.zeros.default",
            args![crate::pattern::size_argument(sizes)],
            &[
                ("dtype", meta.dtype.into()),
                ("layout", Constant::Layout(meta.layout.clone()).into()),
                ("device", Constant::Device(meta.device.clone()).into()),
            ],
        )
    };
    let left = zeros(&rows)?;
    let right = adjoint(b, zeros(&columns)?)?;
    Ok(vec![Some(left), Some(*values), Some(right)])
}

/// Transposed and conjugated.
fn adjoint<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, value: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    let transposed = b.transpose(value, -2, -1)?;
    if b.dtype_of(value)?.is_complex() {
        b.unary("_conj", transposed)
    } else {
        Ok(transposed)
    }
}

// qr(a) of old = linalg.qr(a), reduced or complete.
fn old_qr<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let mode = if b.boolean("some")? {
        "reduced"
    } else {
        "complete"
    };
    let args = args![b.tensor("self")?, mode];
    results_of(b, "aten.linalg_qr.default", args, &[], &[0, 1])
}

// lu_factor(a) = factors and pivots of lu_factor_ex(a).
fn lu_factor<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let kwargs = [("pivot", b.boolean("pivot")?.into())];
    let args = args![matrix(b)?];
    results_of(
        b,
        "aten.linalg_lu_factor_ex.default",
        args,
        &kwargs,
        &[0, 1],
    )
}

// _lu_with_info(a) = lu_factor_ex(a).
fn lu_with_info<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let kwargs = [
        ("pivot", b.boolean("pivot")?.into()),
        ("check_errors", b.boolean("check_errors")?.into()),
    ];
    let args = args![b.tensor("self")?];
    let name = "aten.linalg_lu_factor_ex.default";
    results_of(b, name, args, &kwargs, &[0, 1, 2])
}

// lu_solve(b, factors, pivots) = linalg.lu_solve(factors, pivots, b).
fn lu_solve<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let args = args![
        b.tensor("LU_data")?,
        b.tensor("LU_pivots")?,
        b.tensor("self")?
    ];
    single(b.op_value("aten.linalg_lu_solve.default", args)?)
}

// ldl_factor(a) = factors and pivots of ldl_factor_ex(a).
fn ldl_factor<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let kwargs = [("hermitian", b.boolean("hermitian")?.into())];
    let args = args![b.tensor("self")?];
    results_of(
        b,
        "aten.linalg_ldl_factor_ex.default",
        args,
        &kwargs,
        &[0, 1],
    )
}

// orgqr(a, tau) = householder_product(a, tau).
fn orgqr<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let args = args![b.tensor("self")?, b.tensor("input2")?];
    single(b.op_value("aten.linalg_householder_product.default", args)?)
}

// matrix_exp(a) = linalg.matrix_exp(a).
fn matrix_exp<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    single(b.op_value("aten.linalg_matrix_exp.default", args![b.tensor("self")?])?)
}

// d matrix_exp(a) = the upper right block of exp of [[aᴴ, g], [0, aᴴ]].
fn matrix_exp_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (value, gradient) = (b.tensor("self")?, b.tensor("grad")?);
    let turned = adjoint(b, value)?;
    let mut sizes = b.sizes(value)?;
    let (Some(_), Some(half)) = (sizes.pop(), sizes.pop()) else {
        return refuse("a matrix has two dimensions");
    };
    let whole = b.size_mul(&Size::Static(2), &half)?;
    sizes.extend([whole.clone(), whole.clone()]);
    let zeros = b.zeros(sizes, &b.options_of(gradient)?)?;
    // The bounds of the first and of the second half.
    let halves = [(Size::Static(0), half.clone()), (half, whole)];
    let [first, second] = &halves;
    let cut = |x, dim: i64, (start, end): &(Size<'c, 'a>, Size<'c, 'a>)| {
        let args = args![x, dim, start.clone(), end.clone()];
        b.op_value("aten.slice.Tensor", args)
    };
    let put = |x, part, dim: i64, (start, end): &(Size<'c, 'a>, Size<'c, 'a>)| {
        let args = args![x, part, dim, start.clone(), end.clone()];
        b.op_value("aten.slice_scatter.default", args)
    };
    let mut joined = zeros;
    for (block, rows, columns) in [
        (turned, first, first),
        (turned, second, second),
        (gradient, first, second),
    ] {
        let target = cut(cut(joined, -2, rows)?, -1, columns)?;
        let block = b.op_value("aten.copy.default", args![target, block])?;
        let band = put(cut(joined, -2, rows)?, block, -1, columns)?;
        joined = put(joined, band, -2, rows)?;
    }
    let exponential = b.op_value("aten.linalg_matrix_exp.default", args![joined])?;
    single(cut(cut(exponential, -2, first)?, -1, second)?)
}

// tensorinv(a) = the inverse of a with its first and last dimensions as one each, in the other order.
fn tensorinv<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let value = b.tensor("self")?;
    let sizes = b.sizes(value)?;
    let index = usize::try_from(b.int("ind")?).unwrap_or(usize::MAX);
    let Some((first, last)) = sizes.split_at_checked(index) else {
        return refuse("the tensor has too few dimensions");
    };
    let rows = b.product(last)?;
    let flat = b.reshape(value, [rows, Size::Static(-1)])?;
    let inverse = result_of(b, "aten.linalg_inv_ex.default", args![flat], &[], 0)?;
    single(b.reshape(inverse, last.iter().chain(first).cloned())?)
}

// tensorsolve(a, b) = solve(a as a matrix, b as a vector).
fn tensorsolve<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (mut value, other) = (b.tensor("self")?, b.tensor("other")?);
    if let Some(dims) = b.optional_ints("dims")? {
        let count = i64::try_from(dims.len()).unwrap_or(0);
        let last: Vec<i64> = (-count..0).collect();
        value = b.op_value("aten.movedim.intlist", args![value, dims, last])?;
    }
    let sizes = b.sizes(value)?;
    let Some((_, solution)) = sizes.split_at_checked(b.rank(other)?) else {
        return refuse("the tensor has too few dimensions");
    };
    let count = b.product(solution)?;
    let flat = b.reshape(value, [count.clone(), count.clone()])?;
    let other = b.reshape(other, [count])?;
    let name = "aten._linalg_solve_ex.default";
    let kwargs = [("check_errors", true.into())];
    let result = result_of(b, name, args![flat, other], &kwargs, 0)?;
    single(b.reshape(result, solution.iter().cloned())?)
}

// vander(x) = [1, x, x², …] by products that accumulate.
fn vander<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let mut value = b.tensor("x")?;
    if b.rank(value)? == 0 {
        value = b.unsqueeze(value, -1)?;
    }
    let mut sizes = b.sizes(value)?;
    let count = match (b.arg("N"), sizes.last()) {
        (Some(_), _) => b.size("N")?,
        (None, Some(size)) => size.clone(),
        (None, None) => return refuse("a number has no powers"),
    };
    let column = b.unsqueeze(value, -1)?;
    let powers = b.size_sub(&count, &Size::Static(1))?;
    let repeated = b.expand(column, sizes.iter().cloned().chain([powers]))?;
    let powers = b.op_value("aten.cumprod.default", args![repeated, -1_i64])?;
    sizes.push(Size::Static(1));
    let meta = b.meta(powers)?;
    let ones = b.op_with(
        "aten.ones.default",
        args![crate::pattern::size_argument(sizes)],
        &[
            ("dtype", meta.dtype.into()),
            ("layout", Constant::Layout(meta.layout).into()),
            ("device", Constant::Device(meta.device).into()),
        ],
    )?;
    single(b.op_value("aten.cat.default", args![vec![ones, powers], -1_i64])?)
}

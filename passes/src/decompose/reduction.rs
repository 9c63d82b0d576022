//! Reductions and statistics.

use expc_dialects::{Argument, Constant, ScalarType};
use melior::ir::Value;

use super::{
    Rule,
    elementwise::{Answer, Promoted, number, opmath},
};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, refuse, single},
    shape::Promotion,
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.all.default", all_dims),
    ("aten.all.dim", all_dim),
    ("aten.all.dims", all_dims),
    ("aten.aminmax.default", aminmax),
    ("aten.count_nonzero.default", count_nonzero),
    ("aten.count_nonzero.dim_IntList", count_nonzero),
    ("aten.histogramdd.TensorList_bins", histogramdd_tensors),
    ("aten.histogramdd.default", histogramdd),
    ("aten.histogramdd.int_bins", histogramdd_int),
    ("aten.log_softmax.int", log_softmax),
    ("aten.logsumexp.default", logsumexp),
    ("aten.nanmean.default", nanmean),
    ("aten.nansum.default", nansum),
    ("aten.norm.Scalar", norm),
    ("aten.norm.ScalarOpt_dim", norm),
    ("aten.norm.ScalarOpt_dim_dtype", norm),
    ("aten.norm.ScalarOpt_dtype", norm),
    ("aten.renorm.default", renorm),
    ("aten.softmax.int", softmax),
    ("aten.std.correction", std_correction),
    ("aten.std.default", std_unbiased),
    ("aten.std.dim", std_unbiased),
    ("aten.std_mean.correction", std_mean_correction),
    ("aten.std_mean.default", std_mean_unbiased),
    ("aten.std_mean.dim", std_mean_unbiased),
    ("aten.sum.default", sum_of_all),
    ("aten.var.default", var_by),
    ("aten.var.dim", var_by),
    ("aten.var_mean.default", var_mean_by),
    ("aten.var_mean.dim", var_mean_by),
];

/// The named arguments that the program gave, for a new op.
fn passed_on<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    names: &[&'static str],
) -> Vec<(&'static str, Argument<'c, 'a>)> {
    names
        .iter()
        .filter_map(|name| Some((*name, b.arg(name).filter(|_| b.is_given(name))?)))
        .collect()
}

// all(x, ...) = !any(!x, ...), in u8 for u8.
fn all_by<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, any: &str) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let negated = b.unary("logical_not", x)?;
    let found = b.op_with(any, args![negated], &passed_on(b, &["dim", "keepdim"]))?;
    let result = b.unary("logical_not", found)?;
    let dtype = if b.dtype_of(x)? == ScalarType::Uint8 {
        ScalarType::Uint8
    } else {
        ScalarType::Bool
    };
    b.answer(result, dtype)
}

// all(x, dim) = !any(!x, dim).
fn all_dim<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    all_by(b, "aten.any.dim")
}

// all(x, dims) = !any(!x, dims); without dims over all of them.
fn all_dims<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    all_by(b, "aten.any.dims")
}

// aminmax(x, dim) = (amin(x, dim), amax(x, dim)).
fn aminmax<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let keepdim = b.boolean("keepdim")?;
    let extreme = |op: &str| match b.optional_int("dim")? {
        Some(dim) => b.op_value(op, args![x, vec![dim], keepdim]),
        None => b.op_with(op, args![x], &[("keepdim", keepdim.into())]),
    };
    let smallest = extreme("aten.amin.default")?;
    let largest = extreme("aten.amax.default")?;
    Ok(vec![Some(smallest), Some(largest)])
}

// count_nonzero(x, dim) = sum(x != 0, dim).
fn count_nonzero<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let differs = if b.dtype_of(x)? == ScalarType::Bool {
        x
    } else {
        b.compare("ne", x, 0)?
    };
    let dim = b.arg("dim").unwrap_or_else(|| ().into());
    single(b.op_value("aten.sum.dim_IntList", args![differs, dim])?)
}

// norm(x, p, dim, keepdim, dtype) = vector_norm(x, p or 2, dim, keepdim, dtype).
fn norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let p = b.arg("p").unwrap_or_else(|| 2.into());
    let mut arguments = vec![b.tensor("self")?.into(), p];
    if let Some(dims) = b.optional_ints("dim")? {
        arguments.push(dims.into());
        arguments.push(b.boolean("keepdim")?.into());
    }
    let dtype = passed_on(b, &["dtype"]);
    single(b.op_with("aten.linalg_vector_norm.default", arguments, &dtype)?)
}

/// The edges and the counts of a histogram over several dimensions.
fn histogram<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, bins: Vec<i64>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let options = passed_on(b, &["range", "weight", "density"]);
    let edges = b.ops(
        "aten._histogramdd_bin_edges.default",
        args![x, bins.clone()],
        &options,
    )?;
    let op = "aten._histogramdd_from_bin_cts.default";
    let counts = b.op_with(op, args![x, bins], &options)?;
    Ok(std::iter::once(counts).chain(edges).map(Some).collect())
}

// histogramdd(x, bins) = (counts(x, bins), edges(x, bins)).
fn histogramdd<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    histogram(b, b.ints("bins")?)
}

// histogramdd(x, n) = histogramdd(x, [n; number of dimensions]).
fn histogramdd_int<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let sizes = b.sizes(b.tensor("self")?)?;
    let n_dims = sizes
        .last()
        .and_then(|size| usize::try_from(size.as_static()?).ok());
    match n_dims {
        Some(n_dims) if n_dims <= 1024 => histogram(b, vec![b.int("bins")?; n_dims]),
        _ => refuse("the number of dimensions is not known or past 1024"),
    }
}

// histogramdd(x, edges) = (counts(x, edges), edges).
fn histogramdd_tensors<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let edges = b.tensors("bins")?;
    let counts = b.op_with(
        "aten._histogramdd_from_bin_tensors.default",
        args![b.tensor("self")?, edges.clone()],
        &passed_on(b, &["weight", "density"]),
    )?;
    Ok(std::iter::once(counts).chain(edges).map(Some).collect())
}

// softmax(x, dim, dtype) = _softmax(x as dtype, dim).
fn softmax<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    softmax_by(b, "aten._softmax.default")
}

// log_softmax(x, dim, dtype) = _log_softmax(x as dtype, dim).
fn log_softmax<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    softmax_by(b, "aten._log_softmax.default")
}

fn softmax_by<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, kernel: &str) -> Answer<'c, 'a> {
    let (x, dim) = (b.tensor("self")?, b.int("dim")?);
    let found = b.dtype_of(x)?;
    let dtype = b.dtype("dtype").unwrap_or(found);
    // CUDA has kernels that read half precision and write single precision.
    let is_half_to_float = found == ScalarType::Float16
        && dtype == ScalarType::Float32
        && b.meta(x)?.device.starts_with("cuda");
    let x = if is_half_to_float {
        x
    } else {
        b.cast(x, dtype)?
    };
    single(b.op_value(kernel, args![x, dim, is_half_to_float])?)
}

// logsumexp(x, dim) = log(sum(exp(x - m), dim)) + m with m = amax(re(x), dim), 0 where it is infinite.
fn logsumexp<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([x], result) = b.in_float([b.tensor("self")?])?;
    let (dims, keepdim) = (b.ints("dim")?, b.boolean("keepdim")?);
    let is_empty = b.sizes(x)?.iter().any(|size| size.as_static() == Some(0));
    let sum_of_exp = |x| {
        let exp = b.unary("exp", x)?;
        b.op_value("aten.sum.dim_IntList", args![exp, dims.clone(), keepdim])
    };
    if is_empty {
        return b.answer(b.unary("log", sum_of_exp(x)?)?, result);
    }
    let real = if b.dtype_of(x)?.is_complex() {
        b.unary("real", x)?
    } else {
        x
    };
    let largest = b.op_value("aten.amax.default", args![real, dims.clone(), true])?;
    let is_infinite = b.compare("eq", b.unary("abs", largest)?, f64::INFINITY)?;
    let largest = b.op_value("aten.masked_fill.Scalar", args![largest, is_infinite, 0])?;
    let squeezed = if keepdim {
        largest
    } else {
        b.op_value("aten.squeeze.dims", args![largest, dims.clone()])?
    };
    let sum = sum_of_exp(b.sub(x, largest)?)?;
    b.answer(b.add(b.unary("log", sum)?, squeezed)?, result)
}

// nanmean(x, dim) = nansum(x, dim) / sum(!isnan(x), dim).
fn nanmean<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let dims = b.arg("dim").unwrap_or_else(|| ().into());
    let keepdim = b.boolean("keepdim")?;
    let detached = b.unary("detach", x)?;
    let is_number = b.unary("logical_not", b.compare("ne", detached, detached)?)?;
    let count = b.op_value(
        "aten.sum.dim_IntList",
        args![is_number, dims.clone(), keepdim],
    )?;
    let dtype = passed_on(b, &["dtype"]);
    let sum = b.op_with("aten.nansum.default", args![x, dims, keepdim], &dtype)?;
    single(b.div(sum, count)?)
}

// nansum(x, dim) = sum(isnan(x) ? 0 : x, dim).
fn nansum<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let is_nan = b.unary("isnan", x)?;
    let numbers = b.select(is_nan, 0, x)?;
    let dims = b.arg("dim").unwrap_or_else(|| ().into());
    let keepdim = b.boolean("keepdim")?;
    let dtype = passed_on(b, &["dtype"]);
    single(b.op_with(
        "aten.sum.dim_IntList",
        args![numbers, dims, keepdim],
        &dtype,
    )?)
}

// renorm(x, p, dim, max) = x * (n > max ? max / (n + 1e-7) : 1) with n = vector_norm(x, p, other dims).
fn renorm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let (dtype, limit) = (b.dtype_of(x)?, b.float("maxnorm")?);
    let dim = b.dimension(x, b.int("dim")?)?;
    let dims: Vec<i64> = (0..b.rank(x)?)
        .filter(|other| *other != dim)
        .map(|other| i64::try_from(other).unwrap_or(i64::MAX))
        .collect();
    let mut options = Vec::new();
    if opmath(dtype) != dtype {
        options.push(("dtype", opmath(dtype).into()));
    }
    let Some(p) = b.arg("p") else {
        return refuse("argument `p` is missing");
    };
    let norm = b.op_with(
        "aten.linalg_vector_norm.default",
        args![x, p, dims, true],
        &options,
    )?;
    let is_large = b.compare("gt", norm, limit)?;
    let inverse = b.unary("reciprocal", b.add(norm, 1e-7)?)?;
    let factor = b.select(is_large, b.mul(inverse, limit)?, 1.0)?;
    let scaled = b.mul(x, b.cast(factor, dtype)?)?;
    single(b.contiguous(scaled)?)
}

// sum(x, dtype) = sum(x, [], dtype).
fn sum_of_all<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let dims = Constant::List(Vec::new());
    let arguments = args![b.tensor("self")?, dims];
    single(b.op_with("aten.sum.dim_IntList", arguments, &passed_on(b, &["dtype"]))?)
}

/// The dims, keepdim and correction of a variance, for the op of the form `correction`.
type Variance<'c, 'a> = (Vec<Argument<'c, 'a>>, Vec<(&'static str, Argument<'c, 'a>)>);

/// The arguments of a variance of `x`; the correction is `correction`.
fn variance<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    correction: impl Into<Argument<'c, 'a>>,
) -> Rewritten<Variance<'c, 'a>> {
    let mut arguments = args![x];
    if let Some(dims) = b.optional_ints("dim")? {
        arguments.push(if dims.is_empty() {
            Constant::List(Vec::new()).into()
        } else {
            dims.into()
        });
    }
    let mut options = vec![("correction", correction.into())];
    if b.arg("keepdim").is_some() && b.boolean("keepdim")? {
        options.push(("keepdim", true.into()));
    }
    Ok((arguments, options))
}

/// The correction that `unbiased` stands for.
fn unbiased(b: &Rewrite<'_, '_, '_>) -> Rewritten<i64> {
    b.boolean("unbiased").map(i64::from)
}

/// The correction, 1 if it is None.
fn correction(b: &Rewrite<'_, '_, '_>) -> Rewritten<f64> {
    match b.arg("correction") {
        None => Ok(1.0),
        Some(argument) => match number(&argument) {
            Some(number) => Ok(number),
            None => refuse("`correction` is no constant number"),
        },
    }
}

// var(x, dim, unbiased) = var(x, dim, correction = unbiased).
fn var_by<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (arguments, options) = variance(b, b.tensor("self")?, unbiased(b)?)?;
    single(b.op_with("aten.var.correction", arguments, &options)?)
}

// var_mean(x, dim, unbiased) = var_mean(x, dim, correction = unbiased).
fn var_mean_by<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (arguments, options) = variance(b, b.tensor("self")?, unbiased(b)?)?;
    let results = b.ops("aten.var_mean.correction", arguments, &options)?;
    Ok(results.into_iter().map(Some).collect())
}

#[allow(clippy::cast_precision_loss, reason = "0 or 1")]
fn unbiased_float(b: &Rewrite<'_, '_, '_>) -> Rewritten<f64> {
    unbiased(b).map(|correction| correction as f64)
}

/// The dtypes of a deviation: half precision is computed in single precision, the result is real.
fn deviation_dtypes<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Promoted> {
    b.promotion(&[x.into()], Promotion::ComplexToFloat)
}

fn std_by<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, correction: f64) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let dtypes = deviation_dtypes(b, x)?;
    let (arguments, options) = variance(b, b.cast(x, dtypes.compute)?, correction)?;
    let variance = b.op_with("aten.var.correction", arguments, &options)?;
    b.answer(b.unary("sqrt", variance)?, dtypes.result)
}

// std(x, dim, correction) = sqrt(var(x, dim, correction)).
fn std_correction<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    std_by(b, correction(b)?)
}

// std(x, dim, unbiased) = sqrt(var(x, dim, correction = unbiased)).
fn std_unbiased<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    std_by(b, unbiased_float(b)?)
}

fn std_mean_by<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, correction: f64) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let (dtypes, dtype) = (deviation_dtypes(b, x)?, b.dtype_of(x)?);
    let (arguments, options) = variance(b, b.cast(x, dtypes.compute)?, correction)?;
    let results = b.ops("aten.var_mean.correction", arguments, &options)?;
    let &[variance, mean] = results.as_slice() else {
        return refuse("`aten.var_mean.correction` has no two results");
    };
    let deviation = b.cast(b.unary("sqrt", variance)?, dtypes.result)?;
    Ok(vec![Some(deviation), Some(b.cast(mean, dtype)?)])
}

// std_mean(x, dim, correction) = (sqrt(v), m) with (v, m) = var_mean(x, dim, correction).
fn std_mean_correction<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    std_mean_by(b, correction(b)?)
}

// std_mean(x, dim, unbiased) = (sqrt(v), m) with (v, m) = var_mean(x, dim, correction = unbiased).
fn std_mean_unbiased<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    std_mean_by(b, unbiased_float(b)?)
}

//! Normalization; gradients are in `norm_backward.rs`.

use expc_dialects::{Argument, ScalarType};
use melior::ir::Value;

use super::{
    Rule,
    elementwise::{Answer, opmath},
};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single},
    shape::MemoryFormat,
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten._batch_norm_impl_index.default", batch_norm_impl_index),
    ("aten._fused_rms_norm.default", fused_rms_norm),
    ("aten._weight_norm.default", weight_norm),
    ("aten._weight_norm_interface.default", weight_norm_interface),
    ("aten.batch_norm.default", batch_norm),
    ("aten.cudnn_batch_norm.default", cudnn_batch_norm),
    ("aten.group_norm.default", group_norm),
    ("aten.instance_norm.default", instance_norm),
    ("aten.layer_norm.default", layer_norm),
    ("aten.native_batch_norm.default", native_batch_norm),
    ("aten.rms_norm.default", rms_norm),
];

/// `aten.native_batch_norm` with the arguments of the matched op, which names the last two itself.
fn native<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    training: bool,
    momentum: f64,
    eps: f64,
) -> Rewritten<Vec<Value<'c, 'a>>> {
    let (x, optional) = (b.tensor("input")?, |name| b.optional_tensor(name));
    let (weight, bias) = (optional("weight"), optional("bias"));
    let (mean, variance) = (optional("running_mean"), optional("running_var"));
    b.ops(
        "aten.native_batch_norm.default",
        args![x, weight, bias, mean, variance, training, momentum, eps],
        &[],
    )
}

// batch_norm(...) = native_batch_norm(...)[0].
fn batch_norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let results = native(
        b,
        b.boolean("training")?,
        b.float("momentum")?,
        b.float("eps")?,
    )?;
    Ok(results
        .first()
        .map(|result| vec![Some(*result)])
        .unwrap_or_default())
}

// batch_norm_impl_index(...) = (native_batch_norm(...), an empty reserve, 0).
fn batch_norm_impl_index<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    if b.is_used(4) {
        return refuse("the number of the implementation is used");
    }
    let results = native(
        b,
        b.boolean("training")?,
        b.float("momentum")?,
        b.float("eps")?,
    )?;
    let reserve = b.is_used(3).then(|| empty_bytes(b)).transpose()?;
    Ok(results
        .into_iter()
        .map(Some)
        .chain([reserve, None])
        .collect())
}

/// An empty tensor of bytes, as kernels take it for memory of their own.
fn empty_bytes<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    let x = b.tensor("input")?;
    let options: [(&str, Argument); 1] = [("dtype", ScalarType::Uint8.into())];
    b.op_with("aten.new_zeros.default", args![x, vec![0]], &options)
}

// cudnn_batch_norm(...) = (native_batch_norm(...), an empty reserve); without statistics where none are kept.
fn cudnn_batch_norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let training = b.boolean("training")?;
    let momentum = b.float("exponential_average_factor")?;
    let results = native(b, training, momentum, b.float("epsilon")?)?;
    let reserve = b.is_used(3).then(|| empty_bytes(b)).transpose()?;
    if training {
        return Ok(results.into_iter().map(Some).chain([reserve]).collect());
    }
    let weight = b.tensor("weight")?;
    let none = |index| {
        let no_statistics = || b.op_value("aten.new_zeros.default", args![weight, vec![0]]);
        b.is_used(index).then(no_statistics).transpose()
    };
    Ok(vec![results.first().copied(), none(1)?, none(2)?, reserve])
}

// native_batch_norm by what it knows: no running statistics, or statistics that stay as they are.
fn native_batch_norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, optional) = (b.tensor("input")?, |name| b.optional_tensor(name));
    let (weight, bias) = (optional("weight"), optional("bias"));
    let (training, momentum) = (b.boolean("training")?, b.float("momentum")?);
    let eps = b.float("eps")?;
    let results = match (optional("running_mean"), optional("running_var")) {
        (None, None) => b.ops(
            "aten._native_batch_norm_legit.no_stats",
            args![x, weight, bias, training, momentum, eps],
            &[],
        )?,
        (Some(mean), Some(variance)) if !training => b.ops(
            "aten._native_batch_norm_legit_no_training.default",
            args![x, weight, bias, mean, variance, momentum, eps],
            &[],
        )?,
        (Some(_), Some(_)) => return refuse("it writes to its running statistics"),
        _ => return refuse("it has one of two running statistics"),
    };
    Ok(results.into_iter().map(Some).collect())
}

/// A tensor that is dense in the memory format it is closest to.
fn dense<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    let tensor = b.strided(x)?;
    let format = tensor.suggested_format(b.env());
    if tensor.is_contiguous_in(b.env(), format) {
        Ok(x)
    } else {
        b.clone_in(x, format)
    }
}

// group_norm(x, groups, w, b, eps) = native_group_norm(x, w, b, N, C, H * W, groups, eps)[0].
fn group_norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("input")?;
    let sizes = b.sizes(x)?;
    let [n, channels, rest @ ..] = sizes.as_slice() else {
        return refuse("`input` has less than two dimensions");
    };
    let row_major = |name| b.optional_tensor(name).map(|x| b.contiguous(x)).transpose();
    let inner = b.product(rest)?;
    let x = if b.meta(x)?.device == "cpu" {
        dense(b, x)?
    } else {
        b.contiguous(x)?
    };
    let (weight, bias) = (row_major("weight")?, row_major("bias")?);
    let (groups, eps) = (b.int("num_groups")?, b.float("eps")?);
    let (n, channels) = (n.clone(), channels.clone());
    let arguments = args![x, weight, bias, n, channels, inner, groups, eps];
    single(b.first_of("aten.native_group_norm.default", arguments)?)
}

// instance_norm(x) = batch_norm of x as one batch with N * C channels.
fn instance_norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("input")?;
    let sizes = b.sizes(x)?;
    let [n, channels, rest @ ..] = sizes.as_slice() else {
        return refuse("`input` has less than two dimensions");
    };
    if b.arg("running_mean").is_some() || b.arg("running_var").is_some() {
        return refuse("it writes to its running statistics");
    }
    let repeated = |name| {
        let repeat = |x| {
            let times: Argument = vec![Argument::from(n.clone())].into();
            b.op_value("aten.repeat.default", args![x, times])
        };
        b.optional_tensor(name).map(repeat).transpose()
    };
    let (weight, bias) = (repeated("weight")?, repeated("bias")?);
    let batch = [Size::Static(1), b.size_mul(n, channels)?];
    let flat = b.view(
        b.contiguous(x)?,
        batch.into_iter().chain(rest.iter().cloned()),
    )?;
    let (momentum, eps) = (b.float("momentum")?, b.float("eps")?);
    let enabled = b.boolean("cudnn_enabled")?;
    let normalized = b.op_value(
        "aten.batch_norm.default",
        args![flat, weight, bias, (), (), true, momentum, eps, enabled],
    )?;
    single(b.view(normalized, sizes)?)
}

// layer_norm(...) = native_layer_norm(...)[0].
fn layer_norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, shape) = (b.tensor("input")?, b.arg("normalized_shape"));
    let Some(shape) = shape else {
        return refuse("argument `normalized_shape` is missing");
    };
    let (weight, bias) = (b.optional_tensor("weight"), b.optional_tensor("bias"));
    let arguments = args![x, shape, weight, bias, b.float("eps")?];
    single(b.first_of("aten.native_layer_norm.default", arguments)?)
}

// rms_norm(...) = fused_rms_norm(...)[0].
fn rms_norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let Some(shape) = b.arg("normalized_shape") else {
        return refuse("argument `normalized_shape` is missing");
    };
    let eps = b.arg("eps").unwrap_or_else(|| ().into());
    let weight = b.optional_tensor("weight");
    let arguments = args![b.tensor("input")?, shape, weight, eps];
    single(b.first_of("aten._fused_rms_norm.default", arguments)?)
}

// fused_rms_norm(x, w, eps) = (x * r * w, r) with r = rsqrt(mean(x ** 2) + eps).
fn fused_rms_norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("input")?;
    let dtype = b.dtype_of(x)?;
    let compute = opmath(dtype);
    let rank = i64::try_from(b.rank(x)?).unwrap_or(i64::MAX);
    let n_dims = i64::try_from(b.size_list("normalized_shape")?.len()).unwrap_or(i64::MAX);
    let dims: Vec<i64> = (1..=n_dims).map(|dim| rank - dim).collect();
    let is_single = matches!(compute, ScalarType::Float32 | ScalarType::Complex64);
    let smallest = if is_single {
        f64::from(f32::EPSILON)
    } else {
        f64::EPSILON
    };
    let eps = b.optional_float("eps")?.unwrap_or(smallest);
    let wide = b.cast(x, compute)?;
    let square = b.op_value("aten.pow.Tensor_Scalar", args![wide, 2])?;
    let mean = b.op_value("aten.mean.dim", args![square, dims, true])?;
    let mean = b.op_value("aten.add.Scalar", args![mean, eps])?;
    let mut scale = b.unary("rsqrt", mean)?;
    let mut result = b.mul(wide, scale)?;
    if let Some(weight) = b.optional_tensor("weight") {
        result = b.mul(result, weight)?;
    }
    if b.strided(x)?.suggested_format(b.env()) == MemoryFormat::Contiguous {
        result = b.contiguous(result)?;
        scale = b.contiguous(scale)?;
    }
    Ok(vec![Some(b.cast(result, dtype)?), Some(scale)])
}

// weight_norm(v, g, dim) = v * (g / norm of v over all dimensions but dim).
fn weight_norm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (v, g) = (b.contiguous(b.tensor("v")?)?, b.contiguous(b.tensor("g")?)?);
    let dim = b.int("dim")?;
    let last = i64::try_from(b.rank(v)?).unwrap_or(i64::MAX) - 1;
    if dim == 0 || dim == last {
        return single(b.first_of("aten._weight_norm_interface.default", args![v, g, dim])?);
    }
    let norm = b.op_value("aten.norm_except_dim.default", args![v, 2, dim])?;
    single(b.mul(v, b.div(g, norm)?)?)
}

// weight_norm_interface(v, g, dim) = (v * (g / n), n) with n = norm(v, all dimensions but dim).
fn weight_norm_interface<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (v, g) = (b.tensor("v")?, b.tensor("g")?);
    let (dim, dtype) = (b.int("dim")?, b.dtype_of(g)?);
    let rank = i64::try_from(b.rank(v)?).unwrap_or(i64::MAX);
    let dims: Vec<i64> = (0..rank).filter(|other| *other != dim).collect();
    let norm = if dtype == ScalarType::BFloat16 {
        let options = [("dtype", ScalarType::Float32.into())];
        b.op_with(
            "aten.norm.ScalarOpt_dim_dtype",
            args![v, 2, dims, true],
            &options,
        )?
    } else {
        b.op_value("aten.norm.ScalarOpt_dim", args![v, 2, dims, true])?
    };
    let scale = b.div(g, b.cast(norm, dtype)?)?;
    Ok(vec![Some(b.mul(v, scale)?), Some(norm)])
}

//! Gradients of normalization.

use expc_dialects::{Argument, ScalarType};
use melior::ir::Value;

use super::{
    Rule,
    elementwise::{Answer, opmath},
};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse},
    shape::Promotion,
};

pub(super) const RULES: &[(&str, Rule)] = &[
    (
        "aten._fused_rms_norm_backward.default",
        fused_rms_norm_backward,
    ),
    (
        "aten._batch_norm_impl_index_backward.default",
        batch_norm_impl_index_backward,
    ),
    (
        "aten._weight_norm_differentiable_backward.default",
        weight_norm_differentiable_backward,
    ),
    (
        "aten.cudnn_batch_norm_backward.default",
        library_batch_norm_backward,
    ),
    (
        "aten.miopen_batch_norm_backward.default",
        library_batch_norm_backward,
    ),
    (
        "aten.native_batch_norm_backward.default",
        native_batch_norm_backward,
    ),
    (
        "aten.native_group_norm_backward.default",
        native_group_norm_backward,
    ),
    (
        "aten.native_layer_norm_backward.default",
        native_layer_norm_backward,
    ),
];

/// Which of the gradients are asked for.
pub(super) fn output_mask<const N: usize>(b: &Rewrite<'_, '_, '_>) -> Rewritten<[bool; N]> {
    let elements = b.arg("output_mask").and_then(|mask| mask.elements());
    let flags: Option<Vec<bool>> = elements.unwrap_or_default().iter().map(flag).collect();
    match flags.and_then(|flags| <[bool; N]>::try_from(flags).ok()) {
        Some(flags) => Ok(flags),
        None => refuse(format!("`output_mask` is no list of {N} constant bools")),
    }
}

fn flag(argument: &Argument<'_, '_>) -> Option<bool> {
    match argument.as_constant()? {
        expc_dialects::Constant::Bool(flag) => Some(*flag),
        _ => None,
    }
}

/// The sum over dimensions.
fn sum_over<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dims: &[i64],
    keepdim: bool,
) -> Rewritten<Value<'c, 'a>> {
    let mut arguments = args![x, dims];
    if keepdim {
        arguments.push(true.into());
    }
    b.op_value("aten.sum.dim_IntList", arguments)
}

/// A tensor with dimensions of size 1 behind up to a rank.
fn unsqueezed_to<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    rank: usize,
) -> Rewritten<Value<'c, 'a>> {
    let missing = rank.saturating_sub(b.rank(x)?);
    (0..missing).try_fold(x, |x, _| b.unsqueeze(x, -1))
}

/// The dimensions `from..to`.
fn dims(from: usize, to: usize) -> Vec<i64> {
    (from..to)
        .map(|dim| i64::try_from(dim).unwrap_or(i64::MAX))
        .collect()
}

/// What the gradients of layer_norm and rms_norm have in common.
struct Layer<'c, 'a> {
    gradient: Value<'c, 'a>,
    x: Value<'c, 'a>,
    weight: Option<Value<'c, 'a>>,
    dtype: ScalarType,
    rank: usize,
    inner: Vec<i64>,
    outer: Vec<i64>,
    n_inner: Size<'c, 'a>,
}

impl<'c: 'a, 'a> Layer<'c, 'a> {
    fn of(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Self> {
        let x = b.tensor("input")?;
        let (dtype, rank) = (b.dtype_of(x)?, b.rank(x)?);
        let n_normalized = b.size_list("normalized_shape")?.len();
        let Some(axis) = rank.checked_sub(n_normalized) else {
            return refuse("`normalized_shape` is longer than the sizes of `input`");
        };
        let sizes = b.sizes(x)?;
        if sizes.iter().any(|size| size.as_static() == Some(0)) {
            return refuse("`input` is empty");
        }
        let compute = opmath(dtype);
        let wide = |x| b.contiguous(b.cast(x, compute)?);
        Ok(Self {
            gradient: wide(b.tensor("grad_out")?)?,
            x: wide(x)?,
            weight: b.optional_tensor("weight").map(wide).transpose()?,
            dtype,
            rank,
            inner: dims(axis, rank),
            outer: dims(0, axis),
            n_inner: b.product(sizes.get(axis..).unwrap_or_default())?,
        })
    }

    /// The gradient of the normalized input.
    fn of_normalized(&self, b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Value<'c, 'a>> {
        match self.weight {
            Some(weight) => b.mul(self.gradient, weight),
            None => Ok(self.gradient),
        }
    }

    /// The sum over the dimensions that are not normalized.
    fn summed(&self, b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
        if self.outer.is_empty() {
            Ok(x)
        } else {
            sum_over(b, x, &self.outer, false)
        }
    }
}

// d layer_norm(x, w) = r / N * (N * h - sum(h) - n * sum(h * n)) with n = (x - mean) * r and h = g * w;
// for w sum(g * n), for the bias sum(g).
fn native_layer_norm_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let [for_input, for_weight, for_bias] = output_mask(b)?;
    let layer = Layer::of(b)?;
    let mean = unsqueezed_to(b, b.tensor("mean")?, layer.rank)?;
    let scale = unsqueezed_to(b, b.tensor("rstd")?, layer.rank)?;
    let normalized = b.mul(b.sub(layer.x, mean)?, scale)?;
    let mut results = vec![None; 3];
    if for_input {
        let gradient = layer.of_normalized(b)?;
        let scaled = b.mul(gradient, layer.n_inner.clone())?;
        let sum = sum_over(b, gradient, &layer.inner, true)?;
        let weighted = sum_over(b, b.mul(gradient, normalized)?, &layer.inner, true)?;
        let weighted = b.mul(normalized, weighted)?;
        let inner = b.sub(b.sub(scaled, sum)?, weighted)?;
        let value = b.mul(b.div(scale, layer.n_inner.clone())?, inner)?;
        results[0] = Some(b.cast(value, layer.dtype)?);
    }
    if let Some(weight) = b.optional_tensor("weight").filter(|_| for_weight) {
        let value = layer.summed(b, b.mul(layer.gradient, normalized)?)?;
        results[1] = Some(b.cast(value, b.dtype_of(weight)?)?);
    }
    if let Some(bias) = b.optional_tensor("bias").filter(|_| for_bias) {
        let value = if layer.outer.is_empty() {
            b.unary("clone", layer.gradient)?
        } else {
            layer.summed(b, layer.gradient)?
        };
        results[2] = Some(b.cast(value, b.dtype_of(bias)?)?);
    }
    Ok(results)
}

// d rms_norm(x, w) = (h - n / N * sum(n * h)) * r with n = x * r and h = g * w; for w sum(g * n).
fn fused_rms_norm_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let [for_input, for_weight] = output_mask(b)?;
    let layer = Layer::of(b)?;
    let scale = unsqueezed_to(b, b.tensor("rstd")?, layer.rank)?;
    let gradient = layer.of_normalized(b)?;
    let normalized = b.mul(layer.x, scale)?;
    let mut results = vec![None; 2];
    if for_input {
        let sum = sum_over(b, b.mul(normalized, gradient)?, &layer.inner, true)?;
        let shared = b.mul(b.div(normalized, layer.n_inner.clone())?, sum)?;
        let value = b.mul(b.sub(gradient, shared)?, scale)?;
        results[0] = Some(b.cast(value, layer.dtype)?);
    }
    if for_weight && layer.weight.is_some() {
        let value = layer.summed(b, b.mul(layer.gradient, normalized)?)?;
        results[1] = Some(b.cast(value, layer.dtype)?);
    }
    Ok(results)
}

// d group_norm(x, w) = g * r * w + x * c2 + c3, with c2 and c3 constant in each group; for w the sum of
// (g * x - g * mean) * r over samples, for the bias sum(g).
fn native_group_norm_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let [for_input, for_weight, for_bias] = output_mask(b)?;
    let group = Group::of(b)?;
    let mut results = vec![None; 3];
    if for_input {
        results[0] = Some(b.cast(group.of_input(b)?, group.result)?);
    }
    if for_weight {
        results[1] = Some(b.cast(group.of_weight(b)?, group.result)?);
    }
    if for_bias {
        results[2] = Some(b.cast(sum_over(b, group.sum, &[0], false)?, group.result)?);
    }
    Ok(results)
}

/// What the gradients of group_norm have in common.
struct Group<'c, 'a> {
    gradient: Value<'c, 'a>,
    x: Value<'c, 'a>,
    mean: Value<'c, 'a>,
    scale: Value<'c, 'a>,
    weight: Option<Value<'c, 'a>>,
    /// `g * x` and `g`, added up over the elements of each channel.
    weighted_sum: Value<'c, 'a>,
    sum: Value<'c, 'a>,
    n: Size<'c, 'a>,
    channels: Size<'c, 'a>,
    inner: Size<'c, 'a>,
    groups: i64,
    group_size: Size<'c, 'a>,
    result: ScalarType,
}

impl<'c: 'a, 'a> Group<'c, 'a> {
    fn of(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Self> {
        let names = ["grad_out", "input", "mean", "rstd", "weight"];
        let dtypes = b.promotion_of(&names, Promotion::Default)?;
        let gradient = b.tensor_as("grad_out", dtypes.compute)?;
        let x = b.tensor_as("input", dtypes.compute)?;
        let (n, channels, inner) = (b.size("N")?, b.size("C")?, b.size("HxW")?);
        let groups = b.int("group")?;
        let flat = || [n.clone(), channels.clone(), inner.clone()];
        Ok(Self {
            weighted_sum: sum_over(b, b.view(b.mul(gradient, x)?, flat())?, &[2], false)?,
            sum: sum_over(b, b.view(gradient, flat())?, &[2], false)?,
            gradient,
            x,
            mean: b.tensor_as("mean", dtypes.compute)?,
            scale: b.tensor_as("rstd", dtypes.compute)?,
            weight: b.optional_tensor_as("weight", dtypes.compute)?,
            group_size: b.size_floordiv(&channels, &Size::Static(groups))?,
            n,
            channels,
            inner,
            groups,
            result: dtypes.result,
        })
    }

    /// The sizes of a tensor with one element for each channel, by groups.
    fn by_group(&self) -> [Size<'c, 'a>; 3] {
        [
            self.n.clone(),
            Size::Static(self.groups),
            self.group_size.clone(),
        ]
    }

    /// The sum over the channels of each group, weighted.
    fn group_sum(&self, b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
        let weighted = match self.weight {
            Some(weight) => b.mul(x, b.unsqueeze(weight, 0)?)?,
            None => x,
        };
        sum_over(b, b.reshape(weighted, self.by_group())?, &[2], false)
    }

    fn of_input(&self, b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Value<'c, 'a>> {
        let count = b.size_mul(&self.inner, &self.group_size)?;
        #[allow(clippy::cast_precision_loss, reason = "Python's own conversion")]
        let Some(share) = count.as_static().map(|count| 1.0 / count as f64) else {
            return refuse("the number of elements in a group is not known");
        };
        let weighted = self.group_sum(b, self.weighted_sum)?;
        let sum = self.group_sum(b, self.sum)?;
        let scale = b.unsqueeze(self.scale, -1)?;
        let sizes = [
            Size::Static(1),
            Size::Static(self.groups),
            self.group_size.clone(),
        ];
        let weight = match self.weight {
            Some(weight) => b.reshape(weight, sizes)?,
            None => {
                let device = expc_dialects::Constant::Device(b.meta(scale)?.device);
                let sizes = crate::pattern::size_argument(sizes);
                b.op_with(
                    "aten.ones.default",
                    vec![sizes],
                    &[("device", device.into())],
                )?
            }
        };
        let of_gradient = b.unsqueeze(b.mul(scale, weight)?, -1)?;
        let centered = b.sub(b.mul(sum, self.mean)?, weighted)?;
        let cubed = b.mul(b.mul(b.mul(centered, self.scale)?, self.scale)?, self.scale)?;
        let of_x = b.mul(cubed, share)?;
        let shift = b.mul(b.mul(sum, self.scale)?, share)?;
        let shift = b.sub(b.mul(b.neg(of_x)?, self.mean)?, shift)?;
        let (of_x, shift) = (unsqueezed_to(b, of_x, 4)?, unsqueezed_to(b, shift, 4)?);
        let grouped = |x| {
            let [n, groups, channels] = self.by_group();
            b.reshape(x, [n, groups, channels, self.inner.clone()])
        };
        let value = b.mul(grouped(self.gradient)?, of_gradient)?;
        let value = b.add(value, b.mul(grouped(self.x)?, of_x)?)?;
        b.reshape(b.add(value, shift)?, b.sizes(self.x)?)
    }

    fn of_weight(&self, b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Value<'c, 'a>> {
        let weighted = b.view(self.weighted_sum, self.by_group())?;
        let sum = b.view(self.sum, self.by_group())?;
        let centered = b.sub(weighted, b.mul(sum, b.unsqueeze(self.mean, -1)?)?)?;
        let scaled = b.mul(centered, b.unsqueeze(self.scale, -1)?)?;
        b.reshape(sum_over(b, scaled, &[0], false)?, [self.channels.clone()])
    }
}

// cudnn_ and miopen_batch_norm_backward(...) = native_batch_norm_backward(...) in training.
fn library_batch_norm_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let optional = |name| b.optional_tensor(name);
    let mask = expc_dialects::Constant::Bools(vec![true; 3]);
    let arguments = args![
        b.tensor("grad_output")?,
        b.tensor("input")?,
        b.tensor("weight")?,
        optional("running_mean"),
        optional("running_var"),
        optional("save_mean"),
        optional("save_var"),
        true,
        b.float("epsilon")?,
        mask,
    ];
    let results = b.ops("aten.native_batch_norm_backward.default", arguments, &[])?;
    Ok(results.into_iter().map(Some).collect())
}

// batch_norm_impl_index_backward(0, ...) = native_batch_norm_backward(...); other numbers stand for libraries.
fn batch_norm_impl_index_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let library = b.int("impl_index")?;
    if library != 0 {
        return refuse(format!(
            "the library of number {library} computed the result"
        ));
    }
    let input = b.tensor("input")?;
    if b.sizes(input)?.iter().any(|size| b.size_is(size, 0)) {
        return refuse("the input has no elements");
    }
    let optional = |name| b.optional_tensor(name);
    let Some(mask) = b.arg("output_mask") else {
        return refuse("`output_mask` is not given");
    };
    let arguments = args![
        b.tensor("grad_output")?,
        input,
        optional("weight"),
        optional("running_mean"),
        optional("running_var"),
        optional("save_mean"),
        optional("save_var_transform"),
        b.boolean("train")?,
        b.float("eps")?,
        mask,
    ];
    let results = b.ops("aten.native_batch_norm_backward.default", arguments, &[])?;
    Ok(results.into_iter().map(Some).collect())
}

// d weight_norm(v, g) with norms n = (g / n (dw - v s / n²), s / n) with s = Σ dw v over all dimensions but dim.
fn weight_norm_differentiable_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (gradient, v) = (b.tensor("grad_w")?, b.tensor("saved_v")?);
    let g = b.tensor("saved_g")?;
    let norms = b.cast(b.tensor("saved_norms")?, b.dtype_of(g)?)?;
    let dim = b.int("dim")?;
    let rank = b.rank(v)?;
    let kept = match b.dimension(v, dim)? {
        0 => 0,
        dim if dim + 1 == rank => dim,
        _ => return refuse("the norms are neither of the first nor of the last dimension"),
    };
    let size = b.size_of(v, kept)?;
    let rest = Size::Static(-1);
    let (flat, summed) = match kept {
        0 => ([size.clone(), rest], 1_i64),
        _ => ([rest, size.clone()], 0),
    };
    let mut sizes = vec![Size::Static(1); rank];
    if let Some(slot) = sizes.get_mut(kept) {
        *slot = size;
    }
    let products = b.view(b.mul(gradient, v)?, flat)?;
    let sums = b.op_value("aten.sum.dim_IntList", args![products, vec![summed]])?;
    let sums = b.view(sums, sizes)?;
    let along = b.mul(v, b.div(sums, b.mul(norms, norms)?)?)?;
    let across = b.sub(gradient, along)?;
    let of_v = b.mul(b.div(g, norms)?, across)?;
    Ok(vec![Some(of_v), Some(b.div(sums, norms)?)])
}

// d batch_norm(x, w) = (g - (x - mean) * s - sum(g) / N) * r * w with s = sum(g * (x - mean)) / N * r * r, in
// training; g * r * w with running statistics. For w sum(g * (x - mean)) * r, for the bias sum(g).
fn native_batch_norm_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let [_, for_weight, for_bias] = output_mask(b)?;
    let input = b.tensor("input")?;
    let (dtype, rank) = (b.dtype_of(input)?, b.rank(input)?);
    let compute = opmath(dtype);
    let gradient = b.tensor_as("grad_out", compute)?;
    let x = b.cast(input, compute)?;
    let weight = b.optional_tensor_as("weight", compute)?;
    let is_training = b.boolean("train")?;
    let (mean, scale) = if is_training {
        (
            b.tensor_as("save_mean", compute)?,
            b.tensor_as("save_invstd", compute)?,
        )
    } else {
        let variance = b.tensor_as("running_var", compute)?;
        let scale = b.unary("rsqrt", b.add(variance, b.float("eps")?)?)?;
        (b.tensor_as("running_mean", compute)?, scale)
    };
    let mut others = b.sizes(input)?;
    if others.len() < 2 {
        return refuse("`input` has less than two dimensions");
    }
    others.remove(1);
    #[allow(clippy::cast_precision_loss, reason = "Python's own conversion")]
    let Some(share) = b
        .product(&others)?
        .as_static()
        .map(|count| 1.0 / count as f64)
    else {
        return refuse("the number of elements in a channel is not known");
    };
    let reduced: Vec<i64> = dims(0, rank).into_iter().filter(|dim| *dim != 1).collect();
    // A tensor of the channels, with dimensions of size 1 around.
    let spread = |x| {
        let front = b.unsqueeze(x, 0)?;
        unsqueezed_to(b, front, rank)
    };
    let mean = spread(mean)?;
    let sum = sum_over(b, gradient, &reduced, false)?;
    let dot = sum_over(b, b.mul(gradient, b.sub(x, mean)?)?, &reduced, false)?;
    let of_input = {
        let total_scale = match weight {
            Some(weight) => spread(b.mul(scale, weight)?)?,
            None => b.mul(spread(scale)?, 1.0)?,
        };
        if is_training {
            let mean_gradient = spread(b.mul(sum, share)?)?;
            let slope = b.mul(b.mul(dot, share)?, b.mul(scale, scale)?)?;
            let projection = b.mul(b.sub(x, mean)?, spread(slope)?)?;
            let centered = b.sub(b.sub(gradient, projection)?, mean_gradient)?;
            b.mul(centered, total_scale)?
        } else {
            b.mul(gradient, total_scale)?
        }
    };
    let weight_dtype = match b.optional_tensor("weight") {
        Some(weight) => b.dtype_of(weight)?,
        None => dtype,
    };
    let of_weight = match for_weight {
        true => Some(b.cast(b.mul(dot, scale)?, weight_dtype)?),
        false => None,
    };
    let of_bias = match for_bias {
        true => Some(b.cast(sum, weight_dtype)?),
        false => None,
    };
    Ok(vec![Some(b.cast(of_input, dtype)?), of_weight, of_bias])
}

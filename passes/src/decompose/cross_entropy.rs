//! Losses of class numbers: negative log likelihood, cross entropy, multi-class margins.

use expc_dialects::{Argument, Constant};
use melior::ir::Value;

use super::{
    Rule,
    elementwise::Answer,
    loss::{Reduction, reduction},
};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.cross_entropy_loss.default", cross_entropy_loss),
    ("aten.multi_margin_loss.default", multi_margin_loss),
    (
        "aten.multilabel_margin_loss.default",
        multilabel_margin_loss,
    ),
    (
        "aten.multilabel_margin_loss_forward.default",
        multilabel_margin_loss_forward,
    ),
    ("aten.nll_loss.default", nll_loss),
    ("aten.nll_loss2d.default", nll_loss2d),
    ("aten.nll_loss2d_forward.default", nll_loss_forward),
    ("aten.nll_loss_forward.default", nll_loss_forward),
    ("aten.nll_loss_nd.default", nll_loss_nd),
];

/// The dimension of the classes in a tensor of this rank.
pub(super) fn class_dim(rank: usize) -> i64 {
    i64::from(rank > 1)
}

/// The weights of the classes along the class dimension of a tensor of this rank.
pub(super) fn broadcast_weight<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    weight: Value<'c, 'a>,
    rank: usize,
) -> Rewritten<Value<'c, 'a>> {
    let mut sizes = vec![Size::Static(1); rank];
    match sizes.get_mut(1) {
        Some(size) => {
            *size = b.size_of(weight, 0)?;
            b.view(weight, sizes)
        }
        None => Ok(weight),
    }
}

/// The sum of all elements.
fn sum<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    b.unary("sum", x)
}

/// The sum along a dimension.
fn sum_along<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: i64,
) -> Rewritten<Value<'c, 'a>> {
    b.op_value("aten.sum.dim_IntList", args![x, vec![dim]])
}

/// All elements in one dimension.
fn flattened<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    if b.rank(x)? == 1 {
        Ok(x)
    } else {
        b.reshape(x, [Size::Static(-1)])
    }
}

/// Elements along the class dimension by class number.
fn gathered<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: i64,
    classes: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let elements = b.op_value("aten.gather.default", args![x, dim, classes])?;
    b.squeeze(elements, dim)
}

// nll(x, t, w) = -w[t] * x[t], 0 where t is ignored; the mean is weighted by w.
fn nll_loss_forward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, target) = (b.tensor("self")?, b.tensor("target")?);
    let (rank, dtype) = (b.rank(x)?, b.dtype_of(x)?);
    let dim = class_dim(rank);
    let ignored = b.int("ignore_index")?;
    let reduction = reduction(b)?;
    let is_counted = || b.compare("ne", target, ignored);
    let mut weighted = x;
    let mut weight = b.optional_tensor("weight");
    if let Some(given) = weight {
        let broadcast = broadcast_weight(b, given, rank)?;
        weighted = b.mul(x, broadcast)?;
        weight = Some(broadcast);
    }
    let safe_target = b.select(is_counted()?, target, 0)?;
    let classes = b.unsqueeze(safe_target, dim)?;
    let losses = b.neg(gathered(b, weighted, dim, classes)?)?;
    let losses = b.select(is_counted()?, losses, 0)?;
    if reduction == Reduction::None && rank > 1 {
        let total = b.is_used(1).then(|| b.number_like(x, 0.0)).transpose()?;
        return Ok(vec![Some(losses), total]);
    }
    if reduction != Reduction::Mean && !b.is_used(1) {
        let losses = if reduction == Reduction::Sum {
            sum(b, losses)?
        } else {
            losses
        };
        return Ok(vec![Some(losses), None]);
    }
    let total = match weight {
        Some(weight) => {
            let weight = b.expand(weight, b.sizes(x)?)?;
            let weights = gathered(b, weight, dim, classes)?;
            sum(b, b.select(is_counted()?, weights, 0)?)?
        }
        None => b.cast(sum(b, is_counted()?)?, dtype)?,
    };
    let losses = match reduction {
        Reduction::None => losses,
        Reduction::Sum => sum(b, losses)?,
        Reduction::Mean => b.div(sum(b, losses)?, total)?,
    };
    Ok(vec![Some(losses), Some(total)])
}

/// The first result of an op with the arguments that the matched op was given.
fn first_of_given<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, op: &str) -> Answer<'c, 'a> {
    let (x, target) = (b.tensor("self")?, b.tensor("target")?);
    let weight = b.optional_tensor("weight");
    let options = args![
        x,
        target,
        weight,
        b.int("reduction")?,
        b.int("ignore_index")?
    ];
    single(b.first_of(op, options)?)
}

// nll_loss(...) = nll_loss_forward(...)[0].
fn nll_loss<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    first_of_given(b, "aten.nll_loss_forward.default")
}

// nll_loss2d(...) = nll_loss2d_forward(...)[0].
fn nll_loss2d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    first_of_given(b, "aten.nll_loss2d_forward.default")
}

// nll_loss_nd(x, t) = nll_loss(x, t) up to two dimensions, else nll_loss2d of x as four dimensions.
fn nll_loss_nd<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, target) = (b.tensor("self")?, b.tensor("target")?);
    let (reduction, ignored) = (b.int("reduction")?, b.int("ignore_index")?);
    let weight = b.optional_tensor("weight");
    let nll = |op: &str, x, target| b.op_value(op, args![x, target, weight, reduction, ignored]);
    match b.rank(x)? {
        1 | 2 => single(nll("aten.nll_loss.default", x, target)?),
        4 => single(nll("aten.nll_loss2d.default", x, target)?),
        0 => refuse("`self` has no dimension"),
        _ => {
            let sizes = b.sizes(x)?;
            let [n, classes, rest @ ..] = sizes.as_slice() else {
                return refuse("`self` has less than three dimensions");
            };
            let is_empty = sizes.iter().any(|size| size.as_static() == Some(0));
            let (height, width) = if is_empty { (0, 0) } else { (1, -1) };
            let (height, width) = (Size::Static(height), Size::Static(width));
            let input = [n.clone(), classes.clone(), height.clone(), width.clone()];
            let input = b.reshape(x, input)?;
            let flat_target = b.reshape(target, [n.clone(), height, width])?;
            let loss = nll("aten.nll_loss2d.default", input, flat_target)?;
            if reduction != 0 {
                return single(loss);
            }
            let result = std::iter::once(n.clone()).chain(rest.iter().cloned());
            single(b.view(loss, result)?)
        }
    }
}

// cross_entropy(x, t) = nll_loss_nd(log_softmax(x), t) for class numbers t, -sum(log_softmax(x) * t) for
// probabilities t, which have the sizes of x.
fn cross_entropy_loss<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, target) = (b.tensor("self")?, b.tensor("target")?);
    let dim = class_dim(b.rank(x)?);
    let log_softmax = b.op_with(
        "aten.log_softmax.int",
        args![x, dim],
        &[("dtype", b.dtype_of(x)?.into())],
    )?;
    // Class numbers have one dimension less.
    if b.rank(x)? == b.rank(target)? {
        return probability_loss(b, log_softmax, target, dim);
    }
    let ignored = b.int("ignore_index")?;
    let weight = b.optional_tensor("weight");
    let nll = b.op_value(
        "aten.nll_loss_nd.default",
        args![log_softmax, target, weight, b.int("reduction")?, ignored],
    )?;
    let smoothing = b.float("label_smoothing")?;
    if smoothing <= 0.0 {
        return single(nll);
    }
    let smooth = smooth_loss(b, log_softmax, target, weight, dim)?;
    let share = share_of_class(b, x, dim, smoothing)?;
    let smooth = b.op_value("aten.mul.Scalar", args![smooth, share])?;
    let nll = b.op_value("aten.mul.Scalar", args![nll, 1.0 - smoothing])?;
    single(b.add(nll, smooth)?)
}

/// What label smoothing takes from the target class and gives to each class.
fn share_of_class<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: i64,
    smoothing: f64,
) -> Rewritten<Argument<'c, 'a>> {
    let dim = usize::try_from(dim).unwrap_or_default();
    #[allow(clippy::cast_precision_loss, reason = "C++'s own conversion")]
    match b.size_of(x, dim)? {
        Size::Static(size) => Ok((smoothing / size as f64).into()),
        Size::Symbolic(size, _) => {
            let size = b.op_value("sym.sym_float", args![size])?;
            Ok(b.op_value("sym.truediv", args![smoothing, size])?.into())
        }
    }
}

// smooth(x, t, w) = -sum(w * x, classes), 0 where t is ignored; the mean is weighted by w[t].
fn smooth_loss<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    target: Value<'c, 'a>,
    weight: Option<Value<'c, 'a>>,
    dim: i64,
) -> Rewritten<Value<'c, 'a>> {
    let weighted = match weight {
        Some(weight) => b.mul(x, broadcast_weight(b, weight, b.rank(x)?)?)?,
        None => x,
    };
    let losses = b.neg(sum_along(b, weighted, dim)?)?;
    let is_ignored = b.compare("eq", target, b.int("ignore_index")?)?;
    let without_ignored =
        |x, mask, number: f64| b.op_value("aten.masked_fill.Scalar", args![x, mask, number]);
    let losses = without_ignored(losses, is_ignored, 0.0)?;
    match (reduction(b)?, weight) {
        (Reduction::None, _) => Ok(losses),
        (Reduction::Sum, _) => sum(b, losses),
        (Reduction::Mean, None) => {
            let count = sum(b, b.unary("bitwise_not", is_ignored)?)?;
            b.div(sum(b, losses)?, count)
        }
        (Reduction::Mean, Some(weight)) => {
            let classes = b.op_value("aten.masked_fill.Scalar", args![target, is_ignored, 0])?;
            let classes = flattened(b, classes)?;
            let weights = b.op_value("aten.gather.default", args![weight, 0, classes])?;
            let is_ignored = flattened(b, is_ignored)?;
            let total = sum(b, without_ignored(weights, is_ignored, 0.0)?)?;
            b.div(sum(b, losses)?, total)
        }
    }
}

// -sum(w * t' * log_softmax(x)) with t' = (1 - s) * t + s / classes; the mean is over all but the classes.
fn probability_loss<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    target: Value<'c, 'a>,
    dim: i64,
) -> Answer<'c, 'a> {
    let smoothing = b.float("label_smoothing")?;
    let mut target = target;
    if smoothing > 0.0 {
        let share = share_of_class(b, x, dim, smoothing)?;
        let kept = b.op_value("aten.mul.Scalar", args![target, 1.0 - smoothing])?;
        target = b.op_value("aten.add.Scalar", args![kept, share])?;
    }
    let weight = b
        .optional_tensor("weight")
        .map(|weight| broadcast_weight(b, weight, b.rank(x)?))
        .transpose()?;
    let mut losses = b.mul(x, target)?;
    if let Some(weight) = weight {
        losses = b.mul(losses, weight)?;
    }
    match reduction(b)? {
        Reduction::None => single(b.neg(sum_along(b, losses, dim)?)?),
        Reduction::Sum => single(b.neg(sum(b, losses)?)?),
        Reduction::Mean => {
            let total = b.neg(sum(b, losses)?)?;
            let class_dim = usize::try_from(dim).unwrap_or_default();
            let sizes = b.sizes(x)?.into_iter().enumerate();
            let others: Vec<Size> = sizes
                .filter(|(index, _)| *index != class_dim)
                .map(|(_, size)| size)
                .collect();
            let count = b.product(&others)?;
            single(b.op_value("aten.div.Scalar", args![total, count])?)
        }
    }
}

/// A tensor with at least this many dimensions of size 1 in front, as torch makes them.
fn at_least_rank<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    rank: usize,
) -> Rewritten<Value<'c, 'a>> {
    match b.rank(x)? {
        found if found >= rank => Ok(x),
        0 => b.reshape(x, vec![Size::Static(1); rank]),
        _ => b.unsqueeze(x, 0),
    }
}

/// `0, 1, …` up to the size of a dimension.
fn counted<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    size: Size<'c, 'a>,
    like: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let device = Constant::Device(b.meta(like)?.device);
    b.op_with(
        "aten.arange.start_step",
        args![0, size],
        &[("device", device.into()), ("pin_memory", false.into())],
    )
}

// multi_margin(x, t, p, m, w) = mean over classes i != t of w[t] * max(m - x[t] + x[i], 0) ** p.
fn multi_margin_loss<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = at_least_rank(b, b.tensor("self")?, 2)?;
    let target = at_least_rank(b, b.tensor("target")?, 1)?;
    let weight = b
        .optional_tensor("weight")
        .map(|weight| at_least_rank(b, weight, 1))
        .transpose()?;
    let n_classes = b.size_of(x, 1)?;
    let target = b.unsqueeze(target, 1)?;
    let of_target = b.op_value("aten.gather.default", args![x, 1, target])?;
    let past_margin = b.add(b.sub(b.float("margin")?, of_target)?, x)?;
    let mut losses = b.op_value("aten.clamp_min.default", args![past_margin, 0])?;
    if (b.float("p")? - 1.0).abs() > f64::EPSILON {
        losses = b.mul(losses, losses)?;
    }
    if let Some(weight) = weight {
        let weights = b.op_value("aten.index.Tensor", args![weight, vec![target]])?;
        losses = b.mul(losses, weights)?;
    }
    let is_other = b.compare("ne", counted(b, n_classes.clone(), x)?, target)?;
    let losses = b.select(is_other, losses, 0)?;
    single(match reduction(b)? {
        Reduction::None => b.op_value("aten.mean.dim", args![losses, vec![1]])?,
        Reduction::Mean => b.unary("mean", losses)?,
        Reduction::Sum => b.div(sum(b, losses)?, n_classes)?,
    })
}

// multilabel_margin_loss(...) = multilabel_margin_loss_forward(...)[0].
fn multilabel_margin_loss<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, target) = (b.tensor("self")?, b.tensor("target")?);
    let op = "aten.multilabel_margin_loss_forward.default";
    single(b.first_of(op, args![x, target, b.int("reduction")?])?)
}

// multilabel_margin(x, t) = sum over targets j (up to the first -1) and classes i that are none of them of
// max(1 - x[t[j]] + x[i], 0) / classes.
fn multilabel_margin_loss_forward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let target_sizes = b.sizes(b.tensor("target")?)?;
    let x = at_least_rank(b, b.tensor("self")?, 2)?;
    let target = at_least_rank(b, b.tensor("target")?, 2)?;
    let n_classes = b.size_of(x, 1)?;
    let index = counted(b, n_classes.clone(), target)?;
    let is_end = b.compare("eq", target, -1)?;
    let ends = b.select(is_end, index, n_classes.clone())?;
    let end = b.op_value("aten.amin.default", args![ends, vec![-1], true])?;
    let is_listed = b.compare("lt", index, end)?;
    let classes = b.select(is_listed, target, 0)?;
    let of_target = b.op_value("aten.gather.default", args![x, -1, classes])?;
    let classes = b.unsqueeze(b.select(is_listed, target, -1)?, -1)?;
    let is_class = b.compare("eq", index, classes)?;
    let is_target = b.op_value("aten.any.dim", args![is_class, 1])?;
    let of_target = b.unsqueeze(b.transpose(of_target, 0, 1)?, -1)?;
    let past_margin = b.add(b.sub(1.0, of_target)?, x)?;
    let losses = b.op_value("aten.clamp_min.default", args![past_margin, 0])?;
    let losses = b.select(is_target, 0, b.div(losses, n_classes)?)?;
    let of_rows = |losses| b.op_value("aten.sum.dim_IntList", args![losses, vec![0, -1]]);
    let loss = match reduction(b)? {
        Reduction::None => of_rows(losses)?,
        Reduction::Mean => b.unary("mean", of_rows(losses)?)?,
        Reduction::Sum => sum(b, losses)?,
    };
    let listed = if b.is_used(1) {
        let listed = b.cast(is_target, b.dtype_of(x)?)?;
        Some(b.reshape(listed, target_sizes)?)
    } else {
        None
    };
    Ok(vec![Some(loss), listed])
}

//! Differences and gradients of samples; integrals are in `distance.rs`.

use melior::ir::Value;

use super::{
    Rule,
    elementwise::{Answer, number},
};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.diff.default", diff),
    ("aten.gradient.array", gradient),
    ("aten.gradient.scalararray", gradient),
    ("aten.gradient.scalarint", gradient),
    ("aten.gradient.scalarrayarray", gradient),
    ("aten.gradient.scalarrayint", gradient),
    ("aten.gradient.tensorarray", gradient_coordinates),
    ("aten.gradient.tensorarrayint", gradient_coordinates),
];

/// `x[start..end]` along a dimension; without an end up to the last element.
fn slice<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: i64,
    start: i64,
    end: Option<i64>,
) -> Rewritten<Value<'c, 'a>> {
    let mut arguments = args![x, dim, start];
    arguments.extend(end.map(Into::into));
    b.op_value("aten.slice.Tensor", arguments)
}

/// An elementwise op with a number.
fn scalar<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    op: &str,
    x: Value<'c, 'a>,
    number: f64,
) -> Rewritten<Value<'c, 'a>> {
    b.op_value(&format!("aten.{op}.Scalar"), args![x, number])
}

/// A dimension counted from the front, as an argument.
fn wrapped<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>, dim: i64) -> Rewritten<i64> {
    Ok(i64::try_from(b.dimension(x, dim)?).unwrap_or(i64::MAX))
}

/// All elements but the last and all but the first.
fn neighbours<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: i64,
) -> Rewritten<(Value<'c, 'a>, Value<'c, 'a>)> {
    let left = slice(b, x, dim, 0, Some(-1))?;
    let right = slice(b, x, dim, 1, None)?;
    Ok((left, right))
}

// diff(x, n) = the n-th difference x[1..] - x[..-1]; exclusive or of bools.
fn diff<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let mut x = b.tensor("self")?;
    let (n, dim) = (b.int("n")?, b.int("dim")?);
    let (prepend, append) = (b.optional_tensor("prepend"), b.optional_tensor("append"));
    let parts: Vec<Value> = [prepend, Some(x), append].into_iter().flatten().collect();
    if parts.len() > 1 {
        x = b.op_value("aten.cat.default", args![parts, dim])?;
    }
    if n == 0 {
        let zeros = b.unary("zeros_like", x)?;
        return single(b.op_value("aten.copy.default", args![zeros, x])?);
    }
    let n_samples = b.size_of(x, b.dimension(x, dim)?)?;
    let n_steps = n_samples.as_static().map_or(n, |size| n.min(size));
    if !(0..=64).contains(&n_steps) {
        return refuse(format!("a difference of order {n}"));
    }
    for _ in 0..n_steps {
        x = difference(b, x, dim)?;
    }
    single(x)
}

/// `x[1..] - x[..-1]`, exclusive or of bools.
fn difference<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: i64,
) -> Rewritten<Value<'c, 'a>> {
    let size = b.size_of(x, b.dimension(x, dim)?)?;
    let n_left = b.size_sub(&size, &Size::Static(1))?;
    let left = b.op_value("aten.slice.Tensor", args![x, dim, 0, n_left])?;
    let right = b.op_value("aten.slice.Tensor", args![x, dim, 1, size])?;
    if b.dtype_of(x)? == expc_dialects::ScalarType::Bool {
        b.op_value("aten.logical_xor.default", args![right, left])
    } else {
        b.sub(right, left)
    }
}

/// The dimensions that an op is asked for; all of them without an argument.
fn dims<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Vec<i64>> {
    match b.optional_ints("dim")? {
        Some(dims) => dims.into_iter().map(|dim| wrapped(b, x, dim)).collect(),
        None => Ok((0..b.rank(x)?)
            .map(|dim| i64::try_from(dim).unwrap_or(i64::MAX))
            .collect()),
    }
}

/// The distances of samples, one for each dimension.
fn spacings(b: &Rewrite<'_, '_, '_>, n_dims: usize) -> Rewritten<Vec<f64>> {
    let Some(spacing) = b.arg("spacing") else {
        return Ok(vec![1.0; n_dims]);
    };
    if let Some(spacing) = number(&spacing) {
        return Ok(vec![spacing; n_dims]);
    }
    let elements = spacing.elements().unwrap_or_default();
    match elements.iter().map(number).collect::<Option<Vec<f64>>>() {
        Some(spacings) if spacings.len() == n_dims => Ok(spacings),
        _ => refuse("`spacing` is no list with a number for each dimension"),
    }
}

// gradient(x, h) = (x[2..] - x[..-2]) / h / 2 inside, one-sided differences at the ends.
fn gradient<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let dims = dims(b, x)?;
    let spacings = spacings(b, dims.len())?;
    let is_second_order = b.int("edge_order")? == 2;
    let along = |(dim, step): (i64, f64)| {
        let inner = central(b, x, dim, step)?;
        let (first, last) = if is_second_order {
            second_order_ends(b, x, dim, step)?
        } else {
            let first = forward(b, x, dim, [(0, Some(1)), (1, Some(2))], step)?;
            let last = forward(b, x, dim, [(-2, Some(-1)), (-1, None)], step)?;
            (first, last)
        };
        let inner = b.op_value("aten.div.Scalar", args![inner, 2])?;
        b.op_value("aten.cat.default", args![vec![first, inner, last], dim])
            .map(Some)
    };
    dims.into_iter().zip(spacings).map(along).collect()
}

/// `(x[2..] - x[..-2]) / h`.
fn central<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: i64,
    step: f64,
) -> Rewritten<Value<'c, 'a>> {
    let left = slice(b, x, dim, 0, Some(-2))?;
    let right = slice(b, x, dim, 2, None)?;
    scalar(b, "div", b.sub(right, left)?, step)
}

/// `(x[second] - x[first]) / h`.
fn forward<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: i64,
    [first, second]: [(i64, Option<i64>); 2],
    step: f64,
) -> Rewritten<Value<'c, 'a>> {
    let first = slice(b, x, dim, first.0, first.1)?;
    let second = slice(b, x, dim, second.0, second.1)?;
    scalar(b, "div", b.sub(second, first)?, step)
}

/// `(-3/2 x[0] + 2 x[1] - 1/2 x[2]) / h` and its mirror image at the other end.
fn second_order_ends<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: i64,
    step: f64,
) -> Rewritten<(Value<'c, 'a>, Value<'c, 'a>)> {
    let times = |start, end, factor| scalar(b, "mul", slice(b, x, dim, start, end)?, factor);
    let twice = |start, end| b.op_value("aten.mul.Scalar", args![slice(b, x, dim, start, end)?, 2]);
    let third = times(2, Some(3), 0.5)?;
    let second = twice(1, Some(2))?;
    let first = times(0, Some(1), -1.5)?;
    let start = b.sub(b.add(first, second)?, third)?;
    let last = times(-1, None, 1.5)?;
    let second = twice(-2, Some(-1))?;
    let third = times(-3, Some(-2), 0.5)?;
    let end = b.add(b.sub(third, second)?, last)?;
    Ok((scalar(b, "div", start, step)?, scalar(b, "div", end, step)?))
}

// gradient(x, coordinates) by the three-point formula for uneven steps, one-sided differences at the ends.
fn gradient_coordinates<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let dims = dims(b, x)?;
    let coordinates = b.tensors("spacing")?;
    if b.int("edge_order")? != 1 || coordinates.len() != dims.len() {
        return refuse("`edge_order` is not 1 or a list of coordinates is missing");
    }
    let along = |(dim, coordinates)| uneven_gradient(b, x, dim, coordinates).map(Some);
    dims.into_iter().zip(coordinates).map(along).collect()
}

// With steps h before and k after a sample: x' = -k / (h * (h + k)) * x[-1] + (k - h) / (h * k) * x[0]
// + h / (k * (h + k)) * x[1].
fn uneven_gradient<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: i64,
    coordinates: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let rank = b.rank(x)?;
    let steps = difference(b, coordinates, 0)?;
    let (before, after) = neighbours(b, steps, 0)?;
    let along_dim = |x| {
        let sizes = (0..rank).map(|other| {
            let is_dim = i64::try_from(other) == Ok(dim);
            Size::Static(if is_dim { -1 } else { 1 })
        });
        b.view(x, sizes)
    };
    let denominator = b.mul(before, b.add(before, after)?)?;
    let of_left = along_dim(b.div(b.neg(after)?, denominator)?)?;
    let denominator = b.mul(before, after)?;
    let of_center = along_dim(b.div(b.sub(after, before)?, denominator)?)?;
    let denominator = b.mul(after, b.add(before, after)?)?;
    let of_right = along_dim(b.div(before, denominator)?)?;
    let right = b.mul(of_right, slice(b, x, dim, 2, None)?)?;
    let center = b.mul(of_center, slice(b, x, dim, 1, Some(-1))?)?;
    let left = b.mul(of_left, slice(b, x, dim, 0, Some(-2))?)?;
    let inner = b.add(b.add(left, center)?, right)?;
    let end = |index: i64, first: (i64, Option<i64>), second: (i64, Option<i64>)| {
        let step = b.op_value("aten.select.int", args![steps, 0, index])?;
        let first = slice(b, x, dim, first.0, first.1)?;
        let second = slice(b, x, dim, second.0, second.1)?;
        b.div(b.sub(second, first)?, step)
    };
    let first = end(0, (0, Some(1)), (1, Some(2)))?;
    let last = end(-1, (-2, Some(-1)), (-1, None))?;
    b.op_value("aten.cat.default", args![vec![first, inner, last], dim])
}

//! Distances between points, and integrals by trapezoids.

use expc_dialects::Argument;
use expc_symbolic::Relation;
use melior::ir::Value;

use super::{Rule, elementwise::number, matmul::broadcast};
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, Size, refuse, single},
    shape::MemoryFormat,
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.cdist.default", cdist),
    ("aten._euclidean_dist.default", euclidean_dist),
    ("aten.pdist.default", pdist),
    ("aten.trapezoid.x", trapezoid_at),
    ("aten.trapezoid.dx", trapezoid_by),
    ("aten.trapz.x", trapezoid_at),
    ("aten.trapz.dx", trapezoid_by),
    ("aten.cumulative_trapezoid.x", cumulative_trapezoid_at),
    ("aten.cumulative_trapezoid.dx", cumulative_trapezoid_by),
];

/// From how many points on torch computes Euclidean distances by a product of matrices.
const FEW_POINTS: i64 = 25;

// cdist(x, y) = _cdist_forward(x, y), Euclidean distances of many points by _euclidean_dist.
fn cdist<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (left, right) = (b.tensor("x1")?, b.tensor("x2")?);
    let order = b.float("p")?;
    let mode = b.optional_int("compute_mode")?;
    let (left_sizes, right_sizes) = (b.sizes(left)?, b.sizes(right)?);
    let ([left_batch @ .., left_rows, width], [right_batch @ .., right_rows, _]) =
        (left_sizes.as_slice(), right_sizes.as_slice())
    else {
        return refuse("points are rows of matrices");
    };
    let by_product = match mode.unwrap_or(0) {
        0 => is_many(b, left, -2)? || is_many(b, right, -2)?,
        mode => mode == 1,
    };
    let is_empty = left_sizes
        .iter()
        .chain(&right_sizes)
        .any(|size| b.size_is(size, 0));
    if order != 2.0 || !by_product || is_empty {
        let mode = mode.map_or_else(|| Argument::from(()), Argument::from);
        return single(b.op_value(
            "aten._cdist_forward.default",
            args![left, right, order, mode],
        )?);
    }
    let batch = broadcast(b, left_batch, right_batch)?;
    let count = b.product(&batch)?;
    let sizes: Vec<Size> = batch
        .iter()
        .chain([left_rows, right_rows])
        .cloned()
        .collect();
    let flat = |value: Value<'c, 'a>, rows: &Size<'c, 'a>| -> Rewritten<Value<'c, 'a>> {
        let value = b.expand(value, batch.iter().chain([rows, width]).cloned())?;
        let value = b.contiguous(value)?;
        b.view(value, [count.clone(), rows.clone(), width.clone()])
    };
    let (left, right) = if b.size_is(&count, 1) {
        (left, right)
    } else {
        (flat(left, left_rows)?, flat(right, right_rows)?)
    };
    let distances = b.op_value("aten._euclidean_dist.default", args![left, right])?;
    single(b.view(distances, sizes)?)
}

fn is_many<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, value: Value<'c, 'a>, dim: i64) -> Rewritten<bool> {
    let dim = b.dimension(value, dim)?;
    let few = crate::shape::Size::Int(FEW_POINTS);
    Ok(b.strided(value)?
        .sizes
        .get(dim)
        .is_some_and(|size| b.env().holds(Relation::Gt, size, &few)))
}

// euclidean_dist(x, y) = √max(0, |x|² - 2 x y + |y|²), by one matmul of rows with their norms beside them.
fn euclidean_dist<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (left, right) = (b.tensor("x1")?, b.tensor("x2")?);
    let norms = |value: Value<'c, 'a>| -> Rewritten<[Value<'c, 'a>; 2]> {
        let squares = b.op_value("aten.pow.Tensor_Scalar", args![value, 2_i64])?;
        let norm = b.op_value("aten.sum.dim_IntList", args![squares, vec![-1_i64], true])?;
        let format =
            expc_dialects::Constant::MemoryFormat(MemoryFormat::Contiguous.name().to_owned());
        let one = b.op_with(
            "aten.ones_like.default",
            args![norm],
            &[("memory_format", format.into())],
        )?;
        Ok([norm, one])
    };
    let [left_norm, left_one] = norms(left)?;
    let [right_norm, right_one] = norms(right)?;
    let left = b.mul(left, -2_i64)?;
    let cat =
        |parts: [Value<'c, 'a>; 3]| b.op_value("aten.cat.default", args![parts.to_vec(), -1_i64]);
    let left = cat([left, left_norm, left_one])?;
    let right = cat([right, right_one, right_norm])?;
    let right = b.transpose(right, -2, -1)?;
    let squares = b.op_value("aten.matmul.default", args![left, right])?;
    let squares = b.op_value("aten.clamp_min.default", args![squares, 0_i64])?;
    single(b.unary("sqrt", squares)?)
}

// pdist(x) = _pdist_forward(x in row-major order).
fn pdist<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let value = b.contiguous(b.tensor("self")?)?;
    single(b.op_value("aten._pdist_forward.default", args![value, b.float("p")?])?)
}

/// The dimension as the op gives it, if what is integrated has one.
fn dim(b: &Rewrite<'_, '_, '_>) -> Rewritten<i64> {
    let dim = b.int("dim")?;
    b.dimension(b.tensor("y")?, dim)?;
    Ok(dim)
}

fn is_known_empty<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    dim: i64,
) -> Rewritten<bool> {
    let size = b.size_of(value, b.dimension(value, dim)?)?;
    Ok(b.size_is(&size, 0))
}

/// All of a dimension but the last, and all but the first.
fn neighbours<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    dim: i64,
) -> Rewritten<[Value<'c, 'a>; 2]> {
    Ok([
        b.op_value("aten.slice.Tensor", args![value, dim, 0_i64, -1_i64])?,
        b.op_value("aten.slice.Tensor", args![value, dim, 1_i64])?,
    ])
}

/// (y[i] + y[i+1]) (x[i+1] - x[i]), and the dimension from the front.
fn areas<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<(Value<'c, 'a>, i64)> {
    let (y, mut x) = (b.tensor("y")?, b.tensor("x")?);
    let rank = b.rank(y)?;
    let place = b.dimension(y, b.int("dim")?)?;
    let dim = i64::try_from(place).unwrap_or(i64::MAX);
    if is_known_empty(b, y, dim)? {
        return refuse("an integral of nothing");
    }
    if b.rank(x)? == 1 && rank != 1 {
        let mut sizes = vec![Size::Static(1); rank];
        if let Some(slot) = sizes.get_mut(place) {
            *slot = b.size_of(x, 0)?;
        }
        x = b.view(x, sizes)?;
    }
    let x_rank = b.rank(x)?;
    if x_rank < rank {
        let ones = std::iter::repeat_n(Size::Static(1), rank - x_rank);
        let sizes = ones.chain(b.sizes(x)?).collect::<Vec<_>>();
        x = b.view(x, sizes)?;
    }
    let [before, after] = neighbours(b, x, dim)?;
    let widths = b.sub(after, before)?;
    let [before, after] = neighbours(b, y, dim)?;
    let heights = b.add(before, after)?;
    Ok((b.mul(heights, widths)?, dim))
}

// trapezoid(y, x) = Σ (y[i] + y[i+1]) (x[i+1] - x[i]) / 2.
fn trapezoid_at<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (areas, dim) = areas(b)?;
    let sum = b.op_value("aten.sum.dim_IntList", args![areas, vec![dim]])?;
    single(b.op_value("aten.div.Scalar", args![sum, 2.0])?)
}

// cumulative_trapezoid(y, x) = the running sums of trapezoid(y, x).
fn cumulative_trapezoid_at<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (areas, dim) = areas(b)?;
    let sum = b.op_value("aten.cumsum.default", args![areas, dim])?;
    single(b.op_value("aten.div.Scalar", args![sum, 2.0])?)
}

/// The distance of the points.
fn width(b: &Rewrite<'_, '_, '_>) -> Rewritten<f64> {
    match b.arg("dx").as_ref().and_then(number) {
        Some(width) => Ok(width),
        None => refuse("the distance of the points is not known"),
    }
}

// trapezoid(y, dx) = (Σ y - (first + last) / 2) dx.
fn trapezoid_by<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (y, dim, width) = (b.tensor("y")?, dim(b)?, width(b)?);
    if is_known_empty(b, y, dim)? {
        return refuse("an integral of nothing");
    }
    let last = b.op_value("aten.select.int", args![y, dim, -1_i64])?;
    let first = b.op_value("aten.select.int", args![y, dim, 0_i64])?;
    let ends = b.add(first, last)?;
    let ends = b.op_value("aten.mul.Scalar", args![ends, 0.5])?;
    let sum = b.op_value("aten.sum.dim_IntList", args![y, vec![dim]])?;
    let area = b.sub(sum, ends)?;
    single(b.op_value("aten.mul.Scalar", args![area, width])?)
}

// cumulative_trapezoid(y, dx) = the running sums of (y[i] + y[i+1]) dx / 2.
fn cumulative_trapezoid_by<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (y, dim, width) = (b.tensor("y")?, dim(b)?, width(b)?);
    let [before, after] = neighbours(b, y, dim)?;
    let areas = b.add(before, after)?;
    let areas = b.op_value("aten.mul.Scalar", args![areas, width / 2.0])?;
    single(b.op_value("aten.cumsum.default", args![areas, dim])?)
}

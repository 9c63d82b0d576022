//! Grids of coordinates.

use expc_dialects::{Argument, Constant};
use melior::ir::Value;

use super::Rule;
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, Size, refuse},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.affine_grid_generator.default", affine_grid),
    (
        "aten.affine_grid_generator_backward.default",
        affine_grid_backward,
    ),
    ("aten.grid_sampler.default", grid_sampler),
];

// grid_sampler(x, grid) = the op for the number of dimensions.
fn grid_sampler<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let input = b.tensor("input")?;
    let name = match b.rank(input)? {
        4 => "aten.grid_sampler_2d.default",
        5 => "aten.grid_sampler_3d.default",
        rank => return refuse(format!("an image of rank {rank}")),
    };
    b.renamed(name)
}

// affine_grid(θ) = Σ (x, y, 1) θᵀ over a grid of coordinates from -1 to 1; (x, y, z, 1) of volumes.
fn affine_grid<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let ([theta], dtype) = b.in_opmath([b.tensor("theta")?])?;
    let sizes = b.size_list("size")?;
    let [batch, _, spatial @ ..] = sizes.as_slice() else {
        return refuse("the size has too few dimensions");
    };
    let count = spatial.len();
    if !(2..=3).contains(&count) {
        return refuse("a grid has two or three dimensions");
    }
    let base = base_grid(b, theta, spatial, b.boolean("align_corners")?)?;
    let width = Size::Static(i64::try_from(count).unwrap_or(i64::MAX) + 1);
    let base = b.view(base, [Size::Static(-1), width, Size::Static(1)])?;
    let theta = b.transpose(theta, -2, -1)?;
    let theta = b.unsqueeze(theta, 1)?;
    let product = b.mul(base, theta)?;
    let grid = b.op_value("aten.sum.dim_IntList", args![product, vec![-2_i64]])?;
    let last = Size::Static(i64::try_from(count).unwrap_or(i64::MAX));
    let sizes = std::iter::once(batch).chain(spatial).cloned();
    let grid = b.view(grid, sizes.chain([last]))?;
    b.answer(grid, dtype)
}

// d affine_grid(θ) = gᵀ times the coordinates of the grid's points, image by image.
fn affine_grid_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let ([gradient], dtype) = b.in_opmath([b.tensor("grad")?])?;
    let sizes = b.size_list("size")?;
    let [batch, _, spatial @ ..] = sizes.as_slice() else {
        return refuse("the size has too few dimensions");
    };
    let count = i64::try_from(spatial.len()).unwrap_or(i64::MAX);
    if !(2..=3).contains(&count) {
        return refuse("a grid has two or three dimensions");
    }
    let points = b.product(spatial)?;
    let width = Size::Static(count + 1);
    let base = base_grid(b, gradient, spatial, b.boolean("align_corners")?)?;
    let base = b.view(base, [Size::Static(1), points.clone(), width.clone()])?;
    let base = b.expand(base, [batch.clone(), points.clone(), width])?;
    let gradient = b.view(gradient, [batch.clone(), points, Size::Static(count)])?;
    let gradient = b.transpose(gradient, 1, 2)?;
    let product = b.op_value("aten.bmm.default", args![gradient, base])?;
    b.answer(product, dtype)
}

/// The homogeneous coordinates of the grid's points, each coordinate padded to its place.
fn base_grid<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    theta: Value<'c, 'a>,
    spatial: &[Size<'c, 'a>],
    aligned: bool,
) -> Rewritten<Value<'c, 'a>> {
    let count = spatial.len();
    let mut coordinates = Vec::with_capacity(count + 1);
    for (index, steps) in spatial.iter().enumerate().rev() {
        let line = centred_steps(b, theta, steps, aligned)?;
        let mut sizes = vec![Size::Static(1); count + 1];
        if let Some(size) = sizes.get_mut(index) {
            *size = steps.clone();
        }
        coordinates.push(b.view(line, sizes)?);
    }
    let meta = b.meta(theta)?;
    coordinates.push(b.op_with(
        "aten.ones.default",
        args![vec![1_i64; count + 1]],
        &[
            ("dtype", meta.dtype.into()),
            ("device", Constant::Device(meta.device).into()),
        ],
    )?);
    let mut grid = None;
    let mut padded = Vec::with_capacity(count + 1);
    for (index, coordinate) in coordinates.into_iter().enumerate() {
        let before = i64::try_from(index).unwrap_or(i64::MAX);
        let after = i64::try_from(count - index.min(count)).unwrap_or(i64::MAX);
        padded.push(b.op_value(
            "aten.constant_pad_nd.default",
            args![coordinate, vec![before, after], 0.0],
        )?);
    }
    for coordinate in padded {
        grid = Some(match grid {
            Some(grid) => b.add(grid, coordinate)?,
            None => coordinate,
        });
    }
    match grid {
        Some(grid) => Ok(grid),
        None => refuse("a grid without dimensions"),
    }
}

/// Steps from -1 to 1, at the ends or half a step inside.
fn centred_steps<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    like: Value<'c, 'a>,
    steps: &Size<'c, 'a>,
    aligned: bool,
) -> Rewritten<Value<'c, 'a>> {
    let Some(count) = steps.as_static() else {
        return refuse("the size of the grid is not known");
    };
    let meta = b.meta(like)?;
    #[allow(clippy::cast_precision_loss, reason = "Python's own conversion")]
    let (low, high): (Argument, Argument) = match (aligned, count) {
        (_, ..=1) => (0_i64.into(), 0_i64.into()),
        (true, _) => ((-1_i64).into(), 1_i64.into()),
        (false, _) => {
            let end = (count - 1) as f64 / count as f64;
            ((-end).into(), end.into())
        }
    };
    b.op_with(
        "aten.linspace.default",
        args![low, high, count],
        &[
            ("dtype", meta.dtype.into()),
            ("device", Constant::Device(meta.device).into()),
        ],
    )
}

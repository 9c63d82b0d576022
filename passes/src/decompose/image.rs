//! Rearrangements of images: shuffles of pixels and channels, sliding blocks, grids.

use expc_dialects::{Argument, Constant, ScalarType};
use melior::ir::Value;

use super::{Rule, pool::device_of};
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, Size, refuse, single, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.pixel_shuffle.default", pixel_shuffle),
    ("aten.pixel_unshuffle.default", pixel_unshuffle),
    ("aten.channel_shuffle.default", channel_shuffle),
    ("aten.im2col.default", im2col),
    ("aten.col2im.default", col2im),
    ("aten.unfold_copy.default", unfold_copy),
    ("aten.affine_grid_generator.default", affine_grid),
];

/// An image's sizes: the leading dimensions, channels, height and width.
struct Image<'c, 'a> {
    batch: Vec<Size<'c, 'a>>,
    channels: Size<'c, 'a>,
    height: Size<'c, 'a>,
    width: Size<'c, 'a>,
}

impl<'c: 'a, 'a> Image<'c, 'a> {
    fn of(b: &Rewrite<'_, 'c, 'a>, value: Value<'c, 'a>) -> Rewritten<Self> {
        let mut sizes = b.sizes(value)?;
        match (sizes.pop(), sizes.pop(), sizes.pop()) {
            (Some(width), Some(height), Some(channels)) => Ok(Self {
                batch: sizes,
                channels,
                height,
                width,
            }),
            _ => refuse("an image has at least three dimensions"),
        }
    }
}

/// The value permuted in its last five dimensions, as an image of these sizes.
fn shuffled<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    parts: Value<'c, 'a>,
    order: [i64; 5],
    batch: Vec<Size<'c, 'a>>,
    image: [Size<'c, 'a>; 3],
) -> Rewritten<Replacement<'c, 'a>> {
    let count = i64::try_from(batch.len()).unwrap_or(i64::MAX);
    let order: Vec<i64> = (0..count)
        .chain(order.iter().map(|dim| count + dim))
        .collect();
    let parts = b.permute(parts, order)?;
    let result = b.reshape(parts, batch.into_iter().chain(image))?;
    let format = b.strided(b.tensor("self")?)?.suggested_format(b.env());
    single(b.clone_in(result, format)?)
}

// pixel_shuffle(x, r): r² channels become the pixels of a block of r x r.
fn pixel_shuffle<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let input = b.tensor("self")?;
    let factor = Size::Static(b.int("upscale_factor")?);
    let image = Image::of(b, input)?;
    let block = b.size_mul(&factor, &factor)?;
    let channels = b.size_floordiv(&image.channels, &block)?;
    let (height, width) = (
        b.size_mul(&image.height, &factor)?,
        b.size_mul(&image.width, &factor)?,
    );
    let parts = [
        channels.clone(),
        factor.clone(),
        factor,
        image.height,
        image.width,
    ];
    let parts = b.view(input, image.batch.iter().cloned().chain(parts))?;
    let order = [0, 3, 1, 4, 2];
    shuffled(b, parts, order, image.batch, [channels, height, width])
}

// pixel_unshuffle(x, r): the pixels of a block of r x r become channels.
fn pixel_unshuffle<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let input = b.tensor("self")?;
    let factor = Size::Static(b.int("downscale_factor")?);
    if b.size_is(&factor, 0) {
        return refuse("a factor of 0");
    }
    let image = Image::of(b, input)?;
    let block = b.size_mul(&factor, &factor)?;
    let channels = b.size_mul(&image.channels, &block)?;
    let (height, width) = (
        b.size_floordiv(&image.height, &factor)?,
        b.size_floordiv(&image.width, &factor)?,
    );
    let parts = [
        image.channels,
        height.clone(),
        factor.clone(),
        width.clone(),
        factor,
    ];
    let parts = b.view(input, image.batch.iter().cloned().chain(parts))?;
    let order = [0, 2, 4, 1, 3];
    shuffled(b, parts, order, image.batch, [channels, height, width])
}

// channel_shuffle(x, g): channels as a matrix of g rows, transposed.
fn channel_shuffle<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let input = b.tensor("self")?;
    let groups = Size::Static(b.int("groups")?);
    let sizes = b.sizes(input)?;
    let [batch, channels, rest @ ..] = sizes.as_slice() else {
        return refuse("an image has at least three dimensions");
    };
    if b.size_is(&groups, 0) {
        return refuse("no groups");
    }
    if sizes.iter().any(|size| b.size_is(size, 0)) {
        return single(b.view(input, sizes)?);
    }
    let each = b.size_floordiv(channels, &groups)?;
    let parts = [batch.clone(), groups, each];
    let parts = b.reshape(input, parts.into_iter().chain(rest.iter().cloned()))?;
    let parts = b.transpose(parts, 1, 2)?;
    let result = b.reshape(parts, sizes)?;
    single(b.contiguous(result)?)
}

/// How a kernel slides over one dimension.
struct Window {
    kernel: i64,
    dilation: i64,
    padding: i64,
    stride: i64,
}

impl Window {
    /// Of both dimensions of the matched op.
    fn both(b: &Rewrite<'_, '_, '_>) -> Rewritten<[Self; 2]> {
        let (kernel, dilation, padding, stride) = (
            b.ints("kernel_size")?,
            b.ints("dilation")?,
            b.ints("padding")?,
            b.ints("stride")?,
        );
        let window = |dim: usize| {
            let at = |values: &[i64]| values.get(dim).or(values.first()).copied();
            Some(Self {
                kernel: at(&kernel)?,
                dilation: at(&dilation)?,
                padding: at(&padding)?,
                stride: at(&stride)?,
            })
        };
        match (window(0), window(1)) {
            (Some(rows), Some(columns)) if rows.is_possible() && columns.is_possible() => {
                Ok([rows, columns])
            }
            _ => refuse("the kernel, its dilation and stride must be positive"),
        }
    }

    fn is_possible(&self) -> bool {
        const LIMIT: i64 = 1 << 31;
        let is_positive = |value: i64| (1..LIMIT).contains(&value);
        is_positive(self.kernel)
            && is_positive(self.dilation)
            && is_positive(self.stride)
            && (0..LIMIT).contains(&self.padding)
    }

    /// Where the elements of each block are in the padded dimension: kernel x blocks.
    fn indices<'c, 'a>(
        &self,
        b: &Rewrite<'_, 'c, 'a>,
        size: &Size<'c, 'a>,
        like: Value<'c, 'a>,
    ) -> Rewritten<Value<'c, 'a>> {
        let range = |end: Size<'c, 'a>, step: i64| -> Rewritten<Value<'c, 'a>> {
            b.op_with(
                "aten.arange.start_step",
                args![0_i64, end, step],
                &[
                    ("dtype", ScalarType::Int64.into()),
                    ("device", device_of(b, like)?),
                ],
            )
        };
        let span = self.dilation * (self.kernel - 1);
        let starts = b.size_add(size, &Size::Static(2 * self.padding - span))?;
        let blocks = b.unsqueeze(range(starts, self.stride)?, 0)?;
        let kernel = Size::Static(self.kernel * self.dilation);
        let offsets = b.unsqueeze(range(kernel, self.dilation)?, -1)?;
        b.add(blocks, offsets)
    }

    /// How many blocks there are.
    fn blocks<'c, 'a>(
        &self,
        b: &Rewrite<'_, 'c, 'a>,
        size: &Size<'c, 'a>,
    ) -> Rewritten<Size<'c, 'a>> {
        let span = self.dilation * (self.kernel - 1) + 1;
        let starts = b.size_add(size, &Size::Static(2 * self.padding - span))?;
        let steps = b.size_floordiv(&starts, &Size::Static(self.stride))?;
        b.size_add(&steps, &Size::Static(1))
    }
}

/// A tensor with a batch dimension, and whether it had one.
fn batched<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    rank: usize,
) -> Rewritten<(Value<'c, 'a>, bool)> {
    match b.rank(value)? {
        found if found == rank => Ok((value, true)),
        found if found + 1 == rank => Ok((b.unsqueeze(value, 0)?, false)),
        found => refuse(format!("a tensor of rank {found}")),
    }
}

/// Indices of rows and columns of sliding blocks, with those of rows as columns of the others.
fn block_indices<'c, 'a>(rows: Value<'c, 'a>, columns: Value<'c, 'a>) -> Argument<'c, 'a> {
    let none = || Argument::Constant(Constant::None);
    Argument::List(vec![none(), none(), rows.into(), columns.into()])
}

/// Padding of both dimensions by the same number before and after.
fn padded<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    rows: i64,
    columns: i64,
) -> Rewritten<Value<'c, 'a>> {
    let padding = vec![columns, columns, rows, rows];
    b.op_value("aten.constant_pad_nd.default", args![value, padding, 0.0])
}

// im2col(x) = the elements of each block as a column.
fn im2col<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (input, has_batch) = batched(b, b.tensor("self")?, 4)?;
    let [rows, columns] = Window::both(b)?;
    let image = Image::of(b, input)?;
    let row_indices = rows.indices(b, &image.height, input)?;
    let column_indices = columns.indices(b, &image.width, input)?;
    let input = padded(b, input, rows.padding, columns.padding)?;
    let row_indices = b.unsqueeze(b.unsqueeze(row_indices, -1)?, -1)?;
    let indices = block_indices(row_indices, column_indices);
    let blocks = b.op_value("aten.index.Tensor", vec![input.into(), indices])?;
    let blocks = b.permute(blocks, [0, 1, 2, 4, 3, 5])?;
    let kernel = Size::Static(rows.kernel * columns.kernel);
    let count = b.size_mul(
        &rows.blocks(b, &image.height)?,
        &columns.blocks(b, &image.width)?,
    )?;
    let sizes = [b.size_mul(&image.channels, &kernel)?, count];
    let result = b.reshape(blocks, image.batch.into_iter().chain(sizes))?;
    single(if has_batch {
        result
    } else {
        b.squeeze(result, 0)?
    })
}

// col2im(x) = the sum of the blocks at their places.
fn col2im<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let ([input], dtype) = b.in_opmath([b.tensor("self")?])?;
    let (input, has_batch) = batched(b, input, 3)?;
    let [rows, columns] = Window::both(b)?;
    let [height, width] = &b.size_list("output_size")?[..] else {
        return refuse("the output has two dimensions");
    };
    let [batch, features, _] = &b.sizes(input)?[..] else {
        return refuse("the input has three dimensions");
    };
    let kernel = Size::Static(rows.kernel * columns.kernel);
    let channels = b.size_floordiv(features, &kernel)?;
    let sizes = [
        batch.clone(),
        channels.clone(),
        Size::Static(rows.kernel),
        Size::Static(columns.kernel),
        rows.blocks(b, height)?,
        columns.blocks(b, width)?,
    ];
    let blocks = b.reshape(input, sizes)?;
    let blocks = b.permute(blocks, [0, 1, 2, 4, 3, 5])?;
    let row_indices = rows.indices(b, height, input)?;
    let row_indices = b.unsqueeze(b.unsqueeze(row_indices, -1)?, -1)?;
    let column_indices = columns.indices(b, width, input)?;
    let sizes = [
        batch.clone(),
        channels,
        b.size_add(height, &Size::Static(2 * rows.padding))?,
        b.size_add(width, &Size::Static(2 * columns.padding))?,
    ];
    let zeros = b.op_value("aten.new_zeros.default", args![input, size_argument(sizes)])?;
    let indices = block_indices(row_indices, column_indices);
    let output = b.op_value(
        "aten.index_put.default",
        vec![zeros.into(), indices, blocks.into(), true.into()],
    )?;
    let output = padded(b, output, -rows.padding, -columns.padding)?;
    let output = if has_batch {
        output
    } else {
        b.squeeze(output, 0)?
    };
    b.answer(output, dtype)
}

// unfold_copy(x) = clone(unfold(x)).
fn unfold_copy<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let unfolded = b.op_value(
        "aten.unfold.default",
        args![
            b.tensor("self")?,
            b.int("dimension")?,
            b.int("size")?,
            b.int("step")?
        ],
    )?;
    single(b.copy(unfolded)?)
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

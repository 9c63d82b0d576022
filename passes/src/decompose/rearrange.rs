//! Elements in another order, diagonals, triangles, sliding windows.

use expc_dialects::ScalarType;
use melior::ir::Value;

use super::{Rule, elementwise::Answer, view::dims};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.channel_shuffle.default", channel_shuffle),
    ("aten.diag.default", diag),
    ("aten.diag_embed.default", diag_embed),
    ("aten.diagflat.default", diagflat),
    ("aten.diagonal_backward.default", diagonal_backward),
    ("aten.fliplr.default", flip::<1>),
    ("aten.flipud.default", flip::<0>),
    ("aten.pixel_shuffle.default", pixel_shuffle),
    ("aten.pixel_unshuffle.default", pixel_unshuffle),
    ("aten.repeat_interleave.self_Tensor", repeat_interleave_by),
    ("aten.repeat_interleave.self_int", repeat_interleave),
    ("aten.roll.default", roll),
    ("aten.rot90.default", rot90),
    ("aten.trace.default", trace),
    ("aten.trace_backward.default", trace_backward),
    ("aten.tril.default", tril),
    ("aten.triu.default", triu),
    ("aten.unfold_backward.default", unfold_backward),
];

// fliplr(x) = flip(x, [1]), flipud(x) = flip(x, [0])
fn flip<'c, 'a, const DIM: i64>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.op_value("aten.flip.default", args![b.tensor("self")?, vec![DIM]])?)
}

// rot90(x, k, [i, j]) = transpose(flip(x, j)) for k = 1, flip(x, [i, j]) for 2, transpose(flip(x, i)) for 3
fn rot90<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let [from, to] = b.ints("dims")?[..] else {
        return refuse("a rotation has two dimensions");
    };
    let plane = dims(&[b.dimension(x, from)?, b.dimension(x, to)?]);
    let [from, to] = plane[..] else {
        return refuse("a rotation has two dimensions");
    };
    let flipped = |dims: Vec<i64>| b.op_value("aten.flip.default", args![x, dims]);
    single(match b.int("k")?.rem_euclid(4) {
        0 => b.copy(x)?,
        1 => b.transpose(flipped(vec![to])?, from, to)?,
        2 => flipped(plane)?,
        _ => b.transpose(flipped(vec![from])?, from, to)?,
    })
}

// roll(x, [n], [d])[i] = x[(i - n) mod size of d]; more dimensions one after the other; without any, x flat
fn roll<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    if b.strided(x)?.is_empty(b.env()) {
        return single(b.op_value("aten.clone.default", args![x])?);
    }
    let (shifts, at) = (b.size_list("shifts")?, b.ints("dims")?);
    if let ([_], []) = (&shifts[..], &at[..]) {
        let flat = b.op_value("aten.flatten.using_ints", args![x])?;
        let args = args![flat, size_argument(shifts), vec![0_i64]];
        let rolled = b.op_value("aten.roll.default", args)?;
        return single(b.view(rolled, b.sizes(x)?)?);
    }
    if shifts.len() != at.len() || shifts.is_empty() {
        return refuse(format!(
            "{} shifts of {} dimensions",
            shifts.len(),
            at.len()
        ));
    }
    let mut rolled = x;
    for (shift, dim) in shifts.iter().zip(at) {
        rolled = rolled_along(b, rolled, shift, b.dimension(x, dim)?)?;
    }
    single(rolled)
}

fn rolled_along<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    shift: &Size<'c, 'a>,
    dim: usize,
) -> Rewritten<Value<'c, 'a>> {
    let size = b.size_of(x, dim)?;
    let start = b.size_mod(&b.size_sub(&size, shift)?, &size)?;
    let index = b.add(b.indices(size.clone(), x)?, start)?;
    let wrapped = b.op_value("aten.fmod.Scalar", args![index, size])?;
    let dim = i64::try_from(dim).unwrap_or(i64::MAX);
    b.op_value("aten.index_select.default", args![x, dim, wrapped])
}

/// The sizes of `(..., channels, height, width)` and where the channels are.
fn image<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
) -> Rewritten<(Vec<Size<'c, 'a>>, [Size<'c, 'a>; 3])> {
    let mut sizes = b.sizes(x)?;
    let Some(batch) = sizes.len().checked_sub(3) else {
        return refuse("an image has at least three dimensions");
    };
    match <[Size; 3]>::try_from(sizes.split_off(batch)) {
        Ok(image) => Ok((sizes, image)),
        Err(_) => refuse("an image has at least three dimensions"),
    }
}

/// `view`, `permute` behind the batch, `reshape`, copied in the memory format of the operand.
fn shuffled<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    batch: &[Size<'c, 'a>],
    split: [Size<'c, 'a>; 5],
    order: [usize; 5],
    joined: [Size<'c, 'a>; 3],
) -> Answer<'c, 'a> {
    let with_batch = |sizes: &[Size<'c, 'a>]| [batch, sizes].concat();
    let view = b.view(x, with_batch(&split))?;
    let mut places: Vec<usize> = (0..batch.len()).collect();
    places.extend(order.map(|place| place + batch.len()));
    let moved = b.permute(view, dims(&places))?;
    let joined = b.reshape(moved, with_batch(&joined))?;
    single(b.clone_in(joined, b.strided(x)?.suggested_format(b.env()))?)
}

// pixel_shuffle(x, r): channels in groups of r*r become r rows and r columns of each pixel
fn pixel_shuffle<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, factor) = (b.tensor("self")?, Size::Static(b.int("upscale_factor")?));
    let (batch, [channels, height, width]) = image(b, x)?;
    let area = b.size_mul(&factor, &factor)?;
    let channels = b.size_floordiv(&channels, &area)?;
    let joined = [
        channels.clone(),
        b.size_mul(&height, &factor)?,
        b.size_mul(&width, &factor)?,
    ];
    let split = [channels, factor.clone(), factor, height, width];
    shuffled(b, x, &batch, split, [0, 3, 1, 4, 2], joined)
}

// pixel_unshuffle(x, r): r rows and r columns of pixels become channels
fn pixel_unshuffle<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, factor) = (b.tensor("self")?, Size::Static(b.int("downscale_factor")?));
    let (batch, [channels, height, width]) = image(b, x)?;
    let area = b.size_mul(&factor, &factor)?;
    let height = b.size_floordiv(&height, &factor)?;
    let width = b.size_floordiv(&width, &factor)?;
    let joined = [b.size_mul(&channels, &area)?, height.clone(), width.clone()];
    let split = [channels, height, factor.clone(), width, factor];
    shuffled(b, x, &batch, split, [0, 2, 4, 1, 3], joined)
}

// channel_shuffle(x, g) = reshape(transpose(reshape(x, [n, g, c / g, ...]), 1, 2))
fn channel_shuffle<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, groups) = (b.tensor("self")?, Size::Static(b.int("groups")?));
    let sizes = b.sizes(x)?;
    let [batch, channels, rest @ ..] = sizes.as_slice() else {
        return refuse("channels are the second dimension");
    };
    if b.strided(x)?.is_empty(b.env()) {
        return single(b.view(x, sizes)?);
    }
    let mut split = vec![
        batch.clone(),
        groups.clone(),
        b.size_floordiv(channels, &groups)?,
    ];
    split.extend_from_slice(rest);
    let swapped = b.transpose(b.reshape(x, split)?, 1, 2)?;
    single(b.contiguous(b.reshape(swapped, sizes)?)?)
}

// repeat_interleave(x, n, d) = flatten(clone(expand(unsqueeze(x, d + 1), n there)), d, d + 1)
fn repeat_interleave<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, dim) = along(b)?;
    let next = dim.saturating_add(1);
    let row = b.unsqueeze(x, next)?;
    let mut sizes = b.sizes(row)?;
    let (at, repeats) = (b.dimension(row, next)?, b.size("repeats")?);
    if let Some(size) = sizes.get_mut(at) {
        *size = repeats;
    }
    let copies = b.copy(b.expand(row, sizes)?)?;
    single(b.op_value("aten.flatten.using_ints", args![copies, dim, next])?)
}

// repeat_interleave(x, n, d) = index_select(x, d, repeat_interleave(n)), one n for all of d if there is but one
fn repeat_interleave_by<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, dim) = along(b)?;
    let mut repeats = b.tensor("repeats")?;
    let sizes = b.sizes(repeats)?;
    if sizes.iter().all(|size| b.size_is(size, 1)) {
        let row = b.reshape(repeats, [Size::Static(1)])?;
        repeats = b.expand(row, [b.size_of(x, b.dimension(x, dim)?)?])?;
    }
    let mut kwargs = Vec::new();
    if let Some(size) = b.arg("output_size") {
        kwargs.push(("output_size", size));
    }
    let index = b.op_with("aten.repeat_interleave.Tensor", args![repeats], &kwargs)?;
    single(b.op_value("aten.index_select.default", args![x, dim, index])?)
}

/// The tensor to repeat along a dimension: flat where none is given.
fn along<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<(Value<'c, 'a>, i64)> {
    let x = b.tensor("self")?;
    match b.optional_int("dim")? {
        Some(dim) => Ok((x, i64::try_from(b.dimension(x, dim)?).unwrap_or(i64::MAX))),
        None => Ok((b.op_value("aten.flatten.using_ints", args![x])?, 0)),
    }
}

// diag(x, k) = diag_embed(x, k) for a row, diagonal_copy(x, k) for a matrix
fn diag<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, offset) = (b.tensor("self")?, b.int("diagonal")?);
    let name = match b.rank(x)? {
        1 => "aten.diag_embed.default",
        2 => "aten.diagonal_copy.default",
        rank => return refuse(format!("`diag` of a tensor of rank {rank}")),
    };
    single(b.op_value(name, args![x, offset])?)
}

// diagflat(x, k) = diag(x as a row, k)
fn diagflat<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let row = b.view(b.contiguous(b.tensor("self")?)?, [Size::Static(-1)])?;
    single(b.op_value("aten.diag.default", args![row, b.int("offset")?])?)
}

// diag_embed(x, k)[..., i, j] = i + k == j ? x[..., i] : 0, with x padded by |k| zeros
fn diag_embed<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let mut x = b.tensor("self")?;
    let rank = b.rank(x)?;
    let wrapped = |dim: i64| -> Rewritten<usize> {
        let ranks = i64::try_from(rank).unwrap_or(i64::MAX).saturating_add(1);
        match usize::try_from(if dim < 0 {
            dim.saturating_add(ranks)
        } else {
            dim
        }) {
            Ok(dim) if dim <= rank => Ok(dim),
            _ => refuse(format!("dimension {dim} of a result of rank {ranks}")),
        }
    };
    let mut offset = b.int("offset")?;
    let (mut first, mut second) = (wrapped(b.int("dim1")?)?, wrapped(b.int("dim2")?)?);
    if first > second {
        (first, second) = (second, first);
        offset = offset.saturating_neg();
    }
    let Some(last) = rank.checked_sub(1).filter(|_| first != second) else {
        return refuse("a diagonal needs two dimensions");
    };
    if offset != 0 {
        let mut sizes = b.sizes(x)?;
        if let Some(size) = sizes.get_mut(last) {
            *size = Size::Static(offset.saturating_abs());
        }
        let padding = b.zeros(sizes, &b.options_of(x)?)?;
        let pair = if offset > 0 {
            vec![padding, x]
        } else {
            vec![x, padding]
        };
        x = b.cat(pair, -1)?;
    }
    let length = b.size_of(x, last)?;
    let [first_dim, second_dim] = dims(&[first, second])[..] else {
        return refuse("a diagonal needs two dimensions");
    };
    let row = b.unsqueeze(x, first_dim)?;
    let row = b.op_value("aten.movedim.int", args![row, -1, second_dim])?;
    let columns = b.indices(length.clone(), x)?;
    let options = b.options_of(x)?.with_dtype(ScalarType::Int64);
    let start = Size::Static(offset);
    let end = b.size_add(&length, &start)?;
    let rows = b.unsqueeze(b.range(start, end, 1, &options)?, -1)?;
    let mut sizes = vec![Size::Static(1); rank + 1];
    for dim in [first, second] {
        if let Some(size) = sizes.get_mut(dim) {
            *size = length.clone();
        }
    }
    let mask = b.reshape(b.compare("eq", columns, rows)?, sizes)?;
    masked(b, mask, row)
}

/// The tensor where a mask holds and 0 elsewhere, in row-major order.
fn masked<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    mask: Value<'c, 'a>,
    x: Value<'c, 'a>,
) -> Answer<'c, 'a> {
    let value = if b.dtype_of(x)? == ScalarType::Bool {
        b.op_value("aten.logical_and.default", args![mask, x])?
    } else {
        b.select(mask, x, 0)?
    };
    single(b.contiguous(value)?)
}

// tril(x, k)[..., i, j] = j - i <= k ? x[..., i, j] : 0
fn tril<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    triangle(b, "le")
}

// triu(x, k)[..., i, j] = j - i >= k ? x[..., i, j] : 0
fn triu<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    triangle(b, "ge")
}

fn triangle<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, relation: &str) -> Answer<'c, 'a> {
    let (x, diagonal) = (b.tensor("self")?, b.size("diagonal")?);
    let sizes = b.sizes(x)?;
    let [.., height, width] = sizes.as_slice() else {
        return refuse("a triangle of a tensor of fewer than two dimensions");
    };
    let columns = b.unsqueeze(b.indices(width.clone(), x)?, -2)?;
    let rows = b.unsqueeze(b.indices(height.clone(), x)?, -1)?;
    let mask = b.compare(relation, b.sub(columns, rows)?, diagonal)?;
    masked(b, mask, x)
}

// trace(x) = sum(diag(x))
fn trace<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let diagonal = b.op_value("aten.diag.default", args![b.tensor("self")?])?;
    single(b.op_value("aten.sum.default", args![diagonal])?)
}

// trace_backward(g, [m, n]) = zeros(m * n) with g at every (n + 1)-th place, as a matrix
fn trace_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (grad, sizes) = (b.tensor("grad")?, b.size_list("sizes")?);
    let [_, width] = sizes.as_slice() else {
        return refuse("a trace is of a matrix");
    };
    let (Some(width), options) = (width.as_static(), b.options_of(grad)?) else {
        return refuse("a symbolic width");
    };
    let count = b.product(&sizes)?;
    let zeros = b.zeros([count.clone()], &options)?;
    let places = b.range(
        Size::Static(0),
        count,
        width.saturating_add(1),
        &options.with_dtype(ScalarType::Int64),
    )?;
    let filled = b.op_value("aten.index_fill.int_Tensor", args![zeros, 0, places, grad])?;
    single(b.view(filled, sizes)?)
}

// diagonal_backward(g, s, ...) = diagonal_scatter(zeros(s), g, ...)
fn diagonal_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let grad = b.tensor("grad_output")?;
    let zeros = b.zeros(b.size_list("input_sizes")?, &b.options_of(grad)?)?;
    let (offset, dim1, dim2) = (b.int("offset")?, b.int("dim1")?, b.int("dim2")?);
    let args = args![zeros, grad, offset, dim1, dim2];
    single(b.op_value("aten.diagonal_scatter.default", args)?)
}

// unfold_backward(g, s, d, n, step) = zeros(s) with g added at the places that unfold showed
fn unfold_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (grad, sizes) = (b.tensor("grad_in")?, b.size_list("input_sizes")?);
    if sizes.is_empty() {
        return single(b.op_value("aten.squeeze_copy.dim", args![grad, 0])?);
    }
    let rank = i64::try_from(sizes.len()).unwrap_or(i64::MAX);
    let dim = b.int("dim")?;
    let dim = if dim < 0 {
        dim.saturating_add(rank)
    } else {
        dim
    };
    let Some(length) = usize::try_from(dim).ok().and_then(|dim| sizes.get(dim)) else {
        return refuse(format!("dimension {dim} of a tensor of rank {rank}"));
    };
    let options = b.options_of(grad)?;
    let places = b.range(
        Size::Static(0),
        length.clone(),
        1,
        &options.clone().with_dtype(ScalarType::Int32),
    )?;
    let windows = args![places, 0, b.int("size")?, b.int("step")?];
    let windows = b.op_value("aten.unfold.default", windows)?;
    let index = b.op_value("aten.flatten.using_ints", args![windows])?;
    let moved = b.op_value("aten.movedim.int", args![grad, -1, dim.saturating_add(1)])?;
    let flat = args![moved, dim, dim.saturating_add(1)];
    let values = b.op_value("aten.flatten.using_ints", flat)?;
    let zeros = b.zeros(sizes, &options)?;
    let summed = b.index_put(zeros, dim, index, values, true)?;
    single(b.contiguous(summed)?)
}

//! Tensors cut along a dimension.

use melior::ir::Value;

use super::{Rule, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.chunk.default", chunk),
    ("aten.dsplit.array", split_at::<2>),
    ("aten.dsplit.int", split_in::<2>),
    ("aten.hsplit.array", split_at::<1>),
    ("aten.hsplit.int", split_in::<1>),
    ("aten.split.Tensor", split),
    ("aten.split.sizes", split_sizes),
    ("aten.split_with_sizes_copy.default", split_with_sizes_copy),
    ("aten.tensor_split.indices", tensor_split_indices),
    ("aten.tensor_split.sections", tensor_split_sections),
    (
        "aten.tensor_split.tensor_indices_or_sections",
        tensor_split_tensor,
    ),
    ("aten.unbind.int", unbind),
    ("aten.unsafe_chunk.default", chunk),
    ("aten.unsafe_split.Tensor", split),
    ("aten.unsafe_split_with_sizes.default", split_sizes),
    ("aten.vsplit.array", split_at::<0>),
    ("aten.vsplit.int", split_in::<0>),
];

// split(x, s, d) = split_with_sizes(x, [s, ..., s, the rest], d)
fn split<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let (size, dim) = (b.size("split_size")?, b.dimension(x, b.int("dim")?)?);
    let total = b.size_of(x, dim)?;
    if size.as_static() == Some(0) {
        return Ok(vec![Some(b.op_value("aten.detach.default", args![x])?)]);
    }
    let sizes = pieces(b, &size, &total)?;
    with_sizes(b, x, sizes, b.int("dim")?)
}

/// As many pieces as the op has results: all of the size, but the last.
fn pieces<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    size: &Size<'c, 'a>,
    total: &Size<'c, 'a>,
) -> Rewritten<Vec<Size<'c, 'a>>> {
    let count = b.result_types().len();
    let count_size = Size::Static(i64::try_from(count).unwrap_or(i64::MAX));
    let missing = b.size_sub(&b.size_mul(size, &count_size)?, total)?;
    let mut sizes = vec![size.clone(); count.saturating_sub(1)];
    sizes.push(b.size_sub(size, &missing)?);
    Ok(sizes)
}

fn with_sizes<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    sizes: Vec<Size<'c, 'a>>,
    dim: i64,
) -> Answer<'c, 'a> {
    let args = args![x, size_argument(sizes), dim];
    let values = b.ops("aten.split_with_sizes.default", args, &[])?;
    Ok(values.into_iter().map(Some).collect())
}

// split(x, sizes, d) = split_with_sizes(x, sizes, d)
fn split_sizes<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let name = if b.arg("split_sizes").is_some() {
        "split_sizes"
    } else {
        "split_size"
    };
    with_sizes(b, b.tensor("self")?, b.size_list(name)?, b.int("dim")?)
}

// split_with_sizes_copy(x, sizes, d) = clones of split_with_sizes(x, sizes, d)
fn split_with_sizes_copy<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let views = split_sizes(b)?;
    let copies = views.into_iter().flatten().map(|view| b.copy(view));
    copies.map(|copy| copy.map(Some)).collect()
}

// chunk(x, n, d) = split(x, ceil(size of d / n), d)
fn chunk<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, dim, chunks) = (b.tensor("self")?, b.int("dim")?, b.int("chunks")?);
    let total = b.size_of(x, b.dimension(x, dim)?)?;
    if total.as_static() == Some(0) {
        // Torch gives as many empty chunks as were asked for.
        let count = b.result_types().len();
        return with_sizes(b, x, vec![Size::Static(0); count], dim);
    }
    let rounded = b.size_add(&total, &Size::Static(chunks.saturating_sub(1)))?;
    let size = b.size_floordiv(&rounded, &Size::Static(chunks))?;
    let name = if b.op().name().contains("unsafe") {
        "aten.unsafe_split.Tensor"
    } else {
        "aten.split.Tensor"
    };
    let values = b.ops(name, args![x, size, dim], &[])?;
    Ok(values.into_iter().map(Some).collect())
}

/// The parts of a tensor between these positions of a dimension.
fn parts<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: i64,
    bounds: &[Size<'c, 'a>],
) -> Rewritten<Vec<Value<'c, 'a>>> {
    bounds
        .windows(2)
        .map(|bounds| match bounds {
            [start, end] => b.op_value(
                "aten.slice.Tensor",
                args![x, dim, start.clone(), end.clone()],
            ),
            _ => refuse("a window of two has another length"),
        })
        .collect()
}

/// Into more parts no program splits a tensor; each is an op of its own.
const MAX_SECTIONS: i64 = 1 << 16;

/// The bounds of nearly equal parts: the first ones are larger by one where the size does not divide.
fn even_bounds<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    total: &Size<'c, 'a>,
    sections: i64,
) -> Rewritten<Vec<Size<'c, 'a>>> {
    if !(1..=MAX_SECTIONS).contains(&sections) {
        return refuse(format!("{sections} sections, expected 1 to {MAX_SECTIONS}"));
    }
    let length = b.size_floordiv(total, &Size::Static(sections))?;
    let rest = b.size_sub(total, &b.size_mul(&length, &Size::Static(sections))?)?;
    let longer = match rest.as_static() {
        Some(rest) => rest,
        None if b.size_is(&rest, 0) => 0,
        None => return refuse("whether a symbolic size divides into equal parts is not known"),
    };
    let mut bounds = vec![Size::Static(0)];
    let mut end = Size::Static(0);
    for section in 0..sections {
        end = b.size_add(&end, &length)?;
        if section < longer {
            end = b.size_add(&end, &Size::Static(1))?;
        }
        bounds.push(end.clone());
    }
    Ok(bounds)
}

// tensor_split(x, n, d) = slices of nearly equal size
fn tensor_split_sections<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    in_sections(b, b.tensor("self")?, b.int("sections")?, b.int("dim")?)
}

fn in_sections<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    sections: i64,
    dim: i64,
) -> Answer<'c, 'a> {
    let at = b.dimension(x, dim)?;
    let bounds = even_bounds(b, &b.size_of(x, at)?, sections)?;
    let slices = parts(b, x, dim, &bounds)?;
    Ok(slices.into_iter().map(Some).collect())
}

// tensor_split(x, [i, j, ...], d) = slices 0..i, i..j, ..., up to the end
fn tensor_split_indices<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    at_indices(b, b.tensor("self")?, b.size_list("indices")?, b.int("dim")?)
}

fn at_indices<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    indices: Vec<Size<'c, 'a>>,
    dim: i64,
) -> Answer<'c, 'a> {
    let mut bounds = vec![Size::Static(0)];
    bounds.extend(indices);
    bounds.push(b.size_of(x, b.dimension(x, dim)?)?);
    let slices = parts(b, x, dim, &bounds)?;
    Ok(slices.into_iter().map(Some).collect())
}

// tensor_split(x, t, d) = tensor_split(x, the elements of t, d)
fn tensor_split_tensor<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, bounds) = (b.tensor("self")?, b.tensor("tensor_indices_or_sections")?);
    let [count] = b
        .sizes(bounds)?
        .try_into()
        .or_else(|_| refuse("the number of sections is data, and so is the number of results"))?;
    if count.as_static().is_none() {
        return refuse("the number of indices is not known");
    }
    let elements = b.ops("aten.unbind.int", args![bounds], &[])?;
    let items = elements.into_iter().map(|element| {
        let item = b.op_value("aten.item.default", args![element])?;
        b.symbolic(item)
    });
    let indices = items.collect::<Rewritten<Vec<_>>>()?;
    at_indices(b, x, indices, b.int("dim")?)
}

/// The dimension that `hsplit` (1), `vsplit` (0) or `dsplit` (2) cuts: `hsplit` cuts rows along their only
/// one.
fn named_dim<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>, dim: usize) -> Rewritten<i64> {
    let only = dim == 1 && b.rank(x)? == 1;
    Ok(if only {
        0
    } else {
        i64::try_from(dim).unwrap_or(i64::MAX)
    })
}

// hsplit(x, n) = tensor_split(x, n, 1), and likewise vsplit and dsplit
fn split_in<'c, 'a, const DIM: usize>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    in_sections(b, x, b.int("sections")?, named_dim(b, x, DIM)?)
}

// hsplit(x, indices) = tensor_split(x, indices, 1), and likewise vsplit and dsplit
fn split_at<'c, 'a, const DIM: usize>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    at_indices(b, x, b.size_list("indices")?, named_dim(b, x, DIM)?)
}

// unbind(x, d) = squeeze of the slices i..i+1 for each i of d
fn unbind<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let dim = i64::try_from(b.dimension(x, b.int("dim")?)?).unwrap_or(i64::MAX);
    let count = i64::try_from(b.result_types().len()).unwrap_or(i64::MAX);
    let bounds: Vec<Size> = (0..=count).map(Size::Static).collect();
    let slices = parts(b, x, dim, &bounds)?;
    let rows = slices.into_iter().map(|slice| b.squeeze(slice, dim));
    rows.map(|row| row.map(Some)).collect()
}

//! Tensors put together: stacked, side by side, as grids and products.

use expc_dialects::ScalarType;
use melior::ir::Value;

use super::{Rule, elementwise::Answer, view::with_rank};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten._chunk_cat.default", chunk_cat),
    ("aten.block_diag.default", block_diag),
    ("aten.cartesian_prod.default", cartesian_prod),
    ("aten.column_stack.default", column_stack),
    ("aten.combinations.default", combinations),
    ("aten.concat.default", concat),
    ("aten.concatenate.default", concat),
    ("aten.dstack.default", dstack),
    ("aten.flatten_dense_tensors.default", flatten_dense_tensors),
    ("aten.hstack.default", hstack),
    ("aten.meshgrid.default", meshgrid),
    ("aten.meshgrid.indexing", meshgrid),
    ("aten.pad_sequence.default", pad_sequence),
    ("aten.row_stack.default", vstack),
    ("aten.stack.default", stack),
    ("aten.tile.default", tile),
    (
        "aten.unflatten_dense_tensors.default",
        unflatten_dense_tensors,
    ),
    ("aten.vstack.default", vstack),
];

impl<'c: 'a, 'a> Rewrite<'_, 'c, 'a> {
    /// `aten.cat`.
    pub(super) fn cat(&self, tensors: Vec<Value<'c, 'a>>, dim: i64) -> Rewritten<Value<'c, 'a>> {
        self.op_value("aten.cat.default", args![tensors, dim])
    }
}

fn each<'c, 'a>(
    tensors: &[Value<'c, 'a>],
    make: impl Fn(Value<'c, 'a>) -> Rewritten<Value<'c, 'a>>,
) -> Rewritten<Vec<Value<'c, 'a>>> {
    tensors.iter().map(|tensor| make(*tensor)).collect()
}

fn first<T: Clone>(values: &[T]) -> Rewritten<T> {
    match values.first() {
        Some(value) => Ok(value.clone()),
        None => refuse("an empty list of tensors"),
    }
}

// concat(xs, d) = cat(xs, d)
fn concat<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.cat(b.tensors("tensors")?, b.int("dim")?)?)
}

// stack(xs, d) = view(cat(xs, d), with the number of xs at d), cat of unsqueezed xs behind the last dimension
fn stack<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (tensors, dim) = (b.tensors("tensors")?, b.int("dim")?);
    let like = first(&tensors)?;
    let rank = b.rank(like)?;
    let ranks = i64::try_from(rank).unwrap_or(i64::MAX) + 1;
    let wrapped = if dim < 0 { dim + ranks } else { dim };
    match usize::try_from(wrapped) {
        Ok(at) if at < rank => {
            let mut sizes = b.sizes(like)?;
            let count = i64::try_from(tensors.len()).unwrap_or(i64::MAX);
            sizes.insert(at, Size::Static(count));
            single(b.view(b.cat(tensors, wrapped)?, sizes)?)
        }
        Ok(at) if at == rank => {
            let tensors = each(&tensors, |tensor| b.unsqueeze(tensor, wrapped))?;
            single(b.cat(tensors, dim)?)
        }
        _ => refuse(format!(
            "dimension {dim} of a stack of tensors of rank {rank}"
        )),
    }
}

// hstack(xs) = cat(xs, 1), cat(xs, 0) for rows
fn hstack<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(side_by_side(b, &b.tensors("tensors")?)?)
}

fn side_by_side<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    tensors: &[Value<'c, 'a>],
) -> Rewritten<Value<'c, 'a>> {
    let tensors = each(tensors, |tensor| with_rank(b, tensor, 1))?;
    let dim = if b.rank(first(&tensors)?)? == 1 { 0 } else { 1 };
    b.cat(tensors, dim)
}

// vstack(xs) = cat(atleast_2d(xs), 0)
fn vstack<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let tensors = each(&b.tensors("tensors")?, |tensor| with_rank(b, tensor, 2))?;
    single(b.cat(tensors, 0)?)
}

// dstack(xs) = cat(atleast_3d(xs), 2)
fn dstack<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let tensors = each(&b.tensors("tensors")?, |tensor| with_rank(b, tensor, 3))?;
    single(b.cat(tensors, 2)?)
}

// column_stack(xs) = hstack(xs with rows as columns)
fn column_stack<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let columns = each(&b.tensors("tensors")?, |tensor| {
        if b.rank(tensor)? > 1 {
            return Ok(tensor);
        }
        let count = b.product(&b.sizes(tensor)?)?;
        b.reshape(tensor, [count, Size::Static(1)])
    })?;
    single(side_by_side(b, &columns)?)
}

// block_diag(xs) = rows of [0, x, 0], one below the other
fn block_diag<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let blocks = each(&b.tensors("tensors")?, |tensor| {
        if b.rank(tensor)? > 1 {
            return Ok(tensor);
        }
        b.view(tensor, [Size::Static(1), Size::Static(-1)])
    })?;
    let widths = blocks
        .iter()
        .map(|block| b.size_of(*block, 1))
        .collect::<Rewritten<Vec<_>>>()?;
    let total = widths
        .iter()
        .try_fold(Size::Static(0), |total, width| b.size_add(&total, width))?;
    let mut before = Size::Static(0);
    let mut rows = Vec::with_capacity(blocks.len());
    for (block, width) in blocks.iter().zip(&widths) {
        let height = b.size_of(*block, 0)?;
        let options = b.options_of(*block)?;
        let after = b.size_sub(&b.size_sub(&total, &before)?, width)?;
        let left = b.zeros([height.clone(), before.clone()], &options)?;
        let right = b.zeros([height, after], &options)?;
        rows.push(b.cat(vec![left, *block, right], 1)?);
        before = b.size_add(&before, width)?;
    }
    single(b.cat(rows, 0)?)
}

// meshgrid(xs) = each x along its own dimension, expanded along those of the others; `xy` gives the second x
// the first dimension
fn meshgrid<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let mut tensors = b.tensors("tensors")?;
    let is_xy = b.arg("indexing").is_some() && b.string("indexing")? == "xy";
    let swaps = is_xy && tensors.len() >= 2;
    if swaps {
        tensors.swap(0, 1);
    }
    let mut grids = grid(b, &tensors)?;
    if swaps {
        grids.swap(0, 1);
    }
    Ok(grids.into_iter().map(Some).collect())
}

fn grid<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    tensors: &[Value<'c, 'a>],
) -> Rewritten<Vec<Value<'c, 'a>>> {
    let counts = tensors
        .iter()
        .map(|tensor| b.product(&b.sizes(*tensor)?))
        .collect::<Rewritten<Vec<_>>>()?;
    let along = |(index, tensor): (usize, &Value<'c, 'a>)| {
        let mut own = vec![Size::Static(1); tensors.len()];
        if let Some(size) = own.get_mut(index) {
            *size = Size::Static(-1);
        }
        b.expand(b.view(*tensor, own)?, counts.iter().cloned())
    };
    tensors.iter().enumerate().map(along).collect()
}

// cartesian_prod(x, y, ...) = stack(flat meshgrid(x, y, ...), 1), x for x alone
fn cartesian_prod<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let tensors = b.tensors("tensors")?;
    if let [only] = tensors.as_slice() {
        return single(*only);
    }
    let grids = grid(b, &tensors)?;
    let flat = each(&grids, |grid| flat(b, grid))?;
    single(b.op_value("aten.stack.default", args![flat, 1])?)
}

fn flat<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    b.op_value("aten.flatten.using_ints", args![x])
}

// combinations(x, r) = stack(masked_select(meshgrid of r times x, where the indices ascend), 1)
fn combinations<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let options = b.options_of(x)?;
    let length = match usize::try_from(b.int("r")?) {
        Ok(length) if length <= MAX_COMBINATION => length,
        _ => return refuse("the length of the combinations"),
    };
    if length == 0 {
        return single(b.op_value("aten.new_empty.default", args![x, vec![0_i64]])?);
    }
    let grids = grid(b, &vec![x; length])?;
    let count = b.product(&b.sizes(x)?)?;
    let index = b.indices(count, x)?;
    let indices = if length > 1 {
        grid(b, &vec![index; length])?
    } else {
        vec![index]
    };
    let sizes = b.sizes(first(&indices)?)?;
    let mut mask = b.full(sizes, true, &options.with_dtype(ScalarType::Bool))?;
    let relation = if b.boolean("with_replacement")? {
        "le"
    } else {
        "lt"
    };
    for pair in indices.windows(2) {
        if let [left, right] = pair {
            mask = b.mul(mask, b.compare(relation, *left, *right)?)?;
        }
    }
    let columns = each(&grids, |grid| {
        b.op_value("aten.masked_select.default", args![grid, mask])
    })?;
    single(b.op_value("aten.stack.default", args![columns, 1])?)
}

/// Combinations are made from a grid of as many dimensions as they have elements.
const MAX_COMBINATION: usize = 64;

// tile(x, n) = repeat(x, n, with ones before)
fn tile<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, repeats) = (b.tensor("self")?, b.size_list("dims")?);
    let missing = b.rank(x)?.saturating_sub(repeats.len());
    let mut counts = vec![Size::Static(1); missing];
    counts.extend(repeats);
    single(b.op_value("aten.repeat.default", args![x, size_argument(counts)])?)
}

// _chunk_cat(xs, d, n) = cat(xs padded to multiples of n, viewed as n chunks, d + 1)
fn chunk_cat<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (tensors, chunks) = (b.tensors("tensors")?, b.int("num_chunks")?);
    let dim = b.dimension(first(&tensors)?, b.int("dim")?)?;
    let parts = each(&tensors, |tensor| chunked(b, tensor, dim, chunks))?;
    let dim = i64::try_from(dim).unwrap_or(i64::MAX).saturating_add(1);
    single(b.cat(parts, dim)?)
}

fn chunked<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: usize,
    chunks: i64,
) -> Rewritten<Value<'c, 'a>> {
    let sizes = b.sizes(x)?;
    let Some((Some(size), before)) = sizes.get(dim).map(Size::as_static).zip(sizes.get(..dim))
    else {
        return refuse("a symbolic size in chunks");
    };
    let Some(missing) = size
        .checked_neg()
        .and_then(|size| size.checked_rem_euclid(chunks))
    else {
        return refuse(format!("size {size} in {chunks} chunks"));
    };
    let mut padded = x;
    if missing != 0 {
        let mut pads = vec![0; 2 * (sizes.len() - dim - 1)];
        pads.extend([0, missing]);
        padded = b.op_value("aten.constant_pad_nd.default", args![x, pads, 0])?;
    }
    let mut view = before.to_vec();
    view.extend([Size::Static(chunks), Size::Static(-1)]);
    b.reshape(padded, view)
}

// flatten_dense_tensors(xs) = cat(each x as a row)
fn flatten_dense_tensors<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let rows = each(&b.tensors("tensors")?, |tensor| {
        b.view(b.contiguous(tensor)?, [Size::Static(-1)])
    })?;
    match rows.as_slice() {
        [row] => single(*row),
        _ => single(b.cat(rows, 0)?),
    }
}

// unflatten_dense_tensors(x, ys) = consecutive slices of x, viewed as the ys
fn unflatten_dense_tensors<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("flat")?;
    let mut start = Size::Static(0);
    let mut views = Vec::new();
    for tensor in b.tensors("tensors")? {
        let sizes = b.sizes(tensor)?;
        let end = b.size_add(&start, &b.product(&sizes)?)?;
        let slice = b.op_value("aten.slice.Tensor", args![x, 0, start, end.clone()])?;
        views.push(Some(b.view(slice, sizes)?));
        start = end;
    }
    Ok(views)
}

// pad_sequence(xs) = the longest size filled with the padding, each padded x put into its row
fn pad_sequence<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let sequences = b.tensors("sequences")?;
    let (like, padding) = (first(&sequences)?, b.float("padding_value")?);
    let lengths = sequences
        .iter()
        .map(|sequence| Ok(b.size_of(*sequence, 0)?.as_static()))
        .collect::<Rewritten<Option<Vec<i64>>>>()?;
    let Some(lengths) = lengths else {
        return refuse("the longest of symbolic lengths is not known");
    };
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let count = i64::try_from(sequences.len()).unwrap_or(i64::MAX);
    let batch_first = b.boolean("batch_first")?;
    let mut sizes = if batch_first {
        vec![Size::Static(count), Size::Static(longest)]
    } else {
        vec![Size::Static(longest), Size::Static(count)]
    };
    let trailing = b.sizes(like)?.into_iter().skip(1).collect::<Vec<_>>();
    let trailing_pads = vec![0; 2 * trailing.len()];
    sizes.extend(trailing);
    let mut joined = b.full(sizes, padding, &b.options_of(like)?)?;
    let pads_left = b.string("padding_side")? == "left";
    let dim = i64::from(!batch_first);
    for (index, (sequence, length)) in (0..).zip(sequences.iter().zip(&lengths)) {
        let mut pads = trailing_pads.clone();
        let missing = longest.saturating_sub(*length);
        pads.extend(if pads_left {
            [missing, 0]
        } else {
            [0, missing]
        });
        let row = b.op_value(
            "aten.constant_pad_nd.default",
            args![*sequence, pads, padding],
        )?;
        let args = args![joined, row, dim, i64::from(index)];
        joined = b.op_value("aten.select_scatter.default", args)?;
    }
    single(joined)
}

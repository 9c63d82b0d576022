//! Other sizes and orders of dimensions for the same elements.
//!
//! A view where the strides allow one, a copy in row-major order elsewhere: the types of the operands tell.

use expc_dialects::Argument;
use melior::ir::Value;

use super::{Rule, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single},
    shape::{self, MemoryFormat},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten._unpack_dual.default", unpack_dual),
    ("aten._reshape_alias.default", to_view),
    ("aten._unsafe_view.default", to_view),
    ("aten.adjoint.default", adjoint),
    ("aten.atleast_1d.Sequence", at_least_each::<1>),
    ("aten.atleast_1d.default", at_least::<1>),
    ("aten.atleast_2d.Sequence", at_least_each::<2>),
    ("aten.atleast_2d.default", at_least::<2>),
    ("aten.atleast_3d.Sequence", at_least_each::<3>),
    ("aten.atleast_3d.default", at_least::<3>),
    ("aten.broadcast_tensors.default", broadcast_tensors),
    ("aten.broadcast_to.default", broadcast_to),
    ("aten.contiguous.default", contiguous),
    ("aten.data.default", detach),
    ("aten.detach.default", detach),
    ("aten.expand_as.default", expand_as),
    ("aten.flatten.using_ints", flatten),
    ("aten.linalg_diagonal.default", linalg_diagonal),
    ("aten.mH.default", adjoint),
    ("aten.mT.default", matrix_transpose),
    ("aten.matrix_H.default", adjoint),
    ("aten.moveaxis.int", movedim),
    ("aten.moveaxis.intlist", movedim),
    ("aten.movedim.int", movedim),
    ("aten.movedim.intlist", movedim),
    ("aten.narrow.Tensor", narrow_tensor),
    ("aten.narrow.default", narrow),
    ("aten.numpy_T.default", numpy_t),
    ("aten.ravel.default", ravel),
    ("aten.reshape.default", reshape),
    ("aten.reshape_as.default", reshape_as),
    ("aten.squeeze.default", squeeze),
    ("aten.squeeze.dim", squeeze_dim),
    ("aten.sum_to_size.default", sum_to_size),
    ("aten.swapaxes.default", transpose),
    ("aten.swapdims.default", transpose),
    ("aten.t.default", t),
    ("aten.transpose.int", transpose),
    ("aten.unflatten.int", unflatten),
    ("aten.view_as.default", view_as),
];

// unpack_dual(x) = (x, None): there are no tangents in an exported program
fn unpack_dual<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    Ok(vec![Some(b.unary("alias", b.tensor("dual")?)?), None])
}

// reshape(x, s) = view(x, s) where the strides of x have such a view, else view(clone(x), s).
fn reshape<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, sizes) = (b.tensor("self")?, b.size_list("shape")?);
    single(reshaped(b, x, sizes)?)
}

fn reshaped<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    sizes: Vec<Size<'c, 'a>>,
) -> Rewritten<Value<'c, 'a>> {
    if b.is_contiguous(x)? {
        return b.view(x, sizes);
    }
    let sizes = inferred(b, x, sizes)?;
    let symbolic: Vec<shape::Size> = sizes.iter().map(Size::to_shape).collect();
    match shape::view_of(b.env(), &*b.strided(x)?, &symbolic) {
        Ok(Some(_)) => b.view(x, sizes),
        Ok(None) => b.view(b.copy(x)?, sizes),
        Err(reason) => refuse(reason.to_string()),
    }
}

/// Sizes for as many elements as a tensor has: the one that is -1 is computed.
fn inferred<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    mut sizes: Vec<Size<'c, 'a>>,
) -> Rewritten<Vec<Size<'c, 'a>>> {
    let Some(open) = sizes.iter().position(|size| size.as_static() == Some(-1)) else {
        return Ok(sizes);
    };
    sizes.remove(open);
    let rest = b.product(&sizes)?;
    let count = b.product(&b.sizes(x)?)?;
    sizes.insert(open, b.size_floordiv(&count, &rest)?);
    Ok(sizes)
}

// reshape_as(x, y) = reshape(x, sizes of y)
fn reshape_as<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(reshaped(
        b,
        b.tensor("self")?,
        b.sizes(b.tensor("other")?)?,
    )?)
}

// view_as(x, y) = view(x, sizes of y)
fn view_as<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.view(b.tensor("self")?, b.sizes(b.tensor("other")?)?)?)
}

// _unsafe_view(x, s) = _reshape_alias(x, s, _) = view(x, s)
fn to_view<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.view(b.tensor("self")?, b.size_list("size")?)?)
}

// ravel(x) = reshape(contiguous(x), [-1])
fn ravel<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.contiguous(b.tensor("self")?)?;
    single(b.view(x, [Size::Static(-1)])?)
}

// flatten(x, i, j) = x for i = j, else reshape with the product of the sizes i..=j
fn flatten<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let start = b.dimension(x, b.int("start_dim")?)?;
    let end = b.dimension(x, b.int("end_dim")?)?;
    if b.rank(x)? == 0 {
        return single(reshaped(b, x, vec![Size::Static(1)])?);
    }
    if start == end {
        return single(x);
    }
    let sizes = b.sizes(x)?;
    let (Some(before), Some(merged), Some(after)) = (
        sizes.get(..start),
        sizes.get(start..=end),
        sizes.get(end + 1..),
    ) else {
        return refuse(format!("dimension {end} is before {start}"));
    };
    let mut flat = before.to_vec();
    flat.push(b.product(merged)?);
    flat.extend_from_slice(after);
    single(reshaped(b, x, flat)?)
}

// unflatten(x, d, s) = view(x, sizes of x with s in the place of d)
fn unflatten<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let dim = b.dimension(x, b.int("dim")?)?;
    let mut sizes = b.sizes(x)?;
    let Some(split) = sizes.get(dim).cloned() else {
        return refuse("a tensor without dimensions has none to take apart");
    };
    let mut parts = b.size_list("sizes")?;
    if let Some(open) = parts.iter().position(|size| size.as_static() == Some(-1)) {
        parts.remove(open);
        let rest = b.product(&parts)?;
        parts.insert(open, b.size_floordiv(&split, &rest)?);
    }
    sizes.splice(dim..=dim, parts);
    single(b.view(x, sizes)?)
}

// contiguous(x, f) = x if x is in the memory format f, else clone(x, f)
fn contiguous<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let format = b
        .memory_format("memory_format")
        .unwrap_or(MemoryFormat::Contiguous);
    if b.strided(x)?.is_contiguous_in(b.env(), format) {
        return single(x);
    }
    single(b.clone_in(x, format)?)
}

// transpose(x, i, j) = permute(x, the identity with i and j exchanged); alias(x) where nothing moves
fn transpose<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let (first, second) = match (b.int("dim0"), b.int("dim1")) {
        (Ok(first), Ok(second)) => (first, second),
        _ => (b.int("axis0")?, b.int("axis1")?),
    };
    single(transposed(b, x, first, second)?)
}

fn transposed<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    first: i64,
    second: i64,
) -> Rewritten<Value<'c, 'a>> {
    let rank = b.rank(x)?;
    let (from, to) = (b.dimension(x, first)?, b.dimension(x, second)?);
    if rank <= 1 || first == second {
        return alias(b, x);
    }
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(from, to);
    b.permute(x, dims(&order))
}

/// Dimensions as an argument takes them.
pub(super) fn dims(order: &[usize]) -> Vec<i64> {
    order
        .iter()
        .map(|dim| i64::try_from(*dim).unwrap_or(i64::MAX))
        .collect()
}

fn alias<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    b.op_value("aten.alias.default", args![x])
}

// t(x) = transpose(x, 0, 1) for a matrix, alias(x) below
fn t<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    match b.rank(x)? {
        0 | 1 => single(alias(b, x)?),
        2 => single(transposed(b, x, 0, 1)?),
        rank => refuse(format!(
            "`t` of a tensor of rank {rank}, at most 2 is allowed"
        )),
    }
}

// mT(x) = transpose(x, -2, -1)
fn matrix_transpose<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.transpose(b.tensor("self")?, -2, -1)?)
}

// mH(x) = conj(mT(x)); the conjugate of a real tensor is itself
fn adjoint<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let transposed = if b.rank(x)? == 0 {
        x
    } else {
        b.transpose(x, -2, -1)?
    };
    single(conjugate(b, transposed)?)
}

/// The conjugate of a complex tensor; a real one itself.
pub(super) fn conjugate<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    if !b.dtype_of(x)?.is_complex() {
        return Ok(x);
    }
    b.op_value("aten._conj.default", args![x])
}

// numpy_T(x) = permute(x, the dimensions backwards)
fn numpy_t<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let order: Vec<usize> = (0..b.rank(x)?).rev().collect();
    single(b.permute(x, dims(&order))?)
}

// movedim(x, s, d) = permute(x, o) with o[d[i]] = s[i] and the other dimensions in their order
fn movedim<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let rank = b.rank(x)?;
    if rank == 0 {
        return single(alias(b, x)?);
    }
    let wrapped = |name: &str| -> Rewritten<Vec<usize>> {
        let dims = b.ints(name)?;
        dims.iter().map(|dim| b.dimension(x, *dim)).collect()
    };
    let (sources, destinations) = (wrapped("source")?, wrapped("destination")?);
    let mut order: Vec<Option<usize>> = vec![None; rank];
    for (source, destination) in sources.iter().zip(&destinations) {
        if let Some(place) = order.get_mut(*destination) {
            *place = Some(*source);
        }
    }
    let mut others = (0..rank).filter(|dim| !sources.contains(dim));
    let order: Option<Vec<usize>> = order
        .into_iter()
        .map(|place| place.or_else(|| others.next()))
        .collect();
    match order {
        Some(order) if others.next().is_none() => single(b.permute(x, dims(&order))?),
        _ => refuse("the dimensions to move and their places do not match"),
    }
}

// expand_as(x, y) = expand(x, sizes of y)
fn expand_as<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.expand(b.tensor("self")?, b.sizes(b.tensor("other")?)?)?)
}

// broadcast_to(x, s) = expand(x, s)
fn broadcast_to<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.expand(b.tensor("self")?, b.size_list("size")?)?)
}

// broadcast_tensors(x, y, ...) = each expanded to the sizes of all together; itself where it has them
fn broadcast_tensors<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let tensors = b.tensors("tensors")?;
    let target = broadcast_sizes(b, &tensors)?;
    tensors
        .into_iter()
        .map(|x| {
            let sizes = b.sizes(x)?;
            let fits = sizes.len() == target.len()
                && sizes
                    .iter()
                    .zip(&target)
                    .all(|(size, wanted)| b.sizes_equal(size, wanted));
            let value = if fits {
                x
            } else {
                b.expand(x, target.clone())?
            };
            Ok(Some(value))
        })
        .collect()
}

/// The sizes that tensors broadcast to: in each dimension the one that is not 1.
pub(super) fn broadcast_sizes<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    tensors: &[Value<'c, 'a>],
) -> Rewritten<Vec<Size<'c, 'a>>> {
    let mut target: Vec<Size> = Vec::new();
    for tensor in tensors {
        let mut sizes = b.sizes(*tensor)?;
        if sizes.len() > target.len() {
            std::mem::swap(&mut sizes, &mut target);
        }
        for (wanted, size) in target.iter_mut().rev().zip(sizes.into_iter().rev()) {
            if b.size_is(wanted, 1) {
                *wanted = size;
            }
        }
    }
    Ok(target)
}

/// The sizes that two tensors of one rank broadcast to in all dimensions but one.
pub(super) fn broadcast_sizes_but<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    left: Value<'c, 'a>,
    right: Value<'c, 'a>,
    dim: usize,
) -> Rewritten<Vec<Size<'c, 'a>>> {
    let (mut sizes, others) = (b.sizes(left)?, b.sizes(right)?);
    if sizes.len() != others.len() {
        return refuse(format!("ranks {} and {} differ", sizes.len(), others.len()));
    }
    for (at, (size, other)) in sizes.iter_mut().zip(others).enumerate() {
        if at != dim && b.size_is(size, 1) {
            *size = other;
        }
    }
    Ok(sizes)
}

// sum_to_size(x, s) = sum over the dimensions that expanding from s to the sizes of x repeats, viewed as s
fn sum_to_size<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, target) = (b.tensor("self")?, b.size_list("size")?);
    if target.is_empty() {
        return single(b.op_value("aten.sum.default", args![x])?);
    }
    let sizes = b.sizes(x)?;
    let Some(leading) = sizes.len().checked_sub(target.len()) else {
        return refuse("the sum has more dimensions than the tensor");
    };
    let mut summed: Vec<usize> = (0..leading).collect();
    for (at, (size, wanted)) in sizes.iter().skip(leading).zip(&target).enumerate() {
        if b.size_is(wanted, 1) && !b.size_is(size, 1) {
            summed.push(at + leading);
        }
    }
    let mut value = x;
    if !summed.is_empty() {
        value = b.op_value("aten.sum.dim_IntList", args![x, dims(&summed), true])?;
    }
    single(if leading > 0 {
        b.view(value, target)?
    } else {
        value
    })
}

// squeeze(x) = squeeze(x, all dimensions)
fn squeeze<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let all: Vec<usize> = (0..b.rank(x)?).collect();
    single(b.op_value("aten.squeeze.dims", args![x, dims(&all)])?)
}

// squeeze(x, d) = squeeze(x, [d])
fn squeeze_dim<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, dim) = (b.tensor("self")?, b.int("dim")?);
    single(b.op_value("aten.squeeze.dims", args![x, vec![dim]])?)
}

// atleast_nd(x) = x with dimensions of size 1 added
fn at_least<'c, 'a, const RANK: usize>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(with_rank(b, b.tensor("self")?, RANK)?)
}

fn at_least_each<'c, 'a, const RANK: usize>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    b.tensors("tensors")?
        .into_iter()
        .map(|x| with_rank(b, x, RANK).map(Some))
        .collect()
}

/// A tensor of at least this rank (up to 3): rows get a dimension before, matrices one behind.
pub(super) fn with_rank<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    rank: usize,
) -> Rewritten<Value<'c, 'a>> {
    match (b.rank(x)?, rank) {
        (0, 1..) => reshaped(b, x, vec![Size::Static(1); rank]),
        (1, 2) => b.unsqueeze(x, 0),
        (1, 3) => b.unsqueeze(b.unsqueeze(x, 0)?, -1),
        (2, 3) => b.unsqueeze(x, -1),
        _ => Ok(x),
    }
}

// narrow(x, d, start, n) = slice(x, d, start, start + n), start counted from the front
fn narrow<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let dim = b.int("dim")?;
    let (mut start, length) = (b.size("start")?, b.size("length")?);
    if start.as_static().is_some_and(|start| start < 0) {
        start = b.size_add(&start, &b.size_of(x, b.dimension(x, dim)?)?)?;
    }
    single(sliced(b, x, dim, &start, &length)?)
}

// narrow(x, d, t, n) = narrow(x, d, item(t), n)
fn narrow_tensor<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, start) = (b.tensor("self")?, b.tensor("start")?);
    let start = b.op_value("aten.item.default", args![start])?;
    let length: Argument = b.size("length")?.into();
    single(b.op_value(
        "aten.narrow.default",
        args![x, b.int("dim")?, start, length],
    )?)
}

/// The part of `length` behind `start`.
pub(super) fn sliced<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    dim: i64,
    start: &Size<'c, 'a>,
    length: &Size<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let end = b.size_add(start, length)?;
    b.op_value("aten.slice.Tensor", args![x, dim, start.clone(), end])
}

// linalg_diagonal(x, o, i, j) = diagonal(x, o, i, j)
fn linalg_diagonal<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let args = args![
        b.tensor("A")?,
        b.int("offset")?,
        b.int("dim1")?,
        b.int("dim2")?
    ];
    single(b.op_value("aten.diagonal.default", args)?)
}

// detach(x) = data(x) = alias(x): what a program computes has no gradients
fn detach<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(alias(b, b.tensor("self")?)?)
}

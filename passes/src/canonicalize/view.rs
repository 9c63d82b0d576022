//! Views of views, and views that show what they are of.

use expc_dialects::{Argument, Constant};
use melior::ir::Value;

use crate::{
    args,
    driver::Row,
    pattern::{Replacement, Rewrite, Rewritten, Size, refuse, single},
    shape,
};

type Answer<'c, 'a> = Rewritten<Replacement<'c, 'a>>;

pub(super) const RULES: &[Row] = &[
    (
        "view_of_same",
        "aten.view.default aten._unsafe_view.default aten.reshape.default aten.expand.default aten.slice.Tensor \
         aten.squeeze.default aten.squeeze.dim aten.squeeze.dims aten.alias.default aten.contiguous.default \
         aten.flatten.using_ints aten.unflatten.int aten.narrow.default",
        view_of_same,
    ),
    (
        "view_of_view",
        "aten.view.default aten._unsafe_view.default aten.reshape.default",
        view_of_view,
    ),
    (
        "permute_of_same",
        "aten.permute.default aten.transpose.int aten.t.default",
        permute_of_same,
    ),
    (
        "permute_of_permute",
        "aten.permute.default aten.transpose.int aten.t.default",
        permute_of_permute,
    ),
    (
        "squeeze_of_unsqueeze",
        "aten.squeeze.dim aten.squeeze.dims",
        squeeze_of_unsqueeze,
    ),
    (
        "select_of_unsqueeze",
        "aten.select.int",
        select_of_unsqueeze,
    ),
    (
        "unsqueeze_of_squeeze",
        "aten.unsqueeze.default",
        unsqueeze_of_squeeze,
    ),
    ("expand_of_expand", "aten.expand.default", expand_of_expand),
    ("slice_of_slice", "aten.slice.Tensor", slice_of_slice),
];

// view(x, sizes of x) = x, for the views that keep the order of elements
fn view_of_same<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    match is_settled(b, x)? {
        true => single(x),
        false => refuse("the view may give other strides to dimensions of size 1"),
    }
}

/// Whether views give a tensor the strides that are recorded: kernels choose those of dimensions of size 1 anew.
fn is_settled<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<bool> {
    let tensor = b.strided(x)?;
    let may_be_one = |size: &shape::Size| size.as_int().is_none_or(|size| size <= 1);
    Ok(!tensor.sizes.iter().any(may_be_one) || shape::is_row_major(&tensor.sizes, &tensor.strides))
}

/// Views that keep the order of elements, and give up nothing.
const RESHAPING: &[&str] = &[
    "aten.view.default",
    "aten._unsafe_view.default",
    "aten.unsqueeze.default",
    "aten.squeeze.default",
    "aten.squeeze.dim",
    "aten.squeeze.dims",
];

// view(f(x), s) = view(x, s), for f that keeps the elements and their order
fn view_of_view<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let inner = b.producer(b.tensor("self")?)?;
    let (outer_name, inner_name) = (b.op().name(), inner.op().name());
    let both_copy = outer_name == inner_name && outer_name == "aten.reshape.default";
    if !both_copy && !RESHAPING.contains(&inner_name.as_str()) {
        return refuse("no view of a view");
    }
    let size = match outer_name.as_str() {
        "aten.reshape.default" => "shape",
        _ => "size",
    };
    let Some(size) = b.arg(size) else {
        return refuse("a view without sizes");
    };
    let x = inner.tensor("self")?;
    let view = b.op_value(&outer_name, args![x, size])?;
    match is_settled(b, x)? && is_settled(b, view)? {
        true => single(view),
        false => refuse("the view may give other strides to dimensions of size 1"),
    }
}

/// The order of dimensions that an op puts its operand into; refuses what does no such thing.
fn order<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<(Value<'c, 'a>, Vec<usize>)> {
    let x = match b.op().name().as_str() {
        "aten.permute.default" | "aten.transpose.int" | "aten.t.default" => b.tensor("self")?,
        _ => return refuse("no other order of dimensions"),
    };
    let mut order: Vec<usize> = (0..b.rank(x)?).collect();
    match b.op().name().as_str() {
        "aten.permute.default" => {
            let dims = b.ints("dims")?;
            order = dims
                .iter()
                .map(|dim| b.dimension(x, *dim))
                .collect::<Rewritten<_>>()?;
        }
        "aten.t.default" => order.reverse(),
        _ => {
            let dims = (
                b.dimension(x, b.int("dim0")?)?,
                b.dimension(x, b.int("dim1")?)?,
            );
            if !order.is_empty() {
                order.swap(dims.0, dims.1);
            }
        }
    }
    if order.len() != b.rank(x)? {
        return refuse("dimensions are left out");
    }
    Ok((x, order))
}

// permute(x, 0 1 2 ...) = x
fn permute_of_same<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, order) = order(b)?;
    match order.iter().copied().eq(0..order.len()) {
        true => single(x),
        false => refuse("another order"),
    }
}

// permute(permute(x, p), q) = permute(x, p[q])
fn permute_of_permute<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (between, outer) = order(b)?;
    let (x, inner) = order(&b.producer(between)?)?;
    let composed: Option<Vec<i64>> = outer
        .iter()
        .map(|dim| i64::try_from(*inner.get(*dim)?).ok())
        .collect();
    let Some(composed) = composed else {
        return refuse("orders of two ranks");
    };
    if composed
        .iter()
        .copied()
        .zip(0..)
        .all(|(dim, own)| dim == own)
    {
        return single(x);
    }
    single(b.permute(x, composed)?)
}

// squeeze(unsqueeze(x, d), d) = x
fn squeeze_of_unsqueeze<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let between = b.tensor("self")?;
    let dims = b.ints("dim")?;
    let [dim] = dims.as_slice() else {
        return refuse("several dimensions");
    };
    single(below_unsqueeze(b, between, b.dimension(between, *dim)?)?)
}

// select(unsqueeze(x, d), d, 0) = x
fn select_of_unsqueeze<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let between = b.tensor("self")?;
    if !matches!(b.int("index")?, 0 | -1) {
        return refuse("an index that is not there");
    }
    single(below_unsqueeze(
        b,
        between,
        b.dimension(between, b.int("dim")?)?,
    )?)
}

/// The tensor that was given this dimension.
fn below_unsqueeze<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    between: Value<'c, 'a>,
    dim: usize,
) -> Rewritten<Value<'c, 'a>> {
    let inner = b.producer(between)?;
    if inner.op().name() != "aten.unsqueeze.default"
        || b.dimension(between, inner.int("dim")?)? != dim
    {
        return refuse("the dimension was there before");
    }
    inner.tensor("self")
}

// unsqueeze(squeeze(x, d), d) = x, where x has size 1 there; types tell
fn unsqueeze_of_squeeze<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let inner = b.producer(b.tensor("self")?)?;
    match inner.op().name().as_str() {
        "aten.squeeze.dim" | "aten.squeeze.dims" | "aten.squeeze.default" => {
            single(inner.tensor("self")?)
        }
        _ => refuse("no squeezed tensor"),
    }
}

// expand(expand(x, s), t) = expand(x, t)
fn expand_of_expand<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let between = b.tensor("self")?;
    let inner = b.producer(between)?;
    if inner.op().name() != b.op().name() {
        return refuse("no expansion of an expansion");
    }
    let mut sizes = b.size_list("size")?;
    let kept = b.strided(between)?;
    let added = sizes.len().saturating_sub(kept.rank());
    for (size, kept) in sizes.iter_mut().skip(added).zip(&kept.sizes) {
        if size.as_static() == Some(-1) {
            match kept.as_int() {
                Some(kept) => *size = Size::Static(kept),
                None => return refuse("a kept size is symbolic"),
            }
        }
    }
    single(b.expand(inner.tensor("self")?, sizes)?)
}

/// A slice of a dimension of known size: its first element and its step.
struct Slice<'c, 'a> {
    of: Value<'c, 'a>,
    dim: usize,
    size: i64,
    start: i64,
    step: i64,
}

impl<'c, 'a> Slice<'c, 'a> {
    fn read(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Self> {
        if b.op().name() != "aten.slice.Tensor" {
            return refuse("no slice");
        }
        let of = b.tensor("self")?;
        let dim = b.dimension(of, b.int("dim")?)?;
        let Some(size) = b.strided(of)?.sizes.get(dim).and_then(|size| size.as_int()) else {
            return refuse("the size is symbolic");
        };
        let start = match b.arg("start") {
            None => 0,
            Some(Argument::Constant(Constant::Int(start))) => start,
            Some(_) => return refuse("the start is symbolic"),
        };
        let start = match start < 0 {
            true => start.saturating_add(size),
            false => start,
        };
        Ok(Self {
            of,
            dim,
            size,
            start: start.clamp(0, size),
            step: b.int("step")?,
        })
    }
}

// slice(slice(x, a, step s), b, step t) = slice(x, a + s * b, step s * t), for as many elements
fn slice_of_slice<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let outer = Slice::read(b)?;
    let inner = Slice::read(&b.producer(outer.of)?)?;
    let result = b.result_meta(0)?.sizes;
    let count = result
        .as_deref()
        .and_then(|sizes| sizes.get(outer.dim)?.as_static());
    let (true, Some(count @ 1..)) = (outer.dim == inner.dim, count) else {
        return refuse("slices of two dimensions, or nothing is left");
    };
    let composed = || {
        let start = inner
            .start
            .checked_add(inner.step.checked_mul(outer.start)?)?;
        let step = inner.step.checked_mul(outer.step)?;
        let last = step.checked_mul(count.checked_sub(1)?)?;
        let end = start.checked_add(last)?.checked_add(1)?;
        (end <= inner.size).then_some((start, end, step))
    };
    let Some((start, end, step)) = composed() else {
        return refuse("the slice leaves the tensor");
    };
    let dim = i64::try_from(inner.dim).unwrap_or(i64::MAX);
    single(b.op_value("aten.slice.Tensor", args![inner.of, dim, start, end, step])?)
}

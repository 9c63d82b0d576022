//! Elements picked and put by index or mask, and what sorting answers.

use expc_dialects::{Argument, Constant, ScalarType};
use melior::ir::Value;

use super::{Rule, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten._unsafe_index.Tensor", unsafe_index),
    ("aten._unsafe_index_put.default", unsafe_index_put),
    ("aten._unsafe_masked_index.default", masked_index),
    (
        "aten._unsafe_masked_index_put_accumulate.default",
        masked_index_put,
    ),
    ("aten.argsort.default", argsort),
    ("aten.argsort.stable", argsort_stable),
    ("aten.argwhere.default", argwhere),
    ("aten.gather_backward.default", gather_backward),
    ("aten.index_add.default", index_add),
    ("aten.index_copy.default", index_copy),
    ("aten.index_fill.int_Scalar", index_fill),
    ("aten.index_fill.int_Tensor", index_fill),
    ("aten.index_select_backward.default", index_select_backward),
    ("aten.isin.Scalar_Tensor", isin),
    ("aten.isin.Tensor_Scalar", isin),
    ("aten.isin.Tensor_Tensor", isin),
    (
        "aten.masked_select_backward.default",
        masked_select_backward,
    ),
    ("aten.msort.default", msort),
    ("aten.nonzero_numpy.default", nonzero_numpy),
    ("aten.one_hot.default", one_hot),
    ("aten.select_backward.default", select_backward),
    ("aten.select_scatter.default", select_scatter),
    ("aten.slice_backward.default", slice_backward),
    ("aten.take.default", take),
    ("aten.take_along_dim.default", take_along_dim),
    (
        "aten.value_selecting_reduction_backward.default",
        selection_backward,
    ),
    ("aten.where.default", nonzero_numpy),
];

impl<'c: 'a, 'a> Rewrite<'_, 'c, 'a> {
    /// `aten.index_put` along one dimension.
    pub(super) fn index_put(
        &self,
        x: Value<'c, 'a>,
        dim: i64,
        index: Value<'c, 'a>,
        values: Value<'c, 'a>,
        accumulate: bool,
    ) -> Rewritten<Value<'c, 'a>> {
        let dim = self.dimension(x, dim)?;
        let mut indices: Vec<Argument> = vec![().into(); dim];
        indices.push(index.into());
        let indices: Argument = indices.into();
        self.op_value(
            "aten.index_put.default",
            args![x, indices, values, accumulate],
        )
    }

    /// `x[indices]`.
    fn index(&self, x: Value<'c, 'a>, indices: Vec<Argument<'c, 'a>>) -> Rewritten<Value<'c, 'a>> {
        let indices: Argument = indices.into();
        self.op_value("aten.index.Tensor", args![x, indices])
    }
}

/// The elements of a list of optional tensors.
fn optional_tensors<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, name: &str) -> Vec<Option<Value<'c, 'a>>> {
    let elements = b.arg(name).and_then(|list| list.elements());
    let elements = elements.unwrap_or_default();
    elements.iter().map(Argument::as_value).collect()
}

// _unsafe_index(x, i) = x[i]
fn unsafe_index<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    b.renamed("aten.index.Tensor")
}

// _unsafe_index_put(x, i, v) = index_put(x, i, v)
fn unsafe_index_put<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    b.renamed("aten.index_put.default")
}

/// The indices, each kept within the bounds of its dimension.
fn clamped<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    lowest: impl Fn(&Size<'c, 'a>) -> Rewritten<Size<'c, 'a>>,
) -> Rewritten<Vec<Argument<'c, 'a>>> {
    let indices = optional_tensors(b, "indices");
    let clamp = |(dim, index): (usize, Option<Value<'c, 'a>>)| {
        let Some(index) = index else {
            return Ok(().into());
        };
        let size = b.size_of(x, dim)?;
        let highest = b.size_sub(&size, &Size::Static(1))?;
        let args = args![index, lowest(&size)?, highest];
        b.op_value("aten.clamp.default", args).map(Argument::from)
    };
    indices.into_iter().enumerate().map(clamp).collect()
}

// _unsafe_masked_index(x, m, i, v) = m ? x[i kept within bounds] : v
fn masked_index<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, mask) = (b.tensor("self")?, b.tensor("mask")?);
    let Some(fill) = b.arg("fill") else {
        return refuse("no value to fill with");
    };
    if b.strided(x)?.is_empty(b.env()) {
        let indices = optional_tensors(b, "indices");
        let indices = indices.into_iter().map(Argument::from).collect();
        let sizes = b.sizes(b.index(x, indices)?)?;
        return single(b.full(sizes, fill, &b.options_of(x)?)?);
    }
    let indices = clamped(b, x, |_| Ok(Size::Static(0)))?;
    let args = vec![x.into(), indices.into()];
    let picked = b.op_value("aten._unsafe_index.Tensor", args)?;
    let outside = b.op_value("aten.bitwise_not.default", args![mask])?;
    let args = vec![picked.into(), outside.into(), fill];
    single(b.op_value("aten.masked_fill.Scalar", args)?)
}

// _unsafe_masked_index_put_accumulate(x, m, i, v) = x with m ? v : 0 added at i kept within bounds
fn masked_index_put<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, mask) = (b.tensor("self")?, b.tensor("mask")?);
    if b.strided(x)?.is_empty(b.env()) {
        return single(b.op_value("aten.clone.default", args![x])?);
    }
    let indices = clamped(b, x, |size| b.size_sub(&Size::Static(0), size))?;
    let outside = b.op_value("aten.bitwise_not.default", args![mask])?;
    let args = args![b.tensor("values")?, outside, 0];
    let values = b.op_value("aten.masked_fill.Scalar", args)?;
    let args = vec![x.into(), indices.into(), values.into(), true.into()];
    single(b.op_value("aten._unsafe_index_put.default", args)?)
}

/// A tensor without dimensions as a row of one, and whether it was one.
fn as_row<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<(Value<'c, 'a>, bool)> {
    let is_scalar = b.rank(x)? == 0;
    let row = if is_scalar { b.unsqueeze(x, 0)? } else { x };
    Ok((row, is_scalar))
}

/// The answer of an op that puts elements into a row, or a copy of it in row-major order.
fn put_into<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    is_scalar: bool,
) -> Rewritten<Value<'c, 'a>> {
    if is_scalar {
        b.squeeze(value, 0)
    } else {
        b.contiguous(value)
    }
}

// index_add(x, d, i, y, alpha) = index_put(x, i at d, alpha * y, accumulate)
fn index_add<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let mut source = b.tensor("source")?;
    match b.arg("alpha") {
        Some(Argument::Constant(
            Constant::Int(1) | Constant::Bool(true) | Constant::Float(1.0),
        ))
        | None => {}
        Some(alpha) => source = b.mul(source, alpha)?,
    }
    let (x, is_scalar) = as_row(b, b.tensor("self")?)?;
    let summed = b.index_put(x, b.int("dim")?, b.tensor("index")?, source, true)?;
    single(put_into(b, summed, is_scalar)?)
}

// index_copy(x, d, i, y) = index_put(x, i at d, y)
fn index_copy<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, is_scalar) = as_row(b, b.tensor("self")?)?;
    let (index, _) = as_row(b, b.tensor("index")?)?;
    let copied = b.index_put(x, b.int("dim")?, index, b.tensor("source")?, false)?;
    single(put_into(b, copied, is_scalar)?)
}

// index_fill(x, d, i, v) = index_copy(x, d, i, v expanded)
fn index_fill<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let given = b.tensor("self")?;
    let value = match b.arg("value") {
        Some(Argument::Value(value)) if b.rank(value).is_ok() => value,
        Some(number) => b.scalar_tensor(number, b.dtype_of(given)?, given)?,
        None => return refuse("no value to fill with"),
    };
    let (x, is_scalar) = as_row(b, given)?;
    let index = b.tensor("index")?;
    let dim = b.int("dim")?;
    let mut sizes = b.sizes(x)?;
    if let Some(size) = sizes.get_mut(b.dimension(x, dim)?) {
        *size = b.product(&b.sizes(index)?)?;
    }
    let values = b.expand(value, sizes)?;
    let args = args![x, dim, index, values];
    let filled = b.op_value("aten.index_copy.default", args)?;
    if is_scalar {
        let scalar = b.squeeze(filled, 0)?;
        return single(b.op_value("aten.clone.default", args![scalar])?);
    }
    single(filled)
}

// select_scatter(x, y, d, i)[..., j, ...] = j == i ? y : x
fn select_scatter<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, source) = (b.tensor("self")?, b.tensor("src")?);
    let dim = b.dimension(x, b.int("dim")?)?;
    let size = b.size_of(x, dim)?;
    let mut index = b.size("index")?;
    if index.as_static().is_some_and(|index| index < 0) {
        index = b.size_add(&index, &size)?;
    }
    let sizes = b.sizes(x)?;
    let mut along = vec![Size::Static(1); sizes.len()];
    if let Some(size) = along.get_mut(dim) {
        *size = Size::Static(-1);
    }
    let places = b.view(b.indices(size, x)?, along)?;
    let mask = b.compare("eq", places, index)?;
    let dim = i64::try_from(dim).unwrap_or(i64::MAX);
    let rows = b.expand(b.unsqueeze(source, dim)?, sizes)?;
    single(b.op_value("aten.where.self", args![mask, rows, x])?)
}

// select_backward(g, s, d, i) = select_scatter(zeros(s), g, d, i)
fn select_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let grad = b.tensor("grad_output")?;
    let zeros = b.zeros(b.size_list("input_sizes")?, &b.options_of(grad)?)?;
    let args = args![zeros, grad, b.int("dim")?, b.size("index")?];
    single(b.op_value("aten.select_scatter.default", args)?)
}

// slice_backward(g, s, d, i, j, step) = slice_scatter(zeros(s), g, d, i, j, step)
fn slice_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let grad = b.tensor("grad_output")?;
    let zeros = b.zeros(b.size_list("input_sizes")?, &b.options_of(grad)?)?;
    let (start, end, step) = (b.size("start")?, b.size("end")?, b.size("step")?);
    let args = args![zeros, grad, b.int("dim")?, start, end, step];
    single(b.op_value("aten.slice_scatter.default", args)?)
}

// index_select_backward(g, s, d, i) = index_add(zeros(s), d, i, g)
fn index_select_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let grad = b.tensor("grad")?;
    let zeros = b.zeros(b.size_list("self_sizes")?, &b.options_of(grad)?)?;
    let args = args![zeros, b.int("dim")?, b.tensor("index")?, grad];
    single(b.op_value("aten.index_add.default", args)?)
}

// gather_backward(g, x, d, i) = scatter_add(zeros of the sizes of x, d, i, g)
fn gather_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    if b.boolean("sparse_grad")? {
        return refuse("the gradient is sparse");
    }
    let grad = b.tensor("grad")?;
    let zeros = b.zeros(b.sizes(b.tensor("self")?)?, &b.options_of(grad)?)?;
    let args = args![zeros, b.int("dim")?, b.tensor("index")?, grad];
    single(b.op_value("aten.scatter_add.default", args)?)
}

// value_selecting_reduction_backward(g, d, i, s) = scatter(zeros(s), d, i, g)
fn selection_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (mut grad, mut index) = (b.tensor("grad")?, b.tensor("indices")?);
    let (sizes, dim) = (b.size_list("sizes")?, b.int("dim")?);
    if !b.boolean("keepdim")? && !sizes.is_empty() {
        grad = b.unsqueeze(grad, dim)?;
        index = b.unsqueeze(index, dim)?;
    }
    let zeros = b.zeros(sizes, &b.options_of(grad)?)?;
    single(b.op_value("aten.scatter.src", args![zeros, dim, index, grad])?)
}

// masked_select_backward(g, x, m) = masked_scatter(zeros of the sizes of x and m together, m, g)
fn masked_select_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, mask) = (b.tensor("input")?, b.tensor("mask")?);
    let sizes = super::view::broadcast_sizes(b, &[x, mask])?;
    let expanded = b.expand(x, sizes)?;
    let zeros = b.op_value("aten.zeros_like.default", args![expanded])?;
    let args = args![zeros, mask, b.tensor("grad")?];
    single(b.op_value("aten.masked_scatter.default", args)?)
}

// take(x, i) = (x flat)[i]
fn take<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let flat = b.reshape(b.tensor("self")?, [Size::Static(-1)])?;
    single(b.index(flat, args![b.tensor("index")?])?)
}

// take_along_dim(x, i, d) = gather(x, d, i mod size of d), both expanded; of x and i flat without d
fn take_along_dim<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, indices) = (b.tensor("self")?, b.tensor("indices")?);
    let Some(dim) = b.optional_int("dim")? else {
        let row = |x| b.view(b.contiguous(x)?, [Size::Static(-1)]);
        let (x, indices) = (row(x)?, row(indices)?);
        return single(b.op_value("aten.gather.default", args![x, 0, indices])?);
    };
    let at = b.dimension(x, dim)?;
    let mut sizes = super::view::broadcast_sizes_but(b, x, indices, at)?;
    let expanded = |x: Value<'c, 'a>, sizes: &mut Vec<Size<'c, 'a>>| {
        if let Some(size) = sizes.get_mut(at) {
            *size = b.size_of(x, at)?;
        }
        b.expand(x, sizes.clone())
    };
    let indices = expanded(indices, &mut sizes)?;
    let x = expanded(x, &mut sizes)?;
    let wrapped = b.op_value("aten.remainder.Scalar", args![indices, b.size_of(x, at)?])?;
    single(b.op_value("aten.gather.default", args![x, dim, wrapped])?)
}

// argsort(x, d) = the indices of sort(x, d)
fn argsort<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let args = args![b.tensor("self")?, b.int("dim")?, b.boolean("descending")?];
    let sorted = b.ops("aten.sort.default", args, &[])?;
    Ok(vec![sorted.get(1).copied()])
}

// argsort(x, d, stable) = the indices of sort(x, d, stable)
fn argsort_stable<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let sorted = b.op_of_given("aten.sort.stable", b.given())?;
    Ok(vec![sorted.get(1).copied()])
}

// msort(x) = the values of sort(x, 0)
fn msort<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let sorted = b.ops("aten.sort.default", args![b.tensor("self")?, 0], &[])?;
    Ok(vec![sorted.first().copied()])
}

// argwhere(x) = nonzero(x)
fn argwhere<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.op_value("aten.nonzero.default", args![b.tensor("self")?])?)
}

// where(x) = nonzero_numpy(x) = the columns of nonzero(x); a tensor without dimensions is a row of one
fn nonzero_numpy<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = match b.tensor("self") {
        Ok(x) => x,
        Err(_) => b.tensor("condition")?,
    };
    let (x, _) = as_row(b, x)?;
    let places = b.op_value("aten.nonzero.default", args![x])?;
    let columns = b.ops("aten.unbind.int", args![places, 1], &[])?;
    Ok(columns.into_iter().map(Some).collect())
}

// one_hot(x, n) = (unsqueeze(x, -1) == arange(n)) as int64
fn one_hot<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, classes) = (b.tensor("self")?, b.int("num_classes")?);
    if classes < 0 {
        return refuse("the number of classes is the largest element, which is data");
    }
    let mut sizes = b.sizes(x)?;
    if sizes.iter().any(|size| b.size_is(size, 0)) {
        sizes.push(Size::Static(classes));
        let args = vec![x.into(), size_argument(sizes)];
        return single(b.op_value("aten.new_empty.default", args)?);
    }
    let range = b.range(Size::Static(0), Size::Static(classes), 1, &b.options_of(x)?)?;
    let hot = b.compare("eq", b.unsqueeze(x, -1)?, range)?;
    b.answer(hot, ScalarType::Int64)
}

// isin(x, y) = any(x == each of y), by sorting y where it is large
fn isin<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let invert = b.boolean("invert")?;
    let test = match b.tensor("test_elements") {
        Ok(test) => test,
        Err(_) => {
            let Some(number) = b.arg("test_element") else {
                return refuse("no elements to look for");
            };
            let relation = if invert { "ne" } else { "eq" };
            return single(b.compare(relation, b.tensor("elements")?, number)?);
        }
    };
    let elements = match (b.tensor("elements"), b.arg("element")) {
        (Ok(elements), _) => elements,
        (_, Some(number)) => number_tensor(b, number, test)?,
        _ => return refuse("no elements to look for"),
    };
    let (count, tests) = (hinted_count(b, elements)?, hinted_count(b, test)?);
    // Torch's own estimate of when sorting pays.
    if tests < 10.0 * count.powf(0.145) {
        return isin_compared(b, elements, test, invert);
    }
    if b.boolean("assume_unique")? {
        return isin_unique(b, elements, test, invert);
    }
    isin_searched(b, elements, test, invert)
}

/// `torch.scalar_tensor(number, device=...)`.
fn number_tensor<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    number: Argument<'c, 'a>,
    like: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let device = Constant::Device(b.meta(like)?.device);
    b.op_with(
        "aten.scalar_tensor.default",
        vec![number],
        &[("device", device.into())],
    )
}

/// The number of elements, or that at export time.
fn hinted_count<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<f64> {
    let count = b.strided(x)?.numel().ok();
    #[allow(clippy::cast_precision_loss, reason = "Python's own conversion")]
    match count.and_then(|count| b.env().hint(&count)) {
        Some(count) => Ok(count as f64),
        None => refuse("the number of elements is data"),
    }
}

fn inverted<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    name: &str,
    value: Value<'c, 'a>,
    invert: bool,
) -> Rewritten<Value<'c, 'a>> {
    if invert {
        b.unary(name, value)
    } else {
        Ok(value)
    }
}

fn isin_compared<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    elements: Value<'c, 'a>,
    test: Value<'c, 'a>,
    invert: bool,
) -> Answer<'c, 'a> {
    if b.strided(elements)?.is_empty(b.env()) {
        let dtype = [("dtype", ScalarType::Bool.into())];
        return single(b.op_with("aten.empty_like.default", args![elements], &dtype)?);
    }
    let rank = b.rank(test)?;
    if rank == 0 {
        let equal = b.compare("eq", elements, test)?;
        return single(inverted(b, "bitwise_not", equal, invert)?);
    }
    let mut sizes = b.sizes(elements)?;
    sizes.extend(vec![Size::Static(1); rank]);
    let equal = b.compare("eq", b.view(elements, sizes)?, test)?;
    let last: Vec<i64> = (1..=i64::try_from(rank).unwrap_or(i64::MAX))
        .map(|dim| -dim)
        .collect();
    let any = b.op_value("aten.any.dims", args![equal, last])?;
    single(inverted(b, "bitwise_not", any, invert)?)
}

fn flat<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    b.op_value("aten.flatten.using_ints", args![x])
}

/// Result of an op by its position.
fn result<'c, 'a>(values: &[Value<'c, 'a>], index: usize) -> Rewritten<Value<'c, 'a>> {
    match values.get(index) {
        Some(value) => Ok(*value),
        None => refuse("an op has fewer results than its schema says"),
    }
}

/// All elements sorted together: those that are equal to their neighbour were in both.
fn isin_unique<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    elements: Value<'c, 'a>,
    test: Value<'c, 'a>,
    invert: bool,
) -> Answer<'c, 'a> {
    let all = b.cat(vec![flat(b, elements)?, flat(b, test)?], 0)?;
    let sorted = b.ops("aten.sort.stable", args![all], &[("stable", true.into())])?;
    let (values, order) = (result(&sorted, 0)?, result(&sorted, 1)?);
    let slice =
        |start: i64, end: i64| b.op_value("aten.slice.Tensor", args![values, 0, start, end]);
    let same = b.compare("eq", slice(1, i64::MAX)?, slice(0, -1)?)?;
    let same = args![same, vec![0_i64, 1], false];
    let same = b.op_value("aten.constant_pad_nd.default", same)?;
    let same = inverted(b, "logical_not", same, invert)?;
    let mask = b.op_value("aten.empty_like.default", args![same])?;
    let mask = b.op_value("aten.index_copy.default", args![mask, 0, order, same])?;
    let sizes = b.sizes(elements)?;
    let count = b.product(&sizes)?;
    let own = b.op_value("aten.slice.Tensor", args![mask, 0, 0, count])?;
    single(b.reshape(own, sizes)?)
}

/// Each element is compared with what stands at the place where it would be put among the sorted tests.
fn isin_searched<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    elements: Value<'c, 'a>,
    test: Value<'c, 'a>,
    invert: bool,
) -> Answer<'c, 'a> {
    let (flat_elements, flat_test) = (flat(b, elements)?, flat(b, test)?);
    let sorted = result(&b.ops("aten.sort.default", args![flat_test], &[])?, 0)?;
    let place = b.op_value("aten.searchsorted.Tensor", args![sorted, flat_elements])?;
    let count = b.product(&b.sizes(sorted)?)?;
    let inside = b.select(b.compare("lt", place, count)?, place, 0)?;
    let found = b.index(sorted, args![inside])?;
    let equal = b.compare("eq", found, flat_elements)?;
    let equal = inverted(b, "logical_not", equal, invert)?;
    single(b.reshape(equal, b.sizes(elements)?)?)
}

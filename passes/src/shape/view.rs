//! Ops whose result shows the memory of an operand with other sizes, strides or offset.

use std::rc::Rc;

use expc_dialects::ScalarType;
use expc_symbolic::Relation;

use super::{
    Item, NoInference, Rule, ShapeEnv, Tensor,
    call::Call,
    promote::{complex_of, real_of},
    rules::Row,
    size::Size,
    tensor::contiguous_strides,
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    (
        "aten.alias aten.detach aten.lift_fresh aten._conj aten.conj aten._neg_view aten.positive aten.view_of \
         aten._fw_primal aten.set_data aten.data prims.view_of prims.conj aten.requires_grad_ aten.rename",
        same,
    ),
    ("aten.permute", permute),
    (
        "aten.transpose.int aten.transpose_ aten.swapaxes aten.swapdims aten.swapaxes_ aten.swapdims_",
        transpose,
    ),
    (
        "aten.t aten.numpy_T aten.mT aten.mH aten.matrix_H aten.adjoint",
        transpose_all,
    ),
    ("aten.movedim aten.moveaxis", movedim),
    ("prims.transpose", prims_transpose),
    ("aten.slice.Tensor", slice),
    ("aten.select.int", select),
    ("aten.narrow", narrow),
    ("aten.unsqueeze", unsqueeze),
    ("aten.squeeze prims.squeeze", squeeze),
    ("aten.as_strided prims.as_strided", as_strided),
    ("aten.diagonal aten.linalg_diagonal", diagonal),
    ("aten.unfold", unfold),
    ("aten.view_as_real", view_as_real),
    ("aten.view_as_complex", view_as_complex),
    ("aten.real", real),
    ("aten.imag", imag),
    ("aten.split.Tensor aten.unsafe_split.Tensor", split),
    (
        "aten.split.sizes aten.split_with_sizes aten.unsafe_split_with_sizes",
        split_with_sizes,
    ),
    ("aten.chunk aten.unsafe_chunk", chunk),
    ("aten.tensor_split.sections", tensor_split_sections),
    ("aten.tensor_split.indices", tensor_split_indices),
    (
        "aten.tensor_split.tensor_indices_or_sections",
        tensor_split_tensor,
    ),
    (
        "aten.hsplit.int aten.vsplit.int aten.dsplit.int",
        side_split_sections,
    ),
    (
        "aten.hsplit.array aten.vsplit.array aten.dsplit.array",
        side_split_indices,
    ),
    ("aten.unbind.int", unbind),
    ("aten.view.dtype", view_dtype),
];

/// The operand itself.
pub fn same(call: &Call<'_>) -> Results {
    Ok(vec![shown(&*call.tensor_at(0)?)])
}

/// A tensor that shows another's memory: gradients are not recorded for it.
fn shown(tensor: &Tensor) -> Item {
    Tensor {
        requires_grad: false,
        ..tensor.clone()
    }
    .into()
}

/// The tensor with other sizes and strides.
pub fn restrided(tensor: &Tensor, sizes: Vec<Size>, strides: Vec<Size>) -> Tensor {
    Tensor {
        sizes,
        strides,
        requires_grad: false,
        ..tensor.clone()
    }
}

/// What the rule of a view gives, copied into row-major memory of its own.
pub fn copied(call: &Call<'_>, rule: Rule) -> Results {
    let copy = |item: Item| match item {
        Item::Tensor(tensor) => {
            let strides = contiguous_strides(&tensor.sizes)?;
            let copy = Tensor {
                offset: Size::ZERO,
                ..restrided(&tensor, tensor.sizes.clone(), strides)
            };
            Ok(Item::from(copy))
        }
        other => Ok(other),
    };
    rule(call)?
        .into_iter()
        .map(|item| match item {
            Item::List(items) => items
                .into_iter()
                .map(copy)
                .collect::<Result<_, _>>()
                .map(Item::List),
            item => copy(item),
        })
        .collect()
}

fn in_order(tensor: &Tensor, order: &[usize]) -> Item {
    let pick = |values: &[Size]| {
        order
            .iter()
            .filter_map(|dim| values.get(*dim).cloned())
            .collect()
    };
    restrided(tensor, pick(&tensor.sizes), pick(&tensor.strides)).into()
}

fn permute(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dims = call
        .optional_dims("dims", tensor.rank())?
        .unwrap_or_default();
    permuted(call, &tensor, &dims)
}

fn permuted(call: &Call<'_>, tensor: &Tensor, dims: &[usize]) -> Results {
    let mut sorted = dims.to_vec();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..tensor.rank()) {
        return Err(call.contradiction(format!(
            "{dims:?} is no order of the dimensions of a tensor of rank {}",
            tensor.rank()
        )));
    }
    Ok(vec![in_order(tensor, dims)])
}

fn prims_transpose(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dims = call
        .optional_dims("permutation", tensor.rank())?
        .unwrap_or_default();
    permuted(call, &tensor, &dims)
}

fn transpose(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let mut ends = [0; 2];
    for (end, position) in ends.iter_mut().zip([1, 2]) {
        *end = match call.at(position) {
            Item::Int(Size::Int(dim)) => call.wrap(dim, tensor.rank())?,
            other => return Err(call.unexpected("dim", "a constant int", &other)),
        };
    }
    let mut order: Vec<usize> = (0..tensor.rank()).collect();
    if tensor.rank() > 0 {
        order.swap(ends[0], ends[1]);
    }
    Ok(vec![in_order(&tensor, &order)])
}

/// All dimensions turned round, or the last two of a batch of matrices.
fn transpose_all(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let rank = tensor.rank();
    let mut order: Vec<usize> = (0..rank).collect();
    if call.name.starts_with("aten.numpy_T") {
        order.reverse();
    } else if rank >= 2 {
        order.swap(rank - 2, rank - 1);
    }
    Ok(vec![in_order(&tensor, &order)])
}

fn movedim(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let rank = tensor.rank();
    let sources = call.optional_dims("source", rank)?.unwrap_or_default();
    let targets = call.optional_dims("destination", rank)?.unwrap_or_default();
    let mut slots: Vec<Option<usize>> = vec![None; rank];
    for (source, target) in sources.iter().zip(&targets) {
        if let Some(slot) = slots.get_mut(*target) {
            *slot = Some(*source);
        }
    }
    let mut rest = (0..rank).filter(|dim| !sources.contains(dim));
    let order: Option<Vec<usize>> = slots
        .into_iter()
        .map(|slot| slot.or_else(|| rest.next()))
        .collect();
    match order {
        Some(order) => permuted(call, &tensor, &order),
        None => Err(call.contradiction("sources and destinations do not match")),
    }
}

fn slice(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    if tensor.rank() == 0 {
        return Err(call.contradiction("a tensor without dimensions cannot be sliced"));
    }
    let dim = call.dim("dim", tensor.rank())?;
    let env = call.env;
    let size = tensor.sizes[dim].clone();
    let step = call.size("step")?;
    let start = match call.optional_size("start")? {
        None => Some(Size::ZERO),
        Some(start) => slice_index(env, &size, &start)?,
    };
    let end = match call.optional_size("end")? {
        None | Some(Size::Int(i64::MAX)) => Some(size.clone()),
        Some(end) => slice_index(env, &size, &end)?,
    };
    let length = match (&start, &end) {
        (Some(start), Some(end)) => slice_length(env, start, end, &step)?,
        _ => None,
    };
    let mut result = restrided(&tensor, tensor.sizes.clone(), tensor.strides.clone());
    result.sizes[dim] = length.unwrap_or_else(|| env.unbacked_size(&size));
    result.strides[dim] = tensor.strides[dim].mul(&step)?;
    result.offset = match start {
        Some(start) => tensor.offset.add(&start.mul(&tensor.strides[dim])?)?,
        None => env.unbacked(),
    };
    Ok(vec![result.into()])
}

/// A bound of a slice, between 0 and the size; none if data decide on which side of them it is.
fn slice_index(env: &ShapeEnv<'_>, size: &Size, index: &Size) -> Result<Option<Size>, NoInference> {
    let negated = Size::ZERO.sub(size)?;
    if env.holds(Relation::Ge, index, &Size::ZERO) {
        if env.holds(Relation::Le, index, size) {
            return Ok(Some(index.clone()));
        }
        if env.holds(Relation::Gt, index, size) {
            return Ok(Some(size.clone()));
        }
        return Ok(None);
    }
    if env.holds(Relation::Lt, index, &negated) {
        return Ok(Some(Size::ZERO));
    }
    let is_from_end =
        env.holds(Relation::Lt, index, &Size::ZERO) && env.holds(Relation::Ge, index, &negated);
    Ok(if is_from_end {
        Some(index.add(size)?)
    } else {
        None
    })
}

fn slice_length(
    env: &ShapeEnv<'_>,
    start: &Size,
    end: &Size,
    step: &Size,
) -> Result<Option<Size>, NoInference> {
    if env.holds(Relation::Ge, end, start) {
        let span = end.sub(start)?;
        if step.as_int() == Some(1) {
            return Ok(Some(span));
        }
        let rounded = span.add(step)?.sub(&Size::ONE)?;
        return rounded.floor_div(step).map(Some);
    }
    Ok(env.holds(Relation::Ge, start, end).then_some(Size::ZERO))
}

fn select(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    if tensor.rank() == 0 {
        return Err(call.contradiction("nothing can be selected from a tensor without dimensions"));
    }
    let dim = call.dim("dim", tensor.rank())?;
    let index = call.size("index")?;
    selected(call, &tensor, dim, &index).map(|result| vec![result])
}

fn selected(
    call: &Call<'_>,
    tensor: &Tensor,
    dim: usize,
    index: &Size,
) -> Result<Item, NoInference> {
    let env = call.env;
    let (size, stride) = (&tensor.sizes[dim], &tensor.strides[dim]);
    let negated = Size::ZERO.sub(size)?;
    if env.statically(Relation::Ge, index, size) == Some(true)
        || env.statically(Relation::Lt, index, &negated) == Some(true)
    {
        return Err(call.contradiction(format!("index {index} is out of range for size {size}")));
    }
    let offset = if env.holds(Relation::Ge, index, &Size::ZERO) {
        tensor.offset.add(&index.mul(stride)?)?
    } else if env.holds(Relation::Lt, index, &Size::ZERO) {
        tensor.offset.add(&index.add(size)?.mul(stride)?)?
    } else {
        env.unbacked()
    };
    let mut result = restrided(tensor, tensor.sizes.clone(), tensor.strides.clone());
    result.sizes.remove(dim);
    result.strides.remove(dim);
    result.offset = offset;
    Ok(result.into())
}

fn narrow(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    let size = tensor.sizes.get(dim).cloned().unwrap_or(Size::ONE);
    let length = call.size("length")?;
    let start = match call.get("start") {
        Item::Int(start) => start,
        Item::Tensor(_) => call.env.unbacked(),
        other => return Err(call.unexpected("start", "an int", &other)),
    };
    let start = match call.env.decide(Relation::Lt, &start, &Size::ZERO) {
        Some(true) => start.add(&size)?,
        _ => start,
    };
    part(&tensor, dim, &start, length).map(|result| vec![result])
}

/// `length` entries of a dimension from `start` on.
fn part(tensor: &Tensor, dim: usize, start: &Size, length: Size) -> Result<Item, NoInference> {
    let mut result = restrided(tensor, tensor.sizes.clone(), tensor.strides.clone());
    if let (Some(size), Some(stride)) = (result.sizes.get_mut(dim), tensor.strides.get(dim)) {
        *size = length;
        result.offset = tensor.offset.add(&start.mul(stride)?)?;
    }
    Ok(result.into())
}

fn unsqueeze(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank() + 1)?;
    unsqueezed(&tensor, dim).map(|result| vec![result.into()])
}

/// The tensor with a dimension of size 1 before dimension `dim`.
pub fn unsqueezed(tensor: &Tensor, dim: usize) -> Result<Tensor, NoInference> {
    let stride = match (tensor.sizes.get(dim), tensor.strides.get(dim)) {
        (Some(size), Some(stride)) => size.mul(stride)?,
        _ => Size::ONE,
    };
    let mut result = restrided(tensor, tensor.sizes.clone(), tensor.strides.clone());
    let at = dim.min(tensor.rank());
    result.sizes.insert(at, Size::ONE);
    result.strides.insert(at, stride);
    Ok(result)
}

fn squeeze(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let rank = tensor.rank();
    let dims = match ["dim", "dimensions"].iter().find(|name| call.has(name)) {
        Some(name) => call.optional_dims(name, rank)?,
        None => None,
    };
    let squeezed = |dim: &usize| {
        dims.as_ref().is_none_or(|dims| dims.contains(dim))
            && tensor
                .sizes
                .get(*dim)
                .is_some_and(|size| call.env.is(size, 1))
    };
    let kept: Vec<usize> = (0..rank).filter(|dim| !squeezed(dim)).collect();
    Ok(vec![in_order(&tensor, &kept)])
}

fn as_strided(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let sizes = call.sizes("size")?;
    let strides = call.sizes("stride")?;
    if sizes.len() != strides.len() {
        return Err(call.contradiction(format!(
            "there are {} sizes and {} strides",
            sizes.len(),
            strides.len()
        )));
    }
    let offset = call.optional_size("storage_offset")?;
    let offset = offset.unwrap_or_else(|| tensor.offset.clone());
    Ok(vec![
        Tensor {
            offset,
            ..restrided(&tensor, sizes, strides)
        }
        .into(),
    ])
}

fn diagonal(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let env = call.env;
    let first = call.dim("dim1", tensor.rank())?;
    let second = call.dim("dim2", tensor.rank())?;
    if first == second || tensor.rank() < 2 {
        return Err(call.contradiction("the diagonal of one dimension"));
    }
    let shift = call.int("offset")?;
    let (rows, columns) = (&tensor.sizes[first], &tensor.sizes[second]);
    let shifted = Size::Int(
        shift
            .checked_abs()
            .ok_or_else(|| call.contradiction("the offset overflows"))?,
    );
    let (rows, columns, stride) = if shift >= 0 {
        (
            rows.clone(),
            columns.sub(&shifted)?,
            &tensor.strides[second],
        )
    } else {
        (rows.sub(&shifted)?, columns.clone(), &tensor.strides[first])
    };
    let length = match env.statically(Relation::Le, &rows, &columns) {
        Some(true) => rows,
        Some(false) => columns,
        None => rows.min(&columns)?,
    };
    let length = match env.decide(Relation::Ge, &length, &Size::ZERO) {
        Some(true) => length,
        Some(false) => Size::ZERO,
        None => length.max(&Size::ZERO)?,
    };
    let mut result = restrided(&tensor, tensor.sizes.clone(), tensor.strides.clone());
    if !env.is(&length, 0) {
        result.offset = tensor.offset.add(&shifted.mul(stride)?)?;
    }
    let diagonal_stride = tensor.strides[first].add(&tensor.strides[second])?;
    for dim in [first.max(second), first.min(second)] {
        result.sizes.remove(dim);
        result.strides.remove(dim);
    }
    result.sizes.push(length);
    result.strides.push(diagonal_stride);
    Ok(vec![result.into()])
}

fn unfold(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dimension", tensor.rank())?;
    let (window, step) = (call.size("size")?, call.size("step")?);
    let mut result = restrided(&tensor, tensor.sizes.clone(), tensor.strides.clone());
    let stride = tensor.strides.get(dim).cloned().unwrap_or(Size::ONE);
    if let (Some(size), Some(own)) = (result.sizes.get_mut(dim), result.strides.get_mut(dim)) {
        *size = size.sub(&window)?.floor_div(&step)?.add(&Size::ONE)?;
        *own = step.mul(own)?;
    }
    result.sizes.push(window);
    result.strides.push(stride);
    Ok(vec![result.into()])
}

fn view_as_real(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    if !tensor.dtype.is_complex() {
        return Err(call.contradiction(format!(
            "the dtype is `{}`, expected a complex one",
            tensor.dtype.torch_name()
        )));
    }
    let mut result = in_reals(&tensor)?;
    result.sizes.push(Size::Int(2));
    result.strides.push(Size::ONE);
    Ok(vec![result.into()])
}

/// Strides and offset counted in parts of the complex elements.
fn in_reals(tensor: &Tensor) -> Result<Tensor, NoInference> {
    let two = Size::Int(2);
    let strides = tensor
        .strides
        .iter()
        .map(|stride| stride.mul(&two))
        .collect::<Result<_, _>>()?;
    Ok(Tensor {
        dtype: real_of(tensor.dtype),
        offset: tensor.offset.mul(&two)?,
        ..restrided(tensor, tensor.sizes.clone(), strides)
    })
}

fn view_as_complex(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let mut result = restrided(&tensor, tensor.sizes.clone(), tensor.strides.clone());
    if result.sizes.pop() != Some(Size::Int(2)) || result.strides.pop() != Some(Size::ONE) {
        return Err(call.contradiction("the last dimension does not hold pairs"));
    }
    let two = Size::Int(2);
    for stride in &mut result.strides {
        *stride = stride.floor_div(&two)?;
    }
    result.offset = result.offset.floor_div(&two)?;
    result.dtype = complex_of(tensor.dtype);
    Ok(vec![result.into()])
}

fn real(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    if tensor.dtype.is_complex() {
        return Ok(vec![in_reals(&tensor)?.into()]);
    }
    Ok(vec![shown(&tensor)])
}

fn imag(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let mut result = in_reals(&tensor)?;
    result.offset = result.offset.add(&Size::ONE)?;
    Ok(vec![result.into()])
}

/// Consecutive parts of these lengths.
fn parts(tensor: &Tensor, dim: usize, lengths: Vec<Size>) -> Results {
    let mut start = Size::ZERO;
    let mut results = Vec::with_capacity(lengths.len());
    for length in lengths {
        results.push(part(tensor, dim, &start, length.clone())?);
        start = start.add(&length)?;
    }
    Ok(vec![Item::List(results)])
}

fn split(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    let split_size = call.size("split_size")?;
    in_parts_of(call, &tensor, dim, &split_size)
}

fn in_parts_of(call: &Call<'_>, tensor: &Tensor, dim: usize, part: &Size) -> Results {
    let size = size_of(call, tensor, dim)?;
    if call.env.is(part, 0) {
        return Ok(vec![Item::List(vec![shown(tensor)])]);
    }
    let count = size.add(part)?.sub(&Size::ONE)?.floor_div(part)?;
    let count = decided(call, &count)?.max(1);
    let last = size.sub(&part.mul(&Size::count(count - 1))?)?;
    let mut lengths = vec![part.clone(); count - 1];
    lengths.push(last);
    parts(tensor, dim, lengths)
}

/// How many results there are: a number in any program, at the latest by the sizes of its export.
fn decided(call: &Call<'_>, count: &Size) -> Result<usize, NoInference> {
    const MOST: i64 = 1 << 16;
    let hint = call
        .env
        .hint(count)
        .filter(|count| (0..=MOST).contains(count));
    hint.and_then(|count| usize::try_from(count).ok())
        .ok_or_else(|| call.unknown(format!("the number of results, {count}, is not known")))
}

fn size_of(call: &Call<'_>, tensor: &Tensor, dim: usize) -> Result<Size, NoInference> {
    tensor
        .sizes
        .get(dim)
        .cloned()
        .ok_or_else(|| call.contradiction("a tensor without dimensions cannot be split"))
}

fn split_with_sizes(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    let name = if call.has("split_sizes") {
        "split_sizes"
    } else {
        "split_size"
    };
    let lengths = call.sizes(name)?;
    let size = size_of(call, &tensor, dim)?;
    let total = Size::sum(&lengths)?;
    if call.env.statically(Relation::Eq, &total, &size) == Some(false) {
        return Err(call.contradiction(format!(
            "parts of {total} altogether do not fit size {size}"
        )));
    }
    parts(&tensor, dim, lengths)
}

fn chunk(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    let chunks = call.int("chunks")?;
    if chunks < 1 {
        return Err(call.contradiction(format!("cannot be split into {chunks} chunks")));
    }
    let size = size_of(call, &tensor, dim)?;
    let part = size
        .add(&Size::Int(chunks - 1))?
        .floor_div(&Size::Int(chunks))?;
    if call.env.is(&size, 0) {
        let count = decided(call, &Size::Int(chunks))?;
        return parts(&tensor, dim, vec![Size::ZERO; count]);
    }
    in_parts_of(call, &tensor, dim, &part)
}

fn tensor_split_sections(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    in_sections(call, &tensor, dim, call.int("sections")?)
}

fn in_sections(call: &Call<'_>, tensor: &Tensor, dim: usize, sections: i64) -> Results {
    let count = decided(call, &Size::Int(sections))?.max(1);
    let size = size_of(call, tensor, dim)?;
    let least = size.floor_div(&Size::Int(sections))?;
    let extra = decided(call, &size.modulo(&Size::Int(sections))?)?;
    let more = least.add(&Size::ONE)?;
    let lengths = (0..count).map(|index| {
        if index < extra {
            more.clone()
        } else {
            least.clone()
        }
    });
    parts(tensor, dim, lengths.collect())
}

fn tensor_split_indices(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    at_indices(call, &tensor, dim, &call.sizes("indices")?)
}

fn at_indices(call: &Call<'_>, tensor: &Tensor, dim: usize, indices: &[Size]) -> Results {
    let size = size_of(call, tensor, dim)?;
    let unknown = || call.unknown("data decide where it is split");
    let mut results = Vec::with_capacity(indices.len() + 1);
    let mut start = Size::ZERO;
    for index in indices.iter().chain([&size]) {
        let begin = slice_index(call.env, &size, &start)?.ok_or_else(unknown)?;
        let end = slice_index(call.env, &size, index)?.ok_or_else(unknown)?;
        let length = slice_length(call.env, &begin, &end, &Size::ONE)?.ok_or_else(unknown)?;
        results.push(part(tensor, dim, &begin, length)?);
        start = index.clone();
    }
    Ok(vec![Item::List(results)])
}

/// Parts between positions that data decide: so are their sizes, and where all but the first begin.
fn tensor_split_tensor(call: &Call<'_>) -> Results {
    let (tensor, indices) = (call.tensor_at(0)?, call.tensor_at(1)?);
    let dim = call.dim("dim", tensor.rank())?;
    let [count] = indices.sizes.as_slice() else {
        return Err(call.unknown("data decide into how many parts it is split"));
    };
    let count = decided(call, count)?;
    let mut results = Vec::new();
    for index in 0..=count {
        let mut part = restrided(&tensor, tensor.sizes.clone(), tensor.strides.clone());
        if let Some(size) = part.sizes.get_mut(dim) {
            *size = call.env.unbacked();
        }
        if index > 0 {
            part.offset = call.env.unbacked();
        }
        results.push(part.into());
    }
    Ok(vec![Item::List(results)])
}

/// The dimension that `hsplit`, `vsplit` and `dsplit` split.
fn side(call: &Call<'_>, tensor: &Tensor) -> usize {
    let letter = call.name.trim_start_matches("aten.").chars().next();
    match letter {
        Some('h') => usize::from(tensor.rank() > 1),
        Some('d') => 2,
        _ => 0,
    }
}

fn side_split_sections(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    in_sections(call, &tensor, side(call, &tensor), call.int("sections")?)
}

fn side_split_indices(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    at_indices(call, &tensor, side(call, &tensor), &call.sizes("indices")?)
}

fn unbind(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    let count = decided(call, &size_of(call, &tensor, dim)?)?;
    let results = (0..count).map(|index| selected(call, &tensor, dim, &Size::count(index)));
    Ok(vec![Item::List(results.collect::<Result<_, _>>()?)])
}

/// The same bytes under a dtype of another or the same width.
fn view_dtype(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dtype = call
        .dtype("dtype")
        .ok_or_else(|| call.unknown("there is no dtype"))?;
    let result = match (width(tensor.dtype), width(dtype)) {
        (own, new) if own == new => {
            restrided(&tensor, tensor.sizes.clone(), tensor.strides.clone())
        }
        (own, new) if own > new => rescaled(&tensor, |size| size.mul(&Size::Int(own / new)))?,
        (own, new) => rescaled(&tensor, |size| size.floor_div(&Size::Int(new / own)))?,
    };
    Ok(vec![Tensor { dtype, ..result }.into()])
}

fn width(dtype: ScalarType) -> i64 {
    i64::try_from(dtype.size()).unwrap_or(1)
}

/// Last size, other strides and offset counted in another unit.
fn rescaled(
    tensor: &Rc<Tensor>,
    scale: impl Fn(&Size) -> Result<Size, NoInference>,
) -> Result<Tensor, NoInference> {
    let mut result = restrided(tensor, tensor.sizes.clone(), tensor.strides.clone());
    if let Some(last) = result.sizes.last_mut() {
        *last = scale(last)?;
    }
    let outer = result.strides.len().saturating_sub(1);
    for stride in result.strides.iter_mut().take(outer) {
        *stride = scale(stride)?;
    }
    result.offset = scale(&result.offset)?;
    Ok(result)
}

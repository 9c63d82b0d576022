//! Ops that give the same elements other sizes, as a view where the strides allow it.

use expc_symbolic::Relation;

use super::{
    Item, NoInference, ShapeEnv, Tensor,
    broadcast::broadcast_sizes,
    call::Call,
    rules::Row,
    size::{self, Size},
    tensor::contiguous_strides,
    view::{restrided, unsqueezed},
};

type Results = Result<Vec<Item>, NoInference>;

/// Sizes and strides of a view.
type Geometry = (Vec<Size>, Vec<Size>);

pub const RULES: &[Row] = &[
    ("aten.view.default aten._unsafe_view", view),
    ("aten.reshape aten._reshape_copy prims.reshape", reshape),
    ("aten._reshape_alias", reshape_alias),
    ("aten.view_as aten.reshape_as", view_as),
    ("aten.flatten.using_ints", flatten),
    ("aten.ravel", ravel),
    ("aten.unflatten.int", unflatten),
    ("aten.expand", expand),
    ("aten.expand_as", expand_as),
    ("aten.broadcast_to", broadcast_to),
    ("aten.broadcast_tensors", broadcast_tensors),
    ("prims.broadcast_in_dim", broadcast_in_dim),
    ("prims.collapse_view", collapse_view),
    ("prims.split_dim", split_dim),
    (
        "aten.atleast_1d.default aten.atleast_2d.default aten.atleast_3d.default",
        at_least,
    ),
    (
        "aten.atleast_1d.Sequence aten.atleast_2d.Sequence aten.atleast_3d.Sequence",
        at_least_each,
    ),
];

fn view(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let shape = inferred(call, &call.sizes("size")?, &tensor.numel()?)?;
    match view_of(call.env, &tensor, &shape)? {
        Some(result) => Ok(vec![result.into()]),
        None => Err(call.contradiction(format!(
            "no view of sizes {} and strides {} has sizes {}",
            size::list(&tensor.sizes),
            size::list(&tensor.strides),
            size::list(&shape)
        ))),
    }
}

fn reshape(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let name = if call.has("size") { "size" } else { "shape" };
    reshaped(call, &tensor, &call.sizes(name)?).map(|result| vec![result.into()])
}

/// A view, or a row-major copy where there is none.
pub fn reshaped(call: &Call<'_>, tensor: &Tensor, shape: &[Size]) -> Result<Tensor, NoInference> {
    let shape = inferred(call, shape, &tensor.numel()?)?;
    match view_of(call.env, tensor, &shape)? {
        Some(view) => Ok(view),
        None => Tensor::contiguous(tensor.dtype, shape, &tensor.device),
    }
}

fn reshape_alias(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let (sizes, strides) = (call.sizes("size")?, call.sizes("stride")?);
    Ok(vec![restrided(&tensor, sizes, strides).into()])
}

fn view_as(call: &Call<'_>) -> Results {
    let (tensor, other) = (call.tensor("self")?, call.tensor("other")?);
    reshaped(call, &tensor, &other.sizes).map(|result| vec![result.into()])
}

fn flatten(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let start = call.dim("start_dim", tensor.rank())?;
    let end = call.dim("end_dim", tensor.rank())?;
    if tensor.rank() == 0 {
        return reshaped(call, &tensor, &[Size::ONE]).map(|result| vec![result.into()]);
    }
    if start > end {
        return Err(call.contradiction(format!("dimension {start} comes after dimension {end}")));
    }
    if start == end {
        return super::view::same(call);
    }
    let flat = Size::product(&tensor.sizes[start..=end])?;
    let mut shape = tensor.sizes[..start].to_vec();
    shape.push(flat);
    shape.extend_from_slice(&tensor.sizes[end + 1..]);
    reshaped(call, &tensor, &shape).map(|result| vec![result.into()])
}

fn ravel(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let flat = tensor.numel()?;
    reshaped(call, &tensor, &[flat]).map(|result| vec![result.into()])
}

fn unflatten(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    let Some(size) = tensor.sizes.get(dim) else {
        return Err(call.contradiction("a tensor without dimensions cannot be unflattened"));
    };
    let parts = inferred(call, &call.sizes("sizes")?, size)?;
    let mut shape = tensor.sizes[..dim].to_vec();
    shape.extend(parts);
    shape.extend_from_slice(&tensor.sizes[dim + 1..]);
    match view_of(call.env, &tensor, &shape)? {
        Some(result) => Ok(vec![result.into()]),
        None => Err(call.contradiction("the dimension cannot be viewed as several")),
    }
}

/// The shape with the size that stands for -1.
fn inferred(call: &Call<'_>, shape: &[Size], numel: &Size) -> Result<Vec<Size>, NoInference> {
    let env = call.env;
    let open = shape.iter().position(|size| size.as_int() == Some(-1));
    let mut known = Size::ONE;
    for (index, size) in shape.iter().enumerate() {
        if Some(index) != open {
            if size.as_int().is_some_and(|size| size < 0) {
                return Err(call.contradiction(format!("{} is no shape", size::list(shape))));
            }
            known = known.mul(size)?;
        }
    }
    let misfit = || {
        call.contradiction(format!(
            "{numel} elements do not fill a tensor of sizes {}",
            size::list(shape)
        ))
    };
    let Some(open) = open else {
        if env.decide(Relation::Eq, numel, &known) == Some(false) {
            return Err(misfit());
        }
        return Ok(shape.to_vec());
    };
    if let (Size::Int(numel), Size::Int(known)) = (numel, &known)
        && (*known == 0 || numel % known != 0)
    {
        return Err(misfit());
    }
    let mut result = shape.to_vec();
    result[open] = numel.expanded().floor_div(&known.expanded())?;
    Ok(result)
}

/// The view of a tensor with these sizes, as many elements; none if its strides do not allow one.
pub fn view_of(
    env: &ShapeEnv<'_>,
    tensor: &Tensor,
    shape: &[Size],
) -> Result<Option<Tensor>, NoInference> {
    let result = |(sizes, strides): Geometry| restrided(tensor, sizes, strides);
    let has_open_size = |sizes: &[Size]| sizes.iter().any(|size| env.hint(size).is_none());
    if has_open_size(&tensor.sizes) || has_open_size(&tensor.strides) || has_open_size(shape) {
        return Ok(open_view(env, tensor, shape)?.map(result));
    }
    if tensor.is_empty(env) {
        return Ok(Some(result((shape.to_vec(), contiguous_strides(shape)?))));
    }
    if tensor.rank() == 0 {
        let ones = vec![Size::ONE; shape.len()];
        return Ok(Some(result((shape.to_vec(), ones))));
    }
    if shape.is_empty() {
        return Ok(Some(result((Vec::new(), Vec::new()))));
    }
    if tensor.is_contiguous(env) {
        match shape {
            [_] if tensor.rank() > 1 => {
                return Ok(Some(result((vec![tensor.numel()?], vec![Size::ONE]))));
            }
            [_, inner] if tensor.rank() == 1 => {
                let strides = vec![inner.clone(), Size::ONE];
                return Ok(Some(result((shape.to_vec(), strides))));
            }
            _ => {}
        }
    }
    Ok(stepwise_view(env, tensor, shape)?.map(result))
}

/// A view of sizes that data decide: row-major stays row-major, else the strides must fit chunk by chunk.
fn open_view(
    env: &ShapeEnv<'_>,
    tensor: &Tensor,
    shape: &[Size],
) -> Result<Option<Geometry>, NoInference> {
    let own = &tensor.sizes;
    if own.len() == shape.len()
        && own
            .iter()
            .zip(shape)
            .all(|(own, size)| env.equal(own, size))
    {
        return Ok(Some((own.clone(), tensor.strides.clone())));
    }
    if own.is_empty() {
        return Ok(Some((shape.to_vec(), vec![Size::ONE; shape.len()])));
    }
    if tensor.is_contiguous(env) {
        return Ok(Some((shape.to_vec(), contiguous_strides(shape)?)));
    }
    let strides = chunkwise_strides(env, tensor, shape)?;
    Ok(strides.map(|strides| (shape.to_vec(), strides)))
}

/// Takes the dimensions together that lie without gaps in memory, and divides each chunk among sizes of the
/// shape.
fn chunkwise_strides(
    env: &ShapeEnv<'_>,
    tensor: &Tensor,
    shape: &[Size],
) -> Result<Option<Vec<Size>>, NoInference> {
    let (sizes, old) = (&tensor.sizes, &tensor.strides);
    let unequal = |left: &Size, right: &Size| !env.equal(left, right);
    let mut strides = vec![Size::ZERO; shape.len()];
    let mut open = shape.len();
    let Some(mut base) = old.last().cloned() else {
        return Ok(None);
    };
    let (mut chunk, mut filled) = (Size::ONE, Size::ONE);
    for dim in (0..sizes.len()).rev() {
        chunk = chunk.mul(&sizes[dim])?;
        let ends =
            dim == 0 || (!env.is(&sizes[dim - 1], 1) && unequal(&old[dim - 1], &chunk.mul(&base)?));
        if !ends {
            continue;
        }
        while open > 0
            && (env.decide(Relation::Lt, &filled, &chunk) != Some(false)
                && unequal(&filled, &chunk)
                || env.is(&shape[open - 1], 1))
        {
            open -= 1;
            strides[open] = filled.mul(&base)?;
            filled = filled.mul(&shape[open])?;
        }
        if unequal(&filled, &chunk) {
            return Ok(None);
        }
        if dim > 0 {
            base = old[dim - 1].clone();
            (chunk, filled) = (Size::ONE, Size::ONE);
        }
    }
    Ok((open == 0).then_some(strides))
}

/// Makes the sizes one after another from the left, flattening dimensions where one is too small and splitting
/// where it is too large.
fn stepwise_view(
    env: &ShapeEnv<'_>,
    tensor: &Tensor,
    shape: &[Size],
) -> Result<Option<Geometry>, NoInference> {
    let (mut sizes, mut strides) = (tensor.sizes.clone(), tensor.strides.clone());
    let mut at = 0;
    for length in shape {
        if at >= sizes.len() {
            if let (Some(size), Some(stride)) = (sizes.last().cloned(), strides.last().cloned()) {
                split_at(&mut sizes, &mut strides, at - 1, &size, stride)?;
            }
            at += 1;
            continue;
        }
        if env.equal(length, &sizes[at]) {
            at += 1;
            continue;
        }
        let Some((end, total)) = gathered(env, &sizes, at, length)? else {
            return Ok(None);
        };
        if end != at && !flatten_range(env, &mut sizes, &mut strides, at, end)? {
            return Ok(None);
        }
        if !env.equal(&total, length) {
            let stride = strides[at].clone();
            split_at(&mut sizes, &mut strides, at, length, stride)?;
        }
        at += 1;
    }
    sizes.truncate(at);
    strides.truncate(at);
    Ok(Some((sizes, strides)))
}

/// The last dimension to take so that together they are a multiple of the length, and their product.
fn gathered(
    env: &ShapeEnv<'_>,
    sizes: &[Size],
    start: usize,
    length: &Size,
) -> Result<Option<(usize, Size)>, NoInference> {
    let mut total = sizes[start].clone();
    let mut end = start;
    loop {
        if env.is(length, 0) {
            return Ok(None);
        }
        let rest = total.modulo(length)?;
        if env.is(&rest, 0) {
            return Ok(Some((end, total)));
        }
        end += 1;
        match sizes.get(end) {
            Some(size) => total = total.mul(size)?,
            None => return Ok(None),
        }
    }
}

/// Splits a dimension into one of this size and the rest inside it.
fn split_at(
    sizes: &mut Vec<Size>,
    strides: &mut Vec<Size>,
    dim: usize,
    outer: &Size,
    stride: Size,
) -> Result<(), NoInference> {
    let inner = sizes[dim].expanded().floor_div(&outer.expanded())?;
    strides[dim] = stride.mul(&inner)?;
    sizes[dim] = outer.clone();
    sizes.insert(dim + 1, inner);
    strides.insert(dim + 1, stride);
    Ok(())
}

/// Makes one dimension of several; false if there are gaps between them.
fn flatten_range(
    env: &ShapeEnv<'_>,
    sizes: &mut Vec<Size>,
    strides: &mut Vec<Size>,
    start: usize,
    end: usize,
) -> Result<bool, NoInference> {
    let mut stride = strides[end].clone();
    let mut length = sizes[end].clone();
    for dim in (start..end).rev() {
        let follows = strides[dim + 1].mul(&sizes[dim + 1])?;
        let fits = env.is(&sizes[dim], 1)
            || env.is(&sizes[dim + 1], 1)
            || env.equal(&strides[dim], &follows);
        if !fits {
            return Ok(false);
        }
        if !env.is(&sizes[dim], 1) {
            stride = match env.decide(Relation::Lt, &strides[dim], &stride) {
                Some(true) => strides[dim].clone(),
                Some(false) => stride,
                None => stride.min(&strides[dim])?,
            };
        }
        length = length.mul(&sizes[dim])?;
    }
    sizes.splice(start..=end, [length]);
    strides.splice(start..=end, [stride]);
    Ok(true)
}

fn expand(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    expanded(call, &tensor, &call.sizes("size")?).map(|result| vec![result.into()])
}

fn expand_as(call: &Call<'_>) -> Results {
    let (tensor, other) = (call.tensor("self")?, call.tensor("other")?);
    expanded(call, &tensor, &other.sizes).map(|result| vec![result.into()])
}

fn broadcast_to(call: &Call<'_>) -> Results {
    expand(call)
}

/// The tensor stretched to sizes, where -1 keeps the own size.
pub fn expanded(call: &Call<'_>, tensor: &Tensor, sizes: &[Size]) -> Result<Tensor, NoInference> {
    let env = call.env;
    let misfit = || {
        call.contradiction(format!(
            "a tensor of sizes {} cannot be expanded to {}",
            size::list(&tensor.sizes),
            size::list(sizes)
        ))
    };
    let added = sizes.len().checked_sub(tensor.rank()).ok_or_else(misfit)?;
    let (mut result_sizes, mut strides) = (sizes.to_vec(), vec![Size::ZERO; sizes.len()]);
    for index in (0..sizes.len()).rev() {
        let wanted = &sizes[index];
        let Some(own) = index.checked_sub(added) else {
            if wanted.as_int() == Some(-1) {
                return Err(misfit());
            }
            if env.is(wanted, 1) {
                strides[index] = match (tensor.sizes.first(), tensor.strides.first()) {
                    (Some(size), Some(stride)) => size.mul(stride)?,
                    _ => Size::ONE,
                };
            }
            continue;
        };
        let (size, stride) = (&tensor.sizes[own], &tensor.strides[own]);
        if wanted.as_int() == Some(-1) || wanted == size || env.equal(wanted, size) {
            result_sizes[index] = size.clone();
            strides[index] = stride.clone();
        } else if env.is(size, 1) {
            strides[index] = Size::ZERO;
        } else if env.decide(Relation::Eq, wanted, size) == Some(false) {
            return Err(misfit());
        } else {
            strides[index] = stride.clone();
        }
    }
    Ok(restrided(tensor, result_sizes, strides))
}

fn broadcast_tensors(call: &Call<'_>) -> Results {
    let tensors = call.tensors("tensors")?;
    let shapes: Vec<&[Size]> = tensors
        .iter()
        .map(|tensor| tensor.sizes.as_slice())
        .collect();
    let sizes = broadcast_sizes(call.env, &shapes)?;
    let results = tensors
        .iter()
        .map(|tensor| expanded(call, tensor, &sizes).map(Item::from));
    Ok(vec![Item::List(results.collect::<Result<_, _>>()?)])
}

fn broadcast_in_dim(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let shape = call.sizes("shape")?;
    let dims = call
        .optional_dims("broadcast_dimensions", shape.len())?
        .unwrap_or_default();
    let mut strides = vec![Size::ZERO; shape.len()];
    for (own, dim) in dims.iter().enumerate() {
        if let (Some(size), Some(stride)) = (tensor.sizes.get(own), tensor.strides.get(own)) {
            let is_stretched = call.env.is(size, 1) && !call.env.equal(size, &shape[*dim]);
            strides[*dim] = if is_stretched {
                Size::ZERO
            } else {
                stride.clone()
            };
        }
    }
    for index in (0..shape.len()).rev() {
        if !dims.contains(&index) && call.env.is(&shape[index], 1) {
            let next = dims.iter().position(|dim| *dim > index);
            strides[index] = match next {
                Some(own) => tensor.strides[own].mul(&tensor.sizes[own])?,
                None => Size::ONE,
            };
        }
    }
    Ok(vec![restrided(&tensor, shape, strides).into()])
}

fn collapse_view(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let start = call.dim("start", tensor.rank())?;
    let end = call.dim("end", tensor.rank())?;
    let (mut sizes, mut strides) = (tensor.sizes.clone(), tensor.strides.clone());
    if start < end && !flatten_range(call.env, &mut sizes, &mut strides, start, end)? {
        return Err(call.contradiction("the dimensions have gaps between them"));
    }
    Ok(vec![restrided(&tensor, sizes, strides).into()])
}

fn split_dim(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    let outer: Size = call.size("outer_length")?;
    let (mut sizes, mut strides) = (tensor.sizes.clone(), tensor.strides.clone());
    if let Some(stride) = strides.get(dim).cloned() {
        split_at(&mut sizes, &mut strides, dim, &outer, stride)?;
    }
    Ok(vec![restrided(&tensor, sizes, strides).into()])
}

/// Dimensions of size 1 are added around the own ones until there are enough.
fn at_least(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    with_rank_at_least(call, &tensor).map(|result| vec![result.into()])
}

fn at_least_each(call: &Call<'_>) -> Results {
    let tensors = call.tensors("tensors")?;
    let results = tensors
        .iter()
        .map(|tensor| with_rank_at_least(call, tensor).map(Item::from));
    Ok(vec![Item::List(results.collect::<Result<_, _>>()?)])
}

fn with_rank_at_least(call: &Call<'_>, tensor: &Tensor) -> Result<Tensor, NoInference> {
    let wanted = if call.name.contains("_3d") {
        3
    } else if call.name.contains("_2d") {
        2
    } else {
        1
    };
    match (tensor.rank(), wanted) {
        (0, _) => reshaped(call, tensor, &vec![Size::ONE; wanted]),
        (1, 2) => unsqueezed(tensor, 0),
        (1, 3) => unsqueezed(&unsqueezed(tensor, 0)?, 2),
        (2, 3) => unsqueezed(tensor, 2),
        _ => Ok(Tensor {
            requires_grad: false,
            ..tensor.clone()
        }),
    }
}

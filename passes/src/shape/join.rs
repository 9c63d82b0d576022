//! Ops that put tensors together, or one tensor several times.

use std::rc::Rc;

use super::{
    Item, NoInference, Tensor,
    broadcast::{broadcast_sizes, common_device, like},
    call::Call,
    promote::{integral_to_long, promote, promoted},
    reshape::expanded,
    rules::Row,
    size::{self, Size},
    tensor::{MemoryFormat, dense, format_strides},
    view::{restrided, unsqueezed},
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("aten.cat aten.concat aten.concatenate prims.cat", cat),
    ("aten.stack aten._stack", stack),
    ("aten.hstack", |call| {
        side_by_side(call, |rank| usize::from(rank > 1), 1)
    }),
    ("aten.vstack aten.row_stack", |call| {
        side_by_side(call, |_| 0, 2)
    }),
    ("aten.dstack", |call| side_by_side(call, |_| 2, 3)),
    ("aten.column_stack", column_stack),
    ("aten.block_diag", block_diag),
    ("aten.meshgrid", meshgrid),
    ("aten.cartesian_prod", cartesian_prod),
    ("aten.combinations", combinations),
    ("aten.repeat aten.tile", repeat),
    ("aten.repeat_interleave.Tensor", interleaved_positions),
    (
        "aten.repeat_interleave.self_int aten.repeat_interleave.self_Tensor",
        repeat_interleave,
    ),
    ("aten.roll", roll),
    ("aten.rot90", rot90),
    ("aten.diag", diag),
    ("aten.diag_embed", diag_embed),
    ("aten.diagflat", diagflat),
    ("aten.cross aten.linalg_cross", cross),
    ("aten.diff", diff),
    ("aten.trapezoid aten.trapz", trapezoid),
    ("aten.cdist aten._cdist_forward aten._euclidean_dist", cdist),
    ("aten.pdist aten._pdist_forward", pdist),
    ("aten.vander aten.linalg_vander", vander),
];

fn cat(call: &Call<'_>) -> Results {
    let tensors = call.tensors("tensors")?;
    let rank = tensors
        .iter()
        .map(|tensor| tensor.rank())
        .max()
        .unwrap_or(0);
    let dim = call.dim("dim", rank)?;
    concatenated(call, &tensors, dim).map(|result| vec![result.into()])
}

/// Tensors one after another along a dimension; empty ones of one dimension count as nothing.
fn concatenated(
    call: &Call<'_>,
    tensors: &[Rc<Tensor>],
    dim: usize,
) -> Result<Tensor, NoInference> {
    let env = call.env;
    let items: Vec<Item> = tensors
        .iter()
        .map(|tensor| Item::Tensor(Rc::clone(tensor)))
        .collect();
    let dtype = promoted(&items).ok_or_else(|| call.contradiction("there are no tensors"))?;
    let device = common_device(tensors);
    let is_nothing = |tensor: &Tensor| tensor.rank() == 1 && env.is(&tensor.sizes[0], 0);
    let parts: Vec<&Rc<Tensor>> = tensors
        .iter()
        .filter(|tensor| !is_nothing(tensor))
        .collect();
    let Some((first, rest)) = parts.split_first() else {
        return Tensor::contiguous(dtype, vec![Size::ZERO], &device);
    };
    let mut sizes = first.sizes.clone();
    for part in rest {
        if part.rank() != sizes.len() {
            return Err(call.contradiction(format!(
                "tensors of sizes {} and {} cannot be concatenated",
                size::list(&first.sizes),
                size::list(&part.sizes)
            )));
        }
        for (at, (total, own)) in sizes.iter_mut().zip(&part.sizes).enumerate() {
            if at == dim {
                *total = total.add(own)?;
            } else if env.statically(expc_symbolic::Relation::Eq, total, own) == Some(false) {
                return Err(
                    call.contradiction(format!("sizes {total} and {own} of dimension {at} differ"))
                );
            } else if total.as_int().is_none() && own.as_int().is_some() {
                *total = own.clone();
            }
        }
    }
    let format = parts
        .iter()
        .map(|part| part.suggested_format(env))
        .reduce(|left, right| {
            if left == right {
                left
            } else {
                MemoryFormat::Contiguous
            }
        })
        .unwrap_or(MemoryFormat::Contiguous);
    let strides = format_strides(&sizes, format)?;
    Ok(Tensor::strided(dtype, sizes, strides, &device))
}

fn stack(call: &Call<'_>) -> Results {
    let tensors = call.tensors("tensors")?;
    let first = tensors
        .first()
        .ok_or_else(|| call.contradiction("there are no tensors"))?;
    let dim = call.dim("dim", first.rank() + 1)?;
    let rows = tensors
        .iter()
        .map(|tensor| unsqueezed(tensor, dim).map(Rc::new));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    concatenated(call, &rows, dim).map(|result| vec![result.into()])
}

/// Tensors with at least this many dimensions, concatenated.
fn side_by_side(call: &Call<'_>, dim: fn(usize) -> usize, least_rank: usize) -> Results {
    let tensors = call.tensors("tensors")?;
    let raised = tensors
        .iter()
        .map(|tensor| with_rank(tensor, least_rank).map(Rc::new));
    let raised = raised.collect::<Result<Vec<_>, _>>()?;
    let rank = raised.first().map_or(0, |tensor| tensor.rank());
    concatenated(call, &raised, dim(rank)).map(|result| vec![result.into()])
}

/// Dimensions of size 1 are put before a vector, and behind what is then a matrix.
fn with_rank(tensor: &Tensor, least: usize) -> Result<Tensor, NoInference> {
    let mut result = restrided(tensor, tensor.sizes.clone(), tensor.strides.clone());
    while result.rank() < least {
        let at = if result.rank() == 2 { 2 } else { 0 };
        result = unsqueezed(&result, at)?;
    }
    Ok(result)
}

/// Vectors are columns.
fn column_stack(call: &Call<'_>) -> Results {
    let tensors = call.tensors("tensors")?;
    let columns = tensors.iter().map(|tensor| match tensor.rank() {
        0 => unsqueezed(&unsqueezed(tensor, 0)?, 0).map(Rc::new),
        1 => unsqueezed(tensor, 1).map(Rc::new),
        _ => Ok(Rc::clone(tensor)),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    concatenated(call, &columns, 1).map(|result| vec![result.into()])
}

fn block_diag(call: &Call<'_>) -> Results {
    let tensors = call.tensors("tensors")?;
    let (mut rows, mut columns) = (Size::ZERO, Size::ZERO);
    for tensor in &tensors {
        let (height, width) = match tensor.sizes.as_slice() {
            [] => (Size::ONE, Size::ONE),
            [width] => (Size::ONE, width.clone()),
            [height, width] => (height.clone(), width.clone()),
            other => {
                return Err(call.contradiction(format!("a block has sizes {}", size::list(other))));
            }
        };
        rows = rows.add(&height)?;
        columns = columns.add(&width)?;
    }
    let items: Vec<Item> = tensors.iter().cloned().map(Item::Tensor).collect();
    let dtype = promoted(&items).ok_or_else(|| call.contradiction("there are no tensors"))?;
    Ok(vec![
        Tensor::contiguous(dtype, vec![rows, columns], &common_device(&tensors))?.into(),
    ])
}

/// Each vector expanded over all.
fn meshgrid(call: &Call<'_>) -> Results {
    let tensors = call.tensors("tensors")?;
    let swaps = call.string("indexing").as_deref() == Some("xy") && tensors.len() >= 2;
    let length = |tensor: &Rc<Tensor>| tensor.sizes.first().cloned().unwrap_or(Size::ONE);
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    if swaps {
        order.swap(0, 1);
    }
    let sizes: Vec<Size> = order.iter().map(|index| length(&tensors[*index])).collect();
    let grids = tensors.iter().enumerate().map(|(index, tensor)| {
        let place = order
            .iter()
            .position(|other| *other == index)
            .unwrap_or(index);
        let mut strides = vec![Size::ONE; sizes.len()];
        let mut own_sizes = vec![Size::ONE; sizes.len()];
        own_sizes[place] = length(tensor);
        strides[place] = tensor.strides.first().cloned().unwrap_or(Size::ONE);
        let view = restrided(tensor, own_sizes, strides);
        expanded(call, &view, &sizes).map(Item::from)
    });
    Ok(vec![Item::List(grids.collect::<Result<_, _>>()?)])
}

fn cartesian_prod(call: &Call<'_>) -> Results {
    let tensors = call.tensors("tensors")?;
    match tensors.as_slice() {
        [] => Err(call.contradiction("there are no tensors")),
        [only] => Ok(vec![
            restrided(only, only.sizes.clone(), only.strides.clone()).into(),
        ]),
        [first, ..] => {
            let count = tensors
                .iter()
                .try_fold(Size::ONE, |count, tensor| count.mul(&tensor.numel()?))?;
            dense(first, vec![count, Size::count(tensors.len())])
        }
    }
}

/// Rows chosen with a mask, so that PyTorch takes their number for decided by data.
fn combinations(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let r = call.size("r")?;
    let count = call.env.unbacked();
    dense(&tensor, vec![count, r])
}

/// Repeats come before the sizes where there are more of them.
fn repeat(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let mut repeats = call.sizes(if call.has("repeats") {
        "repeats"
    } else {
        "dims"
    })?;
    while repeats.len() < tensor.rank() && call.has("dims") {
        repeats.insert(0, Size::ONE);
    }
    let added = repeats.len().checked_sub(tensor.rank());
    let added =
        added.ok_or_else(|| call.contradiction("there are fewer repeats than dimensions"))?;
    let own = std::iter::repeat_n(&Size::ONE, added).chain(&tensor.sizes);
    let sizes = own
        .zip(&repeats)
        .map(|(size, count)| size.mul(count))
        .collect::<Result<_, _>>()?;
    dense(&tensor, sizes)
}

fn interleaved_positions(call: &Call<'_>) -> Results {
    let repeats = call.tensor_at(0)?;
    let count = call
        .optional_size("output_size")?
        .unwrap_or_else(|| call.env.unbacked());
    dense(&repeats, vec![count])
}

fn repeat_interleave(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.optional_int("dim")?;
    let mut sizes = match dim {
        Some(_) => tensor.sizes.clone(),
        None => vec![tensor.numel()?],
    };
    let dim = call.wrap(dim.unwrap_or(0), sizes.len())?;
    let Some(size) = sizes.get_mut(dim) else {
        return Err(call.unknown("the tensor has no dimensions"));
    };
    *size = match (call.optional_size("output_size")?, call.get("repeats")) {
        (Some(count), _) => count,
        (None, Item::Int(count)) => size.mul(&count)?,
        (None, Item::Tensor(repeats)) if &*repeats.device == "cpu" || repeats.rank() > 0 => {
            call.env.unbacked()
        }
        (None, other) => return Err(call.unexpected("repeats", "an int or a tensor", &other)),
    };
    dense(&tensor, sizes)
}

fn roll(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let format = match call.ints("dims")?.is_empty() {
        true => MemoryFormat::Contiguous,
        false => tensor.suggested_format(call.env),
    };
    let strides = format_strides(&tensor.sizes, format)?;
    Ok(vec![
        Tensor::strided(tensor.dtype, tensor.sizes.clone(), strides, &tensor.device).into(),
    ])
}

/// A quarter turn flips and transposes.
fn rot90(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let turns = call.int("k")?.rem_euclid(4);
    let dims = call
        .optional_dims("dims", tensor.rank())?
        .unwrap_or_default();
    let [first, second] = dims[..] else {
        return Err(call.contradiction("two dimensions are rotated"));
    };
    let mut result = like(call.env, &tensor, tensor.dtype)?;
    if turns == 0 {
        return dense(&tensor, tensor.sizes.clone());
    }
    if turns % 2 == 1 {
        result.sizes.swap(first, second);
        result.strides.swap(first, second);
    }
    Ok(vec![result.into()])
}

/// The size of a square with a vector on a diagonal.
fn side(call: &Call<'_>, length: &Size, name: &str) -> Result<Size, NoInference> {
    let shift = call
        .int(name)?
        .checked_abs()
        .ok_or_else(|| call.contradiction("the offset overflows"))?;
    length.add(&Size::Int(shift))
}

fn diag(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    match tensor.sizes.as_slice() {
        [length] => {
            let side = side(call, length, "diagonal")?;
            dense(&tensor, vec![side.clone(), side])
        }
        [rows, columns] => {
            let shift = call.int("diagonal")?;
            let cut = side(call, &Size::ZERO, "diagonal")?;
            let (rows, columns) = match shift >= 0 {
                true => (rows.clone(), columns.sub(&cut)?),
                false => (rows.sub(&cut)?, columns.clone()),
            };
            dense(&tensor, vec![rows.min(&columns)?.max(&Size::ZERO)?])
        }
        other => Err(call.contradiction(format!("the tensor has sizes {}", size::list(other)))),
    }
}

fn diag_embed(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let Some((length, batch)) = tensor.sizes.split_last() else {
        return Err(call.contradiction("the tensor has no dimensions"));
    };
    let rank = tensor.rank() + 1;
    let (first, second) = (call.dim("dim1", rank)?, call.dim("dim2", rank)?);
    let side = side(call, length, "offset")?;
    let mut sizes = batch.to_vec();
    for dim in [first.min(second), first.max(second)] {
        sizes.insert(dim.min(sizes.len()), side.clone());
    }
    dense(&tensor, sizes)
}

fn diagflat(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let side = side(call, &tensor.numel()?, "offset")?;
    dense(&tensor, vec![side.clone(), side])
}

fn cross(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor_at(0)?, call.tensor_at(1)?);
    let sizes = broadcast_sizes(call.env, &[&left.sizes, &right.sizes])?;
    dense(&left, sizes)
}

/// Each step of differences is one shorter.
fn diff(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    let steps = call.size("n")?;
    let mut longer = restrided(&tensor, tensor.sizes.clone(), tensor.strides.clone());
    let Some(size) = longer.sizes.get_mut(dim) else {
        return Err(call.contradiction("the tensor has no dimensions"));
    };
    let mut is_joined = false;
    for name in ["prepend", "append"] {
        if let Some(more) = call.optional_tensor(name)? {
            is_joined = true;
            *size = size.add(more.sizes.get(dim).unwrap_or(&Size::ONE))?;
        }
    }
    *size = match (size.as_int(), steps.as_int()) {
        (Some(size), Some(steps)) => Size::Int((size - steps).max(0)),
        _ => size.sub(&steps)?,
    };
    let dtype = longer.dtype;
    let sizes = longer.sizes.clone();
    if is_joined {
        return dense(&tensor, sizes);
    }
    Ok(vec![like(call.env, &longer, dtype)?.into()])
}

fn trapezoid(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    let mut sizes = tensor.sizes.clone();
    if dim < sizes.len() {
        sizes.remove(dim);
    }
    let dtype = match call.get("x") {
        Item::Tensor(x) => promote(tensor.dtype, x.dtype),
        _ => tensor.dtype,
    };
    if dtype != integral_to_long(dtype)
        || integral_to_long(dtype) == expc_dialects::ScalarType::Int64
    {
        return Err(call.unknown("integers are added up in another dtype"));
    }
    Ok(vec![
        Tensor::contiguous(dtype, sizes, &tensor.device)?.into(),
    ])
}

fn cdist(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor("x1")?, call.tensor("x2")?);
    let ([left_batch @ .., rows, _], [right_batch @ .., columns, _]) =
        (left.sizes.as_slice(), right.sizes.as_slice())
    else {
        return Err(call.contradiction("an operand has fewer than two dimensions"));
    };
    let mut sizes = broadcast_sizes(call.env, &[left_batch, right_batch])?;
    sizes.extend([rows.clone(), columns.clone()]);
    dense(&left, sizes)
}

fn pdist(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let rows = tensor
        .sizes
        .first()
        .ok_or_else(|| call.contradiction("the tensor has no dimensions"))?;
    let pairs = rows.mul(&rows.sub(&Size::ONE)?)?.floor_div(&Size::Int(2))?;
    dense(&tensor, vec![pairs.max(&Size::ZERO)?])
}

fn vander(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let mut sizes = tensor.sizes.clone();
    if sizes.is_empty() {
        sizes.push(Size::ONE);
    }
    let last = sizes.last().cloned().unwrap_or(Size::ONE);
    let columns = call.optional_size("N")?.unwrap_or(last);
    sizes.push(columns);
    let dtype = integral_to_long(tensor.dtype);
    Ok(vec![
        Tensor::contiguous(dtype, sizes, &tensor.device)?.into(),
    ])
}

//! Ops that read or write elements at positions given by tensors, and ops that look for elements.

use std::rc::Rc;

use expc_dialects::ScalarType;
use expc_symbolic::Relation;

use super::{
    Item, NoInference, ShapeEnv, Tensor,
    broadcast::{broadcast_sizes, elementwise_result, like, memory_order},
    call::Call,
    rules::Row,
    size::Size,
    tensor::{contiguous_strides, dense_of, dense_strides},
    view::{restrided, unsqueezed},
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    (
        "aten.index.Tensor aten._unsafe_index.Tensor aten.index.Tensor_hacked_twin aten._unsafe_index.Tensor_hacked_twin",
        index,
    ),
    ("aten._unsafe_masked_index", unsafe_masked_index),
    ("aten.index_select", index_select),
    ("aten.embedding", embedding),
    ("aten.gather", gather),
    (
        "aten.scatter aten.scatter_add aten.scatter_reduce aten.index_copy aten.index_add aten.put aten.tril aten.triu \
         aten.bernoulli aten.poisson aten.binomial",
        row_major,
    ),
    (
        "aten.index_put aten._unsafe_index_put aten._index_put_impl aten._unsafe_masked_index_put_accumulate \
         aten.index_fill aten.index_reduce aten.flip aten.fliplr \
         aten.flipud prims.rev",
        like_self,
    ),
    (
        "aten.select_scatter aten.slice_scatter aten.diagonal_scatter aten.as_strided_scatter aten.copy",
        with_strides_kept,
    ),
    ("aten.masked_scatter", masked_scatter),
    ("aten.masked_select", masked_select),
    ("aten.nonzero aten.argwhere", nonzero),
    ("aten.nonzero_static", nonzero_static),
    ("aten.nonzero_numpy aten.where.default", nonzero_columns),
    ("aten.take", take),
    ("aten.take_along_dim", take_along_dim),
    ("aten.one_hot", one_hot),
    ("aten.bucketize", bucketize),
    ("aten.searchsorted", searchsorted),
    ("aten.isin", isin),
    ("aten.bincount", bincount),
    (
        "aten._unique2 aten.unique_consecutive aten.unique_dim",
        unique,
    ),
    ("aten.multinomial", multinomial),
    (
        "aten.exponential aten.geometric aten.uniform aten.normal_functional aten.log_normal aten.cauchy aten.random",
        like_self,
    ),
    (
        "aten.embedding_bag aten._embedding_bag aten._embedding_bag_forward_only",
        embedding_bag,
    ),
    ("aten.embedding_dense_backward", embedding_dense_backward),
];

fn like_self(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![like(call.env, &tensor, tensor.dtype)?.into()])
}

fn row_major(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    dense_of(&tensor, tensor.dtype, tensor.sizes.clone())
}

/// A copy of the memory around the operand, so with its very strides and offset.
fn with_strides_kept(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let copy = restrided(&tensor, tensor.sizes.clone(), tensor.strides.clone());
    Ok(vec![copy.into()])
}

/// The sizes of index tensors by dimension of the indexed tensor; a mask stands for as many dimensions as it
/// has, with positions whose number data decide.
fn index_shapes(call: &Call<'_>, name: &str) -> Result<Vec<Option<Vec<Size>>>, NoInference> {
    let mut shapes = Vec::new();
    for item in call.list(name)?.unwrap_or_default() {
        match item {
            Item::None => shapes.push(None),
            Item::Tensor(index) if matches!(index.dtype, ScalarType::Bool | ScalarType::Uint8) => {
                let count = true_count(call.env, &index)?;
                shapes.extend(vec![Some(vec![count]); index.rank().max(1)]);
            }
            Item::Tensor(index) => shapes.push(Some(index.sizes.clone())),
            other => return Err(call.unexpected(name, "a list of tensors", &other)),
        }
    }
    Ok(shapes)
}

/// How many elements are not zero: only data decide, unless there are none.
fn true_count(env: &ShapeEnv<'_>, tensor: &Tensor) -> Result<Size, NoInference> {
    Ok(if tensor.is_empty(env) {
        Size::ZERO
    } else {
        env.unbacked_size(&tensor.numel()?)
    })
}

fn index(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let shapes = index_shapes(call, "indices")?;
    indexed(call, &tensor, shapes).map(|result| vec![result.into()])
}

/// Positions outside of the mask are read as position 0.
fn unsafe_masked_index(call: &Call<'_>) -> Results {
    index(call)
}

/// The indexed dimensions give way to those of the broadcast indices, in their place if they are neighbours,
/// else in front.
fn indexed(
    call: &Call<'_>,
    tensor: &Tensor,
    mut shapes: Vec<Option<Vec<Size>>>,
) -> Result<Tensor, NoInference> {
    if shapes.len() > tensor.rank() {
        return Err(call.contradiction(format!(
            "{} dimensions of a tensor of rank {} are indexed",
            shapes.len(),
            tensor.rank()
        )));
    }
    shapes.resize(tensor.rank(), None);
    let given: Vec<&[Size]> = shapes.iter().flatten().map(Vec::as_slice).collect();
    let replacement = broadcast_sizes(call.env, &given)?;
    let indexed_dims: Vec<usize> = (0..tensor.rank())
        .filter(|dim| shapes[*dim].is_some())
        .collect();
    let rest = (0..tensor.rank()).filter(|dim| shapes[*dim].is_none());
    let are_neighbours = indexed_dims.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    let first = match indexed_dims.first() {
        Some(first) if are_neighbours => *first,
        _ => 0,
    };
    let (before, after): (Vec<usize>, Vec<usize>) = rest.partition(|dim| *dim < first);
    let pick = |dims: &[usize], values: &[Size]| {
        dims.iter()
            .map(|dim| values[*dim].clone())
            .collect::<Vec<_>>()
    };
    let join =
        |before: Vec<Size>, middle: Vec<Size>, after: Vec<Size>| [before, middle, after].concat();
    let zeros = vec![Size::ZERO; replacement.len()];
    let sizes = join(
        pick(&before, &tensor.sizes),
        replacement,
        pick(&after, &tensor.sizes),
    );
    let strides = join(
        pick(&before, &tensor.strides),
        zeros,
        pick(&after, &tensor.strides),
    );
    let strides = ordered_strides(call.env, tensor, &sizes, strides)?;
    Ok(Tensor::strided(
        tensor.dtype,
        sizes,
        strides,
        &tensor.device,
    ))
}

/// Dense strides in the memory order of the indexed tensor.
fn ordered_strides(
    env: &ShapeEnv<'_>,
    tensor: &Tensor,
    sizes: &[Size],
    strides: Vec<Size>,
) -> Result<Vec<Size>, NoInference> {
    let source = restrided(tensor, sizes.to_vec(), strides);
    if sizes.len() < 2 || tensor.is_empty(env) || source.is_contiguous(env) {
        return contiguous_strides(sizes);
    }
    let order = memory_order(env, sizes, std::slice::from_ref(&source.strides));
    dense_strides(sizes, &order)
}

fn index_select(call: &Call<'_>) -> Results {
    let (tensor, index) = (call.tensor_at(0)?, call.tensor("index")?);
    let dim = call.dim("dim", tensor.rank())?;
    if tensor.rank() == 0 {
        return dense_of(&tensor, tensor.dtype, Vec::new());
    }
    let mut sizes = tensor.sizes.clone();
    sizes[dim] = index.sizes.first().cloned().unwrap_or(Size::ONE);
    dense_of(&tensor, tensor.dtype, sizes)
}

fn embedding(call: &Call<'_>) -> Results {
    let (weight, indices) = (call.tensor_at(0)?, call.tensor("indices")?);
    if indices.rank() <= 1 {
        let columns = weight.sizes.iter().skip(1);
        let sizes = indices.sizes.iter().chain(columns).cloned().collect();
        return dense_of(&weight, weight.dtype, sizes);
    }
    indexed(call, &weight, vec![Some(indices.sizes.clone())]).map(|result| vec![result.into()])
}

fn gather(call: &Call<'_>) -> Results {
    let (tensor, index) = (call.tensor_at(0)?, call.tensor("index")?);
    dense_of(&tensor, tensor.dtype, index.sizes.clone())
}

fn masked_scatter(call: &Call<'_>) -> Results {
    let (tensor, mask) = (call.tensor_at(0)?, call.tensor("mask")?);
    let sizes = broadcast_sizes(call.env, &[&tensor.sizes, &mask.sizes])?;
    dense_of(&tensor, tensor.dtype, sizes)
}

fn masked_select(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let sizes = broadcast_sizes(call.env, &[&tensor.sizes, &call.tensor("mask")?.sizes])?;
    let count = call.env.unbacked_size(&Size::product(&sizes)?);
    dense_of(&tensor, tensor.dtype, vec![count])
}

/// One row per element that is not zero, in memory one column after another.
fn nonzero(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let count = true_count(call.env, &tensor)?;
    let sizes = vec![count.clone(), Size::count(tensor.rank())];
    let strides = match call.env.is_older_than(2, 7) {
        true => contiguous_strides(&sizes)?,
        false => vec![Size::ONE, count],
    };
    Ok(vec![
        Tensor::strided(ScalarType::Int64, sizes, strides, &tensor.device).into(),
    ])
}

fn nonzero_static(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let sizes = vec![call.size("size")?, Size::count(tensor.rank())];
    dense_of(&tensor, ScalarType::Int64, sizes)
}

/// The columns of `nonzero`, one tensor each.
fn nonzero_columns(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let count = true_count(call.env, &tensor)?;
    let column = |dim: usize| {
        let offset = count.mul(&Size::count(dim))?;
        let column = Tensor::strided(
            ScalarType::Int64,
            vec![count.clone()],
            vec![Size::ONE],
            &tensor.device,
        );
        Ok(Tensor { offset, ..column }.into())
    };
    Ok(vec![Item::List(
        // A tensor without dimensions is a row of one element.
        (0..tensor.rank().max(1))
            .map(column)
            .collect::<Result<_, NoInference>>()?,
    )])
}

fn take(call: &Call<'_>) -> Results {
    let (tensor, index) = (call.tensor_at(0)?, call.tensor("index")?);
    dense_of(&tensor, tensor.dtype, index.sizes.clone())
}

fn take_along_dim(call: &Call<'_>) -> Results {
    let (tensor, indices) = (call.tensor_at(0)?, call.tensor("indices")?);
    let Some(dim) = call.optional_int("dim")? else {
        return dense_of(&tensor, tensor.dtype, vec![indices.numel()?]);
    };
    let dim = call.wrap(dim, tensor.rank())?;
    let mut other = tensor.sizes.clone();
    if let (Some(size), Some(count)) = (other.get_mut(dim), indices.sizes.get(dim)) {
        *size = count.clone();
    }
    let mut sizes = broadcast_sizes(call.env, &[&other, &indices.sizes])?;
    if let (Some(size), Some(count)) = (sizes.get_mut(dim), indices.sizes.get(dim)) {
        *size = count.clone();
    }
    dense_of(&tensor, tensor.dtype, sizes)
}

/// Without a number of classes, data decide it.
fn one_hot(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let classes = match call.size("num_classes")? {
        Size::Int(-1) => call.env.unbacked(),
        classes => classes,
    };
    // Each element is compared with the number of each class.
    let numbers = Tensor::contiguous(ScalarType::Int64, vec![classes], &tensor.device)?;
    let elements = unsqueezed(&tensor, tensor.rank())?;
    let operands = [Rc::new(elements), Rc::new(numbers)];
    Ok(vec![elementwise_result(
        call,
        &operands,
        ScalarType::Int64,
    )?])
}

fn position_dtype(call: &Call<'_>) -> Result<ScalarType, NoInference> {
    Ok(if call.bool("out_int32")? {
        ScalarType::Int32
    } else {
        ScalarType::Int64
    })
}

fn bucketize(call: &Call<'_>) -> Results {
    let boundaries = call.tensor("boundaries")?;
    let dtype = position_dtype(call)?;
    match call.get("self") {
        Item::Tensor(tensor) => dense_of(&tensor, dtype, tensor.sizes.clone()),
        _ => dense_of(&boundaries, dtype, Vec::new()),
    }
}

fn searchsorted(call: &Call<'_>) -> Results {
    let sequence = call.tensor("sorted_sequence")?;
    let dtype = position_dtype(call)?;
    match call.get("self") {
        Item::Tensor(tensor) => dense_of(&tensor, dtype, tensor.sizes.clone()),
        _ => dense_of(&sequence, dtype, Vec::new()),
    }
}

fn isin(call: &Call<'_>) -> Results {
    let sizes = call
        .at(0)
        .as_tensor()
        .map(|elements| elements.sizes.clone())
        .unwrap_or_default();
    let tensors = call.all_tensors()?;
    let first = tensors
        .first()
        .ok_or_else(|| call.unknown("there is no tensor"))?;
    dense_of(first, ScalarType::Bool, sizes)
}

fn bincount(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    if call.get("weights") != Item::None || tensor.dtype != ScalarType::Int64 {
        return Err(
            call.unknown("PyTorch records the dtype of the input, which is not that of the result")
        );
    }
    let bins = call.env.unbacked();
    dense_of(&tensor, ScalarType::Int64, vec![bins])
}

/// Values, the position of each element among them, and how often each occurs.
fn unique(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = match call.optional_int("dim")? {
        Some(dim) => Some(call.wrap(dim, tensor.rank())?),
        None => None,
    };
    let count = true_count(call.env, &tensor)?;
    let mut sizes = vec![count.clone()];
    if let Some(dim) = dim {
        sizes = tensor.sizes.clone();
        if let Some(size) = sizes.get_mut(dim) {
            *size = count.clone();
        }
    }
    let values = Tensor::contiguous(tensor.dtype, sizes, &tensor.device)?;
    let has_all = dim.is_some() && &*tensor.device == "cpu";
    let wants_inverse = call.bool("return_inverse")? || has_all;
    let wants_counts = call.bool("return_counts")? || has_all;
    let inverse = match (wants_inverse, dim.and_then(|dim| tensor.sizes.get(dim))) {
        (false, _) => vec![Size::ZERO],
        (true, Some(size)) => vec![size.clone()],
        (true, None) => tensor.sizes.clone(),
    };
    let counts = vec![if wants_counts { count } else { Size::ZERO }];
    if tensor.dtype != ScalarType::Int64 {
        // PyTorch records the dtype of the input for positions and counts, which are `int64`.
        let unknown = Item::Any;
        return Ok(vec![values.into(), unknown.clone(), unknown]);
    }
    let positions = |sizes| Tensor::contiguous(ScalarType::Int64, sizes, &tensor.device);
    Ok(vec![
        values.into(),
        positions(inverse)?.into(),
        positions(counts)?.into(),
    ])
}

fn multinomial(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let mut sizes = tensor.sizes.clone();
    sizes.pop();
    sizes.push(call.size("num_samples")?);
    dense_of(&tensor, ScalarType::Int64, sizes)
}

/// The bags, and what the backward pass needs.
fn embedding_bag(call: &Call<'_>) -> Results {
    const MAX: i64 = 2;
    let (weight, indices, offsets) = (
        call.tensor("weight")?,
        call.tensor("indices")?,
        call.tensor("offsets")?,
    );
    let (Some(columns), Some(entries)) = (weight.sizes.get(1), offsets.sizes.first()) else {
        return Err(
            call.contradiction("the weight has fewer than two dimensions or there are no offsets")
        );
    };
    let bags = match call.bool("include_last_offset")? {
        true => entries.sub(&Size::ONE)?,
        false => entries.clone(),
    };
    if call.env.statically(Relation::Lt, &bags, &Size::ZERO) == Some(true) {
        return Err(call.contradiction("there are no offsets"));
    }
    if &*weight.device != "cpu" {
        return Err(call.unknown(format!(
            "the form of the results on `{}` is not known",
            weight.device
        )));
    }
    let is_max = call.int("mode")? == MAX;
    let made = |dtype, sizes| Tensor::contiguous(dtype, sizes, &weight.device).map(Item::from);
    let output = made(weight.dtype, vec![bags.clone(), columns.clone()])?;
    let bag_sizes = made(offsets.dtype, vec![bags.clone()])?;
    let largest = if is_max {
        vec![bags.clone(), columns.clone()]
    } else {
        vec![bags]
    };
    // Which element went to which bag is kept only where the fast path for sums is not taken.
    let has_padding = call
        .optional_int("padding_idx")?
        .is_some_and(|index| index >= 0);
    let has_unit_stride = |tensor: &Tensor, dim: usize| {
        tensor
            .strides
            .get(dim)
            .is_some_and(|stride| call.env.is(stride, 1))
    };
    let scale = call.optional_tensor("per_sample_weights")?;
    let is_fast = call.int("mode")? == 0
        && matches!(weight.dtype, ScalarType::Float32 | ScalarType::Float16)
        && !has_padding
        && has_unit_stride(&weight, 1)
        && scale.is_none_or(|scale| has_unit_stride(&scale, 0));
    let bag_of = if is_fast {
        vec![Size::ZERO]
    } else {
        indices.sizes.clone()
    };
    Ok(vec![
        output,
        made(offsets.dtype, bag_of)?,
        bag_sizes,
        made(offsets.dtype, largest)?,
    ])
}

fn embedding_dense_backward(call: &Call<'_>) -> Results {
    let grad: Rc<Tensor> = call.tensor_at(0)?;
    let columns = grad
        .sizes
        .last()
        .cloned()
        .ok_or_else(|| call.contradiction("the gradient has no dimensions"))?;
    dense_of(&grad, grad.dtype, vec![call.size("num_weights")?, columns])
}

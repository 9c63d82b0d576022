//! Ops of no family that are computed from others.

use std::rc::Rc;

use super::{
    Item, NoInference, Tensor,
    broadcast::{broadcast_sizes, elementwise_result, like},
    call::Call,
    promote::{DEFAULT_FLOAT, is_integral, promote},
    rules::Row,
    size::Size,
    tensor::{MemoryFormat, contiguous_strides, dense, dense_of, format_strides},
    view::restrided,
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("aten.glu", glu),
    ("aten.tensordot", tensordot),
    ("aten.sum_to_size aten._grad_sum_to_size", sum_to_size),
    ("aten.resize_ aten.resize", resize),
    ("aten.resize_as_ aten.resize_as", resize_as),
    ("aten.embedding_renorm", like_first),
    ("aten.bilinear", bilinear),
    ("aten._trilinear", trilinear),
    ("aten.cumulative_trapezoid", cumulative_trapezoid),
    (
        "aten._softmax_backward_data aten._log_softmax_backward_data",
        softmax_backward,
    ),
    ("aten.rrelu_with_noise_functional", with_noise),
    ("aten.rrelu_with_noise", like_first),
    ("aten.gradient", gradient),
];

fn like_first(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    Ok(vec![like(call.env, &tensor, tensor.dtype)?.into()])
}

/// glu(a, b) = a * sigmoid(b) for the halves of a dimension.
fn glu(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    let mut half = restrided(&tensor, tensor.sizes.clone(), tensor.strides.clone());
    match half.sizes.get_mut(dim) {
        Some(size) => *size = size.floor_div(&Size::Int(2))?,
        None => return Err(call.contradiction("a tensor without dimensions has no halves")),
    }
    let half = Rc::new(half);
    Ok(vec![elementwise_result(
        call,
        &[Rc::clone(&half), half],
        tensor.dtype,
    )?])
}

/// The dimensions of both operands that are not summed over.
fn tensordot(call: &Call<'_>) -> Results {
    let (left, right) = (call.tensor_at(0)?, call.tensor_at(1)?);
    let left_dims = call
        .optional_dims("dims_self", left.rank())?
        .unwrap_or_default();
    let right_dims = call
        .optional_dims("dims_other", right.rank())?
        .unwrap_or_default();
    if left_dims.len() != right_dims.len() {
        return Err(
            call.contradiction("the operands are summed over different numbers of dimensions")
        );
    }
    let kept = |tensor: &Tensor, dims: &[usize]| {
        let sizes = tensor.sizes.iter().enumerate();
        let kept = sizes.filter(|(dim, _)| !dims.contains(dim));
        kept.map(|(_, size)| size.clone()).collect::<Vec<_>>()
    };
    let sizes = [kept(&left, &left_dims), kept(&right, &right_dims)].concat();
    dense(&left, sizes)
}

fn sum_to_size(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let sizes = call.sizes("size")?;
    let is_same = sizes.len() == tensor.rank()
        && sizes
            .iter()
            .zip(&tensor.sizes)
            .all(|(wanted, own)| call.env.equal(wanted, own));
    if is_same {
        return Ok(vec![
            restrided(&tensor, tensor.sizes.clone(), tensor.strides.clone()).into(),
        ]);
    }
    dense(&tensor, sizes)
}

/// Row-major, or in the memory format that is asked for.
fn resize(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    resized(call, &tensor, call.sizes("size")?)
}

fn resize_as(call: &Call<'_>) -> Results {
    let (tensor, template) = (call.tensor_at(0)?, call.tensor("the_template")?);
    resized(call, &tensor, template.sizes.clone())
}

fn resized(call: &Call<'_>, tensor: &Tensor, sizes: Vec<Size>) -> Results {
    let strides = match call.memory_format("memory_format") {
        None | Some(MemoryFormat::Contiguous) => contiguous_strides(&sizes)?,
        Some(MemoryFormat::Preserve) => {
            return Err(call.unknown("the memory format is that of another tensor"));
        }
        Some(format) => format_strides(&sizes, format)?,
    };
    Ok(vec![restrided(tensor, sizes, strides).into()])
}

fn bilinear(call: &Call<'_>) -> Results {
    let (left, weight) = (call.tensor("input1")?, call.tensor("weight")?);
    let (Some((_, outer)), Some(features)) = (left.sizes.split_last(), weight.sizes.first()) else {
        return Err(call.contradiction("input or weight have no dimensions"));
    };
    dense(&left, outer.iter().chain([features]).cloned().collect())
}

/// Products of three operands, each with dimensions of size 1 put in, summed over some.
fn trilinear(call: &Call<'_>) -> Results {
    let mut shapes = Vec::new();
    for (tensor, expanded) in [("i1", "expand1"), ("i2", "expand2"), ("i3", "expand3")] {
        let mut sizes = call.tensor(tensor)?.sizes.clone();
        for dim in call.ints(expanded)? {
            let at = call.wrap(dim, sizes.len() + 1)?;
            sizes.insert(at, Size::ONE);
        }
        shapes.push(sizes);
    }
    let shapes: Vec<&[Size]> = shapes.iter().map(Vec::as_slice).collect();
    let sizes = broadcast_sizes(call.env, &shapes)?;
    let summed = call
        .optional_dims("sumdim", sizes.len())?
        .unwrap_or_default();
    let kept = sizes
        .iter()
        .enumerate()
        .filter(|(dim, _)| !summed.contains(dim));
    dense(
        &*call.tensor("i1")?,
        kept.map(|(_, size)| size.clone()).collect(),
    )
}

/// Sums of the areas between neighbours, one fewer than there are values.
fn cumulative_trapezoid(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dim = call.dim("dim", tensor.rank())?;
    let mut areas = restrided(&tensor, tensor.sizes.clone(), tensor.strides.clone());
    match areas.sizes.get_mut(dim) {
        Some(size) => *size = size.sub(&Size::ONE)?,
        None => return Err(call.contradiction("the tensor has no dimensions")),
    }
    let own = if is_integral(tensor.dtype) {
        DEFAULT_FLOAT
    } else {
        tensor.dtype
    };
    let dtype = match call.get("x") {
        Item::Tensor(x) => promote(own, x.dtype),
        _ => own,
    };
    Ok(vec![like(call.env, &areas, dtype)?.into()])
}

/// The gradient in the dtype of the input.
fn softmax_backward(call: &Call<'_>) -> Results {
    let grad = call.tensor_at(0)?;
    let dtype = call.dtype("input_dtype").unwrap_or(grad.dtype);
    dense_of(&grad, dtype, grad.sizes.clone())
}

/// The result, and the noise that was drawn.
fn with_noise(call: &Call<'_>) -> Results {
    let (tensor, noise) = (call.tensor_at(0)?, call.tensor("noise")?);
    let copy = |tensor: &Tensor| like(call.env, tensor, tensor.dtype).map(Item::from);
    Ok(vec![copy(&tensor)?, copy(&noise)?])
}

/// One tensor for each dimension.
fn gradient(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    if is_integral(tensor.dtype) {
        return Err(call.unknown("the dtype of the gradient of integers is not known"));
    }
    let count = match call.get("dim") {
        Item::None => tensor.rank(),
        Item::List(dims) => dims.len(),
        _ => 1,
    };
    let result: Item =
        Tensor::contiguous(tensor.dtype, tensor.sizes.clone(), &tensor.device)?.into();
    Ok(vec![Item::List(vec![result; count])])
}

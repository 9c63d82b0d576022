//! Tensors of other layouts than strided: conversions, and what is computed from them.
//!
//! Ops that stand in no table here know strided tensors only.

use std::rc::Rc;

use expc_dialects::ScalarType;

use super::{
    Item, NoInference, Tensor,
    call::Call,
    rules::Row,
    size::{self, Size},
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("aten.to_dense aten._to_dense", to_dense),
    ("aten.to_sparse aten._to_sparse", to_sparse),
    ("aten.to_sparse_csr aten._to_sparse_csr", |call| {
        in_layout(call, "sparse_csr")
    }),
    ("aten.to_sparse_csc aten._to_sparse_csc", |call| {
        in_layout(call, "sparse_csc")
    }),
    ("aten.to_sparse_bsr aten._to_sparse_bsr", |call| {
        in_layout(call, "sparse_bsr")
    }),
    ("aten.to_sparse_bsc aten._to_sparse_bsc", |call| {
        in_layout(call, "sparse_bsc")
    }),
    (
        "aten._sparse_coo_tensor_with_dims_and_tensors aten._sparse_coo_tensor_unsafe aten.sparse_coo_tensor.indices_size",
        coo_tensor,
    ),
    (
        "aten.embedding_sparse_backward aten._embedding_bag_sparse_backward",
        embedding_gradient,
    ),
    // Of the sizes of the tensor that was gathered from.
    ("aten._gather_sparse_backward", |call| {
        in_layout(call, "sparse_coo")
    }),
    ("aten._sparse_mm.default", mm),
    ("aten._sparse_addmm", addmm),
];

/// Ops of other tables that take tensors of any layout.
const OF_ANY_LAYOUT: &[&str] = &[
    "aten.sym_size",
    "aten.size",
    "aten.sym_numel",
    "aten.numel",
    "aten.dim",
    "aten.is_complex",
    "aten.is_floating_point",
];

/// Whether the rule of an op knows the layouts of its operands.
pub fn knows_operands(call: &Call<'_>) -> bool {
    call.given().all(|item| !is_sparse(item)) || knows(call.name)
}

fn knows(name: &str) -> bool {
    let base = name.rsplit_once('.').map_or(name, |(base, _)| base);
    let is_named = |known: &str| known == name || known == base;
    let mut rows = RULES.iter().flat_map(|(names, _)| names.split_whitespace());
    !name.starts_with("aten.")
        || rows.any(is_named)
        || OF_ANY_LAYOUT.iter().any(|known| is_named(known))
}

/// Whether the item is a tensor, or has one, that is not strided.
fn is_sparse(item: &Item) -> bool {
    match item {
        Item::Tensor(tensor) => &*tensor.layout != "strided",
        Item::List(items) => items.iter().any(is_sparse),
        _ => false,
    }
}

fn to_dense(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dtype = call.dtype("dtype").unwrap_or(tensor.dtype);
    if &*tensor.layout == "strided" {
        return Err(call.contradiction(format!(
            "a tensor of sizes {} is dense",
            size::list(&tensor.sizes)
        )));
    }
    Ok(vec![
        Tensor::contiguous(dtype, tensor.sizes.clone(), &tensor.device)?.into(),
    ])
}

fn to_sparse(call: &Call<'_>) -> Results {
    match call.get("layout") {
        Item::None => in_layout(call, "sparse_coo"),
        Item::Layout(layout) => in_layout(call, &layout),
        other => Err(call.unexpected("layout", "a layout", &other)),
    }
}

fn in_layout(call: &Call<'_>, layout: &str) -> Results {
    let tensor = call.tensor_at(0)?;
    laid_out(layout, tensor.dtype, tensor.sizes.clone(), &tensor.device)
}

/// The only result of an op: a tensor in a layout.
fn laid_out(layout: &str, dtype: ScalarType, sizes: Vec<Size>, device: &Rc<str>) -> Results {
    let dense = Tensor::contiguous(dtype, sizes, device)?;
    let sparse = Tensor {
        layout: Rc::from(layout),
        ..dense
    };
    Ok(vec![sparse.into()])
}

/// A tensor of given sizes that holds values at indices.
fn coo_tensor(call: &Call<'_>) -> Results {
    let values = call.tensor("values")?;
    let dtype = call.dtype("dtype").unwrap_or(values.dtype);
    laid_out("sparse_coo", dtype, call.sizes("size")?, &values.device)
}

/// The rows of the weights that have a gradient.
fn embedding_gradient(call: &Call<'_>) -> Results {
    let gradient = call.tensor("grad")?;
    let Some(features) = gradient.sizes.last() else {
        return Err(call.contradiction("the gradient has no dimensions"));
    };
    let sizes = vec![call.size("num_weights")?, features.clone()];
    laid_out("sparse_coo", gradient.dtype, sizes, &gradient.device)
}

/// mm(sparse, dense) is dense.
fn mm(call: &Call<'_>) -> Results {
    product(call, &*call.tensor_at(0)?, &*call.tensor_at(1)?)
}

fn addmm(call: &Call<'_>) -> Results {
    if is_sparse(&call.at(0)) {
        return Err(call.unknown("the sum with a sparse matrix is not known"));
    }
    product(call, &*call.tensor_at(1)?, &*call.tensor_at(2)?)
}

fn product(call: &Call<'_>, left: &Tensor, right: &Tensor) -> Results {
    if &*left.layout != "strided" && &*right.layout != "strided" {
        return Err(call.unknown("the product of sparse matrices is not known"));
    }
    let ([rows, inner], [also_inner, columns]) = (left.sizes.as_slice(), right.sizes.as_slice())
    else {
        return Err(call.contradiction(format!(
            "expected two matrices, found sizes {} and {}",
            size::list(&left.sizes),
            size::list(&right.sizes)
        )));
    };
    if differ(inner, also_inner) {
        return Err(call.contradiction(format!(
            "matrices of sizes {} and {} have no product",
            size::list(&left.sizes),
            size::list(&right.sizes)
        )));
    }
    let sizes = vec![rows.clone(), columns.clone()];
    Ok(vec![
        Tensor::contiguous(right.dtype, sizes, &right.device)?.into(),
    ])
}

fn differ(left: &Size, right: &Size) -> bool {
    matches!((left, right), (Size::Int(left), Size::Int(right)) if left != right)
}

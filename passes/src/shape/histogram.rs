//! Counts and other summaries of elements by bin or segment.

use super::{
    Item, NoInference, Tensor,
    call::Call,
    rules::Row,
    size::Size,
    tensor::{dense, dense_of},
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("aten.histc", histc),
    ("aten.histogram.bin_ct", |call| {
        let tensor = call.tensor_at(0)?;
        with_edges(&tensor, &[call.size("bins")?], false)
    }),
    ("aten.histogram.bins_tensor", |call| {
        let tensor = call.tensor_at(0)?;
        with_edges(&tensor, &[bins_of(call, &call.get("bins"))?], false)
    }),
    ("aten.histogramdd", histogramdd),
    ("aten._histogramdd_bin_edges", |call| {
        edges(&*call.tensor_at(0)?, &call.sizes("bins")?).map(|edges| vec![edges])
    }),
    (
        "aten._histogramdd_from_bin_cts aten._histogramdd_from_bin_tensors",
        |call| dense(&*call.tensor_at(0)?, bins(call)?),
    ),
    ("aten.segment_reduce", segment_reduce),
];

fn histc(call: &Call<'_>) -> Results {
    dense(&*call.tensor_at(0)?, vec![call.size("bins")?])
}

/// Counts over a space of as many dimensions as a row has elements, then the bounds of the bins of each.
fn histogramdd(call: &Call<'_>) -> Results {
    with_edges(&*call.tensor_at(0)?, &bins(call)?, true)
}

/// The number of bins of each dimension.
fn bins(call: &Call<'_>) -> Result<Vec<Size>, NoInference> {
    match call.get("bins") {
        Item::Int(count) => {
            let tensor = call.tensor_at(0)?;
            let row = tensor.sizes.last().and_then(Size::as_int);
            let n_dims = row.and_then(|count| usize::try_from(count).ok());
            let n_dims = n_dims.filter(|count| *count <= MAX_DIMENSIONS);
            let n_dims = n_dims.ok_or_else(|| call.unknown("the length of a row is not known"))?;
            Ok(vec![count; n_dims])
        }
        Item::List(items) if items.iter().any(Item::is_tensor) => {
            items.iter().map(|item| bins_of(call, item)).collect()
        }
        _ => call.sizes("bins"),
    }
}

/// Tensors have no more dimensions.
const MAX_DIMENSIONS: usize = 64;

/// There is a bin less than there are bounds.
fn bins_of(call: &Call<'_>, bounds: &Item) -> Result<Size, NoInference> {
    match bounds {
        Item::Tensor(bounds) => bounds.numel()?.sub(&Size::ONE),
        other => Err(call.unexpected("bins", "a tensor", other)),
    }
}

fn with_edges(tensor: &Tensor, bins: &[Size], is_list: bool) -> Results {
    let mut results = dense(tensor, bins.to_vec())?;
    match edges(tensor, bins)? {
        Item::List(edges) if !is_list => results.extend(edges),
        edges => results.push(edges),
    }
    Ok(results)
}

/// The bounds of the bins of each dimension.
fn edges(tensor: &Tensor, bins: &[Size]) -> Result<Item, NoInference> {
    let mut edges = Vec::with_capacity(bins.len());
    for count in bins {
        edges.extend(dense(tensor, vec![count.add(&Size::ONE)?])?);
    }
    Ok(Item::List(edges))
}

/// One row for each segment: of a list of lengths, or between neighbours of a list of bounds.
fn segment_reduce(call: &Call<'_>) -> Results {
    let data = call.tensor_at(0)?;
    let axis = call.dim("axis", data.rank())?;
    let mut sizes = match (
        call.optional_tensor("lengths")?,
        call.optional_tensor("offsets")?,
    ) {
        (Some(lengths), _) => lengths.sizes.clone(),
        (None, Some(offsets)) => {
            let mut sizes = offsets.sizes.clone();
            if let Some(count) = sizes.last_mut() {
                *count = count.sub(&Size::ONE)?;
            }
            sizes
        }
        (None, None) => return Err(call.unknown("there are neither lengths nor offsets")),
    };
    sizes.extend(data.sizes.iter().skip(axis + 1).cloned());
    dense_of(&data, data.dtype, sizes)
}

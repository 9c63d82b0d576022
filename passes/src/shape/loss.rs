//! Losses: one number for all elements, or one for each.

use std::rc::Rc;

use expc_dialects::ScalarType;

use super::{
    Item, NoInference, Tensor,
    broadcast::{common_device, elementwise_result},
    call::Call,
    promote::{Promotion, apply, real_of, result_dtype},
    rules::Row,
    size::Size,
    tensor::dense_of,
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    (
        "aten.mse_loss aten.smooth_l1_loss aten.huber_loss aten.binary_cross_entropy \
         aten.binary_cross_entropy_with_logits aten.kl_div aten.soft_margin_loss aten.gaussian_nll_loss",
        |call| elementwise_loss(call, Promotion::Default),
    ),
    ("aten.l1_loss", |call| {
        elementwise_loss(call, Promotion::ComplexToFloat)
    }),
    (
        "aten.poisson_nll_loss aten.hinge_embedding_loss aten.margin_ranking_loss",
        |call| elementwise_loss(call, Promotion::IntToFloat),
    ),
    (
        "aten.nll_loss aten.nll_loss2d aten.nll_loss_nd aten.cross_entropy_loss",
        class_loss,
    ),
    (
        "aten.nll_loss_forward aten.nll_loss2d_forward",
        class_loss_forward,
    ),
    ("aten.nll_loss_backward aten.nll_loss2d_backward", like_self),
    (
        "aten.mse_loss_backward aten.l1_loss_backward aten.smooth_l1_loss_backward aten.huber_loss_backward \
         aten.binary_cross_entropy_backward",
        like_self,
    ),
    (
        "aten.cosine_similarity aten.pairwise_distance",
        along_dimension,
    ),
    (
        "aten.cosine_embedding_loss aten.triplet_margin_loss",
        per_sample_loss,
    ),
    (
        "aten.multi_margin_loss aten.multilabel_margin_loss aten.multilabel_soft_margin_loss",
        class_scores_loss,
    ),
    (
        "aten.multilabel_margin_loss_forward",
        multilabel_margin_loss_forward,
    ),
    ("aten.ctc_loss", ctc_loss),
];

/// Whether a loss is left per element: neither averaged nor added up.
fn is_unreduced(call: &Call<'_>) -> Result<bool, NoInference> {
    Ok(call.int("reduction")? == 0)
}

fn scalar(dtype: ScalarType, device: &Rc<str>) -> Result<Item, NoInference> {
    Ok(Tensor::contiguous(dtype, Vec::new(), device)?.into())
}

/// Elementwise over the first two operands.
fn elementwise_loss(call: &Call<'_>, promotion: Promotion) -> Results {
    let operands = [call.tensor_at(0)?, call.tensor_at(1)?];
    let items = operands.clone().map(Item::Tensor);
    let dtype = result_dtype(&items, promotion).unwrap_or(operands[0].dtype);
    if is_unreduced(call)? {
        return Ok(vec![elementwise_result(call, &operands, dtype)?]);
    }
    Ok(vec![scalar(dtype, &common_device(&operands))?])
}

/// Scores per class in the second dimension, or in the only one; the loss has the sizes without it.
fn class_loss(call: &Call<'_>) -> Results {
    let scores = call.tensor_at(0)?;
    Ok(vec![class_loss_result(call, &scores)?])
}

fn class_loss_result(call: &Call<'_>, scores: &Tensor) -> Result<Item, NoInference> {
    if !is_unreduced(call)? {
        return scalar(scores.dtype, &scores.device);
    }
    let mut sizes = scores.sizes.clone();
    match sizes.len() {
        0 => return Err(call.contradiction("the scores have no dimensions")),
        1 => sizes.clear(),
        _ => {
            sizes.remove(1);
        }
    }
    Ok(Tensor::contiguous(scores.dtype, sizes, &scores.device)?.into())
}

/// The loss and the sum of weights.
fn class_loss_forward(call: &Call<'_>) -> Results {
    let scores = call.tensor_at(0)?;
    let loss = class_loss_result(call, &scores)?;
    Ok(vec![loss, scalar(scores.dtype, &scores.device)?])
}

/// The gradient of the second argument, which is row-major.
fn like_self(call: &Call<'_>) -> Results {
    let tensor = call.tensor("self")?;
    Ok(vec![
        super::broadcast::like(call.env, &tensor, tensor.dtype)?.into(),
    ])
}

/// Sizes of the broadcast operands without a dimension, by default the last.
fn along_dimension(call: &Call<'_>) -> Results {
    let operands = [call.tensor("x1")?, call.tensor("x2")?];
    let items = operands.clone().map(Item::Tensor);
    let dtype = result_dtype(&items, Promotion::IntToFloat).map_or(operands[0].dtype, real_of);
    let shapes: [&[Size]; 2] = [&operands[0].sizes, &operands[1].sizes];
    let mut sizes = super::broadcast::broadcast_sizes(call.env, &shapes)?;
    let dim = match call.has("dim") {
        true => call.dim("dim", sizes.len())?,
        false => sizes.len().saturating_sub(1),
    };
    match sizes.get_mut(dim) {
        Some(size) if call.bool("keepdim")? => *size = Size::ONE,
        Some(_) => {
            sizes.remove(dim);
        }
        None => {}
    }
    Ok(vec![
        Tensor::contiguous(dtype, sizes, &operands[0].device)?.into(),
    ])
}

/// One loss for each row of the operands.
fn per_sample_loss(call: &Call<'_>) -> Results {
    let first = call.tensor_at(0)?;
    let dtype = real_of(apply(first.dtype, Promotion::IntToFloat));
    if !is_unreduced(call)? {
        return Ok(vec![scalar(dtype, &first.device)?]);
    }
    let mut sizes = first.sizes.clone();
    sizes.pop();
    dense_of(&first, dtype, sizes)
}

fn class_scores_loss(call: &Call<'_>) -> Results {
    per_sample_loss(call)
}

/// The loss, and for each target whether it counts.
fn multilabel_margin_loss_forward(call: &Call<'_>) -> Results {
    let mut results = class_scores_loss(call)?;
    let (scores, target) = (call.tensor_at(0)?, call.tensor_at(1)?);
    let listed = Tensor::contiguous(scores.dtype, target.sizes.clone(), &scores.device)?;
    results.push(listed.into());
    Ok(results)
}

fn ctc_loss(call: &Call<'_>) -> Results {
    let scores = call.tensor_at(0)?;
    if !is_unreduced(call)? {
        return Ok(vec![scalar(scores.dtype, &scores.device)?]);
    }
    match scores.sizes.as_slice() {
        [_, batch, _] => Ok(vec![
            Tensor::contiguous(scores.dtype, vec![batch.clone()], &scores.device)?.into(),
        ]),
        _ => Ok(vec![scalar(scores.dtype, &scores.device)?]),
    }
}

//! Ops over lists of tensors: each entry is computed as by the op on single tensors.

use std::rc::Rc;

use expc_dialects::table::Type;

use super::{
    Item, NoInference, Tensor,
    broadcast::{common_device, elementwise_result},
    call::Call,
    promote::{self, Promotion, real_of},
    rules::Row,
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    (
        "aten._foreach_abs aten._foreach_add aten._foreach_addcdiv aten._foreach_addcmul aten._foreach_ceil \
         aten._foreach_clamp_max aten._foreach_clamp_min aten._foreach_floor aten._foreach_frac aten._foreach_lerp \
         aten._foreach_maximum aten._foreach_minimum aten._foreach_mul aten._foreach_neg aten._foreach_pow \
         aten._foreach_round aten._foreach_sign aten._foreach_sub aten._foreach_trunc",
        |call| elementwise(call, Promotion::Default),
    ),
    (
        "aten._foreach_acos aten._foreach_asin aten._foreach_atan aten._foreach_cos aten._foreach_cosh \
         aten._foreach_div aten._foreach_erf aten._foreach_erfc aten._foreach_exp aten._foreach_expm1 \
         aten._foreach_lgamma aten._foreach_log aten._foreach_log10 aten._foreach_log1p aten._foreach_log2 \
         aten._foreach_reciprocal aten._foreach_rsqrt aten._foreach_sigmoid aten._foreach_sin aten._foreach_sinh \
         aten._foreach_sqrt aten._foreach_tan aten._foreach_tanh",
        |call| elementwise(call, Promotion::IntToFloat),
    ),
    ("aten._foreach_copy aten._foreach_zero", copies),
    ("aten._foreach_norm aten._foreach_powsum", norms),
];

/// The arguments of one entry: the entry of each list, and what all entries share.
fn entry(call: &Call<'_>, index: usize) -> Result<Vec<Item>, NoInference> {
    let args = call
        .def
        .map(|def| def.schema.args.as_slice())
        .unwrap_or_default();
    let mut operands = Vec::new();
    for (position, arg) in args.iter().enumerate() {
        let is_setting = matches!(arg.name, "alpha" | "value" | "weight" | "non_blocking");
        if is_setting || !matches!(arg.ty.element(), Type::Tensor | Type::Scalar) {
            continue;
        }
        match call.at(position) {
            Item::List(items) => match items.get(index) {
                Some(item) => operands.push(item.clone()),
                None => return Err(call.contradiction("the lists have different lengths")),
            },
            item => operands.push(item),
        }
    }
    Ok(operands)
}

fn count(call: &Call<'_>) -> Result<usize, NoInference> {
    let args = call.def.map_or(0, |def| def.schema.args.len());
    let lists = (0..args).filter_map(|position| match call.at(position) {
        Item::List(items) => Some(items.len()),
        _ => None,
    });
    lists.max().ok_or_else(|| call.unknown("there is no list"))
}

fn elementwise(call: &Call<'_>, promotion: Promotion) -> Results {
    let results = (0..count(call)?).map(|index| {
        let operands = entry(call, index)?;
        let tensors: Vec<Rc<Tensor>> = operands
            .iter()
            .filter_map(Item::as_tensor)
            .cloned()
            .collect();
        let dtype = promote::result_dtype(&operands, promotion);
        let dtype = dtype.ok_or_else(|| call.unknown("no operand has a dtype"))?;
        elementwise_result(call, &tensors, dtype)
    });
    Ok(vec![Item::List(results.collect::<Result<_, _>>()?)])
}

fn copies(call: &Call<'_>) -> Results {
    let results = call.tensors("self")?.into_iter().map(|tensor| {
        let dtype = tensor.dtype;
        elementwise_result(call, &[tensor], dtype)
    });
    Ok(vec![Item::List(results.collect::<Result<_, _>>()?)])
}

/// One number for each tensor.
fn norms(call: &Call<'_>) -> Results {
    let results = call.tensors("self")?.into_iter().map(|tensor| {
        let dtype = real_of(call.dtype("dtype").unwrap_or(tensor.dtype));
        let device = common_device(&[tensor]);
        Ok(Tensor::contiguous(dtype, Vec::new(), &device)?.into())
    });
    Ok(vec![Item::List(
        results.collect::<Result<_, NoInference>>()?,
    )])
}

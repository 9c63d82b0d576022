//! Scaled dot-product attention.

use expc_dialects::{Argument, Constant, ScalarType};
use melior::ir::Value;

use super::Rule;
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, refuse, single, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.scaled_dot_product_attention.default", attention),
    (
        "aten._scaled_dot_product_flash_attention_for_cpu.default",
        flash_attention,
    ),
    (
        "aten._scaled_dot_product_attention_math.default",
        attention_math,
    ),
    ("aten._safe_softmax.default", safe_softmax),
];

/// What attention is of, beside the tensors.
struct Attention<'c, 'a> {
    query: Value<'c, 'a>,
    key: Value<'c, 'a>,
    value: Value<'c, 'a>,
    mask: Option<Value<'c, 'a>>,
    dropout: f64,
    is_causal: bool,
    scale: Option<f64>,
    /// Whether key and value have fewer heads than the query, each for several of it.
    is_grouped: bool,
}

// attention(q, k, v) = the flash kernel's where it takes such tensors, else by the products.
fn attention<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let query = b.tensor("query")?;
    let mut attention = Attention {
        query,
        key: b.tensor("key")?,
        value: b.tensor("value")?,
        mask: b.optional_tensor("attn_mask"),
        dropout: b.float("dropout_p")?,
        is_causal: b.boolean("is_causal")?,
        scale: b.optional_float("scale")?,
        is_grouped: b.boolean("enable_gqa")?,
    };
    if b.meta(query)?.device != "cpu" {
        return refuse("the kernel of a device other than the CPU is not known");
    }
    let is_flash = attention.fits_flash_kernel(b)?;
    if let Some(mask) = attention.mask {
        attention.mask = Some(additive_mask(b, mask, b.dtype_of(query)?)?);
    }
    if is_flash {
        attention.is_grouped = attention.has_fewer_key_heads(b)?;
        let output = attention.by_products(b)?.output;
        return single(in_order_of_flash_kernel(b, output)?);
    }
    single(attention.by_products(b)?.output)
}

// The flash kernel's attention, and the logsumexp that nothing but its backward reads.
fn flash_attention<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let mut attention = Attention {
        query: b.tensor("query")?,
        key: b.tensor("key")?,
        value: b.tensor("value")?,
        mask: b.optional_tensor("attn_mask"),
        dropout: b.float("dropout_p")?,
        is_causal: b.boolean("is_causal")?,
        scale: b.optional_float("scale")?,
        is_grouped: false,
    };
    attention.is_grouped = attention.has_fewer_key_heads(b)?;
    let output = attention.by_products(b)?.output;
    Ok(vec![Some(in_order_of_flash_kernel(b, output)?), None])
}

// Attention by the products, and its weights.
fn attention_math<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    if b.optional_tensor("dropout_mask").is_some() {
        return refuse("a given dropout mask");
    }
    let attention = Attention {
        query: b.tensor("query")?,
        key: b.tensor("key")?,
        value: b.tensor("value")?,
        mask: b.optional_tensor("attn_mask"),
        dropout: b.float("dropout_p")?,
        is_causal: b.boolean("is_causal")?,
        scale: b.optional_float("scale")?,
        is_grouped: b.boolean("enable_gqa")?,
    };
    let result = attention.by_products(b)?;
    Ok(vec![Some(result.output), Some(result.weights)])
}

/// Attention, and the weights of the values.
struct Attended<'c, 'a> {
    output: Value<'c, 'a>,
    weights: Value<'c, 'a>,
}

impl<'c: 'a, 'a> Attention<'c, 'a> {
    /// Whether torch's flash kernel for the CPU takes these tensors.
    fn fits_flash_kernel(&self, b: &Rewrite<'_, 'c, 'a>) -> Rewritten<bool> {
        let tensors = [self.query, self.key, self.value];
        let dtype = b.dtype_of(self.query)?;
        let is_known_dtype = matches!(
            dtype,
            ScalarType::Float64 | ScalarType::Float32 | ScalarType::BFloat16 | ScalarType::Float16
        );
        if !is_known_dtype || self.dropout != 0.0 {
            return Ok(false);
        }
        for tensor in tensors {
            let strided = b.strided(tensor)?;
            let last_is_dense = strided
                .strides
                .last()
                .is_some_and(|stride| b.env().is(stride, 1));
            if strided.rank() != 4 || strided.dtype != dtype || !last_is_dense {
                return Ok(false);
            }
            let has_no_rows = strided.sizes.get(2).is_some_and(|size| b.env().is(size, 0));
            if has_no_rows {
                return Ok(false);
            }
        }
        self.sizes_fit_flash_kernel(b)
    }

    fn sizes_fit_flash_kernel(&self, b: &Rewrite<'_, 'c, 'a>) -> Rewritten<bool> {
        let (query, key, value) = (
            b.strided(self.query)?,
            b.strided(self.key)?,
            b.strided(self.value)?,
        );
        let (query, key, value) = (&query.sizes, &key.sizes, &value.sizes);
        let equal = |dim: usize| {
            [key, value]
                .iter()
                .all(|other| match (query.get(dim), other.get(dim)) {
                    (Some(left), Some(right)) => b.env().equal(left, right),
                    _ => false,
                })
        };
        let heads_fit = equal(1) || self.is_grouped;
        Ok(equal(0) && heads_fit && equal(3) && self.mask_fits_flash_kernel(b)?)
    }

    fn mask_fits_flash_kernel(&self, b: &Rewrite<'_, 'c, 'a>) -> Rewritten<bool> {
        let Some(mask) = self.mask else {
            return Ok(true);
        };
        let rank = b.rank(mask)?;
        Ok(!self.is_causal && !b.is_trained_input(mask) && matches!(rank, 2 | 4))
    }

    fn has_fewer_key_heads(&self, b: &Rewrite<'_, 'c, 'a>) -> Rewritten<bool> {
        let (query, key) = (b.size_of(self.query, 1)?, b.size_of(self.key, 1)?);
        Ok(!b.sizes_equal(&query, &key))
    }

    /// softmax(q kᵀ / √d + mask) v, with the root of the scale on q and k each, in f32 for half precision.
    fn by_products(&self, b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Attended<'c, 'a>> {
        let dtype = b.dtype_of(self.query)?;
        let mut mask = match self.mask {
            Some(mask) => Some(additive_mask(b, mask, dtype)?),
            None => None,
        };
        let ([query, mut key, mut value], _) = b.in_opmath([self.query, self.key, self.value])?;
        let (scale, query_scale) = self.root_of_scale(b)?;
        let query = b.op_value("aten.mul.Scalar", args![query, query_scale])?;
        if self.is_causal {
            if mask.is_some() {
                return refuse("attention that is causal and has a mask");
            }
            mask = Some(self.causal_mask(b, query, key)?);
        }
        if self.is_grouped {
            key = self.repeated_heads(b, key)?;
            value = self.repeated_heads(b, value)?;
        }
        let key = b.transpose(key, -2, -1)?;
        let key = b.op_value("aten.mul.Scalar", args![key, scale])?;
        let mut scores = b.op_value("aten.matmul.default", args![query, key])?;
        if let Some(mask) = mask {
            let mask = b.cast(mask, b.dtype_of(scores)?)?;
            scores = b.add(scores, mask)?;
        }
        let mut weights = b.op_value("aten._safe_softmax.default", args![scores, -1_i64])?;
        if self.dropout > 0.0 {
            weights = b.op_value("aten.dropout.default", args![weights, self.dropout, true])?;
        }
        let output = b.op_value("aten.matmul.default", args![weights, value])?;
        Ok(Attended {
            output: b.cast(output, dtype)?,
            weights: b.cast(weights, dtype)?,
        })
    }

    /// The root of the scale for the keys, and for the query, where a negative scale's sign is.
    fn root_of_scale(
        &self,
        b: &Rewrite<'_, 'c, 'a>,
    ) -> Rewritten<(Argument<'c, 'a>, Argument<'c, 'a>)> {
        if let Some(scale) = self.scale {
            let root = scale.abs().sqrt();
            return Ok((root.into(), root.copysign(scale).into()));
        }
        let width = b.size_of(self.query, b.dimension(self.query, -1)?)?;
        #[allow(clippy::cast_precision_loss, reason = "as torch computes the scale")]
        if let Some(width) = width.as_static() {
            let root = (1.0 / (width as f64).sqrt()).sqrt();
            return Ok((root.into(), root.into()));
        }
        let width = b.op_value("sym.sym_float", args![width])?;
        let root = b.op_value("sym._sym_sqrt", args![width])?;
        let scale = b.op_value("sym.truediv", args![1.0, root])?;
        let root = b.op_value("sym._sym_sqrt", args![scale])?;
        Ok((root.into(), root.into()))
    }

    /// 0 where the key is not after the query, -inf elsewhere.
    fn causal_mask(
        &self,
        b: &Rewrite<'_, 'c, 'a>,
        query: Value<'c, 'a>,
        key: Value<'c, 'a>,
    ) -> Rewritten<Value<'c, 'a>> {
        let rows = b.size_of(query, b.dimension(query, -2)?)?;
        let columns = b.size_of(key, b.dimension(key, -2)?)?;
        let meta = b.meta(query)?;
        let ones = b.op_with(
            "aten.ones.default",
            args![size_argument([rows, columns])],
            &[
                ("dtype", ScalarType::Bool.into()),
                ("layout", Constant::Layout(meta.layout).into()),
                ("device", Constant::Device(meta.device).into()),
            ],
        )?;
        let lower = b.op_value("aten.tril.default", args![ones])?;
        additive_mask(b, lower, meta.dtype)
    }

    /// Each head as often as the query has heads for it.
    fn repeated_heads(
        &self,
        b: &Rewrite<'_, 'c, 'a>,
        value: Value<'c, 'a>,
    ) -> Rewritten<Value<'c, 'a>> {
        let wanted = b.size_of(self.query, b.dimension(self.query, -3)?)?;
        let heads = b.size_of(value, b.dimension(value, -3)?)?;
        if b.sizes_equal(&wanted, &heads) {
            return Ok(value);
        }
        let count = b.size_floordiv(&wanted, &heads)?;
        b.op_value(
            "aten.repeat_interleave.self_int",
            args![value, count, -3_i64],
        )
    }
}

/// The mask as something to add: a bool mask becomes 0 where it holds and -inf elsewhere.
fn additive_mask<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    mask: Value<'c, 'a>,
    dtype: ScalarType,
) -> Rewritten<Value<'c, 'a>> {
    if b.dtype_of(mask)? != ScalarType::Bool {
        return Ok(mask);
    }
    let device = || {
        Argument::from(Constant::Device(
            b.meta(mask)
                .map_or_else(|_| String::from("cpu"), |meta| meta.device),
        ))
    };
    let infinity = b.op_with(
        "aten.scalar_tensor.default",
        args![f64::NEG_INFINITY],
        &[("dtype", dtype.into()), ("device", device())],
    )?;
    let zero = b.scalar_tensor(0.0, dtype, mask)?;
    b.op_value("aten.where.self", args![mask, zero, infinity])
}

/// The output with the strides that the flash kernel gives it: rows before heads.
fn in_order_of_flash_kernel<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    output: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let output = b.permute(output, [2, 0, 1, 3])?;
    let output = b.contiguous(output)?;
    b.permute(output, [1, 2, 0, 3])
}

// safe_softmax(x) = softmax(x), 0 where all of a row is -inf.
fn safe_softmax<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let (x, dim) = (b.tensor("self")?, b.int("dim")?);
    let mut args: Vec<Argument> = args![x, dim];
    args.extend(b.dtype("dtype").map(Argument::from));
    let softmax = b.op_value("aten.softmax.int", args)?;
    let is_masked = b.op_value("aten.eq.Scalar", args![x, f64::NEG_INFINITY])?;
    let is_row_masked = b.op_value("aten.all.dim", args![is_masked, dim, true])?;
    let zeros = b.op_value("aten.zeros_like.default", args![softmax])?;
    single(b.op_value("aten.where.self", args![is_row_masked, zeros, softmax])?)
}

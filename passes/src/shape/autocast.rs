//! Automatic casts inside `wrap_with_autocast`: which dtype the operands of an op have when it runs.

use std::rc::Rc;

use expc_dialects::ScalarType;

use super::{Item, NoInference, ShapeEnv, Tensor, broadcast::copy_of};

/// A region in which operands are cast.
#[derive(Clone, Debug, PartialEq)]
pub struct Autocast {
    /// `cpu`, `cuda`.
    pub device: String,
    /// The dtype of ops that may run in lower precision.
    pub dtype: ScalarType,
    pub enabled: bool,
}

impl Autocast {
    /// The region of a `wrap_with_autocast` with these arguments; none if they are not those of one.
    pub fn from_arguments(device: &Item, dtype: &Item, enabled: &Item) -> Option<Self> {
        let (Item::Str(device), Item::Bool(enabled)) = (device, enabled) else {
            return None;
        };
        let default = match device.as_str() {
            "cuda" => ScalarType::Float16,
            _ => ScalarType::BFloat16,
        };
        let dtype = match dtype {
            Item::Dtype(dtype) => *dtype,
            _ => default,
        };
        Some(Self {
            device: device.clone(),
            dtype,
            enabled: *enabled,
        })
    }
}

/// In which precision an op runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    Lower,
    Single,
    Widest,
}

/// Ops by policy; the devices that have it, and names without overload.
const POLICIES: &[(Policy, &[&str], &str)] = &[
    (
        Policy::Lower,
        &["cpu", "cuda"],
        "aten.conv1d aten.conv2d aten.conv3d aten.conv_tbc aten.conv_transpose1d aten.conv_transpose2d \
         aten.conv_transpose3d aten.bmm aten.mm aten.linalg_vecdot aten.baddbmm aten.addmm aten.addbmm aten.linear \
         aten.matmul aten.linalg_multi_dot aten.prelu aten.scaled_dot_product_attention",
    ),
    (
        Policy::Lower,
        &["cpu"],
        "aten._addmm_activation aten._native_multi_head_attention",
    ),
    (
        Policy::Lower,
        &["cuda"],
        "aten._convolution aten.convolution aten.addmv aten.addr aten.einsum aten.mv aten.chain_matmul \
         aten._thnn_fused_lstm_cell aten._thnn_fused_gru_cell aten.lstm_cell aten.gru_cell aten.rnn_tanh_cell \
         aten.rnn_relu_cell aten._scaled_dot_product_flash_attention",
    ),
    (
        Policy::Single,
        &["cpu", "cuda"],
        "aten.cdist aten.renorm aten.mse_loss aten.cosine_embedding_loss aten.nll_loss aten.nll_loss2d \
         aten.hinge_embedding_loss aten.poisson_nll_loss aten.smooth_l1_loss aten.l1_loss aten.huber_loss \
         aten.margin_ranking_loss aten.soft_margin_loss aten.triplet_margin_loss aten.multi_margin_loss aten.kl_div \
         aten.multilabel_margin_loss aten.binary_cross_entropy_with_logits aten.prod",
    ),
    (
        Policy::Single,
        &["cpu"],
        "aten.avg_pool3d aten.binary_cross_entropy aten.grid_sampler aten.polar aten.quantile aten.nanquantile \
         aten.stft aten.trace aten.view_as_complex aten.cholesky aten.cholesky_inverse aten.cholesky_solve \
         aten.inverse aten.lu_solve aten.orgqr aten.ormqr aten.pinverse aten.max_pool3d aten.max_unpool2d \
         aten.max_unpool3d aten.adaptive_avg_pool3d aten.reflection_pad1d aten.reflection_pad2d \
         aten.replication_pad1d aten.replication_pad2d aten.replication_pad3d aten.cross_entropy_loss aten.ctc_loss \
         aten.fft_fft aten.fft_ifft aten.fft_fft2 aten.fft_ifft2 aten.fft_fftn aten.fft_ifftn aten.fft_rfft \
         aten.fft_irfft aten.fft_rfft2 aten.fft_irfft2 aten.fft_rfftn aten.fft_irfftn aten.fft_hfft aten.fft_ihfft \
         aten.linalg_cond aten.linalg_matrix_rank aten.linalg_solve aten.linalg_cholesky aten.linalg_svdvals \
         aten.linalg_eigvals aten.linalg_eigvalsh aten.linalg_inv aten.linalg_householder_product \
         aten.linalg_tensorinv aten.linalg_tensorsolve aten.geqrf aten._lu_with_info aten.qr aten.svd \
         aten.triangular_solve aten.fractional_max_pool2d aten.fractional_max_pool3d aten.adaptive_max_pool3d \
         aten.multilabel_margin_loss_forward aten.linalg_qr aten.linalg_cholesky_ex aten.linalg_svd aten.linalg_eig \
         aten.linalg_eigh aten.linalg_lstsq aten.linalg_inv_ex",
    ),
    (
        Policy::Single,
        &["cuda"],
        "aten.acos aten.asin aten.cosh aten.erfinv aten.exp aten.expm1 aten.log aten.log10 aten.log2 aten.log1p \
         aten.reciprocal aten.rsqrt aten.sinh aten.tan aten.pow aten.softplus aten.layer_norm aten.native_layer_norm \
         aten.group_norm aten.frobenius_norm aten.nuclear_norm aten.cosine_similarity aten.dist aten.pdist \
         aten.logsumexp aten.upsample_nearest1d aten._upsample_nearest_exact1d aten.upsample_nearest2d \
         aten._upsample_nearest_exact2d aten.upsample_nearest3d aten._upsample_nearest_exact3d aten.upsample_linear1d \
         aten.upsample_bilinear2d aten._upsample_bilinear2d_aa aten.upsample_trilinear3d aten.upsample_bicubic2d \
         aten._upsample_bicubic2d_aa aten.softmax aten.log_softmax aten.cumprod aten.cumsum aten.linalg_vector_norm \
         aten.linalg_matrix_norm aten.sum aten.norm",
    ),
    (
        Policy::Widest,
        &["cpu", "cuda"],
        "aten.stack aten.cat aten.index_copy",
    ),
    (
        Policy::Widest,
        &["cuda"],
        "aten.addcdiv aten.addcmul aten.atan2 aten.bilinear aten.cross aten.dot aten.vdot aten.grid_sampler \
         aten.index_put aten.tensordot aten.scatter_add",
    ),
];

fn policy_of(name: &str, device: &str) -> Option<Policy> {
    let op = name.rsplit_once('.').map_or(name, |(op, _)| op);
    let row = POLICIES.iter().find(|(_, devices, names)| {
        devices.contains(&device) && names.split_whitespace().any(|other| other == op)
    });
    row.map(|(policy, ..)| *policy)
}

impl Autocast {
    /// The dtype that an op gets its operands in; none if they stay as they are. `has_single` tells whether one of
    /// those that may be cast is of 32 bits.
    pub fn dtype_for(&self, name: &str, has_single: impl FnOnce() -> bool) -> Option<ScalarType> {
        if !self.enabled {
            return None;
        }
        Some(match policy_of(name, &self.device)? {
            Policy::Lower => self.dtype,
            Policy::Single => ScalarType::Float32,
            Policy::Widest if has_single() => ScalarType::Float32,
            Policy::Widest => self.dtype,
        })
    }

    /// Whether operands of this dtype and device are cast at all.
    pub fn casts(&self, dtype: ScalarType, device: &str) -> bool {
        dtype.is_floating_point()
            && dtype != ScalarType::Float64
            && device.starts_with(self.device.as_str())
    }
}

/// The operands of an op as it gets them; none if they stay as they are.
pub fn cast(
    env: &ShapeEnv<'_>,
    name: &str,
    items: &[Option<Item>],
) -> Result<Option<Vec<Option<Item>>>, NoInference> {
    let Some(region) = env.autocast() else {
        return Ok(None);
    };
    let is_eligible = |tensor: &Tensor| region.casts(tensor.dtype, &tensor.device);
    let has_single = || {
        let mut found = false;
        for item in items.iter().flatten() {
            visit(item, &mut |tensor| {
                found |= is_eligible(tensor) && tensor.dtype == ScalarType::Float32
            });
        }
        found
    };
    let Some(dtype) = region.dtype_for(name, has_single) else {
        return Ok(None);
    };
    let to_dtype = |tensor: &Rc<Tensor>| -> Result<Rc<Tensor>, NoInference> {
        if !is_eligible(tensor) || tensor.dtype == dtype {
            return Ok(Rc::clone(tensor));
        }
        copy_of(env, tensor, dtype).map(Rc::new)
    };
    let cast = |item: &Option<Item>| {
        item.as_ref()
            .map(|item| cast_item(item, &to_dtype))
            .transpose()
    };
    items.iter().map(cast).collect::<Result<_, _>>().map(Some)
}

fn visit(item: &Item, visitor: &mut dyn FnMut(&Tensor)) {
    match item {
        Item::Tensor(tensor) => visitor(tensor),
        Item::List(items) => items.iter().for_each(|item| visit(item, visitor)),
        _ => {}
    }
}

/// What a cast makes of a tensor.
type Cast<'c> = dyn Fn(&Rc<Tensor>) -> Result<Rc<Tensor>, NoInference> + 'c;

fn cast_item(item: &Item, cast: &Cast<'_>) -> Result<Item, NoInference> {
    Ok(match item {
        Item::Tensor(tensor) => Item::Tensor(cast(tensor)?),
        Item::List(items) => Item::List(
            items
                .iter()
                .map(|item| cast_item(item, cast))
                .collect::<Result<_, _>>()?,
        ),
        item => item.clone(),
    })
}

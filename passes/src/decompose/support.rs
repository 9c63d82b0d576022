//! What decomposition makes of an op, from the op table alone: for `expc ops`, and for the test that every op of
//! PyTorch's table is taken apart or is listed with the reason.

use std::fmt;

use expc_dialects::table::{Arg, OpDef, Type};

use super::{Table, choice::has_rule};

/// What becomes of an op that PyTorch takes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// A rule takes it apart.
    Rule,
    /// It is in no program that decompositions see, for this reason.
    Unreached(&'static str),
    /// It is left, for this reason.
    Missing(&'static str),
}

impl fmt::Display for Support {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule => formatter.write_str("by a rule"),
            Self::Unreached(reason) => write!(formatter, "not reached: {reason}"),
            Self::Missing(reason) => write!(formatter, "left: {reason}"),
        }
    }
}

const WRITES: &str = "functionalization replaces it before";
const ASKS: &str = "it answers Python while a program is traced";
const NAMES: &str = "names of dimensions are in no exported program";
const UNTRACED: &str = "`torch.export` cannot trace it, or `run_decompositions` cannot";
const OBJECTS: &str = "it needs an object of a kernel library";
const KEPT: &str = "PyTorch leaves it too";
const PROCESSES: &str =
    "which processes take part is known to the one that traced the program only";
const NO_RULE: &str = "there is no rule";

/// Functions of the table that ask for data where PyTorch traces without any, that know no tensors without data, or
/// that fail with PyTorch's own functional tensors.
const UNTRACED_OPS: &[&str] = &[
    "aten._add_batch_dim.default",
    "aten._grid_sampler_2d_cpu_fallback_backward.default",
    "aten._pack_padded_sequence_backward.default",
    "aten._pad_packed_sequence.default",
    "aten._remove_batch_dim.default",
    "aten._reshape_from_tensor.default",
    "aten._rowwise_prune.default",
    "aten._saturate_weight_to_fp16.default",
    "aten._shape_as_tensor.default",
    "aten._sobol_engine_draw.default",
    "aten._sparse_bsc_tensor_unsafe.default",
    "aten._sparse_bsr_tensor_unsafe.default",
    "aten._sparse_compressed_tensor_unsafe.default",
    "aten._sparse_csc_tensor_unsafe.default",
    "aten._sparse_csr_tensor_unsafe.default",
    "aten._test_ambiguous_defaults.a",
    "aten._test_ambiguous_defaults.b",
    "aten._test_check_tensor.default",
    "aten._wrapped_linear_prepack.default",
    "aten._wrapped_quantized_linear_prepacked.default",
    "aten.align_as.default",
    "aten.align_tensors.default",
    "aten.baddbmm.dtype",
    "aten.choose_qparams_optimized.default",
    "aten.coalesce.default",
    "aten.corrcoef.default",
    "aten.cov.default",
    "aten.ctc_loss.IntList",
    "aten.ctc_loss.Tensor",
    "aten.fbgemm_linear_fp16_weight.default",
    "aten.fbgemm_linear_fp16_weight_fp32_activation.default",
    "aten.fbgemm_linear_int8_weight.default",
    "aten.fbgemm_linear_int8_weight_fp32_activation.default",
    "aten.fbgemm_linear_quantize_weight.default",
    "aten.fbgemm_pack_gemm_matrix_fp16.default",
    "aten.fbgemm_pack_quantized_matrix.KN",
    "aten.fbgemm_pack_quantized_matrix.default",
    "aten.gru.data",
    "aten.lstm.data",
    "aten.nanquantile.default",
    "aten.nanquantile.scalar",
    "aten.nested_to_padded_tensor.default",
    "aten.pin_memory.default",
    "aten.quantile.default",
    "aten.quantile.scalar",
    "aten.quantized_gru_cell.default",
    "aten.quantized_lstm_cell.default",
    "aten.quantized_rnn_relu_cell.default",
    "aten.quantized_rnn_tanh_cell.default",
    "aten.rnn_relu.data",
    "aten.rnn_tanh.data",
    "aten.smm.default",
    "aten.sparse_bsc_tensor.ccol_row_value",
    "aten.sparse_bsc_tensor.ccol_row_value_size",
    "aten.sparse_bsr_tensor.crow_col_value",
    "aten.sparse_bsr_tensor.crow_col_value_size",
    "aten.sparse_coo_tensor.indices",
    "aten.sparse_csc_tensor.ccol_row_value",
    "aten.sparse_csc_tensor.ccol_row_value_size",
    "aten.sparse_csr_tensor.crow_col_value",
    "aten.sparse_csr_tensor.crow_col_value_size",
    "aten.sspaddmm.default",
    "image.decode_gif.default",
    "image.decode_image.default",
    "image.decode_jpeg.default",
    "image.decode_jpegs_cuda.default",
    "image.decode_png.default",
    "image.decode_webp.default",
    "image.encode_jpeg.default",
    "image.encode_jpegs_cuda.default",
    "image.encode_png.default",
    "image.read_file.default",
    "inductor._alloc_from_pool.default",
];

/// Functions of the table that have kernels besides, and are called by these.
const KEPT_OPS: &[&str] = &["aten.native_channel_shuffle.default"];

/// What becomes of an op; none if no table of PyTorch has it.
pub fn support(def: &OpDef) -> Option<Support> {
    if !Table::Core.contains(def) {
        return None;
    }
    Some(if has_rule(def.name) {
        Support::Rule
    } else if def.schema.mutates() {
        Support::Unreached(WRITES)
    } else if UNTRACED_OPS.contains(&def.name) {
        Support::Unreached(UNTRACED)
    } else if !def
        .schema
        .returns
        .iter()
        .any(|ret| mentions(&ret.ty, &is_tensor))
    {
        Support::Unreached(ASKS)
    } else if def.schema.args.iter().any(is_name) {
        Support::Unreached(NAMES)
    } else if KEPT_OPS.contains(&def.name) {
        Support::Unreached(KEPT)
    } else if def.name.starts_with("c10d_functional.") {
        Support::Missing(PROCESSES)
    } else if def
        .schema
        .args
        .iter()
        .any(|arg| mentions(&arg.ty, &is_object))
    {
        Support::Missing(OBJECTS)
    } else {
        Support::Missing(NO_RULE)
    })
}

fn is_tensor(ty: &Type<'_>) -> bool {
    matches!(ty, Type::Tensor)
}

/// A dimension by name; torch prints the type as that of strings.
fn is_name(arg: &Arg<'_>) -> bool {
    const NAMES: [&str; 4] = ["dim", "names", "order", "out_dim"];
    mentions(&arg.ty, &|ty| matches!(ty, Type::Str | Type::Dimname))
        && NAMES.iter().any(|name| arg.name.starts_with(name))
}

fn is_object(ty: &Type<'_>) -> bool {
    matches!(ty, Type::Class(_) | Type::Any)
}

/// Whether a type is such a one, or is built of one.
fn mentions(ty: &Type<'_>, is_such: &dyn Fn(&Type<'_>) -> bool) -> bool {
    is_such(ty)
        || match ty {
            Type::Optional(inner) | Type::List(inner, _) => mentions(inner, is_such),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use expc_dialects::table;

    use super::*;

    fn check(name: &str, expected: Option<Support>) {
        let def = table::lookup(name).unwrap();
        assert_eq!(support(def), expected, "{name}");
    }

    #[test]
    fn what_becomes_of_ops() {
        check("aten.linear.default", Some(Support::Rule));
        check("aten.convolution.default", None);
        check("aten.addcmul.out", Some(Support::Unreached(WRITES)));
        check("aten.is_complex.default", Some(Support::Unreached(ASKS)));
        check("aten.softmax.Dimname", Some(Support::Unreached(NAMES)));
        check("aten.quantile.scalar", Some(Support::Unreached(UNTRACED)));
        check("aten.sspaddmm.default", Some(Support::Unreached(UNTRACED)));
        check(
            "c10d_functional.broadcast.default",
            Some(Support::Missing(PROCESSES)),
        );
    }

    /// An op that gets a rule is no longer one that cannot be traced.
    #[test]
    fn untraced_ops_have_no_rule() {
        let with_rule: Vec<_> = UNTRACED_OPS
            .iter()
            .chain(KEPT_OPS)
            .filter(|name| has_rule(name))
            .collect();
        assert_eq!(with_rule, [&""; 0]);
    }
}

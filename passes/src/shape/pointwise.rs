//! Ops that compute each element of the result from one element of each operand.
//!
//! All of them broadcast; they differ in how the dtype of the result follows from those of the operands. An op
//! that torch tags as pointwise and that has no row promotes by default.

use std::rc::Rc;

use expc_dialects::{ScalarType, table::Type};

use super::{
    Item, NoInference, Tensor,
    broadcast::{broadcast_sizes, common_device, copy_of, elementwise_result, like},
    call::Call,
    promote::{self, Promotion},
    rules::Row,
    tensor::dense,
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    (
        "aten.acos aten.acosh aten.asin aten.asinh aten.atan aten.atanh aten.cos aten.cosh aten.sin aten.sinh \
         aten.tan aten.tanh aten.exp aten.exp2 aten.expm1 aten.log aten.log10 aten.log1p aten.log2 aten.sqrt \
         aten.rsqrt aten.reciprocal aten.sigmoid aten.erf aten.erfc aten.erfinv aten.lgamma aten.digamma \
         aten.mvlgamma aten.polygamma aten.i0 aten.logit aten.sinc aten.deg2rad aten.rad2deg aten.atan2 \
         aten.div.Tensor aten.div.Scalar aten.true_divide aten.divide.Tensor aten.divide.Scalar aten.xlogy \
         aten.copysign aten.igamma aten.igammac aten.arccos aten.arccosh aten.arcsin aten.arcsinh aten.arctan \
         aten.arctanh aten.arctan2 aten.special_expit aten.special_expm1 aten.special_exp2 aten.special_log1p \
         aten.special_erf aten.special_erfc aten.special_erfinv aten.special_gammaln aten.special_digamma \
         aten.special_psi aten.special_polygamma aten.special_i0 aten.special_logit aten.special_sinc \
         aten.special_ndtr aten.special_xlogy aten.special_multigammaln aten.special_gammainc aten.special_gammaincc \
         aten.special_airy_ai aten.special_bessel_j0 aten.special_bessel_j1 aten.special_bessel_y0 \
         aten.special_bessel_y1 aten.special_chebyshev_polynomial_t aten.special_chebyshev_polynomial_u \
         aten.special_chebyshev_polynomial_v aten.special_chebyshev_polynomial_w aten.special_entr \
         aten.special_erfcx aten.special_hermite_polynomial_h aten.special_hermite_polynomial_he aten.special_i0e \
         aten.special_i1 aten.special_i1e aten.special_laguerre_polynomial_l aten.special_legendre_polynomial_p \
         aten.special_log_ndtr aten.special_modified_bessel_i0 aten.special_modified_bessel_i1 \
         aten.special_modified_bessel_k0 aten.special_modified_bessel_k1 aten.special_ndtri \
         aten.special_scaled_modified_bessel_k0 aten.special_scaled_modified_bessel_k1 \
         aten.special_shifted_chebyshev_polynomial_t aten.special_shifted_chebyshev_polynomial_u \
         aten.special_shifted_chebyshev_polynomial_v aten.special_shifted_chebyshev_polynomial_w \
         aten.special_spherical_bessel_j0 aten.special_xlog1py aten.special_zeta \
         prims.acos prims.acosh prims.asin prims.asinh prims.atan prims.atanh prims.cos prims.cosh prims.sin \
         prims.sinh prims.tan prims.tanh prims.exp prims.exp2 prims.expm1 prims.log prims.log10 prims.log1p \
         prims.log2 prims.sqrt prims.rsqrt prims.reciprocal prims.erf prims.erfc prims.erf_inv prims.lgamma \
         prims.digamma prims.bessel_i0 prims.bessel_i0e prims.bessel_i1 prims.bessel_i1e prims.bessel_j0 \
         prims.bessel_j1 prims.erfcx prims.ndtri prims.cbrt prims.spherical_bessel_j0",
        int_to_float,
    ),
    (
        "aten.eq.Tensor aten.eq.Scalar aten.ne.Tensor aten.ne.Scalar aten.lt.Tensor aten.lt.Scalar aten.le.Tensor \
         aten.le.Scalar aten.gt.Tensor aten.gt.Scalar aten.ge.Tensor aten.ge.Scalar aten.greater.Tensor \
         aten.greater.Scalar aten.greater_equal.Tensor aten.greater_equal.Scalar aten.less.Tensor aten.less.Scalar \
         aten.less_equal.Tensor aten.less_equal.Scalar aten.not_equal.Tensor aten.not_equal.Scalar \
         aten.isfinite aten.isinf aten.isnan aten.isneginf aten.isposinf aten.signbit aten.logical_and \
         aten.logical_not aten.logical_or aten.logical_xor aten.isreal aten.isclose \
         prims.eq prims.ne prims.lt prims.le prims.gt prims.ge prims.isfinite prims.signbit",
        always_bool,
    ),
    (
        "aten.absolute aten.negative aten.fix aten.multiply.Tensor aten.multiply.Scalar aten.subtract.Tensor \
         aten.subtract.Scalar aten.rsub.Tensor aten.floor_divide aten.divide.Tensor_mode aten.divide.Scalar_mode \
         aten.__and__.Tensor aten.__and__.Scalar aten.__or__.Tensor aten.__or__.Scalar \
         aten.hardswish aten.leaky_relu aten.log_sigmoid aten._prelu_kernel aten.special_round \
         aten.square aten.pow aten._add_relu aten.conj_physical aten._conj_physical \
         aten.elu_backward aten.hardswish_backward aten.hardtanh_backward aten.leaky_relu_backward \
         aten.hardsigmoid_backward aten.softplus_backward aten.softshrink_backward aten.hardshrink_backward \
         aten.mish_backward aten.log_sigmoid_backward aten._prelu aten.special_logaddexp \
         prims.add prims.sub prims.mul prims.div prims.maximum prims.minimum prims.fmax prims.fmin prims.pow \
         prims.atan2 prims.bitwise_and prims.bitwise_or prims.bitwise_xor prims.bitwise_not prims.shift_left \
         prims.shift_right_arithmetic prims.shift_right_logical prims.neg prims.ceil prims.floor prims.trunc \
         prims.round prims.sign prims.nextafter prims.hypot prims.gcd prims.remainder prims.fmod prims.igamma \
         prims.igammac prims.zeta prims.frac prims.fill prims.copysign prims.conj_physical",
        elementwise,
    ),
    ("aten.prelu", prelu),
    ("aten.abs prims.abs", complex_to_float),
    ("aten.angle", angle),
    ("aten.float_power", float_power),
    ("aten.ldexp", ldexp),
    ("aten.native_dropout_backward aten._masked_scale", scaled),
    ("aten.frexp.Tensor", frexp),
    ("aten.log_sigmoid_forward", log_sigmoid_forward),
    (
        "aten.where.self aten.where.ScalarSelf aten.where.ScalarOther aten.where.Scalar prims.where",
        select,
    ),
    (
        "aten.lerp aten.nan_to_num aten.round.decimals aten.threshold aten.celu aten.elu \
         aten.hardtanh aten.relu6 aten.rrelu",
        of_self,
    ),
    (
        "aten.masked_fill.Scalar aten.masked_fill.Tensor",
        masked_fill,
    ),
    ("aten.fill.Scalar aten.fill.Tensor", filled),
    ("aten.complex", complex),
    ("aten.polar", complex),
    (
        "aten.equal aten.is_nonzero aten.allclose aten.is_same_size",
        truth_value,
    ),
    (
        "aten.dropout aten.feature_dropout aten.alpha_dropout aten.feature_alpha_dropout",
        dropout,
    ),
    ("aten.native_dropout", native_dropout),
    ("aten.type_as", type_as),
];

/// Broadcasts all operands; the dtype is what they promote to.
pub fn elementwise(call: &Call<'_>) -> Results {
    promoting(call, Promotion::Default)
}

fn int_to_float(call: &Call<'_>) -> Results {
    promoting(call, Promotion::IntToFloat)
}

fn always_bool(call: &Call<'_>) -> Results {
    promoting(call, Promotion::AlwaysBool)
}

fn complex_to_float(call: &Call<'_>) -> Results {
    promoting(call, Promotion::ComplexToFloat)
}

fn promoting(call: &Call<'_>, promotion: Promotion) -> Results {
    let (tensors, operands) = operands(call)?;
    let dtype = promote::result_dtype(&operands, promotion)
        .ok_or_else(|| call.unknown("no operand has a dtype"))?;
    Ok(vec![elementwise_result(call, &tensors, dtype)?])
}

/// The tensors, and what takes part in promotion: they and the numbers that are operands, not settings.
fn operands(call: &Call<'_>) -> Result<(Vec<Rc<Tensor>>, Vec<Item>), NoInference> {
    const OPERANDS: [&str; 9] = [
        "self", "other", "exponent", "min", "max", "x", "n", "a", "b",
    ];
    let mut tensors = Vec::new();
    let mut operands = Vec::new();
    let args = call
        .def
        .map(|def| def.schema.args.as_slice())
        .unwrap_or_default();
    for (index, arg) in args.iter().enumerate() {
        match call.at(index) {
            Item::Tensor(tensor) => {
                tensors.push(Rc::clone(&tensor));
                operands.push(Item::Tensor(tensor));
            }
            found @ (Item::Unranked(_) | Item::Any) => {
                return Err(call.unexpected(arg.name, "a tensor", &found));
            }
            number if arg.ty.is_tensor() => operands.push(number),
            number if *arg.ty.element() == Type::Scalar && OPERANDS.contains(&arg.name) => {
                operands.push(number);
            }
            _ => {}
        }
    }
    if tensors.is_empty() {
        return Err(call.unknown("there is no tensor among the operands"));
    }
    Ok((tensors, operands))
}

/// Broadcasts, and keeps the dtype of the first operand.
fn of_self(call: &Call<'_>) -> Results {
    let (tensors, _) = operands(call)?;
    let dtype = tensors
        .first()
        .map_or(promote::DEFAULT_FLOAT, |tensor| tensor.dtype);
    Ok(vec![elementwise_result(call, &tensors, dtype)?])
}

/// One weight for all elements, or one for each channel.
fn prelu(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dtype = tensor.dtype;
    Ok(vec![elementwise_result(call, &[tensor], dtype)?])
}

/// Angles of complex numbers and of integers are floats.
fn angle(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let dtype = promote::apply(promote::real_of(tensor.dtype), Promotion::IntToFloat);
    Ok(vec![elementwise_result(call, &[tensor], dtype)?])
}

/// Computed in double precision whatever the operands are.
fn float_power(call: &Call<'_>) -> Results {
    let (tensors, operands) = operands(call)?;
    let dtype = match promote::promoted(&operands) {
        Some(dtype) if dtype.is_complex() => ScalarType::Complex128,
        _ => ScalarType::Float64,
    };
    Ok(vec![elementwise_result(call, &tensors, dtype)?])
}

/// A product with a float.
fn scaled(call: &Call<'_>) -> Results {
    let (tensors, _) = operands(call)?;
    let factors = [call.at(0), Item::Float(1.0)];
    let dtype = promote::promoted(&factors).unwrap_or(promote::DEFAULT_FLOAT);
    Ok(vec![elementwise_result(call, &tensors, dtype)?])
}

/// ldexp(x, n) = x * 2.0**n
fn ldexp(call: &Call<'_>) -> Results {
    let (mantissa, exponent) = (call.tensor("self")?, call.tensor("other")?);
    let power_operands = [Item::Tensor(Rc::clone(&exponent)), Item::Float(2.0)];
    let power = promote::promoted(&power_operands).unwrap_or(promote::DEFAULT_FLOAT);
    let scale = Tensor {
        dtype: power,
        ..(*exponent).clone()
    };
    let factors = [Item::Tensor(Rc::clone(&mantissa)), scale.into()];
    let dtype = promote::promoted(&factors).unwrap_or(power);
    Ok(vec![elementwise_result(
        call,
        &[mantissa, exponent],
        dtype,
    )?])
}

/// Mantissa and exponent.
fn frexp(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let mantissa = elementwise_result(call, &[Rc::clone(&tensor)], tensor.dtype)?;
    let exponent = elementwise_result(call, &[tensor], ScalarType::Int32)?;
    Ok(vec![mantissa, exponent])
}

/// The result and a buffer, which is empty on CUDA.
fn log_sigmoid_forward(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let output = like(call.env, &tensor, tensor.dtype)?;
    let buffer = if tensor.device.starts_with("cuda") {
        Tensor::contiguous(tensor.dtype, vec![super::Size::ZERO], &tensor.device)?
    } else {
        output.clone()
    };
    Ok(vec![output.into(), buffer.into()])
}

/// The condition takes no part in promotion.
fn select(call: &Call<'_>) -> Results {
    let args = call
        .def
        .map(|def| def.schema.args.as_slice())
        .unwrap_or_default();
    let mut tensors = Vec::new();
    let mut branches = Vec::new();
    for index in 0..args.len() {
        let item = call.at(index);
        match &item {
            Item::Tensor(tensor) => tensors.push(Rc::clone(tensor)),
            Item::Unranked(_) | Item::Any => return Err(call.unexpected("self", "a tensor", &item)),
            _ => {}
        }
        if index > 0 {
            branches.push(item);
        }
    }
    let dtype =
        promote::promoted(&branches).ok_or_else(|| call.unknown("no branch has a dtype"))?;
    Ok(vec![elementwise_result(call, &tensors, dtype)?])
}

/// Row-major, with the dtype of `self`.
fn masked_fill(call: &Call<'_>) -> Results {
    let (tensor, mask) = (call.tensor("self")?, call.tensor("mask")?);
    let sizes = broadcast_sizes(call.env, &[&tensor.sizes, &mask.sizes])?;
    dense(&tensor, sizes)
}

fn filled(call: &Call<'_>) -> Results {
    let tensor = call.tensor("self")?;
    Ok(vec![like(call.env, &tensor, tensor.dtype)?.into()])
}

/// A complex tensor of two real ones.
fn complex(call: &Call<'_>) -> Results {
    let parts = [call.tensor_at(0)?, call.tensor_at(1)?];
    let dtype = promote::complex_of(parts[0].dtype);
    Ok(vec![elementwise_result(call, &parts, dtype)?])
}

/// A Python bool that data decide.
fn truth_value(_: &Call<'_>) -> Results {
    Ok(vec![Item::SymBool(None)])
}

/// A copy of the input where nothing is dropped, else its product with a mask.
fn dropout(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    if !call.bool("train")? {
        return Ok(vec![copy_of(call.env, &tensor, tensor.dtype)?.into()]);
    }
    Ok(vec![like(call.env, &tensor, tensor.dtype)?.into()])
}

/// The result and the mask.
fn native_dropout(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let result = like(call.env, &tensor, tensor.dtype)?;
    let mask = like(call.env, &tensor, ScalarType::Bool)?;
    Ok(vec![result.into(), mask.into()])
}

/// The dtype and device of another tensor.
fn type_as(call: &Call<'_>) -> Results {
    let (tensor, other) = (call.tensor("self")?, call.tensor("other")?);
    let device = common_device(&[Rc::clone(&other)]);
    if tensor.dtype == other.dtype && tensor.device == other.device {
        return Ok(vec![Item::Tensor(tensor)]);
    }
    let result = Tensor {
        device,
        ..copy_of(call.env, &tensor, other.dtype)?
    };
    Ok(vec![result.into()])
}

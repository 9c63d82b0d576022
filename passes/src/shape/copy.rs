//! Ops that copy a tensor, perhaps to another dtype, device or memory format.

use std::rc::Rc;

use super::{
    Item, NoInference, Tensor,
    broadcast::{self, copy_of},
    call::Call,
    factory::normal_device,
    rules::Row,
    size::Size,
    tensor::{MemoryFormat, format_strides},
};
use expc_dialects::ScalarType;

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    (
        "aten.clone aten.lift_fresh_copy aten.lift aten.alias_copy aten.detach_copy prims.clone prims.copy_strided",
        clone,
    ),
    ("aten.contiguous", contiguous),
    (
        "aten._to_copy aten.to aten.cpu aten.cuda prims.convert_element_type prims.device_put aten._autocast_to_full_precision aten._autocast_to_reduced_precision",
        to,
    ),
    (
        "aten._cast_Byte aten._cast_Char aten._cast_Double aten._cast_Float aten._cast_Half aten._cast_Int aten._cast_Long aten._cast_Short",
        cast,
    ),
    ("aten.chalf", chalf),
    ("aten.float aten.double aten.half aten.bfloat16", to),
    ("aten.resolve_conj aten.resolve_neg", super::view::same),
    (
        "aten.empty_like aten.zeros_like aten.ones_like aten.full_like aten.rand_like aten.randn_like \
         aten.randint_like",
        like,
    ),
];

/// A copy in a memory format; where none is asked for, in the operand's.
fn copied(
    call: &Call<'_>,
    tensor: &Tensor,
    dtype: ScalarType,
    device: Rc<str>,
    format: MemoryFormat,
) -> Result<Item, NoInference> {
    if format == MemoryFormat::Preserve {
        let copy = copy_of(call.env, tensor, dtype)?;
        return Ok(Tensor { device, ..copy }.into());
    }
    let strides = format_strides(&tensor.sizes, format)?;
    Ok(Tensor::strided(dtype, tensor.sizes.clone(), strides, &device).into())
}

fn clone(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let format = call
        .memory_format("memory_format")
        .unwrap_or(MemoryFormat::Preserve);
    copied(
        call,
        &tensor,
        tensor.dtype,
        Rc::clone(&tensor.device),
        format,
    )
    .map(|result| vec![result])
}

fn contiguous(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let format = call
        .memory_format("memory_format")
        .unwrap_or(MemoryFormat::Contiguous);
    if tensor.is_contiguous_in(call.env, format) {
        return super::view::same(call);
    }
    clone_in(call, &tensor, format)
}

fn clone_in(call: &Call<'_>, tensor: &Tensor, format: MemoryFormat) -> Results {
    copied(
        call,
        tensor,
        tensor.dtype,
        Rc::clone(&tensor.device),
        format,
    )
    .map(|result| vec![result])
}

/// The operand itself where it has the dtype, device and format already and no copy is asked for.
fn to(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    let other = match call.get("other") {
        Item::Tensor(other) => Some(other),
        _ => None,
    };
    let dtype = match call.get("dtype") {
        Item::Dtype(dtype) => dtype,
        Item::Int(Size::Int(number)) => {
            ScalarType::from_c10(number).ok_or_else(|| call.unknown("the dtype is not known"))?
        }
        _ => other.as_ref().map_or(tensor.dtype, |other| other.dtype),
    };
    let device = match call.device("device") {
        Some(device) => normal_device(&device),
        None => other.as_ref().map_or_else(
            || Rc::clone(&tensor.device),
            |other| Rc::clone(&other.device),
        ),
    };
    if call.get("layout") != Item::None
        && call.get("layout") != Item::Layout(Rc::clone(&tensor.layout))
    {
        return Err(call.unknown("the layout changes"));
    }
    let format = call
        .memory_format("memory_format")
        .unwrap_or(MemoryFormat::Preserve);
    let may_stay = call.has("copy") && !call.bool("copy")?;
    let is_right = dtype == tensor.dtype
        && device == tensor.device
        && (format == MemoryFormat::Preserve || tensor.is_contiguous_in(call.env, format));
    if may_stay && is_right {
        return super::view::same(call);
    }
    copied(call, &tensor, dtype, device, format).map(|result| vec![result])
}

fn cast(call: &Call<'_>) -> Results {
    const DTYPES: [(&str, ScalarType); 8] = [
        ("_Byte", ScalarType::Uint8),
        ("_Char", ScalarType::Int8),
        ("_Double", ScalarType::Float64),
        ("_Float", ScalarType::Float32),
        ("_Half", ScalarType::Float16),
        ("_Int", ScalarType::Int32),
        ("_Long", ScalarType::Int64),
        ("_Short", ScalarType::Int16),
    ];
    let found = DTYPES.iter().find(|(suffix, _)| call.name.contains(suffix));
    let Some((_, dtype)) = found else {
        return Err(call.unknown("the dtype is not known"));
    };
    to_dtype(call, *dtype)
}

fn to_dtype(call: &Call<'_>, dtype: ScalarType) -> Results {
    let tensor = call.tensor_at(0)?;
    if tensor.dtype == dtype {
        return super::view::same(call);
    }
    let device = Rc::clone(&tensor.device);
    copied(call, &tensor, dtype, device, MemoryFormat::Preserve).map(|result| vec![result])
}

fn chalf(call: &Call<'_>) -> Results {
    to_dtype(call, ScalarType::Complex32)
}

fn like(call: &Call<'_>) -> Results {
    let tensor = call.tensor_at(0)?;
    if !matches!(call.get("layout"), Item::None | Item::Layout(_)) || &*tensor.layout != "strided" {
        return Err(call.unknown("the layout is not strided"));
    }
    let dtype = call.dtype("dtype").unwrap_or(tensor.dtype);
    let device = call.device("device").map_or_else(
        || Rc::clone(&tensor.device),
        |device| normal_device(&device),
    );
    let format = call
        .memory_format("memory_format")
        .unwrap_or(MemoryFormat::Preserve);
    if format == MemoryFormat::Preserve {
        let made = broadcast::like(call.env, &tensor, dtype)?;
        return Ok(vec![Tensor { device, ..made }.into()]);
    }
    copied(call, &tensor, dtype, device, format).map(|result| vec![result])
}

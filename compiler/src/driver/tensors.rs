//! Between the tensors of files and the values of the runtime.

use std::sync::Arc;

use expc_dialects::ScalarType;
use expc_pt2::SharedBytes;
use expc_runtime::torch::{
    Device, Layout, Op, Storage, StorageView, TensorInfo, TorchError, Value, clone_tensor,
    tensor_bytes,
};

use crate::tensor_file::{Format, HostTensor, can_hold};

/// What libtorch, or the tensor itself, stands in the way with.
pub type Result<T> = std::result::Result<T, String>;

/// Mapped or owned bytes as libtorch's storages take them.
pub struct Bytes(pub SharedBytes);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Where a file's tensor lies in its bytes: at their beginning, row-major.
pub fn view_of(host: &HostTensor) -> Result<StorageView> {
    let too_large = |_| format!("the shape {:?} is too large", host.shape());
    let sizes = host
        .shape()
        .iter()
        .map(|size| i64::try_from(*size))
        .collect::<std::result::Result<Vec<_>, _>>();
    let sizes = sizes.map_err(too_large)?;
    let mut strides = vec![1; sizes.len()];
    let mut stride = 1_i64;
    for (slot, size) in strides.iter_mut().zip(&sizes).rev() {
        *slot = stride;
        stride = stride.saturating_mul((*size).max(1));
    }
    Ok(StorageView {
        dtype: host.dtype(),
        sizes,
        strides,
        offset: 0,
    })
}

/// A tensor of its own memory on a device, cast to `dtype`.
pub fn to_tensor(host: &HostTensor, dtype: ScalarType, device: Device) -> Result<tch::Tensor> {
    let bytes = host.bytes().clone();
    let range = 0..bytes.len();
    let shared = Storage::from_bytes(Arc::new(Bytes(bytes)), range).map_err(text)?;
    let shared = shared.view(&view_of(host)?).map_err(text)?;
    // The copy keeps programs that write to their inputs from writing to the file's tensor.
    let copy = clone_tensor(&shared, Some(device)).map_err(text)?;
    if dtype == host.dtype() {
        Ok(copy)
    } else {
        cast(&copy, dtype)
    }
}

/// What a file can hold of a tensor: dense, row-major, and of a wider dtype where the format lacks its own.
pub fn to_host(tensor: &tch::Tensor, format: Format) -> Result<HostTensor> {
    let info = TensorInfo::of(tensor);
    if info.layout != Layout::STRIDED {
        return to_host(&unary("aten::to_dense", tensor)?, format);
    }
    let Some(dtype) = info.dtype else {
        return to_host(&unary("aten::dequantize.self", tensor)?, format);
    };
    if let Some(wider) = widened(dtype).filter(|_| !can_hold(format, dtype)) {
        return to_host(&cast(tensor, wider)?, format);
    }
    let shape = info
        .sizes
        .iter()
        .map(|size| usize::try_from(*size))
        .collect::<std::result::Result<Vec<_>, _>>();
    let shape = shape.map_err(|_| format!("a size is negative: {:?}", info.sizes))?;
    HostTensor::new(dtype, shape, tensor_bytes(tensor).map_err(text)?)
        .ok_or_else(|| format!("the sizes {:?} do not fit the tensor's bytes", info.sizes))
}

/// The dtype under which files without `dtype` carry its values exactly.
pub fn widened(dtype: ScalarType) -> Option<ScalarType> {
    use ScalarType::*;
    match dtype {
        BFloat16 | Float8E4M3Fn | Float8E5M2 | Float8E4M3FnUz | Float8E5M2FnUz | Float8E8M0Fnu => {
            Some(Float32)
        }
        Complex32 => Some(Complex64),
        _ => None,
    }
}

/// A value as a file holds it: numbers are tensors without dimensions; `None` for what files cannot hold.
pub fn value_to_host(value: &Value, format: Format) -> Result<Option<HostTensor>> {
    let number = |dtype, bytes: &[u8]| Ok(HostTensor::new(dtype, Vec::new(), bytes.to_vec()));
    match value {
        Value::Tensor(tensor) => to_host(tensor, format).map(Some),
        Value::Int(value) => number(ScalarType::Int64, &value.to_ne_bytes()),
        Value::Float(value) => number(ScalarType::Float64, &value.to_ne_bytes()),
        Value::Bool(value) => number(ScalarType::Bool, &[u8::from(*value)]),
        Value::Complex(real, imaginary) => number(
            ScalarType::Complex128,
            &[real.to_ne_bytes(), imaginary.to_ne_bytes()].concat(),
        ),
        Value::None
        | Value::Str(_)
        | Value::Device(_)
        | Value::List(_)
        | Value::Dict(_)
        | Value::Opaque(_) => Ok(None),
    }
}

/// The tensor with elements of another dtype.
pub fn cast(tensor: &tch::Tensor, dtype: ScalarType) -> Result<tch::Tensor> {
    call(
        "aten::to.dtype",
        &[
            Value::Tensor(tensor.shallow_clone()),
            Value::Int(dtype.c10()),
        ],
    )
}

fn unary(op: &str, tensor: &tch::Tensor) -> Result<tch::Tensor> {
    call(op, &[Value::Tensor(tensor.shallow_clone())])
}

/// Calls an operator that gives one tensor.
pub fn call(op: &str, arguments: &[Value]) -> Result<tch::Tensor> {
    let found = Op::find(op).ok_or_else(|| format!("libtorch has no operator `{op}`"))?;
    match found.call(arguments, &[]).map_err(text)?.pop() {
        Some(Value::Tensor(tensor)) => Ok(tensor),
        _ => Err(format!("`{op}` did not give a tensor")),
    }
}

fn text(error: TorchError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dtype_survives_the_way_through_libtorch() {
        for dtype in ScalarType::all() {
            let bytes = vec![0; dtype.size() * 6];
            let host = HostTensor::new(dtype, vec![2, 3], bytes).expect("six elements");
            let tensor = to_tensor(&host, dtype, Device::CPU).expect("a tensor");
            let back = to_host(&tensor, Format::Npz).expect("read");
            assert_eq!(back.dtype(), widened(dtype).unwrap_or(dtype));
            assert_eq!(back.shape(), [2, 3]);
        }
    }

    #[test]
    fn narrow_floats_are_cast_both_ways() {
        let values: Vec<u8> = [1.0_f32, -2.5, 0.0]
            .into_iter()
            .flat_map(f32::to_ne_bytes)
            .collect();
        let host = HostTensor::new(ScalarType::Float32, vec![3], values).expect("three elements");
        for dtype in [
            ScalarType::BFloat16,
            ScalarType::Float8E4M3Fn,
            ScalarType::Float8E5M2,
        ] {
            let tensor = to_tensor(&host, dtype, Device::CPU).expect("a tensor");
            assert_eq!(TensorInfo::of(&tensor).dtype, Some(dtype));
            assert_eq!(to_host(&tensor, Format::Npz).expect("read"), host);
        }
    }

    #[test]
    fn gaps_and_order_of_memory_do_not_matter() {
        let tensor = tch::Tensor::from_slice(&[1_i32, 2, 3, 4, 5, 6])
            .view([2, 3])
            .transpose(0, 1);
        let host = to_host(&tensor, Format::Npz).expect("read");
        let expected: Vec<u8> = [1_i32, 4, 2, 5, 3, 6]
            .into_iter()
            .flat_map(i32::to_ne_bytes)
            .collect();
        assert_eq!(
            Some(host),
            HostTensor::new(ScalarType::Int32, vec![3, 2], expected)
        );
    }

    #[test]
    fn sparse_tensors_become_dense() {
        let dense = tch::Tensor::from_slice(&[0.0_f32, 5.0, 0.0]);
        let sparse = unary("aten::to_sparse", &dense).expect("sparse");
        assert_eq!(
            to_host(&sparse, Format::Npz).expect("read"),
            to_host(&dense, Format::Npz).expect("read")
        );
    }

    #[test]
    fn numbers_have_no_dimensions_and_other_values_are_absent() {
        let host = |value| value_to_host(&value, Format::Npz).expect("converted");
        let float = host(Value::Float(1.5)).expect("a number");
        assert_eq!(
            (float.dtype(), float.shape()),
            (ScalarType::Float64, &[][..])
        );
        assert_eq!(host(Value::None), None);
        assert_eq!(host(Value::Str("sum".to_owned())), None);
    }
}

//! Named tensors in the safetensors format; tensors share the mapped file.

use std::path::Path;

use ::safetensors::{Dtype, SafeTensors, tensor::TensorView};
use expc_dialects::ScalarType;
use expc_pt2::SharedBytes;

use super::{
    Error, ErrorKind, HostTensor, MAX_RANK, Tensors, npy::normalize_bools, write_atomically,
};

/// The dtypes that the format has.
const TYPES: &[(Dtype, ScalarType)] = &[
    (Dtype::BOOL, ScalarType::Bool),
    (Dtype::U8, ScalarType::Uint8),
    (Dtype::I8, ScalarType::Int8),
    (Dtype::F8_E5M2, ScalarType::Float8E5M2),
    (Dtype::F8_E4M3, ScalarType::Float8E4M3Fn),
    (Dtype::F8_E8M0, ScalarType::Float8E8M0Fnu),
    (Dtype::I16, ScalarType::Int16),
    (Dtype::U16, ScalarType::Uint16),
    (Dtype::F16, ScalarType::Float16),
    (Dtype::BF16, ScalarType::BFloat16),
    (Dtype::I32, ScalarType::Int32),
    (Dtype::U32, ScalarType::Uint32),
    (Dtype::F32, ScalarType::Float32),
    (Dtype::F64, ScalarType::Float64),
    (Dtype::I64, ScalarType::Int64),
    (Dtype::U64, ScalarType::Uint64),
];

/// The format's own dtype, or none if it has none such.
pub(super) fn name_of(dtype: ScalarType) -> Option<Dtype> {
    TYPES
        .iter()
        .find(|(_, known)| *known == dtype)
        .map(|(name, _)| *name)
}

/// All tensors in the order of their data.
pub(super) fn read(path: &Path, bytes: &SharedBytes) -> Result<Tensors, Error> {
    let damaged = |what: String| ErrorKind::Header(what).in_file(path);
    let (header, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|error| damaged(error.to_string()))?;
    let mut tensors = Vec::new();
    for name in metadata.offset_keys() {
        let Some(info) = metadata.info(&name) else {
            continue;
        };
        let at = |kind: ErrorKind| kind.at(path, &name);
        let dtype = TYPES
            .iter()
            .find(|(known, _)| *known == info.dtype)
            .map(|(_, dtype)| *dtype);
        let dtype =
            dtype.ok_or_else(|| at(ErrorKind::UnsupportedDtype(format!("{:?}", info.dtype))))?;
        if info.shape.len() > MAX_RANK {
            return Err(at(ErrorKind::Rank {
                found: info.shape.len(),
            }));
        }
        let (start, end) = info.data_offsets;
        // The length of the header's text takes eight bytes.
        let data = header
            .checked_add(8)
            .and_then(|base| bytes.slice(base.checked_add(start)?..base.checked_add(end)?));
        let data = data.ok_or_else(|| {
            at(ErrorKind::Header(
                "its data lies outside of the file".to_owned(),
            ))
        })?;
        let data = if dtype == ScalarType::Bool {
            sound_bools(data)
        } else {
            data
        };
        let tensor = HostTensor::new(dtype, info.shape.clone(), data);
        let tensor = tensor.ok_or_else(|| at(ErrorKind::Overflow(info.shape.clone())))?;
        tensors.push((name, tensor));
    }
    Ok(tensors)
}

/// The same bytes if all are zero or one, else a copy in which they are.
fn sound_bools(bytes: SharedBytes) -> SharedBytes {
    if bytes.iter().all(|byte| *byte <= 1) {
        return bytes;
    }
    let mut copy = bytes.to_vec();
    normalize_bools(&mut copy);
    copy.into()
}

/// Writes all tensors.
pub(super) fn write(path: &Path, tensors: &[(String, HostTensor)]) -> Result<(), Error> {
    let mut views = Vec::new();
    for (name, tensor) in tensors {
        let unsupported = ErrorKind::DtypeOfFormat(tensor.dtype.torch_name());
        let dtype = name_of(tensor.dtype).ok_or_else(|| unsupported.at(path, name))?;
        let view = TensorView::new(dtype, tensor.shape.clone(), tensor.bytes());
        views.push((
            name,
            view.map_err(|error| ErrorKind::Header(error.to_string()).at(path, name))?,
        ));
    }
    let content = ::safetensors::serialize(views, None);
    let content = content.map_err(|error| ErrorKind::Header(error.to_string()).in_file(path))?;
    write_atomically(path, |file| {
        file.write_all(&content).map_err(ErrorKind::Write)
    })
    .map_err(|kind| kind.in_file(path))
}

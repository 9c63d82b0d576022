//! Tensors that tch cannot make or describe: all dtypes and layouts, memory of others, shared storages.

use std::{ffi::c_void, fmt, sync::Arc};

use expc_dialects::dtype::ScalarType;

use super::{Op, TorchError, Value, check, check_pointer, ffi, sink, slice_or_empty};

/// What a tensor is, whatever its dtype and layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// None for dtypes that programs cannot name, such as the quantized ones.
    pub dtype: Option<ScalarType>,
    pub sizes: Vec<i64>,
    /// None for layouts that have none.
    pub strides: Option<Vec<i64>>,
    pub storage_offset: i64,
    pub device: Device,
    pub layout: Layout,
    /// Tensors with the same number share memory as long as one of them lives; none where there is no storage.
    pub storage: Option<usize>,
}

impl TensorInfo {
    pub fn of(tensor: &tch::Tensor) -> Self {
        let mut info = ffi::CxxTensorInfo::UNDEFINED;
        // SAFETY: the tensor is alive, and `info` is written in full; its pointers are valid as long as the tensor
        // lives and is not resized, which is not done here.
        unsafe {
            ffi::expc_tensor_describe(tensor.as_ptr().cast_mut(), &mut info);
            Self::read(&info)
        }
    }

    /// # Safety
    /// The pointers in `info` are valid.
    pub(super) unsafe fn read(info: &ffi::CxxTensorInfo) -> Self {
        // SAFETY: promised by the caller.
        let (sizes, strides) = unsafe {
            (
                slice_or_empty(info.sizes, info.rank),
                slice_or_empty(info.strides, info.rank),
            )
        };
        Self {
            dtype: ScalarType::from_c10(i64::from(info.dtype)),
            sizes: sizes.to_vec(),
            strides: (!info.strides.is_null()).then(|| strides.to_vec()),
            storage_offset: info.storage_offset,
            device: Device {
                kind: DeviceKind::from_c10(info.device_type),
                index: usize::try_from(info.device_index).ok(),
            },
            layout: Layout::from_c10(info.layout),
            storage: (!info.storage.is_null()).then(|| info.storage.addr()),
        }
    }
}

impl TensorInfo {
    /// The number of elements; none if it overflows.
    pub fn element_count(&self) -> Option<i64> {
        self.sizes
            .iter()
            .try_fold(1_i64, |product, size| product.checked_mul(*size))
    }

    /// How many elements of the storage, from its start, the tensor reaches; none without strides.
    pub fn storage_length(&self) -> Option<i64> {
        if self.element_count() == Some(0) {
            return Some(0);
        }
        let mut last = self.storage_offset;
        for (size, stride) in self.sizes.iter().zip(self.strides.as_ref()?) {
            last = last.checked_add(size.checked_sub(1)?.checked_mul(*stride)?)?;
        }
        last.checked_add(1)
    }
}

/// A device in the words of PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    pub kind: DeviceKind,
    /// None for kinds of which there is one.
    pub index: Option<usize>,
}

/// The kinds of device that programs name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    Cpu,
    Cuda,
    Meta,
    /// Any other, by c10's number.
    Other(i32),
}

impl DeviceKind {
    fn from_c10(number: i32) -> Self {
        match number {
            0 => Self::Cpu,
            1 => Self::Cuda,
            14 => Self::Meta,
            other => Self::Other(other),
        }
    }
}

impl Device {
    /// The device without its index, `cuda`.
    pub fn kind_name(self) -> &'static str {
        match self.kind {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Cuda => "cuda",
            DeviceKind::Meta => "meta",
            DeviceKind::Other(_) => "unknown",
        }
    }

    pub const CPU: Self = Self {
        kind: DeviceKind::Cpu,
        index: None,
    };

    /// Reads `cpu`, `cuda`, `cuda:1` or `meta`.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, index) = match text.split_once(':') {
            Some((kind, index)) => (kind, Some(index.parse().ok()?)),
            None => (text, None),
        };
        let kind = match kind {
            "cpu" => DeviceKind::Cpu,
            "cuda" => DeviceKind::Cuda,
            "meta" => DeviceKind::Meta,
            _ => return None,
        };
        Some(Self { kind, index })
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            DeviceKind::Cpu => write!(f, "cpu")?,
            DeviceKind::Cuda => write!(f, "cuda")?,
            DeviceKind::Meta => write!(f, "meta")?,
            DeviceKind::Other(number) => write!(f, "device type {number}")?,
        }
        match (self.kind, self.index) {
            (DeviceKind::Cpu | DeviceKind::Meta, _) | (_, None) => Ok(()),
            (_, Some(index)) => write!(f, ":{index}"),
        }
    }
}

/// How the elements of a tensor lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout(i32);

impl Layout {
    pub const STRIDED: Self = Self(0);
    const NAMES: [&'static str; 8] = [
        "strided",
        "sparse_coo",
        "sparse_csr",
        "_mkldnn",
        "sparse_csc",
        "sparse_bsr",
        "sparse_bsc",
        "jagged",
    ];

    fn from_c10(number: i32) -> Self {
        Self(number)
    }

    /// The layout of a number that schemas take.
    pub fn of_c10(number: i64) -> Option<Self> {
        let index = usize::try_from(number).ok()?;
        Self::NAMES.get(index)?;
        i32::try_from(number).ok().map(Self)
    }

    /// Reads `strided`, as in `torch.strided`.
    pub fn parse(name: &str) -> Option<Self> {
        let number = Self::NAMES.iter().position(|known| *known == name)?;
        i32::try_from(number).ok().map(Self)
    }

    /// The number that schemas take.
    pub fn c10(self) -> i64 {
        self.0.into()
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match usize::try_from(self.0)
            .ok()
            .and_then(|number| Self::NAMES.get(number))
        {
            Some(name) => f.write_str(name),
            None => write!(f, "layout {}", self.0),
        }
    }
}

const MEMORY_FORMATS: [&str; 4] = [
    "contiguous_format",
    "preserve_format",
    "channels_last",
    "channels_last_3d",
];

/// The number that schemas take for `channels_last` and its like.
pub fn memory_format_c10(name: &str) -> Option<i64> {
    let number = MEMORY_FORMATS.iter().position(|known| *known == name)?;
    i64::try_from(number).ok()
}

/// The name of the memory format that schemas take as this number.
pub fn memory_format_name(number: i64) -> Option<&'static str> {
    let index = usize::try_from(number).ok()?;
    MEMORY_FORMATS.get(index).copied()
}

/// A number that handles of one tensor share, and no other tensor has while it lives.
pub fn tensor_identity(tensor: &tch::Tensor) -> usize {
    // SAFETY: the tensor is alive.
    unsafe { ffi::expc_tensor_identity(tensor.as_ptr().cast_mut()).addr() }
}

/// A handle of a tensor that several threads may clone.
#[derive(Debug)]
pub struct SharedTensor(tch::Tensor);

// SAFETY: through a shared reference this type only gives out further handles, which counts references atomically,
// and metadata, which nobody changes because no handle given out here is resized by us while others read it. Writes
// to the elements are ordered by the callers (`executor` lets programs that write to their state run one at a time).
unsafe impl Sync for SharedTensor {}

impl SharedTensor {
    pub fn new(tensor: tch::Tensor) -> Self {
        Self(tensor)
    }

    /// Another handle of the same tensor.
    pub fn handle(&self) -> tch::Tensor {
        self.0.shallow_clone()
    }

    pub fn info(&self) -> TensorInfo {
        TensorInfo::of(&self.0)
    }
}

/// Bytes that tensors lie in; several tensors may share one.
#[derive(Debug)]
pub struct Storage(SharedTensor);

/// Where a tensor lies in a storage; all counts are elements of `dtype`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageView {
    pub dtype: ScalarType,
    pub sizes: Vec<i64>,
    pub strides: Vec<i64>,
    pub offset: i64,
}

impl StorageView {
    /// How many bytes of storage the view needs.
    ///
    /// # Errors
    /// A size, stride or offset is negative, their numbers differ, or the extent overflows.
    pub fn required_bytes(&self) -> Result<usize, TorchError> {
        let Self {
            sizes,
            strides,
            offset,
            ..
        } = self;
        if sizes.len() != strides.len() {
            return Err(TorchError::new(format!(
                "a tensor has {} sizes and {} strides",
                sizes.len(),
                strides.len()
            )));
        }
        if let Some(negative) = sizes
            .iter()
            .chain(strides)
            .chain([offset])
            .find(|number| **number < 0)
        {
            return Err(TorchError::new(format!(
                "a size, stride or offset is negative: {negative}"
            )));
        }
        self.extent().ok_or_else(|| {
            TorchError::new(format!("sizes {sizes:?} with strides {strides:?} overflow"))
        })
    }

    fn extent(&self) -> Option<usize> {
        let elements = self
            .sizes
            .iter()
            .try_fold(1_i64, |product, size| product.checked_mul(*size));
        let mut last = self.offset;
        for (size, stride) in self.sizes.iter().zip(&self.strides) {
            if elements == Some(0) || self.sizes.contains(&0) {
                return Some(0);
            }
            last = last.checked_add(size.checked_sub(1)?.checked_mul(*stride)?)?;
        }
        elements?;
        let bytes = last
            .checked_add(1)?
            .checked_mul(i64::try_from(self.dtype.size()).ok()?)?;
        usize::try_from(bytes).ok()
    }
}

impl Storage {
    /// A storage over bytes that someone else holds, without a copy. They stay alive as long as a tensor uses them.
    ///
    /// Operators that write to such a tensor write to these bytes, so they must be writable by this process: a file
    /// is mapped privately (copy on write), never read-only.
    ///
    /// # Errors
    /// libtorch refused.
    pub fn from_bytes(
        bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
        range: std::ops::Range<usize>,
    ) -> Result<Self, TorchError> {
        let all: &[u8] = (*bytes).as_ref();
        let total = all.len();
        let Some(part) = all.get(range.clone()) else {
            return Err(TorchError::new(format!(
                "bytes {}..{} lie outside of {total} bytes",
                range.start, range.end
            )));
        };
        let (data, length) = (part.as_ptr().cast_mut().cast::<c_void>(), part.len());
        let context = Box::into_raw(Box::new(bytes)).cast::<c_void>();
        // SAFETY: `data` is valid as long as `bytes` lives, which `context` owns; the border calls `drop_bytes` once,
        // also when it fails.
        let tensor = check_pointer(|error| unsafe {
            ffi::expc_tensor_from_memory(data, length, context, drop_bytes, error)
        })?;
        // SAFETY: the border gave us a new tensor.
        Ok(Self(SharedTensor(unsafe {
            tch::Tensor::from_ptr(tensor.as_ptr())
        })))
    }

    /// Whether the elements of `view` would lie at multiples of their size, as kernels expect.
    pub fn is_aligned_for(&self, view: &StorageView) -> bool {
        // SAFETY: the tensor is alive.
        let address = unsafe { ffi::expc_tensor_storage_address(self.0.0.as_ptr().cast_mut()) };
        address.addr().is_multiple_of(view.dtype.size().min(8))
    }

    pub fn device(&self) -> Device {
        self.0.info().device
    }

    /// The storage of an existing tensor, shared with it.
    pub fn of(tensor: &tch::Tensor) -> Self {
        Self(SharedTensor(tensor.shallow_clone()))
    }

    /// A tensor in this storage.
    ///
    /// # Errors
    /// The view does not lie inside.
    pub fn view(&self, view: &StorageView) -> Result<tch::Tensor, TorchError> {
        let required = view.required_bytes()?;
        let available = self.length();
        if required > available {
            let what = format!(
                "a {} tensor of sizes {:?}",
                view.dtype.torch_name(),
                view.sizes
            );
            return Err(TorchError::new(format!(
                "{what} needs {required} bytes of storage, there are {available}"
            )));
        }
        let dtype = i32::try_from(view.dtype.c10())
            .map_err(|_| TorchError::new("the dtype has no number"))?;
        // SAFETY: sizes and strides have the same length (checked by `required_bytes`) and the view lies inside.
        let tensor = check_pointer(|error| unsafe {
            ffi::expc_tensor_over_storage(
                self.0.0.as_ptr().cast_mut(),
                dtype,
                view.sizes.as_ptr(),
                view.strides.as_ptr(),
                view.sizes.len(),
                view.offset,
                error,
            )
        })?;
        // SAFETY: the border gave us a new tensor.
        Ok(unsafe { tch::Tensor::from_ptr(tensor.as_ptr()) })
    }

    /// A copy of all bytes on a device.
    ///
    /// # Errors
    /// The device is unknown or has no room.
    pub fn copy_to(&self, device: Device) -> Result<Self, TorchError> {
        let name = device.to_string();
        // SAFETY: tensor and text are alive during the call.
        let tensor = check_pointer(|error| unsafe {
            ffi::expc_tensor_copy_storage(
                self.0.0.as_ptr().cast_mut(),
                ffi::Text::new(&name),
                error,
            )
        })?;
        // SAFETY: the border gave us a new tensor.
        Ok(Self(SharedTensor(unsafe {
            tch::Tensor::from_ptr(tensor.as_ptr())
        })))
    }

    fn length(&self) -> usize {
        // SAFETY: the tensor is alive.
        unsafe { ffi::expc_tensor_storage_bytes(self.0.0.as_ptr().cast_mut()) }
    }
}

extern "C" fn drop_bytes(context: *mut c_void) {
    // SAFETY: `context` is the box that `Storage::from_bytes` leaked, and this is called once.
    drop(unsafe { Box::from_raw(context.cast::<Arc<dyn AsRef<[u8]> + Send + Sync>>()) });
}

/// The elements of a strided tensor in row-major order, in the machine's byte order.
///
/// # Errors
/// The tensor has no elements to read: a meta tensor, or a layout other than strided.
pub fn tensor_bytes(tensor: &tch::Tensor) -> Result<Vec<u8>, TorchError> {
    let mut bytes = Vec::new();
    let target = sink(&mut bytes);
    // SAFETY: the tensor is alive, and `target` writes to `bytes`, which is not otherwise used during the call.
    check(|error| unsafe { ffi::expc_tensor_bytes(tensor.as_ptr().cast_mut(), target, error) })?;
    Ok(bytes)
}

/// A copy of a tensor of any layout, on a device or where it is.
///
/// # Errors
/// The device is unknown or has no room.
pub fn clone_tensor(
    tensor: &tch::Tensor,
    device: Option<Device>,
) -> Result<tch::Tensor, TorchError> {
    let device = device.map_or(Value::None, |device| Value::Device(device.to_string()));
    let op = Op::find("aten::_to_copy")
        .ok_or_else(|| TorchError::new("`aten::_to_copy` is not registered"))?;
    match op
        .call(
            &[Value::Tensor(tensor.shallow_clone())],
            &[("device", device)],
        )?
        .pop()
    {
        Some(Value::Tensor(copy)) => Ok(copy),
        _ => Err(TorchError::new("the copy is no tensor")),
    }
}

//! Values as the dispatcher knows them (`c10::IValue`), as a Rust enum.

use std::ptr::NonNull;

use super::{TensorInfo, TorchError, check_pointer, ffi, sink, text};

/// What a frame slot or an argument holds.
#[derive(Debug)]
pub enum Value {
    None,
    Tensor(tch::Tensor),
    Int(i64),
    Float(f64),
    Bool(bool),
    Complex(f64, f64),
    Str(String),
    /// Such as `cuda:0`.
    Device(String),
    List(Vec<Value>),
    Dict(Vec<(String, Value)>),
    /// TorchBind objects, generators and whatever else has no form of its own here.
    Opaque(Opaque),
}

/// The kind of a [`Value`], known without taking it out of its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    None,
    Tensor,
    Int,
    Float,
    Bool,
    Complex,
    Str,
    Device,
    List,
    Dict,
    Opaque,
}

impl ValueKind {
    pub(super) fn from_border(number: i32) -> Self {
        match number {
            0 => Self::None,
            1 => Self::Tensor,
            2 => Self::Int,
            3 => Self::Float,
            4 => Self::Bool,
            5 => Self::Complex,
            6 => Self::Str,
            7 => Self::Device,
            8 => Self::List,
            9 => Self::Dict,
            _ => Self::Opaque,
        }
    }

    /// The word that messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Tensor => "tensor",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Complex => "complex",
            Self::Str => "str",
            Self::Device => "device",
            Self::List => "list",
            Self::Dict => "dict",
            Self::Opaque => "object",
        }
    }
}

impl Value {
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::None => ValueKind::None,
            Self::Tensor(_) => ValueKind::Tensor,
            Self::Int(_) => ValueKind::Int,
            Self::Float(_) => ValueKind::Float,
            Self::Bool(_) => ValueKind::Bool,
            Self::Complex(..) => ValueKind::Complex,
            Self::Str(_) => ValueKind::Str,
            Self::Device(_) => ValueKind::Device,
            Self::List(_) => ValueKind::List,
            Self::Dict(_) => ValueKind::Dict,
            Self::Opaque(_) => ValueKind::Opaque,
        }
    }

    pub fn as_tensor(&self) -> Option<&tch::Tensor> {
        match self {
            Self::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }
}

/// The clone of a tensor is the same tensor under a second handle.
impl Clone for Value {
    fn clone(&self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Tensor(tensor) => Self::Tensor(tensor.shallow_clone()),
            Self::Int(value) => Self::Int(*value),
            Self::Float(value) => Self::Float(*value),
            Self::Bool(value) => Self::Bool(*value),
            Self::Complex(real, imaginary) => Self::Complex(*real, *imaginary),
            Self::Str(value) => Self::Str(value.clone()),
            Self::Device(value) => Self::Device(value.clone()),
            Self::List(items) => Self::List(items.clone()),
            Self::Dict(entries) => Self::Dict(entries.clone()),
            Self::Opaque(object) => Self::Opaque(object.clone()),
        }
    }
}

/// A value that several threads may read.
#[derive(Debug)]
pub struct SharedValue(Value);

// SAFETY: all kinds of value but tensors are `Sync` by themselves; of those this type only gives out further handles
// and metadata, as `SharedTensor` does and for the reasons given there.
unsafe impl Sync for SharedValue {}

impl SharedValue {
    pub fn new(value: Value) -> Self {
        Self(value)
    }

    /// The value; a tensor is the same tensor under another handle.
    pub fn get(&self) -> Value {
        self.0.clone()
    }

    /// What the tensor is, if it is one.
    pub fn tensor_info(&self) -> Option<TensorInfo> {
        self.0.as_tensor().map(TensorInfo::of)
    }
}

impl From<tch::Tensor> for Value {
    fn from(tensor: tch::Tensor) -> Self {
        Self::Tensor(tensor)
    }
}

/// A value that Rust only hands on: a TorchBind object, a generator, a stream.
#[derive(Debug)]
pub struct Opaque(RawValue);

impl Opaque {
    /// Reads an object from bytes that `torch._C._pickle_save` wrote, as `.pt2` archives hold them.
    ///
    /// # Errors
    /// The class of the object is not registered, or the bytes are damaged.
    pub fn unpickle(bytes: &[u8]) -> Result<Self, TorchError> {
        // SAFETY: the range is that of `bytes`, which outlives the call.
        let raw = check_pointer(|error| unsafe {
            ffi::expc_value_unpickle_object(bytes.as_ptr().cast(), bytes.len(), error)
        })?;
        Ok(Self(RawValue(raw)))
    }

    /// The type's name as TorchScript writes it, `__torch__.torch.classes.ns.Name` for a TorchBind object.
    pub fn type_name(&self) -> String {
        // SAFETY: the value is alive.
        text(|sink| unsafe { ffi::expc_value_type_name(self.0.as_ptr(), sink) })
    }

    /// Calls a method of a TorchBind object.
    ///
    /// # Errors
    /// The value is no object, has no such method, or the method failed.
    pub fn call(&self, method: &str, arguments: &[Value]) -> Result<Value, TorchError> {
        let raw = arguments
            .iter()
            .map(RawValue::new)
            .collect::<Result<Vec<_>, _>>()?;
        let pointers: Vec<_> = raw.iter().map(RawValue::as_ptr).collect();
        // SAFETY: all pointers come from values that outlive the call.
        let result = check_pointer(|error| unsafe {
            let name = ffi::Text::new(method);
            ffi::expc_object_call(
                self.0.as_ptr(),
                name,
                pointers.as_ptr(),
                pointers.len(),
                error,
            )
        })?;
        Ok(RawValue(result).read())
    }
}

impl Clone for Opaque {
    fn clone(&self) -> Self {
        // SAFETY: the value is alive; the clone shares what it points to, as IValue copies do.
        let copy = unsafe { ffi::expc_value_clone(self.0.as_ptr()) };
        Self(RawValue::from_new(copy))
    }
}

/// A heap allocated `c10::IValue`.
#[derive(Debug)]
pub(super) struct RawValue(NonNull<ffi::CxxValue>);

// SAFETY: an IValue is a tagged union of plain data and pointers with atomic reference counts; it may be dropped and
// read on any thread. This type gives no mutable access to what the pointers lead to.
unsafe impl Send for RawValue {}
// SAFETY: as above; reading an IValue through a shared reference writes nothing but atomic reference counts.
unsafe impl Sync for RawValue {}

impl Drop for RawValue {
    fn drop(&mut self) {
        // SAFETY: this is the only owner.
        unsafe { ffi::expc_value_free(self.0.as_ptr()) }
    }
}

impl RawValue {
    /// Takes over a pointer of the border that is null only when memory ran out.
    pub(super) fn from_new(pointer: *mut ffi::CxxValue) -> Self {
        Self(NonNull::new(pointer).expect("the border never returns null here"))
    }

    pub(super) fn as_ptr(&self) -> *const ffi::CxxValue {
        self.0.as_ptr()
    }

    /// Boxes `value`; only the name of a device can be wrong.
    pub(super) fn new(value: &Value) -> Result<Self, TorchError> {
        // SAFETY: constructors without preconditions.
        let pointer = unsafe {
            match value {
                Value::None => ffi::expc_value_none(),
                Value::Int(value) => ffi::expc_value_int(*value),
                Value::Float(value) => ffi::expc_value_float(*value),
                Value::Bool(value) => ffi::expc_value_bool(*value),
                Value::Complex(real, imaginary) => ffi::expc_value_complex(*real, *imaginary),
                Value::Str(value) => ffi::expc_value_str(ffi::Text::new(value)),
                Value::Tensor(tensor) => ffi::expc_value_tensor(tensor.as_ptr().cast_mut()),
                Value::Opaque(object) => ffi::expc_value_clone(object.0.as_ptr()),
                Value::Device(name) => {
                    return check_pointer(|error| {
                        ffi::expc_value_device(ffi::Text::new(name), error)
                    })
                    .map(Self);
                }
                Value::List(items) => return Self::list(items),
                Value::Dict(entries) => return Self::dict(entries),
            }
        };
        Ok(Self::from_new(pointer))
    }

    fn list(items: &[Value]) -> Result<Self, TorchError> {
        let raw = items.iter().map(Self::new).collect::<Result<Vec<_>, _>>()?;
        let pointers: Vec<_> = raw.iter().map(Self::as_ptr).collect();
        // SAFETY: the pointers are those of `raw`, alive during the call, which copies the values.
        Ok(Self::from_new(unsafe {
            ffi::expc_value_list(pointers.as_ptr(), pointers.len())
        }))
    }

    fn dict(entries: &[(String, Value)]) -> Result<Self, TorchError> {
        let raw = entries
            .iter()
            .map(|(_, value)| Self::new(value))
            .collect::<Result<Vec<_>, _>>()?;
        let pointers: Vec<_> = raw.iter().map(Self::as_ptr).collect();
        let keys: Vec<_> = entries.iter().map(|(key, _)| ffi::Text::new(key)).collect();
        // SAFETY: keys and values have the same length and are alive during the call, which copies them.
        Ok(Self::from_new(unsafe {
            ffi::expc_value_dict(keys.as_ptr(), pointers.as_ptr(), pointers.len())
        }))
    }

    /// The value as Rust sees it. Lists and dictionaries nest as deep as C++ built them, which is shallow: they come
    /// from operator results and from the constants of a plan, whose depth is bounded.
    pub(super) fn read(self) -> Value {
        let pointer = self.as_ptr();
        // SAFETY: `pointer` is alive until the end of this function, and each reader is used for its own kind.
        unsafe {
            match ValueKind::from_border(ffi::expc_value_kind(pointer)) {
                ValueKind::None => Value::None,
                ValueKind::Int => Value::Int(ffi::expc_value_as_int(pointer)),
                ValueKind::Float => Value::Float(ffi::expc_value_as_float(pointer)),
                ValueKind::Bool => Value::Bool(ffi::expc_value_as_bool(pointer)),
                ValueKind::Tensor => {
                    Value::Tensor(tch::Tensor::from_ptr(ffi::expc_value_as_tensor(pointer)))
                }
                ValueKind::Complex => {
                    let (mut real, mut imaginary) = (0.0, 0.0);
                    ffi::expc_value_as_complex(pointer, &mut real, &mut imaginary);
                    Value::Complex(real, imaginary)
                }
                ValueKind::Str => Value::Str(text(|sink| ffi::expc_value_as_text(pointer, sink))),
                ValueKind::Device => {
                    Value::Device(text(|sink| ffi::expc_value_as_text(pointer, sink)))
                }
                ValueKind::List => {
                    let items = 0..ffi::expc_value_length(pointer);
                    Value::List(
                        items
                            .map(|index| {
                                Self::from_new(ffi::expc_value_item(pointer, index)).read()
                            })
                            .collect(),
                    )
                }
                ValueKind::Dict => {
                    let entries = 0..ffi::expc_value_length(pointer);
                    Value::Dict(entries.map(|index| Self::entry(pointer, index)).collect())
                }
                ValueKind::Opaque => Value::Opaque(Opaque(self)),
            }
        }
    }

    /// # Safety
    /// `pointer` is a live dictionary with more than `index` entries.
    unsafe fn entry(pointer: *const ffi::CxxValue, index: usize) -> (String, Value) {
        let mut key = Vec::new();
        // SAFETY: promised by the caller.
        let value = unsafe { ffi::expc_value_entry(pointer, index, sink(&mut key)) };
        (
            String::from_utf8_lossy(&key).into_owned(),
            Self::from_new(value).read(),
        )
    }
}

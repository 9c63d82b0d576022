//! Tensors and objects as `torch.save` writes them: a pickle of protocol 2 beside raw storages, in a zip of its own.
//!
//! Nothing is put into the memo of the pickle, which readers do not ask for.

use indexmap::IndexMap;

use super::{Payload, Payloads, StorageKey, zip::ZipWriter};
use crate::pickle::{CustomObject, Value};
use crate::schema::{ScalarType, Sym, SymInt};
use crate::weights::Weights;

/// The folder of all entries.
const ROOT: &str = "archive";

/// The version of the format.
const VERSION: &[u8] = b"3\n";

/// Opcodes.
mod op {
    pub const PROTO: &[u8] = &[0x80, 2];
    pub const STOP: u8 = b'.';
    pub const MARK: u8 = b'(';
    pub const NONE: u8 = b'N';
    pub const TRUE: u8 = 0x88;
    pub const FALSE: u8 = 0x89;
    pub const INT: u8 = b'J';
    pub const LONG: u8 = 0x8a;
    pub const FLOAT: u8 = b'G';
    pub const TEXT: u8 = b'X';
    pub const EMPTY_LIST: u8 = b']';
    pub const APPENDS: u8 = b'e';
    pub const EMPTY_TUPLE: u8 = b')';
    pub const TUPLE: u8 = b't';
    pub const EMPTY_DICT: u8 = b'}';
    pub const SET_ITEMS: u8 = b'u';
    pub const GLOBAL: u8 = b'c';
    pub const REDUCE: u8 = b'R';
    pub const NEW_OBJECT: u8 = 0x81;
    pub const BUILD: u8 = b'b';
    pub const PERSISTENT_ID: u8 = b'Q';
}

/// What an object holds that has no pickle.
pub type Unpicklable = &'static str;

/// A dictionary of tensors and objects by FQN.
///
/// # Errors
/// If an object holds what has no pickle; its FQN.
pub fn dictionary(payloads: &Payloads<'_>) -> Result<Vec<u8>, (String, Unpicklable)> {
    let mut pickler = Pickler::default();
    pickler.out.extend([op::EMPTY_DICT, op::MARK]);
    for (fqn, payload) in payloads {
        pickler.text(fqn);
        match payload {
            Payload::Tensor {
                storage,
                meta,
                is_parameter,
            } => {
                let numbers =
                    |values: &[SymInt<'_>]| values.iter().filter_map(Sym::value).collect();
                pickler.weight(
                    &View {
                        storage,
                        dtype: meta.dtype,
                        sizes: numbers(&meta.sizes),
                        strides: numbers(&meta.strides),
                        offset: meta.storage_offset.value().unwrap_or_default(),
                        requires_grad: meta.requires_grad,
                        device: &device(&meta.device.kind, meta.device.index),
                    },
                    *is_parameter,
                );
            }
            Payload::Object { object, index, .. } => {
                let pickled = pickler.python_object(object, index);
                pickled.map_err(|what| (fqn.clone(), what))?;
            }
        }
    }
    pickler.out.push(op::SET_ITEMS);
    Ok(pickler.archive())
}

/// A TorchBind object alone, as `torch._C._pickle_save` writes it.
///
/// # Errors
/// If it holds what has no pickle.
pub fn object(object: &CustomObject, index: &Weights) -> Result<Vec<u8>, Unpicklable> {
    let mut pickler = Pickler::default();
    let (module, name) = object
        .class_name
        .rsplit_once('.')
        .unwrap_or(("", &object.class_name));
    pickler.global(module, name);
    pickler.out.extend([op::EMPTY_TUPLE, op::NEW_OBJECT]);
    pickler.value(&object.state, index)?;
    pickler.out.push(op::BUILD);
    Ok(pickler.archive())
}

fn device(kind: &str, index: Option<i64>) -> String {
    match index {
        Some(index) => format!("{kind}:{index}"),
        None => kind.to_owned(),
    }
}

/// A tensor over its storage.
struct View<'v, 'a> {
    storage: &'a [u8],
    dtype: ScalarType,
    sizes: Vec<i64>,
    strides: Vec<i64>,
    offset: i64,
    requires_grad: bool,
    device: &'v str,
}

/// A pickle in the making, and the storages that it names.
#[derive(Default)]
struct Pickler<'a> {
    out: Vec<u8>,
    storages: IndexMap<StorageKey, &'a [u8]>,
}

impl<'a> Pickler<'a> {
    /// The zip of the finished pickle and its storages.
    fn archive(self) -> Vec<u8> {
        let mut pickle = op::PROTO.to_vec();
        pickle.extend(&self.out);
        pickle.push(op::STOP);
        let mut zip = ZipWriter::new(Vec::new());
        let mut add = |name: &str, content: &[u8]| zip.add(&format!("{ROOT}/{name}"), content);
        // Writes to memory do not fail, and the names are short.
        let _ = add("data.pkl", &pickle);
        let _ = add("byteorder", b"little");
        for (position, storage) in self.storages.values().enumerate() {
            let _ = add(&format!("data/{position}"), storage);
        }
        let _ = add("version", VERSION);
        let id = zip.serialization_id();
        let _ = zip.add(&format!("{ROOT}/.data/serialization_id"), id.as_bytes());
        zip.finish().unwrap_or_default()
    }

    fn int(&mut self, value: i64) {
        match i32::try_from(value) {
            Ok(value) => {
                self.out.push(op::INT);
                self.out.extend(value.to_le_bytes());
            }
            Err(_) => {
                self.out.extend([op::LONG, 8]);
                self.out.extend(value.to_le_bytes());
            }
        }
    }

    fn bool(&mut self, value: bool) {
        self.out.push(if value { op::TRUE } else { op::FALSE });
    }

    /// A text; beyond 4 GiB, which no name or class has, it would be cut.
    fn text(&mut self, text: &str) {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let bytes = text.as_bytes().iter().take(length as usize);
        self.out.push(op::TEXT);
        self.out.extend(length.to_le_bytes());
        self.out.extend(bytes);
    }

    fn global(&mut self, module: &str, name: &str) {
        self.out.push(op::GLOBAL);
        self.out.extend(format!("{module}\n{name}\n").into_bytes());
    }

    fn ints(&mut self, values: &[i64]) {
        self.out.push(op::MARK);
        values.iter().for_each(|value| self.int(*value));
        self.out.push(op::TUPLE);
    }

    /// No hooks: `OrderedDict()`.
    fn no_hooks(&mut self) {
        self.global("collections", "OrderedDict");
        self.out.extend([op::EMPTY_TUPLE, op::REDUCE]);
    }

    fn storage(&mut self, view: &View<'_, 'a>) {
        let key = StorageKey::of(view.storage, view.dtype, self.storages.len());
        let entry = self.storages.entry(key);
        let position = entry.index();
        entry.or_insert(view.storage);
        let size = view.storage.len() as u64;
        let n_elements = match legacy_storage(view.dtype) {
            Some(_) => size.checked_div(view.dtype.size().unwrap_or(1)),
            None => Some(size),
        };
        self.out.push(op::MARK);
        self.text("storage");
        match legacy_storage(view.dtype) {
            Some(name) => self.global("torch", name),
            None => self.global("torch.storage", "UntypedStorage"),
        }
        self.text(&position.to_string());
        self.text(view.device);
        self.int(i64::try_from(n_elements.unwrap_or_default()).unwrap_or(i64::MAX));
        self.out.extend([op::TUPLE, op::PERSISTENT_ID]);
    }

    fn tensor(&mut self, view: &View<'_, 'a>) {
        let is_legacy = legacy_storage(view.dtype).is_some();
        let rebuild = match is_legacy {
            true => "_rebuild_tensor_v2",
            false => "_rebuild_tensor_v3",
        };
        self.global("torch._utils", rebuild);
        self.out.push(op::MARK);
        self.storage(view);
        self.int(view.offset);
        self.ints(&view.sizes);
        self.ints(&view.strides);
        self.bool(view.requires_grad);
        self.no_hooks();
        if !is_legacy {
            self.global("torch", view.dtype.name());
        }
        self.out.extend([op::TUPLE, op::REDUCE]);
    }

    fn weight(&mut self, view: &View<'_, 'a>, is_parameter: bool) {
        if !is_parameter {
            return self.tensor(view);
        }
        self.global("torch._utils", "_rebuild_parameter");
        self.out.push(op::MARK);
        self.tensor(view);
        self.bool(view.requires_grad);
        self.no_hooks();
        self.out.extend([op::TUPLE, op::REDUCE]);
    }

    /// An object as Python's pickler writes it: the class is a text beside the state.
    fn python_object(
        &mut self,
        object: &CustomObject,
        index: &'a Weights,
    ) -> Result<(), Unpicklable> {
        self.global("torch", "ScriptObject");
        self.out.extend([op::EMPTY_TUPLE, op::NEW_OBJECT, op::MARK]);
        self.value(&object.state, index)?;
        self.text(&object.class_name);
        self.out.extend([op::TUPLE, op::BUILD]);
        Ok(())
    }

    /// The state of an object. Values are nested no deeper than the reader allows.
    fn value(&mut self, value: &Value, index: &'a Weights) -> Result<(), Unpicklable> {
        match value {
            Value::None => self.out.push(op::NONE),
            Value::Bool(value) => self.bool(*value),
            Value::Int(value) => self.int(*value),
            Value::Float(value) => {
                self.out.push(op::FLOAT);
                self.out.extend(value.to_be_bytes());
            }
            Value::Str(text) => self.text(text),
            Value::List(elements) => {
                self.out.extend([op::EMPTY_LIST, op::MARK]);
                self.values(elements, index)?;
                self.out.push(op::APPENDS);
            }
            Value::Tuple(elements) => {
                self.out.push(op::MARK);
                self.values(elements, index)?;
                self.out.push(op::TUPLE);
            }
            Value::Dict(entries) => {
                self.out.extend([op::EMPTY_DICT, op::MARK]);
                for (key, value) in entries {
                    self.value(key, index)?;
                    self.value(value, index)?;
                }
                self.out.push(op::SET_ITEMS);
            }
            Value::Tensor(record) => self.weight(
                &View {
                    storage: index.storage_bytes(record.storage),
                    dtype: record.dtype,
                    sizes: record.sizes.clone(),
                    strides: record.strides.clone(),
                    offset: record.storage_offset,
                    requires_grad: record.requires_grad,
                    device: &record.device,
                },
                record.is_parameter,
            ),
            other => return Err(other.describe()),
        }
        Ok(())
    }

    fn values(&mut self, values: &[Value], index: &'a Weights) -> Result<(), Unpicklable> {
        values.iter().try_for_each(|value| self.value(value, index))
    }
}

/// The storage class by which pickles tell a dtype; later dtypes have none.
fn legacy_storage(dtype: ScalarType) -> Option<&'static str> {
    Some(match dtype {
        ScalarType::U8 => "ByteStorage",
        ScalarType::I8 => "CharStorage",
        ScalarType::I16 => "ShortStorage",
        ScalarType::I32 => "IntStorage",
        ScalarType::I64 => "LongStorage",
        ScalarType::F16 => "HalfStorage",
        ScalarType::Bf16 => "BFloat16Storage",
        ScalarType::F32 => "FloatStorage",
        ScalarType::F64 => "DoubleStorage",
        ScalarType::Bool => "BoolStorage",
        ScalarType::Complex64 => "ComplexFloatStorage",
        ScalarType::Complex128 => "ComplexDoubleStorage",
        _ => return None,
    })
}

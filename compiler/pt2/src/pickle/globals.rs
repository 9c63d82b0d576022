//! Every global that a pickle may name, and what calling it makes.
//!
//! A row of [`GLOBALS`] is the whole permission; there is no other way from a name to an action.

use std::rc::Rc;

use super::PickleFault;
use super::machine::{Machine, Node, NodeId};
use crate::schema::{Layout, ScalarType};
use crate::tensor::TensorRecord;

/// What an allowed global stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    RebuildTensor,
    RebuildTensorV2,
    RebuildTensorV3,
    RebuildParameter,
    RebuildParameterWithState,
    RebuildFromType,
    /// A plain tensor class, as an argument of `RebuildFromType`.
    TensorClass {
        parameter: bool,
    },
    /// A storage class; `None` is the untyped one.
    Storage(Option<ScalarType>),
    Dict,
    DefaultDict,
    List,
    Tuple,
    Set,
    Deque,
    /// A type or function that may only stand as a default factory.
    Inert,
    Complex,
    Slice,
    Encode,
    Size,
    Device,
    GetLayout,
    Dtype(ScalarType),
    ScriptObject,
    /// TorchScript's typed lists: the list itself.
    TypedList,
    /// TorchScript's type annotation of its first argument.
    TypeTag,
}

/// A global by module and name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Global {
    module: &'static str,
    name: &'static str,
    python_name: &'static str,
    pub action: Action,
}

impl Global {
    /// Module and name with a dot between.
    pub fn python_name(&self) -> &'static str {
        self.python_name
    }
}

macro_rules! globals {
    ($($module:literal $name:literal => $action:expr,)+) => {
        const GLOBALS: &[Global] = &[$(Global {
            module: $module,
            name: $name,
            python_name: concat!($module, ".", $name),
            action: $action,
        }),+];
    };
}

globals! {
    "torch._utils" "_rebuild_tensor" => Action::RebuildTensor,
    "torch._utils" "_rebuild_tensor_v2" => Action::RebuildTensorV2,
    "torch._utils" "_rebuild_tensor_v3" => Action::RebuildTensorV3,
    "torch._utils" "_rebuild_parameter" => Action::RebuildParameter,
    "torch._utils" "_rebuild_parameter_with_state" => Action::RebuildParameterWithState,
    "torch._tensor" "_rebuild_from_type_v2" => Action::RebuildFromType,
    "torch" "Tensor" => Action::TensorClass { parameter: false },
    "torch._tensor" "Tensor" => Action::TensorClass { parameter: false },
    "torch.nn.parameter" "Buffer" => Action::TensorClass { parameter: false },
    "torch.nn.parameter" "Parameter" => Action::TensorClass { parameter: true },
    "torch" "ByteStorage" => Action::Storage(Some(ScalarType::U8)),
    "torch" "CharStorage" => Action::Storage(Some(ScalarType::I8)),
    "torch" "ShortStorage" => Action::Storage(Some(ScalarType::I16)),
    "torch" "IntStorage" => Action::Storage(Some(ScalarType::I32)),
    "torch" "LongStorage" => Action::Storage(Some(ScalarType::I64)),
    "torch" "HalfStorage" => Action::Storage(Some(ScalarType::F16)),
    "torch" "BFloat16Storage" => Action::Storage(Some(ScalarType::Bf16)),
    "torch" "FloatStorage" => Action::Storage(Some(ScalarType::F32)),
    "torch" "DoubleStorage" => Action::Storage(Some(ScalarType::F64)),
    "torch" "BoolStorage" => Action::Storage(Some(ScalarType::Bool)),
    "torch" "ComplexFloatStorage" => Action::Storage(Some(ScalarType::Complex64)),
    "torch" "ComplexDoubleStorage" => Action::Storage(Some(ScalarType::Complex128)),
    "torch" "UntypedStorage" => Action::Storage(None),
    "torch.storage" "UntypedStorage" => Action::Storage(None),
    "collections" "OrderedDict" => Action::Dict,
    "collections" "defaultdict" => Action::DefaultDict,
    "collections" "deque" => Action::Deque,
    "builtins" "dict" => Action::Dict,
    "builtins" "list" => Action::List,
    "builtins" "tuple" => Action::Tuple,
    "builtins" "set" => Action::Set,
    "builtins" "frozenset" => Action::Set,
    "builtins" "int" => Action::Inert,
    "builtins" "float" => Action::Inert,
    "builtins" "bool" => Action::Inert,
    "builtins" "str" => Action::Inert,
    "builtins" "complex" => Action::Complex,
    "builtins" "slice" => Action::Slice,
    "_codecs" "encode" => Action::Encode,
    "torch" "Size" => Action::Size,
    "torch" "device" => Action::Device,
    "torch.serialization" "_get_layout" => Action::GetLayout,
    "torch" "ScriptObject" => Action::ScriptObject,
    "torch._C" "ScriptObject" => Action::ScriptObject,
    "torch.jit._pickle" "build_intlist" => Action::TypedList,
    "torch.jit._pickle" "build_doublelist" => Action::TypedList,
    "torch.jit._pickle" "build_boollist" => Action::TypedList,
    "torch.jit._pickle" "build_tensorlist" => Action::TypedList,
    "torch.jit._pickle" "restore_type_tag" => Action::TypeTag,
    "torch" "uint8" => Action::Dtype(ScalarType::U8),
    "torch" "int8" => Action::Dtype(ScalarType::I8),
    "torch" "int16" => Action::Dtype(ScalarType::I16),
    "torch" "int32" => Action::Dtype(ScalarType::I32),
    "torch" "int64" => Action::Dtype(ScalarType::I64),
    "torch" "float16" => Action::Dtype(ScalarType::F16),
    "torch" "float32" => Action::Dtype(ScalarType::F32),
    "torch" "float64" => Action::Dtype(ScalarType::F64),
    "torch" "complex32" => Action::Dtype(ScalarType::Complex32),
    "torch" "complex64" => Action::Dtype(ScalarType::Complex64),
    "torch" "complex128" => Action::Dtype(ScalarType::Complex128),
    "torch" "bool" => Action::Dtype(ScalarType::Bool),
    "torch" "bfloat16" => Action::Dtype(ScalarType::Bf16),
    "torch" "uint16" => Action::Dtype(ScalarType::U16),
    "torch" "uint32" => Action::Dtype(ScalarType::U32),
    "torch" "uint64" => Action::Dtype(ScalarType::U64),
    "torch" "float8_e4m3fn" => Action::Dtype(ScalarType::F8E4M3Fn),
    "torch" "float8_e5m2" => Action::Dtype(ScalarType::F8E5M2),
    "torch" "float8_e4m3fnuz" => Action::Dtype(ScalarType::F8E4M3FnUz),
    "torch" "float8_e5m2fnuz" => Action::Dtype(ScalarType::F8E5M2FnUz),
    "torch" "float8_e8m0fnu" => Action::Dtype(ScalarType::F8E8M0Fnu),
}

/// Where TorchScript puts the classes of TorchBind objects.
const SCRIPT_CLASSES: &str = "__torch__.";

/// The node for a global: allowed, a TorchBind class, or refused.
pub(super) fn resolve(module: &str, name: &str, offset: usize) -> Node {
    // Protocol 2 writes Python 2's name of the module.
    let known_module = if module == "__builtin__" {
        "builtins"
    } else {
        module
    };
    let row = GLOBALS
        .iter()
        .find(|global| global.module == known_module && global.name == name);
    match row {
        Some(global) => match global.action {
            Action::Dtype(dtype) => Node::Dtype(dtype),
            _ => Node::Global(*global),
        },
        None if module.starts_with(SCRIPT_CLASSES) => Node::Object {
            class_name: Rc::from(format!("{module}.{name}")),
            state: None,
        },
        None => Node::Refused {
            global: Rc::from(format!("{module}.{name}")),
            offset,
        },
    }
}

/// What a call makes.
pub(super) enum Made {
    New(Node),
    /// An argument of the call.
    Same(NodeId),
}

/// What calling `global` with the tuple `args` makes.
pub(super) fn call(machine: &Machine, global: Global, args: NodeId) -> Result<Made, PickleFault> {
    let args = machine
        .tuple(args)
        .ok_or_else(|| Call::new(machine, global, &[]).fault("a tuple of arguments"))?;
    let call = Call::new(machine, global, args);
    if matches!(global.action, Action::TypedList | Action::TypeTag) {
        return args
            .first()
            .map(|&first| Made::Same(first))
            .ok_or_else(|| call.fault("a value"));
    }
    call.make().map(Made::New)
}

/// A call that is being checked.
struct Call<'m> {
    machine: &'m Machine,
    global: Global,
    args: &'m [NodeId],
}

impl<'m> Call<'m> {
    fn new(machine: &'m Machine, global: Global, args: &'m [NodeId]) -> Self {
        Call {
            machine,
            global,
            args,
        }
    }

    fn make(&self) -> Result<Node, PickleFault> {
        match self.global.action {
            Action::RebuildTensor | Action::RebuildTensorV2 | Action::RebuildTensorV3 => {
                self.tensor()
            }
            Action::RebuildParameter | Action::RebuildParameterWithState => self.parameter(),
            Action::RebuildFromType => self.tensor_of_class(),
            Action::Dict if self.args.is_empty() => Ok(Node::Dict(Vec::new())),
            Action::Dict => self.dict(),
            Action::DefaultDict => Ok(Node::Dict(Vec::new())),
            Action::List => Ok(Node::List(self.items()?)),
            Action::Tuple => Ok(Node::Tuple(self.items()?)),
            Action::Set => Ok(Node::Set(self.items()?)),
            Action::Deque => Ok(Node::List(self.items()?)),
            Action::Complex => self.complex(),
            Action::Slice => match *self.args {
                [start, stop, step] => Ok(Node::Slice([start, stop, step])),
                _ => Err(self.fault("start, stop and step")),
            },
            Action::Encode => self.encode(),
            Action::Size => self
                .ints(0)
                .map(Node::Size)
                .ok_or_else(|| self.fault("a tuple of ints")),
            Action::Device => self.device(),
            Action::GetLayout => self.layout(),
            Action::TensorClass { .. }
            | Action::Storage(_)
            | Action::Inert
            | Action::TypedList
            | Action::TypeTag
            | Action::Dtype(_)
            | Action::ScriptObject => Err(self.fault("that it is not called")),
        }
    }

    fn fault(&self, expected: &'static str) -> PickleFault {
        let found: Vec<&str> = self
            .args
            .iter()
            .map(|&arg| self.machine.node(arg).describe())
            .collect();
        let found = if found.is_empty() {
            "no arguments".to_owned()
        } else {
            found.join(", ")
        };
        PickleFault::Arguments {
            call: self.global.python_name().to_owned(),
            expected,
            found,
        }
    }

    fn arg(&self, position: usize) -> Option<&'m Node> {
        self.args.get(position).map(|&arg| self.machine.node(arg))
    }

    fn int(&self, position: usize) -> Option<i64> {
        match self.arg(position)? {
            Node::Int(value) => Some(*value),
            _ => None,
        }
    }

    fn bool(&self, position: usize) -> Option<bool> {
        match self.arg(position)? {
            Node::Bool(value) => Some(*value),
            // TorchScript's pickler writes ints for bools in places.
            Node::Int(value) => Some(*value != 0),
            _ => None,
        }
    }

    fn str(&self, position: usize) -> Option<&'m str> {
        match self.arg(position)? {
            Node::Str(text) => Some(text),
            _ => None,
        }
    }

    fn ints(&self, position: usize) -> Option<Vec<i64>> {
        let items = match self.arg(position)? {
            Node::Tuple(items) | Node::List(items) => items,
            Node::Size(sizes) => return Some(sizes.clone()),
            _ => return None,
        };
        items
            .iter()
            .map(|&item| match self.machine.node(item) {
                Node::Int(value) => Some(*value),
                _ => None,
            })
            .collect()
    }

    /// The elements of the only argument, of which there may be none; a second one is a length limit.
    fn items(&self) -> Result<Vec<NodeId>, PickleFault> {
        match self.arg(0) {
            None => Ok(Vec::new()),
            Some(Node::List(items) | Node::Tuple(items) | Node::Set(items)) => Ok(items.clone()),
            Some(_) => Err(self.fault("a list")),
        }
    }

    /// A dictionary made from a list of pairs.
    fn dict(&self) -> Result<Node, PickleFault> {
        let pairs = self
            .items()?
            .into_iter()
            .map(|pair| match self.machine.node(pair) {
                Node::Tuple(items) | Node::List(items) => match items[..] {
                    [key, value] => Some((key, value)),
                    _ => None,
                },
                _ => None,
            });
        pairs
            .collect::<Option<_>>()
            .map(Node::Dict)
            .ok_or_else(|| self.fault("a list of pairs"))
    }

    fn complex(&self) -> Result<Node, PickleFault> {
        let part = |position| match self.arg(position) {
            Some(Node::Float(value)) => Some(*value),
            Some(Node::Int(value)) => Some(*value as f64),
            _ => None,
        };
        match (part(0), part(1)) {
            (Some(real), Some(imag)) => Ok(Node::Complex(real, imag)),
            _ => Err(self.fault("two numbers")),
        }
    }

    /// Bytes as protocol 2 spells them: text in latin-1.
    fn encode(&self) -> Result<Node, PickleFault> {
        let bytes: Option<Vec<u8>> = match (self.str(0), self.str(1)) {
            (Some(text), Some("latin1")) => text.chars().map(|c| u8::try_from(c).ok()).collect(),
            _ => None,
        };
        bytes
            .map(|bytes| Node::Bytes(Rc::from(bytes)))
            .ok_or_else(|| self.fault("text and `latin1`"))
    }

    fn device(&self) -> Result<Node, PickleFault> {
        let kind = self
            .str(0)
            .ok_or_else(|| self.fault("a device type and an index"))?;
        Ok(Node::Device(match self.int(1) {
            Some(index) => Rc::from(format!("{kind}:{index}")),
            None => Rc::from(kind),
        }))
    }

    fn layout(&self) -> Result<Node, PickleFault> {
        let layout = self
            .str(0)
            .and_then(|name| Layout::from_name(name.strip_prefix("torch.")?));
        layout
            .map(Node::Layout)
            .ok_or_else(|| self.fault("the name of a layout"))
    }

    /// `(storage, offset, sizes, strides, requires_grad, hooks, ...)`, shorter in older forms.
    fn tensor(&self) -> Result<Node, PickleFault> {
        let with_grad = self.global.action != Action::RebuildTensor;
        let untyped = self.global.action == Action::RebuildTensorV3;
        let fields = || {
            let Node::Storage { id, dtype, device } = self.arg(0)? else {
                return None;
            };
            let requires_grad = if with_grad { self.bool(4)? } else { false };
            let dtype = match self.arg(6) {
                Some(Node::Dtype(dtype)) if untyped => *dtype,
                _ if untyped => return None,
                _ => (*dtype)?,
            };
            Some(TensorRecord {
                dtype,
                sizes: self.ints(2)?,
                strides: self.ints(3)?,
                storage_offset: self.int(1)?,
                requires_grad,
                device: device.to_string(),
                layout: Layout::Strided,
                is_parameter: false,
                storage: *id,
            })
        };
        let record = fields()
            .ok_or_else(|| self.fault("storage, offset, sizes, strides and what follows"))?;
        let metadata = if untyped { self.arg(7) } else { self.arg(6) };
        Ok(match self.lazy_bit(metadata) {
            Some(bit) => Node::TensorFault(bit),
            None => Node::Tensor(Box::new(record)),
        })
    }

    /// The bit of a tensor whose storage holds other numbers than the tensor.
    fn lazy_bit(&self, metadata: Option<&Node>) -> Option<&'static str> {
        let Some(Node::Dict(pairs)) = metadata else {
            return None;
        };
        pairs.iter().find_map(|&(key, value)| {
            let (Node::Str(key), Node::Bool(true)) =
                (self.machine.node(key), self.machine.node(value))
            else {
                return None;
            };
            match &**key {
                "conj" => Some("a conjugated view"),
                "neg" => Some("a negated view"),
                _ => None,
            }
        })
    }

    fn parameter(&self) -> Result<Node, PickleFault> {
        match (self.arg(0), self.bool(1)) {
            (Some(Node::Tensor(record)), Some(requires_grad)) => {
                let mut record = record.clone();
                record.is_parameter = true;
                record.requires_grad = requires_grad;
                Ok(Node::Tensor(record))
            }
            (Some(refused @ (Node::Refused { .. } | Node::TensorFault(_))), _) => {
                Ok(refused.clone())
            }
            _ => Err(self.fault("a tensor and whether it requires a gradient")),
        }
    }

    /// `(function, class, its arguments, state)`: a tensor with attributes of its own, which do not matter here.
    fn tensor_of_class(&self) -> Result<Node, PickleFault> {
        let rebuilt = match (self.arg(0), self.arg(1)) {
            (Some(refused @ Node::Refused { .. }), _)
            | (_, Some(refused @ Node::Refused { .. })) => {
                return Ok(refused.clone());
            }
            (Some(Node::Global(inner)), Some(Node::Global(class))) => Some((*inner, class.action)),
            _ => None,
        };
        let Some((inner, Action::TensorClass { parameter })) = rebuilt else {
            return Err(self.fault("a function, a tensor class and arguments"));
        };
        let args = self.args.get(2).and_then(|&args| self.machine.tuple(args));
        let args = args.ok_or_else(|| self.fault("a function, a tensor class and arguments"))?;
        let inner_call = Call::new(self.machine, inner, args);
        match inner.action {
            Action::RebuildTensorV2 | Action::RebuildTensorV3 => Ok(match inner_call.tensor()? {
                Node::Tensor(mut record) => {
                    record.is_parameter = parameter;
                    Node::Tensor(record)
                }
                other => other,
            }),
            Action::RebuildParameter | Action::RebuildParameterWithState => inner_call.parameter(),
            _ => Err(self.fault("a function that makes a tensor")),
        }
    }
}

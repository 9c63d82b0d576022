//! A restricted unpickler: tensors and plain containers, nothing else, and nothing is ever executed.
//!
//! [`machine`] runs the opcodes over a stack of nodes, [`globals`] lists every name that a pickle may call and
//! what it stands for, and this file turns the finished nodes into a [`Value`].
//! Every other global is refused by its name and place, together with the entry of the state dict that uses it.

mod globals;
mod machine;

use std::fmt;

use crate::limits::Limits;
use crate::schema::{Layout, ScalarType};
use crate::tensor::{StorageId, TensorFault, TensorRecord, check_extent};
use machine::{Machine, Node, NodeId};

/// A value of a pickle.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Real and imaginary part.
    Complex(f64, f64),
    Str(String),
    Bytes(Vec<u8>),
    /// A list or a `deque`.
    List(Vec<Value>),
    Tuple(Vec<Value>),
    Set(Vec<Value>),
    /// A `dict`, `OrderedDict` or `defaultdict` in insertion order.
    Dict(Vec<(Value, Value)>),
    /// Start, stop and step.
    Slice(Box<[Value; 3]>),
    /// `torch.Size`.
    Size(Vec<i64>),
    Device(String),
    Dtype(ScalarType),
    Layout(Layout),
    Tensor(TensorRecord),
    /// A TorchBind object.
    Object(Box<CustomObject>),
}

/// A TorchBind object: what its class is called and the state it was saved with.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomObject {
    /// `__torch__.torch.classes.<namespace>.<name>`.
    pub class_name: String,
    /// What the class's `__getstate__` returned.
    pub state: Value,
}

impl Value {
    /// What kind of value it is, for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            Value::None => "None",
            Value::Bool(_) => "a bool",
            Value::Int(_) => "an int",
            Value::Float(_) => "a float",
            Value::Complex(..) => "a complex number",
            Value::Str(_) => "a string",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "a list",
            Value::Tuple(_) => "a tuple",
            Value::Set(_) => "a set",
            Value::Dict(_) => "a dictionary",
            Value::Slice(_) => "a slice",
            Value::Size(_) => "a torch.Size",
            Value::Device(_) => "a device",
            Value::Dtype(_) => "a dtype",
            Value::Layout(_) => "a layout",
            Value::Tensor(_) => "a tensor",
            Value::Object(_) => "a custom object",
        }
    }
}

/// What is wrong with a pickle.
#[derive(Debug, thiserror::Error)]
pub enum PickleError {
    #[error("byte {offset}: {fault}")]
    At { offset: usize, fault: PickleFault },
    #[error(
        "{}the pickle asks for `{global}` (byte {offset}), which is refused",
        prefix(path)
    )]
    Refused {
        /// The module and the name.
        global: String,
        offset: usize,
        /// The entry that would hold it; empty if none does.
        path: String,
    },
    #[error("{}the pickle holds `{global}` itself, expected data", prefix(path))]
    Global { path: String, global: &'static str },
    #[error("{}{fault}", prefix(path))]
    Tensor { path: String, fault: TensorFault },
    #[error("{}values are nested more than {limit} deep", prefix(path))]
    TooDeep { path: String, limit: usize },
    #[error("the pickle unfolds into more than {limit} values")]
    TooLarge { limit: usize },
}

fn prefix(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!("`{}`: ", path.escape_debug())
    }
}

/// What is wrong at one opcode.
#[derive(Debug, thiserror::Error)]
pub enum PickleFault {
    #[error("the pickle is cut short")]
    Cut,
    #[error("{bytes} bytes follow the end of the pickle")]
    Trailing { bytes: usize },
    #[error("opcode {opcode:#04x} is not supported")]
    Opcode { opcode: u8 },
    #[error("pickle protocol {found} is not supported, expected 2 to 5")]
    Protocol { found: u8 },
    #[error("the stack is empty")]
    EmptyStack,
    #[error("no mark on the stack")]
    NoMark,
    #[error("memo {index} was never set")]
    Memo { index: u64 },
    #[error("an int of {bytes} bytes does not fit into 64 bits")]
    LongInt { bytes: usize },
    #[error("the text is not UTF-8")]
    NotUtf8,
    #[error("the pickle makes more than {limit} objects")]
    TooManyObjects { limit: usize },
    #[error("`{call}` with {found}, expected {expected}")]
    Arguments {
        call: String,
        expected: &'static str,
        found: String,
    },
    #[error("cannot {action} {found}")]
    Misuse {
        action: &'static str,
        found: &'static str,
    },
    #[error("the storage `{key}` is not in the archive")]
    MissingStorage { key: String },
    #[error("the storage `{key}` has {found} bytes, and the pickle says {declared}")]
    ShortStorage {
        key: String,
        declared: u64,
        found: u64,
    },
}

/// Where the tensors of a pickle find their storages.
pub(crate) trait Host {
    /// The storage called `key` of at least `declared` bytes; `dtype` is `None` for an untyped one.
    ///
    /// # Errors
    /// If there is none, or it is shorter.
    fn storage(
        &mut self,
        key: &str,
        dtype: Option<ScalarType>,
        declared: u64,
    ) -> Result<StorageId, PickleFault>;

    /// The length of a storage in bytes.
    fn storage_len(&self, id: StorageId) -> u64;

    /// Tells that a tensor of `dtype` lies on an untyped storage.
    fn typed(&mut self, id: StorageId, dtype: ScalarType);
}

/// Reads one pickle, whose last byte is the last of `bytes`.
///
/// # Errors
/// If it asks for anything but tensors and plain containers, is damaged, or goes past a limit.
pub(crate) fn load(
    bytes: &[u8],
    limits: &Limits,
    host: &mut dyn Host,
) -> Result<Value, PickleError> {
    let machine = Machine::run(bytes, limits, host)?;
    let root = machine.root;
    let mut reader = Reader {
        machine,
        limits,
        host,
        path: Vec::new(),
        made: 0,
    };
    let value = reader.value(root)?;
    match reader.machine.first_refused() {
        None => Ok(value),
        Some((global, offset)) => Err(PickleError::Refused {
            global,
            offset,
            path: String::new(),
        }),
    }
}

/// A step from a container to what is in it.
#[derive(Clone, Copy)]
enum Step {
    Index(usize),
    Key(NodeId),
    State,
}

/// Unfolds nodes into a tree.
struct Reader<'m> {
    machine: Machine,
    limits: &'m Limits,
    host: &'m dyn Host,
    path: Vec<Step>,
    made: usize,
}

impl Reader<'_> {
    fn value(&mut self, id: NodeId) -> Result<Value, PickleError> {
        self.made += 1;
        if self.made > self.limits.pickle_objects {
            return Err(PickleError::TooLarge {
                limit: self.limits.pickle_objects,
            });
        }
        if self.path.len() > self.limits.pickle_depth {
            return Err(PickleError::TooDeep {
                path: self.top_key(),
                limit: self.limits.pickle_depth,
            });
        }
        Ok(match self.machine.node(id).clone() {
            Node::None => Value::None,
            Node::Bool(value) => Value::Bool(value),
            Node::Int(value) => Value::Int(value),
            Node::Float(value) => Value::Float(value),
            Node::Complex(real, imag) => Value::Complex(real, imag),
            Node::Str(text) => Value::Str(text.to_string()),
            Node::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
            Node::List(items) => Value::List(self.values(&items)?),
            Node::Tuple(items) => Value::Tuple(self.values(&items)?),
            Node::Set(items) => Value::Set(self.values(&items)?),
            Node::Dict(pairs) => Value::Dict(self.pairs(&pairs)?),
            Node::Slice(parts) => {
                let [start, stop, step] = parts;
                let parts = [
                    self.child(Step::Index(0), start)?,
                    self.child(Step::Index(1), stop)?,
                    self.child(Step::Index(2), step)?,
                ];
                Value::Slice(Box::new(parts))
            }
            Node::Size(sizes) => Value::Size(sizes),
            Node::Device(device) => Value::Device(device.to_string()),
            Node::Dtype(dtype) => Value::Dtype(dtype),
            Node::Layout(layout) => Value::Layout(layout),
            Node::Tensor(record) => {
                self.check(&record)?;
                Value::Tensor(*record)
            }
            Node::TensorFault(fault) => {
                return Err(PickleError::Tensor {
                    path: self.render(),
                    fault: TensorFault::Unsupported {
                        saved: fault.to_owned(),
                    },
                });
            }
            Node::Object { class_name, state } => {
                let state = match state {
                    Some(state) => self.child(Step::State, state)?,
                    None => Value::None,
                };
                Value::Object(Box::new(CustomObject {
                    class_name: class_name.to_string(),
                    state,
                }))
            }
            Node::Refused { global, offset } => {
                return Err(PickleError::Refused {
                    global: global.to_string(),
                    offset,
                    path: self.render(),
                });
            }
            Node::Global(global) => {
                return Err(PickleError::Global {
                    path: self.render(),
                    global: global.python_name(),
                });
            }
            Node::Storage { .. } => {
                let fault = TensorFault::Unsupported {
                    saved: "a bare storage".to_owned(),
                };
                return Err(PickleError::Tensor {
                    path: self.render(),
                    fault,
                });
            }
        })
    }

    fn child(&mut self, step: Step, id: NodeId) -> Result<Value, PickleError> {
        self.path.push(step);
        let value = self.value(id);
        self.path.pop();
        value
    }

    fn values(&mut self, items: &[NodeId]) -> Result<Vec<Value>, PickleError> {
        items
            .iter()
            .enumerate()
            .map(|(index, &item)| self.child(Step::Index(index), item))
            .collect()
    }

    fn pairs(&mut self, pairs: &[(NodeId, NodeId)]) -> Result<Vec<(Value, Value)>, PickleError> {
        pairs
            .iter()
            .map(|&(key, value)| {
                Ok((
                    self.child(Step::Key(key), key)?,
                    self.child(Step::Key(key), value)?,
                ))
            })
            .collect()
    }

    fn check(&self, record: &TensorRecord) -> Result<(), PickleError> {
        check_extent(record, self.host.storage_len(record.storage), self.limits).map_err(|fault| {
            PickleError::Tensor {
                path: self.render(),
                fault,
            }
        })
    }

    /// The path to the value that is being read: `layer.weight`, `[0][1]`.
    fn render(&self) -> String {
        self.path
            .iter()
            .enumerate()
            .map(|(depth, step)| self.render_step(depth, *step))
            .collect()
    }

    fn top_key(&self) -> String {
        self.path
            .first()
            .map(|step| self.render_step(0, *step))
            .unwrap_or_default()
    }

    fn render_step(&self, depth: usize, step: Step) -> String {
        match step {
            Step::Index(index) => format!("[{index}]"),
            Step::State => ".state".to_owned(),
            Step::Key(key) => match self.machine.node(key) {
                Node::Str(text) if depth == 0 => text.to_string(),
                Node::Str(text) => format!("['{text}']"),
                Node::Int(value) => format!("[{value}]"),
                _ => "[?]".to_owned(),
            },
        }
    }
}

impl fmt::Display for Value {
    /// Python's spelling, tensors and objects in short.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, open: &str, items: &[Value], close: &str| {
            f.write_str(open)?;
            for (index, item) in items.iter().enumerate() {
                write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
            }
            f.write_str(close)
        };
        match self {
            Value::None => f.write_str("None"),
            Value::Bool(value) => f.write_str(if *value { "True" } else { "False" }),
            Value::Int(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value:?}"),
            Value::Complex(real, imag) => write!(f, "({real:?}{imag:+?}j)"),
            Value::Str(text) => write!(f, "'{}'", text.escape_debug()),
            Value::Bytes(bytes) => write!(f, "b'{}'", bytes.escape_ascii()),
            Value::List(items) => list(f, "[", items, "]"),
            Value::Tuple(items) if items.len() == 1 => list(f, "(", items, ",)"),
            Value::Tuple(items) => list(f, "(", items, ")"),
            Value::Set(items) => list(f, "{", items, "}"),
            Value::Dict(pairs) => {
                f.write_str("{")?;
                for (index, (key, value)) in pairs.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
            Value::Slice(parts) => list(f, "slice(", parts.as_slice(), ")"),
            Value::Size(sizes) => write!(f, "torch.Size({sizes:?})"),
            Value::Device(device) => write!(f, "device('{device}')"),
            Value::Dtype(dtype) => write!(f, "torch.{dtype}"),
            Value::Layout(layout) => write!(f, "torch.{layout}"),
            Value::Tensor(record) => write!(f, "tensor({}, {:?})", record.dtype, record.sizes),
            Value::Object(object) => write!(f, "{}({})", object.class_name, object.state),
        }
    }
}

#[cfg(test)]
mod tests;

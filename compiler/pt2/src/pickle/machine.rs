//! The stack machine of a pickle: opcodes of protocols 2 to 5 that build data.
//!
//! Objects live in one list and refer to one another by position, so a pickle that makes a cycle or shares a list
//! a thousand times costs no more than its opcodes.

use std::collections::HashMap;
use std::rc::Rc;

use super::globals::{self, Action, Global, Made};
use super::{Host, PickleError, PickleFault};
use crate::limits::Limits;
use crate::schema::{Layout, ScalarType};
use crate::tensor::{StorageId, TensorRecord};

/// The position of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(usize);

/// An object of the pickle.
#[derive(Clone, Debug)]
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Complex(f64, f64),
    Str(Rc<str>),
    Bytes(Rc<[u8]>),
    List(Vec<NodeId>),
    Tuple(Vec<NodeId>),
    Set(Vec<NodeId>),
    Dict(Vec<(NodeId, NodeId)>),
    Slice([NodeId; 3]),
    Size(Vec<i64>),
    Device(Rc<str>),
    Dtype(ScalarType),
    Layout(Layout),
    Storage {
        id: StorageId,
        dtype: Option<ScalarType>,
        device: Rc<str>,
    },
    Tensor(Box<TensorRecord>),
    /// A tensor that is of a kind without a record.
    TensorFault(&'static str),
    Global(Global),
    /// A TorchBind object, or its class while it has no state.
    Object {
        class_name: Rc<str>,
        state: Option<NodeId>,
    },
    /// A global that is not allowed, or what was made by calling it.
    Refused {
        global: Rc<str>,
        offset: usize,
    },
}

impl Node {
    /// The kind of object, for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            Node::None => "None",
            Node::Bool(_) => "a bool",
            Node::Int(_) => "an int",
            Node::Float(_) => "a float",
            Node::Complex(..) => "a complex number",
            Node::Str(_) => "a string",
            Node::Bytes(_) => "bytes",
            Node::List(_) => "a list",
            Node::Tuple(_) => "a tuple",
            Node::Set(_) => "a set",
            Node::Dict(_) => "a dictionary",
            Node::Slice(_) => "a slice",
            Node::Size(_) => "a torch.Size",
            Node::Device(_) => "a device",
            Node::Dtype(_) => "a dtype",
            Node::Layout(_) => "a layout",
            Node::Storage { .. } => "a storage",
            Node::Tensor(_) | Node::TensorFault(_) => "a tensor",
            Node::Global(_) => "a global",
            Node::Object { .. } => "a custom object",
            Node::Refused { .. } => "a refused object",
        }
    }

    /// Items that it holds directly.
    fn len(&self) -> usize {
        match self {
            Node::List(items) | Node::Tuple(items) | Node::Set(items) => items.len(),
            Node::Dict(pairs) => pairs.len(),
            Node::Size(sizes) => sizes.len(),
            Node::Tensor(record) => record.sizes.len().saturating_add(record.strides.len()),
            Node::Bytes(bytes) => bytes.len(),
            _ => 0,
        }
    }
}

/// The finished objects of a pickle.
pub(super) struct Machine {
    nodes: Vec<Node>,
    pub root: NodeId,
}

impl Machine {
    /// Runs the pickle to its end.
    ///
    /// # Errors
    /// At the first opcode that is damaged, not supported or past a limit.
    pub fn run(bytes: &[u8], limits: &Limits, host: &mut dyn Host) -> Result<Self, PickleError> {
        let mut run = Run {
            bytes,
            at: 0,
            machine: Machine {
                nodes: Vec::new(),
                root: NodeId(0),
            },
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            copied: 0,
            limits,
            host,
        };
        loop {
            let offset = run.at;
            match run.step() {
                Ok(true) => {}
                Ok(false) => return Ok(run.machine),
                Err(fault) => return Err(PickleError::At { offset, fault }),
            }
        }
    }

    /// The node at `id`; every id was made by this machine.
    pub fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id.0).unwrap_or(&Node::None)
    }

    /// The items of a tuple.
    pub fn tuple(&self, id: NodeId) -> Option<&[NodeId]> {
        match self.node(id) {
            Node::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The first global that was refused, whether its value is still reachable or not.
    pub fn first_refused(&self) -> Option<(String, usize)> {
        self.nodes.iter().find_map(|node| match node {
            Node::Refused { global, offset } => Some((global.to_string(), *offset)),
            _ => None,
        })
    }
}

struct Run<'r> {
    bytes: &'r [u8],
    at: usize,
    machine: Machine,
    stack: Vec<NodeId>,
    marks: Vec<usize>,
    memo: HashMap<u64, NodeId>,
    /// Items of containers that calls made from other containers.
    copied: usize,
    limits: &'r Limits,
    host: &'r mut dyn Host,
}

type Step<T = ()> = Result<T, PickleFault>;

impl Run<'_> {
    /// Runs one opcode; false after the last.
    fn step(&mut self) -> Step<bool> {
        let opcode = self.u8()?;
        match opcode {
            b'.' => return self.stop().map(|()| false),
            0x80 => self.protocol()?,
            0x95 => self.take(8).map(drop)?,
            b'(' => self.marks.push(self.stack.len()),
            b'0' => self.pop().map(drop)?,
            b'1' => self.pop_mark().map(drop)?,
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'N' => self.push(Node::None)?,
            0x88 => self.push(Node::Bool(true))?,
            0x89 => self.push(Node::Bool(false))?,
            b'J' | b'K' | b'M' | 0x8a | 0x8b | b'G' => self.number(opcode)?,
            b'X' | 0x8c | 0x8d | b'U' | b'T' => self.text(opcode)?,
            b'B' | b'C' | 0x8e | 0x96 => self.binary(opcode)?,
            b'}' => self.push(Node::Dict(Vec::new()))?,
            b']' => self.push(Node::List(Vec::new()))?,
            b')' => self.push(Node::Tuple(Vec::new()))?,
            0x8f => self.push(Node::Set(Vec::new()))?,
            0x85..=0x87 => self.small_tuple(usize::from(opcode - 0x84))?,
            b't' | b'l' | b'd' | 0x91 => self.marked(opcode)?,
            b'a' | b'e' | 0x90 | b's' | b'u' => self.extend(opcode)?,
            b'q' | b'r' | 0x94 => self.memoize(opcode)?,
            b'h' | b'j' => self.recall(opcode)?,
            b'c' | 0x93 => self.global(opcode)?,
            b'R' => self.reduce()?,
            0x81 => self.new_object()?,
            b'b' => self.build()?,
            b'Q' => self.persistent()?,
            opcode => return Err(PickleFault::Opcode { opcode }),
        }
        Ok(true)
    }

    fn stop(&mut self) -> Step {
        self.machine.root = self.pop()?;
        match self.bytes.len().saturating_sub(self.at) {
            0 => Ok(()),
            bytes => Err(PickleFault::Trailing { bytes }),
        }
    }

    fn protocol(&mut self) -> Step {
        match self.u8()? {
            2..=5 => Ok(()),
            found => Err(PickleFault::Protocol { found }),
        }
    }

    fn number(&mut self, opcode: u8) -> Step {
        let node = match opcode {
            b'J' => Node::Int(i64::from(i32::from_le_bytes(self.array()?))),
            b'K' => Node::Int(i64::from(self.u8()?)),
            b'M' => Node::Int(i64::from(u16::from_le_bytes(self.array()?))),
            b'G' => Node::Float(f64::from_be_bytes(self.array()?)),
            0x8a => {
                let len = usize::from(self.u8()?);
                Node::Int(long(self.take(len)?)?)
            }
            _ => {
                let len = self.len32()?;
                Node::Int(long(self.take(len)?)?)
            }
        };
        self.push(node)
    }

    fn text(&mut self, opcode: u8) -> Step {
        let len = match opcode {
            0x8c | b'U' => usize::from(self.u8()?),
            0x8d => self.len64()?,
            _ => self.len32()?,
        };
        let text = std::str::from_utf8(self.take(len)?).map_err(|_| PickleFault::NotUtf8)?;
        let text = Rc::from(text);
        self.push(Node::Str(text))
    }

    fn binary(&mut self, opcode: u8) -> Step {
        let len = match opcode {
            b'C' => usize::from(self.u8()?),
            b'B' => self.len32()?,
            _ => self.len64()?,
        };
        let bytes = Rc::from(self.take(len)?);
        self.push(Node::Bytes(bytes))
    }

    fn small_tuple(&mut self, len: usize) -> Step {
        let floor = self.marks.last().copied().unwrap_or(0);
        let start = self
            .stack
            .len()
            .checked_sub(len)
            .filter(|&start| start >= floor);
        let items = self.stack.split_off(start.ok_or(PickleFault::EmptyStack)?);
        self.push(Node::Tuple(items))
    }

    fn marked(&mut self, opcode: u8) -> Step {
        let items = self.pop_mark()?;
        let node = match opcode {
            b't' => Node::Tuple(items),
            b'l' => Node::List(items),
            b'd' => Node::Dict(pairs(&items)?),
            _ => Node::Set(items),
        };
        self.push(node)
    }

    /// Adds the top of the stack to the container below it.
    fn extend(&mut self, opcode: u8) -> Step {
        let items = match opcode {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_mark()?,
        };
        let target = self.top()?;
        let node = self
            .machine
            .nodes
            .get_mut(target.0)
            .ok_or(PickleFault::EmptyStack)?;
        match (opcode, node) {
            (b'a' | b'e', Node::List(list)) | (0x90, Node::Set(list)) => list.extend(items),
            (b's' | b'u', Node::Dict(dict)) => dict.extend(pairs(&items)?),
            (_, Node::Refused { .. }) => {}
            (_, other) => {
                return Err(PickleFault::Misuse {
                    action: "add items to",
                    found: other.describe(),
                });
            }
        }
        Ok(())
    }

    fn memoize(&mut self, opcode: u8) -> Step {
        let index = match opcode {
            b'q' => u64::from(self.u8()?),
            b'r' => u64::from(u32::from_le_bytes(self.array()?)),
            _ => self.memo.len() as u64,
        };
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, opcode: u8) -> Step {
        let index = match opcode {
            b'h' => u64::from(self.u8()?),
            _ => u64::from(u32::from_le_bytes(self.array()?)),
        };
        let id = *self.memo.get(&index).ok_or(PickleFault::Memo { index })?;
        self.stack.push(id);
        Ok(())
    }

    fn global(&mut self, opcode: u8) -> Step {
        let offset = self.at - 1;
        let node = if opcode == b'c' {
            let module = self.line()?;
            let name = self.line()?;
            globals::resolve(module, name, offset)
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            match (self.machine.node(module), self.machine.node(name)) {
                (Node::Str(module), Node::Str(name)) => globals::resolve(module, name, offset),
                (_, other) => {
                    return Err(PickleFault::Misuse {
                        action: "name a global by",
                        found: other.describe(),
                    });
                }
            }
        };
        self.push(node)
    }

    fn reduce(&mut self) -> Step {
        let (args, callee) = (self.pop()?, self.pop()?);
        let made = match self.machine.node(callee) {
            Node::Global(global) => globals::call(&self.machine, *global, args)?,
            Node::Refused { .. } => Made::Same(callee),
            other => {
                return Err(PickleFault::Misuse {
                    action: "call",
                    found: other.describe(),
                });
            }
        };
        self.keep(made)
    }

    /// Pushes what a call made; copies of containers count as objects, so that they stay bounded.
    fn keep(&mut self, made: Made) -> Step {
        let node = match made {
            Made::New(node) => node,
            Made::Same(id) => {
                self.stack.push(id);
                return Ok(());
            }
        };
        self.copied = self.copied.saturating_add(node.len());
        if let Node::Tensor(record) = &node {
            self.host.typed(record.storage, record.dtype);
        }
        self.push(node)
    }

    fn new_object(&mut self) -> Step {
        let (args, class) = (self.pop()?, self.pop()?);
        let made = match self.machine.node(class) {
            Node::Object { class_name, .. } => Made::New(Node::Object {
                class_name: Rc::clone(class_name),
                state: None,
            }),
            Node::Global(Global {
                action: Action::ScriptObject,
                ..
            }) => Made::New(Node::Object {
                class_name: Rc::from(""),
                state: None,
            }),
            Node::Global(
                global @ Global {
                    action: Action::Dict | Action::List | Action::Size,
                    ..
                },
            ) => globals::call(&self.machine, *global, args)?,
            Node::Global(global) => Made::New(Node::Refused {
                global: Rc::from(global.python_name()),
                offset: self.at - 1,
            }),
            Node::Refused { .. } => Made::Same(class),
            other => {
                return Err(PickleFault::Misuse {
                    action: "make an object of",
                    found: other.describe(),
                });
            }
        };
        self.keep(made)
    }

    /// Gives an object its state. Python's `ScriptObject` has `(state, class name)`; attributes of a dictionary
    /// (`_metadata` of a state dict) do not matter.
    fn build(&mut self) -> Step {
        let (state, target) = (self.pop()?, self.top()?);
        let node = match self.machine.node(target) {
            Node::Object { class_name, .. } if class_name.is_empty() => {
                let pair = self.machine.tuple(state).unwrap_or_default();
                match (pair, pair.last().map(|&name| self.machine.node(name))) {
                    ([state, _], Some(Node::Str(name))) => Node::Object {
                        class_name: Rc::clone(name),
                        state: Some(*state),
                    },
                    _ => {
                        let found = self.machine.node(state).describe();
                        return Err(PickleFault::Misuse {
                            action: "set as a ScriptObject's state",
                            found,
                        });
                    }
                }
            }
            Node::Object { class_name, .. } => Node::Object {
                class_name: Rc::clone(class_name),
                state: Some(state),
            },
            Node::Dict(_) | Node::Refused { .. } => return Ok(()),
            other => {
                return Err(PickleFault::Misuse {
                    action: "set the state of",
                    found: other.describe(),
                });
            }
        };
        if let Some(slot) = self.machine.nodes.get_mut(target.0) {
            *slot = node;
        }
        Ok(())
    }

    /// `('storage', class, key, device, elements)`.
    fn persistent(&mut self) -> Step {
        let id = self.pop()?;
        let parts = self.machine.tuple(id).unwrap_or_default();
        let nodes: Vec<&Node> = parts
            .iter()
            .take(6)
            .map(|&part| self.machine.node(part))
            .collect();
        let node = match nodes[..] {
            [
                Node::Str(kind),
                Node::Global(class),
                Node::Str(key),
                Node::Str(device),
                Node::Int(count),
            ] if &**kind == "storage" => {
                let Action::Storage(dtype) = class.action else {
                    return Err(bad_persistent(&nodes));
                };
                let size = dtype.and_then(ScalarType::size).unwrap_or(1);
                let declared = u64::try_from(*count)
                    .ok()
                    .and_then(|count| count.checked_mul(size));
                let declared = declared.ok_or_else(|| bad_persistent(&nodes))?;
                let id = self.host.storage(key, dtype, declared)?;
                Node::Storage {
                    id,
                    dtype,
                    device: Rc::clone(device),
                }
            }
            [_, refused @ Node::Refused { .. }, ..] => Node::clone(refused),
            _ => return Err(bad_persistent(&nodes)),
        };
        self.push(node)
    }

    fn push(&mut self, node: Node) -> Step {
        if self.machine.nodes.len().saturating_add(self.copied) >= self.limits.pickle_objects {
            return Err(PickleFault::TooManyObjects {
                limit: self.limits.pickle_objects,
            });
        }
        self.stack.push(NodeId(self.machine.nodes.len()));
        self.machine.nodes.push(node);
        Ok(())
    }

    fn top(&self) -> Step<NodeId> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack
            .get(floor..)
            .and_then(|above| above.last())
            .copied()
            .ok_or(PickleFault::EmptyStack)
    }

    fn pop(&mut self) -> Step<NodeId> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_mark(&mut self) -> Step<Vec<NodeId>> {
        let mark = self.marks.pop().ok_or(PickleFault::NoMark)?;
        if mark > self.stack.len() {
            return Err(PickleFault::EmptyStack);
        }
        Ok(self.stack.split_off(mark))
    }

    fn take(&mut self, len: usize) -> Step<&[u8]> {
        let end = self.at.checked_add(len).ok_or(PickleFault::Cut)?;
        let taken = self.bytes.get(self.at..end).ok_or(PickleFault::Cut)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| PickleFault::Cut)
    }

    fn u8(&mut self) -> Step<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    fn len32(&mut self) -> Step<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).map_err(|_| PickleFault::Cut)
    }

    fn len64(&mut self) -> Step<usize> {
        usize::try_from(u64::from_le_bytes(self.array()?)).map_err(|_| PickleFault::Cut)
    }
}

impl<'r> Run<'r> {
    /// The text up to the next newline, which it skips.
    fn line(&mut self) -> Step<&'r str> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let len = memchr::memchr(b'\n', rest).ok_or(PickleFault::Cut)?;
        self.at += len + 1;
        std::str::from_utf8(rest.get(..len).unwrap_or_default()).map_err(|_| PickleFault::NotUtf8)
    }
}

fn pairs(items: &[NodeId]) -> Step<Vec<(NodeId, NodeId)>> {
    let (pairs, rest) = items.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(PickleFault::EmptyStack);
    }
    Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
}

/// A little-endian two's complement integer of any length that fits.
fn long(bytes: &[u8]) -> Step<i64> {
    let too_long = || PickleFault::LongInt { bytes: bytes.len() };
    let negative = bytes.last().is_some_and(|&last| last >= 0x80);
    let fill = if negative { 0xff } else { 0 };
    let (low, high) = bytes.split_at_checked(8).unwrap_or((bytes, &[]));
    let mut value = [fill; 8];
    value.iter_mut().zip(low).for_each(|(to, from)| *to = *from);
    let value = i64::from_le_bytes(value);
    if high.iter().any(|&byte| byte != fill) || (!high.is_empty() && (value < 0) != negative) {
        return Err(too_long());
    }
    Ok(value)
}

fn bad_persistent(nodes: &[&Node]) -> PickleFault {
    let found: Vec<&str> = nodes.iter().map(|node| node.describe()).collect();
    PickleFault::Arguments {
        call: "persistent id".to_owned(),
        expected: "`storage`, a storage class, a key, a device and a count",
        found: found.join(", "),
    }
}

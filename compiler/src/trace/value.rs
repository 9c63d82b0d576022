//! What goes into a traced function and what comes out of it: trees of tensors, numbers and constants.

use std::panic::Location;

use expc_dialects::{Constant, Diagnostic, ScalarType};
use expc_pt2::{TreeKey, TreeKind, TreeSpec};

use super::{
    lower::code,
    number::{Number, SymBool, SymFloat, SymInt},
    tensor::Tensor,
    tracer::Tracer,
};

/// A tree of leaves in Python's containers.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree<L> {
    Leaf(L),
    Tuple(Vec<Tree<L>>),
    List(Vec<Tree<L>>),
    Dict(Vec<(TreeKey, Tree<L>)>),
}

/// From the path and the leaf to another leaf.
type MapLeaf<'f, L, M, E> = dyn FnMut(&[TreeKey], &L) -> Result<M, E> + 'f;

impl<L> Tree<L> {
    /// The leaves in order.
    pub fn leaves(&self) -> Vec<&L> {
        let mut leaves = Vec::new();
        self.collect(&mut leaves);
        leaves
    }

    fn collect<'t>(&'t self, leaves: &mut Vec<&'t L>) {
        match self {
            Self::Leaf(leaf) => leaves.push(leaf),
            Self::Tuple(elements) | Self::List(elements) => {
                elements.iter().for_each(|element| element.collect(leaves));
            }
            Self::Dict(entries) => entries
                .iter()
                .for_each(|(_, element)| element.collect(leaves)),
        }
    }

    /// The pytree without its leaves.
    pub fn spec(&self) -> TreeSpec {
        let node = |kind, children: &[Self]| TreeSpec::Node {
            kind,
            children: children.iter().map(Self::spec).collect(),
        };
        match self {
            Self::Leaf(_) => TreeSpec::Leaf,
            Self::Tuple(elements) => node(TreeKind::Tuple, elements),
            Self::List(elements) => node(TreeKind::List, elements),
            Self::Dict(entries) => TreeSpec::Node {
                kind: TreeKind::Dict {
                    keys: entries.iter().map(|(key, _)| key.clone()).collect(),
                },
                children: entries.iter().map(|(_, element)| element.spec()).collect(),
            },
        }
    }

    /// The element that Python reaches by an index or a key.
    pub fn get(&self, key: &TreeKey) -> Option<&Self> {
        match (self, key) {
            (Self::Tuple(elements) | Self::List(elements), TreeKey::Int(index)) => {
                elements.get(usize::try_from(*index).ok()?)
            }
            (Self::Dict(entries), key) => entries
                .iter()
                .find(|(known, _)| known == key)
                .map(|(_, element)| element),
            _ => None,
        }
    }

    /// The same tree with other leaves; `path` tells where each one is.
    pub(super) fn map<M, E>(
        &self,
        path: &mut Vec<TreeKey>,
        leaf: &mut MapLeaf<'_, L, M, E>,
    ) -> Result<Tree<M>, E> {
        let mut list = |elements: &[Self], path: &mut Vec<TreeKey>| {
            let mut mapped = Vec::with_capacity(elements.len());
            for (index, element) in (0_i64..).zip(elements) {
                path.push(TreeKey::Int(index));
                mapped.push(element.map(path, leaf)?);
                path.pop();
            }
            Ok(mapped)
        };
        Ok(match self {
            Self::Leaf(found) => Tree::Leaf(leaf(path, found)?),
            Self::Tuple(elements) => Tree::Tuple(list(elements, path)?),
            Self::List(elements) => Tree::List(list(elements, path)?),
            Self::Dict(entries) => {
                let mut mapped = Vec::with_capacity(entries.len());
                for (key, element) in entries {
                    path.push(key.clone());
                    mapped.push((key.clone(), element.map(path, leaf)?));
                    path.pop();
                }
                Tree::Dict(mapped)
            }
        })
    }
}

/// An input to trace with: of a tensor only the type and the sizes.
#[derive(Clone, Debug, PartialEq)]
pub enum Leaf {
    Tensor {
        dtype: ScalarType,
        sizes: Vec<i64>,
        device: String,
    },
    /// A number, a string or None, which the program takes as it is.
    Constant(Constant),
}

/// An example input.
pub type Sample = Tree<Leaf>;

impl Sample {
    /// A tensor on the CPU.
    pub fn tensor(dtype: ScalarType, sizes: &[i64]) -> Self {
        Tree::Leaf(Leaf::Tensor {
            dtype,
            sizes: sizes.to_vec(),
            device: "cpu".to_owned(),
        })
    }

    /// A tensor of `float32` on the CPU.
    pub fn floats(sizes: &[i64]) -> Self {
        Self::tensor(ScalarType::Float32, sizes)
    }

    /// A tensor of `int64` on the CPU.
    pub fn ints(sizes: &[i64]) -> Self {
        Self::tensor(ScalarType::Int64, sizes)
    }

    /// A number, a string or None.
    pub fn constant(constant: Constant) -> Self {
        Tree::Leaf(Leaf::Constant(constant))
    }
}

/// The example inputs of a trace: positional arguments by the names of the parameters, and keyword arguments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs {
    pub(super) args: Vec<(String, Sample)>,
    pub(super) kwargs: Vec<(String, Sample)>,
}

impl Inputs {
    pub fn new() -> Self {
        Self::default()
    }

    /// With a positional argument.
    #[must_use]
    pub fn arg(mut self, name: &str, sample: Sample) -> Self {
        self.args.push((name.to_owned(), sample));
        self
    }

    /// With a keyword argument.
    #[must_use]
    pub fn kwarg(mut self, name: &str, sample: Sample) -> Self {
        self.kwargs.push((name.to_owned(), sample));
        self
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &(String, Sample)> {
        self.args.iter().chain(&self.kwargs)
    }
}

/// A leaf of what a traced function gets or gives back.
#[derive(Clone, Debug)]
pub enum Traced {
    Tensor(Tensor),
    Number(Number),
    Constant(Constant),
}

/// What a traced function gets or gives back.
pub type Value = Tree<Traced>;

macro_rules! value_from {
    ($($source:ty => $convert:expr;)*) => {
        $(impl From<$source> for Value {
            fn from(source: $source) -> Self {
                let convert: fn($source) -> Traced = $convert;
                Tree::Leaf(convert(source))
            }
        })*
    };
}

value_from! {
    Tensor => Traced::Tensor;
    &Tensor => |tensor| Traced::Tensor(tensor.clone());
    SymInt => |number| Traced::Number(number.into());
    SymFloat => |number| Traced::Number(number.into());
    SymBool => |number| Traced::Number(number.into());
    i64 => |value| Traced::Constant(Constant::Int(value));
    bool => |value| Traced::Constant(Constant::Bool(value));
    f64 => |value| Traced::Constant(Constant::Float(value));
    &str => |text| Traced::Constant(Constant::Str(text.to_owned()));
    Constant => Traced::Constant;
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(elements: Vec<T>) -> Self {
        Tree::List(elements.into_iter().map(Into::into).collect())
    }
}

impl<A: Into<Value>, B: Into<Value>> From<(A, B)> for Value {
    fn from((a, b): (A, B)) -> Self {
        Tree::Tuple(vec![a.into(), b.into()])
    }
}

impl<A: Into<Value>, B: Into<Value>, C: Into<Value>> From<(A, B, C)> for Value {
    fn from((a, b, c): (A, B, C)) -> Self {
        Tree::Tuple(vec![a.into(), b.into(), c.into()])
    }
}

/// A dictionary of values.
pub fn dict<V: Into<Value>>(entries: impl IntoIterator<Item = (&'static str, V)>) -> Value {
    let entries = entries.into_iter();
    Tree::Dict(
        entries
            .map(|(key, value)| (TreeKey::Str(key.to_owned()), value.into()))
            .collect(),
    )
}

/// The inputs of a traced function, by the names of its parameters.
pub struct Arguments {
    pub(super) tracer: Tracer,
    pub(super) values: Vec<(String, Value)>,
}

impl Arguments {
    /// An argument.
    #[track_caller]
    pub fn value(&self, name: &str) -> &Value {
        match self.values.iter().find(|(known, _)| known == name) {
            Some((_, value)) => value,
            None => {
                let names: Vec<_> = self
                    .values
                    .iter()
                    .map(|(name, _)| format!("`{name}`"))
                    .collect();
                let what = format!("there is no input `{name}`");
                let fault = Diagnostic::error(code::INPUT, what)
                    .note(format!("the inputs are {}", names.join(", ")));
                self.tracer.fail(fault, Location::caller())
            }
        }
    }

    /// An argument that is a tensor.
    #[track_caller]
    pub fn tensor(&self, name: &str) -> Tensor {
        match self.value(name) {
            Tree::Leaf(Traced::Tensor(tensor)) => tensor.clone(),
            _ => self.unexpected(name, "a tensor"),
        }
    }

    /// The tensors of an argument that is a tree of them, in order.
    #[track_caller]
    pub fn tensors(&self, name: &str) -> Vec<Tensor> {
        let leaves = self.value(name).leaves().into_iter();
        let tensors = leaves.filter_map(|leaf| match leaf {
            Traced::Tensor(tensor) => Some(tensor.clone()),
            Traced::Number(_) | Traced::Constant(_) => None,
        });
        tensors.collect()
    }

    /// An argument that is an integer.
    #[track_caller]
    pub fn int(&self, name: &str) -> SymInt {
        match self.value(name) {
            Tree::Leaf(Traced::Number(number)) => SymInt::from_number(number.clone()),
            Tree::Leaf(Traced::Constant(Constant::Int(value))) => SymInt::from(*value),
            _ => self.unexpected(name, "an integer"),
        }
    }

    /// An argument that is a constant.
    #[track_caller]
    pub fn constant(&self, name: &str) -> Constant {
        match self.value(name) {
            Tree::Leaf(Traced::Constant(constant)) => constant.clone(),
            _ => self.unexpected(name, "a constant"),
        }
    }

    #[track_caller]
    fn unexpected(&self, name: &str, expected: &str) -> ! {
        let what = format!("the input `{name}` is not {expected}");
        self.tracer
            .fail(Diagnostic::error(code::INPUT, what), Location::caller())
    }
}

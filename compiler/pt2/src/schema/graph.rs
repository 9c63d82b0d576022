//! Graphs, nodes and what the file knows about values.

use serde::Deserialize;

use super::argument::{Argument, CustomObjArgument, Device};
use super::enums::{ArgumentKind, Layout, ScalarType};
use super::text::{Float, Map, Str, map, null_is_default, union};

/// A graph: its inputs, its nodes in execution order, its outputs, and the types of its values by name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Graph<'a> {
    #[serde(borrow)]
    pub inputs: Vec<Argument<'a>>,
    pub outputs: Vec<Argument<'a>>,
    pub nodes: Vec<Node<'a>>,
    #[serde(borrow, deserialize_with = "map")]
    pub tensor_values: Map<'a, TensorMeta<'a>>,
    #[serde(borrow, deserialize_with = "map")]
    pub sym_int_values: Map<'a, SymInt<'a>>,
    #[serde(borrow, deserialize_with = "map")]
    pub sym_bool_values: Map<'a, SymBool<'a>>,
    /// From 8.2 on.
    #[serde(borrow, default, deserialize_with = "map")]
    pub sym_float_values: Map<'a, SymFloat<'a>>,
    #[serde(borrow, default, deserialize_with = "map")]
    pub custom_obj_values: Map<'a, CustomObjArgument<'a>>,
    /// A sub-graph that returns a bare tensor rather than a tuple of one.
    #[serde(default, deserialize_with = "null_is_default")]
    pub is_single_tensor_return: bool,
}

/// A call of an op.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Node<'a> {
    /// The Python path of what is called: `torch.ops.aten.add.Tensor`, `_operator.mul`.
    #[serde(borrow)]
    pub target: Str<'a>,
    pub inputs: Vec<NamedArgument<'a>>,
    pub outputs: Vec<Argument<'a>>,
    /// `stack_trace`, `nn_module_stack` and others, for messages.
    #[serde(borrow, default, deserialize_with = "map")]
    pub metadata: Map<'a, Str<'a>>,
    /// From 8.7 on: whether a higher-order op returns a bare tensor; `None` for other ops.
    #[serde(default)]
    pub is_hop_single_tensor_return: Option<bool>,
    /// The FX node's name, from 8.17 on.
    #[serde(default)]
    pub name: Option<Str<'a>>,
}

impl<'a> Node<'a> {
    /// The FX name; in files before 8.17 the name of the first result, which is the same for most nodes.
    pub fn display_name(&self) -> Option<&str> {
        if let Some(name) = &self.name {
            return Some(name);
        }
        let mut first = None;
        for output in &self.outputs {
            output.for_each_name(&mut |_, name| {
                first.get_or_insert(name.as_str());
            });
        }
        first
    }
}

/// An argument with the name that the op's schema gives it; empty for higher-order ops.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NamedArgument<'a> {
    #[serde(borrow)]
    pub name: Str<'a>,
    pub arg: Argument<'a>,
    /// `None` before 8.7.
    #[serde(default)]
    pub kind: Option<ArgumentKind>,
}

/// The type of a tensor value.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct TensorMeta<'a> {
    pub dtype: ScalarType,
    #[serde(borrow)]
    pub sizes: Vec<SymInt<'a>>,
    pub requires_grad: bool,
    pub device: Device<'a>,
    /// In elements, one per size.
    pub strides: Vec<SymInt<'a>>,
    /// In elements.
    pub storage_offset: SymInt<'a>,
    pub layout: Layout,
}

/// A scalar that is known or an expression over symbols.
#[derive(Clone, Debug, PartialEq)]
pub enum Sym<'a, T> {
    Value(T),
    Expr(SymExpr<'a>),
}

impl<'a, T: Copy> Sym<'a, T> {
    /// The value, if it is known.
    pub fn value(&self) -> Option<T> {
        match self {
            Sym::Value(value) => Some(*value),
            Sym::Expr(_) => None,
        }
    }

    /// The expression, if it is one.
    pub fn expr(&self) -> Option<&SymExpr<'a>> {
        match self {
            Sym::Value(_) => None,
            Sym::Expr(expr) => Some(expr),
        }
    }
}

/// An int that may be symbolic.
pub type SymInt<'a> = Sym<'a, i64>;
/// A float that may be symbolic.
pub type SymFloat<'a> = Sym<'a, f64>;
/// A bool that may be symbolic.
pub type SymBool<'a> = Sym<'a, bool>;

/// An expression as the file writes it: sympy's text up to 7.x, sympy's `srepr` from 8.x on.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SymExpr<'a> {
    #[serde(borrow)]
    pub expr_str: Str<'a>,
    /// The value in the traced call; unbacked symbols have none.
    #[serde(default)]
    pub hint: Option<Hint>,
}

/// The value that an expression had when the program was traced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hint {
    Int(i64),
    Bool(bool),
    Float(f64),
}

struct HintUnion<'a>(Hint, std::marker::PhantomData<&'a ()>);

union!("a hint", HintUnion<'a>, {
    "as_int" => |value: i64| HintUnion(Hint::Int(value), std::marker::PhantomData),
    "as_bool" => |value: bool| HintUnion(Hint::Bool(value), std::marker::PhantomData),
    "as_float" => |value: Float| HintUnion(Hint::Float(value.0), std::marker::PhantomData),
});

impl<'de> Deserialize<'de> for Hint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        HintUnion::deserialize(deserializer).map(|hint| hint.0)
    }
}

/// The file's union of a value and an expression, one per scalar type.
macro_rules! sym {
    ($union:ident, $what:literal, $tag:literal, $read:ty, $value:ty) => {
        struct $union<'a>(Sym<'a, $value>);

        union!($what, $union<'a>, {
            "as_expr" => |expr: SymExpr<'a>| $union(Sym::Expr(expr)),
            $tag => |value: $read| $union(Sym::Value(value.into())),
        });

        impl<'de: 'a, 'a> Deserialize<'de> for Sym<'a, $value> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $union::deserialize(deserializer).map(|sym| sym.0)
            }
        }
    };
}

sym!(SymIntUnion, "a symbolic int", "as_int", i64, i64);
sym!(SymFloatUnion, "a symbolic float", "as_float", Float, f64);
sym!(SymBoolUnion, "a symbolic bool", "as_bool", bool, bool);

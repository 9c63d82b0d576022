//! Arguments of calls: what Rust code gives, turned into what the graph holds and what inference sees.

use expc_dialects::{Constant, ScalarType};
use expc_passes::shape::Item;

use super::{
    graph::{Arg, ValueId},
    number::{Number, SymBool, SymFloat, SymInt},
    tensor::Tensor,
    tracer::{Place, Tracer},
};

/// An argument of a call.
#[derive(Clone)]
pub enum Operand {
    Tensor(Tensor),
    Number(Number),
    Constant(Constant),
    List(Vec<Operand>),
    /// A graph, by its id and its symbol.
    Graph(super::graph::GraphId, String),
    /// A value of the open graph.
    Value(ValueId, Item),
}

impl Operand {
    /// What inference sees of it.
    pub(super) fn item(&self) -> Item {
        match self {
            Self::Tensor(tensor) => tensor.item(),
            Self::Number(number) => number.item().clone(),
            Self::Constant(constant) => Item::from_constant(constant),
            Self::List(elements) => Item::List(elements.iter().map(Self::item).collect()),
            Self::Graph(_, symbol) => Item::Graph(symbol.clone()),
            Self::Value(_, item) => item.clone(),
        }
    }

    /// What the open graph holds of it; numbers that it does not know yet are computed there.
    pub(super) fn into_arg(self, tracer: &Tracer, place: Place) -> Arg {
        match self {
            Self::Tensor(tensor) => Arg::Value(tracer.reach(tensor.id_in(tracer, place))),
            Self::Number(number) => number.arg(tracer, place),
            Self::Constant(constant) => Arg::Constant(constant),
            Self::List(elements) => list(
                elements
                    .into_iter()
                    .map(|element| element.into_arg(tracer, place))
                    .collect(),
            ),
            Self::Graph(graph, _) => Arg::Graph(graph),
            Self::Value(id, _) => Arg::Value(tracer.reach(id)),
        }
    }
}

/// A list; one of ints alone takes the compact form.
fn list(elements: Vec<Arg>) -> Arg {
    let ints: Option<Vec<i64>> = elements
        .iter()
        .map(|element| match element {
            Arg::Constant(Constant::Int(value)) => Some(*value),
            _ => None,
        })
        .collect();
    match ints {
        Some(ints) if !ints.is_empty() => Arg::Constant(Constant::Ints(ints)),
        _ => Arg::List(elements),
    }
}

macro_rules! operand_from {
    ($($source:ty => $convert:expr;)*) => {
        $(impl From<$source> for Operand {
            fn from(source: $source) -> Self {
                let convert: fn($source) -> Operand = $convert;
                convert(source)
            }
        })*
    };
}

operand_from! {
    Tensor => Operand::Tensor;
    &Tensor => |tensor| Operand::Tensor(tensor.clone());
    SymInt => |number| Operand::Number(number.into());
    &SymInt => |number| Operand::Number(number.clone().into());
    SymFloat => |number| Operand::Number(number.into());
    &SymFloat => |number| Operand::Number(number.clone().into());
    SymBool => |number| Operand::Number(number.into());
    &SymBool => |number| Operand::Number(number.clone().into());
    i64 => |value| Operand::Constant(Constant::Int(value));
    i32 => |value| Operand::Constant(Constant::Int(i64::from(value)));
    f64 => |value| Operand::Constant(Constant::Float(value));
    bool => |value| Operand::Constant(Constant::Bool(value));
    &str => |text| Operand::Constant(Constant::Str(text.to_owned()));
    ScalarType => |dtype| Operand::Constant(Constant::Dtype(dtype));
    Device => |device| Operand::Constant(Constant::Device(device.0));
    Layout => |layout| Operand::Constant(Constant::Layout(layout.0));
    MemoryFormat => |format| Operand::Constant(Constant::MemoryFormat(format.0));
    &[i64] => |values| Operand::Constant(Constant::Ints(values.to_vec()));
    Vec<i64> => |values| Operand::Constant(Constant::Ints(values));
    &[f64] => |values| Operand::Constant(Constant::Floats(values.to_vec()));
    &[bool] => |values| Operand::Constant(Constant::Bools(values.to_vec()));
    &[Tensor] => |tensors| Operand::List(tensors.iter().map(Operand::from).collect());
    &[&Tensor] => |tensors| Operand::List(tensors.iter().map(|tensor| (*tensor).into()).collect());
    &[Option<&Tensor>] => |tensors| {
        Operand::List(tensors.iter().map(|tensor| (*tensor).into()).collect())
    };
}

impl From<Option<&Tensor>> for Operand {
    fn from(tensor: Option<&Tensor>) -> Self {
        tensor.map_or(Operand::Constant(Constant::None), Operand::from)
    }
}

impl From<()> for Operand {
    /// None, given explicitly.
    fn from((): ()) -> Self {
        Operand::Constant(Constant::None)
    }
}

impl From<&Vec<Tensor>> for Operand {
    fn from(tensors: &Vec<Tensor>) -> Self {
        tensors.as_slice().into()
    }
}

impl From<Vec<Tensor>> for Operand {
    fn from(tensors: Vec<Tensor>) -> Self {
        Operand::List(tensors.into_iter().map(Operand::Tensor).collect())
    }
}

impl<const N: usize> From<&[Tensor; N]> for Operand {
    fn from(tensors: &[Tensor; N]) -> Self {
        tensors.as_slice().into()
    }
}

impl<const N: usize> From<[Tensor; N]> for Operand {
    fn from(tensors: [Tensor; N]) -> Self {
        tensors.as_slice().into()
    }
}

impl<const N: usize> From<&[&Tensor; N]> for Operand {
    fn from(tensors: &[&Tensor; N]) -> Self {
        tensors.as_slice().into()
    }
}

impl<const N: usize> From<[&Tensor; N]> for Operand {
    fn from(tensors: [&Tensor; N]) -> Self {
        tensors.as_slice().into()
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }
    };
}

name! {
    /// A device: `cpu`, `cuda:0`.
    Device
}
name! {
    /// A layout, without `torch.`: `strided`.
    Layout
}
name! {
    /// A memory format, without `torch.`: `channels_last`.
    MemoryFormat
}

/// A list of sizes, dimensions or positions: `[2, 3]`, `&[n.clone(), 3.into()]`, `(&n, 3)`.
pub trait IntoSizes {
    /// The list as an argument.
    fn into_sizes(self) -> Operand;
}

impl IntoSizes for &[i64] {
    fn into_sizes(self) -> Operand {
        self.into()
    }
}

impl<const N: usize> IntoSizes for [i64; N] {
    fn into_sizes(self) -> Operand {
        self.as_slice().into()
    }
}

impl<const N: usize> IntoSizes for &[i64; N] {
    fn into_sizes(self) -> Operand {
        self.as_slice().into()
    }
}

impl IntoSizes for Option<&[i64]> {
    /// None stands for all dimensions.
    fn into_sizes(self) -> Operand {
        self.map_or(Operand::Constant(Constant::None), Operand::from)
    }
}

impl IntoSizes for Vec<i64> {
    fn into_sizes(self) -> Operand {
        self.into()
    }
}

impl IntoSizes for &[SymInt] {
    fn into_sizes(self) -> Operand {
        Operand::List(self.iter().map(Operand::from).collect())
    }
}

impl IntoSizes for Vec<SymInt> {
    fn into_sizes(self) -> Operand {
        self.as_slice().into_sizes()
    }
}

impl IntoSizes for &Vec<SymInt> {
    fn into_sizes(self) -> Operand {
        self.as_slice().into_sizes()
    }
}

impl<const N: usize> IntoSizes for [SymInt; N] {
    fn into_sizes(self) -> Operand {
        self.as_slice().into_sizes()
    }
}

impl<const N: usize> IntoSizes for &[SymInt; N] {
    fn into_sizes(self) -> Operand {
        self.as_slice().into_sizes()
    }
}

macro_rules! tuple_sizes {
    ($($name:ident)*) => {
        impl<$($name: Into<SymInt>),*> IntoSizes for ($($name,)*) {
            #[allow(non_snake_case)]
            fn into_sizes(self) -> Operand {
                let ($($name,)*) = self;
                [$($name.into()),*].as_slice().into_sizes()
            }
        }
    };
}

tuple_sizes!(A);
tuple_sizes!(A B);
tuple_sizes!(A B C);
tuple_sizes!(A B C D);
tuple_sizes!(A B C D E);

//! The syntax tree of a schema. It borrows from the text it was parsed from.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The schema of one op overload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpSchema<'a> {
    /// `aten`; empty only if the text named none.
    pub namespace: &'a str,
    pub name: &'a str,
    /// Empty for the overload that Python calls `default`.
    pub overload: &'a str,
    #[serde(borrow)]
    pub args: Vec<Arg<'a>>,
    pub returns: Vec<Return<'a>>,
    /// Takes further arguments after `args`.
    pub is_vararg: bool,
    /// Gives further results after `returns`.
    pub is_varret: bool,
}

/// An argument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arg<'a> {
    pub name: &'a str,
    #[serde(borrow)]
    pub ty: Type<'a>,
    pub alias: Option<Alias<'a>>,
    pub default: Option<DefaultValue<'a>>,
    pub kwarg_only: bool,
}

/// A result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Return<'a> {
    pub name: Option<&'a str>,
    #[serde(borrow)]
    pub ty: Type<'a>,
    pub alias: Option<Alias<'a>>,
}

/// What an argument or result may share memory with: `(a! -> b|c)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias<'a> {
    /// The names of the sets, `*` for any.
    #[serde(borrow)]
    pub before: Vec<&'a str>,
    /// The sets after the op has run; empty where they are those of `before`.
    pub after: Vec<&'a str>,
    /// The op writes to the value.
    pub write: bool,
    /// How many of the type's outer lists and optionals the annotation does not cover: 1 in
    /// `Tensor(a!)[]`, 0 in `Tensor[](a!)` and `Tensor(a!)`.
    pub depth: u8,
}

/// A type of torch's JIT type system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Type<'a> {
    Tensor,
    Int,
    SymInt,
    Float,
    SymFloat,
    Bool,
    SymBool,
    Complex,
    /// Any Python number: `Scalar`.
    Scalar,
    Str,
    ScalarType,
    Layout,
    MemoryFormat,
    Device,
    Generator,
    Storage,
    Stream,
    QScheme,
    Dimname,
    Any,
    AnyClass,
    AnyEnum,
    AnyList,
    AnyTuple,
    /// `NoneType`.
    None,
    /// A TorchBind class, by its whole name: `__torch__.torch.classes.quantized.LinearPackedParamsBase`.
    Class(&'a str),
    /// A type variable: `t`, `tVal`.
    Variable(&'a str),
    Optional(#[serde(borrow)] Box<Type<'a>>),
    /// A list, with the size up to which a single element stands for the whole: `int[2]`.
    List(#[serde(borrow)] Box<Type<'a>>, Option<u32>),
    Dict(#[serde(borrow)] Box<Type<'a>>, Box<Type<'a>>),
    Tuple(#[serde(borrow)] Vec<Type<'a>>),
    Union(#[serde(borrow)] Vec<Type<'a>>),
    Future(#[serde(borrow)] Box<Type<'a>>),
    Await(#[serde(borrow)] Box<Type<'a>>),
    RRef(#[serde(borrow)] Box<Type<'a>>),
}

/// A default value, as it is written.
///
/// Torch writes a memory format, a layout or a reduction as its number and a list that all elements
/// share in full; text from elsewhere may have [`EnumName`](Self::EnumName), or a single number for a
/// list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DefaultValue<'a> {
    None,
    Int(i64),
    Float(f64),
    Bool(bool),
    Str(#[serde(borrow)] Cow<'a, str>),
    /// Also the empty list of any type.
    IntList(Vec<i64>),
    FloatList(Vec<f64>),
    BoolList(Vec<bool>),
    StrList(#[serde(borrow)] Vec<Cow<'a, str>>),
    /// `contiguous_format`, `Mean`.
    EnumName(&'a str),
}

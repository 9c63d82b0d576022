//! Arguments and results of nodes.

use serde::Deserialize;

use super::enums::{Layout, MemoryFormat, ScalarType};
use super::graph::Graph;
use super::text::{Dictionary, Float, List, Map, Name, Str, name, union};

/// An argument of a node, or the shape of a result.
///
/// The tags of the file, with the wrappers that carry a single name taken off.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument<'a> {
    /// `None`.
    None,
    /// A tensor by its name.
    Tensor(Str<'a>),
    /// A list of tensors; among the arguments of a higher-order op also of symbolic scalars.
    Tensors(Vec<Str<'a>>),
    /// A tensor or `None`, where the schema says that either may come.
    OptionalTensor(Option<Str<'a>>),
    /// A list of tensors and `None`s.
    OptionalTensors(Vec<Option<Str<'a>>>),
    /// A list of lists of tensors.
    NestedTensors(Vec<Vec<Str<'a>>>),
    /// A Python int.
    Int(i64),
    /// A list of ints.
    Ints(Vec<i64>),
    /// A list of lists of ints.
    IntLists(Vec<Vec<i64>>),
    /// A Python float.
    Float(f64),
    /// A list of floats.
    Floats(Vec<f64>),
    /// A list of lists of floats.
    FloatLists(Vec<Vec<f64>>),
    /// A Python complex number.
    Complex(ComplexValue),
    /// A string.
    String(Str<'a>),
    /// A list of strings.
    Strings(Vec<Str<'a>>),
    /// A Python bool.
    Bool(bool),
    /// A list of bools.
    Bools(Vec<bool>),
    /// A symbolic int.
    SymInt(SymArgument<'a, i64>),
    /// A list of symbolic and plain ints.
    SymInts(Vec<SymArgument<'a, i64>>),
    /// A symbolic float.
    SymFloat(SymArgument<'a, f64>),
    /// A list of symbolic and plain floats.
    SymFloats(Vec<SymArgument<'a, f64>>),
    /// A symbolic bool.
    SymBool(SymArgument<'a, bool>),
    /// A list of symbolic and plain bools.
    SymBools(Vec<SymArgument<'a, bool>>),
    /// A dtype.
    ScalarType(ScalarType),
    /// A memory format.
    MemoryFormat(MemoryFormat),
    /// A layout.
    Layout(Layout),
    /// A device.
    Device(Device<'a>),
    /// A graph of a higher-order op.
    Graph(Box<GraphArgument<'a>>),
    /// A TorchBind object.
    CustomObj(CustomObjArgument<'a>),
    /// An operator by its Python path, `torch.ops.aten.add_.Tensor`.
    Operator(Str<'a>),
    /// A dictionary from strings to arguments, in the file's order.
    StringToArgument(Map<'a, Argument<'a>>),
}

union!("an argument", Argument<'a>, {
    "as_none" => |_: serde::de::IgnoredAny| Argument::None,
    "as_tensor" => |name: Name<'a>| Argument::Tensor(name.0),
    "as_tensors" => |names: List<Name<'a>, Str<'a>>| Argument::Tensors(names.0),
    "as_int" => |value: i64| Argument::Int(value),
    "as_ints" => |values: Vec<i64>| Argument::Ints(values),
    "as_float" => |value: Float| Argument::Float(value.0),
    "as_floats" => |values: List<Float, f64>| Argument::Floats(values.0),
    "as_string" => |text: Str<'a>| Argument::String(text),
    "as_strings" => |texts: Vec<Str<'a>>| Argument::Strings(texts),
    "as_sym_int" => |value: SymIntArgument<'a>| Argument::SymInt(value.0),
    "as_sym_ints" => |values: List<SymIntArgument<'a>, SymArgument<'a, i64>>| Argument::SymInts(values.0),
    "as_scalar_type" => |value: ScalarType| Argument::ScalarType(value),
    "as_memory_format" => |value: MemoryFormat| Argument::MemoryFormat(value),
    "as_layout" => |value: Layout| Argument::Layout(value),
    "as_device" => |value: Device<'a>| Argument::Device(value),
    "as_bool" => |value: bool| Argument::Bool(value),
    "as_bools" => |values: Vec<bool>| Argument::Bools(values),
    "as_sym_bool" => |value: SymBoolArgument<'a>| Argument::SymBool(value.0),
    "as_sym_bools" => |values: List<SymBoolArgument<'a>, SymArgument<'a, bool>>| Argument::SymBools(values.0),
    "as_graph" => |value: Box<GraphArgument<'a>>| Argument::Graph(value),
    "as_optional_tensors" => |values: List<OptionalName<'a>, Option<Str<'a>>>| Argument::OptionalTensors(values.0),
    "as_custom_obj" => |value: CustomObjArgument<'a>| Argument::CustomObj(value),
    "as_operator" => |path: Str<'a>| Argument::Operator(path),
    "as_sym_float" => |value: SymFloatArgument<'a>| Argument::SymFloat(value.0),
    "as_sym_floats" => |values: List<SymFloatArgument<'a>, SymArgument<'a, f64>>| Argument::SymFloats(values.0),
    "as_optional_tensor" => |value: OptionalName<'a>| Argument::OptionalTensor(value.0),
    "as_complex" => |value: ComplexValue| Argument::Complex(value),
    "as_nested_tensors" => |lists: List<List<Name<'a>, Str<'a>>, Vec<Str<'a>>>| Argument::NestedTensors(lists.0),
    "as_int_lists" => |lists: Vec<Vec<i64>>| Argument::IntLists(lists),
    "as_string_to_argument" => |map: Dictionary<'a, Argument<'a>>| Argument::StringToArgument(map.0),
    "as_float_lists" => |lists: List<List<Float, f64>, Vec<f64>>| Argument::FloatLists(lists.0),
});

impl<'a> Argument<'a> {
    /// The tag that the file uses for this kind of argument.
    pub fn tag(&self) -> &'static str {
        match self {
            Argument::None => "as_none",
            Argument::Tensor(_) => "as_tensor",
            Argument::Tensors(_) => "as_tensors",
            Argument::OptionalTensor(_) => "as_optional_tensor",
            Argument::OptionalTensors(_) => "as_optional_tensors",
            Argument::NestedTensors(_) => "as_nested_tensors",
            Argument::Int(_) => "as_int",
            Argument::Ints(_) => "as_ints",
            Argument::IntLists(_) => "as_int_lists",
            Argument::Float(_) => "as_float",
            Argument::Floats(_) => "as_floats",
            Argument::FloatLists(_) => "as_float_lists",
            Argument::Complex(_) => "as_complex",
            Argument::String(_) => "as_string",
            Argument::Strings(_) => "as_strings",
            Argument::Bool(_) => "as_bool",
            Argument::Bools(_) => "as_bools",
            Argument::SymInt(_) => "as_sym_int",
            Argument::SymInts(_) => "as_sym_ints",
            Argument::SymFloat(_) => "as_sym_float",
            Argument::SymFloats(_) => "as_sym_floats",
            Argument::SymBool(_) => "as_sym_bool",
            Argument::SymBools(_) => "as_sym_bools",
            Argument::ScalarType(_) => "as_scalar_type",
            Argument::MemoryFormat(_) => "as_memory_format",
            Argument::Layout(_) => "as_layout",
            Argument::Device(_) => "as_device",
            Argument::Graph(_) => "as_graph",
            Argument::CustomObj(_) => "as_custom_obj",
            Argument::Operator(_) => "as_operator",
            Argument::StringToArgument(_) => "as_string_to_argument",
        }
    }

    /// The value that this argument names, if it is a single one.
    pub fn single_name(&self) -> Option<&Str<'a>> {
        match self {
            Argument::Tensor(name) | Argument::OptionalTensor(Some(name)) => Some(name),
            Argument::SymInt(value) => value.name(),
            Argument::SymFloat(value) => value.name(),
            Argument::SymBool(value) => value.name(),
            Argument::CustomObj(object) => Some(&object.name),
            _ => None,
        }
    }

    /// Calls `visit` with every value that this argument names, dictionaries included, sub-graphs not.
    pub fn for_each_name<'s>(&'s self, visit: &mut dyn FnMut(NamedValue, &'s Str<'a>)) {
        match self {
            Argument::Tensor(name) => visit(NamedValue::Tensor, name),
            Argument::Tensors(names) => names
                .iter()
                .for_each(|name| visit(NamedValue::Tensor, name)),
            Argument::OptionalTensor(name) => {
                name.iter().for_each(|name| visit(NamedValue::Tensor, name))
            }
            Argument::OptionalTensors(names) => {
                names
                    .iter()
                    .flatten()
                    .for_each(|name| visit(NamedValue::Tensor, name));
            }
            Argument::NestedTensors(lists) => {
                lists
                    .iter()
                    .flatten()
                    .for_each(|name| visit(NamedValue::Tensor, name));
            }
            Argument::SymInt(value) => value
                .name()
                .into_iter()
                .for_each(|name| visit(NamedValue::SymInt, name)),
            Argument::SymInts(values) => {
                values
                    .iter()
                    .filter_map(SymArgument::name)
                    .for_each(|name| visit(NamedValue::SymInt, name));
            }
            Argument::SymFloat(value) => value
                .name()
                .into_iter()
                .for_each(|name| visit(NamedValue::SymFloat, name)),
            Argument::SymFloats(values) => {
                values
                    .iter()
                    .filter_map(SymArgument::name)
                    .for_each(|name| visit(NamedValue::SymFloat, name));
            }
            Argument::SymBool(value) => value
                .name()
                .into_iter()
                .for_each(|name| visit(NamedValue::SymBool, name)),
            Argument::SymBools(values) => {
                values
                    .iter()
                    .filter_map(SymArgument::name)
                    .for_each(|name| visit(NamedValue::SymBool, name));
            }
            Argument::CustomObj(object) => visit(NamedValue::CustomObj, &object.name),
            Argument::StringToArgument(map) => map
                .values()
                .for_each(|argument| argument.for_each_name(visit)),
            Argument::None
            | Argument::Int(_)
            | Argument::Ints(_)
            | Argument::IntLists(_)
            | Argument::Float(_)
            | Argument::Floats(_)
            | Argument::FloatLists(_)
            | Argument::Complex(_)
            | Argument::String(_)
            | Argument::Strings(_)
            | Argument::Bool(_)
            | Argument::Bools(_)
            | Argument::ScalarType(_)
            | Argument::MemoryFormat(_)
            | Argument::Layout(_)
            | Argument::Device(_)
            | Argument::Graph(_)
            | Argument::Operator(_) => {}
        }
    }
}

/// What kind of value a name of the graph stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NamedValue {
    Tensor,
    SymInt,
    SymFloat,
    SymBool,
    CustomObj,
}

impl NamedValue {
    /// The kind in words, for messages.
    pub fn describe(self) -> &'static str {
        match self {
            NamedValue::Tensor => "tensor",
            NamedValue::SymInt => "symbolic int",
            NamedValue::SymFloat => "symbolic float",
            NamedValue::SymBool => "symbolic bool",
            NamedValue::CustomObj => "custom object",
        }
    }
}

/// A scalar argument: a value of the graph by name, or a constant.
#[derive(Clone, Debug, PartialEq)]
pub enum SymArgument<'a, T> {
    Name(Str<'a>),
    Value(T),
}

impl<'a, T> SymArgument<'a, T> {
    /// The name, if it is one.
    pub fn name(&self) -> Option<&Str<'a>> {
        match self {
            SymArgument::Name(name) => Some(name),
            SymArgument::Value(_) => None,
        }
    }
}

/// The file's union of a name and a constant, one per scalar type.
macro_rules! sym_argument {
    ($name:ident, $what:literal, $tag:literal, $read:ty, $value:ty) => {
        struct $name<'a>(SymArgument<'a, $value>);

        union!($what, $name<'a>, {
            "as_name" => |name: Str<'a>| $name(SymArgument::Name(name)),
            $tag => |value: $read| $name(SymArgument::Value(value.into())),
        });

        impl<'a> From<$name<'a>> for SymArgument<'a, $value> {
            fn from(argument: $name<'a>) -> Self {
                argument.0
            }
        }
    };
}

sym_argument!(
    SymIntArgument,
    "a symbolic int argument",
    "as_int",
    i64,
    i64
);
sym_argument!(
    SymFloatArgument,
    "a symbolic float argument",
    "as_float",
    Float,
    f64
);
sym_argument!(
    SymBoolArgument,
    "a symbolic bool argument",
    "as_bool",
    bool,
    bool
);

struct OptionalName<'a>(Option<Str<'a>>);

union!("an optional tensor", OptionalName<'a>, {
    "as_tensor" => |name: Name<'a>| OptionalName(Some(name.0)),
    "as_none" => |_: serde::de::IgnoredAny| OptionalName(None),
});

impl<'a> From<OptionalName<'a>> for Option<Str<'a>> {
    fn from(name: OptionalName<'a>) -> Self {
        name.0
    }
}

/// A complex number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComplexValue {
    pub real: f64,
    pub imag: f64,
}

impl<'de> Deserialize<'de> for ComplexValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Parts {
            real: Float,
            imag: Float,
        }
        let parts = Parts::deserialize(deserializer)?;
        Ok(ComplexValue {
            real: parts.real.0,
            imag: parts.imag.0,
        })
    }
}

/// A device, `cpu` or `cuda` with an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct Device<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Str<'a>,
    #[serde(default)]
    pub index: Option<i64>,
}

impl std::fmt::Display for Device<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}:{index}", self.kind),
            None => f.write_str(&self.kind),
        }
    }
}

/// A graph that a higher-order op calls.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GraphArgument<'a> {
    #[serde(borrow)]
    pub name: Str<'a>,
    pub graph: Graph<'a>,
}

/// A TorchBind object: its name in the graph and its class.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CustomObjArgument<'a> {
    #[serde(borrow)]
    pub name: Str<'a>,
    pub class_fqn: Str<'a>,
}

/// The name of a tensor or token, without its object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Named<'a>(#[serde(borrow, deserialize_with = "name")] pub Str<'a>);

//! The schema's types as the JSON that PyTorch 2.11 writes: the mirror of how `schema` reads them.
//!
//! Every field is written, those without a value as `null`, in the order of PyTorch's dataclasses.

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeStruct, Serializer};
use serde_json::value::RawValue;

use crate::schema::{
    Argument, ArgumentKind, ComplexValue, ConstantValue, CustomObjArgument, Device,
    ExportedProgram, Graph, GraphArgument, GraphModule, GraphSignature, Hint, InputSpec, Layout,
    Map, MemoryFormat, ModuleCallEntry, ModuleCallSignature, NamedArgument, NamedTupleDef, Node,
    OutputSpec, PayloadConfig, PayloadMeta, RangeConstraint, ScalarType, SchemaVersion, Str, Sym,
    SymArgument, SymExpr, TensorMeta,
};

/// A member of a union: an object with the tag as its only key.
struct Tagged<'v, T: ?Sized>(&'static str, &'v T);

impl<T: Serialize + ?Sized> Serialize for Tagged<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0, self.1)?;
        map.end()
    }
}

/// A map of the schema as an object.
struct Entries<'v, 'a, V>(&'v Map<'a, V>);

impl<V: Serialize> Serialize for Entries<'_, '_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// A float; what JSON has no number for is a word in quotes.
struct Float(f64);

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_nan() => serializer.serialize_str("NaN"),
            f64::INFINITY => serializer.serialize_str("Infinity"),
            f64::NEG_INFINITY => serializer.serialize_str("-Infinity"),
            value => serializer.serialize_f64(value),
        }
    }
}

/// A tensor argument: its name in an object.
#[derive(Serialize)]
struct Name<'v> {
    name: &'v str,
}

fn name<'v>(text: &'v Str<'_>) -> Name<'v> {
    Name { name: text }
}

/// A tensor or None in a list of such.
struct OptionalName<'v, 'a>(&'v Option<Str<'a>>);

impl Serialize for OptionalName<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(text) => Tagged("as_tensor", &name(text)).serialize(serializer),
            None => Tagged("as_none", &true).serialize(serializer),
        }
    }
}

impl Serialize for Str<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

macro_rules! written_as_number {
    ($($name:ident)*) => {
        $(impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u64(self.number())
            }
        })*
    };
}

written_as_number! { ScalarType Layout MemoryFormat ArgumentKind }

/// A type of the schema as an object with the listed keys.
macro_rules! written_as_object {
    ($($name:ident $(<$life:lifetime>)? |$value:ident| { $($key:literal => $field:expr,)+ })*) => {
        $(impl Serialize for $name $(<$life>)? {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $value = self;
                let mut object = serializer.serialize_struct(stringify!($name), [$($key),+].len())?;
                $(object.serialize_field($key, &$field)?;)+
                object.end()
            }
        })*
    };
}

written_as_object! {
    ComplexValue |value| {
        "real" => Float(value.real),
        "imag" => Float(value.imag),
    }
    Device<'_> |device| {
        "type" => device.kind,
        "index" => device.index,
    }
    GraphArgument<'_> |argument| {
        "name" => argument.name,
        "graph" => argument.graph,
    }
    CustomObjArgument<'_> |object| {
        "name" => object.name,
        "class_fqn" => object.class_fqn,
    }
    SymExpr<'_> |expr| {
        "expr_str" => expr.expr_str,
        "hint" => expr.hint,
    }
    TensorMeta<'_> |meta| {
        "dtype" => meta.dtype,
        "sizes" => meta.sizes,
        "requires_grad" => meta.requires_grad,
        "device" => meta.device,
        "strides" => meta.strides,
        "storage_offset" => meta.storage_offset,
        "layout" => meta.layout,
    }
    NamedArgument<'_> |argument| {
        "name" => argument.name,
        "arg" => argument.arg,
        "kind" => argument.kind,
    }
    Node<'_> |node| {
        "target" => node.target,
        "inputs" => node.inputs,
        "outputs" => node.outputs,
        "metadata" => Entries(&node.metadata),
        "is_hop_single_tensor_return" => node.is_hop_single_tensor_return,
        "name" => node.name,
    }
    Graph<'_> |graph| {
        "inputs" => graph.inputs,
        "outputs" => graph.outputs,
        "nodes" => graph.nodes,
        "tensor_values" => Entries(&graph.tensor_values),
        "sym_int_values" => Entries(&graph.sym_int_values),
        "sym_bool_values" => Entries(&graph.sym_bool_values),
        "is_single_tensor_return" => graph.is_single_tensor_return,
        "custom_obj_values" => Entries(&graph.custom_obj_values),
        "sym_float_values" => Entries(&graph.sym_float_values),
    }
    GraphSignature<'_> |signature| {
        "input_specs" => signature.input_specs,
        "output_specs" => signature.output_specs,
    }
    RangeConstraint |range| {
        "min_val" => range.min_val,
        "max_val" => range.max_val,
    }
    ModuleCallSignature<'_> |call| {
        "inputs" => call.inputs,
        "outputs" => call.outputs,
        "in_spec" => call.in_spec,
        "out_spec" => call.out_spec,
        "forward_arg_names" => call.forward_arg_names,
    }
    NamedTupleDef<'_> |def| {
        "field_names" => def.field_names,
    }
    GraphModule<'_> |module| {
        "graph" => module.graph,
        "signature" => module.signature,
        "module_call_graph" => module.module_call_graph,
        "metadata" => Entries(&module.metadata),
        "treespec_namedtuple_fields" => Entries(&module.treespec_namedtuple_fields),
    }
    SchemaVersion |version| {
        "major" => version.major,
        "minor" => version.minor,
    }
    ExportedProgram<'_> |program| {
        "graph_module" => program.graph_module,
        "opset_version" => Entries(&program.opset_version),
        "range_constraints" => Entries(&program.range_constraints),
        "schema_version" => program.schema_version,
        "verifiers" => program.verifiers,
        "torch_version" => program.torch_version,
        "guards_code" => program.guards_code,
    }
    PayloadMeta<'_> |payload| {
        "path_name" => payload.path_name,
        "is_param" => payload.is_param,
        "use_pickle" => payload.use_pickle,
        "tensor_meta" => payload.tensor_meta,
    }
    PayloadConfig<'_> |payloads| {
        "config" => Entries(&payloads.config),
    }
}

impl Serialize for ModuleCallEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("ModuleCallEntry", 2)?;
        object.serialize_field("fqn", &self.fqn)?;
        match self.signature_json {
            Some(json) => {
                let signature: &RawValue =
                    serde_json::from_str(json).map_err(serde::ser::Error::custom)?;
                object.serialize_field("signature", signature)?;
            }
            None => object.serialize_field("signature", &self.signature)?,
        }
        object.end()
    }
}

impl Serialize for Hint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Hint::Int(value) => Tagged("as_int", value).serialize(serializer),
            Hint::Bool(value) => Tagged("as_bool", value).serialize(serializer),
            Hint::Float(value) => Tagged("as_float", &Float(*value)).serialize(serializer),
        }
    }
}

/// The scalar types of symbolic values: their tag, and their written form.
trait Scalar: Copy {
    const TAG: &'static str;

    fn written(self) -> impl Serialize;
}

macro_rules! scalars {
    ($($scalar:ty, $tag:literal, $written:expr;)*) => {
        $(impl Scalar for $scalar {
            const TAG: &'static str = $tag;

            fn written(self) -> impl Serialize {
                $written(self)
            }
        })*
    };
}

scalars! {
    i64, "as_int", std::convert::identity;
    bool, "as_bool", std::convert::identity;
    f64, "as_float", Float;
}

impl<T: Scalar> Serialize for Sym<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Sym::Value(value) => Tagged(T::TAG, &value.written()).serialize(serializer),
            Sym::Expr(expr) => Tagged("as_expr", expr).serialize(serializer),
        }
    }
}

impl<T: Scalar> Serialize for SymArgument<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            SymArgument::Name(name) => Tagged("as_name", name).serialize(serializer),
            SymArgument::Value(value) => Tagged(T::TAG, &value.written()).serialize(serializer),
        }
    }
}

impl Serialize for Argument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tag = self.tag();
        let floats = |values: &Vec<f64>| values.iter().copied().map(Float).collect::<Vec<_>>();
        macro_rules! tagged {
            ($value:expr) => {
                Tagged(tag, $value).serialize(serializer)
            };
        }
        match self {
            Argument::None => tagged!(&true),
            Argument::Tensor(text) => tagged!(&name(text)),
            Argument::Tensors(names) => tagged!(&names.iter().map(name).collect::<Vec<_>>()),
            Argument::OptionalTensor(text) => tagged!(&OptionalName(text)),
            Argument::OptionalTensors(names) => {
                tagged!(&names.iter().map(OptionalName).collect::<Vec<_>>())
            }
            Argument::NestedTensors(lists) => {
                let lists: Vec<Vec<Name<'_>>> = lists
                    .iter()
                    .map(|names| names.iter().map(name).collect())
                    .collect();
                tagged!(&lists)
            }
            Argument::Int(value) => tagged!(value),
            Argument::Ints(values) => tagged!(values),
            Argument::IntLists(lists) => tagged!(lists),
            Argument::Float(value) => tagged!(&Float(*value)),
            Argument::Floats(values) => tagged!(&floats(values)),
            Argument::FloatLists(lists) => tagged!(&lists.iter().map(floats).collect::<Vec<_>>()),
            Argument::Complex(value) => tagged!(value),
            Argument::String(text) | Argument::Operator(text) => tagged!(text),
            Argument::Strings(texts) => tagged!(texts),
            Argument::Bool(value) => tagged!(value),
            Argument::Bools(values) => tagged!(values),
            Argument::SymInt(value) => tagged!(value),
            Argument::SymInts(values) => tagged!(values),
            Argument::SymFloat(value) => tagged!(value),
            Argument::SymFloats(values) => tagged!(values),
            Argument::SymBool(value) => tagged!(value),
            Argument::SymBools(values) => tagged!(values),
            Argument::ScalarType(value) => tagged!(value),
            Argument::MemoryFormat(value) => tagged!(value),
            Argument::Layout(value) => tagged!(value),
            Argument::Device(value) => tagged!(value),
            Argument::Graph(value) => tagged!(value),
            Argument::CustomObj(value) => tagged!(value),
            Argument::StringToArgument(map) => tagged!(&Entries(map)),
        }
    }
}

impl Serialize for ConstantValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ConstantValue::None => Tagged("as_none", &true).serialize(serializer),
            ConstantValue::Int(value) => Tagged("as_int", value).serialize(serializer),
            ConstantValue::Float(value) => Tagged("as_float", &Float(*value)).serialize(serializer),
            ConstantValue::String(text) => Tagged("as_string", text).serialize(serializer),
            ConstantValue::Bool(value) => Tagged("as_bool", value).serialize(serializer),
        }
    }
}

/// What a spec says: an object with the argument and, behind it, further keys.
struct Spec<'v, A> {
    arg: A,
    target: Option<(&'static str, &'v str)>,
    persistent: Option<bool>,
}

impl<A: Serialize> Serialize for Spec<'_, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("arg", &self.arg)?;
        if let Some((key, target)) = self.target {
            map.serialize_entry(key, target)?;
        }
        if let Some(persistent) = self.persistent {
            map.serialize_entry("persistent", &persistent)?;
        }
        map.end()
    }
}

/// A spec that names a value, and by `key` what it is bound to.
fn spec<'v>(text: &'v Str<'_>, target: Option<(&'static str, &'v Str<'_>)>) -> Spec<'v, Name<'v>> {
    Spec {
        arg: name(text),
        target: target.map(|(key, target)| (key, target.as_str())),
        persistent: None,
    }
}

#[derive(Serialize)]
struct ConstantInput<'v, 'a> {
    name: &'v str,
    value: &'v ConstantValue<'a>,
}

#[derive(Serialize)]
struct AnyArgument<'v, 'a> {
    arg: &'v Argument<'a>,
}

impl Serialize for InputSpec<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tag = self.tag();
        macro_rules! tagged {
            ($value:expr) => {
                Tagged(tag, $value).serialize(serializer)
            };
        }
        match self {
            InputSpec::UserInput { arg } => tagged!(&AnyArgument { arg }),
            InputSpec::Parameter {
                name,
                parameter_name,
            } => tagged!(&spec(name, Some(("parameter_name", parameter_name)))),
            InputSpec::Buffer {
                name,
                buffer_name,
                persistent,
            } => tagged!(&Spec {
                persistent: Some(*persistent),
                ..spec(name, Some(("buffer_name", buffer_name)))
            }),
            InputSpec::TensorConstant {
                name,
                tensor_constant_name,
            } => {
                tagged!(&spec(
                    name,
                    Some(("tensor_constant_name", tensor_constant_name))
                ))
            }
            InputSpec::CustomObj {
                arg,
                custom_obj_name,
            } => tagged!(&Spec {
                arg,
                target: Some(("custom_obj_name", custom_obj_name)),
                persistent: None,
            }),
            InputSpec::Token { name } => tagged!(&spec(name, None)),
            InputSpec::ConstantInput { name, value } => tagged!(&ConstantInput { name, value }),
        }
    }
}

impl Serialize for OutputSpec<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, target) = match self {
            OutputSpec::UserOutput { arg } => {
                return Tagged(self.tag(), &AnyArgument { arg }).serialize(serializer);
            }
            OutputSpec::LossOutput { name } | OutputSpec::Token { name } => (name, None),
            OutputSpec::BufferMutation { name, buffer_name } => {
                (name, Some(("buffer_name", buffer_name)))
            }
            OutputSpec::ParameterMutation {
                name,
                parameter_name,
            }
            | OutputSpec::GradientToParameter {
                name,
                parameter_name,
            } => (name, Some(("parameter_name", parameter_name))),
            OutputSpec::UserInputMutation {
                name,
                user_input_name,
            }
            | OutputSpec::GradientToUserInput {
                name,
                user_input_name,
            } => (name, Some(("user_input_name", user_input_name))),
        };
        Tagged(self.tag(), &spec(name, target)).serialize(serializer)
    }
}

//! The schema's types as JSON in the form of a given schema: the mirror of how `schema` reads them.
//!
//! Fields come in the order of PyTorch's dataclasses, and those that the schema does not have yet, or no more, are
//! left out: loaders of old releases refuse unknown ones. What cannot be said in a schema at all is refused before, by
//! `since`; nothing here fails.

use super::form::Form;
use crate::schema::{
    Argument, ArgumentKind, ComplexValue, ConstantValue, CustomObjArgument, Device,
    ExportedProgram, Graph, GraphArgument, GraphModule, GraphSignature, Hint, InputSpec, Layout,
    Map, MemoryFormat, ModuleCallEntry, ModuleCallSignature, NamedArgument, NamedTupleDef, Node,
    OutputSpec, PayloadConfig, PayloadMeta, RangeConstraint, ScalarType, SchemaVersion, Str, Sym,
    SymArgument, SymExpr, TensorMeta,
};

/// The JSON of a value in the form of a schema.
pub fn json(value: &impl Written, schema: SchemaVersion) -> Vec<u8> {
    let mut json = Json {
        text: Vec::new(),
        form: Form::of(schema),
    };
    value.write(&mut json);
    json.text
}

/// JSON in the making.
pub struct Json {
    text: Vec<u8>,
    form: Form,
}

/// A value that JSON has a form for.
pub trait Written {
    fn write(&self, json: &mut Json);

    /// Whether it is `None`, which some forms leave out.
    fn is_none(&self) -> bool {
        false
    }
}

impl Json {
    fn raw(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn string(&mut self, text: &str) {
        // Strings and writes to memory do not fail.
        let _ = serde_json::to_writer(&mut self.text, text);
    }

    /// A float; what JSON has no number for is a word, in quotes or bare.
    fn float(&mut self, value: f64) {
        let word = match value {
            value if value.is_nan() => "NaN",
            f64::INFINITY => "Infinity",
            f64::NEG_INFINITY => "-Infinity",
            value => {
                let _ = serde_json::to_writer(&mut self.text, &value);
                return;
            }
        };
        match self.form.quotes_floats {
            true => self.string(word),
            false => self.raw(word),
        }
    }

    /// A member of a union: an object with the tag as its only key.
    fn tagged(&mut self, tag: &str, value: &(impl Written + ?Sized)) {
        self.raw("{");
        self.string(tag);
        self.raw(":");
        value.write(self);
        self.raw("}");
    }

    /// The member of a union that is None.
    fn tagged_none(&mut self) {
        self.raw(match self.form.none_is_true {
            true => "{\"as_none\":true}",
            false => "{\"as_none\":[]}",
        });
    }

    fn list<'v, T>(&mut self, values: &'v [T], write: impl Fn(&'v T, &mut Self)) {
        self.raw("[");
        for (position, value) in values.iter().enumerate() {
            if position > 0 {
                self.raw(",");
            }
            write(value, self);
        }
        self.raw("]");
    }

    fn object(&mut self, write: impl FnOnce(&mut Object<'_>)) {
        self.raw("{");
        write(&mut Object {
            json: self,
            is_empty: true,
        });
        self.raw("}");
    }
}

/// An object in the making.
struct Object<'j> {
    json: &'j mut Json,
    is_empty: bool,
}

impl Object<'_> {
    fn key(&mut self, key: &str) -> &mut Json {
        if !self.is_empty {
            self.json.raw(",");
        }
        self.is_empty = false;
        self.json.string(key);
        self.json.raw(":");
        self.json
    }

    fn entry(&mut self, key: &str, value: &(impl Written + ?Sized)) {
        value.write(self.key(key));
    }

    /// A field of a dataclass.
    fn field(&mut self, key: &str, value: &(impl Written + ?Sized)) {
        if self.json.form.writes_null || !value.is_none() {
            self.entry(key, value);
        }
    }
}

impl<T: Written + ?Sized> Written for &T {
    fn write(&self, json: &mut Json) {
        (**self).write(json);
    }

    fn is_none(&self) -> bool {
        (**self).is_none()
    }
}

impl<T: Written> Written for Option<T> {
    fn write(&self, json: &mut Json) {
        match self {
            Some(value) => value.write(json),
            None => json.raw("null"),
        }
    }

    fn is_none(&self) -> bool {
        self.is_none()
    }
}

impl<T: Written> Written for Vec<T> {
    fn write(&self, json: &mut Json) {
        json.list(self, T::write);
    }
}

impl<V: Written> Written for Map<'_, V> {
    fn write(&self, json: &mut Json) {
        json.object(|object| {
            for (key, value) in self {
                object.entry(key, value);
            }
        });
    }
}

impl Written for str {
    fn write(&self, json: &mut Json) {
        json.string(self);
    }
}

impl Written for Str<'_> {
    fn write(&self, json: &mut Json) {
        json.string(self);
    }
}

impl Written for bool {
    fn write(&self, json: &mut Json) {
        json.raw(if *self { "true" } else { "false" });
    }
}

impl Written for f64 {
    fn write(&self, json: &mut Json) {
        json.float(*self);
    }
}

macro_rules! written_as_integer {
    ($($integer:ty, |$value:ident| $number:expr;)*) => {
        $(impl Written for $integer {
            fn write(&self, json: &mut Json) {
                let $value = self;
                json.raw(&$number.to_string());
            }
        })*
    };
}

written_as_integer! {
    i64, |value| value;
    ScalarType, |value| value.number();
    Layout, |value| value.number();
    MemoryFormat, |value| value.number();
    ArgumentKind, |value| value.number();
}

/// A tensor argument: its name in an object.
struct Name<'v>(&'v str);

impl Written for Name<'_> {
    fn write(&self, json: &mut Json) {
        json.object(|object| object.entry("name", self.0));
    }
}

/// A tensor or None in a list of such.
struct OptionalName<'v, 'a>(&'v Option<Str<'a>>);

impl Written for OptionalName<'_, '_> {
    fn write(&self, json: &mut Json) {
        match self.0 {
            Some(text) if json.form.optional_tensor_is_bare => json.tagged("as_tensor", text),
            Some(text) => json.tagged("as_tensor", &Name(text)),
            None => json.tagged_none(),
        }
    }
}

/// A type of the schema as an object with the listed keys; behind `if` stands what the form must say of
/// a key that not all schemas have.
macro_rules! written_as_object {
    ($($name:ident $(<$life:lifetime>)? |$value:ident| {
        $($key:literal $(if $has:ident)? => $field:expr,)+
    })*) => {
        $(impl Written for $name $(<$life>)? {
            fn write(&self, json: &mut Json) {
                let $value = self;
                json.object(|object| {
                    $(if true $(&& object.json.form.$has)? {
                        object.field($key, &$field);
                    })+
                });
            }
        })*
    };
}

written_as_object! {
    ComplexValue |value| {
        "real" => value.real,
        "imag" => value.imag,
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
        "kind" if has_kinds => argument.kind,
    }
    Node<'_> |node| {
        "target" => node.target,
        "inputs" => node.inputs,
        "outputs" => node.outputs,
        "metadata" => node.metadata,
        "is_hop_single_tensor_return" if has_hop_returns => node.is_hop_single_tensor_return,
        "name" if has_node_names => node.name,
    }
    Graph<'_> |graph| {
        "inputs" => graph.inputs,
        "outputs" => graph.outputs,
        "nodes" => graph.nodes,
        "tensor_values" => graph.tensor_values,
        "sym_int_values" => graph.sym_int_values,
        "sym_bool_values" => graph.sym_bool_values,
        "is_single_tensor_return" => graph.is_single_tensor_return,
        "custom_obj_values" => graph.custom_obj_values,
        "sym_float_values" if has_sym_floats => graph.sym_float_values,
    }
    GraphSignature<'_> |signature| {
        "input_specs" => signature.input_specs,
        "output_specs" => signature.output_specs,
    }
    ModuleCallSignature<'_> |call| {
        "inputs" => call.inputs,
        "outputs" => call.outputs,
        "in_spec" => call.in_spec,
        "out_spec" => call.out_spec,
        "forward_arg_names" if has_forward_names => call.forward_arg_names,
    }
    NamedTupleDef<'_> |def| {
        "field_names" => def.field_names,
    }
    GraphModule<'_> |module| {
        "graph" => module.graph,
        "signature" => module.signature,
        "module_call_graph" => module.module_call_graph,
        "metadata" if has_provenance => module.metadata,
        "treespec_namedtuple_fields" if has_namedtuples => module.treespec_namedtuple_fields,
    }
    SchemaVersion |version| {
        "major" => version.major,
        "minor" => version.minor,
    }
    ExportedProgram<'_> |program| {
        "graph_module" => program.graph_module,
        "opset_version" => program.opset_version,
        "range_constraints" => program.range_constraints,
        "schema_version" => program.schema_version,
        "dialect" if has_dialect => program.dialect,
        "verifiers" if has_provenance => program.verifiers,
        "torch_version" if has_provenance => program.torch_version,
        "guards_code" if has_guards => program.guards_code,
    }
    PayloadMeta<'_> |payload| {
        "path_name" => payload.path_name,
        "is_param" => payload.is_param,
        "use_pickle" => payload.use_pickle,
        "tensor_meta" => payload.tensor_meta,
    }
    PayloadConfig<'_> |payloads| {
        "config" => payloads.config,
    }
}

impl Written for RangeConstraint {
    fn write(&self, json: &mut Json) {
        let bound = |bound: Option<i64>, infinity: f64, json: &mut Json| match bound {
            None if !json.form.no_bound_is_null => json.float(infinity),
            bound => bound.write(json),
        };
        json.object(|object| {
            bound(self.min_val, f64::NEG_INFINITY, object.key("min_val"));
            bound(self.max_val, f64::INFINITY, object.key("max_val"));
        });
    }
}

impl Written for ModuleCallEntry<'_> {
    fn write(&self, json: &mut Json) {
        json.object(|object| {
            object.field("fqn", &self.fqn);
            match self.signature_json {
                Some(text) => object.key("signature").raw(text),
                None => object.field("signature", &self.signature),
            }
        });
    }
}

impl Written for Hint {
    fn write(&self, json: &mut Json) {
        match self {
            Hint::Int(value) => json.tagged("as_int", value),
            Hint::Bool(value) => json.tagged("as_bool", value),
            Hint::Float(value) => json.tagged("as_float", value),
        }
    }
}

/// The scalar types of symbolic values, by their tag.
trait Scalar: Written {
    const TAG: &'static str;
}

impl Scalar for i64 {
    const TAG: &'static str = "as_int";
}

impl Scalar for bool {
    const TAG: &'static str = "as_bool";
}

impl Scalar for f64 {
    const TAG: &'static str = "as_float";
}

impl<T: Scalar> Written for Sym<'_, T> {
    fn write(&self, json: &mut Json) {
        match self {
            Sym::Value(value) => json.tagged(T::TAG, value),
            Sym::Expr(expr) => json.tagged("as_expr", expr),
        }
    }
}

impl<T: Scalar> Written for SymArgument<'_, T> {
    fn write(&self, json: &mut Json) {
        match self {
            SymArgument::Name(name) => json.tagged("as_name", name),
            SymArgument::Value(value) => json.tagged(T::TAG, value),
        }
    }
}

/// The elements of a list, each written as something else.
struct Each<'v, T, W>(&'v [T], fn(&'v T) -> W);

impl<T, W: Written> Written for Each<'_, T, W> {
    fn write(&self, json: &mut Json) {
        json.list(self.0, |value, json| (self.1)(value).write(json));
    }
}

fn name<'v>(text: &'v Str<'_>) -> Name<'v> {
    Name(text)
}

fn names<'v, 'a>(texts: &'v [Str<'a>]) -> Each<'v, Str<'a>, Name<'v>> {
    Each(texts, |text| Name(text))
}

impl Written for Argument<'_> {
    fn write(&self, json: &mut Json) {
        let tag = self.tag();
        match self {
            Argument::None => json.tagged_none(),
            Argument::Tensor(text) => json.tagged(tag, &name(text)),
            Argument::Tensors(texts) => json.tagged(tag, &names(texts)),
            Argument::OptionalTensor(text) => json.tagged(tag, &OptionalName(text)),
            Argument::OptionalTensors(texts) => json.tagged(tag, &Each(texts, OptionalName)),
            Argument::NestedTensors(lists) => json.tagged(tag, &Each(lists, |texts| names(texts))),
            Argument::Int(value) => json.tagged(tag, value),
            Argument::Ints(values) => json.tagged(tag, values),
            Argument::IntLists(lists) => json.tagged(tag, lists),
            Argument::Float(value) => json.tagged(tag, value),
            Argument::Floats(values) => json.tagged(tag, values),
            Argument::FloatLists(lists) => json.tagged(tag, lists),
            Argument::Complex(value) => json.tagged(tag, value),
            Argument::String(text) | Argument::Operator(text) => json.tagged(tag, text),
            Argument::Strings(texts) => json.tagged(tag, texts),
            Argument::Bool(value) => json.tagged(tag, value),
            Argument::Bools(values) => json.tagged(tag, values),
            Argument::SymInt(value) => json.tagged(tag, value),
            Argument::SymInts(values) => json.tagged(tag, values),
            Argument::SymFloat(value) => json.tagged(tag, value),
            Argument::SymFloats(values) => json.tagged(tag, values),
            Argument::SymBool(value) => json.tagged(tag, value),
            Argument::SymBools(values) => json.tagged(tag, values),
            Argument::ScalarType(value) => json.tagged(tag, value),
            Argument::MemoryFormat(value) => json.tagged(tag, value),
            Argument::Layout(value) => json.tagged(tag, value),
            Argument::Device(value) => json.tagged(tag, value),
            Argument::Graph(value) => json.tagged(tag, &**value),
            Argument::CustomObj(value) => json.tagged(tag, value),
            Argument::StringToArgument(map) => json.tagged(tag, map),
        }
    }
}

impl Written for ConstantValue<'_> {
    fn write(&self, json: &mut Json) {
        match self {
            ConstantValue::None => json.tagged_none(),
            ConstantValue::Int(value) => json.tagged("as_int", value),
            ConstantValue::Float(value) => json.tagged("as_float", value),
            ConstantValue::String(text) => json.tagged("as_string", text),
            ConstantValue::Bool(value) => json.tagged("as_bool", value),
        }
    }
}

/// What a spec says: an object with a value and, behind it, further keys.
struct Spec<'v, A> {
    keys: [&'static str; 2],
    arg: A,
    target: Option<&'v dyn Written>,
    persistent: Option<bool>,
}

impl<A: Written> Written for Spec<'_, A> {
    fn write(&self, json: &mut Json) {
        let [arg, target] = self.keys;
        json.object(|object| {
            object.entry(arg, &self.arg);
            if let Some(value) = self.target {
                object.entry(target, value);
            }
            if let Some(persistent) = self.persistent {
                object.entry("persistent", &persistent);
            }
        });
    }
}

/// A spec of a value alone.
fn alone<A>(arg: A) -> Spec<'static, A> {
    Spec {
        keys: ["arg", ""],
        arg,
        target: None,
        persistent: None,
    }
}

/// A spec that names a value, and by `key` what it is bound to.
fn bound<'v>(text: &'v Str<'_>, key: &'static str, target: &'v Str<'_>) -> Spec<'v, Name<'v>> {
    Spec {
        keys: ["arg", key],
        target: Some(target),
        ..alone(name(text))
    }
}

impl Written for InputSpec<'_> {
    fn write(&self, json: &mut Json) {
        let tag = self.tag();
        match self {
            InputSpec::UserInput { arg } => json.tagged(tag, &alone(arg)),
            InputSpec::Parameter {
                name,
                parameter_name,
            } => json.tagged(tag, &bound(name, "parameter_name", parameter_name)),
            InputSpec::Buffer {
                name,
                buffer_name,
                persistent,
            } => {
                let spec = Spec {
                    persistent: Some(*persistent),
                    ..bound(name, "buffer_name", buffer_name)
                };
                json.tagged(tag, &spec);
            }
            InputSpec::TensorConstant {
                name,
                tensor_constant_name,
            } => {
                let spec = bound(name, "tensor_constant_name", tensor_constant_name);
                json.tagged(tag, &spec);
            }
            InputSpec::CustomObj {
                arg,
                custom_obj_name,
            } => {
                let spec = Spec {
                    keys: ["arg", "custom_obj_name"],
                    target: Some(custom_obj_name),
                    ..alone(arg)
                };
                json.tagged(tag, &spec);
            }
            InputSpec::Token { name } => json.tagged(tag, &alone(Name(name))),
            InputSpec::ConstantInput { name, value } => {
                let spec = Spec {
                    keys: ["name", "value"],
                    target: Some(value),
                    ..alone(name)
                };
                json.tagged(tag, &spec);
            }
        }
    }
}

impl Written for OutputSpec<'_> {
    fn write(&self, json: &mut Json) {
        let tag = self.tag();
        match self {
            OutputSpec::UserOutput { arg } => json.tagged(tag, &alone(arg)),
            OutputSpec::LossOutput { name } | OutputSpec::Token { name } => {
                json.tagged(tag, &alone(Name(name)));
            }
            OutputSpec::BufferMutation { name, buffer_name } => {
                json.tagged(tag, &bound(name, "buffer_name", buffer_name));
            }
            OutputSpec::ParameterMutation {
                name,
                parameter_name,
            }
            | OutputSpec::GradientToParameter {
                name,
                parameter_name,
            } => json.tagged(tag, &bound(name, "parameter_name", parameter_name)),
            OutputSpec::UserInputMutation {
                name,
                user_input_name,
            }
            | OutputSpec::GradientToUserInput {
                name,
                user_input_name,
            } => json.tagged(tag, &bound(name, "user_input_name", user_input_name)),
        }
    }
}

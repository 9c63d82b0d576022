//! Arguments of ops as the file tags them.
//!
//! The file has one tag for each kind of list; which one a list gets follows the order in which PyTorch's
//! serializer asks.

use expc_dialects::{Argument, Constant, ScalarType, ValueType, table::Type};
use expc_pt2::{
    self as schema, ComplexValue, CustomObjArgument, Map, SchemaVersion, Since, Str, SymArgument,
};
use melior::ir::{Value, ValueLike};

/// Why something cannot be written, for the message.
pub type Refusal = String;

/// What the argument's surroundings know: the names of values, and the graphs.
pub trait Scope<'c, 'a> {
    /// The name of a value.
    fn name(&self, value: Value<'c, 'a>) -> Result<Str<'static>, Refusal>;

    /// A graph that the op names.
    fn graph(&mut self, symbol: &str) -> Result<schema::Argument<'static>, Refusal>;
}

/// An argument; `ty` is its type in the schema, where there is one.
pub fn argument<'c, 'a>(
    argument: &Argument<'c, 'a>,
    ty: Option<&Type<'_>>,
    scope: &mut impl Scope<'c, 'a>,
) -> Result<schema::Argument<'static>, Refusal> {
    match argument {
        Argument::Value(value) => self::value(*value, scope),
        Argument::Constant(Constant::Graph(symbol)) => scope.graph(symbol),
        Argument::Constant(
            Constant::Ints(_) | Constant::Floats(_) | Constant::Bools(_) | Constant::List(_),
        )
        | Argument::List(_) => list(
            &argument.elements().unwrap_or_default(),
            argument,
            ty,
            scope,
        ),
        Argument::Constant(Constant::Dict(entries)) => {
            let entries = entries.iter().map(|(key, constant)| {
                let constant = Argument::Constant(constant.clone());
                Ok((
                    Str::from(key.clone()),
                    self::argument(&constant, None, scope)?,
                ))
            });
            Ok(schema::Argument::StringToArgument(
                entries.collect::<Result<_, Refusal>>()?,
            ))
        }
        Argument::Dict(entries) => {
            let entries = entries.iter().map(|(key, element)| {
                Ok((
                    Str::from(key.clone()),
                    self::argument(element, None, scope)?,
                ))
            });
            Ok(schema::Argument::StringToArgument(
                entries.collect::<Result<_, Refusal>>()?,
            ))
        }
        Argument::Constant(constant) => self::constant(constant),
    }
}

/// A value of the graph.
pub fn value<'c, 'a>(
    value: Value<'c, 'a>,
    scope: &impl Scope<'c, 'a>,
) -> Result<schema::Argument<'static>, Refusal> {
    let name = || scope.name(value);
    Ok(match ValueType::from_mlir(value.r#type()) {
        Some(ValueType::Tensor(_)) => schema::Argument::Tensor(name()?),
        Some(ValueType::SymInt) => schema::Argument::SymInt(SymArgument::Name(name()?)),
        Some(ValueType::SymFloat) => schema::Argument::SymFloat(SymArgument::Name(name()?)),
        Some(ValueType::SymBool) => schema::Argument::SymBool(SymArgument::Name(name()?)),
        Some(ValueType::None) => schema::Argument::None,
        Some(ValueType::Object(class)) => schema::Argument::CustomObj(CustomObjArgument {
            name: name()?,
            class_fqn: class.into(),
        }),
        Some(ValueType::Token | ValueType::Str | ValueType::Any) | None => {
            return Err(format!(
                "a value of type `{}` cannot be written",
                value.r#type()
            ));
        }
    })
}

/// A constant that is no list and no graph.
pub fn constant(constant: &Constant) -> Result<schema::Argument<'static>, Refusal> {
    Ok(match constant {
        Constant::None => schema::Argument::None,
        Constant::Int(value) => schema::Argument::Int(*value),
        Constant::Float(value) => schema::Argument::Float(*value),
        Constant::Bool(value) => schema::Argument::Bool(*value),
        Constant::Complex(real, imag) => schema::Argument::Complex(ComplexValue {
            real: *real,
            imag: *imag,
        }),
        Constant::Str(text) => schema::Argument::String(text.clone().into()),
        Constant::Dtype(dtype) => schema::Argument::ScalarType(scalar_type(*dtype)?),
        Constant::Device(device) => schema::Argument::Device(self::device(device)?),
        Constant::Layout(layout) => schema::Argument::Layout(self::layout(layout)?),
        Constant::MemoryFormat(format) => schema::Argument::MemoryFormat(
            schema::MemoryFormat::from_name(format)
                .ok_or_else(|| format!("there is no memory format `{format}`"))?,
        ),
        Constant::Operator(target) => schema::Argument::Operator(target.clone().into()),
        Constant::Ints(_)
        | Constant::Floats(_)
        | Constant::Bools(_)
        | Constant::List(_)
        | Constant::Dict(_)
        | Constant::Graph(_)
        | Constant::Operand => return Err("a list cannot stand here".to_owned()),
    })
}

/// A dtype that the schema has a number for.
pub fn scalar_type(dtype: ScalarType) -> Result<schema::ScalarType, Refusal> {
    let name = dtype.torch_name();
    schema::ScalarType::from_name(name)
        .ok_or_else(|| format!("no schema has a number for the dtype `{name}`"))
}

/// The argument as a schema can say it, which may be in other words.
pub fn fitted(
    argument: schema::Argument<'static>,
    schema: SchemaVersion,
) -> Result<schema::Argument<'static>, Refusal> {
    use schema::Argument as A;
    match argument {
        A::ScalarType(dtype) => fitted_dtype(dtype, schema).map(A::ScalarType),
        A::StringToArgument(entries) if A::StringToArgument(Map::new()).since() <= schema => {
            let entries = entries
                .into_iter()
                .map(|(key, value)| Ok((key, fitted(value, schema)?)));
            entries
                .collect::<Result<_, Refusal>>()
                .map(A::StringToArgument)
        }
        argument if argument.since() <= schema => Ok(argument),
        A::OptionalTensor(Some(name)) => Ok(A::Tensor(name)),
        A::OptionalTensor(None) => Ok(A::None),
        argument => Err(format!("the schema {schema} has no `{}`", argument.tag())),
    }
}

/// The dtype, if a schema has a number for it.
pub fn fitted_dtype(
    dtype: schema::ScalarType,
    schema: SchemaVersion,
) -> Result<schema::ScalarType, Refusal> {
    match dtype.since() <= schema {
        true => Ok(dtype),
        false => Err(format!("the schema {schema} has no dtype `{dtype}`")),
    }
}

/// `cuda:0` in its parts.
pub fn device(text: &str) -> Result<schema::Device<'static>, Refusal> {
    let (kind, index) = match text.split_once(':') {
        Some((kind, index)) => {
            let index = index
                .parse()
                .map_err(|_| format!("the device `{text}` has no number behind the colon"))?;
            (kind, Some(index))
        }
        None => (text, None),
    };
    Ok(schema::Device {
        kind: kind.to_owned().into(),
        index,
    })
}

pub fn layout(name: &str) -> Result<schema::Layout, Refusal> {
    schema::Layout::from_name(name).ok_or_else(|| format!("there is no layout `{name}`"))
}

/// What an element of a list is.
enum Element<'c, 'a> {
    Value(Value<'c, 'a>),
    Constant(Constant),
    List(Vec<Argument<'c, 'a>>),
}

fn list<'c, 'a>(
    elements: &[Argument<'c, 'a>],
    argument: &Argument<'c, 'a>,
    ty: Option<&Type<'_>>,
    scope: &impl Scope<'c, 'a>,
) -> Result<schema::Argument<'static>, Refusal> {
    if elements.is_empty() {
        return Ok(empty_list(argument, ty));
    }
    let elements: Vec<Element<'c, 'a>> = elements.iter().map(element).collect();
    let refusal = || Err("the file has no form for a list of such elements".to_owned());
    macro_rules! constants {
        ($variant:ident) => {
            elements
                .iter()
                .map(|element| match element {
                    Element::Constant(Constant::$variant(value)) => Some(value.clone()),
                    _ => None,
                })
                .collect::<Option<Vec<_>>>()
        };
    }
    macro_rules! symbolic {
        ($variant:ident) => {
            elements
                .iter()
                .map(|element| match element {
                    Element::Constant(Constant::$variant(value)) => {
                        Some(Ok(SymArgument::Value(*value)))
                    }
                    Element::Value(value) if is_kind(*value, ScalarKind::$variant) => {
                        Some(scope.name(*value).map(SymArgument::Name))
                    }
                    _ => None,
                })
                .collect::<Option<Result<Vec<_>, Refusal>>>()
        };
    }
    if let Some(values) = constants!(Bool) {
        return Ok(schema::Argument::Bools(values));
    }
    if let Some(values) = constants!(Int) {
        return Ok(schema::Argument::Ints(values));
    }
    if let Some(values) = constants!(Float) {
        return Ok(schema::Argument::Floats(values));
    }
    if let Some(texts) = constants!(Str) {
        let texts = texts.into_iter().map(Str::from).collect();
        return Ok(schema::Argument::Strings(texts));
    }
    if let Some(values) = symbolic!(Int) {
        return values.map(schema::Argument::SymInts);
    }
    if let Some(values) = symbolic!(Float) {
        return values.map(schema::Argument::SymFloats);
    }
    if let Some(values) = symbolic!(Bool) {
        return values.map(schema::Argument::SymBools);
    }
    if let Some(names) = optional_names(&elements, scope) {
        let names = names?;
        return Ok(match names.iter().cloned().collect::<Option<Vec<_>>>() {
            Some(names) => schema::Argument::Tensors(names),
            None => schema::Argument::OptionalTensors(names),
        });
    }
    let lists: Option<Vec<&Vec<Argument<'c, 'a>>>> = elements
        .iter()
        .map(|element| match element {
            Element::List(elements) => Some(elements),
            _ => None,
        })
        .collect();
    match lists {
        Some(lists) => list_of_lists(&lists, scope).unwrap_or_else(refusal),
        None => refusal(),
    }
}

fn element<'c, 'a>(argument: &Argument<'c, 'a>) -> Element<'c, 'a> {
    match (argument.elements(), argument) {
        (Some(elements), _) => Element::List(elements),
        (None, Argument::Value(value)) => Element::Value(*value),
        (None, Argument::Constant(constant)) => Element::Constant(constant.clone()),
        // The file has dictionaries only where they are arguments themselves.
        (None, Argument::List(_) | Argument::Dict(_)) => Element::Constant(Constant::Operand),
    }
}

/// The names of the elements if all are values or None; scalars count, as PyTorch's serializer has it.
fn optional_names<'c, 'a>(
    elements: &[Element<'c, 'a>],
    scope: &impl Scope<'c, 'a>,
) -> Option<Result<Vec<Option<Str<'static>>>, Refusal>> {
    elements
        .iter()
        .map(|element| match element {
            Element::Constant(Constant::None) => Some(Ok(None)),
            Element::Value(value) => match ValueType::from_mlir(value.r#type()) {
                Some(ValueType::None) => Some(Ok(None)),
                _ => Some(scope.name(*value).map(Some)),
            },
            _ => None,
        })
        .collect()
}

fn list_of_lists<'c, 'a>(
    lists: &[&Vec<Argument<'c, 'a>>],
    scope: &impl Scope<'c, 'a>,
) -> Option<Result<schema::Argument<'static>, Refusal>> {
    let values: Option<Vec<Vec<Value<'c, 'a>>>> = lists
        .iter()
        .map(|list| list.iter().map(Argument::as_value).collect())
        .collect();
    if let Some(values) = values {
        let names = values
            .iter()
            .map(|values| values.iter().map(|value| scope.name(*value)).collect())
            .collect::<Result<_, Refusal>>();
        return Some(names.map(schema::Argument::NestedTensors));
    }
    let ints: Option<Vec<Vec<i64>>> = lists
        .iter()
        .map(|list| {
            list.iter()
                .map(|element| match element.as_constant() {
                    Some(Constant::Int(value)) => Some(*value),
                    _ => None,
                })
                .collect()
        })
        .collect();
    Some(Ok(schema::Argument::IntLists(ints?)))
}

/// An empty list: of what, the schema tells, or the form that the list has in the IR.
fn empty_list(argument: &Argument<'_, '_>, ty: Option<&Type<'_>>) -> schema::Argument<'static> {
    let element = ty.and_then(list_element);
    match (element, argument) {
        (Some(Type::Bool | Type::SymBool), _) => schema::Argument::Bools(Vec::new()),
        (Some(Type::Int | Type::SymInt), _) => schema::Argument::Ints(Vec::new()),
        (Some(Type::Float | Type::SymFloat), _) => schema::Argument::Floats(Vec::new()),
        (Some(Type::Str), _) => schema::Argument::Strings(Vec::new()),
        (None, Argument::Constant(Constant::Ints(_))) => schema::Argument::Ints(Vec::new()),
        (None, Argument::Constant(Constant::Floats(_))) => schema::Argument::Floats(Vec::new()),
        (None, Argument::Constant(Constant::Bools(_))) => schema::Argument::Bools(Vec::new()),
        _ => schema::Argument::Tensors(Vec::new()),
    }
}

/// The type of the elements of a list, options taken off.
fn list_element<'t, 's>(ty: &'t Type<'s>) -> Option<&'t Type<'s>> {
    match ty {
        Type::Optional(inner) => list_element(inner),
        Type::List(element, _) => Some(match &**element {
            Type::Optional(inner) => inner,
            element => element,
        }),
        _ => None,
    }
}

/// The scalars that lists may mix with values, named like their constants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ScalarKind {
    Int,
    Float,
    Bool,
}

fn is_kind(value: Value<'_, '_>, kind: ScalarKind) -> bool {
    let found = match ValueType::from_mlir(value.r#type()) {
        Some(ValueType::SymInt) => ScalarKind::Int,
        Some(ValueType::SymFloat) => ScalarKind::Float,
        Some(ValueType::SymBool) => ScalarKind::Bool,
        _ => return false,
    };
    found == kind
}

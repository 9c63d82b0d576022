//! Constant arguments of ops and their attributes, both ways.
//!
//! The table in `ARCHITECTURE.md` ("Constant arguments") is implemented here and nowhere else.
//! Reading an attribute needs no schema: each kind of constant has an attribute of its own.

use melior::{
    Context,
    ir::{
        Attribute, AttributeLike, Type, TypeLike,
        attribute::{
            ArrayAttribute, BoolAttribute, DenseI64ArrayAttribute, FlatSymbolRefAttribute,
            FloatAttribute, IntegerAttribute, StringAttribute, TypeAttribute,
        },
        r#type::IntegerType,
    },
};

use crate::{ScalarType, mlir};

/// What stands for an element that an operand supplies in a list of ints (MLIR's `kDynamic`).
pub const DYNAMIC: i64 = i64::MIN;

/// A constant argument.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// None, given explicitly.
    None,
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Real and imaginary part.
    Complex(f64, f64),
    Str(String),
    Dtype(ScalarType),
    /// As torch prints it: `cpu`, `cuda:0`.
    Device(String),
    /// As torch names it, without `torch.`: `strided`.
    Layout(String),
    /// As torch names it, without `torch.`: `channels_last`.
    MemoryFormat(String),
    /// An element is [`DYNAMIC`] where an operand supplies it.
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Bools(Vec<bool>),
    /// Strings, lists, numbers of mixed kind; in templates also holes.
    List(Vec<Constant>),
    /// String keys in sorted order.
    Dict(Vec<(String, Constant)>),
    /// The target of an operator argument, `torch.ops.aten.add_.Tensor`.
    Operator(String),
    /// The symbol of a graph function, without `@`.
    Graph(String),
    /// In a template: the next operand.
    Operand,
}

impl Constant {
    /// The attribute of this constant.
    pub fn to_attribute<'c>(&self, context: &'c Context) -> Attribute<'c> {
        match self {
            Self::None => TypeAttribute::new(Type::none(context)).into(),
            Self::Int(value) => {
                IntegerAttribute::new(IntegerType::new(context, 64).into(), *value).into()
            }
            Self::Float(value) => float_attribute(context, *value),
            Self::Bool(value) => BoolAttribute::new(context, *value).into(),
            Self::Complex(re, im) => dialect_attribute(
                context,
                "complex",
                &format!(
                    "{}, {}",
                    float_attribute(context, *re),
                    float_attribute(context, *im)
                ),
            ),
            Self::Str(value) => StringAttribute::new(context, value).into(),
            Self::Dtype(dtype) => TypeAttribute::new(dtype.to_mlir(context)).into(),
            Self::Device(value) => string_like(context, "device", value),
            Self::Layout(value) => string_like(context, "layout", value),
            Self::MemoryFormat(value) => string_like(context, "memory_format", value),
            Self::Ints(values) => DenseI64ArrayAttribute::new(context, values).into(),
            Self::Floats(values) => mlir::dense_f64_array(context, values),
            Self::Bools(values) => mlir::dense_bool_array(context, values),
            Self::List(values) => {
                let values: Vec<_> = values
                    .iter()
                    .map(|value| value.to_attribute(context))
                    .collect();
                ArrayAttribute::new(context, &values).into()
            }
            Self::Dict(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| (key.as_str(), value.to_attribute(context)))
                    .collect();
                mlir::dictionary(context, &entries)
            }
            Self::Operator(target) => string_like(context, "op", target),
            Self::Graph(symbol) => FlatSymbolRefAttribute::new(context, symbol).into(),
            Self::Operand => Attribute::parse(context, "#aten.operand")
                .unwrap_or_else(|| Attribute::unit(context)),
        }
    }

    /// The constant that an attribute stands for, or none if it is no attribute of the dialect.
    pub fn from_attribute(attribute: Attribute<'_>) -> Option<Self> {
        // A conversion that fails prints the attribute into its error, so the kind is asked first.
        if attribute.is_bool() {
            let value = BoolAttribute::try_from(attribute).ok()?;
            return Some(Self::Bool(value.value()));
        }
        if attribute.is_integer() {
            let value = IntegerAttribute::try_from(attribute).ok()?;
            return Some(Self::Int(value.value()));
        }
        if attribute.is_float() {
            let value = FloatAttribute::try_from(attribute).ok()?;
            return Some(Self::Float(value.value()));
        }
        if let Some(text) = mlir::string_text(attribute) {
            return Some(Self::Str(text));
        }
        if attribute.is_type() {
            let value = TypeAttribute::try_from(attribute).ok()?;
            let r#type = value.value();
            return if r#type.is_none() {
                Some(Self::None)
            } else {
                ScalarType::from_mlir(r#type).map(Self::Dtype)
            };
        }
        if let Some(values) = int_list(attribute) {
            return Some(Self::Ints(values));
        }
        if let Some(values) = mlir::dense_f64_elements(attribute) {
            return Some(Self::Floats(values));
        }
        if let Some(values) = mlir::dense_bool_elements(attribute) {
            return Some(Self::Bools(values));
        }
        if attribute.is_array() {
            return array_elements(ArrayAttribute::try_from(attribute).ok()?)
                .map(Self::from_attribute)
                .collect::<Option<_>>()
                .map(Self::List);
        }
        if let Some(symbol) = mlir::symbol_text(attribute) {
            return Some(Self::Graph(symbol));
        }
        if let Some(entries) = mlir::dictionary_entries(attribute) {
            return entries
                .into_iter()
                .map(|(key, value)| Some((key, Self::from_attribute(value)?)))
                .collect::<Option<_>>()
                .map(Self::Dict);
        }
        Self::from_dialect_text(&attribute.to_string())
    }

    /// Attributes defined through IRDL have no accessors in the C API; their text is read instead.
    fn from_dialect_text(text: &str) -> Option<Self> {
        let text = text.strip_prefix("#aten.")?;
        let (name, body) = match text.split_once('<') {
            Some((name, body)) => (name, body.strip_suffix('>')?),
            None => (text, ""),
        };
        let string = || unescape(body.strip_prefix('"')?.strip_suffix('"')?);
        match name {
            "operand" => Some(Self::Operand),
            "device" => string().map(Self::Device),
            "layout" => string().map(Self::Layout),
            "memory_format" => string().map(Self::MemoryFormat),
            "op" => string().map(Self::Operator),
            "complex" => {
                let (re, im) = body.split_once(", ")?;
                Some(Self::Complex(parse_float(re)?, parse_float(im)?))
            }
            _ => None,
        }
    }

    /// Number of [`Constant::Operand`] holes in this template, [`DYNAMIC`] elements included.
    pub fn holes(&self) -> usize {
        match self {
            Self::Operand => 1,
            Self::Ints(values) => values.iter().filter(|value| **value == DYNAMIC).count(),
            Self::List(values) => values.iter().map(Self::holes).sum(),
            Self::Dict(entries) => entries.iter().map(|(_, value)| value.holes()).sum(),
            _ => 0,
        }
    }
}

/// The elements of an `array<i64: …>`.
pub fn int_list(attribute: Attribute<'_>) -> Option<Vec<i64>> {
    if !attribute.is_dense_i64_array() {
        return None;
    }
    let array = DenseI64ArrayAttribute::try_from(attribute).ok()?;
    (0..array.len())
        .map(|index| array.element(index).ok())
        .collect()
}

/// The elements of an array attribute.
pub fn array_elements(array: ArrayAttribute<'_>) -> impl Iterator<Item = Attribute<'_>> {
    (0..array.len()).filter_map(move |index| array.element(index).ok())
}

/// An attribute holding a list of strings.
pub fn string_array<'c>(
    context: &'c Context,
    values: impl IntoIterator<Item = impl AsRef<str>>,
) -> Attribute<'c> {
    let values: Vec<Attribute> = values
        .into_iter()
        .map(|value| StringAttribute::new(context, value.as_ref()).into())
        .collect();
    ArrayAttribute::new(context, &values).into()
}

/// The strings of an array attribute, or none if it is something else.
pub fn string_array_values(attribute: Attribute<'_>) -> Option<Vec<String>> {
    array_elements(ArrayAttribute::try_from(attribute).ok()?)
        .map(mlir::string_text)
        .collect()
}

fn float_attribute<'c>(context: &'c Context, value: f64) -> Attribute<'c> {
    FloatAttribute::new(context, Type::float64(context), value).into()
}

fn string_like<'c>(context: &'c Context, name: &str, value: &str) -> Attribute<'c> {
    let quoted: Attribute = StringAttribute::new(context, value).into();
    dialect_attribute(context, name, &quoted.to_string())
}

/// Falls back to the bare string if the context does not know the dialect, which no context made by
/// this crate does.
fn dialect_attribute<'c>(context: &'c Context, name: &str, parameters: &str) -> Attribute<'c> {
    Attribute::parse(context, &format!("#aten.{name}<{parameters}>"))
        .unwrap_or_else(|| StringAttribute::new(context, parameters).into())
}

/// Undoes MLIR's escapes of a printed string: `\\`, `\"` and two hexadecimal digits per byte.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next()? {
            escaped @ (b'\\' | b'"') => bytes.push(escaped),
            high => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                bytes.push(u8::try_from(digit(high)? * 16 + digit(rest.next()?)?).ok()?);
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// MLIR prints floats in decimal, or as the hexadecimal bit pattern where that is not exact.
fn parse_float(text: &str) -> Option<f64> {
    let text = text.split_once(" :").map_or(text, |(number, _)| number);
    match text.strip_prefix("0x") {
        Some(bits) => u64::from_str_radix(bits, 16).ok().map(f64::from_bits),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_survive_attributes() {
        let context = crate::context();
        let cases = [
            Constant::None,
            Constant::Int(-3),
            Constant::Int(i64::MAX),
            Constant::Float(0.1),
            Constant::Float(f64::NEG_INFINITY),
            Constant::Float(-0.0),
            Constant::Bool(true),
            Constant::Complex(1.5, f64::INFINITY),
            Constant::Str("a \"quoted\" \n\\ string, é".to_owned()),
            Constant::Str(String::new()),
            Constant::Dtype(ScalarType::Complex64),
            Constant::Device("cuda:1".to_owned()),
            Constant::Layout("sparse_coo".to_owned()),
            Constant::MemoryFormat("channels_last".to_owned()),
            Constant::Ints(vec![1, DYNAMIC, -5]),
            Constant::Ints(vec![]),
            Constant::Floats(vec![0.5, f64::INFINITY]),
            Constant::Bools(vec![true, false]),
            Constant::List(vec![
                Constant::Operand,
                Constant::List(vec![]),
                Constant::None,
            ]),
            Constant::Dict(vec![("k".to_owned(), Constant::Int(1))]),
            Constant::Operator("torch.ops.aten.add_.Tensor".to_owned()),
            Constant::Graph("true_graph_0.body".to_owned()),
            Constant::Operand,
        ];
        for case in cases {
            let attribute = case.to_attribute(&context);
            assert_eq!(
                Constant::from_attribute(attribute),
                Some(case.clone()),
                "{attribute}"
            );
        }
        let nan = Constant::Float(f64::NAN).to_attribute(&context);
        assert!(matches!(Constant::from_attribute(nan), Some(Constant::Float(v)) if v.is_nan()));
    }

    #[test]
    fn holes_are_counted_in_nested_lists() {
        let template = Constant::List(vec![
            Constant::Operand,
            Constant::List(vec![Constant::Operand, Constant::Ints(vec![DYNAMIC, 2])]),
        ]);
        assert_eq!(template.holes(), 3);
    }
}

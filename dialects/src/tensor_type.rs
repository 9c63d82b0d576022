//! Types of tensor values: element type, sizes, and the metadata in the encoding.
//!
//! `ARCHITECTURE.md` ("Types") gives the form.

use melior::{
    Context,
    ir::{
        Attribute, Type, TypeLike,
        attribute::StringAttribute,
        r#type::{RankedTensorType, ShapedTypeLike},
    },
};

use crate::{
    ScalarType,
    constant::{string_array, string_array_values},
    mlir,
};

/// A size, a stride or an offset: a number or an expression over the program's symbols.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dim {
    Static(i64),
    /// As `expc-symbolic` prints it.
    Symbolic(String),
}

impl Dim {
    /// The number, if it is one.
    pub fn as_static(&self) -> Option<i64> {
        match self {
            Self::Static(value) => Some(*value),
            Self::Symbolic(_) => None,
        }
    }

    fn parse(text: &str) -> Self {
        match text.parse() {
            Ok(value) => Self::Static(value),
            Err(_) => Self::Symbolic(text.to_owned()),
        }
    }
}

impl std::fmt::Display for Dim {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Static(value) => write!(formatter, "{value}"),
            Self::Symbolic(text) => formatter.write_str(text),
        }
    }
}

/// What is known of a tensor without its data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorMeta {
    pub dtype: ScalarType,
    /// None if the rank is unknown.
    pub sizes: Option<Vec<Dim>>,
    /// In elements; none means row-major contiguous.
    pub strides: Option<Vec<Dim>>,
    /// In elements.
    pub storage_offset: Dim,
    /// `cpu`, `cuda:0`, …
    pub device: String,
    /// `strided`, `sparse_coo`, …
    pub layout: String,
    pub requires_grad: bool,
}

impl TensorMeta {
    /// A dense CPU tensor without further facts.
    pub fn new(dtype: ScalarType, sizes: Option<Vec<Dim>>) -> Self {
        Self {
            dtype,
            sizes,
            strides: None,
            storage_offset: Dim::Static(0),
            device: "cpu".to_owned(),
            layout: "strided".to_owned(),
            requires_grad: false,
        }
    }

    /// The MLIR type.
    pub fn to_mlir<'c>(&self, context: &'c Context) -> Type<'c> {
        let element = self.dtype.to_mlir(context);
        let Some(sizes) = &self.sizes else {
            return mlir::unranked_tensor_type(element);
        };
        let dimensions: Vec<u64> = sizes
            .iter()
            .map(|size| size.as_static().unwrap_or(i64::MIN).cast_unsigned())
            .collect();
        RankedTensorType::new(&dimensions, element, self.encoding(context, sizes)).into()
    }

    fn encoding<'c>(&self, context: &'c Context, sizes: &[Dim]) -> Option<Attribute<'c>> {
        let string = |text: &str| -> Attribute<'c> { StringAttribute::new(context, text).into() };
        let dims =
            |dims: &[Dim]| string_array(context, dims.iter().map(std::string::ToString::to_string));
        let mut entries = Vec::new();
        if sizes.iter().any(|size| size.as_static().is_none()) {
            entries.push(("sizes", dims(sizes)));
        }
        if let Some(strides) = &self.strides {
            entries.push(("strides", dims(strides)));
        }
        if self.storage_offset != Dim::Static(0) {
            entries.push(("storage_offset", string(&self.storage_offset.to_string())));
        }
        if self.device != "cpu" {
            entries.push(("device", string(&self.device)));
        }
        if self.layout != "strided" {
            entries.push(("layout", string(&self.layout)));
        }
        if self.requires_grad {
            entries.push(("requires_grad", Attribute::unit(context)));
        }
        (!entries.is_empty()).then(|| mlir::dictionary(context, &entries))
    }

    /// Reads a tensor type; none if it is no tensor type or its element type is no dtype of PyTorch.
    pub fn from_mlir(r#type: Type<'_>) -> Option<Self> {
        if r#type.is_unranked_tensor() {
            let element = mlir::shaped_element(r#type)?;
            return Some(Self::new(ScalarType::from_mlir(element)?, None));
        }
        let tensor = RankedTensorType::try_from(r#type).ok()?;
        let mut meta = Self::new(ScalarType::from_mlir(tensor.element())?, None);
        let mut sizes: Vec<Dim> = (0..tensor.rank())
            .map(|index| mlir::dimension(&tensor, index))
            .map(|size| match size {
                Some(size) => Dim::Static(size),
                None => Dim::Symbolic("?".to_owned()),
            })
            .collect();
        let encoding = tensor
            .encoding()
            .and_then(mlir::dictionary_entries)
            .unwrap_or_default();
        let dims = |attribute| -> Option<Vec<Dim>> {
            Some(
                string_array_values(attribute)?
                    .iter()
                    .map(|text| Dim::parse(text))
                    .collect(),
            )
        };
        for (key, value) in encoding {
            match key.as_str() {
                "sizes" => sizes = dims(value).filter(|dims| dims.len() == sizes.len())?,
                "strides" => meta.strides = Some(dims(value)?),
                "storage_offset" => meta.storage_offset = Dim::parse(&mlir::string_text(value)?),
                "device" => meta.device = mlir::string_text(value)?,
                "layout" => meta.layout = mlir::string_text(value)?,
                "requires_grad" => meta.requires_grad = true,
                _ => {}
            }
        }
        meta.sizes = Some(sizes);
        Some(meta)
    }
}

/// The kind of a value in the IR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueType {
    Tensor(TensorMeta),
    SymInt,
    SymFloat,
    SymBool,
    None,
    /// A TorchBind object of the class.
    Object(String),
    Token,
    Str,
    /// Nothing is known of the value.
    Any,
}

impl ValueType {
    /// The MLIR type; `context` must come from [`crate::context`].
    pub fn to_mlir<'c>(&self, context: &'c Context) -> Type<'c> {
        let parse = |text: &str| Type::parse(context, text).unwrap_or_else(|| Type::none(context));
        match self {
            Self::Tensor(meta) => meta.to_mlir(context),
            Self::SymInt => ScalarType::Int64.to_mlir(context),
            Self::SymFloat => ScalarType::Float64.to_mlir(context),
            Self::SymBool => ScalarType::Bool.to_mlir(context),
            Self::None => Type::none(context),
            Self::Object(class) => {
                let class: Attribute = StringAttribute::new(context, class).into();
                parse(&format!("!aten.object<{class}>"))
            }
            Self::Token => parse("!aten.token"),
            Self::Str => parse("!aten.str"),
            Self::Any => parse("!aten.any"),
        }
    }

    /// Reads a type of the IR; none if the dialect has no such type.
    pub fn from_mlir(r#type: Type<'_>) -> Option<Self> {
        if r#type.is_tensor() {
            return TensorMeta::from_mlir(r#type).map(Self::Tensor);
        }
        if r#type.is_none() {
            return Some(Self::None);
        }
        match ScalarType::from_mlir(r#type) {
            Some(ScalarType::Int64) => return Some(Self::SymInt),
            Some(ScalarType::Float64) => return Some(Self::SymFloat),
            Some(ScalarType::Bool) => return Some(Self::SymBool),
            Some(_) => return None,
            None => {}
        }
        let text = r#type.to_string();
        match text.as_str() {
            "!aten.token" => Some(Self::Token),
            "!aten.str" => Some(Self::Str),
            "!aten.any" => Some(Self::Any),
            _ => {
                let class = text.strip_prefix("!aten.object<\"")?.strip_suffix("\">")?;
                Some(Self::Object(class.to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensor_types_survive_mlir() {
        let context = crate::context();
        let mut meta = TensorMeta::new(
            ScalarType::BFloat16,
            Some(vec![Dim::Symbolic("2*s77 + 1".to_owned()), Dim::Static(4)]),
        );
        meta.strides = Some(vec![Dim::Static(1), Dim::Symbolic("2*s77 + 1".to_owned())]);
        meta.storage_offset = Dim::Static(3);
        meta.device = "cuda:0".to_owned();
        meta.requires_grad = true;
        let r#type = meta.to_mlir(&context);
        assert_eq!(
            r#type.to_string(),
            "tensor<?x4xbf16, {device = \"cuda:0\", requires_grad, sizes = [\"2*s77 + 1\", \"4\"], \
             storage_offset = \"3\", strides = [\"1\", \"2*s77 + 1\"]}>"
        );
        assert_eq!(TensorMeta::from_mlir(r#type), Some(meta));
    }

    #[test]
    fn plain_tensors_have_no_encoding() {
        let context = crate::context();
        let meta = TensorMeta::new(ScalarType::Uint8, Some(vec![Dim::Static(0)]));
        assert_eq!(meta.to_mlir(&context).to_string(), "tensor<0xui8>");
        let unranked = TensorMeta::new(ScalarType::Bool, None);
        assert_eq!(unranked.to_mlir(&context).to_string(), "tensor<*xi1>");
        assert_eq!(
            TensorMeta::from_mlir(unranked.to_mlir(&context)),
            Some(unranked)
        );
    }

    #[test]
    fn other_types_survive_mlir() {
        let context = crate::context();
        for value_type in [
            ValueType::SymInt,
            ValueType::SymFloat,
            ValueType::SymBool,
            ValueType::None,
            ValueType::Object("__torch__.torch.classes.ns.Name".to_owned()),
            ValueType::Token,
            ValueType::Str,
            ValueType::Any,
        ] {
            assert_eq!(
                ValueType::from_mlir(value_type.to_mlir(&context)),
                Some(value_type)
            );
        }
    }
}

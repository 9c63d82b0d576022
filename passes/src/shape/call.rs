//! A call of an op as the rules see it: arguments by name, defaults filled in from the schema.

use std::rc::Rc;

use expc_dialects::{
    Argument, Constant, GivenArgument, ScalarType, TensorMeta, ValueType,
    table::{DefaultValue, OpDef, Type},
};
use expc_symbolic::Expr;
use melior::ir::{Value, ValueLike};

use super::{
    NoInference, ShapeEnv,
    size::Size,
    tensor::{MemoryFormat, Tensor},
};

/// A value, argument or result of an op, without data.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Tensor(Rc<Tensor>),
    /// A tensor of unknown rank.
    Unranked(ScalarType),
    Int(Size),
    Float(f64),
    Bool(bool),
    Complex,
    /// A symbolic float, with its expression where that is known.
    SymFloat(Option<Expr>),
    /// A symbolic truth value, with its expression where that is known.
    SymBool(Option<Expr>),
    /// A symbolic integer of which nothing is known.
    SymInt,
    None,
    Str(String),
    Dtype(ScalarType),
    Device(Rc<str>),
    Layout(Rc<str>),
    MemoryFormat(MemoryFormat),
    List(Vec<Item>),
    Dict(Vec<(String, Item)>),
    /// The symbol of a graph.
    Graph(String),
    /// The name of an operator, `torch.ops.aten.add.Tensor`.
    Operator(String),
    Object(String),
    Token,
    /// Nothing is known.
    Any,
}

impl Item {
    /// The item of an argument.
    pub fn from_argument(env: &ShapeEnv<'_>, argument: &Argument<'_, '_>) -> Self {
        Self::from_argument_with(argument, &|value| Self::from_value(env, value))
    }

    /// The item of an argument, with the items of values from a function.
    pub fn from_argument_with<'c, 'a>(
        argument: &Argument<'c, 'a>,
        of_value: &dyn Fn(Value<'c, 'a>) -> Self,
    ) -> Self {
        let of_element = |element| Self::from_argument_with(element, of_value);
        match argument {
            Argument::Value(value) => of_value(*value),
            Argument::Constant(constant) => Self::from_constant(constant),
            Argument::List(elements) => Self::List(elements.iter().map(of_element).collect()),
            Argument::Dict(entries) => Self::Dict(
                entries
                    .iter()
                    .map(|(key, element)| (key.clone(), of_element(element)))
                    .collect(),
            ),
        }
    }

    /// The item of a value, from its type.
    pub fn from_value(env: &ShapeEnv<'_>, value: Value<'_, '_>) -> Self {
        let r#type = value.r#type();
        if let Some(tensor) = env.tensor_of(r#type) {
            return Self::Tensor(tensor);
        }
        let Some(value_type) = ValueType::from_mlir(r#type) else {
            return Self::Any;
        };
        let expression = match value_type {
            ValueType::SymInt | ValueType::SymFloat | ValueType::SymBool => {
                env.expression_of(value)
            }
            _ => None,
        };
        Self::from_value_type(env, &value_type, expression)
    }

    /// The item of a type; a symbolic scalar has an expression where that is known.
    pub fn from_value_type(
        env: &ShapeEnv<'_>,
        value_type: &ValueType,
        expression: Option<Expr>,
    ) -> Self {
        match value_type {
            ValueType::Tensor(meta) => match Tensor::from_meta(env, meta) {
                Some(tensor) => Self::Tensor(Rc::new(tensor)),
                None => Self::Unranked(meta.dtype),
            },
            ValueType::SymInt => expression.map_or(Self::SymInt, |expr| Self::Int(expr.into())),
            ValueType::SymFloat => Self::SymFloat(expression),
            ValueType::SymBool => Self::SymBool(expression),
            ValueType::None => Self::None,
            ValueType::Object(class) => Self::Object(class.clone()),
            ValueType::Token => Self::Token,
            ValueType::Str => Self::Str(String::new()),
            ValueType::Any => Self::Any,
        }
    }

    /// The item of a constant.
    pub fn from_constant(constant: &Constant) -> Self {
        let list = |items: &mut dyn Iterator<Item = Item>| Self::List(items.collect());
        match constant {
            Constant::None => Self::None,
            Constant::Int(value) => Self::Int(Size::Int(*value)),
            Constant::Float(value) => Self::Float(*value),
            Constant::Bool(value) => Self::Bool(*value),
            Constant::Complex(..) => Self::Complex,
            Constant::Str(text) => Self::Str(text.clone()),
            Constant::Dtype(dtype) => Self::Dtype(*dtype),
            Constant::Device(device) => Self::Device(Rc::from(device.as_str())),
            Constant::Layout(layout) => Self::Layout(Rc::from(layout.as_str())),
            Constant::MemoryFormat(name) => {
                MemoryFormat::by_name(name).map_or(Self::Any, Self::MemoryFormat)
            }
            Constant::Ints(values) => list(&mut values.iter().map(|v| Self::Int(Size::Int(*v)))),
            Constant::Floats(values) => list(&mut values.iter().map(|v| Self::Float(*v))),
            Constant::Bools(values) => list(&mut values.iter().map(|v| Self::Bool(*v))),
            Constant::List(values) => list(&mut values.iter().map(Self::from_constant)),
            Constant::Dict(entries) => Self::Dict(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::from_constant(value)))
                    .collect(),
            ),
            Constant::Graph(symbol) => Self::Graph(symbol.clone()),
            Constant::Operator(name) => Self::Operator(name.clone()),
            Constant::Operand => Self::Any,
        }
    }

    /// The item of a schema default; enums are numbers there.
    fn from_default(default: &DefaultValue<'_>, ty: &Type<'_>) -> Self {
        let list = |items: &mut dyn Iterator<Item = Item>| Self::List(items.collect());
        match default {
            DefaultValue::None => Self::None,
            DefaultValue::Int(value) => match ty.without_optional() {
                Type::MemoryFormat => Self::MemoryFormat(match value {
                    1 => MemoryFormat::Preserve,
                    2 => MemoryFormat::ChannelsLast,
                    3 => MemoryFormat::ChannelsLast3d,
                    _ => MemoryFormat::Contiguous,
                }),
                Type::ScalarType => ScalarType::from_c10(*value).map_or(Self::None, Self::Dtype),
                Type::Float => Self::Float(*value as f64),
                _ => Self::Int(Size::Int(*value)),
            },
            DefaultValue::Float(value) => Self::Float(*value),
            DefaultValue::Bool(value) => Self::Bool(*value),
            DefaultValue::Str(text) => Self::Str(text.to_string()),
            DefaultValue::IntList(values) => {
                list(&mut values.iter().map(|v| Self::Int(Size::Int(*v))))
            }
            DefaultValue::FloatList(values) => list(&mut values.iter().map(|v| Self::Float(*v))),
            DefaultValue::BoolList(values) => list(&mut values.iter().map(|v| Self::Bool(*v))),
            DefaultValue::StrList(values) => {
                list(&mut values.iter().map(|v| Self::Str(v.to_string())))
            }
            DefaultValue::EnumName(name) => {
                MemoryFormat::by_name(name).map_or(Self::Any, Self::MemoryFormat)
            }
        }
    }

    /// The tensor, if it is one of known rank.
    pub fn as_tensor(&self) -> Option<&Rc<Tensor>> {
        match self {
            Self::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// Whether it is a tensor, of known rank or not.
    pub fn is_tensor(&self) -> bool {
        matches!(self, Self::Tensor(_) | Self::Unranked(_))
    }

    /// The type of a value that holds the item.
    pub fn to_value_type(&self) -> ValueType {
        match self {
            Self::Tensor(tensor) => tensor.to_value_type(),
            Self::Unranked(dtype) => ValueType::Tensor(TensorMeta::new(*dtype, None)),
            Self::Int(_) | Self::SymInt => ValueType::SymInt,
            Self::Float(_) | Self::SymFloat(_) => ValueType::SymFloat,
            Self::Bool(_) | Self::SymBool(_) => ValueType::SymBool,
            Self::None => ValueType::None,
            Self::Object(class) => ValueType::Object(class.clone()),
            Self::Token => ValueType::Token,
            Self::Str(_) => ValueType::Str,
            _ => ValueType::Any,
        }
    }

    /// The text of a symbolic scalar's expression; empty where it is not known, none for what is no scalar.
    pub fn expression_text(&self) -> Option<String> {
        let text = |expr: &Option<Expr>| expr.as_ref().map(Expr::to_string).unwrap_or_default();
        match self {
            Self::Int(size) => Some(size.expanded().to_string()),
            Self::Float(value) => {
                Some(Expr::float(*value).map_or_else(|_| String::new(), |expr| expr.to_string()))
            }
            Self::Bool(value) => Some(Expr::bool(*value).to_string()),
            Self::SymInt => Some(String::new()),
            Self::SymFloat(expr) | Self::SymBool(expr) => Some(text(expr)),
            _ => None,
        }
    }

    /// Calls the function on every expression of a size, stride, offset or scalar.
    pub fn visit_expressions(&self, visitor: &mut dyn FnMut(&Expr)) {
        match self {
            Self::Tensor(tensor) => {
                let sizes = tensor.sizes.iter().chain(&tensor.strides);
                for size in sizes.chain([&tensor.offset]) {
                    if let Size::Expr(expr) = size {
                        visitor(expr);
                    }
                }
            }
            Self::Int(Size::Expr(expr))
            | Self::SymFloat(Some(expr))
            | Self::SymBool(Some(expr)) => visitor(expr),
            Self::List(items) => {
                for item in items {
                    item.visit_expressions(visitor);
                }
            }
            _ => {}
        }
    }

    /// What it is, for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Tensor(_) => "a tensor",
            Self::Unranked(_) => "a tensor of unknown rank",
            Self::Int(_) | Self::SymInt => "an int",
            Self::Float(_) | Self::SymFloat(_) => "a float",
            Self::Bool(_) | Self::SymBool(_) => "a bool",
            Self::Complex => "a complex number",
            Self::None => "None",
            Self::Str(_) => "a string",
            Self::Dtype(_) => "a dtype",
            Self::Device(_) => "a device",
            Self::Layout(_) => "a layout",
            Self::MemoryFormat(_) => "a memory format",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
            Self::Graph(_) => "a graph",
            Self::Operator(_) => "an operator",
            Self::Object(_) => "an object",
            Self::Token => "a token",
            Self::Any => "unknown",
        }
    }
}

impl From<&[Size]> for Item {
    fn from(sizes: &[Size]) -> Self {
        Self::List(sizes.iter().cloned().map(Self::Int).collect())
    }
}

impl From<Tensor> for Item {
    fn from(tensor: Tensor) -> Self {
        Self::Tensor(Rc::new(tensor))
    }
}

/// A call of an op.
pub struct Call<'x> {
    pub env: &'x ShapeEnv<'x>,
    /// `aten.add.Tensor`.
    pub name: &'x str,
    pub def: Option<&'static OpDef>,
    /// By schema position where there is a schema; none where the program gave nothing.
    items: Vec<Option<Item>>,
    /// The names of the items where there is no schema.
    names: Vec<String>,
    /// How many results the op has, where it is there already.
    pub n_results: Option<usize>,
}

type Found<T> = Result<T, NoInference>;

impl<'x> Call<'x> {
    /// The call of an op with these arguments.
    pub fn new(
        env: &'x ShapeEnv<'x>,
        name: &'x str,
        def: Option<&'static OpDef>,
        arguments: &[GivenArgument<'_, '_>],
    ) -> Found<Self> {
        let given = arguments.iter().map(|argument| {
            let item = Item::from_argument(env, &argument.value);
            (argument.name.as_str(), item)
        });
        Self::of_items(env, name, def, given)
    }

    /// The call of an op with these items.
    pub fn of_items<'n>(
        env: &'x ShapeEnv<'x>,
        name: &'x str,
        def: Option<&'static OpDef>,
        given: impl Iterator<Item = (&'n str, Item)>,
    ) -> Found<Self> {
        let mut call = Self {
            env,
            name,
            def,
            items: Vec::new(),
            names: Vec::new(),
            n_results: None,
        };
        let Some(def) = def else {
            for (name, item) in given {
                call.names.push(name.to_owned());
                call.items.push(Some(item));
            }
            return Ok(call);
        };
        call.items = vec![None; def.schema.args.len()];
        for (name, item) in given {
            let slot = def
                .schema
                .arg(name)
                .and_then(|(index, _)| call.items.get_mut(index));
            match slot {
                Some(slot) => *slot = Some(item),
                None => {
                    return Err(NoInference::contradiction(format!(
                        "`{}` has no argument `{name}`",
                        call.name
                    )));
                }
            }
        }
        Ok(call)
    }

    /// The arguments by position; none where the program gave nothing.
    pub fn items(&self) -> &[Option<Item>] {
        &self.items
    }

    /// The call with other arguments.
    pub fn with_items(&self, items: Vec<Option<Item>>) -> Self {
        Self {
            items,
            names: self.names.clone(),
            ..*self
        }
    }

    /// An argument: as given, or the schema's default. None where there is no such argument.
    pub fn get(&self, name: &str) -> Item {
        let Some(def) = self.def else {
            let position = self.names.iter().position(|given| given == name);
            let item = position.and_then(|index| self.items.get(index).cloned().flatten());
            return item.unwrap_or(Item::None);
        };
        let Some((index, arg)) = def.schema.arg(name) else {
            return Item::None;
        };
        match self.items.get(index) {
            Some(Some(item)) => item.clone(),
            _ => arg
                .default
                .as_ref()
                .map_or(Item::None, |default| Item::from_default(default, &arg.ty)),
        }
    }

    /// Whether the schema has the argument.
    pub fn has(&self, name: &str) -> bool {
        self.def.is_some_and(|def| def.schema.arg(name).is_some())
    }

    /// The argument at a position of the schema, or of the call where there is none.
    pub fn at(&self, index: usize) -> Item {
        match self.def.and_then(|def| def.schema.args.get(index)) {
            Some(arg) => self.get(arg.name),
            None => self
                .items
                .get(index)
                .cloned()
                .flatten()
                .unwrap_or(Item::None),
        }
    }

    /// The arguments that the program gave, in order.
    pub fn given(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().flatten()
    }

    /// The arguments that the program gave with their names.
    pub fn given_named(&self) -> impl Iterator<Item = (&str, &Item)> {
        let name = move |index: usize| match self.def {
            Some(def) => def.schema.args.get(index).map_or("", |arg| arg.name),
            None => self.names.get(index).map_or("", String::as_str),
        };
        self.items
            .iter()
            .enumerate()
            .filter_map(move |(index, item)| Some((name(index), item.as_ref()?)))
    }

    /// A tensor.
    pub fn tensor(&self, name: &str) -> Found<Rc<Tensor>> {
        let item = self.get(name);
        self.to_tensor(name, item)
    }

    /// The tensor at a position of the schema.
    pub fn tensor_at(&self, index: usize) -> Found<Rc<Tensor>> {
        let name = self
            .def
            .and_then(|def| def.schema.args.get(index))
            .map_or("", |arg| arg.name);
        self.to_tensor(name, self.at(index))
    }

    /// A tensor, or none.
    pub fn optional_tensor(&self, name: &str) -> Found<Option<Rc<Tensor>>> {
        match self.get(name) {
            Item::None => Ok(None),
            item => self.to_tensor(name, item).map(Some),
        }
    }

    fn to_tensor(&self, name: &str, item: Item) -> Found<Rc<Tensor>> {
        match item {
            Item::Tensor(tensor) => Ok(tensor),
            other => Err(self.unexpected(name, "a tensor", &other)),
        }
    }

    /// The elements of a list; none for None.
    pub fn list(&self, name: &str) -> Found<Option<Vec<Item>>> {
        match self.get(name) {
            Item::None => Ok(None),
            Item::List(items) => Ok(Some(items)),
            item @ (Item::Int(_) | Item::SymInt | Item::Float(_) | Item::Tensor(_)) => {
                Ok(Some(vec![item]))
            }
            other => Err(self.unexpected(name, "a list", &other)),
        }
    }

    /// A list of tensors.
    pub fn tensors(&self, name: &str) -> Found<Vec<Rc<Tensor>>> {
        let items = self.list(name)?.unwrap_or_default();
        items
            .into_iter()
            .map(|item| self.to_tensor(name, item))
            .collect()
    }

    /// All tensors among the arguments, those in lists included; of unknown rank is a refusal.
    pub fn all_tensors(&self) -> Found<Vec<Rc<Tensor>>> {
        let mut tensors = Vec::new();
        for item in self.given() {
            self.collect_tensors(item, &mut tensors)?;
        }
        Ok(tensors)
    }

    fn collect_tensors(&self, item: &Item, tensors: &mut Vec<Rc<Tensor>>) -> Found<()> {
        match item {
            Item::Tensor(tensor) => tensors.push(Rc::clone(tensor)),
            Item::Unranked(_) | Item::Any => return Err(self.unexpected("", "a tensor", item)),
            Item::List(items) => {
                for item in items {
                    self.collect_tensors(item, tensors)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// An integer that may be symbolic.
    pub fn size(&self, name: &str) -> Found<Size> {
        match self.get(name) {
            Item::Int(size) => Ok(size),
            other => Err(self.unexpected(name, "an int", &other)),
        }
    }

    /// An integer that may be symbolic, or none.
    pub fn optional_size(&self, name: &str) -> Found<Option<Size>> {
        match self.get(name) {
            Item::None => Ok(None),
            Item::Int(size) => Ok(Some(size)),
            other => Err(self.unexpected(name, "an int", &other)),
        }
    }

    /// An integer that is a number.
    pub fn int(&self, name: &str) -> Found<i64> {
        match self.get(name) {
            Item::Int(Size::Int(value)) => Ok(value),
            other => Err(self.unexpected(name, "a constant int", &other)),
        }
    }

    /// An integer that is a number, or none.
    pub fn optional_int(&self, name: &str) -> Found<Option<i64>> {
        match self.get(name) {
            Item::None => Ok(None),
            _ => self.int(name).map(Some),
        }
    }

    /// A list of integers that may be symbolic; none for None.
    pub fn optional_sizes(&self, name: &str) -> Found<Option<Vec<Size>>> {
        let Some(items) = self.list(name)? else {
            return Ok(None);
        };
        let to_size = |item: Item| match item {
            Item::Int(size) => Ok(size),
            other => Err(self.unexpected(name, "a list of ints", &other)),
        };
        items
            .into_iter()
            .map(to_size)
            .collect::<Found<_>>()
            .map(Some)
    }

    /// A list of integers that may be symbolic; empty for None.
    pub fn sizes(&self, name: &str) -> Found<Vec<Size>> {
        Ok(self.optional_sizes(name)?.unwrap_or_default())
    }

    /// A list of integers that are numbers; none for None.
    pub fn optional_ints(&self, name: &str) -> Found<Option<Vec<i64>>> {
        let Some(sizes) = self.optional_sizes(name)? else {
            return Ok(None);
        };
        let to_int = |size: Size| {
            size.as_int()
                .ok_or_else(|| NoInference::new(format!("`{name}` of `{}` is symbolic", self.name)))
        };
        sizes
            .into_iter()
            .map(to_int)
            .collect::<Found<_>>()
            .map(Some)
    }

    /// A list of integers that are numbers; empty for None.
    pub fn ints(&self, name: &str) -> Found<Vec<i64>> {
        Ok(self.optional_ints(name)?.unwrap_or_default())
    }

    /// A truth value; false for None.
    pub fn bool(&self, name: &str) -> Found<bool> {
        match self.get(name) {
            Item::Bool(value) => Ok(value),
            Item::Int(Size::Int(value)) => Ok(value != 0),
            Item::None => Ok(false),
            other => Err(self.unexpected(name, "a bool", &other)),
        }
    }

    /// A string, or none.
    pub fn string(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Item::Str(text) => Some(text),
            _ => None,
        }
    }

    /// A dtype, or none.
    pub fn dtype(&self, name: &str) -> Option<ScalarType> {
        match self.get(name) {
            Item::Dtype(dtype) => Some(dtype),
            _ => None,
        }
    }

    /// A device, or none.
    pub fn device(&self, name: &str) -> Option<Rc<str>> {
        match self.get(name) {
            Item::Device(device) => Some(device),
            _ => None,
        }
    }

    /// A memory format, or none.
    pub fn memory_format(&self, name: &str) -> Option<MemoryFormat> {
        match self.get(name) {
            Item::MemoryFormat(format) => Some(format),
            _ => None,
        }
    }

    /// A dimension of a tensor of this rank, counted from its end where it is negative. A tensor without
    /// dimensions has dimension 0.
    pub fn dim(&self, name: &str, rank: usize) -> Found<usize> {
        self.wrap(self.int(name)?, rank)
    }

    /// Dimensions of a tensor of this rank; none for None.
    pub fn optional_dims(&self, name: &str, rank: usize) -> Found<Option<Vec<usize>>> {
        let Some(dims) = self.optional_ints(name)? else {
            return Ok(None);
        };
        dims.into_iter()
            .map(|dim| self.wrap(dim, rank))
            .collect::<Found<_>>()
            .map(Some)
    }

    /// The position of a dimension that may be negative.
    pub fn wrap(&self, dim: i64, rank: usize) -> Found<usize> {
        let count = i64::try_from(rank.max(1)).unwrap_or(i64::MAX);
        let wrapped = if dim < 0 {
            dim.checked_add(count)
        } else {
            Some(dim)
        };
        wrapped
            .filter(|dim| (0..count).contains(dim))
            .and_then(|dim| usize::try_from(dim).ok())
            .ok_or_else(|| {
                NoInference::contradiction(format!(
                    "dimension {dim} of `{}` is out of range for a tensor of rank {rank}",
                    self.name
                ))
            })
    }

    /// An argument is not what the op needs.
    pub fn unexpected(&self, name: &str, expected: &str, found: &Item) -> NoInference {
        NoInference::new(format!(
            "`{name}` of `{}` is {}, expected {expected}",
            self.name,
            found.describe()
        ))
    }

    /// The op cannot be called so.
    pub fn contradiction(&self, message: impl std::fmt::Display) -> NoInference {
        NoInference::contradiction(format!("`{}`: {message}", self.name))
    }

    /// The rule does not know.
    pub fn unknown(&self, message: impl std::fmt::Display) -> NoInference {
        NoInference::new(format!("`{}`: {message}", self.name))
    }
}

impl ShapeEnv<'_> {
    /// The expression of a symbolic scalar, in the symbols of this program.
    pub fn expression_of(&self, value: Value<'_, '_>) -> Option<Expr> {
        self.parse(&super::expression_text(value)?)
    }
}

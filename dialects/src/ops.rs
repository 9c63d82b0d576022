//! Views of ops and the builder for them: the one place that knows how arguments are laid out over
//! operands and attributes (`ARCHITECTURE.md`, "Ops").

use std::collections::HashMap;

use melior::{
    Context,
    ir::{
        Attribute, Identifier, Location, Operation, Type, Value, ValueLike,
        attribute::{ArrayAttribute, DenseI32ArrayAttribute},
        operation::{OperationBuilder, OperationLike, OperationRef},
    },
};

use crate::{
    Diagnostic,
    constant::{Constant, DYNAMIC, array_elements, string_array, string_array_values},
    location::Metadata,
    table::{self, OpDef},
};

/// Discardable attributes that any op may carry.
pub mod attribute {
    pub const SYM: &str = "aten.sym";
    pub const NAMES: &str = "aten.names";
    pub const BY_KEYWORD: &str = "aten.by_keyword";
    pub const SINGLE: &str = "aten.single";
    pub(super) const OPERAND_SEGMENTS: &str = "operandSegmentSizes";
    pub(super) const RESULT_SEGMENTS: &str = "resultSegmentSizes";
    pub(super) const ARGS: &str = "args";
    pub(super) const KWARGS: &str = "kwargs";
}

/// An argument of an op: constants and values in one tree.
#[derive(Clone, Debug)]
pub enum Argument<'c, 'a> {
    Value(Value<'c, 'a>),
    /// Contains no [`Constant::Operand`] and no [`DYNAMIC`].
    Constant(Constant),
    /// A list or tuple with at least one value in it.
    List(Vec<Argument<'c, 'a>>),
    /// A dictionary with at least one value in it.
    Dict(Vec<(String, Argument<'c, 'a>)>),
}

impl<'c, 'a> Argument<'c, 'a> {
    /// The constant, if it is one.
    pub fn as_constant(&self) -> Option<&Constant> {
        match self {
            Self::Constant(constant) => Some(constant),
            _ => None,
        }
    }

    /// The value, if it is one.
    pub fn as_value(&self) -> Option<Value<'c, 'a>> {
        match self {
            Self::Value(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements, if it is a list of any kind.
    pub fn elements(&self) -> Option<Vec<Argument<'c, 'a>>> {
        let constants = |constants: Vec<Constant>| {
            Some(constants.into_iter().map(Argument::Constant).collect())
        };
        match self {
            Self::List(elements) => Some(elements.clone()),
            Self::Constant(Constant::List(elements)) => constants(elements.clone()),
            Self::Constant(Constant::Ints(values)) => {
                constants(values.iter().copied().map(Constant::Int).collect())
            }
            Self::Constant(Constant::Floats(values)) => {
                constants(values.iter().copied().map(Constant::Float).collect())
            }
            Self::Constant(Constant::Bools(values)) => {
                constants(values.iter().copied().map(Constant::Bool).collect())
            }
            _ => None,
        }
    }

    /// The values in it, in order.
    pub fn values(&self) -> Vec<Value<'c, 'a>> {
        let mut values = Vec::new();
        self.collect_values(&mut values);
        values
    }

    fn collect_values(&self, values: &mut Vec<Value<'c, 'a>>) {
        match self {
            Self::Value(value) => values.push(*value),
            Self::Constant(_) => {}
            Self::List(elements) => {
                for element in elements {
                    element.collect_values(values);
                }
            }
            Self::Dict(entries) => {
                for (_, element) in entries {
                    element.collect_values(values);
                }
            }
        }
    }

    /// The template in which holes stand for the values.
    fn template(&self) -> Constant {
        match self {
            Self::Value(_) => Constant::Operand,
            Self::Constant(constant) => constant.clone(),
            Self::List(elements) => Constant::List(elements.iter().map(Self::template).collect()),
            Self::Dict(entries) => Constant::Dict(
                entries
                    .iter()
                    .map(|(key, element)| (key.clone(), element.template()))
                    .collect(),
            ),
        }
    }

    /// Fills the holes of a template with values; none if there are too few.
    fn fill(template: Constant, values: &mut impl Iterator<Item = Value<'c, 'a>>) -> Option<Self> {
        if template.holes() == 0 {
            return Some(Self::Constant(template));
        }
        Some(match template {
            Constant::Operand => Self::Value(values.next()?),
            Constant::Ints(ints) => Self::List(
                ints.into_iter()
                    .map(|int| {
                        Self::fill(
                            if int == DYNAMIC {
                                Constant::Operand
                            } else {
                                Constant::Int(int)
                            },
                            values,
                        )
                    })
                    .collect::<Option<_>>()?,
            ),
            Constant::List(elements) => Self::List(
                elements
                    .into_iter()
                    .map(|element| Self::fill(element, values))
                    .collect::<Option<_>>()?,
            ),
            Constant::Dict(entries) => Self::Dict(
                entries
                    .into_iter()
                    .map(|(key, element)| Some((key, Self::fill(element, values)?)))
                    .collect::<Option<_>>()?,
            ),
            constant => Self::Constant(constant),
        })
    }
}

macro_rules! argument_from {
    ($($source:ty => $convert:expr;)*) => {
        $(impl<'c, 'a> From<$source> for Argument<'c, 'a> {
            fn from(source: $source) -> Self {
                let convert: fn($source) -> Constant = $convert;
                Self::Constant(convert(source))
            }
        })*
    };
}

argument_from! {
    Constant => |constant| constant;
    i64 => Constant::Int;
    f64 => Constant::Float;
    bool => Constant::Bool;
    crate::ScalarType => Constant::Dtype;
    &str => |text| Constant::Str(text.to_owned());
    &[i64] => |values| Constant::Ints(values.to_vec());
    Vec<i64> => Constant::Ints;
    () => |()| Constant::None;
}

impl<'c, 'a> From<Value<'c, 'a>> for Argument<'c, 'a> {
    fn from(value: Value<'c, 'a>) -> Self {
        Self::Value(value)
    }
}

impl<'c, 'a> From<Option<Value<'c, 'a>>> for Argument<'c, 'a> {
    fn from(value: Option<Value<'c, 'a>>) -> Self {
        value.map_or(Self::Constant(Constant::None), Self::Value)
    }
}

impl<'c, 'a> From<Vec<Argument<'c, 'a>>> for Argument<'c, 'a> {
    /// A list; one of ints alone takes the compact form.
    fn from(elements: Vec<Argument<'c, 'a>>) -> Self {
        let constants: Option<Vec<Constant>> = elements
            .iter()
            .map(|element| element.as_constant().cloned())
            .collect();
        let Some(constants) = constants else {
            return Self::List(elements);
        };
        let ints: Option<Vec<i64>> = constants
            .iter()
            .map(|constant| match constant {
                Constant::Int(value) => Some(*value),
                _ => None,
            })
            .collect();
        Self::Constant(match ints {
            Some(ints) if !ints.is_empty() => Constant::Ints(ints),
            _ => Constant::List(constants),
        })
    }
}

impl<'c, 'a> From<Vec<Value<'c, 'a>>> for Argument<'c, 'a> {
    fn from(values: Vec<Value<'c, 'a>>) -> Self {
        values
            .into_iter()
            .map(Argument::Value)
            .collect::<Vec<_>>()
            .into()
    }
}

/// An argument as the program gave it.
#[derive(Clone, Debug)]
pub struct GivenArgument<'c, 'a> {
    /// The schema name; empty for positional arguments of ops without a schema.
    pub name: String,
    pub value: Argument<'c, 'a>,
    /// Printed as `name = value`.
    pub by_keyword: bool,
}

/// A result of an op, as its schema groups them.
#[derive(Clone, Debug)]
pub enum ResultGroup<'c, 'a> {
    Single(Value<'c, 'a>),
    List(Vec<Value<'c, 'a>>),
}

/// A view of an op of the `aten` family.
#[derive(Clone, Copy)]
pub struct AtenOp<'c, 'a> {
    op: OperationRef<'c, 'a>,
    def: Option<&'static OpDef>,
}

impl<'c: 'a, 'a> AtenOp<'c, 'a> {
    pub fn new(op: OperationRef<'c, 'a>) -> Self {
        let name = op.name();
        let def = name.as_string_ref().as_str().ok().and_then(table::lookup);
        Self { op, def }
    }

    pub fn operation(&self) -> OperationRef<'c, 'a> {
        self.op
    }

    /// `aten.add.Tensor`.
    pub fn name(&self) -> String {
        self.op
            .name()
            .as_string_ref()
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// The row of the op table; none for higher-order and symbolic ops and for custom ops that no schema
    /// describes.
    pub fn def(&self) -> Option<&'static OpDef> {
        self.def
    }

    /// The arguments that the program gave: in schema order, or as the template has them.
    pub fn arguments(&self) -> Result<Vec<GivenArgument<'c, 'a>>, Diagnostic> {
        match self.def {
            Some(def) => self.schema_arguments(def),
            None => self.template_arguments(),
        }
    }

    /// The argument of a schema name; none if it was not given.
    pub fn argument(&self, name: &str) -> Result<Option<Argument<'c, 'a>>, Diagnostic> {
        Ok(self
            .arguments()?
            .into_iter()
            .find(|argument| argument.name == name)
            .map(|argument| argument.value))
    }

    fn schema_arguments(&self, def: &OpDef) -> Result<Vec<GivenArgument<'c, 'a>>, Diagnostic> {
        let schema = &def.schema;
        let segments = self.operand_segments(def)?;
        let by_keyword = self.string_list(attribute::BY_KEYWORD);
        let mut given = Vec::with_capacity(segments.len());
        let mut position = 0;
        for (index, arg) in schema.args.iter().enumerate() {
            let count = segments.get(index).copied().unwrap_or(0);
            let values = self.operand_range(position, count)?;
            position += count;
            let constant = match self.op.attribute(arg.name) {
                Ok(attribute) => Some(Constant::from_attribute(attribute).ok_or_else(|| {
                    self.malformed(format!(
                        "argument `{}` of `{}` is {attribute}, which is no constant of the dialect",
                        arg.name,
                        self.name()
                    ))
                })?),
                Err(_) => None,
            };
            let Some(value) = self.combine(arg.name, arg.ty.is_list(), constant, values)? else {
                continue;
            };
            given.push(GivenArgument {
                name: arg.name.to_owned(),
                value,
                by_keyword: arg.kwarg_only || by_keyword.iter().any(|name| name == arg.name),
            });
        }
        Ok(given)
    }

    /// One argument from its attribute and its operands.
    fn combine(
        &self,
        name: &str,
        is_list: bool,
        constant: Option<Constant>,
        values: Vec<Value<'c, 'a>>,
    ) -> Result<Option<Argument<'c, 'a>>, Diagnostic> {
        let to_list =
            |values: Vec<_>| Argument::List(values.into_iter().map(Argument::Value).collect());
        let too_many = || {
            self.malformed(format!(
                "the operands of `{}` do not fit its argument `{name}`",
                self.name()
            ))
        };
        Ok(match (constant, values.len()) {
            (None, 0) => None,
            (None, _) if is_list => Some(to_list(values)),
            (None, 1) => values.into_iter().next().map(Argument::Value),
            (None, _) => return Err(too_many()),
            (Some(Constant::Bools(present)), n) if n > 0 => {
                if present.iter().filter(|present| **present).count() != n {
                    return Err(too_many());
                }
                let mut values = values.into_iter();
                let elements = present.iter().filter_map(|present| match present {
                    true => values.next().map(Argument::Value),
                    false => Some(Argument::Constant(Constant::None)),
                });
                Some(Argument::List(elements.collect()))
            }
            (Some(template), n) => {
                if template.holes() != n {
                    return Err(too_many());
                }
                Argument::fill(template, &mut values.into_iter())
            }
        })
    }

    fn template_arguments(&self) -> Result<Vec<GivenArgument<'c, 'a>>, Diagnostic> {
        let mut values = self.op.operands();
        let mut given = Vec::new();
        for (name, by_keyword) in [(attribute::ARGS, false), (attribute::KWARGS, true)] {
            let Ok(attribute) = self.op.attribute(name) else {
                continue;
            };
            let entries = match Constant::from_attribute(attribute) {
                Some(Constant::List(elements)) if !by_keyword => elements
                    .into_iter()
                    .map(|element| (String::new(), element))
                    .collect(),
                Some(Constant::Dict(entries)) if by_keyword => entries,
                _ => {
                    return Err(self.malformed(format!(
                        "`{name}` of `{}` is {attribute}, expected a template",
                        self.name()
                    )));
                }
            };
            for (name, template) in entries {
                let value = Argument::fill(template, &mut values)
                    .ok_or_else(|| self.template_mismatch())?;
                given.push(GivenArgument {
                    name,
                    value,
                    by_keyword,
                });
            }
        }
        if values.next().is_some() {
            return Err(self.template_mismatch());
        }
        let order = self.string_list(attribute::BY_KEYWORD);
        let order: HashMap<&str, usize> = order
            .iter()
            .enumerate()
            .map(|(index, name)| (name.as_str(), index + 1))
            .collect();
        given.sort_by_key(|argument| match argument.by_keyword {
            true => order
                .get(argument.name.as_str())
                .copied()
                .unwrap_or(usize::MAX),
            false => 0,
        });
        Ok(given)
    }

    fn template_mismatch(&self) -> Diagnostic {
        self.malformed(format!(
            "`{}` has {} operands, its templates have another number of `#aten.operand`",
            self.name(),
            self.op.operand_count()
        ))
    }

    fn operand_range(&self, start: usize, count: usize) -> Result<Vec<Value<'c, 'a>>, Diagnostic> {
        let n_operands = self.op.operand_count();
        (start
            ..start
                .saturating_add(count)
                .min(n_operands.saturating_add(1)))
            .map(|index| {
                self.op.operand(index).map_err(|_| {
                    self.malformed(format!(
                        "`{}` has {n_operands} operands, its arguments take more",
                        self.name()
                    ))
                })
            })
            .collect()
    }

    fn operand_segments(&self, def: &OpDef) -> Result<Vec<usize>, Diagnostic> {
        let segments = match self.segments(attribute::OPERAND_SEGMENTS)? {
            Some(segments) => segments,
            None => default_segments(def),
        };
        let total: usize = segments.iter().sum();
        if total != self.op.operand_count() || segments.len() > def.schema.args.len() {
            return Err(self.malformed(format!(
                "`{}` has {} operands, its segments and schema call for {total}",
                self.name(),
                self.op.operand_count(),
            )));
        }
        Ok(segments)
    }

    fn segments(&self, name: &str) -> Result<Option<Vec<usize>>, Diagnostic> {
        let Ok(attribute) = self.op.attribute(name) else {
            return Ok(None);
        };
        let array = DenseI32ArrayAttribute::try_from(attribute).ok();
        let sizes = array.and_then(|array| {
            (0..array.len())
                .map(|index| usize::try_from(array.element(index).ok()?).ok())
                .collect::<Option<Vec<_>>>()
        });
        sizes
            .filter(|sizes| sizes.len() <= 4096 && sizes.iter().all(|size| *size <= 1 << 24))
            .map(Some)
            .ok_or_else(|| {
                self.malformed(format!(
                    "`{name}` of `{}` is {attribute}, expected an array of segment sizes",
                    self.name()
                ))
            })
    }

    /// The results, grouped as the schema returns them.
    pub fn result_groups(&self) -> Result<Vec<ResultGroup<'c, 'a>>, Diagnostic> {
        let results: Vec<Value> = self.op.results().map(Value::from).collect();
        let returns = self.def.map(|def| def.schema.returns.as_slice());
        let is_list = |index: usize| {
            returns.is_some_and(|returns| returns.get(index).is_some_and(|ret| ret.ty.is_list()))
        };
        let Some(segments) = self.segments(attribute::RESULT_SEGMENTS)? else {
            return Ok(match returns {
                Some(returns) if returns.len() == 1 && is_list(0) => {
                    vec![ResultGroup::List(results)]
                }
                _ => results.into_iter().map(ResultGroup::Single).collect(),
            });
        };
        let mut groups = Vec::new();
        let mut results = results.into_iter();
        for (index, size) in segments.iter().enumerate() {
            let mut group: Vec<_> = results.by_ref().take(*size).collect();
            if group.len() != *size {
                return Err(self.malformed(format!(
                    "`{}` has {} results, its segments call for more",
                    self.name(),
                    self.op.result_count()
                )));
            }
            if *size == 1 && !is_list(index) && (returns.is_some() || segments.len() > 1) {
                groups.extend(group.pop().map(ResultGroup::Single));
            } else {
                groups.push(ResultGroup::List(group));
            }
        }
        groups.extend(results.map(ResultGroup::Single));
        Ok(groups)
    }

    /// FX node name, or the empty string.
    pub fn node_name(&self) -> String {
        self.metadata().name.unwrap_or_default()
    }

    pub fn metadata(&self) -> Metadata {
        Metadata::from_location(self.op.location())
    }

    /// FX names of the results.
    pub fn result_names(&self) -> Vec<String> {
        let names = self.string_list(attribute::NAMES);
        if names.is_empty() && self.op.result_count() == 1 {
            return vec![self.node_name()];
        }
        names
    }

    /// The expressions of the symbolic scalar results, in order; results that are no scalars have none.
    pub fn symbolic_results(&self) -> Vec<(Value<'c, 'a>, String)> {
        let scalars = self
            .op
            .results()
            .map(Value::from)
            .filter(|value| is_symbolic_scalar(*value));
        scalars.zip(self.string_list(attribute::SYM)).collect()
    }

    /// A higher-order op that returns a bare value and not a tuple.
    pub fn is_single(&self) -> bool {
        self.op.has_attribute(attribute::SINGLE)
    }

    fn string_list(&self, name: &str) -> Vec<String> {
        self.op
            .attribute(name)
            .ok()
            .and_then(string_array_values)
            .unwrap_or_default()
    }

    fn malformed(&self, message: String) -> Diagnostic {
        Diagnostic::at(&self.op, "E0210", message)
    }
}

/// Whether a value is a SymInt, SymFloat or SymBool.
pub fn is_symbolic_scalar(value: Value<'_, '_>) -> bool {
    use crate::ValueType::{SymBool, SymFloat, SymInt};
    matches!(
        crate::ValueType::from_mlir(value.r#type()),
        Some(SymInt | SymFloat | SymBool)
    )
}

/// One operand for each `Tensor` argument, none for any other; trailing zeros left out.
fn default_segments(def: &OpDef) -> Vec<usize> {
    let segments = def
        .schema
        .args
        .iter()
        .map(|arg| usize::from(arg.ty.is_tensor()));
    without_trailing_zeros(segments.collect())
}

fn without_trailing_zeros(mut segments: Vec<usize>) -> Vec<usize> {
    while segments.last() == Some(&0) {
        segments.pop();
    }
    segments
}

/// A return of an op to be built.
#[derive(Clone, Debug)]
pub enum ResultSpec<'c> {
    Single(Type<'c>),
    List(Vec<Type<'c>>),
}

/// An op to be built.
pub struct OpBuilder<'c, 'a> {
    context: &'c Context,
    name: String,
    arguments: Vec<GivenArgument<'c, 'a>>,
    results: Vec<ResultSpec<'c>>,
    attributes: Vec<(&'static str, Attribute<'c>)>,
    location: Location<'c>,
}

impl<'c, 'a> OpBuilder<'c, 'a> {
    /// An op by its IR name, `aten.add.Tensor`.
    pub fn new(context: &'c Context, name: impl Into<String>, location: Location<'c>) -> Self {
        Self {
            context,
            name: name.into(),
            arguments: Vec::new(),
            results: Vec::new(),
            attributes: Vec::new(),
            location,
        }
    }

    /// Adds an argument; for ops without a schema, positional ones have an empty name.
    #[must_use]
    pub fn argument(mut self, name: impl Into<String>, value: Argument<'c, 'a>) -> Self {
        self.arguments.push(GivenArgument {
            name: name.into(),
            value,
            by_keyword: false,
        });
        self
    }

    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = GivenArgument<'c, 'a>>) -> Self {
        self.arguments.extend(arguments);
        self
    }

    #[must_use]
    pub fn result(mut self, r#type: Type<'c>) -> Self {
        self.results.push(ResultSpec::Single(r#type));
        self
    }

    #[must_use]
    pub fn results(mut self, results: impl IntoIterator<Item = ResultSpec<'c>>) -> Self {
        self.results.extend(results);
        self
    }

    /// FX names of the results, where they differ from the node's.
    #[must_use]
    pub fn result_names(mut self, names: &[String]) -> Self {
        self.attributes
            .push((attribute::NAMES, string_array(self.context, names)));
        self
    }

    /// Expressions of the symbolic scalar results, in order.
    #[must_use]
    pub fn symbolic_results(mut self, expressions: &[String]) -> Self {
        if !expressions.is_empty() {
            self.attributes
                .push((attribute::SYM, string_array(self.context, expressions)));
        }
        self
    }

    /// Marks a higher-order op that returns a bare value.
    #[must_use]
    pub fn single(mut self) -> Self {
        self.attributes
            .push((attribute::SINGLE, Attribute::unit(self.context)));
        self
    }

    /// The op, or what is wrong with its arguments.
    pub fn build(mut self) -> Result<Operation<'c>, Diagnostic> {
        let def = table::lookup(&self.name);
        let mut attributes = std::mem::take(&mut self.attributes)
            .into_iter()
            .map(|(name, value)| (Identifier::new(self.context, name), value))
            .collect::<Vec<_>>();
        let operands = match def {
            Some(def) => self.encode_schema_arguments(def, &mut attributes)?,
            None => self.encode_template(&mut attributes)?,
        };
        if let Some(segments) = self.result_segments(def) {
            attributes.push(self.segments_attribute(attribute::RESULT_SEGMENTS, &segments));
        }
        let types: Vec<Type> = self
            .results
            .iter()
            .flat_map(|result| match result {
                ResultSpec::Single(r#type) => std::slice::from_ref(r#type),
                ResultSpec::List(types) => types.as_slice(),
            })
            .copied()
            .collect();
        OperationBuilder::new(&self.name, self.location)
            .add_operands(&operands)
            .add_results(&types)
            .add_attributes(&attributes)
            .build()
            .map_err(|_| self.error("E0211", format!("`{}` cannot be built", self.name)))
    }

    fn encode_schema_arguments(
        &self,
        def: &OpDef,
        attributes: &mut Vec<(Identifier<'c>, Attribute<'c>)>,
    ) -> Result<Vec<Value<'c, 'a>>, Diagnostic> {
        let mut operands = Vec::new();
        let mut segments = vec![0; def.schema.args.len()];
        let mut by_keyword = Vec::new();
        let mut given: Vec<Option<&GivenArgument>> = vec![None; def.schema.args.len()];
        for argument in &self.arguments {
            let slot = def
                .schema
                .arg(&argument.name)
                .and_then(|(index, _)| given.get_mut(index))
                .ok_or_else(|| {
                    self.error(
                        "E0212",
                        format!("`{}` has no argument `{}`", self.name, argument.name),
                    )
                })?;
            if slot.replace(argument).is_some() {
                return Err(self.error(
                    "E0213",
                    format!(
                        "argument `{}` of `{}` is given twice",
                        argument.name, self.name
                    ),
                ));
            }
        }
        for (index, argument) in given.into_iter().enumerate() {
            let (Some(argument), Some(arg)) = (argument, def.schema.args.get(index)) else {
                continue;
            };
            if argument.by_keyword && !arg.kwarg_only {
                by_keyword.push(arg.name);
            }
            let values = argument.value.values();
            if let Some(constant) =
                encode(&argument.value, arg.ty.is_list(), arg.ty.is_tensor_like())
            {
                attributes.push((
                    Identifier::new(self.context, arg.name),
                    constant.to_attribute(self.context),
                ));
            }
            segments[index] = values.len();
            operands.extend(values);
        }
        let segments = without_trailing_zeros(segments);
        if segments != default_segments(def) {
            attributes.push(self.segments_attribute(attribute::OPERAND_SEGMENTS, &segments));
        }
        if !by_keyword.is_empty() {
            attributes.push((
                Identifier::new(self.context, attribute::BY_KEYWORD),
                string_array(self.context, by_keyword),
            ));
        }
        Ok(operands)
    }

    fn encode_template(
        &self,
        attributes: &mut Vec<(Identifier<'c>, Attribute<'c>)>,
    ) -> Result<Vec<Value<'c, 'a>>, Diagnostic> {
        let mut operands = Vec::new();
        let (mut args, mut kwargs) = (Vec::new(), Vec::new());
        // Positional arguments come first among the operands.
        for argument in self
            .arguments
            .iter()
            .filter(|argument| !argument.by_keyword)
        {
            args.push(argument.value.template());
            operands.extend(argument.value.values());
        }
        let mut by_keyword: Vec<_> = self
            .arguments
            .iter()
            .filter(|argument| argument.by_keyword)
            .collect();
        // MLIR sorts dictionaries, and the operands follow their order.
        let order: Vec<&str> = by_keyword
            .iter()
            .map(|argument| argument.name.as_str())
            .collect();
        if !order.is_sorted() {
            attributes.push((
                Identifier::new(self.context, attribute::BY_KEYWORD),
                string_array(self.context, order),
            ));
        }
        by_keyword.sort_by(|left, right| left.name.cmp(&right.name));
        for argument in by_keyword {
            kwargs.push((argument.name.clone(), argument.value.template()));
            operands.extend(argument.value.values());
        }
        let mut push = |name, constant: Constant| {
            attributes.push((
                Identifier::new(self.context, name),
                constant.to_attribute(self.context),
            ));
        };
        push(attribute::ARGS, Constant::List(args));
        if !kwargs.is_empty() {
            push(attribute::KWARGS, Constant::Dict(kwargs));
        }
        Ok(operands)
    }

    fn result_segments(&self, def: Option<&OpDef>) -> Option<Vec<usize>> {
        let has_list = self
            .results
            .iter()
            .any(|result| matches!(result, ResultSpec::List(_)));
        let implied = def.is_some_and(|def| def.schema.returns.len() == 1);
        (has_list && !implied).then(|| {
            self.results
                .iter()
                .map(|result| match result {
                    ResultSpec::Single(_) => 1,
                    ResultSpec::List(types) => types.len(),
                })
                .collect()
        })
    }

    fn segments_attribute(
        &self,
        name: &str,
        segments: &[usize],
    ) -> (Identifier<'c>, Attribute<'c>) {
        let sizes: Vec<i32> = segments
            .iter()
            .map(|size| i32::try_from(*size).unwrap_or(i32::MAX))
            .collect();
        (
            Identifier::new(self.context, name),
            DenseI32ArrayAttribute::new(self.context, &sizes).into(),
        )
    }

    fn error(&self, code: &'static str, message: String) -> Diagnostic {
        Diagnostic::error(code, message).located(self.location)
    }
}

/// The attribute part of an argument; none if its operands say it all.
fn encode(argument: &Argument<'_, '_>, is_list: bool, is_tensor_like: bool) -> Option<Constant> {
    match argument {
        Argument::Value(_) if is_list => Some(Constant::Operand),
        Argument::Value(_) => None,
        Argument::Constant(Constant::List(elements)) if elements.is_empty() && is_tensor_like => {
            Some(Constant::Bools(Vec::new()))
        }
        Argument::List(elements) if is_list && is_tensor_like => {
            let is_none =
                |element: &Argument| matches!(element, Argument::Constant(Constant::None));
            let flat = |element: &Argument| element.as_value().is_some() || is_none(element);
            if !elements.iter().all(flat) {
                return Some(argument.template());
            }
            elements.iter().any(is_none).then(|| {
                Constant::Bools(elements.iter().map(|element| !is_none(element)).collect())
            })
        }
        Argument::List(elements) => {
            let ints: Option<Vec<i64>> = elements
                .iter()
                .map(|element| match element {
                    Argument::Value(_) => Some(DYNAMIC),
                    Argument::Constant(Constant::Int(value)) => Some(*value),
                    _ => None,
                })
                .collect();
            Some(ints.map_or_else(|| argument.template(), Constant::Ints))
        }
        other => Some(other.template()),
    }
}

/// Positions and values in an array attribute such as `aten.constant_inputs`.
pub(crate) fn array_of_arrays(attribute: Attribute<'_>) -> Option<Vec<Vec<Constant>>> {
    array_elements(ArrayAttribute::try_from(attribute).ok()?)
        .map(|entry| match Constant::from_attribute(entry)? {
            Constant::List(elements) => Some(elements),
            _ => None,
        })
        .collect()
}

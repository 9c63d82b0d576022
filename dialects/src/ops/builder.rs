//! The builder of ops: arguments are laid out over operands and attributes.

use melior::{
    Context,
    ir::{
        Attribute, Identifier, Location, Operation, Type, Value, attribute::DenseI32ArrayAttribute,
        operation::OperationBuilder,
    },
};

use super::{Argument, GivenArgument, attribute, default_segments, without_trailing_zeros};
use crate::{
    Diagnostic,
    constant::{Constant, DYNAMIC, string_array},
    mlir,
    table::{self, OpDef},
};

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

    /// Names of the positional arguments of an op that no schema describes.
    #[must_use]
    pub fn parameters(mut self, names: &[String]) -> Self {
        self.attributes
            .push((attribute::PARAMETERS, string_array(self.context, names)));
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
        if def.is_some() || table::is_known(&self.name) {
            mlir::register_dynamic_op(self.context, &self.name);
        }
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

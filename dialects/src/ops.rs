//! Views of ops and the builder for them: the one place that knows how arguments are laid out over
//! operands and attributes (`ARCHITECTURE.md`, "Ops").

use std::collections::HashMap;

use melior::ir::{
    Attribute, TypeLike, Value, ValueLike,
    attribute::{ArrayAttribute, DenseI32ArrayAttribute},
    operation::{OperationLike, OperationRef},
};

use crate::{
    Diagnostic,
    constant::{Constant, array_elements, string_array_values},
    location::Metadata,
    table::{self, OpDef},
};

mod argument;
mod builder;

pub use argument::Argument;
pub use builder::{OpBuilder, ResultSpec};

/// Discardable attributes that any op may carry.
pub mod attribute {
    pub const SYM: &str = "aten.sym";
    pub const NAMES: &str = "aten.names";
    pub const BY_KEYWORD: &str = "aten.by_keyword";
    pub const SINGLE: &str = "aten.single";
    pub const PARAMETERS: &str = "aten.parameters";
    pub(super) const OPERAND_SEGMENTS: &str = "operandSegmentSizes";
    pub(super) const RESULT_SEGMENTS: &str = "resultSegmentSizes";
    pub(super) const ARGS: &str = "args";
    pub(super) const KWARGS: &str = "kwargs";
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

    /// The names that the schema of an op gives to its positional arguments, where only the program knows it.
    pub fn parameters(&self) -> Vec<String> {
        self.string_list(attribute::PARAMETERS)
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
    let r#type = value.r#type();
    !r#type.is_tensor()
        && matches!(
            crate::ValueType::from_mlir(r#type),
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

/// Positions and values in an array attribute such as `aten.constant_inputs`.
pub(crate) fn array_of_arrays(attribute: Attribute<'_>) -> Option<Vec<Vec<Constant>>> {
    array_elements(ArrayAttribute::try_from(attribute).ok()?)
        .map(|entry| match Constant::from_attribute(entry)? {
            Constant::List(elements) => Some(elements),
            _ => None,
        })
        .collect()
}

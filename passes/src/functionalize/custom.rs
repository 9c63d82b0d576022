//! Ops that write and have no functional form, custom ones above all: `auto_functionalized_v2`, which runs an op on
//! copies of the memory that it writes to.

use std::collections::BTreeMap;

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, Dim, GivenArgument, ResultSpec, TensorMeta, ValueType,
    table::{self, OpDef, OpSchema},
};
use melior::ir::{
    Type, Value, ValueLike,
    operation::{OperationLike, OperationRef},
};

use super::{Walk, emit::given};

/// Schemas of ops that the op table does not have, such as those of a library that the user named.
#[derive(Clone, Debug, Default)]
pub struct CustomOps {
    ops: BTreeMap<String, Signature>,
}

/// What functionalization asks of a schema.
#[derive(Clone, Debug)]
struct Signature {
    arguments: Vec<Parameter>,
    /// For each result the written argument that it is.
    returned: Vec<Option<usize>>,
    is_view: bool,
}

#[derive(Clone, Debug)]
struct Parameter {
    name: String,
    is_written: bool,
}

impl CustomOps {
    /// Adds an op by its schema as torch writes it, if the op table does not have it; texts that are no schemas are
    /// passed over.
    pub fn add(&mut self, schema: &str) {
        let spelled = schema.split('(').next().unwrap_or_default();
        let mut name = spelled.replace("::", ".");
        if name.split('.').count() == 2 {
            name.push_str(".default");
        }
        if table::lookup(&name).is_some() {
            return;
        }
        if let Ok(schema) = OpSchema::parse(schema) {
            self.ops.insert(name, Signature::of(&schema));
        }
    }
}

impl CustomOps {
    /// Whether the op was added.
    pub fn knows(&self, name: &str) -> bool {
        self.ops.contains_key(name)
    }

    /// Takes an op of which nothing is known (`mine.scale.default`) for one that writes to nothing and returns new
    /// memory.
    pub fn assume_reading(&mut self, name: &str) {
        let signature = Signature {
            arguments: Vec::new(),
            returned: Vec::new(),
            is_view: false,
        };
        self.ops.insert(name.to_owned(), signature);
    }
}

impl Signature {
    fn of(schema: &OpSchema<'_>) -> Self {
        let arguments = schema.args.iter().map(|arg| Parameter {
            name: arg.name.to_owned(),
            is_written: arg.is_written(),
        });
        let is_written =
            |index: &usize| schema.args.get(*index).is_some_and(|arg| arg.is_written());
        Self {
            arguments: arguments.collect(),
            returned: (0..schema.returns.len())
                .map(|index| schema.aliased_args(index).find(is_written))
                .collect(),
            is_view: schema.is_view(),
        }
    }
}

/// A tensor that an op writes to, with the name under which `auto_functionalized_v2` describes it.
struct Written<'c, 'a> {
    prefix: String,
    value: Value<'c, 'a>,
}

impl<'c: 'a, 'a> Walk<'c, 'a, '_> {
    /// An op that the op table does not have; false if nothing is known of it.
    pub(super) fn custom_op(&mut self, op: &AtenOp<'c, 'a>) -> Result<bool, Diagnostic> {
        let Some(signature) = self.custom.ops.get(&op.name()).cloned() else {
            return Ok(false);
        };
        let operation = op.operation();
        if signature.is_view {
            return Err(Diagnostic::at(
                &operation,
                "E0304",
                format!(
                    "`{}` returns a view of an argument, which has no functional form",
                    op.name()
                ),
            ));
        }
        if signature
            .arguments
            .iter()
            .any(|argument| argument.is_written)
        {
            self.auto_functionalized(op, &signature)?;
        } else {
            self.reading_op(operation)?;
        }
        Ok(true)
    }

    /// An op of the table without a functional form.
    pub(super) fn auto_functionalized_def(
        &mut self,
        op: &AtenOp<'c, 'a>,
        def: &OpDef,
    ) -> Result<(), Diagnostic> {
        self.auto_functionalized(op, &Signature::of(&def.schema))
    }

    /// `auto_functionalized_v2(op, …, _all_bases)` returns the op's results and then the new value of each base. A
    /// written argument is a base, or a view of one, which is described by its strides
    /// (`torch/_higher_order_ops/auto_functionalize.py`).
    fn auto_functionalized(
        &mut self,
        op: &AtenOp<'c, 'a>,
        signature: &Signature,
    ) -> Result<(), Diagnostic> {
        let operation = op.operation();
        let operator = Constant::Operator(format!("torch.ops.{}", op.name()));
        let mut arguments = vec![given("", operator)];
        let mut written = Vec::new();
        for (position, argument) in op.arguments()?.into_iter().enumerate() {
            let parameter = match argument.name.as_str() {
                "" => signature.arguments.get(position),
                name => signature.arguments.iter().find(|one| one.name == name),
            };
            let Some(parameter) = parameter else {
                return Err(Diagnostic::at(
                    &operation,
                    "E0312",
                    format!(
                        "argument {position} of `{}` is not in its schema",
                        op.name()
                    ),
                ));
            };
            match parameter.is_written {
                true => self.describe(parameter, &argument.value, &mut arguments, &mut written),
                false => arguments.push(GivenArgument {
                    name: parameter.name.clone(),
                    value: self.current_argument(&argument.value, operation)?,
                    by_keyword: true,
                }),
            }
        }
        let bases = self.bases_of(&written, operation, &mut arguments)?;
        let values: Vec<_> = bases.iter().map(|(_, value)| *value).collect();
        arguments.push(keyword("_all_bases", Argument::from(values)));
        let results = self.insert_auto_functionalized(operation, arguments, &bases)?;
        self.returned(operation, signature, &written, &results);
        self.replaced.push(operation);
        Ok(())
    }

    /// Notes the tensors of a written argument; what is None or a list is said by further arguments.
    fn describe(
        &self,
        parameter: &Parameter,
        value: &Argument<'c, 'a>,
        arguments: &mut Vec<GivenArgument<'c, 'a>>,
        written: &mut Vec<Written<'c, 'a>>,
    ) {
        let prefix = format!("_{}", parameter.name);
        match (value.as_value(), value.elements()) {
            (Some(value), _) => written.push(Written { prefix, value }),
            (None, Some(elements)) => {
                let length = i64::try_from(elements.len()).unwrap_or(i64::MAX);
                arguments.push(keyword(&format!("{prefix}_length"), length));
                for (index, element) in elements.iter().enumerate() {
                    let prefix = format!("{prefix}_{index}");
                    match element.as_value() {
                        Some(value) => written.push(Written { prefix, value }),
                        None => arguments.push(keyword(&format!("{prefix}_base_index"), ())),
                    }
                }
            }
            (None, None) => arguments.push(keyword(&format!("{prefix}_base_index"), ())),
        }
    }

    /// The bases of what is written, each once, by their numbers among the alias sets; adds how each argument is
    /// made from them.
    fn bases_of(
        &mut self,
        written: &[Written<'c, 'a>],
        anchor: OperationRef<'c, 'a>,
        arguments: &mut Vec<GivenArgument<'c, 'a>>,
    ) -> Result<Vec<(usize, Value<'c, 'a>)>, Diagnostic> {
        let mut bases: Vec<(usize, Value<'c, 'a>)> = Vec::new();
        for Written { prefix, value } in written {
            let Some(base) = self.aliases.base_of(*value) else {
                return Err(Diagnostic::at(
                    &anchor,
                    "E0302",
                    "internal error: a written value has no memory",
                ));
            };
            let index = match bases.iter().position(|(known, _)| *known == base) {
                Some(index) => index,
                None => {
                    bases.push((base, self.aliases.base_value(*value)));
                    bases.len() - 1
                }
            };
            let index = i64::try_from(index).unwrap_or(i64::MAX);
            arguments.push(keyword(&format!("{prefix}_base_index"), index));
            if self.aliases.chain(*value).is_empty() {
                continue;
            }
            let current = self.read(*value, anchor)?;
            let Some([sizes, strides, offset]) = layout(current.r#type()) else {
                return Err(Diagnostic::at(
                    &anchor,
                    "E0303",
                    "a write through a view whose sizes or strides are not constant has no functional form here",
                ));
            };
            arguments.push(keyword(&format!("{prefix}_size"), sizes));
            arguments.push(keyword(&format!("{prefix}_stride"), strides));
            arguments.push(keyword(&format!("{prefix}_storage_offset"), offset));
        }
        Ok(bases)
    }

    /// The op's own results; the bases hold their new values afterwards.
    fn insert_auto_functionalized(
        &mut self,
        operation: OperationRef<'c, 'a>,
        arguments: Vec<GivenArgument<'c, 'a>>,
        bases: &[(usize, Value<'c, 'a>)],
    ) -> Result<Vec<Value<'c, 'a>>, Diagnostic> {
        let n_own = operation.result_count();
        let mut types: Vec<Type> = operation.results().map(|result| result.r#type()).collect();
        if types.is_empty() {
            types.push(ValueType::None.to_mlir(self.context));
        }
        let n_before_bases = types.len();
        types.extend(bases.iter().map(|(_, value)| value.r#type()));
        let results = types.into_iter().map(ResultSpec::Single).collect();
        let emit = self.emit(operation);
        let mut results = emit.typed("hop.auto_functionalized_v2", arguments, results)?;
        let new_bases = results.split_off(n_before_bases.min(results.len()));
        for ((base, _), new) in bases.iter().zip(new_bases) {
            self.aliases.base_written(*base, new);
        }
        results.truncate(n_own);
        Ok(results)
    }

    /// What stands for the op's results: a result that is an argument is that argument from here on.
    fn returned(
        &mut self,
        operation: OperationRef<'c, 'a>,
        signature: &Signature,
        written: &[Written<'c, 'a>],
        results: &[Value<'c, 'a>],
    ) {
        for (index, (result, value)) in operation
            .results()
            .map(Value::from)
            .zip(results)
            .enumerate()
        {
            let argument = signature.returned.get(index).copied().flatten();
            let prefix = argument
                .and_then(|argument| signature.arguments.get(argument))
                .map(|parameter| format!("_{}", parameter.name));
            let same = written
                .iter()
                .find(|one| Some(&one.prefix) == prefix.as_ref());
            match same {
                Some(written) => self.aliases.add_same(result, written.value),
                None => self.aliases.add_base_as(result, *value),
            }
        }
    }
}

fn keyword<'c, 'a>(name: &str, value: impl Into<Argument<'c, 'a>>) -> GivenArgument<'c, 'a> {
    GivenArgument {
        by_keyword: true,
        ..given(name, value)
    }
}

/// Sizes, strides and offset, where all are numbers.
fn layout<'c, 'a>(r#type: Type<'c>) -> Option<[Argument<'c, 'a>; 3]> {
    let meta = TensorMeta::from_mlir(r#type)?;
    let numbers = |dims: &[Dim]| {
        dims.iter()
            .map(Dim::as_static)
            .collect::<Option<Vec<i64>>>()
    };
    let sizes = numbers(&meta.sizes?)?;
    let strides = match &meta.strides {
        Some(strides) => numbers(strides)?,
        None => super::emit::row_major(&sizes)?,
    };
    let offset = meta.storage_offset.as_static()?;
    Some([sizes.into(), strides.into(), offset.into()])
}

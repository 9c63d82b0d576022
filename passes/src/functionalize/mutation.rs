//! Ops that write: the functional op that computes what they write.

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, GivenArgument, OpBuilder, ResultSpec, TensorMeta,
    ValueType, mlir,
    table::{self, OpDef, SchemaKind, Tag},
};
use melior::ir::{
    Type, Value, ValueLike,
    operation::{OperationLike, OperationRef},
};

use super::{Walk, views};
use crate::shape::{self, InferredReturn};

/// Names of functional forms that do not follow from the schema.
const FUNCTIONAL_FORMS: &[(&str, &str)] = &[
    ("aten.normal_.default", "aten.normal_functional.default"),
    ("aten.bernoulli_.float", "aten.bernoulli.p"),
    ("aten.bernoulli_.Tensor", "aten.bernoulli.Tensor"),
    (
        "aten._native_batch_norm_legit.default",
        "aten._native_batch_norm_legit_functional.default",
    ),
];

/// An op that writes to its arguments although its schema does not say so: its results, if it does so here.
type HiddenMutation = for<'c, 'a, 'e> fn(
    &mut Walk<'c, 'a, 'e>,
    &AtenOp<'c, 'a>,
) -> Result<Option<Vec<Option<Value<'c, 'a>>>>, Diagnostic>;

pub(super) fn hidden_mutation(name: &str) -> Option<HiddenMutation> {
    match name {
        "aten.batch_norm.default" | "aten.native_batch_norm.default" => Some(batch_norm),
        _ => None,
    }
}

// batch_norm(x, …, training=True) also moves running_mean and running_var.
fn batch_norm<'c, 'a>(
    walk: &mut Walk<'c, 'a, '_>,
    op: &AtenOp<'c, 'a>,
) -> Result<Option<Vec<Option<Value<'c, 'a>>>>, Diagnostic> {
    const RUNNING: [&str; 2] = ["running_mean", "running_var"];
    let training = matches!(
        op.argument("training")?,
        Some(Argument::Constant(Constant::Bool(true)))
    );
    let running = [op.argument(RUNNING[0])?, op.argument(RUNNING[1])?];
    let [Some(Argument::Value(mean)), Some(Argument::Value(variance))] = running else {
        return Ok(None);
    };
    if !training {
        return Ok(None);
    }
    let operation = op.operation();
    let functional = "aten._native_batch_norm_legit_functional.default";
    let mut arguments = walk.current_arguments(op, operation)?;
    arguments.retain(|argument| argument.name != "cudnn_enabled");
    let input = arguments
        .iter()
        .find(|argument| argument.name == "input")
        .and_then(|input| input.value.as_value());
    let Some(input) = input else { return Ok(None) };
    // The saved mean and inverse deviation are of the running statistics' type: f32 for half precision inputs.
    let types = [
        input.r#type(),
        mean.r#type(),
        mean.r#type(),
        mean.r#type(),
        variance.r#type(),
    ];
    let results = walk.insert(functional, arguments, &types, operation)?;
    if let [_, _, _, new_mean, new_variance] = results.as_slice() {
        walk.write(mean, *new_mean, operation)?;
        walk.write(variance, *new_variance, operation)?;
    }
    let n_results = operation.result_count();
    Ok(Some(
        results.into_iter().take(n_results).map(Some).collect(),
    ))
}

impl<'c: 'a, 'a> Walk<'c, 'a, '_> {
    /// An op whose schema says that it writes.
    pub(super) fn mutation(
        &mut self,
        op: &AtenOp<'c, 'a>,
        def: &'static OpDef,
    ) -> Result<(), Diagnostic> {
        if def.has_tag(Tag::InplaceView) {
            return self.inplace_view(op);
        }
        if def.name.starts_with("aten.copy_.") && self.copies_itself(op)? {
            return self.same_result(op);
        }
        let written = self.written_arguments(op, def)?;
        let Some(functional) = functional_form(def) else {
            return self.auto_functionalized(op, &written);
        };
        let operation = op.operation();
        let out_names: Vec<&str> = match def.kind() {
            SchemaKind::Out => def.schema.out_args().map(|arg| arg.name).collect(),
            _ => Vec::new(),
        };
        let mut arguments = self.current_arguments(op, operation)?;
        arguments.retain(|argument| !out_names.contains(&argument.name.as_str()));
        let types = self.functional_types(op, functional, &arguments, &written)?;
        let results = self.insert(functional.name, arguments, &types, operation)?;
        // A functional form returns what the mutating op returns, and then the new values of arguments that it
        // does not return.
        let n_extra = results.len().saturating_sub(operation.result_count());
        let is_self_returned = def
            .schema
            .returns
            .iter()
            .any(|ret| ret.alias.as_ref().is_some_and(|alias| alias.write));
        let new_values = match is_self_returned || operation.result_count() == 0 {
            true => &results[..],
            false => &results[results.len() - n_extra..],
        };
        for (target, new) in written.iter().zip(new_values) {
            let new = self.as_type_of(*new, *target, operation)?;
            self.write(*target, new, operation)?;
        }
        for (index, result) in operation.results().map(Value::from).enumerate() {
            match (is_self_returned, written.get(index)) {
                (true, Some(target)) => self.aliases.add_same(result, *target),
                _ => match results.get(index) {
                    Some(value) => self.aliases.add_base_as(result, *value),
                    None => self.aliases.add_base(result),
                },
            }
        }
        self.replaced.push(operation);
        Ok(())
    }

    /// `t_`, `squeeze_`, …: the argument itself becomes a view.
    fn inplace_view(&mut self, op: &AtenOp<'c, 'a>) -> Result<(), Diagnostic> {
        let operation = op.operation();
        let name = op.name();
        let is_resize = name.contains("resize") || name.contains("set_");
        let source = operation.operand(0).ok().filter(|_| !is_resize);
        let (Some(source), Ok(result)) = (source, operation.result(0)) else {
            return Err(Diagnostic::at(
                &operation,
                "E0304",
                format!(
                    "`{name}` changes the memory of its argument, which has no functional form"
                ),
            ));
        };
        let view = super::aliases::View {
            op: operation,
            result: 0,
            operand: 0,
        };
        let current = self.read(source, operation)?;
        let new = views::replay(self.context, &view, current, operation)?;
        let result = Value::from(result);
        self.aliases.add_views(operation, (0, source));
        self.aliases.refreshed(result, new);
        // The argument is the view from here on.
        self.aliases.add_same(source, result);
        self.replaced.push(operation);
        Ok(())
    }

    /// `copy_(x, x)`, with which programs end that wrote to a buffer in place.
    fn copies_itself(&mut self, op: &AtenOp<'c, 'a>) -> Result<bool, Diagnostic> {
        let operation = op.operation();
        let (Ok(target), Ok(source)) = (operation.operand(0), operation.operand(1)) else {
            return Ok(false);
        };
        let target = self.read(target, operation)?;
        let source = self.read(source, operation)?;
        Ok(mlir::same_value(target, source))
    }

    fn same_result(&mut self, op: &AtenOp<'c, 'a>) -> Result<(), Diagnostic> {
        let operation = op.operation();
        if let (Ok(target), Ok(result)) = (operation.operand(0), operation.result(0)) {
            self.aliases.add_same(result.into(), target);
        }
        self.replaced.push(operation);
        Ok(())
    }

    /// The tensors that an op writes to, in schema order.
    fn written_arguments(
        &self,
        op: &AtenOp<'c, 'a>,
        def: &OpDef,
    ) -> Result<Vec<Value<'c, 'a>>, Diagnostic> {
        let mut written = Vec::new();
        for argument in op.arguments()? {
            let is_written = def
                .schema
                .arg(&argument.name)
                .is_some_and(|(_, arg)| arg.is_written());
            if is_written {
                written.extend(argument.value.values());
            }
        }
        Ok(written)
    }

    /// The arguments of an op, reading what their tensors hold now.
    pub(super) fn current_arguments(
        &mut self,
        op: &AtenOp<'c, 'a>,
        anchor: OperationRef<'c, 'a>,
    ) -> Result<Vec<GivenArgument<'c, 'a>>, Diagnostic> {
        let mut arguments = op.arguments()?;
        for argument in &mut arguments {
            argument.value = self.current_argument(&argument.value, anchor)?;
        }
        Ok(arguments)
    }

    fn current_argument(
        &mut self,
        argument: &Argument<'c, 'a>,
        anchor: OperationRef<'c, 'a>,
    ) -> Result<Argument<'c, 'a>, Diagnostic> {
        Ok(match argument {
            Argument::Value(value) => Argument::Value(self.read(*value, anchor)?),
            Argument::Constant(constant) => Argument::Constant(constant.clone()),
            Argument::List(items) => Argument::List(
                items
                    .iter()
                    .map(|item| self.current_argument(item, anchor))
                    .collect::<Result<_, _>>()?,
            ),
            Argument::Dict(entries) => Argument::Dict(
                entries
                    .iter()
                    .map(|(key, item)| Ok((key.clone(), self.current_argument(item, anchor)?)))
                    .collect::<Result<_, Diagnostic>>()?,
            ),
        })
    }

    /// The types of the functional form's results: inferred, else those of what is written.
    fn functional_types(
        &self,
        op: &AtenOp<'c, 'a>,
        functional: &OpDef,
        arguments: &[GivenArgument<'c, 'a>],
        written: &[Value<'c, 'a>],
    ) -> Result<Vec<Type<'c>>, Diagnostic> {
        if let Ok(inferred) = shape::infer(self.env, functional.name, arguments) {
            let mut types = Vec::new();
            for result in &inferred.results {
                match result {
                    InferredReturn::Single(value_type) => {
                        types.push(value_type.to_mlir(self.context))
                    }
                    InferredReturn::List(list) => {
                        types.extend(list.iter().map(|ty| ty.to_mlir(self.context)))
                    }
                }
            }
            return Ok(types);
        }
        if written.len() == functional.schema.returns.len() {
            return Ok(written.iter().map(|value| value.r#type()).collect());
        }
        Err(Diagnostic::at(
            &op.operation(),
            "E0305",
            format!(
                "the results of `{}`, the functional form of `{}`, have no known types",
                functional.name,
                op.name()
            ),
        ))
    }

    /// Casts a new value to the dtype of what it is written to, as writing does.
    fn as_type_of(
        &mut self,
        new: Value<'c, 'a>,
        target: Value<'c, 'a>,
        anchor: OperationRef<'c, 'a>,
    ) -> Result<Value<'c, 'a>, Diagnostic> {
        let (from, to) = (
            TensorMeta::from_mlir(new.r#type()),
            TensorMeta::from_mlir(target.r#type()),
        );
        let (Some(from), Some(to)) = (from, to) else {
            return Ok(new);
        };
        if from.dtype == to.dtype {
            if from.sizes == to.sizes {
                new.set_type(target.r#type());
            }
            return Ok(new);
        }
        let arguments = vec![
            GivenArgument {
                name: "self".to_owned(),
                value: Argument::Value(new),
                by_keyword: false,
            },
            GivenArgument {
                name: "dtype".to_owned(),
                value: Argument::from(to.dtype),
                by_keyword: false,
            },
        ];
        let cast = self.insert(
            "aten._to_copy.default",
            arguments,
            &[target.r#type()],
            anchor,
        )?;
        cast.first().copied().ok_or_else(|| {
            Diagnostic::at(&anchor, "E0302", "internal error: a cast without a result")
        })
    }

    pub(super) fn insert(
        &mut self,
        name: &str,
        arguments: Vec<GivenArgument<'c, 'a>>,
        types: &[Type<'c>],
        anchor: OperationRef<'c, 'a>,
    ) -> Result<Vec<Value<'c, 'a>>, Diagnostic> {
        let is_list = table::lookup(name).is_some_and(|def| {
            def.schema.returns.len() == 1 && def.schema.returns.iter().any(|ret| ret.ty.is_list())
        });
        let results = match is_list {
            true => vec![ResultSpec::List(types.to_vec())],
            false => types.iter().copied().map(ResultSpec::Single).collect(),
        };
        let operation = OpBuilder::new(self.context, name, anchor.location())
            .arguments(arguments)
            .results(results)
            .build()?;
        let inserted = mlir::insert_op_before(anchor, operation);
        Ok(inserted.results().map(Value::from).collect())
    }

    /// Ops without a functional form become `auto_functionalized(op, …)`, which returns the op's results and
    /// then the new value of each argument that the op writes to (`torch/_higher_order_ops/auto_functionalize.py`).
    fn auto_functionalized(
        &mut self,
        op: &AtenOp<'c, 'a>,
        written: &[Value<'c, 'a>],
    ) -> Result<(), Diagnostic> {
        let operation = op.operation();
        let name = op.name();
        let is_custom = !name.starts_with("aten.");
        if !is_custom || written.is_empty() {
            return Err(Diagnostic::at(
                &operation,
                "E0304",
                format!("`{name}` has no functional form"),
            ));
        }
        let mut arguments = vec![GivenArgument {
            name: String::new(),
            value: Argument::Constant(Constant::Operator(format!("torch.ops.{name}"))),
            by_keyword: false,
        }];
        for mut argument in self.current_arguments(op, operation)? {
            argument.by_keyword = true;
            arguments.push(argument);
        }
        let own: Vec<Type> = operation.results().map(|result| result.r#type()).collect();
        let mut types = own.clone();
        if types.is_empty() {
            types.push(ValueType::None.to_mlir(self.context));
        }
        let n_own = types.len();
        types.extend(written.iter().map(|value| value.r#type()));
        let results = self.insert("hop.auto_functionalized", arguments, &types, operation)?;
        for (target, new) in written.iter().zip(results.iter().skip(n_own)) {
            self.write(*target, *new, operation)?;
        }
        for (result, value) in operation.results().map(Value::from).zip(&results) {
            self.aliases.add_base_as(result, *value);
        }
        self.replaced.push(operation);
        Ok(())
    }
}

/// The functional op that computes what a mutating op writes: of the same name and the same other arguments.
fn functional_form(def: &OpDef) -> Option<&'static OpDef> {
    if let Some((_, functional)) = FUNCTIONAL_FORMS.iter().find(|(name, _)| *name == def.name) {
        return table::lookup(functional);
    }
    let (base, _) = def.short_name().split_once('.')?;
    let base = base.strip_suffix('_').unwrap_or(base);
    let out_names: Vec<&str> = match def.kind() {
        SchemaKind::Out => def.schema.out_args().map(|arg| arg.name).collect(),
        _ => Vec::new(),
    };
    let wanted: Vec<_> = def
        .schema
        .args
        .iter()
        .filter(|arg| !out_names.contains(&arg.name))
        .map(|arg| (arg.name, &arg.ty))
        .collect();
    let prefix = format!("{base}.");
    let fits = |candidate: &&'static OpDef| {
        candidate.short_name().starts_with(&prefix)
            && candidate.kind() == SchemaKind::Functional
            && candidate
                .schema
                .args
                .iter()
                .map(|arg| (arg.name, &arg.ty))
                .eq(wanted.iter().copied())
    };
    table::dialect(def.dialect()).find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functional_forms_are_found() {
        for (mutating, functional) in [
            ("aten.add_.Tensor", "aten.add.Tensor"),
            ("aten.add.out", "aten.add.Tensor"),
            ("aten.fill_.Scalar", "aten.fill.Scalar"),
            ("aten.zero_.default", "aten.zero.default"),
            ("aten.copy_.default", "aten.copy.default"),
            ("aten.uniform_.default", "aten.uniform.default"),
            ("aten.normal_.default", "aten.normal_functional.default"),
            ("aten.index_put_.default", "aten.index_put.default"),
            ("aten.topk.values", "aten.topk.default"),
            ("aten.relu_.default", "aten.relu.default"),
        ] {
            let def = table::lookup(mutating).expect("in the table");
            assert_eq!(
                functional_form(def).map(|def| def.name),
                Some(functional),
                "{mutating}"
            );
        }
    }
}

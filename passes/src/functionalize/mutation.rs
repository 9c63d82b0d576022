//! Ops that write: the functional op that computes what they write.

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, GivenArgument, TensorMeta, mlir,
    table::{self, Arg, OpDef, SchemaKind, Tag},
};
use melior::ir::{
    Type, Value, ValueLike,
    operation::{OperationLike, OperationRef},
};

use super::{
    Walk,
    emit::given,
    views::{self, is_listed},
};
use crate::pattern::default_constant;

/// Names of functional forms that do not follow from the schema.
const FUNCTIONAL_FORMS: &[(&str, &str)] = &[
    ("aten.normal_.default", "aten.normal_functional.default"),
    ("aten.__iand__.Scalar", "aten.bitwise_and.Scalar"),
    ("aten.__iand__.Tensor", "aten.bitwise_and.Tensor"),
    ("aten.__ior__.Scalar", "aten.bitwise_or.Scalar"),
    ("aten.__ior__.Tensor", "aten.bitwise_or.Tensor"),
    ("aten.__ixor__.Scalar", "aten.bitwise_xor.Scalar"),
    ("aten.__ixor__.Tensor", "aten.bitwise_xor.Tensor"),
    ("aten.bernoulli_.float", "aten.bernoulli.p"),
    ("aten.bernoulli_.Tensor", "aten.bernoulli.Tensor"),
    (
        "aten._native_batch_norm_legit.default",
        "aten._native_batch_norm_legit_functional.default",
    ),
    (
        "aten._batch_norm_with_update.default",
        "aten._batch_norm_with_update_functional.default",
    ),
    (
        "aten._fused_moving_avg_obs_fq_helper.default",
        "aten._fused_moving_avg_obs_fq_helper_functional.default",
    ),
    (
        "aten.rrelu_with_noise.default",
        "aten.rrelu_with_noise_functional.default",
    ),
];

/// Ops that write to nothing that a program sees.
const NO_EFFECT: &str = "aten.requires_grad_ aten.retain_grad aten.detach_";

/// Ops without a functional form, and why.
const REFUSED: &[(&str, &str)] = &[
    (
        "aten._resize_output_ aten.set_ aten.set_data prims.resize",
        "it changes the memory of its argument",
    ),
    (
        "prims.as_strided",
        "it is a view whose schema says that it writes",
    ),
    (
        "aten.record_stream",
        "it is about streams of a device, which are no part of a program",
    ),
    (
        "aten.append aten.clear aten.copy_.Tensor aten.copy_.float aten.copy_.int aten.extend aten.insert aten.pop \
         aten.remove aten.reverse.t aten.sort.Tensor aten._index_put_impl_.hacked_twin aten._no_grad_fill_ \
         aten._no_grad_normal_ aten._no_grad_uniform_ aten._no_grad_zero_",
        "programs that `torch.export` makes do not have it",
    ),
];

/// Why an op that writes is refused.
pub(super) fn refusal_of(def: &OpDef) -> Option<&'static str> {
    let row = REFUSED.iter().find(|(names, _)| is_listed(names, def.name));
    if let Some((_, reason)) = row {
        return Some(reason);
    }
    let mut written = def.schema.args.iter().filter(|arg| arg.is_written());
    written
        .any(|arg| !arg.ty.is_tensor_like())
        .then_some("it writes to something that is no tensor")
}

/// Whether an op writes to nothing that a program sees.
pub(super) fn has_no_effect(name: &str) -> bool {
    is_listed(NO_EFFECT, name)
}

/// Ops that write where the program is in training, and then only if there is a chance that they do.
const DROPOUT: &str =
    "aten.dropout_ aten.feature_dropout_ aten.alpha_dropout_ aten.feature_alpha_dropout_";

/// Whether an op is a dropout that leaves its argument as it is.
fn drops_nothing(op: &AtenOp<'_, '_>, def: &OpDef) -> bool {
    is_listed(DROPOUT, def.name) && views::drops_nothing(op)
}

impl<'c: 'a, 'a> Walk<'c, 'a, '_> {
    /// An op whose schema says that it writes.
    pub(super) fn mutation(
        &mut self,
        op: &AtenOp<'c, 'a>,
        def: &'static OpDef,
    ) -> Result<(), Diagnostic> {
        if let Some(reason) = refusal_of(def) {
            return Err(Diagnostic::at(
                &op.operation(),
                "E0304",
                format!("`{}` has no functional form: {reason}", def.name),
            ));
        }
        if has_no_effect(def.name) || drops_nothing(op, def) {
            return self.same_result(op);
        }
        if self.resizing(op)? || self.filling_diagonal(op)? {
            return Ok(());
        }
        if def.has_tag(Tag::InplaceView) {
            return self.inplace_view(op);
        }
        if def.name == "aten.copy_.default" && self.copies_itself(op)? {
            return self.same_result(op);
        }
        match functional_form(def) {
            Some(form) => self.functional_op(op, def, &form),
            None => self.auto_functionalized_def(op, def),
        }
    }

    /// Computes what an op writes with its functional form, and writes it.
    fn functional_op(
        &mut self,
        op: &AtenOp<'c, 'a>,
        def: &'static OpDef,
        form: &Form,
    ) -> Result<(), Diagnostic> {
        let operation = op.operation();
        let functional = form.def;
        let written = self.written_arguments(op, def)?;
        let out_names: Vec<&str> = match def.kind() {
            SchemaKind::Out => def.schema.out_args().map(|arg| arg.name).collect(),
            _ => Vec::new(),
        };
        let mut arguments = self.current_arguments(op, operation)?;
        arguments.retain(|argument| !out_names.contains(&argument.name.as_str()));
        form.adapt(def, &mut arguments);
        if form.is_factory
            && let Some(meta) = written
                .first()
                .and_then(|out| TensorMeta::from_mlir(out.r#type()))
        {
            arguments.push(given("dtype", Argument::from(meta.dtype)));
            arguments.push(given("device", Constant::Device(meta.device)));
        }
        let recorded: Vec<Type> = written.iter().map(|value| value.r#type()).collect();
        let results = self
            .emit(operation)
            .values(functional.name, arguments, &recorded)?;
        // A functional form returns what the mutating op returns, and then the new values of arguments that it
        // does not return.
        let n_own = operation.result_count();
        let is_self_returned = def
            .schema
            .returns
            .iter()
            .any(|ret| ret.alias.as_ref().is_some_and(|alias| alias.write));
        let new_values = match is_self_returned {
            true => &results[..],
            false => results.get(n_own..).unwrap_or_default(),
        };
        if new_values.len() != written.len() {
            return Err(Diagnostic::at(
                &operation,
                "E0305",
                format!(
                    "`{}` gives {} new values for the {} that `{}` writes",
                    functional.name,
                    new_values.len(),
                    written.len(),
                    def.name
                ),
            ));
        }
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
    pub(super) fn inplace_view(&mut self, op: &AtenOp<'c, 'a>) -> Result<(), Diagnostic> {
        let operation = op.operation();
        let (Ok(source), Ok(result)) = (operation.operand(0), operation.result(0)) else {
            return Err(Diagnostic::at(
                &operation,
                "E0304",
                format!("`{}` has no functional form: it shows no tensor", op.name()),
            ));
        };
        let result = Value::from(result);
        self.aliases.add_view(operation, 0, 0, source)?;
        let new = match self.aliases.chain(result).last() {
            Some(view) => {
                let shown = match view.memory {
                    Some(_) => self.aliases.base_value(source),
                    None => self.read(source, operation)?,
                };
                views::replay(&self.emit(operation), view, shown)?
            }
            None => self.read(source, operation)?,
        };
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
        let current = self.read(target, operation)?;
        let source = self.read(source, operation)?;
        // The first write to an input makes it an output, whatever is written.
        let is_first = self.aliases.writes(target) == 0;
        Ok(!is_first && mlir::same_value(current, source))
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

    pub(super) fn current_argument(
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

    /// Casts a new value to the dtype of what it is written to, as writing does.
    pub(super) fn as_type_of(
        &self,
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
            return Ok(new);
        }
        let arguments = vec![given("self", new), given("dtype", Argument::from(to.dtype))];
        let recorded = Some(target.r#type());
        self.emit(anchor)
            .value("aten._to_copy.default", arguments, recorded)
    }
}

/// The functional op that computes what a mutating op writes.
pub(super) struct Form {
    pub def: &'static OpDef,
    /// The functional op's names of the arguments that have another name in the mutating one.
    renamed: Vec<(&'static str, &'static str)>,
    /// A factory, which is told the dtype and device of what it is to fill.
    is_factory: bool,
}

impl Form {
    fn of(def: &'static OpDef) -> Self {
        Self {
            def,
            renamed: Vec::new(),
            is_factory: false,
        }
    }

    /// Makes arguments of the mutating op those of this one: under its names, and defaults that it does not share
    /// given.
    fn adapt(&self, mutating: &OpDef, arguments: &mut Vec<GivenArgument<'_, '_>>) {
        for argument in arguments.iter_mut() {
            let renamed = self.renamed.iter().find(|(name, _)| *name == argument.name);
            if let Some((_, name)) = renamed {
                argument.name = (*name).to_owned();
            }
        }
        for own in &self.def.schema.args {
            let named = |(_, other): &&(&str, &str)| *other == own.name;
            let name = self
                .renamed
                .iter()
                .find(named)
                .map_or(own.name, |(name, _)| *name);
            let default = mutating
                .schema
                .arg(name)
                .and_then(|(_, arg)| arg.default.as_ref());
            let is_given = arguments.iter().any(|argument| argument.name == own.name);
            if let Some(default) =
                default.filter(|default| !is_given && own.default.as_ref() != Some(default))
            {
                arguments.push(given(own.name, default_constant(default)));
            }
        }
    }
}

/// The functional form of an op: named by [`FUNCTIONAL_FORMS`], or of the same name with the same other arguments.
pub(super) fn functional_form(def: &'static OpDef) -> Option<Form> {
    if let Some((_, functional)) = FUNCTIONAL_FORMS.iter().find(|(name, _)| *name == def.name) {
        return table::lookup(functional).map(Form::of);
    }
    let (base, _) = def.short_name().split_once('.')?;
    let prefix = format!("{}.{}.", def.dialect(), functional_base(base));
    let out_names: Vec<&str> = match def.kind() {
        SchemaKind::Out => def.schema.out_args().map(|arg| arg.name).collect(),
        _ => Vec::new(),
    };
    let wanted: Vec<&Arg> = def
        .schema
        .args
        .iter()
        .filter(|arg| !out_names.contains(&arg.name))
        .collect();
    let candidates: Vec<_> = table::starting_with(&prefix)
        .filter(|candidate| candidate.kind() == SchemaKind::Functional)
        .collect();
    let by = |fits: fn(&[&'static Arg<'static>], &[Arg<'_>]) -> bool| {
        let mut fitting = candidates
            .iter()
            .filter(|one| fits(&wanted, &one.schema.args));
        fitting.next().copied()
    };
    if let Some(def) = by(same_names) {
        return Some(Form::of(def));
    }
    if let Some(functional) = by(is_factory) {
        return Some(Form {
            is_factory: true,
            ..Form::of(functional)
        });
    }
    let functional = by(same_types)?;
    let pairs = wanted.iter().zip(&functional.schema.args);
    Some(Form {
        renamed: pairs.map(|(arg, other)| (arg.name, other.name)).collect(),
        ..Form::of(functional)
    })
}

/// `add` of `add_`, `__and__` of `__iand__`.
fn functional_base(base: &str) -> String {
    if base.starts_with("__") {
        return match base.strip_prefix("__i") {
            Some(rest) => format!("__{rest}"),
            None => base.to_owned(),
        };
    }
    base.strip_suffix('_').unwrap_or(base).to_owned()
}

/// The same arguments, in any order.
fn same_names(wanted: &[&'static Arg<'static>], found: &[Arg<'_>]) -> bool {
    let has = |arg: &&Arg<'_>| {
        found
            .iter()
            .any(|other| (other.name, &other.ty) == (arg.name, &arg.ty))
    };
    wanted.len() == found.len() && wanted.iter().all(has)
}

/// The same arguments, and those of a factory.
fn is_factory(wanted: &[&'static Arg<'static>], found: &[Arg<'_>]) -> bool {
    const FACTORY: [&str; 4] = ["dtype", "layout", "device", "pin_memory"];
    let is_wanted = |other: &&Arg<'_>| !FACTORY.contains(&other.name);
    let rest: Vec<_> = found
        .iter()
        .filter(is_wanted)
        .map(|arg| (arg.name, &arg.ty))
        .collect();
    found.iter().any(|arg| arg.name == "dtype")
        && wanted.iter().map(|arg| (arg.name, &arg.ty)).eq(rest)
}

/// Arguments of the same types, under other names.
fn same_types(wanted: &[&'static Arg<'static>], found: &[Arg<'_>]) -> bool {
    wanted
        .iter()
        .map(|arg| &arg.ty)
        .eq(found.iter().map(|arg| &arg.ty))
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
            ("aten.__iand__.Scalar", "aten.bitwise_and.Scalar"),
            ("aten.__ilshift__.Scalar", "aten.__lshift__.Scalar"),
            ("aten.__lshift__.Scalar_out", "aten.__lshift__.Scalar"),
            ("aten.polygamma_.default", "aten.polygamma.default"),
            ("aten.dropout_.default", "aten.dropout.default"),
            ("aten.full.out", "aten.full.default"),
            ("aten.arange.start_out", "aten.arange.start_step"),
        ] {
            let def = table::lookup(mutating).expect("in the table");
            assert_eq!(
                functional_form(def).map(|form| form.def.name),
                Some(functional),
                "{mutating}"
            );
        }
    }
}

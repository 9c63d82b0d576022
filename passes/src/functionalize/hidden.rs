//! Ops that write to arguments although their schemas do not say so (the columns `writes` and `when` of the op
//! table): normalizations in training move their running statistics on.

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, Dim, GivenArgument, TensorMeta, mlir, table::OpDef,
};
use melior::ir::{Value, ValueLike, operation::OperationLike};

use super::{Walk, emit::given, views::is_listed};

const FUNCTIONAL_BATCH_NORM: &str = "aten._native_batch_norm_legit_functional.default";

/// What stands for the results of a replaced op.
type Results<'c, 'a> = Result<Vec<Value<'c, 'a>>, Diagnostic>;
type Form = for<'c, 'a, 'e> fn(
    &mut Walk<'c, 'a, 'e>,
    &AtenOp<'c, 'a>,
    &Statistics<'c, 'a>,
) -> Results<'c, 'a>;

/// Functional forms, by names of ops.
const FORMS: &[(&str, &str, Form)] = &[
    (
        "aten.batch_norm aten.native_batch_norm aten._batch_norm_impl_index aten.cudnn_batch_norm \
         aten.miopen_batch_norm",
        "`aten._native_batch_norm_legit_functional.default`",
        batch_norm,
    ),
    (
        "aten.instance_norm",
        "`aten._native_batch_norm_legit_functional.default` of batch times channels",
        instance_norm,
    ),
];

/// Why ops with hidden writes and without a form are refused.
pub(super) const NO_FORM: &str = "it moves statistics of several devices on";

/// The functional form of an op with hidden writes, in words.
pub(super) fn summary_of(name: &str) -> Option<&'static str> {
    let row = FORMS.iter().find(|(names, ..)| is_listed(names, name));
    row.map(|(_, summary, _)| *summary)
}

/// The statistics that a normalization writes to, as the program names them.
struct Statistics<'c, 'a> {
    mean: Value<'c, 'a>,
    variance: Value<'c, 'a>,
}

impl<'c: 'a, 'a> Walk<'c, 'a, '_> {
    /// Replaces an op that writes here to what its schema does not say; false if this one does not.
    pub(super) fn hidden_mutation(
        &mut self,
        op: &AtenOp<'c, 'a>,
        def: &OpDef,
    ) -> Result<bool, Diagnostic> {
        if !writes_here(op, def)? {
            return Ok(false);
        }
        let refuse = |reason: &str| {
            Err(Diagnostic::at(
                &op.operation(),
                "E0304",
                format!("`{}` has no functional form: {reason}", op.name()),
            ))
        };
        let Some((.., form)) = FORMS.iter().find(|(names, ..)| is_listed(names, def.name)) else {
            return refuse(NO_FORM);
        };
        let written = |name| op.argument(name).map(|argument| argument?.as_value());
        let (mean, variance) = match def.columns.writes.as_slice() {
            [mean, variance] => (written(mean)?, written(variance)?),
            _ => (None, None),
        };
        let (Some(mean), Some(variance)) = (mean, variance) else {
            return refuse("it needs both statistics");
        };
        let operation = op.operation();
        let results = form(self, op, &Statistics { mean, variance })?;
        for (index, result) in operation.results().map(Value::from).enumerate() {
            match results.get(index) {
                Some(value) => self.aliases.add_base_as(result, *value),
                None if mlir::is_unused(result) => {}
                None => return refuse(&format!("its result {index} is used")),
            }
        }
        self.replaced.push(operation);
        Ok(true)
    }

    /// The functional batch norm, whose last two results are the new statistics; the answer is the others.
    fn functional_batch_norm(
        &mut self,
        op: &AtenOp<'c, 'a>,
        arguments: Vec<GivenArgument<'c, 'a>>,
    ) -> Result<(Vec<Value<'c, 'a>>, [Value<'c, 'a>; 2]), Diagnostic> {
        let emit = self.emit(op.operation());
        let mut results = emit.values(FUNCTIONAL_BATCH_NORM, arguments, &[])?;
        match (results.pop(), results.pop()) {
            (Some(variance), Some(mean)) => Ok((results, [mean, variance])),
            _ => Err(emit.fault(
                "E0302",
                format!("internal error: `{FUNCTIONAL_BATCH_NORM}` has too few results"),
            )),
        }
    }

    fn write_statistics(
        &mut self,
        op: &AtenOp<'c, 'a>,
        statistics: &Statistics<'c, 'a>,
        new: [Value<'c, 'a>; 2],
    ) -> Result<(), Diagnostic> {
        let anchor = op.operation();
        for (target, new) in [statistics.mean, statistics.variance].into_iter().zip(new) {
            let new = self.as_type_of(new, target, anchor)?;
            self.write(target, new, anchor)?;
        }
        Ok(())
    }
}

/// Whether the op writes: there is something to write to, and the argument of the column `when` is true.
pub(super) fn writes_here(op: &AtenOp<'_, '_>, def: &OpDef) -> Result<bool, Diagnostic> {
    let mut is_given = false;
    for name in &def.columns.writes {
        is_given |= op
            .argument(name)?
            .is_some_and(|argument| argument.as_value().is_some());
    }
    let Some(when) = def.columns.when.filter(|_| is_given) else {
        return Ok(is_given);
    };
    match op.argument(when)? {
        Some(Argument::Constant(Constant::Bool(value))) => Ok(value),
        Some(Argument::Value(_)) => Err(Diagnostic::at(
            &op.operation(),
            "E0304",
            format!(
                "whether `{}` writes is known only when it runs: `{when}` is no constant",
                op.name()
            ),
        )),
        _ => Ok(false),
    }
}

/// Arguments under the names that the functional batch norm has for them.
fn renamed<'c, 'a>(arguments: Vec<GivenArgument<'c, 'a>>) -> Vec<GivenArgument<'c, 'a>> {
    let mut renamed = Vec::with_capacity(arguments.len());
    for mut argument in arguments {
        let name = match argument.name.as_str() {
            "cudnn_enabled" => continue,
            "exponential_average_factor" => "momentum",
            "epsilon" => "eps",
            "use_input_stats" => "training",
            _ => argument.name.as_str(),
        };
        argument.name = name.to_owned();
        renamed.push(argument);
    }
    renamed
}

// batch_norm(x, m, v, training=True) = y, mean, rstd, and m, v are written; x * w[0] + b[0] where x has no elements,
// and nothing is written.
fn batch_norm<'c, 'a>(
    walk: &mut Walk<'c, 'a, '_>,
    op: &AtenOp<'c, 'a>,
    statistics: &Statistics<'c, 'a>,
) -> Results<'c, 'a> {
    let arguments = renamed(walk.current_arguments(op, op.operation())?);
    let of_name = |name| {
        let argument = arguments.iter().find(|argument| argument.name == name);
        argument.and_then(|argument| argument.value.as_value())
    };
    let is_composite = is_listed("aten.batch_norm aten._batch_norm_impl_index", &op.name());
    let empty = of_name("input").filter(|input| is_composite && has_no_elements(*input));
    if let Some(input) = empty {
        let emit = walk.emit(op.operation());
        let recorded = Some(input.r#type());
        let mut output = emit.value("aten.clone.default", vec![given("self", input)], recorded)?;
        for (name, function) in [("weight", "aten.mul.Tensor"), ("bias", "aten.add.Tensor")] {
            if let Some(row) = of_name(name) {
                let first = vec![
                    given("self", row),
                    given("dim", 0_i64),
                    given("index", 0_i64),
                ];
                let first = emit.value("aten.select.int", first, None)?;
                let arguments = vec![given("self", output), given("other", first)];
                output = emit.value(function, arguments, recorded)?;
            }
        }
        return Ok(vec![output]);
    }
    let (results, new) = walk.functional_batch_norm(op, arguments)?;
    walk.write_statistics(op, statistics, new)?;
    Ok(results)
}

fn has_no_elements(value: Value<'_, '_>) -> bool {
    let sizes = TensorMeta::from_mlir(value.r#type()).and_then(|meta| meta.sizes);
    sizes.is_some_and(|sizes| sizes.contains(&Dim::Static(0)))
}

// instance_norm(x[N, C, …]) = batch_norm(x[1, N * C, …]), the statistics repeated N times and averaged afterwards.
fn instance_norm<'c, 'a>(
    walk: &mut Walk<'c, 'a, '_>,
    op: &AtenOp<'c, 'a>,
    statistics: &Statistics<'c, 'a>,
) -> Results<'c, 'a> {
    const PER_CHANNEL: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];
    let operation = op.operation();
    let mut arguments = renamed(walk.current_arguments(op, operation)?);
    let emit = walk.emit(operation);
    let input = arguments.iter().find(|argument| argument.name == "input");
    let input = input.and_then(|argument| argument.value.as_value());
    let sizes = input.map(|input| emit.sizes(input)).transpose()?.flatten();
    let (Some(input), Some([batch, _, spatial @ ..])) = (input, sizes.as_deref()) else {
        return Err(emit.fault(
            "E0304",
            format!(
                "`{}` of an input of unknown rank has no functional form",
                op.name()
            ),
        ));
    };
    let mut flat = vec![Argument::from(1_i64), Argument::from(-1_i64)];
    flat.extend_from_slice(spatial);
    for argument in &mut arguments {
        argument.value = match argument.value.as_value() {
            Some(_) if argument.name == "input" => {
                Argument::Value(emit.view(input, Argument::from(flat.clone()), None)?)
            }
            Some(value) if PER_CHANNEL.contains(&argument.name.as_str()) => {
                let repeats = Argument::from(vec![batch.clone()]);
                let arguments = vec![given("self", value), given("repeats", repeats)];
                Argument::Value(emit.value("aten.repeat.default", arguments, None)?)
            }
            _ => continue,
        };
    }
    let (results, new) = walk.functional_batch_norm(op, arguments)?;
    let averaged = |value: Value<'c, 'a>| {
        let rows = Argument::from(vec![batch.clone(), Argument::from(-1_i64)]);
        let rows = emit.view(value, rows, None)?;
        let arguments = vec![given("self", rows), given("dim", vec![0_i64])];
        emit.value("aten.mean.dim", arguments, None)
    };
    let [mean, variance] = new;
    walk.write_statistics(op, statistics, [averaged(mean)?, averaged(variance)?])?;
    let output = results
        .first()
        .copied()
        .ok_or_else(|| emit.fault("E0302", "internal error: a batch norm without a result"))?;
    let sizes = Argument::from(sizes.unwrap_or_default());
    Ok(vec![emit.view(output, sizes, Some(input.r#type()))?])
}

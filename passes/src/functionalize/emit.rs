//! New ops: where they go, and the types of their results.

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, Dim, GivenArgument, OpBuilder, ResultSpec, TensorMeta,
    ValueType, mlir, table,
};
use melior::{
    Context,
    ir::{
        Location, Type, Value, ValueLike,
        operation::{OperationLike, OperationRef},
    },
};

use crate::shape::{self, Inferred, NoInference, ShapeEnv};

/// A place for new ops: before `anchor`, at the location of the op that they stand for.
#[derive(Clone, Copy)]
pub(super) struct Emit<'c: 'a, 'a, 'e> {
    pub context: &'c Context,
    pub env: &'e ShapeEnv<'e>,
    pub anchor: OperationRef<'c, 'a>,
    pub location: Location<'c>,
}

impl<'c: 'a, 'a> Emit<'c, 'a, '_> {
    /// The same place, for what another op stands for.
    pub fn at(self, location: Location<'c>) -> Self {
        Self { location, ..self }
    }

    /// A new op. Its results have the sizes of `recorded`, which they stand for, and the inferred layout; where
    /// nothing is recorded, what is inferred, and the other way round.
    pub fn values(
        &self,
        name: &str,
        arguments: Vec<GivenArgument<'c, 'a>>,
        recorded: &[Type<'c>],
    ) -> Result<Vec<Value<'c, 'a>>, Diagnostic> {
        let inferred = shape::infer(self.env, name, &arguments);
        self.inserted(name, arguments, recorded, inferred)
    }

    /// A new op with one result.
    pub fn value(
        &self,
        name: &str,
        arguments: Vec<GivenArgument<'c, 'a>>,
        recorded: Option<Type<'c>>,
    ) -> Result<Value<'c, 'a>, Diagnostic> {
        let results = self.values(name, arguments, recorded.as_slice())?;
        self.only(name, results)
    }

    /// `aten.view.default`, of a copy if the strides cannot show the sizes.
    pub fn view(
        &self,
        source: Value<'c, 'a>,
        size: Argument<'c, 'a>,
        recorded: Option<Type<'c>>,
    ) -> Result<Value<'c, 'a>, Diagnostic> {
        const VIEW: &str = "aten.view.default";
        let arguments = vec![given("self", source), given("size", size.clone())];
        let inferred = shape::infer(self.env, VIEW, &arguments);
        if inferred
            .as_ref()
            .is_err_and(|reason| reason.is_contradiction)
        {
            let compact = self.contiguous(source)?;
            let arguments = vec![given("self", compact), given("size", size)];
            return self.value(VIEW, arguments, recorded);
        }
        let results = self.inserted(VIEW, arguments, recorded.as_slice(), inferred)?;
        self.only(VIEW, results)
    }

    /// A row-major copy.
    pub fn contiguous(&self, source: Value<'c, 'a>) -> Result<Value<'c, 'a>, Diagnostic> {
        let format = Constant::MemoryFormat("contiguous_format".to_owned());
        let arguments = vec![given("self", source), given("memory_format", format)];
        self.value("aten.clone.default", arguments, Some(source.r#type()))
    }

    /// The sizes of a tensor as an argument; symbolic ones are read from it.
    pub fn sizes(
        &self,
        tensor: Value<'c, 'a>,
    ) -> Result<Option<Vec<Argument<'c, 'a>>>, Diagnostic> {
        let meta = TensorMeta::from_mlir(tensor.r#type());
        let Some(sizes) = meta.and_then(|meta| meta.sizes) else {
            return Ok(None);
        };
        let size = |(dim, size): (i64, &Dim)| match size {
            Dim::Static(size) => Ok(Argument::from(*size)),
            Dim::Symbolic(expression) => self.symbolic_size(tensor, dim, expression),
        };
        (0..)
            .zip(&sizes)
            .map(size)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    fn symbolic_size(
        &self,
        tensor: Value<'c, 'a>,
        dim: i64,
        expression: &str,
    ) -> Result<Argument<'c, 'a>, Diagnostic> {
        let builder = OpBuilder::new(self.context, "aten.sym_size.int", self.location)
            .arguments([given("self", tensor), given("dim", Constant::Int(dim))])
            .result(ValueType::SymInt.to_mlir(self.context))
            .symbolic_results(&[expression.to_owned()]);
        self.result(self.insert(builder)?, 0).map(Argument::Value)
    }

    /// `left + right`.
    pub fn sum(
        &self,
        left: Argument<'c, 'a>,
        right: Argument<'c, 'a>,
    ) -> Result<Argument<'c, 'a>, Diagnostic> {
        match (&left, &right) {
            (Argument::Constant(Constant::Int(0)), _) => return Ok(right),
            (Argument::Constant(Constant::Int(one)), Argument::Constant(Constant::Int(other))) => {
                return Ok(Argument::from(one.saturating_add(*other)));
            }
            _ => {}
        }
        let arguments = vec![given("", left), given("", right)];
        self.value("sym.add", arguments, None).map(Argument::Value)
    }

    /// A tensor with the strides and offset of another type, which has its sizes.
    pub fn with_layout(
        &self,
        source: Value<'c, 'a>,
        wanted: Type<'c>,
    ) -> Result<Value<'c, 'a>, Diagnostic> {
        let (have, want) = (
            TensorMeta::from_mlir(source.r#type()),
            TensorMeta::from_mlir(wanted),
        );
        let (Some(have), Some(want)) = (have, want) else {
            return Ok(source);
        };
        if (&have.strides, &have.storage_offset) == (&want.strides, &want.storage_offset) {
            return Ok(source);
        }
        let Some(strides) = want.strides else {
            return self.contiguous(source);
        };
        let numbers = |dims: Option<Vec<Dim>>| -> Option<Vec<i64>> {
            dims?.iter().map(Dim::as_static).collect()
        };
        let (Some(sizes), Some(strides), Dim::Static(0)) = (
            numbers(want.sizes),
            numbers(Some(strides)),
            want.storage_offset,
        ) else {
            return Err(self.fault(
                "E0303",
                format!("the memory of a tensor of type {wanted} cannot be laid out anew"),
            ));
        };
        let arguments = vec![
            given("self", source),
            given("size", sizes),
            given("stride", strides),
        ];
        let empty = self.value("aten.new_empty_strided.default", arguments, Some(wanted))?;
        let arguments = vec![given("self", empty), given("src", source)];
        self.value("aten.copy.default", arguments, Some(wanted))
    }

    /// A new op whose results have these types.
    pub fn typed(
        &self,
        name: &str,
        arguments: Vec<GivenArgument<'c, 'a>>,
        results: Vec<ResultSpec<'c>>,
    ) -> Result<Vec<Value<'c, 'a>>, Diagnostic> {
        let builder = OpBuilder::new(self.context, name, self.location)
            .arguments(arguments)
            .results(results);
        Ok(self.insert(builder)?.results().map(Value::from).collect())
    }

    fn inserted(
        &self,
        name: &str,
        arguments: Vec<GivenArgument<'c, 'a>>,
        recorded: &[Type<'c>],
        inferred: Result<Inferred, NoInference>,
    ) -> Result<Vec<Value<'c, 'a>>, Diagnostic> {
        let (types, syms) = match inferred {
            Ok(inferred) => {
                let types = flat_types(self.context, &inferred);
                let types = match types.len() == recorded.len() {
                    true => types
                        .iter()
                        .zip(recorded)
                        .map(|(inferred, recorded)| merged(self.context, *recorded, *inferred))
                        .collect(),
                    false => types,
                };
                (types, inferred.syms)
            }
            Err(_) if !recorded.is_empty() => (recorded.to_vec(), Vec::new()),
            Err(reason) => {
                return Err(self.fault(
                    "E0305",
                    format!("the results of a new `{name}` have no known types: {reason}"),
                ));
            }
        };
        let builder = OpBuilder::new(self.context, name, self.location)
            .arguments(arguments)
            .results(result_specs(name, types))
            .symbolic_results(&syms);
        Ok(self.insert(builder)?.results().map(Value::from).collect())
    }

    fn insert(&self, builder: OpBuilder<'c, 'a>) -> Result<OperationRef<'c, 'a>, Diagnostic> {
        Ok(mlir::insert_op_before(self.anchor, builder.build()?))
    }

    fn only(&self, name: &str, results: Vec<Value<'c, 'a>>) -> Result<Value<'c, 'a>, Diagnostic> {
        match results.as_slice() {
            [value] => Ok(*value),
            values => Err(self.fault(
                "E0302",
                format!(
                    "internal error: `{name}` has {} results, expected one",
                    values.len()
                ),
            )),
        }
    }

    fn result(&self, op: OperationRef<'c, 'a>, index: usize) -> Result<Value<'c, 'a>, Diagnostic> {
        op.result(index).map(Value::from).map_err(|_| {
            let name = AtenOp::new(op).name();
            self.fault(
                "E0302",
                format!("internal error: `{name}` has no result {index}"),
            )
        })
    }

    /// A fault at the op that is being replaced.
    pub fn fault(&self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.anchor, code, message.into())
    }
}

/// An argument by its schema name.
pub(super) fn given<'c, 'a>(
    name: &str,
    value: impl Into<Argument<'c, 'a>>,
) -> GivenArgument<'c, 'a> {
    GivenArgument {
        name: name.to_owned(),
        value: value.into(),
        by_keyword: false,
    }
}

/// Results of these types, in one list if that is what the op returns.
fn result_specs<'c>(name: &str, types: Vec<Type<'c>>) -> Vec<ResultSpec<'c>> {
    let is_list = table::lookup(name)
        .and_then(|def| def.schema.returns.first())
        .is_some_and(|ret| ret.ty.is_list());
    match is_list {
        true => vec![ResultSpec::List(types)],
        false => types.into_iter().map(ResultSpec::Single).collect(),
    }
}

fn flat_types<'c>(context: &'c Context, inferred: &Inferred) -> Vec<Type<'c>> {
    inferred
        .values()
        .map(|value| value.to_mlir(context))
        .collect()
}

/// The recorded type with the strides and offset of the inferred one; the inferred one where they are of different
/// tensors.
fn merged<'c>(context: &'c Context, recorded: Type<'c>, inferred: Type<'c>) -> Type<'c> {
    if recorded == inferred {
        return recorded;
    }
    let (have, new) = (
        TensorMeta::from_mlir(recorded),
        TensorMeta::from_mlir(inferred),
    );
    match (have, new) {
        (Some(have), Some(new))
            if have.dtype == new.dtype && may_be_equal(&have.sizes, &new.sizes) =>
        {
            let merged = TensorMeta {
                strides: new.strides,
                storage_offset: new.storage_offset,
                ..have
            };
            merged.to_mlir(context)
        }
        (Some(_), None) => recorded,
        _ => inferred,
    }
}

/// Whether two lists of sizes may mean the same; expressions are written in more than one way.
fn may_be_equal(left: &Option<Vec<Dim>>, right: &Option<Vec<Dim>>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|pair| match pair {
                    (Dim::Static(left), Dim::Static(right)) => left == right,
                    _ => true,
                })
        }
        _ => false,
    }
}

/// Gives the results of an op whose operands are laid out otherwise than before the layout that follows; what is not
/// known stays as it is recorded.
pub(super) fn retype<'c: 'a, 'a>(
    context: &'c Context,
    env: &ShapeEnv<'_>,
    op: &AtenOp<'c, 'a>,
) -> Result<(), Diagnostic> {
    if op.def().is_none() {
        return Ok(());
    }
    let Ok(inferred) = shape::infer(env, &op.name(), &op.arguments()?) else {
        return Ok(());
    };
    let types = flat_types(context, &inferred);
    if types.len() == op.operation().result_count() {
        for (result, inferred) in op.operation().results().map(Value::from).zip(types) {
            let recorded = result.r#type();
            if TensorMeta::from_mlir(recorded).is_some() {
                result.set_type(merged(context, recorded, inferred));
            }
        }
    }
    Ok(())
}

/// The strides of a row-major tensor.
pub(super) fn row_major(sizes: &[i64]) -> Option<Vec<i64>> {
    let mut strides = vec![1_i64; sizes.len()];
    let mut stride = 1_i64;
    for (slot, size) in strides.iter_mut().zip(sizes).rev() {
        *slot = stride;
        stride = stride.checked_mul((*size).max(1))?;
    }
    Some(strides)
}

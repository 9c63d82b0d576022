//! View ops: which operand they show, how to show it again, and how to write through them.

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, Dim, GivenArgument, OpBuilder, ResultSpec, TensorMeta,
    mlir,
    table::{OpDef, Tag},
};
use melior::{
    Context,
    ir::{
        Type, TypeLike, Value, ValueLike,
        operation::{OperationLike, OperationRef},
    },
};

use super::aliases::View;

/// The tensor operand that all results of an op share memory with, and its position; none if the results are
/// memory of their own.
pub(super) fn viewed_operand<'c: 'a, 'a>(
    op: &AtenOp<'c, 'a>,
    def: &OpDef,
) -> Option<(usize, Value<'c, 'a>)> {
    if !def.schema.is_view() && !def.has_tag(Tag::InplaceView) {
        return None;
    }
    let operation = op.operation();
    let source = operation
        .operand(0)
        .ok()
        .filter(|value| value.r#type().is_tensor())?;
    shares_memory(op, source).then_some((0, source))
}

/// Ops that torch declares as views and that copy where they must; their types tell which.
fn shares_memory<'c: 'a, 'a>(op: &AtenOp<'c, 'a>, source: Value<'c, 'a>) -> bool {
    let name = op.name();
    let base = name.split('.').nth(1).unwrap_or_default();
    let result = op
        .operation()
        .result(0)
        .ok()
        .and_then(|result| TensorMeta::from_mlir(result.r#type()));
    let (Some(from), Some(to)) = (TensorMeta::from_mlir(source.r#type()), result) else {
        return true;
    };
    match base {
        "contiguous" => from.strides == to.strides,
        "to" | "type_as" | "_to_copy" => {
            let copies = matches!(
                op.argument("copy"),
                Ok(Some(Argument::Constant(Constant::Bool(true))))
            );
            !copies && from == to
        }
        // Reshaping copies where no strides can show the new sizes, and then the result is contiguous. A
        // contiguous source never needs a copy.
        "reshape" | "flatten" | "reshape_as" | "ravel" => {
            from.strides.is_none() || to.strides.is_some()
        }
        _ => true,
    }
}

/// The view op once more, on another tensor, before `anchor`.
pub(super) fn replay<'c: 'a, 'a>(
    context: &'c Context,
    view: &View<'c, 'a>,
    source: Value<'c, 'a>,
    anchor: OperationRef<'c, 'a>,
) -> Result<Value<'c, 'a>, Diagnostic> {
    let op = AtenOp::new(view.op);
    let old = view.op.operand(view.operand).ok();
    let mut arguments = op.arguments()?;
    for argument in &mut arguments {
        if let (Argument::Value(value), Some(old)) = (&argument.value, old)
            && mlir::same_value(*value, old)
        {
            argument.value = Argument::Value(source);
        }
    }
    let types = view
        .op
        .results()
        .map(|result| result.r#type())
        .collect::<Vec<_>>();
    let is_list = op.def().is_some_and(|def| {
        def.schema
            .returns
            .first()
            .is_some_and(|ret| ret.ty.is_list())
    });
    let results = match is_list {
        true => vec![ResultSpec::List(types)],
        false => types.into_iter().map(ResultSpec::Single).collect(),
    };
    // In-place views replay as the functional op.
    let name = functional_view_name(&op.name());
    let built = insert(
        OpBuilder::new(context, name, view.op.location())
            .arguments(arguments)
            .results(results),
        anchor,
    )?;
    result(built, view.result)
}

/// `aten.t.default` of `aten.t_.default`.
fn functional_view_name(name: &str) -> String {
    let mut parts: Vec<&str> = name.split('.').collect();
    if let Some(base) = parts.get_mut(1) {
        *base = base.strip_suffix('_').unwrap_or(base);
    }
    parts.join(".")
}

fn insert<'c: 'a, 'a>(
    builder: OpBuilder<'c, 'a>,
    anchor: OperationRef<'c, 'a>,
) -> Result<OperationRef<'c, 'a>, Diagnostic> {
    Ok(mlir::insert_op_before(anchor, builder.build()?))
}

fn result<'c: 'a, 'a>(op: OperationRef<'c, 'a>, index: usize) -> Result<Value<'c, 'a>, Diagnostic> {
    op.result(index).map(Value::from).map_err(|_| {
        Diagnostic::at(
            &op,
            "E0302",
            format!(
                "internal error: `{}` has no result {index}",
                AtenOp::new(op).name()
            ),
        )
    })
}

/// Writing through a view: the viewed tensor, as it was, with `new` where the view shows it.
pub(super) fn inverse<'c: 'a, 'a>(
    context: &'c Context,
    view: &View<'c, 'a>,
    base: Value<'c, 'a>,
    new: Value<'c, 'a>,
    anchor: OperationRef<'c, 'a>,
) -> Result<Value<'c, 'a>, Diagnostic> {
    let op = AtenOp::new(view.op);
    let name = functional_view_name(&op.name());
    let inverse = Inverse {
        context,
        op,
        view,
        base,
        new,
        anchor,
    };
    let rule = INVERSES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, rule)| rule);
    match rule {
        Some(rule) => rule(&inverse),
        None => Err(Diagnostic::at(
            &view.op,
            "E0303",
            format!(
                "a write through the view `{}` has no functional form",
                op.name()
            ),
        )),
    }
}

/// A write through a view.
struct Inverse<'v, 'c: 'a, 'a> {
    context: &'c Context,
    op: AtenOp<'c, 'a>,
    view: &'v View<'c, 'a>,
    base: Value<'c, 'a>,
    new: Value<'c, 'a>,
    anchor: OperationRef<'c, 'a>,
}

type InverseRule = for<'v, 'c, 'a> fn(&Inverse<'v, 'c, 'a>) -> Result<Value<'c, 'a>, Diagnostic>;

/// By the functional name of the view.
const INVERSES: &[(&str, InverseRule)] = &[
    ("aten.slice.Tensor", |inverse| {
        inverse.scatter("aten.slice_scatter.default")
    }),
    ("aten.select.int", |inverse| {
        inverse.scatter("aten.select_scatter.default")
    }),
    ("aten.diagonal.default", |inverse| {
        inverse.scatter("aten.diagonal_scatter.default")
    }),
    ("aten.as_strided.default", |inverse| {
        inverse.scatter("aten.as_strided_scatter.default")
    }),
    ("aten.alias.default", |inverse| Ok(inverse.new)),
    ("aten.detach.default", |inverse| Ok(inverse.new)),
    ("aten.lift_fresh.default", |inverse| Ok(inverse.new)),
    ("aten.contiguous.default", |inverse| Ok(inverse.new)),
    ("aten.to.dtype", |inverse| Ok(inverse.new)),
    ("aten.to.device", |inverse| Ok(inverse.new)),
    ("aten.to.other", |inverse| Ok(inverse.new)),
    ("aten.to.dtype_layout", |inverse| Ok(inverse.new)),
    ("aten.type_as.default", |inverse| Ok(inverse.new)),
    ("aten.view_as_real.default", |inverse| {
        inverse.unary("aten.view_as_complex.default")
    }),
    ("aten.view_as_complex.default", |inverse| {
        inverse.unary("aten.view_as_real.default")
    }),
    ("aten._conj.default", |inverse| {
        inverse.unary("aten._conj.default")
    }),
    ("aten.t.default", |inverse| inverse.unary("aten.t.default")),
    ("aten.transpose.int", |inverse| {
        inverse.same_again("aten.transpose.int", &["dim0", "dim1"])
    }),
    ("aten.swapaxes.default", |inverse| {
        inverse.same_again("aten.swapaxes.default", &["axis0", "axis1"])
    }),
    ("aten.swapdims.default", |inverse| {
        inverse.same_again("aten.swapdims.default", &["dim0", "dim1"])
    }),
    ("aten.mT.default", |inverse| {
        inverse.unary("aten.mT.default")
    }),
    ("aten.numpy_T.default", |inverse| {
        inverse.unary("aten.numpy_T.default")
    }),
    ("aten.permute.default", |inverse| inverse.permute()),
    ("aten.view.default", |inverse| inverse.reshape_back()),
    ("aten.view_as.default", |inverse| inverse.reshape_back()),
    ("aten._unsafe_view.default", |inverse| {
        inverse.reshape_back()
    }),
    ("aten.reshape.default", |inverse| inverse.reshape_back()),
    ("aten.reshape_as.default", |inverse| inverse.reshape_back()),
    ("aten.ravel.default", |inverse| inverse.reshape_back()),
    ("aten.flatten.using_ints", |inverse| inverse.reshape_back()),
    ("aten.unflatten.int", |inverse| inverse.reshape_back()),
    ("aten.squeeze.default", |inverse| inverse.reshape_back()),
    ("aten.squeeze.dim", |inverse| inverse.reshape_back()),
    ("aten.squeeze.dims", |inverse| inverse.reshape_back()),
    ("aten.unsqueeze.default", |inverse| inverse.reshape_back()),
    ("aten.narrow.default", |inverse| inverse.narrow()),
    ("aten.unbind.int", |inverse| inverse.unbind()),
    ("aten.split.Tensor", |inverse| inverse.part()),
    ("aten.split.sizes", |inverse| inverse.part()),
    ("aten.split_with_sizes.default", |inverse| inverse.part()),
    ("aten.chunk.default", |inverse| inverse.part()),
    ("aten.tensor_split.sections", |inverse| inverse.part()),
    ("aten.tensor_split.indices", |inverse| inverse.part()),
];

impl<'c: 'a, 'a> Inverse<'_, 'c, 'a> {
    /// `op_scatter(base, new, …)` with the view's own arguments.
    fn scatter(&self, name: &str) -> Result<Value<'c, 'a>, Diagnostic> {
        let mut arguments = vec![given("self", self.base), given("src", self.new)];
        for argument in self.op.arguments()? {
            if argument.name != "self" {
                arguments.push(argument);
            }
        }
        self.build(name, arguments, self.base.r#type())
    }

    fn unary(&self, name: &str) -> Result<Value<'c, 'a>, Diagnostic> {
        self.build(name, vec![given("self", self.new)], self.base.r#type())
    }

    /// Views that undo themselves.
    fn same_again(&self, name: &str, keep: &[&str]) -> Result<Value<'c, 'a>, Diagnostic> {
        let mut arguments = vec![given("self", self.new)];
        arguments.extend(
            self.op
                .arguments()?
                .into_iter()
                .filter(|argument| keep.contains(&argument.name.as_str())),
        );
        self.build(name, arguments, self.base.r#type())
    }

    /// permute(x, p) is undone by permute(x, p⁻¹).
    fn permute(&self) -> Result<Value<'c, 'a>, Diagnostic> {
        let dims = match self.op.argument("dims")? {
            Some(Argument::Constant(Constant::Ints(dims))) => dims,
            _ => return self.refuse("its dimensions are not constant"),
        };
        let rank = i64::try_from(dims.len()).unwrap_or(i64::MAX);
        let mut inverse = vec![0; dims.len()];
        for (position, dim) in (0..).zip(&dims) {
            let slot = usize::try_from(dim.rem_euclid(rank.max(1)))
                .ok()
                .and_then(|dim| inverse.get_mut(dim));
            if let Some(slot) = slot {
                *slot = position;
            }
        }
        let arguments = vec![
            given("self", self.new),
            given("dims", Constant::Ints(inverse)),
        ];
        self.build("aten.permute.default", arguments, self.base.r#type())
    }

    /// Views that keep the order of elements are undone by the old sizes.
    fn reshape_back(&self) -> Result<Value<'c, 'a>, Diagnostic> {
        let Some(sizes) = TensorMeta::from_mlir(self.base.r#type()).and_then(|meta| meta.sizes)
        else {
            return self.refuse("the sizes of the viewed tensor are not known");
        };
        let mut elements = Vec::with_capacity(sizes.len());
        for (dim, size) in (0_i64..).zip(&sizes) {
            elements.push(match size {
                Dim::Static(size) => Argument::from(*size),
                Dim::Symbolic(expression) => Argument::Value(self.symbolic_size(dim, expression)?),
            });
        }
        let arguments = vec![
            given("self", self.new),
            given("size", Argument::from(elements)),
        ];
        self.build("aten.view.default", arguments, self.base.r#type())
    }

    fn symbolic_size(&self, dim: i64, expression: &str) -> Result<Value<'c, 'a>, Diagnostic> {
        let builder = OpBuilder::new(self.context, "aten.sym_size.int", self.view.op.location())
            .arguments([given("self", self.base), given("dim", Constant::Int(dim))])
            .result(expc_dialects::ValueType::SymInt.to_mlir(self.context))
            .symbolic_results(&[expression.to_owned()]);
        result(insert(builder, self.anchor)?, 0)
    }

    /// narrow(x, dim, start, length) shows start..start+length.
    fn narrow(&self) -> Result<Value<'c, 'a>, Diagnostic> {
        let int = |name: &str| match self.op.argument(name) {
            Ok(Some(Argument::Constant(Constant::Int(value)))) => Some(value),
            _ => None,
        };
        match (int("dim"), int("start"), int("length")) {
            (Some(dim), Some(start), Some(length)) => {
                self.slice_scatter(dim, start, start.saturating_add(length))
            }
            _ => self.refuse("its bounds are not constant"),
        }
    }

    /// Result `i` of unbind is select(x, dim, i).
    fn unbind(&self) -> Result<Value<'c, 'a>, Diagnostic> {
        let index = i64::try_from(self.view.result).unwrap_or(i64::MAX);
        let arguments = vec![
            given("self", self.base),
            given("src", self.new),
            given("dim", Constant::Int(self.constant_dim()?)),
            given("index", Constant::Int(index)),
        ];
        self.build("aten.select_scatter.default", arguments, self.base.r#type())
    }

    /// Result `i` of a split begins where the results before it end.
    fn part(&self) -> Result<Value<'c, 'a>, Diagnostic> {
        let dim = self.constant_dim()?;
        let mut bounds = vec![0_i64];
        for result in self.view.op.results() {
            let meta = TensorMeta::from_mlir(result.r#type());
            let sizes = meta.and_then(|meta| meta.sizes).unwrap_or_default();
            let rank = i64::try_from(sizes.len()).unwrap_or(i64::MAX);
            let position = usize::try_from(dim.rem_euclid(rank.max(1))).unwrap_or(usize::MAX);
            let Some(size) = sizes.get(position).and_then(Dim::as_static) else {
                return self.refuse("the sizes of its parts are not constant");
            };
            bounds.push(bounds.last().copied().unwrap_or(0).saturating_add(size));
        }
        match (
            bounds.get(self.view.result),
            bounds.get(self.view.result + 1),
        ) {
            (Some(start), Some(end)) => self.slice_scatter(dim, *start, *end),
            _ => self.refuse("its parts are not known"),
        }
    }

    fn slice_scatter(&self, dim: i64, start: i64, end: i64) -> Result<Value<'c, 'a>, Diagnostic> {
        let arguments = vec![
            given("self", self.base),
            given("src", self.new),
            given("dim", Constant::Int(dim)),
            given("start", Constant::Int(start)),
            given("end", Constant::Int(end)),
        ];
        self.build("aten.slice_scatter.default", arguments, self.base.r#type())
    }

    fn constant_dim(&self) -> Result<i64, Diagnostic> {
        match self.op.argument("dim")? {
            Some(Argument::Constant(Constant::Int(dim))) => Ok(dim),
            None => Ok(0),
            Some(_) => self.refuse("its dimension is not constant"),
        }
    }

    fn build(
        &self,
        name: &str,
        arguments: Vec<GivenArgument<'c, 'a>>,
        r#type: Type<'c>,
    ) -> Result<Value<'c, 'a>, Diagnostic> {
        let builder = OpBuilder::new(self.context, name, self.view.op.location())
            .arguments(arguments)
            .result(r#type);
        result(insert(builder, self.anchor)?, 0)
    }

    fn refuse<T>(&self, why: &str) -> Result<T, Diagnostic> {
        Err(Diagnostic::at(
            &self.view.op,
            "E0303",
            format!(
                "a write through the view `{}` has no functional form: {why}",
                self.op.name()
            ),
        ))
    }
}

fn given<'c, 'a>(name: &str, value: impl Into<Argument<'c, 'a>>) -> GivenArgument<'c, 'a> {
    GivenArgument {
        name: name.to_owned(),
        value: value.into(),
        by_keyword: false,
    }
}

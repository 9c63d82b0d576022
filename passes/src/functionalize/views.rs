//! View ops: which operands they show, and how to show them again. `inverse.rs` says how to write through them.

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, Dim, GivenArgument, TensorMeta, mlir,
    table::{OpDef, Tag},
};
use melior::ir::{
    Type, TypeLike, Value, ValueLike,
    operation::{OperationLike, OperationRef},
};

use super::{aliases::View, emit::Emit};

/// For each result of an op the position of the tensor operand that it shares memory with; none if the results are
/// memory of their own.
pub(super) fn viewed_operands(op: &AtenOp<'_, '_>, def: &OpDef) -> Option<Vec<usize>> {
    let operation = op.operation();
    let is_declared = def.schema.is_view() || def.has_tag(Tag::InplaceView);
    let undeclared = UNDECLARED
        .iter()
        .find(|(names, ..)| is_listed(names, def.name));
    let (shares, is_parallel) = match undeclared {
        Some((_, shares, is_parallel)) => (*shares, *is_parallel),
        None if is_declared => (shares_memory as Shares, false),
        None => return None,
    };
    let source = operation
        .operand(0)
        .ok()
        .filter(|value| value.r#type().is_tensor())?;
    if !shares(op, source) {
        return None;
    }
    let n_results = operation.result_count();
    if is_parallel {
        return (n_results == operation.operand_count()).then(|| (0..n_results).collect());
    }
    Some(vec![0; n_results])
}

/// Whether an op may hand out its operand although its schema does not say so.
pub(crate) fn is_undeclared_view(name: &str) -> bool {
    UNDECLARED.iter().any(|(names, ..)| is_listed(names, name))
}

/// Whether a list of names has that of an op, with or without its overload.
pub(super) fn is_listed(names: &str, name: &str) -> bool {
    let op = name.rsplit_once('.').map_or(name, |(op, _)| op);
    names
        .split_ascii_whitespace()
        .any(|listed| listed == name || listed == op)
}

/// Whether the result shares memory with the operand.
type Shares = fn(&AtenOp<'_, '_>, Value<'_, '_>) -> bool;

/// Ops that may hand out their operand although their schemas do not say so; the last column says whether there is
/// one result per operand.
const UNDECLARED: &[(&str, Shares, bool)] = &[
    (
        "aten.dropout aten.feature_dropout aten.alpha_dropout aten.feature_alpha_dropout",
        |op, _| drops_nothing(op),
        false,
    ),
    (
        "aten.atleast_1d aten.atleast_2d aten.atleast_3d aten.meshgrid aten.broadcast_tensors",
        |_, _| true,
        true,
    ),
    (
        "aten.conj_physical",
        |op, source| !is_complex(source) && op.operation().result_count() == 1,
        false,
    ),
    (
        "aten.cartesian_prod",
        |op, _| op.operation().operand_count() == 1,
        false,
    ),
    ("aten.sum_to_size aten.type_as", same_type, false),
];

/// Whether a dropout is not in training, or has no chance to drop anything.
pub(super) fn drops_nothing(op: &AtenOp<'_, '_>) -> bool {
    let chance = match op.argument("p") {
        Ok(Some(Argument::Constant(Constant::Float(p)))) => Some(p),
        // Python takes ints for floats.
        Ok(Some(Argument::Constant(Constant::Int(0)))) => Some(0.0),
        _ => None,
    };
    is_false(op, "train") || chance == Some(0.0)
}

fn is_false(op: &AtenOp<'_, '_>, name: &str) -> bool {
    matches!(
        op.argument(name),
        Ok(Some(Argument::Constant(Constant::Bool(false))))
    )
}

pub(super) fn is_complex(value: Value<'_, '_>) -> bool {
    TensorMeta::from_mlir(value.r#type()).is_some_and(|meta| meta.dtype.is_complex())
}

fn same_type(op: &AtenOp<'_, '_>, source: Value<'_, '_>) -> bool {
    let result = op.operation().result(0).ok();
    let meta = |r#type| {
        TensorMeta::from_mlir(r#type).map(|meta| TensorMeta {
            requires_grad: false,
            ..meta
        })
    };
    result.is_some_and(|result| meta(source.r#type()) == meta(result.r#type()))
}

/// Ops that torch declares as views and that copy where they must; their types tell which.
const MAY_COPY: &[(&str, Shares)] = &[
    (
        "aten.contiguous aten.cpu aten.cuda aten.pin_memory aten._autocast_to_full_precision \
         aten._autocast_to_reduced_precision aten.resolve_conj aten.resolve_neg",
        same_type,
    ),
    ("aten.to", |op, source| {
        let copies = matches!(
            op.argument("copy"),
            Ok(Some(Argument::Constant(Constant::Bool(true))))
        );
        !copies && same_type(op, source)
    }),
    // Reshaping copies where no strides can show the new sizes, and then the result is row-major and begins at 0. A
    // row-major source never needs a copy.
    (
        "aten.reshape aten.flatten aten.reshape_as aten.ravel",
        |op, source| {
            let result = op.operation().result(0).ok();
            let result = result.and_then(|result| TensorMeta::from_mlir(result.r#type()));
            match (TensorMeta::from_mlir(source.r#type()), result) {
                (Some(from), Some(to)) => {
                    from.strides.is_none()
                        || to.strides.is_some()
                        || (to.storage_offset != Dim::Static(0)
                            && to.storage_offset == from.storage_offset)
                }
                _ => true,
            }
        },
    ),
];

fn shares_memory(op: &AtenOp<'_, '_>, source: Value<'_, '_>) -> bool {
    let name = op.name();
    MAY_COPY
        .iter()
        .find(|(names, _)| is_listed(names, &name))
        .is_none_or(|(_, shares)| shares(op, source))
}

/// Ops that show the memory of their operand whatever its sizes and strides are.
const OF_MEMORY: &str = "aten.as_strided aten.as_strided_ prims.as_strided";

/// The offset into the memory that a view op names, or would take over from its operand; none if the op shows
/// elements of its operand and not memory.
pub(super) fn memory_offset(
    op: OperationRef<'_, '_>,
    source: Type<'_>,
) -> Result<Option<i64>, Diagnostic> {
    let view = AtenOp::new(op);
    if !is_listed(OF_MEMORY, &view.name()) {
        return Ok(None);
    }
    let inherited = TensorMeta::from_mlir(source).map(|meta| meta.storage_offset);
    let offset = match (view.argument("storage_offset")?, inherited) {
        (Some(Argument::Constant(Constant::Int(offset))), _) => Some(offset),
        (None | Some(Argument::Constant(Constant::None)), Some(offset)) => offset.as_static(),
        _ => None,
    };
    match offset {
        Some(offset) => Ok(Some(offset)),
        None => Err(Diagnostic::at(
            &op,
            "E0303",
            format!(
                "the offset that `{}` shows its operand at is not constant",
                view.name()
            ),
        )),
    }
}

/// The arguments of a view op, for another tensor in the place of the one that it shows.
pub(super) fn arguments_on<'c, 'a>(
    view: &View<'c, 'a>,
    source: Value<'c, 'a>,
) -> Result<Vec<GivenArgument<'c, 'a>>, Diagnostic> {
    let mut arguments = AtenOp::new(view.op).arguments()?;
    let old = view.op.operand(view.operand).ok();
    for argument in &mut arguments {
        replace(&mut argument.value, old, source);
    }
    if let Some(memory) = &view.memory {
        arguments.retain(|argument| argument.name != "storage_offset");
        arguments.push(super::emit::given(
            "storage_offset",
            Constant::Int(memory.offset),
        ));
    }
    Ok(arguments)
}

fn replace<'c, 'a>(
    argument: &mut Argument<'c, 'a>,
    old: Option<Value<'c, 'a>>,
    new: Value<'c, 'a>,
) {
    match argument {
        Argument::Value(value) if old.is_some_and(|old| mlir::same_value(*value, old)) => {
            *value = new;
        }
        Argument::List(elements) => elements
            .iter_mut()
            .for_each(|element| replace(element, old, new)),
        _ => {}
    }
}

/// The view op once more, on another tensor.
pub(super) fn replay<'c: 'a, 'a>(
    emit: &Emit<'c, 'a, '_>,
    view: &View<'c, 'a>,
    source: Value<'c, 'a>,
) -> Result<Value<'c, 'a>, Diagnostic> {
    let emit = emit.at(view.op.location());
    let op = AtenOp::new(view.op);
    let source = match &view.memory {
        Some(memory) => emit.with_layout(source, memory.layout)?,
        None => source,
    };
    let arguments = arguments_on(view, source)?;
    let recorded: Vec<Type> = view.op.results().map(|result| result.r#type()).collect();
    let name = functional_view_name(&op.name());
    let results = match (name.as_str(), recorded.as_slice()) {
        ("aten.view.default", [recorded]) => {
            let size = arguments
                .into_iter()
                .find(|argument| argument.name == "size");
            let size = size.map_or(Argument::from(Constant::List(Vec::new())), |size| {
                size.value
            });
            vec![emit.view(source, size, Some(*recorded))?]
        }
        _ => emit.values(&name, arguments, &recorded)?,
    };
    results.get(view.result).copied().ok_or_else(|| {
        emit.fault(
            "E0302",
            format!("internal error: `{name}` has no result {}", view.result),
        )
    })
}

/// `aten.t.default` of `aten.t_.default`.
pub(super) fn functional_view_name(name: &str) -> String {
    if name == "aten.transpose_.default" {
        return "aten.transpose.int".to_owned();
    }
    let mut parts: Vec<&str> = name.split('.').collect();
    if let Some(base) = parts.get_mut(1) {
        *base = base.strip_suffix('_').unwrap_or(base);
    }
    parts.join(".")
}

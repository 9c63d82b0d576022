//! Strides that a decomposition changes, carried on to what is computed from them.
//!
//! The program recorded the strides that the whole op gave. Its parts may give others, and whether a later
//! `reshape` can be a view depends on them. So a replacement keeps the strides that inference gives it, and its
//! users, theirs and so on get theirs anew until they are as recorded; a view that is not allowed any more shows a
//! copy. Sizes and dtypes stay as they are.

use expc_dialects::{AtenOp, Diagnostic, TensorMeta, ValueType, mlir};
use melior::{
    Context, RewriterBase,
    ir::{
        Value, ValueLike,
        operation::{OperationLike, OperationRef},
    },
};

use crate::{
    pattern::{Refusal, Rewrite},
    shape::{self, ShapeEnv},
};

/// Gives a value the recorded type, but for the strides, which are those that inference found. Whether they
/// differ from those recorded.
pub(super) fn take_recorded<'c: 'a, 'a>(
    context: &'c Context,
    value: Value<'c, 'a>,
    recorded: &TensorMeta,
    inferred: &TensorMeta,
) -> bool {
    let meta = TensorMeta {
        strides: inferred.strides.clone(),
        storage_offset: inferred.storage_offset.clone(),
        ..recorded.clone()
    };
    value.set_type(meta.to_mlir(context));
    differ(recorded, inferred)
}

/// Whether two tensors of the same sizes lie differently in memory.
pub(super) fn differ(left: &TensorMeta, right: &TensorMeta) -> bool {
    left.strides != right.strides || left.storage_offset != right.storage_offset
}

/// Infers the strides of what is computed from a value, as far as they change.
pub(super) fn carry_on<'c: 'a, 'a>(
    env: &ShapeEnv<'_>,
    rewriter: &RewriterBase<'c, 'a>,
    value: Value<'c, 'a>,
) {
    let mut changed = vec![value];
    while let Some(value) = changed.pop() {
        for user in mlir::users(value) {
            copy_before_view(env, rewriter, user);
            changed.extend(infer_again(env, user));
        }
    }
}

/// The op that fails where strides do not allow the sizes that it is asked for.
const VIEW: &str = "aten.view.default";

/// Puts a copy before a view that the strides of its operand no longer allow.
fn copy_before_view<'c: 'a, 'a>(
    env: &ShapeEnv<'_>,
    rewriter: &RewriterBase<'c, 'a>,
    op: OperationRef<'c, 'a>,
) {
    if AtenOp::new(op).name() != VIEW {
        return;
    }
    let types = op.operand(0).ok().zip(op.result(0).ok());
    let tensors = types.and_then(|(operand, result)| {
        Some((
            env.tensor_of(operand.r#type())?,
            env.tensor_of(result.r#type())?,
        ))
    });
    let Some((operand, result)) = tensors else {
        return;
    };
    if !matches!(shape::view_of(env, &operand, &result.sizes), Ok(None)) {
        return;
    }
    // Where nothing can be built, the view stays and says at run time what is wrong.
    if let Ok(rewrite) = Rewrite::new(op, rewriter, env)
        && let Ok(copy) = rewrite.tensor("self").and_then(|x| rewrite.copy(x))
    {
        mlir::set_operand(op, 0, copy);
    }
}

/// Infers the types of what is computed from a value, sizes and all, as far as they change: for a value whose
/// recorded type is wrong.
pub(super) fn carry_on_types<'c: 'a, 'a>(env: &ShapeEnv<'_>, value: Value<'c, 'a>) {
    let mut changed = vec![value];
    while let Some(value) = changed.pop() {
        for user in mlir::users(value) {
            let context = mlir::context_of(user);
            for (result, found) in inferred_results(env, user) {
                let found = found.to_mlir(context);
                if result.r#type() != found {
                    result.set_type(found);
                    changed.push(result);
                }
            }
        }
    }
}

/// The fault of an op of which the program has other results, or results of other dtypes or sizes, than inference
/// gives; none where they agree.
pub(super) fn wrongly_recorded(env: &ShapeEnv<'_>, op: OperationRef<'_, '_>) -> Option<Refusal> {
    let name = AtenOp::new(op).name();
    let found = inferred_types(env, op)?;
    let what = if found.len() == op.result_count() {
        let mut results = op.results().map(Value::from).zip(found);
        let (result, found) = results.find(|(result, found)| {
            let recorded = TensorMeta::from_mlir(result.r#type());
            match (recorded, found) {
                (Some(recorded), ValueType::Tensor(found)) => !super::same_shape(&recorded, found),
                _ => false,
            }
        })?;
        let found = found.to_mlir(mlir::context_of(op));
        format!(
            "`{name}` gives {found}, the program records {}",
            result.r#type()
        )
    } else {
        let (found, recorded) = (found.len(), op.result_count());
        format!("`{name}` gives {found} results, the program has {recorded}")
    };
    Some(Diagnostic::at(&op, super::WRONGLY_RECORDED, what).into())
}

/// The results of an op with the types that inference gives them now; nothing where it gives none.
fn inferred_results<'c: 'a, 'a>(
    env: &ShapeEnv<'_>,
    op: OperationRef<'c, 'a>,
) -> Vec<(Value<'c, 'a>, ValueType)> {
    let found = inferred_types(env, op).unwrap_or_default();
    op.results().map(Value::from).zip(found).collect()
}

/// The types that inference gives the results of an op now; none where it gives none.
fn inferred_types(env: &ShapeEnv<'_>, op: OperationRef<'_, '_>) -> Option<Vec<ValueType>> {
    let view = AtenOp::new(op);
    let inferred = shape::infer(env, &view.name(), &view.arguments().ok()?).ok()?;
    Some(inferred.values().cloned().collect())
}

/// The results of an op whose strides are not what they were.
fn infer_again<'c: 'a, 'a>(env: &ShapeEnv<'_>, op: OperationRef<'c, 'a>) -> Vec<Value<'c, 'a>> {
    let context = mlir::context_of(op);
    inferred_results(env, op)
        .into_iter()
        .filter_map(|(result, found)| {
            let recorded = TensorMeta::from_mlir(result.r#type())?;
            let ValueType::Tensor(found) = found else {
                return None;
            };
            (super::same_shape(&recorded, &found)
                && differ(&recorded, &found)
                && take_recorded(context, result, &recorded, &found))
            .then_some(result)
        })
        .collect()
}

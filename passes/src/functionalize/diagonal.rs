//! `fill_diagonal_`, which has no functional twin: the diagonal as a view of the memory, filled and put back.

use expc_dialects::{AtenOp, Constant, Diagnostic, Dim, TensorMeta};
use melior::ir::{Value, ValueLike, operation::OperationLike};

use super::{
    Walk,
    emit::{given, row_major},
};

const FILL_DIAGONAL: &str = "aten.fill_diagonal_.default";

/// How the op becomes functional; none for other ops.
pub(super) fn summary_of(name: &str) -> Option<&'static str> {
    (name == FILL_DIAGONAL)
        .then_some("becomes `aten.as_strided_scatter.default` of a filled diagonal")
}

/// A diagonal in the memory of a tensor.
#[derive(Clone, Copy)]
struct Diagonal {
    length: i64,
    stride: i64,
    offset: i64,
}

impl<'c: 'a, 'a> Walk<'c, 'a, '_> {
    /// Handles an op if it fills a diagonal of a tensor of known memory; whether it did.
    pub(super) fn filling_diagonal(&mut self, op: &AtenOp<'c, 'a>) -> Result<bool, Diagnostic> {
        let operation = op.operation();
        let (true, Ok(target), Ok(result)) = (
            op.name() == FILL_DIAGONAL,
            operation.operand(0),
            operation.result(0),
        ) else {
            return Ok(false);
        };
        let wraps = op
            .argument("wrap")?
            .is_some_and(|wrap| wrap.as_constant() == Some(&Constant::Bool(true)));
        let mut value = self.read(target, operation)?;
        let Some(diagonals) = diagonals(value, wraps) else {
            return Ok(false);
        };
        let Some(fill_value) = self
            .current_arguments(op, operation)?
            .into_iter()
            .find(|argument| argument.name == "fill_value")
        else {
            return Ok(false);
        };
        let emit = self.emit(operation);
        for diagonal in diagonals {
            let place = || {
                vec![
                    given("size", vec![diagonal.length]),
                    given("stride", vec![diagonal.stride]),
                    given("storage_offset", diagonal.offset),
                ]
            };
            let mut arguments = vec![given("self", value)];
            arguments.extend(place());
            let shown = emit.value("aten.as_strided.default", arguments, None)?;
            let arguments = vec![
                given("self", shown),
                given("value", fill_value.value.clone()),
            ];
            let filled = emit.value("aten.fill.Scalar", arguments, None)?;
            let mut arguments = vec![given("self", value), given("src", filled)];
            arguments.extend(place());
            let recorded = Some(value.r#type());
            value = emit.value("aten.as_strided_scatter.default", arguments, recorded)?;
        }
        self.write(target, value, operation)?;
        self.aliases.add_same(Value::from(result), target);
        self.replaced.push(operation);
        Ok(true)
    }
}

/// The diagonals that are filled: the main one, and in a tall matrix, where asked, those below its first square.
/// Follows `fill_diagonal_meta` of `ATen/native/Fill.cpp`.
fn diagonals(value: Value<'_, '_>, wraps: bool) -> Option<Vec<Diagonal>> {
    let meta = TensorMeta::from_mlir(value.r#type())?;
    let numbers = |dims: &[Dim]| {
        dims.iter()
            .map(Dim::as_static)
            .collect::<Option<Vec<i64>>>()
    };
    let sizes = numbers(meta.sizes.as_deref()?)?;
    let strides = match meta.strides.as_deref() {
        Some(strides) => numbers(strides)?,
        None => row_major(&sizes)?,
    };
    let offset = meta.storage_offset.as_static()?;
    let [height, width, ..] = *sizes.as_slice() else {
        return None;
    };
    let length = height.min(width);
    let stride = strides
        .iter()
        .try_fold(0_i64, |sum, s| sum.checked_add(*s))?;
    let main = Diagonal {
        length,
        stride,
        offset,
    };
    let step = width.checked_add(1)?;
    if !wraps || sizes.len() != 2 || height <= step {
        return Some(vec![main]);
    }
    let elements = height.checked_mul(width)?;
    let all = elements
        .checked_add(step)?
        .checked_sub(1)?
        .checked_div(step)?;
    let below = Diagonal {
        length: all.checked_sub(length)?,
        stride,
        offset: strides.first()?.checked_mul(step)?.checked_add(offset)?,
    };
    Some(vec![main, below])
}

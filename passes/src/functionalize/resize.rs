//! `resize_` and `resize_as_`: a tensor that gets other sizes in place.
//!
//! As PyTorch has it, fewer elements are a view of the memory as far as that is needed, and more elements, or those of
//! a template, memory of their own, which stands for the tensor from there on.

use expc_dialects::{Argument, AtenOp, Constant, Diagnostic, Dim, TensorMeta};
use melior::ir::{
    Type, Value, ValueLike,
    operation::{OperationLike, OperationResult},
};

use super::{Walk, emit::given};

/// The op, the functional one that makes new memory, and whether fewer elements are a view.
const ROWS: &[(&str, &str, bool)] = &[
    ("aten.resize_.default", "aten.resize.default", true),
    ("aten.resize_as_.default", "aten.resize_as.default", false),
];

/// How a resizing op becomes functional; none for other ops.
pub(super) fn summary_of(name: &str) -> Option<String> {
    let (_, functional, shrinks) = row(name)?;
    Some(match shrinks {
        true => format!("becomes `aten.as_strided.default`, `{functional}` where it grows"),
        false => format!("becomes `{functional}`"),
    })
}

fn row(name: &str) -> Option<(&'static str, &'static str, bool)> {
    ROWS.iter().find(|(op, ..)| *op == name).copied()
}

impl<'c: 'a, 'a> Walk<'c, 'a, '_> {
    /// Handles an op if it resizes its argument; whether it did.
    pub(super) fn resizing(&mut self, op: &AtenOp<'c, 'a>) -> Result<bool, Diagnostic> {
        let operation = op.operation();
        let (Some((name, functional, shrinks)), Ok(target), Ok(result)) =
            (row(&op.name()), operation.operand(0), operation.result(0))
        else {
            return Ok(false);
        };
        let fault = |reason: &str| {
            let what = format!("`{name}` has no functional form: {reason}");
            Diagnostic::at(&operation, "E0304", what)
        };
        if self.aliases.is_input(target) {
            return Err(fault("its argument is an input, whose sizes stay"));
        }
        if !matches!(
            op.argument("memory_format")?,
            None | Some(Argument::Constant(Constant::None))
        ) {
            return Err(fault("a memory format is asked for"));
        }
        let result = Value::from(result);
        if shrinks {
            let memory = elements(self.aliases.layout(target));
            let (Some(has), Some(offset), Some(needs)) =
                (memory, offset(target.r#type()), elements(result.r#type()))
            else {
                return Err(fault("sizes that are symbols may grow or shrink"));
            };
            if offset.saturating_add(needs) <= has {
                self.shrink(op, target, result)?;
                return Ok(true);
            }
        }
        if !self.aliases.chain(target).is_empty() {
            return Err(fault("its argument is a view, whose memory stays"));
        }
        let arguments = self.current_arguments(op, operation)?;
        let new = self
            .emit(operation)
            .value(functional, arguments, Some(result.r#type()))?;
        self.aliases.add_base_as(result, new);
        self.aliases.add_same(target, result);
        self.replaced.push(operation);
        Ok(true)
    }

    /// The argument becomes a row-major view of its memory.
    fn shrink(
        &mut self,
        op: &AtenOp<'c, 'a>,
        target: Value<'c, 'a>,
        result: Value<'c, 'a>,
    ) -> Result<(), Diagnostic> {
        let sizes = static_sizes(result.r#type()).unwrap_or_default();
        let mut strides = vec![1_i64; sizes.len()];
        let mut stride = 1_i64;
        for (slot, size) in strides.iter_mut().zip(&sizes).rev() {
            *slot = stride;
            stride = stride.saturating_mul((*size).max(1));
        }
        let arguments = vec![
            given("self", target),
            given("size", Constant::Ints(sizes)),
            given("stride", Constant::Ints(strides)),
        ];
        let view = self.emit(op.operation()).value(
            "aten.as_strided_.default",
            arguments,
            Some(result.r#type()),
        )?;
        if let Ok(shown) = OperationResult::try_from(view) {
            self.inplace_view(&AtenOp::new(shown.owner()))?;
        }
        self.aliases.add_same(result, view);
        self.replaced.push(op.operation());
        Ok(())
    }
}

fn static_sizes(r#type: Type<'_>) -> Option<Vec<i64>> {
    let sizes = TensorMeta::from_mlir(r#type)?.sizes?;
    sizes.iter().map(Dim::as_static).collect()
}

/// How many elements a tensor has.
fn elements(r#type: Type<'_>) -> Option<i64> {
    static_sizes(r#type)?
        .into_iter()
        .try_fold(1_i64, i64::checked_mul)
}

fn offset(r#type: Type<'_>) -> Option<i64> {
    TensorMeta::from_mlir(r#type)?.storage_offset.as_static()
}

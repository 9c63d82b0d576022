//! Elementwise arithmetic as rules write it: common ops by short names, numbers beside tensors, and the two
//! dtypes of PyTorch's decompositions, the one they compute in and the one they answer in.

use expc_dialects::{Argument, Constant, ScalarType};
use melior::ir::{TypeLike, Value, ValueLike};

use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, refuse, single},
    shape::{self, Promotion},
};

/// What a rule answers.
pub(super) type Answer<'c, 'a> = Rewritten<Replacement<'c, 'a>>;

/// The dtypes of an elementwise decomposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Promoted {
    /// What it computes in.
    pub compute: ScalarType,
    /// What it answers.
    pub result: ScalarType,
}

/// The dtype that half precision is computed in.
pub(super) fn opmath(dtype: ScalarType) -> ScalarType {
    match dtype {
        ScalarType::Float16 | ScalarType::BFloat16 => ScalarType::Float32,
        ScalarType::Complex32 => ScalarType::Complex64,
        dtype => dtype,
    }
}

/// Whether an argument stands for a Python number.
fn is_number(argument: &Argument<'_, '_>) -> bool {
    match argument {
        Argument::Value(value) => !value.r#type().is_tensor(),
        _ => true,
    }
}

/// An argument as a constant number.
pub(super) fn number(argument: &Argument<'_, '_>) -> Option<f64> {
    match argument.as_constant()? {
        Constant::Float(value) => Some(*value),
        #[allow(clippy::cast_precision_loss, reason = "Python's own conversion")]
        Constant::Int(value) => Some(*value as f64),
        Constant::Bool(value) => Some(f64::from(u8::from(*value))),
        _ => None,
    }
}

impl<'c: 'a, 'a> Rewrite<'_, 'c, 'a> {
    /// `aten.<name>.default` of one tensor.
    pub(super) fn unary(&self, name: &str, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
        self.op_value(&format!("aten.{name}.default"), args![x])
    }

    pub(super) fn neg(&self, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
        self.unary("neg", x)
    }

    /// `aten.<name>.Tensor` of two operands, one of which may be a number.
    pub(super) fn binary(
        &self,
        name: &str,
        x: impl Into<Argument<'c, 'a>>,
        y: impl Into<Argument<'c, 'a>>,
    ) -> Rewritten<Value<'c, 'a>> {
        self.op_value(&format!("aten.{name}.Tensor"), vec![x.into(), y.into()])
    }

    pub(super) fn add(
        &self,
        x: impl Into<Argument<'c, 'a>>,
        y: impl Into<Argument<'c, 'a>>,
    ) -> Rewritten<Value<'c, 'a>> {
        self.binary("add", x, y)
    }

    pub(super) fn sub(
        &self,
        x: impl Into<Argument<'c, 'a>>,
        y: impl Into<Argument<'c, 'a>>,
    ) -> Rewritten<Value<'c, 'a>> {
        self.binary("sub", x, y)
    }

    pub(super) fn mul(
        &self,
        x: impl Into<Argument<'c, 'a>>,
        y: impl Into<Argument<'c, 'a>>,
    ) -> Rewritten<Value<'c, 'a>> {
        self.binary("mul", x, y)
    }

    pub(super) fn div(
        &self,
        x: impl Into<Argument<'c, 'a>>,
        y: impl Into<Argument<'c, 'a>>,
    ) -> Rewritten<Value<'c, 'a>> {
        self.binary("div", x, y)
    }

    /// A comparison (`eq`, `lt`, …) with a tensor or a number.
    pub(super) fn compare(
        &self,
        name: &str,
        x: Value<'c, 'a>,
        y: impl Into<Argument<'c, 'a>>,
    ) -> Rewritten<Value<'c, 'a>> {
        let y = y.into();
        let overload = if is_number(&y) { "Scalar" } else { "Tensor" };
        self.op_value(&format!("aten.{name}.{overload}"), vec![x.into(), y])
    }

    /// `condition ? x : y`; numbers become tensors of the dtype that both promote to.
    pub(super) fn select(
        &self,
        condition: Value<'c, 'a>,
        x: impl Into<Argument<'c, 'a>>,
        y: impl Into<Argument<'c, 'a>>,
    ) -> Rewritten<Value<'c, 'a>> {
        let (x, y) = (x.into(), y.into());
        let dtype = self.promoted_dtype(&[x.clone(), y.clone()], Promotion::Default)?;
        // Torch makes the tensor of the second number first.
        let y = self.select_operand(condition, y, dtype)?;
        let x = self.select_operand(condition, x, dtype)?;
        self.op_value("aten.where.self", args![condition, x, y])
    }

    fn select_operand(
        &self,
        condition: Value<'c, 'a>,
        operand: Argument<'c, 'a>,
        dtype: ScalarType,
    ) -> Rewritten<Value<'c, 'a>> {
        match operand {
            Argument::Value(value) if value.r#type().is_tensor() => Ok(value),
            number => self.scalar_tensor(number, dtype, condition),
        }
    }

    /// A number as a 0-d tensor with layout and device of another tensor.
    pub(super) fn scalar_tensor(
        &self,
        number: impl Into<Argument<'c, 'a>>,
        dtype: ScalarType,
        like: Value<'c, 'a>,
    ) -> Rewritten<Value<'c, 'a>> {
        let like = self.meta(like)?;
        self.op_with(
            "aten.scalar_tensor.default",
            vec![number.into()],
            &[
                ("dtype", dtype.into()),
                ("layout", Constant::Layout(like.layout).into()),
                ("device", Constant::Device(like.device).into()),
            ],
        )
    }

    /// `x.new_full((), number)`.
    pub(super) fn number_like(
        &self,
        x: Value<'c, 'a>,
        number: impl Into<Argument<'c, 'a>>,
    ) -> Rewritten<Value<'c, 'a>> {
        self.op_with(
            "aten.new_full.default",
            vec![x.into(), Vec::<i64>::new().into(), number.into()],
            &[("pin_memory", false.into())],
        )
    }

    /// The tensor in another dtype; itself if it has that dtype.
    pub(super) fn cast(&self, x: Value<'c, 'a>, dtype: ScalarType) -> Rewritten<Value<'c, 'a>> {
        if self.dtype_of(x)? == dtype {
            return Ok(x);
        }
        self.op_with(
            "aten._to_copy.default",
            args![x],
            &[("dtype", dtype.into())],
        )
    }

    /// The dtype of an elementwise op of these operands.
    pub(super) fn promoted_dtype(
        &self,
        operands: &[Argument<'c, 'a>],
        promotion: Promotion,
    ) -> Rewritten<ScalarType> {
        match shape::promoted_dtype(self.env(), operands, promotion) {
            Some(dtype) => Ok(dtype),
            None => refuse("the dtype of the operands is not known"),
        }
    }

    /// The dtypes of an elementwise decomposition of these operands.
    pub(super) fn promotion(
        &self,
        operands: &[Argument<'c, 'a>],
        promotion: Promotion,
    ) -> Rewritten<Promoted> {
        let (compute, result) = match promotion {
            // What is real or a bool at the end is computed in the dtype of the operands.
            Promotion::ComplexToFloat | Promotion::AlwaysBool => (Promotion::Default, promotion),
            promotion => (promotion, promotion),
        };
        Ok(Promoted {
            compute: opmath(self.promoted_dtype(operands, compute)?),
            result: self.promoted_dtype(operands, result)?,
        })
    }

    /// Casts tensors to the dtype that the decomposition computes in.
    pub(super) fn promote<const N: usize>(
        &self,
        tensors: [Value<'c, 'a>; N],
        promotion: Promotion,
    ) -> Rewritten<([Value<'c, 'a>; N], ScalarType)> {
        let promoted = self.promotion(&tensors.map(Argument::Value), promotion)?;
        let mut cast = tensors;
        for tensor in &mut cast {
            *tensor = self.cast(*tensor, promoted.compute)?;
        }
        Ok((cast, promoted.result))
    }

    /// Casts tensors so that half precision is computed in single precision; with the dtype of the result.
    pub(super) fn in_opmath<const N: usize>(
        &self,
        tensors: [Value<'c, 'a>; N],
    ) -> Rewritten<([Value<'c, 'a>; N], ScalarType)> {
        self.promote(tensors, Promotion::Default)
    }

    /// As [`Self::in_opmath`], with integers as the default float.
    pub(super) fn in_float<const N: usize>(
        &self,
        tensors: [Value<'c, 'a>; N],
    ) -> Rewritten<([Value<'c, 'a>; N], ScalarType)> {
        self.promote(tensors, Promotion::IntToFloat)
    }

    /// The first result of a new op.
    pub(super) fn first_of(
        &self,
        name: &str,
        args: Vec<Argument<'c, 'a>>,
    ) -> Rewritten<Value<'c, 'a>> {
        match self.ops(name, args, &[])?.first() {
            Some(result) => Ok(*result),
            None => refuse(format!("`{name}` has no result")),
        }
    }

    /// The dtypes of an elementwise decomposition of the tensors among these arguments.
    pub(super) fn promotion_of(&self, names: &[&str], promotion: Promotion) -> Rewritten<Promoted> {
        let tensors: Vec<Argument> = names
            .iter()
            .filter_map(|name| self.optional_tensor(name))
            .map(Argument::Value)
            .collect();
        self.promotion(&tensors, promotion)
    }

    /// A tensor argument in a dtype.
    pub(super) fn tensor_as(&self, name: &str, dtype: ScalarType) -> Rewritten<Value<'c, 'a>> {
        self.cast(self.tensor(name)?, dtype)
    }

    /// A tensor argument in a dtype, or none.
    pub(super) fn optional_tensor_as(
        &self,
        name: &str,
        dtype: ScalarType,
    ) -> Rewritten<Option<Value<'c, 'a>>> {
        self.optional_tensor(name)
            .map(|tensor| self.cast(tensor, dtype))
            .transpose()
    }

    /// The replacement by a value in a dtype.
    pub(super) fn answer(&self, x: Value<'c, 'a>, dtype: ScalarType) -> Answer<'c, 'a> {
        single(self.cast(x, dtype)?)
    }

    /// The matched op under another name, with the arguments that the program gave.
    pub(super) fn renamed(&self, name: &str) -> Answer<'c, 'a> {
        let arguments = self.given();
        let values = self.op_of_given(name, arguments)?;
        Ok(values.into_iter().map(Some).collect())
    }
}

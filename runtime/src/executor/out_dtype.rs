//! `out_dtype(op, dtype, *args)`: an operator computed in a wider dtype.

use super::{
    control::{HopArgs, malformed, torch},
    step::find_op,
    value::{Operand, read_all},
};
use crate::{
    error::Result,
    plan::Arg,
    torch::{DeviceKind, Frame, Op, TensorInfo, Value},
};

/// The operator and its arguments, ready to run.
#[derive(Debug)]
pub(super) struct OutDtype {
    op: Op,
    /// The dtype of the result, by c10's number.
    dtype: i64,
    arguments: Vec<Operand>,
}

impl OutDtype {
    pub(super) fn new(args: &HopArgs<'_>) -> Result<Self> {
        let Arg::Op(name) = args.get(0, "op")? else {
            return malformed("the first argument is no operator");
        };
        let Value::Int(dtype) = super::value::constant(args.get(1, "output_dtype")?, None)? else {
            return malformed("argument `output_dtype` is no dtype");
        };
        let op = find_op(name)?;
        Ok(Self {
            op,
            dtype,
            arguments: args.rest(2)?,
        })
    }

    pub(super) fn run(&self, frame: &Frame) -> Result<Vec<Value>> {
        let arguments = read_all(&self.arguments, frame);
        if self.is_int_matmul_on_cuda(&arguments) {
            return find_op("aten::_int_mm")?
                .call(&arguments, &[])
                .map_err(torch);
        }
        let mut wide = self.dtype;
        for info in arguments
            .iter()
            .filter_map(Value::as_tensor)
            .map(TensorInfo::of)
        {
            // Numbers and tensors without dimensions take no part in the promotion.
            if let Some(dtype) = info.dtype.filter(|_| !info.sizes.is_empty()) {
                wide = promote(wide, dtype.c10())?;
            }
        }
        let arguments = arguments
            .into_iter()
            .map(|value| {
                if value.as_tensor().is_some() {
                    convert(value, wide)
                } else {
                    Ok(value)
                }
            })
            .collect::<Result<Vec<_>>>()?;
        let results = self.op.call(&arguments, &[]).map_err(torch)?;
        results
            .into_iter()
            .map(|value| convert(value, self.dtype))
            .collect()
    }

    /// CUDA multiplies matrices of int32 with an operator of its own only.
    fn is_int_matmul_on_cuda(&self, arguments: &[Value]) -> bool {
        let is_matmul = self.op.name().trim_end_matches(".default") == "aten::mm";
        let is_int8_on_cuda = |value: &Value| {
            value.as_tensor().map(TensorInfo::of).is_some_and(|info| {
                info.device.kind == DeviceKind::Cuda
                    && info.dtype == Some(expc_dialects::ScalarType::Int8)
            })
        };
        is_matmul
            && self.dtype == expc_dialects::ScalarType::Int32.c10()
            && arguments.iter().all(is_int8_on_cuda)
    }
}

fn promote(a: i64, b: i64) -> Result<i64> {
    let result = find_op("aten::promote_types")?.call(&[Value::Int(a), Value::Int(b)], &[]);
    match result.map_err(torch)?.first() {
        Some(Value::Int(dtype)) => Ok(*dtype),
        _ => malformed("the dtypes have no common one"),
    }
}

fn convert(value: Value, dtype: i64) -> Result<Value> {
    match find_op("aten::to.dtype")?
        .call(&[value, Value::Int(dtype)], &[])
        .map_err(torch)?
        .pop()
    {
        Some(converted) => Ok(converted),
        None => malformed("a conversion gave nothing"),
    }
}

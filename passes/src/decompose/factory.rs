//! Tensors from nothing: filled ones, ranges, unit matrices.

use expc_dialects::{Argument, Constant, ScalarType};
use melior::ir::Value;

use super::{
    Rule,
    elementwise::{Answer, opmath},
    view::dims,
};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single, size_argument},
    shape::MemoryFormat,
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten._dim_arange.default", dim_arange),
    ("aten.arange.default", arange),
    ("aten.arange.start", arange),
    ("aten.empty_like.default", empty_like),
    ("aten.eye.default", eye),
    ("aten.eye.m", eye),
    ("aten.fill.Scalar", fill),
    ("aten.fill.Tensor", fill),
    ("aten.linspace.Scalar_Tensor", linspace),
    ("aten.linspace.Tensor_Scalar", linspace),
    ("aten.linspace.Tensor_Tensor", linspace),
    ("aten.linspace.default", linspace),
    ("aten.logspace.Scalar_Tensor", logspace),
    ("aten.logspace.Tensor_Scalar", logspace),
    ("aten.logspace.Tensor_Tensor", logspace),
    ("aten.logspace.default", logspace),
    ("aten.new_empty.default", new_empty),
    ("aten.new_full.default", new_full),
    ("aten.new_ones.default", filled::<1>),
    ("aten.new_zeros.default", filled::<0>),
    ("aten.ones.default", filled::<1>),
    ("aten.ones_like.default", filled_like::<1>),
    ("aten.zero.default", filled_like::<0>),
    ("aten.zeros.default", filled::<0>),
    ("aten.zeros_like.default", filled_like::<0>),
];

/// Where and of what dtype a new tensor is.
#[derive(Clone)]
pub(super) struct Options {
    dtype: Option<ScalarType>,
    layout: String,
    device: String,
}

impl Options {
    /// The same with another dtype, or with torch's choice.
    pub(super) fn with_dtype(self, dtype: impl Into<Option<ScalarType>>) -> Self {
        Self {
            dtype: dtype.into(),
            ..self
        }
    }

    fn kwargs<'c, 'a>(&self) -> Vec<(&'static str, Argument<'c, 'a>)> {
        let mut kwargs: Vec<(&'static str, Argument)> = Vec::with_capacity(4);
        if let Some(dtype) = self.dtype {
            kwargs.push(("dtype", dtype.into()));
        }
        kwargs.push(("layout", Constant::Layout(self.layout.clone()).into()));
        kwargs.push(("device", Constant::Device(self.device.clone()).into()));
        kwargs.push(("pin_memory", false.into()));
        kwargs
    }
}

/// A number of a dtype: bool has no numbers.
pub(super) fn number_of<'c, 'a>(dtype: ScalarType, number: i64) -> Argument<'c, 'a> {
    match dtype {
        ScalarType::Bool => (number != 0).into(),
        _ => number.into(),
    }
}

impl<'c: 'a, 'a> Rewrite<'_, 'c, 'a> {
    /// Dtype, layout and device of a tensor.
    pub(super) fn options_of(&self, x: Value<'c, 'a>) -> Rewritten<Options> {
        let meta = self.meta(x)?;
        Ok(Options {
            dtype: Some(meta.dtype),
            layout: meta.layout,
            device: meta.device,
        })
    }

    /// Dtype, layout and device of the matched op's result.
    pub(super) fn result_options(&self) -> Rewritten<Options> {
        let meta = self.result_meta(0)?;
        Ok(Options {
            dtype: Some(meta.dtype),
            layout: meta.layout,
            device: meta.device,
        })
    }

    /// `aten.full`.
    pub(super) fn full(
        &self,
        sizes: impl IntoIterator<Item = Size<'c, 'a>>,
        value: impl Into<Argument<'c, 'a>>,
        options: &Options,
    ) -> Rewritten<Value<'c, 'a>> {
        let args = vec![size_argument(sizes), value.into()];
        self.op_with("aten.full.default", args, &options.kwargs())
    }

    /// `aten.full` of zeros.
    pub(super) fn zeros(
        &self,
        sizes: impl IntoIterator<Item = Size<'c, 'a>>,
        options: &Options,
    ) -> Rewritten<Value<'c, 'a>> {
        let dtype = options.dtype.unwrap_or(ScalarType::Float32);
        self.full(sizes, number_of(dtype, 0), options)
    }

    /// `aten.empty`: memory that nothing was written to.
    pub(super) fn empty(
        &self,
        sizes: impl IntoIterator<Item = Size<'c, 'a>>,
        options: &Options,
    ) -> Rewritten<Value<'c, 'a>> {
        let args = vec![size_argument(sizes)];
        self.op_with("aten.empty.memory_format", args, &options.kwargs())
    }

    /// `start, start + step, ...` below `end`.
    pub(super) fn range(
        &self,
        start: Size<'c, 'a>,
        end: Size<'c, 'a>,
        step: i64,
        options: &Options,
    ) -> Rewritten<Value<'c, 'a>> {
        let args = args![start, end, step];
        self.op_with("aten.arange.start_step", args, &options.kwargs())
    }

    /// `0, 1, ...` below a size, as int64 on the device of a tensor.
    pub(super) fn indices(
        &self,
        size: Size<'c, 'a>,
        like: Value<'c, 'a>,
    ) -> Rewritten<Value<'c, 'a>> {
        let options = self.options_of(like)?.with_dtype(ScalarType::Int64);
        self.range(Size::Static(0), size, 1, &options)
    }
}

/// The arguments of these names that the program gave, but None.
fn given_kwargs<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    names: &[&'static str],
) -> Vec<(&'static str, Argument<'c, 'a>)> {
    names
        .iter()
        .filter(|name| b.is_given(name))
        .filter_map(|name| Some((*name, b.arg(name)?)))
        .collect()
}

// arange(a, b) = arange(a, b, 1)
fn arange<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let Some(end) = b.arg("end") else {
        return refuse("`arange` without an end");
    };
    let start = b.arg("start").unwrap_or_else(|| 0.into());
    let kwargs = given_kwargs(b, &["dtype", "layout", "device", "pin_memory"]);
    single(b.op_with("aten.arange.start_step", vec![start, end], &kwargs)?)
}

// _dim_arange(x, d) = arange(size of d)
fn dim_arange<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("like")?;
    let size = b.size_of(x, b.dimension(x, b.int("dim")?)?)?;
    single(b.indices(size, x)?)
}

// zeros(s) = full(s, 0), new_ones(x, s) = full(s, 1, dtype and device of x), ...
fn filled<'c, 'a, const NUMBER: i64>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let value = number_of(b.result_meta(0)?.dtype, NUMBER);
    single(b.full(b.size_list("size")?, value, &b.result_options()?)?)
}

// new_full(x, s, v) = full(s, v, dtype and device of x)
fn new_full<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let Some(value) = b.arg("fill_value") else {
        return refuse("`new_full` without a value");
    };
    single(b.full(b.size_list("size")?, value, &b.result_options()?)?)
}

// fill(x, v) = full_like(x, v), copy(x, v) for a tensor v
fn fill<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    if let Ok(value) = b.tensor("value") {
        return single(b.op_value("aten.copy.default", args![x, value])?);
    }
    let Some(value) = b.arg("value") else {
        return refuse("no value to fill with");
    };
    single(b.op_value("aten.full_like.default", vec![x.into(), value])?)
}

// zero(x) = zeros_like(x) = full_like(x, 0), ones_like(x) = full_like(x, 1)
fn filled_like<'c, 'a, const NUMBER: i64>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let value = number_of(b.result_meta(0)?.dtype, NUMBER);
    let kwargs = given_kwargs(
        b,
        &["dtype", "layout", "device", "pin_memory", "memory_format"],
    );
    let args = vec![b.tensor("self")?.into(), value];
    single(b.op_with("aten.full_like.default", args, &kwargs)?)
}

// new_empty(x, s) = empty(s, dtype and device of x)
fn new_empty<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let args = vec![size_argument(b.size_list("size")?)];
    let kwargs = b.result_options()?.kwargs();
    single(b.op_with("aten.empty.memory_format", args, &kwargs)?)
}

// empty_like(x) = empty_permuted(sizes of x, order of its dimensions in memory), empty in a format asked for
fn empty_like<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let mut kwargs = b.result_options()?.kwargs();
    let sizes = size_argument(b.sizes(x)?);
    match b.memory_format("memory_format") {
        None | Some(MemoryFormat::Preserve) => {
            let args = vec![sizes, dims(&memory_order(b)?).into()];
            single(b.op_with("aten.empty_permuted.default", args, &kwargs)?)
        }
        Some(format) => {
            let format = Constant::MemoryFormat(format.name().to_owned());
            kwargs.push(("memory_format", format.into()));
            single(b.op_with("aten.empty.memory_format", vec![sizes], &kwargs)?)
        }
    }
}

/// The dimensions of the result from the one with the largest stride to the one with the smallest.
fn memory_order(b: &Rewrite<'_, '_, '_>) -> Rewritten<Vec<usize>> {
    let meta = b.result_meta(0)?;
    let Some(sizes) = &meta.sizes else {
        return refuse("the rank is not known");
    };
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    let Some(strides) = &meta.strides else {
        return Ok(order);
    };
    let hints: Option<Vec<i64>> = strides
        .iter()
        .map(|stride| b.env().hint(&b.env().size(stride)?))
        .collect();
    let Some(hints) = hints else {
        return refuse("the order of symbolic strides is not known");
    };
    order.sort_by_key(|dim| std::cmp::Reverse(hints.get(*dim).copied()));
    Ok(order)
}

// eye(n, m)[i, j] = (i == j), compared in the smallest dtype that holds both sizes
fn eye<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let rows = b.size("n")?;
    let columns = match b.arg("m") {
        Some(_) => b.size("m")?,
        None => rows.clone(),
    };
    let options = b.result_options()?;
    let dtype = match (rows.as_static(), columns.as_static()) {
        (Some(rows), Some(columns)) => smallest_dtype(rows.max(columns)),
        _ => ScalarType::Int64,
    };
    let range = |size| b.range(Size::Static(0), size, 1, &options.clone().with_dtype(dtype));
    let (row, column) = (range(rows)?, range(columns)?);
    let diagonal = b.compare("eq", b.unsqueeze(row, -1)?, column)?;
    b.answer(diagonal, b.result_meta(0)?.dtype)
}

fn smallest_dtype(number: i64) -> ScalarType {
    match number {
        ..=0xff => ScalarType::Uint8,
        0x100..=0xffff => ScalarType::Uint16,
        0x1_0000..=0x7fff_ffff => ScalarType::Int32,
        _ => ScalarType::Int64,
    }
}

/// An end of a range of numbers.
#[derive(Clone)]
enum End<'c, 'a> {
    Number(Constant),
    Tensor(Value<'c, 'a>),
}

impl<'c, 'a> From<End<'c, 'a>> for Argument<'c, 'a> {
    fn from(end: End<'c, 'a>) -> Self {
        match end {
            End::Number(number) => number.into(),
            End::Tensor(value) => value.into(),
        }
    }
}

fn end_of<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, name: &str) -> Rewritten<End<'c, 'a>> {
    match b.arg(name) {
        Some(Argument::Constant(number)) => Ok(End::Number(number)),
        _ => b.tensor(name).map(End::Tensor),
    }
}

/// A number as its real and imaginary part.
fn parts(number: &Constant) -> Rewritten<(f64, f64)> {
    match number {
        #[allow(clippy::cast_precision_loss, reason = "Python's own conversion")]
        Constant::Int(value) => Ok((*value as f64, 0.0)),
        Constant::Float(value) => Ok((*value, 0.0)),
        Constant::Bool(value) => Ok((f64::from(u8::from(*value)), 0.0)),
        Constant::Complex(real, imaginary) => Ok((*real, *imaginary)),
        _ => refuse("an end of the range is no number"),
    }
}

/// `(end - start) / count` as Python divides numbers.
fn number_step(start: &Constant, end: &Constant, count: f64) -> Rewritten<Constant> {
    let (start_parts, end_parts) = (parts(start)?, parts(end)?);
    let (real, imaginary) = (
        (end_parts.0 - start_parts.0) / count,
        (end_parts.1 - start_parts.1) / count,
    );
    let is_complex = |number: &Constant| matches!(number, Constant::Complex(..));
    Ok(if is_complex(start) || is_complex(end) {
        Constant::Complex(real, imaginary)
    } else {
        Constant::Float(real)
    })
}

// linspace(a, z, n)[i] = a + i*s for i < n/2, else z - (n-1-i)*s, with s = (z - a) / (n - 1)
fn linspace<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let dtype = b.result_meta(0)?.dtype;
    let to_double = |end| match end {
        End::Tensor(value) => b.cast(value, ScalarType::Float64).map(End::Tensor),
        End::Number(number) => Ok(End::Number(number)),
    };
    let (start, end) = (
        to_double(end_of(b, "start")?)?,
        to_double(end_of(b, "end")?)?,
    );
    let options = b.result_options()?;
    let steps = b.int("steps")?;
    match (steps, start.clone()) {
        (..0, _) => return refuse(format!("`steps` is {steps}")),
        (0, _) => return single(b.full([Size::Static(0)], 0, &options)?),
        (1, End::Number(number)) => {
            return single(b.full([Size::Static(1)], number, &options)?);
        }
        (1, End::Tensor(start)) => {
            let empty = args![vec![1_i64]];
            let empty = b.op_with("aten.empty.memory_format", empty, &options.kwargs())?;
            return single(b.op_value("aten.copy.default", args![empty, start])?);
        }
        _ => {}
    }
    #[allow(clippy::cast_precision_loss, reason = "Python's own conversion")]
    let (count, half) = ((steps - 1) as f64, steps as f64 / 2.0);
    let index = b.range(
        Size::Static(0),
        Size::Static(steps),
        1,
        &options.clone().with_dtype(ScalarType::Int64),
    )?;
    let step = match (&start, &end) {
        (End::Number(start), End::Number(end)) => End::Number(number_step(start, end, count)?),
        _ => {
            let length = b.sub(end.clone(), start.clone())?;
            End::Tensor(b.div(length, steps - 1)?)
        }
    };
    let computed = match dtype {
        dtype if dtype.is_integer() || dtype == ScalarType::Bool => ScalarType::Int64,
        dtype => opmath(dtype),
    };
    let scaled = |index| {
        let index = b.cast(index, computed)?;
        match step.clone() {
            End::Number(step) => b.mul(index, step),
            End::Tensor(step) => b.mul(step, index),
        }
    };
    let first = b.compare("lt", index, half)?;
    let grown = scaled(index)?;
    let from_start = match start {
        End::Number(start) => b.add(grown, start)?,
        End::Tensor(start) => b.add(start, grown)?,
    };
    let from_end = b.sub(end, scaled(b.sub(steps - 1, index)?)?)?;
    let value = b.op_value("aten.where.self", args![first, from_start, from_end])?;
    b.answer(value, dtype)
}

// logspace(a, z, n, base) = base ^ linspace(a, z, n), in f64 where nothing is complex
fn logspace<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let dtype = b.result_meta(0)?.dtype;
    let truncated = |end| match end {
        End::Tensor(value) if dtype.is_integer() => b.cast(value, dtype).map(End::Tensor),
        #[allow(clippy::cast_possible_truncation, reason = "Python's own conversion")]
        End::Number(Constant::Float(value)) if dtype.is_integer() => {
            Ok(End::Number(Constant::Int(value.trunc() as i64)))
        }
        end => Ok(end),
    };
    let (start, end) = (
        truncated(end_of(b, "start")?)?,
        truncated(end_of(b, "end")?)?,
    );
    let is_complex = |end: &End| matches!(end, End::Number(Constant::Complex(..)));
    let options = b.result_options()?;
    let options = if is_complex(&start) || is_complex(&end) {
        options.with_dtype(None)
    } else {
        options.with_dtype(ScalarType::Float64)
    };
    let name = b.op().name().replace("logspace", "linspace");
    let args = vec![start.into(), end.into(), b.int("steps")?.into()];
    let exponents = b.op_with(&name, args, &options.kwargs())?;
    let power = b.op_value("aten.pow.Scalar", args![b.float("base")?, exponents])?;
    b.answer(power, dtype)
}

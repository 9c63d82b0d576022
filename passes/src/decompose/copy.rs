//! Copies of tensors: casts, moves, conjugates, and views with memory of their own.

use expc_dialects::{Argument, Constant, GivenArgument, ScalarType, mlir, table};
use melior::ir::{Value, operation::OperationLike};

use super::{Rule, elementwise::Answer, view::conjugate};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, refuse, single},
    shape::MemoryFormat,
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten._autocast_to_full_precision.default", cast_to_result),
    (
        "aten._autocast_to_reduced_precision.default",
        cast_to_result,
    ),
    ("aten._cast_Byte.default", cast_to::<0>),
    ("aten._cast_Char.default", cast_to::<1>),
    ("aten._cast_Double.default", cast_to::<7>),
    ("aten._cast_Float.default", cast_to::<6>),
    ("aten._cast_Half.default", cast_to::<5>),
    ("aten._cast_Int.default", cast_to::<3>),
    ("aten._cast_Long.default", cast_to::<4>),
    ("aten._cast_Short.default", cast_to::<2>),
    ("aten._to_cpu.default", to_cpu),
    ("aten.alias_copy.default", copied_view),
    ("aten.chalf.default", cast_to::<8>),
    ("aten.conj.default", conj),
    ("aten.conj_physical.default", conj_physical),
    ("aten.diagonal_copy.default", copied_view),
    ("aten.expand_copy.default", copied_view),
    ("aten.imag.default", imag),
    ("aten.lift_fresh_copy.default", lift_fresh_copy),
    ("aten.positive.default", positive),
    ("aten.real.default", real),
    ("aten.resize_as.default", resize_as),
    ("aten.resolve_conj.default", resolve_conj),
    ("aten.resolve_neg.default", resolve_neg),
    ("aten.squeeze_copy.default", copied_view),
    ("aten.squeeze_copy.dim", copied_view),
    ("aten.squeeze_copy.dims", copied_view),
    ("aten.t_copy.default", copied_view),
    ("aten.to.device", to),
    ("aten.to.dtype", to),
    ("aten.to.dtype_layout", to),
    ("aten.to.other", to_other),
    ("aten.transpose_copy.int", copied_view),
    ("aten.type_as.default", to_other),
    ("aten.unfold_copy.default", copied_view),
    ("aten.unsqueeze_copy.default", copied_view),
];

// f_copy(x, ...) = clone(f(x, ...)) in row-major order
fn copied_view<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let view = b.op().name().replace("_copy.", ".");
    match b.op_of_given(&view, b.given())?.as_slice() {
        [value] => single(b.copy(*value)?),
        values => refuse(format!(
            "`{view}` has {} results, one is wanted",
            values.len()
        )),
    }
}

/// What a cast asks for; none where it keeps what the tensor has.
#[derive(Default)]
struct Wanted {
    dtype: Option<ScalarType>,
    layout: Option<String>,
    device: Option<String>,
    format: Option<MemoryFormat>,
    copy: bool,
}

// to(x, ...) = x where x is so already and no copy is asked for, else _to_copy(x, ...)
fn to<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let wanted = Wanted {
        dtype: b.dtype("dtype"),
        layout: match b.arg("layout") {
            Some(Argument::Constant(Constant::Layout(layout))) => Some(layout),
            _ => None,
        },
        device: match b.arg("device") {
            Some(Argument::Constant(Constant::Device(device))) => Some(device),
            _ => None,
        },
        format: b.memory_format("memory_format"),
        copy: b.boolean("copy")?,
    };
    single(converted(b, b.tensor("self")?, &wanted)?)
}

// to(x, y) = to(x, dtype, layout and device of y), which is type_as(x, y) as well
fn to_other<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let other = b.meta(b.tensor("other")?)?;
    let wanted = Wanted {
        dtype: Some(other.dtype),
        layout: Some(other.layout),
        device: Some(other.device),
        format: b.memory_format("memory_format"),
        copy: b.arg("copy").is_some() && b.boolean("copy")?,
    };
    single(converted(b, b.tensor("self")?, &wanted)?)
}

// _cast_X(x) = to(x, X), chalf(x) = to(x, complex32); the dtype by the number that c10 has for it
fn cast_to<'c, 'a, const DTYPE: i64>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let wanted = Wanted {
        dtype: ScalarType::from_c10(DTYPE),
        format: b.memory_format("memory_format"),
        ..Wanted::default()
    };
    single(converted(b, b.tensor("self")?, &wanted)?)
}

// _autocast_to_x_precision(x) = to(x, the dtype of the result)
fn cast_to_result<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let wanted = Wanted {
        dtype: Some(b.result_meta(0)?.dtype),
        ..Wanted::default()
    };
    single(converted(b, b.tensor("self")?, &wanted)?)
}

// _to_cpu(xs) = each x on the CPU
fn to_cpu<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let wanted = Wanted {
        device: Some("cpu".to_owned()),
        ..Wanted::default()
    };
    let tensors = b.tensors("tensors")?.into_iter();
    tensors
        .map(|tensor| converted(b, tensor, &wanted).map(Some))
        .collect()
}

// lift_fresh_copy(x) = clone(x)
fn lift_fresh_copy<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.op_value("aten.clone.default", args![b.tensor("self")?])?)
}

fn converted<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    wanted: &Wanted,
) -> Rewritten<Value<'c, 'a>> {
    if !wanted.copy && has(b, x, wanted)? {
        return Ok(x);
    }
    let mut kwargs: Vec<(&str, Argument)> = Vec::new();
    if let Some(dtype) = wanted.dtype {
        kwargs.push(("dtype", dtype.into()));
    }
    if let Some(layout) = &wanted.layout {
        kwargs.push(("layout", Constant::Layout(layout.clone()).into()));
    }
    if let Some(device) = &wanted.device {
        kwargs.push(("device", Constant::Device(device.clone()).into()));
    }
    if let Some(format) = wanted.format {
        let name = format.name().to_owned();
        kwargs.push(("memory_format", Constant::MemoryFormat(name).into()));
    }
    b.op_with("aten._to_copy.default", args![x], &kwargs)
}

/// Whether a tensor is already what a cast asks for.
fn has<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>, wanted: &Wanted) -> Rewritten<bool> {
    let tensor = b.meta(x)?;
    let in_format = match wanted.format {
        None | Some(MemoryFormat::Preserve) => true,
        Some(format) => b.strided(x)?.suggested_format(b.env()) == format,
    };
    Ok(in_format
        && wanted.dtype.is_none_or(|dtype| dtype == tensor.dtype)
        && wanted
            .layout
            .as_ref()
            .is_none_or(|layout| *layout == tensor.layout)
        && wanted
            .device
            .as_ref()
            .is_none_or(|device| same_device(device, &tensor.device)))
}

/// `cuda` is the first GPU, as `cuda:0` is.
fn same_device(left: &str, right: &str) -> bool {
    let index = |device: &str| match device.split_once(':') {
        Some((kind, index)) => (kind.to_owned(), index.to_owned()),
        None => (device.to_owned(), "0".to_owned()),
    };
    index(left) == index(right)
}

// positive(x) = x
fn positive<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(b.tensor("self")?)
}

// conj(x) = _conj(x), x itself where it is real
fn conj<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    single(conjugate(b, b.tensor("self")?)?)
}

// conj_physical(x) = _conj_physical(x), x itself where it is real
fn conj_physical<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    if !b.dtype_of(x)?.is_complex() {
        return single(x);
    }
    single(b.op_value("aten._conj_physical.default", args![x])?)
}

// resolve_conj(x) = clone(x) where x is a conjugate that is not computed yet, else x
fn resolve_conj<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    resolved(b, "aten._conj.default")
}

// resolve_neg(x) = clone(x) where x is a negation that is not computed yet, else x
fn resolve_neg<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    resolved(b, "aten._neg_view.default")
}

fn resolved<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, lazy: &str) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    if !is_pending(x, lazy) {
        return single(x);
    }
    single(b.op_value("aten.clone.default", args![x])?)
}

/// Whether a view, or a view of it, conjugates or negates lazily an odd number of times.
fn is_pending<'c, 'a>(value: Value<'c, 'a>, lazy: &str) -> bool {
    let mut value = value;
    let mut pending = false;
    while let Some(result) = mlir::as_result(value) {
        let owner = result.owner();
        let op = expc_dialects::AtenOp::new(owner);
        let name = op.name();
        let is_view = table::lookup(&name).is_some_and(|def| def.schema.is_view());
        let Some(source) = owner.operand(0).ok().filter(|_| is_view) else {
            break;
        };
        pending ^= name == lazy;
        value = source;
    }
    pending
}

// real(x) = the first of the pairs that a complex x shows as reals; x itself where it is real
fn real<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    if !b.dtype_of(x)?.is_complex() {
        return single(x);
    }
    let x = if is_pending(x, "aten._conj.default") {
        conjugate(b, x)?
    } else {
        x
    };
    single(component(
        b,
        b.op_value("aten.view_as_real.default", args![x])?,
        0,
    )?)
}

// imag(x) = the second of the pairs that a complex x shows as reals, negated where x is a lazy conjugate
fn imag<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let pairs = if is_pending(x, "aten._conj.default") {
        let pairs = b.op_value("aten.view_as_real.default", args![conjugate(b, x)?])?;
        b.op_value("aten._neg_view.default", args![pairs])?
    } else {
        b.op_value("aten.view_as_real.default", args![x])?
    };
    single(component(b, pairs, 1)?)
}

fn component<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    pairs: Value<'c, 'a>,
    index: i64,
) -> Rewritten<Value<'c, 'a>> {
    let last = i64::try_from(b.rank(pairs)?.saturating_sub(1)).unwrap_or(i64::MAX);
    b.op_value("aten.select.int", args![pairs, last, index])
}

// resize_as(x, y) = resize(x, sizes of y)
fn resize_as<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, other) = (b.tensor("self")?, b.tensor("the_template")?);
    let format = match b.memory_format("memory_format") {
        Some(MemoryFormat::Preserve) => b.strided(other)?.suggested_format(b.env()),
        format => format.unwrap_or(MemoryFormat::Contiguous),
    };
    let given = |name: &str, value: Argument<'c, 'a>| GivenArgument {
        name: name.to_owned(),
        value,
        by_keyword: false,
    };
    let format = Constant::MemoryFormat(format.name().to_owned());
    let resized = b.op_of_given(
        "aten.resize.default",
        vec![
            given("self", x.into()),
            given("size", crate::pattern::size_argument(b.sizes(other)?)),
            given("memory_format", format.into()),
        ],
    )?;
    Ok(resized.into_iter().map(Some).collect())
}

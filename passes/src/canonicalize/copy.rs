//! Copies that copy nothing new.

use expc_dialects::{Argument, Constant, ScalarType};
use melior::ir::{Value, ValueLike};

use super::index::overlaps;
use crate::{
    driver::Row,
    pattern::{Replacement, Rewrite, Rewritten, refuse, single},
};

type Answer<'c, 'a> = Rewritten<Replacement<'c, 'a>>;

pub(super) const RULES: &[Row] = &[
    (
        "copy_of_same",
        "aten.clone.default aten._to_copy.default aten.lift_fresh_copy.default",
        copy_of_same,
    ),
    (
        "copy_of_copy",
        "aten.clone.default aten._to_copy.default",
        copy_of_copy,
    ),
    ("cast_of_cast", "aten._to_copy.default", cast_of_cast),
    ("copy_over", "aten.copy.default", copy_over),
];

// clone(x) = x, where x lies in memory as the copy would
fn copy_of_same<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    if is_pinned(b) {
        return refuse("the copy is in pinned memory");
    }
    match b.memory_format("memory_format") {
        Some(_) => single(laid_out(x)?),
        None => single(x),
    }
}

// f(clone(x)) = f(x), for f that copies; whether strides come out the same, types tell
fn copy_of_copy<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let inner = b.producer(b.tensor("self")?)?;
    if inner.op().name() != "aten.clone.default" {
        return refuse("no copy of a copy");
    }
    single(again_on(b, inner.tensor("self")?)?)
}

// to(to(x, T), U) = to(x, U), where T holds every value of x
fn cast_of_cast<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let between = b.tensor("self")?;
    let inner = b.producer(between)?;
    if inner.op().name() != b.op().name() || is_pinned(b) {
        return refuse("no cast of a cast");
    }
    let x = inner.tensor("self")?;
    let (from, via, to) = (
        b.dtype_of(x)?,
        b.dtype_of(between)?,
        b.result_meta(0)?.dtype,
    );
    if !is_lossless(from, via, to) {
        return refuse("the cast in between loses values");
    }
    if from == to && b.memory_format("memory_format").is_none() {
        return single(x);
    }
    single(again_on(b, x)?)
}

// copy(x, y) = y, where y is already as x is
fn copy_over<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let y = b.tensor("src")?;
    match overlaps(b, y)? {
        true => refuse("the strides of the copy are others than PyTorch records"),
        false => single(laid_out(y)?),
    }
}

/// The tensor, if its strides are surely those of its type: a caller may give an input others than it had at export
/// time, which a copy sets right.
fn laid_out<'c, 'a>(x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    match x.is_block_argument() {
        true => refuse("the strides of an input are the caller's"),
        false => Ok(x),
    }
}

/// The op with the same arguments, on another tensor.
fn again_on<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    let mut given = b.given();
    for argument in &mut given {
        if argument.name == "self" {
            argument.value = x.into();
        }
    }
    match b.op_of_given(&b.op().name(), given)?.as_slice() {
        [value] => Ok(*value),
        _ => refuse("a copy has one result"),
    }
}

fn is_pinned(b: &Rewrite<'_, '_, '_>) -> bool {
    !matches!(
        b.arg("pin_memory"),
        None | Some(Argument::Constant(Constant::None | Constant::Bool(false)))
    )
}

/// Whether a value of one dtype becomes the same value of the last one with and without the one in between.
fn is_lossless(from: ScalarType, via: ScalarType, to: ScalarType) -> bool {
    use ScalarType::{BFloat16, Bool, Float16, Float32, Float64, Uint8, Uint16, Uint32};
    if from == via {
        return true;
    }
    if from == Bool {
        return true;
    }
    if from.is_integer() && via.is_integer() {
        let is_unsigned = |dtype| matches!(dtype, Uint8 | Uint16 | Uint32 | ScalarType::Uint64);
        let widens = via.size() > from.size();
        return match (is_unsigned(from), is_unsigned(via)) {
            (true, _) | (false, false) => widens,
            (false, true) => false,
        };
    }
    match (from, via) {
        (Float32, Float64) => to == Float32 || to == Float64,
        // What half precision widens to first is single precision, whatever is asked for; the way back does not
        // keep NaNs apart.
        (Float16 | BFloat16, Float32) => to == Float64 || to == Float32,
        _ => false,
    }
}

//! What is written into a tensor and read from there again.

use expc_dialects::mlir;
use melior::ir::Value;

use crate::{
    driver::Row,
    pattern::{Replacement, Rewrite, Rewritten, refuse, single},
    shape::Size,
};

type Answer<'c, 'a> = Rewritten<Replacement<'c, 'a>>;

pub(super) const RULES: &[Row] = &[
    (
        "read_of_written",
        "aten.slice.Tensor aten.select.int aten.diagonal.default",
        read_of_written,
    ),
    (
        "write_of_read",
        "aten.slice_scatter.default aten.select_scatter.default aten.diagonal_scatter.default",
        write_of_read,
    ),
    (
        "write_over_written",
        "aten.slice_scatter.default aten.select_scatter.default aten.diagonal_scatter.default",
        write_over_written,
    ),
    ("write_of_all", "aten.slice_scatter.default", write_of_all),
];

/// Each view with the op that writes through it, and the arguments that say where.
const PLACES: &[(&str, &str, &[&str])] = &[
    (
        "aten.slice.Tensor",
        "aten.slice_scatter.default",
        &["dim", "start", "end", "step"],
    ),
    (
        "aten.select.int",
        "aten.select_scatter.default",
        &["dim", "index"],
    ),
    (
        "aten.diagonal.default",
        "aten.diagonal_scatter.default",
        &["offset", "dim1", "dim2"],
    ),
];

// slice(slice_scatter(x, y, at), at) = y
fn read_of_written<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let inner = b.producer(b.tensor("self")?)?;
    match same_place(b, &inner) {
        true => single(inner.tensor("src")?),
        false => refuse("another place"),
    }
}

// slice_scatter(x, slice(x, at), at) = x
fn write_of_read<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    let inner = b.producer(b.tensor("src")?)?;
    let is_same = same_place(&inner, b) && mlir::same_value(inner.tensor("self")?, x);
    match is_same && !overlaps(b, x)? {
        true => single(x),
        false => refuse("another place"),
    }
}

// slice_scatter(slice_scatter(x, y, at), z, at) = slice_scatter(x, z, at)
fn write_over_written<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let inner = b.producer(b.tensor("self")?)?;
    let Some((_, write, place)) = PLACES.iter().find(|(_, write, _)| b.op().name() == *write)
    else {
        return refuse("no write");
    };
    if inner.op().name() != *write || !same_arguments(b, &inner, place) {
        return refuse("another place");
    }
    let mut given = b.given();
    let x = inner.tensor("self")?;
    for argument in &mut given {
        if argument.name == "self" {
            argument.value = x.into();
        }
    }
    match b.op_of_given(write, given)?.as_slice() {
        [value] => single(*value),
        _ => refuse("a write has one result"),
    }
}

// slice_scatter(x, y, everything) = y
fn write_of_all<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (x, y) = (b.tensor("self")?, b.tensor("src")?);
    match crate::driver::same_tensor(b.env(), x, y) && !is_input(y) && !overlaps(b, y)? {
        true => single(y),
        false => refuse("a part is left"),
    }
}

/// Whether elements of a tensor lie in the same place: kernels then write into a row-major copy, whatever strides
/// PyTorch records.
pub(super) fn overlaps<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<bool> {
    Ok(b.strided(x)?.strides.contains(&Size::ZERO))
}

fn is_input(value: Value<'_, '_>) -> bool {
    mlir::producer(value).is_none()
}

/// Whether an op reads where another one writes.
fn same_place(read: &Rewrite<'_, '_, '_>, write: &Rewrite<'_, '_, '_>) -> bool {
    PLACES.iter().any(|(reads, writes, place)| {
        read.op().name() == *reads
            && write.op().name() == *writes
            && same_arguments(read, write, place)
    })
}

/// Whether two ops have the same arguments of these names; what was not given has its default.
fn same_arguments(left: &Rewrite<'_, '_, '_>, right: &Rewrite<'_, '_, '_>, names: &[&str]) -> bool {
    names
        .iter()
        .all(|name| match (left.arg(name), right.arg(name)) {
            (None, None) => true,
            (Some(left), Some(right)) => match (left.as_value(), right.as_value()) {
                (Some(left), Some(right)) => mlir::same_value(left, right),
                _ => left.as_constant().is_some() && left.as_constant() == right.as_constant(),
            },
            _ => false,
        })
}

//! Joining and splitting tensors.

use expc_dialects::mlir;
use melior::ir::{Value, operation::OperationLike};

use crate::{
    args,
    driver::Row,
    pattern::{Replacement, Rewrite, Rewritten, refuse, single},
};

type Answer<'c, 'a> = Rewritten<Replacement<'c, 'a>>;

pub(super) const RULES: &[Row] = &[
    ("cat_of_one", "aten.cat.default", cat_of_one),
    ("cat_of_split", "aten.cat.default", cat_of_split),
    ("cat_of_empty", "aten.cat.default", cat_of_empty),
    (
        "split_into_one",
        "aten.split_with_sizes.default aten.split.Tensor",
        split_into_one,
    ),
];

// cat([x]) = x
fn cat_of_one<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    match b.tensors("tensors")?.as_slice() {
        [x] => single(*x),
        _ => refuse("more than one tensor"),
    }
}

// cat(split(x, dim), dim) = x, where all parts are there in order
fn cat_of_split<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let parts = b.tensors("tensors")?;
    let Some(first) = parts.first() else {
        return refuse("no tensors");
    };
    let split = b.producer(*first)?;
    let is_split = matches!(
        split.op().name().as_str(),
        "aten.split_with_sizes.default" | "aten.split.Tensor"
    );
    if !is_split {
        return refuse("no parts of a tensor");
    }
    let x = split.tensor("self")?;
    let dims = (
        b.dimension(*first, b.int("dim")?)?,
        b.dimension(x, split.int("dim")?)?,
    );
    let results: Vec<Value> = split.op().operation().results().map(Value::from).collect();
    let in_order = results.len() == parts.len()
        && results
            .iter()
            .zip(&parts)
            .all(|(result, part)| mlir::same_value(*result, *part));
    if dims.0 != dims.1 || !in_order {
        return refuse("other parts, or another dimension");
    }
    single(x)
}

// cat([x, e, y]) = cat([x, y]), where e has no elements and counts for no dtype
fn cat_of_empty<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let parts = b.tensors("tensors")?;
    let mut kept = Vec::with_capacity(parts.len());
    for part in &parts {
        if !b
            .strided(*part)?
            .sizes
            .iter()
            .any(|size| size.as_int() == Some(0))
        {
            kept.push(*part);
        }
    }
    if kept.len() == parts.len() || kept.is_empty() {
        return refuse("no empty tensor beside others");
    }
    single(b.op_value("aten.cat.default", args![kept, b.int("dim")?])?)
}

// split(x, size of x) = [x]
fn split_into_one<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    match b.op().operation().result_count() {
        1 => single(b.tensor("self")?),
        _ => refuse("more than one part"),
    }
}

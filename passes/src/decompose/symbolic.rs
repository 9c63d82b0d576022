//! Numbers that programs ask tensors for.

use super::{Rule, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, Size, refuse, single},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.item.default", item),
    ("aten.size.int", size),
    ("aten.stride.int", stride),
    ("aten.sym_numel.default", numel),
];

// item(x) = _local_scalar_dense(x)
fn item<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("self")?;
    single(b.op_value("aten._local_scalar_dense.default", args![x])?)
}

// size(x, d) = sym_size(x, d)
fn size<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    b.renamed("aten.sym_size.int")
}

// stride(x, d) = sym_stride(x, d)
fn stride<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    b.renamed("aten.sym_stride.int")
}

// sym_numel(x) = the product of the sizes of x
fn numel<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    match b.product(&b.sizes(b.tensor("self")?)?)? {
        Size::Symbolic(value, _) => single(value),
        Size::Static(number) => refuse(format!("{number} is no value of the program")),
    }
}

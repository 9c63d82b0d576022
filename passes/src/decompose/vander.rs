//! Powers of a row as columns.

use melior::ir::Value;

use super::{Rule, elementwise::Answer};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, single, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[("aten.vander.default", vander)];

// vander(x, n)[i, j] = x[i] ^ j: a column of ones, then x multiplied up along the rows; flipped unless increasing
fn vander<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let x = b.tensor("x")?;
    let length = b.size_of(x, 0)?;
    let columns = match b.optional_int("N")? {
        Some(columns) => crate::pattern::Size::Static(columns),
        None => length.clone(),
    };
    let (has_ones, has_powers) = match columns.as_static() {
        Some(columns) => (columns > 0, columns > 1),
        None => (true, true),
    };
    let sizes = size_argument([length, columns]);
    let dtype = [("dtype", b.result_meta(0)?.dtype.into())];
    let mut powers = b.op_with("aten.new_empty.default", vec![x.into(), sizes], &dtype)?;
    if has_ones {
        let column = b.op_value("aten.select.int", args![powers, 1, 0])?;
        let ones = b.op_value("aten.fill.Scalar", args![column, 1])?;
        powers = b.op_value("aten.select_scatter.default", args![powers, ones, 1, 0])?;
    }
    if has_powers {
        let column = b.unsqueeze(x, 1)?;
        powers = with_rest(b, powers, |_| Ok(column))?;
        powers = with_rest(b, powers, |rest| {
            b.op_value("aten.cumprod.default", args![rest, 1])
        })?;
    }
    if b.boolean("increasing")? {
        return single(powers);
    }
    single(b.op_value("aten.flip.default", args![powers, vec![1_i64]])?)
}

/// The matrix with all columns but the first made anew.
fn with_rest<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    matrix: Value<'c, 'a>,
    make: impl Fn(Value<'c, 'a>) -> Rewritten<Value<'c, 'a>>,
) -> Rewritten<Value<'c, 'a>> {
    let rest = b.op_value("aten.slice.Tensor", args![matrix, 1, 1])?;
    let made = b.op_value("aten.copy.default", args![rest, make(rest)?])?;
    b.op_value("aten.slice_scatter.default", args![matrix, made, 1, 1])
}

//! Images as columns of sliding windows, and back.

use expc_dialects::{Argument, ScalarType};
use melior::ir::Value;

use super::{
    Rule,
    elementwise::{Answer, opmath},
};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, single},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.col2im.default", col2im),
    ("aten.im2col.default", im2col),
];

/// How windows lie along one dimension.
#[derive(Clone, Copy)]
struct Windows {
    size: i64,
    dilation: i64,
    padding: i64,
    stride: i64,
}

impl Windows {
    /// The last place of the padded dimension at which a window begins, and one more.
    fn end<'c, 'a>(
        self,
        b: &Rewrite<'_, 'c, 'a>,
        length: &Size<'c, 'a>,
    ) -> Rewritten<Size<'c, 'a>> {
        let reach = self
            .size
            .checked_sub(1)
            .and_then(|gaps| gaps.checked_mul(self.dilation));
        let margin = self.padding.checked_mul(2).zip(reach);
        match margin.and_then(|(padding, reach)| padding.checked_sub(reach)) {
            Some(margin) => b.size_add(length, &Size::Static(margin)),
            None => refuse("the extent of a window overflows"),
        }
    }

    /// How many windows there are.
    fn count<'c, 'a>(
        self,
        b: &Rewrite<'_, 'c, 'a>,
        length: &Size<'c, 'a>,
    ) -> Rewritten<Size<'c, 'a>> {
        let last = b.size_sub(&self.end(b, length)?, &Size::Static(1))?;
        let steps = b.size_floordiv(&last, &Size::Static(self.stride))?;
        b.size_add(&steps, &Size::Static(1))
    }

    /// Places in the padded dimension: a row for each element of a window, a column for each window.
    fn places<'c, 'a>(
        self,
        b: &Rewrite<'_, 'c, 'a>,
        length: &Size<'c, 'a>,
        like: Value<'c, 'a>,
    ) -> Rewritten<Value<'c, 'a>> {
        let options = b.options_of(like)?.with_dtype(ScalarType::Int64);
        let begins = b.range(Size::Static(0), self.end(b, length)?, self.stride, &options)?;
        let begins = b.unsqueeze(begins, 0)?;
        let Some(reach) = self.size.checked_mul(self.dilation) else {
            return refuse("the extent of a window overflows");
        };
        let offsets = b.range(
            Size::Static(0),
            Size::Static(reach),
            self.dilation,
            &options,
        )?;
        b.add(begins, b.unsqueeze(offsets, -1)?)
    }
}

/// The windows along height and width that the arguments describe.
fn windows(b: &Rewrite<'_, '_, '_>) -> Rewritten<[Windows; 2]> {
    let pair = |name: &str| -> Rewritten<[i64; 2]> {
        match b.ints(name)?[..] {
            [height, width] => Ok([height, width]),
            [both] => Ok([both, both]),
            _ => refuse(format!("`{name}` is no pair")),
        }
    };
    let (sizes, dilations) = (pair("kernel_size")?, pair("dilation")?);
    let (paddings, strides) = (pair("padding")?, pair("stride")?);
    let along = |dim: usize| Windows {
        size: sizes[dim],
        dilation: dilations[dim],
        padding: paddings[dim],
        stride: strides[dim],
    };
    let windows = [along(0), along(1)];
    let positive = |window: &Windows| window.size > 0 && window.dilation > 0 && window.stride > 0;
    if !windows.iter().all(positive) {
        return refuse("windows have a positive size, dilation and stride");
    }
    Ok(windows)
}

/// Zeros around height and width, or cut off there.
fn padded<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    [height, width]: [i64; 2],
) -> Rewritten<Value<'c, 'a>> {
    let pads = vec![width, width, height, height];
    b.op_value("aten.constant_pad_nd.default", args![x, pads, 0.0])
}

/// The tensor with a batch of one where it has no batch.
fn batched<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    rank: usize,
) -> Rewritten<Value<'c, 'a>> {
    match b.rank(x)? {
        found if found == rank => Ok(x),
        found if found + 1 == rank => b.unsqueeze(x, 0),
        found => refuse(format!("rank {found}, {rank} is wanted")),
    }
}

/// `[None, None, rows, columns]`.
fn places_argument<'c, 'a>(rows: Value<'c, 'a>, columns: Value<'c, 'a>) -> Argument<'c, 'a> {
    args![(), (), rows, columns].into()
}

// im2col(x)[n, c*k + i, l] = padded x[n, c, place i of window l]
fn im2col<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let given = b.tensor("self")?;
    let [vertical, horizontal] = windows(b)?;
    let x = batched(b, given, 4)?;
    let [batch, channels, height, width] = four(b.sizes(x)?)?;
    let rows = vertical.places(b, &height, x)?;
    let columns = horizontal.places(b, &width, x)?;
    let image = padded(b, x, [vertical.padding, horizontal.padding])?;
    let rows = b.unsqueeze(b.unsqueeze(rows, -1)?, -1)?;
    let shown = b.op_value(
        "aten.index.Tensor",
        vec![image.into(), places_argument(rows, columns)],
    )?;
    let moved = b.permute(shown, [0, 1, 2, 4, 3, 5])?;
    let area = b.product(&[
        channels,
        Size::Static(vertical.size),
        Size::Static(horizontal.size),
    ])?;
    let (down, across) = (vertical.count(b, &height)?, horizontal.count(b, &width)?);
    let columns = b.reshape(moved, [batch, area, b.size_mul(&down, &across)?])?;
    single(unbatched(b, columns, given, x)?)
}

// col2im(x, s) = zeros(s) with each element of each window of x added at its place
fn col2im<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let given = b.tensor("self")?;
    let dtype = b.dtype_of(given)?;
    let [vertical, horizontal] = windows(b)?;
    let computed = b.cast(given, opmath(dtype))?;
    let x = batched(b, computed, 3)?;
    let [height, width] = match <[Size; 2]>::try_from(b.size_list("output_size")?) {
        Ok(sizes) => sizes,
        Err(_) => return refuse("`output_size` is no pair"),
    };
    let sizes = b.sizes(x)?;
    let [batch, columns, _] = sizes.as_slice() else {
        return refuse("columns have three dimensions");
    };
    let area = vertical.size.checked_mul(horizontal.size);
    let Some(area) = area else {
        return refuse("the area of a window overflows");
    };
    let channels = b.size_floordiv(columns, &Size::Static(area))?;
    let split = [
        batch.clone(),
        channels.clone(),
        Size::Static(vertical.size),
        Size::Static(horizontal.size),
        vertical.count(b, &height)?,
        horizontal.count(b, &width)?,
    ];
    let moved = b.permute(b.reshape(x, split)?, [0, 1, 2, 4, 3, 5])?;
    let rows = vertical.places(b, &height, x)?;
    let rows = b.unsqueeze(b.unsqueeze(rows, -1)?, -1)?;
    let columns = horizontal.places(b, &width, x)?;
    let around = |length: &Size<'c, 'a>, windows: Windows| {
        let padding = Size::Static(windows.padding.saturating_mul(2));
        b.size_add(length, &padding)
    };
    let sizes = [
        batch.clone(),
        channels,
        around(&height, vertical)?,
        around(&width, horizontal)?,
    ];
    let image = b.zeros(sizes, &b.options_of(x)?)?;
    let summed = b.op_value(
        "aten._unsafe_index_put.default",
        vec![
            image.into(),
            places_argument(rows, columns),
            moved.into(),
            true.into(),
        ],
    )?;
    let cut = padded(
        b,
        summed,
        [
            vertical.padding.saturating_neg(),
            horizontal.padding.saturating_neg(),
        ],
    )?;
    b.answer(unbatched(b, cut, computed, x)?, dtype)
}

fn four<'c, 'a>(sizes: Vec<Size<'c, 'a>>) -> Rewritten<[Size<'c, 'a>; 4]> {
    match <[Size; 4]>::try_from(sizes) {
        Ok(sizes) => Ok(sizes),
        Err(sizes) => refuse(format!("rank {}, 4 is wanted", sizes.len())),
    }
}

/// Takes the batch of one off where [`batched`] added it.
fn unbatched<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    given: Value<'c, 'a>,
    batched: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    if b.rank(given)? == b.rank(batched)? {
        return Ok(value);
    }
    b.squeeze(value, 0)
}

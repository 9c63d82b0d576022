//! Padding.

use expc_dialects::{Argument, Constant};
use melior::ir::Value;

use super::{Rule, pool::device_of};
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, Size, refuse, single, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.pad.default", pad),
    ("aten._pad_enum.default", pad_enum),
    ("aten._pad_circular.default", pad_circular),
    ("aten.reflection_pad1d.default", reflection_pad),
    ("aten.reflection_pad2d.default", reflection_pad),
    ("aten.reflection_pad3d.default", reflection_pad),
    ("aten.replication_pad1d.default", replication_pad),
    ("aten.replication_pad2d.default", replication_pad),
    ("aten.replication_pad3d.default", replication_pad),
];

// pad(x, mode) = the op of that mode and number of dimensions.
fn pad<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let mode = b.string("mode")?;
    pad_by_mode(b, &mode)
}

// _pad_enum(x, mode) = pad with the mode by its number.
fn pad_enum<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    match b.int("mode")? {
        0 => pad_by_mode(b, "constant"),
        1 => pad_by_mode(b, "reflect"),
        2 => pad_by_mode(b, "replicate"),
        3 => pad_by_mode(b, "circular"),
        mode => refuse(format!("padding mode {mode}")),
    }
}

fn pad_by_mode<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, mode: &str) -> Rewritten<Replacement<'c, 'a>> {
    let input = b.tensor("self")?;
    let padding = b.size_list("pad")?;
    let count = padding.len() / 2;
    let padding = || size_argument(padding.iter().cloned());
    let family = match mode {
        "constant" => {
            let value = b.arg("value").unwrap_or_else(|| 0.0.into());
            return single(b.op_value(
                "aten.constant_pad_nd.default",
                args![input, padding(), value],
            )?);
        }
        "circular" => return single(circular(b, input)?),
        "reflect" => "reflection_pad",
        "replicate" => "replication_pad",
        mode => return refuse(format!("padding mode `{mode}`")),
    };
    if !(1..=3).contains(&count) {
        return refuse(format!("padding of {count} dimensions"));
    }
    let name = format!("aten.{family}{count}d.default");
    single(b.op_value(&name, args![input, padding()])?)
}

/// The numbers before and after each padded dimension, the first dimension first.
pub(super) fn borders<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    name: &str,
) -> Rewritten<Vec<(Size<'c, 'a>, Size<'c, 'a>)>> {
    let padding = b.size_list(name)?;
    if padding.len() % 2 != 0 {
        return refuse("an odd number of paddings");
    }
    Ok(padding
        .chunks_exact(2)
        .rev()
        .filter_map(|pair| match pair {
            [before, after] => Some((before.clone(), after.clone())),
            _ => None,
        })
        .collect())
}

fn reflection_pad<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    pad_by_index(b, |b, index, last| {
        // last - |last - |i||
        let index = b.unary("abs", index)?;
        let index = b.sub(last.clone(), index)?;
        let index = b.unary("abs", index)?;
        b.sub(last, index)
    })
}

fn replication_pad<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    pad_by_index(b, |b, index, last| {
        b.op_value("aten.clamp.default", args![index, 0_i64, last])
    })
}

// pad(x)[i] = x[source(i)], dimension by dimension, i from minus the padding before.
fn pad_by_index<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    source: impl Fn(&Rewrite<'_, 'c, 'a>, Value<'c, 'a>, Size<'c, 'a>) -> Rewritten<Value<'c, 'a>>,
) -> Rewritten<Replacement<'c, 'a>> {
    let ([input], dtype) = b.in_opmath([b.tensor("self")?])?;
    let borders = borders(b, "padding")?;
    let rank = b.rank(input)?;
    let Some(first) = rank.checked_sub(borders.len()) else {
        return refuse("more dimensions are padded than there are");
    };
    let mut result = input;
    for (index, (before, after)) in borders.iter().enumerate() {
        let dim = first + index;
        let size = b.size_of(input, dim)?;
        let start = b.size_sub(&Size::Static(0), before)?;
        let end = b.size_add(&size, after)?;
        let range = b.op_with(
            "aten.arange.start",
            args![start, end],
            &[("device", device_of(b, input)?)],
        )?;
        let last = b.size_sub(&size, &Size::Static(1))?;
        let positions = source(b, range, last)?;
        let indices: Vec<Argument> = (0..rank)
            .map(|other| match other == dim {
                true => Argument::Value(positions),
                false => Argument::Constant(Constant::None),
            })
            .collect();
        result = b.op_value(
            "aten.index.Tensor",
            vec![result.into(), Argument::List(indices)],
        )?;
    }
    let format = b.strided(result)?.suggested_format(b.env());
    if !b.strided(result)?.is_contiguous_in(b.env(), format) {
        result = b.clone_in(result, format)?;
    }
    b.answer(result, dtype)
}

fn pad_circular<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    single(circular(b, b.tensor("self")?)?)
}

// pad_circular(x) = empty with x in the middle, then dimension by dimension the borders from what is opposite.
fn circular<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, input: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    let borders: Vec<(i64, i64)> = borders(b, "pad")?
        .iter()
        .map(
            |(before, after)| match (before.as_static(), after.as_static()) {
                (Some(before), Some(after)) => Ok((before, after)),
                _ => refuse("the padding is not known"),
            },
        )
        .collect::<Rewritten<_>>()?;
    let sizes = b.sizes(input)?;
    let Some(first) = sizes.len().checked_sub(borders.len()) else {
        return refuse("more dimensions are padded than there are");
    };
    let mut padded = sizes.clone();
    let mut middle = Vec::new();
    for (index, (before, after)) in borders.iter().enumerate() {
        let dim = first + index;
        let (Some(size), Some(padded)) = (sizes.get(dim), padded.get_mut(dim)) else {
            return refuse("more dimensions are padded than there are");
        };
        let size = b.size_add(size, &Size::Static(*before))?;
        *padded = b.size_add(&size, &Size::Static(*after))?;
        let before_part = Size::Static((*before).max(0));
        let after_part = Size::Static((*after).max(0));
        middle.push(Part {
            dim: i64::try_from(dim).unwrap_or(i64::MAX),
            start: before_part,
            end: b.size_sub(padded, &after_part)?,
        });
    }
    let meta = b.meta(input)?;
    let empty = b.op_with(
        "aten.empty.memory_format",
        args![size_argument(padded.iter().cloned())],
        &[
            ("dtype", meta.dtype.into()),
            ("layout", Constant::Layout(meta.layout).into()),
            ("device", Constant::Device(meta.device).into()),
        ],
    )?;
    let inner: Vec<Part> = borders
        .iter()
        .zip(&middle)
        .map(|((before, after), part)| {
            let dim = usize::try_from(part.dim).unwrap_or(usize::MAX);
            let Some(size) = sizes.get(dim) else {
                return refuse("more dimensions are padded than there are");
            };
            let cut = Size::Static((*after).saturating_neg().max(0));
            Ok(Part {
                dim: part.dim,
                start: Size::Static((*before).saturating_neg().max(0)),
                end: b.size_sub(size, &cut)?,
            })
        })
        .collect::<Rewritten<_>>()?;
    let mut source = input;
    for part in inner.iter().rev() {
        source = part.of(b, source)?;
    }
    let parts: Vec<Part> = middle.iter().rev().cloned().collect();
    let mut result = with_part(b, empty, &parts, source)?;
    for ((before, after), part) in borders.iter().zip(&middle).rev() {
        let length = b.size_sub(&part.end, &part.start)?;
        if *before > 0 {
            let target = Part {
                dim: part.dim,
                start: Size::Static(0),
                end: Size::Static(*before),
            };
            let source = Part {
                dim: part.dim,
                start: length.clone(),
                end: b.size_add(&length, &Size::Static(*before))?,
            };
            let source = source.of(b, result)?;
            result = with_part(b, result, &[target], source)?;
        }
        if *after > 0 {
            let target = Part {
                dim: part.dim,
                start: part.end.clone(),
                end: b.size_add(&part.end, &Size::Static(*after))?,
            };
            let source = Part {
                dim: part.dim,
                start: part.start.clone(),
                end: b.size_add(&part.start, &Size::Static(*after))?,
            };
            let source = source.of(b, result)?;
            result = with_part(b, result, &[target], source)?;
        }
    }
    Ok(result)
}

/// A stretch of a dimension.
#[derive(Clone)]
struct Part<'c, 'a> {
    dim: i64,
    start: Size<'c, 'a>,
    end: Size<'c, 'a>,
}

impl<'c: 'a, 'a> Part<'c, 'a> {
    fn of(&self, b: &Rewrite<'_, 'c, 'a>, value: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
        b.op_value(
            "aten.slice.Tensor",
            args![value, self.dim, self.start.clone(), self.end.clone()],
        )
    }

    fn replaced(
        &self,
        b: &Rewrite<'_, 'c, 'a>,
        value: Value<'c, 'a>,
        with: Value<'c, 'a>,
    ) -> Rewritten<Value<'c, 'a>> {
        b.op_value(
            "aten.slice_scatter.default",
            args![value, with, self.dim, self.start.clone(), self.end.clone()],
        )
    }
}

/// The value with a copy of the source in a part of a part of it.
fn with_part<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    parts: &[Part<'c, 'a>],
    source: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let mut views = vec![value];
    for part in parts {
        let Some(view) = views.last() else { break };
        views.push(part.of(b, *view)?);
    }
    let Some(target) = views.pop() else {
        return Ok(source);
    };
    let mut result = b.op_value("aten.copy.default", args![target, source])?;
    for (part, view) in parts.iter().zip(views).rev() {
        result = part.replaced(b, view, result)?;
    }
    Ok(result)
}

//! Gradients of padding.

use expc_dialects::{Argument, Constant};
use melior::ir::Value;

use super::{Rule, elementwise::Answer, pad::borders};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.reflection_pad1d_backward.default", reflection_pad),
    ("aten.reflection_pad2d_backward.default", reflection_pad),
    ("aten.reflection_pad3d_backward.default", reflection_pad),
];

// d reflection_pad(x) = the gradient folded back over both borders, dimension by dimension
fn reflection_pad<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let ([gradient], dtype) = b.in_opmath([b.tensor("grad_output")?])?;
    let x = b.tensor("self")?;
    let borders = borders(b, "padding")?;
    let Some(first) = b.rank(x)?.checked_sub(borders.len()) else {
        return refuse("more dimensions are padded than there are");
    };
    let mut folded = gradient;
    for (index, (before, after)) in borders.iter().enumerate() {
        let dim = first + index;
        folded = fold(b, folded, dim, &b.size_of(x, dim)?, [before, after])?;
    }
    b.answer(folded, dtype)
}

/// Places of the gradient that go to places `from` to `to` of the input.
struct Part<'c, 'a> {
    places: Value<'c, 'a>,
    of: Value<'c, 'a>,
    from: Size<'c, 'a>,
    to: Size<'c, 'a>,
}

// g[before + j] + (1 ≤ j ≤ before ? g[before - j]) + (last - after ≤ j < last ? g[before + 2 last - j])
fn fold<'c: 'a, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    gradient: Value<'c, 'a>,
    dim: usize,
    size: &Size<'c, 'a>,
    [before, after]: [&Size<'c, 'a>; 2],
) -> Rewritten<Value<'c, 'a>> {
    let one = Size::Static(1);
    let last = b.size_sub(size, &one)?;
    let end = b.size_sub(&b.size_of(gradient, dim)?, &one)?;
    let places = b.indices(size.clone(), gradient)?;
    let middle = b.add(places, before.clone())?;
    let mirrored = b.size_add(before, &b.size_mul(&last, &Size::Static(2))?)?;
    let parts = [
        Part {
            places: middle,
            of: middle,
            from: Size::Static(0),
            to: end.clone(),
        },
        Part {
            places: b.sub(before.clone(), places)?,
            of: places,
            from: one.clone(),
            to: before.clone(),
        },
        Part {
            places: b.sub(mirrored, places)?,
            of: places,
            from: b.size_sub(&last, after)?,
            to: b.size_sub(&last, &one)?,
        },
    ];
    let [middle, low, high] = parts.map(|part| part.of_gradient(b, gradient, dim, &end));
    b.add(b.add(middle?, low?)?, high?)
}

impl<'c: 'a, 'a> Part<'c, 'a> {
    fn of_gradient(
        self,
        b: &Rewrite<'_, 'c, 'a>,
        gradient: Value<'c, 'a>,
        dim: usize,
        end: &Size<'c, 'a>,
    ) -> Rewritten<Value<'c, 'a>> {
        let above = b.compare("ge", self.of, self.from)?;
        let below = b.compare("le", self.of, self.to)?;
        let is_inside = b.op_value("aten.logical_and.default", args![above, below])?;
        let places = b.op_value("aten.clamp.default", args![self.places, 0_i64, end.clone()])?;
        let rank = b.rank(gradient)?;
        let indices: Vec<Argument> = (0..rank)
            .map(|other| match other == dim {
                true => Argument::Value(places),
                false => Argument::Constant(Constant::None),
            })
            .collect();
        let found = b.op_value(
            "aten.index.Tensor",
            vec![gradient.into(), Argument::List(indices)],
        )?;
        let mut column = vec![Size::Static(1); rank.saturating_sub(dim)];
        if let Some(first) = column.first_mut() {
            *first = b.size_of(is_inside, 0)?;
        }
        b.select(b.view(is_inside, column)?, found, 0.0)
    }
}

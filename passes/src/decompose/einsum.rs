//! Sums of products in Einstein's notation.

use melior::ir::Value;

use super::Rule;
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, Size, refuse, single},
    shape::einsum::{Label, read},
};

pub(super) const RULES: &[(&str, Rule)] = &[("aten.einsum.default", einsum)];

// einsum(a, b, …): all operands get one list of dimensions, those of the result first, then those that are
// summed; they are multiplied two by two, each time summing what no other operand has.
fn einsum<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let tensors = b.tensors("tensors")?;
    let ranks = tensors
        .iter()
        .map(|tensor| b.rank(*tensor))
        .collect::<Rewritten<Vec<_>>>()?;
    let equation = match read(&b.string("equation")?, &ranks) {
        Ok(equation) => equation,
        Err(reason) => return refuse(reason.to_string()),
    };
    let mut operands = tensors
        .iter()
        .zip(&equation.operands)
        .map(|(tensor, labels)| aligned(b, *tensor, labels, &equation.all))
        .collect::<Rewritten<Vec<_>>>()?;
    let n_kept = equation.result.len();
    let summed: Vec<i64> = dims(n_kept, equation.all.len());
    let mut contraction = Contraction::new(b, &operands, equation.all.len(), n_kept)?;
    let path = b.optional_ints("path")?;
    let mut steps = path.as_deref().unwrap_or_default().chunks_exact(2);
    let is_single = operands.len() == 1;
    while operands.len() > 1 {
        let (left, right) = next_pair(&mut operands, path.is_some(), &mut steps)?;
        let product = contraction.multiply(b, left, right)?;
        let place = if path.is_some() { operands.len() } else { 0 };
        operands.insert(place, product);
    }
    let Some(product) = operands.pop() else {
        return refuse("there is no operand");
    };
    if summed.is_empty() {
        return single(product);
    }
    if is_single {
        return single(b.op_value("aten.sum.dim_IntList", args![product, summed])?);
    }
    let kept = b.sizes(product)?.into_iter().take(n_kept);
    single(b.view(product, kept.collect::<Vec<_>>())?)
}

fn dims(start: usize, end: usize) -> Vec<i64> {
    (start..end)
        .filter_map(|dim| i64::try_from(dim).ok())
        .collect()
}

/// Takes the next two operands out: the first two, or those that a path names.
fn next_pair<'c, 'a>(
    operands: &mut Vec<Value<'c, 'a>>,
    has_path: bool,
    steps: &mut std::slice::ChunksExact<'_, i64>,
) -> Rewritten<(Value<'c, 'a>, Value<'c, 'a>)> {
    let (first, second) = if has_path {
        let Some([first, second]) = steps.next() else {
            return refuse("the path is too short");
        };
        match (usize::try_from(*first), usize::try_from(*second)) {
            (Ok(first), Ok(second)) => (first.min(second), first.max(second)),
            _ => return refuse("the path names no operand"),
        }
    } else {
        (0, 1)
    };
    if first == second || second >= operands.len() {
        return refuse("the path names no two operands");
    }
    let right = operands.remove(second);
    let left = operands.remove(first);
    Ok((left, right))
}

/// The operand with one dimension per label, of size one where it has none; a label that it has twice stands
/// for a diagonal.
fn aligned<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    tensor: Value<'c, 'a>,
    labels: &[Label],
    all: &[Label],
) -> Rewritten<Value<'c, 'a>> {
    let mut value = tensor;
    let mut places: Vec<Option<i64>> = vec![None; all.len()];
    let mut next = 0;
    // The operands of an ellipsis are as long as the longest: what is missing is added before it.
    let most = ellipsis_length(all);
    let own = ellipsis_length(labels);
    let has_ellipsis = own > 0;
    let mut added = false;
    for label in labels {
        let is_ellipsis = matches!(label, Label::Ellipsis(_));
        if is_ellipsis && has_ellipsis && !added {
            added = true;
            for missing in (own..most).rev() {
                value = b.unsqueeze(value, next)?;
                set_place(&mut places, all, Label::Ellipsis(missing), next);
                next += 1;
            }
        }
        let Some(position) = all.iter().position(|other| other == label) else {
            return refuse("a label that is neither kept nor summed");
        };
        match places.get(position).copied().flatten() {
            Some(dim) => value = diagonal(b, value, dim, next)?,
            None => {
                set_place(&mut places, all, *label, next);
                next += 1;
            }
        }
    }
    let mut order = Vec::with_capacity(places.len());
    for place in places {
        match place {
            Some(dim) => order.push(dim),
            None => {
                value = b.unsqueeze(value, next)?;
                order.push(next);
                next += 1;
            }
        }
    }
    b.permute(value, order)
}

fn ellipsis_length(labels: &[Label]) -> usize {
    labels
        .iter()
        .filter(|label| matches!(label, Label::Ellipsis(_)))
        .count()
}

fn set_place(places: &mut [Option<i64>], all: &[Label], label: Label, dim: i64) {
    let position = all.iter().position(|other| *other == label);
    if let Some(place) = position.and_then(|position| places.get_mut(position)) {
        *place = Some(dim);
    }
}

/// The diagonal over two dimensions in the place of the first.
fn diagonal<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
    first: i64,
    second: i64,
) -> Rewritten<Value<'c, 'a>> {
    let value = b.op_value("aten.diagonal.default", args![value, 0_i64, first, second])?;
    b.op_value("aten.movedim.int", args![value, -1_i64, first])
}

/// How many of the operands that are left have each dimension.
struct Contraction {
    n_kept: usize,
    uses: Vec<usize>,
}

impl Contraction {
    fn new<'c, 'a>(
        b: &Rewrite<'_, 'c, 'a>,
        operands: &[Value<'c, 'a>],
        count: usize,
        n_kept: usize,
    ) -> Rewritten<Self> {
        let mut uses = vec![0; count];
        for operand in operands {
            for (uses, size) in uses.iter_mut().zip(b.sizes(*operand)?) {
                *uses += usize::from(!b.size_is(&size, 1));
            }
        }
        Ok(Self { n_kept, uses })
    }

    /// The product of two operands, summed over the dimensions that no other operand has.
    fn multiply<'c, 'a>(
        &mut self,
        b: &Rewrite<'_, 'c, 'a>,
        mut left: Value<'c, 'a>,
        mut right: Value<'c, 'a>,
    ) -> Rewritten<Value<'c, 'a>> {
        let (left_sizes, right_sizes) = (b.sizes(left)?, b.sizes(right)?);
        let (mut both, mut only_left, mut only_right) = (Vec::new(), Vec::new(), Vec::new());
        let sizes = left_sizes.iter().zip(&right_sizes).enumerate();
        for (dim, (left, right)) in sizes.skip(self.n_kept) {
            let Some(uses) = self.uses.get_mut(dim) else {
                continue;
            };
            let index = i64::try_from(dim).unwrap_or(i64::MAX);
            match (!b.size_is(left, 1), !b.size_is(right, 1)) {
                (true, true) => {
                    *uses = uses.saturating_sub(1);
                    if *uses == 1 {
                        both.push(index);
                        *uses = 0;
                    }
                }
                (true, false) if *uses == 1 => {
                    only_left.push(index);
                    *uses = 0;
                }
                (false, true) if *uses == 1 => {
                    only_right.push(index);
                    *uses = 0;
                }
                _ => {}
            }
        }
        let sum = |value: Value<'c, 'a>, dims: Vec<i64>| {
            if dims.is_empty() {
                Ok(value)
            } else {
                b.op_value("aten.sum.dim_IntList", args![value, dims, true])
            }
        };
        left = sum(left, only_left)?;
        right = sum(right, only_right)?;
        if both.is_empty() {
            return b.mul(left, right);
        }
        Pair::new(b, left, right, both)?.product(b)
    }
}

/// Two operands of equal rank, whose dimensions are told apart by who has them.
struct Pair<'c, 'a> {
    left: Value<'c, 'a>,
    right: Value<'c, 'a>,
    /// Dimensions of both operands and the product.
    shared: Vec<i64>,
    only_left: Vec<i64>,
    only_right: Vec<i64>,
    summed: Vec<i64>,
}

impl<'c: 'a, 'a> Pair<'c, 'a> {
    fn new(
        b: &Rewrite<'_, 'c, 'a>,
        left: Value<'c, 'a>,
        right: Value<'c, 'a>,
        summed: Vec<i64>,
    ) -> Rewritten<Self> {
        let (left_sizes, right_sizes) = (b.sizes(left)?, b.sizes(right)?);
        let mut pair = Self {
            left,
            right,
            shared: Vec::new(),
            only_left: Vec::new(),
            only_right: Vec::new(),
            summed,
        };
        for (dim, (left, right)) in left_sizes.iter().zip(&right_sizes).enumerate() {
            let dim = i64::try_from(dim).unwrap_or(i64::MAX);
            if pair.summed.contains(&dim) {
                continue;
            }
            match (!b.size_is(left, 1), !b.size_is(right, 1)) {
                (true, true) => pair.shared.push(dim),
                (true, false) => pair.only_left.push(dim),
                (false, _) => pair.only_right.push(dim),
            }
        }
        Ok(pair)
    }

    /// The product as a batch of products of matrices, with summed dimensions of size one.
    fn product(&self, b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Value<'c, 'a>> {
        let sizes_of = |value: Value<'c, 'a>, dims: &[i64]| -> Rewritten<Vec<Size<'c, 'a>>> {
            dims.iter()
                .map(|dim| b.size_of(value, usize::try_from(*dim).unwrap_or(usize::MAX)))
                .collect()
        };
        let shared = sizes_of(self.left, &self.shared)?;
        let rows = sizes_of(self.left, &self.only_left)?;
        let columns = sizes_of(self.right, &self.only_right)?;
        let inner = b.product(&sizes_of(self.left, &self.summed)?)?;
        let batch = b.product(&shared)?;
        let ordered =
            |lists: [&Vec<i64>; 4]| -> Vec<i64> { lists.into_iter().flatten().copied().collect() };
        let left_order = ordered([
            &self.shared,
            &self.only_left,
            &self.summed,
            &self.only_right,
        ]);
        let right_order = ordered([
            &self.shared,
            &self.summed,
            &self.only_right,
            &self.only_left,
        ]);
        let left = b.permute(self.left, left_order.clone())?;
        let left_matrix = [batch.clone(), b.product(&rows)?, inner.clone()];
        let left = b.reshape(left, left_matrix)?;
        let right = b.permute(self.right, right_order)?;
        let right_matrix = [batch, inner, b.product(&columns)?];
        let right = b.reshape(right, right_matrix)?;
        let product = b.op_value("aten.bmm.default", args![left, right])?;
        let ones = std::iter::repeat_n(Size::Static(1), self.summed.len());
        let sizes = shared.into_iter().chain(rows).chain(ones).chain(columns);
        let product = b.view(product, sizes.collect::<Vec<_>>())?;
        // The product has its dimensions in the left operand's order.
        let mut inverse: Vec<i64> = vec![0; left_order.len()];
        for (place, dim) in left_order.iter().enumerate() {
            if let Some(slot) = usize::try_from(*dim)
                .ok()
                .and_then(|dim| inverse.get_mut(dim))
            {
                *slot = i64::try_from(place).unwrap_or(i64::MAX);
            }
        }
        b.permute(product, inverse)
    }
}

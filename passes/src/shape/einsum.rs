//! Sums of products in Einstein's notation.
//!
//! PyTorch aligns the operands to one list of dimensions, those of the result first, and multiplies them two by
//! two from the left with `bmm`; the strides of the result follow from that.

use expc_symbolic::Relation;

use super::{
    Item, NoInference, Tensor, broadcast::elementwise_result, call::Call, reshape::view_of,
    size::Size, tensor::contiguous_strides, view::restrided,
};

/// What stands for a dimension: a letter, or a position counted from the end of an ellipsis.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Label {
    Letter(char),
    Ellipsis(usize),
}

/// An equation, read.
pub struct Equation {
    /// The labels of each operand's dimensions.
    pub operands: Vec<Vec<Label>>,
    pub result: Vec<Label>,
    /// The labels of the result, then those that are summed over.
    pub all: Vec<Label>,
}

pub fn einsum(call: &Call<'_>) -> Result<Vec<Item>, NoInference> {
    if !matches!(call.get("path"), Item::None) {
        return Err(call.unknown("the operands are multiplied in an order of their own"));
    }
    let tensors = call.tensors("tensors")?;
    let ranks: Vec<usize> = tensors.iter().map(|tensor| tensor.rank()).collect();
    let equation = read(&call.string("equation").unwrap_or_default(), &ranks)
        .map_err(|fault| call.contradiction(fault.reason))?;
    let mut operands = equation
        .operands
        .iter()
        .zip(&tensors)
        .map(|(labels, tensor)| aligned(call, tensor, labels, &equation.all))
        .collect::<Result<Vec<_>, _>>()?;
    check_sizes(call, &operands)?;
    let n_kept = equation.result.len();
    let mut uses: Vec<usize> = (0..equation.all.len())
        .map(|dim| {
            operands
                .iter()
                .filter(|operand| !call.env.is(&operand.sizes[dim], 1))
                .count()
        })
        .collect();
    let is_single = operands.len() == 1;
    while operands.len() > 1 {
        let (left, right) = (operands.remove(0), operands.remove(0));
        operands.insert(0, multiplied(call, left, right, n_kept, &mut uses)?);
    }
    let Some(product) = operands.pop() else {
        return Err(call.contradiction("there is no operand"));
    };
    let kept = product.sizes[..n_kept].to_vec();
    if equation.all.len() == n_kept {
        return Ok(vec![product.into()]);
    }
    if is_single {
        return Ok(vec![
            Tensor::contiguous(product.dtype, kept, &product.device)?.into(),
        ]);
    }
    match view_of(call.env, &product, &kept)? {
        Some(view) => Ok(vec![view.into()]),
        None => Err(call.unknown("the result is no view of the product")),
    }
}

/// Reads an equation for operands of these ranks.
pub fn read(text: &str, ranks: &[usize]) -> Result<Equation, NoInference> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (inputs, output) = match text.split_once("->") {
        Some((inputs, output)) => (inputs, Some(output)),
        None => (text.as_str(), None),
    };
    let terms: Vec<&str> = inputs.split(',').collect();
    if terms.len() != ranks.len() {
        return Err(NoInference::contradiction(format!(
            "`{text}` does not name {} operands",
            ranks.len()
        )));
    }
    let operands = terms
        .iter()
        .zip(ranks)
        .map(|(term, rank)| labels_of(term, *rank))
        .collect::<Result<Vec<_>, _>>()?;
    let labels = || operands.iter().flatten().copied();
    let most_ellipsis = labels()
        .filter_map(|label| match label {
            Label::Ellipsis(position) => Some(position + 1),
            Label::Letter(_) => None,
        })
        .max()
        .unwrap_or(0);
    let result = match output {
        Some(output) => output_labels(output, most_ellipsis),
        None => implied_output(labels(), most_ellipsis),
    };
    let mut all = result.clone();
    let mut summed: Vec<Label> = labels().filter(|label| !result.contains(label)).collect();
    summed.sort_by_key(|label| match label {
        Label::Letter(letter) => (1, letter_order(*letter)),
        Label::Ellipsis(position) => (0, usize::MAX - position),
    });
    summed.dedup();
    all.extend(summed);
    if let Some(Label::Letter(letter)) = result
        .iter()
        .find(|label| !labels().any(|other| other == **label))
    {
        return Err(NoInference::contradiction(format!(
            "`{letter}` of `{text}` is in no operand"
        )));
    }
    Ok(Equation {
        operands,
        result,
        all,
    })
}

/// Capitals come first.
fn letter_order(letter: char) -> usize {
    letter as usize
}

fn labels_of(term: &str, rank: usize) -> Result<Vec<Label>, NoInference> {
    let letters = term.replace("...", "").chars().count();
    let misfit =
        || NoInference::contradiction(format!("`{term}` does not fit an operand of rank {rank}"));
    let hidden = rank.checked_sub(letters).ok_or_else(misfit)?;
    let Some((before, after)) = term.split_once("...") else {
        if hidden > 0 {
            return Err(misfit());
        }
        return Ok(term.chars().map(Label::Letter).collect());
    };
    let ellipsis = (0..hidden).rev().map(Label::Ellipsis);
    Ok(before
        .chars()
        .map(Label::Letter)
        .chain(ellipsis)
        .chain(after.chars().map(Label::Letter))
        .collect())
}

fn output_labels(output: &str, most_ellipsis: usize) -> Vec<Label> {
    let ellipsis = (0..most_ellipsis).rev().map(Label::Ellipsis);
    match output.split_once("...") {
        Some((before, after)) => before
            .chars()
            .map(Label::Letter)
            .chain(ellipsis)
            .chain(after.chars().map(Label::Letter))
            .collect(),
        None => output.chars().map(Label::Letter).collect(),
    }
}

/// The ellipsis, then the letters that occur once, in order of the alphabet.
fn implied_output(labels: impl Iterator<Item = Label>, most_ellipsis: usize) -> Vec<Label> {
    let mut letters: Vec<char> = labels
        .filter_map(|label| match label {
            Label::Letter(letter) => Some(letter),
            Label::Ellipsis(_) => None,
        })
        .collect();
    letters.sort_unstable();
    let all = letters.clone();
    letters.retain(|letter| all.iter().filter(|other| *other == letter).count() == 1);
    (0..most_ellipsis)
        .rev()
        .map(Label::Ellipsis)
        .chain(letters.into_iter().map(Label::Letter))
        .collect()
}

/// The operand with one dimension per label, of size 1 where it has none; a label that it has twice stands for
/// a diagonal.
fn aligned(
    call: &Call<'_>,
    tensor: &Tensor,
    labels: &[Label],
    all: &[Label],
) -> Result<Tensor, NoInference> {
    let (mut sizes, mut strides) = (Vec::new(), Vec::new());
    for label in all {
        let dims: Vec<usize> = (0..labels.len())
            .filter(|dim| labels[*dim] == *label)
            .collect();
        let Some(first) = dims.first() else {
            sizes.push(Size::ONE);
            strides.push(Size::ONE);
            continue;
        };
        let same = dims
            .iter()
            .all(|dim| call.env.equal(&tensor.sizes[*dim], &tensor.sizes[*first]));
        if !same {
            return Err(call.contradiction("a diagonal has two sizes"));
        }
        sizes.push(tensor.sizes[*first].clone());
        strides.push(Size::sum(dims.iter().map(|dim| &tensor.strides[*dim]))?);
    }
    Ok(restrided(tensor, sizes, strides))
}

fn check_sizes(call: &Call<'_>, operands: &[Tensor]) -> Result<(), NoInference> {
    let shapes: Vec<&[Size]> = operands
        .iter()
        .map(|operand| operand.sizes.as_slice())
        .collect();
    super::broadcast::broadcast_sizes(call.env, &shapes).map(|_| ())
}

/// Two operands multiplied, summed over the dimensions that no later operand has.
fn multiplied(
    call: &Call<'_>,
    mut left: Tensor,
    mut right: Tensor,
    n_kept: usize,
    uses: &mut [usize],
) -> Result<Tensor, NoInference> {
    let env = call.env;
    let (mut summed, mut left_only, mut right_only) = (Vec::new(), Vec::new(), Vec::new());
    for (dim, uses) in uses.iter_mut().enumerate().skip(n_kept) {
        let (in_left, in_right) = (!env.is(&left.sizes[dim], 1), !env.is(&right.sizes[dim], 1));
        if in_left && in_right {
            *uses = uses.saturating_sub(1);
            if *uses == 1 {
                summed.push(dim);
                *uses = 0;
            }
        } else if *uses == 1 && in_left {
            left_only.push(dim);
            *uses = 0;
        } else if *uses == 1 && in_right {
            right_only.push(dim);
            *uses = 0;
        }
    }
    for (operand, dims) in [(&mut left, left_only), (&mut right, right_only)] {
        if !dims.is_empty() {
            for dim in dims {
                operand.sizes[dim] = Size::ONE;
            }
            *operand = Tensor::contiguous(operand.dtype, operand.sizes.clone(), &operand.device)?;
        }
    }
    if summed.is_empty() {
        let dtype = super::promote::promote(left.dtype, right.dtype);
        let operands = [std::rc::Rc::new(left), std::rc::Rc::new(right)];
        return match elementwise_result(call, &operands, dtype)? {
            Item::Tensor(product) => Ok((*product).clone()),
            _ => Err(call.unknown("the product is no tensor")),
        };
    }
    batched(call, &left, &right, &summed)
}

/// The product as `bmm` computes it: batch, rows of the left, columns of the right, in the order in which the
/// operands have them.
fn batched(
    call: &Call<'_>,
    left: &Tensor,
    right: &Tensor,
    summed: &[usize],
) -> Result<Tensor, NoInference> {
    let env = call.env;
    let (mut both, mut of_left, mut of_right) = (Vec::new(), Vec::new(), Vec::new());
    for dim in (0..left.rank()).filter(|dim| !summed.contains(dim)) {
        let (in_left, in_right) = (!env.is(&left.sizes[dim], 1), !env.is(&right.sizes[dim], 1));
        let group = match (in_left, in_right) {
            (true, true) => &mut both,
            (true, false) => &mut of_left,
            _ => &mut of_right,
        };
        group.push(dim);
    }
    for dim in both.iter().chain(summed) {
        if env.decide(Relation::Eq, &left.sizes[*dim], &right.sizes[*dim]) == Some(false) {
            return Err(call.contradiction("a label has two sizes"));
        }
    }
    let mut outer = (left, right);
    if let (Some(first), Some(last)) = (of_left.first(), of_right.last())
        && last < first
    {
        std::mem::swap(&mut of_left, &mut of_right);
        outer = (right, left);
    }
    let mut order = Vec::new();
    let mut sizes = Vec::new();
    for (dims, tensor) in [(&both, outer.0), (&of_left, outer.0)] {
        for dim in dims {
            order.push(*dim);
            sizes.push(tensor.sizes[*dim].clone());
        }
    }
    for dim in summed {
        order.push(*dim);
        sizes.push(Size::ONE);
    }
    for dim in &of_right {
        order.push(*dim);
        sizes.push(outer.1.sizes[*dim].clone());
    }
    let strides = contiguous_strides(&sizes)?;
    let mut result = restrided(left, left.sizes.clone(), left.strides.clone());
    result.offset = Size::ZERO;
    for (at, dim) in order.iter().enumerate() {
        result.sizes[*dim] = sizes[at].clone();
        result.strides[*dim] = strides[at].clone();
    }
    Ok(result)
}

//! Sums of products in Einstein's notation.

use expc_symbolic::Relation;

use super::{Item, NoInference, Tensor, call::Call, size::Size};

/// What stands for a dimension: a letter, or a position counted from the end of an ellipsis.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    Letter(char),
    Ellipsis(usize),
}

/// The sizes follow from the equation; the strides of a result are not row-major in general, and are known
/// only for equations whose result the rule of PyTorch leaves so.
pub fn einsum(call: &Call<'_>) -> Result<Vec<Item>, NoInference> {
    let equation = call.string("equation").unwrap_or_default();
    let tensors = call.tensors("tensors")?;
    let text: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (inputs, output) = match text.split_once("->") {
        Some((inputs, output)) => (inputs, Some(output)),
        None => (text.as_str(), None),
    };
    let operands: Vec<&str> = inputs.split(',').collect();
    if operands.len() != tensors.len() {
        return Err(call.contradiction(format!("`{equation}` does not name {} operands", tensors.len())));
    }
    let mut sizes: Vec<(Label, Size)> = Vec::new();
    let mut counts: Vec<(char, usize)> = Vec::new();
    let mut most_ellipsis = 0;
    for (operand, tensor) in operands.iter().zip(&tensors) {
        let labels = labels_of(call, operand, tensor)?;
        for (label, size) in labels.into_iter().zip(&tensor.sizes) {
            match label {
                Label::Ellipsis(position) => most_ellipsis = most_ellipsis.max(position + 1),
                Label::Letter(letter) => match counts.iter_mut().find(|(known, _)| *known == letter) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((letter, 1)),
                },
            }
            unify(call, &mut sizes, label, size)?;
        }
    }
    let result = match output {
        Some(output) => output_labels(output, most_ellipsis),
        None => implied_output(&counts, most_ellipsis),
    };
    let result_sizes = result
        .iter()
        .map(|label| {
            let found = sizes.iter().find(|(known, _)| known == label);
            found.map(|(_, size)| size.clone()).ok_or_else(|| call.contradiction(format!("`{equation}` makes a dimension of nothing")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let first = tensors.first().ok_or_else(|| call.contradiction("there is no operand"))?;
    Ok(vec![Tensor::contiguous(call.env, first.dtype, result_sizes, &first.device)?.into()])
}

fn labels_of(call: &Call<'_>, operand: &str, tensor: &Tensor) -> Result<Vec<Label>, NoInference> {
    let letters = operand.replace("...", "").chars().count();
    let misfit = || call.contradiction(format!("`{operand}` does not fit an operand of rank {}", tensor.rank()));
    let hidden = tensor.rank().checked_sub(letters).ok_or_else(misfit)?;
    let Some((before, after)) = operand.split_once("...") else {
        if hidden > 0 {
            return Err(misfit());
        }
        return Ok(operand.chars().map(Label::Letter).collect());
    };
    let ellipsis = (0..hidden).rev().map(Label::Ellipsis);
    Ok(before.chars().map(Label::Letter).chain(ellipsis).chain(after.chars().map(Label::Letter)).collect())
}

fn unify(call: &Call<'_>, sizes: &mut Vec<(Label, Size)>, label: Label, size: &Size) -> Result<(), NoInference> {
    match sizes.iter_mut().find(|(known, _)| *known == label) {
        None => sizes.push((label, size.clone())),
        Some((_, known)) if call.env.is(known, 1) => *known = size.clone(),
        Some((_, known)) => {
            if !call.env.is(size, 1) && call.env.decide(Relation::Eq, known, size) == Some(false) {
                return Err(call.contradiction(format!("one label stands for sizes {known} and {size}")));
            }
        }
    }
    Ok(())
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
fn implied_output(counts: &[(char, usize)], most_ellipsis: usize) -> Vec<Label> {
    let mut once: Vec<char> = counts.iter().filter(|(_, count)| *count == 1).map(|(letter, _)| *letter).collect();
    once.sort_unstable();
    (0..most_ellipsis).rev().map(Label::Ellipsis).chain(once.into_iter().map(Label::Letter)).collect()
}

//! Gradients of convolutions: of those in the order time, batch, channels, and gradients of gradients.

use melior::ir::Value;

use super::{
    Rule, elementwise::Answer, loss::contiguous_zeros_like, norm_backward::output_mask,
    view::sliced,
};
use crate::{
    args,
    pattern::{Rewrite, Rewritten, Size, refuse, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    (
        "aten._convolution_double_backward.default",
        convolution_double_backward,
    ),
    ("aten.conv_tbc_backward.default", conv_tbc_backward),
];

/// A kernel of more steps, or a convolution of more groups than this is left alone: each becomes ops of its own.
const MAX_PARTS: i64 = 1 << 10;

/// Sizes that must be numbers.
fn numbers<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, x: Value<'c, 'a>) -> Rewritten<Vec<i64>> {
    let sizes = b.sizes(x)?;
    let known: Option<Vec<i64>> = sizes.iter().map(Size::as_static).collect();
    known.map_or_else(|| refuse("the sizes are not known"), Ok)
}

/// Which steps of input and output one step of the kernel joins.
struct Overlap {
    input: i64,
    output: i64,
    length: i64,
}

// d conv_tbc(x, w, bias) = (Σₖ g wₖᵀ where step k meets x, xᵀ g for each k, Σ g over time and batch).
fn conv_tbc_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (gradient, input) = (b.tensor("self")?, b.tensor("input")?);
    let (weight, bias) = (b.tensor("weight")?, b.tensor("bias")?);
    let known = |x| match b.size_of(x, 0)?.as_static() {
        Some(size) => Ok(size),
        None => refuse("the number of steps is not known"),
    };
    let (inputs, outputs, steps) = (known(input)?, known(gradient)?, known(weight)?);
    if steps > MAX_PARTS {
        return refuse(format!("a kernel of {steps} steps"));
    }
    let padding = (outputs.saturating_sub(inputs).saturating_add(steps) - 1) / 2;
    let overlaps: Vec<(i64, Overlap)> = (0..steps)
        .map(|step| {
            let (input, output) = ((step - padding).max(0), (padding - step).max(0));
            let length = (inputs + padding - step).min(outputs) - output;
            let overlap = Overlap {
                input,
                output,
                length,
            };
            (step, overlap)
        })
        .filter(|(_, overlap)| overlap.length > 0)
        .collect();
    // Some time steps as a matrix: a row for each step and element of the batch.
    let rows = |x, start, length| {
        let part = sliced(b, x, 0, &Size::Static(start), &Size::Static(length))?;
        let count = b.size_mul(&Size::Static(length), &b.size_of(x, 1)?)?;
        b.view(part, [count, b.size_of(x, 2)?])
    };

    let mut of_input = contiguous_zeros_like(b, input)?;
    for (step, overlap) in &overlaps {
        let given = rows(gradient, overlap.output, overlap.length)?;
        let kernel = b.op_value("aten.select.int", args![weight, 0_i64, *step])?;
        let kernel = b.op_value("aten.t.default", args![kernel])?;
        let sum = rows(of_input, overlap.input, overlap.length)?;
        let sum = b.op_value("aten.addmm.default", args![sum, given, kernel])?;
        let length = Size::Static(overlap.length);
        let sum = b.view(sum, [length, b.size_of(input, 1)?, b.size_of(input, 2)?])?;
        let end = overlap.input.saturating_add(overlap.length);
        let args = args![of_input, sum, 0_i64, overlap.input, end];
        of_input = b.op_value("aten.slice_scatter.default", args)?;
    }

    let mut of_weight = contiguous_zeros_like(b, weight)?;
    for (step, overlap) in &overlaps {
        let given = rows(gradient, overlap.output, overlap.length)?;
        let shown = rows(input, overlap.input, overlap.length)?;
        let shown = b.op_value("aten.t.default", args![shown])?;
        let sum = b.op_value("aten.select.int", args![of_weight, 0_i64, *step])?;
        let sum = b.op_value("aten.addmm.default", args![sum, shown, given])?;
        let args = args![of_weight, sum, 0_i64, *step];
        of_weight = b.op_value("aten.select_scatter.default", args)?;
    }

    let zeros = contiguous_zeros_like(b, bias)?;
    let over_first = |x| b.op_value("aten.sum.dim_IntList", args![x, vec![0_i64]]);
    let sum = over_first(over_first(gradient)?)?;
    let of_bias = b.op_value("aten.copy.default", args![zeros, sum])?;
    Ok(vec![Some(of_input), Some(of_weight), Some(of_bias)])
}

/// How a convolution goes over its input.
#[derive(Clone)]
struct Parameters<'c, 'a> {
    stride: Vec<Size<'c, 'a>>,
    padding: Vec<Size<'c, 'a>>,
    dilation: Vec<Size<'c, 'a>>,
    transposed: bool,
    output_padding: Vec<Size<'c, 'a>>,
    groups: i64,
}

impl<'c: 'a, 'a> Parameters<'c, 'a> {
    fn new(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Self> {
        Ok(Self {
            stride: b.size_list("stride")?,
            padding: b.size_list("padding")?,
            dilation: b.size_list("dilation")?,
            transposed: b.boolean("transposed")?,
            output_padding: b.size_list("output_padding")?,
            groups: b.int("groups")?,
        })
    }

    fn apply(
        &self,
        b: &Rewrite<'_, 'c, 'a>,
        input: Value<'c, 'a>,
        weight: Value<'c, 'a>,
    ) -> Rewritten<Value<'c, 'a>> {
        let args = args![
            input,
            weight,
            None::<Value<'c, 'a>>,
            size_argument(self.stride.clone()),
            size_argument(self.padding.clone()),
            size_argument(self.dilation.clone()),
            self.transposed,
            size_argument(self.output_padding.clone()),
            self.groups,
        ];
        b.op_value("aten.convolution.default", args)
    }
}

// The gradients of convolution_backward, with x̂, ŵ, b̂ the given ones of input, weight and bias: for g it is
// x̂ * w + x * ŵ + b̂, for w it is x̂ * g with stride and dilation exchanged, for x the transpose of * ŵ on g.
fn convolution_double_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let parameters = Parameters::new(b)?;
    let [for_gradient, for_input, for_weight] = output_mask(b)?;
    let gradient = b.tensor("gO")?;
    let (weight, input) = (b.tensor("weight")?, b.tensor("self")?);
    let (given_input, given_weight) = (b.optional_tensor("ggI"), b.optional_tensor("ggW"));

    let mut of_gradient = None;
    if let Some(given) = given_input {
        of_gradient = Some(parameters.apply(b, given, weight)?);
    }
    if let Some(given) = given_weight {
        let term = parameters.apply(b, input, given)?;
        of_gradient = Some(match of_gradient {
            Some(sum) => b.add(sum, term)?,
            None => term,
        });
    }
    if let Some(given) = b.optional_tensor("ggb") {
        let mut sizes = vec![Size::Static(1); b.rank(gradient)?];
        if let Some(channels) = sizes.get_mut(1) {
            *channels = b.size_of(given, 0)?;
        }
        let given = b.view(b.contiguous(given)?, sizes)?;
        let term = b.expand(given, b.sizes(gradient)?)?;
        of_gradient = Some(match of_gradient {
            Some(sum) => b.add(sum, term)?,
            None => term,
        });
    }
    let of_weight = match given_input {
        Some(given) if for_weight => Some(gradient_of_weight(b, &parameters, given, weight)?),
        _ => None,
    };
    let of_input = match given_weight {
        Some(given) if for_input => Some(gradient_of_input(b, &parameters, given, input)?),
        _ => None,
    };
    let or_zeros = |found: Option<Value<'c, 'a>>, like, is_asked| match found {
        None if is_asked => b.op_value("aten.zeros_like.default", args![like]).map(Some),
        found => Ok(found),
    };
    Ok(vec![
        or_zeros(of_gradient, gradient, for_gradient)?,
        or_zeros(of_input, input, for_input)?,
        or_zeros(of_weight, weight, for_weight)?,
    ])
}

// x̂ * g as a sum over the batch: batch and channels change places, of each group by itself.
fn gradient_of_weight<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    parameters: &Parameters<'c, 'a>,
    given: Value<'c, 'a>,
    weight: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    if parameters.groups > MAX_PARTS {
        return refuse(format!("{} groups", parameters.groups));
    }
    let within = Parameters {
        stride: parameters.dilation.clone(),
        dilation: parameters.stride.clone(),
        transposed: false,
        groups: 1,
        ..parameters.clone()
    };
    let turned_gradient = b.transpose(b.tensor("gO")?, 0, 1)?;
    let turned_given = b.transpose(given, 0, 1)?;
    let of_group = |gradient, given| match parameters.transposed {
        true => within.apply(b, gradient, given),
        false => within.apply(b, given, gradient),
    };
    let turned = if parameters.groups == 1 {
        of_group(turned_gradient, turned_given)?
    } else {
        let channels = |x| numbers(b, x).map(|sizes| sizes.first().copied().unwrap_or(0));
        let per_group = |x| channels(x).map(|count| count / parameters.groups.max(1));
        let (of_gradient, of_given) = (per_group(turned_gradient)?, per_group(turned_given)?);
        let part = |x, group: i64, count| {
            let start = Size::Static(group.saturating_mul(count));
            sliced(b, x, 0, &start, &Size::Static(count))
        };
        let groups: Vec<Value> = (0..parameters.groups)
            .map(|group| {
                let gradient = part(turned_gradient, group, of_gradient)?;
                of_group(gradient, part(turned_given, group, of_given)?)
            })
            .collect::<Rewritten<_>>()?;
        b.op_value("aten.cat.default", args![groups, 1_i64])?
    };
    let found = b.transpose(turned, 0, 1)?;
    // A stride that leaves a rest gives the kernel more steps than it has.
    cut_to(b, found, weight)
}

// The transpose of * ŵ on g, with as much output padding as the input's sizes need.
fn gradient_of_input<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    parameters: &Parameters<'c, 'a>,
    given: Value<'c, 'a>,
    input: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let gradient = b.tensor("gO")?;
    let mut turned = Parameters {
        transposed: !parameters.transposed,
        ..parameters.clone()
    };
    if parameters.transposed {
        return cut_to(b, turned.apply(b, gradient, given)?, input);
    }
    let spatial = |x| numbers(b, x).map(|sizes| sizes.into_iter().skip(2).collect::<Vec<i64>>());
    let (kernel, wanted, shown) = (
        spatial(b.tensor("weight")?)?,
        spatial(input)?,
        spatial(gradient)?,
    );
    let at = |list: &[Size<'c, 'a>], dim: usize| {
        let size = list.get(dim).or(list.first());
        size.and_then(Size::as_static)
    };
    let rest = |dim: usize| -> Option<i64> {
        let reach = at(&parameters.dilation, dim)?.checked_mul(kernel.get(dim)?.checked_sub(1)?)?;
        let steps = at(&parameters.stride, dim)?.checked_mul(shown.get(dim)?.checked_sub(1)?)?;
        let padding = at(&parameters.padding, dim)?.checked_mul(2)?;
        let reached = steps
            .checked_sub(padding)?
            .checked_add(reach)?
            .checked_add(1)?;
        wanted.get(dim)?.checked_sub(reached)
    };
    let rests: Option<Vec<i64>> = (0..wanted.len()).map(rest).collect();
    let Some(rests) = rests else {
        return refuse("the sizes are not known");
    };
    turned.output_padding = rests.into_iter().map(Size::Static).collect();
    turned.apply(b, gradient, given)
}

/// The first elements of each dimension that is longer than that of another tensor.
fn cut_to<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    like: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let (found, wanted) = (numbers(b, x)?, numbers(b, like)?);
    let mut cut = x;
    for (dim, (found, wanted)) in (0_i64..).zip(found.into_iter().zip(wanted)) {
        if found > wanted {
            cut = sliced(b, cut, dim, &Size::Static(0), &Size::Static(wanted))?;
        }
    }
    Ok(cut)
}

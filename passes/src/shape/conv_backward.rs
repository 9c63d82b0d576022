//! Gradients of convolutions.

use std::rc::Rc;

use expc_symbolic::Relation;

use super::{
    Item, NoInference, Tensor,
    call::Call,
    conv::{output_format, per_dimension},
    rules::{self, Row},
    size::Size,
    tensor::format_strides,
};

type Results = Result<Vec<Item>, NoInference>;
type One = Result<Rc<Tensor>, NoInference>;

pub const RULES: &[Row] = &[
    ("aten.convolution_backward", convolution_backward),
    (
        "aten._convolution_double_backward",
        convolution_double_backward,
    ),
];

/// Gradients of those operands that are asked for.
fn convolution_backward(call: &Call<'_>) -> Results {
    let (input, weight) = (call.tensor("input")?, call.tensor("weight")?);
    let grad = call.tensor("grad_output")?;
    let wanted = call.list("output_mask")?.unwrap_or_default();
    let is_wanted = |index: usize| wanted.get(index) == Some(&Item::Bool(true));
    let like = |tensor: &Tensor| -> Result<Item, NoInference> {
        let format = output_format(call, &input, &weight, tensor.rank());
        let strides = format_strides(&tensor.sizes, format)?;
        Ok(Tensor::strided(grad.dtype, tensor.sizes.clone(), strides, &grad.device).into())
    };
    let bias = || {
        let channels = grad.sizes.get(1).cloned().unwrap_or(Size::ONE);
        Tensor::contiguous(grad.dtype, vec![channels], &grad.device).map(Item::from)
    };
    Ok(vec![
        if is_wanted(0) {
            like(&input)?
        } else {
            Item::None
        },
        if is_wanted(1) {
            like(&weight)?
        } else {
            Item::None
        },
        if is_wanted(2) { bias()? } else { Item::None },
    ])
}

/// What goes into a convolution beside input, weight and bias.
#[derive(Clone)]
struct Parameters {
    stride: Vec<Size>,
    padding: Vec<Size>,
    dilation: Vec<Size>,
    is_transposed: bool,
    output_padding: Vec<Size>,
    groups: i64,
}

impl Parameters {
    fn of(call: &Call<'_>, count: usize) -> Result<Self, NoInference> {
        Ok(Self {
            stride: per_dimension(call, "stride", count, &Size::ONE)?,
            padding: per_dimension(call, "padding", count, &Size::ZERO)?,
            dilation: per_dimension(call, "dilation", count, &Size::ONE)?,
            is_transposed: call.bool("transposed")?,
            output_padding: per_dimension(call, "output_padding", count, &Size::ZERO)?,
            groups: call.int("groups")?,
        })
    }

    fn apply(&self, call: &Call<'_>, input: &Rc<Tensor>, weight: &Rc<Tensor>) -> One {
        let arguments = [
            Item::Tensor(Rc::clone(input)),
            Item::Tensor(Rc::clone(weight)),
            Item::None,
            Item::from(self.stride.as_slice()),
            Item::from(self.padding.as_slice()),
            Item::from(self.dilation.as_slice()),
            Item::Bool(self.is_transposed),
            Item::from(self.output_padding.as_slice()),
            Item::Int(Size::Int(self.groups)),
        ];
        rules::result_of(call, "aten.convolution.default", arguments)
    }
}

/// Three sums of convolutions, as `_convolution_double_backward` of `ATen/native/Convolution.cpp` makes them.
fn convolution_double_backward(call: &Call<'_>) -> Results {
    let (gradient, weight) = (call.tensor("gO")?, call.tensor("weight")?);
    let input = call.tensor("self")?;
    if &*input.device != "cpu" || input.is_empty(call.env) {
        return Err(call.unknown("only what the CPU gives for inputs with elements is known"));
    }
    let parameters = Parameters::of(call, weight.rank().saturating_sub(2))?;
    let given_input = call.optional_tensor("ggI")?;
    let given_weight = call.optional_tensor("ggW")?;
    let wanted = call.list("output_mask")?.unwrap_or_default();

    let mut terms = Vec::new();
    if let Some(given) = &given_input {
        terms.push(parameters.apply(call, given, &weight)?);
    }
    if let Some(given) = &given_weight {
        terms.push(parameters.apply(call, &input, given)?);
    }
    if let Some(given) = call.optional_tensor("ggb")? {
        let mut sizes = vec![Size::ONE; gradient.rank()];
        if let (Some(size), Some(channels)) = (sizes.get_mut(1), given.sizes.first()) {
            *size = channels.clone();
        }
        let viewed = Tensor::contiguous(given.dtype, sizes, &given.device)?;
        let arguments = [Item::from(viewed), Item::from(gradient.sizes.as_slice())];
        terms.push(rules::result_of(call, "aten.expand.default", arguments)?);
    }
    let add = |sum: Rc<Tensor>, term: Rc<Tensor>| {
        let arguments = [Item::Tensor(sum), Item::Tensor(term)];
        rules::result_of(call, "aten.add.Tensor", arguments)
    };
    let mut rest = terms.into_iter();
    let first = rest.next();
    let of_gradient = first.map(|first| rest.try_fold(first, add)).transpose()?;
    let of_input = given_weight
        .map(|given| gradient_of_input(call, &parameters, &given))
        .transpose()?;
    let of_weight = given_input
        .map(|given| gradient_of_weight(call, &parameters, &given))
        .transpose()?;

    let found = [
        (of_gradient, gradient),
        (of_input, input),
        (of_weight, weight),
    ];
    let masked = found.into_iter().enumerate();
    masked
        .map(|(index, (found, like))| match found {
            _ if wanted.get(index) != Some(&Item::Bool(true)) => Ok(Item::None),
            Some(tensor) => Ok(Item::Tensor(tensor)),
            None => rules::result_of(call, "aten.zeros_like.default", [Item::Tensor(like)])
                .map(Item::Tensor),
        })
        .collect()
}

/// The gradient moved over what is given for the input, of each group by itself, then batch and channels turned.
fn gradient_of_weight(call: &Call<'_>, parameters: &Parameters, given: &Rc<Tensor>) -> One {
    let within = Parameters {
        stride: parameters.dilation.clone(),
        dilation: parameters.stride.clone(),
        is_transposed: false,
        groups: 1,
        ..parameters.clone()
    };
    let transpose = |tensor: &Rc<Tensor>| {
        let dims = [0, 1].map(|dim| Item::Int(Size::Int(dim)));
        let arguments = std::iter::once(Item::Tensor(Rc::clone(tensor))).chain(dims);
        rules::result_of(call, "aten.transpose.int", arguments)
    };
    let of_group = |tensor: &Rc<Tensor>| {
        let channels = tensor.sizes.first().unwrap_or(&Size::ONE);
        let count = channels.floor_div(&Size::Int(parameters.groups))?;
        sliced(call, tensor, 0, &count)
    };
    let (gradient, given) = (transpose(&call.tensor("gO")?)?, transpose(given)?);
    let found = match parameters.groups {
        1 => {
            let pair = [&given, &gradient];
            let [over, window] = turned_if(pair, parameters.is_transposed);
            within.apply(call, over, window)?
        }
        groups => {
            let (given, gradient) = (of_group(&given)?, of_group(&gradient)?);
            let [over, window] = turned_if([&given, &gradient], parameters.is_transposed);
            let part = within.apply(call, over, window)?;
            let count = usize::try_from(groups)
                .ok()
                .filter(|count| *count <= MAX_GROUPS)
                .ok_or_else(|| call.unknown(format!("{groups} groups are not inferred")))?;
            let parts = vec![Item::Tensor(part); count];
            let arguments = [Item::List(parts), Item::Int(Size::ONE)];
            rules::result_of(call, "aten.cat.default", arguments)?
        }
    };
    cut_to(call, transpose(&found)?, &*call.tensor("weight")?)
}

/// More are not listed one by one.
const MAX_GROUPS: usize = 1 << 16;

fn turned_if<T>([first, second]: [T; 2], is_turned: bool) -> [T; 2] {
    if is_turned {
        [second, first]
    } else {
        [first, second]
    }
}

/// The gradient moved the other way, with as much output padding as the sizes of the input need.
fn gradient_of_input(call: &Call<'_>, parameters: &Parameters, given: &Rc<Tensor>) -> One {
    let (gradient, input) = (call.tensor("gO")?, call.tensor("self")?);
    let mut turned = Parameters {
        is_transposed: !parameters.is_transposed,
        ..parameters.clone()
    };
    if parameters.is_transposed {
        return cut_to(call, turned.apply(call, &gradient, given)?, &input);
    }
    let spatial = |tensor: &Tensor| tensor.sizes.iter().skip(2).cloned().collect::<Vec<_>>();
    let kernel = spatial(&*call.tensor("weight")?);
    let sizes = spatial(&input)
        .into_iter()
        .zip(spatial(&gradient))
        .zip(kernel);
    let windows = parameters
        .dilation
        .iter()
        .zip(&parameters.stride)
        .zip(&parameters.padding);
    turned.output_padding = sizes
        .zip(windows)
        .map(
            |(((wanted, shown), kernel), ((dilation, stride), padding))| {
                let reach = kernel.sub(&Size::ONE)?.mul(dilation)?;
                let steps = shown.sub(&Size::ONE)?.mul(stride)?;
                let found = steps.add(&reach)?.add(&Size::ONE)?;
                wanted.sub(&found.sub(&padding.mul(&Size::Int(2))?)?)
            },
        )
        .collect::<Result<_, _>>()?;
    turned.apply(call, &gradient, given)
}

/// The first entries of each spatial dimension that is longer than another tensor's.
fn cut_to(call: &Call<'_>, tensor: Rc<Tensor>, like: &Tensor) -> One {
    let dims = like.sizes.iter().enumerate().skip(2);
    dims.filter_map(|(dim, wanted)| Some((dim, tensor.sizes.get(dim)?.clone(), wanted)))
        .try_fold(
            Rc::clone(&tensor),
            |tensor, (dim, found, wanted)| match call.env.decide(Relation::Gt, &found, wanted) {
                Some(true) => sliced(call, &tensor, dim, wanted),
                Some(false) => Ok(tensor),
                None => Err(call.unknown(format!(
                    "it is not known whether {found} is more than {wanted}"
                ))),
            },
        )
}

/// The first entries of a dimension.
fn sliced(call: &Call<'_>, tensor: &Rc<Tensor>, dim: usize, end: &Size) -> One {
    let dim = i64::try_from(dim).unwrap_or(i64::MAX);
    let arguments = [
        Item::Tensor(Rc::clone(tensor)),
        Item::Int(Size::Int(dim)),
        Item::Int(Size::ZERO),
        Item::Int(end.clone()),
    ];
    rules::result_of(call, "aten.slice.Tensor", arguments)
}

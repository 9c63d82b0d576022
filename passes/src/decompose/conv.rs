//! Convolutions, all of which are `aten.convolution` in the end.

use melior::ir::Value;

use super::Rule;
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, Size, refuse, single, size_argument},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.conv1d.default", conv1d),
    ("aten.conv2d.default", conv2d),
    ("aten.conv3d.default", conv3d),
    ("aten.conv1d.padding", conv1d),
    ("aten.conv2d.padding", conv2d),
    ("aten.conv3d.padding", conv3d),
    ("aten._convolution_mode.default", convolution_mode),
    ("aten.conv_transpose1d.default", conv1d_transpose),
    ("aten.conv_transpose2d.input", conv2d_transpose),
    ("aten.conv_transpose3d.input", conv3d_transpose),
    ("aten._convolution.deprecated", deprecated),
    ("aten.thnn_conv2d.default", thnn_conv2d),
    ("aten.slow_conv3d.default", slow_conv3d),
];

fn conv1d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    conv(b, 1, false)
}

fn conv2d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    conv(b, 2, false)
}

fn conv3d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    conv(b, 3, false)
}

fn conv1d_transpose<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    conv(b, 1, true)
}

fn conv2d_transpose<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    conv(b, 2, true)
}

fn conv3d_transpose<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    conv(b, 3, true)
}

// conv(x, w) = convolution(x, w), of an input without a batch by way of a batch of one.
fn conv<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    spatial: usize,
    transposed: bool,
) -> Rewritten<Replacement<'c, 'a>> {
    let input = b.tensor("input")?;
    let has_batch = b.rank(input)? == spatial + 2;
    let batched = if has_batch {
        input
    } else {
        b.unsqueeze(input, 0)?
    };
    let output = match b.string("padding") {
        Ok(mode) => padded_by_mode(b, batched, &mode)?,
        Err(_) => {
            let output_padding = if transposed {
                b.size_list("output_padding")?
            } else {
                vec![Size::Static(0); spatial]
            };
            let padding = b.size_list("padding")?;
            convolution(b, batched, padding, transposed, output_padding)?
        }
    };
    single(if has_batch {
        output
    } else {
        b.squeeze(output, 0)?
    })
}

/// The convolution with the other arguments of the matched op.
fn convolution<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    input: Value<'c, 'a>,
    padding: Vec<Size<'c, 'a>>,
    transposed: bool,
    output_padding: Vec<Size<'c, 'a>>,
) -> Rewritten<Value<'c, 'a>> {
    b.op_value(
        "aten.convolution.default",
        args![
            input,
            b.tensor("weight")?,
            b.optional_tensor("bias"),
            size_argument(b.size_list("stride")?),
            size_argument(padding),
            size_argument(b.size_list("dilation")?),
            transposed,
            size_argument(output_padding),
            b.size("groups")?,
        ],
    )
}

// _convolution_mode(x, w, padding) = convolution(x padded so, w).
fn convolution_mode<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    single(padded_by_mode(
        b,
        b.tensor("input")?,
        &b.string("padding")?,
    )?)
}

/// `valid` pads by nothing; `same` so that sizes stay, with the odd element at the end.
fn padded_by_mode<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    input: Value<'c, 'a>,
    mode: &str,
) -> Rewritten<Value<'c, 'a>> {
    match mode {
        "valid" => convolution(
            b,
            input,
            vec![Size::Static(0)],
            false,
            vec![Size::Static(0)],
        ),
        "same" => same_padding(b, input),
        mode => refuse(format!("padding `{mode}` is neither `valid` nor `same`")),
    }
}

fn same_padding<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, input: Value<'c, 'a>) -> Rewritten<Value<'c, 'a>> {
    let weight = b.tensor("weight")?;
    let dilation = b.ints("dilation")?;
    let kernel = b.sizes(weight)?;
    let mut before = Vec::new();
    let mut extra = Vec::new();
    for (index, size) in kernel.iter().skip(2).enumerate() {
        let (Some(dilation), Some(size)) =
            (dilation.get(index).or(dilation.first()), size.as_static())
        else {
            return refuse("the kernel's size is not known");
        };
        let Some(total) = size
            .checked_sub(1)
            .and_then(|steps| steps.checked_mul(*dilation))
        else {
            return refuse("the padding is too large");
        };
        let left = total.div_euclid(2);
        before.push(left);
        extra.push(total - left.saturating_mul(2));
    }
    let is_symmetric = extra.iter().all(|extra| *extra == 0);
    let input = if is_symmetric {
        input
    } else {
        let pad: Vec<i64> = extra.iter().rev().flat_map(|extra| [0, *extra]).collect();
        b.op_value("aten.constant_pad_nd.default", args![input, pad])?
    };
    let output_padding = vec![Size::Static(0); before.len()];
    let before = before.into_iter().map(Size::Static).collect();
    convolution(b, input, before, false, output_padding)
}

// The older forms of the op say nothing more.
fn deprecated<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let mut args = args![
        b.tensor("input")?,
        b.tensor("weight")?,
        b.optional_tensor("bias")
    ];
    for name in [
        "stride",
        "padding",
        "dilation",
        "transposed",
        "output_padding",
        "groups",
        "benchmark",
        "deterministic",
        "cudnn_enabled",
    ] {
        match b.arg(name) {
            Some(arg) => args.push(arg),
            None => return refuse(format!("`{name}` is not given")),
        }
    }
    args.push(true.into());
    single(b.op_value("aten._convolution.default", args)?)
}

// thnn_conv2d(x, w) = _slow_conv2d_forward(x, w).
fn thnn_conv2d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    slow_conv(b, "aten._slow_conv2d_forward.default")
}

// slow_conv3d(x, w) = slow_conv3d_forward(x, w).
fn slow_conv3d<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    slow_conv(b, "aten.slow_conv3d_forward.default")
}

fn slow_conv<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, forward: &str) -> Rewritten<Replacement<'c, 'a>> {
    let args = args![
        b.tensor("self")?,
        b.tensor("weight")?,
        size_argument(b.size_list("kernel_size")?),
        b.optional_tensor("bias"),
        size_argument(b.size_list("stride")?),
        size_argument(b.size_list("padding")?),
    ];
    single(b.op_value(forward, args)?)
}

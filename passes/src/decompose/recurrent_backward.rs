//! Gradients of the cells of recurrent layers.

use melior::ir::Value;

use super::{
    Rule,
    elementwise::Answer,
    linalg::results_of,
    loss::{contiguous_zeros_like, number_minus},
    recurrent::chunks,
};
use crate::{
    args,
    pattern::{Rewrite, Rewritten},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    (
        "aten._thnn_differentiable_gru_cell_backward.default",
        gru_cell_backward,
    ),
    (
        "aten._thnn_differentiable_lstm_cell_backward.default",
        lstm_cell_backward,
    ),
    (
        "aten._thnn_fused_lstm_cell_backward.default",
        fused_lstm_cell_backward,
    ),
];

/// The gradient of an activation (`sigmoid`, `tanh`), from its result.
fn through<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    activation: &str,
    gradient: Value<'c, 'a>,
    result: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let name = format!("aten.{activation}_backward.default");
    b.op_value(&name, args![gradient, result])
}

/// A tensor with the bias of that name added, where the op has one.
fn with_bias<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    x: Value<'c, 'a>,
    bias: &str,
) -> Rewritten<Value<'c, 'a>> {
    match b.optional_tensor(bias) {
        Some(bias) => b.add(x, bias),
        None => Ok(x),
    }
}

/// The gradient of a bias, where the op has one: the sum over the batch.
fn of_bias<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    gates: Value<'c, 'a>,
    bias: &str,
) -> Rewritten<Option<Value<'c, 'a>>> {
    match b.optional_tensor(bias) {
        Some(_) => b
            .op_value("aten.sum.dim_IntList", args![gates, vec![0_i64]])
            .map(Some),
        None => Ok(None),
    }
}

// d lstm_cell with i, f, g, o = σ, σ, tanh, σ of the quarters of the gates: d o = dh tanh(c') through σ,
// dc' = dh o through tanh + dc, d i = dc' g, d f = dc' c, d g = dc' i through their functions, and dc' f for c.
fn lstm_cell_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (for_hidden, for_cell) = (b.optional_tensor("grad_hy"), b.optional_tensor("grad_cy"));
    if for_hidden.is_none() && for_cell.is_none() {
        return Ok(vec![None; 5]);
    }
    let cell = b.tensor("cx")?;
    let gates = b.add(b.tensor("input_gates")?, b.tensor("hidden_gates")?)?;
    let gates = with_bias(b, gates, "input_bias")?;
    let gates = with_bias(b, gates, "hidden_bias")?;
    let [input, forget, new, output] = chunks(b, gates)?;
    let input = b.unary("sigmoid", input)?;
    let forget = b.unary("sigmoid", forget)?;
    let new = b.unary("tanh", new)?;
    let output = b.unary("sigmoid", output)?;
    let (of_output, of_cell) = match (for_hidden, for_cell) {
        (Some(for_hidden), for_cell) => {
            let shown = b.unary("tanh", b.tensor("cy")?)?;
            let of_output = through(b, "sigmoid", b.mul(for_hidden, shown)?, output)?;
            let of_cell = through(b, "tanh", b.mul(for_hidden, output)?, shown)?;
            let of_cell = match for_cell {
                Some(for_cell) => b.add(of_cell, for_cell)?,
                None => of_cell,
            };
            (of_output, of_cell)
        }
        (None, Some(for_cell)) => (contiguous_zeros_like(b, cell)?, for_cell),
        (None, None) => return Ok(vec![None; 5]),
    };
    let of_input = b.mul(of_cell, new)?;
    let of_forget = b.mul(of_cell, cell)?;
    let of_new = b.mul(of_cell, input)?;
    let of_cell = b.mul(of_cell, forget)?;
    let of_gates = vec![
        through(b, "sigmoid", of_input, input)?,
        through(b, "sigmoid", of_forget, forget)?,
        through(b, "tanh", of_new, new)?,
        of_output,
    ];
    let of_gates = b.op_value("aten.cat.default", args![of_gates, 1_i64])?;
    let bias = of_bias(b, of_gates, "input_bias")?;
    Ok(vec![
        Some(of_gates),
        Some(of_gates),
        Some(of_cell),
        bias,
        bias,
    ])
}

// d gru_cell with r, z = σ of the first two thirds of x + h and n = tanh(xₙ + r hₙ): d z = dh (h - n) through σ,
// d n = dh (1 - z) through tanh, d r = d n hₙ through σ; hₙ gets d n r, and h gets dh z.
fn gru_cell_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let (gradient, hidden) = (b.tensor("grad_hy")?, b.tensor("hx")?);
    let input_gates = with_bias(b, b.tensor("input_gates")?, "input_bias")?;
    let hidden_gates = with_bias(b, b.tensor("hidden_gates")?, "hidden_bias")?;
    let [input_reset, input_keep, input_new] = chunks(b, input_gates)?;
    let [hidden_reset, hidden_keep, hidden_new] = chunks(b, hidden_gates)?;
    let reset = b.unary("sigmoid", b.add(input_reset, hidden_reset)?)?;
    let keep = b.unary("sigmoid", b.add(input_keep, hidden_keep)?)?;
    let of_hidden = b.mul(gradient, keep)?;
    let new = b.add(input_new, b.mul(reset, hidden_new)?)?;
    let new = b.unary("tanh", new)?;
    let of_keep = b.mul(gradient, b.sub(hidden, new)?)?;
    let of_keep = through(b, "sigmoid", of_keep, keep)?;
    let of_new = b.mul(gradient, number_minus(b, 1, keep)?)?;
    let of_new = through(b, "tanh", of_new, new)?;
    let of_hidden_new = b.mul(of_new, reset)?;
    let of_reset = through(b, "sigmoid", b.mul(of_new, hidden_new)?, reset)?;
    let joined = |new| {
        b.op_value(
            "aten.cat.default",
            args![vec![of_reset, of_keep, new], 1_i64],
        )
    };
    let (of_input_gates, of_hidden_gates) = (joined(of_new)?, joined(of_hidden_new)?);
    Ok(vec![
        Some(of_input_gates),
        Some(of_hidden_gates),
        Some(of_hidden),
        of_bias(b, of_input_gates, "input_bias")?,
        of_bias(b, of_hidden_gates, "hidden_bias")?,
    ])
}

// d fused_lstm_cell = gates, gates, cell, bias, bias of _thnn_fused_lstm_cell_backward_impl.
fn fused_lstm_cell_backward<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Answer<'c, 'a> {
    let args = args![
        b.optional_tensor("grad_hy"),
        b.optional_tensor("grad_cy"),
        b.tensor("cx")?,
        b.tensor("cy")?,
        b.tensor("workspace")?,
        b.boolean("has_bias")?,
    ];
    let name = "aten._thnn_fused_lstm_cell_backward_impl.default";
    results_of(b, name, args, &[], &[0, 0, 1, 2, 2])
}

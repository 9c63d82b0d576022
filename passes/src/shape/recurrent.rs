//! Recurrent networks.

use std::rc::Rc;

use super::{
    Item, NoInference, Tensor,
    broadcast::like,
    call::Call,
    rules::Row,
    size::{self, Size},
    tensor::dense_strides,
};

type Results = Result<Vec<Item>, NoInference>;

pub const RULES: &[Row] = &[
    ("aten.lstm.input", lstm),
    (
        "aten.gru.input aten.rnn_tanh.input aten.rnn_relu.input",
        one_state,
    ),
    ("aten.lstm_cell", lstm_cell),
    ("aten.gru_cell aten.rnn_tanh_cell aten.rnn_relu_cell", cell),
];

/// The outputs of the last layer for each step: its hidden size, twice where it runs both ways.
fn output(call: &Call<'_>, hidden: &Size) -> Result<Tensor, NoInference> {
    let input = call.tensor("input")?;
    let [first, second, _] = input.sizes.as_slice() else {
        return Err(call.contradiction(format!("the input has sizes {}", size::list(&input.sizes))));
    };
    let directions = Size::Int(if call.bool("bidirectional")? { 2 } else { 1 });
    let sizes = vec![first.clone(), second.clone(), hidden.mul(&directions)?];
    // Steps are computed one after another, so that they are outermost in memory.
    let order: &[usize] = if call.bool("batch_first")? {
        &[2, 0, 1]
    } else {
        &[2, 1, 0]
    };
    let strides = dense_strides(&sizes, order)?;
    Ok(Tensor::strided(input.dtype, sizes, strides, &input.device))
}

/// The last size of a state.
fn width(call: &Call<'_>, state: &Tensor) -> Result<Size, NoInference> {
    state
        .sizes
        .last()
        .cloned()
        .ok_or_else(|| call.contradiction("a state has no dimensions"))
}

fn final_state(state: &Rc<Tensor>) -> Result<Item, NoInference> {
    Ok(Tensor::contiguous(state.dtype, state.sizes.clone(), &state.device)?.into())
}

/// Outputs, hidden state and cell state; with projections the hidden state is narrower than the cell state.
///
/// PyTorch records the states with a dimension more than they have, so nothing is said of them.
///
/// PyTorch records the states with a dimension more than they have, so nothing is said of them.
fn lstm(call: &Call<'_>) -> Results {
    let states = call.tensors("hx")?;
    let [hidden, cell] = states.as_slice() else {
        return Err(call.contradiction(format!("there are {} states, expected 2", states.len())));
    };
    let outputs = output(call, &width(call, hidden)?)?;
    Ok(vec![
        outputs.into(),
        Item::Unranked(hidden.dtype),
        Item::Unranked(cell.dtype),
    ])
}

fn one_state(call: &Call<'_>) -> Results {
    let hidden = call.tensor("hx")?;
    let outputs = output(call, &width(call, &hidden)?)?;
    Ok(vec![outputs.into(), final_state(&hidden)?])
}

fn lstm_cell(call: &Call<'_>) -> Results {
    let states = call.tensors("hx")?;
    let [hidden, cell] = states.as_slice() else {
        return Err(call.contradiction(format!("there are {} states, expected 2", states.len())));
    };
    Ok(vec![
        like(call.env, hidden, hidden.dtype)?.into(),
        like(call.env, cell, cell.dtype)?.into(),
    ])
}

fn cell(call: &Call<'_>) -> Results {
    let hidden = call.tensor("hx")?;
    Ok(vec![like(call.env, &hidden, hidden.dtype)?.into()])
}

//! Recurrent layers, unrolled over the steps of their input, and their cells.
//!
//! Layers over packed sequences are left alone: how many rows a step has stands in a tensor.

use expc_dialects::Argument;
use melior::ir::{Value, ValueLike};

use super::Rule;
use crate::{
    args,
    pattern::{Replacement, Rewrite, Rewritten, refuse, single},
};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("aten.lstm.input", lstm),
    ("aten.gru.input", gru),
    ("aten.rnn_tanh.input", rnn_tanh),
    ("aten.rnn_relu.input", rnn_relu),
    ("aten.lstm_cell.default", lstm_cell),
    ("aten.gru_cell.default", gru_cell),
    ("aten.rnn_tanh_cell.default", rnn_tanh_cell),
    ("aten.rnn_relu_cell.default", rnn_relu_cell),
];

/// A layer over more steps than this is left alone: each step becomes ops of its own.
const MAX_STEPS: i64 = 1 << 14;

/// The tensors of one direction of one layer.
#[derive(Clone, Copy)]
struct Weights<'c, 'a> {
    input: Value<'c, 'a>,
    hidden: Value<'c, 'a>,
    input_bias: Option<Value<'c, 'a>>,
    hidden_bias: Option<Value<'c, 'a>>,
    projection: Option<Value<'c, 'a>>,
}

/// What a step does.
#[derive(Clone, Copy)]
enum Cell {
    Lstm,
    Gru,
    /// With the name of the function that is applied to the sum.
    Rnn(&'static str),
}

impl Cell {
    /// The next state, from the input's part of the gates.
    fn step<'c, 'a>(
        self,
        b: &Rewrite<'_, 'c, 'a>,
        gates: Value<'c, 'a>,
        state: &State<'c, 'a>,
        weights: &Weights<'c, 'a>,
    ) -> Rewritten<State<'c, 'a>> {
        let hidden_gates =
            |b: &Rewrite<'_, 'c, 'a>| linear(b, state.hidden, weights.hidden, weights.hidden_bias);
        let hidden = match self {
            Self::Lstm => return lstm_step(b, gates, state, weights),
            Self::Gru => {
                let input = chunks(b, gates)?;
                let hidden = hidden_gates(b)?;
                gru_state(b, input, chunks(b, hidden)?, state.hidden)?
            }
            Self::Rnn(function) => b.unary(function, b.add(hidden_gates(b)?, gates)?)?,
        };
        Ok(State { hidden, cell: None })
    }
}

/// The hidden state, and the cell state of an LSTM.
#[derive(Clone, Copy)]
struct State<'c, 'a> {
    hidden: Value<'c, 'a>,
    cell: Option<Value<'c, 'a>>,
}

/// A recurrent layer as the op describes it.
struct Layers<'c, 'a> {
    weights: Vec<Weights<'c, 'a>>,
    states: Vec<State<'c, 'a>>,
    is_bidirectional: bool,
    is_batch_first: bool,
    count: usize,
}

impl<'c: 'a, 'a> Layers<'c, 'a> {
    fn new(
        b: &Rewrite<'_, 'c, 'a>,
        states: Vec<State<'c, 'a>>,
        has_projection: bool,
    ) -> Rewritten<Self> {
        let has_biases = b.boolean("has_biases")?;
        let is_bidirectional = b.boolean("bidirectional")?;
        let params = b.tensors("params")?;
        let group = 2 + 2 * usize::from(has_biases) + usize::from(has_projection);
        let weights: Vec<Weights> = params
            .chunks_exact(group)
            .filter_map(|group| weights_of(group, has_biases))
            .collect();
        let count = usize::try_from(b.int("num_layers")?).unwrap_or(0);
        let directions = 1 + usize::from(is_bidirectional);
        if count == 0
            || params.len() % group != 0
            || Some(weights.len()) != count.checked_mul(directions)
            || states.len() != weights.len()
        {
            return refuse("the parameters do not fit the number of layers");
        }
        Ok(Self {
            weights,
            states,
            is_bidirectional,
            is_batch_first: b.boolean("batch_first")?,
            count,
        })
    }

    /// The output of the last layer, and the final state of each layer and direction.
    fn run(
        &self,
        b: &Rewrite<'_, 'c, 'a>,
        cell: Cell,
    ) -> Rewritten<(Value<'c, 'a>, Vec<State<'c, 'a>>)> {
        let mut input = b.tensor("input")?;
        if self.is_batch_first {
            input = b.transpose(input, 0, 1)?;
        }
        let directions = 1 + usize::from(self.is_bidirectional);
        let mut finals = Vec::with_capacity(self.weights.len());
        let layers = self
            .weights
            .chunks(directions)
            .zip(self.states.chunks(directions));
        for (weights, states) in layers.take(self.count) {
            let mut outputs = Vec::with_capacity(directions);
            for (direction, (weights, state)) in weights.iter().zip(states).enumerate() {
                let (output, state) = one_layer(b, input, state, weights, cell, direction == 1)?;
                outputs.push(output);
                finals.push(state);
            }
            input = match outputs.as_slice() {
                [output] => *output,
                _ => {
                    let last = i64::try_from(b.rank(input)?).unwrap_or(0) - 1;
                    b.op_value("aten.cat.default", args![outputs, last])?
                }
            };
        }
        if self.is_batch_first {
            input = b.transpose(input, 0, 1)?;
        }
        Ok((input, finals))
    }
}

fn weights_of<'c, 'a>(group: &[Value<'c, 'a>], has_biases: bool) -> Option<Weights<'c, 'a>> {
    let (input, hidden, rest) = match group {
        [input, hidden, rest @ ..] => (*input, *hidden, rest),
        _ => return None,
    };
    let (biases, projection) = rest.split_at_checked(2 * usize::from(has_biases))?;
    Some(Weights {
        input,
        hidden,
        input_bias: biases.first().copied(),
        hidden_bias: biases.get(1).copied(),
        projection: projection.first().copied(),
    })
}

/// One direction of a layer: the input's part of all steps at once, then step by step.
fn one_layer<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    input: Value<'c, 'a>,
    state: &State<'c, 'a>,
    weights: &Weights<'c, 'a>,
    cell: Cell,
    is_reversed: bool,
) -> Rewritten<(Value<'c, 'a>, State<'c, 'a>)> {
    let steps = match b.size_of(input, 0)?.as_static() {
        Some(steps @ 1..=MAX_STEPS) => steps,
        Some(steps) => return refuse(format!("{steps} steps")),
        None => return refuse("the number of steps is not known"),
    };
    let mut state = State {
        hidden: b.unsqueeze(state.hidden, 0)?,
        cell: state.cell.map(|cell| b.unsqueeze(cell, 0)).transpose()?,
    };
    let mut gates = linear(b, input, weights.input, weights.input_bias)?;
    if is_reversed {
        gates = b.op_value("aten.flip.default", args![gates, vec![0_i64]])?;
    }
    let gates = b.ops("aten.unbind.int", args![gates], &[])?;
    let mut outputs = Vec::with_capacity(usize::try_from(steps).unwrap_or(0));
    for gate in gates {
        state = cell.step(b, gate, &state, weights)?;
        outputs.push(state.hidden);
    }
    if is_reversed {
        outputs.reverse();
    }
    let output = b.op_value("aten.cat.default", args![outputs])?;
    let state = State {
        hidden: b.squeeze(state.hidden, 0)?,
        cell: state.cell.map(|cell| b.squeeze(cell, 0)).transpose()?,
    };
    Ok((output, state))
}

fn linear<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    input: Value<'c, 'a>,
    weight: Value<'c, 'a>,
    bias: Option<Value<'c, 'a>>,
) -> Rewritten<Value<'c, 'a>> {
    let mut args: Vec<Argument> = args![input, weight];
    args.extend(bias.map(Argument::Value));
    b.op_value("aten.linear.default", args)
}

/// The parts of a tensor along its last dimension.
pub(super) fn chunks<'c, 'a, const N: usize>(
    b: &Rewrite<'_, 'c, 'a>,
    value: Value<'c, 'a>,
) -> Rewritten<[Value<'c, 'a>; N]> {
    let count = i64::try_from(N).unwrap_or(1);
    let last = i64::try_from(b.rank(value)?).unwrap_or(0) - 1;
    let parts = b.ops("aten.chunk.default", args![value, count, last], &[])?;
    match <[Value; N]>::try_from(parts) {
        Ok(parts) => Ok(parts),
        Err(parts) => refuse(format!("{} parts, {N} are wanted", parts.len())),
    }
}

/// The states of all layers as one tensor.
fn stacked<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    states: impl Iterator<Item = Value<'c, 'a>>,
) -> Rewritten<Value<'c, 'a>> {
    b.op_value("aten.stack.default", args![states.collect::<Vec<_>>()])
}

// lstm(x, (h, c)): per step i, f, g, o = the quarters of w x + u h; c = σ(f) c + σ(i) tanh(g); h = σ(o) tanh(c).
fn lstm<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let [hidden, cell] = b.tensors("hx")?[..] else {
        return refuse("an LSTM has two states");
    };
    let has_projection = !b.sizes_equal(&b.size_of(hidden, 2)?, &b.size_of(cell, 2)?);
    let hiddens = b.ops("aten.unbind.int", args![hidden], &[])?;
    let cells = b.ops("aten.unbind.int", args![cell], &[])?;
    let states = hiddens
        .into_iter()
        .zip(cells)
        .map(|(hidden, cell)| State {
            hidden,
            cell: Some(cell),
        })
        .collect();
    let layers = Layers::new(b, states, has_projection)?;
    let (output, finals) = layers.run(b, Cell::Lstm)?;
    let hidden = stacked(b, finals.iter().map(|state| state.hidden))?;
    let cell = stacked(b, finals.iter().filter_map(|state| state.cell))?;
    correct_recorded(b, 1, hidden)?;
    correct_recorded(b, 2, cell)?;
    Ok(vec![Some(output), Some(hidden), Some(cell)])
}

/// PyTorch records the states of an LSTM with a dimension of size one that they do not have, unless the batch is
/// of size one. They get their true type, and what is computed from them too.
fn correct_recorded<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    index: usize,
    state: Value<'c, 'a>,
) -> Rewritten<()> {
    let Ok(result) = b.op().operation().result(index) else {
        return refuse("an LSTM has three results");
    };
    let result = Value::from(result);
    if b.rank(result)? != b.rank(state)? {
        result.set_type(state.r#type());
        super::strides::carry_on_types(b.env(), result);
    }
    Ok(())
}

fn lstm_step<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    input_gates: Value<'c, 'a>,
    state: &State<'c, 'a>,
    weights: &Weights<'c, 'a>,
) -> Rewritten<State<'c, 'a>> {
    let Some(cell) = state.cell else {
        return refuse("an LSTM has two states");
    };
    let hidden_gates = linear(b, state.hidden, weights.hidden, weights.hidden_bias)?;
    let gates = b.add(hidden_gates, input_gates)?;
    let [input, forget, new, output] = chunks(b, gates)?;
    let input = b.unary("sigmoid", input)?;
    let forget = b.unary("sigmoid", forget)?;
    let new = b.unary("tanh", new)?;
    let output = b.unary("sigmoid", output)?;
    let kept = b.mul(forget, cell)?;
    let added = b.mul(input, new)?;
    let cell = b.add(kept, added)?;
    let mut hidden = b.mul(output, b.unary("tanh", cell)?)?;
    if let Some(projection) = weights.projection {
        hidden = linear(b, hidden, projection, None)?;
    }
    Ok(State {
        hidden,
        cell: Some(cell),
    })
}

/// A layer with one state: its output and the stacked final states.
fn one_state_layer<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, cell: Cell) -> Rewritten<Replacement<'c, 'a>> {
    let hiddens = b.ops("aten.unbind.int", args![b.tensor("hx")?], &[])?;
    let states = hiddens
        .into_iter()
        .map(|hidden| State { hidden, cell: None })
        .collect();
    let (output, finals) = Layers::new(b, states, false)?.run(b, cell)?;
    let hidden = stacked(b, finals.iter().map(|state| state.hidden))?;
    Ok(vec![Some(output), Some(hidden)])
}

// gru(x, h): per step r, z, n = the thirds of w x and u h; h = (h - n) σ(z) + n with n = tanh(nₓ + σ(r) nₕ).
fn gru<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    one_state_layer(b, Cell::Gru)
}

fn gru_state<'c, 'a>(
    b: &Rewrite<'_, 'c, 'a>,
    input: [Value<'c, 'a>; 3],
    gates: [Value<'c, 'a>; 3],
    hidden: Value<'c, 'a>,
) -> Rewritten<Value<'c, 'a>> {
    let reset = b.unary("sigmoid", b.add(gates[0], input[0])?)?;
    let keep = b.unary("sigmoid", b.add(gates[1], input[1])?)?;
    let new = b.add(input[2], b.mul(gates[2], reset)?)?;
    let new = b.unary("tanh", new)?;
    let kept = b.mul(b.sub(hidden, new)?, keep)?;
    b.add(kept, new)
}

// rnn(x, h): per step h = f(u h + w x).
fn rnn_tanh<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    one_state_layer(b, Cell::Rnn("tanh"))
}

fn rnn_relu<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    one_state_layer(b, Cell::Rnn("relu"))
}

/// The weights of a cell.
fn cell_weights<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Weights<'c, 'a>> {
    Ok(Weights {
        input: b.tensor("w_ih")?,
        hidden: b.tensor("w_hh")?,
        input_bias: b.optional_tensor("b_ih"),
        hidden_bias: b.optional_tensor("b_hh"),
        projection: None,
    })
}

// One step of an LSTM.
fn lstm_cell<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let [hidden, cell] = b.tensors("hx")?[..] else {
        return refuse("an LSTM has two states");
    };
    let weights = cell_weights(b)?;
    let input = linear(b, b.tensor("input")?, weights.input, weights.input_bias)?;
    let state = State {
        hidden,
        cell: Some(cell),
    };
    let state = lstm_step(b, input, &state, &weights)?;
    Ok(vec![Some(state.hidden), state.cell])
}

// One step of a GRU.
fn gru_cell<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    let weights = cell_weights(b)?;
    let hidden = b.tensor("hx")?;
    let input = linear(b, b.tensor("input")?, weights.input, weights.input_bias)?;
    let input = chunks(b, input)?;
    let gates = linear(b, hidden, weights.hidden, weights.hidden_bias)?;
    single(gru_state(b, input, chunks(b, gates)?, hidden)?)
}

fn rnn_tanh_cell<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    rnn_cell(b, "tanh")
}

fn rnn_relu_cell<'c, 'a>(b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
    rnn_cell(b, "relu")
}

// One step of an RNN: f(u h + w x).
fn rnn_cell<'c, 'a>(b: &Rewrite<'_, 'c, 'a>, function: &str) -> Rewritten<Replacement<'c, 'a>> {
    let weights = cell_weights(b)?;
    let hidden = linear(b, b.tensor("hx")?, weights.hidden, weights.hidden_bias)?;
    let input = linear(b, b.tensor("input")?, weights.input, weights.input_bias)?;
    single(b.unary(function, b.add(hidden, input)?)?)
}

//! Random programs before and after the clean-up passes: the same bits, and no other outputs share memory.

use expc::pipeline::{Given, run_passes};
use expc::{Device, ExportedProgram, Value, frontend};
use expc_passes::registry::parse_passes;
use expc_runtime::torch::{TensorInfo, clone_tensor, tensor_bytes};
use tch::{Kind, Tensor};

use super::{Random, program};

const BEFORE: &str = "infer_shapes(recorded=forget),functionalize,decompose";
const AFTER: &str = "canonicalize,fold,cse";

/// Makes a program, runs it with and without the passes and compares.
pub fn check(random: &mut Random) -> Result<(), String> {
    let program = program::program(random);
    let inputs: Vec<Tensor> = program
        .inputs
        .iter()
        .map(|(dtype, sizes)| input(random, dtype, sizes))
        .collect();
    let described = |what: String| format!("{what}\n{}", program.text);
    let before = run(&program.text, BEFORE, &inputs).map_err(described)?;
    let after = run(&program.text, &format!("{BEFORE},{AFTER}"), &inputs).map_err(described)?;
    match before == after {
        true => Ok(()),
        false => Err(described(format!(
            "{before:?}\nand after the passes\n{after:?}"
        ))),
    }
}

/// What a caller sees of an output.
#[derive(Debug, PartialEq)]
struct Seen {
    dtype: String,
    sizes: Vec<i64>,
    strides: Vec<i64>,
    bytes: Vec<u8>,
    /// The inputs and outputs that share memory with it, as far as a write to it shows.
    shares: Vec<usize>,
}

fn run(text: &str, passes: &str, inputs: &[Tensor]) -> Result<Vec<Seen>, String> {
    let told = |found: Vec<expc::Diagnostic>| {
        let lines: Vec<String> = found.iter().map(|one| one.message.clone()).collect();
        lines.join("\n")
    };
    let context = expc::context();
    let loaded =
        frontend::load_bytes(&context, text.as_bytes().to_vec(), "random.mlir").map_err(told)?;
    let passes = parse_passes(passes)?;
    run_passes(&loaded.module, &passes, Given::default(), &mut ()).map_err(told)?;
    let program = ExportedProgram::from_loaded(&loaded).map_err(|error| error.to_string())?;
    let module = program
        .module(Device::CPU)
        .map_err(|error| error.to_string())?;
    let copies: Vec<Tensor> = inputs.iter().map(Tensor::copy).collect();
    let values: Vec<Value> = copies
        .iter()
        .map(|tensor| Value::Tensor(tensor.shallow_clone()))
        .collect();
    let outputs = module.call(&values).map_err(|error| error.to_string())?;
    let outputs: Vec<Tensor> = outputs
        .values()
        .iter()
        .filter_map(|value| Some(value.as_tensor()?.shallow_clone()))
        .collect();
    outputs
        .iter()
        .map(|output| seen(output, &copies, &outputs))
        .collect()
}

fn seen(output: &Tensor, inputs: &[Tensor], outputs: &[Tensor]) -> Result<Seen, String> {
    let info = TensorInfo::of(output);
    let all: Vec<&Tensor> = inputs.iter().chain(outputs).collect();
    let span = span(output);
    let shares = all
        .iter()
        .enumerate()
        .filter(|(_, other)| {
            let other = self::span(other);
            span.0 < other.1 && other.0 < span.1
        })
        .map(|(index, _)| index)
        .collect();
    let copy = clone_tensor(output, None).map_err(|error| error.to_string())?;
    Ok(Seen {
        dtype: format!("{:?}", info.dtype),
        sizes: output.size(),
        strides: output.stride(),
        bytes: tensor_bytes(&copy).map_err(|error| error.to_string())?,
        shares,
    })
}

/// The addresses from the first element of a tensor to behind its last.
fn span(tensor: &Tensor) -> (usize, usize) {
    let start = tensor.data_ptr() as usize;
    if tensor.numel() == 0 {
        return (start, start);
    }
    let last: i64 = tensor
        .size()
        .iter()
        .zip(tensor.stride())
        .map(|(size, stride)| (size - 1) * stride)
        .sum();
    let element = tensor.kind().elt_size_in_bytes();
    (start, start + (last as usize + 1) * element)
}

/// A tensor with numbers that arithmetic likes to get wrong.
fn input(random: &mut Random, dtype: &str, sizes: &[i64]) -> Tensor {
    const FLOATS: [f64; 8] = [0.0, -0.0, 1.0, -2.5, f64::NAN, f64::INFINITY, 1e-40, 3.25];
    const INTEGERS: [i64; 6] = [0, 1, -1, 127, -128, 5];
    let count = sizes.iter().product::<i64>() as usize;
    let (kind, is_float) = match dtype {
        "f32" => (Kind::Float, true),
        "f64" => (Kind::Double, true),
        "bf16" => (Kind::BFloat16, true),
        "i64" => (Kind::Int64, false),
        "i8" => (Kind::Int8, false),
        _ => (Kind::Bool, false),
    };
    let flat = match is_float {
        true => {
            let values: Vec<f64> = (0..count).map(|_| random.one_of(&FLOATS)).collect();
            Tensor::from_slice(&values)
        }
        false => {
            let values: Vec<i64> = (0..count).map(|_| random.one_of(&INTEGERS)).collect();
            Tensor::from_slice(&values)
        }
    };
    flat.to_kind(kind).reshape(sizes)
}

//! Weights that the command line brings: those of a file, and made-up ones for programs that have none.

use std::{path::Path, sync::Arc};

use expc_dialects::{Diagnostic, Dim, InputKind, InputSpec, Program, ScalarType, ValueType};
use expc_pt2::{Archive, Limits};
use expc_runtime::{
    error::code::MISSING_WEIGHT,
    torch::{self, Device, Value, clone_tensor},
    weights::{StoredBytes, Weight, Weights},
};
use melior::ir::ValueLike;

use super::{
    cli::WeightArgs,
    console::{Failure, Outcome},
    session::libtorch_fault,
    tensors::{Bytes, call, cast, view_of},
};
use crate::{diagnostics::Diagnostics, frontend::pt2, tensor_file};

/// The largest weight that is made up, in elements.
const MAX_ELEMENTS: i64 = 1 << 34;

/// What the command line brings for a program that came with the weights `own`. Made-up weights depend on `seed` and
/// on what is missing only.
///
/// # Errors
/// A file cannot be read; a weight cannot be made up, all those are told.
pub fn given(
    args: &WeightArgs,
    seed: Option<u64>,
    program: &Program<'_, '_>,
    own: &Weights,
) -> Outcome<Weights> {
    let mut given = Weights::new();
    if let Some(path) = &args.weights {
        add_file(path, &mut given)?;
    }
    if args.random_weights {
        torch::manual_seed(seed.unwrap_or_default()).map_err(libtorch_fault)?;
        add_random(program, own, &mut given)?;
    }
    Ok(given)
}

/// The archive that a file of weights is, if its name says that it is one.
///
/// # Errors
/// The archive cannot be read.
pub fn archive(path: &Path) -> Outcome<Option<Archive>> {
    if path.extension().is_none_or(|extension| extension != "pt2") {
        return Ok(None);
    }
    let archive = Archive::open(path, &Limits::default());
    Ok(Some(archive.map_err(|error| pt2::diagnostic(&error))?))
}

/// Adds the tensors of a file, or the weights of another archive, to a program's weights.
///
/// # Errors
/// The file cannot be read, or is no file of tensors.
pub fn add_file(path: &Path, weights: &mut Weights) -> Outcome {
    if let Some(archive) = archive(path)? {
        weights.extend(pt2::weights(&archive)?);
        return Ok(());
    }
    for (name, host) in tensor_file::read(path)? {
        let bytes = host.bytes().clone();
        let range = 0..bytes.len();
        let storage = Arc::new(StoredBytes {
            bytes: Arc::new(Bytes(bytes)),
            range,
        });
        let view = view_of(&host).map_err(libtorch_fault)?;
        weights.insert(name, Weight::Stored { storage, view });
    }
    Ok(())
}

/// Says beside a missing weight where it may come from.
pub fn advised(found: Diagnostics) -> Failure {
    let advice =
        "give a file that has it with `--weights`, or let it be made up with `--random-weights`";
    let advised = found.into_vec().into_iter().map(|found| match found.code {
        MISSING_WEIGHT => found.help(advice),
        _ => found,
    });
    advised.collect::<Vec<_>>().into()
}

/// Makes up each weight that the signature names and neither `own` nor `given` has.
fn add_random(program: &Program<'_, '_>, own: &Weights, given: &mut Weights) -> Outcome {
    let root = program.root()?;
    let signature = root.signature()?;
    let specs = signature
        .inputs
        .iter()
        .filter(|spec| spec.constant.is_none());
    let mut faults = Vec::new();
    for (spec, argument) in specs.zip(root.arguments()) {
        let is_there = |name: &str| own.get(name).is_some() || given.get(name).is_some();
        let Some(target) = target(spec).filter(|target| !is_there(target)) else {
            continue;
        };
        match random_weight(ValueType::from_mlir(argument.r#type())) {
            Ok(tensor) => given.insert_tensor(target, tensor),
            Err(why) => faults.push(Diagnostic::error(
                "E0625",
                format!(
                    "the {} `{target}` cannot be made up: {why}",
                    spec.kind.name()
                ),
            )),
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(faults.into()),
    }
}

/// The name of the weight that an input is.
fn target(spec: &InputSpec) -> Option<&str> {
    match spec.kind {
        InputKind::Parameter
        | InputKind::Buffer
        | InputKind::ConstantTensor
        | InputKind::CustomObj => spec.target.as_deref(),
        InputKind::UserInput | InputKind::Token => None,
    }
}

fn random_weight(ty: Option<ValueType>) -> Result<tch::Tensor, String> {
    let Some(ValueType::Tensor(meta)) = ty else {
        return Err("it is no tensor".to_owned());
    };
    let sizes = meta.sizes.ok_or("its sizes are not known")?;
    let sizes = sizes.iter().map(|dim| match dim {
        Dim::Static(size) => Ok(*size),
        Dim::Symbolic(text) => Err(format!("its size `{text}` is not known")),
    });
    let sizes = sizes.collect::<Result<Vec<_>, _>>()?;
    let n_elements = sizes.iter().try_fold(1_i64, |n, size| n.checked_mul(*size));
    match n_elements.filter(|n| *n <= MAX_ELEMENTS) {
        Some(_) => drawn(meta.dtype, &sizes),
        None => Err(format!(
            "it has more than {MAX_ELEMENTS} elements, its sizes are {sizes:?}"
        )),
    }
}

/// Numbers that keep activations in range: matrices and kernels within `1 / sqrt(fan in)` of zero, vectors and
/// scalars (scales, shifts, variances) between 0.5 and 1.5. Whole numbers are 0, a position in every table.
fn drawn(dtype: ScalarType, sizes: &[i64]) -> Result<tch::Tensor, String> {
    let shape = Value::List(sizes.iter().copied().map(Value::Int).collect());
    if !dtype.is_floating_point() && !dtype.is_complex() {
        return cast(&call("aten::zeros", &[shape])?, dtype);
    }
    let fan_in: i64 = sizes.iter().skip(1).product();
    let (scale, shift) = match sizes.len() {
        0 | 1 => (1.0, 0.5),
        _ => {
            let bound = 1.0 / (fan_in.max(1) as f64).sqrt();
            (2.0 * bound, -bound)
        }
    };
    let unit = call("aten::rand", &[shape])?;
    let scaled = call(
        "aten::mul.Scalar",
        &[Value::Tensor(unit), Value::Float(scale)],
    )?;
    let shifted = call(
        "aten::add.Scalar",
        &[Value::Tensor(scaled), Value::Float(shift)],
    )?;
    clone_tensor(&cast(&shifted, dtype)?, Some(Device::CPU)).map_err(|error| error.to_string())
}

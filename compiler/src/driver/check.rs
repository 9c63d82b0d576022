//! `expc check`: everything that can be verified without running.
//!
//! In this order: the archive with its checksums, the program's JSON or text, the dialect and the verifier, the
//! pytrees, the signature against the weights, the operators against libtorch, ranges and guards, recorded types
//! against those that follow from the ops. A stage that fails ends those that need its result; all others still speak.

use std::collections::HashSet;

use expc_dialects::{Diagnostic, ScalarType, Severity};
use expc_passes::shape::{
    Report, ShapeEnv,
    propagate::{self, compare},
};
use expc_runtime::{
    executor::{Executable, Options},
    plan::{Input, InputKind, InputSpec},
    torch::Device,
    weights::Weights,
};

use super::{
    cli::CheckArgs,
    console::{Console, Failure, Outcome},
    load, weights,
};
use crate::{
    diagnostics,
    frontend::{Loaded, pt2},
    meta_device::MetaDevice,
    program::ExportedProgram,
};

/// Checks a model; fails if there is an error among what was found.
pub fn run(args: &CheckArgs, console: &mut Console<'_>) -> Outcome {
    load::libraries(&args.load_library)?;
    let (found, report) = match find_all(args, console) {
        Ok(found) => found,
        Err(Failure::Program(found)) => (found, None),
        Err(other) => return Err(other),
    };
    if args.json {
        diagnostics::write_json(console.stdout, &found)?;
    }
    let (errors, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|diagnostic| diagnostic.severity == Severity::Error);
    console.report(&others);
    if let Some(report) = report.filter(|_| !args.json) {
        writeln!(
            console.stdout,
            "{}: {report}",
            load::name_of(&args.model.model)
        )?;
    }
    if !errors.is_empty() {
        return Err(errors.into());
    }
    match args.json {
        true => Ok(()),
        false => Ok(writeln!(
            console.stdout,
            "{}: no errors",
            load::name_of(&args.model.model)
        )?),
    }
}

/// What was found, and with `--infer` how many types follow.
type Found = (Vec<Diagnostic>, Option<Report>);

fn find_all(args: &CheckArgs, console: &mut Console<'_>) -> Outcome<Found> {
    let context = expc_dialects::context();
    let loaded = load::model(&context, &args.model.model, console)?;
    let mut found = Vec::new();
    if let Some(archive) = &loaded.archive {
        let _spinner = console.spinner("reading the weights");
        let faults = archive.verify_checksums().err().unwrap_or_default();
        found.extend(faults.iter().map(pt2::diagnostic));
    }
    let mut program = match ExportedProgram::from_loaded(&loaded) {
        Ok(program) => program,
        Err(faults) => {
            found.extend(faults.into_vec());
            return Ok((found, None));
        }
    };
    if let Some(path) = &args.weights {
        weights::add_file(path, program.weights_mut())?;
    }
    let in_file = |diagnostic: Diagnostic| diagnostic.in_file(&loaded.file);
    found.extend(unfit_weights(&program).into_iter().map(in_file));
    match Executable::new(
        program.plan(),
        program.weights(),
        Options {
            device: Some(Device::CPU),
        },
    ) {
        Ok(executable) => found.extend(executable.warnings().iter().cloned().map(in_file)),
        Err(faults) => found.extend(faults.into_iter().map(in_file)),
    }
    let (of_types, report) = check_types(&loaded, args.infer);
    found.extend(of_types.into_iter().map(in_file));
    let mut seen = HashSet::new();
    found.retain(|diagnostic| seen.insert(diagnostic.to_string()));
    Ok((found, report))
}

/// Compares recorded types with those that follow: from the recorded ones of the operands, and with `forget` also
/// from those of the inputs alone, of which nothing but the report is made.
fn check_types(loaded: &Loaded<'_>, forget: bool) -> Found {
    let inferred = |strip| -> Result<Report, Diagnostic> {
        let env = ShapeEnv::of_program(&loaded.program())?.with_meta(&MetaDevice);
        compare(&loaded.program(), &env, propagate::Options { strip })
    };
    let mut found = match inferred(false) {
        Ok(report) => report.errors(),
        Err(fault) => vec![fault],
    };
    if !forget {
        return (found, None);
    }
    match inferred(true) {
        Ok(report) => {
            found.extend(report.warnings());
            (found, Some(report))
        }
        Err(fault) => {
            found.push(fault);
            (found, None)
        }
    }
}

/// What the signature names and the weights lack, or have otherwise.
fn unfit_weights(program: &ExportedProgram) -> Vec<Diagnostic> {
    let inputs = program.signature().inputs.iter();
    inputs
        .filter_map(|input| unfit_weight(input, program.weights()))
        .collect()
}

fn unfit_weight(input: &Input, weights: &Weights) -> Option<Diagnostic> {
    if matches!(input.kind, InputKind::User | InputKind::Token) {
        return None;
    }
    let name = input.target.as_deref()?;
    let Some(weight) = weights.get(name) else {
        let what = format!(
            "there is no weight `{name}`, which the input `{}` names",
            input.name
        );
        return Some(Diagnostic::error(
            expc_runtime::error::code::MISSING_WEIGHT,
            what,
        ));
    };
    let InputSpec::Tensor { dtype, sizes } = &input.spec else {
        return None;
    };
    let found = weight.storage_view()?;
    let expected = dtype.as_deref().and_then(ScalarType::from_torch_name);
    let unfit = |what: String| {
        Some(Diagnostic::error(
            expc_runtime::error::code::BAD_WEIGHT,
            format!("weight `{name}`: {what}"),
        ))
    };
    if let Some(expected) = expected.filter(|expected| *expected != found.dtype) {
        return unfit(format!(
            "expected dtype {}, found {}",
            expected.torch_name(),
            found.dtype.torch_name()
        ));
    }
    let sizes = sizes.as_ref()?;
    let agrees = |(expected, found): (&String, &i64)| {
        expected.parse::<i64>().map_or(true, |size| size == *found)
    };
    let fits = sizes.len() == found.sizes.len() && sizes.iter().zip(&found.sizes).all(agrees);
    if fits {
        None
    } else {
        unfit(format!(
            "expected sizes [{}], found {:?}",
            sizes.join(", "),
            found.sizes
        ))
    }
}

//! `expc run-many`: the cases of a list, one after the other.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    time::Instant,
};

use expc_dialects::Diagnostic;
use expc_runtime::torch::Device;
use serde_json::json;

use super::{
    cli::RunManyArgs,
    console::{Console, Failure, Outcome},
    guarded,
    inputs::GivenInputs,
    load,
    outputs::tensors,
    session::{Session, prepare},
};
use crate::{
    diagnostics::{self, is_internal},
    tensor_file::{self, Format, write_atomically},
};

/// A line of the list.
struct Case {
    model: PathBuf,
    /// None for a program without inputs, whose field is empty.
    inputs: Option<PathBuf>,
    output: PathBuf,
    format: Format,
}

/// The model of the last case, or what is wrong with it.
struct Opened {
    model: PathBuf,
    session: Result<Session, Vec<Diagnostic>>,
}

/// Runs all cases; one that fails leaves its diagnostics in OUT.err.
pub fn run(args: &RunManyArgs, console: &mut Console<'_>) -> Outcome {
    let device = prepare(&args.execution.load)?;
    let cases = read_list(&load::text(&args.list, console)?, &args.list)?;
    let progress = console.progress(cases.len(), "cases");
    let mut failed = 0;
    let mut opened = None;
    for case in &cases {
        let start = Instant::now();
        let fault = match guarded(|| run_case(case, args, device, &mut opened, console)) {
            Ok(()) => None,
            Err(Failure::Program(found)) => Some(found),
            Err(other) => return Err(other),
        };
        if fault.iter().flatten().any(is_internal) {
            // What a panic left behind is not used again.
            opened = None;
        }
        failed += usize::from(fault.is_some());
        let seconds = start.elapsed().as_secs_f64();
        let found = fault.as_deref();
        progress.aside(|| {
            if let Err(unwritten) = leave_diagnostics(case, found) {
                console.report(&[unwritten]);
            }
            report(case, found, seconds, args.execution.json, console)?;
            // Who waits for the cases sees each when it is done.
            Outcome::Ok(console.stdout.flush()?)
        })?;
        progress.step();
    }
    drop(progress);
    let (total, passed) = (cases.len(), cases.len() - failed);
    match args.execution.json {
        true => writeln!(
            console.stdout,
            "{}",
            json!({ "cases": total, "passed": passed, "failed": failed })
        )?,
        false => writeln!(
            console.stdout,
            "{passed} of {total} cases done, {failed} failed"
        )?,
    }
    match failed {
        0 => Ok(()),
        _ => Err(Diagnostic::error("E0618", format!("{failed} of {total} cases failed")).into()),
    }
}

/// Reads the list; empty lines and lines that begin with `#` are left out.
fn read_list(text: &str, list: &Path) -> Outcome<Vec<Case>> {
    let mut cases = Vec::new();
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match read_case(line) {
            Ok(case) => cases.push(case),
            Err(what) => {
                let mut fault = Diagnostic::error("E0619", what).in_file(load::name_of(list));
                fault.place.line_column = Some((number + 1, 1));
                faults.push(fault);
            }
        }
    }
    if faults.is_empty() {
        Ok(cases)
    } else {
        Err(faults.into())
    }
}

fn read_case(line: &str) -> Result<Case, String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [model, inputs, output] = fields.as_slice() else {
        return Err(format!(
            "expected `model<TAB>inputs.npz<TAB>out.npz`, found {} fields",
            fields.len()
        ));
    };
    let (model, inputs, output) = (
        PathBuf::from(model),
        (!inputs.is_empty()).then(|| PathBuf::from(inputs)),
        PathBuf::from(output),
    );
    match Format::of(&output) {
        Some(format @ (Format::Npz | Format::Safetensors)) => Ok(Case {
            model,
            inputs,
            output,
            format,
        }),
        _ => Err(format!(
            "expected an output file that ends in `.npz` or `.safetensors`, found `{}`",
            output.display()
        )),
    }
}

fn run_case(
    case: &Case,
    args: &RunManyArgs,
    device: Device,
    opened: &mut Option<Opened>,
    console: &mut Console<'_>,
) -> Outcome {
    let session = match opened {
        Some(Opened { model, session }) if *model == case.model => session,
        _ => {
            *opened = None;
            let session = match Session::open(&case.model, &args.execution.load, device, console) {
                Ok(session) => Ok(session),
                Err(Failure::Program(found)) => Err(found),
                Err(other) => return Err(other),
            };
            &mut opened
                .insert(Opened {
                    model: case.model.clone(),
                    session,
                })
                .session
        }
    };
    let session = session.as_mut().map_err(|found| found.clone())?;
    session.reset(device)?;
    let given = GivenInputs::read(case.inputs.as_deref(), &[])?;
    let inputs = session.inputs();
    let result = session.run(args.execution.options(), &|| given.bind(&inputs, device))?;
    Ok(tensor_file::write(
        &case.output,
        &tensors(&result.entries(case.format)?),
    )?)
}

/// Writes OUT.err, or removes that of an earlier run.
fn leave_diagnostics(case: &Case, fault: Option<&[Diagnostic]>) -> Result<(), Diagnostic> {
    let mut path = OsString::from(&case.output);
    path.push(".err");
    let path = PathBuf::from(path);
    let result = match fault {
        Some(found) => {
            // An output of an earlier run would be taken for this one's.
            let _ = std::fs::remove_file(&case.output);
            write_atomically(&path, |file| diagnostics::write_text(file, found, false))
        }
        None => match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    };
    result.map_err(|error| {
        let fault = Diagnostic::error("E0693", format!("cannot write the file: {error}"));
        fault.in_file(path.display().to_string())
    })
}

fn report(
    case: &Case,
    fault: Option<&[Diagnostic]>,
    seconds: f64,
    json: bool,
    console: &mut Console<'_>,
) -> Outcome {
    let output = case.output.display();
    if json {
        let model = case.model.display().to_string();
        let line = json!({
            "model": model, "output": output.to_string(), "ok": fault.is_none(), "seconds": seconds, "errors": fault,
        });
        return Ok(writeln!(console.stdout, "{line}")?);
    }
    match fault.and_then(<[Diagnostic]>::first) {
        Some(first) => Ok(writeln!(
            console.stdout,
            "FAIL {output}: {}",
            first.message
        )?),
        None => Ok(writeln!(console.stdout, "ok   {output}")?),
    }
}

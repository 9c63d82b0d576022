//! `expc run`: one case.

use std::time::Instant;

use serde_json::json;

use super::{
    cli::{ExecutionArgs, RunArgs},
    compare::{compare_all, mismatch, write_table},
    console::{Console, Failure, Outcome},
    inputs::GivenInputs,
    outputs::{Entry, tensors},
    session::{CaseOptions, Session, prepare},
};
use crate::tensor_file::{self, Format};

/// Runs a model on the given inputs.
pub fn run(args: &RunArgs, console: &mut Console<'_>) -> Outcome {
    let format = match &args.output {
        None => Format::Npz,
        Some(path) => output_format(path)?,
    };
    let device = prepare(&args.execution.load)?;
    let given = GivenInputs::read(args.inputs.as_deref(), &args.input)?;
    let expected = args
        .expected
        .as_deref()
        .map(tensor_file::read)
        .transpose()?;
    let expects_changes = expected.iter().flatten().any(|(key, _)| key.contains(':'));
    let session = Session::open(&args.model.model, &args.execution.load, device, console)?;
    let inputs = session.inputs();
    let options = CaseOptions {
        state: args.execution.state || expects_changes,
        ..args.execution.options()
    };
    let start = Instant::now();
    let result = {
        let _spinner = console.spinner("running");
        session.run(options, &|| given.bind(&inputs, device))?
    };
    let entries = result.entries(format)?;
    let seconds = start.elapsed().as_secs_f64();
    let shown: Vec<_> = entries
        .iter()
        .filter(|entry| args.execution.state || !entry.key.contains(':'))
        .collect();
    if let Some(path) = &args.output {
        let shown: Vec<Entry> = shown.iter().copied().cloned().collect();
        tensor_file::write(path, &tensors(&shown))?;
    }
    let verdicts = expected
        .as_ref()
        .map(|expected| compare_all(&entries, expected, args.tolerance))
        .transpose()?;
    if args.execution.json {
        let outputs: Vec<_> = shown.iter().map(|entry| entry.to_json()).collect();
        let comparison = verdicts
            .as_ref()
            .map(|list| list.iter().map(|one| one.to_json()).collect::<Vec<_>>());
        let answer = json!({ "outputs": outputs, "comparison": comparison, "seconds": seconds });
        writeln!(console.stdout, "{answer}")?;
    } else if let Some(verdicts) = &verdicts {
        write_table(console.stdout, verdicts)?;
    } else if args.output.is_none() {
        shown
            .iter()
            .try_for_each(|entry| entry.write_summary(console.stdout))?;
    }
    let fault = args
        .expected
        .as_ref()
        .zip(verdicts)
        .and_then(|(file, verdicts)| mismatch(&verdicts, file));
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

impl ExecutionArgs {
    /// How each case is run.
    pub fn options(&self) -> CaseOptions {
        CaseOptions {
            repeat: self.repeat,
            seed: self.load.seed,
            state: self.state,
        }
    }
}

/// The format of an output file, which holds several tensors.
pub fn output_format(path: &std::path::Path) -> Outcome<Format> {
    match Format::of(path) {
        Some(format @ (Format::Npz | Format::Safetensors)) => Ok(format),
        _ => {
            let found = path.display();
            Err(Failure::usage(format!(
                "expected an output file that ends in `.npz` or `.safetensors`, found `{found}`"
            )))
        }
    }
}

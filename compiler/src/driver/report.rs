//! `expc report`: what stands between a program and each stage, module by module.

use std::cell::RefCell;

use expc_dialects::Diagnostic;
use expc_runtime::torch::Device;

use super::{
    cli::ReportArgs,
    console::{Console, Failure, Outcome},
    load,
    random::InputSource,
    session::prepare,
    stand_in::RecordedTypes,
    weights,
};
use crate::{
    frontend::Loaded,
    program::ExportedProgram,
    report::{self, Executed, Report},
    tensor_file::write_atomically,
};

/// Reports on a model; fails if something stands in the way.
pub fn run(args: &ReportArgs, console: &mut Console<'_>) -> Outcome {
    let device = prepare(&args.load)?;
    let source = InputSource::read(args.inputs.as_deref())?;
    let context = expc_dialects::context();
    let file = load::name_of(&args.model.model);
    let custom = load::registered_ops(&args.load.load_library);
    // What fails for other reasons than the program's ends the report.
    let broken = RefCell::new(None);
    let of_program = |failure: Failure| match failure {
        Failure::Program(found) => found,
        other => {
            let what = Diagnostic::error("E0626", "the stage could not be tried");
            broken.replace(Some(other));
            vec![what]
        }
    };
    // The standard input is read once; each stage gets a program of its own.
    let mut bytes = None;
    let mut load = || {
        let path = &args.model.model;
        load::again(&context, path, &mut bytes, console).map_err(of_program)
    };
    let mut execute = |loaded: &Loaded<'_>| {
        let ran = execute(args, loaded, &source, device);
        ran.map_err(of_program).unwrap_or_else(|faults| Executed {
            faults,
            not_run: None,
        })
    };
    let found = report::report(&file, &custom, &mut load, &mut execute);
    if let Some(failure) = broken.take() {
        return Err(failure);
    }
    if let Some(path) = &args.html {
        let page = report::html(&found);
        write_atomically(path, |file| file.write_all(page.as_bytes())).map_err(|error| {
            Diagnostic::error("E0693", format!("cannot write the file: {error}"))
                .in_file(path.display().to_string())
        })?;
    }
    match args.json {
        true => writeln!(console.stdout, "{}", json(&found)?)?,
        false => write!(console.stdout, "{}", report::text(&found))?,
    }
    if found.is_clean() {
        return Ok(());
    }
    let (faults, modules) = found
        .faulty()
        .fold((0, 0), |(faults, modules), (_, module)| {
            (faults + module.faults.len(), modules + 1)
        });
    let what = format!("{faults} faults in {modules} modules");
    Err(Diagnostic::error("E0623", what).in_file(file).into())
}

fn json(report: &Report) -> Outcome<String> {
    let text = serde_json::to_string(report);
    Ok(text.map_err(|error| Diagnostic::error("E0624", format!("internal error: {error}")))?)
}

fn execute(
    args: &ReportArgs,
    loaded: &Loaded<'_>,
    source: &InputSource,
    device: Device,
) -> Outcome<Executed> {
    let mut program = ExportedProgram::from_loaded(loaded)?;
    let given = weights::given(
        &args.load.weights,
        args.load.seed,
        &loaded.program(),
        program.weights(),
    )?;
    program.weights_mut().extend(given);
    let inputs = source.bind(&program, device)?;
    let mut stand_ins = RecordedTypes::new(&loaded.program(), &program, &inputs, device)?;
    let tried = program.try_steps(device, &inputs, &mut stand_ins);
    let trial = tried.map_err(weights::advised)?;
    let modules = trial.not_run.into_iter().map(|origin| origin.module);
    Ok(Executed {
        faults: trial.faults,
        not_run: Some(modules.map(Option::unwrap_or_default).collect()),
    })
}

//! `expc opt`: passes over a program, and its module written out.

use std::io;

use expc_dialects::{Diagnostic, mlir};
use expc_passes::registry::parse_passes;

use super::{
    cli::{Emit, OptArgs},
    console::{Console, Failure, Outcome},
    load,
};
use crate::{
    export::text::program_text,
    frontend::Loaded,
    pipeline::{self, Dump},
    tensor_file::write_atomically,
};

/// Reads a model, runs passes and writes what is left.
pub fn run(args: &OptArgs, console: &mut Console<'_>) -> Outcome {
    let passes = args.passes.as_deref().map(parse_passes).transpose();
    let passes = passes.map_err(Failure::usage)?;
    let context = expc_dialects::context();
    let loaded = load::model(&context, &args.model.model, console)?;
    let mut dump = Dump {
        after: args.print_ir_after.iter().cloned().collect(),
        after_all: args.print_ir_after_all,
        folder: args.dump_dir.clone(),
        locations: args.locations,
        ..Dump::default()
    };
    let outcome = match passes {
        Some(passes) => pipeline::run_passes(&loaded.module, &passes, &mut dump),
        None => pipeline::lower(&loaded.module, args.to, &mut dump),
    };
    // What was asked for is shown even if a later pass failed.
    write!(console.stderr, "{}", dump.shown)?;
    if args.timing {
        write!(console.stderr, "{}", dump.timing())?;
    }
    load::report(outcome, &loaded.file, console)?;
    if let Some((path, error)) = dump.fault {
        return Err(unwritable(&path, &error).into());
    }
    let mut text = emitted(args, &loaded)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    match &args.output {
        None => Ok(console.stdout.write_all(text.as_bytes())?),
        Some(path) => write_atomically(path, |file| file.write_all(text.as_bytes()))
            .map_err(|error| unwritable(path, &error).into()),
    }
}

fn emitted(args: &OptArgs, loaded: &Loaded<'_>) -> Outcome<String> {
    match args.emit {
        Emit::Mlir => {
            let options = mlir::PrintOptions {
                locations: args.locations,
                ..Default::default()
            };
            Ok(mlir::print_operation(
                &loaded.module.as_operation(),
                options,
            ))
        }
        Emit::Text => {
            let text = program_text(&loaded.program());
            Ok(text.map_err(|fault| fault.in_file(&loaded.file))?)
        }
    }
}

fn unwritable(path: &std::path::Path, error: &io::Error) -> Diagnostic {
    let fault = Diagnostic::error("E0693", format!("cannot write the file: {error}"));
    fault.in_file(path.display().to_string())
}

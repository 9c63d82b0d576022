//! `expc opt`: the module of a program, written out.

use std::io;

use expc_dialects::{Diagnostic, mlir};

use super::{
    cli::{Emit, OptArgs},
    console::{Console, Outcome},
    load,
};
use crate::tensor_file::write_atomically;

/// Reads a model and writes its module.
pub fn run(args: &OptArgs, console: &mut Console<'_>) -> Outcome {
    let context = expc_dialects::context();
    let loaded = load::model(&context, &args.model.model, console)?;
    let mut text = match args.emit {
        Emit::Mlir => {
            let options = mlir::PrintOptions {
                locations: args.locations,
                ..Default::default()
            };
            mlir::print_operation(&loaded.module.as_operation(), options)
        }
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    match &args.output {
        None => Ok(console.stdout.write_all(text.as_bytes())?),
        Some(path) => write_atomically(path, |file| file.write_all(text.as_bytes())).map_err(
            |error: io::Error| {
                let fault = Diagnostic::error("E0693", format!("cannot write the file: {error}"));
                fault.in_file(path.display().to_string()).into()
            },
        ),
    }
}

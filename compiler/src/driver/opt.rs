//! `expc opt`: the module of a program, written out.

use std::io;

use expc_dialects::{Diagnostic, mlir, verify::verify};
use expc_passes::{functionalize, shape::ShapeEnv};
use melior::ir::operation::OperationLike;

use super::{
    cli::{Emit, Level, OptArgs},
    console::{Console, Outcome},
    load,
};
use crate::{frontend::Loaded, tensor_file::write_atomically};

/// Reads a model and writes its module.
pub fn run(args: &OptArgs, console: &mut Console<'_>) -> Outcome {
    let context = expc_dialects::context();
    let loaded = load::model(&context, &args.model.model, console)?;
    if args.to == Level::Functional {
        to_functional(&loaded)?;
    }
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

/// Makes the module functional and verifies the result.
fn to_functional(loaded: &Loaded<'_>) -> Outcome {
    let in_file = |found: Vec<Diagnostic>| -> Vec<Diagnostic> {
        let located = found.into_iter().map(|fault| fault.in_file(&loaded.file));
        located.collect()
    };
    let env = ShapeEnv::of_program(&loaded.program()).map_err(|fault| in_file(vec![fault]))?;
    functionalize::functionalize(&loaded.module, &env).map_err(in_file)?;
    let mut found = verify(&loaded.program());
    if !loaded.module.as_operation().verify() {
        found.push(Diagnostic::error(
            "E0309",
            "internal error: functionalization left a module that MLIR refuses; please report it with the program",
        ));
    }
    if found.is_empty() {
        Ok(())
    } else {
        Err(in_file(found).into())
    }
}

//! `expc print`: the program as `print(exported_program)` shows it in PyTorch.

use super::{
    cli::PrintArgs,
    console::{Console, Outcome},
    load,
};
use crate::export::text::program_text;

/// Prints a model.
pub fn run(args: &PrintArgs, console: &mut Console<'_>) -> Outcome {
    let context = expc_dialects::context();
    load::libraries(&args.load_library)?;
    let loaded = load::model(&context, &args.model.model, console)?;
    load::to_level(&loaded, args.level, &args.load_library, console)?;
    let text = program_text(&loaded.program()).map_err(|fault| fault.in_file(&loaded.file))?;
    // PyTorch's own text has no newline at its end, `print` adds it.
    Ok(write!(console.stdout, "{text}")?)
}

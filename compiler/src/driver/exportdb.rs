//! `expc exportdb`: the examples of what can be exported from Rust and what cannot.

use std::path::Path;

use expc_dialects::Diagnostic;

use super::{
    cli::ExportdbArgs,
    console::{Console, Outcome},
};
use crate::{
    Diagnostics,
    exportdb::{CASES, Case, find, markdown, page},
};

/// Lists all examples, or shows one.
pub fn run(args: &ExportdbArgs, console: &mut Console<'_>) -> Outcome {
    if args.markdown {
        return Ok(write!(console.stdout, "{}", markdown())?);
    }
    let Some(name) = &args.name else {
        return list(console);
    };
    match find(name) {
        Some(case) => show(case, args.save.as_deref(), console),
        None => Err(unknown(name).into()),
    }
}

/// What cannot be exported is shown with its fault, but there is nothing to save of it.
fn show(case: &Case, path: Option<&Path>, console: &mut Console<'_>) -> Outcome {
    if let Some(path) = path {
        let program = case.export().map_err(Diagnostics::into_vec)?;
        program.save(path).map_err(Diagnostics::into_vec)?;
    }
    Ok(write!(console.stdout, "{}", page(case))?)
}

fn list(console: &mut Console<'_>) -> Outcome {
    let width = CASES.iter().map(|case| case.name.len()).max().unwrap_or(0);
    for case in CASES {
        let line = format!(
            "{:width$}  {:17}  {}",
            case.name,
            case.support.name(),
            case.tags.join(", ")
        );
        writeln!(console.stdout, "{}", line.trim_end())?;
    }
    Ok(())
}

fn unknown(name: &str) -> Diagnostic {
    let unknown = Diagnostic::error("E0698", format!("there is no example `{name}`"));
    let nearest = CASES
        .iter()
        .map(|case| (strsim::osa_distance(name, case.name), case.name))
        .min();
    match nearest {
        Some((distance, nearest)) if distance <= 3 => {
            unknown.help(format!("did you mean `{nearest}`?"))
        }
        _ => unknown.help("`expc exportdb` lists them all"),
    }
}

//! Programs as `.pt2` archives that PyTorch 2.11 loads.
//!
//! [`write_pt2`] makes the archive from the module and the weights, [`save`] puts it into a file that is there whole
//! or not at all. Whatever schema the program came with, that of PyTorch 2.11 is written, or the one that is asked for.
//! What its file has no form for is a diagnostic at the op, and nothing is written then.

mod argument;
mod graph;
mod program;
mod symbols;
mod weights;

use std::{
    io::{self, Write},
    path::Path,
};

use expc_dialects::{Diagnostic, Program};
use expc_pt2::{Contents, SCHEMA};

use crate::tensor_file::write_atomically;

pub use weights::Source;

/// Writes a program as an archive.
///
/// # Errors
/// Everything that cannot be written, the weights that are missing, or what the stream reports.
pub fn write_pt2<'c: 'a, 'a>(
    program: &Program<'c, 'a>,
    source: &Source<'_>,
    out: impl Write,
) -> Result<(), Vec<Diagnostic>> {
    prepare(program, source, |contents| {
        contents
            .write(out)
            .map_err(|error| vec![unwritable(&error)])
    })
}

/// Writes a program as an archive into a file; on a failure an older file stays, and nothing else is left.
///
/// # Errors
/// As [`write_pt2`].
pub fn save<'c: 'a, 'a>(
    program: &Program<'c, 'a>,
    source: &Source<'_>,
    path: &Path,
) -> Result<(), Vec<Diagnostic>> {
    prepare(program, source, |contents| {
        write_atomically(path, |file| contents.write(file)).map_err(|error: io::Error| {
            vec![unwritable(&error).in_file(path.display().to_string())]
        })
    })
}

fn unwritable(error: &io::Error) -> Diagnostic {
    Diagnostic::error("E0165", format!("cannot write the archive: {error}"))
}

/// Makes everything that is in the archive, so that writing it can only fail for want of space.
fn prepare<'c: 'a, 'a>(
    program: &Program<'c, 'a>,
    source: &Source<'_>,
    write: impl FnOnce(&Contents<'_>) -> Result<(), Vec<Diagnostic>>,
) -> Result<(), Vec<Diagnostic>> {
    let schema = source.schema.unwrap_or(SCHEMA);
    let texts = program::Texts::of(program);
    let (written, signature) = program::program(program, &texts, schema)?;
    let found = source.find(&signature)?;
    let one = |fault: Diagnostic| vec![fault];
    write(&Contents {
        program: written,
        state_dict: found.state_dict(&signature, schema).map_err(one)?,
        constants: found.constants(&signature, schema).map_err(one)?,
        sample_inputs: found.sample_inputs(),
        extra_files: found.extra_files(),
    })
}

#[cfg(test)]
mod tests;

//! Ways into the dialect, one module per input form, and the choice among them.

mod foreign;
pub(crate) mod function;
mod operands;
pub mod pt2;
pub mod signature;
pub mod text;

use std::path::Path;

use expc_dialects::{Diagnostic, Program, text::parse_module, verify::verify};
use expc_pt2::{Archive, Limits};
use melior::{Context, ir::Module};

/// What kind of model some bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// A `.pt2` archive.
    Pt2,
    /// MLIR text.
    Mlir,
    /// `print(exported_program)`.
    Printed,
}

impl ModelKind {
    /// Tells the kind from the first bytes; the name does not count.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.starts_with(b"PK") {
            return Self::Pt2;
        }
        let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        // Comments of printed programs, and in MLIR aliases of attributes, tell nothing.
        let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
        let is_printed = first.is_some_and(|line| {
            line.starts_with(b"ExportedProgram") || line.starts_with(b"class ")
        });
        match is_printed {
            true => Self::Printed,
            false => Self::Mlir,
        }
    }
}

/// A model in the dialect, with what it was read from.
pub struct Loaded<'c> {
    pub module: Module<'c>,
    /// The archive that holds the weights; `.mlir` models have none.
    pub archive: Option<Archive>,
    /// The name for messages.
    pub file: String,
}

impl<'c> Loaded<'c> {
    /// The view of the module.
    pub fn program(&self) -> Program<'c, '_> {
        Program::new(&self.module)
    }
}

/// Reads a model from a file and verifies it; on faults, all that were found.
pub fn load_file<'c>(context: &'c Context, path: &Path) -> Result<Loaded<'c>, Vec<Diagnostic>> {
    let file = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        vec![Diagnostic::error(
            "E0152",
            format!("`{file}` cannot be read: {error}"),
        )]
    };
    let mut head = [0; 64];
    let length = {
        use std::io::Read;
        let mut opened = std::fs::File::open(path).map_err(unreadable)?;
        opened.read(&mut head).map_err(unreadable)?
    };
    match ModelKind::of(&head[..length]) {
        ModelKind::Pt2 => {
            let archive = Archive::open(path, &Limits::default())
                .map_err(|error| vec![pt2::diagnostic(&error)])?;
            load_archive(context, archive, file)
        }
        _ => {
            let bytes = std::fs::read(path).map_err(unreadable)?;
            load_text(context, &bytes, file)
        }
    }
}

/// Reads a model from memory and verifies it; `name` is for messages.
pub fn load_bytes<'c>(
    context: &'c Context,
    bytes: Vec<u8>,
    name: &str,
) -> Result<Loaded<'c>, Vec<Diagnostic>> {
    match ModelKind::of(&bytes) {
        ModelKind::Pt2 => {
            let archive = Archive::from_bytes(name, bytes, &Limits::default())
                .map_err(|error| vec![pt2::diagnostic(&error)])?;
            load_archive(context, archive, name.to_owned())
        }
        _ => load_text(context, &bytes, name.to_owned()),
    }
}

fn load_archive<'c>(
    context: &'c Context,
    archive: Archive,
    file: String,
) -> Result<Loaded<'c>, Vec<Diagnostic>> {
    let module = {
        let program = archive
            .program()
            .map_err(|error| vec![pt2::diagnostic(&error)])?;
        pt2::lower(context, &program).map_err(|found| in_file(found, &file))?
    };
    verified(Loaded {
        module,
        archive: Some(archive),
        file,
    })
}

fn load_text<'c>(
    context: &'c Context,
    bytes: &[u8],
    file: String,
) -> Result<Loaded<'c>, Vec<Diagnostic>> {
    if let Some(fault) = foreign::refuse(bytes) {
        return Err(vec![fault.in_file(file)]);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        vec![
            Diagnostic::error(
                "E0154",
                format!(
                    "neither an archive nor text: byte {} is not UTF-8",
                    error.valid_up_to()
                ),
            )
            .in_file(file.clone()),
        ]
    })?;
    if ModelKind::of(bytes) == ModelKind::Printed {
        return load_printed(context, text, file);
    }
    let module = parse_module(context, text, &file)?;
    verified(Loaded {
        module,
        archive: None,
        file,
    })
}

fn load_printed<'c>(
    context: &'c Context,
    text: &str,
    file: String,
) -> Result<Loaded<'c>, Vec<Diagnostic>> {
    let printed = text::read(context, text).map_err(|fault| vec![fault.in_file(&file)])?;
    let text::Printed { module, positions } = printed;
    let loaded = Loaded {
        module,
        archive: None,
        file,
    };
    verified(loaded).map_err(|found| positions.locate(found))
}

fn verified(loaded: Loaded<'_>) -> Result<Loaded<'_>, Vec<Diagnostic>> {
    let found = verify(&loaded.program());
    if found.is_empty() {
        Ok(loaded)
    } else {
        Err(in_file(found, &loaded.file))
    }
}

fn in_file(found: Vec<Diagnostic>, file: &str) -> Vec<Diagnostic> {
    found
        .into_iter()
        .map(|diagnostic| diagnostic.in_file(file))
        .collect()
}

//! Finds programs and reads what their `meta.json` says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Root;

/// A program with its inputs and PyTorch's answers.
#[derive(Debug)]
pub struct Case {
    /// `opinfo/add`
    pub name: String,
    pub folder: PathBuf,
    pub meta: Meta,
    /// Relative tolerance in place of the dtype's own.
    pub relative: Option<f64>,
}

/// The parts of `meta.json` that are read.
#[derive(Debug, Deserialize)]
pub struct Meta {
    pub torch: String,
    pub inputs: Vec<Described>,
    pub outputs: Vec<Described>,
    /// "output 1", "input 0" or "state NAME" to the reason: only dtype and sizes can be compared.
    #[serde(default)]
    pub not_compared: BTreeMap<String, String>,
    #[serde(default)]
    pub tolerance: Option<f64>,
    /// Calls of one program in turn.
    #[serde(default = "one")]
    pub calls: usize,
    /// Further calls, each of a fresh program.
    #[serde(default)]
    pub alts: usize,
    #[serde(default)]
    pub bad: Vec<Bad>,
    /// Libraries that register its operators, seen from the folder of the set.
    #[serde(default)]
    libraries: Vec<PathBuf>,
}

/// An input or output.
#[derive(Debug, Deserialize)]
pub struct Described {
    pub dtype: Option<String>,
}

/// Inputs that must be refused.
#[derive(Debug, Deserialize)]
pub struct Bad {
    pub inputs: String,
    /// Part of the diagnostic.
    pub message: String,
}

/// Calls of one program, by the suffixes of their files.
pub type Sequence = Vec<String>;

/// The options of `expc` that load libraries of operators.
pub fn library_options(libraries: &[PathBuf]) -> Vec<String> {
    let options = |library: &PathBuf| ["--load-library".to_owned(), library.display().to_string()];
    libraries.iter().flat_map(options).collect()
}

impl Case {
    pub fn model(&self) -> PathBuf {
        self.folder.join("model.pt2")
    }

    /// The libraries that register its operators.
    pub fn libraries(&self) -> Vec<PathBuf> {
        let set = self.folder.parent().unwrap_or(&self.folder);
        self.meta
            .libraries
            .iter()
            .map(|library| set.join(library))
            .collect()
    }

    /// The options of `expc` that load its libraries.
    pub fn library_options(&self) -> Vec<String> {
        library_options(&self.libraries())
    }

    /// `inputs_alt1.npz` for `inputs` and `_alt1`.
    pub fn file(&self, name: &str, suffix: &str) -> PathBuf {
        self.folder.join(format!("{name}{suffix}.npz"))
    }

    /// Everything that is run, each sequence from a fresh program.
    pub fn sequences(&self) -> Vec<Sequence> {
        let further = (2..=self.meta.calls).map(|call| format!("_call{call}"));
        let first = std::iter::once(String::new()).chain(further).collect();
        let alts = (1..=self.meta.alts).map(|alt| vec![format!("_alt{alt}")]);
        std::iter::once(first).chain(alts).collect()
    }
}

/// All cases under a root, by name.
///
/// # Errors
/// There are none, with the command that makes them; a `meta.json` cannot be read.
pub fn find(root: &Root) -> Result<Vec<Case>, String> {
    let missing = || {
        format!(
            "there are no programs in {}; make them with: {}",
            root.folder.display(),
            root.made_by
        )
    };
    let mut folders = Vec::new();
    add_folders(&root.folder, &mut folders).map_err(|error| format!("{} ({error})", missing()))?;
    folders.sort();
    if folders.is_empty() {
        return Err(missing());
    }
    folders
        .into_iter()
        .map(|folder| read(root, folder))
        .collect()
}

/// Adds the folders with a `model.pt2`; no case lies inside another.
fn add_folders(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if folder.join("model.pt2").is_file() {
        found.push(folder.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            add_folders(&path, found)?;
        }
    }
    Ok(())
}

fn read(root: &Root, folder: PathBuf) -> Result<Case, String> {
    let path = folder.join("meta.json");
    let meta = fs::read(&path)
        .map_err(|error| error.to_string())
        .and_then(|text| serde_json::from_slice::<Meta>(&text).map_err(|error| error.to_string()))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let relative = folder.strip_prefix(&root.folder).unwrap_or(&folder);
    Ok(Case {
        name: format!("{}/{}", root.name, relative.display()),
        relative: meta.tolerance.or(root.relative),
        folder,
        meta,
    })
}

fn one() -> usize {
    1
}

//! The text tests as trials of the test binary, one per file: `lit/<area>/<family>`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};

use crate::run::{self, Settings};

/// What a test file's name may end in.
const EXTENSIONS: [&str; 2] = ["mlir", "txt"];
/// Folders of files that tests read and that are none.
const INPUTS: &str = "inputs";

/// A trial for every test file under `root`; a file of another kind is a trial that fails.
pub fn trials(root: &Path, settings: &Arc<Settings>) -> Vec<Trial> {
    let files = match files(root) {
        Ok(files) => files,
        Err(error) => return vec![failing("lit", format!("{}: {error}", root.display()))],
    };
    let trial = |path: PathBuf| {
        let name = name(root, &path);
        if let Some(fault) = fault(&path) {
            return failing(&name, fault);
        }
        let settings = Arc::clone(settings);
        Trial::test(name.clone(), move || {
            run::run_file(&path, &name, &settings).map_err(Failed::from)
        })
    };
    files.into_iter().map(trial).collect()
}

/// `lit/fuse/pointwise`
fn name(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    format!("lit/{}", relative.with_extension("").display())
}

/// Why a file cannot be a test.
fn fault(path: &Path) -> Option<String> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let is_test = extension.is_some_and(|extension| EXTENSIONS.contains(&extension));
    (!is_test).then(|| {
        format!(
            "{}: expected a `.mlir` or `.txt` test; what tests read stands in `{INPUTS}/`",
            path.display()
        )
    })
}

/// A trial that fails with a message.
pub fn failing(name: &str, message: String) -> Trial {
    Trial::test(name, move || Err(Failed::from(message)))
}

fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if !path.is_dir() {
                found.push(path);
            } else if path.file_name().is_some_and(|name| name != INPUTS) {
                folders.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_trial() {
        let root = tempfile::tempdir().unwrap();
        for path in [
            "fuse/pointwise.mlir",
            "run/inputs/a.npz",
            "run/print.txt",
            "run/stray.py",
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let files = files(root.path()).unwrap();
        let names: Vec<_> = files.iter().map(|path| name(root.path(), path)).collect();
        assert_eq!(
            names,
            ["lit/fuse/pointwise", "lit/run/print", "lit/run/stray"]
        );
        let faults: Vec<_> = files.iter().map(|path| fault(path).is_some()).collect();
        assert_eq!(faults, [false, false, true]);
    }
}

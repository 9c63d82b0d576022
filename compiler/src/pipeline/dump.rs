//! What is kept or shown of the module between passes.

use std::{
    collections::HashSet,
    fmt::Write,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use expc_dialects::mlir;
use expc_passes::registry::PassCall;
use melior::ir::Module;

use super::Observer;
use crate::tensor_file::write_atomically;

/// Keeps the text of the module after passes, and the time of each.
#[derive(Debug, Default)]
pub struct Dump {
    /// Passes after which the module is kept in `shown`.
    pub after: HashSet<String>,
    /// The module is kept after every pass.
    pub after_all: bool,
    /// Where `NN-pass.mlir` files are written.
    pub folder: Option<PathBuf>,
    /// Keep locations in the texts.
    pub locations: bool,
    /// The texts to be shown, each under a line with the name of the pass.
    pub shown: String,
    /// Each pass with its time.
    pub times: Vec<(&'static str, Duration)>,
    /// The first file that could not be written.
    pub fault: Option<(PathBuf, io::Error)>,
}

impl Dump {
    /// A table of the times: seconds, part of all, pass.
    pub fn timing(&self) -> String {
        let total: f64 = self.times.iter().map(|(_, time)| time.as_secs_f64()).sum();
        let mut text = String::new();
        let rows = self
            .times
            .iter()
            .map(|(name, time)| (*name, time.as_secs_f64()));
        for (name, seconds) in rows.chain([("total", total)]) {
            let part = if total > 0.0 {
                100.0 * seconds / total
            } else {
                0.0
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{seconds:>10.6} s {part:>5.1} %  {name}");
        }
        text
    }

    fn write_file(&mut self, folder: &Path, name: &str, text: &str) {
        let path = folder.join(format!("{:02}-{name}.mlir", self.times.len()));
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| write_atomically(&path, |file| file.write_all(text.as_bytes())));
        if let Err(error) = written {
            self.fault.get_or_insert((path, error));
        }
    }
}

impl Observer for Dump {
    fn after(&mut self, pass: &PassCall, module: &Module<'_>, time: Duration) {
        self.times.push((pass.name(), time));
        let is_shown = self.after_all || self.after.contains(pass.name());
        if !is_shown && self.folder.is_none() {
            return;
        }
        let options = mlir::PrintOptions {
            locations: self.locations,
            ..Default::default()
        };
        let text = mlir::print_operation(&module.as_operation(), options);
        if is_shown {
            let _ = writeln!(self.shown, "// after {}\n{}", pass.name(), text.trim_end());
        }
        if let Some(folder) = self.folder.clone() {
            self.write_file(&folder, pass.name(), &text);
        }
    }
}

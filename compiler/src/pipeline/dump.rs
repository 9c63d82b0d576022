//! What is kept or shown of the module between passes.

use std::{
    collections::HashSet,
    fmt::Write,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use expc_dialects::mlir;
use expc_passes::{registry::PassCall, rewrites::Rewrites};
use melior::ir::Module;

use super::Observer;
use crate::tensor_file::write_atomically;

/// When the module is shown around a pass.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Passes, by name.
    pub passes: HashSet<String>,
    /// Every pass.
    pub all: bool,
}

impl Shown {
    fn has(&self, pass: &PassCall) -> bool {
        self.all || self.passes.contains(pass.name())
    }
}

/// Keeps the text of the module around passes, and the time of each.
#[derive(Debug, Default)]
pub struct Dump {
    /// Before which passes the module is kept in `shown`.
    pub before: Shown,
    /// After which passes the module is kept in `shown`.
    pub after: Shown,
    /// After every pass that changed it the module is kept in `shown`.
    pub on_change: bool,
    /// Where `NN-pass.mlir` files are written.
    pub folder: Option<PathBuf>,
    /// Where the module before a pass that fails is written, with the command that runs the pass on it.
    pub reproducer: Option<Reproducer>,
    /// Keep locations in the texts.
    pub locations: bool,
    /// The texts to be shown, each under a line with the name of the pass.
    pub shown: String,
    /// What came before the passes, with its time: reading the program.
    pub earlier: Vec<(&'static str, Duration)>,
    /// Each pass with its time.
    pub passes: Vec<(&'static str, Duration)>,
    /// The time of all that was verified after passes.
    pub verification: Duration,
    /// The first file that could not be written.
    pub fault: Option<(PathBuf, io::Error)>,
    /// The module before the last pass, where someone asks for it.
    last: String,
}

/// A file that makes a failure happen again.
#[derive(Debug)]
pub struct Reproducer {
    pub path: PathBuf,
    /// Further options of the command.
    pub options: String,
    /// The module before each pass so far.
    texts: Vec<String>,
}

impl Reproducer {
    pub fn new(path: PathBuf, options: String) -> Self {
        Self {
            path,
            options,
            texts: Vec::new(),
        }
    }

    /// The module before the first of these passes, which were the last to run, under the command that runs them.
    fn text(&self, passes: &[PassCall]) -> String {
        let list: Vec<String> = passes.iter().map(ToString::to_string).collect();
        let first = self.texts.len().saturating_sub(passes.len());
        let module = self.texts.get(first).map(String::as_str);
        format!(
            "// expc opt {} --passes='{}'{}\n{}",
            self.path.display(),
            list.join(","),
            self.options,
            module.unwrap_or_default()
        )
    }
}

impl Dump {
    /// A table of the times: seconds, part of all, what it was.
    pub fn timing(&self) -> String {
        let verification = [("verify", self.verification)];
        let phases = self.earlier.iter().chain(&self.passes).chain(&verification);
        let rows: Vec<(&str, f64)> = phases
            .map(|(name, time)| (*name, time.as_secs_f64()))
            .collect();
        let total: f64 = rows.iter().map(|(_, time)| time).sum();
        let mut text = String::new();
        for (name, seconds) in rows.into_iter().chain([("total", total)]) {
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

    fn text(&self, module: &Module<'_>) -> String {
        let options = mlir::PrintOptions {
            locations: self.locations,
            ..Default::default()
        };
        mlir::print_operation(&module.as_operation(), options)
    }

    fn show(&mut self, when: &str, pass: &PassCall, text: &str) {
        let _ = writeln!(self.shown, "// {when} {}\n{}", pass.name(), text.trim_end());
    }

    fn write_file(&mut self, path: PathBuf, text: &str) {
        let folder = path.parent().unwrap_or(Path::new(""));
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| write_atomically(&path, |file| file.write_all(text.as_bytes())));
        if let Err(error) = written {
            self.fault.get_or_insert((path, error));
        }
    }
}

impl Observer for Dump {
    fn before(&mut self, pass: &PassCall, module: &Module<'_>) {
        if let Some(reproducer) = &mut self.reproducer {
            let options = mlir::PrintOptions {
                locations: true,
                ..Default::default()
            };
            let text = mlir::print_operation(&module.as_operation(), options);
            reproducer.texts.push(text);
        }
        if self.on_change || self.before.has(pass) {
            let text = self.text(module);
            if self.before.has(pass) {
                self.show("before", pass, &text);
            }
            self.last = text;
        }
    }

    fn after(&mut self, pass: &PassCall, module: &Module<'_>, time: Duration) {
        self.passes.push((pass.name(), time));
        let is_shown = self.after.has(pass);
        if !is_shown && !self.on_change && self.folder.is_none() {
            return;
        }
        let text = self.text(module);
        if is_shown || (self.on_change && text != self.last) {
            self.show("after", pass, &text);
        }
        if let Some(folder) = &self.folder {
            let name = format!("{:02}-{}.mlir", self.passes.len(), pass.name());
            self.write_file(folder.join(name), &text);
        }
    }

    fn failed(&mut self, passes: &[PassCall]) {
        if let Some(reproducer) = self.reproducer.take() {
            let text = reproducer.text(passes);
            self.write_file(reproducer.path, &text);
        }
    }

    fn checked(&mut self, time: Duration) {
        self.verification += time;
    }
}

/// A table of rewrites: how many, pass, rule.
pub fn statistics(rewrites: &Rewrites) -> String {
    let mut text = String::new();
    for (pass, rule, count) in rewrites.counts() {
        let _ = writeln!(text, "{count:>8}  {pass:<15}  {rule}");
    }
    let _ = writeln!(text, "{:>8}  total", rewrites.done());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_times_has_what_came_before_and_after_the_passes() {
        let milliseconds = Duration::from_millis;
        let dump = Dump {
            earlier: vec![("read", milliseconds(1))],
            passes: vec![("functionalize", milliseconds(2))],
            verification: milliseconds(1),
            ..Dump::default()
        };
        let table = dump.timing();
        let rows: Vec<&str> = table.lines().map(str::trim).collect();
        assert_eq!(
            rows,
            [
                "0.001000 s  25.0 %  read",
                "0.002000 s  50.0 %  functionalize",
                "0.001000 s  25.0 %  verify",
                "0.004000 s 100.0 %  total",
            ]
        );
    }
}

//! What a command talks to: the standard streams, what is known of them, and how a command ends.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use clap::{CommandFactory, error::ErrorKind};
use expc_dialects::Diagnostic;
use indicatif::{ProgressBar, ProgressStyle};

use super::cli::Cli;

/// The standard streams of one run of the driver.
pub struct Console<'a> {
    pub stdin: &'a mut dyn Read,
    pub stdout: &'a mut dyn Write,
    pub stderr: &'a mut dyn Write,
    pub terminal: Terminal,
    /// Whether progress is being shown, which leaves no room for more.
    pub is_busy: bool,
}

/// Which streams are terminals, and so may get colours and progress.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminal {
    pub stdout: bool,
    pub stderr: bool,
    /// Whether the environment allows colours (`NO_COLOR`, `TERM=dumb`).
    pub colour: bool,
}

impl Terminal {
    /// What the process's own streams are.
    pub fn of_process() -> Self {
        use std::io::IsTerminal;
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
            colour: !is_set("NO_COLOR") && !is_dumb,
        }
    }
}

impl Console<'_> {
    /// Whether diagnostics may be coloured.
    pub fn colours_errors(&self) -> bool {
        self.terminal.stderr && self.terminal.colour
    }

    /// Writes diagnostics to the error stream, on which nothing else can be said if that fails.
    pub fn report(&mut self, diagnostics: &[Diagnostic]) {
        let colour = self.colours_errors();
        let _ = crate::diagnostics::write_text(self.stderr, diagnostics, colour);
    }

    /// A sign of life for work that may take long; invisible unless the error stream is a terminal.
    pub fn spinner(&self, what: impl Into<String>) -> Progress {
        if !self.terminal.stderr || self.is_busy {
            return Progress(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner();
        bar.set_message(what.into());
        // Work that is done before the first tick shows nothing.
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress(bar)
    }

    /// Progress over `total` pieces of work; invisible unless the error stream is a terminal.
    pub fn progress(&mut self, total: usize, what: &str) -> Progress {
        self.is_busy = true;
        if !self.terminal.stderr {
            return Progress(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(total as u64);
        if let Ok(style) = ProgressStyle::with_template("{msg} {pos}/{len} [{bar:30}] {eta}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        Progress(bar)
    }
}

/// Progress that disappears when it is dropped.
pub struct Progress(ProgressBar);

impl Progress {
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// Runs what writes to a terminal on which the progress may be shown.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub enum Failure {
    /// The program or its inputs are at fault.
    Program(Vec<Diagnostic>),
    /// The command line is.
    Usage(Box<clap::Error>),
    /// The standard output could not be written.
    Output(io::Error),
}

impl Failure {
    /// A fault of the command line that clap cannot see.
    pub fn usage(message: impl std::fmt::Display) -> Self {
        Self::Usage(Box::new(
            Cli::command().error(ErrorKind::ValueValidation, message),
        ))
    }
}

/// How a command ends.
pub type Outcome<T = ()> = Result<T, Failure>;

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Program(vec![diagnostic])
    }
}

impl From<Box<Diagnostic>> for Failure {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        Self::Program(vec![*diagnostic])
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self::Program(diagnostics)
    }
}

impl From<crate::diagnostics::Diagnostics> for Failure {
    fn from(found: crate::diagnostics::Diagnostics) -> Self {
        Self::Program(found.into_vec())
    }
}

impl From<crate::tensor_file::Error> for Failure {
    fn from(error: crate::tensor_file::Error) -> Self {
        Self::Program(vec![error.into()])
    }
}

impl From<io::Error> for Failure {
    /// Only writes to the standard output use `?` on I/O; files have errors of their own.
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(error.into())
    }
}

//! What expc tells a user about a program: one type for every stage.
//!
//! Codes are stable and never reused: reader E01xx, verifier E02xx, functionalize E03xx, decompose and
//! shapes E04xx, runtime E05xx.

use std::fmt::{self, Display, Formatter};

use melior::ir::{Location, operation::OperationLike};
use serde::Serialize;

use crate::location::Metadata;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
    Note,
}

impl Display for Severity {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// A place in a program: whatever of it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file given on the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line and column, from 1, in a text input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_column: Option<(usize, usize)>,
    /// FX node name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Path of the module that the node belongs to, `layers.0.attention`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The innermost Python frame, as in a traceback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
}

impl Place {
    /// The place that an MLIR location describes.
    pub fn from_location(location: Location<'_>) -> Self {
        let metadata = Metadata::from_location(location);
        Self {
            file: None,
            line_column: metadata
                .text_position
                .clone()
                .map(|(_, line, column)| (line, column)),
            node: metadata.exported_node().map(str::to_owned),
            module: metadata.module_path(),
            python: metadata.innermost_frame(),
        }
    }
}

/// A message about a program, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: &'static str,
    pub message: String,
    pub place: Place,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Diagnostic {
    /// A warning without a place.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    /// An error without a place.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            place: Place::default(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// An error at an op.
    pub fn at<'c: 'a, 'a>(
        op: &impl OperationLike<'c, 'a>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self::error(code, message).located(op.location())
    }

    #[must_use]
    pub fn located(mut self, location: Location<'_>) -> Self {
        self.place = Place {
            file: self.place.file.take(),
            ..Place::from_location(location)
        };
        self
    }

    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.place.file.get_or_insert_with(|| file.into());
        self
    }

    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Display for Diagnostic {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}[{}]: {}",
            self.severity, self.code, self.message
        )?;
        let place = &self.place;
        let mut parts = Vec::new();
        if let Some(file) = &place.file {
            match place.line_column {
                Some((line, column)) => parts.push(format!("{file}:{line}:{column}")),
                None => parts.push(file.clone()),
            }
        }
        if let Some(node) = &place.node {
            parts.push(format!("node `{node}`"));
        }
        if let Some(module) = &place.module {
            parts.push(format!("in module `{module}`"));
        }
        if !parts.is_empty() {
            write!(formatter, "\n  --> {}", parts.join(", "))?;
        }
        for line in place.python.iter().flat_map(|frame| frame.lines()) {
            write!(formatter, "\n   | {line}")?;
        }
        for note in &self.notes {
            write!(formatter, "\n   = note: {}", note.replace('\n', "\n     "))?;
        }
        if let Some(help) = &self.help {
            write!(formatter, "\n   = help: {}", help.replace('\n', "\n     "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_every_part() {
        let mut diagnostic =
            Diagnostic::error("E0201", "`aten.add.Tensor` has no argument `gamma`")
                .note("it was given as 3")
                .help("leave it out")
                .in_file("model.pt2");
        diagnostic.place.node = Some("add_1".to_owned());
        diagnostic.place.module = Some("layers.0".to_owned());
        diagnostic.place.python = Some("File \"a.py\", line 3, in forward\n    x + y".to_owned());
        assert_eq!(
            diagnostic.to_string(),
            "error[E0201]: `aten.add.Tensor` has no argument `gamma`\n  \
             --> model.pt2, node `add_1`, in module `layers.0`\n   \
             | File \"a.py\", line 3, in forward\n   \
             |     x + y\n   \
             = note: it was given as 3\n   \
             = help: leave it out"
        );
    }
}

//! Diagnostics as users and programs read them: text for a terminal, JSON lines for a pipe.
//!
//! The codes of this crate's own diagnostics are E06xx: tensor files E0601, arguments of a run E061x, the driver
//! itself E069x. The other stages' are listed in `ARCHITECTURE.md`.

use std::{
    fmt::{self, Display, Formatter},
    io::{self, Write},
};

use expc_dialects::{Diagnostic, Severity};

/// All that was found to be wrong; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// At least one diagnostic; a list without any is a broken invariant, and says so.
    pub fn new(found: Vec<Diagnostic>) -> Self {
        if found.is_empty() {
            internal_error("a failure without a diagnostic", None).into()
        } else {
            Self(found)
        }
    }

    /// Names the file in those that name none.
    #[must_use]
    pub fn in_file(self, file: &str) -> Self {
        Self(
            self.0
                .into_iter()
                .map(|diagnostic| diagnostic.in_file(file))
                .collect(),
        )
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.0
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl From<Vec<Diagnostic>> for Diagnostics {
    fn from(found: Vec<Diagnostic>) -> Self {
        Self::new(found)
    }
}

impl Display for Diagnostics {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, diagnostic) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const BLUE: &str = "\x1b[1;34m";
const CYAN: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

/// Writes diagnostics one after the other, in colour on request.
///
/// # Errors
/// What the target reports.
pub fn write_text(
    target: &mut dyn Write,
    diagnostics: &[Diagnostic],
    colour: bool,
) -> io::Result<()> {
    for diagnostic in diagnostics {
        let text = diagnostic.to_string();
        let text = if colour {
            coloured(&text, diagnostic.severity)
        } else {
            text
        };
        writeln!(target, "{text}")?;
    }
    Ok(())
}

/// Writes diagnostics as JSON, one to a line.
///
/// # Errors
/// What the target reports.
pub fn write_json(target: &mut dyn Write, diagnostics: &[Diagnostic]) -> io::Result<()> {
    for diagnostic in diagnostics {
        serde_json::to_writer(&mut *target, diagnostic)?;
        writeln!(target)?;
    }
    Ok(())
}

const INTERNAL: &str = "E0699";

/// Whether a diagnostic is about expc itself.
pub fn is_internal(diagnostic: &Diagnostic) -> bool {
    diagnostic.code == INTERNAL
}

/// A broken invariant of expc itself, which is never the user's fault.
pub fn internal_error(what: &str, place: Option<&str>) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(INTERNAL, format!("internal error: {what}"));
    if let Some(place) = place {
        diagnostic = diagnostic.note(format!("in expc's own code at {place}"));
    }
    diagnostic.help(
        "this is a bug of expc: please report it with the command, the model and its inputs; \
         `expc opt MODEL --emit mlir --locations -o model.mlir` writes the program without its weights",
    )
}

/// The text with its first line's head in the severity's colour and the marks of its other lines in blue.
fn coloured(text: &str, severity: Severity) -> String {
    let colour = match severity {
        Severity::Error => RED,
        Severity::Warning => YELLOW,
        Severity::Note => CYAN,
    };
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mark = ["  --> ", "   | ", "   = "]
            .into_iter()
            .find_map(|mark| Some((mark, line.strip_prefix(mark)?)));
        lines.push(match (number, line.split_once(": "), mark) {
            (0, Some((head, message)), _) => {
                format!("{colour}{head}{RESET}{BOLD}: {message}{RESET}")
            }
            (_, _, Some((mark, rest))) => format!("{BLUE}{mark}{RESET}{rest}"),
            _ => line.to_owned(),
        });
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Diagnostic> {
        let mut located = Diagnostic::error(
            "E0507",
            "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)",
        )
        .in_file("model.pt2")
        .note("the inputs were made at random")
        .help("give inputs of the exported sizes");
        located.place.node = Some("mm_3".to_owned());
        located.place.module = Some("layers.0.attention".to_owned());
        located.place.python =
            Some("File \"model.py\", line 12, in forward\n    return x @ y".to_owned());
        vec![
            located,
            internal_error("slot 3 is empty", Some("runtime/src/x.rs:7")),
        ]
    }

    fn text(colour: bool) -> String {
        let mut buffer = Vec::new();
        write_text(&mut buffer, &samples(), colour).expect("written");
        String::from_utf8(buffer).expect("UTF-8")
    }

    #[test]
    fn plain_text() {
        insta::assert_snapshot!(text(false));
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let coloured = text(true);
        assert!(coloured.starts_with("\x1b[1;31merror[E0507]\x1b[0m"));
        let mut stripped = coloured;
        for code in [BOLD, RED, BLUE, RESET] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, text(false));
    }

    #[test]
    fn json_lines() {
        let mut buffer = Vec::new();
        write_json(&mut buffer, &samples()).expect("written");
        insta::assert_snapshot!(String::from_utf8(buffer).expect("UTF-8"));
    }
}

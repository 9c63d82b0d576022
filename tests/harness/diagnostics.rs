//! The diagnostics that a test expects against those that `expc` printed.

use std::fmt::{self, Display, Formatter};

use crate::filecheck::{Pattern, Variables, canonical_blanks};

/// What part of a diagnostic a directive speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Error,
    Warning,
    /// A note of the diagnostic that the directive before expects.
    Note,
    /// Its help.
    Help,
}

/// Where a diagnostic must point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Line of the test file, from 1.
    Line(usize),
    /// No line of the test file.
    Unknown,
}

impl Display for Place {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(formatter, "line {line}"),
            Self::Unknown => formatter.write_str("no line"),
        }
    }
}

/// `expected-error@+1: E0204 text`
#[derive(Clone, Debug)]
pub struct Expected {
    /// Line of the directive.
    pub line: usize,
    pub field: Field,
    pub place: Place,
    /// Empty for a note or help.
    code: String,
    pattern: Option<Pattern>,
    text: String,
}

impl Expected {
    /// Parses what follows the colon: a code, and text or patterns that the message holds.
    ///
    /// # Errors
    /// The code is missing, or the pattern has a fault.
    pub fn parse(line: usize, field: Field, place: Place, text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (code, message) = match field {
            Field::Note | Field::Help => ("", text),
            Field::Error | Field::Warning => {
                let (code, message) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
                if !is_code(code) {
                    return Err(format!("expected a code such as `E0204`, found `{code}`"));
                }
                (code, message)
            }
        };
        let pattern = Pattern::parse(message)?;
        if code.is_empty() && pattern.is_empty() {
            return Err("the expected text is missing".to_owned());
        }
        if pattern.defines() || pattern.uses() {
            return Err("expected diagnostics have no variables".to_owned());
        }
        Ok(Self {
            line,
            field,
            place,
            code: code.to_owned(),
            pattern: (!pattern.is_empty()).then_some(pattern),
            text: text.to_owned(),
        })
    }

    fn is_part_of_another(&self) -> bool {
        matches!(self.field, Field::Note | Field::Help)
    }

    fn is_met_by(&self, reported: &Reported) -> bool {
        let severity = match self.field {
            Field::Error => Severity::Error,
            Field::Warning => Severity::Warning,
            Field::Note | Field::Help => return false,
        };
        reported.severity == severity
            && reported.code == self.code
            && reported.place == self.place
            && self.matches(&reported.message)
    }

    fn is_in(&self, reported: &Reported) -> bool {
        let texts = match self.field {
            Field::Help => &reported.help,
            _ => &reported.notes,
        };
        texts.iter().any(|text| self.matches(text))
    }

    fn matches(&self, text: &str) -> bool {
        let text = canonical_blanks(text);
        self.pattern.as_ref().is_none_or(|pattern| {
            let found = pattern.find(&text, 0..text.len(), &Variables::new());
            matches!(found, Ok(Some(_)))
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
    Note,
}

/// A diagnostic as it was printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    pub severity: Severity,
    pub code: String,
    pub message: String,
    pub place: Place,
    pub notes: Vec<String>,
    pub help: Vec<String>,
    rendered: String,
}

/// Reads the diagnostics from standard error; a place counts where it is in `source`.
pub fn read(stderr: &str, source: &str) -> Vec<Reported> {
    let mut found: Vec<Reported> = Vec::new();
    for line in stderr.lines() {
        if let Some(head) = read_head(line) {
            found.push(head);
        } else if let Some(last) = found.last_mut() {
            last.add_line(line, source);
        }
    }
    found
}

impl Reported {
    fn add_line(&mut self, line: &str, source: &str) {
        self.rendered.push('\n');
        self.rendered.push_str(line);
        let text = line.trim_start();
        if let Some(place) = text.strip_prefix("--> ") {
            if let Some(line) = line_in(place, source) {
                self.place = Place::Line(line);
            }
        } else if let Some(note) = text.strip_prefix("= note: ") {
            self.notes.push(note.to_owned());
        } else if let Some(help) = text.strip_prefix("= help: ") {
            self.help.push(help.to_owned());
        } else if self.rendered.contains("\n  -->") {
            // The further lines of a note, or of the Python stack.
        } else {
            self.message.push('\n');
            self.message.push_str(line);
        }
    }
}

fn read_head(line: &str) -> Option<Reported> {
    let (head, message) = line.split_once("]: ")?;
    let (severity, code) = head.split_once('[')?;
    let severity = match severity {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        "note" => Severity::Note,
        _ => return None,
    };
    is_code(code).then(|| Reported {
        severity,
        code: code.to_owned(),
        message: message.to_owned(),
        place: Place::Unknown,
        notes: Vec::new(),
        help: Vec::new(),
        rendered: line.to_owned(),
    })
}

/// The line in `file:12:3, node ...`, if it is that file.
fn line_in(place: &str, source: &str) -> Option<usize> {
    let position = place.strip_prefix(source)?.strip_prefix(':')?;
    position.split([':', ',']).next()?.parse().ok()
}

fn is_code(text: &str) -> bool {
    let digits = text.strip_prefix('E');
    digits
        .is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What does not agree, in lines for a person.
pub fn compare(expected: &[Expected], reported: &[Reported]) -> Vec<String> {
    let mut is_met = vec![false; reported.len()];
    let mut faults = Vec::new();
    let mut current: Option<&Reported> = None;
    for one in expected {
        if one.is_part_of_another() {
            if !current.is_some_and(|reported| one.is_in(reported)) {
                faults.push(format!(
                    "line {}: `{}` is not in the diagnostic expected before it",
                    one.line, one.text
                ));
            }
            continue;
        }
        let index =
            (0..reported.len()).find(|index| !is_met[*index] && one.is_met_by(&reported[*index]));
        current = index.map(|index| &reported[index]);
        match index {
            Some(index) => is_met[index] = true,
            None => faults.push(format!(
                "line {}: `{}` was not reported at {}",
                one.line, one.text, one.place
            )),
        }
    }
    let surplus = reported
        .iter()
        .zip(is_met)
        .filter(|(one, is_met)| !is_met && one.severity != Severity::Note);
    faults.extend(surplus.map(|(one, _)| format!("not expected:\n{}", one.rendered)));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const STDERR: &str = "\
error[E0204]: `aten.add.Tensor` has no argument `gamma`
  --> %s:4:3, node `add`, in module `layers.0`
   | File \"a.py\", line 3
   = note: it was given as 3
     and more
   = help: leave it out
noise
error[E0150]: first
second
  --> %s:9:1
warning[E0301]: somewhere
  --> other.mlir:2:1
error: 2 errors
";

    fn expected(field: Field, place: Place, text: &str) -> Expected {
        Expected::parse(1, field, place, text).unwrap()
    }

    fn all() -> Vec<Expected> {
        vec![
            expected(Field::Error, Place::Line(9), "E0150 first"),
            expected(Field::Warning, Place::Unknown, "E0301"),
            expected(Field::Error, Place::Line(4), "E0204 no argument `{{g.*}}`"),
            expected(Field::Note, Place::Line(1), "given as 3"),
            expected(Field::Help, Place::Line(1), "leave it"),
        ]
    }

    #[test]
    fn reads_what_was_printed() {
        let reported = read(STDERR, "%s");
        assert_eq!(reported.len(), 3);
        assert_eq!(reported[0].place, Place::Line(4));
        assert_eq!(reported[0].notes, ["it was given as 3"]);
        assert_eq!(reported[0].help, ["leave it out"]);
        assert_eq!(reported[1].message, "first\nsecond");
        assert_eq!(reported[2].place, Place::Unknown);
    }

    #[test]
    fn all_that_is_expected_must_come() {
        assert_eq!(compare(&all(), &read(STDERR, "%s")), Vec::<String>::new());
        let mut expected = all();
        expected.push(self::expected(
            Field::Error,
            Place::Line(4),
            "E0204 no argument",
        ));
        assert_eq!(
            compare(&expected, &read(STDERR, "%s")),
            ["line 1: `E0204 no argument` was not reported at line 4"]
        );
    }

    #[test]
    fn all_that_comes_must_be_expected() {
        let expected = &all()[..2];
        let faults = compare(expected, &read(STDERR, "%s"));
        assert_eq!(faults.len(), 1);
        assert!(
            faults[0].starts_with("not expected:\nerror[E0204]: `aten.add.Tensor`"),
            "{faults:?}"
        );
    }

    #[test]
    fn code_place_text_and_severity_count() {
        let reported = read(STDERR, "%s");
        let is_met =
            |field, place, text| compare(&[expected(field, place, text)], &reported).len() == 2;
        assert!(is_met(Field::Error, Place::Line(4), "E0204"));
        assert!(!is_met(Field::Error, Place::Line(5), "E0204"));
        assert!(!is_met(Field::Error, Place::Unknown, "E0204"));
        assert!(!is_met(Field::Error, Place::Line(4), "E0205"));
        assert!(!is_met(Field::Error, Place::Line(4), "E0204 other"));
        assert!(!is_met(Field::Warning, Place::Line(4), "E0204"));
    }

    #[test]
    fn notes_belong_to_what_was_expected_before() {
        let expected = [
            expected(Field::Error, Place::Line(9), "E0150"),
            expected(Field::Note, Place::Line(1), "given as 3"),
        ];
        let faults = compare(&expected, &read(STDERR, "%s"));
        assert!(
            faults[0].contains("is not in the diagnostic expected before it"),
            "{faults:?}"
        );
    }

    #[test]
    fn directives_with_faults_are_refused() {
        let parse = |field, text| Expected::parse(1, field, Place::Unknown, text).unwrap_err();
        assert!(parse(Field::Error, "no code").contains("found `no`"));
        assert!(parse(Field::Error, "E020").contains("found `E020`"));
        assert!(parse(Field::Note, " ").contains("missing"));
        assert!(parse(Field::Note, "[[A:b]]").contains("no variables"));
    }
}

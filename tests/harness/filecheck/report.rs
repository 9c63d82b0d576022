//! What a failed check says, in FileCheck's form: the directive, where the search began, and what may have been meant.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;

use super::Check;
use super::pattern::{MatchError, Variables};

/// How many lines are looked through for something similar.
const LINES_FOR_INTENDED: usize = 1000;

/// A directive that did not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Line in the test file, from 1.
    pub line: usize,
    directive: String,
    message: String,
    notes: Vec<Note>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Note {
    message: String,
    place: Option<Place>,
}

/// A place in the output.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    text: String,
}

impl Failure {
    pub(super) fn misplaced(check: &Check) -> Self {
        Self::new(
            check,
            format!("`{}` has no match before it to stand behind", check.name),
        )
    }

    pub(super) fn not_found(
        check: &Check,
        text: &str,
        region: Range<usize>,
        variables: &Variables,
    ) -> Self {
        let mut failure = Self::new(check, "not found in the output".to_owned());
        failure.note("searched from here", Some(Place::new(text, region.start)));
        if region.end < text.len() {
            failure.note("up to the next label", Some(Place::new(text, region.end)));
        }
        for (name, value) in check.pattern.needed(variables) {
            if let Some(value) = value {
                failure.note(&format!("with `{name}` = `{value}`"), None);
            }
        }
        if let Some(place) = intended(&check.pattern.example(variables), text, region) {
            failure.note("possibly meant", Some(place));
        }
        failure
    }

    pub(super) fn distance(check: &Check, text: &str, skipped: Range<usize>, fault: &str) -> Self {
        let mut failure = Self::new(check, fault.to_owned());
        failure.note(
            "previous match ended here",
            Some(Place::new(text, skipped.start)),
        );
        failure.note("found here", Some(Place::new(text, skipped.end)));
        failure
    }

    pub(super) fn excluded(check: &Check, text: &str, found: Range<usize>) -> Self {
        let mut failure = Self::new(check, "found in the output".to_owned());
        failure.note("found here", Some(Place::new(text, found.start)));
        failure
    }

    pub(super) fn because(mut self, error: &MatchError) -> Self {
        self.message = error.to_string();
        self
    }

    fn new(check: &Check, message: String) -> Self {
        Self {
            line: check.line,
            directive: format!("{}: {}", check.name, check.text),
            message,
            notes: Vec::new(),
        }
    }

    fn note(&mut self, message: &str, place: Option<Place>) {
        let message = message.to_owned();
        self.notes.push(Note { message, place });
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.message)?;
        write!(formatter, "\n    {}", self.directive)?;
        for note in &self.notes {
            match &note.place {
                None => write!(formatter, "\n  {}", note.message)?,
                Some(place) => write!(
                    formatter,
                    "\n  {}, output line {}:\n    {}\n    {:>column$}",
                    note.message,
                    place.line,
                    place.text,
                    "^",
                    column = place.column,
                )?,
            }
        }
        Ok(())
    }
}

impl Place {
    fn new(text: &str, offset: usize) -> Self {
        let before = &text[..offset];
        let start = before.rfind('\n').map_or(0, |position| position + 1);
        let rest = &text[start..];
        Self {
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
            text: rest.lines().next().unwrap_or_default().to_owned(),
        }
    }
}

/// The line that a pattern resembles most, if it does at all.
fn intended(example: &str, text: &str, region: Range<usize>) -> Option<Place> {
    let example: Vec<char> = example.trim().chars().collect();
    let mut best: Option<(usize, usize)> = None;
    let mut offset = region.start;
    for line in text[region].split('\n').take(LINES_FOR_INTENDED) {
        let distance = distance_within(&example, line);
        if best.is_none_or(|(least, _)| distance < least) {
            let indent = line.len() - line.trim_start().len();
            best = Some((distance, offset + indent));
        }
        offset += line.len() + 1;
    }
    let (distance, offset) = best?;
    (distance * 2 < example.len()).then(|| Place::new(text, offset))
}

/// How many edits turn the wanted text into some part of the line.
fn distance_within(wanted: &[char], line: &str) -> usize {
    let mut row: Vec<usize> = (0..=wanted.len()).collect();
    let mut least = wanted.len();
    for character in line.chars() {
        // A match may begin anywhere, so that an empty prefix costs nothing.
        let mut diagonal = 0;
        for (index, other) in wanted.iter().enumerate() {
            let replaced = diagonal + usize::from(*other != character);
            diagonal = row[index + 1];
            row[index + 1] = replaced.min(diagonal + 1).min(row[index] + 1);
        }
        least = least.min(row[wanted.len()]);
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(wanted: &str, line: &str) -> usize {
        distance_within(&wanted.chars().collect::<Vec<_>>(), line)
    }

    #[test]
    fn distance_is_to_the_best_part() {
        assert_eq!(distance("abc", "xxabcxx"), 0);
        assert_eq!(distance("abc", "xxaxcxx"), 1);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("", "anything"), 0);
    }

    #[test]
    fn the_nearest_line_is_shown() {
        let text = "first\n  aten.add.Tensor %a\nlast";
        let place = intended("aten.add.Scalar %a", text, 0..text.len()).unwrap();
        assert_eq!((place.line, place.column), (2, 3));
        assert_eq!(
            intended("prims.convert_element_type", text, 0..text.len()),
            None
        );
    }
}

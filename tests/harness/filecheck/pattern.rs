//! The text of a `CHECK` directive: literal text, `{{regex}}`, `[[NAME:regex]]` and `[[NAME]]`.

use std::collections::BTreeMap;
use std::ops::Range;

use fancy_regex::Regex;

/// Values of captured variables.
pub type Variables = BTreeMap<String, String>;

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Regex(String),
    Define { name: String, regex: String },
    Use(String),
}

/// Where a pattern matched, and what it captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    pub range: Range<usize>,
    pub captures: Variables,
}

/// Why a pattern could not be tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    #[error("variable `{0}` is not defined")]
    Undefined(String),
    #[error("the pattern is too costly to match: {0}")]
    Regex(String),
}

impl Pattern {
    /// Parses what follows the colon of a directive. Runs of blanks count as one.
    ///
    /// # Errors
    /// Brackets or braces that do not close, a name that is none, a regular expression that does not compile.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = canonical_blanks(text.trim());
        let pattern = Self {
            pieces: parse_pieces(&text)?,
        };
        pattern.check_names()?;
        Ok(pattern)
    }

    /// The text as it stands, without any syntax.
    pub fn literal(text: &str) -> Self {
        let text = canonical_blanks(text.trim());
        Self {
            pieces: vec![Piece::Literal(text)],
        }
    }

    /// What `CHECK-EMPTY` looks for.
    pub(super) fn line_break_before_line_end() -> Self {
        Self {
            pieces: vec![Piece::Regex(r"\n$".to_owned())],
        }
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether it captures a variable.
    pub fn defines(&self) -> bool {
        let mut pieces = self.pieces.iter();
        pieces.any(|piece| matches!(piece, Piece::Define { .. }))
    }

    /// Whether it needs a variable that an earlier pattern captured.
    pub fn uses(&self) -> bool {
        let mut pieces = self.pieces.iter();
        pieces.any(|piece| matches!(piece, Piece::Use(_)))
    }

    /// The first match that lies in `range` of `text`; `^` and `$` are the ends of lines.
    ///
    /// # Errors
    /// A variable has no value yet.
    pub fn find(
        &self,
        text: &str,
        range: Range<usize>,
        variables: &Variables,
    ) -> Result<Option<Match>, MatchError> {
        let regex = self.regex(variables)?;
        let failed = |error: fancy_regex::Error| MatchError::Regex(error.to_string());
        let captures = regex.captures_from_pos(&text[..range.end], range.start);
        let Some(captures) = captures.map_err(failed)? else {
            return Ok(None);
        };
        let names = self.defined().enumerate().filter_map(|(index, name)| {
            let value = captures.name(&group_name(index))?;
            Some((name.to_owned(), value.as_str().to_owned()))
        });
        Ok(captures.get(0).map(|whole| Match {
            range: whole.range(),
            captures: names.collect(),
        }))
    }

    /// The variables that it needs, with their values where they have one.
    pub fn needed<'a>(&'a self, variables: &'a Variables) -> Vec<(&'a str, Option<&'a str>)> {
        let defined: Vec<_> = self.defined().collect();
        let used = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Use(name) if !defined.contains(&name.as_str()) => Some(name.as_str()),
            _ => None,
        });
        used.map(|name| (name, variables.get(name).map(String::as_str)))
            .collect()
    }

    /// Literal text that resembles a match, to find what may have been meant.
    pub fn example(&self, variables: &Variables) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Use(name) => text.push_str(variables.get(name).map_or("", String::as_str)),
                Piece::Regex(_) | Piece::Define { .. } => {}
            }
        }
        text
    }

    fn defined(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Define { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }

    fn regex(&self, variables: &Variables) -> Result<Regex, MatchError> {
        let mut source = String::from("(?m)");
        let mut defined: Vec<&str> = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => source.push_str(&fancy_regex::escape(text)),
                Piece::Regex(regex) => source.push_str(&format!("(?:{regex})")),
                Piece::Define { name, regex } => {
                    source.push_str(&format!("(?P<{}>{regex})", group_name(defined.len())));
                    defined.push(name);
                }
                Piece::Use(name) => match defined.iter().position(|known| known == name) {
                    Some(index) => source.push_str(&format!(r"\k<{}>", group_name(index))),
                    None => {
                        let value = variables.get(name);
                        let value = value.ok_or_else(|| MatchError::Undefined(name.clone()))?;
                        source.push_str(&fancy_regex::escape(value));
                    }
                },
            }
        }
        Regex::new(&source).map_err(|error| MatchError::Regex(error.to_string()))
    }

    fn check_names(&self) -> Result<(), String> {
        let mut names: Vec<_> = self.defined().collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("`{}` is defined twice in one pattern", twice[0]));
        }
        Ok(())
    }
}

/// Every run of spaces and tabs as one space.
pub fn canonical_blanks(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        let is_blank = matches!(character, ' ' | '\t');
        if !(is_blank && result.ends_with(' ')) {
            result.push(if is_blank { ' ' } else { character });
        }
    }
    result
}

fn group_name(index: usize) -> String {
    format!("v{index}")
}

fn parse_pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix("{{") {
            let end = regex_end(inner).ok_or("`{{` without `}}`")?;
            pieces.push(Piece::Regex(checked_regex(&inner[..end])?));
            rest = &inner[end + 2..];
        } else if let Some(inner) = rest.strip_prefix("[[") {
            let end = variable_end(inner).ok_or("`[[` without `]]`")?;
            pieces.push(parse_variable(&inner[..end])?);
            rest = &inner[end + 2..];
        } else {
            let end = [rest.find("{{"), rest.find("[[")]
                .into_iter()
                .flatten()
                .min();
            let (literal, tail) = rest.split_at(end.unwrap_or(rest.len()));
            pieces.push(Piece::Literal(literal.to_owned()));
            rest = tail;
        }
    }
    Ok(pieces)
}

/// Position of the `}}` that closes; in `{{a{3}}}` that is the last pair.
fn regex_end(text: &str) -> Option<usize> {
    let mut end = text.find("}}")?;
    while text[end + 2..].starts_with('}') {
        end += 1;
    }
    Some(end)
}

/// Position of the `]]` that closes, brackets of the regular expression skipped.
fn variable_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut is_escaped = false;
    for (position, character) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
            continue;
        }
        match character {
            '\\' => is_escaped = true,
            '[' => depth += 1,
            ']' if depth == 0 && text[position..].starts_with("]]") => return Some(position),
            ']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

fn parse_variable(text: &str) -> Result<Piece, String> {
    let (name, regex) = match text.split_once(':') {
        Some((name, regex)) => (name, Some(regex)),
        None => (text, None),
    };
    if !is_name(name) {
        return Err(format!(
            "`{name}` is no variable name; write literal brackets with `{{LITERAL}}` behind the directive's name"
        ));
    }
    let name = name.to_owned();
    Ok(match regex {
        None => Piece::Use(name),
        Some("") => return Err(format!("`{name}` has an empty regular expression")),
        Some(regex) => Piece::Define {
            name,
            regex: checked_regex(regex)?,
        },
    })
}

fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}

fn checked_regex(regex: &str) -> Result<String, String> {
    match Regex::new(regex) {
        Ok(_) => Ok(regex.to_owned()),
        Err(error) => Err(format!("`{regex}` is no regular expression: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Range and captures of a match in `text`.
    fn find(pattern: &str, text: &str, variables: &[(&str, &str)]) -> Option<(String, Variables)> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let pattern = Pattern::parse(pattern).unwrap();
        let found = pattern.find(text, 0..text.len(), &variables).unwrap()?;
        Some((text[found.range].to_owned(), found.captures))
    }

    fn matched(pattern: &str, text: &str) -> Option<String> {
        find(pattern, text, &[]).map(|(text, _)| text)
    }

    #[test]
    fn literal_text_is_not_a_regex() {
        assert_eq!(matched("a.b(c)", "aXb(c) a.b(c)").unwrap(), "a.b(c)");
        assert_eq!(matched("a.b", "aXb"), None);
    }

    #[test]
    fn blanks_of_the_pattern_are_one() {
        assert_eq!(matched("  a \t  b ", "a b").unwrap(), "a b");
        assert_eq!(canonical_blanks("a \t b\n\tc"), "a b\n c");
    }

    #[test]
    fn regexes_stand_between_literals() {
        assert_eq!(matched("x{{[0-9]+}};", "x; x12;").unwrap(), "x12;");
        assert_eq!(matched("a{{b|c}}d", "ab acd").unwrap(), "acd");
        assert_eq!(matched("{{a{3}}}", "aaaa").unwrap(), "aaa");
        assert_eq!(matched("{{^}}b{{$}}", "ab\nb\n").unwrap(), "b");
    }

    #[test]
    fn a_dot_stays_in_its_line() {
        assert_eq!(matched("a{{.*}}b", "a\nb"), None);
    }

    #[test]
    fn captures_hand_values_on() {
        let (_, captures) = find("%[[SUM:[a-z_]+[0-9]*]] = add", "%add_1 = add", &[]).unwrap();
        assert_eq!(captures["SUM"], "add_1");
        let found = find(
            "use %[[SUM]])",
            "use %add_10) use %add_1)",
            &[("SUM", "add_1")],
        );
        assert_eq!(found.unwrap().0, "use %add_1)");
    }

    #[test]
    fn values_are_taken_literally() {
        assert_eq!(find("[[X]]", "ab", &[("X", "a.")]), None);
    }

    #[test]
    fn a_capture_may_be_used_in_its_own_pattern() {
        let text = "add %a, %b add %c, %c";
        assert_eq!(
            matched("add %[[X:[a-z]+]], %[[X]]", text).unwrap(),
            "add %c, %c"
        );
    }

    #[test]
    fn captures_may_hold_brackets() {
        let (_, captures) = find("[[X:[0-9]+]]]", "12]", &[]).unwrap();
        assert_eq!(captures["X"], "12");
        let (_, captures) = find(r"[[X:\[.*\]]]", "[1, 2]", &[]).unwrap();
        assert_eq!(captures["X"], "[1, 2]");
    }

    #[test]
    fn literal_patterns_keep_brackets() {
        let pattern = Pattern::literal("dense<[[1, 2]]>");
        assert!(
            pattern
                .find("dense<[[1, 2]]>", 0..15, &Variables::new())
                .unwrap()
                .is_some()
        );
    }

    #[test]
    fn matches_stay_in_their_range() {
        let pattern = Pattern::parse("b").unwrap();
        assert_eq!(pattern.find("abab", 2..3, &Variables::new()), Ok(None));
        let found = pattern
            .find("abab", 2..4, &Variables::new())
            .unwrap()
            .unwrap();
        assert_eq!(found.range, 3..4);
    }

    #[test]
    fn faults_are_named() {
        for (pattern, part) in [
            ("{{a", "without `}}`"),
            ("[[A:b", "without `]]`"),
            ("[[1, 2]]", "no variable name"),
            ("[[A:]]", "empty"),
            ("{{(}}", "no regular expression"),
            ("[[A:a]] [[A:b]]", "twice"),
        ] {
            let error = Pattern::parse(pattern).unwrap_err();
            assert!(error.contains(part), "{pattern}: {error}");
        }
        let unknown = Pattern::parse("[[A]]").unwrap();
        let error = unknown.find("a", 0..1, &Variables::new()).unwrap_err();
        assert_eq!(error, MatchError::Undefined("A".to_owned()));
    }

    #[test]
    fn the_example_is_what_is_fixed() {
        let variables = Variables::from([("A".to_owned(), "x".to_owned())]);
        let pattern = Pattern::parse("add %[[A]], {{.*}} : i64").unwrap();
        assert_eq!(pattern.example(&variables), "add %x,  : i64");
        assert_eq!(pattern.needed(&variables), [("A", Some("x"))]);
    }
}

//! Reads a test file: its `RUN` lines, its chunks, and what stands beside each.
//!
//! Everything that looks like a directive and is none is a fault, and so is a chunk without any: a test that checks
//! nothing must not pass.

use crate::diagnostics::{Expected, Field, Place};
use crate::filecheck::{Check, Kind};

/// The line that parts two chunks.
const SEPARATOR: &str = "// -----";
/// Option of a `RUN` line that names the directives which its output must match; never handed to `expc`.
const PREFIX_OPTION: &str = "--check-prefix=";
const DEFAULT_PREFIX: &str = "CHECK";
const EXACT: &str = "EXACT";

/// A parsed test file.
#[derive(Debug)]
pub struct TestFile {
    pub runs: Vec<Run>,
    pub chunks: Vec<Chunk>,
}

/// One `RUN` line.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    pub line: usize,
    /// The arguments of each `expc` in the pipe.
    pub stages: Vec<Vec<String>>,
    /// `not` in front: the last stage must end with status 1.
    pub is_negated: bool,
    /// `2>&1` behind it: what it writes to standard error is checked as output.
    pub merges_stderr: bool,
    pub prefixes: Vec<String>,
}

/// What stands between two separators.
#[derive(Debug)]
pub struct Chunk {
    /// Line of the file where it begins, from 1.
    pub line: usize,
    pub text: String,
    pub checks: Vec<Prefixed<Check>>,
    pub exact: Vec<Prefixed<Exact>>,
    pub expected: Vec<Expected>,
}

/// A directive of the runs that name its prefix.
#[derive(Debug)]
pub struct Prefixed<T> {
    pub prefix: String,
    pub directive: T,
}

/// An `EXACT` block.
#[derive(Debug, PartialEq, Eq)]
pub struct Exact {
    /// Line of the directive.
    pub line: usize,
    /// How many comment lines follow it.
    pub n_lines: usize,
    pub text: String,
}

/// What is wrong with a test file.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub line: usize,
    pub message: String,
}

/// Parses a test file; the error holds every fault.
pub fn parse(text: &str) -> Result<TestFile, Vec<Fault>> {
    let mut faults = Vec::new();
    let runs = parse_runs(text, &mut faults);
    if runs.is_empty() && faults.is_empty() {
        faults.push(fault(1, "there is no `RUN` line"));
    }
    if !faults.is_empty() {
        // What a directive is depends on the prefixes that the runs name.
        return Err(faults);
    }
    let mut prefixes: Vec<&str> = runs
        .iter()
        .flat_map(|run| run.prefixes.iter().map(String::as_str))
        .collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    let chunks: Vec<_> = split(text)
        .into_iter()
        .map(|(line, text)| Parser::new(line, text, &prefixes, &mut faults).chunk())
        .collect();
    for prefix in prefixes {
        if faults.is_empty() && !chunks.iter().any(|chunk| chunk.has_directive_of(prefix)) {
            faults.push(fault(1, format!("no directive begins with `{prefix}`")));
        }
    }
    if faults.is_empty() {
        Ok(TestFile { runs, chunks })
    } else {
        Err(faults)
    }
}

impl Chunk {
    /// Whether any run of the prefix is checked; diagnostics are expected of every run.
    fn has_directive_of(&self, prefix: &str) -> bool {
        !self.expected.is_empty()
            || self.checks.iter().any(|check| check.prefix == prefix)
            || self.exact.iter().any(|exact| exact.prefix == prefix)
    }

    fn has_directive(&self) -> bool {
        !(self.expected.is_empty() && self.checks.is_empty() && self.exact.is_empty())
    }
}

/// The chunks and their first lines.
fn split(text: &str) -> Vec<(usize, String)> {
    let mut chunks = vec![(1, String::new())];
    for (index, line) in text.lines().enumerate() {
        if line.trim_end() == SEPARATOR {
            chunks.push((index + 2, String::new()));
        } else if let Some((_, chunk)) = chunks.last_mut() {
            chunk.push_str(line);
            chunk.push('\n');
        }
    }
    chunks
}

/// A word behind a comment sign.
struct Written<'a> {
    word: &'a str,
    /// What stands between the word and the colon: `{LITERAL}`, `@+1`.
    suffix: &'a str,
    /// What stands behind the colon; `None` without a colon.
    text: Option<&'a str>,
}

impl<'a> Written<'a> {
    /// The first in a line that may be meant as a directive.
    fn find(line: &'a str) -> Option<Self> {
        let comments = line
            .match_indices("//")
            .map(|(position, sign)| position + sign.len());
        let hash = line
            .trim_start()
            .starts_with('#')
            .then(|| line.find('#').unwrap_or(0) + 1);
        hash.into_iter()
            .chain(comments)
            .map(|start| Self::read(line[start..].trim_start()))
            .find(Self::is_candidate)
    }

    fn read(comment: &'a str) -> Self {
        let is_word =
            |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
        let end = comment.find(|character| !is_word(character));
        let (word, rest) = comment.split_at(end.unwrap_or(comment.len()));
        match rest.split_once(':') {
            Some((suffix, text)) if !suffix.contains(char::is_whitespace) => Self {
                word,
                suffix,
                text: Some(text),
            },
            _ => Self {
                word,
                suffix: "",
                text: None,
            },
        }
    }

    fn is_candidate(&self) -> bool {
        let upper = self.word.to_ascii_uppercase();
        let is_shouted = self.word == upper && upper.matches(char::is_alphabetic).count() > 1;
        let is_known = [DEFAULT_PREFIX, EXACT, "RUN"].iter().any(|known| {
            upper
                .strip_prefix(known)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        });
        self.word.starts_with("expected-")
            || (self.text.is_some() && (is_shouted || is_known))
            || (is_shouted && is_known)
    }
}

fn parse_runs(text: &str, faults: &mut Vec<Fault>) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut command = String::new();
    for (index, line) in text.lines().enumerate() {
        let Some(part) = Written::find(line).and_then(|written| match written {
            Written {
                word: "RUN",
                suffix: "",
                text,
            } => text,
            _ => None,
        }) else {
            continue;
        };
        if let Some(begun) = part.trim_end().strip_suffix('\\') {
            command.push_str(begun);
            continue;
        }
        command.push_str(part);
        match parse_run(index + 1, &command) {
            Ok(run) => runs.push(run),
            Err(message) => faults.push(fault(index + 1, message)),
        }
        command.clear();
    }
    if !command.is_empty() {
        faults.push(fault(1, "the last `RUN` line ends with `\\`"));
    }
    runs
}

fn parse_run(line: usize, command: &str) -> Result<Run, String> {
    let mut run = Run {
        line,
        stages: Vec::new(),
        is_negated: false,
        merges_stderr: false,
        prefixes: Vec::new(),
    };
    let words = split_words(command)?;
    for stage in words.split(|word| word == "|") {
        let stage = match stage.split_first() {
            Some((first, rest)) if first == "not" && run.stages.is_empty() => {
                run.is_negated = true;
                rest
            }
            _ => stage,
        };
        let Some((program, arguments)) = stage.split_first() else {
            return Err("a command is missing".to_owned());
        };
        if program != "expc" {
            return Err(format!("expected `expc`, found `{program}`"));
        }
        run.stages.push(arguments.to_vec());
    }
    for stage in &mut run.stages {
        stage.retain(|word| match word.strip_prefix(PREFIX_OPTION) {
            None => true,
            Some(prefixes) => {
                run.prefixes.extend(prefixes.split(',').map(str::to_owned));
                false
            }
        });
    }
    if let Some(last) = run.stages.last_mut() {
        run.merges_stderr = last.pop_if(|word| word == "2>&1").is_some();
    }
    if run.prefixes.is_empty() {
        run.prefixes.push(DEFAULT_PREFIX.to_owned());
    }
    Ok(run)
}

/// Words as a shell parts them: blanks part, quotes of both kinds hold together.
fn split_words(command: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in command.chars() {
        match quote {
            Some(sign) if sign == character => quote = None,
            None if character == '"' || character == '\'' => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            None if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    match quote {
        None => Ok(words),
        Some(sign) => Err(format!("`{sign}` is not closed")),
    }
}

/// Reads the directives of one chunk.
struct Parser<'a> {
    chunk: Chunk,
    prefixes: &'a [&'a str],
    faults: &'a mut Vec<Fault>,
}

impl<'a> Parser<'a> {
    fn new(line: usize, text: String, prefixes: &'a [&'a str], faults: &'a mut Vec<Fault>) -> Self {
        let chunk = Chunk {
            line,
            text,
            checks: Vec::new(),
            exact: Vec::new(),
            expected: Vec::new(),
        };
        Self {
            chunk,
            prefixes,
            faults,
        }
    }

    fn chunk(mut self) -> Chunk {
        let text = self.chunk.text.clone();
        let lines: Vec<_> = text.lines().collect();
        let mut index = 0;
        while index < lines.len() {
            let n_lines = match self.directive(&lines, index) {
                Ok(n_lines) => n_lines,
                Err(message) => {
                    self.faults.push(fault(self.chunk.line + index, message));
                    0
                }
            };
            index += 1 + n_lines;
        }
        if !self.chunk.has_directive()
            && !self
                .faults
                .iter()
                .any(|fault| fault.line >= self.chunk.line)
        {
            self.faults
                .push(fault(self.chunk.line, "the chunk has no directive"));
        }
        self.chunk
    }

    /// Reads what the line holds; the answer is how many further lines belong to it.
    fn directive(&mut self, lines: &[&str], index: usize) -> Result<usize, String> {
        let Some(Written { word, suffix, text }) = Written::find(lines[index]) else {
            return Ok(0);
        };
        let text = text.ok_or_else(|| format!("`{word}` without a colon"))?;
        if word == "RUN" && suffix.is_empty() {
            return Ok(0);
        }
        if let Some(kind) = word.strip_prefix("expected-") {
            let line = self.chunk.line + index;
            let place = place(suffix, lines, index, self.chunk.line)?;
            let expected = Expected::parse(line, field(kind)?, place, text)?;
            self.chunk.expected.push(expected);
            return Ok(0);
        }
        if let Some(prefix) = self.exact_prefix(word)
            && suffix.is_empty()
        {
            return self.exact(prefix, text, &lines[index + 1..], index);
        }
        let (prefix, kind) = self
            .check_kind(word)
            .ok_or_else(|| format!("`{word}` is no directive"))?;
        let is_literal = match suffix {
            "" => false,
            "{LITERAL}" => true,
            _ => return Err(format!("`{word}{suffix}` is no directive")),
        };
        let check = Check::parse(kind, word, self.chunk.line + index, text, is_literal)?;
        self.chunk.checks.push(Prefixed {
            prefix,
            directive: check,
        });
        Ok(0)
    }

    fn exact(
        &mut self,
        prefix: String,
        text: &str,
        lines: &[&str],
        index: usize,
    ) -> Result<usize, String> {
        if !text.trim().is_empty() {
            return Err("the lines of an `EXACT` block begin below it".to_owned());
        }
        let block = lines.iter().map_while(|line| line.strip_prefix("//"));
        let block: Vec<_> = block
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        self.chunk.exact.push(Prefixed {
            prefix,
            directive: Exact {
                line: self.chunk.line + index,
                n_lines: block.len(),
                text: block.join("\n"),
            },
        });
        Ok(block.len())
    }

    /// `CHECK` for `EXACT`, `FUSED` for `EXACT-FUSED`.
    fn exact_prefix(&self, word: &str) -> Option<String> {
        let prefix = match word.strip_prefix(EXACT)? {
            "" => DEFAULT_PREFIX,
            rest => rest.strip_prefix('-')?,
        };
        self.prefixes.contains(&prefix).then(|| prefix.to_owned())
    }

    fn check_kind(&self, word: &str) -> Option<(String, Kind)> {
        self.prefixes.iter().find_map(|prefix| {
            let kind = Kind::from_suffix(word.strip_prefix(prefix)?)?;
            Some(((*prefix).to_owned(), kind))
        })
    }
}

fn field(name: &str) -> Result<Field, String> {
    Ok(match name {
        "error" => Field::Error,
        "warning" => Field::Warning,
        "note" => Field::Note,
        "help" => Field::Help,
        _ => return Err(format!("`expected-{name}` is no directive")),
    })
}

/// The line that `@+1` and the like mean; `above` and `below` skip lines that only hold a comment.
fn place(suffix: &str, lines: &[&str], index: usize, first_line: usize) -> Result<Place, String> {
    let is_program = |line: &&str| !(line.trim().is_empty() || line.trim_start().starts_with("//"));
    let distance = match suffix {
        "" => 0,
        "@unknown" => return Ok(Place::Unknown),
        "@below" => lines[index + 1..]
            .iter()
            .position(is_program)
            .map(|distance| distance as isize + 1)
            .ok_or("there is no line below")?,
        "@above" => lines[..index]
            .iter()
            .rev()
            .position(is_program)
            .map(|distance| -(distance as isize) - 1)
            .ok_or("there is no line above")?,
        _ => suffix
            .strip_prefix('@')
            .filter(|number| number.starts_with(['+', '-']))
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| format!("`{suffix}` is no place, expected `@+1`, `@-1`, `@above`, `@below` or `@unknown`"))?,
    };
    let line = (first_line + index).checked_add_signed(distance);
    line.map(Place::Line)
        .ok_or_else(|| format!("`{suffix}` is above the file"))
}

fn fault(line: usize, message: impl Into<String>) -> Fault {
    Fault {
        line,
        message: message.into(),
    }
}

#[cfg(test)]
mod tests;

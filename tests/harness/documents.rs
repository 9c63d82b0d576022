//! The sessions in Markdown documents as trials: what a document says that `expc` answers, it answers.
//!
//! A fenced block of language `console` is a session. A line `$ expc …` is a command (one that ends in `\` goes on in
//! the next line), the lines up to the next command are what it writes, standard output before standard error. A
//! line `...` stands for any lines, `[..]` in a line for any text. Paths under a prefix of the settings are replaced.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};

use crate::driver::{self, Driver};
use crate::suite;

/// How sessions are run.
pub struct Settings {
    pub driver: Driver,
    /// What stands in documents for files, and where these are in a test.
    pub folders: Vec<(String, PathBuf)>,
}

/// A command with what it writes, as the document has it.
#[derive(Debug, PartialEq, Eq)]
struct Command {
    line: usize,
    arguments: Vec<String>,
    expected: Vec<String>,
}

/// One trial for each document that has sessions.
pub fn trials(documents: &[PathBuf], settings: &Arc<Settings>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for path in documents {
        let stem = path.file_stem().unwrap_or_default().display();
        let name = format!("documents/{stem}");
        match fs::read_to_string(path) {
            Err(error) => {
                trials.push(suite::failing(
                    &name,
                    format!("{}: {error}", path.display()),
                ));
            }
            Ok(text) => {
                let (path, settings) = (path.clone(), Arc::clone(settings));
                let commands = commands(&text);
                if commands.is_empty() {
                    continue;
                }
                trials.push(Trial::test(name, move || {
                    run(&path, &commands, &settings).map_err(Failed::from)
                }));
            }
        }
    }
    trials
}

fn run(path: &Path, commands: &[Command], settings: &Settings) -> Result<(), String> {
    for command in commands {
        let place = |text: &str| -> String {
            let folder = settings.folders.iter().find_map(|(prefix, folder)| {
                let rest = text.strip_prefix(prefix.as_str())?;
                Some(format!("{}{rest}", folder.display()))
            });
            folder.unwrap_or_else(|| text.to_owned())
        };
        let arguments: Vec<String> = command.arguments.iter().map(|text| place(text)).collect();
        let outcome = driver::call(settings.driver, &arguments, b"")?;
        let mut found = outcome.stdout + &outcome.stderr;
        for (prefix, folder) in &settings.folders {
            found = found.replace(&folder.display().to_string(), prefix);
        }
        let found: Vec<&str> = found.lines().map(str::trim_end).collect();
        let expected: Vec<&str> = command.expected.iter().map(String::as_str).collect();
        if !matches(&expected, &found) {
            return Err(format!(
                "{}:{}: `expc {}` wrote\n{}\n\nand not\n{}",
                path.display(),
                command.line,
                command.arguments.join(" "),
                found.join("\n"),
                expected.join("\n")
            ));
        }
    }
    Ok(())
}

/// The commands of all sessions of a document.
fn commands(text: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut is_session = false;
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            is_session = line == "```console";
            continue;
        }
        if !is_session {
            continue;
        }
        let begun = open.take();
        let part = match &begun {
            Some(_) => Some(line.trim_start()),
            None => line.strip_prefix("$ expc "),
        };
        match part {
            Some(part) => {
                let (start, mut whole) = begun.unwrap_or((index + 1, String::new()));
                match part.strip_suffix('\\') {
                    Some(part) => {
                        whole.push_str(part);
                        open = Some((start, whole));
                    }
                    None => commands.push(Command {
                        line: start,
                        arguments: words(&(whole + part)),
                        expected: Vec::new(),
                    }),
                }
            }
            None => {
                if let Some(command) = commands.last_mut() {
                    command.expected.push(line.trim_end().to_owned());
                }
            }
        }
    }
    for command in &mut commands {
        while command.expected.last().is_some_and(String::is_empty) {
            command.expected.pop();
        }
    }
    commands
}

/// The words of a command line; single quotes keep one together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

fn matches(expected: &[&str], found: &[&str]) -> bool {
    match expected {
        [] => found.is_empty(),
        ["...", rest @ ..] => {
            let mut tails = (0..=found.len()).filter_map(|skip| found.get(skip..));
            tails.any(|tail| matches(rest, tail))
        }
        [line, rest @ ..] => found
            .split_first()
            .is_some_and(|(first, others)| line_matches(line, first) && matches(rest, others)),
    }
}

fn line_matches(expected: &str, found: &str) -> bool {
    let mut parts = expected.split("[..]");
    let Some(mut left) = parts.next().and_then(|start| found.strip_prefix(start)) else {
        return false;
    };
    for part in parts {
        match left.find(part) {
            // Only the end of the line has nothing behind the elision.
            Some(_) if part.is_empty() => left = "",
            Some(position) => left = &left[position + part.len()..],
            None => return false,
        }
    }
    left.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_found() {
        let text = "# Title\n```sh\nexpc no\n```\n```console\n$ expc run a \\\n    --x 'b c'\none\n\n$ expc print d\n```\n";
        let expected = vec![
            Command {
                line: 6,
                arguments: ["run", "a", "--x", "b c"].map(str::to_owned).to_vec(),
                expected: vec!["one".to_owned()],
            },
            Command {
                line: 10,
                arguments: ["print", "d"].map(str::to_owned).to_vec(),
                expected: Vec::new(),
            },
        ];
        assert_eq!(commands(text), expected);
    }

    #[test]
    fn elisions_stand_for_anything() {
        assert!(matches(&["a", "...", "d"], &["a", "b", "c", "d"]));
        assert!(matches(&["..."], &[]));
        assert!(!matches(&["a", "...", "d"], &["a", "b"]));
        assert!(matches(&["took [..] ms"], &["took 3 ms"]));
        assert!(matches(&["x = [..]"], &["x = 3"]));
        assert!(!matches(&["took [..] ms"], &["took 3 s"]));
        assert!(!matches(&["a"], &["ab"]));
    }
}

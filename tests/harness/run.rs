//! Runs one test file: every chunk on its own through every `RUN` line, then its directives.
//!
//! A chunk is written to a file of the test file's name in a temporary folder, behind as many empty lines as stand
//! in front of it, so that positions in diagnostics are those of the test file. Names of the temporary folder in the
//! output are replaced by `%s` and `%t` before anything is compared.

use std::fs;
use std::path::Path;

use similar::TextDiff;

use crate::bless::Edit;
use crate::diagnostics::{self, Field};
use crate::directives::{self, Chunk, Exact, Prefixed, Run, TestFile};
use crate::driver::{self, Driver, Outcome, STATUS_FAULT};
use crate::filecheck;

/// Lines of an output that a failure shows.
const SHOWN_LINES: usize = 120;

/// What a run needs to know.
pub struct Settings {
    pub driver: Driver,
    /// Words of `RUN` lines beside `%s`, `%S` and `%t`, and what they stand for.
    pub substitutions: Vec<(String, String)>,
    /// Rewrite `EXACT` blocks that differ, in place of failing.
    pub is_blessing: bool,
}

/// Runs a test file under the name that filters know.
///
/// # Errors
/// Everything that is wrong, in lines for a person.
pub fn run_file(path: &Path, name: &str, settings: &Settings) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let file = directives::parse(&text).map_err(|faults| {
        let lines = faults
            .iter()
            .map(|fault| format!("{name}: line {}: {}", fault.line, fault.message));
        lines.collect::<Vec<_>>().join("\n")
    })?;
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let runner = Runner {
        path,
        name,
        folder: folder.path(),
        settings,
    };
    let (problems, edits) = runner.run(&file)?;
    if settings.is_blessing && !edits.is_empty() {
        let blessed = crate::bless::apply(&text, edits)?;
        fs::write(path, blessed).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("\n\n"))
    }
}

struct Runner<'a> {
    path: &'a Path,
    name: &'a str,
    folder: &'a Path,
    settings: &'a Settings,
}

impl Runner<'_> {
    fn run(&self, file: &TestFile) -> Result<(Vec<String>, Vec<Edit>), String> {
        let mut problems = Vec::new();
        let mut edits: Vec<Edit> = Vec::new();
        for (index, chunk) in file.chunks.iter().enumerate() {
            let source = self.write_chunk(index, chunk)?;
            for run in &file.runs {
                let command = self.command_of(run);
                let outcome = match self.execute(run, &source) {
                    Ok(outcome) => outcome,
                    Err(problem) => {
                        problems.push(format!("{command}\n{problem}"));
                        continue;
                    }
                };
                let mut found = check_chunk(chunk, run, &outcome);
                for exact in of_run(&chunk.exact, run) {
                    found.extend(self.check_exact(exact, &outcome.stdout, &mut edits));
                }
                if !found.is_empty() {
                    problems.push(format!(
                        "{command}\n{}\n{}",
                        found.join("\n"),
                        shown(&outcome)
                    ));
                }
            }
        }
        Ok((problems, edits))
    }

    fn command_of(&self, run: &Run) -> String {
        let stages: Vec<_> = run.stages.iter().map(|stage| stage.join(" ")).collect();
        let not = if run.is_negated { "not " } else { "" };
        let stages = stages.join(" | expc ");
        format!("{}:{}: {not}expc {stages}", self.path.display(), run.line)
    }

    fn write_chunk(&self, index: usize, chunk: &Chunk) -> Result<Source, String> {
        let folder = self.folder.join(index.to_string());
        let name = self.path.file_name().unwrap_or_default();
        let path = folder.join(name);
        let text = "\n".repeat(chunk.line - 1) + &chunk.text;
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&path, &text))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Source {
            path: path.display().to_string(),
            scratch: folder.join("scratch").display().to_string(),
            text,
        })
    }

    fn execute(&self, run: &Run, source: &Source) -> Result<Outcome, String> {
        let mut stdin = source.text.clone().into_bytes();
        let mut last = Outcome::default();
        for (index, stage) in run.stages.iter().enumerate() {
            let arguments: Vec<_> = stage
                .iter()
                .map(|word| self.substitute(word, source))
                .collect();
            last = driver::call(self.settings.driver, &arguments, &stdin)?;
            if index + 1 < run.stages.len() && last.status != 0 {
                let shown = shown(&last);
                return Err(format!(
                    "`expc {}` of the pipe failed\n{shown}",
                    stage.join(" ")
                ));
            }
            stdin = last.stdout.clone().into_bytes();
        }
        if run.merges_stderr {
            last.stdout.push_str(&last.stderr);
        }
        last.stdout = source.hide(&last.stdout);
        last.stderr = source.hide(&last.stderr);
        Ok(last)
    }

    fn substitute(&self, word: &str, source: &Source) -> String {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let mut word = word
            .replace("%S", &folder.display().to_string())
            .replace("%s", &source.path)
            .replace("%t", &source.scratch);
        for (name, value) in &self.settings.substitutions {
            word = word.replace(name, value);
        }
        word
    }

    /// The difference, unless it is to be blessed.
    fn check_exact(&self, exact: &Exact, stdout: &str, edits: &mut Vec<Edit>) -> Option<String> {
        let found = stdout.trim_end();
        if found == exact.text.trim_end() {
            return None;
        }
        if self.settings.is_blessing {
            edits.push(Edit::new(exact, found));
            return None;
        }
        let expected = format!("{}\n", exact.text);
        let found = format!("{found}\n");
        let difference = TextDiff::from_lines(&expected, &found);
        let difference = difference
            .unified_diff()
            .context_radius(3)
            .header("expected", "found")
            .to_string();
        Some(format!(
            "line {}: the output differs from the `EXACT` block\n{difference}to keep it: cargo xtask bless {}",
            exact.line, self.name
        ))
    }
}

/// The file of one chunk.
struct Source {
    path: String,
    /// What `%t` stands for.
    scratch: String,
    text: String,
}

impl Source {
    fn hide(&self, output: &str) -> String {
        output
            .replace(&self.path, "%s")
            .replace(&self.scratch, "%t")
    }
}

/// Status, diagnostics and `CHECK` directives.
fn check_chunk(chunk: &Chunk, run: &Run, outcome: &Outcome) -> Vec<String> {
    let expects_error = chunk
        .expected
        .iter()
        .any(|expected| expected.field == Field::Error);
    let status = if run.is_negated || expects_error {
        STATUS_FAULT
    } else {
        0
    };
    let mut found = Vec::new();
    if outcome.status != status {
        found.push(format!(
            "line {}: ended with status {}, expected {status}",
            chunk.line, outcome.status
        ));
    }
    // With `not` or `2>&1`, directives may speak of the text of the diagnostics instead.
    if !chunk.expected.is_empty() || !(run.is_negated || run.merges_stderr) {
        let reported = diagnostics::read(&outcome.stderr, "%s");
        found.extend(diagnostics::compare(&chunk.expected, &reported));
    }
    let checks: Vec<_> = of_run(&chunk.checks, run).collect();
    let failures = filecheck::check(&checks, &outcome.stdout);
    found.extend(failures.iter().map(ToString::to_string));
    found
}

fn of_run<'a, T>(directives: &'a [Prefixed<T>], run: &'a Run) -> impl Iterator<Item = &'a T> {
    directives
        .iter()
        .filter(|one| run.prefixes.contains(&one.prefix))
        .map(|one| &one.directive)
}

fn shown(outcome: &Outcome) -> String {
    let mut text = String::new();
    for (name, output) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        let n_lines = output.lines().count();
        text.push_str(&format!("-- {name}, {n_lines} lines\n"));
        for (index, line) in output.lines().take(SHOWN_LINES).enumerate() {
            text.push_str(&format!("{:5} | {line}\n", index + 1));
        }
    }
    text
}

#[cfg(test)]
mod tests;

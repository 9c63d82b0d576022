//! Conventions that are checked by reading the text of the tree. `cargo test` runs this too.
//!
//! - Every Rust and Python file begins by saying what it is for.
//! - No source file is longer than [`MOST_LINES`] lines.
//! - No file names a folder of somebody's machine.
//! - A diagnostic code belongs to one crate.
//! - Nothing is left to be done later, and no test is switched off.
//!
//! What git ignores is not read, nor are files that are no text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Result, bail};
use ignore::WalkBuilder;
use regex::Regex;

/// Longer files are split by subject.
const MOST_LINES: usize = 800;

/// Checks the tree.
pub fn run(root: &Path) -> Result<()> {
    let faults = faults(root)?;
    if faults.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    for fault in &faults {
        writeln!(
            text,
            "{}:{}: {}",
            fault.path.display(),
            fault.line,
            fault.message
        )?;
    }
    bail!("{} faults\n{}", faults.len(), text.trim_end())
}

/// A convention that a file does not keep.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    path: PathBuf,
    line: usize,
    message: String,
}

/// A file with its path below the root.
struct File {
    path: PathBuf,
    text: String,
}

fn faults(root: &Path) -> Result<Vec<Fault>> {
    let files = files(root)?;
    let mut faults = Vec::new();
    for file in &files {
        faults.extend(missing_head(file));
        faults.extend(too_long(file));
        faults.extend(lines_with(
            file,
            &MACHINE_PATH,
            "names a folder of a machine",
        ));
        if file.is_source() {
            faults.extend(lines_with(file, &LEFTOVER, "is left to be done"));
        }
    }
    faults.extend(shared_codes(&files));
    faults.sort();
    Ok(faults)
}

fn files(root: &Path) -> Result<Vec<File>> {
    let mut walk = WalkBuilder::new(root);
    // A tree without `.git` is checked all the same.
    walk.hidden(false)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git");
    let mut files = Vec::new();
    for entry in walk.build() {
        let entry = entry?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        if let Ok(text) = String::from_utf8(fs::read(entry.path())?) {
            let path = entry
                .path()
                .strip_prefix(root)
                .unwrap_or(entry.path())
                .to_path_buf();
            files.push(File { path, text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

impl File {
    fn extension(&self) -> &str {
        self.path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default()
    }

    fn is_source(&self) -> bool {
        matches!(self.extension(), "rs" | "py" | "cpp" | "h")
    }

    fn fault(&self, line: usize, message: impl Into<String>) -> Fault {
        Fault {
            path: self.path.clone(),
            line,
            message: message.into(),
        }
    }

    /// The lines outside `#[cfg(test)] mod tests { .. }`, which stands last; none of a file of tests.
    fn lines_without_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_of_tests = self
            .path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs");
        let lines = self
            .text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line));
        lines.take_while(move |(_, line)| !is_of_tests && *line != "#[cfg(test)]")
    }
}

fn missing_head(file: &File) -> Option<Fault> {
    let (head, what) = match file.extension() {
        "rs" => ("//!", "begins with `//!` and what it is for"),
        "py" => ("\"\"\"", "begins with a docstring that says what it is for"),
        _ => return None,
    };
    let mut lines = file.text.lines().filter(|line| !line.starts_with("#!/"));
    let has_head = lines.next().is_some_and(|line| line.starts_with(head));
    (!has_head).then(|| file.fault(1, format!("a source file {what}")))
}

fn too_long(file: &File) -> Option<Fault> {
    let n_lines = file.text.lines().count();
    let is_too_long = file.is_source() && n_lines > MOST_LINES;
    is_too_long.then(|| {
        file.fault(
            n_lines,
            format!("has {n_lines} lines, the most is {MOST_LINES}; split it by subject"),
        )
    })
}

/// An absolute path below a folder that differs between machines.
static MACHINE_PATH: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(^|[^\w./~}>-])/(home|root|tmp|work|Users)/\w"));

/// Work put off, and tests switched off. Written in parts, because this file is checked too.
static LEFTOVER: LazyLock<Regex> = LazyLock::new(|| {
    let words = [
        r"\bTO",
        r"DO\b|\bFIX",
        r"ME\b|\bto",
        r"do!\(|\bunimpl",
        r"emented!\(|\bdb",
        r"g!\(|#\[ig",
        "nore",
    ];
    regex(&words.concat())
});

fn lines_with(file: &File, pattern: &Regex, message: &str) -> Vec<Fault> {
    let lines = file.text.lines().enumerate();
    let found = lines.filter_map(|(index, line)| Some((index + 1, pattern.find(line)?)));
    found
        .map(|(line, found)| file.fault(line, format!("`{}` {message}", found.as_str().trim())))
        .collect()
}

/// Codes that two crates use: each says one thing to users, so one crate must own it.
fn shared_codes(files: &[File]) -> Vec<Fault> {
    static CODE: LazyLock<Regex> = LazyLock::new(|| regex(r#""(E\d{4})""#));
    let crates: Vec<&Path> = files
        .iter()
        .filter(|file| file.path.ends_with("Cargo.toml"))
        .filter_map(|file| file.path.parent())
        .collect();
    let owner = |path: &Path| {
        crates
            .iter()
            .filter(|folder| path.starts_with(folder))
            .max_by_key(|folder| folder.iter().count())
            .copied()
    };
    let mut owners: BTreeMap<&str, &Path> = BTreeMap::new();
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.extension() == "rs") {
        let Some(folder) = owner(&file.path) else {
            continue;
        };
        for (line, text) in file.lines_without_tests() {
            for code in CODE.captures_iter(text).filter_map(|found| found.get(1)) {
                let first = owners.entry(code.as_str()).or_insert(folder);
                if *first != folder {
                    faults.push(file.fault(
                        line,
                        format!("`{}` belongs to `{}`", code.as_str(), first.display()),
                    ));
                }
            }
        }
    }
    faults
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a regular expression")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The faults of a tree with these files.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let faults = faults(root.path()).unwrap();
        let lines = faults
            .iter()
            .map(|fault| format!("{}:{}: {}", fault.path.display(), fault.line, fault.message));
        lines.collect()
    }

    #[test]
    fn the_tree_is_tidy() {
        if let Err(error) = run(crate::root()) {
            panic!("{error}");
        }
    }

    #[test]
    fn files_say_what_they_are_for() {
        let files = [
            ("a.rs", "//! Good.\n"),
            ("b.rs", "fn main() {}\n"),
            ("c.py", "#!/usr/bin/env python3\n\"\"\"Good.\"\"\"\n"),
            ("d.py", "import os\n"),
            ("e.rs", ""),
        ];
        assert_eq!(
            found(&files),
            [
                "b.rs:1: a source file begins with `//!` and what it is for",
                "d.py:1: a source file begins with a docstring that says what it is for",
                "e.rs:1: a source file begins with `//!` and what it is for",
            ]
        );
    }

    #[test]
    fn files_are_short() {
        let lines = |count: usize| "//! A line.\n".repeat(count);
        let found = found(&[
            ("a.rs", &lines(800)),
            ("b.rs", &lines(801)),
            ("c.txt", &lines(900)),
        ]);
        assert_eq!(
            found,
            ["b.rs:801: has 801 lines, the most is 800; split it by subject"]
        );
    }

    #[test]
    fn machines_are_not_named() {
        let path = ["/ho", "me/me/model.pt2"].concat();
        assert_eq!(
            found(&[("a.md", &format!("good: data/home/x\nbad: {path}\n"))]),
            [format!(
                "a.md:2: `{}` names a folder of a machine",
                &path[..7]
            )]
        );
        assert_eq!(
            found(&[(
                "b.md",
                "https://example.org/home/x <root>/tmp/a $HOME/work/b"
            )]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn nothing_is_left_for_later() {
        for word in [
            ["TO", "DO"],
            ["FIX", "ME"],
            ["to", "do!()"],
            ["unimpl", "emented!()"],
            ["#[ig", "nore]"],
            ["db", "g!(x)"],
        ] {
            let text = format!("//! Head.\n{}\n", word.concat());
            let found = found(&[("a.rs", &text), ("a.md", &text)]);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with("a.rs:2:"), "{found:?}");
        }
    }

    #[test]
    fn a_code_has_one_owner() {
        let text = |code| format!("//! Head.\nerror(\"{code}\")\n");
        let tested = format!("//! Head.\n#[cfg(test)]\nerror(\"{}\")\n", "E0101");
        let files = [
            ("a/Cargo.toml", String::new()),
            ("a/b/Cargo.toml", String::new()),
            ("a/src/x.rs", text("E0101")),
            ("a/src/y.rs", text("E0101")),
            ("a/b/src/z.rs", text("E0102")),
            ("a/b/src/w.rs", tested),
            ("a/b/src/tests.rs", text("E0101")),
        ];
        let named = |files: &[(&'static str, String)]| {
            found(
                &files
                    .iter()
                    .map(|(path, text)| (*path, text.as_str()))
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(named(&files), Vec::<String>::new());
        let twice = [
            &files[..],
            &[("c/Cargo.toml", String::new()), ("c/v.rs", text("E0102"))],
        ]
        .concat();
        assert_eq!(named(&twice), ["c/v.rs:2: `E0102` belongs to `a/b`"]);
    }

    #[test]
    fn ignored_files_are_not_read() {
        assert_eq!(
            found(&[(".gitignore", "/target\n"), ("target/a.rs", "x\n")]),
            Vec::<String>::new()
        );
    }
}

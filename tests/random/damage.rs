//! Damaged programs through random lists of passes, and through what prints and checks: a diagnostic or a program,
//! never a panic.

use std::fs;
use std::path::Path;

use expc_dialects::table;
use expc_passes::registry::PASSES;
use expc_tests::driver;

use super::{Random, program};
use crate::engine;

/// What else reads a program and runs nothing of it.
const COMMANDS: [&str; 7] = [
    "check -",
    "print -",
    "report -",
    "opt - --emit text",
    "opt - --emit dot",
    "opt - --to core --emit json",
    "opt - --to optimized",
];

/// The programs of the text tests, each split into its lines.
pub fn texts() -> Result<Vec<Vec<String>>, String> {
    let mut found = Vec::new();
    collect(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("lit"),
        &mut found,
    )?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<Vec<String>>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "mlir")
        {
            let text = fs::read_to_string(&path).map_err(failed)?;
            found.extend(text.split("// -----").map(lines_of_code));
        }
    }
    Ok(())
}

fn lines_of_code(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//") && !line.trim().is_empty())
        .map(str::to_owned)
        .collect()
}

/// Damages a program and hands it to passes.
pub fn check(texts: &[Vec<String>], random: &mut Random) -> Result<(), String> {
    let mut lines = match random.below(3) {
        0 => program::program(random)
            .text
            .lines()
            .map(str::to_owned)
            .collect(),
        _ => texts[random.below(texts.len())].clone(),
    };
    for _ in 0..1 + random.below(3) {
        damage(random, texts, &mut lines);
    }
    let text = lines.join("\n");
    let arguments = match random.below(4) {
        0 => random
            .one_of(&COMMANDS)
            .split(' ')
            .map(str::to_owned)
            .collect(),
        _ => passes(random),
    };
    match driver::call(engine::drive, &arguments, text.as_bytes()) {
        Ok(outcome) if outcome.status <= driver::STATUS_FAULT => Ok(()),
        Ok(outcome) => Err(format!(
            "status {} of {arguments:?}\n{text}",
            outcome.status
        )),
        Err(message) => Err(format!("{message}\n{arguments:?}\n{text}")),
    }
}

fn passes(random: &mut Random) -> Vec<String> {
    let passes: Vec<&str> = (0..1 + random.below(4))
        .map(|_| PASSES[random.below(PASSES.len())].name)
        .collect();
    let mut arguments = vec![
        "opt".to_owned(),
        "-".to_owned(),
        format!("--passes={}", passes.join(",")),
    ];
    if random.below(4) == 0 {
        arguments.push("--fast-math".to_owned());
    }
    arguments
}

/// Changes a line, or the order of lines.
fn damage(random: &mut Random, texts: &[Vec<String>], lines: &mut Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let at = random.below(lines.len());
    match random.below(8) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[at].clone()),
        2 => {
            let to = random.below(lines.len());
            lines.swap(at, to);
        }
        3 => {
            let other = &texts[random.below(texts.len())];
            if !other.is_empty() {
                lines.insert(at, other[random.below(other.len())].clone());
            }
        }
        4 => rename_op(random, &mut lines[at]),
        5 => retype(random, &mut lines[at]),
        _ => renumber(random, &mut lines[at]),
    }
}

/// Puts another op in the place of the line's.
fn rename_op(random: &mut Random, line: &mut String) {
    let names: Vec<&str> = table::all_names().collect();
    let other = names[random.below(names.len())];
    let Some(start) = line.find('"') else {
        return;
    };
    if let Some(length) = line[start + 1..].find('"') {
        line.replace_range(start + 1..start + 1 + length, other);
    }
}

fn retype(random: &mut Random, line: &mut String) {
    const DTYPES: [&str; 8] = [
        "f32",
        "f64",
        "i64",
        "i1",
        "bf16",
        "complex<f32>",
        "ui8",
        "f8E5M2",
    ];
    let (from, to) = (random.one_of(&DTYPES), random.one_of(&DTYPES));
    *line = line.replace(from, to);
}

/// Puts a number that is likely to matter in the place of one of the line's.
fn renumber(random: &mut Random, line: &mut String) {
    const NUMBERS: [&str; 9] = [
        "0",
        "1",
        "-1",
        "2",
        "7",
        "-9223372036854775808",
        "9223372036854775807",
        "4294967296",
        "?",
    ];
    let starts: Vec<usize> = line
        .char_indices()
        .filter(|(at, character)| {
            character.is_ascii_digit()
                && !line[..*at]
                    .ends_with(|before: char| before.is_ascii_alphanumeric() || before == '_')
        })
        .map(|(at, _)| at)
        .collect();
    if starts.is_empty() {
        return;
    }
    let start = starts[random.below(starts.len())];
    let length = line[start..]
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(line.len() - start);
    line.replace_range(start..start + length, random.one_of(&NUMBERS));
}

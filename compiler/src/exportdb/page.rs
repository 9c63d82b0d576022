//! Examples as text: for the terminal, and as a page of the documentation.

use std::fmt::Write as _;

use super::{CASES, Case};

/// One example: what it is, its source, and the program or why there is none.
pub fn page(case: &Case) -> String {
    format!(
        "{}\n\nsupport: {}\ntags: {}\n\n{}\n\n{}",
        case.description(),
        case.support.name(),
        tags(case, ""),
        case.code(),
        outcome(case)
    )
}

/// All examples, as a page in Markdown.
pub fn markdown() -> String {
    let mut text = "# ExportDB\n\n\
        <!-- Written by `expc exportdb --markdown`; do not edit. -->\n\n\
        What can be exported from Rust and what cannot, example by example, after PyTorch's ExportDB.\n\
        Each example is a function that is traced (`expc::trace::trace`) and the program that comes out of it.\n\
        For each that PyTorch exports, a test checks that graph, signature and range constraints are what PyTorch 2.11 prints \
        for its own example, up to the names of symbols.\n\n\
        | example | support | tags |\n| --- | --- | --- |\n"
        .to_owned();
    for case in CASES {
        let (name, support) = (case.name, case.support.name());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| [{name}](#{name}) | {support} | {} |",
            tags(case, "`")
        );
    }
    for case in CASES {
        let _ = write!(
            text,
            "\n## {}\n\n{}\n\n```rust,ignore\n{}\n```\n\n```text\n{}\n```\n",
            case.name,
            case.description(),
            case.code(),
            outcome(case).trim_end()
        );
    }
    text
}

fn tags(case: &Case, quote: &str) -> String {
    let tags = case.tags.iter().map(|tag| format!("{quote}{tag}{quote}"));
    tags.collect::<Vec<_>>().join(", ")
}

/// The program, or why there is none; without blanks at the ends of lines.
fn outcome(case: &Case) -> String {
    let text = match case.export().and_then(|program| program.text()) {
        Ok(text) => text,
        Err(fault) => fault.to_string(),
    };
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

//! Rewrites `EXACT` blocks with what a run gave.
//!
//! Only `cargo xtask bless` asks for it, through [`VARIABLE`]; an ordinary run never writes into the tree.

use std::ops::Range;

use crate::directives::Exact;

/// The environment variable that asks for blessing when it is `1`.
pub const VARIABLE: &str = "EXPC_BLESS";

/// Whether this process was asked to bless.
pub fn is_asked() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| value == "1")
}

/// One block's new lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Indices of the lines that are replaced, from 0.
    lines: Range<usize>,
    block: String,
}

impl Edit {
    /// The edit that puts `output` into the block.
    pub fn new(exact: &Exact, output: &str) -> Self {
        let lines = output.lines().map(|line| match line {
            "" => "//\n".to_owned(),
            line => format!("// {line}\n"),
        });
        Self {
            lines: exact.line..exact.line + exact.n_lines,
            block: lines.collect(),
        }
    }
}

/// The text with all edits made.
///
/// # Errors
/// Two runs of one block gave different outputs.
pub fn apply(text: &str, mut edits: Vec<Edit>) -> Result<String, String> {
    edits.sort_by_key(|edit| edit.lines.start);
    edits.dedup();
    if let Some(pair) = edits
        .windows(2)
        .find(|pair| pair[0].lines.start == pair[1].lines.start)
    {
        let line = pair[0].lines.start;
        return Err(format!(
            "line {line}: runs with this `EXACT` block give different outputs"
        ));
    }
    let mut lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
    for edit in edits.into_iter().rev() {
        lines.splice(edit.lines, [edit.block]);
    }
    Ok(lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(line: usize, n_lines: usize, output: &str) -> Edit {
        let text = String::new();
        Edit::new(
            &Exact {
                line,
                n_lines,
                text,
            },
            output,
        )
    }

    #[test]
    fn blocks_are_replaced() {
        let text = "// EXACT:\n// old\n// old\nop\n// EXACT:\nop\n// EXACT:";
        let edits = vec![edit(7, 0, "z"), edit(1, 2, "a\n\n  b"), edit(5, 0, "c")];
        assert_eq!(
            apply(text, edits).unwrap(),
            "// EXACT:\n// a\n//\n//   b\nop\n// EXACT:\n// c\nop\n// EXACT:\n// z\n"
        );
    }

    #[test]
    fn an_empty_output_leaves_an_empty_block() {
        assert_eq!(
            apply("// EXACT:\n// a\nop\n", vec![edit(1, 1, "")]).unwrap(),
            "// EXACT:\nop\n"
        );
    }

    #[test]
    fn runs_of_a_block_must_agree() {
        let edits = vec![edit(1, 0, "a"), edit(1, 0, "a")];
        assert_eq!(
            apply("// EXACT:\n", edits.clone()).unwrap(),
            "// EXACT:\n// a\n"
        );
        let error = apply("// EXACT:\n", [edits, vec![edit(1, 0, "b")]].concat()).unwrap_err();
        assert_eq!(
            error,
            "line 1: runs with this `EXACT` block give different outputs"
        );
    }
}

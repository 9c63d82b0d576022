//! The comment above a group of nodes as their metadata.

use std::fmt::Write;

use super::{
    ast::{Expr, ExprKind},
    parse::dictionary,
};

/// The metadata entries that a comment, without its `#`, stands for, sorted by key.
///
/// Of a stack trace the text has the innermost frame alone. A comment that tells nothing gives none.
pub fn entries(comment: &str) -> Vec<(String, String)> {
    let mut entries = Vec::new();
    let mut place = comment.trim();
    if let Some(rest) = place.strip_prefix("Annotation: ")
        && let Some((dict, rest)) = dictionary(rest)
    {
        let mut json = String::new();
        write_json(&dict, &mut json);
        entries.push(("custom".to_owned(), json));
        place = rest.trim();
    }
    if let Some(trace) = stack_trace(place) {
        entries.push(("stack_trace".to_owned(), trace));
    }
    entries
}

/// A stack trace of one frame, of `File: a.py:3 in forward, code: return x`.
fn stack_trace(place: &str) -> Option<String> {
    let (frame, code) = place.strip_prefix("File: ")?.split_once(", code: ")?;
    let (file, function) = frame.rsplit_once(" in ")?;
    let (file, line) = file.rsplit_once(':')?;
    let is_number = !line.is_empty() && line.bytes().all(|c| c.is_ascii_digit());
    is_number.then(|| format!("  File \"{file}\", line {line}, in {function}\n    {code}\n"))
}

/// Writes a Python constant as JSON; what JSON has no form for is a string of what the text has.
fn write_json(expr: &Expr<'_>, out: &mut String) {
    let string = |text: &str, out: &mut String| {
        // Writing to a string does not fail.
        let _ = write!(out, "{}", serde_json::Value::from(text));
    };
    match &expr.kind {
        ExprKind::Path("None") => out.push_str("null"),
        ExprKind::Path("True") => out.push_str("true"),
        ExprKind::Path("False") => out.push_str("false"),
        ExprKind::Number(text) => out.push_str(text),
        ExprKind::Unary("-", inner) if matches!(inner.kind, ExprKind::Number(_)) => {
            out.push('-');
            write_json(inner, out);
        }
        ExprKind::List(elements) | ExprKind::Tuple(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_json(element, out);
            }
            out.push(']');
        }
        ExprKind::Dict(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_json(key, out);
                out.push_str(": ");
                write_json(value, out);
            }
            out.push('}');
        }
        ExprKind::Str(text) => string(text, out),
        ExprKind::Path(text) | ExprKind::Opaque(text) => string(text, out),
        _ => string("...", out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_becomes_a_stack_trace() {
        assert_eq!(
            entries("File: a b.py:12 in <lambda>, code: x = y in z, code: 1"),
            [(
                "stack_trace".to_owned(),
                "  File \"a b.py\", line 12, in <lambda>\n    x = y in z, code: 1\n".to_owned()
            )]
        );
    }

    #[test]
    fn annotations_become_json() {
        assert_eq!(
            entries(
                "Annotation: {'a': 1, 'b': [True, None, -0.5], 'c': \"it's\"} No stacktrace found for following nodes"
            ),
            [(
                "custom".to_owned(),
                r#"{"a": 1, "b": [true, null, -0.5], "c": "it's"}"#.to_owned()
            )]
        );
    }

    #[test]
    fn other_comments_tell_nothing() {
        for comment in [
            "",
            "No stacktrace found for following nodes",
            "File: a.py:x in f, code: y",
            "File: a.py",
            "Annotation: {",
        ] {
            assert_eq!(entries(comment), [], "{comment}");
        }
    }
}

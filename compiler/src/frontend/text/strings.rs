//! String literals of Python.

/// The text of a literal between its quotes. Escapes that Python does not know stand for themselves.
pub fn unescape(literal: &str) -> String {
    let mut text = String::with_capacity(literal.len());
    let mut rest = literal;
    while let Some((before, behind)) = rest.split_once('\\') {
        text.push_str(before);
        let (c, length) = escaped(behind);
        match c {
            Some(c) => text.push(c),
            None => text.push('\\'),
        }
        rest = behind.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}

/// The character that an escape means, none if it is no escape, and its length without the backslash.
fn escaped(text: &str) -> (Option<char>, usize) {
    let hex = |digits: usize| {
        let code = text
            .get(1..=digits)
            .and_then(|code| u32::from_str_radix(code, 16).ok());
        match code.and_then(char::from_u32) {
            Some(c) => (Some(c), digits + 1),
            None => (None, 0),
        }
    };
    match text.bytes().next() {
        Some(b'n') => (Some('\n'), 1),
        Some(b'r') => (Some('\r'), 1),
        Some(b't') => (Some('\t'), 1),
        Some(b'\\') => (Some('\\'), 1),
        Some(b'\'') => (Some('\''), 1),
        Some(b'"') => (Some('"'), 1),
        Some(b'x') => hex(2),
        Some(b'u') => hex(4),
        Some(b'U') => hex(8),
        _ => (None, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        for (literal, text) in [
            ("a b", "a b"),
            (r"it\'s \\ \n\t\r", "it's \\ \n\t\r"),
            (r"\x41\u00fc\U0001f600", "A\u{fc}\u{1f600}"),
            (r"\d \x4 \", "\\d \\x4 \\"),
            (r"\u12é", "\\u12é"),
        ] {
            assert_eq!(unescape(literal), text, "{literal}");
        }
    }
}

//! JSON text as Python writes it: bare `NaN` and infinities allowed, nesting bounded, faults located.
//!
//! One pass over the bytes before serde sees them measures the nesting and finds the bare tokens that are not
//! JSON; these become strings, which the schema's floats accept.

use memchr::memchr2;
use serde::Deserialize;

/// A JSON text that serde can read without overflowing the stack.
#[derive(Debug, Default)]
pub(crate) struct Text {
    json: String,
    /// Where, in `json`, a bare token was put in quotes: offsets of the opening quotes, ascending.
    quoted: Vec<usize>,
}

/// What is wrong with a JSON text.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    #[error("the text is not UTF-8 (byte {offset})")]
    NotUtf8 { offset: usize },
    #[error("brackets are nested more than {limit} deep (line {line}, column {column})")]
    TooDeep {
        limit: usize,
        line: usize,
        column: usize,
    },
    /// Not JSON, or not of the shape that the schema wants.
    #[error("line {line}, column {column}{}: {message}", at_path(path))]
    Parse {
        line: usize,
        column: usize,
        /// `graph_module.graph.nodes[3].inputs[0].arg`; empty if not known.
        path: String,
        message: String,
    },
}

fn at_path(path: &str) -> String {
    match path {
        "" | "." => String::new(),
        path => format!(", at {path}"),
    }
}

impl Text {
    /// Checks UTF-8 and nesting, and quotes bare `NaN`, `Infinity` and `-Infinity`.
    ///
    /// # Errors
    /// [`JsonError::NotUtf8`] or [`JsonError::TooDeep`]; everything else is left to [`Text::parse`].
    pub fn new(bytes: &[u8], max_depth: usize) -> Result<Self, JsonError> {
        let json = std::str::from_utf8(bytes).map_err(|error| JsonError::NotUtf8 {
            offset: error.valid_up_to(),
        })?;
        let bare = scan(json, max_depth)?;
        if bare.is_empty() {
            return Ok(Text {
                json: json.to_owned(),
                quoted: Vec::new(),
            });
        }
        let mut quoted = Vec::with_capacity(bare.len());
        let mut out =
            String::with_capacity(json.len().saturating_add(bare.len().saturating_mul(2)));
        let mut copied = 0;
        for (start, end) in bare {
            out.push_str(json.get(copied..start).unwrap_or_default());
            quoted.push(out.len());
            out.push('"');
            out.push_str(json.get(start..end).unwrap_or_default());
            out.push('"');
            copied = end;
        }
        out.push_str(json.get(copied..).unwrap_or_default());
        Ok(Text { json: out, quoted })
    }

    /// The text as serde reads it.
    pub fn as_str(&self) -> &str {
        &self.json
    }

    /// Reads the whole text as a `T`.
    ///
    /// # Errors
    /// [`JsonError::Parse`] with line and column of the text as it is in the file, and the path to the fault.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, JsonError> {
        let mut deserializer = self.deserializer();
        let value =
            T::deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
        value.map_err(|error| self.located::<T>(error))
    }

    fn deserializer(&self) -> serde_json::Deserializer<serde_json::de::StrRead<'_>> {
        let mut deserializer = serde_json::Deserializer::from_str(&self.json);
        deserializer.disable_recursion_limit();
        deserializer
    }

    /// Reads the text a second time, slower, to learn the path to the fault.
    fn located<'a, T: Deserialize<'a>>(&'a self, error: serde_json::Error) -> JsonError {
        let mut deserializer = self.deserializer();
        let path = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            Ok(_) => String::new(),
            Err(error) => error.path().to_string(),
        };
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let message = text
            .strip_suffix(&format!(" at line {line} column {column}"))
            .unwrap_or(&text)
            .to_owned();
        JsonError::Parse {
            line,
            column: self.original_column(line, column),
            path,
            message,
        }
    }

    /// The column in the file for a column of the quoted text.
    fn original_column(&self, line: usize, column: usize) -> usize {
        let line_start = match line {
            0 | 1 => 0,
            _ => memchr::memchr_iter(b'\n', self.json.as_bytes())
                .nth(line - 2)
                .map_or(0, |newline| newline + 1),
        };
        let offset = line_start.saturating_add(column);
        let first = self.quoted.partition_point(|&quote| quote < line_start);
        let last = self.quoted.partition_point(|&quote| quote < offset);
        column.saturating_sub(last.saturating_sub(first).saturating_mul(2))
    }
}

/// The ranges of the bare tokens outside strings.
fn scan(json: &str, max_depth: usize) -> Result<Vec<(usize, usize)>, JsonError> {
    let bytes = json.as_bytes();
    let mut bare = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = end_of_string(bytes, at + 1);
                continue;
            }
            b'[' | b'{' => {
                depth += 1;
                if depth > max_depth {
                    let (line, column) = line_and_column(bytes, at);
                    return Err(JsonError::TooDeep {
                        limit: max_depth,
                        line,
                        column,
                    });
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'N' | b'I' | b'-' => {
                if let Some(token) = bare_token(bytes.get(at..).unwrap_or_default()) {
                    bare.push((at, at + token.len()));
                    at += token.len();
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    Ok(bare)
}

fn bare_token(rest: &[u8]) -> Option<&'static str> {
    ["NaN", "Infinity", "-Infinity"]
        .into_iter()
        .find(|token| rest.starts_with(token.as_bytes()))
}

/// The offset after the closing quote, or the end of the text.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match memchr2(b'"', b'\\', rest) {
            None => return bytes.len(),
            Some(found) if rest.get(found) == Some(&b'"') => return at + found + 1,
            Some(found) => at += found + 2,
        }
    }
}

fn line_and_column(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = bytes.get(..at).unwrap_or_default();
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    (line, at - line_start + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        value: u8,
    }

    #[test]
    fn bare_tokens_become_strings_and_strings_stay() {
        let text = Text::new(br#"[NaN, "NaN \" NaN", -Infinity, Infinity]"#, 8).expect("text");
        assert_eq!(
            text.as_str(),
            r#"["NaN", "NaN \" NaN", "-Infinity", "Infinity"]"#
        );
        let values: Vec<String> = text.parse().expect("values");
        assert_eq!(values, ["NaN", "NaN \" NaN", "-Infinity", "Infinity"]);
    }

    #[test]
    fn half_tokens_stay_errors() {
        for json in [
            "[1NaN]",
            "[-NaN]",
            "[--Infinity]",
            "[NaNa]",
            "[Inf]",
            "[nan]",
        ] {
            let text = Text::new(json.as_bytes(), 8).expect("text");
            assert!(text.parse::<Vec<serde_json::Value>>().is_err(), "{json}");
        }
    }

    #[test]
    fn columns_are_those_of_the_file() {
        let json = "[\"\",\nNaN, NaN, true]";
        let text = Text::new(json.as_bytes(), 8).expect("text");
        match text.parse::<Vec<String>>() {
            Err(JsonError::Parse {
                line: 2,
                column,
                path,
                ..
            }) => {
                assert_eq!((column, path.as_str()), (14, "[3]"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(9) + &"]".repeat(9);
        assert!(Text::new(deep.as_bytes(), 9).is_ok());
        let error = Text::new(deep.as_bytes(), 8)
            .expect_err("too deep")
            .to_string();
        assert_eq!(
            error,
            "brackets are nested more than 8 deep (line 1, column 9)"
        );
    }

    #[test]
    fn faults_have_a_path() {
        let text = Text::new(br#"{"a": [{"value": 1}, {"value": "x"}]}"#, 8).expect("text");
        let error = text
            .parse::<std::collections::BTreeMap<String, Vec<Inner>>>()
            .expect_err("wrong type")
            .to_string();
        assert_eq!(
            error,
            "line 1, column 34, at a[1].value: invalid type: string \"x\", expected u8"
        );
    }

    #[test]
    fn cut_and_surplus_text_is_refused() {
        for json in ["", "[1, 2", "[1] 2", "{\"a", "\"\\"] {
            let text = Text::new(json.as_bytes(), 8).expect("text");
            assert!(text.parse::<serde_json::Value>().is_err(), "{json}");
        }
    }
}

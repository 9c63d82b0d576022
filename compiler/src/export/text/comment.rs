//! The comment above the nodes of one Python line: where the line is, and what it says.

use std::fmt;

use expc_dialects::location::Metadata;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

use super::python;

/// The comment for a node with this metadata, without its indentation.
pub fn comment(metadata: &Metadata) -> String {
    let annotation = metadata
        .get("custom")
        .and_then(annotation)
        .map(|text| format!(" Annotation: {text}"))
        .unwrap_or_default();
    let place = metadata
        .get("stack_trace")
        .and_then(innermost_line)
        .unwrap_or_else(|| "No stacktrace found for following nodes".to_owned());
    format!("#{annotation} {place}")
}

/// The last frame of a stack trace that is followed by a line of code.
fn innermost_line(trace: &str) -> Option<String> {
    let lines: Vec<&str> = trace.trim().split('\n').map(str::trim).collect();
    let frame = lines.windows(2).rev().find_map(|pair| match pair {
        [frame, code] => Some((parse_frame(frame)?, *code)),
        _ => None,
    });
    let ((file, line, function), code) = frame?;
    Some(format!("File: {file}:{line} in {function}, code: {code}"))
}

/// File, line and function of `File "a.py", line 3, in forward`.
fn parse_frame(line: &str) -> Option<(&str, &str, &str)> {
    let rest = line.strip_prefix("File \"")?;
    // The file's name may contain the words that follow it, so the last place where they fit counts.
    rest.rmatch_indices("\", line ")
        .find_map(|(position, separator)| {
            let file = rest.get(..position)?;
            let (number, function) = rest
                .get(position + separator.len()..)?
                .split_once(", in ")?;
            let is_number = !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit());
            let fits = is_number && !file.is_empty() && !function.is_empty();
            fits.then_some((file, number, function))
        })
}

/// The dictionary that `torch.fx.traceback.annotate` left on the node, long values cut short; none if
/// there is nothing in it.
fn annotation(json: &str) -> Option<String> {
    const LONGEST: usize = 40;
    let Ok(Json::Dict(entries)) = serde_json::from_str(json) else {
        return None;
    };
    if entries.is_empty() {
        return None;
    }
    let entries = entries.iter().map(|(key, value)| {
        let text = value.text();
        let value = match text.char_indices().nth(LONGEST) {
            Some((end, _)) => python::string(&format!("{}...", text.get(..end).unwrap_or(&text))),
            None => value.repr(),
        };
        format!("{}: {value}", python::string(key))
    });
    Some(format!("{{{}}}", entries.collect::<Vec<_>>().join(", ")))
}

/// A JSON value as Python reads it: dictionaries keep their order.
enum Json {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(String),
    List(Vec<Json>),
    Dict(Vec<(String, Json)>),
}

impl Json {
    /// Python's `str` of the value.
    fn text(&self) -> String {
        match self {
            Self::Str(text) => text.clone(),
            other => other.repr(),
        }
    }

    /// Python's `repr` of the value.
    fn repr(&self) -> String {
        match self {
            Self::None => "None".to_owned(),
            Self::Bool(value) => python::boolean(*value).to_owned(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => python::float(*value),
            Self::Str(text) => python::string(text),
            Self::List(values) => {
                let values: Vec<String> = values.iter().map(Self::repr).collect();
                format!("[{}]", values.join(", "))
            }
            Self::Dict(entries) => {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, value)| format!("{}: {}", python::string(key), value.repr()))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Int(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Str(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = access.next_element()? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Json::Dict(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(key: &str, value: &str) -> Metadata {
        let entries = vec![(key.to_owned(), value.to_owned())];
        Metadata {
            entries,
            ..Metadata::default()
        }
    }

    #[test]
    fn the_innermost_frame_with_code_is_named() {
        let trace = "  File \"a.py\", line 1, in f\n    g()\n  File \"b c.py\", line 12, in <lambda>\n    x + 1\n    ~~^~~\n";
        assert_eq!(
            comment(&metadata("stack_trace", trace)),
            "# File: b c.py:12 in <lambda>, code: x + 1"
        );
        let cut = "File \"a.py\", line 1, in f\n g()\n File \"b.py\", line 2, in g";
        assert_eq!(
            comment(&metadata("stack_trace", cut)),
            "# File: a.py:1 in f, code: g()"
        );
    }

    #[test]
    fn without_a_frame_the_comment_says_so() {
        for trace in ["", "x + 1", "File \"a.py\", line x, in f\n y"] {
            assert_eq!(
                comment(&metadata("stack_trace", trace)),
                "# No stacktrace found for following nodes"
            );
        }
    }

    #[test]
    fn annotations_come_first_and_are_cut_short() {
        let json = r#"{"stage": 1, "tag": "it's", "on": true, "long": ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]}"#;
        assert_eq!(
            comment(&metadata("custom", json)),
            "# Annotation: {'stage': 1, 'tag': \"it's\", 'on': True, 'long': \
             \"['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\"} No stacktrace found for following nodes"
        );
        assert_eq!(
            comment(&metadata("custom", "{}")),
            "# No stacktrace found for following nodes"
        );
    }
}

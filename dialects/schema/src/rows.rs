//! The files of the op table (`dialects/ops/<family>.ops`).
//!
//! A row is a schema at the start of a line and, indented below it, the columns:
//!
//! ```text
//! # Comments and blank lines may stand anywhere.
//! abs(Tensor self) -> Tensor
//!     traits: pointwise    numerics: exact
//! ```
//!
//! Two spaces or more, or a new line, divide columns. The schema belongs to namespace `aten` if neither
//! it nor a line `namespace: sym` before the rows says otherwise.
//! To add a column: give it a field in [`Columns`] and an arm in `set_column`.

use crate::{
    ast::OpSchema,
    entry::Columns,
    parse::{ParseError, Rule, parse_rule},
    words::{Word, WordSet},
};

/// The columns that a row may have.
pub const COLUMNS: [&str; 5] = ["traits", "numerics", "python", "format", "graphs"];

/// A row of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    /// The namespace is always there.
    pub schema: OpSchema<'a>,
    pub columns: Columns<'a>,
    /// Where the schema stands, from 1.
    pub line: usize,
    /// The columns that were read.
    given: Vec<&'a str>,
}

/// Parses a file of rows; the first error ends it.
pub fn parse(text: &str) -> Result<Vec<Row<'_>>, ParseError> {
    let mut namespace = "aten";
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let located = |error: ParseError| error.after_lines(index);
        if line.starts_with(' ') {
            let row = rows
                .last_mut()
                .ok_or_else(|| located(error_at(1, "columns before any schema")))?;
            columns(line, row).map_err(located)?;
        } else if line.starts_with("namespace:") {
            if !rows.is_empty() {
                return Err(located(error_at(1, "`namespace:` after a row")));
            }
            namespace = namespace_of(line).map_err(located)?;
        } else {
            let mut schema = OpSchema::parse(line).map_err(located)?;
            if schema.namespace.is_empty() {
                schema.namespace = namespace;
            }
            rows.push(Row {
                schema,
                columns: Columns::default(),
                line: index + 1,
                given: Vec::new(),
            });
        }
    }
    Ok(rows)
}

fn error_at(column: usize, message: impl Into<String>) -> ParseError {
    ParseError {
        line: 1,
        column,
        message: message.into(),
    }
}

fn namespace_of(line: &str) -> Result<&str, ParseError> {
    let mut parts = parse_rule(Rule::namespace_line, line)?;
    Ok(parts.next().map_or("", |namespace| namespace.as_str()))
}

/// Reads a line of columns into the row.
fn columns<'a>(line: &'a str, row: &mut Row<'a>) -> Result<(), ParseError> {
    for column in parse_rule(Rule::columns, line)?.filter(|pair| pair.as_rule() == Rule::column) {
        let at = column.as_span().start_pos().line_col().1;
        let mut parts = column
            .into_inner()
            .filter(|part| part.as_rule() != Rule::colon);
        if let (Some(key), Some(content)) = (parts.next(), parts.next()) {
            set_column(row, key.as_str(), content.as_str())
                .map_err(|message| error_at(at, message))?;
        }
    }
    Ok(())
}

fn set_column<'a>(row: &mut Row<'a>, key: &'a str, content: &'a str) -> Result<(), String> {
    if row.given.contains(&key) {
        return Err(format!("second column `{key}`"));
    }
    row.given.push(key);
    let columns = &mut row.columns;
    match key {
        "traits" => columns.traits = words(content)?,
        "numerics" => columns.numerics = Some(content.parse().map_err(|error| format!("{error}"))?),
        "python" => columns.python = Some(content),
        "format" => columns.format = Some(content),
        "graphs" => {
            columns.graphs = content.split(',').map(str::trim).collect();
            if let Some(graph) = columns
                .graphs
                .iter()
                .find(|graph| row.schema.arg(graph).is_none())
            {
                return Err(format!("`{}` has no argument `{graph}`", row.schema.name));
            }
        }
        _ => {
            return Err(format!(
                "unknown column `{key}`; known are `{}`",
                COLUMNS.join("`, `")
            ));
        }
    }
    Ok(())
}

fn words<W>(content: &str) -> Result<WordSet<W>, String>
where
    W: Word + std::str::FromStr<Err = crate::UnknownWord>,
{
    let parsed: Result<WordSet<W>, _> =
        content.split(',').map(|word| word.trim().parse()).collect();
    parsed.map_err(|error| error.to_string())
}

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
//! To add a column: give it a word in [`Column`] and a field in [`Columns`].

use std::str::FromStr;

use crate::{
    ast::OpSchema,
    entry::Columns,
    parse::{ParseError, Rule, parse_rule},
    words::{UnknownWord, Word, WordSet, vocabulary},
};

vocabulary! {
    /// A column that a row may have.
    Column, "column" {
        Traits = "traits",
        Numerics = "numerics",
        Python = "python",
        Format = "format",
        Graphs = "graphs",
        Tuples = "tuples",
        Lists = "lists",
        Region = "region",
        Writes = "writes",
        When = "when",
    }
}

/// A row of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    /// The namespace is always there.
    pub schema: OpSchema<'a>,
    pub columns: Columns<'a>,
    /// Where the schema stands, from 1.
    pub line: usize,
    /// The columns that were read.
    given: WordSet<Column>,
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
                given: WordSet::default(),
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

fn set_column<'a>(row: &mut Row<'a>, key: &str, content: &'a str) -> Result<(), String> {
    let column: Column = word(key)?;
    if row.given.contains(column) {
        return Err(format!("second column `{key}`"));
    }
    row.given.insert(column);
    let columns = &mut row.columns;
    match column {
        Column::Traits => columns.traits = list(content).map(word).collect::<Result<_, _>>()?,
        Column::Numerics => columns.numerics = Some(word(content)?),
        Column::Python => columns.python = Some(content),
        Column::Format => columns.format = Some(content),
        Column::Graphs => columns.graphs = arguments(&row.schema, content)?,
        Column::Tuples => columns.tuples = arguments(&row.schema, content)?,
        Column::Lists => columns.lists = arguments(&row.schema, content)?,
        Column::Region => columns.region = Some(word(content)?),
        Column::Writes => columns.writes = arguments(&row.schema, content)?,
        Column::When => columns.when = arguments(&row.schema, content)?.first().copied(),
    }
    Ok(())
}

/// A list of names of arguments.
fn arguments<'a>(schema: &OpSchema<'_>, content: &'a str) -> Result<Vec<&'a str>, String> {
    match list(content).find(|name| schema.arg(name).is_none()) {
        Some(name) => Err(format!("`{}` has no argument `{name}`", schema.name)),
        None => Ok(list(content).collect()),
    }
}

fn list(content: &str) -> impl Iterator<Item = &str> {
    content.split(',').map(str::trim)
}

fn word<W: Word + FromStr<Err = UnknownWord>>(text: &str) -> Result<W, String> {
    text.parse().map_err(|error: UnknownWord| error.to_string())
}

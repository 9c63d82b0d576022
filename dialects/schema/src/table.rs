//! Makes the op table from its files: torch's schemas and our rows.

use std::collections::{BTreeMap, HashSet};

use crate::{
    entry::{Columns, Entry, Family, Tags},
    parse::{ParseError, parse_tagged},
    rows::{self, Row},
};

/// A file of the table.
#[derive(Clone, Debug)]
pub struct File {
    /// For messages.
    pub path: String,
    pub text: String,
}

/// What is wrong with the files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{error}")]
pub struct TableError {
    pub path: String,
    pub error: ParseError,
}

/// Op names as the IR has them (`aten.add.Tensor`, `sym.mul`), in order, with what is known of the op.
pub type Table<'a> = BTreeMap<String, Entry<'a>>;

/// Joins schemas and rows.
///
/// A row for a namespace that torch has must repeat the op's schema as torch prints it. Rows for other
/// namespaces (`sym`, `hop`) define their ops, which have no overloads.
pub fn build<'a>(schemas: &'a [File], rows: &'a [(Family, File)]) -> Result<Table<'a>, TableError> {
    let mut table = Table::new();
    for file in schemas {
        add_schemas(&mut table, &file.text).map_err(|error| TableError {
            path: file.path.clone(),
            error,
        })?;
    }
    let namespaces: HashSet<&str> = table.values().map(|entry| entry.schema.namespace).collect();
    for (family, file) in rows {
        add_rows(&mut table, &namespaces, *family, &file.text).map_err(|error| TableError {
            path: file.path.clone(),
            error,
        })?;
    }
    Ok(table)
}

fn add_schemas<'a>(table: &mut Table<'a>, text: &'a str) -> Result<(), ParseError> {
    for (index, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#'))
    {
        let (schema, tags) = parse_tagged(line).map_err(|error| error.after_lines(index))?;
        let name = schema.full_name();
        let entry = Entry {
            schema,
            tags,
            family: None,
            columns: Columns::default(),
        };
        if table.insert(name.clone(), entry).is_some() {
            return Err(at_line(index + 1, format!("second schema of `{name}`")));
        }
    }
    Ok(())
}

fn add_rows<'a>(
    table: &mut Table<'a>,
    torch_namespaces: &HashSet<&str>,
    family: Family,
    text: &'a str,
) -> Result<(), ParseError> {
    for row in rows::parse(text)? {
        let line = row.line;
        let added = if torch_namespaces.contains(row.schema.namespace) {
            describe_op(table, family, row)
        } else {
            define_op(table, family, row)
        };
        added.map_err(|message| at_line(line, message))?;
    }
    Ok(())
}

/// Adds the columns to an op of torch.
fn describe_op<'a>(table: &mut Table<'a>, family: Family, row: Row<'a>) -> Result<(), String> {
    let name = row.schema.full_name();
    let entry = table
        .get_mut(&name)
        .ok_or_else(|| format!("torch has no op `{name}`"))?;
    if entry.schema != row.schema {
        return Err(format!(
            "the schema is `{}`, found `{}`",
            entry.schema, row.schema
        ));
    }
    if entry.family.is_some() {
        return Err(format!("second row of `{name}`"));
    }
    entry.family = Some(family);
    entry.columns = row.columns;
    Ok(())
}

/// Adds an op that only the row describes.
fn define_op<'a>(table: &mut Table<'a>, family: Family, row: Row<'a>) -> Result<(), String> {
    let name = format!("{}.{}", row.schema.namespace, row.schema.name);
    if !row.schema.overload.is_empty() {
        return Err(format!(
            "`{name}` is no op of torch, so it has no overload `{}`",
            row.schema.overload
        ));
    }
    let tags = Tags::default();
    let entry = Entry {
        schema: row.schema,
        tags,
        family: Some(family),
        columns: row.columns,
    };
    match table.insert(name.clone(), entry) {
        Some(_) => Err(format!("second row of `{name}`")),
        None => Ok(()),
    }
}

fn at_line(line: usize, message: String) -> ParseError {
    ParseError {
        line,
        column: 1,
        message,
    }
}

//! The printed form of a program, what `print(exported_program)` shows, into the dialect.
//!
//! `grammar.pest` is the language: the styles of PyTorch 2.3 to 2.15, which differ in blank lines, the names of
//! nested classes, the signature and the ranges. `parse.rs` makes the syntax tree (`ast.rs`), `lower.rs` the
//! module. The printer (`export/text.rs`) is the inverse.
//!
//! The text does not tell everything. Devices and strides, and the types of values without an annotation, are those
//! that shape inference finds, from inputs that are contiguous and on the CPU. Nothing requires a gradient, of a stack
//! trace there is the innermost frame, of pytrees nothing. An input without annotation takes any value: what a
//! constant input was, only the signature of PyTorch up to 2.7 says.

mod ast;
mod callee;
mod constants;
mod header;
mod lower;
mod metadata;
mod parse;
mod results;
mod strings;
mod types;
mod uses;

#[cfg(test)]
mod tests;

use expc_dialects::Diagnostic;
use melior::{Context, ir::Module};
use rustc_hash::FxHashMap;

use ast::Position;

/// A program that was read from its printed form.
pub struct Printed<'c> {
    pub module: Module<'c>,
    pub positions: Positions,
}

/// Where the nodes of a program stand in its text, by name; none where several graphs have a node of that name.
#[derive(Default)]
pub struct Positions(FxHashMap<String, Option<Position>>);

impl Positions {
    fn insert(&mut self, name: &str, position: Position) {
        let entry = self.0.entry(name.to_owned());
        entry
            .and_modify(|known| *known = None)
            .or_insert(Some(position));
    }

    /// Gives diagnostics that name a node its line and column.
    #[must_use]
    pub fn locate(&self, mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
        for place in found.iter_mut().map(|diagnostic| &mut diagnostic.place) {
            let node = place.node.as_ref();
            let position = node.and_then(|node| *self.0.get(node)?);
            if let (None, Some(position)) = (place.line_column, position) {
                place.line_column = Some((position.line, position.column));
            }
        }
        found
    }
}

/// Reads a printed program.
///
/// # Errors
/// The first place where the text is no program, with its line and column. What the program says is not verified.
pub fn read<'c>(context: &'c Context, text: &str) -> Result<Printed<'c>, Diagnostic> {
    lower::lower(context, &parse::parse(text)?)
}

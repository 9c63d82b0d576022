//! Operator schemas: grammar, syntax tree, printer, and the facts that a schema alone decides.
//!
//! [`OpSchema::parse`] reads torch's spelling (`aten::add.Tensor(Tensor self, …) -> Tensor`), its
//! `Display` gives back the same text. [`Properties`](properties) such as in-place or view are derived.
//! [`rows`] reads the files of the op table; [`Entry`] is what a row and a schema make together, and
//! [`table::build`] makes all of them.
//!
//! Knows nothing of MLIR or libtorch: `dialects/build.rs` and readers of custom libraries use it alike.

mod ast;
mod entry;
mod parse;
mod print;
mod properties;
pub mod rows;
pub mod table;
mod words;

pub use ast::{Alias, Arg, DefaultValue, OpSchema, Return, Type};
pub use entry::{Columns, Entry, Family, Numerics, Region, Tag, Tags, Trait, Traits};
pub use parse::{ParseError, parse_tagged};
pub use properties::SchemaKind;
pub use words::{UnknownWord, Word, WordSet};

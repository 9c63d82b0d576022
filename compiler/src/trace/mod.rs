//! Tracing: programs made by Rust code instead of a file.
//!
//! [`graph::Builder`] is what every way of tracing writes to, [`graph::Recorded`] what comes out: a program that can be
//! printed, saved as `.pt2`, lowered to the dialect or called.

pub mod arguments;
pub mod graph;
mod lower;
mod names;
pub mod pytree;

#[cfg(test)]
mod tests;

pub use graph::Recorded;

//! Passes over the `aten` dialect: IR to IR, without files and without libtorch.

mod aliases;
mod canonicalize;
pub mod cleanup;
pub mod contract;
pub mod decompose;
mod driver;
mod fold;
pub mod functionalize;
pub mod pattern;
pub mod registry;
pub mod rewrites;
pub mod shape;

pub use expc_dialects::Argument;

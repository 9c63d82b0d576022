//! Passes over the `aten` dialect: IR to IR, without files and without libtorch.

pub mod cleanup;
pub mod contract;
pub mod decompose;
pub mod functionalize;
pub mod pattern;
pub mod registry;
pub mod shape;

pub use expc_dialects::Argument;

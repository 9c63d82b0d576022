//! Passes over the `aten` dialect: IR to IR, without files and without libtorch.

pub mod cleanup;
pub mod decompose;
pub mod functionalize;
pub mod pattern;
pub mod shape;

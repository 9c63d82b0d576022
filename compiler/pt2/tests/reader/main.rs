//! The reader against the programs of all PyTorch versions, whole and damaged.

mod bad_input;
mod fixtures;
mod mutation;
mod support;

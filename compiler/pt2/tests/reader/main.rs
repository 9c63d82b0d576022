//! The reader against the programs of all PyTorch versions, whole and damaged.

mod bad_input;
mod containers;
mod fixtures;
mod mutate;
mod mutation;
mod support;

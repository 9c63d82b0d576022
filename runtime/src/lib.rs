//! Runs programs of the `aten` dialect on libtorch.
//!
//! [`plan::Plan`] is a program without MLIR, [`executor::Executable`] a plan with its operators resolved and its
//! weights bound, [`torch`] the border to libtorch. Nothing here knows of files or passes.

pub mod compare;
pub mod error;
pub mod executor;
pub mod plan;
pub mod torch;
pub mod weights;

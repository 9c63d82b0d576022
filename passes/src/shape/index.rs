//! Ops that read or write elements at positions given by tensors.

use super::rules::Row;

pub const RULES: &[Row] = &[];

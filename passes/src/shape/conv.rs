//! Convolutions.

use super::rules::Row;

pub const RULES: &[Row] = &[];

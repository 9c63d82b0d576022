//! Pooling, padding and resampling.

use super::rules::Row;

pub const RULES: &[Row] = &[];

//! Higher-order ops: the types of what their graphs return.

use super::rules::Row;

pub const RULES: &[Row] = &[];

//! Writers: one file per form that a program is written in.

pub mod dot;
pub mod json;
pub mod pt2;
pub mod text;

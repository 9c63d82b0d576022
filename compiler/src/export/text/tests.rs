//! Tests of the printed form on small modules.

//! The harness that runs expc's text tests and conformance cases, in process.
//!
//! [`suite`] finds the files under `tests/lit`, [`run`] runs one of them.
//! Nothing here links the compiler: the test binary hands in a [`driver::Driver`], so the
//! harness is built and tested in seconds. `tests/README.md` is the reference of the file form.

pub mod bless;

pub mod diagnostics;
pub mod directives;
pub mod driver;
pub mod filecheck;
pub mod run;
pub mod suite;

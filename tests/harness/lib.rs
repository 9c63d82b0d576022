//! The harness that runs expc's text tests and conformance cases, in process.
//!
//! [`suite`] finds the files under `tests/lit`, [`run`] runs one of them, [`conformance`] compares programs with
//! what PyTorch recorded.
//! Nothing here links the compiler: the test binary hands in a [`driver::Driver`] and a [`conformance::Engine`], so
//! that the harness is built and tested in seconds.
//! `tests/README.md` is the reference of the file form.

pub mod bless;
pub mod conformance;
pub mod diagnostics;
pub mod directives;
pub mod documents;
pub mod driver;
pub mod filecheck;
pub mod run;
pub mod suite;

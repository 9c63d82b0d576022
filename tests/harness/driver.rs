//! The one entry point through which tests reach the compiler.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Exit status when the program or its inputs are at fault.
pub const STATUS_FAULT: u8 = 1;

/// What one run of `expc` gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub status: u8,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `expc` with these arguments (the program's name left out) and this standard input.
pub type Driver = fn(&[String], &[u8]) -> Outcome;

/// How the driver begins the message of a panic that it caught itself.
const INTERNAL_ERROR: &str = "]: internal error";

/// Calls the driver; a panic in it, also one that it reports as a diagnostic, comes back as its message.
pub fn call(driver: Driver, arguments: &[String], stdin: &[u8]) -> Result<Outcome, String> {
    let outcome =
        catch_unwind(AssertUnwindSafe(|| driver(arguments, stdin))).map_err(|payload| {
            let message = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            format!("`expc {}` panicked: {message}", arguments.join(" "))
        })?;
    if outcome.stderr.contains(INTERNAL_ERROR) {
        return Err(format!(
            "`expc {}` has a bug\n{}",
            arguments.join(" "),
            outcome.stderr
        ));
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_reported() {
        let error = call(
            |_, _| panic!("slot {} is empty", 3),
            &["run".to_owned()],
            b"",
        );
        assert_eq!(error.unwrap_err(), "`expc run` panicked: slot 3 is empty");
    }

    #[test]
    fn a_reported_panic_is_no_diagnostic() {
        let driver: Driver = |_, _| Outcome {
            status: 1,
            stderr: "error[E0699]: internal error: slot 3 is empty".to_owned(),
            ..Outcome::default()
        };
        let error = call(driver, &["run".to_owned()], b"").unwrap_err();
        assert!(error.starts_with("`expc run` has a bug\n"), "{error}");
    }
}

//! `--expected`: what a case gave against what another run gave.

use std::{
    io::{self, Write},
    path::Path,
};

use expc_dialects::Diagnostic;
use expc_runtime::{
    compare::{Tolerance, compare},
    torch::Device,
};
use serde_json::json;

use super::{
    cli::ToleranceArgs,
    console::Outcome,
    outputs::{Entry, elements_as_f64},
    session::libtorch_fault,
    tensors::to_tensor,
};
use crate::tensor_file::{HostTensor, Tensors};

/// How one output compares.
#[derive(Clone, Debug)]
pub struct Verdict {
    label: String,
    key: String,
    /// The largest differences; zero where nothing could be compared.
    max_absolute: f64,
    max_relative: f64,
    /// What is wrong, or none if the output is right.
    problem: Option<String>,
}

/// Compares all outputs with the tensors of a file; what only one side has is a problem.
///
/// # Errors
/// libtorch cannot read a tensor.
pub fn compare_all(
    entries: &[Entry],
    expected: &Tensors,
    tolerance: ToleranceArgs,
) -> Outcome<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for entry in entries {
        let other = expected.iter().find(|(key, _)| *key == entry.key);
        verdicts.extend(match (&entry.host, other) {
            (Some(actual), Some((_, expected))) => {
                Some(compare_one(entry, actual, expected, tolerance).map_err(libtorch_fault)?)
            }
            // Changes are compared only if the file has them.
            (Some(_), None) if entry.key.contains(':') => None,
            (Some(_), None) => Some(Verdict::problem(
                entry.label(),
                &entry.key,
                "the file does not have it",
            )),
            (None, Some(_)) => Some(Verdict::problem(
                entry.label(),
                &entry.key,
                "it is no tensor",
            )),
            (None, None) => None,
        });
    }
    let is_known = |key: &str| entries.iter().any(|entry| entry.key == key);
    for (key, _) in expected.iter().filter(|(key, _)| !is_known(key)) {
        verdicts.push(Verdict::problem(
            key.clone(),
            key,
            "the program does not give it",
        ));
    }
    Ok(verdicts)
}

fn compare_one(
    entry: &Entry,
    actual: &HostTensor,
    expected: &HostTensor,
    tolerance: ToleranceArgs,
) -> Result<Verdict, String> {
    // A float8 or bfloat16 output is as precise as its own dtype, though files hold float32.
    let default = Tolerance::of(entry.dtype.unwrap_or(actual.dtype()));
    let tolerance = Tolerance {
        relative: tolerance.rtol.unwrap_or(default.relative),
        absolute: tolerance.atol.unwrap_or(default.absolute),
    };
    let tensor = |host: &HostTensor| to_tensor(host, host.dtype(), Device::CPU);
    let difference = compare(&tensor(actual)?, &tensor(expected)?, Some(tolerance))
        .map_err(|error| error.to_string())?;
    let is_comparable = actual.dtype() == expected.dtype() && actual.shape() == expected.shape();
    let (max_absolute, max_relative) = if is_comparable {
        largest(actual, expected)
    } else {
        (0.0, 0.0)
    };
    let problem = difference.map(|difference| difference.to_string());
    Ok(Verdict {
        label: entry.label(),
        key: entry.key.clone(),
        max_absolute,
        max_relative,
        problem,
    })
}

/// The largest absolute and relative difference of two tensors of one dtype and shape; infinite where only one of
/// two elements is a number.
fn largest(actual: &HostTensor, expected: &HostTensor) -> (f64, f64) {
    let parts = if actual.dtype().is_complex() { 2 } else { 1 };
    let actual = elements_as_f64(actual.dtype(), actual.bytes());
    let expected = elements_as_f64(expected.dtype(), expected.bytes());
    let (mut absolute, mut relative) = (0.0_f64, 0.0_f64);
    for (actual, expected) in actual.chunks(parts).zip(expected.chunks(parts)) {
        let is_same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
        if actual.iter().zip(expected).all(is_same) {
            continue;
        }
        let distance = actual
            .iter()
            .zip(expected)
            .map(|(a, b)| a - b)
            .fold(0.0, f64::hypot);
        let distance = if distance.is_nan() {
            f64::INFINITY
        } else {
            distance
        };
        let magnitude = expected.iter().copied().fold(0.0, f64::hypot);
        absolute = absolute.max(distance);
        relative = relative.max(if magnitude == 0.0 {
            f64::INFINITY
        } else {
            distance / magnitude
        });
    }
    (absolute, relative)
}

impl Verdict {
    fn problem(label: String, key: &str, what: &str) -> Self {
        Self {
            label,
            key: key.to_owned(),
            max_absolute: 0.0,
            max_relative: 0.0,
            problem: Some(what.to_owned()),
        }
    }

    pub fn is_ok(&self) -> bool {
        self.problem.is_none()
    }

    /// What programs read of it. JSON has no infinities; they are text.
    pub fn to_json(&self) -> serde_json::Value {
        let number = |value: f64| {
            if value.is_finite() {
                json!(value)
            } else {
                json!(value.to_string())
            }
        };
        json!({
            "key": self.key,
            "path": self.label,
            "ok": self.is_ok(),
            "max_abs": number(self.max_absolute),
            "max_rel": number(self.max_relative),
            "problem": self.problem,
        })
    }
}

/// One line for each output.
pub fn write_table(target: &mut dyn Write, verdicts: &[Verdict]) -> io::Result<()> {
    let width = verdicts
        .iter()
        .map(|verdict| verdict.label.chars().count())
        .max()
        .unwrap_or_default()
        .max(6);
    writeln!(
        target,
        "{:width$}  {:>9}  {:>9}  result",
        "output", "max abs", "max rel"
    )?;
    for Verdict {
        label,
        max_absolute,
        max_relative,
        problem,
        ..
    } in verdicts
    {
        let result = match problem {
            None => "ok".to_owned(),
            Some(problem) => format!("FAIL: {problem}"),
        };
        writeln!(
            target,
            "{label:width$}  {max_absolute:>9.2e}  {max_relative:>9.2e}  {result}"
        )?;
    }
    Ok(())
}

/// The diagnostic for outputs that are not as expected.
pub fn mismatch(verdicts: &[Verdict], file: &Path) -> Option<Diagnostic> {
    let wrong = verdicts.iter().filter(|verdict| !verdict.is_ok()).count();
    (wrong > 0).then(|| {
        let of = verdicts.len();
        Diagnostic::error(
            "E0616",
            format!("{wrong} of {of} outputs differ from `{}`", file.display()),
        )
    })
}

#[cfg(test)]
mod tests {
    use expc_dialects::ScalarType;
    use expc_runtime::torch::Value;

    use super::*;

    fn floats(values: &[f32]) -> HostTensor {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_ne_bytes())
            .collect();
        HostTensor::new(ScalarType::Float32, vec![values.len()], bytes).expect("as many")
    }

    fn entry(key: &str, path: &str, values: &[f32]) -> Entry {
        Entry::new(
            key.to_owned(),
            path.to_owned(),
            &Value::None,
            Some(floats(values)),
        )
    }

    #[test]
    fn the_table_names_every_output() {
        let entries = [
            entry("0", "[0]", &[1.0, 2.0]),
            entry("1", "['much_longer']", &[1.0, f32::NAN]),
            entry("2", "[2]", &[1.0]),
            entry("3", "[3]", &[1.0]),
            entry("buffer:count", "", &[1.0]),
        ];
        let expected = vec![
            ("0".to_owned(), floats(&[1.0, 2.000_001])),
            ("1".to_owned(), floats(&[1.5, f32::NAN])),
            ("2".to_owned(), floats(&[1.0, 1.0])),
            ("7".to_owned(), floats(&[1.0])),
        ];
        let none = ToleranceArgs {
            rtol: None,
            atol: None,
        };
        let verdicts = compare_all(&entries, &expected, none).expect("compared");
        let mut table = Vec::new();
        write_table(&mut table, &verdicts).expect("written");
        insta::assert_snapshot!(String::from_utf8(table).expect("UTF-8"));
        let fault = mismatch(&verdicts, Path::new("expected.npz")).expect("a fault");
        assert_eq!(
            fault.to_string(),
            "error[E0616]: 4 of 5 outputs differ from `expected.npz`"
        );
    }

    #[test]
    fn tolerances_of_the_command_line_win() {
        let entries = [entry("0", "", &[1.0])];
        let expected = vec![("0".to_owned(), floats(&[1.5]))];
        let loose = ToleranceArgs {
            rtol: Some(0.0),
            atol: Some(0.5),
        };
        assert!(
            compare_all(&entries, &expected, loose)
                .expect("compared")
                .iter()
                .all(Verdict::is_ok)
        );
    }
}

//! Cases that are known to fail, each with a reason; one that passes is a failure too.

use serde::Deserialize;

use super::Mode;

/// The content of `expected_failures.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFailures {
    #[serde(default)]
    failure: Vec<ExpectedFailure>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedFailure {
    /// Name of the case, `opinfo/add`; `*` stands for any text.
    case: String,
    /// Name of the mode, or `*`.
    mode: String,
    reason: String,
    /// The case is in the small set of programs alone, so that a complete run does not miss it.
    #[serde(default)]
    is_only_small: bool,
}

impl ExpectedFailures {
    /// Parses the file.
    ///
    /// # Errors
    /// It is no TOML of this form, or an entry has no reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parsed: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        match parsed
            .failure
            .iter()
            .find(|failure| failure.reason.trim().is_empty())
        {
            Some(failure) => Err(format!("`{}` has no reason", failure.case)),
            None => Ok(parsed),
        }
    }

    /// Turns what a case gave into what the trial says.
    pub fn judge(
        &self,
        case: &str,
        mode: &Mode,
        outcome: Result<(), String>,
    ) -> Result<(), String> {
        let mut listed = self
            .failure
            .iter()
            .filter(|failure| failure.covers(case, mode));
        match (listed.next(), outcome) {
            (Some(_), Err(_)) | (None, Ok(())) => Ok(()),
            (None, Err(message)) => Err(message),
            (Some(failure), Ok(())) => Err(format!(
                "passes, but `expected_failures.toml` lists it under `{}` ({}); take it out",
                failure.case, failure.reason
            )),
        }
    }

    /// The entries that cover none of the cases, one a line.
    pub fn unused(&self, cases: &[(String, Mode)]) -> String {
        let is_unused = |failure: &&ExpectedFailure| {
            let mut cases = cases.iter();
            !failure.is_only_small && !cases.any(|(case, mode)| failure.covers(case, mode))
        };
        let unused = self.failure.iter().filter(is_unused);
        let lines: Vec<_> = unused
            .map(|failure| format!("{}, mode {}", failure.case, failure.mode))
            .collect();
        lines.join("\n")
    }
}

impl ExpectedFailure {
    fn covers(&self, case: &str, mode: &Mode) -> bool {
        matches(&self.case, case) && matches(&self.mode, mode.name)
    }
}

/// Whether a text has the form of a pattern, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            let mut ends = rest
                .char_indices()
                .map(|(start, _)| start)
                .chain([rest.len()]);
            ends.any(|start| matches(tail, &rest[start..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::MODES;

    const TEXT: &str = "
        [[failure]]
        case = 'opinfo/fft_*'
        mode = 'exported'
        reason = 'no FFT'
    ";

    #[test]
    fn listed_cases_must_fail() {
        let expected = ExpectedFailures::parse(TEXT).unwrap();
        let judge = |case, mode, outcome: Result<(), &str>| {
            expected.judge(case, &MODES[mode], outcome.map_err(str::to_owned))
        };
        assert_eq!(judge("opinfo/fft_fft", 0, Err("wrong")), Ok(()));
        assert_eq!(
            judge("opinfo/fft_fft", 0, Ok(())).unwrap_err(),
            "passes, but `expected_failures.toml` lists it under `opinfo/fft_*` (no FFT); take it out"
        );
        assert_eq!(
            judge("opinfo/fft_fft", 1, Err("wrong")),
            Err("wrong".to_owned())
        );
        assert_eq!(judge("opinfo/add", 0, Ok(())), Ok(()));
        assert_eq!(
            judge("opinfo/add", 0, Err("wrong")),
            Err("wrong".to_owned())
        );
    }

    #[test]
    fn entries_without_a_case_are_found() {
        let expected = ExpectedFailures::parse(TEXT).unwrap();
        assert_eq!(
            expected.unused(&[("opinfo/fft_fft".to_owned(), MODES[0])]),
            ""
        );
        let other = [("opinfo/fft_fft".to_owned(), MODES[1])];
        assert_eq!(expected.unused(&other), "opinfo/fft_*, mode exported");
        let small = format!("{TEXT}\nis_only_small = true");
        assert_eq!(ExpectedFailures::parse(&small).unwrap().unused(&other), "");
    }

    #[test]
    fn faults_of_the_file_are_told() {
        assert!(ExpectedFailures::parse("").is_ok());
        let error = ExpectedFailures::parse(&TEXT.replace("no FFT", " ")).unwrap_err();
        assert_eq!(error, "`opinfo/fft_*` has no reason");
        assert!(ExpectedFailures::parse(&TEXT.replace("mode", "modes")).is_err());
    }

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, holds) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "ab", false),
            ("*/mlp", "torch-2.3.1/mlp", true),
            ("a*b*c", "axbxbxc", true),
        ] {
            assert_eq!(matches(pattern, text), holds, "{pattern} {text}");
        }
    }
}

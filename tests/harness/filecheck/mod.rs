//! LLVM's FileCheck: directives that must match an output in order.
//!
//! The rules, which the tests below state one by one:
//!
//! - `CHECK` matches anywhere behind the previous match.
//! - `CHECK-NEXT` matches on the next line, `CHECK-SAME` on the same one, `CHECK-EMPTY` says that the next is empty.
//! - `CHECK-NOT` must not match between the matches around it.
//! - `CHECK-DAG`s in a row match in any order, without overlap; a `CHECK-NOT` ends the group.
//! - `CHECK-COUNT-n` is `n` times `CHECK`.
//! - `CHECK-LABEL`s are found first and part the output; what stands between two of them matches there only. A label
//!   neither captures nor uses variables.
//! - Variables live to the end of the output.
//! - Runs of blanks are equal to one blank.

mod pattern;
mod report;

use std::ops::Range;

pub use self::pattern::{Match, MatchError, Pattern, Variables, canonical_blanks};
pub use self::report::Failure;

/// How a directive must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Plain,
    Next,
    Same,
    Not,
    Dag,
    Label,
    Empty,
    Count(usize),
}

impl Kind {
    /// The kind that stands behind the prefix: `-NEXT`, or nothing; `None` if there is no such kind.
    pub fn from_suffix(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "" => Self::Plain,
            "-NEXT" => Self::Next,
            "-SAME" => Self::Same,
            "-NOT" => Self::Not,
            "-DAG" => Self::Dag,
            "-LABEL" => Self::Label,
            "-EMPTY" => Self::Empty,
            _ => {
                let count = suffix.strip_prefix("-COUNT-")?.parse().ok()?;
                return (count > 0).then_some(Self::Count(count));
            }
        })
    }

    /// Whether it is placed by the match before it.
    fn is_relative(self) -> bool {
        matches!(self, Self::Next | Self::Same | Self::Empty)
    }
}

/// One directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub kind: Kind,
    /// Its name as written, `CHECK-NEXT`.
    pub name: String,
    /// Line in the test file, from 1.
    pub line: usize,
    pub pattern: Pattern,
    /// The pattern as written.
    pub text: String,
}

impl Check {
    /// Parses the text behind the colon.
    ///
    /// # Errors
    /// The pattern has a fault, or is one that this kind of directive cannot have.
    pub fn parse(
        kind: Kind,
        name: &str,
        line: usize,
        text: &str,
        is_literal: bool,
    ) -> Result<Self, String> {
        let pattern = match (kind, is_literal) {
            (Kind::Empty, _) if !text.trim().is_empty() => {
                return Err(format!("`{name}` takes no text"));
            }
            (Kind::Empty, _) => Pattern::line_break_before_line_end(),
            (_, true) => Pattern::literal(text),
            (_, false) => Pattern::parse(text)?,
        };
        if pattern.is_empty() {
            return Err(format!("`{name}` needs a text"));
        }
        if kind == Kind::Label && (pattern.defines() || pattern.uses()) {
            return Err(format!("`{name}` cannot have variables"));
        }
        if kind == Kind::Not && pattern.defines() {
            return Err(format!("`{name}` cannot capture; write `{{{{regex}}}}`"));
        }
        Ok(Self {
            kind,
            name: name.to_owned(),
            line,
            pattern,
            text: text.trim().to_owned(),
        })
    }
}

/// Checks an output; the answer is every failure, at most one per label.
pub fn check(checks: &[&Check], output: &str) -> Vec<Failure> {
    let text = canonical_blanks(output);
    let mut checker = Checker {
        text: &text,
        variables: Variables::new(),
    };
    match group(checks) {
        Ok(groups) => checker.check_regions(&groups),
        Err(failure) => vec![*failure],
    }
}

/// `DAG` and `NOT` directives and the one that ends them; none at the end of the output.
struct Group<'a> {
    before: Vec<&'a Check>,
    check: Option<&'a Check>,
}

fn group<'a>(checks: &[&'a Check]) -> Result<Vec<Group<'a>>, Box<Failure>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut before = Vec::new();
    for check in checks {
        match check.kind {
            Kind::Dag | Kind::Not => before.push(*check),
            kind if kind.is_relative() && groups.is_empty() => {
                return Err(Box::new(Failure::misplaced(check)));
            }
            _ => groups.push(Group {
                before: std::mem::take(&mut before),
                check: Some(check),
            }),
        }
    }
    if !before.is_empty() {
        groups.push(Group {
            before,
            check: None,
        });
    }
    Ok(groups)
}

struct Checker<'t> {
    text: &'t str,
    variables: Variables,
}

type Checked<T> = Result<T, Box<Failure>>;

impl Checker<'_> {
    fn check_regions(&mut self, groups: &[Group]) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut start = 0;
        let mut rest = groups;
        while !rest.is_empty() {
            let label = rest.iter().enumerate().find_map(|(index, group)| {
                let check = group.check?;
                (check.kind == Kind::Label).then_some((index, check))
            });
            let (count, end) = match label {
                None => (rest.len(), self.text.len()),
                Some((index, label)) => match self.find(label, start..self.text.len()) {
                    Ok(found) => (index + 1, found.end),
                    Err(failure) => {
                        failures.push(*failure);
                        return failures;
                    }
                },
            };
            let (here, behind) = rest.split_at(count);
            failures.extend(
                self.check_region(here, start..end)
                    .err()
                    .map(|failure| *failure),
            );
            rest = behind;
            start = end;
        }
        failures
    }

    fn check_region(&mut self, groups: &[Group], region: Range<usize>) -> Checked<()> {
        let mut start = region.start;
        for group in groups {
            start = self.check_group(group, start..region.end)?;
        }
        Ok(())
    }

    /// Where the group's match ends.
    fn check_group(&mut self, group: &Group, region: Range<usize>) -> Checked<usize> {
        let (start, nots) = self.check_dags(&group.before, region.clone())?;
        let Some(check) = group.check else {
            self.check_nots(&nots, start..region.end)?;
            return Ok(region.end);
        };
        let times = match check.kind {
            Kind::Count(times) => times,
            _ => 1,
        };
        let first = self.find(check, start..region.end)?;
        let mut end = first.end;
        for _ in 1..times {
            end = self.find(check, end..region.end)?.end;
        }
        self.check_distance(check, start..first.start)?;
        self.check_nots(&nots, start..first.start)?;
        Ok(end)
    }

    /// Matches the `DAG`s, and the `NOT`s in front of each of their groups; the answer is where the last group ends
    /// and the `NOT`s behind it.
    fn check_dags<'c>(
        &mut self,
        checks: &[&'c Check],
        region: Range<usize>,
    ) -> Checked<(usize, Vec<&'c Check>)> {
        let mut start = region.start;
        let mut nots = Vec::new();
        let mut taken: Vec<Range<usize>> = Vec::new();
        for (index, check) in checks.iter().enumerate() {
            if check.kind == Kind::Not {
                nots.push(*check);
                continue;
            }
            let found = self.find_apart(check, start..region.end, &taken)?;
            let place = taken.partition_point(|other| other.start < found.start);
            taken.insert(place, found);
            let is_last = checks
                .get(index + 1)
                .is_none_or(|next| next.kind == Kind::Not);
            if let (true, Some(first), Some(last)) = (is_last, taken.first(), taken.last()) {
                self.check_nots(&nots, start..first.start)?;
                start = last.end;
                nots.clear();
                taken.clear();
            }
        }
        Ok((start, nots))
    }

    /// The first match that overlaps none of the ranges that are taken.
    fn find_apart(
        &mut self,
        check: &Check,
        region: Range<usize>,
        taken: &[Range<usize>],
    ) -> Checked<Range<usize>> {
        let mut start = region.start;
        loop {
            let found = self.search(check, start..region.end)?;
            let overlaps = |other: &&Range<usize>| {
                found.range.start < other.end && other.start < found.range.end
            };
            match taken.iter().find(overlaps) {
                Some(other) => start = other.end,
                None => {
                    self.variables.extend(found.captures);
                    return Ok(found.range);
                }
            }
        }
    }

    fn find(&mut self, check: &Check, region: Range<usize>) -> Checked<Range<usize>> {
        let found = self.search(check, region)?;
        self.variables.extend(found.captures);
        Ok(found.range)
    }

    fn search(&self, check: &Check, region: Range<usize>) -> Checked<Match> {
        let not_found = || Failure::not_found(check, self.text, region.clone(), &self.variables);
        match check
            .pattern
            .find(self.text, region.clone(), &self.variables)
        {
            Ok(Some(mut found)) => {
                // The line break in front of an empty line belongs to the line before.
                if check.kind == Kind::Empty {
                    found.range.start += 1;
                }
                Ok(found)
            }
            Ok(None) => Err(Box::new(not_found())),
            Err(error) => Err(Box::new(not_found().because(&error))),
        }
    }

    fn check_distance(&self, check: &Check, skipped: Range<usize>) -> Checked<()> {
        let breaks = self.text[skipped.clone()].matches('\n').count();
        let fault = match (check.kind, breaks) {
            (Kind::Next | Kind::Empty, 0) => "is on the same line as the previous match",
            (Kind::Next | Kind::Empty, 2..) => "is not on the line after the previous match",
            (Kind::Same, 1..) => "is not on the same line as the previous match",
            _ => return Ok(()),
        };
        Err(Box::new(Failure::distance(
            check, self.text, skipped, fault,
        )))
    }

    fn check_nots(&self, nots: &[&Check], region: Range<usize>) -> Checked<()> {
        for check in nots {
            match check
                .pattern
                .find(self.text, region.clone(), &self.variables)
            {
                Ok(None) => {}
                Ok(Some(found)) => {
                    return Err(Box::new(Failure::excluded(check, self.text, found.range)));
                }
                Err(error) => {
                    let failure = Failure::not_found(check, self.text, region, &self.variables);
                    return Err(Box::new(failure.because(&error)));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

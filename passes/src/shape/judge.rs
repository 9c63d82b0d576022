//! What inference says of recorded types: equal, less is known, or different, and whether a difference is proven.

use std::fmt::{self, Write as _};

use expc_dialects::{Diagnostic, diagnostic::Place};
use expc_symbolic::{Func, Kind, Relation};

use super::{Item, ShapeEnv, Size, Tensor, size};

/// What inference says of a recorded type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The inferred type is the recorded one.
    Equal,
    /// Nothing or less is known.
    Unknown,
    /// The inferred type is not known to be the recorded one.
    Differs,
    /// The inferred type contradicts the recorded one, or the op cannot be called so.
    Contradicts,
}

/// What was found of a value whose inferred type is not the recorded one.
#[derive(Clone, Debug)]
pub struct ValueReport {
    /// `aten.add.Tensor`.
    pub op: String,
    /// Position among the results of the op.
    pub result: usize,
    pub verdict: Verdict,
    /// The value has a type all the same: the recorded one.
    pub is_typed: bool,
    /// Why nothing was inferred, or what differs: `sizes [4], recorded as [3]`.
    pub reason: String,
    pub place: Place,
}

impl ValueReport {
    /// The report as a message about the program: an error where the program is proven wrong.
    pub fn to_diagnostic(&self) -> Diagnostic {
        let (code, message) = match self.verdict {
            Verdict::Contradicts | Verdict::Differs | Verdict::Equal => (
                code::WRONG_RECORD,
                format!(
                    "result {} of `{}` has {}",
                    self.result, self.op, self.reason
                ),
            ),
            Verdict::Unknown => (
                code::UNKNOWN,
                format!(
                    "the type of result {} of `{}` cannot be inferred: {}",
                    self.result, self.op, self.reason
                ),
            ),
        };
        let mut diagnostic = Diagnostic::error(code, message);
        diagnostic.place = self.place.clone();
        if self.verdict != Verdict::Contradicts {
            diagnostic.severity = expc_dialects::Severity::Warning;
        }
        diagnostic
    }
}

/// Codes of the diagnostics of inference.
pub mod code {
    /// A type is recorded otherwise than it follows from the op.
    pub const WRONG_RECORD: &str = "E0410";
    /// An op cannot be called with arguments of such types.
    pub const CONTRADICTION: &str = "E0411";
    /// Nothing is known of a value.
    pub const UNKNOWN: &str = "E0412";
}

/// What was found of all values that ops compute.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many values were inferred as recorded.
    pub n_equal: usize,
    /// The other values.
    pub values: Vec<ValueReport>,
    /// Ops that cannot be called as the program does.
    pub contradictions: Vec<Diagnostic>,
}

impl Report {
    /// How many values have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        match verdict {
            Verdict::Equal => self.n_equal,
            _ => self
                .values
                .iter()
                .filter(|value| value.verdict == verdict)
                .count(),
        }
    }

    /// What is proven to be wrong with the program.
    pub fn errors(&self) -> Vec<Diagnostic> {
        let proven = self
            .values
            .iter()
            .filter(|value| value.verdict == Verdict::Contradicts);
        let mut found: Vec<_> = proven.map(ValueReport::to_diagnostic).collect();
        found.extend(self.contradictions.iter().cloned());
        found
    }

    /// Values that have no type.
    pub fn untyped(&self) -> Vec<Diagnostic> {
        let untyped = self.values.iter().filter(|value| !value.is_typed);
        untyped.map(ValueReport::to_diagnostic).collect()
    }

    /// Values whose type is not known to be the recorded one.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let others = self
            .values
            .iter()
            .filter(|value| value.verdict != Verdict::Contradicts);
        others.map(ValueReport::to_diagnostic).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} values: {} equal, {} unknown, {} different",
            self.n_equal + self.values.len(),
            self.n_equal,
            self.count(Verdict::Unknown),
            self.count(Verdict::Differs) + self.count(Verdict::Contradicts),
        )
    }
}

/// Whether an inferred item is the recorded one, and what differs.
pub(super) fn judge(env: &ShapeEnv<'_>, inferred: &Item, recorded: &Item) -> (Verdict, String) {
    match (inferred, recorded) {
        (Item::Any | Item::SymInt, _) => (Verdict::Unknown, "nothing is known of it".to_owned()),
        (Item::Unranked(dtype), Item::Tensor(tensor)) if *dtype == tensor.dtype => {
            (Verdict::Unknown, "the rank is not known".to_owned())
        }
        // The program records nothing that could be compared.
        (_, Item::Any | Item::SymInt | Item::SymFloat(None) | Item::SymBool(None)) => {
            (Verdict::Equal, String::new())
        }
        (Item::Tensor(tensor), Item::Unranked(dtype)) if tensor.dtype == *dtype => {
            (Verdict::Equal, String::new())
        }
        (Item::Tensor(inferred), Item::Tensor(recorded)) => tensors(env, inferred, recorded),
        (Item::Int(inferred), Item::Int(recorded)) if env.equal(inferred, recorded) => {
            (Verdict::Equal, String::new())
        }
        (Item::Int(inferred), Item::Int(recorded)) => (
            different(is_unequal(env, inferred, recorded)),
            format!("the value {inferred}, recorded as {recorded}"),
        ),
        (Item::SymFloat(None) | Item::SymBool(None), _)
            if inferred.to_value_type() == recorded.to_value_type() =>
        {
            (Verdict::Unknown, "its expression is not known".to_owned())
        }
        (inferred, recorded) => others(inferred, recorded),
    }
}

fn different(is_proven: bool) -> Verdict {
    if is_proven {
        Verdict::Contradicts
    } else {
        Verdict::Differs
    }
}

fn others(inferred: &Item, recorded: &Item) -> (Verdict, String) {
    let (left, right) = (inferred.to_value_type(), recorded.to_value_type());
    if left != right {
        let reason = format!(
            "{}, recorded as {}",
            inferred.describe(),
            recorded.describe()
        );
        return (Verdict::Contradicts, reason);
    }
    match (inferred.expression_text(), recorded.expression_text()) {
        (Some(inferred), Some(recorded)) if inferred != recorded => {
            let reason = format!("the value {inferred}, recorded as {recorded}");
            (Verdict::Differs, reason)
        }
        _ => (Verdict::Equal, String::new()),
    }
}

/// Compares two tensors; gradients do not count.
fn tensors(env: &ShapeEnv<'_>, inferred: &Tensor, recorded: &Tensor) -> (Verdict, String) {
    if inferred.dtype != recorded.dtype {
        let (left, right) = (inferred.dtype.torch_name(), recorded.dtype.torch_name());
        return (
            Verdict::Contradicts,
            format!("dtype `{left}`, recorded as `{right}`"),
        );
    }
    if inferred.device != recorded.device {
        let kind = |device: &str| device.split(':').next().unwrap_or_default().to_owned();
        return (
            different(kind(&inferred.device) != kind(&recorded.device)),
            format!(
                "device `{}`, recorded as `{}`",
                inferred.device, recorded.device
            ),
        );
    }
    if inferred.layout != recorded.layout {
        return (
            Verdict::Differs,
            format!(
                "layout `{}`, recorded as `{}`",
                inferred.layout, recorded.layout
            ),
        );
    }
    lists(env, inferred, recorded).unwrap_or((Verdict::Equal, String::new()))
}

fn lists(env: &ShapeEnv<'_>, inferred: &Tensor, recorded: &Tensor) -> Option<(Verdict, String)> {
    let reason = |what: &str, left: &[Size], right: &[Size]| {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{what} {}, recorded as {}",
            size::list(left),
            size::list(right)
        );
        text
    };
    let (left, right) = (&inferred.sizes, &recorded.sizes);
    if !all_equal(env, left, right) {
        let is_proven = left.len() != right.len()
            || left
                .iter()
                .zip(right)
                .any(|(left, right)| is_unequal(env, left, right));
        return Some((different(is_proven), reason("sizes", left, right)));
    }
    let (left, right) = (&inferred.strides, &recorded.strides);
    if !all_equal(env, left, right) {
        return Some((Verdict::Differs, reason("strides", left, right)));
    }
    // Older programs have 0 for every offset.
    if env.is_older_than(2, 9) || same_size(env, &inferred.offset, &recorded.offset) {
        return None;
    }
    let (left, right) = (&inferred.offset, &recorded.offset);
    Some((
        Verdict::Differs,
        format!("offset {left}, recorded as {right}"),
    ))
}

fn all_equal(env: &ShapeEnv<'_>, left: &[Size], right: &[Size]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(left, right)| same_size(env, left, right))
}

/// Whether two sizes differ for all values that their symbols can have.
fn is_unequal(env: &ShapeEnv<'_>, left: &Size, right: &Size) -> bool {
    env.statically(Relation::Ne, left, right) == Some(true)
}

fn same_size(env: &ShapeEnv<'_>, left: &Size, right: &Size) -> bool {
    if left == right {
        return true;
    }
    if let (Size::Int(_), Size::Int(_)) = (left, right) {
        return false;
    }
    let simplified = |size: &Size| match size {
        Size::Int(_) => Some(size.clone()),
        Size::Expr(expr) => {
            let simple = expr.simplify_with_ranges(env.ranges()).ok()?;
            Some(Size::from(simple).expanded())
        }
    };
    left.expanded() == right.expanded()
        || env.statically(Relation::Eq, left, right) == Some(true)
        || simplified(left).is_some_and(|left| Some(left) == simplified(right))
        || is_least(env, left, right)
        || is_least(env, right, left)
}

/// Whether a size is `Min` of the other and of multiples of it.
fn is_least(env: &ShapeEnv<'_>, least: &Size, other: &Size) -> bool {
    let Size::Expr(expr) = least else {
        return false;
    };
    let Kind::Call(Func::Min, args) = expr.kind() else {
        return false;
    };
    let is_positive = env.statically(Relation::Gt, other, &Size::ZERO) == Some(true);
    let is_multiple = |size: &Size| {
        let rest = size.expanded().modulo(&other.expanded());
        rest.is_ok_and(|rest| rest == Size::ZERO)
            && env.statically(Relation::Gt, size, &Size::ZERO) == Some(true)
    };
    let sizes: Vec<Size> = args.iter().cloned().map(Size::from).collect();
    is_positive && sizes.contains(other) && sizes.iter().all(is_multiple)
}

#[cfg(test)]
mod tests {
    use expc_symbolic::{Expr, Symbol};

    use super::*;

    fn check(left: &str, right: &str, expected: bool) {
        let mut env = ShapeEnv::new();
        for symbol in ["s0", "s1"] {
            env.set_range(symbol, Some(2), None);
        }
        let size = |text: &str| Size::from(Expr::parse_with(text, &Symbol::torch).unwrap());
        let found = same_size(&env, &size(left), &size(right));
        assert_eq!(found, expected, "{left} and {right}");
    }

    #[test]
    fn the_least_of_a_size_and_its_multiples_is_the_size() {
        check("Min(s0, s0*s1)", "s0", true);
        check("s0", "Min(s0, s0*s1)", true);
        check("Min(s0, s1)", "s0", false);
        check("Min(s0, s0*u0)", "s0", false);
    }
}

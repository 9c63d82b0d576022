//! Ranges of values, and the environment that gives symbols theirs.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use crate::expr::{Assumption, Symbol};
use crate::number::Number;

/// All values from a lower to an upper bound, both included; infinite bounds are open ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueRange {
    lower: Number,
    upper: Number,
    is_bool: bool,
}

impl ValueRange {
    /// The numbers between two bounds; none if the lower is above the upper.
    pub fn new(lower: Number, upper: Number) -> Option<ValueRange> {
        (lower.compare(upper) != Ordering::Greater).then_some(ValueRange {
            lower,
            upper,
            is_bool: false,
        })
    }

    /// The integers between two bounds, where a missing bound is infinite; none if there are none.
    pub fn ints(lower: Option<i128>, upper: Option<i128>) -> Option<ValueRange> {
        ValueRange::new(
            lower.map_or(Number::NEG_INT_OO, Number::Int),
            upper.map_or(Number::INT_OO, Number::Int),
        )
    }

    pub fn single(value: Number) -> ValueRange {
        ValueRange {
            lower: value,
            upper: value,
            is_bool: false,
        }
    }

    /// The truth values that are possible; both if neither is named.
    pub fn bools(can_be_false: bool, can_be_true: bool) -> ValueRange {
        let neither = !can_be_false && !can_be_true;
        ValueRange {
            lower: Number::Int(i128::from(!can_be_false && !neither)),
            upper: Number::Int(i128::from(can_be_true || neither)),
            is_bool: true,
        }
    }

    /// Every integer.
    pub fn all_ints() -> ValueRange {
        ValueRange {
            lower: Number::NEG_INT_OO,
            upper: Number::INT_OO,
            is_bool: false,
        }
    }

    /// Every number.
    pub fn all() -> ValueRange {
        let end = |negative| Number::Infinite {
            integer: false,
            negative,
        };
        ValueRange {
            lower: end(true),
            upper: end(false),
            is_bool: false,
        }
    }

    pub fn lower(&self) -> Number {
        self.lower
    }

    pub fn upper(&self) -> Number {
        self.upper
    }

    /// Whether it is a range of truth values.
    pub fn is_bool(&self) -> bool {
        self.is_bool
    }

    /// Whether both bounds are integers or `int_oo`.
    pub fn is_int(&self) -> bool {
        let is_int = |n| matches!(n, Number::Int(_) | Number::Infinite { integer: true, .. });
        is_int(self.lower) && is_int(self.upper)
    }

    /// The only value, if there is one.
    pub fn singleton(&self) -> Option<Number> {
        self.lower.compare(self.upper).is_eq().then_some(self.lower)
    }

    /// The truth value, if it is decided.
    pub fn as_bool(&self) -> Option<bool> {
        if !self.is_bool {
            return None;
        }
        self.singleton().map(|value| !value.is_zero())
    }

    pub fn contains(&self, value: Number) -> bool {
        self.lower.compare(value).is_le() && value.compare(self.upper).is_le()
    }

    /// The values in both ranges; none if there are none.
    pub fn intersect(&self, other: &ValueRange) -> Option<ValueRange> {
        let mut result = *self;
        if other.lower.compare(result.lower).is_gt() {
            result.lower = other.lower;
        }
        if other.upper.compare(result.upper).is_lt() {
            result.upper = other.upper;
        }
        result.lower.compare(result.upper).is_le().then_some(result)
    }

    /// The smallest range around both.
    pub fn union(&self, other: &ValueRange) -> ValueRange {
        let mut result = *self;
        if other.lower.compare(result.lower).is_lt() {
            result.lower = other.lower;
        }
        if other.upper.compare(result.upper).is_gt() {
            result.upper = other.upper;
        }
        result.is_bool &= other.is_bool;
        result
    }
}

/// As torch prints it: `VR[2, 64]`, `VR[0, int_oo]`.
impl fmt::Display for ValueRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bound: Number| match (self.is_bool, bound.is_zero()) {
            (true, true) => "False".to_string(),
            (true, false) => "True".to_string(),
            _ => crate::expr::Expr::number(bound).to_string(),
        };
        write!(f, "VR[{}, {}]", text(self.lower), text(self.upper))
    }
}

/// The ranges of symbols, by name.
#[derive(Clone, Debug, Default)]
pub struct Env {
    ranges: BTreeMap<String, ValueRange>,
}

impl Env {
    pub fn new() -> Env {
        Env::default()
    }

    /// Sets the range of a symbol.
    pub fn set(&mut self, symbol: &str, range: ValueRange) {
        self.ranges.insert(symbol.to_string(), range);
    }

    /// The range of a symbol: the one that was set, within what is assumed of the symbol.
    pub fn range(&self, symbol: &Symbol) -> ValueRange {
        let assumed = assumed_range(symbol);
        match self.ranges.get(symbol.name()) {
            Some(range) if range.is_bool() => *range,
            // A range that contradicts the assumption is taken at its word.
            Some(range) => range.intersect(&assumed).unwrap_or(*range),
            None => assumed,
        }
    }
}

impl FromIterator<(String, ValueRange)> for Env {
    fn from_iter<I: IntoIterator<Item = (String, ValueRange)>>(iter: I) -> Env {
        Env {
            ranges: iter.into_iter().collect(),
        }
    }
}

/// What the assumptions about the symbol leave.
fn assumed_range(symbol: &Symbol) -> ValueRange {
    let assumes = |assumption| symbol.assumes(assumption);
    let mut range = if assumes(Assumption::Integer) {
        ValueRange::all_ints()
    } else {
        ValueRange::all()
    };
    let least = Number::Int(i128::from(assumes(Assumption::Integer)));
    if assumes(Assumption::Positive) {
        range.lower = least;
    } else if assumes(Assumption::Nonnegative) {
        range.lower = Number::ZERO;
    }
    if assumes(Assumption::Negative) {
        range.upper = least.negated().unwrap_or(Number::ZERO);
    } else if assumes(Assumption::Nonpositive) {
        range.upper = Number::ZERO;
    }
    range
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_torch_does() {
        let text = |lower, upper| ValueRange::ints(lower, upper).map(|range| range.to_string());
        assert_eq!(text(Some(2), Some(64)).as_deref(), Some("VR[2, 64]"));
        assert_eq!(text(Some(0), None).as_deref(), Some("VR[0, int_oo]"));
        assert_eq!(text(None, Some(-1)).as_deref(), Some("VR[-int_oo, -1]"));
        assert_eq!(text(Some(3), Some(2)), None);
        assert_eq!(ValueRange::bools(true, true).to_string(), "VR[False, True]");
        assert_eq!(ValueRange::all().to_string(), "VR[-oo, oo]");
    }

    #[test]
    fn a_range_is_narrowed_by_the_assumptions() {
        let mut env = Env::new();
        let size = Symbol::torch("s0");
        assert_eq!(env.range(&size).to_string(), "VR[1, int_oo]");
        env.set("s0", ValueRange::ints(Some(0), Some(8)).unwrap());
        assert_eq!(env.range(&size).to_string(), "VR[1, 8]");
        env.set("s0", ValueRange::ints(Some(-4), Some(0)).unwrap());
        assert_eq!(env.range(&size).to_string(), "VR[-4, 0]");
    }
}

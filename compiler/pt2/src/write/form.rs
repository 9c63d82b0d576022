//! What the schemas of PyTorch's releases can say, and how they say it.
//!
//! [`Form`] is about fields and spelling, which a reader of the schema does not miss. What is missed ([`since`]) is for
//! callers to ask, who can say where in the program it is.

use crate::schema::{Argument, InputSpec, OutputSpec, ScalarType, SchemaVersion};

const fn version(major: i64, minor: i64) -> SchemaVersion {
    SchemaVersion { major, minor }
}

/// The schema that is written if nobody asks for another: that of PyTorch 2.11.
pub const SCHEMA: SchemaVersion = version(8, 17);

/// The first and the last minor version of each major one that a release of PyTorch wrote.
const RELEASED: [(SchemaVersion, SchemaVersion); 3] = [
    (version(5, 1), version(5, 3)),
    (version(7, 3), version(7, 3)),
    (version(8, 2), version(8, 20)),
];

impl SchemaVersion {
    /// Reads `8.17`, if archives of that schema can be written.
    ///
    /// # Errors
    /// The text is no version, or no release of PyTorch reads archives of it.
    pub fn parse_written(text: &str) -> Result<Self, String> {
        let expected = || {
            let ranges = RELEASED.map(|(first, last)| match first == last {
                true => first.to_string(),
                false => format!("{first} to {last}"),
            });
            format!("expected a schema of {}, found `{text}`", ranges.join(", "))
        };
        let (major, minor) = text.split_once('.').ok_or_else(expected)?;
        let number = |digits: &str| {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<i64>().ok().filter(|_| is_number)
        };
        let found = match (number(major), number(minor)) {
            (Some(major), Some(minor)) => version(major, minor),
            _ => return Err(expected()),
        };
        let is_released = |(first, last): &(SchemaVersion, SchemaVersion)| {
            (first..=last).contains(&&found) && first.major == found.major
        };
        match RELEASED.iter().any(is_released) {
            true => Ok(found),
            false => Err(expected()),
        }
    }

    /// Whether archives are a flat zip whose tensors are pickled (to 8.7).
    pub(super) fn is_flat(self) -> bool {
        self < version(8, 8)
    }

    /// Whether weights and constants are pickles (to 8.8).
    pub fn pickles_tensors(self) -> bool {
        self < version(8, 14)
    }

    /// Whether archives hold sample inputs.
    pub(super) fn has_sample_inputs(self) -> bool {
        self >= version(5, 3)
    }

    /// Whether a higher-order op gives its results one by one, and not in a list.
    pub fn separates_hop_results(self) -> bool {
        self >= version(8, 7)
    }

    /// Whether `invoke_subgraph` takes its operands one by one, and not in a list.
    pub fn spreads_subgraph_operands(self) -> bool {
        self >= version(8, 8)
    }

    /// Whether expressions are spelled as `srepr`, and not as text.
    pub fn has_srepr(self) -> bool {
        self >= version(8, 2)
    }

    /// Whether a constant input has a spec of its own, and is no user input.
    pub fn has_constant_inputs(self) -> bool {
        self >= version(5, 3)
    }

    /// Whether ops may write to their arguments.
    pub fn has_training_ir(self) -> bool {
        self >= version(7, 3)
    }
}

/// How a schema spells things, and which fields it has.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Infinities are strings, and not words that JSON does not have.
    pub quotes_floats: bool,
    /// An optional field without a value is `null`, and not left out.
    pub writes_null: bool,
    /// None in a union is `true`, and not an empty list.
    pub none_is_true: bool,
    /// A range without a bound has `null` there, and not an infinity.
    pub no_bound_is_null: bool,
    /// A tensor in a list of optional ones is its name alone.
    pub optional_tensor_is_bare: bool,
    pub has_dialect: bool,
    pub has_provenance: bool,
    pub has_sym_floats: bool,
    pub has_forward_names: bool,
    pub has_kinds: bool,
    pub has_hop_returns: bool,
    pub has_namedtuples: bool,
    pub has_guards: bool,
    pub has_node_names: bool,
}

impl Form {
    pub fn of(schema: SchemaVersion) -> Self {
        let since = |major, minor| schema >= version(major, minor);
        Self {
            quotes_floats: since(8, 7),
            writes_null: since(8, 7),
            none_is_true: since(8, 2),
            no_bound_is_null: since(8, 2),
            optional_tensor_is_bare: !since(5, 3),
            has_dialect: !since(7, 3),
            has_provenance: since(7, 3),
            has_sym_floats: since(8, 2),
            has_forward_names: since(8, 2),
            has_kinds: since(8, 7),
            has_hop_returns: since(8, 7),
            has_namedtuples: since(8, 7),
            has_guards: since(8, 14),
            has_node_names: since(8, 17),
        }
    }
}

/// Something that not all schemas can say.
pub trait Since {
    /// The first schema that can say it.
    fn since(&self) -> SchemaVersion;
}

const FIRST: SchemaVersion = RELEASED[0].0;

impl Since for ScalarType {
    fn since(&self) -> SchemaVersion {
        match self {
            Self::U16 => version(8, 2),
            Self::F8E4M3Fn | Self::F8E5M2 => version(8, 7),
            Self::F8E4M3FnUz | Self::F8E5M2FnUz => version(8, 14),
            Self::F8E8M0Fnu | Self::U32 | Self::U64 => version(8, 20),
            _ => FIRST,
        }
    }
}

impl Since for Argument<'_> {
    fn since(&self) -> SchemaVersion {
        match self {
            Self::SymFloat(_) | Self::SymFloats(_) => version(8, 2),
            Self::OptionalTensor(_) => version(8, 8),
            Self::Complex(_) => version(8, 14),
            Self::IntLists(_) | Self::StringToArgument(_) => version(8, 15),
            Self::NestedTensors(_) => version(8, 17),
            Self::FloatLists(_) => version(8, 20),
            Self::ScalarType(dtype) => dtype.since(),
            _ => FIRST,
        }
    }
}

impl Since for InputSpec<'_> {
    fn since(&self) -> SchemaVersion {
        match self {
            Self::Token { .. } | Self::ConstantInput { .. } => version(5, 3),
            Self::UserInput { arg } => arg.since(),
            _ => FIRST,
        }
    }
}

impl Since for OutputSpec<'_> {
    fn since(&self) -> SchemaVersion {
        match self {
            Self::Token { .. } => version(5, 3),
            Self::ParameterMutation { .. } => version(8, 14),
            Self::UserOutput { arg } => arg.since(),
            _ => FIRST,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_that_no_release_reads_are_refused() {
        for text in ["8.17", "8.5", "5.1", "7.3", "8.20"] {
            let found = SchemaVersion::parse_written(text).expect(text);
            assert_eq!(found.to_string(), text);
        }
        for text in [
            "", "8", "8.", "8.1", "8.21", "6.0", "9.0", "5.0", "8.+5", "8.17.0", "7.4",
        ] {
            let fault = SchemaVersion::parse_written(text).expect_err(text);
            assert_eq!(
                fault,
                format!("expected a schema of 5.1 to 5.3, 7.3, 8.2 to 8.20, found `{text}`")
            );
        }
    }
}

//! Arguments of ops: constants and values in one tree.

use melior::ir::Value;

use crate::constant::{Constant, DYNAMIC};

/// An argument of an op: constants and values in one tree.
#[derive(Clone, Debug)]
pub enum Argument<'c, 'a> {
    Value(Value<'c, 'a>),
    /// Contains no [`Constant::Operand`] and no [`DYNAMIC`].
    Constant(Constant),
    /// A list or tuple with at least one value in it.
    List(Vec<Argument<'c, 'a>>),
    /// A dictionary with at least one value in it.
    Dict(Vec<(String, Argument<'c, 'a>)>),
}

impl<'c, 'a> Argument<'c, 'a> {
    /// The constant, if it is one.
    pub fn as_constant(&self) -> Option<&Constant> {
        match self {
            Self::Constant(constant) => Some(constant),
            _ => None,
        }
    }

    /// The value, if it is one.
    pub fn as_value(&self) -> Option<Value<'c, 'a>> {
        match self {
            Self::Value(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements, if it is a list of any kind.
    pub fn elements(&self) -> Option<Vec<Argument<'c, 'a>>> {
        let constants = |constants: Vec<Constant>| {
            Some(constants.into_iter().map(Argument::Constant).collect())
        };
        match self {
            Self::List(elements) => Some(elements.clone()),
            Self::Constant(Constant::List(elements)) => constants(elements.clone()),
            Self::Constant(Constant::Ints(values)) => {
                constants(values.iter().copied().map(Constant::Int).collect())
            }
            Self::Constant(Constant::Floats(values)) => {
                constants(values.iter().copied().map(Constant::Float).collect())
            }
            Self::Constant(Constant::Bools(values)) => {
                constants(values.iter().copied().map(Constant::Bool).collect())
            }
            _ => None,
        }
    }

    /// The values in it, in order.
    pub fn values(&self) -> Vec<Value<'c, 'a>> {
        let mut values = Vec::new();
        self.collect_values(&mut values);
        values
    }

    fn collect_values(&self, values: &mut Vec<Value<'c, 'a>>) {
        match self {
            Self::Value(value) => values.push(*value),
            Self::Constant(_) => {}
            Self::List(elements) => {
                for element in elements {
                    element.collect_values(values);
                }
            }
            Self::Dict(entries) => {
                for (_, element) in entries {
                    element.collect_values(values);
                }
            }
        }
    }

    /// The template in which holes stand for the values.
    pub(super) fn template(&self) -> Constant {
        match self {
            Self::Value(_) => Constant::Operand,
            Self::Constant(constant) => constant.clone(),
            Self::List(elements) => Constant::List(elements.iter().map(Self::template).collect()),
            Self::Dict(entries) => Constant::Dict(
                entries
                    .iter()
                    .map(|(key, element)| (key.clone(), element.template()))
                    .collect(),
            ),
        }
    }

    /// Fills the holes of a template with values; none if there are too few.
    pub(super) fn fill(
        template: Constant,
        values: &mut impl Iterator<Item = Value<'c, 'a>>,
    ) -> Option<Self> {
        if template.holes() == 0 {
            return Some(Self::Constant(template));
        }
        Some(match template {
            Constant::Operand => Self::Value(values.next()?),
            Constant::Ints(ints) => Self::List(
                ints.into_iter()
                    .map(|int| {
                        Self::fill(
                            if int == DYNAMIC {
                                Constant::Operand
                            } else {
                                Constant::Int(int)
                            },
                            values,
                        )
                    })
                    .collect::<Option<_>>()?,
            ),
            Constant::List(elements) => Self::List(
                elements
                    .into_iter()
                    .map(|element| Self::fill(element, values))
                    .collect::<Option<_>>()?,
            ),
            Constant::Dict(entries) => Self::Dict(
                entries
                    .into_iter()
                    .map(|(key, element)| Some((key, Self::fill(element, values)?)))
                    .collect::<Option<_>>()?,
            ),
            constant => Self::Constant(constant),
        })
    }
}

macro_rules! argument_from {
    ($($source:ty => $convert:expr;)*) => {
        $(impl<'c, 'a> From<$source> for Argument<'c, 'a> {
            fn from(source: $source) -> Self {
                let convert: fn($source) -> Constant = $convert;
                Self::Constant(convert(source))
            }
        })*
    };
}

argument_from! {
    Constant => |constant| constant;
    i64 => Constant::Int;
    f64 => Constant::Float;
    bool => Constant::Bool;
    crate::ScalarType => Constant::Dtype;
    &str => |text| Constant::Str(text.to_owned());
    &[i64] => |values| Constant::Ints(values.to_vec());
    Vec<i64> => Constant::Ints;
    () => |()| Constant::None;
}

impl<'c, 'a> From<Value<'c, 'a>> for Argument<'c, 'a> {
    fn from(value: Value<'c, 'a>) -> Self {
        Self::Value(value)
    }
}

impl<'c, 'a> From<Option<Value<'c, 'a>>> for Argument<'c, 'a> {
    fn from(value: Option<Value<'c, 'a>>) -> Self {
        value.map_or(Self::Constant(Constant::None), Self::Value)
    }
}

impl<'c, 'a> From<Vec<Argument<'c, 'a>>> for Argument<'c, 'a> {
    /// A list; one of ints alone takes the compact form.
    fn from(elements: Vec<Argument<'c, 'a>>) -> Self {
        let constants: Option<Vec<Constant>> = elements
            .iter()
            .map(|element| element.as_constant().cloned())
            .collect();
        let Some(constants) = constants else {
            return Self::List(elements);
        };
        let ints: Option<Vec<i64>> = constants
            .iter()
            .map(|constant| match constant {
                Constant::Int(value) => Some(*value),
                _ => None,
            })
            .collect();
        Self::Constant(match ints {
            Some(ints) if !ints.is_empty() => Constant::Ints(ints),
            _ => Constant::List(constants),
        })
    }
}

impl<'c, 'a> From<Vec<Value<'c, 'a>>> for Argument<'c, 'a> {
    fn from(values: Vec<Value<'c, 'a>>) -> Self {
        values
            .into_iter()
            .map(Argument::Value)
            .collect::<Vec<_>>()
            .into()
    }
}

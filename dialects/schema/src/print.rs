//! Prints schemas in torch's spelling, so that printing what was parsed gives the same text.

use std::fmt::{self, Display, Formatter, Write};

use crate::ast::{Alias, Arg, DefaultValue, OpSchema, Return, Type};

impl Display for OpSchema<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}::", self.namespace)?;
        }
        f.write_str(self.name)?;
        if !self.overload.is_empty() {
            write!(f, ".{}", self.overload)?;
        }
        f.write_char('(')?;
        let mut separator = Separator::default();
        let mut after_star = false;
        for arg in &self.args {
            if arg.kwarg_only && !after_star {
                separator.write(f)?;
                f.write_char('*')?;
                after_star = true;
            }
            separator.write(f)?;
            arg.fmt(f)?;
        }
        if self.is_vararg {
            separator.write(f)?;
            f.write_str("...")?;
        }
        f.write_str(") -> ")?;
        write_returns(f, &self.returns, self.is_varret)
    }
}

fn write_returns(f: &mut Formatter<'_>, returns: &[Return<'_>], is_varret: bool) -> fmt::Result {
    // A single tuple stands in further parentheses, which are otherwise those of several results.
    let bare = match returns {
        [] => is_varret,
        [only] => !is_varret && !only.ty.starts_with_parenthesis(),
        _ => false,
    };
    if !bare {
        f.write_char('(')?;
    }
    let mut separator = Separator::default();
    for ret in returns {
        separator.write(f)?;
        ret.fmt(f)?;
    }
    if is_varret {
        separator.write(f)?;
        f.write_str("...")?;
    }
    if !bare {
        f.write_char(')')?;
    }
    Ok(())
}

impl Display for Arg<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_type(f, &self.ty, self.alias.as_ref(), 0)?;
        write!(f, " {}", self.name)?;
        match &self.default {
            Some(default) => write!(f, "={default}"),
            None => Ok(()),
        }
    }
}

impl Display for Return<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_type(f, &self.ty, self.alias.as_ref(), 0)?;
        match self.name {
            Some(name) => write!(f, " {name}"),
            None => Ok(()),
        }
    }
}

impl Display for Type<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_type(f, self, None, 0)
    }
}

impl Display for Alias<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({}", self.before.join("|"))?;
        if self.write {
            f.write_char('!')?;
        }
        if !self.after.is_empty() {
            write!(f, " -> {}", self.after.join("|"))?;
        }
        f.write_char(')')
    }
}

/// Writes the type; the annotation goes after the part of it that is `alias.depth` suffixes in.
fn write_type(
    f: &mut Formatter<'_>,
    ty: &Type<'_>,
    alias: Option<&Alias<'_>>,
    depth: u8,
) -> fmt::Result {
    match ty {
        Type::Optional(inner) => {
            write_type(f, inner, alias, depth.saturating_add(1))?;
            f.write_char('?')?;
        }
        Type::List(inner, size) => {
            write_type(f, inner, alias, depth.saturating_add(1))?;
            match size {
                Some(size) => write!(f, "[{size}]")?,
                None => f.write_str("[]")?,
            }
        }
        Type::Dict(key, value) => write!(f, "Dict({key}, {value})")?,
        Type::Tuple(elements) => write_generic(f, "", elements)?,
        Type::Union(elements) => write_generic(f, "Union", elements)?,
        Type::Future(inner) => write!(f, "Future({inner})")?,
        Type::Await(inner) => write!(f, "Await({inner})")?,
        Type::RRef(inner) => write!(f, "RRef({inner})")?,
        Type::Class(name) | Type::Variable(name) => f.write_str(name)?,
        simple => f.write_str(simple.simple_name().unwrap_or_default())?,
    }
    match alias {
        Some(alias) if alias.depth == depth => alias.fmt(f),
        _ => Ok(()),
    }
}

fn write_generic(f: &mut Formatter<'_>, name: &str, elements: &[Type<'_>]) -> fmt::Result {
    write!(f, "{name}(")?;
    let mut separator = Separator::default();
    for element in elements {
        separator.write(f)?;
        element.fmt(f)?;
    }
    f.write_char(')')
}

/// Types that are one word, with torch's spelling.
const SIMPLE_TYPES: [(&str, Type<'static>); 25] = [
    ("Tensor", Type::Tensor),
    ("int", Type::Int),
    ("SymInt", Type::SymInt),
    ("float", Type::Float),
    ("SymFloat", Type::SymFloat),
    ("bool", Type::Bool),
    ("SymBool", Type::SymBool),
    ("complex", Type::Complex),
    ("Scalar", Type::Scalar),
    ("str", Type::Str),
    ("ScalarType", Type::ScalarType),
    ("Layout", Type::Layout),
    ("MemoryFormat", Type::MemoryFormat),
    ("Device", Type::Device),
    ("Generator", Type::Generator),
    ("Storage", Type::Storage),
    ("Stream", Type::Stream),
    ("QScheme", Type::QScheme),
    ("Dimname", Type::Dimname),
    ("Any", Type::Any),
    ("AnyClassType", Type::AnyClass),
    ("AnyEnumType", Type::AnyEnum),
    ("AnyListType", Type::AnyList),
    ("AnyTupleType", Type::AnyTuple),
    ("NoneType", Type::None),
];

impl<'a> Type<'a> {
    /// The type of one word that torch spells so.
    pub(crate) fn from_simple_name(name: &str) -> Option<Type<'a>> {
        SIMPLE_TYPES
            .iter()
            .find(|(spelling, _)| *spelling == name)
            .map(|(_, ty)| ty.clone())
    }

    fn simple_name(&self) -> Option<&'static str> {
        SIMPLE_TYPES
            .iter()
            .find(|(_, ty)| ty == self)
            .map(|(spelling, _)| *spelling)
    }

    fn starts_with_parenthesis(&self) -> bool {
        match self {
            Type::Tuple(_) => true,
            Type::Optional(inner) | Type::List(inner, _) => inner.starts_with_parenthesis(),
            _ => false,
        }
    }
}

impl Display for DefaultValue<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => write_float(f, *value),
            Self::Bool(value) => write_bool(f, *value),
            Self::Str(value) => write_string(f, value),
            Self::IntList(values) => write_list(f, values, |f, value| value.fmt(f)),
            Self::FloatList(values) => write_list(f, values, |f, value| write_float(f, *value)),
            Self::BoolList(values) => write_list(f, values, |f, value| write_bool(f, *value)),
            Self::StrList(values) => write_list(f, values, |f, value| write_string(f, value)),
            Self::EnumName(name) => f.write_str(name),
        }
    }
}

fn write_list<T>(
    f: &mut Formatter<'_>,
    values: &[T],
    write: impl Fn(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_char('[')?;
    let mut separator = Separator::default();
    for value in values {
        separator.write(f)?;
        write(f, value)?;
    }
    f.write_char(']')
}

fn write_bool(f: &mut Formatter<'_>, value: bool) -> fmt::Result {
    f.write_str(if value { "True" } else { "False" })
}

/// Writes a float as a C++ stream with 17 digits does (`%.17g`), with a dot after a whole number.
fn write_float(f: &mut Formatter<'_>, value: f64) -> fmt::Result {
    if !value.is_finite() {
        let sign = if value.is_sign_negative() { "-" } else { "" };
        return write!(f, "{sign}{}", if value.is_nan() { "nan" } else { "inf" });
    }
    let scientific = format!("{value:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..17).contains(&exponent) {
        let decimals = usize::try_from(16 - exponent).unwrap_or(0);
        let fixed = format!("{value:.decimals$}");
        return match fixed.split_once('.') {
            Some((whole, fraction)) => write!(f, "{whole}.{}", fraction.trim_end_matches('0')),
            None => write!(f, "{fixed}."),
        };
    }
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    let sign = if exponent < 0 { '-' } else { '+' };
    write!(f, "{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// Writes a string as torch does: in double quotes, with C escapes.
fn write_string(f: &mut Formatter<'_>, value: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in value.chars() {
        match ESCAPES.iter().find(|(_, plain)| *plain == c) {
            Some((letter, _)) => write!(f, "\\{letter}")?,
            None if c.is_ascii_control() => write!(f, "\\{:03o}", u32::from(c))?,
            None => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

/// Letters that follow a backslash in a string, with what they stand for.
pub(crate) const ESCAPES: [(char, char); 10] = [
    ('\\', '\\'),
    ('\'', '\''),
    ('"', '"'),
    ('a', '\u{7}'),
    ('b', '\u{8}'),
    ('f', '\u{c}'),
    ('n', '\n'),
    ('r', '\r'),
    ('t', '\t'),
    ('v', '\u{b}'),
];

/// Writes `, ` every time but the first.
#[derive(Default)]
struct Separator {
    started: bool,
}

impl Separator {
    fn write(&mut self, f: &mut Formatter<'_>) -> fmt::Result {
        if std::mem::replace(&mut self.started, true) {
            f.write_str(", ")
        } else {
            Ok(())
        }
    }
}

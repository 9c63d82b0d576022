//! From text to the syntax tree.

use std::borrow::Cow;

use pest::{
    Parser, Position, Span,
    error::{Error, ErrorVariant, LineColLocation},
    iterators::{Pair, Pairs},
};
use pest_derive::Parser;

use crate::{
    Tags,
    ast::{Alias, Arg, DefaultValue, OpSchema, Return, Type},
    print::ESCAPES,
};

#[derive(Parser)]
#[grammar = "grammar.pest"]
pub(crate) struct Grammar;

/// How deep lists, tuples and generic types may be nested; torch's own go to 3.
const MAX_NESTING: usize = 16;

/// Text that is no schema, no row, or no list of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct ParseError {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub message: String,
}

impl ParseError {
    /// The same error in a text that has `lines` lines before the one that was parsed.
    pub(crate) fn after_lines(mut self, lines: usize) -> Self {
        self.line = self.line.saturating_add(lines);
        self
    }

    pub(crate) fn at(span: Span<'_>, message: impl Into<String>) -> Self {
        let (line, column) = span.start_pos().line_col();
        Self {
            line,
            column,
            message: message.into(),
        }
    }
}

impl<'a> OpSchema<'a> {
    /// Parses one schema: `aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor`.
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        schema(&mut parse_rule(Rule::schema, text)?)
    }
}

/// Parses a line of a `.schemas` file: a schema and, after `#`, its tags.
pub fn parse_tagged(line: &str) -> Result<(OpSchema<'_>, Tags), ParseError> {
    let mut pairs = parse_rule(Rule::tagged_schema, line)?;
    let schema = schema(&mut pairs)?;
    let mut tags = Tags::default();
    for word in pairs.filter(|pair| pair.as_rule() == Rule::word) {
        let tag = word
            .as_str()
            .parse()
            .map_err(|error| ParseError::at(word.as_span(), format!("{error}")))?;
        tags.insert(tag);
    }
    Ok((schema, tags))
}

/// What the pair that `rule` makes of the whole text consists of.
pub(crate) fn parse_rule(rule: Rule, text: &str) -> Result<Pairs<'_, Rule>, ParseError> {
    check_nesting(text)?;
    let mut pairs = Grammar::parse(rule, text).map_err(syntax_error)?;
    let whole = pairs.next().ok_or(ParseError {
        line: 1,
        column: 1,
        message: "no text".into(),
    })?;
    Ok(whole.into_inner())
}

fn syntax_error(error: Error<Rule>) -> ParseError {
    let (line, column) = match error.line_col {
        LineColLocation::Pos(position) | LineColLocation::Span(position, _) => position,
    };
    let message = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => expectation(positives),
        ErrorVariant::CustomError { message } => message.clone(),
    };
    ParseError {
        line,
        column,
        message,
    }
}

/// Refuses text nested so deep that a recursive parser could run out of stack.
fn check_nesting(text: &str) -> Result<(), ParseError> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (offset, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '(' | '[' if !in_string => depth += 1,
            ')' | ']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_NESTING {
            let position = Position::new(text, offset);
            let (line, column) = position.map_or((1, 1), |position| position.line_col());
            return Err(ParseError {
                line,
                column,
                message: too_deep(),
            });
        }
    }
    Ok(())
}

fn too_deep() -> String {
    format!("nested deeper than {MAX_NESTING} levels")
}

/// Takes the signature off the front of `pairs`.
pub(crate) fn schema<'a>(pairs: &mut Pairs<'a, Rule>) -> Result<OpSchema<'a>, ParseError> {
    let mut schema = OpSchema {
        namespace: "",
        name: "",
        overload: "",
        args: Vec::new(),
        returns: Vec::new(),
        is_vararg: false,
        is_varret: false,
    };
    for part in pairs.next().map(Pair::into_inner).into_iter().flatten() {
        match part.as_rule() {
            Rule::op_name => op_name(part, &mut schema),
            Rule::arguments => arguments(part, &mut schema)?,
            Rule::results => results(part, &mut schema)?,
            _ => {}
        }
    }
    Ok(schema)
}

fn op_name<'a>(pair: Pair<'a, Rule>, schema: &mut OpSchema<'a>) {
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::namespace => schema.namespace = part.as_str(),
            Rule::name => schema.name = part.as_str(),
            Rule::overload => schema.overload = part.as_str(),
            _ => {}
        }
    }
}

fn arguments<'a>(pair: Pair<'a, Rule>, schema: &mut OpSchema<'a>) -> Result<(), ParseError> {
    let mut kwarg_only = false;
    for part in pair.into_inner() {
        let span = part.as_span();
        if schema.is_vararg {
            return Err(ParseError::at(span, "nothing may follow `...`"));
        }
        match part.as_rule() {
            Rule::vararg => schema.is_vararg = true,
            Rule::keyword_only if kwarg_only => return Err(ParseError::at(span, "second `*`")),
            Rule::keyword_only => kwarg_only = true,
            _ => schema.args.push(argument(part, kwarg_only)?),
        }
    }
    Ok(())
}

fn argument<'a>(pair: Pair<'a, Rule>, kwarg_only: bool) -> Result<Arg<'a>, ParseError> {
    let mut arg = Arg {
        name: "",
        ty: Type::Any,
        alias: None,
        default: None,
        kwarg_only,
    };
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::r#type => (arg.ty, arg.alias) = annotated_type(part)?,
            Rule::argument_name => arg.name = part.as_str(),
            Rule::equals => {}
            _ => arg.default = Some(default_value(part)?),
        }
    }
    Ok(arg)
}

fn results<'a>(pair: Pair<'a, Rule>, schema: &mut OpSchema<'a>) -> Result<(), ParseError> {
    for part in pair.into_inner() {
        if schema.is_varret {
            return Err(ParseError::at(part.as_span(), "nothing may follow `...`"));
        }
        match part.as_rule() {
            Rule::vararg => schema.is_varret = true,
            _ => schema.returns.push(result(part)?),
        }
    }
    Ok(())
}

fn result<'a>(pair: Pair<'a, Rule>) -> Result<Return<'a>, ParseError> {
    let mut ret = Return {
        name: None,
        ty: Type::Any,
        alias: None,
    };
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::r#type => (ret.ty, ret.alias) = annotated_type(part)?,
            _ => ret.name = Some(part.as_str()),
        }
    }
    Ok(ret)
}

/// A type without annotation, as it stands within another.
fn plain_type<'a>(pair: Pair<'a, Rule>) -> Result<Type<'a>, ParseError> {
    let span = pair.as_span();
    match annotated_type(pair)? {
        (ty, None) => Ok(ty),
        _ => Err(ParseError::at(
            span,
            "alias annotation inside a generic type",
        )),
    }
}

fn annotated_type<'a>(pair: Pair<'a, Rule>) -> Result<(Type<'a>, Option<Alias<'a>>), ParseError> {
    let mut ty = Type::Any;
    let mut annotation: Option<Alias<'a>> = None;
    let mut suffixes = 0_usize;
    for part in pair.into_inner() {
        let span = part.as_span();
        match part.as_rule() {
            Rule::alias if annotation.is_some() => {
                return Err(ParseError::at(span, "second alias annotation"));
            }
            Rule::alias => annotation = Some(alias(part)),
            Rule::list => ty = Type::List(Box::new(ty), list_size(part)?),
            Rule::optional => ty = Type::Optional(Box::new(ty)),
            _ => ty = base_type(part)?,
        }
        if span.as_str().starts_with(['[', '?']) {
            suffixes += 1;
            if let Some(alias) = &mut annotation {
                alias.depth += 1;
            }
        }
        if suffixes > MAX_NESTING {
            return Err(ParseError::at(span, too_deep()));
        }
    }
    Ok((ty, annotation))
}

fn base_type<'a>(pair: Pair<'a, Rule>) -> Result<Type<'a>, ParseError> {
    match pair.as_rule() {
        Rule::generic => generic_type(pair),
        Rule::class => Ok(Type::Class(pair.as_str())),
        Rule::tuple => Ok(Type::Tuple(
            pair.into_inner()
                .map(plain_type)
                .collect::<Result<_, _>>()?,
        )),
        _ => named_type(pair),
    }
}

/// As in torch, a lower-case word that is no type is a type variable.
fn named_type<'a>(pair: Pair<'a, Rule>) -> Result<Type<'a>, ParseError> {
    let word = pair.as_str();
    match Type::from_simple_name(word) {
        Some(ty) => Ok(ty),
        None if word.starts_with(|c: char| c.is_ascii_lowercase()) => Ok(Type::Variable(word)),
        None => Err(ParseError::at(
            pair.as_span(),
            format!("unknown type `{word}`"),
        )),
    }
}

fn generic_type<'a>(pair: Pair<'a, Rule>) -> Result<Type<'a>, ParseError> {
    let span = pair.as_span();
    let mut parts = pair.into_inner();
    let name = parts.next().map_or("", |name| name.as_str());
    let mut parameters = parts.map(plain_type).collect::<Result<Vec<_>, _>>()?;
    if name == "Union" {
        return Ok(Type::Union(parameters));
    }
    let expected = if name == "Dict" { 2 } else { 1 };
    let found = parameters.len();
    match (name, parameters.pop(), parameters.pop()) {
        ("Dict", Some(value), Some(key)) if found == 2 => {
            Ok(Type::Dict(Box::new(key), Box::new(value)))
        }
        ("Future", Some(inner), None) => Ok(Type::Future(Box::new(inner))),
        ("Await", Some(inner), None) => Ok(Type::Await(Box::new(inner))),
        ("RRef", Some(inner), None) => Ok(Type::RRef(Box::new(inner))),
        _ => {
            let message = format!("`{name}` takes {expected} type parameters, found {found}");
            Err(ParseError::at(span, message))
        }
    }
}

fn list_size(pair: Pair<'_, Rule>) -> Result<Option<u32>, ParseError> {
    pair.into_inner()
        .next()
        .map(|size| number(&size))
        .transpose()
}

/// The number that the pair spells, if it fits the type.
fn number<T: std::str::FromStr>(pair: &Pair<'_, Rule>) -> Result<T, ParseError> {
    pair.as_str().parse().map_err(|_| {
        ParseError::at(
            pair.as_span(),
            format!("number `{}` out of range", pair.as_str()),
        )
    })
}

fn alias<'a>(pair: Pair<'a, Rule>) -> Alias<'a> {
    let mut alias = Alias {
        before: Vec::new(),
        after: Vec::new(),
        write: false,
        depth: 0,
    };
    for part in pair.into_inner() {
        if part.as_rule() == Rule::write {
            alias.write = true;
            continue;
        }
        let names = part.into_inner().map(|name| name.as_str()).collect();
        if alias.before.is_empty() {
            alias.before = names;
        } else {
            alias.after = names;
        }
    }
    alias
}

fn default_value<'a>(pair: Pair<'a, Rule>) -> Result<DefaultValue<'a>, ParseError> {
    Ok(match pair.as_rule() {
        Rule::value_list => return value_list(pair),
        Rule::none => DefaultValue::None,
        Rule::boolean => DefaultValue::Bool(pair.as_str() == "True"),
        Rule::integer => DefaultValue::Int(number(&pair)?),
        Rule::float => DefaultValue::Float(number(&pair)?),
        Rule::string => DefaultValue::Str(unescape(pair)?),
        _ => DefaultValue::EnumName(pair.as_str()),
    })
}

/// A list has the type of its first element; whole numbers may stand in a list of floats.
fn value_list<'a>(pair: Pair<'a, Rule>) -> Result<DefaultValue<'a>, ParseError> {
    let span = pair.as_span();
    let values = pair
        .into_inner()
        .map(default_value)
        .collect::<Result<Vec<_>, _>>()?;
    let mixed = || ParseError::at(span, "list of values of different types");
    if values
        .iter()
        .any(|value| matches!(value, DefaultValue::Float(_)))
    {
        let floats = values.iter().map(|value| match value {
            DefaultValue::Float(float) => Some(*float),
            DefaultValue::Int(int) => Some(*int as f64),
            _ => None,
        });
        return floats
            .collect::<Option<_>>()
            .map(DefaultValue::FloatList)
            .ok_or_else(mixed);
    }
    let list = match values.first() {
        None | Some(DefaultValue::Int(_)) => elements(&values, |value| {
            if let DefaultValue::Int(int) = value {
                Some(*int)
            } else {
                None
            }
        })
        .map(DefaultValue::IntList),
        Some(DefaultValue::Bool(_)) => elements(&values, |value| {
            if let DefaultValue::Bool(bool) = value {
                Some(*bool)
            } else {
                None
            }
        })
        .map(DefaultValue::BoolList),
        Some(DefaultValue::Str(_)) => elements(&values, |value| {
            if let DefaultValue::Str(text) = value {
                Some(text.clone())
            } else {
                None
            }
        })
        .map(DefaultValue::StrList),
        _ => None,
    };
    list.ok_or_else(mixed)
}

fn elements<'a, T>(
    values: &[DefaultValue<'a>],
    take: impl Fn(&DefaultValue<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    values.iter().map(take).collect()
}

/// The content of a quoted string, its C escapes replaced.
fn unescape<'a>(pair: Pair<'a, Rule>) -> Result<Cow<'a, str>, ParseError> {
    let quoted = pair.as_str();
    let content = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(quoted);
    if !content.contains('\\') {
        return Ok(Cow::Borrowed(content));
    }
    let mut text = String::with_capacity(content.len());
    let mut rest = content;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let (c, length) = escaped_char(escape)
            .ok_or_else(|| ParseError::at(pair.as_span(), format!("unknown escape in {quoted}")))?;
        text.push(c);
        rest = escape.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    Ok(Cow::Owned(text))
}

/// The character that an escape stands for and the length of what follows the backslash: a letter, or
/// three octal digits.
fn escaped_char(escape: &str) -> Option<(char, usize)> {
    if let Some(digits) = escape.get(..3)
        && let Ok(code) = u8::from_str_radix(digits, 8)
        && code.is_ascii()
    {
        return Some((char::from(code), 3));
    }
    let letter = escape.chars().next()?;
    let (_, plain) = ESCAPES.iter().find(|(escape, _)| *escape == letter)?;
    Some((*plain, 1))
}

/// Says what would have fitted: the rules that pest tried where it got furthest.
fn expectation(rules: &[Rule]) -> String {
    let mut expected: Vec<&str> = rules.iter().map(|rule| rule_name(*rule)).collect();
    expected.sort_unstable();
    expected.dedup();
    match expected.split_last() {
        None => "unexpected text".into(),
        Some((last, [])) => format!("expected {last}"),
        Some((last, others)) => format!("expected {} or {last}", others.join(", ")),
    }
}

/// The name of a rule in messages.
fn rule_name(rule: Rule) -> &'static str {
    match rule {
        Rule::EOI => "the end",
        Rule::open => "`(`",
        Rule::close => "`)`",
        Rule::arrow => "`->`",
        Rule::equals => "`=`",
        Rule::colon => "`:`",
        Rule::schema | Rule::tagged_schema | Rule::signature => "a schema",
        Rule::op_name | Rule::namespace | Rule::name | Rule::overload => "the name of an op",
        Rule::arguments | Rule::argument => "an argument",
        Rule::argument_name => "the name of an argument",
        Rule::vararg => "`...`",
        Rule::keyword_only => "`*`",
        Rule::results | Rule::result => "a result",
        Rule::r#type
        | Rule::generic
        | Rule::generic_name
        | Rule::class
        | Rule::tuple
        | Rule::type_name => "a type",
        Rule::list => "`[]`",
        Rule::size => "a size",
        Rule::optional => "`?`",
        Rule::alias => "an alias annotation",
        Rule::alias_set | Rule::alias_name => "an alias set",
        Rule::write => "`!`",
        Rule::value_list
        | Rule::none
        | Rule::boolean
        | Rule::integer
        | Rule::float
        | Rule::string
        | Rule::enumerator => "a default value",
        Rule::columns | Rule::column | Rule::key => "a column",
        Rule::content => "the content of a column",
        Rule::namespace_line => "`namespace:`",
        _ => "a word",
    }
}

//! Python tokens: names, numbers, strings and operators.

use crate::error::{ParseError, ParseErrorKind};

/// A token and the byte at which it starts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token<'a> {
    pub offset: usize,
    pub kind: TokenKind<'a>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind<'a> {
    Name(&'a str),
    Int(i128),
    Float(f64),
    Str(String),
    Operator(&'static str),
}

impl TokenKind<'_> {
    pub fn describe(&self) -> String {
        match self {
            TokenKind::Name(name) => format!("`{name}`"),
            TokenKind::Int(value) => format!("`{value}`"),
            TokenKind::Float(value) => format!("`{value}`"),
            TokenKind::Str(text) => format!("the string `{text}`"),
            TokenKind::Operator(operator) => format!("`{operator}`"),
        }
    }
}

/// Longer operators first, so that the first match is the longest.
const OPERATORS: [&str; 27] = [
    "**", "//", "==", "!=", "<=", ">=", "<<", ">>", "+", "-", "*", "/", "%", "<", ">", "(", ")",
    "[", "]", ",", ".", "=", "&", "|", "^", "~", ":",
];

pub(crate) fn tokens(text: &str) -> Result<Vec<Token<'_>>, ParseError> {
    let mut result = Vec::new();
    let mut offset = 0;
    while let Some(rest) = text.get(offset..) {
        let Some(first) = rest.chars().next() else {
            break;
        };
        if first.is_whitespace() {
            offset += first.len_utf8();
            continue;
        }
        let (kind, length) = if first.is_alphabetic() || first == '_' {
            let length = prefix_length(rest, |c| c.is_alphanumeric() || c == '_');
            (TokenKind::Name(&rest[..length]), length)
        } else if starts_number(rest) {
            number(rest, offset)?
        } else if first == '\'' || first == '"' {
            string(rest, first, offset)?
        } else {
            let operator = OPERATORS
                .into_iter()
                .find(|operator| rest.starts_with(operator))
                .ok_or_else(|| {
                    ParseError::unexpected(offset, "an expression", format!("`{first}`"))
                })?;
            (TokenKind::Operator(operator), operator.len())
        };
        result.push(Token { offset, kind });
        offset += length;
    }
    Ok(result)
}

fn prefix_length(text: &str, accept: impl Fn(char) -> bool) -> usize {
    text.find(|c| !accept(c)).unwrap_or(text.len())
}

fn starts_number(text: &str) -> bool {
    let mut bytes = text.bytes();
    match bytes.next() {
        Some(b'.') => bytes.next().is_some_and(|b| b.is_ascii_digit()),
        Some(b) => b.is_ascii_digit(),
        None => false,
    }
}

fn number(text: &str, offset: usize) -> Result<(TokenKind<'_>, usize), ParseError> {
    let digits = |from: usize| {
        from + prefix_length(text.get(from..).unwrap_or(""), |c| {
            c.is_ascii_digit() || c == '_'
        })
    };
    let mut end = digits(0);
    let mut is_float = false;
    if text[end..].starts_with('.') {
        is_float = true;
        end = digits(end + 1);
    }
    if let Some(rest) = text[end..].strip_prefix(['e', 'E']) {
        let sign = usize::from(rest.starts_with(['+', '-']));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            is_float = true;
            end = exponent;
        }
    }
    let literal = text[..end].replace('_', "");
    let parsed = if is_float {
        literal
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .map(TokenKind::Float)
    } else {
        literal.parse().ok().map(TokenKind::Int)
    };
    parsed
        .map(|kind| (kind, end))
        .ok_or_else(|| ParseError::new(offset, ParseErrorKind::Number(shorten(&literal))))
}

fn shorten(text: &str) -> String {
    match text.get(..40) {
        Some(start) if text.len() > 40 => format!("{start}..."),
        _ => text.to_string(),
    }
}

fn string(text: &str, quote: char, offset: usize) -> Result<(TokenKind<'_>, usize), ParseError> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((position, c)) = chars.next() {
        match c {
            _ if c == quote => return Ok((TokenKind::Str(value), position + 1)),
            '\\' => match chars.next() {
                Some((_, escaped @ ('\\' | '\'' | '"'))) => value.push(escaped),
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                _ => {
                    return Err(ParseError::unexpected(
                        offset + position,
                        "a known escape",
                        "another one",
                    ));
                }
            },
            _ => value.push(c),
        }
    }
    Err(ParseError::unexpected(
        offset,
        format!("a closing `{quote}`"),
        "the end of the text",
    ))
}

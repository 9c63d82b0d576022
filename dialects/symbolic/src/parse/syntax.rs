//! The syntax tree of the Python expressions that are read, by operator precedence.
//!
//! Operators of one level are kept as one chain and not nested, so that a long sum is a flat one.

use super::MAX_NESTING;
use super::lexer::{Token, TokenKind};
use crate::error::{ParseError, ParseErrorKind};
use crate::func::Relation;

#[derive(Debug)]
pub(crate) struct Ast {
    pub offset: usize,
    pub kind: AstKind,
}

#[derive(Debug)]
pub(crate) enum AstKind {
    Int(i128),
    Float(f64),
    Str(String),
    Name(String),
    Attribute(Box<Ast>, String),
    Index(Box<Ast>, Box<Ast>),
    Call(Box<Ast>, Vec<Ast>, Vec<(String, Ast)>),
    /// A prefix operator.
    Prefix(&'static str, Box<Ast>),
    /// Left-associative operators of one level.
    Chain(Box<Ast>, Vec<(&'static str, Ast)>),
    Power(Box<Ast>, Box<Ast>),
    Compare(Box<Ast>, Vec<(Relation, Ast)>),
    /// Operands of `and` (true) or `or`.
    Connective(bool, Vec<Ast>),
    /// Value, condition, other value.
    Conditional(Box<[Ast; 3]>),
    /// A tuple or a list.
    Sequence(Vec<Ast>),
}

/// The levels of binary operators, loosest first.
const LEVELS: [&[&str]; 9] = [
    &["or"],
    &["and"],
    &["==", "!=", "<", "<=", ">", ">="],
    &["|"],
    &["^"],
    &["&"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "//", "%"],
];
const AND: usize = 1;
const COMPARISON: usize = 2;

const KEYWORDS: [&str; 5] = ["and", "or", "not", "if", "else"];

pub(crate) fn parse(tokens: &[Token], end: usize) -> Result<Ast, ParseError> {
    let mut parser = Parser {
        tokens,
        position: 0,
        end,
        nesting: 0,
    };
    let ast = parser.expression()?;
    match parser.peek() {
        None => Ok(ast),
        Some(token) => Err(ParseError::unexpected(
            token.offset,
            "the end of the text",
            token.kind.describe(),
        )),
    }
}

struct Parser<'t> {
    tokens: &'t [Token<'t>],
    position: usize,
    /// The length of the text.
    end: usize,
    nesting: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Token<'t>> {
        self.tokens.get(self.position)
    }

    fn offset(&self) -> usize {
        self.peek().map_or(self.end, |token| token.offset)
    }

    fn unexpected(&self, expected: &str) -> ParseError {
        let found = self.peek().map_or_else(
            || "the end of the text".into(),
            |token| token.kind.describe(),
        );
        ParseError::unexpected(self.offset(), expected, found)
    }

    /// Takes the operator or keyword if it comes next.
    fn take(&mut self, text: &str) -> bool {
        let found = match self.peek().map(|token| &token.kind) {
            Some(TokenKind::Operator(operator)) => *operator == text,
            Some(TokenKind::Name(name)) => *name == text,
            _ => false,
        };
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, text: &str) -> Result<(), ParseError> {
        if self.take(text) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{text}`")))
        }
    }

    fn take_operator(&mut self, among: &[&str]) -> Option<&'static str> {
        match self.peek()?.kind {
            TokenKind::Operator(operator) if among.contains(&operator) => {
                self.position += 1;
                Some(operator)
            }
            _ => None,
        }
    }

    /// Counts a level of nesting around what the function parses.
    fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        if self.nesting >= MAX_NESTING {
            let kind = ParseErrorKind::TooDeep(MAX_NESTING);
            return Err(ParseError::new(self.offset(), kind));
        }
        self.nesting += 1;
        let result = parse(self);
        self.nesting -= 1;
        result
    }

    fn expression(&mut self) -> Result<Ast, ParseError> {
        self.nested(|parser| {
            let offset = parser.offset();
            let value = parser.operators(0)?;
            if !parser.take("if") {
                return Ok(value);
            }
            let condition = parser.operators(0)?;
            parser.expect("else")?;
            let other = parser.expression()?;
            Ok(Ast {
                offset,
                kind: AstKind::Conditional(Box::new([value, condition, other])),
            })
        })
    }

    /// Operands joined by operators of the level and tighter ones; one call for all levels keeps the stack small.
    fn operators(&mut self, loosest: usize) -> Result<Ast, ParseError> {
        let offset = self.offset();
        let is_negation = loosest <= COMPARISON && self.take("not");
        let mut left = if is_negation {
            let operand = self.nested(|parser| parser.operators(COMPARISON))?;
            Ast {
                offset,
                kind: AstKind::Prefix("not", Box::new(operand)),
            }
        } else {
            self.prefix()?
        };
        while let Some((level, _)) = self.binary_operator()
            && level >= loosest
        {
            let mut rest = Vec::new();
            while let Some((same, operator)) = self.binary_operator()
                && same == level
            {
                self.position += 1;
                rest.push((operator, self.operators(level + 1)?));
            }
            left = Ast {
                offset,
                kind: joined(level, left, rest),
            };
        }
        Ok(left)
    }

    /// The level and text of the binary operator that comes next.
    fn binary_operator(&self) -> Option<(usize, &'static str)> {
        let text = match &self.peek()?.kind {
            TokenKind::Operator(operator) => *operator,
            TokenKind::Name(name) => *name,
            _ => return None,
        };
        LEVELS.iter().enumerate().find_map(|(level, operators)| {
            let operator = operators.iter().find(|operator| **operator == text)?;
            Some((level, *operator))
        })
    }

    fn prefix(&mut self) -> Result<Ast, ParseError> {
        let offset = self.offset();
        if let Some(operator) = self.take_operator(&["-", "+", "~"]) {
            let operand = self.nested(Self::prefix)?;
            let kind = AstKind::Prefix(operator, Box::new(operand));
            return Ok(Ast { offset, kind });
        }
        let base = self.postfix()?;
        if !self.take("**") {
            return Ok(base);
        }
        let exponent = self.nested(Self::prefix)?;
        let kind = AstKind::Power(Box::new(base), Box::new(exponent));
        Ok(Ast { offset, kind })
    }

    fn postfix(&mut self) -> Result<Ast, ParseError> {
        let offset = self.offset();
        let mut value = self.atom()?;
        for _ in 0..MAX_NESTING {
            let kind = if self.take(".") {
                AstKind::Attribute(Box::new(value), self.name()?)
            } else if self.take("[") {
                let index = self.expression()?;
                self.expect("]")?;
                AstKind::Index(Box::new(value), Box::new(index))
            } else if self.take("(") {
                let (args, keywords) = self.arguments()?;
                AstKind::Call(Box::new(value), args, keywords)
            } else {
                return Ok(value);
            };
            value = Ast { offset, kind };
        }
        let kind = ParseErrorKind::TooDeep(MAX_NESTING);
        Err(ParseError::new(self.offset(), kind))
    }

    fn name(&mut self) -> Result<String, ParseError> {
        match self.peek().map(|token| &token.kind) {
            Some(TokenKind::Name(name)) => {
                self.position += 1;
                Ok((*name).to_string())
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    /// Positional, then keyword arguments, up to the closing parenthesis.
    #[allow(clippy::type_complexity)]
    fn arguments(&mut self) -> Result<(Vec<Ast>, Vec<(String, Ast)>), ParseError> {
        let (mut args, mut keywords) = (Vec::new(), Vec::new());
        while !self.take(")") {
            let is_keyword = matches!(
                self.tokens.get(self.position + 1).map(|token| &token.kind),
                Some(TokenKind::Operator("="))
            );
            if is_keyword {
                let name = self.name()?;
                self.expect("=")?;
                keywords.push((name, self.expression()?));
            } else {
                args.push(self.expression()?);
            }
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok((args, keywords))
    }

    fn atom(&mut self) -> Result<Ast, ParseError> {
        let offset = self.offset();
        if self.take("(") {
            return self.bracketed(offset, ")", true);
        }
        if self.take("[") {
            return self.bracketed(offset, "]", false);
        }
        let kind = match self.peek().map(|token| &token.kind) {
            Some(TokenKind::Int(value)) => AstKind::Int(*value),
            Some(TokenKind::Float(value)) => AstKind::Float(*value),
            Some(TokenKind::Str(text)) => AstKind::Str(text.clone()),
            Some(TokenKind::Name(name)) if !KEYWORDS.contains(name) => {
                AstKind::Name((*name).to_string())
            }
            _ => return Err(self.unexpected("an expression")),
        };
        self.position += 1;
        Ok(Ast { offset, kind })
    }

    /// What stands in brackets: in parentheses without a comma the expression itself, else a sequence.
    fn bracketed(
        &mut self,
        offset: usize,
        close: &str,
        is_parenthesis: bool,
    ) -> Result<Ast, ParseError> {
        let mut items = Vec::new();
        let mut has_comma = false;
        while !self.take(close) {
            items.push(self.expression()?);
            if self.take(",") {
                has_comma = true;
            } else {
                self.expect(close)?;
                break;
            }
        }
        match items.pop() {
            Some(only) if is_parenthesis && !has_comma => Ok(only),
            last => {
                items.extend(last);
                let kind = AstKind::Sequence(items);
                Ok(Ast { offset, kind })
            }
        }
    }
}

/// The operands of one level as a tree.
fn joined(level: usize, first: Ast, rest: Vec<(&'static str, Ast)>) -> AstKind {
    if level <= AND {
        let rest = rest.into_iter().map(|(_, operand)| operand);
        return AstKind::Connective(level == AND, [first].into_iter().chain(rest).collect());
    }
    if level > COMPARISON {
        return AstKind::Chain(Box::new(first), rest);
    }
    let relation = |(operator, operand)| Some((Relation::by_operator(operator)?, operand));
    let rest = rest.into_iter().filter_map(relation).collect();
    AstKind::Compare(Box::new(first), rest)
}

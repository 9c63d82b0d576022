//! Guards: conditions over the inputs of a program, as Python text.
//!
//! A `.pt2` archive stores them in `guards_code`: `L['x'].size()[0] <= 2*L['y'].size()[1]`. What reads an input becomes a
//! symbol of the condition, named by its text, and a [`Source`] that says where to look.

use std::fmt;

use crate::error::{EvalError, ParseError};
use crate::eval::{Program, Value};
use crate::expr::{Assumption, Expr, Symbol};
use crate::parse::lower::{Leaves, Lowering};
use crate::parse::{Ast, AstKind, parse_syntax};

/// A step from a container to what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathElement {
    /// `['name']`
    Key(String),
    /// `[3]`
    Index(i64),
    /// `.name`
    Attribute(String),
}

/// What of an input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Property {
    /// The size of a dimension; negative ones count from the end.
    Size(i64),
    /// The stride of a dimension, in elements.
    Stride(i64),
    /// The storage offset, in elements.
    StorageOffset,
    /// The number of dimensions.
    Rank,
    /// The input itself: an integer, float or truth value.
    Value,
}

/// Something that a guard reads: a path to an input and what of it. The first element is the name of the argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    pub path: Vec<PathElement>,
    pub property: Property,
}

/// The path in Python's form without the root: `x.shape[0]`, `args[0]['k'].stride()[1]`.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, element) in self.path.iter().enumerate() {
            match element {
                PathElement::Key(name) if position == 0 => f.write_str(name)?,
                PathElement::Key(name) => write!(f, "['{name}']")?,
                PathElement::Index(index) => write!(f, "[{index}]")?,
                PathElement::Attribute(name) => write!(f, ".{name}")?,
            }
        }
        match self.property {
            Property::Size(dim) => write!(f, ".shape[{dim}]"),
            Property::Stride(dim) => write!(f, ".stride()[{dim}]"),
            Property::StorageOffset => f.write_str(".storage_offset()"),
            Property::Rank => f.write_str(".dim()"),
            Property::Value => Ok(()),
        }
    }
}

impl Source {
    /// The Python expression that reads the source, `L['x'].size()[0]`; different sources have different ones.
    pub fn python(&self) -> String {
        let mut text = String::from("L");
        for element in &self.path {
            match element {
                PathElement::Key(name) => {
                    let name = name.replace('\\', "\\\\").replace('\'', "\\'");
                    text.push_str(&format!("['{name}']"));
                }
                PathElement::Index(index) => text.push_str(&format!("[{index}]")),
                PathElement::Attribute(name) => text.push_str(&format!(".{name}")),
            }
        }
        match self.property {
            Property::Size(dim) => text.push_str(&format!(".size()[{dim}]")),
            Property::Stride(dim) => text.push_str(&format!(".stride()[{dim}]")),
            Property::StorageOffset => text.push_str(".storage_offset()"),
            Property::Rank => text.push_str(".dim()"),
            Property::Value => {}
        }
        text
    }
}

/// A condition over inputs.
#[derive(Clone, Debug)]
pub struct Guard {
    text: String,
    expr: Expr,
    program: Program,
    /// The source of each slot of the program.
    sources: Vec<Source>,
}

impl Guard {
    /// Parses a guard. What is no condition over inputs is an error at its byte.
    pub fn parse(text: &str) -> Result<Guard, ParseError> {
        let ast = parse_syntax(text)?;
        let mut inputs = Inputs::default();
        let expr = Lowering::guard(&mut inputs).expr(&ast)?;
        let is_condition = expr.is_boolean()
            || inputs
                .found
                .iter()
                .any(|(symbol, _)| expr.as_symbol() == Some(symbol));
        if !is_condition {
            return Err(ParseError::unexpected(
                0,
                "a condition",
                format!("`{expr}`"),
            ));
        }
        let program = Program::new(&expr);
        let source_of = |name: &String| {
            let mut matching = inputs
                .found
                .iter()
                .filter(|(symbol, _)| symbol.name() == name);
            matching.next().map(|(_, source)| source.clone())
        };
        let sources = program.symbols().iter().filter_map(source_of).collect();
        Ok(Guard {
            text: text.to_string(),
            expr,
            program,
            sources,
        })
    }

    /// The text that was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The condition; its symbols are named by [`Source::python`].
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// What the condition reads, each once.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The source of a symbol of [`Guard::expr`].
    pub fn source(&self, symbol: &str) -> Option<&Source> {
        let slot = self
            .program
            .symbols()
            .iter()
            .position(|name| name == symbol)?;
        self.sources.get(slot)
    }

    /// Whether the condition holds for the values of its sources, in the order of [`Guard::sources`].
    pub fn holds(&self, values: &[Value]) -> Result<bool, EvalError> {
        Ok(match self.program.run(values)? {
            Value::Bool(value) => value,
            Value::Int(value) => value != 0,
            Value::Float(value) => value != 0.0,
        })
    }
}

/// The inputs that were found while parsing.
#[derive(Default)]
struct Inputs {
    found: Vec<(Symbol, Source)>,
}

impl Leaves for Inputs {
    fn name(&mut self, _name: &str) -> Option<Symbol> {
        None
    }

    fn access(&mut self, ast: &Ast) -> Result<Option<Symbol>, ParseError> {
        let Some(source) = source_of(ast) else {
            return Ok(None);
        };
        let known = self.found.iter().find(|(_, found)| *found == source);
        if let Some((symbol, _)) = known {
            return Ok(Some(symbol.clone()));
        }
        let assumptions: &[_] = match source.property {
            Property::Size(_) | Property::StorageOffset | Property::Rank => {
                &[(Assumption::Integer, true), (Assumption::Nonnegative, true)]
            }
            Property::Stride(_) => &[(Assumption::Integer, true)],
            // The input can be a float.
            Property::Value => &[(Assumption::Real, true)],
        };
        let symbol = Symbol::new(&source.python(), assumptions);
        self.found.push((symbol.clone(), source));
        Ok(Some(symbol))
    }
}

/// The source that a subscript, attribute or call reads, if it starts at the root of the inputs.
fn source_of(ast: &Ast) -> Option<Source> {
    if let Some((tensor, property)) = property_of(ast)
        && let Some(path) = path_of(tensor)
    {
        return Some(Source { path, property });
    }
    let path = path_of(ast)?;
    Some(Source {
        path,
        property: Property::Value,
    })
}

/// The tensor and the property of `x.size()[0]`, `x.size(0)`, `x.shape[0]`, `x.stride()[0]`, `x.storage_offset()`.
fn property_of(ast: &Ast) -> Option<(&Ast, Property)> {
    match &ast.kind {
        AstKind::Index(of, index) => {
            let (tensor, name) = match &of.kind {
                AstKind::Call(method, args, keywords) if args.is_empty() && keywords.is_empty() => {
                    attribute(method)?
                }
                _ => attribute(of).filter(|(_, name)| *name == "shape")?,
            };
            dimension(name, integer(index)?).map(|property| (tensor, property))
        }
        AstKind::Call(method, args, keywords) if keywords.is_empty() => {
            let (tensor, name) = attribute(method)?;
            let property = match (name, args.as_slice()) {
                ("storage_offset", []) => Property::StorageOffset,
                ("dim" | "ndimension", []) => Property::Rank,
                (_, [dim]) => dimension(name, integer(dim)?)?,
                _ => return None,
            };
            Some((tensor, property))
        }
        AstKind::Attribute(tensor, name) if name == "ndim" => Some((tensor, Property::Rank)),
        _ => None,
    }
}

fn attribute(ast: &Ast) -> Option<(&Ast, &str)> {
    match &ast.kind {
        AstKind::Attribute(value, name) => Some((value, name)),
        _ => None,
    }
}

fn dimension(name: &str, dim: i64) -> Option<Property> {
    match name {
        "size" | "shape" => Some(Property::Size(dim)),
        "stride" => Some(Property::Stride(dim)),
        _ => None,
    }
}

fn integer(ast: &Ast) -> Option<i64> {
    match &ast.kind {
        AstKind::Int(value) => i64::try_from(*value).ok(),
        AstKind::Prefix("-", operand) => integer(operand)?.checked_neg(),
        _ => None,
    }
}

/// The path of `L['a'][0].b`; the root itself is no input.
fn path_of(ast: &Ast) -> Option<Vec<PathElement>> {
    let (container, element) = match &ast.kind {
        AstKind::Index(container, index) => {
            let element = match &index.kind {
                AstKind::Str(name) => PathElement::Key(name.clone()),
                _ => PathElement::Index(integer(index)?),
            };
            (container, element)
        }
        AstKind::Attribute(container, name) => (container, PathElement::Attribute(name.clone())),
        _ => return None,
    };
    let is_root = matches!(&container.kind, AstKind::Name(name) if name == "L");
    let mut path = match (is_root, &element) {
        (true, PathElement::Key(_)) => Vec::new(),
        (true, _) => return None,
        (false, _) => path_of(container)?,
    };
    path.push(element);
    Some(path)
}

//! From text to the syntax tree.

use expc_dialects::Diagnostic;
use pest::{
    Parser,
    error::{Error, ErrorVariant, LineColLocation},
    iterators::Pair,
};

use super::{
    ast::{
        Annotation, CallArg, Class, Expr, ExprKind, Parameter, Position, RangeText, SignatureText,
        SpecText, Statement, Text,
    },
    strings::unescape,
};

#[derive(pest_derive::Parser)]
#[grammar = "frontend/text/grammar.pest"]
struct Grammar;

/// Nesting of brackets and of classes that is accepted.
const MAX_NESTING: usize = 64;

type Fault = Diagnostic;

/// Parses a printed program.
///
/// # Errors
/// The first place where the text is none (E0170), is nested too deep (E0171), or has no code where a graph
/// needs it (E0172).
pub fn parse(text: &str) -> Result<Text<'_>, Fault> {
    check_nesting(text)?;
    let mut pairs = Grammar::parse(Rule::program, text).map_err(|error| syntax_error(&error))?;
    let mut classes = Classes::default();
    let mut signature = None;
    let mut ranges = Vec::new();
    let lines = pairs.next().into_iter().flat_map(Pair::into_inner);
    for line in lines {
        match line.as_rule() {
            Rule::signature => signature = Some(new_signature(line)),
            Rule::old_signature => signature = Some(old_signature(line)?),
            Rule::ranges => ranges = line.into_inner().map(range).collect(),
            Rule::EOI => {}
            _ => classes.line(line)?,
        }
    }
    Ok(Text {
        root: classes.finish()?,
        signature,
        ranges,
    })
}

/// Refuses text whose brackets are nested so deep that the parser, which is recursive, could run out of stack.
fn check_nesting(text: &str) -> Result<(), Fault> {
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with('#') {
            continue;
        }
        let mut depth = 0_usize;
        let mut quote = None;
        let mut is_escaped = false;
        for (column, byte) in line.bytes().enumerate() {
            match (quote, byte) {
                (Some(_), _) if is_escaped => is_escaped = false,
                (Some(_), b'\\') => is_escaped = true,
                (Some(open), byte) if open == byte => quote = None,
                (Some(_), _) => {}
                (None, b'\'' | b'"') => quote = Some(byte),
                (None, b'(' | b'[' | b'{') => depth += 1,
                (None, b')' | b']' | b'}') => depth = depth.saturating_sub(1),
                (None, _) => {}
            }
            if depth > MAX_NESTING {
                let position = Position {
                    line: index + 1,
                    column: column + 1,
                };
                let message = format!("brackets are nested deeper than {MAX_NESTING}");
                return Err(position.error("E0171", message));
            }
        }
    }
    Ok(())
}

fn syntax_error(error: &Error<Rule>) -> Fault {
    let (line, column) = match error.line_col {
        LineColLocation::Pos(position) | LineColLocation::Span(position, _) => position,
    };
    let message = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => expected(positives),
        ErrorVariant::CustomError { message } => message.clone(),
    };
    Position { line, column }.error("E0170", message)
}

/// What could have stood at the place of an error.
fn expected(rules: &[Rule]) -> String {
    let mut names: Vec<&str> = rules.iter().filter_map(|rule| rule_name(*rule)).collect();
    names.sort_unstable();
    names.dedup();
    match names.split_last() {
        None => "the text is no printed program from here on".to_owned(),
        Some((last, [])) => format!("expected {last}"),
        Some((last, others)) => format!("expected {} or {last}", others.join(", ")),
    }
}

/// What messages call a rule.
fn rule_name(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::class | Rule::class_name => "a class",
        Rule::forward => "`def forward`",
        Rule::parameter => "a parameter",
        Rule::annotation => "an annotation",
        Rule::comment => "a comment",
        Rule::returned => "`return`",
        Rule::assignment => "an assignment",
        Rule::identifier | Rule::path => "a name",
        Rule::expression
        | Rule::unary
        | Rule::postfix
        | Rule::list
        | Rule::tuple
        | Rule::dict
        | Rule::string
        | Rule::number
        | Rule::opaque
        | Rule::unary_operator => "an expression",
        Rule::argument | Rule::call => "arguments",
        Rule::binary_operator => "an operator",
        Rule::index => "an index",
        Rule::entry => "an entry of a dictionary",
        Rule::signature | Rule::old_signature => "`Graph signature:`",
        Rule::inputs => "`# inputs`",
        Rule::outputs => "`# outputs`",
        Rule::spec => "an input or output of the signature",
        Rule::kind => "a kind of input or output",
        Rule::target | Rule::target_text => "`target=`",
        Rule::persistent => "`persistent=`",
        Rule::ranges => "`Range constraints:`",
        Rule::range | Rule::range_key => "a range",
        Rule::bound => "a bound",
        Rule::boolean => "`True` or `False`",
        Rule::EOI => "the end",
        _ => return None,
    })
}

fn position(pair: &Pair<'_, Rule>) -> Position {
    let (line, column) = pair.line_col();
    Position { line, column }
}

/// A class whose end was not seen yet.
struct OpenClass<'t> {
    column: usize,
    name: &'t str,
    position: Position,
    parameters: Option<Vec<Parameter<'t>>>,
    statements: Vec<Statement<'t>>,
    comment: Option<&'t str>,
    returned: Option<Expr<'t>>,
    children: Vec<Class<'t>>,
}

impl<'t> OpenClass<'t> {
    fn close(self) -> Result<Class<'t>, Fault> {
        let missing = |what: &str| {
            let message = format!("class `{}` has no {what}", self.name);
            self.position.error("E0172", message)
        };
        let Some(parameters) = self.parameters else {
            return Err(missing("`def forward`"));
        };
        let Some(returned) = self.returned else {
            return Err(self
                .position
                .error("E0172", format!("class `{}` has no `return`", self.name)));
        };
        Ok(Class {
            name: self.name,
            position: self.position,
            parameters,
            statements: self.statements,
            returned,
            children: self.children,
        })
    }
}

/// Builds the tree of classes from lines.
#[derive(Default)]
struct Classes<'t> {
    root: Option<Class<'t>>,
    /// From the root inwards.
    open: Vec<OpenClass<'t>>,
}

impl<'t> Classes<'t> {
    fn line(&mut self, line: Pair<'t, Rule>) -> Result<(), Fault> {
        let place = position(&line);
        if line.as_rule() == Rule::class {
            return self.open(line, place);
        }
        let Some(class) = self.open.last_mut() else {
            // A comment may stand before the first class.
            return match line.as_rule() {
                Rule::comment => Ok(()),
                _ => Err(place.error("E0172", "this line belongs to no class")),
            };
        };
        let rule = line.as_rule();
        if rule != Rule::comment && rule != Rule::forward {
            if class.parameters.is_none() {
                return Err(place.error("E0172", "this line stands before `def forward`"));
            }
            if class.returned.is_some() {
                return Err(place.error("E0172", "this line stands behind `return`"));
            }
        }
        match rule {
            Rule::forward if class.parameters.is_some() => {
                let message = format!("class `{}` has more than one `forward`", class.name);
                return Err(place.error("E0172", message));
            }
            Rule::forward => class.parameters = Some(line.into_inner().map(parameter).collect()),
            Rule::comment => {
                let text = line.into_inner().next();
                class.comment = text.map(|text| text.as_str().trim());
            }
            Rule::returned => {
                let value = line.into_inner().next();
                class.returned = value.map(expression).transpose()?;
            }
            _ => {
                let statement = assignment(line, class.comment)?;
                class.statements.push(statement);
            }
        }
        Ok(())
    }

    fn open(&mut self, line: Pair<'t, Rule>, position: Position) -> Result<(), Fault> {
        self.close_to(position.column)?;
        if self.open.is_empty() && self.root.is_some() {
            return Err(position.error("E0172", "there is more than one root class"));
        }
        if self.open.len() >= MAX_NESTING {
            let message = format!("classes are nested deeper than {MAX_NESTING}");
            return Err(position.error("E0171", message));
        }
        let name = line.into_inner().next().map_or("", |name| name.as_str());
        self.open.push(OpenClass {
            column: position.column,
            name: name.trim(),
            position,
            parameters: None,
            statements: Vec::new(),
            comment: None,
            returned: None,
            children: Vec::new(),
        });
        Ok(())
    }

    /// Closes the classes that begin at a column or behind it.
    fn close_to(&mut self, column: usize) -> Result<(), Fault> {
        while let Some(class) = self.open.pop_if(|class| class.column >= column) {
            let class = class.close()?;
            match self.open.last_mut() {
                Some(parent) => parent.children.push(class),
                None => self.root = Some(class),
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Class<'t>, Fault> {
        self.close_to(0)?;
        self.root.ok_or_else(|| {
            let start = Position { line: 1, column: 1 };
            start.error("E0172", "the text has no class")
        })
    }
}

fn parameter(pair: Pair<'_, Rule>) -> Parameter<'_> {
    let position = position(&pair);
    let mut inner = pair.into_inner();
    Parameter {
        name: inner.next().map_or("", |name| name.as_str()),
        annotation: inner.next().map(annotation),
        position,
    }
}

fn annotation(pair: Pair<'_, Rule>) -> Annotation {
    let position = position(&pair);
    Annotation {
        text: pair.into_inner().next().map(string).unwrap_or_default(),
        position,
    }
}

/// The text of a string; of its two rules, the inner one leaves out the quotes.
fn string(pair: Pair<'_, Rule>) -> String {
    let inner = pair.into_inner().next();
    inner
        .map(|inner| unescape(inner.as_str()))
        .unwrap_or_default()
}

fn assignment<'t>(pair: Pair<'t, Rule>, comment: Option<&'t str>) -> Result<Statement<'t>, Fault> {
    let position = position(&pair);
    let mut statement = Statement {
        name: "",
        annotation: None,
        value: Expr {
            position,
            kind: ExprKind::Path("None"),
        },
        comment,
        position,
    };
    let mut is_named = false;
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::identifier if !is_named => {
                statement.name = part.as_str();
                is_named = true;
            }
            Rule::annotation => statement.annotation = Some(annotation(part)),
            Rule::expression => statement.value = expression(part)?,
            // The names behind the semicolon are those that are no longer needed.
            _ => {}
        }
    }
    Ok(statement)
}

fn expression(pair: Pair<'_, Rule>) -> Result<Expr<'_>, Fault> {
    let position = position(&pair);
    let mut inner = pair.into_inner();
    let missing = || position.error("E0170", "expected an expression");
    let left = unary(inner.next().ok_or_else(missing)?)?;
    let Some(operator) = inner.next() else {
        return Ok(left);
    };
    let right = unary(inner.next().ok_or_else(missing)?)?;
    Ok(Expr {
        position,
        kind: ExprKind::Binary(operator.as_str(), Box::new(left), Box::new(right)),
    })
}

fn unary(pair: Pair<'_, Rule>) -> Result<Expr<'_>, Fault> {
    let position = position(&pair);
    let mut operators = Vec::new();
    let mut operand = None;
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::unary_operator => operators.push(part.as_str()),
            _ => operand = Some(postfix(part)?),
        }
    }
    if operators.len() > MAX_NESTING {
        let message = format!("more than {MAX_NESTING} signs stand before a value");
        return Err(position.error("E0171", message));
    }
    let mut expr = operand.ok_or_else(|| position.error("E0170", "expected an expression"))?;
    for operator in operators.into_iter().rev() {
        expr = Expr {
            position,
            kind: ExprKind::Unary(operator, Box::new(expr)),
        };
    }
    Ok(expr)
}

fn postfix(pair: Pair<'_, Rule>) -> Result<Expr<'_>, Fault> {
    let position = position(&pair);
    let mut parts = pair.into_inner();
    let first = parts
        .next()
        .ok_or_else(|| position.error("E0170", "expected an expression"))?;
    let mut expr = primary(first)?;
    for (index, part) in parts.enumerate() {
        if index >= MAX_NESTING {
            let message = format!("more than {MAX_NESTING} calls stand behind one another");
            return Err(position.error("E0171", message));
        }
        let inner = Box::new(expr);
        let kind = match part.as_rule() {
            Rule::call => ExprKind::Call {
                callee: inner,
                args: part.into_inner().map(argument).collect::<Result<_, _>>()?,
            },
            Rule::index => ExprKind::Index(inner, Box::new(only(part)?)),
            _ => {
                let name = part.into_inner().next().map_or("", |name| name.as_str());
                ExprKind::Attribute(inner, name)
            }
        };
        expr = Expr { position, kind };
    }
    Ok(expr)
}

/// The expression that a rule holds.
fn only(pair: Pair<'_, Rule>) -> Result<Expr<'_>, Fault> {
    let place = position(&pair);
    let inner = pair.into_inner().next();
    expression(inner.ok_or_else(|| place.error("E0170", "expected an expression"))?)
}

fn argument(pair: Pair<'_, Rule>) -> Result<CallArg<'_>, Fault> {
    let place = position(&pair);
    let (mut keyword, mut value) = (None, None);
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::identifier => keyword = Some(part.as_str()),
            _ => value = Some(expression(part)?),
        }
    }
    let value = value.ok_or_else(|| place.error("E0170", "expected an expression"))?;
    Ok(CallArg { keyword, value })
}

fn primary(pair: Pair<'_, Rule>) -> Result<Expr<'_>, Fault> {
    let position = position(&pair);
    let kind = match pair.as_rule() {
        Rule::list => ExprKind::List(
            pair.into_inner()
                .map(expression)
                .collect::<Result<_, _>>()?,
        ),
        Rule::tuple => return tuple(pair, position),
        Rule::dict => ExprKind::Dict(pair.into_inner().map(entry).collect::<Result<_, _>>()?),
        Rule::string => ExprKind::Str(string(pair)),
        Rule::number => ExprKind::Number(pair.as_str()),
        Rule::opaque => ExprKind::Opaque(pair.as_str()),
        _ => ExprKind::Path(pair.as_str()),
    };
    Ok(Expr { position, kind })
}

/// A tuple; one expression in parentheses without a comma is that expression.
fn tuple(pair: Pair<'_, Rule>, position: Position) -> Result<Expr<'_>, Fault> {
    let mut elements = Vec::new();
    let mut has_comma = false;
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::comma => has_comma = true,
            _ => elements.push(expression(part)?),
        }
    }
    match <[Expr; 1]>::try_from(elements) {
        Ok([only]) if !has_comma => Ok(only),
        Ok(only) => Ok(Expr {
            position,
            kind: ExprKind::Tuple(only.into()),
        }),
        Err(elements) => Ok(Expr {
            position,
            kind: ExprKind::Tuple(elements),
        }),
    }
}

fn entry(pair: Pair<'_, Rule>) -> Result<(Expr<'_>, Expr<'_>), Fault> {
    let place = position(&pair);
    let mut inner = pair.into_inner();
    match (inner.next(), inner.next()) {
        (Some(key), Some(value)) => Ok((expression(key)?, expression(value)?)),
        _ => Err(place.error("E0170", "expected an entry of a dictionary")),
    }
}

fn new_signature(pair: Pair<'_, Rule>) -> SignatureText<'_> {
    let mut signature = SignatureText {
        position: position(&pair),
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    for part in pair.into_inner() {
        let rule = part.as_rule();
        let specs = part.into_inner().map(spec).collect();
        match rule {
            Rule::inputs => signature.inputs = specs,
            _ => signature.outputs = specs,
        }
    }
    signature
}

fn spec(pair: Pair<'_, Rule>) -> SpecText<'_> {
    let mut spec = SpecText {
        position: position(&pair),
        kind: "",
        target: None,
        persistent: None,
        constant: None,
    };
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::kind => spec.kind = part.as_str(),
            Rule::target => {
                spec.target = part
                    .into_inner()
                    .next()
                    .map(|text| text.as_str().to_owned());
            }
            Rule::persistent => {
                let value = part.into_inner().next().map(|value| value.as_str());
                spec.persistent = value.map(|value| value == "True");
            }
            // The names are those of the graph.
            _ => {}
        }
    }
    spec
}

/// `ExportGraphSignature(input_specs=[InputSpec(…)], output_specs=[OutputSpec(…)])`.
fn old_signature(pair: Pair<'_, Rule>) -> Result<SignatureText<'_>, Fault> {
    let position = position(&pair);
    let mut signature = SignatureText {
        position,
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    for (keyword, value) in keywords(only(pair)?, "ExportGraphSignature")? {
        let ExprKind::List(specs) = value.kind else {
            return Err(value.position.error("E0177", "expected a list"));
        };
        let (class, into) = match keyword {
            "input_specs" => ("InputSpec", &mut signature.inputs),
            "output_specs" => ("OutputSpec", &mut signature.outputs),
            _ => continue,
        };
        for spec in specs {
            into.push(old_spec(spec, class)?);
        }
    }
    Ok(signature)
}

fn old_spec<'t>(expr: Expr<'t>, class: &str) -> Result<SpecText<'t>, Fault> {
    let mut spec = SpecText {
        position: expr.position,
        kind: "",
        target: None,
        persistent: None,
        constant: None,
    };
    for (keyword, value) in keywords(expr, class)? {
        match (keyword, value.kind) {
            ("kind", ExprKind::Opaque(text)) => {
                let name = text
                    .split_once('.')
                    .and_then(|(_, rest)| rest.split_once(':'));
                spec.kind = name.map_or("", |(name, _)| name);
            }
            ("target", ExprKind::Str(text)) => spec.target = Some(text),
            ("persistent", ExprKind::Path(text @ ("True" | "False"))) => {
                spec.persistent = Some(text == "True");
            }
            ("arg", ExprKind::Call { callee, args })
                if callee.as_path() == Some("ConstantArgument") =>
            {
                let value = args.into_iter().find(|arg| arg.keyword == Some("value"));
                spec.constant = value.map(|arg| arg.value);
            }
            _ => {}
        }
    }
    Ok(spec)
}

/// The keyword arguments of a call of a class.
fn keywords<'t>(
    expr: Expr<'t>,
    class: &str,
) -> Result<impl Iterator<Item = (&'t str, Expr<'t>)>, Fault> {
    match expr.kind {
        ExprKind::Call { callee, args } if callee.as_path() == Some(class) => Ok(args
            .into_iter()
            .filter_map(|arg| Some((arg.keyword?, arg.value)))),
        _ => Err(expr
            .position
            .error("E0177", format!("expected `{class}(…)`"))),
    }
}

fn range(pair: Pair<'_, Rule>) -> RangeText<'_> {
    let mut range = RangeText {
        position: position(&pair),
        expression: "",
        min: "",
        max: "",
    };
    for part in pair.into_inner() {
        let text = part.as_str();
        match part.as_rule() {
            Rule::range_key => range.expression = text.trim(),
            Rule::bound if range.min.is_empty() => range.min = text,
            Rule::bound => range.max = text,
            _ => {}
        }
    }
    range
}

/// The dictionary that a text begins with, and what is behind it.
pub fn dictionary(text: &str) -> Option<(Expr<'_>, &str)> {
    check_nesting(text).ok()?;
    let pair = Grammar::parse(Rule::dict, text).ok()?.next()?;
    let rest = text.get(pair.as_span().end()..)?;
    Some((primary(pair).ok()?, rest))
}

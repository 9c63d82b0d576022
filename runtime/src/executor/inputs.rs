//! The check of a call's inputs against the signature, before anything runs.
//!
//! The range "2 and more" is not enforced: export assumes of every dynamic size that it is neither 0 nor 1, and
//! PyTorch runs programs with these sizes all the same. Every other range is one that somebody asked for.

use expc_dialects::Diagnostic;
use expc_symbolic::{Expr, Guard, PathElement, Program, Property, Source, Value as Number};
use rustc_hash::FxHashMap;

use super::value::constant;
use crate::{
    error::{Result, code, error},
    plan::{Input, InputKind, InputSpec, Plan, Range},
    torch::{SharedValue, TensorInfo, Value},
};

/// The lower bound that, without an upper one, stands for "any size".
const ASSUMED_MINIMUM: i64 = 2;

/// The conditions on the user inputs of a program.
#[derive(Debug)]
pub(super) struct InputChecks {
    inputs: Vec<Check>,
    /// For each size or number that is an expression, once for each place where it occurs.
    terms: Vec<Term>,
    guards: Vec<GuardCheck>,
    /// What could not be understood and is not checked.
    pub warnings: Vec<Diagnostic>,
}

/// One user input.
#[derive(Debug)]
struct Check {
    path: String,
    expected: Expected,
}

#[derive(Debug)]
enum Expected {
    Tensor {
        dtype: Option<String>,
        sizes: Option<Vec<Size>>,
    },
    Int(Option<i64>),
    Float,
    Bool,
    Str,
    Constant(SharedValue),
    Any,
}

#[derive(Debug)]
enum Size {
    Static(i64),
    /// Checked as a term.
    Symbolic,
}

/// A value that an expression describes.
#[derive(Debug)]
struct Term {
    place: Place,
    text: String,
    program: Program,
    /// Whether the expression is one symbol, which the value defines.
    is_symbol: bool,
    min: Option<i64>,
    max: Option<i64>,
}

/// Where a number is found among the inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    input: usize,
    property: Property,
}

#[derive(Debug)]
struct GuardCheck {
    guard: Guard,
    places: Vec<Place>,
}

impl InputChecks {
    pub(super) fn new(plan: &Plan) -> Result<Self> {
        let signature = plan.signature();
        let users: Vec<_> = signature
            .inputs
            .iter()
            .filter(|input| input.kind == InputKind::User)
            .collect();
        let mut checks = Self {
            inputs: Vec::new(),
            terms: Vec::new(),
            guards: Vec::new(),
            warnings: Vec::new(),
        };
        for (position, input) in users.iter().enumerate() {
            let check = checks.read_input(position, input, &signature.ranges)?;
            checks.inputs.push(check);
        }
        for text in &signature.guards {
            checks.read_guard(text);
        }
        Ok(checks)
    }

    fn read_input(&mut self, position: usize, input: &Input, ranges: &[Range]) -> Result<Check> {
        let mut scalar = |expression: &Option<String>| -> Option<i64> {
            let size = self.read_size(
                expression.as_ref()?,
                Place {
                    input: position,
                    property: Property::Value,
                },
                ranges,
            );
            match size {
                Size::Static(value) => Some(value),
                Size::Symbolic => None,
            }
        };
        let expected = match &input.spec {
            InputSpec::Tensor { dtype, sizes } => {
                let sizes = sizes.as_ref().map(|sizes| {
                    let place = |dim| Place {
                        input: position,
                        property: Property::Size(dim),
                    };
                    (0..)
                        .zip(sizes)
                        .map(|(dim, text)| self.read_size(text, place(dim), ranges))
                        .collect()
                });
                Expected::Tensor {
                    dtype: dtype.clone(),
                    sizes,
                }
            }
            InputSpec::Int { expression } => Expected::Int(scalar(expression)),
            InputSpec::Float { .. } => Expected::Float,
            InputSpec::Bool { .. } => Expected::Bool,
            InputSpec::Str => Expected::Str,
            InputSpec::Constant(value) => {
                Expected::Constant(SharedValue::new(constant(value, None)?))
            }
            InputSpec::Any => Expected::Any,
        };
        Ok(Check {
            path: input.path.clone(),
            expected,
        })
    }

    /// Reads an expression; one that cannot be read is not checked.
    fn read_size(&mut self, text: &str, place: Place, ranges: &[Range]) -> Size {
        let expr = match text.parse() {
            Ok(size) => return Size::Static(size),
            Err(_) => Expr::parse(text),
        };
        match expr {
            Ok(expr) => {
                let range = ranges.iter().find(|range| range.expression == text);
                let (min, max) = range.map_or((None, None), |range| (range.min, range.max));
                let is_assumed = max.is_none() && min == Some(ASSUMED_MINIMUM);
                self.terms.push(Term {
                    place,
                    text: text.to_owned(),
                    is_symbol: expr.as_symbol().is_some(),
                    program: Program::new(&expr),
                    min: min.filter(|_| !is_assumed),
                    max,
                });
            }
            Err(problem) => self.warn(format!("size `{text}` is not checked: {problem}")),
        }
        Size::Symbolic
    }

    fn read_guard(&mut self, text: &str) {
        let guard = match Guard::parse(text) {
            Ok(guard) => guard,
            Err(problem) => return self.warn(format!("guard `{text}` is not checked: {problem}")),
        };
        let places: Option<Vec<_>> = guard
            .sources()
            .iter()
            .map(|source| self.place_of(source))
            .collect();
        match places {
            Some(places) => self.guards.push(GuardCheck { guard, places }),
            None => self.warn(format!(
                "guard `{text}` is not checked: it reads what is no input"
            )),
        }
    }

    fn place_of(&self, source: &Source) -> Option<Place> {
        let input = self.input_of(&source.path)?;
        Some(Place {
            input,
            property: source.property,
        })
    }

    /// The input that a guard names by its path, by its position among all inputs (`flat_args[1]`), or as an item of
    /// what was a tuple of arguments and is now one of them (`args[1]` for `args_1`).
    fn input_of(&self, path: &[PathElement]) -> Option<usize> {
        let text = |path: &[PathElement]| {
            let property = Property::Value;
            Source {
                path: path.to_vec(),
                property,
            }
            .to_string()
        };
        let find = |path: &str| self.inputs.iter().position(|input| input.path == path);
        match path {
            [PathElement::Key(root), PathElement::Index(index)] if root == "flat_args" => {
                usize::try_from(*index)
                    .ok()
                    .filter(|index| *index < self.inputs.len())
            }
            [PathElement::Key(root), PathElement::Index(index), rest @ ..] => {
                let mut joined = vec![PathElement::Key(format!("{root}_{index}"))];
                joined.extend_from_slice(rest);
                find(&text(path)).or_else(|| find(&text(&joined)))
            }
            _ => find(&text(path)),
        }
    }

    fn warn(&mut self, message: String) {
        let mut warning = *error(code::UNREADABLE_CONDITION, message);
        warning.severity = expc_dialects::Severity::Warning;
        self.warnings.push(warning);
    }

    /// Checks one call. On success the answer holds the inputs, numbers converted to the kind that the program takes.
    pub(super) fn check(&self, inputs: &[Value]) -> Result<Vec<Value>> {
        if inputs.len() != self.inputs.len() {
            let (expected, found) = (self.inputs.len(), inputs.len());
            return Err(error(
                code::INPUT_COUNT,
                format!("the program takes {expected} inputs, found {found}"),
            ));
        }
        let converted: Vec<_> = self
            .inputs
            .iter()
            .zip(inputs)
            .map(|(check, value)| check.run(value))
            .collect::<Result<_>>()?;
        self.check_terms(&converted)?;
        for check in &self.guards {
            self.check_guard(check, &converted)?;
        }
        Ok(converted)
    }

    fn check_terms(&self, inputs: &[Value]) -> Result<()> {
        if self.terms.is_empty() {
            return Ok(());
        }
        let mut found = Vec::with_capacity(self.terms.len());
        for term in &self.terms {
            let Some(Number::Int(value)) = read(&term.place, inputs) else {
                continue;
            };
            self.check_range(term, value)?;
            found.push((term, value));
        }
        let mut symbols = FxHashMap::default();
        for (term, value) in found.iter().filter(|(term, _)| term.is_symbol) {
            self.define(&mut symbols, term, *value, *value)?;
        }
        for (term, value) in found.iter().filter(|(term, _)| !term.is_symbol) {
            match solve(term, &symbols, *value) {
                Solution::Whole(solution) => self.define(&mut symbols, term, solution, *value)?,
                Solution::Impossible => return Err(self.impossible(term, *value)),
                Solution::Unknown => {}
            }
        }
        for (term, value) in found {
            match evaluate(term, &symbols) {
                Some(expected) if expected != value => {
                    return Err(self.contradiction(term, value, expected, &symbols));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn define<'a>(
        &'a self,
        symbols: &mut FxHashMap<&'a str, (i64, &'a Term)>,
        term: &'a Term,
        value: i64,
        found: i64,
    ) -> Result<()> {
        let Some(symbol) = term.program.symbols().first() else {
            return Ok(());
        };
        match symbols.get(symbol.as_str()) {
            Some((known, _)) if *known != value => {
                Err(self.contradiction(term, found, *known, symbols))
            }
            Some(_) => Ok(()),
            None => {
                symbols.insert(symbol, (value, term));
                Ok(())
            }
        }
    }

    fn contradiction(
        &self,
        term: &Term,
        found: i64,
        expected: i64,
        symbols: &FxHashMap<&str, (i64, &Term)>,
    ) -> Box<Diagnostic> {
        let place = self.describe(&term.place);
        let mut reasons: Vec<_> = term
            .program
            .symbols()
            .iter()
            .filter_map(|symbol| symbols.get(symbol.as_str()))
            .filter(|(_, other)| !std::ptr::eq(*other, term))
            .map(|(_, other)| self.describe(&other.place))
            .collect();
        reasons.dedup();
        let because = if reasons.is_empty() {
            String::new()
        } else {
            format!(" because of {}", reasons.join(", "))
        };
        let note = format!("the program was exported with `{}` there", term.text);
        let mut problem = error(
            code::INPUT_RANGE,
            format!("{place} is {found}, expected {expected}{because}"),
        );
        problem.notes.push(note);
        problem
    }

    fn impossible(&self, term: &Term, value: i64) -> Box<Diagnostic> {
        let (place, text) = (self.describe(&term.place), &term.text);
        let symbols = term.program.symbols().join(", ");
        let what =
            format!("{place} is {value}, exported for sizes `{text}` with a whole {symbols}");
        error(code::INPUT_RANGE, what)
    }

    fn check_range(&self, term: &Term, value: i64) -> Result<()> {
        let too_small = term.min.is_some_and(|min| value < min);
        let too_large = term.max.is_some_and(|max| value > max);
        if !too_small && !too_large {
            return Ok(());
        }
        let range = match (term.min, term.max) {
            (Some(min), Some(max)) => format!("{min}..{max}"),
            (None, Some(max)) => format!("at most {max}"),
            (Some(min), None) => format!("{min} and more"),
            (None, None) => String::new(),
        };
        let place = self.describe(&term.place);
        Err(error(
            code::INPUT_RANGE,
            format!("{place} is {value}, exported for {range}"),
        ))
    }

    fn check_guard(&self, check: &GuardCheck, inputs: &[Value]) -> Result<()> {
        let values: Option<Vec<_>> = check
            .places
            .iter()
            .map(|place| read(place, inputs))
            .collect();
        let Some(values) = values else { return Ok(()) };
        if check.guard.holds(&values).unwrap_or(true) {
            return Ok(());
        }
        let facts: Vec<_> = check
            .places
            .iter()
            .zip(&values)
            .map(|(place, value)| format!("{} is {}", self.describe(place), show(*value)))
            .collect();
        let text = self.readable(check);
        let mut problem = error(
            code::INPUT_RANGE,
            format!("{}, exported for inputs with `{text}`", facts.join(" and ")),
        );
        problem
            .notes
            .push(format!("guard of the program: `{}`", check.guard.text()));
        Err(problem)
    }

    /// The guard's text with its sources as users write them: `x.shape[0]` for `L['x'].size()[0]`.
    fn readable(&self, check: &GuardCheck) -> String {
        let mut names: Vec<_> = check
            .guard
            .sources()
            .iter()
            .zip(&check.places)
            .map(|(source, place)| (source.python(), self.describe(place)))
            .collect();
        // The text of an input begins that of its sizes.
        names.sort_by_key(|(python, _)| std::cmp::Reverse(python.len()));
        names
            .iter()
            .fold(check.guard.text().to_owned(), |text, (python, name)| {
                text.replace(python, name)
            })
    }

    fn describe(&self, place: &Place) -> String {
        let path = self
            .inputs
            .get(place.input)
            .map_or("", |input| input.path.as_str());
        match place.property {
            Property::Size(dim) => format!("{path}.shape[{dim}]"),
            Property::Stride(dim) => format!("{path}.stride()[{dim}]"),
            Property::StorageOffset => format!("{path}.storage_offset()"),
            Property::Rank => format!("{path}.dim()"),
            Property::Value => path.to_owned(),
        }
    }
}

fn show(value: Number) -> String {
    match value {
        Number::Int(value) => value.to_string(),
        Number::Float(value) => format!("{value:?}"),
        Number::Bool(value) => if value { "True" } else { "False" }.to_owned(),
    }
}

fn evaluate(term: &Term, symbols: &FxHashMap<&str, (i64, &Term)>) -> Option<i64> {
    let values: Option<Vec<_>> = term
        .program
        .symbols()
        .iter()
        .map(|name| {
            symbols
                .get(name.as_str())
                .map(|(value, _)| Number::Int(*value))
        })
        .collect();
    match term.program.run(&values?) {
        Ok(Number::Int(value)) => Some(value),
        _ => None,
    }
}

/// What the value of a term says about its only symbol.
enum Solution {
    Whole(i64),
    /// No integer gives the value.
    Impossible,
    /// The symbol is known already, or the term is not affine in it.
    Unknown,
}

fn solve(term: &Term, symbols: &FxHashMap<&str, (i64, &Term)>, value: i64) -> Solution {
    match term.program.symbols() {
        [symbol] if !symbols.contains_key(symbol.as_str()) => {
            solve_affine(&term.program, value).unwrap_or(Solution::Unknown)
        }
        _ => Solution::Unknown,
    }
}

fn solve_affine(program: &Program, value: i64) -> Option<Solution> {
    // Away from 0 and 1, where functions such as `Max` bend.
    const BASE: i64 = 1 << 20;
    let at = |symbol: i64| match program.run(&[Number::Int(symbol)]) {
        Ok(Number::Int(value)) => Some(value),
        _ => None,
    };
    let (low, middle, high) = (at(BASE)?, at(BASE + 1)?, at(BASE + 2)?);
    let slope = middle.checked_sub(low)?;
    if high.checked_sub(middle)? != slope {
        return None;
    }
    let distance = value.checked_sub(low)?;
    let solution = distance.checked_div(slope)?.checked_add(BASE)?;
    if at(solution)? == value {
        return Some(Solution::Whole(solution));
    }
    (distance.checked_rem(slope)? != 0).then_some(Solution::Impossible)
}

/// The number at a place; none where the input has no such thing.
fn read(place: &Place, inputs: &[Value]) -> Option<Number> {
    let at = |dims: &[i64], dim: i64| {
        let index = if dim < 0 {
            i64::try_from(dims.len()).ok()?.checked_add(dim)?
        } else {
            dim
        };
        dims.get(usize::try_from(index).ok()?)
            .copied()
            .map(Number::Int)
    };
    match (inputs.get(place.input)?, place.property) {
        (Value::Int(value), Property::Value) => Some(Number::Int(*value)),
        (Value::Float(value), Property::Value) => Some(Number::Float(*value)),
        (Value::Bool(value), Property::Value) => Some(Number::Bool(*value)),
        (Value::Tensor(tensor), property) => {
            let info = TensorInfo::of(tensor);
            match property {
                Property::Size(dim) => at(&info.sizes, dim),
                Property::Stride(dim) => at(&info.strides?, dim),
                Property::StorageOffset => Some(Number::Int(info.storage_offset)),
                Property::Rank => i64::try_from(info.sizes.len()).ok().map(Number::Int),
                Property::Value => None,
            }
        }
        _ => None,
    }
}

impl Check {
    fn run(&self, value: &Value) -> Result<Value> {
        match (&self.expected, value) {
            (Expected::Tensor { dtype, sizes }, Value::Tensor(tensor)) => {
                self.check_tensor(dtype.as_deref(), sizes.as_deref(), &TensorInfo::of(tensor))?;
                Ok(value.clone())
            }
            (Expected::Constant(expected), Value::None) => Ok(expected.get()),
            (Expected::Constant(expected), _) => self.check_constant(&expected.get(), value),
            (Expected::Int(expected), Value::Int(found)) => match expected {
                Some(expected) if expected != found => Err(error(
                    code::INPUT_RANGE,
                    format!(
                        "{} is {found}, the program was exported for {expected}",
                        self.path
                    ),
                )),
                _ => Ok(value.clone()),
            },
            (Expected::Float, Value::Float(_))
            | (Expected::Bool, Value::Bool(_))
            | (Expected::Str, Value::Str(_)) => Ok(value.clone()),
            (Expected::Float, Value::Int(number)) => Ok(Value::Float(*number as f64)),
            (Expected::Int(_), Value::Bool(value)) => Ok(Value::Int((*value).into())),
            (Expected::Any, _) => Ok(value.clone()),
            (expected, _) => Err(self.wrong_kind(expected.kind(), value)),
        }
    }

    fn wrong_kind(&self, expected: &str, found: &Value) -> Box<Diagnostic> {
        let found = found.kind().name();
        error(
            code::INPUT_KIND,
            format!("{}: expected {expected}, found {found}", self.path),
        )
    }

    fn check_tensor(
        &self,
        dtype: Option<&str>,
        sizes: Option<&[Size]>,
        info: &TensorInfo,
    ) -> Result<()> {
        let path = &self.path;
        let found = info
            .dtype
            .map_or("another dtype", |dtype| dtype.torch_name());
        if let Some(expected) = dtype.filter(|expected| *expected != found) {
            return Err(error(
                code::INPUT_KIND,
                format!("{path}: expected a tensor of {expected}, found {found}"),
            ));
        }
        let Some(sizes) = sizes else { return Ok(()) };
        if sizes.len() != info.sizes.len() {
            let (expected, found) = (sizes.len(), info.sizes.len());
            let what = format!(
                "{path}: expected {expected} dimensions, found {found}: sizes {:?}",
                info.sizes
            );
            return Err(error(code::INPUT_SIZE, what));
        }
        for (dim, (expected, found)) in sizes.iter().zip(&info.sizes).enumerate() {
            match expected {
                Size::Static(expected) if expected != found => {
                    let what = format!(
                        "{path}.shape[{dim}] is {found}, the program was exported for {expected}"
                    );
                    return Err(error(code::INPUT_SIZE, what));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A constant of the signature may be left out (as `None`) or given with the value it was exported with.
    fn check_constant(&self, expected: &Value, found: &Value) -> Result<Value> {
        let same = match (expected, found) {
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Value::Float(a), Value::Int(b)) => *a == *b as f64,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Str(a), Value::Str(b)) => a == b,
            _ => false,
        };
        if same {
            return Ok(expected.clone());
        }
        let path = &self.path;
        let (expected, found) = (plain(expected), plain(found));
        Err(error(
            code::INPUT_RANGE,
            format!("{path} is {found}, the program was exported for {expected}"),
        ))
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
        Value::Str(value) => format!("`{value}`"),
        other => other.kind().name().to_owned(),
    }
}

impl Expected {
    fn kind(&self) -> &'static str {
        match self {
            Self::Tensor { .. } => "a tensor",
            Self::Int(_) => "an int",
            Self::Float => "a float",
            Self::Bool => "a bool",
            Self::Str => "a string",
            Self::Constant(_) | Self::Any => "any value",
        }
    }
}

//! Arguments: expressions of Python as constants and values.

use expc_dialects::{Argument, Constant, Diagnostic, ScalarType, constant::DYNAMIC, table::Type};
use melior::ir::Value;
use rustc_hash::FxHashMap;

use super::ast::{CallArg, Expr, ExprKind};
use crate::frontend::pt2::arguments::dict;

/// What a name of the code stands for.
#[derive(Clone)]
pub enum Binding<'c, 'a> {
    Value(Value<'c, 'a>),
    /// A list of results.
    List(Vec<Value<'c, 'a>>),
    /// A graph, by its symbol.
    Graph(String),
    /// A value of Python, of an input that is no value of the graph.
    Constant(Constant),
}

/// The names of a function.
pub type Scope<'t, 'c, 'a> = FxHashMap<&'t str, Binding<'c, 'a>>;

type Fault = Diagnostic;

/// The layouts and memory formats, which look alike in Python: `torch.strided`, `torch.channels_last`.
const LAYOUTS: [&str; 7] = [
    "strided",
    "sparse_coo",
    "sparse_csr",
    "sparse_csc",
    "sparse_bsr",
    "sparse_bsc",
    "_mkldnn",
];
const MEMORY_FORMATS: [&str; 4] = [
    "contiguous_format",
    "preserve_format",
    "channels_last",
    "channels_last_3d",
];

/// An argument that the schema, where there is one, gives a type.
///
/// # Errors
/// A name that is not defined (E0173), or an expression that is no argument (E0175).
pub fn argument<'c, 'a>(
    expr: &Expr<'_>,
    ty: Option<&Type<'_>>,
    scope: &Scope<'_, 'c, 'a>,
) -> Result<Argument<'c, 'a>, Fault> {
    match &expr.kind {
        ExprKind::Path(path) => match scope.get(path) {
            Some(Binding::Value(value)) => Ok(Argument::Value(*value)),
            Some(Binding::List(values)) => Ok(values.clone().into()),
            Some(Binding::Graph(symbol)) => Ok(Constant::Graph(symbol.clone()).into()),
            Some(Binding::Constant(constant)) => Ok(constant.clone().into()),
            None => named(path)
                .map(Argument::Constant)
                .ok_or_else(|| undefined(expr, path)),
        },
        ExprKind::List(elements) | ExprKind::Tuple(elements) => {
            let element = element_type(ty);
            let elements = elements
                .iter()
                .map(|value| argument(value, element, scope))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(list(elements, element))
        }
        ExprKind::Dict(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| match &key.kind {
                    ExprKind::Str(key) => Ok((key.clone(), argument(value, None, scope)?)),
                    _ => Err(key.position.error("E0175", "expected a string as a key")),
                })
                .collect::<Result<Vec<_>, _>>()?;
            Ok(dict(entries))
        }
        _ => constant(expr).map(Argument::Constant),
    }
}

/// A constant without names in it.
///
/// # Errors
/// As [`argument`].
pub fn constant(expr: &Expr<'_>) -> Result<Constant, Fault> {
    let unfit = || expr.position.error("E0175", "this is no argument of an op");
    match &expr.kind {
        ExprKind::Path(path) => named(path).ok_or_else(|| undefined(expr, path)),
        ExprKind::Str(text) => Ok(Constant::Str(text.clone())),
        ExprKind::Call { callee, args } => match callee.as_path() {
            Some("device" | "torch.device") => device(args).ok_or_else(|| {
                expr.position.error(
                    "E0175",
                    "expected a device as in `device(type='cuda', index=0)`",
                )
            }),
            _ => Err(unfit()),
        },
        ExprKind::Number(_) | ExprKind::Unary(..) | ExprKind::Binary(..) => {
            number(expr).and_then(Number::constant).ok_or_else(|| {
                expr.position
                    .error("E0175", "expected a number that fits 64 bits")
            })
        }
        _ => Err(unfit()),
    }
}

fn undefined(expr: &Expr<'_>, name: &str) -> Fault {
    expr.position
        .error("E0173", format!("`{name}` is not defined before this line"))
}

/// What Python and torch have names for.
fn named(path: &str) -> Option<Constant> {
    Some(match path {
        "None" => Constant::None,
        "True" => Constant::Bool(true),
        "False" => Constant::Bool(false),
        "inf" => Constant::Float(f64::INFINITY),
        "nan" => Constant::Float(f64::NAN),
        "infj" => Constant::Complex(0.0, f64::INFINITY),
        "nanj" => Constant::Complex(0.0, f64::NAN),
        _ => {
            let name = path.strip_prefix("torch.")?;
            if name.starts_with("ops.") {
                Constant::Operator(path.to_owned())
            } else if LAYOUTS.contains(&name) {
                Constant::Layout(name.to_owned())
            } else if MEMORY_FORMATS.contains(&name) {
                Constant::MemoryFormat(name.to_owned())
            } else {
                Constant::Dtype(ScalarType::from_torch_name(name)?)
            }
        }
    })
}

/// `type` and `index`, by position or by keyword.
fn device(args: &[CallArg<'_>]) -> Option<Constant> {
    let (mut kind, mut index) = (None, None);
    for (position, arg) in args.iter().enumerate() {
        match (arg.keyword, position, &arg.value.kind) {
            (Some("type"), _, ExprKind::Str(text)) | (None, 0, ExprKind::Str(text)) => {
                kind = Some(text);
            }
            (Some("index"), ..) | (None, 1, _) => match constant(&arg.value).ok()? {
                Constant::Int(number) => index = Some(number),
                Constant::None => {}
                _ => return None,
            },
            _ => return None,
        }
    }
    Some(Constant::Device(match index {
        Some(index) => format!("{}:{index}", kind?),
        None => kind?.clone(),
    }))
}

/// The type of the elements of a list type.
fn element_type<'t, 's>(ty: Option<&'t Type<'s>>) -> Option<&'t Type<'s>> {
    match ty?.without_optional() {
        Type::List(element, _) => Some(element),
        _ => None,
    }
}

/// A list in the form that the dialect has for its elements.
fn list<'c, 'a>(elements: Vec<Argument<'c, 'a>>, element: Option<&Type<'_>>) -> Argument<'c, 'a> {
    let constants: Option<Vec<&Constant>> = elements.iter().map(Argument::as_constant).collect();
    let Some(constants) = constants else {
        return Argument::List(elements);
    };
    if constants.is_empty() {
        return Argument::Constant(match element.map(Type::without_optional) {
            Some(Type::Int) => Constant::Ints(Vec::new()),
            Some(Type::Float) => Constant::Floats(Vec::new()),
            Some(Type::Bool) => Constant::Bools(Vec::new()),
            _ => Constant::List(Vec::new()),
        });
    }
    let ints = constants.iter().map(|constant| match constant {
        Constant::Int(value) if *value != DYNAMIC => Some(*value),
        _ => None,
    });
    if let Some(ints) = ints.collect() {
        return Argument::Constant(Constant::Ints(ints));
    }
    let floats = constants.iter().map(|constant| match constant {
        Constant::Float(value) => Some(*value),
        _ => None,
    });
    if let Some(floats) = floats.collect() {
        return Argument::Constant(Constant::Floats(floats));
    }
    let bools = constants.iter().map(|constant| match constant {
        Constant::Bool(value) => Some(*value),
        _ => None,
    });
    Argument::Constant(match bools.collect() {
        Some(bools) => Constant::Bools(bools),
        None => Constant::List(constants.into_iter().cloned().collect()),
    })
}

/// A number while its signs and parts are put together.
#[derive(Clone, Copy)]
enum Number {
    Int(i128),
    Float(f64),
    Imaginary(f64),
    Complex(f64, f64),
}

impl Number {
    fn negated(self) -> Self {
        match self {
            Self::Int(value) => Self::Int(-value),
            Self::Float(value) => Self::Float(-value),
            Self::Imaginary(value) => Self::Imaginary(-value),
            Self::Complex(re, im) => Self::Complex(-re, -im),
        }
    }

    fn constant(self) -> Option<Constant> {
        Some(match self {
            Self::Int(value) => Constant::Int(i64::try_from(value).ok()?),
            Self::Float(value) => Constant::Float(value),
            Self::Imaginary(value) => Constant::Complex(0.0, value),
            Self::Complex(re, im) => Constant::Complex(re, im),
        })
    }
}

/// A number with its signs, or the sum that a complex number prints as.
fn number(expr: &Expr<'_>) -> Option<Number> {
    match &expr.kind {
        ExprKind::Number(text) => literal(text),
        ExprKind::Path("inf") => Some(Number::Float(f64::INFINITY)),
        ExprKind::Path("nan") => Some(Number::Float(f64::NAN)),
        ExprKind::Path("infj") => Some(Number::Imaginary(f64::INFINITY)),
        ExprKind::Path("nanj") => Some(Number::Imaginary(f64::NAN)),
        ExprKind::Unary("-", inner) => number(inner).map(Number::negated),
        ExprKind::Unary("+", inner) => number(inner),
        ExprKind::Binary(sign @ ("+" | "-"), left, right) => {
            let re = real(left)?;
            match number(right)? {
                Number::Imaginary(im) if *sign == "-" => Some(Number::Complex(re, -im)),
                Number::Imaginary(im) => Some(Number::Complex(re, im)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The real part of a complex number; a whole one is printed without a point, and its sign counts even then.
fn real(expr: &Expr<'_>) -> Option<f64> {
    match &expr.kind {
        ExprKind::Unary("-", inner) => real(inner).map(|value| -value),
        ExprKind::Number(text) => text.parse().ok(),
        _ => match number(expr)? {
            Number::Float(value) => Some(value),
            _ => None,
        },
    }
}

fn literal(text: &str) -> Option<Number> {
    if let Some(text) = text.strip_suffix('j') {
        return text.parse().ok().map(Number::Imaginary);
    }
    if text.bytes().all(|c| c.is_ascii_digit()) {
        return text.parse().ok().map(Number::Int);
    }
    text.parse().ok().map(Number::Float)
}

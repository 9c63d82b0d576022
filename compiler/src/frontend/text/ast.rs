//! The syntax tree of a printed program. It borrows from the text.

use expc_dialects::Diagnostic;

/// A line and a column, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    /// An error at this place.
    pub fn error(self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(code, message);
        diagnostic.place.line_column = Some((self.line, self.column));
        diagnostic
    }
}

/// The whole text.
pub struct Text<'t> {
    pub root: Class<'t>,
    /// None in the text of a graph module alone.
    pub signature: Option<SignatureText<'t>>,
    pub ranges: Vec<RangeText<'t>>,
}

/// `class name(torch.nn.Module)` and what is in it.
pub struct Class<'t> {
    pub name: &'t str,
    pub position: Position,
    pub parameters: Vec<Parameter<'t>>,
    pub statements: Vec<Statement<'t>>,
    pub returned: Expr<'t>,
    /// In the order of the text.
    pub children: Vec<Class<'t>>,
}

/// An input of `forward`.
pub struct Parameter<'t> {
    pub name: &'t str,
    pub annotation: Option<Annotation>,
    pub position: Position,
}

/// What stands in quotes behind a name.
pub struct Annotation {
    pub text: String,
    pub position: Position,
}

/// `name: "annotation" = value`.
pub struct Statement<'t> {
    pub name: &'t str,
    pub annotation: Option<Annotation>,
    pub value: Expr<'t>,
    /// The comment above it or above an earlier statement of its group, without `#`.
    pub comment: Option<&'t str>,
    pub position: Position,
}

/// An expression and where it stands.
pub struct Expr<'t> {
    pub position: Position,
    pub kind: ExprKind<'t>,
}

pub enum ExprKind<'t> {
    /// A name with its dots: `x`, `torch.float32`, `None`.
    Path(&'t str),
    /// A number without its sign.
    Number(&'t str),
    Str(String),
    List(Vec<Expr<'t>>),
    Tuple(Vec<Expr<'t>>),
    Dict(Vec<(Expr<'t>, Expr<'t>)>),
    Call {
        callee: Box<Expr<'t>>,
        args: Vec<CallArg<'t>>,
    },
    Index(Box<Expr<'t>>, Box<Expr<'t>>),
    Attribute(Box<Expr<'t>>, &'t str),
    Unary(&'t str, Box<Expr<'t>>),
    Binary(&'t str, Box<Expr<'t>>, Box<Expr<'t>>),
    /// `<InputKind.BUFFER: 3>`, with its brackets.
    Opaque(&'t str),
}

/// An argument of a call.
pub struct CallArg<'t> {
    pub keyword: Option<&'t str>,
    pub value: Expr<'t>,
}

impl<'t> Expr<'t> {
    /// The path, if it is one.
    pub fn as_path(&self) -> Option<&'t str> {
        match self.kind {
            ExprKind::Path(path) => Some(path),
            _ => None,
        }
    }

    /// The elements of a list or tuple.
    pub fn elements(&self) -> Option<&[Expr<'t>]> {
        match &self.kind {
            ExprKind::List(elements) | ExprKind::Tuple(elements) => Some(elements),
            _ => None,
        }
    }

    /// Calls a function with every path in the expression, callees left out.
    pub fn visit_paths(&self, visitor: &mut dyn FnMut(&'t str)) {
        match &self.kind {
            ExprKind::Path(path) => visitor(path),
            ExprKind::Number(_) | ExprKind::Str(_) | ExprKind::Opaque(_) => {}
            ExprKind::List(elements) | ExprKind::Tuple(elements) => {
                elements
                    .iter()
                    .for_each(|element| element.visit_paths(visitor));
            }
            ExprKind::Dict(entries) => {
                for (key, value) in entries {
                    key.visit_paths(visitor);
                    value.visit_paths(visitor);
                }
            }
            ExprKind::Call { args, .. } => {
                args.iter().for_each(|arg| arg.value.visit_paths(visitor));
            }
            ExprKind::Attribute(inner, _) | ExprKind::Unary(_, inner) => inner.visit_paths(visitor),
            ExprKind::Index(left, right) | ExprKind::Binary(_, left, right) => {
                left.visit_paths(visitor);
                right.visit_paths(visitor);
            }
        }
    }
}

/// The inputs and outputs that the signature lists.
pub struct SignatureText<'t> {
    pub position: Position,
    pub inputs: Vec<SpecText<'t>>,
    pub outputs: Vec<SpecText<'t>>,
}

/// A line of the signature.
pub struct SpecText<'t> {
    pub position: Position,
    /// `USER_INPUT`.
    pub kind: &'t str,
    pub target: Option<String>,
    pub persistent: Option<bool>,
    /// Whether the text says that it is a constant; only the one-line signature of PyTorch up to 2.7 does.
    pub constant: Option<Expr<'t>>,
}

/// `s0: VR[2, 64]`.
pub struct RangeText<'t> {
    pub position: Position,
    pub expression: &'t str,
    pub min: &'t str,
    pub max: &'t str,
}

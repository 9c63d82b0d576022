//! What a line of code computes: which op its expression calls, with which arguments.

use std::sync::LazyLock;

use expc_dialects::{
    Diagnostic,
    table::{self, OpDef},
};
use rustc_hash::FxHashMap;

use super::ast::{CallArg, Expr, ExprKind};
use crate::frontend::pt2::lower::operation_name;

/// The right side of an assignment.
pub enum Action<'e, 't> {
    /// A call of an op, by its name in the IR.
    Call {
        op: String,
        args: Vec<(Option<&'t str>, &'e Expr<'t>)>,
    },
    /// `self.true_graph_0`.
    Attribute(String),
    /// `split[1]`.
    Item(&'t str),
    /// Another name of a value.
    Alias(&'t str),
}

/// Functions by the operator that they print as, `{} + {}`, and by the name that printed code has for them,
/// `math_trunc`.
static FORMATS: LazyLock<FxHashMap<&'static str, &'static OpDef>> = LazyLock::new(|| {
    table::sym_all()
        .filter_map(|def| Some((def.columns.format?, def)))
        .collect()
});
static GLOBALS: LazyLock<FxHashMap<String, &'static OpDef>> = LazyLock::new(|| {
    table::sym_all()
        .filter_map(|def| Some((def.columns.python?.replace('.', "_"), def)))
        .collect()
});

/// Most results that the code may take out of one call.
pub const MAX_RESULTS: usize = 1 << 16;

/// Reads the right side of an assignment.
///
/// # Errors
/// It has none of the forms that printed code has (E0179), or calls what is not known (E0141 to E0143).
pub fn action<'e, 't>(expr: &'e Expr<'t>) -> Result<Action<'e, 't>, Diagnostic> {
    let position = expr.position;
    let by_format = |format: String, operands: Vec<&'e Expr<'t>>| {
        let def = FORMATS
            .get(format.as_str())
            .ok_or_else(|| position.error("E0179", format!("there is no op for `{format}`")))?;
        Ok(Action::Call {
            op: def.name.to_owned(),
            args: operands
                .into_iter()
                .map(|operand| (None, operand))
                .collect(),
        })
    };
    match &expr.kind {
        ExprKind::Binary(operator, left, right) => {
            by_format(format!("{{}} {operator} {{}}"), vec![left, right])
        }
        ExprKind::Unary(operator, operand) => by_format(format!("{operator}{{}}"), vec![operand]),
        ExprKind::Index(source, index) => match (source.as_path(), &index.kind) {
            (Some(source), ExprKind::Number(number)) => match number.parse::<usize>() {
                Ok(index) if index < MAX_RESULTS => Ok(Action::Item(source)),
                _ => Err(position.error(
                    "E0179",
                    format!("expected an index below {MAX_RESULTS}, found {number}"),
                )),
            },
            _ => Err(position.error("E0179", "expected an index as in `split[0]`")),
        },
        ExprKind::Call { callee, args } => call(expr, callee, args),
        ExprKind::Path(_) | ExprKind::Attribute(..) => {
            let path = attribute_path(expr)
                .ok_or_else(|| position.error("E0179", "this is no value that a node can have"))?;
            match (path.strip_prefix("self."), expr.as_path()) {
                (Some(path), _) => Ok(Action::Attribute(path.to_owned())),
                (None, Some(name)) => Ok(Action::Alias(name)),
                (None, None) => Err(position.error("E0179", "expected an attribute of `self`")),
            }
        }
        _ => Err(position.error("E0179", "this is no value that a node can have")),
    }
}

fn call<'e, 't>(
    expr: &'e Expr<'t>,
    callee: &'e Expr<'t>,
    args: &'e [CallArg<'t>],
) -> Result<Action<'e, 't>, Diagnostic> {
    let Some(path) = callee.as_path() else {
        return Err(callee.position.error("E0179", "expected the name of an op"));
    };
    if path == "getattr" {
        let path = attribute_path(expr);
        let path = path.as_deref().and_then(|path| path.strip_prefix("self."));
        let path = path.ok_or_else(|| {
            expr.position
                .error("E0179", "expected an attribute of `self`")
        })?;
        return Ok(Action::Attribute(path.to_owned()));
    }
    let op = match path.starts_with("torch.") {
        true => operation_name(path),
        false => global(path).map_or_else(|| operation_name(path), |def| Ok(def.name.to_owned())),
    };
    let op = op.map_err(|mut fault| {
        fault.place.line_column = Some((callee.position.line, callee.position.column));
        fault
    })?;
    Ok(Action::Call {
        op,
        args: args.iter().map(|arg| (arg.keyword, &arg.value)).collect(),
    })
}

/// The function that printed code calls by a name of its own: `math_trunc`, or `math_trunc_1` where a value is
/// called `math_trunc`.
fn global(name: &str) -> Option<&'static OpDef> {
    if let Some(def) = GLOBALS.get(name) {
        return Some(def);
    }
    let (base, number) = name.rsplit_once('_')?;
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| GLOBALS.get(base).copied()).flatten()
}

/// The path of `self.a.b`, parts of which may be asked for by `getattr`.
fn attribute_path(expr: &Expr<'_>) -> Option<String> {
    match &expr.kind {
        ExprKind::Path(path) => Some((*path).to_owned()),
        ExprKind::Attribute(object, name) => Some(format!("{}.{name}", attribute_path(object)?)),
        ExprKind::Call { callee, args } if callee.as_path() == Some("getattr") => {
            match args.as_slice() {
                [object, name] => match &name.value.kind {
                    ExprKind::Str(name) => {
                        Some(format!("{}.{name}", attribute_path(&object.value)?))
                    }
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    }
}

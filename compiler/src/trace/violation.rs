//! Sizes that turned out not to be what their specs say, and the specs that would do.

use std::{collections::BTreeMap, fmt::Write as _};

use expc_symbolic::{Expr, Kind, Relation};

use super::{
    dim::{Dim, DimKind},
    guards::{Guard, Shapes, at},
    lower::code,
};
use crate::Diagnostic;

/// A size of an input of which a spec says something.
#[derive(Clone, Debug)]
pub struct Dimension {
    pub dim: Dim,
    /// `L['x'].size()[0]`.
    pub source: String,
    /// The symbol of its root.
    pub symbol: Expr,
    /// What the size is.
    pub expr: Expr,
}

impl Dimension {
    /// The bounds that the program shows: of a named dimension its own, unless a draft narrowed them; of others what
    /// was found.
    pub fn printed_range(&self, shapes: &Shapes) -> (Option<i64>, Option<i64>) {
        let (min, max) = shapes.range(&self.symbol.to_string());
        let declared = self.dim.min.unwrap_or(0);
        let min_of_root = min.filter(|min| *min > declared.max(2)).unwrap_or(declared);
        match &self.dim.kind {
            DimKind::Named(_) => (Some(min_of_root), max),
            DimKind::Derived { factor, offset, .. } => {
                let scaled = |bound: i64| bound.saturating_mul(*factor).saturating_add(*offset);
                (Some(scaled(min_of_root)), max.map(scaled))
            }
            _ => (min, max),
        }
    }
}

/// Refuses an example that its spec does not allow.
pub fn check_example(source: &str, size: i64, dim: &Dim) -> Result<(), Diagnostic> {
    let fault = |what: String| Diagnostic::error(code::CONSTRAINT, what);
    if matches!(dim.kind, DimKind::Dynamic | DimKind::Named(_)) && size < 2 {
        let what = format!(
            "`{source}` is {size} in the example, but the spec says that it is dynamic: `{dim}`"
        );
        return Err(fault(what)
            .note("a size of 0 or 1 is taken for a constant: programs are not the same for it and for other sizes, because 1 broadcasts and 0 has no elements")
            .help(format!("trace with an example of 2 or more, or say `Dim::STATIC` or `Dim::AUTO` of `{source}`")));
    }
    if matches!(dim.kind, DimKind::Derived { .. } | DimKind::Static) {
        return Ok(());
    }
    let is_small = dim.min.is_some_and(|min| size < min);
    let is_great = dim.max.is_some_and(|max| size > max);
    if is_small || is_great {
        return Err(fault(format!(
            "`{source}` is {size} in the example, but `{dim}` is {}",
            bounds_text(dim)
        )));
    }
    Ok(())
}

/// The size of the root that an example gives.
pub fn root_of_example(
    source: &str,
    size: i64,
    dim: &Dim,
    factor: i64,
    offset: i64,
) -> Result<i64, Diagnostic> {
    let scaled = size.saturating_sub(offset);
    let fits = factor != 0 && scaled.rem_euclid(factor) == 0;
    match fits.then(|| scaled / factor) {
        Some(root) if root >= 0 => Ok(root),
        _ => Err(Diagnostic::error(
            code::CONSTRAINT,
            format!("`{source}` is {size} in the example, which is not of the form `{dim}`"),
        )),
    }
}

fn bounds_text(dim: &Dim) -> String {
    match (dim.min, dim.max) {
        (Some(min), Some(max)) => format!("between {min} and {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "any size".to_owned(),
    }
}

/// Everything in which the program is narrower than its specs.
pub fn violations(shapes: &Shapes, dimensions: &[Dimension]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut seen: BTreeMap<String, &Dimension> = BTreeMap::new();
    let mut roots: Vec<String> = Vec::new();
    for dimension in dimensions {
        let symbol = dimension.symbol.to_string();
        if dimension.dim.is_lenient() || roots.contains(&symbol) {
            continue;
        }
        roots.push(symbol.clone());
        match shapes.replacement(&symbol) {
            Some(value) if value.as_int().is_some() => {
                found.push(specialized(shapes, dimension, &value));
            }
            Some(value) => {
                let others = value.free_symbols();
                let other = others.iter().find_map(|other| seen.get(other.name()));
                found.push(related(shapes, dimension, &value, other.copied()));
            }
            None => found.extend(narrowed(shapes, dimension)),
        }
        seen.insert(symbol, dimension);
    }
    found
}

/// The guards on a symbol, as they were before anything replaced it.
fn guards_on<'g>(shapes: &'g Shapes, symbol: &str) -> impl Iterator<Item = &'g Guard> {
    let symbol = symbol.to_owned();
    shapes.guards.iter().filter(move |guard| {
        let symbols = guard.expr.free_symbols();
        symbols.iter().any(|found| found.name() == symbol)
    })
}

/// Says where a guard comes from.
fn explained(shapes: &Shapes, mut fault: Diagnostic, dimension: &Dimension) -> Diagnostic {
    let symbol = dimension.symbol.to_string();
    for guard in guards_on(shapes, &symbol) {
        if fault.place.file.is_none()
            && let Some(place) = guard.place
        {
            fault = at(fault, place);
        }
        let text = with_sources(shapes, &guard.expr);
        fault = fault.note(format!(
            "the guard `{text}` was added{}",
            guard.place_text()
        ));
    }
    fault
}

/// A condition with what its symbols stand for.
fn with_sources(shapes: &Shapes, expr: &Expr) -> String {
    let sources = shapes
        .symbols
        .iter()
        .map(|symbol| (symbol.name.clone(), symbol.source.clone()))
        .collect();
    match super::python::text(expr, &sources) {
        text if text.is_empty() => expr.to_string(),
        text => text,
    }
}

fn specialized(shapes: &Shapes, dimension: &Dimension, value: &Expr) -> Diagnostic {
    let (dim, source) = (&dimension.dim, &dimension.source);
    let fault = Diagnostic::error(
        code::CONSTRAINT,
        format!("`{source}` can only be {value}, but the spec says that it is dynamic: `{dim}`"),
    );
    explained(shapes, fault, dimension).help(format!(
        "say `Dim::STATIC` or `Dim::AUTO` of `{source}`, or do not depend on its value"
    ))
}

fn related(
    shapes: &Shapes,
    dimension: &Dimension,
    value: &Expr,
    other: Option<&Dimension>,
) -> Diagnostic {
    let (dim, source) = (&dimension.dim, &dimension.source);
    let relation = with_sources(shapes, value);
    let fault = Diagnostic::error(
        code::CONSTRAINT,
        format!(
            "`{source}` must be equal to `{relation}`, but the spec says that it is independent: `{dim}`"
        ),
    );
    let help = match other {
        Some(other) => {
            let name = other.symbol.to_string();
            let spec = value.to_string().replace(&name, &other.dim.to_string());
            format!(
                "say `{spec}` of `{source}`, where `{}` is the dimension of `{}`",
                other.dim, other.source
            )
        }
        None => format!("say `Dim::AUTO` of `{source}`"),
    };
    explained(shapes, fault, dimension).help(help)
}

/// The program holds for fewer sizes than the spec allows.
fn narrowed(shapes: &Shapes, dimension: &Dimension) -> Option<Diagnostic> {
    let symbol = dimension.symbol.to_string();
    let (min, max) = shapes.range(&symbol);
    let allowed_min = dimension.dim.min.unwrap_or(0).max(2);
    let too_small = min.is_some_and(|min| min > allowed_min);
    let too_great = max.is_some() && max != dimension.dim.max;
    let other = guards_on(shapes, &symbol).find(|guard| is_condition(guard));
    if matches!(dimension.dim.kind, DimKind::Dynamic) && other.is_none() {
        // Bounds that were found are those of a dimension without a name.
        return None;
    }
    if !too_small && !too_great && other.is_none() {
        return None;
    }
    let (dim, source) = (&dimension.dim, &dimension.source);
    let fault = Diagnostic::error(
        code::CONSTRAINT,
        format!("not all sizes that `{dim}` allows satisfy what the program assumes of `{source}`"),
    );
    let suggestion = match other {
        Some(guard) => suggested_multiple(dimension, guard)
            .unwrap_or_else(|| format!("say `Dim::AUTO` of `{source}`")),
        None => {
            let min = min.filter(|min| *min > 2 || dimension.dim.min.is_some());
            suggested_bounds(&dim.to_string(), min, max)
        }
    };
    Some(explained(shapes, fault, dimension).help(suggestion))
}

/// The spec of a named size that would do.
pub fn suggested_bounds(name: &str, min: Option<i64>, max: Option<i64>) -> String {
    let mut spec = format!("Dim::new(\"{name}\")");
    // Writing to a string cannot fail.
    if let Some(min) = min {
        let _ = write!(spec, ".min({min})");
    }
    if let Some(max) = max {
        let _ = write!(spec, ".max({max})");
    }
    format!("suggested: `{spec}`")
}

/// Whether a guard says more than a range can: a divisibility, for one.
fn is_condition(guard: &Guard) -> bool {
    match guard.expr.kind() {
        Kind::Relation(Relation::Ne, ..) => false,
        Kind::Relation(_, left, right) => {
            let is_nonlinear = |expr: &Expr| matches!(expr.kind(), Kind::Call(..));
            guard.expr.free_symbols().len() == 1 && (is_nonlinear(left) || is_nonlinear(right))
        }
        _ => false,
    }
}

/// `4*_batch` where a size must be a multiple of 4.
fn suggested_multiple(dimension: &Dimension, guard: &Guard) -> Option<String> {
    use expc_symbolic::Func;
    let Kind::Relation(Relation::Eq, left, right) = guard.expr.kind() else {
        return None;
    };
    let Kind::Call(Func::Mod | Func::PythonMod, args) = left.kind() else {
        return None;
    };
    let [_, divisor] = args.as_slice() else {
        return None;
    };
    let divisor = divisor.as_int()?;
    let name = match &dimension.dim.kind {
        DimKind::Named(name) => name.clone(),
        _ => "d".to_owned(),
    };
    (right.as_int() == Some(0)).then(|| format!("suggested: `{divisor} * Dim::new(\"_{name}\")`"))
}

/// What a draft took for granted.
pub fn assumption(guard: &Guard) -> Diagnostic {
    let warning = Diagnostic::warning(
        code::DATA_DEPENDENT,
        format!("assumed that `{}`, which depends on data", guard.expr),
    )
    .help("say what is known of the number with `check`, or keep both branches in the program with `cond`");
    match guard.place {
        Some(place) => at(warning, place),
        None => warning,
    }
}

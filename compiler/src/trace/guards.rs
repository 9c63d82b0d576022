//! What is assumed of sizes while a program is traced: symbols with their values and ranges, and the guards that
//! questions about them leave behind.
//!
//! A question that the ranges answer costs nothing. One that they leave open is answered with the sizes that the trace
//! runs at, and the answer becomes a guard: it narrows a range, replaces a symbol, or is kept as a condition. A
//! question about a number that only data decide has no answer.

use std::{collections::BTreeMap, panic::Location};

use expc_dialects::Diagnostic;
use expc_passes::shape::{Decision, Item, ShapeEnv, Size};
use expc_symbolic::{Expr, Kind, Relation, Value, ValueRange, bound, eval, statically};

use super::lower::code;
use crate::meta_device::MetaDevice;

static META: MetaDevice = MetaDevice;

/// A symbol that stands for a size of an input, or for an input that is a number.
#[derive(Clone, Debug)]
pub struct SizeSymbol {
    pub name: String,
    /// The size of the sample.
    pub hint: i64,
    /// How Python reaches it: `L['x'].size()[0]`.
    pub source: String,
}

/// A condition under which the program is what was traced.
#[derive(Clone, Debug)]
pub struct Guard {
    /// It holds.
    pub expr: Expr,
    /// The line of Rust that asked.
    pub place: Option<&'static Location<'static>>,
    /// The op whose result depends on it; none if the program asked.
    pub op: Option<String>,
}

impl Guard {
    /// The line that asked, for messages.
    pub fn place_text(&self) -> String {
        let place = self.place.map_or_else(String::new, |place| {
            format!(" at {}:{}", place.file(), place.line())
        });
        let op = self
            .op
            .as_deref()
            .map_or_else(String::new, |op| format!(" by `{op}`"));
        format!("{op}{place}")
    }
}

/// A condition on numbers that data decide, asserted when the program runs.
#[derive(Clone, Debug)]
pub struct Check {
    pub expr: Expr,
}

/// All that is assumed of sizes.
pub struct Shapes {
    pub env: ShapeEnv<'static>,
    pub symbols: Vec<SizeSymbol>,
    pub guards: Vec<Guard>,
    pub checks: Vec<Check>,
    /// Symbols that turned out to be something else.
    replaced: BTreeMap<String, Expr>,
    /// Data-dependent questions are answered with no, and written down.
    pub is_draft: bool,
    pub assumed: Vec<Guard>,
}

impl Shapes {
    pub fn new() -> Self {
        Self {
            env: ShapeEnv::new().with_meta(&META).recording_decisions(),
            symbols: Vec::new(),
            guards: Vec::new(),
            checks: Vec::new(),
            replaced: BTreeMap::new(),
            is_draft: false,
            assumed: Vec::new(),
        }
    }

    /// A new symbol: `s0`, `s1`, …
    pub fn symbol(
        &mut self,
        hint: i64,
        source: String,
        min: Option<i64>,
        max: Option<i64>,
    ) -> Expr {
        let name = format!("s{}", self.symbols.len());
        self.env.set_hint(&name, hint);
        self.env.set_range(&name, min, max);
        let symbol = Expr::torch_symbol(&name);
        self.symbols.push(SizeSymbol { name, hint, source });
        symbol
    }

    /// The expression in the symbols that are left.
    pub fn resolve(&self, expr: &Expr) -> Expr {
        if self.replaced.is_empty() {
            return expr.clone();
        }
        let mut resolved = expr.clone();
        // A replacement can name a symbol that was replaced since; there is no cycle, as each one removes a symbol.
        for _ in 0..=self.replaced.len() {
            match resolved.substitute(&self.replaced) {
                Ok(next) if next != resolved => resolved = next,
                _ => break,
            }
        }
        resolved
    }

    /// What a symbol was found to be, if it was.
    pub fn replacement(&self, symbol: &str) -> Option<Expr> {
        self.replaced.get(symbol).map(|expr| self.resolve(expr))
    }

    /// Whether a condition holds, which becomes a guard if only the sizes of the samples tell.
    ///
    /// # Errors
    /// Only data decide.
    pub fn decide(
        &mut self,
        expr: &Expr,
        place: Option<&'static Location<'static>>,
    ) -> Result<bool, Diagnostic> {
        let expr = self.resolve(expr);
        if let Some(known) = self.known(&expr) {
            return Ok(known);
        }
        let Some(holds) = self.hinted(&expr) else {
            let guard = Guard {
                expr: negated(&expr),
                place,
                op: None,
            };
            if self.is_draft {
                self.assumed.push(guard);
                return Ok(false);
            }
            return Err(data_dependent(&expr, place));
        };
        let expr = if holds { expr } else { negated(&expr) };
        self.assume(Guard {
            expr,
            place,
            op: None,
        });
        Ok(holds)
    }

    /// What ranges and checks tell of a condition.
    pub fn known(&self, expr: &Expr) -> Option<bool> {
        let is = |wanted: &Expr| self.checks.iter().any(|check| check.expr == *wanted);
        expr.as_bool()
            .or_else(|| statically(expr, self.env.ranges()))
            .or_else(|| is(expr).then_some(true))
            .or_else(|| is(&negated(expr)).then_some(false))
    }

    /// A condition at the sizes of the samples.
    fn hinted(&self, expr: &Expr) -> Option<bool> {
        match eval(expr, &|name| self.hint(name)).ok()? {
            Value::Bool(holds) => Some(holds),
            Value::Int(value) => Some(value != 0),
            Value::Float(_) => None,
        }
    }

    fn hint(&self, name: &str) -> Option<Value> {
        let symbol = self.symbols.iter().find(|symbol| symbol.name == name)?;
        Some(Value::Int(symbol.hint))
    }

    /// The value of an expression at the sizes of the samples.
    pub fn value(&self, expr: &Expr) -> Option<i64> {
        match eval(expr, &|name| self.hint(name)).ok()? {
            Value::Int(value) => Some(value),
            Value::Float(_) | Value::Bool(_) => None,
        }
    }

    /// Turns what inference took from the sizes of the samples into guards.
    pub fn assume_decisions(&mut self, op: &str, place: Option<&'static Location<'static>>) {
        for decision in self.env.take_decisions() {
            let Decision {
                relation,
                left,
                right,
                holds,
            } = decision;
            let relation = if holds { relation } else { relation.negated() };
            let (left, right) = (self.resolved_size(&left), self.resolved_size(&right));
            let Ok(expr) = Expr::relation(relation, &left, &right) else {
                continue;
            };
            // That two sizes differ is what the general case goes on with; only 0 and 1 are cases of their own.
            let is_special = |size: &Expr| matches!(size.as_int(), Some(0 | 1));
            if relation == Relation::Ne && !is_special(&left) && !is_special(&right) {
                continue;
            }
            if self.known(&expr).is_none() {
                self.assume(Guard {
                    expr,
                    place,
                    op: Some(op.to_owned()),
                });
            }
        }
    }

    /// Bounds the sizes of results that data decide: none is negative, and inference may know a greatest one.
    pub fn bound_sizes(&mut self, results: &[Item]) {
        for (symbol, max) in self.env.take_bounds() {
            self.intersect(&symbol, Some(0), max.map(i128::from));
        }
        for result in results {
            match result {
                Item::List(elements) => self.bound_sizes(elements),
                Item::Tensor(tensor) => {
                    for size in &tensor.sizes {
                        self.bound_size(size);
                    }
                }
                _ => {}
            }
        }
    }

    fn bound_size(&mut self, size: &Size) {
        if let Size::Expr(expr) = size
            && let Some(symbol) = expr.as_symbol()
            && symbol.name().starts_with('u')
        {
            self.intersect(symbol.name(), Some(0), None);
        }
    }

    fn resolved_size(&self, size: &Size) -> Expr {
        self.resolve(&size.to_expr())
    }

    /// Takes a condition for granted: one that data decide is asserted when the program runs.
    pub fn check(&mut self, expr: &Expr) {
        let expr = self.resolve(expr);
        if self.known(&expr) == Some(true) {
            return;
        }
        self.narrow(&expr);
        self.propagate(&expr);
        self.checks.push(Check { expr });
    }

    fn assume(&mut self, guard: Guard) {
        let expr = guard.expr.clone();
        let is_of_op = guard.op.is_some();
        self.guards.push(guard);
        if let Kind::Relation(Relation::Eq, left, right) = expr.kind()
            && let Ok(difference) = left.sub(right)
            && let Some((symbol, value)) = solve(&difference)
        {
            self.replaced.insert(symbol.clone(), value.clone());
            if let Some(value) = value.as_int().and_then(|value| i64::try_from(value).ok()) {
                self.env.set_range(&symbol, Some(value), Some(value));
            }
            return;
        }
        // Ops ask whether sizes are equal to find the general case, which does not make another value a limit.
        if !(is_of_op && matches!(expr.kind(), Kind::Relation(Relation::Ne, ..))) {
            self.narrow(&expr);
        }
    }

    /// Narrows the range of the only symbol of a condition.
    fn narrow(&mut self, expr: &Expr) {
        if let Kind::Call(expc_symbolic::Func::And, args) = expr.kind() {
            for arg in args {
                self.narrow(arg);
            }
            return;
        }
        let Kind::Relation(relation, left, right) = expr.kind() else {
            return;
        };
        let Some((symbol, factor, constant)) = left
            .sub(right)
            .ok()
            .and_then(|difference| single(&difference))
        else {
            return;
        };
        // factor * symbol + constant REL 0
        let relation = if factor < 0 {
            relation.reversed()
        } else {
            *relation
        };
        let floor = (-constant).div_euclid(factor);
        let is_exact = constant.rem_euclid(factor) == 0;
        let exact_floor = if factor < 0 && !is_exact {
            floor - 1
        } else {
            floor
        };
        let (lower, upper) = match relation {
            Relation::Eq if is_exact => (Some(floor), Some(floor)),
            Relation::Eq | Relation::Ne => return self.exclude(expr, &symbol, floor, is_exact),
            Relation::Gt => (Some(exact_floor + 1), None),
            Relation::Ge => (
                Some(if is_exact {
                    exact_floor
                } else {
                    exact_floor + 1
                }),
                None,
            ),
            Relation::Lt => (
                None,
                Some(if is_exact {
                    exact_floor - 1
                } else {
                    exact_floor
                }),
            ),
            Relation::Le => (None, Some(exact_floor)),
        };
        self.intersect(&symbol, lower, upper);
    }

    /// Narrows the ranges of several symbols: in `a*s + rest = 0` the range of `rest` bounds `s`.
    fn propagate(&mut self, expr: &Expr) {
        let Kind::Relation(relation, left, right) = expr.kind() else {
            return;
        };
        let Some(difference) = left.sub(right).ok() else {
            return;
        };
        let Some((factors, _)) = linear(&difference) else {
            return;
        };
        for (symbol, factor) in factors.iter().filter(|(_, factor)| factor.abs() == 1) {
            let own = Expr::mul([Expr::int(*factor), Expr::torch_symbol(symbol)]);
            let Some(rest) = own.and_then(|own| difference.sub(&own)).ok() else {
                continue;
            };
            // `factor * symbol REL -rest`
            let Some(value) = Expr::mul([Expr::int(-*factor), rest]).ok() else {
                continue;
            };
            let (min, max) = bounds(&bound(&value, self.env.ranges()));
            let relation = if *factor < 0 {
                relation.reversed()
            } else {
                *relation
            };
            let (min, max) = (min.map(i128::from), max.map(i128::from));
            match relation {
                Relation::Eq => self.intersect(symbol, min, max),
                Relation::Ge => self.intersect(symbol, min, None),
                Relation::Gt => self.intersect(symbol, min.map(|min| min + 1), None),
                Relation::Le => self.intersect(symbol, None, max),
                Relation::Lt => self.intersect(symbol, None, max.map(|max| max - 1)),
                Relation::Ne => {}
            }
        }
    }

    /// A value that a symbol does not have narrows its range if it is a bound.
    fn exclude(&mut self, expr: &Expr, symbol: &str, value: i128, is_exact: bool) {
        let is_ne = matches!(expr.kind(), Kind::Relation(Relation::Ne, ..));
        if !is_ne || !is_exact {
            return;
        }
        let (min, max) = self.range(symbol);
        if min.map(i128::from) == Some(value) {
            self.intersect(symbol, Some(value + 1), None);
        } else if max.map(i128::from) == Some(value) {
            self.intersect(symbol, None, Some(value - 1));
        }
    }

    fn intersect(&mut self, symbol: &str, lower: Option<i128>, upper: Option<i128>) {
        let found = self
            .env
            .ranges()
            .range(&expc_symbolic::Symbol::torch(symbol));
        let narrowed = ValueRange::ints(lower, upper).and_then(|range| found.intersect(&range));
        if let Some(narrowed) = narrowed {
            let (min, max) = bounds(&narrowed);
            self.env.set_range(symbol, min, max);
        }
    }

    /// The bounds of a symbol.
    pub fn range(&self, symbol: &str) -> (Option<i64>, Option<i64>) {
        bounds(
            &self
                .env
                .ranges()
                .range(&expc_symbolic::Symbol::torch(symbol)),
        )
    }
}

/// The integer bounds of a range; none where it is open.
fn bounds(range: &ValueRange) -> (Option<i64>, Option<i64>) {
    let bound = |number: expc_symbolic::Number| {
        let value = Expr::number(number).as_int()?;
        i64::try_from(value).ok()
    };
    (bound(range.lower()), bound(range.upper()))
}

/// The condition that holds where this one does not.
pub fn negated(expr: &Expr) -> Expr {
    if let Kind::Relation(relation, left, right) = expr.kind()
        && let Ok(negated) = Expr::relation(relation.negated(), left, right)
    {
        return negated;
    }
    Expr::call(expc_symbolic::Func::Not, vec![expr.clone()]).unwrap_or_else(|_| expr.clone())
}

/// An integer expression as a sum of multiples of symbols and a number; none if it is none.
fn linear(expr: &Expr) -> Option<(BTreeMap<String, i128>, i128)> {
    let expanded = expr.expand().ok()?;
    let terms: Vec<Expr> = match expanded.kind() {
        Kind::Add(terms) => terms.clone(),
        _ => vec![expanded.clone()],
    };
    let mut factors = BTreeMap::new();
    let mut constant = 0_i128;
    for term in terms {
        match term.kind() {
            Kind::Number(_) => constant = constant.checked_add(term.as_int()?)?,
            Kind::Symbol(symbol) => {
                factors.insert(symbol.name().to_owned(), 1);
            }
            Kind::Mul(parts) => match parts.as_slice() {
                [factor, symbol] => {
                    let name = symbol.as_symbol()?.name().to_owned();
                    factors.insert(name, factor.as_int()?);
                }
                _ => return None,
            },
            _ => return None,
        }
    }
    Some((factors, constant))
}

/// Symbol, factor and constant of `factor * symbol + constant`.
fn single(expr: &Expr) -> Option<(String, i128, i128)> {
    let (factors, constant) = linear(expr)?;
    let mut factors = factors.into_iter();
    let (symbol, factor) = factors.next()?;
    (factors.next().is_none() && factor != 0).then_some((symbol, factor, constant))
}

/// The symbol made last that an expression equal to zero determines, and what it is.
fn solve(zero: &Expr) -> Option<(String, Expr)> {
    if let Some((symbol, factor, constant)) = single(zero) {
        let is_exact = constant.checked_rem(factor)? == 0;
        return is_exact.then(|| (symbol, Expr::int(-constant / factor)));
    }
    let (factors, _) = linear(zero)?;
    let age = |name: &str| name.get(1..).and_then(|digits| digits.parse::<u64>().ok());
    let candidates = factors.iter().filter(|(_, factor)| factor.abs() == 1);
    let (symbol, factor) = candidates.max_by_key(|(name, _)| age(name))?;
    let rest = zero
        .sub(&Expr::mul([Expr::int(*factor), Expr::torch_symbol(symbol)]).ok()?)
        .ok()?;
    let value = Expr::mul([Expr::int(-factor), rest]).ok()?;
    Some((symbol.clone(), value.expand().ok()?))
}

/// A question that has no answer before the program runs.
fn data_dependent(expr: &Expr, place: Option<&'static Location<'static>>) -> Diagnostic {
    let fault = Diagnostic::error(
        code::DATA_DEPENDENT,
        format!("`{expr}` depends on data, so tracing cannot take a branch on it"),
    )
    .note("the symbols that begin with `u` or `z` are numbers that were read out of tensors")
    .help(
        "say what is known of the number with `check`, or keep both branches in the program with `cond`",
    );
    match place {
        Some(place) => at(fault, place),
        None => fault,
    }
}

/// The diagnostic at a line of Rust.
pub fn at(mut fault: Diagnostic, place: &Location<'_>) -> Diagnostic {
    let line = usize::try_from(place.line()).ok();
    let column = usize::try_from(place.column()).ok();
    fault.place.file = Some(place.file().to_owned());
    fault.place.line_column = line.zip(column);
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes() -> (Shapes, Expr, Expr) {
        let mut shapes = Shapes::new();
        let x = shapes.symbol(4, "L['x'].size()[0]".to_owned(), Some(2), None);
        let y = shapes.symbol(8, "L['y'].size()[0]".to_owned(), Some(2), None);
        (shapes, x, y)
    }

    fn relation(text: &str) -> Expr {
        Expr::parse(text).expect("an expression")
    }

    #[test]
    fn what_ranges_answer_leaves_no_guard() {
        let (mut shapes, ..) = shapes();
        assert_eq!(shapes.decide(&relation("s0 > 1"), None), Ok(true));
        assert!(shapes.guards.is_empty());
    }

    #[test]
    fn an_answer_from_the_sample_narrows_the_range() {
        let (mut shapes, ..) = shapes();
        assert_eq!(shapes.decide(&relation("s0 > 3"), None), Ok(true));
        assert_eq!(shapes.range("s0"), (Some(4), None));
        assert_eq!(shapes.decide(&relation("2*s0 >= 21"), None), Ok(false));
        assert_eq!(shapes.range("s0"), (Some(4), Some(10)));
        assert_eq!(shapes.decide(&relation("3 - s0 < -3"), None), Ok(false));
        assert_eq!(shapes.range("s0"), (Some(4), Some(6)));
        assert_eq!(shapes.guards.len(), 3);
    }

    #[test]
    fn equal_sizes_become_one_symbol() {
        let (mut shapes, x, y) = shapes();
        assert_eq!(shapes.decide(&relation("Eq(2*s0, s1)"), None), Ok(true));
        assert_eq!(shapes.resolve(&y).to_string(), "2*s0");
        assert_eq!(shapes.decide(&relation("Eq(s0, 4)"), None), Ok(true));
        assert_eq!(shapes.resolve(&x).to_string(), "4");
        assert_eq!(shapes.resolve(&y).to_string(), "8");
    }

    #[test]
    fn data_have_no_answer_but_a_check() {
        let (mut shapes, ..) = shapes();
        let expr = relation("u0 > 3");
        let fault = shapes.decide(&expr, None).expect_err("no answer");
        assert_eq!(fault.code, code::DATA_DEPENDENT);
        shapes.check(&relation("u0 > 5"));
        assert_eq!(shapes.decide(&expr, None), Ok(true));
        assert_eq!(shapes.range("u0"), (Some(6), None));
    }
}

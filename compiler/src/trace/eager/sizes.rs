//! Integers that change with the sizes of the inputs, as expressions over the symbols of these sizes.
//!
//! Code of tch computes with plain integers, so a trace has numbers where a program needs expressions. The same code
//! traced at several sizes gives each integer as a row of numbers, and a [`Solver`] looks for the expression that has
//! these values: sizes that shape inference found come first, then what code computes from them — sums, products and
//! floor divisions.

use expc_passes::shape::Size;
use expc_symbolic::{Expr, Func, Value, eval};
use rustc_hash::FxHashMap;

/// Up to which divisor floor divisions are looked for.
const MAX_DIVISOR: i64 = 64;

/// How many expressions are combined with each other.
const MAX_PAIRED: usize = 48;

/// An expression with its value in each trace.
#[derive(Clone, Debug)]
struct Candidate {
    expr: Expr,
    values: Vec<i64>,
}

/// A float that changes with the sizes: a size or its square root, times a number or below one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ratio {
    pub size: Expr,
    pub is_root: bool,
    pub scale: Scale,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    One,
    Times(f64),
    /// That number divided by it.
    Over(f64),
}

/// How far from each other floats may lie that the same arithmetic gave in another order.
const FLOAT_TOLERANCE: f64 = 1e-14;

/// Finds expressions by their values.
#[derive(Debug, Default)]
pub(super) struct Solver {
    n_traces: usize,
    symbols: FxHashMap<String, Vec<i64>>,
    /// What integers are built from: the symbols, then sizes of values in the order of the program.
    candidates: Vec<Candidate>,
    by_values: FxHashMap<Vec<i64>, Expr>,
}

impl Solver {
    /// A solver for rows of `n_traces` numbers.
    pub fn new(n_traces: usize) -> Self {
        Self {
            n_traces,
            ..Self::default()
        }
    }

    pub fn n_traces(&self) -> usize {
        self.n_traces
    }

    /// Adds a symbol with its value in each trace.
    pub fn symbol(&mut self, name: &str, values: Vec<i64>) {
        self.symbols.insert(name.to_owned(), values.clone());
        self.offer(&Expr::torch_symbol(name), values);
    }

    /// Whether the symbol has values.
    pub fn knows(&self, symbol: &str) -> bool {
        self.symbols.contains_key(symbol)
    }

    /// Adds a size of a value, for integers to be built from.
    pub fn offer(&mut self, expr: &Expr, values: Vec<i64>) {
        if self.by_values.contains_key(&values) || is_constant(&values) {
            return;
        }
        self.by_values.insert(values.clone(), expr.clone());
        self.candidates.push(Candidate {
            expr: expr.clone(),
            values,
        });
    }

    /// The values of an expression in all traces; none if it has a symbol without values or is no integer.
    pub fn values(&self, expr: &Expr) -> Option<Vec<i64>> {
        let of_trace = |trace: usize| {
            let lookup = |name: &str| {
                let values = self.symbols.get(name)?;
                Some(Value::Int(*values.get(trace)?))
            };
            match eval(expr, &lookup).ok()? {
                Value::Int(value) => Some(value),
                Value::Float(_) | Value::Bool(_) => None,
            }
        };
        (0..self.n_traces).map(of_trace).collect()
    }

    /// Whether a size has these values.
    pub fn fits(&self, size: &Size, values: &[i64]) -> bool {
        match size {
            Size::Int(value) => values.iter().all(|other| other == value),
            Size::Expr(expr) => self.values(expr).is_some_and(|found| found == values),
        }
    }

    /// The integer that has these values; none if nothing that code would compute has them.
    pub fn solve(&mut self, values: &[i64]) -> Option<Size> {
        let first = *values.first()?;
        if is_constant(values) {
            return Some(Size::Int(first));
        }
        let expr = match self.by_values.get(values) {
            Some(expr) => expr.clone(),
            None => self.search(values)?,
        };
        self.by_values.insert(values.to_vec(), expr.clone());
        Some(Size::Expr(expr))
    }

    /// The float that has these values.
    pub fn solve_float(&mut self, values: &[f64]) -> Option<Ratio> {
        let whole: Option<Vec<i64>> = values.iter().map(|value| as_integer(*value)).collect();
        if let Some(Size::Expr(size)) = whole.and_then(|whole| self.solve(&whole)) {
            return Some(Ratio {
                size,
                is_root: false,
                scale: Scale::One,
            });
        }
        [false, true].into_iter().find_map(|is_root| {
            self.candidates.iter().find_map(|candidate| {
                let sizes = candidate.values.iter().map(|size| match is_root {
                    true => (*size as f64).sqrt(),
                    false => *size as f64,
                });
                let pairs = || sizes.clone().zip(values);
                let times = same(pairs().map(|(size, value)| value / size));
                let over = || same(pairs().map(|(size, value)| value * size));
                let times = times.map(|factor| match factor {
                    1.0 => Scale::One,
                    factor => Scale::Times(factor),
                });
                let scale = times.or_else(|| over().map(Scale::Over))?;
                Some(Ratio {
                    size: candidate.expr.clone(),
                    is_root,
                    scale,
                })
            })
        })
    }

    fn search(&self, values: &[i64]) -> Option<Expr> {
        self.affine_of_one(values)
            .or_else(|| self.affine_of_symbols(values))
            .or_else(|| self.product(values))
            .or_else(|| self.quotient(values))
            .or_else(|| self.divided(values))
            .or_else(|| self.remainder(values))
            .filter(|expr| self.values(expr).is_some_and(|found| found == values))
    }

    /// `a*e + b`
    fn affine_of_one(&self, values: &[i64]) -> Option<Expr> {
        self.candidates.iter().find_map(|candidate| {
            let (a, b) = line(&candidate.values, values)?;
            affine(a, &candidate.expr, b)
        })
    }

    /// `a*s + b*t + … + c` over the symbols, each of which changes alone in some trace.
    fn affine_of_symbols(&self, values: &[i64]) -> Option<Expr> {
        let base = *values.first()?;
        let symbols: Vec<_> = self
            .symbols
            .iter()
            .filter(|(_, of_symbol)| !is_constant(of_symbol))
            .collect();
        let mut rest = base;
        let mut terms = Vec::new();
        for (name, of_symbol) in &symbols {
            let origin = *of_symbol.first()?;
            let alone = (1..self.n_traces).find(|trace| {
                symbols.iter().all(|(other, values)| {
                    let changes = values.get(*trace) != values.first();
                    changes == (other == name)
                })
            })?;
            let step = of_symbol.get(alone)?.checked_sub(origin)?;
            let a = exact(values.get(alone)?.checked_sub(base)?, step)?;
            rest = rest.checked_sub(a.checked_mul(origin)?)?;
            let symbol = Expr::torch_symbol(name);
            terms.push(Expr::mul([Expr::int(i128::from(a)), symbol]).ok()?);
        }
        terms.push(Expr::int(i128::from(rest)));
        let sum = Expr::add(terms).ok();
        sum.filter(|sum| self.values(sum).is_some_and(|found| found == values))
    }

    fn paired(&self) -> impl Iterator<Item = (&Candidate, &Candidate)> {
        let some = self.candidates.iter().take(MAX_PAIRED);
        some.enumerate().flat_map(|(position, left)| {
            let others = self.candidates.iter().take(position + 1);
            others.map(move |right| (left, right))
        })
    }

    /// `a*e*f + b`
    fn product(&self, values: &[i64]) -> Option<Expr> {
        self.paired().find_map(|(left, right)| {
            let factors = left.values.iter().zip(&right.values);
            let products: Option<Vec<i64>> = factors
                .map(|(left, right)| left.checked_mul(*right))
                .collect();
            let (a, b) = line(&products?, values)?;
            affine(
                a,
                &Expr::mul([left.expr.clone(), right.expr.clone()]).ok()?,
                b,
            )
        })
    }

    /// `e // f`, without a rest
    fn quotient(&self, values: &[i64]) -> Option<Expr> {
        let some = || self.candidates.iter().take(MAX_PAIRED);
        some().find_map(|top| {
            some().find_map(|bottom| {
                let mut pairs = top.values.iter().zip(&bottom.values).zip(values);
                let is_quotient = |((top, bottom), value): ((&i64, &i64), &i64)| {
                    exact(*top, *bottom) == Some(*value)
                };
                let fits = pairs.all(is_quotient);
                fits.then(|| floor_div(top.expr.clone(), bottom.expr.clone()))?
            })
        })
    }

    /// `(a*e + b) // c`
    fn divided(&self, values: &[i64]) -> Option<Expr> {
        self.candidates.iter().find_map(|candidate| {
            let (low, high) = extremes(&candidate.values, values)?;
            let rise = high.1.checked_sub(low.1)?;
            let run = high.0.checked_sub(low.0)?;
            (2..=MAX_DIVISOR).find_map(|c| {
                let near = rise.checked_mul(c)?.div_euclid(run);
                [near, near + 1, near - 1]
                    .into_iter()
                    .filter(|a| *a != 0)
                    .find_map(|a| {
                        let b = shift(a, c, &candidate.values, values)?;
                        let top = affine(a, &candidate.expr, b)?;
                        floor_div(top, Expr::int(i128::from(c)))
                    })
            })
        })
    }

    /// `(a*e + b) % c`, as code pads to multiples
    fn remainder(&self, values: &[i64]) -> Option<Expr> {
        let first = *values.first()?;
        let least = values.iter().max()?.checked_add(1)?.max(2);
        (least..=MAX_DIVISOR).find_map(|c| {
            self.candidates.iter().find_map(|candidate| {
                let origin = *candidate.values.first()?;
                [1, -1].into_iter().find_map(|a: i64| {
                    let b = first.checked_sub(a.checked_mul(origin)?)?.rem_euclid(c);
                    let fits = |(x, value): (&i64, &i64)| {
                        let top = a.checked_mul(*x).and_then(|top| top.checked_add(b));
                        top.is_some_and(|top| top.rem_euclid(c) == *value)
                    };
                    let fits = candidate.values.iter().zip(values).all(fits);
                    let top = fits.then(|| affine(a, &candidate.expr, b))??;
                    Expr::call(Func::PythonMod, vec![top, Expr::int(i128::from(c))]).ok()
                })
            })
        })
    }
}

/// The integer that a float is.
fn as_integer(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (value.fract() == 0.0 && value.abs() < EXACT).then_some(value as i64)
}

/// The number that all of these are.
fn same(mut values: impl Iterator<Item = f64>) -> Option<f64> {
    let first = values.next()?;
    let is_same = |value: f64| (value - first).abs() <= FLOAT_TOLERANCE * first.abs();
    (first.is_finite() && values.all(is_same)).then_some(first)
}

/// The integers `a` and `b` for which an expression of this symbol alone is `a*symbol + b`.
pub(super) fn line_of(expr: &Expr, symbol: &str) -> Option<(i64, i64)> {
    let points = [2_i64, 3, 7, 12];
    let value = |point: &i64| {
        let lookup = |name: &str| (name == symbol).then_some(Value::Int(*point));
        match eval(expr, &lookup).ok()? {
            Value::Int(value) => Some(value),
            Value::Float(_) | Value::Bool(_) => None,
        }
    };
    let values: Option<Vec<i64>> = points.iter().map(value).collect();
    line(&points, &values?)
}

fn is_constant(values: &[i64]) -> bool {
    values.windows(2).all(|pair| pair.first() == pair.last())
}

/// `top / bottom` where that leaves no rest.
fn exact(top: i64, bottom: i64) -> Option<i64> {
    (top.checked_rem(bottom)? == 0).then(|| top.checked_div(bottom))?
}

/// The integers `a` and `b` for which `a*x + b` has these values; `a` is not zero.
fn line(x: &[i64], values: &[i64]) -> Option<(i64, i64)> {
    let (low, high) = extremes(x, values)?;
    let a = exact(high.1.checked_sub(low.1)?, high.0.checked_sub(low.0)?)?;
    let b = low.1.checked_sub(a.checked_mul(low.0)?)?;
    let fits = |(x, value): (&i64, &i64)| {
        a.checked_mul(*x).and_then(|product| product.checked_add(b)) == Some(*value)
    };
    (a != 0 && x.iter().zip(values).all(fits)).then_some((a, b))
}

/// The points with the smallest and the largest `x`; none if they are equal.
fn extremes(x: &[i64], values: &[i64]) -> Option<((i64, i64), (i64, i64))> {
    let points = || x.iter().copied().zip(values.iter().copied());
    let low = points().min_by_key(|(x, _)| *x)?;
    let high = points().max_by_key(|(x, _)| *x)?;
    (low.0 != high.0).then_some((low, high))
}

/// The `b` for which `(a*x + b) // c` has these values: zero or `c - 1` where these will do, otherwise the smallest.
fn shift(a: i64, c: i64, x: &[i64], values: &[i64]) -> Option<i64> {
    let (mut low, mut high) = (i64::MIN, i64::MAX);
    for (x, value) in x.iter().zip(values) {
        let least = value.checked_mul(c)?.checked_sub(a.checked_mul(*x)?)?;
        low = low.max(least);
        high = high.min(least.checked_add(c - 1)?);
    }
    let usual = [0, c - 1];
    let usual = usual.into_iter().find(|b| (low..=high).contains(b));
    usual.or((low <= high).then_some(low))
}

fn affine(a: i64, expr: &Expr, b: i64) -> Option<Expr> {
    let product = Expr::mul([Expr::int(i128::from(a)), expr.clone()]).ok()?;
    Expr::add([product, Expr::int(i128::from(b))]).ok()
}

fn floor_div(top: Expr, bottom: Expr) -> Option<Expr> {
    Expr::call(Func::FloorDiv, vec![top, bottom]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solver() -> Solver {
        let mut solver = Solver::new(5);
        solver.symbol("s0", vec![2, 3, 5, 2, 7]);
        solver.symbol("s1", vec![9, 9, 9, 11, 14]);
        solver
    }

    #[track_caller]
    fn check(values: [i64; 5], expected: &str) {
        let found = solver().solve(&values).map(|size| size.to_string());
        assert_eq!(found.as_deref(), Some(expected));
    }

    #[test]
    fn sums_products_and_quotients_are_found() {
        check([4, 4, 4, 4, 4], "4");
        check([2, 3, 5, 2, 7], "s0");
        check([7, 10, 16, 7, 22], "3*s0 + 1");
        check([11, 12, 14, 13, 21], "s0 + s1");
        check([18, 27, 45, 22, 98], "s0*s1");
        check([36, 54, 90, 44, 196], "2*s0*s1");
        check([4, 4, 4, 5, 7], "(s1//2)");
        check([5, 5, 5, 6, 7], "((s1 + 1)//2)");
        check([-2, -3, -5, -2, -7], "-s0");
        check([2, 0, 2, 2, 1], "PythonMod(s0, 3)");
        check([3, 3, 3, 1, 2], "PythonMod(-s1, 4)");
    }

    #[test]
    fn sizes_that_were_offered_are_used() {
        let mut solver = solver();
        let size = Expr::parse("((s1 - 3)//2) + 1").expect("an expression");
        let values = solver.values(&size).expect("values");
        assert_eq!(values, [4, 4, 4, 5, 6]);
        solver.offer(&size, values.clone());
        let product: Vec<i64> = values.iter().map(|value| value * 8).collect();
        let found = solver.solve(&product).map(|size| size.to_string());
        assert_eq!(found.as_deref(), Some("8*(((s1 - 3)//2)) + 8"));
    }

    #[test]
    fn floats_are_sizes_multiples_and_quotients() {
        let size = Expr::torch_symbol("s0");
        let sizes = [2.0, 3.0, 5.0, 2.0, 7.0];
        let mut solver = solver();
        let mut check = |values: [f64; 5], is_root, scale| {
            let size = size.clone();
            let expected = Ratio {
                size,
                is_root,
                scale,
            };
            assert_eq!(solver.solve_float(&values), Some(expected));
        };
        check(sizes, false, Scale::One);
        check(sizes.map(|size| 1.0 / size), false, Scale::Over(1.0));
        check(sizes.map(|size| size * 0.5), false, Scale::Times(0.5));
        check(sizes.map(f64::sqrt), true, Scale::One);
        check(sizes.map(|size| 3.0 / size.sqrt()), true, Scale::Over(3.0));
        assert_eq!(solver.solve_float(&sizes.map(f64::exp)), None);
    }

    #[test]
    fn a_size_tells_its_symbol() {
        let expr = Expr::parse("2*s0 + 1").expect("an expression");
        assert_eq!(line_of(&expr, "s0"), Some((2, 1)));
        let expr = Expr::parse("s0*s0").expect("an expression");
        assert_eq!(line_of(&expr, "s0"), None);
    }

    #[test]
    fn what_code_would_not_compute_is_not_found() {
        assert_eq!(solver().solve(&[1, 9, 4, 2, 100]), None);
    }
}

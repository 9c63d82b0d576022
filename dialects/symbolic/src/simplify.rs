//! Rewriting beyond the canonical form: expansion of products, and what the ranges of symbols decide.

use crate::bound::{bound, statically};
use crate::error::BuildError;
use crate::expr::{Built, Expr, Kind, MAX_NODES};
use crate::fold::merge_divisors;
use crate::func::{Func, Relation};
use crate::number::Number;
use crate::range::Env;

/// Most terms that an expansion may have.
const MAX_TERMS: usize = 4096;

type Rewritten = Result<Option<Expr>, BuildError>;

impl Expr {
    /// Multiplies out products and natural powers of sums: `x*(y + 1)` becomes `x*y + x`.
    pub fn expand(&self) -> Built {
        self.rewrite(&mut |expr| match expr.kind() {
            Kind::Mul(factors) => expand_product(factors).map(Some),
            Kind::Pow(base, exponent) => expand_power(base, exponent),
            _ => Ok(None),
        })
    }

    /// Uses the ranges of symbols to drop what they make superfluous: arguments of `Max` and `Min`, remainders and floor
    /// divisions, conditions and relations. The result has the same value for all symbols within their ranges.
    pub fn simplify_with_ranges(&self, env: &Env) -> Built {
        self.rewrite(&mut |expr| simplify_node(expr, env))
    }
}

fn expand_product(factors: &[Expr]) -> Built {
    let mut terms = vec![Expr::int(1)];
    for factor in factors {
        if terms.len().saturating_mul(factor.terms().len()) > MAX_TERMS {
            return Err(BuildError::TooLarge(MAX_NODES));
        }
        let mut products = Vec::with_capacity(terms.len() * factor.terms().len());
        for term in &terms {
            for part in factor.terms() {
                products.push(Expr::mul([term.clone(), part.clone()])?);
            }
        }
        terms = Expr::add(products)?.terms().to_vec();
    }
    Expr::add(terms)
}

fn expand_power(base: &Expr, exponent: &Expr) -> Rewritten {
    let (Kind::Add(_), Some(exponent)) = (base.kind(), exponent.as_int()) else {
        return Ok(None);
    };
    if exponent < 2 {
        return Ok(None);
    }
    let mut result = base.clone();
    for _ in 1..exponent {
        result = expand_product(&[result, base.clone()])?;
    }
    Ok(Some(result))
}

fn simplify_node(expr: &Expr, env: &Env) -> Rewritten {
    if expr.is_boolean() {
        return Ok(statically(expr, env).map(Expr::bool));
    }
    // x = c where the range of x holds nothing but the integer c
    let range = bound(expr, env);
    if let (Some(value @ Number::Int(_)), true) = (range.singleton(), range.is_int()) {
        return Ok(Some(Expr::number(value)));
    }
    match expr.kind() {
        Kind::Call(func @ (Func::Max | Func::Min), args) => drop_dominated(*func, args, env),
        Kind::Call(Func::Mod | Func::PythonMod, args) => match args.as_slice() {
            [p, q] => modulo(p, q, env),
            _ => Ok(None),
        },
        Kind::Call(Func::FloorDiv, args) => match args.as_slice() {
            [p, q] => floor_div(p, q, env),
            _ => Ok(None),
        },
        Kind::Call(Func::Abs, args) => match args.as_slice() {
            [x] => absolute(x, env),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

fn holds(relation: Relation, left: &Expr, right: &Expr, env: &Env) -> Result<bool, BuildError> {
    let relation = Expr::relation(relation, left, right)?;
    Ok(statically(&relation, env) == Some(true))
}

/// max(a, b) = a where a >= b, min(a, b) = a where a <= b
fn drop_dominated(func: Func, args: &[Expr], env: &Env) -> Rewritten {
    let relation = if func == Func::Max {
        Relation::Ge
    } else {
        Relation::Le
    };
    let mut kept: Vec<Expr> = Vec::with_capacity(args.len());
    for arg in args {
        let mut is_dominated = false;
        for other in &kept {
            is_dominated |= holds(relation, other, arg, env)?;
        }
        if is_dominated {
            continue;
        }
        let mut survivors = Vec::with_capacity(kept.len() + 1);
        for other in kept {
            if !holds(relation, arg, &other, env)? {
                survivors.push(other);
            }
        }
        survivors.push(arg.clone());
        kept = survivors;
    }
    if kept.len() == args.len() {
        return Ok(None);
    }
    Expr::call(func, kept).map(Some)
}

/// p % q = p where 0 <= p < q
fn modulo(p: &Expr, q: &Expr, env: &Env) -> Rewritten {
    let in_range = holds(Relation::Ge, p, &Expr::int(0), env)? && holds(Relation::Lt, p, q, env)?;
    Ok(in_range.then(|| p.clone()))
}

fn floor_div(p: &Expr, q: &Expr, env: &Env) -> Rewritten {
    if holds(Relation::Ge, q, &Expr::int(0), env)?
        && let Some(merged) = merge_divisors(p, q)?
    {
        return Ok(Some(merged));
    }
    let is_positive = holds(Relation::Gt, q, &Expr::int(0), env)?;
    if !is_positive {
        return Ok(None);
    }
    // p//q = 0 where 0 <= p < q
    if holds(Relation::Ge, p, &Expr::int(0), env)? && holds(Relation::Lt, p, q, env)? {
        return Ok(Some(Expr::int(0)));
    }
    // (q*k + r)//q = k + r//q for an integer k and q > 0
    let (mut quotients, mut rest) = (Vec::new(), Vec::new());
    for term in p.terms() {
        let quotient = term.div(q)?;
        if crate::assume::is_integer(&quotient) {
            quotients.push(quotient);
        } else {
            rest.push(term.clone());
        }
    }
    if quotients.is_empty() {
        return Ok(None);
    }
    let rest = Expr::call(Func::FloorDiv, vec![Expr::add(rest)?, q.clone()])?;
    quotients.push(match rest.kind() {
        Kind::Call(Func::FloorDiv, args) if args.len() == 2 => {
            simplify_node(&rest, env)?.unwrap_or(rest)
        }
        _ => rest,
    });
    Expr::add(quotients).map(Some)
}

/// |x| = x where x >= 0, |x| = -x where x <= 0
fn absolute(x: &Expr, env: &Env) -> Rewritten {
    if holds(Relation::Ge, x, &Expr::int(0), env)? {
        return Ok(Some(x.clone()));
    }
    if holds(Relation::Le, x, &Expr::int(0), env)? {
        return x.neg().map(Some);
    }
    Ok(None)
}

//! Integers of a program: sizes, strides, offsets and whatever is computed from them.
//!
//! A [`Size`] that is a number never touches an expression, so programs without symbols pay for none.

use std::fmt;

use expc_symbolic::{BuildError, Expr, Func};

use super::NoInference;

/// A number, or an expression that is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Size {
    Int(i64),
    Expr(Expr),
}

/// How integers are computed: constants can overflow.
pub type Computed = Result<Size, NoInference>;

impl Size {
    pub const ZERO: Size = Size::Int(0);
    pub const ONE: Size = Size::Int(1);

    /// The number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Expr(_) => None,
        }
    }

    /// The value as an expression.
    pub fn to_expr(&self) -> Expr {
        match self {
            Self::Int(value) => Expr::int(i128::from(*value)),
            Self::Expr(expr) => expr.clone(),
        }
    }

    /// A count of dimensions or elements.
    pub fn count(count: usize) -> Size {
        Size::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// `self + other`.
    pub fn add(&self, other: &Size) -> Computed {
        self.combine(other, i64::checked_add, |a, b| Expr::add([a, b]))
    }

    /// `self - other`.
    pub fn sub(&self, other: &Size) -> Computed {
        self.combine(other, i64::checked_sub, |a, b| a.sub(&b))
    }

    /// `self * other`.
    pub fn mul(&self, other: &Size) -> Computed {
        match (self, other) {
            (Self::Int(1), size) | (size, Self::Int(1)) => Ok(size.clone()),
            _ => self.combine(other, i64::checked_mul, |a, b| Expr::mul([a, b])),
        }
    }

    /// `self // other`, rounded down as in Python.
    pub fn floor_div(&self, other: &Size) -> Computed {
        if let (Self::Int(left), Self::Int(right)) = (self, other) {
            let rounded = left.checked_div(*right).map(|quotient| {
                let inexact = left % right != 0 && (left < &0) != (right < &0);
                quotient - i64::from(inexact)
            });
            return rounded
                .map(Size::Int)
                .ok_or_else(|| NoInference::new(format!("`{left} // {right}` has no value")));
        }
        self.call(Func::FloorDiv, other)
    }

    /// `self % other` for a positive divisor, not negative.
    pub fn modulo(&self, other: &Size) -> Computed {
        if let (Self::Int(left), Self::Int(right)) = (self, other) {
            return left
                .checked_rem_euclid(*right)
                .map(Size::Int)
                .ok_or_else(|| NoInference::new(format!("`{left} % {right}` has no value")));
        }
        self.call(Func::Mod, other)
    }

    /// The greater of the two.
    pub fn max(&self, other: &Size) -> Computed {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => Ok(Size::Int(*left.max(right))),
            _ => self.call(Func::Max, other),
        }
    }

    /// The lesser of the two.
    pub fn min(&self, other: &Size) -> Computed {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => Ok(Size::Int(*left.min(right))),
            _ => self.call(Func::Min, other),
        }
    }

    /// The product; 1 for none.
    pub fn product<'s>(sizes: impl IntoIterator<Item = &'s Size>) -> Computed {
        sizes
            .into_iter()
            .try_fold(Size::ONE, |product, size| product.mul(size))
    }

    /// The sum; 0 for none.
    pub fn sum<'s>(sizes: impl IntoIterator<Item = &'s Size>) -> Computed {
        sizes
            .into_iter()
            .try_fold(Size::ZERO, |sum, size| sum.add(size))
    }

    /// With products multiplied out, the form in which PyTorch records expressions.
    pub fn expanded(&self) -> Size {
        match self {
            Self::Int(_) => self.clone(),
            Self::Expr(expr) => expr.expand().map_or_else(|_| self.clone(), Size::from),
        }
    }

    fn call(&self, func: Func, other: &Size) -> Computed {
        Ok(Expr::call(func, vec![self.to_expr(), other.to_expr()])?.into())
    }

    fn combine(
        &self,
        other: &Size,
        ints: fn(i64, i64) -> Option<i64>,
        exprs: impl FnOnce(Expr, Expr) -> Result<Expr, BuildError>,
    ) -> Computed {
        if let (Self::Int(left), Self::Int(right)) = (self, other) {
            return ints(*left, *right)
                .map(Size::Int)
                .ok_or_else(|| NoInference::new(format!("{left} and {right} overflow 64 bits")));
        }
        Ok(exprs(self.to_expr(), other.to_expr())?.into())
    }
}

impl From<Expr> for Size {
    fn from(expr: Expr) -> Self {
        match expr.as_int().and_then(|value| i64::try_from(value).ok()) {
            Some(value) => Self::Int(value),
            None => Self::Expr(expr),
        }
    }
}

impl From<i64> for Size {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(formatter, "{value}"),
            Self::Expr(expr) => write!(formatter, "{expr}"),
        }
    }
}

/// `[2, s0]`.
pub fn list(sizes: &[Size]) -> String {
    let texts: Vec<String> = sizes.iter().map(Size::to_string).collect();
    format!("[{}]", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(name: &str) -> Size {
        Expr::torch_symbol(name).into()
    }

    #[test]
    fn numbers_stay_numbers() {
        assert_eq!(Size::Int(3).mul(&Size::Int(4)).unwrap(), Size::Int(12));
        assert_eq!(
            Size::Int(-7).floor_div(&Size::Int(2)).unwrap(),
            Size::Int(-4)
        );
        assert_eq!(
            Size::Int(7).floor_div(&Size::Int(-2)).unwrap(),
            Size::Int(-4)
        );
        assert_eq!(Size::Int(-1).modulo(&Size::Int(4)).unwrap(), Size::Int(3));
        let difference = symbol("s0").sub(&symbol("s0")).unwrap();
        assert_eq!(difference, Size::Int(0));
    }

    #[test]
    fn what_has_no_value_is_refused() {
        assert!(Size::Int(i64::MAX).mul(&Size::Int(2)).is_err());
        assert!(Size::Int(1).floor_div(&Size::ZERO).is_err());
        assert!(Size::Int(i64::MIN).floor_div(&Size::Int(-1)).is_err());
        assert!(symbol("s0").floor_div(&Size::ZERO).is_err());
    }

    #[test]
    fn products_are_multiplied_out() {
        let sum = symbol("s0").add(&Size::ONE).unwrap();
        let product = sum.mul(&symbol("s1")).unwrap();
        assert_eq!(product.expanded().to_string(), "s0*s1 + s1");
    }
}

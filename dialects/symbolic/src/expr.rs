//! The expression itself: an immutable tree behind a reference count.
//!
//! Equality, hashing and order are structural. An expression is canonical from its construction on: the constructors
//! here hand over to `canon.rs` (sums, products, powers), `logic.rs` (relations and connectives), `lattice.rs`
//! (maximum and minimum) and `fold.rs` (everything else), which evaluate what sympy and torch evaluate automatically.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

use crate::assume::Sign;
use crate::error::BuildError;
use crate::func::{Func, Relation};
use crate::number::Number;
use crate::{canon, fold, logic};

/// Deepest nesting of an expression; functions over expressions recurse no further than this.
pub const MAX_DEPTH: u32 = 100;
/// Most nodes of an expression, shared ones counted each time.
pub const MAX_NODES: u32 = 1 << 16;

/// An assumption about a symbol, by sympy's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assumption {
    Integer,
    Positive,
    Nonnegative,
    Negative,
    Nonpositive,
    Nonzero,
    Real,
    Finite,
    Rational,
    Even,
    Odd,
}

static ASSUMPTIONS: [(Assumption, &str); 11] = [
    (Assumption::Integer, "integer"),
    (Assumption::Positive, "positive"),
    (Assumption::Nonnegative, "nonnegative"),
    (Assumption::Negative, "negative"),
    (Assumption::Nonpositive, "nonpositive"),
    (Assumption::Nonzero, "nonzero"),
    (Assumption::Real, "real"),
    (Assumption::Finite, "finite"),
    (Assumption::Rational, "rational"),
    (Assumption::Even, "even"),
    (Assumption::Odd, "odd"),
];

impl Assumption {
    /// sympy's keyword.
    pub fn name(self) -> &'static str {
        ASSUMPTIONS[self as usize].1
    }

    /// The assumption of a keyword.
    pub fn by_name(name: &str) -> Option<Assumption> {
        ASSUMPTIONS
            .iter()
            .find(|row| row.1 == name)
            .map(|row| row.0)
    }
}

/// A symbol. Two symbols of one name are the same symbol, whatever is assumed of them.
#[derive(Clone, Debug)]
pub struct Symbol {
    name: Arc<str>,
    assumptions: Arc<[(Assumption, bool)]>,
}

impl Symbol {
    /// A symbol with assumptions in the order in which `srepr` prints them.
    pub fn new(name: &str, assumptions: &[(Assumption, bool)]) -> Symbol {
        Symbol {
            name: name.into(),
            assumptions: assumptions.into(),
        }
    }

    /// A symbol with the assumptions that torch gives to symbols of this name: `s` and a number is a positive integer
    /// (a size), `zf` and `zuf` a real number, every other name an integer.
    pub fn torch(name: &str) -> Symbol {
        let numbered = |prefix: &str| {
            name.strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        let assumptions: &[_] = if numbered("s") {
            &[(Assumption::Positive, true), (Assumption::Integer, true)]
        } else if numbered("zf") || numbered("zuf") {
            &[(Assumption::Real, true)]
        } else {
            &[(Assumption::Integer, true)]
        };
        Symbol::new(name, assumptions)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The assumptions, in order.
    pub fn assumptions(&self) -> &[(Assumption, bool)] {
        &self.assumptions
    }

    /// Whether the assumption is given and true.
    pub fn assumes(&self, assumption: Assumption) -> bool {
        self.assumptions.contains(&(assumption, true))
    }
}

impl PartialEq for Symbol {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for Symbol {}
impl Hash for Symbol {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Symbol {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(&other.name)
    }
}

/// What an expression is at its root.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Number(Number),
    Bool(bool),
    Symbol(Symbol),
    /// At least two terms, none a sum, at most one a number and that first.
    Add(Vec<Expr>),
    /// At least two factors, none a product, at most one a number and that first.
    Mul(Vec<Expr>),
    /// Base and exponent.
    Pow(Expr, Expr),
    Relation(Relation, Expr, Expr),
    /// A function of the table, with as many arguments as its row allows.
    Call(Func, Vec<Expr>),
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    hash: u64,
    depth: u32,
    nodes: u32,
    floats: u32,
    /// Filled when first asked for, so that work on nested expressions stays linear.
    sign: OnceLock<Sign>,
    arranged: OnceLock<Vec<Expr>>,
}

/// A canonical expression; cloning is a reference count.
#[derive(Clone)]
pub struct Expr(Arc<Node>);

/// How expressions are built: nothing in this crate panics, constants can overflow.
pub type Built = Result<Expr, BuildError>;

impl Expr {
    /// The node as it stands, without evaluation; the limits on depth and size are checked.
    pub(crate) fn raw(kind: Kind) -> Built {
        let (mut depth, mut nodes, mut floats) = (0, 1u32, 0u32);
        for arg in args_of(&kind) {
            floats = floats.saturating_add(arg.0.floats);
            depth = depth.max(arg.0.depth + 1);
            nodes = nodes.saturating_add(arg.0.nodes);
        }
        if depth > MAX_DEPTH {
            return Err(BuildError::TooDeep(MAX_DEPTH));
        }
        if nodes > MAX_NODES {
            return Err(BuildError::TooLarge(MAX_NODES));
        }
        Ok(Expr::node(kind, depth, nodes, floats))
    }

    fn node(kind: Kind, depth: u32, nodes: u32, floats: u32) -> Expr {
        let mut hasher = DefaultHasher::new();
        kind.hash(&mut hasher);
        let hash = hasher.finish();
        Expr(Arc::new(Node {
            kind,
            hash,
            depth,
            nodes,
            floats,
            sign: OnceLock::new(),
            arranged: OnceLock::new(),
        }))
    }

    pub fn number(value: Number) -> Expr {
        let floats = u32::from(matches!(value, Number::Float(_)));
        Expr::node(Kind::Number(value), 0, 1, floats)
    }

    pub fn int(value: i128) -> Expr {
        Expr::number(Number::Int(value))
    }

    /// A truth value.
    pub fn bool(value: bool) -> Expr {
        Expr::node(Kind::Bool(value), 0, 1, 0)
    }

    /// A float; infinite ones become `oo`.
    pub fn float(value: f64) -> Built {
        Ok(Expr::number(Number::float(value)?))
    }

    pub fn symbol(symbol: Symbol) -> Expr {
        Expr::node(Kind::Symbol(symbol), 0, 1, 0)
    }

    /// The symbol of this name with torch's assumptions, see [`Symbol::torch`].
    pub fn torch_symbol(name: &str) -> Expr {
        Expr::symbol(Symbol::torch(name))
    }

    /// The sum of the terms.
    pub fn add(terms: impl IntoIterator<Item = Expr>) -> Built {
        canon::add(terms.into_iter().collect())
    }

    /// The product of the factors.
    pub fn mul(factors: impl IntoIterator<Item = Expr>) -> Built {
        canon::mul(factors.into_iter().collect())
    }

    pub fn sub(&self, other: &Expr) -> Built {
        Expr::add([self.clone(), other.neg()?])
    }

    pub fn neg(&self) -> Built {
        Expr::mul([Expr::int(-1), self.clone()])
    }

    /// The exact quotient, `self * other**-1`.
    pub fn div(&self, other: &Expr) -> Built {
        if other.is_zero() {
            return Err(BuildError::DivisionByZero("/"));
        }
        Expr::mul([self.clone(), Expr::pow(other, &Expr::int(-1))?])
    }

    pub fn pow(base: &Expr, exponent: &Expr) -> Built {
        canon::pow(base, exponent)
    }

    /// A function of the table.
    pub fn call(func: Func, args: Vec<Expr>) -> Built {
        fold::call(func, args)
    }

    /// A comparison; decided ones become truth values.
    pub fn relation(relation: Relation, left: &Expr, right: &Expr) -> Built {
        logic::relation(relation, left, right)
    }

    pub fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// The arguments at the root, none for atoms.
    pub fn args(&self) -> impl Iterator<Item = &Expr> {
        args_of(&self.0.kind)
    }

    /// Twice the number of nodes, floats counted half: what sympy orders by.
    pub(crate) fn weight(&self) -> u64 {
        2 * u64::from(self.0.nodes) - u64::from(self.0.floats)
    }

    pub(crate) fn sign_memo(&self) -> &OnceLock<Sign> {
        &self.0.sign
    }

    pub(crate) fn arranged_memo(&self) -> &OnceLock<Vec<Expr>> {
        &self.0.arranged
    }

    pub fn as_number(&self) -> Option<Number> {
        match self.kind() {
            Kind::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The value of an integer constant.
    pub fn as_int(&self) -> Option<i128> {
        match self.as_number()? {
            Number::Int(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self.kind() {
            Kind::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_symbol(&self) -> Option<&Symbol> {
        match self.kind() {
            Kind::Symbol(symbol) => Some(symbol),
            _ => None,
        }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.as_number().is_some_and(Number::is_zero)
    }

    pub(crate) fn is_one(&self) -> bool {
        self.as_int() == Some(1)
    }

    /// Whether the value is a truth value and not a number; symbols count as numbers.
    pub fn is_boolean(&self) -> bool {
        match self.kind() {
            Kind::Bool(_) | Kind::Relation(..) => true,
            Kind::Call(func, _) => func.row().sort == crate::func::Sort::Bool,
            _ => false,
        }
    }

    /// The leading number and the rest of a product; one and the expression itself where there is none.
    pub(crate) fn as_coeff_mul(&self) -> Result<(Number, Expr), BuildError> {
        match self.kind() {
            Kind::Number(number) => Ok((*number, Expr::int(1))),
            Kind::Mul(factors) => match factors.split_first() {
                Some((first, rest)) => match (first.as_number(), rest) {
                    (Some(number), [only]) => Ok((number, only.clone())),
                    (Some(number), _) => Ok((number, Expr::raw(Kind::Mul(rest.to_vec()))?)),
                    (None, _) => Ok((Number::ONE, self.clone())),
                },
                None => Ok((Number::ONE, self.clone())),
            },
            _ => Ok((Number::ONE, self.clone())),
        }
    }

    /// The terms of a sum, or the expression itself.
    pub(crate) fn terms(&self) -> &[Expr] {
        match self.kind() {
            Kind::Add(terms) => terms,
            _ => std::slice::from_ref(self),
        }
    }

    /// The factors of a product, or the expression itself.
    pub(crate) fn factors(&self) -> &[Expr] {
        match self.kind() {
            Kind::Mul(factors) => factors,
            _ => std::slice::from_ref(self),
        }
    }

    /// The symbols that occur, by name.
    pub fn free_symbols(&self) -> BTreeSet<Symbol> {
        let mut found = BTreeSet::new();
        self.visit(&mut |expr| {
            if let Kind::Symbol(symbol) = expr.kind() {
                found.insert(symbol.clone());
            }
        });
        found
    }

    /// Calls the function on every node, arguments after their parent.
    pub fn visit(&self, visitor: &mut dyn FnMut(&Expr)) {
        visitor(self);
        for arg in self.args() {
            arg.visit(visitor);
        }
    }

    /// The expression with symbols replaced, all at once, and evaluated anew.
    pub fn substitute(&self, replacements: &BTreeMap<String, Expr>) -> Built {
        self.rewrite(&mut |expr| {
            Ok(expr
                .as_symbol()
                .and_then(|symbol| replacements.get(symbol.name()))
                .cloned())
        })
    }

    /// Replaces bottom up what the function has a replacement for, building parents anew.
    pub(crate) fn rewrite(
        &self,
        rule: &mut dyn FnMut(&Expr) -> Result<Option<Expr>, BuildError>,
    ) -> Built {
        self.rewrite_shared(rule, &mut HashMap::new())
    }

    fn rewrite_shared(
        &self,
        rule: &mut dyn FnMut(&Expr) -> Result<Option<Expr>, BuildError>,
        done: &mut HashMap<Expr, Expr>,
    ) -> Built {
        if let Some(result) = done.get(self) {
            return Ok(result.clone());
        }
        let args = self
            .args()
            .map(|arg| arg.rewrite_shared(rule, done))
            .collect::<Result<Vec<_>, _>>()?;
        let rebuilt = if args.iter().eq(self.args()) {
            self.clone()
        } else {
            self.with_args(args)?
        };
        let result = rule(&rebuilt)?.unwrap_or(rebuilt);
        done.insert(self.clone(), result.clone());
        Ok(result)
    }

    /// An expression of the same kind over other arguments, as many as before.
    pub(crate) fn with_args(&self, args: Vec<Expr>) -> Built {
        match self.kind() {
            Kind::Number(_) | Kind::Bool(_) | Kind::Symbol(_) => Ok(self.clone()),
            Kind::Add(_) => Expr::add(args),
            Kind::Mul(_) => Expr::mul(args),
            Kind::Call(func, _) => Expr::call(*func, args),
            Kind::Pow(..) | Kind::Relation(..) => match (self.kind(), args.as_slice()) {
                (Kind::Pow(..), [base, exponent]) => Expr::pow(base, exponent),
                (Kind::Relation(relation, ..), [left, right]) => {
                    Expr::relation(*relation, left, right)
                }
                _ => Ok(self.clone()),
            },
        }
    }
}

fn args_of(kind: &Kind) -> impl Iterator<Item = &Expr> {
    let (list, pair): (&[Expr], _) = match kind {
        Kind::Number(_) | Kind::Bool(_) | Kind::Symbol(_) => (&[], None),
        Kind::Add(args) | Kind::Mul(args) | Kind::Call(_, args) => (args, None),
        Kind::Pow(a, b) | Kind::Relation(_, a, b) => (&[], Some([a, b])),
    };
    list.iter().chain(pair.into_iter().flatten())
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.hash == other.0.hash && self.0.kind == other.0.kind)
    }
}

impl Eq for Expr {}

impl Hash for Expr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash.hash(state);
    }
}

impl PartialOrd for Expr {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Structural; the order in which sympy prints is `order.rs`.
impl Ord for Expr {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        self.0.kind.cmp(&other.0.kind)
    }
}

impl std::fmt::Debug for Expr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

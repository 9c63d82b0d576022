//! What a program says of its symbols, and what follows from it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use expc_dialects::{Constant, Diagnostic, Dim, Program, TensorMeta};
use expc_symbolic::{Assumption, Env, Expr, Relation, Symbol, Value, ValueRange, eval, statically};
use melior::ir::{Type, TypeLike};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Autocast, Item, MetaKernel, size::Size, tensor::Tensor};

/// What the program says of its symbols, and the fallback for ops without a rule.
///
/// Keeps what it has read of types, so one environment serves one MLIR context.
#[derive(Default)]
pub struct ShapeEnv<'e> {
    ranges: Env,
    hints: FxHashMap<String, i64>,
    symbols: FxHashMap<String, Symbol>,
    meta: Option<&'e dyn MetaKernel>,
    graphs: RefCell<FxHashMap<String, GraphResults>>,
    autocast: RefCell<Option<Autocast>>,
    torch: Option<(u32, u32)>,
    fresh: Cell<u64>,
    fresh_float: Cell<u64>,
    invented: RefCell<FxHashSet<String>>,
    expressions: RefCell<FxHashMap<String, Expr>>,
    types: RefCell<FxHashMap<usize, Option<Rc<Tensor>>>>,
    decisions: Option<RefCell<Vec<Decision>>>,
    bounded: RefCell<Vec<(String, Option<i64>)>>,
}

/// A relation that only the sizes at export time decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub relation: Relation,
    pub left: Size,
    pub right: Size,
    pub holds: bool,
}

/// What a named graph returns.
pub type GraphResults = Rc<[Item]>;

impl<'e> ShapeEnv<'e> {
    /// An environment in which symbols are what their names say and no range is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// The environment of a program: its symbols with their hints and ranges.
    pub fn of_program(program: &Program<'_, '_>) -> Result<Self, Diagnostic> {
        let mut env = Self::new();
        env.torch = torch_version(program);
        for symbol in program.symbols()? {
            let mut assumptions = Vec::new();
            if symbol.positive {
                assumptions.push((Assumption::Positive, true));
            }
            if symbol.integer {
                assumptions.push((Assumption::Integer, true));
            }
            env.reserve(&symbol.name);
            if let Some(Constant::Int(hint)) = symbol.hint {
                env.hints.insert(symbol.name.clone(), hint);
            }
            let declared = Symbol::new(&symbol.name, &assumptions);
            env.symbols.insert(symbol.name, declared);
        }
        for range in program.ranges()? {
            if let Some(symbol) = env
                .parse(&range.expression)
                .and_then(|expr| expr.as_symbol().cloned())
            {
                env.set_range(symbol.name(), range.min, range.max);
            }
        }
        for graph in program.graphs() {
            let returned = graph.returned().into_iter();
            let items = returned
                .map(|value| Item::from_value(&env, value))
                .collect();
            env.set_graph(&graph.symbol(), items);
        }
        Ok(env)
    }

    /// With a kernel for ops without a rule, asked only where all sizes are numbers.
    #[must_use]
    pub fn with_meta(mut self, meta: &'e dyn MetaKernel) -> Self {
        self.meta = Some(meta);
        self
    }

    /// Whether the program is of a torch older than this, by whose kernels its types were recorded.
    pub fn is_older_than(&self, major: u32, minor: u32) -> bool {
        self.torch.is_some_and(|version| version < (major, minor))
    }

    /// Writes down from now on what [`Self::decide`] takes from the sizes at export time.
    #[must_use]
    pub fn recording_decisions(mut self) -> Self {
        self.decisions = Some(RefCell::default());
        self
    }

    /// What has been written down since the last time.
    pub fn take_decisions(&self) -> Vec<Decision> {
        let taken = self.decisions.as_ref().map(RefCell::take);
        taken.unwrap_or_default()
    }

    /// Says which value a symbol has at export time.
    pub fn set_hint(&mut self, symbol: &str, hint: i64) {
        self.reserve(symbol);
        self.hints.insert(symbol.to_owned(), hint);
    }

    /// Bounds a symbol, both ends included.
    pub fn set_range(&mut self, symbol: &str, min: Option<i64>, max: Option<i64>) {
        self.reserve(symbol);
        if let Some(range) = ValueRange::ints(min.map(i128::from), max.map(i128::from)) {
            self.ranges.set(symbol, range);
        }
    }

    /// Ranges of the symbols.
    pub fn ranges(&self) -> &Env {
        &self.ranges
    }

    /// The kernel for ops without a rule.
    pub fn meta(&self) -> Option<&'e dyn MetaKernel> {
        self.meta
    }

    /// Says what a graph returns, for the ops that name it.
    pub fn set_graph(&self, symbol: &str, results: Vec<Item>) {
        self.graphs
            .borrow_mut()
            .insert(symbol.to_owned(), results.into());
    }

    /// Says in which region of automatic casts ops are, innermost; none ends the region. Gives the region
    /// before.
    pub fn set_autocast(&self, region: Option<Autocast>) -> Option<Autocast> {
        self.autocast.replace(region)
    }

    /// The region of automatic casts.
    pub fn autocast(&self) -> Option<Autocast> {
        self.autocast.borrow().clone()
    }

    /// What a graph returns.
    pub fn graph(&self, symbol: &str) -> Option<GraphResults> {
        self.graphs.borrow().get(symbol).cloned()
    }

    /// A symbol that stands for an integer which only data decide: `u0`.
    pub fn unbacked(&self) -> Size {
        self.invent("u", &self.fresh).into()
    }

    /// A symbol for a size that only data decide, of at most `most` elements.
    pub fn unbacked_size(&self, most: &Size) -> Size {
        let symbol = self.unbacked();
        if let Size::Expr(expr) = &symbol {
            let bound = (expr.to_string(), self.upper_bound(most));
            self.bounded.borrow_mut().push(bound);
        }
        symbol
    }

    fn upper_bound(&self, size: &Size) -> Option<i64> {
        match size {
            Size::Int(value) => Some(*value),
            Size::Expr(expr) => {
                let upper = expc_symbolic::bound(expr, &self.ranges).upper();
                i64::try_from(Expr::number(upper).as_int()?).ok()
            }
        }
    }

    /// The symbols of [`Self::unbacked_size`] since the last time, with their upper bounds.
    pub fn take_bounds(&self) -> Vec<(String, Option<i64>)> {
        self.bounded.take()
    }

    /// Whether [`Self::unbacked`] or [`Self::unbacked_float`] has made this symbol.
    pub fn is_fresh(&self, name: &str) -> bool {
        self.invented.borrow().contains(name)
    }

    /// Whether there are no symbols for which [`Self::is_fresh`] holds.
    pub fn has_invented_none(&self) -> bool {
        self.invented.borrow().is_empty()
    }

    fn invent(&self, prefix: &str, fresh: &Cell<u64>) -> Expr {
        let name = format!("{prefix}{}", fresh.get());
        fresh.set(fresh.get().saturating_add(1));
        let symbol = Expr::torch_symbol(&name);
        self.invented.borrow_mut().insert(name);
        symbol
    }

    /// The symbols that [`Self::unbacked`] and [`Self::unbacked_float`] have made, in order.
    pub fn unbacked_symbols(&self) -> Vec<String> {
        let number = |name: &String| {
            let digits = name.trim_start_matches(char::is_alphabetic);
            (name.starts_with('z'), digits.parse::<u64>().ok())
        };
        let mut names: Vec<String> = self.invented.borrow().iter().cloned().collect();
        names.sort_by_key(number);
        names
    }

    /// A symbol that stands for a float which only data decide: `zuf0`.
    pub fn unbacked_float(&self) -> Expr {
        self.invent("zuf", &self.fresh_float)
    }

    /// Takes care that no fresh symbol gets this name.
    fn reserve(&self, name: &str) {
        for (prefix, fresh) in [("u", &self.fresh), ("zuf", &self.fresh_float)] {
            let number = name
                .strip_prefix(prefix)
                .and_then(|rest| rest.parse::<u64>().ok());
            if let Some(number) = number {
                fresh.set(fresh.get().max(number.saturating_add(1)));
            }
        }
    }

    /// The expression of a text; none if it is none.
    pub fn parse(&self, text: &str) -> Option<Expr> {
        if let Some(expr) = self.expressions.borrow().get(text) {
            return Some(expr.clone());
        }
        let symbol = |name: &str| match self.symbols.get(name) {
            Some(symbol) => symbol.clone(),
            None => Symbol::torch(name),
        };
        let expr = Expr::parse_with(text, &symbol).ok()?;
        for symbol in expr.free_symbols() {
            self.reserve(symbol.name());
        }
        self.expressions
            .borrow_mut()
            .insert(text.to_owned(), expr.clone());
        Some(expr)
    }

    /// A size of the IR; none if its text is no expression.
    pub fn size(&self, dim: &Dim) -> Option<Size> {
        match dim {
            Dim::Static(value) => Some(Size::Int(*value)),
            Dim::Symbolic(text) => self.parse(text).map(Size::from),
        }
    }

    /// The tensor of a type, read once; none if it is no ranked tensor type.
    pub fn tensor_of(&self, r#type: Type<'_>) -> Option<Rc<Tensor>> {
        let key = r#type.to_raw().ptr as usize;
        if let Some(known) = self.types.borrow().get(&key) {
            return known.clone();
        }
        let tensor = TensorMeta::from_mlir(r#type)
            .and_then(|meta| Tensor::from_meta(self, &meta))
            .map(Rc::new);
        self.types.borrow_mut().insert(key, tensor.clone());
        tensor
    }

    /// Whether the relation holds for all values in their ranges, or for none; none if for some.
    pub fn statically(&self, relation: Relation, left: &Size, right: &Size) -> Option<bool> {
        if let (Size::Int(left), Size::Int(right)) = (left, right) {
            return Some(relation.holds(left.cmp(right)));
        }
        let (left, right) = (left.expanded(), right.expanded());
        let relation = Expr::relation(relation, &left.to_expr(), &right.to_expr()).ok()?;
        relation
            .as_bool()
            .or_else(|| statically(&relation, &self.ranges))
    }

    /// As [`Self::statically`]; where ranges do not say, as the sizes of the export decided it: PyTorch
    /// specialized the program to them then.
    pub fn decide(&self, relation: Relation, left: &Size, right: &Size) -> Option<bool> {
        self.statically(relation, left, right).or_else(|| {
            let holds = relation.holds(self.hint(left)?.cmp(&self.hint(right)?));
            if let Some(decisions) = &self.decisions {
                decisions.borrow_mut().push(Decision {
                    relation,
                    left: left.clone(),
                    right: right.clone(),
                    holds,
                });
            }
            Some(holds)
        })
    }

    /// Whether the relation is known to hold: what is unknown of data-dependent sizes counts as false.
    pub fn holds(&self, relation: Relation, left: &Size, right: &Size) -> bool {
        self.decide(relation, left, right) == Some(true)
    }

    /// Whether two sizes are known to be equal.
    pub fn equal(&self, left: &Size, right: &Size) -> bool {
        left == right || self.holds(Relation::Eq, left, right)
    }

    /// Whether a size is known to be this number.
    pub fn is(&self, size: &Size, value: i64) -> bool {
        self.equal(size, &Size::Int(value))
    }

    /// The value that a size had at export time.
    pub fn hint(&self, size: &Size) -> Option<i64> {
        let expr = match size {
            Size::Int(value) => return Some(*value),
            Size::Expr(expr) => expr,
        };
        if self.hints.is_empty() {
            return None;
        }
        let lookup = |name: &str| self.hints.get(name).copied().map(Value::Int);
        match eval(expr, &lookup).ok()? {
            Value::Int(value) => Some(value),
            Value::Float(_) | Value::Bool(_) => None,
        }
    }

    /// Whether data decide the size: some symbol of it had no value at export time.
    pub fn is_unbacked(&self, size: &Size) -> bool {
        match size {
            Size::Int(_) => false,
            Size::Expr(expr) => expr
                .free_symbols()
                .iter()
                .any(|symbol| symbol.name().starts_with(['u', 'z'])),
        }
    }
}

fn torch_version(program: &Program<'_, '_>) -> Option<(u32, u32)> {
    let provenance = program.provenance();
    let recorded = |name: &str| provenance.iter().find(|(key, _)| key == name);
    let Some((_, Constant::Str(version))) = recorded("torch") else {
        // The first torch that wrote its version into the file is 2.5.
        return recorded("schema").map(|_| (2, 4));
    };
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

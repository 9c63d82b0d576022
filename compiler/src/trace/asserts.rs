//! What `torch.export` adds to a program at the end: the sizes of inputs are read at the top and only once, numbers that
//! data decide are held to their ranges where they are made, and checks are asserted.

use expc_dialects::{Constant, Dim, ValueType};
use expc_symbolic::{Expr, Kind};
use rustc_hash::FxHashMap;

use super::{
    graph::{Arg, Builder, Call, CallArg, CallResult, GraphId, Node, ValueId, ValueInfo},
    guards::Shapes,
    stack,
};

const ASSERT: &str = "aten._assert_scalar.default";
const SIZE: &str = "aten.sym_size.int";

/// Rewrites all graphs of a program.
pub fn insert(builder: &mut Builder, shapes: &Shapes) {
    for index in 0..builder.graphs.len() {
        let nodes = match builder.graphs.get_mut(index) {
            Some(graph) => std::mem::take(&mut graph.nodes),
            None => continue,
        };
        let mut pass = Pass {
            builder,
            shapes,
            graph: GraphId(index),
            known: FxHashMap::default(),
            replaced: FxHashMap::default(),
            asserted: vec![false; shapes.checks.len()],
        };
        pass.bind_inputs();
        for node in nodes {
            pass.node(node);
        }
        pass.finish();
    }
}

struct Pass<'b, 's> {
    builder: &'b mut Builder,
    shapes: &'s Shapes,
    graph: GraphId,
    /// The values of expressions, by text.
    known: FxHashMap<String, ValueId>,
    replaced: FxHashMap<ValueId, ValueId>,
    asserted: Vec<bool>,
}

impl Pass<'_, '_> {
    /// Reads the symbols of the inputs.
    fn bind_inputs(&mut self) {
        let Some(graph) = self.builder.graphs.get(self.graph.0) else {
            return;
        };
        let inputs: Vec<ValueId> = graph
            .placeholders
            .iter()
            .filter_map(|input| input.value)
            .collect();
        for input in inputs {
            let Some(info) = self.builder.info(input).cloned() else {
                continue;
            };
            if let Some(sym) = info.sym.as_deref().map(|sym| self.text(sym)) {
                self.known.entry(sym).or_insert(input);
            }
            let metadata = [("nn_module_stack".to_owned(), stack::EMPTY.to_owned())];
            self.bind_sizes(input, &info, &metadata, true);
        }
    }

    /// Reads the sizes of a tensor that are symbols and not known yet; gives the symbols.
    fn bind_sizes(
        &mut self,
        tensor: ValueId,
        info: &ValueInfo,
        metadata: &[(String, String)],
        is_input: bool,
    ) -> Vec<String> {
        let ValueType::Tensor(meta) = &info.value_type else {
            return Vec::new();
        };
        let mut bound = Vec::new();
        for (dim, size) in (0_i64..).zip(meta.sizes.iter().flatten()) {
            let Dim::Symbolic(text) = size else {
                continue;
            };
            let text = self.text(text);
            let is_symbol = Expr::parse(&text).is_ok_and(|expr| expr.as_symbol().is_some());
            // Of the inputs that share a size PyTorch reads the last one.
            let is_shared = is_input && text.starts_with('s') && self.graph == GraphId::ROOT;
            if !is_symbol || (self.known.contains_key(&text) && !is_shared) {
                continue;
            }
            let args = vec![
                CallArg::new("self", tensor),
                CallArg::new("dim", Constant::Int(dim)),
            ];
            let call = Call {
                metadata: metadata.to_vec(),
                ..Call::new(SIZE, args).named("sym_size_int")
            };
            let size = self.number(call, ValueType::SymInt, text.clone());
            self.known.insert(text.clone(), size);
            bound.push(text);
        }
        bound
    }

    fn number(&mut self, call: Call, value_type: ValueType, sym: String) -> ValueId {
        let info = ValueInfo {
            value_type,
            sym: Some(sym),
        };
        let results = self
            .builder
            .call(self.graph, call.returning(CallResult::Single(info)));
        results.first().copied().unwrap_or(ValueId(usize::MAX))
    }

    /// The text of an expression in the symbols that are left.
    fn text(&self, text: &str) -> String {
        match Expr::parse(text) {
            Ok(expr) => self.shapes.resolve(&expr).to_string(),
            Err(_) => text.to_owned(),
        }
    }

    /// Takes a node over, unless its number is known already.
    fn node(&mut self, node: Node) {
        let sym = match (node.call.results.as_slice(), node.results.as_slice()) {
            ([CallResult::Single(info)], [ids]) if info.is_symbolic_scalar() => {
                let sym = info.sym.as_deref().map(|sym| self.text(sym));
                sym.zip(ids.first().copied())
            }
            _ => None,
        };
        if let Some((sym, id)) = &sym
            && let Some(known) = self.known.get(sym)
        {
            self.replaced.insert(*id, *known);
            return;
        }
        let metadata = node.call.metadata.clone();
        let results: Vec<ValueId> = node.results.iter().flatten().copied().collect();
        if let Some(graph) = self.builder.graphs.get_mut(self.graph.0) {
            graph.nodes.push(node);
        }
        let mut bound = Vec::new();
        if let Some((sym, id)) = sym {
            let expr = Expr::parse(&sym).ok();
            if expr.as_ref().is_some_and(|expr| expr.as_symbol().is_some()) {
                bound.push(sym.clone());
            }
            if expr.is_some_and(|expr| !matches!(expr.kind(), Kind::Number(_) | Kind::Bool(_))) {
                self.known.insert(sym, id);
            }
        }
        for result in results {
            if let Some(info) = self.builder.info(result).cloned() {
                bound.extend(self.bind_sizes(result, &info, &metadata, false));
            }
        }
        for symbol in bound {
            self.assert_range(&symbol, &metadata);
            self.assert_checks(&metadata);
        }
    }

    /// Holds a number of data to its range.
    fn assert_range(&mut self, symbol: &str, metadata: &[(String, String)]) {
        if !symbol.starts_with('u') {
            return;
        }
        let (min, max) = self.shapes.range(symbol);
        for (op, name, bound) in [("sym.ge", ">=", min), ("sym.le", "<=", max)] {
            let Some(bound) = bound else {
                continue;
            };
            let text = format!("{symbol} {name} {bound}");
            if let Some(number) = self.known.get(symbol).copied() {
                let condition = self.condition(
                    op,
                    vec![number.into(), Constant::Int(bound).into()],
                    text,
                    metadata,
                );
                self.assert(condition, metadata);
            }
        }
    }

    fn condition(
        &mut self,
        op: &str,
        args: Vec<Arg>,
        text: String,
        metadata: &[(String, String)],
    ) -> ValueId {
        if let Some(known) = self.known.get(&text) {
            return *known;
        }
        let args = args.into_iter().map(|arg| CallArg::new("", arg)).collect();
        let call = Call {
            metadata: metadata.to_vec(),
            ..Call::new(op, args)
        };
        let condition = self.number(call, ValueType::SymBool, text.clone());
        self.known.insert(text, condition);
        condition
    }

    /// Asserts the checks whose numbers are all there, but for those that ranges say.
    fn assert_checks(&mut self, metadata: &[(String, String)]) {
        for (index, check) in self.shapes.checks.iter().enumerate() {
            let symbols = check.expr.free_symbols();
            let is_there = symbols
                .iter()
                .all(|symbol| self.known.contains_key(symbol.name()));
            if self.asserted.get(index) != Some(&false) || !is_there {
                continue;
            }
            if let Some(asserted) = self.asserted.get_mut(index) {
                *asserted = true;
            }
            if is_bound(&check.expr) {
                continue;
            }
            if let Some(condition) = self.expression(&check.expr, metadata) {
                self.assert(condition, metadata);
            }
        }
    }

    /// The value of an expression, computed from those that are known; none if there is no function for it.
    fn expression(&mut self, expr: &Expr, metadata: &[(String, String)]) -> Option<ValueId> {
        match self.argument(expr, metadata)? {
            Arg::Value(value) => Some(value),
            _ => None,
        }
    }

    fn argument(&mut self, expr: &Expr, metadata: &[(String, String)]) -> Option<Arg> {
        let text = expr.to_string();
        if let Some(known) = self.known.get(&text) {
            return Some(Arg::Value(*known));
        }
        let (op, args): (&str, Vec<Expr>) = match expr.kind() {
            Kind::Number(_) => {
                let value = i64::try_from(expr.as_int()?).ok()?;
                return Some(Arg::Constant(Constant::Int(value)));
            }
            Kind::Add(terms) => ("sym.add", terms.clone()),
            Kind::Mul(factors) => ("sym.mul", factors.clone()),
            Kind::Relation(relation, left, right) => {
                (relation_op(*relation), vec![left.clone(), right.clone()])
            }
            Kind::Call(func, args) => (function_op(*func)?, args.clone()),
            Kind::Bool(_) | Kind::Symbol(_) | Kind::Pow(..) => return None,
        };
        let value_type = match expr.is_boolean() {
            true => ValueType::SymBool,
            false => ValueType::SymInt,
        };
        let mut given = Vec::new();
        for arg in &args {
            given.push(self.argument(arg, metadata)?);
        }
        // Sums and products of many are written as those of two.
        let mut given = given.into_iter();
        let mut folded = given.next()?;
        let mut partial = args.first()?.clone();
        for (arg, next) in args.iter().skip(1).zip(given) {
            partial = match expr.kind() {
                Kind::Add(_) => Expr::add([partial, arg.clone()]).ok()?,
                Kind::Mul(_) => Expr::mul([partial, arg.clone()]).ok()?,
                _ => expr.clone(),
            };
            let operands = vec![CallArg::new("", folded), CallArg::new("", next)];
            let call = Call {
                metadata: metadata.to_vec(),
                ..Call::new(op, operands)
            };
            let value = self.number(call, value_type.clone(), partial.to_string());
            self.known.insert(partial.to_string(), value);
            folded = Arg::Value(value);
        }
        Some(folded)
    }

    fn assert(&mut self, condition: ValueId, metadata: &[(String, String)]) {
        let text = self
            .builder
            .info(condition)
            .and_then(|info| info.sym.clone());
        let message = format!(
            "Runtime assertion failed for expression {} on node '{}'",
            text.unwrap_or_default(),
            self.builder.name(condition)
        );
        let args = vec![
            CallArg::new("self", condition),
            CallArg::new("assert_msg", Constant::Str(message)),
        ];
        let call = Call {
            metadata: metadata.to_vec(),
            ..Call::new(ASSERT, args).named("_assert_scalar_default")
        };
        self.builder.call(self.graph, call);
    }

    fn finish(self) {
        let replaced = self.replaced;
        self.builder.replace(self.graph, &|value| {
            replaced.get(&value).copied().unwrap_or(value)
        });
    }
}

/// Whether a condition is a bound of one symbol, which its range says already.
fn is_bound(expr: &Expr) -> bool {
    use expc_symbolic::Relation;
    match expr.kind() {
        Kind::Relation(Relation::Ge | Relation::Le, left, right) => {
            let pair = (left.as_symbol(), right.as_symbol());
            matches!(pair, (Some(_), None) if right.as_number().is_some())
                || matches!(pair, (None, Some(_)) if left.as_number().is_some())
        }
        _ => false,
    }
}

fn relation_op(relation: expc_symbolic::Relation) -> &'static str {
    use expc_symbolic::Relation;
    match relation {
        Relation::Eq => "sym.eq",
        Relation::Ne => "sym.ne",
        Relation::Lt => "sym.lt",
        Relation::Le => "sym.le",
        Relation::Gt => "sym.gt",
        Relation::Ge => "sym.ge",
    }
}

/// The function of the `sym` dialect that computes a function of two numbers.
fn function_op(func: expc_symbolic::Func) -> Option<&'static str> {
    use expc_symbolic::Func;
    Some(match func {
        Func::FloorDiv => "sym.floordiv",
        Func::Mod | Func::PythonMod => "sym.mod",
        Func::Max => "sym.sym_max",
        Func::Min => "sym.sym_min",
        Func::And => "sym.and_",
        Func::Or => "sym.or_",
        _ => return None,
    })
}

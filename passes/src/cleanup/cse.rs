//! Equal ops: the second of two ops that compute the same becomes the first.
//!
//! Ops are equal if they have one name, the same operands, equal arguments and equal types of results, and the op
//! table says that two calls with the same arguments give the same. Numbers of the program are equal if their
//! expressions are, whatever computes them.
//!
//! ```text
//! %a = aten.add.Tensor(%x, %y)
//! %b = aten.add.Tensor(%x, %y)        (goes away)
//! %c = aten.mul.Tensor(%a, %b)        aten.mul.Tensor(%a, %a)
//! ```
//!
//! Valid on functional programs. Of two results that a caller sees both stay: they are memory of their own.

use expc_dialects::{Diagnostic, Graph, Program, ValueType, mlir, ops::attribute};
use melior::ir::{
    AttributeLike, Module, TypeLike, Value, ValueLike,
    operation::{OperationLike, OperationRef},
};
use rustc_hash::FxHashMap;

use crate::{
    aliases::Aliases,
    rewrites::Rewrites,
    shape::{ShapeEnv, expression_text},
};

/// Merges equal ops.
///
/// # Errors
/// The program is not functional.
pub fn merge_equal_ops(
    module: &Module<'_>,
    env: &ShapeEnv<'_>,
    rewrites: &Rewrites,
) -> Result<(), Vec<Diagnostic>> {
    let program = Program::new(module);
    crate::contract::needs_functional(&program, PASS)?;
    for graph in program.graphs() {
        Merge::of_graph(env, &graph).run(&graph, rewrites);
    }
    super::sync_function_types(&program);
    Ok(())
}

/// The name of the pass.
const PASS: &str = "cse";

/// What makes two ops equal, by the addresses of what MLIR has only once.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    name: usize,
    operands: Vec<usize>,
    attributes: Vec<(usize, usize)>,
    results: Vec<usize>,
}

struct Merge<'e, 'c, 'a> {
    env: &'e ShapeEnv<'e>,
    aliases: Aliases,
    ops: FxHashMap<Key, OperationRef<'c, 'a>>,
    /// The first integer of each expression.
    numbers: FxHashMap<String, Value<'c, 'a>>,
}

impl<'e, 'c: 'a, 'a> Merge<'e, 'c, 'a> {
    fn of_graph(env: &'e ShapeEnv<'e>, graph: &Graph<'c, 'a>) -> Self {
        let mut merge = Self {
            env,
            aliases: Aliases::of_graph(graph),
            ops: FxHashMap::default(),
            numbers: FxHashMap::default(),
        };
        for argument in graph.arguments() {
            if let Some(text) = merge.number(argument) {
                merge.numbers.entry(text).or_insert(argument);
            }
        }
        merge
    }

    fn run(&mut self, graph: &Graph<'c, 'a>, rewrites: &Rewrites) {
        for op in graph.operations() {
            if !rewrites.may_go_on() {
                return;
            }
            if super::def_of(op).is_some_and(|def| def.is_pure()) {
                self.merge_op(op, rewrites);
            }
        }
    }

    fn merge_op(&mut self, op: OperationRef<'c, 'a>, rewrites: &Rewrites) {
        if self.merge_number(op, rewrites) {
            return;
        }
        let key = Self::key(op);
        let Some(first) = self.ops.get(&key).copied() else {
            self.ops.insert(key, op);
            return;
        };
        let results: Vec<Value> = op.results().map(Value::from).collect();
        let firsts: Vec<Value> = first.results().map(Value::from).collect();
        let pairs = || firsts.iter().copied().zip(results.iter().copied());
        let aliases = &mut self.aliases;
        if !pairs().all(|(first, result)| aliases.may_stand_for(first, &[], result)) {
            return;
        }
        rewrites.note(PASS, "equal_op", op);
        for (first, result) in pairs() {
            aliases.replaced(result, first);
            mlir::replace_uses(result, first);
        }
        aliases.forget(op);
        mlir::erase_unused(op);
    }

    /// Merges a number with an earlier one of the same expression; whether it is gone.
    fn merge_number(&mut self, op: OperationRef<'c, 'a>, rewrites: &Rewrites) -> bool {
        let mut results = op.results().map(Value::from);
        let (Some(result), None) = (results.next(), results.next()) else {
            return false;
        };
        let Some(text) = self.number(result) else {
            return false;
        };
        let Some(first) = self.numbers.get(&text).copied() else {
            self.numbers.insert(text, result);
            return false;
        };
        rewrites.note(PASS, "equal_number", op);
        mlir::replace_uses(result, first);
        mlir::erase_unused(op);
        true
    }

    /// The expression of an integer as `expc-symbolic` writes it.
    fn number(&self, value: Value<'c, 'a>) -> Option<String> {
        if value.r#type().is_tensor()
            || ValueType::from_mlir(value.r#type()) != Some(ValueType::SymInt)
        {
            return None;
        }
        Some(self.env.parse(&expression_text(value)?)?.to_string())
    }

    fn key(op: OperationRef<'c, 'a>) -> Key {
        let mut attributes: Vec<(usize, usize)> = op
            .attributes()
            .filter(|(name, _)| {
                !matches!(
                    name.as_string_ref().as_str(),
                    Ok(attribute::NAMES | attribute::BY_KEYWORD)
                )
            })
            .map(|(name, value)| (name.to_raw().ptr as usize, value.to_raw().ptr as usize))
            .collect();
        attributes.sort_unstable();
        Key {
            name: op.name().to_raw().ptr as usize,
            operands: op.operands().map(mlir::value_key).collect(),
            attributes,
            results: op
                .results()
                .map(|result| result.r#type().to_raw().ptr as usize)
                .collect(),
        }
    }
}

//! Makes programs functional: no op writes to its arguments, every change of an input is an output.
//!
//! One walk over each graph with alias sets. A tensor that an op creates, or an input, is a *base*; results of view
//! ops are *aliases* of a base through a chain of view ops. A write to an alias becomes the functional op on it and
//! the inverse views up to the base (`slice_scatter`, …); other aliases of the base are made anew, by replaying
//! their chains, when they are next read. At the end, inputs that were written to are returned: the signature gains
//! `buffer_mutation`, `parameter_mutation` and `user_input_mutation` outputs, in the order of the inputs, before the
//! others.
//!
//! Valid on every program whose mutations have a functional form; others are refused by the op's name (E03xx), and
//! the module is left as it was.
//!
//! ```mlir
//! %v = "aten.slice.Tensor"(%y) {dim = 1, start = 1}      %v = "aten.slice.Tensor"(%y) {dim = 1, start = 1}
//! "aten.add_.Tensor"(%v, %z)                        →    %w = "aten.add.Tensor"(%v, %z)
//! return %y                                              %y1 = "aten.slice_scatter.default"(%y, %w) {dim = 1, start = 1}
//!                                                        return %y1
//! ```

mod aliases;
mod mutation;
mod outputs;
mod views;

use expc_dialects::{AtenOp, Diagnostic, Graph, Program, Signature};
use melior::{
    Context,
    ir::{
        Module, Value,
        operation::{OperationLike, OperationRef},
    },
};

use self::aliases::Aliases;
use crate::shape::ShapeEnv;

/// Makes all graphs of a module functional.
///
/// # Errors
/// Mutations that have no functional form; the module is then not to be used any more, so callers that need it run
/// the pass on a copy.
pub fn functionalize(module: &Module<'_>, env: &ShapeEnv<'_>) -> Result<(), Vec<Diagnostic>> {
    let program = Program::new(module);
    let mut found = Vec::new();
    for graph in program.graphs() {
        let symbol = graph.symbol();
        let is_root = program.root().is_ok_and(|root| root.symbol() == symbol);
        if let Err(mut diagnostics) = functionalize_graph(&graph, is_root, env) {
            found.append(&mut diagnostics);
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    crate::cleanup::sync_function_types(&program);
    crate::cleanup::remove_dead_ops(&program);
    Ok(())
}

fn functionalize_graph<'c: 'a, 'a>(
    graph: &Graph<'c, 'a>,
    is_root: bool,
    env: &ShapeEnv<'_>,
) -> Result<(), Vec<Diagnostic>> {
    let one = |diagnostic: Diagnostic| vec![diagnostic];
    let signature = graph.signature().map_err(one)?;
    let mut walk = Walk {
        context: expc_dialects::mlir::context_of(graph.operation()),
        env,
        aliases: Aliases::default(),
        replaced: Vec::new(),
        found: Vec::new(),
    };
    for argument in graph.arguments() {
        walk.aliases.add_base(argument);
    }
    for operation in graph.operations() {
        if let Err(diagnostic) = walk.operation(operation) {
            walk.found.push(diagnostic);
        }
    }
    walk.finish(graph, &signature, is_root)
}

/// The state of the walk over one graph.
struct Walk<'c: 'a, 'a, 'e> {
    context: &'c Context,
    env: &'e ShapeEnv<'e>,
    aliases: Aliases<'c, 'a>,
    /// Ops that something else stands for now.
    replaced: Vec<OperationRef<'c, 'a>>,
    found: Vec<Diagnostic>,
}

impl<'c: 'a, 'a> Walk<'c, 'a, '_> {
    fn operation(&mut self, operation: OperationRef<'c, 'a>) -> Result<(), Diagnostic> {
        let op = AtenOp::new(operation);
        let Some(def) = op.def() else {
            return self.template_op(&op);
        };
        if def.schema.mutates() {
            return self.mutation(&op, def);
        }
        if let Some(hidden) = mutation::hidden_mutation(def.name)
            && let Some(functional) = hidden(self, &op)?
        {
            self.replaced.push(operation);
            let results: Vec<Value> = operation.results().map(Value::from).collect();
            for (result, value) in results.into_iter().zip(functional) {
                if let Some(value) = value {
                    self.aliases.add_base_as(result, value);
                }
            }
            return Ok(());
        }
        // Refreshing puts other values in the place of the original operands, by which aliases are known.
        let viewed = views::viewed_operand(&op, def);
        self.refresh_operands(operation, operation)?;
        match viewed {
            Some(source) => self.aliases.add_views(operation, source),
            None => {
                for result in operation.results() {
                    self.aliases.add_base(result.into());
                }
            }
        }
        Ok(())
    }

    /// Higher-order and symbolic ops, and custom ops without a schema.
    fn template_op(&mut self, op: &AtenOp<'c, 'a>) -> Result<(), Diagnostic> {
        let name = op.name();
        let is_known = name.starts_with("hop.") || name.starts_with("sym.");
        if !is_known {
            return Err(Diagnostic::at(
                &op.operation(),
                "E0301",
                format!(
                    "no schema describes `{name}`, so whether it writes to its arguments is not known"
                ),
            ));
        }
        let operation = op.operation();
        self.refresh_operands(operation, operation)?;
        for result in operation.results() {
            self.aliases.add_base(result.into());
        }
        Ok(())
    }

    /// Makes an op read what its operands hold now.
    fn refresh_operands(
        &mut self,
        operation: OperationRef<'c, 'a>,
        anchor: OperationRef<'c, 'a>,
    ) -> Result<(), Diagnostic> {
        let operands: Vec<Value> = operation.operands().collect();
        for (index, operand) in operands.into_iter().enumerate() {
            let current = self.read(operand, anchor)?;
            if !expc_dialects::mlir::same_value(current, operand) {
                expc_dialects::mlir::set_operand(operation, index, current);
            }
        }
        Ok(())
    }

    /// The value that an SSA value of the original program holds at this point; built before `anchor` if needed.
    fn read(
        &mut self,
        value: Value<'c, 'a>,
        anchor: OperationRef<'c, 'a>,
    ) -> Result<Value<'c, 'a>, Diagnostic> {
        let Some(stale) = self.aliases.stale(value) else {
            return Ok(self.aliases.current(value));
        };
        let mut current = stale.base;
        for view in &stale.chain {
            current = views::replay(self.context, view, current, anchor)?;
        }
        self.aliases.refreshed(value, current);
        Ok(current)
    }

    /// Records that an alias was written: `new` is what it holds now.
    fn write(
        &mut self,
        alias: Value<'c, 'a>,
        new: Value<'c, 'a>,
        anchor: OperationRef<'c, 'a>,
    ) -> Result<(), Diagnostic> {
        let chain = self.aliases.chain(alias);
        // What each level of the chain held before, the base first.
        let mut levels = vec![self.aliases.base_value(alias)];
        for view in chain.iter().take(chain.len().saturating_sub(1)) {
            let level = levels.last().copied().unwrap_or(new);
            levels.push(views::replay(self.context, view, level, anchor)?);
        }
        let mut value = new;
        for (view, level) in chain.iter().zip(&levels).rev() {
            value = views::inverse(self.context, view, *level, value, anchor)?;
        }
        self.aliases.written(alias, value, new);
        Ok(())
    }

    fn finish(
        mut self,
        graph: &Graph<'c, 'a>,
        signature: &Signature,
        is_root: bool,
    ) -> Result<(), Vec<Diagnostic>> {
        if self.found.is_empty()
            && let Err(diagnostic) = outputs::finish(&mut self, graph, signature, is_root)
        {
            self.found.push(diagnostic);
        }
        if !self.found.is_empty() {
            return Err(self.found);
        }
        for operation in self.replaced.into_iter().rev() {
            expc_dialects::mlir::erase_unused(operation);
        }
        Ok(())
    }
}

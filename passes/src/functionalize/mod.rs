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
mod custom;
mod diagonal;
mod emit;
mod hidden;
mod inline;
mod inverse;
mod mutation;
mod outputs;
mod resize;
mod support;
mod views;

use expc_dialects::{AtenOp, Diagnostic, Graph, Program, Signature, mlir};
use melior::{
    Context,
    ir::{
        Module, Value, ValueLike,
        operation::{OperationLike, OperationRef},
    },
};

use self::{aliases::Aliases, emit::Emit};
use crate::{rewrites::Rewrites, shape::ShapeEnv};

pub use custom::CustomOps;
pub use support::{Support, support};
pub(crate) use views::is_undeclared_view;

/// Makes all graphs of a module functional. `custom` knows ops that the op table does not have.
///
/// # Errors
/// Mutations that have no functional form; the module is then not to be used any more, so callers that need it run
/// the pass on a copy.
pub fn functionalize(
    module: &Module<'_>,
    env: &ShapeEnv<'_>,
    custom: &CustomOps,
) -> Result<(), Vec<Diagnostic>> {
    let program = Program::new(module);
    inline::inline_regions(&program, env).map_err(|fault| vec![fault])?;
    let mut found = Vec::new();
    for graph in program.graphs() {
        let symbol = graph.symbol();
        let is_root = program.root().is_ok_and(|root| root.symbol() == symbol);
        if let Err(mut diagnostics) = functionalize_graph(&graph, is_root, env, custom) {
            found.append(&mut diagnostics);
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    crate::cleanup::sync_function_types(&program);
    crate::cleanup::remove_dead_ops(&program, "functionalize", &Rewrites::default());
    Ok(())
}

fn functionalize_graph<'c: 'a, 'a>(
    graph: &Graph<'c, 'a>,
    is_root: bool,
    env: &ShapeEnv<'_>,
    custom: &CustomOps,
) -> Result<(), Vec<Diagnostic>> {
    let one = |diagnostic: Diagnostic| vec![diagnostic];
    let signature = graph.signature().map_err(one)?;
    let mut walk = Walk {
        context: mlir::context_of(graph.operation()),
        env,
        custom,
        aliases: Aliases::default(),
        replaced: Vec::new(),
        found: Vec::new(),
    };
    for argument in graph.arguments() {
        walk.aliases.add_input(argument);
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
    custom: &'e CustomOps,
    aliases: Aliases<'c, 'a>,
    /// Ops that something else stands for now.
    replaced: Vec<OperationRef<'c, 'a>>,
    found: Vec<Diagnostic>,
}

impl<'c: 'a, 'a, 'e> Walk<'c, 'a, 'e> {
    fn operation(&mut self, operation: OperationRef<'c, 'a>) -> Result<(), Diagnostic> {
        let op = AtenOp::new(operation);
        let Some(def) = op.def() else {
            return self.template_op(&op);
        };
        if def.schema.mutates() {
            return self.mutation(&op, def);
        }
        if !def.columns.writes.is_empty() && self.hidden_mutation(&op, def)? {
            return Ok(());
        }
        // Refreshing puts other values in the place of the original operands, by which aliases are known.
        let operands: Vec<Value> = operation.operands().collect();
        let viewed = views::viewed_operands(&op, def);
        self.refresh_operands(operation, operation)?;
        for (index, result) in operation.results().map(Value::from).enumerate() {
            let shown = viewed
                .as_ref()
                .and_then(|viewed| viewed.get(index).copied());
            match shown.and_then(|operand| Some((operand, *operands.get(operand)?))) {
                Some((operand, source)) => {
                    self.aliases.add_view(operation, index, operand, source)?;
                }
                None => self.aliases.add_base(result),
            }
        }
        Ok(())
    }

    /// Higher-order and symbolic ops, and custom ops that the op table does not have.
    fn template_op(&mut self, op: &AtenOp<'c, 'a>) -> Result<(), Diagnostic> {
        let name = op.name();
        if name.starts_with("hop.") || name.starts_with("sym.") {
            return self.reading_op(op.operation());
        }
        if self.custom_op(op)? {
            return Ok(());
        }
        Err(Diagnostic::at(
            &op.operation(),
            "E0301",
            format!(
                "no schema describes `{name}`, so whether it writes to its arguments is not known"
            ),
        )
        .help("`--load-library` loads the library that registers the operator, and its schema with it"))
    }

    /// An op that only reads, and whose results are memory of their own.
    fn reading_op(&mut self, operation: OperationRef<'c, 'a>) -> Result<(), Diagnostic> {
        self.refresh_operands(operation, operation)?;
        for result in operation.results() {
            self.aliases.add_base(result.into());
        }
        Ok(())
    }

    /// The place before an op, for what stands for it.
    fn emit(&self, anchor: OperationRef<'c, 'a>) -> Emit<'c, 'a, 'e> {
        Emit {
            context: self.context,
            env: self.env,
            anchor,
            location: anchor.location(),
        }
    }

    /// Makes an op read what its operands hold now.
    fn refresh_operands(
        &mut self,
        operation: OperationRef<'c, 'a>,
        anchor: OperationRef<'c, 'a>,
    ) -> Result<(), Diagnostic> {
        let operands: Vec<Value> = operation.operands().collect();
        let mut is_laid_out_anew = false;
        for (index, operand) in operands.into_iter().enumerate() {
            let current = self.read(operand, anchor)?;
            if !mlir::same_value(current, operand) {
                is_laid_out_anew |= current.r#type() != operand.r#type();
                mlir::set_operand(operation, index, current);
            }
        }
        match is_laid_out_anew {
            true => emit::retype(self.context, self.env, &AtenOp::new(operation)),
            false => Ok(()),
        }
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
            current = views::replay(&self.emit(anchor), view, current)?;
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
            levels.push(views::replay(&self.emit(anchor), view, level)?);
        }
        let mut value = new;
        for (view, level) in chain.iter().zip(&levels).rev() {
            value = inverse::inverse(&self.emit(anchor), view, *level, value)?;
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
            mlir::erase_unused(operation);
        }
        Ok(())
    }
}

//! Registers the dialects with MLIR.
//!
//! Dialects, types and attributes are defined through IRDL. Ops are registered as dynamic ops with any
//! operands and results (`border.cpp` says why not through IRDL), under torch's own spelling; the
//! verifier checks the rest from the schema.
//!
//! A program has few of the thousands of ops, so an op is registered when one is first built
//! ([`crate::OpBuilder`]), and all of them before text is parsed ([`crate::text::parse_module`]), which may hold any.

use melior::{
    Context,
    dialect::{DialectHandle, DialectRegistry},
    ir::{
        BlockLike, Module,
        attribute::StringAttribute,
        operation::{OperationLike, OperationMutLike},
    },
    utility::load_irdl_dialects,
};

use crate::{mlir, table};

/// Types and attributes of the `aten` dialect; `ARCHITECTURE.md` says what they mean.
/// Two parameters need two constraint variables, as a variable binds to the first attribute it meets.
const ATEN_DEFINITIONS: &str = "
    irdl.type @token
    irdl.type @str
    irdl.type @any
    irdl.type @object { %0 = irdl.any irdl.parameters(class: %0) }
    irdl.attribute @operand
    irdl.attribute @device { %0 = irdl.any irdl.parameters(name: %0) }
    irdl.attribute @layout { %0 = irdl.any irdl.parameters(name: %0) }
    irdl.attribute @memory_format { %0 = irdl.any irdl.parameters(name: %0) }
    irdl.attribute @op { %0 = irdl.any irdl.parameters(target: %0) }
    irdl.attribute @complex { %0 = irdl.any %1 = irdl.any irdl.parameters(re: %0, im: %1) }
";

/// An MLIR context that knows `builtin`, `func` and every dialect of the op table; [`register_all_ops`] makes its ops
/// known to whoever parses text without [`crate::text::parse_module`].
///
/// Unregistered dialects are allowed, for custom ops that no schema describes; an unknown op of a
/// registered dialect is refused by MLIR. The context runs single-threaded.
pub fn context() -> Context {
    let registry = DialectRegistry::new();
    DialectHandle::func().insert_dialect(&registry);
    mlir::irdl_dialect().insert_dialect(&registry);
    let context = Context::new_with_registry(&registry, false);
    context.load_all_available_dialects();
    context.set_allow_unregistered_dialects(true);
    load_dialects(&context);
    context
}

/// Registers every op of the op table that is not registered yet.
pub fn register_all_ops(context: &Context) {
    for name in table::all_names() {
        mlir::register_dynamic_op(context, name);
    }
}

fn load_dialects(context: &Context) {
    let dialects = table::namespaces();
    let source: String = dialects
        .iter()
        .enumerate()
        .map(|(index, dialect)| {
            let definitions = if *dialect == "aten" {
                ATEN_DEFINITIONS
            } else {
                ""
            };
            format!("irdl.dialect @d{index} {{ {definitions} }}\n")
        })
        .collect();
    let Some(module) = Module::parse(context, &source) else {
        unreachable!("the dialect definitions above are fixed text");
    };
    // IRDL's verifier, which runs when text is parsed, refuses leading underscores; loading does not.
    let mut definition = module.body().first_operation_mut();
    for dialect in &dialects {
        let Some(mut op) = definition else { break };
        op.set_attribute("sym_name", StringAttribute::new(context, dialect).into());
        definition = op.next_in_block_mut();
    }
    load_irdl_dialects(&module);
}

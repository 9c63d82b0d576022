//! The function that holds a graph.

use expc_dialects::{Diagnostic, Signature, ops, program};
use melior::{
    Context,
    ir::{
        Attribute, Identifier, Location, Operation, Region, attribute::StringAttribute,
        operation::OperationBuilder,
    },
};

/// The function of a graph: that of the root is `main`, `single` marks another that returns a bare value.
///
/// # Errors
/// MLIR refuses it (E0133).
pub fn function<'c>(
    context: &'c Context,
    symbol: &str,
    function_type: Attribute<'c>,
    signature: &Signature,
    single: bool,
    region: Region<'c>,
) -> Result<Operation<'c>, Diagnostic> {
    let string = |text: &str| -> Attribute<'c> { StringAttribute::new(context, text).into() };
    let attributes = signature.to_attributes(context);
    let mut entries = vec![
        ("sym_name", string(symbol)),
        ("function_type", function_type),
        ("arg_attrs", attributes.arg_attrs),
        ("res_attrs", attributes.res_attrs),
    ];
    if symbol != "main" {
        entries.push(("sym_visibility", string("private")));
        if single {
            entries.push((ops::attribute::SINGLE, Attribute::unit(context)));
        }
    }
    let constants = [
        (
            program::attribute::CONSTANT_INPUTS,
            attributes.constant_inputs,
        ),
        (
            program::attribute::CONSTANT_OUTPUTS,
            attributes.constant_outputs,
        ),
    ];
    entries.extend(
        constants
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let entries: Vec<_> = entries
        .into_iter()
        .map(|(name, value)| (Identifier::new(context, name), value))
        .collect();
    OperationBuilder::new("func.func", Location::unknown(context))
        .add_attributes(&entries)
        .add_regions([region])
        .build()
        .map_err(|_| Diagnostic::error("E0133", format!("function `@{symbol}` cannot be built")))
}

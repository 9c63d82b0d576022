//! Operands that versions of PyTorch write in different ways.

use expc_dialects::{GivenArgument, table};

/// Puts the operands of a call of a shared graph one by one, where PyTorch to 2.7 has them in a list.
pub fn spread_operands(op: &str, arguments: &mut Vec<GivenArgument<'_, '_>>) {
    if op != table::INVOKE_SUBGRAPH || arguments.len() != 3 {
        return;
    }
    let operands = arguments.last().and_then(|last| last.value.elements());
    if let Some(operands) = operands {
        arguments.truncate(2);
        arguments.extend(operands.into_iter().map(|value| GivenArgument {
            name: String::new(),
            value,
            by_keyword: false,
        }));
    }
}

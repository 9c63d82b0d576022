//! What the arguments and results of an op look like in Python, from its row in the op table.

use expc_dialects::{
    AtenOp, Diagnostic, GivenArgument, ResultGroup, ValueType,
    ops::is_symbolic_scalar,
    table::{self, Columns, HOP, OpDef, SYM},
};
use melior::ir::{
    Value, ValueLike,
    operation::{OperationLike, OperationRef},
};

use super::fx::Callee;

/// Whether an argument of a higher-order op is a tuple in Python and not a list.
pub fn is_tuple(op: AtenOp<'_, '_>, argument: &GivenArgument<'_, '_>, position: usize) -> bool {
    is_listed(op, argument, position, |columns| &columns.tuples)
}

/// Whether the graph in an argument of a higher-order op returns a list and not a tuple.
pub fn returns_lists(
    op: AtenOp<'_, '_>,
    argument: &GivenArgument<'_, '_>,
    position: usize,
) -> bool {
    is_listed(op, argument, position, |columns| &columns.lists)
}

fn is_listed(
    op: AtenOp<'_, '_>,
    argument: &GivenArgument<'_, '_>,
    position: usize,
    column: impl Fn(&'static Columns<'static>) -> &'static Vec<&'static str>,
) -> bool {
    let Some(def) = hop(op) else {
        return false;
    };
    let name = match argument.by_keyword {
        true => Some(argument.name.as_str()),
        false => def.schema.args.get(position).map(|arg| arg.name),
    };
    name.is_some_and(|name| column(&def.columns).contains(&name))
}

fn is_hop(op: AtenOp<'_, '_>) -> bool {
    op.name()
        .strip_prefix(HOP)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// The row of a higher-order op.
fn hop(op: AtenOp<'_, '_>) -> Option<&'static OpDef> {
    table::hop(op.name().strip_prefix(HOP)?.strip_prefix('.')?)
}

/// Whether a positional argument continues the arguments before it.
pub fn is_next_position(
    op: AtenOp<'_, '_>,
    argument: &GivenArgument<'_, '_>,
    position: usize,
) -> bool {
    let index = op
        .def()
        .and_then(|def| def.schema.arg(&argument.name))
        .map(|(index, _)| index);
    index.is_none_or(|index| index == position)
}

/// Whether the value of a call is its result, so that nothing is taken out of it.
pub fn is_bare(op: AtenOp<'_, '_>, groups: &[ResultGroup<'_, '_>], names: &[String]) -> bool {
    let [ResultGroup::Single(value)] = groups else {
        return false;
    };
    if is_hop(op) {
        return op.is_single() || ValueType::from_mlir(value.r#type()) == Some(ValueType::None);
    }
    match op.def() {
        Some(def) => def.schema.returns.len() <= 1,
        None => names
            .first()
            .is_none_or(|name| name.is_empty() || *name == op.node_name()),
    }
}

/// Whether an op returns one list and nothing beside it.
pub fn returns_list(op: AtenOp<'_, '_>) -> bool {
    match op.def() {
        Some(def) => def.schema.returns.len() == 1,
        None => op.result_groups().is_ok_and(|groups| groups.len() == 1),
    }
}

pub fn callee(op: AtenOp<'_, '_>) -> Result<Callee, Diagnostic> {
    let name = op.name();
    if op.def().is_some() {
        return Ok(Callee::Torch(format!("torch.ops.{name}")));
    }
    match name.split_once('.') {
        Some((HOP, hop)) => Ok(Callee::Torch(format!("torch.ops.higher_order.{hop}"))),
        Some((SYM, function)) => {
            let columns = table::sym(function).map(|def| &def.columns);
            let function = columns.and_then(|columns| {
                let python = columns.python?;
                Some(match columns.format {
                    Some(format) => Callee::Format(format),
                    None if python.starts_with("torch.") => Callee::Torch(python.to_owned()),
                    None => Callee::Python(python),
                })
            });
            function.ok_or_else(|| {
                Diagnostic::at(
                    &op.operation(),
                    "E0241",
                    format!("there is no symbolic function `{name}`"),
                )
            })
        }
        _ => Ok(Callee::Torch(format!("torch.ops.{name}"))),
    }
}

/// What FX names a node of this op after: the op, and with it the overload if there are no results.
pub fn base_name(op: AtenOp<'_, '_>) -> String {
    let name = op.name();
    let mut parts = name.split('.').skip(1);
    let function = parts.next().unwrap_or(&name);
    match parts.next() {
        Some(overload) if op.operation().result_count() == 0 => format!("{function}_{overload}"),
        _ => function.to_owned(),
    }
}

/// Whether an op does nothing but ask for a size that is known only when the program runs, compute with
/// such sizes, or check them.
pub fn is_size_check(op: OperationRef<'_, '_>) -> bool {
    let op = AtenOp::new(op);
    let sizes: Vec<String> = op
        .symbolic_results()
        .into_iter()
        .map(|(_, size)| size)
        .collect();
    let gives_scalars = sizes.len() == op.operation().result_count();
    // Printed programs do not tell the offsets of tensors.
    let asks_offset = op.name() == "aten.sym_storage_offset.default";
    let is_asked = |operand, size: &String| {
        is_unbacked(size) && (asks_offset || is_size_or_offset(operand, size))
    };
    gives_scalars
        && op.operation().operands().all(|operand| {
            is_symbolic_scalar(operand)
                || (!sizes.is_empty() && sizes.iter().all(|size| is_asked(operand, size)))
        })
}

/// Whether an expression names a symbol that only running the program gives a value to: `u0`.
fn is_unbacked(expression: &str) -> bool {
    let is_symbol = |word: &str| {
        word.strip_prefix('u').is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
        })
    };
    let mut words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.any(is_symbol)
}

/// Whether an expression is a size of a tensor or its offset.
fn is_size_or_offset(tensor: Value<'_, '_>, expression: &str) -> bool {
    let Some(ValueType::Tensor(meta)) = ValueType::from_mlir(tensor.r#type()) else {
        return false;
    };
    let mut sizes = meta.sizes.unwrap_or_default();
    sizes.push(meta.storage_offset);
    sizes.iter().any(|size| size.to_string() == expression)
}

/// What FX writes of a value behind its name; nothing for objects, tokens and plain numbers.
pub fn annotation(value: Value<'_, '_>, sym: Option<&str>) -> Option<String> {
    match ValueType::from_mlir(value.r#type())? {
        ValueType::Tensor(meta) => {
            // PyTorch cannot ask these for their sizes without data.
            if matches!(meta.layout.as_str(), "sparse_csr" | "sparse_csc") {
                return None;
            }
            let sizes: Vec<String> = meta.sizes?.iter().map(ToString::to_string).collect();
            Some(format!("{}[{}]", meta.dtype.short_name(), sizes.join(", ")))
        }
        ValueType::SymInt | ValueType::SymFloat | ValueType::SymBool => {
            sym.map(|sym| format!("Sym({sym})"))
        }
        _ => None,
    }
}

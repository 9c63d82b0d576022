//! Writes what was inferred into a module, and forgets what a module records.

use std::collections::BTreeSet;

use expc_dialects::{
    Diagnostic, Graph, Program, ValueType, constant::string_array, mlir, ops::attribute, program,
};
use expc_symbolic::Assumption;
use melior::ir::{
    BlockLike, Module, Type, Value, ValueLike,
    attribute::ArrayAttribute,
    operation::{OperationLike, OperationMutLike},
};

use super::{Item, ShapeEnv, propagate::Analysis};

/// Sets the types of all values, the expressions of symbolic scalars and the types of functions; declares the symbols
/// that inference has invented.
pub(super) fn annotate(
    module: &Module<'_>,
    program: &Program<'_, '_>,
    analysis: &Analysis<'_, '_, '_>,
) -> Result<(), Diagnostic> {
    let context = mlir::context_of(program.operation());
    for (value, item) in analysis.values() {
        let r#type = item.to_value_type().to_mlir(context);
        if value.r#type() != r#type {
            value.set_type(r#type);
        }
    }
    for graph in program.graphs() {
        set_expressions(&graph, analysis);
        set_signature(&graph, analysis)?;
    }
    declare_symbols(module, program, analysis)
}

/// Forgets the types of all tensors but the inputs of the root graph, and the expressions of symbolic scalars that
/// ops compute: they become `!aten.any`, as in a program that carries no shapes.
pub fn forget_types(module: &Module<'_>) -> Result<(), Diagnostic> {
    let program = Program::new(module);
    let root = program.root()?.symbol();
    let any = ValueType::Any.to_mlir(mlir::context_of(program.operation()));
    for graph in program.graphs() {
        let mut next = graph.block().first_operation_mut();
        while let Some(mut op) = next {
            for result in op.results() {
                forget_type(result.into(), any);
            }
            // There is none on most ops.
            let _ = op.remove_attribute(attribute::SYM);
            next = op.next_in_block_mut();
        }
        if graph.symbol() != root {
            for argument in graph.arguments() {
                forget_type(argument, any);
            }
        }
        let mut signature = graph.signature()?;
        let outputs = signature.outputs.iter_mut();
        let n_forgotten = outputs.filter_map(|output| output.sym.take()).count();
        if n_forgotten > 0 {
            mlir::set_signature(graph.operation(), &signature);
        }
        set_function_type(&graph);
    }
    Ok(())
}

fn forget_type<'c>(value: Value<'c, '_>, any: Type<'c>) {
    if let Some(ValueType::Tensor(_)) = ValueType::from_mlir(value.r#type()) {
        value.set_type(any);
    }
}

/// Makes the type of a function that of its arguments and of what it returns.
fn set_function_type(graph: &Graph<'_, '_>) {
    let (arguments, returned) = (graph.arguments(), graph.returned());
    let inputs: Vec<Type> = arguments.iter().map(ValueLike::r#type).collect();
    let results: Vec<Type> = returned.iter().map(ValueLike::r#type).collect();
    mlir::set_function_type(graph.operation(), &inputs, &results);
}

/// The texts of all symbolic scalars among values; none if one is not known.
fn expressions<'c: 'a, 'a>(
    values: impl Iterator<Item = Value<'c, 'a>>,
    analysis: &Analysis<'_, '_, '_>,
) -> Option<Vec<String>> {
    let texts = values.filter_map(|value| analysis.known(value)?.expression_text());
    texts
        .map(|text| (!text.is_empty()).then_some(text))
        .collect()
}

/// Sets the expressions of the symbolic scalars that ops compute.
fn set_expressions(graph: &Graph<'_, '_>, analysis: &Analysis<'_, '_, '_>) {
    let context = mlir::context_of(graph.operation());
    let mut next = graph.block().first_operation_mut();
    while let Some(mut op) = next {
        let texts = expressions(op.results().map(Value::from), analysis);
        if let Some(texts) = texts.filter(|texts| !texts.is_empty()) {
            op.set_attribute(attribute::SYM, string_array(context, texts));
        }
        next = op.next_in_block_mut();
    }
}

/// Sets the type of a function, and the expressions of the scalars that it takes and returns.
fn set_signature(graph: &Graph<'_, '_>, analysis: &Analysis<'_, '_, '_>) -> Result<(), Diagnostic> {
    let (arguments, returned) = (graph.arguments(), graph.returned());
    let text = |value: &Value<'_, '_>| {
        let item = analysis.known(*value)?;
        item.expression_text().filter(|text| !text.is_empty())
    };
    let mut signature = graph.signature()?;
    let inputs = signature
        .inputs
        .iter_mut()
        .filter(|input| input.constant.is_none());
    for (input, value) in inputs.zip(&arguments) {
        input.sym = text(value).or_else(|| input.sym.take());
    }
    let outputs = signature
        .outputs
        .iter_mut()
        .filter(|output| output.constant.is_none());
    for (output, value) in outputs.zip(&returned) {
        output.sym = text(value).or_else(|| output.sym.take());
    }
    let has_symbols = signature.inputs.iter().any(|input| input.sym.is_some())
        || signature.outputs.iter().any(|output| output.sym.is_some());
    if has_symbols {
        mlir::set_signature(graph.operation(), &signature);
    }
    set_function_type(graph);
    Ok(())
}

/// Adds the symbols that were invented and are still in some type to those of the module.
fn declare_symbols(
    module: &Module<'_>,
    program: &Program<'_, '_>,
    analysis: &Analysis<'_, '_, '_>,
) -> Result<(), Diagnostic> {
    let items = analysis.values().map(|(_, item)| item);
    declare(module, program, analysis.env, items)
}

/// Adds the symbols that rewriting has invented and that are still in some type to those of the module.
///
/// # Errors
/// What the module says of its symbols is malformed.
pub(crate) fn declare_invented(module: &Module<'_>, env: &ShapeEnv<'_>) -> Result<(), Diagnostic> {
    if env.has_invented_none() {
        return Ok(());
    }
    let program = Program::new(module);
    let operations = program
        .graphs()
        .into_iter()
        .flat_map(|graph| graph.operations());
    let items: Vec<Item> = operations
        .flat_map(|op| op.results().map(Value::from).collect::<Vec<_>>())
        .map(|value| Item::from_value(env, value))
        .collect();
    declare(module, &program, env, items.iter())
}

fn declare<'i>(
    module: &Module<'_>,
    program: &Program<'_, '_>,
    env: &ShapeEnv<'_>,
    items: impl Iterator<Item = &'i Item>,
) -> Result<(), Diagnostic> {
    let mut symbols = program.symbols()?;
    let (mut used, mut sizes) = (BTreeSet::new(), BTreeSet::new());
    for item in items {
        let found = if item.is_tensor() {
            &mut sizes
        } else {
            &mut used
        };
        item.visit_expressions(&mut |expr| found.extend(expr.free_symbols()));
    }
    used.extend(sizes.iter().cloned());
    let invented: Vec<_> = used
        .into_iter()
        .filter(|symbol| env.is_fresh(symbol.name()))
        .filter(|symbol| !symbols.iter().any(|known| known.name == symbol.name()))
        .collect();
    if invented.is_empty() {
        return Ok(());
    }
    let mut ranges = program.ranges()?;
    let (known, n_known): (BTreeSet<_>, _) = (
        ranges
            .iter()
            .map(|range| range.expression.clone())
            .collect(),
        ranges.len(),
    );
    let integers = invented
        .iter()
        .filter(|symbol| symbol.assumes(Assumption::Integer));
    let open = integers.filter(|symbol| !known.contains(symbol.name()));
    ranges.extend(open.map(|symbol| program::Range {
        expression: symbol.name().to_owned(),
        min: sizes.contains(symbol).then_some(0),
        max: None,
    }));
    symbols.extend(invented.into_iter().map(|symbol| program::Symbol {
        integer: symbol.assumes(Assumption::Integer),
        positive: symbol.assumes(Assumption::Positive),
        hint: None,
        name: symbol.name().to_owned(),
    }));
    let context = mlir::context_of(program.operation());
    let entries: Vec<_> = symbols
        .iter()
        .map(|symbol| symbol.to_attribute(context))
        .collect();
    let mut attributes = vec![(
        program::attribute::SYMBOLS,
        ArrayAttribute::new(context, &entries).into(),
    )];
    if ranges.len() > n_known {
        let entries: Vec<_> = ranges
            .iter()
            .map(|range| range.to_constant().to_attribute(context))
            .collect();
        let ranges = ArrayAttribute::new(context, &entries).into();
        attributes.push((program::attribute::RANGES, ranges));
    }
    mlir::set_module_attributes(module, &attributes);
    Ok(())
}

//! Decompositions of the user: a function per op, from a `.mlir` module.
//!
//! A function is named like the op that it takes apart and has one argument for each argument of the op's schema, in
//! order, whatever its type; so constants, lists and None are handed on like tensors. In the body they stand where
//! the schema of an op in it has an argument. One argument stands for a whole list.
//!
//! ```mlir
//! // conv2d(…) = 2 * convolution(…)
//! func.func @aten.conv2d.default(%input: !aten.any, %weight: !aten.any, %bias: !aten.any, %stride: !aten.any,
//!                                %padding: !aten.any, %dilation: !aten.any, %groups: !aten.any) -> !aten.any {
//!   %0 = "aten.convolution.default"(%input, %weight, %bias, %stride, %padding, %dilation, %groups)
//!       {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 0, 0, 1>, transposed = false, output_padding = array<i64: 0, 0>}
//!       : (!aten.any, !aten.any, !aten.any, !aten.any, !aten.any, !aten.any, !aten.any) -> !aten.any
//!   %1 = "aten.mul.Scalar"(%0) {other = 2 : i64} : (!aten.any) -> !aten.any
//!   return %1 : !aten.any
//! }
//! ```

use std::collections::BTreeMap;

use expc_dialects::{
    Argument, AtenOp, Constant, Diagnostic, GivenArgument, Graph, Program,
    mlir::value_key,
    table::{self, OpDef},
};
use melior::ir::{
    Value,
    operation::{OperationLike, OperationRef},
};
use rustc_hash::FxHashMap;

use crate::pattern::{Replacement, Rewrite, Rewritten, refuse};

/// The functions of a module, by the op that each takes apart.
#[derive(Clone, Debug, Default)]
pub struct CustomRules {
    by_op: BTreeMap<&'static str, CustomRule>,
}

/// A function, without the module that it was read from.
#[derive(Clone, Debug)]
pub struct CustomRule {
    steps: Vec<Step>,
    returned: Vec<Source>,
}

#[derive(Clone, Debug)]
struct Step {
    op: String,
    arguments: Vec<(String, Template)>,
}

/// Where a value of the function comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// The argument of the op at this position of its schema.
    Argument(usize),
    /// A result of a step.
    Result { step: usize, index: usize },
}

/// An argument of a step.
#[derive(Clone, Debug)]
enum Template {
    Source(Source),
    Constant(Constant),
    List(Vec<Template>),
    Dict(Vec<(String, Template)>),
}

impl CustomRules {
    /// Reads the functions of a module.
    ///
    /// # Errors
    /// Functions that are named like no op, have another number of arguments or results than its schema, or use what
    /// cannot stand in a decomposition; all of them.
    pub fn of_module(program: &Program<'_, '_>) -> Result<Self, Vec<Diagnostic>> {
        let mut rules = Self::default();
        let mut found = Vec::new();
        for graph in program.graphs() {
            match rule_of(&graph) {
                Ok((def, rule)) => _ = rules.by_op.insert(def.name, rule),
                Err(fault) => found.push(fault),
            }
        }
        if found.is_empty() {
            Ok(rules)
        } else {
            Err(found)
        }
    }
}

impl IntoIterator for CustomRules {
    type Item = (&'static str, CustomRule);
    type IntoIter = std::collections::btree_map::IntoIter<&'static str, CustomRule>;

    /// The ops that are taken apart, with their functions.
    fn into_iter(self) -> Self::IntoIter {
        self.by_op.into_iter()
    }
}

fn rule_of(graph: &Graph<'_, '_>) -> Result<(&'static OpDef, CustomRule), Diagnostic> {
    let name = graph.symbol();
    let fault = |what: String| Diagnostic::at(&graph.operation(), "E0406", what);
    let Some(def) = table::lookup(&name) else {
        let unknown = fault(format!(
            "the decomposition `{name}` is named like no operator"
        ));
        return Err(match table::suggest(&name).as_slice() {
            [] => unknown,
            near => unknown.help(format!("did you mean `{}`?", near.join("`, `"))),
        });
    };
    let (expected, found) = (def.schema.args.len(), graph.arguments().len());
    if expected != found {
        return Err(fault(format!(
            "the decomposition of `{name}` has {found} arguments, its schema {expected}"
        )));
    }
    let (expected, found) = (def.schema.returns.len(), graph.returned().len());
    if expected != found {
        return Err(fault(format!(
            "the decomposition of `{name}` returns {found} values, the operator {expected}"
        )));
    }
    let mut sources: FxHashMap<usize, Source> = FxHashMap::default();
    for (position, argument) in graph.arguments().into_iter().enumerate() {
        sources.insert(value_key(argument), Source::Argument(position));
    }
    let mut steps = Vec::new();
    for operation in graph.operations() {
        steps.push(step_of(operation, &sources)?);
        for (index, result) in operation.results().enumerate() {
            let source = Source::Result {
                step: steps.len() - 1,
                index,
            };
            sources.insert(value_key(result.into()), source);
        }
    }
    let returned = graph
        .returned()
        .into_iter()
        .map(|value| sources.get(&value_key(value)).copied())
        .collect::<Option<_>>();
    let returned = returned
        .ok_or_else(|| fault("a returned value is computed outside of the function".to_owned()))?;
    Ok((def, CustomRule { steps, returned }))
}

fn step_of(
    operation: OperationRef<'_, '_>,
    sources: &FxHashMap<usize, Source>,
) -> Result<Step, Diagnostic> {
    let op = AtenOp::new(operation);
    let name = op.name();
    let is_symbolic = name.starts_with("sym.");
    if op.def().is_none() && !is_symbolic {
        return Err(Diagnostic::at(
            &operation,
            "E0406",
            format!("`{name}` cannot stand in a decomposition: it has no schema"),
        ));
    }
    let arguments = op.arguments()?.into_iter().map(|argument| {
        let template = template_of(&argument.value, sources).ok_or_else(|| {
            Diagnostic::at(
                &operation,
                "E0406",
                format!(
                    "argument `{}` is computed outside of the function",
                    argument.name
                ),
            )
        })?;
        Ok((argument.name, template))
    });
    Ok(Step {
        op: name,
        arguments: arguments.collect::<Result<_, Diagnostic>>()?,
    })
}

fn template_of(
    argument: &Argument<'_, '_>,
    sources: &FxHashMap<usize, Source>,
) -> Option<Template> {
    Some(match argument {
        Argument::Value(value) => Template::Source(*sources.get(&value_key(*value))?),
        Argument::Constant(constant) => Template::Constant(constant.clone()),
        Argument::List(items) => Template::List(
            items
                .iter()
                .map(|item| template_of(item, sources))
                .collect::<Option<_>>()?,
        ),
        Argument::Dict(entries) => Template::Dict(
            entries
                .iter()
                .map(|(key, item)| Some((key.clone(), template_of(item, sources)?)))
                .collect::<Option<_>>()?,
        ),
    })
}

impl CustomRule {
    /// Builds the body in place of the matched op.
    pub fn apply<'c, 'a>(&self, b: &Rewrite<'_, 'c, 'a>) -> Rewritten<Replacement<'c, 'a>> {
        let Some(def) = b.op().def() else {
            return refuse("the operator has no schema");
        };
        let given: Vec<Argument<'c, 'a>> = def
            .schema
            .args
            .iter()
            .map(|arg| {
                b.arg(arg.name)
                    .unwrap_or(Argument::Constant(Constant::None))
            })
            .collect();
        let mut results: Vec<Vec<Value<'c, 'a>>> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let arguments = step.arguments.iter().map(|(name, template)| {
                Ok(GivenArgument {
                    name: name.clone(),
                    value: filled(template, &given, &results)?,
                    by_keyword: false,
                })
            });
            let arguments = arguments.collect::<Rewritten<Vec<_>>>()?;
            results.push(b.op_of_given(&step.op, arguments)?);
        }
        let returned =
            self.returned
                .iter()
                .map(|source| match value_of(*source, &given, &results)? {
                    Argument::Value(value) => Ok(Some(value)),
                    _ => refuse("a constant is returned"),
                });
        returned.collect()
    }
}

fn value_of<'c, 'a>(
    source: Source,
    given: &[Argument<'c, 'a>],
    results: &[Vec<Value<'c, 'a>>],
) -> Rewritten<Argument<'c, 'a>> {
    let found = match source {
        Source::Argument(position) => given.get(position).cloned(),
        Source::Result { step, index } => results
            .get(step)
            .and_then(|results| results.get(index))
            .map(|value| Argument::Value(*value)),
    };
    found.map_or_else(|| refuse("a result of the body is missing"), Ok)
}

fn filled<'c, 'a>(
    template: &Template,
    given: &[Argument<'c, 'a>],
    results: &[Vec<Value<'c, 'a>>],
) -> Rewritten<Argument<'c, 'a>> {
    match template {
        Template::Source(source) => value_of(*source, given, results),
        Template::Constant(constant) => Ok(Argument::Constant(constant.clone())),
        Template::List(items) => {
            let items = items
                .iter()
                .map(|item| filled(item, given, results))
                .collect::<Rewritten<Vec<_>>>()?;
            Ok(match items.as_slice() {
                // The argument of the matched op is the whole list already, or None.
                [only] if only.elements().is_some() || is_none(only) => only.clone(),
                _ => items.into(),
            })
        }
        Template::Dict(entries) => {
            let entries = entries
                .iter()
                .map(|(key, item)| Ok((key.clone(), filled(item, given, results)?)));
            Ok(Argument::Dict(entries.collect::<Rewritten<_>>()?))
        }
    }
}

fn is_none(argument: &Argument<'_, '_>) -> bool {
    matches!(argument, Argument::Constant(Constant::None))
}

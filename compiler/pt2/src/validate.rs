//! What must hold of a program whatever its ops mean.
//!
//! The rules:
//! 1. a name is defined before it is used, by an input or an earlier node of the same graph;
//! 2. a name is defined once in a graph;
//! 3. a tensor's name is not used for a scalar or object, nor the other way round; lists are excepted, as the
//!    serializer writes the mixed operands of higher-order ops as lists of tensors;
//! 4. every tensor that a graph defines has a `tensor_values` entry;
//! 5. the signature has one spec per input and output of the root graph, of the same names;
//! 6. the signature's targets are in the weights or constants, and mutations have a target among the inputs;
//! 7. a range's lower bound is not above its upper bound;
//! 8. graphs are not nested too deep.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::archive::Archive;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::schema::{
    Argument, ExportedProgram, Graph, InputSpec, NamedValue, Node, OutputSpec, Str, TensorMeta,
};
use crate::weights::{Constant, Weights};

/// A fault of a program, with the graph and node that have it.
#[derive(Debug, thiserror::Error)]
#[error("{place}{fault}")]
pub struct GraphError {
    pub place: Place,
    pub fault: GraphFault,
}

/// Where in a program something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The path of the sub-graph, `true_graph_0.body`; empty for the root graph.
    pub graph: String,
    pub node: Option<NodePlace>,
}

/// A node by its position and what tells it apart for a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePlace {
    pub position: usize,
    /// The FX name, else the name of its first result, else empty.
    pub name: String,
    pub target: String,
    /// The last line of its stack trace that names a file.
    pub source: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.graph.is_empty() {
            write!(f, "graph `{}`: ", self.graph.escape_debug())?;
        }
        let Some(node) = &self.node else {
            return Ok(());
        };
        write!(
            f,
            "node {} `{}` ({})",
            node.position,
            node.name.escape_debug(),
            node.target.escape_debug()
        )?;
        if let Some(source) = &node.source {
            write!(f, " at {}", source.escape_debug())?;
        }
        f.write_str(": ")
    }
}

/// The rule that a program breaks.
#[derive(Debug, thiserror::Error)]
pub enum GraphFault {
    #[error("`{name}` is used but never defined")]
    Undefined { name: String },
    #[error("`{name}` is used before node {definition} defines it")]
    UsedBeforeDefinition { name: String, definition: usize },
    #[error("`{name}` is defined twice")]
    DefinedTwice { name: String },
    #[error("`{name}` is a {found}, used as a {expected}")]
    Kind {
        name: String,
        expected: &'static str,
        found: &'static str,
    },
    #[error("the tensor `{name}` has no entry in `tensor_values`")]
    NoTensorMeta { name: String },
    #[error("the tensor `{name}` has {sizes} sizes and {strides} strides")]
    TensorMetaRank {
        name: String,
        sizes: usize,
        strides: usize,
    },
    #[error("the signature has {specs} {what} specs, and the graph has {values} {what}s")]
    SpecCount {
        what: &'static str,
        specs: usize,
        values: usize,
    },
    #[error("{what} {position} is `{found}` in the graph and `{expected}` in the signature")]
    SpecName {
        what: &'static str,
        position: usize,
        expected: String,
        found: String,
    },
    #[error("the {kind} `{target}` of input `{name}` is in neither weights nor constants")]
    NoTarget {
        kind: &'static str,
        target: String,
        name: String,
    },
    #[error("the {kind} of output {position} is for `{target}`, which is no such input")]
    NoMutationTarget {
        kind: &'static str,
        position: usize,
        target: String,
    },
    #[error("the range of `{expr}` is empty: {min}..={max}")]
    EmptyRange { expr: String, min: i64, max: i64 },
    #[error("graphs are nested more than {limit} deep")]
    TooDeep { limit: usize },
}

/// Finds everything that breaks a rule; `weights` lets rule 6 look for the targets.
pub fn validate(
    program: &ExportedProgram<'_>,
    weights: Option<&Weights>,
    limits: &Limits,
) -> Vec<GraphError> {
    let mut check = Check {
        limits,
        errors: Vec::new(),
    };
    let tokens = token_names(program);
    check.graph(&program.graph_module.graph, String::new(), 0, &tokens);
    check.signature(program, weights);
    check.ranges(program);
    check.errors
}

impl Archive {
    /// [`validate`] with the faults located in this archive.
    pub fn validate(&self, program: &ExportedProgram<'_>, weights: Option<&Weights>) -> Vec<Error> {
        let errors = validate(program, weights, self.limits());
        errors
            .into_iter()
            .map(|error| ErrorKind::from(error).at(self.file(), self.program_entry()))
            .collect()
    }
}

impl NodePlace {
    /// The place of `node`, which is at `position` in its graph.
    pub fn of(node: &Node<'_>, position: usize) -> Self {
        NodePlace {
            position,
            name: node.display_name().unwrap_or_default().to_owned(),
            target: node.target.to_string(),
            source: node
                .metadata
                .get("stack_trace")
                .and_then(|trace| last_source_line(trace)),
        }
    }
}

/// `file.py:310` of the innermost frame of a Python stack trace.
fn last_source_line(trace: &str) -> Option<String> {
    let line = trace
        .lines()
        .rev()
        .find_map(|line| line.trim_start().strip_prefix("File \""))?;
    let (file, rest) = line.split_once("\", line ")?;
    let number = rest.split(',').next()?;
    Some(format!("{file}:{number}"))
}

/// The names of effect tokens, which are no tensors.
fn token_names<'p>(program: &'p ExportedProgram<'_>) -> HashSet<&'p str> {
    let signature = &program.graph_module.signature;
    let inputs = signature.input_specs.iter().filter_map(|spec| match spec {
        InputSpec::Token { name } => Some(name.as_str()),
        _ => None,
    });
    let outputs = signature.output_specs.iter().filter_map(|spec| match spec {
        OutputSpec::Token { name } => Some(name.as_str()),
        _ => None,
    });
    inputs.chain(outputs).collect()
}

struct Check<'l> {
    limits: &'l Limits,
    errors: Vec<GraphError>,
}

/// The names of one graph: what each stands for, and which node defines it (`None`: an input).
struct Scope<'g> {
    defined: HashMap<&'g str, NamedValue>,
    definitions: HashMap<&'g str, usize>,
}

impl<'l> Check<'l> {
    fn fail(&mut self, graph: &str, node: Option<(usize, &Node<'_>)>, fault: GraphFault) {
        let node = node.map(|(position, node)| NodePlace::of(node, position));
        self.errors.push(GraphError {
            place: Place {
                graph: graph.to_owned(),
                node,
            },
            fault,
        });
    }

    fn graph(&mut self, graph: &Graph<'_>, path: String, depth: usize, tokens: &HashSet<&str>) {
        if depth > self.limits.graph_depth {
            return self.fail(
                &path,
                None,
                GraphFault::TooDeep {
                    limit: self.limits.graph_depth,
                },
            );
        }
        let mut scope = Scope {
            defined: HashMap::new(),
            definitions: definitions(graph),
        };
        for input in &graph.inputs {
            self.define(graph, &path, None, input, &mut scope, tokens);
        }
        for (position, node) in graph.nodes.iter().enumerate() {
            let at = Some((position, node));
            for input in &node.inputs {
                self.uses(&path, at, &input.arg, &scope);
                self.sub_graphs(&input.arg, &path, depth, tokens);
            }
            for output in &node.outputs {
                self.define(graph, &path, at, output, &mut scope, tokens);
            }
        }
        for output in &graph.outputs {
            self.uses(&path, None, output, &scope);
        }
        for (name, meta) in &graph.tensor_values {
            self.tensor_meta(&path, name, meta);
        }
    }

    fn sub_graphs(
        &mut self,
        argument: &Argument<'_>,
        path: &str,
        depth: usize,
        tokens: &HashSet<&str>,
    ) {
        match argument {
            Argument::Graph(inner) => {
                let dot = if path.is_empty() { "" } else { "." };
                self.graph(
                    &inner.graph,
                    format!("{path}{dot}{}", inner.name),
                    depth + 1,
                    tokens,
                );
            }
            Argument::StringToArgument(map) => {
                for argument in map.values() {
                    self.sub_graphs(argument, path, depth, tokens);
                }
            }
            _ => {}
        }
    }

    fn define<'g>(
        &mut self,
        graph: &'g Graph<'_>,
        path: &str,
        at: Option<(usize, &Node<'_>)>,
        argument: &'g Argument<'_>,
        scope: &mut Scope<'g>,
        tokens: &HashSet<&str>,
    ) {
        argument.for_each_name(&mut |kind, name| {
            let name: &'g str = name.as_str();
            if scope.defined.insert(name, kind).is_some() {
                self.fail(
                    path,
                    at,
                    GraphFault::DefinedTwice {
                        name: name.to_owned(),
                    },
                );
            }
            if kind == NamedValue::Tensor
                && !graph.tensor_values.contains_key(name)
                && !tokens.contains(name)
            {
                self.fail(
                    path,
                    at,
                    GraphFault::NoTensorMeta {
                        name: name.to_owned(),
                    },
                );
            }
        });
    }

    fn uses(
        &mut self,
        path: &str,
        at: Option<(usize, &Node<'_>)>,
        argument: &Argument<'_>,
        scope: &Scope<'_>,
    ) {
        let may_be_mixed = matches!(
            argument,
            Argument::Tensors(_)
                | Argument::OptionalTensors(_)
                | Argument::NestedTensors(_)
                | Argument::StringToArgument(_)
        );
        argument.for_each_name(&mut |kind, name| {
            let text = || name.to_string();
            let fault = match scope.defined.get(name.as_str()) {
                Some(&found) if may_be_mixed || sort(found) == sort(kind) => return,
                Some(found) => GraphFault::Kind {
                    name: text(),
                    expected: kind.describe(),
                    found: found.describe(),
                },
                None => match scope.definitions.get(name.as_str()) {
                    Some(&definition) => GraphFault::UsedBeforeDefinition {
                        name: text(),
                        definition,
                    },
                    None => GraphFault::Undefined { name: text() },
                },
            };
            self.fail(path, at, fault);
        });
    }

    fn tensor_meta(&mut self, path: &str, name: &str, meta: &TensorMeta<'_>) {
        let (sizes, strides) = (meta.sizes.len(), meta.strides.len());
        // Sparse layouts have no strides.
        if sizes != strides && strides != 0 {
            self.fail(
                path,
                None,
                GraphFault::TensorMetaRank {
                    name: name.to_owned(),
                    sizes,
                    strides,
                },
            );
        }
    }

    fn signature(&mut self, program: &ExportedProgram<'_>, weights: Option<&Weights>) {
        let (graph, signature) = (&program.graph_module.graph, &program.graph_module.signature);
        self.spec_count("input", signature.input_specs.len(), graph.inputs.len());
        self.spec_count("output", signature.output_specs.len(), graph.outputs.len());
        for (position, (spec, input)) in signature.input_specs.iter().zip(&graph.inputs).enumerate()
        {
            if let Some(expected) = spec.name() {
                self.spec_name("input", position, expected, input);
            }
            if let (Some(weights), Some(target)) = (weights, spec.target())
                && !has_target(weights, spec, target)
            {
                let name = spec.name().map(Str::to_string).unwrap_or_default();
                self.fail(
                    "",
                    None,
                    GraphFault::NoTarget {
                        kind: spec.tag(),
                        target: target.to_string(),
                        name,
                    },
                );
            }
        }
        for (position, (spec, output)) in signature
            .output_specs
            .iter()
            .zip(&graph.outputs)
            .enumerate()
        {
            if let Some(expected) = spec.name() {
                self.spec_name("output", position, expected, output);
            }
            self.mutation_target(program, position, spec);
        }
    }

    fn spec_count(&mut self, what: &'static str, specs: usize, values: usize) {
        if specs != values {
            self.fail(
                "",
                None,
                GraphFault::SpecCount {
                    what,
                    specs,
                    values,
                },
            );
        }
    }

    fn spec_name(
        &mut self,
        what: &'static str,
        position: usize,
        expected: &Str<'_>,
        value: &Argument<'_>,
    ) {
        let mut found = None;
        value.for_each_name(&mut |_, name| found = Some(name.to_string()));
        if found.as_deref() != Some(expected.as_str()) {
            let found = found.unwrap_or_else(|| value.tag().to_owned());
            self.fail(
                "",
                None,
                GraphFault::SpecName {
                    what,
                    position,
                    expected: expected.to_string(),
                    found,
                },
            );
        }
    }

    fn mutation_target(
        &mut self,
        program: &ExportedProgram<'_>,
        position: usize,
        spec: &OutputSpec<'_>,
    ) {
        let Some(target) = spec.target() else { return };
        let mut inputs = program.graph_module.signature.input_specs.iter();
        let is_there = match spec {
            OutputSpec::BufferMutation { .. } => inputs.any(
                |input| matches!(input, InputSpec::Buffer { buffer_name, .. } if buffer_name == target),
            ),
            OutputSpec::ParameterMutation { .. } | OutputSpec::GradientToParameter { .. } => inputs.any(
                |input| matches!(input, InputSpec::Parameter { parameter_name, .. } if parameter_name == target),
            ),
            _ => inputs.any(|input| matches!(input, InputSpec::UserInput { .. }) && input.name() == Some(target)),
        };
        if !is_there {
            let fault = GraphFault::NoMutationTarget {
                kind: spec.tag(),
                position,
                target: target.to_string(),
            };
            self.fail("", None, fault);
        }
    }

    fn ranges(&mut self, program: &ExportedProgram<'_>) {
        for (expr, range) in &program.range_constraints {
            if let (Some(min), Some(max)) = (range.min_val, range.max_val)
                && min > max
            {
                self.fail(
                    "",
                    None,
                    GraphFault::EmptyRange {
                        expr: expr.to_string(),
                        min,
                        max,
                    },
                );
            }
        }
    }
}

/// Tensors and objects are told apart from scalars; a scalar's exact kind depends on the op that makes it.
fn sort(kind: NamedValue) -> (bool, bool) {
    (kind == NamedValue::Tensor, kind == NamedValue::CustomObj)
}

/// The node that defines each name, for the message about a name that comes too late.
fn definitions<'g>(graph: &'g Graph<'_>) -> HashMap<&'g str, usize> {
    let mut definitions = HashMap::new();
    for (position, node) in graph.nodes.iter().enumerate() {
        for output in &node.outputs {
            output.for_each_name(&mut |_, name| {
                definitions.entry(name.as_str()).or_insert(position);
            });
        }
    }
    definitions
}

fn has_target(weights: &Weights, spec: &InputSpec<'_>, target: &str) -> bool {
    let constant = weights.constants().get(target);
    match spec {
        InputSpec::CustomObj { .. } => matches!(
            constant,
            Some(Constant::Object { .. } | Constant::Opaque { .. })
        ),
        _ => weights.tensor(target).is_some(),
    }
}

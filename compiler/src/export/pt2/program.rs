//! What the file says of the program as a whole: signature, ranges, guards, calls of modules, provenance.

use std::collections::BTreeMap;

use expc_dialects::{
    Constant, Diagnostic, InputKind, InputSpec, OutputKind, OutputSpec, Program, Signature,
};
use expc_passes::contract;
use expc_pt2::{
    self as schema, Argument, ConstantValue, ExportedProgram, GraphModule, GraphSignature, Map,
    ModuleCallEntry, ModuleCallSignature, NamedTupleDef, RangeConstraint, SCHEMA, SchemaVersion,
    Since, Str,
};

use super::{
    argument::Refusal,
    graph::{Root, Writer},
    symbols::Symbols,
};
use crate::export::text::fx;

/// The version of PyTorch whose schema is written.
const TORCH: &str = "2.11.0";

/// The opset of `aten` in that version.
const ATEN_OPSET: i64 = 10;

/// The verifier of functional programs.
const FUNCTIONAL: &str = "ATEN";

/// Texts of the module that the file holds word for word.
pub struct Texts {
    module_calls: Vec<(String, String)>,
    namedtuples: String,
}

impl Texts {
    pub fn of(program: &Program<'_, '_>) -> Self {
        Self {
            module_calls: program.module_call_graph(),
            namedtuples: program.namedtuples().unwrap_or_else(|| "{}".to_owned()),
        }
    }
}

/// Refuses a call signature that is no JSON, as a module in text may have it.
fn check_calls(texts: &Texts) -> Result<(), Diagnostic> {
    let told = texts
        .module_calls
        .iter()
        .filter(|(_, json)| !json.is_empty());
    for (fqn, json) in told {
        serde_json::from_str::<serde::de::IgnoredAny>(json).map_err(|error| {
            let message = format!("the call signature of the module `{fqn}` is damaged: {error}");
            Diagnostic::error("E0166", message)
        })?;
    }
    Ok(())
}

/// The program as the file holds it, and its signature.
pub fn program<'c: 'a, 'a, 't>(
    program: &Program<'c, 'a>,
    texts: &'t Texts,
    schema: SchemaVersion,
) -> Result<(ExportedProgram<'t>, Signature), Vec<Diagnostic>> {
    let one = |fault: Diagnostic| vec![fault];
    check_calls(texts).map_err(one)?;
    let graphs = fx::graphs(program);
    let mut writer = Writer::new(&graphs, Symbols::of(program, schema).map_err(one)?, schema);
    let root = writer.root(program.root().map_err(one)?).map_err(one)?;
    if !writer.diagnostics.is_empty() {
        return Err(writer.diagnostics);
    }
    let provenance = program.provenance();
    let metadata = match find(&provenance, "metadata") {
        Some(Constant::Dict(entries)) => strings(entries),
        _ => Map::new(),
    };
    let verifiers = verifiers(&provenance);
    if !schema.has_training_ir() && verifiers.iter().any(|name| name.as_str() != FUNCTIONAL) {
        check_functional(program, schema)?;
    }
    let written = ExportedProgram {
        range_constraints: ranges(program).map_err(one)?,
        schema_version: schema,
        dialect: Some(FUNCTIONAL.into()),
        opset_version: opset(&provenance),
        verifiers,
        torch_version: Some(match find(&provenance, "torch") {
            Some(Constant::Str(version)) => Str::from(version.clone()),
            _ => TORCH.into(),
        }),
        guards_code: program.guards().into_iter().map(Str::from).collect(),
        graph_module: GraphModule {
            signature: signature(&root, schema).map_err(one)?,
            module_call_graph: module_calls(&root, texts, schema).map_err(one)?,
            metadata,
            treespec_namedtuple_fields: namedtuples(texts).map_err(one)?,
            graph: root.graph,
        },
    };
    Ok((written, root.signature))
}

/// Refuses a program that is no functional one, which is all that the first schemas had.
fn check_functional(
    program: &Program<'_, '_>,
    schema: SchemaVersion,
) -> Result<(), Vec<Diagnostic>> {
    let refused = contract::functional(program).into_iter().map(|found| {
        found
            .note(format!("the schema {schema} has functional programs only"))
            .help("bring it to the level `functional` with `--to functional`")
    });
    let refused: Vec<Diagnostic> = refused.collect();
    match refused.is_empty() {
        true => Ok(()),
        false => Err(refused),
    }
}

fn find<'p>(provenance: &'p [(String, Constant)], key: &str) -> Option<&'p Constant> {
    provenance
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value)
}

fn strings(entries: &[(String, Constant)]) -> Map<'static, Str<'static>> {
    let texts = entries.iter().filter_map(|(key, value)| match value {
        Constant::Str(text) => Some((Str::from(key.clone()), Str::from(text.clone()))),
        _ => None,
    });
    texts.collect()
}

fn opset(provenance: &[(String, Constant)]) -> Map<'static, i64> {
    let mut opset: Map<'static, i64> = match find(provenance, "opset") {
        Some(Constant::Dict(entries)) => entries
            .iter()
            .filter_map(|(key, value)| match value {
                Constant::Int(number) => Some((Str::from(key.clone()), *number)),
                _ => None,
            })
            .collect(),
        _ => Map::new(),
    };
    if opset.is_empty() {
        opset.insert("aten".into(), ATEN_OPSET);
    }
    opset
}

fn verifiers(provenance: &[(String, Constant)]) -> Vec<Str<'static>> {
    let names: Vec<Str<'static>> = match find(provenance, "verifiers") {
        Some(Constant::List(names)) => names
            .iter()
            .filter_map(|name| match name {
                Constant::Str(name) => Some(Str::from(name.clone())),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    match names.is_empty() {
        true => vec!["TRAINING".into()],
        false => names,
    }
}

fn ranges(program: &Program<'_, '_>) -> Result<Map<'static, RangeConstraint>, Diagnostic> {
    let ranges = program.ranges()?.into_iter().map(|range| {
        let constraint = RangeConstraint {
            min_val: range.min,
            max_val: range.max,
        };
        (Str::from(range.expression), constraint)
    });
    Ok(ranges.collect())
}

fn signature(root: &Root, schema: SchemaVersion) -> Result<GraphSignature<'static>, Diagnostic> {
    let refused = |what: String, refusal: Refusal| {
        Diagnostic::error(
            "E0161",
            format!("{what} cannot be written as `.pt2`: {refusal}"),
        )
    };
    let inputs = root.signature.inputs.iter().zip(&root.graph.inputs);
    let inputs = inputs.zip(&root.input_names).map(|((spec, arg), name)| {
        let written =
            input_spec(spec, arg, name).and_then(|written| input_in(written, arg, schema));
        written.map_err(|refusal| refused(format!("input `{name}`"), refusal))
    });
    let outputs = root.signature.outputs.iter().zip(&root.graph.outputs);
    let outputs = outputs.enumerate().map(|(position, (spec, arg))| {
        let written = output_spec(spec, arg).and_then(|written| output_in(written, schema));
        written.map_err(|refusal| refused(format!("output {position}"), refusal))
    });
    Ok(GraphSignature {
        input_specs: inputs.collect::<Result<_, _>>()?,
        output_specs: outputs.collect::<Result<_, _>>()?,
    })
}

fn input_spec(
    spec: &InputSpec,
    arg: &Argument<'static>,
    name: &str,
) -> Result<schema::InputSpec<'static>, Refusal> {
    use schema::InputSpec as S;
    if let Some(constant) = &spec.constant {
        return Ok(S::ConstantInput {
            // A name that was made up from the position is none.
            name: spec.name.clone().into(),
            value: constant_value(constant)?,
        });
    }
    let name = || Str::from(name.to_owned());
    let target = || {
        let target = spec.target.clone().map(Str::from);
        target.ok_or_else(|| format!("a {} without target", spec.kind.name()))
    };
    Ok(match spec.kind {
        InputKind::UserInput if *arg == Argument::None => S::ConstantInput {
            name: name(),
            value: ConstantValue::None,
        },
        InputKind::UserInput => S::UserInput { arg: arg.clone() },
        InputKind::Parameter => S::Parameter {
            name: name(),
            parameter_name: target()?,
        },
        InputKind::Buffer => S::Buffer {
            name: name(),
            buffer_name: target()?,
            persistent: spec.persistent.unwrap_or(true),
        },
        InputKind::ConstantTensor => S::TensorConstant {
            name: name(),
            tensor_constant_name: target()?,
        },
        InputKind::CustomObj => match arg {
            Argument::CustomObj(object) => S::CustomObj {
                arg: object.clone(),
                custom_obj_name: target()?,
            },
            other => return Err(format!("a custom_obj of kind `{}`", other.tag())),
        },
        InputKind::Token => S::Token { name: name() },
    })
}

/// The spec as a schema can say it.
fn input_in(
    spec: schema::InputSpec<'static>,
    arg: &Argument<'static>,
    schema: SchemaVersion,
) -> Result<schema::InputSpec<'static>, Refusal> {
    match spec {
        // The argument is the constant itself.
        schema::InputSpec::ConstantInput { .. } if !schema.has_constant_inputs() => {
            Ok(schema::InputSpec::UserInput { arg: arg.clone() })
        }
        spec if spec.since() <= schema => Ok(spec),
        spec => Err(format!(
            "the schema {schema} has no `{}` inputs",
            spec.tag()
        )),
    }
}

fn output_in(
    spec: schema::OutputSpec<'static>,
    schema: SchemaVersion,
) -> Result<schema::OutputSpec<'static>, Refusal> {
    match spec.since() <= schema {
        true => Ok(spec),
        false => Err(format!(
            "the schema {schema} has no `{}` outputs",
            spec.tag()
        )),
    }
}

fn constant_value(constant: &Constant) -> Result<ConstantValue<'static>, Refusal> {
    Ok(match constant {
        Constant::None => ConstantValue::None,
        Constant::Int(value) => ConstantValue::Int(*value),
        Constant::Float(value) => ConstantValue::Float(*value),
        Constant::Bool(value) => ConstantValue::Bool(*value),
        Constant::Str(text) => ConstantValue::String(text.clone().into()),
        _ => {
            return Err(
                "expected None, a number, a bool or a string as a constant input".to_owned(),
            );
        }
    })
}

fn output_spec(
    spec: &OutputSpec,
    arg: &Argument<'static>,
) -> Result<schema::OutputSpec<'static>, Refusal> {
    use schema::OutputSpec as S;
    if spec.kind == OutputKind::UserOutput {
        return Ok(S::UserOutput { arg: arg.clone() });
    }
    let kind = spec.kind.name();
    let name = match arg {
        Argument::Tensor(name) => name.clone(),
        other => {
            return Err(format!(
                "a {kind} of kind `{}`, expected a tensor",
                other.tag()
            ));
        }
    };
    let target = || {
        let target = spec.target.clone().map(Str::from);
        target.ok_or_else(|| format!("a {kind} without target"))
    };
    Ok(match spec.kind {
        OutputKind::UserOutput => S::UserOutput { arg: arg.clone() },
        OutputKind::LossOutput => S::LossOutput { name },
        OutputKind::Token => S::Token { name },
        OutputKind::BufferMutation => S::BufferMutation {
            name,
            buffer_name: target()?,
        },
        OutputKind::ParameterMutation => S::ParameterMutation {
            name,
            parameter_name: target()?,
        },
        OutputKind::GradientToParameter => S::GradientToParameter {
            name,
            parameter_name: target()?,
        },
        OutputKind::GradientToUserInput => S::GradientToUserInput {
            name,
            user_input_name: target()?,
        },
        OutputKind::UserInputMutation => S::UserInputMutation {
            name,
            user_input_name: target()?,
        },
    })
}

fn namedtuples(texts: &Texts) -> Result<Map<'_, NamedTupleDef<'_>>, Diagnostic> {
    let fields: BTreeMap<Str<'_>, NamedTupleDef<'_>> = serde_json::from_str(&texts.namedtuples)
        .map_err(|error| {
            Diagnostic::error(
                "E0166",
                format!("the namedtuple table of the program is damaged: {error}"),
            )
        })?;
    Ok(fields.into_iter().collect())
}

/// The calls of modules as the program carries them; a program without any is called with its inputs in a row.
fn module_calls<'t>(
    root: &Root,
    texts: &'t Texts,
    schema: SchemaVersion,
) -> Result<Vec<ModuleCallEntry<'t>>, Diagnostic> {
    let calls = texts.module_calls.iter();
    let mut calls: Vec<ModuleCallEntry<'t>> = calls
        .map(|(fqn, json)| module_call(fqn, json, schema))
        .collect::<Result<_, _>>()?;
    let is_told = |call: &ModuleCallEntry<'_>| {
        call.fqn.is_empty() && (call.signature_json.is_some() || call.signature.is_some())
    };
    if !calls.iter().any(is_told) {
        calls.retain(|call| !call.fqn.is_empty());
        calls.insert(0, root_call(root));
    }
    Ok(calls)
}

/// A call as the program carries it: word for word, unless the schema has other words.
fn module_call<'t>(
    fqn: &'t str,
    json: &'t str,
    schema: SchemaVersion,
) -> Result<ModuleCallEntry<'t>, Diagnostic> {
    let mut call = ModuleCallEntry {
        fqn: fqn.into(),
        signature: None,
        signature_json: None,
    };
    if json.is_empty() {
        return Ok(call);
    }
    if schema == SCHEMA {
        call.signature_json = Some(json);
        return Ok(call);
    }
    let damaged = |what: String| {
        let message = format!("the call signature of the module `{fqn}` cannot be written: {what}");
        Diagnostic::error("E0166", message)
    };
    let signature: ModuleCallSignature<'t> =
        serde_json::from_str(json).map_err(|error| damaged(error.to_string()))?;
    let arguments = signature.inputs.iter().chain(&signature.outputs);
    if let Some(argument) = arguments.into_iter().find(|arg| arg.since() > schema) {
        let what = format!("the schema {schema} has no `{}`", argument.tag());
        return Err(damaged(what));
    }
    call.signature = Some(signature);
    Ok(call)
}

fn root_call(root: &Root) -> ModuleCallEntry<'static> {
    let inputs = root.signature.inputs.iter().zip(&root.graph.inputs);
    let inputs: Vec<Argument<'static>> = inputs
        .filter(|(spec, _)| spec.kind == InputKind::UserInput)
        .map(|(_, arg)| arg.clone())
        .collect();
    let outputs = root.signature.outputs.iter().zip(&root.graph.outputs);
    let outputs: Vec<Argument<'static>> = outputs
        .filter(|(spec, _)| spec.kind == OutputKind::UserOutput)
        .map(|(_, arg)| arg.clone())
        .collect();
    let arguments = format!(
        "{}, {}",
        tuple_spec(inputs.len()),
        node_spec("\"builtins.dict\"", "\"[]\"", "")
    );
    ModuleCallEntry {
        fqn: Str::default(),
        signature_json: None,
        signature: Some(ModuleCallSignature {
            in_spec: format!(
                "[1, {}]",
                node_spec("\"builtins.tuple\"", "\"null\"", &arguments)
            )
            .into(),
            out_spec: format!("[1, {}]", tuple_spec(outputs.len())).into(),
            inputs,
            outputs,
            forward_arg_names: None,
        }),
    }
}

/// The pytree of a tuple of values.
fn tuple_spec(n_values: usize) -> String {
    let leaves = vec![node_spec("null", "null", ""); n_values];
    node_spec("\"builtins.tuple\"", "\"null\"", &leaves.join(", "))
}

fn node_spec(kind: &str, context: &str, children: &str) -> String {
    format!("{{\"type\": {kind}, \"context\": {context}, \"children_spec\": [{children}]}}")
}

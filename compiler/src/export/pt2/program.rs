//! What the file says of the program as a whole: signature, ranges, guards, calls of modules, provenance.

use std::collections::BTreeMap;

use expc_dialects::{
    Constant, Diagnostic, InputKind, InputSpec, OutputKind, OutputSpec, Program, Signature,
};
use expc_pt2::{
    self as schema, Argument, ConstantValue, ExportedProgram, GraphModule, GraphSignature, Map,
    ModuleCallEntry, ModuleCallSignature, NamedTupleDef, RangeConstraint, SCHEMA, Str,
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
) -> Result<(ExportedProgram<'t>, Signature), Vec<Diagnostic>> {
    let one = |fault: Diagnostic| vec![fault];
    check_calls(texts).map_err(one)?;
    let graphs = fx::graphs(program);
    let mut writer = Writer::new(&graphs, Symbols::of(program).map_err(one)?);
    let root = writer.root(program.root().map_err(one)?).map_err(one)?;
    if !writer.diagnostics.is_empty() {
        return Err(writer.diagnostics);
    }
    let provenance = program.provenance();
    let metadata = match find(&provenance, "metadata") {
        Some(Constant::Dict(entries)) => strings(entries),
        _ => Map::new(),
    };
    let written = ExportedProgram {
        range_constraints: ranges(program).map_err(one)?,
        schema_version: SCHEMA,
        dialect: None,
        opset_version: opset(&provenance),
        verifiers: verifiers(&provenance),
        torch_version: Some(match find(&provenance, "torch") {
            Some(Constant::Str(version)) => Str::from(version.clone()),
            _ => TORCH.into(),
        }),
        guards_code: program.guards().into_iter().map(Str::from).collect(),
        graph_module: GraphModule {
            signature: signature(&root).map_err(one)?,
            module_call_graph: module_calls(&root, texts),
            metadata,
            treespec_namedtuple_fields: namedtuples(texts).map_err(one)?,
            graph: root.graph,
        },
    };
    Ok((written, root.signature))
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

fn signature(root: &Root) -> Result<GraphSignature<'static>, Diagnostic> {
    let refused = |what: String, refusal: Refusal| {
        Diagnostic::error(
            "E0161",
            format!("{what} cannot be written as `.pt2`: {refusal}"),
        )
    };
    let inputs = root.signature.inputs.iter().zip(&root.graph.inputs);
    let inputs = inputs.zip(&root.input_names).map(|((spec, arg), name)| {
        input_spec(spec, arg, name).map_err(|refusal| refused(format!("input `{name}`"), refusal))
    });
    let outputs = root.signature.outputs.iter().zip(&root.graph.outputs);
    let outputs = outputs.enumerate().map(|(position, (spec, arg))| {
        output_spec(spec, arg).map_err(|refusal| refused(format!("output {position}"), refusal))
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
fn module_calls<'t>(root: &Root, texts: &'t Texts) -> Vec<ModuleCallEntry<'t>> {
    let mut calls: Vec<ModuleCallEntry<'t>> = texts
        .module_calls
        .iter()
        .map(|(fqn, json)| ModuleCallEntry {
            fqn: fqn.as_str().into(),
            signature: None,
            signature_json: (!json.is_empty()).then_some(json.as_str()),
        })
        .collect();
    let is_told = |call: &ModuleCallEntry<'_>| call.fqn.is_empty() && call.signature_json.is_some();
    if !calls.iter().any(is_told) {
        calls.retain(|call| !call.fqn.is_empty());
        calls.insert(0, root_call(root));
    }
    calls
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

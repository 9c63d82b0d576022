//! What a program says beside its graphs: the signature, ranges, guards and where it came from.

use expc_dialects::{
    Constant, InputKind, InputSpec, OutputKind, OutputSpec,
    constant::string_array,
    program::{self, Range, Symbol},
};
use expc_pt2 as schema;
use melior::ir::{Attribute, attribute::ArrayAttribute};

use super::{
    arguments::{argument_name, constant_of},
    lower::Lowering,
};

impl Lowering<'_, '_, '_> {
    pub(super) fn module_attributes(&mut self, program: &schema::ExportedProgram<'_>) {
        let ranges = self.ranges(program);
        let symbols = self
            .expressions
            .symbols()
            .iter()
            .map(|symbol: &Symbol| symbol.to_attribute(self.context));
        let symbols: Vec<_> = symbols.collect();
        let module_calls: Vec<Attribute> = program
            .graph_module
            .module_call_graph
            .iter()
            .map(|entry| {
                string_array(
                    self.context,
                    [entry.fqn.as_str(), entry.signature_json.unwrap_or_default()],
                )
            })
            .collect();
        let guards = program.guards_code.iter().map(schema::Str::as_str);
        let mut attributes = vec![
            (
                program::attribute::PROGRAM,
                provenance(program).to_attribute(self.context),
            ),
            (
                program::attribute::MODULE_CALL_GRAPH,
                ArrayAttribute::new(self.context, &module_calls).into(),
            ),
        ];
        if !symbols.is_empty() {
            attributes.push((
                program::attribute::SYMBOLS,
                ArrayAttribute::new(self.context, &symbols).into(),
            ));
        }
        if !ranges.is_empty() {
            attributes.push((
                program::attribute::RANGES,
                Constant::List(ranges).to_attribute(self.context),
            ));
        }
        if !program.guards_code.is_empty() {
            attributes.push((
                program::attribute::GUARDS,
                string_array(self.context, guards),
            ));
        }
        let fields = &program.graph_module.treespec_namedtuple_fields;
        if !fields.is_empty() {
            let fields: serde_json::Map<String, serde_json::Value> = fields
                .iter()
                .map(|(name, def)| {
                    let names: Vec<&str> =
                        def.field_names.iter().map(schema::Str::as_str).collect();
                    (
                        name.as_str().to_owned(),
                        serde_json::json!({ "field_names": names }),
                    )
                })
                .collect();
            let text = serde_json::Value::Object(fields).to_string();
            attributes.push((program::attribute::NAMEDTUPLES, self.string(&text)));
        }
        expc_dialects::mlir::set_module_attributes(self.module, &attributes);
    }

    fn ranges(&mut self, program: &schema::ExportedProgram<'_>) -> Vec<Constant> {
        let mut ranges = Vec::new();
        for (text, range) in &program.range_constraints {
            match self.expressions.parse(text.as_str()) {
                Ok(expression) => ranges.push(
                    Range {
                        expression,
                        min: range.min_val,
                        max: range.max_val,
                    }
                    .to_constant(),
                ),
                Err(fault) => self.fault(None, fault),
            }
        }
        ranges
    }
}

/// An input of the signature.
pub(super) fn input_spec(spec: &schema::InputSpec<'_>, input: &schema::Argument<'_>) -> InputSpec {
    use schema::InputSpec as S;
    let name = argument_name(input).unwrap_or_default();
    let named = |kind| InputSpec {
        target: spec.target().map(|target| target.as_str().to_owned()),
        ..InputSpec::new(kind, name)
    };
    match spec {
        S::UserInput { .. } => named(InputKind::UserInput),
        S::Parameter { .. } => named(InputKind::Parameter),
        S::Buffer { persistent, .. } => InputSpec {
            persistent: Some(*persistent),
            ..named(InputKind::Buffer)
        },
        S::TensorConstant { .. } => named(InputKind::ConstantTensor),
        S::CustomObj { .. } => named(InputKind::CustomObj),
        S::Token { .. } => named(InputKind::Token),
        S::ConstantInput { name, value } => InputSpec {
            constant: Some(match value {
                schema::ConstantValue::None => Constant::None,
                schema::ConstantValue::Int(value) => Constant::Int(*value),
                schema::ConstantValue::Float(value) => Constant::Float(*value),
                schema::ConstantValue::String(text) => Constant::Str(text.as_str().to_owned()),
                schema::ConstantValue::Bool(value) => Constant::Bool(*value),
            }),
            ..InputSpec::new(InputKind::UserInput, name.as_str())
        },
    }
}

/// An output of the signature.
pub(super) fn output_spec(spec: &schema::OutputSpec<'_>) -> OutputSpec {
    use schema::OutputSpec as S;
    let kind = match spec {
        S::UserOutput { .. } => OutputKind::UserOutput,
        S::LossOutput { .. } => OutputKind::LossOutput,
        S::BufferMutation { .. } => OutputKind::BufferMutation,
        S::ParameterMutation { .. } => OutputKind::ParameterMutation,
        S::UserInputMutation { .. } => OutputKind::UserInputMutation,
        S::GradientToParameter { .. } => OutputKind::GradientToParameter,
        S::GradientToUserInput { .. } => OutputKind::GradientToUserInput,
        S::Token { .. } => OutputKind::Token,
    };
    OutputSpec {
        target: spec.target().map(|target| target.as_str().to_owned()),
        constant: match spec {
            S::UserOutput { arg } => constant_of(arg),
            _ => None,
        },
        ..OutputSpec::new(kind)
    }
}

/// The versions that the file names.
fn provenance(program: &schema::ExportedProgram<'_>) -> Constant {
    let version = program.schema_version;
    let opset = program
        .opset_version
        .iter()
        .map(|(name, number)| (name.as_str().to_owned(), Constant::Int(*number)))
        .collect();
    let verifiers = program.verifiers.iter().chain(&program.dialect);
    let mut entries = vec![
        ("opset".to_owned(), Constant::Dict(opset)),
        (
            "schema".to_owned(),
            Constant::Ints(vec![version.major, version.minor]),
        ),
        (
            "verifiers".to_owned(),
            Constant::List(
                verifiers
                    .map(|name| Constant::Str(name.as_str().to_owned()))
                    .collect(),
            ),
        ),
    ];
    let metadata = &program.graph_module.metadata;
    if !metadata.is_empty() {
        let metadata = metadata.iter().map(|(key, text)| {
            let text = Constant::Str(text.as_str().to_owned());
            (key.as_str().to_owned(), text)
        });
        entries.push(("metadata".to_owned(), Constant::Dict(metadata.collect())));
    }
    if let Some(torch) = &program.torch_version {
        entries.push(("torch".to_owned(), Constant::Str(torch.as_str().to_owned())));
    }
    Constant::Dict(entries)
}

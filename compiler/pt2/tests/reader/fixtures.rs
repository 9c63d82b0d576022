//! Every program of every PyTorch version is read whole, and its tensors are those that PyTorch reads.

use std::collections::HashMap;

use expc_fixtures::{Case, cases};
use expc_pt2::{
    Archive, ArchiveLayout, Argument, Constant, ConstantValue, ExportedProgram, InputSpec, Limits,
    OutputSpec, Storages, SymArgument, TensorRecord, TreeSpec, Value, Weights,
};
use sha2::{Digest, Sha256};

fn open(case: &Case) -> Archive {
    Archive::open(case.model(), &Limits::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn program(archive: &Archive) -> ExportedProgram<'_> {
    archive.program().unwrap_or_else(|error| panic!("{error}"))
}

fn weights(archive: &Archive) -> Weights {
    archive.weights().unwrap_or_else(|error| panic!("{error}"))
}

fn call(torch: &str, name: &str, test: impl FnOnce(&Archive, ExportedProgram<'_>)) {
    let archive = open(&expc_fixtures::case(torch, name));
    test(&archive, program(&archive));
}

#[test]
fn every_program_is_valid() {
    for case in cases() {
        let archive = open(&case);
        let program = program(&archive);
        let weights = weights(&archive);
        let errors = archive.validate(&program, Some(&weights));
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", case.label());
        assert!(archive.verify_checksums().is_ok(), "{}", case.label());
    }
}

#[test]
fn layouts_and_versions_are_told_apart() {
    for case in cases() {
        let archive = open(&case);
        let program = program(&archive);
        let version = case.version();
        let expected = match version[..2] {
            [2, ..=7] => ArchiveLayout::Flat,
            _ if case.name == "extra_files" => ArchiveLayout::Rooted {
                root: "archive/".to_owned(),
            },
            _ => ArchiveLayout::Rooted {
                root: "model/".to_owned(),
            },
        };
        assert_eq!(*archive.layout(), expected, "{}", case.label());
        assert_eq!(archive.programs(), ["model"]);
        let schema = match version[..2] {
            [2, 3] => "5.1",
            [2, 4] => "5.3",
            [2, 5] => "7.3",
            [2, 6] => "8.2",
            [2, 7] => "8.7",
            [2, 8] => "8.8",
            [2, 9] => "8.14",
            [2, 10] => "8.15",
            [2, 11] => "8.17",
            _ => "8.20",
        };
        assert_eq!(
            program.schema_version.to_string(),
            schema,
            "{}",
            case.label()
        );
        assert_eq!(
            program.torch_version.is_some(),
            version[1] >= 5,
            "{}",
            case.label()
        );
        assert_eq!(
            program.opset_version.get("aten"),
            Some(&10),
            "{}",
            case.label()
        );
    }
}

#[test]
fn pytrees_have_a_leaf_for_each_user_value() {
    for case in cases() {
        let archive = open(&case);
        let program = program(&archive);
        let call = program.graph_module.root_call().expect("a root call");
        let namedtuples = &program.graph_module.treespec_namedtuple_fields;
        let parse =
            |text: &str| TreeSpec::parse(text, namedtuples, &Limits::default()).expect("a spec");
        let (in_spec, out_spec) = (parse(&call.in_spec), parse(&call.out_spec));
        let signature = &program.graph_module.signature;
        let n_inputs = signature
            .input_specs
            .iter()
            .filter(|spec| {
                matches!(
                    spec,
                    InputSpec::UserInput { .. } | InputSpec::ConstantInput { .. }
                )
            })
            .count();
        let n_outputs = signature
            .output_specs
            .iter()
            .filter(|spec| matches!(spec, OutputSpec::UserOutput { .. }))
            .count();
        assert_eq!(in_spec.n_leaves(), n_inputs, "{}", case.label());
        assert_eq!(out_spec.n_leaves(), n_outputs, "{}", case.label());
        let paths = in_spec
            .as_call()
            .expect("a call")
            .leaf_paths(call.forward_arg_names.as_deref());
        assert_eq!(paths.len(), n_inputs, "{}", case.label());
        if case.name == "pytree" && case.version()[1] >= 6 {
            let expected = [
                "tree['x']",
                "tree['yz'][0]",
                "tree['yz'][1]",
                "items[0]",
                "items[1]",
                "nothing",
                "n",
                "scale",
                "bias",
            ];
            assert_eq!(paths, expected, "{}", case.label());
        }
    }
}

/// `digests.json`: case → `state_dict`, `constants`, `samples` → name → tensor.
type Digests = HashMap<String, HashMap<String, Option<HashMap<String, Expected>>>>;

#[derive(serde::Deserialize)]
struct Expected {
    dtype: String,
    sizes: Vec<i64>,
    strides: Vec<i64>,
    offset: i64,
    requires_grad: bool,
    parameter: bool,
    sha256: String,
    storage: usize,
}

#[test]
fn tensors_are_those_that_pytorch_reads() {
    let text =
        std::fs::read_to_string(expc_fixtures::versions().join("digests.json")).expect("digests");
    let digests: Digests = serde_json::from_str(&text).expect("digests");
    let mut n_tensors = 0;
    for case in cases().iter().filter(|case| case.name != "custom_object") {
        let label = case.label();
        let archive = open(case);
        let weights = weights(&archive);
        let expected = |set: &str| digests[&label][set].as_ref();
        let state: Vec<_> = weights
            .state_dict()
            .iter()
            .map(|(fqn, record)| (fqn.clone(), record))
            .collect();
        let constants = weights
            .constants()
            .iter()
            .map(|(fqn, constant)| match constant {
                Constant::Tensor(record) => (fqn.clone(), record),
                other => panic!("{label}: {fqn} is {other:?}"),
            });
        n_tensors += compare(
            &label,
            &state,
            weights.storages(),
            expected("state_dict").expect("weights"),
        );
        let constants: Vec<_> = constants.collect();
        n_tensors += compare(
            &label,
            &constants,
            weights.storages(),
            expected("constants").expect("constants"),
        );
        let sample = archive
            .sample_inputs()
            .unwrap_or_else(|error| panic!("{error}"));
        let Some(sample) = sample else {
            assert!(expected("samples").is_none(), "{label}");
            continue;
        };
        let pair = [
            Value::Tuple(sample.args),
            Value::Dict(
                sample
                    .kwargs
                    .into_iter()
                    .map(|(name, value)| (Value::Str(name), value))
                    .collect(),
            ),
        ];
        let mut tensors = Vec::new();
        for (index, value) in pair.iter().enumerate() {
            collect(value, format!("[{index}]"), &mut tensors);
        }
        n_tensors += compare(
            &label,
            &tensors,
            &sample.storages,
            expected("samples").expect("samples"),
        );
    }
    assert!(n_tensors > 1000, "only {n_tensors} tensors compared");
}

fn collect<'v>(value: &'v Value, path: String, tensors: &mut Vec<(String, &'v TensorRecord)>) {
    match value {
        Value::Tensor(record) => tensors.push((path, record)),
        Value::List(items) | Value::Tuple(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, format!("{path}[{index}]"), tensors);
            }
        }
        Value::Dict(pairs) => {
            for (key, item) in pairs {
                collect(item, format!("{path}[{key}]"), tensors);
            }
        }
        _ => {}
    }
}

fn compare(
    label: &str,
    found: &[(String, &TensorRecord)],
    storages: &Storages,
    expected: &HashMap<String, Expected>,
) -> usize {
    assert_eq!(found.len(), expected.len(), "{label}");
    let mut by_expected_storage: HashMap<usize, usize> = HashMap::new();
    for (name, record) in found {
        let at = format!("{label} {name}");
        let expected = &expected[name];
        assert_eq!(record.dtype.name(), expected.dtype, "{at}");
        assert_eq!(record.sizes, expected.sizes, "{at}");
        assert_eq!(record.is_parameter, expected.parameter, "{at}");
        assert_eq!(record.requires_grad, expected.requires_grad, "{at}");
        let bytes = contiguous_bytes(record, storages);
        assert_eq!(hex(&Sha256::digest(&bytes))[..16], expected.sha256, "{at}");
        if record.numel() > 0 {
            assert_eq!(record.strides, expected.strides, "{at}");
            assert_eq!(record.storage_offset, expected.offset, "{at}");
            let storage = *by_expected_storage
                .entry(expected.storage)
                .or_insert(record.storage.index());
            assert_eq!(storage, record.storage.index(), "{at} shares its storage");
        }
    }
    let mut ids: Vec<usize> = by_expected_storage.values().copied().collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(
        ids.len(),
        by_expected_storage.len(),
        "{label}: storages that PyTorch tells apart are one"
    );
    found.len()
}

/// The elements in row-major order, read through strides and offset.
fn contiguous_bytes(record: &TensorRecord, storages: &Storages) -> Vec<u8> {
    let storage = storages.bytes(record.storage);
    let size = record.dtype.size().expect("a dtype") as usize;
    let mut bytes = Vec::new();
    let mut index = vec![0_i64; record.sizes.len()];
    for _ in 0..record.numel() {
        let steps = index
            .iter()
            .zip(&record.strides)
            .map(|(index, stride)| index * stride);
        let element = (record.storage_offset + steps.sum::<i64>()) as usize;
        bytes.extend_from_slice(&storage[element * size..][..size]);
        for (index, size) in index.iter_mut().zip(&record.sizes).rev() {
            *index += 1;
            if *index < *size {
                break;
            }
            *index = 0;
        }
    }
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn raw_weights_are_mapped_and_aligned() {
    for case in cases().iter().filter(|case| case.version()[1] >= 8) {
        let weights = weights(&open(case));
        for (fqn, record) in weights.state_dict() {
            let storage = weights.storages().get(record.storage).expect("a storage");
            assert!(storage.bytes.is_mapped(), "{} {fqn}", case.label());
            assert!(storage.is_aligned(), "{} {fqn}", case.label());
            assert!(
                storage.bytes.is_empty() || storage.bytes.offset().is_multiple_of(64),
                "{} {fqn}",
                case.label()
            );
        }
    }
}

#[test]
fn memory_and_file_read_the_same() {
    for case in cases().iter().filter(|case| case.name == "dtypes") {
        let bytes = std::fs::read(case.model()).expect("a file");
        let archive = Archive::from_bytes("memory", bytes, &Limits::default()).expect("an archive");
        let mapped = open(case);
        assert_eq!(
            weights(&archive).state_dict(),
            weights(&mapped).state_dict()
        );
        assert_eq!(archive.program_text(), mapped.program_text());
    }
}

#[test]
fn views_and_tied_weights_share_storages() {
    for case in cases() {
        let weights = weights(&open(&case));
        let storage = |fqn: &str| {
            weights
                .tensor(fqn)
                .unwrap_or_else(|| panic!("{} {fqn}", case.label()))
                .storage
        };
        match case.name.as_str() {
            "pytree" => assert_eq!(storage("a.weight"), storage("b.weight"), "{}", case.label()),
            "dtypes" => assert_eq!(storage("view_a"), storage("view_b"), "{}", case.label()),
            _ => {}
        }
    }
}

#[test]
fn extra_files_are_listed_and_read() {
    for case in cases().iter().filter(|case| case.name == "extra_files") {
        let archive = open(case);
        let names: Vec<&str> = archive.extra_files().collect();
        assert_eq!(names, ["note.txt", "sub/labels.json"], "{}", case.label());
        let labels = archive.extra_file("sub/labels.json").expect("labels");
        assert!(
            serde_json::from_slice::<serde_json::Value>(&labels).is_ok(),
            "{}",
            case.label()
        );
        assert!(archive.extra_file("none").is_err());
    }
}

#[test]
fn custom_objects_keep_class_and_state() {
    for case in cases().iter().filter(|case| case.name == "custom_object") {
        let archive = open(case);
        let weights = weights(&archive);
        let object = weights
            .constants()
            .values()
            .find_map(|constant| match constant {
                Constant::Object { object, .. } => Some(object),
                _ => None,
            });
        let object = object.unwrap_or_else(|| panic!("{}", case.label()));
        assert_eq!(
            object.class_name,
            "__torch__.torch.classes.expcfix.Scale",
            "{}",
            case.label()
        );
        let Value::Tuple(state) = &object.state else {
            panic!("{}: {}", case.label(), object.state)
        };
        assert!(
            matches!(&state[..], [Value::Tensor(record), Value::Int(5)] if record.sizes == [3])
        );
    }
}

#[test]
fn constant_inputs_have_one_form() {
    for case in cases().iter().filter(|case| case.name == "pytree") {
        let archive = open(case);
        let program = program(&archive);
        let constants: Vec<&ConstantValue<'_>> = program
            .graph_module
            .signature
            .input_specs
            .iter()
            .filter_map(|spec| match spec {
                InputSpec::ConstantInput { value, .. } => Some(value),
                _ => None,
            })
            .collect();
        let expected = [
            &ConstantValue::None,
            &ConstantValue::Int(3),
            &ConstantValue::None,
        ];
        assert_eq!(constants, expected, "{}", case.label());
    }
}

#[test]
fn ranges_keep_the_files_order() {
    for case in cases().iter().filter(|case| case.name == "derived_dims") {
        let archive = open(case);
        let program = program(&archive);
        let keys: Vec<&str> = program
            .range_constraints
            .keys()
            .map(|key| key.as_str())
            .collect();
        let text = archive.program_text();
        let at = |key: &str| {
            text.rfind(&format!("\"{key}\": {{\"min_val\""))
                .expect("the key")
        };
        assert!(
            keys.len() == 2 && at(keys[0]) < at(keys[1]),
            "{}: {keys:?}",
            case.label()
        );
    }
}

/// The floats of `masked_fill` and `full` in `scalars`: minus infinity, and NaN where the version can save it.
#[test]
fn infinities_and_nan_are_read_in_all_spellings() {
    for case in cases().iter().filter(|case| case.name == "scalars") {
        let archive = open(case);
        let program = program(&archive);
        let floats: Vec<f64> = program
            .graph_module
            .graph
            .nodes
            .iter()
            .flat_map(|node| &node.inputs)
            .filter_map(|input| match input.arg {
                Argument::Float(value) => Some(value),
                _ => None,
            })
            .collect();
        assert!(
            floats.contains(&f64::INFINITY) && floats.contains(&f64::NEG_INFINITY),
            "{}",
            case.label()
        );
        let has_nan = floats.iter().any(|value| value.is_nan());
        assert_eq!(
            has_nan,
            !matches!(case.version()[1], 7 | 8),
            "{}",
            case.label()
        );
    }
}

#[test]
fn sub_graphs_are_read() {
    for case in cases().iter().filter(|case| case.name == "cond") {
        let archive = open(case);
        let program = program(&archive);
        let nodes = &program.graph_module.graph.nodes;
        let node = nodes
            .iter()
            .find(|node| &*node.target == "torch.ops.higher_order.cond")
            .expect("a cond");
        let graphs: Vec<&str> = node
            .inputs
            .iter()
            .filter_map(|input| match &input.arg {
                Argument::Graph(graph) => Some(graph.name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(
            graphs,
            ["true_graph_0", "false_graph_0"],
            "{}",
            case.label()
        );
    }
}

#[test]
fn optional_tensors_of_the_first_schema_are_plain_strings() {
    for torch in ["2.3.1", "2.4.1", "2.15.0"] {
        call(torch, "scalars", |_, program| {
            let nodes = &program.graph_module.graph.nodes;
            let lists = nodes
                .iter()
                .flat_map(|node| &node.inputs)
                .filter_map(|input| match &input.arg {
                    Argument::OptionalTensors(list) => Some(list),
                    _ => None,
                });
            assert!(
                lists
                    .into_iter()
                    .any(|list| list.iter().any(Option::is_some)),
                "{torch}"
            );
        });
    }
}

#[test]
fn symbolic_sizes_keep_expression_and_hint() {
    for torch in ["2.5.1", "2.11.0"] {
        call(torch, "unbacked", |_, program| {
            let graph = &program.graph_module.graph;
            let is_symbolic = |argument: &Argument<'_>| {
                matches!(argument, Argument::SymInt(SymArgument::Name(_)))
                    || matches!(argument, Argument::SymInts(values) if values.iter().any(|value| value.name().is_some()))
            };
            assert!(
                graph
                    .nodes
                    .iter()
                    .flat_map(|node| &node.inputs)
                    .any(|input| is_symbolic(&input.arg)),
                "{torch}"
            );
            let expr = graph.sym_int_values.values().find_map(|value| value.expr());
            assert!(
                expr.is_some_and(|expr| expr.expr_str.contains("u0") && expr.hint.is_none()),
                "{torch}"
            );
        });
    }
}

#[test]
fn call_signatures_are_kept_word_for_word() {
    call("2.11.0", "mlp", |archive, program| {
        let entry = &program.graph_module.module_call_graph[0];
        let json = entry.signature_json.expect("a signature");
        assert!(json.starts_with("{\"inputs\": []") && archive.program_text().contains(json));
        assert_eq!(
            entry
                .signature
                .as_ref()
                .expect("a signature")
                .in_spec
                .get(..3),
            Some("[1,")
        );
    });
}

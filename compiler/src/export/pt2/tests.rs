//! Tests of written archives, read back by `expc_pt2`; that PyTorch reads them is for `tools/check_written.py`.

use std::{fs, sync::Arc};

use expc_dialects::{Program, ScalarType, context, text::parse_module};
use expc_pt2::{Archive, Limits, Weights as Index};
use expc_runtime::{
    torch::StorageView,
    weights::{StoredBytes, Weight, Weights},
};

use super::{Source, save, write_pt2};
use crate::frontend::{load_bytes, load_file, signature::calling_convention};

const TWO_WEIGHTS: &str = r#"
  func.func @main(%a: tensor<2x2xf32> {aten.input = {kind = "parameter", name = "p_a", target = "a"}},
      %b: tensor<4xf32> {aten.input = {kind = "buffer", name = "b_b", target = "b", persistent = true}},
      %x: tensor<2x2xf32> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<2x2xf32> {
    return %a : tensor<2x2xf32>
  }"#;

/// A module in text, written with weights; what is wrong with it, if it cannot be.
fn written(module: &str, weights: &Weights) -> Result<Vec<u8>, Vec<String>> {
    let context = context();
    let module = parse_module(&context, module, "test.mlir").expect("a module");
    let source = Source {
        weights: Some(weights),
        ..Source::default()
    };
    let mut bytes = Vec::new();
    write_pt2(&Program::new(&module), &source, &mut bytes)
        .map(|()| bytes)
        .map_err(|found| found.into_iter().map(|fault| fault.message).collect())
}

fn read(bytes: Vec<u8>) -> (Archive, Index) {
    let archive = Archive::from_bytes("test.pt2", bytes, &Limits::default()).expect("an archive");
    let index = archive.weights().expect("weights");
    (archive, index)
}

/// `[1.0, 2.0, 3.0, 4.0]` as a matrix and as a vector of the same memory.
fn tied() -> Weights {
    let bytes: Vec<u8> = [1.0_f32, 2.0, 3.0, 4.0]
        .into_iter()
        .flat_map(f32::to_le_bytes)
        .collect();
    let storage = Arc::new(StoredBytes {
        range: 0..bytes.len(),
        bytes: Arc::new(bytes),
    });
    let view = |sizes: &[i64], strides: &[i64]| Weight::Stored {
        storage: Arc::clone(&storage),
        view: StorageView {
            dtype: ScalarType::Float32,
            sizes: sizes.to_vec(),
            strides: strides.to_vec(),
            offset: 0,
        },
    };
    let mut weights = Weights::new();
    weights.insert("a", view(&[2, 2], &[1, 2]));
    weights.insert("b", view(&[4], &[1]));
    weights
}

#[test]
fn tied_weights_share_an_entry() {
    let (archive, index) = read(written(TWO_WEIGHTS, &tied()).expect("written"));
    let (a, b) = (index.tensor("a").unwrap(), index.tensor("b").unwrap());
    assert_eq!(a.storage, b.storage);
    assert_eq!(
        (a.strides.as_slice(), a.is_parameter),
        ([1, 2].as_slice(), true)
    );
    assert_eq!((b.is_parameter, b.requires_grad), (false, false));
    assert_eq!(index.storage_bytes(a.storage)[4..8], 2.0_f32.to_le_bytes());
    let entries = archive
        .entries()
        .filter(|(name, _)| name.contains("/weight_"));
    assert_eq!(entries.count(), 1);
}

#[test]
fn tensors_are_written_as_they_are_seen() {
    let mut weights = tied();
    let transposed = tch::Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0])
        .view([2, 2])
        .tr();
    weights.insert_tensor("a", transposed);
    let (_, index) = read(written(TWO_WEIGHTS, &weights).expect("written"));
    let a = index.tensor("a").unwrap();
    assert_eq!(a.strides, [2, 1]);
    assert_eq!(index.storage_bytes(a.storage)[4..8], 3.0_f32.to_le_bytes());
}

#[test]
fn a_program_without_calling_convention_takes_its_inputs_in_a_row() {
    let context = context();
    let bytes = written(TWO_WEIGHTS, &tied()).expect("written");
    let loaded = load_bytes(&context, bytes, "test.pt2").expect("loaded");
    let convention = calling_convention(&loaded.program()).expect("a convention");
    assert_eq!(convention.input_paths.len(), 1);
    assert!(convention.outputs.is_some());
}

#[test]
fn all_that_is_missing_is_told() {
    let found = written(TWO_WEIGHTS, &Weights::new()).expect_err("refused");
    assert_eq!(
        found,
        [
            "the parameter `a` of input `p_a` has no weight",
            "the buffer `b` of input `b_b` has no weight"
        ]
    );
    let damaged = r#"module attributes {aten.module_call_graph = [["", "{"]]} { func.func @main() { return } }"#;
    let found = written(damaged, &Weights::new()).expect_err("refused");
    assert!(
        found[0].starts_with("the call signature of the module `` is damaged"),
        "{found:?}"
    );
}

#[test]
fn a_failure_leaves_the_old_file() {
    let context = context();
    let module = parse_module(&context, TWO_WEIGHTS, "test.mlir").expect("a module");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out.pt2");
    fs::write(&path, "old").expect("written");
    assert!(save(&Program::new(&module), &Source::default(), &path).is_err());
    assert_eq!(fs::read(&path).expect("there"), b"old");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

/// Checksums, names, counts and types of every fixture as expc writes it.
#[test]
fn written_fixtures_are_sound() {
    let context = context();
    for case in expc_fixtures::cases() {
        let loaded = load_file(&context, &case.model()).expect("loaded");
        let source = Source {
            archive: loaded.archive.as_ref(),
            ..Source::default()
        };
        let mut bytes = Vec::new();
        write_pt2(&loaded.program(), &source, &mut bytes)
            .unwrap_or_else(|found| panic!("{}: {}", case.label(), found[0]));
        let (archive, index) = read(bytes);
        assert!(archive.verify_checksums().is_ok(), "{}", case.label());
        let program = archive.program().expect("a program");
        assert_eq!(program.schema_version, expc_pt2::SCHEMA);
        let faults = archive.validate(&program, Some(&index));
        assert!(faults.is_empty(), "{}: {}", case.label(), faults[0]);
        let original = loaded.archive.as_ref().expect("an archive");
        assert!(
            archive.extra_files().eq(original.extra_files()),
            "{}",
            case.label()
        );
    }
}

/// Every fixture written in the schema that it came in: the same layout, entries, graph and signature.
#[test]
fn fixtures_survive_in_their_own_schema() {
    let context = context();
    for case in expc_fixtures::cases() {
        let loaded = load_file(&context, &case.model()).expect("loaded");
        let original = loaded.archive.as_ref().expect("an archive");
        let expected = original.program().expect("a program");
        let source = Source {
            schema: Some(expected.schema_version),
            archive: loaded.archive.as_ref(),
            weights: None,
        };
        let mut bytes = Vec::new();
        write_pt2(&loaded.program(), &source, &mut bytes)
            .unwrap_or_else(|found| panic!("{}: {}", case.label(), found[0]));
        let (archive, index) = read(bytes);
        let found = archive.program().expect("a program");
        assert_eq!(names(&archive), names(original), "{}", case.label());
        let (found, expected) = (&found, &expected);
        assert_eq!(found.schema_version, expected.schema_version);
        assert_eq!(found.verifiers, expected.verifiers, "{}", case.label());
        assert_eq!(found.dialect, expected.dialect, "{}", case.label());
        let (graph, expected_graph) = (&found.graph_module.graph, &expected.graph_module.graph);
        // A graph with a NaN is not even equal to itself.
        let has_nan = expected_graph != &expected_graph.clone();
        assert!(has_nan || graph == expected_graph, "{}", case.label());
        let faults = archive.validate(found, Some(&index));
        assert!(faults.is_empty(), "{}: {}", case.label(), faults[0]);
        let tensors = original.weights().expect("weights");
        for (fqn, record) in tensors.state_dict() {
            let written = index
                .tensor(fqn)
                .unwrap_or_else(|| panic!("{}: no `{fqn}`", case.label()));
            assert_eq!(
                (
                    &written.sizes,
                    &written.strides,
                    written.dtype,
                    written.is_parameter
                ),
                (
                    &record.sizes,
                    &record.strides,
                    record.dtype,
                    record.is_parameter
                ),
            );
            assert_eq!(
                index.storage_bytes(written.storage),
                tensors.storage_bytes(record.storage),
                "{}: {fqn}",
                case.label()
            );
        }
    }
}

/// The entries of an archive without the folder that all are in.
fn names(archive: &Archive) -> std::collections::BTreeSet<String> {
    let is_flat = archive.layout() == &expc_pt2::ArchiveLayout::Flat;
    let inner = |name: &str| match name.split_once('/') {
        Some((_, inner)) if !is_flat => inner.to_owned(),
        _ => name.to_owned(),
    };
    archive.entries().map(|(name, _)| inner(name)).collect()
}

/// The operands of a shared graph, in a list for PyTorch to 2.7 and one by one for others.
#[test]
fn operands_of_shared_graphs_are_those_of_the_schema() {
    const MODULE: &str = r#"
      func.func private @shared(%a: tensor<f32> {aten.input = {kind = "user_input", name = "a"}},
          %b: tensor<f32> {aten.input = {kind = "user_input", name = "b"}}) -> tensor<f32> {
        return %a : tensor<f32>
      }
      func.func @main(%x: tensor<f32> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<f32> {
        %0 = "hop.invoke_subgraph"(%x, %x) {args = [@shared, "shared", #aten.operand, #aten.operand], aten.names = ["getitem"]} : (tensor<f32>, tensor<f32>) -> tensor<f32> loc("invoke_subgraph")
        return %0 : tensor<f32>
      }"#;
    let context = context();
    let module = parse_module(&context, MODULE, "test.mlir").expect("a module");
    for (schema, expected) in [("8.7", vec!["as_tensors"]), ("8.8", vec!["as_tensor"; 2])] {
        let source = Source {
            schema: Some(expc_pt2::SchemaVersion::parse_written(schema).expect("a schema")),
            ..Source::default()
        };
        let mut bytes = Vec::new();
        write_pt2(&Program::new(&module), &source, &mut bytes).expect("written");
        let (archive, _) = read(bytes);
        let program = archive.program().expect("a program");
        let node = &program.graph_module.graph.nodes[0];
        let tags: Vec<&str> = node
            .inputs
            .iter()
            .skip(2)
            .map(|input| input.arg.tag())
            .collect();
        assert_eq!(tags, expected, "{schema}");
    }
}

//! Buffers, mutations, mapped weights.

use super::*;

#[test]
fn state_persists_and_is_private_to_each_program() {
    for in_place in [false, true] {
        let original = Tensor::from_slice(&[0.0_f32]);
        let mut weights = Weights::new();
        weights.insert_tensor("count", original.shallow_clone());
        let (graphs, signature) = counter(in_place);
        let first = load(graphs.clone(), signature.clone(), &weights);
        let second = load(graphs, signature, &weights);
        assert_eq!(run(&first, &[vector(&[10.0])]), [[11.0]]);
        assert_eq!(run(&first, &[vector(&[10.0])]), [[12.0]]);
        assert_eq!(run(&second, &[vector(&[10.0])]), [[11.0]]);
        assert_eq!(Vec::<f32>::try_from(&original).expect("floats"), [0.0]);
        let state = first.mutable_state();
        assert_eq!(state.len(), 1);
        assert_eq!((state[0].0, numbers(&state[0].1)), ("count", vec![2.0]));
    }
}

#[test]
fn results_do_not_change_with_later_state() {
    let mut graph = GraphBuilder::new(1);
    let counted = graph.call("aten::add_.Tensor", &[Arg::Slot(0), Arg::Int(1)]);
    let inputs = vec![buffer("count")];
    let signature = Signature {
        inputs,
        outputs: vec![output(OutputKind::User, None)],
        ..Signature::default()
    };
    let mut weights = Weights::new();
    weights.insert_tensor("count", Tensor::from_slice(&[0.0_f32]));
    let program = load(vec![graph.returns(&[counted])], signature, &weights);
    let first = program.call(&[]).expect("runs");
    program.call(&[]).expect("runs");
    assert_eq!(numbers(&first[0]), [1.0]);
}

#[test]
fn user_input_mutations_are_written_back() {
    let mut graph = GraphBuilder::new(1);
    let doubled = graph.call("aten::mul.Tensor", &[Arg::Slot(0), Arg::Int(2)]);
    let inputs = vec![user("x", InputSpec::Any)];
    let outputs = vec![
        output(OutputKind::UserInputMutation, Some("x")),
        output(OutputKind::User, None),
    ];
    let signature = Signature {
        inputs,
        outputs,
        ..Signature::default()
    };
    let program = load(
        vec![graph.returns(&[doubled.clone(), doubled])],
        signature,
        &Weights::new(),
    );
    let input = vector(&[1.0, 2.0]);
    assert_eq!(run(&program, std::slice::from_ref(&input)), [[2.0, 4.0]]);
    assert_eq!(numbers(&input), [2.0, 4.0]);
}

#[test]
fn stored_weights_are_mapped_unless_the_program_writes_to_them() {
    let bytes: Vec<u8> = [1.0_f32, 2.0, 3.0, 4.0]
        .iter()
        .flat_map(|value| value.to_ne_bytes())
        .collect();
    let memory: Arc<Vec<u8>> = Arc::new(bytes);
    let storage = Arc::new(StoredBytes {
        bytes: memory.clone(),
        range: 0..16,
    });
    let part = |offset| Weight::Stored {
        storage: storage.clone(),
        view: StorageView {
            dtype: ScalarType::Float32,
            sizes: vec![2],
            strides: vec![1],
            offset,
        },
    };
    let mut weights = Weights::new();
    weights.insert("a", part(0));
    weights.insert("b", part(1));
    for (written, expected) in [
        (false, vec![vec![1.0, 2.0], vec![2.0, 3.0]]),
        (true, vec![vec![1.0, 9.0], vec![9.0, 9.0]]),
    ] {
        let mut graph = GraphBuilder::new(2);
        if written {
            graph.call("aten::fill_.Scalar", &[Arg::Slot(1), Arg::Int(9)]);
        }
        let outputs = vec![output(OutputKind::User, None); 2];
        let signature = Signature {
            inputs: vec![buffer("a"), buffer("b")],
            outputs,
            ..Signature::default()
        };
        let program = load(
            vec![graph.returns(&[Arg::Slot(0), Arg::Slot(1)])],
            signature,
            &weights,
        );
        // Tied weights see each other's changes; the archive does not.
        assert_eq!(run(&program, &[]), expected);
        let address = program.weight("a").expect("bound").data_ptr() as usize;
        assert_eq!(address == memory.as_ptr() as usize, !written);
    }
    assert_eq!(memory[4..8], 2.0_f32.to_ne_bytes());
}

#[test]
fn unaligned_weights_are_copied() {
    let mut bytes = vec![0_u8];
    bytes.extend([5.0_f32, 6.0].iter().flat_map(|value| value.to_ne_bytes()));
    let memory: Arc<Vec<u8>> = Arc::new(bytes);
    let storage = Arc::new(StoredBytes {
        bytes: memory,
        range: 1..9,
    });
    let view = StorageView {
        dtype: ScalarType::Float32,
        sizes: vec![2],
        strides: vec![1],
        offset: 0,
    };
    let mut weights = Weights::new();
    weights.insert("a", Weight::Stored { storage, view });
    let outputs = vec![output(OutputKind::User, None)];
    let signature = Signature {
        inputs: vec![buffer("a")],
        outputs,
        ..Signature::default()
    };
    let program = load(
        vec![GraphBuilder::new(1).returns(&[Arg::Slot(0)])],
        signature,
        &weights,
    );
    assert_eq!(run(&program, &[]), [[5.0, 6.0]]);
    assert_eq!(
        program.weight("a").expect("bound").data_ptr() as usize % 4,
        0
    );
}

#[test]
fn missing_and_wrong_weights_are_refused() {
    let graph = || vec![GraphBuilder::new(1).returns(&[])];
    let spec = float_tensor(&["2"]);
    let input = Input {
        spec,
        ..buffer("a")
    };
    let signature = Signature {
        inputs: vec![input],
        ..Signature::default()
    };
    let mut weights = Weights::new();
    assert_eq!(
        problems(graph(), signature.clone(), &weights),
        ["E0508: there is no buffer `a`, which the program takes"]
    );
    weights.insert_tensor("a", Tensor::from_slice(&[1.0_f64]));
    assert_eq!(
        problems(graph(), signature.clone(), &weights),
        ["E0509: weight `a`: expected dtype float32, found float64"]
    );
    weights.insert_tensor("a", Tensor::from_slice(&[1.0_f32]));
    assert_eq!(
        problems(graph(), signature.clone(), &weights),
        ["E0509: weight `a`: expected sizes [2], found [1]"]
    );
    let storage = Arc::new(StoredBytes {
        bytes: Arc::new(vec![0_u8; 4]),
        range: 0..4,
    });
    let view = StorageView {
        dtype: ScalarType::Float32,
        sizes: vec![2],
        strides: vec![1],
        offset: 0,
    };
    weights.insert("a", Weight::Stored { storage, view });
    assert_eq!(
        problems(graph(), signature, &weights),
        ["E0509: weight `a`: a float32 tensor of sizes [2] needs 8 bytes of storage, there are 4"]
    );
}

/// A batch norm in training moves its statistics on, which its schema does not say.
#[test]
fn writes_that_only_the_op_table_knows_are_state() {
    for training in [true, false] {
        let mut graph = GraphBuilder::new(4);
        let args = [
            Arg::Slot(3),
            Arg::Slot(2),
            Arg::None,
            Arg::Slot(0),
            Arg::Slot(1),
            Arg::Bool(training),
            Arg::Float(0.5),
            Arg::Float(0.0),
            Arg::Bool(false),
        ];
        let norm = graph.call("aten::batch_norm", &args);
        let inputs = vec![
            buffer("mean"),
            buffer("var"),
            buffer("weight"),
            user("x", InputSpec::Any),
        ];
        let outputs = vec![output(OutputKind::User, None)];
        let signature = Signature {
            inputs,
            outputs,
            ..Signature::default()
        };
        let mut weights = Weights::new();
        let mean = Tensor::from_slice(&[0.0_f32]);
        weights.insert_tensor("mean", mean.shallow_clone());
        weights.insert_tensor("var", Tensor::from_slice(&[1.0_f32]));
        weights.insert_tensor("weight", Tensor::from_slice(&[1.0_f32]));
        let program = load(vec![graph.returns(&[norm])], signature, &weights);
        let x = Value::Tensor(Tensor::from_slice(&[2.0_f32, 6.0]).view([2, 1]));
        program.call(&[x]).expect("runs");
        let state = program.mutable_state();
        let names: Vec<_> = state.iter().map(|(name, _)| *name).collect();
        if training {
            assert_eq!(names, ["mean", "var"]);
            assert_eq!(numbers(&state[0].1), [2.0]);
        } else {
            assert!(names.is_empty());
        }
        assert_eq!(Vec::<f32>::try_from(&mean).expect("floats"), [0.0]);
    }
}

#[test]
fn weights_tied_to_one_that_changes_change_too() {
    let mut graph = GraphBuilder::new(2);
    graph.call("aten::add_.Tensor", &[Arg::Slot(0), Arg::Int(1)]);
    let inputs = vec![buffer("a"), buffer("b")];
    let signature = Signature {
        inputs,
        ..Signature::default()
    };
    let shared = Tensor::from_slice(&[0.0_f32]);
    let mut weights = Weights::new();
    weights.insert_tensor("a", shared.shallow_clone());
    weights.insert_tensor("b", shared);
    let program = load(vec![graph.returns(&[])], signature, &weights);
    program.call(&[]).expect("runs");
    let state = program.mutable_state();
    assert_eq!(state.len(), 2);
    assert!(state.iter().all(|(_, value)| numbers(value) == [1.0]));
}

//! Programs built by hand, against known values.

use std::{sync::Arc, time::Instant};

use expc_dialects::ScalarType;
use tch::{Kind, Tensor};

use super::*;
use crate::{
    plan::{Graph, Input, Output, PlanParts, Range, Signature, SymFunction},
    torch::StorageView,
    weights::{StoredBytes, Weight},
};

/// A graph with steps added one by one; each result gets the next slot.
#[derive(Default)]
struct GraphBuilder {
    graph: Graph,
}

impl GraphBuilder {
    fn new(inputs: u32) -> Self {
        Self {
            graph: Graph {
                name: "main".into(),
                slots: inputs,
                inputs: (0..inputs).collect(),
                ..Graph::default()
            },
        }
    }

    fn step(&mut self, action: Action, results: u32) -> Vec<Arg> {
        let first = self.graph.slots;
        self.graph.slots += results;
        let slots = first..self.graph.slots;
        let node = format!("node_{}", self.graph.steps.len());
        let origin = Origin {
            node: Some(node),
            module: Some("layers.0".into()),
            python: Some("File \"model.py\", line 7, in forward".into()),
        };
        self.graph.steps.push(Step {
            action,
            results: slots.clone().map(Some).collect(),
            origin,
        });
        slots.map(Arg::Slot).collect()
    }

    fn call(&mut self, op: &str, args: &[Arg]) -> Arg {
        self.calls(op, args, &[], 1).swap_remove(0)
    }

    fn calls(&mut self, op: &str, args: &[Arg], kwargs: &[(&str, Arg)], results: u32) -> Vec<Arg> {
        let kwargs = kwargs
            .iter()
            .map(|(name, arg)| ((*name).to_owned(), arg.clone()))
            .collect();
        let action = Action::Call {
            op: op.into(),
            args: args.to_vec(),
            kwargs,
            result_groups: Vec::new(),
        };
        self.step(action, results)
    }

    fn symbolic(&mut self, function: SymFunction, args: &[Arg]) -> Arg {
        self.step(
            Action::Symbolic {
                function,
                args: args.to_vec(),
            },
            1,
        )
        .swap_remove(0)
    }

    fn hop(&mut self, name: &str, args: &[Arg], kwargs: &[(&str, Arg)], results: u32) -> Vec<Arg> {
        let kwargs = kwargs
            .iter()
            .map(|(name, arg)| ((*name).to_owned(), arg.clone()))
            .collect();
        self.step(
            Action::Hop {
                name: name.into(),
                args: args.to_vec(),
                kwargs,
            },
            results,
        )
    }

    fn returns(mut self, outputs: &[Arg]) -> Graph {
        self.graph.outputs = outputs.to_vec();
        self.graph
    }
}

fn user(name: &str, spec: InputSpec) -> Input {
    Input {
        kind: InputKind::User,
        name: name.into(),
        path: name.into(),
        target: None,
        spec,
    }
}

fn float_tensor(sizes: &[&str]) -> InputSpec {
    let sizes = sizes.iter().map(|size| (*size).to_owned()).collect();
    InputSpec::Tensor {
        dtype: Some("float32".into()),
        sizes: Some(sizes),
    }
}

fn buffer(name: &str) -> Input {
    let spec = InputSpec::Tensor {
        dtype: None,
        sizes: None,
    };
    let kind = InputKind::Buffer { persistent: true };
    Input {
        kind,
        name: format!("b_{name}"),
        path: name.into(),
        target: Some(name.into()),
        spec,
    }
}

fn output(kind: OutputKind, target: Option<&str>) -> Output {
    Output {
        kind,
        target: target.map(str::to_owned),
    }
}

/// A program without weights whose inputs and outputs are the user's.
fn program(graphs: Vec<Graph>) -> Executable {
    let inputs = graphs[0]
        .inputs
        .iter()
        .map(|slot| user(&format!("x{slot}"), InputSpec::Any))
        .collect();
    let outputs = graphs[0]
        .outputs
        .iter()
        .map(|_| output(OutputKind::User, None))
        .collect();
    load(
        graphs,
        Signature {
            inputs,
            outputs,
            ..Signature::default()
        },
        &Weights::new(),
    )
}

fn load(graphs: Vec<Graph>, signature: Signature, weights: &Weights) -> Executable {
    let plan = Plan::new(PlanParts { graphs, signature }).expect("a valid plan");
    match Executable::new(&plan, weights, Options::default()) {
        Ok(executable) => executable,
        Err(problems) => panic!("{problems:#?}"),
    }
}

fn problems(graphs: Vec<Graph>, signature: Signature, weights: &Weights) -> Vec<String> {
    let plan = Plan::new(PlanParts { graphs, signature }).expect("a valid plan");
    let problems = Executable::new(&plan, weights, Options::default()).expect_err("refused");
    problems
        .into_iter()
        .map(|problem| format!("{}: {}", problem.code, problem.message))
        .collect()
}

fn vector(values: &[f32]) -> Value {
    Value::Tensor(Tensor::from_slice(values))
}

fn numbers(value: &Value) -> Vec<f64> {
    let Value::Tensor(tensor) = value else {
        panic!("no tensor: {value:?}")
    };
    Vec::try_from(tensor.to_kind(Kind::Double).contiguous().flatten(0, -1)).expect("numbers")
}

fn run(executable: &Executable, inputs: &[Value]) -> Vec<Vec<f64>> {
    match executable.call(inputs) {
        Ok(values) => values.iter().map(numbers).collect(),
        Err(problem) => panic!("{problem}"),
    }
}

fn refusal(executable: &Executable, inputs: &[Value]) -> String {
    let problem = executable.call(inputs).expect_err("refused");
    format!("{}: {}", problem.code, problem.message)
}

#[test]
fn a_chain_of_operators() {
    let mut graph = GraphBuilder::new(2);
    let sum = graph.call("aten::add.Tensor", &[Arg::Slot(0), Arg::Slot(1)]);
    let relu = graph.call("aten::relu", &[sum.clone()]);
    let scaled = graph.call("aten::mul.Tensor", &[relu, Arg::Float(0.5)]);
    let program = program(vec![graph.returns(&[scaled, sum])]);
    let inputs = [vector(&[1.0, -3.0]), vector(&[3.0, 1.0])];
    for _ in 0..3 {
        assert_eq!(run(&program, &inputs), [vec![2.0, 0.0], vec![4.0, -2.0]]);
    }
}

#[test]
fn multiple_results_and_lists() {
    let mut graph = GraphBuilder::new(1);
    let top = graph.calls("aten::topk", &[Arg::Slot(0), Arg::Int(2)], &[], 2);
    let parts = graph.calls("aten::split.Tensor", &[top[0].clone(), Arg::Int(1)], &[], 2);
    let joined = graph.call(
        "aten::cat",
        &[Arg::List(vec![
            parts[1].clone(),
            parts[0].clone(),
            top[1].clone(),
        ])],
    );
    let program = program(vec![graph.returns(&[joined])]);
    assert_eq!(
        run(&program, &[vector(&[5.0, 1.0, 7.0])]),
        [vec![5.0, 7.0, 2.0, 0.0]]
    );
}

#[test]
fn symbolic_sizes_flow_into_arguments() {
    let mut graph = GraphBuilder::new(1);
    let size = graph.call("aten::sym_size.int", &[Arg::Slot(0), Arg::Int(0)]);
    let half = graph.symbolic(SymFunction::FloorDiv, &[size, Arg::Int(2)]);
    let shape = Arg::List(vec![half, Arg::Int(2)]);
    let view = graph.call("aten::view", &[Arg::Slot(0), shape]);
    let sums = graph.call(
        "aten::sum.dim_IntList",
        &[view, Arg::List(vec![Arg::Int(1)])],
    );
    let program = program(vec![graph.returns(&[sums])]);
    assert_eq!(
        run(&program, &[vector(&[1.0, 2.0, 3.0, 4.0])]),
        [vec![3.0, 7.0]]
    );
    assert_eq!(run(&program, &[vector(&[1.0, 2.0])]), [vec![3.0]]);
}

#[test]
fn symbolic_errors_name_the_node() {
    let mut graph = GraphBuilder::new(1);
    let size = graph.call("aten::sym_size.int", &[Arg::Slot(0), Arg::Int(0)]);
    let bad = graph.symbolic(SymFunction::Mod, &[size, Arg::Int(0)]);
    let program = program(vec![graph.returns(&[bad])]);
    let problem = program.call(&[vector(&[1.0])]).expect_err("refused");
    assert_eq!(problem.message, "`sym.mod`: divides by zero");
    assert_eq!(problem.place.node.as_deref(), Some("node_1"));
}

#[test]
fn kernel_errors_name_node_module_and_python_line() {
    let mut graph = GraphBuilder::new(1);
    let product = graph.call("aten::mm", &[Arg::Slot(0), Arg::Slot(0)]);
    let program = program(vec![graph.returns(&[product])]);
    let problem = program.call(&[vector(&[1.0])]).expect_err("refused");
    assert_eq!(
        (problem.code, problem.message.as_str()),
        ("E0507", "self must be a matrix")
    );
    assert_eq!(problem.place.node.as_deref(), Some("node_0"));
    assert_eq!(problem.place.module.as_deref(), Some("layers.0"));
    assert_eq!(
        problem.place.python.as_deref(),
        Some("File \"model.py\", line 7, in forward")
    );
    // The next call starts afresh.
    let matrix = Value::Tensor(Tensor::ones([1, 1], (Kind::Float, tch::Device::Cpu)));
    assert_eq!(run(&program, &[matrix]), [vec![1.0]]);
}

#[test]
fn all_load_problems_are_reported() {
    let mut graph = GraphBuilder::new(1);
    graph.call("mylib::no_such_op", &[Arg::Slot(0)]);
    graph.call("aten::relu", &[Arg::Slot(0), Arg::Int(1)]);
    graph.calls(
        "aten::relu",
        &[Arg::Slot(0)],
        &[("inplace", Arg::Bool(true))],
        1,
    );
    graph.call("aten::add.Tensor", &[Arg::Slot(0), Arg::Str("y".into())]);
    graph.call(
        "aten::full",
        &[Arg::List(vec![]), Arg::Int(1), Arg::Dtype("float33".into())],
    );
    graph.hop("no_such_hop", &[], &[], 0);
    let signature = Signature {
        inputs: vec![user("x", InputSpec::Any)],
        ..Signature::default()
    };
    assert_eq!(
        problems(vec![graph.returns(&[])], signature, &Weights::new()),
        [
            "E0505: operator `mylib::no_such_op` is not registered with libtorch",
            "E0506: `aten::relu`: takes 1 arguments, found 2",
            "E0506: `aten::relu`: no argument is named `inplace`, there are `self`",
            "E0506: `aten::add.Tensor`: argument `other`: expected `Tensor`, found the string `y`",
            "E0506: there is no dtype `float33`",
            "E0511: higher-order operator `no_such_hop` cannot be run",
        ]
    );
}

// Inputs ---------------------------------------------------------------------------------------------------------------

/// Hands back its first input; the signature is what is tested.
fn identity(inputs: Vec<Input>, ranges: Vec<Range>, guards: &[&str]) -> Executable {
    let given = inputs
        .iter()
        .filter(|input| !matches!(input.spec, InputSpec::Constant(_)))
        .count();
    let graph = GraphBuilder::new(u32::try_from(given).expect("few")).returns(&[Arg::Slot(0)]);
    let guards = guards.iter().map(|guard| (*guard).to_owned()).collect();
    let outputs = vec![output(OutputKind::User, None)];
    load(
        vec![graph],
        Signature {
            inputs,
            outputs,
            ranges,
            guards,
        },
        &Weights::new(),
    )
}

fn zeros(sizes: &[i64]) -> Value {
    Value::Tensor(Tensor::zeros(sizes, (Kind::Float, tch::Device::Cpu)))
}

#[test]
fn inputs_are_checked_for_number_dtype_rank_and_size() {
    let program = identity(vec![user("x", float_tensor(&["2", "3"]))], vec![], &[]);
    assert_eq!(run(&program, &[zeros(&[2, 3])])[0].len(), 6);
    let double = Value::Tensor(Tensor::from_slice(&[1.0_f64]));
    assert_eq!(
        refusal(&program, &[]),
        "E0501: the program takes 1 inputs, found 0"
    );
    assert_eq!(
        refusal(&program, &[double]),
        "E0502: x: expected a tensor of float32, found float64"
    );
    assert_eq!(
        refusal(&program, &[Value::Int(1)]),
        "E0502: x: expected a tensor, found int"
    );
    assert_eq!(
        refusal(&program, &[zeros(&[2])]),
        "E0503: x: expected 2 dimensions, found 1: sizes [2]"
    );
    assert_eq!(
        refusal(&program, &[zeros(&[2, 4])]),
        "E0503: x.shape[1] is 4, the program was exported for 3"
    );
}

#[test]
fn symbols_ranges_and_guards_are_checked() {
    let inputs = vec![
        user("x", float_tensor(&["s0", "2*s1"])),
        user("y", float_tensor(&["s1", "s0 + 1"])),
    ];
    let ranges = vec![
        Range {
            expression: "s0".into(),
            min: Some(2),
            max: Some(64),
        },
        Range {
            expression: "s1".into(),
            min: Some(4),
            max: None,
        },
    ];
    let program = identity(
        inputs,
        ranges,
        &[
            "L['x'].size()[0] < L['x'].size()[1]",
            "L['gone'].size()[0] > 1",
        ],
    );
    assert_eq!(program.warnings().len(), 1);
    let check = |x: [i64; 2], y: [i64; 2]| {
        program
            .call(&[zeros(&x), zeros(&y)])
            .map(|_| ())
            .map_err(|e| e.message)
    };
    assert_eq!(check([3, 10], [5, 4]), Ok(()));
    assert_eq!(
        check([1, 10], [5, 2]),
        Ok(()),
        "0 and 1 are allowed as PyTorch allows them"
    );
    assert_eq!(
        check([100, 10], [5, 101]),
        Err("x.shape[0] is 100, exported for 2..64".into())
    );
    assert_eq!(
        check([3, 6], [3, 4]),
        Err("y.shape[0] is 3, exported for 4 and more".into())
    );
    assert_eq!(
        check([3, 9], [5, 4]),
        Err("x.shape[1] is 9, expected 10 because of y.shape[0]".into())
    );
    assert_eq!(
        check([3, 10], [5, 5]),
        Err("y.shape[1] is 5, expected 4 because of x.shape[0]".into())
    );
    let guard = check([10, 10], [5, 11]).expect_err("refused");
    assert!(
        guard.starts_with("x.shape[0] is 10 and x.shape[1] is 10, exported for inputs with"),
        "{guard}"
    );
}

#[test]
fn derived_sizes_define_their_symbol() {
    let inputs = vec![
        user("x", float_tensor(&["2*s0"])),
        user("y", float_tensor(&["s0 + 1"])),
    ];
    let program = identity(inputs, vec![], &[]);
    let check = |x: i64, y: i64| {
        program
            .call(&[zeros(&[x]), zeros(&[y])])
            .map(|_| ())
            .map_err(|e| e.message)
    };
    assert_eq!(check(6, 4), Ok(()));
    assert_eq!(
        check(6, 5),
        Err("y.shape[0] is 5, expected 4 because of x.shape[0]".into())
    );
}

#[test]
fn numbers_and_constants_are_inputs_too() {
    let inputs = vec![
        user(
            "n",
            InputSpec::Int {
                expression: Some("s0".into()),
            },
        ),
        user("flag", InputSpec::Constant(Arg::Bool(true))),
        user("x", float_tensor(&["s0"])),
        user("rate", InputSpec::Float { expression: None }),
    ];
    let graph = GraphBuilder::new(3);
    let outputs = vec![output(OutputKind::User, None)];
    let signature = Signature {
        inputs,
        outputs,
        ..Signature::default()
    };
    let program = load(
        vec![graph.returns(&[Arg::Slot(1)])],
        signature,
        &Weights::new(),
    );
    let call = |n: Value, flag: Value, rate: Value| {
        program
            .call(&[n, flag, vector(&[1.0, 2.0]), rate])
            .map(|_| ())
            .map_err(|problem| problem.message)
    };
    assert_eq!(
        call(Value::Int(2), Value::Bool(true), Value::Float(0.5)),
        Ok(())
    );
    assert_eq!(call(Value::Int(2), Value::None, Value::Int(1)), Ok(()));
    assert_eq!(
        call(Value::Int(2), Value::Bool(false), Value::Int(1)),
        Err("flag is False, the program was exported for True".into())
    );
    assert_eq!(
        call(Value::Int(3), Value::None, Value::Int(1)),
        Err("x.shape[0] is 2, expected 3 because of n".into())
    );
    assert_eq!(
        call(Value::Float(2.0), Value::None, Value::Int(1)),
        Err("n: expected an int, found float".into())
    );
}

// State ----------------------------------------------------------------------------------------------------------------

/// Counts its calls in a buffer, through a mutation output or in place.
fn counter(in_place: bool) -> (Vec<Graph>, Signature) {
    let mut graph = GraphBuilder::new(2);
    let op = if in_place {
        "aten::add_.Tensor"
    } else {
        "aten::add.Tensor"
    };
    let view = graph.call("aten::view", &[Arg::Slot(0), Arg::List(vec![Arg::Int(1)])]);
    let count = graph.call(op, &[view, Arg::Int(1)]);
    let sum = graph.call("aten::add.Tensor", &[Arg::Slot(1), count.clone()]);
    let inputs = vec![buffer("count"), user("x", InputSpec::Any)];
    let user_output = output(OutputKind::User, None);
    if in_place {
        let signature = Signature {
            inputs,
            outputs: vec![user_output],
            ..Signature::default()
        };
        return (vec![graph.returns(&[sum])], signature);
    }
    let outputs = vec![
        output(OutputKind::BufferMutation, Some("count")),
        user_output,
    ];
    (
        vec![graph.returns(&[count, sum])],
        Signature {
            inputs,
            outputs,
            ..Signature::default()
        },
    )
}

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
    assert_eq!(run(&program, &[input.clone()]), [[2.0, 4.0]]);
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
        ["E0508: the archive has no buffer `a`, which the program takes"]
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

// Higher-order operators -----------------------------------------------------------------------------------------------

fn unary(op: &str, argument: Option<Arg>) -> Graph {
    let mut graph = GraphBuilder::new(1);
    let args: Vec<_> = std::iter::once(Arg::Slot(0)).chain(argument).collect();
    let result = graph.call(op, &args);
    graph.returns(&[result])
}

#[test]
fn cond_runs_one_branch() {
    let mut root = GraphBuilder::new(2);
    let operands = Arg::List(vec![Arg::Slot(1)]);
    let results = root.hop(
        "cond",
        &[Arg::Slot(0), Arg::Graph(1), Arg::Graph(2), operands],
        &[],
        1,
    );
    let double = unary("aten::mul.Tensor", Some(Arg::Int(2)));
    let program = program(vec![
        root.returns(&results),
        double,
        unary("aten::neg", None),
    ]);
    let x = || vector(&[1.0, 2.0]);
    assert_eq!(
        run(&program, &[Value::Tensor(Tensor::from(true)), x()]),
        [[2.0, 4.0]]
    );
    assert_eq!(run(&program, &[Value::Bool(false), x()]), [[-1.0, -2.0]]);
    assert_eq!(refusal(&program, &[Value::None, x()]), {
        "E0511: `cond`: the predicate is no bool and no tensor of one element"
    });
}

/// `while i < limit: i, x = i + 1, 2 * x`
fn doubling(name: &str) -> Vec<Graph> {
    let mut root = GraphBuilder::new(3);
    let carried = Arg::List(vec![Arg::Slot(0), Arg::Slot(1)]);
    let extra = Arg::List(vec![Arg::Slot(2)]);
    let results = root.hop(
        name,
        &[Arg::Graph(1), Arg::Graph(2), carried, extra],
        &[],
        2,
    );
    let mut condition = GraphBuilder::new(3);
    let goes_on = condition.call("aten::lt.Tensor", &[Arg::Slot(0), Arg::Slot(2)]);
    let mut body = GraphBuilder::new(3);
    let next = body.call("aten::add.Tensor", &[Arg::Slot(0), Arg::Int(1)]);
    let doubled = body.call("aten::mul.Tensor", &[Arg::Slot(1), Arg::Int(2)]);
    vec![
        root.returns(&results),
        condition.returns(&[goes_on]),
        body.returns(&[next, doubled]),
    ]
}

#[test]
fn while_loop_carries_its_values() {
    let scalar = |value: i64| Value::Tensor(Tensor::from(value));
    let program = program(doubling("while_loop"));
    assert_eq!(
        run(&program, &[scalar(0), vector(&[1.0]), scalar(5)]),
        [[5.0], [32.0]]
    );
    let input = vector(&[1.0]);
    let outputs = program
        .call(&[scalar(0), input.clone(), scalar(0)])
        .expect("runs");
    assert_eq!(numbers(&outputs[1]), [1.0]);
    let storage = |value: &Value| TensorInfo::of(value.as_tensor().expect("tensor")).storage;
    assert_ne!(
        storage(&outputs[1]),
        storage(&input),
        "no round still copies"
    );
}

#[test]
fn while_loop_stack_output_keeps_all_rounds() {
    let scalar = |value: i64| Value::Tensor(Tensor::from(value));
    let program = program(doubling("while_loop_stack_output"));
    assert_eq!(
        run(&program, &[scalar(0), vector(&[1.0]), scalar(3)]),
        [vec![1.0, 2.0, 3.0], vec![2.0, 4.0, 8.0]]
    );
}

#[test]
fn map_stacks_the_results_of_each_slice() {
    let mut root = GraphBuilder::new(2);
    let (xs, extra) = (Arg::List(vec![Arg::Slot(0)]), Arg::List(vec![Arg::Slot(1)]));
    let results = root.hop("map_impl", &[Arg::Graph(1), xs, extra], &[], 1);
    let mut body = GraphBuilder::new(2);
    let sum = body.call("aten::add.Tensor", &[Arg::Slot(0), Arg::Slot(1)]);
    let program = program(vec![root.returns(&results), body.returns(&[sum])]);
    assert_eq!(
        run(&program, &[vector(&[1.0, 2.0, 3.0]), vector(&[10.0])]),
        [[11.0, 12.0, 13.0]]
    );
    assert!(
        refusal(&program, &[zeros(&[0, 2]), vector(&[1.0])])
            .starts_with("E0511: `map_impl`: there is nothing")
    );
}

#[test]
fn scan_carries_and_stacks() {
    let mut root = GraphBuilder::new(2);
    let (init, xs) = (Arg::List(vec![Arg::Slot(0)]), Arg::List(vec![Arg::Slot(1)]));
    let results = root.hop(
        "scan",
        &[Arg::Graph(1), init, xs, Arg::List(vec![])],
        &[],
        2,
    );
    let mut body = GraphBuilder::new(2);
    let sum = body.call("aten::add.Tensor", &[Arg::Slot(0), Arg::Slot(1)]);
    let copy = body.call("aten::clone", &[sum.clone()]);
    let program = program(vec![root.returns(&results), body.returns(&[sum, copy])]);
    let x = Value::Tensor(Tensor::from_slice(&[1.0_f32, 2.0, 3.0]).view([3, 1]));
    assert_eq!(
        run(&program, &[vector(&[10.0]), x]),
        [vec![16.0], vec![11.0, 13.0, 16.0]]
    );
}

#[test]
fn associative_scan_of_every_length() {
    let mut root = GraphBuilder::new(1);
    let xs = Arg::List(vec![Arg::Slot(0)]);
    let results = root.hop(
        "associative_scan",
        &[Arg::Graph(1), xs, Arg::List(vec![])],
        &[],
        1,
    );
    let mut body = GraphBuilder::new(2);
    let sum = body.call("aten::add.Tensor", &[Arg::Slot(0), Arg::Slot(1)]);
    let program = program(vec![root.returns(&results), body.returns(&[sum])]);
    for length in 1..=17_u8 {
        let values: Vec<f32> = (1..=length).map(f32::from).collect();
        let expected: Vec<f64> = (1..=length)
            .map(|last| (1..=last).map(f64::from).sum())
            .collect();
        assert_eq!(run(&program, &[vector(&values)]), [expected]);
    }
}

#[test]
fn wrapped_graphs_run_under_their_state() {
    let mut root = GraphBuilder::new(1);
    let enable = Arg::Bool(true);
    let a = root.hop(
        "wrap_with_set_grad_enabled",
        &[enable.clone(), Arg::Graph(1), Arg::Slot(0)],
        &[],
        1,
    );
    let b = root.hop(
        "invoke_subgraph",
        &[Arg::Graph(1), Arg::Str("id".into()), a[0].clone()],
        &[],
        1,
    );
    let c = root.hop("strict_mode", &[Arg::Graph(1), Arg::List(b)], &[], 1);
    let autocast = [
        Arg::Str("cpu".into()),
        Arg::Dtype("bfloat16".into()),
        enable,
        Arg::None,
        Arg::Graph(2),
        c[0].clone(),
    ];
    let d = root.hop("wrap_with_autocast", &autocast, &[], 1);
    let double = unary("aten::mul.Tensor", Some(Arg::Int(2)));
    let mut square = GraphBuilder::new(1);
    let product = square.call("aten::mm", &[Arg::Slot(0), Arg::Slot(0)]);
    let program = program(vec![root.returns(&d), double, square.returns(&[product])]);
    let outputs = program
        .call(&[Value::Tensor(Tensor::ones(
            [1, 1],
            (Kind::Float, tch::Device::Cpu),
        ))])
        .expect("runs");
    assert_eq!(numbers(&outputs[0]), [64.0]);
    let dtype = TensorInfo::of(outputs[0].as_tensor().expect("tensor")).dtype;
    assert_eq!(dtype, Some(ScalarType::BFloat16));
}

#[test]
fn auto_functionalized_leaves_its_arguments_alone() {
    let mut root = GraphBuilder::new(2);
    let kwargs = [("self", Arg::Slot(0)), ("other", Arg::Slot(1))];
    let results = root.hop(
        "auto_functionalized",
        &[Arg::Op("aten::add_.Tensor".into())],
        &kwargs,
        2,
    );
    let program = program(vec![root.returns(&results)]);
    let x = vector(&[1.0, 2.0]);
    assert_eq!(
        run(&program, &[x.clone(), vector(&[10.0])]),
        [[11.0, 12.0], [11.0, 12.0]]
    );
    assert_eq!(numbers(&x), [1.0, 2.0]);
}

#[test]
fn auto_functionalized_v2_writes_through_views_of_its_bases() {
    let op = || Arg::Op("aten::fill_.Scalar".into());
    let bases = |slot| ("_all_bases", Arg::List(vec![Arg::Slot(slot)]));
    let shapes: [(&[(&str, Arg)], Vec<f64>); 3] = [
        (&[], vec![7.0, 7.0, 7.0, 7.0]),
        (
            &[
                ("_self_slice_dim", Arg::Int(0)),
                ("_self_slice_start", Arg::Int(1)),
                ("_self_slice_end", Arg::Int(3)),
            ],
            vec![1.0, 7.0, 7.0, 4.0],
        ),
        (
            &[
                ("_self_size", Arg::List(vec![Arg::Int(2)])),
                ("_self_stride", Arg::List(vec![Arg::Int(2)])),
                ("_self_storage_offset", Arg::Int(1)),
            ],
            vec![1.0, 7.0, 3.0, 7.0],
        ),
    ];
    for (shape, expected) in shapes {
        let mut root = GraphBuilder::new(1);
        let kwargs: Vec<_> = [
            ("value", Arg::Int(7)),
            ("_self_base_index", Arg::Int(0)),
            bases(0),
        ]
        .into_iter()
        .chain(shape.iter().cloned())
        .collect();
        let results = root.hop("auto_functionalized_v2", &[op()], &kwargs, 2);
        let program = program(vec![root.returns(&results[1..])]);
        let x = vector(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(run(&program, &[x.clone()]), [expected]);
        assert_eq!(numbers(&x), [1.0, 2.0, 3.0, 4.0]);
    }
}

#[test]
fn effects_run_their_operator() {
    let mut root = GraphBuilder::new(2);
    let args = [Arg::Slot(0), Arg::Op("aten::neg".into()), Arg::Slot(1)];
    let results = root.hop("with_effects", &args, &[], 2);
    let program = program(vec![root.returns(&results[1..])]);
    assert_eq!(run(&program, &[Value::None, vector(&[1.0])]), [[-1.0]]);
}

#[test]
fn errors_in_a_branch_name_the_inner_node() {
    let mut root = GraphBuilder::new(1);
    let operands = Arg::List(vec![Arg::Slot(0)]);
    root.call("aten::relu", &[Arg::Slot(0)]);
    let results = root.hop(
        "cond",
        &[Arg::Bool(true), Arg::Graph(1), Arg::Graph(1), operands],
        &[],
        1,
    );
    let program = program(vec![root.returns(&results), unary("aten::det", None)]);
    let problem = program.call(&[vector(&[1.0])]).expect_err("refused");
    assert_eq!(problem.place.node.as_deref(), Some("node_0"));
}

// Threads and time -----------------------------------------------------------------------------------------------------

#[test]
fn many_threads_share_one_program() {
    let mut graph = GraphBuilder::new(2);
    let product = graph.call("aten::mm", &[Arg::Slot(0), Arg::Slot(1)]);
    let sum = graph.call("aten::sum", &[product]);
    let inputs = vec![buffer("w"), user("x", InputSpec::Any)];
    let signature = Signature {
        inputs,
        outputs: vec![output(OutputKind::User, None)],
        ..Signature::default()
    };
    let mut weights = Weights::new();
    weights.insert_tensor("w", Tensor::ones([8, 8], (Kind::Float, tch::Device::Cpu)));
    let program = load(vec![graph.returns(&[sum])], signature, &weights);
    std::thread::scope(|scope| {
        for thread in 1..=8_u8 {
            let program = &program;
            scope.spawn(move || {
                for _ in 0..50 {
                    let x =
                        Tensor::full([8, 8], f64::from(thread), (Kind::Float, tch::Device::Cpu));
                    assert_eq!(
                        run(program, &[Value::Tensor(x)]),
                        [[512.0 * f64::from(thread)]]
                    );
                }
            });
        }
    });
}

#[test]
fn calls_that_change_state_run_one_at_a_time() {
    let mut weights = Weights::new();
    weights.insert_tensor("count", Tensor::from_slice(&[0.0_f32]));
    let (graphs, signature) = counter(true);
    let program = load(graphs, signature, &weights);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..25).for_each(|_| drop(run(&program, &[vector(&[0.0])]))));
        }
    });
    assert_eq!(run(&program, &[vector(&[0.0])]), [[101.0]]);
}

/// Prints the time of a chain of tiny operators, through the executor and through tch; asserts nothing about it.
#[test]
fn latency_of_a_chain_is_printed() {
    let mut graph = GraphBuilder::new(2);
    let last = (0..1000).fold(Arg::Slot(0), |x, _| {
        graph.call("aten::add.Tensor", &[x, Arg::Slot(1)])
    });
    let program = program(vec![graph.returns(&[last])]);
    let inputs = [vector(&[0.0, 1.0]), vector(&[1.0])];
    assert_eq!(run(&program, &inputs), [[1000.0, 1001.0]]);
    let rounds = 20_u32;
    let start = Instant::now();
    (0..rounds).for_each(|_| drop(program.call(&inputs)));
    let executor = start.elapsed() / rounds / 1000;
    let x = Tensor::from_slice(&[0.0_f32, 1.0]);
    let one = Tensor::from_slice(&[1.0_f32]);
    let start = Instant::now();
    let direct = tch::no_grad(|| {
        for _ in 0..rounds {
            let _ = (0..1000).fold(x.shallow_clone(), |x, _| x.g_add(&one));
        }
        start.elapsed() / rounds / 1000
    });
    println!("one add of two elements: {executor:?} by the executor, {direct:?} by tch");
}

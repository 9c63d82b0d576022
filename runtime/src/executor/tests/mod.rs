//! Programs built by hand, against known values.

use std::{sync::Arc, time::Instant};

use expc_dialects::ScalarType;
use tch::{Kind, Tensor};

use super::*;
use crate::{
    plan::{Graph, Input, Output, PlanParts, Range, Signature, SymFunction},
    torch::{StorageView, TensorInfo},
    weights::{StoredBytes, Weight},
};

mod control;
mod inputs;
mod state;
mod threads;

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

fn zeros(sizes: &[i64]) -> Value {
    Value::Tensor(Tensor::zeros(sizes, (Kind::Float, tch::Device::Cpu)))
}

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
fn a_chain_of_operators() {
    let mut graph = GraphBuilder::new(2);
    let sum = graph.call("aten::add.Tensor", &[Arg::Slot(0), Arg::Slot(1)]);
    let relu = graph.call("aten::relu", std::slice::from_ref(&sum));
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
fn a_view_that_strides_refuse_is_a_copy_where_nothing_is_written() {
    let turned = |writes: bool| {
        let mut graph = GraphBuilder::new(1);
        let turned = graph.call("aten::t", &[Arg::Slot(0)]);
        let flat = graph.call(
            "aten::view.default",
            &[turned, Arg::List(vec![Arg::Int(-1)])],
        );
        let op = if writes { "aten::neg_" } else { "aten::neg" };
        let negative = graph.call(op, &[flat]);
        program(vec![graph.returns(&[negative])])
    };
    let input = Tensor::from_slice(&[1_f32, 2.0, 3.0, 4.0]).view([2, 2]);
    let input = Value::Tensor(input);
    let expected = [vec![-1.0, -3.0, -2.0, -4.0]];
    assert_eq!(run(&turned(false), std::slice::from_ref(&input)), expected);
    let fault = turned(true).call(&[input]).unwrap_err();
    assert!(fault.message.contains("view size is not compatible"));
}

#[test]
fn what_may_write_is_known() {
    let writes = |hop: &str, args: &[Arg]| {
        let mut graph = GraphBuilder::new(1);
        graph.hop(hop, args, &[], 1);
        let signature = Signature {
            inputs: vec![user("x", InputSpec::Any)],
            ..Signature::default()
        };
        let graphs = vec![graph.returns(&[])];
        let plan = Plan::new(PlanParts { graphs, signature }).unwrap();
        alias::writes_anything(&plan, &Ops::of(&plan))
    };
    let op = |name: &str| Arg::Op(name.into());
    assert!(writes("call_torchbind", &[Arg::Slot(0)]));
    assert!(writes("with_effects", &[Arg::None, op("call_torchbind")]));
    assert!(writes("with_effects", &[Arg::None, op("aten::neg_")]));
    assert!(!writes("with_effects", &[Arg::None, op("aten::neg")]));
    assert!(!writes("auto_functionalized", &[op("aten::neg_")]));
}

#[test]
fn results_that_are_arguments_outlive_them() {
    let mut graph = GraphBuilder::new(1);
    let mut empty = |dtype: &str| {
        let sizes = Arg::List(vec![Arg::Int(3)]);
        let dtype = Arg::Dtype(dtype.to_owned());
        graph.calls(
            "aten::empty.memory_format",
            &[sizes],
            &[("dtype", dtype)],
            1,
        )[0]
        .clone()
    };
    let values = empty("float32");
    let indices = empty("int64");
    let out = [("values", values), ("indices", indices)];
    let sorted = graph.calls("aten::sort.values", &[Arg::Slot(0)], &out, 2);
    let program = program(vec![graph.returns(&sorted)]);
    for _ in 0..3 {
        assert_eq!(
            run(&program, &[vector(&[5.0, 1.0, 7.0])]),
            [vec![1.0, 5.0, 7.0], vec![1.0, 0.0, 2.0]]
        );
    }
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

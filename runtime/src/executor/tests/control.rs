//! Higher-order operators.

use super::*;

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
    let copy = body.call("aten::clone", std::slice::from_ref(&sum));
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

type Keywords<'a> = &'a [(&'a str, Arg)];

#[test]
fn auto_functionalized_v2_writes_through_views_of_its_bases() {
    let op = || Arg::Op("aten::fill_.Scalar".into());
    let bases = |slot| ("_all_bases", Arg::List(vec![Arg::Slot(slot)]));
    let shapes: [(Keywords<'_>, Vec<f64>); 3] = [
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
        assert_eq!(run(&program, std::slice::from_ref(&x)), [expected]);
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

#[test]
fn out_dtype_computes_in_the_wider_dtype() {
    let mut root = GraphBuilder::new(2);
    let args = [
        Arg::Op("aten::mm".into()),
        Arg::Dtype("int32".into()),
        Arg::Slot(0),
        Arg::Slot(1),
    ];
    let results = root.hop("out_dtype", &args, &[], 1);
    let program = program(vec![root.returns(&results)]);
    let row = || Value::Tensor(Tensor::from_slice(&[100_i8, 100]).view([1, 2]));
    let column = || Value::Tensor(Tensor::from_slice(&[100_i8, 100]).view([2, 1]));
    assert_eq!(run(&program, &[row(), column()]), [[20000.0]]);
}

//! Many threads, and the time of a step.

use super::*;

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

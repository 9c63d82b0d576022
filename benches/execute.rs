//! A call of a program that is loaded, next to the library calls around it.

use criterion::{Criterion, criterion_group, criterion_main};
use expc::{Device, ExportedProgram, Value, tch::Tensor};
use expc_runtime::plan::InputSpec;

fn execute(criterion: &mut Criterion) {
    for name in ["mlp64", "linear1024", "lstm", "resnet18"] {
        let Some(path) = expc_benches::model(name) else {
            continue;
        };
        let program = ExportedProgram::load(&path).expect("it loads");
        let module = program.module(Device::CPU).expect("it can run");
        let inputs: Vec<Value> = program
            .user_inputs()
            .map(|input| value(&input.spec))
            .collect();
        let mut group = criterion.benchmark_group("execute");
        group.sample_size(20);
        group.bench_function(name, |bencher| {
            bencher.iter(|| module.call(&inputs).expect("it runs"));
        });
        group.finish();
    }
}

/// Ones of the sizes that the program was exported with.
fn value(spec: &InputSpec) -> Value {
    let InputSpec::Tensor { dtype, sizes } = spec else {
        return Value::None;
    };
    let sizes = sizes.iter().flatten();
    let sizes: Vec<i64> = sizes.map(|size| size.parse().unwrap_or(1)).collect();
    let kind = match dtype.as_deref() {
        Some("int64") => expc::tch::Kind::Int64,
        _ => expc::tch::Kind::Float,
    };
    Value::Tensor(Tensor::ones(
        sizes.as_slice(),
        (kind, expc::tch::Device::Cpu),
    ))
}

criterion_group!(benches, execute);
criterion_main!(benches);

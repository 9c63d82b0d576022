//! From a file to a program that can be called: the archive, the module of the dialect, the plan, the weights.

use criterion::{Criterion, criterion_group, criterion_main};
use expc::{Device, ExportedProgram, frontend};

fn load(criterion: &mut Criterion) {
    for name in ["linear1024", "resnet18", "bert"] {
        let Some(path) = expc_benches::model(name) else {
            continue;
        };
        let mut group = criterion.benchmark_group(format!("load/{name}"));
        group.bench_function("context", |bencher| bencher.iter(expc::context));
        group.bench_function("module of the dialect", |bencher| {
            let context = expc::context();
            bencher.iter(|| frontend::load_file(&context, &path).expect("it loads"));
        });
        group.bench_function("program", |bencher| {
            bencher.iter(|| ExportedProgram::load(&path).expect("it loads"));
        });
        group.bench_function("on the device", |bencher| {
            let program = ExportedProgram::load(&path).expect("it loads");
            bencher.iter(|| program.module(Device::CPU).expect("it can run"));
        });
        group.finish();
    }
}

criterion_group!(benches, load);
criterion_main!(benches);

//! The way to Core ATen, pass by pass, each on a program of its own.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use expc::{
    frontend::{self, Loaded},
    pipeline::{Level, lower},
};
use expc_passes::{
    registry::{PassContext, parse_passes},
    rewrites::Rewrites,
};

type Group<'g> = criterion::BenchmarkGroup<'g, criterion::measurement::WallTime>;

/// Measures one pass on programs that `made` makes.
fn bench<'c>(group: &mut Group<'_>, pass: &str, made: &dyn Fn() -> Loaded<'c>) {
    let calls = parse_passes(pass).expect("a pass");
    group.bench_function(pass, |bencher| {
        bencher.iter_batched(
            made,
            |loaded| {
                for call in &calls {
                    call.run(&loaded.module, PassContext::new(&Rewrites::default()))
                        .expect("it runs");
                }
                loaded
            },
            BatchSize::PerIteration,
        );
    });
}

fn passes(criterion: &mut Criterion) {
    for name in ["linear1024", "resnet18", "bert", "gpt2"] {
        let Some(path) = expc_benches::model(name) else {
            continue;
        };
        let context = expc::context();
        let load = || frontend::load_file(&context, &path).expect("it loads");
        let at = |level| {
            let loaded = load();
            lower(&loaded.module, level, &mut ()).expect("it is lowered");
            loaded
        };
        let (functional, core) = (|| at(Level::Functional), || at(Level::Core));
        let mut group = criterion.benchmark_group(format!("passes/{name}"));
        group.sample_size(10);
        bench(&mut group, "functionalize", &load);
        bench(&mut group, "decompose", &functional);
        bench(&mut group, "infer_shapes", &load);
        for pass in ["canonicalize", "fold", "cse"] {
            bench(&mut group, pass, &core);
        }
        expc_benches::to_core(&mut group, load);
        group.finish();
    }
}

criterion_group!(benches, passes);
criterion_main!(benches);

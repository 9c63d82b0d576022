//! From the file to Core ATen: what the table of compile times in README.md is made of, part by part.
//!
//! `compare.py --table compile` times whole processes of these models, in turn with PyTorch.

use criterion::{Criterion, criterion_group, criterion_main};
use expc::{
    frontend,
    pipeline::{Level, lower},
};

fn compile(criterion: &mut Criterion) {
    criterion.bench_function("compile/context", |bencher| {
        bencher.iter_with_large_drop(expc::context);
    });
    for name in ["resnet50", "bert_base", "llama24", "swin_t", "linear1024"] {
        for kind in ["", ".dynamic"] {
            let Some(path) = expc_benches::compiled(&format!("{name}{kind}")) else {
                continue;
            };
            let mut group = criterion.benchmark_group(format!("compile/{name}{kind}"));
            group.sample_size(10);
            let context = expc::context();
            let load = || frontend::load_file(&context, &path).expect("it loads");
            group.bench_function("read", |bencher| bencher.iter_with_large_drop(load));
            expc_benches::to_core(&mut group, load);
            group.bench_function("all", |bencher| {
                bencher.iter(|| {
                    let context = expc::context();
                    let loaded = frontend::load_file(&context, &path).expect("it loads");
                    lower(&loaded.module, Level::Core, &mut ()).expect("it is core");
                });
            });
            group.finish();
        }
    }
}

criterion_group!(benches, compile);
criterion_main!(benches);

//! What the benches share: the models that they measure.

use std::path::PathBuf;

use criterion::{BatchSize, BenchmarkGroup, measurement::WallTime};
use expc::{
    frontend::Loaded,
    pipeline::{Level, lower},
};

/// Measures the way of a program to Core ATen, without reading it.
pub fn to_core<'c>(group: &mut BenchmarkGroup<'_, WallTime>, load: impl Fn() -> Loaded<'c>) {
    group.bench_function("to core", |bencher| {
        bencher.iter_batched(
            &load,
            |loaded| {
                lower(&loaded.module, Level::Core, &mut ()).expect("it is core");
                loaded
            },
            BatchSize::PerIteration,
        );
    });
}

/// A model of `tools/make_models.py --set models`; none, with a message, where it was not made.
pub fn model(name: &str) -> Option<PathBuf> {
    let made_by = "tools/make_models.py .corpus/full/models";
    program(&format!(".corpus/full/models/{name}"), made_by)
}

/// A model of `tools/make_zoo.py --family compile`; none, with a message, where it was not made.
pub fn compiled(name: &str) -> Option<PathBuf> {
    let made_by = "tools/make_zoo.py .corpus/zoo/compile --family compile";
    program(&format!(".corpus/zoo/compile/compile.{name}"), made_by)
}

fn program(folder: &str, made_by: &str) -> Option<PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = root.join(folder).join("model.pt2");
    if path.is_file() {
        return Some(path);
    }
    eprintln!("{folder} is not there; make it with: .deps/venv/bin/python {made_by}");
    None
}

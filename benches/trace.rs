//! Tracing: a ResNet-50 and a transformer of 24 layers, with and without computing.
//!
//! `compare.py` times `torch.export.export` of the same models.

use criterion::{Criterion, criterion_group, criterion_main};
use expc::{
    tch::{
        Device, Kind, Tensor,
        nn::{self, Module as _},
        vision,
    },
    trace,
};

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

fn trace_resnet50(criterion: &mut Criterion) {
    let store = nn::VarStore::new(Device::Cpu);
    let net = vision::resnet::resnet50(&store.root(), 1000);
    let x = Tensor::randn([2, 3, 224, 224], FLOAT);
    let options = || trace::Options::new().weights(&store).without_lines();
    let mut group = criterion.benchmark_group("trace/resnet50");
    group.sample_size(10);
    group.bench_function("without data", |bencher| {
        let options = options().without_data();
        bencher.iter(|| trace::export(&net, &x, &options).expect("a program"));
    });
    group.bench_function("with data", |bencher| {
        let options = options();
        bencher.iter(|| trace::export(&net, &x, &options).expect("a program"));
    });
}

/// One layer: self attention and two linear layers, each behind a normalization.
fn layer(p: &nn::Path, width: i64, heads: i64) -> impl Fn(&Tensor) -> Tensor + use<> {
    let linear = |name: &str, c_in, c_out| nn::linear(p / name, c_in, c_out, Default::default());
    let (joint, out) = (linear("qkv", width, 3 * width), linear("out", width, width));
    let (up, down) = (
        linear("up", width, 4 * width),
        linear("down", 4 * width, width),
    );
    let norms =
        ["norm1", "norm2"].map(|name| nn::layer_norm(p / name, vec![width], Default::default()));
    move |x| {
        let (batch, length, _) = x.size3().expect("three dimensions");
        let qkv = norms[0]
            .forward(x)
            .apply(&joint)
            .view([batch, length, 3, heads, width / heads]);
        let qkv = qkv.permute([2, 0, 3, 1, 4]);
        let attention = Tensor::scaled_dot_product_attention::<Tensor>(
            &qkv.get(0),
            &qkv.get(1),
            &qkv.get(2),
            None,
            0.0,
            true,
            None,
            false,
        );
        let x = x + attention
            .transpose(1, 2)
            .reshape([batch, length, width])
            .apply(&out);
        &x + norms[1].forward(&x).apply(&up).gelu("none").apply(&down)
    }
}

fn trace_transformer(criterion: &mut Criterion) {
    let store = nn::VarStore::new(Device::Cpu);
    let layers: Vec<_> = (0..24)
        .map(|number| layer(&(store.root() / "layers" / number), 256, 8))
        .collect();
    let code = |x: &Tensor| {
        let first = x.shallow_clone();
        layers.iter().fold(first, |x, layer| layer(&x))
    };
    let x = Tensor::randn([2, 64, 256], FLOAT);
    let mut group = criterion.benchmark_group("trace/transformer24");
    group.sample_size(10);
    group.bench_function("without data", |bencher| {
        let options = trace::Options::new()
            .weights(&store)
            .without_lines()
            .without_data();
        bencher.iter(|| trace::export(&code, &x, &options).expect("a program"));
    });
    group.bench_function("with data", |bencher| {
        let options = trace::Options::new().weights(&store).without_lines();
        bencher.iter(|| trace::export(&code, &x, &options).expect("a program"));
    });
}

criterion_group!(benches, trace_resnet50, trace_transformer);
criterion_main!(benches);

//! Models in the style of tch's examples, small: exported with a dynamic batch, saved, loaded and run.
//!
//! With `EXPC_TRACED_DIR` the programs are written to that folder, with inputs and outputs, for
//! `tools/check_traced.py` to load and run them in PyTorch; the large models of `tch::vision` take part only then.

use std::path::Path;

use tch::{
    Device, IndexOp as _, Kind, Tensor,
    nn::{self, Module as _, ModuleT, RNN as _},
    vision,
};

use super::*;
use crate::trace::Dim;

/// How far the outputs of two runs of the same kernels may lie apart, relative to their size.
const TOLERANCE: f64 = 1e-4;

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Exports a model, saves it, loads it, and runs it at the traced batch size and another.
fn check<By>(
    name: &str,
    model: &(impl Traceable<By> + ?Sized),
    store: &nn::VarStore,
    input: &Tensor,
) {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = match std::env::var_os("EXPC_TRACED_DIR") {
        Some(chosen) => Path::new(&chosen).join(name),
        None => folder.path().join(name),
    };
    std::fs::create_dir_all(&folder).expect("a folder");
    let batch = Dim::new("batch").min(1).max(64);
    let options = Options::new()
        .weights(store)
        .input_names(["x"])
        .dynamic_shapes(DynamicShapes::new().input("x", [(0, batch)]));
    let recorded =
        export(model, input, &options).unwrap_or_else(|faults| panic!("{name}: {faults}"));
    let file = folder.join("model.pt2");
    recorded
        .save(&file)
        .unwrap_or_else(|faults| panic!("{name}: {faults}"));
    let program = crate::ExportedProgram::load(&file).expect("the written program");
    let module = program.module(crate::Device::CPU).expect("a module");
    let larger = Tensor::cat(&[input, &input.flip([0])], 0).narrow(0, 0, input.size()[0] + 1);
    for (case, input) in [("given", input), ("larger", &larger)] {
        let expected = tch::no_grad(|| {
            let values = [Value::Tensor(input.shallow_clone())];
            model
                .call(&values, &[input.shallow_clone()], false)
                .expect("outputs")
        });
        let mut leaves = Vec::new();
        expected.leaves(&mut leaves);
        let outputs = module
            .forward(std::slice::from_ref(input))
            .expect("outputs");
        assert_eq!(outputs.len(), leaves.len(), "{name}");
        let mut saved = vec![("input".to_owned(), input.contiguous())];
        for (position, (output, leaf)) in outputs.iter().zip(leaves).enumerate() {
            let Output::Tensor(expected) = leaf else {
                panic!("{name}: output {position} is no tensor")
            };
            assert!(
                output.allclose(&expected, TOLERANCE, TOLERANCE, false),
                "{name}: output {position} of the {case} batch differs by {:?}",
                (output - &expected).abs().max()
            );
            saved.push((format!("output_{position}"), expected.contiguous()));
        }
        if std::env::var_os("EXPC_TRACED_DIR").is_some() {
            let file = folder.join(format!("{case}.safetensors"));
            Tensor::write_safetensors(&saved, file).expect("written");
        }
    }
}

fn image(batch: i64, size: i64) -> Tensor {
    Tensor::randn([batch, 3, size, size], FLOAT)
}

fn conv(p: nn::Path, c_in: i64, c_out: i64, size: i64, padding: i64) -> nn::Conv2D {
    let config = nn::ConvConfig {
        padding,
        bias: false,
        ..Default::default()
    };
    nn::conv2d(p, c_in, c_out, size, config)
}

/// A VGG with two stages and little width.
fn small_vgg(p: &nn::Path) -> nn::SequentialT {
    let mut net = nn::seq_t();
    let mut c_in = 3;
    for (stage, c_out) in [8, 16].into_iter().enumerate() {
        let p = p / "features" / stage as i64;
        net = net
            .add(conv(&p / "conv", c_in, c_out, 3, 1))
            .add(nn::batch_norm2d(&p / "bn", c_out, Default::default()))
            .add_fn(|xs| xs.relu().max_pool2d_default(2));
        c_in = c_out;
    }
    net.add_fn(|xs| xs.flat_view())
        .add(nn::linear(
            p / "classifier" / 0,
            16 * 4 * 4,
            32,
            Default::default(),
        ))
        .add_fn_t(|xs, train| xs.relu().dropout(0.5, train))
        .add(nn::linear(p / "classifier" / 3, 32, 10, Default::default()))
}

/// Two branches of different reach, joined by their channels.
fn small_inception(p: &nn::Path) -> impl ModuleT + use<> {
    let narrow = conv(p / "b1x1", 3, 6, 1, 0);
    let wide_in = conv(p / "b5x5_1", 3, 4, 1, 0);
    let wide = conv(p / "b5x5_2", 4, 6, 5, 2);
    let pool = conv(p / "pool", 3, 4, 1, 0);
    let norm = nn::batch_norm2d(p / "bn", 16, Default::default());
    let head = nn::linear(p / "fc", 16, 5, Default::default());
    nn::func_t(move |xs, train| {
        let branches = [
            xs.apply(&narrow),
            xs.apply(&wide_in).relu().apply(&wide),
            xs.avg_pool2d([3, 3], [1, 1], [1, 1], false, true, None)
                .apply(&pool),
        ];
        Tensor::cat(&branches, 1)
            .apply_t(&norm, train)
            .relu()
            .adaptive_avg_pool2d([1, 1])
            .flat_view()
            .apply(&head)
    })
}

/// Layers that see all layers before them.
fn small_densenet(p: &nn::Path) -> impl ModuleT + use<> {
    let layers: Vec<_> = (0..3)
        .map(|layer| {
            let p = p / "denselayer" / layer;
            let width = 3 + 4 * layer;
            let norm = nn::batch_norm2d(&p / "norm", width, Default::default());
            (norm, conv(&p / "conv", width, 4, 3, 1))
        })
        .collect();
    let head = nn::linear(p / "classifier", 15, 5, Default::default());
    nn::func_t(move |xs, train| {
        let mut xs = xs.shallow_clone();
        for (norm, conv) in &layers {
            let new = xs.apply_t(norm, train).relu().apply(conv);
            xs = Tensor::cat(&[xs, new], 1);
        }
        xs.mean_dim([2_i64, 3].as_slice(), false, Kind::Float)
            .apply(&head)
    })
}

/// Expansion, depthwise convolution, squeeze and excitation, projection: what MobileNet and EfficientNet are made of.
fn inverted_residual(p: &nn::Path) -> impl ModuleT + use<> {
    let expand = conv(p / "expand", 3, 12, 1, 0);
    let depthwise = nn::conv2d(
        p / "depthwise",
        12,
        12,
        3,
        nn::ConvConfig {
            groups: 12,
            padding: 1,
            stride: 1,
            ..Default::default()
        },
    );
    let squeeze = nn::conv2d(p / "squeeze", 12, 3, 1, Default::default());
    let excite = nn::conv2d(p / "excite", 3, 12, 1, Default::default());
    let project = conv(p / "project", 12, 3, 1, 0);
    let norm = nn::batch_norm2d(p / "bn", 3, Default::default());
    nn::func_t(move |xs, train| {
        let ys = xs.apply(&expand).clamp(0.0, 6.0).apply(&depthwise).silu();
        let scale = ys
            .adaptive_avg_pool2d([1, 1])
            .apply(&squeeze)
            .silu()
            .apply(&excite)
            .sigmoid();
        let ys = (scale * ys).apply(&project).apply_t(&norm, train);
        xs + ys
    })
}

const HEADS: i64 = 2;

fn attention(p: &nn::Path, width: i64, block: i64) -> impl ModuleT + use<> {
    let linear = |name| nn::linear(p / name, width, width, Default::default());
    let (key, query, value, proj) = (
        linear("key"),
        linear("query"),
        linear("value"),
        linear("proj"),
    );
    let mask = Tensor::ones([block, block], FLOAT)
        .tril(0)
        .view([1, 1, block, block]);
    nn::func_t(move |xs, train| {
        let (batch, length, width) = xs.size3().expect("three dimensions");
        let sizes = [batch, length, HEADS, width / HEADS];
        let split = |layer: &nn::Linear| xs.apply(layer).view(sizes).transpose(1, 2);
        let scale = 1.0 / f64::sqrt(sizes[3] as f64);
        let att = split(&query).matmul(&split(&key).transpose(-2, -1)) * scale;
        let hidden = mask.i((.., .., ..length, ..length)).eq(0.);
        let att = att.masked_fill(&hidden, f64::NEG_INFINITY);
        let att = att.softmax(-1, Kind::Float).dropout(0.1, train);
        let ys = att.matmul(&split(&value)).transpose(1, 2).contiguous();
        ys.view([batch, length, width])
            .apply(&proj)
            .dropout(0.1, train)
    })
}

/// A decoder of two blocks over tokens.
fn min_gpt(p: &nn::Path) -> impl ModuleT + use<> {
    let (width, block) = (16, 8);
    let tokens = nn::embedding(p / "tok_emb", 20, width, Default::default());
    let positions = p.zeros("pos_emb", &[1, block, width]);
    let mut blocks = nn::seq_t();
    for layer in 0..2 {
        let p = p / "blocks" / layer;
        let ln1 = nn::layer_norm(&p / "ln1", vec![width], Default::default());
        let ln2 = nn::layer_norm(&p / "ln2", vec![width], Default::default());
        let attention = attention(&(&p / "attn"), width, block);
        let lin1 = nn::linear(&p / "lin1", width, 4 * width, Default::default());
        let lin2 = nn::linear(&p / "lin2", 4 * width, width, Default::default());
        blocks = blocks.add_fn_t(move |xs, train| {
            let xs = xs + xs.apply(&ln1).apply_t(&attention, train);
            &xs + xs
                .apply(&ln2)
                .apply(&lin1)
                .gelu("none")
                .apply(&lin2)
                .dropout(0.1, train)
        });
    }
    let norm = nn::layer_norm(p / "ln_f", vec![width], Default::default());
    let head = nn::linear(p / "head", width, 20, Default::default());
    nn::func_t(move |xs, train| {
        let (_, length) = xs.size2().expect("two dimensions");
        (xs.apply(&tokens) + positions.i((.., ..length, ..)))
            .dropout(0.1, train)
            .apply_t(&blocks, train)
            .apply(&norm)
            .apply(&head)
    })
}

#[test]
fn convolutional_models() {
    let store = nn::VarStore::new(Device::Cpu);
    check(
        "small_vgg",
        &small_vgg(&store.root()),
        &store,
        &image(2, 16),
    );
    let store = nn::VarStore::new(Device::Cpu);
    check(
        "small_inception",
        &small_inception(&store.root()),
        &store,
        &image(2, 12),
    );
    let store = nn::VarStore::new(Device::Cpu);
    check(
        "small_densenet",
        &small_densenet(&store.root()),
        &store,
        &image(2, 8),
    );
    let store = nn::VarStore::new(Device::Cpu);
    check(
        "inverted_residual",
        &inverted_residual(&store.root()),
        &store,
        &image(2, 8),
    );
    let store = nn::VarStore::new(Device::Cpu);
    check(
        "squeezenet",
        &vision::squeezenet::v1_1(&store.root(), 10),
        &store,
        &image(2, 40),
    );
}

#[test]
fn a_decoder_over_tokens() {
    let store = nn::VarStore::new(Device::Cpu);
    let tokens = Tensor::randint(20, [3, 6], (Kind::Int64, Device::Cpu));
    check("min_gpt", &min_gpt(&store.root()), &store, &tokens);
}

#[test]
fn recurrent_models() {
    let store = nn::VarStore::new(Device::Cpu);
    let root = store.root();
    let lstm = nn::lstm(&root / "lstm", 5, 6, Default::default());
    let head = nn::linear(&root / "head", 6, 5, Default::default());
    let code = |x: &Tensor| {
        let (output, state) = lstm.seq(x);
        (output.apply(&head), state.h(), state.c())
    };
    let x = Tensor::randn([2, 4, 5], FLOAT);
    check("char_rnn", &code, &store, &x);
    let store = nn::VarStore::new(Device::Cpu);
    let gru = nn::gru(store.root() / "gru", 5, 6, Default::default());
    check("gru", &|x: &Tensor| gru.seq(x).0, &store, &x);
}

#[test]
fn generative_models() {
    let store = nn::VarStore::new(Device::Cpu);
    let root = store.root();
    let linear = |name, c_in, c_out| nn::linear(&root / name, c_in, c_out, Default::default());
    let (encode, mean, decode) = (
        linear("fc1", 16, 8),
        linear("fc21", 8, 2),
        linear("fc3", 2, 16),
    );
    let code = |x: &Tensor| {
        let hidden = x.view([-1, 16]).apply(&encode).relu();
        let mean = hidden.apply(&mean);
        (mean.apply(&decode).sigmoid(), mean)
    };
    let x = Tensor::randn([2, 1, 4, 4], FLOAT);
    check("vae", &code, &store, &x);
    let store = nn::VarStore::new(Device::Cpu);
    let config = nn::ConvTransposeConfig {
        stride: 2,
        padding: 1,
        bias: false,
        ..Default::default()
    };
    let up = nn::conv_transpose2d(store.root() / "up", 3, 4, 4, config);
    let code = |x: &Tensor| {
        let ys = up.forward(x).leaky_relu().tanh();
        let (_, _, height, width) = ys.size4().expect("four dimensions");
        ys.upsample_nearest2d([height * 2, width * 2], None, None)
    };
    check("generator", &code, &store, &image(2, 4));
}

#[test]
fn sizes_that_data_decide() {
    let store = nn::VarStore::new(Device::Cpu);
    let code = |x: &Tensor| {
        let positive = x.masked_select(&x.gt(0.0));
        let count = positive.size()[0];
        positive.view([count, 1]) * 2.0
    };
    let x = Tensor::randn([5, 4], FLOAT);
    check("masked_select", &code, &store, &x);
}

/// The models of `tch::vision`, which take a minute.
#[test]
fn large_models_when_they_are_written() {
    if std::env::var_os("EXPC_TRACED_DIR").is_none() {
        return;
    }
    type Make = fn(&nn::Path) -> Box<dyn ModuleT>;
    let models: &[(&str, i64, Make)] = &[
        ("resnet18", 224, |p| {
            Box::new(vision::resnet::resnet18(p, 10))
        }),
        ("resnet50", 224, |p| {
            Box::new(vision::resnet::resnet50(p, 10))
        }),
        ("densenet121", 224, |p| {
            Box::new(vision::densenet::densenet121(p, 10))
        }),
        ("mobilenet_v2", 224, |p| {
            Box::new(vision::mobilenet::v2(p, 10))
        }),
        ("efficientnet_b0", 224, |p| {
            Box::new(vision::efficientnet::b0(p, 10))
        }),
        ("inception_v3", 299, |p| {
            Box::new(vision::inception::v3(p, 10))
        }),
        ("alexnet", 224, |p| {
            Box::new(vision::alexnet::alexnet(p, 10))
        }),
        ("vgg11", 224, |p| Box::new(vision::vgg::vgg11(p, 10))),
        ("dinov2_small", 518, |p| {
            Box::new(vision::dinov2::vit_small(p))
        }),
    ];
    for (name, size, make) in models {
        let store = nn::VarStore::new(Device::Cpu);
        let net = make(&store.root());
        check(name, &*net, &store, &image(2, *size));
    }
}

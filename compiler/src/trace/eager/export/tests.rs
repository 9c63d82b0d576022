//! Programs of tch code: what they hold, that they compute what the code computes, and what is refused.

use tch::{
    Device, Kind, Tensor,
    nn::{self, Module as _, ModuleT as _},
    vision,
};

use super::*;
use crate::trace::{Dim, normalized};

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

/// How far two runs of the same kernels may lie apart: some split their work by what else the machine does.
const TOLERANCE: f64 = 1e-5;

/// The lines of the printed graph without comments and deletions.
fn calls(recorded: &Recorded) -> Vec<String> {
    let text = recorded.text().expect("text");
    let lines = text.lines().map(str::trim);
    let calls = lines.filter(|line| line.contains(" = torch.ops."));
    calls
        .map(|line| line.split(';').next().unwrap_or(line).to_owned())
        .collect()
}

/// Runs a program and compares what it gives with what the code gives.
fn check_runs(recorded: &Recorded, inputs: &[Tensor], expected: &[Tensor]) {
    let program = recorded.program().expect("a program");
    let module = program.module(crate::Device::CPU).expect("a module");
    let outputs = module.forward(inputs).expect("outputs");
    assert_eq!(outputs.len(), expected.len());
    for (output, expected) in outputs.iter().zip(expected) {
        assert!(output.allclose(expected, TOLERANCE, TOLERANCE, true));
    }
}

fn code_of(result: Result<Recorded, Diagnostics>) -> &'static str {
    let faults = result.expect_err("a fault");
    faults.iter().next().expect("a fault").code
}

#[test]
fn weights_views_and_in_place_operators() {
    let store = nn::VarStore::new(Device::Cpu);
    let root = store.root();
    let conv = nn::conv2d(&root / "conv", 3, 4, 3, nn::ConvConfig::default());
    let norm = nn::batch_norm2d(&root / "norm", 4, nn::BatchNormConfig::default());
    let linear = nn::linear(&root / "linear", 4, 2, nn::LinearConfig::default());
    let scale = Tensor::from_slice(&[2.0_f32, 3.0]);
    let code = |x: &Tensor| {
        let mut y = norm.forward_t(&conv.forward(x), false).relu_();
        let _ = y.g_add_scalar_(1.0);
        let z = linear.forward(&y.mean_dim([2_i64, 3].as_slice(), false, Kind::Float));
        let parts = z.chunk(2, 1);
        (&z * &scale + Tensor::from_slice(&[1.0_f32, 2.0]), parts)
    };
    let x = Tensor::randn([2, 3, 6, 6], FLOAT);
    let options = Options::new().weights(&store).input_names(["x"]);
    let recorded = export(&code, &x, &options).expect("a program");
    assert_eq!(
        calls(&recorded),
        [
            r#"conv2d: "f32[2, 4, 4, 4]" = torch.ops.aten.conv2d.default(x, p_conv_weight, p_conv_bias)"#,
            r#"batch_norm: "f32[2, 4, 4, 4]" = torch.ops.aten.batch_norm.default(conv2d, p_norm_weight, p_norm_bias, b_norm_running_mean, b_norm_running_var, False, 0.1, 1e-05, True)"#,
            r#"relu_: "f32[2, 4, 4, 4]" = torch.ops.aten.relu_.default(batch_norm)"#,
            r#"add_: "f32[2, 4, 4, 4]" = torch.ops.aten.add_.Scalar(relu_, 1.0)"#,
            r#"mean: "f32[2, 4]" = torch.ops.aten.mean.dim(add_, [2, 3], dtype = torch.float32)"#,
            r#"linear: "f32[2, 2]" = torch.ops.aten.linear.default(mean, p_linear_weight, p_linear_bias)"#,
            r#"chunk = torch.ops.aten.chunk.default(linear, 2, 1)"#,
            r#"mul: "f32[2, 2]" = torch.ops.aten.mul.Tensor(linear, c_lifted_tensor_0)"#,
            r#"lift_fresh_copy: "f32[2]" = torch.ops.aten.lift_fresh_copy.default(c_lifted_tensor_1)"#,
            r#"add: "f32[2, 2]" = torch.ops.aten.add.Tensor(mul, lift_fresh_copy)"#,
        ]
    );
    let (sum, parts) = code(&x);
    let expected: Vec<Tensor> = std::iter::once(sum).chain(parts).collect();
    check_runs(&recorded, &[x], &expected);
}

#[test]
fn modules_are_named_by_scopes_and_weights() {
    let store = nn::VarStore::new(Device::Cpu);
    let root = store.root();
    let first = nn::linear(&root / "block" / "first", 4, 4, nn::LinearConfig::default());
    let second = nn::linear(
        &root / "block" / "second",
        4,
        4,
        nn::LinearConfig::default(),
    );
    let code = |x: &Tensor| {
        let x = second.forward(&first.forward(x).relu());
        super::super::module("head", || x.sigmoid())
    };
    let x = Tensor::randn([1, 4], FLOAT);
    let options = Options::new().weights(&store);
    let recorded = export(&code, &x, &options).expect("a program");
    let context = expc_dialects::context();
    let module = recorded.module(&context).expect("a module");
    let program = expc_dialects::Program::new(&module);
    let paths: Vec<Option<String>> = program
        .root()
        .expect("a root")
        .operations()
        .into_iter()
        .map(expc_dialects::AtenOp::new)
        .filter(|op| op.name().starts_with("aten."))
        .map(|op| op.metadata().module_path())
        .collect();
    let path = |path: &str| Some(path.to_owned());
    assert_eq!(
        paths,
        [
            path("block.first"),
            path("block"),
            path("block.second"),
            path("head")
        ]
    );
}

#[test]
fn nested_inputs_and_constants_keep_their_places() {
    let x = Tensor::randn([2], FLOAT);
    let y = Tensor::randn([2], FLOAT);
    let code = |values: &[Value]| {
        let (Some(Value::List(items)), Some(Value::Float(factor))) =
            (values.first(), values.get(1))
        else {
            panic!("other inputs")
        };
        let tensors: Vec<_> = items.iter().filter_map(Value::as_tensor).collect();
        tensors[0] - tensors[1] * *factor
    };
    let handles = [&x, &y].map(|tensor| Value::Tensor(tensor.shallow_clone()));
    let inputs = vec![Value::List(handles.into()), Value::Float(2.0)];
    let options = Options::new().input_names(["pair", "factor"]);
    let recorded = export(&code, inputs, &options).expect("a program");
    let program = recorded.program().expect("a program");
    assert_eq!(program.input_names(), ["pair_0", "pair_1", "factor"]);
    let expected = &x - &y * 2.0;
    check_runs(&recorded, &[x, y], &[expected]);
}

#[test]
fn numbers_read_from_data_are_refused() {
    let x = Tensor::randn([2], FLOAT);
    let options = Options::new();
    let item = |x: &Tensor| x * x.double_value(&[0]);
    assert_eq!(code_of(export(&item, &x, &options)), code::DATA_READ);
    let elements = |x: &Tensor| x * f64::from(Vec::<f32>::try_from(x + 1.0).unwrap()[0]);
    assert_eq!(code_of(export(&elements, &x, &options)), code::DATA_READ);
    // What is read from constants is a constant.
    let constant = |x: &Tensor| x * Tensor::ones([2], FLOAT).double_value(&[0]);
    assert!(export(&constant, &x, &options).is_ok());
}

#[test]
fn failures_name_the_operator() {
    let x = Tensor::randn([2, 3], FLOAT);
    let code = |x: &Tensor| super::super::module("broken", || x.matmul(x));
    let faults = export(&code, &x, &Options::new()).expect_err("a fault");
    let fault = faults.iter().next().expect("a fault");
    assert_eq!(fault.code, code::OP_FAILED);
    assert!(fault.message.contains("`aten.matmul.default`"), "{fault}");
    assert_eq!(fault.place.module.as_deref(), Some("broken"));
    let panics = |_: &Tensor| -> Tensor { panic!("not today") };
    assert_eq!(
        code_of(export(&panics, &x, &Options::new())),
        code::PANICKED
    );
}

#[test]
fn a_trace_leaves_inputs_and_buffers_as_they_were() {
    let store = nn::VarStore::new(Device::Cpu);
    let norm = nn::batch_norm1d(store.root() / "norm", 2, nn::BatchNormConfig::default());
    let x = Tensor::randn([4, 2], FLOAT);
    let before = x.copy();
    let code = |x: &Tensor| {
        let mut x = x.shallow_clone();
        norm.forward_t(&x.g_add_scalar_(1.0), true)
    };
    let recorded = export(&code, &x, &Options::new().weights(&store).train(true));
    assert!(recorded.is_ok());
    assert!(x.equal(&before));
    assert!(norm.running_mean.equal(&Tensor::zeros([2], FLOAT)));
}

#[test]
fn sizes_that_change_become_symbols() {
    let store = nn::VarStore::new(Device::Cpu);
    let root = store.root();
    let conv = nn::conv2d(
        &root / "conv",
        3,
        4,
        3,
        nn::ConvConfig {
            stride: 2,
            ..Default::default()
        },
    );
    let code = |x: &Tensor| {
        let y = conv.forward(x);
        let (n, c, h, w) = y.size4().expect("four dimensions");
        let flat = y.view([n, c, h * w]).transpose(1, 2);
        flat.sum_dim_intlist([1_i64].as_slice(), false, Kind::Float) / (h * w) as f64
    };
    let x = Tensor::randn([2, 3, 9, 11], FLOAT);
    let dims = [
        (0, Dim::new("batch")),
        (2, Dim::new("height").min(4).max(64)),
    ];
    let options = Options::new()
        .weights(&store)
        .input_names(["x"])
        .dynamic_shapes(DynamicShapes::new().input("x", dims));
    let recorded = export(&code, &x, &options).expect("a program");
    assert_eq!(
        calls(&recorded),
        [
            r#"conv2d: "f32[s0, 4, (((s1 - 3)//2)) + 1, 5]" = torch.ops.aten.conv2d.default(x, p_conv_weight, p_conv_bias, [2, 2])"#,
            r#"sym_size_int: "Sym(s0)" = torch.ops.aten.sym_size.int(x, 0)"#,
            r#"sym_size_int_1: "Sym(s1)" = torch.ops.aten.sym_size.int(x, 2)"#,
            r#"view: "f32[s0, 4, 5*(((s1 - 3)//2)) + 5]" = torch.ops.aten.view.default(conv2d, [sym_size_int, 4, mul])"#,
            r#"transpose: "f32[s0, 5*(((s1 - 3)//2)) + 5, 4]" = torch.ops.aten.transpose.int(view, 1, 2)"#,
            r#"sum_1: "f32[s0, 4]" = torch.ops.aten.sum.dim_IntList(transpose, [1], dtype = torch.float32)"#,
            r#"div: "f32[s0, 4]" = torch.ops.aten.div.Scalar(sum_1, sym_float)"#,
        ]
    );
    for sizes in [[2, 3, 9, 11], [1, 3, 4, 11], [6, 3, 20, 11]] {
        let x = Tensor::randn(sizes, FLOAT);
        let expected = code(&x);
        check_runs(&recorded, &[x], &[expected]);
    }
}

#[test]
fn sizes_that_code_fixes_are_refused() {
    let x = Tensor::randn([4, 6], FLOAT);
    let rows = || DynamicShapes::new().input("x", [(0, Dim::new("rows"))]);
    let options = || Options::new().input_names(["x"]).dynamic_shapes(rows());
    // A number that libtorch refuses at other sizes.
    let fixed = |x: &Tensor| x.view([24]);
    let faults = export(&fixed, &x, &options()).expect_err("a fault");
    assert!(
        faults.to_string().contains("`aten.view.default`"),
        "{faults}"
    );
    assert!(
        faults
            .to_string()
            .contains("`rows` = 5 (`x.size()[0]`; given: 4)"),
        "{faults}"
    );
    // Halves.
    let halves = |x: &Tensor| x.view([2, -1, 6]).sum(Kind::Float);
    let faults = export(&halves, &x, &options()).expect_err("a fault");
    assert!(
        faults.to_string().contains("say `2 * Dim::new(\"rows\")`"),
        "{faults}"
    );
    // A loop over the rows.
    let unrolled = |x: &Tensor| x.split(1, 0).iter().fold(x.get(0), |sum, row| sum + row);
    assert_eq!(code_of(export(&unrolled, &x, &options())), code::CONSTRAINT);
    // Data of the size.
    let data = |x: &Tensor| {
        let rows: Vec<f32> = (0..x.size()[0]).map(|row| row as f32).collect();
        x + Tensor::from_slice(&rows).unsqueeze(1)
    };
    assert_eq!(code_of(export(&data, &x, &options())), code::CONSTRAINT);
}

#[test]
fn derived_and_automatic_sizes() {
    let x = Tensor::randn([4, 6], FLOAT);
    let y = Tensor::randn([2, 6], FLOAT);
    let code = |x: &Tensor, y: &Tensor| {
        let rows = x.size()[0] / 2;
        x.view([rows, 2, -1])
            .sum_dim_intlist([1_i64].as_slice(), false, Kind::Float)
            + y
    };
    let half = Dim::new("half");
    let shapes = DynamicShapes::new()
        .input("x", vec![2 * half.clone(), Dim::AUTO])
        .input("y", vec![half, Dim::AUTO]);
    let options = Options::new()
        .input_names(["x", "y"])
        .dynamic_shapes(shapes);
    let recorded = export(&code, [&x, &y], &options).expect("a program");
    let text = recorded.text().expect("text");
    assert!(
        text.contains(r#"x: "f32[2*s0, s1]", y: "f32[s0, s1]""#),
        "{text}"
    );
    let (x, y) = (Tensor::randn([6, 5], FLOAT), Tensor::randn([3, 5], FLOAT));
    let expected = code(&x, &y);
    check_runs(&recorded, &[x, y], &[expected]);
    // What the code fixes is no fault of an automatic size.
    let fixed = |x: &Tensor| x.view([24]);
    let shapes = DynamicShapes::new().input("input", vec![Dim::AUTO, Dim::STATIC]);
    let x = Tensor::randn([4, 6], FLOAT);
    let recorded = export(&fixed, &x, &Options::new().dynamic_shapes(shapes)).expect("a program");
    assert!(recorded.text().expect("text").contains("f32[4, 6]"));
}

#[test]
fn a_trace_without_data_is_the_same_program() {
    let store = nn::VarStore::new(Device::Cpu);
    let net = vision::resnet::resnet18(&store.root(), 10);
    let x = Tensor::randn([2, 3, 32, 32], FLOAT);
    let options = || {
        let shapes = DynamicShapes::new().input("x", [(0, Dim::new("batch"))]);
        let options = Options::new().weights(&store).input_names(["x"]);
        options.dynamic_shapes(shapes).without_lines()
    };
    let with = export(&net, &x, &options()).expect("a program");
    let without = export(&net, &x, &options().without_data()).expect("a program");
    assert_eq!(calls(&with), calls(&without));
    let expected = tch::no_grad(|| net.forward_t(&x, false));
    check_runs(&without, &[x], &[expected]);
}

#[test]
fn sizes_that_data_decide_are_unbacked() {
    let x = Tensor::from_slice(&[1.0_f32, -2.0, 3.0, 4.0, -5.0, 6.0]);
    let code = |x: &Tensor| {
        let positive = x.masked_select(&x.gt(0.0));
        let count = positive.size()[0];
        positive.view([count, 1]) * 2.0
    };
    let options = Options::new().input_names(["x"]).without_lines();
    let recorded = export(&code, &x, &options).expect("a program");
    assert_eq!(
        calls(&recorded),
        [
            r#"gt: "b8[6]" = torch.ops.aten.gt.Scalar(x, 0.0)"#,
            r#"masked_select: "f32[u0]" = torch.ops.aten.masked_select.default(x, gt)"#,
            r#"sym_size_int: "Sym(u0)" = torch.ops.aten.sym_size.int(masked_select, 0)"#,
            r#"view: "f32[u0, 1]" = torch.ops.aten.view.default(masked_select, [sym_size_int, 1])"#,
            r#"mul: "f32[u0, 1]" = torch.ops.aten.mul.Scalar(view, 2.0)"#,
        ]
    );
    let x = Tensor::from_slice(&[-1.0_f32, -2.0, 3.0, -4.0, -5.0, -6.0]);
    let expected = code(&x);
    check_runs(&recorded, &[x], &[expected]);
}

#[test]
fn calls_carry_the_line_that_made_them() {
    let x = Tensor::randn([2], FLOAT);
    let line = line!() + 1;
    let recorded = export(&|x: &Tensor| x.relu(), &x, &Options::new()).expect("a program");
    let text = recorded.text().expect("text");
    // Lines come from the debug information of the program, which a release build has not.
    let expected = if cfg!(debug_assertions) {
        format!("export/tests.rs:{line} in ")
    } else {
        "No stacktrace found".to_owned()
    };
    assert!(text.contains(&expected), "{text}");
}

#[test]
fn a_vision_model_computes_what_it_computed() {
    let store = nn::VarStore::new(Device::Cpu);
    let net = vision::resnet::resnet18(&store.root(), 10);
    let x = Tensor::randn([1, 3, 32, 32], FLOAT);
    let recorded = export(&net, &x, &Options::new().weights(&store)).expect("a program");
    let expected = tch::no_grad(|| net.forward_t(&x, false));
    check_runs(&recorded, &[x], &[expected]);
}

/// Code that records no gradients of a part.
fn without_gradients(store: &nn::VarStore) -> impl Fn(&Tensor) -> (Tensor, Tensor) + use<> {
    let layer = nn::linear(store.root() / "layer", 3, 3, Default::default());
    move |x: &Tensor| {
        let y = x.sin();
        let (z, negated) = tch::no_grad(|| {
            let z = layer.forward(&y);
            let negated = z.neg();
            (z, negated)
        });
        let mut w = z + y;
        tch::no_grad(|| {
            let _ = w.tanh_();
        });
        (w.cos(), negated)
    }
}

#[test]
fn regions_without_gradients_are_graphs_of_their_own() {
    let store = nn::VarStore::new(Device::Cpu);
    let code = without_gradients(&store);
    let x = Tensor::rand([4, 3], FLOAT);
    let options = |train| {
        let options = Options::new().weights(&store).input_names(["x"]);
        options.train(train)
    };
    let recorded = export(&code, &x, &options(true)).expect("a program");
    let found = normalized(&recorded.text().expect("text"));
    let expected = normalized(include_str!("../../expected/without_gradients.txt"));
    assert!(found == expected, "found:\n{found}\nexpected:\n{expected}");
    let (first, second) = code(&x);
    check_runs(&recorded, &[x.shallow_clone()], &[first, second]);
    // Where gradients are not recorded anyway, the region is nothing.
    let recorded = export(&code, &x, &options(false)).expect("a program");
    assert!(
        !recorded
            .text()
            .expect("text")
            .contains("wrap_with_set_grad")
    );
}

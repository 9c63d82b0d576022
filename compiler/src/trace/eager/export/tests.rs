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

/// The modules and functions of the calls, as archives have them.
fn metadata(recorded: &Recorded, key: &str) -> Vec<String> {
    let context = expc_dialects::context();
    let module = recorded.module(&context).expect("a module");
    let program = expc_dialects::Program::new(&module);
    let operations = program.root().expect("a root").operations().into_iter();
    let metadata = operations.map(|op| expc_dialects::AtenOp::new(op).metadata());
    metadata
        .filter_map(|metadata| {
            let mut entries = metadata.entries.into_iter();
            entries
                .find(|(known, _)| known == key)
                .map(|(_, value)| value)
        })
        .collect()
}

#[test]
fn calls_of_modules_have_numbers_and_classes() {
    let store = nn::VarStore::new(Device::Cpu);
    let linear = nn::linear(store.root() / "inner", 4, 4, nn::LinearConfig::default());
    let code = |x: &Tensor| {
        let call = |x: &Tensor| super::super::module("block", || x.relu() + x.size()[0]);
        linear.forward(&call(&call(&linear.forward(x))))
    };
    let x = Tensor::randn([2, 4], FLOAT);
    let shapes = DynamicShapes::new().input("input", [(0, Dim::new("rows"))]);
    let options = Options::new().weights(&store).dynamic_shapes(shapes);
    let recorded = export(&code, &x, &options).expect("a program");
    let root = "L__self__,,torch.nn.modules.module.Module";
    let inner = |key: &str| format!("{root};L__self__{key},inner,torch.nn.modules.linear.Linear");
    let block = |key: &str| format!("{root};L__self__{key},block,torch.nn.modules.module.Module");
    // The size, which the first block asks for, stands before its use.
    assert_eq!(
        metadata(&recorded, "nn_module_stack"),
        [
            inner("inner"),
            block("block"),
            block("block"),
            block("block"),
            block("block@1"),
            block("block@1"),
            inner("inner@1"),
        ]
    );
    let functions: Vec<String> = ["linear_1", "relu_1", "add_1", "relu_2", "add_2", "linear_2"]
        .map(|call| {
            let name = call.split('_').next().unwrap_or_default();
            format!("{call};builtin_function_or_method.{name}")
        })
        .into();
    assert_eq!(metadata(&recorded, "torch_fn"), functions);
}

#[test]
fn what_holds_modules_has_no_class_of_one_operator() {
    let store = nn::VarStore::new(Device::Cpu);
    let root = store.root();
    let outer = nn::linear(&root / "outer", 4, 4, nn::LinearConfig::default());
    let inner = nn::linear(&root / "outer" / "inner", 4, 4, nn::LinearConfig::default());
    let code = |x: &Tensor| inner.forward(&outer.forward(x));
    let x = Tensor::randn([2, 4], FLOAT);
    let recorded = export(&code, &x, &Options::new().weights(&store)).expect("a program");
    let module = "torch.nn.modules.module.Module";
    let outer = format!("L__self__,,{module};L__self__outer,outer,{module}");
    let inner = "L__self__outer.inner,outer.inner,torch.nn.modules.linear.Linear";
    assert_eq!(
        metadata(&recorded, "nn_module_stack"),
        [outer.clone(), format!("{outer};{inner}")]
    );
}

/// The last line of the printed program: its range constraints.
fn ranges(recorded: &Recorded) -> String {
    let text = recorded.text().expect("text");
    text.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn ranges_end_where_the_code_does() {
    let store = nn::VarStore::new(Device::Cpu);
    let root = store.root();
    let conv = nn::conv2d(&root / "conv", 3, 4, 5, nn::ConvConfig::default());
    let image = Tensor::randn([2, 3, 16, 16], FLOAT);
    let options = |dim: Dim| {
        let shapes = DynamicShapes::new().input("x", [(2, dim)]);
        let options = Options::new().weights(&store).input_names(["x"]);
        options.dynamic_shapes(shapes)
    };
    // The kernel needs five rows.
    let code = |x: &Tensor| conv.forward(x);
    for dim in [Dim::AUTO, Dim::DYNAMIC] {
        let recorded = export(&code, &image, &options(dim)).expect("a program");
        assert_eq!(ranges(&recorded), "Range constraints: {s0: VR[5, int_oo]}");
    }
    let named = |dim: Dim| export(&code, &image, &options(dim)).map(|recorded| ranges(&recorded));
    assert_eq!(
        named(Dim::new("rows").min(5).max(64)).expect("a program"),
        "Range constraints: {s0: VR[5, 64]}"
    );
    let faults = named(Dim::new("rows").max(64)).expect_err("a fault");
    let fault = faults.iter().next().expect("a fault");
    assert_eq!(fault.code, code::CONSTRAINT);
    assert!(fault.message.contains("`x.size()[2]`"), "{fault}");
    let help = "suggested: `Dim::new(\"rows\").min(5).max(64)`";
    assert_eq!(fault.help.as_deref(), Some(help));
    assert!(
        fault
            .notes
            .iter()
            .any(|note| note.contains("with `rows` = 4: ")),
        "{fault}"
    );

    // A branch on the size, and a table that ends.
    let table = (root / "table").zeros("weight", &[32, 16]);
    let code = |x: &Tensor| match x.size()[2] {
        rows if rows > 7 => x + table.narrow(0, 0, rows).slice(1, 0, 1, 1),
        _ => x.relu(),
    };
    let recorded = export(&code, &image, &options(Dim::AUTO)).expect("a program");
    assert_eq!(ranges(&recorded), "Range constraints: {s0: VR[8, 32]}");
    let faults = export(&code, &image, &options(Dim::new("rows").min(8))).expect_err("a fault");
    let help = "suggested: `Dim::new(\"rows\").min(8).max(32)`";
    let fault = faults.iter().next().expect("a fault");
    assert_eq!(fault.help.as_deref(), Some(help));
}

/// What a program computes at two other sizes than the traced one, and that PyTorch's archive can hold it.
fn check_sizes(
    code: impl Fn(&Tensor) -> Vec<Tensor>,
    x: &Tensor,
    dims: impl IntoIterator<Item = (usize, Dim)>,
    others: &[Tensor],
) -> String {
    let spec = crate::trace::Spec::Dims(dims.into_iter().collect());
    let shapes = DynamicShapes::new().input("x", spec);
    let options = Options::new().input_names(["x"]).dynamic_shapes(shapes);
    let recorded = export(&code, x, &options).expect("a program");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("model.pt2");
    recorded.save(&file).expect("an archive");
    let program = crate::ExportedProgram::load(&file).expect("the program");
    let module = program.module(crate::Device::CPU).expect("a module");
    for other in others {
        let outputs = module
            .forward(std::slice::from_ref(other))
            .expect("outputs");
        let expected = code(other);
        assert_eq!(outputs.len(), expected.len());
        for (output, expected) in outputs.iter().zip(&expected) {
            assert!(output.allclose(expected, TOLERANCE, TOLERANCE, true));
        }
    }
    recorded.text().expect("text")
}

#[test]
fn floats_of_sizes_are_computed() {
    let code = |x: &Tensor| {
        let rows = x.size()[0] as f64;
        let steps = Tensor::arange(x.size()[0], FLOAT) / rows;
        vec![steps, x * (0.5 * rows), x * (1.0 / rows.sqrt())]
    };
    let x = Tensor::randn([6, 3], FLOAT);
    let dims = [(0, Dim::new("rows"))];
    let text = check_sizes(code, &x, dims, &[Tensor::randn([9, 3], FLOAT)]);
    for line in [
        r#"sym_float: "Sym(ToFloat(s0))" = torch.sym_float(sym_size_int)"#,
        r#"mul: "Sym(0.5*ToFloat(s0))" = 0.5 * sym_float"#,
        r#""Sym(OpaqueUnaryFn_sqrt(ToFloat(s0)))" = torch._sym_sqrt(sym_float)"#,
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn tensors_made_of_sizes_are_computed() {
    let code = |x: &Tensor| {
        let (rows, columns) = (x.size()[0], x.size()[1]);
        let extent = Tensor::from_slice(&[rows as f32, columns as f32, 2.0]);
        vec![x * Tensor::from(rows - 1), extent]
    };
    let x = Tensor::randn([6, 3], FLOAT);
    let dims = [(0, Dim::new("rows")), (1, Dim::new("columns"))];
    let text = check_sizes(code, &x, dims, &[Tensor::randn([9, 4], FLOAT)]);
    assert!(
        text.contains("torch.ops.aten.scalar_tensor.default(add, dtype = torch.int64"),
        "{text}"
    );
    assert!(
        text.contains("torch.ops.aten.stack.default([scalar_tensor, "),
        "{text}"
    );
}

#[test]
fn padding_to_a_multiple_is_a_remainder() {
    let code = |x: &Tensor| {
        let rows = x.size()[0];
        vec![x.constant_pad_nd([0, 0, 0, (4 - rows % 4) % 4])]
    };
    let x = Tensor::randn([6, 3], FLOAT);
    let others = [8, 9, 15].map(|rows| Tensor::randn([rows, 3], FLOAT));
    let text = check_sizes(code, &x, [(0, Dim::new("rows"))], &others);
    assert!(text.contains("PythonMod(-s0, 4)"), "{text}");
}

/// The number of patches is the same for all sizes near the given one.
#[test]
fn sizes_that_change_by_strides_are_found() {
    let store = nn::VarStore::new(Device::Cpu);
    let config = nn::ConvConfig {
        stride: 8,
        ..Default::default()
    };
    let patches = nn::conv2d(store.root() / "patches", 1, 2, 8, config);
    let positions = Tensor::randn([65, 2], FLOAT);
    let code = |x: &Tensor| {
        let x = patches.forward(x).flatten(2, 3).transpose(1, 2);
        vec![&x + positions.narrow(0, 0, x.size()[1])]
    };
    let x = Tensor::randn([1, 1, 32, 32], FLOAT);
    let side = Dim::new("side").min(8).max(64);
    let others = [8, 47, 64].map(|side| Tensor::randn([1, 1, side, side], FLOAT));
    let text = check_sizes(code, &x, [(2, side.clone()), (3, side)], &others);
    assert!(text.contains("s0: VR[8, 64]"), "{text}");
}

#[test]
fn derived_sizes_have_ranges() {
    let x = Tensor::randn([8, 2], FLOAT);
    let rows = 2 * Dim::new("half").min(1).max(9);
    let shapes = DynamicShapes::new().input("input", [(0, rows)]);
    let options = Options::new().dynamic_shapes(shapes);
    let recorded = export(&|x: &Tensor| x.relu(), &x, &options).expect("a program");
    assert_eq!(
        ranges(&recorded),
        "Range constraints: {2*s0: VR[2, 18], s0: VR[2, 9]}"
    );
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

/// The counts are the same in the example and in most others, and yet no sizes of the program.
#[test]
fn sizes_that_data_decide_are_not_those_of_the_example() {
    let x = Tensor::from_slice(&[1_i64, 2, 3, 3]);
    let code = |x: &Tensor| {
        (
            x.nonzero().flatten(0, -1) + 1,
            x.bincount::<Tensor>(None, 5),
        )
    };
    let recorded = export(&code, &x, &Options::new()).expect("a program");
    let text = recorded.text().expect("text");
    for line in [
        r#"nonzero: "i64[u0, 1]""#,
        r#"flatten: "i64[u0]""#,
        r#"bincount: "i64[u1]""#,
    ] {
        assert!(text.contains(line), "{text}");
    }
    let other = Tensor::from_slice(&[0_i64, 0, 9, 1]);
    let (positions, counts) = code(&other);
    check_runs(&recorded, &[other], &[positions, counts]);
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

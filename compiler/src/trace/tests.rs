//! Programs that are built by hand: their text, their module, their names, and what they compute.

use expc_dialects::{
    Constant, Dim, InputKind, InputSpec, OutputKind, OutputSpec, ScalarType, TensorMeta, ValueType,
    program::{Range, Symbol},
};
use expc_pt2::TreeSpec;
use tch::Tensor;

use super::{
    graph::{Arg, Builder, Call, CallArg, CallResult, GraphId, Recorded, ValueInfo},
    pytree,
};

fn tensor(sizes: &[i64]) -> ValueInfo {
    let sizes = sizes.iter().copied().map(Dim::Static).collect();
    ValueType::Tensor(TensorMeta::new(ScalarType::Float32, Some(sizes))).into()
}

/// The printed program, blanks at the ends of lines apart.
fn check(recorded: &Recorded, expected: &str) {
    let text = recorded.text().expect("text");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    assert_eq!(lines.join("\n"), expected.trim_end());
}

fn single(info: ValueInfo) -> CallResult {
    CallResult::Single(info)
}

fn user_input(name: &str) -> InputSpec {
    InputSpec::new(InputKind::UserInput, name)
}

fn call_of(args: usize) -> Option<TreeSpec> {
    Some(pytree::call(vec![TreeSpec::Leaf; args], Vec::new()))
}

/// `x @ w + w` with a parameter that is added late.
#[test]
fn a_program_is_printed_saved_and_run() {
    let mut builder = Builder::new();
    let x = builder.input(user_input("x"), tensor(&[2, 2]));
    let spec = InputSpec {
        target: Some("layer.weight".to_owned()),
        ..InputSpec::new(InputKind::Parameter, "")
    };
    let weight = builder.input(spec, tensor(&[2, 2]));
    let eye = Tensor::eye(2, (tch::Kind::Float, tch::Device::Cpu));
    builder.weight_tensor("layer.weight", eye);
    let args = vec![CallArg::new("self", x), CallArg::new("mat2", weight)];
    let call = Call::new("aten.mm.default", args).returning(single(tensor(&[2, 2])));
    let product = builder.call(GraphId::ROOT, call);
    let args = vec![
        CallArg::new("self", product[0]),
        CallArg::new("other", weight),
    ];
    let call = Call::new("aten.add.Tensor", args).returning(single(tensor(&[2, 2])));
    let sum = builder.call(GraphId::ROOT, call);
    builder.output(GraphId::ROOT, OutputKind::UserOutput, sum[0]);
    builder.calling.inputs = call_of(1);
    builder.calling.outputs = Some(TreeSpec::Leaf);
    builder.calling.arg_names = vec!["x".to_owned()];
    let recorded = builder.finish();

    check(
        &recorded,
        r#"ExportedProgram:
    class GraphModule(torch.nn.Module):
        def forward(self, p_layer_weight: "f32[2, 2]", x: "f32[2, 2]"):
            # No stacktrace found for following nodes
            mm: "f32[2, 2]" = torch.ops.aten.mm.default(x, p_layer_weight);  x = None
            add: "f32[2, 2]" = torch.ops.aten.add.Tensor(mm, p_layer_weight);  mm = p_layer_weight = None
            return (add,)

Graph signature:
    # inputs
    p_layer_weight: PARAMETER target='layer.weight'
    x: USER_INPUT

    # outputs
    add: USER_OUTPUT

Range constraints: {}
"#,
    );
    let module = recorded.program().expect("program");
    let module = module.module(crate::Device::CPU).expect("module");
    let x = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0]).view([2, 2]);
    let outputs = module.forward(&[x]).expect("outputs");
    let values = Vec::<f32>::try_from(outputs[0].flatten(0, -1)).expect("values");
    assert_eq!(values, [2.0, 2.0, 3.0, 5.0]);

    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("traced.pt2");
    recorded.save(&path).expect("saved");
    let context = expc_dialects::context();
    let loaded = crate::frontend::load_file(&context, &path).expect("loaded");
    let text = crate::export::text::program_text(&loaded.program()).expect("text");
    assert_eq!(text, recorded.text().expect("text"));
}

/// A branch on a symbolic size: sub-graphs are named after the operands of the op.
#[test]
fn graphs_of_higher_order_ops_and_symbols() {
    let mut builder = Builder::new();
    let sized = ValueInfo::from(ValueType::Tensor(TensorMeta::new(
        ScalarType::Float32,
        Some(vec![Dim::Symbolic("s0".to_owned())]),
    )));
    let number = |sym: &str, value_type| ValueInfo {
        value_type,
        sym: Some(sym.to_owned()),
    };
    let add = builder.input(user_input("add"), sized.clone());
    let args = vec![
        CallArg::new("self", add),
        CallArg::new("dim", Constant::Int(0)),
    ];
    let call = Call::new("aten.sym_size.int", args)
        .named("sym_size_int")
        .returning(single(number("s0", ValueType::SymInt)));
    let size = builder.call(GraphId::ROOT, call)[0];
    let unused = Call::new(
        "sym.add",
        vec![CallArg::new("", size), CallArg::new("", Constant::Int(1))],
    );
    builder.call(
        GraphId::ROOT,
        unused.returning(single(number("s0 + 1", ValueType::SymInt))),
    );
    let args = vec![CallArg::new("", size), CallArg::new("", Constant::Int(2))];
    let call = Call::new("sym.gt", args).returning(single(number("s0 > 2", ValueType::SymBool)));
    let is_long = builder.call(GraphId::ROOT, call)[0];
    let mut branch = |base: &str, op: &str| {
        let graph = builder.graph(GraphId::ROOT, base);
        let input = builder.graph_input(graph, "arg0_1", sized.clone());
        let args = vec![
            CallArg::new("self", input),
            CallArg::new("other", Constant::Int(1)),
        ];
        let result = builder.call(graph, Call::new(op, args).returning(single(sized.clone())));
        builder.output(graph, OutputKind::UserOutput, result[0]);
        graph
    };
    let on_true = branch("true_graph", "aten.add.Tensor");
    let on_false = branch("false_graph", "aten.sub.Tensor");
    let args = vec![
        CallArg::new("", is_long),
        CallArg::new("", Arg::Graph(on_true)),
        CallArg::new("", Arg::Graph(on_false)),
        CallArg::new("", Arg::List(vec![Arg::Value(add)])),
    ];
    let call = Call::new("hop.cond", args).returning(single(sized));
    let chosen = builder.call(GraphId::ROOT, call);
    builder.output(GraphId::ROOT, OutputKind::UserOutput, chosen[0]);
    builder.output(GraphId::ROOT, OutputKind::UserOutput, Constant::Int(7));
    builder.sizes.symbols.push(Symbol {
        name: "s0".to_owned(),
        hint: Some(Constant::Int(3)),
        positive: true,
        integer: true,
    });
    builder.sizes.ranges.push(Range {
        expression: "s0".to_owned(),
        min: Some(2),
        max: Some(64),
    });
    builder.remove_unused_symbolic();
    check(
        &builder.finish(),
        r#"ExportedProgram:
    class GraphModule(torch.nn.Module):
        def forward(self, add: "f32[s0]"):
            # No stacktrace found for following nodes
            sym_size_int: "Sym(s0)" = torch.ops.aten.sym_size.int(add, 0)
            gt: "Sym(s0 > 2)" = sym_size_int > 2;  sym_size_int = None
            true_graph_0 = self.true_graph_0
            false_graph_0 = self.false_graph_0
            cond = torch.ops.higher_order.cond(gt, true_graph_0, false_graph_0, (add,));  gt = true_graph_0 = false_graph_0 = add = None
            getitem: "f32[s0]" = cond[0];  cond = None
            return (getitem, 7)

        class true_graph_0(torch.nn.Module):
            def forward(self, add: "f32[s0]"):
                # No stacktrace found for following nodes
                add_1: "f32[s0]" = torch.ops.aten.add.Tensor(add, 1);  add = None
                return (add_1,)

        class false_graph_0(torch.nn.Module):
            def forward(self, add: "f32[s0]"):
                # No stacktrace found for following nodes
                sub: "f32[s0]" = torch.ops.aten.sub.Tensor(add, 1);  add = None
                return (sub,)

Graph signature:
    # inputs
    add: USER_INPUT

    # outputs
    getitem: USER_OUTPUT
    : USER_OUTPUT

Range constraints: {s0: VR[2, 64]}
"#,
    );
}

#[test]
fn a_value_of_another_graph_is_refused() {
    let mut builder = Builder::new();
    builder.input(user_input("x"), tensor(&[2]));
    let graph = builder.graph(GraphId::ROOT, "body_graph");
    let inner = builder.graph_input(graph, "y", tensor(&[2]));
    builder.output(graph, OutputKind::UserOutput, inner);
    builder.output(GraphId::ROOT, OutputKind::UserOutput, inner);
    let fault = builder.finish().text().expect_err("refused");
    assert!(
        fault
            .to_string()
            .contains("`y` is used in a graph that it does not belong to"),
        "{fault}"
    );
}

/// The buffer's mutation is an output; lists have names for all their elements.
#[test]
fn mutations_and_lists() {
    let mut builder = Builder::new();
    let spec = InputSpec {
        target: Some("count".to_owned()),
        persistent: Some(true),
        ..InputSpec::new(InputKind::Buffer, "")
    };
    let x = builder.input(user_input("x"), tensor(&[4]));
    let buffer = builder.input(spec, tensor(&[2]));
    builder.constant_input("flag", Constant::Bool(true));
    let args = vec![
        CallArg::new("self", x),
        CallArg::new("split_size", Constant::Int(2)),
    ];
    let call = Call::new("aten.split.Tensor", args)
        .returning(CallResult::List(vec![tensor(&[2]), tensor(&[2])]));
    let halves = builder.call(GraphId::ROOT, call);
    let args = vec![
        CallArg::new("self", buffer),
        CallArg::new("other", halves[1]),
    ];
    let call = Call::new("aten.add.Tensor", args).returning(single(tensor(&[2])));
    let sum = builder.call(GraphId::ROOT, call);
    let spec = OutputSpec {
        target: Some("count".to_owned()),
        ..OutputSpec::new(OutputKind::BufferMutation)
    };
    builder.output_of(GraphId::ROOT, spec, sum[0]);
    builder.output(GraphId::ROOT, OutputKind::UserOutput, halves[0]);
    check(
        &builder.finish(),
        r#"ExportedProgram:
    class GraphModule(torch.nn.Module):
        def forward(self, b_count: "f32[2]", x: "f32[4]", flag):
            # No stacktrace found for following nodes
            split = torch.ops.aten.split.Tensor(x, 2);  x = None
            getitem: "f32[2]" = split[0]
            getitem_1: "f32[2]" = split[1];  split = None
            add: "f32[2]" = torch.ops.aten.add.Tensor(b_count, getitem_1);  b_count = getitem_1 = None
            return (add, getitem)

Graph signature:
    # inputs
    b_count: BUFFER target='count' persistent=True
    x: USER_INPUT
    flag: USER_INPUT

    # outputs
    add: BUFFER_MUTATION target='count'
    getitem: USER_OUTPUT

Range constraints: {}
"#,
    );
}

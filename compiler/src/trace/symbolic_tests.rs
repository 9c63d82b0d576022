//! Functions that are traced: what comes out, and what is refused.

use expc_dialects::{Constant, ScalarType};

use super::{
    AdditionalInputs, Arguments, Dim, DynamicShapes, Inputs, Sample, ShapesCollection, Spec,
    SymBool, SymInt, Tracer, Value, code, trace,
};
use crate::{Diagnostics, tch};

fn x(sizes: &[i64]) -> Inputs {
    Inputs::new().arg("x", Sample::floats(sizes))
}

fn text<R: Into<Value>>(
    inputs: &Inputs,
    shapes: &DynamicShapes,
    forward: impl FnOnce(&Tracer, &Arguments) -> R,
) -> String {
    let program = trace(inputs, shapes, forward).unwrap_or_else(|fault| panic!("{fault}"));
    let text = program.text().unwrap_or_else(|fault| panic!("{fault}"));
    // Comments tell lines of this file.
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

fn fault<R: Into<Value>>(
    inputs: &Inputs,
    shapes: &DynamicShapes,
    forward: impl FnOnce(&Tracer, &Arguments) -> R,
) -> Diagnostics {
    match trace(inputs, shapes, forward) {
        Ok(program) => panic!("{:?}", program.text()),
        Err(fault) => fault,
    }
}

fn named(dim: Dim) -> DynamicShapes {
    DynamicShapes::new().input("x", [(0, dim)])
}

#[test]
fn sizes_are_arguments() {
    let found = text(&x(&[3, 2]), &named(Dim::new("n").max(8)), |_, inputs| {
        let x = inputs.tensor("x");
        x.view([x.size(0) * 2])
    });
    assert_eq!(
        found,
        "ExportedProgram:\n\
         class GraphModule(torch.nn.Module):\n\
         def forward(self, x: \"f32[s0, 2]\"):\n\
         sym_size_int_1: \"Sym(s0)\" = torch.ops.aten.sym_size.int(x, 0)\n\
         mul: \"Sym(2*s0)\" = sym_size_int_1 * 2;  sym_size_int_1 = None\n\
         view: \"f32[2*s0]\" = torch.ops.aten.view.default(x, [mul]);  x = mul = None\n\
         return (view,)\n\
         Graph signature:\n\
         x: USER_INPUT\n\
         view: USER_OUTPUT\n\
         Range constraints: {s0: VR[0, 8]}"
    );
}

#[test]
fn a_branch_narrows_a_dimension_without_a_name() {
    let branch = |_: &Tracer, inputs: &Arguments| {
        let x = inputs.tensor("x");
        if x.size(0) > 5 { x.sum() } else { x.mean() }
    };
    let found = text(&x(&[8, 2]), &named(Dim::AUTO), branch);
    assert!(found.contains("aten.sum.default"), "{found}");
    assert!(found.ends_with("{s0: VR[6, int_oo]}"), "{found}");
    let refused = fault(&x(&[8, 2]), &named(Dim::new("batch").max(64)), branch);
    let refused = refused.to_string();
    assert!(
        refused.contains("`Dim::new(\"batch\").min(6).max(64)`"),
        "{refused}"
    );
    assert!(refused.contains("`L['x'].size()[0] > 5`"), "{refused}");
    assert!(refused.contains("symbolic_tests.rs"), "{refused}");
}

#[test]
fn equal_sizes_need_one_dimension() {
    let inputs = x(&[4]).arg("y", Sample::floats(&[4]));
    let sum = |_: &Tracer, inputs: &Arguments| inputs.tensor("x") + inputs.tensor("y");
    let two = DynamicShapes::new()
        .input("x", [(0, Dim::new("a"))])
        .input("y", [(0, Dim::new("b"))]);
    let refused = fault(&inputs, &two, sum).to_string();
    assert!(
        refused.contains("must be equal to `L['x'].size()[0]`"),
        "{refused}"
    );
    assert!(
        refused.contains("say `a` of `L['y'].size()[0]`"),
        "{refused}"
    );
    let dim = Dim::new("a");
    let one = DynamicShapes::new()
        .input("x", [(0, dim.clone())])
        .input("y", [(0, dim)]);
    let found = text(&inputs, &one, sum);
    assert!(
        found.contains("forward(self, x: \"f32[s0]\", y: \"f32[s0]\")"),
        "{found}"
    );
}

#[test]
fn derived_dimensions_have_ranges_of_their_own() {
    let dim = Dim::new("n").min(3).max(16);
    let shapes = DynamicShapes::new()
        .input("x", [(0, dim.clone())])
        .input("y", [(0, 2 * dim + 1)]);
    let inputs = x(&[4]).arg("y", Sample::floats(&[9]));
    let found = text(&inputs, &shapes, |_, inputs| {
        let (x, y) = (inputs.tensor("x"), inputs.tensor("y"));
        let odd = y.slice(0, Some(1.into()), None, 2);
        x + odd
    });
    assert!(found.contains("y: \"f32[2*s0 + 1]\""), "{found}");
    assert!(
        found.ends_with("{s0: VR[3, 16], 2*s0 + 1: VR[7, 33]}"),
        "{found}"
    );
}

#[test]
fn zero_and_one_are_constants() {
    let identity = |_: &Tracer, inputs: &Arguments| inputs.tensor("x") + 1;
    let refused = fault(&x(&[1, 2]), &named(Dim::new("n")), identity).to_string();
    assert!(refused.contains("taken for a constant"), "{refused}");
    let refused = fault(&x(&[0, 2]), &named(Dim::DYNAMIC), identity).to_string();
    assert!(refused.contains("`L['x'].size()[0]` is 0"), "{refused}");
    let found = text(&x(&[1, 2]), &named(Dim::AUTO), identity);
    assert!(found.contains("x: \"f32[1, 2]\""), "{found}");
}

#[test]
fn a_size_that_is_compared_is_no_longer_dynamic() {
    let only_three = |_: &Tracer, inputs: &Arguments| {
        let x = inputs.tensor("x");
        if x.size(0) == 3 { x.cos() } else { x.sin() }
    };
    let refused = fault(&x(&[3]), &named(Dim::DYNAMIC), only_three).to_string();
    assert!(refused.contains("can only be 3"), "{refused}");
    let found = text(&x(&[3]), &named(Dim::AUTO), only_three);
    assert!(found.contains("x: \"f32[3]\""), "{found}");
    assert!(found.ends_with("Range constraints: {}"), "{found}");
}

#[test]
fn a_multiple_is_suggested() {
    let halves = |_: &Tracer, inputs: &Arguments| {
        let x = inputs.tensor("x");
        if x.size(0).is_multiple_of(4) {
            x.cos()
        } else {
            x.sin()
        }
    };
    let refused = fault(&x(&[8]), &named(Dim::new("n")), halves).to_string();
    assert!(refused.contains("4 * Dim::new(\"_n\")"), "{refused}");
}

#[test]
fn data_dependent_branches_are_refused_and_checks_help() {
    let inputs = Inputs::new().arg("x", Sample::ints(&[]));
    let branch = |t: &Tracer, count: SymInt| {
        if count > 3 {
            t.ones((count, 2))
        } else {
            t.zeros([2_i64])
        }
    };
    let refused = fault(&inputs, &DynamicShapes::new(), |t, inputs| {
        branch(t, inputs.tensor("x").item_int())
    });
    let first = refused.iter().next().expect("a fault");
    assert_eq!(first.code, code::DATA_DEPENDENT);
    let found = text(&inputs, &DynamicShapes::new(), |t, inputs| {
        let count = inputs.tensor("x").item_int();
        t.check(count.sym_gt(3));
        t.check(count.sym_le(7));
        branch(t, count)
    });
    assert!(found.contains("item >= 4"), "{found}");
    assert!(found.ends_with("{u0: VR[4, 7]}"), "{found}");
}

#[test]
fn a_draft_says_what_it_assumed() {
    let inputs = Inputs::new().arg("x", Sample::ints(&[]));
    let drafted = super::draft(&inputs, &DynamicShapes::new(), |_, inputs| {
        let x = inputs.tensor("x");
        if x.item_int() > 3 { x.neg() } else { x.abs() }
    });
    let drafted = drafted.unwrap_or_else(|fault| panic!("{fault}"));
    let [assumption] = drafted.assumptions.as_slice() else {
        panic!("{:?}", drafted.assumptions);
    };
    assert!(
        assumption.message.contains("u0 <= 3"),
        "{}",
        assumption.message
    );
    let text = drafted.program.text().expect("text");
    assert!(text.contains("aten.abs.default"), "{text}");
}

#[test]
fn branches_take_what_they_close_over() {
    let found = text(&x(&[3, 2]), &named(Dim::AUTO), |t, inputs| {
        let x = inputs.tensor("x");
        let y = &x + 1;
        let z = &x * 2;
        t.cond(x.size(0).sym_gt(5), |x| &x[0] + &z, |x| x[0].sin(), &[y])
    });
    assert!(
        found.contains("cond(gt, true_graph_0, false_graph_0, (add, mul))"),
        "{found}"
    );
    assert!(
        found.contains("add_1: \"f32[s0, 2]\" = torch.ops.aten.add.Tensor(add, mul)"),
        "{found}"
    );
}

#[test]
fn loops_run() {
    let program = trace(
        &Inputs::new()
            .arg("n", Sample::ints(&[]))
            .arg("x", Sample::floats(&[3])),
        &DynamicShapes::new(),
        |t, inputs| {
            let carried = [inputs.tensor("n"), inputs.tensor("x")];
            let step = inputs.tensor("x");
            t.while_loop(
                |carried| carried[0].gt_scalar(0),
                |carried| vec![&carried[0] - 1, &carried[1] + &step],
                carried.to_vec(),
            )
        },
    );
    let program = program.unwrap_or_else(|fault| panic!("{fault}"));
    let module = program
        .program()
        .and_then(|program| program.module(crate::Device::CPU));
    let module = module.unwrap_or_else(|fault| panic!("{fault}"));
    let inputs = [
        tch::Tensor::from(2_i64),
        tch::Tensor::from_slice(&[1.0_f32, 2.0, 3.0]),
    ];
    let outputs = module.forward(&inputs).expect("outputs");
    let values = Vec::<f32>::try_from(&outputs[1]).expect("values");
    assert_eq!(values, [3.0, 6.0, 9.0]);
}

#[test]
fn rows_are_mapped_and_scanned() {
    let found = text(&x(&[5, 2]), &DynamicShapes::new(), |t, inputs| {
        let x = inputs.tensor("x");
        let scale = x.sum();
        let mapped = t.map(|rows| &rows[0] * &scale, std::slice::from_ref(&x));
        let start = t.zeros([2_i64]);
        t.scan(
            |state, rows| {
                let next = &state[0] + &rows[0];
                (vec![next.clone()], vec![next.clone_default()])
            },
            &[start],
            &[mapped],
        )
    });
    assert!(
        found.contains("map_impl(body_graph_0, [x], [sum_1])"),
        "{found}"
    );
    assert!(
        found.contains("scan(scan_combine_graph_0, [zeros], [getitem], ())"),
        "{found}"
    );
    assert!(
        found.contains("getitem_2: \"f32[5, 2]\" = scan[1]"),
        "{found}"
    );
}

#[test]
fn ops_in_place_change_the_tensor() {
    let found = text(&x(&[2]), &DynamicShapes::new(), |_, inputs| {
        let x = inputs.tensor("x");
        let other = x.clone();
        x.mul_tensor_inplace(2);
        other.cos()
    });
    assert!(found.contains("cos.default(mul_)"), "{found}");
}

#[test]
fn a_wrong_call_is_refused_at_its_line() {
    let refused = fault(&x(&[2, 3]), &DynamicShapes::new(), |_, inputs| {
        let x = inputs.tensor("x");
        x.mm(&x)
    });
    let refused = refused.to_string();
    assert!(refused.contains("aten.mm.default"), "{refused}");
    assert!(refused.contains("symbolic_tests.rs"), "{refused}");
}

#[test]
fn sizes_that_differ_in_examples_are_dynamic() {
    let inputs = x(&[3, 4]);
    let others = AdditionalInputs::new().example(x(&[5, 4]));
    let shapes = others.dynamic_shapes(&inputs).expect("shapes");
    let found = text(&inputs, &shapes, |_, inputs| inputs.tensor("x").sin());
    assert!(found.contains("x: \"f32[s0, 4]\""), "{found}");
    let other_form = AdditionalInputs::new().example(Inputs::new());
    assert!(other_form.dynamic_shapes(&inputs).is_err());
}

#[test]
fn a_traced_program_runs_at_other_sizes() {
    let shapes = named(Dim::new("n"));
    let program = trace(&x(&[3, 2]), &shapes, |t, inputs| {
        let x = inputs.tensor("x");
        let layer = t.root("Model").child("layer", "Linear");
        let weight = tch::Tensor::ones([4, 2], (tch::Kind::Float, tch::Device::Cpu));
        let weight = layer.parameter("weight", &weight);
        let y = layer.call(|| x.linear(&weight));
        y.reshape((x.size(0) * 2, 2)).to_dtype(ScalarType::Float64)
    });
    let program = program.unwrap_or_else(|fault| panic!("{fault}"));
    let module = program
        .program()
        .and_then(|program| program.module(crate::Device::CPU));
    let module = module.unwrap_or_else(|fault| panic!("{fault}"));
    let x = tch::Tensor::ones([5, 2], (tch::Kind::Float, tch::Device::Cpu));
    let outputs = module.forward(&[x]).expect("outputs");
    assert_eq!(outputs[0].size(), [10, 2]);
}

#[test]
fn conditions_of_known_sizes_are_decided() {
    let found = text(&x(&[3]), &DynamicShapes::new(), |t, inputs| {
        let x = inputs.tensor("x");
        let is_long: SymBool = x.size(0).sym_gt(5);
        t.cond(is_long, |x| x[0].cos(), |x| x[0].sin(), &[x])
    });
    assert!(found.contains("aten.sin.default"), "{found}");
    assert!(!found.contains("cond"), "{found}");
}

#[test]
fn a_size_that_only_another_follows_from_has_a_range() {
    let quarter = Dim::new("_n").max(32);
    let found = text(&x(&[8]), &named(4 * quarter), |_, inputs| {
        let x = inputs.tensor("x");
        x.view((x.size(0) / 4, 4))
    });
    assert!(found.contains("x: \"f32[4*s0]\""), "{found}");
    assert!(found.contains("view: \"f32[s0, 4]\""), "{found}");
    assert!(
        found.ends_with("{4*s0: VR[0, 128], s0: VR[2, 32]}"),
        "{found}"
    );
}

/// One head of attention and a convolution, with batch and length dynamic.
#[test]
fn models_keep_their_dynamic_sizes() {
    let inputs = Inputs::new()
        .arg("x", Sample::floats(&[2, 5, 8]))
        .arg("image", Sample::floats(&[2, 3, 16, 16]));
    let (batch, length) = (Dim::new("batch"), Dim::new("length").min(2).max(512));
    let shapes = DynamicShapes::new()
        .input("x", [(0, batch.clone()), (1, length)])
        .input("image", [(0, batch)]);
    let weight =
        |sizes: &[i64]| tch::Tensor::ones(sizes, (tch::Kind::Float, tch::Device::Cpu)) / 7.0;
    let program = trace(&inputs, &shapes, |t, inputs| {
        let (x, image) = (inputs.tensor("x"), inputs.tensor("image"));
        let root = t.root("Model");
        let qkv = root.parameter("qkv", &weight(&[24, 8]));
        let kernel = root.parameter("kernel", &weight(&[4, 3, 3, 3]));
        let (batch, length) = (x.size(0), x.size(1));
        let parts = x.linear(&qkv).chunk_with(3, Some(-1));
        let heads = |part: &super::Tensor| part.view((&batch, &length, 2, 4)).transpose_int(1, 2);
        let [q, k, v] = [heads(&parts[0]), heads(&parts[1]), heads(&parts[2])];
        let scores = q.matmul(k.transpose_int(-2, -1)) / 2.0;
        let mixed = scores.softmax_int(-1).matmul(&v).transpose_int(1, 2);
        let mixed = mixed.reshape((&batch, &length, 8)).mean_dim([1_i64]);
        let image = image
            .conv2d(&kernel)
            .relu()
            .max_pool2d([2_i64, 2])
            .flatten_using_ints_with(Some(1), None);
        t.cat_with([mixed, image], Some(1))
    });
    let program = program.unwrap_or_else(|fault| panic!("{fault}"));
    let text = program.text().expect("text");
    assert!(text.contains("cat: \"f32[s0, 204]\""), "{text}");
    assert!(
        text.trim_end()
            .ends_with("{s0: VR[0, int_oo], s1: VR[2, 512]}"),
        "{text}"
    );
    let module = program
        .program()
        .and_then(|program| program.module(crate::Device::CPU));
    let module = module.unwrap_or_else(|fault| panic!("{fault}"));
    let x = tch::Tensor::randn([3, 7, 8], (tch::Kind::Float, tch::Device::Cpu));
    let image = tch::Tensor::randn([3, 3, 16, 16], (tch::Kind::Float, tch::Device::Cpu));
    let found = module
        .forward(&[x.shallow_clone(), image.shallow_clone()])
        .expect("outputs");
    let expected = {
        let parts = x
            .linear::<tch::Tensor>(&weight(&[24, 8]), None)
            .chunk(3, -1);
        let heads = |part: &tch::Tensor| part.view([3, 7, 2, 4]).transpose(1, 2);
        let scores = heads(&parts[0]).matmul(&heads(&parts[1]).transpose(-2, -1)) / 2.0;
        let mixed = scores
            .softmax(-1, None::<tch::Kind>)
            .matmul(&heads(&parts[2]))
            .transpose(1, 2);
        let mixed = mixed
            .reshape([3, 7, 8])
            .mean_dim([1_i64].as_slice(), false, None::<tch::Kind>);
        let image =
            image.conv2d::<tch::Tensor>(&weight(&[4, 3, 3, 3]), None, [1, 1], [0, 0], [1, 1], 1);
        let image = image
            .relu()
            .max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false)
            .flatten(1, -1);
        tch::Tensor::cat(&[mixed, image], 1)
    };
    // The same kernels on the same values.
    assert!(found[0].allclose(&expected, 1e-6, 1e-6, false));
    let refused = module
        .forward(&[x, image.narrow(0, 0, 2)])
        .expect_err("sizes that differ");
    assert!(refused.to_string().contains("image"), "{refused}");
}

#[test]
fn numbers_of_data_are_sizes() {
    let inputs = Inputs::new()
        .arg("x", Sample::floats(&[4, 3]))
        .arg("mask", Sample::tensor(ScalarType::Bool, &[4]));
    let program = trace(&inputs, &DynamicShapes::new(), |_, inputs| {
        let rows = inputs.tensor("mask").nonzero().squeeze_dim(1);
        let chosen = inputs.tensor("x").index_select(0, &rows);
        (chosen.size(0) * 2, chosen * 2)
    });
    let program = program.unwrap_or_else(|fault| panic!("{fault}"));
    let text = program.text().expect("text");
    assert!(text.contains("index_select: \"f32[u0, 3]\""), "{text}");
    assert!(text.contains("_assert_scalar"), "{text}");
    let module = program
        .program()
        .and_then(|program| program.module(crate::Device::CPU));
    let module = module.unwrap_or_else(|fault| panic!("{fault}"));
    let mask = tch::Tensor::from_slice(&[true, false, true, true]);
    let x = tch::Tensor::ones([4, 3], (tch::Kind::Float, tch::Device::Cpu));
    let values = [crate::Value::Tensor(x), crate::Value::Tensor(mask)];
    let outputs = module.call(&values).expect("outputs");
    assert!(
        matches!(
            outputs.values(),
            [crate::Value::Int(6), crate::Value::Tensor(_)]
        ),
        "{outputs:?}"
    );
}

#[test]
fn a_value_of_another_trace_is_refused() {
    let kept = std::cell::RefCell::new(None);
    text(&x(&[2]), &DynamicShapes::new(), |_, inputs| {
        *kept.borrow_mut() = Some(inputs.tensor("x"));
        inputs.tensor("x")
    });
    let refused = fault(&x(&[2]), &DynamicShapes::new(), |_, inputs| {
        inputs.tensor("x") + kept.take().expect("a tensor")
    });
    assert!(refused.to_string().contains("another trace"), "{refused}");
}

#[test]
fn integers_can_be_dynamic_inputs() {
    let inputs = x(&[4, 3]).arg("n", Sample::constant(Constant::Int(5)));
    let shapes = DynamicShapes::new().input("n", Dim::DYNAMIC);
    let program = trace(&inputs, &shapes, |t, inputs| {
        let n = inputs.int("n");
        t.zeros((&n, 3)).sum() + inputs.tensor("x").sum() * n
    });
    let program = program.unwrap_or_else(|fault| panic!("{fault}"));
    let text = program.text().expect("text");
    assert!(text.contains("n: \"Sym(s0)\""), "{text}");
    assert!(text.contains("aten.zeros.default([n, 3]"), "{text}");
    let module = program
        .program()
        .and_then(|program| program.module(crate::Device::CPU));
    let module = module.unwrap_or_else(|fault| panic!("{fault}"));
    let ones = tch::Tensor::ones([4, 3], (tch::Kind::Float, tch::Device::Cpu));
    let values = [crate::Value::Tensor(ones), crate::Value::Int(7)];
    let outputs = module.call(&values).expect("outputs");
    let sum = outputs.values()[0].as_tensor().expect("a tensor");
    assert_eq!(sum.double_value(&[]), 84.0);
}

#[test]
fn specs_follow_the_inputs() {
    let key = |key: &str| crate::TreeKey::Str(key.to_owned());
    let tree = Sample::Dict(vec![
        (key("ids"), Sample::floats(&[4])),
        (
            key("rest"),
            Sample::List(vec![Sample::floats(&[2]), Sample::floats(&[5])]),
        ),
    ]);
    let inputs = Inputs::new()
        .arg("batch", tree)
        .arg("x", Sample::floats(&[3]));
    let sum = |_: &Tracer, inputs: &Arguments| {
        let total = inputs
            .tensors("batch")
            .iter()
            .map(super::Tensor::sum)
            .reduce(|a, b| a + b);
        total.map_or_else(|| inputs.tensor("x"), |total| inputs.tensor("x") + total)
    };
    let rest = Spec::List(vec![Spec::Static, [(0, Dim::new("m"))].into()]);
    let batch = Spec::Dict(vec![
        (key("ids"), [(0, Dim::new("n"))].into()),
        (key("rest"), rest),
    ]);
    let by_tree = DynamicShapes::new()
        .next(batch.clone())
        .next([(0, Dim::AUTO)]);
    let by_name = DynamicShapes::new()
        .input("x", [(0, Dim::AUTO)])
        .input("batch", batch);
    let by_path = ShapesCollection::new()
        .set("batch['ids']", [(0, Dim::new("n"))])
        .set("batch['rest'][1]", [(0, Dim::new("m"))])
        .set("x", [(0, Dim::AUTO)]);
    let by_path = by_path.dynamic_shapes(&inputs).expect("specs");
    for shapes in [by_tree, by_name, by_path] {
        let found = text(&inputs, &shapes, sum);
        let expected = "batch_ids: \"f32[s0]\", batch_rest_0: \"f32[2]\", batch_rest_1: \"f32[s1]\", x: \"f32[s2]\"";
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn specs_that_do_not_fit_are_refused() {
    let refusal = |shapes: &DynamicShapes| {
        let refused = fault(&x(&[4, 3]), shapes, |_, inputs| inputs.tensor("x"));
        let first = refused.iter().next().expect("a fault");
        assert_eq!(first.code, code::SPEC, "{refused}");
        first.message.clone()
    };
    let shapes = DynamicShapes::new().input("y", [(0, Dim::AUTO)]);
    assert_eq!(refusal(&shapes), "there is no input `y`");
    let shapes = DynamicShapes::new().input("x", [(2, Dim::AUTO)]);
    assert_eq!(
        refusal(&shapes),
        "the spec of `x` names dimension 2, the tensor has 2"
    );
    let shapes = DynamicShapes::new().input("x", Spec::List(vec![Spec::Static]));
    assert!(refusal(&shapes).contains("is no container"));
    let dim = Dim::new("n").min(8).max(4);
    assert_eq!(refusal(&named(dim)), "`n` has the bounds 8 and 4");
    let shapes = DynamicShapes::new().input("x", vec![Dim::new("n").max(8), Dim::new("n")]);
    assert_eq!(
        refusal(&shapes),
        "`n` has different bounds in different places"
    );
    assert_eq!(
        refusal(&named(-1 * Dim::new("n"))),
        "`-1*n` shrinks where `n` grows, expected a positive factor"
    );
    let unknown = ShapesCollection::new().set("x[0]", [(0, Dim::AUTO)]);
    assert!(unknown.dynamic_shapes(&x(&[4])).is_err());
}

//! The border alone: values, operators, steps, frames, storages, guards.

use std::sync::Arc;

use expc_dialects::ScalarType;
use tch::{Kind, Tensor};

use super::*;

fn op(name: &str) -> Op {
    Op::find(name).unwrap_or_else(|| panic!("`{name}` is not registered"))
}

fn call(name: &str, arguments: &[Value]) -> Result<Vec<Value>, TorchError> {
    op(name).call(arguments, &[])
}

/// The only result of a call, as numbers.
fn numbers(name: &str, arguments: &[Value]) -> Vec<f64> {
    let results = call(name, arguments).unwrap_or_else(|error| panic!("{name}: {error}"));
    match results.as_slice() {
        [Value::Tensor(tensor)] => {
            Vec::try_from(tensor.to_kind(Kind::Double).flatten(0, -1)).expect("numbers")
        }
        other => panic!("{name} gave {other:?}"),
    }
}

fn vector(values: &[f32]) -> Value {
    Value::Tensor(Tensor::from_slice(values))
}

fn ints(values: &[i64]) -> Value {
    Value::List(values.iter().copied().map(Value::Int).collect())
}

#[test]
fn calls_with_every_kind_of_argument() {
    let x = || vector(&[1.0, -2.0, 4.0]);
    assert_eq!(numbers("aten::add.Tensor", &[x(), x()]), [2.0, -4.0, 8.0]);
    assert_eq!(
        numbers("aten::add.Tensor", &[x(), Value::Int(1)]),
        [2.0, -1.0, 5.0]
    );
    assert_eq!(
        numbers("aten::add.Scalar", &[x(), Value::Bool(true)]),
        [2.0, -1.0, 5.0]
    );
    assert_eq!(
        numbers("aten::leaky_relu", &[x(), Value::Float(0.5)]),
        [1.0, -1.0, 4.0]
    );
    assert_eq!(
        numbers("aten::leaky_relu.default", &[x(), Value::Int(0)]),
        [1.0, 0.0, 4.0]
    );
    assert_eq!(
        numbers(
            "aten::sum.dim_IntList",
            &[x(), ints(&[0]), Value::Bool(true)]
        ),
        [3.0]
    );
    assert_eq!(numbers("aten::sum.dim_IntList", &[x(), Value::None]), [3.0]);
    assert_eq!(
        numbers("aten::sum.dim_IntList", &[x(), Value::Int(0)]),
        [3.0]
    );
    assert_eq!(
        numbers(
            "aten::div.Tensor_mode",
            &[x(), Value::Int(3), Value::Str("floor".into())]
        ),
        [0.0, -1.0, 1.0]
    );
    assert_eq!(
        numbers("aten::cat", &[Value::List(vec![x(), x()]), Value::Int(0)]).len(),
        6
    );
    let index = Value::List(vec![Value::Tensor(Tensor::from_slice(&[2_i64, 0]))]);
    assert_eq!(numbers("aten::index.Tensor", &[x(), index]), [4.0, 1.0]);
    let scalars = Value::List(vec![Value::Float(2.0), Value::Int(3)]);
    let both = Value::List(vec![x(), x()]);
    let product = call("aten::_foreach_mul.ScalarList", &[both, scalars]).expect("runs");
    assert!(matches!(&product[..], [Value::List(items)] if items.len() == 2));
}

#[test]
fn lists_of_optional_tensors_keep_their_gaps() {
    let matrix = Tensor::arange(6, (Kind::Float, tch::Device::Cpu)).reshape([2, 3]);
    let index = Value::List(vec![
        Value::None,
        Value::Tensor(Tensor::from_slice(&[2_i64])),
    ]);
    assert_eq!(
        numbers("aten::index.Tensor", &[Value::Tensor(matrix), index]),
        [2.0, 5.0]
    );
}

#[test]
fn numbers_for_tensors_promote_as_numbers() {
    let x = Value::Tensor(Tensor::from_slice(&[1_u8, 2]));
    let results = call("aten::mul.Tensor", &[x, Value::Int(3)]).expect("runs");
    let Some(Value::Tensor(tensor)) = results.first() else {
        panic!("{results:?}")
    };
    assert_eq!(TensorInfo::of(tensor).dtype, Some(ScalarType::Uint8));
}

#[test]
fn keyword_arguments_and_devices() {
    let full = op("aten::full");
    let keywords = [
        ("dtype", Value::Int(ScalarType::BFloat16.c10())),
        ("device", Value::Device("meta".into())),
    ];
    let results = full
        .call(&[ints(&[2, 3]), Value::Float(1.5)], &keywords)
        .expect("runs");
    let Some(Value::Tensor(tensor)) = results.first() else {
        panic!("{results:?}")
    };
    let info = TensorInfo::of(tensor);
    assert_eq!(
        (info.dtype, info.device),
        (
            Some(ScalarType::BFloat16),
            Device {
                kind: DeviceKind::Meta,
                index: None
            }
        )
    );
    assert_eq!((info.sizes, info.strides), (vec![2, 3], Some(vec![3, 1])));
    let double =
        call("aten::mul.Tensor", &[results[0].clone(), Value::Int(2)]).expect("runs on meta");
    assert!(matches!(double[..], [Value::Tensor(_)]));
}

#[test]
fn scalars_come_back_as_scalars() {
    let results = call(
        "aten::_local_scalar_dense",
        &[Value::Tensor(Tensor::from(7_i64))],
    )
    .expect("runs");
    assert!(matches!(results[..], [Value::Int(7)]));
    let results = call("aten::sym_size.int", &[vector(&[1.0, 2.0]), Value::Int(0)]).expect("runs");
    assert!(matches!(results[..], [Value::Int(2)]));
}

#[test]
fn wrong_arguments_are_named_with_type_and_value() {
    let x = || vector(&[1.0]);
    let message = |name: &str, arguments: &[Value]| {
        call(name, arguments)
            .expect_err("refused")
            .message()
            .to_owned()
    };
    assert_eq!(
        message("aten::add.Tensor", &[x(), Value::Str("y".into())]),
        "argument `other`: expected `Tensor`, found the string `y`"
    );
    assert_eq!(
        message(
            "aten::sum.dim_IntList",
            &[x(), Value::List(vec![Value::Float(0.5)])]
        ),
        "argument `dim`: expected `SymInt`, found the float `0.5`".replace("SymInt", "int")
    );
    assert_eq!(
        message("aten::relu", &[]),
        "argument `self`: not given, and it has no default"
    );
    assert_eq!(
        message("aten::relu", &[x(), x()]),
        "takes 1 arguments, found one more"
    );
    assert_eq!(
        message("aten::full", &[ints(&[1]), Value::Int(0), Value::Int(99)]),
        "argument `dtype`: expected `ScalarType`, found the int `99`"
    );
    let error = op("aten::relu")
        .call(&[x()], &[("inplace", Value::Bool(true))])
        .expect_err("refused");
    assert_eq!(
        error.message(),
        "no argument is named `inplace`, there are `self`"
    );
    assert!(
        call(
            "aten::full",
            &[
                ints(&[1]),
                Value::Int(0),
                Value::None,
                Value::None,
                Value::Device("x".into())
            ]
        )
        .is_err()
    );
}

#[test]
fn kernel_errors_come_without_a_backtrace() {
    let error = call("aten::mm", &[vector(&[1.0]), vector(&[1.0])]).expect_err("refused");
    assert_eq!(error.message(), "self must be a matrix");
}

#[test]
fn unknown_operators_are_not_found() {
    assert!(Op::find("aten::no_such_operator").is_none());
    assert!(Op::find("aten::add.NoSuchOverload").is_none());
    assert!(Op::find("").is_none());
}

#[test]
fn schemas_tell_of_arguments_and_aliases() {
    let add = op("aten::add_.Tensor");
    assert_eq!(add.argument_count(), 3);
    assert_eq!(add.argument_name(2), "alpha");
    assert!(add.argument_is_keyword_only(2) && add.argument_has_default(2));
    assert!(add.argument_is_written(0) && !add.argument_is_written(1));
    assert!(add.return_aliases(0));
    assert!(op("aten::split.Tensor").return_is_list(0));
    let schemas = all_schemas();
    assert!(schemas.len() > 3000);
    assert!(
        schemas
            .iter()
            .any(|row| row.schema.starts_with("aten::relu(Tensor self)"))
    );
}

#[test]
fn steps_read_move_and_free_slots() {
    let mut frame = Frame::new(4);
    frame.set(0, &vector(&[1.0, 2.0])).expect("set");
    frame.set(1, &Value::Int(3)).expect("set");
    let mut builder = StepBuilder::new(&op("aten::add.Tensor"));
    builder.slot(0, 0).expect("argument");
    builder.slot(1, 1).expect("argument");
    builder.result(Some(2));
    let step = builder.finish(&[0, 1]).expect("complete");
    step.run(&mut frame).expect("runs");
    assert_eq!(
        (frame.kind(0), frame.kind(1), frame.kind(2)),
        (ValueKind::None, ValueKind::None, ValueKind::Tensor)
    );
    assert_eq!(
        Vec::<f32>::try_from(frame.get(2).as_tensor().expect("tensor")).expect("floats"),
        [4.0, 5.0]
    );
    // A slot that two arguments of the last reader name must not be moved out by the first.
    let mut builder = StepBuilder::new(&op("aten::mul.Tensor"));
    builder.slot(0, 2).expect("argument");
    builder.slot(1, 2).expect("argument");
    builder.result(Some(3));
    builder
        .finish(&[2])
        .expect("complete")
        .run(&mut frame)
        .expect("runs");
    assert_eq!(
        Vec::<f32>::try_from(frame.get(3).as_tensor().expect("tensor")).expect("floats"),
        [16.0, 25.0]
    );
}

#[test]
fn lists_mix_slots_and_constants_and_results_unpack() {
    let mut frame = Frame::new(4);
    frame
        .set(0, &vector(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
        .expect("set");
    frame.set(1, &Value::Int(2)).expect("set");
    let mut view = StepBuilder::new(&op("aten::view"));
    view.slot(0, 0).expect("argument");
    view.list(1, &[ListItem::Slot(1), ListItem::Constant(Value::Int(3))])
        .expect("argument");
    view.result(Some(0));
    view.finish(&[])
        .expect("complete")
        .run(&mut frame)
        .expect("runs");
    let mut unbind = StepBuilder::new(&op("aten::unbind.int"));
    unbind.slot(0, 0).expect("argument");
    unbind.result_list(&[Some(2), None]);
    let unbind = unbind.finish(&[]).expect("complete");
    unbind.run(&mut frame).expect("runs");
    assert_eq!(
        Vec::<f32>::try_from(frame.get(2).as_tensor().expect("tensor")).expect("floats"),
        [1.0, 2.0, 3.0]
    );
    frame.set(0, &vector(&[1.0])).expect("set");
    let error = unbind.run(&mut frame).expect_err("refused");
    assert_eq!(
        error.message(),
        "the operator returned a list of 1 where the program has 2"
    );
}

#[test]
fn a_step_does_not_run_on_a_frame_that_is_too_small() {
    let mut builder = StepBuilder::new(&op("aten::relu"));
    builder.slot(0, 5).expect("argument");
    builder.result(Some(0));
    let step = builder.finish(&[]).expect("complete");
    assert!(step.run(&mut Frame::new(5)).is_err());
    // As in Python, `None` is passed on for a tensor; the operator decides.
    let error = step.run(&mut Frame::new(6)).expect_err("refused");
    assert!(
        error
            .message()
            .starts_with("Expected a proper Tensor but got None"),
        "{error}"
    );
}

#[test]
fn values_of_every_kind_survive_a_frame() {
    let mut frame = Frame::new(1);
    let values = [
        Value::None,
        Value::Int(-3),
        Value::Float(0.5),
        Value::Bool(true),
        Value::Complex(1.0, -2.0),
        Value::Str("ä".into()),
        Value::Device("cuda:1".into()),
        Value::List(vec![Value::Int(1), Value::List(vec![Value::None])]),
        Value::Dict(vec![
            ("b".into(), Value::Int(1)),
            ("a".into(), Value::Bool(false)),
        ]),
    ];
    for value in values {
        frame.set(0, &value).expect("set");
        assert_eq!(frame.kind(0), value.kind());
        assert_eq!(format!("{:?}", frame.get(0)), format!("{value:?}"));
    }
    frame.set(7, &Value::Int(1)).expect("ignored");
    assert_eq!(frame.kind(7), ValueKind::None);
}

#[test]
fn storages_are_shared_by_views_of_any_dtype() {
    let bytes: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::new((0..64_u8).collect::<Vec<_>>());
    let storage = Storage::from_bytes(Arc::clone(&bytes), 0..64).expect("storage");
    let mut views = Vec::new();
    for dtype in ScalarType::all() {
        let view = StorageView {
            dtype,
            sizes: vec![2, 1],
            strides: vec![1, 1],
            offset: 1,
        };
        let tensor = storage
            .view(&view)
            .unwrap_or_else(|error| panic!("{dtype:?}: {error}"));
        let info = TensorInfo::of(&tensor);
        assert_eq!(
            (info.dtype, info.storage_offset, info.sizes.as_slice()),
            (Some(dtype), 1, [2, 1].as_slice())
        );
        assert_eq!(
            tensor_bytes(&tensor).expect("bytes").len(),
            2 * dtype.size()
        );
        views.push(tensor);
    }
    let first = TensorInfo::of(&views[0]).storage;
    assert!(
        views
            .iter()
            .all(|view| TensorInfo::of(view).storage == first)
    );
    assert_eq!(Arc::strong_count(&bytes), 2);
    drop((storage, views));
    assert_eq!(Arc::strong_count(&bytes), 1);
}

#[test]
fn views_outside_of_their_storage_are_refused() {
    let storage = Storage::from_bytes(Arc::new(vec![0_u8; 16]), 0..16).expect("storage");
    let view = |sizes: &[i64], strides: &[i64], offset| {
        let view = StorageView {
            dtype: ScalarType::Float32,
            sizes: sizes.into(),
            strides: strides.into(),
            offset,
        };
        storage
            .view(&view)
            .map(|_| ())
            .map_err(|error| error.message().to_owned())
    };
    assert_eq!(view(&[2, 2], &[2, 1], 0), Ok(()));
    assert_eq!(view(&[0, 1 << 40], &[1, 1], 0), Ok(()));
    assert_eq!(
        view(&[5], &[1], 0),
        Err("a float32 tensor of sizes [5] needs 20 bytes of storage, there are 16".into())
    );
    assert!(view(&[2], &[1], 3).is_err());
    assert!(view(&[-1], &[1], 0).is_err());
    assert!(view(&[2], &[-1], 3).is_err());
    assert!(view(&[i64::MAX, i64::MAX], &[i64::MAX, 1], 0).is_err());
    assert!(view(&[1], &[], 0).is_err());
    assert!(Storage::from_bytes(Arc::new(vec![0_u8; 4]), 2..6).is_err());
}

#[test]
fn copied_storages_are_independent() {
    let original = Tensor::from_slice(&[1.0_f32, 2.0]);
    let copy = Storage::of(&original).copy_to(Device::CPU).expect("copy");
    let view = StorageView {
        dtype: ScalarType::Float32,
        sizes: vec![2],
        strides: vec![1],
        offset: 0,
    };
    let tensor = copy.view(&view).expect("view");
    let _ = call(
        "aten::fill_.Scalar",
        &[Value::Tensor(tensor.shallow_clone()), Value::Int(9)],
    )
    .expect("runs");
    assert_eq!(Vec::<f32>::try_from(&original).expect("floats"), [1.0, 2.0]);
    assert_eq!(Vec::<f32>::try_from(&tensor).expect("floats"), [9.0, 9.0]);
}

#[test]
fn without_gradients_results_are_ordinary_tensors() {
    let weight = Tensor::from_slice(&[1.0_f32, 2.0]).set_requires_grad(true);
    let output = {
        let _guard = NoGradGuard::new();
        let view = call(
            "aten::view",
            &[Value::Tensor(weight.shallow_clone()), ints(&[2, 1])],
        )
        .expect("runs");
        let results = call("aten::add_.Scalar", &[view[0].clone(), Value::Int(1)])
            .expect("in place on a leaf's view");
        results[0].as_tensor().expect("tensor").shallow_clone()
    };
    assert!(!output.requires_grad());
    assert_eq!(
        Vec::<f32>::try_from(&weight.detach()).expect("floats"),
        [2.0, 3.0]
    );
    // Ordinary tensors may take part in later gradients, which inference tensors may not.
    let later = (output.set_requires_grad(true) * 2.0).sum(Kind::Float);
    later.backward();
}

#[test]
fn autocast_is_the_thread_s_and_ends_with_its_guard() {
    let _no_grad = NoGradGuard::new();
    let kind = || {
        let matrix = Value::Tensor(Tensor::ones([2, 2], (Kind::Float, tch::Device::Cpu)));
        let results = call("aten::mm", &[matrix.clone(), matrix]).expect("runs");
        TensorInfo::of(results[0].as_tensor().expect("tensor")).dtype
    };
    assert_eq!(kind(), Some(ScalarType::Float32));
    {
        let _autocast = AutocastGuard::new("cpu", None, true, true).expect("guard");
        assert_eq!(kind(), Some(ScalarType::BFloat16));
        let _off = AutocastGuard::new("cpu", None, false, true).expect("guard");
        assert_eq!(kind(), Some(ScalarType::Float32));
    }
    assert_eq!(kind(), Some(ScalarType::Float32));
    assert!(AutocastGuard::new("no_such_device", None, true, true).is_err());
}

#[test]
fn seeds_make_random_numbers_repeat() {
    let draw = || {
        manual_seed(7).expect("seed");
        numbers("aten::rand", &[ints(&[3])])
    };
    // Other tests of this process do not draw random numbers.
    assert_eq!(draw(), draw());
}

#[test]
fn bytes_carry_out_lazy_conjugation() {
    let storage = Storage::from_bytes(
        Arc::new([1.0_f32, 2.0].map(f32::to_ne_bytes).concat()),
        0..8,
    )
    .expect("storage");
    let view = StorageView {
        dtype: ScalarType::Complex64,
        sizes: vec![1],
        strides: vec![1],
        offset: 0,
    };
    let number = Value::Tensor(storage.view(&view).expect("view"));
    let results = call("aten::conj", &[number]).expect("runs");
    let bytes = tensor_bytes(results[0].as_tensor().expect("tensor")).expect("bytes");
    assert_eq!(bytes, [1.0_f32, -2.0].map(f32::to_ne_bytes).concat());
}

#[test]
fn libraries_that_cannot_be_loaded_say_why() {
    let error = load_library(std::path::Path::new("no/such/library.so")).expect_err("refused");
    assert!(
        error
            .message()
            .starts_with("library `no/such/library.so`: no/such/library.so: cannot open"),
        "{error}"
    );
    // A bare name is looked for in the working folder too.
    let error = load_library(std::path::Path::new("Cargo.toml")).expect_err("refused");
    assert!(error.message().contains("invalid ELF header"), "{error}");
}

#[test]
fn damaged_objects_are_refused() {
    assert!(Opaque::unpickle(b"not an archive").is_err());
}

#[test]
fn operators_that_pytorch_defines_in_python_are_registered_when_asked_for() {
    let x = || vector(&[-1.0, 0.26, 9.0]);
    let range = [
        Value::Int(-8),
        Value::Int(7),
        Value::Int(ScalarType::Int8.c10()),
    ];
    let parameters = [Value::Float(0.5), Value::Int(1)];
    let arguments: Vec<_> = [x()]
        .into_iter()
        .chain(parameters.clone())
        .chain(range.clone())
        .collect();
    let quantized = numbers("quantized_decomposed::quantize_per_tensor", &arguments);
    assert_eq!(quantized, [-1.0, 2.0, 7.0]);
    let stored = Value::Tensor(Tensor::from_slice(&[-1_i8, 2, 7]));
    let arguments: Vec<_> = [stored]
        .into_iter()
        .chain(parameters)
        .chain(range)
        .collect();
    let back = numbers(
        "quantized_decomposed::dequantize_per_tensor.default",
        &arguments,
    );
    assert_eq!(back, [-1.0, 0.5, 3.0]);
    assert_eq!(
        numbers("prims::add", &[x(), x()]),
        [-2.0, 0.52_f32.into(), 18.0]
    );
    assert_eq!(
        numbers("prims::sum", &[x(), ints(&[0])]),
        [f64::from(-1.0 + 0.26_f32 + 9.0)]
    );
    let sizes = Value::List(vec![Value::Int(2), Value::Int(3)]);
    let arguments = [x(), sizes, Value::List(vec![Value::Int(1)])];
    assert_eq!(numbers("prims::broadcast_in_dim", &arguments).len(), 6);
}

/// Every kernel of ours fits the schema that the op table has for it.
#[test]
fn all_operators_defined_in_python_register() {
    let missing: Vec<_> = ["prims", "quantized_decomposed"]
        .into_iter()
        .flat_map(expc_dialects::table::dialect)
        .map(|def| def.name.replacen('.', "::", 1))
        .filter(|name| Op::find(name).is_none())
        .collect();
    let expected = [
        "_make_token",
        "_sink_tokens",
        "maximum_value",
        "minimum_value",
        "xor_sum",
    ];
    assert_eq!(
        missing,
        expected.map(|name| format!("prims::{name}.default"))
    );
}

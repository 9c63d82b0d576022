//! What is recorded of programs that tch runs.

use tch::{Device, Kind, Tensor, nn, nn::Module};

use super::*;

/// Records a closure of one input.
fn record(input: &Tensor, body: impl FnOnce(&Tensor) -> Tensor) -> (Recording, ValueNumber) {
    let mut recorder = Recorder::new(false);
    recorder.know(input, true);
    let output = recorder
        .record(|| body(input))
        .expect("nothing else records");
    let output = recorder.value_of(&output);
    (recorder.finish(), output)
}

fn ops(recording: &Recording) -> Vec<&str> {
    let calls = recording.calls.iter();
    calls.map(|call| call.op.as_str()).collect()
}

fn value(recorded: &RecordedValue) -> ValueNumber {
    match recorded {
        RecordedValue::Tensor(tensor) => tensor.value,
        other => panic!("no tensor: {other:?}"),
    }
}

#[test]
fn composite_operators_are_recorded_whole() {
    let store = nn::VarStore::new(Device::Cpu);
    let conv = nn::conv2d(store.root() / "conv", 3, 4, 3, nn::ConvConfig::default());
    let linear = nn::linear(store.root() / "linear", 4 * 6 * 6, 5, Default::default());
    let input = Tensor::rand([2, 3, 8, 8], (Kind::Float, Device::Cpu));
    let (recording, output) = record(&input, |x| {
        let mut x = linear
            .forward(&conv.forward(x).relu().flatten(1, -1))
            .softmax(-1, Kind::Float);
        x.g_add_scalar_(1.0)
    });
    assert_eq!(
        ops(&recording),
        [
            "aten.conv2d.default",
            "aten.relu.default",
            "aten.flatten.using_ints",
            "aten.linear.default",
            "aten.softmax.int",
            "aten.add_.Scalar",
        ]
    );
    let last = recording.calls.last().expect("a call");
    assert_eq!(value(&last.arguments[0]), output);
    assert_eq!(value(&last.results[0]), output);
    let conv = &recording.calls[0];
    assert_eq!(value(&conv.arguments[0]), 0);
    let strides = RecordedValue::List(vec![RecordedValue::Int(1), RecordedValue::Int(1)]);
    assert_eq!(conv.arguments[3], strides);
    assert!(matches!(recording.origins[0], Origin::Given));
    let weight = value(&conv.arguments[1]) as usize;
    assert!(matches!(recording.origins[weight], Origin::Captured(_)));
    assert!(!conv.frames.is_empty());
}

#[test]
fn tensors_that_were_let_go_keep_their_numbers() {
    let input = Tensor::rand([64], (Kind::Float, Device::Cpu));
    let (recording, _) = record(&input, |x| {
        for _ in 0..50 {
            let _ = x + 1.0;
        }
        x * 2.0
    });
    let mut numbers: Vec<_> = recording
        .calls
        .iter()
        .map(|call| value(&call.results[0]))
        .collect();
    numbers.dedup();
    assert_eq!(numbers.len(), 51);
}

#[test]
fn elements_written_past_the_dispatcher_are_data() {
    let input = Tensor::rand([2], (Kind::Float, Device::Cpu));
    let (recording, _) = record(&input, |x| {
        x * Tensor::from_slice(&[3.0_f32, 4.0]) + Tensor::zeros([2], (Kind::Float, Device::Cpu))
    });
    assert_eq!(
        ops(&recording),
        [
            "aten.zeros.default",
            "aten.mul.Tensor",
            "aten.zeros.default",
            "aten.add.Tensor"
        ]
    );
    let origin =
        |call: usize| &recording.origins[value(&recording.calls[call].results[0]) as usize];
    match origin(0) {
        Origin::Data(held) => assert_eq!(Vec::<f32>::try_from(held).expect("floats"), [3.0, 4.0]),
        other => panic!("no data: {other:?}"),
    }
    assert!(matches!(origin(2), Origin::Result));
}

#[test]
fn numbers_read_from_inputs_are_found() {
    let input = Tensor::rand([2], (Kind::Float, Device::Cpu));
    let (recording, _) = record(&input, |x| {
        let constant = Tensor::ones([2], (Kind::Float, Device::Cpu)).double_value(&[0]);
        x * x.double_value(&[1]) * constant
    });
    let reads = recording.calls.iter();
    let reads: Vec<_> = reads
        .filter(|call| call.outcome == Outcome::ReadData)
        .map(|call| call.op.as_str())
        .collect();
    assert_eq!(reads, ["aten.item.default"]);
}

#[test]
fn elements_read_past_the_dispatcher_are_refused() {
    let input = Tensor::rand([2], (Kind::Float, Device::Cpu));
    let mut recorder = Recorder::new(false);
    recorder.know(&input, true);
    let mut target = [0.0_f32; 2];
    let (of_input, of_result) = recorder
        .record(|| {
            let of_input = input.f_copy_data(&mut target, 2);
            (of_input, (&input + 1.0).f_copy_data(&mut target, 2))
        })
        .expect("nothing else records");
    for read in [of_input, of_result] {
        assert!(is_data_read(&read.expect_err("refused").to_string()));
    }
    // Afterwards they may be read.
    drop(recorder);
    input.copy_data(&mut target, 2);
}

#[test]
fn failures_are_recorded_and_come_back_as_errors() {
    let input = Tensor::rand([2, 3], (Kind::Float, Device::Cpu));
    let (recording, _) = record(&input, |x| {
        assert!(x.f_matmul(x).is_err());
        x.relu()
    });
    assert!(
        matches!(&recording.calls[0].outcome, Outcome::Threw(said) if said.contains("cannot be multiplied"))
    );
    assert_eq!(recording.calls[1].outcome, Outcome::Returned);
}

#[test]
fn a_panic_ends_the_recording() {
    let input = Tensor::rand([2], (Kind::Float, Device::Cpu));
    let mut recorder = Recorder::new(false);
    let body = std::panic::AssertUnwindSafe(|| {
        recorder.record(|| {
            let _ = input.relu();
            panic!("of the traced code");
        })
    });
    assert!(std::panic::catch_unwind(body).is_err());
    let _ = input.relu();
    assert_eq!(ops(&recorder.finish()), ["aten.relu.default"]);
}

#[test]
fn scopes_and_lists_are_recorded() {
    let input = Tensor::rand([2], (Kind::Float, Device::Cpu));
    let (recording, _) = record(&input, |x| {
        set_scope(7);
        let joined = Tensor::cat(&[x, x], 0);
        set_scope(0);
        joined.chunk(2, 0).swap_remove(0)
    });
    let scopes: Vec<_> = recording.calls.iter().map(|call| call.scope).collect();
    assert_eq!(scopes, [7, 0]);
    let RecordedValue::List(parts) = &recording.calls[1].results[0] else {
        panic!("no list")
    };
    assert_eq!(parts.len(), 2);
}

#[test]
fn what_calls_write_to_gets_its_elements_back() {
    let input = Tensor::rand([2], (Kind::Float, Device::Cpu));
    let outside = Tensor::zeros([2, 2], (Kind::Float, Device::Cpu));
    let (recording, _) = record(&input, |x| outside.get(0).g_add_(x) * 2.0);
    assert_eq!(
        ops(&recording),
        ["aten.select.int", "aten.add_.Tensor", "aten.mul.Scalar"]
    );
    assert_eq!(outside.sum(Kind::Float).double_value(&[]), 0.0);
}

/// A tensor of the meta device, for which tch has no name.
fn without_elements(sizes: &[i64]) -> Tensor {
    let op = crate::torch::Op::find("aten::empty.memory_format").expect("registered");
    let sizes = sizes.iter().map(|size| crate::torch::Value::Int(*size));
    let sizes = crate::torch::Value::List(sizes.collect());
    let device = crate::torch::Value::Device("meta".to_owned());
    let made = op.call(&[sizes], &[("device", device)]).expect("a tensor");
    made.first()
        .and_then(crate::torch::Value::as_tensor)
        .expect("a tensor")
        .shallow_clone()
}

#[test]
fn abstract_recordings_compute_nothing() {
    let store = nn::VarStore::new(Device::Cpu);
    let conv = nn::conv2d(store.root() / "conv", 3, 4, 3, nn::ConvConfig::default());
    let input = without_elements(&[2, 3, 8, 8]);
    let mut recorder = Recorder::new(true);
    recorder.know(&input, true);
    let output = recorder.record(|| {
        let mut y = conv.forward(&input) + Tensor::from_slice(&[1.0_f32; 6]);
        let _ = y.relu_();
        let rows = Tensor::arange(2, (Kind::Int64, y.device()));
        y.index_select(0, &rows).flatten(1, -1)
    });
    let output = output.expect("nothing else records");
    assert_eq!(output.size(), [2, 144]);
    let number = recorder.value_of(&output);
    let recording = recorder.finish();
    assert_eq!(
        ops(&recording),
        [
            "aten.conv2d.default",
            "aten.zeros.default",
            "aten.add.Tensor",
            "aten.relu_.default",
            "aten.arange.default",
            "aten.index_select.default",
            "aten.flatten.using_ints"
        ]
    );
    let relu = &recording.calls[3];
    assert_eq!(value(&relu.arguments[0]), value(&relu.results[0]));
    assert_eq!(value(&recording.calls[6].results[0]), number);
    let shift = value(&recording.calls[1].results[0]) as usize;
    assert!(matches!(recording.origins[shift], Origin::Data(_)));
}

#[test]
fn abstract_recordings_have_no_data_to_read() {
    let input = without_elements(&[2]);
    let mut recorder = Recorder::new(true);
    recorder.know(&input, true);
    let mut target = [0.0_f32; 2];
    let read = recorder
        .record(|| (&input + 1.0).f_copy_data(&mut target, 2))
        .expect("nothing else records");
    assert!(is_data_read(&read.expect_err("refused").to_string()));
}

/// Two convolutions, of which the meta device can run none, with an answer that knows the given sizes.
fn convolved(known: bool) -> (Vec<Vec<i64>>, usize) {
    let asked = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = std::rc::Rc::clone(&asked);
    let shapes = move |_, call: &RecordedCall| {
        count.set(count.get() + 1);
        assert_eq!(call.op, "aten.conv2d.default");
        assert_eq!(call.arguments.len(), 7);
        assert!(call.results.is_empty());
        known.then(|| {
            vec![ResultForm {
                dtype: expc_dialects::ScalarType::Float32,
                sizes: vec![7, 7, 7, 7],
                strides: vec![343, 49, 7, 1],
            }]
        })
    };
    let store = nn::VarStore::new(Device::Cpu);
    let conv = nn::conv2d(store.root() / "conv", 3, 3, 1, nn::ConvConfig::default());
    let input = without_elements(&[2, 3, 8, 8]);
    let mut recorder = Recorder::new(true).with_shapes(Box::new(shapes));
    recorder.know(&input, true);
    let sizes = recorder.record(|| {
        let forward = || tch::no_grad(|| conv.forward(&input)).size();
        vec![forward(), forward()]
    });
    (sizes.expect("nothing else records"), asked.get())
}

#[test]
fn calls_that_the_meta_device_cannot_run_have_the_form_that_they_are_told() {
    assert_eq!(convolved(true), (vec![vec![7, 7, 7, 7]; 2], 2));
    assert_eq!(convolved(false), (vec![vec![2, 3, 8, 8]; 2], 2));
}

/// A view that does not fit, and a sum over what stands for it.
fn rescued(is_abstract: bool, known: bool) -> Result<Recording, tch::TchError> {
    let rescue = move |position, call: &RecordedCall| {
        assert_eq!((position, call.op.as_str()), (1, "aten.view.default"));
        known.then(|| {
            vec![ResultForm {
                dtype: expc_dialects::ScalarType::Float32,
                sizes: vec![4],
                strides: vec![1],
            }]
        })
    };
    let input = match is_abstract {
        true => without_elements(&[2, 3]),
        false => Tensor::rand([2, 3], (Kind::Float, Device::Cpu)),
    };
    let mut recorder = Recorder::new(is_abstract).with_rescue(Box::new(rescue));
    recorder.know(&input, true);
    let result = recorder.record(|| input.relu().f_view([4])?.f_sum(Kind::Float));
    let _ = result.expect("nothing else records")?;
    Ok(recorder.finish())
}

#[test]
fn a_call_that_threw_may_be_stood_in_for() {
    for is_abstract in [true, false] {
        let recording = rescued(is_abstract, true).expect("the code goes on");
        assert_eq!(
            ops(&recording),
            ["aten.relu.default", "aten.view.default", "aten.sum.default"]
        );
        let view = &recording.calls[1];
        assert!(
            matches!(&view.outcome, Outcome::Threw(said) if said.contains("invalid for input"))
        );
        let RecordedValue::Tensor(stand_in) = &view.results[0] else {
            panic!("no tensor: {view:?}");
        };
        assert_eq!(stand_in.info.sizes, [4]);
        assert_eq!(value(&recording.calls[2].arguments[0]), stand_in.value);
        rescued(is_abstract, false).expect_err("nothing stands for it");
    }
}

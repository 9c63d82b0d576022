//! Tests of `program`.

use tch::Tensor;

use super::*;

const SUM_AND_PRODUCT: &str = include_str!("../driver/samples/add_mul.mlir");

fn program(text: &str) -> ExportedProgram {
    ExportedProgram::from_bytes("test.mlir", text.as_bytes().to_vec()).expect("loaded")
}

fn module(text: &str) -> Module {
    program(text).module(Device::CPU).expect("a module")
}

fn floats(values: &[f32]) -> Tensor {
    Tensor::from_slice(values)
}

fn read(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor).expect("floats")
}

#[test]
fn programs_and_modules_are_shared_between_threads() {
    fn check<T: Send + Sync>() {}
    check::<ExportedProgram>();
    check::<Module>();
    let module = module(SUM_AND_PRODUCT);
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let module = &module;
            scope.spawn(move || {
                let x = f32::from(thread);
                let outputs = module
                    .forward(&[floats(&[x, x]), floats(&[1.0, 2.0])])
                    .expect("called");
                assert_eq!(read(&outputs[0]), [x + 1.0, x + 2.0]);
            });
        }
    });
}

#[test]
fn the_signature_is_there_without_a_module() {
    let program = program(SUM_AND_PRODUCT);
    assert_eq!(program.file(), "test.mlir");
    assert_eq!(program.input_names(), ["x", "y"]);
    assert_eq!(program.signature().outputs.len(), 2);
    assert!(program.weights().is_empty());
}

#[test]
fn inputs_are_given_by_name() {
    let module = module(SUM_AND_PRODUCT);
    let (x, y) = (Value::Tensor(floats(&[2.0])), Value::Tensor(floats(&[5.0])));
    let outputs = module
        .forward_named(&[("y", y.clone()), ("x", x.clone())])
        .expect("called");
    assert_eq!(outputs.paths(), ["[0]", "[1]"]);
    assert_eq!(
        read(
            outputs
                .get("[1]")
                .and_then(Value::as_tensor)
                .expect("a tensor")
        ),
        [10.0]
    );
    let fault = |inputs: &[(&str, Value)]| {
        module
            .forward_named(inputs)
            .expect_err("refused")
            .to_string()
    };
    assert!(fault(&[("x", x.clone())]).contains("the input `y` is missing"));
    assert!(fault(&[("z", x.clone())]).contains("the program has no input `z`"));
    assert!(fault(&[("x", x.clone()), ("x", x)]).contains("the input `x` is given twice"));
}

#[test]
fn a_wrong_number_of_tensors_is_refused() {
    let fault = module(SUM_AND_PRODUCT)
        .forward(&[floats(&[1.0])])
        .expect_err("refused");
    assert_eq!(
        fault.to_string(),
        "error[E0501]: the program takes 2 inputs, found 1\n  --> test.mlir"
    );
}

#[test]
fn sizes_that_contradict_each_other_are_refused() {
    let fault = module(SUM_AND_PRODUCT)
        .forward(&[floats(&[1.0, 2.0]), floats(&[1.0, 2.0, 3.0])])
        .expect_err("refused");
    assert!(
        fault
            .to_string()
            .starts_with("error[E0504]: y.shape[0] is 3, expected 2 because of x.shape[0]"),
        "{fault}"
    );
}

/// `count += 1; return count + x`
const COUNTER: &str = r#"
func.func @main(%count: tensor<f32> {aten.input = {kind = "buffer", name = "b_count", target = "count", persistent = true}},
                %x: tensor<f32> {aten.input = {kind = "user_input", name = "x"}})
    -> (tensor<f32> {aten.output = {kind = "user_output"}}) {
  %next = "aten.add_.Scalar"(%count) {other = 1 : i64} : (tensor<f32>) -> tensor<f32>
  %sum = "aten.add.Tensor"(%count, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %sum : tensor<f32>
}
"#;

#[test]
fn each_module_has_its_own_state() {
    let mut program = program(COUNTER);
    program
        .weights_mut()
        .insert_tensor("count", Tensor::from(5.0_f32));
    let one = program.module(Device::CPU).expect("a module");
    let other = program.module(Device::CPU).expect("a module");
    let call = |module: &Module| {
        f32::try_from(&module.forward(&[Tensor::from(100.0_f32)]).expect("called")[0])
            .expect("a float")
    };
    assert_eq!(
        [call(&one), call(&one), call(&other)],
        [106.0, 107.0, 106.0]
    );
    let state: Vec<_> = one
        .mutable_state()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(state, ["count"]);
    assert_eq!(
        one.weight("count")
            .and_then(|count| f32::try_from(&count).ok()),
        Some(7.0)
    );
}

#[test]
fn a_missing_weight_is_named() {
    let fault = program(COUNTER)
        .module(Device::CPU)
        .expect_err("refused")
        .to_string();
    assert!(fault.contains("`count`"), "{fault}");
}

#[test]
fn a_device_that_is_not_there_is_refused() {
    let meta = Device::parse("meta").expect("a device");
    let fault = program(SUM_AND_PRODUCT).module(meta).expect_err("refused");
    assert_eq!(
        fault.to_string(),
        "error[E0513]: cannot run on `meta`, expected `cpu` or `cuda`"
    );
}

#[test]
fn damaged_text_is_refused_with_its_place() {
    let fault = ExportedProgram::from_bytes("bad.mlir", b"func.func @main() {\n  oops\n}".to_vec())
        .expect_err("refused");
    assert!(fault.to_string().contains("--> bad.mlir:2:3"), "{fault}");
}

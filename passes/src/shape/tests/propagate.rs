//! Tests of `propagate`.

use expc_dialects::{Program, text::parse_module};
use melior::ir::operation::OperationLike;

use crate::shape::{
    ShapeEnv, Verdict,
    propagate::{Options, compare, infer_shapes},
};

/// The types after inference, one per line.
fn inferred(text: &str, strip: bool) -> String {
    let context = expc_dialects::context();
    let module = parse_module(&context, text, "test.mlir").unwrap();
    let program = Program::new(&module);
    let env = ShapeEnv::of_program(&program).unwrap();
    infer_shapes(&module, &env, Options { strip }).unwrap();
    assert!(module.as_operation().verify());
    expc_dialects::mlir::print_operation(&module.as_operation(), Default::default())
}

/// Op, verdict and reason of the values that are not as recorded.
fn verdicts(text: &str) -> Vec<(String, Verdict, String)> {
    let context = expc_dialects::context();
    let module = parse_module(&context, text, "test.mlir").unwrap();
    let program = Program::new(&module);
    let env = ShapeEnv::of_program(&program).unwrap();
    let report = compare(&program, &env, Options { strip: true }).unwrap();
    report
        .values
        .into_iter()
        .map(|value| (value.op, value.verdict, value.reason))
        .collect()
}

#[test]
fn types_follow_from_those_of_the_inputs() {
    let text = r#"
        func.func @main(%x: tensor<?x4xf32, {sizes = ["s0", "4"]}>, %w: tensor<5x4xf32>) -> tensor<*xf32> {
          %0 = "aten.linear.default"(%x, %w) : (tensor<?x4xf32, {sizes = ["s0", "4"]}>, tensor<5x4xf32>) -> tensor<*xf32>
          %1 = "aten.t.default"(%0) : (tensor<*xf32>) -> tensor<*xf32>
          func.return %1 : tensor<*xf32>
        }"#;
    let printed = inferred(text, false);
    assert!(
        printed.contains(r#"tensor<?x5xf32, {sizes = ["s0", "5"]}>"#),
        "{printed}"
    );
    assert!(
        printed.contains(r#"tensor<5x?xf32, {sizes = ["5", "s0"], strides = ["1", "5"]}>"#),
        "{printed}"
    );
    assert!(
        printed.contains(r#"-> tensor<5x?xf32, {sizes = ["5", "s0"], strides = ["1", "5"]}> {"#),
        "{printed}"
    );
}

#[test]
fn what_is_not_known_becomes_unshaped_and_inference_goes_on() {
    let text = r#"
        func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
          %0 = "ns.custom.default"(%x) {args = [#aten.operand]} : (tensor<4xf32>) -> tensor<4xf32>
          %1 = "aten.relu.default"(%x) : (tensor<4xf32>) -> tensor<4xf32>
          func.return %0, %1 : tensor<4xf32>, tensor<4xf32>
        }"#;
    let stripped = inferred(text, true);
    assert!(stripped.contains("-> !aten.any"), "{stripped}");
    let kept = inferred(text, false);
    assert!(!kept.contains("!aten.any"), "{kept}");
    let found = verdicts(text);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1, Verdict::Unknown);
}

#[test]
fn a_wrong_record_is_found() {
    let text = r#"
        func.func @main(%x: tensor<4xf32>) -> tensor<3xf32> {
          %0 = "aten.relu.default"(%x) : (tensor<4xf32>) -> tensor<3xf32>
          func.return %0 : tensor<3xf32>
        }"#;
    let found = verdicts(text);
    assert_eq!(found[0].1, Verdict::Contradicts);
    assert_eq!(found[0].2, "sizes [4], recorded as [3]");
}

#[test]
fn symbols_that_data_decide_keep_their_recorded_names() {
    let text = r#"
        func.func @main(%x: tensor<4xf32>) -> tensor<?x1xi64, {sizes = ["u3", "1"], strides = ["1", "u3"]}> {
          %0 = "aten.nonzero.default"(%x) : (tensor<4xf32>) -> tensor<?x1xi64, {sizes = ["u3", "1"], strides = ["1", "u3"]}>
          func.return %0 : tensor<?x1xi64, {sizes = ["u3", "1"], strides = ["1", "u3"]}>
        }"#;
    assert!(verdicts(text).is_empty());
    assert!(inferred(text, true).contains("\"u3\""));
}

#[test]
fn symbolic_scalars_get_their_expressions() {
    let text = r#"
        func.func @main(%x: tensor<?xf32, {sizes = ["s0"]}>) -> i64 {
          %0 = "aten.sym_size.int"(%x) {dim = 0 : i64} : (tensor<?xf32, {sizes = ["s0"]}>) -> i64
          %1 = "sym.mul"(%0) {args = [#aten.operand, 2 : i64]} : (i64) -> i64
          func.return %1 : i64
        }"#;
    let printed = inferred(text, true);
    assert!(printed.contains(r#"aten.sym = ["s0"]"#), "{printed}");
    assert!(printed.contains(r#"aten.sym = ["2*s0"]"#), "{printed}");
}

#[test]
fn graphs_are_inferred_where_they_are_called() {
    let text = r#"
        module {
          func.func @main(%p: tensor<i1>, %x: tensor<4xf32>) -> tensor<*xf32> {
            %0 = "hop.cond"(%p, %x) {args = [#aten.operand, @yes, @no, [#aten.operand]]} : (tensor<i1>, tensor<4xf32>) -> tensor<*xf32>
            func.return %0 : tensor<*xf32>
          }
          func.func private @yes(%x: tensor<*xf32>) -> tensor<*xf32> {
            %0 = "aten.sin.default"(%x) : (tensor<*xf32>) -> tensor<*xf32>
            func.return %0 : tensor<*xf32>
          }
          func.func private @no(%x: tensor<*xf32>) -> tensor<*xf32> {
            %0 = "aten.cos.default"(%x) : (tensor<*xf32>) -> tensor<*xf32>
            func.return %0 : tensor<*xf32>
          }
        }"#;
    let printed = inferred(text, true);
    assert!(!printed.contains("tensor<*xf32>"), "{printed}");
}

#[test]
fn every_core_op_has_a_rule() {
    let core = expc_dialects::table::all().filter(|def| def.is_core());
    let without: Vec<_> = core
        .filter(|def| !crate::shape::has_rule(def.name))
        .map(|def| def.name)
        .collect();
    assert_eq!(without, [""; 0]);
}

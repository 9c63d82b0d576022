// RUN: expc opt %s --passes=infer_shapes(recorded=forget)

// Types follow from those of the inputs, symbols included.
// CHECK-LABEL: func.func @main
// CHECK: "aten.linear.default"
// CHECK-SAME: -> tensor<?x5xf32, {sizes = ["s0", "5"]}>
// CHECK: "aten.t.default"
// CHECK-SAME: -> tensor<5x?xf32, {sizes = ["5", "s0"], strides = ["1", "5"]}>
func.func @main(%x: tensor<?x4xf32, {sizes = ["s0", "4"]}>, %w: tensor<5x4xf32>) -> !aten.any {
  %0 = "aten.linear.default"(%x, %w) : (tensor<?x4xf32, {sizes = ["s0", "4"]}>, tensor<5x4xf32>) -> !aten.any
  %1 = "aten.t.default"(%0) : (!aten.any) -> !aten.any
  func.return %1 : !aten.any
}

// -----

// A size that data decide is a new symbol, which the module declares with its range.
// CHECK: aten.ranges = {{.}}["u0", 0, none]], aten.symbols = [{integer, name = "u0"}]
// CHECK: "aten.nonzero.default"
// CHECK-SAME: -> tensor<?x1xi64, {sizes = ["u0", "1"]
// CHECK: aten.sym = ["u0"]
// CHECK: aten.sym = ["2*u0"]
func.func @main(%x: tensor<4xf32>) -> i64 {
  %0 = "aten.nonzero.default"(%x) : (tensor<4xf32>) -> !aten.any
  %1 = "aten.sym_size.int"(%0) {dim = 0 : i64} : (!aten.any) -> i64
  %2 = "sym.mul"(%1) {args = [#aten.operand, 2 : i64]} : (i64) -> i64
  func.return %2 : i64
}

// -----

// An op that nothing describes ends inference for its result alone.
// CHECK: "ns.custom.default"
// CHECK-SAME: -> !aten.any
// CHECK: "aten.relu.default"
// CHECK-SAME: -> tensor<4xf32>
func.func @main(%x: tensor<4xf32>) -> (!aten.any, !aten.any) {
  // expected-warning@+1: E0412 the type of result 0 of `ns.custom.default` cannot be inferred
  %0 = "ns.custom.default"(%x) {args = [#aten.operand]} : (tensor<4xf32>) -> !aten.any
  %1 = "aten.relu.default"(%x) : (tensor<4xf32>) -> !aten.any
  func.return %0, %1 : !aten.any, !aten.any
}

// -----

// An op without a rule is run on the meta device where all sizes are numbers.
// CHECK: "aten._fake_quantize_learnable_per_tensor_affine.default"
// CHECK-SAME: -> tensor<2x3xf32>
func.func @main(%x: tensor<2x3xf32>, %s: tensor<1xf32>) -> !aten.any {
  %0 = "aten._fake_quantize_learnable_per_tensor_affine.default"(%x, %s, %s) {quant_max = 7 : i64, quant_min = 0 : i64} : (tensor<2x3xf32>, tensor<1xf32>, tensor<1xf32>) -> !aten.any
  func.return %0 : !aten.any
}

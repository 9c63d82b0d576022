// RUN: expc opt %s --assume "x=f32[2, 3]"

// A program without types gets those that follow from the type of its input.
// CHECK: "aten.relu.default"
// CHECK-SAME: (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: "aten.t.default"
// CHECK-SAME: -> tensor<3x2xf32, {strides = ["1", "3"]}>
func.func @main(%x: tensor<*xf32> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<*xf32> {
  %0 = "aten.relu.default"(%x) : (tensor<*xf32>) -> tensor<*xf32>
  %1 = "aten.t.default"(%0) : (tensor<*xf32>) -> tensor<*xf32>
  func.return %1 : tensor<*xf32>
}

// -----

// Where inference stops is said, and what comes after it stays without a type.
// CHECK: "aten.relu.default"
// CHECK-SAME: (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: "mine.thing.default"
// CHECK-SAME: -> !aten.any
func.func @main(%x: tensor<*xf32> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<*xf32> {
  %0 = "aten.relu.default"(%x) : (tensor<*xf32>) -> tensor<*xf32>
  // expected-warning@+1: E0412 result 0 of `mine.thing.default` cannot be inferred
  %1 = "mine.thing.default"(%0) {args = [#aten.operand]} : (tensor<*xf32>) -> tensor<*xf32>
  // expected-warning@+1: E0412 result 0 of `aten.neg.default` cannot be inferred
  %2 = "aten.neg.default"(%1) : (tensor<*xf32>) -> tensor<*xf32>
  func.return %2 : tensor<*xf32>
}

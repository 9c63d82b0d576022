// RUN: expc opt %s --to core

// What is dropped is an operator of the core; without training a copy is left.
// CHECK-LABEL: func.func @main
// CHECK: %[[DROPPED:[^:]*]]:2 = "aten.native_dropout.default"
// CHECK-NEXT: "aten.clone.default"(%[[DROPPED]]#0)
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "aten.dropout.default"(%x) {p = 5.0e-01 : f64, train = true} : (tensor<3xf32>) -> tensor<3xf32>
  %1 = "aten.dropout.default"(%0) {p = 5.0e-01 : f64, train = false} : (tensor<3xf32>) -> tensor<3xf32>
  return %1 : tensor<3xf32>
}

// -----

// Whole channels are dropped: the noise has one element for each.
// CHECK-LABEL: func.func @main
// CHECK: "aten.empty.memory_format"() {{.*}}size = array<i64: 2, 3, 1>
// CHECK: "aten.bernoulli.p"
// CHECK: "aten.div.Scalar"
// CHECK: "aten.mul.Tensor"
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = "aten.feature_dropout.default"(%x) {p = 5.0e-01 : f64, train = true} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

// The memory for the slopes that are drawn is not filled.
// CHECK-LABEL: func.func @main
// CHECK: %[[NOISE:[^:]*]] = "aten.empty.memory_format"() {{.*}}memory_format = #aten.memory_format<"contiguous_format">
// CHECK: "aten.rrelu_with_noise_functional.default"(%arg0, %[[NOISE]])
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "aten.rrelu.default"(%x) {lower = 0.1 : f64, upper = 0.3 : f64, training = true} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

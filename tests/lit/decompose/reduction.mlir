// RUN: expc opt %s --to core

// The variance without a dimension becomes the form with a correction.
// CHECK-LABEL: func.func @main
// CHECK: %[[VAR:[^ ]*]] = "aten.var.correction"(%{{.*}}) {correction = 1.0
// CHECK-NEXT: %[[STD:[^ ]*]] = "aten.sqrt.default"(%[[VAR]])
// CHECK-NEXT: return %[[STD]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<f32> {
  %0 = "aten.std.default"(%x) : (tensor<3x4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// All is not any of the negation, in the dtype of old masks.
// CHECK-LABEL: func.func @main
// CHECK: "aten.logical_not.default"
// CHECK-NEXT: "aten.any.dim"(%{{.*}}) {dim = 1 : i64
// CHECK-NEXT: "aten.logical_not.default"
// CHECK-NEXT: "aten._to_copy.default"(%{{.*}}) {dtype = ui8
func.func @main(%x: tensor<3x4xui8>) -> tensor<3xui8> {
  %0 = "aten.all.dim"(%x) {dim = 1 : i64} : (tensor<3x4xui8>) -> tensor<3xui8>
  return %0 : tensor<3xui8>
}

// -----

// The largest element is taken off before the exponential, so that nothing overflows.
// CHECK-LABEL: func.func @main
// CHECK: %[[MAX:[^ ]*]] = "aten.amax.default"
// CHECK: %[[FINITE:[^ ]*]] = "aten.where.self"
// CHECK: "aten.sub.Tensor"(%{{.*}}, %[[FINITE]])
// CHECK: "aten.exp.default"
// CHECK: "aten.sum.dim_IntList"
// CHECK: "aten.log.default"
func.func @main(%x: tensor<3x4xf32>) -> tensor<3xf32> {
  %0 = "aten.logsumexp.default"(%x) {dim = array<i64: 1>} : (tensor<3x4xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// A softmax in another dtype casts first.
// CHECK-LABEL: func.func @main
// CHECK: %[[WIDE:[^ ]*]] = "aten._to_copy.default"(%{{.*}}) {dtype = f64
// CHECK-NEXT: "aten._softmax.default"(%[[WIDE]]) {dim = 1 : i64, half_to_float = false}
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xf64> {
  %0 = "aten.softmax.int"(%x) {dim = 1 : i64, dtype = f64} : (tensor<3x4xf32>) -> tensor<3x4xf64>
  return %0 : tensor<3x4xf64>
}

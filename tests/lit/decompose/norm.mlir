// RUN: expc opt %s --to core

// With running statistics that stay as they are.
// CHECK-LABEL: func.func @main
// CHECK: %[[RESULT:[^:]*]]:3 = "aten._native_batch_norm_legit_no_training.default"
// CHECK-NEXT: return %[[RESULT]]#0
func.func @main(%x: tensor<2x3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>) -> tensor<2x3xf32> {
  %0 = "aten.batch_norm.default"(%x, %m, %v) {weight = none, bias = none, training = false, momentum = 1.0e-01 : f64, eps = 1.0e-05 : f64, cudnn_enabled = true, operandSegmentSizes = array<i32: 1, 0, 0, 1, 1>} : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// Without an epsilon that of the dtype is added.
// CHECK-LABEL: func.func @main
// CHECK: "aten.pow.Tensor_Scalar"
// CHECK-NEXT: "aten.mean.dim"(%{{.*}}) {dim = array<i64: 1>, keepdim = true
// CHECK-NEXT: "aten.add.Scalar"(%{{.*}}) {other = 1.1920928955078125E-7
// CHECK-NEXT: "aten.rsqrt.default"
// CHECK-NEXT: "aten.mul.Tensor"
// CHECK-NEXT: return
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "aten.rms_norm.default"(%x) {normalized_shape = array<i64: 3>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// The norm of layers is an operator of the core; what is not row-major is left as it is.
// CHECK-LABEL: func.func @main
// CHECK: %[[RESULT:[^:]*]]:3 = "aten.native_layer_norm.default"
// CHECK-NEXT: return %[[RESULT]]#0
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "aten.layer_norm.default"(%x) {normalized_shape = array<i64: 3>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// A weight as its direction scaled by its magnitude; the norm is over all dimensions but the first.
// CHECK-LABEL: func.func @main
// CHECK: %[[NORM:[^ ]*]] = "aten.linalg_vector_norm.default"(%[[V:[^)]*]]) {dim = array<i64: 1, 2>, keepdim = true
// CHECK-NEXT: %[[SCALE:[^ ]*]] = "aten.div.Tensor"(%{{.*}}, %[[NORM]])
// CHECK-NEXT: %[[WEIGHT:[^ ]*]] = "aten.mul.Tensor"(%[[V]], %[[SCALE]])
// CHECK-NEXT: return %[[WEIGHT]]
func.func @main(%v: tensor<4x3x2xf32>, %g: tensor<4x1x1xf32>) -> tensor<4x3x2xf32> {
  %0 = "aten._weight_norm.default"(%v, %g) : (tensor<4x3x2xf32>, tensor<4x1x1xf32>) -> tensor<4x3x2xf32>
  return %0 : tensor<4x3x2xf32>
}

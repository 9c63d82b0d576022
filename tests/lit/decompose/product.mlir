// RUN: expc opt %s --to core

// A contraction over all dimensions is a dot.
// CHECK-LABEL: func.func @main
// CHECK: "aten.permute.default"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.mul.Tensor"
// CHECK-NEXT: "aten.sum.dim_IntList"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<3x4xf32>, %y: tensor<3x4xf32>) -> tensor<f32> {
  %0 = "aten.tensordot.default"(%x, %y) {dims_self = array<i64: 0, 1>, dims_other = array<i64: 0, 1>} : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// What meets a size of one is summed before.
// CHECK-LABEL: func.func @main
// CHECK: "aten.sum.dim_IntList"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.mm.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<2x3x4xf32>, %y: tensor<4x1x5xf32>) -> tensor<3x5xf32> {
  %0 = "aten.tensordot.default"(%x, %y) {dims_self = array<i64: 0, 2>, dims_other = array<i64: 1, 0>} : (tensor<2x3x4xf32>, tensor<4x1x5xf32>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}

// -----

// The cheaper order is taken: the last two factors first.
// CHECK-LABEL: func.func @main
// CHECK: %[[RIGHT:[^ ]*]] = "aten.mm.default"(%arg1, %arg2)
// CHECK-NEXT: "aten.mm.default"(%arg0, %[[RIGHT]])
func.func @main(%arg0: tensor<3x40xf32>, %arg1: tensor<40x5xf32>, %arg2: tensor<5x1xf32>) -> tensor<3x1xf32> {
  %0 = "aten.linalg_multi_dot.default"(%arg0, %arg1, %arg2) {operandSegmentSizes = array<i32: 3>} : (tensor<3x40xf32>, tensor<40x5xf32>, tensor<5x1xf32>) -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}

// -----

// The fifth power is the fourth times the matrix.
// CHECK-LABEL: func.func @main
// CHECK: "aten.mm.default"
// CHECK-NEXT: "aten.mm.default"
// CHECK-NEXT: "aten.mm.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<3x3xf32>) -> tensor<3x3xf32> {
  %0 = "aten.linalg_matrix_power.default"(%x) {n = 5 : i64} : (tensor<3x3xf32>) -> tensor<3x3xf32>
  return %0 : tensor<3x3xf32>
}

// -----

// A negative power is one of the inverse.
// CHECK-LABEL: func.func @main
// CHECK: "aten.linalg_inv_ex.default"
// CHECK-NEXT: "aten.mm.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<3x3xf32>) -> tensor<3x3xf32> {
  %0 = "aten.linalg_matrix_power.default"(%x) {n = -2 : i64} : (tensor<3x3xf32>) -> tensor<3x3xf32>
  return %0 : tensor<3x3xf32>
}

// -----

// A diagonal and a sum over it.
// CHECK-LABEL: func.func @main
// CHECK: "aten.diagonal.default"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: "aten.sum.dim_IntList"
// CHECK-NEXT: return
func.func @main(%x: tensor<3x3xf32>) -> tensor<f32> {
  %0 = "aten.einsum.default"(%x) {equation = "ii", operandSegmentSizes = array<i32: 0, 1>} : (tensor<3x3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// An outer product needs no product of matrices.
// CHECK-LABEL: func.func @main
// CHECK: "aten.unsqueeze.default"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: "aten.unsqueeze.default"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: "aten.mul.Tensor"
// CHECK-NEXT: return
func.func @main(%x: tensor<2xf32>, %y: tensor<3xf32>) -> tensor<2x3xf32> {
  %0 = "aten.einsum.default"(%x, %y) {equation = "i,j->ij", operandSegmentSizes = array<i32: 0, 2>} : (tensor<2xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

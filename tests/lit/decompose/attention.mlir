// RUN: expc opt %s --to core

// What torch's flash kernel takes has its strides: rows before heads.
// CHECK-LABEL: func.func @main
// CHECK: "aten.mul.Scalar"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: "aten.mul.Scalar"
// CHECK-NEXT: "aten.expand.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.expand.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.bmm.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten._softmax.default"
// CHECK-NEXT: "aten.eq.Scalar"
// CHECK-NEXT: "aten.logical_not.default"
// CHECK-NEXT: "aten.any.dim"
// CHECK-NEXT: "aten.logical_not.default"
// CHECK-NEXT: "aten.full_like.default"
// CHECK-NEXT: "aten.where.self"
// CHECK-NEXT: "aten.expand.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.expand.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.bmm.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: "aten.clone.default"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: return
func.func @main(%q: tensor<2x4x6x8xf32>, %k: tensor<2x4x6x8xf32>, %v: tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32, {strides = ["192", "8", "32", "1"]}> {
  %0 = "aten.scaled_dot_product_attention.default"(%q, %k, %v) {operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32, {strides = ["192", "8", "32", "1"]}>
  return %0 : tensor<2x4x6x8xf32, {strides = ["192", "8", "32", "1"]}>
}

// -----

// Values wider than the keys are nothing for the flash kernel.
// CHECK-LABEL: func.func @main
// CHECK: "aten.mul.Scalar"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: "aten.mul.Scalar"
// CHECK-NEXT: "aten.expand.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.expand.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.bmm.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten._softmax.default"
// CHECK-NEXT: "aten.eq.Scalar"
// CHECK-NEXT: "aten.logical_not.default"
// CHECK-NEXT: "aten.any.dim"
// CHECK-NEXT: "aten.logical_not.default"
// CHECK-NEXT: "aten.full_like.default"
// CHECK-NEXT: "aten.where.self"
// CHECK-NEXT: "aten.expand.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.expand.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.bmm.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: return
func.func @main(%q: tensor<2x4x6x8xf32>, %k: tensor<2x4x6x8xf32>, %v: tensor<2x4x6x10xf32>) -> tensor<2x4x6x10xf32> {
  %0 = "aten.scaled_dot_product_attention.default"(%q, %k, %v) {operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x10xf32>) -> tensor<2x4x6x10xf32>
  return %0 : tensor<2x4x6x10xf32>
}

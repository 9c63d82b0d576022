// RUN: expc opt %s --to core

// A linear layer of a contiguous input is one product of matrices.
// CHECK-LABEL: func.func @main
// CHECK: "aten.view.default"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: "aten.addmm.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<2x3x4xf32>, %w: tensor<5x4xf32>, %b: tensor<5xf32>) -> tensor<2x3x5xf32> {
  %0 = "aten.linear.default"(%x, %w, %b) {operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<2x3x4xf32>, tensor<5x4xf32>, tensor<5xf32>) -> tensor<2x3x5xf32>
  return %0 : tensor<2x3x5xf32>
}

// -----

// An input whose leading dimensions are no view of one is multiplied matrix by matrix.
// CHECK-LABEL: func.func @main
// CHECK: "aten.permute.default"
// CHECK-NEXT: "aten.expand.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.expand.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.bmm.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.add.Tensor"
// CHECK-NEXT: return
func.func @main(%x: tensor<3x2x4xf32, {strides = ["4", "12", "1"]}>, %w: tensor<5x4xf32>, %b: tensor<5xf32>) -> tensor<3x2x5xf32> {
  %0 = "aten.linear.default"(%x, %w, %b) {operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<3x2x4xf32, {strides = ["4", "12", "1"]}>, tensor<5x4xf32>, tensor<5xf32>) -> tensor<3x2x5xf32>
  return %0 : tensor<3x2x5xf32>
}

// -----

// A matrix that is trained folds the larger factor, even if that needs a copy.
// CHECK-LABEL: func.func @main
// CHECK: "aten.clone.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.mm.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<3x2x4xf32, {strides = ["4", "12", "1"]}>, %w: tensor<4x5xf32, {requires_grad}>) -> tensor<3x2x5xf32> {
  %0 = "aten.matmul.default"(%x, %w) : (tensor<3x2x4xf32, {strides = ["4", "12", "1"]}>, tensor<4x5xf32, {requires_grad}>) -> tensor<3x2x5xf32>
  return %0 : tensor<3x2x5xf32>
}

// -----

// Two vectors.
// CHECK-LABEL: func.func @main
// CHECK: "aten.mul.Tensor"
// CHECK-NEXT: "aten.sum.dim_IntList"
// CHECK-NEXT: return
func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<f32> {
  %0 = "aten.matmul.default"(%x, %y) : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// A matrix and a vector, whose integers stay what they are.
// CHECK-LABEL: func.func @main
// CHECK: "aten.mul.Tensor"
// CHECK-NEXT: "aten.sum.dim_IntList"
// CHECK-NEXT: "aten._to_copy.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<3x4xi32>, %y: tensor<4xi32>) -> tensor<3xi32> {
  %0 = "aten.mv.default"(%x, %y) : (tensor<3x4xi32>, tensor<4xi32>) -> tensor<3xi32>
  return %0 : tensor<3xi32>
}

// -----

// A product of matrices is core itself.
// CHECK-LABEL: func.func @main
// CHECK: "aten.mm.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<3x4xf32>, %y: tensor<4x5xf32>) -> tensor<3x5xf32> {
  %0 = "aten.mm.default"(%x, %y) : (tensor<3x4xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}

// -----

// Half precision is added in single precision.
// CHECK-LABEL: func.func @main
// CHECK: "aten._to_copy.default"
// CHECK-NEXT: "aten._to_copy.default"
// CHECK-NEXT: "aten._to_copy.default"
// CHECK-NEXT: "aten.bmm.default"
// CHECK-NEXT: "aten.add.Tensor"
// CHECK-NEXT: "aten._to_copy.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<2x3x5xbf16>, %y: tensor<2x3x4xbf16>, %z: tensor<2x4x5xbf16>) -> tensor<2x3x5xbf16> {
  %0 = "aten.baddbmm.default"(%x, %y, %z) : (tensor<2x3x5xbf16>, tensor<2x3x4xbf16>, tensor<2x4x5xbf16>) -> tensor<2x3x5xbf16>
  return %0 : tensor<2x3x5xbf16>
}

// -----

// No input where beta is 0: what is not a number in it must not show.
// CHECK-LABEL: func.func @main
// CHECK: "aten.view.default"
// CHECK-NEXT: "aten.mul.Tensor"
// CHECK-NEXT: "aten.mul.Tensor"
// CHECK-NEXT: return
func.func @main(%x: tensor<3x4xf32>, %y: tensor<3xf32>, %z: tensor<4xf32>) -> tensor<3x4xf32> {
  %0 = "aten.addr.default"(%x, %y, %z) {beta = 0 : i64} : (tensor<3x4xf32>, tensor<3xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// Sizes that are not known are read from the input.
// CHECK-LABEL: func.func @main
// CHECK: "aten.sym_size.int"
// CHECK-NEXT: "sym.mul"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: "aten.addmm.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<?x3x4xf32, {sizes = ["s0", "3", "4"]}>, %w: tensor<5x4xf32>, %b: tensor<5xf32>) -> tensor<?x3x5xf32, {sizes = ["s0", "3", "5"]}> {
  %0 = "aten.linear.default"(%x, %w, %b) {operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<?x3x4xf32, {sizes = ["s0", "3", "4"]}>, tensor<5x4xf32>, tensor<5xf32>) -> tensor<?x3x5xf32, {sizes = ["s0", "3", "5"]}>
  return %0 : tensor<?x3x5xf32, {sizes = ["s0", "3", "5"]}>
}

// RUN: expc opt %s --to core

// The inverse is that of the op that also says whether there is one.
// CHECK-LABEL: func.func @main
// CHECK: "aten.linalg_inv_ex.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<3x3xf32>) -> tensor<3x3xf32, {strides = ["1", "3"]}> {
  %0 = "aten.linalg_inv.default"(%x) : (tensor<3x3xf32>) -> tensor<3x3xf32, {strides = ["1", "3"]}>
  return %0 : tensor<3x3xf32, {strides = ["1", "3"]}>
}

// -----

// The norm of rows is summed before the largest is taken.
// CHECK-LABEL: func.func @main
// CHECK: "aten.linalg_vector_norm.default"
// CHECK-NEXT: "aten.amax.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2xf32> {
  %0 = "aten.linalg_matrix_norm.default"(%x) {ord = 1.0 : f64} : (tensor<2x3x4xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// Singular values decide the rank.
// CHECK-LABEL: func.func @main
// CHECK: "aten.full.default"
// CHECK-NEXT: "aten.full.default"
// CHECK-NEXT: "aten._linalg_svd.default"
// CHECK-NEXT: "aten.slice.Tensor"
// CHECK-NEXT: "aten.unsqueeze.default"
// CHECK-NEXT: "aten.mul.Tensor"
// CHECK-NEXT: "aten.unsqueeze.default"
// CHECK-NEXT: "aten.maximum.default"
// CHECK-NEXT: "aten.gt.Tensor"
// CHECK-NEXT: "aten.sum.dim_IntList"
// CHECK-NEXT: return
func.func @main(%x: tensor<3x4xf32>) -> tensor<i64> {
  %0 = "aten.linalg_matrix_rank.atol_rtol_tensor"(%x) {operandSegmentSizes = array<i32: 1>} : (tensor<3x4xf32>) -> tensor<i64>
  return %0 : tensor<i64>
}

// -----

// The transform of real numbers, cut to a smaller size.
// CHECK-LABEL: func.func @main
// CHECK: "aten._to_copy.default"
// CHECK-NEXT: "aten.slice.Tensor"
// CHECK-NEXT: "aten._fft_r2c.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<3x4xi64>) -> tensor<3x2xcomplex<f32>> {
  %0 = "aten.fft_fft.default"(%x) {n = 2 : i64} : (tensor<3x4xi64>) -> tensor<3x2xcomplex<f32>>
  return %0 : tensor<3x2xcomplex<f32>>
}

// -----

// A transform over many dimensions is one of complex numbers.
// CHECK-LABEL: func.func @main
// CHECK: "aten._to_copy.default"
// CHECK-NEXT: "aten._fft_c2c.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xcomplex<f32>> {
  %0 = "aten.fft_fftn.default"(%x) : (tensor<2x3x4xf32>) -> tensor<2x3x4xcomplex<f32>>
  return %0 : tensor<2x3x4xcomplex<f32>>
}

// -----

// The distances of few points are computed one by one.
// CHECK-LABEL: func.func @main
// CHECK: "aten._cdist_forward.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<4x3xf32>, %y: tensor<5x3xf32>) -> tensor<4x5xf32> {
  %0 = "aten.cdist.default"(%x, %y) : (tensor<4x3xf32>, tensor<5x3xf32>) -> tensor<4x5xf32>
  return %0 : tensor<4x5xf32>
}

// -----

// Those of many points come from one product.
// CHECK-LABEL: func.func @main
// CHECK: "aten.pow.Tensor_Scalar"
// CHECK-NEXT: "aten.sum.dim_IntList"
// CHECK-NEXT: "aten.full_like.default"
// CHECK-NEXT: "aten.pow.Tensor_Scalar"
// CHECK-NEXT: "aten.sum.dim_IntList"
// CHECK-NEXT: "aten.full_like.default"
// CHECK-NEXT: "aten.mul.Tensor"
// CHECK-NEXT: "aten.cat.default"
// CHECK-NEXT: "aten.cat.default"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: "aten.mm.default"
// CHECK-NEXT: "aten.clamp.default"
// CHECK-NEXT: "aten.sqrt.default"
// CHECK-NEXT: "aten.view.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<40x3xf32>, %y: tensor<50x3xf32>) -> tensor<40x50xf32> {
  %0 = "aten.cdist.default"(%x, %y) : (tensor<40x3xf32>, tensor<50x3xf32>) -> tensor<40x50xf32>
  return %0 : tensor<40x50xf32>
}

// -----

// Many points of which the number is a symbol.
// CHECK-LABEL: func.func @main
// CHECK-NOT: "aten.cdist.default"
// CHECK: "aten.mm.default"
// CHECK: "aten.sqrt.default"
module attributes {aten.symbols = [{hint = 40 : i64, integer, name = "s0", positive}], aten.ranges = [["s0", 30, none]]} {
  func.func @main(%x: tensor<?x3xf32, {sizes = ["s0", "3"]}>, %y: tensor<50x3xf32>) -> tensor<?x50xf32, {sizes = ["s0", "50"]}> {
    %0 = "aten.cdist.default"(%x, %y) : (tensor<?x3xf32, {sizes = ["s0", "3"]}>, tensor<50x3xf32>) -> tensor<?x50xf32, {sizes = ["s0", "50"]}>
    return %0 : tensor<?x50xf32, {sizes = ["s0", "50"]}>
  }
}

// -----

// An axis whose size is a symbol is padded by a number that is a symbol.
// CHECK-LABEL: func.func @main
// CHECK: %[[PADDED:[^ ]*]] = "aten.constant_pad_nd.default"
// CHECK-NEXT: "aten._fft_r2c.default"(%[[PADDED]]) {dim = array<i64: 1>
module attributes {aten.symbols = [{hint = 8 : i64, integer, name = "s0", positive}], aten.ranges = [["s0", 2, none]]} {
  func.func @main(%x: tensor<3x?xf32, {sizes = ["3", "s0"]}>) -> tensor<3x?xcomplex<f32>, {sizes = ["3", "s0 + 1"]}> {
    %0 = "aten.sym_size.int"(%x) {aten.sym = ["s0"], dim = 1 : i64} : (tensor<3x?xf32, {sizes = ["3", "s0"]}>) -> i64
    %1 = "sym.mul"(%0) {args = [#aten.operand, 2 : i64], aten.sym = ["2*s0"]} : (i64) -> i64
    %2 = "aten.fft_rfft.default"(%x, %1) {operandSegmentSizes = array<i32: 1, 1>} : (tensor<3x?xf32, {sizes = ["3", "s0"]}>, i64) -> tensor<3x?xcomplex<f32>, {sizes = ["3", "s0 + 1"]}>
    return %2 : tensor<3x?xcomplex<f32>, {sizes = ["3", "s0 + 1"]}>
  }
}

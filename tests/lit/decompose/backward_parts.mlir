// RUN: expc run %s --level exported -o %t.npz
// RUN: expc run %s --level core --expected %t.npz
// RUN: expc opt %s --to core

// Gradients of padding, running products and extremes, grids: taken apart they are what libtorch's own kernels give,
// within the defaults of `torch.testing.assert_close`, and none of the operators is left.
// CHECK-NOT: _backward
func.func @main() -> (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x2x2xf32>, tensor<2x12xf32>, tensor<2x12xf32>, tensor<2x3x4xf32>, tensor<2x2x3xf32, {strides = ["6", "1", "2"]}>) {
  %g0 = "aten.linspace.default"() {start = -1.87 : f64, end = 6.29 : f64, steps = 42 : i64, dtype = f32} : () -> tensor<42xf32>
  %g1 = "aten.sin.default"(%g0) : (tensor<42xf32>) -> tensor<42xf32>
  %g = "aten.view.default"(%g1) {size = array<i64: 2, 3, 7>} : (tensor<42xf32>) -> tensor<2x3x7xf32>
  %x0 = "aten.linspace.default"() {start = -1.74 : f64, end = 5.58 : f64, steps = 24 : i64, dtype = f32} : () -> tensor<24xf32>
  %x1 = "aten.cos.default"(%x0) : (tensor<24xf32>) -> tensor<24xf32>
  %x = "aten.view.default"(%x1) {size = array<i64: 2, 3, 4>} : (tensor<24xf32>) -> tensor<2x3x4xf32>
  %i = "aten.view.default"(%x1) {size = array<i64: 2, 3, 2, 2>} : (tensor<24xf32>) -> tensor<2x3x2x2xf32>
  %k0 = "aten.linspace.default"() {start = -1.0 : f64, end = 9.0 : f64, steps = 72 : i64, dtype = f32} : () -> tensor<72xf32>
  %k = "aten.view.default"(%k0) {size = array<i64: 2, 3, 4, 3>} : (tensor<72xf32>) -> tensor<2x3x4x3xf32>
  %r = "aten.view.default"(%x1) {size = array<i64: 2, 12>} : (tensor<24xf32>) -> tensor<2x12xf32>
  %s0 = "aten.slice.Tensor"(%g1) {dim = 0 : i64, start = 0 : i64, end = 24 : i64} : (tensor<42xf32>) -> tensor<24xf32>
  %s = "aten.view.default"(%s0) {size = array<i64: 2, 12>} : (tensor<24xf32>) -> tensor<2x12xf32>
  %t = "aten.view.default"(%s0) {size = array<i64: 2, 3, 2, 2>} : (tensor<24xf32>) -> tensor<2x3x2x2xf32>
  %p = "aten.cumprod.default"(%r) {dim = 1 : i64} : (tensor<2x12xf32>) -> tensor<2x12xf32>
  %m:2 = "aten.cummax.default"(%r) {dim = 1 : i64} : (tensor<2x12xf32>) -> (tensor<2x12xf32>, tensor<2x12xi64>)
  %u = "aten.view.default"(%s0) {size = array<i64: 2, 3, 4>} : (tensor<24xf32>) -> tensor<2x3x4xf32>
  %0 = "aten.reflection_pad1d_backward.default"(%g, %x) {padding = array<i64: 1, 2>} : (tensor<2x3x7xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %1 = "aten.reflection_pad1d_backward.default"(%g, %x) {padding = array<i64: 3, 0>} : (tensor<2x3x7xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %2 = "aten.reflection_pad2d_backward.default"(%k, %i) {padding = array<i64: 0, 1, 1, 1>} : (tensor<2x3x4x3xf32>, tensor<2x3x2x2xf32>) -> tensor<2x3x2x2xf32>
  %3 = "aten.cumprod_backward.default"(%s, %r, %p) {dim = 1 : i64} : (tensor<2x12xf32>, tensor<2x12xf32>, tensor<2x12xf32>) -> tensor<2x12xf32>
  %4 = "aten.cummaxmin_backward.default"(%s, %r, %m#1) {dim = 1 : i64} : (tensor<2x12xf32>, tensor<2x12xf32>, tensor<2x12xi64>) -> tensor<2x12xf32>
  %5 = "aten.infinitely_differentiable_gelu_backward.default"(%u, %x) : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %6 = "aten.affine_grid_generator_backward.default"(%t) {size = array<i64: 2, 5, 3, 2>, align_corners = false} : (tensor<2x3x2x2xf32>) -> tensor<2x2x3xf32, {strides = ["6", "1", "2"]}>
  return %0, %1, %2, %3, %4, %5, %6 : tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x2x2xf32>, tensor<2x12xf32>, tensor<2x12xf32>, tensor<2x3x4xf32>, tensor<2x2x3xf32, {strides = ["6", "1", "2"]}>
}

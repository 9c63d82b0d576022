// RUN: expc opt %s --to core --decompose aten.upsample_nearest2d.vec
// RUN: expc opt %s --to core --check-prefix=KEPT

// An op that PyTorch's table keeps is taken apart where that is asked for and there is a rule.
// CHECK-NOT: upsample
// CHECK: "aten.index.Tensor"
// KEPT: "aten.upsample_nearest2d.vec"
func.func @main(%x: tensor<1x2x3x3xf32>) -> tensor<1x2x6x6xf32> {
  %0 = "aten.upsample_nearest2d.vec"(%x) {output_size = none, scale_factors = array<f64: 2.0, 2.0>} : (tensor<1x2x3x3xf32>) -> tensor<1x2x6x6xf32>
  return %0 : tensor<1x2x6x6xf32>
}

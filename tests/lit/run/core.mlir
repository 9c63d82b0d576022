// RUN: expc run %s

// Core ops that no program of the corpora calls, against what PyTorch computes.

// The gradient of an adaptive mean is spread over the window.
// CHECK{LITERAL}: output[0]: float32[1, 1, 4, 2] = [0.5000, 1.0000, 0.5000, 1.0000, 1.5000, 2.0000, ...]
func.func @main() -> tensor<1x1x4x2xf32> {
  %a0 = "aten.arange.default"() {dtype = f32, end = 4 : i64} : () -> tensor<4xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 1, 1, 2, 2>} : (tensor<4xf32>) -> tensor<1x1x2x2xf32>
  %a1 = "aten.arange.default"() {dtype = f32, end = 8 : i64} : () -> tensor<8xf32>
  %m1 = "aten.mul.Scalar"(%a1) {other = 1.0 : f64} : (tensor<8xf32>) -> tensor<8xf32>
  %s1 = "aten.add.Scalar"(%m1) {other = 0.0 : f64} : (tensor<8xf32>) -> tensor<8xf32>
  %v1 = "aten.view.default"(%s1) {size = array<i64: 1, 1, 4, 2>} : (tensor<8xf32>) -> tensor<1x1x4x2xf32>
  %r = "aten._adaptive_avg_pool2d_backward.default"(%v0, %v1) {} : (tensor<1x1x2x2xf32>, tensor<1x1x4x2xf32>) -> tensor<1x1x4x2xf32>
  func.return %r : tensor<1x1x4x2xf32>
}

// -----

// So is that of a mean over windows.
// CHECK{LITERAL}: output[0]: float32[1, 1, 4, 4] = [0.2500, 0.2500, 0.5000, 0.5000, 0.2500, 0.2500, ...]
func.func @main() -> tensor<1x1x4x4xf32> {
  %a0 = "aten.arange.default"() {dtype = f32, end = 4 : i64} : () -> tensor<4xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 1, 1, 2, 2>} : (tensor<4xf32>) -> tensor<1x1x2x2xf32>
  %a1 = "aten.arange.default"() {dtype = f32, end = 16 : i64} : () -> tensor<16xf32>
  %m1 = "aten.mul.Scalar"(%a1) {other = 1.0 : f64} : (tensor<16xf32>) -> tensor<16xf32>
  %s1 = "aten.add.Scalar"(%m1) {other = 0.0 : f64} : (tensor<16xf32>) -> tensor<16xf32>
  %v1 = "aten.view.default"(%s1) {size = array<i64: 1, 1, 4, 4>} : (tensor<16xf32>) -> tensor<1x1x4x4xf32>
  %r = "aten.avg_pool2d_backward.default"(%v0, %v1) {ceil_mode = false, count_include_pad = true, divisor_override = none, kernel_size = array<i64: 2, 2>, padding = array<i64: 0, 0>, stride = array<i64: 2, 2>} : (tensor<1x1x2x2xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  func.return %r : tensor<1x1x4x4xf32>
}

// -----

// Numbers on the right of bits.
// CHECK{LITERAL}: output[0]: int64[4] = [5, 5, 7, 7]
func.func @main() -> tensor<4xi64> {
  %a0 = "aten.arange.default"() {dtype = i64, end = 4 : i64} : () -> tensor<4xi64>
  %v0 = "aten.view.default"(%a0) {size = array<i64: 4>} : (tensor<4xi64>) -> tensor<4xi64>
  %r = "aten.bitwise_or.Scalar"(%v0) {other = 5 : i64} : (tensor<4xi64>) -> tensor<4xi64>
  func.return %r : tensor<4xi64>
}

// -----

// Numbers on the right of bits that must differ.
// CHECK{LITERAL}: output[0]: int64[4] = [5, 4, 7, 6]
func.func @main() -> tensor<4xi64> {
  %a0 = "aten.arange.default"() {dtype = i64, end = 4 : i64} : () -> tensor<4xi64>
  %v0 = "aten.view.default"(%a0) {size = array<i64: 4>} : (tensor<4xi64>) -> tensor<4xi64>
  %r = "aten.bitwise_xor.Scalar"(%v0) {other = 5 : i64} : (tensor<4xi64>) -> tensor<4xi64>
  func.return %r : tensor<4xi64>
}

// -----

// A quotient rounded down.
// CHECK{LITERAL}: output[0]: float32[5] = [-1.0000, -1.0000, 0.0000, 0.0000, 1.0000]
func.func @main() -> tensor<5xf32> {
  %a0 = "aten.arange.default"() {dtype = f32, end = 5 : i64} : () -> tensor<5xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<5xf32>) -> tensor<5xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = -2.0 : f64} : (tensor<5xf32>) -> tensor<5xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 5>} : (tensor<5xf32>) -> tensor<5xf32>
  %r = "aten.div.Scalar_mode"(%v0) {other = 2 : i64, rounding_mode = "floor"} : (tensor<5xf32>) -> tensor<5xf32>
  func.return %r : tensor<5xf32>
}

// -----

// Gradients of a convolution: of the input, the weight and the bias.
// CHECK{LITERAL}: output[0]: float32[1, 1, 3, 3] = [0.0000, 0.5000, 1.0000, 1.0000, 5.0000, 5.0000, ...]
// CHECK{LITERAL}: output[1]: float32[1, 1, 2, 2] = [27.0000, 37.0000, 57.0000, 67.0000]
// CHECK{LITERAL}: output[2]: float32[1] = [10.0000]
func.func @main() -> (tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32>, tensor<1xf32>) {
  %a0 = "aten.arange.default"() {dtype = f32, end = 4 : i64} : () -> tensor<4xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 1, 1, 2, 2>} : (tensor<4xf32>) -> tensor<1x1x2x2xf32>
  %a1 = "aten.arange.default"() {dtype = f32, end = 9 : i64} : () -> tensor<9xf32>
  %m1 = "aten.mul.Scalar"(%a1) {other = 1.0 : f64} : (tensor<9xf32>) -> tensor<9xf32>
  %s1 = "aten.add.Scalar"(%m1) {other = 0.0 : f64} : (tensor<9xf32>) -> tensor<9xf32>
  %v1 = "aten.view.default"(%s1) {size = array<i64: 1, 1, 3, 3>} : (tensor<9xf32>) -> tensor<1x1x3x3xf32>
  %a2 = "aten.arange.default"() {dtype = f32, end = 4 : i64} : () -> tensor<4xf32>
  %m2 = "aten.mul.Scalar"(%a2) {other = 0.5 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %s2 = "aten.add.Scalar"(%m2) {other = 0.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %v2 = "aten.view.default"(%s2) {size = array<i64: 1, 1, 2, 2>} : (tensor<4xf32>) -> tensor<1x1x2x2xf32>
  %r:3 = "aten.convolution_backward.default"(%v0, %v1, %v2) {bias_sizes = array<i64: 1>, dilation = array<i64: 1, 1>, groups = 1 : i64, output_mask = array<i1: true, true, true>, output_padding = array<i64: 0, 0>, padding = array<i64: 0, 0>, stride = array<i64: 1, 1>, transposed = false} : (tensor<1x1x2x2xf32>, tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32>) -> (tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32>, tensor<1xf32>)
  func.return %r#0, %r#1, %r#2 : tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32>, tensor<1xf32>
}

// -----

// Rows of gradients are added up for each index.
// CHECK{LITERAL}: output[0]: float32[4, 2] = [0.0000, 1.0000, 0.0000, 0.0000, 4.0000, 5.0000, ...]
func.func @main() -> tensor<4x2xf32> {
  %a0 = "aten.arange.default"() {dtype = f32, end = 6 : i64} : () -> tensor<6xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<6xf32>) -> tensor<6xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 0.0 : f64} : (tensor<6xf32>) -> tensor<6xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 3, 2>} : (tensor<6xf32>) -> tensor<3x2xf32>
  %a1 = "aten.arange.default"() {dtype = i64, end = 3 : i64} : () -> tensor<3xi64>
  %v1 = "aten.view.default"(%a1) {size = array<i64: 3>} : (tensor<3xi64>) -> tensor<3xi64>
  %r = "aten.embedding_dense_backward.default"(%v0, %v1) {num_weights = 4 : i64, padding_idx = 1 : i64, scale_grad_by_freq = false} : (tensor<3x2xf32>, tensor<3xi64>) -> tensor<4x2xf32>
  func.return %r : tensor<4x2xf32>
}

// -----

// Gradients of a normalization over groups.
// CHECK{LITERAL}: output[0]: float32[1, 2, 2] = [2.8750, -1.3750, 0.3750, -1.8750]
// CHECK{LITERAL}: output[1]: float32[2] = [-2.5000, 7.5000]
// CHECK{LITERAL}: output[2]: float32[2] = [3.0000, 7.0000]
func.func @main() -> (tensor<1x2x2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %a0 = "aten.arange.default"() {dtype = f32, end = 4 : i64} : () -> tensor<4xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 1, 2, 2>} : (tensor<4xf32>) -> tensor<1x2x2xf32>
  %a1 = "aten.arange.default"() {dtype = f32, end = 4 : i64} : () -> tensor<4xf32>
  %m1 = "aten.mul.Scalar"(%a1) {other = 0.5 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %s1 = "aten.add.Scalar"(%m1) {other = 0.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %v1 = "aten.view.default"(%s1) {size = array<i64: 1, 2, 2>} : (tensor<4xf32>) -> tensor<1x2x2xf32>
  %a2 = "aten.arange.default"() {dtype = f32, end = 1 : i64} : () -> tensor<1xf32>
  %m2 = "aten.mul.Scalar"(%a2) {other = 1.0 : f64} : (tensor<1xf32>) -> tensor<1xf32>
  %s2 = "aten.add.Scalar"(%m2) {other = 0.75 : f64} : (tensor<1xf32>) -> tensor<1xf32>
  %v2 = "aten.view.default"(%s2) {size = array<i64: 1, 1>} : (tensor<1xf32>) -> tensor<1x1xf32>
  %a3 = "aten.arange.default"() {dtype = f32, end = 1 : i64} : () -> tensor<1xf32>
  %m3 = "aten.mul.Scalar"(%a3) {other = 1.0 : f64} : (tensor<1xf32>) -> tensor<1xf32>
  %s3 = "aten.add.Scalar"(%m3) {other = 2.0 : f64} : (tensor<1xf32>) -> tensor<1xf32>
  %v3 = "aten.view.default"(%s3) {size = array<i64: 1, 1>} : (tensor<1xf32>) -> tensor<1x1xf32>
  %a4 = "aten.arange.default"() {dtype = f32, end = 2 : i64} : () -> tensor<2xf32>
  %m4 = "aten.mul.Scalar"(%a4) {other = 1.0 : f64} : (tensor<2xf32>) -> tensor<2xf32>
  %s4 = "aten.add.Scalar"(%m4) {other = 1.0 : f64} : (tensor<2xf32>) -> tensor<2xf32>
  %v4 = "aten.view.default"(%s4) {size = array<i64: 2>} : (tensor<2xf32>) -> tensor<2xf32>
  %r:3 = "aten.native_group_norm_backward.default"(%v0, %v1, %v2, %v3, %v4) {C = 2 : i64, HxW = 2 : i64, N = 1 : i64, group = 1 : i64, output_mask = array<i1: true, true, true>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1x1xf32>, tensor<1x1xf32>, tensor<2xf32>) -> (tensor<1x2x2xf32>, tensor<2xf32>, tensor<2xf32>)
  func.return %r#0, %r#1, %r#2 : tensor<1x2x2xf32>, tensor<2xf32>, tensor<2xf32>
}

// -----

// Gradients of a normalization over the last dimension.
// CHECK{LITERAL}: output[0]: float32[2, 2] = [-1.4062, 1.4062, -3.7500, 3.7500]
// CHECK{LITERAL}: output[1]: float32[2] = [-1.7500, 2.5000]
// CHECK{LITERAL}: output[2]: float32[2] = [4.0000, 6.0000]
func.func @main() -> (tensor<2x2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %a0 = "aten.arange.default"() {dtype = f32, end = 4 : i64} : () -> tensor<4xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 2, 2>} : (tensor<4xf32>) -> tensor<2x2xf32>
  %a1 = "aten.arange.default"() {dtype = f32, end = 4 : i64} : () -> tensor<4xf32>
  %m1 = "aten.mul.Scalar"(%a1) {other = 0.5 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %s1 = "aten.add.Scalar"(%m1) {other = 0.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %v1 = "aten.view.default"(%s1) {size = array<i64: 2, 2>} : (tensor<4xf32>) -> tensor<2x2xf32>
  %a2 = "aten.arange.default"() {dtype = f32, end = 2 : i64} : () -> tensor<2xf32>
  %m2 = "aten.mul.Scalar"(%a2) {other = 1.0 : f64} : (tensor<2xf32>) -> tensor<2xf32>
  %s2 = "aten.add.Scalar"(%m2) {other = 0.25 : f64} : (tensor<2xf32>) -> tensor<2xf32>
  %v2 = "aten.view.default"(%s2) {size = array<i64: 2, 1>} : (tensor<2xf32>) -> tensor<2x1xf32>
  %a3 = "aten.arange.default"() {dtype = f32, end = 2 : i64} : () -> tensor<2xf32>
  %m3 = "aten.mul.Scalar"(%a3) {other = 1.0 : f64} : (tensor<2xf32>) -> tensor<2xf32>
  %s3 = "aten.add.Scalar"(%m3) {other = 1.0 : f64} : (tensor<2xf32>) -> tensor<2xf32>
  %v3 = "aten.view.default"(%s3) {size = array<i64: 2, 1>} : (tensor<2xf32>) -> tensor<2x1xf32>
  %a4 = "aten.arange.default"() {dtype = f32, end = 2 : i64} : () -> tensor<2xf32>
  %m4 = "aten.mul.Scalar"(%a4) {other = 1.0 : f64} : (tensor<2xf32>) -> tensor<2xf32>
  %s4 = "aten.add.Scalar"(%m4) {other = 1.0 : f64} : (tensor<2xf32>) -> tensor<2xf32>
  %v4 = "aten.view.default"(%s4) {size = array<i64: 2>} : (tensor<2xf32>) -> tensor<2xf32>
  %a5 = "aten.arange.default"() {dtype = f32, end = 2 : i64} : () -> tensor<2xf32>
  %m5 = "aten.mul.Scalar"(%a5) {other = 1.0 : f64} : (tensor<2xf32>) -> tensor<2xf32>
  %s5 = "aten.add.Scalar"(%m5) {other = 0.0 : f64} : (tensor<2xf32>) -> tensor<2xf32>
  %v5 = "aten.view.default"(%s5) {size = array<i64: 2>} : (tensor<2xf32>) -> tensor<2xf32>
  %r:3 = "aten.native_layer_norm_backward.default"(%v0, %v1, %v2, %v3, %v4, %v5) {normalized_shape = array<i64: 2>, output_mask = array<i1: true, true, true>, operandSegmentSizes = array<i32: 1, 1, 0, 1, 1, 1, 1>} : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<2x2xf32>, tensor<2xf32>, tensor<2xf32>)
  func.return %r#0, %r#1, %r#2 : tensor<2x2xf32>, tensor<2xf32>, tensor<2xf32>
}

// -----

// A border that mirrors a line.
// CHECK{LITERAL}: output[0]: float32[1, 6] = [1.0000, 0.0000, 1.0000, 2.0000, 1.0000, 0.0000]
func.func @main() -> tensor<1x6xf32> {
  %a0 = "aten.arange.default"() {dtype = f32, end = 3 : i64} : () -> tensor<3xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<3xf32>) -> tensor<3xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 0.0 : f64} : (tensor<3xf32>) -> tensor<3xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 1, 3>} : (tensor<3xf32>) -> tensor<1x3xf32>
  %r = "aten.reflection_pad1d.default"(%v0) {padding = array<i64: 1, 2>} : (tensor<1x3xf32>) -> tensor<1x6xf32>
  func.return %r : tensor<1x6xf32>
}

// -----

// A border that mirrors a plane.
// CHECK{LITERAL}: output[0]: float32[1, 3, 3] = [1.0000, 0.0000, 1.0000, 3.0000, 2.0000, 3.0000, ...]
func.func @main() -> tensor<1x3x3xf32> {
  %a0 = "aten.arange.default"() {dtype = f32, end = 4 : i64} : () -> tensor<4xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 0.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 1, 2, 2>} : (tensor<4xf32>) -> tensor<1x2x2xf32>
  %r = "aten.reflection_pad2d.default"(%v0) {padding = array<i64: 1, 0, 0, 1>} : (tensor<1x2x2xf32>) -> tensor<1x3x3xf32>
  func.return %r : tensor<1x3x3xf32>
}

// -----

// A border that mirrors a space.
// CHECK{LITERAL}: output[0]: float32[1, 3, 2, 3] = [1.0000, 0.0000, 1.0000, 3.0000, 2.0000, 3.0000, ...]
func.func @main() -> tensor<1x3x2x3xf32> {
  %a0 = "aten.arange.default"() {dtype = f32, end = 8 : i64} : () -> tensor<8xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<8xf32>) -> tensor<8xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 0.0 : f64} : (tensor<8xf32>) -> tensor<8xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 1, 2, 2, 2>} : (tensor<8xf32>) -> tensor<1x2x2x2xf32>
  %r = "aten.reflection_pad3d.default"(%v0) {padding = array<i64: 1, 0, 0, 0, 0, 1>} : (tensor<1x2x2x2xf32>) -> tensor<1x3x2x3xf32>
  func.return %r : tensor<1x3x2x3xf32>
}

// -----

// A border that repeats the edge of a plane.
// CHECK{LITERAL}: output[0]: float32[1, 3, 3] = [0.0000, 0.0000, 1.0000, 2.0000, 2.0000, 3.0000, ...]
func.func @main() -> tensor<1x3x3xf32> {
  %a0 = "aten.arange.default"() {dtype = f32, end = 4 : i64} : () -> tensor<4xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 0.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 1, 2, 2>} : (tensor<4xf32>) -> tensor<1x2x2xf32>
  %r = "aten.replication_pad2d.default"(%v0) {padding = array<i64: 1, 0, 0, 1>} : (tensor<1x2x2xf32>) -> tensor<1x3x3xf32>
  func.return %r : tensor<1x3x3xf32>
}

// -----

// A border that repeats the edge of a space.
// CHECK{LITERAL}: output[0]: float32[1, 3, 2, 2] = [0.0000, 0.0000, 1.0000, 1.0000, 2.0000, 2.0000, ...]
func.func @main() -> tensor<1x3x2x2xf32> {
  %a0 = "aten.arange.default"() {dtype = f32, end = 4 : i64} : () -> tensor<4xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 0.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 1, 2, 2, 1>} : (tensor<4xf32>) -> tensor<1x2x2x1xf32>
  %r = "aten.replication_pad3d.default"(%v0) {padding = array<i64: 1, 0, 0, 0, 0, 1>} : (tensor<1x2x2x1xf32>) -> tensor<1x3x2x2xf32>
  func.return %r : tensor<1x3x2x2xf32>
}

// -----

// Whether memory is row-major.
// CHECK{LITERAL}: output[0]: True
func.func @main() -> i1 {
  %a0 = "aten.arange.default"() {dtype = f32, end = 6 : i64} : () -> tensor<6xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<6xf32>) -> tensor<6xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 0.0 : f64} : (tensor<6xf32>) -> tensor<6xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 2, 3>} : (tensor<6xf32>) -> tensor<2x3xf32>
  %r = "aten.sym_is_contiguous.default"(%v0) {} : (tensor<2x3xf32>) -> i1
  func.return %r : i1
}

// -----

// How far elements of a dimension lie from each other.
// CHECK{LITERAL}: output[0]: 3
func.func @main() -> i64 {
  %a0 = "aten.arange.default"() {dtype = f32, end = 6 : i64} : () -> tensor<6xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<6xf32>) -> tensor<6xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 0.0 : f64} : (tensor<6xf32>) -> tensor<6xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 2, 3>} : (tensor<6xf32>) -> tensor<2x3xf32>
  %r = "aten.sym_stride.int"(%v0) {dim = 0 : i64} : (tensor<2x3xf32>) -> i64
  func.return %r : i64
}

// -----

// A variance over a dimension, unbiased.
// CHECK{LITERAL}: output[0]: float32[2, 1] = [1.0000, 1.0000]
func.func @main() -> tensor<2x1xf32> {
  %a0 = "aten.arange.default"() {dtype = f32, end = 6 : i64} : () -> tensor<6xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<6xf32>) -> tensor<6xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 0.0 : f64} : (tensor<6xf32>) -> tensor<6xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 2, 3>} : (tensor<6xf32>) -> tensor<2x3xf32>
  %r = "aten.var.dim"(%v0) {dim = array<i64: 1>, keepdim = true, unbiased = true} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  func.return %r : tensor<2x1xf32>
}

// -----

// What is written to `out` is the result.
// CHECK{LITERAL}: output[0]: float32[3] = [0.0000, 0.4636, 0.5880]
func.func @main() -> tensor<3xf32> {
  %a0 = "aten.arange.default"() {dtype = f32, end = 3 : i64} : () -> tensor<3xf32>
  %m0 = "aten.mul.Scalar"(%a0) {other = 1.0 : f64} : (tensor<3xf32>) -> tensor<3xf32>
  %s0 = "aten.add.Scalar"(%m0) {other = 0.0 : f64} : (tensor<3xf32>) -> tensor<3xf32>
  %v0 = "aten.view.default"(%s0) {size = array<i64: 3>} : (tensor<3xf32>) -> tensor<3xf32>
  %a1 = "aten.arange.default"() {dtype = f32, end = 3 : i64} : () -> tensor<3xf32>
  %m1 = "aten.mul.Scalar"(%a1) {other = 1.0 : f64} : (tensor<3xf32>) -> tensor<3xf32>
  %s1 = "aten.add.Scalar"(%m1) {other = 1.0 : f64} : (tensor<3xf32>) -> tensor<3xf32>
  %v1 = "aten.view.default"(%s1) {size = array<i64: 3>} : (tensor<3xf32>) -> tensor<3xf32>
  %a2 = "aten.arange.default"() {dtype = f32, end = 3 : i64} : () -> tensor<3xf32>
  %m2 = "aten.mul.Scalar"(%a2) {other = 0.0 : f64} : (tensor<3xf32>) -> tensor<3xf32>
  %s2 = "aten.add.Scalar"(%m2) {other = 0.0 : f64} : (tensor<3xf32>) -> tensor<3xf32>
  %v2 = "aten.view.default"(%s2) {size = array<i64: 3>} : (tensor<3xf32>) -> tensor<3xf32>
  %r = "aten.atan2.out"(%v0, %v1, %v2) {} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  func.return %r : tensor<3xf32>
}

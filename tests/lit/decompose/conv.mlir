// RUN: expc opt %s --to core

// A convolution without a batch has a batch of one.
// CHECK-LABEL: func.func @main
// CHECK: "aten.unsqueeze.default"
// CHECK-NEXT: "aten.convolution.default"
// CHECK-NEXT: "aten.squeeze.dims"
// CHECK-NEXT: return
func.func @main(%x: tensor<3x8x8xf32>, %w: tensor<4x3x3x3xf32>) -> tensor<4x6x6xf32> {
  %0 = "aten.conv2d.default"(%x, %w) {operandSegmentSizes = array<i32: 1, 1>} : (tensor<3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<4x6x6xf32>
  return %0 : tensor<4x6x6xf32>
}

// -----

// The odd element of a padding that keeps sizes is at the end.
// CHECK-LABEL: func.func @main
// CHECK: "aten.constant_pad_nd.default"
// CHECK-NEXT: "aten.convolution.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x4x4xf32>) -> tensor<1x4x8x8xf32> {
  %0 = "aten.conv2d.padding"(%x, %w) {padding = "same", operandSegmentSizes = array<i32: 1, 1>} : (tensor<1x3x8x8xf32>, tensor<4x3x4x4xf32>) -> tensor<1x4x8x8xf32>
  return %0 : tensor<1x4x8x8xf32>
}

// -----

// An even padding is left to the convolution.
// CHECK-LABEL: func.func @main
// CHECK: "aten.convolution.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32> {
  %0 = "aten.conv2d.padding"(%x, %w) {padding = "same", operandSegmentSizes = array<i32: 1, 1>} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  return %0 : tensor<1x4x8x8xf32>
}

// -----

// The mean is all of a pool to one element.
// CHECK-LABEL: func.func @main
// CHECK: "aten.mean.dim"
// CHECK-NEXT: return
func.func @main(%x: tensor<1x3x8x8xf32>) -> tensor<1x3x1x1xf32> {
  %0 = "aten.adaptive_avg_pool2d.default"(%x) {output_size = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x1x1xf32>
  return %0 : tensor<1x3x1x1xf32>
}

// -----

// Of an image with channels last the strides are kept.
// CHECK-LABEL: func.func @main
// CHECK: "aten.mean.dim"
// CHECK-NEXT: "aten.as_strided.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<1x3x8x8xf32, {strides = ["192", "1", "24", "3"]}>) -> tensor<1x3x1x1xf32, {strides = ["3", "1", "3", "3"]}> {
  %0 = "aten.adaptive_avg_pool2d.default"(%x) {output_size = array<i64: 1, 1>} : (tensor<1x3x8x8xf32, {strides = ["192", "1", "24", "3"]}>) -> tensor<1x3x1x1xf32, {strides = ["3", "1", "3", "3"]}>
  return %0 : tensor<1x3x1x1xf32, {strides = ["3", "1", "3", "3"]}>
}

// -----

// A pool to more elements is core itself.
// CHECK-LABEL: func.func @main
// CHECK: "aten._adaptive_avg_pool2d.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32> {
  %0 = "aten.adaptive_avg_pool2d.default"(%x) {output_size = array<i64: 4, 4>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
  return %0 : tensor<1x3x4x4xf32>
}

// -----

// A pool over one dimension is one over two.
// CHECK-LABEL: func.func @main
// CHECK: "aten.unsqueeze.default"
// CHECK-NEXT: "aten.max_pool2d_with_indices.default"
// CHECK-NEXT: "aten.squeeze.dims"
// CHECK-NEXT: return
func.func @main(%x: tensor<2x3x8xf32>) -> tensor<2x3x3xf32> {
  %0 = "aten.max_pool1d.default"(%x) {kernel_size = array<i64: 3>, stride = array<i64: 2>} : (tensor<2x3x8xf32>) -> tensor<2x3x3xf32>
  return %0 : tensor<2x3x3xf32>
}

// -----

// Torch keeps the resize of images to twice their size.
// CHECK-LABEL: func.func @main
// CHECK: "aten.upsample_nearest2d.vec"
// CHECK-NEXT: return
func.func @main(%x: tensor<1x3x8x8xf32>) -> tensor<1x3x16x16xf32> {
  %0 = "aten.upsample_nearest2d.vec"(%x) {scale_factors = array<f64: 2.0, 2.0>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x16x16xf32>
  return %0 : tensor<1x3x16x16xf32>
}

// -----

// A resize of signals looks up the nearest elements.
// CHECK-LABEL: func.func @main
// CHECK: "aten.arange.start_step"
// CHECK-NEXT: "aten.add.Tensor"
// CHECK-NEXT: "aten.mul.Tensor"
// CHECK-NEXT: "aten._to_copy.default"
// CHECK-NEXT: "aten.index.Tensor"
// CHECK-NEXT: return
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x3x7xf32> {
  %0 = "aten._upsample_nearest_exact1d.vec"(%x) {output_size = array<i64: 7>} : (tensor<2x3x4xf32>) -> tensor<2x3x7xf32>
  return %0 : tensor<2x3x7xf32>
}

// -----

// Reflections are looked up.
// CHECK-LABEL: func.func @main
// CHECK: "aten.arange.start_step"
// CHECK-NEXT: "aten.abs.default"
// CHECK-NEXT: "aten.sub.Tensor"
// CHECK-NEXT: "aten.abs.default"
// CHECK-NEXT: "aten.sub.Tensor"
// CHECK-NEXT: "aten.index.Tensor"
// CHECK-NEXT: return
func.func @main(%x: tensor<2x3x5xf32>) -> tensor<2x3x8xf32> {
  %0 = "aten.pad.default"(%x) {pad = array<i64: 1, 2>, mode = "reflect"} : (tensor<2x3x5xf32>) -> tensor<2x3x8xf32>
  return %0 : tensor<2x3x8xf32>
}

// -----

// Padding by a constant is core.
// CHECK-LABEL: func.func @main
// CHECK: "aten.constant_pad_nd.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<2x3x5xf32>) -> tensor<2x3x8xf32> {
  %0 = "aten.pad.default"(%x) {pad = array<i64: 1, 2>} : (tensor<2x3x5xf32>) -> tensor<2x3x8xf32>
  return %0 : tensor<2x3x8xf32>
}

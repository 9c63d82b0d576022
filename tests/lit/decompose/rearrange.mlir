// RUN: expc opt %s --to core

// Along one dimension, rolled indices select.
// CHECK-LABEL: func.func @main
// CHECK: %[[ARANGE:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 4 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[ADD:[^:]*]] = "aten.add.Tensor"(%[[ARANGE]])
// CHECK-NEXT: %[[FMOD:[^:]*]] = "aten.fmod.Scalar"(%[[ADD]]) {other = 4 : i64
// CHECK-NEXT: %[[INDEX_SELECT:[^:]*]] = "aten.index_select.default"(%{{.*}}, %[[FMOD]]) {dim = 1 : i64
// CHECK-NEXT: return %[[INDEX_SELECT]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = "aten.roll.default"(%x) {shifts = array<i64: 1>, dims = array<i64: -1>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// Without a dimension the flat tensor is rolled.
// CHECK-LABEL: func.func @main
// CHECK: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}) {size = array<i64: 12>
// CHECK-NEXT: %[[ARANGE:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 12 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[ADD:[^:]*]] = "aten.add.Tensor"(%[[ARANGE]])
// CHECK-NEXT: %[[FMOD:[^:]*]] = "aten.fmod.Scalar"(%[[ADD]]) {other = 12 : i64
// CHECK-NEXT: %[[INDEX_SELECT:[^:]*]] = "aten.index_select.default"(%[[VIEW]], %[[FMOD]]) {dim = 0 : i64
// CHECK-NEXT: %[[VIEW2:[^:]*]] = "aten.view.default"(%[[INDEX_SELECT]]) {size = array<i64: 3, 4>
// CHECK-NEXT: return %[[VIEW2]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = "aten.roll.default"(%x) {shifts = array<i64: 1>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// A quarter turn is a flip and a transposition.
// CHECK-LABEL: func.func @main
// CHECK: %[[FLIP:[^:]*]] = "aten.flip.default"(%{{.*}}) {dims = array<i64: 1>
// CHECK-NEXT: %[[PERMUTE:[^:]*]] = "aten.permute.default"(%[[FLIP]]) {dims = array<i64: 1, 0>
// CHECK-NEXT: return %[[PERMUTE]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<4x3xf32, {strides = ["1", "4"]}> {
  %0 = "aten.rot90.default"(%x) {k = 5 : i64} : (tensor<3x4xf32>) -> tensor<4x3xf32, {strides = ["1", "4"]}>
  return %0 : tensor<4x3xf32, {strides = ["1", "4"]}>
}

// -----

// Channels become pixels.
// CHECK-LABEL: func.func @main
// CHECK: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}) {size = array<i64: 1, 1, 2, 2, 2, 2>
// CHECK-NEXT: %[[PERMUTE:[^:]*]] = "aten.permute.default"(%[[VIEW]]) {dims = array<i64: 0, 1, 4, 2, 5, 3>
// CHECK-NEXT: %[[CLONE:[^:]*]] = "aten.clone.default"(%[[PERMUTE]]) {memory_format = #aten.memory_format<"contiguous_format">
// CHECK-NEXT: %[[VIEW2:[^:]*]] = "aten.view.default"(%[[CLONE]]) {size = array<i64: 1, 1, 4, 4>
// CHECK-NEXT: %[[CLONE2:[^:]*]] = "aten.clone.default"(%[[VIEW2]]) {memory_format = #aten.memory_format<"contiguous_format">
// CHECK-NEXT: return %[[CLONE2]]
func.func @main(%x: tensor<1x4x2x2xf32>) -> tensor<1x1x4x4xf32> {
  %0 = "aten.pixel_shuffle.default"(%x) {upscale_factor = 2 : i64} : (tensor<1x4x2x2xf32>) -> tensor<1x1x4x4xf32>
  return %0 : tensor<1x1x4x4xf32>
}

// -----

// Elements are repeated next to each other.
// CHECK-LABEL: func.func @main
// CHECK: %[[UNSQUEEZE:[^:]*]] = "aten.unsqueeze.default"(%{{.*}}) {dim = 2 : i64
// CHECK-NEXT: %[[EXPAND:[^:]*]] = "aten.expand.default"(%[[UNSQUEEZE]]) {size = array<i64: 3, 4, 2>
// CHECK-NEXT: %[[CLONE:[^:]*]] = "aten.clone.default"(%[[EXPAND]]) {memory_format = #aten.memory_format<"contiguous_format">
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.view.default"(%[[CLONE]]) {size = array<i64: 3, 8>
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x8xf32> {
  %0 = "aten.repeat_interleave.self_int"(%x) {repeats = 2 : i64, dim = 1 : i64} : (tensor<3x4xf32>) -> tensor<3x8xf32>
  return %0 : tensor<3x8xf32>
}

// -----

// A diagonal beside the main one is padded with zeros.
// CHECK-LABEL: func.func @main
// CHECK: %[[FULL:[^:]*]] = "aten.full.default"() {device = #aten.device<"cpu">, dtype = f32, fill_value = 0 : i64, layout = #aten.layout<"strided">, pin_memory = false, size = array<i64: 1>
// CHECK-NEXT: %[[CAT:[^:]*]] = "aten.cat.default"(%[[FULL]], %{{.*}})
// CHECK-NEXT: %[[UNSQUEEZE:[^:]*]] = "aten.unsqueeze.default"(%[[CAT]]) {dim = 0 : i64
// CHECK-NEXT: %[[PERMUTE:[^:]*]] = "aten.permute.default"(%[[UNSQUEEZE]]) {dims = array<i64: 0, 1>
// CHECK-NEXT: %[[ARANGE:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 6 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[ARANGE2:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 7 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 1 : i64, step = 1 : i64
// CHECK-NEXT: %[[UNSQUEEZE2:[^:]*]] = "aten.unsqueeze.default"(%[[ARANGE2]]) {dim = -1 : i64
// CHECK-NEXT: %[[EQ:[^:]*]] = "aten.eq.Tensor"(%[[ARANGE]], %[[UNSQUEEZE2]])
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.view.default"(%[[EQ]]) {size = array<i64: 6, 6>
// CHECK-NEXT: %[[SCALAR_TENSOR:[^:]*]] = "aten.scalar_tensor.default"() {device = #aten.device<"cpu">, dtype = f32, layout = #aten.layout<"strided">, s = 0 : i64
// CHECK-NEXT: %[[WHERE:[^:]*]] = "aten.where.self"(%[[VIEW]], %[[PERMUTE]], %[[SCALAR_TENSOR]])
// CHECK-NEXT: return %[[WHERE]]
func.func @main(%x: tensor<5xf32>) -> tensor<6x6xf32> {
  %0 = "aten.diag_embed.default"(%x) {offset = 1 : i64} : (tensor<5xf32>) -> tensor<6x6xf32>
  return %0 : tensor<6x6xf32>
}

// -----

// A triangle of numbers is filled with zeros.
// CHECK-LABEL: func.func @main
// CHECK: %[[ARANGE:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 4 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[UNSQUEEZE:[^:]*]] = "aten.unsqueeze.default"(%[[ARANGE]]) {dim = -2 : i64
// CHECK-NEXT: %[[ARANGE2:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 3 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[UNSQUEEZE2:[^:]*]] = "aten.unsqueeze.default"(%[[ARANGE2]]) {dim = -1 : i64
// CHECK-NEXT: %[[SUB:[^:]*]] = "aten.sub.Tensor"(%[[UNSQUEEZE]], %[[UNSQUEEZE2]])
// CHECK-NEXT: %[[LE:[^:]*]] = "aten.le.Scalar"(%[[SUB]]) {other = 1 : i64
// CHECK-NEXT: %[[SCALAR_TENSOR:[^:]*]] = "aten.scalar_tensor.default"() {device = #aten.device<"cpu">, dtype = f32, layout = #aten.layout<"strided">, s = 0 : i64
// CHECK-NEXT: %[[WHERE:[^:]*]] = "aten.where.self"(%[[LE]], %{{.*}}, %[[SCALAR_TENSOR]])
// CHECK-NEXT: return %[[WHERE]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = "aten.tril.default"(%x) {diagonal = 1 : i64} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// A triangle of bools is a conjunction.
// CHECK-LABEL: func.func @main
// CHECK: %[[ARANGE:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 4 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[UNSQUEEZE:[^:]*]] = "aten.unsqueeze.default"(%[[ARANGE]]) {dim = -2 : i64
// CHECK-NEXT: %[[ARANGE2:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 3 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[UNSQUEEZE2:[^:]*]] = "aten.unsqueeze.default"(%[[ARANGE2]]) {dim = -1 : i64
// CHECK-NEXT: %[[SUB:[^:]*]] = "aten.sub.Tensor"(%[[UNSQUEEZE]], %[[UNSQUEEZE2]])
// CHECK-NEXT: %[[GE:[^:]*]] = "aten.ge.Scalar"(%[[SUB]]) {other = 0 : i64
// CHECK-NEXT: %[[LOGICAL_AND:[^:]*]] = "aten.logical_and.default"(%[[GE]], %{{.*}})
// CHECK-NEXT: return %[[LOGICAL_AND]]
func.func @main(%x: tensor<3x4xi1>) -> tensor<3x4xi1> {
  %0 = "aten.triu.default"(%x) : (tensor<3x4xi1>) -> tensor<3x4xi1>
  return %0 : tensor<3x4xi1>
}

// -----

// Windows are picked by index from the padded image.
// CHECK-LABEL: func.func @main
// CHECK: %[[UNSQUEEZE:[^:]*]] = "aten.unsqueeze.default"(%{{.*}}) {dim = 0 : i64
// CHECK-NEXT: %[[ARANGE:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 4 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[UNSQUEEZE2:[^:]*]] = "aten.unsqueeze.default"(%[[ARANGE]]) {dim = 0 : i64
// CHECK-NEXT: %[[ARANGE2:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 2 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[UNSQUEEZE3:[^:]*]] = "aten.unsqueeze.default"(%[[ARANGE2]]) {dim = -1 : i64
// CHECK-NEXT: %[[ADD:[^:]*]] = "aten.add.Tensor"(%[[UNSQUEEZE2]], %[[UNSQUEEZE3]])
// CHECK-NEXT: %[[ARANGE3:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 5 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[UNSQUEEZE4:[^:]*]] = "aten.unsqueeze.default"(%[[ARANGE3]]) {dim = 0 : i64
// CHECK-NEXT: %[[ARANGE4:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 2 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[UNSQUEEZE5:[^:]*]] = "aten.unsqueeze.default"(%[[ARANGE4]]) {dim = -1 : i64
// CHECK-NEXT: %[[ADD2:[^:]*]] = "aten.add.Tensor"(%[[UNSQUEEZE4]], %[[UNSQUEEZE5]])
// CHECK-NEXT: %[[CONSTANT_PAD_ND:[^:]*]] = "aten.constant_pad_nd.default"(%[[UNSQUEEZE]]) {pad = array<i64: 0, 0, 0, 0>, value = 0.000000e+00 : f64
// CHECK-NEXT: %[[UNSQUEEZE6:[^:]*]] = "aten.unsqueeze.default"(%[[ADD]]) {dim = -1 : i64
// CHECK-NEXT: %[[UNSQUEEZE7:[^:]*]] = "aten.unsqueeze.default"(%[[UNSQUEEZE6]]) {dim = -1 : i64
// CHECK-NEXT: %[[INDEX:[^:]*]] = "aten.index.Tensor"(%[[CONSTANT_PAD_ND]], %[[UNSQUEEZE7]], %[[ADD2]])
// CHECK-NEXT: %[[PERMUTE:[^:]*]] = "aten.permute.default"(%[[INDEX]]) {dims = array<i64: 0, 1, 2, 4, 3, 5>
// CHECK-NEXT: %[[CLONE:[^:]*]] = "aten.clone.default"(%[[PERMUTE]]) {memory_format = #aten.memory_format<"contiguous_format">
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.view.default"(%[[CLONE]]) {size = array<i64: 1, 12, 20>
// CHECK-NEXT: %[[SQUEEZE:[^:]*]] = "aten.squeeze.dims"(%[[VIEW]]) {dim = array<i64: 0>
// CHECK-NEXT: return %[[SQUEEZE]]
func.func @main(%x: tensor<3x5x6xf32>) -> tensor<12x20xf32> {
  %0 = "aten.im2col.default"(%x) {kernel_size = array<i64: 2, 2>, dilation = array<i64: 1, 1>, padding = array<i64: 0, 0>, stride = array<i64: 1, 1>} : (tensor<3x5x6xf32>) -> tensor<12x20xf32>
  return %0 : tensor<12x20xf32>
}

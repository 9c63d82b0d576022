// RUN: expc opt %s --passes=canonicalize

// view(unsqueeze(view(x, s)), t) = view(x, t).
// CHECK-LABEL: func.func @main
// CHECK: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}) {size = array<i64: 3, -1>}
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<2x6xf32>) -> tensor<3x4xf32> {
  %0 = "aten.view.default"(%x) {size = array<i64: 12>} : (tensor<2x6xf32>) -> tensor<12xf32>
  %1 = "aten.unsqueeze.default"(%0) {dim = 0 : i64} : (tensor<12xf32>) -> tensor<1x12xf32>
  %2 = "aten.view.default"(%1) {size = array<i64: 3, -1>} : (tensor<1x12xf32>) -> tensor<3x4xf32>
  return %2 : tensor<3x4xf32>
}

// -----

// A view of a copy is none of what was copied: the strides of that have no such view.
// CHECK-LABEL: func.func @main
// CHECK: aten.permute.default
// CHECK-NEXT: aten.clone.default
// CHECK-NEXT: aten.view.default
func.func @main(%x: tensor<2x3xf32>) -> tensor<6xf32> {
  %0 = "aten.permute.default"(%x) {dims = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32, {strides = ["1", "3"]}>
  %1 = "aten.clone.default"(%0) {memory_format = #aten.memory_format<"contiguous_format">} : (tensor<3x2xf32, {strides = ["1", "3"]}>) -> tensor<3x2xf32>
  %2 = "aten.view.default"(%1) {size = array<i64: 6>} : (tensor<3x2xf32>) -> tensor<6xf32>
  return %2 : tensor<6xf32>
}

// -----

// Symbolic sizes are handed on.
// CHECK-LABEL: func.func @main
// CHECK: %[[SIZE:[^:]*]] = "aten.sym_size.int"
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}, %[[SIZE]])
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<?x4xf32, {sizes = ["s0", "4"]}>) -> tensor<?x2x2xf32, {sizes = ["s0", "2", "2"]}> {
  %n = "aten.sym_size.int"(%x) {dim = 0 : i64, aten.sym = ["s0"]} : (tensor<?x4xf32, {sizes = ["s0", "4"]}>) -> i64
  %0 = "aten.view.default"(%x, %n) {size = array<i64: -9223372036854775808, 4, 1>, operandSegmentSizes = array<i32: 1, 1>} : (tensor<?x4xf32, {sizes = ["s0", "4"]}>, i64) -> tensor<?x4x1xf32, {sizes = ["s0", "4", "1"]}>
  %1 = "aten.view.default"(%0, %n) {size = array<i64: -9223372036854775808, 2, 2>, operandSegmentSizes = array<i32: 1, 1>} : (tensor<?x4x1xf32, {sizes = ["s0", "4", "1"]}>, i64) -> tensor<?x2x2xf32, {sizes = ["s0", "2", "2"]}>
  return %1 : tensor<?x2x2xf32, {sizes = ["s0", "2", "2"]}>
}

// -----

// Views that show all of a tensor as it is.
// CHECK-LABEL: func.func @main
// CHECK: %[[RELU:[^:]*]] = "aten.relu.default"
// CHECK-NEXT: %[[EXP:[^:]*]] = "aten.exp.default"(%[[RELU]])
// CHECK-NEXT: return %[[EXP]]
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "aten.relu.default"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = "aten.view.default"(%0) {size = array<i64: -1, 3>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = "aten.expand.default"(%1) {size = array<i64: -1, 3>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = "aten.slice.Tensor"(%2) {dim = 1 : i64, start = 0 : i64, end = 9223372036854775807 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %4 = "aten.permute.default"(%3) {dims = array<i64: 0, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %5 = "aten.squeeze.dims"(%4) {dim = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %6 = "aten.alias.default"(%5) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %7 = "aten.exp.default"(%6) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %7 : tensor<2x3xf32>
}

// -----

// An output that shows an input is not the input itself.
// CHECK-LABEL: func.func @main
// CHECK: %[[ALIAS:[^:]*]] = "aten.alias.default"
// CHECK-NEXT: return %[[ALIAS]]
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "aten.alias.default"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// The square transposed has the same sizes, and is another.
// CHECK-LABEL: func.func @main
// CHECK: aten.permute.default
func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32, {strides = ["1", "2"]}> {
  %0 = "aten.permute.default"(%x) {dims = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32, {strides = ["1", "2"]}>
  return %0 : tensor<2x2xf32, {strides = ["1", "2"]}>
}

// -----

// Two orders of dimensions make one.
// CHECK-LABEL: func.func @main
// CHECK: %[[PERMUTE:[^:]*]] = "aten.permute.default"(%{{.*}}) {dims = array<i64: 0, 2, 1>}
// CHECK-NEXT: return %[[PERMUTE]]
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x4x3xf32, {strides = ["12", "1", "4"]}> {
  %0 = "aten.permute.default"(%x) {dims = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32, {strides = ["1", "12", "4"]}>
  %1 = "aten.transpose.int"(%0) {dim0 = 0 : i64, dim1 = 1 : i64} : (tensor<4x2x3xf32, {strides = ["1", "12", "4"]}>) -> tensor<2x4x3xf32, {strides = ["12", "1", "4"]}>
  return %1 : tensor<2x4x3xf32, {strides = ["12", "1", "4"]}>
}

// -----

// A transposition takes itself back.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[EXP:[^:]*]] = "aten.exp.default"
// CHECK-NEXT: return %[[EXP]]
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "aten.permute.default"(%x) {dims = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32, {strides = ["1", "3"]}>
  %1 = "aten.permute.default"(%0) {dims = array<i64: 1, 0>} : (tensor<3x2xf32, {strides = ["1", "3"]}>) -> tensor<2x3xf32>
  %2 = "aten.exp.default"(%1) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// -----

// A dimension that comes goes again, by `squeeze` or by `select`.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[EXP:[^:]*]] = "aten.exp.default"(%[[X:[^)]*]])
// CHECK-NEXT: %[[SIN:[^:]*]] = "aten.sin.default"(%[[X]])
// CHECK-NEXT: return %[[EXP]], %[[SIN]]
func.func @main(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = "aten.unsqueeze.default"(%x) {dim = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x1x3xf32>
  %1 = "aten.squeeze.dims"(%0) {dim = array<i64: -2>} : (tensor<2x1x3xf32>) -> tensor<2x3xf32>
  %2 = "aten.exp.default"(%1) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = "aten.select.int"(%0) {dim = 1 : i64, index = 0 : i64} : (tensor<2x1x3xf32>) -> tensor<2x3xf32>
  %4 = "aten.sin.default"(%3) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %2, %4 : tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// Another dimension of size 1 than the one that came goes.
// CHECK-LABEL: func.func @main
// CHECK: aten.unsqueeze.default
// CHECK-NEXT: aten.squeeze.dims
func.func @main(%x: tensor<1x3xf32>) -> tensor<3x1xf32> {
  %0 = "aten.unsqueeze.default"(%x) {dim = 2 : i64} : (tensor<1x3xf32>) -> tensor<1x3x1xf32>
  %1 = "aten.squeeze.dims"(%0) {dim = array<i64: 0>} : (tensor<1x3x1xf32>) -> tensor<3x1xf32>
  return %1 : tensor<3x1xf32>
}

// -----

// A dimension that went comes again, with the stride that it had.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[EXP:[^:]*]] = "aten.exp.default"
// CHECK-NEXT: return %[[EXP]]
func.func @main(%x: tensor<2x1x3xf32>) -> tensor<2x1x3xf32> {
  %0 = "aten.squeeze.dims"(%x) {dim = array<i64: 1>} : (tensor<2x1x3xf32>) -> tensor<2x3xf32>
  %1 = "aten.unsqueeze.default"(%0) {dim = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x1x3xf32>
  %2 = "aten.exp.default"(%1) : (tensor<2x1x3xf32>) -> tensor<2x1x3xf32>
  return %2 : tensor<2x1x3xf32>
}

// -----

// Two expansions make one.
// CHECK-LABEL: func.func @main
// CHECK: %[[EXPAND:[^:]*]] = "aten.expand.default"(%[[X:.*]]) {size = array<i64: 5, 2, 3>} : (tensor<1x3xf32>)
// CHECK-NEXT: return %[[EXPAND]]
func.func @main(%x: tensor<1x3xf32>) -> tensor<5x2x3xf32, {strides = ["0", "0", "1"]}> {
  %0 = "aten.expand.default"(%x) {size = array<i64: 2, 3>} : (tensor<1x3xf32>) -> tensor<2x3xf32, {strides = ["0", "1"]}>
  %1 = "aten.expand.default"(%0) {size = array<i64: 5, -1, 3>} : (tensor<2x3xf32, {strides = ["0", "1"]}>) -> tensor<5x2x3xf32, {strides = ["0", "0", "1"]}>
  return %1 : tensor<5x2x3xf32, {strides = ["0", "0", "1"]}>
}

// -----

// Two slices of one dimension make one: 1, 3, 5, 7, 9 of ten, and of these the second and the fourth.
// CHECK-LABEL: func.func @main
// CHECK: %[[SLICE:[^:]*]] = "aten.slice.Tensor"(%[[X:.*]]) {dim = 0 : i64, end = 8 : i64, start = 3 : i64, step = 4 : i64}
// CHECK-NEXT: return %[[SLICE]]
func.func @main(%x: tensor<10xf32>) -> tensor<2xf32, {strides = ["4"], storage_offset = "3"}> {
  %0 = "aten.slice.Tensor"(%x) {start = 1 : i64, step = 2 : i64} : (tensor<10xf32>) -> tensor<5xf32, {strides = ["2"], storage_offset = "1"}>
  %1 = "aten.slice.Tensor"(%0) {start = -4 : i64, end = 4 : i64, step = 2 : i64} : (tensor<5xf32, {strides = ["2"], storage_offset = "1"}>) -> tensor<2xf32, {strides = ["4"], storage_offset = "3"}>
  return %1 : tensor<2xf32, {strides = ["4"], storage_offset = "3"}>
}

// -----

// Slices of two dimensions stay two.
// CHECK-LABEL: func.func @main
// CHECK-COUNT-2: aten.slice.Tensor
func.func @main(%x: tensor<4x4xf32>) -> tensor<2x2xf32, {strides = ["4", "1"], storage_offset = "10"}> {
  %0 = "aten.slice.Tensor"(%x) {start = 2 : i64} : (tensor<4x4xf32>) -> tensor<2x4xf32, {storage_offset = "8"}>
  %1 = "aten.slice.Tensor"(%0) {dim = 1 : i64, start = 2 : i64} : (tensor<2x4xf32, {storage_offset = "8"}>) -> tensor<2x2xf32, {strides = ["4", "1"], storage_offset = "10"}>
  return %1 : tensor<2x2xf32, {strides = ["4", "1"], storage_offset = "10"}>
}

// -----

// Kernels choose the strides of dimensions of size 1 anew, whatever PyTorch records of a view.
// CHECK-LABEL: func.func @main
// CHECK: aten.slice.Tensor
// CHECK-NEXT: aten.view.default
func.func @main(%x: tensor<4x2xf32>) -> tensor<1x2xf32, {strides = ["4", "1"]}> {
  %0 = "aten.slice.Tensor"(%x) {end = 1 : i64, step = 2 : i64} : (tensor<4x2xf32>) -> tensor<1x2xf32, {strides = ["4", "1"]}>
  %1 = "aten.view.default"(%0) {size = array<i64: 1, 2>} : (tensor<1x2xf32, {strides = ["4", "1"]}>) -> tensor<1x2xf32, {strides = ["4", "1"]}>
  return %1 : tensor<1x2xf32, {strides = ["4", "1"]}>
}

// RUN: expc opt %s --to core

// A row-major tensor has every view of as many elements.
// CHECK-LABEL: func.func @main
// CHECK: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}) {size = array<i64: 2, -1>
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x12xf32> {
  %0 = "aten.reshape.default"(%x) {shape = array<i64: 2, -1>} : (tensor<2x3x4xf32>) -> tensor<2x12xf32>
  return %0 : tensor<2x12xf32>
}

// -----

// Strides that no view can show the new sizes of ask for a copy, and -1 for a number.
// CHECK-LABEL: func.func @main
// CHECK: %[[CLONE:[^:]*]] = "aten.clone.default"(%{{.*}}) {memory_format = #aten.memory_format<"contiguous_format">
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.view.default"(%[[CLONE]]) {size = array<i64: 2, 12>
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>) -> tensor<2x12xf32> {
  %0 = "aten.reshape.default"(%x) {shape = array<i64: 2, -1>} : (tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>) -> tensor<2x12xf32>
  return %0 : tensor<2x12xf32>
}

// -----

// Where the strides allow a view, nothing is copied.
// CHECK-LABEL: func.func @main
// CHECK: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}) {size = array<i64: 2, 1, 3, 4>
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>) -> tensor<2x1x3x4xf32, {strides = ["12", "12", "1", "3"]}> {
  %0 = "aten.reshape.default"(%x) {shape = array<i64: -1, 1, 3, 4>} : (tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>) -> tensor<2x1x3x4xf32, {strides = ["12", "12", "1", "3"]}>
  return %0 : tensor<2x1x3x4xf32, {strides = ["12", "12", "1", "3"]}>
}

// -----

// A symbolic size is read where -1 needs it.
// CHECK-LABEL: func.func @main
// CHECK: %[[SYM_SIZE:[^:]*]] = "aten.sym_size.int"(%{{.*}}) {aten.sym = ["s0"], dim = 0 : i64
// CHECK-NEXT: %[[MUL:[^:]*]] = "sym.mul"(%[[SYM_SIZE]]) {args = [#aten.operand, 4], aten.sym = ["4*s0"]
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}, %[[MUL]])
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<?x4xf32, {sizes = ["s0", "4"]}>) -> tensor<?xf32, {sizes = ["4*s0"]}> {
  %0 = "aten.flatten.using_ints"(%x) : (tensor<?x4xf32, {sizes = ["s0", "4"]}>) -> tensor<?xf32, {sizes = ["4*s0"]}>
  return %0 : tensor<?xf32, {sizes = ["4*s0"]}>
}

// -----

// Flattening one dimension is nothing.
// CHECK-LABEL: func.func @main
// CHECK: return %arg{{.*}}
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = "aten.flatten.using_ints"(%x) {start_dim = 1 : i64, end_dim = 1 : i64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

// A tensor without dimensions becomes a row.
// CHECK-LABEL: func.func @main
// CHECK: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}) {size = array<i64: -1>
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<f32>) -> tensor<1xf32> {
  %0 = "aten.ravel.default"(%x) : (tensor<f32>) -> tensor<1xf32>
  return %0 : tensor<1xf32>
}

// -----

// What is row-major is not copied.
// CHECK-LABEL: func.func @main
// CHECK: return %arg{{.*}}
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = "aten.contiguous.default"(%x) : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

// What is not row-major is copied.
// CHECK-LABEL: func.func @main
// CHECK: %[[CLONE:[^:]*]] = "aten.clone.default"(%{{.*}}) {memory_format = #aten.memory_format<"contiguous_format">
// CHECK-NEXT: return %[[CLONE]]
func.func @main(%x: tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>) -> tensor<2x3x4xf32> {
  %0 = "aten.contiguous.default"(%x) : (tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

// Dimensions are exchanged by a permutation.
// CHECK-LABEL: func.func @main
// CHECK: %[[PERMUTE:[^:]*]] = "aten.permute.default"(%{{.*}}) {dims = array<i64: 0, 2, 1>
// CHECK-NEXT: return %[[PERMUTE]]
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x4x3xf32, {strides = ["12", "1", "4"]}> {
  %0 = "aten.transpose.int"(%x) {dim0 = -1 : i64, dim1 = 1 : i64} : (tensor<2x3x4xf32>) -> tensor<2x4x3xf32, {strides = ["12", "1", "4"]}>
  return %0 : tensor<2x4x3xf32, {strides = ["12", "1", "4"]}>
}

// -----

// A row has nothing to transpose.
// CHECK-LABEL: func.func @main
// CHECK: %[[ALIAS:[^:]*]] = "aten.alias.default"(%{{.*}})
// CHECK-NEXT: return %[[ALIAS]]
func.func @main(%x: tensor<5xf32>) -> tensor<5xf32> {
  %0 = "aten.t.default"(%x) : (tensor<5xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// -----

// The adjoint of a real matrix has no conjugate.
// CHECK-LABEL: func.func @main
// CHECK: %[[PERMUTE:[^:]*]] = "aten.permute.default"(%{{.*}}) {dims = array<i64: 1, 0>
// CHECK-NEXT: return %[[PERMUTE]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<4x3xf32, {strides = ["1", "4"]}> {
  %0 = "aten.mH.default"(%x) : (tensor<3x4xf32>) -> tensor<4x3xf32, {strides = ["1", "4"]}>
  return %0 : tensor<4x3xf32, {strides = ["1", "4"]}>
}

// -----

// The adjoint of a complex matrix has one.
// CHECK-LABEL: func.func @main
// CHECK: %[[PERMUTE:[^:]*]] = "aten.permute.default"(%{{.*}}) {dims = array<i64: 1, 0>
// CHECK-NEXT: %[[CONJ:[^:]*]] = "aten._conj.default"(%[[PERMUTE]])
// CHECK-NEXT: return %[[CONJ]]
func.func @main(%x: tensor<3x4xcomplex<f32>>) -> tensor<4x3xcomplex<f32>, {strides = ["1", "4"]}> {
  %0 = "aten.mH.default"(%x) : (tensor<3x4xcomplex<f32>>) -> tensor<4x3xcomplex<f32>, {strides = ["1", "4"]}>
  return %0 : tensor<4x3xcomplex<f32>, {strides = ["1", "4"]}>
}

// -----

// Moved dimensions keep the order of the others.
// CHECK-LABEL: func.func @main
// CHECK: %[[PERMUTE:[^:]*]] = "aten.permute.default"(%{{.*}}) {dims = array<i64: 1, 2, 0>
// CHECK-NEXT: return %[[PERMUTE]]
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<3x4x2xf32, {strides = ["4", "1", "12"]}> {
  %0 = "aten.movedim.int"(%x) {source = 0 : i64, destination = 2 : i64} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32, {strides = ["4", "1", "12"]}>
  return %0 : tensor<3x4x2xf32, {strides = ["4", "1", "12"]}>
}

// -----

// Only what is smaller is expanded.
// CHECK-LABEL: func.func @main
// CHECK: %[[EXPAND:[^:]*]] = "aten.expand.default"(%{{.*}}) {size = array<i64: 3, 4>
// CHECK-NEXT: return %[[EXPAND]], %arg{{.*}}
func.func @main(%x: tensor<4xf32>, %y: tensor<3x4xf32>) -> (tensor<3x4xf32, {strides = ["0", "1"]}>, tensor<3x4xf32>) {
  %0:2 = "aten.broadcast_tensors.default"(%x, %y) {operandSegmentSizes = array<i32: 2>} : (tensor<4xf32>, tensor<3x4xf32>) -> (tensor<3x4xf32, {strides = ["0", "1"]}>, tensor<3x4xf32>)
  return %0#0, %0#1 : tensor<3x4xf32, {strides = ["0", "1"]}>, tensor<3x4xf32>
}

// -----

// A negative start is counted from the end.
// CHECK-LABEL: func.func @main
// CHECK: %[[SLICE:[^:]*]] = "aten.slice.Tensor"(%{{.*}}) {dim = 1 : i64, end = 3 : i64, start = 1 : i64
// CHECK-NEXT: return %[[SLICE]]
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x2x4xf32, {storage_offset = "4", strides = ["12", "4", "1"]}> {
  %0 = "aten.narrow.default"(%x) {dim = 1 : i64, start = -2 : i64, length = 2 : i64} : (tensor<2x3x4xf32>) -> tensor<2x2x4xf32, {storage_offset = "4", strides = ["12", "4", "1"]}>
  return %0 : tensor<2x2x4xf32, {storage_offset = "4", strides = ["12", "4", "1"]}>
}

// -----

// A matrix gets its third dimension behind.
// CHECK-LABEL: func.func @main
// CHECK: %[[UNSQUEEZE:[^:]*]] = "aten.unsqueeze.default"(%{{.*}}) {dim = -1 : i64
// CHECK-NEXT: return %[[UNSQUEEZE]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4x1xf32> {
  %0 = "aten.atleast_3d.default"(%x) : (tensor<3x4xf32>) -> tensor<3x4x1xf32>
  return %0 : tensor<3x4x1xf32>
}

// -----

// One size is unflattened into several.
// CHECK-LABEL: func.func @main
// CHECK: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}) {size = array<i64: 2, 3, 2, 2>
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x3x2x2xf32> {
  %0 = "aten.unflatten.int"(%x) {dim = 2 : i64, sizes = array<i64: 2, -1>} : (tensor<2x3x4xf32>) -> tensor<2x3x2x2xf32>
  return %0 : tensor<2x3x2x2xf32>
}

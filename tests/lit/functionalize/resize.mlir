// RUN: expc opt %s --to functional

// Fewer elements are a view of the memory, which holds what is written through it.
// CHECK-LABEL: func.func @main
// CHECK: %[[SUM:[^:]*]] = "aten.add.Scalar"(%arg0)
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.as_strided.default"(%[[SUM]]) {{.*}}size = array<i64: 2, 3>{{.*}}stride = array<i64: 3, 1>
// CHECK-NEXT: %[[NEW:[^:]*]] = "aten.add.Scalar"(%[[VIEW]])
// CHECK-NEXT: "aten.mul.Scalar"(%[[NEW]])
// CHECK-NOT: resize
func.func @main(%x: tensor<4x3xf32>) -> tensor<2x3xf32> {
  %0 = "aten.add.Scalar"(%x) {other = 1 : i64} : (tensor<4x3xf32>) -> tensor<4x3xf32>
  %1 = "aten.resize_.default"(%0) {size = array<i64: 2, 3>} : (tensor<4x3xf32>) -> tensor<2x3xf32>
  %2 = "aten.add_.Scalar"(%1) {other = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = "aten.mul.Scalar"(%1) {other = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}

// -----

// More elements are memory of their own.
// CHECK-LABEL: func.func @main
// CHECK: %[[SUM:[^:]*]] = "aten.add.Scalar"(%arg0)
// CHECK-NEXT: %[[GROWN:[^:]*]] = "aten.resize.default"(%[[SUM]]) {size = array<i64: 6, 3>
// CHECK-NEXT: %[[FILLED:[^:]*]] = "aten.fill.Scalar"(%[[GROWN]])
// CHECK-NEXT: "aten.mul.Scalar"(%[[FILLED]])
func.func @main(%x: tensor<4x3xf32>) -> tensor<6x3xf32> {
  %0 = "aten.add.Scalar"(%x) {other = 1 : i64} : (tensor<4x3xf32>) -> tensor<4x3xf32>
  %1 = "aten.resize_.default"(%0) {size = array<i64: 6, 3>} : (tensor<4x3xf32>) -> tensor<6x3xf32>
  %2 = "aten.fill_.Scalar"(%1) {value = 1.0 : f64} : (tensor<6x3xf32>) -> tensor<6x3xf32>
  %3 = "aten.mul.Scalar"(%1) {other = 2 : i64} : (tensor<6x3xf32>) -> tensor<6x3xf32>
  return %3 : tensor<6x3xf32>
}

// -----

// The sizes of a template.
// CHECK-LABEL: func.func @main
// CHECK: %[[SUM:[^:]*]] = "aten.add.Scalar"(%arg0)
// CHECK-NEXT: %[[LIKE:[^:]*]] = "aten.resize_as.default"(%[[SUM]], %arg1)
// CHECK-NEXT: return %[[LIKE]]
func.func @main(%x: tensor<4x3xf32>, %z: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = "aten.add.Scalar"(%x) {other = 1 : i64} : (tensor<4x3xf32>) -> tensor<4x3xf32>
  %1 = "aten.resize_as_.default"(%0, %z) : (tensor<4x3xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return %1 : tensor<3x4xf32>
}

// -----

// What a caller holds keeps its sizes.
func.func @main(%x: tensor<4x3xf32>) -> tensor<12xf32> {
  // expected-error@+1: E0304 `aten.resize_.default` has no functional form: its argument is an input, whose sizes stay
  %0 = "aten.resize_.default"(%x) {size = array<i64: 12>} : (tensor<4x3xf32>) -> tensor<12xf32>
  return %0 : tensor<12xf32>
}

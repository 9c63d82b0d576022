// RUN: expc opt %s --to core

// New strides are carried on through what is only permuted, and a view that they do not allow shows a copy.
// CHECK-LABEL: func.func @main
// CHECK: %[[SCALAR_TENSOR:[^:]*]] = "aten.scalar_tensor.default"() {device = #aten.device<"cpu">, dtype = f32, layout = #aten.layout<"strided">, s = 2 : i64
// CHECK-NEXT: %[[EXPAND:[^:]*]] = "aten.expand.default"(%[[SCALAR_TENSOR]]) {size = array<i64: 2, 2, 4>
// CHECK-NEXT: %[[INDEX_PUT:[^:]*]] = "aten.index_put.default"(%{{.*}}, %{{.*}}, %[[EXPAND]])
// CHECK-NEXT: %[[CLONE:[^:]*]] = "aten.clone.default"(%[[INDEX_PUT]]) {memory_format = #aten.memory_format<"contiguous_format">
// CHECK-NEXT: %[[PERMUTE:[^:]*]] = "aten.permute.default"(%[[CLONE]]) {dims = array<i64: 0, 2, 1>
// CHECK-NEXT: %[[CLONE2:[^:]*]] = "aten.clone.default"(%[[PERMUTE]]) {memory_format = #aten.memory_format<"contiguous_format">
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.view.default"(%[[CLONE2]]) {size = array<i64: 8, 3>
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>, %i: tensor<2xi64>) -> tensor<8x3xf32> {
  %0 = "aten.index_fill.int_Scalar"(%x, %i) {dim = 1 : i64, value = 2 : i64, operandSegmentSizes = array<i32: 1, 0, 1>} : (tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>, tensor<2xi64>) -> tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>
  %1 = "aten.permute.default"(%0) {dims = array<i64: 0, 2, 1>} : (tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>) -> tensor<2x4x3xf32>
  %2 = "aten.reshape.default"(%1) {shape = array<i64: 8, 3>} : (tensor<2x4x3xf32>) -> tensor<8x3xf32>
  return %2 : tensor<8x3xf32>
}

// -----

// A view that the new strides allow stays one.
// CHECK-LABEL: func.func @main
// CHECK: %[[SCALAR_TENSOR:[^:]*]] = "aten.scalar_tensor.default"() {device = #aten.device<"cpu">, dtype = f32, layout = #aten.layout<"strided">, s = 2 : i64
// CHECK-NEXT: %[[EXPAND:[^:]*]] = "aten.expand.default"(%[[SCALAR_TENSOR]]) {size = array<i64: 2, 2, 4>
// CHECK-NEXT: %[[INDEX_PUT:[^:]*]] = "aten.index_put.default"(%{{.*}}, %{{.*}}, %[[EXPAND]])
// CHECK-NEXT: %[[CLONE:[^:]*]] = "aten.clone.default"(%[[INDEX_PUT]]) {memory_format = #aten.memory_format<"contiguous_format">
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.view.default"(%[[CLONE]]) {size = array<i64: 2, 1, 3, 4>
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>, %i: tensor<2xi64>) -> tensor<2x1x3x4xf32, {strides = ["12", "12", "1", "3"]}> {
  %0 = "aten.index_fill.int_Scalar"(%x, %i) {dim = 1 : i64, value = 2 : i64, operandSegmentSizes = array<i32: 1, 0, 1>} : (tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>, tensor<2xi64>) -> tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>
  %1 = "aten.view.default"(%0) {size = array<i64: 2, 1, 3, 4>} : (tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>) -> tensor<2x1x3x4xf32, {strides = ["12", "12", "1", "3"]}>
  return %1 : tensor<2x1x3x4xf32, {strides = ["12", "12", "1", "3"]}>
}

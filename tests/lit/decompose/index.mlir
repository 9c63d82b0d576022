// RUN: expc opt %s --to core

// Elements are added at an index by putting with accumulation.
// CHECK-LABEL: func.func @main
// CHECK: %[[MUL:[^:]*]] = "aten.mul.Tensor"(%{{.*}})
// CHECK-NEXT: %[[INDEX_PUT:[^:]*]] = "aten.index_put.default"(%{{.*}}, %{{.*}}, %[[MUL]])
// CHECK-NEXT: return %[[INDEX_PUT]]
func.func @main(%x: tensor<3x4xf32>, %i: tensor<2xi64>, %y: tensor<3x2xf32>) -> tensor<3x4xf32> {
  %0 = "aten.index_add.default"(%x, %i, %y) {alpha = 2 : i64, dim = 1 : i64, operandSegmentSizes = array<i32: 1, 0, 1, 1>} : (tensor<3x4xf32>, tensor<2xi64>, tensor<3x2xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// A tensor without dimensions is filled as a row.
// CHECK-LABEL: func.func @main
// CHECK: %[[SCALAR_TENSOR:[^:]*]] = "aten.scalar_tensor.default"() {device = #aten.device<"cpu">, dtype = f32, layout = #aten.layout<"strided">, s = 2 : i64
// CHECK-NEXT: %[[UNSQUEEZE:[^:]*]] = "aten.unsqueeze.default"(%{{.*}}) {dim = 0 : i64
// CHECK-NEXT: %[[EXPAND:[^:]*]] = "aten.expand.default"(%[[SCALAR_TENSOR]]) {size = array<i64: 1>
// CHECK-NEXT: %[[UNSQUEEZE2:[^:]*]] = "aten.unsqueeze.default"(%{{.*}}) {dim = 0 : i64
// CHECK-NEXT: %[[INDEX_PUT:[^:]*]] = "aten.index_put.default"(%[[UNSQUEEZE]], %[[UNSQUEEZE2]], %[[EXPAND]])
// CHECK-NEXT: %[[SQUEEZE:[^:]*]] = "aten.squeeze.dims"(%[[INDEX_PUT]]) {dim = array<i64: 0>
// CHECK-NEXT: %[[CLONE:[^:]*]] = "aten.clone.default"(%[[SQUEEZE]])
// CHECK-NEXT: return %[[CLONE]]
func.func @main(%x: tensor<f32>, %i: tensor<i64>) -> tensor<f32> {
  %0 = "aten.index_fill.int_Scalar"(%x, %i) {dim = 0 : i64, value = 2 : i64, operandSegmentSizes = array<i32: 1, 0, 1>} : (tensor<f32>, tensor<i64>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// Elements are taken from the flat tensor.
// CHECK-LABEL: func.func @main
// CHECK: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}) {size = array<i64: -1>
// CHECK-NEXT: %[[INDEX:[^:]*]] = "aten.index.Tensor"(%[[VIEW]], %{{.*}})
// CHECK-NEXT: return %[[INDEX]]
func.func @main(%x: tensor<3x4xf32>, %i: tensor<2xi64>) -> tensor<2xf32> {
  %0 = "aten.take.default"(%x, %i) : (tensor<3x4xf32>, tensor<2xi64>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// Indices along a dimension wrap around.
// CHECK-LABEL: func.func @main
// CHECK: %[[EXPAND:[^:]*]] = "aten.expand.default"(%{{.*}}) {size = array<i64: 3, 2>
// CHECK-NEXT: %[[EXPAND2:[^:]*]] = "aten.expand.default"(%{{.*}}) {size = array<i64: 3, 4>
// CHECK-NEXT: %[[REMAINDER:[^:]*]] = "aten.remainder.Scalar"(%[[EXPAND]]) {other = 4 : i64
// CHECK-NEXT: %[[GATHER:[^:]*]] = "aten.gather.default"(%[[EXPAND2]], %[[REMAINDER]]) {dim = 1 : i64
// CHECK-NEXT: return %[[GATHER]]
func.func @main(%x: tensor<3x4xf32>, %i: tensor<1x2xi64>) -> tensor<3x2xf32> {
  %0 = "aten.take_along_dim.default"(%x, %i) {dim = 1 : i64} : (tensor<3x4xf32>, tensor<1x2xi64>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

// Sorting gives the order.
// CHECK-LABEL: func.func @main
// CHECK: %[[SORT:[^:]*]]:2 = "aten.sort.default"(%{{.*}}) {descending = true, dim = -1 : i64
// CHECK-NEXT: return %[[SORT]]#1
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xi64> {
  %0 = "aten.argsort.default"(%x) {descending = true} : (tensor<3x4xf32>) -> tensor<3x4xi64>
  return %0 : tensor<3x4xi64>
}

// -----

// Few elements are compared one by one.
// CHECK-LABEL: func.func @main
// CHECK: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}) {size = array<i64: 20, 1>
// CHECK-NEXT: %[[EQ:[^:]*]] = "aten.eq.Tensor"(%[[VIEW]], %{{.*}})
// CHECK-NEXT: %[[ANY:[^:]*]] = "aten.any.dims"(%[[EQ]]) {dim = array<i64: -1>
// CHECK-NEXT: return %[[ANY]]
func.func @main(%x: tensor<20xi64>, %y: tensor<5xi64>) -> tensor<20xi1> {
  %0 = "aten.isin.Tensor_Tensor"(%x, %y) : (tensor<20xi64>, tensor<5xi64>) -> tensor<20xi1>
  return %0 : tensor<20xi1>
}

// -----

// Many elements are sorted and searched.
// CHECK-LABEL: func.func @main
// CHECK: %[[SORT:[^:]*]]:2 = "aten.sort.default"(%{{.*}})
// CHECK-NEXT: %[[SEARCHSORTED:[^:]*]] = "aten.searchsorted.Tensor"(%[[SORT]]#0, %{{.*}})
// CHECK-NEXT: %[[LT:[^:]*]] = "aten.lt.Scalar"(%[[SEARCHSORTED]]) {other = 30 : i64
// CHECK-NEXT: %[[SCALAR_TENSOR:[^:]*]] = "aten.scalar_tensor.default"() {device = #aten.device<"cpu">, dtype = i64, layout = #aten.layout<"strided">, s = 0 : i64
// CHECK-NEXT: %[[WHERE:[^:]*]] = "aten.where.self"(%[[LT]], %[[SEARCHSORTED]], %[[SCALAR_TENSOR]])
// CHECK-NEXT: %[[INDEX:[^:]*]] = "aten.index.Tensor"(%[[SORT]]#0, %[[WHERE]])
// CHECK-NEXT: %[[EQ:[^:]*]] = "aten.eq.Tensor"(%[[INDEX]], %{{.*}})
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.view.default"(%[[EQ]]) {size = array<i64: 2>
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<2xi64>, %y: tensor<30xi64>) -> tensor<2xi1> {
  %0 = "aten.isin.Tensor_Tensor"(%x, %y) : (tensor<2xi64>, tensor<30xi64>) -> tensor<2xi1>
  return %0 : tensor<2xi1>
}

// -----

// Classes are compared with a range.
// CHECK-LABEL: func.func @main
// CHECK: %[[ARANGE:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 5 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[UNSQUEEZE:[^:]*]] = "aten.unsqueeze.default"(%{{.*}}) {dim = -1 : i64
// CHECK-NEXT: %[[EQ:[^:]*]] = "aten.eq.Tensor"(%[[UNSQUEEZE]], %[[ARANGE]])
// CHECK-NEXT: %[[TO_COPY:[^:]*]] = "aten._to_copy.default"(%[[EQ]]) {dtype = i64
// CHECK-NEXT: return %[[TO_COPY]]
func.func @main(%x: tensor<3xi64>) -> tensor<3x5xi64> {
  %0 = "aten.one_hot.default"(%x) {num_classes = 5 : i64} : (tensor<3xi64>) -> tensor<3x5xi64>
  return %0 : tensor<3x5xi64>
}

// -----

// A selected part is put where the index is.
// CHECK-LABEL: func.func @main
// CHECK: %[[ARANGE:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 4 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.view.default"(%[[ARANGE]]) {size = array<i64: 1, -1>
// CHECK-NEXT: %[[EQ:[^:]*]] = "aten.eq.Scalar"(%[[VIEW]]) {other = 2 : i64
// CHECK-NEXT: %[[UNSQUEEZE:[^:]*]] = "aten.unsqueeze.default"(%{{.*}}) {dim = 1 : i64
// CHECK-NEXT: %[[EXPAND:[^:]*]] = "aten.expand.default"(%[[UNSQUEEZE]]) {size = array<i64: 3, 4>
// CHECK-NEXT: %[[WHERE:[^:]*]] = "aten.where.self"(%[[EQ]], %[[EXPAND]], %{{.*}})
// CHECK-NEXT: return %[[WHERE]]
func.func @main(%x: tensor<3x4xf32>, %y: tensor<3xf32>) -> tensor<3x4xf32> {
  %0 = "aten.select_scatter.default"(%x, %y) {dim = -1 : i64, index = -2 : i64} : (tensor<3x4xf32>, tensor<3xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// Indices are kept within bounds and the mask decides.
// CHECK-LABEL: func.func @main
// CHECK: %[[CLAMP:[^:]*]] = "aten.clamp.default"(%{{.*}}) {max = 4 : i64, min = 0 : i64
// CHECK-NEXT: %[[INDEX:[^:]*]] = "aten.index.Tensor"(%{{.*}}, %[[CLAMP]])
// CHECK-NEXT: %[[BITWISE_NOT:[^:]*]] = "aten.bitwise_not.default"(%{{.*}})
// CHECK-NEXT: %[[SCALAR_TENSOR:[^:]*]] = "aten.scalar_tensor.default"() {device = #aten.device<"cpu">, dtype = f32, layout = #aten.layout<"strided">, s = 5.000000e-01 : f64
// CHECK-NEXT: %[[WHERE:[^:]*]] = "aten.where.self"(%[[BITWISE_NOT]], %[[SCALAR_TENSOR]], %[[INDEX]])
// CHECK-NEXT: return %[[WHERE]]
func.func @main(%x: tensor<5x5xf32>, %m: tensor<3x5xi1>, %i: tensor<3xi64>) -> tensor<3x5xf32> {
  %0 = "aten._unsafe_masked_index.default"(%x, %m, %i) {fill = 0.5 : f64, indices = array<i1: true, false>, operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<5x5xf32>, tensor<3x5xi1>, tensor<3xi64>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}

// RUN: expc opt %s --to core

// A cast to another dtype copies.
// CHECK-LABEL: func.func @main
// CHECK: %[[TO_COPY:[^:]*]] = "aten._to_copy.default"(%{{.*}}) {dtype = f64
// CHECK-NEXT: return %[[TO_COPY]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xf64> {
  %0 = "aten.to.dtype"(%x) {dtype = f64} : (tensor<3x4xf32>) -> tensor<3x4xf64>
  return %0 : tensor<3x4xf64>
}

// -----

// A cast to the same dtype is nothing.
// CHECK-LABEL: func.func @main
// CHECK: return %arg{{.*}}
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = "aten.to.dtype"(%x) {dtype = f32} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// A copy that is asked for is made.
// CHECK-LABEL: func.func @main
// CHECK: %[[TO_COPY:[^:]*]] = "aten._to_copy.default"(%{{.*}}) {dtype = f32
// CHECK-NEXT: return %[[TO_COPY]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = "aten.to.dtype"(%x) {dtype = f32, copy = true} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// A cast to what another tensor is names dtype, layout and device.
// CHECK-LABEL: func.func @main
// CHECK: %[[TO_COPY:[^:]*]] = "aten._to_copy.default"(%{{.*}}) {device = #aten.device<"cpu">, dtype = i64, layout = #aten.layout<"strided">
// CHECK-NEXT: return %[[TO_COPY]]
func.func @main(%x: tensor<3x4xf32>, %y: tensor<2xi64>) -> tensor<3x4xi64> {
  %0 = "aten.type_as.default"(%x, %y) : (tensor<3x4xf32>, tensor<2xi64>) -> tensor<3x4xi64>
  return %0 : tensor<3x4xi64>
}

// -----

// A view that copies is the view and a copy.
// CHECK-LABEL: func.func @main
// CHECK: %[[PERMUTE:[^:]*]] = "aten.permute.default"(%{{.*}}) {dims = array<i64: 1, 0>
// CHECK-NEXT: %[[CLONE:[^:]*]] = "aten.clone.default"(%[[PERMUTE]]) {memory_format = #aten.memory_format<"contiguous_format">
// CHECK-NEXT: return %[[CLONE]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<4x3xf32> {
  %0 = "aten.t_copy.default"(%x) : (tensor<3x4xf32>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// -----

// The real part of a complex tensor is the first of each pair.
// CHECK-LABEL: func.func @main
// CHECK: %[[VIEW_AS_REAL:[^:]*]] = "aten.view_as_real.default"(%{{.*}})
// CHECK-NEXT: %[[SELECT:[^:]*]] = "aten.select.int"(%[[VIEW_AS_REAL]]) {dim = 1 : i64, index = 0 : i64
// CHECK-NEXT: return %[[SELECT]]
func.func @main(%x: tensor<3xcomplex<f32>>) -> tensor<3xf32, {strides = ["2"]}> {
  %0 = "aten.real.default"(%x) : (tensor<3xcomplex<f32>>) -> tensor<3xf32, {strides = ["2"]}>
  return %0 : tensor<3xf32, {strides = ["2"]}>
}

// -----

// The imaginary part of a conjugate that is not computed yet is negated.
// CHECK-LABEL: func.func @main
// CHECK: %[[CONJ:[^:]*]] = "aten._conj.default"(%{{.*}})
// CHECK-NEXT: %[[CONJ2:[^:]*]] = "aten._conj.default"(%[[CONJ]])
// CHECK-NEXT: %[[VIEW_AS_REAL:[^:]*]] = "aten.view_as_real.default"(%[[CONJ2]])
// CHECK-NEXT: %[[NEG_VIEW:[^:]*]] = "aten._neg_view.default"(%[[VIEW_AS_REAL]])
// CHECK-NEXT: %[[SELECT:[^:]*]] = "aten.select.int"(%[[NEG_VIEW]]) {dim = 1 : i64, index = 1 : i64
// CHECK-NEXT: return %[[SELECT]]
func.func @main(%x: tensor<3xcomplex<f32>>) -> tensor<3xf32, {storage_offset = "1", strides = ["2"]}> {
  %c = "aten._conj.default"(%x) : (tensor<3xcomplex<f32>>) -> tensor<3xcomplex<f32>>
  %0 = "aten.imag.default"(%c) : (tensor<3xcomplex<f32>>) -> tensor<3xf32, {storage_offset = "1", strides = ["2"]}>
  return %0 : tensor<3xf32, {storage_offset = "1", strides = ["2"]}>
}

// -----

// A tensor that is no conjugate is resolved already.
// CHECK-LABEL: func.func @main
// CHECK: return %arg{{.*}}
func.func @main(%x: tensor<3xcomplex<f32>>) -> tensor<3xcomplex<f32>> {
  %0 = "aten.resolve_conj.default"(%x) : (tensor<3xcomplex<f32>>) -> tensor<3xcomplex<f32>>
  return %0 : tensor<3xcomplex<f32>>
}

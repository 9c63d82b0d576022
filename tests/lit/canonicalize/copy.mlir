// RUN: expc opt %s --passes=canonicalize

// Copies and casts of what is already so.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[RELU:[^:]*]] = "aten.relu.default"
// CHECK-NEXT: return %[[RELU]]
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "aten.relu.default"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = "aten.clone.default"(%0) {memory_format = #aten.memory_format<"contiguous_format">} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = "aten._to_copy.default"(%1) {dtype = f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// -----

// A copy of an input that is returned is no input; one that is only read is.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[CLONE:[^:]*]] = "aten.clone.default"(%[[X:[^)]*]])
// CHECK-NEXT: %[[EXP:[^:]*]] = "aten.exp.default"(%[[X]])
// CHECK-NEXT: return %[[CLONE]], %[[EXP]]
func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = "aten.clone.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.clone.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %2 = "aten.exp.default"(%1) : (tensor<2xf32>) -> tensor<2xf32>
  return %0, %2 : tensor<2xf32>, tensor<2xf32>
}

// -----

// Nor is a view of such a copy.
// CHECK-LABEL: func.func @main
// CHECK: aten.clone.default
// CHECK-NEXT: aten.view.default
func.func @main(%x: tensor<2xf32>) -> tensor<2x1xf32> {
  %0 = "aten.clone.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.view.default"(%0) {size = array<i64: 2, 1>} : (tensor<2xf32>) -> tensor<2x1xf32>
  return %1 : tensor<2x1xf32>
}

// -----

// A copy in another order in memory is one, and so is a row-major one of an input: its strides are the caller's.
// CHECK-LABEL: func.func @main
// CHECK-COUNT-2: aten.clone.default
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "aten.clone.default"(%x) {memory_format = #aten.memory_format<"contiguous_format">} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = "aten.permute.default"(%0) {dims = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32, {strides = ["1", "3"]}>
  %2 = "aten.clone.default"(%1) {memory_format = #aten.memory_format<"contiguous_format">} : (tensor<3x2xf32, {strides = ["1", "3"]}>) -> tensor<3x2xf32>
  %3 = "aten.view.default"(%2) {size = array<i64: 2, 3>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}

// -----

// A copy of a copy is one of what was copied first.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[COPY:[^:]*]] = "aten._to_copy.default"(%{{.*}}) {dtype = f64} : (tensor<2xf32>)
// CHECK-NEXT: return %[[COPY]]
func.func @main(%x: tensor<2xf32>) -> tensor<2xf64> {
  %0 = "aten.clone.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten._to_copy.default"(%0) {dtype = f64} : (tensor<2xf32>) -> tensor<2xf64>
  return %1 : tensor<2xf64>
}

// -----

// A cast to a wider dtype and on is one cast, or none where it leads back.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[COPY:[^:]*]] = "aten._to_copy.default"(%{{.*}}) {dtype = f64} : (tensor<2xi8>)
// CHECK-NEXT: %[[EXP:[^:]*]] = "aten.exp.default"
// CHECK-NEXT: return %[[COPY]], %[[EXP]]
func.func @main(%n: tensor<2xi8>, %x: tensor<2xf32>) -> (tensor<2xf64>, tensor<2xf32>) {
  %0 = "aten._to_copy.default"(%n) {dtype = i32} : (tensor<2xi8>) -> tensor<2xi32>
  %1 = "aten._to_copy.default"(%0) {dtype = f64} : (tensor<2xi32>) -> tensor<2xf64>
  %2 = "aten._to_copy.default"(%x) {dtype = f64} : (tensor<2xf32>) -> tensor<2xf64>
  %3 = "aten._to_copy.default"(%2) {dtype = f32} : (tensor<2xf64>) -> tensor<2xf32>
  %4 = "aten.exp.default"(%3) : (tensor<2xf32>) -> tensor<2xf32>
  return %1, %4 : tensor<2xf64>, tensor<2xf32>
}

// -----

// Casts that lose values stay: to a narrower dtype, to one without signs, from half precision and back.
// CHECK-LABEL: func.func @main
// CHECK-COUNT-6: aten._to_copy.default
func.func @main(%x: tensor<2xf64>, %n: tensor<2xi8>, %h: tensor<2xbf16>) -> (tensor<2xf64>, tensor<2xi64>, tensor<2xbf16>) {
  %0 = "aten._to_copy.default"(%x) {dtype = f32} : (tensor<2xf64>) -> tensor<2xf32>
  %1 = "aten._to_copy.default"(%0) {dtype = f64} : (tensor<2xf32>) -> tensor<2xf64>
  %2 = "aten._to_copy.default"(%n) {dtype = ui16} : (tensor<2xi8>) -> tensor<2xui16>
  %3 = "aten._to_copy.default"(%2) {dtype = i64} : (tensor<2xui16>) -> tensor<2xi64>
  %4 = "aten._to_copy.default"(%h) {dtype = f32} : (tensor<2xbf16>) -> tensor<2xf32>
  %5 = "aten._to_copy.default"(%4) {dtype = bf16} : (tensor<2xf32>) -> tensor<2xbf16>
  return %1, %3, %5 : tensor<2xf64>, tensor<2xi64>, tensor<2xbf16>
}

// -----

// What is written over all of a tensor takes its place, unless it is cast or widened on the way.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[RELU:[^:]*]] = "aten.relu.default"
// CHECK-NEXT: %[[EXP:[^:]*]] = "aten.exp.default"(%[[RELU]])
// CHECK-NEXT: %[[COPY:[^:]*]] = "aten.copy.default"(%{{.*}}, %[[RELU]])
// CHECK-NEXT: return %[[EXP]], %[[COPY]]
func.func @main(%x: tensor<2xf32>, %y: tensor<2xf32>, %z: tensor<3x2xf32>) -> (tensor<2xf32>, tensor<3x2xf32>) {
  %0 = "aten.relu.default"(%y) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.copy.default"(%x, %0) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %2 = "aten.exp.default"(%1) : (tensor<2xf32>) -> tensor<2xf32>
  %3 = "aten.copy.default"(%z, %0) : (tensor<3x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  return %2, %3 : tensor<2xf32>, tensor<3x2xf32>
}

// -----

// A program that writes to its arguments is refused.
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error@+2: E0314 `canonicalize` needs a functional program, `aten.add_.Tensor` writes to its arguments
  // expected-help: run `functionalize` before
  %0 = "aten.add_.Tensor"(%x, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// RUN: expc opt %s --to core

// Zeros are a filled tensor.
// CHECK-LABEL: func.func @main
// CHECK: %[[FULL:[^:]*]] = "aten.full.default"() {device = #aten.device<"cpu">, dtype = f32, fill_value = 0 : i64, layout = #aten.layout<"strided">, pin_memory = false, size = array<i64: 2, 3>
// CHECK-NEXT: return %[[FULL]]
func.func @main() -> tensor<2x3xf32> {
  %0 = "aten.zeros.default"() {size = array<i64: 2, 3>} : () -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// Bool has no numbers.
// CHECK-LABEL: func.func @main
// CHECK: %[[FULL:[^:]*]] = "aten.full.default"() {device = #aten.device<"cpu">, dtype = i1, fill_value = true, layout = #aten.layout<"strided">, pin_memory = false, size = array<i64: 2>
// CHECK-NEXT: return %[[FULL]]
func.func @main() -> tensor<2xi1> {
  %0 = "aten.ones.default"() {size = array<i64: 2>, dtype = i1} : () -> tensor<2xi1>
  return %0 : tensor<2xi1>
}

// -----

// A tensor like another keeps its order in memory.
// CHECK-LABEL: func.func @main
// CHECK: %[[EMPTY_PERMUTED:[^:]*]] = "aten.empty_permuted.default"() {device = #aten.device<"cpu">, dtype = f32, layout = #aten.layout<"strided">, physical_layout = array<i64: 0, 2, 1>, pin_memory = false, size = array<i64: 2, 3, 4>
// CHECK-NEXT: return %[[EMPTY_PERMUTED]]
func.func @main(%x: tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>) -> tensor<2x3x4xf32, {strides = ["12", "1", "3"]}> {
  %0 = "aten.empty_like.default"(%x) : (tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>) -> tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>
  return %0 : tensor<2x3x4xf32, {strides = ["12", "1", "3"]}>
}

// -----

// A new tensor has dtype and device of its origin.
// CHECK-LABEL: func.func @main
// CHECK: %[[FULL:[^:]*]] = "aten.full.default"() {device = #aten.device<"cpu">, dtype = i64, fill_value = 3 : i64, layout = #aten.layout<"strided">, pin_memory = false, size = array<i64: 4>
// CHECK-NEXT: return %[[FULL]]
func.func @main(%x: tensor<2xi64>) -> tensor<4xi64> {
  %0 = "aten.new_full.default"(%x) {size = array<i64: 4>, fill_value = 3 : i64} : (tensor<2xi64>) -> tensor<4xi64>
  return %0 : tensor<4xi64>
}

// -----

// A range has a step.
// CHECK-LABEL: func.func @main
// CHECK: %[[ARANGE:[^:]*]] = "aten.arange.start_step"() {end = 5 : i64, start = 0 : i64
// CHECK-NEXT: return %[[ARANGE]]
func.func @main() -> tensor<5xi64> {
  %0 = "aten.arange.default"() {end = 5 : i64} : () -> tensor<5xi64>
  return %0 : tensor<5xi64>
}

// -----

// A unit matrix is compared in the smallest dtype that holds its sizes.
// CHECK-LABEL: func.func @main
// CHECK: %[[ARANGE:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = ui16, end = 300 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[ARANGE2:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = ui16, end = 2 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[UNSQUEEZE:[^:]*]] = "aten.unsqueeze.default"(%[[ARANGE]]) {dim = -1 : i64
// CHECK-NEXT: %[[EQ:[^:]*]] = "aten.eq.Tensor"(%[[UNSQUEEZE]], %[[ARANGE2]])
// CHECK-NEXT: %[[TO_COPY:[^:]*]] = "aten._to_copy.default"(%[[EQ]]) {dtype = f32
// CHECK-NEXT: return %[[TO_COPY]]
func.func @main() -> tensor<300x2xf32> {
  %0 = "aten.eye.m"() {n = 300 : i64, m = 2 : i64} : () -> tensor<300x2xf32>
  return %0 : tensor<300x2xf32>
}

// -----

// Steps are counted from the nearer end.
// CHECK-LABEL: func.func @main
// CHECK: %[[ARANGE:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 4 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[LT:[^:]*]] = "aten.lt.Scalar"(%[[ARANGE]]) {other = 2.000000e+00 : f64
// CHECK-NEXT: %[[TO_COPY:[^:]*]] = "aten._to_copy.default"(%[[ARANGE]]) {dtype = f32
// CHECK-NEXT: %[[MUL:[^:]*]] = "aten.mul.Tensor"(%[[TO_COPY]])
// CHECK-NEXT: %[[ADD:[^:]*]] = "aten.add.Tensor"(%[[MUL]])
// CHECK-NEXT: %[[SUB:[^:]*]] = "aten.sub.Tensor"(%[[ARANGE]])
// CHECK-NEXT: %[[TO_COPY2:[^:]*]] = "aten._to_copy.default"(%[[SUB]]) {dtype = f32
// CHECK-NEXT: %[[MUL2:[^:]*]] = "aten.mul.Tensor"(%[[TO_COPY2]])
// CHECK-NEXT: %[[SUB2:[^:]*]] = "aten.sub.Tensor"(%[[MUL2]])
// CHECK-NEXT: %[[WHERE:[^:]*]] = "aten.where.self"(%[[LT]], %[[ADD]], %[[SUB2]])
// CHECK-NEXT: %[[TO_COPY3:[^:]*]] = "aten._to_copy.default"(%[[WHERE]]) {dtype = bf16
// CHECK-NEXT: return %[[TO_COPY3]]
func.func @main() -> tensor<4xbf16> {
  %0 = "aten.linspace.default"() {start = 1.5 : f64, end = 5 : i64, steps = 4 : i64, dtype = bf16} : () -> tensor<4xbf16>
  return %0 : tensor<4xbf16>
}

// -----

// One step is the start.
// CHECK-LABEL: func.func @main
// CHECK: %[[FULL:[^:]*]] = "aten.full.default"() {device = #aten.device<"cpu">, dtype = f32, fill_value = 1.500000e+00 : f64, layout = #aten.layout<"strided">, pin_memory = false, size = array<i64: 1>
// CHECK-NEXT: return %[[FULL]]
func.func @main() -> tensor<1xf32> {
  %0 = "aten.linspace.default"() {start = 1.5 : f64, end = 5 : i64, steps = 1 : i64} : () -> tensor<1xf32>
  return %0 : tensor<1xf32>
}

// -----

// Powers are computed in double precision.
// CHECK-LABEL: func.func @main
// CHECK: %[[ARANGE:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 3 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[LT:[^:]*]] = "aten.lt.Scalar"(%[[ARANGE]]) {other = 1.500000e+00 : f64
// CHECK-NEXT: %[[TO_COPY:[^:]*]] = "aten._to_copy.default"(%[[ARANGE]]) {dtype = f64
// CHECK-NEXT: %[[MUL:[^:]*]] = "aten.mul.Tensor"(%[[TO_COPY]])
// CHECK-NEXT: %[[ADD:[^:]*]] = "aten.add.Tensor"(%[[MUL]])
// CHECK-NEXT: %[[SUB:[^:]*]] = "aten.sub.Tensor"(%[[ARANGE]])
// CHECK-NEXT: %[[TO_COPY2:[^:]*]] = "aten._to_copy.default"(%[[SUB]]) {dtype = f64
// CHECK-NEXT: %[[MUL2:[^:]*]] = "aten.mul.Tensor"(%[[TO_COPY2]])
// CHECK-NEXT: %[[SUB2:[^:]*]] = "aten.sub.Tensor"(%[[MUL2]])
// CHECK-NEXT: %[[WHERE:[^:]*]] = "aten.where.self"(%[[LT]], %[[ADD]], %[[SUB2]])
// CHECK-NEXT: %[[POW:[^:]*]] = "aten.pow.Scalar"(%[[WHERE]]) {self = 1.000000e+01 : f64
// CHECK-NEXT: %[[TO_COPY3:[^:]*]] = "aten._to_copy.default"(%[[POW]]) {dtype = f32
// CHECK-NEXT: return %[[TO_COPY3]]
func.func @main() -> tensor<3xf32> {
  %0 = "aten.logspace.default"() {start = 0 : i64, end = 2 : i64, steps = 3 : i64} : () -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// A recorded type that is wrong is the program's fault.
func.func @main() -> tensor<2x3xf32> {
  // expected-error@+1: E0409 `aten.zeros.default` gives tensor<2x4xf32>, the program records tensor<2x3xf32>
  %0 = "aten.zeros.default"() {size = array<i64: 2, 4>} : () -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

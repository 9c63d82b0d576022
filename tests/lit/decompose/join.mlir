// RUN: expc opt %s --to core

// A stack is a view of what lies side by side.
// CHECK-LABEL: func.func @main
// CHECK: %[[CAT:[^:]*]] = "aten.cat.default"(%{{.*}}, %{{.*}})
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.view.default"(%[[CAT]]) {size = array<i64: 3, 2, 4>
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x2x4xf32> {
  %0 = "aten.stack.default"(%x, %x) {dim = 1 : i64, operandSegmentSizes = array<i32: 2>} : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x2x4xf32>
  return %0 : tensor<3x2x4xf32>
}

// -----

// A stack behind the last dimension has none.
// CHECK-LABEL: func.func @main
// CHECK: %[[UNSQUEEZE:[^:]*]] = "aten.unsqueeze.default"(%{{.*}}) {dim = 2 : i64
// CHECK-NEXT: %[[UNSQUEEZE2:[^:]*]] = "aten.unsqueeze.default"(%{{.*}}) {dim = 2 : i64
// CHECK-NEXT: %[[CAT:[^:]*]] = "aten.cat.default"(%[[UNSQUEEZE]], %[[UNSQUEEZE2]])
// CHECK-NEXT: return %[[CAT]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4x2xf32> {
  %0 = "aten.stack.default"(%x, %x) {dim = -1 : i64, operandSegmentSizes = array<i32: 2>} : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4x2xf32>
  return %0 : tensor<3x4x2xf32>
}

// -----

// Rows stand side by side along their only dimension.
// CHECK-LABEL: func.func @main
// CHECK: %[[CAT:[^:]*]] = "aten.cat.default"(%{{.*}}, %{{.*}})
// CHECK-NEXT: return %[[CAT]]
func.func @main(%x: tensor<5xf32>) -> tensor<10xf32> {
  %0 = "aten.hstack.default"(%x, %x) {operandSegmentSizes = array<i32: 2>} : (tensor<5xf32>, tensor<5xf32>) -> tensor<10xf32>
  return %0 : tensor<10xf32>
}

// -----

// Blocks are filled up with zeros.
// CHECK-LABEL: func.func @main
// CHECK: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}) {size = array<i64: 1, -1>
// CHECK-NEXT: %[[FULL:[^:]*]] = "aten.full.default"() {device = #aten.device<"cpu">, dtype = f32, fill_value = 0 : i64, layout = #aten.layout<"strided">, pin_memory = false, size = array<i64: 3, 0>
// CHECK-NEXT: %[[FULL2:[^:]*]] = "aten.full.default"() {device = #aten.device<"cpu">, dtype = f32, fill_value = 0 : i64, layout = #aten.layout<"strided">, pin_memory = false, size = array<i64: 3, 5>
// CHECK-NEXT: %[[CAT:[^:]*]] = "aten.cat.default"(%[[FULL]], %{{.*}}, %[[FULL2]])
// CHECK-NEXT: %[[FULL3:[^:]*]] = "aten.full.default"() {device = #aten.device<"cpu">, dtype = f32, fill_value = 0 : i64, layout = #aten.layout<"strided">, pin_memory = false, size = array<i64: 1, 4>
// CHECK-NEXT: %[[FULL4:[^:]*]] = "aten.full.default"() {device = #aten.device<"cpu">, dtype = f32, fill_value = 0 : i64, layout = #aten.layout<"strided">, pin_memory = false, size = array<i64: 1, 0>
// CHECK-NEXT: %[[CAT2:[^:]*]] = "aten.cat.default"(%[[FULL3]], %[[VIEW]], %[[FULL4]])
// CHECK-NEXT: %[[CAT3:[^:]*]] = "aten.cat.default"(%[[CAT]], %[[CAT2]])
// CHECK-NEXT: return %[[CAT3]]
func.func @main(%x: tensor<3x4xf32>, %y: tensor<5xf32>) -> tensor<4x9xf32> {
  %0 = "aten.block_diag.default"(%x, %y) {operandSegmentSizes = array<i32: 2>} : (tensor<3x4xf32>, tensor<5xf32>) -> tensor<4x9xf32>
  return %0 : tensor<4x9xf32>
}

// -----

// With `xy` the second tensor runs along the first dimension.
// CHECK-LABEL: func.func @main
// CHECK: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}) {size = array<i64: -1, 1>
// CHECK-NEXT: %[[EXPAND:[^:]*]] = "aten.expand.default"(%[[VIEW]]) {size = array<i64: 3, 5>
// CHECK-NEXT: %[[VIEW2:[^:]*]] = "aten.view.default"(%{{.*}}) {size = array<i64: 1, -1>
// CHECK-NEXT: %[[EXPAND2:[^:]*]] = "aten.expand.default"(%[[VIEW2]]) {size = array<i64: 3, 5>
// CHECK-NEXT: return %[[EXPAND2]], %[[EXPAND]]
func.func @main(%x: tensor<5xf32>, %y: tensor<3xf32>) -> (tensor<3x5xf32, {strides = ["0", "1"]}>, tensor<3x5xf32, {strides = ["1", "0"]}>) {
  %0:2 = "aten.meshgrid.indexing"(%x, %y) {indexing = "xy", operandSegmentSizes = array<i32: 2, 0>} : (tensor<5xf32>, tensor<3xf32>) -> (tensor<3x5xf32, {strides = ["0", "1"]}>, tensor<3x5xf32, {strides = ["1", "0"]}>)
  return %0#0, %0#1 : tensor<3x5xf32, {strides = ["0", "1"]}>, tensor<3x5xf32, {strides = ["1", "0"]}>
}

// -----

// Missing repeats are ones before.
// CHECK-LABEL: func.func @main
// CHECK: %[[REPEAT:[^:]*]] = "aten.repeat.default"(%{{.*}}) {repeats = array<i64: 1, 2>
// CHECK-NEXT: return %[[REPEAT]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x8xf32> {
  %0 = "aten.tile.default"(%x) {dims = array<i64: 2>} : (tensor<3x4xf32>) -> tensor<3x8xf32>
  return %0 : tensor<3x8xf32>
}

// -----

// Sequences are padded to the longest.
// CHECK-LABEL: func.func @main
// CHECK: %[[FULL:[^:]*]] = "aten.full.default"() {device = #aten.device<"cpu">, dtype = f32, fill_value = 0.000000e+00 : f64, layout = #aten.layout<"strided">, pin_memory = false, size = array<i64: 2, 5>
// CHECK-NEXT: %[[CONSTANT_PAD_ND:[^:]*]] = "aten.constant_pad_nd.default"(%{{.*}}) {pad = array<i64: 0, 0>, value = 0.000000e+00 : f64
// CHECK-NEXT: %[[ARANGE:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 2 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.view.default"(%[[ARANGE]]) {size = array<i64: -1, 1>
// CHECK-NEXT: %[[EQ:[^:]*]] = "aten.eq.Scalar"(%[[VIEW]]) {other = 0 : i64
// CHECK-NEXT: %[[UNSQUEEZE:[^:]*]] = "aten.unsqueeze.default"(%[[CONSTANT_PAD_ND]]) {dim = 0 : i64
// CHECK-NEXT: %[[EXPAND:[^:]*]] = "aten.expand.default"(%[[UNSQUEEZE]]) {size = array<i64: 2, 5>
// CHECK-NEXT: %[[WHERE:[^:]*]] = "aten.where.self"(%[[EQ]], %[[EXPAND]], %[[FULL]])
// CHECK-NEXT: %[[CONSTANT_PAD_ND2:[^:]*]] = "aten.constant_pad_nd.default"(%{{.*}}) {pad = array<i64: 0, 2>, value = 0.000000e+00 : f64
// CHECK-NEXT: %[[ARANGE2:[^:]*]] = "aten.arange.start_step"() {device = #aten.device<"cpu">, dtype = i64, end = 2 : i64, layout = #aten.layout<"strided">, pin_memory = false, start = 0 : i64, step = 1 : i64
// CHECK-NEXT: %[[VIEW2:[^:]*]] = "aten.view.default"(%[[ARANGE2]]) {size = array<i64: -1, 1>
// CHECK-NEXT: %[[EQ2:[^:]*]] = "aten.eq.Scalar"(%[[VIEW2]]) {other = 1 : i64
// CHECK-NEXT: %[[UNSQUEEZE2:[^:]*]] = "aten.unsqueeze.default"(%[[CONSTANT_PAD_ND2]]) {dim = 0 : i64
// CHECK-NEXT: %[[EXPAND2:[^:]*]] = "aten.expand.default"(%[[UNSQUEEZE2]]) {size = array<i64: 2, 5>
// CHECK-NEXT: %[[WHERE2:[^:]*]] = "aten.where.self"(%[[EQ2]], %[[EXPAND2]], %[[WHERE]])
// CHECK-NEXT: return %[[WHERE2]]
func.func @main(%x: tensor<5xf32>, %y: tensor<3xf32>) -> tensor<2x5xf32> {
  %0 = "aten.pad_sequence.default"(%x, %y) {batch_first = true, operandSegmentSizes = array<i32: 2>} : (tensor<5xf32>, tensor<3xf32>) -> tensor<2x5xf32>
  return %0 : tensor<2x5xf32>
}

// -----

// A size that data decide has the symbol that the program records for it in all parts; one that is new is declared.
// CHECK: aten.ranges = {{.}}["u3", 0, none], ["[[NEW:u[0-9]+]]", 0, none]], aten.symbols = [{integer, name = "u3"}, {integer, name = "[[NEW]]"}]
// CHECK: "aten.masked_select.default"
// CHECK-SAME: -> tensor<?xf32, {sizes = ["u3"]}>
// CHECK: "aten.masked_select.default"
// CHECK-SAME: -> tensor<?xf32, {sizes = ["[[NEW]]"]}>
// CHECK: "aten.cat.default"
// CHECK-SAME: -> tensor<?x2xf32, {sizes = ["u3", "2"]}>
module attributes {aten.symbols = [{integer, name = "u3"}], aten.ranges = [["u3", 0, none]]} {
  func.func @main(%x: tensor<4xf32>) -> tensor<?x2xf32, {sizes = ["u3", "2"]}> {
    %0 = "aten.combinations.default"(%x) {r = 2 : i64} : (tensor<4xf32>) -> tensor<?x2xf32, {sizes = ["u3", "2"]}>
    return %0 : tensor<?x2xf32, {sizes = ["u3", "2"]}>
  }
}

// RUN: expc opt %s --passes functionalize

// A write through a view becomes the functional op and the inverse view, and later readers see the new base.
// CHECK-LABEL: func.func @main
// CHECK: %[[Y:.*]] = "aten.mul.Tensor"
// CHECK-NEXT: %[[VIEW:.*]] = "aten.slice.Tensor"(%[[Y]])
// CHECK-NEXT: %[[SUM:.*]] = "aten.add.Tensor"(%[[VIEW]])
// CHECK-NEXT: %[[NEW:.*]] = "aten.slice_scatter.default"(%[[Y]], %[[SUM]]) {dim = 1 : i64, end = 3 : i64, start = 1 : i64}
// CHECK-NEXT: return %[[NEW]]
func.func @main(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {
  %y = "aten.mul.Tensor"(%x) {operandSegmentSizes = array<i32: 1>, other = 2 : i64} : (tensor<4x3xf32>) -> tensor<4x3xf32>
  %v = "aten.slice.Tensor"(%y) {dim = 1 : i64, end = 3 : i64, start = 1 : i64} : (tensor<4x3xf32>) -> tensor<4x2xf32, {storage_offset = "1", strides = ["3", "1"]}>
  %w = "aten.add_.Tensor"(%v) {operandSegmentSizes = array<i32: 1>, other = 1 : i64} : (tensor<4x2xf32, {storage_offset = "1", strides = ["3", "1"]}>) -> tensor<4x2xf32, {storage_offset = "1", strides = ["3", "1"]}>
  return %y : tensor<4x3xf32>
}

// -----

// A buffer that is written to is returned before the user's outputs.
// CHECK-LABEL: func.func @main
// CHECK-SAME: kind = "buffer_mutation", target = "count"
// CHECK-SAME: kind = "user_output"
// CHECK: %[[NEW:.*]] = "aten.add.Tensor"(%{{.*}}) {operandSegmentSizes = array<i32: 1>, other = 1 : i64}
// CHECK-NEXT: return %[[NEW]], %[[NEW]]
func.func @main(%count: tensor<i64> {aten.input = {kind = "buffer", name = "b_count", persistent = true, target = "count"}}) -> tensor<i64> {
  %0 = "aten.add_.Tensor"(%count) {operandSegmentSizes = array<i32: 1>, other = 1 : i64} : (tensor<i64>) -> tensor<i64>
  %1 = "aten.copy_.default"(%count, %0) : (tensor<i64>, tensor<i64>) -> tensor<i64>
  return %0 : tensor<i64>
}

// -----

// Another view of a written base is made anew when it is read.
// CHECK-LABEL: func.func @main
// CHECK: "aten.select_scatter.default"
// CHECK: %[[FLAT:.*]] = "aten.view.default"(%{{.*}}) {size = array<i64: 12>}
// CHECK-NEXT: "aten.relu.default"(%[[FLAT]])
func.func @main(%x: tensor<4x3xf32>) -> tensor<12xf32> {
  %y = "aten.neg.default"(%x) : (tensor<4x3xf32>) -> tensor<4x3xf32>
  %flat = "aten.view.default"(%y) {size = array<i64: 12>} : (tensor<4x3xf32>) -> tensor<12xf32>
  %row = "aten.select.int"(%y) {dim = 0 : i64, index = 0 : i64} : (tensor<4x3xf32>) -> tensor<3xf32>
  %z = "aten.zero_.default"(%row) : (tensor<3xf32>) -> tensor<3xf32>
  %r = "aten.relu.default"(%flat) : (tensor<12xf32>) -> tensor<12xf32>
  return %r : tensor<12xf32>
}

// -----

// What has no functional form is refused by name.
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = "aten.neg.default"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  // expected-error@+1: E0304 `aten.set_.source_Tensor` has no functional form: it changes the memory of its argument
  %z = "aten.set_.source_Tensor"(%y, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %z : tensor<4xf32>
}

// -----

// Where a copy fills all of a buffer, what is copied is the new buffer.
// CHECK-LABEL: func.func @main
// CHECK: %[[NEW:.*]] = "aten.neg.default"
// CHECK-NEXT: %[[AFTER:.*]] = "aten.relu.default"(%[[NEW]])
// CHECK-NEXT: return %[[NEW]], %[[AFTER]]
func.func @main(%state: tensor<3xf32> {aten.input = {kind = "buffer", name = "b_state", persistent = true, target = "state"}}, %x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "aten.neg.default"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  %1 = "aten.copy_.default"(%state, %0) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %2 = "aten.relu.default"(%state) : (tensor<3xf32>) -> tensor<3xf32>
  return %2 : tensor<3xf32>
}

// -----

// A copy stays that changes the dtype, that is of an input's memory, or that fills an input.
// CHECK-LABEL: func.func @main
// CHECK: %[[CAST:.*]] = "aten.copy.default"
// CHECK: %[[SHOWN:.*]] = "aten.copy.default"
// CHECK: %[[INPUT:.*]] = "aten.copy.default"
// CHECK: return %[[CAST]], %[[SHOWN]], %[[INPUT]]
func.func @main(%a: tensor<3xf32> {aten.input = {kind = "buffer", name = "b_a", persistent = true, target = "a"}}, %b: tensor<3xf32> {aten.input = {kind = "buffer", name = "b_b", persistent = true, target = "b"}}, %x: tensor<3xf64>, %y: tensor<1x3xf32>) -> tensor<3xf64> {
  %0 = "aten.neg.default"(%x) : (tensor<3xf64>) -> tensor<3xf64>
  %1 = "aten.copy_.default"(%a, %0) : (tensor<3xf32>, tensor<3xf64>) -> tensor<3xf32>
  %2 = "aten.squeeze.dim"(%y) {dim = 0 : i64} : (tensor<1x3xf32>) -> tensor<3xf32>
  %3 = "aten.copy_.default"(%b, %2) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %4 = "aten.copy_.default"(%x, %0) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>
  return %0 : tensor<3xf64>
}

// -----

// A constant that the program writes to is refused at the write, as PyTorch refuses it: nothing would keep it.
func.func @main(%c: tensor<3xf32> {aten.input = {kind = "constant_tensor", name = "c_table", target = "table"}}, %x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "aten.neg.default"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  // expected-error@+1: E0308 the program writes to `c_table`, a constant_tensor
  %1 = "aten.add_.Tensor"(%c, %0) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %1 : tensor<3xf32>
}

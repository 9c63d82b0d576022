// RUN: expc opt %s --passes=specialize

// A size that is a number is one wherever it is used, and nothing else changes.
// CHECK-LABEL: func.func @main
// CHECK-NOT: aten.sym_size
// CHECK: "aten.full.default"() {{{.*}}size = array<i64: 3>
// CHECK: "aten.add.Tensor"
// CHECK: "aten.neg.default"
// CHECK: "aten.neg.default"
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %n = "aten.sym_size.int"(%x) {aten.sym = ["3"], dim = 0 : i64} : (tensor<3xf32>) -> i64
  %0 = "aten.full.default"(%n) {size = array<i64: -9223372036854775808>, fill_value = 1.5 : f64, operandSegmentSizes = array<i32: 1>} : (i64) -> tensor<3xf32>
  %1 = "aten.add.Tensor"(%x, %0) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %2 = "aten.neg.default"(%1) : (tensor<3xf32>) -> tensor<3xf32>
  %3 = "aten.neg.default"(%2) : (tensor<3xf32>) -> tensor<3xf32>
  return %3 : tensor<3xf32>
}

// -----

// A size that varies stays a value.
// CHECK-LABEL: func.func @main
// CHECK: %[[N:.*]] = "aten.sym_size.int"
// CHECK: "aten.full.default"(%[[N]])
func.func @main(%x: tensor<?xf32, {sizes = ["s0"]}>) -> tensor<?xf32, {sizes = ["s0"]}> {
  %n = "aten.sym_size.int"(%x) {aten.sym = ["s0"], dim = 0 : i64} : (tensor<?xf32, {sizes = ["s0"]}>) -> i64
  %0 = "aten.full.default"(%n) {size = array<i64: -9223372036854775808>, fill_value = 1 : i64, operandSegmentSizes = array<i32: 1>} : (i64) -> tensor<?xf32, {sizes = ["s0"]}>
  return %0 : tensor<?xf32, {sizes = ["s0"]}>
}

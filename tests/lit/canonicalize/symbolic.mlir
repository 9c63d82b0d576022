// RUN: expc opt %s --passes=canonicalize

// A size that is a number takes its value's place; the arithmetic that led to it goes away.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}) {size = array<i64: 12>}
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<12xf32> {
  %n = "aten.sym_size.int"(%x) {dim = 0 : i64, aten.sym = ["3"]} : (tensor<3x4xf32>) -> i64
  %m = "sym.mul"(%n) {args = [#aten.operand, 4], aten.sym = ["12"]} : (i64) -> i64
  %0 = "aten.view.default"(%x, %m) {size = array<i64: -9223372036854775808>, operandSegmentSizes = array<i32: 1, 1>} : (tensor<3x4xf32>, i64) -> tensor<12xf32>
  return %0 : tensor<12xf32>
}

// -----

// A size that is no number stays a value, and the numbers beside it fold.
// CHECK-LABEL: func.func @main
// CHECK: %[[SIZE:[^:]*]] = "aten.sym_size.int"
// CHECK-NEXT: %[[VIEW:[^:]*]] = "aten.view.default"(%{{.*}}, %[[SIZE]]) {operandSegmentSizes = array<i32: 1, 1>, size = array<i64: 4, -9223372036854775808>}
// CHECK-NEXT: return %[[VIEW]]
func.func @main(%x: tensor<?x4xf32, {sizes = ["s0", "4"]}>) -> tensor<4x?xf32, {sizes = ["4", "s0"]}> {
  %n = "aten.sym_size.int"(%x) {dim = 0 : i64, aten.sym = ["s0"]} : (tensor<?x4xf32, {sizes = ["s0", "4"]}>) -> i64
  %m = "aten.sym_size.int"(%x) {dim = 1 : i64, aten.sym = ["4"]} : (tensor<?x4xf32, {sizes = ["s0", "4"]}>) -> i64
  %0 = "aten.view.default"(%x, %m, %n) {size = array<i64: -9223372036854775808, -9223372036854775808>, operandSegmentSizes = array<i32: 1, 2>} : (tensor<?x4xf32, {sizes = ["s0", "4"]}>, i64, i64) -> tensor<4x?xf32, {sizes = ["4", "s0"]}>
  return %0 : tensor<4x?xf32, {sizes = ["4", "s0"]}>
}

// RUN: expc opt %s --to core

// A number asked of a tensor keeps the symbol by which sizes and other numbers know it.
// CHECK: "aten._local_scalar_dense.default"(%arg0) {aten.sym = ["u0"]}
// CHECK-NEXT: "sym.mul"({{.*}}) {{.*}}aten.sym = ["2*u0"]
func.func @main(%x: tensor<i64> {aten.input = {kind = "user_input", name = "x"}}) -> (i64 {aten.output = {kind = "user_output", sym = "2*u0"}}) {
  %0 = "aten.item.default"(%x) {aten.sym = ["u0"]} : (tensor<i64>) -> i64
  %1 = "sym.mul"(%0) {args = [#aten.operand, 2 : i64], aten.sym = ["2*u0"]} : (i64) -> i64
  return %1 : i64
}
// -----

// The number of elements is the product of the sizes.
// CHECK: %[[ROWS:.*]] = "aten.sym_size.int"(%arg0) {aten.sym = ["s77"], dim = 0 : i64}
// CHECK-NEXT: %[[COLUMNS:.*]] = "aten.sym_size.int"(%arg0) {aten.sym = ["s27"], dim = 1 : i64}
// CHECK-NEXT: %[[COUNT:.*]] = "sym.mul"(%[[ROWS]], %[[COLUMNS]])
// CHECK-NEXT: return %[[COUNT]]
func.func @main(%x: tensor<?x?xf32, {sizes = ["s77", "s27"]}> {aten.input = {kind = "user_input", name = "x"}}) -> (i64 {aten.output = {kind = "user_output", sym = "s27*s77"}}) {
  %0 = "aten.sym_numel.default"(%x) {aten.sym = ["s27*s77"]} : (tensor<?x?xf32, {sizes = ["s77", "s27"]}>) -> i64
  return %0 : i64
}

// RUN: expc opt %s --to core

// A number asked of a tensor keeps the symbol by which sizes and other numbers know it.
// CHECK: "aten._local_scalar_dense.default"(%arg0) {aten.sym = ["u0"]}
// CHECK-NEXT: "sym.mul"({{.*}}) {{.*}}aten.sym = ["2*u0"]
func.func @main(%x: tensor<i64> {aten.input = {kind = "user_input", name = "x"}}) -> (i64 {aten.output = {kind = "user_output", sym = "2*u0"}}) {
  %0 = "aten.item.default"(%x) {aten.sym = ["u0"]} : (tensor<i64>) -> i64
  %1 = "sym.mul"(%0) {args = [#aten.operand, 2 : i64], aten.sym = ["2*u0"]} : (i64) -> i64
  return %1 : i64
}

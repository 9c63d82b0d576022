// RUN: expc opt %s --passes=cse

// What is computed twice is computed once.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[ADD:[^:]*]] = "aten.add.Tensor"
// CHECK-NEXT: %[[MUL:[^:]*]] = "aten.mul.Tensor"(%[[ADD]], %[[ADD]])
// CHECK-NEXT: return %[[MUL]]
func.func @main(%x: tensor<2xf32>, %y: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.add.Tensor"(%x, %y) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.add.Tensor"(%x, %y) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %2 = "aten.mul.Tensor"(%0, %1) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %2 : tensor<2xf32>
}

// -----

// Two outputs are memory of their own; one output and one inner value may be one.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[ONE:[^:]*]] = "aten.exp.default"
// CHECK-NEXT: %[[TWO:[^:]*]] = "aten.exp.default"
// CHECK-NEXT: %[[SIN:[^:]*]] = "aten.sin.default"(%[[ONE]])
// CHECK-NEXT: return %[[ONE]], %[[TWO]], %[[SIN]]
func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %0 = "aten.exp.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.exp.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %2 = "aten.exp.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %3 = "aten.sin.default"(%2) : (tensor<2xf32>) -> tensor<2xf32>
  return %0, %1, %3 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// -----

// Other arguments make another op; how they are written does not.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[ONE:[^:]*]] = "aten.sum.dim_IntList"(%{{.*}}) {aten.by_keyword = ["dim"], dim = array<i64: 0>}
// CHECK-NEXT: %[[OTHER:[^:]*]] = "aten.sum.dim_IntList"(%{{.*}}) {dim = array<i64: 1>}
// CHECK-NEXT: %[[ADD:[^:]*]] = "aten.add.Tensor"(%[[ONE]], %[[ONE]])
// CHECK-NEXT: %[[MUL:[^:]*]] = "aten.mul.Tensor"(%[[ADD]], %[[OTHER]])
func.func @main(%x: tensor<2x2xf32>) -> tensor<2xf32> {
  %0 = "aten.sum.dim_IntList"(%x) {dim = array<i64: 0>, aten.by_keyword = ["dim"]} : (tensor<2x2xf32>) -> tensor<2xf32>
  %1 = "aten.sum.dim_IntList"(%x) {dim = array<i64: 1>} : (tensor<2x2xf32>) -> tensor<2xf32>
  %2 = "aten.sum.dim_IntList"(%x) {dim = array<i64: 0>} : (tensor<2x2xf32>) -> tensor<2xf32>
  %3 = "aten.add.Tensor"(%0, %2) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %4 = "aten.mul.Tensor"(%3, %1) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %4 : tensor<2xf32>
}

// -----

// Two draws differ, and so may what two tensors hold that nobody wrote to.
// CHECK-LABEL: func.func @main
// CHECK-COUNT-2: aten.bernoulli.default
// CHECK-COUNT-2: aten.empty_like.default
func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = "aten.bernoulli.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.bernoulli.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %2 = "aten.add.Tensor"(%0, %1) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %3 = "aten.empty_like.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %4 = "aten.empty_like.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %5 = "aten.add.Tensor"(%3, %4) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %2, %5 : tensor<2xf32>, tensor<2xf32>
}

// -----

// Numbers are equal if their expressions are: (s0 + 1) - 1 is s0, whichever tensor it was asked of.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[SIZE:[^:]*]] = "aten.sym_size.int"
// CHECK-NEXT: "sym.add"
// CHECK-NEXT: %[[FULL:[^:]*]] = "aten.full.default"(%[[SIZE]], %[[SIZE]])
// CHECK-NEXT: return %[[FULL]]
func.func @main(%x: tensor<?xf32, {sizes = ["s0"]}>, %y: tensor<?xf32, {sizes = ["s0"]}>) -> tensor<?x?xf32, {sizes = ["s0", "s0"]}> {
  %n = "aten.sym_size.int"(%x) {dim = 0 : i64, aten.sym = ["s0"]} : (tensor<?xf32, {sizes = ["s0"]}>) -> i64
  %m = "aten.sym_size.int"(%y) {dim = 0 : i64, aten.sym = ["s0"]} : (tensor<?xf32, {sizes = ["s0"]}>) -> i64
  %a = "sym.add"(%m) {args = [#aten.operand, 1], aten.sym = ["s0 + 1"]} : (i64) -> i64
  %b = "sym.sub"(%a) {args = [#aten.operand, 1], aten.sym = ["s0"]} : (i64) -> i64
  %0 = "aten.full.default"(%n, %b) {size = array<i64: -9223372036854775808, -9223372036854775808>, fill_value = 0 : i64, operandSegmentSizes = array<i32: 2>} : (i64, i64) -> tensor<?x?xf32, {sizes = ["s0", "s0"]}>
  return %0 : tensor<?x?xf32, {sizes = ["s0", "s0"]}>
}

// -----

// A program that writes to its arguments is refused.
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error@+1: E0314 `cse` needs a functional program, `aten.add_.Tensor` writes to its arguments
  %0 = "aten.add_.Tensor"(%x, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

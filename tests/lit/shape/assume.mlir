// RUN: expc opt %s --assume x.shape[0]=7

// "What if the batch were 7?": the symbol is 7 wherever it stands, and the module says nothing more of it.
// CHECK-NOT: s0
// CHECK-LABEL: func.func @main
// CHECK-SAME: tensor<7x4xf32>
// CHECK-SAME: tensor<14xf32>
// CHECK: "aten.t.default"
// CHECK-SAME: -> tensor<4x7xf32, {strides = ["1", "4"]}>
// CHECK: aten.sym = ["7"]
module attributes {aten.ranges = [["s0", 2, 8]], aten.symbols = [{hint = 3 : i64, integer, name = "s0", positive}]} {
  func.func @main(%x: tensor<?x4xf32, {sizes = ["s0", "4"]}> {aten.input = {kind = "user_input", name = "x"}}, %y: tensor<?xf32, {sizes = ["2*s0"]}> {aten.input = {kind = "user_input", name = "y"}}) -> (tensor<4x?xf32, {sizes = ["4", "s0"], strides = ["1", "4"]}>, i64) {
    %0 = "aten.t.default"(%x) : (tensor<?x4xf32, {sizes = ["s0", "4"]}>) -> tensor<4x?xf32, {sizes = ["4", "s0"], strides = ["1", "4"]}>
    %1 = "aten.sym_size.int"(%0) {aten.sym = ["s0"], dim = 1 : i64} : (tensor<4x?xf32, {sizes = ["4", "s0"], strides = ["1", "4"]}>) -> i64
    func.return %0, %1 : tensor<4x?xf32, {sizes = ["4", "s0"], strides = ["1", "4"]}>, i64
  }
}

// -----

// A size that is a number may be another one, if the program is not made for the first.
// CHECK: "aten.relu.default"
// CHECK-SAME: (tensor<7x4xf32>) -> tensor<7x4xf32>
func.func @main(%x: tensor<3x4xf32> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<3x4xf32> {
  %0 = "aten.relu.default"(%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  func.return %0 : tensor<3x4xf32>
}

// -----

// Where it is, the op that says so is at fault.
func.func @main(%x: tensor<3x4xf32> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<12xf32> {
  // expected-error@+1: E0411
  %0 = "aten.view.default"(%x) {size = array<i64: 12>} : (tensor<3x4xf32>) -> tensor<12xf32>
  func.return %0 : tensor<12xf32>
}

// -----

// A symbol stays in its range.
// expected-error@unknown: E0413 `s0` cannot be 7, its range is
module attributes {aten.ranges = [["s0", 2, 6]]} {
  func.func @main(%x: tensor<?xf32, {sizes = ["s0"]}> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<?xf32, {sizes = ["s0"]}> {
    func.return %x : tensor<?xf32, {sizes = ["s0"]}>
  }
}

// -----

// An expression of one symbol is solved for it, if it can be that.
// expected-error@unknown: E0413 `x.shape[0]` is `2*s0`, which is never 7
func.func @main(%x: tensor<?xf32, {sizes = ["2*s0"]}> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<?xf32, {sizes = ["2*s0"]}> {
  func.return %x : tensor<?xf32, {sizes = ["2*s0"]}>
}

// RUN: expc check %s

// A size that is recorded otherwise than it follows is an error where the op stands.
func.func @main(%x: tensor<4xf32>) -> tensor<3xf32> {
  // expected-error@+1: E0410 result 0 of `aten.relu.default` has sizes [4], recorded as [3]
  %0 = "aten.relu.default"(%x) : (tensor<4xf32>) -> tensor<3xf32>
  func.return %0 : tensor<3xf32>
}

// -----

// So is a dtype.
func.func @main(%x: tensor<4xi64>) -> tensor<4xi64> {
  // expected-error@+1: E0410 result 0 of `aten.sigmoid.default` has dtype `float32`, recorded as `int64`
  %0 = "aten.sigmoid.default"(%x) : (tensor<4xi64>) -> tensor<4xi64>
  func.return %0 : tensor<4xi64>
}

// -----

// A symbol may be any number of its range, so only what no number fits is wrong.
module attributes {aten.ranges = [["s0", 2, 8], ["s1", 9, 20]]} {
  func.func @main(%x: tensor<?xf32, {sizes = ["s0"]}>) -> tensor<?xf32, {sizes = ["s1"]}> {
    // expected-error@+1: E0410 result 0 of `aten.relu.default` has sizes [s0], recorded as [s1]
    %0 = "aten.relu.default"(%x) : (tensor<?xf32, {sizes = ["s0"]}>) -> tensor<?xf32, {sizes = ["s1"]}>
    func.return %0 : tensor<?xf32, {sizes = ["s1"]}>
  }
}

// -----

// The record is wrong once: what follows from it is not reported again.
func.func @main(%x: tensor<4xf32>) -> tensor<3xf32> {
  // expected-error@+1: E0410 has sizes [4], recorded as [3]
  %0 = "aten.relu.default"(%x) : (tensor<4xf32>) -> tensor<3xf32>
  %1 = "aten.relu.default"(%0) : (tensor<3xf32>) -> tensor<3xf32>
  func.return %1 : tensor<3xf32>
}

// -----

// Operands that no call could take contradict each other.
func.func @main(%x: tensor<4xf32>, %y: tensor<3xf32>) -> tensor<4xf32> {
  // expected-error@+1: E0411 cannot be broadcast
  %0 = "aten.add.Tensor"(%x, %y) : (tensor<4xf32>, tensor<3xf32>) -> tensor<4xf32>
  func.return %0 : tensor<4xf32>
}

// -----

// So do matrices without a product.
func.func @main(%x: tensor<4x3xf32>, %y: tensor<2x5xf32>) -> tensor<4x5xf32> {
  // expected-error@+1: E0411
  %0 = "aten.mm.default"(%x, %y) : (tensor<4x3xf32>, tensor<2x5xf32>) -> tensor<4x5xf32>
  func.return %0 : tensor<4x5xf32>
}

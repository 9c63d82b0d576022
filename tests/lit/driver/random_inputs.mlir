// RUN: expc report %s

// Inputs that are made up are such that kernels survive them: pivots are counted from 1.
// CHECK: execute        ok
func.func @main(%factors: tensor<3x3xf32>, %pivots: tensor<3xi32>, %b: tensor<3x2xf32>) -> tensor<3x2xf32, {strides = ["1", "3"]}> {
  %x = "aten.linalg_ldl_solve.default"(%factors, %pivots, %b) : (tensor<3x3xf32>, tensor<3xi32>, tensor<3x2xf32>) -> tensor<3x2xf32, {strides = ["1", "3"]}>
  return %x : tensor<3x2xf32, {strides = ["1", "3"]}>
}

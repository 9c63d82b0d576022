// RUN: not expc opt %s --passes=infer_shapes,canonicalize,cse --crash-reproducer %t.mlir 2>&1
// RUN: not expc opt %t.mlir --passes=canonicalize 2>&1

// The module before the pass that fails is kept, with its locations, and fails again.
// CHECK: error[E0314]{{.*}}`canonicalize` needs a functional program, `aten.add_.Tensor` writes to its arguments
// CHECK: add_1
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.add_.Tensor"(%x, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32> loc("add_1")
  return %0 : tensor<2xf32>
}

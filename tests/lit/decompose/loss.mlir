// RUN: expc opt %s --to core

// The mean of class losses counts what is not ignored.
// CHECK-LABEL: func.func @main
// CHECK: "aten._log_softmax.default"
// CHECK: "aten.ne.Scalar"
// CHECK: "aten.gather.default"
// CHECK: "aten.squeeze.dims"
// CHECK: "aten.neg.default"
// CHECK: %[[COUNT:[^ ]*]] = "aten._to_copy.default"
// CHECK: %[[SUM:[^ ]*]] = "aten.sum.dim_IntList"
// CHECK: "aten.div.Tensor"(%[[SUM]], %[[COUNT]])
func.func @main(%x: tensor<2x3xf32>, %t: tensor<2xi64>) -> tensor<f32> {
  %0 = "aten.cross_entropy_loss.default"(%x, %t) : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// Targets of the sizes of the input are probabilities.
// CHECK-LABEL: func.func @main
// CHECK: "aten._log_softmax.default"
// CHECK-NEXT: "aten.mul.Tensor"
// CHECK-NEXT: "aten.sum.dim_IntList"(%{{.*}}) {dim = []
// CHECK-NEXT: "aten.neg.default"
// CHECK-NEXT: "aten.div.Scalar"(%{{.*}}) {{.*}}other = 2
func.func @main(%x: tensor<2x3xf32>, %t: tensor<2x3xf32>) -> tensor<f32> {
  %0 = "aten.cross_entropy_loss.default"(%x, %t) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// Without a reduction the losses are the result.
// CHECK-LABEL: func.func @main
// CHECK: "aten.sub.Tensor"
// CHECK-NEXT: %[[LOSS:[^ ]*]] = "aten.pow.Tensor_Scalar"
// CHECK-NEXT: return %[[LOSS]]
func.func @main(%x: tensor<3xf32>, %t: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "aten.mse_loss.default"(%x, %t) {reduction = 0 : i64} : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// How much label smoothing gives to each class follows from a number of classes that is a symbol.
// CHECK-LABEL: func.func @main
// CHECK: %[[CLASSES:.*]] = "aten.sym_size.int"(%{{.*}}) {{.*}}dim = 1
// CHECK: %[[COUNT:.*]] = "sym.sym_float"(%[[CLASSES]])
// CHECK: %[[SHARE:.*]] = "sym.truediv"(%[[COUNT]]) {{.*}}args = [1.000000e-01, #aten.operand]
// CHECK: "aten.mul.Scalar"(%{{.*}}, %[[SHARE]])
// CHECK-NOT: aten.cross_entropy_loss
func.func @main(%x: tensor<2x?xf32, {sizes = ["2", "s0"]}>, %t: tensor<2xi64>) -> tensor<f32> {
  %0 = "aten.cross_entropy_loss.default"(%x, %t) {label_smoothing = 0.1 : f64} : (tensor<2x?xf32, {sizes = ["2", "s0"]}>, tensor<2xi64>) -> tensor<f32>
  return %0 : tensor<f32>
}

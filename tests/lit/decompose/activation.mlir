// RUN: expc opt %s --to core

// Half precision is computed in single precision.
// CHECK-LABEL: func.func @main
// CHECK: %[[X:[^ ]*]] = "aten._to_copy.default"(%{{.*}}) {dtype = f32
// CHECK-NEXT: %[[SIGMOID:[^ ]*]] = "aten.sigmoid.default"(%[[X]])
// CHECK-NEXT: %[[PRODUCT:[^ ]*]] = "aten.mul.Tensor"(%[[X]], %[[SIGMOID]])
// CHECK-NEXT: %[[RESULT:[^ ]*]] = "aten._to_copy.default"(%[[PRODUCT]]) {dtype = bf16
// CHECK-NEXT: return %[[RESULT]]
func.func @main(%x: tensor<3xbf16>) -> tensor<3xbf16> {
  %0 = "aten.silu.default"(%x) : (tensor<3xbf16>) -> tensor<3xbf16>
  return %0 : tensor<3xbf16>
}

// -----

// Single precision needs no casts.
// CHECK-LABEL: func.func @main
// CHECK-NOT: _to_copy
// CHECK: "aten.add.Tensor"(%{{.*}}) {{.*}}other = 3
// CHECK: "aten.clamp.default"(%{{.*}}) {{.*}}min = 0
// CHECK: "aten.clamp.default"(%{{.*}}) {{.*}}max = 6
// CHECK: "aten.mul.Tensor"
// CHECK: "aten.div.Tensor"(%{{.*}}) {{.*}}other = 6
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "aten.hardswish.default"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// The halves of a symbolic size.
// CHECK-LABEL: func.func @main
// CHECK: %[[SIZE:[^ ]*]] = "aten.sym_size.int"
// CHECK: %[[HALF:[^ ]*]] = "sym.floordiv"(%[[SIZE]])
// CHECK: %[[FIRST:[^ ]*]] = "aten.slice.Tensor"(%{{.*}}, %[[HALF]])
// CHECK: %[[SECOND:[^ ]*]] = "aten.slice.Tensor"(%{{.*}}, %[[HALF]], %[[SIZE]])
// CHECK: %[[GATE:[^ ]*]] = "aten.sigmoid.default"(%[[SECOND]])
// CHECK: "aten.mul.Tensor"(%[[FIRST]], %[[GATE]])
func.func @main(%x: tensor<?x3xf32, {sizes = ["2*s0", "3"]}>) -> tensor<?x3xf32, {sizes = ["s0", "3"]}> {
  %0 = "aten.glu.default"(%x) {dim = 0 : i64} : (tensor<?x3xf32, {sizes = ["2*s0", "3"]}>) -> tensor<?x3xf32, {sizes = ["s0", "3"]}>
  return %0 : tensor<?x3xf32, {sizes = ["s0", "3"]}>
}

// -----

// Operators of the core are left.
// CHECK-LABEL: func.func @main
// CHECK: "aten.gelu.default"
// CHECK: "aten.elu.default"
// CHECK: "aten.leaky_relu.default"
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "aten.gelu.default"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  %1 = "aten.elu.default"(%0) : (tensor<3xf32>) -> tensor<3xf32>
  %2 = "aten.leaky_relu.default"(%1) : (tensor<3xf32>) -> tensor<3xf32>
  return %2 : tensor<3xf32>
}

// -----

// A gradient: where the input is below the threshold nothing passes.
// CHECK-LABEL: func.func @main
// CHECK: %[[LOW:[^ ]*]] = "aten.le.Scalar"(%[[X:[^)]*]])
// CHECK: %[[ZERO:[^ ]*]] = "aten.scalar_tensor.default"
// CHECK: "aten.where.self"(%[[LOW]], %[[ZERO]], %{{.*}})
func.func @main(%g: tensor<3xf32>, %x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "aten.threshold_backward.default"(%g, %x) {threshold = 0 : i64} : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// RUN: expc opt %s --to core

// An alias is what it stands for, with its arguments.
// CHECK-LABEL: func.func @main
// CHECK: "aten.sub.Tensor"(%{{.*}}) {alpha = 2
func.func @main(%x: tensor<3xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "aten.subtract.Tensor"(%x, %y) {alpha = 2 : i64} : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// A number among the choices becomes a tensor of the dtype that both promote to.
// CHECK-LABEL: func.func @main
// CHECK: %[[X:[^ ]*]] = "aten._to_copy.default"(%{{.*}}) {dtype = f32
// CHECK: %[[NUMBER:[^ ]*]] = "aten.scalar_tensor.default"() {{.*}}dtype = f32{{.*}}s = 2.5
// CHECK: "aten.where.self"(%{{.*}}, %[[NUMBER]], %[[X]])
func.func @main(%c: tensor<3xi1>, %x: tensor<3xi64>) -> tensor<3xf32> {
  %0 = "aten.where.ScalarSelf"(%c, %x) {self = 2.5 : f64, operandSegmentSizes = array<i32: 1, 0, 1>} : (tensor<3xi1>, tensor<3xi64>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// All integers are finite.
// CHECK-LABEL: func.func @main
// CHECK: "aten.full_like.default"(%{{.*}}) {dtype = i1
// CHECK-NOT: aten.abs
func.func @main(%x: tensor<3xi64>) -> tensor<3xi1> {
  %0 = "aten.isfinite.default"(%x) : (tensor<3xi64>) -> tensor<3xi1>
  return %0 : tensor<3xi1>
}

// -----

// A filler is converted as Python does: towards zero for integers.
// CHECK-LABEL: func.func @main
// CHECK: "aten.scalar_tensor.default"() {{.*}}dtype = i64{{.*}}s = 2 : i64
func.func @main(%x: tensor<3xi64>, %m: tensor<3xi1>) -> tensor<3xi64> {
  %0 = "aten.masked_fill.Scalar"(%x, %m) {value = 2.5 : f64} : (tensor<3xi64>, tensor<3xi1>) -> tensor<3xi64>
  return %0 : tensor<3xi64>
}

// -----

// A complex number is finite where both parts are.
// CHECK-LABEL: func.func @main
// CHECK-COUNT-2: "aten.view_as_real.default"
// CHECK: "aten.bitwise_and.Tensor"
func.func @main(%x: tensor<3xcomplex<f32>>) -> tensor<3xi1> {
  %0 = "aten.isfinite.default"(%x) : (tensor<3xcomplex<f32>>) -> tensor<3xi1>
  return %0 : tensor<3xi1>
}

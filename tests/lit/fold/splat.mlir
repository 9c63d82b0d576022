// RUN: expc opt %s --passes=fold

// Arithmetic of tensors of one number is a tensor of one number: (2 * 3 + 1) != 6.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[FULL:[^:]*]] = "aten.full.default"() {device = #aten.device<"cpu">, dtype = i1, fill_value = true, pin_memory = false, size = array<i64: 2>}
// CHECK-NEXT: return %[[FULL]]
func.func @main() -> tensor<2xi1> {
  %0 = "aten.full.default"() {size = array<i64: 2>, fill_value = 2 : i64} : () -> tensor<2xf32>
  %1 = "aten.full.default"() {size = array<i64: 2>, fill_value = 3 : i64} : () -> tensor<2xf32>
  %2 = "aten.mul.Tensor"(%0, %1) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %3 = "aten.add.Tensor"(%2) {operandSegmentSizes = array<i32: 1>, other = 1 : i64} : (tensor<2xf32>) -> tensor<2xf32>
  %4 = "aten.ne.Scalar"(%3) {other = 6 : i64} : (tensor<2xf32>) -> tensor<2xi1>
  return %4 : tensor<2xi1>
}

// -----

// What overflows, is not finite, or is computed in half precision is left to the kernels.
// CHECK-LABEL: func.func @main
// CHECK: aten.add.Tensor
// CHECK: aten.div.Tensor
// CHECK: aten.mul.Tensor
func.func @main() -> (tensor<2xi8>, tensor<2xf32>, tensor<2xf16>) {
  %0 = "aten.full.default"() {size = array<i64: 2>, fill_value = 100 : i64, dtype = i8} : () -> tensor<2xi8>
  %1 = "aten.add.Tensor"(%0, %0) : (tensor<2xi8>, tensor<2xi8>) -> tensor<2xi8>
  %2 = "aten.full.default"() {size = array<i64: 2>, fill_value = 0 : i64} : () -> tensor<2xf32>
  %3 = "aten.div.Tensor"(%2, %2) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %4 = "aten.full.default"() {size = array<i64: 2>, fill_value = 2 : i64, dtype = f16} : () -> tensor<2xf16>
  %5 = "aten.mul.Tensor"(%4, %4) : (tensor<2xf16>, tensor<2xf16>) -> tensor<2xf16>
  return %1, %3, %5 : tensor<2xi8>, tensor<2xf32>, tensor<2xf16>
}

// -----

// A tensor of one number is a number beside another tensor, and nothing if it is neutral.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[ADD:[^:]*]] = "aten.add.Tensor"(%{{.*}}) {operandSegmentSizes = array<i32: 1>, other = 2.500000e+00 : f64}
// CHECK-NEXT: %[[EXP:[^:]*]] = "aten.exp.default"(%[[ADD]])
// CHECK-NEXT: return %[[EXP]]
func.func @main(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %0 = "aten.full.default"() {size = array<i64: 2>, fill_value = 2.5 : f64} : () -> tensor<2xf32>
  %1 = "aten.add.Tensor"(%x, %0) : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<4x2xf32>
  %2 = "aten.ones.default"() {size = array<i64: 4, 1>} : () -> tensor<4x1xf32>
  %3 = "aten.mul.Tensor"(%2, %1) : (tensor<4x1xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
  %4 = "aten.exp.default"(%3) : (tensor<4x2xf32>) -> tensor<4x2xf32>
  return %4 : tensor<4x2xf32>
}

// -----

// It stays where it widens the other, in sizes or in dtype.
// CHECK-LABEL: func.func @main
// CHECK: %[[TWO:[^:]*]] = "aten.full.default"
// CHECK: "aten.add.Tensor"(%{{.*}}, %[[TWO]])
// CHECK: %[[WIDE:[^:]*]] = "aten.full.default"
// CHECK: "aten.add.Tensor"(%{{.*}}, %[[WIDE]])
func.func @main(%x: tensor<2xf32>) -> (tensor<4x2xf32>, tensor<2xf64>) {
  %0 = "aten.full.default"() {size = array<i64: 4, 2>, fill_value = 2.5 : f64} : () -> tensor<4x2xf32>
  %1 = "aten.add.Tensor"(%x, %0) : (tensor<2xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
  %2 = "aten.full.default"() {size = array<i64: 2>, fill_value = 2.5 : f64, dtype = f64} : () -> tensor<2xf64>
  %3 = "aten.add.Tensor"(%x, %2) : (tensor<2xf32>, tensor<2xf64>) -> tensor<2xf64>
  return %1, %3 : tensor<4x2xf32>, tensor<2xf64>
}

// -----

// Casts and choices of one number.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[FULL:[^:]*]] = "aten.full.default"() {{.*}}dtype = f64, fill_value = 3.000000e+00 : f64{{.*}}size = array<i64: 2>
// CHECK-NEXT: %[[EXP:[^:]*]] = "aten.exp.default"
// CHECK-NEXT: return %[[FULL]], %[[EXP]]
func.func @main(%x: tensor<2xf32>, %y: tensor<2xf32>) -> (tensor<2xf64>, tensor<2xf32>) {
  %0 = "aten.full.default"() {size = array<i64: 2>, fill_value = 3 : i64, dtype = i32} : () -> tensor<2xi32>
  %1 = "aten._to_copy.default"(%0) {dtype = f64} : (tensor<2xi32>) -> tensor<2xf64>
  %2 = "aten.eq.Scalar"(%0) {other = 3 : i64} : (tensor<2xi32>) -> tensor<2xi1>
  %3 = "aten.where.self"(%2, %x, %y) : (tensor<2xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %4 = "aten.exp.default"(%3) : (tensor<2xf32>) -> tensor<2xf32>
  return %1, %4 : tensor<2xf64>, tensor<2xf32>
}

// -----

// A reshaped tensor of one number is made so at once; one that is expanded costs no memory and stays.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[FULL:[^:]*]] = "aten.full.default"() {{.*}}size = array<i64: 4>
// CHECK-NEXT: %[[SIN:[^:]*]] = "aten.sin.default"(%[[FULL]])
// CHECK-NEXT: %[[ONE:[^:]*]] = "aten.full.default"
// CHECK-NEXT: %[[EXPAND:[^:]*]] = "aten.expand.default"(%[[ONE]])
// CHECK-NEXT: return %[[SIN]], %[[EXPAND]]
func.func @main() -> (tensor<4xf32>, tensor<4x2xf32, {strides = ["0", "1"]}>) {
  %0 = "aten.full.default"() {size = array<i64: 2, 2>, fill_value = 3 : i64} : () -> tensor<2x2xf32>
  %1 = "aten.view.default"(%0) {size = array<i64: 4>} : (tensor<2x2xf32>) -> tensor<4xf32>
  %2 = "aten.sin.default"(%1) : (tensor<4xf32>) -> tensor<4xf32>
  %3 = "aten.full.default"() {size = array<i64: 2>, fill_value = 3 : i64} : () -> tensor<2xf32>
  %4 = "aten.expand.default"(%3) {size = array<i64: 4, 2>} : (tensor<2xf32>) -> tensor<4x2xf32, {strides = ["0", "1"]}>
  return %2, %4 : tensor<4xf32>, tensor<4x2xf32, {strides = ["0", "1"]}>
}

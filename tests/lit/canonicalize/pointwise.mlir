// RUN: expc opt %s --passes=canonicalize

// x * 1 = x in single precision.
// CHECK-LABEL: func.func @main
// CHECK: %[[RELU:[^:]*]] = "aten.relu.default"
// CHECK-NEXT: return %[[RELU]]
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.relu.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.mul.Tensor"(%0) {operandSegmentSizes = array<i32: 1>, other = 1 : i64} : (tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// -----

// Half precision writes every NaN as the same one, so the product stays.
// CHECK-LABEL: func.func @main
// CHECK: "aten.mul.Tensor"
func.func @main(%x: tensor<2xbf16>) -> tensor<2xbf16> {
  %0 = "aten.relu.default"(%x) : (tensor<2xbf16>) -> tensor<2xbf16>
  %1 = "aten.mul.Tensor"(%0) {operandSegmentSizes = array<i32: 1>, other = 1 : i64} : (tensor<2xbf16>) -> tensor<2xbf16>
  return %1 : tensor<2xbf16>
}

// -----

// An input that is returned as a copy stays one: the caller may write to either.
// CHECK-LABEL: func.func @main
// CHECK: %[[MUL:[^:]*]] = "aten.mul.Tensor"
// CHECK-NEXT: return %[[MUL]]
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.mul.Tensor"(%x) {operandSegmentSizes = array<i32: 1>, other = 1 : i64} : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// An integer times a float is a float.
// CHECK-LABEL: func.func @main
// CHECK: "aten.mul.Tensor"
func.func @main(%x: tensor<2xi64>) -> tensor<2xf32> {
  %0 = "aten.mul.Tensor"(%x) {operandSegmentSizes = array<i32: 1>, other = 1.0 : f64} : (tensor<2xi64>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// x / 1 = x for floats, and x // 1 = x for integers.
// CHECK-LABEL: func.func @main
// CHECK: %[[RELU:[^:]*]] = "aten.relu.default"
// CHECK-NEXT: %[[ABS:[^:]*]] = "aten.abs.default"
// CHECK-NEXT: return %[[RELU]], %[[ABS]]
func.func @main(%x: tensor<2xf32>, %n: tensor<2xi32>) -> (tensor<2xf32>, tensor<2xi32>) {
  %0 = "aten.relu.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.div.Tensor"(%0) {operandSegmentSizes = array<i32: 1>, other = 1.0 : f64} : (tensor<2xf32>) -> tensor<2xf32>
  %2 = "aten.abs.default"(%n) : (tensor<2xi32>) -> tensor<2xi32>
  %3 = "aten.div.Tensor_mode"(%2) {operandSegmentSizes = array<i32: 1>, other = 1 : i64, rounding_mode = "floor"} : (tensor<2xi32>) -> tensor<2xi32>
  return %1, %3 : tensor<2xf32>, tensor<2xi32>
}

// -----

// x + 0 = x for integers; -0.0 + 0 is 0.0.
// CHECK-LABEL: func.func @main
// CHECK: %[[ABS:[^:]*]] = "aten.abs.default"
// CHECK: %[[ADD:[^:]*]] = "aten.add.Tensor"
// CHECK: return %[[ABS]], %[[ADD]]
func.func @main(%n: tensor<2xi64>, %x: tensor<2xf32>) -> (tensor<2xi64>, tensor<2xf32>) {
  %0 = "aten.abs.default"(%n) : (tensor<2xi64>) -> tensor<2xi64>
  %1 = "aten.add.Tensor"(%0) {operandSegmentSizes = array<i32: 1>, other = 0 : i64} : (tensor<2xi64>) -> tensor<2xi64>
  %2 = "aten.relu.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %3 = "aten.add.Tensor"(%2) {operandSegmentSizes = array<i32: 1>, other = 0 : i64} : (tensor<2xf32>) -> tensor<2xf32>
  return %1, %3 : tensor<2xi64>, tensor<2xf32>
}

// -----

// x - 0 = x, but for a negative zero.
// CHECK-LABEL: func.func @main
// CHECK: %[[RELU:[^:]*]] = "aten.relu.default"
// CHECK-NEXT: %[[SUB:[^:]*]] = "aten.sub.Tensor"(%[[RELU]]) {{.*}}-0.000000e+00
// CHECK-NEXT: return %[[RELU]], %[[SUB]]
func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = "aten.relu.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.sub.Tensor"(%0) {operandSegmentSizes = array<i32: 1>, other = 0 : i64} : (tensor<2xf32>) -> tensor<2xf32>
  %2 = "aten.sub.Tensor"(%0) {operandSegmentSizes = array<i32: 1>, other = -0.0 : f64} : (tensor<2xf32>) -> tensor<2xf32>
  return %1, %2 : tensor<2xf32>, tensor<2xf32>
}

// -----

// pow(x, 1) = x in every dtype.
// CHECK-LABEL: func.func @main
// CHECK: %[[RELU:[^:]*]] = "aten.relu.default"
// CHECK-NEXT: %[[POW:[^:]*]] = "aten.pow.Tensor_Scalar"(%[[RELU]]) {exponent = 2
// CHECK-NEXT: return %[[RELU]], %[[POW]]
func.func @main(%x: tensor<2xf16>) -> (tensor<2xf16>, tensor<2xf16>) {
  %0 = "aten.relu.default"(%x) : (tensor<2xf16>) -> tensor<2xf16>
  %1 = "aten.pow.Tensor_Scalar"(%0) {exponent = 1 : i64} : (tensor<2xf16>) -> tensor<2xf16>
  %2 = "aten.pow.Tensor_Scalar"(%0) {exponent = 2 : i64} : (tensor<2xf16>) -> tensor<2xf16>
  return %1, %2 : tensor<2xf16>, tensor<2xf16>
}

// -----

// (n + 2) + 3 = n + 5 and (n * 2) * 3 = n * 6 for integers.
// CHECK-LABEL: func.func @main
// CHECK: %[[ADD:[^:]*]] = "aten.add.Tensor"(%{{.*}}) {operandSegmentSizes = array<i32: 1>, other = 5 : i64}
// CHECK-NEXT: %[[MUL:[^:]*]] = "aten.mul.Tensor"(%{{.*}}) {operandSegmentSizes = array<i32: 1>, other = 6 : i64}
// CHECK-NEXT: return %[[ADD]], %[[MUL]]
func.func @main(%n: tensor<2xi32>) -> (tensor<2xi32>, tensor<2xi32>) {
  %0 = "aten.add.Tensor"(%n) {operandSegmentSizes = array<i32: 1>, other = 2 : i64} : (tensor<2xi32>) -> tensor<2xi32>
  %1 = "aten.add.Tensor"(%0) {operandSegmentSizes = array<i32: 1>, other = 3 : i64} : (tensor<2xi32>) -> tensor<2xi32>
  %2 = "aten.mul.Tensor"(%n) {operandSegmentSizes = array<i32: 1>, other = 2 : i64} : (tensor<2xi32>) -> tensor<2xi32>
  %3 = "aten.mul.Tensor"(%2) {operandSegmentSizes = array<i32: 1>, other = 3 : i64} : (tensor<2xi32>) -> tensor<2xi32>
  return %1, %3 : tensor<2xi32>, tensor<2xi32>
}

// -----

// Floats round in between, and a byte has no 300.
// CHECK-LABEL: func.func @main
// CHECK-COUNT-2: aten.add.Tensor
// CHECK-COUNT-2: aten.mul.Tensor
func.func @main(%x: tensor<2xf32>, %n: tensor<2xui8>) -> (tensor<2xf32>, tensor<2xui8>) {
  %0 = "aten.add.Tensor"(%x) {operandSegmentSizes = array<i32: 1>, other = 2 : i64} : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.add.Tensor"(%0) {operandSegmentSizes = array<i32: 1>, other = 3 : i64} : (tensor<2xf32>) -> tensor<2xf32>
  %2 = "aten.mul.Tensor"(%n) {operandSegmentSizes = array<i32: 1>, other = 20 : i64} : (tensor<2xui8>) -> tensor<2xui8>
  %3 = "aten.mul.Tensor"(%2) {operandSegmentSizes = array<i32: 1>, other = 15 : i64} : (tensor<2xui8>) -> tensor<2xui8>
  return %1, %3 : tensor<2xf32>, tensor<2xui8>
}

// -----

// -(-x) = x, and not(not(x)) = x for bools.
// CHECK-LABEL: func.func @main
// CHECK: %[[RELU:[^:]*]] = "aten.relu.default"
// CHECK-NEXT: %[[LT:[^:]*]] = "aten.lt.Scalar"
// CHECK-NEXT: return %[[RELU]], %[[LT]]
func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xi1>) {
  %0 = "aten.relu.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.neg.default"(%0) : (tensor<2xf32>) -> tensor<2xf32>
  %2 = "aten.neg.default"(%1) : (tensor<2xf32>) -> tensor<2xf32>
  %3 = "aten.lt.Scalar"(%x) {other = 0 : i64} : (tensor<2xf32>) -> tensor<2xi1>
  %4 = "aten.logical_not.default"(%3) : (tensor<2xi1>) -> tensor<2xi1>
  %5 = "aten.logical_not.default"(%4) : (tensor<2xi1>) -> tensor<2xi1>
  return %2, %5 : tensor<2xf32>, tensor<2xi1>
}

// -----

// not(not(n)) of an integer tells only whether it is zero.
// CHECK-LABEL: func.func @main
// CHECK-COUNT-2: aten.logical_not.default
func.func @main(%n: tensor<2xi64>) -> tensor<2xi1> {
  %0 = "aten.logical_not.default"(%n) : (tensor<2xi64>) -> tensor<2xi1>
  %1 = "aten.logical_not.default"(%0) : (tensor<2xi1>) -> tensor<2xi1>
  return %1 : tensor<2xi1>
}

// -----

// relu(relu(x)) = relu(x), and abs(-x) = abs(x) where -x is no other number modulo 256.
// CHECK-LABEL: func.func @main
// CHECK: %[[RELU:[^:]*]] = "aten.relu.default"(%[[X:.*]]) :
// CHECK-NEXT: %[[ABS:[^:]*]] = "aten.abs.default"(%[[X]])
// CHECK-NEXT: %[[NEG:[^:]*]] = "aten.neg.default"
// CHECK-NEXT: %[[BYTE:[^:]*]] = "aten.abs.default"(%[[NEG]])
// CHECK-NEXT: return %[[RELU]], %[[ABS]], %[[BYTE]]
func.func @main(%x: tensor<2xf32>, %n: tensor<2xui8>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xui8>) {
  %0 = "aten.relu.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.relu.default"(%0) : (tensor<2xf32>) -> tensor<2xf32>
  %2 = "aten.neg.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %3 = "aten.abs.default"(%2) : (tensor<2xf32>) -> tensor<2xf32>
  %4 = "aten.neg.default"(%n) : (tensor<2xui8>) -> tensor<2xui8>
  %5 = "aten.abs.default"(%4) : (tensor<2xui8>) -> tensor<2xui8>
  return %1, %3, %5 : tensor<2xf32>, tensor<2xf32>, tensor<2xui8>
}

// -----

// max(n, n) = n for integers and where(c, x, x) = x, but not where the condition is larger.
// CHECK-LABEL: func.func @main
// CHECK: %[[ABS:[^:]*]] = "aten.abs.default"
// CHECK-NEXT: %[[NEG:[^:]*]] = "aten.neg.default"(%[[ABS]])
// CHECK-NEXT: %[[RELU:[^:]*]] = "aten.relu.default"
// CHECK-NEXT: %[[SIN:[^:]*]] = "aten.sin.default"(%[[RELU]])
// CHECK-NEXT: %[[WHERE:[^:]*]] = "aten.where.self"(%{{.*}}, %[[RELU]], %[[RELU]])
// CHECK-NEXT: return %[[NEG]], %[[SIN]], %[[WHERE]]
func.func @main(%n: tensor<2xi64>, %x: tensor<2xf32>, %c: tensor<2xi1>, %large: tensor<3x2xi1>) -> (tensor<2xi64>, tensor<2xf32>, tensor<3x2xf32>) {
  %0 = "aten.abs.default"(%n) : (tensor<2xi64>) -> tensor<2xi64>
  %1 = "aten.maximum.default"(%0, %0) : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %2 = "aten.neg.default"(%1) : (tensor<2xi64>) -> tensor<2xi64>
  %3 = "aten.relu.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %4 = "aten.where.self"(%c, %3, %3) : (tensor<2xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %5 = "aten.sin.default"(%4) : (tensor<2xf32>) -> tensor<2xf32>
  %6 = "aten.where.self"(%large, %3, %3) : (tensor<3x2xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  return %2, %5, %6 : tensor<2xi64>, tensor<2xf32>, tensor<3x2xf32>
}

// -----

// What two values that a caller sees share would be memory: both stay.
// CHECK-LABEL: func.func @main
// CHECK: %[[ABS:[^:]*]] = "aten.abs.default"
// CHECK-NEXT: %[[MAX:[^:]*]] = "aten.maximum.default"
// CHECK-NEXT: return %[[ABS]], %[[MAX]]
func.func @main(%n: tensor<2xi64>) -> (tensor<2xi64>, tensor<2xi64>) {
  %0 = "aten.abs.default"(%n) : (tensor<2xi64>) -> tensor<2xi64>
  %1 = "aten.maximum.default"(%0, %0) : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  return %0, %1 : tensor<2xi64>, tensor<2xi64>
}

// -----

// Vector kernels of `maximum` make other NaNs of NaNs.
// CHECK-LABEL: func.func @main
// CHECK: aten.maximum.default
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.relu.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.maximum.default"(%0, %0) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// RUN: expc opt %s --passes=canonicalize --fast-math
// RUN: expc opt %s --passes=canonicalize(fast_math=true)
// RUN: expc opt %s --passes=canonicalize --check-prefix=EXACT-MATH

// As if floats were real numbers: (x + 0) * 1 = x, (x + 2.0) + 3.0 = x + 5.0, x / 4.0 = x * 0.25.
// CHECK-LABEL: func.func @main
// CHECK: %[[ADD:[^:]*]] = "aten.add.Tensor"(%{{.*}}) {{.*}}other = 5.000000e+00
// CHECK-NEXT: %[[MUL:[^:]*]] = "aten.mul.Tensor"(%[[ADD]]) {{.*}}other = 2.500000e-01
// CHECK-NEXT: return %[[MUL]]
// EXACT-MATH: aten.add.Tensor
// EXACT-MATH-NEXT: aten.add.Tensor
// EXACT-MATH-NEXT: aten.add.Tensor
// EXACT-MATH-NEXT: aten.mul.Tensor
// EXACT-MATH-NEXT: aten.div.Tensor
func.func @main(%x: tensor<2xf16>) -> tensor<2xf16> {
  %0 = "aten.add.Tensor"(%x) {operandSegmentSizes = array<i32: 1>, other = 2.0 : f64} : (tensor<2xf16>) -> tensor<2xf16>
  %1 = "aten.add.Tensor"(%0) {operandSegmentSizes = array<i32: 1>, other = 3.0 : f64} : (tensor<2xf16>) -> tensor<2xf16>
  %2 = "aten.add.Tensor"(%1) {operandSegmentSizes = array<i32: 1>, other = 0 : i64} : (tensor<2xf16>) -> tensor<2xf16>
  %3 = "aten.mul.Tensor"(%2) {operandSegmentSizes = array<i32: 1>, other = 1 : i64} : (tensor<2xf16>) -> tensor<2xf16>
  %4 = "aten.div.Tensor"(%3) {operandSegmentSizes = array<i32: 1>, other = 4.0 : f64} : (tensor<2xf16>) -> tensor<2xf16>
  return %4 : tensor<2xf16>
}

// -----

// 1 / sqrt(x) = rsqrt(x) and -(-x) = x.
// CHECK-LABEL: func.func @main
// CHECK: %[[RSQRT:[^:]*]] = "aten.rsqrt.default"
// CHECK-NEXT: return %[[RSQRT]]
// EXACT-MATH: aten.neg.default
// EXACT-MATH-NEXT: aten.neg.default
// EXACT-MATH-NEXT: aten.sqrt.default
// EXACT-MATH-NEXT: aten.reciprocal.default
func.func @main(%x: tensor<2xbf16>) -> tensor<2xbf16> {
  %0 = "aten.neg.default"(%x) : (tensor<2xbf16>) -> tensor<2xbf16>
  %1 = "aten.neg.default"(%0) : (tensor<2xbf16>) -> tensor<2xbf16>
  %2 = "aten.sqrt.default"(%1) : (tensor<2xbf16>) -> tensor<2xbf16>
  %3 = "aten.reciprocal.default"(%2) : (tensor<2xbf16>) -> tensor<2xbf16>
  return %3 : tensor<2xbf16>
}

// RUN: expc opt %s --passes=decompose

// A number of steps that no tensor has is left to the kernel to refuse.
// CHECK: aten.linspace.default
func.func @main() -> tensor<*xf32> {
  // expected-warning@below: E0403 `steps` is -9223372036854775808
  %0 = "aten.linspace.default"() {start = 0 : i64, end = 1 : i64, steps = -9223372036854775808 : i64} : () -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// So is a number of parts that no program has.
// CHECK: aten.tensor_split.sections
func.func @main(%x: tensor<4xf32>) -> !aten.any {
  // expected-warning@below: E0403 9223372036854775807 sections, expected 1 to 65536
  %0 = "aten.tensor_split.sections"(%x) {sections = 9223372036854775807 : i64} : (tensor<4xf32>) -> !aten.any
  return %0 : !aten.any
}

// RUN: expc opt %s --decompositions %S/inputs/conv_twice.mlir
// RUN: not expc opt %s --decompositions %S/inputs/bad.mlir 2>&1 --check-prefix=BAD
// RUN: not expc opt %s --decompositions %S/inputs/wrong_type.mlir 2>&1 --check-prefix=TYPE
// RUN: not expc opt %s --decompositions %S/inputs/endless.mlir 2>&1 --check-prefix=ENDLESS
// RUN: expc opt %s --to core --preserve aten.conv2d.default --check-prefix=KEPT

// The function of a file wins over the table; constants and None are handed on. Faults of a file are all named, and
// decompositions that change a type or never end are refused.
// CHECK-LABEL: func.func @main
// CHECK: %[[CONV:.*]] = "aten.convolution.default"(%arg0, %arg1) {bias = none, {{.*}} padding = array<i64: 1, 1>{{.*}} stride = array<i64: 2, 2>
// CHECK-NEXT: %[[TWICE:.*]] = "aten.mul.Scalar"(%[[CONV]]) {other = 2 : i64}
// CHECK-NOT: conv2d
// BAD: error[E0406]: the decomposition of `aten.silu.default` has 2 arguments, its schema 1
// BAD: error[E0406]: the decomposition `aten.relux.default` is named like no operator
// BAD: error[E0406]: the decomposition of `aten.mish.default` returns 2 values, the operator 1
// BAD: error[E0406]: `made_up.op.default` cannot stand in a decomposition: it has no schema
// TYPE: error[E0402]: `aten.gelu.default` result 0 is tensor<1x4x4x4xf32>, its decomposition gives tensor<1x4x4x4xi1>
// ENDLESS: error[E0407]: decomposition does not come to an end, the last op was `aten.gelu.default`
// KEPT: "aten.conv2d.default"
func.func @main(%x: tensor<1x3x8x8xf32> {aten.input = {kind = "user_input", name = "x"}},
                %w: tensor<4x3x3x3xf32> {aten.input = {kind = "user_input", name = "w"}})
    -> (tensor<1x4x4x4xf32> {aten.output = {kind = "user_output"}}) {
  %0 = "aten.conv2d.default"(%x, %w) {bias = none, stride = array<i64: 2, 2>, padding = array<i64: 1, 1>, operandSegmentSizes = array<i32: 1, 1>} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x4x4xf32>
  %1 = "aten.gelu.default"(%0) : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  return %1 : tensor<1x4x4x4xf32>
}

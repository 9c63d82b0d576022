// RUN: expc opt %s --passes functionalize

// What a view of memory shows does not depend on the views in between: the write goes to the base.
// CHECK-LABEL: func.func @main
// CHECK: %[[Y:.*]] = "aten.neg.default"
// CHECK: %[[SHOWN:.*]] = "aten.as_strided.default"
// CHECK-NEXT: %[[NEW:.*]] = "aten.zero.default"(%[[SHOWN]])
// CHECK-NEXT: %[[BASE:.*]] = "aten.as_strided_scatter.default"(%[[Y]], %[[NEW]]) {size = array<i64: 2>, storage_offset = 4 : i64, stride = array<i64: 4>}
// CHECK-NEXT: return %[[BASE]]
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = "aten.neg.default"(%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %row = "aten.select.int"(%y) {dim = 0 : i64, index = 1 : i64} : (tensor<3x4xf32>) -> tensor<4xf32, {storage_offset = "4"}>
  %m = "aten.as_strided.default"(%row) {size = array<i64: 2>, stride = array<i64: 4>} : (tensor<4xf32, {storage_offset = "4"}>) -> tensor<2xf32, {storage_offset = "4", strides = ["4"]}>
  %z = "aten.zero_.default"(%m) : (tensor<2xf32, {storage_offset = "4", strides = ["4"]}>) -> tensor<2xf32, {storage_offset = "4", strides = ["4"]}>
  return %y : tensor<3x4xf32>
}

// -----

// A functional op may lay its result out otherwise than the tensor that the program wrote to; where strides can no
// longer show what a view shows, it is a view of a copy.
// CHECK-LABEL: func.func @main
// CHECK: %[[NEW:.*]] = "aten.copy.default"
// CHECK: %[[T:.*]] = "aten.t.default"(%[[NEW]])
// CHECK-NEXT: %[[FLAT:.*]] = "aten.view.default"(%[[T]]) {size = array<i64: 6>}
// CHECK-NEXT: return %[[FLAT]]
func.func @main(%x: tensor<2x3xf32>, %z: tensor<3x2xf32>) -> tensor<6xf32> {
  %t = "aten.t.default"(%x) : (tensor<2x3xf32>) -> tensor<3x2xf32, {strides = ["1", "3"]}>
  %y = "aten.clone.default"(%t) : (tensor<3x2xf32, {strides = ["1", "3"]}>) -> tensor<3x2xf32, {strides = ["1", "3"]}>
  %w = "aten.copy_.default"(%y, %z) : (tensor<3x2xf32, {strides = ["1", "3"]}>, tensor<3x2xf32>) -> tensor<3x2xf32, {strides = ["1", "3"]}>
  %b = "aten.t.default"(%w) : (tensor<3x2xf32, {strides = ["1", "3"]}>) -> tensor<2x3xf32>
  %f = "aten.view.default"(%b) {size = array<i64: 6>} : (tensor<2x3xf32>) -> tensor<6xf32>
  return %f : tensor<6xf32>
}

// -----

// All elements of an expanded tensor that show one place get one value.
// CHECK-LABEL: func.func @main
// CHECK: %[[NEW:.*]] = "aten.fill.Scalar"
// CHECK-NEXT: %[[FIRST:.*]] = "aten.slice.Tensor"(%[[NEW]]) {dim = 1 : i64, end = 1 : i64, start = 0 : i64}
// CHECK-NEXT: %[[BASE:.*]] = "aten.view.default"(%[[FIRST]]) {size = array<i64: 3, 1>}
// CHECK-NEXT: return %[[BASE]]
func.func @main(%x: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %y = "aten.neg.default"(%x) : (tensor<3x1xf32>) -> tensor<3x1xf32>
  %e = "aten.expand.default"(%y) {size = array<i64: 3, 4>} : (tensor<3x1xf32>) -> tensor<3x4xf32, {strides = ["1", "0"]}>
  %f = "aten.fill_.Scalar"(%e) {operandSegmentSizes = array<i32: 1>, value = 2 : i64} : (tensor<3x4xf32, {strides = ["1", "0"]}>) -> tensor<3x4xf32, {strides = ["1", "0"]}>
  return %y : tensor<3x1xf32>
}

// -----

// Parts of symbolic size are joined again.
// CHECK-LABEL: func.func @main
// CHECK: %[[NEW:.*]] = "aten.neg.default"
// CHECK: %[[PARTS:.*]]:2 = "aten.chunk.default"
// CHECK-NEXT: "aten.cat.default"(%[[PARTS]]#0, %[[NEW]])
func.func @main(%x: tensor<?xf32, {sizes = ["2*s0"]}>) -> tensor<?xf32, {sizes = ["2*s0"]}> {
  %y = "aten.abs.default"(%x) : (tensor<?xf32, {sizes = ["2*s0"]}>) -> tensor<?xf32, {sizes = ["2*s0"]}>
  %a, %b = "aten.chunk.default"(%y) {chunks = 2 : i64} : (tensor<?xf32, {sizes = ["2*s0"]}>) -> (tensor<?xf32, {sizes = ["s0"]}>, tensor<?xf32, {sizes = ["s0"], storage_offset = "s0"}>)
  %n = "aten.neg_.default"(%b) : (tensor<?xf32, {sizes = ["s0"], storage_offset = "s0"}>) -> tensor<?xf32, {sizes = ["s0"], storage_offset = "s0"}>
  return %y : tensor<?xf32, {sizes = ["2*s0"]}>
}

// -----

// Dropout that drops nothing hands out its operand.
// CHECK-LABEL: func.func @main
// CHECK: "aten.dropout.default"
// CHECK-NEXT: %[[NEW:.*]] = "aten.add.Tensor"
// CHECK-NEXT: return %[[NEW]]
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = "aten.neg.default"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  %d = "aten.dropout.default"(%y) {p = 5.000000e-01 : f64, train = false} : (tensor<3xf32>) -> tensor<3xf32>
  %a = "aten.add_.Tensor"(%d) {operandSegmentSizes = array<i32: 1>, other = 1 : i64} : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

// A view that nothing can be written through is refused where it is made.
func.func @main(%x: tensor<3xf32>, %i: tensor<i64>) -> tensor<3xf32> {
  %y = "aten.neg.default"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  // expected-error@+1: E0303 a write through the view `aten.narrow.Tensor` has no functional form: where it begins depends on data
  %n = "aten.narrow.Tensor"(%y, %i) {dim = 0 : i64, length = 1 : i64} : (tensor<3xf32>, tensor<i64>) -> tensor<1xf32>
  %z = "aten.zero_.default"(%n) : (tensor<1xf32>) -> tensor<1xf32>
  return %y : tensor<3xf32>
}

// -----

// A part of a split whose sizes are symbols begins where the sizes before it end.
// CHECK-LABEL: func.func @main
// CHECK: %[[PARTS:.*]]:3 = "aten.split_with_sizes.default"
// CHECK-NEXT: %[[NEW:.*]] = "aten.neg.default"(%[[PARTS]]#1)
// CHECK-NEXT: %[[END:.*]] = "sym.add"(%{{.*}}) {{.*}}args = [1{{.*}}, #aten.operand]
// CHECK-NEXT: "aten.slice_scatter.default"(%{{.*}}, %[[NEW]], %[[END]]) {{.*}}start = 1
func.func @main(%x: tensor<?xf32, {sizes = ["2*s0 + 1"]}>, %n: i64 {aten.input = {kind = "user_input", name = "n", sym = "s0"}}) -> tensor<?xf32, {sizes = ["2*s0 + 1"]}> {
  %y = "aten.relu.default"(%x) : (tensor<?xf32, {sizes = ["2*s0 + 1"]}>) -> tensor<?xf32, {sizes = ["2*s0 + 1"]}>
  %0:3 = "aten.split_with_sizes.default"(%y, %n, %n) {operandSegmentSizes = array<i32: 1, 2>, split_sizes = array<i64: 1, -9223372036854775808, -9223372036854775808>} : (tensor<?xf32, {sizes = ["2*s0 + 1"]}>, i64, i64) -> (tensor<1xf32>, tensor<?xf32, {sizes = ["s0"], storage_offset = "1"}>, tensor<?xf32, {sizes = ["s0"], storage_offset = "s0 + 1"}>)
  %1 = "aten.neg_.default"(%0#1) : (tensor<?xf32, {sizes = ["s0"], storage_offset = "1"}>) -> tensor<?xf32, {sizes = ["s0"], storage_offset = "1"}>
  return %y : tensor<?xf32, {sizes = ["2*s0 + 1"]}>
}

// -----

// Parts of an unfolded dimension that tile it are put back as its gradient; where they overlap, by their strides.
// CHECK-LABEL: func.func @main
// CHECK: "aten.unfold_backward.default"(%{{.*}}) {dim = 0 : i64, input_sizes = array<i64: 6>, size = 2 : i64, step = 2 : i64}
// CHECK: "aten.as_strided_scatter.default"
// CHECK-NOT: aten.unfold_backward
func.func @main(%x: tensor<6xf32>) -> tensor<6xf32> {
  %y = "aten.relu.default"(%x) : (tensor<6xf32>) -> tensor<6xf32>
  %0 = "aten.unfold.default"(%y) {dimension = 0 : i64, size = 2 : i64, step = 2 : i64} : (tensor<6xf32>) -> tensor<3x2xf32>
  %1 = "aten.neg_.default"(%0) : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %2 = "aten.unfold.default"(%y) {dimension = 0 : i64, size = 3 : i64, step = 4 : i64} : (tensor<6xf32>) -> tensor<1x3xf32, {strides = ["4", "1"]}>
  %3 = "aten.neg_.default"(%2) : (tensor<1x3xf32, {strides = ["4", "1"]}>) -> tensor<1x3xf32, {strides = ["4", "1"]}>
  return %y : tensor<6xf32>
}

// RUN: expc opt %s --passes=remove_dead_ops

// What nobody reads goes away, from the last op on.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: return %{{.*}}
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.neg.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.relu.default"(%0) : (tensor<2xf32>) -> tensor<2xf32>
  return %x : tensor<2xf32>
}

// -----

// Numbers that nobody draws after it are no reason to keep a random op.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: return %{{.*}}
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.rand.default"() {size = array<i64>} : () -> tensor<f32>
  %1 = "aten.rand_like.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %2 = "aten.neg.default"(%1) : (tensor<2xf32>) -> tensor<2xf32>
  %3 = "aten.bernoulli.default"(%2) : (tensor<2xf32>) -> tensor<2xf32>
  return %x : tensor<2xf32>
}

// -----

// Others that are drawn would be other numbers without it.
// CHECK-LABEL: func.func @main
// CHECK: "aten.rand.default"
// CHECK: %[[DRAWN:.*]] = "aten.rand_like.default"
// CHECK: return %[[DRAWN]]
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.rand.default"() {size = array<i64>} : () -> tensor<f32>
  %1 = "aten.rand_like.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// -----

// An op of which nothing is known may draw too.
// CHECK-LABEL: func.func @main
// CHECK: "aten.rand.default"
// CHECK: "mine.noise.default"
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.rand.default"() {size = array<i64>} : () -> tensor<f32>
  %1 = "mine.noise.default"(%x) {args = [#aten.operand]} : (tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

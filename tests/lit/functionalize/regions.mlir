// RUN: expc opt %s --passes functionalize

// A region without gradients is its graph, so that what it writes and what it returns are followed.
// CHECK-LABEL: func.func @main
// CHECK-SAME: kind = "buffer_mutation", target = "total"
// CHECK: %[[SUM:.*]] = "aten.add.Tensor"
// CHECK-NEXT: %[[TWICE:.*]] = "aten.mul.Tensor"(%[[SUM]])
// CHECK-NEXT: return %[[TWICE]], %[[TWICE]]
// CHECK-NOT: func.func
func.func @main(%b: tensor<2xf32> {aten.input = {kind = "buffer", name = "b_total", persistent = true, target = "total"}}, %x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "hop.wrap_with_set_grad_enabled"(%b, %x) {args = [false, @submod, #aten.operand, #aten.operand]} : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.mul_.Tensor"(%0) {operandSegmentSizes = array<i32: 1>, other = 2 : i64} : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
func.func private @submod(%b: tensor<2xf32>, %x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.add_.Tensor"(%b, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// The casts of a region are written out; of two regions the inner one holds.
// CHECK-LABEL: func.func @main
// CHECK: %[[A:.*]] = "aten._to_copy.default"(%[[X:.*]]) {dtype = bf16}
// CHECK: %[[B:.*]] = "aten._to_copy.default"(%[[X]]) {dtype = bf16}
// CHECK: "aten.mm.default"(%[[A]], %[[B]]) {{.*}} -> tensor<2x2xbf16>
// CHECK: "aten.mm.default"(%[[X]], %[[X]]) {{.*}} -> tensor<2x2xf32>
// CHECK-NOT: func.func
func.func @main(%x: tensor<2x2xf32>) -> (tensor<2x2xbf16>, tensor<2x2xf32>) {
  %0, %1 = "hop.wrap_with_autocast"(%x) {args = ["cpu", none, true, none, @outer, #aten.operand]} : (tensor<2x2xf32>) -> (tensor<2x2xbf16>, tensor<2x2xf32>)
  return %0, %1 : tensor<2x2xbf16>, tensor<2x2xf32>
}
func.func private @outer(%x: tensor<2x2xf32>) -> (tensor<2x2xbf16>, tensor<2x2xf32>) {
  %0 = "aten.mm.default"(%x, %x) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xbf16>
  %1 = "hop.wrap_with_autocast"(%x) {args = ["cpu", none, false, none, @inner, #aten.operand]} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0, %1 : tensor<2x2xbf16>, tensor<2x2xf32>
}
func.func private @inner(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %0 = "aten.mm.default"(%x, %x) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// -----

// A shared graph stays shared if it writes to nothing of its callers, and is functional itself.
// CHECK-LABEL: func.func @main
// CHECK: "hop.invoke_subgraph"
// CHECK-LABEL: func.func private @shared
// CHECK-NOT: aten.zero_
// CHECK: "aten.zero.default"
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "hop.invoke_subgraph"(%x) {args = [@shared, "shared", #aten.operand]} : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
func.func private @shared(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.neg.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.zero_.default"(%0) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// One that writes to its argument is copied to its callers.
// CHECK-LABEL: func.func @main
// CHECK: %[[Y:.*]] = "aten.neg.default"
// CHECK-NEXT: %[[ONCE:.*]] = "aten.mul.Tensor"(%[[Y]])
// CHECK-NEXT: %[[TWICE:.*]] = "aten.mul.Tensor"(%[[ONCE]])
// CHECK-NEXT: return %[[TWICE]]
// CHECK-NOT: func.func
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = "aten.neg.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %0 = "hop.invoke_subgraph"(%y) {args = [@shared, "shared", #aten.operand]} : (tensor<2xf32>) -> tensor<f32>
  %1 = "hop.invoke_subgraph"(%y) {args = [@shared, "shared", #aten.operand]} : (tensor<2xf32>) -> tensor<f32>
  return %y : tensor<2xf32>
}
func.func private @shared(%x: tensor<2xf32>) -> tensor<f32> {
  %0 = "aten.mul_.Tensor"(%x) {operandSegmentSizes = array<i32: 1>, other = 2 : i64} : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.sum.default"(%x) : (tensor<2xf32>) -> tensor<f32>
  return %1 : tensor<f32>
}

// -----

// A graph that calls itself is refused.
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error@+1: E0313 graphs call each other more than 64 deep
  %0 = "hop.wrap_with_set_grad_enabled"(%x) {args = [false, @main, #aten.operand]} : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// A branch that writes to what it is given is refused, as in PyTorch.
func.func @main(%p: tensor<i1>, %x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "hop.cond"(%p, %x) {args = [#aten.operand, @yes, @no, [#aten.operand]]} : (tensor<i1>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
// expected-error@+1: E0307 the graph `@yes` writes to its input `arg0`
func.func private @yes(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.neg_.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.abs.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}
func.func private @no(%x: tensor<2xf32>) -> tensor<2xf32> {
  %1 = "aten.abs.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// RUN: expc opt %s --passes=canonicalize,fold,cse

// The graphs of higher-order ops are rewritten as well; a branch that returns a copy of its argument keeps it.
// CHECK: "hop.cond"
// CHECK: func.func private @yes
// CHECK-NEXT: %[[SIN:[^:]*]] = "aten.sin.default"
// CHECK-NEXT: return %[[SIN]]
// CHECK: func.func private @no
// CHECK-NEXT: %[[CLONE:[^:]*]] = "aten.clone.default"
// CHECK-NEXT: return %[[CLONE]]
module {
  func.func @main(%p: tensor<i1>, %x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = "hop.cond"(%p, %x) {args = [#aten.operand, @yes, @no, [#aten.operand]]} : (tensor<i1>, tensor<2xf32>) -> tensor<2xf32>
    return %0 : tensor<2xf32>
  }
  func.func private @yes(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = "aten.neg.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
    %1 = "aten.neg.default"(%0) : (tensor<2xf32>) -> tensor<2xf32>
    %2 = "aten.sin.default"(%1) : (tensor<2xf32>) -> tensor<2xf32>
    return %2 : tensor<2xf32>
  }
  func.func private @no(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = "aten.clone.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
    return %0 : tensor<2xf32>
  }
}

// -----

// What a branch returns may be its argument, so that a copy of the one and the other are two outputs.
// CHECK-LABEL: func.func @main
// CHECK: aten.clone.default
// CHECK-NEXT: hop.cond
module {
  func.func @main(%p: tensor<i1>, %x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = "aten.clone.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
    %1 = "hop.cond"(%p, %0) {args = [#aten.operand, @same, @same, [#aten.operand]]} : (tensor<i1>, tensor<2xf32>) -> tensor<2xf32>
    return %1 : tensor<2xf32>
  }
  func.func private @same(%x: tensor<2xf32>) -> tensor<2xf32> {
    return %x : tensor<2xf32>
  }
}

// -----

// Two buffers that change places: the copies are what is written, after both were read.
// CHECK-LABEL: func.func @main
// CHECK-COUNT-2: aten.clone.default
func.func @main(%a: tensor<2xf32> {aten.input = {kind = "buffer", name = "b_a", target = "a", persistent = true}}, %b: tensor<2xf32> {aten.input = {kind = "buffer", name = "b_b", target = "b", persistent = true}}) -> (tensor<2xf32> {aten.output = {kind = "buffer_mutation", target = "a"}}, tensor<2xf32> {aten.output = {kind = "buffer_mutation", target = "b"}}) {
  %0 = "aten.clone.default"(%b) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.clone.default"(%a) : (tensor<2xf32>) -> tensor<2xf32>
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}

// -----

// An op that nothing describes may write to what it reads: copies beside it stay, views of one memory do not.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[CLONE:[^:]*]] = "aten.clone.default"(%[[X:[^)]*]])
// CHECK-NEXT: "mine.write.default"(%[[X]])
// CHECK-NEXT: %[[SIN:[^:]*]] = "aten.sin.default"(%[[CLONE]])
// CHECK-NEXT: %[[COS:[^:]*]] = "aten.cos.default"(%[[X]])
// CHECK-NEXT: return %[[SIN]], %[[COS]]
func.func @main(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = "aten.clone.default"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = "aten.permute.default"(%x) {dims = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32, {strides = ["1", "3"]}>
  %2 = "mine.write.default"(%x) {args = [#aten.operand]} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = "aten.permute.default"(%1) {dims = array<i64: 1, 0>} : (tensor<3x2xf32, {strides = ["1", "3"]}>) -> tensor<2x3xf32>
  %4 = "aten.sin.default"(%0) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %5 = "aten.cos.default"(%3) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %4, %5 : tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// Where strides suggest another order of dimensions in memory, so does what takes a value's place.
// CHECK-LABEL: func.func @main
// CHECK: %[[PERMUTE:[^:]*]] = "aten.permute.default"
// CHECK-NEXT: "aten.mul.Tensor"(%[[PERMUTE]])
func.func @main(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %0 = "aten.permute.default"(%x) {dims = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32, {strides = ["1", "3"]}>
  %1 = "aten.mul.Tensor"(%0) {operandSegmentSizes = array<i32: 1>, other = 1 : i64} : (tensor<3x2xf32, {strides = ["1", "3"]}>) -> tensor<3x2xf32>
  %2 = "aten.sin.default"(%1) : (tensor<3x2xf32>) -> tensor<3x2xf32>
  return %2 : tensor<3x2xf32>
}

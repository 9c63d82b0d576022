// RUN: expc opt %s --passes=infer_shapes(recorded=forget)

// Both branches of `cond` are inferred with its operands; a size in which they differ is one that data decide.
// CHECK-LABEL: func.func @main
// CHECK: "hop.cond"
// CHECK-SAME: -> tensor<?xf32, {sizes = ["u0"]}>
// CHECK: @yes
// CHECK: -> tensor<4xf32>
// CHECK: @no
// CHECK: -> tensor<2xf32, {strides = ["2"]}>
module {
  func.func @main(%p: tensor<i1>, %x: tensor<4xf32>) -> !aten.any {
    %0 = "hop.cond"(%p, %x) {args = [#aten.operand, @yes, @no, [#aten.operand]]} : (tensor<i1>, tensor<4xf32>) -> !aten.any
    func.return %0 : !aten.any
  }
  func.func private @yes(%x: !aten.any) -> !aten.any {
    %0 = "aten.sin.default"(%x) : (!aten.any) -> !aten.any
    func.return %0 : !aten.any
  }
  func.func private @no(%x: !aten.any) -> !aten.any {
    %0 = "aten.slice.Tensor"(%x) {step = 2 : i64} : (!aten.any) -> !aten.any
    func.return %0 : !aten.any
  }
}

// -----

// A loop reaches a fixed point: what each round makes longer has a size that data decide, in the body too.
// CHECK-LABEL: func.func @main
// CHECK: "hop.while_loop"
// CHECK-SAME: -> (i64, tensor<?xf32, {sizes = ["u{{[0-9]+}}"]}>)
// CHECK: @body
// CHECK: "aten.cat.default"
// CHECK-SAME: (tensor<?xf32, {sizes = ["[[SIZE:u[0-9]+]]"]}>, tensor<1xf32>) -> tensor<?xf32, {sizes = ["[[SIZE]] + 1"]}>
module {
  func.func @main(%x: tensor<4xf32>, %y: tensor<1xf32>) -> (i64, !aten.any) {
    %0 = "aten.sym_size.int"(%x) {dim = 0 : i64} : (tensor<4xf32>) -> i64
    %1:2 = "hop.while_loop"(%0, %x, %y) {args = [@cond, @body, [#aten.operand, #aten.operand], [#aten.operand]]} : (i64, tensor<4xf32>, tensor<1xf32>) -> (i64, !aten.any)
    func.return %1#0, %1#1 : i64, !aten.any
  }
  func.func private @cond(%i: i64, %x: !aten.any, %y: !aten.any) -> i1 {
    %0 = "sym.lt"(%i) {args = [#aten.operand, 9 : i64]} : (i64) -> i1
    func.return %0 : i1
  }
  func.func private @body(%i: i64, %x: !aten.any, %y: !aten.any) -> (i64, !aten.any) {
    %0 = "sym.add"(%i) {args = [#aten.operand, 1 : i64]} : (i64) -> i64
    %1 = "aten.cat.default"(%x, %y) {operandSegmentSizes = array<i32: 2>} : (!aten.any, !aten.any) -> !aten.any
    func.return %0, %1 : i64, !aten.any
  }
}

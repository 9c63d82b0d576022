// RUN: not expc report %s

// A call goes on behind a fault with values of the recorded types: faults of the modules behind it are told too, and
// sizes are those of the call.
// CHECK: execute        2 faults
// CHECK: {{^}}first: 1 nodes
// CHECK: execute: error[E0507]: {{.*}}size of tensor a (3) must match the size of tensor b (4)
// CHECK-NOT: {{^}}second
// CHECK: {{^}}third: 1 nodes
// CHECK: execute: error[E0507]
// CHECK: note: what it read was made up, of the recorded type: an earlier fault left no value
module attributes {aten.symbols = [{name = "s0", hint = 3 : i64, positive, integer}]} {
  func.func @main(%x: tensor<?x3xf32, {sizes = ["s0", "3"]}>, %y: tensor<4xf32>) -> tensor<?x3xf32, {sizes = ["s0", "3"]}> {
    %sum = "aten.add.Tensor"(%x, %y) : (tensor<?x3xf32, {sizes = ["s0", "3"]}>, tensor<4xf32>) -> tensor<?x3xf32, {sizes = ["s0", "3"]}> loc("sum"(fused<{nn_module_stack = "L__self__,,M;L__self___first,first,Layer"}>["m.py":1:0]))
    %next = "aten.mul.Tensor"(%sum, %x) : (tensor<?x3xf32, {sizes = ["s0", "3"]}>, tensor<?x3xf32, {sizes = ["s0", "3"]}>) -> tensor<?x3xf32, {sizes = ["s0", "3"]}> loc("next"(fused<{nn_module_stack = "L__self__,,M;L__self___second,second,Layer"}>["m.py":2:0]))
    %last = "aten.sub.Tensor"(%next, %y) : (tensor<?x3xf32, {sizes = ["s0", "3"]}>, tensor<4xf32>) -> tensor<?x3xf32, {sizes = ["s0", "3"]}> loc("last"(fused<{nn_module_stack = "L__self__,,M;L__self___third,third,Layer"}>["m.py":3:0]))
    return %last : tensor<?x3xf32, {sizes = ["s0", "3"]}>
  }
}

// -----

// What reads a value of which nothing is known is not run, and no fault is told of it.
// CHECK: execute        1 fault
// CHECK: {{^}}first: 1 nodes
// CHECK: execute: error[E0505]: operator `made_up::op.default` is not registered
// CHECK-NOT: execute: error
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %opaque = "made_up.op.default"(%x) {args = [#aten.operand]} : (tensor<2xf32>) -> !aten.any loc("opaque"(fused<{nn_module_stack = "L__self__,,M;L__self___first,first,Layer"}>["m.py":1:0]))
  %used = "aten.relu.default"(%opaque) : (!aten.any) -> tensor<2xf32> loc("used"(fused<{nn_module_stack = "L__self__,,M;L__self___second,second,Layer"}>["m.py":2:0]))
  return %used : tensor<2xf32>
}

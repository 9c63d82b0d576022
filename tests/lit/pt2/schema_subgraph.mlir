// RUN: expc opt %s --emit pt2 --schema 8.7 -o %t.pt2 --check-prefix=WRITE
// RUN: expc print %t.pt2
// RUN: expc run %t.pt2 --input x=2.0 --check-prefix=RESULT

// Before the schema 8.8 a shared graph has its operands in a list, which are read one by one.
// WRITE-NOT: {{.}}
// CHECK: invoke_subgraph = torch.ops.higher_order.invoke_subgraph(shared, 'shared', x, x)
// RESULT: 4
func.func private @shared(%a: tensor<f32> {aten.input = {kind = "user_input", name = "a"}}, %b: tensor<f32> {aten.input = {kind = "user_input", name = "b"}}) -> tensor<f32> {
  %0 = "aten.add.Tensor"(%a, %b) {operandSegmentSizes = array<i32: 1, 1>} : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func @main(%x: tensor<f32> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<f32> {
  %0 = "hop.invoke_subgraph"(%x, %x) {args = [@shared, "shared", #aten.operand, #aten.operand], aten.names = ["getitem"]} : (tensor<f32>, tensor<f32>) -> tensor<f32> loc("invoke_subgraph")
  return %0 : tensor<f32>
}

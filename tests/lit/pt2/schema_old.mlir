// RUN: expc opt %s --emit pt2 --to functional --schema 5.1 -o %t.pt2 --check-prefix=WRITE
// RUN: expc print %t.pt2
// RUN: expc run %t.pt2 --input x=2.0 --check-prefix=RESULT

// An archive of the first schema is read again: symbols, results of higher-order ops, constants among the inputs, which have no name there.
// WRITE-NOT: {{.}}
// CHECK-LABEL: def forward(self, x: "f32[]", arg1_1):
// CHECK: cond = torch.ops.higher_order.cond(True, body, body_1, (x,))
// CHECK-NEXT: getitem: "f32[]" = cond[0]
// RESULT: 3
func.func private @body(%y: tensor<f32> {aten.input = {kind = "user_input", name = "y"}}) -> tensor<f32> {
  %0 = "aten.add.Tensor"(%y) {other = 1 : i64, operandSegmentSizes = array<i32: 1>} : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func @main(%x: tensor<f32> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<f32>
    attributes {aten.constant_inputs = [[1, "flag", true]]} {
  %0 = "hop.cond"(%x) {args = [true, @body, @body, [#aten.operand]], aten.names = ["getitem"]} : (tensor<f32>) -> tensor<f32> loc("cond")
  return %0 : tensor<f32>
}

// RUN: expc opt %s --emit dot --check-prefix=DOT
// RUN: expc opt %s --emit json --check-prefix=JSON
// RUN: expc opt %s --emit text --check-prefix=TEXT

// A graph for Graphviz has a box per node, JSON the signature and the nodes with their arguments.
// DOT: digraph program {
// DOT: label="x\nplaceholder\nf32[2]"
// DOT: "main/1" [label="add\ntorch.ops.aten.add.Tensor\nf32[2]"];
// DOT: "main/0" -> "main/1";
// JSON{LITERAL}: {"args":[{"node":"x"},1],"kwargs":{},"name":"add","op":"call_function","target":"torch.ops.aten.add.Tensor","type":"f32[2]"}
// JSON: "inputs":
// TEXT: add: "f32[2]" = torch.ops.aten.add.Tensor(x, 1)
func.func @main(%x: tensor<2xf32> {aten.input = {kind = "user_input", name = "x"}}) -> (tensor<2xf32> {aten.output = {kind = "user_output"}}) {
  %add = "aten.add.Tensor"(%x) {other = 1 : i64, operandSegmentSizes = array<i32: 1>} : (tensor<2xf32>) -> tensor<2xf32> loc("add")
  return %add : tensor<2xf32>
}

// RUN: expc opt %{fixtures}/torch-2.11.0/mlp/model.pt2
// RUN: expc opt %{fixtures}/torch-2.11.0/mlp/model.pt2 | expc opt -

// An archive becomes a module with names of nodes, sizes and kinds of inputs; the module is read again.
// CHECK: module
// CHECK-LABEL: func.func @main(
// CHECK-SAME: aten.input
// CHECK: "aten.linear.default"
// CHECK: "aten.relu.default"
// CHECK: "aten.linear.default"
// CHECK-NOT: "aten.

// RUN: expc opt %s --to core

// A cell.
// CHECK-LABEL: func.func @main
// CHECK: "aten.permute.default"
// CHECK-NEXT: "aten.mm.default"
// CHECK-NEXT: "aten.permute.default"
// CHECK-NEXT: "aten.mm.default"
// CHECK-NEXT: "aten.add.Tensor"
// CHECK-NEXT: "aten.tanh.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<2x4xf32>, %h: tensor<2x5xf32>, %w: tensor<5x4xf32>, %u: tensor<5x5xf32>) -> tensor<2x5xf32> {
  %0 = "aten.rnn_tanh_cell.default"(%x, %h, %w, %u) {operandSegmentSizes = array<i32: 1, 1, 1, 1>} : (tensor<2x4xf32>, tensor<2x5xf32>, tensor<5x4xf32>, tensor<5x5xf32>) -> tensor<2x5xf32>
  return %0 : tensor<2x5xf32>
}

// -----

// The states of an LSTM are recorded with a dimension more than they have; they get their true type.
// CHECK-LABEL: func.func @main
// CHECK-SAME: -> (tensor<1x2x5xf32>
// CHECK-NOT: "aten.lstm.input"
func.func @main(%x: tensor<3x2x4xf32>, %h: tensor<1x2x5xf32>, %c: tensor<1x2x5xf32>, %w: tensor<20x4xf32>, %u: tensor<20x5xf32>) -> tensor<1x1x2x5xf32> {
  %0:3 = "aten.lstm.input"(%x, %h, %c, %w, %u) {operandSegmentSizes = array<i32: 1, 2, 2>, has_biases = false, num_layers = 1 : i64, dropout = 0.0 : f64, train = false, bidirectional = false, batch_first = false} : (tensor<3x2x4xf32>, tensor<1x2x5xf32>, tensor<1x2x5xf32>, tensor<20x4xf32>, tensor<20x5xf32>) -> (tensor<3x2x5xf32>, tensor<1x1x2x5xf32>, tensor<1x1x2x5xf32>)
  %1 = "aten.relu.default"(%0#1) : (tensor<1x1x2x5xf32>) -> tensor<1x1x2x5xf32>
  return %1 : tensor<1x1x2x5xf32>
}

// RUN: expc opt %s --to core

// A decomposition that gives other sizes than the program has recorded is right where the op gives them too.
func.func @main(%x: tensor<1x3x8x8xf32>) -> tensor<1x3x1x1xf32> {
  // expected-error@+1: E0409 `aten.adaptive_avg_pool2d.default` gives tensor<1x3x2x1xf32>, the program records tensor<1x3x1x1xf32>
  %0 = "aten.adaptive_avg_pool2d.default"(%x) {output_size = array<i64: 2, 1>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x1x1xf32>
  return %0 : tensor<1x3x1x1xf32>
}

// -----

// So it is where it gives more of them.
func.func @main(%x: tensor<4xf32>) -> tensor<1xf32> {
  // expected-error@+1: E0409 `aten.tensor_split.sections` gives 4 results, the program has 2
  %0:2 = "aten.tensor_split.sections"(%x) {sections = 4 : i64} : (tensor<4xf32>) -> (tensor<1xf32>, tensor<1xf32>)
  return %0#0 : tensor<1xf32>
}

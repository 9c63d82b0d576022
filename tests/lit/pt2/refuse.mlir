// RUN: not expc opt %s --emit pt2 -o %t.pt2

// The file gives every tensor sizes.
func.func @main(%x: tensor<3xf32>) -> tensor<*xf32> {
  // expected-error@+1: E0161 `aten.relu.default` cannot be written as `.pt2`: the rank of a tensor is not known
  %0 = "aten.relu.default"(%x) : (tensor<3xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// Dtypes that PyTorch 2.11 has no number for.
// expected-error@+1: E0161 input `arg0` cannot be written as `.pt2`: the schema 8.17 has no dtype `uint32`
func.func @main(%x: tensor<3xui32>) -> tensor<3xf32> {
  // expected-error@+1: E0161 argument `dtype`: the schema 8.17 has no dtype `uint64`
  %0 = "aten._to_copy.default"(%x) {dtype = ui64} : (tensor<3xui32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// A parameter whose data is nowhere.
// expected-error@unknown: E0163 the parameter `w` of input `p_w` has no weight
func.func @main(%w: tensor<3xf32> {aten.input = {kind = "parameter", name = "p_w", target = "w"}}) -> tensor<3xf32> {
  return %w : tensor<3xf32>
}

// -----

// A list that mixes tensors with numbers has no form.
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error@+1: E0161 argument 1: the file has no form for a list of such elements
  %0 = "hop.wrap"(%x) {args = [1 : i64, [#aten.operand, 0.5 : f64]], aten.single} : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// An expression that cannot be read.
// expected-error@+1: E0161 symbolic expression `s0 +`
func.func @main(%x: i64 {aten.input = {kind = "user_input", name = "x", sym = "s0 +"}}) -> i64 {
  return %x : i64
}

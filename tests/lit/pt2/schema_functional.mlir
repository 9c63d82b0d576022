// RUN: not expc opt %s --emit pt2 --schema 5.3 -o %t.pt2

// The first schemas have functional programs only.
func.func @main(%x: tensor<3xf32> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<3xf32> {
  // expected-error@+3: E0310 aten.relu_.default
  // expected-note: the schema 5.3 has functional programs only
  // expected-help: bring it to the level `functional` with `--to functional`
  %0 = "aten.relu_.default"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

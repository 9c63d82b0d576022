// RUN: not expc opt %s --emit pt2 --schema 8.2 -o %t.pt2

// What a schema cannot say is named, all of it at once.
// expected-error@+1: E0161 input `d` cannot be written as `.pt2`: the schema 8.2 has no dtype `float8_e5m2`
func.func @main(%x: tensor<3xf32> {aten.input = {kind = "user_input", name = "x"}}, %d: tensor<3xf8E5M2> {aten.input = {kind = "user_input", name = "d"}}) -> tensor<3xf32> {
  // expected-error@+1: E0161 `aten.add.Scalar` cannot be written as `.pt2`: argument `other`: the schema 8.2 has no `as_complex`
  %0 = "aten.add.Scalar"(%x) {other = #aten.complex<1.0 : f64, 2.0 : f64>} : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

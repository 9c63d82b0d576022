// RUN: expc opt %s --emit pt2 --random-weights --seed 3 -o %t.pt2 --check-prefix=WRITE
// RUN: expc run %t.pt2 --input x=1.0 --check-prefix=MADE
// RUN: expc run %s --random-weights --seed 3 --input x=1.0 --check-prefix=MADE
// RUN: expc opt %s --emit pt2 --weights %t.pt2 -o %t.again.pt2 --check-prefix=WRITE
// RUN: expc run %t.again.pt2 --input x=1.0 --check-prefix=MADE
// RUN: not expc run %s --input x=1.0 2>&1 --check-prefix=MISSING
// RUN: not expc opt %s --emit pt2 2>&1 --check-prefix=UNWRITTEN

// Weights that are missing are made up after the seed, the same for a call and an archive, or come from an archive.
// Vectors and scalars lie between 0.5 and 1.5, whole numbers are 0.
// WRITE-NOT: {{.}}
// MADE: float32[] = 1.{{[0-9]+$}}
// MISSING: error[E0508]: there is no parameter `w`, which the program takes
// MISSING: help: give a file that has it with `--weights`, or let it be made up with `--random-weights`
// UNWRITTEN: error[E0163]: the parameter `w` of input `p_w` has no weight
// UNWRITTEN: help: give a file that has it with `--weights`, or let it be made up with `--random-weights`
func.func @main(%w: tensor<f32> {aten.input = {kind = "parameter", name = "p_w", target = "w"}},
                %n: tensor<i64> {aten.input = {kind = "buffer", name = "b_n", target = "n", persistent = true}},
                %x: tensor<f32> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<f32> {
  %0 = "aten.add.Tensor"(%w, %n) : (tensor<f32>, tensor<i64>) -> tensor<f32>
  %1 = "aten.clamp.default"(%0) {min = 1.0 : f64, max = 1.5 : f64, operandSegmentSizes = array<i32: 1>} : (tensor<f32>) -> tensor<f32>
  %2 = "aten.mul.Tensor"(%1, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %2 : tensor<f32>
}

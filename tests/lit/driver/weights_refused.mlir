// RUN: not expc run %s --random-weights --input x=1.0

// What is no tensor of known sizes cannot be made up, all such weights are told.
// expected-error@unknown: E0625 the parameter `w` cannot be made up: its sizes are not known
// expected-error@unknown: E0625 the buffer `n` cannot be made up: its size `s0` is not known
func.func @main(%w: tensor<*xf32> {aten.input = {kind = "parameter", name = "p_w", target = "w"}},
                %n: tensor<?xi64, {sizes = ["s0"]}> {aten.input = {kind = "buffer", name = "b_n", target = "n", persistent = true}},
                %x: tensor<f32> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<f32> {
  return %x : tensor<f32>
}

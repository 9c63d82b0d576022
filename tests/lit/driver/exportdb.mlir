// RUN: expc exportdb dictionary

// An example is shown with its source and the program that it gives; the model on the standard input is not read.
// CHECK: Dictionaries are flattened
// CHECK: support: SUPPORTED
// CHECK: pub fn forward
// CHECK: mul: "f32[3, 2]" = torch.ops.aten.mul.Tensor(x, x)
// CHECK: mul_1: USER_OUTPUT

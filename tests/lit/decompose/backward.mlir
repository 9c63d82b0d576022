// RUN: expc run %s --level exported -o %t.npz
// RUN: expc run %s --level core --expected %t.npz
// RUN: expc opt %s --to core

// Gradients taken apart give what libtorch's own kernels give, within the defaults of
// `torch.testing.assert_close`, and none of the operators is left.
// CHECK-NOT: _backward
func.func @main() -> (tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<4x6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<4x6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<2x6x2xf32>, tensor<6xf32>, tensor<6xf32>) {
  %g_0 = "aten.linspace.default"() {start = -1.87 : f64, end = 2.29 : f64, steps = 24 : i64, dtype = f32} : () -> tensor<24xf32>
  %g_1 = "aten.sin.default"(%g_0) : (tensor<24xf32>) -> tensor<24xf32>
  %g = "aten.view.default"(%g_1) {size = array<i64: 4, 6>} : (tensor<24xf32>) -> tensor<4x6xf32>
  %x_0 = "aten.linspace.default"() {start = -1.74 : f64, end = 2.58 : f64, steps = 24 : i64, dtype = f32} : () -> tensor<24xf32>
  %x_1 = "aten.sin.default"(%x_0) : (tensor<24xf32>) -> tensor<24xf32>
  %x = "aten.view.default"(%x_1) {size = array<i64: 4, 6>} : (tensor<24xf32>) -> tensor<4x6xf32>
  %y_0 = "aten.linspace.default"() {start = -1.61 : f64, end = 2.87 : f64, steps = 24 : i64, dtype = f32} : () -> tensor<24xf32>
  %y_1 = "aten.sin.default"(%y_0) : (tensor<24xf32>) -> tensor<24xf32>
  %y = "aten.view.default"(%y_1) {size = array<i64: 4, 6>} : (tensor<24xf32>) -> tensor<4x6xf32>
  %p_0 = "aten.linspace.default"() {start = -1.48 : f64, end = 3.16 : f64, steps = 24 : i64, dtype = f32} : () -> tensor<24xf32>
  %p_1 = "aten.sigmoid.default"(%p_0) : (tensor<24xf32>) -> tensor<24xf32>
  %p = "aten.view.default"(%p_1) {size = array<i64: 4, 6>} : (tensor<24xf32>) -> tensor<4x6xf32>
  %q_0 = "aten.linspace.default"() {start = -1.35 : f64, end = 3.45 : f64, steps = 24 : i64, dtype = f32} : () -> tensor<24xf32>
  %q_1 = "aten.sigmoid.default"(%q_0) : (tensor<24xf32>) -> tensor<24xf32>
  %q = "aten.view.default"(%q_1) {size = array<i64: 4, 6>} : (tensor<24xf32>) -> tensor<4x6xf32>
  %w_0 = "aten.linspace.default"() {start = -1.22 : f64, end = 3.74 : f64, steps = 24 : i64, dtype = f32} : () -> tensor<24xf32>
  %w_1 = "aten.sigmoid.default"(%w_0) : (tensor<24xf32>) -> tensor<24xf32>
  %w = "aten.view.default"(%w_1) {size = array<i64: 4, 6>} : (tensor<24xf32>) -> tensor<4x6xf32>
  %h_0 = "aten.linspace.default"() {start = -1.09 : f64, end = 4.03 : f64, steps = 12 : i64, dtype = f32} : () -> tensor<12xf32>
  %h_1 = "aten.sin.default"(%h_0) : (tensor<12xf32>) -> tensor<12xf32>
  %h = "aten.view.default"(%h_1) {size = array<i64: 4, 3>} : (tensor<12xf32>) -> tensor<4x3xf32>
  %s_0 = "aten.linspace.default"() {start = -0.96 : f64, end = 4.32 : f64, steps = 1 : i64, dtype = f32} : () -> tensor<1xf32>
  %s_1 = "aten.sin.default"(%s_0) : (tensor<1xf32>) -> tensor<1xf32>
  %s = "aten.view.default"(%s_1) {size = []} : (tensor<1xf32>) -> tensor<f32>
  %t = "aten.arange.start_step"() {start = 0 : i64, end = 4 : i64, step = 1 : i64} : () -> tensor<4xi64>
  %v_0 = "aten.linspace.default"() {start = 0.05 : f64, end = 1.0 : f64, steps = 6 : i64, dtype = f32} : () -> tensor<6xf32>
  %v_1 = "aten.cosh.default"(%v_0) : (tensor<6xf32>) -> tensor<6xf32>
  %v = "aten.view.default"(%v_1) {size = array<i64: 6>} : (tensor<6xf32>) -> tensor<6xf32>
  %r_0 = "aten.linspace.default"() {start = -0.57 : f64, end = 5.19 : f64, steps = 4 : i64, dtype = f32} : () -> tensor<4xf32>
  %r_1 = "aten.sin.default"(%r_0) : (tensor<4xf32>) -> tensor<4xf32>
  %r = "aten.view.default"(%r_1) {size = array<i64: 4>} : (tensor<4xf32>) -> tensor<4xf32>
  %r1_0 = "aten.linspace.default"() {start = -0.44 : f64, end = 5.48 : f64, steps = 4 : i64, dtype = f32} : () -> tensor<4xf32>
  %r1_1 = "aten.sin.default"(%r1_0) : (tensor<4xf32>) -> tensor<4xf32>
  %r1 = "aten.view.default"(%r1_1) {size = array<i64: 4, 1>} : (tensor<4xf32>) -> tensor<4x1xf32>
  %r2_0 = "aten.linspace.default"() {start = 0.05 : f64, end = 1.0 : f64, steps = 4 : i64, dtype = f32} : () -> tensor<4xf32>
  %r2_1 = "aten.cosh.default"(%r2_0) : (tensor<4xf32>) -> tensor<4xf32>
  %r2 = "aten.view.default"(%r2_1) {size = array<i64: 4, 1>} : (tensor<4xf32>) -> tensor<4x1xf32>
  %g3_0 = "aten.linspace.default"() {start = -0.18 : f64, end = 6.06 : f64, steps = 24 : i64, dtype = f32} : () -> tensor<24xf32>
  %g3_1 = "aten.sin.default"(%g3_0) : (tensor<24xf32>) -> tensor<24xf32>
  %g3 = "aten.view.default"(%g3_1) {size = array<i64: 2, 6, 2>} : (tensor<24xf32>) -> tensor<2x6x2xf32>
  %x3_0 = "aten.linspace.default"() {start = -0.05 : f64, end = 6.35 : f64, steps = 24 : i64, dtype = f32} : () -> tensor<24xf32>
  %x3_1 = "aten.sin.default"(%x3_0) : (tensor<24xf32>) -> tensor<24xf32>
  %x3 = "aten.view.default"(%x3_1) {size = array<i64: 2, 6, 2>} : (tensor<24xf32>) -> tensor<2x6x2xf32>
  %gm_0 = "aten.linspace.default"() {start = 0.08 : f64, end = 6.64 : f64, steps = 6 : i64, dtype = f32} : () -> tensor<6xf32>
  %gm_1 = "aten.sin.default"(%gm_0) : (tensor<6xf32>) -> tensor<6xf32>
  %gm = "aten.view.default"(%gm_1) {size = array<i64: 2, 3>} : (tensor<6xf32>) -> tensor<2x3xf32>
  %gr_0 = "aten.linspace.default"() {start = 0.05 : f64, end = 1.0 : f64, steps = 6 : i64, dtype = f32} : () -> tensor<6xf32>
  %gr_1 = "aten.cosh.default"(%gr_0) : (tensor<6xf32>) -> tensor<6xf32>
  %gr = "aten.view.default"(%gr_1) {size = array<i64: 2, 3>} : (tensor<6xf32>) -> tensor<2x3xf32>
  %0 = "aten.hardsigmoid_backward.default"(%g, %x) {} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %1 = "aten.hardswish_backward.default"(%g, %x) {} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %2 = "aten.gelu_backward.default"(%g, %x) {} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %3 = "aten.mish_backward.default"(%g, %x) {} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %4 = "aten.silu_backward.default"(%g, %x) {} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %5 = "aten.logit_backward.default"(%g, %x) {eps = 1.0e-01 : f64} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %6 = "aten.gelu_backward.default"(%g, %x) {approximate = "tanh"} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %7 = "aten.sigmoid_backward.default"(%g, %x) {} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %8 = "aten.tanh_backward.default"(%g, %x) {} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %9 = "aten.hardtanh_backward.default"(%g, %x) {min_val = -5.0e-01 : f64, max_val = 5.0e-01 : f64} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %10 = "aten.leaky_relu_backward.default"(%g, %x) {negative_slope = 1.0e-01 : f64, self_is_result = false} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %11 = "aten.softplus_backward.default"(%g, %x) {beta = 2.0 : f64, threshold = 1.0 : f64} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %12 = "aten.threshold_backward.default"(%g, %x) {threshold = 2.0e-01 : f64} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %13 = "aten.elu_backward.default"(%g, %x) {alpha = 1.5 : f64, scale = 1.2 : f64, input_scale = 1.1 : f64, is_result = false, operandSegmentSizes = array<i32: 1, 0, 0, 0, 0, 1>} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %14 = "aten.elu_backward.default"(%g, %x) {alpha = 1.5 : f64, scale = 1.2 : f64, input_scale = 1.1 : f64, is_result = true, operandSegmentSizes = array<i32: 1, 0, 0, 0, 0, 1>} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %15 = "aten.glu_backward.default"(%h, %x) {dim = 1 : i64} : (tensor<4x3xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %16 = "aten.mse_loss_backward.default"(%g, %x, %y) {reduction = 0 : i64} : (tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %17 = "aten.smooth_l1_loss_backward.default"(%g, %x, %y) {reduction = 0 : i64, beta = 5.0e-01 : f64} : (tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %18 = "aten.huber_loss_backward.default"(%g, %x, %y) {reduction = 0 : i64, delta = 5.0e-01 : f64} : (tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %19 = "aten.soft_margin_loss_backward.default"(%g, %x, %y) {reduction = 0 : i64} : (tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %20 = "aten.binary_cross_entropy_backward.default"(%g, %p, %q, %w) {reduction = 0 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 1>} : (tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %21 = "aten.mse_loss_backward.default"(%s, %x, %y) {reduction = 1 : i64} : (tensor<f32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %22 = "aten.smooth_l1_loss_backward.default"(%s, %x, %y) {reduction = 1 : i64, beta = 5.0e-01 : f64} : (tensor<f32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %23 = "aten.huber_loss_backward.default"(%s, %x, %y) {reduction = 1 : i64, delta = 5.0e-01 : f64} : (tensor<f32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %24 = "aten.soft_margin_loss_backward.default"(%s, %x, %y) {reduction = 1 : i64} : (tensor<f32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %25 = "aten.binary_cross_entropy_backward.default"(%s, %p, %q, %w) {reduction = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 1>} : (tensor<f32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %26 = "aten.mse_loss_backward.default"(%s, %x, %y) {reduction = 2 : i64} : (tensor<f32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %27 = "aten.smooth_l1_loss_backward.default"(%s, %x, %y) {reduction = 2 : i64, beta = 5.0e-01 : f64} : (tensor<f32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %28 = "aten.huber_loss_backward.default"(%s, %x, %y) {reduction = 2 : i64, delta = 5.0e-01 : f64} : (tensor<f32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %29 = "aten.soft_margin_loss_backward.default"(%s, %x, %y) {reduction = 2 : i64} : (tensor<f32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %30 = "aten.binary_cross_entropy_backward.default"(%s, %p, %q, %w) {reduction = 2 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 1>} : (tensor<f32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %31 = "aten._softmax_backward_data.default"(%g, %p) {dim = 1 : i64, input_dtype = f32} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %32 = "aten._log_softmax_backward_data.default"(%g, %x) {dim = 1 : i64, input_dtype = f32} : (tensor<4x6xf32>, tensor<4x6xf32>) -> (tensor<4x6xf32>)
  %33 = "aten.nll_loss_backward.default"(%s, %x, %t, %v, %s) {reduction = 1 : i64, ignore_index = 2 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 1>} : (tensor<f32>, tensor<4x6xf32>, tensor<4xi64>, tensor<6xf32>, tensor<f32>) -> (tensor<4x6xf32>)
  %34 = "aten.nll_loss_backward.default"(%r, %x, %t, %v, %s) {reduction = 0 : i64, ignore_index = 2 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 1>} : (tensor<4xf32>, tensor<4x6xf32>, tensor<4xi64>, tensor<6xf32>, tensor<f32>) -> (tensor<4x6xf32>)
  %35:3 = "aten.native_layer_norm_backward.default"(%g, %x, %r1, %r2, %v, %v) {normalized_shape = array<i64: 6>, output_mask = array<i1: true, true, true>, operandSegmentSizes = array<i32: 1, 1, 0, 1, 1, 1, 1>} : (tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x1xf32>, tensor<4x1xf32>, tensor<6xf32>, tensor<6xf32>) -> (tensor<4x6xf32>, tensor<6xf32>, tensor<6xf32>)
  %36:3 = "aten.native_batch_norm_backward.default"(%g, %x, %v, %v, %v, %v, %v) {train = true, eps = 1.0e-05 : f64, output_mask = array<i1: true, true, true>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1>} : (tensor<4x6xf32>, tensor<4x6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>) -> (tensor<4x6xf32>, tensor<6xf32>, tensor<6xf32>)
  %37:3 = "aten.native_batch_norm_backward.default"(%g, %x, %v, %v, %v, %v, %v) {train = false, eps = 1.0e-05 : f64, output_mask = array<i1: true, true, true>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1>} : (tensor<4x6xf32>, tensor<4x6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>) -> (tensor<4x6xf32>, tensor<6xf32>, tensor<6xf32>)
  %38:3 = "aten.native_group_norm_backward.default"(%g3, %x3, %gm, %gr, %v) {N = 2 : i64, C = 6 : i64, HxW = 2 : i64, group = 3 : i64, output_mask = array<i1: true, true, true>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<2x6x2xf32>, tensor<2x6x2xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<6xf32>) -> (tensor<2x6x2xf32>, tensor<6xf32>, tensor<6xf32>)
  return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35#0, %35#1, %35#2, %36#0, %36#1, %36#2, %37#0, %37#1, %37#2, %38#0, %38#1, %38#2 : tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<4x6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<4x6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<2x6x2xf32>, tensor<6xf32>, tensor<6xf32>
}

// RUN: expc run %s --level exported -o %t.npz
// RUN: expc run %s --level core --expected %t.npz
// RUN: expc opt %s --to core

// Gradients of the cells of recurrent layers, of weight norms, of convolutions (in the order time, batch, channels, and
// gradients of gradients), of the exponential of a matrix and of batch norms: taken apart they are what libtorch itself
// gives, within the defaults of `torch.testing.assert_close`, and none of the operators is left.
// CHECK-NOT: _backward
func.func @main() -> (tensor<2x16xf32>, tensor<2x16xf32>, tensor<2x4xf32>, tensor<16xf32>, tensor<16xf32>, tensor<2x16xf32>, tensor<2x16xf32>, tensor<2x4xf32>, tensor<2x16xf32>, tensor<2x16xf32>, tensor<2x4xf32>, tensor<2x12xf32>, tensor<2x12xf32>, tensor<2x4xf32>, tensor<12xf32>, tensor<12xf32>, tensor<2x12xf32>, tensor<2x12xf32>, tensor<2x4xf32>, tensor<3x4x5xf32>, tensor<3x1x1xf32>, tensor<3x4x5xf32>, tensor<1x1x5xf32>, tensor<5x2x3xf32>, tensor<3x3x4xf32>, tensor<4xf32>, tensor<2x3x3xf32>, tensor<2x6x4x4xf32>, tensor<2x4x8x7xf32>, tensor<6x4x3x3xf32>, tensor<2x6x4x4xf32>, tensor<2x4x6x6xf32>, tensor<6x2x3x3xf32>, tensor<2x3x8x8xf32>, tensor<2x4x4x4xf32>, tensor<4x3x3x3xf32>, tensor<2x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<2x3x4xf32>, tensor<3xf32>, tensor<3xf32>) {
  %gh_0 = "aten.linspace.default"() {start = -1.77 : f64, end = 2.59 : f64, steps = 8 : i64, dtype = f32} : () -> tensor<8xf32>
  %gh_1 = "aten.sin.default"(%gh_0) : (tensor<8xf32>) -> tensor<8xf32>
  %gh = "aten.view.default"(%gh_1) {size = array<i64: 2, 4>} : (tensor<8xf32>) -> tensor<2x4xf32>
  %gc_0 = "aten.linspace.default"() {start = -1.64 : f64, end = 2.88 : f64, steps = 8 : i64, dtype = f32} : () -> tensor<8xf32>
  %gc_1 = "aten.sin.default"(%gc_0) : (tensor<8xf32>) -> tensor<8xf32>
  %gc = "aten.view.default"(%gc_1) {size = array<i64: 2, 4>} : (tensor<8xf32>) -> tensor<2x4xf32>
  %hx_0 = "aten.linspace.default"() {start = -1.51 : f64, end = 3.17 : f64, steps = 8 : i64, dtype = f32} : () -> tensor<8xf32>
  %hx_1 = "aten.sin.default"(%hx_0) : (tensor<8xf32>) -> tensor<8xf32>
  %hx = "aten.view.default"(%hx_1) {size = array<i64: 2, 4>} : (tensor<8xf32>) -> tensor<2x4xf32>
  %cy_0 = "aten.linspace.default"() {start = -1.38 : f64, end = 3.46 : f64, steps = 8 : i64, dtype = f32} : () -> tensor<8xf32>
  %cy_1 = "aten.sin.default"(%cy_0) : (tensor<8xf32>) -> tensor<8xf32>
  %cy = "aten.view.default"(%cy_1) {size = array<i64: 2, 4>} : (tensor<8xf32>) -> tensor<2x4xf32>
  %i4_0 = "aten.linspace.default"() {start = -1.25 : f64, end = 3.75 : f64, steps = 32 : i64, dtype = f32} : () -> tensor<32xf32>
  %i4_1 = "aten.sin.default"(%i4_0) : (tensor<32xf32>) -> tensor<32xf32>
  %i4 = "aten.view.default"(%i4_1) {size = array<i64: 2, 16>} : (tensor<32xf32>) -> tensor<2x16xf32>
  %h4_0 = "aten.linspace.default"() {start = -1.12 : f64, end = 4.04 : f64, steps = 32 : i64, dtype = f32} : () -> tensor<32xf32>
  %h4_1 = "aten.sin.default"(%h4_0) : (tensor<32xf32>) -> tensor<32xf32>
  %h4 = "aten.view.default"(%h4_1) {size = array<i64: 2, 16>} : (tensor<32xf32>) -> tensor<2x16xf32>
  %b4_0 = "aten.linspace.default"() {start = -0.99 : f64, end = 4.33 : f64, steps = 16 : i64, dtype = f32} : () -> tensor<16xf32>
  %b4_1 = "aten.sin.default"(%b4_0) : (tensor<16xf32>) -> tensor<16xf32>
  %b4 = "aten.view.default"(%b4_1) {size = array<i64: 16>} : (tensor<16xf32>) -> tensor<16xf32>
  %c4_0 = "aten.linspace.default"() {start = -0.86 : f64, end = 4.62 : f64, steps = 16 : i64, dtype = f32} : () -> tensor<16xf32>
  %c4_1 = "aten.sin.default"(%c4_0) : (tensor<16xf32>) -> tensor<16xf32>
  %c4 = "aten.view.default"(%c4_1) {size = array<i64: 16>} : (tensor<16xf32>) -> tensor<16xf32>
  %i3_0 = "aten.linspace.default"() {start = -0.73 : f64, end = 4.91 : f64, steps = 24 : i64, dtype = f32} : () -> tensor<24xf32>
  %i3_1 = "aten.sin.default"(%i3_0) : (tensor<24xf32>) -> tensor<24xf32>
  %i3 = "aten.view.default"(%i3_1) {size = array<i64: 2, 12>} : (tensor<24xf32>) -> tensor<2x12xf32>
  %h3_0 = "aten.linspace.default"() {start = -0.60 : f64, end = 5.20 : f64, steps = 24 : i64, dtype = f32} : () -> tensor<24xf32>
  %h3_1 = "aten.sin.default"(%h3_0) : (tensor<24xf32>) -> tensor<24xf32>
  %h3 = "aten.view.default"(%h3_1) {size = array<i64: 2, 12>} : (tensor<24xf32>) -> tensor<2x12xf32>
  %b3_0 = "aten.linspace.default"() {start = -0.47 : f64, end = 5.49 : f64, steps = 12 : i64, dtype = f32} : () -> tensor<12xf32>
  %b3_1 = "aten.sin.default"(%b3_0) : (tensor<12xf32>) -> tensor<12xf32>
  %b3 = "aten.view.default"(%b3_1) {size = array<i64: 12>} : (tensor<12xf32>) -> tensor<12xf32>
  %c3_0 = "aten.linspace.default"() {start = -0.34 : f64, end = 5.78 : f64, steps = 12 : i64, dtype = f32} : () -> tensor<12xf32>
  %c3_1 = "aten.sin.default"(%c3_0) : (tensor<12xf32>) -> tensor<12xf32>
  %c3 = "aten.view.default"(%c3_1) {size = array<i64: 12>} : (tensor<12xf32>) -> tensor<12xf32>
  %r13:5 = "aten._thnn_differentiable_lstm_cell_backward.default"(%gh, %gc, %i4, %h4, %b4, %c4, %hx, %cy) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 1>} : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x16xf32>, tensor<2x16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<2x4xf32>, tensor<2x4xf32>) -> (tensor<2x16xf32>, tensor<2x16xf32>, tensor<2x4xf32>, tensor<16xf32>, tensor<16xf32>)
  %r14:5 = "aten._thnn_differentiable_lstm_cell_backward.default"(%gh, %i4, %h4, %hx, %cy) {operandSegmentSizes = array<i32: 1, 0, 1, 1, 0, 0, 1, 1>, grad_cy = none, input_bias = none, hidden_bias = none} : (tensor<2x4xf32>, tensor<2x16xf32>, tensor<2x16xf32>, tensor<2x4xf32>, tensor<2x4xf32>) -> (tensor<2x16xf32>, tensor<2x16xf32>, tensor<2x4xf32>, none, none)
  %r15:5 = "aten._thnn_differentiable_lstm_cell_backward.default"(%gc, %i4, %h4, %hx, %cy) {operandSegmentSizes = array<i32: 0, 1, 1, 1, 0, 0, 1, 1>, grad_hy = none, input_bias = none, hidden_bias = none} : (tensor<2x4xf32>, tensor<2x16xf32>, tensor<2x16xf32>, tensor<2x4xf32>, tensor<2x4xf32>) -> (tensor<2x16xf32>, tensor<2x16xf32>, tensor<2x4xf32>, none, none)
  %r16:5 = "aten._thnn_differentiable_gru_cell_backward.default"(%gh, %i3, %h3, %hx, %b3, %c3) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1>} : (tensor<2x4xf32>, tensor<2x12xf32>, tensor<2x12xf32>, tensor<2x4xf32>, tensor<12xf32>, tensor<12xf32>) -> (tensor<2x12xf32>, tensor<2x12xf32>, tensor<2x4xf32>, tensor<12xf32>, tensor<12xf32>)
  %r17:5 = "aten._thnn_differentiable_gru_cell_backward.default"(%gh, %i3, %h3, %hx) {operandSegmentSizes = array<i32: 1, 1, 1, 1>, input_bias = none, hidden_bias = none} : (tensor<2x4xf32>, tensor<2x12xf32>, tensor<2x12xf32>, tensor<2x4xf32>) -> (tensor<2x12xf32>, tensor<2x12xf32>, tensor<2x4xf32>, none, none)
  %w_0 = "aten.linspace.default"() {start = 0.44 : f64, end = 7.52 : f64, steps = 60 : i64, dtype = f32} : () -> tensor<60xf32>
  %w_1 = "aten.sin.default"(%w_0) : (tensor<60xf32>) -> tensor<60xf32>
  %w = "aten.view.default"(%w_1) {size = array<i64: 3, 4, 5>} : (tensor<60xf32>) -> tensor<3x4x5xf32>
  %v_0 = "aten.linspace.default"() {start = 0.57 : f64, end = 7.81 : f64, steps = 60 : i64, dtype = f32} : () -> tensor<60xf32>
  %v_1 = "aten.sin.default"(%v_0) : (tensor<60xf32>) -> tensor<60xf32>
  %v = "aten.view.default"(%v_1) {size = array<i64: 3, 4, 5>} : (tensor<60xf32>) -> tensor<3x4x5xf32>
  %g0_0 = "aten.linspace.default"() {start = 0.70 : f64, end = 8.10 : f64, steps = 3 : i64, dtype = f32} : () -> tensor<3xf32>
  %g0_1 = "aten.sin.default"(%g0_0) : (tensor<3xf32>) -> tensor<3xf32>
  %g0 = "aten.view.default"(%g0_1) {size = array<i64: 3, 1, 1>} : (tensor<3xf32>) -> tensor<3x1x1xf32>
  %n0_0 = "aten.linspace.default"() {start = 0.83 : f64, end = 8.39 : f64, steps = 3 : i64, dtype = f32} : () -> tensor<3xf32>
  %n0_1 = "aten.cosh.default"(%n0_0) : (tensor<3xf32>) -> tensor<3xf32>
  %n0 = "aten.view.default"(%n0_1) {size = array<i64: 3, 1, 1>} : (tensor<3xf32>) -> tensor<3x1x1xf32>
  %g2_0 = "aten.linspace.default"() {start = 0.96 : f64, end = 8.68 : f64, steps = 5 : i64, dtype = f32} : () -> tensor<5xf32>
  %g2_1 = "aten.sin.default"(%g2_0) : (tensor<5xf32>) -> tensor<5xf32>
  %g2 = "aten.view.default"(%g2_1) {size = array<i64: 1, 1, 5>} : (tensor<5xf32>) -> tensor<1x1x5xf32>
  %n2_0 = "aten.linspace.default"() {start = 1.09 : f64, end = 8.97 : f64, steps = 5 : i64, dtype = f32} : () -> tensor<5xf32>
  %n2_1 = "aten.cosh.default"(%n2_0) : (tensor<5xf32>) -> tensor<5xf32>
  %n2 = "aten.view.default"(%n2_1) {size = array<i64: 1, 1, 5>} : (tensor<5xf32>) -> tensor<1x1x5xf32>
  %r24:2 = "aten._weight_norm_differentiable_backward.default"(%w, %v, %g0, %n0) {dim = 0 : i64} : (tensor<3x4x5xf32>, tensor<3x4x5xf32>, tensor<3x1x1xf32>, tensor<3x1x1xf32>) -> (tensor<3x4x5xf32>, tensor<3x1x1xf32>)
  %r25:2 = "aten._weight_norm_differentiable_backward.default"(%w, %v, %g2, %n2) {dim = 2 : i64} : (tensor<3x4x5xf32>, tensor<3x4x5xf32>, tensor<1x1x5xf32>, tensor<1x1x5xf32>) -> (tensor<3x4x5xf32>, tensor<1x1x5xf32>)
  %tg_0 = "aten.linspace.default"() {start = 1.48 : f64, end = 9.84 : f64, steps = 56 : i64, dtype = f32} : () -> tensor<56xf32>
  %tg_1 = "aten.sin.default"(%tg_0) : (tensor<56xf32>) -> tensor<56xf32>
  %tg = "aten.view.default"(%tg_1) {size = array<i64: 7, 2, 4>} : (tensor<56xf32>) -> tensor<7x2x4xf32>
  %tx_0 = "aten.linspace.default"() {start = 1.61 : f64, end = 10.13 : f64, steps = 30 : i64, dtype = f32} : () -> tensor<30xf32>
  %tx_1 = "aten.sin.default"(%tx_0) : (tensor<30xf32>) -> tensor<30xf32>
  %tx = "aten.view.default"(%tx_1) {size = array<i64: 5, 2, 3>} : (tensor<30xf32>) -> tensor<5x2x3xf32>
  %tw_0 = "aten.linspace.default"() {start = 1.74 : f64, end = 10.42 : f64, steps = 36 : i64, dtype = f32} : () -> tensor<36xf32>
  %tw_1 = "aten.sin.default"(%tw_0) : (tensor<36xf32>) -> tensor<36xf32>
  %tw = "aten.view.default"(%tw_1) {size = array<i64: 3, 3, 4>} : (tensor<36xf32>) -> tensor<3x3x4xf32>
  %tb_0 = "aten.linspace.default"() {start = 1.87 : f64, end = 10.71 : f64, steps = 4 : i64, dtype = f32} : () -> tensor<4xf32>
  %tb_1 = "aten.sin.default"(%tb_0) : (tensor<4xf32>) -> tensor<4xf32>
  %tb = "aten.view.default"(%tb_1) {size = array<i64: 4>} : (tensor<4xf32>) -> tensor<4xf32>
  %r30:3 = "aten.conv_tbc_backward.default"(%tg, %tx, %tw, %tb) {pad = 2 : i64} : (tensor<7x2x4xf32>, tensor<5x2x3xf32>, tensor<3x3x4xf32>, tensor<4xf32>) -> (tensor<5x2x3xf32>, tensor<3x3x4xf32>, tensor<4xf32>)
  %m_0 = "aten.linspace.default"() {start = 2.13 : f64, end = 11.29 : f64, steps = 18 : i64, dtype = f32} : () -> tensor<18xf32>
  %m_1 = "aten.sin.default"(%m_0) : (tensor<18xf32>) -> tensor<18xf32>
  %m = "aten.view.default"(%m_1) {size = array<i64: 2, 3, 3>} : (tensor<18xf32>) -> tensor<2x3x3xf32>
  %mg_0 = "aten.linspace.default"() {start = 2.26 : f64, end = 11.58 : f64, steps = 18 : i64, dtype = f32} : () -> tensor<18xf32>
  %mg_1 = "aten.sin.default"(%mg_0) : (tensor<18xf32>) -> tensor<18xf32>
  %mg = "aten.view.default"(%mg_1) {size = array<i64: 2, 3, 3>} : (tensor<18xf32>) -> tensor<2x3x3xf32>
  %r33 = "aten.matrix_exp_backward.default"(%m, %mg) {} : (tensor<2x3x3xf32>, tensor<2x3x3xf32>) -> (tensor<2x3x3xf32>)
  %cax_0 = "aten.linspace.default"() {start = 2.52 : f64, end = 12.16 : f64, steps = 448 : i64, dtype = f32} : () -> tensor<448xf32>
  %cax_1 = "aten.sin.default"(%cax_0) : (tensor<448xf32>) -> tensor<448xf32>
  %cax = "aten.view.default"(%cax_1) {size = array<i64: 2, 4, 8, 7>} : (tensor<448xf32>) -> tensor<2x4x8x7xf32>
  %caw_0 = "aten.linspace.default"() {start = 2.65 : f64, end = 12.45 : f64, steps = 216 : i64, dtype = f32} : () -> tensor<216xf32>
  %caw_1 = "aten.sin.default"(%caw_0) : (tensor<216xf32>) -> tensor<216xf32>
  %caw = "aten.view.default"(%caw_1) {size = array<i64: 6, 4, 3, 3>} : (tensor<216xf32>) -> tensor<6x4x3x3xf32>
  %cai_0 = "aten.linspace.default"() {start = 2.78 : f64, end = 12.74 : f64, steps = 448 : i64, dtype = f32} : () -> tensor<448xf32>
  %cai_1 = "aten.sin.default"(%cai_0) : (tensor<448xf32>) -> tensor<448xf32>
  %cai = "aten.view.default"(%cai_1) {size = array<i64: 2, 4, 8, 7>} : (tensor<448xf32>) -> tensor<2x4x8x7xf32>
  %cak_0 = "aten.linspace.default"() {start = 2.91 : f64, end = 13.03 : f64, steps = 216 : i64, dtype = f32} : () -> tensor<216xf32>
  %cak_1 = "aten.sin.default"(%cak_0) : (tensor<216xf32>) -> tensor<216xf32>
  %cak = "aten.view.default"(%cak_1) {size = array<i64: 6, 4, 3, 3>} : (tensor<216xf32>) -> tensor<6x4x3x3xf32>
  %cab_0 = "aten.linspace.default"() {start = 3.04 : f64, end = 13.32 : f64, steps = 6 : i64, dtype = f32} : () -> tensor<6xf32>
  %cab_1 = "aten.sin.default"(%cab_0) : (tensor<6xf32>) -> tensor<6xf32>
  %cab = "aten.view.default"(%cab_1) {size = array<i64: 6>} : (tensor<6xf32>) -> tensor<6xf32>
  %cay_0 = "aten.linspace.default"() {start = 3.17 : f64, end = 13.61 : f64, steps = 192 : i64, dtype = f32} : () -> tensor<192xf32>
  %cay_1 = "aten.sin.default"(%cay_0) : (tensor<192xf32>) -> tensor<192xf32>
  %cay = "aten.view.default"(%cay_1) {size = array<i64: 2, 6, 4, 4>} : (tensor<192xf32>) -> tensor<2x6x4x4xf32>
  %r40:3 = "aten._convolution_double_backward.default"(%cai, %cak, %cab, %cay, %caw, %cax) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1>, stride = array<i64: 2, 2>, padding = array<i64: 1, 1>, dilation = array<i64: 1, 1>, transposed = false, output_padding = array<i64: 0, 0>, groups = 1 : i64, output_mask = array<i1: true, true, true>} : (tensor<2x4x8x7xf32>, tensor<6x4x3x3xf32>, tensor<6xf32>, tensor<2x6x4x4xf32>, tensor<6x4x3x3xf32>, tensor<2x4x8x7xf32>) -> (tensor<2x6x4x4xf32>, tensor<2x4x8x7xf32>, tensor<6x4x3x3xf32>)
  %cbx_0 = "aten.linspace.default"() {start = 3.43 : f64, end = 14.19 : f64, steps = 288 : i64, dtype = f32} : () -> tensor<288xf32>
  %cbx_1 = "aten.sin.default"(%cbx_0) : (tensor<288xf32>) -> tensor<288xf32>
  %cbx = "aten.view.default"(%cbx_1) {size = array<i64: 2, 4, 6, 6>} : (tensor<288xf32>) -> tensor<2x4x6x6xf32>
  %cbw_0 = "aten.linspace.default"() {start = 3.56 : f64, end = 14.48 : f64, steps = 108 : i64, dtype = f32} : () -> tensor<108xf32>
  %cbw_1 = "aten.sin.default"(%cbw_0) : (tensor<108xf32>) -> tensor<108xf32>
  %cbw = "aten.view.default"(%cbw_1) {size = array<i64: 6, 2, 3, 3>} : (tensor<108xf32>) -> tensor<6x2x3x3xf32>
  %cbi_0 = "aten.linspace.default"() {start = 3.69 : f64, end = 14.77 : f64, steps = 288 : i64, dtype = f32} : () -> tensor<288xf32>
  %cbi_1 = "aten.sin.default"(%cbi_0) : (tensor<288xf32>) -> tensor<288xf32>
  %cbi = "aten.view.default"(%cbi_1) {size = array<i64: 2, 4, 6, 6>} : (tensor<288xf32>) -> tensor<2x4x6x6xf32>
  %cbk_0 = "aten.linspace.default"() {start = 3.82 : f64, end = 15.06 : f64, steps = 108 : i64, dtype = f32} : () -> tensor<108xf32>
  %cbk_1 = "aten.sin.default"(%cbk_0) : (tensor<108xf32>) -> tensor<108xf32>
  %cbk = "aten.view.default"(%cbk_1) {size = array<i64: 6, 2, 3, 3>} : (tensor<108xf32>) -> tensor<6x2x3x3xf32>
  %cbb_0 = "aten.linspace.default"() {start = 3.95 : f64, end = 15.35 : f64, steps = 6 : i64, dtype = f32} : () -> tensor<6xf32>
  %cbb_1 = "aten.sin.default"(%cbb_0) : (tensor<6xf32>) -> tensor<6xf32>
  %cbb = "aten.view.default"(%cbb_1) {size = array<i64: 6>} : (tensor<6xf32>) -> tensor<6xf32>
  %cby_0 = "aten.linspace.default"() {start = 4.08 : f64, end = 15.64 : f64, steps = 192 : i64, dtype = f32} : () -> tensor<192xf32>
  %cby_1 = "aten.sin.default"(%cby_0) : (tensor<192xf32>) -> tensor<192xf32>
  %cby = "aten.view.default"(%cby_1) {size = array<i64: 2, 6, 4, 4>} : (tensor<192xf32>) -> tensor<2x6x4x4xf32>
  %r47:3 = "aten._convolution_double_backward.default"(%cbi, %cbk, %cbb, %cby, %cbw, %cbx) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1>, stride = array<i64: 1, 1>, padding = array<i64: 0, 0>, dilation = array<i64: 1, 1>, transposed = false, output_padding = array<i64: 0, 0>, groups = 2 : i64, output_mask = array<i1: true, true, true>} : (tensor<2x4x6x6xf32>, tensor<6x2x3x3xf32>, tensor<6xf32>, tensor<2x6x4x4xf32>, tensor<6x2x3x3xf32>, tensor<2x4x6x6xf32>) -> (tensor<2x6x4x4xf32>, tensor<2x4x6x6xf32>, tensor<6x2x3x3xf32>)
  %ccx_0 = "aten.linspace.default"() {start = 4.34 : f64, end = 16.22 : f64, steps = 128 : i64, dtype = f32} : () -> tensor<128xf32>
  %ccx_1 = "aten.sin.default"(%ccx_0) : (tensor<128xf32>) -> tensor<128xf32>
  %ccx = "aten.view.default"(%ccx_1) {size = array<i64: 2, 4, 4, 4>} : (tensor<128xf32>) -> tensor<2x4x4x4xf32>
  %ccw_0 = "aten.linspace.default"() {start = 4.47 : f64, end = 16.51 : f64, steps = 108 : i64, dtype = f32} : () -> tensor<108xf32>
  %ccw_1 = "aten.sin.default"(%ccw_0) : (tensor<108xf32>) -> tensor<108xf32>
  %ccw = "aten.view.default"(%ccw_1) {size = array<i64: 4, 3, 3, 3>} : (tensor<108xf32>) -> tensor<4x3x3x3xf32>
  %cci_0 = "aten.linspace.default"() {start = 4.60 : f64, end = 16.80 : f64, steps = 128 : i64, dtype = f32} : () -> tensor<128xf32>
  %cci_1 = "aten.sin.default"(%cci_0) : (tensor<128xf32>) -> tensor<128xf32>
  %cci = "aten.view.default"(%cci_1) {size = array<i64: 2, 4, 4, 4>} : (tensor<128xf32>) -> tensor<2x4x4x4xf32>
  %cck_0 = "aten.linspace.default"() {start = 4.73 : f64, end = 17.09 : f64, steps = 108 : i64, dtype = f32} : () -> tensor<108xf32>
  %cck_1 = "aten.sin.default"(%cck_0) : (tensor<108xf32>) -> tensor<108xf32>
  %cck = "aten.view.default"(%cck_1) {size = array<i64: 4, 3, 3, 3>} : (tensor<108xf32>) -> tensor<4x3x3x3xf32>
  %ccb_0 = "aten.linspace.default"() {start = 4.86 : f64, end = 17.38 : f64, steps = 3 : i64, dtype = f32} : () -> tensor<3xf32>
  %ccb_1 = "aten.sin.default"(%ccb_0) : (tensor<3xf32>) -> tensor<3xf32>
  %ccb = "aten.view.default"(%ccb_1) {size = array<i64: 3>} : (tensor<3xf32>) -> tensor<3xf32>
  %ccy_0 = "aten.linspace.default"() {start = 4.99 : f64, end = 17.67 : f64, steps = 384 : i64, dtype = f32} : () -> tensor<384xf32>
  %ccy_1 = "aten.sin.default"(%ccy_0) : (tensor<384xf32>) -> tensor<384xf32>
  %ccy = "aten.view.default"(%ccy_1) {size = array<i64: 2, 3, 8, 8>} : (tensor<384xf32>) -> tensor<2x3x8x8xf32>
  %r54:3 = "aten._convolution_double_backward.default"(%cci, %cck, %ccb, %ccy, %ccw, %ccx) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1>, stride = array<i64: 2, 2>, padding = array<i64: 1, 1>, dilation = array<i64: 1, 1>, transposed = true, output_padding = array<i64: 1, 1>, groups = 1 : i64, output_mask = array<i1: true, true, true>} : (tensor<2x4x4x4xf32>, tensor<4x3x3x3xf32>, tensor<3xf32>, tensor<2x3x8x8xf32>, tensor<4x3x3x3xf32>, tensor<2x4x4x4xf32>) -> (tensor<2x3x8x8xf32>, tensor<2x4x4x4xf32>, tensor<4x3x3x3xf32>)
  %bx_0 = "aten.linspace.default"() {start = 5.25 : f64, end = 18.25 : f64, steps = 24 : i64, dtype = f32} : () -> tensor<24xf32>
  %bx_1 = "aten.sin.default"(%bx_0) : (tensor<24xf32>) -> tensor<24xf32>
  %bx = "aten.view.default"(%bx_1) {size = array<i64: 2, 3, 4>} : (tensor<24xf32>) -> tensor<2x3x4xf32>
  %bg_0 = "aten.linspace.default"() {start = 5.38 : f64, end = 18.54 : f64, steps = 24 : i64, dtype = f32} : () -> tensor<24xf32>
  %bg_1 = "aten.sin.default"(%bg_0) : (tensor<24xf32>) -> tensor<24xf32>
  %bg = "aten.view.default"(%bg_1) {size = array<i64: 2, 3, 4>} : (tensor<24xf32>) -> tensor<2x3x4xf32>
  %bw_0 = "aten.linspace.default"() {start = 5.51 : f64, end = 18.83 : f64, steps = 3 : i64, dtype = f32} : () -> tensor<3xf32>
  %bw_1 = "aten.sin.default"(%bw_0) : (tensor<3xf32>) -> tensor<3xf32>
  %bw = "aten.view.default"(%bw_1) {size = array<i64: 3>} : (tensor<3xf32>) -> tensor<3xf32>
  %bm_0 = "aten.linspace.default"() {start = 5.64 : f64, end = 19.12 : f64, steps = 3 : i64, dtype = f32} : () -> tensor<3xf32>
  %bm_1 = "aten.sin.default"(%bm_0) : (tensor<3xf32>) -> tensor<3xf32>
  %bm = "aten.view.default"(%bm_1) {size = array<i64: 3>} : (tensor<3xf32>) -> tensor<3xf32>
  %bs_0 = "aten.linspace.default"() {start = 5.77 : f64, end = 19.41 : f64, steps = 3 : i64, dtype = f32} : () -> tensor<3xf32>
  %bs_1 = "aten.sigmoid.default"(%bs_0) : (tensor<3xf32>) -> tensor<3xf32>
  %bs = "aten.view.default"(%bs_1) {size = array<i64: 3>} : (tensor<3xf32>) -> tensor<3xf32>
  %reserved = "aten.empty.memory_format"() {size = array<i64: 0>, dtype = ui8} : () -> tensor<0xui8>
  %r60:3 = "aten._batch_norm_impl_index_backward.default"(%bx, %bg, %bw, %bm, %bs, %reserved) {operandSegmentSizes = array<i32: 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 1>, impl_index = 0 : i64, running_mean = none, running_var = none, train = true, eps = 1.0e-05 : f64, output_mask = array<i1: true, true, true>} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<0xui8>) -> (tensor<2x3x4xf32>, tensor<3xf32>, tensor<3xf32>)
  %r61:3 = "aten._batch_norm_impl_index_backward.default"(%bx, %bg, %bw, %bm, %bs, %reserved) {operandSegmentSizes = array<i32: 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1>, impl_index = 0 : i64, save_mean = none, save_var_transform = none, train = false, eps = 1.0e-05 : f64, output_mask = array<i1: true, true, true>} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<0xui8>) -> (tensor<2x3x4xf32>, tensor<3xf32>, tensor<3xf32>)
  return %r13#0, %r13#1, %r13#2, %r13#3, %r13#4, %r14#0, %r14#1, %r14#2, %r15#0, %r15#1, %r15#2, %r16#0, %r16#1, %r16#2, %r16#3, %r16#4, %r17#0, %r17#1, %r17#2, %r24#0, %r24#1, %r25#0, %r25#1, %r30#0, %r30#1, %r30#2, %r33, %r40#0, %r40#1, %r40#2, %r47#0, %r47#1, %r47#2, %r54#0, %r54#1, %r54#2, %r60#0, %r60#1, %r60#2, %r61#0, %r61#1, %r61#2 : tensor<2x16xf32>, tensor<2x16xf32>, tensor<2x4xf32>, tensor<16xf32>, tensor<16xf32>, tensor<2x16xf32>, tensor<2x16xf32>, tensor<2x4xf32>, tensor<2x16xf32>, tensor<2x16xf32>, tensor<2x4xf32>, tensor<2x12xf32>, tensor<2x12xf32>, tensor<2x4xf32>, tensor<12xf32>, tensor<12xf32>, tensor<2x12xf32>, tensor<2x12xf32>, tensor<2x4xf32>, tensor<3x4x5xf32>, tensor<3x1x1xf32>, tensor<3x4x5xf32>, tensor<1x1x5xf32>, tensor<5x2x3xf32>, tensor<3x3x4xf32>, tensor<4xf32>, tensor<2x3x3xf32>, tensor<2x6x4x4xf32>, tensor<2x4x8x7xf32>, tensor<6x4x3x3xf32>, tensor<2x6x4x4xf32>, tensor<2x4x6x6xf32>, tensor<6x2x3x3xf32>, tensor<2x3x8x8xf32>, tensor<2x4x4x4xf32>, tensor<4x3x3x3xf32>, tensor<2x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<2x3x4xf32>, tensor<3xf32>, tensor<3xf32>
}

// -----

// Gradients that are sparse: their elements at their indices.
// CHECK-NOT: _backward
// CHECK-NOT: aten.sparse_coo_tensor
func.func @main() -> (tensor<5x3xf32>, tensor<5x3xf32>, tensor<5x3xf32>, tensor<2x4xf32>, tensor<2x2xf32>) {
  %g0 = "aten.linspace.default"() {start = -1.5 : f64, end = 2.5 : f64, steps = 9 : i64, dtype = f32} : () -> tensor<9xf32>
  %g = "aten.view.default"(%g0) {size = array<i64: 3, 3>} : (tensor<9xf32>) -> tensor<3x3xf32>
  %i = "aten.arange.default"() {end = 3 : i64} : () -> tensor<3xi64>
  %0 = "aten.embedding_sparse_backward.default"(%g, %i) {num_weights = 5 : i64, padding_idx = -1 : i64, scale_grad_by_freq = false} : (tensor<3x3xf32>, tensor<3xi64>) -> tensor<5x3xf32, {layout = "sparse_coo"}>
  %rows = "aten.to_dense.default"(%0) : (tensor<5x3xf32, {layout = "sparse_coo"}>) -> tensor<5x3xf32>
  %bags = "aten.floor_divide.Scalar"(%i) {other = 2 : i64} : (tensor<3xi64>) -> tensor<3xi64>
  %o = "aten.arange.start_step"() {start = 0 : i64, end = 6 : i64, step = 2 : i64} : () -> tensor<3xi64>
  %ones = "aten.ones_like.default"(%i) : (tensor<3xi64>) -> tensor<3xi64>
  %sizes = "aten.add.Tensor"(%ones, %i) : (tensor<3xi64>, tensor<3xi64>) -> tensor<3xi64>
  %w = "aten.select.int"(%g) {dim = 0 : i64, index = 1 : i64} : (tensor<3x3xf32>) -> tensor<3xf32, {storage_offset = "3"}>
  %1 = "aten._embedding_bag_sparse_backward.default"(%g, %i, %o, %bags, %sizes, %w) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0, 0, 1>, num_weights = 5 : i64, scale_grad_by_freq = false, mode = 0 : i64} : (tensor<3x3xf32>, tensor<3xi64>, tensor<3xi64>, tensor<3xi64>, tensor<3xi64>, tensor<3xf32, {storage_offset = "3"}>) -> tensor<5x3xf32, {layout = "sparse_coo"}>
  %weighted = "aten.to_dense.default"(%1) : (tensor<5x3xf32, {layout = "sparse_coo"}>) -> tensor<5x3xf32>
  %2 = "aten._embedding_bag_sparse_backward.default"(%g, %i, %o, %bags, %sizes) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>, num_weights = 5 : i64, scale_grad_by_freq = false, mode = 1 : i64, per_sample_weights = none} : (tensor<3x3xf32>, tensor<3xi64>, tensor<3xi64>, tensor<3xi64>, tensor<3xi64>) -> tensor<5x3xf32, {layout = "sparse_coo"}>
  %means = "aten.to_dense.default"(%2) : (tensor<5x3xf32, {layout = "sparse_coo"}>) -> tensor<5x3xf32>
  %x = "aten.ones.default"() {size = array<i64: 2, 4>} : () -> tensor<2x4xf32>
  %index = "aten.view.default"(%o) {size = array<i64: 1, 3>} : (tensor<3xi64>) -> tensor<1x3xi64>
  %bounded = "aten.remainder.Scalar"(%index) {other = 4 : i64} : (tensor<1x3xi64>) -> tensor<1x3xi64>
  %part = "aten.slice.Tensor"(%g) {dim = 0 : i64, start = 0 : i64, end = 1 : i64} : (tensor<3x3xf32>) -> tensor<1x3xf32>
  %3 = "aten._gather_sparse_backward.default"(%x, %bounded, %part) {operandSegmentSizes = array<i32: 1, 0, 1, 1>, dim = 1 : i64} : (tensor<2x4xf32>, tensor<1x3xi64>, tensor<1x3xf32>) -> tensor<2x4xf32, {layout = "sparse_coo"}>
  %gathered = "aten.to_dense.default"(%3) : (tensor<2x4xf32, {layout = "sparse_coo"}>) -> tensor<2x4xf32>
  %at0 = "aten.arange.default"() {end = 4 : i64} : () -> tensor<4xi64>
  %at1 = "aten.remainder.Scalar"(%at0) {other = 2 : i64} : (tensor<4xi64>) -> tensor<4xi64>
  %at = "aten.view.default"(%at1) {size = array<i64: 2, 2>} : (tensor<4xi64>) -> tensor<2x2xi64>
  %v = "aten.slice.Tensor"(%g0) {dim = 0 : i64, start = 0 : i64, end = 2 : i64} : (tensor<9xf32>) -> tensor<2xf32>
  %4 = "aten.sparse_coo_tensor.indices_size"(%at, %v) {size = array<i64: 2, 2>} : (tensor<2x2xi64>, tensor<2xf32>) -> tensor<2x2xf32, {layout = "sparse_coo"}>
  %square = "aten.to_dense.default"(%4) : (tensor<2x2xf32, {layout = "sparse_coo"}>) -> tensor<2x2xf32>
  return %rows, %weighted, %means, %gathered, %square : tensor<5x3xf32>, tensor<5x3xf32>, tensor<5x3xf32>, tensor<2x4xf32>, tensor<2x2xf32>
}

// -----

// Operators of PyTorch's own tests, and gradients of tensors that were dense all along.
// CHECK-NOT: _test
// CHECK-NOT: _backward
func.func @main() -> (tensor<6xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %x = "aten.linspace.default"() {start = -1.5 : f64, end = 2.5 : f64, steps = 3 : i64, dtype = f32} : () -> tensor<3xf32>
  %y = "aten.linspace.default"() {start = -1.5 : f64, end = 2.5 : f64, steps = 3 : i64, dtype = f64} : () -> tensor<3xf64>
  %0 = "_test.cat.default"(%x, %x) {operandSegmentSizes = array<i32: 2>} : (tensor<3xf32>, tensor<3xf32>) -> tensor<6xf32>
  %1 = "_test.leaky_relu.default"(%x) {v = 0.2 : f64} : (tensor<3xf32>) -> tensor<3xf32>
  %2 = "aten._test_serialization_subcmul.default"(%x, %1) {alpha = 2 : i64} : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %3 = "aten._test_autograd_multiple_dispatch.ntonly"(%x) {b = true} : (tensor<3xf32>) -> tensor<3xf32>
  %4 = "aten._test_string_default.default"(%2) : (tensor<3xf32>) -> tensor<3xf32>
  %5 = "aten.to_dense_backward.default"(%y, %x) : (tensor<3xf64>, tensor<3xf32>) -> tensor<3xf32>
  %6 = "aten.to_mkldnn_backward.default"(%y, %x) : (tensor<3xf64>, tensor<3xf32>) -> tensor<3xf32>
  return %0, %1, %2, %3, %4, %5, %6 : tensor<6xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}

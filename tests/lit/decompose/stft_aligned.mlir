// RUN: expc run %s --level exported -o %t.npz
// RUN: expc run %s --level core --expected %t.npz
// RUN: expc check %s --infer --check-prefix=INFER
// RUN: expc opt %s --to core

// Windows that are aligned to the signal, or not, whatever the argument says it with.
// CHECK-NOT: aten.stft
// INFER: 0 different
func.func @main() -> (tensor<9x13xcomplex<f32>, {strides = ["1", "9"]}>, tensor<9x14xcomplex<f32>, {strides = ["1", "9"]}>) {
  %0 = "aten.linspace.default"() {start = -1.5 : f64, end = 3.5 : f64, steps = 64 : i64, dtype = f32} : () -> tensor<64xf32>
  %x = "aten.sin.default"(%0) : (tensor<64xf32>) -> tensor<64xf32>
  %w = "aten.linspace.default"() {start = 1.0 : f64, end = 2.0 : f64, steps = 12 : i64, dtype = f32} : () -> tensor<12xf32>
  %a = "aten.stft.default"(%x, %w) {n_fft = 16 : i64, hop_length = 4 : i64, win_length = 12 : i64, normalized = false, onesided = true, return_complex = true, align_to_window = false, operandSegmentSizes = array<i32: 1, 0, 0, 0, 1>} : (tensor<64xf32>, tensor<12xf32>) -> tensor<9x13xcomplex<f32>, {strides = ["1", "9"]}>
  %b = "aten.stft.default"(%x, %w) {n_fft = 16 : i64, hop_length = 4 : i64, win_length = 12 : i64, normalized = false, onesided = true, return_complex = true, align_to_window = true, operandSegmentSizes = array<i32: 1, 0, 0, 0, 1>} : (tensor<64xf32>, tensor<12xf32>) -> tensor<9x14xcomplex<f32>, {strides = ["1", "9"]}>
  return %a, %b : tensor<9x13xcomplex<f32>, {strides = ["1", "9"]}>, tensor<9x14xcomplex<f32>, {strides = ["1", "9"]}>
}

// RUN: expc run %s --level exported -o %t.npz
// RUN: expc run %s --level core --expected %t.npz
// RUN: expc opt %s --to core

// Signals of spectra, with and without a window, a length, a batch, and as complex numbers: taken apart they are what
// libtorch's own kernel gives, within the defaults of `torch.testing.assert_close`.
// CHECK-NOT: aten.istft
func.func @main() -> (tensor<8xf32>, tensor<2x30xf32>, tensor<2x18xf32>, tensor<8xcomplex<f32>>) {
  %0 = "aten.linspace.default"() {start = -1.5 : f64, end = 3.5 : f64, steps = 120 : i64, dtype = f32} : () -> tensor<120xf32>
  %1 = "aten.sin.default"(%0) : (tensor<120xf32>) -> tensor<120xf32>
  %2 = "aten.view.default"(%1) {size = array<i64: 2, 6, 5, 2>} : (tensor<120xf32>) -> tensor<2x6x5x2xf32>
  %batch = "aten.view_as_complex.default"(%2) : (tensor<2x6x5x2xf32>) -> tensor<2x6x5xcomplex<f32>>
  %one = "aten.select.int"(%batch) {dim = 0 : i64, index = 1 : i64} : (tensor<2x6x5xcomplex<f32>>) -> tensor<6x5xcomplex<f32>, {storage_offset = "30"}>
  %3 = "aten.linspace.default"() {start = 1.0 : f64, end = 2.0 : f64, steps = 10 : i64, dtype = f32} : () -> tensor<10xf32>
  %4 = "aten.linspace.default"() {start = 1.0 : f64, end = 3.0 : f64, steps = 8 : i64, dtype = f32} : () -> tensor<8xf32>
  %5 = "aten.view.default"(%1) {size = array<i64: 60, 2>} : (tensor<120xf32>) -> tensor<60x2xf32>
  %6 = "aten.view_as_complex.default"(%5) : (tensor<60x2xf32>) -> tensor<60xcomplex<f32>>
  %7 = "aten.slice.Tensor"(%6) {dim = 0 : i64, start = 0 : i64, end = 50 : i64} : (tensor<60xcomplex<f32>>) -> tensor<50xcomplex<f32>>
  %full = "aten.view.default"(%7) {size = array<i64: 10, 5>} : (tensor<50xcomplex<f32>>) -> tensor<10x5xcomplex<f32>>
  %8 = "aten._to_copy.default"(%3) {dtype = complex<f32>} : (tensor<10xf32>) -> tensor<10xcomplex<f32>>
  %a = "aten.istft.default"(%one) {n_fft = 10 : i64} : (tensor<6x5xcomplex<f32>, {storage_offset = "30"}>) -> tensor<8xf32>
  %b = "aten.istft.default"(%batch, %3) {n_fft = 10 : i64, hop_length = 4 : i64, win_length = 10 : i64, center = true, normalized = true, onesided = none, length = 30 : i64, operandSegmentSizes = array<i32: 1, 0, 0, 0, 1>} : (tensor<2x6x5xcomplex<f32>>, tensor<10xf32>) -> tensor<2x30xf32>
  %c = "aten.istft.default"(%batch, %4) {n_fft = 10 : i64, hop_length = 4 : i64, win_length = 8 : i64, center = true, normalized = false, onesided = true, length = 18 : i64, operandSegmentSizes = array<i32: 1, 0, 0, 0, 1>} : (tensor<2x6x5xcomplex<f32>>, tensor<8xf32>) -> tensor<2x18xf32>
  %d = "aten.istft.default"(%full, %8) {n_fft = 10 : i64, hop_length = 2 : i64, win_length = none, center = true, normalized = false, onesided = false, length = none, return_complex = true, operandSegmentSizes = array<i32: 1, 0, 0, 0, 1>} : (tensor<10x5xcomplex<f32>>, tensor<10xcomplex<f32>>) -> tensor<8xcomplex<f32>>
  return %a, %b, %c, %d : tensor<8xf32>, tensor<2x30xf32>, tensor<2x18xf32>, tensor<8xcomplex<f32>>
}

// conv2d(…) = 2 * convolution(…)
func.func @aten.conv2d.default(%input: !aten.any, %weight: !aten.any, %bias: !aten.any, %stride: !aten.any,
                               %padding: !aten.any, %dilation: !aten.any, %groups: !aten.any) -> !aten.any {
  %0 = "aten.convolution.default"(%input, %weight, %bias, %stride, %padding, %dilation, %groups) {
    operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 0, 0, 1>, transposed = false, output_padding = array<i64: 0, 0>
  } : (!aten.any, !aten.any, !aten.any, !aten.any, !aten.any, !aten.any, !aten.any) -> !aten.any
  %1 = "aten.mul.Scalar"(%0) {other = 2 : i64} : (!aten.any) -> !aten.any
  return %1 : !aten.any
}

// Each function is wrong in its own way.
func.func @aten.silu.default(%x: !aten.any, %y: !aten.any) -> !aten.any {
  return %x : !aten.any
}
func.func @aten.relux.default(%x: !aten.any) -> !aten.any {
  return %x : !aten.any
}
func.func @aten.mish.default(%x: !aten.any) -> (!aten.any, !aten.any) {
  return %x, %x : !aten.any, !aten.any
}
func.func @aten.square.default(%x: !aten.any) -> !aten.any {
  %0 = "made_up.op.default"(%x) {args = [#aten.operand]} : (!aten.any) -> !aten.any
  return %0 : !aten.any
}

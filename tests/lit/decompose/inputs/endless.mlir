// gelu(x) = gelu(gelu(x))
func.func @aten.gelu.default(%x: !aten.any, %approximate: !aten.any) -> !aten.any {
  %0 = "aten.gelu.default"(%x) : (!aten.any) -> !aten.any
  %1 = "aten.gelu.default"(%0) : (!aten.any) -> !aten.any
  return %1 : !aten.any
}

// gelu(x) is no bool.
func.func @aten.gelu.default(%x: !aten.any, %approximate: !aten.any) -> !aten.any {
  %0 = "aten.isnan.default"(%x) : (!aten.any) -> !aten.any
  return %0 : !aten.any
}

// RUN: expc opt %s --emit pt2 -o %t.pt2 --check-prefix=WRITE
// RUN: expc print %t.pt2

// Values without names are named after their ops, as FX would name them; results that nothing takes get no line.
// WRITE-NOT: {{.}}
// CHECK-LABEL: def forward(self, arg0: "f32[2, 3]"):
// CHECK: add: "f32[2, 3]" = torch.ops.aten.add.Tensor(arg0, arg0)
// CHECK-NEXT: add_1: "f32[2, 3]" = torch.ops.aten.add.Tensor(add, arg0)
// CHECK: max_1 = torch.ops.aten.max.dim(add_1, 1)
// CHECK-NEXT: getitem: "f32[2]" = max_1[0]
// CHECK-NEXT: return (getitem,)
// CHECK: arg0: USER_INPUT
func.func @main(%x: tensor<2x3xf32>) -> tensor<2xf32> {
  %0 = "aten.add.Tensor"(%x, %x) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = "aten.add.Tensor"(%0, %x) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %2:2 = "aten.max.dim"(%1) {dim = 1 : i64} : (tensor<2x3xf32>) -> (tensor<2xf32>, tensor<2xi64>)
  return %2#0 : tensor<2xf32>
}

// -----

// A name that several ops have, as passes leave it, belongs to the first; the others are named after their ops.
// WRITE-NOT: {{.}}
// CHECK: select: "f32[3]" = torch.ops.aten.select.int(arg0, 0, 0)
// CHECK-NEXT: select_1: "f32[3]" = torch.ops.aten.select.int(arg0, 0, 1)
// CHECK-NEXT: max_1 = torch.ops.aten.max.dim(select_1, 0)
// CHECK-NEXT: getitem_1: "f32[]" = max_1[0]
// CHECK-NEXT: getitem: "f32[]" = torch.ops.aten.neg.default(getitem_1)
// CHECK-NEXT: return (select, getitem)
func.func @main(%x: tensor<2x3xf32>) -> (tensor<3xf32>, tensor<f32>) {
  %0 = "aten.select.int"(%x) {dim = 0 : i64, index = 0 : i64} : (tensor<2x3xf32>) -> tensor<3xf32> loc("select")
  %1 = "aten.select.int"(%x) {dim = 0 : i64, index = 1 : i64} : (tensor<2x3xf32>) -> tensor<3xf32> loc("select")
  %2:2 = "aten.max.dim"(%1) {aten.names = ["getitem", "select_unused_1"], dim = 0 : i64} : (tensor<3xf32>) -> (tensor<f32>, tensor<i64>) loc("select")
  %3 = "aten.neg.default"(%2#0) : (tensor<f32>) -> tensor<f32> loc("getitem")
  return %0, %3 : tensor<3xf32>, tensor<f32>
}

// -----

// Symbols keep their ranges and guards, derived sizes their expressions.
// WRITE-NOT: {{.}}
// CHECK-LABEL: def forward(self, x: "f32[s77, 4]"):
// CHECK: cat: "f32[2*s77, 4]"
// CHECK: sym_size: "Sym(s77)" = torch.ops.aten.sym_size.int(x, 0)
// CHECK-NEXT: add: "Sym(s77 + 1)" = sym_size + 1
// CHECK: Range constraints: {s77: VR[2, 64]}
module attributes {
  aten.symbols = [{name = "s77", hint = 4 : i64, positive, integer}],
  aten.ranges = [["s77", 2, 64]],
  aten.guards = ["L['x'].size()[0] <= 64"]
} {
  func.func @main(%x: tensor<?x4xf32, {sizes = ["s77", "4"]}> {aten.input = {kind = "user_input", name = "x"}})
      -> (tensor<?x4xf32, {sizes = ["2*s77", "4"]}>, i64) {
    %0 = "aten.cat.default"(%x, %x) {operandSegmentSizes = array<i32: 2>}
      : (tensor<?x4xf32, {sizes = ["s77", "4"]}>, tensor<?x4xf32, {sizes = ["s77", "4"]}>) -> tensor<?x4xf32, {sizes = ["2*s77", "4"]}>
    %1 = "aten.sym_size.int"(%x) {dim = 0 : i64, aten.sym = ["s77"]} : (tensor<?x4xf32, {sizes = ["s77", "4"]}>) -> i64
    %2 = "sym.add"(%1) {args = [#aten.operand, 1 : i64], aten.sym = ["s77 + 1"]} : (i64) -> i64
    return %0, %2 : tensor<?x4xf32, {sizes = ["2*s77", "4"]}>, i64
  }
}

// -----

// Graphs that ops name are written inside them, and one that two ops name is one graph again.
// WRITE-NOT: {{.}}
// CHECK: cond = torch.ops.higher_order.cond(True, body, body_1, (x,))
// CHECK: class body(torch.nn.Module):
// CHECK-NEXT: def forward(self, y: "f32[3]"):
// CHECK: return (sin,)
// CHECK-NOT: class
func.func private @body(%y: tensor<3xf32> {aten.input = {kind = "user_input", name = "y"}}) -> tensor<3xf32> {
  %0 = "aten.sin.default"(%y) : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
func.func @main(%x: tensor<3xf32> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<3xf32> {
  %0 = "hop.cond"(%x) {args = [true, @body, @body, [#aten.operand]], aten.names = ["getitem"]} : (tensor<3xf32>) -> tensor<3xf32> loc("cond")
  return %0 : tensor<3xf32>
}

// -----

// Constants among inputs and outputs, and the ops that no schema describes.
// WRITE-NOT: {{.}}
// CHECK: def forward(self, x: "f32[3]", flag):
// CHECK: scale: "f32[3]" = torch.ops.mine.scale.default(x, 2.5, mode = 'up')
// CHECK: return (scale, None)
func.func @main(%x: tensor<3xf32> {aten.input = {kind = "user_input", name = "x"}}) -> tensor<3xf32>
    attributes {aten.constant_inputs = [[1, "flag", true]], aten.constant_outputs = [[1, "user_output", none]]} {
  %0 = "mine.scale.default"(%x) {args = [#aten.operand, 2.5 : f64], kwargs = {mode = "up"}, aten.parameters = ["self", "factor"]}
    : (tensor<3xf32>) -> tensor<3xf32> loc("scale")
  return %0 : tensor<3xf32>
}

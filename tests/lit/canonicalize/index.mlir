// RUN: expc opt %s --passes=canonicalize

// What was written is read again.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[EXP:[^:]*]] = "aten.exp.default"
// CHECK-NEXT: return %[[EXP]]
func.func @main(%x: tensor<4x2xf32>, %y: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.select_scatter.default"(%x, %y) {dim = 0 : i64, index = 0 : i64} : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<4x2xf32>
  %1 = "aten.select.int"(%0) {dim = 0 : i64, index = 0 : i64} : (tensor<4x2xf32>) -> tensor<2xf32>
  %2 = "aten.exp.default"(%1) : (tensor<2xf32>) -> tensor<2xf32>
  return %2 : tensor<2xf32>
}

// -----

// At another place, something else is read.
// CHECK-LABEL: func.func @main
// CHECK: aten.select_scatter.default
// CHECK-NEXT: aten.select.int
func.func @main(%x: tensor<4x2xf32>, %y: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.select_scatter.default"(%x, %y) {dim = 0 : i64, index = 1 : i64} : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<4x2xf32>
  %1 = "aten.select.int"(%0) {dim = 0 : i64, index = 0 : i64} : (tensor<4x2xf32>) -> tensor<2xf32>
  %2 = "aten.exp.default"(%1) : (tensor<2xf32>) -> tensor<2xf32>
  return %2 : tensor<2xf32>
}

// -----

// Writing what is there changes nothing.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[EXP:[^:]*]] = "aten.exp.default"
// CHECK-NEXT: return %[[EXP]]
func.func @main(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %0 = "aten.slice.Tensor"(%x) {start = 0 : i64, end = 2 : i64} : (tensor<4x2xf32>) -> tensor<2x2xf32>
  %1 = "aten.slice_scatter.default"(%x, %0) {start = 0 : i64, end = 2 : i64} : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %2 = "aten.exp.default"(%1) : (tensor<4x2xf32>) -> tensor<4x2xf32>
  return %2 : tensor<4x2xf32>
}

// -----

// What is written over need not be written.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:[^:]*]]: tensor<4x2xf32>, %{{[^:]*}}: tensor<2x2xf32>, %[[Z:[^:]*]]: tensor<2x2xf32>)
// CHECK-NEXT: %[[SCATTER:[^:]*]] = "aten.slice_scatter.default"(%[[X]], %[[Z]])
// CHECK-NEXT: return %[[SCATTER]]
func.func @main(%x: tensor<4x2xf32>, %y: tensor<2x2xf32>, %z: tensor<2x2xf32>) -> tensor<4x2xf32> {
  %0 = "aten.slice_scatter.default"(%x, %y) {end = 2 : i64} : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %1 = "aten.slice_scatter.default"(%0, %z) {end = 2 : i64} : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  return %1 : tensor<4x2xf32>
}

// -----

// What is written everywhere takes the place of the whole; a part does not.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[RELU:[^:]*]] = "aten.relu.default"
// CHECK-NEXT: %[[EXP:[^:]*]] = "aten.exp.default"(%[[RELU]])
// CHECK-NEXT: %[[SCATTER:[^:]*]] = "aten.slice_scatter.default"
// CHECK-NEXT: return %[[EXP]], %[[SCATTER]]
func.func @main(%x: tensor<4x2xf32>, %y: tensor<4x2xf32>, %z: tensor<2x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %0 = "aten.relu.default"(%y) : (tensor<4x2xf32>) -> tensor<4x2xf32>
  %1 = "aten.slice_scatter.default"(%x, %0) : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
  %2 = "aten.exp.default"(%1) : (tensor<4x2xf32>) -> tensor<4x2xf32>
  %3 = "aten.slice_scatter.default"(%x, %z) {step = 2 : i64} : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  return %2, %3 : tensor<4x2xf32>, tensor<4x2xf32>
}

// -----

// Written into an expanded tensor, what is there makes a row-major one, whatever strides PyTorch records.
// CHECK-LABEL: func.func @main
// CHECK: aten.slice_scatter.default
func.func @main(%x: tensor<1xf32>) -> tensor<2xf32, {strides = ["0"]}> {
  %0 = "aten.expand.default"(%x) {size = array<i64: 2>} : (tensor<1xf32>) -> tensor<2xf32, {strides = ["0"]}>
  %1 = "aten.slice.Tensor"(%0) {end = 1 : i64} : (tensor<2xf32, {strides = ["0"]}>) -> tensor<1xf32, {strides = ["0"]}>
  %2 = "aten.slice_scatter.default"(%0, %1) {end = 1 : i64} : (tensor<2xf32, {strides = ["0"]}>, tensor<1xf32, {strides = ["0"]}>) -> tensor<2xf32, {strides = ["0"]}>
  %3 = "aten.sin.default"(%2) : (tensor<2xf32, {strides = ["0"]}>) -> tensor<2xf32>
  return %2 : tensor<2xf32, {strides = ["0"]}>
}

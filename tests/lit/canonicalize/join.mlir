// RUN: expc opt %s --passes=canonicalize

// cat([x]) = x, and split(x) into one part is x.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[EXP:[^:]*]] = "aten.exp.default"(%[[X:[^)]*]])
// CHECK-NEXT: %[[SIN:[^:]*]] = "aten.sin.default"(%[[X]])
// CHECK-NEXT: return %[[EXP]], %[[SIN]]
func.func @main(%x: tensor<4x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %0 = "aten.cat.default"(%x) {operandSegmentSizes = array<i32: 1>} : (tensor<4x2xf32>) -> tensor<4x2xf32>
  %1 = "aten.exp.default"(%0) : (tensor<4x2xf32>) -> tensor<4x2xf32>
  %2 = "aten.split_with_sizes.default"(%x) {split_sizes = array<i64: 4>} : (tensor<4x2xf32>) -> tensor<4x2xf32>
  %3 = "aten.sin.default"(%2) : (tensor<4x2xf32>) -> tensor<4x2xf32>
  return %1, %3 : tensor<4x2xf32>, tensor<4x2xf32>
}

// -----

// All parts put together again are the whole.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[EXP:[^:]*]] = "aten.exp.default"
// CHECK-NEXT: return %[[EXP]]
func.func @main(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %0:2 = "aten.split_with_sizes.default"(%x) {split_sizes = array<i64: 3, 1>} : (tensor<4x2xf32>) -> (tensor<3x2xf32>, tensor<1x2xf32, {storage_offset = "6"}>)
  %1 = "aten.cat.default"(%0#0, %0#1) {operandSegmentSizes = array<i32: 2>} : (tensor<3x2xf32>, tensor<1x2xf32, {storage_offset = "6"}>) -> tensor<4x2xf32>
  %2 = "aten.exp.default"(%1) : (tensor<4x2xf32>) -> tensor<4x2xf32>
  return %2 : tensor<4x2xf32>
}

// -----

// In another order they are something else.
// CHECK-LABEL: func.func @main
// CHECK: aten.cat.default
func.func @main(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %0:2 = "aten.split_with_sizes.default"(%x) {split_sizes = array<i64: 3, 1>} : (tensor<4x2xf32>) -> (tensor<3x2xf32>, tensor<1x2xf32, {storage_offset = "6"}>)
  %1 = "aten.cat.default"(%0#1, %0#0) {operandSegmentSizes = array<i32: 2>} : (tensor<1x2xf32, {storage_offset = "6"}>, tensor<3x2xf32>) -> tensor<4x2xf32>
  return %1 : tensor<4x2xf32>
}

// -----

// A tensor without elements adds none; one that counts for the dtype stays.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[CAT:[^:]*]] = "aten.cat.default"(%[[X:[^,]*]], %[[X]]) {dim = 0 : i64, operandSegmentSizes = array<i32: 2>}
// CHECK-NEXT: %[[WIDE:[^:]*]] = "aten.cat.default"(%[[X]], %{{.*}}) {operandSegmentSizes = array<i32: 2>}
// CHECK-NEXT: return %[[CAT]], %[[WIDE]]
func.func @main(%x: tensor<4x2xf32>, %e: tensor<0x2xf32>, %d: tensor<0x2xf64>) -> (tensor<8x2xf32>, tensor<4x2xf64>) {
  %0 = "aten.cat.default"(%x, %e, %x) {operandSegmentSizes = array<i32: 3>} : (tensor<4x2xf32>, tensor<0x2xf32>, tensor<4x2xf32>) -> tensor<8x2xf32>
  %1 = "aten.cat.default"(%x, %d) {operandSegmentSizes = array<i32: 2>} : (tensor<4x2xf32>, tensor<0x2xf64>) -> tensor<4x2xf64>
  return %0, %1 : tensor<8x2xf32>, tensor<4x2xf64>
}

// RUN: expc opt %s --to core

// The last piece is the rest.
// CHECK-LABEL: func.func @main
// CHECK: %[[SPLIT_WITH_SIZES:[^:]*]]:3 = "aten.split_with_sizes.default"(%{{.*}}) {dim = 0 : i64, split_sizes = array<i64: 2, 2, 1>
// CHECK-NEXT: return %[[SPLIT_WITH_SIZES]]#0, %[[SPLIT_WITH_SIZES]]#1, %[[SPLIT_WITH_SIZES]]#2
func.func @main(%x: tensor<5xf32>) -> (tensor<2xf32>, tensor<2xf32, {storage_offset = "2"}>, tensor<1xf32, {storage_offset = "4"}>) {
  %0:3 = "aten.split.Tensor"(%x) {split_size = 2 : i64} : (tensor<5xf32>) -> (tensor<2xf32>, tensor<2xf32, {storage_offset = "2"}>, tensor<1xf32, {storage_offset = "4"}>)
  return %0#0, %0#1, %0#2 : tensor<2xf32>, tensor<2xf32, {storage_offset = "2"}>, tensor<1xf32, {storage_offset = "4"}>
}

// -----

// Chunks are pieces of the size that as many need.
// CHECK-LABEL: func.func @main
// CHECK: %[[SPLIT_WITH_SIZES:[^:]*]]:3 = "aten.split_with_sizes.default"(%{{.*}}) {dim = 0 : i64, split_sizes = array<i64: 2, 2, 1>
// CHECK-NEXT: return %[[SPLIT_WITH_SIZES]]#0, %[[SPLIT_WITH_SIZES]]#1, %[[SPLIT_WITH_SIZES]]#2
func.func @main(%x: tensor<5xf32>) -> (tensor<2xf32>, tensor<2xf32, {storage_offset = "2"}>, tensor<1xf32, {storage_offset = "4"}>) {
  %0:3 = "aten.chunk.default"(%x) {chunks = 3 : i64} : (tensor<5xf32>) -> (tensor<2xf32>, tensor<2xf32, {storage_offset = "2"}>, tensor<1xf32, {storage_offset = "4"}>)
  return %0#0, %0#1, %0#2 : tensor<2xf32>, tensor<2xf32, {storage_offset = "2"}>, tensor<1xf32, {storage_offset = "4"}>
}

// -----

// Sections differ by one at most, the larger first.
// CHECK-LABEL: func.func @main
// CHECK: %[[SLICE:[^:]*]] = "aten.slice.Tensor"(%{{.*}}) {dim = 0 : i64, end = 2 : i64, start = 0 : i64
// CHECK-NEXT: %[[SLICE2:[^:]*]] = "aten.slice.Tensor"(%{{.*}}) {dim = 0 : i64, end = 4 : i64, start = 2 : i64
// CHECK-NEXT: %[[SLICE3:[^:]*]] = "aten.slice.Tensor"(%{{.*}}) {dim = 0 : i64, end = 5 : i64, start = 4 : i64
// CHECK-NEXT: return %[[SLICE]], %[[SLICE2]], %[[SLICE3]]
func.func @main(%x: tensor<5xf32>) -> (tensor<2xf32>, tensor<2xf32, {storage_offset = "2"}>, tensor<1xf32, {storage_offset = "4"}>) {
  %0:3 = "aten.tensor_split.sections"(%x) {sections = 3 : i64} : (tensor<5xf32>) -> (tensor<2xf32>, tensor<2xf32, {storage_offset = "2"}>, tensor<1xf32, {storage_offset = "4"}>)
  return %0#0, %0#1, %0#2 : tensor<2xf32>, tensor<2xf32, {storage_offset = "2"}>, tensor<1xf32, {storage_offset = "4"}>
}

// -----

// Positions bound the parts.
// CHECK-LABEL: func.func @main
// CHECK: %[[SLICE:[^:]*]] = "aten.slice.Tensor"(%{{.*}}) {dim = 0 : i64, end = 2 : i64, start = 0 : i64
// CHECK-NEXT: %[[SLICE2:[^:]*]] = "aten.slice.Tensor"(%{{.*}}) {dim = 0 : i64, end = 4 : i64, start = 2 : i64
// CHECK-NEXT: %[[SLICE3:[^:]*]] = "aten.slice.Tensor"(%{{.*}}) {dim = 0 : i64, end = 5 : i64, start = 4 : i64
// CHECK-NEXT: return %[[SLICE]], %[[SLICE2]], %[[SLICE3]]
func.func @main(%x: tensor<5xf32>) -> (tensor<2xf32>, tensor<2xf32, {storage_offset = "2"}>, tensor<1xf32, {storage_offset = "4"}>) {
  %0:3 = "aten.tensor_split.indices"(%x) {indices = array<i64: 2, 4>} : (tensor<5xf32>) -> (tensor<2xf32>, tensor<2xf32, {storage_offset = "2"}>, tensor<1xf32, {storage_offset = "4"}>)
  return %0#0, %0#1, %0#2 : tensor<2xf32>, tensor<2xf32, {storage_offset = "2"}>, tensor<1xf32, {storage_offset = "4"}>
}

// -----

// A matrix is cut between its columns.
// CHECK-LABEL: func.func @main
// CHECK: %[[SLICE:[^:]*]] = "aten.slice.Tensor"(%{{.*}}) {dim = 1 : i64, end = 2 : i64, start = 0 : i64
// CHECK-NEXT: %[[SLICE2:[^:]*]] = "aten.slice.Tensor"(%{{.*}}) {dim = 1 : i64, end = 4 : i64, start = 2 : i64
// CHECK-NEXT: return %[[SLICE]], %[[SLICE2]]
func.func @main(%x: tensor<3x4xf32>) -> (tensor<3x2xf32, {strides = ["4", "1"]}>, tensor<3x2xf32, {storage_offset = "2", strides = ["4", "1"]}>) {
  %0:2 = "aten.hsplit.int"(%x) {sections = 2 : i64} : (tensor<3x4xf32>) -> (tensor<3x2xf32, {strides = ["4", "1"]}>, tensor<3x2xf32, {storage_offset = "2", strides = ["4", "1"]}>)
  return %0#0, %0#1 : tensor<3x2xf32, {strides = ["4", "1"]}>, tensor<3x2xf32, {storage_offset = "2", strides = ["4", "1"]}>
}

// -----

// Rows are slices of one, without their dimension.
// CHECK-LABEL: func.func @main
// CHECK: %[[SLICE:[^:]*]] = "aten.slice.Tensor"(%{{.*}}) {dim = 0 : i64, end = 1 : i64, start = 0 : i64
// CHECK-NEXT: %[[SLICE2:[^:]*]] = "aten.slice.Tensor"(%{{.*}}) {dim = 0 : i64, end = 2 : i64, start = 1 : i64
// CHECK-NEXT: %[[SQUEEZE:[^:]*]] = "aten.squeeze.dims"(%[[SLICE]]) {dim = array<i64: 0>
// CHECK-NEXT: %[[SQUEEZE2:[^:]*]] = "aten.squeeze.dims"(%[[SLICE2]]) {dim = array<i64: 0>
// CHECK-NEXT: return %[[SQUEEZE]], %[[SQUEEZE2]]
func.func @main(%x: tensor<2x4xf32>) -> (tensor<4xf32>, tensor<4xf32, {storage_offset = "4"}>) {
  %0:2 = "aten.unbind.int"(%x) {} : (tensor<2x4xf32>) -> (tensor<4xf32>, tensor<4xf32, {storage_offset = "4"}>)
  return %0#0, %0#1 : tensor<4xf32>, tensor<4xf32, {storage_offset = "4"}>
}

// -----

// Copies of pieces lie on their own.
// CHECK-LABEL: func.func @main
// CHECK: %[[SPLIT_WITH_SIZES:[^:]*]]:2 = "aten.split_with_sizes.default"(%{{.*}}) {dim = 0 : i64, split_sizes = array<i64: 2, 3>
// CHECK-NEXT: %[[CLONE:[^:]*]] = "aten.clone.default"(%[[SPLIT_WITH_SIZES]]#0) {memory_format = #aten.memory_format<"contiguous_format">
// CHECK-NEXT: %[[CLONE2:[^:]*]] = "aten.clone.default"(%[[SPLIT_WITH_SIZES]]#1) {memory_format = #aten.memory_format<"contiguous_format">
// CHECK-NEXT: return %[[CLONE]], %[[CLONE2]]
func.func @main(%x: tensor<5xf32>) -> (tensor<2xf32>, tensor<3xf32>) {
  %0:2 = "aten.split_with_sizes_copy.default"(%x) {split_sizes = array<i64: 2, 3>} : (tensor<5xf32>) -> (tensor<2xf32>, tensor<3xf32>)
  return %0#0, %0#1 : tensor<2xf32>, tensor<3xf32>
}

// -----

// Positions that are data are read one by one.
// CHECK-LABEL: func.func @main
// CHECK: %[[FIRST:[^:]*]] = "aten.slice.Tensor"(%arg1) {dim = 0 : i64, end = 1 : i64, start = 0 : i64
// CHECK: "aten.squeeze.dims"(%[[FIRST]]) {dim = array<i64: 0>
// CHECK-COUNT-2: "aten._local_scalar_dense.default"
func.func @main(%x: tensor<5xf32>, %at: tensor<2xi64>) -> (tensor<?xf32, {sizes = ["u0"]}>, tensor<?xf32, {sizes = ["u1"], storage_offset = "u2"}>, tensor<?xf32, {sizes = ["u3"], storage_offset = "u4"}>) {
  %0:3 = "aten.tensor_split.tensor_indices_or_sections"(%x, %at) : (tensor<5xf32>, tensor<2xi64>) -> (tensor<?xf32, {sizes = ["u0"]}>, tensor<?xf32, {sizes = ["u1"], storage_offset = "u2"}>, tensor<?xf32, {sizes = ["u3"], storage_offset = "u4"}>)
  return %0#0, %0#1, %0#2 : tensor<?xf32, {sizes = ["u0"]}>, tensor<?xf32, {sizes = ["u1"], storage_offset = "u2"}>, tensor<?xf32, {sizes = ["u3"], storage_offset = "u4"}>
}

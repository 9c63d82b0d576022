// RUN: expc opt %s --passes functionalize

// Batch norm in training moves its statistics on, which its schema does not say.
// CHECK-LABEL: func.func @main
// CHECK-SAME: kind = "buffer_mutation", target = "mean"
// CHECK-SAME: kind = "buffer_mutation", target = "variance"
// CHECK: %[[Y:.*]]:5 = "aten._native_batch_norm_legit_functional.default"
// CHECK-NEXT: return %[[Y]]#3, %[[Y]]#4, %[[Y]]#0
func.func @main(%x: tensor<4x3xf32>, %m: tensor<3xf32> {aten.input = {kind = "buffer", name = "b_mean", persistent = true, target = "mean"}}, %v: tensor<3xf32> {aten.input = {kind = "buffer", name = "b_variance", persistent = true, target = "variance"}}) -> tensor<4x3xf32> {
  %0 = "aten.batch_norm.default"(%x, %m, %v) {bias = none, cudnn_enabled = true, eps = 1.000000e-05 : f64, momentum = 1.000000e-01 : f64, operandSegmentSizes = array<i32: 1, 0, 0, 1, 1>, training = true, weight = none} : (tensor<4x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// -----

// In evaluation it writes to nothing.
// CHECK-LABEL: func.func @main
// CHECK: "aten.batch_norm.default"
// CHECK-NEXT: return
func.func @main(%x: tensor<4x3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>) -> tensor<4x3xf32> {
  %0 = "aten.batch_norm.default"(%x, %m, %v) {bias = none, cudnn_enabled = true, eps = 1.000000e-05 : f64, momentum = 1.000000e-01 : f64, operandSegmentSizes = array<i32: 1, 0, 0, 1, 1>, training = false, weight = none} : (tensor<4x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// -----

// A factory that fills a tensor makes one of its dtype.
// CHECK-LABEL: func.func @main
// CHECK: %[[NEW:.*]] = "aten.full.default"() {device = #aten.device<"cpu">, dtype = f64, fill_value = 3 : i64, size = array<i64: 2>}
// CHECK-NEXT: return %[[NEW]]
func.func @main(%x: tensor<2xf64>) -> tensor<2xf64> {
  %y = "aten.neg.default"(%x) : (tensor<2xf64>) -> tensor<2xf64>
  %0 = "aten.full.out"(%y) {fill_value = 3 : i64, operandSegmentSizes = array<i32: 0, 0, 1>, size = array<i64: 2>} : (tensor<2xf64>) -> tensor<2xf64>
  return %y : tensor<2xf64>
}

// -----

// Defaults that the functional form does not share are given, arguments with other names are renamed.
// CHECK-LABEL: func.func @main
// CHECK: "aten.bernoulli.p"({{.*}}) {p = 5.000000e-01 : f64}
// CHECK: "aten.dropout.default"
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = "aten.neg.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %0 = "aten.bernoulli_.float"(%y) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "aten.dropout_.default"(%y) {p = 2.500000e-01 : f64, train = true} : (tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

// Lists of tensors are written at once, views of one base one after the other.
// CHECK-LABEL: func.func @main
// CHECK: %[[NEW:.*]]:2 = "aten._foreach_add.Scalar"
// CHECK-NEXT: %[[ONE:.*]] = "aten.select_scatter.default"(%[[Y:.*]], %[[NEW]]#0) {dim = 0 : i64, index = 0 : i64}
// CHECK-NEXT: %[[BOTH:.*]] = "aten.select_scatter.default"(%[[ONE]], %[[NEW]]#1) {dim = 0 : i64, index = 1 : i64}
// CHECK-NEXT: return %[[BOTH]]
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %y = "aten.neg.default"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %a = "aten.select.int"(%y) {dim = 0 : i64, index = 0 : i64} : (tensor<2x3xf32>) -> tensor<3xf32>
  %b = "aten.select.int"(%y) {dim = 0 : i64, index = 1 : i64} : (tensor<2x3xf32>) -> tensor<3xf32, {storage_offset = "3"}>
  "aten._foreach_add_.Scalar"(%a, %b) {operandSegmentSizes = array<i32: 2>, scalar = 1 : i64} : (tensor<3xf32>, tensor<3xf32, {storage_offset = "3"}>) -> ()
  return %y : tensor<2x3xf32>
}

// -----

// An op without a functional form is run on a copy of the base.
// CHECK-LABEL: func.func @main
// CHECK: %[[BASE:.*]] = "aten.neg.default"
// CHECK: %[[NEW:.*]]:2 = "hop.auto_functionalized_v2"(%[[BASE]]) {args = [#aten.op<"torch.ops.aten._fill_mem_eff_dropout_mask_.default">], {{.*}}kwargs = {_all_bases = [#aten.operand], _self_base_index = 0 : i64, _self_size = array<i64: 2, 2>, _self_storage_offset = 1 : i64, _self_stride = array<i64: 3, 1>, dropout_p = 5.000000e-01 : f64, offset = 0 : i64, seed = 7 : i64}}
// CHECK: return %[[NEW]]#1
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %y = "aten.neg.default"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %v = "aten.slice.Tensor"(%y) {dim = 1 : i64, start = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x2xf32, {storage_offset = "1", strides = ["3", "1"]}>
  %f = "aten._fill_mem_eff_dropout_mask_.default"(%v) {dropout_p = 5.000000e-01 : f64, offset = 0 : i64, seed = 7 : i64} : (tensor<2x2xf32, {storage_offset = "1", strides = ["3", "1"]}>) -> tensor<2x2xf32, {storage_offset = "1", strides = ["3", "1"]}>
  return %y : tensor<2x3xf32>
}

// -----

// Statistics stay as they are where there is nothing to normalize.
// CHECK-LABEL: func.func @main
// CHECK-NOT: user_input_mutation
// CHECK: %[[COPY:.*]] = "aten.clone.default"(%{{.*}}) : (tensor<0x3xf32>) -> tensor<0x3xf32>
// CHECK: %[[FIRST:.*]] = "aten.select.int"(%{{.*}}) {dim = 0 : i64, index = 0 : i64}
// CHECK: %[[SCALED:.*]] = "aten.mul.Tensor"(%[[COPY]], %[[FIRST]])
// CHECK: return %[[SCALED]]
func.func @main(%x: tensor<0x3xf32>, %w: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>) -> tensor<0x3xf32> {
  %y = "aten.batch_norm.default"(%x, %w, %m, %v) {bias = none, cudnn_enabled = false, eps = 1.000000e-05 : f64, momentum = 1.000000e-01 : f64, operandSegmentSizes = array<i32: 1, 1, 0, 1, 1>, training = true} : (tensor<0x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<0x3xf32>
  return %y : tensor<0x3xf32>
}

// -----

// A diagonal is filled as a view of the memory; in a tall matrix, where asked, also those below its first square.
// CHECK-LABEL: func.func @main
// CHECK: %[[BASE:.*]] = "aten.neg.default"
// CHECK: %[[SHOWN:.*]] = "aten.as_strided.default"(%[[BASE]]) {size = array<i64: 2>, storage_offset = 0 : i64, stride = array<i64: 3>}
// CHECK: %[[FILLED:.*]] = "aten.fill.Scalar"(%[[SHOWN]]) {value = 5 : i64}
// CHECK: %[[MAIN:.*]] = "aten.as_strided_scatter.default"(%[[BASE]], %[[FILLED]]) {size = array<i64: 2>, storage_offset = 0 : i64, stride = array<i64: 3>}
// CHECK: %[[SHOWN:.*]] = "aten.as_strided.default"(%[[MAIN]]) {size = array<i64: 2>, storage_offset = 6 : i64, stride = array<i64: 3>}
// CHECK: %[[FILLED:.*]] = "aten.fill.Scalar"(%[[SHOWN]]) {value = 5 : i64}
// CHECK: %[[ALL:.*]] = "aten.as_strided_scatter.default"(%[[MAIN]], %[[FILLED]]) {size = array<i64: 2>, storage_offset = 6 : i64, stride = array<i64: 3>}
// CHECK: return %[[ALL]]
func.func @main(%x: tensor<5x2xf32>) -> tensor<5x2xf32> {
  %y = "aten.neg.default"(%x) : (tensor<5x2xf32>) -> tensor<5x2xf32>
  %f = "aten.fill_diagonal_.default"(%y) {fill_value = 5 : i64, wrap = true} : (tensor<5x2xf32>) -> tensor<5x2xf32>
  return %f : tensor<5x2xf32>
}

// -----

// The first write to an input makes it an output, whatever is written.
// CHECK-LABEL: func.func @main
// CHECK-SAME: kind = "user_input_mutation", target = "arg0"
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.copy_.default"(%x, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// Of an operator that no schema describes it is not known what it writes.
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error@+2: E0301 no schema describes `mine.twice.default`
  // expected-help: `--load-library` loads the library that registers the operator, and its schema with it
  %0 = "mine.twice.default"(%x) {args = [#aten.operand]} : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// Dropout in place that drops nothing is nothing.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[Y:.*]] = "aten.neg.default"
// CHECK-NEXT: return %[[Y]]
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = "aten.neg.default"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  %d = "aten.dropout_.default"(%y) {p = 5.000000e-01 : f64, train = false} : (tensor<3xf32>) -> tensor<3xf32>
  %e = "aten.feature_dropout_.default"(%d) {p = 0.000000e+00 : f64, train = true} : (tensor<3xf32>) -> tensor<3xf32>
  %f = "aten.dropout_.default"(%e) {p = 0 : i64, train = true} : (tensor<3xf32>) -> tensor<3xf32>
  return %f : tensor<3xf32>
}

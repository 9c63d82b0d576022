// RUN: expc opt %s

// An op that fits its schema is kept as it is.
// CHECK-LABEL: func.func @main
// CHECK: %[[SUM:.*]] = "aten.add.Tensor"(%{{.*}}, %{{.*}}) {alpha = 2 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
// CHECK-NEXT: return %[[SUM]]
func.func @main(%a: tensor<2xf32>, %b: tensor<2xf32>) -> tensor<2xf32> {
  %sum = "aten.add.Tensor"(%a, %b) {alpha = 2 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %sum : tensor<2xf32>
}

// -----

// An argument that the schema does not have.
func.func @main(%a: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error@+1: E0203 `aten.relu.default` has no argument `gamma`
  %0 = "aten.relu.default"(%a) {gamma = 2 : i64} : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// An overload that does not exist.
func.func @main(%a: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error@+1: E0150
  %0 = "aten.relu.Tensor"(%a) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

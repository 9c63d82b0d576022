// RUN: expc opt %s --passes=canonicalize,cse --rewrite-limit 1 2>&1 --check-prefix=ONE
// RUN: expc opt %s --passes=canonicalize,cse --rewrite-limit 2 2>&1 --check-prefix=TWO
// RUN: expc opt %s --passes=canonicalize,cse --rewrite-limit 9 2>&1 --check-prefix=NINE
// RUN: expc opt %s --passes=canonicalize,cse --statistics 2>&1 --check-prefix=COUNT
// RUN: expc opt %s --passes=canonicalize,cse --print-ir-on-change 2>&1 --check-prefix=CHANGE
// RUN: expc opt %s --passes=canonicalize,cse --print-ir-before cse --verify-each 2>&1 --check-prefix=BEFORE

// One rewrite after the other, over the whole list of passes.
// ONE: aten.neg.default
// ONE: aten.exp.default
// ONE: aten.exp.default
// ONE: rewrite 1 is `involution_twice` of `canonicalize` on `aten.neg.default` (node `back`)
// TWO: rewrite 2 is `dead_op` of `canonicalize` on `aten.neg.default` (node `there`)
// NINE: 3 rewrites, fewer than the limit of 9
// COUNT: 1 canonicalize dead_op
// COUNT: 1 canonicalize involution_twice
// COUNT: 1 cse equal_op
// COUNT: 3 total
// CHANGE: // after canonicalize
// CHANGE: // after cse
// BEFORE: // before cse
// BEFORE-NOT: // before
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.neg.default"(%x) : (tensor<2xf32>) -> tensor<2xf32> loc("there")
  %1 = "aten.neg.default"(%0) : (tensor<2xf32>) -> tensor<2xf32> loc("back")
  %2 = "aten.exp.default"(%1) : (tensor<2xf32>) -> tensor<2xf32> loc("exp")
  %3 = "aten.exp.default"(%x) : (tensor<2xf32>) -> tensor<2xf32> loc("exp_1")
  %4 = "aten.mul.Tensor"(%2, %3) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32> loc("mul")
  return %4 : tensor<2xf32>
}

// -----

// A pass that changes nothing is not shown.
// ONE: 0 rewrites, fewer than the limit of 1
// TWO: 0 rewrites
// NINE: 0 rewrites
// COUNT: 0 total
// CHANGE-NOT: // after
// BEFORE: // before cse
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "aten.exp.default"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

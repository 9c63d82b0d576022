func.func @main(%x: tensor<2x3xf32>, %bias: tensor<4xf32>) -> tensor<2x3xf32> {
  %sum = "aten.add.Tensor"(%x, %bias) : (tensor<2x3xf32>, tensor<4xf32>) -> tensor<2x3xf32> loc("sum"(fused<{nn_module_stack = "L__self__,,Model;L__self___first,first,Bias"}>["model.py":8:0]))
  %relu = "aten.relu.default"(%sum) : (tensor<2x3xf32>) -> tensor<2x3xf32> loc("relu"(fused<{nn_module_stack = "L__self__,,Model;L__self___second,second,ReLU"}>["model.py":9:0]))
  %count = "my.count.default"(%relu) {args = [#aten.operand]} : (tensor<2x3xf32>) -> tensor<2x3xf32> loc("count"(fused<{nn_module_stack = "L__self__,,Model;L__self___third,third,Count"}>["model.py":10:0]))
  return %count : tensor<2x3xf32>
}

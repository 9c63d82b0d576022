// Sum and product of two vectors of one length.
module {
  func.func @main(%x: tensor<?xf32, {sizes = ["s0"]}> {aten.input = {kind = "user_input", name = "x"}},
                  %y: tensor<?xf32, {sizes = ["s0"]}> {aten.input = {kind = "user_input", name = "y"}})
      -> (tensor<?xf32, {sizes = ["s0"]}> {aten.output = {kind = "user_output"}},
          tensor<?xf32, {sizes = ["s0"]}> {aten.output = {kind = "user_output"}}) {
    %sum = "aten.add.Tensor"(%x, %y) : (tensor<?xf32, {sizes = ["s0"]}>, tensor<?xf32, {sizes = ["s0"]}>) -> tensor<?xf32, {sizes = ["s0"]}>
    %product = "aten.mul.Tensor"(%x, %y) : (tensor<?xf32, {sizes = ["s0"]}>, tensor<?xf32, {sizes = ["s0"]}>) -> tensor<?xf32, {sizes = ["s0"]}>
    return %sum, %product : tensor<?xf32, {sizes = ["s0"]}>, tensor<?xf32, {sizes = ["s0"]}>
  }
}

"""Higher-order ops: branches, loops, regions, modes."""

import torch
from torch import nn
from torch._higher_order_ops.associative_scan import associative_scan, associative_scan_op
from torch._higher_order_ops.map import map as map_over
from torch._higher_order_ops.out_dtype import out_dtype
from torch._higher_order_ops.scan import scan
from torch._higher_order_ops.while_loop import while_loop
from torch.export import Dim
from torch.utils.checkpoint import checkpoint

from . import Call, case, program


class Branches(nn.Module):
    """`torch.cond` between two layers of its own."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(3, 2), nn.Linear(3, 2)

    def forward(self, x):
        return torch.cond(x.sum() > 0, lambda x: self.left(x), lambda x: self.right(x).relu(), (x,))


@case
def cond_layers():
    x = torch.rand(4, 3)
    return program(Branches(), x, alts=[Call((-x,))])


@case
def cond_nested():
    """A branch in a branch; every path is called."""

    def inner(x, y):
        return torch.cond(y.sum() > 0, lambda x, y: (x + y, x - y), lambda x, y: (x * y, x / 2), (x, y))

    def function(x, y):
        return torch.cond(x.sum() > 0, inner, lambda x, y: (y.sin(), y.cos()), (x, y))

    x, y = torch.rand(3), torch.rand(3)
    return program(function, x, y, alts=[Call((x, -y)), Call((-x, y))])


@case
def cond_on_bool_input():
    """The predicate is a tensor of the caller; the branches return a dictionary and a list."""

    def function(p, x):
        return torch.cond(
            p, lambda x: {"a": x + 1, "b": [x * 2, x.clone()]}, lambda x: {"a": x - 1, "b": [x * 3, x.neg()]}, (x,)
        )

    x = torch.rand(2)
    return program(function, torch.tensor(True), x, alts=[Call((torch.tensor(False), x))])


@case
def cond_on_size():
    """The predicate is a symbolic bool; a branch uses the symbolic size."""

    def function(x):
        return torch.cond(x.shape[0] > 4, lambda x: x * x.shape[0], lambda x: x + x.shape[0], (x,))

    return program(
        function, torch.rand(3, 2), dynamic_shapes=(({0: Dim("n", min=2, max=8)},),), alts=[Call((torch.rand(6, 2),))]
    )


@case
def cond_without_operands():
    """Everything the branches use is captured."""

    def function(x):
        y = x.exp()
        return torch.cond(x.sum() > 0, lambda: y + 1, lambda: y - 1)

    return program(function, torch.rand(3), alts=[Call((-torch.rand(3),))])


@case
def cond_unused_and_aliased():
    """One branch ignores an operand, and the result is used together with it."""

    def function(x, y):
        z = torch.cond(y.max() > 1, lambda x, y: x.clone(), lambda x, y: y.mul(2), (x, y))
        return z + x, z

    return program(function, torch.rand(3), torch.rand(3), alts=[Call((torch.rand(3), torch.rand(3) + 2))])


@case
def cond_chain():
    """The result of one decides the next, twenty times over."""

    def function(x):
        for _ in range(20):
            x = torch.cond(x.sum() > 1, lambda x: x * 0.5, lambda x: x + 0.7, (x,))
        return x

    return program(function, torch.rand(3))


@case
def while_counter():
    """A loop over a counter and a tensor."""

    def function(n, x):
        return while_loop(lambda n, x: n > 0, lambda n, x: (n - 1, x * 1.5), (n, x))

    x = torch.rand(3)
    return program(function, torch.tensor(4), x, alts=[Call((torch.tensor(0), x)), Call((torch.tensor(50), x))])


@case
def while_symbolic_carry():
    """The counter is a symbolic int, which starts at a size."""

    def function(x):
        return while_loop(lambda i, acc: i > 0, lambda i, acc: (i - 1, acc * 2), (x.shape[0], x))

    return program(function, torch.rand(3), dynamic_shapes=(({0: Dim("n", max=9)},),), alts=[Call((torch.rand(5),))])


@case
def while_captured():
    """Condition and body use tensors and a weight from outside."""

    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 3)

        def forward(self, x, limit):
            return while_loop(lambda x, n: (n < limit) & (x.norm() < 1e6), lambda x, n: (self.linear(x), n + 1), (x, torch.tensor(0)))

    x = torch.rand(2, 3)
    return program(Loop(), x, torch.tensor(3), alts=[Call((x, torch.tensor(0)))])


@case
def while_nested():
    """A loop in a loop."""

    def function(n, x):
        def body(n, x):
            m, x = while_loop(lambda m, x: m > 0, lambda m, x: (m - 1, x + m), (n.clone(), x))
            return n - 1, x + m

        return while_loop(lambda n, x: n > 0, body, (n, x))

    return program(function, torch.tensor(4), torch.zeros(2))


@case
def while_with_cond():
    """A branch in the body: the Collatz steps to 1."""

    def function(n):
        def body(n, steps):
            n = torch.cond(n % 2 == 0, lambda n: n // 2, lambda n: 3 * n + 1, (n,))
            return n, steps + 1

        return while_loop(lambda n, steps: n != 1, body, (n, torch.tensor(0)))

    return program(function, torch.tensor(6), alts=[Call((torch.tensor(27),)), Call((torch.tensor(1),))])


@case
def map_rows():
    def function(xs, y):
        return map_over(lambda x, y: (x + y).sin(), xs, y)

    return program(function, torch.rand(4, 3), torch.rand(3))


@case
def map_trees():
    """Maps over a dictionary of tensors into a list of results."""

    def function(xs, scale):
        return map_over(lambda x, scale: [x["a"] * scale, x["b"].sum()], xs, scale)

    return program(function, {"a": torch.rand(3, 2), "b": torch.rand(3, 2, 2)}, torch.tensor(2.0))


@case
def map_nested():
    def function(xs, y):
        return map_over(lambda row, y: map_over(lambda x, y: x.cumsum(0) + y, row, y), xs, y)

    return program(function, torch.rand(2, 3, 4), torch.rand(4))


@case
def map_dynamic():
    """The number of rows is symbolic."""
    return program(
        lambda xs, y: map_over(lambda x, y: x * 2 + y.sum() * y.shape[0], xs, y),
        torch.rand(3, 2),
        torch.rand(5),
        dynamic_shapes=(({0: Dim("n", min=2, max=16)}, {0: Dim("m", max=16)}),),
        alts=[Call((torch.rand(7, 2), torch.rand(3)))],
    )


@case
def map_captured_weight():
    class Map(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 3)

        def forward(self, xs):
            return map_over(lambda x: torch.cond(x.sum() > 1, self.linear, lambda x: self.linear(x).neg(), (x,)), xs)

    return program(Map(), torch.rand(5, 2))


@case
def scan_sum():
    def function(init, xs):
        return scan(lambda carry, x: (carry + x, (carry * x).clone()), init, xs)

    return program(function, torch.zeros(3), torch.rand(4, 3))


@case
def scan_reversed_trees():
    """Several carries and inputs, from the end, along dimension 1."""

    def function(a, b, xs, ys):
        def step(carry, x):
            total, product = carry
            total, product = total + x["x"], product * x["y"]
            return (total, product), [total - product, x["x"].clone()]

        return scan(step, (a, b), {"x": xs, "y": ys}, dim=1, reverse=True)

    return program(function, torch.zeros(3), torch.ones(3), torch.rand(3, 5), torch.rand(3, 5))


@case
def scan_rnn():
    """A recurrent cell whose weights are captured."""

    class Rnn(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.GRUCell(3, 4)

        def forward(self, xs, h):
            def step(h, x):
                h = self.cell(x, h)
                return h, h.clone()

            return scan(step, h, xs)

    return program(Rnn(), torch.rand(5, 2, 3), torch.zeros(2, 4))


@case
def associative_sum():
    return program(lambda x: associative_scan(lambda a, b: a + b, x, dim=0, combine_mode="generic"), torch.rand(7, 3), decompose=True)


@case
def associative_trees():
    """A linear recurrence: pairs are combined, along dimension 1, from the end."""

    def function(gate, value):
        def combine(left, right):
            return left[0] * right[0], right[0] * left[1] + right[1]

        return associative_scan(combine, (gate, value), dim=1, reverse=True, combine_mode="generic")

    # As exported it cannot be saved, which is so for `vmap_inside` too.
    return program(function, torch.rand(2, 6), torch.rand(2, 6), decompose=True)


@case
def associative_op():
    """The op itself, which the public function leaves in the graph only on CUDA; two leaves, a captured tensor."""

    def function(gate, value, bias):
        def combine(gate, value, next_gate, next_value, bias):
            return [gate * next_gate, next_gate * value + next_value + bias]

        return associative_scan_op(combine, [gate, value], additional_inputs=(bias,))

    return program(function, torch.rand(7, 3), torch.rand(7, 3), torch.rand(3))


@case
def invoke_subgraph():
    """One compiled region called three times, twice with the same weight."""

    class Regions(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(3, 3))

        def forward(self, x, y):
            @torch.compiler.nested_compile_region
            def region(x, w):
                return (x @ w).relu(), x.sum()

            a, s = region(x, self.weight)
            b, t = region(a, self.weight)
            c, u = region(b, y)
            return c, s + t + u

    return program(Regions(), torch.rand(2, 3), torch.rand(3, 3))


@case
def no_grad_region():
    """`torch.no_grad` around a part, and gradients switched on again inside it."""

    def function(x, y):
        a = x * y
        with torch.no_grad():
            b = a.sin()
            with torch.enable_grad():
                c = b + y
            d = c * 2
        return a, b, c, d + a

    return program(function, torch.rand(3, requires_grad=True), torch.rand(3))


@case
def autocast_bfloat16():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            with torch.autocast("cpu", torch.bfloat16):
                y = self.a(x)
                z = y.softmax(-1)
            return self.b(x), y, z, y.float() @ z.float().t()

    return program(Mixed(), torch.rand(3, 4))


@case
def autocast_nested():
    """Autocast to half precision with a part in which it is switched off."""

    def function(x, w):
        with torch.autocast("cpu", torch.float16):
            a = x @ w
            with torch.autocast("cpu", enabled=False):
                b = x @ w
            c = a.float() @ w
        return a, b, c

    return program(function, torch.rand(3, 3), torch.rand(3, 3))


@case
def autocast_conv():
    class Conv(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(2, 3, 3), nn.LayerNorm([3, 4, 4])

        def forward(self, x):
            with torch.autocast("cpu"):
                return self.norm(self.conv(x)) + 1

    return program(Conv(), torch.rand(1, 2, 6, 6))


@case
def checkpoint_region():
    """Activation checkpointing is traced away."""
    layer = nn.Linear(3, 3)

    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return checkpoint(lambda x: self.layer(x).sin(), x, use_reentrant=False)

    return program(Checkpointed(), torch.rand(2, 3, requires_grad=True))


@case
def out_dtype_matmul():
    """An integer product with a wider result type."""
    return program(
        lambda a, b: out_dtype(torch.ops.aten.mm.default, torch.int32, a, b),
        torch.randint(-100, 100, (3, 4), dtype=torch.int8),
        torch.randint(-100, 100, (4, 2), dtype=torch.int8),
    )


@case
def vmap_inside():
    """`torch.func.vmap` is traced away."""
    return program(lambda x, y: torch.func.vmap(lambda a, b: (a * b).sum())(x, y), torch.rand(3, 4), torch.rand(3, 4), decompose=True)


@case
def control_mixture():
    """A scan whose step holds a branch whose arms loop."""

    def function(init, xs):
        def step(carry, x):
            def loop(carry, x):
                n, carry = while_loop(lambda n, c: n < 3, lambda n, c: (n + 1, c + x), (x.sum().long() * 0, carry))
                return carry + n

            carry = torch.cond(x.sum() > 1, loop, lambda carry, x: carry - x, (carry, x))
            return carry, carry * 2

        return scan(step, init, xs)

    return program(function, torch.zeros(2), torch.rand(5, 2))

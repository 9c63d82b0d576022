"""Writes inside the graphs of higher-order operators, and around them."""

import torch
from torch import nn

from . import WithBuffers, case, program


@case
def cond_local_write():
    """Branches write to tensors of their own, through views."""

    def function(x, y):
        def doubled(x):
            z = x.clone()
            z[0].mul_(2)
            z.t()[1].add_(1)
            return z

        def other(x):
            z = x + 1
            z.view(-1)[::2].zero_()
            return z

        z = torch.cond(y.sum() > 0, doubled, other, (x,))
        z.add_(1)
        return z, z[0]

    return program(function, torch.rand(2, 2), torch.rand(2) - 1)


@case
def cond_of_written():
    """What a branch gets was written before, and is written after."""

    def function(x):
        y = x.clone()
        row = y[0]
        y.add_(1)
        z = torch.cond(x.sum() > 1, lambda row: row * 2, lambda row: row - 1, (row,))
        row.copy_(z)
        return y, z

    return program(function, torch.rand(2, 3))


@case
def while_with_write():
    """The body writes to a copy of what it carries."""

    def function(x):
        def body(step, carried):
            carried = carried.clone()
            carried[1:].add_(carried[:-1].clone())
            return step + 1, carried

        def condition(step, carried):
            return step < 3

        from torch._higher_order_ops.while_loop import while_loop

        return while_loop(condition, body, (torch.tensor(0), x))

    return program(function, torch.rand(4))


@case
def scan_with_write():
    def function(start, rows):
        from torch._higher_order_ops.scan import scan

        def combine(carry, row):
            carry = carry.clone()
            carry[1:].add_(row[:-1])
            out = row * 2
            out[0].fill_(1)
            return carry, out

        return scan(combine, start, rows)

    return program(function, torch.rand(3), torch.rand(4, 3))


@case
def map_with_write():
    def function(rows, y):
        from torch._higher_order_ops.map import map as map_rows

        def each(row, y):
            row = row * 1
            row[0].add_(y.sum())
            return row

        return map_rows(each, rows, y)

    return program(function, torch.rand(3, 2), torch.rand(2))


@case
def no_grad_buffer():
    """A region without gradients writes to a buffer, an intermediate and views of them, which are used after it."""

    def step(module, x):
        y = x * 2
        with torch.no_grad():
            module.total.add_(x)
            y[0].zero_()
            tail = module.total[1:]
            tail.mul_(2)
        tail.add_(1)
        return y, tail, module.total.sum()

    return program(WithBuffers(step, total=torch.zeros(3)), torch.rand(3))


@case
def no_grad_parameter():
    class Step(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 2)

        def forward(self, x):
            y = self.linear(x)
            with torch.no_grad():
                self.linear.weight.sub_(0.1 * self.linear.weight)
                with torch.enable_grad():
                    z = self.linear(x)
                self.linear.bias.zero_()
            return y, z, self.linear(x)

    return program(Step(), torch.rand(4, 3))


@case
def autocast_write():
    """A region of automatic casts writes to what comes from outside."""

    def step(module, x):
        y = x.clone()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            z = y @ y
            y.add_(z)
            module.total.add_(z.sum())
            tail = y[1:]
            tail.mul_(2)
        y[0].zero_()
        return tail, y, module.total * 1

    return program(WithBuffers(step, total=torch.zeros(())), torch.rand(3, 3), tolerance=3e-2)


@case
def region_called_twice():
    """A graph that two calls share writes to a tensor of its own."""

    @torch.compiler.nested_compile_region
    def region(a, b):
        c = a + b
        c[0].mul_(2)
        return c

    return program(lambda x, y: (region(x, y), region(y, x)), torch.rand(2), torch.rand(2))


@case
def region_writes_argument():
    """A shared graph writes to what it is given."""

    @torch.compiler.nested_compile_region
    def region(a, b):
        a.mul_(2)
        return a + b

    def function(x, y):
        z = x.clone()
        first = region(z, y)
        return first, region(z, y), z

    return program(function, torch.rand(2), torch.rand(2))

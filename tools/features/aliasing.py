"""Views, in-place ops and outputs that share memory."""

import torch
from torch import nn
from torch.export import Dim

from . import Call, case, program


@case
def output_is_input():
    return program(lambda x, y: (x, y, x + y), torch.rand(2), torch.rand(2))


@case
def output_is_view_of_input():
    return program(lambda x: (x.t(), x[0], x.view(-1), x.unsqueeze(0), x.expand(2, 2, 3)), torch.rand(2, 3))


@case
def output_is_view_of_weight():
    class Views(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(4, 3))
            self.register_buffer("table", torch.rand(5))

        def forward(self, x):
            return self.weight.t(), self.weight[1], self.table[1:3], self.weight, x

    return program(Views(), torch.rand(1))


@case
def output_twice():
    def function(x):
        y = x + 1
        return y, y, [y, y.view(-1)], x

    return program(function, torch.rand(2, 2))


@case
def in_place_chain():
    """In-place ops on an intermediate, seen through views taken before and after."""

    def function(x):
        y = x.clone()
        row, column = y[0], y[:, 1]
        y.mul_(2)
        row.add_(10)
        column.zero_()
        y[1:].exp_().clamp_(max=2)
        y.t()[0].copy_(torch.tensor([7.0, 8.0]))
        return y, row, column, y.sum()

    return program(function, torch.rand(2, 3))


@case
def in_place_through_views():
    """Writes through diagonal, unfold, split, chunk, narrow, squeeze, permute, as_strided."""

    def function(x):
        y = x.clone()
        y.diagonal().add_(1)
        a, b = y.split(2, 1)
        a.mul_(b)
        y.narrow(0, 1, 2).sub_(0.5)
        y.permute(1, 0).select(0, 3).neg_()
        y.unsqueeze(0).squeeze(0).view(2, 8)[1].sqrt_()
        torch.as_strided(y, (2, 2), (4, 1), 5).fill_(3)
        for part in y.chunk(2):
            part.add_(part.sum())
        return y

    return program(function, torch.rand(4, 4) + 2)


@case
def index_assignment():
    """Assignment by slices, integers, masks, index tensors, ellipsis and None."""

    def function(x, mask, index):
        y = x.clone()
        y[0] = 1.5
        y[..., 1] = y[..., 0]
        y[mask] = -1
        y[index] += 2
        y[1:3, ::2] = torch.arange(4.0).view(2, 2)
        y[index, index] *= 3
        y[None, 2, :] = 9
        return y

    x = torch.rand(4, 4)
    return program(function, x, x > 0.5, torch.tensor([0, 2]), alts=[Call((x, x > 2, torch.tensor([3, 1])))])


@case
def in_place_on_input_view():
    """A view of the caller's tensor is written; the caller sees it."""

    def function(x, y):
        x[:, 1:].t().add_(y)
        x.view(-1)[0] = 5
        return x.sum()

    return program(function, torch.rand(2, 3), torch.rand(2, 2), calls=[Call((torch.rand(2, 3), torch.rand(2, 2)))])


@case
def input_returned_after_change():
    return program(lambda x: (x.add_(1), x * 2, x.t()), torch.rand(2, 2), calls=[Call((torch.rand(2, 2),))])


@case
def input_change_dynamic():
    """An input of symbolic size changes."""

    class Shift(nn.Module):
        def forward(self, x):
            x[1:].copy_(x[:-1].clone())
            return x[0] * x.shape[0]

    return program(Shift(), torch.rand(4, 2), dynamic_shapes={"x": {0: Dim.AUTO}}, alts=[Call((torch.rand(7, 2),))])


@case
def out_variants():
    """`out=` writes into a tensor of the program."""

    def function(x, y):
        a = torch.empty(2, 2)
        torch.add(x, y, out=a)
        b = torch.zeros(2, 2)
        torch.matmul(x, a, out=b)
        return a, b

    return program(function, torch.rand(2, 2), torch.rand(2, 2))


@case
def buffer_through_view():
    """A buffer changes through a view that is also returned."""

    class Log(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("log", torch.zeros(3, 2))

        def forward(self, x):
            last = self.log[-1]
            self.log.copy_(self.log.roll(-1, 0))
            last.copy_(x)
            return last + 0, self.log.sum()

    return program(Log(), torch.rand(2), calls=[Call((torch.rand(2),)), Call((torch.rand(2),))])


@case
def buffer_returned():
    """The result is the buffer itself, so a later call changes it under the caller's hands."""

    class Same(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("total", torch.zeros(2))

        def forward(self, x):
            self.total += x
            return self.total

    return program(Same(), torch.rand(2), calls=[Call((torch.rand(2),))])


@case
def two_views_one_write():
    """Two inputs' views are written, then read together."""

    def function(x, y):
        a, b = x.view(4), y[0]
        a.add_(1)
        b.mul_(a[:2])
        return torch.cat([a, b]), x @ y

    return program(function, torch.rand(2, 2), torch.rand(2, 2))


@case
def detach_and_data():
    def function(x):
        y = x * 2
        d = y.detach()
        d.add_(1)
        return y, d

    return program(function, torch.rand(3))


@case
def resized_storage():
    """`set_`-like ops on fresh tensors: resize, squeeze and transpose in place."""

    def function(x):
        y = x.clone()
        y.squeeze_(0).t_()
        y.unsqueeze_(1).transpose_(0, 2)
        return y.contiguous()

    return program(function, torch.rand(1, 2, 3))


@case
def copy_between_types():
    """`copy_` casts and broadcasts."""

    def function(x, y):
        a = torch.zeros(2, 3, dtype=torch.int32)
        a.copy_(x)
        b = torch.zeros(2, 3, dtype=torch.float64)
        b[:, 1].copy_(y)
        return a, b.to(torch.bool), b

    return program(function, torch.rand(3) * 9, torch.rand(2))

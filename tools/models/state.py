"""Modules whose call changes something that outlives it: a buffer, a parameter, or the caller's tensor."""

import torch
from torch import nn

from .text import CachedDecoder


class Counter(nn.Module):
    """An integer buffer, added to and returned before and after."""

    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        before = self.count.clone()
        self.count += 1
        return x * before, self.count.clone()


class Unread(nn.Module):
    """A buffer that the outputs do not depend on."""

    def __init__(self):
        super().__init__()
        self.register_buffer("total", torch.zeros(3))

    def forward(self, x):
        self.total.add_(x.sum(0))
        return x + 1


class Average(nn.Module):
    """A moving average in a non-persistent buffer, used after it changes."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(4), persistent=False)

    def forward(self, x):
        self.mean.mul_(0.9).add_(x.mean(0), alpha=0.1)
        return x - self.mean


class Ring(nn.Module):
    """Writes one row of a buffer, chosen by another buffer, through a view."""

    def __init__(self):
        super().__init__()
        self.register_buffer("rows", torch.zeros(3, 4))
        self.register_buffer("next", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        self.rows.index_copy_(0, self.next.view(1), x.view(1, 4))
        self.next.copy_((self.next + 1) % 3)
        return self.rows.sum(0), self.rows[0]


class Slices(nn.Module):
    """In-place arithmetic on views of views of a buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("grid", torch.arange(24, dtype=torch.float32).view(2, 3, 4))

    def forward(self, x):
        self.grid[0].t()[1:3, :2].mul_(x)
        self.grid.select(0, 1).diagonal().add_(1)
        return self.grid * 2


class Swap(nn.Module):
    """Two buffers that exchange their values."""

    def __init__(self):
        super().__init__()
        self.register_buffer("a", torch.ones(2))
        self.register_buffer("b", torch.zeros(2))

    def forward(self, x):
        a = self.a.clone()
        self.a.copy_(self.b + x)
        self.b.copy_(a)
        return self.a - self.b


class Replace(nn.Module):
    """Buffers that are assigned anew, as `self.name = ...`."""

    def __init__(self):
        super().__init__()
        self.register_buffer("hidden", torch.zeros(1, 4))
        self.cell = nn.RNNCell(3, 4)

    def forward(self, x):
        self.hidden = self.cell(x, self.hidden)
        return self.hidden


class Parameter(nn.Module):
    """A parameter that the call updates in place."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.arange(6, dtype=torch.float32).view(2, 3), requires_grad=False)

    def forward(self, x):
        y = x @ self.weight.t()
        self.weight.add_(x.sum(0), alpha=0.5)
        return y, self.weight.sum()


class ParameterStep(nn.Module):
    """A trainable parameter that the call updates with gradients switched off."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x):
        y = self.linear(x)
        with torch.no_grad():
            self.linear.weight.sub_(0.1 * x.mean(0))
            self.linear.bias.mul_(0.5)
        return y


class Input(nn.Module):
    """The caller's tensors change; one of them is returned too."""

    def forward(self, x, y, z):
        x.add_(1)
        y[:, 0].mul_(z)
        return x * 2, y, z


class NestedInput(nn.Module):
    """Tensors inside dictionaries and lists of the caller change."""

    def forward(self, cache, x, *, step):
        cache["k"][0].copy_(x)
        cache["k"][1].add_(step)
        cache["v"].index_add_(0, torch.tensor([1]), x.view(1, -1))
        return cache["v"].sum() + step


class All(nn.Module):
    """A buffer, a parameter and an input at once."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.full((3,), 2.0), requires_grad=False)
        self.register_buffer("count", torch.zeros((), dtype=torch.int32))

    def forward(self, x):
        x.mul_(self.weight)
        self.weight.add_(x.mean(0))
        self.count.add_(1)
        return x.sum() + self.count


class TiedBuffers(nn.Module):
    """One buffer under two names; a change through one is seen through the other."""

    def __init__(self):
        super().__init__()
        self.register_buffer("a", torch.zeros(3))
        self.inner = nn.Module()
        self.inner.register_buffer("b", self.a)

    def forward(self, x):
        self.a.add_(x)
        return self.inner.b * 2


class BatchNorm(nn.Module):
    """Batch normalization in training mode keeps running statistics."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)
        self.bn = nn.BatchNorm2d(3)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


def programs() -> dict:
    """Per name: the module and the arguments of each call in turn."""
    torch.manual_seed(0)
    rows = [(torch.randn(2, 3),) for _ in range(3)]
    wide = [(torch.randn(2, 4),) for _ in range(3)]
    tokens = [(torch.tensor([[number + 3]]), torch.tensor([number])) for number in range(3)]
    nested = [
        (({"k": [torch.zeros(4), torch.ones(4)], "v": torch.zeros(2, 4)}, torch.randn(4)), {"step": torch.tensor(2.0)})
        for _ in range(3)
    ]
    return {
        "counter": (Counter(), rows),
        "unread": (Unread(), rows),
        "average": (Average(), wide),
        "ring": (Ring(), [(torch.randn(4),) for _ in range(4)]),
        "slices": (Slices(), [(torch.randn(2, 2),) for _ in range(3)]),
        "swap": (Swap(), [(torch.randn(2),) for _ in range(3)]),
        "replace": (Replace(), [(torch.randn(1, 3),) for _ in range(3)]),
        "parameter": (Parameter(), rows),
        "parameter_step": (ParameterStep(), rows),
        "input": (Input(), [(torch.randn(2, 3), torch.randn(2, 3), torch.tensor(3.0)) for _ in range(3)]),
        "nested_input": (NestedInput(), nested),
        "all": (All(), rows),
        "tied_buffers": (TiedBuffers(), [(torch.randn(3),) for _ in range(3)]),
        "batch_norm": (BatchNorm().train(), [(torch.randn(2, 2, 5, 5),) for _ in range(3)]),
        "kv_cache": (CachedDecoder().eval(), tokens),
    }

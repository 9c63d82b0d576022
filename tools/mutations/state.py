"""Buffers, parameters and inputs that calls change."""

import torch
from torch import nn
from torch.export import Dim

from . import Call, WithBuffers, case, program


@case
def buffer_counter():
    def step(module, x):
        module.count += 1
        return x * module.count

    return program(WithBuffers(step, count=torch.tensor(0)), torch.rand(2))


@case
def buffer_views():
    """A buffer is written through views, read before and after."""

    def step(module, x):
        before = module.table.sum()
        module.table[0].copy_(x)
        module.table.t()[1].mul_(2)
        row = module.table.view(-1)[1:3]
        row.add_(module.table[1] * 1)
        return before, row, module.table[1]

    return program(WithBuffers(step, table=torch.rand(3, 2)), torch.rand(2))


@case
def buffer_assigned():
    """A buffer is replaced by assignment, twice."""

    def step(module, x):
        module.last = module.last * 2
        y = module.last + x
        module.last = y
        return y

    return program(WithBuffers(step, last=torch.rand(3)), torch.rand(3))


@case
def buffers_swapped():
    def step(module, x):
        old = module.a.clone()
        module.a.copy_(module.b)
        module.b.copy_(old + x)
        return module.a - module.b

    return program(WithBuffers(step, a=torch.rand(2), b=torch.rand(2)), torch.rand(2))


@case
def buffer_returned_and_changed():
    """The result is the buffer and a view of it."""

    def step(module, x):
        module.total.add_(x)
        return module.total, module.total[1:], module.total * 1

    return program(WithBuffers(step, total=torch.zeros(3)), torch.rand(3))


@case
def several_buffers_and_inputs():
    """The order of the mutation outputs is that of the inputs."""

    def step(module, x, y):
        y.add_(1)
        module.second.mul_(2)
        x[0].zero_()
        module.first.add_(x.sum())
        return module.first + module.second

    return program(WithBuffers(step, first=torch.zeros(1), second=torch.ones(1)), torch.rand(2), torch.rand(2))


@case
def integer_and_bool_buffers():
    def step(module, x):
        module.seen |= x > 0.5
        module.steps.add_(module.seen.sum())
        module.small.add_(x)
        return module.steps * 2

    buffers = {"seen": torch.zeros(3, dtype=torch.bool), "steps": torch.tensor(0), "small": torch.zeros(3, dtype=torch.float16)}
    return program(WithBuffers(step, **buffers), torch.rand(3))


@case
def kv_cache():
    """Keys and values are written at positions, then read up to there."""

    def step(module, keys, values, position):
        module.keys.index_copy_(2, position, keys)
        module.values.index_copy_(2, position, values)
        scores = keys @ module.keys.transpose(-1, -2)
        return scores.softmax(-1) @ module.values

    cache = {"keys": torch.zeros(1, 2, 4, 3), "values": torch.zeros(1, 2, 4, 3)}
    first = (torch.rand(1, 2, 1, 3), torch.rand(1, 2, 1, 3), torch.tensor([0]))
    second = (torch.rand(1, 2, 1, 3), torch.rand(1, 2, 1, 3), torch.tensor([1]))
    return program(WithBuffers(step, **cache), *first, calls=[Call(second)])


@case
def kv_cache_sliced():
    """A cache that moves by one place and takes the new row at its end."""

    def step(module, row):
        module.cache[:, :-1] = module.cache[:, 1:].clone()
        module.cache[:, -1] = row
        return module.cache.sum(1)

    return program(WithBuffers(step, cache=torch.zeros(2, 3, 2)), torch.rand(2, 2))


@case
def cache_of_inputs():
    """The caller's cache is written at a place that the caller gives."""

    def function(cache, row, position):
        cache.index_put_((position,), row)
        cache[:, 0].neg_()
        return cache @ row.t()

    return program(function, torch.zeros(4, 3), torch.rand(1, 3), torch.tensor([2]))


@case
def input_dynamic():
    """Inputs of symbolic size change."""

    def function(x, y):
        x[1:].add_(y[:-1])
        y.copy_(x)
        x.view(-1)[::2].zero_()
        return x.shape[0] * x

    shapes = {"args": ({0: Dim.AUTO}, {0: Dim.AUTO})}
    return program(function, torch.rand(4, 2), torch.rand(4, 2), dynamic_shapes=shapes, alts=[Call((torch.rand(6, 2), torch.rand(6, 2)))])


@case
def input_returned():
    def function(x, y):
        z = x.mul_(2)
        y.add_(1)
        return z, x, y, y.t()

    return program(function, torch.rand(2, 2), torch.rand(2, 2))


@case
def parameter_changed():
    """A parameter is changed without gradients."""

    class Step(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(3))
            self.scale = nn.Parameter(torch.rand(1))

        def forward(self, x):
            with torch.no_grad():
                self.weight.mul_(0.5)
                self.weight[1:].add_(x[1:])
            return x * self.weight * self.scale

    return program(Step(), torch.rand(3))


def normalization(kind, shape, **options):
    module = kind(shape[1], **options)
    module.train()
    return program(module, torch.rand(shape))


@case
def batch_norm_training():
    return normalization(nn.BatchNorm2d, (2, 3, 2, 2))


@case
def batch_norm_cumulative():
    """Without momentum the running statistics are averages; in evaluation they are only read."""
    return program(nn.BatchNorm1d(3, momentum=None).eval(), torch.rand(4, 3))


@case
def batch_norm_plain():
    return normalization(nn.BatchNorm1d, (4, 3, 2), affine=False, momentum=0.3, eps=1e-3)


@case
def batch_norm_without_statistics():
    return normalization(nn.BatchNorm2d, (2, 3, 2, 2), track_running_stats=False)


@case
def batch_norm_twice():
    """One layer is used twice in a call."""

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(3)

        def forward(self, x):
            return self.norm(self.norm(x) * 2), self.norm.running_mean * 1

    return program(Twice().train(), torch.rand(4, 3))


@case
def batch_norm_functional():
    """Statistics that are views of a buffer."""

    def step(module, x):
        mean, variance = module.statistics[0], module.statistics[1]
        y = torch.nn.functional.batch_norm(x, mean, variance, training=True, momentum=0.2)
        mean.add_(1)
        return y, module.statistics.sum()

    return program(WithBuffers(step, statistics=torch.ones(2, 3)), torch.rand(4, 3))


@case
def instance_norm_training():
    return normalization(nn.InstanceNorm2d, (2, 3, 4, 4), track_running_stats=True, affine=True)


@case
def instance_norm_plain():
    return normalization(nn.InstanceNorm1d, (2, 3, 5), track_running_stats=True, momentum=0.3)


@case
def exponential_average():
    """An average of weights in a buffer, by `lerp_` and views."""

    def step(module, x):
        module.average.lerp_(x, 0.1)
        module.flat.view(2, 2)[0].copy_(module.average)
        return module.average.norm() + module.flat.sum()

    return program(WithBuffers(step, average=torch.zeros(2), flat=torch.zeros(4)), torch.rand(2))


@case
def buffer_filled_by_branch():
    """What a branch gives becomes the buffer; a number fills another one, and a part of an input a third."""

    def function(module, x):
        chosen = torch.cond(x.sum() > 0, lambda a: a + module.state, lambda a: a - module.state, (x,))
        module.state.copy_(chosen)
        module.filled.copy_(x.sum())
        module.shown.copy_(x[:2])
        module.count.add_(1)
        return chosen * module.count, module.filled + 1

    return program(
        WithBuffers(function, state=torch.rand(3), filled=torch.zeros(3), shown=torch.zeros(2), count=torch.tensor(0)),
        torch.rand(3),
    )

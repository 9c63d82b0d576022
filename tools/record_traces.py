"""Records what PyTorch prints for programs that `compiler/src/trace/printed_tests.rs` traces in Rust.

    python tools/record_traces.py compiler/src/trace/expected
"""

import argparse
import warnings
from pathlib import Path

import torch
from torch import nn
from torch._higher_order_ops.associative_scan import associative_scan
from torch._higher_order_ops.scan import scan
from torch._higher_order_ops.while_loop import while_loop
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import Dim

from record_exportdb import without_comments

CASES = {}


def case(*inputs, **shapes):
    """The program of a function with the names of its parameters; `shapes` by these names."""

    def add(function):
        CASES[function.__name__] = (function, inputs, shapes or None)
        return function

    return add


n, m = Dim("n", min=2, max=16), Dim("m")


@case(torch.rand(4, 2), torch.rand(4, 2), x={0: n}, y={0: n})
def two_inputs(x, y):
    return torch.cat([x + y, x])


@case(torch.rand(4), torch.rand(4), x={0: n}, y={0: n})
def shared_size(x, y):
    return torch.zeros(x.shape[0]) + x + y * x.shape[0]


@case(torch.rand(4), torch.rand(4), x={0: Dim.AUTO}, y={0: Dim.AUTO})
def found_equal(x, y):
    size = x.shape[0]
    return x + y, torch.zeros(size)


@case(torch.rand(4, 4), x={0: n, 1: n})
def two_dims(x):
    return x @ x.t() + torch.eye(x.shape[0])


@case(torch.rand(3), torch.rand(6), x={0: n}, y={0: 2 * n})
def derived_double(x, y):
    return x + y.view(x.shape[0], 2).sum(1)


@case(torch.rand(4), torch.rand(5), x={0: n}, y={0: n + 1})
def derived_offset(x, y):
    return x + y[1:] - y[:-1]


@case(torch.rand(8, 3), x={0: Dim.AUTO})
def branch(x):
    return x.sum(1) if x.shape[0] > 5 else x.mean(1)


@case(torch.rand(5), x={0: Dim.AUTO})
def sizes(x):
    n = x.shape[0]
    return torch.full((3,), n * 2 + 1), torch.zeros(n // 2 + 1), torch.ones(n % 3 + 1), x.new_zeros(2 * n - 1, 2)


@case(torch.rand(5), torch.rand(4), x={0: n}, y={0: m})
def greater_and_lesser(x, y):
    n, m = x.shape[0], y.shape[0]
    return torch.sym_max(n - 4, 1) * x, torch.sym_min(m, 6) + y


@case(torch.rand(4, 3), x={0: Dim.AUTO})
def returned(x):
    return x.shape[0], x.sum(), 2 * x.shape[0]


@case(torch.rand(5))
def counted(x):
    return x.nonzero(), torch.masked_select(x, x < 0).abs(), x[x > 0] * 2


@case(torch.tensor(3), torch.rand(8))
def item(x, y):
    count = x.item()
    torch._check(count >= 1)
    torch._check(count <= 8)
    return torch.ones(count), y[:count], y.sum() * count


@case(torch.rand(9))
def chain(x):
    chosen = x[x > 0.5]
    padded = nn.functional.pad(chosen, (0, 2))
    return padded, torch.arange(chosen.shape[0] + 2) * padded


@case(torch.rand(4))
def data_cond(x):
    return torch.cond((x > 0).sum().item() > 2, lambda x: x + 1, lambda x: x - 1, (x,))


@case(torch.rand(5, 2), x={0: n})
def size_cond(x):
    return torch.cond(x.shape[0] > 4, lambda x: x * x.shape[0], lambda x: x + x.shape[0], (x,))


@case(torch.rand(3), torch.rand(3))
def nested_cond(x, y):
    def on_true(x, y):
        return torch.cond(y.sum() > 0, lambda x, y: x + y, lambda x, y: x - y, (x, y))

    return torch.cond(x.sum() > 0, on_true, lambda x, y: x * y, (x, y))


@case(torch.zeros(3), torch.rand(4, 3))
def scanned(init, xs):
    return scan(lambda carry, x: (carry + x, (carry * x).clone()), init, xs)


@case(torch.tensor(3), torch.rand(3))
def counter(n, x):
    return while_loop(lambda n, x: n > 0, lambda n, x: (n - 1, x * 1.5), (n, x))


@case(torch.rand(5), x={0: n})
def counted_rounds(x):
    return while_loop(lambda i, x: i < x.shape[0], lambda i, x: (i + 1, x + i), (0, x))


@case(torch.rand(5), x={0: n})
def two_counters(x):
    i, j, y, z = while_loop(
        lambda i, j, y, z: i < j, lambda i, j, y, z: (i + 1, j - 1, y + z, z * j), (0, x.shape[0], x, x + 1)
    )
    return y, z * i, j


@case(torch.rand(5), x={0: n})
def known_count(x):
    i, y = while_loop(lambda i, y: i < 5, lambda i, y: (6, y * 2), (0, x))
    return y


@case(torch.rand(5), x={0: n})
def only_counter(x):
    (i,) = while_loop(lambda i: i < 5, lambda i: (i + 2,), (0,))
    return x * i


# The operator is for GPUs: the programs are recorded of tensors without elements there.
with FakeTensorMode():

    @case(torch.empty(5, 2, device="cuda"), x={0: n})
    def running_sums(x):
        return associative_scan(lambda a, b: a + b, x, 0)

    @case(torch.empty(3, 5, device="cuda"), torch.empty(3, 5, device="cuda"))
    def recurrence(x, y):
        scale = x.sum()
        return associative_scan(lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1] * scale), (x, y), 1, reverse=True)


@case(torch.tensor(3), torch.tensor(4))
def checked(x, y):
    a, b = x.item(), y.item()
    torch._check(a >= 0)
    torch._check(b >= 0)
    torch._check(a + b == 7)
    return torch.zeros(a, b)


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        self.register_buffer("calls", torch.tensor(0))

    def forward(self, x):
        self.calls.add_(1)
        return self.layers(x) * self.calls


CASES["counting"] = (Counting(), (torch.rand(2, 3),), {"x": {0: Dim("batch")}})


class WithoutGradients(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x):
        y = x.sin()
        with torch.no_grad():
            z = self.layer(y)
            negated = z.neg()
        w = z + y
        with torch.no_grad():
            w.tanh_()
        return w.cos(), negated


CASES["without_gradients"] = (WithoutGradients(), (torch.rand(4, 3),), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    for name, (function, inputs, shapes) in CASES.items():
        module = function
        if not isinstance(function, nn.Module):
            module = nn.Module()
            module.forward = function
        program = torch.export.export(module, inputs, dynamic_shapes=complete(shapes, function), strict=False)
        (folder / f"{name}.txt").write_text(without_comments(str(program)))


def complete(shapes, function):
    """The spec with all parameters."""
    if shapes is None or isinstance(function, nn.Module):
        return shapes
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return {name: shapes.get(name) for name in names}


if __name__ == "__main__":
    main()

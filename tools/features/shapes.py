"""Symbolic sizes and scalars, the ranges and guards that come with them, and inputs that break them."""

import math

import torch
from torch import nn
from torch.export import Dim
from torch.nn import functional as F

from . import Bad, Call, case, program


def sized(function, *args, **options):
    """A program whose arguments are dynamic in dimension 0, as far as it can be."""
    dynamic = tuple({0: Dim.AUTO} for _ in args)
    return program(function, *args, dynamic_shapes=(dynamic,), **options)


@case
def batch():
    """Sizes outside the range, a wrong rank and a wrong type are refused."""

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 2)

        def forward(self, x):
            return self.linear(x)

    return program(
        Layer(),
        torch.rand(4, 3),
        dynamic_shapes={"x": {0: Dim("n", min=2, max=64)}},
        alts=[Call((torch.rand(2, 3),)), Call((torch.rand(64, 3),))],
        bad=[
            Bad((torch.rand(100, 3),), "x.shape[0]"),
            Bad((torch.rand(1, 3),), "x.shape[0]"),
            Bad((torch.rand(4, 5),), "x.shape[1]"),
            Bad((torch.rand(4),), "x"),
            Bad((torch.rand(4, 3, 1),), "x"),
            Bad((torch.rand(4, 3, dtype=torch.float64),), "x"),
            Bad((), "x"),
            Bad((torch.rand(4, 3), torch.rand(4, 3)), "1"),
        ],
    )


@case
def static_sizes():
    """Without dynamic sizes any other size is refused."""

    class Add(nn.Module):
        def forward(self, first, second):
            return first + second

    return program(
        Add(),
        torch.rand(2, 3),
        torch.rand(3),
        bad=[Bad((torch.rand(3, 3), torch.rand(3)), "first.shape[0]"), Bad((torch.rand(2, 3), torch.rand(1)), "second.shape[0]")],
    )


@case
def two_inputs_one_symbol():
    class Add(nn.Module):
        def forward(self, x, y):
            return torch.cat([x + y, x])

    n = Dim("n", min=2, max=16)
    return program(
        Add(),
        torch.rand(4, 2),
        torch.rand(4, 2),
        dynamic_shapes={"x": {0: n}, "y": {0: n}},
        alts=[Call((torch.rand(9, 2), torch.rand(9, 2)))],
        bad=[Bad((torch.rand(4, 2), torch.rand(5, 2)), "y.shape[0]")],
    )


@case
def two_dims_one_symbol():
    class Square(nn.Module):
        def forward(self, x):
            return x @ x.t() + torch.eye(x.shape[0])

    n = Dim("n", max=16)
    return program(
        Square(),
        torch.rand(4, 4),
        dynamic_shapes={"x": {0: n, 1: n}},
        alts=[Call((torch.rand(7, 7),))],
        bad=[Bad((torch.rand(4, 5),), "x.shape[1]")],
    )


@case
def derived_double():
    class Pairs(nn.Module):
        def forward(self, x, y):
            return x + y.view(x.shape[0], 2).sum(1)

    n = Dim("n", min=2, max=16)
    return program(
        Pairs(),
        torch.rand(3),
        torch.rand(6),
        dynamic_shapes={"x": {0: n}, "y": {0: 2 * n}},
        alts=[Call((torch.rand(5), torch.rand(10)))],
        bad=[Bad((torch.rand(3), torch.rand(8)), "y.shape[0]"), Bad((torch.rand(20), torch.rand(40)), "x.shape[0]")],
    )


@case
def derived_offset():
    class Neighbours(nn.Module):
        def forward(self, x, y):
            return x + y[1:] - y[:-1]

    n = Dim("n", min=3, max=16)
    return program(
        Neighbours(),
        torch.rand(4),
        torch.rand(5),
        dynamic_shapes={"x": {0: n}, "y": {0: n + 1}},
        alts=[Call((torch.rand(9), torch.rand(10)))],
        bad=[Bad((torch.rand(4), torch.rand(4)), "y.shape[0]")],
    )


@case
def multiple_of():
    """The size must be a multiple of 4."""

    class Groups(nn.Module):
        def forward(self, x):
            return x.view(-1, 4).mean(1)

    n = Dim("n", max=32)
    return program(
        Groups(),
        torch.rand(12),
        dynamic_shapes={"x": {0: 4 * n}},
        alts=[Call((torch.rand(20),))],
        bad=[Bad((torch.rand(13),), "x.shape[0]")],
    )


@case
def automatic():
    """`Dim.AUTO` everywhere; what must be equal or fixed is found out."""

    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(5, 2))

        def forward(self, x, y):
            return (x @ self.weight).sum(-1) + y

    everything = [{0: Dim.AUTO, 1: Dim.AUTO}, {0: Dim.AUTO}]
    return program(
        Product(),
        torch.rand(3, 5),
        torch.rand(3),
        dynamic_shapes=everything,
        alts=[Call((torch.rand(8, 5), torch.rand(8)))],
        bad=[Bad((torch.rand(3, 6), torch.rand(3)), "x.shape[1]"), Bad((torch.rand(3, 5), torch.rand(4)), "y.shape[0]")],
    )


@case
def dynamic_unbounded():
    return program(
        lambda x: x.sum(0, keepdim=True).expand(x.shape[0], -1) / x.shape[0],
        torch.rand(3, 2),
        dynamic_shapes=(({0: Dim.DYNAMIC, 1: Dim.DYNAMIC},),),
        alts=[Call((torch.rand(50, 7),))],
    )


@case
def guard_on_branch():
    """Python's `if` on a size leaves a guard."""

    class Branch(nn.Module):
        def forward(self, x):
            return x.sum(1) if x.shape[0] > 5 else x.mean(1)

    return program(
        Branch(),
        torch.rand(8, 3),
        dynamic_shapes={"x": {0: Dim.AUTO}},
        alts=[Call((torch.rand(6, 3),))],
        bad=[Bad((torch.rand(4, 3),), "x.shape[0]")],
    )


@case
def size_arithmetic():
    """Sums, products, differences, floor division, remainder, powers of sizes, as tensors and as sizes."""

    def function(x):
        n = x.shape[0]
        return (
            torch.full((3,), n * 2 + 1),
            torch.zeros(n // 2 + 1),
            torch.ones(n % 3 + 1),
            torch.arange(n**2),
            x.new_zeros(2 * n - 1, (n + 3) // 4),
            torch.arange(0, n, 2),
            torch.arange(n - 1, -1, -1),
        )

    return sized(function, torch.rand(5), alts=[Call((torch.rand(n),)) for n in (8, 32)])


@case
def size_maximum():
    def function(x, y):
        n, m = x.shape[0], y.shape[0]
        top, low = torch.sym_max(n, m), torch.sym_min(n, m)
        return torch.zeros(top), torch.ones(low), torch.sym_max(n - 4, 1) * x, torch.sym_min(m, 6) + y

    return program(
        function,
        torch.rand(5),
        torch.rand(7),
        dynamic_shapes=(({0: Dim("n", max=20)}, {0: Dim("m", max=20)}),),
        alts=[Call((torch.rand(9), torch.rand(3)))],
    )


@case
def size_to_float():
    """True division, square root, powers, and rounding back to integers."""

    def function(x):
        n = x.shape[0]
        return (
            x * (n / 3),
            x * torch.sym_sqrt(n),
            torch.zeros(-(-n // 3)),
            x + torch.sym_float(n),
            x - math.trunc(n / 2),
        )

    return sized(function, torch.rand(7), alts=[Call((torch.rand(n),)) for n in (10, 32)])


@case
def size_signs():
    def function(x):
        return x + (3 - x.shape[0]), x - (-x.shape[0]), x * (+x.shape[0])

    return sized(function, torch.rand(5), alts=[Call((torch.rand(n),)) for n in (3, 4, 7)])


@case
def size_comparisons():
    """Symbolic bools combined and turned into numbers."""

    def function(x):
        n = x.shape[0]
        many = torch.sym_not(n < 4)
        return x * torch.sym_ite(many, n, n * 2), x + torch.sym_ite(n == 5, n - 1, n)

    return sized(function, torch.rand(5), alts=[Call((torch.rand(3),)), Call((torch.rand(8),))])


@case
def size_bits():
    def function(x):
        n = x.shape[0]
        return torch.full((2,), n & 6), torch.full((2,), n | 8), torch.full((1,), n << 2), torch.full((1,), n >> 1)

    return sized(function, torch.rand(5), alts=[Call((torch.rand(13),))])


@case
def size_sum_of_many():
    def function(x, y, z):
        return torch.zeros(x.shape[0] + y.shape[0] + z.shape[0]), x.shape[0] + y.shape[0]

    dims = tuple({0: Dim(name, max=9)} for name in "abc")
    args = (torch.rand(2), torch.rand(3), torch.rand(4))
    return program(function, *args, dynamic_shapes=(dims,), alts=[Call((torch.rand(5), torch.rand(4), torch.rand(7)))])


@case
def sizes_returned():
    """Outputs that are symbolic numbers, constants and None."""

    def function(x):
        return x.shape[0], x.shape[1], x.numel() + 1, None, 2.5, 2 * x.shape[0]

    return sized(function, torch.rand(4, 3), alts=[Call((torch.rand(2, 3),))])


@case
def strides_used():
    def function(x):
        y = x.transpose(0, 1)
        return torch.as_strided(x, (x.shape[0], 2), (x.stride(0), 1), 1), torch.zeros(y.stride(1) + y.storage_offset())

    return sized(function, torch.rand(4, 3), alts=[Call((torch.rand(6, 3),))])


@case
def reshaping():
    def function(x):
        n, c, h, w = x.shape
        y = x.reshape(n, c, h * w).permute(0, 2, 1)
        z = y.reshape(n * h, w, c).flatten(0, 1).unflatten(0, (n, -1))
        return y, z, x.view(n, -1), x.repeat(2, 1, 1, 1), torch.stack(x.unbind(1), 1).squeeze()

    dims = {0: Dim("n", min=2, max=5), 2: Dim("h", min=2, max=9), 3: Dim("w", min=2, max=9)}
    return program(
        function, torch.rand(2, 3, 4, 5), dynamic_shapes=((dims,),), alts=[Call((torch.rand(3, 3, 5, 2),))]
    )


@case
def slicing():
    def function(x):
        n = x.shape[0]
        return x[1 : n - 1], x[n // 2 :], x[: n // 2], x[::2], x[-2:], x.narrow(0, 1, n - 2), x.select(0, n - 1), x.roll(n // 3, 0)

    return sized(function, torch.rand(6, 2), alts=[Call((torch.rand(9, 2),)), Call((torch.rand(8, 2),))])


@case
def resizing():
    """Interpolation, padding and pooling to sizes that depend on the input's."""
    f = nn.functional

    def function(x):
        h = x.shape[2]
        return (
            f.interpolate(x, size=(h * 2, h + 1), mode="bilinear"),
            f.interpolate(x, scale_factor=2.0),
            f.pad(x, (1, h % 2, 0, 1)),
            f.adaptive_avg_pool2d(x, 2),
            f.avg_pool2d(x, 2, ceil_mode=True),
        )

    dims = {2: Dim.AUTO, 3: Dim.AUTO}
    return program(function, torch.rand(1, 2, 6, 8), dynamic_shapes=((dims,),), alts=[Call((torch.rand(1, 2, 8, 4),))])


@case
def convolution():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Conv2d(3, 4, 3, stride=2, padding=1)
            self.up = nn.ConvTranspose2d(4, 3, 2, stride=2)

        def forward(self, image):
            return self.up(self.down(image).relu()).mean((2, 3))

    dims = {0: Dim("n", max=4), 2: Dim.AUTO, 3: Dim.AUTO}
    return program(Net(), torch.rand(2, 3, 8, 10), dynamic_shapes=[dims], alts=[Call((torch.rand(3, 3, 7, 5),))])


@case
def unbacked_item():
    def function(n, x):
        size = n.item()
        torch._check(size >= 1)
        torch._check(size <= 8)
        return torch.ones(size), x[:size], size, x.sum() * size

    return program(
        function,
        torch.tensor(3),
        torch.rand(8),
        alts=[Call((torch.tensor(8), torch.rand(8)))],
        bad=[Bad((torch.tensor(9), torch.rand(8)), "<= 8"), Bad((torch.tensor(0), torch.rand(8)), ">= 1")],
    )


@case
def unbacked_float():
    """A float and a bool taken out of tensors."""

    def function(x, scale):
        s = scale.item()
        return x * s + s / 2, s

    return program(function, torch.rand(3), torch.tensor(1.5), alts=[Call((torch.rand(3), torch.tensor(-2.0)))])


@case
def unbacked_tolist():
    def function(x, sizes):
        a, b = sizes.tolist()
        torch._check(a >= 0)
        torch._check(b >= 0)
        torch._check(a + b == x.shape[0])
        left, right = x.split([a, b])
        return left * 2, right + 1

    return program(
        function,
        torch.rand(6, 2),
        torch.tensor([2, 4]),
        alts=[Call((torch.rand(6, 2), torch.tensor([5, 1])))],
        bad=[Bad((torch.rand(6, 2), torch.tensor([5, 2])), "6")],
    )


@case
def unbacked_nonzero():
    def function(x):
        where = x.nonzero()
        kept = x[x > 0]
        return where, kept * 2, where.shape[0], torch.masked_select(x, x < 0).abs(), kept.sum()

    x = torch.tensor([0.0, 1.0, -2.0, 3.0, 0.0])
    return program(function, x, alts=[Call((torch.zeros(5),)), Call((torch.ones(5),))])


@case
def unbacked_repeat():
    def function(x, repeats):
        return x.repeat_interleave(repeats), torch.repeat_interleave(repeats)

    return program(function, torch.rand(3), torch.tensor([1, 0, 2]), alts=[Call((torch.rand(3), torch.tensor([0, 0, 5])))])


@case
def unbacked_unique():
    def function(x):
        values, places, counts = torch.unique(x, return_inverse=True, return_counts=True)
        return values, places, counts, torch.bincount(x)

    return program(function, torch.tensor([3, 1, 3, 2]), alts=[Call((torch.tensor([5, 5, 5, 5]),))])


@case
def unbacked_chain():
    """Sizes that come from a size that came from the data."""

    def function(x):
        kept = x[x > 0.5]
        n = kept.shape[0]
        padded = torch.nn.functional.pad(kept, (0, 2))
        return padded, torch.arange(n + 2) * padded, padded.view(1, -1).expand(3, -1), torch.cat([kept, x])

    return program(function, torch.rand(9), alts=[Call((torch.rand(9),)), Call((torch.zeros(9),))])


@case
def unbacked_in_cond():
    def function(x):
        n = (x > 0).sum().item()
        return torch.cond(n > 2, lambda x: x + 1, lambda x: x - 1, (x,))

    return program(function, torch.tensor([1.0, -1.0, 1.0, 1.0]), alts=[Call((-torch.ones(4),))])


@case
def runtime_assertions():
    """`torch._assert_async`, `torch._check` on values, and a message of one's own."""

    class Checked(nn.Module):
        def forward(self, x, n):
            torch._assert_async((x > -10).all(), "values must be above -10")
            k = n.item()
            torch._check(k != 3, lambda: "three is not allowed")
            return x + k

    return program(
        Checked(),
        torch.rand(3),
        torch.tensor(2),
        bad=[Bad((torch.full((3,), -11.0), torch.tensor(2)), "values must be above -10"), Bad((torch.rand(3), torch.tensor(3)), "3")],
    )


@case
def symbolic_int_input():
    """A Python int of the caller that stays dynamic."""

    class Repeat(nn.Module):
        def forward(self, x, n):
            return x.unsqueeze(0).expand(n, -1) * n, n + 1

    return program(
        Repeat(), torch.rand(3), 4, dynamic_shapes={"x": None, "n": Dim.DYNAMIC}, alts=[Call((torch.rand(3), 7))]
    )


@case
def symbolic_int_inputs_nested():
    """Dynamic ints inside a dictionary, next to a size that they must equal."""

    class Crop(nn.Module):
        def forward(self, x, options):
            return x[:, : options["width"]] + options["bias"]

    return program(
        Crop(),
        torch.rand(2, 9),
        {"width": 4, "bias": 3},
        dynamic_shapes={"x": None, "options": {"width": Dim.DYNAMIC, "bias": Dim.AUTO}},
        alts=[Call((torch.rand(2, 9), {"width": 7, "bias": 5}))],
    )


@case
def nested_input_path():
    """The path in the message leads into dictionaries and lists."""

    class Nested(nn.Module):
        def forward(self, cache, *, mask):
            return cache["k"][1] * mask + cache["v"].sum()

    n = Dim("n", min=2, max=8)
    good = {"k": [torch.rand(2), torch.rand(4, 3)], "v": torch.rand(1)}
    wrong = {"k": [torch.rand(2), torch.rand(9, 3)], "v": torch.rand(1)}
    other = {"k": [torch.rand(2), torch.rand(4, 3)], "v": torch.rand(2)}
    mask = torch.rand(3)
    return program(
        Nested(),
        good,
        kwargs={"mask": mask},
        dynamic_shapes={"cache": {"k": [None, {0: n}], "v": None}, "mask": None},
        bad=[
            Bad((wrong,), "cache['k'][1].shape[0]", {"mask": mask}),
            Bad((other,), "cache['v'].shape[0]", {"mask": mask}),
            Bad((good,), "mask.shape[0]", {"mask": torch.rand(4)}),
        ],
    )


@case
def empty_sizes():
    """Sizes that may be zero."""
    return program(
        lambda x, y: (torch.cat([x, y]), x.sum(0), (x.numel() + 1) * y.mean(0)),
        torch.rand(3, 2),
        torch.rand(4, 2),
        dynamic_shapes=(({0: Dim("n", min=0, max=8)}, {0: Dim("m", min=0, max=8)}),),
        alts=[Call((torch.rand(0, 2), torch.rand(2, 2))), Call((torch.rand(2, 2), torch.rand(1, 2)))],
    )


@case
def losses_of_many_classes():
    """Losses of class numbers whose count is a symbol, smoothed and not."""

    def function(x, classes):
        smoothed = F.cross_entropy(x, classes, label_smoothing=0.1, reduction="none")
        likely = F.cross_entropy(x, x.softmax(1), label_smoothing=0.2)
        return smoothed, likely, F.cross_entropy(x, classes), F.nll_loss(x.log_softmax(1), classes)

    auto = Dim.AUTO
    sizes = (({0: auto, 1: auto}, {0: auto}),)
    return program(function, torch.randn(4, 5), torch.tensor([0, 1, 2, 4]), dynamic_shapes=sizes)

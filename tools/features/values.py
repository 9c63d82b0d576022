"""Element types, constants, layouts in memory, and what else values can be."""

import math

import torch
from torch import nn

from . import Call, WithBuffers, case, program

FLOAT8 = [torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz]


@case
def float8():
    """Buffers of every 8-bit float, and casts to and from them."""
    values = torch.tensor([0.0, 1.0, -1.5, 240.0, 0.0625])
    module = WithBuffers(
        lambda self, x: [x + getattr(self, f"b{i}").float() for i in range(4)] + [x.to(dtype) for dtype in FLOAT8],
        **{f"b{i}": values.to(dtype) for i, dtype in enumerate(FLOAT8)},
    )
    return program(module, torch.rand(5) * 100)


@case
def float8_inputs():
    x = torch.rand(4).to(torch.float8_e4m3fn)
    return program(lambda x, y: (x.float() + y.float(), x.clone(), x.view(torch.uint8)), x, x.float().to(torch.float8_e5m2))


@case
def float8_scaled_matmul():
    a, b = torch.rand(16, 32).to(torch.float8_e4m3fn), torch.rand(32, 16).to(torch.float8_e4m3fn)
    one = torch.tensor(1.0)
    return program(lambda a, b, s: torch._scaled_mm(a, b.t().contiguous().t(), s, s, out_dtype=torch.float32), a, b, one)


@case
def unsigned():
    """uint16 buffers and inputs, with values that the signed type cannot hold; the archive has no wider ones."""
    module = WithBuffers(
        lambda self, a: (a.clone(), self.a.to(torch.int32) + a.to(torch.int32), a.view(torch.int16), self.a.float()),
        a=torch.tensor([65535, 1], dtype=torch.uint16),
    )
    return program(module, torch.tensor([65535, 7], dtype=torch.uint16))


@case
def every_type():
    """One buffer and one cast of every ordinary type."""
    types = [
        torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool,
        torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128,
    ]  # fmt: skip
    module = WithBuffers(
        lambda self, x: [getattr(self, f"b{i}") + x.to(t) if t != torch.bool else self.b5 | x.bool() for i, t in enumerate(types)],
        **{f"b{i}": torch.ones(2).to(t) for i, t in enumerate(types)},
    )
    return program(module, torch.tensor([3.0, 4.0]))


@case
def half_precision():
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(4, 4, dtype=torch.bfloat16)
            self.b = nn.Linear(4, 4, dtype=torch.float16)

        def forward(self, x, y):
            return self.a(x).softmax(-1), self.b(y).softmax(-1), x + y

    return program(Half(), torch.rand(2, 4).bfloat16(), torch.rand(2, 4).half())


@case
def double_precision():
    class Double(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()

        def forward(self, x):
            return self.layers(x) * math.pi

    return program(Double(), torch.rand(2, 3, dtype=torch.float64))


@case
def complex_numbers():
    """Complex inputs, buffers, scalars, conjugation, parts."""
    module = WithBuffers(
        lambda self, x, y: (
            x * self.c + (1 + 2j), x.conj() @ y, x.abs(), x.angle(), x.real + y.imag,
            torch.complex(x.real, y.real), torch.view_as_real(x), torch.polar(x.abs(), x.angle()), x.conj().imag,
        ),
        c=torch.tensor([1j, 2.0]),
    )  # fmt: skip
    return program(module, torch.randn(2, 2, dtype=torch.complex64), torch.randn(2, 2, dtype=torch.complex64))


@case
def complex_half():
    return program(lambda x: (x.to(torch.complex64) * 2, x.clone()), torch.tensor([1 + 2j, 3.5], dtype=torch.complex32))


@case
def special_floats():
    """Infinities, not-a-number, negative zero and the largest numbers, as scalars and in tensors."""
    inf, nan = float("inf"), float("nan")

    def function(x):
        return (
            x.clamp(min=-inf, max=inf), x + inf, x * nan, torch.full((2,), -inf), x.masked_fill(x > 0, -inf),
            torch.nan_to_num(x, 1.5, 1e38, -1e38), x * -0.0, x * 1.7976931348623157e308, x * 5e-324, x + 1e-45, torch.isnan(x),
        )  # fmt: skip

    return program(function, torch.tensor([1.0, -inf, inf, nan, -0.0]))


@case
def large_integers():
    def function(x):
        return x + 9223372036854775807, x * -9223372036854775808, x // 3037000500, x & 0x7FFFFFFF, torch.full((1,), -(2**63))

    return program(function, torch.tensor([1, -1, 2**62]))


@case
def tensor_literals():
    """Tensors written in the forward are lifted as constants, including empty and 0-d ones."""

    def function(x):
        return (
            x + torch.tensor([1.0, 2.0]), torch.tensor(3), torch.tensor([], dtype=torch.int64), x[torch.tensor([1, 0])],
            torch.tensor([[True, False]]), torch.tensor(2.5, dtype=torch.float64) * x,
        )  # fmt: skip

    return program(function, torch.rand(2))


@case
def zero_dimensional():
    return program(lambda x, y: (x + y, x * 2, y.view(1), x.expand(3), torch.stack([x, y])), torch.tensor(1.5), torch.tensor(2.5))


@case
def empty_tensors():
    def function(x, y):
        return x.sum(0), x @ y, torch.cat([x, torch.zeros(2, 3)]), x.reshape(3, 0), x.mean(), y.prod(), x.any(), x.view(-1)

    return program(function, torch.zeros(0, 3), torch.rand(3, 2))


@case
def weights_in_odd_layouts():
    """Transposed, expanded, sliced, channels-last, offset and empty weights keep their strides."""

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            base = torch.arange(60, dtype=torch.float32)
            self.transposed = nn.Parameter(torch.rand(3, 4).t())
            self.expanded = nn.Buffer(torch.rand(3, 1).expand(3, 4))
            self.sliced = nn.Parameter(base[5:45:2].view(4, 5)[:, 1:4])
            self.shared = nn.Buffer(base[10:22].view(3, 4))
            self.last = nn.Parameter(torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last))
            self.empty = nn.Buffer(torch.zeros(0, 5))
            self.overlapping = nn.Buffer(base.as_strided((3, 3), (1, 1), 7))

        def forward(self, x):
            return (
                self.transposed @ x, x + self.expanded[:, 0], x @ self.sliced.t(), self.shared * 2,
                self.last.mean((0, 2, 3)), self.empty.sum(), self.overlapping + 1,
            )  # fmt: skip

    return program(Odd(), torch.rand(3, 3))


@case
def channels_last():
    """The memory format of a convolution's weight and of intermediate values."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)

        def forward(self, x):
            x = self.conv(x.to(memory_format=torch.channels_last))
            return x, x.contiguous().view(1, -1), x.clone(memory_format=torch.preserve_format), x.stride()[1]

    return program(Net(), torch.rand(1, 3, 6, 6))


@case
def tied_weights():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(7, 4)
            self.middle = nn.Linear(4, 4)
            self.again = self.middle
            self.head = nn.Linear(4, 7, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, tokens):
            return self.head(self.again(self.middle(self.embedding(tokens))))

    return program(Tied(), torch.tensor([[1, 2], [3, 6]]))


@case
def shared_buffers():
    """One buffer under two names, and a parameter that is a view of a buffer's storage."""

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("a", torch.rand(6))
            self.inner = nn.Module()
            self.inner.register_buffer("b", self.a)
            self.inner.weight = nn.Parameter(self.a[2:4])

        def forward(self, x):
            return x + self.a.sum() + self.inner.b[0], x * self.inner.weight

    return program(Shared(), torch.rand(2))


@case
def frozen_and_unused():
    """Parameters without gradient, and ones that nothing uses."""

    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            self.used = nn.Parameter(torch.rand(2), requires_grad=False)
            self.unused = nn.Parameter(torch.rand(3))
            self.register_buffer("idle", torch.rand(4), persistent=False)
            self.plain = torch.rand(2)

        def forward(self, x, y):
            return x * self.used + self.plain

    return program(Frozen(), torch.rand(2), torch.rand(5))


@case
def strings_and_modes():
    """Arguments that are words: rounding modes, reductions, memory formats, indexing."""
    f = nn.functional

    def function(x, y):
        return (
            torch.div(x, 0.3, rounding_mode="floor"), torch.div(x, 0.3, rounding_mode="trunc"), f.gelu(x, approximate="tanh"),
            x.scatter_reduce(0, y, x, reduce="amax", include_self=False), torch.searchsorted(x.sort().values, x, side="right"),
            f.pad(x.view(1, 1, -1), (1, 1), mode="reflect"), torch.meshgrid(x, x, indexing="ij"), f.mse_loss(x, x * 2, reduction="none"),
        )  # fmt: skip

    return program(function, torch.rand(4), torch.tensor([0, 1, 1, 3]))


@case
def devices_and_types():
    """Arguments that are a device, an element type, a layout."""

    def function(x):
        return (
            torch.zeros(2, device="cpu", dtype=torch.float64, layout=torch.strided), x.to("cpu"), x.to(torch.device("cpu"), torch.int32),
            torch.empty_like(x, dtype=torch.bool).fill_(True), x.type(torch.float16), torch.arange(3, dtype=torch.uint8), x.cpu().double(),
        )  # fmt: skip

    return program(function, torch.rand(3) * 9)


@case
def scalars_promote():
    """Python numbers and 0-d tensors promote types differently."""

    def function(i, f, z):
        return i + 1, i + 1.5, i * z, f + z, f * 2, i / 2, i // 2, i**2, 2**i, 1 - i, i > 1.5, True + i, f.half() + z, i % -3, 7.5 // f

    return program(function, torch.tensor([1, 2, 3]), torch.rand(3), torch.tensor(2.0, dtype=torch.float64))


@case
def random_numbers():
    """Drawn numbers cannot be compared; what is computed from their shape can."""

    class Noise(nn.Module):
        def __init__(self):
            super().__init__()
            self.dropout = nn.Dropout(0.5)

        def forward(self, x):
            noise = torch.randn_like(x)
            return self.dropout(x), x + noise, torch.rand(2), torch.randperm(5), torch.randint(0, 9, (3,)), noise.shape[0], x * 2

    return program(Noise().train(), torch.rand(100))


@case
def random_but_certain():
    """Ops that may draw but here do not: dropout of nothing, in evaluation, Bernoulli of 0 and 1."""
    f = nn.functional
    return program(
        lambda x: (f.dropout(x, 0.0, True), f.dropout(x, 0.5, False), torch.bernoulli(torch.tensor([0.0, 1.0])), x + 1), torch.rand(9)
    )


@case
def uninitialized():
    """`empty` that is filled at once, and some that is returned as it is."""
    return program(lambda x: (torch.empty(3).fill_(2), torch.empty_like(x), x.new_empty(2).zero_(), x + 1), torch.rand(4))


@case
def quantized_weights():
    """The quantize-dequantize ops of PT2E quantization."""
    import torch.ao.quantization.fx._decomposed  # noqa: F401

    q = torch.ops.quantized_decomposed

    class Quantized(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("weight", torch.randint(-127, 127, (4, 3), dtype=torch.int8))
            self.register_buffer("scales", torch.rand(4) / 100)
            self.register_buffer("zeros", torch.zeros(4, dtype=torch.int64))

        def forward(self, x):
            x = q.quantize_per_tensor.default(x, 0.05, 3, -128, 127, torch.int8)
            x = q.dequantize_per_tensor.default(x, 0.05, 3, -128, 127, torch.int8)
            w = q.dequantize_per_channel.default(self.weight, self.scales, self.zeros, 0, -127, 127, torch.int8)
            return nn.functional.linear(x, w)

    return program(Quantized(), torch.rand(2, 3) - 0.5)


@case
def fake_quantization():
    return program(
        lambda x: (
            torch.fake_quantize_per_tensor_affine(x, 0.1, 0, -128, 127),
            torch.fake_quantize_per_channel_affine(x, torch.tensor([0.1, 0.2]), torch.tensor([0, 1], dtype=torch.int32), 0, 0, 255),
        ),
        torch.randn(2, 5),
    )


@case
def no_inputs():
    """A program without any input."""

    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(2, 2))

        def forward(self):
            return self.weight @ self.weight, torch.arange(3)

    return program(Constant())


@case
def no_operators():
    """A program that does nothing but return its inputs and weights."""

    class Identity(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(2))

        def forward(self, x, n):
            return x, self.weight, n, None, "text", 1.5, x

    return program(Identity(), torch.rand(3), 7, alts=[Call((torch.rand(3), 7))])


@case
def sparse_inside():
    """A sparse tensor that exists only within the program."""
    return program(lambda x: (x.to_sparse().to_dense(), torch.sparse.mm(x.to_sparse(), x)), torch.eye(3))

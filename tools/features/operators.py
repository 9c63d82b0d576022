"""Families of operators with arguments that samples of single operators seldom have, and custom operators."""

import os
import subprocess
from pathlib import Path

import torch
import torch._export.config
from torch import nn
from torch.nn import functional as F

from . import CASES, Call, case, program

aten = torch.ops.aten


@case
def einsum():
    def function(a, b, c):
        return (
            torch.einsum("ij,jk->ik", a, b), torch.einsum("...ij->...ji", c), torch.einsum("ij,kj,ki->", a, b.t(), b.t()[:, :2].clone()),
            torch.einsum("bij,bjk->bik", c, c), torch.einsum("ii->i", c[0]), torch.tensordot(c, c, dims=([1, 2], [2, 1])),
        )  # fmt: skip

    return program(function, torch.rand(2, 3), torch.rand(3, 4), torch.rand(2, 3, 3))


@case
def recurrent():
    """LSTM and GRU: stacked, bidirectional, projected, with and without initial state."""

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True)
            self.projected = nn.LSTM(3, 4, proj_size=2)
            self.gru = nn.GRU(3, 4, 2, dropout=0.5)
            self.rnn = nn.RNN(3, 4, nonlinearity="relu")

        def forward(self, x, state):
            return self.lstm(x), self.projected(x), self.gru(x, state), self.rnn(x)

    return program(Recurrent().eval(), torch.rand(2, 5, 3), torch.rand(2, 5, 4))


@case
def transformer_layers():
    """`nn.TransformerEncoderLayer` and `nn.MultiheadAttention` with a padding mask."""

    class Layers(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True, add_bias_kv=True)

        def forward(self, x, padding):
            return self.encoder(x), self.attention(x, x, x, key_padding_mask=padding)

    padding = torch.tensor([[False, False, True], [False, False, False]])
    return program(Layers().eval(), torch.rand(2, 3, 8), padding)


@case
def attention_variants():
    """Causal, masked by bool and float, scaled, grouped queries, different lengths."""

    def function(q, k, v, mask, bias):
        attend = F.scaled_dot_product_attention
        return (
            attend(q, k, v), attend(q, k, v, is_causal=True), attend(q, k, v, attn_mask=mask), attend(q, k, v, attn_mask=bias, scale=0.3),
            attend(q, k[:, :2], v[:, :2], enable_gqa=True), attend(q[0], k[0], v[0]),
        )  # fmt: skip

    q, k, v = torch.rand(2, 4, 3, 8), torch.rand(2, 4, 5, 8), torch.rand(2, 4, 5, 8)
    return program(function, q, k, v, torch.rand(3, 5) > 0.3, torch.rand(2, 1, 3, 5))


@case
def embeddings():
    class Embeddings(nn.Module):
        def __init__(self):
            super().__init__()
            self.plain = nn.Embedding(9, 3, padding_idx=0)
            self.bag = nn.EmbeddingBag(9, 3, mode="mean")
            self.sum = nn.EmbeddingBag(9, 3, mode="sum", include_last_offset=True)
            self.limited = nn.Embedding(9, 3, max_norm=1.0)

        def forward(self, tokens, offsets, weights):
            flat = tokens.flatten()
            return self.plain(tokens), self.bag(flat, offsets), self.sum(flat, offsets, weights), self.limited(tokens)

    return program(Embeddings().eval(), torch.tensor([[1, 2, 0], [8, 3, 3]]), torch.tensor([0, 2, 6]), torch.rand(6))


@case
def indexing():
    """Advanced indexing: None, ellipsis, masks, several tensors, gathering and taking."""

    def function(x, i, j, mask):
        return (
            x[None, i], x[..., j], x[i, j], x[:, None, j], x[i][:, j], x[mask.nonzero().squeeze(1)[:0]], x.gather(1, j[None].expand(4, -1)),
            x.take(i), torch.take_along_dim(x, i[None, :] % 3, 1), x.index_select(1, j), x[-1, ::2], x[2:1], x[i, None, 1:],
        )  # fmt: skip

    return program(function, torch.rand(4, 3), torch.tensor([3, 0]), torch.tensor([2, 1]), torch.tensor([True, False, True, True]))


@case
def scattering():
    def function(x, index, source):
        return (
            x.scatter(0, index, source), x.scatter(0, index, 5.0), x.scatter(0, index, source, reduce="multiply"), x.scatter_add(0, index, source),
            *(x.scatter_reduce(0, index, source, mode, include_self=s) for mode in ("sum", "mean", "amin", "prod") for s in (True, False)),
            x.index_add(1, index[0, :2], source[:, :2].repeat(2, 1), alpha=2), x.index_fill(0, index[0], 7), x.index_copy(0, index[1][:2] * 0 + torch.arange(2), source),
            x.index_put((index[0], index[1]), torch.tensor(1.0), accumulate=True), x.masked_scatter(x > 0.5, source.flatten().repeat(2)),
        )  # fmt: skip

    return program(function, torch.rand(4, 3), torch.tensor([[0, 1, 2], [2, 0, 0]]), torch.rand(2, 3))


@case
def fourier():
    def function(x):
        spectrum = torch.fft.rfft2(x, norm="ortho")
        window = torch.hann_window(4)
        short = torch.stft(x[0], 4, 2, window=window, return_complex=True)
        return (
            spectrum, torch.fft.irfft2(spectrum, s=(6, 8), norm="ortho"), torch.fft.fft(x, n=5, dim=0), torch.fft.fftshift(x),
            short, torch.istft(short, 4, 2, window=window), torch.fft.hfft(spectrum[0]), torch.fft.fftfreq(5),
        )  # fmt: skip

    return program(function, torch.rand(6, 8))


@case
def linear_algebra():
    def function(a, b):
        spd = a @ a.mT + 3 * torch.eye(3)
        q, r = torch.linalg.qr(a)
        u, s, vh = torch.linalg.svd(a)
        lower = torch.linalg.cholesky(spd)
        return (
            torch.linalg.inv(spd), torch.linalg.solve(spd, b), torch.linalg.det(a), *torch.linalg.slogdet(spd), q @ r, s, (u * s[..., None, :]) @ vh,
            lower, torch.cholesky_solve(b, lower), torch.linalg.eigvalsh(spd), torch.linalg.matrix_norm(a, "nuc"), torch.linalg.pinv(a),
            torch.linalg.matrix_power(a, 3), torch.linalg.solve_triangular(lower, b, upper=False), *torch.linalg.lu(a), torch.matrix_exp(a),
            torch.linalg.vector_norm(a, 3, dim=(0, 1)), torch.linalg.cross(a[0], b.mT[..., :1, :].expand(3, 3)), torch.kron(a[0], a[0]),
        )  # fmt: skip

    return program(function, torch.rand(2, 3, 3), torch.rand(3, 2), tolerance=1e-3)


@case
def ordering():
    def function(x):
        return (
            tuple(x.sort(1, descending=True)), tuple(x.topk(2)), tuple(x.kthvalue(2, 0)), tuple(x.median(1)), x.argsort(stable=True),
            tuple(x.max(0)), tuple(x.mode()), torch.msort(x), x.argmax(), x.argmin(1, keepdim=True), tuple(x.cummax(1)), torch.aminmax(x, dim=1)[0],
            torch.searchsorted(x.sort().values, x), torch.bucketize(x, torch.tensor([0.2, 0.5]), out_int32=True), x.logcumsumexp(1), tuple(x.topk(1, 0, False)),
        )  # fmt: skip

    return program(function, torch.tensor([[0.3, 0.1, 0.9], [0.7, 0.5, 0.2], [0.4, 0.8, 0.6]]))


@case
def reductions():
    """Over several dimensions, all and none; with types, corrections and empty lists of dimensions."""

    def function(x, b):
        return (
            x.sum(), x.sum((0, 2)), x.sum((), keepdim=True), x.mean(1, dtype=torch.float64), x.var((1, 2), correction=0), x.std(), torch.var_mean(x, 0),
            x.prod(1), x.amax((0, 1)), x.norm(1), x.norm("fro", (0, 1)), b.any(1), b.all(), x.nansum(), x.logsumexp((0, 2)), b.sum(), b.sum(dtype=torch.int8),
            x.count_nonzero(1), x.cumprod(-1), x.diff(dim=2), torch.trapezoid(x), x.sum(0, dtype=torch.float16), torch.histc(x, 4, 0, 1),
        )  # fmt: skip

    x = torch.rand(2, 3, 4)
    return program(function, x, x > 0.5)


@case
def convolutions():
    """One to three dimensions, groups, dilation, transposed, words as padding, unbatched."""

    class Convolutions(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Conv1d(4, 4, 3, groups=2, padding="same", padding_mode="circular")
            self.two = nn.Conv2d(4, 8, (3, 2), stride=(2, 1), dilation=(1, 2), padding="valid", bias=False)
            self.three = nn.Conv3d(4, 2, 2)
            self.up = nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1, output_padding=1, groups=2)
            self.depth = nn.Conv2d(4, 4, 3, padding=1, groups=4)

        def forward(self, x):
            return self.one(x[0, :, 0, 0]), self.one(x[0, :, :, 0].transpose(0, 1)), self.two(x[0]), self.three(x), self.up(x[0]), self.depth(x[0])

    return program(Convolutions(), torch.rand(1, 4, 4, 6, 6))


@case
def pooling():
    def function(x):
        return (
            F.max_pool2d(x, 3, 2, 1, ceil_mode=True), F.max_pool2d(x, 2, return_indices=True), F.avg_pool2d(x, 3, 1, 1, count_include_pad=False),
            F.adaptive_max_pool2d(x, (None, 3)), F.lp_pool2d(x, 2.0, 2), F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
            F.avg_pool1d(x[0], 2), F.max_pool3d(x[None], 2), F.fold(F.unfold(x, 3), (6, 6), 3), F.avg_pool2d(x, 2, divisor_override=3),
        )  # fmt: skip

    return program(function, torch.rand(1, 2, 6, 6))


@case
def normalizations():
    class Norms(nn.Module):
        def __init__(self):
            super().__init__()
            self.group, self.layer = nn.GroupNorm(2, 4), nn.LayerNorm([6])
            self.instance, self.rms = nn.InstanceNorm1d(4, affine=True), nn.RMSNorm(6)
            self.batch, self.local = nn.BatchNorm1d(4), nn.LocalResponseNorm(2)

        def forward(self, x):
            return self.group(x), self.layer(x), self.instance(x), self.rms(x), self.batch(x), self.local(x), F.normalize(x, dim=1)

    return program(Norms().eval(), torch.rand(2, 4, 6))


@case
def activations():
    names = [
        "relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "hardswish", "hardsigmoid", "hardtanh", "leaky_relu",
        "logsigmoid", "softplus", "softsign", "tanhshrink", "softshrink", "hardshrink", "sigmoid", "tanh",
    ]  # fmt: skip
    return program(
        lambda x: ([getattr(F, name)(x) for name in names], F.glu(x), F.softmin(x, 0), F.prelu(x, torch.tensor([0.1])), F.threshold(x, 0.1, 5)),
        torch.randn(2, 4),
    )


@case
def losses():
    def function(x, y, target, weight):
        return (
            F.cross_entropy(x, target, weight=weight, label_smoothing=0.1), F.cross_entropy(x, target, ignore_index=2, reduction="sum"),
            F.nll_loss(x.log_softmax(1), target), F.binary_cross_entropy_with_logits(x, y, pos_weight=weight), F.smooth_l1_loss(x, y, beta=0.5),
            F.huber_loss(x, y), F.kl_div(x.log_softmax(1), y.softmax(1), reduction="batchmean"), F.cosine_embedding_loss(x, y, torch.ones(2)),
            F.triplet_margin_loss(x, y, y + 1), F.poisson_nll_loss(x, y), F.l1_loss(x, y), F.margin_ranking_loss(x[0], y[0], torch.ones(3)),
        )  # fmt: skip

    return program(function, torch.randn(2, 3), torch.rand(2, 3), torch.tensor([0, 2]), torch.rand(3))


@case
def images():
    def function(x, grid, theta):
        return (
            F.grid_sample(x, grid, align_corners=False), F.grid_sample(x, grid, mode="nearest", padding_mode="border", align_corners=True),
            F.affine_grid(theta, [1, 2, 3, 3], align_corners=False), F.interpolate(x, size=5, mode="bicubic", antialias=True), F.interpolate(x, scale_factor=0.5, mode="area"),
            F.interpolate(x, (7, 3), mode="bilinear", align_corners=True), F.pixel_shuffle(x.repeat(1, 2, 1, 1), 2), F.pixel_unshuffle(x, 2), F.channel_shuffle(x, 2),
            F.pad(x, (1, 2, 0, 1), mode="replicate"), F.pad(x, (-1, 0, 1, -1), value=2.5), x.rot90(1, (2, 3)), x.flip(2, 3), F.interpolate(x, scale_factor=(1.5, 2), mode="nearest-exact"),
        )  # fmt: skip

    return program(function, torch.rand(1, 2, 4, 4), torch.rand(1, 3, 3, 2) * 2 - 1, torch.rand(1, 2, 3))


@case
def foreach():
    """Ops on lists of tensors, which have lists as results or change them."""

    def function(a, b):
        a = [a * 1, b * 1]
        torch._foreach_add_(a, 1.0)
        return torch._foreach_mul(a, [b, b]), torch._foreach_norm(a), a, torch._foreach_addcmul(a, a, a, value=0.5)

    return program(function, torch.rand(3), torch.rand(3))


@case
def lists_of_tensors():
    def function(x, y):
        return (
            torch.cat([x, y, x], 1), torch.stack((x, y), -1), torch.hstack([x, y]), torch.block_diag(x, y), torch.broadcast_tensors(x, y[:1]),
            torch.cartesian_prod(x[0], y[0]), x.split([1, 2], 1), torch.tensor_split(x, 2), x.unbind(), torch.vsplit(x, [1]), torch.column_stack([x, y]),
            torch.chunk(x, 2, 1), torch.dstack([x, y]), torch.linalg.multi_dot([x, y.t(), x]),
        )  # fmt: skip

    return program(function, torch.rand(2, 3), torch.rand(2, 3))


@case
def factories():
    def function(x):
        return (
            torch.arange(1, 2, 0.25), torch.linspace(0, 1, 5), torch.logspace(0, 2, 3), torch.eye(2, 3), torch.full((2,), True), torch.tril_indices(3, 3),
            torch.ones_like(x, dtype=torch.int16), x.new_full((2,), 3), torch.zeros(()), torch.scalar_tensor(2), torch.hamming_window(4), x.tril(1), x.triu(-1),
            torch.full_like(x, 2.5), torch.vander(x[0]),
        )  # fmt: skip

    return program(function, torch.rand(2, 3))


@case
def special_functions():
    def function(x):
        s = torch.special
        return (
            s.erfinv(x), s.digamma(x), s.i0e(x), s.zeta(x + 1, x), s.polygamma(2, x), s.xlogy(x, x), s.ndtri(x), s.bessel_j0(x), s.gammainc(x, x), s.log_ndtr(x),
            torch.hypot(x, x), torch.atan2(x, -x), torch.lerp(x, x * 2, 0.3), torch.addcdiv(x, x, x + 1, value=2), *torch.frexp(x), torch.nextafter(x, x + 1),
            x.clamp(min=0.2), x.clamp(max=x.mean()), torch.where(x > 0.5, x, 0.0), torch.float_power(x, 2), x.fmod(0.3), torch.copysign(x, -x), torch.heaviside(x - 0.5, x),
        )  # fmt: skip

    return program(function, torch.rand(5) * 0.8 + 0.1)


@case
def integer_arithmetic():
    def function(x, y):
        return (
            x // y, x % y, torch.fmod(x, y), torch.bitwise_xor(x, y), x << 2, x >> 1, ~x, torch.gcd(x, y), x.pow(2), torch.div(x, y, rounding_mode="trunc"),
            x.bitwise_and(3), torch.remainder(7, x), x / y, x.float().floor_divide(2), torch.bitwise_left_shift(x, y % 3), x.clamp(1, 4), x.to(torch.uint8) + 250,
        )  # fmt: skip

    return program(function, torch.tensor([-7, 5, 9]), torch.tensor([2, -3, 4]))


def custom_library() -> Path:
    """Builds the operators of `custom_ops.cpp` once and loads them."""
    source = Path(__file__).with_name("custom_ops.cpp")
    out = Path(__file__).parents[2] / ".corpus" / "libcustom_ops.so"
    if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
        torch_folder = Path(torch.__file__).parent
        out.parent.mkdir(exist_ok=True)
        made = out.with_suffix(f".{os.getpid()}")
        command = [
            "c++", "-std=c++17", "-O1", "-shared", "-fPIC", f"-I{torch_folder}/include", str(source),
            f"-L{torch_folder}/lib", "-ltorch_cpu", "-lc10", "-o", str(made),
        ]  # fmt: skip
        subprocess.run(command, check=True)
        made.replace(out)
    torch.ops.load_library(str(out))
    return out


def with_library(made):
    made.extra["libraries"] = ["../../libcustom_ops.so"]
    return made


@case
def custom_pure():
    """A custom operator without side effects, with defaults, a list and an optional tensor."""
    custom_library()

    @torch.library.register_fake("expc_test::blend")
    def blend(a, others, weight=None, scale=1.0, mode="sum"):
        return torch.empty_like(a)

    op = torch.ops.expc_test.blend
    return with_library(program(lambda a, b, w: (op(a, [b, a]), op(a, [b], w, scale=2.0, mode="mean")), torch.rand(3), torch.rand(3), torch.rand(3)))


@case
def custom_mutating():
    """A custom operator that changes an argument; as exported it is called as it is."""
    custom_library()

    @torch.library.register_fake("expc_test::accumulate")
    def accumulate(total, x, count):
        return torch.empty_like(x)

    class Accumulate(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("total", torch.zeros(3))

        def forward(self, x):
            y = x.clone()
            a = torch.ops.expc_test.accumulate(self.total, x, 2)
            torch.ops.expc_test.accumulate(y, a, 1)
            return a, y

    return with_library(program(Accumulate(), torch.rand(3), calls=[Call((torch.rand(3),))]))


@case
def custom_mutating_decomposed():
    """After decomposition the same becomes `auto_functionalized_v2`."""
    made = CASES["custom_mutating"]()
    made.decompose = True
    return made


@case
def custom_mutating_decomposed_v1():
    """The op's first version, which older releases wrote and this one writes when told to."""
    torch._export.config.enable_auto_functionalized_v2_for_export = False
    return CASES["custom_mutating_decomposed"]()


@case
def custom_nothing_returned():
    """A custom operator that only changes its arguments, a list among them; functionalized."""
    custom_library()

    @torch.library.register_fake("expc_test::scale_all")
    def scale_all(xs, optional, factor):
        return None

    def function(x, y):
        a, b = x.clone(), y * 2
        torch.ops.expc_test.scale_all([a, b], None, 3.0)
        torch.ops.expc_test.scale_all([a], b, 0.5)
        return a, b

    made = program(function, torch.rand(3), torch.rand(2))
    made.decompose = True
    return with_library(made)


@case
def gradients_of_cells():
    """Gradients of recurrent cells, with and without biases, as autograd calls them where it is differentiated itself."""

    def function(hidden, cell, gates, bias, before, after):
        lstm, gru = aten._thnn_differentiable_lstm_cell_backward, aten._thnn_differentiable_gru_cell_backward
        thirds = gates[:, :12].contiguous()
        return (
            lstm(hidden, cell, gates, gates.cos(), bias, bias.cos(), before, after),
            lstm(hidden, None, gates, gates.cos(), None, None, before, after),
            lstm(None, cell, gates, gates.cos(), None, None, before, after),
            gru(hidden, thirds, thirds.cos(), before, bias[:12], bias[4:]),
            gru(hidden, thirds, thirds.cos(), before, None, None),
        )

    sizes = [(2, 4), (2, 4), (2, 16), (16,), (2, 4), (2, 4)]
    return program(function, *(torch.randn(size) for size in sizes))


@case
def gradients_of_convolutions():
    """Gradients of convolutions in the order time, batch, channels, and gradients of gradients."""

    def function(gradient, x, weight, bias, images, kernel, transposed):
        over = torch.convolution(images, kernel, None, [2, 1], [1, 0], [1, 2], False, [0, 0], 2)
        back = torch.convolution(images, transposed, None, [2, 2], [1, 1], [1, 1], True, [1, 0], 1)
        double = aten._convolution_double_backward
        return (
            aten.conv_tbc_backward(gradient, x, weight, bias, 2),
            double(images.cos(), kernel.cos(), bias[:4], over, kernel, images, [2, 1], [1, 0], [1, 2], False, [0, 0], 2, [True] * 3),
            double(images.cos(), transposed.cos(), None, back, transposed, images, [2, 2], [1, 1], [1, 1], True, [1, 0], 1, [True] * 3),
        )  # fmt: skip

    sizes = [(7, 2, 4), (5, 2, 3), (3, 3, 4), (4,), (2, 4, 8, 7), (4, 2, 3, 3), (4, 3, 3, 3)]
    return program(function, *(torch.randn(size) for size in sizes))


@case
def gradients_of_norms():
    """Gradients of weight norms, batch norms and the exponential of a matrix, by the operators autograd has for them."""

    def function(x, gradient, weight, mean, variance, matrices):
        norms = gradient.norm(dim=(1, 2), keepdim=True)
        batch_norm = aten._batch_norm_impl_index_backward
        reserved = torch.empty(0, dtype=torch.uint8)
        every = [True, True, True]
        return (
            aten._weight_norm_differentiable_backward(x, gradient, weight[:2].view(2, 1, 1), norms, 0),
            batch_norm(0, x, gradient, weight, None, None, mean, variance, True, 1e-5, every, reserved),
            batch_norm(0, x, gradient, weight, mean, variance, None, None, False, 1e-5, every, reserved),
            aten.matrix_exp_backward(matrices, matrices.cos()),
        )

    return program(function, torch.randn(2, 3, 4), torch.randn(2, 3, 4), torch.randn(3), torch.randn(3), torch.rand(3), torch.randn(2, 3, 3))


@case
def gradients_that_are_sparse():
    """Gradients of embeddings and of `gather` that hold what is not zero."""

    def function(gradient, rows, bags, sizes, weights, index):
        bag = aten._embedding_bag_sparse_backward
        return (
            aten.embedding_sparse_backward(gradient, rows, 5, -1, False).to_dense(),
            bag(gradient[:2], rows, rows, bags, sizes, 5, False, 0, weights).to_dense(),
            bag(gradient[:2], rows, rows, bags, sizes, 5, False, 1, None).to_dense(),
            aten._gather_sparse_backward(gradient, 1, index, gradient[:2, :2]).to_dense(),
            torch.sparse_coo_tensor(index, gradient[:2], [4, 4, 4]).to_dense(),
        )

    integers = [torch.tensor(values) for values in ([0, 1, 3], [0, 0, 1], [2, 1])]
    index = torch.tensor([[0, 3], [1, 0]])
    return program(function, torch.randn(3, 4), *integers, torch.randn(3), index)

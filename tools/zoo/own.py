"""Networks of kinds that the packages lack: diffusion, graphs, recommendation, flows, control flow and more."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from zoo import Model

AUTO = torch.export.Dim.AUTO
BATCH = {0: AUTO}
LENGTH = {0: AUTO, 1: AUTO}


# Images


class ResidualBlock(nn.Module):
    """Two normalized convolutions with the time step added between them."""

    def __init__(self, channels_in: int, channels: int, width: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, channels_in), nn.GroupNorm(4, channels)
        self.conv1, self.conv2 = nn.Conv2d(channels_in, channels, 3, padding=1), nn.Conv2d(channels, channels, 3, padding=1)
        self.time = nn.Linear(width, channels)
        self.skip = nn.Conv2d(channels_in, channels, 1) if channels_in != channels else nn.Identity()

    def forward(self, x, step):
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.time(F.silu(step))[:, :, None, None]
        return self.skip(x) + self.conv2(F.silu(self.norm2(h)))


class PixelAttention(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.GroupNorm(4, channels)
        self.qkv, self.out = nn.Conv2d(channels, 3 * channels, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        batch, channels, height, width = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(batch, 3, channels, height * width).permute(1, 0, 3, 2)
        h = F.scaled_dot_product_attention(q, k, v)
        return x + self.out(h.transpose(1, 2).reshape(batch, channels, height, width))


class DiffusionUnet(nn.Module):
    """Predicts the noise of an image at a time step, then takes one step of the sampler."""

    def __init__(self, channels: int = 16, width: int = 32):
        super().__init__()
        self.width = width
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        self.down1, self.down2 = ResidualBlock(channels, channels, width), ResidualBlock(channels, 2 * channels, width)
        self.shrink = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.middle = PixelAttention(2 * channels)
        self.up1, self.up2 = ResidualBlock(4 * channels, channels, width), ResidualBlock(2 * channels, channels, width)
        self.last = nn.Conv2d(channels, 3, 3, padding=1)
        betas = torch.linspace(1e-4, 0.02, 100)
        self.register_buffer("kept", torch.cumprod(1 - betas, 0))

    def forward(self, x, step):
        half = self.width // 2
        angles = step[:, None].float() * torch.exp(-math.log(10000.0) * torch.arange(half) / half)
        time = self.time(torch.cat([angles.cos(), angles.sin()], dim=-1))
        high = self.down1(self.first(x), time)
        low = self.down2(self.shrink(high), time)
        h = self.up1(torch.cat([self.middle(low), low], dim=1), time)
        h = self.up2(torch.cat([F.interpolate(h, scale_factor=2.0, mode="nearest"), high], dim=1), time)
        noise = self.last(h)
        kept = self.kept[step][:, None, None, None]
        return noise, ((x - (1 - kept).sqrt() * noise) / kept.sqrt()).clamp(-1, 1)


class VectorQuantized(nn.Module):
    """An autoencoder whose code is the nearest of a table of vectors."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 4, 2, 1))
        self.codes = nn.Embedding(32, 8)
        self.decoder = nn.Sequential(nn.ConvTranspose2d(8, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 3, 4, 2, 1))

    def forward(self, x):
        z = self.encoder(x).permute(0, 2, 3, 1)
        distances = torch.cdist(z.reshape(-1, 8), self.codes.weight)
        found = distances.argmin(dim=1)
        quantized = self.codes(found).view_as(z)
        loss = F.mse_loss(quantized, z.detach()) + 0.25 * F.mse_loss(quantized.detach(), z)
        quantized = z + (quantized - z).detach()
        usage = F.one_hot(found, 32).float().mean(0)
        perplexity = torch.exp(-(usage * (usage + 1e-10).log()).sum())
        return self.decoder(quantized.permute(0, 3, 1, 2)).tanh(), loss, perplexity, found


class ModulatedConv(nn.Module):
    """A convolution whose weights depend on a style, one group per image."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.style = nn.Linear(width, channels)
        self.weight = nn.Parameter(torch.randn(channels, channels, 3, 3))

    def forward(self, x, style):
        batch, channels, height, width = x.shape
        weight = self.weight[None] * (self.style(style) + 1)[:, None, :, None, None]
        weight = weight * torch.rsqrt(weight.pow(2).sum([2, 3, 4], keepdim=True) + 1e-8)
        x = F.conv2d(x.reshape(1, -1, height, width), weight.reshape(-1, channels, 3, 3), padding=1, groups=batch)
        return x.reshape(batch, channels, height, width)


class Generator(nn.Module):
    """Images from noise, with styles and upsampling."""

    def __init__(self):
        super().__init__()
        self.mapping = nn.Sequential(nn.Linear(16, 16), nn.LeakyReLU(0.2), nn.Linear(16, 16), nn.LeakyReLU(0.2))
        self.constant = nn.Parameter(torch.randn(1, 8, 4, 4))
        self.convs = nn.ModuleList(ModulatedConv(8, 16) for _ in range(3))
        self.out = nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)
        self.shuffle = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, z):
        style = self.mapping(F.normalize(z, dim=1))
        x = self.constant.expand(z.shape[0], -1, -1, -1)
        for conv in self.convs:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = F.leaky_relu(conv(x, style), 0.2) * math.sqrt(2)
        return torch.tanh(self.shuffle(self.out(x)))


class SpatialTransformer(nn.Module):
    """Straightens an image by a transformation that it predicts, then classifies it."""

    def __init__(self):
        super().__init__()
        self.where = nn.Sequential(nn.Conv2d(1, 4, 5), nn.MaxPool2d(2), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64, 6))
        self.classify = nn.Sequential(nn.Conv2d(1, 4, 5), nn.MaxPool2d(2), nn.ReLU(), nn.AdaptiveMaxPool2d(3), nn.Flatten(), nn.Linear(36, 10))

    def forward(self, x):
        theta = self.where(x).view(-1, 2, 3) * 0.1 + torch.eye(2, 3)
        grid = F.affine_grid(theta, x.size(), align_corners=False)
        return F.log_softmax(self.classify(F.grid_sample(x, grid, padding_mode="border", align_corners=False)), dim=1)


class Capsules(nn.Module):
    """Three rounds of routing by agreement."""

    def __init__(self):
        super().__init__()
        self.primary = nn.Conv2d(1, 32, 9, stride=2)
        self.weight = nn.Parameter(torch.randn(1, 10, 128, 16, 8) * 0.05)

    @staticmethod
    def squash(x):
        norm = (x * x).sum(-1, keepdim=True)
        return x * norm.sqrt() / (1 + norm)

    def forward(self, x):
        capsules = self.squash(self.primary(x).view(x.shape[0], 4, 8, -1).transpose(2, 3).reshape(x.shape[0], -1, 8)[:, :128])
        votes = (self.weight @ capsules[:, None, :, :, None]).squeeze(-1)
        logits = torch.zeros_like(votes[..., :1])
        for _ in range(3):
            out = self.squash((logits.softmax(dim=1) * votes).sum(dim=2, keepdim=True))
            logits = logits + (votes * out).sum(-1, keepdim=True)
        return out.squeeze(2).norm(dim=-1)


class UNet3d(nn.Module):
    """Segments volumes."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.InstanceNorm3d(4, affine=True), nn.PReLU())
        self.low = nn.Sequential(nn.MaxPool3d(2), nn.Conv3d(4, 8, 3, padding=1), nn.BatchNorm3d(8), nn.ELU())
        self.up, self.out = nn.ConvTranspose3d(8, 4, 2, stride=2), nn.Conv3d(8, 3, 1)

    def forward(self, x):
        high = self.down(x)
        return self.out(torch.cat([high, self.up(self.low(high))], dim=1)).argmax(dim=1), high.mean((2, 3, 4))


# Sequences


class AttentionTranslator(nn.Module):
    """Recurrent encoder, recurrent decoder with additive attention, as before transformers."""

    def __init__(self, vocabulary: int = 50, width: int = 16):
        super().__init__()
        self.source, self.target = nn.Embedding(vocabulary, width), nn.Embedding(vocabulary, width)
        self.encoder = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.bridge, self.query, self.key = nn.Linear(2 * width, width), nn.Linear(width, width), nn.Linear(2 * width, width)
        self.energy = nn.Linear(width, 1)
        self.cell, self.out = nn.LSTMCell(3 * width, width), nn.Linear(width, vocabulary)

    def forward(self, source, target):
        states, last = self.encoder(self.source(source))
        hidden = torch.tanh(self.bridge(torch.cat([last[0], last[1]], dim=1)))
        cell, keys, outputs = torch.zeros_like(hidden), self.key(states), []
        for position in range(4):
            scores = self.energy(torch.tanh(self.query(hidden)[:, None] + keys)).squeeze(-1)
            weights = scores.masked_fill(source == 0, float("-inf")).softmax(-1)
            context = torch.bmm(weights[:, None], states).squeeze(1)
            hidden, cell = self.cell(torch.cat([self.target(target[:, position]), context], dim=1), (hidden, cell))
            outputs.append(self.out(hidden))
        return torch.stack(outputs, dim=1), weights


class Recurrent(nn.Module):
    """A stack of each recurrent layer there is."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 8, 2, batch_first=True, bidirectional=True, proj_size=4)
        self.gru, self.rnn = nn.GRU(8, 8, 2, batch_first=True), nn.RNN(8, 8, nonlinearity="relu", batch_first=True)

    def forward(self, x):
        x, (hidden, cell) = self.lstm(x)
        x, other = self.gru(x)
        x, last = self.rnn(x)
        return x, hidden, cell, other, last


class WaveNet(nn.Module):
    """Dilated causal convolutions with gates."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(1, 8, 1)
        self.dilated = nn.ModuleList(nn.utils.parametrizations.weight_norm(nn.Conv1d(8, 16, 2, dilation=2**i)) for i in range(4))
        self.skips = nn.ModuleList(nn.Conv1d(8, 8, 1) for _ in range(4))
        self.out = nn.Conv1d(8, 16, 1)

    def forward(self, x):
        x, total = self.first(x), 0
        for conv, skip in zip(self.dilated, self.skips, strict=True):
            a, b = conv(F.pad(x, (conv.dilation[0], 0))).chunk(2, dim=1)
            h = skip(torch.tanh(a) * torch.sigmoid(b))
            x, total = x + h, total + h
        return self.out(F.relu(total))


class SpectrogramClassifier(nn.Module):
    """Short-time Fourier transform, mel filters, convolutions."""

    def __init__(self):
        super().__init__()
        self.register_buffer("window", torch.hann_window(64))
        self.register_buffer("filters", torch.rand(33, 12))
        self.conv = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Hardswish(), nn.AdaptiveAvgPool2d((4, 4)))
        self.out = nn.Linear(64, 5)

    def forward(self, x):
        spectrum = torch.stft(x, 64, hop_length=16, window=self.window, return_complex=True, center=True)
        mel = torch.einsum("bft,fm->bmt", spectrum.abs() ** 2, self.filters)
        mel = torch.log10(mel.clamp(min=1e-6))
        mel = (mel - mel.mean((1, 2), keepdim=True)) / mel.std((1, 2), keepdim=True)
        return self.out(self.conv(mel[:, None]).flatten(1))


class LongConvolution(nn.Module):
    """Convolutions as long as the sequence, by Fourier transform, with gates."""

    def __init__(self, width: int = 8):
        super().__init__()
        self.split, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.short = nn.Conv1d(3 * width, 3 * width, 3, padding=2, groups=3 * width)
        self.decay, self.filter = nn.Parameter(torch.rand(width)), nn.Parameter(torch.randn(width, 64) * 0.2)

    def forward(self, x):
        length = x.shape[1]
        u = self.short(self.split(x).transpose(1, 2))[..., :length]
        a, b, v = u.chunk(3, dim=1)
        kernel = self.filter[:, :length] * torch.exp(-self.decay[:, None] * torch.arange(length))
        y = torch.fft.irfft(torch.fft.rfft(b * v, n=2 * length) * torch.fft.rfft(kernel, n=2 * length), n=2 * length)
        return self.out((a * y[..., :length]).transpose(1, 2))


class MixtureOfExperts(nn.Module):
    """Each token goes to two of four experts; what they give is added up by index."""

    def __init__(self, width: int = 8, experts: int = 4):
        super().__init__()
        self.gate = nn.Linear(width, experts)
        self.up, self.down = nn.Parameter(torch.randn(experts, width, 16) * 0.3), nn.Parameter(torch.randn(experts, 16, width) * 0.3)

    def forward(self, x):
        flat = x.reshape(-1, x.shape[-1])
        weights, chosen = self.gate(flat).softmax(-1).topk(2, dim=-1)
        weights = weights / weights.sum(-1, keepdim=True)
        order = chosen.reshape(-1).argsort(stable=True)
        tokens, expert = order // 2, chosen.reshape(-1)[order]
        h = torch.bmm(F.gelu(torch.bmm(flat[tokens][:, None], self.up[expert])), self.down[expert]).squeeze(1)
        mixed = torch.zeros_like(flat).index_add(0, tokens, h * weights.reshape(-1)[order][:, None])
        return mixed.view_as(x), torch.bincount(chosen.reshape(-1), minlength=4)


class TorchTransformer(nn.Module):
    """PyTorch's own encoder and decoder layers."""

    def __init__(self):
        super().__init__()
        self.model = nn.Transformer(16, 4, 1, 1, 32, batch_first=True, norm_first=True)

    def forward(self, source, target):
        length = target.shape[1]
        mask = torch.full((length, length), float("-inf")).triu(1)
        return self.model(source, target, tgt_mask=mask, tgt_is_causal=True)


# Graphs, sets, tables


class GraphAttention(nn.Module):
    """Messages along edges, weighted by a softmax over the edges that meet in a node."""

    def __init__(self, width: int = 8):
        super().__init__()
        self.project, self.receive, self.send = nn.Linear(width, width), nn.Linear(width, 1), nn.Linear(width, 1)
        self.out = nn.Linear(2 * width, 3)

    def forward(self, nodes, edges, graph):
        source, target = edges
        h, count = self.project(nodes), nodes.shape[0]
        score = F.leaky_relu(self.receive(h)[target] + self.send(h)[source], 0.2).squeeze(-1)
        peak = torch.full((count,), float("-inf")).scatter_reduce(0, target, score, "amax")
        weight = torch.exp(score - peak[target])
        total = torch.zeros(count).index_add(0, target, weight)
        message = h[source] * (weight / total[target])[:, None]
        h = F.elu(torch.zeros_like(h).scatter_add(0, target[:, None].expand_as(message), message))
        pooled = torch.zeros(2, h.shape[1]).index_reduce(0, graph, h, "mean", include_self=False)
        top = torch.zeros(2, h.shape[1]).scatter_reduce(0, graph[:, None].expand_as(h), h, "amax", include_self=False)
        return self.out(torch.cat([pooled, top], dim=1)), weight


class Recommender(nn.Module):
    """Bags of categories, pairwise products, a deep and a wide part."""

    def __init__(self):
        super().__init__()
        self.bags = nn.ModuleList(nn.EmbeddingBag(20, 8, mode=mode) for mode in ("sum", "mean", "max"))
        self.bottom = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU())
        self.top = nn.Sequential(nn.Linear(14, 16), nn.ReLU(), nn.Linear(16, 1))
        self.wide = nn.EmbeddingBag(50, 1, mode="sum", padding_idx=0)

    def forward(self, dense, categories, crossed):
        parts = [self.bottom(dense)] + [bag(categories[:, i]) for i, bag in enumerate(self.bags)]
        stacked = torch.stack(parts, dim=1)
        products = torch.bmm(stacked, stacked.transpose(1, 2))
        rows, columns = torch.tril_indices(4, 4, offset=-1)
        deep = self.top(torch.cat([parts[0], products[:, rows, columns]], dim=1))
        return torch.sigmoid(deep + self.wide(crossed))


class PointNet(nn.Module):
    """Classifies sets of points; groups around the farthest ones."""

    def __init__(self):
        super().__init__()
        self.local = nn.Sequential(nn.Conv1d(3, 16, 1), nn.BatchNorm1d(16), nn.ReLU(), nn.Conv1d(16, 16, 1))
        self.out = nn.Sequential(nn.Linear(16, 8), nn.LayerNorm(8), nn.Mish(), nn.Linear(8, 4))

    def forward(self, points):
        centers, far = [torch.zeros(points.shape[0], dtype=torch.int64)], torch.full(points.shape[:2], 1e10)
        for _ in range(3):
            chosen = points.gather(1, centers[-1][:, None, None].expand(-1, 1, 3))
            far = torch.minimum(far, ((points - chosen) ** 2).sum(-1))
            centers.append(far.argmax(1))
        chosen = points.gather(1, torch.stack(centers, 1)[..., None].expand(-1, -1, 3))
        near = torch.cdist(chosen, points).topk(4, largest=False).indices
        groups = torch.take_along_dim(points[:, None], near[..., None], dim=2) - chosen[:, :, None]
        features = self.local(groups.flatten(1, 2).transpose(1, 2))
        return self.out(features.amax(-1)), near


class SetTransformer(nn.Module):
    """Induced attention over sets of which some members are missing."""

    def __init__(self):
        super().__init__()
        self.seeds = nn.Parameter(torch.randn(1, 4, 16))
        self.gather, self.spread = nn.MultiheadAttention(16, 4, batch_first=True), nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, x, missing):
        seeds = self.seeds.expand(x.shape[0], -1, -1)
        induced, weights = self.gather(seeds, x, x, key_padding_mask=missing, average_attn_weights=False)
        return self.spread(x, induced, induced, need_weights=False)[0], weights


# Probability, physics, control


class CouplingFlow(nn.Module):
    """A normalizing flow: the density of a sample and the way back."""

    def __init__(self, width: int = 6):
        super().__init__()
        self.nets = nn.ModuleList(nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 6)) for _ in range(4))
        self.register_buffer("order", torch.randperm(width))
        self.mix = nn.Parameter(torch.eye(width) + 0.1 * torch.randn(width, width))

    def forward(self, x):
        total = torch.zeros(x.shape[0])
        for net in self.nets:
            x = x[:, self.order]
            a, b = x.split(3, dim=1)
            scale, shift = net(a).chunk(2, dim=1)
            x = torch.cat([a, b * torch.exp(scale.tanh()) + shift], dim=1)
            total = total + scale.tanh().sum(1)
        x = x @ self.mix
        total = total + torch.linalg.slogdet(self.mix).logabsdet
        density = -0.5 * (x * x + math.log(2 * math.pi)).sum(1) + total
        return density, torch.linalg.solve(self.mix.T, x.T).T


class RadianceField(nn.Module):
    """Renders rays through a field that a small network describes."""

    def __init__(self):
        super().__init__()
        self.field = nn.Sequential(nn.Linear(36, 32), nn.Softplus(), nn.Linear(32, 4))
        self.register_buffer("frequencies", 2.0 ** torch.arange(6))

    def forward(self, origins, directions):
        depth = torch.linspace(0.5, 3.0, 8)
        points = origins[:, None] + F.normalize(directions, dim=-1)[:, None] * depth[:, None]
        encoded = (points[..., None] * self.frequencies).flatten(-2)
        raw = self.field(torch.cat([encoded.sin(), encoded.cos()], dim=-1))
        step = torch.cat([depth.diff(), torch.full((1,), 1e3)])
        alpha = 1 - torch.exp(-F.relu(raw[..., 3]) * step)
        light = torch.cumprod(torch.cat([torch.ones_like(alpha[:, :1]), 1 - alpha + 1e-10], dim=1), dim=1)[:, :-1]
        weights = alpha * light
        return (weights[..., None] * raw[..., :3].sigmoid()).sum(1), (weights * depth).sum(1)


class GaussianProcess(nn.Module):
    """Mean and variance at new points, by a Cholesky factor."""

    def __init__(self):
        super().__init__()
        self.scale, self.noise = nn.Parameter(torch.tensor(0.7)), nn.Parameter(torch.tensor(-2.0))

    def kernel(self, a, b):
        return torch.exp(-0.5 * torch.cdist(a / self.scale, b / self.scale) ** 2)

    def forward(self, x, y, new):
        factor = torch.linalg.cholesky(self.kernel(x, x) + F.softplus(self.noise) * torch.eye(x.shape[0]))
        cross = self.kernel(x, new)
        mean = cross.T @ torch.cholesky_solve(y[:, None], factor)
        half = torch.linalg.solve_triangular(factor, cross, upper=False)
        return mean.squeeze(1), (1 - (half * half).sum(0)).clamp(min=0)


class ActorCritic(nn.Module):
    """Images of a game to the chances of each action and the worth of the state; keeps a mean of what it saw."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(4, 8, 8, 4), nn.ReLU(), nn.Conv2d(8, 8, 4, 2), nn.ReLU(), nn.Flatten())
        self.actor, self.critic = nn.Linear(72, 5), nn.Linear(72, 1)
        self.register_buffer("mean", torch.zeros(4, 1, 1))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, frames, allowed):
        x = frames.float() / 255
        self.seen += 1
        self.mean.lerp_(x.mean((0, 2, 3), keepdim=True).squeeze(0), 0.1)
        h = self.body(x - self.mean)
        logits = self.actor(h).masked_fill(~allowed, -1e9)
        chances = logits.log_softmax(-1)
        return chances, -(chances.exp() * chances).sum(-1), self.critic(h).squeeze(-1), logits.argmax(-1)


class QuantizedMlp(nn.Module):
    """Weights of 8 and of 4 bits, scaled per row and per group; activations scaled on the fly."""

    def __init__(self):
        super().__init__()
        self.register_buffer("weight8", torch.randint(-128, 128, (32, 16), dtype=torch.int8))
        self.register_buffer("scale8", torch.rand(32, 1) * 0.02)
        self.register_buffer("weight4", torch.randint(0, 256, (8, 16), dtype=torch.uint8))
        self.register_buffer("scale4", torch.rand(8, 4, 1) * 0.1)

    def forward(self, x):
        step = x.abs().amax(-1, keepdim=True).clamp(min=1e-5) / 127
        quantized = (x / step).round().clamp(-128, 127).to(torch.int8)
        h = (quantized.int()[:, None] * self.weight8.int()).sum(-1).float() * step * self.scale8.T
        low, high = (self.weight4 & 15).to(torch.int8) - 8, (self.weight4 >> 4).to(torch.int8) - 8
        weight = torch.stack([low, high], dim=-1).view(8, 4, 8) * self.scale4
        return F.relu(h).to(torch.bfloat16) @ weight.view(8, 32).T.to(torch.bfloat16)


class EarlyExit(nn.Module):
    """Chooses one of two ways in, then refines until sure enough, at most eight times."""

    def __init__(self):
        super().__init__()
        self.step, self.easy, self.hard = nn.Linear(8, 8), nn.Linear(8, 8), nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))

    def forward(self, x):
        def unsure(count, x, change):
            return (count < 8) & (change > 0.05)

        def refine(count, x, change):
            new = torch.tanh(self.step(x)) * 0.5 + x * 0.5
            return count + 1, new, (new - x).abs().amax()

        x = torch.cond(x.abs().mean() < 0.7, lambda x: self.easy(x), lambda x: self.hard(x), (x,))
        start = (torch.zeros((), dtype=torch.int64), x.clone(), torch.ones(()))
        count, x, change = torch.while_loop(unsure, refine, start)
        return x, count, change


class NeuralOde(nn.Module):
    """Four steps of a Runge-Kutta method."""

    def __init__(self):
        super().__init__()
        self.field = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 2))

    def forward(self, x):
        step = 0.25
        for number in range(4):
            def slope(x, t):
                return self.field(torch.cat([x, torch.full_like(x[:, :1], t)], dim=1))

            t = number * step
            a = slope(x, t)
            b = slope(x + step / 2 * a, t + step / 2)
            c = slope(x + step / 2 * b, t + step / 2)
            x = x + step / 6 * (a + 2 * b + 2 * c + slope(x + step * c, t + step))
        return x


class Tagger(nn.Module):
    """A conditional random field: the score of all taggings and the best one."""

    def __init__(self, tags: int = 5):
        super().__init__()
        self.words, self.emit = nn.Embedding(40, 8), nn.Linear(8, tags)
        self.move = nn.Parameter(torch.randn(tags, tags))

    def forward(self, words):
        emissions = self.emit(self.words(words)).unbind(1)
        total = best = emissions[0]
        back = []
        for emission in emissions[1:]:
            total = torch.logsumexp(total[:, :, None] + self.move + emission[:, None], dim=1)
            best, from_tag = (best[:, :, None] + self.move).max(dim=1)
            best = best + emission
            back.append(from_tag)
        path = [best.argmax(1)]
        for from_tag in reversed(back):
            path.append(from_tag.gather(1, path[-1][:, None]).squeeze(1))
        return total.logsumexp(1), torch.stack(path[::-1], dim=1)


def tokens(batch: int, length: int, below: int = 40) -> torch.Tensor:
    return torch.randint(1, below, (batch, length))


def graph(batch: int, length: int) -> tuple:
    """Nodes, edges that reach each node at least once, and the graph of each node."""
    edges = torch.cat([torch.arange(length).expand(2, length), torch.randint(0, length, (2, 2 * length + batch))], dim=1)
    return torch.randn(length, 8), edges, (torch.arange(length) * 2 // length)


def images(channels: int, size: int):
    return lambda batch, _: (torch.rand(batch, channels, size, size),)


# Per name: the class, its arguments for a batch and a length, and what may vary.
MODELS = {
    "diffusion_unet": (DiffusionUnet, lambda b, n: (torch.randn(b, 3, 16, 16), torch.randint(0, 100, (b,))), (BATCH, BATCH)),
    "vector_quantized": (VectorQuantized, images(3, 16), (BATCH,)),
    "generator": (Generator, lambda b, n: (torch.randn(b, 16),), (BATCH,)),
    "spatial_transformer": (SpatialTransformer, images(1, 28), (BATCH,)),
    "capsules": (Capsules, images(1, 28), (BATCH,)),
    "volume_segmentation": (UNet3d, lambda b, n: (torch.rand(b, 1, 8, 8, 8),), (BATCH,)),
    "attention_translator": (AttentionTranslator, lambda b, n: (tokens(b, 16), tokens(b, 4)), (BATCH, BATCH)),
    "recurrent": (Recurrent, lambda b, n: (torch.randn(b, 16, 8),), (BATCH,)),
    "wave_net": (WaveNet, lambda b, n: (torch.randn(b, 1, 4 * n),), ({0: AUTO, 2: AUTO},)),
    "spectrogram_classifier": (SpectrogramClassifier, lambda b, n: (torch.randn(b, 40 * n),), (LENGTH,)),
    "long_convolution": (LongConvolution, lambda b, n: (torch.randn(b, n, 8),), (LENGTH,)),
    "mixture_of_experts": (MixtureOfExperts, lambda b, n: (torch.randn(b, n, 8),), (LENGTH,)),
    "torch_transformer": (TorchTransformer, lambda b, n: (torch.randn(b, n, 16), torch.randn(b, n // 2, 16)), (LENGTH, LENGTH)),
    "graph_attention": (GraphAttention, graph, ({0: AUTO}, {1: AUTO}, {0: AUTO})),
    "recommender": (Recommender, lambda b, n: (torch.randn(b, 5), tokens(b, 12, 20).view(b, 3, 4), tokens(b, 6, 50)), (BATCH, BATCH, BATCH)),
    "point_net": (PointNet, lambda b, n: (torch.randn(2, 2 * n, 3),), ({1: AUTO},)),
    "set_transformer": (SetTransformer, lambda b, n: (torch.randn(b, n, 16), torch.arange(n).expand(b, n) > n - 3), (LENGTH, LENGTH)),
    "coupling_flow": (CouplingFlow, lambda b, n: (torch.randn(b, 6),), (BATCH,)),
    "radiance_field": (RadianceField, lambda b, n: (torch.randn(b, 3), torch.randn(b, 3)), (BATCH, BATCH)),
    "gaussian_process": (GaussianProcess, lambda b, n: (torch.randn(n, 3), torch.randn(n), torch.randn(b, 3)), ({0: AUTO}, {0: AUTO}, {0: AUTO})),
    "actor_critic": (ActorCritic, lambda b, n: (torch.randint(0, 256, (b, 4, 36, 36), dtype=torch.uint8), torch.rand(b, 5) > 0.3), (BATCH, BATCH)),
    "quantized_mlp": (QuantizedMlp, lambda b, n: (torch.randn(b, 16),), (BATCH,)),
    "early_exit": (EarlyExit, lambda b, n: (torch.randn(b, 8),), (BATCH,)),
    "neural_ode": (NeuralOde, lambda b, n: (torch.randn(b, 2),), (BATCH,)),
    "tagger": (Tagger, lambda b, n: (tokens(b, 6),), (BATCH,)),
}  # fmt: skip

NAMES = list(MODELS)


def make(name: str) -> Model:
    build, arguments, dynamic = MODELS[name]
    return Model(build().eval(), lambda batch, length: (arguments(batch, length), {}), dynamic)

"""Times `torch.export.export` of the models that `benches/trace.rs` traces.

    .deps/venv/bin/python benches/compare_trace.py [--rounds N]

One line for each model: the median of the rounds after a first one that is not counted. The models have the layers and
sizes of those in `trace.rs`; run both on the same machine, one after the other.
"""

import argparse
import statistics
import time

import torch
from torch import nn


class Bottleneck(nn.Module):
    """Three convolutions and a short cut."""

    def __init__(self, c_in: int, width: int, stride: int) -> None:
        super().__init__()
        c_out = 4 * width
        self.conv1 = nn.Conv2d(c_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(c_out)
        self.downsample = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        return (y + shortcut).relu()


def resnet50() -> tuple[nn.Module, tuple]:
    blocks, c_in = [], 64
    for stage, count in enumerate([3, 4, 6, 3]):
        width = 64 << stage
        for block in range(count):
            blocks.append(Bottleneck(c_in, width, 2 if stage > 0 and block == 0 else 1))
            c_in = 4 * width
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c_in, 1000)]
    return nn.Sequential(*stem, *blocks, *head).eval(), (torch.randn(2, 3, 224, 224),)


class Layer(nn.Module):
    """Self attention and two linear layers, each behind a normalization."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        y = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))


def transformer24() -> tuple[nn.Module, tuple]:
    return nn.Sequential(*(Layer(256, 8) for _ in range(24))).eval(), (torch.randn(2, 64, 256),)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    for make in [resnet50, transformer24]:
        module, inputs = make()
        times = []
        for _ in range(rounds + 1):
            start = time.perf_counter()
            torch.export.export(module, inputs)
            times.append(time.perf_counter() - start)
        print(f"{make.__name__:16} {statistics.median(times[1:]) * 1000:.1f} ms")


if __name__ == "__main__":
    main()

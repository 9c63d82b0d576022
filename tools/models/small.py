"""Recurrent networks and deep stacks of small layers."""

from torch import nn


class Lstm(nn.Module):
    def __init__(self, vocabulary: int = 1000, width: int = 128, layers: int = 2):
        super().__init__()
        self.word = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, width, layers, batch_first=True)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, tokens):
        x, (hidden, cell) = self.lstm(self.word(tokens))
        return self.head(x[:, -1]), hidden, cell


def mlp(layers: int = 64, width: int = 32) -> nn.Module:
    """Linear and ReLU in turn, so small that the time goes into everything but arithmetic."""
    return nn.Sequential(*(part for _ in range(layers) for part in (nn.Linear(width, width), nn.ReLU())))


def linears(layers: int = 1024, width: int = 8) -> nn.Module:
    """Nothing but many weights: what loading costs."""
    return nn.Sequential(*(nn.Linear(width, width) for _ in range(layers)))

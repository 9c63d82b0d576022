"""Transformers: an encoder in BERT's manner, a decoder in GPT-2's, and a decoder that keeps its keys and values."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Multi-head attention with separate projections (BERT) or one for all three (GPT-2)."""

    def __init__(self, width: int, heads: int, joint: bool, causal: bool):
        super().__init__()
        self.heads, self.joint, self.causal = heads, joint, causal
        if joint:
            self.qkv = nn.Linear(width, 3 * width)
        else:
            self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)

    def forward(self, x, mask=None):
        batch, length, width = x.shape
        parts = self.qkv(x).split(width, dim=2) if self.joint else (self.query(x), self.key(x), self.value(x))
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in parts)
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=self.causal)
        return self.out(x.transpose(1, 2).reshape(batch, length, width))


class FeedForward(nn.Module):
    def __init__(self, width: int, approximate: str):
        super().__init__()
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gelu = nn.GELU(approximate)

    def forward(self, x):
        return self.down(self.gelu(self.up(x)))


class EncoderLayer(nn.Module):
    """Normalizes after each part, as BERT does."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = Attention(width, heads, joint=False, causal=False)
        self.feed_forward = FeedForward(width, "none")
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x, mask):
        x = self.norm1(x + self.dropout(self.attention(x, mask)))
        return self.norm2(x + self.dropout(self.feed_forward(x)))


class Bert(nn.Module):
    def __init__(self, vocabulary: int = 30522, width: int = 512, layers: int = 4, heads: int = 8, length: int = 512):
        super().__init__()
        self.word = nn.Embedding(vocabulary, width, padding_idx=0)
        self.position = nn.Embedding(length, width)
        self.kind = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(width, heads) for _ in range(layers))
        self.pooler = nn.Linear(width, width)
        self.register_buffer("position_ids", torch.arange(length).unsqueeze(0), persistent=False)

    def forward(self, input_ids, attention_mask, token_type_ids):
        length = input_ids.shape[1]
        x = self.word(input_ids) + self.position(self.position_ids[:, :length]) + self.kind(token_type_ids)
        x = self.norm(x)
        # Added to the scores: 0 where attended to, the smallest number elsewhere.
        mask = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        for layer in self.layers:
            x = layer(x, mask)
        return {"last_hidden_state": x, "pooled": torch.tanh(self.pooler(x[:, 0]))}


class DecoderLayer(nn.Module):
    """Normalizes before each part, as GPT-2 does."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = Attention(width, heads, joint=True, causal=True)
        self.feed_forward = FeedForward(width, "tanh")
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.feed_forward(self.norm2(x))


class Gpt2(nn.Module):
    """The output layer shares the embedding's weight."""

    def __init__(self, vocabulary: int = 50257, width: int = 768, layers: int = 12, heads: int = 12, length: int = 1024):
        super().__init__()
        self.word = nn.Embedding(vocabulary, width)
        self.position = nn.Embedding(length, width)
        self.layers = nn.ModuleList(DecoderLayer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.word.weight
        nn.init.normal_(self.word.weight, std=0.02)

    def forward(self, input_ids):
        x = self.word(input_ids) + self.position(torch.arange(input_ids.shape[1], device=input_ids.device))
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


class CachedDecoder(nn.Module):
    """One layer of attention that writes keys and values into buffers; `position` is where this call's tokens go."""

    def __init__(self, vocabulary: int = 64, width: int = 16, heads: int = 2, length: int = 8):
        super().__init__()
        self.heads, self.width = heads, width
        self.word = nn.Embedding(vocabulary, width)
        self.qkv = nn.Linear(width, 3 * width)
        self.head = nn.Linear(width, vocabulary)
        self.register_buffer("k_cache", torch.zeros(1, heads, length, width // heads))
        self.register_buffer("v_cache", torch.zeros(1, heads, length, width // heads), persistent=False)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, token, position):
        parts = self.qkv(self.word(token)).split(self.width, dim=2)
        q, k, v = (part.view(1, token.shape[1], self.heads, -1).transpose(1, 2) for part in parts)
        self.k_cache.index_copy_(2, position, k)
        self.v_cache[:, :, position] = v
        self.seen.add_(token.shape[1])
        scores = q @ self.k_cache.transpose(2, 3) / math.sqrt(q.shape[-1])
        hidden = torch.arange(self.k_cache.shape[2])[None, :] > position[:, None]
        scores = scores.masked_fill(hidden, float("-inf"))
        x = (scores.softmax(-1) @ self.v_cache).transpose(1, 2).flatten(2)
        return self.head(x)

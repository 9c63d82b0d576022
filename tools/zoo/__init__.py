"""Definitions of the model zoo; `tools/make_zoo.py` writes them as programs."""

import dataclasses
from collections.abc import Callable

import torch


@dataclasses.dataclass
class Model:
    """A network, arguments for it, and which of their dimensions may vary.

    `arguments` gets the batch and the length (of sequences, clips and the like) of a call; `dynamic_shapes` is
    as `torch.export.export` takes it, None where nothing may vary.
    """

    module: torch.nn.Module
    arguments: Callable[[int, int], tuple[tuple, dict]]
    dynamic_shapes: object = None
    # Batch and length of the call that is exported, and of a further one if dimensions vary.
    sizes: tuple[int, int] = (2, 16)
    other_sizes: tuple[int, int] = (3, 11)
    # Further calls that find the state which the calls before left.
    calls: list[tuple] = dataclasses.field(default_factory=list)

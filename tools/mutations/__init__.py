"""Small programs that write to tensors in place. Every file adds its own to `CASES`."""

from collections.abc import Callable

import torch

import cases
from cases import WithBuffers
from corpus import Call, Program

CASES = cases.Registry()
case = CASES.case


def another(value):
    """An argument like `value` with other numbers in it."""
    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return value
    return torch.rand_like(value) * 3 - 1


def program(function: Callable, *args, **options) -> Program:
    """A program of a module, or of a function of tensors, with a second call that finds the state of the first."""
    options.setdefault("calls", [Call(tuple(another(value) for value in args))])
    return cases.program(function, *args, **options)


def writes(name: str, function: Callable, *shape: int, note: str = "") -> None:
    """Registers a program that writes to a copy of a tensor of this shape, and returns what `function` returns and
    the copy."""

    def make() -> Program:
        def forward(x):
            y = x.clone()
            result = function(y)
            return result, y

        made = program(forward, torch.rand(shape) * 4 - 1)
        made.note = note
        return made

    make.__name__, make.__module__ = name, function.__module__
    case(make)


__all__ = ["CASES", "Call", "Program", "WithBuffers", "case", "program", "writes"]

"""Small programs that write to tensors in place. Every file adds its own to `CASES`."""

from collections.abc import Callable

import torch

from corpus import Call, Program

# Per name: the function that makes the program. It is called in a process of its own.
CASES: dict[str, Callable[[], Program]] = {}


class Function(torch.nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def another(value):
    """An argument like `value` with other numbers in it."""
    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return value
    return torch.rand_like(value) * 3 - 1


def program(function: Callable, *args, **options) -> Program:
    """A program of a module, or of a function of tensors, with a second call that finds the state of the first."""
    module = function if isinstance(function, torch.nn.Module) else Function(function)
    options.setdefault("calls", [Call(tuple(another(value) for value in args))])
    return Program(module, args, **options)


def case(make: Callable[[], Program]) -> Callable[[], Program]:
    """Registers a program under the function's name, in the family that the file is named after."""

    def with_family() -> Program:
        torch.manual_seed(0)
        made = make()
        made.family = make.__module__.rsplit(".", 1)[-1]
        made.note = made.note or " ".join((make.__doc__ or "").split())
        return made

    if make.__name__ in CASES:
        raise ValueError(f"two programs are named {make.__name__}")
    CASES[make.__name__] = with_family
    return make


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


__all__ = ["CASES", "Call", "Program", "case", "program", "writes"]

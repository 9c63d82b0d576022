"""Small programs, each about one feature of exported programs. Every file adds its own to `CASES`."""

from collections.abc import Callable

import torch

from corpus import Bad, Call, Program

# Per name: the function that makes the program. It is called in a process of its own.
CASES: dict[str, Callable[[], Program]] = {}


def case(make: Callable[[], Program]) -> Callable[[], Program]:
    """Registers a program under the function's name, in the family that the file is named after."""

    def with_family() -> Program:
        torch.manual_seed(0)
        program = make()
        program.family = make.__module__.rsplit(".", 1)[-1]
        program.note = program.note or " ".join((make.__doc__ or "").split())
        return program

    if make.__name__ in CASES:
        raise ValueError(f"two programs are named {make.__name__}")
    CASES[make.__name__] = with_family
    return make


class Function(torch.nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def program(function: Callable, *args, **options) -> Program:
    """A program of a module, or of a function of tensors."""
    module = function if isinstance(function, torch.nn.Module) else Function(function)
    return Program(module, args, **options)


__all__ = ["CASES", "Bad", "Call", "Program", "case", "program"]

"""How the small programs of `features/` and `mutations/` are written down: functions that make them, by name."""

from collections.abc import Callable

import torch

from corpus import Program


class Registry(dict[str, Callable[[], Program]]):
    """Per name: the function that makes the program. It is called in a process of its own."""

    def case(self, make: Callable[[], Program]) -> Callable[[], Program]:
        """Registers a program under the function's name, in the family that the file is named after."""

        def with_family() -> Program:
            torch.manual_seed(0)
            made = make()
            made.family = make.__module__.rsplit(".", 1)[-1]
            made.note = made.note or " ".join((make.__doc__ or "").split())
            return made

        if make.__name__ in self:
            raise ValueError(f"two programs are named {make.__name__}")
        self[make.__name__] = with_family
        return make


class Function(torch.nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


class WithBuffers(torch.nn.Module):
    """Returns `function` of the module, which has these buffers, and the arguments."""

    def __init__(self, function: Callable, **buffers: torch.Tensor):
        super().__init__()
        self.function = function
        for name, value in buffers.items():
            self.register_buffer(name, value)

    def forward(self, *args):
        return self.function(self, *args)


def program(function: Callable, *args, **options) -> Program:
    """A program of a module, or of a function of tensors."""
    module = function if isinstance(function, torch.nn.Module) else Function(function)
    return Program(module, args, **options)

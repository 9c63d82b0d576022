"""Structured inputs and outputs: dictionaries, lists, named tuples, data classes, keywords, defaults, constants."""

import collections
import dataclasses
import enum
from typing import NamedTuple

import torch
from torch import nn
from torch.utils import _pytree as pytree

from . import Bad, Call, case, program


class Point(NamedTuple):
    x: torch.Tensor
    y: torch.Tensor


@dataclasses.dataclass
class Batch:
    tokens: torch.Tensor
    mask: torch.Tensor | None = None


class Mode(enum.IntEnum):
    FAST = 1
    SLOW = 2


class Box:
    """A container that only `registered_node` knows how to take apart."""

    def __init__(self, inside, label):
        self.inside, self.label = inside, label


torch.export.register_dataclass(Batch, serialized_type_name="features.Batch")
pytree._register_namedtuple(Point, serialized_type_name="features.Point")
pytree.register_pytree_node(
    Box,
    lambda box: ([box.inside], box.label),
    lambda children, label: Box(list(children)[0], label),
    serialized_type_name="features.Box",
    to_dumpable_context=lambda label: label,
    from_dumpable_context=lambda label: label,
    flatten_with_keys_fn=lambda box: ([(pytree.GetAttrKey("inside"), box.inside)], box.label),
)


@case
def dictionaries():
    """Nested dictionaries, lists and tuples, in and out."""

    class Tree(nn.Module):
        def forward(self, a, b):
            return {"sum": a["x"] + b[0], "rest": [a["y"][0], (b[1], {"deep": a["y"][1]["z"] * 2})]}

    a = {"x": torch.rand(2), "y": [torch.rand(2), {"z": torch.rand(1)}]}
    b = (torch.rand(2), torch.rand(3))
    return program(Tree(), a, b, bad=[Bad(({**a, "x": torch.rand(3)}, b), "a['x'].shape[0]")])


@case
def keywords():
    """Keyword-only arguments, given in another order than declared, and defaults."""

    class Keywords(nn.Module):
        def forward(self, x, /, y, *, scale, bias=None, flag=True):
            z = x * scale + y
            return z if bias is None else z + bias

    x, y = torch.rand(2), torch.rand(2)
    return program(Keywords(), x, y, kwargs={"bias": torch.rand(2), "scale": torch.tensor(2.0)})


@case
def variadic():
    """`*args` and `**kwargs`."""

    class Variadic(nn.Module):
        def forward(self, x, *rest, **named):
            return sum(rest, x), {key: value + 1 for key, value in named.items()}

    return program(Variadic(), torch.rand(2), torch.rand(2), torch.rand(2), kwargs={"b": torch.rand(1), "a": torch.rand(2)})


@case
def constant_inputs():
    """None, int, float, bool and str arguments are fixed by the export."""

    class Constants(nn.Module):
        def forward(self, x, nothing, count, ratio, flag, mode):
            y = x * ratio + count if flag else x
            return (y.sum() if mode == "sum" else y.mean()), nothing, count, ratio, flag

    x = torch.rand(3)
    return program(
        Constants(),
        x,
        None,
        3,
        0.5,
        True,
        "sum",
        bad=[
            Bad((x, None, 4, 0.5, True, "sum"), "count"),
            Bad((x, None, 3, 0.25, True, "sum"), "ratio"),
            Bad((x, None, 3, 0.5, False, "sum"), "flag"),
        ],
    )


@case
def constants_in_tree():
    """Constants between tensors inside structures."""

    class Mixed(nn.Module):
        def forward(self, config, xs):
            return {"y": xs[0] * config["scale"], "name": config["name"], "none": xs[1], "n": len(xs)}

    return program(Mixed(), {"scale": 2, "name": "layer", "off": None}, [torch.rand(2), None, torch.rand(1), 4])


@case
def named_tuples():
    class Points(nn.Module):
        def forward(self, p):
            return Point(p.y, p.x + 1), p.x * p.y

    return program(Points(), Point(torch.rand(2), torch.rand(2)))


@case
def data_classes():
    class Model(nn.Module):
        def forward(self, batch):
            kept = batch.tokens if batch.mask is None else batch.tokens * batch.mask
            return Batch(kept, None), Batch(kept + 1, kept > 0)

    return program(Model(), Batch(torch.rand(2, 3), torch.ones(2, 3)))


@case
def ordered_dictionaries():
    class Model(nn.Module):
        def forward(self, d):
            return collections.OrderedDict(b=d["z"] + 1, a=d["a"])

    return program(Model(), collections.OrderedDict(z=torch.rand(2), a=torch.rand(3)))


@case
def default_dictionaries():
    class Model(nn.Module):
        def forward(self, d):
            out = collections.defaultdict(list)
            out["k"].append(d["k"][0] + 1)
            return out

    given = collections.defaultdict(list)
    given["k"].append(torch.rand(2))
    return program(Model(), given)


@case
def double_ended_queues():
    class Model(nn.Module):
        def forward(self, q):
            return q[0] + q[1], collections.deque([q[1], q[0]])

    return program(Model(), collections.deque([torch.rand(2), torch.rand(2)]))


@case
def empty_structures():
    class Model(nn.Module):
        def forward(self, a, b, c, x):
            return x + 1, [], {}, (), {"a": []}

    return program(Model(), [], {}, (), torch.rand(2))


@case
def integer_keys():
    class Model(nn.Module):
        def forward(self, d):
            return {0: d[1] + 1, 1: d[0]}

    return program(Model(), {0: torch.rand(2), 1: torch.rand(2)})


@case
def single_element():
    """A bare tensor, a tuple of one, and a list of one are different results."""
    return program(lambda x: (x + 1,), torch.rand(2))


@case
def single_in_list():
    return program(lambda x: [x + 1], torch.rand(2))


@case
def only_none():
    return program(lambda x: None, torch.rand(2))


@case
def enumerations():
    class Model(nn.Module):
        def forward(self, x, mode):
            return x * 2 if mode == Mode.FAST else x * 3

    return program(Model(), torch.rand(2), int(Mode.SLOW))


@case
def same_tensor_twice():
    """One tensor given for two arguments."""
    x = torch.rand(3)
    return program(lambda a, b: (a + b, a * 2), x, x)


@case
def many_inputs():
    """Two hundred inputs and outputs."""
    return program(lambda *xs: [x + i for i, x in enumerate(xs)], *[torch.rand(2) for _ in range(200)])


@case
def names_that_need_care():
    """Attributes and keys with dots, digits, spaces and Python's own words."""

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleDict({"0": nn.Linear(2, 2), "class": nn.Linear(2, 2), "a_b": nn.ModuleList([nn.Linear(2, 2)])})
            self.register_buffer("self_", torch.rand(2))

        def forward(self, input, len):
            x = self.layers["class"](self.layers["0"](input["a b"])) + self.self_
            return {"a.b": x, "ü": self.layers["a_b"][0](input["1"]) + len, "": x + 1}

    return program(Model(), {"a b": torch.rand(1, 2), "1": torch.rand(1, 2)}, torch.rand(2))


@case
def deep_modules():
    """Module paths twenty deep."""
    module: nn.Module = nn.Linear(2, 2)
    for _ in range(20):
        module = nn.Sequential(module)
    return program(module, torch.rand(1, 2))


@case
def module_called_twice():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Sequential(nn.Linear(3, 3), nn.ReLU())

        def forward(self, x):
            return self.layer(self.layer(x)) + self.layer[0](x)

    return program(Twice(), torch.rand(2, 3))


@case
def registered_node():
    """A container of the user's own."""

    class Model(nn.Module):
        def forward(self, box):
            return Box(box.inside + 1, "out")

    return program(Model(), Box(torch.rand(2), "in"), alts=[Call((Box(torch.rand(2), "in"),))])

"""Programs that try the printer: every kind of argument, name, comment, sub-graph and signature entry.

A program's folder holds `model.pt2` and `text.txt`, which is `str(exported_program)` before it was saved;
`reloaded.txt` is the same after `torch.export.load`, for those who want to see what the archive loses.
There are no programs here whose text cannot be told from the archive: with a `with torch.no_grad()` and an
autocast block in one graph, with constants of a dictionary out of order, with nodes that nothing names.
"""

import argparse
import collections
import json
import math
import operator
import shutil
import traceback
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.export import Dim, export
from torch.fx.traceback import annotate, preserve_node_meta

CASES = {}
LIBRARY = torch.library.Library("expc_print", "DEF")
X = torch.rand(3, 4)
Point = collections.namedtuple("Point", "x y")


def case(function):
    CASES[function.__name__] = function
    return function


def program(function, *args, **options):
    """Exports a function of the arguments, or a module."""

    class Wrapper(nn.Module):
        def forward(self, *args):
            return function(*args)

    module = function if isinstance(function, nn.Module) else Wrapper()
    return export(module, args, strict=False, **options)


def define(schema, meta):
    """A custom op; its meta function also runs."""
    name = schema.split("(")[0]
    LIBRARY.define(schema)
    LIBRARY.impl(name, meta, "CompositeExplicitAutograd")
    LIBRARY.impl(name, meta, "Meta")
    return getattr(torch.ops.expc_print, name.split(".")[0])


# Constants.


@case
def floats():
    values = [0.0, -0.0, 1e-5, 1e-4, 1e16, 1e15, 1.2345678901234567e17, 5e-324, 1.7976931348623157e308, 0.1, 1 / 3]
    return program(lambda x: [x + value for value in values], X)


@case
def ints():
    values = [0, -1, 2**31, 2**62, -(2**63) + 1]
    return program(lambda x: [x + value for value in values], torch.arange(3))


@case
def complex_numbers():
    values = [1j, -1j, 1 + 2j, -0.5 - 1e-9j, complex(1e20, 3)]
    return program(lambda x: [x * value for value in values], X.to(torch.complex64))


@case
def strings():
    op = define("label(Tensor x, str text, str[] more, str? maybe=None) -> Tensor", lambda x, text, more, maybe=None: x + 1)
    texts = ["plain", "it's", 'say "x"', "both ' and \"", "a\\b\n\t\r\0\x7f", "→é😀\u200b\xa0", ""]
    return program(lambda x: [op(x, text, [text, "b"], maybe=text) for text in texts] + [op(x, "", [])], X)


@case
def dtypes_and_devices():
    dtypes = [torch.float16, torch.bfloat16, torch.complex64, torch.uint8, torch.bool, torch.int16, torch.float8_e4m3fn]

    def function(x):
        made = [torch.empty(2, dtype=dtype, device="cpu", layout=torch.strided) for dtype in dtypes]
        return made + [
            torch.zeros_like(x, memory_format=torch.preserve_format),
            x.to(memory_format=torch.contiguous_format),
            x.to("cpu", torch.float64, True, False),
            torch.empty(1, 2, 3, 4, memory_format=torch.channels_last),
        ]

    return program(function, X)


@case
def lists():
    def function(x):
        y = x.reshape(1, 3, 4)
        parts = torch.split(x, [1, 2])
        return (
            y.flip([0, 2]),
            x.new_zeros([]),
            torch.einsum("ij,kj->ik", x, x),
            torch.nn.functional.interpolate(y, scale_factor=[0.5], mode="linear", align_corners=True),
            x[[0, 2], :2],
            x[None, ..., 1:],
            torch.cat([*parts, x]),
            torch.stack([x]),
        )

    return program(function, X)


@case
def keywords():
    op = define(
        "kinds(Tensor x, Tensor? y=None, int a=1, *, float b=0.5, bool[] flags=[], Scalar s=1, ScalarType? t=None, Device? d=None) -> Tensor",
        lambda x, y=None, a=1, *, b=0.5, flags=(), s=1, t=None, d=None: x + 1,
    )

    def function(x):
        return (
            op(x),
            op(x, x),
            op(x, None, 1),
            op(x, a=2),
            op(x, y=x, a=1, b=0.5),
            op(x, b=1.0, flags=[True, False], s=True, t=torch.int8, d=torch.device("cpu")),
            op(x, s=2.0),
            op(x, s=2, flags=[]),
            torch.add(x, x, alpha=2),
            torch.addmm(x, x, x.new_ones(4, 4), beta=0.5),
            torch.ops.aten.slice.Tensor(x, end=2),
            torch.clamp(x, max=1),
            torch.argmax(x, keepdim=True),
            torch.ops.aten.random.from_(x, 1, 2) if hasattr(torch.ops.aten.random, "from_") else x,
        )

    return program(function, X)


@case
def custom_results():
    one = define("one(Tensor x) -> Tensor[]", lambda x: [x + 1])
    mixed = define("mixed(Tensor x) -> (Tensor, Tensor[], Tensor)", lambda x: (x + 1, [x + 2, x + 3], x + 4))
    pair = define("pair(Tensor x) -> (Tensor, Tensor)", lambda x: (x + 1, x + 2))
    nothing = define("nothing(Tensor x) -> ()", lambda x: None)
    single = define("single.Tensor(Tensor x) -> Tensor", lambda x: x + 1)

    def function(x):
        nothing(x)
        a, (b, c), d = mixed(x)
        e, _ = pair(x)
        _, f = pair(x)
        pair(x)
        g = one(x)[0]
        mixed(x)[1][1]
        return a, b, c, d, e, f, g, single(x), one(x)

    return program(function, X)


@case
def custom_mutation_decomposed():
    op = define("bump(Tensor(a!) x, Tensor[] others, *, str how='a', int by=1) -> ()", lambda x, others, *, how="a", by=1: None)
    two = define("bump_two(Tensor(a!)[] xs, Tensor(b!)? z, int by) -> Tensor", lambda xs, z, by: xs[0] + 1)

    def function(x):
        y = x.clone()
        op(y, [x, x], how="it's", by=2)
        z = y + 1
        return two([y, z], None, 3), y, two([z], y, 1)

    return program(function, X).run_decompositions()


# Results.


@case
def several_results():
    def function(x):
        values, indices = torch.topk(x, 2)
        u, s, v = torch.linalg.svd(x)
        maximum = x.max(0)
        chunks = x.chunk(2, 1)
        a, *_ = x.unbind()
        return values, s, maximum.indices, chunks[1], a, torch.var_mean(x), x.split(1), tuple(torch.frexp(x))

    return program(function, X)


@case
def unused_results():
    def function(x):
        x.split(2)
        x.sort()
        x.sin()
        torch.native_layer_norm(x, [4], None, None, 1e-5)
        return torch.nn.functional.max_pool2d_with_indices(x[None], 2)[0]

    return program(function, X)


@case
def unused_results_decomposed():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.norm, self.bn = nn.LSTM(4, 3), nn.LayerNorm(3), nn.BatchNorm1d(3)

        def forward(self, x):
            y, (h, c) = self.lstm(x)
            return self.bn(self.norm(y)), h

    return program(Model(), X).run_decompositions()


@case
def outputs_of_all_kinds():
    def function(x, y, n, flag, text, none):
        return {"a": x, "b": [y, (x, None)], "n": n, "f": 1.5, "t": True, "i": float("inf"), "s": y * n}

    return program(function, X, X + 1, 3, True, "text", None)


@case
def nothing_in_nothing_out():
    return program(lambda: None)


@case
def constants_only():
    return program(lambda x: (1, 2.5), X)


# Names.


class Reserved(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("input", torch.ones(4))
        self.object = nn.Parameter(torch.ones(4))

    def forward(self, input, type, device, id, len, print, inf, torch_, lambda_, max):
        return input + type * id + self.input * self.object, max, len


@case
def reserved_names():
    args = [torch.rand(3, 4) for _ in range(10)]
    return program(Reserved(), *args)


@case
def reserved_results():
    def function(x):
        return x.max(), x.min(0)[0], x.sum(), x.all(), x.any(0), abs(x), x.round(), pow(x, 2), x.max(1)[1]

    return program(function, X)


@case
def operators_with_magic_names():
    x = torch.arange(12).reshape(3, 4)
    return program(lambda x: (x & 1, x | 2, x ^ x, x << 1, x >> 1, ~x, x // 2, x % 3, x @ x.t(), -x), x)


@case
def odd_module_names():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleDict({"a-b": nn.Linear(4, 4), "1": nn.Linear(4, 4, bias=False)})
            self.register_parameter("w.x" if False else "w_x", nn.Parameter(torch.ones(4)))
            self.UPPER = nn.Parameter(torch.ones(4))

        def forward(self, x):
            for layer in self.layers.values():
                x = layer(x)
            return x + self.w_x + self.UPPER

    return program(Model(), X)


# Comments.


@case
def no_stack_traces():
    exported = program(lambda x: (x + 1).split(1)[0] * 2, X)
    for node in exported.graph.nodes:
        node.meta.pop("stack_trace", None)
    return exported


@case
def odd_stack_traces():
    exported = program(lambda x: ((x + 1) * 2 - 3).sin().cos().tan().exp(), X)
    traces = iter([
        'File "a.py", line 1, in f\n  x + 1',
        'File "a.py", line 1, in f\n  x + 1',
        'File "b ", line 2, in ".py", line 22, in <lambda>\n    y = "é"  \n    ~~^\n',
        "nothing that is a frame",
        'File "a.py", line 1, in f\n  x + 1\nFile "c.py", line 3, in g',
        'File "a.py", line 1, in f\n\n',
        "",
    ])
    for node in exported.graph.nodes:
        if node.op == "call_function":
            node.meta["stack_trace"] = next(traces)
    return exported


@case
def annotations():
    def function(x):
        with annotate({"stage": 1, "name": "it's", "deep": {"b": [1, None, True, 0.5], "a": []}}):
            x = x + 1
            with annotate({"text": "x" * 50, "list": list(range(30))}):
                x = x * 2
        return x.sin()

    with preserve_node_meta():
        return program(function, X)


# Symbols.


@case
def dynamic_sizes():
    batch, length = Dim("batch", min=2, max=64), Dim("length")

    def function(x, y):
        n, m = x.shape
        return (
            x.reshape(m, n),
            x.reshape(-1),
            torch.cat([x, x], 1) + torch.cat([y, y], 1),
            x.new_zeros(n * m + 1, n + m),
            x * n,
            x.expand(2, n, m),
            torch.nn.functional.pad(x, (0, m % 3)),
            n,
            n * 2,
            n / 2,
        )

    return program(function, X, X, dynamic_shapes={"args": ({0: batch, 1: length}, {0: batch, 1: length})})


@case
def derived_sizes():
    half = Dim("half", min=2, max=8)
    return program(
        lambda x, y: x[::2] + y,
        torch.rand(8, 2),
        torch.rand(4, 2),
        dynamic_shapes={"args": ({0: 2 * half}, {0: half})},
    )


@case
def symbolic_inputs():
    def function(n, x, f):
        return x * n, n + 1, x.new_full((n,), 0.5), -n, n**2, n // 3, n % 3, n * f

    return program(function, 5, X, 2.5, dynamic_shapes={"args": (Dim.DYNAMIC, None, None)})


SYMBOLIC = {
    "max": lambda x, u: x.new_zeros(torch.sym_max(u, 4), torch.sym_min(u, 4)),
    "trunc": lambda x, u: (x.new_zeros(math.trunc(u / 2)), x.new_zeros(math.trunc(u / 3)), u * 2),
    "int": lambda x, u: x.new_zeros(torch.sym_int(u / 2)),
    "float": lambda x, u: (x * torch.sym_float(u), x * (u * 1.5), u / 3),
    "sqrt": lambda x, u: x * torch._sym_sqrt(u),
    "powers": lambda x, u: (u**2 + 3 * u // 2, -u % 5, 7 - u, +u, u / 2 - 1, 2**u),
    "bits": lambda x, u: (u & 3, u | 3, u << 1, u >> 1),
}


def symbolic_case(name, function):
    def make():
        def checked(x, n):
            u = n.item()
            torch._check(u >= 3)
            torch._check(u < 100)
            return function(x, u)

        return program(checked, X, torch.tensor(7))

    CASES[f"symbolic_{name}"] = make


for name, function in SYMBOLIC.items():
    symbolic_case(name, function)


@case
def unbacked():
    def function(x, f, b):
        nonzero = x.nonzero()
        n = nonzero.shape[0]
        parts = torch.split(x.flatten(), [2, 10])
        unique, inverse = torch.unique(x, return_inverse=True)
        return nonzero * 2, n, unique, inverse, x * f.item(), torch.where(x > b.item(), x, 0), parts[1], torch.repeat_interleave(x, torch.tensor([1, 2, 3]), 0)

    return program(function, X, torch.tensor(0.5), torch.tensor(1))


@case
def unbacked_lists():
    def function(x, sizes):
        a, b = sizes.tolist()
        torch._check_is_size(a)
        torch._check_is_size(b)
        first, second = torch.split(x, [a, b])
        return first * 2, second.sum(), x[a:], x.new_ones(a, b)

    return program(function, torch.rand(6, 2), torch.tensor([2, 4]))


@case
def tensor_split_by_tensor():
    return program(lambda x, i: [part.sum() for part in torch.tensor_split(x, i)], torch.rand(8), torch.tensor([2, 5]))


# Higher-order ops.


class Conditional(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x, y):
        def deep(x):
            return torch.cond(x.sum() > 1, lambda x: (x + 1, x * 2), lambda x: (x - 1, x / 2), (x,))

        def yes(x, y):
            a, b = deep(x)
            return self.layer(a), b.sum()

        def no(x, y):
            return y.sin(), x.sum()

        a, _ = torch.cond(x.sum() > 0, yes, no, (x, y))
        torch.cond(y.sum() > 0, lambda x: x + 1, lambda x: x - 1, (x,))
        return a + torch.cond(x.max() > 0, lambda: X + 1, lambda: X * 2)


@case
def conditional():
    return program(Conditional(), X, X)


@case
def conditional_decomposed():
    return program(Conditional(), X, X).run_decompositions()


@case
def conditional_on_a_size():
    return program(
        lambda x: torch.cond(x.shape[0] > 4, lambda x: x + 1, lambda x: x - 1, (x,)),
        X,
        dynamic_shapes={"args": ({0: Dim("n", min=2)},)},
    )


@case
def scans():
    from torch._higher_order_ops.scan import scan

    class Scans(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def step(self, carry, row):
            return [carry[0] + row, self.layer(carry[1])], {"a": row * 2, "b": carry[0] + 1}

        def forward(self, x):
            carry, rows = scan(lambda carry, row: (carry + row, carry * row), x[0].clone(), x)
            carries, trees = scan(self.step, [x[0].clone(), x[1].clone()], x)
            return carry, rows, carries, trees

    return program(Scans(), X)


@case
def loops():
    from torch._higher_order_ops.map import map as hop_map
    from torch._higher_order_ops.while_loop import while_loop

    class Loops(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x):
            i, y = while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, self.layer(y)), (torch.tensor(0), x))
            return i, y, hop_map(lambda rows, y: (rows[0] + y, self.layer(rows[1])), (x, x + 1), x[0].clone())

    return program(Loops(), X)


def region(enter):
    """Regions in the places where their number in the split graph may differ."""

    class Regions(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def first(self, x):
            with enter():
                y = self.layer(x)
            return y + 1

        def last(self, x):
            y = x + 1
            with enter():
                y, z = self.layer(y).split(2, 1)
                return y, z * 2

        def only(self, x):
            with enter():
                return self.layer(x).sin()

        def many(self, x):
            with enter():
                x = x + 1
            with enter():
                x = x + 2
            x = x * 2
            with enter():
                y = x + 3
                z = y.sin()
            return x, y * 2, z

    return Regions()


def region_case(name, enter, method):
    def make():
        regions = region(enter)
        regions.forward = getattr(regions, method)
        return program(regions, X.clone().requires_grad_())

    CASES[name] = make


for method in ("first", "last", "only", "many"):
    region_case(f"no_grad_{method}", torch.no_grad, method)
    region_case(f"autocast_{method}", lambda: torch.autocast("cpu", torch.bfloat16), method)


def branch(x):
    return torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x - 1, (x,))


@case
def conditions_around_no_grad():
    def function(x):
        x = branch(x)
        with torch.no_grad():
            y = x + 1
        return branch(branch(y))

    return program(function, X.clone().requires_grad_())


@case
def autocast_in_no_grad():
    """As rotary embeddings are often written."""

    class Rotary(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("frequencies", torch.rand(4))

        @torch.no_grad()
        def angles(self, x, positions):
            frequencies = self.frequencies[None, :, None].expand(positions.shape[0], -1, 1)
            with torch.autocast("cpu", enabled=False):
                angles = (frequencies.float() @ positions[:, None, :].float()).transpose(1, 2)
                cos, sin = angles.cos(), angles.sin()
            return cos.to(x.dtype), sin.to(x.dtype)

        def forward(self, x, positions):
            cos, sin = self.angles(x, positions)
            return x * cos + x.roll(1, -1) * sin

    return program(Rotary(), torch.rand(2, 5, 4, requires_grad=True), torch.arange(10).reshape(2, 5))


@case
def invoke_subgraph():
    layer = nn.Linear(4, 4)

    @torch.compiler.nested_compile_region
    def block(x, y):
        return layer(x) + y, x.sin()

    def function(x):
        for _ in range(3):
            x, y = block(x, x)
        return x, y

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return function(x)

    return export(Model(), (X,), strict=True)


@case
def tokens():
    op = define("effect(Tensor x) -> Tensor", lambda x: x + 1)
    from torch._higher_order_ops.effects import _EffectType, _register_effectful_op

    _register_effectful_op(torch.ops.expc_print.effect.default, _EffectType.ORDERED)
    return program(lambda x: op(op(x)) + op(x * 2), X).run_decompositions()


@case
def hop_print():
    return program(lambda x: (torch._higher_order_ops.print("x is {}, {y}", 3, y=x), x + 1)[1], X)


@case
def strict_mode_region():
    from torch._higher_order_ops.strict_mode import strict_mode

    return program(lambda x: strict_mode(lambda x: x + 1, (x,)), X)


@case
def hints():
    from torch._higher_order_ops.hints_wrap import hints_wrapper

    class Model(nn.Module):
        def forward(self, x, y):
            return hints_wrapper(lambda x, y: (x + y).sin(), (x, y), {}, hints={"n": 3, "outer": True})

    return export(Model(), (X, X), strict=True)


@case
def out_dtype():
    op = torch.ops.higher_order.out_dtype
    x = torch.ones(3, 3, dtype=torch.int8)
    return program(lambda x: op(torch.ops.aten.mm.default, torch.int32, x, x), x)


# Signatures.


class State(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))
        self.tied = self.weight
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("scratch", torch.zeros(4), persistent=False)
        self.constant = torch.ones(4)
        self.nested = nn.ModuleDict({"a": nn.BatchNorm1d(4)})

    def forward(self, x, y):
        self.count += 1
        self.scratch = self.scratch + 1
        x.mul_(2)
        y[0].add_(1)
        return self.nested["a"](x) * self.weight + self.tied + self.constant + torch.tensor([1.0, 2, 3, 4]) + self.count


@case
def state():
    return program(State(), X.clone(), X.clone())


@case
def state_decomposed():
    return program(State(), X.clone(), X.clone()).run_decompositions()


@case
def trees():
    torch.utils._pytree._register_namedtuple(Point, serialized_type_name="expc.Point")

    class Model(nn.Module):
        def forward(self, a, *rest, point, options=None, **more):
            return {"p": Point(a + rest[0], point.y), "m": more["z"] * rest[1], "o": options["k"][0]}

    kwargs = {"point": Point(X, X), "options": {"k": [X, 2], "none": None}, "z": X}
    return export(Model(), (X, X, X), kwargs, strict=False)


@case
def loss_and_gradients():
    from torch.export.experimental import _export_forward_backward

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 2)
            self.loss = nn.CrossEntropyLoss()

        def forward(self, x, label):
            return self.loss(self.layer(x).softmax(0), label)

    return _export_forward_backward(export(Model(), (X, torch.tensor([0, 1, 0])), strict=True))


# Edited graphs.


@case
def edited_graph():
    """Nodes that a user of `torch.fx` put in, without metadata beside the value."""
    exported = program(lambda x: (x + 1) * 2, X)
    graph = exported.graph
    first = next(node for node in graph.nodes if node.op == "call_function")
    with graph.inserting_after(first):
        added = graph.call_function(torch.ops.aten.relu.default, (first,))
        added.meta["val"] = first.meta["val"]
    first.replace_all_uses_with(added, delete_user_cb=lambda user: user is not added)
    with graph.inserting_after(added):
        pair = graph.call_function(torch.ops.aten.max.dim, (added, 0), {"keepdim": True})
        pair.meta["val"] = torch.max(added.meta["val"], 0, keepdim=True)
        with graph.inserting_after(pair):
            item = graph.call_function(operator.getitem, (pair, 1))
            item.meta["val"] = pair.meta["val"][1]
    return exported


def write(folder: Path, make) -> None:
    exported = make()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "text.txt").write_text(str(exported))
    torch.export.save(exported, folder / "model.pt2")
    try:
        (folder / "reloaded.txt").write_text(str(torch.export.load(folder / "model.pt2")))
    except Exception as error:
        (folder / "reloaded.error").write_text(f"{error}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write into")
    parser.add_argument("--only", default="", help="only programs whose name contains this")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    failures = {}
    chosen = {name: make for name, make in sorted(CASES.items()) if options.only in name}
    for name, make in chosen.items():
        folder = options.out / name
        shutil.rmtree(folder, ignore_errors=True)
        try:
            write(folder, make)
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            failures[name] = "".join(traceback.format_exception_only(error)).strip()[:500]
    (options.out / "failures.json").write_text(json.dumps(failures, indent=1) + "\n")
    print(f"{len(chosen) - len(failures)} programs, {len(failures)} could not be made")


if __name__ == "__main__":
    main()

"""One program per operator of PyTorch's OpInfo database.

Each is the operator's first sample input that PyTorch can export and save: tensors are the program's
inputs, every other argument is a constant of it. The type is float32, or else the first that the operator has.
With `--dynamic` every size is a symbol that the operator does not fix.
"""

import copy
import functools
import io

import torch
from torch.utils import _pytree as pytree

import corpus

# How many samples of an operator are tried until one can be exported.
TRIES = 10
SAMPLE = 60


class Operator(torch.nn.Module):
    """Calls an operator on given tensors, with all other arguments fixed."""

    def __init__(self, op, tree):
        super().__init__()
        self.op = op
        leaves, self.spec = pytree.tree_flatten(tree)
        self.leaves = [None if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        self.places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]

    def forward(self, *tensors):
        leaves = list(self.leaves)
        for place, tensor in zip(self.places, tensors, strict=True):
            leaves[place] = tensor
        value, args, kwargs = pytree.tree_unflatten(leaves, self.spec)
        result = self.op(value, *args, **kwargs)
        # The archive has no name for torch.return_types; what they hold is the same as a tuple.
        return tuple(result) if type(result).__module__ == "torch.return_types" else result


def element_type(info) -> torch.dtype | None:
    """The type to sample in: float32, or the operator's first other type."""
    supported = info.supported_dtypes("cpu")
    order = [
        torch.float32, torch.float64, torch.int64, torch.int32, torch.bool, torch.complex64,
        torch.bfloat16, torch.float16, torch.uint8, torch.float8_e4m3fn,
    ]  # fmt: skip
    return next((dtype for dtype in order if dtype in supported), None)


def samples(info, dtype: torch.dtype, first: int, number: int):
    """Up to `number` sample inputs from the `first` on."""
    torch.manual_seed(0)
    inputs = info.sample_inputs("cpu", dtype, requires_grad=False)
    for position, sample in enumerate(inputs):
        if position >= first + number:
            return
        if position >= first:
            yield position, (sample.input, tuple(sample.args), dict(sample.kwargs))


def make(
    info, dtype: torch.dtype | None, decompose: bool, dynamic: bool, first: int, number: int
) -> corpus.Program:
    """The first of `number` samples that can be exported, as a program; raises the first reason if none can."""
    if dtype is None:
        raise RuntimeError("the operator has no type that the CPU supports")
    reason = None
    for position, tree in samples(info, dtype, first, number):
        try:
            tree = corpus.normalize(tree)
        except ValueError as error:
            reason = reason or error
            continue
        module = Operator(info.op, tree)
        tensors = tuple(leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, torch.Tensor))
        program = corpus.Program(
            module,
            copy.deepcopy(tensors),
            dynamic_shapes=(tuple(map(free_sizes, tensors)),) if dynamic else None,
            decompose=decompose,
            family=info.name,
            note=f"sample {position}: {fixed(module)}"[:300],
            extra={"sample": position, "dtype": str(dtype).removeprefix("torch.")},
        )
        try:
            # Saving is where several operators fail, so a sample counts only once that is done.
            torch.export.save(corpus.export(program), io.BytesIO())
            return program
        except Exception as error:
            reason = reason or error
    raise reason or RuntimeError("the operator has no sample inputs")


def free_sizes(tensor: torch.Tensor) -> dict[int, object]:
    return dict.fromkeys(range(tensor.dim()), torch.export.Dim.AUTO)


def fixed(module: Operator) -> str:
    return ", ".join(repr(leaf) for place, leaf in enumerate(module.leaves) if place not in module.places)


def name_of(info) -> str:
    name = f"{info.name}.{info.variant_test_name}" if info.variant_test_name else info.name
    return name.replace("/", "_")


def spread(jobs: list, number: int) -> list:
    """Evenly spread jobs, the same every time."""
    step = max(1, len(jobs) // number)
    return jobs[::step][:number]


def main() -> None:
    parser = corpus.arguments(__doc__)
    parser.add_argument("--sample", type=int, nargs="?", const=SAMPLE, help=f"only so many operators ({SAMPLE})")
    parser.add_argument("--samples", type=int, default=1, help="so many sample inputs of each operator")
    parser.add_argument("--dtype", help="only operators that have this element type, in it")
    parser.add_argument("--dynamic", action="store_true", help="with sizes that are symbols")
    options = parser.parse_args()
    from torch.testing._internal.common_methods_invocations import op_db

    infos = {name_of(info): info for info in sorted(op_db, key=name_of)}
    jobs = []
    for name, info in infos.items():
        if options.only not in name:
            continue
        dtype = getattr(torch, options.dtype) if options.dtype else element_type(info)
        if options.dtype and dtype not in info.supported_dtypes("cpu"):
            continue
        first = functools.partial(make, info, dtype, options.decomposed, options.dynamic, 0, TRIES)
        jobs.append(corpus.Job(name, first))
        for further in range(1, options.samples):
            one = functools.partial(make, info, dtype, options.decomposed, options.dynamic, further, 1)
            jobs.append(corpus.Job(f"{name}.{further}", one))
    if options.sample:
        jobs = spread(jobs, options.sample)
    corpus.write_all(options.out, jobs, options.processes)


if __name__ == "__main__":
    main()

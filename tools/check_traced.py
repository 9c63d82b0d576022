"""Loads programs that expc traced from tch code in PyTorch, runs them, also as the modules that `torch.export.unflatten`
makes of them, and compares what they give.

    tools/check_traced.py [FOLDER]

Without a folder the tests write the programs first (`cargo test -p expc --lib eager::export::models`). For each program
the folder holds `model.pt2` and, for two batch sizes, the inputs and outputs as tch computed them.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import torch
from safetensors.torch import load_file

# Relative and absolute: the kernels are the same, but sums may be split otherwise.
TOLERANCE = 1e-4


def write(folder: pathlib.Path) -> None:
    """Lets the tests write their programs to the folder."""
    command = ["cargo", "test", "-p", "expc", "--lib", "eager::export::models"]
    subprocess.run(command, check=True, env={**os.environ, "EXPC_TRACED_DIR": str(folder)})


def check(folder: pathlib.Path) -> str | None:
    """What is wrong with a program; none if nothing is."""
    program = torch.export.load(folder / "model.pt2")
    for name, module in [("flat", program.module()), ("modules", torch.export.unflatten(program))]:
        for case in sorted(folder.glob("*.safetensors")):
            tensors = load_file(case)
            wrong = compare(module, tensors.pop("input"), tensors)
            if wrong:
                return f"{name}, {case.stem}: {wrong}"
    return None


def compare(module: torch.nn.Module, value: torch.Tensor, tensors: dict[str, torch.Tensor]) -> str | None:
    """How the outputs differ from the recorded ones; not at all if none."""
    with torch.no_grad():
        outputs = torch.utils._pytree.tree_leaves(module(value))
    if len(outputs) != len(tensors):
        return f"expected {len(tensors)} outputs, found {len(outputs)}"
    for position, output in enumerate(outputs):
        expected = tensors[f"output_{position}"]
        if not torch.allclose(output, expected, rtol=TOLERANCE, atol=TOLERANCE):
            return f"output {position} differs by {(output - expected).abs().max().item()}"
    return None


def main() -> int:
    warnings.simplefilter("ignore", FutureWarning)
    if len(sys.argv) > 1:
        root = pathlib.Path(sys.argv[1])
    else:
        root = pathlib.Path(tempfile.mkdtemp())
        write(root)
    programs = sorted(path.parent for path in root.glob("*/model.pt2"))
    failed = 0
    for folder in programs:
        try:
            fault = check(folder)
        except Exception as error:  # whatever PyTorch says of a program belongs into the list
            fault = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        failed += fault is not None
        print(f"{folder.name:24} {fault or 'equal'}")
    print(f"{len(programs) - failed} of {len(programs)} programs are accepted and equal")
    return 1 if failed or not programs else 0


if __name__ == "__main__":
    sys.exit(main())

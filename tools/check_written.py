"""Writes test programs back with `expc opt --emit pt2` and compares what PyTorch makes of both archives.

    .deps/venv/bin/python tools/check_written.py FOLDER... [--only TEXT] [--option=--to=functional] [--expc PATH]
        [--from-text]

FOLDER is a set as `make_*.py` writes it (`.corpus/full/features`), or a folder of programs of one version
of PyTorch. Each written archive is loaded with `torch.export.load`, its print compared with that of the
original archive (with options, which change the program, only its outputs are compared), and called with the
recorded inputs of all calls. An archive that PyTorch cannot load, print or call itself is counted apart, with the
reason. With --from-text the printed program (text.txt) is read in place of the archive, which gives only the weights.
Programs whose libraries of operators are built for another PyTorch are passed over, so that the Python of another
version can check what this one made. Status 1 if anything is wrong.
"""

import argparse
import collections
import dataclasses
import json
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from torch.utils import _pytree as pytree

import corpus

ROOT = Path(__file__).resolve().parents[1]


@dataclasses.dataclass
class Result:
    """What became of one program: `wrong` is a fault of expc, `left_out` one of PyTorch."""

    name: str
    wrong: str | None = None
    left_out: str | None = None


def one_line(error: BaseException) -> str:
    return " ".join(corpus.one_line(error).split())[:300]


def flat_inputs(exported: torch.export.ExportedProgram, file: Path) -> tuple:
    """The arguments of a call, from the recorded flat inputs."""
    recorded = np.load(file, allow_pickle=False)
    metas = {node.name: node.meta.get("val") for node in exported.graph.nodes if node.op == "placeholder"}
    values = []
    for spec in exported.graph_signature.input_specs:
        if spec.kind != torch.export.graph_signature.InputKind.USER_INPUT:
            continue
        key = str(len(values))
        if key not in recorded.files:
            values.append(getattr(spec.arg, "value", None))
            continue
        array, meta = recorded[key], metas.get(spec.arg.name)
        if isinstance(meta, torch.Tensor):
            tensor = torch.from_numpy(np.array(array)).to(meta.dtype)
            values.append(tensor.requires_grad_(meta.requires_grad))
        else:
            values.append(array.item())
    return pytree.tree_unflatten(values, exported.call_spec.in_spec)


def outputs(exported: torch.export.ExportedProgram, file: Path) -> list:
    """The flat outputs of one call, and the state and inputs that it leaves."""
    args, kwargs = flat_inputs(exported, file)
    module = exported.module()
    torch.manual_seed(0)
    result = pytree.tree_leaves(module(*args, **kwargs))
    return [*result, *module.state_dict().values(), *pytree.tree_leaves((args, kwargs))]


def same(left, right) -> bool:
    """Whether two values are equal to the bit."""
    if isinstance(left, torch.Tensor) != isinstance(right, torch.Tensor):
        return False
    if not isinstance(left, torch.Tensor):
        return left == right or left != left and right != right or isinstance(left, torch.ScriptObject)
    if (left.dtype, left.shape, left.stride()) != (right.dtype, right.shape, right.stride()):
        return False
    left, right = left.detach().resolve_conj().resolve_neg(), right.detach().resolve_conj().resolve_neg()
    return corpus.to_array(left).tobytes() == corpus.to_array(right).tobytes()


def first_difference(left: str, right: str) -> str:
    for number, (one, other) in enumerate(zip(left.splitlines(), right.splitlines()), start=1):
        if one != other:
            return f"line {number}: {one.strip()[:160]!r}, expected {other.strip()[:160]!r}"
    return f"{len(left)} characters, expected {len(right)}"


def write(folder: Path, options: argparse.Namespace, out: Path) -> str | None:
    """Lets expc write the archive; the answer is what it complains of."""
    archive = folder / "model.pt2"
    source = [str(folder / "text.txt"), "--weights", str(archive)] if options.from_text else [str(archive)]
    command = [str(options.expc), "opt", *source, "--emit", "pt2", "-o", str(out), *options.option]
    command += [argument for library in libraries(folder) for argument in ("--load-library", library)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    return f"expc refuses (status {done.returncode}): {' '.join(done.stderr.split())[:300]}"


def check(folder: Path, options: argparse.Namespace, out: Path) -> Result:
    result = Result(f"{folder.parent.name}/{folder.name}")
    calls = [file for file in [folder / "inputs.npz", *sorted(folder.glob("inputs_alt*.npz"))] if file.exists()]
    try:
        original = torch.export.load(folder / "model.pt2")
        expected_text = str(original)
    except Exception as error:
        # Archives of other versions: the written one is compared with the recorded text and outputs.
        original, expected_text, why = None, None, one_line(error)
    result.wrong = write(folder, options, out)
    if result.wrong:
        if original is None:
            result.left_out, result.wrong = f"{result.wrong}; PyTorch: {why}", None
        return result
    try:
        written = torch.export.load(out)
        text = str(written)
    except Exception as error:
        if original is None:
            result.left_out = f"PyTorch loads neither: {one_line(error)}"
        else:
            result.wrong = f"PyTorch does not load it: {one_line(error)}"
        return result
    if expected_text is not None and not options.option and names_nodes(folder) and text != expected_text:
        result.wrong = f"prints otherwise, {first_difference(text, expected_text)}"
        return result
    for file in calls:
        try:
            expected = outputs(torch.export.load(folder / "model.pt2"), file) if original else recorded(file)
        except Exception as error:
            result.left_out = f"PyTorch cannot call the original: {one_line(error)}"
            continue
        try:
            got = outputs(torch.export.load(out), file)
        except Exception as error:
            reason = one_line(error)
            if options.option and own_fault(folder, file, options) == reason:
                result.left_out = f"nor can what PyTorch makes of it be called: {reason}"
                continue
            result.wrong = f"{file.name}: cannot be called: {reason}"
            return result
        skip = not_compared(folder)
        result.wrong = compared(got, expected, skip, exact=original is not None and not options.option)
        if result.wrong:
            result.wrong = f"{file.name}: {result.wrong}"
            return result
    return result


def own_fault(folder: Path, file: Path, options: argparse.Namespace) -> str | None:
    """Why the program that PyTorch makes functional, or takes apart, cannot be called; None if it can."""
    table = None if "--to=core" in options.option else {}
    try:
        outputs(torch.export.load(folder / "model.pt2").run_decompositions(table), file)
    except Exception as error:
        return one_line(error)
    return None


def recorded(file: Path) -> list:
    """The recorded outputs of a call; None where none was recorded."""
    values = np.load(file.with_name(file.name.replace("inputs", "expected")))
    keys = [int(key) for key in values.files]
    return [values[str(number)] if number in keys else None for number in range(max(keys, default=-1) + 1)]


def names_nodes(folder: Path) -> bool:
    """Whether the archive names its nodes. PyTorch makes up the names in archives before 2.11, and expc otherwise."""
    version = json.loads((folder / "meta.json").read_text())["torch"]
    return [int(number) for number in version.split(".")[:2]] >= [2, 11]


def not_compared(folder: Path) -> set[int]:
    """Outputs whose values are left to chance."""
    file = folder / "meta.json"
    names = json.loads(file.read_text()).get("not_compared", {}) if file.exists() else {}
    return {int(name.removeprefix("output ")) for name in names if name.startswith("output ")}


def compared(got: list, expected: list, skip: set[int], exact: bool) -> str | None:
    if exact and len(got) != len(expected):
        return f"{len(got)} values, expected {len(expected)}"
    for number, (one, other) in enumerate(zip(got, expected)):
        if number in skip or other is None and not exact:
            continue
        if isinstance(other, np.ndarray):
            one = corpus.to_array(one) if isinstance(one, torch.Tensor) else np.asarray(one)
            # As in `corpus.TOLERANCES` for float32: other versions of PyTorch have other kernels.
            if one.shape != other.shape or not np.allclose(one, other, rtol=1e-4, atol=1e-5, equal_nan=True):
                return f"value {number} differs from the recorded one"
        elif exact and not same(one, other):
            return f"value {number} differs"
        elif not exact and isinstance(other, torch.Tensor) and isinstance(one, torch.Tensor):
            if not corpus.close(one.detach(), other.detach(), None):
                return f"value {number} differs"
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--only", default="", help="only programs whose name contains this")
    parser.add_argument("--option", action="append", default=[], help="passed on to expc (repeatable)")
    parser.add_argument("--from-text", action="store_true", help="read the printed programs")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--expc", type=Path, default=target / "release" / "expc")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    n_wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.pt2"
        for folder in options.folders:
            programs = [file.parent for file in sorted(folder.glob("*/model.pt2")) if options.only in file.parent.name]
            foreign = set()
            for library in {library for one in programs for library in libraries(one)}:
                try:
                    torch.ops.load_library(library)
                except OSError:
                    # Built for another PyTorch than the one that checks.
                    foreign.add(library)
            results = [check(program, options, out) for program in programs if foreign.isdisjoint(libraries(program))]
            wrong = [result for result in results if result.wrong]
            for result in wrong:
                print(f"  {result.name}: {result.wrong}")
            reasons = collections.Counter(result.left_out for result in results if result.left_out and not result.wrong)
            for reason, count in reasons.items():
                print(f"  left out {count}: {reason}")
            print(f"{folder.name}: {len(results) - len(wrong)} of {len(results)} programs right", flush=True)
            n_wrong += len(wrong)
    sys.exit(1 if n_wrong else 0)


def libraries(folder: Path) -> list[str]:
    """Files of the libraries that a program's operators are in."""
    meta = folder / "meta.json"
    names = json.loads(meta.read_text()).get("libraries", []) if meta.exists() else []
    return [str((folder.parent / name).resolve()) for name in names]


if __name__ == "__main__":
    main()

"""Runs test programs with `expc run-many` and compares everything with what PyTorch gave.

    .deps/venv/bin/python tools/check_corpus.py FOLDER... [--only TEXT] [--option=--no-optimize] [--expc PATH]

FOLDER is a set as `make_*.py` writes it (`.corpus/full/opinfo`). Compared are the outputs, the buffers, parameters
and inputs that a call changes, further calls of fresh programs, and the messages to inputs that must be
refused; calls that share state are left to the Rust tests. Status 1 if anything is wrong.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

import corpus

ROOT = Path(__file__).resolve().parents[1]


@dataclasses.dataclass
class Case:
    """One call of one program; `refused` is the text that its diagnostic must have, where it must fail."""

    folder: Path
    meta: dict
    suffix: str
    refused: str | None = None

    @property
    def name(self) -> str:
        return f"{self.folder.parent.name}/{self.folder.name}{self.suffix}"

    @property
    def inputs(self) -> Path:
        return self.folder / (f"inputs{self.suffix}.npz" if self.refused is None else f"{self.suffix[1:]}.npz")


def cases_of(folder: Path, only: str) -> list[Case]:
    cases = []
    for file in sorted(folder.glob("*/meta.json")):
        if only not in file.parent.name:
            continue
        meta = json.loads(file.read_text())
        suffixes = ["", *(f"_alt{number}" for number in range(1, meta["alts"] + 1))]
        cases += [Case(file.parent, meta, suffix) for suffix in suffixes]
        cases += [Case(file.parent, meta, "_" + bad["inputs"].removesuffix(".npz"), bad["message"]) for bad in meta["bad"]]
    return cases


def libraries(case: Case) -> tuple[str, ...]:
    """Files of the libraries that the program's operators are in."""
    return tuple(str((case.folder.parent / library).resolve()) for library in case.meta.get("libraries", []))


def run(cases: list[Case], expc: Path, options: list[str], scratch: Path) -> dict[str, str]:
    """Runs cases that need the same libraries; the answer says by which signal or status a case ended the process."""
    died, left = {}, cases
    while left:
        listing = scratch / "list"
        listing.write_text("".join(f"{c.folder / 'model.pt2'}\t{c.inputs}\t{out(c, scratch)}\n" for c in left))
        loads = [word for library in libraries(left[0]) for word in ("--load-library", library)]
        done = subprocess.run([str(expc), "run-many", str(listing), "--state", *loads, *options], capture_output=True, text=True)
        if done.returncode in (0, 1):
            break
        # The process died: the first case without an answer is at fault, the ones after it have not run.
        place = next((i for i, c in enumerate(left) if not answered(c, scratch)), len(left))
        if place < len(left):
            died[left[place].name] = f"expc ended with status {done.returncode}: {done.stderr.strip()[-300:]}"
        left = left[place + 1 :]
    return died


def out(case: Case, scratch: Path) -> Path:
    return scratch / (case.name.replace("/", "__") + ".npz")


def answered(case: Case, scratch: Path) -> bool:
    path = out(case, scratch)
    return path.exists() or error_file(path).exists()


def error_file(path: Path) -> Path:
    return path.with_name(path.name + ".err")


def verdict(case: Case, scratch: Path) -> str | None:
    """What is wrong with a case, or None."""
    path = out(case, scratch)
    if error_file(path).exists():
        text = error_file(path).read_text().strip()
        if case.refused is None:
            return "failed: " + " ".join(text.split())[:400]
        return None if case.refused in text else f"refused without `{case.refused}`: {text[:300]}"
    if not path.exists():
        return "no output and no diagnostic"
    if case.refused is not None:
        return f"was not refused, expected `{case.refused}`"
    return differences(case, np.load(path))


def differences(case: Case, got) -> str | None:
    expected = expected_values(case)
    wrong = [f"{key} is missing" for key in expected if key not in got.files]
    # Whether an unchanged input or buffer is written too is the program's choice.
    wrong += [f"{key} is not expected" for key in got.files if key not in expected and ":" not in key]
    skip = case.meta["not_compared"]
    for key in expected:
        if key in got.files:
            problem = difference(got[key], expected[key], dtype_of(case, key), case.meta["tolerance"], spoken(key) in skip)
            if problem:
                wrong.append(f"{key}: {problem}")
    return "; ".join(wrong)[:600] or None


def expected_values(case: Case) -> dict[str, np.ndarray]:
    values = dict(np.load(case.folder / f"expected{case.suffix}.npz"))
    for kind, prefix in (("buffers", "buffer:"), ("inputs_after", "input:")):
        file = case.folder / f"expected_{kind}{case.suffix}.npz"
        if file.exists():
            values.update({prefix + key: value for key, value in np.load(file).items()})
    return values


def spoken(key: str) -> str:
    """The name that `meta.json: not_compared` has for a key."""
    if key.startswith("buffer:"):
        return "state " + key.removeprefix("buffer:")
    return "input " + key.removeprefix("input:") if key.startswith("input:") else "output " + key


def dtype_of(case: Case, key: str) -> str:
    """The type of an output in the program, which the file may have widened."""
    return case.meta["outputs"][int(key)].get("dtype", "") if ":" not in key else ""


def difference(got: np.ndarray, expected: np.ndarray, dtype: str, relative: float | None, skip: bool) -> str | None:
    if got.shape != expected.shape:
        return f"shape {list(got.shape)}, expected {list(expected.shape)}"
    if got.dtype != expected.dtype:
        return f"type {got.dtype}, expected {expected.dtype}"
    if skip:
        return None
    element = getattr(torch, dtype, None) or getattr(torch, str(expected.dtype), None)
    if element not in corpus.TOLERANCES:
        equal = np.array_equal(got, expected, equal_nan=expected.dtype.kind in "fc")
        return None if equal else f"{got.flatten()[:4]}, expected {expected.flatten()[:4]}"
    rtol, atol = corpus.TOLERANCES[element]
    rtol = relative or rtol
    if np.allclose(got, expected, rtol=rtol, atol=max(atol, rtol * 0.1), equal_nan=True):
        return None
    return f"differs by up to {np.nanmax(np.abs(got - expected)):.3g} of {np.nanmax(np.abs(expected)):.3g}"


def check(folder: Path, options: argparse.Namespace) -> int:
    """Runs one set and prints what is wrong; the number of calls that are."""
    cases = cases_of(folder, options.only)
    groups: dict[tuple, list[Case]] = {}
    for case in cases:
        groups.setdefault(libraries(case), []).append(case)
    wrong = {}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for group in groups.values():
            died = run(group, options.expc, options.option, scratch)
            for case in group:
                problem = died.get(case.name) or verdict(case, scratch)
                if problem:
                    wrong[case.name] = problem
    torch_fails = {case.name for case in cases if case.meta["round_trip"].startswith("fails")}
    for name, problem in wrong.items():
        print(f"  {name}{' (PyTorch cannot run it)' if name in torch_fails else ''}: {problem}")
    programs = {case.folder for case in cases}
    bad = {case.folder for case in cases if case.name in wrong}
    print(
        f"{folder.name}: {len(programs) - len(bad)} of {len(programs)} programs right, "
        f"{len(cases) - len(wrong)} of {len(cases)} calls",
        flush=True,
    )
    return len(wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--only", default="", help="only programs whose name contains this")
    parser.add_argument("--option", action="append", default=[], help="passed on to expc (repeatable)")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--expc", type=Path, default=target / "release" / "expc")
    options = parser.parse_args()
    wrong = sum(check(folder, options) for folder in options.folders)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

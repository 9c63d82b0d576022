"""Compares the operators that `expc opt --to core` leaves with those that PyTorch's `run_decompositions()` leaves.

    .deps/venv/bin/python tools/check_decompositions.py FOLDER... [--only TEXT] [--expc PATH] [--verbose]

FOLDER is a set as `make_*.py` writes it (`.corpus/full/opinfo`), beside which the same programs as PyTorch
decomposed them lie in `FOLDER_decomposed`. Where they do not, PyTorch decomposes the program here, and its answer
is kept in the program's folder as `core.json`. A program is `equal` if both leave the same operators, `fewer` if expc
leaves some of PyTorch's only, `other` otherwise. Whether the numbers are right is for
`tools/check_corpus.py FOLDER --option=--level=core`. Status 1 if a program is `other` or fails.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OPERATION = re.compile(r'^\s*(?:%[^=]*= )?"([\w.]+)"\(', re.MULTILINE)


def operators(expc: Path, model: Path, level: str) -> set[str] | str:
    """The operators of a program at a level, or what is wrong with it."""
    done = subprocess.run([str(expc), "opt", str(model), "--to", level], capture_output=True, text=True)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("error")]
        return errors[0] if errors else done.stderr[-200:]
    return {name for name in OPERATION.findall(done.stdout) if not name.startswith(("func.", "builtin.", "sym."))}


def torch_operators(folder: Path) -> set[str] | str:
    """The operators that PyTorch leaves, by their names in the dialect, or why it cannot decompose the program."""
    answer = folder / "core.json"
    if not answer.exists():
        answer.write_text(json.dumps(decomposed_by_torch(folder / "model.pt2"), indent=1) + "\n")
    found = json.loads(answer.read_text())
    return found["error"] if "error" in found else set(found["operators"])


def decomposed_by_torch(model: Path) -> dict:
    """What is left after `run_decompositions()`, and how long it took."""
    import corpus
    import torch

    warnings.filterwarnings("ignore")
    try:
        exported = torch.export.load(model)
        started = time.perf_counter()
        exported = exported.run_decompositions()
        took = time.perf_counter() - started
    except Exception as error:
        return {"error": corpus.one_line(error)}
    targets = [node.target for node in corpus.nodes(exported.graph_module)]
    names = {str(target) for target in targets if isinstance(target, torch._ops.OpOverload)}
    names |= {f"hop.{target.name()}" for target in targets if isinstance(target, torch._ops.HigherOrderOperator)}
    return {"operators": sorted(names), "seconds": took}


def compare(expc: Path, folder: Path, reference: Path) -> tuple[str, str]:
    """A verdict on one program, and what differs."""
    ours = operators(expc, folder / "model.pt2", "core")
    is_made = (reference / "model.pt2").exists()
    theirs = operators(expc, reference / "model.pt2", "exported") if is_made else torch_operators(folder)
    if isinstance(ours, str) or isinstance(theirs, str):
        return "failed", ours if isinstance(ours, str) else f"PyTorch's: {theirs}"
    if ours == theirs:
        return "equal", ""
    more, lacks = sorted(ours - theirs), sorted(theirs - ours)
    return ("other" if more else "fewer"), f"has {', '.join(more) or 'nothing'} more, lacks {', '.join(lacks) or 'nothing'}"


def check(folder: Path, options: argparse.Namespace) -> int:
    references = folder.with_name(folder.name + "_decomposed")
    programs = [file.parent for file in sorted(folder.glob("*/model.pt2")) if options.only in file.parent.name]
    pairs = [(program, references / program.name) for program in programs]
    if references.exists():
        pairs = [(program, reference) for program, reference in pairs if (reference / "model.pt2").exists()]
    else:
        # One at a time: PyTorch's tracing is not meant for threads.
        for program in programs:
            torch_operators(program)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(lambda pair: compare(options.expc, *pair), pairs))
    counts = collections.Counter(verdict for verdict, _ in verdicts)
    for (program, _), (verdict, text) in zip(pairs, verdicts, strict=True):
        if verdict in ("other", "failed") or options.verbose and text:
            print(f"  {folder.name}/{program.name}: {verdict}: {text}")
    answer = ", ".join(f"{counts[name]} {name}" for name in ("equal", "fewer", "other", "failed"))
    print(f"{folder.name}: {len(pairs)} programs: {answer}", flush=True)
    return counts["other"] + counts["failed"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--only", default="", help="only programs whose name contains this")
    parser.add_argument("--verbose", action="store_true", help="also list the programs of which less is left")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--expc", type=Path, default=target / "release" / "expc")
    options = parser.parse_args()
    sys.exit(1 if sum(check(folder, options) for folder in options.folders) else 0)


if __name__ == "__main__":
    main()

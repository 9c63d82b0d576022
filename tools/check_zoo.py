"""Everything that is checked of whole models: their outputs at each level, operators, types, and archives written back.

    .deps/venv/bin/python tools/check_zoo.py FOLDER... [--only TEXT] [--expc PATH] [--skip STEP]

FOLDER is a set as `make_zoo.py` writes it. The steps, each with a line of its own and the programs that fail:

    exported, functional, core  outputs and state as eager PyTorch gives them, at each level (`check_corpus.py`)
    operators                   what is left at Core ATen is what PyTorch leaves (`check_decompositions.py`)
    types                       what is inferred from the types of the inputs is what PyTorch recorded (`expc check --infer`)
    written                     PyTorch loads the archive that is written back and prints and runs it alike (`check_written.py`)
    written-functional, -core   the same, at these levels: it loads and runs it

Status 1 if anything is wrong.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "tools"


def script(name: str, *words: str):
    """A step that another script does."""

    def step(folder: Path, options: argparse.Namespace) -> bool:
        command = [sys.executable, str(TOOLS / name), str(folder), "--only", options.only, "--expc", str(options.expc), *words]
        return subprocess.run(command).returncode == 0

    return step


def types(folder: Path, options: argparse.Namespace) -> bool:
    programs = [file for file in sorted(folder.glob("*/model.pt2")) if options.only in file.parent.name]
    wrong = 0
    for file in programs:
        done = subprocess.run([str(options.expc), "check", str(file), "--infer"], capture_output=True, text=True)
        if done.returncode != 0:
            wrong += 1
            print(f"  {folder.name}/{file.parent.name}: {' '.join(done.stderr.split())[:300]}")
    print(f"{folder.name}: {len(programs) - wrong} of {len(programs)} programs right")
    return wrong == 0


STEPS = {
    "exported": script("check_corpus.py"),
    "functional": script("check_corpus.py", "--option=--level=functional"),
    "core": script("check_corpus.py", "--option=--level=core"),
    "operators": script("check_decompositions.py"),
    "types": types,
    "written": script("check_written.py"),
    "written-functional": script("check_written.py", "--option=--to=functional"),
    "written-core": script("check_written.py", "--option=--to=core"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--only", default="", help="only programs whose name contains this")
    parser.add_argument("--skip", choices=STEPS, action="append", default=[], help="leave out a step (repeatable)")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--expc", type=Path, default=target / "release" / "expc")
    options = parser.parse_args()
    failed = []
    for folder in options.folders:
        for name, step in STEPS.items():
            if name in options.skip:
                continue
            print(f"{name}:", flush=True)
            if not step(folder, options):
                failed.append(f"{name} of {folder.name}")
    if failed:
        sys.exit(f"error: {len(failed)} steps found something wrong: {', '.join(failed)}")


if __name__ == "__main__":
    main()

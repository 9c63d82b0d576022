"""Runs expc and PyTorch in turn on the same models and prints the Markdown tables of README.md.

    .deps/venv/bin/python benches/compare.py [--table run|compile] [--model NAME]... [--threads N] [--repeat R] [--rounds K] [-o FILE.md]

Each measurement is a process of its own, with the same number of threads; the two take turns for some
rounds, and the median over the rounds counts.

`run`: `latency` is the median of the calls in a process, PyTorch's in eager mode; `load` is what loading the archive
takes, `start to end` a whole process with one call. `compile`: everything from the file to Core ATen in expc
(`expc opt --to core --timing`: making the dialects known, reading, functionalization, decomposition, inference of
types, clean-up, verification), against `run_decompositions()` alone of the loaded program in PyTorch.

Models are those of `tools/make_models.py --set models` and `tools/make_zoo.py --family compile` (which needs
`tools/setup --corpora`), made if missing. `target/release/expc` must be built.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "tools"
MODELS = ROOT / ".corpus" / "full" / "models"
COMPILED = ROOT / ".corpus" / "zoo" / "compile"
# Per table: the models and what the table calls them.
RUN = {
    "resnet18": "ResNet-18, 1x3x224x224",
    "bert": "BERT, 4 layers, 2x128",
    "gpt2": "GPT-2, 1x64",
    "lstm": "LSTM, 1x32",
    "mlp64": "MLP, 64 layers",
    "linear1024": "1,024 `Linear(8, 8)`",
}
COMPILE = {
    "resnet50": "ResNet-50",
    "bert_base": "BERT-base",
    "llama24": "Llama-like, 24 layers",
    "swin_t": "Swin-T",
    "linear1024": "1,024 `Linear(8, 8)`",
}


def expc() -> Path:
    path = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "expc"
    if not path.exists():
        sys.exit(f"error: {path} is not there; `cargo build --release` makes it")
    return path


# What a process of PyTorch does; the first argument of the script says so.


def eager(name: str, threads: int, repeat: int) -> dict:
    """Latency of the module itself in inference mode."""
    sys.path.insert(0, str(TOOLS))
    import torch
    from make_models import MODELS as definitions

    torch.set_num_threads(threads)
    build, arguments, _ = definitions[name]
    torch.manual_seed(0)
    module, inputs = build().eval(), arguments()
    times = []
    with torch.inference_mode():
        for call in range(repeat + 5):
            start = time.perf_counter()
            module(*inputs)
            if call >= 5:
                times.append(time.perf_counter() - start)
    return {"latency": statistics.median(times), "torch": torch.__version__}


def load(name: str) -> dict:
    """`torch.export.load`, and one call."""
    import numpy
    import torch

    folder = MODELS / name
    start = time.perf_counter()
    module = torch.export.load(folder / "model.pt2").module()
    loaded = time.perf_counter() - start
    values = numpy.load(folder / "inputs.npz")
    with torch.inference_mode():
        module(*(torch.from_numpy(values[str(position)]) for position in range(len(values.files))))
    return {"load": loaded}


def decompose(archive: str) -> dict:
    """`run_decompositions()` of a loaded program."""
    import torch

    exported = torch.export.load(archive)
    start = time.perf_counter()
    exported.run_decompositions()
    return {"decompose": time.perf_counter() - start}


def answer(command: list[str]) -> tuple[dict, float]:
    """The JSON on the last line of a process's output, and how long the process took."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    took = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"error: {' '.join(command)}\n{done.stderr.strip()}")
    lines = done.stdout.strip().splitlines()
    return (json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}), took


def seconds(value: float) -> str:
    """Three digits that count."""
    for unit, scale in (("s", 1.0), ("ms", 1e3)):
        if value * scale >= 1:
            return f"{float(f'{value * scale:.3g}'):g} {unit}"
    return f"{value * 1e6:.0f} µs"


def run_row(name: str, options: argparse.Namespace) -> list[str]:
    """Measures the calls of one model; the cells of its row."""
    folder = MODELS / name
    archive, inputs = str(folder / "model.pt2"), str(folder / "inputs.npz")
    threads, repeat = str(options.threads), str(options.repeat)
    this = [sys.executable, str(Path(__file__).resolve())]
    found: dict[str, list[float]] = {key: [] for key in ("ours", "theirs", "our load", "their load", "our start", "their start")}
    for _ in range(options.rounds):
        flags = ["--inputs", inputs, "--threads", threads]
        ours, _ = answer([str(expc()), "bench", archive, *flags, "--json", "--repeat", repeat])
        found["ours"].append(ours["latency_s"]["median"])
        found["our load"].append(ours["load_s"])
        theirs, _ = answer([*this, "--eager", name, "--threads", threads, "--repeat", repeat])
        found["theirs"].append(theirs["latency"])
        with tempfile.TemporaryDirectory() as scratch:
            _, took = answer([str(expc()), "run", archive, *flags, "-o", f"{scratch}/out.npz"])
        found["our start"].append(took)
        loaded, took = answer([*this, "--load", name])
        found["their load"].append(loaded["load"])
        found["their start"].append(took)
    middle = {key: statistics.median(values) for key, values in found.items()}
    return [
        RUN[name],
        seconds(middle["ours"]),
        seconds(middle["theirs"]),
        f"{middle['ours'] / middle['theirs']:.2f}",
        seconds(middle["our load"]),
        seconds(middle["their load"]),
        seconds(middle["our start"]),
        seconds(middle["their start"]),
    ]


def compile_row(name: str, options: argparse.Namespace) -> list[str]:
    """Measures the way of one model to Core ATen, with fixed and with varying sizes; the cells of its row."""
    cells = [COMPILE[name]]
    for archive in archives(name):
        ours, theirs = [], []
        for _ in range(options.rounds):
            ours.append(compile_seconds(archive))
            found, _ = answer([sys.executable, str(Path(__file__).resolve()), "--decompose", str(archive)])
            theirs.append(found["decompose"])
        ours, theirs = statistics.median(ours), statistics.median(theirs)
        cells += [seconds(ours), seconds(theirs), f"{theirs / ours:.0f}"]
    return cells + ["–"] * (7 - len(cells))


def archives(name: str) -> list[Path]:
    """The program with fixed sizes, and the one with varying sizes where there is one."""
    if name in RUN:
        return [MODELS / name / "model.pt2"]
    return [COMPILED / f"compile.{name}{variant}" / "model.pt2" for variant in ("", ".dynamic")]


def compile_seconds(archive: Path) -> float:
    """The total that `--timing` shows."""
    command = [str(expc()), "opt", str(archive), "--to", "core", "--timing", "-o", os.devnull]
    done = subprocess.run(command, capture_output=True, text=True)
    totals = [line.split() for line in done.stderr.splitlines() if line.endswith("total")]
    if done.returncode != 0 or not totals:
        sys.exit(f"error: {' '.join(command)}\n{done.stderr.strip()}")
    return float(totals[-1][0])


# Per table: the models, what measures a row, and the columns.
TABLES = {
    "run": (
        RUN,
        run_row,
        ["model", "expc latency", "eager latency", "ratio", "expc load", "PyTorch load", "expc start to end", "PyTorch start to end"],
    ),
    "compile": (
        COMPILE,
        compile_row,
        ["model", "expc", "PyTorch", "times faster", "expc, sizes vary", "PyTorch, sizes vary", "times faster"],
    ),
}


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=TABLES, action="append", help="only this table (repeatable)")
    parser.add_argument("--model", choices={**RUN, **COMPILE}, action="append", help="only this model (repeatable)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", type=int, default=50, help="calls in a process")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path, help="also write the tables here")
    for hidden in ("--eager", "--load", "--decompose"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.eager:
        print(json.dumps(eager(options.eager, options.threads, options.repeat)))
    elif options.load:
        print(json.dumps(load(options.load)))
    elif options.decompose:
        print(json.dumps(decompose(options.decompose)))
    else:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    from importlib.metadata import version

    expc()
    make_missing(options)
    lines = []

    def show(line: str) -> None:
        lines.append(line)
        print(line, flush=True)

    show(
        f"{processor()}, {os.cpu_count()} cores, {options.threads} threads; PyTorch {version('torch')}; "
        f"expc {revision()}, release build; median of {options.rounds} rounds of {options.repeat} calls."
    )
    for table in options.table or TABLES:
        names, row, columns = TABLES[table]
        show("")
        show(f"| {' | '.join(columns)} |")
        show(f"|{' --- |' * len(columns)}")
        for name in names:
            if not options.model or name in options.model:
                show(f"| {' | '.join(row(name, options))} |")
    if options.output:
        options.output.write_text("\n".join(lines) + "\n")


def make_missing(options: argparse.Namespace) -> None:
    """Has the programs made that the chosen rows need and that are not there."""
    wanted = {archive for table in options.table or TABLES for name in TABLES[table][0] for archive in archives(name)}
    scripts = {MODELS: ["make_models.py"], COMPILED: ["make_zoo.py", "--family", "compile"]}
    for folder, (script, *words) in scripts.items():
        if not all(archive.exists() for archive in wanted if archive.is_relative_to(folder)):
            subprocess.run([sys.executable, str(TOOLS / script), str(folder), *words], check=True)


def revision() -> str:
    done = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()

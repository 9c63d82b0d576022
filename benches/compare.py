"""Runs expc and eager PyTorch in turn on the same models and prints a Markdown table.

Each measurement is a process of its own, with the same number of threads; the two take turns for some
rounds, and the median over the rounds counts. `latency` is the median of the calls in a process,
`start` the whole process from its start to its end with one call, `load` what loading the archive takes.

    .deps/venv/bin/python benches/compare.py [MODEL]... [--threads N] [--repeat R] [--rounds K] [-o FILE.md]

Models are those of `tools/make_models.py --set models`, made if missing. `target/release/expc` must be built.
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
NAMES = ["resnet18", "bert", "gpt2", "lstm", "mlp64", "linear1024"]


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
    return f"{value * 1e6:.0f} µs" if value < 1e-3 else f"{value * 1e3:.2f} ms" if value < 1 else f"{value:.2f} s"


def row(name: str, threads: int, repeat: int, rounds: int) -> list[str]:
    """Measures one model; the cells of its row."""
    folder = MODELS / name
    archive, inputs = str(folder / "model.pt2"), str(folder / "inputs.npz")
    this = [sys.executable, str(Path(__file__).resolve())]
    found: dict[str, list[float]] = {key: [] for key in ("ours", "theirs", "our load", "their load", "our start", "their start")}
    for _ in range(rounds):
        flags = ["--inputs", inputs, "--threads", str(threads)]
        ours, _ = answer([str(expc()), "bench", archive, *flags, "--json", "--repeat", str(repeat)])
        found["ours"].append(ours["latency_s"]["median"])
        found["our load"].append(ours["load_s"])
        theirs, _ = answer([*this, "--eager", name, "--threads", str(threads), "--repeat", str(repeat)])
        found["theirs"].append(theirs["latency"])
        with tempfile.TemporaryDirectory() as scratch:
            _, took = answer([str(expc()), "run", archive, *flags, "-o", f"{scratch}/out.npz"])
        found["our start"].append(took)
        loaded, took = answer([*this, "--load", name])
        found["their load"].append(loaded["load"])
        found["their start"].append(took)
    middle = {key: statistics.median(values) for key, values in found.items()}
    return [
        name,
        seconds(middle["ours"]),
        seconds(middle["theirs"]),
        f"{middle['ours'] / middle['theirs']:.2f}",
        seconds(middle["our load"]),
        seconds(middle["their load"]),
        seconds(middle["our start"]),
        seconds(middle["their start"]),
    ]


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=NAMES, metavar="MODEL", help=", ".join(NAMES))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", type=int, default=50, help="calls in a process")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path, help="also write the table here")
    parser.add_argument("--eager", help=argparse.SUPPRESS)
    parser.add_argument("--load", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.eager:
        print(json.dumps(eager(options.eager, options.threads, options.repeat)))
        return
    if options.load:
        print(json.dumps(load(options.load)))
        return
    unknown = set(options.models) - set(NAMES)
    if unknown:
        sys.exit(f"error: no model is named {', '.join(sorted(unknown))}")
    expc()
    if not all((MODELS / name / "expected.npz").exists() for name in options.models):
        subprocess.run([sys.executable, str(TOOLS / "make_models.py"), str(MODELS)], check=True)

    from importlib.metadata import version

    lines = [
        f"{processor()}, {os.cpu_count()} cores, {options.threads} threads; PyTorch {version('torch')}; "
        f"expc {revision()}, release build; median of {options.rounds} rounds of {options.repeat} calls.",
        "",
        "| model | expc latency | eager latency | ratio | expc load | PyTorch load | expc start to end | PyTorch start to end |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    print("\n".join(lines), flush=True)
    for name in options.models:
        lines.append(f"| {' | '.join(row(name, options.threads, options.repeat, options.rounds))} |")
        print(lines[-1], flush=True)
    if options.output:
        options.output.write_text("\n".join(lines) + "\n")


def revision() -> str:
    done = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()

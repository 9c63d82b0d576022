"""Writes test programs: a `.pt2` archive with inputs, PyTorch's results and what to know about both.

Every `make_*.py` beside this file describes its programs as `Program`s and hands functions that make them
to `write_all`, which exports each in a process of its own.

A program's folder holds

    model.pt2                   the archive, as `torch.export.save` wrote it
    text.txt                    `str(exported_program)`
    inputs.npz, expected.npz    flat user inputs and flat outputs of one call
    expected_buffers.npz        parameters and buffers that the call changed, by name
    expected_inputs_after.npz   user inputs that the call changed, by flat position
    *_alt1.npz, ..              further calls, each of a fresh program
    *_call2.npz, ..             further calls of the same program, which keeps its state
    bad_inputs_1.npz, ..        inputs that must be refused; `meta.json: bad` says with what in the message
    meta.json                   everything else (see `describe`)

In `.npz` files key "i" is the i-th user input or output; Python numbers are 0-d arrays, `None` and strings
have no key, types that numpy lacks are widened. A key with a letter is a name.
"""

import argparse
import copy
import dataclasses
import json
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.utils import _pytree as pytree

# Results agree when |got - expected| <= absolute + relative * |expected|.
TOLERANCES = {
    torch.float64: (1e-9, 1e-9),
    torch.complex128: (1e-9, 1e-9),
    torch.float32: (1e-4, 1e-5),
    torch.complex64: (1e-4, 1e-5),
    torch.float16: (4e-3, 4e-3),
    torch.complex32: (4e-3, 4e-3),
    torch.bfloat16: (3e-2, 3e-2),
}
# Older versions of PyTorch, which check what is written for them, lack some.
FLOAT8 = ("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu")
WIDENED = {
    torch.bfloat16: torch.float32,
    torch.complex32: torch.complex64,
    **{getattr(torch, name): torch.float32 for name in FLOAT8 if hasattr(torch, name)},
}


@dataclasses.dataclass
class Call:
    """The arguments of one call."""

    args: tuple = ()
    kwargs: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Bad:
    """Arguments that must be refused with `message` somewhere in the diagnostic."""

    args: tuple
    message: str
    kwargs: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Program:
    """A module, how to export it, and the calls to record."""

    module: torch.nn.Module
    args: tuple = ()
    kwargs: dict = dataclasses.field(default_factory=dict)
    dynamic_shapes: object = None
    strict: bool = False
    # True: core ATen. A dictionary: this table.
    decompose: bool | dict = False
    alts: list[Call] = dataclasses.field(default_factory=list)
    calls: list[Call] = dataclasses.field(default_factory=list)
    bad: list[Bad] = dataclasses.field(default_factory=list)
    family: str = ""
    note: str = ""
    # Relative tolerance where the type's own is too tight.
    tolerance: float | None = None
    extra: dict = dataclasses.field(default_factory=dict)


def normalize(tree):
    """The arguments as a reader of the `.npz` gets them: contiguous, detached, nothing lazy."""

    def leaf(value):
        if not isinstance(value, torch.Tensor):
            return value
        if value.layout != torch.strided:
            raise ValueError(f"an input of layout {value.layout} has no place in an .npz")
        value = value.detach().resolve_conj().resolve_neg()
        return value if value.is_contiguous() else value.contiguous()

    return pytree.tree_map(leaf, tree)


def to_array(tensor: torch.Tensor) -> np.ndarray:
    """A contiguous numpy copy, widened where numpy lacks the type."""
    tensor = tensor.detach().cpu()
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    tensor = tensor.resolve_conj().resolve_neg()
    if tensor.dtype in WIDENED:
        tensor = tensor.to(WIDENED[tensor.dtype])
    return tensor.contiguous().numpy().copy()


def save_npz(path: Path, values: dict) -> None:
    """Writes tensors and Python numbers; leaves out everything else."""
    arrays = {}
    for key, value in values.items():
        if isinstance(value, torch.Tensor):
            arrays[key] = to_array(value)
        elif isinstance(value, (bool, int, float, complex)):
            arrays[key] = np.array(value)
    np.savez(path, **arrays)


def flat(tree) -> list:
    return pytree.tree_flatten(tree)[0]


def numbered(values: list) -> dict:
    return {str(position): value for position, value in enumerate(values)}


def same_bits(a, b) -> bool:
    """Whether two flat values are equal, NaN equal to itself."""
    if isinstance(a, torch.Tensor) != isinstance(b, torch.Tensor):
        return False
    if isinstance(a, torch.Tensor):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        return np.array_equal(to_array(a), to_array(b), equal_nan=to_array(a).dtype.kind in "fc")
    return a == b or (a != a and b != b)


def close(got, expected, relative: float | None) -> bool:
    """Whether a flat value agrees within its type's tolerance."""
    if not isinstance(expected, torch.Tensor) or not isinstance(got, torch.Tensor):
        return same_bits(got, expected)
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return False
    if expected.dtype not in TOLERANCES:
        return same_bits(got, expected)
    rtol, atol = TOLERANCES[expected.dtype]
    rtol = relative or rtol
    return np.allclose(to_array(got), to_array(expected), rtol=rtol, atol=max(atol, rtol * 0.1), equal_nan=True)


@dataclasses.dataclass
class Outcome:
    """What one call left behind."""

    inputs: list
    outputs: list
    inputs_after: dict
    state_after: dict


def state_of(module: torch.nn.Module) -> dict:
    """Parameters and buffers by name, tied ones under every name."""
    named = dict(module.named_parameters(remove_duplicate=False))
    named.update(module.named_buffers(remove_duplicate=False))
    return {name: value for name, value in named.items() if isinstance(value, torch.Tensor)}


def call(module: torch.nn.Module, args: tuple, kwargs: dict, seed: int = 0) -> Outcome:
    """Calls `module` on copies of the arguments and finds out what changed."""
    inputs = flat((args, kwargs))
    given_args, given_kwargs = copy.deepcopy((args, kwargs))
    given = flat((given_args, given_kwargs))
    before = {name: value.detach().clone() for name, value in state_of(module).items()}
    torch.manual_seed(seed)
    outputs = flat(module(*given_args, **given_kwargs))
    # An output may be a view of something that a later call changes.
    outputs = [value.detach().clone() if isinstance(value, torch.Tensor) else value for value in outputs]
    changed_inputs = {
        str(position): after
        for position, (value, after) in enumerate(zip(inputs, given, strict=True))
        if isinstance(value, torch.Tensor) and not same_bits(value, after)
    }
    changed_state = {
        name: value.detach().clone()
        for name, value in state_of(module).items()
        if name in before and not same_bits(before[name], value)
    }
    return Outcome(inputs, outputs, changed_inputs, changed_state)


def describe(value) -> dict:
    """An entry of `meta.json: inputs` or `outputs`."""
    if isinstance(value, torch.Tensor):
        entry = {"kind": "tensor", "dtype": str(value.dtype).removeprefix("torch."), "shape": list(value.shape)}
        if value.dtype in WIDENED:
            entry["stored_as"] = str(WIDENED[value.dtype]).removeprefix("torch.")
        if value.layout != torch.strided:
            entry["layout"] = str(value.layout).removeprefix("torch.")
        return entry
    if value is None:
        return {"kind": "none"}
    if isinstance(value, (bool, int, float, str)):
        stored = value if not isinstance(value, float) or value == value and abs(value) != float("inf") else str(value)
        return {"kind": type(value).__name__, "value": stored}
    return {"kind": type(value).__name__, "value": str(value)}


def values_of(outcome: Outcome) -> dict:
    """Everything that a call left behind, under names that say what it is."""
    named = {f"output {position}": value for position, value in enumerate(outcome.outputs)}
    named.update({f"input {position}": value for position, value in outcome.inputs_after.items()})
    named.update({f"state {name}": value for name, value in outcome.state_after.items()})
    return named


def unstable(fresh: Callable[[], torch.nn.Module], args: tuple, kwargs: dict) -> dict[str, str]:
    """Which values cannot be compared: "random" (depend on the seed) or "uninitialized".

    `fresh` gives the exported graph: modules may set a seed themselves, which export leaves out.
    """
    first = values_of(call(fresh(), args, kwargs))
    # Small integers drawn at random may agree by chance, hence several seeds.
    seeds = range(1, 7) if draws_at_random(fresh()) else ()
    seeded = [values_of(call(fresh(), args, kwargs, seed)) for seed in seeds]
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    try:
        filled = values_of(call(fresh(), args, kwargs))
    finally:
        torch.use_deterministic_algorithms(False)
    found = {}
    for name, value in first.items():
        if not close(filled.get(name), value, None):
            found[name] = "uninitialized"
        elif not all(close(other.get(name), value, None) for other in seeded):
            found[name] = "random"
    return found


def draws_at_random(module: torch.fx.GraphModule) -> bool:
    tag = torch.Tag.nondeterministic_seeded
    return any(tag in node.target.tags for node in nodes(module) if isinstance(node.target, torch._ops.OpOverload))


def unstable_or_none(exported: torch.export.ExportedProgram, program: Program) -> dict[str, str]:
    """`unstable`; nothing where PyTorch cannot run its own graph."""
    try:
        # The module shares its state with the program, so each run needs a copy.
        return unstable(lambda: copy.deepcopy(exported.module()), program.args, program.kwargs)
    except Exception:
        return {}


def save_outcome(folder: Path, outcome: Outcome, suffix: str) -> None:
    save_npz(folder / f"inputs{suffix}.npz", numbered(outcome.inputs))
    save_npz(folder / f"expected{suffix}.npz", numbered(outcome.outputs))
    if outcome.state_after:
        save_npz(folder / f"expected_buffers{suffix}.npz", outcome.state_after)
    if outcome.inputs_after:
        save_npz(folder / f"expected_inputs_after{suffix}.npz", outcome.inputs_after)


def differences(got: Outcome, expected: Outcome, skip: dict[str, str], relative: float | None) -> list[str]:
    """What PyTorch's own run of the archive gives otherwise than eager PyTorch."""
    have, want = values_of(got), values_of(expected)
    if have.keys() != want.keys():
        return [f"{sorted(have)}, expected {sorted(want)}"]
    return [name for name in want if name not in skip and not close(have[name], want[name], relative)]


def check_round_trip(
    path: Path, program: Program, expected: list[Outcome], alts: list[Outcome], skip: dict[str, str]
) -> str:
    """Loads the archive, runs all calls, and compares; the answer is for `meta.json`."""
    try:
        module = torch.export.load(path).module()
        found = []
        for number, (one, outcome) in enumerate(zip(state_calls(program), expected, strict=True), start=1):
            got = call(module, one.args, one.kwargs)
            found += [f"call {number}: {text}" for text in differences(got, outcome, skip, program.tolerance)]
        for number, (one, outcome) in enumerate(zip(program.alts, alts, strict=True), start=1):
            got = call(torch.export.load(path).module(), one.args, one.kwargs)
            found += [f"alternative {number}: {text}" for text in differences(got, outcome, skip, program.tolerance)]
        return "ok" if not found else "differs: " + "; ".join(found)
    except Exception as error:
        return f"fails: {one_line(error)}"


def state_calls(program: Program) -> list[Call]:
    return [Call(program.args, program.kwargs), *program.calls]


def one_line(error: BaseException | None) -> str:
    """The types and first lines of an error and of what caused it."""
    parts = []
    while error is not None and len(parts) < 3:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        parts.append(f"{type(error).__name__}: {lines[0][:300] if lines else ''}")
        error = error.__cause__
    return " <- ".join(parts)


def export(program: Program) -> torch.export.ExportedProgram:
    module, args, kwargs = copy.deepcopy((program.module, program.args, program.kwargs))
    exported = torch.export.export(
        module, args, kwargs, dynamic_shapes=program.dynamic_shapes, strict=program.strict
    )
    if program.decompose is not False:
        table = None if program.decompose is True else program.decompose
        exported = exported.run_decompositions(table)
    return exported


def write_program(folder: Path, program: Program) -> dict:
    """Exports, saves and runs one program; the answer is its `meta.json`. Raises what PyTorch raises."""
    program.args, program.kwargs = normalize((program.args, program.kwargs))
    for one in [*program.alts, *program.calls, *program.bad]:
        one.args, one.kwargs = normalize((one.args, one.kwargs))

    torch.manual_seed(0)
    exported = export(program)
    folder.mkdir(parents=True, exist_ok=True)
    torch.export.save(exported, folder / "model.pt2")
    (folder / "text.txt").write_text(str(exported))

    path = folder / "model.pt2"
    with torch.no_grad():
        skip = unstable_or_none(exported, program)
        reference = "exported" if skip else "eager"
        outcomes, alts = record(exported.module() if skip else program.module, program)
        round_trip = check_round_trip(path, program, outcomes, alts, skip)
        if round_trip.startswith("differs"):
            # Export or decomposition changed what is computed: the archive is what counts.
            reference = "exported"
            outcomes, alts = record(torch.export.load(path).module(), program)
    for number, outcome in enumerate(outcomes, start=1):
        save_outcome(folder, outcome, "" if number == 1 else f"_call{number}")
    for number, outcome in enumerate(alts, start=1):
        save_outcome(folder, outcome, f"_alt{number}")
    bad = []
    for number, one in enumerate(program.bad, start=1):
        name = f"bad_inputs_{number}.npz"
        save_npz(folder / name, numbered(flat((one.args, one.kwargs))))
        bad.append({"inputs": name, "message": one.message, "torch": torch_refusal(folder, one)})

    signature = exported.graph_signature
    first = outcomes[0]
    meta = {
        "name": folder.name,
        "family": program.family,
        "note": program.note,
        "torch": torch.__version__,
        "decomposed": program.decompose is not False,
        "dynamic": bool(exported.range_constraints),
        "range_constraints": {str(k): str(v) for k, v in exported.range_constraints.items()},
        "inputs": [describe(value) for value in first.inputs],
        "outputs": [describe(value) for value in first.outputs],
        "not_compared": skip,
        "reference": reference,
        "tolerance": program.tolerance,
        "mutated_buffers": sorted(first.state_after),
        "mutated_inputs": sorted(first.inputs_after, key=int),
        "signature_user_inputs": sum(spec.kind.name == "USER_INPUT" for spec in signature.input_specs),
        "calls": len(outcomes),
        "alts": len(program.alts),
        "bad": bad,
        "round_trip": round_trip,
        "ops": sorted(operators(exported)),
        "size": path.stat().st_size,
        **program.extra,
    }
    (folder / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")
    return meta


def record(module: torch.nn.Module, program: Program) -> tuple[list[Outcome], list[Outcome]]:
    """The calls that share state, and those of fresh copies of the module."""
    kept = copy.deepcopy(module)
    outcomes = [call(kept, one.args, one.kwargs) for one in state_calls(program)]
    return outcomes, [call(copy.deepcopy(module), one.args, one.kwargs) for one in program.alts]


def torch_refusal(folder: Path, one: Bad) -> str:
    """What PyTorch itself says to inputs that must be refused."""
    try:
        torch.export.load(folder / "model.pt2").module()(*copy.deepcopy(one.args), **copy.deepcopy(one.kwargs))
    except Exception as error:
        return one_line(error)
    return "accepted"


def nodes(module: torch.nn.Module):
    """All calls in the graphs of a module, nested ones included."""
    for graph_module in module.modules():
        if isinstance(graph_module, torch.fx.GraphModule):
            yield from (node for node in graph_module.graph.nodes if node.op == "call_function")


def operators(exported: torch.export.ExportedProgram) -> set[str]:
    """Names of everything that the graphs call."""
    targets = [node.target for node in nodes(exported.graph_module)]
    return {str(target) if isinstance(target, torch._ops.OpOverload) else target.__name__ for target in targets}


# Running many


@dataclasses.dataclass
class Job:
    """One program to write: the folder's name and the function that makes it."""

    name: str
    make: Callable[[], Program]


def run_job(job: Job, folder: Path, answer) -> None:
    """Body of the process that writes one program."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    try:
        write_program(folder, job.make())
        answer.send(None)
    except BaseException as error:
        answer.send(one_line(error))
    answer.close()
    # Threads of the process that was copied are not here to be joined.
    os._exit(0)


def warm_up() -> None:
    """Imports what export imports late, once, before processes are copied."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    exported = torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),))
    exported.run_decompositions()


def write_all(out: Path, jobs: list[Job], processes: int = 2, limit: float = 120.0) -> dict:
    """Writes every job's program under `out`, `processes` at a time, each with a time limit in seconds.

    The answer, also left in `out/failures.json`, says why which program could not be made.
    """
    out.mkdir(parents=True, exist_ok=True)
    warm_up()
    context = multiprocessing.get_context("fork")
    waiting, running, failures, started = list(reversed(jobs)), {}, {}, time.monotonic()
    while waiting or running:
        while waiting and len(running) < processes:
            job = waiting.pop()
            folder = out / job.name
            shutil.rmtree(folder, ignore_errors=True)
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=run_job, args=(job, folder, theirs), daemon=True)
            process.start()
            theirs.close()
            running[job.name] = (process, ours, folder, time.monotonic())
        multiprocessing.connection.wait([ours for _, ours, _, _ in running.values()], timeout=1.0)
        for name, (process, ours, folder, since) in list(running.items()):
            late = time.monotonic() - since > limit
            if not (ours.poll() or not process.is_alive() or late):
                continue
            reason = finish(process, ours, late)
            del running[name]
            if reason is not None:
                failures[name] = reason
                shutil.rmtree(folder, ignore_errors=True)
    (out / "failures.json").write_text(json.dumps(dict(sorted(failures.items())), indent=1) + "\n")
    made = len(jobs) - len(failures)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    print(
        f"{out.name}: {made} programs, {len(failures)} could not be made, "
        f"{size / 1e6:.1f} MB, {time.monotonic() - started:.0f} s",
        flush=True,
    )
    return failures


def finish(process, answer, late: bool) -> str | None:
    """Ends a process; `None` if it wrote its program, else why not."""
    try:
        if answer.poll():
            return answer.recv()
    except EOFError:
        pass
    finally:
        if late and process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()
    if late:
        return "TimeoutError: took too long"
    return f"process ended with status {process.exitcode}"


def arguments(text: str) -> argparse.ArgumentParser:
    """The options that every generator has."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("out", type=Path, help="folder to write into")
    parser.add_argument("--decomposed", action="store_true", help="after run_decompositions()")
    parser.add_argument("--only", default="", help="only programs whose name contains this")
    parser.add_argument("--processes", type=int, default=2)
    return parser

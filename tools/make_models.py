"""Whole models with fixed random weights, and programs that keep state.

`--set models` makes what the benchmarks run, `--set state` the state programs (as exported and after
decomposition, three calls each), `--set small` both with models small enough for every test run,
`--set quickstart` a ResNet-18 and a transformer.
"""

import functools

import torch

import corpus
from models import small, state, text, vision


def tokens(*shape: int, below: int = 1000) -> torch.Tensor:
    return torch.randint(1, below, shape)


def sequences(length: int) -> tuple:
    """Arguments of a BERT: tokens, mask, kinds; the second half of the mask is padding in the last row."""
    mask = torch.ones(2, length, dtype=torch.int64)
    mask[1, length // 2 :] = 0
    kinds = torch.zeros(2, length, dtype=torch.int64)
    kinds[:, length // 2 :] = 1
    return tokens(2, length), mask, kinds


BATCH = torch.export.Dim("batch", min=1, max=16)
LENGTH = torch.export.Dim("length", min=2, max=64)

# Per name: the module, its arguments, and which dimensions are dynamic.
MODELS = {
    "resnet18": (vision.resnet18, lambda: (torch.randn(1, 3, 224, 224),), None),
    "bert": (text.Bert, lambda: sequences(128), None),
    "gpt2": (text.Gpt2, lambda: (tokens(1, 64),), None),
    "lstm": (small.Lstm, lambda: (tokens(1, 32),), None),
    "mlp64": (small.mlp, lambda: (torch.randn(1, 32),), None),
    "linear1024": (small.linears, lambda: (torch.randn(1, 8),), None),
}
SMALL = {
    "resnet_small": (functools.partial(vision.ResNet18, 10, 4), lambda: (torch.randn(2, 3, 32, 32),), None),
    "bert_small": (functools.partial(text.Bert, 1000, 32, 2, 4, 64), lambda: sequences(8), [{0: BATCH, 1: LENGTH}] * 3),
    "gpt2_small": (functools.partial(text.Gpt2, 1000, 32, 2, 4, 64), lambda: (tokens(1, 8),), [{1: LENGTH}]),
    "lstm_small": (functools.partial(small.Lstm, 50, 8, 2), lambda: (tokens(1, 8, below=50),), None),
    "mlp_small": (functools.partial(small.mlp, 8, 8), lambda: (torch.randn(2, 8),), [{0: BATCH}]),
    "transformer": (functools.partial(text.Bert, 1000, 128, 2, 4, 64), lambda: sequences(32), [{0: BATCH, 1: LENGTH}] * 3),
    "linear64": (functools.partial(small.linears, 64), lambda: (torch.randn(1, 8),), None),
}
QUICKSTART = {
    "resnet18": MODELS["resnet18"],
    "transformer": SMALL["transformer"],
}
# Inputs that must be refused, and with what in the message.
REFUSED = {
    "transformer": [corpus.Bad(sequences(100), message="input_ids.shape[1] is 100, exported for 2..64")],
}
SETS = {"models": MODELS, "small": SMALL, "state": {}, "quickstart": QUICKSTART}


def make_model(build, arguments, dynamic, decompose: bool, bad: list[corpus.Bad]) -> corpus.Program:
    torch.manual_seed(0)
    module = build().eval()
    return corpus.Program(module, arguments(), dynamic_shapes=dynamic, decompose=decompose, bad=bad, family="model")


def make_state(name: str, decompose: bool) -> corpus.Program:
    module, calls = state.programs()[name]
    calls = [one if len(one) == 2 and isinstance(one[1], dict) else (one, {}) for one in calls]
    (args, kwargs), *further = calls
    return corpus.Program(
        module,
        args,
        kwargs,
        decompose=decompose,
        calls=[corpus.Call(*one) for one in further],
        family="state",
        note=" ".join(type(module).__doc__.split()),
    )


def jobs_of(which: str) -> list[corpus.Job]:
    jobs = []
    for name, parts in SETS[which].items():
        bad = REFUSED.get(name, [])
        jobs.append(corpus.Job(name, functools.partial(make_model, *parts, False, bad)))
        if which == "small":
            jobs.append(corpus.Job(f"{name}.decomposed", functools.partial(make_model, *parts, True, bad)))
    if which in ("small", "state"):
        for name in state.programs():
            jobs.append(corpus.Job(f"state_{name}", functools.partial(make_state, name, False)))
            jobs.append(corpus.Job(f"state_{name}.decomposed", functools.partial(make_state, name, True)))
    return jobs


def main() -> None:
    parser = corpus.arguments(__doc__)
    parser.add_argument("--set", choices=SETS, default="models", dest="which")
    options = parser.parse_args()
    jobs = [job for job in jobs_of(options.which) if options.only in job.name]
    corpus.write_all(options.out, jobs, options.processes, limit=600.0)


if __name__ == "__main__":
    main()

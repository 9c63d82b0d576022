"""Small programs of our own, each about one feature of exported programs; they are in `features/`.

A name that ends in `.decomposed` is the same program after `run_decompositions()`.
"""

import functools

import corpus
from features import CASES, aliasing, control, operators, shapes, trees, values  # noqa: F401


def make(function, decompose: bool) -> corpus.Program:
    program = function()
    program.decompose = program.decompose or decompose
    return program


def main() -> None:
    options = corpus.arguments(__doc__).parse_args()
    jobs = [
        corpus.Job(name + ".decomposed" * options.decomposed, functools.partial(make, function, options.decomposed))
        for name, function in sorted(CASES.items())
        if options.only in name
    ]
    corpus.write_all(options.out, jobs, options.processes)


if __name__ == "__main__":
    main()

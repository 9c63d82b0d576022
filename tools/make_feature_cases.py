"""Small programs of our own, each about one feature of exported programs; they are in `features/`."""

import functools

import corpus
from features import CASES, aliasing, control, operators, shapes, trees, values  # noqa: F401


def make(function, decompose: bool, strict: bool) -> corpus.Program:
    program = function()
    program.decompose = program.decompose or decompose
    program.strict = program.strict or strict
    return program


def main() -> None:
    parser = corpus.arguments(__doc__)
    parser.add_argument("--strict", action="store_true", help="traced through Dynamo")
    options = parser.parse_args()
    jobs = [
        corpus.Job(name, functools.partial(make, function, options.decomposed, options.strict))
        for name, function in sorted(CASES.items())
        if options.only in name
    ]
    corpus.write_all(options.out, jobs, options.processes)


if __name__ == "__main__":
    main()

"""The supported examples of PyTorch's ExportDB (`torch._export.db`)."""

import copy
import functools

import corpus


def make(case, strict: bool, decompose: bool) -> corpus.Program:
    further = [corpus.Call(tuple(case.extra_args))] if case.extra_args else []
    return corpus.Program(
        case.model,
        copy.deepcopy(tuple(case.example_args)),
        copy.deepcopy(dict(case.example_kwargs)),
        dynamic_shapes=case.dynamic_shapes,
        strict=strict,
        decompose=decompose,
        alts=further,
        family="exportdb",
        note=" ".join(case.description.split()),
    )


def main() -> None:
    parser = corpus.arguments(__doc__)
    parser.add_argument("--strict", action="store_true", help="traced through Dynamo")
    options = parser.parse_args()
    from torch._export.db.case import SupportLevel
    from torch._export.db.examples import filter_examples_by_support_level

    jobs = [
        corpus.Job(name, functools.partial(make, case, options.strict, options.decomposed))
        for name, case in sorted(filter_examples_by_support_level(SupportLevel.SUPPORTED).items())
        if options.only in name
    ]
    corpus.write_all(options.out, jobs, options.processes)


if __name__ == "__main__":
    main()

"""Small programs of our own that write to tensors in place, through every kind of view; they are in `mutations/`."""

import corpus
from mutations import CASES, control, operators, state, views  # noqa: F401

# A few of every kind, for the small set.
SAMPLE = (
    "as_strided_of_view",
    "batch_norm_training",
    "buffer_views",
    "cond_local_write",
    "foreach_add",
    "kv_cache",
    "no_grad_buffer",
    "siblings_see_writes",
    "transposed_base",
)


def main() -> None:
    parser = corpus.arguments(__doc__)
    parser.add_argument("--sample", action="store_true", help="only a handful of programs")
    options = parser.parse_args()
    jobs = [
        corpus.Job(name, make)
        for name, make in sorted(CASES.items())
        if options.only in name and (not options.sample or name in SAMPLE)
    ]
    corpus.write_all(options.out, jobs, options.processes)


if __name__ == "__main__":
    main()

"""Records what PyTorch prints for the examples of its ExportDB (`torch._export.db`).

Writes a file per example that PyTorch exports: `str(exported_program)` without the comments, which name Python files. The
tests of `compiler/src/exportdb` compare with them.

    python tools/record_exportdb.py compiler/src/exportdb/expected
"""

import argparse
import copy
import warnings
from pathlib import Path

import torch
from torch._export.db.examples import all_examples


def without_comments(text: str) -> str:
    """The printed program without empty lines and the comments that name lines of Python."""
    kept = []
    for line in text.splitlines():
        words = line.strip()
        is_comment = words.startswith("# ") and words not in ("# inputs", "# outputs")
        if words and not is_comment:
            kept.append(line.rstrip())
    return "\n".join(kept) + "\n"


def printed(case) -> str | None:
    """The text of the exported example; none where PyTorch refuses it."""
    try:
        program = torch.export.export(
            case.model,
            copy.deepcopy(tuple(case.example_args)),
            copy.deepcopy(dict(case.example_kwargs)),
            dynamic_shapes=case.dynamic_shapes,
            strict=False,
        )
    except torch._dynamo.exc.UserError:
        return None
    return without_comments(str(program))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    for name, case in sorted(all_examples().items()):
        text = printed(case)
        if text is not None:
            (folder / f"{name}.txt").write_text(text)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes dialects/ops/torch/<namespace>.schemas: every operator schema of the pinned PyTorch.

    .deps/venv/bin/python tools/gen_schemas.py [--check]

A file holds one schema a line in torch's own spelling, sorted, followed by the op's tags after two
spaces and `#`; `core_decomposition` and `core_composite` are entries of
`torch.export.default_decompositions()`, explicit or composite, and `composite` are the other functional ops that
torch computes from others, which no table keeps. Nothing that the schema itself says (in-place, out, view) is
written beside it.
`--check` writes nothing and fails if a file is not what this script would write.

The dispatcher's printed schemas are the source, because they keep the types that the rest of torch
reduces to int (SymInt, ScalarType, Layout, MemoryFormat, Device). Python modules that register ops are
imported first; torchvision's ops are added when torchvision is installed.
"""

import argparse
import collections
import importlib
import pathlib
import sys

import torch

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "dialects" / "ops" / "torch"

# Modules that register operators when they are imported; the last is a separate package.
REGISTERING_MODULES = [
    "torch._prims",
    "torch._prims.rng_prims",
    "torch.ao.quantization.fx._decomposed",
    "torch.export.custom_ops",
    "torch.nn.attention.varlen",
    "torchvision",
]

# Tags of nearly every op, which tell a reader of the table nothing.
SILENT_TAGS = {"pt2_compliant_tag", "generated"}


def import_registering_modules() -> None:
    for module in REGISTERING_MODULES:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            print(f"gen_schemas: without {module}: {error}", file=sys.stderr)


def decomposition_tags() -> dict[str, str]:
    """Op name to the tag that says how PyTorch's default Core ATen table takes the op apart."""
    from torch._export.utils import _collect_all_valid_cia_ops

    composite = {str(op) for op in _collect_all_valid_cia_ops()}
    return {
        str(op): "core_composite" if str(op) in composite else "core_decomposition"
        for op in torch.export.default_decompositions()
    }


# What making a program functional replaces although its kernel is no composite.
REPLACED = {"aten.lift_fresh_copy.default"}


def is_composite(overload) -> bool:
    """Whether torch computes the op from others wherever it traces: ops that may return their argument."""
    from torch._export.utils import _is_cia_op

    if str(overload) in REPLACED:
        return True

    try:
        return not overload._schema.is_mutable and _is_cia_op(overload)
    except RuntimeError:  # an op of TorchScript alone
        return False


def tags_of(schema, decompositions: dict[str, str]) -> list[str]:
    """The sorted tags of the op; TorchScript-only ops have no overload object and so no tags."""
    namespace, name = schema.name.split("::")
    try:
        packet = getattr(getattr(torch.ops, namespace), name)
        overload = getattr(packet, schema.overload_name or "default")
    except (AttributeError, RuntimeError):
        return []
    tags = {tag.name for tag in overload.tags} - SILENT_TAGS
    decomposition = decompositions.get(str(overload)) or ("composite" if is_composite(overload) else None)
    return sorted(tags | {decomposition} if decomposition else tags)


def file_texts() -> dict[str, str]:
    """File name to content, for every namespace."""
    lines = collections.defaultdict(set)
    decompositions = decomposition_tags()
    for schema in torch._C._jit_get_all_schemas():
        tags = tags_of(schema, decompositions)
        line = f"{schema}  # {', '.join(tags)}" if tags else str(schema)
        lines[schema.name.split("::")[0]].add(line)
    version = torch.__version__.split("+")[0]
    head = f"# Schemas of PyTorch {version}, written by tools/gen_schemas.py. Do not edit.\n"
    return {f"{namespace}.schemas": head + "\n".join(sorted(ops)) + "\n" for namespace, ops in lines.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail if a file is stale, write nothing")
    arguments = parser.parse_args()

    import_registering_modules()
    texts = file_texts()
    present = {path.name: path.read_text() for path in FOLDER.glob("*.schemas")}
    if arguments.check:
        stale = sorted(name for name in texts.keys() | present.keys() if texts.get(name) != present.get(name))
        for name in stale:
            print(f"gen_schemas: {name} is stale; run tools/gen_schemas.py", file=sys.stderr)
        return 1 if stale else 0

    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in present.keys() - texts.keys():
        (FOLDER / name).unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text)
    count = sum(text.count("\n") - 1 for text in texts.values())
    print(f"{count} schemas in {len(texts)} files under {FOLDER.relative_to(FOLDER.parents[2])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

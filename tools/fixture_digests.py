"""Writes what PyTorch reads from the fixtures' archives: dtype, sizes, strides, offset, bytes and sharing of every tensor.

Usage: python tools/fixture_digests.py VERSIONS OUT.json

VERSIONS is the unpacked `tests/fixtures/versions.tar.xz`. Run with the pinned torch; the answer is packed into the
same archive as `digests.json`, and the reader's tests compare with it. Pickled weights (2.3 to 2.8) are read by
`torch.load`, raw ones by `torch.export.load`, so nothing here repeats the reader's own rules.
"""

import hashlib
import io
import json
import pathlib
import sys
import zipfile

import torch


def tensor_bytes(tensor):
    flat = tensor.detach().contiguous().reshape(-1)
    return bytes(flat.view(torch.uint8).tolist()) if flat.numel() else b""


def digest(tensors):
    storages = {}
    rows = {}
    for fqn, tensor in tensors.items():
        storage = tensor.untyped_storage().data_ptr() if tensor.numel() else ("empty", fqn)
        rows[fqn] = {
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "sizes": list(tensor.shape),
            "strides": list(tensor.stride()),
            "offset": tensor.storage_offset(),
            "requires_grad": tensor.requires_grad,
            "parameter": isinstance(tensor, torch.nn.Parameter),
            "sha256": hashlib.sha256(tensor_bytes(tensor)).hexdigest()[:16],
            "storage": storages.setdefault(storage, len(storages)),
        }
    return rows


def flat_tensors(value, path, out):
    if isinstance(value, torch.Tensor):
        out[path] = value
    elif isinstance(value, dict):
        for key, item in value.items():
            flat_tensors(item, f"{path}[{key!r}]", out)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            flat_tensors(item, f"{path}[{index}]", out)
    return out


def load_entry(archive, suffix):
    names = [name for name in archive.namelist() if name.endswith(suffix)]
    if not names:
        return None
    return torch.load(io.BytesIO(archive.read(names[0])), weights_only=False)


def read(path):
    archive = zipfile.ZipFile(path)
    sample = load_entry(archive, "serialized_example_inputs.pt") or load_entry(archive, "data/sample_inputs/model.pt")
    weights = load_entry(archive, "serialized_state_dict.pt")
    if weights is None:
        weights = load_entry(archive, "data/weights/model.pt")
    if weights is not None:
        constants = load_entry(archive, "serialized_constants.pt")
        if constants is None:
            constants = load_entry(archive, "data/constants/model.pt")
    else:
        program = torch.export.load(path)
        weights, constants = program.state_dict, program.constants
    return {
        "state_dict": digest(weights),
        "constants": digest(constants),
        "samples": None if sample is None else digest(flat_tensors(sample, "", {})),
    }


def main(versions, out):
    answer = {}
    for path in sorted(pathlib.Path(versions).glob("torch-*/*/model.pt2")):
        if path.parent.name == "custom_object":
            continue  # needs the class's library
        answer[f"{path.parent.parent.name}/{path.parent.name}"] = read(str(path))
    pathlib.Path(out).write_text(json.dumps(answer, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

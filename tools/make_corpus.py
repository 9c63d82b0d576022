"""Makes the test programs, unless they are there: `small` for every test run, `full` for everything.

They lie in `.corpus/small` and `.corpus/full`. The file `KEY` in either is a hash of the scripts that made it
and of the torch version, and is written last; a set with another key is made anew.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
CORPUS = TOOLS.parent / ".corpus"
SCRIPTS = ["corpus.py", "make_corpus.py", "make_exportdb.py", "make_feature_cases.py", "make_models.py", "make_opinfo.py"]

# Per set: the folder, the script and its options.
SETS = {
    "small": [
        ("opinfo", "make_opinfo.py", ["--sample"]),
        ("exportdb", "make_exportdb.py", []),
        ("features", "make_feature_cases.py", []),
        ("models", "make_models.py", ["--set", "small"]),
    ],
    "full": [
        ("exportdb", "make_exportdb.py", []),
        ("exportdb_strict", "make_exportdb.py", ["--strict"]),
        ("exportdb_decomposed", "make_exportdb.py", ["--decomposed"]),
        ("features", "make_feature_cases.py", []),
        ("features_decomposed", "make_feature_cases.py", ["--decomposed"]),
        ("features_strict", "make_feature_cases.py", ["--strict"]),
        ("state", "make_models.py", ["--set", "state"]),
        ("models", "make_models.py", ["--set", "models"]),
        ("opinfo", "make_opinfo.py", []),
        ("opinfo_decomposed", "make_opinfo.py", ["--decomposed"]),
        ("opinfo_bfloat16", "make_opinfo.py", ["--dtype", "bfloat16"]),
        ("opinfo_int64", "make_opinfo.py", ["--dtype", "int64"]),
        ("opinfo_complex64", "make_opinfo.py", ["--dtype", "complex64"]),
        ("opinfo_samples", "make_opinfo.py", ["--samples", "4"]),
    ],
}


def key() -> str:
    """A hash of what the programs depend on."""
    digest = hashlib.sha256(version("torch").encode())
    folders = [file for folder in ("models", "features") for file in sorted((TOOLS / folder).glob("*.[cp]*")) if file.is_file()]
    for file in [*(TOOLS / name for name in SCRIPTS), *folders]:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=SETS, nargs="?", default="small", help="which programs")
    chosen = parser.parse_args().set
    out, wanted, started = CORPUS / chosen, key(), time.monotonic()
    stamp = out / "KEY"
    if stamp.exists() and stamp.read_text() == wanted:
        print(f"corpus: {chosen} programs: there, in {out.relative_to(TOOLS.parent)}")
        return
    print(f"corpus: making the {chosen} programs in {out.relative_to(TOOLS.parent)}", flush=True)
    shutil.rmtree(out, ignore_errors=True)
    for folder, script, options in SETS[chosen]:
        subprocess.run([sys.executable, str(TOOLS / script), str(out / folder), *options], check=True)
    stamp.write_text(wanted)
    print(f"corpus: done in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()

"""Makes the test programs, unless they are there: `small` for every test run, `full` for everything.

They lie in folders of `.corpus/small` and `.corpus/full`. The file `KEY` in each is a hash of the scripts that
made it and of the torch version, and is written last; a folder with another key is made anew.
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
# Per script: the folder of the definitions that it uses.
DEFINITIONS = {"make_feature_cases.py": "features", "make_models.py": "models", "make_mutations.py": "mutations"}

# Per set: the folder, the script and its options.
SETS = {
    "small": [
        ("opinfo", "make_opinfo.py", ["--sample"]),
        ("exportdb", "make_exportdb.py", []),
        ("features", "make_feature_cases.py", []),
        ("models", "make_models.py", ["--set", "small"]),
        ("mutations", "make_mutations.py", ["--sample"]),
    ],
    "full": [
        ("exportdb", "make_exportdb.py", []),
        ("exportdb_strict", "make_exportdb.py", ["--strict"]),
        ("exportdb_decomposed", "make_exportdb.py", ["--decomposed"]),
        ("features", "make_feature_cases.py", []),
        ("features_decomposed", "make_feature_cases.py", ["--decomposed"]),
        ("features_strict", "make_feature_cases.py", ["--strict"]),
        ("state", "make_models.py", ["--set", "state"]),
        ("mutations", "make_mutations.py", []),
        ("models", "make_models.py", ["--set", "models"]),
        ("opinfo", "make_opinfo.py", []),
        ("opinfo_decomposed", "make_opinfo.py", ["--decomposed"]),
        ("opinfo_bfloat16", "make_opinfo.py", ["--dtype", "bfloat16"]),
        ("opinfo_int64", "make_opinfo.py", ["--dtype", "int64"]),
        ("opinfo_complex64", "make_opinfo.py", ["--dtype", "complex64"]),
        ("opinfo_samples", "make_opinfo.py", ["--samples", "4"]),
    ],
}


def key(script: str, options: list[str]) -> str:
    """A hash of what the programs of a folder depend on."""
    digest = hashlib.sha256(" ".join([version("torch"), script, *options]).encode())
    definitions = TOOLS / DEFINITIONS[script] if script in DEFINITIONS else None
    files = [TOOLS / "cases.py", *sorted(definitions.glob("*.[cp]*"))] if definitions else []
    for file in [TOOLS / "corpus.py", TOOLS / script, *files]:
        if file.is_file():
            digest.update(file.name.encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=SETS, nargs="?", default="small", help="which programs")
    chosen = parser.parse_args().set
    started = time.monotonic()
    for folder, script, options in SETS[chosen]:
        out, wanted = CORPUS / chosen / folder, key(script, options)
        stamp = out / "KEY"
        if stamp.exists() and stamp.read_text() == wanted:
            continue
        print(f"corpus: making the programs of {out.relative_to(TOOLS.parent)}", flush=True)
        shutil.rmtree(out, ignore_errors=True)
        subprocess.run([sys.executable, str(TOOLS / script), str(out), *options], check=True)
        stamp.write_text(wanted)
    print(f"corpus: {chosen} programs: there, in {(CORPUS / chosen).relative_to(TOOLS.parent)} ({time.monotonic() - started:.0f} s)")


if __name__ == "__main__":
    main()

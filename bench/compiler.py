"""The C compiler of this machine, for the contenders in C."""

import ctypes
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

FLAGS = ("-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
if COMPILER is None:
    raise ImportError("there is no C compiler (cc, gcc or clang) on the PATH")
CACHE = Path(os.environ["BENCH_CACHE"])  # the folder that a worker is given


def version() -> str:
    """The compiler, as it names itself."""
    command = [str(COMPILER), "--version"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return shown.partition("\n")[0]


def library(source: Path, *flags: str) -> ctypes.CDLL:
    """The shared library made from a source file, or found in the cache."""
    command = [str(COMPILER), *FLAGS, *flags, str(source)]
    name = hashlib.sha256(
        "\0".join([*command, source.read_text()]).encode()
    ).hexdigest()[:16]
    target = CACHE / f"{name}.so"
    if not target.exists():
        subprocess.run([*command, "-o", str(target), "-lm"], check=True)
    return ctypes.CDLL(str(target.resolve()))

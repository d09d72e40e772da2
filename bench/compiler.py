"""The C compiler of this machine, which compiles the contenders in C."""

import ctypes
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from .cases import Case

FLAGS = ("-O3", "-march=native", "-ffast-math", "-fPIC")
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
if COMPILER is None:
    raise ImportError("no C compiler (cc, gcc or clang) on the PATH")
CACHE = Path(os.environ["BENCH_CACHE"])  # the folder of this worker


def version() -> str:
    """Return the compiler's name and version, the first line that it prints."""
    command = [str(COMPILER), "--version"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return shown.partition("\n")[0]


def library(source: Path, *flags: str) -> ctypes.CDLL:
    """Compile a source file, or take the cached library, and load it."""
    command = [str(COMPILER), *FLAGS, *flags, str(source)]
    name = hashlib.sha256(
        "\0".join([*command, source.read_text()]).encode()
    ).hexdigest()[:16]
    target = CACHE / f"{name}.so"
    if not target.exists():
        compiled = str(target.with_suffix(".o"))
        subprocess.run([*command, "-c", "-o", compiled], check=True)
        # Linked without -ffast-math, which would make the whole process that loads
        # the library take denormal numbers for 0.
        linking = [str(COMPILER), "-shared", compiled, *flags, "-o", str(target), "-lm"]
        subprocess.run(linking, check=True)
    return ctypes.CDLL(str(target.resolve()))


def orders(case: Case) -> Any:
    """Return a pointer to the orders of the rows, or None where they keep theirs."""
    if not case.shuffled:
        return None
    numbers = case.orders().astype(ctypes.c_long)
    return numbers.ctypes.data_as(ctypes.POINTER(ctypes.c_long))

"""The obvious loop in C for a 2-2-1 net, per sample, compiled here and now where there is a compiler."""

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..cases import Case

FLAGS = ("-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")
_DOUBLES = ctypes.POINTER(ctypes.c_double)


@cache
def _compiled() -> Any:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "loop.so")
        source = Path(__file__).with_suffix(".c")
        subprocess.run([compiler, *FLAGS, str(source), "-o", str(library), "-lm"], check=True)
        function = ctypes.CDLL(str(library)).train
    function.argtypes = [_DOUBLES, _DOUBLES, ctypes.c_long, ctypes.c_long, ctypes.c_double, _DOUBLES]
    function.restype = ctypes.c_double
    return function


def prepare(case: Case) -> Callable[[int], float] | None:
    """A function that trains, for the one net that the C code is written out for."""
    if case.batch_size != 1 or [p.shape for p in case.params] != [(2, 2), (2,), (2, 1), (1,)]:
        return None
    function = _compiled()
    if function is None:
        return None
    X, y = np.ascontiguousarray(case.X), case.y.astype(float)
    start = np.concatenate([p.ravel() for p in case.params])

    def train(epochs: int) -> float:
        params = start.copy()
        pointers = [array.ctypes.data_as(_DOUBLES) for array in (X, y, params)]
        return float(function(pointers[0], pointers[1], len(X), epochs, case.lr, pointers[2]))

    return train

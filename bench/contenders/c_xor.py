"""The obvious loop in C for a 2-2-1 net, per sample, with all weights written out."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .. import compiler
from ..cases import Case
from . import Unsupported

versions = compiler.version
_DOUBLES = ctypes.POINTER(ctypes.c_double)


def prepare(case: Case) -> Callable[[int], float]:
    """Return a function that trains the net which the C code is written for."""
    work = (case.kind, case.batch_size, case.loss, case.optimizer, case.hidden)
    if work != ("train", 1, "bce", "sgd", "sigmoid"):
        raise Unsupported("does SGD per sample on binary cross-entropy only")
    if case.sizes != [2, 2, 1] or case.dtype != "float64":
        raise Unsupported("does a 2-2-1 net in float64 only")
    function = compiler.library(Path(__file__).with_suffix(".c")).train
    function.argtypes = [
        _DOUBLES,
        _DOUBLES,
        ctypes.POINTER(ctypes.c_long),
        ctypes.c_long,
        ctypes.c_long,
        ctypes.c_double,
        _DOUBLES,
    ]
    function.restype = ctypes.c_double
    X, y = np.ascontiguousarray(case.X), case.y.astype(float)
    start = case.flat_params()
    orders = compiler.orders(case)

    def train(epochs: int) -> float:
        nets = start.copy()
        data = [*(array.ctypes.data_as(_DOUBLES) for array in (X, y)), orders]
        losses = [
            function(*data, len(X), epochs, case.lr, net.ctypes.data_as(_DOUBLES))
            for net in nets
        ]
        return sum(losses) / len(losses)

    return train

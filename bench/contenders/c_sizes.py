"""Obvious loops in C with run-time sizes, for any net, batch and loss, compiled here."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .. import compiler
from ..cases import Array, Case

versions = compiler.version
_HIDDEN = ["sigmoid", "tanh"]
_LOSSES = ["bce", "softmax_ce", "mse"]


def prepare(case: Case) -> Callable[[int], float | Array]:
    """A function that trains or predicts."""
    real = ctypes.c_double if case.dtype == "float64" else ctypes.c_float
    reals, long, longs = ctypes.POINTER(real), ctypes.c_long, ctypes.POINTER(ctypes.c_long)
    library = compiler.library(
        Path(__file__).with_suffix(".c"), f"-DREAL={'double' if real is ctypes.c_double else 'float'}"
    )
    library.train.argtypes = [
        reals, reals, long, long, longs, long, long, long, ctypes.c_double, long, long, reals,
    ]  # fmt: skip
    library.train.restype = ctypes.c_double
    library.predict.argtypes = [reals, long, long, longs, long, long, reals, reals]
    library.predict.restype = None

    def pointer(array: Array) -> Any:
        return array.ctypes.data_as(reals)

    X, targets = np.ascontiguousarray(case.X), case.targets()
    start = case.flat_params()
    out = np.empty_like(targets)
    data, wanted, first, outputs = map(pointer, (X, targets, start, out))
    sizes = (ctypes.c_long * len(case.sizes))(*case.sizes)
    net = [len(case.sizes) - 1, sizes, _HIDDEN.index(case.hidden), _LOSSES.index(case.loss)]

    def train(epochs: int) -> float:
        nets = start.copy()
        rule = [int(case.optimizer == "adam"), case.lr, case.batch_size, epochs]
        losses = [library.train(data, wanted, len(X), *net, *rule, pointer(params)) for params in nets]
        return sum(losses) / len(losses)

    def predict(times: int) -> Array:
        for _ in range(times):
            library.predict(data, len(X), *net, first, outputs)
        return out

    return train if case.kind == "train" else predict

"""Obvious loops in C with run-time sizes, for any net, batch and loss, compiled here. Threads share many nets."""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from .. import compiler
from ..cases import Array, Case

versions = compiler.version
_HIDDEN = ["sigmoid", "tanh"]
_THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
_LOSSES = ["bce", "softmax_ce", "mse"]


def prepare(case: Case) -> Callable[[int], float | Array]:
    """A function that trains or predicts."""
    real = ctypes.c_double if case.dtype == "float64" else ctypes.c_float
    reals, long, longs = (
        ctypes.POINTER(real),
        ctypes.c_long,
        ctypes.POINTER(ctypes.c_long),
    )
    library = compiler.library(
        Path(__file__).with_suffix(".c"),
        f"-DREAL={'double' if real is ctypes.c_double else 'float'}",
    )
    library.train_all.argtypes = [
        reals,
        reals,
        long,
        long,
        longs,
        long,
        long,
        long,
        ctypes.c_double,
        long,
        long,
        long,
        long,
        reals,
    ]
    library.train_all.restype = ctypes.c_double
    library.predict.argtypes = [reals, long, long, longs, long, long, reals, reals]
    library.predict.restype = None

    def pointer(array: Array) -> Any:
        return array.ctypes.data_as(reals)

    X, targets = np.ascontiguousarray(case.X), case.targets()
    start = case.flat_params()
    out = np.empty_like(targets)
    data, wanted, first, outputs = map(pointer, (X, targets, start, out))
    sizes = (ctypes.c_long * len(case.sizes))(*case.sizes)
    pool = ThreadPoolExecutor(_THREADS)
    net = [
        len(case.sizes) - 1,
        sizes,
        _HIDDEN.index(case.hidden),
        _LOSSES.index(case.loss),
    ]

    def train(epochs: int) -> float:
        nets = start.copy()
        rule = [int(case.optimizer == "adam"), case.lr, case.batch_size, epochs]

        def total(part: Array) -> float:
            return library.train_all(
                data, wanted, len(X), *net, *rule, *part.shape, pointer(part)
            )

        each = map if _THREADS == 1 or len(nets) == 1 else pool.map
        return sum(each(total, np.array_split(nets, min(_THREADS, len(nets))))) / len(
            nets
        )

    def predict(times: int) -> Array:
        for _ in range(times):
            library.predict(data, len(X), *net, first, outputs)
        return out

    return train if case.kind == "train" else predict
